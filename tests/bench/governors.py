"""What a report to governors costs: counting, protecting small numbers against a year's earlier reports, words and paper; and a trust's report.

./bench governors [--schools N]: a trust of so many schools, each of 1,100 pupils, with a year of reports of its own and of the trust before.
"""

import argparse
import datetime as dt
import random
import resource
import time
from typing import Any
from uuid import UUID

from safekeep.permissions import FIRST_CATEGORIES
from services.reports import governing, papers, small_numbers, together
from services.reports.governing import Concern, Counted
from services.reports.small_numbers import Form, Published
from services.reports.together import School

TODAY = dt.date(2026, 7, 10)
A_YEAR = 1_700  # what a school of 1,100 pupils records in a year
EARLIER = (dt.date(2025, 11, 12), dt.date(2026, 1, 14), dt.date(2026, 3, 11), dt.date(2026, 5, 13))
OF_TRUST = (dt.date(2025, 11, 26), dt.date(2026, 2, 4), dt.date(2026, 5, 27))


def a_school(seed: int) -> list[Concern]:
    chance = random.Random(seed)  # noqa: S311 - made-up concerns
    first = dt.date(2023, 9, 1)
    return [
        Concern(
            on=first + dt.timedelta(days=chance.randrange((TODAY - first).days)),
            category=chance.choice(FIRST_CATEGORIES).code,
            class_code=chance.choice(["general", "welfare", "safeguarding", "protection"]),
            year_group=f"year_{chance.randrange(7, 14)}",
            acknowledged=chance.choice([None, 5, 500, 5000]),
            answered=chance.choice([None, 100, 3000, 20000]),
            standing=chance.choice(["open", "monitoring", "closed"]),
            referrals=chance.choice([(), (), (), (True,), (False,)]),
        )
        for _ in range(3 * A_YEAR)
    ]


def made(concerns: list[Concern], day: dt.date, earlier: list[Published]) -> tuple[dict[str, Any], Published]:
    counted = Counted([c for c in concerns if c.on < day], {"child_in_need": 7, "early_help": 21}, overdue=4)
    return governing.made(counted, period=governing.period_of(day), today=day, earlier=earlier, threshold=5)


def printed(tables: dict[str, Any], names: dict[str, str]) -> bytes:
    about = {"school": "The Trust", "year": 2025, "number": 9, "meeting": "Board", "approved_by": "The lead", "approved_at": "2026-07-10T09:00:00Z"}
    content = governing.told(tables, names=names, words={}) | about | {"schools": names}
    places = [(name, 1_000, "0" * 64) for name in names.values()]
    return papers.pdf(papers.governors(content, sha256="0" * 64, places=places))


def memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--schools", type=int, default=3)
    number = parser.parse_args().schools
    took, parts, before = [], [], 0.0
    for seed in range(number):
        concerns, known = a_school(seed), list[Published]()
        begun = time.perf_counter()
        for day in sorted((*EARLIER, *OF_TRUST)):
            known.insert(0, made(concerns, day, known)[1])
        before += time.perf_counter() - begun
        begun = time.perf_counter()
        said, _ = made(concerns, TODAY, known)
        took.append(time.perf_counter() - begun)
        parts.append(School(UUID(int=seed + 1), said, 1_100))
        if seed == 0:
            governing.told(said, names={}, words={})
            print(f"A report of a school of 1,100 ({3 * A_YEAR} concerns in three years, {len(known)} reports before it): {took[0]:.1f} s")
            print(f"memory {memory():.0f} MiB", flush=True)
    begun = time.perf_counter()
    tables = together.made(parts, period=governing.period_of(TODAY), threshold=5)
    joined = time.perf_counter() - begun
    begun = time.perf_counter()
    paper = printed(tables, {part.code: f"School {part.id.int}" for part in parts})
    on_paper = time.perf_counter() - begun
    shown = [Form(*cell) for section in tables["sections"] for row in section["rows"] for cell in row["cells"]]
    print(f"The report of a trust of {number} such schools: each counted and protected in {max(took):.1f} s at most, all in {sum(took):.1f} s;")
    print(f"put together in {joined:.2f} s; on paper ({len(paper) // 1024} KiB) in {on_paper:.1f} s; memory {memory():.0f} MiB")
    print(f"{small_numbers.share_hidden(shown):.0%} of its {len(shown)} counts are not shown as a number")
    print(f"(The {len(EARLIER) + len(OF_TRUST)} reports of each school before it took {before:.0f} s to make.)")


if __name__ == "__main__":
    main()
