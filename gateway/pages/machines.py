"""The console's page about programs with credentials of their own. For a school's DSLs, and (under /t/) the trust's IT, who has the trust's own too."""

from typing import Any, Final
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext

from gateway import console, rpc, session
from gateway.forms import Form
from safekeep import clock
from safekeep.contracts.identity import (
    AddMachine,
    AddTrustMachine,
    Machines,
    NewMachine,
    RevokeMachine,
    RevokeTrustMachine,
    TrustMachines,
    TrustSchools,
)
from safekeep.errors import Invalid, NotAllowed

pages = Blueprint("machines", __name__)

DAYS: Final = ("30", "90", "365")


@pages.route("/s/<slug>/programs", methods=["GET", "POST"])
@pages.route("/t/<slug>/schools/<school>/programs", methods=["GET", "POST"])
def machines(slug: str, school: str | None = None) -> Any:
    """List a school's, make one, and show its secret this once."""
    console.prove_first()
    site, token = console.site(school), session.here().token
    scopes = [
        ("pupils.import", gettext("Import pupils, from the school’s office system")),
        ("counts.read", gettext("Read counts, for business intelligence: numbers only")),
    ]
    form, made = _sent(AddMachine, school_id=site.id)
    items = rpc.ask(Machines(school_id=site.id), token=token).items
    return _page("machines/machines.html", form=form, made=made, scopes=scopes, items=items, site=site)


@pages.post("/s/<slug>/programs/<uuid:machine_id>/revoke")
@pages.post("/t/<slug>/schools/<school>/programs/<uuid:machine_id>/revoke")
def revoke(slug: str, machine_id: UUID, school: str | None = None) -> Any:
    """Make its credentials, and every token made with them, void."""
    site = console.site(school)
    rpc.ask(RevokeMachine(school_id=site.id, machine_id=machine_id), token=session.here().token)
    return redirect(url_for("machines.machines", slug=slug, school=site.school, said="revoked"), 303)


@pages.route("/t/<slug>/programs", methods=["GET", "POST"])
def of_trust(slug: str) -> Any:
    """List the trust's own, make one, and show its secret this once. For the trust's IT."""
    if not session.here().may_call("identity.trust_machines"):
        raise NotAllowed("role")
    console.prove_first()
    token = session.here().token
    scopes = [("trust.counts.read", gettext("Read the counts of all schools of the trust: numbers only"))]
    form, made = _sent(AddTrustMachine)
    items, schools = rpc.ask(TrustMachines(), token=token).items, rpc.ask(TrustSchools(), token=token).items
    calls = [f"POST {url_for('api.oauth_token')}", f"GET {url_for('api.read_trust_counts', since='2026-09-01', until='2026-12-31')}"]
    return _page("machines/of_trust.html", form=form, made=made, scopes=scopes, items=items, schools=schools, calls=calls)


@pages.post("/t/<slug>/programs/<uuid:machine_id>/revoke")
def revoke_of_trust(slug: str, machine_id: UUID) -> Any:
    """Make the credentials of one of the trust's own void, and every token made with them."""
    rpc.ask(RevokeTrustMachine(machine_id=machine_id), token=session.here().token)
    return redirect(url_for("machines.of_trust", slug=slug, said="revoked"), 303)


def _sent(contract: type[AddMachine | AddTrustMachine], **where: UUID | None) -> tuple[Form, NewMachine | None]:
    """Return the form as it was sent, and what was made of it."""
    form, made = Form.sent(request.form), None
    if request.method == "POST":
        days = int(form.one("days")) if form.one("days") in DAYS else 0
        try:
            made = console.attempt(form, rpc.build(contract, **where, name=form.one("name"), scopes=form.many("scopes"), days=days))
        except Invalid as error:
            console.refuse(form, error)
        if not days:
            form.refuse("days", "choose_one")
    return form, made


def _page(template: str, *, form: Form, made: NewMachine | None, scopes: list[tuple[str, str]], **more: Any) -> Any:
    lasts = [("30", gettext("30 days")), ("90", gettext("90 days")), ("365", gettext("A year"))]
    said = {"made": made, "scopes": scopes, "names": dict(scopes), "lasts": lasts, "now": clock.now(), "said": request.args.get("said"), **more}
    return render_template(template, form=Form({}) if made else form, **said), console.status(form)
