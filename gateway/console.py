"""What the console's pages share: which school is looked after, asking again for the second factor, and losing no form by it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from flask import request

from gateway import problems, rpc, session
from gateway.forms import Form
from safekeep import clock
from safekeep.contracts import Contract, Request
from safekeep.contracts.alerts import LARGEST_CALENDAR
from safekeep.contracts.identity import TrustSchools
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound, StorageError, Unavailable
from safekeep.permissions import FRESH

Answered = TypeVar("Answered", bound=Contract)
ROOM = timedelta(minutes=7)
"""A form is shown with at least this long before the second factor is asked for again."""


@dataclass(frozen=True, slots=True)
class Site:
    """The school that is looked after: the one in the address. `id` and `school` are None for its own DSLs: their token says it."""

    id: UUID | None
    school: str | None
    name: str


def site(school: str | None) -> Site:
    """Return the school the page is about: the place itself, or (for trust IT) one of the trust's. Raises NotFound("school"), NotAllowed("role")."""
    here = session.here()
    if not here.may_call("identity.members"):
        raise NotAllowed("role")
    if school is None:
        return Site(None, None, here.place.name)
    found = next((s for s in rpc.ask(TrustSchools(), token=here.token).items if s.slug == school), None)
    if found is None:
        raise NotFound("school")
    return Site(found.id, school, found.name)


def prove_first() -> None:
    """Before a form is shown, have the second factor used again where it would soon be asked for: nothing typed is lost by it."""
    at = session.here().answer.second_factor_at
    if request.method == "GET" and at is not None and clock.now() - at > FRESH - ROOM:
        raise NotAllowed("step_up")


def attempt(form: Form, wanted: Request[Answered], *, fields: dict[str, str] | None = None, seconds: float = 10.0) -> Answered | None:
    """Ask, and return the answer; or None, with what was refused beside its field or above the form. `fields`: ours by theirs."""
    try:
        return rpc.ask(wanted, token=session.here().token, seconds=seconds)
    except Invalid as error:
        refuse(form, error, fields=fields)
    except NotAllowed as error:
        if error.reason == "role":
            raise
        form.notice = problems.AGAIN if error.reason == "step_up" else problems.problem_of(error)
    except (Conflict, Unavailable, StorageError) as error:
        form.notice = problems.problem_of(error)
    return None


def send(form: Form, contract: type[Request[Answered]], fields: dict[str, str] | None = None, **given: Any) -> Answered | None:
    """Build a request and ask it, as `attempt` does; what cannot be built is refused beside its field too."""
    try:
        wanted = rpc.build(contract, **given)
    except Invalid as error:
        refuse(form, error, fields=fields)
        return None
    return attempt(form, wanted, fields=fields)


def send_in_answer(form: Form, contract: type[Request[Answered]], **given: Any) -> Answered | None:
    """Send what answers a request for a correction. Where that was answered meanwhile, say so, and let it be sent without it."""
    try:
        return send(form, contract, **given, request_id=form.one("request_id") or None)
    except NotFound as error:
        if error.what != "request":
            raise
        form.put("request_id", "")
        form.notice = problems.ANSWERED
        return None


def refuse(form: Form, error: Invalid, *, fields: dict[str, str] | None = None) -> None:
    """Put what was refused beside the form's own fields."""
    for path, code in error.problems.items():
        name = next((part for part in reversed(path.split(".")) if not part.isdigit()), path)
        form.refuse((fields or {}).get(path, (fields or {}).get(name, name)), code)


def status(form: Form) -> int:
    """Return the status of a page that shows the form again."""
    if form.problems:
        return 422
    return form.notice.status if form.notice else 200


def sent_calendar(form: Form) -> bytes:
    """Return the iCalendar file that was sent; noted beside the field when there is none, or too much of it."""
    sent = request.files.get("file")
    content = sent.read(LARGEST_CALENDAR + 1) if sent else b""
    if not content:
        form.refuse("file", "missing")
    elif len(content) > LARGEST_CALENDAR:
        form.refuse("file", "too_large")
    return content
