"""What counts are made of, said again: whole incidents with their entries, and every flag."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.incidents.history import Stay, stays_of
from services.incidents.store.tables import destroyed, entries, flags, incident_pupils, incidents, moves, pupils


def incidents_after(tx: sa.Connection, *, school_id: UUID, after: UUID | None, limit: int) -> Sequence[Any]:
    """Return the next incidents of a school in order of their ids."""
    query = sa.select(incidents).where(incidents.c.school_id == school_id, *([incidents.c.id > after] if after else []))
    return tx.execute(query.order_by(incidents.c.id).limit(limit)).all()


def entries_in(tx: sa.Connection, *, school_id: UUID, incident_ids: Sequence[UUID]) -> Sequence[Any]:
    """Return all entries of these incidents in the ledger's order, without anybody's words."""
    columns = entries.c.id, entries.c.incident_id, entries.c.kind, entries.c.recorded_at, entries.c.categories, entries.c.facts
    gone = sa.and_(destroyed.c.school_id == entries.c.school_id, destroyed.c.sequence == entries.c.ledger_sequence)
    query = sa.select(*columns, destroyed.c.settled).select_from(entries.outerjoin(destroyed, gone))
    query = query.where(entries.c.school_id == school_id, entries.c.incident_id.in_(incident_ids))
    return tx.execute(query.order_by(entries.c.ledger_sequence)).all()


def pupils_in(tx: sa.Connection, *, school_id: UUID, incident_ids: Sequence[UUID]) -> Sequence[Any]:
    """Return who is in these incidents now, whom each is about before the others."""
    query = sa.select(incident_pupils.c.incident_id, incident_pupils.c.pupil_id)
    query = query.where(incident_pupils.c.school_id == school_id, incident_pupils.c.incident_id.in_(incident_ids))
    return tx.execute(query.order_by(incident_pupils.c.part.is_not(None), incident_pupils.c.pupil_id)).all()


def moves_in(tx: sa.Connection, *, school_id: UUID, incident_ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, UUID]]:
    """Return from whom to whom these incidents were moved, by the entry that says so."""
    query = sa.select(moves).where(moves.c.school_id == school_id, moves.c.incident_id.in_(incident_ids))
    return {row.entry_id: (row.from_id, row.to_id) for row in tx.execute(query)}


def born(tx: sa.Connection, *, school_id: UUID) -> dict[UUID, Any]:
    """Return when each listed pupil was born."""
    query = sa.select(pupils.c.id, pupils.c.born).where(pupils.c.school_id == school_id, sa.not_(pupils.c.holding))
    return {row.id: row.born for row in tx.execute(query)}


def enrolled(tx: sa.Connection, *, school_id: UUID) -> list[tuple[date, list[Stay]]]:
    """Return when each listed pupil was born, and from when to when they were listed."""
    query = sa.select(pupils.c.born, pupils.c.stays, pupils.c.left_on).where(pupils.c.school_id == school_id, sa.not_(pupils.c.holding))
    return [(row.born, stays_of(row.stays, left_on=row.left_on)) for row in tx.execute(query)]


def all_flags(tx: sa.Connection, *, school_id: UUID) -> Sequence[Any]:
    """Return every flag of the school's pupils."""
    return tx.execute(sa.select(flags).where(flags.c.school_id == school_id).order_by(flags.c.id)).all()
