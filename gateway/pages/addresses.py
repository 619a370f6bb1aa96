"""The console's page about one person's e-mail address: change it, and (DSLs) confirm or decline a change that waits."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import console, rpc, session
from gateway.forms import Form
from safekeep.contracts.identity import AddressState, ChangeAddress, ConfirmAddress, Members
from safekeep.errors import Invalid

pages = Blueprint("addresses", __name__)


@pages.route("/s/<slug>/staff/<uuid:person_id>/address", methods=["GET", "POST"])
@pages.route("/t/<slug>/schools/<school>/staff/<uuid:person_id>/address", methods=["GET", "POST"])
def change(slug: str, person_id: UUID, school: str | None = None) -> Any:
    """Show the address, and change it."""
    console.prove_first()
    here, site, form = session.here(), console.site(school), Form.sent(request.form)
    if request.method == "POST":
        try:
            changed = console.attempt(form, rpc.build(ChangeAddress, school_id=site.id, person_id=person_id, email=form.one("email")))
        except Invalid as error:
            changed = None
            console.refuse(form, error)
        if changed:
            return _back(slug, site.school, person_id, "waits" if changed.waiting else "changed")
    state = rpc.ask(AddressState(school_id=site.id, person_id=person_id), token=here.token)
    (person,) = rpc.ask(Members(school_id=site.id, person_id=person_id), token=here.token).items
    said = request.args.get("said", "")
    return render_template("staff/address.html", site=site, form=form, state=state, person=person, said=said), console.status(form)


@pages.post("/s/<slug>/staff/<uuid:person_id>/address/confirm")
def confirm(slug: str, person_id: UUID) -> Any:
    """A DSL confirms or declines the change that waits."""
    accept = request.form.get("do") == "accept"
    rpc.ask(ConfirmAddress(person_id=person_id, accept=accept), token=session.here().token)
    return _back(slug, None, person_id, "changed" if accept else "declined")


def _back(slug: str, school: str | None, person_id: UUID, said: str) -> Any:
    return redirect(url_for("addresses.change", slug=slug, school=school, person_id=person_id, said=said), 303)
