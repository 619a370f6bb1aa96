"""My account: second factors, recovery codes, where I am signed in."""

from typing import Any
from uuid import UUID

import segno
from flask import Blueprint, Response, redirect, render_template, request, url_for

from gateway import rpc, session
from gateway.forms import Form
from gateway.pages import safe_next
from gateway.pages.session import NEXT_STEP, turn
from safekeep.contracts.identity import (
    Account,
    AccountAnswer,
    AddKey,
    AddTotp,
    BeginKey,
    BeginTotp,
    DisableFactor,
    EndSession,
    FactorAdded,
    NewRecoveryCodes,
    SessionAnswer,
)
from safekeep.errors import Invalid, NotFound, NotSignedIn

pages = Blueprint("account", __name__)

MOST_PICTURED = 2_000
"""Characters of an address that are drawn as a picture to be scanned: more than any of ours has, and fewer than such a picture holds."""


@pages.get("/account")
def account() -> Any:
    """Show the person's own account."""
    _signed_in("full")
    return render_template("account/account.html", account=_account(), said=request.args.get("said", ""))


@pages.get("/account/keys")
def enrol() -> Any:
    """Choose which second factor to set up: all that somebody who needs one and has none can see."""
    answer = _signed_in("full", "enrol")
    if _takes_somebody(answer):
        return redirect(url_for("session.use_pass"), 303)
    return render_template("account/enrol.html", must=answer.stage == "enrol", wanted=safe_next(request.args.get("next", "")))


@pages.route("/account/keys/app", methods=["GET", "POST"])
def app() -> Any:
    """An authenticator app: a QR code and the same as text, then the code the app shows."""
    answer = _signed_in("full", "enrol")
    form, wanted = Form.sent(request.form), safe_next(request.values.get("next", ""))
    if request.method == "GET" and _takes_somebody(answer):
        return redirect(url_for("session.use_pass"), 303)
    factor_id = form.as_id("factor_id")
    if request.method == "GET" or factor_id is None:
        return render_template("account/begin_app.html", wanted=wanted)
    try:
        name = form.one("name").strip() or "Authenticator app"
        sent = rpc.build(AddTotp, session_token=session.cookie(), factor_id=factor_id, code=form.one("code"), name=name)
        return _added(rpc.ask(sent, token=""), wanted=wanted)
    except Invalid as error:
        for field, code in error.problems.items():
            form.refuse(field, code)
        return _show_app(form, factor_id=factor_id, secret=form.one("secret"), address=form.one("address"), wanted=wanted, status=422)
    except NotFound:
        return redirect(url_for("account.app", next=wanted or None), 303)


@pages.post("/account/keys/app/begin")
def begin_app() -> Any:
    """Make a secret and show it, this once."""
    _signed_in("full", "enrol")
    made = rpc.ask(rpc.build(BeginTotp, session_token=session.cookie()), token="")
    wanted = safe_next(request.form.get("next", ""))
    return _show_app(Form({}), factor_id=made.factor_id, secret=made.secret, address=made.address, wanted=wanted)


@pages.route("/account/keys/key", methods=["GET", "POST"])
def key() -> Any:
    """A hard key or passkey: the browser asks for it."""
    answer = _signed_in("full", "enrol")
    if request.method == "GET" and _takes_somebody(answer):
        return redirect(url_for("session.use_pass"), 303)
    form, wanted, status = Form.sent(request.form), safe_next(request.values.get("next", "")), 200
    if request.method == "POST":
        try:
            name = form.one("name").strip() or "Security key"
            return _added(rpc.ask(rpc.build(AddKey, session_token=session.cookie(), key=form.one("key"), name=name), token=""), wanted=wanted)
        except Invalid as error:
            for field, code in error.problems.items():
                form.refuse("name" if field == "key" else field, "key_not_taken" if field == "key" else code)
            status = 422
    return render_template("account/key.html", form=form, wanted=wanted), status


@pages.post("/account/keys/key/options")
def key_options() -> Any:
    """Give the browser what it asks the new key."""
    found = rpc.ask(rpc.build(BeginKey, session_token=session.cookie()), token="")
    return Response(found.options, mimetype="application/json")


@pages.post("/account/keys/<uuid:factor_id>/disable")
def disable(factor_id: UUID) -> Any:
    """Disable a key that was lost; the sessions made with it end."""
    _signed_in("full")
    rpc.ask(rpc.build(DisableFactor, session_token=session.cookie(), factor_id=factor_id), token="")
    session.changed(session.cookie())
    return redirect(url_for("account.account", said="disabled"), 303)


@pages.post("/account/codes")
def codes() -> Any:
    """Make new recovery codes and show them, this once."""
    _signed_in("full")
    made = rpc.ask(rpc.build(NewRecoveryCodes, session_token=session.cookie()), token="")
    return render_template("account/codes.html", codes=made.codes, onward=url_for("account.account"))


@pages.post("/account/devices/end")
def end_devices() -> Any:
    """End one of the places where the person is signed in, or all others."""
    _signed_in("full", "enrol", "password")
    session_id = Form.sent(request.form).as_id("session_id")
    rpc.ask(rpc.build(EndSession, session_token=session.cookie(), session_id=session_id), token="")
    return redirect(url_for("account.account", said="ended"), 303)


def _signed_in(*stages: str) -> Any:
    answer = session.found()
    if answer is None:
        raise NotSignedIn("missing")
    if answer.locked or answer.expired:
        raise NotSignedIn("locked" if answer.locked else "expired")
    if answer.stage not in stages:
        raise NotSignedIn("unfinished")
    if answer.stage == "full":
        session.enter(session_token=session.cookie(), slug=None)
    return answer


def _takes_somebody(answer: SessionAnswer) -> bool:
    """Whether a person who knows them has to give them a pass, or the head a code, before they set anything up."""
    return answer.stage == "enrol" and _account().pass_needed


def _account() -> AccountAnswer:
    return rpc.ask(rpc.build(Account, session_token=session.cookie()), token="")


def _added(added: FactorAdded, *, wanted: str) -> Any:
    """Go on after a key was added; with the first one the recovery codes are shown."""
    turn_to = redirect(url_for("account.account", said="added"), 303)
    step = NEXT_STEP.get(added.stage)
    if step:
        turn_to = redirect(url_for(step, next=wanted or None), 303)
    if added.recovery_codes:
        onward = url_for(step, next=wanted or None) if step else wanted or url_for("session.start")
        turn_to = Response(render_template("account/codes.html", codes=added.recovery_codes, onward=onward), mimetype="text/html")
    turn(turn_to, added.session_token)
    return turn_to


def _show_app(form: Form, *, factor_id: UUID, secret: str, address: str, wanted: str, status: int = 200) -> Any:
    fits = address.startswith("otpauth://") and address.isascii() and len(address) <= MOST_PICTURED
    picture = segno.make(address, error="m").svg_data_uri(scale=5, border=4, dark="#000", light="#fff") if fits else ""
    spaced = " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
    return render_template(
        "account/app.html", form=form, factor_id=factor_id, secret=secret, spaced=spaced, address=address, picture=picture, wanted=wanted
    ), status
