"""The ledger, format 1: an append-only chain of salted commitments, one chain a school (docs/ledger.md; fixed).

Content and salts live outside the ledger and may lawfully be destroyed; the chain still verifies. Pure: salts and times
come from the caller.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from safekeep import clock
from safekeep.proof.chain import BEGINNING, FORMAT, canonical, commitment, entry_hash, field_commitment
from safekeep.proof.export import STAYS

__all__ = ["BEGINNING", "FORMAT", "STAYS", "LedgerEntry", "PupilThread", "append", "commitment", "entry_fields"]


@dataclass(frozen=True, slots=True)
class PupilThread:
    """Where a pupil's own thread through the chain stands: how many entries so far, and the hash of the last."""

    pupil_id: UUID
    part: str  # "pupil" for the one it is about, else the part of a linked pupil
    count: int
    last_hash: str


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One entry as it is stored: its canonical bytes, their hash, and (kept elsewhere) what opens its commitments."""

    sequence: int
    canonical: bytes
    hash: str
    openings: dict[str, Any] = field(repr=False)


def entry_fields(
    *,
    author_name: str,
    author_role: str,
    number: str,
    class_code: str,
    categories: Sequence[str],
    text: str,
    occurred_at: datetime | None,
    occurred_precision: str,
    recipients: Sequence[Mapping[str, Any]],
    files: Sequence[Mapping[str, Any]],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the fields of an entry with a text, as they are committed to; `files` are {id, sha256, size, media_type}."""
    return {
        "author_name": author_name,
        "author_role": author_role,
        "number": number,
        "class": class_code,
        "categories": list(categories),
        "text": text,
        "occurred_at": clock.stamp(occurred_at) if occurred_at else None,
        "occurred_precision": occurred_precision,
        "recipients": list(recipients),
        **{f"file:{f['id']}": f for f in files},
        **{f"fact:{name}": value for name, value in facts.items()},
    }


def append(
    *,
    school_id: UUID,
    sequence: int,
    at: datetime,
    author_id: UUID,
    kind: str,
    incident_id: UUID,
    entry_id: UUID,
    fields: Mapping[str, Any],
    pupils: Sequence[PupilThread],
    previous: str,
    salts: Sequence[str],
    keep_values: bool = False,
) -> LedgerEntry:
    """Build the next entry. `salts` are random base64 strings, one for each field and then one for each pupil.

    `fields` are JSON values; `previous` is the hash of the school's entry before (BEGINNING for the first). `keep_values` says that no
    table keeps them as they are now, so that they are kept with the salts.
    """
    assert len(salts) == len(fields) + len(pupils), "one salt a commitment"
    names = sorted(fields)
    field_salts = dict(zip(names, salts, strict=False))
    threads = [
        {"pupil": str(p.pupil_id), "part": p.part, "count": p.count + 1, "previous": p.last_hash, "salt": salt}
        for p, salt in zip(pupils, salts[len(names) :], strict=True)
    ]
    entry: dict[str, Any] = {
        "v": FORMAT,
        "school": str(school_id),
        "seq": sequence,
        "at": clock.stamp(at),
        "author": str(author_id),
        "kind": kind,
        "incident": str(incident_id),
        "entry": str(entry_id),
        "fields": {name: field_commitment(name=name, salt=field_salts[name], value=fields[name]) for name in names},
        "pupils": sorted(commitment(thread) for thread in threads),
        "previous": previous,
    }
    data = canonical(entry)
    return LedgerEntry(
        sequence=sequence,
        canonical=data,
        hash=entry_hash(data),
        openings={"fields": field_salts, "pupils": threads, **({"values": dict(fields)} if keep_values else {})},
    )
