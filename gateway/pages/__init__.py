"""The pages, server-rendered: one module a noun, each with a blueprint."""

from typing import Any
from urllib.parse import urlsplit

from flask import Flask, redirect, request, url_for
from werkzeug.exceptions import RequestEntityTooLarge

from gateway import session as sessions

KEEPS_DRAFTS = frozenset({"recording.submit", "recording.autosave", "actions.submit", "actions.autosave", "kept.autosave"})
"""What a session that ran out may still post to: its words are saved as its author's draft, and nothing else is done."""

SIGNING_IN = frozenset({"session.sign_in", "session.forgot", "session.link", "session.begin", "sign_on.begin"})
"""Posted before there is a session."""

HOLDS_SECRETS = SIGNING_IN | {
    "session.sign_out",
    "session.prove",
    "session.unlock",
    "session.set_password",
    "session.use_pass",
    "providers.add",
    "providers.change",
}
"""Forms whose words are never given back on a page that says what went wrong."""


def install(app: Flask) -> None:
    """Register every page."""
    from gateway.pages import (
        account,
        actions,
        addresses,
        asking,
        assigning,
        away,
        body_maps,
        break_glass,
        corrections,
        destroying,
        disclosures,
        documents,
        drafts,
        enrolment,
        files,
        following,
        governors,
        home,
        inbox,
        incidents,
        kept,
        machines,
        meetings,
        notifications,
        packs,
        papers,
        proof,
        providers,
        pupils,
        readers,
        recording,
        reports,
        requests,
        restricting,
        saving,
        settings,
        sign_on,
        staff,
        standing,
        trust,
        trust_people,
    )
    from gateway.pages import audit as audit_pages
    from gateway.pages import session as session_pages

    to_sign_in_with = session_pages, sign_on, account
    for_records = (
        home,
        inbox,
        following,
        recording,
        body_maps,
        papers,
        saving,
        incidents,
        actions,
        standing,
        assigning,
        corrections,
        destroying,
        restricting,
        pupils,
        drafts,
        kept,
        files,
        reports,
        documents,
        packs,
        meetings,
        governors,
        requests,
        disclosures,
        away,
        notifications,
    )
    to_look_after = asking, break_glass, readers, trust, trust_people, staff, addresses, enrolment, settings, audit_pages, providers, machines, proof
    for module in (*to_sign_in_with, *for_records, *to_look_after):
        app.register_blueprint(module.pages)
    for trusts in (meetings, governors):
        app.register_blueprint(trusts.trust_pages)


def to_sign_in(reason: str, *, kept: str) -> Any:
    """Send the browser to what its session needs: signing in, unlocking, or the next step; afterwards back to the page it wanted.

    `kept`: the page of the form that was sent locked or too late, which is what they come back to; "" where there is none.
    """
    wanted = kept or safe_next(request.path if request.method == "GET" else "")
    if reason == "locked":
        return redirect(url_for("session.unlock", next=wanted or None, why="draft" if kept else None), 303)
    if reason == "unfinished":
        return redirect(url_for("session.go_on", next=wanted or None), 303)
    why = "draft" if kept else {"expired": "ended", "ended": "over"}.get(reason)
    return redirect(url_for("session.sign_in", next=wanted or None, why=why), 303)


def to_draft(here: Any, wanted: str) -> Any:
    """After words sent from a session that ended or is locked were kept as a draft: sign in, or unlock, and go on at `wanted`."""
    return redirect(url_for("session.unlock" if here.answer.locked else "session.sign_in", next=wanted, why="draft"), 303)


def to_proof(*, kept: str) -> Any:
    """Send the browser to use the second factor again, and afterwards back. `kept`: the page of the form that is to be sent then."""
    wanted = request.path if request.method == "GET" else kept or urlsplit(request.referrer or "").path
    return redirect(url_for("session.prove", next=safe_next(wanted) or None, why="again"), 303)


def keep_form() -> str:
    """Keep a form of ours that cannot be taken now; return the page that shows it again, or ""."""
    from gateway.pages import kept

    here = sessions.entered()
    if request.method != "POST" or request.endpoint in HOLDS_SECRETS or here is None or here.answer.place is None or here.place.is_trust:
        return ""
    try:
        is_form = bool(request.form) and sessions.is_ours(with_token=True)
    except RequestEntityTooLarge:  # it did not say how long it is
        return ""
    return kept.keep(here) if is_form else ""


def safe_next(path: str) -> str:
    """Return `path` when it is an address of a page of ours, else ""."""
    parts = urlsplit(path)
    is_ours = path.startswith(("/s/", "/t/", "/account")) and not parts.scheme and not parts.netloc and "\\" not in path and "//" not in path
    return path if is_ours and path.isprintable() else ""
