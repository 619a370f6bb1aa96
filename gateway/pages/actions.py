"""Add action: what was done, below an incident, with the same alerting. As unchangeable and as repeatable as an incident."""

from typing import Any
from uuid import UUID

from flask import Blueprint, g, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext

from gateway import acting, alerting, coaching, drafts, problems, rpc, schools, session, uploads, words
from gateway.alerting import Alerting
from gateway.forms import Form, clean
from gateway.pages import saving, to_draft
from gateway.schools import Known
from gateway.session import Here
from safekeep import clock
from safekeep.contracts.alerts import Readers
from safekeep.contracts.incidents import AddAction, Incident, IncidentAnswer
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound, SafekeepError, StorageError, TooMuchRead, Unavailable
from safekeep.ids import new_id

pages = Blueprint("actions", __name__)


@pages.get("/s/<slug>/incidents/<uuid:incident_id>/actions/new")
def begin(slug: str, incident_id: UUID) -> Any:
    """Make the action's id, and go to its form; `reply`: to whoever recorded it; `kind` and `of`: of which kind, and what it closes, gives to another or is the outcome of."""
    asked: dict[str, Any] = {name: request.args.get(name) for name in ("kind", "of", "reply")}
    return redirect(url_for("actions.form", slug=slug, incident_id=incident_id, action_id=new_id(), **asked), 303)


@pages.get("/s/<slug>/incidents/<uuid:incident_id>/actions/new/<uuid:action_id>")
def form(slug: str, incident_id: UUID, action_id: UUID) -> Any:
    """Show the form, or the draft of that id; an action that is recorded already shows below its incident."""
    here = session.here()
    try:
        incident = _incident(here, incident_id)
    except NotFound:
        return _own_words(drafts.load(draft_id=action_id, token=here.token), action_id)
    if any(entry.id == action_id for entry in incident.entries):
        return redirect(url_for("incidents.incident", slug=slug, incident_id=incident_id, _anchor=f"entry-{action_id}"), 303)
    typed, notice = None, ""
    try:
        typed = drafts.load(draft_id=action_id, token=here.token)
    except SafekeepError:
        notice = problems.sentence("form", "drafts_unavailable")
    if typed is None:
        typed = _begun(here, incident)
        wanted = {name: request.args.get(name, "") for name in ("kind", "of")}
        acting.begin(typed, **wanted, here=here, known=schools.known(here), incident=incident)
    return _show(typed, here=here, incident=incident, action_id=action_id, notice=notice)


def _begun(here: Here, incident: IncidentAnswer) -> Form:
    """Return the form to begin with: empty, or a DSL's reply to whoever recorded it, who is chosen already."""
    account = next((entry for entry in incident.entries if entry.kind == "incident"), None)
    if account is None or request.args.get("reply") != "yes" or not here.is_lead or account.author_id == here.answer.person_id:
        return Form({})
    return Form({"staff_ids": [str(account.author_id)], f"reason_{account.author_id}": [gettext("They recorded it")], "reply": ["yes"]})


@pages.post("/s/<slug>/incidents/<uuid:incident_id>/actions/new/<uuid:action_id>")
def submit(slug: str, incident_id: UUID, action_id: UUID) -> Any:
    """Add the action; or, by the button pressed, find, show, upload or save for later."""
    here = session.here()
    typed = Form.sent(request.form)
    if here.held:
        drafts.save(typed, draft_id=action_id, incident_id=incident_id, token=here.token)
        wanted = url_for("actions.form", slug=slug, incident_id=incident_id, action_id=action_id)
        return to_draft(here, wanted)
    try:
        incident = _incident(here, incident_id)
    except (Unavailable, StorageError, TooMuchRead):  # the page below it cannot be shown: its words are, and kept
        g.kept = drafts.saved(typed, draft_id=action_id, incident_id=incident_id, token=here.token)
        raise
    except NotFound:
        if typed.written():
            drafts.saved(typed, draft_id=action_id, incident_id=incident_id, token=here.token)
        return _own_words(typed, action_id)
    pressed, _, which = request.form.get("do", "record").partition(":")
    try:
        uploads.keep_all(typed, request.files.getlist("files"), token=here.token, thing_id=action_id)
        if pressed == "record":
            return _add(typed, here=here, incident=incident, action_id=action_id)
        if pressed in {"save", "not_me"}:
            drafts.save(typed, draft_id=action_id, incident_id=incident_id, token=here.token)
            return redirect(url_for("drafts.drafts", slug=slug, saved=1), 303)
    except (Unavailable, StorageError) as error:
        kept = drafts.saved(typed, draft_id=action_id, incident_id=incident_id, token=here.token)
        sentence = problems.sentence("form", "kept_as_draft" if kept else "kept_on_page")
        return _show(typed, here=here, incident=incident, action_id=action_id, notice=f"{problems.problem_of(error).detail} {sentence}", status=503)
    except Conflict as error:
        if error.reason == "follow_up_done":
            typed.put("kind", "done")  # what they wrote can stand as an action of its own
        return _show(typed, here=here, incident=incident, action_id=action_id, notice=drafts.why_not(error), status=409)
    except Invalid:  # of a draft, which has no fields: what is wrong with an action stands beside its own
        notice = problems.sentence("form", "draft_too_long")
        return _show(typed, here=here, incident=incident, action_id=action_id, notice=notice, status=422)
    if pressed == "remove_staff":
        typed.remove("staff_ids", which)
        typed.remove("ask_dsl", which)
    elif pressed == "remove_file":
        typed.remove("file_ids", which)
    elif pressed == "kind" and which in acting.OFFERED:
        typed.put("kind", which)
    coached = coaching.look(typed, here=here, known=schools.known(here), of="action", pupil_id=incident.pupil.id) if pressed == "coach" else None
    status, searching = 422 if typed.problems else 200, pressed == "find_staff"
    return _show(typed, here=here, incident=incident, action_id=action_id, coached=coached, searching=searching, status=status)


@pages.post("/s/<slug>/incidents/<uuid:incident_id>/actions/new/<uuid:action_id>/draft")
def autosave(slug: str, incident_id: UUID, action_id: UUID) -> Any:
    """Keep the form as it is, for its author alone. Also for a session that has ended."""
    here = session.here()
    kept = drafts.save(Form.sent(request.form), draft_id=action_id, incident_id=incident_id, token=here.token)
    return jsonify(saved_at=clock.stamp(kept.saved_at), ended=here.held)


@pages.post("/s/<slug>/incidents/<uuid:incident_id>/actions/preview")
def preview(slug: str, incident_id: UUID) -> Any:
    """Return the part of the form that says who will be sent it, worked out anew."""
    here = session.here()
    typed = Form.sent(request.form)
    known = schools.known(here, groups=typed.many("groups"))
    alerts = _work_out(typed, here=here, known=known, incident=_incident(here, incident_id))
    return render_template("recording/preview.html", form=typed, known=known, alerts=alerts, button=_button(alerts))


def _own_words(typed: Form | None, action_id: UUID) -> Any:
    """Give somebody back what they had begun to write below an incident that they may not open any more. Raises NotFound("incident")."""
    if typed is None or not typed.written():
        raise NotFound("incident")
    return render_template("drafts/closed.html", written=typed.written(), draft_id=action_id)


def _add(typed: Form, *, here: Here, incident: IncidentAnswer, action_id: UUID) -> Any:
    known = schools.known(here, groups=typed.many("groups"))
    try:
        alerts = _work_out(typed, here=here, known=known, incident=incident)
    except Unavailable as error:
        raise Unavailable(error.service, "not_done") from None  # only asked who would be sent it: nothing was added
    alerting.refuse_without_reasons(typed, alerts)
    if alerts.was_shown:
        alerting.refuse_undecided(typed, alerts)
    typed.refuse_broken("text", "keep_reason", "release_line", *(name for name in typed.fields if name.startswith("reason_")))
    receipts = uploads.receipts(typed, token=here.token)
    details = acting.details_of(typed, known=known)
    try:
        wanted = rpc.build(
            AddAction,
            id=action_id,
            incident_id=incident.id,
            text=typed.one("text"),
            details=details,
            category_codes=typed.many("category_codes") if here.is_lead else [],
            alert=alerting.alert_of(typed),
            receipts=receipts,
            keep=alerting.kept(typed, alerts),
            keep_reason=typed.one("keep_reason"),
            release_line=typed.one("release_line"),
            child_words=typed.many("child_words"),
        )
        if typed.problems:
            return _show(typed, here=here, incident=incident, action_id=action_id, alerts=alerts, status=422)
        if not alerts.was_shown:
            return _show(typed, here=here, incident=incident, action_id=action_id, alerts=alerts, look=True)
        certain_at = saving.until()
        done = rpc.ask(wanted, token=here.token, seconds=saving.ANSWER_SECONDS)
    except Unavailable as error:
        return saving.resolve(error, typed=typed, here=here, entry_id=action_id, certain_at=certain_at, incident_id=incident.id)
    except NotFound as error:
        if error.what not in {"follow_up", "referral"}:
            raise
        typed.put("kind", "done")
        notice = problems.sentence("form", "not_theirs_now")
        return _show(typed, here=here, incident=incident, action_id=action_id, alerts=alerts, notice=notice, status=409)
    except Invalid as error:
        for path, code in error.problems.items():
            typed.refuse(acting.field_of(path) if path.startswith("details.") else alerting.field_of(path), code)
        return _show(typed, here=here, incident=incident, action_id=action_id, alerts=alerts, status=422)
    return redirect(url_for("incidents.incident", slug=here.slug, incident_id=incident.id, _anchor=f"entry-{done.entry_id}"), 303)


def _incident(here: Here, incident_id: UUID) -> IncidentAnswer:
    found = rpc.ask(rpc.build(Incident, incident_id=incident_id), token=here.token)
    if not found.may_add_action:
        raise NotAllowed("role")
    return found


def _work_out(typed: Form, *, here: Here, known: Known, incident: IncidentAnswer) -> Alerting:
    codes = typed.many("category_codes") if here.is_lead else []
    acting.put_owner_in(typed, here=here)
    found = alerting.work_out(typed, here=here, known=known, pupil_ids=[], category_codes=codes, incident_id=incident.id)
    found.entries = {entry.id: entry for entry in incident.entries}
    wrote = {entry.author_id for entry in incident.entries}
    for item in found.preview.opens if found.preview else []:
        if item.person_id in wrote and f"reason_{item.person_id}" not in typed.fields:
            typed.put(f"reason_{item.person_id}", gettext("They wrote in it"))
    losing = found.preview.losing if found.preview else []
    for each in losing:  # nothing was asked of whom it was not sent to: they let go unless the DSL says otherwise
        if not (each.was_sent or each.wrote or each.asked or each.to_do) and f"sight_{each.person_id}" not in typed.fields:
            typed.put(f"sight_{each.person_id}", "let_go")
    if losing:
        found.unread = _unread(here, incident, {item.person_id for item in losing})
        if "release_line" not in typed.fields:
            typed.put("release_line", gettext("I look after this now. Thank you for what you did."))
    return found


def _unread(here: Here, incident: IncidentAnswer, people: set[UUID]) -> set[UUID]:
    """Return who of these people has not read an alert of the incident."""
    try:
        found = rpc.ask(rpc.build(Readers, incident_id=incident.id), token=here.token).items
    except SafekeepError:
        return set()
    return {item.person_id for item in found if item.read_at is None and item.person_id in people}


def _button(alerts: Alerting) -> str:
    return words.action_label(alerts.count)


def _show(
    typed: Form,
    *,
    here: Here,
    incident: IncidentAnswer,
    action_id: UUID,
    alerts: Alerting | None = None,
    coached: coaching.Coached | None = None,
    notice: str = "",
    look: bool = False,
    searching: bool = False,
    status: int = 200,
) -> Any:
    known = schools.known(here, groups=typed.many("groups"))
    if alerts is None:
        try:
            alerts = _work_out(typed, here=here, known=known, incident=incident)
        except SafekeepError:
            alerts = Alerting(None, [p for p in typed.as_ids("staff_ids") if p in known.staff])
    if typed.one("staff_q"):
        alerts.found = [p for p in known.find_staff(clean(typed.one("staff_q")), but=here.answer.person_id) if p.person_id not in alerts.people]
        if searching and not alerts.found:
            typed.refuse("staff_q", "nobody_found")
    typed.problems = {alerting.field_of(name): code for name, code in reversed(typed.problems.items())}
    try:
        asked = acting.follow_up(typed, incident)
    except NotFound:
        typed.put("kind", "done")  # what they wrote can stand as an action of its own
        asked, notice = None, notice or problems.sentence("form", "not_theirs_now")
    body = render_template(
        "actions/form.html",
        kind=acting.kind_of(typed),
        kinds=acting.offered(incident),
        carried=acting.carried(typed),
        asked=asked,
        asking=next((entry for entry in incident.entries if asked is not None and entry.id == asked.id), None),
        owners=acting.choices(known, here=here) if acting.kind_of(typed) in acting.GIVES else [],
        today=known.local(clock.now()).date(),
        form=typed,
        known=known,
        incident=incident,
        action_id=action_id,
        alerts=alerts,
        coached=coached or coaching.unasked(typed),
        notice=notice,
        look=look,
        button=_button(alerts),
    )
    return body, status
