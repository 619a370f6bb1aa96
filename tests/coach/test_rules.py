"""The coach's rules: their own examples, quotation marks, and how well they find what they should."""

import os
import socket
import subprocess
import time

import pytest

from gateway.coaching import SENTENCES
from safekeep import spelling
from services.incidents.coach.looking import Around, Written, look, passages
from services.incidents.coach.names import PupilName
from services.incidents.coach.quotes import quotes_in
from services.incidents.coach.rules import Rule, rules
from tests.coach.judging import SARAH, around, entries, found, scores

SAYS_SO = "This may be a question for a colleague. If you are worried about the child, send it as it is."


def seen(text: str, **fields: object) -> set[str]:
    given = {"time_given": True, "place_given": True, "pupil_id": SARAH} | fields
    return {finding.rule for finding in look(Written(text=text, **given), around())}  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", rules().values(), ids=lambda rule: rule.code)
def test_each_rule_finds_its_poor_examples_and_not_its_good_ones(rule: Rule) -> None:
    of = "incident" if "text" in rule.fields else "action"
    fields = {"of": of, "time_given": rule.code not in {"no_time", "vague"}, "place_given": rule.code != "no_place"}
    assert [text for text in rule.poor if rule.code not in seen(text, **fields)] == []
    assert [text for text in rule.good if rule.code in seen(text, **fields)] == []


def test_every_rule_has_a_name_an_explanation_and_a_sentence_of_the_page() -> None:
    assert all(rule.name and rule.explanation for rule in rules().values())
    assert set(SENTENCES) == set(rules())
    assert all(rule.poor and rule.good for rule in rules().values() if rule.code != "full_name")  # whose names, the school alone knows


def test_no_text_leaves_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every entry is looked at without a socket opened and without a program started."""

    assert spelling.is_spelt("word")  # the dictionary is read once, and to find its library a program is started

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it would leave the coach")

    for place, what in ((socket, "socket"), (socket, "create_connection"), (subprocess, "Popen"), (os, "posix_spawn"), (os, "system")):
        monkeypatch.setattr(place, what, refuse)
    assert sum(len(found(entry)) for entry in entries()) > len(entries()) / 2


def test_the_good_example_gets_its_missing_time_and_place_and_the_choir_one_sentence() -> None:
    good, choir = entries()[:2]
    assert found(good) == {"no_time", "no_place"}
    assert [f.rule for f in look(choir.written, around())] == ["question_for_colleague"]
    assert str(SENTENCES["question_for_colleague"]) == SAYS_SO


def test_the_entries_are_120_or_more_a_third_of_them_written_after_the_rules_and_30_held_out() -> None:
    count = {when: sum(entry.written_when == when for entry in entries()) for when in ("with", "bettered", "held_out")}
    assert len(entries()) >= 120
    assert 3 * (count["bettered"] + count["held_out"]) >= len(entries())
    assert count["held_out"] >= 30
    assert {rule for entry in entries() for rule in entry.expected} == set(rules())


def test_precision_and_recall_hold_on_what_the_rules_were_written_with_and_on_what_was_held_out() -> None:
    """What each rule comes to is printed by ./bench coach. It advises: better silent than wrong."""
    for when, precision, recall in (("with", 0.95, 0.95), ("bettered", 0.95, 0.95), ("held_out", 0.85, 0.5), ("held_out_2", 0.65, 0.55)):
        each = scores([entry for entry in entries() if entry.written_when == when]).values()
        right, wrong, missed = (sum(getattr(score, name) for score in each) for name in ("right", "wrong", "missed"))
        assert right / (right + wrong) >= precision
        assert right / (right + missed) >= recall


@pytest.mark.parametrize(
    "text",
    [
        'Sarah said, "I think he is obviously a retard, it is ALWAYS realy late."',
        "Sarah said, “I think he is obviously a retard, it is ALWAYS realy late.”",
        "Sarah said, ‘I think he is obviously a retard, it is ALWAYS realy late.’",
        "Sarah said, 'I think he is obviously a retard, it is ALWAYS realy late.'",
        "Sarah said, ‘the boys’ toilets are obviously realy disgusting and I think he’s a retard’.",
        "Sarah said, 'the boys' toilets are obviously realy disgusting and I think he's a retard'.",
        'Sarah said, "I think he is obviously a retard, it is ALWAYS realy late',
        "Sarah said, “I think he is obviously a retard\n\nit is ALWAYS realy late and Tommy Brown is lazy",
        'Sarah said, "He told me "you are obviously thick" and I think he is a retard."',
        'Sarah said, "I hate it. She said "obviously" and it is ALWAYS realy late."',
        "Sarah said, „I think he is obviously a retard“ and «it is ALWAYS realy late».",
        'Sarah said, “I think he is obviously a retard." She nodded.',
        'Sarah said, "I asked if he hit her, didn\'t he? Tommy Brown is fat."',
    ],
)
def test_nothing_is_said_of_words_in_quotation_marks(text: str) -> None:
    assert seen(text, kind="conversation") == set()


@pytest.mark.parametrize(
    "text",
    [
        "Sarah's coat is the boys' own. She obviously took it.",
        "'Cause of rain, 'em all went in. She obviously ran.",
        "She obviously ran; it was Tom's.",
    ],
)
def test_an_apostrophe_opens_no_quotation(text: str) -> None:
    assert "opinion" in seen(text)


def test_what_stands_between_two_quotations_is_looked_at() -> None:
    assert seen('She said "no" and obviously meant "yes".') == {"opinion"}
    assert len(quotes_in("‘One.’ Then ‘two.’ Then 'three.'")) == 3


def test_nothing_is_said_where_a_child_may_be_at_risk_now() -> None:
    text = "Mr Okafor hit Sarah. I think he is OBVIOUSLY drunk, a few times now."
    assert seen(text, at_risk_now=True) == set()
    assert {"adult_of_school", "opinion"} <= seen(text)


def test_a_childs_words_show_the_way_for_concerns_about_adults_and_nothing_else_of_them() -> None:
    assert seen('Sarah said, "Mr Okafor is obviously mental, he grabbed me."', kind="conversation") == {"adult_of_school"}
    assert seen('Sarah said, "Mr Nobody grabbed me."', kind="conversation") == set()  # no adult of the school


def test_the_first_pupils_name_adults_names_and_names_after_a_title_get_no_finding() -> None:
    assert "full_name" not in seen("Sarah Wren and Jane Lowe went in. Mr Will Young came to fetch her.")
    finding = next(f for f in look(Written(text="Sarah saw zoe o'brien-łuć and Mei Lin Chen.", pupil_id=SARAH), around()) if f.rule == "full_name")
    assert finding.offered == ("MC",)  # no capital, no name
    assert "full_name" not in seen("Tommy Brown fell.", pupil_id=None)  # whose record it is, is not known yet


def test_a_name_in_a_script_without_capitals_is_found() -> None:
    school = around()
    school = Around(
        is_spelt=school.is_spelt,
        adults=school.adults,
        pupils=[
            *school.pupils,
            PupilName(id=entries()[0].written.pupil_id, name="Sarah Wren"),
            PupilName(id=__import__("uuid").uuid4(), name="李明"),
        ],
    )
    assert {f.rule for f in look(Written(text="Sarah sat beside 李明 today.", pupil_id=SARAH, time_given=True, place_given=True), school)} == {
        "full_name"
    }


def test_time_and_place_are_taken_from_the_fields() -> None:
    text = "Earlier Sarah was found somewhere on her own without her shoes."
    assert seen(text, time_given=False, place_given=False) == {"no_time", "no_place", "vague"}
    assert seen(text) == set()


def test_spelling_leaves_names_of_the_school_and_other_languages_alone() -> None:
    assert seen("Aisha and Okafor's class sat with Łuć.") == set()
    assert seen("Mae'r ferch wedi dweud wrthyf heddiw ei bod yn ofnus iawn gartref gyda'r nos oherwydd y gweiddi a'r ffraeo.") == set()
    assert seen("Yesturday she was realy quiet.") == {"spelling"}


def test_passages_are_those_in_quotation_marks_each_once() -> None:
    assert passages('She said, "No." I said \'why?\' She said, "No."') == ["No.", "why?"]


def test_2_000_characters_take_under_30_ms_of_a_processor() -> None:
    text, school = " ".join(entry.written.text for entry in entries())[:2_000], around()
    look(Written(text=text, pupil_id=SARAH), school)
    took = []
    for _ in range(5):
        began = time.thread_time()
        look(Written(text=text, pupil_id=SARAH), school)
        took.append(time.thread_time() - began)
    assert min(took) < 0.030


@pytest.mark.parametrize(
    "text",
    [
        "'a " * 6_600,
        '"a ' * 6_600,
        "(‘a’ " * 4_000,
        "asked a " * 2_500,
        "AB " * 6_600,
        "a" * 20_000,
        "Mr Okafor " * 2_000,
        "she said she had had " * 950,
        "I think " * 2_500,
    ],
)
def test_nothing_that_is_typed_makes_it_slow(text: str) -> None:
    began = time.thread_time()
    look(Written(text=text, action_taken=text, pupil_id=SARAH), around())
    assert time.thread_time() - began < 2.0


def test_without_a_dictionary_only_spelling_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not spelling.is_spelt("yesturday")
    monkeypatch.setattr(spelling, "_words", lambda: None)
    spelling.is_spelt.cache_clear()
    assert seen("Yesturday she was obviously tired.") == {"opinion"}
    spelling.is_spelt.cache_clear()
