"""Corrections, and saying whom an incident is about."""

from datetime import datetime

import sqlalchemy as sa

from safekeep import clock, outbox, permissions, telemetry
from safekeep.actor import Actor
from safekeep.contracts.incidents import (
    ActionAdded,
    AddCorrection,
    AssignPupil,
    Recorded,
    Waiting,
    WaitingAnswer,
)
from safekeep.errors import Conflict, Invalid, NotFound
from safekeep.permissions import Class
from safekeep.rpc import answers
from services.incidents import recording, store
from services.incidents.service.access import access_incident, known_school
from services.incidents.service.base import Base
from services.incidents.service.writing import answer_again, said_of, write_entry


class Corrections(Base):
    """Corrections."""

    @answers(AddCorrection)
    def add_correction(self, actor: Actor, request: AddCorrection) -> Recorded:
        with self._school(actor) as tx:
            return write_correction(tx, actor=actor, request=request, now=clock.now())

    @answers(AssignPupil)
    def assign_pupil(self, actor: Actor, request: AssignPupil) -> Recorded:
        with self._school(actor) as tx:
            return write_assignment(tx, actor=actor, request=request, now=clock.now())

    @answers(Waiting)
    def waiting(self, actor: Actor, request: Waiting) -> WaitingAnswer:
        with self._school(actor) as tx:
            count = store.waiting(tx, school_id=actor.at_school, reading=permissions.reading(actor))
        return WaitingAnswer(count=count, holding_id=recording.holding_pupil(actor.at_school))


def write_correction(tx: sa.Connection, *, actor: Actor, request: AddCorrection, now: datetime) -> Recorded:
    school_id = actor.at_school
    fingerprint = recording.fingerprint(request, file_ids=[])
    head = store.lock_head(tx, school_id=school_id)
    if store.entry_with(tx, school_id=school_id, entry_id=request.id):
        return answer_again(tx, actor=actor, entry_id=request.id, fingerprint=fingerprint)
    incident = access_incident(tx, actor=actor, incident_id=request.incident_id)
    reading = permissions.reading(actor)
    mine = {e.id: e for e in store.entries_of(tx, school_id=school_id, incident_id=incident.id, reading=reading)}
    if request.entry_id not in mine:
        raise NotFound("entry")
    struck = mine[request.entry_id]
    school = known_school(tx, school_id)
    class_ = Class(struck._mapping["class"])
    parts = {row.pupil_id: row.part or "pupil" for row in store.linked_of(tx, school_id=school_id, incident_id=incident.id)}
    concerned = store.concerned_staff(tx, school_id=school_id, pupil_ids=parts)
    plan = recording.AlertPlan()
    plan.recipients = recording.told_again(
        school=school,
        writer=actor.person,
        author=struck.author_id,
        recorded=max((school.categories[c].class_ for c in struck.categories if c in school.categories), default=class_),
        class_=class_,
        rights={
            r.person_id: Class(r._mapping["class"])
            for r in store.rights_in(tx, school_id=school_id, incident_id=incident.id)
            if r.entry_id == struck.id
        },
        concerned=concerned,
    )
    entry_hash = write_entry(
        tx,
        actor=actor,
        head=head,
        kind="correction",
        incident_id=incident.id,
        entry_id=request.id,
        class_=class_,
        text=request.should_say,
        facts={"corrects": str(struck.id), "reason": request.reason},
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
    categories = [school.categories[c] for c in incident.categories if c in school.categories]
    said = said_of(
        actor=actor, incident_id=incident.id, entry_id=request.id, categories=categories, class_=class_, parts=parts, plan=plan, files=[], past=False
    )
    outbox.add(tx, ActionAdded, school_id=school_id, subject=incident.id, kind="correction", **said)
    return Recorded(
        id=request.id, entry_id=request.id, number=incident.number, recorded_at=now, entry_hash=entry_hash, recipients=plan.recipients, asked_dsl=0
    )


def write_assignment(tx: sa.Connection, *, actor: Actor, request: AssignPupil, now: datetime) -> Recorded:
    """Put the pupil in the holding pupil's place, say so in a correction, tell who was told of the incident, withdraw it from parents."""
    school_id = actor.at_school
    fingerprint = recording.fingerprint(request, file_ids=[])
    head = store.lock_head(tx, school_id=school_id)
    if store.entry_with(tx, school_id=school_id, entry_id=request.id):
        return answer_again(tx, actor=actor, entry_id=request.id, fingerprint=fingerprint)
    incident = access_incident(tx, actor=actor, incident_id=request.incident_id)
    holding = recording.holding_pupil(school_id)
    if incident.pupil_id != holding:
        raise Conflict("assigned")
    linked = {row.pupil_id: row.part or "pupil" for row in store.linked_of(tx, school_id=school_id, incident_id=incident.id)}
    pupil = store.pupils_with(tx, school_id=school_id, ids=[request.pupil_id]).get(request.pupil_id)
    if pupil is None or pupil.holding:
        raise Invalid({"pupil_id": "unknown_choice"})
    if request.pupil_id in linked:
        raise Invalid({"pupil_id": "twice"})
    parts = {pupil.id: "pupil", **{id_: part for id_, part in linked.items() if id_ != holding}}
    concerned = store.concerned_staff(tx, school_id=school_id, pupil_ids=parts)
    if actor.person in concerned:
        raise Invalid({"pupil_id": "another_dsl"})
    school = known_school(tx, school_id)
    class_ = Class(incident._mapping["class"])
    first = store.entry_with(tx, school_id=school_id, entry_id=incident.id)
    assert first is not None, "an incident's first entry has its id"
    rights = store.rights_in(tx, school_id=school_id, incident_id=incident.id)
    plan = recording.AlertPlan()
    plan.recipients = recording.told_again(
        school=school,
        writer=actor.person,
        author=first.author_id,
        recorded=max((school.categories[c].class_ for c in first.categories if c in school.categories), default=class_),
        class_=class_,
        rights={r.person_id: Class(r._mapping["class"]) for r in rights if r.entry_id == first.id},
        concerned=concerned,
    )
    entry_hash = write_entry(
        tx,
        actor=actor,
        head=head,
        kind="correction",
        incident_id=incident.id,
        entry_id=request.id,
        class_=class_,
        text=f"{pupil.name}, {pupil.year}, {pupil.form}",
        facts={"assigned_to": str(pupil.id)},
        codes=[],
        plan=plan,
        alert=None,
        files=[],
        fingerprint=fingerprint,
        threads=store.threads_of(tx, school_id=school_id, parts={**parts, holding: "assigned"}),  # the holding pupil's last of it
        now=now,
        occurred=(None, "exact"),
        number=incident.number,
        opens_earlier=False,
    )
    store.assign_pupil(tx, school_id=school_id, incident_id=incident.id, pupil_id=pupil.id, entry_id=request.id)
    categories = [school.categories[c] for c in incident.categories if c in school.categories]
    said = said_of(
        actor=actor, incident_id=incident.id, entry_id=request.id, categories=categories, class_=class_, parts=parts, plan=plan, files=[], past=False
    )
    lost = sorted({r.person_id for r in rights} & concerned)
    outbox.add(tx, ActionAdded, school_id=school_id, subject=incident.id, at=now, kind="correction", lost_sight=lost, **said)
    telemetry.log().info("incident.assigned", incident=str(incident.id), school=str(school_id), recipients=len(plan.recipients))
    return Recorded(
        id=request.id, entry_id=request.id, number=incident.number, recorded_at=now, entry_hash=entry_hash, recipients=plan.recipients, asked_dsl=0
    )
