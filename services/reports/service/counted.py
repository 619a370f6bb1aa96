"""What a report to governors is made of, from what reports has counted of the events."""

from collections.abc import Collection
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from services.reports import counting, store
from services.reports.governing import Concern, Counted


def counted_for(
    tx: sa.Connection, *, school_id: UUID, zone: str, since: date, today: date, without: Collection[UUID] = (), but: Collection[UUID] = ()
) -> Counted:
    """Return what was recorded at a school since then, and how things stand today; `without` these incidents, `but` for these children."""
    first, last = counting.months_between(since=since, until=today)
    here = ZoneInfo(zone)
    concerns = [
        Concern(
            on=each.recorded_at.astimezone(here).date(),
            category=each.main,
            class_code=each.class_.code,
            year_group="" if each.year_group == counting.UNKNOWN_YEAR else each.year_group,
            acknowledged=counting.minutes_after(each.recorded_at, each.read_at),
            answered=counting.minutes_after(each.recorded_at, each.answered_at),
            standing=each.standing,
            referrals=each.referrals,
        )
        for each in store.counted_between(tx, school_id=school_id, first=first, last=last, without=without).values()
    ]
    concerns = [concern for concern in concerns if since <= concern.on <= today]
    children = counting.with_flags((flag for flag in store.flags_of(tx, school_id=school_id) if flag[0] not in but), on=today)
    return Counted(concerns=concerns, children=children, overdue=store.overdue(tx, school_id=school_id, today=today, without=without))
