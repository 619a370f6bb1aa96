"""The school's calendar: which days are school days, what its hours are, and how time in school passes. Pure.

Hours are local and days are the zone's, so that a day on which the clocks change is as long as it is. Moments are in UTC.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

Kind = Literal["term", "holiday", "inset", "bank_holiday", "closed"]

YEAR_BEGINS: Final = (8, 1)
"""Terms are counted by years from 1 August: Scotland's begin in that month, England's, Wales's and Northern Ireland's later."""
WEEK: Final = frozenset(range(5))
OPENS: Final = 8 * 60 + 30
"""Minutes after midnight at which a school's day begins, until the school says."""
CLOSES: Final = 15 * 60 + 30
FAR: Final = 400
"""Days looked ahead for a school day: a calendar without any within it has none."""


@dataclass(frozen=True, slots=True)
class Span:
    """Days from `first` to `last`, both counted."""

    kind: Kind
    first: date
    last: date

    def holds(self, day: date) -> bool:
        """Whether the day lies in it."""
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Calendar:
    """A school's hours and days. Without a single term in a school year, every weekday of it that is not closed counts:

    who has entered nothing is asked on a day too many, never on one too few.
    """

    zone: str = "Europe/London"
    opens: int = OPENS  # minutes after midnight, local
    closes: int = CLOSES
    weekdays: frozenset[int] = WEEK  # Monday is 0
    spans: tuple[Span, ...] = ()
    _years: frozenset[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        years = (range(year_of(span.first), year_of(span.last) + 1) for span in self.spans if span.kind == "term")
        object.__setattr__(self, "_years", frozenset(year for some in years for year in some))

    @property
    def years(self) -> frozenset[int]:
        """School years for which terms were entered, by the year they begin in."""
        return self._years


def year_of(day: date) -> int:
    """Return the year in which the day's school year began."""
    return day.year if (day.month, day.day) >= YEAR_BEGINS else day.year - 1


def is_school_day(calendar: Calendar, day: date) -> bool:
    """Whether pupils are in school: a weekday of a term, with nothing that closes the school."""
    if day.weekday() not in calendar.weekdays:
        return False
    here = {span.kind for span in calendar.spans if span.holds(day)}
    if here - {"term"}:
        return False
    return "term" in here or year_of(day) not in calendar.years


def hours_of(calendar: Calendar, day: date) -> tuple[datetime, datetime] | None:
    """Return when a day's school hours begin and end, or None for a day without school."""
    if not is_school_day(calendar, day):
        return None
    return _moment(calendar, day, calendar.opens), _moment(calendar, day, calendar.closes)


def in_school_hours(calendar: Calendar, moment: datetime) -> bool:
    """Whether the moment is in school hours; their last moment is not."""
    hours = hours_of(calendar, local_day(calendar, moment))
    return hours is not None and hours[0] <= moment < hours[1]


def local_day(calendar: Calendar, moment: datetime) -> date:
    """Return the day it is at the school."""
    return moment.astimezone(ZoneInfo(calendar.zone)).date()


def school_days_from(calendar: Calendar, day: date) -> Iterator[date]:
    """Yield school days from this one on, as far as FAR days ahead."""
    return (each for each in (day + timedelta(days=n) for n in range(FAR)) if is_school_day(calendar, each))


def next_opening(calendar: Calendar, moment: datetime) -> datetime | None:
    """Return when school hours begin next, at or after the moment. None where there is no school day in sight."""
    for day in school_days_from(calendar, local_day(calendar, moment)):
        begins = _moment(calendar, day, calendar.opens)
        if begins >= moment:
            return begins
    return None


def after_school_minutes(calendar: Calendar, moment: datetime, minutes: int) -> datetime | None:
    """Return the moment by which so many minutes of school hours have passed. None where there is no school in sight."""
    left = timedelta(minutes=minutes)
    for day in school_days_from(calendar, local_day(calendar, moment)):
        begins, ends = _moment(calendar, day, calendar.opens), _moment(calendar, day, calendar.closes)
        begins = max(begins, moment)
        if begins >= ends:
            continue
        if left <= ends - begins:
            return begins + left
        left -= ends - begins
    return None


def school_time_between(calendar: Calendar, first: datetime, last: datetime) -> timedelta:
    """Return how much time of school hours lies between two moments."""
    day, until, passed = local_day(calendar, first), local_day(calendar, last), timedelta()
    while day <= until:
        hours = hours_of(calendar, day)
        if hours is not None:
            passed += max(min(hours[1], last) - max(hours[0], first), timedelta())
        day += timedelta(days=1)
    return passed


def outside_since(calendar: Calendar, moment: datetime) -> datetime:
    """Return when the school hours before the moment ended; a moment within them: their beginning; none in sight: FAR days back."""
    day = local_day(calendar, moment)
    for each in (day - timedelta(days=n) for n in range(FAR)):
        hours = hours_of(calendar, each)
        if hours is not None and hours[1] <= moment:
            return hours[1]
        if hours is not None and hours[0] <= moment:
            return hours[0]
    return moment - timedelta(days=FAR)


def school_days_since(calendar: Calendar, moment: datetime, *, now: datetime) -> int:
    """Return how many whole school days have passed since the moment: those after its day, up to the one before `now`'s."""
    first, today = local_day(calendar, moment), local_day(calendar, now)
    return sum(is_school_day(calendar, first + timedelta(days=n)) for n in range(1, (today - first).days))


def days_back(calendar: Calendar, days: int, *, now: datetime) -> datetime:
    """Return the moment before which so many whole school days have passed (midnight at the school): what is older has waited as long."""
    day = local_day(calendar, now)
    for _ in range(FAR):
        if days <= 0:
            break
        day -= timedelta(days=1)
        days -= is_school_day(calendar, day)
    return _moment(calendar, day, 0)


def merged(*lists: Iterable[Span]) -> tuple[Span, ...]:
    """Return the spans of several sources, each once, in order of days."""
    return tuple(sorted({span for spans in lists for span in spans}, key=lambda span: (span.first, span.last, span.kind)))


def _moment(calendar: Calendar, day: date, minute: int) -> datetime:
    return datetime.combine(day, time(minute // 60, minute % 60), ZoneInfo(calendar.zone)).astimezone(UTC)
