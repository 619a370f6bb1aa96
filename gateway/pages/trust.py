"""The trust's pages: counts across its schools for the safeguarding lead; schools and their accounts for its IT. No record, no pupil."""

import json
import re
from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext as _

from gateway import console, rpc, session, sheets, words
from gateway.forms import Form
from gateway.pages import governors
from gateway.pages.reports import CLASS_ORDER, span
from gateway.schools import FIRST_ZONE
from safekeep import charts, clock, spreadsheet
from safekeep.contracts.identity import AddSchool, TrustSchools
from safekeep.contracts.reports import SchoolCounts, TrustCounts, TrustReport, TrustReportPdf, TrustReports
from safekeep.errors import Invalid, NotAllowed, NotFound
from safekeep.permissions import Role

pages = Blueprint("trust", __name__)


@pages.get("/t/<slug>/")
def home(slug: str) -> Any:
    """Show counts a school to the safeguarding lead; to the trust's IT its schools."""
    here = session.here()
    if Role.TRUST_SAFEGUARDING_LEAD not in here.roles:
        return redirect(url_for("trust.schools", slug=slug), 303)
    form = Form({name: request.args.getlist(name) for name in request.args})
    since, until, rows, categories, roll_on = _side_by_side(here, form)
    asked = {name: form.one(name) for name in ("since", "until", "class_code", "category") if form.one(name)}
    choices = {"classes": CLASS_ORDER, "categories": categories}
    return render_template("trust/counts.html", form=form, since=since, until=until, rows=rows, roll_on=roll_on, asked=asked, **choices)


@pages.get("/t/<slug>/counts.csv")
def as_list(slug: str) -> Any:
    """Answer the schools side by side as a list for a spreadsheet. For the safeguarding lead."""
    here = session.here()
    if not here.may_call("reports.trust_counts"):
        raise NotAllowed("role")
    rows = _side_by_side(here, Form({name: request.args.getlist(name) for name in request.args}))[2]
    headings = [_("School"), _("Pupils"), _("On roll on"), *(str(words.CLASSES[code]) for code in CLASS_ORDER), _("All"), _("For each 100 pupils")]
    lines = [
        [
            row["name"],
            "" if row["on_roll"] is None else str(row["on_roll"]),
            row["roll_on"].isoformat() if row["roll_on"] else "",
            *(str(row["classes"][code]) for code in CLASS_ORDER),
            str(row["total"]),
            row["rate"],
        ]
        for row in rows
    ]
    return sheets.download(spreadsheet.write(headings, lines), "counts.csv")


def _side_by_side(here: Any, form: Form) -> tuple[date, date, list[dict[str, Any]], list[tuple[str, str]], date | None]:
    """Return the period, a row a school, the categories that were used, by code and name, and the day of which numbers on roll are."""
    since, until = span(form, today=clock.now().astimezone(FIRST_ZONE).date())
    class_code = form.one("class_code") if form.one("class_code") in words.CLASSES else None
    category = form.one("category") if re.fullmatch(r"[a-z][a-z0-9_]{0,49}", form.one("category")) else None
    wanted = rpc.build(TrustCounts, since=since, until=until, class_code=class_code, category=category)
    found = rpc.ask(wanted, token=here.token, seconds=10.0)
    known = {school.id: school for school in rpc.ask(TrustSchools(), token=here.token).items}
    rows = []
    for school in found.schools:
        of = known.get(school.school_id)
        rows.append(
            {
                "name": of.name if of else "",
                "slug": of.slug if of else "",
                "total": school.incidents,
                "classes": _classes(school, of_category=category is not None),
                "on_roll": school.on_roll,
                "roll_on": school.roll_on,
                "rate": f"{100 * school.incidents / school.on_roll:.1f}" if school.on_roll else "",
                "quiet": school.quiet,
            }
        )
    codes = sorted({row.category for school in found.schools for row in school.rows} | ({category} if category else set()))
    named = [(code, code.replace("_", " ").capitalize()) for code in codes]
    return since, until, sorted(rows, key=lambda row: str(row["name"])), named, found.roll_on


@pages.get("/t/<slug>/reports")
def reports(slug: str) -> Any:
    """List what was published to the governors of the trust's schools. For the safeguarding lead."""
    token = session.here().token
    found = rpc.ask(TrustReports(), token=token, seconds=10.0)
    known = sorted(rpc.ask(TrustSchools(), token=token).items, key=lambda school: school.name)
    listed = [(school, [item.place for item in found.items if item.school_id == school.id]) for school in known]
    return render_template("trust/reports.html", listed=listed)


@pages.get("/t/<slug>/reports/<school>/<uuid:published_id>")
def report(slug: str, school: str, published_id: UUID) -> Any:
    """Show one of them, as the school's governors read it."""
    found = rpc.ask(rpc.build(TrustReport, school_id=_school_named(school), report_id=published_id), token=session.here().token)
    return render_template("governors/report.html", sealed=found.place, told=json.loads(found.content), chart=charts.section, school=school)


@pages.get("/t/<slug>/reports/<school>/<uuid:published_id>.pdf")
def report_pdf(slug: str, school: str, published_id: UUID) -> Any:
    """Send one of them as a PDF."""
    wanted = rpc.build(TrustReportPdf, school_id=_school_named(school), report_id=published_id)
    found = rpc.ask(wanted, token=session.here().token, seconds=20.0)
    return governors.file(found.data, media_type=found.media_type, name="report-to-governors.pdf")


@pages.get("/t/<slug>/reports/<school>/<uuid:published_id>.csv")
def report_as_list(slug: str, school: str, published_id: UUID) -> Any:
    """Send the tables of one of them as a list for a spreadsheet."""
    found = rpc.ask(rpc.build(TrustReport, school_id=_school_named(school), report_id=published_id), token=session.here().token)
    return governors.tables_as_list(found.content)


def _school_named(slug: str) -> UUID:
    """Return the trust's school with this part of page addresses. Raises NotFound("school")."""
    found = next((school.id for school in rpc.ask(TrustSchools(), token=session.here().token).items if school.slug == slug), None)
    if found is None:
        raise NotFound("school")
    return found


@pages.get("/t/<slug>/waiting")
def waiting(slug: str) -> Any:
    """Say to the safeguarding lead that their role waits for a DSL."""
    here = session.here()
    return render_template("trust/waiting.html") if here.place.waiting else redirect(url_for("trust.home", slug=slug), 303)


@pages.get("/t/<slug>/schools")
def schools(slug: str) -> Any:
    """List the trust's schools, and what each still needs."""
    found = rpc.ask(TrustSchools(), token=session.here().token)
    return render_template("trust/schools.html", schools=found.items, said=request.args.get("said", ""), is_it=Role.TRUST_IT in session.here().roles)


@pages.route("/t/<slug>/schools/new", methods=["GET", "POST"])
def add_school(slug: str) -> Any:
    """Add a school; next its first DSL."""
    if not session.here().may_call("identity.add_school"):
        raise NotAllowed("role")
    console.prove_first()
    form = Form.sent(request.form)
    if request.method == "POST":
        if not form.one("phase"):
            form.refuse("phase", "missing")
        try:
            fields = {name: form.one(name).strip() for name in ("name", "slug")}
            wanted = rpc.build(AddSchool, **fields, phase=form.one("phase") or "other")
            made = console.attempt(form, wanted) if not form.problems else None
            if made:
                return redirect(url_for("staff.add", slug=slug, school=made.slug), 303)
        except Invalid as error:
            console.refuse(form, error)
    return render_template("trust/add_school.html", form=form, phases=words.PHASES), console.status(form)


def _classes(school: SchoolCounts, *, of_category: bool) -> dict[str, int]:
    """Return its incidents by class: each once, or all that have the one category that was asked for."""
    totals = dict.fromkeys(CLASS_ORDER, 0)
    for row in school.rows:
        if row.main or of_category:
            totals[row.class_code] = totals.get(row.class_code, 0) + row.count
    return totals
