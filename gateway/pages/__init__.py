"""The pages, server-rendered: one module a noun, each with a blueprint."""

from typing import Any
from urllib.parse import urlsplit

from flask import Flask, redirect, request, url_for

from gateway import session as sessions

KEEPS_DRAFTS = frozenset({"recording.submit", "recording.autosave", "actions.submit", "actions.autosave"})
"""What a session that ran out may still post to: its words are saved as its author's draft, and nothing else is done."""

_SIGNING_IN = frozenset({"session.sign_in"})
"""Posted before there is a session, so there is no token to check, only where the form came from."""


def install(app: Flask) -> None:
    """Register every page."""
    from gateway.pages import actions, assigning, corrections, drafts, files, home, inbox, incidents, pupils, recording, reports, trust
    from gateway.pages import session as session_pages

    for module in (session_pages, home, inbox, recording, incidents, actions, assigning, corrections, pupils, drafts, files, reports, trust):
        app.register_blueprint(module.pages)


def is_trusted_post(endpoint: str) -> bool:
    """Whether a POST came from a page of ours."""
    return sessions.is_ours(with_token=endpoint not in _SIGNING_IN)


def to_sign_in(*, expired: bool) -> Any:
    """Send the browser to sign in, and afterwards back to the page it wanted (a form's address: the form itself is gone)."""
    wanted = request.path if request.method == "GET" else ""
    return redirect(url_for("session.sign_in", next=safe_next(wanted) or None, why="ended" if expired else None), 303)


def safe_next(path: str) -> str:
    """Return `path` when it is an address of a page of ours, else ""."""
    parts = urlsplit(path)
    is_ours = path.startswith(("/s/", "/t/")) and not parts.scheme and not parts.netloc and "\\" not in path and "//" not in path
    return path if is_ours and path.isprintable() else ""
