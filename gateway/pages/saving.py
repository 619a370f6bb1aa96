"""What was sent and not answered in time: honest about it, and resolved by itself: recorded, or certainly not."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import drafts, rpc, schools, session
from gateway.forms import Form
from gateway.session import Here
from safekeep import clock
from safekeep.contracts.incidents import Outcome
from safekeep.errors import Conflict, SafekeepError, StorageError, Unavailable

pages = Blueprint("saving", __name__)

ANSWER_SECONDS = 10.0
"""How long recording may take; after that the service refuses it."""
_MARGIN = timedelta(seconds=2)
"""From here to the moment the call is sent is a little."""


def until() -> datetime:
    """Return a moment after the deadline of what is sent now. Once the service says that it has passed, what became of it is certain."""
    return clock.now() + timedelta(seconds=ANSWER_SECONDS) + _MARGIN


def resolve(error: Unavailable, *, typed: Form, here: Here, entry_id: UUID, certain_at: datetime, incident_id: UUID | None = None) -> Any:
    """Keep the words as a draft and go to the page that finds out what became of it.

    Raises the error again where it is certain already, or the words cannot be kept: then the page they are on must stay.
    """
    if error.outcome != "unknown":
        raise error
    try:
        drafts.save(typed, draft_id=entry_id, incident_id=incident_id, token=here.token)
    except Conflict:
        pass  # the draft has ended: it is recorded, which the page will find
    except SafekeepError:
        raise error from None
    wanted: dict[str, Any] = {"slug": here.slug, "entry_id": entry_id, "under": incident_id, "until": int(certain_at.timestamp()) + 1}
    return redirect(url_for("saving.saving", **wanted), 303)


@pages.get("/s/<slug>/saving/<uuid:entry_id>")
def saving(slug: str, entry_id: UUID) -> Any:
    """Say that it is still being saved, until it is known; the page asks again by itself."""
    here = session.here()
    certain_at = _certain_at()
    try:
        found = rpc.ask(rpc.build(Outcome, entry_id=entry_id, deadline=certain_at), token=here.token, seconds=4.0)
    except (Unavailable, StorageError):
        return _page(here, entry_id, state="unknown" if clock.now() >= certain_at else "saving")
    if found.incident_id is None:  # by the clock of whoever would still carry it out, which may be behind ours
        return _page(here, entry_id, state="not_recorded" if found.passed else "saving")
    if found.incident_id == entry_id:
        return redirect(url_for("incidents.recorded", slug=slug, incident_id=entry_id), 303)
    return redirect(url_for("incidents.incident", slug=slug, incident_id=found.incident_id, _anchor=f"entry-{entry_id}"), 303)


def _page(here: Here, entry_id: UUID, *, state: str) -> str:
    try:
        draft = url_for("actions.form", slug=here.slug, incident_id=UUID(request.args.get("under", "")), action_id=entry_id)
    except ValueError:
        draft = url_for("recording.form", slug=here.slug, incident_id=entry_id)
    return render_template("saving/saving.html", known=schools.known(here), state=state, draft=draft, again=request.full_path)


def _certain_at() -> datetime:
    """Return when it is certain, as the page was told; never further away than a recording may take."""
    try:
        return min(until(), datetime.fromtimestamp(int(request.args.get("until", "")), UTC))
    except (ValueError, OverflowError, OSError):
        return until()
