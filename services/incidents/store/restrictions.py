"""Entries about an adult of the school, recorded here by mistake, kept to two people."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.incidents.store.tables import entries, restrictions


def add_restriction(tx: sa.Connection, *, school_id: UUID, **values: Any) -> None:
    """Keep an entry to two people."""
    tx.execute(restrictions.insert().values(school_id=school_id, **values))


def restriction_with(tx: sa.Connection, *, school_id: UUID, restriction_id: UUID) -> sa.Row[Any] | None:
    """Return a restriction."""
    return tx.execute(sa.select(restrictions).where(restrictions.c.school_id == school_id, restrictions.c.id == restriction_id)).first()


def restrictions_of(tx: sa.Connection, *, school_id: UUID, incident_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return the restrictions that hold on an incident, or on one of its entries."""
    query = sa.select(restrictions).where(restrictions.c.school_id == school_id, restrictions.c.incident_id == incident_id)
    return tx.execute(query.where(restrictions.c.lifted_at.is_(None)).order_by(restrictions.c.at)).all()


def lift_restriction(tx: sa.Connection, *, school_id: UUID, restriction_id: UUID, by: UUID, now: datetime) -> None:
    """Let everybody read again whom the permission table lets."""
    here = restrictions.c.school_id == school_id, restrictions.c.id == restriction_id
    tx.execute(restrictions.update().where(*here).values(lifted_at=now, lifted_by=by))


def entries_under(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, entry_id: UUID) -> list[UUID]:
    """Return which entries a restriction covers: the whole incident by its first entry, else the entry with its corrections."""
    whole = sa.literal(entry_id == incident_id)  # one statement for both: which of the two it is does not show in how long it takes
    covered = sa.or_(whole, entries.c.id == entry_id, entries.c.facts["corrects"].astext == str(entry_id))
    query = sa.select(entries.c.id).where(entries.c.school_id == school_id, entries.c.incident_id == incident_id, covered)
    return list(tx.execute(query.order_by(entries.c.ledger_sequence)).scalars())


def keepers(tx: sa.Connection, *, school_id: UUID) -> dict[str, frozenset[UUID]]:
    """Return each restriction's two people, of those lifted too."""
    query = sa.select(restrictions.c.id, restrictions.c.keeper_id, restrictions.c.dsl_id).where(restrictions.c.school_id == school_id)
    return {str(row.id): frozenset((row.keeper_id, row.dsl_id)) for row in tx.execute(query)}
