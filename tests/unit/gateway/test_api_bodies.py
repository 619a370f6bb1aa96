"""What the API takes in: one media type a call, null for what may be left out; and what it gives a part of. As its description says."""

import io
from typing import Any
from unittest.mock import MagicMock

import pytest
from flask import Flask

from gateway import streams
from gateway.api import calls, openapi
from gateway.api.calls import CALLS, Call
from safekeep.contracts.files import Opened
from tests.matrix.sent import SENT

POSTS = [call for call in CALLS if call.verb == "POST"]
ID = "01900000-0000-7000-8000-000000000000"


def posted(app: Flask, call: Call, **sent: Any) -> Any:
    path = call.path
    for name in ("incident_id", "request_id", "restriction_id", "alert_id"):
        path = path.replace(f"<{name}>", ID)
    return app.test_client().post(f"/api/v1{path}", **sent)


@pytest.mark.parametrize("call", POSTS, ids=lambda call: call.path)
@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/json-patch+json", "", "multipart/form-data"])
def test_a_body_of_another_media_type_is_refused_as_a_problem(app: Flask, monkeypatch: pytest.MonkeyPatch, call: Call, media_type: str) -> None:
    """By the table of calls, so that one that comes is not forgotten; nothing is asked of a service then."""
    asked = MagicMock()
    monkeypatch.setattr(calls, "enter", lambda **_: MagicMock())
    monkeypatch.setattr(calls, "enter_machine", lambda: None)
    monkeypatch.setattr(calls.rpc, "ask", asked)
    wrong = "application/json" if call.path == "/files" and media_type == "multipart/form-data" else media_type
    answer = posted(app, call, data=b"{}", content_type=wrong)
    assert (answer.status_code, answer.mimetype) == (415, "application/problem+json")
    assert answer.json["type"].endswith("/unsupported-media-type")
    assert not asked.called
    described = openapi.document()["paths"][call.path.replace("<", "{").replace(">", "}")]["post"]["responses"]
    assert list(described["415"]["content"]) == ["application/problem+json"]


def test_json_is_taken_with_its_character_set_and_a_file_as_a_form(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "enter", lambda **_: MagicMock())
    sign_in = next(call for call in POSTS if call.path == "/sign-in")
    assert posted(app, sign_in, data=b"{}", content_type="application/json; charset=utf-8").status_code == 422
    files = next(call for call in POSTS if call.path == "/files")
    assert posted(app, files, data={"other": (io.BytesIO(b"x"), "x.txt")}).status_code == 422
    assert posted(app, files).status_code == 422, "nothing came, of no type: the file is missing"


@pytest.mark.parametrize("call", [call for call in POSTS if call.sends], ids=lambda call: call.path)
@pytest.mark.parametrize("key", ["", "one"])
def test_what_may_be_null_by_the_description_is_as_if_it_were_left_out(app: Flask, monkeypatch: pytest.MonkeyPatch, call: Call, key: str) -> None:
    """By the table of calls and their own shapes: with each such field null a service is asked what it is asked without them, but for new ids."""
    asked = list[dict[str, Any]]()

    def ask(wanted: Any, **_: Any) -> Any:
        asked.append(wanted.wire())
        return MagicMock()  # of which no answer can be made: by then it has been asked

    monkeypatch.setattr(calls, "enter", lambda **_: MagicMock(token="t"))
    monkeypatch.setattr(calls, "enter_machine", lambda: None)
    monkeypatch.setattr(calls.rpc, "ask", ask)
    given = SENT.get(f"POST /api/v1{call.path}", {"username": "dsl@one.example", "password": "Plum teal harbour 1"})
    sent = {name: ID if isinstance(value, str) and value.endswith("_id") else value for name, value in given.items()}
    shape = call.sends.model_json_schema() if call.sends else {}
    left_out = {
        name for name in shape["properties"].keys() - set(shape.get("required", [])) if {"type": "null"} in shape["properties"][name].get("anyOf", [])
    }
    for body in (sent, sent | dict.fromkeys(left_out)):
        posted(app, call, json=body, headers={"Idempotency-Key": key} if key else {})
    without, with_null = asked
    new = {name for name in ("id", "body_map_id") if name in without and name not in sent}
    assert {name: value for name, value in with_null.items() if name not in new} == {n: value for n, value in without.items() if n not in new}
    assert [with_null[name] is None for name in new] == [without[name] is None for name in new]


@pytest.mark.parametrize(
    ("asked", "status", "body", "range_"),
    [
        ("", 200, b"0123456789", None),
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=999999999-", 416, None, "bytes */10"),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
def test_a_part_of_a_file_that_is_not_there_is_a_problem_and_each_answer_is_described(
    app: Flask, monkeypatch: pytest.MonkeyPatch, asked: str, status: int, body: bytes | None, range_: str | None
) -> None:
    monkeypatch.setattr(calls, "enter", lambda **_: MagicMock())
    monkeypatch.setattr(streams, "open_file", lambda *_, **__: Opened(name="a.txt", media_type="text/plain", size=10, scan="clean", ticket="t"))
    monkeypatch.setattr(streams, "receive", lambda _, *, offset, size: iter([b"0123456789"[offset : offset + size]]))
    answer = app.test_client().get(f"/api/v1/files/{ID}", headers={"Range": asked} if asked else {})
    assert (answer.status_code, answer.headers.get("Content-Range")) == (status, range_)
    operation = openapi.document()["paths"]["/files/{file_id}"]["get"]
    assert "Range" in {parameter["name"] for parameter in operation["parameters"]}
    described = operation["responses"][str(status)]
    if body is None:
        assert answer.mimetype == "application/problem+json"
        assert (answer.json["status"], answer.json["type"].rpartition("/")[2]) == (416, "range-not-satisfiable")
        assert list(described["content"]) == ["application/problem+json"]
    else:
        assert answer.data == body
        assert list(described["content"]) == ["application/octet-stream"]
    assert ("Content-Range" in described.get("headers", {})) is (range_ is not None)
