"""Packs about one pupil: for a meeting, or for the next school. What stands in each, as it is printed. Pure.

What is suggested for each kind (`SUGGESTED` of the contracts) follows what the meeting decides on: a child protection conference and a core group
weigh harm (Working Together to Safeguard Children 2023, chapter 3), a PEP weighs schooling (Promoting the education of looked-after children, DfE
2018), and the next school gets the whole file (Keeping children safe in education, part two).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from safekeep.contracts.incidents import Chronology, EntryLine, Flag, FollowUpItem, PupilItem
from safekeep.proof.chain import canonical
from services.reports import chronology
from services.reports.chronology import Asked
from services.reports.volumes import Part

TITLES: Final = {
    "core_group": "For a core group meeting",
    "conference": "For a child protection conference",
    "pep": "For a personal education plan (PEP) meeting",
    "transfer": "Child protection file for the next school",
    "ofsted": "For an inspection",
}
MEETING_NOTES: Final = (
    "This pack does not hold all that the school has recorded: “Shown”, above, says what was chosen. What people wrote stands as they wrote it.",
    "It is for those named above and for this meeting. Do not copy it or pass it on; destroy it when the meeting no longer needs it.",
)
TRANSFER_NOTES: Final = (
    "This is the child protection file of the pupil named above. Keep it apart from the pupil’s main file.",
    "It goes from one designated safeguarding lead to the next as soon as possible: within 5 days where a pupil changes school during the "
    "year, or within the first 5 days of a new term. Send it so that nobody else can open it, and have its receipt confirmed "
    "(Keeping children safe in education, part two).",
    "What people wrote stands as they wrote it, and may name other children and families.",
)
RECEIPT: Final = (
    "I have received the child protection file of this pupil. I am the designated safeguarding lead of the school named, or act for them. "
    "Please sign one copy and send it back."
)
SIGN: Final = ("Name and role", "School", "Date and time", "Signature")
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that a pack about a pupil is made of: what the asker may read of these days, of every class, and what is open."""

    pupil: PupilItem
    flags: Sequence[Flag]
    entries: Sequence[EntryLine]
    follow_ups: Sequence[FollowUpItem]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen for a pack: of which kind it is, what it shows (as a chronology is asked for), who will read it, which school gets it."""

    kind: str
    request: Chronology
    readers: str = ""
    to_school: str = ""


def content(gathered: Gathered, *, choice: Choice, asked: Asked, part: Part | None = None) -> dict[str, Any]:
    """Return all that the document says, in strings. `part`: it is one of several, of these entries."""
    pupil, kept = gathered.pupil, chronology.wanted(gathered.entries, asked=asked)
    said = chronology.content(pupil=pupil, entries=kept, request=choice.request, asked=asked, part=part)
    title = f"{pupil.name}: {TITLES[choice.kind][0].lower()}{TITLES[choice.kind][1:]}"
    is_transfer = choice.kind == "transfer"
    for_whom = {"name": "To the designated safeguarding lead of", "value": choice.to_school} if is_transfer else None
    readers = {"name": "Who will read it", "value": choice.readers} if choice.readers and not is_transfer else None
    facts = said["facts"]
    of_whole: list[Any] = []
    if part is None or part.is_first:
        inside = {str(entry.id): entry.text for entry in kept} if part is None else part.plan.said
        of_whole = [_flags(gathered.flags), _open(gathered, inside=inside, asked=asked)]
    held = part.plan.entries if part else len(kept)
    return said | {
        "title": chronology.titled(title, part),
        "description": f"{TITLES[choice.kind]}, {asked.school_name}",
        "footer": chronology.footer(title, reason=choice.request.reason, asked=asked, part=part),
        "facts": [*facts[:2], *filter(None, (for_whom, readers)), *facts[2:]],
        "notes": [*chronology.together(part), *(TRANSFER_NOTES if is_transfer else MEETING_NOTES)],
        "opening": [*said["opening"], *of_whole, *_maps(kept, asked=asked)],
        "closing": [_receipt(pupil, held=held, choice=choice, asked=asked, of=part)] if is_transfer and (part is None or part.is_last) else [],
        "empty": "No entries match what was chosen.",
    }


def part(
    heading: str, *, words: Sequence[str] = (), columns: Sequence[str] = (), rows: Sequence[Sequence[str]] = (), sign: Sequence[str] = ()
) -> Any:
    """Return a part of a pack as documents take it."""
    return {"heading": heading, "words": list(words), "columns": list(columns), "rows": [list(row) for row in rows], "sign": list(sign)}


def state_of(said: Mapping[str, Any]) -> str:
    """Return the hash by which what was previewed is known again (see `as_previewed`)."""
    return hashlib.sha256(canonical({name: value for name, value in said.items() if name != "fonts"})).hexdigest()


def as_previewed(asked: Asked) -> Asked:
    """Return who asks, without what differs between a preview and the making: the moment, and how far the ledger has grown."""
    return replace(asked, at=_EPOCH, head=None)


def counts(entries: Sequence[EntryLine], *, asked: Asked) -> list[tuple[str, int, int]]:
    """Return, a class, how many entries go in, and how many are left out."""
    inside = {entry.id for entry in chronology.wanted(entries, asked=asked)}
    of_class: dict[str, list[int]] = {code: [0, 0] for code in ("general", "welfare", "safeguarding", "protection")}
    for entry in entries:
        of_class[entry.class_code][entry.id not in inside] += 1
    return [(code, kept, left) for code, (kept, left) in of_class.items() if kept or left]


def _flags(flags: Sequence[Flag]) -> Any:
    held = [flag for flag in flags if flag.ended is None]
    rows = [
        (chronology.FLAGS[flag.kind], chronology.day(flag.started), chronology.day(flag.review) if flag.review else "", flag.social_worker or "")
        for flag in held
    ]
    columns = ("What", "Since", "Review", "Social worker")
    return part("What holds for the pupil now", words=() if rows else ("Nothing is flagged.",), columns=columns, rows=rows)


def _open(gathered: Gathered, *, inside: Mapping[str, str], asked: Asked) -> Any:
    """What is asked of somebody and not done, as far as the pack holds the entry that asks it (`inside`, by id: what it says)."""
    rows = [
        (
            item.number,
            asked.staff_names.get(item.owner_id, "a member of staff") if item.owner_id else "nobody any more",
            f"{chronology.day(item.due_on)}{', overdue' if item.state == 'overdue' else ''}",
            inside[str(item.id)] or "(no words)",
        )
        for item in gathered.follow_ups
        if str(item.id) in inside
    ]
    words = () if rows else ("Nothing in this pack is waiting to be done.",)
    return part("What is still to do", words=words, columns=("Incident", "Asked of", "By", "What was asked"), rows=rows)


def _maps(entries: Sequence[EntryLine], *, asked: Asked) -> list[Any]:
    drawn = [entry for entry in entries if entry.body_map]
    rows = [
        (f"{chronology.moment(entry.recorded_at, zone=asked.zone)}", entry.number, "\n".join(entry.body_map.words if entry.body_map else []))
        for entry in drawn
    ]
    return [part("Body maps", columns=("Recorded", "Incident", "What is drawn"), rows=rows)] if rows else []


def _receipt(pupil: PupilItem, *, held: int, choice: Choice, asked: Asked, of: Part | None) -> Any:
    number = f"{held} {'entry' if held == 1 else 'entries'}{f' in {of.of} parts' if of else ''}"
    handed = [
        f"Pupil: {pupil.name}, born {chronology.day(pupil.born)}",
        f"From: {asked.school_name}. To: {choice.to_school}",
        f"What: {number}, printed {chronology.moment(asked.at, zone=asked.zone)} for {asked.by}",
        RECEIPT,
    ]
    return part("Receipt", words=handed, sign=SIGN)
