"""The letter that says nothing is held: what it says to whom, and that the same letter is the same file."""

import datetime as dt
import io

import pypdf
import pytest

from services.reports import letters
from services.reports.requests import KINDS, Kind


def a_letter(kind: Kind = "subject_access_parent", **fields: str) -> dict[str, str]:
    said = {"school": "Hillside", "asker": "Jo Okafor, mother", "reference": "2026-3", "by": "Dee Lead", "scope": "everything since May"} | fields
    return letters.nothing_held(kind=kind, received=dt.date(2026, 9, 8), on=dt.date(2026, 9, 20), **said)


def text_of(data: bytes) -> str:
    return " ".join("".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages).split())


def test_it_says_who_asked_for_what_and_when_and_that_nothing_is_held() -> None:
    text = text_of(letters.pdf(a_letter()))
    for said in (
        "Jo Okafor, mother",
        "2026-3",
        "8 September 2026",
        "20 September 2026",
        "everything since May",
        "Nothing is held.",
        "Dee Lead, for Hillside",
    ):
        assert said in text, said


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_has_a_right_to_complain_is_told_where(kind: Kind) -> None:
    assert ("ico.org.uk" in text_of(letters.pdf(a_letter(kind)))) == (kind not in {"court", "police"})


def test_the_same_letter_is_the_same_file() -> None:
    assert letters.pdf(a_letter()) == letters.pdf(a_letter())
    assert letters.pdf(a_letter()) != letters.pdf(a_letter(scope=""))
