"""What identity says every gateway must forget: its heartbeat, four a second, heard by one thread a process.

A gateway that has not heard it for a second trusts no session it remembers, and asks identity again for every request.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

from amqp.exceptions import AMQPError
from kombu import Connection, Queue
from kombu.exceptions import KombuError

from safekeep import bus, telemetry

TRUSTED_SECONDS: Final = 1.0
FORGET_ALL_AFTER: Final = 8.0
"""Each revocation is repeated for ten seconds: whoever was deaf for longer than this may have missed one."""
REMEMBERED_FOR: Final = 60.0

_BROKEN = (OSError, AMQPError, KombuError, RuntimeError)

_broker_url = ""
_forget: Callable[[dict[str, float]], None]
_forget_all: Callable[[], None]
_heard_at = float("-inf")
_first_heard: dict[str, float] = {}  # revocation → when; each is repeated, and what was asked after hearing of it holds already
_lock = threading.Lock()
_thread: threading.Thread | None = None


def start(*, broker_url: str, forget: Callable[[dict[str, float]], None], forget_all: Callable[[], None]) -> None:
    """Say where the broker is and what to do. Listening begins at the first question.

    `forget({session or person: when it was heard first})`: what was asked before then; `forget_all()`.
    """
    global _broker_url, _forget, _forget_all
    _broker_url, _forget, _forget_all = broker_url, forget, forget_all


def are_heard(*, within: float = TRUSTED_SECONDS) -> bool:
    """Whether identity was heard within the last second, so that what is remembered may be trusted."""
    _listen()
    return time.monotonic() - _heard_at < within


def hear(body: Any) -> None:
    """Take one heartbeat."""
    global _heard_at
    if isinstance(body, bus.Unreadable) or not isinstance(body, dict):
        return  # not identity's: whoever says it, it proves nothing
    now = time.monotonic()
    if now - _heard_at > FORGET_ALL_AFTER:
        _forget_all()
    whom: dict[str, float] = {}
    for number, who in body.get("revoked", ()):
        whom[who] = max(whom.get(who, 0.0), _first_heard.setdefault(number, now))
    for number in [number for number, first in _first_heard.items() if now - first > REMEMBERED_FOR]:
        del _first_heard[number]
    _forget(whom)
    _heard_at = now


def _listen() -> None:
    global _thread
    if _thread is None and _broker_url:
        with _lock:
            if _thread is None:
                _thread = threading.Thread(target=_follow, name="revocations", daemon=True)
                _thread.start()


def _follow() -> None:
    while True:
        try:
            with Connection(_broker_url, connect_timeout=3) as connection:
                queue = Queue(f"gateway.{uuid4()}", exchange=bus.REVOCATIONS, exclusive=True, auto_delete=True, durable=False, max_length=20)
                with connection.Consumer(queue, callbacks=[lambda body, _: hear(body)], accept=[bus.CONTENT_TYPE], no_ack=True):
                    while True:
                        try:
                            connection.drain_events(timeout=2)
                        except TimeoutError:
                            continue
        except _BROKEN as error:
            telemetry.log().info("revocations.not_heard", error=type(error).__name__)
        time.sleep(0.3)
