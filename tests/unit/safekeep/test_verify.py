"""`safekeep verify`: what is good is said to be, exactly as far as it is; each way of tampering is named by number and kind.

Beside it stands a second implementation (second_verifier.py), written from the documents alone: the two agree on every file here.
"""

import ast
import json
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from deploy.cli.__main__ import main
from safekeep.proof import export, heads
from safekeep.proof.chain import canonical, field_commitment, read_entry
from safekeep.proof.verify import Report, sentences, verify
from tests.exports import START, MadeLedger, rewritten
from tests.unit.safekeep import second_verifier

ROOT = Path(__file__).parents[3]

Parts = dict[str, bytes]


@pytest.fixture(scope="module")
def made() -> MadeLedger:
    """Sixty entries under four heads."""
    ledger = MadeLedger()
    for count in (17, 20, 3, 20):
        ledger.grow(count).sign()
    return ledger


@pytest.fixture(scope="module")
def school(made: MadeLedger, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.export(tmp_path_factory.mktemp("export") / "school.zip")


@pytest.fixture(scope="module")
def pupil(made: MadeLedger, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.export(tmp_path_factory.mktemp("export") / "pupil.zip", scope="pupil", scope_id=made.pupils[0])


@pytest.fixture(scope="module")
def incident(made: MadeLedger, tmp_path_factory: pytest.TempPathFactory) -> Path:
    id_ = UUID(read_entry(made.rows[1].canonical)["incident"])
    return made.export(tmp_path_factory.mktemp("export") / "incident.zip", scope="incident", scope_id=id_)


def both(path: Path, **more: Any) -> Report:
    """Check with both implementations, which must agree on whether it is good and on which entries are not."""
    report = verify(path, **more)
    second = second_verifier.check(path, [each.wire() for each in more.get("witnessed", ())])
    assert bool(second) is not report.ok, (second, sentences(report))
    numbers = {int(said.split()[0]) for said in second if said.split()[0].isdigit()}
    assert {f.number for f in report.findings if f.number is not None} == numbers, (second, sentences(report))
    return report


def test_a_good_export_is_unaltered_and_what_that_means_is_said_exactly(made: MadeLedger, school: Path, pupil: Path, incident: Path) -> None:
    signed_at, fingerprint = made.heads[-1].head.at, heads.fingerprint(heads.public_of(made.key))
    word = f"is the word of whoever holds the key {fingerprint}, as of {signed_at}."
    said = sentences(both(school, witnessed=made.heads[:-1]))
    assert said[:2] == [
        "Unaltered.",
        f"All of the school's 60 entries, as signed at {signed_at}, are here in the order in which they were recorded. That none came after {word}",
    ]
    assert said[-1] == "It agrees with the 3 heads that you hold."
    said = sentences(both(pupil))
    assert said[2] == f"No entry of this pupil is missing between the first and the last. That none came after {word}"
    assert said[-1].startswith("No head from a witness was given")
    assert sentences(both(incident))[2] == f"That these are all the incident's entries {word}"


def test_words_can_be_withheld_and_that_is_said(made: MadeLedger, tmp_path: Path) -> None:
    mine = [row.sequence for row in made.rows if any(p["pupil"] == str(made.pupils[0]) for p in row.pupils)]
    path = made.export(tmp_path / "x.zip", scope="pupil", scope_id=made.pupils[0], withhold=mine[:2])
    report = both(path)
    assert report.facts["withheld"] == 2
    assert any("2 entries something is withheld" in said for said in sentences(report))
    with zipfile.ZipFile(path) as archive:
        assert b"crying" not in archive.read(export.ENTRIES).splitlines()[0]


SHOWN_OTHERWISE: dict[str, tuple[dict[str, Any], str]] = {
    "author": ({"author_id": UUID(int=7)}, "is shown in the record as written by somebody else."),
    "time": ({"recorded_at": START}, "is shown in the record as recorded at"),
    "when it happened": ({"occurred_at": START}, "is shown in the record as having happened at another time."),
    "place": ({"placed_at": START}, "is shown at another place in the chronology than where it belongs."),
    "kind": ({"kind": "incident"}, "is shown in the record as another entry."),
    "incident": ({"incident_id": UUID(int=7)}, "is shown in the record as another entry."),
}


@pytest.mark.parametrize("what", [*SHOWN_OTHERWISE, "gone"])
def test_what_the_records_pages_show_otherwise_than_it_was_recorded_is_named(made: MadeLedger, tmp_path: Path, what: str) -> None:
    """Signed by the school's own process, after its database was changed: the entries are as they were, the tables are not."""
    change, said = SHOWN_OTHERWISE.get(what, ({}, "is not shown in the record any more."))
    rows = [*made.rows]
    row = rows[11]
    rows[11] = replace(row, row={**(row.row or {}), **change} if change else None)
    changed = replace(made, rows=rows)
    changed._last, changed._incident = made._last, made._incident
    (found,) = both(changed.export(tmp_path / "x.zip")).findings
    assert (found.number, found.kind) == (12, read_entry(row.canonical)["kind"])
    assert found.said.startswith(said)
    assert both(changed.export(tmp_path / "old.zip", tables=False)).ok, "an export from before says nothing of the tables"


def test_when_it_happened_is_not_told_of_what_is_withheld(made: MadeLedger, tmp_path: Path) -> None:
    path = made.export(tmp_path / "x.zip", withhold=[12])
    assert both(path).ok
    with zipfile.ZipFile(path) as archive:
        shown = [json.loads(line) for line in archive.read(export.SHOWN).splitlines()]
    assert [line["number"] for line in shown if "happened" not in line or "placed" not in line] == [12]


# --- tampering with the file, by somebody without the key ---------------------------------------------------------------


def lines(parts: Parts) -> list[dict[str, Any]]:
    return [json.loads(line) for line in parts[export.ENTRIES].splitlines()]


def put(parts: Parts, found: list[dict[str, Any]]) -> None:
    parts[export.ENTRIES] = b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in found)


def on_entry(number: int, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> Callable[[Parts], None]:
    """Change one line: `change` gets the line, and the entry's members, which are put back in canonical form."""

    def tamper(parts: Parts) -> None:
        found = lines(parts)
        line = next(each for each in found if json.loads(each["entry"])["seq"] == number)
        entry = json.loads(line["entry"])
        change(line, entry)
        line["entry"] = canonical(entry).decode()
        put(parts, found)

    return tamper


def text(line: dict[str, Any], entry: dict[str, Any]) -> None:
    line["fields"]["text"][1] = "Nothing happened."


def class_(line: dict[str, Any], entry: dict[str, Any]) -> None:
    line["fields"]["class"][1] = "general"


def happened(line: dict[str, Any], entry: dict[str, Any]) -> None:
    line["fields"]["occurred_at"][1] = "2025-01-01T09:00:00.000Z"


def author_name(line: dict[str, Any], entry: dict[str, Any]) -> None:
    line["fields"]["author_name"][1] = "Somebody Else"


def author(line: dict[str, Any], entry: dict[str, Any]) -> None:
    entry["author"] = "00000000-0000-7000-8000-000000000000"


def backdate(line: dict[str, Any], entry: dict[str, Any]) -> None:
    entry["at"] = "2026-01-05T09:00:00.000Z"


def kind(line: dict[str, Any], entry: dict[str, Any]) -> None:
    entry["kind"] = "action"


def recommit(line: dict[str, Any], entry: dict[str, Any]) -> None:
    """The text and the commitment to it: only the hash tells."""
    salt = line["fields"]["text"][0]
    line["fields"]["text"][1] = "Nothing happened."
    entry["fields"]["text"] = field_commitment(name="text", salt=salt, value="Nothing happened.")


def leave_out(line: dict[str, Any], entry: dict[str, Any]) -> None:
    del line["fields"]["text"]


def other_pupil(line: dict[str, Any], entry: dict[str, Any]) -> None:
    line["pupils"][0]["pupil"] = "00000000-0000-7000-8000-000000000000"


def one_byte_of_text(line: dict[str, Any], entry: dict[str, Any]) -> None:
    line["fields"]["text"][1] = line["fields"]["text"][1].replace("crying", "trying")


ON_ONE = [text, class_, happened, author_name, author, backdate, kind, recommit, leave_out, other_pupil, one_byte_of_text]


NOT_ALONE = (other_pupil, kind)  # an incident's export shows no pupil's thread; and the entry changed here is an action already


@pytest.mark.parametrize(
    ("scope", "change"),
    [(scope, change) for scope in ("school", "pupil", "incident") for change in ON_ONE if scope != "incident" or change not in NOT_ALONE],
    ids=lambda c: getattr(c, "__name__", c),
)
def test_a_changed_entry_is_named_by_number_and_kind(
    change: Any, scope: str, made: MadeLedger, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    path = request.getfixturevalue(scope)
    with zipfile.ZipFile(path) as archive:
        numbers = [json.loads(json.loads(line)["entry"])["seq"] for line in archive.read(export.ENTRIES).splitlines()]
    number = next(n for n in numbers[len(numbers) // 2 :] if read_entry(made.rows[n - 1].canonical)["kind"] == "incident" or scope == "incident")
    report = both(rewritten(path, tmp_path / "x.zip", on_entry(number, change)))
    kind_ = read_entry(made.rows[number - 1].canonical)["kind"]
    assert (number, kind_) in {(f.number, f.kind) for f in report.findings}
    assert f"Entry {number} ({kind_})" in " ".join(sentences(report))
    if change is backdate and scope != "incident":
        assert any(f.code == "backdated" and f.number == number for f in report.findings)


def drop(number: int) -> Callable[[Parts], None]:
    return lambda parts: put(parts, [line for line in lines(parts) if json.loads(line["entry"])["seq"] != number])


def drop_from_index_too(number: int) -> Callable[[Parts], None]:
    def tamper(parts: Parts) -> None:
        drop(number)(parts)
        parts[export.INDEX] = b"".join(line for line in parts[export.INDEX].splitlines(keepends=True) if not line.startswith(b"%d " % number))

    return tamper


@pytest.mark.parametrize("which", [0, 5, -1])
@pytest.mark.parametrize("scope", ["school", "pupil"])
def test_a_dropped_entry_is_named_the_last_one_too(scope: str, which: int, made: MadeLedger, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    path = request.getfixturevalue(scope)
    with zipfile.ZipFile(path) as archive:
        number, kind_, _ = archive.read(export.INDEX).decode().splitlines()[which].split()
    report = both(rewritten(path, tmp_path / "x.zip", drop(int(number))))
    assert f"Entry {number} ({kind_}): is missing." in sentences(report)
    thinned = rewritten(path, tmp_path / "y.zip", drop_from_index_too(int(number)))
    assert not verify(thinned).ok
    assert second_verifier.check(thinned)


def test_a_dropped_run_at_the_end_is_named(school: Path, tmp_path: Path) -> None:
    def truncate(parts: Parts) -> None:
        put(parts, lines(parts)[:-5])

    report = both(rewritten(school, tmp_path / "x.zip", truncate))
    assert [f.number for f in report.findings if f.code == "dropped" and f.number] == [56, 57, 58, 59, 60]


def test_an_added_entry_is_named(made: MadeLedger, school: Path, tmp_path: Path) -> None:
    def add(parts: Parts) -> None:
        found = lines(parts)
        entry = json.loads(found[-1]["entry"]) | {"seq": 61, "previous": made.rows[-1].hash}
        put(parts, [*found, found[-1] | {"entry": canonical(entry).decode(), "pupils": []}])

    report = both(rewritten(school, tmp_path / "x.zip", add))
    assert any(f.number == 61 and f.code == "added" for f in report.findings)


def test_an_entry_given_twice_is_named(pupil: Path, tmp_path: Path) -> None:
    def twice(parts: Parts) -> None:
        found = lines(parts)
        put(parts, [*found[:3], found[2], *found[3:]])

    report = both(rewritten(pupil, tmp_path / "x.zip", twice))
    assert {"added", "reordered"} <= {f.code for f in report.findings}


def test_reordered_entries_are_named(pupil: Path, school: Path, tmp_path: Path) -> None:
    def swap(parts: Parts) -> None:
        found = lines(parts)
        found[4], found[5] = found[5], found[4]
        put(parts, found)

    for path in (pupil, school):
        with zipfile.ZipFile(path) as archive:
            moved = [json.loads(json.loads(line)["entry"])["seq"] for line in archive.read(export.ENTRIES).splitlines()[4:6]]
        report = both(rewritten(path, tmp_path / f"{path.stem}.zip", swap))
        assert any(f.code == "reordered" and f.number == moved[0] for f in report.findings)


def test_what_stands_beside_the_entries_cannot_be_changed_either(school: Path, made: MadeLedger, tmp_path: Path) -> None:
    with zipfile.ZipFile(school) as archive:
        names = archive.namelist()
    assert {*export.PARTS, export.MANIFEST, export.SIGNATURE} < {*names}
    for name in names:
        for damage in (lambda data: data[:-1] + bytes([data[-1] ^ 1]), lambda data: data + b" "):

            def tamper(parts: Parts, name: str = name, damage: Any = damage) -> None:
                parts[name] = damage(parts[name])

            report = verify(rewritten(school, tmp_path / "x.zip", tamper))
            if name == export.SIGNATURE and damage(b"}\n")[-1:] == b" ":
                continue  # a space behind the signature's JSON changes nothing that is signed
            assert not report.ok, name
    for change in (lambda parts: parts.update({"more.txt": b"x"}), lambda parts: parts.pop(export.NAMES), lambda parts: parts.pop(names[-1])):
        assert not verify(rewritten(school, tmp_path / "x.zip", change)).ok


def test_any_flipped_byte_of_the_file_is_found_or_changes_nothing_in_it(pupil: Path, tmp_path: Path) -> None:
    """Of the zip's own bytes a few carry nothing (dates, padding bits); whatever changes a part's bytes or name is found."""
    data, dice, path = pupil.read_bytes(), random.Random(5), tmp_path / "x.zip"  # noqa: S311 - which bytes are flipped
    with zipfile.ZipFile(pupil) as archive:
        good = {name: archive.read(name) for name in archive.namelist()}
    for place in dice.sample(range(len(data)), 300):
        path.write_bytes(data[:place] + bytes([data[place] ^ (1 << dice.randrange(8))]) + data[place + 1 :])
        if verify(path).ok:
            with zipfile.ZipFile(path) as archive:
                assert {name: archive.read(name) for name in archive.namelist()} == good


@given(st.binary(max_size=200))
def test_a_foreign_file_is_refused_without_an_error(data: bytes) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        assert not verify(Path(file.name)).ok


@pytest.mark.parametrize("said", [5, None, "12", {"1": 2}, [1, "2"], [[1]], [True], [0], [-1], [20], [1.5]])
def test_what_was_destroyed_said_in_nonsense_is_a_finding_not_an_error(said: Any, tmp_path: Path) -> None:
    """Signed and committed to, as whoever holds the keys can."""
    assert not both(destroying(said).export(tmp_path / "x.zip")).ok


def test_what_is_said_to_be_destroyed_and_says_something_still_is_found(tmp_path: Path) -> None:
    made = destroying([2, 3])
    report = both(made.export(tmp_path / "x.zip"))
    assert [str(each) for each in report.findings] == [
        "Entry 2 (incident): says something still, and entry 20 says that it was destroyed.",
        "Entry 3 (action): says something still, and entry 20 says that it was destroyed.",
    ]
    for at in (1, 2):
        kept = made.rows[at]
        stays = {name: value for name, value in (kept.values or {}).items() if name in export.STAYS}
        made.rows[at] = replace(kept, values=stays, fields={name: kept.fields[name] for name in stays}, destroyed=True)
    good = both(made.export(tmp_path / "y.zip"))
    assert good.ok, sentences(good)
    assert good.facts["destroyed"] == {2: 20, 3: 20}


def test_nothing_of_a_file_reaches_the_terminal_but_what_can_be_printed(tmp_path: Path) -> None:
    """No escape of a terminal's, no line of its own, nothing that turns the direction of writing."""
    bad = "\x1b[2J\x1b[32mUnaltered.\r\n\u202e"
    made = MadeLedger().grow(4)
    made.sign()
    path = rewritten(made.export(tmp_path / "x.zip"), tmp_path / "y.zip", lambda parts: parts.update({export.ENTRIES: odd(parts, bad), bad: b""}))
    said = sentences(verify(path))
    assert any("[32mUnaltered." in each for each in said), said
    assert all(each.isprintable() for each in said)
    signed = MadeLedger().grow(4)
    signed.heads.append(replace(signed.sign(), head=replace(signed.heads[0].head, at=bad)))
    assert all(each.isprintable() for each in sentences(verify(signed.export(tmp_path / "z.zip"))))


def odd(parts: dict[str, bytes], kind: str) -> bytes:
    """The entries, the last of a kind with an odd name."""
    *lines, last = parts[export.ENTRIES].splitlines(keepends=True)
    line = json.loads(last)
    entry = json.loads(line["entry"]) | {"kind": kind, "at": kind}
    return b"".join([*lines, json.dumps(line | {"entry": canonical(entry).decode()}).encode() + b"\n"])


def destroying(said: Any) -> MadeLedger:
    """A ledger whose entry 20 says that content was destroyed, of which numbers as given."""
    made = MadeLedger().grow(19)
    made.say("destroyed", {"sequences": said})
    made.sign()
    return made


@pytest.mark.parametrize("name", [export.MANIFEST, export.SIGNATURE, export.KEYS, export.HEADS, export.INDEX, export.ENTRIES])
@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{}", b"[null]", b'"x"', b"\xff", b'{"head": 1}', b"1 2\n", b"[" * 5000, b'{"entry": "{}"}'])
def test_a_part_of_nonsense_is_a_finding_not_an_error(name: str, data: bytes, school: Path, tmp_path: Path) -> None:
    assert not verify(rewritten(school, tmp_path / "x.zip", lambda parts: parts.update({name: data}))).ok


# --- a history written anew, by somebody who has a key ------------------------------------------------------------------


def rewrite_history(made: MadeLedger, *, key: Ed25519PrivateKey) -> MadeLedger:
    """The same school with another past, every hash made anew and every head signed again."""
    other = MadeLedger(school=made.school, key=key)
    for count in (17, 20, 3, 20):
        other.grow(count).sign()
    return other


def test_a_witness_finds_a_history_rewritten_with_the_schools_own_key(made: MadeLedger, tmp_path: Path) -> None:
    other = rewrite_history(made, key=made.key)
    path = other.export(tmp_path / "x.zip")
    assert verify(path).ok, "by itself it is consistent: that is what witnesses are for"
    report = both(path, witnessed=made.heads[1:2])
    assert any("something in numbers 1 to 37 was changed" in said for said in sentences(report))
    one = other.export(tmp_path / "y.zip", scope="pupil", scope_id=other.pupils[0])
    assert any("this is not the history it was made of" in said for said in sentences(both(one, witnessed=made.heads[:1])))


def test_a_witness_finds_exchanged_keys_and_so_does_who_knows_the_fingerprint(made: MadeLedger, tmp_path: Path) -> None:
    other = rewrite_history(made, key=Ed25519PrivateKey.generate())
    path = other.export(tmp_path / "x.zip")
    assert any("the keys were exchanged" in said for said in sentences(both(path, witnessed=made.heads[:1])))
    mine = heads.fingerprint(heads.public_of(made.key))
    assert any(f.code == "key" for f in verify(path, key=mine).findings)
    assert verify(made.export(tmp_path / "y.zip"), key=mine).ok


def test_a_key_of_ones_own_beside_the_schools_is_found(made: MadeLedger, school: Path, tmp_path: Path) -> None:
    """Whoever signs the manifest anew with a key of theirs must change the keys too, which the manifest's old heads do not know."""
    mine = Ed25519PrivateKey.generate()

    def swap(parts: Parts) -> None:
        parts[export.KEYS] = json.dumps({"ledger-1": heads.public_of(mine)}).encode()

    report = both(rewritten(school, tmp_path / "x.zip", swap))
    assert any("not signed by a key of this school's ledger" in said for said in sentences(report))


def test_a_witness_finds_that_the_end_was_cut_off(made: MadeLedger, tmp_path: Path) -> None:
    """Rolled back to an older backup: forty entries of sixty, and a head signed later than the witness's."""
    other = MadeLedger(school=made.school, key=made.key, rows=made.rows[:40], pupils=made.pupils, heads=made.heads[:3])
    for row in other.rows:
        for thread in row.pupils:
            other.threads[UUID(thread["pupil"])] = thread["count"], row.hash
    other.sign(minutes=60 * 24 * 3)
    path = other.export(tmp_path / "x.zip")
    assert verify(path).ok
    assert any("entries were taken away" in said for said in sentences(verify(path, witnessed=[made.heads[-1]])))


def test_a_head_kept_in_the_export_itself_contradicts_a_shorter_history(made: MadeLedger, tmp_path: Path) -> None:
    other = MadeLedger(school=made.school, key=made.key, rows=made.rows[:40], threads=made.threads, heads=[*made.heads])
    other.sign(minutes=60 * 24 * 3)
    assert any("contradicts the export" in said for said in sentences(both(other.export(tmp_path / "x.zip"))))


def test_an_entry_slipped_in_later_with_an_old_date_is_backdated(made: MadeLedger, tmp_path: Path) -> None:
    """Through the front door, with the clock put back: the heads signed meanwhile were made without it."""
    import datetime as dt
    from uuid import uuid4

    from tests import exports

    other = MadeLedger(school=made.school, key=made.key, rows=[*made.rows], threads={**made.threads}, heads=[*made.heads], pupils=made.pupils)
    start, exports.START = exports.START, exports.START - dt.timedelta(hours=50)
    try:
        other._append(number=61, kind="incident", about=[made.pupils[0]], incident=uuid4(), entry=uuid4())
    finally:
        exports.START = start
    other.sign()
    report = both(other.export(tmp_path / "x.zip"))
    assert any(f.number == 61 and f.kind == "incident" and f.code == "backdated" for f in report.findings)


# --- the command, and what it stands on ----------------------------------------------------------------------------------


def test_the_command_says_it_and_its_exit_code_too(made: MadeLedger, school: Path, tmp_path: Path, capsys: Any) -> None:
    head = tmp_path / "mail.txt"
    head.write_text(f"From Safekeep, to the chair of governors:\n\n{json.dumps(made.heads[1].wire(), indent=1)}\n\nKeep this mail.")
    assert main(["verify", str(school), "--head", str(head)]) == 0
    assert "Unaltered." in capsys.readouterr().out
    bad = rewritten(school, tmp_path / "x.zip", on_entry(13, text))
    assert main(["verify", str(bad), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is False
    assert (13, "incident") in {(each["number"], each["kind"]) for each in said["findings"]}
    assert main(["verify", str(bad)]) == 1
    assert "Entry 13 (incident): what it says is not what was recorded: text." in capsys.readouterr().err
    assert main(["verify", str(tmp_path / "none.zip")]) == 1
    assert main(["verify", str(school), "--head", str(school)]) == 1


def test_the_command_needs_no_network_no_settings_and_no_home(school: Path, tmp_path: Path) -> None:
    """As somebody runs it who trusts neither the school nor us: no socket can be made, nothing is set, and the folder is another."""
    program = (
        "import socket, sys\n"
        "def refused(*_, **__): raise OSError('a network was asked for')\n"
        "socket.socket.__init__ = socket.socket.connect = socket.getaddrinfo = socket.create_connection = refused\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from deploy.cli.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    bad = rewritten(school, tmp_path / "x.zip", on_entry(13, text))
    for path, code, said in ((school, 0, "Unaltered."), (bad, 1, "Entry 13 (incident): what it says is not what was recorded: text.")):
        command = [sys.executable, "-W", "ignore", "-c", program, "verify", str(path)]
        done = subprocess.run(command, env={}, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert said in done.stdout + done.stderr


def test_checking_needs_no_database_and_no_bus() -> None:
    """The module is imported where neither SQLAlchemy nor nameko nor kombu can be."""
    program = "import sys\nfor name in ('sqlalchemy', 'nameko', 'kombu', 'psycopg'): sys.modules[name] = None\nimport safekeep.proof.verify\n"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_second_implementation_is_short_and_shares_no_code() -> None:
    source = Path(second_verifier.__file__).read_text()
    assert len(source.splitlines()) < 150
    imported = {alias.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in imported if name.partition(".")[0] in {"safekeep", "services", "gateway", "tests", "rfc8785"}]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_the_quick_canonical_form_is_that_of_rfc_8785(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(st.text(), JSON)
def test_a_fields_commitment_is_that_of_its_opening(salt: str, value: Any) -> None:
    from safekeep.proof.chain import commitment

    assert field_commitment(name="text", salt=salt, value=value) == commitment({"field": "text", "salt": salt, "value": value})
