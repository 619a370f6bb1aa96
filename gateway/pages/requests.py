"""Requests for information: the log, by when each is due and why, who asks, and the answer that nothing is held."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request, url_for

from gateway import console, request_words, rpc, schools, session
from gateway.forms import Form
from gateway.pages import recording
from gateway.session import Here
from safekeep import clock
from safekeep.contracts.incidents import Pupil, PupilAnswer
from safekeep.contracts.reports import (
    CheckIdentity,
    CloseRequest,
    EnterRequest,
    InformationRequestAnswer,
    InformationRequestDetail,
    InformationRequestItem,
    InformationRequests,
    NothingHeld,
    RequestLetter,
    TakeMoreTime,
)
from safekeep.errors import NotFound
from safekeep.ids import new_id

pages = Blueprint("requests", __name__)


@pages.get("/s/<slug>/reports/requests")
def log(slug: str) -> Any:
    """List requests: those that are open, due soonest first, then the others."""
    here = session.lead()
    items = rpc.ask(InformationRequests(), token=here.token, seconds=10.0).items
    return render_template(
        "requests/log.html",
        waiting=[item for item in items if item.state == "open"],
        closed=[item for item in items if item.state != "open"],
        due=lambda item: _due(here, item),
        request_words=request_words,
        known=schools.known(here),
    )


@pages.route("/s/<slug>/reports/requests/new", methods=["GET", "POST"])
def enter(slug: str) -> Any:
    """Enter a request: who asks, for what, since when; for a child's record the child is found as elsewhere."""
    here = session.lead()
    today = schools.known(here).local(clock.now()).date().isoformat()
    form = Form.sent(request.form) if request.method == "POST" else Form({"received_on": [today], "whose_id": [request.args.get("pupil", "")]})
    found = _pupils(form, here)
    if request.method == "POST" and request.form.get("do") != "find_pupil":
        made = form.as_id("new_id") or new_id()
        if _enter(form, id=made):
            return redirect(url_for("requests.detail", slug=slug, information_request_id=made, said="entered"), 303)
    form.put("new_id", form.one("new_id") or str(new_id()))
    looks = request.form.get("do") == "find_pupil"
    shown = render_template("requests/enter.html", form=form, found=found, request_words=request_words, label=recording.label)
    return shown, 200 if looks else console.status(form)


@pages.get("/s/<slug>/reports/requests/<uuid:information_request_id>")
def detail(slug: str, information_request_id: UUID) -> Any:
    """Show a request: by when, why, what the law says to think of, what was done, and what can be done now."""
    here = session.lead()
    return page(here, information_request_id, Form({}), said=request.args.get("said", ""))


@pages.post("/s/<slug>/reports/requests/<uuid:information_request_id>/identity")
def identity(slug: str, information_request_id: UUID) -> Any:
    """Say how and when it was made sure who asks."""
    here, form = session.lead(), Form.sent(request.form)
    on = form.as_day("identity_on")
    if on is None:
        form.refuse("identity_on", "missing")
    else:
        names = {"how": "identity_how", "on": "identity_on"}
        given: dict[str, Any] = {"information_request_id": information_request_id, "how": form.one("identity_how"), "on": on}
        if console.send(form, CheckIdentity, names, **given):
            return redirect(url_for("requests.detail", slug=slug, information_request_id=information_request_id, said="identity"), 303)
    return page(here, information_request_id, form), console.status(form)


@pages.post("/s/<slug>/reports/requests/<uuid:information_request_id>/time")
def time(slug: str, information_request_id: UUID) -> Any:
    """Take two further months, and keep why."""
    here, form = session.lead(), Form.sent(request.form)
    given: dict[str, Any] = {"information_request_id": information_request_id, "reason": form.one("more_reason")}
    if console.send(form, TakeMoreTime, {"reason": "more_reason"}, **given):
        return redirect(url_for("requests.detail", slug=slug, information_request_id=information_request_id, said="time"), 303)
    return page(here, information_request_id, form), console.status(form)


@pages.post("/s/<slug>/reports/requests/<uuid:information_request_id>/close")
def close(slug: str, information_request_id: UUID) -> Any:
    """Say that it was answered or refused, or that it is open again."""
    here, form = session.lead(), Form.sent(request.form)
    given: dict[str, Any] = {"information_request_id": information_request_id, "state": form.one("state"), "reason": form.one("close_reason")}
    if console.send(form, CloseRequest, {"reason": "close_reason"}, **given):
        return redirect(url_for("requests.detail", slug=slug, information_request_id=information_request_id, said="state"), 303)
    return page(here, information_request_id, form), console.status(form)


@pages.route("/s/<slug>/reports/requests/<uuid:information_request_id>/nothing", methods=["GET", "POST"])
def nothing(slug: str, information_request_id: UUID) -> Any:
    """Answer that nothing is held, after asking whether that is sure."""
    here = session.lead()
    console.prove_first()
    form = Form.sent(request.form)
    if request.method == "POST":
        given: dict[str, Any] = {"information_request_id": information_request_id, "school_name": here.place.name}
        if console.send(form, NothingHeld, **given):
            return redirect(url_for("requests.detail", slug=slug, information_request_id=information_request_id, said="nothing"), 303)
    found = _found(here, information_request_id)
    pupil = _pupil(here, found.item.pupil_id)
    shown = render_template("requests/nothing.html", form=form, found=found, item=found.item, pupil=pupil, request_words=request_words)
    return shown, console.status(form)


@pages.get("/s/<slug>/reports/requests/<uuid:information_request_id>/letter.pdf")
def letter(slug: str, information_request_id: UUID) -> Any:
    """Send the letter that says nothing is held."""
    wanted = rpc.build(RequestLetter, information_request_id=information_request_id)
    made = rpc.ask(wanted, token=session.lead().token, seconds=20.0)
    response = Response(made.data, mimetype=made.media_type)
    response.headers["Content-Disposition"] = 'attachment; filename="letter.pdf"'
    return response


def _found(here: Here, information_request_id: UUID) -> InformationRequestAnswer:
    return rpc.ask(rpc.build(InformationRequestDetail, information_request_id=information_request_id), token=here.token, seconds=10.0)


def page(here: Here, information_request_id: UUID, form: Form, *, said: str = "") -> str:
    """Return the page of a request."""
    found, known = _found(here, information_request_id), schools.known(here)
    if "identity_on" not in form.fields:
        form.put("identity_on", known.local(clock.now()).date().isoformat())
    return render_template(
        "requests/request.html",
        form=form,
        found=found,
        item=found.item,
        pupil=_pupil(here, found.item.pupil_id),
        due=_due(here, found.item),
        more_time=found.tell_of_more_by is not None and found.tell_of_more_by >= known.local(clock.now()).date(),
        said=said,
        request_words=request_words,
        known=known,
    )


def _pupil(here: Here, pupil_id: UUID | None) -> PupilAnswer | None:
    if pupil_id is None:
        return None
    try:
        return rpc.ask(Pupil(pupil_id=pupil_id), token=here.token)
    except NotFound:
        return None


def _due(here: Here, item: InformationRequestItem) -> str:
    """Return how near its day is: open, due (today), overdue; "" where it has none."""
    if item.due_on is None or item.state != "open":
        return ""
    today = schools.known(here).local(clock.now()).date()
    return "overdue" if item.due_on < today else "due" if item.due_on == today else "open"


def _pupils(form: Form, here: Here) -> list[Any]:
    """Return the pupils to choose from: those found, and whoever is chosen already."""
    found: list[Any] = []
    if request.form.get("do") == "find_pupil" or (form.one("pupil_q").strip() and not form.one("whose_id")):
        found = [pupil for pupil in recording.find(form, "pupil_q", here) if not pupil.holding]
        if not found:
            form.refuse("pupil_q", "nobody_found")
    chosen = _pupil(here, form.as_id("whose_id"))
    if chosen is not None and chosen.pupil.id not in {pupil.id for pupil in found}:
        found = [chosen.pupil, *found]
    return found


def _enter(form: Form, *, id: UUID) -> bool:
    received_on, given_on = form.as_day("received_on"), form.as_day("given_on")
    if received_on is None:
        form.refuse("received_on", "missing")
    if not form.one("request_kind"):
        form.refuse("request_kind", "choose_one")
    if not form.one("asker").strip():
        form.refuse("asker", "missing")
    if form.problems:
        return False
    given: dict[str, Any] = {
        "id": id,
        "kind": form.one("request_kind"),
        "asker": form.one("asker"),
        "pupil_id": form.as_id("whose_id"),
        "scope": form.one("scope"),
        "received_on": received_on,
        "identity_asked": form.has("identity_asked", "yes"),
        "given_on": given_on,
    }
    return console.send(form, EnterRequest, {"kind": "request_kind", "pupil_id": "whose_id"}, **given) is not None
