"""How many alerts are unread is asked for once a page: by the page that lists them, or else for its banner."""

from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from gateway import rpc, unread
from safekeep.contracts.alerts import Inbox, InboxAnswer, Unread, UnreadAnswer
from safekeep.errors import Unavailable

HERE: Any = SimpleNamespace(token="t", may_record=True, answer=SimpleNamespace(place=object()))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[type]:
    """What is asked over the bus, which is not there: three are unread."""
    said: list[type] = []

    def ask(wanted: Any, token: str, seconds: float = 5.0) -> Any:
        said.append(type(wanted))
        return UnreadAnswer(unread=3) if isinstance(wanted, Unread) else InboxAnswer(items=[], next=None, unread=3)

    monkeypatch.setattr(rpc, "ask", ask)
    return said


def test_a_page_that_lists_alerts_has_the_number_with_them(app: Flask, asked: list[type]) -> None:
    with app.test_request_context():
        unread.inbox(HERE, state="unread", limit=5)
        assert [unread.count(HERE), unread.count(HERE)] == [3, 3]
    assert asked == [Inbox]


def test_another_page_asks_once_and_the_next_page_again(app: Flask, asked: list[type]) -> None:
    for _ in range(2):
        with app.test_request_context():
            assert [unread.count(HERE), unread.count(HERE)] == [3, 3]
    assert asked == [Unread, Unread]


def test_where_it_cannot_be_had_there_is_no_number_and_it_is_not_asked_again(app: Flask, asked: list[type], monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        asked.append(Unread)
        raise Unavailable("alerts", "unknown")

    monkeypatch.setattr(rpc, "ask", away)
    with app.test_request_context():
        assert [unread.count(HERE), unread.count(HERE)] == [0, 0]
    assert asked == [Unread]
