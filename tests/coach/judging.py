"""The entries with what the coach should find, and how well it finds it: precision and recall a rule."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import UUID

from safekeep import spelling
from safekeep.text import search_tokens
from services.incidents.coach.looking import Around, Written, look
from services.incidents.coach.names import PupilName

SARAH = UUID("01900000-0000-7000-8000-000000000001")
PUPILS = {"Sarah Wren": SARAH} | {
    name: UUID(f"01900000-0000-7000-8000-00000000001{n}")
    for n, name in enumerate(("Tommy Brown", "Aisha Khan", "Mei Lin Chen", "Zoë O'Brien-Łuć", "Will Young"))
}
ADULTS = ("Ada Okafor", "Jane Lowe", "Mary Smith", "Peter Hale")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, and the codes of the rules that should find something in it."""

    number: int
    written: Written
    expected: frozenset[str]
    written_when: str  # "with" the rules; "bettered": after them, and used to better them; "held_out", "held_out_2": used for nothing


@cache
def entries() -> list[Entry]:
    """Return every entry, in order."""
    read = tomllib.loads(Path(__file__).with_name("entries.toml").read_text(encoding="utf-8"))["entry"]
    return [_entry(number, item) for number, item in enumerate(read, 1)]


def _entry(number: int, item: dict[str, object]) -> Entry:
    written = Written(
        text=str(item["text"]).strip(),
        of=str(item.get("of", "incident")),
        action_taken=str(item.get("action", "")),
        kind=str(item.get("kind", "observation")),
        time_given=bool(item.get("time", True)),
        place_given=bool(item.get("place", True)),
        pupil_id=SARAH,
    )
    expected = item["expect"]
    assert isinstance(expected, list)
    when = next((when for when in ("bettered", "held_out", "held_out_2") if when in item), "with")
    return Entry(number, written, frozenset(map(str, expected)), when)


def around() -> Around:
    """Return the school of the entries."""
    names = [*PUPILS, *ADULTS]
    known = frozenset(token for name in names for token in search_tokens(name))
    return Around(is_spelt=spelling.is_spelt, adults=ADULTS, pupils=[PupilName(id_, name) for name, id_ in PUPILS.items()], known=known)


def found(entry: Entry) -> frozenset[str]:
    """Return which rules find something in an entry."""
    return frozenset(finding.rule for finding in look(entry.written, around()))


@dataclass(slots=True)
class Score:
    """How one rule did: entries rightly found, wrongly found, and missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float | None:
        """Of what was found, how much should be."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else None

    @property
    def recall(self) -> float | None:
        """Of what should be found, how much is."""
        return self.right / (self.right + self.missed) if self.right + self.missed else None


def scores(chosen: list[Entry]) -> dict[str, Score]:
    """Return the score of each rule over some entries."""
    result: dict[str, Score] = {}
    for entry in chosen:
        said = found(entry)
        for rule in said | entry.expected:
            score = result.setdefault(rule, Score())
            if rule in said and rule in entry.expected:
                score.right += 1
            elif rule in said:
                score.wrong += 1
            else:
                score.missed += 1
    return result
