"""A record before it is given to somebody: its texts, what is proposed to be left out of them, what is decided, and whether all is. Pure.

What is kept of a decision is a place in a text and a salted digest of that text, never a word: a text that has changed is decided on again.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from safekeep import printing
from safekeep.body.marks import SealedBodyMap
from safekeep.contracts.incidents import EntryLine, FileItem
from safekeep.contracts.reports import LawReason
from services.reports import chronology, disclosing
from services.reports.disclosing import Part
from services.reports.redaction import Names, Why


@dataclass(frozen=True, slots=True)
class Text:
    """One text of an entry: which entry, which part of it, the heading it stands under, and its words; of a body map's the map, to be drawn.

    `child`: where the words are a child's own.
    """

    entry_id: UUID
    part: Part
    heading: str
    written: str
    body_map: SealedBodyMap | None = None
    child: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided of characters `start` up to `stop` (not counted) of a text of that digest: left out (`accepted`), for a reason, or not."""

    entry_id: UUID
    part: Part
    start: int
    stop: int
    digest: str
    accepted: bool
    by_hand: bool
    reason: LawReason | None


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a text as the workbench shows it: what it was found by, and what was decided (`accepted` None: nothing yet)."""

    start: int
    stop: int
    why: Why | None
    accepted: bool | None = None
    by_hand: bool = False
    reason: LawReason | None = None


def texts_of(entry: EntryLine, *, names: Mapping[UUID, str], zone: str) -> list[Text]:
    """Return every text of an entry that would be given: what stands about it, the account, what was done, its own fields, a body map's words."""
    own, words = printing.said_of_action(entry.details, names=names, zone=zone) if entry.details else ([], "")
    if entry.status:
        own = [f"From now on: {printing.STATUSES[entry.status]}"]
    role = chronology.ROLES.get(entry.author_role, entry.author_role.replace("_", " "))
    about = [
        *own,
        chronology.occurred(entry, zone=zone) or "",
        f"Recorded {chronology.moment(entry.recorded_at, zone=zone)} by {entry.author_name} ({role})",
        f"About another pupil; linked here as: {chronology.PARTS[entry.part]}" if entry.part else "",
        chronology.on_paper(entry.paper, zone=zone) if entry.paper else "",
    ]
    account = chronology.destroyed_in_words(entry.destroyed, zone=zone) if entry.destroyed else entry.text
    if entry.kind == "correction" and not entry.destroyed:
        account = chronology.MOVED[entry.moved_from] if entry.moved_from else "An entry of this incident was corrected."
        account = f"{account}\n\nWhy: {entry.reason}" if entry.reason else account
    written: dict[Part, str] = {
        "about": "\n".join(line for line in about if line),
        "account": account,
        "action_taken": entry.action_taken,
        "details": words,
        "body_map": "\n".join(entry.body_map.words) if entry.body_map else "",
    }
    heading = heading_of(entry, zone=zone)
    child = tuple((span.start, span.end) for span in entry.child_words) if account == entry.text else ()
    more: dict[Part, dict[str, Any]] = {"body_map": {"body_map": entry.body_map}, "account": {"child": child}}
    return [Text(entry.id, part, heading, text, **more.get(part, {})) for part, text in written.items() if text.strip()]


def heading_of(entry: EntryLine, *, zone: str) -> str:
    """Return what an entry is called, so that one is told from another ("Action, 3 March 2026 at 12:47, below incident 2026-14")."""
    if entry.kind == "incident":
        return f"Incident {entry.number}"
    when = chronology.moment(entry.recorded_at, zone=zone).partition(" ")[2]
    return f"{chronology.KINDS[entry.kind]}, {when}, below incident {entry.number}"


def digest_of(written: str, *, salt: str) -> str:
    """Return by what a text is known again, and by nobody who has not the salt: a short text is easily guessed."""
    return hmac.new(salt.encode(), written.encode(), hashlib.sha256).hexdigest()


def marks(text: Text, *, names: Names, decided: Iterable[Decided], digest: str) -> list[Mark]:
    """Return what is proposed of a text and what was decided, in order. What lies within what is left out needs no decision of its own."""
    valid = [d for d in decided if _is_of(d, text, digest=digest)]
    found = {(p.start, p.stop): p for p in (Mark(p.first, p.end, p.why) for p in names.proposals(text.written))}
    for each in valid:
        why = found[each.start, each.stop].why if (each.start, each.stop) in found else None
        found[each.start, each.stop] = Mark(each.start, each.stop, why, each.accepted, each.by_hand, each.reason)
    left_out = [mark for mark in found.values() if mark.accepted]

    def is_within(mark: Mark) -> bool:
        return any(out.start <= mark.start and mark.stop <= out.stop for out in left_out)

    return [mark for _, mark in sorted(found.items()) if mark.accepted is not None or not is_within(mark)]


def _is_of(decided: Decided, text: Text, *, digest: str) -> bool:
    """Whether it was decided of this text as it stands; a place that is not in it was made up by a browser, and is nobody's decision."""
    return (decided.entry_id, decided.part, decided.digest) == (text.entry_id, text.part, digest) and decided.stop <= len(text.written)


@dataclass(frozen=True, slots=True)
class FileDecided:
    """What was decided of an attached file: given whole, or withheld for a reason."""

    file_id: UUID
    given: bool
    reason: LawReason | None


@dataclass(frozen=True, slots=True)
class FileShown:
    """A file that is attached to an entry, as the record says it now, with what was decided (None: nothing yet, or nothing to decide)."""

    entry_id: UUID
    heading: str
    file: FileItem
    decided: FileDecided | None

    @property
    def is_decided(self) -> bool:
        """Whether somebody has decided on it; one that nobody can open needs no decision."""
        return self.decided is not None or self.file.state != "kept"


def files_of(entries: Iterable[EntryLine], *, decided: Mapping[UUID, FileDecided], zone: str) -> list[FileShown]:
    """Return the files that are attached to entries, in order."""
    return [FileShown(entry.id, heading_of(entry, zone=zone), file, decided.get(file.id)) for entry in entries for file in entry.files]


def attached(files: Iterable[FileShown], *, first: int = 1) -> list[disclosing.Attached]:
    """Return them as they are given, numbered from `first` on."""
    return [
        disclosing.Attached(
            id=each.file.id,
            number=number,
            entry=each.heading,
            sha256=each.file.sha256,
            size=each.file.size,
            media_type=each.file.media_type,
            state=each.file.state,
            given=each.decided is not None and each.decided.given,
            reason=each.decided.reason if each.decided else None,
        )
        for number, each in enumerate(files, start=first)
    ]


def file_digest(file: FileItem, *, salt: str) -> str:
    """Return by what a file, as it stands, is known again: one that was blocked since is not what was proposed."""
    return digest_of(f"{file.sha256} {file.state}", salt=salt)


def is_decided(marks: Iterable[Mark]) -> bool:
    """Whether everything that is proposed of a text has been decided on."""
    return all(mark.accepted is not None for mark in marks)


def places_of(words: str, *, written: str) -> list[tuple[int, int]]:
    """Return every place where these words stand in a text, as whole words, capitals and the width of spaces aside."""
    wanted = words.split()
    if not wanted:
        return []
    pattern = r"\s+".join(map(re.escape, wanted))
    before = r"(?<!\w)" if re.match(r"\w", wanted[0]) else ""
    after = r"(?!\w)" if re.search(r"\w$", wanted[-1]) else ""
    return [match.span() for match in re.finditer(f"{before}{pattern}{after}", written, re.IGNORECASE)]


def redacted(texts: Sequence[tuple[Text, str]], *, decided: Iterable[Decided]) -> list[disclosing.Text]:
    """Return texts (each with its digest) and what is left out of each, as disclosing takes them."""
    left_out = [d for d in decided if d.accepted]
    made = []
    for text, digest in texts:
        sha256 = disclosing.hash_of(text.written)
        theirs = [d for d in left_out if _is_of(d, text, digest=digest)]
        decisions = tuple(disclosing.Decision(d.start, d.stop, d.reason, sha256) for d in theirs if d.reason)
        made.append(disclosing.Text(text.heading, text.part, text.written, decisions, text.body_map, child=text.child))
    return made
