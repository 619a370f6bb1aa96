"""How much of what names a third party is found in sixty written accounts, how much is found that names nobody, and how fast.

.venv/bin/python -W ignore -m tests.bench.redaction [--entries N] [--pupils N] [--listed N …]
"""

import argparse
import re
import resource
import time
import tracemalloc
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from safekeep.ids import new_id
from safekeep.spelling import is_spelt
from services.reports import disclosing, reviewing
from services.reports.disclosing import Decision, Text
from services.reports.listing import Found
from services.reports.redaction import Names, Person
from tests.unit.reports.redaction_cases import ABOUT, CASES, HELD_OUT, HELD_OUT_SECOND, REGISTER


@dataclass(frozen=True)
class Measured:
    """Marked places found whole, and proposals that touch a marked place; what was missed and what names nobody, to be looked at."""

    marked: int
    missed: list[str]
    proposed: int
    needless: list[str]

    @property
    def recall(self) -> float:
        return 1 - len(self.missed) / self.marked

    @property
    def precision(self) -> float:
        return 1 - len(self.needless) / self.proposed


def unmarked(case: str) -> tuple[str, list[tuple[int, int]]]:
    """Return the account and the places that were marked in it."""
    account, places = "", []
    for part in re.split(r"(\[\[.*?\]\])", case):
        if part.startswith("[["):
            places.append((len(account), len(account) + len(part) - 4))
            part = part[2:-2]
        account += part
    return account, places


def measured(cases: Iterable[str] = CASES, *, register: Iterable[Person] = REGISTER) -> Measured:
    names = Names(register, about=ABOUT, is_word=is_spelt)
    marked, proposed, missed, needless = 0, 0, [], []
    for case in cases:
        account, places = unmarked(case)
        found = names.proposals(account)
        covered = {n for p in found for n in range(p.first, p.end)}
        letters = {n for first, end in places for n in range(first, end) if account[n].isalnum()}
        missed += [account[first:end] for first, end in places if not {n for n in range(first, end) if account[n].isalnum()} <= covered]
        needless += [account[p.first : p.end] for p in found if not letters & set(range(p.first, p.end))]
        marked, proposed = marked + len(places), proposed + len(found)
    return Measured(marked, missed, proposed, needless)


def _left_out(written: str, names: Names) -> tuple[Decision, ...]:
    sha256 = disclosing.hash_of(written)
    return tuple(Decision(p.first, p.end, "third_party", sha256) for p in names.proposals(written))


def listed(accounts: list[str], *, names: Names, entries: Iterable[int]) -> None:
    """Put all that is found in records of so many entries in one list, text by text; say what that takes and, in a second run, what is held at most."""

    def made(number: int) -> Found:
        found = Found()
        for n in range(number):
            text = reviewing.Text(new_id(), "account", f"Incident 2026-{n}", accounts[n % len(accounts)] * 3)
            found.add(text, reviewing.marks(text, names=names, decided=(), digest=""), cursor=str(n // 50))
        return found

    for number in entries:
        begun = time.perf_counter()
        words = made(number).in_order()
        took = time.perf_counter() - begun
        tracemalloc.start()
        made(number)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        places = sum(len(each.places) for each in words)
        print(f"In one list: {number:,} accounts, {len(words)} words at {places:,} places, in {took:.1f} s, {most / 2**20:.1f} MiB at most")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=5_000)
    parser.add_argument("--pupils", type=int, default=1_100)
    parser.add_argument("--listed", type=int, nargs="*", default=[1_000, 10_000])
    chosen = parser.parse_args()
    for what, cases in (
        ("written accounts", CASES),
        ("accounts that showed what to mend", HELD_OUT),
        ("accounts written before mending", HELD_OUT_SECOND),
    ):
        found = measured(cases)
        print(f"{len(cases)} {what}, {found.marked} places that name a third party: recall {found.recall:.3f}, precision {found.precision:.3f}")
        print(f"missed: {found.missed}; proposed although they name nobody: {found.needless}")
    large = [*REGISTER, *(Person(name=f"Pupil{n:x}q Family{n % 300:x}q", kind="pupil") for n in range(chosen.pupils))]
    begun = time.perf_counter()
    names = Names(large, about=ABOUT, is_word=is_spelt)
    ready = time.perf_counter() - begun
    accounts = [unmarked(case)[0] for case in CASES]
    begun = time.perf_counter()
    made = sum(len(names.proposals(accounts[n % len(accounts)])) for n in range(chosen.entries))
    took = time.perf_counter() - begun
    record = [Text(f"Incident 2026-{n}", "account", accounts[n % len(accounts)] * 3, ()) for n in range(1_000)]
    begun = time.perf_counter()
    decided = [replace(text, decisions=_left_out(text.written, names)) for text in record]
    left_out = time.perf_counter() - begun
    said = disclosing.document(decided, title="Record", school="School", facts={}, at=datetime(2026, 9, 1, tzinfo=UTC))
    begun = time.perf_counter()
    disclosing.pdf(said)
    printed = time.perf_counter() - begun
    begun = time.perf_counter()
    disclosing.docx(said, at=datetime(2026, 9, 1, tzinfo=UTC))
    written = time.perf_counter() - begun
    print(
        f"A record of {len(record):,} accounts of {sum(len(t.written) for t in record) // len(record)} characters: found in {left_out:.1f} s, "
        f"as PDF in {printed:.1f} s, as Word in {written:.1f} s"
    )
    listed(accounts, names=names, entries=chosen.listed)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"A register of {len(large)} made ready in {ready * 1000:.0f} ms; {chosen.entries / took:,.0f} entries/s, {made / took:,.0f} proposals/s; memory {memory:.0f} MiB"
    )


if __name__ == "__main__":
    main()
