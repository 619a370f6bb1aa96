"""Seals over what stands beside the ledger and never changes once written: who read what, and the initials of linked pupils. Pure.

The ledger's process seals new rows every few minutes, a digest a row, and signs each seal with what it seals and the seal before. Every night
all of it is held against the rows as they are. What was changed between writing and sealing is not found.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from safekeep import clock

OPENING: Final = "opening"
INITIALS: Final = "initials"
BEGINNING: Final = "0" * 64

GONE: Final = {OPENING: "What somebody read, as it was kept, is gone: {n}.", INITIALS: "The initials of linked pupils are gone: {n}."}
CHANGED: Final = {
    OPENING: "Who read what is not as it was kept: {n}.",
    INITIALS: "The initials of a linked pupil are not those that were given.",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row to be sealed, or held against its seal. `of`: the incident it belongs to, if to one."""

    kind: str
    key: UUID
    digest: bytes
    of: UUID | None = None


@dataclass(frozen=True, slots=True)
class Seal:
    """A signed statement: these rows were there then. `hash` is that of what is signed, and stands in the next seal."""

    number: int
    said: str
    key: str
    signature: str

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.said.encode()).hexdigest()


def opening(row: Any) -> Row:
    """Return an opening as it is sealed."""
    names = ("person_id", "kind", "pupil_id", "incident_id", "words", "reason", "refused", "own_child")
    said = {name: _plain(row[name]) for name in names} | {"at": clock.stamp(row["at"]), "entries": [str(id_) for id_ in row["entry_ids"]]}
    return Row(OPENING, row["id"], _digest(said))


def initials(row: Any) -> Row:
    """Return a linked pupil's initials as they are sealed."""
    said = {"incident": str(row["incident_id"]), "pupil": str(row["pupil_id"]), "initials": row["initials"]}
    return Row(INITIALS, row["key"], _digest(said), row["incident_id"])


def statement(*, school_id: UUID, number: int, previous: str, rows: Sequence[Row], at: str) -> str:
    """Return what is signed: which rows, as one hash over their digests in order of kind and key."""
    whole = hashlib.sha256()
    for row in sorted(rows, key=lambda each: (each.kind, each.key)):
        whole.update(row.kind.encode() + b"\0" + row.key.bytes + row.digest)
    said = {
        "type": "safekeep-seal",
        "v": 1,
        "school": str(school_id),
        "number": number,
        "previous": previous,
        "count": len(rows),
        "rows": whole.hexdigest(),
    }
    return json.dumps(said | {"at": at}, sort_keys=True, separators=(",", ":"))


def wrong(
    *,
    school_id: UUID,
    seals: Iterable[tuple[Seal, bool]],
    sealed: Mapping[int, Sequence[Row]],
    rows: Mapping[str, Mapping[UUID, Row]],
    last: tuple[int, str],
) -> Iterator[tuple[str, str, UUID | None]]:
    """Yield (code, sentence, incident) for what is not as it was sealed.

    `seals`: each in order with whether its signature is good; `sealed`: by seal, the digests kept of its rows; `rows`: by kind, the rows as they
    are; `last`: the number and hash of the latest seal, as it is remembered outside the database.
    """
    number, previous = 0, BEGINNING
    for seal, is_signed in seals:
        number += 1
        claims = json.loads(seal.said) if is_signed else {}
        kept = sealed.get(seal.number, ())
        same = claims and seal.said == statement(school_id=school_id, number=number, previous=previous, rows=kept, at=str(claims.get("at")))
        if not same or seal.number != number:
            yield "changed", f"Seal {number} over who read what, and over initials, is not as it was signed.", None
            return
        previous = seal.hash
        if number == last[0] and previous != last[1]:
            yield "changed", f"Seal {number} over who read what, and over initials, is another than the one that is remembered.", None
            return
    if number < last[0]:
        yield "dropped", f"There are {number} seals over who read what, and {last[0]} were made: an older state was put back.", None
    found: dict[tuple[str, str, UUID | None], int] = {}
    for row in (row for kept in sealed.values() for row in kept):
        now = rows[row.kind].get(row.key)
        if now is None and row.kind == OPENING:  # initials go lawfully when a pupil is moved: who is in an incident is held against the ledger
            found["dropped", GONE[row.kind], None] = found.get(("dropped", GONE[row.kind], None), 0) + 1
        elif now is not None and now.digest != row.digest:
            found["changed", CHANGED[row.kind], now.of] = found.get(("changed", CHANGED[row.kind], now.of), 0) + 1
    for (code, said, incident), count in found.items():
        yield code, said.format(n=count), incident


def _digest(said: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).digest()


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value
