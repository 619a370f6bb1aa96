"""What a gateway remembers of a session, and when it forgets: by what identity says, however often it is said again."""

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from gateway import revocations, session
from safekeep import bus


@pytest.fixture
def remembered() -> Iterator[dict[Any, Any]]:
    """An empty memory, and a gateway that has heard nothing of late."""
    session._remembered.clear()
    revocations._first_heard.clear()
    revocations.start(broker_url="", forget=session.forget, forget_all=session.forget_all)
    yield session._remembered
    session._remembered.clear()
    revocations._heard_at = float("-inf")


def keep(remembered: dict[Any, Any], name: str) -> None:
    remembered[(name, None)] = (SimpleNamespace(session_id=name, person_id=f"of {name}"), time.monotonic(), True)


def test_what_was_asked_before_a_revocation_is_forgotten_and_what_was_asked_after_it_is_not(remembered: dict[Any, Any]) -> None:
    """Each is repeated for ten seconds: a session whose token was turned is not asked for anew four times a second."""
    revocations.hear({"revoked": []})
    for name in ("a", "b", "c"):
        keep(remembered, name)
    revocations.hear({"revoked": [["1", "a"], ["2", "of b"]]})
    assert {key for key, _ in remembered} == {"c"}
    keep(remembered, "a")  # asked again: identity's answer holds the change
    revocations.hear({"revoked": [["1", "a"], ["2", "of b"]]})
    assert {key for key, _ in remembered} == {"a", "c"}
    revocations.hear({"revoked": [["3", "a"]]})
    assert {key for key, _ in remembered} == {"c"}


def test_an_answer_that_was_on_its_way_when_the_revocation_came_is_forgotten_with_the_next_heartbeat(remembered: dict[Any, Any]) -> None:
    asked = time.monotonic()
    revocations.hear({"revoked": [["1", "a"]]})
    remembered[("a", None)] = (SimpleNamespace(session_id="a", person_id="p"), asked, True)
    revocations.hear({"revoked": [["1", "a"]]})
    assert remembered == {}


def test_after_silence_all_is_forgotten_and_what_cannot_be_read_proves_nothing(remembered: dict[Any, Any]) -> None:
    keep(remembered, "a")
    revocations.hear({"revoked": []})
    assert remembered == {}
    revocations._heard_at = float("-inf")
    for forged in (bus.Unreadable(reason="forged_or_damaged"), "text", None):
        revocations.hear(forged)
    assert not revocations.are_heard()
