"""The report of a trust, from what may be shown of each of its schools. Pure.

Each school's counts are protected by themselves, against all that was ever published of that school (governing.made); nothing here sees any other
number. So no subtraction can find what is hidden of a school: whoever has a trust's report has a function of what its schools may show, and
what they may show was attacked before. What a school publishes later is held against it in turn.

Over all schools a number is therefore an estimate: each school's as shown, "fewer than 5" and what is withheld as the mean of what it may be
where they are as frequent as in all schools (a Poisson distribution, fitted to the shown counts by expectation and maximisation: Dempster,
Laird and Rubin, "Maximum Likelihood from Incomplete Data via the EM Algorithm", 1977). Taking the middle of 1 to 4 would count twice too many
of what is rare.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from services.reports import counting, governing
from services.reports.governing import TOTAL, Period
from services.reports.small_numbers import MOST, Form

CODE: Final = "trust"
_ROUNDS: Final = 30


@dataclass(frozen=True, slots=True)
class School:
    """What may be shown of one school: its tables as `governing.made` says them; `on_roll`, on the day `roll_on`; None: not known."""

    id: UUID
    said: Mapping[str, Any]
    on_roll: int | None
    roll_on: date | None = None

    @property
    def code(self) -> str:
        """By what its row is known."""
        return str(self.id)


@dataclass(frozen=True, slots=True)
class Shown:
    """A school's count as it may be shown, the threshold it was made with, and the size of what it is of (pupils, or all that was counted)."""

    form: Form
    threshold: int
    size: int


def made(schools: Sequence[School], *, period: Period, threshold: int) -> dict[str, Any]:
    """Return the tables of a trust's report, in the form in which `governing.told` reads them."""
    told = governing.template(CODE)
    today = schools[0].said["today"] if schools else period.until.isoformat()
    sections = [_side_by_side(schools, period=period, years=told["sections"][0]["years"], threshold=threshold)]
    wanted = [section["code"] for section in told["sections"][1:]]
    sections += [_over_all(code, schools, threshold=threshold) for code in wanted if any(_section(s, code) for s in schools)]
    return {
        "template": CODE,
        "term": period.name,
        "since": period.since.isoformat(),
        "until": period.until.isoformat(),
        "today": today,
        "threshold": threshold,
        "schools": len(schools),
        "sections": sections,
    }


def over_all(shown: Sequence[Shown], *, threshold: int) -> Form:
    """Return about how many there are over all schools: a function of what is shown of each, and of nothing else."""
    bounds = [each.form.bounds(base=each.threshold) for each in shown]
    low, high = sum(least for least, _ in bounds), sum(most for _, most in bounds)
    if high == 0:
        return Form("none")
    if high < threshold:
        return Form("few", threshold)
    about = estimate(shown)
    if about is None:
        return Form("withheld")
    rounded = threshold * math.floor(about / threshold + 0.5)
    if rounded >= threshold:
        return Form("about", rounded)
    if high >= MOST:
        return Form("withheld")
    return Form("few", threshold * (high // threshold + 1)) if low else Form("withheld")


def estimate(shown: Sequence[Shown]) -> float | None:
    """Return the number over all schools that is likeliest after what is shown; None where nothing is shown of any."""
    told = [each for each in shown if each.form.kind != "withheld"]
    size = sum(each.size for each in told)
    if not told or not size:
        return None
    rate = sum(_first(each.form) for each in told) / size
    for _ in range(_ROUNDS):
        rate = sum(_mean(each, rate=rate) for each in told) / size
    return sum(_mean(each, rate=rate) for each in shown)


def _first(form: Form) -> float:
    return {"none": 0.0, "few": form.number / 2, "about": float(form.number)}[form.kind]


def _mean(shown: Shown, *, rate: float) -> float:
    """Return the mean of what a shown count may be: of "fewer than", of 1 up to there, each by its chance.

    No more than the middle: where schools differ more than by chance, what is small is smaller than the frequency of all makes it.
    """
    form, expected = shown.form, rate * shown.size
    if form.kind == "withheld":
        return expected
    if form.kind != "few":
        return _first(form)
    weight, total, said = 1.0, 0.0, 0.0
    for count in range(1, form.number):
        weight *= expected / count
        total, said = total + weight, said + count * weight
    return min(said / total, form.number / 2) if total else 1.0


# --- the tables -------------------------------------------------------------------------------------------------------------


def _side_by_side(schools: Sequence[School], *, period: Period, years: int, threshold: int) -> dict[str, Any]:
    """Return a row a school: its concerns of the period and of the same days before, its rate, whether it is quiet."""
    totals = {school.id: _row(_section(school, "categories"), TOTAL)[:years] for school in schools}
    known = {s.id: s.on_roll for s in schools if s.on_roll and totals[s.id][0].kind != "withheld"}
    quiet = counting.quiet({id_: _plain(totals[id_][0]) for id_ in known}, on_roll=known)
    rows = [
        {
            "code": school.code,
            "cells": [_kept(form) for form in totals[school.id]],
            "on_roll": school.on_roll,
            "roll_on": school.roll_on.isoformat() if school.roll_on else None,
            "quiet": school.id in quiet,
        }
        for school in schools
    ]
    pupils = sum(school.on_roll or 0 for school in schools) if all(school.on_roll for school in schools) else None
    cells = [_kept(over_all(_shown([(school, totals[school.id][n]) for school in schools]), threshold=threshold)) for n in range(years)]
    spans = [[(back := period.back(n)).since.isoformat(), back.until.isoformat()] for n in range(years)]
    middle = counting.middle(since=period.since, until=period.until, today=period.until)
    whole = {"code": TOTAL, "cells": cells, "on_roll": pupils, "roll_on": None, "quiet": False}
    return {"code": "schools", "spans": spans, "roll_on": middle.isoformat(), "rows": [*rows, whole]}


def _plain(form: Form) -> int:
    """Return the number by which schools are compared: as it is shown; of "fewer than", the half."""
    return form.number // 2 if form.kind == "few" else form.number


def _over_all(code: str, schools: Sequence[School], *, threshold: int) -> dict[str, Any]:
    """Return one table over all schools. A row that a school's table has not is none there."""
    found = [(school, section) for school in schools if (section := _section(school, code))]
    spans = found[0][1]["spans"]
    names = dict.fromkeys(row["code"] for _, section in found for row in section["rows"])
    about = next(section for section in governing.template(CODE)["sections"] if section["code"] == code)
    parts = [row["code"] for row in about.get("rows", [])] or [name for name in names if name != TOTAL]
    if about.get("by") in {"category", "year_group"}:  # months come in the order of the term
        parts.sort(key=governing.in_order)
    codes = [*parts, *([TOTAL] if TOTAL in names else [])]
    totals = [_row(section, TOTAL) for _, section in found]
    rows = []
    for row_code in codes:
        forms = [_row(section, row_code) for _, section in found]
        cells = []
        for n in range(len(spans)):
            here = [(school, each[n] if n < len(each) else Form("none")) for (school, _), each in zip(found, forms, strict=True)]
            of = [total[n] for total in totals] if row_code != TOTAL and TOTAL in names else None
            cells.append(_kept(over_all(_shown(here, of=of), threshold=threshold)))
        rows.append({"code": row_code, "cells": cells})
    return {"code": code, "spans": spans, "rows": rows}


def _section(school: School, code: str) -> Mapping[str, Any] | None:
    return next((section for section in school.said["sections"] if section["code"] == code), None)


def _row(section: Mapping[str, Any] | None, code: str) -> list[Form]:
    rows = section["rows"] if section else []
    return [Form(kind, number) for kind, number in next((row["cells"] for row in rows if row["code"] == code), [])]


def _shown(each: Sequence[tuple[School, Form]], *, of: Sequence[Form] | None = None) -> list[Shown]:
    """Return forms with how much they are of: of all that was counted at the school, where that is shown (`of`), else of its pupils.

    A school of which that is not known counts as one of the middle size.
    """
    sizes = [_plain(form) if form.kind != "withheld" else None for form in of] if of else [school.on_roll for school, _ in each]
    known = sorted(size for size in sizes if size)
    middle = known[len(known) // 2] if known else 100
    return [Shown(form, school.said["threshold"], middle if size is None else size) for (school, form), size in zip(each, sizes, strict=True)]


def _kept(form: Form) -> list[Any]:
    return [form.kind, form.number]
