"""A form that was sent while the session was locked, had ended, or had to be proved again: kept for its author alone, to be sent after all."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import drafts, rpc, session
from gateway.forms import Form
from gateway.session import Here
from safekeep.contracts.files import DiscardDraft
from safekeep.errors import SafekeepError
from safekeep.ids import new_id

pages = Blueprint("kept", __name__)

ADDRESS, KEPT = "_address", "kept_id"
"""Fields of our own: where the form was to go, and (when it is sent after all) which kept one it is."""


@pages.get("/s/<slug>/kept/<uuid:draft_id>")
def show(slug: str, draft_id: UUID) -> Any:
    """Show what was written, with a button that sends it."""
    here = session.here()
    form = drafts.load(draft_id=draft_id, token=here.token)
    address = form.one(ADDRESS) if form else ""
    if form is None or not address.startswith(f"/s/{slug}/"):
        return redirect(url_for("drafts.drafts", slug=slug), 303)
    fields = [(name, value) for name, values in form.fields.items() if name != ADDRESS for value in values]
    return render_template("drafts/kept.html", fields=fields, address=address, draft_id=draft_id)


def keep(here: Here) -> str:
    """Keep the form that is being sent; return the page that shows it again, or "" when it could not be kept."""
    form, draft_id = Form({name: request.form.getlist(name) for name in request.form if name not in {"csrf_token", KEPT}}), new_id()
    if not any(form.fields.values()):
        return ""
    form.put(ADDRESS, request.path)
    kept = drafts.saved(form, draft_id=draft_id, token=here.token, kind="form")
    return url_for("kept.show", slug=here.slug, draft_id=draft_id) if kept else ""


def done() -> None:
    """Forget a kept form that was sent after all."""
    here: Here | None = session.entered()
    draft_id = Form.sent(request.form).as_id(KEPT) if KEPT in request.form else None
    if here is None or draft_id is None:
        return
    try:
        rpc.ask(rpc.build(DiscardDraft, draft_id=draft_id), token=here.token, seconds=2.0)
    except SafekeepError:
        return  # it stays among the drafts, for its author to throw away
