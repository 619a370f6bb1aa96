"""Requests to a DSL to tell somebody."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep.permissions import Reading
from services.incidents.store.reading import readable
from services.incidents.store.tables import asks, entries


def add_asks(tx: sa.Connection, *, rows: Sequence[dict[str, Any]]) -> None:
    """Keep requests to a DSL to tell somebody."""
    if rows:
        tx.execute(asks.insert(), list(rows))


def open_asks(tx: sa.Connection, *, school_id: UUID, incident_id: UUID | None = None) -> Sequence[sa.Row[Any]]:
    """Return requests nobody has answered, oldest first."""
    query = sa.select(asks).where(asks.c.school_id == school_id, asks.c.answered_at.is_(None))
    if incident_id:
        query = query.where(asks.c.incident_id == incident_id)
    return tx.execute(query.order_by(asks.c.asked_at)).all()


def answer_ask(
    tx: sa.Connection, *, school_id: UUID, ask_id: UUID, accept: bool, by: UUID, reason: str, reading: Reading, now: datetime
) -> sa.Row[Any] | None:
    """Answer a request once. Returns it, or None when it is not there, has been answered, or is about an entry this reader may not read."""
    here = asks.c.school_id == school_id, asks.c.id == ask_id, asks.c.answered_at.is_(None)
    theirs = sa.select(entries.c.id).where(entries.c.school_id == school_id, readable(reading))
    update = asks.update().where(*here, asks.c.entry_id.in_(theirs)).values(accepted=accept, answered_by=by, answered_at=now, reason=reason)
    return tx.execute(update.returning(asks)).first()


def was_answered(tx: sa.Connection, *, school_id: UUID, ask_id: UUID, accept: bool, by: UUID, reason: str, reading: Reading) -> bool:
    """Whether a request about an entry this reader may read has just this answer, by this person."""
    same = asks.c.accepted == accept, asks.c.answered_by == by, asks.c.reason == reason
    theirs = sa.select(entries.c.id).where(entries.c.school_id == school_id, readable(reading))
    found = sa.select(asks.c.id).where(asks.c.school_id == school_id, asks.c.id == ask_id, *same, asks.c.entry_id.in_(theirs))
    return tx.execute(found).first() is not None
