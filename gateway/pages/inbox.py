"""The inbox: alerts sent to this person, unread first."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, jsonify, render_template, request

from gateway import acting, rpc, schools, session, unread, watching
from gateway.pages import following
from gateway.pages.home import releases
from gateway.session import Here
from safekeep.contracts.alerts import AlertItem, Calendar
from safekeep.contracts.files import LeftDrafts, Papers
from safekeep.contracts.incidents import AskItem, EntryLine, Led, OpenAsks, OpenCorrectionRequests, Quiet, Summaries, Waiting, WaitingAnswer
from safekeep.errors import NotAllowed, SafekeepError

pages = Blueprint("inbox", __name__)

VIEWS = ("mine", "quiet", "due")
FOR_LEADS = frozenset({"quiet"})
CLASS_CHOICES = ("general", "welfare", "safeguarding", "protection")


@pages.get("/s/<slug>/inbox")
def inbox(slug: str) -> Any:
    """List alerts; filters narrow them; for DSLs also what they are asked, and drafts left for a day."""
    here = session.here()
    view = request.args.get("view", "")
    if view in VIEWS and (here.is_lead or view not in FOR_LEADS):
        return _view(here, view)
    state = request.args.get("state", "all")
    class_code = request.args.get("class", "")
    state = state if state in {"all", "unread", "read"} else "all"
    class_code = class_code if class_code in CLASS_CHOICES else ""
    answer = unread.inbox(here, state=state, class_code=class_code or None, cursor=request.args.get("cursor"))
    return render_template(
        "inbox/inbox.html",
        view="unread" if state == "unread" and not class_code else "",
        known=schools.known(here),
        inbox=answer,
        lines=_lines(here, answer.items),
        state=state,
        class_code=class_code,
        classes=CLASS_CHOICES,
        asks=_asks(here),
        releases=releases(here),
        left=_left(here),
        papers=_papers(here),
        waiting=_waiting(here),
        corrections=_corrections(here),
    )


def _view(here: Here, view: str) -> Any:
    """List what is not an alert: what is asked of this person, what nobody has added to, what is due."""
    known, cursor = schools.known(here), request.args.get("cursor")
    page: dict[str, Any] = {"known": known, "view": view}
    if view == "quiet":
        found = rpc.ask(rpc.build(Quiet, before=_quiet_before(here), cursor=cursor), token=here.token)
        return render_template("inbox/quiet.html", **page, found=found)
    if view == "mine" and here.is_lead:
        page["led"] = rpc.ask(rpc.build(Led, cursor=request.args.get("led")), token=here.token)
    asked = following.ask(here, "mine", cursor=cursor)
    rows = asked.items if view == "mine" else acting.due_now(asked.items)
    if view == "due" and here.is_lead:
        late = following.ask(here, "late", limit=100).items
        rows += [item for item in late if item.id not in {row.id for row in rows}]
    return render_template("inbox/asked.html", **page, rows=rows, next=asked.next if view == "mine" else None)


@pages.get("/s/<slug>/inbox/now")
def now(slug: str) -> Any:
    """Say how many alerts are unread, and whether they are others than before: what an open inbox asks again and again. It touches no service."""
    here = session.here()
    if not here.may_call("alerts.inbox"):
        raise NotAllowed("role")
    found = watching.inbox(school_id=here.place.id, person_id=here.answer.person_id, token=here.token)
    return jsonify(unread=found.unread, mark=found.mark) if found else jsonify(unread=None, mark=None)


def _quiet_before(here: Here) -> datetime | None:
    """Return since when nothing was added for three school days, by the school's calendar; None where that cannot be told just now."""
    try:
        return rpc.ask(Calendar(), token=here.token, seconds=1.5).quiet_before
    except SafekeepError:
        return None


def _lines(here: Here, alerts: list[AlertItem]) -> dict[UUID, EntryLine]:
    """Return what the entries are about; an inbox without pupils' names is better than none."""
    if not alerts:
        return {}
    try:
        found = rpc.ask(rpc.build(Summaries, entry_ids=list({alert.entry_id for alert in alerts})), token=here.token, seconds=1.5)
    except SafekeepError:
        return {}
    return {line.id: line for line in found.items}


def _asks(here: Here) -> list[AskItem]:
    try:
        return rpc.ask(OpenAsks(), token=here.token, seconds=1.5).items if here.is_lead else []
    except SafekeepError:
        return []


def _waiting(here: Here) -> WaitingAnswer | None:
    """Return how many incidents wait for a DSL to say whom they are about, for those who can."""
    try:
        return rpc.ask(Waiting(), token=here.token, seconds=1.5) if here.is_lead else None
    except SafekeepError:
        return None


def _corrections(here: Here) -> int:
    """Return how many requests for a correction nobody has answered, for those who can."""
    try:
        return len(rpc.ask(OpenCorrectionRequests(), token=here.token, seconds=1.5).items) if here.is_lead else 0
    except SafekeepError:
        return 0


def _papers(here: Here) -> int:
    """Return how many paper forms wait to be scanned; 0 where it cannot be had."""
    try:
        return len(rpc.ask(Papers(), token=here.token, seconds=2.0).items) if here.is_lead else 0
    except SafekeepError:
        return 0


def _left(here: Here) -> int:
    try:
        return len(rpc.ask(LeftDrafts(), token=here.token, seconds=1.5).items) if here.is_lead else 0
    except SafekeepError:
        return 0
