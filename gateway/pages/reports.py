"""Counts of a school's incidents: by month and class as a table and a chart that says the same, and by all else that is counted; each as a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, render_template, request
from flask_babel import gettext as _

from gateway import rpc, schools, session, sheets, words
from gateway.forms import Form
from safekeep import clock, spreadsheet
from safekeep.contracts.reports import CountRow, Counts, CountsAnswer
from safekeep.errors import NotFound

pages = Blueprint("reports", __name__)

CLASS_ORDER = ("general", "welfare", "safeguarding", "protection")
FILTERS = ("class_code", "category", "year_group")


@dataclass(frozen=True, slots=True)
class Table:
    """Counts under one heading: a row each, and how many."""

    code: str
    heading: str
    of: str
    rows: Sequence[tuple[str, int]]
    note: str = ""


@pages.get("/s/<slug>/reports")
def counts(slug: str) -> Any:
    """Show the school's counts between two months; without dates, the school year so far."""
    here = session.here()
    known = schools.known(here)
    form = Form({name: request.args.getlist(name) for name in request.args})
    since, until, found = _found(here, known, form)
    return render_template(
        "reports/counts.html",
        known=known,
        form=form,
        since=since,
        until=until,
        found=found,
        months=by_month(found.rows),
        categories=by_category(found.rows),
        classes=CLASS_ORDER,
        years=words.YEAR_GROUPS,
        category_choices=sorted(((c.code, c.name) for c in known.categories.values()), key=lambda each: each[1]),
        tables=tables_of(found),
        asked={name: form.one(name) for name in ("since", "until", "as_at", *FILTERS) if form.one(name)},
    )


@pages.get("/s/<slug>/reports/<table>.csv")
def as_list(slug: str, table: str) -> Any:
    """Answer one of the tables that are shown as a list for a spreadsheet, of the same incidents. Raises NotFound for another name."""
    here = session.here()
    known = schools.known(here)
    found = _found(here, known, Form({name: request.args.getlist(name) for name in request.args}))[2]
    if table == "months":
        headings = [_("Month"), *(str(words.CLASSES[code]) for code in CLASS_ORDER), _("All")]
        rows = [[each["month"], *(str(each["classes"][code]) for code in CLASS_ORDER), str(each["total"])] for each in by_month(found.rows)]
    elif table == "categories":
        headings = [_("Category"), _("Class"), _("Incidents")]
        rows = [[known.category(code), str(words.CLASSES[class_]), str(count)] for code, class_, count in by_category(found.rows)]
    else:
        wanted = next((each for each in tables_of(found) if each.code == table), None)
        if wanted is None:
            raise NotFound("page")
        headings, rows = [wanted.of, _("How many")], [[name, str(count)] for name, count in wanted.rows]
    return sheets.download(spreadsheet.write(headings, rows), f"counts-{table}.csv")


def _found(here: Any, known: schools.Known, form: Form) -> tuple[date, date, CountsAnswer]:
    today = known.local(clock.now()).date()
    since, until = span(form, today=today)
    choices = {"class_code": words.CLASSES, "category": known.categories, "year_group": words.YEAR_GROUPS}
    chosen = {name: form.one(name) for name in FILTERS if form.one(name) in choices[name]}
    as_at = form.as_day("as_at")
    if as_at is not None and as_at > today:
        form.refuse("as_at", "in_future")
        as_at = None
    wanted = rpc.build(Counts, since=since, until=until, as_at=as_at, **chosen)
    return since, until, rpc.ask(wanted, token=here.token, seconds=10.0)


def span(form: Form, *, today: date) -> tuple[date, date]:
    """Return the two dates asked for, or the school year so far; in the right order."""
    since = form.as_day("since") or date(today.year if today.month >= 9 else today.year - 1, 9, 1)
    until = form.as_day("until") or today
    return min(since, until), max(since, until)


def by_month(rows: list[CountRow]) -> list[dict[str, Any]]:
    """Return, a month, its incidents by class; `parts` are heights for the chart."""
    months: dict[str, dict[str, int]] = {}
    for row in rows:
        if row.main:
            counts_ = months.setdefault(row.month, dict.fromkeys(CLASS_ORDER, 0))
            counts_[row.class_code] = counts_.get(row.class_code, 0) + row.count
    most = max((sum(c.values()) for c in months.values()), default=1) or 1
    return [
        {
            "month": month,
            "name": words.month(month),
            "classes": classes,
            "total": sum(classes.values()),
            "parts": {c: 185 * n // most for c, n in classes.items()},
        }
        for month, classes in sorted(months.items())
    ]


def by_category(rows: list[CountRow]) -> list[tuple[str, str, int]]:
    """Return (category, class, count), the most frequent first."""
    totals: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row.category, row.class_code)
        totals[key] = totals.get(key, 0) + row.count
    return sorted(((category, class_, count) for (category, class_), count in totals.items()), key=lambda row: -row[2])


def tables_of(found: CountsAnswer) -> list[Table]:
    """Return what is counted beside months and categories, in the order a DSL asks for it; a table of nothing is left out."""
    counted: dict[str, dict[str, int]] = {}
    for row in found.tables:
        counted.setdefault(row.table, {})[row.code] = row.count
    shown = [
        ("standing", _("How they stand"), _("Standing"), _("Closed when it is closed for every pupil in it."), words.STATUSES),
        ("read", _("How soon somebody who was sent it had read it"), _("Read"), "", words.READ_WITHIN),
        ("answered", _("How soon something was done and written down"), _("Done"), "", words.ANSWERED_WITHIN),
        ("follow_ups", _("What is asked of somebody and not done"), _("Due"), "", words.NOT_DONE),
        ("referrals", _("Referrals made"), _("Outcome"), "", words.REFERRALS),
        ("year_group", _("Incidents by year group"), _("Year group"), _("By the pupil's age when it was recorded."), words.YEAR_GROUPS),
        ("flags", _("Pupils in these circumstances"), _("Circumstance"), _("On the last day, whatever was recorded."), words.FLAGS),
    ]
    return [
        Table(code, heading, of, [(str(names[row]), counted[code][row]) for row in names if row in counted[code]], note)
        for code, heading, of, note, names in shown
        if code in counted
    ]
