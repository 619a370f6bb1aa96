"""A long document in parts: where each begins, what the first says of the whole, and the list of hashes that goes with them. Pure.

Printing takes memory by how much is printed at a time (some 230 MiB for 1,000 entries of 600 letters), so a part is bounded by entries and by
letters. Parts are planned from entries as they come, page by page: nobody holds them all.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any, Final, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from safekeep.contracts.incidents import EntryLine

MOST_ENTRIES: Final = 1_000
MOST_WEIGHT: Final = 1_500_000
"""Letters, about: 1,000 entries of a page each, or 75 of the longest there can be."""
_HEADINGS: Final = 400
_FILE: Final = 150
_DRAWN: Final = 40_000
"""What a body map weighs: two drawings as paths."""


@dataclass(slots=True)
class Volume:
    """A part: from which entry on (0 is the newest of those wanted) it has how many, of which local days.

    They stand on these pages of those that were read, after the first `skip` that are wanted of them. To the entries before them so many files
    are attached.
    """

    first: int
    entries: int
    first_page: int
    skip: int
    last_page: int
    weight: int
    earliest: str
    latest: str
    files_before: int = 0


@dataclass(slots=True)
class Plan:
    """What is known of the whole once every page was seen: entries by month in the order they are printed, and where each part begins.

    `said`: what entries that are asked for by id say (follow-ups that are printed before the entries themselves).
    """

    entries: int = 0
    files: int = 0
    months: list[tuple[str, int]] = field(default_factory=list)
    volumes: list[Volume] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)

    def add(self, kept: Sequence[EntryLine], *, page: int, zone: str, by_occurred: bool, asked_for: Collection[UUID] = ()) -> None:
        """Take in the entries of a page that are wanted, newest first."""
        for skip, entry in enumerate(kept):
            at = placed(entry, by_occurred=by_occurred).astimezone(ZoneInfo(zone))
            month, day, weight = f"{at:%B %Y}", at.date().isoformat(), weight_of(entry)
            if self.months and self.months[-1][0] == month:
                self.months[-1] = (month, self.months[-1][1] + 1)
            else:
                self.months.append((month, 1))
            last = self.volumes[-1] if self.volumes else None
            if last is None or last.entries >= MOST_ENTRIES or last.weight + weight > MOST_WEIGHT:
                last = Volume(self.entries, 0, page, skip, page, 0, day, day, self.files)
                self.volumes.append(last)
            last.entries, last.weight, last.last_page = last.entries + 1, last.weight + weight, page
            last.earliest, last.latest = min(last.earliest, day), max(last.latest, day)
            self.entries, self.files = self.entries + 1, self.files + len(entry.files)
            if entry.id in asked_for:
                self.said[str(entry.id)] = entry.text

    def end(self) -> None:
        """Say that every page was seen: a document of no entries is one part too."""
        if not self.volumes:
            self.volumes.append(Volume(0, 0, 0, 0, 0, 0, "", ""))

    def wire(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return asdict(self)

    @classmethod
    def receive(cls, kept: dict[str, Any]) -> Self:
        """Return what was kept."""
        volumes = [Volume(**each) for each in kept["volumes"]]
        return cls(kept["entries"], kept["files"], [(name, count) for name, count in kept["months"]], volumes, kept["said"])


@dataclass(frozen=True, slots=True)
class Part:
    """One of several parts, for what is printed: its number (from 1) of how many, and the plan of the whole."""

    number: int
    of: int
    plan: Plan

    @property
    def volume(self) -> Volume:
        """What is in it."""
        return self.plan.volumes[self.number - 1]

    @property
    def is_first(self) -> bool:
        return self.number == 1

    @property
    def is_last(self) -> bool:
        return self.number == self.of

    @property
    def words(self) -> str:
        """Return "part 2 of 10"."""
        return f"part {self.number} of {self.of}"

    @property
    def period(self) -> str:
        """Return "September 2019 to March 2020"; one month alone where it is one."""
        return period(self.volume)


def period(volume: Volume) -> str:
    """Return of which months a part is: "September 2019 to March 2020"."""
    first, last = (f"{date.fromisoformat(day):%B %Y}" for day in (volume.earliest, volume.latest))
    return first if first == last else f"{first} to {last}"


def placed(entry: EntryLine, *, by_occurred: bool) -> datetime:
    """Return by what an entry is placed."""
    return (entry.occurred_at if by_occurred else None) or entry.recorded_at


def weight_of(entry: EntryLine) -> int:
    """Return how much there is to print of an entry, in letters, about."""
    details = entry.details
    own = sum(len(words or "") for words in (details.to, details.answer, details.outcome)) if details else 0
    letters = len(entry.text) + len(entry.action_taken) + len(entry.reason or "") + own
    return _HEADINGS + letters + _FILE * len(entry.files) + (_DRAWN if entry.body_map else 0)
