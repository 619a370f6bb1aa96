"""Drafts: a person's own, to go on with or throw away. DSLs see that others' exist, never their words."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import rpc, schools, session
from safekeep.contracts.files import DiscardDraft, Drafts, LeftDrafts
from safekeep.errors import SafekeepError

pages = Blueprint("drafts", __name__)


@pages.get("/s/<slug>/drafts")
def drafts(slug: str) -> Any:
    """List them."""
    here = session.here()
    mine = rpc.ask(Drafts(), token=here.token).items
    try:
        left = rpc.ask(LeftDrafts(), token=here.token, seconds=2.0).items if here.is_lead else []
    except SafekeepError:
        left = []
    return render_template("drafts/drafts.html", known=schools.known(here), drafts=mine, left=left, saved="saved" in request.args)


@pages.post("/s/<slug>/drafts/<uuid:draft_id>/discard")
def discard(slug: str, draft_id: UUID) -> Any:
    """Throw one away."""
    here = session.here()
    rpc.ask(rpc.build(DiscardDraft, draft_id=draft_id), token=here.token)
    return redirect(url_for("drafts.drafts", slug=slug), 303)
