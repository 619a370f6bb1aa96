"""Home: the inbox for those who read by role; Add incident and their own entries for everybody else."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import rpc, schools, session, unread
from gateway.pages import following
from gateway.session import Here
from safekeep.contracts.incidents import FollowUpItem, MarkReleaseRead, MyEntries, ReleaseItem, Releases
from safekeep.contracts.reports import PublishedAnswer, PublishedReports
from safekeep.errors import SafekeepError

pages = Blueprint("home", __name__)


@pages.get("/s/<slug>/")
def home(slug: str) -> Any:
    """Show what this person comes for."""
    here = session.here()
    if not here.may_record:
        kept = unread.inbox(here, state="all", limit=100).items if here.roles else []  # of the chair: what is kept to them
        found = published(here)
        return render_template("home/governor.html", known=schools.known(here), kept=kept, published=found.items, of_trust=found.of_trust)
    if here.has_inbox:
        return redirect(url_for("inbox.inbox", slug=slug), 303)
    cursor = request.args.get("cursor")
    mine = rpc.ask(rpc.build(MyEntries, cursor=cursor), token=here.token)
    waiting = unread.inbox(here, state="unread", limit=5)
    return render_template("home/home.html", known=schools.known(here), mine=mine, waiting=waiting, releases=releases(here), asked=asked(here))


@pages.post("/s/<slug>/releases/<uuid:release_id>/read")
def mark_release_read(slug: str, release_id: UUID) -> Any:
    """Mark a DSL's line to this person as read."""
    rpc.ask(rpc.build(MarkReleaseRead, release_id=release_id), token=session.here().token)
    return redirect(url_for("home.home", slug=slug), 303)


def asked(here: Here) -> list[FollowUpItem]:
    """Return what is asked of this person, what is due first; a page without it is better than none."""
    try:
        return following.ask(here, "mine", limit=5, seconds=1.5).items
    except SafekeepError:
        return []


def published(here: Here) -> PublishedAnswer:
    """Return the reports that were published to governors; a page without them is better than none."""
    if not here.may_call(PublishedReports.method):
        return PublishedAnswer(items=[])
    try:
        return rpc.ask(PublishedReports(), token=here.token, seconds=3.0)
    except SafekeepError:
        return PublishedAnswer(items=[])


def releases(here: Here) -> list[ReleaseItem]:
    """Return DSLs' lines to this person; a page without them is better than none."""
    try:
        return rpc.ask(Releases(), token=here.token, seconds=1.5).items
    except SafekeepError:
        return []
