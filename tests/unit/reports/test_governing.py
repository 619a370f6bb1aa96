"""The report to governors: which days it is about, what its tables say, and that nothing in it or kept of it says more."""

import datetime as dt
import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

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


def report(concerns: list[Concern], *, today: dt.date = TODAY, earlier: tuple[Published, ...] = ()) -> tuple[dict[str, Any], Published]:
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


WITHIN = {
    "acknowledged": lambda n: "not_yet" if n is None else "hour" if n <= 60 else "day" if n <= 1_440 else "later",
    "answered": lambda n: "not_yet" if n is None else "day" if n <= 1_440 else "week" if n <= 10_080 else "later",
}


def row_of(section: str, concern: Concern) -> list[str]:
    """Return in which rows of a section a concern counts: written again, apart from what makes the report."""
    return {
        "months": [f"{concern.on:%m}"],
        "categories": [concern.category],
        "classes": [concern.class_code],
        "years": [concern.year_group or "none"],
        "acknowledged": [WITHIN["acknowledged"](concern.acknowledged)],
        "answered": [WITHIN["answered"](concern.answered)],
        "standing": [concern.standing],
        "referrals": ["accepted" if known else "waiting" for known in concern.referrals],
    }[section]


def is_said_of(cell: list[Any], true: int) -> bool:
    """Whether a cell of a report may stand for this count: none, fewer than 5, rounded to the nearest 5, or not shown."""
    kind, number = cell
    return {"none": true == 0, "few": 0 < true < 5, "about": abs(number - true) <= 2, "withheld": true > 0}[kind]


def test_every_row_of_every_table_says_the_rounded_truth_beside_the_same_days_of_earlier_years() -> None:
    concerns = some_concerns(1, about=900)
    data, _ = report(concerns)
    assert [section["code"] for section in data["sections"]] == [s["code"] for s in governing.template()["sections"]]
    kinds: dict[str, set[str]] = {}
    for section in data["sections"]:
        code = section["code"]
        if code in {"overdue", "plans"}:
            continue
        assert len(section["spans"]) == (1 if code == "standing" else 3)
        for number, (since, until) in enumerate(section["spans"]):
            span = governing.period_of(TODAY).back(number)
            assert (since, until) == (span.since.isoformat(), span.until.isoformat())
            counted = [row for c in concerns if span.since <= c.on <= span.until for row in row_of(code, c)]
            for row in section["rows"]:
                true = len(counted) if row["code"] == "all" else counted.count(row["code"])
                assert is_said_of(row["cells"][number], true), (code, row, number, true)
                kinds.setdefault(code, set()).add(row["cells"][number][0])
            assert set(counted) <= {row["code"] for row in section["rows"]}, "no concern is in no row"
    assert all("about" in found for found in kinds.values()), "else a report that hides everything would pass"
    others = {section["code"]: {row["code"]: row["cells"] for row in section["rows"]} for section in data["sections"]}
    assert others["overdue"] == {"all": [["few", 5]]}
    none, few = [["none", 0]], [["few", 5]]
    assert others["plans"] == {"child_protection_plan": none, "child_in_need": few, "looked_after": none, "early_help": [["about", 10]]}


def test_a_report_is_told_in_words_with_its_days_its_names_and_what_a_dsl_wrote() -> None:
    data, _ = report(some_concerns(1, about=900))
    said = governing.told(data, names={"bullying": "Bullying"}, words={"opening": "A quiet term."})
    assert said["words"] == "A quiet term."
    table = next(s for s in said["sections"] if s["code"] == "categories")
    assert table["columns"] == ["1 September to 19 November 2026", "1 September to 19 November 2025", "1 September to 19 November 2024"]
    whole = next(row for row in table["rows"] if row["total"])
    assert table["sentence"].startswith(f"1 September to 19 November 2026: {whole['cells'][0]}. The same days a year before: {whole['cells'][1]}.")
    assert re.search(r"Most: [A-Z][a-z ]+, about \d+\.$", table["sentence"])
    assert "Bullying" in [row["name"] for row in table["rows"]]
    flags = next(s for s in said["sections"] if s["code"] == "plans")
    assert {r["name"]: r["cells"] for r in flags["rows"]}["Child in need"] == ["fewer than 5"]


def test_a_template_is_data_another_makes_another_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sections of its own, and years of its own; the terms of the first."""
    shutil.copytree(governing._TEMPLATES, tmp_path / "templates")
    sections = ('code = "mine"\nheading = "By class"\nby = "class"\nof = "concerns"', 'code = "late"\nheading = "Late"\nof = "overdue"\nyears = 1')
    first = (tmp_path / "templates" / "governors.toml").read_text().partition("[[sections]]")[0].replace("years = 3", "years = 2")
    (tmp_path / "templates" / "short.toml").write_text("\n".join([first, *(f"[[sections]]\n{section}" for section in sections)]))
    monkeypatch.setattr(governing, "_TEMPLATES", tmp_path / "templates")
    governing.template.cache_clear()
    try:
        counted = Counted(some_concerns(1, about=300), {}, overdue=0)
        data, _ = governing.made(counted, period=governing.period_of(TODAY), today=TODAY, earlier=(), threshold=5, code="short")
        said = governing.told(data, names={}, words={})
    finally:
        governing.template.cache_clear()
    assert [(s["heading"], len(s["columns"])) for s in said["sections"]] == [("By class", 2), ("Late", 1)]


def test_what_is_kept_comes_back_and_holds_no_count_that_was_not_published() -> None:
    data, published = report(some_concerns(2, about=60))
    kept = json.loads(json.dumps(governing.keep(published)))
    assert governing.kept(kept) == Published(dict(published.forms), list(published.sums), 5)
    for _, _, _, kind, number in kept["forms"]:
        assert (kind, number) in {("none", 0), ("few", 5), ("withheld", 0)} or (kind == "about" and number % 5 == 0)
    for section in data["sections"]:
        for row in section["rows"]:
            assert all(kind in {"none", "few", "withheld"} or number % 5 == 0 for kind, number in row["cells"])


def test_reports_of_a_term_and_the_next_attacked_together_give_no_small_count_away(capsys: pytest.CaptureFixture[str]) -> None:
    """By what each count can be, and by what can lie between two counts of which one holds the other: across tables, dates and reports."""
    concerns = some_concerns(3, about=260)
    published: list[Published] = []
    for day in (dt.date(2026, 11, 12), TODAY, dt.date(2027, 3, 1)):
        published.append(report(concerns, today=day, earlier=tuple(published))[1])
    share = small_numbers.share_hidden([form for each in published for form in each.forms.values()])
    with capsys.disabled():
        print(f"\nThree reports to governors of 260 concerns in three years: {share:.0%} of the counts are not shown as a number")
    attack = Attack(published)
    found = [*attack.counts(), *attack.differences()]
    assert len(found) > 100
    assert len({len(each.of) for each in found}) == 2, "single counts and differences"
    assert [each for each in found if each.low == each.high and 0 < each.low < 5] == []


def test_a_table_of_what_is_not_counted_is_left_out_and_says_no_untrue_none() -> None:
    counted = Counted(some_concerns(4, about=50), {}, 0, known=frozenset({"month", "category"}))
    data, _ = governing.made(counted, period=governing.period_of(TODAY), today=TODAY, earlier=(), threshold=5)
    assert [section["code"] for section in data["sections"]] == ["months", "categories"]
