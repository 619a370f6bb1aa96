"""The chronology as a document: what stands in it. Pure; printed by safekeep.printing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from safekeep import printing
from safekeep.body import picture
from safekeep.contracts.incidents import Chronology, EntryLine, Paper, PupilItem

KINDS: Final = {"incident": "Incident", "action": "Action", "correction": "Correction", "status": "How it stands"}
PARTS: Final = {
    "may_have_been_harmed": "may have been harmed",
    "may_have_caused_harm": "may have caused harm",
    "witness": "witness",
    "sibling": "sibling",
    "friend": "friend",
    "other": "other part",
    "not_sure": "part not sure",
}
ROLES: Final = {
    "dsl": "DSL",
    "deputy_dsl": "deputy DSL",
    "slt": "SLT",
    "teacher": "teacher",
    "admin": "admin",
    "pastoral": "pastoral",
    "sports_coach": "sports coach",
}


MOVED: Final = {
    "not_listed": "It was recorded of a pupil not listed. A DSL said whom it is about.",
    "another_pupil": "It was recorded of another pupil by mistake, and moved here.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for the document, when, at which school, and in whose words it is written."""

    by: str
    at: datetime
    school_name: str
    zone: str
    category_names: Mapping[str, str]
    staff_names: Mapping[UUID, str] = field(default_factory=dict)


def content(*, pupil: PupilItem, entries: Sequence[EntryLine], request: Chronology, asked: Asked) -> dict[str, Any]:
    """Return all that the document says, in strings, newest first as the entries come."""
    filters = filters_in_words(request=request, entries=entries, names=asked.category_names)
    about = ", ".join(part for part in (pupil.year, pupil.form) if part)
    printed = moment(asked.at, zone=asked.zone)
    return {
        "title": f"Chronology of {pupil.name}",
        "description": f"Safeguarding chronology, {asked.school_name}",
        "footer": f"Confidential. Chronology of {pupil.name}, printed {printed} for {asked.by}",
        "facts": [
            {"name": "Pupil", "value": f"{pupil.name}{f', {about}' if about else ''}, born {day(pupil.born)}"},
            {"name": "School", "value": asked.school_name},
            {"name": "Asked for by", "value": f"{asked.by}, {printed}"},
            {"name": "Shown", "value": filters},
            {"name": "Entries", "value": f"{len(entries)}, newest first, by when they {_placed_by(request)}"},
        ],
        "notes": [
            "This document holds the entries that the person named above may read. There may be others.",
            "What people wrote stands as they wrote it, and may name other children: read it through before it is given to anybody.",
        ],
        "empty": "No entries that you may read match these choices.",
        "months": _months(entries=entries, request=request, asked=asked),
        "fonts": list(printing.FONTS),
    }


def filters_in_words(*, request: Chronology, entries: Sequence[EntryLine], names: Mapping[str, str]) -> str:
    """Return what was chosen, or that nothing was."""
    chosen = []
    if request.category_codes:
        chosen.append("categories " + ", ".join(names.get(code, _plain(code)) for code in request.category_codes))
    if request.author_id:
        author = next((e.author_name for e in entries if e.author_id == request.author_id), "one person")
        chosen.append(f"written by {author}")
    if request.since:
        chosen.append(f"from {day(request.since)}")
    if request.until:
        chosen.append(f"until {day(request.until)}")
    if request.words:
        chosen.append(f"with the words “{request.words}”")
    return "; ".join(chosen) if chosen else "everything, no filter"


def day(value: date) -> str:
    """Return "3 March 2026"."""
    return f"{value.day} {value:%B %Y}"


def moment(value: datetime, *, zone: str) -> str:
    """Return "Tuesday 3 March 2026 at 12:47" as clocks show it where the school is."""
    local = value.astimezone(ZoneInfo(zone))
    return f"{local:%A} {day(local.date())} at {local:%H:%M}"


def occurred(entry: EntryLine, *, zone: str) -> str | None:
    """Return when it happened, as precisely as it is known; None where only the recording counts (an action)."""
    if entry.kind != "incident":
        return None
    if entry.occurred_at is None or entry.occurred_precision == "not_known":
        return "When it happened is not known"
    if entry.occurred_precision == "day":
        local = entry.occurred_at.astimezone(ZoneInfo(zone))
        return f"Happened on {local:%A} {day(local.date())}, time not known"
    about = "about " if entry.occurred_precision == "about" else ""
    return f"Happened {about}{moment(entry.occurred_at, zone=zone)}"


def on_paper(paper: Paper, *, zone: str) -> str:
    """Return by whom it was written on paper and when, and when it was handed in; what was recorded is what the DSL typed of it."""

    def when(at: datetime, precision: str) -> str:
        local = at.astimezone(ZoneInfo(zone))
        return f"{local:%A} {day(local.date())}" if precision == "day" else moment(at, zone=zone)

    who = f"{paper.writer}{f' ({paper.writer_role})' if paper.writer_role else ''}{'' if paper.writer_id else ', who has no account'}"
    written, handed_in = when(paper.written_at, paper.written_precision), when(paper.handed_in_at, paper.handed_in_precision)
    return f"Written on paper by {who}, {written}; handed in {handed_in}"


def _placed_by(request: Chronology) -> str:
    return "happened (actions: were recorded)" if request.order == "occurred" else "were recorded"


def _months(*, entries: Sequence[EntryLine], request: Chronology, asked: Asked) -> list[dict[str, Any]]:
    def month(entry: EntryLine) -> str:
        placed = (entry.occurred_at if request.order == "occurred" else None) or entry.recorded_at
        return f"{placed.astimezone(ZoneInfo(asked.zone)):%B %Y}"

    return [{"name": name, "entries": [_entry(entry, asked=asked) for entry in group]} for name, group in groupby(entries, key=month)]


def _entry(entry: EntryLine, *, asked: Asked) -> dict[str, Any]:
    categories = ", ".join(asked.category_names.get(code, _plain(code)) for code in entry.categories)
    linked = f"About another pupil; linked here as: {PARTS[entry.part]}" if entry.part else ""  # a parent may be given this: not the other's name
    happened = occurred(entry, zone=asked.zone)
    role = ROLES.get(entry.author_role, _plain(entry.author_role))
    own, words = printing.said_of_action(entry.details, names=asked.staff_names, zone=asked.zone) if entry.details else ([], "")
    if entry.status:
        own = [f"From now on: {printing.STATUSES[entry.status]}"]
    about = [
        *own,
        happened,
        f"Recorded {moment(entry.recorded_at, zone=asked.zone)} by {entry.author_name} ({role})",
        f"Categories: {categories} (class: {entry.class_code})" if categories else f"Class: {entry.class_code}",
        linked,
        on_paper(entry.paper, zone=asked.zone) if entry.paper else "",
        "Corrected: what stands here is what it says now" if entry.corrected else "",
    ]
    heading = f"{KINDS[entry.kind]} {entry.number}" if entry.kind == "incident" else f"{KINDS[entry.kind]} below incident {entry.number}"
    spans = [] if entry.kind == "correction" else [(span.start, span.end) for span in entry.child_words]
    return {
        "heading": heading,
        "about": [line for line in about if line],
        "text": printing.marked("\n\n".join(filter(None, (_text(entry), words))), spans),
        "child": bool(spans),
        "action_taken": entry.action_taken,
        "body_map": picture.for_document(entry.body_map) if entry.body_map else {},
    }


def _text(entry: EntryLine) -> str:
    """Return what an entry says. Of a correction why it was made: what it should say stands where it was wrong."""
    if entry.kind != "correction":
        return entry.text
    said = MOVED[entry.moved_from] if entry.moved_from else "An entry of this incident was corrected."
    return f"{said}\n\nWhy: {entry.reason}" if entry.reason else said


def _plain(code: str) -> str:
    return code.replace("_", " ")


def pdf(said: dict[str, Any]) -> bytes:
    """Return the document as PDF/A-2a and PDF/UA-1. Raises printing.NotPrinted."""
    return printing.pdf(said)
