"""Meetings of governors: when they are, and the report to each, which a DSL reads, adds to and approves.

A trust's own are kept on the same pages below the trust's address, by its safeguarding lead.
"""

import re
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import console, rpc, schools, session, words
from gateway.forms import Form
from gateway.pages import governors
from gateway.session import Here
from safekeep import charts, clock, permissions
from safekeep.contracts.identity import TrustSchools
from safekeep.contracts.reports import (
    ApproveReport,
    CancelMeeting,
    CycleItem,
    DraftAnswer,
    FollowCalendar,
    KeepCycle,
    KeepMeeting,
    KeepWords,
    MakeDraft,
    MeetingItem,
    Meetings,
    MeetingsAnswer,
    ReadMeetings,
    ReportDraft,
)
from safekeep.errors import Invalid, NotAllowed, NotFound
from safekeep.ids import new_id

pages = Blueprint("meetings", __name__)
trust_pages = Blueprint("trust_meetings", __name__)
at = governors.at_both(pages, trust_pages)

LONGEST_WORDS = 20_000


def planner() -> Here:
    """Return who is signed in for this request, somebody who keeps the meetings of the place. Raises NotSignedIn, NotAllowed("role")."""
    here = session.here()
    if not here.may_call("reports.meetings"):
        raise NotAllowed("role")
    return here


@at("/meetings", "GET")
def meetings(slug: str) -> Any:
    """List the meetings to come and those that were, each with its report."""
    here = planner()
    return _page(here, Form({"on_day": [""], "minute": ["18:00"], "name": [""], "new_id": [str(new_id())]}), said=request.args.get("said", ""))


@at("/meetings/add", "POST")
def add(slug: str) -> Any:
    """Add a meeting that no rule gives."""
    here, form = planner(), Form.sent(request.form)
    meeting_id = form.as_id("new_id") or new_id()
    if _keep(form, meeting_id):
        return redirect(url_for(".meetings", slug=slug, said="saved"), 303)
    return _page(here, form), console.status(form)


@at("/meetings/<uuid:meeting_id>", "GET", "POST")
def meeting(slug: str, meeting_id: UUID) -> Any:
    """Move a meeting: everything before it moves with it."""
    here = planner()
    found = _meeting(_found(here), meeting_id)
    if request.method == "POST":
        form = Form.sent(request.form)
        if _keep(form, meeting_id):
            return redirect(url_for(".meetings", slug=slug, said="saved"), 303)
    else:
        form = Form({"on_day": [found.on_day.isoformat()], "minute": [_clock(found.minute)], "name": [found.name]})
    return render_template("meetings/meeting.html", form=form, item=found, day=lambda moment: _day(here, moment)), console.status(form)


@at("/meetings/<uuid:meeting_id>/cancel", "POST")
def cancel(slug: str, meeting_id: UUID) -> Any:
    """Say that a meeting does not take place."""
    here, form = planner(), Form({})
    if console.send(form, CancelMeeting, meeting_id=meeting_id):
        return redirect(url_for(".meetings", slug=slug, said="cancelled"), 303)
    return _page(here, form), console.status(form)


@at("/meetings/<uuid:meeting_id>/draft", "POST")
def draft(slug: str, meeting_id: UUID) -> Any:
    """Make the draft now, or count again what it says."""
    here, form = planner(), Form({})
    if made := console.send(form, MakeDraft, meeting_id=meeting_id):
        return redirect(url_for(".report", slug=slug, report_id=made.report_id, said="made"), 303)
    return _page(here, form), console.status(form)


@at("/meetings/file", "POST")
def file(slug: str) -> Any:
    """Plan the meetings of governors that an iCalendar file names."""
    here, form = planner(), Form({})
    content = console.sent_calendar(form)
    read = console.send(form, ReadMeetings, content=content) if not form.problems else None
    if read is None:
        return _page(here, form), console.status(form)
    return redirect(url_for(".meetings", slug=slug, said="read" if read.found else "nothing"), 303)


@at("/meetings/calendar", "POST")
def calendar(slug: str) -> Any:
    """Subscribe to a calendar that names the meetings, or end that."""
    here, form = planner(), Form.sent(request.form)
    if console.send(form, FollowCalendar, address=form.one("address").strip()[:1_001]):
        return redirect(url_for(".meetings", slug=slug, said="subscribed" if form.one("address").strip() else "saved"), 303)
    return _page(here, form), console.status(form)


def _page(here: Here, form: Form, *, said: str = "") -> str:
    found = _found(here)
    today = clock.now().astimezone(_zone(here)).date()
    if "address" not in form.fields:
        form.put("address", found.address)
    for name in ("on_day", "minute", "name"):
        form.put(name, form.one(name))
    form.put("new_id", form.one("new_id") or str(new_id()))
    return render_template(
        "meetings/meetings.html",
        form=form,
        found=found,
        coming=[item for item in found.items if item.on_day >= today],
        past=[item for item in reversed(found.items) if item.on_day < today],
        said=said,
        clock=_clock,
        day=lambda moment: _day(here, moment),
    )


def _found(here: Here) -> MeetingsAnswer:
    return rpc.ask(Meetings(), token=here.token, seconds=10.0)


def _meeting(found: MeetingsAnswer, meeting_id: UUID) -> MeetingItem:
    item = next((item for item in found.items if item.id == meeting_id), None)
    if item is None:
        raise NotFound("meeting")
    return item


def _keep(form: Form, meeting_id: UUID) -> bool:
    on_day, minute = form.as_day("on_day"), _minute(form)
    if on_day is None:
        form.refuse("on_day", "missing")
    if on_day is None or minute is None:
        return False
    return console.send(form, KeepMeeting, id=meeting_id, on_day=on_day, minute=minute, name=form.one("name")) is not None


def _minute(form: Form) -> int | None:
    typed = form.one("minute").strip()
    found = re.fullmatch(r"([01]?[0-9]|2[0-3])[:.]([0-5][0-9])", typed)
    if found is None:
        form.refuse("minute", "not_a_time" if typed else "missing")
        return None
    return int(found[1]) * 60 + int(found[2])


def _day(here: Here, moment: datetime) -> str:
    return words.long_day(moment.astimezone(_zone(here)).date())


def _zone(here: Here) -> ZoneInfo:
    return schools.FIRST_ZONE if here.place.is_trust else schools.known(here).zone


def _clock(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02}"


# --- the rule ---------------------------------------------------------------------------------------------------------------


@at("/meetings/cycle", "GET", "POST")
def cycle(slug: str) -> Any:
    """When governors meet as a rule, and what is done how long before a meeting."""
    here = planner()
    today = clock.now().astimezone(_zone(here)).date()
    form = Form.sent(request.form) if request.method == "POST" else _form_of(_found(here).cycle, today=today.isoformat())
    if request.method == "POST":
        wanted = _wanted(form)
        if not form.problems and console.send(form, KeepCycle, cycle=wanted):
            return redirect(url_for(".meetings", slug=slug, said="saved"), 303)
    staff = () if here.place.is_trust else schools.known(here).staff.values()
    chairs = [(str(p.person_id), p.name) for p in staff if p.active and permissions.Role.GOVERNOR in p.roles]
    return render_template("meetings/cycle.html", form=form, governors=chairs, weekdays=words.weekdays()), console.status(form)


NUMBERS = {"every": 12, "week": 4, "weekday": 6, "draft_days": 60, "remind_days": 59, "chair_days": 58, "threshold": 10}
LEAST = {"week": -1, "draft_days": 1, "remind_days": 1, "threshold": 3}


def _form_of(found: CycleItem | None, *, today: str) -> Form:
    if found is None:
        first = CycleItem(starts_on=today, name="Governors")  # type: ignore[arg-type]
        return _form_of(first.model_copy(update={"name": ""}), today=today)
    fields = {name: [str(getattr(found, name))] for name in NUMBERS}
    fields |= {"name": [found.name], "starts_on": [found.starts_on.isoformat()], "minute": [_clock(found.minute)]}
    return Form(fields | {"chair_id": [str(found.chair_id or "")]})


def _wanted(form: Form) -> dict[str, Any]:
    wanted: dict[str, Any] = {"name": form.one("name"), "chair_id": form.as_id("chair_id")}
    for name, most in NUMBERS.items():
        typed = form.one(name).strip()
        if not re.fullmatch(r"-?[0-9]{1,4}", typed):
            form.refuse(name, "missing" if not typed else "not_a_number")
        elif int(typed) > most:
            form.refuse(name, "too_large")
        elif int(typed) < LEAST.get(name, 0):
            form.refuse(name, "too_small")
        else:
            wanted[name] = int(typed)
    wanted["starts_on"], minute = form.as_day("starts_on"), _minute(form)
    if wanted["starts_on"] is None:
        form.refuse("starts_on", "missing")
    if minute is not None:
        wanted["minute"] = minute
    return wanted


# --- a report before it is published --------------------------------------------------------------------------------------


@at("/meetings/reports/<uuid:report_id>", "GET", "POST")
def report(slug: str, report_id: UUID) -> Any:
    """Show a draft as governors will see it; add words to it; approve it."""
    here = planner()
    names = _names(here)
    found = _draft(here, report_id, names=names)
    if found.state == "published":
        return redirect(url_for(f"{governors.of(here)}.report", slug=slug, published_id=report_id), 303)
    form = Form.sent(request.form) if request.method == "POST" else Form({f"words-{code}": [said] for code, said in found.words.items()})
    said = request.args.get("said", "")
    if request.method == "POST":
        typed = {code: form.one(f"words-{code}").strip() for code in _codes(found) if form.one(f"words-{code}").strip()}
        for code, text in typed.items():
            if len(text) > LONGEST_WORDS:
                form.refuse(f"words-{code}", "too_long")
        if not form.problems and typed != found.words and found.state == "draft":
            if console.send(form, KeepWords, report_id=report_id, words=typed):
                said = "read_again" if request.form.get("do") == "approve" else "saved"
                return redirect(url_for(".report", slug=slug, report_id=report_id, said=said), 303)
        elif not form.problems and request.form.get("do") == "approve":
            about = {"report_id": report_id, "sha256": form.one("sha256"), "school_name": here.place.name, **names}
            about["names_read"] = form.one("names_read") == "yes"
            if _approve(form, about):
                return redirect(url_for(f"{governors.of(here)}.report", slug=slug, published_id=report_id), 303)
            found = _draft(here, report_id, names=names)
        elif not form.problems:
            return redirect(url_for(".report", slug=slug, report_id=report_id, said="saved"), 303)
    return render_template("meetings/report.html", form=form, found=found, told=found.told, chart=charts.section, said=said), console.status(form)


def _names(here: Here) -> dict[str, Any]:
    """Return what the rows of a report are called here: a school's categories, or a trust's schools."""
    if here.place.is_trust:
        return {"school_names": {school.id: school.name for school in rpc.ask(TrustSchools(), token=here.token).items}}
    return {"category_names": {code: category.name for code, category in schools.known(here).categories.items()}}


def _draft(here: Here, report_id: UUID, *, names: dict[str, Any]) -> DraftAnswer:
    return rpc.ask(rpc.build(ReportDraft, report_id=report_id, **names), token=here.token, seconds=10.0)


def _codes(found: DraftAnswer) -> list[str]:
    return ["opening", *[section["code"] for section in found.told["sections"]]]


def _approve(form: Form, about: dict[str, Any]) -> bool:
    try:
        wanted = rpc.build(ApproveReport, **about)
    except Invalid:  # the hidden field was not ours
        form.put("sha256", "0" * 64)
        wanted = rpc.build(ApproveReport, **about | {"sha256": "0" * 64})
    return console.attempt(form, wanted, seconds=60.0 if session.here().place.is_trust else 20.0) is not None
