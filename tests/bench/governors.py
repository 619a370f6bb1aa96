"""What a report to governors costs: counting, protecting small numbers against a year's earlier reports, words and paper.

./bench governors [--schools N]
"""

import argparse
import datetime as dt
import random
import resource
import time

from safekeep.permissions import FIRST_CATEGORIES
from services.reports import governing
from services.reports.governing import Concern, Counted
from services.reports.small_numbers import Published

TODAY = dt.date(2026, 7, 10)
A_YEAR = 1_700  # what a school of 1,100 pupils records in a year
EARLIER = (dt.date(2025, 11, 12), dt.date(2026, 1, 14), dt.date(2026, 3, 11), dt.date(2026, 5, 13))


def a_school(seed: int) -> list[Concern]:
    chance = random.Random(seed)  # noqa: S311 - made-up concerns
    first = dt.date(2023, 9, 1)
    return [
        Concern(
            on=first + dt.timedelta(days=chance.randrange((TODAY - first).days)),
            category=chance.choice(FIRST_CATEGORIES).code,
            class_code=chance.choice(["general", "welfare", "safeguarding", "protection"]),
            year_group=f"Year {chance.randrange(7, 14)}",
            acknowledged=chance.choice([None, 5, 500, 5000]),
            answered=chance.choice([None, 100, 3000, 20000]),
            standing=chance.choice(["open", "monitoring", "closed"]),
            referrals=chance.choice([(), (), (), (True,), (False,)]),
        )
        for _ in range(3 * A_YEAR)
    ]


def made(concerns: list[Concern], day: dt.date, earlier: list[Published]) -> Published:
    counted = Counted([c for c in concerns if c.on < day], {"child_in_need": 7, "early_help": 21}, overdue=4)
    data, published = governing.made(counted, period=governing.period_of(day), today=day, earlier=earlier, threshold=5)
    governing.told(data, names={}, words={})
    return published


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--schools", type=int, default=3)
    took = []
    for seed in range(parser.parse_args().schools):
        concerns, earlier = a_school(seed), []
        for day in EARLIER:
            earlier.insert(0, made(concerns, day, earlier))
        begun = time.perf_counter()
        made(concerns, TODAY, earlier)
        took.append(time.perf_counter() - begun)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"A report of a school of 1,100 ({3 * A_YEAR} concerns in three years, {len(EARLIER)} reports before it): {max(took):.1f} s at most")
    print(f"{len(took)} such schools one after the other: {sum(took):.1f} s; memory {memory:.0f} MiB")


if __name__ == "__main__":
    main()
