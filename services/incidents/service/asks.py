"""Asking a DSL to tell somebody, and the grant that answers it."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock, outbox, permissions, telemetry
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.incidents import (
    AnswerAsk,
    AsksAnswer,
    MarkReleaseRead,
    OpenAsks,
    ReleaseItem,
    Releases,
    ReleasesAnswer,
    RightGranted,
)
from safekeep.errors import Invalid, NotAllowed, NotFound
from safekeep.permissions import Class
from safekeep.rpc import answers
from services.incidents import store
from services.incidents.service.access import known_school, may_read_entry, untellable
from services.incidents.service.base import Base
from services.incidents.service.rows import ask_item
from services.incidents.service.writing import category_of, note, write_place


class Asks(Base):
    """Requests to a DSL, and a DSL's lines to those who may read no more of something."""

    @answers(Releases)
    def releases(self, actor: Actor, request: Releases) -> ReleasesAnswer:
        with self._school(actor) as tx:
            rows = store.releases_to(tx, school_id=actor.at_school, person_id=actor.person)
        return ReleasesAnswer(items=[ReleaseItem(id=row.id, line=row.line, by=row.released_by, at=row.released_at) for row in rows])

    @answers(MarkReleaseRead)
    def mark_release_read(self, actor: Actor, request: MarkReleaseRead) -> Nothing:
        with self._school(actor) as tx:
            if not store.mark_release_read(tx, school_id=actor.at_school, release_id=request.release_id, person_id=actor.person, now=clock.now()):
                raise NotFound("release")
        return Nothing()

    @answers(OpenAsks)
    def open_asks(self, actor: Actor, request: OpenAsks) -> AsksAnswer:
        with self._school(actor) as tx:
            rows = [r for r in store.open_asks(tx, school_id=actor.at_school) if may_read_entry(tx, actor, r.entry_id)]
        return AsksAnswer(items=[ask_item(row) for row in rows])

    @answers(AnswerAsk)
    def answer_ask(self, actor: Actor, request: AnswerAsk) -> Nothing:
        now = clock.now()
        if request.accept and not request.reason.strip():
            raise Invalid({"reason": "reason_needed"})
        answer: dict[str, Any] = {"ask_id": request.ask_id, "accept": request.accept, "reason": request.reason, "by": actor.person}
        with self._school(actor) as tx:
            here: dict[str, Any] = {"school_id": actor.at_school, "reading": permissions.reading(actor)}
            ask = store.answer_ask(tx, **here, now=now, **answer)
            if ask is None and store.was_answered(tx, **here, **answer):
                return Nothing()  # sent again: its answer was lost
            if ask is None:
                raise NotFound("ask")
            if request.accept:
                write_grant(
                    tx, actor=actor, incident_id=ask.incident_id, entry_id=ask.entry_id, person_id=ask.person_id, reason=request.reason, now=now
                )
        return Nothing()


def write_grant(tx: sa.Connection, *, actor: Actor, incident_id: UUID, entry_id: UUID, person_id: UUID, reason: str, now: datetime) -> None:
    """Let a person read one entry (and earlier ones of no higher class), keep that in the ledger, and have them alerted."""
    school_id = actor.at_school
    store.lock_head(tx, school_id=school_id)
    school = known_school(tx, school_id)
    entry = store.entry_with(tx, school_id=school_id, entry_id=entry_id)
    linked = store.linked_of(tx, school_id=school_id, incident_id=incident_id)
    parts = {row.pupil_id: row.part or "pupil" for row in linked}
    concerned = untellable(tx, school=school, school_id=school_id, incident_id=incident_id, pupil_ids=parts, entry_id=entry_id)
    if entry is None or person_id in concerned or person_id not in school.staff or not permissions.may_record(school.staff[person_id].roles):
        raise NotAllowed("cannot_be_told")
    class_ = Class(entry._mapping["class"])
    store.give_rights(
        tx,
        school_id=school_id,
        incident_id=incident_id,
        entry_id=entry_id,
        class_=class_,
        told=[store.Right(person_id, granted_by=actor.person, reason=reason)],
        now=now,
    )
    note(tx, school_id=school_id, kind="right_granted", person_id=person_id, by=actor.person, what=class_.code)
    fields = {"person": str(person_id), "class": class_.code, "reason": reason}
    write_place(tx, actor=actor, kind="grant", incident_id=incident_id, entry_id=entry_id, fields=fields, parts=parts, now=now)
    incident = store.incident_with(tx, school_id=school_id, incident_id=incident_id)
    assert incident is not None
    outbox.add(
        tx,
        RightGranted,
        school_id=school_id,
        subject=incident_id,
        incident_id=incident_id,
        entry_id=entry_id,
        author_id=entry.author_id,
        person_id=person_id,
        category=category_of(tx, school=school, incident=incident, entry=entry),
        class_code=class_.code,
        trace=telemetry.trace.get(),
    )
