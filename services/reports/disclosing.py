"""What is given to somebody who asked: a record made anew without the words that were decided on, and the schedule of what was left out. Pure.

Decisions are places in a text and the hash of that text, never its words: a text that has changed since is decided on again.
"""

import hashlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from mimetypes import MimeTypes
from typing import Any, Final, Literal
from uuid import UUID

from safekeep import printing
from safekeep.body import picture
from safekeep.body.marks import SAID, SealedBodyMap
from safekeep.contracts.reports import LawReason
from services.reports import chronology, redaction, word
from services.reports.volumes import Part as Share

Part = Literal["about", "account", "action_taken", "details", "body_map"]
PARTS: Final[Mapping[Part, str]] = {
    "about": "about it",
    "account": "account",
    "action_taken": "action taken",
    "details": "details",
    "body_map": "body map",
}
"""The texts of an entry, as headings and the schedule call them."""
REASONS: Final[Mapping[LawReason, str]] = {
    "third_party": "Information about another person (Data Protection Act 2018, Schedule 2, paragraph 16)",
    "child_abuse_data": "Child abuse data, not in the child’s best interests (Data Protection Act 2018, Schedule 3, paragraph 21)",
    "serious_harm": "Likely to cause serious harm to health (Data Protection Act 2018, Schedule 3, paragraph 19; of health data, paragraph 5)",
    "court_papers": "Papers of family proceedings, not to be passed on without the court’s permission (Family Procedure Rules 2010, rule 12.73)",
    "legal_privilege": "Legal professional privilege (Data Protection Act 2018, Schedule 2, paragraph 19)",
    "crime": "Would hinder preventing or detecting a crime (Data Protection Act 2018, Schedule 2, paragraph 2)",
    "foi_personal": "Personal information (Freedom of Information Act 2000, section 40)",
    "foi_crime": "Would, or would be likely to, hinder preventing or detecting a crime (Freedom of Information Act 2000, section 31)",
    "foi_harm": "Would, or would be likely to, endanger somebody’s health or safety (Freedom of Information Act 2000, section 38)",
    "foi_confidence": "Given to the school in confidence, and could be taken to court if told (Freedom of Information Act 2000, section 41)",
    "foi_privilege": "Legal professional privilege (Freedom of Information Act 2000, section 42)",
}
"""The law's reasons, in the words of the schedule. Where each was read, and where it could not be: docs/law.md."""
SHORT: Final[Mapping[LawReason, str]] = {
    "third_party": "another person",
    "child_abuse_data": "child abuse data",
    "serious_harm": "serious harm",
    "court_papers": "court papers",
    "legal_privilege": "legal advice",
    "crime": "crime",
    "foi_personal": "personal information",
    "foi_crime": "crime",
    "foi_harm": "health or safety",
    "foi_confidence": "given in confidence",
    "foi_privilege": "legal advice",
}
"""The same where each line of it says one: what they mean stands above."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Characters from `first` up to `end` (not counted) of one text are left out, for one reason; decided on a text of that SHA-256."""

    first: int
    end: int
    reason: LawReason
    sha256: str


@dataclass(frozen=True, slots=True)
class Text:
    """One text of the record: which entry it stands in, which part of that, and what is decided about it."""

    entry: str  # "Incident 2026-14"
    part: Part
    written: str
    decisions: tuple[Decision, ...] = ()
    body_map: SealedBodyMap | None = None  # of which these are the words, a line a mark
    drawn: Mapping[str, Any] | None = None  # of a text made anew: its drawings and lines, as documents take them
    child: tuple[tuple[int, int], ...] = ()  # where the words are a child's own


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line of the schedule: its number as it stands in the text, where, and why. No word, and no length of one."""

    number: int
    place: str
    reasons: tuple[LawReason, ...]


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that is attached to an entry: its number in the record, where, and what was decided: given whole, or withheld for a reason.

    One that is `blocked` or `destroyed` nobody can give: of that there is nothing to decide.
    """

    id: UUID
    number: int
    entry: str
    sha256: str
    size: int
    media_type: str
    state: str
    given: bool
    reason: LawReason | None

    @property
    def is_given(self) -> bool:
        """Whether it goes with the record."""
        return self.state == "kept" and self.given

    @property
    def name(self) -> str:
        """Return what it is called where it is given: by its number, since its own name may name somebody ("file-3.jpg")."""
        return f"file-{self.number}{_TYPES.guess_extension(self.media_type) or '.bin'}"


_TYPES: Final = MimeTypes(filenames=())
"""The library's own list: the same on every machine."""


def hash_of(written: str) -> str:
    """Return the SHA-256 by which a text is known again."""
    return hashlib.sha256(written.encode()).hexdigest()


def given(texts: Sequence[Text], *, part: int = 0) -> tuple[list[Text], list[LeftOut]]:
    """Return the texts made anew, each place a numbered mark, and the schedule, numbered through; of a `part` each number begins with the part's.

    Raises ValueError("text_changed") where a text is not the one decided on, and ("place_outside_text") for a place that is not in it.
    """
    made: list[Text] = []
    schedule: list[LeftOut] = []
    for text in texts:
        if any(decision.sha256 != hash_of(text.written) for decision in text.decisions):
            raise ValueError("text_changed")
        places = redaction.joined((decision.first, decision.end) for decision in text.decisions)
        numbered = list(enumerate(places, len(schedule) + 1))
        for number, (first, end) in numbered:
            why = {decision.reason for decision in text.decisions if first <= decision.first and decision.end <= end}
            schedule.append(LeftOut(number, f"{text.entry}, {PARTS[text.part]}", tuple(reason for reason in REASONS if reason in why)))
        of = f"{part}." if part else ""
        marks = [f"[left out, {of}{number}]" for number, _ in numbered]
        written = redaction.redacted(text.written, places, marks=marks)
        drawn = _drawn(text.body_map, numbered, of=of) if text.body_map else None
        made.append(Text(text.entry, text.part, written, drawn=drawn, child=_still(text.child, places, marks=marks)))
    return made, schedule


def _still(passages: Iterable[tuple[int, int]], left_out: Sequence[tuple[int, int]], *, marks: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Return where passages stand in a text in which `marks` stand for what was left out: what stays of each."""
    found, at, moved = [], 0, 0
    for (first, end), mark in [*zip(left_out, marks, strict=True), ((sys.maxsize, 0), "")]:
        found += [(max(start, at) + moved, min(stop, first) + moved) for start, stop in passages if max(start, at) < min(stop, first)]
        at, moved = end, moved + len(mark) - (end - first)
    return tuple(found)


def _drawn(body_map: SealedBodyMap, left_out: Sequence[tuple[int, tuple[int, int]]], *, of: str) -> dict[str, Any]:
    """Return a body map drawn anew from the marks that stay. A mark goes where anything that says what and where it is goes.

    What the child said of it may be left out by itself: the drawing does not show that.
    """
    words, stay, begins = [], [], 0
    for number, line in enumerate(body_map.words, 1):
        ends = begins + len(line)
        here = [(n, max(first, begins) - begins, min(end, ends) - begins) for n, (first, end) in left_out if first < ends and end > begins]
        words.append(redaction.redacted(line, [(first, end) for _, first, end in here], marks=(f"[left out, {of}{n}]" for n, _, _ in here)))
        own_words = line.find(SAID)
        if all(own_words >= 0 and first >= own_words for _, first, _ in here):
            stay.append(number)
        begins = ends + 1  # the line's end
    return picture.for_document(body_map, only=stay, words=words) | {"shown": stay}


def document(
    texts: Sequence[Text],
    *,
    title: str,
    school: str,
    facts: Mapping[str, str],
    withheld: Sequence[str] = (),
    files: Sequence[Attached] = (),
    at: datetime | None = None,
    share: Share | None = None,
) -> dict[str, Any]:
    """Return all that the paper says, in strings, from texts as they were written: nothing that is left out is handed to the printer.

    `withheld` are kinds of things that are not in it ("2 drawings"); `files` what is attached to its entries. `at`: the file's own date, so that the
    same record makes the same file. `share`: it is one part of several, of these texts. Raises ValueError as `given` does.
    """
    made, schedule = given(texts, part=share.number if share else 0)
    notes = chronology.together(share)
    passages = f"{len(schedule)} {'passage was' if len(schedule) == 1 else 'passages were'} left out. The schedule at the end says where and why."
    notes.append(passages if schedule else "No passage was left out.")
    marks = sum(len(text.body_map.words) for text in texts if text.body_map)
    if marks:
        gone = marks - sum(len(text.drawn["shown"]) for text in made if text.drawn)
        said = f"{gone} of {marks} marks {'is' if gone == 1 else 'are'} not drawn, since words that say what or where they are were left out"
        notes.append(f"Body maps are drawn anew from what stays: {said if gone else 'every mark is drawn'}.")
    if withheld:
        notes.append(f"Not in this document, and dealt with apart: {', '.join(withheld)}.")
    if files:
        whole = sum(file.is_given for file in files)
        notes.append(f"Attached files: {whole} of {len(files)} {'is' if len(files) == 1 else 'are'} given with it. The list at the end says which.")
    return {
        "title": chronology.titled(title, share),
        "description": f"{title}, {school}",
        "footer": f"{school}: {title}{f', {share.words}' if share else ''}",
        "facts": [{"name": name, "value": value} for name, value in facts.items()],
        "notes": notes,
        "empty": "Nothing is held.",
        "summary": [],
        "opening": chronology.parts_of_it(share),
        **({"made": _parts(at)} if at else {}),
        "months": [{"name": "The record", "entries": _entries(made)}] if made else [],
        "closing": [*([_table(schedule, part=share.number if share else 0)] if schedule else []), *([_files(files)] if files else [])],
        "fonts": list(printing.FONTS),
    }


def _entries(made: Sequence[Text]) -> list[dict[str, Any]]:
    """Return texts as the paper takes them: what stands about an entry below its name, then the account and what was done; others under a heading."""
    entries: list[dict[str, Any]] = []
    for text in made:
        last = entries[-1] if entries and entries[-1]["heading"] == text.entry else None
        if text.part == "about":
            entries.append(_entry(text.entry, "", about=text.written.split("\n")))
        elif text.part == "account" and last:
            last |= {"text": printing.marked(text.written, text.child), "child": bool(text.child)}
        elif text.part == "action_taken" and last:
            last["action_taken"] = text.written
        elif text.drawn:
            entry = last or _entry(text.entry, "")
            entry["body_map"] = {name: text.drawn[name] for name in ("drawings", "words")}
            if not last:
                entries.append(entry)
        else:
            entries.append(_entry(f"{text.entry}: {PARTS[text.part]}", text.written, child=text.child))
    return entries


def _parts(at: datetime) -> dict[str, int]:
    utc = at.astimezone(UTC)
    return {name: getattr(utc, name) for name in ("year", "month", "day", "hour", "minute", "second")}


def _table(schedule: Sequence[LeftOut], *, part: int) -> dict[str, Any]:
    of = f"{part}." if part else ""
    rows = [[f"{of}{line.number}", "\n".join(SHORT[reason] for reason in line.reasons), line.place] for line in schedule]
    key = _key({reason for line in schedule for reason in line.reasons})
    return {"heading": "Schedule of what was left out", "words": key, "columns": ["Number", "Why", "Where"], "rows": rows, "sign": []}


def _files(files: Sequence[Attached]) -> dict[str, Any]:
    """List each attached file: given as a whole, under which name, or why not. By number, never by its own name."""
    cannot = {"blocked": "not given: nobody can open it", "destroyed": "not given: it was destroyed"}

    def said(file: Attached) -> str:
        if file.is_given:
            return f"given whole: {file.name}"
        return cannot.get(file.state) or f"withheld: {SHORT[file.reason] if file.reason else 'not decided'}"

    def where(file: Attached) -> str:
        return f"{file.entry}, {chronology.size_in_words(file.size)}\nSHA-256\n{file.sha256[:32]}\n{file.sha256[32:]}"  # nothing breaks it

    rows = [[str(file.number), said(file), where(file)] for file in files]
    key = _key({file.reason for file in files if file.state == "kept" and not file.given and file.reason})
    return {"heading": "Attached files", "words": key, "columns": ["File", "Given or not", "Where, and its hash"], "rows": rows, "sign": []}


def _key(used: set[LawReason]) -> list[str]:
    return [f"{SHORT[reason].capitalize()}: {law}" for reason, law in REASONS.items() if reason in used]


def _entry(heading: str, written: str, *, about: Sequence[str] = (), child: Sequence[tuple[int, int]] = ()) -> dict[str, Any]:
    shown = {"text": printing.marked(written, child), "child": bool(child)}
    return {"heading": heading, "about": list(about), **shown, "action_taken": "", "body_map": {}}


def pdf(said: dict[str, Any]) -> bytes:
    """Return the document as PDF/A-2a and PDF/UA-1. Raises printing.NotPrinted."""
    return printing.pdf(said)


def docx(said: dict[str, Any], *, at: datetime) -> bytes:
    """Return the same document as Word takes it, made from texts that hold nothing of what is left out."""
    return word.docx(said, at=at)
