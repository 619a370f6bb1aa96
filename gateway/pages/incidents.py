"""Reading an incident: the account, the facts, what was done, who was told and who has read."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import revocations, rpc, schools, session, unread
from gateway.forms import Form
from gateway.pages import files
from gateway.problems import problem_of
from gateway.session import Here
from safekeep import clock
from safekeep.contracts.alerts import AlertItem, Askings, AskingsAnswer, MarkRead, Meanwhile, MeanwhileAnswer, ReaderItem, Readers
from safekeep.contracts.incidents import AnswerAsk, EntryItem, Incident, IncidentAnswer, Proof, ProofAnswer, Pupil, PupilAnswer, Summaries
from safekeep.errors import Conflict, Invalid, NotFound, SafekeepError, TooMuchRead
from safekeep.permissions import Class

pages = Blueprint("incidents", __name__)

DELAYED_SECONDS = 3.0
"""So long without identity's heartbeat, four a second, and alerts are said to be delayed."""


@pages.get("/s/<slug>/alerts/<uuid:alert_id>")
def alert(slug: str, alert_id: UUID) -> Any:
    """Go from an alert (the link in a mail) to its incident. Opening a link marks nothing as read."""
    here = session.here()
    cursor: str | None = None
    for _ in range(40):
        page = unread.inbox(here, state="all", limit=100, cursor=cursor)
        found = next((item for item in page.items if item.id == alert_id), None)
        if found is not None:
            anchor = None if found.kind == "incident" else f"entry-{found.entry_id}"  # an incident is read from its top: whom it is about
            return redirect(url_for("incidents.incident", slug=slug, incident_id=found.incident_id, _anchor=anchor), 303)
        cursor = page.next
        if cursor is None:
            break
    raise NotFound("alert")


@pages.get("/s/<slug>/incidents/<uuid:incident_id>")
def incident(slug: str, incident_id: UUID) -> Any:
    """Show an incident."""
    return _show(session.here(), incident_id)


def _show(here: Here, incident_id: UUID, *, form: Form | None = None) -> str:
    """Return the page. `form`: what was typed on it in answer to a request to tell somebody, with what is wrong with it."""
    found = rpc.ask(rpc.build(Incident, incident_id=incident_id), token=here.token)
    mine = _my_alerts(here, incident_id)
    proof = _proof(here, incident_id)
    return render_template(
        "incidents/incident.html",
        proof=proof,
        checked=proof is not None and all(entry.ledger_sequence <= proof.checked_to for entry in found.entries),
        known=schools.known(here),
        incident=found,
        readers=_readers(here, incident_id),
        askings=_askings(here, found),
        mine=mine,
        to_read=[item for item in mine if item.read_at is None],
        beside=_beside(here, found),
        names=files.of_incident(here, found),
        form=form or Form({}),
        opens=_opens(found),
        follow_ups={item.id: item for item in found.follow_ups},
        outcomes={entry.details.of_id for entry in found.entries if entry.details and entry.details.kind == "referral_outcome"},
        pupil_names={found.pupil.id: found.pupil.name} | {linked.pupil_id: linked.name for linked in found.linked_pupils},
    )


def _opens(found: IncidentAnswer) -> dict[UUID, list[EntryItem]]:
    """Return, by request to tell somebody, the entries that accepting it opens: the one it is about, and the others of no higher class."""
    classes = {entry.id: Class.of(entry.class_code) for entry in found.entries}
    return {ask.id: [e for e in found.entries if classes[e.id] <= classes[ask.entry_id]] for ask in found.asks if ask.entry_id in classes}


@pages.post("/s/<slug>/incidents/<uuid:incident_id>/read")
def mark_read(slug: str, incident_id: UUID) -> Any:
    """Mark this person's alerts of the incident as read that they have opened; then, when asked, on to adding an action.

    What was added while they were reading is shown to them first.
    """
    here, newer = session.here(), []
    for item in _my_alerts(here, incident_id, must=True):
        if item.read_at is None:
            try:
                rpc.ask(rpc.build(MarkRead, alert_id=item.id), token=here.token)
            except Conflict:
                newer.append(item.entry_id)
    if newer:
        where: dict[str, Any] = {"slug": slug, "incident_id": incident_id, "newer": newer[-1]}
        return redirect(url_for("incidents.incident", **where, _anchor=f"entry-{newer[-1]}"), 303)
    if request.form.get("then") == "action":
        return redirect(url_for("actions.begin", slug=slug, incident_id=incident_id), 303)
    return redirect(url_for("incidents.incident", slug=slug, incident_id=incident_id), 303)


@pages.post("/s/<slug>/asks/<uuid:ask_id>")
def answer_ask(slug: str, ask_id: UUID) -> Any:
    """A DSL accepts (which grants, and alerts) or declines to tell somebody."""
    here = session.here()
    form = Form.sent(request.form)
    incident_id = form.as_id("incident")
    form.refuse_broken("reason")
    try:
        if form.problems:
            raise Invalid(form.problems)
        rpc.ask(rpc.build(AnswerAsk, ask_id=ask_id, accept=form.one("answer") == "accept", reason=form.one("reason")), token=here.token)
    except Invalid as error:
        if incident_id is None:
            raise
        typed = Form({f"reason-{ask_id}": [form.one("reason")]})  # several may be asked for on one page
        for code in error.problems.values():
            typed.refuse(f"reason-{ask_id}", code)
        return _show(here, incident_id, form=typed), 422
    if incident_id is None:
        return redirect(url_for("inbox.inbox", slug=slug), 303)
    return redirect(url_for("incidents.incident", slug=slug, incident_id=incident_id), 303)


@pages.get("/s/<slug>/incidents/<uuid:incident_id>/recorded")
def recorded(slug: str, incident_id: UUID) -> Any:
    """Say what happened: recorded, sent to whom, read by whom so far. Of whoever is stopped for reading much, that it is recorded."""
    here = session.here()
    try:
        found = rpc.ask(rpc.build(Incident, incident_id=incident_id), token=here.token)
    except TooMuchRead as error:
        return _recorded_but_shut(here, incident_id, error)
    readers = _readers(here, incident_id)
    asked = min(request.args.get("asked", 0, type=int), 50)  # how many a DSL was asked to tell: only DSLs can read the requests themselves
    known, entry = schools.known(here), found.entries[0]
    page = {"known": known, "incident": found, "entry": entry, "readers": readers, "asked": max(asked, 0)}
    page["delayed"] = _are_delayed(readers)
    page["meanwhile"] = _meanwhile(here, found)
    page["team"] = [lead.name for lead in known.school.leads if _is_sent_as_team(entry, lead.person_id)]
    return render_template("incidents/recorded.html", **page)


def _recorded_but_shut(here: Here, incident_id: UUID, error: TooMuchRead) -> str:
    lines = rpc.ask(rpc.build(Summaries, entry_ids=[incident_id]), token=here.token).items
    line = next((line for line in lines if line.incident_id == incident_id), None)
    if line is None:
        raise error
    opens_at = clock.now() + timedelta(seconds=error.seconds)
    return render_template("incidents/recorded_shut.html", known=schools.known(here), line=line, detail=problem_of(error).detail, opens_at=opens_at)


@pages.get("/s/<slug>/incidents/<uuid:incident_id>/readers")
def readers(slug: str, incident_id: UUID) -> Any:
    """The part of the recorded page that changes as people read, for the page to fetch again."""
    here = session.here()
    found = rpc.ask(rpc.build(Incident, incident_id=incident_id), token=here.token)
    readers = _readers(here, incident_id)
    page = {"known": schools.known(here), "entry": found.entries[0], "readers": readers, "delayed": _are_delayed(readers)}
    return render_template("incidents/_recorded_readers.html", **page)


@pages.get("/s/<slug>/incidents/<uuid:incident_id>/who-read")
def who_read(slug: str, incident_id: UUID) -> Any:
    """Who was sent which entry, why, and when they read it: people down, entries across."""
    here = session.lead()
    found = rpc.ask(rpc.build(Incident, incident_id=incident_id), token=here.token)
    items = rpc.ask(rpc.build(Readers, incident_id=incident_id), token=here.token).items
    known = schools.known(here)
    entries = [entry for entry in found.entries if any(item.entry_id == entry.id for item in items)]
    people = sorted({item.person_id for item in items}, key=lambda person: (known.name(person) == "", known.name(person)))
    by_both = {(item.person_id, item.entry_id): item for item in items}
    return render_template("incidents/who_read.html", known=known, incident=found, entries=entries, people=people, by_both=by_both)


def _readers(here: Here, incident_id: UUID) -> dict[tuple[UUID, UUID], ReaderItem] | None:
    """Return {(entry, person): what became of their alert}, or None where that cannot be told just now."""
    try:
        items = rpc.ask(rpc.build(Readers, incident_id=incident_id), token=here.token, seconds=3.0).items
    except NotFound:
        return {}
    except SafekeepError:
        return None
    return {(item.entry_id, item.person_id): item for item in items}


def _askings(here: Here, found: IncidentAnswer) -> AskingsAnswer | None:
    """Return who was asked to lead it, for who could; or None where that cannot be told just now."""
    try:
        return rpc.ask(rpc.build(Askings, incident_id=found.id), token=here.token, seconds=1.5) if found.lead else None
    except SafekeepError:
        return None


def _meanwhile(here: Here, found: IncidentAnswer) -> MeanwhileAnswer | None:
    """Return who is asked if nobody takes it, and what is said outside school hours; None where it cannot be told just now."""
    entry, at_risk = found.entries[0], found.facts is not None and found.facts.at_risk_now
    wanted = rpc.build(Meanwhile, class_code=entry.class_code, at_risk_now=at_risk, begun=entry.recorded_at)
    try:
        return rpc.ask(wanted, token=here.token, seconds=1.5) if here.may_record else None
    except SafekeepError:
        return None


def _is_sent_as_team(entry: EntryItem, person_id: UUID) -> bool:
    """Whether it was sent to somebody as one of the Safeguarding team: that they are told, and so asked again, its reader knows already."""
    return any(each.person_id == person_id and "safeguarding_team" in each.because for each in entry.recipients)


def _are_delayed(readers: dict[tuple[UUID, UUID], ReaderItem] | None) -> bool:
    """Whether alerts wait: who makes them does not answer, or the broker has carried nothing for seconds (or identity, which mail needs, is away)."""
    return readers is None or not revocations.are_heard(within=DELAYED_SECONDS)


def _my_alerts(here: Here, incident_id: UUID, *, must: bool = False) -> list[AlertItem]:
    try:
        return unread.inbox(here, incident_id=incident_id, limit=100).items
    except SafekeepError:
        if must:
            raise
        return []


def _proof(here: Here, incident_id: UUID) -> ProofAnswer | None:
    """Return what the self-check says of it, for DSLs; None where that cannot be told just now."""
    if not here.is_lead:
        return None
    try:
        return rpc.ask(rpc.build(Proof, incident_id=incident_id), token=here.token, seconds=3.0)
    except SafekeepError:
        return None


def _beside(here: Here, found: IncidentAnswer) -> PupilAnswer | None:
    if found.pupil.holding:
        return None
    try:
        return rpc.ask(rpc.build(Pupil, pupil_id=found.pupil.id), token=here.token, seconds=3.0)
    except SafekeepError:
        return None
