"""The console's page about programs with credentials of their own. For a school's DSLs, and (under /t/) the trust's IT."""

from typing import Any, Final
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext

from gateway import console, rpc, session
from gateway.forms import Form
from safekeep import clock
from safekeep.contracts.identity import AddMachine, Machines, RevokeMachine
from safekeep.errors import Invalid

pages = Blueprint("machines", __name__)

DAYS: Final = ("30", "90", "365")


@pages.route("/s/<slug>/programs", methods=["GET", "POST"])
@pages.route("/t/<slug>/schools/<school>/programs", methods=["GET", "POST"])
def machines(slug: str, school: str | None = None) -> Any:
    """List them, make one, and show its secret this once."""
    console.prove_first()
    site, form, made = console.site(school), Form.sent(request.form), None
    if request.method == "POST":
        days = int(form.one("days")) if form.one("days") in DAYS else 0
        try:
            wanted = rpc.build(AddMachine, school_id=site.id, name=form.one("name"), scopes=form.many("scopes"), days=days)
            made = console.attempt(form, wanted)
        except Invalid as error:
            console.refuse(form, error)
        if not days:
            form.refuse("days", "choose_one")
    scopes = [
        ("pupils.import", gettext("Import pupils, from the school’s office system")),
        ("counts.read", gettext("Read counts, for business intelligence: numbers only")),
    ]
    lasts = [("30", gettext("30 days")), ("90", gettext("90 days")), ("365", gettext("A year"))]
    items = rpc.ask(Machines(school_id=site.id), token=session.here().token).items
    said = {
        "items": items,
        "made": made,
        "scopes": scopes,
        "names": dict(scopes),
        "lasts": lasts,
        "now": clock.now(),
        "said": request.args.get("said"),
    }
    return render_template("machines/machines.html", form=Form({}) if made else form, site=site, **said), console.status(form)


@pages.post("/s/<slug>/programs/<uuid:machine_id>/revoke")
@pages.post("/t/<slug>/schools/<school>/programs/<uuid:machine_id>/revoke")
def revoke(slug: str, machine_id: UUID, school: str | None = None) -> Any:
    """Make its credentials, and every token made with them, void."""
    site = console.site(school)
    rpc.ask(RevokeMachine(school_id=site.id, machine_id=machine_id), token=session.here().token)
    return redirect(url_for("machines.machines", slug=slug, school=site.school, said="revoked"), 303)
