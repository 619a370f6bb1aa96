"""Saying whom an incident is about: that was recorded of a pupil not listed, or of the wrong one. DSLs only."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import console, rpc, schools, session
from gateway.forms import Form
from gateway.pages import kept, recording
from gateway.session import Here
from safekeep.contracts.incidents import AssignPupil, Incident, IncidentAnswer, Pupil, PupilItem
from safekeep.errors import NotAllowed, NotFound
from safekeep.ids import new_id

pages = Blueprint("assigning", __name__)


@pages.get("/s/<slug>/incidents/<uuid:incident_id>/pupil")
def begin(slug: str, incident_id: UUID) -> Any:
    """Make the entry's id, and go to the form; `request`: the request for a correction that it answers."""
    asked = request.args.get("request")
    return redirect(url_for("assigning.form", slug=slug, incident_id=incident_id, entry_id=new_id(), request=asked), 303)


@pages.route("/s/<slug>/incidents/<uuid:incident_id>/pupil/<uuid:entry_id>", methods=["GET", "POST"])
def form(slug: str, incident_id: UUID, entry_id: UUID) -> Any:
    """Show what was described and find the pupil; show the one chosen, to be sure (and ask why, of the wrong one); or say that it is them."""
    here = session.here()
    found, chosen = list[PupilItem](), None
    incident = _incident(here, incident_id)
    draft_id, begun = kept.begun(entry_id)
    typed = begun or Form.sent(request.form)
    if request.form.get("do") == "save":
        return kept.for_later(typed, draft_id=draft_id)
    if request.method == "GET":
        if not (incident.may_assign or incident.may_move):  # somebody was quicker
            return redirect(url_for("incidents.incident", slug=slug, incident_id=incident_id), 303)
        typed.put("from_id", "" if incident.may_assign else str(incident.pupil.id))
        if begun is None:
            typed.put("request_id", request.args.get("request", ""))
        elif typed.one("pupil_id"):
            chosen = _chosen(typed, here)
    again = request.form.get("do") == "again"
    looks = request.form.get("do") == "find_pupil" or (typed.one("pupil_q").strip() and not typed.one("pupil_id"))
    if again:
        typed.put("pupil_id", "")
    elif request.method == "POST" and looks:
        found = recording.find(typed, "pupil_q", here)
        for pupil in found:
            typed.put(f"label_{pupil.id}", recording.label(pupil))
        if not found:
            typed.refuse("pupil_q", "nobody_found")
    elif request.method == "POST" and (request.form.get("do") != "assign" or _assign(typed, incident_id=incident_id, entry_id=entry_id) is None):
        chosen = _chosen(typed, here)
    elif request.method == "POST":
        kept.over(draft_id)
        return redirect(url_for("incidents.incident", slug=slug, incident_id=incident_id), 303)
    page = render_template(
        "incidents/assign.html",
        form=typed,
        found=found,
        chosen=chosen,
        known=schools.known(here),
        incident=incident,
        moving=bool(typed.one("from_id")),
        draft_id=draft_id,
    )
    return page, 200 if looks else console.status(typed)


def _assign(typed: Form, *, incident_id: UUID, entry_id: UUID) -> Any:
    """Say that it is about the pupil chosen."""
    wanted: dict[str, Any] = {name: typed.one(name) or None for name in ("pupil_id", "from_id")}
    return console.send_in_answer(typed, AssignPupil, id=entry_id, incident_id=incident_id, **wanted, reason=typed.one("reason"))


def _chosen(typed: Form, here: Here) -> PupilItem | None:
    """Return the pupil chosen, or None with the problem noted."""
    if typed.problems.get("pupil_id"):
        return None
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
