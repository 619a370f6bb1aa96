"""Who read what: which reading stands out."""

from datetime import timedelta
from typing import Final

AGAIN: Final = timedelta(minutes=1)
"""The same page fetched again within this is one opening: a page that looks whether anybody has read asks every few seconds."""

DAY_BEGINS, DAY_ENDS = 7, 19
"""Reading before the one o'clock or after the other, or at a weekend, is out of hours: in the school's own time."""

WINDOW: Final = timedelta(hours=1)
MANY: Final = 60
"""So many openings in one window stand out: one a minute for an hour."""

SHOWN: Final = timedelta(days=30)
"""How far back the list of people looks."""
