"""All that was found in a record, in one list: each words once, whatever their capitals and whose ever, with every place. Pure.

Of a record only what was found is held while it is read on: a place is where words stand, never the text about them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, get_args
from uuid import UUID

from safekeep import text as said
from safekeep.contracts.reports import FoundBy
from services.reports.disclosing import Part
from services.reports.redaction import Why
from services.reports.reviewing import Mark, Text

SHOWN: Final = 60
"""Characters of found words that the list says; the page of the record says all."""
_ORDER: Final[tuple[Why | None, ...]] = (*get_args(FoundBy), None)
"""What is surest first: words that are a pupil's name in one place and may be one in another stand among the names."""


@dataclass(frozen=True, slots=True)
class Where:
    """The text a place is in, without its words."""

    entry_id: UUID
    part: Part
    heading: str


@dataclass(frozen=True, slots=True)
class Place:
    """Characters `start` up to `stop` (not counted) of a text on the page at `cursor`, and what is decided (None: nothing yet)."""

    text: Where
    start: int
    stop: int
    cursor: str | None
    accepted: bool | None


@dataclass(slots=True)
class Words:
    """Words that were found, what they were surest found by (None: by hand), and each place of them."""

    words: str
    why: Why | None
    places: list[Place] = field(default_factory=list)


class Found:
    """What was found, gathered text by text."""

    def __init__(self) -> None:
        self._by_words: dict[str, Words] = {}

    def add(self, text: Text, marks: Iterable[Mark], *, cursor: str | None) -> None:
        """Add the places of one text on the page at `cursor`."""
        where = Where(text.entry_id, text.part, text.heading)
        for mark in marks:
            plain = said.listed(text.written[mark.start : mark.stop])
            known = self._by_words.setdefault(plain.casefold(), Words(plain if len(plain) <= SHOWN else f"{plain[:SHOWN]}…", mark.why))
            known.why = min(known.why, mark.why, key=_ORDER.index)
            known.places.append(Place(where, mark.start, mark.stop, cursor, mark.accepted))

    def in_order(self) -> list[Words]:
        """Return it by what it was found by, and then by the alphabet."""
        return [words for _, words in sorted(self._by_words.items(), key=lambda each: (_ORDER.index(each[1].why), each[0]))]
