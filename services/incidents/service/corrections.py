"""Corrections of what an entry says, and requests for one."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock, outbox, permissions
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.incidents import (
    ActionAdded,
    AddCorrection,
    AskCorrection,
    CorrectionAsked,
    CorrectionDeclined,
    CorrectionRequestsAnswer,
    DeclineCorrection,
    MyCorrectionRequests,
    OpenCorrectionRequests,
    Recipient,
    Recorded,
)
from safekeep.errors import Conflict, NotFound
from safekeep.permissions import Class
from safekeep.rpc import answers
from services.incidents import child_words, recording, store
from services.incidents.recording import School
from services.incidents.service.access import access_incident, classes_recorded, known_school, may_read_entry, tell_keepers, untellable
from services.incidents.service.base import Base
from services.incidents.service.rows import request_item, what_it_says
from services.incidents.service.writing import answer_again, category_of, said_of, write_entry


class Corrections(Base):
    """Corrections."""

    @answers(AddCorrection)
    def add_correction(self, actor: Actor, request: AddCorrection) -> Recorded:
        with self._school(actor) as tx:
            return write_correction(tx, actor=actor, request=request, now=clock.now())

    @answers(AskCorrection)
    def ask_correction(self, actor: Actor, request: AskCorrection) -> Nothing:
        with self._school(actor) as tx:
            ask_correction(tx, actor=actor, request=request, now=clock.now())
        return Nothing()

    @answers(DeclineCorrection)
    def decline_correction(self, actor: Actor, request: DeclineCorrection) -> Nothing:
        with self._school(actor) as tx:
            asked = store.request_with(tx, school_id=actor.at_school, request_id=request.request_id, reading=permissions.reading(actor))
            if asked is not None and (asked.answered_by, asked.correction_id, asked.reason) == (actor.person, None, request.reason):
                return Nothing()  # sent again: its answer was lost
            asked = access_request(tx, actor=actor, request_id=request.request_id)
            store.answer_request(tx, school_id=actor.at_school, request_id=asked.id, by=actor.person, now=clock.now(), reason=request.reason)
            about = {"incident_id": asked.incident_id, "entry_id": asked.entry_id, "asked_by": asked.asked_by}
            outbox.add(tx, CorrectionDeclined, school_id=actor.at_school, subject=asked.incident_id, **about)
        return Nothing()

    @answers(OpenCorrectionRequests)
    def open_correction_requests(self, actor: Actor, request: OpenCorrectionRequests) -> CorrectionRequestsAnswer:
        with self._school(actor) as tx:
            rows = store.requests_of(tx, school_id=actor.at_school, unanswered=True)
            return CorrectionRequestsAnswer(items=[request_item(row) for row in rows if may_read_entry(tx, actor, row.entry_id)])

    @answers(MyCorrectionRequests)
    def my_correction_requests(self, actor: Actor, request: MyCorrectionRequests) -> CorrectionRequestsAnswer:
        with self._school(actor) as tx:
            rows = store.requests_of(tx, school_id=actor.at_school, asked_by=actor.person)
        return CorrectionRequestsAnswer(items=[request_item(row) for row in rows])


def write_correction(tx: sa.Connection, *, actor: Actor, request: AddCorrection, now: datetime) -> Recorded:
    """Append a correction, say by it what the entry says now, tell the author and those alerted, and answer who asked for it."""
    school_id = actor.at_school
    fingerprint = recording.fingerprint(request, file_ids=[])
    head = store.lock_head(tx, school_id=school_id)
    if store.entry_with(tx, school_id=school_id, entry_id=request.id):
        return answer_again(tx, actor=actor, entry_id=request.id, fingerprint=fingerprint)
    incident = access_incident(tx, actor=actor, incident_id=request.incident_id)
    reading = permissions.reading(actor)
    mine = {e.id: e for e in store.entries_of(tx, school_id=school_id, incident_id=incident.id, reading=reading)}
    struck = mine.get(request.entry_id)
    if struck is None or struck.kind == "correction":
        raise NotFound("entry")
    if store.destroyed_among(tx, school_id=school_id, entry_ids=[struck.id]):
        raise Conflict("destroyed")
    asked = access_request(tx, actor=actor, request_id=request.request_id, entry_id=struck.id) if request.request_id else None
    fixes = [e for e in mine.values() if e.facts.get("corrects") == str(struck.id)]  # what is left as it was, is as they read it
    class_ = Class(struck._mapping["class"])
    school = known_school(tx, school_id)
    parts = {row.pupil_id: row.part or "pupil" for row in store.linked_of(tx, school_id=school_id, incident_id=incident.id)}
    concerned = untellable(tx, school=school, school_id=school_id, incident_id=incident.id, pupil_ids=parts, entry_id=struck.id)
    plan = recording.AlertPlan(recipients=told_of_change(tx, actor=actor, school=school, entry=struck, class_=class_, concerned=concerned))
    tell_keepers(tx, plan, school=school, actor=actor, incident_id=incident.id)
    facts: dict[str, Any] = {"corrects": str(struck.id), "reason": request.reason, "hides_earlier": request.hide_earlier}
    said = what_it_says(struck, fixes=fixes)
    if struck.kind == "incident":
        facts["action_taken"] = said.action_taken if request.action_taken is None else request.action_taken
    if spoken := child_words.carried(request.should_say, before=said.text, spans=said.child_words):
        facts["child_words"] = spoken
    entry_hash = write_entry(
        tx,
        actor=actor,
        head=head,
        kind="correction",
        incident_id=incident.id,
        entry_id=request.id,
        class_=class_,
        text=request.should_say,
        facts=facts,
        codes=[],
        plan=plan,
        alert=None,
        files=[],
        fingerprint=fingerprint,
        threads=store.threads_of(tx, school_id=school_id, parts=parts),
        now=now,
        occurred=(None, "exact"),
        number=incident.number,
        opens_earlier=False,
    )
    store.set_correction(tx, school_id=school_id, incident_id=incident.id, struck_id=struck.id, correction_id=request.id)
    if asked is not None:
        store.answer_request(tx, school_id=school_id, request_id=asked.id, by=actor.person, now=now, correction_id=request.id)
    categories = [school.categories[c] for c in incident.categories if c in school.categories]
    told = said_of(
        actor=actor, incident_id=incident.id, entry_id=request.id, categories=categories, class_=class_, parts=parts, plan=plan, files=[], past=False
    )
    told["category"] = category_of(tx, school=school, incident=incident, entry=struck)
    outbox.add(tx, ActionAdded, school_id=school_id, subject=incident.id, at=now, kind="correction", **told)
    told_of: dict[str, Any] = {"recipients": plan.known_to(actor), "asked_dsl": 0}
    return Recorded(id=request.id, entry_id=request.id, number=incident.number, recorded_at=now, entry_hash=entry_hash, **told_of)


def told_of_change(tx: sa.Connection, *, actor: Actor, school: School, entry: Any, class_: Class, concerned: Collection[UUID]) -> list[Recipient]:
    """Return who is told that an entry was corrected or moved: its author, and those alerted to it, who may still read it."""
    rights = store.rights_in(tx, school_id=actor.at_school, incident_id=entry.incident_id)
    of_account = [Class(r._mapping["class"]) for r in rights if r.person_id == entry.author_id and r.entry_id == entry.incident_id]
    told = recording.told_again(
        school=school,
        writer=actor.person,
        author=entry.author_id,
        recorded=max([classes_recorded(tx, school_id=actor.at_school, entry_ids=[entry.id])[entry.id], *of_account]),
        class_=class_,
        rights={r.person_id: Class(r._mapping["class"]) for r in rights if r.entry_id == entry.id},
        concerned=concerned,
    )
    first = {r.person_id: r for r in map(Recipient.receive, entry.recipients)}
    secret = {p for p, r in first.items() if r.flagged and set(r.because) <= r.flagged.keys()}  # told because of a flag: that stays what it was
    return [first[r.person_id].model_copy(update={"granted": r.granted}) if r.person_id in secret else r for r in told]


def ask_correction(tx: sa.Connection, *, actor: Actor, request: AskCorrection, now: datetime) -> None:
    """Keep that an author asks for a correction, and tell the DSLs who may read what it is about."""
    school_id = actor.at_school
    store.lock_head(tx, school_id=school_id)  # the same id twice at once is one request
    entry = store.entry_with(tx, school_id=school_id, entry_id=request.entry_id)
    if entry is None or entry.author_id != actor.person or entry.kind == "correction":
        raise NotFound("entry")
    before = store.request_with(tx, school_id=school_id, request_id=request.id)
    if before is not None:
        if (before.asked_by, before.entry_id, before.text) != (actor.person, entry.id, request.text):
            raise Conflict("id_taken" if before.asked_by != actor.person else "other_content")
        return
    about = {"incident_id": entry.incident_id, "entry_id": entry.id, "asked_by": actor.person}
    store.add_request(tx, school_id=school_id, id=request.id, asked_at=now, text=request.text, **about)
    school = known_school(tx, school_id)
    parts = [row.pupil_id for row in store.linked_of(tx, school_id=school_id, incident_id=entry.incident_id)]
    kept_from = untellable(tx, school=school, school_id=school_id, incident_id=entry.incident_id, pupil_ids=parts, entry_id=entry.id)
    leads = {m.person_id for m in school.staff.values() if permissions.is_lead(m.roles)} - kept_from - {actor.person}
    outbox.add(tx, CorrectionAsked, school_id=school_id, subject=entry.incident_id, person_ids=sorted(leads), **about)


def access_request(tx: sa.Connection, *, actor: Actor, request_id: UUID, entry_id: UUID | None = None) -> sa.Row[Any]:
    """Return a request nobody has answered, about an entry the actor reads. Raises NotFound("request")."""
    row = store.request_with(tx, school_id=actor.at_school, request_id=request_id, reading=permissions.reading(actor))
    if row is None or row.answered_at is not None or entry_id not in (None, row.entry_id):
        raise NotFound("request")
    return row
