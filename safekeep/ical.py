"""Reading an iCalendar file (RFC 5545): which of its events open or close the school. Pure; what is read is a stranger's.

Published term dates have no field that says "term": it is their names that do. What a name does not say is left to a person.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

from safekeep import text
from safekeep.calendar import Kind
from safekeep.contracts.alerts import LARGEST_CALENDAR

MOST: Final = 1_000
"""Events of a file, and days on which those that repeat fall."""
BACK: Final = timedelta(days=400)
AHEAD: Final = timedelta(days=800)
"""Which events are read, from the day on which they are."""
LONGEST: Final = timedelta(days=200)
"""Days of one event: longer ones are no term and no holiday."""
REPEATING: Final = 100
"""Events that repeat: each is gone through from its first day on."""


class NoCalendar(Exception):
    """What was sent is no iCalendar file, or one that is too much of it. args: a code (not_a_calendar, too_large, too_many)."""


@dataclass(frozen=True, slots=True)
class Found:
    """An event of the calendar, by days at the school. `kind` None: its name does not say what it is to the school."""

    kind: Kind | None
    first: date
    last: date
    name: str


def read(content: bytes, *, zone: str, today: date) -> list[Found]:
    """Return the events around today, earliest first. Raises NoCalendar."""
    if len(content) > LARGEST_CALENDAR:
        raise NoCalendar("too_large")
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").upper().startswith(b"BEGIN:VCALENDAR"):
        raise NoCalendar("not_a_calendar")
    try:
        calendar = icalendar.Calendar.from_ical(content)
        events = [event for event in calendar.walk("VEVENT") if _is_plain(event, today)]
        if len(events) > MOST or sum("RRULE" in event for event in events) > REPEATING:
            raise NoCalendar("too_many")
        calendar.subcomponents = [*(part for part in calendar.subcomponents if part.name != "VEVENT"), *events]
        found = [_found(event, ZoneInfo(zone)) for event in _occurrences(calendar, today)]
    except NoCalendar:
        raise
    except Exception:  # a stranger's file, through two libraries: whatever they stumble over, it is no calendar for us
        raise NoCalendar("not_a_calendar") from None
    named = [event for event in found if event is not None and event.last - event.first <= LONGEST]
    return sorted({*_joined(named)}, key=lambda event: (event.first, event.last, event.name))


def kind_of(name: str) -> Kind | None:
    """Return what an event's name says it is to a school, in English or Welsh."""
    said = re.sub(r"[\W_]+", " ", name.casefold()).strip()
    return next((kind for kind, words in _WORDS if re.search(words, said)), None)


_WORDS: Final[tuple[tuple[Kind, str], ...]] = (
    ("inset", r"\b(inset|in service|staff (training|day)|training day|teacher training|non pupil day|hms)\b"),
    (
        "holiday",
        r"\b(half term|hanner tymor|(school|christmas|easter|summer|autumn|winter|spring|whitsun|october) (holidays?|break|vacation)|gwyliau)\b",
    ),
    (
        "bank_holiday",
        r"\b(bank holiday|public holiday|good friday|easter monday|christmas day|boxing day|new year s day|2nd january"
        r"|st andrew s day|st patrick s day|battle of the boyne|gwyl y banc|gŵyl y banc)\b",
    ),
    ("closed", r"\b(school closed|closed to pupils|closure|polling day|ar gau)\b"),
    ("term", r"\b((autumn|spring|summer|michaelmas|lent|trinity) term( [12])?|term (time|[1-6])|tymor yr? (hydref|gwanwyn|haf))$"),
)
_BEGINS: Final = r"\b(terms? (starts?|begins?|opens?)|(start|beginning) of( \w+){0,2} term|first day of( \w+){0,2} term)\b"
_ENDS: Final = r"\b(terms? (ends?|finish(es)?|closes?)|end of( \w+){0,2} term|last day of( \w+){0,2} term)\b"


def _is_plain(event: Any, today: date) -> bool:
    """Whether an event counts, and repeats (if it does) by days at most: a rule by the second would never end."""
    if str(event.get("STATUS", "")).upper() == "CANCELLED" or "DTSTART" not in event:
        return False
    rules = event.get("RRULE", [])
    if rules and event.start.year < today.year - 10:
        return False
    for rule in rules if isinstance(rules, list) else [rules]:
        if not {str(each).upper() for each in rule.get("FREQ", [])} <= {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}:
            return False
        if any(int(each) < 1 for each in rule.get("INTERVAL", [1])):  # dateutil would go round for ever
            return False
        if {"BYHOUR", "BYMINUTE", "BYSECOND"} & {str(part).upper() for part in rule}:
            return False
    return True


def _occurrences(calendar: Any, today: date) -> Iterator[Any]:
    """Yield events as often as they fall, counting them."""
    found = recurring_ical_events.of(calendar).between(today - BACK, today + AHEAD)
    if len(found) > MOST:
        raise NoCalendar("too_many")
    yield from found


def _found(event: Any, zone: ZoneInfo) -> Found | None:
    name = " ".join(str(event.get("SUMMARY", "")).split())[:200]
    if text.problem_with(name) is not None:
        return None
    first, last = _day(event.start, zone), _last(event.start, event.end, zone)
    return Found(kind_of(name), first, max(first, last), name)


def _day(moment: date | datetime, zone: ZoneInfo) -> date:
    if not isinstance(moment, datetime):
        return moment
    return (moment.astimezone(zone) if moment.tzinfo else moment).date()


def _last(start: date | datetime, end: date | datetime, zone: ZoneInfo) -> date:
    """Return the last day: what ends at midnight, or before a day (RFC 5545: DTEND is not counted), ended the day before."""
    if not isinstance(end, datetime):
        return end - timedelta(days=1)
    return _day(end - timedelta(microseconds=1), zone)


def _joined(events: list[Found]) -> Iterator[Found]:
    """Make a term of "Autumn term starts" and "Autumn term ends", which calendars of single days have."""
    begun: Found | None = None
    for event in sorted(events, key=lambda event: (event.first, event.last)):
        said = re.sub(r"[\W_]+", " ", event.name.casefold()).strip()
        if event.kind in {None, "term"} and re.search(_BEGINS, said):
            begun = event
        elif event.kind in {None, "term"} and re.search(_ENDS, said):
            if begun is not None:
                yield Found("term", begun.first, event.last, begun.name)
            begun = None
        else:
            yield event
