"""Passwords: Argon2id, and the slow-down of guessing. Parameters follow OWASP's password storage advice (19 MiB, 2, 1)."""

from datetime import datetime, timedelta
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

FAILURES_ALLOWED: Final = 10
WINDOW: Final = timedelta(minutes=15)

_NOBODY: Final = _HASHER.hash("nobody has this password")


def hash_password(password: str) -> str:
    """Return the Argon2id hash of a password. Takes about 20 ms of CPU: call it off the event loop."""
    return _HASHER.hash(password)


def verify(*, stored: str | None, password: str) -> bool:
    """Whether the password is right. With no stored hash (unknown address) it takes the same time and answers False."""
    try:
        _HASHER.verify(stored or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def wait_needed(*, failures: int, latest: datetime | None, now: datetime) -> int:
    """Return for how many seconds a further attempt has to wait, 0 for none: after ten failures, longer with each."""
    if failures < FAILURES_ALLOWED or latest is None:
        return 0
    pause = min(2 ** (failures - FAILURES_ALLOWED), 300)
    return max(0, int((latest + timedelta(seconds=pause) - now).total_seconds()) + 1) if latest + timedelta(seconds=pause) > now else 0
