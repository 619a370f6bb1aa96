"""Which files are taken: by what they are, whatever their name says; each refusal with a sentence of its own."""

import io

import pytest

from gateway import problems
from safekeep.contracts.files import FIRST_KINDS, KINDS
from safekeep.errors import Invalid
from services.files import accepting
from tests.services.files.samples import REFUSED, TAKEN, document, mail, pdf, picture, zipped


def examine(name: str, data: bytes, *, taken: tuple[str, ...] = FIRST_KINDS) -> accepting.Found:
    return accepting.examine(io.BytesIO(data), name=name, size=len(data), taken=taken)


@pytest.mark.parametrize(("name", "data", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_it_is_refused_with_its_own_sentence(name: str, data: bytes, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        examine(name, data)
    assert caught.value.problems == {"file": code}
    assert code in problems.FIELD


@pytest.mark.parametrize(("name", "data", "kind"), TAKEN.values(), ids=TAKEN.keys())
def test_it_is_taken_as_what_it_is(name: str, data: bytes, kind: str) -> None:
    assert examine(name, data).kind == kind


@pytest.mark.parametrize(("name", "data", "kind"), TAKEN.values(), ids=TAKEN.keys())
def test_a_school_that_does_not_keep_a_kind_is_asked_for_none_of_it(name: str, data: bytes, kind: str) -> None:
    others = tuple(each for each in KINDS if each != kind)
    with pytest.raises(Invalid) as caught:
        examine(name, data, taken=others)
    assert caught.value.problems == {"file": "kind_not_taken"}


def test_a_plain_archive_is_taken_where_a_school_says_so() -> None:
    holds = {
        "a.txt": b"a",
        "long.txt": b"words " * 40_000,
        "photo.jpg": picture(),
        "pages/a.pdf": pdf(),
        "a.docx": document(),
        "what": b"\x93\x81" * 9,
    }
    assert examine("a.zip", zipped(holds), taken=("archives",)).kind == "archives"


def test_what_an_archive_holds_is_refused_also_where_archives_are_kept() -> None:
    for case in (case for case in REFUSED if "in an archive" in case or "an archive calls" in case):
        name, data, code = REFUSED[case]
        with pytest.raises(Invalid) as caught:
            examine(name, data, taken=KINDS)
        assert caught.value.problems == {"file": code}, case


def test_what_is_too_long_to_be_looked_through_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "MOST_MAIL", 1_000)
    with pytest.raises(Invalid, match="mail_too_long"):
        examine("a.eml", mail(attached=b"\x93" * 1_000))
    with pytest.raises(Invalid, match="archive"):
        examine("a.zip", zipped({"long.pdf": pdf(9)}), taken=KINDS)
