"""Does harm by a schedule that follows from its seed: one thing at a time, and at times several together."""

import contextlib
import os
import random
import signal
import sys
import threading
import time
import xmlrpc.client
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import psutil

from safekeep.database import SERVICES
from tests.faults.proxy import Door
from tests.faults.victim import OURS, RELAYS, Victim, wait_until

KILLS_A_MINUTE: Final = 3
"""Of one process. `./run` ends when one was started more than five times in a minute, and a broken line may end one too."""

SHORTLY: Final = 0.3
"""Seconds after which what is done together with something is done: what was slow or held then is on its way."""

WEIGHTS: Final = {"kill": 8, "stop": 5, "backend": 4, "slam": 8, "shut": 4, "hold": 5, "slow": 5, "clock": 3, "restart": 1, "disk": 1}
TARGETS: Final[dict[str, tuple[str, ...]]] = {
    "kill": (*SERVICES, *RELAYS, "ledger", "gateway", "gateway", "mailbox", "epmd", "rabbitmq", "postgres"),
    "stop": (*SERVICES, *RELAYS, "ledger", "gateway", "mailbox", "rabbitmq", "postgres"),
    "restart": ("rabbitmq", "postgres"),
    "backend": tuple(SERVICES),
    "clock": ("+120", "-120", "+30", "-30"),
}
LINES: Final = (
    *(f"{name} broker" for name in OURS if name != "ledger"),
    *(f"{name} database" for name in OURS if name != "gateway"),
    "alerts smtp",
    "all broker",
    "all database",
)
"""Between whom a line can be cut, held or slow."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of a schedule."""

    kind: str
    target: str
    seconds: float
    pause: float  # before the next
    together: bool  # with the next, not before it

    def __str__(self) -> str:
        return f"{self.kind} {self.target}".strip()


def schedule(seed: int, count: int, *, kinds: Sequence[str], pace: float = 0.3) -> list[Fault]:
    """Return what will be done: the same for the same seed, number and kinds."""
    dice = random.Random(seed)  # noqa: S311 - a schedule one can repeat
    found = []
    for _ in range(count):
        kind = dice.choices(kinds, [WEIGHTS[k] for k in kinds])[0]
        target = dice.choice(LINES if kind in {"slam", "shut", "hold", "slow"} else TARGETS.get(kind, ("",)))
        found.append(Fault(kind, target, round(dice.uniform(0.3, 3.0), 2), round(dice.expovariate(1 / pace), 2), dice.random() < 0.3))
    return found


class Nemesis:
    """Carries a schedule out."""

    def __init__(self, victim: Victim, *, recorded_since: Callable[[float], bool]) -> None:
        """`recorded_since(moment)`: whether something asked after that moment (monotonic) has been answered with "recorded"."""
        self.victim, self._recorded_since = victim, recorded_since
        self.done: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.broken_at: list[float] = []  # wall clock: what happened then may have repeated the mails it interrupted
        self.recoveries: list[tuple[float, str]] = []  # seconds from the end of a group to the next recording, and what it was
        self._kills: defaultdict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def carry_out(self, faults: Sequence[Fault], *, until: float) -> None:
        """Do them in order until the time is over; after each group, wait until something is recorded again. Raises Ended, TimeoutError."""
        group: list[Fault] = []
        for index, fault in enumerate(faults):
            group.append(fault)
            if fault.together and index + 1 < len(faults):
                continue
            if time.monotonic() > until:
                break
            self._do_together(group)
            time.sleep(fault.pause)
            group = []

    def _do_together(self, group: Sequence[Fault]) -> None:
        threads = [threading.Thread(target=self._do, args=(fault,), daemon=True) for fault in group]
        for each in threads:
            each.start()
            each.join(SHORTLY)
        for each in threads:
            each.join()
        ended, what = time.monotonic(), " + ".join(map(str, group))
        wait_until(lambda: self.victim.check() or self._recorded_since(ended), seconds=120, what=f"nothing is recorded after {what}")
        self.recoveries.append((time.monotonic() - ended, what))
        self._tell()

    def _tell(self) -> None:
        """Say how far it is, on a terminal's side of the output."""
        seconds, what = self.recoveries[-1]
        print(f"{self.done.total()} faults; {seconds:.2f} s after {what}", file=sys.stderr, flush=True)

    def _do(self, fault: Fault) -> None:
        try:
            happened = getattr(self, f"_{fault.kind}")(fault)
        except (OSError, KeyError, IndexError, psutil.Error, StopIteration, xmlrpc.client.Fault):  # it was down already, by the fault before
            happened = False
        with self._lock:
            (self.done if happened else self.left_out)[fault.kind] += 1

    def _breaks(self) -> None:
        self.broken_at.append(time.time())

    def _may_kill(self, name: str) -> bool:
        with self._lock:
            kills, now = self._kills[name], time.monotonic()
            while kills and kills[0] < now - 60:
                kills.popleft()
            if len(kills) >= KILLS_A_MINUTE:
                return False
            kills.append(now)
            return True

    # --- processes

    def _kill(self, fault: Fault) -> bool:
        """kill -9; the process manager starts it again. Of the gateway a worker, of PostgreSQL the postmaster."""
        process = psutil.Process(self.victim.pids()[fault.target])
        if fault.target == "gateway":
            process = process.children()[0]
        elif not self._may_kill(fault.target):
            return False
        process.kill()
        self._breaks()
        return True

    def _stop(self, fault: Fault) -> bool:
        """Freeze a process and those under it."""
        frozen = self.victim.family(fault.target)
        for each in frozen:
            with contextlib.suppress(psutil.Error):
                each.send_signal(signal.SIGSTOP)
        try:
            time.sleep(fault.seconds)
        finally:
            for each in frozen:
                with contextlib.suppress(psutil.Error):
                    each.send_signal(signal.SIGCONT)
        self._breaks()
        return True

    def _restart(self, fault: Fault) -> bool:
        """End a server politely and start it again."""
        if not self._may_kill(fault.target):
            return False
        self._breaks()
        with self.victim.supervisor() as supervisor:
            supervisor.stopProcess(fault.target, True)
            time.sleep(fault.seconds / 3)
            supervisor.startProcess(fault.target, False)
        self._breaks()
        return True

    def _backend(self, fault: Fault) -> bool:
        """kill -9 of one PostgreSQL backend: the server ends all and recovers."""
        children = psutil.Process(self.victim.pids()["postgres"]).children()
        mine = next(p for p in children if f" {fault.target} " in " ".join(p.cmdline()) and fault.target + "_" in " ".join(p.cmdline()))
        mine.kill()
        self._breaks()
        return True

    # --- lines

    def _slam(self, fault: Fault) -> bool:
        self.victim.doors.slam(self._doors(fault))
        self._breaks()
        return True

    def _shut(self, fault: Fault) -> bool:
        self.victim.doors.slam(self._doors(fault), seconds=fault.seconds)
        self._breaks()
        time.sleep(fault.seconds)
        return True

    def _hold(self, fault: Fault) -> bool:
        self.victim.doors.hold(self._doors(fault), seconds=fault.seconds)
        time.sleep(fault.seconds)
        self._breaks()
        return True

    def _slow(self, fault: Fault) -> bool:
        self.victim.doors.slow(self._doors(fault), seconds=fault.seconds)
        time.sleep(fault.seconds)
        self._breaks()
        return True

    def _doors(self, fault: Fault) -> list[Door]:
        name, server = fault.target.split()
        return [door for door in self.victim.doors if door[1] == server and name in (door[0], "all")]

    # --- the rest

    def _clock(self, fault: Fault) -> bool:
        """Every process's clock jumps, and jumps back."""
        self.victim.clock.write_text(fault.target)
        try:
            time.sleep(fault.seconds)
        finally:
            self.victim.clock.write_text("0")
        return True

    def _disk(self, fault: Fault) -> bool:
        """Fill the disk on which everything lies, to the last byte."""
        self._breaks()
        filler = self.victim.data / "filler"
        try:
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                while file.write(b"\0" * 2**20):
                    pass
            with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
                while file.write(b"\0" * 512):
                    pass
            time.sleep(fault.seconds)
        finally:
            os.truncate(filler, 0)
            filler.unlink()
        self._breaks()
        return True
