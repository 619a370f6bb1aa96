"""The rules of telling: who is still told when the event arrives, and when mail is tried again."""

import random
from collections.abc import Collection
from datetime import timedelta
from typing import Final

from safekeep.permissions import Class, Telling, may_be_told

MAX_ATTEMPTS: Final = 20
"""Attempts to hand over one mail before the school is told that it failed (about eight hours)."""


def is_still_told(*, roles: Collection[str], active: bool, class_: Class) -> bool:
    """Whether somebody whom incidents resolved is still told: only a leaver, or who has no role that may be told, is dropped."""
    return active and may_be_told(roles=roles, class_=class_, concerned=False) != Telling.NEVER


def delay_after(attempts: int) -> timedelta:
    """Return how long to wait before the next try: seconds, doubling to an hour, with jitter."""
    return timedelta(seconds=min(2.0 ** min(attempts, 12), 3600.0) * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret
