"""What stands in a report to governors: counts of a term beside those of the same days of earlier years, after small numbers are protected. Pure.

A template (templates/*.toml) says which tables there are. What is counted comes in codes, and what is published goes out in forms: no count is
kept that was not published, so that nothing kept can say more than the report does.
"""

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from services.reports import counting, small_numbers
from services.reports.small_numbers import Form, Pairs, Population, Published, Sum

_TEMPLATES: Final = Path(__file__).parent / "templates"
KEPT_YEARS: Final = 4
"""So far back lie the earlier reports against which a new one is held."""


@dataclass(frozen=True, slots=True)
class Concern:
    """One incident as a report counts it: codes and times, nobody's name. Minutes are from the recording; None: not yet."""

    on: date
    category: str
    class_code: str
    year_group: str
    acknowledged: int | None = None
    answered: int | None = None
    standing: str = "open"
    referrals: tuple[bool, ...] = ()  # a referral each: whether its outcome is known


@dataclass(frozen=True, slots=True)
class Counted:
    """All that a report is made of. `children`: how many have a flag today, by its code. `overdue`: what was asked and is late today.

    `known`: by what can be counted (None: by everything). A table of what is not known is left out: "none" would be untrue.
    """

    concerns: Sequence[Concern]
    children: Mapping[str, int]
    overdue: int
    known: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """The days a report is about, both included, and the name of the term they lie in."""

    name: str
    since: date
    until: date

    def back(self, years: int) -> "Period":
        """Return the same days so many years before."""
        return Period(self.name, _back(self.since, years), _back(self.until, years))


@cache
def template(code: str = "governors") -> Mapping[str, Any]:
    """Return a template; one that is `like` another has that one's terms and, after its own, its sections."""
    own: dict[str, Any] = tomllib.loads((_TEMPLATES / f"{code}.toml").read_text())
    if "like" not in own:
        return own
    other = template(own["like"])
    return {**other, **own, "sections": [*own["sections"], *other["sections"]]}


def period_of(day: date, *, code: str = "governors") -> Period:
    """Return which days a report is about that is made on this day: the term so far, or in its first days the whole of the one before."""
    told = template(code)
    begins = sorted(
        (date(year, *map(int, term["from"].split("-"))), term["name"]) for year in range(day.year - 1, day.year + 1) for term in told["terms"]
    )
    past = [(first, name) for first, name in begins if first < day]
    first, name = past[-1]
    if day - first < timedelta(days=told["settle_days"]):
        return Period(past[-2][1], past[-2][0], first - timedelta(days=1))
    return Period(name, first, day - timedelta(days=1))


def first_day(period: Period, *, code: str = "governors") -> date:
    """Return the first day of which anything is counted."""
    return period.back(template(code)["years"] - 1).since


def made(
    counted: Counted, *, period: Period, today: date, earlier: Sequence[Published], threshold: int, code: str = "governors"
) -> tuple[dict[str, Any], Published]:
    """Return the report's tables as they may be shown, and what the next report is held against."""
    told = template(code)
    counts: dict[Population, int] = {}
    sums: list[Sum] = []
    wanted = [s for s in told["sections"] if counted.known is None or s.get("by", s["of"]) in counted.known]
    plans = [_plan(section, counted, period=period, today=today, years=told["years"]) for section in wanted]
    for plan in plans:
        counts |= plan.counts
        sums += plan.sums
    forms = small_numbers.protect(counts, sums=sums, earlier=earlier, threshold=threshold)
    sections = [
        {
            "code": plan.code,
            "spans": [[span.since.isoformat(), span.until.isoformat()] for span in plan.spans],
            "rows": [{"code": row, "cells": [_kept(forms[cell]) if cell else ["none", 0] for cell in cells]} for row, cells in plan.rows],
        }
        for plan in plans
    ]
    said = {
        "template": code,
        "term": period.name,
        "since": period.since.isoformat(),
        "until": period.until.isoformat(),
        "today": today.isoformat(),
        "threshold": threshold,
        "sections": sections,
    }
    return said, Published(forms, sums, threshold)


# --- the tables -------------------------------------------------------------------------------------------------------------

TOTAL: Final = "all"
OPENING: Final = "opening"
"""Where the words stand that a report opens with."""


@dataclass(frozen=True, slots=True)
class _Plan:
    code: str
    spans: Sequence[Period]
    rows: Sequence[tuple[str, Sequence[Population | None]]]
    counts: Mapping[Population, int]
    sums: Sequence[Sum]


def _plan(section: Mapping[str, Any], counted: Counted, *, period: Period, today: date, years: int) -> _Plan:
    of = section["of"]
    if of in {"children", "overdue"}:  # as it stands today: of one day, and of no stretch of days
        span = Period("today", today, today)
        values = counted.children if of == "children" else {TOTAL: counted.overdue}
        codes = [row["code"] for row in section.get("rows", [])] or [TOTAL]
        cells = {code: Population((("of", of), ("row", code)), today, today) for code in codes}
        return _Plan(section["code"], [span], [(c, [cells[c]]) for c in codes], {cells[c]: values.get(c, 0) for c in codes}, [])
    spans = [period.back(n) for n in range(section.get("years", years))]
    things = [(c.on, _row_of(section["by"], c)) for c in counted.concerns] if of == "concerns" else _referrals(counted.concerns)
    if section["by"] == "month":
        return _months(section["code"], spans=spans, days=[day for day, _ in things])
    codes = [row["code"] for row in section.get("rows", [])] or sorted({code for _, code in things}, key=in_order)
    counts: dict[Population, int] = {}
    sums: list[Sum] = []
    rows: dict[str, list[Population]] = {code: [] for code in codes}
    totals = []
    for span in spans:
        here = [code for day, code in things if span.since <= day <= span.until]
        whole = Population(_what(of), span.since, span.until)
        parts = {code: Population((*_what(of), (section["by"], code)), span.since, span.until) for code in codes}
        if section["by"] == "standing":  # as it stands today, not as it stood then: nothing to compare with another day's
            parts = {code: Population((*_what(of), (f"standing on {today}", code)), span.since, span.until) for code in codes}
        counts |= {whole: len(here)} | {parts[code]: here.count(code) for code in codes}
        sums.append(Sum(whole, tuple(parts.values())))
        totals.append(whole)
        for code in codes:
            rows[code].append(parts[code])
    shown = [(code, cells) for code, cells in rows.items() if section.get("rows") or any(counts[cell] for cell in cells)]
    return _Plan(section["code"], spans, [*shown, (TOTAL, totals)], counts, sums)


def in_order(code: str) -> tuple[int, int, str]:
    """Return what codes are sorted by: years of school one after the other, after nursery and reception."""
    number = code.removeprefix("year_")
    return (["nursery", "reception"].index(code), 0, "") if code in {"nursery", "reception"} else (2, int(number) if number.isdecimal() else 0, code)


def _months(code: str, *, spans: Sequence[Period], days: Sequence[date]) -> _Plan:
    counts: dict[Population, int] = {}
    sums, totals = [], []
    rows: dict[str, list[Population | None]] = {}
    for number, span in enumerate(spans):
        parts = []
        whole = Population(_what("concerns"), span.since, span.until)
        for first, last in _months_of(span):
            part = Population(_what("concerns"), first, last)
            counts[part] = sum(first <= day <= last for day in days)
            parts.append(part)
            rows.setdefault(f"{first.month:02}", [None] * number).append(part)
        counts[whole] = sum(span.since <= day <= span.until for day in days)
        sums.append(Sum(whole, tuple(parts)))
        totals.append(whole)
    return _Plan(code, spans, [*rows.items(), (TOTAL, totals)], counts, [s for s in sums if s.parts != (s.whole,)])


def _months_of(span: Period) -> Iterable[tuple[date, date]]:
    first = span.since
    while first <= span.until:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield first, min(following - timedelta(days=1), span.until)
        first = following


def _what(of: str) -> Pairs:
    return (("of", of),)


def _referrals(concerns: Iterable[Concern]) -> list[tuple[date, str]]:
    return [(concern.on, "accepted" if known else "waiting") for concern in concerns for known in concern.referrals]


_BY: Final[Mapping[str, Callable[[Concern], str]]] = {
    "category": lambda c: c.category,
    "class": lambda c: c.class_code,
    "year_group": lambda c: c.year_group or "none",
    "acknowledged": lambda c: counting.within(c.acknowledged, counting.READ_WITHIN),
    "answered": lambda c: counting.within(c.answered, counting.ANSWERED_WITHIN),
    "standing": lambda c: c.standing,
    "month": lambda c: f"{c.on:%m}",
}


def _row_of(by: str, concern: Concern) -> str:
    return _BY[by](concern)


def _back(day: date, years: int) -> date:
    return day.replace(year=day.year - years, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=day.year - years)


# --- what is kept of it, and what it says -----------------------------------------------------------------------------------


def _kept(form: Form) -> list[Any]:
    return [form.kind, form.number]


def keep(published: Published) -> dict[str, Any]:
    """Return what a later report is held against, as plain JSON: what was published, and nothing that was not."""
    at = {population: number for number, population in enumerate(published.forms)}
    return {
        "threshold": published.threshold,
        "forms": [[[list(p) for p in pop.of], pop.since.isoformat(), pop.until.isoformat(), *_kept(form)] for pop, form in published.forms.items()],
        "sums": [[at[each.whole], [at[part] for part in each.parts]] for each in published.sums],
    }


def kept(said: Mapping[str, Any]) -> Published:
    """Return what `keep` kept."""
    populations, forms = [], {}
    for of, since, until, kind, number in said["forms"]:
        population = Population(tuple((name, value) for name, value in of), date.fromisoformat(since), date.fromisoformat(until))
        populations.append(population)
        forms[population] = Form(kind, number)
    sums = [Sum(populations[whole], tuple(populations[part] for part in parts)) for whole, parts in said["sums"]]
    return Published(forms, sums, said["threshold"])


def in_words(cell: Sequence[Any]) -> str:
    """Return a count as it is read."""
    kind, number = cell
    return {"none": "0", "few": f"fewer than {number}", "about": f"about {number}", "withheld": "not shown"}[kind]


def rate(cell: Sequence[Any], *, on_roll: int | None) -> str:
    """Return how many for each 100 pupils, of a count as it is shown: nothing is said of it that its number does not say."""
    kind, number = cell
    if kind == "withheld":
        return "not shown"
    if not on_roll:
        return "not known"
    return {"none": "0", "few": f"fewer than {100 * number / on_roll:.1f}", "about": f"about {100 * number / on_roll:.1f}"}[kind]


def told(data: Mapping[str, Any], *, names: Mapping[str, str], words: Mapping[str, str]) -> dict[str, Any]:
    """Return the report in words: what a reader sees, on the page and on paper. `words` are the DSL's, by section."""
    template_ = template(data["template"])
    threshold, about = data["threshold"], {section["code"]: section for section in template_["sections"]}
    rule = (
        f"So that no child can be recognised, a count from 1 to {threshold - 1} is shown as “fewer than {threshold}”, and every other "
        f"is rounded to the nearest {threshold}. Totals are rounded by themselves, so they may not add up. “Not shown” stands where "
        "a small count could be worked out."
    )
    if "schools" in data:
        rule += (
            " A number over all schools is worked out from what may be shown of each, and never from what is hidden of one: "
            "it is near the number that was recorded, and not the same."
        )
    return {
        "title": template_["title"],
        "period": f"{data['term'].capitalize()}: {_days(data['since'], data['until'])}",
        "rule": rule,
        "words": words.get(OPENING, ""),
        "sections": [_section(section, about[section["code"]], names=names, words=words) for section in data["sections"]],
    }


def _section(data: Mapping[str, Any], about: Mapping[str, Any], *, names: Mapping[str, str], words: Mapping[str, str]) -> dict[str, Any]:
    named = {row["code"]: row["name"] for row in about.get("rows", [])} | {TOTAL: "All"}

    def name(code: str) -> str:
        if about.get("by") == "month" and code != TOTAL:
            return f"{date(2000, int(code), 1):%B}"
        return named.get(code) or names.get(code) or ("Not known" if code == "none" else code.replace("_", " ").capitalize())

    rows = [
        {"name": name(row["code"]), "total": row["code"] == TOTAL, "cells": [in_words(cell) for cell in row["cells"]], "forms": row["cells"]}
        for row in data["rows"]
    ]
    columns = [_days(*span) for span in data["spans"]]
    sentence, note = _sentence(rows, columns), about.get("note", "")
    if about.get("by") == "school":
        columns.append("For each 100 pupils")
        for row, said in zip(rows, data["rows"], strict=True):
            row["cells"].append(rate(said["cells"][0], on_roll=said["on_roll"]))
        if rolled := _rolled(data):
            note = f"{note} {rolled}"
        if quiet := [row["name"] for row, said in zip(rows, data["rows"], strict=True) if said["quiet"]]:
            note = f"Quiet: {', '.join(quiet)}. Fewer than half as many for each pupil as in the middle school of the trust. {note}"
    return {
        "code": data["code"],
        "heading": about["heading"],
        "note": note,
        "columns": columns,
        "rows": rows,
        "sentence": sentence,
        "words": words.get(data["code"], ""),
    }


def _rolled(data: Mapping[str, Any]) -> str:
    """Return of which day the numbers on roll are, and whether a school's list begins later; "" of a report made before that was kept."""
    day = data.get("roll_on")
    if day is None:
        return ""
    later = sorted({said["roll_on"] for said in data["rows"] if said.get("roll_on") and said["roll_on"] > day})
    since = f"; of a school whose list begins later, on its first day ({', '.join(_days(on, on) for on in later)})" if later else ""
    return f"On roll: as the schools’ lists say for {_days(day, day)}, the middle of these days{since}."


def _sentence(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return what a table says, in a sentence or two: its total beside the year before, and where most are."""
    total = next((row for row in rows if row["total"]), None)
    said = ""
    if total is not None:
        said = f"{columns[0]}: {total['cells'][0]}."
        if len(columns) > 1:
            said += f" The same days a year before: {total['cells'][1]}."
    others = [row for row in rows if not row["total"] and row["forms"][0][0] == "about"]
    if others and len(rows) > 2:
        most = max(others, key=lambda row: row["forms"][0][1])
        said += f" Most: {most['name']}, {most['cells'][0]}."
    return said.strip() or "No count here is large enough to be named."


def _days(since: str, until: str) -> str:
    first, last = date.fromisoformat(since), date.fromisoformat(until)
    if first == last:
        return f"{last.day} {last:%B %Y}"
    years = "" if first.year == last.year else f" {first.year}"
    return f"{first.day} {first:%B}{years} to {last.day} {last:%B %Y}"
