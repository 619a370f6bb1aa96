"""Every POST of the API but `/sign-in` hands its Idempotency-Key to the service that owns what it makes."""

import contextlib
import io
from typing import Any
from unittest.mock import MagicMock

import pytest
from flask import Flask

from gateway.api import calls
from gateway.api.calls import CALLS, Call

POSTS = [call for call in CALLS if call.verb == "POST" and call.path != "/sign-in"]


@pytest.mark.parametrize("call", POSTS, ids=lambda call: call.path)
def test_a_post_hands_on_the_key_it_came_with_and_none_where_none_came(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the table of calls, so that one that comes is not forgotten: whatever it is sent, it asks with the key."""
    assert handed_on(call, monkeypatch, key="one") == [f"/api/v1{call.path} one"]
    assert handed_on(call, monkeypatch, key="") == [None]


def handed_on(call: Call, monkeypatch: pytest.MonkeyPatch, *, key: str) -> list[str | None]:
    """Return under which keys a call makes something, its content made up."""
    kept: list[str | None] = []

    def takes(once: Any) -> None:
        kept.append(once["key"] if once else None)

    def ask(wanted: Any, **how: Any) -> Any:
        if "once" in how:
            takes(how["once"])
        return MagicMock()

    monkeypatch.setattr(calls.rpc, "build", MagicMock(return_value=MagicMock(body_map_id=None)))
    monkeypatch.setattr(calls.rpc, "ask", ask)
    monkeypatch.setattr(calls.uploads, "keep", lambda _, *, once, **__: takes(once("content")))
    ids = {name: "01900000-0000-7000-8000-000000000000" for name in ("incident_id", "request_id", "restriction_id", "alert_id") if name in call.path}
    sent: dict[str, Any] = {"data": {"file": (io.BytesIO(b"a note"), "note.txt")}} if call.path == "/files" else {"json": {}}
    headers = {"Idempotency-Key": key} if key else {}
    with Flask("gateway").test_request_context(f"/api/v1{call.path}", method="POST", headers=headers, **sent):
        with contextlib.suppress(Exception):  # of the made-up answer no answer can be made: by then it has asked
            call.does(MagicMock(), **ids)
    return kept
