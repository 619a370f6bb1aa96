"""Saying whom an incident is about that was recorded of a pupil not listed. DSLs only."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import problems, rpc, schools, session
from gateway.forms import Form
from gateway.pages import recording
from gateway.session import Here
from safekeep.contracts.incidents import AssignPupil, Incident, IncidentAnswer, Pupil, PupilItem
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound, StorageError, Unavailable
from safekeep.ids import new_id

pages = Blueprint("assigning", __name__)


@pages.get("/s/<slug>/incidents/<uuid:incident_id>/pupil")
def begin(slug: str, incident_id: UUID) -> Any:
    """Make the entry's id, and go to the form."""
    return redirect(url_for("assigning.form", slug=slug, incident_id=incident_id, entry_id=new_id()), 303)


@pages.route("/s/<slug>/incidents/<uuid:incident_id>/pupil/<uuid:entry_id>", methods=["GET", "POST"])
def form(slug: str, incident_id: UUID, entry_id: UUID) -> Any:
    """Show what was described and find the pupil; show the one chosen, to be sure; or say that it is them."""
    here = session.here()
    typed, found, notice, status = Form.sent(request.form), list[PupilItem](), "", 200
    chosen: PupilItem | None = None
    incident = _incident(here, incident_id)
    if request.method == "GET" and not incident.may_assign:  # somebody was quicker
        return redirect(url_for("incidents.incident", slug=slug, incident_id=incident_id), 303)
    looks = request.form.get("do") == "find_pupil" or (typed.one("pupil_q").strip() and not typed.one("pupil_id"))
    if request.method == "POST" and looks:
        found = recording.find(typed, "pupil_q", here)
        for pupil in found:
            typed.put(f"label_{pupil.id}", recording.label(pupil))
        if not found:
            typed.refuse("pupil_q", "nobody_found")
    elif request.method == "POST" and request.form.get("do") != "assign":
        chosen = _chosen(typed, here)
        status = 200 if chosen else 422
    elif request.method == "POST":
        try:
            rpc.ask(rpc.build(AssignPupil, id=entry_id, incident_id=incident_id, pupil_id=typed.as_id("pupil_id")), token=here.token, seconds=10.0)
            return redirect(url_for("incidents.incident", slug=slug, incident_id=incident_id), 303)
        except Invalid as error:
            status = 422
            for field, code in error.problems.items():
                typed.refuse(field, code)
        except (Unavailable, StorageError, Conflict) as error:
            problem = problems.problem_of(error)
            notice, status = str(problem.detail), problem.status
    page = render_template(
        "incidents/assign.html", form=typed, found=found, chosen=chosen, known=schools.known(here), incident=incident, notice=notice
    )
    return page, status


def _chosen(typed: Form, here: Here) -> PupilItem | None:
    """Return the pupil chosen, or None with the problem noted."""
    pupil_id = typed.as_id("pupil_id")
    if pupil_id is None:
        typed.refuse("pupil_id", "choose_one")
        return None
    try:
        return rpc.ask(rpc.build(Pupil, pupil_id=pupil_id), token=here.token).pupil
    except NotFound:
        typed.refuse("pupil_id", "unknown_choice")
        return None


def _incident(here: Here, incident_id: UUID) -> IncidentAnswer:
    incident = rpc.ask(rpc.build(Incident, incident_id=incident_id), token=here.token)
    if not incident.may_correct:
        raise NotAllowed("role")
    return incident
