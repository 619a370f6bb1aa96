"""The page that finds out what became of something sent: it is the service's clock that makes "not recorded" certain, not the gateway's."""

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from gateway import rpc, session
from gateway.pages import saving
from safekeep import clock
from safekeep.contracts.incidents import OutcomeAnswer
from safekeep.ids import new_id


@pytest.mark.parametrize(("passed", "state"), [(False, "saving"), (True, "not_recorded")])
def test_what_is_not_there_is_called_certain_only_when_the_service_says_so(
    passed: bool, state: str, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def ask(wanted: Any, **_: Any) -> OutcomeAnswer:
        asked.append(wanted)
        return OutcomeAnswer(incident_id=None, passed=passed)

    monkeypatch.setattr(session, "here", lambda: SimpleNamespace(token="t"))
    monkeypatch.setattr(rpc, "ask", ask)
    monkeypatch.setattr(saving, "_page", lambda _here, _id, *, state: state)
    until = int(clock.now().timestamp()) - 60  # long past, by this clock
    with app.test_request_context(query_string={"until": until}):
        assert saving.saving("hillside", new_id()) == state
    assert [each.deadline for each in asked] == [dt.datetime.fromtimestamp(until, dt.UTC)]
