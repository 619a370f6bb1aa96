"""A calendar the school subscribed to: read from where it is published, it sets the school's days; what cannot be read changes nothing of them."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from safekeep import clock, ical
from safekeep.contracts.alerts import Calendar, CalendarAnswer, KeepCalendar, KeepSubscription, ReadCalendar, SpanItem
from safekeep.errors import Invalid
from safekeep.rpc import Resources
from tests.services.alerts.smtp import Server
from tests.services.alerts.test_alerts import NOON, Alerts, smtp  # noqa: F401 - fixture
from tests.services.alerts.test_asking import Clocked
from tests.web import Site, served

AFTER_TWELVE_HOURS = NOON + dt.timedelta(hours=12)
ENTERED = SpanItem(kind="inset", first=dt.date(2026, 4, 20), last=dt.date(2026, 4, 20), name="Training")
TODAY_CLOSED = b"""BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//A council//Term dates//EN\r
BEGIN:VEVENT\r
UID:1@council.example\r
DTSTAMP:20260101T000000Z\r
SUMMARY:Half term\r
DTSTART;VALUE=DATE:20260310\r
DTEND;VALUE=DATE:20260311\r
END:VEVENT\r
END:VCALENDAR\r
"""


@pytest.fixture
def council() -> Iterator[Site]:
    with served() as site:
        publish(site, TODAY_CLOSED)
        yield site


def publish(council: Site, calendar: bytes) -> None:
    council.pages = {"/terms.ics": (200, calendar, "")}


class Subscribed(Clocked):
    """Alerts at noon of a Tuesday, subscribed to a council's calendar, which is let be read by the operator."""

    def __init__(self, alerts: Alerts, council: Site) -> None:
        super().__init__(alerts)
        self.place = council.place
        alerts.resources.settings = alerts.resources.settings.model_copy(update={"inner_calendars": (self.place,)})

    def ask(self, request: Any, *, at: dt.datetime = NOON) -> Any:
        with clock.set_to(at):
            return self.alerts.ask("dsl", request)

    def read(self, *, at: dt.datetime = NOON) -> CalendarAnswer:
        with clock.set_to(at):
            self.alerts.service.read_subscriptions()
        found: CalendarAnswer = self.ask(Calendar(), at=at)
        return found

    def from_there(self, found: CalendarAnswer) -> list[tuple[str, dt.date]]:
        return [(span.kind, span.first) for span in found.spans if span.source == "subscription"]


@pytest.fixture
def subscribed(
    resources: Callable[..., Resources],
    ask_service: Any,
    token_for: Any,
    service_token_for: Any,
    smtp: Server,  # noqa: F811 - fixture
    council: Site,
) -> Subscribed:
    found = Subscribed(Alerts(resources, ask_service, token_for, service_token_for, smtp.url), council)
    found.ask(KeepCalendar(opens_minute=510, weekdays=[0, 1, 2, 3, 4], spans=[ENTERED]))
    found.ask(KeepSubscription(address=f"{found.place}/terms.ics"))
    return found


def test_its_days_are_the_schools_and_what_waits_is_set_anew_by_them(subscribed: Subscribed) -> None:
    """Recorded at noon of what was a school day: asked again after an hour as outside hours, not by the school's."""
    incident = subscribed.alerts.recorded("dsl", "deputy_dsl")
    subscribed.tick(0)
    found = subscribed.read()
    assert (found.outcome, found.fetched_at, subscribed.from_there(found)) == ("read", NOON, [("holiday", NOON.date())])
    assert [s.name for s in found.spans if s.source == "entered"] == ["Training"]
    for minute in (60, 118, 120):
        subscribed.tick(minute)
    assert subscribed.asked(incident) == [(60, ["leads"], True)], "neither before the end of the day nor after two hours: there is no school"


def test_what_cannot_be_read_leaves_its_days_and_is_said(subscribed: Subscribed, council: Site) -> None:
    subscribed.read()
    asked = len(council.asked)
    council.pages.clear()
    subscribed.read(at=AFTER_TWELVE_HOURS - dt.timedelta(minutes=1))
    assert len(council.asked) == asked, "it is asked for twice a day"
    found = subscribed.read(at=AFTER_TWELVE_HOURS)
    assert (found.outcome, found.fetched_at, subscribed.from_there(found)) == ("refused", NOON, [("holiday", NOON.date())])
    publish(council, b"no calendar")
    found = subscribed.read(at=AFTER_TWELVE_HOURS + dt.timedelta(hours=12))
    assert found.outcome not in ("read", "refused")
    assert subscribed.from_there(found) == [("holiday", NOON.date())]


def test_unsubscribed_its_days_are_gone_and_what_was_entered_stays(subscribed: Subscribed, council: Site) -> None:
    subscribed.read()
    subscribed.ask(KeepSubscription(address=""))
    found = subscribed.read(at=AFTER_TWELVE_HOURS)
    assert len(council.asked) == 1
    assert (found.address, found.outcome, found.fetched_at) == ("", "", None)
    assert [(span.source, span.name) for span in found.spans] == [("entered", "Training")]


def test_only_an_address_is_subscribed_to(subscribed: Subscribed) -> None:
    with pytest.raises(Invalid) as refused:
        subscribed.ask(KeepSubscription(address="council.example"))
    assert refused.value.problems == {"address": "not_an_address"}


@pytest.mark.parametrize(("closed", "since"), [((), 5), ((9,), 4), ((9, 6), 3), ((8,), 5)], ids=["none", "Monday", "Friday too", "a Sunday"])
def test_three_school_days_without_a_word_leave_out_what_the_calendar_closes(subscribed: Subscribed, closed: tuple[int, ...], since: int) -> None:
    """Looked at on a Tuesday: what nobody has added to since the Thursday before, or since longer where a day between was none."""
    spans = [SpanItem(kind="closed", first=dt.date(2026, 3, each), last=dt.date(2026, 3, each)) for each in closed]
    subscribed.ask(KeepCalendar(opens_minute=510, weekdays=[0, 1, 2, 3, 4], spans=spans))
    assert subscribed.ask(Calendar()).quiet_before == dt.datetime(2026, 3, since, tzinfo=dt.UTC)


@pytest.mark.parametrize("how", ["a file", "a subscription"])
def test_which_events_are_near_goes_by_the_day_it_is_at_the_school(subscribed: Subscribed, council: Site, how: str) -> None:
    """At a quarter past midnight of a summer's day, when in London it is a day later than by the clock of a server."""
    at = dt.datetime(2026, 7, 14, 23, 15, tzinfo=dt.UTC)
    last = dt.date(2026, 7, 15) + ical.AHEAD - dt.timedelta(days=1)
    content = TODAY_CLOSED.replace(b"20260311", (last + dt.timedelta(days=1)).strftime("%Y%m%d").encode())
    content = content.replace(b"20260310", last.strftime("%Y%m%d").encode())
    if how == "a file":
        found = [event.first for event in subscribed.ask(ReadCalendar(content=content), at=at).items]
    else:
        publish(council, content)
        found = [first for _, first in subscribed.from_there(subscribed.read(at=at))]
    assert found == [last]
