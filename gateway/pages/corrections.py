"""Corrections: a DSL says why an entry is wrong and what it should say, and answers who asks for that. The entry itself stays as it was."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import console, problems, rpc, schools, session
from gateway.forms import Form
from gateway.pages import kept
from gateway.session import Here
from safekeep.contracts.incidents import (
    AddCorrection,
    AskCorrection,
    CorrectionRequestItem,
    DeclineCorrection,
    EntryItem,
    Incident,
    IncidentAnswer,
    MyCorrectionRequests,
    OpenCorrectionRequests,
)
from safekeep.errors import NotAllowed, NotFound
from safekeep.ids import new_id

pages = Blueprint("corrections", __name__)


@pages.get("/s/<slug>/incidents/<uuid:incident_id>/entries/<uuid:entry_id>/correction")
def begin(slug: str, incident_id: UUID, entry_id: UUID) -> Any:
    """Make the correction's id, and go to its form; `request`: the request that it answers."""
    asked = request.args.get("request")
    return redirect(url_for("corrections.form", slug=slug, incident_id=incident_id, entry_id=entry_id, correction_id=new_id(), request=asked), 303)


@pages.route("/s/<slug>/incidents/<uuid:incident_id>/entries/<uuid:entry_id>/correction/<uuid:correction_id>", methods=["GET", "POST"])
def form(slug: str, incident_id: UUID, entry_id: UUID, correction_id: UUID) -> Any:
    """Show the form with what the entry says now; or add the correction."""
    here = session.here()
    incident, entry = _entry(here, incident_id, entry_id)
    if not incident.may_correct:
        raise NotAllowed("role")
    if request.method == "GET" and any(each.id == correction_id for each in incident.entries):
        return _to(slug, incident_id, correction_id)
    is_account = entry.kind == "incident" and incident.facts is not None
    draft_id, begun = kept.begun(correction_id)
    typed = begun or Form.sent(request.form)
    if request.form.get("do") == "save":
        return kept.for_later(typed, draft_id=draft_id)
    if begun is None and request.method == "GET":
        typed.put("should_say", entry.text)
        typed.put("action_taken", incident.facts.action_taken if incident.facts and is_account else "")
        typed.put("request_id", request.args.get("request", ""))
    elif request.method == "POST" and console.send_in_answer(
        typed,
        AddCorrection,
        id=correction_id,
        incident_id=incident.id,
        entry_id=entry.id,
        reason=typed.one("reason"),
        should_say=typed.one("should_say"),
        action_taken=typed.one("action_taken") if is_account else None,
        hide_earlier=typed.has("hide_earlier", "yes"),
    ):
        kept.over(draft_id)
        return _to(slug, incident_id, entry_id)
    known, asked = schools.known(here), _asked(incident, typed.one("request_id"))
    more = {"entry": entry, "is_account": is_account, "asked": asked, "draft_id": draft_id}
    page = render_template("corrections/form.html", form=typed, known=known, incident=incident, **more)
    return page, console.status(typed)


@pages.get("/s/<slug>/corrections")
def requests(slug: str) -> Any:
    """List what DSLs are asked to correct, for them; and what this person asked for, with the answers."""
    here = session.here()
    waiting = rpc.ask(OpenCorrectionRequests(), token=here.token).items if here.is_lead else []
    mine = rpc.ask(MyCorrectionRequests(), token=here.token).items
    return render_template("corrections/requests.html", known=schools.known(here), waiting=waiting, mine=mine[::-1])


@pages.get("/s/<slug>/incidents/<uuid:incident_id>/entries/<uuid:entry_id>/request")
def begin_request(slug: str, incident_id: UUID, entry_id: UUID) -> Any:
    """Make the request's id, and go to its form."""
    return redirect(url_for("corrections.ask", slug=slug, incident_id=incident_id, entry_id=entry_id, request_id=new_id()), 303)


@pages.route("/s/<slug>/incidents/<uuid:incident_id>/entries/<uuid:entry_id>/request/<uuid:request_id>", methods=["GET", "POST"])
def ask(slug: str, incident_id: UUID, entry_id: UUID, request_id: UUID) -> Any:
    """An author says what is wrong in their own words; a DSL is asked to correct it."""
    here = session.here()
    incident, entry = _entry(here, incident_id, entry_id)
    if entry.author_id != here.answer.person_id:
        raise NotFound("entry")
    draft_id, begun = kept.begun(request_id)
    typed = begun or Form.sent(request.form)
    if request.form.get("do") == "save":
        return kept.for_later(typed, draft_id=draft_id)
    if request.method == "POST" and console.send(typed, AskCorrection, {"text": "wrong"}, id=request_id, entry_id=entry_id, text=typed.one("wrong")):
        kept.over(draft_id)
        return redirect(url_for("corrections.requests", slug=slug, _anchor="mine"), 303)
    page = render_template("corrections/ask.html", form=typed, known=schools.known(here), incident=incident, entry=entry, draft_id=draft_id)
    return page, console.status(typed)


@pages.route("/s/<slug>/incidents/<uuid:incident_id>/requests/<uuid:request_id>", methods=["GET", "POST"])
def answer(slug: str, incident_id: UUID, request_id: UUID) -> Any:
    """Show a DSL what is asked beside what the entry says: correct it, move it, or say why not."""
    here = session.lead()
    incident = rpc.ask(rpc.build(Incident, incident_id=incident_id), token=here.token)
    found = _asked(incident, str(request_id))
    if found is None:
        raise NotFound("request")
    draft_id, begun = kept.begun(request_id)
    typed = begun or Form.sent(request.form)
    if request.form.get("do") == "save":
        return kept.for_later(typed, draft_id=draft_id)
    if request.method == "POST" and found.answered_at is None:
        try:
            if console.send(typed, DeclineCorrection, request_id=request_id, reason=typed.one("reason")):
                kept.over(draft_id)
                return redirect(url_for("corrections.requests", slug=slug), 303)
        except NotFound:  # answered while this was sent
            typed.notice = problems.ANSWERED
    elif request.method == "POST":
        typed.notice = problems.ANSWERED
    entry = next(each for each in incident.entries if each.id == found.entry_id)
    more = {"entry": entry, "asked": found, "draft_id": draft_id}
    page = render_template("corrections/answer.html", form=typed, known=schools.known(here), incident=incident, **more)
    return page, console.status(typed)


def _asked(incident: IncidentAnswer, request_id: str) -> CorrectionRequestItem | None:
    return next((each for each in incident.requests if str(each.id) == request_id), None)


def _entry(here: Here, incident_id: UUID, entry_id: UUID) -> tuple[IncidentAnswer, EntryItem]:
    incident = rpc.ask(rpc.build(Incident, incident_id=incident_id), token=here.token)
    entry = next((entry for entry in incident.entries if entry.id == entry_id and entry.kind != "correction"), None)
    if entry is None:
        raise NotFound("entry")
    return incident, entry


def _to(slug: str, incident_id: UUID, entry_id: UUID) -> Any:
    return redirect(url_for("incidents.incident", slug=slug, incident_id=incident_id, _anchor=f"entry-{entry_id}"), 303)
