"""Who is at the browser: the cookie, the session's answer from identity (remembered a minute while revocations are heard), the CSRF token."""

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Response, current_app, g, has_request_context, request

from gateway import presence, revocations, rpc
from safekeep import permissions
from safekeep.contracts.identity import SchoolPlace, Session, SessionAnswer, SignOut
from safekeep.errors import NotAllowed, NotFound, NotSignedIn, SafekeepError

_REMEMBERED_SECONDS = 60.0
_DEVICE_PEOPLE = 8
BACKGROUND = "X-Safekeep-Background"
"""Set by what a page asks by itself: it does not keep the session from locking."""
_remembered: dict[tuple[str, str | None], tuple[SessionAnswer, float, bool]] = {}  # the answer, when it was asked, whether somebody was there


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
    def held(self) -> bool:
        """Whether the session has ended or is locked: its token saves drafts and no more."""
        return self.answer.expired or self.answer.locked

    @property
    def is_lead(self) -> bool:
        """Whether they are DSL or deputy DSL: what pages offer; services decide."""
        return permissions.is_lead(self.roles)

    def may_call(self, method: str) -> bool:
        """Whether a method is for one of their roles at all: a form that nobody of theirs may send is not shown either."""
        return not permissions.METHODS[method].isdisjoint(self.roles)

    @property
    def has_inbox(self) -> bool:
        """Whether home is the inbox (roles that read by role) rather than Add incident."""
        return permissions.highest_class_read(self.roles) is not None

    @property
    def may_record(self) -> bool:
        """Whether they may record here."""
        return permissions.may_record(self.roles)

    @property
    def adds_at(self) -> list[SchoolPlace]:
        """Where Add incident leads: here, or to a school of theirs from a page that is at none."""
        places = self.answer.places if self.answer.place is None or self.answer.place.is_trust else [self.answer.place]
        return [place for place in places if not place.is_trust and permissions.may_record(place.roles)]


def here() -> Here:
    """Return who is signed in for this request. Raises NotSignedIn."""
    found: Here | None = g.get("here")
    if found is None:
        raise NotSignedIn("missing")
    return found


def lead() -> Here:
    """Return who is signed in for this request, a DSL or a deputy. Raises NotSignedIn, NotAllowed("role")."""
    found = here()
    if not found.is_lead:
        raise NotAllowed("role")
    return found


def recorder() -> Here:
    """Return who is signed in for this request, somebody who may record. Raises NotSignedIn, NotAllowed("role")."""
    found = here()
    if not found.may_record:
        raise NotAllowed("role")
    return found


def entered() -> Here | None:
    """Return whose session came with this request, also one that may do nothing now; None before it was asked for."""
    found: Here | None = g.get("here")
    return found


def enter(*, session_token: str, slug: str | None, is_draft: bool = False) -> Here:
    """Find out who `session_token` is at the place `slug`, for the rest of this request.

    Raises NotSignedIn("missing" | "expired" | "locked" | "unfinished" | …), NotFound("school"). A session that has
    ended or is locked enters only to save a draft.
    """
    if not session_token:
        raise NotSignedIn("missing")
    answer = _answer(session_token, slug)
    g.here = Here(session_token, answer)
    if answer.expired and not is_draft:
        raise NotSignedIn("expired")
    if answer.locked and not is_draft:
        raise NotSignedIn("locked")
    if answer.stage != "full":
        raise NotSignedIn("unfinished")
    return g.here  # type: ignore[no-any-return]


def found() -> SessionAnswer | None:
    """Return what identity says of the browser's session, whatever its state; None when there is none. Lets nobody enter."""
    here: Here | None = g.get("here")
    if here is not None:
        return here.answer
    if not cookie():
        return None
    if "found" not in g:  # asked once a request: a broker that is away takes seconds to say so
        try:
            g.found = _answer(cookie(), None)
        except SafekeepError as error:
            g.found, g.has_ended = None, isinstance(error, NotSignedIn)
    answer: SessionAnswer | None = g.found
    return answer


def has_ended() -> bool:
    """Whether the browser's session is one that is over, so that its open forms are too."""
    return bool(cookie()) and found() is None and bool(g.get("has_ended"))


def answer_at(slug: str) -> SessionAnswer:
    """Return what identity says of the browser's session at a place, whatever its state. Raises what identity raises."""
    return _answer(cookie(), slug)


def changed(session_token: str) -> None:
    """Forget what was remembered of a session: something was done to it."""
    digest = _digest(session_token)
    for key in [key for key in list(_remembered) if key[0] == digest]:
        _remembered.pop(key, None)


def forget(whom: dict[str, float]) -> None:
    """Forget sessions, and all of some people's: identity has said so. What was asked after it was first heard holds already."""
    for key, (answer, asked, _) in list(_remembered.items()):
        if asked <= max(whom.get(str(answer.session_id), 0.0), whom.get(str(answer.person_id), 0.0)):
            _remembered.pop(key, None)


def forget_all() -> None:
    """Forget everything that was remembered."""
    _remembered.clear()


def leave(session_token: str) -> None:
    """End the session, here at once and in identity."""
    changed(session_token)
    rpc.ask(rpc.build(SignOut, session_token=session_token), token="")


def another_token(token: str) -> str:
    """Return another actor token of this request's session, for one of its that services no longer take; "" where it is none of them.

    Raises what identity raises: NotSignedIn("ended") where the session is over.
    """
    here: Here | None = g.get("here") if has_request_context() else None
    if here is None or token not in (spent := g.setdefault("spent", {here.token})):
        return ""
    if token == here.token:
        changed(here.session_token)
        g.here = here = Here(here.session_token, _answer(here.session_token, here.answer.place.slug if here.answer.place else None))
        spent.add(here.token)
    return here.token  # else the page still holds the one before


def _answer(session_token: str, slug: str | None) -> SessionAnswer:
    key, now = (_digest(session_token), slug), time.monotonic()
    active = request.headers.get(BACKGROUND) is None
    remembered = _remembered.get(key)
    if remembered is not None and now < remembered[1] + _REMEMBERED_SECONDS and (remembered[2] or not active) and revocations.are_heard():
        if active:
            presence.note(session_id=remembered[0].session_id, actor_token=remembered[0].actor_token)
        return remembered[0]  # but what a page asked by itself does not hide that somebody is there now
    answer = rpc.ask(rpc.build(Session, session_token=session_token, slug=slug, active=active), token="")
    if len(_remembered) >= 5_000:
        _remembered.clear()
    _remembered[key] = (answer, now, active)
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


def device_tokens() -> list[str]:
    """Return what says that this browser has been used by its people before, newest first."""
    return [token[:200] for token in request.cookies.get(f"{cookie_name()}-device", "").split("~")[:_DEVICE_PEOPLE] if token]


def set_device_cookie(response: Response, device_token: str) -> None:
    """Let the browser be known again for a year, as this person's too: staff share computers.

    It opens nothing: guessing elsewhere does not slow it down, and using it again is no news. That is all.
    """
    name = f"{cookie_name()}-device"
    number = device_token.partition(".")[0]
    kept = "~".join([device_token, *(token for token in device_tokens() if token.partition(".")[0] != number)][:_DEVICE_PEOPLE])
    response.set_cookie(name, kept, httponly=True, samesite="Lax", path="/", secure=_is_https(), max_age=365 * 86_400)


def drop_cookie(response: Response) -> None:
    """Take the session off the browser."""
    response.delete_cookie(cookie_name(), httponly=True, samesite="Lax", path="/", secure=_is_https())


def brief_cookie(what: str) -> str:
    """Return what this browser was given for a few minutes, or ""."""
    return request.cookies.get(f"{cookie_name()}-{what}", "")[:400]


def set_brief_cookie(response: Response, what: str, value: str) -> None:
    """Give the browser something for ten minutes: a sign-in by way of somebody else takes that long, a form's first showing less."""
    response.set_cookie(f"{cookie_name()}-{what}", value, httponly=True, samesite="Lax", path="/", secure=_is_https(), max_age=600)


def drop_brief_cookie(response: Response, what: str) -> None:
    """Take it off the browser."""
    response.delete_cookie(f"{cookie_name()}-{what}", httponly=True, samesite="Lax", path="/", secure=_is_https())


def _is_https() -> bool:
    return bool(current_app.config["PUBLIC_URL"].startswith("https:"))


# --- forged forms --------------------------------------------------------------------------------------------------


def csrf_token() -> str:
    """Return what every form carries. It follows from the session, not from its cookie: proving again leaves open forms good.

    Before there is a session it follows from a cookie that the page with the form sets (double submit).
    """
    answer = found()
    if answer is not None:
        return answer.form_key
    if "visit" not in g:
        g.visit = request.cookies.get(_visit_name(), "") or secrets.token_urlsafe(24)
    return hashlib.sha256(f"form {g.visit}".encode()).hexdigest()


def keep_visit(response: Response) -> None:
    """Give the browser the cookie that a form shown before signing in is held against."""
    visit = g.get("visit")
    if visit and request.cookies.get(_visit_name()) != visit:
        response.set_cookie(_visit_name(), visit, httponly=True, samesite="Lax", path="/", secure=_is_https())


def _visit_name() -> str:
    return f"{cookie_name()}-visit"


def says_it_is_ours() -> bool:
    """Whether the browser says itself that a POST came from a page of ours: more than that it does not say otherwise."""
    origin = request.headers.get("Origin", "")
    return request.headers.get("Sec-Fetch-Site") == "same-origin" or urlsplit(origin).netloc == request.host


def is_ours(*, with_token: bool) -> bool:
    """Whether a POST came from a page of ours: the browser says the same origin and (`with_token`) the form's token is right."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("Origin")
    if origin and origin != "null" and urlsplit(origin).netloc != request.host:
        return False
    if not with_token:
        return True
    if found() is None and not request.cookies.get(_visit_name()):
        return False
    expected = csrf_token()
    sent = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token", "")
    return bool(expected) and hmac.compare_digest(sent.encode("utf-8", "replace"), expected.encode())
