"""A form that could not be taken in, given back with every word: it can be sent again as it was, once the parts that were away are back."""

import re
from typing import Any

import pytest
from flask import Flask

from gateway import _answer, problems
from gateway import session as sessions
from safekeep.ids import new_id


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


def test_a_form_of_nobodys_session_is_given_back_with_where_to_sign_in_and_can_be_sent_from_there(app: Flask) -> None:
    """Every field of words to be seen, the others with it. A form without words leads to sign in."""
    sent = {"csrf_token": "ab12", "do": "record", "text": "Rang home.", "answer": "She was glad.", "parent_told": "yes"}
    client = app.test_client()
    answer = client.post(f"/s/hillside/incidents/{new_id()}/actions/new/{new_id()}", data=sent)
    assert answer.status_code == 401
    for name in ("text", "answer"):
        assert re.search(rf'<textarea [^>]*name="{name}"[^>]*>\s*{re.escape(sent[name])}</textarea>', answer.text), name
    for name in ("parent_told", "do"):
        assert f'<input type="hidden" name="{name}" value="{sent[name]}">' in answer.text
    assert '<input type="hidden" name="csrf_token" value="ab12">' in answer.text
    assert 'target="_blank"' in answer.text
    assert client.post(f"/s/hillside/drafts/{new_id()}/discard", data={"csrf_token": "ab12"}).status_code == 303
