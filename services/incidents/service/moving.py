"""Saying whom an incident is about: of a pupil not listed, or of the wrong one."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from safekeep import clock, outbox, permissions, telemetry
from safekeep.actor import Actor
from safekeep.contracts.incidents import ActionAdded, AssignPupil, Recipient, Recorded, Waiting, WaitingAnswer
from safekeep.errors import Conflict, Invalid
from safekeep.permissions import Class
from safekeep.rpc import answers
from services.incidents import recording, store
from services.incidents.history import year_group
from services.incidents.service.access import access_incident, known_school, tell_keepers, untellable
from services.incidents.service.base import Base
from services.incidents.service.corrections import access_request, told_of_change
from services.incidents.service.following import leave_to_nobody
from services.incidents.service.writing import answer_again, said_of, write_entry


class Moving(Base):
    """Whom an incident is about."""

    @answers(AssignPupil)
    def assign_pupil(self, actor: Actor, request: AssignPupil) -> Recorded:
        with self._school(actor) as tx:
            return write_move(tx, actor=actor, request=request, now=clock.now())

    @answers(Waiting)
    def waiting(self, actor: Actor, request: Waiting) -> WaitingAnswer:
        with self._school(actor) as tx:
            count = store.waiting(tx, school_id=actor.at_school, reading=permissions.reading(actor))
        return WaitingAnswer(count=count, holding_id=recording.holding_pupil(actor.at_school))


def write_move(tx: sa.Connection, *, actor: Actor, request: AssignPupil, now: datetime) -> Recorded:
    """Put the pupil in the other's place, say so in a correction that names neither, tell who was told, withdraw it from parents.

    Nothing of it stays with the other pupil but a place in their ledger thread that says `moved`. The Safeguarding team is told too where
    it was not: one of them may have been left out because the wrong pupil was their own child.
    """
    school_id = actor.at_school
    fingerprint = recording.fingerprint(request, file_ids=[])
    head = store.lock_head(tx, school_id=school_id)
    if store.entry_with(tx, school_id=school_id, entry_id=request.id):
        return answer_again(tx, actor=actor, entry_id=request.id, fingerprint=fingerprint)
    incident = access_incident(tx, actor=actor, incident_id=request.incident_id)
    holding = recording.holding_pupil(school_id)
    wrong = request.from_id or holding
    if incident.pupil_id != wrong:
        raise Conflict("assigned")
    pupil, parts = _parts(tx, actor=actor, incident=incident, request=request, wrong=wrong)
    school = known_school(tx, school_id)
    concerned = untellable(tx, school=school, school_id=school_id, incident_id=incident.id, pupil_ids=parts)
    parents = store.concerned_staff(tx, school_id=school_id, pupil_ids=parts)
    if actor.person in parents:
        raise Invalid({"pupil_id": "another_dsl"})
    if wrong != holding and not request.reason.strip():
        raise Invalid({"reason": "missing"})
    asked = access_request(tx, actor=actor, request_id=request.request_id, entry_id=incident.id) if request.request_id else None
    class_ = Class(incident._mapping["class"])
    first = store.entry_with(tx, school_id=school_id, entry_id=incident.id)
    assert first is not None, "an incident's first entry has its id"
    plan = recording.AlertPlan(recipients=told_of_change(tx, actor=actor, school=school, entry=first, class_=class_, concerned=concerned))
    rights = store.rights_in(tx, school_id=school_id, incident_id=incident.id)
    if wrong != holding and class_ >= Class.WELFARE:
        team = school.members(permissions.SAFEGUARDING_TEAM) - {r.person_id for r in plan.recipients} - concerned - {actor.person}
        plan.recipients += [Recipient(person_id=p, because=[permissions.SAFEGUARDING_TEAM], granted=False) for p in sorted(team)]
    today = now.astimezone(ZoneInfo(school.zone)).date()
    calls = store.calls_of(tx, school_id=school_id, pupil_ids=[request.pupil_id], today=today)
    called = recording.called_by_pupil(school=school, calls=calls, class_=class_, concerned=concerned)
    called = [r for r in called if r.person_id not in {actor.person, *(told.person_id for told in plan.recipients)}]
    plan.recipients += called
    tell_keepers(tx, plan, school=school, actor=actor, incident_id=incident.id)
    gone = {wrong: "assigned" if wrong == holding else "moved"}  # the last of it in that pupil's thread
    facts: dict[str, Any] = {"assigned_to": str(request.pupil_id), "was_another": wrong != holding, "reason": request.reason}
    if called:
        facts["called"] = [str(r.person_id) for r in called]
    entry_hash = write_entry(
        tx,
        actor=actor,
        head=head,
        kind="correction",
        incident_id=incident.id,
        entry_id=request.id,
        class_=class_,
        text="",
        facts=facts,
        codes=[],
        plan=plan,
        alert=None,
        files=[],
        fingerprint=fingerprint,
        threads=store.threads_of(tx, school_id=school_id, parts={**parts, **gone}),
        now=now,
        occurred=(None, "exact"),
        number=incident.number,
        opens_earlier=False,
    )
    here = {"school_id": school_id, "incident_id": incident.id}
    rights_now = [store.Right(recipient.person_id) for recipient in called]  # whom this pupil's groups call in reads what is there already
    store.give_rights(tx, **here, entry_id=request.id, class_=class_, told=rights_now, now=now)
    store.move_incident(tx, **here, from_id=wrong, to_id=request.pupil_id, entry_id=request.id)
    led = store.lead_of(tx, **here)
    store.take_rights(tx, **here, people=parents)
    store.end_leads(tx, **here, people=parents)
    leave_to_nobody(tx, **here, people=parents, now=now)
    if asked is not None:
        store.answer_request(tx, school_id=school_id, request_id=asked.id, by=actor.person, now=now, correction_id=request.id)
    categories = [school.categories[c] for c in incident.categories if c in school.categories]
    said = said_of(
        actor=actor, incident_id=incident.id, entry_id=request.id, categories=categories, class_=class_, parts=parts, plan=plan, files=[], past=False
    )
    lost = sorted({*(r.person_id for r in rights), *((led.person_id,) if led else ())} & parents)  # who leads it may hold no right to it
    moved: dict[str, Any] = {"kind": "correction", "what": "moved", "year_group": year_group(pupil.born, on=today)}
    outbox.add(tx, ActionAdded, school_id=school_id, subject=incident.id, at=now, lost_sight=lost, **moved, **said)
    telemetry.log().info("incident.assigned", incident=str(incident.id), school=str(school_id), recipients=len(plan.recipients))
    told_of: dict[str, Any] = {"recipients": plan.known_to(actor), "asked_dsl": 0}
    return Recorded(id=request.id, entry_id=request.id, number=incident.number, recorded_at=now, entry_hash=entry_hash, **told_of)


def _parts(tx: sa.Connection, *, actor: Actor, incident: Any, request: AssignPupil, wrong: Any) -> tuple[Any, dict[Any, str]]:
    """Return whom it is to be about, and who will be in it, with their part. Raises Invalid for a pupil it cannot be about."""
    linked = {row.pupil_id: row.part or "pupil" for row in store.linked_of(tx, school_id=actor.at_school, incident_id=incident.id)}
    pupil = store.pupils_with(tx, school_id=actor.at_school, ids=[request.pupil_id]).get(request.pupil_id)
    if pupil is None or pupil.holding:
        raise Invalid({"pupil_id": "unknown_choice"})
    if request.pupil_id in linked:
        raise Invalid({"pupil_id": "twice"})
    return pupil, {pupil.id: "pupil", **{id_: part for id_, part in linked.items() if id_ != wrong}}
