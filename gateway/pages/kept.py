"""A form that is being written, or was sent while the session was locked, had ended, or had to be proved again: kept for its author alone."""

from typing import Any
from uuid import UUID, uuid5

from flask import Blueprint, jsonify, redirect, render_template, request, url_for

from gateway import drafts, rpc, session
from gateway.forms import Form
from gateway.session import Here
from safekeep import clock
from safekeep.contracts.files import DiscardDraft
from safekeep.errors import Invalid, NotAllowed, SafekeepError
from safekeep.ids import new_id

pages = Blueprint("kept", __name__)

ADDRESS, KEPT = "_address", "kept_id"
"""Fields of our own: where the form was to go, and (when it is sent after all) which kept one it is."""
TYPED = "_typed"
"""A field of our own: it was only typed, never sent; its page shows it again."""


@pages.get("/s/<slug>/kept/<uuid:draft_id>")
def show(slug: str, draft_id: UUID) -> Any:
    """Show what was written, with a button that sends it."""
    here = session.here()
    form = drafts.load(draft_id=draft_id, token=here.token)
    address = form.one(ADDRESS) if form else ""
    if form is None or not address.startswith(f"/s/{slug}/"):
        return redirect(url_for("drafts.drafts", slug=slug), 303)
    if TYPED in form.fields:
        return redirect(address, 303)
    fields = [(name, value) for name, values in form.fields.items() if name != ADDRESS for value in values]
    return render_template("drafts/kept.html", fields=fields, address=address, draft_id=draft_id)


@pages.post("/s/<slug>/kept/<uuid:draft_id>/draft")
def autosave(slug: str, draft_id: UUID) -> Any:
    """Keep a form as it is, for its author alone. Also for a session that has ended."""
    here, form = session.here(), Form.sent(request.form)
    if not here.held and not here.may_record:
        raise NotAllowed("role")
    if not form.one(ADDRESS).startswith(f"/s/{slug}/"):
        raise Invalid({"form": "missing"})
    return jsonify(saved_at=clock.stamp(_keep(form, draft_id=draft_id, here=here).saved_at), ended=here.held)


def begun(thing_id: UUID) -> tuple[UUID, Form | None]:
    """Return under which id this page keeps what is typed for one thing, for this person; and, when the page is opened, what was typed before."""
    here = session.here()
    draft_id = uuid5(thing_id, f"{request.endpoint} {here.answer.person_id}")
    try:
        return draft_id, drafts.load(draft_id=draft_id, token=here.token) if request.method == "GET" and here.may_record else None
    except SafekeepError:
        return draft_id, None


def for_later(form: Form, *, draft_id: UUID) -> Any:
    """Keep a form because its author says so, and show their drafts. Raises Conflict, Unavailable."""
    here = session.here()
    form.put(ADDRESS, request.path)
    _keep(form, draft_id=draft_id, here=here)
    return redirect(url_for("drafts.drafts", slug=here.slug, saved=1), 303)


def over(draft_id: UUID) -> None:
    """Forget what was typed: it was sent."""
    here = session.here()
    if not here.may_record:
        return
    try:
        rpc.ask(rpc.build(DiscardDraft, draft_id=draft_id), token=here.token, seconds=2.0)
    except SafekeepError:
        return  # it stays among the drafts, for its author to throw away


def _keep(form: Form, *, draft_id: UUID, here: Here) -> Any:
    form.put(TYPED, "yes")
    return drafts.save(form, draft_id=draft_id, token=here.token, kind="form")


def keep(here: Here) -> str:
    """Keep the form that is being sent; return the page that shows it again, or "" when it could not be kept."""
    form, draft_id = Form({name: request.form.getlist(name) for name in request.form if name not in {"csrf_token", KEPT}}), new_id()
    if not any(form.fields.values()):
        return ""
    form.put(ADDRESS, request.path)
    kept = drafts.saved(form, draft_id=draft_id, token=here.token, kind="form")
    return url_for("kept.show", slug=here.slug, draft_id=draft_id) if kept else ""


def done() -> None:
    """Forget a kept form that was sent after all. What was not read of a form, or could not be, is not read here either: it would be refused again."""
    here: Here | None = session.entered()
    sent = request.__dict__.get("form", {})
    draft_id = Form.sent(sent).as_id(KEPT) if KEPT in sent else None
    if here is None or draft_id is None:
        return
    try:
        rpc.ask(rpc.build(DiscardDraft, draft_id=draft_id), token=here.token, seconds=2.0)
    except SafekeepError:
        return  # it stays among the drafts, for its author to throw away
