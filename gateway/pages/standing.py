"""How an incident stands for a pupil in it: open, monitoring or closed, as a DSL says, and why."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import console, rpc, schools, session
from gateway.forms import Form
from safekeep.contracts.incidents import Incident, SetStatus
from safekeep.errors import NotAllowed, NotFound
from safekeep.ids import new_id

pages = Blueprint("standing", __name__)


@pages.get("/s/<slug>/incidents/<uuid:incident_id>/status/<uuid:pupil_id>")
def begin(slug: str, incident_id: UUID, pupil_id: UUID) -> Any:
    """Make the entry's id, and go to the form."""
    return redirect(url_for("standing.form", slug=slug, incident_id=incident_id, pupil_id=pupil_id, entry_id=new_id()), 303)


@pages.route("/s/<slug>/incidents/<uuid:incident_id>/status/<uuid:pupil_id>/<uuid:entry_id>", methods=["GET", "POST"])
def form(slug: str, incident_id: UUID, pupil_id: UUID, entry_id: UUID) -> Any:
    """Show how it stands now and take how it stands from now on, with the reason."""
    here = session.here()
    typed = Form.sent(request.form)
    incident = rpc.ask(rpc.build(Incident, incident_id=incident_id), token=here.token)
    if not here.may_call(SetStatus.method):
        raise NotAllowed("role")
    now = next((each for each in incident.statuses if each.pupil_id == pupil_id), None)
    if now is None:
        raise NotFound("pupil")
    back = url_for("incidents.incident", slug=slug, incident_id=incident_id)
    if request.method == "POST":
        wanted: dict[str, Any] = {
            "id": entry_id,
            "incident_id": incident_id,
            "pupil_id": pupil_id,
            "status": typed.one("status"),
            "reason": typed.one("reason"),
        }
        if not typed.one("status"):
            typed.refuse("status", "choose_one")
        if console.send(typed, SetStatus, **wanted) is not None:
            return redirect(f"{back}#entry-{entry_id}", 303)
    open_ = [item for item in incident.follow_ups if item.state != "done"]
    names = {incident.pupil.id: incident.pupil.name} | {linked.pupil_id: linked.name for linked in incident.linked_pupils}
    page = {"form": typed, "now": now, "incident": incident, "known": schools.known(here), "open": open_, "name": names[pupil_id]}
    return render_template("incidents/status.html", **page), console.status(typed)
