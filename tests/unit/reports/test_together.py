"""The report of a trust: made of what its schools may show, so that it, their own reports and those before it give no small count away together."""

import datetime as dt
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from services.reports import governing, small_numbers, together
from services.reports.governing import Concern, Counted
from services.reports.small_numbers import Form, Population, Published, Sum
from services.reports.together import School, Shown
from tests.unit.reports.attack import Attack

TODAY = dt.date(2026, 11, 20)
CATEGORIES = ("welfare", "bullying", "attendance", "safeguarding_concern", "child_protection")
FIRST = dt.date(2024, 9, 1)
FEW_TABLES = frozenset({"month", "category"})


def some_concerns(seed: int, *, about: int) -> list[Concern]:
    chance = random.Random(seed)  # noqa: S311 - made-up concerns
    days = [FIRST + dt.timedelta(days=n) for n in range((TODAY - FIRST).days)]
    return [
        Concern(chance.choice(days), chance.choices(CATEGORIES, (30, 20, 20, 6, 2))[0], chance.choice(("general", "welfare")), f"year_{n % 7}")
        for n in range(about)
    ]


def counted(concerns: Sequence[Concern], *, known: frozenset[str] | None = None, **children: int) -> Counted:
    return Counted(concerns, children, overdue=0, known=known)


def made(concerns: Sequence[Concern], *, today: dt.date = TODAY, earlier: Sequence[Published] = (), known: frozenset[str] | None = FEW_TABLES) -> Any:
    period = governing.period_of(today)
    return governing.made(counted(concerns, known=known), period=period, today=today, earlier=earlier, threshold=5)


def school(number: int, said: Mapping[str, Any], on_roll: int | None = 200) -> School:
    return School(UUID(int=number + 1), said, on_roll)


def told(schools: Sequence[School], *, today: dt.date = TODAY) -> dict[str, Any]:
    tables = together.made(schools, period=governing.period_of(today), threshold=5)
    return governing.told(tables, names={each.code: f"School {each.id.int}" for each in schools}, words={})


def test_schools_stand_side_by_side_with_rates_of_what_is_shown_and_the_quiet_one_is_named() -> None:
    period = governing.period_of(TODAY)
    many = [Concern(period.since + dt.timedelta(days=n % 60), "welfare", "welfare", "year_7") for n in range(40)]
    late = replace(school(2, made(many[:2])[0], 400), roll_on=dt.date(2026, 11, 3))
    schools = [school(0, made(many)[0]), school(1, made(many[:31])[0], 400), late, school(3, made([])[0], None)]
    part = told(schools)["sections"][0]
    assert part["columns"] == ["1 September to 19 November 2026", "1 September to 19 November 2025", "For each 100 pupils"]
    assert [(row["name"], *row["cells"]) for row in part["rows"]] == [
        ("School 1", "about 40", "0", "about 20.0"),
        ("School 2", "about 30", "0", "about 7.5"),
        ("School 3", "fewer than 5", "0", "fewer than 1.2"),
        ("School 4", "0", "0", "not known"),
        ("All", "about 75", "0", "not known"),
    ]
    assert part["note"].startswith("Quiet: School 3.")
    assert part["note"].endswith(
        "On roll: as the schools’ lists say for 10 October 2026, the middle of these days; of a school whose list begins later, "
        "on its first day (3 November 2026)."
    )


def test_all_tables_of_the_report_to_governors_are_there_over_all_schools() -> None:
    schools = [school(n, made(some_concerns(n, about=300), known=None)[0]) for n in range(3)]
    said = told(schools)
    assert [part["code"] for part in said["sections"]] == ["schools", *(s["code"] for s in governing.template()["sections"])]
    assert "never from what is hidden of one" in said["rule"]
    months = next(part for part in said["sections"] if part["code"] == "months")
    assert [row["name"] for row in months["rows"]] == ["September", "October", "November", "All"]


@pytest.mark.parametrize(
    ("shown", "whole"),
    [
        ([], Form("none")),
        ([Form("none"), Form("none")], Form("none")),
        ([Form("few", 5), Form("none")], Form("few", 5)),
        ([Form("few", 5), Form("few", 5)], Form("about", 5)),
        ([Form("about", 10), Form("about", 25)], Form("about", 35)),
        ([Form("about", 10), Form("withheld")], Form("about", 20)),
        ([Form("withheld"), Form("withheld")], Form("withheld")),
    ],
)
def test_a_number_over_all_schools_follows_from_what_is_shown_of_each(shown: list[Form], whole: Form) -> None:
    assert together.over_all([Shown(form, 5, 100) for form in shown], threshold=5) == whole


def test_of_rare_things_not_the_middle_of_what_each_may_be_is_counted() -> None:
    """Sixty schools, of which eleven have one or two: the middle of 1 to 4 would make 27 of it, and there were 13."""
    forms = [Form("few", 5)] * 11 + [Form("none")] * 49
    assert together.over_all([Shown(form, 5, 100) for form in forms], threshold=5) == Form("about", 10)


def test_what_is_hidden_makes_no_difference_to_it() -> None:
    """Two trusts of which everything shown is the same, and every hidden count another, have the same report, byte for byte."""
    period = governing.period_of(TODAY)
    day = period.since + dt.timedelta(days=3)
    some = [Concern(day, "welfare", "welfare", "year_7") for _ in range(12)]
    one = [*some, *(Concern(day, "bullying", "general", "year_8") for _ in range(1))]
    other = [*some[:11], *(Concern(day, "bullying", "general", "year_8") for _ in range(3))]
    schools = [
        [school(0, made(few, known=frozenset({"category"}))[0]), school(1, made(some, known=frozenset({"category"}))[0])] for few in (one, other)
    ]
    assert told(schools[0]) == told(schools[1])


def of_school(number: int, published: Published) -> Published:
    """Return what is known of a school with its name in it, so that several are attacked together."""

    def named(population: Population) -> Population:
        return replace(population, of=(*population.of, ("school", str(number))))

    sums = [Sum(named(each.whole), tuple(named(part) for part in each.parts)) for each in published.sums]
    return Published({named(population): form for population, form in published.forms.items()}, sums, published.threshold)


def over_schools(parts: Mapping[int, Published], schools: Sequence[School]) -> Published:
    """Return what a trust's report adds: of each count that every school has, what is said over all of them."""
    same = set.intersection(*(set(published.forms) for published in parts.values()))
    forms, sums = {}, []
    for population in sorted(same):
        shown = [Shown(published.forms[population], 5, 200) for published in parts.values()]
        form = together.over_all(shown, threshold=5)
        if form.kind in {"none", "few"}:  # "about" is an estimate, of which nothing follows but what follows from each school's
            forms[population] = form
            named = tuple(replace(population, of=(*population.of, ("school", str(number)))) for number in parts)
            sums.append(Sum(population, named))
    return Published(forms, sums, 5)


@pytest.mark.parametrize(("seed", "abouts"), [(1, (30, 60)), (2, (20, 25, 120))])
def test_trust_and_schools_attacked_together_across_a_year_give_no_small_count_away(
    seed: int, abouts: tuple[int, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever attacks has all reports of the schools and, more than a trust's report prints, each school's part of it."""
    concerns = {n: some_concerns(100 * seed + n, about=about) for n, about in enumerate(abouts)}
    known: dict[int, list[Published]] = {n: [] for n in concerns}
    public: list[Published] = []
    hidden: list[Form] = []
    calendar = [(dt.date(2026, 5, 12), None), (dt.date(2026, 10, 20), 0), (dt.date(2026, 11, 3), None), (dt.date(2026, 11, 12), 1), (TODAY, 0)]
    for day, whose in calendar:
        parts: dict[int, Published] = {}
        schools: list[School] = []
        for number in concerns if whose is None else [whose]:
            said, published = made([c for c in concerns[number] if c.on < day], today=day, earlier=known[number])
            known[number].insert(0, published)
            parts[number] = of_school(number, published)
            schools.append(school(number, said))
            hidden += published.forms.values()
        public = [*parts.values(), *public]
        if whose is None:
            public.insert(0, over_schools({n: known[n][0] for n in concerns}, schools))
    with capsys.disabled():
        share = small_numbers.share_hidden(hidden)
        print(f"\n{len(abouts)} schools and their trust, {len(calendar)} reports: {share:.0%} of what is shown of schools is not a number")
    attack = Attack(public)
    found = [*attack.counts(), *attack.differences()]
    assert len(found) > 80, "everything that is hidden was looked for"
    assert len({len(each.of) for each in found}) == 2, "single counts, and what can lie between two of which one holds the other"
    assert [each for each in found if each.low == each.high and 0 < each.low < 5] == []


def test_numbers_over_sixty_schools_are_within_a_tenth_or_ten_of_what_was_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(60)  # noqa: S311 - made-up schools
    schools, true, hidden = [], dict.fromkeys(CATEGORIES, 0), list[Form]()
    period = governing.period_of(TODAY)
    for number in range(60):
        concerns = some_concerns(1_000 + number, about=chance.choice((60, 150, 500)))
        said, _ = made(concerns, known=frozenset({"category"}))
        schools.append(school(number, said, chance.choice((200, 400, 1100))))
        for each in concerns:
            true[each.category] += period.since <= each.on <= period.until
    tables = together.made(schools, period=period, threshold=5)
    rows = {row["code"]: row["cells"][0] for row in tables["sections"][1]["rows"]}
    off = {code: rows[code][1] - number for code, number in true.items()}
    hidden = [Form(*cell) for section in tables["sections"] for row in section["rows"] for cell in row["cells"]]
    with capsys.disabled():
        share = small_numbers.share_hidden(hidden)
        print(f"\nA trust of 60: recorded {true}, shown {rows}; {share:.0%} of the counts printed are not a number")
    assert all(abs(difference) <= max(0.1 * true[code], 10) for code, difference in off.items()), off
