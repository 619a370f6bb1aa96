"""A school's staff, as identity last said."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from services.alerts.store.tables import staff


def keep_staff(tx: sa.Connection, *, school_id: UUID, person_id: UUID, roles: Sequence[str], active: bool) -> None:
    """Keep identity's latest word on a person at a school."""
    values = {"roles": list(roles), "active": active}
    insert = pg.insert(staff).values(school_id=school_id, person_id=person_id, **values)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id", "person_id"], set_=values))


_STAFF = sa.text("select person_id, roles, active from staff where school_id = :school and person_id = any(cast(:ids as uuid[]))")


def staff_with(tx: sa.Connection, *, school_id: UUID, ids: Collection[UUID]) -> dict[UUID, sa.Row[Any]]:
    """Return what is known of these people at the school."""
    return {row.person_id: row for row in tx.execute(_STAFF, {"school": school_id, "ids": list(ids)})}


def staff_in_roles(tx: sa.Connection, *, school_id: UUID, roles: Collection[str]) -> list[UUID]:
    """Return the people at the school who have one of these roles."""
    query = sa.select(staff.c.person_id).where(staff.c.school_id == school_id, staff.c.active, staff.c.roles.overlap(list(roles)))
    return list(tx.execute(query).scalars())
