"""Asking again: who leads an incident, what waits for a lead, the school's policies and its calendar."""

import re
from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import console, rpc, schools, session, words
from gateway.forms import Form
from safekeep import permissions
from safekeep.contracts.alerts import (
    Calendar,
    CalendarAnswer,
    Escalation,
    EscalationAnswer,
    KeepCalendar,
    KeepEscalation,
    KeepSubscription,
    ReadCalendar,
    Unled,
)
from safekeep.contracts.incidents import HandLead, Summaries, TakeLead
from safekeep.errors import Conflict

pages = Blueprint("asking", __name__)

BLANK = 3
"""Empty rows at the end of the calendar's list; saving gives as many again."""
MOST_ROWS = 400
LIMITS = {"steps": 7 * 24 * 60, "again": 7 * 24 * 60, "outside_again": 7 * 24 * 60, "before_end": 8 * 60}


@pages.post("/s/<slug>/incidents/<uuid:incident_id>/lead")
def take(slug: str, incident_id: UUID) -> Any:
    """ "I am leading this". Who pressed it a moment later is shown who leads."""
    form, first = Form.sent(request.form), None
    try:
        rpc.ask(rpc.build(TakeLead, incident_id=incident_id, instead_of=form.as_id("instead_of")), token=session.here().token)
    except Conflict:
        first = "yes"
    return redirect(url_for("incidents.incident", slug=slug, incident_id=incident_id, quicker=first, _anchor="lead"), 303)


@pages.post("/s/<slug>/incidents/<uuid:incident_id>/lead/hand")
def hand(slug: str, incident_id: UUID) -> Any:
    """Ask another DSL to take it over."""
    here, form = session.lead(), Form.sent(request.form)
    person = form.as_id("person_id")
    if person is not None:
        rpc.ask(rpc.build(HandLead, incident_id=incident_id, person_id=person), token=here.token)
    return redirect(url_for("incidents.incident", slug=slug, incident_id=incident_id, _anchor="lead"), 303)


@pages.get("/s/<slug>/inbox/unled")
def unled(slug: str) -> Any:
    """List what was read and nobody leads, what waits longest first."""
    here = session.lead()
    items = rpc.ask(Unled(), token=here.token).items
    ids = [item.incident_id for item in items]
    lines = {line.id: line for line in rpc.ask(rpc.build(Summaries, entry_ids=ids), token=here.token).items} if ids else {}
    return render_template(
        "asking/unled.html", view="unled", known=schools.known(here), items=[item for item in items if item.incident_id in lines], lines=lines
    )


# --- the policies -----------------------------------------------------------------------------------------------------------


@pages.route("/s/<slug>/settings/asking", methods=["GET", "POST"])
def policies(slug: str) -> Any:
    """When whom is asked again while nobody leads an incident, and what a recorder is told outside school hours."""
    here = session.lead()
    console.prove_first()
    form = Form.sent(request.form) if request.method == "POST" else _form_of_policies(rpc.ask(Escalation(), token=here.token))
    if request.method == "POST":
        wanted = _wanted_policies(form)
        beside = {f"{code}.{path}": f"{code}-{name}" for code in words.POLICIES for path, name in _BESIDE.items()}
        if not form.problems and console.send(form, KeepEscalation, beside, **wanted):
            return redirect(url_for("settings.settings", slug=slug, said="saved"), 303)
    heads = [(str(p.person_id), p.name) for p in schools.known(here).staff.values() if p.active and permissions.Role.SLT in p.roles]
    return render_template("asking/policies.html", form=form, rows=_rows(form), heads=heads, who=words.asked()), console.status(form)


_BESIDE = {"steps": "minutes-0", "again": "again", "outside_again": "outside_again", "before_end": "before_end"}


def _form_of_policies(found: EscalationAnswer) -> Form:
    fields: dict[str, list[str]] = {"meanwhile": [found.meanwhile], "head_ids": [str(person) for person in found.head_ids]}
    for policy in found.policies:
        for name, steps in (("minutes", policy.steps), ("late", policy.outside)):
            for number, step in enumerate(steps):
                fields |= {f"{policy.code}-{name}-{number}": [str(step.minutes)], f"{policy.code}-{name}_who-{number}": [step.who]}
        for name in ("again", "outside_again", "before_end"):
            fields[f"{policy.code}-{name}"] = [str(getattr(policy, name))]
    return Form(fields)


def _rows(form: Form) -> dict[str, dict[str, int]]:
    """Return how many steps to show of each policy: those there are and one more."""
    found: dict[str, dict[str, int]] = {}
    for code in words.POLICIES:
        used = {name: [n for n in range(12) if form.one(f"{code}-{name}-{n}").strip()] for name in ("minutes", "late")}
        found[code] = {name: min(max(some, default=-1) + 2, 12) for name, some in used.items()}
    return found


def _wanted_policies(form: Form) -> dict[str, Any]:
    wanted = []
    for code in words.POLICIES:
        item: dict[str, Any] = {"code": code, "steps": _steps(form, code, "minutes"), "outside": _steps(form, code, "late")}
        for name in ("again", "outside_again", "before_end"):
            item[name] = _number(form, f"{code}-{name}", most=LIMITS[name]) if form.one(f"{code}-{name}").strip() else 0
        wanted.append(item)
    return {"policies": wanted, "head_ids": form.as_ids("head_ids"), "meanwhile": form.one("meanwhile")}


def _steps(form: Form, code: str, name: str) -> list[dict[str, Any]]:
    steps = []
    for number in range(12):
        if form.one(f"{code}-{name}-{number}").strip():
            who = form.one(f"{code}-{name}_who-{number}")
            if who not in words.ASKED:
                form.refuse(f"{code}-{name}_who-{number}", "unknown_choice")
            steps.append({"minutes": _number(form, f"{code}-{name}-{number}", most=LIMITS["steps"]), "who": who})
    return steps


def _number(form: Form, name: str, *, most: int) -> int:
    typed = form.one(name).strip()
    if not re.fullmatch(r"[0-9]{1,9}", typed):
        form.refuse(name, "not_a_number")
        return 0
    if int(typed) > most:
        form.refuse(name, "too_large")
    return int(typed)


# --- the calendar ---------------------------------------------------------------------------------------------------------


@pages.route("/s/<slug>/settings/calendar", methods=["GET", "POST"])
def calendar(slug: str) -> Any:
    """Terms, holidays, INSET days and bank holidays; when the day begins; the calendar that is subscribed to."""
    here = session.lead()
    console.prove_first()
    found = rpc.ask(Calendar(), token=here.token)
    form = Form.sent(request.form) if request.method == "POST" else _form_of_calendar(found)
    if request.method == "POST":
        wanted, beside = _wanted_calendar(form)
        if not form.problems and console.send(form, KeepCalendar, beside, **wanted):
            return redirect(url_for("asking.calendar", slug=slug, said="saved"), 303)
    return _calendar_page(form, found, said=request.args.get("said", "")), console.status(form)


@pages.post("/s/<slug>/settings/calendar/file")
def calendar_file(slug: str) -> Any:
    """Show what an iCalendar file holds as rows of the form: nothing is kept before they are saved."""
    here = session.lead()
    found = rpc.ask(Calendar(), token=here.token)
    form = _form_of_calendar(found)
    content = console.sent_calendar(form)
    read = console.send(form, ReadCalendar, content=content) if not form.problems else None
    if read is None:
        return _calendar_page(form, found), console.status(form)
    rows = [row for row in _spans(form) if row["first"]]
    known = {(row["first"], row["last"], row["kind"]) for row in rows}
    new = [{"kind": e.kind or "none", "first": e.first.isoformat(), "last": e.last.isoformat(), "name": e.name} for e in read.items]
    rows += [row for row in new if (row["first"], row["last"], row["kind"]) not in known]
    _put_rows(form, rows[: MOST_ROWS - BLANK])
    return _calendar_page(form, found, said="read" if read.items else "nothing")


@pages.post("/s/<slug>/settings/calendar/subscription")
def subscription(slug: str) -> Any:
    """Subscribe to a calendar at an address, or end that."""
    here = session.lead()
    form = Form.sent(request.form)
    if console.send(form, KeepSubscription, address=form.one("address").strip()[:1_001]):
        return redirect(url_for("asking.calendar", slug=slug, said="subscribed" if form.one("address").strip() else "saved"), 303)
    found = rpc.ask(Calendar(), token=here.token)
    whole = _form_of_calendar(found)
    whole.put("address", form.one("address"))
    whole.problems, whole.notice = form.problems, form.notice
    return _calendar_page(whole, found), console.status(form)


def _calendar_page(form: Form, found: CalendarAnswer, *, said: str = "") -> str:
    return render_template(
        "asking/calendar.html",
        form=form,
        found=found,
        count=len(_spans(form)),
        said=said,
        closes=f"{found.closes_minute // 60}:{found.closes_minute % 60:02}",
        theirs=[span for span in found.spans if span.source == "subscription"],
        known=schools.known(session.here()),
    )


def _form_of_calendar(found: CalendarAnswer) -> Form:
    opens = f"{found.opens_minute // 60:02}:{found.opens_minute % 60:02}"
    form = Form({"opens": [opens], "weekdays": [str(day) for day in found.weekdays], "address": [found.address]})
    entered = [span for span in found.spans if span.source == "entered"]
    rows = [{"kind": s.kind, "first": s.first.isoformat(), "last": s.last.isoformat(), "name": s.name} for s in entered]
    _put_rows(form, rows)
    return form


def _put_rows(form: Form, rows: list[dict[str, str]]) -> None:
    for number, row in enumerate([*rows, *[{"kind": "", "first": "", "last": "", "name": ""}] * BLANK]):
        for name, value in row.items():
            form.put(f"{name}-{number}", value)


def _spans(form: Form) -> list[dict[str, str]]:
    numbers = sorted({int(name[6:]) for name in form.fields if re.fullmatch(r"first-[0-9]{1,3}", name)})
    return [{name: form.one(f"{name}-{n}") for name in ("kind", "first", "last", "name")} | {"number": str(n)} for n in numbers]


def _wanted_calendar(form: Form) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what to keep, and the form's fields by what the answer calls them."""
    opens = re.fullmatch(r"([01]?[0-9]|2[0-3])[:.]([0-5][0-9])", form.one("opens").strip())
    if opens is None:
        form.refuse("opens", "not_a_time")
    weekdays = [int(day) for day in form.many("weekdays") if re.fullmatch("[0-6]", day)]
    if not weekdays:
        form.refuse("weekdays", "missing")
    spans: list[dict[str, Any]] = []
    beside: dict[str, str] = {"opens": "opens", "weekdays": "weekdays"}
    for row in _spans(form):
        n = row["number"]
        if row["kind"] == "none" or not any(row[name].strip() for name in ("kind", "first", "last", "name")):
            continue  # one that does not count, or an empty row
        first, last = _day(form, f"first-{n}"), _day(form, f"last-{n}", otherwise=f"first-{n}")
        if not row["kind"]:
            form.refuse(f"kind-{n}", "which_days")
        elif row["kind"] not in words.SPANS:
            form.refuse(f"kind-{n}", "unknown_choice")
        if first is None:
            form.refuse(f"first-{n}", "missing")
        if first is None or last is None:
            continue
        beside |= {f"spans.{len(spans)}.{name}": f"{name}-{n}" for name in ("kind", "first", "last", "name")}
        spans.append({"kind": row["kind"], "first": first, "last": last, "name": row["name"]})
    if len(spans) > MOST_ROWS:
        form.refuse("form", "too_many")
    minute = int(opens[1]) * 60 + int(opens[2]) if opens else 0
    return {"opens_minute": minute, "weekdays": weekdays, "spans": spans}, beside


def _day(form: Form, name: str, *, otherwise: str = "") -> date | None:
    """Return a day; an empty last day is the first."""
    found = form.as_day(name)
    return form.as_day(otherwise) if found is None and otherwise and not form.one(name).strip() else found
