"""Meetings of governors and the reports to them. A report that is published has its content for good (a trigger keeps it).

A trust's own are kept as a school's are, under the trust's id.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from services.reports.store.tables import cycles, governor_reports, looks, meetings, trust_parts

_FIRST: dict[str, Any] = {
    "rule": "",
    "minute": 18 * 60,
    "name": "",
    "draft_days": 14,
    "remind_days": 7,
    "chair_days": 3,
    "threshold": 5,
    "chair_id": None,
    "address": "",
    "outcome": "",
    "fetched_at": None,
}


def cycle_of(tx: sa.Connection, *, school_id: UUID, lock: bool = False) -> sa.Row[Any] | None:
    """Return what a school has set of its meetings; locked, so that two do not number a report alike."""
    query = sa.select(cycles).where(cycles.c.school_id == school_id)
    return tx.execute(query.with_for_update() if lock else query).first()


def keep_cycle(tx: sa.Connection, *, school_id: UUID, today: date, **values: Any) -> None:
    """Set some of it."""
    insert = pg.insert(cycles).values(school_id=school_id, **_FIRST | {"starts_on": today} | values)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id"], set_=values or {"name": cycles.c.name}))


def meetings_of(tx: sa.Connection, *, school_id: UUID, since: date = date.min, id: UUID | None = None) -> Sequence[sa.Row[Any]]:
    """Return its meetings from a day on (or the one with this id), earliest first, each with its report's id and state."""
    report = governor_reports
    joined = meetings.outerjoin(report, sa.and_(report.c.school_id == meetings.c.school_id, report.c.meeting_id == meetings.c.id))
    columns = report.c.id.label("report_id"), report.c.state, report.c.reminded_at, report.c.chair_told_at, report.c.made_at, report.c.until
    query = sa.select(meetings, *columns).select_from(joined)
    query = query.where(meetings.c.school_id == school_id, meetings.c.on_day >= since, *([meetings.c.id == id] if id else []))
    return tx.execute(query.order_by(meetings.c.on_day, meetings.c.minute, meetings.c.id)).all()


def meeting_with(tx: sa.Connection, *, school_id: UUID, id: UUID) -> sa.Row[Any] | None:
    """Return a meeting, locked."""
    return tx.execute(sa.select(meetings).where(meetings.c.school_id == school_id, meetings.c.id == id).with_for_update()).first()


def keep_meeting(tx: sa.Connection, *, school_id: UUID, id: UUID, **values: Any) -> None:
    """Add a meeting, or change it."""
    insert = pg.insert(meetings).values(school_id=school_id, id=id, **{"moved_from": None, "cancelled_at": None} | values)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id", "id"], set_=values))


def plan_meetings(tx: sa.Connection, *, school_id: UUID, source: str, from_day: date, rows: Sequence[dict[str, Any]]) -> None:
    """Set what one source says of the days from `from_day` on. What somebody moved or cancelled, or has a report, stays as it is."""
    has_report = sa.exists().where(governor_reports.c.school_id == school_id, governor_reports.c.meeting_id == meetings.c.id)
    untouched = meetings.c.moved_from.is_(None), meetings.c.cancelled_at.is_(None), ~has_report
    theirs = meetings.c.school_id == school_id, meetings.c.source == source, meetings.c.on_day >= from_day
    tx.execute(meetings.delete().where(*theirs, *untouched, meetings.c.key.not_in([row["key"] for row in rows])))
    for row in rows:
        insert = pg.insert(meetings).values(school_id=school_id, source=source, **row)
        changed = {name: row[name] for name in ("on_day", "minute", "name")}
        tx.execute(insert.on_conflict_do_update(index_elements=["school_id", "key"], set_=changed, where=sa.and_(*untouched)))


# --- reports ----------------------------------------------------------------------------------------------------------------


def add_report(tx: sa.Connection, *, school_id: UUID, **values: Any) -> None:
    """Keep a draft."""
    tx.execute(governor_reports.insert().values(school_id=school_id, state="draft", **values))


def report_with(tx: sa.Connection, *, school_id: UUID, id: UUID) -> sa.Row[Any] | None:
    """Return a report, draft or published, locked, with its meeting's day and name."""
    query = sa.select(governor_reports, meetings.c.on_day, meetings.c.minute, meetings.c.name).join(meetings, _of_meeting())
    found = query.where(governor_reports.c.school_id == school_id, governor_reports.c.id == id).with_for_update(of=governor_reports)
    return tx.execute(found).first()


def change_report(tx: sa.Connection, *, school_id: UUID, id: UUID, **values: Any) -> None:
    """Change a draft. Of a published one the database refuses it."""
    tx.execute(governor_reports.update().where(governor_reports.c.school_id == school_id, governor_reports.c.id == id).values(values))


def drafts_of(tx: sa.Connection, *, school_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return its drafts, the oldest first."""
    here = governor_reports.c.school_id == school_id, governor_reports.c.state == "draft"
    return tx.execute(sa.select(governor_reports).where(*here).order_by(governor_reports.c.made_at)).all()


def drop_draft(tx: sa.Connection, *, school_id: UUID, id: UUID) -> None:
    """Take a draft away: its meeting was cancelled."""
    here = governor_reports.c.school_id == school_id, governor_reports.c.id == id, governor_reports.c.state == "draft"
    tx.execute(governor_reports.delete().where(*here))


def next_number(tx: sa.Connection, *, school_id: UUID, year: int) -> int:
    """Return the next number of a school year. The cycle's row must be locked."""
    query = sa.select(sa.func.coalesce(sa.func.max(governor_reports.c.number), 0) + 1)
    return int(tx.execute(query.where(governor_reports.c.school_id == school_id, governor_reports.c.year == year)).scalar_one())


def published(tx: sa.Connection, *, school_id: UUID, limit: int) -> Sequence[sa.Row[Any]]:
    """Return what was published, the newest first."""
    query = sa.select(governor_reports, meetings.c.on_day, meetings.c.name).join(meetings, _of_meeting())
    here = governor_reports.c.school_id == school_id, governor_reports.c.state == "published"
    return tx.execute(query.where(*here).order_by(governor_reports.c.year.desc(), governor_reports.c.number.desc()).limit(limit)).all()


def known_since(tx: sa.Connection, *, school_id: UUID, since: date, but: UUID, drafts: bool = False) -> list[dict[str, Any]]:
    """Return what the world knows, or is about to, of a school's days since then, the newest first: its reports, and its parts of its trust's.

    `but`: not of this report. A trust's draft counts as known: it may be published any day. `drafts`: the school's own do too.
    """
    theirs, parts = governor_reports.c, trust_parts.c
    states = ["draft", "approving", "published"] if drafts else ["approving", "published"]
    own = sa.select(theirs.made_at, theirs.id, theirs.known).where(theirs.school_id == school_id, theirs.state.in_(states), theirs.until >= since)
    trusts = sa.select(parts.made_at, parts.report_id, parts.known).where(parts.school_id == school_id, parts.until >= since)
    found = [row for query in (own.where(theirs.id != but), trusts.where(parts.report_id != but)) for row in tx.execute(query)]
    return [row.known for row in sorted(found, key=lambda row: (row[0], row[1]), reverse=True)]


def published_since(tx: sa.Connection, *, school_id: UUID, moment: datetime) -> bool:
    """Whether another report was approved since then."""
    here = governor_reports.c.school_id == school_id, governor_reports.c.state.in_(["approving", "published"])
    later = sa.or_(governor_reports.c.published_at.is_(None), governor_reports.c.published_at >= moment)
    return bool(tx.execute(sa.select(sa.exists().where(*here, later))).scalar())


def _of_meeting() -> sa.ColumnElement[bool]:
    return sa.and_(meetings.c.school_id == governor_reports.c.school_id, meetings.c.id == governor_reports.c.meeting_id)


# --- the timers -------------------------------------------------------------------------------------------------------------

_CLAIM = sa.text(
    "update looks set next_at = :again from (select school_id from looks where next_at <= :now order by next_at limit :limit "
    "for update skip locked) due where looks.school_id = due.school_id returning looks.school_id"
)


def claim_looks(tx: sa.Connection, *, now: datetime, again: datetime, limit: int) -> list[UUID]:
    """Take the schools whose meetings are to be looked at now (worker role); who dies over it leaves them due `again`."""
    return list(tx.execute(_CLAIM, {"now": now, "again": again, "limit": limit}).scalars())


def look_at(tx: sa.Connection, *, school_id: UUID, at: datetime) -> None:
    """Have a school's meetings looked at then."""
    insert = pg.insert(looks).values(school_id=school_id, next_at=at)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id"], set_={"next_at": at}))
