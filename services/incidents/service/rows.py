"""Rows to answers, and requests to queries."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from safekeep import clock, cursors
from safekeep.actor import Actor
from safekeep.contracts.incidents import (
    AlteredItem,
    AskItem,
    Chronology,
    CorrectionRequestItem,
    Destroyed,
    DestructionItem,
    EarlierText,
    EntryItem,
    EntryLine,
    EntrySealed,
    FileItem,
    Flag,
    MovedFrom,
    PupilItem,
    PupilStatus,
    Recipient,
    RestrictionItem,
    Span,
    Untold,
)
from safekeep.errors import Invalid
from safekeep.permissions import Class, Reading
from services.incidents import following, recording, store
from services.incidents.service.access import classes_seen, unread


def pupil_item(row: Any) -> PupilItem:
    left_on = getattr(row, "left_on", None)
    return PupilItem(id=row.id, name=row.name, year=row.year, form=row.form, born=row.born, holding=row.holding, left_on=left_on)


def head_item(head: store.Head | None) -> EntrySealed | None:
    """Return where the school's ledger stood, for whoever goes on from there."""
    return EntrySealed(sequence=head.sequence, entry_hash=head.hash) if head else None


def flag_item(row: Any) -> Flag:
    return Flag(
        id=row.id,
        kind=row.kind,
        class_code=Class(row._mapping["class"]).code,
        started=row.started,
        ended=row.ended,
        review=row.review,
        social_worker=row.social_worker,
        note=row.note,
    )


def entry_items(
    rows: Sequence[Any],
    *,
    reading: Reading,
    classes: Mapping[UUID, Class],
    blocks: Mapping[UUID, Any],
    shows_untold: bool,
    gone: Mapping[UUID, Any],
) -> list[EntryItem]:
    """Return the entries this reader reads, each saying what it says now, with what it said before.

    `classes`: as this reader sees them, by id; `blocks`: of their files, by id; `shows_untold`: and who was left out; `gone`: those whose
    content was destroyed, by id.
    """
    fixes: dict[str, list[Any]] = {}
    for row in rows:
        if row.facts.get("corrects"):
            fixes.setdefault(row.facts["corrects"], []).append(row)
    same: dict[str, Any] = {"reading": reading, "blocks": blocks, "shows_untold": shows_untold}
    last = {found[-1].id for found in fixes.values()}  # of those they read: of a later one they may not, they learn nothing
    items = [
        _entry(row, class_=classes[row.id], fixes=fixes.get(str(row.id), []), replaced=bool(row.facts.get("corrects")) and row.id not in last, **same)
        for row in rows
    ]
    return [item.model_copy(update={"destroyed": destroyed_item(gone[item.id]), "earlier": []}) if item.id in gone else item for item in items]


def destroyed_item(row: Any) -> Destroyed:
    by = {"by": row.decided_by, "proposed_by": row.proposed_by}
    return Destroyed(at=row.decided_at, basis=row.basis, law=row.law, ledger_sequence=row.sequence, **by)


def destruction_item(row: Any) -> DestructionItem:
    return DestructionItem.model_validate({name: row._mapping[name] for name in DestructionItem.model_fields})


def with_files(items: Sequence[EntryLine], *, rows: Sequence[Any], blocks: Mapping[UUID, Any]) -> list[EntryLine]:
    """Return lines with the attachments of what is about the pupil: another pupil's are not theirs to take along."""
    return [
        item if item.part else item.model_copy(update={"files": [_file(f, blocks.get(UUID(f["id"]))) for f in row.files]})
        for item, row in zip(items, rows, strict=True)
    ]


def _file(file: dict[str, Any], block: Any) -> FileItem:
    if block is None:
        return FileItem.receive(file)
    by, at = (block.decided_by, block.decided_at) if block.decision else (block.blocked_by, block.blocked_at)
    return FileItem.receive(file | {"state": "destroyed" if block.decision else "blocked", "state_by": str(by), "state_at": clock.stamp(at)})


class Said(NamedTuple):
    """What an entry says: its text, where that is a child's own words, and the action taken."""

    text: str
    child_words: Sequence[Sequence[int]]
    action_taken: str


def what_it_says(row: Any, *, fixes: Sequence[Any]) -> Said:
    """Return an entry's words as its latest correction says them."""
    last = fixes[-1] if fixes else row
    return Said(last.text, last.facts.get("child_words", []), last.facts.get("action_taken", row.facts.get("action_taken", "")))


def spans(found: Sequence[Sequence[int]]) -> list[Span]:
    return [Span(start=start, end=end) for start, end in found]


def _entry(
    row: Any, *, class_: Class, fixes: Sequence[Any], replaced: bool, reading: Reading, blocks: Mapping[UUID, Any], shows_untold: bool
) -> EntryItem:
    unseen = row.correction_id is not None and not fixes and row.author_id != reading.person_id  # as an author who lost sight, others never
    said = what_it_says(row, fixes=fixes)
    text = "" if replaced or unseen or "assigned_to" in row.facts else said.text
    return EntryItem(
        id=row.id,
        kind=row.kind,
        class_code=class_.code,
        author_id=row.author_id,
        author_name=row.author_name,
        author_role=row.author_role,
        recorded_at=row.recorded_at,
        text=text,
        child_words=spans(said.child_words) if text else [],
        corrects=row.facts.get("corrects"),
        reason=row.facts.get("reason", ""),
        replaced=replaced,
        hides_earlier=row.facts.get("hides_earlier", False),
        moved_from=moved_from(row),
        details=_details(row, shown=not unseen and not _hides(row, fixes=fixes, reading=reading)),
        status=_status(row),
        earlier=_earlier(row, fixes=fixes, reading=reading),
        recipients=recording.seen_by([Recipient.receive(r) for r in row.recipients], me=reading.person_id, opens=reading.role_class),
        untold=[Untold(person_id=p, why="concerned") for p in row.facts.get("left_out", ()) if shows_untold],
        files=[_file(f, blocks.get(UUID(f["id"]))) for f in row.files],
        ledger_sequence=row.ledger_sequence,
        entry_hash=row.entry_hash,
    )


def _details(row: Any, *, shown: bool) -> Any:
    return following.details_of(row.facts, at=row.occurred_at, precision=row.occurred_precision, shown=shown) if row.kind == "action" else None


def _status(row: Any) -> PupilStatus | None:
    if row.kind != "status":
        return None
    return PupilStatus(pupil_id=UUID(row.facts["pupil"]), status=row.facts["status"], since=row.recorded_at)


def _hides(row: Any, *, fixes: Sequence[Any], reading: Reading) -> bool:
    """Whether a correction took the entry's own words out of sight, for this reader."""
    hidden = any(fix.facts.get("hides_earlier") for fix in fixes)
    return hidden and reading.role_class != Class.PROTECTION and row.author_id != reading.person_id


def _earlier(row: Any, *, fixes: Sequence[Any], reading: Reading) -> list[EarlierText]:
    """Return what an entry said before, the first words first. What is hidden goes only to its author and to whom every class is open."""
    hiding = max((place for place, fix in enumerate(fixes) if fix.facts.get("hides_earlier")), default=-1)
    earlier = []
    for place, version in enumerate([row, *fixes[:-1]] if fixes else []):
        hidden = place <= hiding
        shown = not hidden or reading.role_class == Class.PROTECTION or version.author_id == reading.person_id
        earlier.append(
            EarlierText(
                text=version.text if shown else "",
                child_words=spans(version.facts.get("child_words", [])) if shown else [],
                action_taken=version.facts.get("action_taken", "") if shown else "",
                author_name=version.author_name,
                recorded_at=version.recorded_at,
                hidden=hidden,
            )
        )
    return earlier


def moved_from(row: Any) -> MovedFrom | None:
    """Return whether an entry says whom its incident is about, and who it was under before. Neither child is named."""
    if "assigned_to" not in row.facts:
        return None
    return "another_pupil" if row.facts.get("was_another") else "not_listed"


def altered_items(rows: Sequence[Any]) -> list[AlteredItem]:
    """Return the incidents of which something is not as it was recorded."""
    return [AlteredItem(incident_id=row.id, number=row.number) for row in rows]


def lines(tx: sa.Connection, *, actor: Actor, rows: Sequence[Any]) -> list[EntryLine]:
    """Return list lines, each saying what it says now.

    Where the actor may not read that an incident was assigned, it is still of the pupil not listed; where they may not read that their own
    words were corrected, they are as they wrote them; of what they read only as its author they see the class and the categories it had then.
    """
    hidden = unread(tx, actor=actor, ids={id_ for row in rows for id_ in (row.assignment_id, row.correction_id) if id_})
    classes = classes_seen(tx, rows=rows)
    items = [_line(row, class_=classes[row.id], uncorrected=row.correction_id in hidden, me=actor.person) for row in rows]
    gone = store.destroyed_among(tx, school_id=actor.at_school, entry_ids=[row.id for row in rows])
    items = [item.model_copy(update={"destroyed": destroyed_item(gone[item.id]), "details": None}) if item.id in gone else item for item in items]
    if not any(row.assignment_id in hidden for row in rows):
        return items
    holding = recording.holding_pupil(actor.at_school)
    about = {"pupil_id": holding, "pupil_name": store.pupils_with(tx, school_id=actor.at_school, ids=[holding])[holding].name}
    return [item.model_copy(update=about) if row.assignment_id in hidden else item for item, row in zip(items, rows, strict=True)]


def _line(row: Any, *, class_: Class, uncorrected: bool, me: UUID) -> EntryLine:
    """A list line. Where the pupil is only linked, the first pupil's categories are not shown as theirs."""
    codes = [] if row.part else (row.incident_categories if row.kind == "incident" and row.sees == "incident" else row.categories)
    text, action_taken, spoken = row.text, row.facts.get("action_taken", ""), row.facts.get("child_words", [])
    own = uncorrected and row.author_id == me
    if row.fix_facts is not None and not own:
        text, action_taken, spoken = row.fix_text, row.fix_facts.get("action_taken", action_taken), row.fix_facts.get("child_words", [])
        if row.kind == "correction" or uncorrected:
            text = action_taken = ""
    text = "" if "assigned_to" in row.facts else text
    return EntryLine(
        id=row.id,
        incident_id=row.incident_id,
        number=row.number,
        kind=row.kind,
        class_code=class_.code,
        categories=codes,
        pupil_id=row.pupil_id,
        pupil_name=row.pupil_name,
        part=row.part,
        author_id=row.author_id,
        author_name=row.author_name,
        author_role=row.author_role,
        recorded_at=row.recorded_at,
        occurred_at=row.occurred_at,
        occurred_precision=row.occurred_precision,
        text=text,
        child_words=spans(spoken) if text else [],
        paper=row.facts.get("paper"),
        body_map=row.facts.get("body_map") if text and not row.part and not row.hidden else None,
        action_taken=action_taken if row.kind == "incident" else "",
        corrected=row.fix_facts is not None and row.kind != "correction" and not uncorrected,
        reason=row.facts.get("reason", ""),
        moved_from=moved_from(row),
        details=_details(row, shown=own or not (uncorrected or row.hidden)),
        status=row.facts["status"] if row.kind == "status" else None,
    )


def headings(items: Sequence[EntryLine]) -> list[EntryLine]:
    """Return lines without what was written, for lists that open nothing."""
    return [
        item.model_copy(update={"text": "", "child_words": [], "action_taken": "", "reason": "", "body_map": None, "details": None, "paper": None})
        for item in items
    ]


def ask_item(row: Any) -> AskItem:
    same = {name: row._mapping[name] for name in ("id", "incident_id", "entry_id", "person_id", "asked_by", "asked_at")}
    return AskItem(**same, for_group=row.for_group or None)


def request_item(row: Any) -> CorrectionRequestItem:
    return CorrectionRequestItem(
        id=row.id,
        incident_id=row.incident_id,
        number=row.number,
        entry_id=row.entry_id,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        text=row.text,
        answered_by=row.answered_by,
        answered_at=row.answered_at,
        correction_id=row.correction_id,
        reason=row.reason,
    )


def restriction_item(row: Any) -> RestrictionItem:
    return RestrictionItem(
        id=row.id,
        entry_id=row.entry_id,
        keeper_id=row.keeper_id,
        dsl_id=row.dsl_id,
        about_id=row.about_id,
        by_id=row.by_id,
        at=row.at,
        reason=row.reason,
    )


def read_filters(request: Chronology, *, zone: str, without: Sequence[UUID]) -> store.Filters:
    def starts(day: Any) -> datetime:
        return datetime.combine(day, time(), ZoneInfo(zone))

    return store.Filters(
        by_recorded=request.order == "recorded",
        codes=request.category_codes,
        author_id=request.author_id,
        since=starts(request.since) if request.since else None,
        until=starts(request.until + timedelta(days=1)) if request.until else None,
        words=request.words,
        without=without,
        only=request.only,
    )


def read_offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isdecimal() or len(cursor) > 6:
        raise Invalid({"cursor": "invalid"})
    return int(cursor)


def read_cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    place: tuple[datetime, UUID] | None = cursors.read(cursor, datetime.fromisoformat, UUID)
    return place


def next_cursor(rows: Sequence[Any], limit: int, column: str) -> str | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return cursors.write(last._mapping[column].isoformat(), str(last.id))
