"""Who stands in for the DSLs where a child is the child of every one of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from services.incidents.store.school import changed
from services.incidents.store.tables import stand_ins


def add_stand_in(tx: sa.Connection, *, school_id: UUID, id: UUID, person_id: UUID, reason: str, by: UUID, now: datetime) -> bool:
    """Keep the grant; the same id again keeps nothing. Returns whether it was kept."""
    values = {"school_id": school_id, "id": id, "person_id": person_id, "reason": reason, "given_by": by, "given_at": now}
    added = tx.execute(pg.insert(stand_ins).values(values).on_conflict_do_nothing().returning(stand_ins.c.id)).first() is not None
    changed(tx, school_id=school_id)
    return added


def end_stand_in(tx: sa.Connection, *, school_id: UUID, id: UUID, by: UUID, now: datetime) -> sa.Row[Any] | None:
    """End a grant that holds. Returns it; None: there is none, or it has ended already."""
    here = stand_ins.c.school_id == school_id, stand_ins.c.id == id, stand_ins.c.ended_at.is_(None)
    row = tx.execute(stand_ins.update().where(*here).values(ended_by=by, ended_at=now).returning(stand_ins)).first()
    changed(tx, school_id=school_id)
    return row


def is_stand_in(tx: sa.Connection, *, school_id: UUID, id: UUID) -> bool:
    """Whether there is a grant with this id, or was."""
    return tx.execute(sa.select(stand_ins.c.id).where(stand_ins.c.school_id == school_id, stand_ins.c.id == id)).first() is not None


def stand_ins_of(tx: sa.Connection, *, school_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return the grants that hold, oldest first."""
    query = sa.select(stand_ins).where(stand_ins.c.school_id == school_id, stand_ins.c.ended_at.is_(None))
    return tx.execute(query.order_by(stand_ins.c.given_at, stand_ins.c.id)).all()
