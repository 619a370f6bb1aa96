"""The school's calendar: what DSLs enter, what an iCalendar file says, and what one that is subscribed to says."""

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from eventlet import tpool
from nameko.timer import timer

from safekeep import calendar as calendars
from safekeep import clock, ical, subscribing, telemetry
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.alerts import (
    Calendar,
    CalendarAnswer,
    CalendarEvent,
    CalendarFile,
    KeepCalendar,
    KeepSubscription,
    ReadCalendar,
    SpanItem,
)
from safekeep.errors import Invalid, StorageError
from safekeep.ids import new_id
from safekeep.rpc import answers
from services.alerts import store
from services.alerts.service import asking
from services.alerts.service.base import Base

AGAIN = timedelta(hours=12)
"""How long a subscribed calendar is taken as read."""
LONGEST = timedelta(days=200)
SOON = timedelta(days=120)
"""A school year that begins within these is asked for."""

QUIET_DAYS = 3  # school days without a word after which DSLs are shown an incident again


class Calendars(Base):
    """Hours, terms and closed days."""

    @answers(Calendar)
    def calendar(self, actor: Actor, request: Calendar) -> CalendarAnswer:
        with self._school(actor) as tx:
            found = store.calendar_of(tx, school_id=actor.at_school)
            kept = store.calendar_row(tx, school_id=actor.at_school)
            rows = store.spans_of(tx, school_id=actor.at_school)
        today = calendars.local_day(found, clock.now())
        near = {calendars.year_of(today), calendars.year_of(today + SOON)}
        return CalendarAnswer(
            quiet_before=calendars.days_back(found, QUIET_DAYS, now=clock.now()),
            opens_minute=found.opens,
            closes_minute=found.closes,
            weekdays=sorted(found.weekdays),
            spans=[SpanItem(kind=r.kind, first=r.first, last=r.last, name=r.name, source=r.source) for r in rows],
            address=kept.address if kept else "",
            fetched_at=kept.fetched_at if kept else None,
            outcome=kept.outcome if kept else "",
            missing=sorted(near - found.years),
        )

    @answers(KeepCalendar)
    def keep_calendar(self, actor: Actor, request: KeepCalendar) -> Nothing:
        with self._school(actor) as tx:
            closes = store.calendar_of(tx, school_id=actor.at_school).closes
            _check(request, closes=closes)
            store.keep_hours(tx, school_id=actor.at_school, opens_minute=request.opens_minute, weekdays=sorted(set(request.weekdays)))
            entered = [_row(span.kind, span.first, span.last, span.name) for span in request.spans]
            store.replace_spans(tx, school_id=actor.at_school, source="entered", rows=entered)
            asking.set_anew(tx, school_id=actor.at_school)
        return Nothing()

    @answers(KeepSubscription)
    def keep_subscription(self, actor: Actor, request: KeepSubscription) -> Nothing:
        address = subscribing.address_of(request.address)
        if address is None:
            raise Invalid({"address": "not_an_address"})
        with self._school(actor) as tx:
            store.keep_address(tx, school_id=actor.at_school, address=address, next_at=clock.now() if address else None)
            asking.set_anew(tx, school_id=actor.at_school)
        return Nothing()

    @answers(ReadCalendar)
    def read_calendar(self, actor: Actor, request: ReadCalendar) -> CalendarFile:
        with self._school(actor) as tx:
            kept = store.calendar_of(tx, school_id=actor.at_school)
        try:
            found = tpool.execute(ical.read, request.content, zone=kept.zone, today=calendars.local_day(kept, clock.now()))
        except ical.NoCalendar as refused:
            raise Invalid({"file": refused.args[0]}) from None
        return CalendarFile(items=[CalendarEvent(kind=e.kind, first=e.first, last=e.last, name=e.name) for e in found])

    # --- subscriptions

    @timer(interval=5)
    def read_subscriptions(self) -> None:
        """Read what is due, one after the other; an outage of the database is left for the next tick."""
        now = clock.now()
        try:
            with self.host.transaction(self.host.worker_engine) as tx:
                due = store.claim_feeds(tx, now=now, again=now + AGAIN, limit=20)
            for school_id in due:
                self.read_subscription(school_id)
        except StorageError as error:
            telemetry.log().warning("calendar.waiting", sqlstate=error.sqlstate)

    def read_subscription(self, school_id: UUID) -> None:
        """Take what a school's subscription says now. What cannot be read changes nothing but what the page says of it."""
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            kept, known = store.calendar_row(tx, school_id=school_id), store.calendar_of(tx, school_id=school_id)
        if kept is None or not kept.address:
            return
        try:
            content = subscribing.fetch(kept.address, inner=self.host.settings.inner_calendars)  # on green sockets: nobody waits for it
            found = tpool.execute(ical.read, content, zone=known.zone, today=calendars.local_day(known, clock.now()))
            outcome = "read" if any(event.kind for event in found) else "nothing_in_it"
        except (subscribing.Down, ical.NoCalendar) as refused:
            found, outcome = [], refused.args[0]
        host = urlsplit(kept.address).hostname  # the rest of the address may be what opens it
        telemetry.log().info("calendar.read", school_id=str(school_id), outcome=outcome, host=host)
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            is_read = outcome == "read"
            here: dict[str, Any] = {"school_id": school_id}
            if store.keep_outcome(tx, **here, address=kept.address, outcome=outcome, fetched_at=clock.now() if is_read else None) and is_read:
                rows = [_row(event.kind, event.first, event.last, event.name) for event in found if event.kind]
                store.replace_spans(tx, **here, source="subscription", rows=rows)
                asking.set_anew(tx, school_id=school_id)


def _check(request: KeepCalendar, *, closes: int) -> None:
    problems: dict[str, str] = {}
    if request.opens_minute >= closes:
        problems["opens"] = "after_the_end"
    if not request.weekdays or not set(request.weekdays) <= set(range(7)):
        problems["weekdays"] = "missing"
    for number, span in enumerate(request.spans):
        if span.last < span.first:
            problems[f"spans.{number}.last"] = "before_the_first"
        elif span.last - span.first > LONGEST:
            problems[f"spans.{number}.last"] = "too_long_a_time"
    if problems:
        raise Invalid(problems)


def _row(kind: str | None, first: date, last: date, name: str) -> dict[str, Any]:
    return {"id": new_id(), "kind": kind, "first": first, "last": last, "name": name}
