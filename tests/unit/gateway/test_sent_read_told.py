"""*Sent*, *read* and *told* are three different things: nobody goes home believing that somebody knows."""

import datetime as dt
import re
from typing import Any
from uuid import UUID

import pytest
from flask import Flask, render_template

from gateway.schools import Known
from safekeep.contracts.alerts import ReaderItem
from safekeep.contracts.incidents import EntryItem, Recipient
from safekeep.ids import new_id

NOON = dt.datetime(2026, 3, 10, 12, 47, tzinfo=dt.UTC)
ONE, OTHER = new_id(), new_id()


@pytest.mark.parametrize(
    ("raised", "delayed", "heading"),
    [
        ((), False, "The alert is being sent to"),
        ((ONE,), False, "The alert is being sent to"),
        ((ONE, OTHER), False, "The alert was sent to"),
        ((), True, "The alert will be sent to"),
    ],
)
def test_an_alert_was_sent_when_it_was_sent_to_everybody_below(app: Flask, raised: tuple[UUID, ...], delayed: bool, heading: str) -> None:
    """As long as what tells incidents' events to alerts, or alerts itself, is behind, it is being sent to whom it says so of."""
    entry = EntryItem(
        id=new_id(),
        kind="incident",
        class_code="welfare",
        author_id=new_id(),
        author_name="A Teacher",
        author_role="teacher",
        recorded_at=NOON,
        text="x",
        recipients=[Recipient(person_id=person, because=["named"]) for person in (ONE, OTHER)],
        files=[],
        ledger_sequence=1,
        entry_hash="0" * 64,
    )
    readers = {
        (entry.id, person): ReaderItem(
            person_id=person, entry_id=entry.id, because=["named"], raised_at=NOON, mail="waiting", mailed_at=None, read_at=None
        )
        for person in (ONE, OTHER)
        if person in raised
    }
    school: Any = None
    known = Known(school=school, staff={}, categories={})
    with app.test_request_context():
        said = render_template("incidents/_recorded_readers.html", known=known, entry=entry, readers=readers, delayed=delayed)
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", said) == [heading]
    assert said.count("Being sent. Not read yet") == 2 - len(raised)
