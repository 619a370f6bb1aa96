"""Lines to people from whom a DSL has taken an incident over."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep.ids import new_id
from services.incidents.store.tables import releases


def release(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, people: Collection[UUID], line: str, by: UUID, now: datetime) -> None:
    """Keep a line to each of these people."""
    same = {"school_id": school_id, "incident_id": incident_id, "line": line, "released_by": by, "released_at": now}
    if people:
        tx.execute(releases.insert(), [{**same, "id": new_id(), "person_id": person} for person in sorted(people)])


def releases_to(tx: sa.Connection, *, school_id: UUID, person_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return the lines to a person that they have not read, oldest first."""
    query = sa.select(releases).where(releases.c.school_id == school_id, releases.c.person_id == person_id, releases.c.read_at.is_(None))
    return tx.execute(query.order_by(releases.c.released_at, releases.c.id).limit(50)).all()


def mark_release_read(tx: sa.Connection, *, school_id: UUID, release_id: UUID, person_id: UUID, now: datetime) -> bool:
    """Set when a person read a line to them; the first time stands. Returns False where there is none."""
    theirs = releases.c.school_id == school_id, releases.c.id == release_id, releases.c.person_id == person_id
    changed = releases.update().where(*theirs).values(read_at=sa.func.coalesce(releases.c.read_at, now))
    return bool(tx.execute(changed).rowcount)
