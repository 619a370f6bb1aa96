"""Who was there since identity was told. A page answered from what is remembered asks identity nothing; this tells it, all in one call.

Without it a session would lock by what identity saw a minute ago, so the server would have to wait that much longer than the page.
"""

import threading
import time
from typing import Any, Final

from gateway import rpc
from safekeep import telemetry
from safekeep.contracts.identity import Seen, SeenItem
from safekeep.errors import SafekeepError

TELL_EVERY: Final = 4.0
KEPT_FOR: Final = 60.0
"""Older news is not worth telling: identity takes none that is more than a session's minute ahead of what it knows."""

_seen: dict[str, tuple[str, float]] = {}  # session → (its actor token, when)
_lock = threading.Lock()
_thread: threading.Thread | None = None


def note(*, session_id: Any, actor_token: str) -> None:
    """Somebody is there now, and identity was not asked."""
    global _thread
    _seen[str(session_id)] = (actor_token, time.monotonic())
    if _thread is None:
        with _lock:
            if _thread is None:
                _thread = threading.Thread(target=_go_on, name="presence", daemon=True)
                _thread.start()


def tell() -> None:
    """Tell identity of everybody who was there since the last time."""
    taken = {session_id: _seen.pop(session_id) for session_id in list(_seen)}
    now = time.monotonic()
    items = [SeenItem(actor_token=token, milliseconds_ago=int((now - at) * 1000)) for token, at in taken.values() if now - at < KEPT_FOR]
    if not items:
        return
    try:
        rpc.ask(Seen(items=items), token="", seconds=2.0)
    except SafekeepError as error:
        telemetry.log().info("presence.not_told", error=type(error).__name__)
        for session_id, what in taken.items():
            _seen.setdefault(session_id, what)


def _go_on() -> None:
    while True:
        time.sleep(TELL_EVERY)
        try:
            tell()
        except Exception as error:  # nobody would start it again
            telemetry.log().warning("presence.failed", error=type(error).__name__)
