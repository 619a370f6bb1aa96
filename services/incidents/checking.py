"""The self-check: whether the ledger, and what the database says beside it, is what was recorded. Pure: rows come from the caller.

`safekeep verify` finds the same in an export; here it is found where it happens, every few minutes for what is new and every
night for all of it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from safekeep import clock
from safekeep.proof.chain import BEGINNING, commitment, entry_hash, field_commitment, read_entry
from safekeep.proof.export import LATITUDE_SECONDS, WITH_WORDS
from safekeep.proof.heads import Signed
from services.incidents import ledger
from services.incidents.exporting import Kept, recorded
from services.incidents.standing import Standings

_LATITUDE = timedelta(seconds=LATITUDE_SECONDS)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was recorded. `said` is a sentence without any word of the record."""

    code: str
    said: str
    sequence: int | None = None
    kind: str = ""
    incident_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A ledger entry and what stands beside it."""

    kept: Kept
    entry: Mapping[str, Any] | None = field(repr=False)  # the row of `entries`, where the kind has one and it is there


@dataclass(slots=True)
class Checker:
    """Goes along the chain from where an earlier check ended (or from its beginning) and yields what is wrong."""

    school_id: UUID
    sequence: int = 0
    hash: str = BEGINNING
    latest: str = ""
    threads: dict[str, tuple[int, str]] | None = None  # followed only from the beginning
    standings: Standings | None = None  # likewise
    destroyed: frozenset[int] = frozenset()  # numbers of entries whose content two people had destroyed; that the ledger says so is for `standings`

    def check(self, row: Row) -> Iterator[Problem]:
        """Check the next entry."""
        kept = row.kept
        for missing in range(self.sequence + 1, min(kept.sequence, self.sequence + 1000)):
            yield Problem("dropped", "The entry is missing from the ledger.", missing)
        try:
            entry = read_entry(kept.canonical)
            incident: UUID | None = UUID(entry["incident"])
        except ValueError:
            yield Problem("changed", "What the ledger has there is no entry.", kept.sequence)
            self.sequence, self.hash = kept.sequence, kept.hash
            return
        found = list(self._of_ledger(kept, entry))
        wrong = self._of_words(row, entry)
        if wrong:
            found.append(("changed", f"What it says is not what was recorded: {', '.join(wrong)}."))
        for code, said in found:
            yield Problem(code, said, kept.sequence, entry["kind"], incident)
        self.sequence, self.hash, self.latest = kept.sequence, entry_hash(kept.canonical), max(self.latest, entry["at"])

    def _of_ledger(self, kept: Kept, entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if entry_hash(kept.canonical) != kept.hash:
            yield "changed", "It is not what its hash was made of."
        if entry["seq"] != kept.sequence or entry["school"] != str(self.school_id):
            yield "reordered", "It stands at another place than it was written for."
        if kept.sequence == self.sequence + 1 and entry["previous"] != self.hash:
            yield "changed", "It was not written after the entry that stands before it: one of the two was changed."
        before, at = _moment(self.latest), _moment(entry["at"])
        if at is None or (before is not None and at < before - _LATITUDE):
            yield "backdated", "Its time is before that of an entry in front of it."
        if sorted(_committed(opening) for opening in kept.pupils) != entry["pupils"]:
            yield "changed", "The pupils kept with it are not those it was recorded with."
        elif self.threads is not None:
            for opening in kept.pupils:
                pupil = str(opening["pupil"])
                count, last = self.threads.get(pupil, (0, BEGINNING))
                if (opening["count"], opening["previous"]) != (count + 1, last):
                    yield "dropped", "It is not the next entry of its pupil: one before it is missing or was changed."
                self.threads[pupil] = int(opening["count"]), entry_hash(kept.canonical)

    def _of_words(self, row: Row, entry: Mapping[str, Any]) -> list[str]:
        """Return the names of what is not as it was recorded."""
        kept = row.kept
        if kept.values is None:
            return ["all of it is gone"] if entry["kind"] in WITH_WORDS or kept.fields else []
        values = recorded(kept.values, committed=entry["fields"], salts=kept.fields)
        if self.standings is not None:
            self.standings.add(entry, values=values, pupils=kept.pupils)
        gone = {n for n in entry["fields"] if n not in ledger.STAYS} if kept.sequence in self.destroyed else set()
        there = [n for n in entry["fields"] if n not in gone]
        wrong = [n for n in there if n not in values or not _opens(entry["fields"][n], n, kept.fields.get(n), values[n])]
        wrong += [n for n in gone if n in kept.fields or values.get(n)]  # what was destroyed says nothing any more, whoever wrote into its place
        wrong += [name for name in values if name not in entry["fields"]]
        if row.entry is not None:
            wrong += self._of_row(row.entry, entry, kept=kept)
        return sorted({name.removeprefix("fact:").partition(":")[0].replace("_", " ") for name in wrong})

    def _of_row(self, row: Mapping[str, Any], entry: Mapping[str, Any], *, kept: Kept) -> Iterator[str]:
        """Yield what the row says otherwise than the ledger: who, when, of which incident."""
        if str(row["author_id"]) != entry["author"]:
            yield "author"
        if clock.stamp(row["recorded_at"]) != entry["at"]:
            yield "time"
        if row["placed_at"] != (row["occurred_at"] or row["recorded_at"]):
            yield "place in the chronology"
        if (str(row["incident_id"]), str(row["id"]), row["kind"]) != (entry["incident"], entry["entry"], entry["kind"]):
            yield "incident"
        if row["entry_hash"] != kept.hash:
            yield "hash"


def kept_of(
    row: Any,
    *,
    openings: Mapping[str, Any],
    class_code: str,
    shown: bool = True,
    left_out: frozenset[str] = frozenset(),
    destroyed: frozenset[int] = frozenset(),
) -> Row:
    """Return a database row as it is checked and exported: its words from the entry it stands for, or kept with its salts."""
    values: Mapping[str, Any] | None = openings.get("values")
    entry: Mapping[str, Any] | None = None
    if row.id is not None:
        entry = row._mapping
        values = ledger.entry_fields(
            author_name=row.author_name,
            author_role=row.author_role,
            number=row.number or "",
            class_code=class_code,
            categories=row.categories,
            text=row.text,
            occurred_at=row.occurred_at,
            occurred_precision=row.occurred_precision,
            recipients=row.recipients,
            files=row.files,
            facts=row.facts,
        )
    kept = Kept(
        sequence=row.sequence,
        canonical=bytes(row.canonical),
        hash=row.hash,
        fields=openings.get("fields") or {},
        pupils=openings.get("pupils") or [],
        values=values,
        shown=shown,
        left_out=left_out,
        destroyed=row.sequence in destroyed,
        row=entry,
    )
    return Row(kept=kept, entry=entry)


def check_ends(
    *,
    checker: Checker,
    end: tuple[int, str, Mapping[str, tuple[int, str]]],
    roots: Mapping[int, str],
    heads: Sequence[Signed],
    keys: Mapping[str, str],
) -> Iterator[Problem]:
    """Check where the chain ends against what is said of it: by the database beside it, and by every head that was signed.

    `roots`: size → root of the tree as it is now; `heads`: those of the database and those kept outside it; `keys`: the ring's public keys.
    """
    sequence, hash_, threads = end
    if (sequence, hash_) != (checker.sequence, checker.hash):
        yield Problem("dropped", f"The ledger ends with entry {checker.sequence}, and was said to end with entry {sequence}.")
    if checker.threads is not None:
        for pupil in sorted({*threads, *checker.threads}):
            if threads.get(pupil) != checker.threads.get(pupil):
                yield Problem("dropped", "A pupil's thread does not end where it was said to.")
    good = 0
    for signed in sorted(heads, key=lambda each: each.head.size):
        head = signed.head
        if keys.get(signed.key) != signed.public or not signed.is_signed() or head.school != str(checker.school_id):
            yield Problem("head", f"The head of {head.at} is not signed by a key of ours: the head or the keys were exchanged.")
        elif head.size > checker.sequence:
            yield Problem(
                "head", f"The head of {head.at} was made of {head.size} entries; there are {checker.sequence}: an older state was put back."
            )
        elif head.size and roots.get(head.size) != head.root:
            yield Problem("head", f"The head of {head.at} was made of other entries: something in numbers {good + 1} to {head.size} was changed.")
            return
        else:
            good = head.size


def _opens(committed: Any, name: str, salt: Any, value: Any) -> bool:
    try:
        return bool(committed == field_commitment(name=name, salt=salt, value=value))
    except (ValueError, TypeError):
        return False


def _committed(opening: Any) -> str:
    try:
        return commitment(opening)
    except (ValueError, TypeError):
        return ""


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def kind_of(canonical: bytes) -> str:
    """Return an entry's kind as it says itself."""
    try:
        return str(json.loads(canonical)["kind"])
    except (ValueError, KeyError, TypeError):
        return ""
