"""The ledger: each school's chain and each pupil's thread through it."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from safekeep import clock
from services.incidents.ledger import BEGINNING, LedgerEntry, PupilThread
from services.incidents.store.proof import want
from services.incidents.store.tables import (
    ledger_heads,
    ledger_threads,
)


@dataclass(frozen=True, slots=True)
class Head:
    """Where the school's chain stands, with its row locked until the transaction ends."""

    sequence: int
    hash: str


LOCK_HEAD = sa.text("select sequence, hash from ledger_heads where school_id = :school for update")


def lock_head(tx: sa.Connection, *, school_id: UUID) -> Head:
    """Lock the school's chain: entries of one school are written one after the other."""
    row = tx.execute(LOCK_HEAD, {"school": school_id}).first()
    if row is None:
        begin_chain(tx, school_id=school_id)
        row = tx.execute(LOCK_HEAD, {"school": school_id}).one()
    return Head(row.sequence, row.hash)


def head_of(tx: sa.Connection, *, school_id: UUID) -> Head | None:
    """Return where the school's chain stands now, without keeping anybody from writing; None before its first entry."""
    row = tx.execute(sa.select(ledger_heads.c.sequence, ledger_heads.c.hash).where(ledger_heads.c.school_id == school_id)).first()
    return Head(row.sequence, row.hash) if row is not None and row.sequence else None


def begin_chain(tx: sa.Connection, *, school_id: UUID) -> None:
    """Give a school its chain, unless another has at the same moment."""
    insert = pg.insert(ledger_heads).values(school_id=school_id, sequence=0, hash=BEGINNING)
    if tx.execute(insert.on_conflict_do_nothing().returning(ledger_heads.c.school_id)).first():
        want(tx, school_id=school_id, kind="check", subject=school_id, due_at=clock.now())


def threads_of(tx: sa.Connection, *, school_id: UUID, parts: dict[UUID, str]) -> list[PupilThread]:
    """Return where each pupil's thread stands; `parts` says the part each has in the entry to come."""
    query = sa.select(ledger_threads).where(ledger_threads.c.school_id == school_id, ledger_threads.c.pupil_id.in_(parts))
    known = {row.pupil_id: (row._mapping["count"], row.hash) for row in tx.execute(query)}
    return [PupilThread(pupil, part, *known.get(pupil, (0, BEGINNING))) for pupil, part in parts.items()]


IN_THE_LEDGER = (
    "with written as (insert into ledger (school_id, sequence, canonical, hash) values (:school, :sequence, :canonical, :hash)), "
    "opened as (insert into ledger_openings (school_id, sequence, openings) values (:school, :sequence, cast(:openings as jsonb))), "
    "threads as (insert into ledger_threads (school_id, pupil_id, count, hash) "
    "select :school, pupil, 1, :hash from unnest(cast(:pupils as uuid[])) pupil "
    "on conflict (school_id, pupil_id) do update set count = ledger_threads.count + 1, hash = excluded.hash), "
    "headed as (update ledger_heads set sequence = :sequence, hash = :hash where school_id = :school)"
)


_APPEND = sa.text(IN_THE_LEDGER + " select 1")


def append_to_ledger(tx: sa.Connection, *, school_id: UUID, entry: LedgerEntry, pupil_ids: Collection[UUID]) -> None:
    """Write the entry, what opens it, and the new head and threads."""
    tx.execute(_APPEND, place_of(entry, school_id=school_id, pupil_ids=pupil_ids))


def place_of(entry: LedgerEntry, *, school_id: UUID, pupil_ids: Collection[UUID]) -> dict[str, Any]:
    return {
        "school": school_id,
        "sequence": entry.sequence,
        "canonical": entry.canonical,
        "hash": entry.hash,
        "openings": json.dumps(entry.openings),
        "pupils": list(pupil_ids),
    }
