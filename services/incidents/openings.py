"""Who read what: which reading stands out."""

from datetime import datetime, timedelta
from typing import Final

AGAIN: Final = timedelta(minutes=1)
"""The same page fetched again within this is one opening: a page that looks whether anybody has read asks every few seconds."""

WHOLE: Final = ("incident", "chronology", "print", "export")
"""What hands out the whole words of entries; a pupil's page shows their beginning, a file is not the account."""

DAY_BEGINS, DAY_ENDS = 7, 19
"""Reading before the one o'clock or after the other, or at a weekend, is out of hours: in the school's own time."""

WINDOW: Final = timedelta(hours=1)
MANY: Final = 60
"""So many openings in one window stand out: one a minute for an hour."""

SHOWN: Final = timedelta(days=30)
"""How far back the list of people looks."""

UNUSUAL_FOR_LEADS: Final = 200
"""What `MANY` is for DSLs, who open records all day: the other DSLs are told of more than this in one window."""

MOST: Final = 300
MOST_ENTRIES: Final = 10_000
"""More openings in one window, or more entries opened, are refused whoever asks: so fast nobody reads, and a taken-over gateway no faster."""

TOLD_AGAIN: Final = timedelta(days=1)
"""The DSLs are told of one person's reading once in this time."""


def is_unusual(openings: int, *, is_lead: bool) -> bool:
    """Whether so many openings in one window are told to the DSLs."""
    return openings >= (UNUSUAL_FOR_LEADS if is_lead else MANY)


def must_wait(*, openings: int, entries: int, first_at: datetime | None, now: datetime) -> int:
    """Return for how many seconds somebody who opened so much in the window has to wait; 0 when they need not."""
    if first_at is None or (openings < MOST and entries < MOST_ENTRIES):
        return 0
    return max(1, int((first_at + WINDOW - now).total_seconds()))
