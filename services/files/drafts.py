"""When a draft's author is reminded, when a DSL learns of it, and when it goes. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

LeftFor = Literal["hour", "day", "a_day"]

KEPT: Final = timedelta(days=7)
MOST_BYTES: Final = 200_000
"""How much a half-written form may hold."""

BEFORE_DAY_ENDS: Final = timedelta(minutes=30)
QUIET: Final = timedelta(minutes=15)


def bytes_in(fields: Mapping[str, Sequence[str]]) -> int:
    """Return how many bytes a form holds, names of fields included."""
    return sum(len(text.encode()) for name, values in fields.items() for text in (name, *values))


def next_reminder(*, saved_at: datetime, told: LeftFor | None, zone: str, day_ends_minute: int) -> tuple[datetime, LeftFor] | None:
    """Return when the next reminder is due and which: an hour after saving, half an hour before the school day ends, after a day.

    `told` is the last one given. Nobody is reminded within a quarter of an hour of writing, nor twice within one.
    """
    local = saved_at.astimezone(ZoneInfo(zone))
    ends = datetime.combine(local.date(), time(day_ends_minute // 60, day_ends_minute % 60), ZoneInfo(zone)).astimezone(UTC)
    before_end = max(ends - BEFORE_DAY_ENDS, saved_at + QUIET)
    hour, day, a_day = saved_at + timedelta(hours=1), before_end if before_end < ends else None, saved_at + timedelta(hours=24)
    in_order: list[tuple[datetime, LeftFor]] = [(hour, "hour"), (a_day, "a_day")]
    if day is not None and abs(day - hour) >= QUIET:
        in_order.append((day, "day"))
    in_order.sort()
    kinds = [kind for _, kind in in_order]
    given = 0 if told is None else kinds.index(told) + 1 if told in kinds else kinds.index("a_day")  # the school's day has moved since
    return in_order[given] if given < len(in_order) else None
