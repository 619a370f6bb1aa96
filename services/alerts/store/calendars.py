"""Schools' calendars: hours, terms, closed days, and the address one is subscribed to."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from safekeep.calendar import CLOSES, OPENS, WEEK, Calendar, Span, merged
from services.alerts.store.tables import calendar_spans, calendars, feeds, schools


def keep_school(tx: sa.Connection, *, school_id: UUID, zone: str, day_ends_minute: int) -> None:
    """Keep identity's latest word on a school."""
    values = {"zone": zone, "day_ends_minute": day_ends_minute}
    tx.execute(pg.insert(schools).values(school_id=school_id, **values).on_conflict_do_update(index_elements=["school_id"], set_=values))


def calendar_of(tx: sa.Connection, *, school_id: UUID) -> Calendar:
    """Return the calendar a school goes by; one that has set nothing has the first setting."""
    school = tx.execute(sa.select(schools).where(schools.c.school_id == school_id)).first()
    kept = calendar_row(tx, school_id=school_id)
    spans = [Span(row.kind, row.first, row.last) for row in spans_of(tx, school_id=school_id)]
    opens, closes = kept.opens_minute if kept else OPENS, school.day_ends_minute if school else CLOSES
    if closes <= opens:  # one of the two was mistyped: a day too long asks too often, one without hours asks nobody
        opens, closes = OPENS, CLOSES
    return Calendar(
        zone=school.zone if school else "Europe/London",
        opens=opens,
        closes=closes,
        weekdays=frozenset(kept.weekdays) if kept else WEEK,
        spans=merged(spans),
    )


def calendar_row(tx: sa.Connection, *, school_id: UUID) -> sa.Row[Any] | None:
    """Return what a school has set: hours, weekdays, subscription."""
    return tx.execute(sa.select(calendars).where(calendars.c.school_id == school_id)).first()


def spans_of(tx: sa.Connection, *, school_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return its terms and closed days, earliest first."""
    query = sa.select(calendar_spans).where(calendar_spans.c.school_id == school_id)
    return tx.execute(query.order_by(calendar_spans.c.first, calendar_spans.c.last, calendar_spans.c.kind)).all()


def keep_hours(tx: sa.Connection, *, school_id: UUID, opens_minute: int, weekdays: Sequence[int]) -> None:
    """Set when its day begins and on which days of the week."""
    _keep(tx, school_id=school_id, opens_minute=opens_minute, weekdays=list(weekdays))


def keep_address(tx: sa.Connection, *, school_id: UUID, address: str, next_at: datetime | None) -> None:
    """Subscribe to a calendar, read at `next_at`; with "" end that, and forget what was read."""
    _keep(tx, school_id=school_id, address=address, outcome="", fetched_at=None)
    tx.execute(feeds.delete().where(feeds.c.school_id == school_id))
    if next_at is not None:
        tx.execute(feeds.insert().values(school_id=school_id, next_at=next_at))
    if not address:
        replace_spans(tx, school_id=school_id, source="subscription", rows=[])


def keep_outcome(tx: sa.Connection, *, school_id: UUID, address: str, outcome: str, fetched_at: datetime | None) -> bool:
    """Keep what became of reading an address. Returns False where the school is not subscribed to it any more."""
    values: dict[str, Any] = {"outcome": outcome} | ({"fetched_at": fetched_at} if fetched_at else {})
    here = calendars.c.school_id == school_id, calendars.c.address == address
    return tx.execute(calendars.update().where(*here).values(values)).rowcount == 1


def replace_spans(tx: sa.Connection, *, school_id: UUID, source: str, rows: Sequence[dict[str, Any]]) -> None:
    """Set what one source says, whole."""
    tx.execute(calendar_spans.delete().where(calendar_spans.c.school_id == school_id, calendar_spans.c.source == source))
    if rows:
        tx.execute(calendar_spans.insert(), [{"school_id": school_id, "source": source, **row} for row in rows])


_FEEDS = sa.text(
    "update feeds set next_at = :again from (select school_id from feeds where next_at <= :now order by next_at limit :limit "
    "for update skip locked) due where feeds.school_id = due.school_id returning feeds.school_id"
)


def claim_feeds(tx: sa.Connection, *, now: datetime, again: datetime, limit: int) -> list[UUID]:
    """Take the schools whose subscription is to be read now (worker role); it is due next at `again`."""
    return list(tx.execute(_FEEDS, {"now": now, "again": again, "limit": limit}).scalars())


def _keep(tx: sa.Connection, *, school_id: UUID, **values: Any) -> None:
    first = {"opens_minute": OPENS, "weekdays": sorted(WEEK), "address": "", "outcome": "", "fetched_at": None}
    insert = pg.insert(calendars).values(school_id=school_id, **first | values)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id"], set_=values))
