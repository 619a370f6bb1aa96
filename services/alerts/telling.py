"""The rules of telling: who is still told when the event arrives, and when mail is tried again."""

import random
from collections.abc import Collection
from datetime import timedelta
from typing import Final

from safekeep.contracts.incidents import Recipient
from safekeep.permissions import ROLE_GROUPS, SAFEGUARDING_TEAM, Class, Telling, may_be_told

MAX_ATTEMPTS: Final = 20
"""Attempts to hand over one mail before the school is told that it failed (about eight hours)."""

BY_ROLE: Final = ROLE_GROUPS | {"nobody_here": ROLE_GROUPS[SAFEGUARDING_TEAM]}
"""What somebody is told for that follows from their role, with the roles. (The Safeguarding team is told where nobody who was asked for is there.)"""


def is_still_told(recipient: Recipient, *, roles: Collection[str], active: bool, class_: Class) -> bool:
    """Whether somebody whom incidents resolved is still told, by the roles they have when the event arrives.

    Those whose role opens the class are. Those to whom it was granted are, as long as they may be told anything. Of the rest only who may be
    told what they need to know, and only by a name, a group of the school's own, or one that still follows from their role: somebody who was a
    DSL when it was recorded and is none now is not.
    """
    telling = may_be_told(roles=roles, class_=class_, concerned=False) if active else Telling.NEVER
    if telling in {Telling.ALLOWED, Telling.NEVER}:
        return telling == Telling.ALLOWED
    if "named" in recipient.because if recipient.granted is None else recipient.granted:
        return True
    holds = [group for group in recipient.because if group not in BY_ROLE or not BY_ROLE[group].isdisjoint(roles)]
    return telling == Telling.NEED_TO_KNOW and bool(holds)


def delay_after(attempts: int) -> timedelta:
    """Return how long to wait before the next try: seconds, doubling to an hour, with jitter."""
    return timedelta(seconds=min(2.0 ** min(attempts, 12), 3600.0) * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret
