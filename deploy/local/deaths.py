"""Which process dies again and again, so that something is wrong that a start does not mend. What a full disk ended is not counted."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Any, Final

ALLOWED: Final = 5
WITHIN: Final = 60.0
"""Seconds in which a process may be started ALLOWED times."""
FULL_FOR: Final = 15.0
"""Seconds after the disk was last seen full in which a death may still be the disk's: RabbitMQ ends a second after it could not write."""


class Deaths:
    """Sees every process each time, and says which of them dies again and again."""

    def __init__(self) -> None:
        self._pids: dict[str, int] = {}
        self._starts: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=20))
        self._full_at = float("-inf")

    def was_meant(self, name: str) -> None:
        """The process is started by us: it does not die."""
        self._pids.pop(name, None)

    def look(self, processes: Iterable[Mapping[str, Any]], *, has_room: bool, now: float) -> tuple[list[str], list[str]]:
        """Return who died too often, and whom the process manager has given up while the disk was full: start those again."""
        if not has_room:
            self._full_at = now
        is_full = now - self._full_at < FULL_FOR
        too_often, to_start = [], []
        for process in processes:
            name, pid = process["name"], process["pid"]
            if pid and self._pids.get(name, pid) != pid and not is_full:
                self._starts[name].append(now)
            if pid:
                self._pids[name] = pid
            given_up = process["statename"] == "FATAL"
            if given_up and is_full:
                to_start.append(name)
            elif given_up or sum(at > now - WITHIN for at in self._starts[name]) > ALLOWED:
                too_often.append(name)
        return too_often, to_start
