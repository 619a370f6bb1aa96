"""The report to governors: which days it is about, what its tables say, and that nothing in it or kept of it says more."""

import datetime as dt
import json
import random
import re

import pytest

from services.reports import governing, small_numbers
from services.reports.governing import Concern, Counted, Period
from services.reports.small_numbers import Published
from tests.unit.reports.attack import Attack

TODAY = dt.date(2026, 11, 20)
CATEGORIES = ["welfare", "bullying", "attendance", "safeguarding_concern", "child_protection"]


def some_concerns(seed: int, *, about: int) -> list[Concern]:
    chance = random.Random(seed)  # noqa: S311 - made-up concerns
    days = [dt.date(2023, 9, 1) + dt.timedelta(days=n) for n in range((TODAY - dt.date(2023, 9, 1)).days)]
    return [
        Concern(
            on=chance.choice(days),
            category=chance.choices(CATEGORIES, (30, 20, 20, 8, 2))[0],
            class_code=chance.choice(["general", "welfare", "safeguarding", "protection"]),
            year_group=chance.choice(["Year 7", "Year 8", "Year 9", ""]),
            acknowledged=chance.choice([None, 5, 500, 5000]),
            answered=chance.choice([None, 100, 3000, 20000]),
            standing=chance.choice(["open", "monitoring", "closed"]),
            referrals=chance.choice([(), (), (), (True,), (False,)]),
        )
        for _ in range(about)
    ]


def report(concerns: list[Concern], *, today: dt.date = TODAY, earlier: tuple[Published, ...] = ()) -> tuple[dict[str, object], Published]:
    counted = Counted(concerns, {"child_in_need": 3, "looked_after": 0, "early_help": 12}, overdue=2)
    return governing.made(counted, period=governing.period_of(today), today=today, earlier=earlier, threshold=5)


@pytest.mark.parametrize(
    ("day", "period"),
    [
        (dt.date(2026, 11, 20), Period("autumn term", dt.date(2026, 9, 1), dt.date(2026, 11, 19))),
        (dt.date(2026, 9, 15), Period("summer term", dt.date(2026, 4, 1), dt.date(2026, 8, 31))),
        (dt.date(2027, 1, 10), Period("autumn term", dt.date(2026, 9, 1), dt.date(2026, 12, 31))),
        (dt.date(2027, 3, 1), Period("spring term", dt.date(2027, 1, 1), dt.date(2027, 2, 28))),
    ],
)
def test_a_report_is_about_the_term_so_far_or_the_one_before_in_its_first_days(day: dt.date, period: Period) -> None:
    assert governing.period_of(day) == period


def test_the_same_days_of_another_year_are_the_same_also_after_the_29th_of_february() -> None:
    assert Period("spring term", dt.date(2028, 1, 1), dt.date(2028, 2, 29)).back(1).until == dt.date(2027, 2, 28)


def test_every_table_says_the_rounded_truth_beside_the_same_days_of_earlier_years() -> None:
    concerns = some_concerns(1, about=900)
    data, _ = report(concerns)
    said = governing.told(data, names={"bullying": "Bullying"}, words={"opening": "A quiet term."})
    assert [section["code"] for section in said["sections"]] == [s["code"] for s in governing.template()["sections"]]
    table = next(s for s in said["sections"] if s["code"] == "categories")
    assert table["columns"] == ["1 September to 19 November 2026", "1 September to 19 November 2025", "1 September to 19 November 2024"]
    row = next(r for r in table["rows"] if r["name"] == "Bullying")
    for number, cell in enumerate(row["cells"]):
        span = governing.period_of(TODAY).back(number)
        true = sum(c.category == "bullying" and span.since <= c.on <= span.until for c in concerns)
        assert abs(int(re.sub(r"\D", "", cell)) - true) <= 2, (cell, true)
    assert said["words"] == "A quiet term."
    flags = next(s for s in said["sections"] if s["code"] == "plans")
    assert {r["name"]: r["cells"] for r in flags["rows"]}["Child in need"] == ["fewer than 5"]
    assert {r["name"]: r["cells"] for r in flags["rows"]}["Early help"] == ["about 10"]


def test_what_is_kept_comes_back_and_holds_no_count_that_was_not_published() -> None:
    data, published = report(some_concerns(2, about=60))
    kept = json.loads(json.dumps(governing.keep(published)))
    assert governing.kept(kept) == Published(dict(published.forms), list(published.sums), 5)
    for _, _, _, kind, number in kept["forms"]:
        assert (kind, number) in {("none", 0), ("few", 5), ("withheld", 0)} or (kind == "about" and number % 5 == 0)
    for section in data["sections"]:  # type: ignore[attr-defined]
        for row in section["rows"]:
            assert all(kind in {"none", "few", "withheld"} or number % 5 == 0 for kind, number in row["cells"])


def test_two_reports_of_a_term_attacked_together_give_no_small_count_away(capsys: pytest.CaptureFixture[str]) -> None:
    concerns = some_concerns(3, about=260)
    _, first = report(concerns, today=dt.date(2026, 11, 12))
    _, second = report(concerns, earlier=(first,))
    share = small_numbers.share_hidden([*first.forms.values(), *second.forms.values()])
    with capsys.disabled():
        print(f"\nTwo reports to governors of 260 concerns in three years: {share:.0%} of the counts are not shown as a number")
    found = list(Attack([first, second]).counts())
    assert len(found) > 40
    assert [each for each in found if each.low == each.high and 0 < each.low < 5] == []


def test_a_table_of_what_is_not_counted_is_left_out_and_says_no_untrue_none() -> None:
    counted = Counted(some_concerns(4, about=50), {}, 0, known=frozenset({"month", "category"}))
    data, _ = governing.made(counted, period=governing.period_of(TODAY), today=TODAY, earlier=(), threshold=5)
    assert [section["code"] for section in data["sections"]] == ["months", "categories"]
