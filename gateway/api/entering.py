"""How a program enters: a bearer token (a session like the browser's, with the school it was signed in to), and repeated calls."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from gateway import rpc, session
from gateway.api.oauth import MACHINE
from gateway.session import Here
from safekeep.contracts.identity import MachineSession
from safekeep.errors import Invalid, NotAllowed, NotFound, NotSignedIn
from safekeep.ids import new_id


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


def enter(*, at_trust: bool = False) -> Here:
    """Return who calls, at the school of the token, of the X-School header, or their only one; with `at_trust` at their trust.

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
    if here.place.is_trust != at_trust:
        raise NotFound("school")
    return here


def _bearer() -> str:
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not bearer.strip():
        raise NotSignedIn("missing")
    return bearer.strip()


def takes_only(media_type: str) -> None:
    """Let a body of this media type come, or none at all. Raises UnsupportedMediaType."""
    comes = bool(request.content_length) or "Transfer-Encoding" in request.headers
    if comes and request.mimetype != media_type:
        raise UnsupportedMediaType


def body() -> dict[str, Any]:
    """Return the JSON object that was sent. Raises Invalid({"body": "not_json"})."""
    try:
        sent = json.loads(request.get_data() or b"null")
    except (ValueError, RecursionError):
        raise Invalid({"body": "not_json"}) from None
    if not isinstance(sent, dict):
        raise Invalid({"body": "not_json"})
    return sent


def once(content: str | None = None) -> dict[str, str] | None:
    """Return what the owning service keeps of the Idempotency-Key, or None without one. `content`: of a call that has no body.

    Raises Invalid({"Idempotency-Key": "too_long"}).
    """
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > 200:
        raise Invalid({"Idempotency-Key": "too_long"})
    if not key:
        return None
    said = content if content is not None else json.dumps(body(), sort_keys=True)
    return {"key": f"{request.path} {key}", "content": hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()}


def with_id(sent: dict[str, Any]) -> dict[str, Any]:
    """Return a body with the id of what is to be made: its own, or a new one (an Idempotency-Key's is put in by the owning service)."""
    return sent if sent.get("id") is not None else sent | {"id": new_id()}


def id_in(value: str, what: str) -> UUID:
    """Return an id from an address. Raises NotFound: what is no id names nothing."""
    try:
        return UUID(value)
    except ValueError:
        raise NotFound(what) from None
