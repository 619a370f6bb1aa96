"""When somebody who was asked to do something is reminded of it: before it is due, on the day, and after, until it is done. Pure."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

Kind = Literal["follow_up_soon", "follow_up_due", "follow_up_overdue", "follow_up_late"]

KINDS: Final = frozenset({"follow_up_soon", "follow_up_due", "follow_up_overdue", "follow_up_late", "follow_up_nobodys"})
"""Kinds of mail about what was asked; `follow_up_late` goes to the DSLs, when it is overdue."""

IN_THE_MORNING: Final = time(8)
AFTER: Final = (1, 3, 5, 10, 15, 20)
"""School days after the day it was due on which its owner is reminded; the DSLs on the first of them. It stays in both their inboxes."""


def is_weekday(day: date) -> bool:
    """Whether it is Monday to Friday."""
    return day.weekday() < 5


def reminders(*, due_on: date, zone: str, now: datetime, is_school_day: Callable[[date], bool] = is_weekday) -> Iterator[tuple[Kind, datetime]]:
    """Yield what is sent and when, of what is later than now: in the morning of school days, as clocks show it where the school is."""

    def school_days(step: int) -> Iterator[date]:
        offset = 0
        while True:
            offset += step
            day = due_on + timedelta(days=offset)
            if is_school_day(day) or abs(offset) > 120:  # nobody has given the calendar of that year yet
                yield day

    planned: list[tuple[Kind, date]] = [("follow_up_soon", next(school_days(-1))), ("follow_up_due", due_on)]
    for count, day in enumerate(school_days(1), start=1):
        if count in AFTER:
            planned.append(("follow_up_overdue", day))
        if count == AFTER[0]:
            planned.append(("follow_up_late", day))
        if count == AFTER[-1]:
            break
    for kind, day in planned:
        at = datetime.combine(day, IN_THE_MORNING, ZoneInfo(zone)).astimezone(UTC)
        if at > now:
            yield kind, at
