"""Half-written forms, kept by `files` for their author alone."""

from uuid import UUID

from gateway import problems, rpc
from gateway.forms import Form, plain
from safekeep.contracts.files import Draft, DraftSaved, SaveDraft
from safekeep.errors import Conflict, NotFound, SafekeepError


def save(form: Form, *, draft_id: UUID, token: str, incident_id: UUID | None = None, kind: str = "") -> DraftSaved:
    """Keep a form as a draft: of an incident, or (with `incident_id`) of an action below one, or another `form`.

    Raises Conflict("draft_ended"), Unavailable, and Invalid where it is longer than a draft may be.
    """
    kind = kind or ("incident" if incident_id is None else "action")
    request = rpc.build(SaveDraft, draft_id=draft_id, kind=kind, incident_id=incident_id, fields=plain(form.fields))
    return rpc.ask(request, token=token)


def saved(form: Form, *, draft_id: UUID, token: str, incident_id: UUID | None = None, kind: str = "") -> bool:
    """Try to keep a form as a draft, and say whether it is kept."""
    try:
        save(form, draft_id=draft_id, token=token, incident_id=incident_id, kind=kind)
    except SafekeepError:
        return False
    return True


def why_not(error: Conflict) -> str:
    """Return what to say above a form that could not be sent, or not be kept: of a draft that has ended also that its words are only there now."""
    said = str(problems.problem_of(error).detail)
    return f"{said} {problems.sentence('form', 'kept_on_page')}" if error.reason == "draft_ended" else said


def load(*, draft_id: UUID, token: str) -> Form | None:
    """Return a draft as a form, or None when there is none. Raises Unavailable."""
    try:
        return Form(rpc.ask(rpc.build(Draft, draft_id=draft_id), token=token).fields)
    except NotFound:
        return None
