"""What text is accepted, and how names are found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from safekeep import text
from safekeep.contracts import Line, Narrative


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("She said “no”.\n\tThen: é, ш, 王, 👍🏽, النص", None),
        ("nul \x00", "control_characters"),
        ("bell \x07", "control_characters"),
        ("escape \x1b[31m", "control_characters"),
        ("c1 \x85", "control_characters"),
        ("turned \u202etxt.exe", "direction_override"),
        ("isolate \u2067x\u2069", "direction_override"),
        ("lone \ud800", "surrogate"),
        ("<script>alert(1)</script>", None),
        ("' or 1=1 --", None),
        ("mark \u200f right to left", None),
    ],
)
def test_everything_people_write_is_accepted_and_only_what_deceives_or_breaks_is_not(value: str, problem: str | None) -> None:
    assert text.problem_with(value) == problem


def test_a_narrative_has_twenty_thousand_characters_whatever_they_take() -> None:
    """20,000 letters of four bytes are fine and one more is not; line ends of Windows count once."""
    narrative = TypeAdapter(Narrative)
    assert len(narrative.validate_python("👍" * 20_000)) == 20_000
    with pytest.raises(ValidationError):
        narrative.validate_python("a" * 20_001)
    assert narrative.validate_python("a\r\nb\rc") == "a\nb\nc"
    for blank in ("", "   ", "\n\t"):
        with pytest.raises(ValidationError):
            narrative.validate_python(blank)


def test_one_line_is_one_line() -> None:
    line = TypeAdapter(Line)
    assert line.validate_python("  Room 4 ") == "Room 4"
    with pytest.raises(ValidationError):
        line.validate_python("Room\n4")


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Zoë O'Brien-Łuć", "zoe zoë brien obrien obrienluc luc"),
        ("Siân O’Neill", "sian oneill neill"),
        ("Anne Marie", "anne marie"),
        ("Nguyễn Thị", "nguyen nguyễn thi"),
        ("محمد علي", "محمد علي"),
        ("王小明", "王小明"),
    ],
)
def test_a_name_is_found_as_people_type_it(name: str, typed: str) -> None:
    """With and without diacritics, from either side of an apostrophe or hyphen, or run together."""
    tokens = text.search_tokens(name)
    assert [word for word in typed.split() if not any(token.startswith(word) for token in tokens)] == []


@given(st.text())
def test_searching_never_fails_and_gives_no_empty_word(name: str) -> None:
    assert all(text.search_tokens(name))
