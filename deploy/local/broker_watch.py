"""A broker that answers and takes nothing is started again.

RabbitMQ's queues end, each by itself, when the disk is full, and stay down when there is room again: until the next start it
refuses every event of theirs. The relays notice and say so; nothing is lost, but nobody is told of anything meanwhile.
"""

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import Final

LOOK_EVERY: Final = 2.0
PATIENCE: Final = 6.0
"""Seconds for which events are refused before the broker is started again."""
AGAIN: Final = 60.0
"""Seconds before it is started again once more: `./run` itself ends when a process was started more than five times in a minute."""

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class BrokerWatch:
    """Asks the relays, and starts the broker again when one has been refused for PATIENCE and there is room on the disk."""

    def __init__(self, ports: Sequence[int], *, start_again: Callable[[], None], has_room: Callable[[], bool]) -> None:
        self._ports, self._start_again, self._has_room = ports, start_again, has_room
        self._looked_at = self._started_at = float("-inf")
        self._refused_since: float | None = None

    def look(self, now: float | None = None) -> None:
        """Look, if it is time to."""
        now = time.monotonic() if now is None else now
        if now - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = now
        if not any(map(is_refused, self._ports)):
            self._refused_since = None
            return
        self._refused_since = now if self._refused_since is None else self._refused_since
        if now - self._refused_since >= PATIENCE and now - self._started_at >= AGAIN and self._has_room():
            self._started_at, self._refused_since = now, None
            self._start_again()


def is_refused(port: int) -> bool:
    """Whether the relay with this inner port says that the broker takes nothing."""
    try:
        with _DIRECT.open(f"http://127.0.0.1:{port}/readyz", timeout=1):
            return False
    except urllib.error.HTTPError as answer:
        return b"queues: not ready" in answer.read()
    except OSError:
        return False  # it is being started, or frozen
