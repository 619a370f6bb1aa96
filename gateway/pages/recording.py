"""Add incident: one page, in the order taught. Nothing typed is lost; sending it twice makes one incident."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any, Literal
from uuid import UUID, uuid5

from flask import Blueprint, jsonify, make_response, redirect, render_template, request, url_for
from flask_babel import gettext

from gateway import alerting, coaching, drafts, problems, rpc, schools, session, uploads, words
from gateway.alerting import Alerting
from gateway.forms import Form, clean, now_at, when
from gateway.pages import body_maps, saving, to_draft
from gateway.schools import Known
from gateway.session import Here
from safekeep import clock, permissions
from safekeep.body import marks
from safekeep.body.marks import BodyMap
from safekeep.contracts.incidents import PupilItem, Record, Recorded, SearchPupils, Summaries
from safekeep.errors import Conflict, Invalid, SafekeepError, StorageError, Unavailable
from safekeep.ids import new_id

pages = Blueprint("recording", __name__)

_NUMBER = re.compile(r"\d{4}-\d{4,6}")
"""What people say of an incident: it comes back in the address after it was recorded, and is shown."""

HOLDING = "holding"
"""The choice "not listed, or not sure who"."""


_ORDER = (
    *(
        "form",
        *(
            "paper_who",
            "paper_staff",
            "paper_writer",
            "paper_role",
            "paper_written_date",
            "paper_written_time",
            "paper_handed_date",
            "paper_handed_time",
        ),
        "pupil_q",
        "pupil_id",
        "described_pupil",
        "kind",
        "when",
        "when_date",
        "when_time",
        "place",
        "template",
        "narrative",
        "told",
        "told_whom",
        "told_when",
    ),
    *("body_map_id", "action_taken", "at_risk_now", "category_codes", "linked_", "groups", "reason_", "staff_q", "ask_dsl", "files"),
)
"""The fields as they follow each other on the page: what is wrong is listed in that order. One ending in "_" stands for several."""


@dataclass(slots=True)
class Found:
    """What the searches of the page found, to choose from."""

    pupils: list[PupilItem] = field(default_factory=list)
    linked: list[PupilItem] = field(default_factory=list)
    looked_for: str = ""


@pages.get("/s/<slug>/incidents/new")
def begin(slug: str) -> Any:
    """Make the incident's id, and go to its form."""
    incident_id = new_id()
    response: Any = redirect(url_for("recording.form", slug=slug, incident_id=incident_id), 303)
    session.set_brief_cookie(response, "new", str(incident_id))
    return response


@pages.get("/s/<slug>/incidents/several")
def several(slug: str) -> Any:
    """A short form for a DSL with many to enter: each leads to the next, with the day, the kind and the category of the one before."""
    session.lead()
    fields = {name: [request.args.get(name, "")[:50]] for name in ("when_date", "kind", "category_codes")}
    number = request.args.get("number", "")
    return _show(
        Form({"several": ["yes"], **fields}), here=session.recorder(), incident_id=new_id(), number=number if _NUMBER.fullmatch(number) else ""
    )


@pages.get("/s/<slug>/incidents/new/<uuid:incident_id>")
def form(slug: str, incident_id: UUID) -> Any:
    """Show the form: empty, or with the draft of that id; an incident that was recorded already shows as recorded."""
    here = session.recorder()
    typed, notice = None, ""
    is_new = session.brief_cookie("new") == str(incident_id)  # made for this page a moment ago: no draft, no incident to look for
    if not is_new:
        try:
            typed = drafts.load(draft_id=incident_id, token=here.token)
        except SafekeepError:
            notice = problems.sentence("form", "drafts_unavailable")
        if typed is None and _is_recorded(here, incident_id):
            return redirect(url_for("incidents.recorded", slug=slug, incident_id=incident_id), 303)
    if "paper" in request.args and here.is_lead:
        typed = typed or Form({})
        typed.put("paper", "yes")
    response = make_response(_show(typed or Form({}), here=here, incident_id=incident_id, notice=notice))
    if is_new:
        session.drop_brief_cookie(response, "new")
    return response


@pages.post("/s/<slug>/incidents/new/<uuid:incident_id>")
def submit(slug: str, incident_id: UUID) -> Any:
    """Record the incident; or, by the button pressed, find, add, show, upload or save for later."""
    here = session.here()
    typed = Form.sent(request.form)
    if here.held:
        return _after_the_end(typed, here=here, slug=slug, incident_id=incident_id)
    here = session.recorder()
    if typed.has("several", "yes"):  # the short form asks for no more than a day, and a time where it is known
        typed.put("when", "exact" if typed.one("when_time").strip() else "day")
    sent = request.files.getlist("files")
    pressed, _, which = request.form.get("do", "record").partition(":")
    try:
        uploads.keep_all(typed, sent, token=here.token, thing_id=incident_id)
        if pressed == "record":
            return _record(typed, here=here, slug=slug, incident_id=incident_id)
        if pressed == "body_map":
            typed.put("body_map_id", str(body_maps.id_of(incident_id)))
            drafts.save(typed, draft_id=incident_id, token=here.token)
            return redirect(url_for("body_maps.form", slug=slug, incident_id=incident_id), 303)
        if pressed in {"save", "not_me"}:
            drafts.save(typed, draft_id=incident_id, token=here.token)
            return redirect(url_for("drafts.drafts", slug=slug, saved=1), 303) if pressed == "save" else render_template("recording/not_me.html")
    except (Unavailable, StorageError) as error:
        return _not_done(typed, error, here=here, incident_id=incident_id)
    except Conflict as error:
        return _show(typed, here=here, incident_id=incident_id, notice=drafts.why_not(error), conflict=error.reason, status=409)
    except Invalid:  # of a draft, which has no fields: what is wrong with an incident stands beside its own
        return _show(typed, here=here, incident_id=incident_id, notice=problems.sentence("form", "draft_too_long"), status=422)
    found = _carry_out(typed, pressed, which, here=here)
    status = 422 if typed.problems else 200
    coached = (
        coaching.look(typed, here=here, known=schools.known(here), of="incident", pupil_id=_pupil_id(typed, here)) if pressed == "coach" else None
    )
    return _show(typed, here=here, incident_id=incident_id, found=found, coached=coached, status=status)


@pages.post("/s/<slug>/incidents/new/<uuid:incident_id>/draft")
def autosave(slug: str, incident_id: UUID) -> Any:
    """Keep the form as it is, for its author alone. Also for a session that has ended."""
    here = session.here()
    kept = drafts.save(Form.sent(request.form), draft_id=incident_id, token=here.token)
    return jsonify(saved_at=clock.stamp(kept.saved_at), ended=here.held)


@pages.post("/s/<slug>/incidents/preview")
def preview(slug: str) -> Any:
    """Return the part of the form that says who will be sent it, worked out anew."""
    here = session.recorder()
    typed = Form.sent(request.form)
    known = schools.known(here, groups=typed.many("groups"))
    alerts = _work_out(typed, here=here, known=known)
    return render_template("recording/preview.html", form=typed, known=known, alerts=alerts, button=words.submit_label(alerts.count))


@pages.post("/s/<slug>/incidents/coach")
def coach(slug: str) -> Any:
    """Return the parts of a form that say what could be looked at again; nothing of what was sent is kept."""
    here = session.recorder()
    typed = Form.sent(request.form)
    of: Literal["incident", "action"] = "action" if "narrative" not in typed.fields else "incident"
    known = schools.known(here)
    about = _pupil_id(typed, here) if of == "incident" else typed.as_id("about_id")
    coached = coaching.look(typed, here=here, known=known, of=of, pupil_id=about)
    return render_template(
        "recording/coach.html", form=typed, known=known, coached=coached, parts=["text", "action_taken"] if of == "incident" else ["text"]
    )


@pages.get("/s/<slug>/pupils/suggest")
def suggest_pupils(slug: str) -> Any:
    """Return pupils for the typeahead, from the second letter."""
    here = session.recorder()
    found = _search(here, request.args.get("q", ""))
    items = [{"id": str(p.id), "name": p.name, "about": _about(p), "label": label(p)} for p in found if not p.holding]
    return jsonify(items=items)


@pages.get("/s/<slug>/staff/suggest")
def suggest_staff(slug: str) -> Any:
    """Return staff for the typeahead."""
    here = session.recorder()
    found = schools.known(here).find_staff(clean(request.args.get("q", "")), but=here.answer.person_id)
    return jsonify(items=[{"id": str(p.person_id), "name": p.name, "about": words.roles(p.roles), "label": p.name} for p in found])


# --- recording -----------------------------------------------------------------------------------------------------


def _record(typed: Form, *, here: Here, slug: str, incident_id: UUID) -> Any:
    known = schools.known(here, groups=typed.many("groups"))
    try:
        alerts = _work_out(typed, here=here, known=known)
    except Unavailable as error:
        raise Unavailable(error.service, "not_done") from None  # only asked who would be sent it: nothing was recorded
    alerting.refuse_without_reasons(typed, alerts)
    wanted = _request(typed, known=known, here=here, incident_id=incident_id)
    if typed.problems or wanted is None:
        return _show(typed, here=here, incident_id=incident_id, alerts=alerts, status=422)
    if not alerts.was_shown:
        return _show(typed, here=here, incident_id=incident_id, alerts=alerts, look=True)
    try:
        certain_at = saving.until()
        done: Recorded = rpc.ask(wanted, token=here.token, seconds=saving.ANSWER_SECONDS)
    except Unavailable as error:
        return saving.resolve(error, typed=typed, here=here, entry_id=incident_id, certain_at=certain_at)
    except Invalid as error:
        _note(typed, error, linked=typed.as_ids("linked_ids"))
        return _show(typed, here=here, incident_id=incident_id, alerts=alerts, status=422)
    if typed.has("several", "yes") and here.is_lead:
        carried: dict[str, Any] = {name: typed.one(name) or None for name in ("when_date", "kind", "category_codes")}
        return redirect(url_for("recording.several", slug=slug, number=done.number, **carried), 303)
    return redirect(url_for("incidents.recorded", slug=slug, incident_id=done.id, asked=done.asked_dsl or None), 303)


def _request(typed: Form, *, known: Known, here: Here, incident_id: UUID) -> Record | None:
    """Return what to record, or None with the problems noted."""
    pupil_id = _pupil_id(typed, here)
    if pupil_id is None and "pupil_id" not in typed.problems:
        typed.refuse("pupil_id", "missing")
    occurred_at, precision = when(typed, zone=known.zone)
    linked = typed.as_ids("linked_ids")
    people = [name for name in typed.fields if name.startswith(("linked_initials_", "reason_"))]
    typed.refuse_broken("described_pupil", "place", "narrative", "action_taken", "told_whom", "told_when", "paper_writer", "paper_role", *people)
    receipts = uploads.receipts(typed, token=here.token)
    drawn = _drawn(typed, here=here)
    is_paper = here.is_lead and typed.has("paper", "yes")
    if not typed.one("kind"):
        typed.refuse("kind", "missing")
    if not typed.many("category_codes"):
        typed.refuse("category_codes", "missing")
    for pupil in linked:
        if not typed.one(f"linked_part_{pupil}"):
            typed.refuse(f"linked_part_{pupil}", "part_missing")
    try:
        wanted = rpc.build(
            Record,
            id=incident_id,
            pupil_id=pupil_id or incident_id,
            described_pupil=typed.one("described_pupil") if typed.one("pupil_id") == HOLDING else "",
            occurred_at=occurred_at or (None if precision == "not_known" else clock.now()),
            occurred_precision=precision,
            kind=typed.one("kind") or "other",
            place=typed.one("place"),
            narrative=typed.one("narrative") if typed.one("narrative").strip() or not is_paper else gettext("As on the paper form."),
            told=_told(typed),
            action_taken=typed.one("action_taken"),
            at_risk_now=typed.has("at_risk_now", "yes"),
            category_codes=typed.many("category_codes") or ["not_sure"],
            linked_pupils=[{"pupil_id": x, "part": typed.one(f"linked_part_{x}"), "initials": typed.one(f"linked_initials_{x}")} for x in linked],
            alert=alerting.alert_of(typed),
            receipts=receipts,
            body_map_id=typed.as_id("body_map_id") if drawn else None,
            body_map=drawn,
            child_words=typed.many("child_words"),
            paper=_paper(typed, known=known) if is_paper else None,
        )
    except Invalid as error:
        _note(typed, error, linked=linked)
        return None
    return wanted if not typed.problems else None


def _paper(typed: Form, *, known: Known) -> dict[str, Any] | None:
    """Return who wrote the paper form, when, and when it was handed in; None with the problems noted."""
    who, is_staff = typed.one("paper_who"), typed.has("paper_who", "staff")
    writer_id = typed.as_id("paper_staff") if is_staff else None
    writer = typed.one("paper_writer").strip() if not is_staff else known.name(writer_id) if writer_id else ""
    if who not in {"staff", "other"}:
        typed.refuse("paper_who", "unknown_choice" if who else "writer_missing")
    elif not writer:
        typed.refuse("paper_staff" if is_staff else "paper_writer", "unknown_choice" if writer_id else "writer_missing")
    written = _on(typed, "paper_written", known=known, missing="paper_written_missing")
    handed = _on(typed, "paper_handed", known=known, missing="paper_handed_missing")
    if not typed.many("file_ids"):
        typed.refuse("files", "scan_missing")
    if not writer or written is None or handed is None:
        return None
    said = {"writer_id": writer_id, "writer": writer, "writer_role": "" if writer_id else typed.one("paper_role")}
    return said | {"written_at": written[0], "written_precision": written[1], "handed_in_at": handed[0], "handed_in_precision": handed[1]}


def _on(typed: Form, name: str, *, known: Known, missing: str) -> tuple[datetime, str] | None:
    """Return the moment that a day and, perhaps, a time give, and how precise it is; None with the problem noted (`missing`: that of no day)."""
    day = typed.as_day(f"{name}_date")
    if day is None:
        typed.refuse(f"{name}_date", missing)
        return None
    said = typed.one(f"{name}_time").strip().replace(".", ":")
    try:
        hour = time.fromisoformat(said.zfill(5)) if said else time()
    except ValueError:
        typed.refuse(f"{name}_time", "not_a_time")
        return None
    return datetime.combine(day, hour.replace(tzinfo=None), known.zone).astimezone(UTC), "exact" if said else "day"


def _drawn(typed: Form, *, here: Here) -> BodyMap | None:
    """Return the body map with its marks, if there are any. While files does not answer, as the page last showed it: it came with the form."""
    try:
        found = body_maps.read(typed, token=here.token)
        drawn = found.body_map if found else _carried(typed)
    except (Unavailable, StorageError):
        drawn = _carried(typed)
        if drawn is None:
            raise Unavailable("files", "not_done") from None
    return drawn if drawn and drawn.marks else None


def _carried(typed: Form) -> BodyMap | None:
    """Return the body map as the page last showed it: it came with the form. What came and is none is noted, so that nothing drawn is left out unsaid."""
    shown = typed.one("body_map").strip()
    if not shown or typed.as_id("body_map_id") is None:
        return None
    try:
        found = BodyMap.receive(json.loads(shown))
    except (ValueError, RecursionError, Invalid):
        found = None
    if found is None or marks.problems_of(found):
        typed.refuse("body_map_id", "no_body_map")
        return None
    return found


def _told(typed: Form) -> dict[str, Any]:
    """Return who was told in person, and when; or not yet, or that nothing was said of it. Problems are noted beside their fields."""
    answer, words_ = typed.one("told"), {"whom": typed.one("told_whom"), "when": typed.one("told_when")}
    is_said = any(word.strip() for word in words_.values())
    if answer not in {"told", "not_yet", ""}:
        typed.refuse("told", "unknown_choice")
    elif answer == "not_yet" and is_said:
        typed.refuse("told_whom" if words_["whom"].strip() else "told_when", "against_answer")
    elif (answer == "told" or is_said) and not words_["whom"].strip():
        typed.refuse("told_whom", "missing")
    return {"not_yet": answer == "not_yet", **words_}


_FIELD_OF = {
    "paper": "files",
    "paper.writer": "paper_writer",
    "paper.writer_id": "paper_staff",
    "paper.writer_role": "paper_role",
    "paper.written_at": "paper_written_date",
    "paper.handed_in_at": "paper_handed_date",
    "receipts": "files",
    "occurred_at": "when",
    "occurred_precision": "when",
    "told.whom": "told_whom",
    "told.when": "told_when",
    "child_words": "narrative",
    "linked_ids": "linked_q",
    "linked_add": "linked_q",
}


def _field_of(path: str) -> str:
    """Return beside which field of the page a problem stands."""
    return _FIELD_OF.get(path) or alerting.field_of(path)


def _note(typed: Form, error: Invalid, *, linked: list[UUID]) -> None:
    """Put what was refused beside the fields of this page."""
    for path, code in error.problems.items():
        parts = path.split(".")
        if parts[0] == "linked_pupils" and len(parts) > 1 and parts[1].isdigit() and int(parts[1]) < len(linked):
            pupil = linked[int(parts[1])]
            typed.refuse({"part": f"linked_part_{pupil}", "initials": f"linked_initials_{pupil}"}.get(parts[-1], "linked_q"), code)
        else:
            typed.refuse(_field_of(path), code)


def _not_done(typed: Form, error: Unavailable | StorageError, *, here: Here, incident_id: UUID) -> Any:
    """Say honestly that it may not be recorded, and whether the words are kept."""
    problem = problems.problem_of(error)
    kept = drafts.saved(typed, draft_id=incident_id, token=here.token)
    sentence = problems.sentence("form", "kept_as_draft" if kept else "kept_on_page")
    alerts = Alerting(None, [p for p in typed.as_ids("staff_ids") if p in schools.known(here).staff])  # do not make them wait for it again
    return _show(typed, here=here, incident_id=incident_id, alerts=alerts, notice=f"{problem.detail} {sentence}", status=503)


def _after_the_end(typed: Form, *, here: Here, slug: str, incident_id: UUID) -> Any:
    """A session that ran out: the words become the author's draft, nothing else is done, and the page says so."""
    drafts.save(typed, draft_id=incident_id, token=here.token)
    wanted = url_for("recording.form", slug=slug, incident_id=incident_id)
    return to_draft(here, wanted)


# --- finding and choosing without JavaScript -----------------------------------------------------------------------


def _carry_out(typed: Form, pressed: str, which: str, *, here: Here) -> Found:
    found = Found(looked_for=pressed)
    if pressed == "find_pupil":
        found.pupils = find(typed, "pupil_q", here)
    elif pressed == "find_linked":
        found.linked = find(typed, "linked_q", here)
    elif pressed == "add_linked":
        for pupil in typed.as_ids("linked_add"):
            typed.add("linked_ids", str(pupil))
        typed.put("linked_q", "")
    elif pressed == "remove_linked":
        typed.remove("linked_ids", which)
    elif pressed == "remove_staff":
        typed.remove("staff_ids", which)
        typed.remove("ask_dsl", which)
    elif pressed == "remove_file":
        typed.remove("file_ids", which)
    elif pressed == "template":
        _start_from(typed, schools.known(here))
    typed.put("linked_add")
    return found


def _start_from(typed: Form, known: Known) -> None:
    """Put a template below what is written already, and choose its category."""
    chosen = next((t for t in known.school.templates if t.offered and t.code == typed.one("template")), None)
    if chosen is None:
        typed.refuse("template", "choose_one")
        return
    written = typed.one("narrative").rstrip()
    typed.put("narrative", f"{written}\n\n{chosen.text}" if written else chosen.text)
    typed.put("template", "")
    if chosen.category_code:
        typed.add("category_codes", chosen.category_code)


def find(typed: Form, name: str, here: Here) -> list[PupilItem]:
    """Return the pupils that the words typed in a field find; when they cannot be asked for, that is said beside it."""
    try:
        return _search(here, typed.one(name))
    except SafekeepError:
        typed.refuse(name, "search_unavailable")
        return []


def _search(here: Here, words_: str) -> list[PupilItem]:
    q = clean(words_).strip()
    return rpc.ask(rpc.build(SearchPupils, q=q, limit=12), token=here.token).items if q else []


def _about(pupil: PupilItem) -> str:
    return f"{pupil.year} · {pupil.form} · {words.long_day(pupil.born)}"


def label(pupil: PupilItem) -> str:
    """Return a pupil's name with what tells them from another of the same name."""
    return f"{pupil.name}, {_about(pupil)}"


# --- showing -------------------------------------------------------------------------------------------------------


def _show(
    typed: Form,
    *,
    here: Here,
    incident_id: UUID,
    found: Found | None = None,
    alerts: Alerting | None = None,
    coached: coaching.Coached | None = None,
    notice: str = "",
    conflict: str = "",
    look: bool = False,
    number: str = "",
    status: int = 200,
) -> Any:
    known = schools.known(here, groups=typed.many("groups"))
    shown_at = now_at(typed) if typed.one("when") == "now" else clock.now()
    typed.put("now_at", clock.stamp(shown_at))
    if alerts is None:
        alerts = _alerts(typed, here=here, known=known)
    found = found or Found()
    for pupil in (*found.pupils, *found.linked):
        typed.put(f"label_{pupil.id}", label(pupil))
    for name in ("pupil_q", "linked_q"):
        if found.looked_for == f"find_{name[:-2]}" and not (found.pupils or found.linked):
            typed.refuse(name, "nobody_found")
    if typed.one("staff_q"):
        alerts.found = [p for p in known.find_staff(clean(typed.one("staff_q")), but=here.answer.person_id) if p.person_id not in alerts.people]
        if found.looked_for == "find_staff" and not alerts.found:
            typed.refuse("staff_q", "nobody_found")
    is_short = typed.has("several", "yes") and here.is_lead
    beside = {_field_of(name): code for name, code in reversed(typed.problems.items())}
    if is_short and "when" in beside:
        beside.setdefault("when_date", beside.pop("when"))  # the short form asks for the day only
    typed.problems = dict(sorted(beside.items(), key=lambda problem: _place(problem[0])))
    drawn = _show_drawn(typed, here=here)
    body = render_template(
        "recording/several.html" if is_short else "recording/form.html",
        drawn=drawn,
        paper=here.is_lead and typed.has("paper", "yes"),
        known_writers=_writers(known),
        form=typed,
        known=known,
        incident_id=incident_id,
        found=found,
        alerts=alerts,
        coached=coached or coaching.unasked(typed),
        notice=notice,
        conflict=conflict,
        look=look,
        number=number,
        now_at=shown_at,
        today=clock.now().astimezone(known.zone).date().isoformat(),
        button=words.submit_label(alerts.count),
    )
    return body, status


def _show_drawn(typed: Form, *, here: Here) -> BodyMap | None:
    """Return the body map to show on the page, and let the form carry it, for when files does not answer."""
    try:
        drawn = _drawn(typed, here=here)
    except SafekeepError:
        return None
    typed.put("body_map", json.dumps(drawn.wire()) if drawn else "")
    return drawn


def _writers(known: Known) -> list[tuple[str, str]]:
    """Return who may have written a paper form though they have an account, to choose from."""
    return [("", gettext("Choose")), *((str(p.person_id), p.name) for p in known.staff.values() if p.active)]


def _place(field: str) -> int:
    return next((i for i, name in enumerate(_ORDER) if field == name or (name.endswith("_") and field.startswith(name))), len(_ORDER))


def _alerts(typed: Form, *, here: Here, known: Known) -> Alerting:
    try:
        return _work_out(typed, here=here, known=known)
    except SafekeepError:
        return Alerting(None, [p for p in typed.as_ids("staff_ids") if p in known.staff])


def _work_out(typed: Form, *, here: Here, known: Known) -> Alerting:
    if typed.one("pupil_id") == HOLDING:
        typed.add("groups", permissions.SAFEGUARDING_TEAM)  # incidents sends it to them in any case: show it
    codes = typed.many("category_codes")
    return alerting.work_out(typed, here=here, known=known, pupil_ids=_pupil_ids(typed, here), category_codes=codes)


def _pupil_id(typed: Form, here: Here) -> UUID | None:
    return uuid5(here.place.id, "holding") if typed.one("pupil_id") == HOLDING else typed.as_id("pupil_id")


def _pupil_ids(typed: Form, here: Here) -> list[UUID]:
    pupil = _pupil_id(typed, here)
    return [*([pupil] if pupil else []), *typed.as_ids("linked_ids")]


def _is_recorded(here: Here, incident_id: UUID) -> bool:
    """Whether there is one that this person may read; nothing of it is opened by asking."""
    try:
        found = rpc.ask(rpc.build(Summaries, entry_ids=[incident_id]), token=here.token).items
    except (Unavailable, StorageError):
        return False
    return any(entry.incident_id == incident_id for entry in found)
