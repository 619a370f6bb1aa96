"""Half-written forms: kept for their author alone, and remembered."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock, outbox, telemetry
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.files import (
    DiscardDraft,
    Draft,
    DraftAnswer,
    DraftItem,
    DraftLeft,
    Drafts,
    DraftsAnswer,
    DraftSaved,
    LeftDraft,
    LeftDrafts,
    LeftDraftsAnswer,
    SaveDraft,
)
from safekeep.errors import Conflict, Invalid, NotFound, StorageError
from safekeep.rpc import Resources, answers
from services.files import drafts, store
from services.files.service.base import Base


class Drafting(Base):
    """Drafts."""

    @answers(SaveDraft)
    def save_draft(self, actor: Actor, request: SaveDraft) -> DraftSaved:
        if drafts.bytes_in(request.fields) > drafts.MOST_BYTES:
            raise Invalid({"form": "too_long"})
        now = clock.now()
        with self._school(actor.at_school) as tx:
            due = _next_reminder(tx, school_id=actor.at_school, saved_at=now, told=None)
            kept = store.keep_draft(
                tx,
                school_id=actor.at_school,
                id=request.draft_id,
                fields=request.fields,
                author_id=actor.person,
                kind=request.kind,
                incident_id=request.incident_id,
                saved_at=now,
                remind_at=due[0] if due else None,
                reminded=None,
            )
            if not kept:
                row = store.draft_with(tx, school_id=actor.at_school, draft_id=request.draft_id)
                raise Conflict("draft_ended") if row and row.author_id == actor.person else NotFound("draft")
        return DraftSaved(saved_at=now)

    @answers(Draft)
    def draft(self, actor: Actor, request: Draft) -> DraftAnswer:
        with self._school(actor.at_school) as tx:
            row = store.draft_with(tx, school_id=actor.at_school, draft_id=request.draft_id)
        if row is None or row.author_id != actor.person or row.ended_at is not None:
            raise NotFound("draft")
        return DraftAnswer(item=_draft(row), fields=row.fields)

    @answers(Drafts)
    def drafts(self, actor: Actor, request: Drafts) -> DraftsAnswer:
        with self._school(actor.at_school) as tx:
            rows = store.drafts_of(tx, school_id=actor.at_school, author_id=actor.person)
        return DraftsAnswer(items=[_draft(row) for row in rows])

    @answers(DiscardDraft)
    def discard_draft(self, actor: Actor, request: DiscardDraft) -> Nothing:
        with self._school(actor.at_school) as tx:
            mine: dict[str, Any] = {"school_id": actor.at_school, "draft_id": request.draft_id, "author_id": actor.person, "now": clock.now()}
            store.end_draft(tx, **mine)
            store.end_body_map(tx, **mine)
        return Nothing()

    @answers(LeftDrafts)
    def left_drafts(self, actor: Actor, request: LeftDrafts) -> LeftDraftsAnswer:
        with self._school(actor.at_school) as tx:
            rows = store.left_drafts(tx, school_id=actor.at_school, before=clock.now() - timedelta(hours=24))
        return LeftDraftsAnswer(items=[LeftDraft(author_id=row.author_id, saved_at=row.saved_at) for row in rows])


def remind_due(host: Resources, *, limit: int = 200) -> int:
    """Put an event in the outbox for each reminder that is due. Returns how many."""
    with host.transaction(host.worker_engine) as tx:
        due = store.drafts_due(tx, now=clock.now(), limit=limit)
    said = 0
    for school_id, draft_id in due:
        try:
            said += _remind(host, school_id=school_id, draft_id=draft_id)
        except Exception as error:  # one that fails must not keep those behind it from being reminded
            if isinstance(error, StorageError) and error.is_outage:
                raise
            telemetry.log().error("reminder.failed", draft=str(draft_id), error=type(error).__name__)
    return said


def _remind(host: Resources, *, school_id: UUID, draft_id: UUID) -> int:
    with host.transaction(host.engine, school_id=school_id) as tx:
        row = store.draft_with(tx, school_id=school_id, draft_id=draft_id, lock=True)
        if row is None or row.ended_at is not None or row.remind_at is None or row.remind_at > clock.now():
            return 0
        now_due = _next_reminder(tx, school_id=school_id, saved_at=row.saved_at, told=row.reminded)
        if now_due is None or now_due[0] > clock.now():  # the school's day has changed since
            store.set_reminder(tx, school_id=school_id, draft_id=draft_id, reminded=row.reminded, remind_at=now_due[0] if now_due else None)
            return 0
        following = _next_reminder(tx, school_id=school_id, saved_at=row.saved_at, told=now_due[1])
        store.set_reminder(tx, school_id=school_id, draft_id=draft_id, reminded=now_due[1], remind_at=following[0] if following else None)
        outbox.add(tx, DraftLeft, school_id=school_id, subject=draft_id, author_id=row.author_id, draft_id=draft_id, left_for=now_due[1])
        return 1


def _next_reminder(tx: sa.Connection, *, school_id: UUID, saved_at: Any, told: Any) -> Any:
    school = store.school_with(tx, school_id=school_id)
    zone, ends = (school.zone, school.day_ends_minute) if school else ("Europe/London", 15 * 60 + 30)
    return drafts.next_reminder(saved_at=saved_at, told=told, zone=zone, day_ends_minute=ends)


def _draft(row: Any) -> DraftItem:
    return DraftItem(id=row.id, kind=row.kind, incident_id=row.incident_id, saved_at=row.saved_at, ends_at=row.saved_at + drafts.KEPT)
