"""Who leads an incident, and who is asked to take it over."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from services.incidents.store.tables import leads


def lead_of(tx: sa.Connection, *, school_id: UUID, incident_id: UUID) -> sa.Row[Any] | None:
    """Return who said that they lead it."""
    return tx.execute(sa.select(leads).where(leads.c.school_id == school_id, leads.c.incident_id == incident_id)).first()


def keep_lead(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, person_id: UUID, now: datetime) -> None:
    """Keep that a person leads; whoever was asked to take it over is asked no more."""
    values = {"person_id": person_id, "since": now, "offered_to": None, "offered_by": None, "offered_at": None}
    insert = pg.insert(leads).values(school_id=school_id, incident_id=incident_id, **values)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id", "incident_id"], set_=values))


def end_leads(tx: sa.Connection, *, school_id: UUID, people: Collection[UUID], incident_id: UUID | None = None) -> None:
    """Keep that these people lead nothing any more, or not this incident: they no longer can."""
    theirs = [leads.c.school_id == school_id, leads.c.person_id.in_(people)]
    if incident_id:
        theirs.append(leads.c.incident_id == incident_id)
    tx.execute(leads.update().where(*theirs).values(person_id=None, since=None))


def offer_lead(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, person_id: UUID, by: UUID, now: datetime) -> bool:
    """Keep that a person is asked to take it over. Returns False where they were asked already."""
    values = {"offered_to": person_id, "offered_by": by, "offered_at": now}
    insert = pg.insert(leads).values(school_id=school_id, incident_id=incident_id, person_id=None, since=None, **values)
    changed = insert.on_conflict_do_update(
        index_elements=["school_id", "incident_id"], set_=values, where=leads.c.offered_to.is_distinct_from(person_id)
    )
    return tx.execute(changed.returning(leads.c.incident_id)).first() is not None  # of an insert no rows are counted
