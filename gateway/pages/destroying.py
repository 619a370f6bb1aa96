"""Destroying what a record says, lawfully: one DSL proposes it, a second reads it and decides."""

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext as _

from gateway import console, rpc, schools, session, words
from gateway.forms import Form
from gateway.session import Here
from safekeep.contracts.incidents import DecideDestruction, Incident, IncidentAnswer, ProposeDestruction
from safekeep.errors import Conflict, NotFound
from safekeep.ids import new_id

pages = Blueprint("destroying", __name__)


@pages.get("/s/<slug>/incidents/<uuid:incident_id>/destruction")
def begin(slug: str, incident_id: UUID) -> Any:
    """Make the proposal's id, and go to its form."""
    return redirect(url_for("destroying.form", slug=slug, incident_id=incident_id, destruction_id=new_id()), 303)


@pages.route("/s/<slug>/incidents/<uuid:incident_id>/destruction/<uuid:destruction_id>", methods=["GET", "POST"])
def form(slug: str, incident_id: UUID, destruction_id: UUID) -> Any:
    """Ask what is to be destroyed and on what ground; or propose it."""
    here = session.lead()
    console.prove_first()
    incident, known = _incident(incident_id, here=here), schools.known(here)
    choices = _choices(incident, zone=known.zone)
    if not choices:
        raise Conflict("destroyed")
    typed = Form.sent(request.form) if request.method == "POST" else Form({"entry_id": [choices[0][0]]})
    if request.method == "POST":
        wanted: dict[str, Any] = {name: typed.one(name).strip() for name in ("entry_id", "basis", "law", "reason")}
        if wanted["entry_id"] not in {value for value, _label in choices}:
            typed.refuse("entry_id", "choose_one")
        if wanted["basis"] not in words.BASES:
            typed.refuse("basis", "choose_one")
        for name in ("law", "reason"):
            if not wanted[name]:
                typed.refuse(name, "missing")
        if not typed.problems and console.send(typed, ProposeDestruction, id=destruction_id, incident_id=incident_id, **wanted):
            return redirect(url_for("destroying.decide", slug=slug, incident_id=incident_id, destruction_id=destruction_id), 303)
    return render_template("destroying/form.html", form=typed, known=known, incident=incident, choices=choices), console.status(typed)


@pages.route("/s/<slug>/incidents/<uuid:incident_id>/destruction/<uuid:destruction_id>/decide", methods=["GET", "POST"])
def decide(slug: str, incident_id: UUID, destruction_id: UUID) -> Any:
    """A second DSL has it destroyed, or keeps it; the one who proposed it can take it back."""
    here = session.lead()
    console.prove_first()
    incident = _incident(incident_id, here=here)
    proposed = next((each for each in incident.destructions if each.id == destruction_id), None)
    if proposed is None:
        raise NotFound("destruction")
    typed = Form.sent(request.form)
    if request.method == "POST":
        wanted: dict[str, Any] = {"destruction_id": destruction_id, "decision": typed.one("decision"), "reason": typed.one("reason")}
        if wanted["decision"] not in ("destroy", "keep"):
            typed.refuse("decision", "choose_one")
        if not wanted["reason"].strip():
            typed.refuse("reason", "missing")
        if not typed.problems and console.send(typed, DecideDestruction, **wanted):
            return redirect(url_for("incidents.incident", slug=slug, incident_id=incident_id), 303)
    page = {"incident": incident, "proposed": proposed, "known": schools.known(here)}
    return render_template("destroying/decide.html", form=typed, **page), console.status(typed)


def _choices(incident: IncidentAnswer, *, zone: ZoneInfo) -> list[tuple[str, str]]:
    """Return what can be destroyed: all of the incident by its first entry, or one entry below with its corrections."""
    whole = [(str(incident.id), _("All of the incident: the account and everything below it"))] if _has_account(incident) else []
    below = [e for e in incident.entries if e.kind != "incident" and not e.corrects and not e.destroyed]
    return whole + [
        (
            str(e.id),
            _("Only: %(kind)s of %(time)s by %(name)s", kind=words.ENTRY_KINDS[e.kind], time=words.at(e.recorded_at, zone), name=e.author_name),
        )
        for e in below
    ]


def _has_account(incident: IncidentAnswer) -> bool:
    return any(entry.kind == "incident" for entry in incident.entries)


def _incident(incident_id: UUID, *, here: Here) -> IncidentAnswer:
    return rpc.ask(rpc.build(Incident, incident_id=incident_id), token=here.token)
