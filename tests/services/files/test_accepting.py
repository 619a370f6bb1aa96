"""Which files are taken: by what they are, whatever their name says; each refusal with a sentence of its own."""

import io

import pytest

from gateway import problems
from safekeep.contracts.files import FIRST_KINDS, KINDS
from safekeep.errors import Invalid
from services.files import accepting
from tests.services.files.samples import REFUSED, TAKEN, zipped


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
    assert examine("a.zip", zipped({"a.txt": b"a"}), taken=("archives",)).kind == "archives"


def test_a_list_longer_than_can_be_held_is_refused_before_it_is_read() -> None:
    data = zipped({f"{n}.txt": b"" for n in range(accepting.MOST_MEMBERS + 1)})
    with pytest.raises(Invalid, match="bomb"):
        examine("a.zip", data, taken=KINDS)


def test_what_a_zip_says_of_its_size_is_not_believed_when_it_is_opened() -> None:
    """An archive in an archive that says it is small and is not."""
    inner = bytes(accepting.SMALL + 10)
    data = bytearray(zipped({"inner.zip": inner}))
    at = data.find(b"PK\x01\x02")
    data[at + 24 : at + 28] = (100).to_bytes(4, "little")
    with pytest.raises(Invalid) as caught:
        examine("a.zip", bytes(data), taken=KINDS)
    assert caught.value.problems["file"] in {"bomb", "damaged"}
