"""The trust's pages: counts across its schools for the safeguarding lead; schools and their accounts for its IT. No record, no pupil."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import console, rpc, session, words
from gateway.forms import Form
from gateway.pages.reports import CLASS_ORDER, span
from safekeep import clock
from safekeep.contracts.identity import AddSchool, TrustSchools
from safekeep.contracts.reports import SchoolCounts, TrustCounts
from safekeep.errors import Invalid, NotAllowed
from safekeep.permissions import Role

pages = Blueprint("trust", __name__)


@pages.get("/t/<slug>/")
def home(slug: str) -> Any:
    """Show counts a school to the safeguarding lead; to the trust's IT its schools."""
    here = session.here()
    if Role.TRUST_SAFEGUARDING_LEAD not in here.roles:
        return redirect(url_for("trust.schools", slug=slug), 303)
    form = Form({name: request.args.getlist(name) for name in request.args})
    since, until = span(form, today=clock.now().date())
    found = rpc.ask(rpc.build(TrustCounts, since=since, until=until), token=here.token, seconds=10.0)
    known = {school.id: school for school in rpc.ask(TrustSchools(), token=here.token).items}
    named = [(known.get(school.school_id), school) for school in found.schools]
    rows = [
        {"name": of.name if of else "", "slug": of.slug if of else "", "total": school.incidents, "classes": _classes(school)} for of, school in named
    ]
    return render_template("trust/counts.html", form=form, since=since, until=until, rows=rows, classes=CLASS_ORDER)


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


def _classes(school: SchoolCounts) -> dict[str, int]:
    totals = dict.fromkeys(CLASS_ORDER, 0)
    for row in school.rows:
        if row.main:
            totals[row.class_code] = totals.get(row.class_code, 0) + row.count
    return totals
