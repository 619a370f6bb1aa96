"""The trust's pages: counts across its schools for the safeguarding lead. No record, no pupil."""

from typing import Any

from flask import Blueprint, render_template, request

from gateway import rpc, session
from gateway.forms import Form
from gateway.pages.reports import CLASS_ORDER, span
from safekeep import clock
from safekeep.contracts.reports import SchoolCounts, TrustCounts
from safekeep.permissions import Role

pages = Blueprint("trust", __name__)


@pages.get("/t/<slug>/")
def home(slug: str) -> Any:
    """Show counts a school to the safeguarding lead; to others what their role is for."""
    here = session.here()
    if Role.TRUST_SAFEGUARDING_LEAD not in here.roles:
        return render_template("trust/home.html")
    form = Form({name: request.args.getlist(name) for name in request.args})
    since, until = span(form, today=clock.now().date())
    found = rpc.ask(rpc.build(TrustCounts, since=since, until=until), token=here.token, seconds=10.0)
    names = {place.id: place.name for place in here.answer.places}
    rows = [{"name": names.get(school.school_id, ""), "total": school.incidents, "classes": _classes(school)} for school in found.schools]
    return render_template("trust/counts.html", form=form, since=since, until=until, rows=rows, classes=CLASS_ORDER)


def _classes(school: SchoolCounts) -> dict[str, int]:
    totals = dict.fromkeys(CLASS_ORDER, 0)
    for row in school.rows:
        if row.main:
            totals[row.class_code] = totals.get(row.class_code, 0) + row.count
    return totals
