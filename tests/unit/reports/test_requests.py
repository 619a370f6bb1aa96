"""By when a request for information must be answered, by which rule, and when to warn before."""

import datetime as dt

import pytest

from safekeep.calendar import Calendar, Span, is_school_day
from services.reports import requests
from services.reports.requests import Due, Kind


def day(month: int, number: int, year: int = 2026) -> dt.date:
    return dt.date(year, month, number)


SCHOOL = Calendar(
    spans=(
        Span("term", day(4, 13), day(7, 17)),
        Span("holiday", day(5, 25), day(5, 29)),
        Span("term", day(9, 2), day(12, 18)),
        Span("inset", day(9, 2), day(9, 3)),
        Span("holiday", day(10, 26), day(10, 30)),
        Span("bank_holiday", day(5, 4), day(5, 4)),
        Span("bank_holiday", day(5, 25), day(5, 25)),
        Span("bank_holiday", day(8, 31), day(8, 31)),
        Span("bank_holiday", day(12, 25), day(12, 25)),
        Span("bank_holiday", day(12, 28), day(12, 28)),
    )
)


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (day(9, 3), day(10, 5)),  # 3 October is a Saturday
        (day(9, 8), day(10, 8)),
        (day(7, 20), day(8, 20)),  # in the holidays all the same
        (day(7, 31), day(9, 1)),  # 31 August is a bank holiday
        (day(1, 31), day(3, 2)),  # no 31 February: its last is a Saturday, and Sunday after it
        (day(10, 31), day(11, 30)),
        (day(11, 25), day(12, 29)),  # Christmas, a weekend, the bank holiday after it
        (day(12, 15), day(1, 15, 2027)),
        (day(1, 30, 2028), day(2, 29, 2028)),
    ],
)
def test_subject_access_is_due_on_the_corresponding_day_of_the_next_month_or_the_working_day_after(received: dt.date, expected: dt.date) -> None:
    for kind in requests.SUBJECT_ACCESS:
        assert requests.due(kind, received=received, school=SCHOOL) == Due(expected, "one_month")


def test_time_runs_from_the_proof_of_identity_only_where_it_was_asked_for() -> None:
    asked = {"received": day(9, 8), "identity_asked": True, "school": SCHOOL}
    assert requests.due("subject_access_parent", **asked) == Due(None, "identity_first")  # type: ignore[arg-type]
    assert requests.due("subject_access_parent", identity_proved=day(9, 15), **asked) == Due(day(10, 15), "one_month")  # type: ignore[arg-type]
    known = requests.due("subject_access_parent", received=day(9, 8), identity_proved=day(9, 15), school=SCHOOL)
    assert known == Due(day(10, 8), "one_month")


def test_a_complex_request_has_two_further_months_and_the_asker_is_told_in_the_first() -> None:
    found = requests.due("subject_access_pupil", received=day(9, 8), extended=True, school=SCHOOL)
    assert found == Due(day(12, 8), "three_months")
    assert requests.latest_to_tell_of_more_time(begins=day(9, 8), school=SCHOOL) == day(10, 8)


def test_freedom_of_information_has_twenty_school_days() -> None:
    found = requests.due("freedom_of_information", received=day(9, 14), school=SCHOOL)
    assert found == Due(day(10, 12), "twenty_school_days")
    over_half_term = requests.due("freedom_of_information", received=day(10, 19), school=SCHOOL)
    assert over_half_term == Due(day(11, 23), "twenty_school_days")  # four days, the holiday's week, sixteen
    before_inset = requests.due("freedom_of_information", received=day(9, 1), school=SCHOOL)
    assert before_inset.on is not None
    assert sum(is_school_day(SCHOOL, day(9, 1) + dt.timedelta(days=n)) for n in range(1, (before_inset.on - day(9, 1)).days + 1)) == 20


def test_freedom_of_information_never_has_more_than_sixty_working_days() -> None:
    long = Calendar(spans=(Span("term", day(4, 13), day(5, 8)), Span("term", day(9, 21), day(12, 18)), Span("bank_holiday", day(5, 4), day(5, 4))))
    found = requests.due("freedom_of_information", received=day(5, 1), school=long)
    assert found == Due(day(7, 27), "sixty_working_days")  # sixty weekdays end on 24 July, a bank holiday among them
    assert requests.due("freedom_of_information", received=day(9, 14), school=Calendar()).on == day(10, 12)  # nothing entered: weekdays


def test_courts_and_police_say_their_own_day() -> None:
    assert requests.due("court", received=day(9, 8), given=day(9, 12), school=SCHOOL) == Due(day(9, 12), "as_given")
    assert requests.due("police", received=day(9, 8), school=SCHOOL) == Due(None, "as_given")


@pytest.mark.parametrize(
    ("kind", "more", "why"),
    [
        ("subject_access_parent", {"identity_proved": day(9, 7)}, "proved_before_received"),
        ("court", {"given": day(9, 7)}, "due_before_received"),
        ("court", {}, "court_without_day"),
        ("freedom_of_information", {"extended": True}, "not_extendable"),
        ("police", {"extended": True}, "not_extendable"),
    ],
)
def test_what_cannot_be_is_refused_by_its_code(kind: Kind, more: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=f"^{why}$"):
        requests.due(kind, received=day(9, 8), school=SCHOOL, **more)  # type: ignore[arg-type]


def test_warnings_come_on_the_agreed_days_and_none_before_the_request() -> None:
    found = Due(day(9, 18), "as_given")
    assert requests.warnings(found, received=day(9, 8)) == (day(9, 11), day(9, 16), day(9, 18))
    assert requests.warnings(found, received=day(9, 8), before=(3, 3)) == (day(9, 15),)
    assert requests.warnings(Due(None, "identity_first"), received=day(9, 8)) == ()


def test_child_abuse_data_is_kept_from_a_parent_who_asks_for_a_child_and_from_no_one_else() -> None:
    assert [kind for kind in requests.KINDS if "child_abuse_data" in requests.exemptions(kind)] == ["subject_access_parent"]
    assert all("other_people" in requests.exemptions(kind) for kind in requests.KINDS if kind != "freedom_of_information")
    assert requests.exemptions("freedom_of_information") == ("foi_personal", "foi_others"), "the Act of 2018 is not what a stranger asks under"


@pytest.mark.parametrize(
    ("today", "warned_on", "expected"),
    [
        (day(9, 24), None, "soon"),
        (day(9, 24), day(9, 24), None),
        (day(9, 25), day(9, 24), None),
        (day(10, 1), day(9, 24), "soon"),
        (day(10, 8), day(10, 6), "today"),
        (day(10, 9), day(10, 8), "late"),
        (day(10, 20), day(10, 9), None),  # it was told; the log goes on saying so
        (day(10, 20), None, "late"),  # of what was missed only the last
        (day(9, 10), None, None),
    ],
)
def test_each_day_to_warn_on_is_told_once_and_of_those_missed_only_the_last(today: dt.date, warned_on: dt.date | None, expected: str | None) -> None:
    found = Due(day(10, 8), "one_month")
    assert requests.step_of(found, received=day(9, 8), warned_on=warned_on, today=today) == expected


def test_of_a_request_whose_day_is_not_known_nothing_is_told() -> None:
    assert requests.step_of(Due(None, "identity_first"), received=day(9, 8), warned_on=None, today=day(12, 1)) is None
