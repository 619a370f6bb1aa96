"""A form that could not be taken in, given back with every word: it can be sent again as it was, once the parts that were away are back."""

from typing import Any

import pytest
from flask import Flask

from gateway import _answer, problems
from gateway import session as sessions


def test_what_was_typed_goes_back_with_the_forms_own_token_also_where_no_session_could_be_looked_up(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a token for nobody's session it was refused afterwards as open too long, and the words were gone from the page."""
    monkeypatch.setattr(sessions, "found", lambda: None)
    sent: dict[str, Any] = {"csrf_token": "ab12<", "narrative": "Seen at the gate."}
    with app.test_request_context("/s/hillside/incidents/new", method="POST", data=sent):
        page = _answer(next(each for each in vars(problems).values() if getattr(each, "status", None) == 503)).get_data(as_text=True)
    assert "Seen at the gate." in page
    assert 'name="csrf_token" value="ab12&lt;"' in page
