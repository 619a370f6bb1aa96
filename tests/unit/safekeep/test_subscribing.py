"""Reading a calendar from an address somebody typed: what is asked, and what never is."""

import socket
from collections.abc import Iterator

import pytest

from safekeep import subscribing
from safekeep.contracts.alerts import LARGEST_CALENDAR
from safekeep.subscribing import Down
from tests.web import served

CALENDAR = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"


@pytest.fixture
def place() -> Iterator[str]:
    with served() as site:
        leading = {"/moved": "/calendar", "/inside": "http://127.0.0.2:1/secret", "/round": "/round"}
        site.pages = {path: (302, b"", to) for path, to in leading.items()}
        site.pages |= {"/calendar": (200, CALENDAR, ""), "/large": (200, b"x" * (LARGEST_CALENDAR + 1), "")}
        yield site.place


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
