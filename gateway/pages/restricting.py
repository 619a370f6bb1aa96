"""Keeping what is about an adult of the school, recorded here by mistake, to the head (or the chair) and one DSL; and giving it back."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import console, rpc, schools, session
from gateway.forms import Form
from gateway.pages import kept
from gateway.session import Here
from safekeep import permissions
from safekeep.contracts.incidents import Incident, IncidentAnswer, LiftRestriction, Restrict
from safekeep.errors import NotAllowed, NotFound
from safekeep.ids import new_id

pages = Blueprint("restricting", __name__)


@pages.get("/s/<slug>/incidents/<uuid:incident_id>/restriction")
def begin(slug: str, incident_id: UUID) -> Any:
    """Make the restriction's id, and go to its form."""
    return redirect(url_for("restricting.form", slug=slug, incident_id=incident_id, restriction_id=new_id()), 303)


@pages.route("/s/<slug>/incidents/<uuid:incident_id>/restriction/<uuid:restriction_id>", methods=["GET", "POST"])
def form(slug: str, incident_id: UUID, restriction_id: UUID) -> Any:
    """Ask whom it is about, which two keep it, and why; or restrict it."""
    here = session.lead()
    console.prove_first()
    incident = _incident(here, incident_id)
    draft_id, begun = kept.begun(restriction_id)
    typed = Form.sent(request.form) if request.method == "POST" else begun or Form({"entry_id": [str(incident.id)]})
    if request.form.get("do") == "save":
        return kept.for_later(typed, draft_id=draft_id)
    if request.method == "POST":
        wanted: dict[str, Any] = {name: typed.as_id(name) for name in ("entry_id", "about_id", "keeper_id", "dsl_id")}
        for name, value in wanted.items():
            if value is None:
                typed.refuse(name, "missing")
        allowed = {each.id for each in incident.entries}
        if wanted["entry_id"] not in allowed:
            typed.refuse("entry_id", "unknown_choice")
        if not typed.one("reason").strip():
            typed.refuse("reason", "missing")
        if not typed.problems and console.send(typed, Restrict, id=restriction_id, **wanted, reason=typed.one("reason")):
            kept.over(draft_id)
            return redirect(url_for("restricting.done", slug=slug, incident_id=incident_id), 303)
    known = schools.known(here)
    active = [person for person in known.staff.values() if person.active]
    people = {
        "about": active,
        "keepers": [person for person in active if not permissions.KEEPERS.isdisjoint(person.roles)],
        "dsls": [person for person in active if permissions.is_lead(person.roles)],
    }
    more = {"people": people, "draft_id": draft_id}
    return render_template("restricting/form.html", form=typed, known=known, incident=incident, **more), console.status(typed)


@pages.get("/s/<slug>/incidents/<uuid:incident_id>/restricted")
def done(slug: str, incident_id: UUID) -> Any:
    """Say that it is restricted: to who restricted it, it may not be there any more."""
    here = session.lead()
    return render_template("restricting/done.html", known=schools.known(here), incident_id=incident_id)


@pages.route("/s/<slug>/incidents/<uuid:incident_id>/restriction/<uuid:restriction_id>/lift", methods=["GET", "POST"])
def lift(slug: str, incident_id: UUID, restriction_id: UUID) -> Any:
    """One of the two says why everybody whose role opens it may read it again."""
    here = session.here()
    if not here.is_lead and permissions.KEEPERS.isdisjoint(here.roles):
        raise NotAllowed("role")
    console.prove_first()
    incident = _incident(here, incident_id)
    if not any(each.id == restriction_id for each in incident.restrictions):
        raise NotFound("restriction")
    draft_id, begun = kept.begun(restriction_id)
    typed = begun or Form.sent(request.form)
    if request.form.get("do") == "save":
        return kept.for_later(typed, draft_id=draft_id)
    if request.method == "POST" and console.send(typed, LiftRestriction, restriction_id=restriction_id, reason=typed.one("reason")):
        kept.over(draft_id)
        return redirect(
            url_for("incidents.incident", slug=slug, incident_id=incident_id) if here.may_record else url_for("home.home", slug=slug), 303
        )
    more = {"draft_id": draft_id}
    return render_template("restricting/lift.html", form=typed, known=schools.known(here), incident=incident, **more), console.status(typed)


def _incident(here: Here, incident_id: UUID) -> IncidentAnswer:
    return rpc.ask(rpc.build(Incident, incident_id=incident_id), token=here.token)
