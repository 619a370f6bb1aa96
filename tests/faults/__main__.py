"""`./bench faults`: a workload through the HTTP API while a seeded nemesis does harm; then a checker says what became of every word.

Prints faults injected, operations, lost, doubled, torn, and the time to recover. The seed repeats the schedule.
"""

import argparse
import contextlib
import statistics
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from tests.faults import history, looking, nemesis, victim
from tests.faults.history import Asked, Verdict
from tests.faults.nemesis import WEIGHTS, Fault, Nemesis
from tests.faults.victim import Victim, wait_until
from tests.faults.workload import Workload

KINDS = tuple(WEIGHTS)
SETTLES_WITHIN = 240.0
"""Seconds for everything to be delivered after the last fault."""


@dataclass
class Outcome:
    """What one run found."""

    verdict: Verdict
    asked: list[Asked]
    nemesis: Nemesis
    settled: float  # seconds from the last fault until nothing waited anywhere
    seconds: float

    def lines(self) -> list[str]:
        """Return the figures, as they are printed."""
        done, times = self.nemesis.done, sorted(t for t, _ in self.nemesis.recoveries)
        recorded = sum(each.recorded for each in self.asked)
        kinds = ", ".join(f"{kind} {count}" for kind, count in done.most_common())
        slowest = sorted(self.nemesis.recoveries, reverse=True)[:3]
        answers = [status for each in self.asked for status in each.statuses]
        text = ", ".join(f"{answers.count(status)} × {status or 'no answer'}" for status in sorted(set(answers)))
        return [
            f"faults injected: {done.total()} in {self.seconds / 60:.1f} minutes ({kinds}); {self.nemesis.left_out.total()} left out: what they were for was down",
            f"operations: {len(self.asked)} (incidents and actions), {recorded} answered with recorded; answers: {text}",
            self.verdict.line(),
            f"time to recover: median {statistics.median(times):.2f} s, p99 {times[int(len(times) * 0.99)]:.2f} s, longest {times[-1]:.2f} s; "
            f"everything delivered {self.settled:.1f} s after the last",
            *(f"   {seconds:.2f} s after {what}" for seconds, what in slowest),
        ]


def run(on: Victim, *, seed: int, faults: list[Fault], minutes: float, writers: int, pause: float, settles: float = SETTLES_WITHIN) -> Outcome:
    """Hurt it, let it settle, and judge. Raises Ended, TimeoutError."""
    workload = Workload(on.system, seed=seed, writers=writers, pause=pause)
    evil = Nemesis(on, recorded_since=workload.recorded_since)
    started = time.monotonic()
    workload.start()
    try:
        wait_until(lambda: workload.recorded_since(started), seconds=60, what="nothing is recorded at first")
        evil.carry_out(faults, until=started + minutes * 60)
    finally:
        over = time.monotonic()
        workload.end()
    with contextlib.suppress(TimeoutError):
        wait_until(on.answers, seconds=120, what="everything answers again")
    if not on.answers():
        raise TimeoutError(f"not ready again: {on.silent()}; ./run said: {on.log.read_text()[-1000:]}")
    with contextlib.suppress(TimeoutError):  # the checker says what
        wait_until(lambda: not _on_its_way(on), seconds=settles, what="something is stuck")
    settled = time.monotonic() - over
    found = looking.look(on, workload.asked)
    verdict = history.judge(workload.asked, found, people=[str(login["id"]) for login in looking.leads(on)], broken_at=evil.broken_at)
    return Outcome(verdict, workload.asked, evil, settled, over - started)


def _on_its_way(on: Victim) -> bool:
    """Whether something still waits that may come; dead letters and mails given up do not."""
    return any(count for name, count in on.left().items() if not name.endswith(("dead-letters", "given up")))


def main() -> None:
    parser = argparse.ArgumentParser(prog="./bench faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=60.0, help="the end, whatever is left of the schedule")
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--pause", type=float, default=1.5, help="seconds a writer waits between two entries, on average")
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=list(KINDS))
    parser.add_argument("--schedule", action="store_true", help="print the schedule and do nothing")
    parser.add_argument("--broken", nargs="*", default=[], metavar="PROCESS=HOW", help="a build broken on purpose: see tests/builds")
    chosen = parser.parse_args()
    kinds = list(chosen.kinds)
    if "disk" in kinds and not victim.may_mount():
        kinds.remove("disk")
        print("A full disk is not tried: a small one cannot be mounted here.")
    faults = nemesis.schedule(chosen.seed, chosen.faults, kinds=kinds)
    if chosen.schedule:
        print("\n".join(f"{fault.seconds:5.2f} s  {fault}{'  and at the same time' if fault.together else ''}" for fault in faults))
        return
    broken: Mapping[str, str] = dict(each.split("=") for each in chosen.broken)
    with victim.running(broken=broken, small_disk="disk" in kinds) as on:
        try:
            outcome = run(on, seed=chosen.seed, faults=faults, minutes=chosen.minutes, writers=chosen.writers, pause=chosen.pause)
        except victim.Ended as said:
            sys.exit(f"./run gave up:\n{said}")
    print("\n".join([f"seed {chosen.seed}", *outcome.lines()]))
    for kind, found in outcome.verdict.wrong().items():
        print(f"{kind}:", *found[:20], sep="\n   ")
    sys.exit(bool(outcome.verdict.wrong()))


if __name__ == "__main__":
    main()
