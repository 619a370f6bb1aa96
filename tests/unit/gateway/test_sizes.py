"""How much may be sent: a file by somebody who has signed in; of anything else, and by anybody, little."""

import contextlib
import io
from typing import Any

import pytest
from flask import Flask, request
from werkzeug.routing import Rule

from gateway import streams
from safekeep.contracts.files import MAX_UPLOAD
from safekeep.errors import SafekeepError
from safekeep.ids import new_id

OPEN = {"/sign-in", "/forgot", "/api/v1/sign-in", "/api/v1/oauth/token"}
"""Where people and programs enter; whoever sends there need not be anybody."""


class Endless(io.RawIOBase):
    """A body that goes on as long as it is read, and knows how much of it was."""

    def __init__(self) -> None:
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        self.taken += len(into)
        into[:] = b"x" * len(into)
        return len(into)


def taking(app: Flask) -> list[tuple[str, str, str]]:
    """Every route that is sent something: its endpoint, an address of it, and a method."""
    return [
        (rule.endpoint, address(rule), method) for rule in app.url_map.iter_rules() for method in (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}
    ]


def address(rule: Rule) -> str:
    """An address of a route: some id, or a word."""
    filled = {name: new_id() if "uuid" in type(rule._converters[name]).__name__.lower() else "x" for name in rule.arguments}
    built = rule.build(filled, append_unknown=False)
    assert built is not None
    return built[1]


def sent(app: Flask, path: str, method: str, length: int | None, content_type: str) -> tuple[int, int]:
    """Send a long body without a session. Return the status, and how much of it was read."""
    body = Endless()
    told = {"wsgi.input": body, "wsgi.input_terminated": True, "CONTENT_LENGTH": "" if length is None else str(length)}
    answer = app.test_client().open(path, method=method, content_type=content_type, environ_overrides=told)
    return answer.status_code, body.taken


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=cut"])
def test_of_whoever_has_not_signed_in_no_route_reads_a_byte_of_more_than_five_mebibytes(app: Flask, content_type: str) -> None:
    """A new route is small by default. One that takes files asks first who sends it."""
    seen = set()
    for _, path, method in taking(app):
        status, taken = sent(app, path, method, 6 * 2**20, content_type)
        assert taken == 0, f"{method} {path}"
        assert status < 500, f"{method} {path}: {status}"
        assert path not in OPEN or status == 413, f"{method} {path}: {status}"
        seen.add(path)
    assert seen >= OPEN


@pytest.mark.parametrize("path", sorted(OPEN))
def test_a_body_that_does_not_say_how_long_it_is_is_read_no_further_than_that(app: Flask, path: str) -> None:
    content_type = "application/json" if path.endswith("/api/v1/sign-in") else "application/x-www-form-urlencoded"
    status, taken = sent(app, path, "POST", None, content_type)
    assert 400 <= status < 500
    assert taken <= streams.LARGEST_ELSE + 2 * streams.PIECE


def test_a_file_may_be_as_long_as_the_longest_and_what_comes_with_it(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} >= streams.TAKES_FILES
    for endpoint, path, method in taking(app):
        with app.test_request_context(path, method=method):
            with contextlib.suppress(SafekeepError):  # nobody has signed in
                app.preprocess_request()
            limit = request.max_content_length
        assert limit is not None
        assert limit > MAX_UPLOAD if endpoint in streams.TAKES_FILES else limit == streams.LARGEST_ELSE
