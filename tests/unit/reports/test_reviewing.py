"""A record before it is given: its texts, what is proposed and decided of them, and what is left of what was decided when a text changes."""

import datetime as dt
import io
import zipfile
from typing import Any

import pytest

from safekeep.contracts.incidents import Destroyed, Details, EntryLine, Paper, Span
from safekeep.ids import new_id
from services.reports import disclosing, reviewing
from services.reports.redaction import Names, Person
from services.reports.reviewing import Decided, Mark, Text
from tests.services.reports.test_chronology_pdf import a_line
from tests.unit.reports.test_disclosing import holds

SALT = "a-salt"
AMELIA = Person(name="Amelia Okafor", kind="pupil")
NAMES = Names([Person(name="Żaklina Quixworth", kind="pupil", linked=True)], about=AMELIA)
WRITTEN = "Amelia said that Żaklina Quixworth hit her. Żaklina ran off."
AT = dt.datetime(2026, 9, 20, 9, tzinfo=dt.UTC)


def texts_of(entry: EntryLine) -> dict[str, str]:
    return {text.part: text.written for text in reviewing.texts_of(entry, names={}, zone="Europe/London")}


def a_text(written: str = WRITTEN) -> Text:
    return Text(new_id(), "account", "Incident 2026-14", written)


def decided(text: Text, start: int, stop: int, *, accepted: bool = True, by_hand: bool = False, salt: str = SALT) -> Decided:
    digest = reviewing.digest_of(text.written, salt=salt)
    return Decided(text.entry_id, text.part, start, stop, digest, accepted, by_hand, "third_party" if accepted else None)


def marks(text: Text, *some: Decided) -> list[Mark]:
    return reviewing.marks(text, names=NAMES, decided=some, digest=reviewing.digest_of(text.written, salt=SALT))


def test_every_word_of_an_entry_that_would_be_given_stands_in_one_of_its_texts() -> None:
    contact = Details(kind="parent_contact", parent_told=True, to="Her aunt Zofia", at=AT, answer="She was glad.")
    paper = Paper(
        writer_id=None,
        writer="Olga Written",
        writer_role="",
        written_at=AT,
        written_precision="day",
        handed_in_at=AT,
        handed_in_precision="day",
    )
    found = texts_of(a_line(1, kind="action", occurred_at=None, details=contact, paper=paper, action_taken="Rang her.", part="witness"))
    said = "\n".join(found.values())
    for word in ("Account 1", "Her aunt Zofia", "She was glad.", "Olga Written", "Rang her.", "Ann Writer", "linked here as: witness"):
        assert word in said, word
    assert list(found) == ["about", "account", "action_taken", "details"]


def test_a_childs_own_words_stay_marked_in_what_is_given_and_of_what_is_destroyed_or_corrected_nothing_is() -> None:
    own = [Span(start=0, end=7)]
    line = a_line(1, child_words=own, action_taken="Told the DSL.")
    (_, account, taken) = reviewing.texts_of(line, names={}, zone="Europe/London")
    assert (account.child, taken.child) == (((0, 7),), ())
    given = reviewing.redacted([(account, reviewing.digest_of(account.written, salt=SALT))], decided=[])
    assert given[0].child == ((0, 7),)
    for fields in ({"kind": "correction", "reason": "A slip"}, {"destroyed": destroyed()}):
        texts = reviewing.texts_of(a_line(1, child_words=own, **fields), names={}, zone="Europe/London")
        assert [text.child for text in texts if text.part == "account"] == [()]


def destroyed() -> Destroyed:
    at = dt.datetime(2026, 3, 3, 12, tzinfo=dt.UTC)
    return Destroyed(at=at, basis="order", law="the county court, claim 7", proposed_by=new_id(), by=new_id(), ledger_sequence=9)


def test_of_what_was_destroyed_the_record_says_that_it_was_and_by_whose_order() -> None:
    at = dt.datetime(2026, 3, 3, 12, tzinfo=dt.UTC)
    gone = Destroyed(at=at, basis="order", law="the county court, claim 7", proposed_by=new_id(), by=new_id(), ledger_sequence=9)
    for kind in ("action", "correction"):
        found = texts_of(a_line(1, kind=kind).model_copy(update={"text": "", "reason": "", "destroyed": gone}))
        assert found["account"] == (
            "Destroyed on Tuesday 3 March 2026 at 12:00 by order of the county court, claim 7. Entry 9 of the ledger says why."
        )


def test_two_actions_below_one_incident_have_two_names() -> None:
    lines = [a_line(n, kind="action").model_copy(update={"number": "2026-7"}) for n in (1, 2)]
    first, second = (reviewing.heading_of(line, zone="Europe/London") for line in lines)
    assert first != second
    assert first.endswith("below incident 2026-7")


def test_what_is_proposed_waits_until_it_is_decided_and_what_is_decided_by_hand_stands_beside_it() -> None:
    text = a_text()
    whole, again = (17, 34), (44, 51)
    assert [(m.start, m.stop, m.why, m.accepted) for m in marks(text)] == [(*whole, "name", None), (*again, "name", None)]
    some = decided(text, *whole), decided(text, *again, accepted=False), decided(text, 52, 59, by_hand=True)
    found = marks(text, *some)
    assert [(m.start, m.accepted, m.by_hand) for m in found] == [(17, True, False), (44, False, False), (52, True, True)]
    assert reviewing.is_decided(found)
    assert not reviewing.is_decided(marks(text, *some[:1]))


def test_within_what_is_left_out_nothing_more_needs_deciding() -> None:
    text = a_text()
    assert [(m.start, m.stop) for m in marks(text, decided(text, 0, len(WRITTEN), by_hand=True))] == [(0, len(WRITTEN))]


def test_a_text_that_changed_is_decided_on_again() -> None:
    text = a_text()
    before = [decided(text, m.start, m.stop) for m in marks(text)]
    changed = Text(text.entry_id, text.part, text.heading, f"Sorry. {WRITTEN}")
    assert all(m.accepted is None for m in marks(changed, *before))
    assert disclosing.given(reviewing.redacted([(changed, reviewing.digest_of(changed.written, salt=SALT))], decided=before))[1] == []


def test_a_place_that_is_not_in_the_text_is_no_decision_and_keeps_no_record_from_being_made() -> None:
    text = a_text()
    outside = decided(text, 10, len(WRITTEN) + 1)
    assert all(mark.accepted is None for mark in marks(text, outside))
    assert disclosing.given(reviewing.redacted([(text, outside.digest)], decided=[outside]))[1] == []


def test_a_digest_tells_nobody_without_the_salt_which_text_it_is_of() -> None:
    assert reviewing.digest_of("Sam", salt="a") != reviewing.digest_of("Sam", salt="b")
    assert reviewing.digest_of("Sam", salt="a") != disclosing.hash_of("Sam")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("żaklina", ["Żaklina", "Żaklina"]),
        ("Żaklina   Quixworth", ["Żaklina Quixworth"]),
        ("her", ["her"]),  # not "other"
        ("hit her.", ["hit her."]),
        ("lina", []),
        ("(", []),
        ("   ", []),
        ("nobody", []),
    ],
)
def test_words_by_hand_are_found_as_whole_words_wherever_they_stand(words: str, found: list[str]) -> None:
    assert [WRITTEN[a:b] for a, b in reviewing.places_of(words, written=WRITTEN)] == found


def made(*some: Decided, text: Text) -> dict[str, Any]:
    texts = reviewing.redacted([(text, reviewing.digest_of(text.written, salt=SALT))], decided=some)
    facts = {"Pupil": "Amelia Okafor"}
    return disclosing.document(texts, title="Record of Amelia Okafor", school="Hillside", facts=facts, withheld=["1 attached file"], at=AT)


def parts_of(file: bytes) -> dict[str, str]:
    """Return every part of a Word file as text, its properties among them."""
    with zipfile.ZipFile(io.BytesIO(file)) as opened:
        assert opened.comment == b""
        return {name: opened.read(name).decode("utf-8", "replace") for name in opened.namelist()}


def test_words_left_out_are_in_no_part_of_the_word_file_and_in_none_of_the_pdf_and_found_where_they_are_not_left_out() -> None:
    text = a_text()
    some = [decided(text, m.start, m.stop) for m in marks(text)]
    for word in ("Żaklina", "Quixworth"):
        left_out, whole = made(*some, text=text), made(text=text)
        assert not [name for name, said in parts_of(disclosing.docx(left_out, at=AT)).items() if word in said]
        assert [name for name, said in parts_of(disclosing.docx(whole, at=AT)).items() if word in said] == ["word/document.xml"]
        assert not holds(disclosing.pdf(left_out), word)
        assert holds(disclosing.pdf(whole), word)


def test_the_same_record_makes_the_same_files() -> None:
    text = a_text()
    said = made(*[decided(text, m.start, m.stop) for m in marks(text)], text=text)
    assert disclosing.pdf(said) == disclosing.pdf(said)
    assert disclosing.docx(said, at=AT) == disclosing.docx(said, at=AT)
