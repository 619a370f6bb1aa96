"""The one clock. Code that needs the time calls `now()`; a test sets it instead of sleeping."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_set_to: datetime | None = None


def now() -> datetime:
    """Return the current time in UTC, to the microsecond, or the time a test has set."""
    return _set_to or datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """Return RFC 3339 in UTC with milliseconds and a Z: the one spelling used on the wire and in the ledger."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@contextmanager
def set_to(moment: datetime) -> Iterator[None]:
    """Hold the clock at `moment` inside the block (tests only)."""
    global _set_to
    before, _set_to = _set_to, moment
    try:
        yield
    finally:
        _set_to = before
