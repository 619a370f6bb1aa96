"""Rows to answers, and requests to queries."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from safekeep.actor import Actor
from safekeep.contracts.incidents import (
    AskItem,
    Chronology,
    EntryItem,
    EntryLine,
    FileItem,
    Flag,
    PupilItem,
    Recipient,
)
from safekeep.errors import Invalid
from safekeep.permissions import Class
from services.incidents import recording, store
from services.incidents.service.access import unread


def pupil_item(row: Any) -> PupilItem:
    return PupilItem(id=row.id, name=row.name, year=row.year, form=row.form, born=row.born, holding=row.holding)


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


def entry_item(row: Any) -> EntryItem:
    return EntryItem(
        id=row.id,
        kind=row.kind,
        class_code=Class(row._mapping["class"]).code,
        author_id=row.author_id,
        author_name=row.author_name,
        author_role=row.author_role,
        recorded_at=row.recorded_at,
        text=row.text,
        corrects=row.facts.get("corrects"),
        reason=row.facts.get("reason", ""),
        recipients=[Recipient.receive(r) for r in row.recipients],
        files=[FileItem.receive(f) for f in row.files],
        ledger_sequence=row.ledger_sequence,
        entry_hash=row.entry_hash,
    )


def lines(tx: sa.Connection, *, actor: Actor, rows: Sequence[Any]) -> list[EntryLine]:
    """Return list lines. Where the actor may not read that an incident was assigned, it is still of the pupil not listed."""
    lines = [_line(row) for row in rows]
    hidden = unread(tx, actor=actor, ids={row.assignment_id for row in rows if row.assignment_id})
    if not hidden:
        return lines
    holding = recording.holding_pupil(actor.at_school)
    about = {"pupil_id": holding, "pupil_name": store.pupils_with(tx, school_id=actor.at_school, ids=[holding])[holding].name}
    return [line.model_copy(update=about) if row.assignment_id in hidden else line for line, row in zip(lines, rows, strict=True)]


def _line(row: Any) -> EntryLine:
    """A list line. Where the pupil is only linked, the first pupil's categories are not shown as theirs."""
    codes = [] if row.part else (row.incident_categories if row.kind == "incident" else row.categories)
    return EntryLine(
        id=row.id,
        incident_id=row.incident_id,
        number=row.number,
        kind=row.kind,
        class_code=Class(row._mapping["class"]).code,
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
        text=row.text,
        action_taken=row.facts.get("action_taken", ""),
    )


def headings(items: Sequence[EntryLine]) -> list[EntryLine]:
    """Return lines without what was written, for lists that open nothing."""
    return [item.model_copy(update={"text": "", "action_taken": ""}) for item in items]


def ask_item(row: Any) -> AskItem:
    return AskItem(
        id=row.id, incident_id=row.incident_id, entry_id=row.entry_id, person_id=row.person_id, asked_by=row.asked_by, asked_at=row.asked_at
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
    )


def read_offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isdecimal() or len(cursor) > 6:
        raise Invalid({"cursor": "invalid"})
    return int(cursor)


def read_cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    try:
        moment, id_ = json.loads(base64.urlsafe_b64decode(cursor))
        return datetime.fromisoformat(moment), UUID(id_)
    except (ValueError, TypeError):
        raise Invalid({"cursor": "invalid"}) from None


def next_cursor(rows: Sequence[Any], limit: int, column: str) -> str | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return base64.urlsafe_b64encode(json.dumps([last._mapping[column].isoformat(), str(last.id)]).encode()).decode()
