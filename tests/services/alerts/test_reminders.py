"""Reminders of what somebody was asked: when they come, to whom, and that none comes of what is done or another's."""

import datetime as dt
from typing import Any

import pytest

from safekeep import clock
from safekeep.contracts.alerts import KeepCalendar, SpanItem
from safekeep.contracts.incidents import FollowUpChanged
from safekeep.ids import new_id
from services.alerts import reminding
from tests.services.alerts.smtp import Server, text_of
from tests.services.alerts.test_alerts import Alerts, alerts, smtp  # noqa: F401 - fixtures

MONDAY = dt.datetime(2026, 3, 9, 10, 0, tzinfo=dt.UTC)
SOON, DUE, OVERDUE = (
    "Something you are asked to do is due soon",
    "Something you are asked to do is due today",
    "Something you are asked to do is overdue",
)
LATE, NOBODYS = "Something that was asked at your school is overdue", "Something that was asked has nobody to do it"


class Reminded:
    """Alerts that hears what is asked of the teacher, and a mailbox."""

    def __init__(self, alerts: Alerts, smtp: Server) -> None:  # noqa: F811 - fixtures
        self.alerts, self.smtp = alerts, smtp
        self.incident, self.entry = new_id(), new_id()

    def hear(self, *, owner: str | None = "teacher", due: dt.datetime, state: str = "open", now: dt.datetime = MONDAY) -> None:
        people = self.alerts.people
        said = {
            "incident_id": self.incident,
            "entry_id": self.entry,
            "asked_by": people["dsl"],
            "due_on": due.date(),
            "zone": "Europe/London",
            "state": state,
        }
        leads = [people["dsl"], people["deputy_dsl"]]
        with clock.set_to(now):
            event = self.alerts.event(FollowUpChanged, subject=self.incident, owner_id=owner and people[owner], leads=leads, **said)
            self.alerts.hear(event)

    def sent_by(self, moment: dt.datetime) -> list[tuple[str, str]]:
        """Let it be that moment; return whom what was sent since the last time."""
        self.smtp.taken.clear()
        with clock.set_to(moment):
            self.alerts.service.send_mail()
        return sorted((str(mail["To"].addresses[0].addr_spec).partition("@")[0], str(mail["Subject"])) for mail in self.smtp.taken)


@pytest.fixture
def reminded(alerts: Alerts, smtp: Server) -> Reminded:  # noqa: F811 - fixtures
    return Reminded(alerts, smtp)


def day(number: int, hour: int = 0, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, 3, number, hour, minute, tzinfo=dt.UTC)


def test_its_owner_is_reminded_before_on_the_day_and_after_and_the_dsls_once_it_is_overdue(reminded: Reminded) -> None:
    reminded.hear(due=day(12))  # a Thursday
    assert reminded.sent_by(day(11, 7, 59)) == []
    assert reminded.sent_by(day(11, 8)) == [("teacher", SOON)]
    assert reminded.sent_by(day(12, 8)) == [("teacher", DUE)]
    assert reminded.sent_by(day(13, 8)) == [("deputy_dsl", LATE), ("dsl", LATE), ("teacher", OVERDUE)]
    assert reminded.sent_by(day(16, 8)) == [], "the second school day after it"
    assert reminded.sent_by(day(17, 8)) == [("teacher", OVERDUE)]
    text = text_of(reminded.smtp.taken[0])
    assert "/s/one/follow-ups" in text
    assert "Dee Lead" in text
    for word in ("Sarah", str(reminded.incident)):
        assert word not in text


def test_what_is_done_reminds_nobody(reminded: Reminded) -> None:
    reminded.hear(due=day(12))
    assert len(reminded.sent_by(day(11, 8))) == 1
    reminded.hear(due=day(12), state="closed", now=day(11, 9))
    assert reminded.sent_by(day(31)) == []


def test_what_was_given_to_another_or_put_off_reminds_as_it_is_now(reminded: Reminded) -> None:
    reminded.hear(due=day(12))
    reminded.hear(due=day(18), owner="pastoral")
    assert reminded.sent_by(day(13, 8)) == []
    assert reminded.sent_by(day(18, 9)) == [("pastoral", SOON), ("pastoral", DUE)]


def test_of_what_is_nobodys_the_dsls_and_who_asked_are_told_at_once(reminded: Reminded) -> None:
    reminded.hear(due=day(12))
    reminded.hear(due=day(12), owner=None, state="nobodys")
    assert reminded.sent_by(MONDAY) == [("deputy_dsl", NOBODYS), ("dsl", NOBODYS)]
    assert reminded.sent_by(day(31)) == []


def test_a_dsl_who_is_asked_has_one_mail_a_morning(reminded: Reminded) -> None:
    reminded.hear(due=day(12), owner="dsl")
    reminded.sent_by(day(12, 23))
    assert reminded.sent_by(day(13, 8)) == [("deputy_dsl", LATE), ("dsl", OVERDUE)]


def test_the_same_event_twice_reminds_once(reminded: Reminded) -> None:
    said: dict[str, Any] = {
        "incident_id": reminded.incident,
        "entry_id": reminded.entry,
        "due_on": day(12).date(),
        "zone": "Europe/London",
        "state": "open",
        "leads": [],
    }
    people = reminded.alerts.people
    with clock.set_to(MONDAY):
        event = reminded.alerts.event(FollowUpChanged, subject=reminded.incident, asked_by=people["dsl"], owner_id=people["teacher"], **said)
        for _ in range(3):
            reminded.alerts.hear(event)
    assert reminded.sent_by(day(11, 8)) == [("teacher", SOON)]


@pytest.mark.parametrize(
    ("due", "first"),
    [(day(16), day(13, 8)), (day(9), day(10, 8)), (day(30), day(27, 8)), (day(31), day(30, 7))],
    ids=[
        "a Monday: the Friday before",
        "asked today for today, after eight: the day after",
        "the clocks change between: at eight before",
        "and at eight after",
    ],
)
def test_the_first_reminder_is_on_a_school_day(due: dt.datetime, first: dt.datetime) -> None:
    planned = list(reminding.reminders(due_on=due.date(), zone="Europe/London", now=MONDAY))
    assert planned[0][1] == first
    assert all(reminding.is_weekday(at.date()) for kind, at in planned if kind != "follow_up_due")


def keep_closed(reminded: Reminded, *days: int, now: dt.datetime = MONDAY) -> None:
    """Let the school's calendar say that it is closed on these days of the month."""
    spans = [SpanItem(kind="closed", first=day(number).date(), last=day(number).date()) for number in days]
    with clock.set_to(now):
        reminded.alerts.ask("dsl", KeepCalendar(opens_minute=510, weekdays=[0, 1, 2, 3, 4], spans=spans))


def test_days_on_which_the_schools_calendar_closes_it_are_no_school_days(reminded: Reminded) -> None:
    """Due on a Thursday between two closed days: before it on the Tuesday, after it on the Monday. On the day itself whatever it is."""
    keep_closed(reminded, 11, 13)
    reminded.hear(due=day(12))
    assert reminded.sent_by(day(10, 7, 59)) == []
    assert reminded.sent_by(day(10, 8)) == [("teacher", SOON)]
    assert reminded.sent_by(day(11, 23)) == []
    assert reminded.sent_by(day(12, 8)) == [("teacher", DUE)]
    assert reminded.sent_by(day(13, 23)) == []
    assert reminded.sent_by(day(16, 8)) == [("deputy_dsl", LATE), ("dsl", LATE), ("teacher", OVERDUE)]


def test_a_school_that_never_opens_again_does_not_hold_it_up() -> None:
    assert len(list(reminding.reminders(due_on=day(12).date(), zone="Europe/London", now=MONDAY, is_school_day=lambda _: False))) == 8
