"""Counts: one row an incident, so that recategorising counts once."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from safekeep.permissions import Class
from services.reports.counting import FIRST_ZONE, Counted
from services.reports.store.tables import asked, counted, schools

_ZONE = sa.text("select zone from schools where school_id = :school")


def zone_of(tx: sa.Connection, *, school_id: UUID) -> str:
    """Return the school's zone, or the first one while the school is not known."""
    found: str | None = tx.execute(_ZONE, {"school": school_id}).scalar()
    return found or FIRST_ZONE


def keep_school(tx: sa.Connection, *, school_id: UUID, trust_id: UUID, zone: str) -> None:
    """Keep identity's latest word on a school; what was counted moves to the months of its zone."""
    insert = pg.insert(schools).values(school_id=school_id, trust_id=trust_id, zone=zone)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id"], set_={"trust_id": trust_id, "zone": zone}))
    month = sa.func.to_char(sa.func.timezone(zone, counted.c.recorded_at), "YYYY-MM")
    tx.execute(counted.update().where(counted.c.school_id == school_id, counted.c.month != month).values(month=month))


def incident(tx: sa.Connection, *, school_id: UUID, incident_id: UUID) -> Counted | None:
    """Return how an incident counts now, locked until the transaction ends."""
    query = sa.select(counted).where(counted.c.school_id == school_id, counted.c.incident_id == incident_id).with_for_update()
    row = tx.execute(query).mappings().first()
    if row is None:
        return None
    return Counted(
        recorded_at=row["recorded_at"],
        month=row["month"],
        class_=Class(row["class"]),
        categories=tuple(row["categories"]),
        main=row["main"],
        actions=row["actions"],
        answered_at=row["answered_at"],
    )


_KEEP = sa.text(
    "insert into counted (school_id, incident_id, recorded_at, month, class, categories, main, actions, answered_at) "
    "values (:school, :incident, :recorded_at, :month, :class, cast(:categories as text[]), :main, :actions, :answered_at) "
    "on conflict (school_id, incident_id) do update set recorded_at = excluded.recorded_at, month = excluded.month, class = excluded.class, "
    "categories = excluded.categories, main = excluded.main, actions = excluded.actions, answered_at = excluded.answered_at"
)


def keep(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, counts_as: Counted) -> None:
    """Keep how an incident counts, in place of what it counted as before."""
    values = {
        "school": school_id,
        "incident": incident_id,
        "recorded_at": counts_as.recorded_at,
        "month": counts_as.month,
        "class": int(counts_as.class_),
        "categories": list(counts_as.categories),
        "main": counts_as.main,
        "actions": counts_as.actions,
        "answered_at": counts_as.answered_at,
    }
    tx.execute(_KEEP, values)


_ROWS = sa.text(
    "select school_id, month, class, category, category = main as main, count(*) as count from counted, unnest(categories) as category "
    "where school_id = any(:schools) and month between :first and :last and incident_id <> all(cast(:without as uuid[])) "
    "group by school_id, month, class, category, category = main "
    "order by school_id, month, class desc, category"
).bindparams(sa.bindparam("schools", type_=pg.ARRAY(pg.UUID)))
_TOTALS = sa.text(
    "select school_id, count(*) as incidents, sum(actions) as actions from counted "
    "where school_id = any(:schools) and month between :first and :last and incident_id <> all(cast(:without as uuid[])) group by school_id"
).bindparams(sa.bindparam("schools", type_=pg.ARRAY(pg.UUID)))


def rows_of(tx: sa.Connection, *, school_ids: Sequence[UUID], first: str, last: str, without: Sequence[UUID] = ()) -> Sequence[sa.Row[Any]]:
    """Return counts by school, month, class and category, between two months, both included; `without` these incidents."""
    return tx.execute(_ROWS, {"schools": list(school_ids), "first": first, "last": last, "without": list(without)}).all()


def totals_of(tx: sa.Connection, *, school_ids: Sequence[UUID], first: str, last: str, without: Sequence[UUID] = ()) -> dict[UUID, tuple[int, int]]:
    """Return (incidents, actions) by school between two months; a school with none is left out."""
    rows = tx.execute(_TOTALS, {"schools": list(school_ids), "first": first, "last": last, "without": list(without)})
    return {row.school_id: (row.incidents, row.actions) for row in rows}


def schools_of(tx: sa.Connection, *, trust_id: UUID) -> list[UUID]:
    """Return the schools of a trust, in order of id. The transaction must have `trust_id` set."""
    return list(tx.execute(sa.select(schools.c.school_id).where(schools.c.trust_id == trust_id).order_by(schools.c.school_id)).scalars())


def read(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, at: datetime) -> bool:
    """Keep that somebody alerted has read it; the first counts, in whatever order it is heard. Returns False where it is not counted yet."""
    here = counted.c.school_id == school_id, counted.c.incident_id == incident_id
    return tx.execute(counted.update().where(*here).values(read_at=sa.func.least(counted.c.read_at, at))).rowcount == 1


def keep_asked(tx: sa.Connection, *, school_id: UUID, entry_id: UUID, due_on: date) -> None:
    """Keep what is asked of somebody, until it is done."""
    insert = pg.insert(asked).values(school_id=school_id, entry_id=entry_id, due_on=due_on)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id", "entry_id"], set_={"due_on": due_on}))


def drop_asked(tx: sa.Connection, *, school_id: UUID, entry_id: UUID) -> None:
    """It was done."""
    tx.execute(asked.delete().where(asked.c.school_id == school_id, asked.c.entry_id == entry_id))


def overdue(tx: sa.Connection, *, school_id: UUID, today: date) -> int:
    """Return how much was asked of somebody until a day that is over, and is not done."""
    query = sa.select(sa.func.count()).select_from(asked).where(asked.c.school_id == school_id, asked.c.due_on < today)
    return int(tx.execute(query).scalar_one())


_RECORDED = sa.text(
    "select cast(timezone(:zone, recorded_at) as date) as on_day, main, class as class_number, "
    "cast(extract(epoch from read_at - recorded_at) / 60 as integer) as read_after, "
    "cast(extract(epoch from answered_at - recorded_at) / 60 as integer) as answered_after from counted "
    "where school_id = :school and cast(timezone(:zone, recorded_at) as date) between :since and :until"
)


def recorded_between(tx: sa.Connection, *, school_id: UUID, zone: str, since: date, until: date) -> Sequence[sa.Row[Any]]:
    """Return what was recorded between two days of the school's, both included, and after how many minutes it was read, and something done."""
    return tx.execute(_RECORDED, {"school": school_id, "zone": zone, "since": since, "until": until}).all()
