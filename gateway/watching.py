"""Inboxes that open pages show. A page asks its gateway every 0.6 seconds; the gateway answers from memory, and asks alerts for everybody at once.

So a page costs a request that touches nothing else, and three hundred of them cost alerts what one does.
"""

import threading
import time
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from gateway import rpc
from safekeep import telemetry
from safekeep.contracts.alerts import Watch, WatchedInbox

ASK_EVERY: Final = 0.2
WATCHED_FOR: Final = 5.0
"""Seconds after a page has asked last that its inbox is still asked about."""
GOOD_FOR: Final = 2.0
"""What is known is not said any more when alerts has not answered for so long."""
AT_ONCE: Final = 500


@dataclass(slots=True)
class _Watched:
    token: str
    asked_at: float
    known: WatchedInbox | None = None
    known_at: float = 0.0


_watched: dict[tuple[UUID, UUID], _Watched] = {}
_lock = threading.Lock()
_thread: threading.Thread | None = None


def inbox(*, school_id: UUID, person_id: UUID, token: str) -> WatchedInbox | None:
    """Return what is known of somebody's inbox, and go on watching it; None where nothing is known yet, or alerts is away."""
    global _thread
    now = time.monotonic()
    each = _watched.get((school_id, person_id))
    if each is None or now - each.asked_at > WATCHED_FOR:
        each = _watched[school_id, person_id] = _Watched(token, now)
    each.token, each.asked_at = token, now
    if _thread is None:
        with _lock:
            if _thread is None:
                _thread = threading.Thread(target=_go_on, name="watching", daemon=True)
                _thread.start()
    return each.known if each.known is not None and now - each.known_at < GOOD_FOR else None


def look() -> None:
    """Ask alerts about everybody who is watching."""
    now = time.monotonic()
    for key, each in list(_watched.items()):
        if now - each.asked_at > WATCHED_FOR:
            _watched.pop(key, None)
    watching: list[Any] = list(_watched.values())
    for start in range(0, len(watching), AT_ONCE):
        part = watching[start : start + AT_ONCE]
        found = rpc.ask(Watch(actor_tokens=[each.token for each in part]), token="", seconds=2.0).items
        for each, known in zip(part, found, strict=True):
            each.known, each.known_at = (known if known.mark else None), time.monotonic()


def _go_on() -> None:
    while True:
        time.sleep(ASK_EVERY)
        try:
            look()
        except Exception as error:  # nobody would start it again: whatever fails, pages go on being told
            telemetry.log().info("inboxes.not_seen", error=type(error).__name__)
            time.sleep(1.0)
