"""Small numbers: what is published is attacked by subtraction, across tables, dates and reports, and nothing that is hidden is found."""

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from services.reports import small_numbers
from services.reports.small_numbers import Form, Population, Published, Sum, protect
from tests.unit.reports.attack import Attack, Range

YEARS = (2024, 2025, 2026)
CATEGORIES = ("welfare", "bullying", "attendance", "home_domestic", "child_protection")
CLASSES = ("general", "welfare", "safeguarding", "protection")
GROUPS = ("Reception", "Year 1", "Year 2", "Year 3")
MAY = dt.date(2026, 5, 4), dt.date(2026, 5, 29)


def of(since: dt.date, until: dt.date, **what: str) -> Population:
    return Population(tuple(sorted(what.items())), since, until)


def whole_and_parts(whole: Population, parts: Sequence[Population]) -> list[Sum]:
    return [Sum(whole, tuple(parts))]


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, Form("none")), (1, Form("few", 5)), (4, Form("few", 5)), (5, Form("about", 5)), (7, Form("about", 5)), (8, Form("about", 10)), (223, Form("about", 225))],
)  # fmt: skip
def test_zero_is_shown_what_is_under_five_is_not_and_the_rest_is_rounded(count: int, shown: Form) -> None:
    assert small_numbers.rounded(count, threshold=5) == shown


@pytest.mark.parametrize("threshold", range(3, 11))
def test_what_is_shown_always_allows_the_count_that_it_is_of_and_another(threshold: int) -> None:
    """At each threshold that a school may choose (CycleItem); at 2 "fewer than" would have one value left."""
    for count in range(1, 200):
        low, high = small_numbers.rounded(count, threshold=threshold).bounds(base=threshold)
        assert low <= count <= high
        assert low < high


def test_a_total_that_would_give_two_fours_away_is_withheld() -> None:
    whole, parts = of(*MAY), [of(*MAY, kind=kind) for kind in "ab"]
    forms = protect({whole: 8, parts[0]: 4, parts[1]: 4}, sums=whole_and_parts(whole, parts))
    assert forms[whole] == Form("withheld"), "about 10 is 8 at least, and twice four at most"
    assert forms[parts[0]] == forms[parts[1]] == Form("few", 5)


def test_a_total_that_gives_nothing_away_is_shown() -> None:
    whole, parts = of(*MAY), [of(*MAY, kind=kind) for kind in "abc"]
    forms = protect({whole: 23, parts[0]: 3, parts[1]: 0, parts[2]: 20}, sums=whole_and_parts(whole, parts))
    assert [forms[p].kind for p in (whole, *parts)] == ["about", "few", "none", "about"]


def test_one_small_count_beside_zeros_is_not_told_by_the_total() -> None:
    whole, parts = of(*MAY), [of(*MAY, kind=kind) for kind in "abc"]
    forms = protect({whole: 3, parts[0]: 3, parts[1]: 0, parts[2]: 0}, sums=whole_and_parts(whole, parts))
    low, high = next(r for r in Attack([Published(forms, whole_and_parts(whole, parts), 5)]).counts() if r.of == (parts[0],)).low, 4
    assert low < high


def test_what_an_earlier_report_withheld_a_later_one_does_not_show() -> None:
    whole, parts = of(*MAY), [of(*MAY, kind=kind) for kind in "ab"]
    counts, sums = {whole: 8, parts[0]: 4, parts[1]: 4}, whole_and_parts(whole, parts)
    before = Published(protect(counts, sums=sums), sums, 5)
    after = protect({whole: 8}, sums=[], earlier=[before])
    assert after[whole] == Form("withheld")


def test_a_report_that_ends_a_week_later_does_not_tell_what_the_week_brought() -> None:
    first, later = of(MAY[0], dt.date(2026, 5, 22)), of(*MAY)
    for before in range(60):
        for more in range(6):
            one = Published(protect({first: before}, sums=[]), [], 5)
            two = Published(protect({later: before + more}, sums=[], earlier=[one]), [], 5)
            found = next(r for r in Attack([one, two]).differences() if r.of == (first, later))
            assert found.low < found.high or found.low == found.high == 0, (before, more)


# --- a school's reports over three years, attacked together -----------------------------------------------------------------


@dataclass(frozen=True)
class Concern:
    on: dt.date
    category: str
    class_: str
    group: str


def a_schools_concerns(seed: int, *, about: int) -> list[Concern]:
    chance = random.Random(seed)  # noqa: S311 - made-up concerns
    weights = [chance.random() ** 2 + 0.02 for _ in CATEGORIES]
    days = [dt.date(2023, 9, 1) + dt.timedelta(days=n) for n in range(3 * 365)]
    return [
        Concern(chance.choice(days), chance.choices(CATEGORIES, weights)[0], chance.choices(CLASSES, (9, 6, 3, 1))[0], chance.choice(GROUPS))
        for _ in range(about)
    ]


def spans() -> Iterator[tuple[dt.date, dt.date]]:
    """Yield the days that reports of meetings were of: twice a term, some moved by days."""
    for year in YEARS:
        yield dt.date(year - 1, 9, 1), dt.date(year - 1, 11, 10)
        yield dt.date(year - 1, 9, 1), dt.date(year - 1, 12, 8)
        yield dt.date(year - 1, 9, 1), dt.date(year - 1, 12, 15)
        yield dt.date(year, 1, 1), dt.date(year, 3, 20)


def tables(concerns: Sequence[Concern], since: dt.date, until: dt.date) -> tuple[dict[Population, int], list[Sum]]:
    counts: dict[Population, int] = {}
    sums: list[Sum] = []
    months = [since]
    while (following := (months[-1].replace(day=1) + dt.timedelta(days=32)).replace(day=1)) <= until:
        months.append(following)
    ends = [m - dt.timedelta(days=1) for m in months[1:]] + [until]
    for first, last in [(since, until), *zip(months, ends, strict=True)]:
        here = [c for c in concerns if first <= c.on <= last]
        whole = of(first, last)
        counts[whole] = len(here)
        for name, values, field in (("category", CATEGORIES, "category"), ("class", CLASSES, "class_"), ("year", GROUPS, "group")):
            if (first, last) != (since, until) and name != "class":
                continue
            parts = [of(first, last, **{name: value}) for value in values]
            counts |= {part: sum(getattr(c, field) == value for c in here) for part, value in zip(parts, values, strict=True)}
            sums.append(Sum(whole, tuple(parts)))
    sums.append(Sum(of(since, until), tuple(of(a, b) for a, b in zip(months, ends, strict=True))))
    return counts, sums


def published_over_the_years(seed: int, *, about: int, corrected: float = 0.0) -> tuple[list[Published], float]:
    concerns, chance = a_schools_concerns(seed, about=about), random.Random(seed)  # noqa: S311 - made-up corrections
    reports: list[Published] = []
    hidden: list[Form] = []
    for since, until in spans():
        counts, sums = tables(concerns, since, until)
        earlier, more = tables(concerns, since.replace(year=since.year - 1), until.replace(year=until.year - 1))
        shown = protect(counts | earlier, sums=sums + more, earlier=reports[::-1])
        reports.append(Published(shown, sums + more, 5))
        hidden += shown.values()
        if chance.random() < corrected:  # somebody corrects something
            n = chance.randrange(len(concerns))
            old = concerns[n]
            concerns[n] = Concern(old.on, chance.choice(CATEGORIES), old.class_, old.group)
    return reports, small_numbers.share_hidden(hidden)


@pytest.mark.parametrize(("seed", "about"), [(1, 40), (2, 120), (3, 300), (4, 900)])
def test_subtraction_across_tables_dates_and_reports_finds_no_hidden_count(seed: int, about: int, capsys: pytest.CaptureFixture[str]) -> None:
    reports, share = published_over_the_years(seed, about=about)
    with capsys.disabled():
        print(f"\n{about} concerns in three years, {len(reports)} reports: {share:.0%} of the counts are not shown as a number")
    attack = Attack(reports)
    found = [*attack.counts(), *attack.differences()]
    assert len(found) > 500, "everything that is hidden was looked for"
    assert [each for each in found if is_found_out(each)] == []


@pytest.mark.parametrize(("seed", "about"), [(5, 60), (6, 250)])
def test_nor_does_it_where_something_was_corrected_between_two_reports(seed: int, about: int) -> None:
    reports, _ = published_over_the_years(seed, about=about, corrected=0.5)
    believed: list[Published] = []
    for report in reversed(reports):  # whoever attacks believes the newest, and of the older ones those that do not deny it
        if Attack([*believed, report]).range_of([0]) is not None:
            believed.append(report)
    assert len(believed) > 2
    attack = Attack(believed)
    found = [*attack.counts(), *attack.differences()]
    assert [each for each in found if is_found_out(each)] == []


def test_the_attack_finds_what_rounding_alone_gives_away() -> None:
    whole, parts = of(*MAY), [of(*MAY, kind=kind) for kind in "ab"]
    counts, sums = {whole: 8, parts[0]: 4, parts[1]: 4}, whole_and_parts(whole, parts)
    only_rounded = {population: small_numbers.rounded(count, threshold=5) for population, count in counts.items()}
    assert any(is_found_out(each) for each in Attack([Published(only_rounded, sums, 5)]).counts())


def is_found_out(found: Range) -> bool:
    return found.low == found.high and 0 < found.low < 5
