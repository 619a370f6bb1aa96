"""Corrections: a DSL says why an entry is wrong and what it should say. The entry itself stays as it was."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import problems, rpc, schools, session
from gateway.forms import Form
from gateway.session import Here
from safekeep.contracts.incidents import AddCorrection, EntryItem, Incident, IncidentAnswer
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound, StorageError, Unavailable
from safekeep.ids import new_id

pages = Blueprint("corrections", __name__)


@pages.get("/s/<slug>/incidents/<uuid:incident_id>/entries/<uuid:entry_id>/correction")
def begin(slug: str, incident_id: UUID, entry_id: UUID) -> Any:
    """Make the correction's id, and go to its form."""
    return redirect(url_for("corrections.form", slug=slug, incident_id=incident_id, entry_id=entry_id, correction_id=new_id()), 303)


@pages.route("/s/<slug>/incidents/<uuid:incident_id>/entries/<uuid:entry_id>/correction/<uuid:correction_id>", methods=["GET", "POST"])
def form(slug: str, incident_id: UUID, entry_id: UUID, correction_id: UUID) -> Any:
    """Show the form beside the entry as it stands; or add the correction."""
    here = session.here()
    incident, entry = _entry(here, incident_id, entry_id)
    typed = Form.sent(request.form)
    notice, status = "", 200
    if request.method == "POST":
        try:
            wanted = rpc.build(
                AddCorrection,
                id=correction_id,
                incident_id=incident_id,
                entry_id=entry_id,
                reason=typed.one("reason"),
                should_say=typed.one("should_say"),
            )
            rpc.ask(wanted, token=here.token, seconds=10.0)
            return redirect(url_for("incidents.incident", slug=slug, incident_id=incident_id, _anchor=f"entry-{correction_id}"), 303)
        except Invalid as error:
            status = 422
            for field, code in error.problems.items():
                typed.refuse(field, code)
        except (Unavailable, StorageError, Conflict) as error:
            problem = problems.problem_of(error)
            notice, status = str(problem.detail), problem.status
    page = render_template("corrections/form.html", form=typed, known=schools.known(here), incident=incident, entry=entry, notice=notice)
    return page, status


def _entry(here: Here, incident_id: UUID, entry_id: UUID) -> tuple[IncidentAnswer, EntryItem]:
    incident = rpc.ask(rpc.build(Incident, incident_id=incident_id), token=here.token)
    if not incident.may_correct:
        raise NotAllowed("role")
    entry = next((entry for entry in incident.entries if entry.id == entry_id), None)
    if entry is None:
        raise NotFound("entry")
    return incident, entry
