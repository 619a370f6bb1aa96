"""The chronology as a document: what stands in it. Pure; printed by safekeep.printing."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from safekeep import printing, spreadsheet
from safekeep.body import picture
from safekeep.contracts.incidents import Chronology, Destroyed, EntryLine, EntrySealed, FileItem, Flag, Paper, PupilItem, SelfCheck
from services.reports.volumes import Part, period, placed

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
    """Who asked for the document, when, at which school, and in whose words it is written.

    `head`: where the school's ledger stood when it was read. `file_names`: what attachments are called, as far as the asker sees it. `flags`: the
    pupil's, as far as the asker sees them; None where they are not told here. `check`: what the self-check said of the entries, None where that is
    not told here; `proof_address`: where it is said how one knows.
    """

    by: str
    at: datetime
    school_name: str
    zone: str
    category_names: Mapping[str, str]
    staff_names: Mapping[UUID, str] = field(default_factory=dict)
    leave_out: Collection[str] = ()
    class_codes: Collection[str] = ()
    head: EntrySealed | None = None
    file_names: Mapping[UUID, str] = field(default_factory=dict)
    flags: Sequence[Flag] | None = None
    check: SelfCheck | None = None
    proof_address: str = ""


FLAGS: Final = {
    "child_protection_plan": "Child protection plan",
    "child_in_need": "Child in need",
    "looked_after": "Looked after",
    "early_help": "Early help",
    "send": "SEND",
    "young_carer": "Young carer",
    "medical": "Medical",
}
LEFT_OUT: Final = {
    "actions": "without actions and how incidents stand",
    "linked": "without what is about other pupils",
    "body_maps": "without body maps",
    "files": "without the list of attached files",
    "flags": "without flags",
}
_CHECKED: Final = {
    "unaltered": "Verified unaltered.",
    "checking": "Being verified: not every entry here was compared with its seal yet.",
    "altered": "Not everything in the record is as it was recorded. Do not rely on this before a DSL has looked at what was found.",
}
SHORT: Final = 12
"""Characters of a hash in a footer: enough to find it by; the whole hash is on the first page."""
LONGEST_IN_FOOTER: Final = 90


def wanted(entries: Iterable[EntryLine], *, asked: Asked) -> list[EntryLine]:
    """Return the entries that are wanted, body maps and files taken off where they are not."""
    kept = [
        entry
        for entry in entries
        if not ("actions" in asked.leave_out and entry.kind in ("action", "status"))
        and not ("linked" in asked.leave_out and entry.part)
        and not (asked.class_codes and entry.class_code not in asked.class_codes)
    ]
    off: dict[str, Any] = {"body_map": None} if "body_maps" in asked.leave_out else {}
    off |= {"files": []} if "files" in asked.leave_out else {}
    return [entry.model_copy(update=off) for entry in kept] if off else kept


def content(*, pupil: PupilItem, entries: Sequence[EntryLine], request: Chronology, asked: Asked, part: Part | None = None) -> dict[str, Any]:
    """Return all that the document says, in strings, newest first as the entries come. `part`: it is one of several, of these entries."""
    filters = filters_in_words(request=request, entries=entries, asked=asked)
    months = _months(entries=entries, request=request, asked=asked)
    title = f"Chronology of {pupil.name}"
    about = [] if pupil.holding else [pupil.year, pupil.form, f"born {day(pupil.born)}"]  # who is not listed has no date of birth
    printed = moment(asked.at, zone=asked.zone)
    return {
        "title": titled(title, part),
        "description": f"Safeguarding chronology, {asked.school_name}",
        "footer": footer(title, reason=request.reason, asked=asked, part=part),
        "facts": [
            {"name": "Pupil", "value": ", ".join(part for part in (pupil.name, *about) if part)},
            {"name": "School", "value": asked.school_name},
            {"name": "Asked for by", "value": f"{asked.by}, {printed}"},
            *([{"name": "Why", "value": request.reason}] if request.reason else []),
            {"name": "Shown", "value": filters},
            {"name": "Entries", "value": f"{_how_many(entries, part)}, newest first, by when they {_placed_by(request)}"},
            *with_them(entries, asked=asked),
        ],
        "notes": [
            *together(part),
            "This document holds the entries that the person named above may read. There may be others.",
            "What people wrote stands as they wrote it, and may name other children: read it through before it is given to anybody.",
        ],
        "empty": "No entries that you may read match these choices.",
        "summary": _summary(months, part),
        "opening": [*_flags(asked, part), *parts_of_it(part)],
        "months": months,
        "made": parts(asked.at),
        "fonts": list(printing.FONTS),
    }


def titled(title: str, part: Part | None) -> str:
    """Return a title with which part it is ("…, part 2 of 10: September 2019 to March 2020")."""
    return f"{title}, {part.words}: {part.period}" if part else title


def together(part: Part | None) -> list[str]:
    """Return the note that a part is not the whole."""
    return [f"This is {part.words}. The parts belong together; all of them hold {part.plan.entries:,} entries."] if part else []


def parts_of_it(part: Part | None) -> list[dict[str, Any]]:
    """Return, for the first of several, what is in each of them."""
    if part is None or not part.is_first:
        return []
    rows = [[str(number), period(each), str(each.entries)] for number, each in enumerate(part.plan.volumes, start=1)]
    return [{"heading": "The parts", "words": [], "columns": ["Part", "Months", "Entries"], "rows": rows, "sign": []}]


def flags_in_rows(flags: Iterable[Flag]) -> list[list[str]]:
    """Return what each flag is, since when, until when, when it is reviewed, and who the social worker is."""
    return [
        [
            FLAGS[flag.kind],
            day(flag.started),
            day(flag.ended) if flag.ended else "",
            day(flag.review) if flag.review and not flag.ended else "",
            flag.social_worker or "",
        ]
        for flag in flags
    ]


def _shown_flags(asked: Asked) -> list[Flag] | None:
    """Return the flags that are told, those that hold first: of the chosen classes alone; None where they are left out, or not told here."""
    if asked.flags is None or "flags" in asked.leave_out:
        return None
    kept = [flag for flag in asked.flags if not asked.class_codes or flag.class_code in asked.class_codes]
    return sorted(kept, key=lambda flag: flag.ended is not None)


def _flags(asked: Asked, part: Part | None) -> list[dict[str, Any]]:
    flags = _shown_flags(asked)
    if flags is None or (part is not None and not part.is_first):
        return []
    columns = ["What", "Since", "Until", "Review", "Social worker"]
    words = [] if flags else ["Nothing is flagged that you may see."]
    return [{"heading": "Flags", "words": words, "columns": columns, "rows": flags_in_rows(flags), "sign": []}]


def _how_many(entries: Sequence[EntryLine], part: Part | None) -> str:
    if part is None:
        return str(len(entries))
    first = part.volume.first + 1
    return f"{first:,} to {first + len(entries) - 1:,} of {part.plan.entries:,}"


def footer(title: str, *, reason: str, asked: Asked, part: Part | None = None) -> str:
    """Return what each page says at its foot: what it is (and which part), who asked, when and why, and where the ledger stood."""
    title = f"{title}, {part.words}" if part else title
    why = f", for: {reason if len(reason) <= LONGEST_IN_FOOTER else reason[: LONGEST_IN_FOOTER - 1] + '…'}" if reason else ""
    head = f". Ledger at entry {asked.head.sequence}, {asked.head.entry_hash[:SHORT]}" if asked.head else ""
    return f"Confidential. {title}, printed {moment(asked.at, zone=asked.zone)} for {asked.by}{why}{head}"


def ledger(asked: Asked) -> str:
    """Return where the ledger stood, in words; "" where nothing is known of it."""
    if asked.head is None:
        return ""
    return f"It stood at entry {asked.head.sequence} when this was read, with the hash {asked.head.entry_hash}"


def worst(checks: Iterable[SelfCheck | None]) -> SelfCheck | None:
    """Return what the self-check says of entries read page by page: of all of them no more than of the worst page. None where one is silent."""
    said = list(checks)
    known = [check for check in said if check is not None]
    order = ("unaltered", "checking", "altered")
    return max(known, key=lambda check: order.index(check.state)) if known and len(known) == len(said) else None


def unaltered(asked: Asked) -> str:
    """Return whether the entries were found as they were recorded, when, and where it is said how one knows; "" where that is not told here."""
    check = asked.check
    if check is None:
        return ""
    said = [_CHECKED[check.state]]
    if check.whole_at and check.state != "checking":
        said.append(f"Everything in the record was checked on {moment(check.whole_at, zone=asked.zone)}.")
    if check.checked_at:
        said.append(f"New entries were checked last on {moment(check.checked_at, zone=asked.zone)}.")
    if asked.proof_address:
        said.append(f"How that is known, for the school’s DSLs: {asked.proof_address}")
    return " ".join(said)


def with_them(entries: Sequence[EntryLine], *, asked: Asked) -> list[dict[str, str]]:
    """Return what goes with the entries: body maps, attached files, the ledger, whether they are unaltered; or that it was left out."""
    maps, files = sum(entry.body_map is not None for entry in entries), sum(len(entry.files) for entry in entries)
    listed = f"{files}, listed below with the SHA-256 of each; the files themselves are not in this document" if files else "none"
    said = {
        "Body maps": "left out" if "body_maps" in asked.leave_out else f"{maps}, below" if maps else "none",
        "Attached files": "left out" if "files" in asked.leave_out else listed,
        "Ledger": ledger(asked),
        "Proof": unaltered(asked),
    }
    return [{"name": name, "value": value} for name, value in said.items() if value]


def file_in_words(file: FileItem, *, names: Mapping[UUID, str]) -> str:
    """Return an attachment as a document lists it: its name as the asker sees it, how large it is, and the hash it is known by."""
    states = {"blocked": "A file that is blocked", "destroyed": "A file that was destroyed"}
    name = states.get(file.state) or names.get(file.id, "A file whose name is not shown")
    return f"{name}, {size_in_words(file.size)}\nSHA-256 {file.sha256}"


def size_in_words(size: int) -> str:
    """Return "1 byte", "820 bytes", "24 kB", "1.4 MB" (thousands, as file managers count)."""
    if size < 1_000:
        return f"{size} byte{'' if size == 1 else 's'}"
    return f"{max(1, round(size / 1_000))} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def filters_in_words(*, request: Chronology, entries: Sequence[EntryLine], asked: Asked) -> str:
    """Return what was chosen, or that nothing was."""
    chosen, names = [], asked.category_names
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
    if asked.class_codes:
        chosen.append("classes " + ", ".join(_plain(code) for code in asked.class_codes))
    chosen += [words for code, words in LEFT_OUT.items() if code in asked.leave_out]
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


def parts(at: datetime) -> dict[str, int]:
    """Return a moment (UTC) as typst takes it, for the file's own date."""
    utc = at.astimezone(UTC)
    return {name: getattr(utc, name) for name in ("year", "month", "day", "hour", "minute", "second")}


def _placed_by(request: Chronology) -> str:
    return "happened (actions: were recorded)" if request.order == "occurred" else "were recorded"


def _months(*, entries: Sequence[EntryLine], request: Chronology, asked: Asked) -> list[dict[str, Any]]:
    def month(entry: EntryLine) -> str:
        return f"{placed(entry, by_occurred=request.order == 'occurred').astimezone(ZoneInfo(asked.zone)):%B %Y}"

    return [{"name": name, "entries": [_entry(entry, asked=asked) for entry in group]} for name, group in groupby(entries, key=month)]


def _summary(months: Sequence[Mapping[str, Any]], part: Part | None) -> list[dict[str, str]]:
    """Return how many entries each month has, earliest first, with a bar in percent of the fullest; nothing of one month alone.

    Of several parts the first says it of all, and the others say nothing.
    """
    counts = [(month["name"], len(month["entries"])) for month in months] if part is None else part.plan.months if part.is_first else []
    most = max((count for _, count in counts), default=1)
    rows = [{"name": name, "count": str(count), "bar": str(round(100 * count / most))} for name, count in reversed(counts)]
    return rows if len(rows) > 1 else []


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
        "text": printing.marked("\n\n".join(filter(None, (_text(entry, zone=asked.zone), words))), spans),
        "child": bool(spans),
        "action_taken": entry.action_taken,
        "body_map": picture.for_document(entry.body_map) if entry.body_map else {},
        "files": [file_in_words(file, names=asked.file_names) for file in entry.files],
    }


def destroyed_in_words(gone: Destroyed, *, zone: str) -> str:
    """Return what stands where the words of an entry stood that were lawfully destroyed."""
    how = f"by order of {gone.law}" if gone.basis == "order" else f"at the end of its time of keeping, under {gone.law}"
    return f"Destroyed on {moment(gone.at, zone=zone)} {how}. Entry {gone.ledger_sequence} of the ledger says why."


def _text(entry: EntryLine, *, zone: str) -> str:
    """Return what an entry says. Of a correction why it was made: what it should say stands where it was wrong."""
    if entry.destroyed:
        return destroyed_in_words(entry.destroyed, zone=zone)
    if entry.kind != "correction":
        return entry.text
    said = MOVED[entry.moved_from] if entry.moved_from else "An entry of this incident was corrected."
    return f"{said}\n\nWhy: {entry.reason}" if entry.reason else said


def _plain(code: str) -> str:
    return code.replace("_", " ")


def pdf(said: dict[str, Any]) -> bytes:
    """Return the document as PDF/A-2a and PDF/UA-1. Raises printing.NotPrinted."""
    return printing.pdf(said)


HEADINGS: Final = (
    "Incident",
    "Kind",
    "Happened",
    "How exactly is known",
    "Recorded",
    "Recorded by",
    "Role",
    "Class",
    "Categories",
    "This pupil’s part",
    "What was written",
    "Action taken",
    "Attached files",
    "Corrected",
)


def csv(*, pupil: PupilItem, entries: Sequence[EntryLine], request: Chronology, asked: Asked, part: Part | None = None) -> bytes:
    """Return the entries as a list for a spreadsheet, times as clocks show them where the school is. What would be a formula is text.

    A line above the headings says what it is, for whom, why, what was chosen, and where the ledger stood. Written in parts, it is one file: those
    after the first have rows alone.
    """
    chosen = filters_in_words(request=request, entries=entries, asked=asked)
    above = [footer(f"Chronology of {pupil.name}", reason=request.reason, asked=asked), f"Shown: {chosen}"]
    if flags := _shown_flags(asked):
        told = (f"{what}, {since}{f' to {until}' if until else ''}" for what, since, until, *_ in flags_in_rows(flags))
        above.append(f"Flags: {'; '.join(told)}")
    if asked.head:
        above.append(f"Ledger entry {asked.head.sequence}: {asked.head.entry_hash}")
    if checked := unaltered(asked):
        above.append(checked)

    def time(value: datetime | None) -> str:
        return f"{value.astimezone(ZoneInfo(asked.zone)):%Y-%m-%d %H:%M}" if value else ""

    def row(entry: EntryLine) -> tuple[str, ...]:
        own, words = printing.said_of_action(entry.details, names=asked.staff_names, zone=asked.zone) if entry.details else ([], "")
        marks = entry.body_map.words if entry.body_map else []
        happened = entry.occurred_at if entry.kind == "incident" and entry.occurred_precision != "not_known" else None
        paper = on_paper(entry.paper, zone=asked.zone) if entry.paper else ""
        return (
            entry.number,
            KINDS[entry.kind] + (f": {printing.STATUSES[entry.status]}" if entry.status else ""),
            time(happened)[: 10 if entry.occurred_precision == "day" else None],
            _plain(entry.occurred_precision) if entry.kind == "incident" else "",
            time(entry.recorded_at),
            entry.author_name,
            ROLES.get(entry.author_role, _plain(entry.author_role)),
            entry.class_code,
            ", ".join(asked.category_names.get(code, _plain(code)) for code in entry.categories),
            PARTS[entry.part] if entry.part else "",
            "\n".join(filter(None, (_text(entry, zone=asked.zone), *own, words, paper, *marks))),
            entry.action_taken,
            "\n".join(file_in_words(file, names=asked.file_names) for file in entry.files),
            "yes" if entry.corrected else "",
        )

    if part and not part.is_first:
        return spreadsheet.more(map(row, entries))
    return spreadsheet.write(above, [HEADINGS, *map(row, entries)])
