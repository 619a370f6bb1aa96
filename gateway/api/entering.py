"""How a program enters: a bearer token (a session like the browser's, with the school it was signed in to), and repeated calls."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from flask import request

from gateway import rpc, session
from gateway.api.oauth import MACHINE
from gateway.session import Here
from safekeep.contracts.identity import MachineSession
from safekeep.errors import Invalid, NotAllowed, NotFound, NotSignedIn


@dataclass(frozen=True, slots=True)
class Machine:
    """A program with credentials of its own: what it may do, its services know from its token."""

    token: str


def enter_machine() -> Machine | None:
    """Return the machine that calls, or None when it is no machine. Raises NotSignedIn when its token has ended or was revoked."""
    bearer = _bearer()
    if not bearer.startswith(MACHINE):
        return None
    asked = rpc.build(MachineSession, access_token=bearer.removeprefix(MACHINE)[:200])
    return Machine(rpc.ask(asked, token="").actor_token)


def enter() -> Here:
    """Return who calls, at the school of the token, of the X-School header, or their only one.

    Raises NotSignedIn, NotFound("school"), Invalid({"school": "missing"}) when it has to be said which; NotAllowed("scope") for a machine.
    """
    if enter_machine() is not None:
        raise NotAllowed("scope")
    bearer = _bearer()
    token, _, slug = bearer.partition(".")
    wanted = request.headers.get("X-School", "") or slug
    if not wanted:
        places = session.enter(session_token=token, slug=None).answer.places
        if len(places) != 1:
            raise Invalid({"school": "missing"})
        wanted = places[0].slug
    here = session.enter(session_token=token, slug=wanted)
    if here.place.is_trust:
        raise NotFound("school")
    return here


def _bearer() -> str:
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not bearer.strip():
        raise NotSignedIn("missing")
    return bearer.strip()


def body() -> dict[str, Any]:
    """Return the JSON object that was sent. Raises Invalid({"body": "not_json"})."""
    try:
        sent = json.loads(request.get_data(cache=False) or b"null")
    except (ValueError, RecursionError):
        raise Invalid({"body": "not_json"}) from None
    if not isinstance(sent, dict):
        raise Invalid({"body": "not_json"})
    return sent


def id_for(here: Here, sent: dict[str, Any]) -> Any:
    """Return the id of what is to be made: the one in the body, or one that follows from the Idempotency-Key.

    The same key from the same person at the same school gives the same id, so that the owning service knows the call
    again: it answers the same, or 409 when the content is another.
    """
    if "id" in sent:
        return sent["id"]
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > 200:
        raise Invalid({"Idempotency-Key": "too_long"})
    if not key:
        from safekeep.ids import new_id

        return new_id()
    return uuid5(here.answer.person_id, f"{here.place.id} {request.path} {key}")


def id_in(value: str, what: str) -> UUID:
    """Return an id from an address. Raises NotFound: what is no id names nothing."""
    try:
        return UUID(value)
    except ValueError:
        raise NotFound(what) from None
