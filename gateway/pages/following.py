"""Follow-ups: what is asked of this person, what they asked of others, and for DSLs what is late."""

from typing import Any

from flask import Blueprint, render_template, request

from gateway import rpc, schools, session
from gateway.session import Here
from safekeep.contracts.incidents import FollowUps, FollowUpsAnswer

pages = Blueprint("following", __name__)

VIEWS = ("mine", "asked", "late", "all", "done")
FOR_LEADS = frozenset({"late", "all"})


@pages.get("/s/<slug>/follow-ups")
def follow_ups(slug: str) -> Any:
    """List one view of them; the others are a press away."""
    here = session.here()
    offered = [view for view in VIEWS if here.is_lead or view not in FOR_LEADS]
    view = request.args.get("view", "mine")
    view = view if view in offered else "mine"
    found = ask(here, view, cursor=request.args.get("cursor"))
    return render_template("following/follow_ups.html", known=schools.known(here), found=found, view=view, offered=offered)


def ask(here: Here, view: str, *, cursor: str | None = None, limit: int = 25, seconds: float = 5.0) -> FollowUpsAnswer:
    """Return a page of what is asked."""
    return rpc.ask(rpc.build(FollowUps, view=view, cursor=cursor, limit=limit), token=here.token, seconds=seconds)
