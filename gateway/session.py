"""Who is at the browser: the cookie, the session's answer from identity (remembered 5 seconds), the CSRF token."""

import hashlib
import hmac
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Response, current_app, g, request

from gateway import rpc
from safekeep import permissions
from safekeep.contracts.identity import SchoolPlace, Session, SessionAnswer, SignOut
from safekeep.errors import NotFound, NotSignedIn

_REMEMBERED_SECONDS = 5.0
_remembered: dict[tuple[str, str | None], tuple[SessionAnswer, float]] = {}


@dataclass(frozen=True, slots=True)
class Here:
    """The signed-in person, at a place or (`place` None) not yet at one."""

    session_token: str
    answer: SessionAnswer

    @property
    def token(self) -> str:
        """The actor token services are called with."""
        return self.answer.actor_token

    @property
    def place(self) -> SchoolPlace:
        """Where they are. Raises NotFound when no place was chosen."""
        if self.answer.place is None:
            raise NotFound("school")
        return self.answer.place

    @property
    def slug(self) -> str:
        """The place's part of page addresses."""
        return self.place.slug

    @property
    def roles(self) -> list[str]:
        """Their roles here."""
        return self.place.roles

    @property
    def is_lead(self) -> bool:
        """Whether they are DSL or deputy DSL: what pages offer; services decide."""
        return permissions.is_lead(self.roles)

    @property
    def has_inbox(self) -> bool:
        """Whether home is the inbox (roles that read by role) rather than Add incident."""
        return permissions.highest_class_read(self.roles) is not None

    @property
    def may_record(self) -> bool:
        """Whether Add incident is offered."""
        return permissions.may_record(self.roles)


def here() -> Here:
    """Return who is signed in for this request. Raises NotSignedIn."""
    found: Here | None = g.get("here")
    if found is None:
        raise NotSignedIn("missing")
    return found


def enter(*, session_token: str, slug: str | None, is_draft: bool = False) -> Here:
    """Find out who `session_token` is at the place `slug`, for the rest of this request.

    Raises NotSignedIn("missing" | "expired" | …), NotFound("school"). An expired session enters only to save a draft.
    """
    if not session_token:
        raise NotSignedIn("missing")
    answer = _answer(session_token, slug)
    g.here = Here(session_token, answer)
    if answer.expired and not is_draft:
        raise NotSignedIn("expired")
    return g.here  # type: ignore[no-any-return]


def leave(session_token: str) -> None:
    """End the session, here at once and in identity."""
    digest = _digest(session_token)
    for key in [key for key in list(_remembered) if key[0] == digest]:
        _remembered.pop(key, None)
    rpc.ask(rpc.build(SignOut, session_token=session_token), token="")


def _answer(session_token: str, slug: str | None) -> SessionAnswer:
    key, now = (_digest(session_token), slug), time.monotonic()
    remembered = _remembered.get(key)
    if remembered is not None and remembered[1] > now:
        return remembered[0]
    answer = rpc.ask(rpc.build(Session, session_token=session_token, slug=slug), token="")
    if len(_remembered) >= 5_000:
        _remembered.clear()
    _remembered[key] = (answer, now + _REMEMBERED_SECONDS)
    return answer


def _digest(session_token: str) -> str:
    return hashlib.sha256(session_token.encode("utf-8", "replace")).hexdigest()


# --- the cookie ----------------------------------------------------------------------------------------------------


def cookie_name() -> str:
    """`__Host-safekeep` where the public address is https; on plain http the port is in it, so that two copies do not mix."""
    public = urlsplit(current_app.config["PUBLIC_URL"])
    return "__Host-safekeep" if public.scheme == "https" else f"safekeep-{public.port or 80}"


def cookie() -> str:
    """Return the session token the browser sent, or ""."""
    return request.cookies.get(cookie_name(), "")


def set_cookie(response: Response, session_token: str) -> None:
    """Give the browser the session, until it is closed."""
    response.set_cookie(cookie_name(), session_token, httponly=True, samesite="Lax", path="/", secure=_is_https())


def drop_cookie(response: Response) -> None:
    """Take the session off the browser."""
    response.delete_cookie(cookie_name(), httponly=True, samesite="Lax", path="/", secure=_is_https())


def _is_https() -> bool:
    return bool(current_app.config["PUBLIC_URL"].startswith("https:"))


# --- forged forms --------------------------------------------------------------------------------------------------


def csrf_token() -> str:
    """Return what every form carries: a MAC under the session token, so nothing needs to be kept."""
    token = cookie()
    return hmac.new(token.encode("utf-8", "replace"), b"safekeep form", hashlib.sha256).hexdigest() if token else ""


def is_ours(*, with_token: bool) -> bool:
    """Whether a POST came from a page of ours: the browser says the same origin and (`with_token`) the form's token is right."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("Origin")
    if origin and origin != "null" and urlsplit(origin).netloc != request.host:
        return False
    if not with_token or not cookie():
        return True
    sent = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token", "")
    return hmac.compare_digest(sent.encode("utf-8", "replace"), csrf_token().encode())
