"""What is asked of somebody, how incidents stand for the pupils in them, and incidents nobody has added to."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep.permissions import Class, Reading
from services.incidents.store.reading import opens, readable, sees
from services.incidents.store.tables import entries, follow_ups, incident_pupils, incidents, leads, pupils, same


def add_follow_up(tx: sa.Connection, *, school_id: UUID, **values: Any) -> None:
    """Keep that somebody is asked something, by the entry with its id."""
    tx.execute(follow_ups.insert().values(school_id=school_id, **values))


def follow_up_with(tx: sa.Connection, *, school_id: UUID, id: UUID, reading: Reading | None = None) -> sa.Row[Any] | None:
    """Return what an entry asks, locked; with `reading` only where this reader may read that entry."""
    query = sa.select(follow_ups).where(follow_ups.c.school_id == school_id, follow_ups.c.id == id)
    if reading:
        query = query.join(entries, same(follow_ups, entries, "id")).where(readable(reading))
    return tx.execute(query.with_for_update(of=follow_ups)).first()


def change_follow_up(tx: sa.Connection, *, school_id: UUID, id: UUID, **values: Any) -> None:
    """Say whose it is now, or what closed it."""
    tx.execute(follow_ups.update().where(follow_ups.c.school_id == school_id, follow_ups.c.id == id).values(**values))


def leave_to_nobody(
    tx: sa.Connection,
    *,
    school_id: UUID,
    people: Collection[UUID] | None = None,
    but: Collection[UUID] = (),
    incident_id: UUID | None = None,
    entry_ids: Collection[UUID] | None = None,
    now: datetime,
) -> Sequence[sa.Row[Any]]:
    """Say that what is asked of these people (None: of anybody `but` some) is nobody's any more; return what that was of."""
    mine = [follow_ups.c.school_id == school_id, follow_ups.c.closed_id.is_(None), follow_ups.c.nobodys_at.is_(None)]
    if people is not None:
        mine.append(follow_ups.c.owner_id.in_(people))
    if but:
        mine.append(follow_ups.c.owner_id.not_in(but))
    if incident_id:
        mine.append(follow_ups.c.incident_id == incident_id)
    if entry_ids is not None:
        mine.append(follow_ups.c.id.in_(entry_ids))
    return tx.execute(follow_ups.update().where(*mine).values(nobodys_at=now).returning(follow_ups)).all()


def to_do(tx: sa.Connection, *, school_id: UUID, incident_id: UUID) -> dict[UUID, int]:
    """Return how much is asked of each person in an incident, and not done."""
    mine = follow_ups.c.school_id == school_id, follow_ups.c.incident_id == incident_id
    open_ = follow_ups.c.closed_id.is_(None), follow_ups.c.nobodys_at.is_(None)
    query = sa.select(follow_ups.c.owner_id, sa.func.count().label("count")).where(*mine, *open_)
    return {row.owner_id: row._mapping["count"] for row in tx.execute(query.group_by(follow_ups.c.owner_id))}


_ITEM = (
    follow_ups,
    incidents.c.number,
    incidents.c.pupil_id,
    incidents.c.assignment_id,
    pupils.c.name.label("pupil_name"),
    entries.c["class"],
)


def _items(school_id: UUID, reading: Reading) -> sa.Select[Any]:
    joined = follow_ups.join(entries, same(follow_ups, entries, "id")).join(incidents, same(follow_ups, incidents, "incident_id"))
    joined = joined.join(pupils, same(incidents, pupils, "pupil_id"))
    return sa.select(*_ITEM, sees(reading).label("sees")).select_from(joined).where(follow_ups.c.school_id == school_id, readable(reading))


def follow_ups_in(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, reading: Reading) -> Sequence[sa.Row[Any]]:
    """Return what was asked in an incident, of what this reader may read, first asked first."""
    query = _items(school_id, reading).where(follow_ups.c.incident_id == incident_id)
    return tx.execute(query.order_by(follow_ups.c.asked_at, follow_ups.c.id)).all()


def first_due(tx: sa.Connection, *, school_id: UUID, incident_ids: Collection[UUID], reading: Reading) -> dict[UUID, date]:
    """Return of these incidents the earliest day by which something is asked and not done, of what this reader may read."""
    joined = follow_ups.join(entries, same(follow_ups, entries, "id"))
    query = sa.select(follow_ups.c.incident_id, sa.func.min(follow_ups.c.due_on).label("due_on")).select_from(joined)
    open_ = follow_ups.c.school_id == school_id, follow_ups.c.incident_id.in_(incident_ids), follow_ups.c.closed_id.is_(None)
    return {row.incident_id: row.due_on for row in tx.execute(query.where(*open_, readable(reading)).group_by(follow_ups.c.incident_id))}


def open_follow_ups(
    tx: sa.Connection,
    *,
    school_id: UUID,
    reading: Reading,
    owner_id: UUID | None = None,
    asked_by: UUID | None = None,
    late_on: date | None = None,
    after: tuple[date, UUID] | None = None,
    limit: int,
) -> Sequence[sa.Row[Any]]:
    """Return what is asked and not done, due first: of a person, by a person to others, or what is overdue on a day or nobody's."""
    query = _items(school_id, reading).where(follow_ups.c.closed_id.is_(None))
    if owner_id:
        query = query.where(follow_ups.c.owner_id == owner_id, follow_ups.c.nobodys_at.is_(None))
    if asked_by:
        query = query.where(follow_ups.c.asked_by == asked_by, sa.or_(follow_ups.c.owner_id != asked_by, follow_ups.c.nobodys_at.is_not(None)))
    if late_on:
        query = query.where(sa.or_(follow_ups.c.due_on < late_on, follow_ups.c.nobodys_at.is_not(None)))
    if after:
        query = query.where(sa.tuple_(follow_ups.c.due_on, follow_ups.c.id) > after)
    return tx.execute(query.order_by(follow_ups.c.due_on, follow_ups.c.id).limit(limit)).all()


def done_follow_ups(
    tx: sa.Connection, *, school_id: UUID, reading: Reading, whose: UUID | None, before: tuple[datetime, UUID] | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Return what was asked of a person or by them (None: of and by anybody) and is done, the latest first."""
    query = _items(school_id, reading).where(follow_ups.c.closed_id.is_not(None))
    if whose:
        query = query.where(sa.or_(follow_ups.c.owner_id == whose, follow_ups.c.asked_by == whose, follow_ups.c.closed_by == whose))
    if before:
        query = query.where(sa.tuple_(follow_ups.c.closed_at, follow_ups.c.id) < before)
    return tx.execute(query.order_by(follow_ups.c.closed_at.desc(), follow_ups.c.id.desc()).limit(limit)).all()


def set_status(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, pupil_id: UUID, status: str) -> None:
    """Say how an incident stands for a pupil in it."""
    here = incident_pupils.c.school_id == school_id, incident_pupils.c.incident_id == incident_id, incident_pupils.c.pupil_id == pupil_id
    tx.execute(incident_pupils.update().where(*here).values(status=status))


def quiet(
    tx: sa.Connection, *, school_id: UUID, reading: Reading, before: datetime, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Return incidents of welfare and above that are open for a pupil in them, and to which nothing was added since `before`."""
    query, newest = _waiting(school_id, reading, statuses=["open"])
    return _page(tx, query.where(incidents.c["class"] >= int(Class.WELFARE), newest < before), newest=newest, after=after, limit=limit)


def led(tx: sa.Connection, *, school_id: UUID, reading: Reading, after: tuple[datetime, UUID] | None, limit: int) -> Sequence[sa.Row[Any]]:
    """Return incidents this reader leads that are not closed for every pupil in them."""
    query, newest = _waiting(school_id, reading, statuses=["open", "monitoring"])
    mine = sa.select(leads.c.incident_id).where(leads.c.school_id == school_id, leads.c.person_id == reading.person_id)
    return _page(tx, query.where(incidents.c.id.in_(mine)), newest=newest, after=after, limit=limit)


def _waiting(school_id: UUID, reading: Reading, *, statuses: Sequence[str]) -> tuple[sa.Select[Any], sa.ColumnElement[datetime]]:
    """Return incidents that stand like this for a pupil, whose account this reader reads, not only as its author; and when each was added to last."""
    of_it = incident_pupils.c.school_id == incidents.c.school_id, incident_pupils.c.incident_id == incidents.c.id
    stands = sa.select(sa.literal(1)).where(*of_it, incident_pupils.c.status.in_(statuses)).correlate(incidents).exists()
    newest = (
        sa.select(entries.c.recorded_at, entries.c.author_id)
        .where(entries.c.school_id == incidents.c.school_id, entries.c.incident_id == incidents.c.id)
        .order_by(entries.c.ledger_sequence.desc())
        .limit(1)
        .correlate(incidents)
        .lateral("newest")
    )
    read = sa.select(sa.literal(1)).where(entries.c.school_id == incidents.c.school_id, entries.c.id == incidents.c.id, opens(reading))
    query = sa.select(incidents, pupils.c.name.label("pupil_name"), newest.c.recorded_at.label("last_at"), newest.c.author_id.label("last_by"))
    query = query.join(pupils, same(incidents, pupils, "pupil_id")).join(newest, sa.true())
    return query.where(incidents.c.school_id == school_id, stands, read.correlate(incidents).exists()), newest.c.recorded_at


def _page(
    tx: sa.Connection, query: sa.Select[Any], *, newest: sa.ColumnElement[datetime], after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[sa.Row[Any]]:
    if after:
        query = query.where(sa.tuple_(newest, incidents.c.id) > after)
    return tx.execute(query.order_by(newest, incidents.c.id).limit(limit)).all()
