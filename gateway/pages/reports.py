"""Counts by category, class and month: as a table and as a chart that says the same."""

from datetime import date
from typing import Any

from flask import Blueprint, render_template, request

from gateway import rpc, schools, session, words
from gateway.forms import Form
from safekeep import clock
from safekeep.contracts.reports import CountRow, Counts

pages = Blueprint("reports", __name__)

CLASS_ORDER = ("general", "welfare", "safeguarding", "protection")


@pages.get("/s/<slug>/reports")
def counts(slug: str) -> Any:
    """Show the school's counts between two months; without dates, the school year so far."""
    here = session.here()
    known = schools.known(here)
    form = Form({name: request.args.getlist(name) for name in request.args})
    since, until = span(form, today=known.local(clock.now()).date())
    found = rpc.ask(rpc.build(Counts, since=since, until=until), token=here.token, seconds=10.0)
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
    )


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
        {"name": words.month(month), "classes": classes, "total": sum(classes.values()), "parts": {c: 185 * n // most for c, n in classes.items()}}
        for month, classes in sorted(months.items())
    ]


def by_category(rows: list[CountRow]) -> list[tuple[str, str, int]]:
    """Return (category, class, count), the most frequent first."""
    totals: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row.category, row.class_code)
        totals[key] = totals.get(key, 0) + row.count
    return sorted(((category, class_, count) for (category, class_), count in totals.items()), key=lambda row: -row[2])
