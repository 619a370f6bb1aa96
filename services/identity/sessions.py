"""Sessions: how long they last, and what an ended one may still do."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

ABSOLUTE: Final = timedelta(hours=12)
IDLE: Final = timedelta(hours=1)
DRAFT_GRACE: Final = timedelta(days=7)
"""For how long after it ran out a session may still save its own author's draft."""

TOUCH_EVERY: Final = timedelta(minutes=1)
"""Being seen is written at most this often, so that reading pages writes little."""


class State(StrEnum):
    """What a session may do now."""

    LIVE = "live"
    DRAFTS_ONLY = "drafts_only"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Times:
    """A session's times."""

    created_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None


def state(times: Times, *, now: datetime) -> State:
    """Return what the session may do: live; run out, so only drafts; or ended (signed out, or long ago)."""
    if times.ended_at is not None:
        return State.ENDED
    ran_out = min(times.created_at + ABSOLUTE, times.last_seen_at + IDLE)
    if now < ran_out:
        return State.LIVE
    return State.DRAFTS_ONLY if now < ran_out + DRAFT_GRACE else State.ENDED


def stored_form(*, token: str, key: bytes) -> bytes:
    """Return the keyed hash of a session token: all that is stored of it."""
    return hmac.new(key, token.encode(), hashlib.sha256).digest()
