"""Documents, sheets and slides of before 2007: their words and no others, read by the child that can reach nothing; what is locked or torn gives none."""

import os
import struct

import office_oxide
import pytest

from services.files import accepting, looking
from tests.services.files import samples
from tests.services.files.test_accepting import examine

TYPES = {"doc": "application/msword", "xls": "application/vnd.ms-excel", "ppt": "application/vnd.ms-powerpoint"}
SAID = {
    "doc": [
        "Note of a meeting",
        "Sarah said \u201cI do not want to go home\u201d at 9:05. D\u0175r. \u0141\u00f3d\u017a.",
        "Her arm was hurt, she said.",
        "See the school's page",
        "Mrs Smith",
        "10 March",
    ],
    "xls": ["Name\tDay\tMinutes late", "Sarah D\u0175r\t2026-03-10\t12.5"],
    "ppt": ["What to do when a child tells you", "Listen. D\u0175r.", "Write down their words"],
}


def seen(data: bytes, *, media_type: str) -> looking.Seen:
    memory = os.memfd_create("file")
    try:
        os.write(memory, data)
        return looking.look(memory, media_type=media_type)
    finally:
        os.close(memory)


@pytest.mark.parametrize("kind", SAID)
def test_its_words_are_read_and_no_others(kind: str) -> None:
    """Not what was struck out ("not hurt"), not where a link goes, not "Click to edit" of a slide's master."""
    said = office_oxide.Document.from_bytes(samples.older(kind), kind).plain_text()  # type: ignore[arg-type]
    assert [line for line in SAID[kind] if line not in said] == []
    assert not any(words in said for words in ("not hurt", "school.example", "Click to edit"))


@pytest.mark.parametrize("kind", SAID)
def test_the_child_draws_them_and_says_that_it_is_words_alone(kind: str) -> None:
    """A control: of a container with nothing in it there is no page."""
    data = samples.older(kind)
    assert examine(f"a.{kind}", data).media_type == TYPES[kind]
    found = seen(data, media_type=TYPES[kind])
    assert (len(found.pages), found.facts, found.attachments) == (1, {"of_words": True}, [])
    assert seen(samples.old_word("WordDocument"), media_type=TYPES[kind]) == looking.NOTHING


def test_a_locked_document_gives_nothing() -> None:
    changed = bytearray(samples.older("doc"))
    at = changed.index(struct.pack("<H", 0xA5EC)) + 10
    struct.pack_into("<H", changed, at, struct.unpack_from("<H", changed, at)[0] | 0x0100)
    assert seen(bytes(changed), media_type=TYPES["doc"]) == looking.NOTHING


@pytest.mark.parametrize("kind", SAID)
def test_a_torn_file_ends_in_words_or_in_nothing(kind: str) -> None:
    """Cut short, or with a stretch of its middle overwritten."""
    data = samples.older(kind)
    for changed in (data[:600], data[: len(data) // 2], data[:1024] + b"\xff" * 2048 + data[3072:], data[:512] + bytes(len(data) - 512)):
        assert seen(changed, media_type=TYPES[kind]).attachments == []


def test_these_types_are_those_that_are_shown() -> None:
    assert all(looking.can_show(type_) for type_ in TYPES.values())
    assert not looking.can_show(accepting._OUTLOOK)
