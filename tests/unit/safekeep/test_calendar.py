"""Which days are school days, how time in school passes, and that a day on which the clocks change is as long as it is."""

import datetime as dt
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from safekeep import calendar as c
from safekeep.calendar import Calendar, Span

D = dt.date
LONDON = ZoneInfo("Europe/London")
YEAR = Calendar(
    spans=(
        Span("term", D(2026, 9, 2), D(2026, 12, 18)),
        Span("holiday", D(2026, 10, 26), D(2026, 10, 30)),
        Span("inset", D(2026, 9, 2), D(2026, 9, 2)),
        Span("term", D(2027, 1, 4), D(2027, 3, 25)),
        Span("term", D(2027, 4, 12), D(2027, 7, 21)),
        Span("bank_holiday", D(2027, 5, 3), D(2027, 5, 3)),
    )
)


def local(year: int, month: int, day: int, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime(year, month, day, hour, minute, tzinfo=LONDON).astimezone(dt.UTC)


def test_a_school_day_is_a_weekday_of_a_term_on_which_nothing_closes_the_school() -> None:
    closed = {D(2026, 9, 2), D(2026, 9, 5), D(2026, 10, 28), D(2026, 12, 21), D(2027, 5, 3), D(2026, 8, 20)}
    opened = {D(2026, 9, 3), D(2026, 10, 23), D(2026, 11, 2), D(2026, 12, 18), D(2027, 5, 4)}
    assert {day for day in closed | opened if c.is_school_day(YEAR, day)} == opened


def test_a_year_without_terms_asks_on_every_weekday_that_is_not_closed_and_another_years_terms_do_not_change_that() -> None:
    assert c.is_school_day(Calendar(), D(2026, 8, 20))
    assert not c.is_school_day(Calendar(), D(2026, 8, 22))
    assert c.is_school_day(YEAR, D(2027, 9, 6))
    assert not c.is_school_day(Calendar(spans=(Span("closed", D(2026, 8, 20), D(2026, 8, 20)),)), D(2026, 8, 20))


def test_hours_are_the_schools_own_and_end_before_their_last_moment() -> None:
    assert c.hours_of(YEAR, D(2026, 9, 3)) == (local(2026, 9, 3, 8, 30), local(2026, 9, 3, 15, 30))
    assert c.hours_of(YEAR, D(2026, 9, 5)) is None
    assert c.in_school_hours(YEAR, local(2026, 9, 3, 8, 30))
    assert not c.in_school_hours(YEAR, local(2026, 9, 3, 15, 30))
    assert not c.in_school_hours(YEAR, local(2026, 9, 3, 8, 29))


def test_school_minutes_stand_still_outside_hours_on_inset_days_and_over_half_term() -> None:
    assert c.after_school_minutes(YEAR, local(2026, 9, 3, 10), 60) == local(2026, 9, 3, 11)
    assert c.after_school_minutes(YEAR, local(2026, 9, 3, 15), 60) == local(2026, 9, 4, 9)
    assert c.after_school_minutes(YEAR, local(2026, 9, 4, 15, 20), 60) == local(2026, 9, 7, 9, 20)
    assert c.after_school_minutes(YEAR, local(2026, 10, 23, 15, 30), 30) == local(2026, 11, 2, 9)
    assert c.after_school_minutes(YEAR, local(2026, 12, 20, 12), 30) == local(2027, 1, 4, 9)
    assert c.after_school_minutes(Calendar(weekdays=frozenset()), local(2026, 9, 3, 10), 1) is None


def test_clocks_that_go_back_in_october_and_forward_in_march_move_the_school_day_with_them() -> None:
    """The Friday before and the Monday after have the same hours by the school's clock, an hour apart by UTC."""
    both = Calendar()
    assert c.hours_of(both, D(2026, 10, 23)) == (dt.datetime(2026, 10, 23, 7, 30, tzinfo=dt.UTC), dt.datetime(2026, 10, 23, 14, 30, tzinfo=dt.UTC))
    assert c.hours_of(both, D(2026, 10, 26)) == (dt.datetime(2026, 10, 26, 8, 30, tzinfo=dt.UTC), dt.datetime(2026, 10, 26, 15, 30, tzinfo=dt.UTC))
    assert c.hours_of(both, D(2026, 3, 27)) == (dt.datetime(2026, 3, 27, 8, 30, tzinfo=dt.UTC), dt.datetime(2026, 3, 27, 15, 30, tzinfo=dt.UTC))
    assert c.hours_of(both, D(2026, 3, 30)) == (dt.datetime(2026, 3, 30, 7, 30, tzinfo=dt.UTC), dt.datetime(2026, 3, 30, 14, 30, tzinfo=dt.UTC))
    assert c.after_school_minutes(both, local(2026, 10, 23, 15), 60) == local(2026, 10, 26, 9)
    assert c.after_school_minutes(both, local(2026, 3, 27, 15), 60) == local(2026, 3, 30, 9)


def test_a_boarding_school_open_on_the_night_the_clocks_change_counts_the_hour_there_is_twice_and_not_the_one_there_is_not() -> None:
    nights = Calendar(opens=0, closes=5 * 60, weekdays=frozenset(range(7)))
    october, march = c.hours_of(nights, D(2026, 10, 25)), c.hours_of(nights, D(2026, 3, 29))
    assert october is not None
    assert march is not None
    assert october[1] - october[0] == dt.timedelta(hours=6)
    assert march[1] - march[0] == dt.timedelta(hours=4)
    assert c.after_school_minutes(nights, october[0], 120) == dt.datetime(2026, 10, 25, 1, 0, tzinfo=dt.UTC)
    assert c.after_school_minutes(nights, march[0], 120) == local(2026, 3, 29, 3)


def test_three_school_days_without_anything_added_are_counted_from_the_day_after_and_are_whole() -> None:
    added = local(2026, 9, 3, 12)  # a Thursday
    assert [c.school_days_since(YEAR, added, now=local(2026, 9, day, 9)) for day in (3, 4, 5, 7, 8, 9)] == [0, 0, 1, 1, 2, 3]
    assert c.days_back(YEAR, 3, now=local(2026, 9, 9, 9)) == local(2026, 9, 4, 0)
    assert c.next_opening(YEAR, local(2026, 9, 4, 16)) == local(2026, 9, 7, 8, 30)


moments = st.datetimes(dt.datetime(2026, 8, 1), dt.datetime(2027, 7, 31), timezones=st.just(dt.UTC))


@settings(deadline=None, max_examples=30)
@given(moments, st.integers(1, 900))
def test_school_minutes_are_those_counted_one_by_one(moment: dt.datetime, minutes: int) -> None:
    moment = moment.replace(second=0, microsecond=0)
    found = c.after_school_minutes(YEAR, moment, minutes)
    assert found is not None
    passed = sum(c.in_school_hours(YEAR, moment + dt.timedelta(minutes=n)) for n in range(int((found - moment).total_seconds() // 60)))
    assert passed == minutes


@settings(deadline=None)
@given(moments, moments, st.integers(1, 30))
def test_what_is_older_than_so_many_school_days_is_what_has_waited_as_long(one: dt.datetime, other: dt.datetime, days: int) -> None:
    added, now = min(one, other), max(one, other)
    assert (added < c.days_back(YEAR, days, now=now)) == (c.school_days_since(YEAR, added, now=now) >= days)
