"""What an iCalendar file says to a school, and what a stranger's file cannot do."""

import datetime as dt

import pytest

from safekeep import ical
from safekeep.contracts.alerts import LARGEST_CALENDAR

TODAY = dt.date(2026, 9, 10)


def event(name: str, first: str, last: str = "", *lines: str) -> str:
    until = [f"DTEND;VALUE=DATE:{last}"] if last else []
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{name}{first}", f"SUMMARY:{name}", f"DTSTART;VALUE=DATE:{first}", *until, *lines, "END:VEVENT", ""])


def file(*events: str) -> bytes:
    return ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test\r\n" + "".join(events) + "END:VCALENDAR\r\n").encode()


def read(*events: str) -> list[tuple[str | None, str, str]]:
    return [(e.kind, e.first.isoformat(), e.last.isoformat()) for e in ical.read(file(*events), zone="Europe/London", today=TODAY)]


def test_terms_holidays_inset_days_and_bank_holidays_are_known_by_their_names_and_the_last_day_is_the_day_before_its_end() -> None:
    assert read(event("Autumn Term 2026", "20260902", "20261219"), event("Half-term", "20261026", "20261031")) == [
        (None, "2026-09-02", "2026-12-18"),
        ("holiday", "2026-10-26", "2026-10-30"),
    ]
    names = {
        "Autumn term": "term",
        "INSET Day": "inset",
        "Staff training - closed to pupils": "inset",
        "Christmas Day (substitute day)": "bank_holiday",
        "Early May bank holiday": "bank_holiday",
        "Christmas holidays": "holiday",
        "Hanner tymor": "holiday",
        "Tymor yr hydref": "term",
        "School closed": "closed",
        "Sports day": None,
        "Terminal 5 trip": None,
        "Half marathon": None,
    }
    assert {name: ical.kind_of(name) for name in names} == names


def test_a_term_of_two_single_days_is_joined() -> None:
    first, last = event("Spring term begins", "20270104"), event("End of spring term", "20270326")
    assert read(last, first) == [("term", "2027-01-04", "2027-03-26")]


def test_times_are_days_at_the_school_also_in_summer() -> None:
    late = "BEGIN:VEVENT\r\nUID:1\r\nSUMMARY:INSET\r\nDTSTART:20260706T233000Z\r\nDTEND:20260707T150000Z\r\nEND:VEVENT\r\n"
    assert read(late) == [("inset", "2026-07-07", "2026-07-07")]


def test_what_repeats_is_read_as_often_as_it_falls_and_what_was_called_off_is_not() -> None:
    weekly = event("INSET", "20260907", "20260908", "RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE;VALUE=DATE:20260914")
    assert [first for _, first, _ in read(weekly)] == ["2026-09-07", "2026-09-21"]
    assert read(event("INSET", "20260907", "20260908", "STATUS:CANCELLED")) == []


@pytest.mark.parametrize("rule", ["FREQ=SECONDLY", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;BYSECOND=1,2,3", "FREQ=HOURLY;COUNT=9999999"])
def test_a_rule_that_would_go_on_for_ever_is_left_out(rule: str) -> None:
    assert read(event("INSET", "20260907", "20260908", f"RRULE:{rule}")) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not_a_calendar"),
        (b"<!doctype html><title>Sign in</title>", "not_a_calendar"),
        (b"\xff\xfe\x00", "not_a_calendar"),
        (b"BEGIN:VCALENDAR", "not_a_calendar"),
        (file("BEGIN:VEVENT\r\nDTSTART:99999999\r\nSUMMARY:INSET\r\nEND:VEVENT\r\n"), "not_a_calendar"),
        (file(*(event("INSET", "20260907") for _ in range(1_001))), "too_many"),
        (file(*(event("INSET", "20260907", "20260908", f"RRULE:FREQ=DAILY;COUNT=2;X={n}") for n in range(101))), "too_many"),
        (file(event("INSET", "20200907", "20200908", "RRULE:FREQ=DAILY")), "too_many"),
        (b"BEGIN:VCALENDAR\r\n" + b"X" * LARGEST_CALENDAR, "too_large"),
    ],
    ids=["empty", "a page", "bytes", "cut off", "no date", "too many", "too many that repeat", "daily for years", "too large"],
)
def test_what_is_no_calendar_is_refused_in_a_code(content: bytes, code: str) -> None:
    with pytest.raises(ical.NoCalendar) as refused:
        ical.read(content, zone="Europe/London", today=TODAY)
    assert refused.value.args == (code,)


def test_names_that_are_too_long_or_hold_what_no_text_holds_are_cut_or_left_out() -> None:
    assert len(ical.read(file(event("INSET " + "x" * 500, "20260907")), zone="Europe/London", today=TODAY)[0].name) == 200
    assert read(event("INSET \x07", "20260907")) == []
