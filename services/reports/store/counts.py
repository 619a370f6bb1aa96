"""Counts: what happened to each incident, and one row an incident that says what that comes to, so that recategorising counts once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from safekeep.permissions import Class
from services.reports.counting import FIRST_ZONE, Counted, Happened, Rolls
from services.reports.store.tables import comparisons, counted, flags, happenings, schools

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


def keep_roll(tx: sa.Connection, *, school_id: UUID, on_roll: int, rolls: Rolls) -> bool:
    """Keep how many pupils are listed at a school, and were. Returns False where identity's word on the school is not heard yet."""
    values = {"on_roll": on_roll, "rolls": [[day.isoformat(), number] for day, number in rolls]}
    return tx.execute(schools.update().where(schools.c.school_id == school_id).values(values)).rowcount == 1


def roll_of(tx: sa.Connection, *, school_id: UUID) -> Rolls:
    """Return how many pupils were listed at a school, from each day on which that changed."""
    found = tx.execute(sa.select(schools.c.rolls).where(schools.c.school_id == school_id)).scalar()
    return _rolls(found or [])


def rolls_of(tx: sa.Connection, *, trust_id: UUID) -> dict[UUID, Rolls]:
    """Return the schools of a trust, in order of id, and how many pupils were listed there. The transaction must have `trust_id` set."""
    query = sa.select(schools.c.school_id, schools.c.rolls).where(schools.c.trust_id == trust_id)
    return {row.school_id: _rolls(row.rolls) for row in tx.execute(query.order_by(schools.c.school_id))}


def _rolls(kept: Sequence[Sequence[Any]]) -> Rolls:
    return [(date.fromisoformat(day), number) for day, number in kept]


# --- what happened ----------------------------------------------------------------------------------------------------------

_LOCK = sa.text(
    "with taken as (select incident_id from counted where school_id = :school and incident_id = any(cast(:incidents as uuid[])) "
    "order by incident_id for update) "
    "select (select zone from schools where school_id = :school) as zone, (select array_agg(incident_id) from taken) as known"
)


def lock_incidents(tx: sa.Connection, *, school_id: UUID, incident_ids: Collection[UUID]) -> tuple[str, set[UUID]]:
    """Take the incidents' rows, until the transaction ends: two who hear of one at once count one after the other.

    Returns the school's zone, and which of them are counted already.
    """
    row = tx.execute(_LOCK, {"school": school_id, "incidents": list(incident_ids)}).one()
    return row.zone or FIRST_ZONE, set(row.known or ())


_ADD = sa.text(
    "insert into happenings (school_id, incident_id, id, at, kind, pupil_ids, year_group, class, categories, main, what, of_id, due_on, settled) "
    "values (:school, :incident_id, :id, :at, :kind, cast(:pupil_ids as uuid[]), :year_group, :class_, cast(:categories as text[]), :main, "
    ":what, :of_id, :due_on, :settled) on conflict (school_id, incident_id, id) do update set at = least(happenings.at, excluded.at) "
    "where happenings.kind = 'read'"
)


def add_happened(tx: sa.Connection, *, school_id: UUID, happened: Sequence[Happened]) -> None:
    """Keep what happened; what is there already stays as it is, but that of two readings the first counts."""
    rows = [{f.name: getattr(h, f.name) for f in fields(h)} for h in happened]
    lists = ("pupil_ids", "categories")
    for row in rows:
        row |= {"school": school_id, "class_": row["class_"] and int(row["class_"])} | {name: list(row[name]) for name in lists}
    if rows:
        tx.execute(_ADD, rows if len(rows) > 1 else rows[0])


def reading(*, incident_id: UUID, at: datetime) -> Happened:
    """Return that an incident was read: one happening, of which the first time counts."""
    return Happened(id=uuid5(incident_id, "read"), incident_id=incident_id, at=at, kind="read")


def happened_to(tx: sa.Connection, *, school_id: UUID, incident_ids: Collection[UUID] | None = None, until: datetime | None = None) -> list[Happened]:
    """Return what happened to these incidents (None: to all of the school's), until a moment."""
    here = [happenings.c.school_id == school_id]
    if incident_ids is not None:
        here.append(happenings.c.incident_id.in_(incident_ids))
    if until is not None:
        here.append(happenings.c.at <= until)
    return [
        Happened(
            id=row.id,
            incident_id=row.incident_id,
            at=row.at,
            kind=row.kind,
            pupil_ids=tuple(row.pupil_ids),
            year_group=row.year_group,
            class_=Class(row._mapping["class"]) if row._mapping["class"] else None,
            categories=tuple(row.categories),
            main=row.main,
            what=row.what,
            of_id=row.of_id,
            due_on=row.due_on,
            settled=row.settled,
        )
        for row in tx.execute(sa.select(happenings).where(*here))
    ]


def drop_happened(tx: sa.Connection, *, school_id: UUID, incident_ids: Collection[UUID], until: datetime) -> None:
    """Forget what is said to have happened to these until a moment: the record and alerts say it again."""
    here = happenings.c.school_id == school_id, happenings.c.incident_id.in_(incident_ids), happenings.c.at <= until
    tx.execute(happenings.delete().where(*here))


# --- what it comes to -------------------------------------------------------------------------------------------------------

_KEEP = sa.text(
    "insert into counted (school_id, incident_id, recorded_at, month, class, categories, main, actions, read_at, answered_at, year_group, standing, "
    "referrals, due) values (:school, :incident, :recorded_at, :month, :class_, cast(:categories as text[]), :main, :actions, :read_at, "
    ":answered_at, :year_group, :standing, cast(:referrals as boolean[]), cast(:due as date[])) "
    "on conflict (school_id, incident_id) do update set recorded_at = excluded.recorded_at, month = excluded.month, class = excluded.class, "
    "categories = excluded.categories, main = excluded.main, actions = excluded.actions, read_at = excluded.read_at, "
    "answered_at = excluded.answered_at, year_group = excluded.year_group, standing = excluded.standing, referrals = excluded.referrals, "
    "due = excluded.due"
)


def keep(tx: sa.Connection, *, school_id: UUID, counts: Mapping[UUID, Counted]) -> None:
    """Keep how each of these incidents counts, in place of what it counted as before."""
    rows = []
    for incident_id, counts_as in counts.items():
        values = {f.name: getattr(counts_as, f.name) for f in fields(counts_as)}
        values |= {name: list(values[name]) for name in ("categories", "referrals", "due")} | {"class_": int(counts_as.class_)}
        rows.append({"school": school_id, "incident": incident_id, **values})
    if rows:
        tx.execute(_KEEP, rows if len(rows) > 1 else rows[0])


def drop(tx: sa.Connection, *, school_id: UUID, incident_ids: Collection[UUID]) -> None:
    """Count these no more, and forget what happened to them."""
    for table in (counted, happenings):
        tx.execute(table.delete().where(table.c.school_id == school_id, table.c.incident_id.in_(incident_ids)))


def counted_between(
    tx: sa.Connection, *, school_id: UUID, first: str = "0000-00", last: str = "9999-99", without: Collection[UUID] = ()
) -> dict[UUID, Counted]:
    """Return how a school's incidents of two months and those between count now; `without` these."""
    here = counted.c.school_id == school_id, counted.c.month.between(first, last), counted.c.incident_id.not_in(without)
    names = [f.name for f in fields(Counted) if f.name not in {"class_", "categories", "referrals", "due"}]
    return {
        row.incident_id: Counted(
            **{name: getattr(row, name) for name in names},
            class_=Class(row._mapping["class"]),
            categories=tuple(row.categories),
            referrals=tuple(row.referrals),
            due=tuple(row.due),
        )
        for row in tx.execute(sa.select(counted).where(*here))
    }


def incidents_recorded_until(tx: sa.Connection, *, school_id: UUID, moment: datetime) -> set[UUID]:
    """Return which incidents are counted that were recorded until then."""
    return set(tx.execute(sa.select(counted.c.incident_id).where(counted.c.school_id == school_id, counted.c.recorded_at <= moment)).scalars())


_TRUST_ROWS = sa.text(
    "select school_id, month, class, category, category = main as main, count(*) as count from counted, unnest(categories) as category "
    "where school_id = any(:schools) and month between :first and :last "
    "group by school_id, month, class, category, category = main "
    "order by school_id, month, class desc, category"
).bindparams(sa.bindparam("schools", type_=pg.ARRAY(pg.UUID)))


def rows_of_schools(tx: sa.Connection, *, school_ids: Sequence[UUID], first: str, last: str) -> Sequence[sa.Row[Any]]:
    """Return counts by school, month, class and category, between two months, both included."""
    return tx.execute(_TRUST_ROWS, {"schools": list(school_ids), "first": first, "last": last}).all()


_OVERDUE = sa.text(
    "select count(*) from counted, unnest(due) as day where school_id = :school and day < :today and incident_id <> all(:without)"
).bindparams(sa.bindparam("without", type_=pg.ARRAY(pg.UUID)))


def overdue(tx: sa.Connection, *, school_id: UUID, today: date, without: Collection[UUID] = ()) -> int:
    """Return how much was asked of somebody until a day that is over, and is not done; `without` these incidents."""
    return int(tx.execute(_OVERDUE, {"school": school_id, "today": today, "without": list(without)}).scalar_one())


# --- flags ------------------------------------------------------------------------------------------------------------------


def keep_flag(tx: sa.Connection, *, school_id: UUID, id: UUID, **values: Any) -> None:
    """Keep what a pupil's flag is now."""
    insert = pg.insert(flags).values(school_id=school_id, id=id, **values)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id", "id"], set_=values))


def flags_of(tx: sa.Connection, *, school_id: UUID) -> list[tuple[UUID, str, date, date | None]]:
    """Return (pupil, kind, since, until) of each flag."""
    query = sa.select(flags.c.pupil_id, flags.c.kind, flags.c.started, flags.c.ended).where(flags.c.school_id == school_id)
    return [(row.pupil_id, row.kind, row.started, row.ended) for row in tx.execute(query)]


def drop_flags_but(tx: sa.Connection, *, school_id: UUID, ids: Collection[UUID]) -> int:
    """Forget flags the record does not know. Returns how many there were."""
    return tx.execute(flags.delete().where(flags.c.school_id == school_id, flags.c.id.not_in(ids))).rowcount


# --- comparisons ------------------------------------------------------------------------------------------------------------


def compare_at(tx: sa.Connection, *, school_id: UUID, at: datetime, only_first: bool = False) -> None:
    """Say when a school is compared next; with `only_first` only where that was not said before."""
    insert = pg.insert(comparisons).values(school_id=school_id, next_at=at, incidents=0, differences=0)
    upsert = insert.on_conflict_do_update(index_elements=["school_id"], set_={"next_at": at})
    tx.execute(insert.on_conflict_do_nothing() if only_first else upsert)


def claim_comparisons(tx: sa.Connection, *, now: datetime, again: datetime, limit: int) -> list[UUID]:
    """Take the schools that are to be compared, so that no other worker does; who dies over it leaves them until `again`."""
    due = sa.select(comparisons.c.school_id).where(comparisons.c.next_at <= now).order_by(comparisons.c.next_at).limit(limit)
    taken = comparisons.c.school_id.in_(due.with_for_update(skip_locked=True).scalar_subquery())
    return list(tx.execute(comparisons.update().where(taken).values(next_at=again).returning(comparisons.c.school_id)).scalars())


def keep_comparison(tx: sa.Connection, *, school_id: UUID, compared_at: datetime, next_at: datetime, incidents: int, differences: int) -> None:
    """Keep what a comparison found."""
    values: dict[str, Any] = {"compared_at": compared_at, "next_at": next_at, "incidents": incidents, "differences": differences}
    insert = pg.insert(comparisons).values(school_id=school_id, **values)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id"], set_=values))


def comparison_of(tx: sa.Connection, *, school_id: UUID) -> sa.Row[Any] | None:
    """Return what the latest comparison found; None before the first."""
    query = sa.select(comparisons).where(comparisons.c.school_id == school_id, comparisons.c.compared_at.is_not(None))
    return tx.execute(query).first()
