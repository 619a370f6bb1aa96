"""Sessions: how long they last, when they lock, and what one that has ended may still do."""

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

ABSOLUTE: Final = timedelta(hours=12)
PROGRAM_IDLE: Final = timedelta(hours=1)
"""A program has no screen to lock: after this its session has run out."""
DRAFT_GRACE: Final = timedelta(days=7)
"""For how long after it ran out a session may still save its own author's draft."""

TOUCH_EVERY: Final = timedelta(seconds=4)
"""Being seen is written at most this often."""
LOCK_GRACE: Final = timedelta(seconds=10)
"""A page says that somebody is there five seconds later at most, its gateway says so to us after four more: the server locks this much after
the page has, where the page did not say so itself; never before it."""
SEEN_AHEAD: Final = timedelta(seconds=75)
"""A gateway remembers a session for a minute: it can have seen somebody at most so much later than we were asked."""


class State(StrEnum):
    """What a session may do now."""

    LIVE = "live"
    LOCKED = "locked"
    DRAFTS_ONLY = "drafts_only"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Times:
    """A session's times."""

    created_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None
    locked_at: datetime | None = None
    is_program: bool = False


def state(times: Times, *, now: datetime, lock_after: timedelta) -> State:
    """Return what the session may do: live; locked; run out, so only drafts; or ended (signed out, or long ago)."""
    if times.ended_at is not None:
        return State.ENDED
    ran_out = times.created_at + ABSOLUTE
    if times.is_program:
        ran_out = min(ran_out, times.last_seen_at + PROGRAM_IDLE)
    if now >= ran_out:
        return State.DRAFTS_ONLY if now < ran_out + DRAFT_GRACE else State.ENDED
    if times.locked_at is not None or (not times.is_program and now >= times.last_seen_at + lock_after + LOCK_GRACE):
        return State.LOCKED
    return State.LIVE


def stored_form(*, token: str, key: bytes) -> bytes:
    """Return the keyed hash of a session's (or link's, or code's) token: all that is stored of it."""
    return hmac.new(key, token.encode("utf-8", "replace"), hashlib.sha256).digest()


def form_key(*, session_id: str, key: bytes) -> str:
    """Return what a session's forms are signed with. It follows from the session, so that a new token leaves open forms good."""
    return hmac.new(key, b"form " + session_id.encode(), hashlib.sha256).hexdigest()


def device_token(*, person_id: str, number: str, key: bytes) -> str:
    """Return what a browser keeps to be known again as one this person has signed in with (OWASP's device cookies)."""
    return f"{number}.{hmac.new(key, f'device {person_id} {number}'.encode(), hashlib.sha256).hexdigest()}"


def number_of_device(*, tokens: Collection[str], person_id: str, key: bytes) -> str:
    """Return the number of the first token that says this browser is one the person has signed in with, or ""."""
    return next((token.partition(".")[0] for token in tokens if is_device_of(token=token, person_id=person_id, key=key)), "")


def is_device_of(*, token: str, person_id: str, key: bytes) -> bool:
    """Whether a browser is one the person has signed in with before."""
    number, _, _ = token.partition(".")
    return bool(number) and hmac.compare_digest(token.encode("utf-8", "replace"), device_token(person_id=person_id, number=number, key=key).encode())
