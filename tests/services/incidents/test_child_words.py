"""The voice of the child: marked beside the text, which stays as it was written, and shown wherever it is read."""

import hashlib
import json

import rfc8785
import sqlalchemy as sa

from safekeep.contracts.incidents import AddAction, AddCorrection, Chronology, Incident, MyEntries, Span
from safekeep.ids import new_id
from services.incidents import child_words, recording
from services.incidents.keeper import summary
from tests.make import GOOD_EXAMPLE, a_record
from tests.services.incidents.desk import Desk

HER_WORDS = "I don't like my life anymore"


def said(text: str, spans: list[Span]) -> list[str]:
    return [text[span.start : span.end] for span in spans]


def test_her_words_are_marked_in_the_incident_and_the_chronology_and_the_text_is_as_it_was_written(desk: Desk) -> None:
    recorded = desk.record(child_words=[HER_WORDS, "never said this"])
    (entry,) = desk.ask(Incident(incident_id=recorded.id), role="dsl").entries
    assert entry.text == GOOD_EXAMPLE
    assert said(entry.text, entry.child_words) == [HER_WORDS]
    (line,) = desk.ask(Chronology(pupil_id=desk.pupil), role="dsl").items
    assert said(line.text, line.child_words) == [HER_WORDS]
    (heading,) = desk.ask(MyEntries(), role="teacher").items
    assert (heading.text, heading.child_words) == ("", [])


def test_the_mark_is_committed_in_the_ledger_as_a_field_of_its_own(desk: Desk) -> None:
    desk.record(child_words=[HER_WORDS])
    desk.record()
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        rows = tx.execute(sa.text("select canonical from ledger order by sequence")).scalars()
        marked, plain = (json.loads(bytes(row))["fields"] for row in rows)
    assert set(marked) - set(plain) == {"fact:child_words"}


def test_an_actions_words_are_marked_too(desk: Desk) -> None:
    recorded = desk.record()
    text = 'Met Sarah. She said, "It is better now."'
    desk.ask(AddAction(id=new_id(), incident_id=recorded.id, text=text, child_words=["It is better now."]), role="dsl")
    action = desk.ask(Incident(incident_id=recorded.id), role="dsl").entries[1]
    assert said(action.text, action.child_words) == ["It is better now."]


def test_a_correction_leaves_her_words_hers(desk: Desk) -> None:
    recorded = desk.record(child_words=[HER_WORDS])
    should_say = GOOD_EXAMPLE.replace("lunchtime", "morning")
    desk.ask(AddCorrection(id=new_id(), incident_id=recorded.id, entry_id=recorded.id, reason="It was morning", should_say=should_say), role="dsl")
    entry = desk.ask(Incident(incident_id=recorded.id), role="dsl").entries[0]
    assert said(entry.text, entry.child_words) == [HER_WORDS]
    assert said(entry.earlier[0].text, entry.earlier[0].child_words) == [HER_WORDS]
    (line, _) = sorted(desk.ask(Chronology(pupil_id=desk.pupil), role="dsl").items, key=lambda item: item.kind, reverse=True)
    assert said(line.text, line.child_words) == [HER_WORDS]


def test_a_request_without_marks_has_the_fingerprint_it_had_before_there_were_any(desk: Desk) -> None:
    request = a_record(pupil_id=desk.pupil)
    assert "child_words" in request.model_dump(mode="json")
    before = {
        name: value
        for name, value in request.model_dump(mode="json", exclude={"receipts"}).items()
        if name not in {"child_words", "body_map", "details", "paper"}
    }
    assert recording.fingerprint(request, file_ids=[]) == hashlib.sha256(rfc8785.dumps(before | {"file_ids": []})).hexdigest()
    marked = request.model_copy(update={"child_words": [HER_WORDS]})
    assert recording.fingerprint(marked, file_ids=[]) != recording.fingerprint(request, file_ids=[])


def test_passages_that_touch_or_repeat_are_one_mark() -> None:
    assert child_words.spans_of("a bb bb", ["bb", "bb", "a bb"]) == [[0, 4], [5, 7]]
    assert child_words.spans_of("héé 👧 no", ["👧"]) == [[4, 5]]  # code points, whatever a browser counts
    assert child_words.spans_of("nothing", ["", "  ", "gone"]) == []


def test_the_printed_summary_of_an_export_marks_them() -> None:
    from types import SimpleNamespace

    values = {"text": 'She said, "No."', "fact:child_words": [[11, 14]]}
    kept = SimpleNamespace(shown=True, destroyed=False, left_out=frozenset(), values=values, hash="h", canonical=b"")
    entry = {"seq": 1, "entry": "e", "kind": "incident", "at": "2026-03-03T12:47:00Z"}
    made = summary._entry(entry, kept, places={}, fixed={}, names={}, zone="Europe/London")  # type: ignore[arg-type]
    assert made["child"]
    assert [piece for paragraph in made["text"] for line in paragraph for piece in line if piece["child"]] == [{"said": "No.", "child": True}]
