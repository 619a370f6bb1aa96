"""Checking an export: `safekeep verify FILE`. Needs the file alone: no network, no account, no database.

What it says of each finding is for a person: which entry, by number and kind, and what is not as it was recorded.
"""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

from safekeep.proof import export, heads
from safekeep.proof.chain import BEGINNING, commitment, entry_hash, field_commitment, read_entry
from safekeep.proof.heads import Signed
from safekeep.proof.merkle import Growing, includes, is_consistent, leaf_hash

LATITUDE: Final = timedelta(seconds=export.LATITUDE_SECONDS)
MOST: Final = 10_000
"""Findings listed; of a wholly foreign file more would say nothing."""
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was recorded. `number` and `kind` are the entry's, where it is about one."""

    code: str
    said: str
    number: int | None = None
    kind: str = ""

    def __str__(self) -> str:
        if self.number is None:
            return _plain(self.said)
        return _plain(f"Entry {self.number} ({self.kind or 'kind not known'}): {self.said}")


@dataclass(slots=True)
class Report:
    """What was found. `facts` says what was checked; there is nothing to rely on in it unless `ok`."""

    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.findings

    def add(self, code: str, said: str, number: int | None = None, kind: str = "") -> None:
        if len(self.findings) < MOST:
            self.findings.append(Finding(code, said, number, kind))


def verify(path: Path, *, witnessed: Sequence[Signed] = (), key: str = "") -> Report:
    """Check an export. `witnessed`: heads that somebody else kept. `key`: the fingerprint that the signing key must have."""
    report = Report()
    try:
        with zipfile.ZipFile(path) as archive:
            _Check(archive, report, witnessed=witnessed, key=key).run()
    except _BROKEN:
        report.add("unreadable", "The file cannot be read to its end: it is no export, or it was damaged.")
    return report


class _Check:
    """One export being checked, part by part."""

    def __init__(self, archive: zipfile.ZipFile, report: Report, *, witnessed: Sequence[Signed], key: str) -> None:
        self.archive, self.report, self.witnessed, self.key = archive, report, witnessed, key
        self.manifest: dict[str, Any] = {}
        self.keys: Mapping[str, str] = {}
        self.heads: list[Signed] = []
        self.index: dict[int, tuple[str, str]] = {}  # number → kind and hash; empty where the index itself is not as it was signed
        self.digests: dict[str, str] = {}
        self.files: dict[str, str] = {}  # files/<id> → SHA-256 that an entry is committed to
        self.roots: dict[int, str] = {}  # size → root, of the whole tree as it grows
        self.threads: dict[str, tuple[int, str]] = {}
        self.count = 0
        self.shown = _Shown(archive)
        self.withheld: set[int] = set()
        self.destroyed: dict[int, int] = {}  # number → that of the entry which says that its content was destroyed
        self.bare: set[int] = set()  # numbers of entries without a word: of which nothing is shown but what stays when content is destroyed

    def run(self) -> None:
        names = self.archive.namelist()
        if len(set(names)) < len(names):
            self.report.add("part", "A part is in the file twice.")
        if not self._read_manifest():
            return
        self._check_names(names)
        for name in sorted({*self.manifest["parts"]} & {*names} - {export.ENTRIES}):
            self.digests[name] = self._digest(name)
            self._check_part(name)
        self._read_heads()
        self._read_index()
        self._read_entries()
        self._check_part(export.ENTRIES)
        self._check_end()
        self._check_witnessed()
        self._say()

    # --- what was signed

    def _read_manifest(self) -> bool:
        try:
            data = self.archive.read(export.MANIFEST)
            signed = json.loads(self.archive.read(export.SIGNATURE))
            self.keys = heads.keys_of(json.loads(self.archive.read(export.KEYS)))
            self.manifest = _checked_manifest(json.loads(data))
            kid, signature = str(signed["key"]), str(signed["signature"])
        except (KeyError, TypeError, AttributeError, *_BROKEN):
            self.report.add("manifest", "The manifest, its signature or the keys are missing or damaged: this cannot be checked.")
            return False
        public = self.keys.get(kid, "")
        if not heads.verifies(public=public, signature=signature, data=data):
            self.report.add("manifest", "The manifest is not signed by the key it names: what the export says of itself was changed.")
        self.report.facts |= {"key": kid, "fingerprint": heads.fingerprint(public)}
        if self.key and heads.fingerprint(public).replace(" ", "") != self.key.replace(" ", "").lower():
            self.report.add("key", "It is signed by another key than the one you named.")
        return True

    def _check_names(self, names: Sequence[str]) -> None:
        named = {*self.manifest["parts"], export.MANIFEST, export.SIGNATURE}
        for name in sorted({*names} - named):
            self.report.add("part", f"{_shown(name)} is in the file and was not in the export: it was added.")
        for name in sorted((named | {*export.PARTS}) - {*names}):
            self.report.add("part", f"{_shown(name)} is missing.")

    def _check_part(self, name: str) -> None:
        if name in self.digests and self.manifest["parts"].get(name) != self.digests[name]:
            self.report.add("part", f"{_shown(name)} is not, to the byte, what was signed.")

    def _digest(self, name: str) -> str:
        digest = hashlib.sha256()
        with self.archive.open(name) as part:
            while piece := part.read(1 << 20):
                digest.update(piece)
        return digest.hexdigest()

    def _read_heads(self) -> None:
        """Read the heads, the export's own last, and check each one's signature and that it is of the same history."""
        try:
            found = json.loads(self.archive.read(export.HEADS))
            self.heads = [heads.read(each) for each in found]
            proofs = [[bytes.fromhex(step) for step in each["proof"]] for each in found]
            mine = self.heads[-1]
        except (KeyError, TypeError, IndexError, *_BROKEN):
            self.heads = []
            self.report.add("head", "The signed heads are missing or damaged.")
            return
        if mine.head.members() != self.manifest["head"]:
            self.report.add("head", "The last head is not the one that the manifest names.")
        for each, proof in zip(self.heads, proofs, strict=True):
            when = f"The head of {each.head.at} (over {each.head.size} entries)"
            if self.keys.get(each.key) != each.public or not each.is_signed():
                self.report.add("head", f"{when} is not signed by a key of this school's ledger.")
            if each.head.school != self.manifest["school"]:
                self.report.add("head", f"{when} is another school's.")
            elif each.head.at > mine.head.at:
                self.report.add("head", f"{when} is later than the export's own.")
            elif not is_consistent(
                first=each.head.size,
                first_root=_unhexed(each.head.root),
                second=mine.head.size,
                second_root=_unhexed(mine.head.root),
                proof=proof,
            ):
                self.report.add("head", f"{when} contradicts the export: up to entry {each.head.size}, this is not the history it was made of.")

    def _read_index(self) -> None:
        if self.manifest["parts"].get(export.INDEX) != self.digests.get(export.INDEX):
            return
        with self.archive.open(export.INDEX) as part:
            for line in part:
                number, kind, hash_ = line.decode().split()
                self.index[int(number)] = kind, hash_

    # --- the entries

    @property
    def is_whole(self) -> bool:
        return bool(self.manifest["scope"]["kind"] == "school")

    def _read_entries(self) -> None:
        wanted = {each.head.size for each in [*self.heads, *self.witnessed]}
        growing, previous = Growing(), (0, "", BEGINNING)  # number, kind and hash of the entry before
        seen: set[int] = set()
        latest, sized = "", _BySize(self.heads)
        for data, line in self._lines():
            try:
                opened = json.loads(line)
                text = opened["entry"]
                raw = text.encode()
                entry = read_entry(raw)
            except (KeyError, TypeError, AttributeError, RecursionError, ValueError):
                self.report.add("unreadable", f"Line {data} of the entries is no entry.")
                continue
            number, kind, hash_ = entry["seq"], entry["kind"], entry_hash(raw)
            self.count += 1
            self._check_index(number=number, kind=kind, hash_=hash_, seen=seen)
            if number <= previous[0]:
                self.report.add("reordered", f"stands after entry {previous[0]}.", number, kind)
            if self.is_whole:
                self._check_link(entry, previous=previous)
                growing.add(leaf_hash(raw))
                if growing.size in wanted:
                    self.roots[growing.size] = growing.root().hex()
            elif not self._is_included(opened, number=number, raw=raw):
                self.report.add("changed", "is not among the entries that the signed head was made of.", number, kind)
            if entry["school"] != self.manifest["school"]:
                self.report.add("changed", "is another school's.", number, kind)
            self._check_time(entry, latest=latest, since=sized.before(number))
            latest = max(latest, entry["at"])
            self._check_opened(opened, entry=entry, hash_=hash_)
            self._check_shown(opened, entry=entry)
            seen.add(number)
            previous = number, kind, hash_
        for number in sorted(self.index.keys() - seen):
            self.report.add("dropped", "is missing.", number, self.index[number][0])
        for number in sorted((self.destroyed.keys() & seen) - self.bare):
            kind = self.index.get(number, ("", ""))[0]
            self.report.add("added", f"says something still, and entry {self.destroyed[number]} says that it was destroyed.", number, kind)
        if self.is_whole and not self.index:
            for number in range(previous[0] + 1, min(self.manifest["head"]["size"], self.count + MOST) + 1):
                if number not in seen:
                    self.report.add("dropped", "is missing.", number)
        if self.is_whole and previous[0] == self.manifest["head"]["size"] and previous[2] != self.manifest["head"]["last"]:
            self.report.add("changed", "is not the entry that the signed head ends with.", previous[0], previous[1])

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        digest = hashlib.sha256()
        if export.ENTRIES in self.archive.namelist():
            with io.BufferedReader(cast(io.RawIOBase, self.archive.open(export.ENTRIES)), 1 << 20) as part:
                for number, line in enumerate(part, start=1):
                    digest.update(line)
                    yield number, line
            self.digests[export.ENTRIES] = digest.hexdigest()

    def _check_index(self, *, number: int, kind: str, hash_: str, seen: set[int]) -> None:
        if not self.index:
            return
        if number in seen:
            self.report.add("added", "is there a second time.", number, kind)
        elif number not in self.index:
            self.report.add("added", "was not in the record when this was signed.", number, kind)
        elif self.index[number][1] != hash_:
            self.report.add("changed", "was changed: it is not what its hash was made of.", number, self.index[number][0])

    def _check_link(self, entry: dict[str, Any], *, previous: tuple[int, str, str]) -> None:
        number, kind, hash_ = previous
        if entry["seq"] == number + 1 and entry["previous"] != hash_:
            if number == 0:
                self.report.add("changed", "says that another stood before it.", entry["seq"], entry["kind"])
            else:
                self.report.add("changed", f"is not the one that entry {entry['seq']} ({entry['kind']}) was written after.", number, kind)
        for missing in range(number + 1, min(entry["seq"], number + MOST)):
            if missing not in self.index:
                self.report.add("dropped", "is missing.", missing)

    def _is_included(self, opened: dict[str, Any], *, number: int, raw: bytes) -> bool:
        head = self.manifest["head"]
        try:
            proof = [bytes.fromhex(step) for step in opened["proof"]]
        except (KeyError, TypeError, ValueError):
            return False
        return includes(leaf=leaf_hash(raw), index=number - 1, size=head["size"], proof=proof, root=_unhexed(head["root"]))

    def _check_time(self, entry: dict[str, Any], *, latest: str, since: str) -> None:
        number, kind, at = entry["seq"], entry["kind"], _moment(entry["at"])
        signed_at = _moment(self.manifest["head"]["at"])
        if at is None:
            self.report.add("changed", "has no time that can be read.", number, kind)
            return
        before = _moment(latest)
        if before is not None and at < before - LATITUDE:
            self.report.add("backdated", f"says it was recorded at {entry['at']}, before one that stands in front of it ({latest}).", number, kind)
        head_at = _moment(since)
        if head_at is not None and at < head_at - LATITUDE:
            self.report.add("backdated", f"says it was recorded at {entry['at']}, but the head signed at {since} was made without it.", number, kind)
        if signed_at is not None and at > signed_at + LATITUDE:
            self.report.add("backdated", f"says it was recorded at {entry['at']}, after the head that covers it was signed.", number, kind)

    def _check_opened(self, opened: dict[str, Any], *, entry: dict[str, Any], hash_: str) -> None:
        """Check that what is shown is what the entry is committed to, and that each pupil's thread counts on."""
        number, kind = entry["seq"], entry["kind"]
        try:
            fields, pupils = dict(opened["fields"]), list(opened["pupils"])
            wrong = [name for name, (salt, value) in fields.items() if not _opens(entry["fields"].get(name), name=name, salt=salt, value=value)]
            threads = [(str(p["pupil"]), int(p["count"]), str(p["previous"]), _committed(p) in entry["pupils"]) for p in pupils]
            files = {f"files/{value['id']}": str(value["sha256"]) for name, (_, value) in fields.items() if name.startswith("file:")}
        except (KeyError, TypeError, ValueError):
            self.report.add("changed", "what it says cannot be read.", number, kind)
            return
        if wrong:
            names = ", ".join(_field_name(name) for name in sorted(wrong))
            self.report.add("changed", f"what it says is not what was recorded: {names}.", number, kind)
        if opened.get("withheld") is True:
            self.withheld.add(number)
        elif missing := sorted(entry["fields"].keys() - fields.keys()):
            names = ", ".join(_field_name(name) for name in missing)
            self.report.add("dropped", f"part of what was recorded is missing: {names}.", number, kind)
        if fields.keys() <= export.STAYS:
            self.bare.add(number)
        if kind == "destroyed" and "sequences" in fields and "sequences" not in wrong:
            said = fields["sequences"][1]
            if type(said) is list and all(type(n) is int and 0 < n < number for n in said):
                self.destroyed |= dict.fromkeys(said, number)
            else:
                self.report.add("changed", "what it says was destroyed are not entries before it.", number, kind)
        self.files |= files
        for pupil, count, before, is_committed in threads:
            if not is_committed:
                self.report.add("changed", "the pupil shown with it is not the pupil it was recorded with.", number, kind)
                continue
            expected, last = self.threads.get(pupil, (0, BEGINNING))
            if count != expected + 1 or before != last:
                gap = f"{count - 1 - expected} of this pupil's entries" if count - 1 > expected else "one of this pupil's entries"
                if self.manifest["scope"]["kind"] != "incident":
                    self.report.add("dropped", f"is not the next of this pupil: {gap} before it is missing or was changed.", number, kind)
            self.threads[pupil] = count, hash_
        if self.manifest["scope"]["kind"] == "pupil" and self.manifest["scope"]["id"] not in {pupil for pupil, *_ in threads}:
            self.report.add("added", "is not shown to be this pupil's.", number, kind)

    def _check_shown(self, opened: dict[str, Any], *, entry: dict[str, Any]) -> None:
        """Hold what the record's pages show of an entry against the entry itself."""
        number, kind = entry["seq"], entry["kind"]
        if not self.shown.is_there or kind not in export.WITH_WORDS:
            return
        if self.shown.skip(_line_shown(opened, entry=entry)):
            return
        row = self.shown.take(number)
        if row is None:
            self.report.add("dropped", "is not shown in the record any more.", number, kind)
            return
        if (row.get("entry"), row.get("incident"), row.get("kind")) != (entry["entry"], entry["incident"], kind):
            self.report.add("changed", "is shown in the record as another entry.", number, kind)
        if row.get("author") != entry["author"]:
            self.report.add("changed", "is shown in the record as written by somebody else.", number, kind)
        if row.get("recorded") != entry["at"]:
            self.report.add("changed", f"is shown in the record as recorded at {row.get('recorded')}; it was at {entry['at']}.", number, kind)
        try:
            happened = opened["fields"]["occurred_at"][1]
        except (KeyError, TypeError, IndexError):
            return  # withheld
        if row.get("happened") != happened:
            self.report.add("changed", "is shown in the record as having happened at another time.", number, kind)
        if row.get("placed") != (happened or entry["at"]):
            self.report.add("changed", "is shown at another place in the chronology than where it belongs.", number, kind)

    # --- the end

    def _check_end(self) -> None:
        parts = self.manifest["parts"]
        for name, sha256 in sorted(self.files.items()):
            if name in parts and self.digests.get(name) != sha256:
                self.report.add("file", f"The attachment {name} is not the one that was recorded.")
        self.report.facts["files_left_out"] = sum(name not in parts for name in self.files)
        for row in self.shown.others():
            number, kind = row.get("number"), row.get("kind")
            self.report.add("added", "is shown in the record and has no place in the ledger.", number if type(number) is int else 0, str(kind)[:40])
        if self.count != self.manifest["entries"]:
            self.report.add(
                "dropped" if self.count < self.manifest["entries"] else "added", f"There are {self.count} entries, not {self.manifest['entries']}."
            )
        for pupil, thread in self.manifest["threads"].items():
            count, last = self.threads.get(pupil, (0, BEGINNING))
            if thread != {"count": count, "last": last}:
                self.report.add("dropped", f"The pupil's last entries are missing or changed: {thread['count']} were signed for, {count} are here.")
        self._check_roots(self.heads, "The head of {at}")

    def _check_roots(self, found: Sequence[Signed], name: str) -> None:
        """Of heads whose tree could be built, say from which entries on the history is another."""
        if not self.is_whole:
            return
        good = 0
        for each in sorted(found, key=lambda s: s.head.size):
            size = each.head.size
            if size and self.roots.get(size) != each.head.root:
                if self.count >= size:
                    said = f"{name.format(at=each.head.at)} was made of other entries: something in numbers {good + 1} to {size} was changed."
                    self.report.add("head", said)
                else:
                    self.report.add("head", f"{name.format(at=each.head.at)} was made of {size} entries, of which only {self.count} are here.")
                return
            good = size

    def _check_witnessed(self) -> None:
        if not self.heads:
            return
        mine = self.heads[-1].head
        comparable: list[Signed] = []
        for each in self.witnessed:
            theirs, when = each.head, f"The witness's head of {each.head.at}"
            if not each.is_signed():
                self.report.add("witness", f"{when} is itself damaged: its signature is wrong.")
            elif theirs.school != mine.school:
                self.report.add("witness", f"{when} is another school's.")
            elif each.public not in self.keys.values():
                self.report.add("key", f"{when} is signed by a key that this export does not know: the keys were exchanged.")
            elif theirs.size > mine.size and theirs.at <= mine.at:
                self.report.add(
                    "witness",
                    f"{when} was made of {theirs.size} entries; this export, though later, knows only {mine.size}: entries were taken away.",
                )
            elif theirs.size <= mine.size:
                comparable.append(each)
                same = [known.head.root for known in self.heads if known.head.size == theirs.size]
                if self.is_whole or not theirs.size:
                    continue  # compared with the tree itself
                if not same:
                    self.report.add("witness", f"{when} is not among the heads of this export: it was kept out.")
                elif theirs.root not in same:
                    self.report.add("witness", f"{when} contradicts the export: up to entry {theirs.size}, this is not the history it was made of.")
        self._check_roots(comparable, "The witness's head of {at}")
        self.report.facts["witnessed"] = len(self.witnessed)

    def _say(self) -> None:
        scope, head = self.manifest["scope"], self.manifest["head"]
        self.report.facts |= {
            "scope": scope["kind"],
            "id": scope["id"],
            "school": self.manifest["school"],
            "entries": self.count,
            "withheld": len(self.withheld - self.destroyed.keys()),
            "destroyed": {n: self.destroyed[n] for n in sorted(self.withheld & self.destroyed.keys())},
            "size": head["size"],
            "root": head["root"],
            "signed_at": head["at"],
            "made_at": self.manifest["made_at"],
            "heads": len(self.heads),
        }


class _Shown:
    """What the record's pages show, a line an entry in order of number; after them what has no place in the ledger. Older exports have none."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.is_there = export.SHOWN in archive.namelist()
        self._lines = iter(io.BufferedReader(cast(io.RawIOBase, archive.open(export.SHOWN)), 1 << 20)) if self.is_there else iter(())
        self._others: list[dict[str, Any]] = []
        self._line = next(self._lines, b"")

    def skip(self, line: bytes) -> bool:
        """Whether what comes next is, to the byte, this line: mostly it is, and need not be taken apart."""
        if self._line != line:
            return False
        self._line = next(self._lines, b"")
        return True

    def take(self, number: int) -> dict[str, Any] | None:
        """Return what is shown of an entry; what stands in front of it is no entry's. Numbers come in order."""
        while self._line and _is_before(found := self._read(), number):
            self._put_aside(found)
        if not self._line or found.get("number") != number:
            return None
        self._line = next(self._lines, b"")
        return found

    def others(self) -> list[dict[str, Any]]:
        """Return what was taken for no entry."""
        while self._line:
            self._put_aside(self._read())
        return self._others

    def _put_aside(self, found: dict[str, Any]) -> None:
        if len(self._others) < MOST:
            self._others.append(found)
        self._line = next(self._lines, b"")

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._line)
        except (ValueError, RecursionError):
            found = None
        return found if type(found) is dict else {}


def _line_shown(opened: Mapping[str, Any], *, entry: Mapping[str, Any]) -> bytes:
    """Return the line that shows an entry as it was recorded, as our own exports write it."""
    who = f'"entry":"{entry["entry"]}","incident":"{entry["incident"]}","author":"{entry["author"]}","recorded":"{entry["at"]}"'
    try:
        happened = opened["fields"]["occurred_at"][1]
    except (KeyError, TypeError, IndexError):
        when = ""
    else:
        when = f',"happened":{json.dumps(happened)},"placed":"{happened or entry["at"]}"'
    return f'{{"number":{entry["seq"]},"kind":"{entry["kind"]}",{who}{when}}}\n'.encode()


def _is_before(row: Mapping[str, Any], number: int) -> bool:
    at = row.get("number")
    return type(at) is not int or at < number


class _BySize:
    """The heads in order of size: which of them were signed before an entry was there."""

    def __init__(self, found: Sequence[Signed]) -> None:
        self._heads = sorted((each.head.size, each.head.at) for each in found)
        self._next, self._latest = 0, ""

    def before(self, number: int) -> str:
        """Return when the latest head that was made without entry `number` was signed. Numbers come in order."""
        while self._next < len(self._heads) and self._heads[self._next][0] < number:
            self._latest = max(self._latest, self._heads[self._next][1])
            self._next += 1
        return self._latest


def sentences(report: Report) -> list[str]:
    """Return what was found as a person reads it: first whether it holds, then exactly what that means."""
    facts = report.facts
    if not report.ok:
        shown = [str(each) for each in report.findings[:50]]
        more = len(report.findings) - len(shown)
        return ["ALTERED, or not whole. Do not rely on it.", *shown, *([f"… and {more} more."] if more else [])]
    said = ["Unaltered."]
    kept = f"the school's {facts['size']} entries, as signed at {facts['signed_at']}"
    word = f"is the word of whoever holds the key {facts['fingerprint']}, as of {facts['signed_at']}"
    if facts["scope"] == "school":
        said.append(f"All of {kept}, are here in the order in which they were recorded. That none came after {word}.")
    elif facts["scope"] == "pupil":
        said.append(f"{facts['entries']} entries of one pupil, each of them among {kept}.")
        said.append(f"No entry of this pupil is missing between the first and the last. That none came after {word}.")
    else:
        said.append(f"{facts['entries']} entries of one incident, each of them among {kept}.")
        said.append(f"That these are all the incident's entries {word}.")
    if facts["withheld"]:
        said.append(f"Of {facts['withheld']} entries something is withheld: that they are there is shown, what they say is not.")
    for by in sorted({*facts["destroyed"].values()}):
        gone = [str(n) for n, said_by in facts["destroyed"].items() if said_by == by]
        numbers = ", ".join(gone[:20]) + (f" and {len(gone) - 20} more" if len(gone) > 20 else "")
        said.append(
            f"What entry {numbers} said was destroyed by two people's decision: entry {by} says whose, when and why. That it was there is shown."
        )
    if facts["files_left_out"]:
        said.append(f"{facts['files_left_out']} attachments are not in it; their hashes are.")
    said.append(f"Signed by the key {facts['fingerprint']}: compare it with what your witness or the school told you by another way.")
    if facts["witnessed"]:
        said.append(f"It agrees with the {facts['witnessed']} heads that you hold.")
    else:
        said.append("No head from a witness was given: whoever holds the key could have written all of it anew. --head FILE compares.")
    return [_plain(each) for each in said]


def _checked_manifest(found: Any) -> dict[str, Any]:
    """Return the manifest when it has what is used below. Raises ValueError, KeyError, TypeError."""
    head = found["head"]
    good = (
        found["type"] == export.TYPE
        and found["v"] == export.VERSION
        and found["scope"]["kind"] in export.SCOPES
        and type(found["scope"]["id"]) is str
        and type(found["made_at"]) is str
        and type(found["entries"]) is int
        and head.keys() == heads.MEMBERS
        and type(head["size"]) is int
        and all(type(text) is str for text in (head["root"], head["last"], head["at"], found["school"]))
        and all(type(digest) is str for digest in found["parts"].values())
        and all(type(t["count"]) is int and type(t["last"]) is str for t in found["threads"].values())
    )
    if not good:
        raise ValueError("not a manifest")
    return dict(found)


def _opens(committed: Any, *, name: str, salt: Any, value: Any) -> bool:
    try:
        return bool(committed == field_commitment(name=name, salt=salt, value=value))
    except (ValueError, TypeError, RecursionError):
        return False


def _committed(opening: Any) -> str:
    try:
        return commitment(opening)
    except (ValueError, TypeError, RecursionError):
        return ""


def _unhexed(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def _field_name(name: str) -> str:
    return name.removeprefix("fact:").replace("_", " ") if not name.startswith("file:") else "an attachment"


def _plain(text: str) -> str:
    """Return a text without what a terminal would act on: part of it may come from the file."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _shown(name: str) -> str:
    return name if name.isprintable() and len(name) < 80 else "A part with an odd name"
