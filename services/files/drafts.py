"""When a draft's author is reminded, when a DSL learns of it, and when it goes. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

LeftFor = Literal["hour", "day", "a_day"]

KEPT: Final = timedelta(days=7)
MOST_BYTES: Final = 200_000
"""How much a half-written form may hold."""

_ORDER: Final[tuple[LeftFor, ...]] = ("hour", "day", "a_day")
BEFORE_DAY_ENDS: Final = timedelta(minutes=30)


def bytes_in(fields: Mapping[str, Sequence[str]]) -> int:
    """Return how many bytes a form holds, names of fields included."""
    return sum(len(text.encode()) for name, values in fields.items() for text in (name, *values))


def next_reminder(*, saved_at: datetime, told: LeftFor | None, zone: str, day_ends_minute: int) -> tuple[datetime, LeftFor] | None:
    """Return when the next reminder is due and which: an hour after saving, half an hour before the school day ends, after a day.

    `told` is the last one given. The one before the day's end is left out when the hour's comes later than it.
    """
    moments = {"hour": saved_at + timedelta(hours=1), "a_day": saved_at + timedelta(hours=24)}
    local = saved_at.astimezone(ZoneInfo(zone))
    ends = datetime.combine(local.date(), time(day_ends_minute // 60, day_ends_minute % 60), ZoneInfo(zone)) - BEFORE_DAY_ENDS
    if saved_at < ends:
        moments["day"] = ends
    left = _ORDER[_ORDER.index(told) + 1 :] if told else _ORDER
    due = [(moments[kind], kind) for kind in left if kind in moments]
    return min(due) if due else None
