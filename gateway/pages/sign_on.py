"""Signing in with the school's or the trust's own provider: to it, and back from it. The secret and the exchange are identity's."""

import base64
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request, url_for

from gateway import problems, rpc, session
from gateway.forms import Form
from gateway.pages import safe_next
from gateway.pages import session as signing_in
from safekeep.contracts.identity import BeginSignOn, FinishSignOn
from safekeep.errors import Invalid, NotFound, SignOnFailed

pages = Blueprint("sign_on", __name__)

_ENOUGH: Final = 30.0
"""Seconds that identity may take to talk to a provider, which has four for each of its answers."""


@pages.post("/sso/<provider_id>")
def begin(provider_id: str) -> Any:
    """Send the browser to the provider, by a page that goes on by itself: our policy lets a form lead to no other site."""
    wanted = safe_next(request.form.get("next", ""))
    try:
        begun = rpc.ask(rpc.build(BeginSignOn, provider_id=_id(provider_id)), token="", seconds=_ENOUGH)
    except SignOnFailed as error:
        return _failed(error, wanted=wanted)
    response = Response(render_template("session/sign_on.html", address=begun.address))
    session.set_brief_cookie(response, "sso", f"{begun.browser_token}.{base64.urlsafe_b64encode(wanted.encode()).decode()}")
    return response


@pages.get("/sso/back")
def back() -> Any:
    """Where the provider sends the browser back to. The state it brings works once, and only in the browser that began."""
    browser_token, _, kept = session.brief_cookie("sso").partition(".")
    wanted = safe_next(_opened(kept))
    if not browser_token or not request.args.get("state"):
        return redirect(url_for("session.sign_in"), 303)
    brought = {name: request.args.get(name, "")[:4000] for name in ("state", "code", "error")}
    try:
        sent = rpc.build(
            FinishSignOn,
            **brought,
            issuer=request.args.get("iss", "")[:4000],
            browser_token=browser_token,
            device=signing_in.device(),
            device_tokens=session.device_tokens(),
        )
        response = signing_in.arrived(rpc.ask(sent, token="", seconds=_ENOUGH), wanted=wanted)
    except (SignOnFailed, Invalid) as error:
        return _failed(error if isinstance(error, SignOnFailed) else SignOnFailed("not_genuine"), wanted=wanted)
    session.drop_brief_cookie(response, "sso")
    return response


def _failed(error: SignOnFailed, *, wanted: str) -> Any:
    problem = problems.problem_of(error)
    return signing_in.show_sign_in(Form({}), wanted=wanted, notice=str(problem.detail), status=problem.status)


def _opened(kept: str) -> str:
    try:
        return base64.urlsafe_b64decode(kept).decode()
    except ValueError:
        return ""


def _id(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise NotFound("provider") from None
