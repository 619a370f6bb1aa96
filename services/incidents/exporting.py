"""Making an export: what of the record goes into it, and its parts one after the other (docs/export.md). Pure."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from safekeep import clock
from safekeep.permissions import Class
from safekeep.proof import export
from safekeep.proof.chain import field_commitment, read_entry
from safekeep.proof.export import Line
from safekeep.proof.heads import Signed
from safekeep.proof.merkle import Tree
from services.incidents.following import OWN_WORDS

Writes = Callable[[str, bytes], None]
"""Takes the next piece of a part: its name and bytes."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One entry as the database has it: its place in the ledger, what opens it, and what it says now (None: not there)."""

    sequence: int
    canonical: bytes
    hash: str
    fields: Mapping[str, str] = field(repr=False)  # name → salt
    pupils: Sequence[Mapping[str, Any]] = field(repr=False)  # openings of their threads
    values: Mapping[str, Any] | None = field(repr=False)
    shown: bool = True  # False: its words are withheld
    destroyed: bool = False  # what it said was lawfully destroyed, as a later entry says
    row: Mapping[str, Any] | None = field(default=None, repr=False)  # as the record's pages show it, of what has a row of its own
    left_out: frozenset[str] = frozenset()  # fields withheld where the others are shown: a correction took them out of sight


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an export is of. `scope_id` is the pupil's, the incident's or the school's id."""

    scope: str
    scope_id: UUID
    made_by: UUID
    made_at: str


WORDS = frozenset({"text", "fact:action_taken", "fact:body_map"}) | OWN_WORDS
"""The fields that a correction strikes."""


def gone_as_committed(said: Iterable[tuple[bytes, Mapping[str, Any], Iterable[int]]]) -> frozenset[int]:
    """Return the numbers of the entries whose content was destroyed, as far as the ledger says so and not the tables beside it alone.

    `said`: of each decision in the tables the ledger's entry that it points at, what opens that, and the numbers that the tables name.
    """
    gone: set[int] = set()
    for canonical, openings, numbers in said:
        try:
            entry = read_entry(canonical)
            value = openings["values"]["sequences"]
            opens = entry["fields"]["sequences"] == field_commitment(name="sequences", salt=openings["fields"]["sequences"], value=value)
        except (KeyError, TypeError, ValueError):
            continue
        if opens and entry["kind"] == "destroyed" and isinstance(value, list):
            gone |= {number for number in numbers if number in value and number < entry["seq"]}
    return frozenset(gone)


def out_of_sight(corrections: Iterable[tuple[str, str, bool]]) -> frozenset[str]:
    """Return the entries whose words a correction took out of sight, earlier corrections among them.

    `corrections`: of each in order its id, the entry it strikes, and whether it takes what was said before out of sight.
    """
    versions: dict[str, list[str]] = {}
    hidden: set[str] = set()
    for id_, struck, hides in corrections:
        before = versions.setdefault(struck, [struck])
        if hides:
            hidden.update(before)
        before.append(id_)
    return frozenset(hidden)


def line_of(kept: Kept, *, wanted: Wanted, tree: Tree) -> Line:
    """Return an entry's line: all its fields unless withheld, and the threads that belong in this export."""
    committed = json.loads(kept.canonical)["fields"]
    values = recorded(kept.values, committed=committed, salts=kept.fields) if kept.shown and kept.values is not None else {}
    fields = {name: (kept.fields[name], value) for name, value in values.items() if name in kept.fields and name not in kept.left_out}
    if kept.destroyed and kept.shown:  # what somebody wrote into its place opens nothing: whoever checks will see
        fields |= {name: ("", value) for name, value in values.items() if value and name not in kept.fields and name not in export.STAYS}
    pupils = [p for p in kept.pupils if wanted.scope == "school" or p.get("pupil") == str(wanted.scope_id)]
    if wanted.scope == "incident":
        pupils = []  # the threads of its pupils run through other incidents
    proof = None if wanted.scope == "school" else _hexed(tree, kept.sequence)
    withheld = not kept.shown or kept.destroyed or bool(kept.left_out)
    return Line(entry=kept.canonical.decode(), fields=fields, pupils=pupils, withheld=withheld, proof=proof)


def shown_line(row: Mapping[str, Any], *, number: int, shown: bool) -> bytes:
    """Return a row of the record's tables as an export carries it: where its words are withheld, not when it happened either."""
    said: dict[str, Any] = {"number": number, "kind": row["kind"], "entry": str(row["id"]), "incident": str(row["incident_id"])}
    said |= {"author": str(row["author_id"]), "recorded": clock.stamp(row["recorded_at"])}
    if shown:
        happened = clock.stamp(row["occurred_at"]) if row["occurred_at"] else None
        said |= {"happened": happened, "placed": clock.stamp(row["placed_at"])}
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def recorded(values: Mapping[str, Any], *, committed: Mapping[str, str], salts: Mapping[str, str]) -> dict[str, Any]:
    """Return what was recorded, where the database has what it is now: an entry's class may have been raised since."""
    if "class" not in values or "class" not in salts or "class" not in committed:
        return dict(values)
    codes = [str(values["class"]), *(each.code for each in Class)]
    found = next((c for c in codes if field_commitment(name="class", salt=salts["class"], value=c) == committed["class"]), values["class"])
    return {**values, "class": found}


def _hexed(tree: Tree, sequence: int) -> list[str]:
    try:
        return [step.hex() for step in tree.inclusion(sequence - 1)]
    except IndexError:
        return []  # it is beyond the head: whoever checks will see


def make(
    *,
    wanted: Wanted,
    rows: Iterable[Kept],
    tree: Tree,
    heads: Sequence[Signed],
    threads: Mapping[str, tuple[int, str]],
    keys: Mapping[str, str],
    names: Mapping[str, Any],
    others: Mapping[str, bytes],
    files: Mapping[str, str],
    sign: Callable[[bytes], tuple[str, str]],
    write: Writes,
    beside: Sequence[Mapping[str, Any]] = (),
) -> int:
    """Write every part, the manifest last; return how many entries are in it.

    `heads`: the signed heads, oldest first, the export's own last. `files`: files/<id> → SHA-256 of the attachments that go with it.
    `beside`: rows of the record's tables in this scope without a place in the ledger.
    `others`: the summary and the words on how to read it. `sign`: manifest → key id and signature.
    """
    digests: dict[str, str] = {}
    hashes = {export.ENTRIES: hashlib.sha256(), export.INDEX: hashlib.sha256(), export.SHOWN: hashlib.sha256()}
    count, shows, seen = 0, False, set[Any]()
    outside = {row["id"] for row in beside}
    for kept in rows:
        line = line_of(kept, wanted=wanted, tree=tree).write()
        index = export.index_line(sequence=kept.sequence, kind=json.loads(kept.canonical)["kind"], hash=kept.hash)
        said = [(export.ENTRIES, line), (export.INDEX, index)]
        if kept.row is not None:
            said.append((export.SHOWN, shown_line(kept.row, number=kept.sequence, shown=kept.shown)))
            seen |= outside & {kept.row["id"]}
        for name, data in said:
            hashes[name].update(data)
            write(name, data)
        count, shows = count + 1, shows or kept.row is not None
    for row in beside:
        if row["id"] not in seen:  # its own line says already that it is another
            data = shown_line(row, number=row["ledger_sequence"], shown=False)
            hashes[export.SHOWN].update(data)
            write(export.SHOWN, data)
            shows = True
    digests |= {name: each.hexdigest() for name, each in hashes.items() if shows or name != export.SHOWN}
    own = heads[-1].head
    wholes = {
        export.KEYS: _json(keys),
        export.HEADS: _json([each.wire() | {"proof": proof_of(each, tree=tree, size=own.size)} for each in heads]),
        export.NAMES: _json(names),
        **others,
    }
    for name, data in wholes.items():
        digests[name] = export.digest(data)
        write(name, data)
    manifest = export.manifest(
        scope=wanted.scope,
        scope_id=str(wanted.scope_id),
        made_at=wanted.made_at,
        made_by=str(wanted.made_by),
        head=own.members(),
        entries=count,
        threads=threads,
        parts=digests | dict(files),
    )
    key, signature = sign(manifest)
    write(export.SIGNATURE, _json({"key": key, "signature": signature}))
    write(export.MANIFEST, manifest)
    return count


def proof_of(head: Signed, *, tree: Tree, size: int) -> list[str]:
    """Return the consistency proof from a head to the export's own; none where there can be none (whoever checks will see)."""
    try:
        return [step.hex() for step in tree.consistency(head.head.size, size)]
    except IndexError:
        return []


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"
