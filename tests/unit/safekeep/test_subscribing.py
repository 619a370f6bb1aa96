"""Reading a calendar from an address somebody typed: what is asked, and what never is."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from safekeep import subscribing
from safekeep.contracts.alerts import LARGEST_CALENDAR
from safekeep.subscribing import Down

CALENDAR = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"


class Answers(BaseHTTPRequestHandler):
    """A server that answers by the path it is asked for."""

    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/moved":
            self._answer(302, b"", Location="/calendar")
        elif self.path == "/inside":
            self._answer(302, b"", Location="http://127.0.0.2:1/secret")
        elif self.path == "/round":
            self._answer(302, b"", Location="/round")
        elif self.path == "/large":
            self._answer(200, b"x" * (LARGEST_CALENDAR + 1))
        else:
            self._answer(200 if self.path == "/calendar" else 404, CALENDAR)

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def place() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_what_the_operator_names_is_read_and_a_redirect_within_it_followed(place: str) -> None:
    assert subscribing.fetch(f"{place}/calendar", inner=[place]) == CALENDAR
    assert subscribing.fetch(f"{place}/moved", inner=[place]) == CALENDAR


@pytest.mark.parametrize(("path", "code"), [("/nothing", "refused"), ("/round", "refused"), ("/inside", "not_public"), ("/large", "too_large")])
def test_what_else_answers_is_said_in_a_code(place: str, path: str, code: str) -> None:
    with pytest.raises(Down) as down:
        subscribing.fetch(f"{place}{path}", inner=[place])
    assert down.value.args == (code,)


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/a.ics",
        "https://127.0.0.1/a.ics",
        "https://[::1]/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest",
        "https://0/",
        "ftp://x/",
    ],
)
def test_nothing_is_asked_that_is_not_public(address: str) -> None:
    with pytest.raises(Down) as down:
        subscribing.fetch(address)
    assert down.value.args == ("not_public",)


def test_a_name_that_leads_inside_beside_a_public_address_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443)) for each in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(subscribing.socket, "getaddrinfo", lambda *_, **__: both)
    with pytest.raises(Down) as down:
        subscribing.fetch("https://calendar.example/a.ics")
    assert down.value.args == ("not_public",)


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("", ""),
        (" webcal://council.example/terms.ics ", "https://council.example/terms.ics"),
        ("https://council.example/terms.ics?key=1", "https://council.example/terms.ics?key=1"),
        ("council.example", None),
        ("https://", None),
        ("https://name:word@council.example/", None),
        ("https://council.example:99999/", None),
        ("https://council.example/a b", None),
        ("javascript:alert(1)", None),
        ("file:///etc/passwd", None),
        ("https://[::1", None),
    ],
)
def test_what_is_typed_is_an_address_or_is_refused(typed: str, address: str | None) -> None:
    assert subscribing.address_of(typed) == address
