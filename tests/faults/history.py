"""What happened, as one sees it from outside: what was asked and answered, and afterwards what is there. And the verdict on both.

The checker knows HTTP answers, what the API and an export say afterwards, and the mailbox. Nothing of how Safekeep works.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

HANDED_OVER: Final = 30.0
"""Seconds before a mail's first copy came within which the handing over that repeated it may have begun."""


@dataclass(slots=True)
class Asked:
    """One incident or action that somebody tried to record, however often. Times are of the wall clock."""

    id: str
    incident: str
    asked_at: float = 0.0
    tries: int = 0
    answered_at: float | None = None  # 201, the first time
    hashes: set[str] = field(default_factory=set)
    statuses: list[int] = field(default_factory=list)  # 0: no answer

    @property
    def recorded(self) -> bool:
        """Whether it was answered with "recorded", at least once."""
        return self.answered_at is not None


@dataclass(frozen=True, slots=True)
class Found:
    """What is there in the end."""

    entries: Mapping[str, Sequence[str]]  # incident → its entries' ids, in order
    alerts: Sequence[tuple[str, str, str]]  # (person, entry, alert), one for each alert in an inbox
    mails: Sequence[tuple[str, str, float]]  # (person, alert, when), one for each mail that was taken
    chain: Sequence[str]  # the hashes of all incidents' and actions' entries in the school's export, in order
    counted: tuple[int, int]  # incidents and actions, as reports counts them
    left: Mapping[str, int] = field(default_factory=dict)  # queue or outbox → what waits there
    proof: Sequence[str] = ()  # what `safekeep verify` says of the export


@dataclass(slots=True)
class Verdict:
    """What is wrong, by kind. `repeated` mails are listed apart: at least once is what mail can promise."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    told_of_nothing: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    repeated: int = 0

    def wrong(self) -> dict[str, list[str]]:
        """Return what is wrong, by kind; nothing when every promise was kept."""
        kinds = ("lost", "doubled", "torn", "told_of_nothing", "out_of_order", "stuck")
        return {kind: found for kind in kinds if (found := getattr(self, kind))}

    def line(self) -> str:
        """Return the figures."""
        return (
            f"lost {len(self.lost)}, doubled {len(self.doubled)}, torn {len(self.torn)}, told of nothing {len(self.told_of_nothing)}, "
            f"out of order {len(self.out_of_order)}, stuck {len(self.stuck)}; mails repeated {self.repeated}"
        )


def judge(asked: Sequence[Asked], found: Found, *, people: Collection[str], broken_at: Sequence[float]) -> Verdict:
    """Say what became of everything. `people`: who is told of each entry, and nobody else; `broken_at`: when something was killed or cut."""
    verdict = Verdict(stuck=[f"{name}: {count}" for name, count in found.left.items() if count], torn=[f"the proof: {s}" for s in found.proof])
    seen = Counter(entry for entries in found.entries.values() for entry in entries)
    alerts = Counter((person, entry) for person, entry, _ in found.alerts)
    entry_of = {alert: entry for _, entry, alert in found.alerts}
    mailed: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for person, alert, at in found.mails:
        mailed[person, entry_of.get(alert, f"alert {alert}")].append(at)
    for each in asked:
        _judge_effects(each, verdict, there=seen[each.id], alerts=[alerts[p, each.id] for p in people], mails=[mailed[p, each.id] for p in people])
    known = {each.id for each in asked}
    verdict.told_of_nothing += sorted({e for _, e in mailed if e not in known} | {e for _, e in alerts if e not in known})
    verdict.told_of_nothing += sorted(f"{entry}: somebody it was not for" for person, entry in {*alerts, *mailed} if person not in people)
    for (_, entry), times in mailed.items():
        repeats = max(0, len(times) - 1)
        verdict.repeated += repeats
        if repeats and repeats > sum(min(times) - HANDED_OVER <= at <= max(times) for at in broken_at):
            verdict.doubled.append(f"{entry}: mailed {len(times)} times with nothing broken that could be why")
    _judge_chain(asked, found, verdict, present=[each for each in asked if seen[each.id]])
    verdict.out_of_order += [incident for incident, entries in found.entries.items() if _is_out_of_order(entries, {e.id: e for e in asked})]
    return verdict


def _judge_effects(each: Asked, verdict: Verdict, *, there: int, alerts: Sequence[int], mails: Sequence[Sequence[float]]) -> None:
    if there > 1 or max(alerts, default=0) > 1:
        verdict.doubled.append(f"{each.id}: there {there} times, alerts {alerts}")
    if each.recorded and not there:
        verdict.lost.append(each.id)
    if not there and (any(alerts) or any(mails)):
        verdict.told_of_nothing.append(each.id)
    elif there and not (all(alerts) and all(mails)):
        verdict.torn.append(f"{each.id}: alerts {alerts}, mails {[len(m) for m in mails]}")


def _judge_chain(asked: Sequence[Asked], found: Found, verdict: Verdict, *, present: Sequence[Asked]) -> None:
    chain = Counter(found.chain)
    for each in asked:
        if each.recorded and (len(each.hashes) != 1 or any(chain[h] != 1 for h in each.hashes)):
            verdict.torn.append(f"{each.id}: answered {len(each.hashes)} hashes, in the chain {[chain[h] for h in each.hashes]} times")
    incidents = sum(each.id == each.incident for each in present)
    expected = (incidents, len(present) - incidents)
    if found.counted != expected:
        verdict.torn.append(f"counted {found.counted} where {expected} are")
    if len(found.chain) != len(present):
        verdict.torn.append(f"the chain has {len(found.chain)} incidents and actions where {len(present)} are")


def _is_out_of_order(entries: Sequence[str], asked: Mapping[str, Asked]) -> bool:
    """Whether something stands before what had been answered when it was first asked."""
    latest = 0.0  # when the latest so far was asked
    for entry in entries:
        each = asked.get(entry)
        if each is None:
            continue
        if each.answered_at is not None and each.answered_at < latest:
            return True
        latest = max(latest, each.asked_at)
    return False
