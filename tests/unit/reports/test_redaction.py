"""What is proposed for redaction, and how much of it is found in the written accounts."""

import unicodedata

import pytest

from safekeep.spelling import is_spelt
from services.reports.redaction import Names, Person, redacted
from tests.bench.redaction import measured, unmarked
from tests.unit.reports.redaction_cases import ABOUT, CASES, HELD_OUT, HELD_OUT_SECOND, REGISTER

HELD_OUT_RECALL = 0.95
"""The first fifteen (24 places) had 0.83 by the first rules: missed were a letter alone, a first name with a letter behind it, and two names nobody
in the register has, one beginning a sentence and one behind a colon. Fifteen more (25 places) were written before those kinds were mended, and had 0.80.
Both have all now; who wrote the second knew what the first had missed, so a school will find less. That is why two people read the whole record."""


def found_in(account: str, *, staff_too: bool = False, about: Person = ABOUT) -> list[str]:
    return [account[p.first : p.end] for p in Names(REGISTER, about=about, staff_too=staff_too).proposals(account)]


def test_of_sixty_accounts_at_least_98_in_100_of_third_parties_are_found_and_few_proposals_are_needless() -> None:
    assert len(set(CASES)) == 60
    found = measured(CASES)
    assert found.recall >= 0.98, found.missed
    assert found.precision >= 0.95, found.needless


@pytest.mark.parametrize("cases", [HELD_OUT, HELD_OUT_SECOND], ids=["that showed what to mend", "written before it was mended"])
def test_of_accounts_written_without_looking_at_the_rules_nearly_all_is_found(cases: tuple[str, ...]) -> None:
    found = measured(cases)
    assert found.recall >= HELD_OUT_RECALL, found.missed
    assert found.precision >= 0.9, found.needless


@pytest.mark.parametrize(
    ("account", "found"),
    [
        ("S said no. Amelia went to form S and Year Z.", ["S"]),
        ("I saw it. A chair fell. Plan B was tried. O cried.", []),  # O is a letter of her own
        ("Amelia K was there; Amelia O and Amelia Okafor are she.", ["Amelia K"]),
        ("Jayden K. ran. Zoë B's coat. Samuel I think was gone.", ["Jayden K.", "Zoë B", "Samuel"]),
        ("Brimblewick ran off. Running helps her. DON'T.", ["Brimblewick"]),
    ],
)
def test_letters_and_words_of_no_language_are_found_where_they_stand_for_somebody(account: str, found: list[str]) -> None:
    assert [account[p.first : p.end] for p in Names(REGISTER, about=ABOUT, is_word=is_spelt).proposals(account)] == found


def test_without_the_register_far_less_is_found_so_the_measure_can_fail() -> None:
    assert measured(CASES, register=()).recall < 0.85


def test_marks_sent_apart_from_their_letter_are_found_with_it() -> None:
    account = unicodedata.normalize("NFD", "Then Zoë and Séamus left.")
    assert [unicodedata.normalize("NFC", word) for word in found_in(account)] == ["Zoë", "Séamus"]


def test_staff_are_proposed_only_where_the_review_says_so() -> None:
    assert found_in("Miss Fry and Mr Osei were there.") == []
    assert found_in("Miss Fry and Mr Osei were there.", staff_too=True) == ["Miss Fry", "Mr Osei"]


def test_the_pupil_the_record_is_about_keeps_her_name_and_is_another_in_another_record() -> None:
    assert found_in("Amelia Okafor and A.O. are one child.") == []
    assert found_in("Samuel was pushed and Amelia laughed.", about=REGISTER[0]) == ["Amelia"]


def test_proposals_never_overlap_and_lie_in_the_text() -> None:
    names = Names(REGISTER, about=ABOUT, staff_too=True)
    for case in (*CASES, *HELD_OUT, "", "\n", "….", "Sam " * 500):
        account = unmarked(case)[0]
        end = 0
        for each in names.proposals(account):
            assert end <= each.first < each.end <= len(account)
            end = each.end


def test_the_text_is_made_anew_without_the_words_and_a_mark_tells_no_length() -> None:
    short, long = "Sam left.", "Mohammed left."
    assert redacted(short, [(0, 3)]) == redacted(long, [(0, 8)])
    assert redacted("Zoë and Sam left.", [(8, 11), (0, 3), (2, 9)]) == "█████ left."
    assert redacted("nothing", []) == "nothing"


@pytest.mark.parametrize("place", [(0, 0), (-1, 3), (3, 99), (4, 2)])
def test_a_place_outside_the_text_is_refused(place: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"^place_outside_text$"):
        redacted("Sam left.", [place])
