"""When the DSLs are reminded of a paper form that was handed in and is not scanned. Pure."""

from datetime import datetime, timedelta
from typing import Final

FIRST: Final = timedelta(hours=1)
AGAIN: Final = timedelta(days=1)


def after(reminded_at: datetime) -> datetime:
    """Return when the next reminder is due: each day until it is scanned or taken off."""
    return reminded_at + AGAIN
