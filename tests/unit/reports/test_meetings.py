"""When governors meet: by the rule, in term time, and what is done before each meeting."""

import datetime as dt

import pytest

from safekeep.calendar import Calendar, Span
from services.reports import meetings
from services.reports.meetings import Cycle

AUTUMN, SPRING = Span("term", dt.date(2026, 9, 1), dt.date(2026, 12, 18)), Span("term", dt.date(2027, 1, 4), dt.date(2027, 3, 26))
HALF_TERM = Span("holiday", dt.date(2026, 10, 26), dt.date(2026, 10, 30))
SCHOOL = Calendar(spans=(AUTUMN, SPRING, HALF_TERM))


def a_cycle(**more: int | str) -> Cycle:
    return Cycle(**({"rule": meetings.rule_of(every=1, week=-1, weekday=2), "starts_on": dt.date(2026, 9, 1), "minute": 1080, "name": "Full"} | more))  # type: ignore[arg-type]


def test_a_meeting_whose_day_has_no_school_moves_by_weeks_to_one_that_has_or_falls_away() -> None:
    found = list(meetings.dates(a_cycle(), [SCHOOL], first=dt.date(2026, 9, 1), last=dt.date(2027, 3, 31)))
    assert found == [
        (dt.date(2026, 9, 30), dt.date(2026, 9, 30)),
        (dt.date(2026, 10, 28), dt.date(2026, 11, 4)),  # half term
        (dt.date(2026, 11, 25), dt.date(2026, 11, 25)),
        (dt.date(2026, 12, 30), dt.date(2027, 1, 6)),  # the holidays
        (dt.date(2027, 1, 27), dt.date(2027, 1, 27)),
        (dt.date(2027, 2, 24), dt.date(2027, 2, 24)),
    ]  # the last of March has no school within three weeks


def test_every_second_month_is_counted_from_the_first_meeting_wherever_one_looks() -> None:
    cycle = a_cycle(rule=meetings.rule_of(every=2, week=2, weekday=1))
    whole = [day for day, _ in meetings.dates(cycle, [Calendar()], first=dt.date(2026, 9, 1), last=dt.date(2028, 8, 31))]
    later = [day for day, _ in meetings.dates(cycle, [Calendar()], first=dt.date(2027, 8, 1), last=dt.date(2028, 8, 31))]
    assert later == [day for day in whole if day >= dt.date(2027, 8, 1)]
    assert [(day.month, day.weekday()) for day in whole[:3]] == [(9, 1), (11, 1), (1, 1)]
    assert all(8 <= day.day <= 14 for day in whole)


@pytest.mark.parametrize("every", meetings.EVERY)
@pytest.mark.parametrize("week", meetings.WEEKS)
def test_a_rule_can_be_read_back(every: int, week: int) -> None:
    assert meetings.parts_of(meetings.rule_of(every=every, week=week, weekday=3)) == (every, week, 3)


@pytest.mark.parametrize("wrong", [{"every": 5}, {"week": 5}, {"weekday": 7}, {"every": 0}])
def test_a_rule_that_is_not_offered_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="not a rule"):
        meetings.rule_of(**({"every": 1, "week": 1, "weekday": 1} | wrong))


def test_what_is_done_before_a_meeting_is_at_eight_by_the_schools_clock() -> None:
    found = meetings.steps(a_cycle(), on_day=dt.date(2026, 10, 28), zone="Europe/London")
    assert found.draft == dt.datetime(2026, 10, 14, 7, 0, tzinfo=dt.UTC), "summer time"
    assert found.chair == dt.datetime(2026, 10, 25, 8, 0, tzinfo=dt.UTC), "the clocks have changed"


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("Full Governing Body", True), ("FGB 2", True), ("Corff Llywodraethol", True), ("Trustees' meeting", True), ("Sports day", False), ("", False)],
)
def test_a_meeting_is_known_by_its_name(name: str, is_one: bool) -> None:
    assert meetings.meeting_names(name) is is_one
