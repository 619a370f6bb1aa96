"""One incident of a school, opened by the trust's safeguarding lead with a reason. The school's DSLs are told at once; nothing stays open."""

import re
from typing import Any, Final

from flask import Blueprint, render_template, request

from gateway import console, rpc, session
from gateway.forms import Form
from safekeep.contracts.identity import TrustSchools
from safekeep.contracts.incidents import BreakGlass
from safekeep.errors import NotAllowed, NotFound

pages = Blueprint("break_glass", __name__)

_NUMBER: Final = re.compile(r"[0-9]{4}-[0-9]{1,9}")


@pages.route("/t/<slug>/schools/<school>/break-glass", methods=["GET", "POST"])
def begin(slug: str, school: str) -> Any:
    """Ask which incident and why; then show it, this once."""
    here = session.here()
    if not here.may_call("incidents.break_glass"):
        raise NotAllowed("role")
    console.prove_first()
    site = next((each for each in rpc.ask(TrustSchools(), token=here.token).items if each.slug == school), None)
    if site is None:
        raise NotFound("school")
    form, incident = Form.sent(request.form), None
    if request.method == "POST":
        number, reason = form.one("number").strip(), form.one("reason")
        if not _NUMBER.fullmatch(number):
            form.refuse("number", "no_such_incident")
        if not reason.strip():
            form.refuse("reason", "missing")
        if not form.problems:
            try:
                incident = console.send(form, BreakGlass, school_id=site.id, number=number, reason=reason)
            except NotFound:
                form.refuse("number", "no_such_incident")
    page = "break_glass/opened.html" if incident else "break_glass/begin.html"
    return render_template(page, form=form, site=site, incident=incident), console.status(form)
