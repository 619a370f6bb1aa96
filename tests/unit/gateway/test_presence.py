"""Being there is told to identity in one call, also for pages that were answered from what the gateway remembers."""

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from gateway import presence, revocations, rpc, session
from safekeep.contracts.identity import Seen
from safekeep.errors import Unavailable
from safekeep.ids import new_id


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Seen]]:
    """What identity is told; the bus is not there, and the thread that tells is this test's."""
    said: list[Seen] = []
    monkeypatch.setattr(rpc, "ask", lambda wanted, token, seconds=5.0: said.append(wanted))
    monkeypatch.setattr(presence, "_thread", object())
    monkeypatch.setattr(revocations, "are_heard", lambda: True)
    presence._seen.clear()
    session._remembered.clear()
    yield said
    presence._seen.clear()
    session._remembered.clear()


def ask(app: Flask, token: str, **headers: str) -> None:
    with app.test_request_context(headers=headers):
        session._answer(token, None)


def remember(token: str) -> Any:
    answer = SimpleNamespace(session_id=new_id(), person_id=new_id(), actor_token=f"actor of {token}")
    session._remembered[(session._digest(token), None)] = (answer, time.monotonic(), True)  # type: ignore[assignment]
    return answer


def test_pages_answered_from_memory_are_told_once_for_all_and_what_a_page_asks_by_itself_is_not(app: Flask, told: list[Seen]) -> None:
    for token in ("a", "b", "c"):
        remember(token)
    for token in ("a", "a", "b"):
        ask(app, token)
    ask(app, "c", **{session.BACKGROUND: "1"})
    presence.tell()
    [said] = told
    assert {item.actor_token for item in said.items} == {"actor of a", "actor of b"}
    assert all(item.milliseconds_ago < 5_000 for item in said.items)
    presence.tell()
    assert len(told) == 1  # nothing is new


def test_what_could_not_be_told_is_told_the_next_time(app: Flask, told: list[Seen], monkeypatch: pytest.MonkeyPatch) -> None:
    remember("a")
    ask(app, "a")

    def away(*_: Any, **__: Any) -> None:
        raise Unavailable("identity", "unknown")

    with monkeypatch.context() as broken:
        broken.setattr(rpc, "ask", away)
        presence.tell()
    presence.tell()
    assert [item.actor_token for item in told[0].items] == ["actor of a"]
