"""The printed summary of an export: what it is, as of which head, and what stands in it, for people who will not open the JSON."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from safekeep import printing
from safekeep.body import picture
from safekeep.body.marks import SealedBodyMap
from safekeep.proof.heads import Signed, fingerprint
from services.incidents import following
from services.incidents.exporting import Kept

MOST: Final = 2000
"""Entries printed with their words; a whole school's are in the file, not on paper."""

KINDS: Final = {
    "incident": "Incident",
    "action": "Action",
    "correction": "Correction",
    "status": "How it stands",
    "grant": "Reading granted",
    "flag": "Flag",
    "relatives": "Family on the staff",
    "disclosure": "Disclosure",
    "glass_broken": "Opened by the trust",
    "disclosure_pack": "Disclosure given",
    "pack": "Pack made",
    "report_published": "Report published",
    "destroyed": "Content destroyed",
    "restriction": "Kept to two people",
    "lead": "Led by a DSL",
    "restriction_lifted": "Kept to two people no longer",
}


def content(*, row: Any, own: Signed, entries: Sequence[Kept], pupils: Mapping[str, Any], zone: str, files: int) -> dict[str, Any]:
    """Return all that the summary says. `row`: the export as it was asked for; `entries`: none for a whole school."""
    made = moment(own.head.at, zone=zone)
    what = _what(row, pupils)
    return {
        "title": what,
        "description": f"Export of a safeguarding record, {row.school_name}",
        "footer": f"Confidential. {what}, exported {made} for {row.asked_name}",
        "facts": [
            {"name": "School", "value": row.school_name},
            {"name": "What", "value": what},
            {"name": "Asked for by", "value": f"{row.asked_name}: {row.reason}"},
            {"name": "As of", "value": f"{made}, when the school's ledger had {own.head.size} entries"},
            {"name": "Attached files", "value": str(files)},
            {"name": "Signed by the key", "value": fingerprint(own.public)},
            {"name": "Root of the tree", "value": own.head.root},
        ],
        "notes": [
            "This paper is a summary. The proof is in the file it came with: “safekeep verify FILE” checks it without a network, "
            "and README.txt in it says how anybody else can.",
            "What people wrote stands as they wrote it, and may name other children: read it through before it is given to anybody.",
            *([f"Only the first {MOST} entries are printed."] if len(entries) > MOST else []),
        ],
        "empty": "The entries are in the file." if row.scope == "school" else "There are no entries.",
        "months": _months(entries[:MOST], zone=zone),
        "fonts": list(printing.FONTS),
    }


def pdf(said: dict[str, Any]) -> bytes:
    """Print it. Raises printing.NotPrinted."""
    return printing.pdf(said)


def _what(row: Any, pupils: Mapping[str, Any]) -> str:
    if row.scope == "school":
        return f"The record of {row.school_name}"
    if row.scope == "pupil":
        return f"The record of {pupils.get(str(row.scope_id), {}).get('name', 'a pupil')}"
    return "The record of one incident"


def _months(entries: Sequence[Kept], *, zone: str) -> list[dict[str, Any]]:
    read = [(json.loads(kept.canonical), kept) for kept in entries]
    by_month = groupby(read, key=lambda pair: f"{_local(pair[0]['at'], zone=zone):%B %Y}")
    places = {entry["entry"]: entry["seq"] for entry, _ in read if entry["kind"] in ("incident", "action", "correction")}
    names = {UUID(entry["author"]): str(kept.values["author_name"]) for entry, kept in read if kept.values and kept.values.get("author_name")}
    fixed = {str(kept.values["fact:corrects"]): entry["seq"] for entry, kept in read if kept.shown and kept.values and "fact:corrects" in kept.values}
    return [
        {"name": month, "entries": [_entry(entry, kept, places=places, fixed=fixed, names=names, zone=zone) for entry, kept in group]}
        for month, group in by_month
    ]


def _entry(
    entry: Mapping[str, Any], kept: Kept, *, places: Mapping[str, int], fixed: Mapping[str, int], names: Mapping[UUID, str], zone: str
) -> dict[str, Any]:
    values = kept.values if kept.shown and kept.values else {}
    who = f" by {values['author_name']}" if values.get("author_name") else ""
    number = f" {values['number']}" if values.get("number") else ""
    said = str(values.get("text") or values.get("reason") or values.get("note") or "")
    about = [f"Entry {entry['seq']} of the ledger, recorded {moment(entry['at'], zone=zone)}{who}", f"Hash {kept.hash}"]
    if entry["entry"] in fixed and entry["kind"] != "correction":
        about.insert(1, f"Corrected: entry {fixed[entry['entry']]} says what it should say")
    if values.get("fact:corrects"):
        about.insert(1, f"Corrects entry {places.get(str(values['fact:corrects']), '(not here)')}: {values.get('fact:reason', '')}")
    if values.get("fact:assigned_to"):
        said = "It was recorded of another pupil by mistake, and moved." if values.get("fact:was_another") else "It says whom the incident is about."
        said = "\n\n".join(filter(None, (said, str(values.get("fact:reason") or ""))))
    said = "\n\n".join(filter(None, (said, _own_fields(values, about=about, names=names, zone=zone))))
    taken = str(values.get("fact:action_taken") or "")
    is_text = bool(values.get("text")) and not kept.left_out and said.startswith(str(values["text"]))
    spans = [(start, end) for start, end in values.get("fact:child_words") or []] if is_text else []
    if kept.destroyed:
        said, taken = "What it said was destroyed: a later entry says by whom and why.", ""
    elif not kept.shown:
        said = "The words of this entry are withheld."
    elif kept.left_out:
        said, taken = "What it said was taken out of sight by a correction.", ""
    drawn = values.get("fact:body_map") if kept.shown and not kept.left_out else None
    return {
        "heading": f"{KINDS.get(entry['kind'], entry['kind'].replace('_', ' ').capitalize())}{number}",
        "about": about,
        "text": printing.marked(said, spans),
        "child": bool(spans),
        "action_taken": taken,
        "body_map": picture.for_document(SealedBodyMap.receive(drawn)) if drawn else {},
    }


def _own_fields(values: Mapping[str, Any], *, about: list[str], names: Mapping[UUID, str], zone: str) -> str:
    """Put what kind of action it is, and how an incident stands, among the lines; return the longer words of it."""
    if values.get("fact:status"):
        about.insert(0, f"From now on: {printing.STATUSES.get(str(values['fact:status']), values['fact:status'])}")
    facts = {name.removeprefix("fact:"): value for name, value in values.items() if name.startswith("fact:")}
    at = datetime.fromisoformat(values["occurred_at"]) if values.get("occurred_at") else None
    details = following.details_of(facts, at=at, precision=str(values.get("occurred_precision") or "exact"))
    if details is None:
        return ""
    lines, words = printing.said_of_action(details, names=names, zone=zone)
    about[0:0] = lines
    return words


def moment(at: str, *, zone: str) -> str:
    """Return "Tuesday 3 March 2026 at 12:47" as clocks show it where the school is."""
    local = _local(at, zone=zone)
    return f"{local:%A} {local.day} {local:%B %Y} at {local:%H:%M}"


def _local(at: str, *, zone: str) -> datetime:
    return datetime.fromisoformat(at).astimezone(ZoneInfo(zone))
