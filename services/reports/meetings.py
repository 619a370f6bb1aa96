"""When governors meet, and what comes before a meeting: the draft, the reminder, the chair told. Pure.

Meetings repeat by an RFC 5545 rule, read by the library that reads calendars; a date on which there is no school moves to the next one of the
same weekday that has, within three weeks, and else falls away.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

from safekeep import text
from safekeep.calendar import Calendar, is_school_day

AHEAD: Final = timedelta(days=400)
"""How far ahead meetings are planned."""
WEEKS_MOVED: Final = 3
IN_THE_MORNING: Final = time(8)
EVERY: Final = (1, 2, 3, 4, 6, 12)
"""Months from one meeting to the next."""
WEEKS: Final = (1, 2, 3, 4, -1)
"""Which of the month's such weekdays; -1 is the last."""
_DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, slots=True)
class Cycle:
    """When a school's governors meet as a rule, from a day on; and how many days before a meeting what is done.

    On the day that is `draft_days` before it the draft is made, `remind_days` before it the DSLs are reminded if nobody has approved it,
    `chair_days` before it the chair of governors is told.
    """

    rule: str  # RFC 5545's RRULE, or "" where meetings are entered one by one
    starts_on: date
    minute: int  # after midnight, local
    name: str
    draft_days: int = 14
    remind_days: int = 7
    chair_days: int = 3


@dataclass(frozen=True, slots=True)
class Steps:
    """The moments at which what is done for a meeting, at eight in the morning where the school is."""

    draft: datetime
    remind: datetime
    chair: datetime


def rule_of(*, every: int, week: int, weekday: int) -> str:
    """Return the rule: every so many months, on the so-manieth weekday (Monday is 0). Raises ValueError for others than the page offers."""
    if every not in EVERY or week not in WEEKS or weekday not in range(7):
        raise ValueError("not a rule")
    return f"FREQ=MONTHLY;INTERVAL={every};BYDAY={week}{_DAYS[weekday]}"


def parts_of(rule: str) -> tuple[int, int, int] | None:
    """Return (every, week, weekday) of a rule that `rule_of` made, or None."""
    if not rule:
        return None
    parts = dict(part.partition("=")[::2] for part in rule.split(";"))
    return int(parts["INTERVAL"]), int(parts["BYDAY"][:-2]), _DAYS.index(parts["BYDAY"][-2:])


def dates(cycle: Cycle, calendars: Sequence[Calendar], *, first: date, last: date) -> Iterator[tuple[date, date]]:
    """Yield (the day by the rule, the day on which there is school), of those between two days. Of a trust: school at one of its schools."""
    if not cycle.rule:
        return
    event = icalendar.Event()
    event.add("dtstart", _first_by_rule(cycle))
    event.add("rrule", icalendar.vRecur.from_ical(cycle.rule))
    event.add("uid", "meetings")
    whole = icalendar.Calendar()
    whole.add_component(event)
    for found in recurring_ical_events.of(whole).between(first, last + timedelta(days=1)):
        by_rule = found.start
        day = next((d for d in (by_rule + timedelta(weeks=n) for n in range(WEEKS_MOVED + 1)) if any(is_school_day(c, d) for c in calendars)), None)
        if day is not None and cycle.starts_on <= by_rule and first <= by_rule <= last:
            yield by_rule, day


def _first_by_rule(cycle: Cycle) -> date:
    """Return the first day that keeps the rule: RFC 5545 counts intervals from DTSTART, which is a date of its own whether it keeps it or not."""
    parts = parts_of(cycle.rule)
    assert parts is not None
    _, week, weekday = parts
    for n in range(32 * 2):
        day = cycle.starts_on + timedelta(days=n)
        if day.weekday() == weekday and _is_week(day, week):
            return day
    raise AssertionError("every month has such a day")


def _is_week(day: date, week: int) -> bool:
    return (day + timedelta(days=7)).month != day.month if week == -1 else (day.day - 1) // 7 + 1 == week


def steps(cycle: Cycle, *, on_day: date, zone: str) -> Steps:
    """Return when what is done for a meeting on that day: another day, another draft, other reminders."""

    def before(days: int) -> datetime:
        return datetime.combine(on_day - timedelta(days=days), IN_THE_MORNING, ZoneInfo(zone)).astimezone(UTC)

    return Steps(draft=before(cycle.draft_days), remind=before(cycle.remind_days), chair=before(cycle.chair_days))


def meeting_names(name: str) -> bool:
    """Whether a calendar's event is a meeting of governors, by its name, in English or Welsh."""
    said = text.fold(name)
    return any(word in said for word in ("governor", "governing", "fgb", "trustees", "local committee", "llywodraethwyr", "llywodraethol"))
