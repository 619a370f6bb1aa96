"""Who leads an incident: a DSL or deputy who said so. Reading is not leading, and nobody is made to lead by another."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock, outbox, permissions
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.incidents import HandLead, LeadItem, LeadOffered, LeadTaken, NumberAnswer, NumberOf, TakeLead
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound
from safekeep.rpc import answers
from services.incidents import recording, store
from services.incidents.service.access import access_incident, known_school, untellable
from services.incidents.service.base import Base
from services.incidents.service.writing import write_place


class Leading(Base):
    """Leading, and asking another to take it over."""

    @answers(TakeLead)
    def take_lead(self, actor: Actor, request: TakeLead) -> Nothing:
        now, here = clock.now(), {"school_id": actor.at_school, "incident_id": request.incident_id}
        with self._school(actor) as tx:
            access_incident(tx, actor=actor, incident_id=request.incident_id)
            store.lock_head(tx, school_id=actor.at_school)
            parts = {row.pupil_id: row.part or "pupil" for row in store.linked_of(tx, **here)}
            able = able_to_lead(tx, **here, pupil_ids=parts)
            if actor.person not in able:  # who may be told of it, not only of their own words in it
                raise NotAllowed("cannot_lead")
            before = store.lead_of(tx, **here)
            if before is not None and before.person_id == actor.person:
                return Nothing()
            if before is not None and before.person_id in able and before.person_id != request.instead_of:
                raise Conflict("led")
            store.keep_lead(tx, **here, person_id=actor.person, now=now)
            fields = {"person": str(actor.person), "before": str(before.person_id) if before is not None and before.person_id else ""}
            write_place(
                tx, actor=actor, kind="lead", incident_id=request.incident_id, entry_id=request.incident_id, fields=fields, parts=parts, now=now
            )
            outbox.add(tx, LeadTaken, school_id=actor.at_school, subject=request.incident_id, incident_id=request.incident_id, person_id=actor.person)
        return Nothing()

    @answers(HandLead)
    def hand_lead(self, actor: Actor, request: HandLead) -> Nothing:
        here = {"school_id": actor.at_school, "incident_id": request.incident_id}
        with self._school(actor) as tx:
            access_incident(tx, actor=actor, incident_id=request.incident_id)
            if request.person_id == actor.person:
                raise Invalid({"person_id": "another_dsl"})
            pupils = [row.pupil_id for row in store.linked_of(tx, **here)]
            if request.person_id not in able_to_lead(tx, **here, pupil_ids=pupils):
                raise NotFound("person")
            if store.offer_lead(tx, **here, person_id=request.person_id, by=actor.person, now=clock.now()):
                said: dict[str, Any] = {"incident_id": request.incident_id, "person_id": request.person_id, "by": actor.person}
                outbox.add(tx, LeadOffered, school_id=actor.at_school, subject=request.incident_id, **said)
        return Nothing()

    @answers(NumberOf)
    def number_of(self, actor: Actor, request: NumberOf) -> NumberAnswer:
        """Said to alerts, which writes to people: whether this one may be told that it waits, and what of it."""
        here = {"school_id": actor.at_school, "incident_id": request.incident_id}
        with self._school(actor) as tx:
            row = store.incident_with(tx, **here)
            if row is None:
                raise NotFound("incident")
            school = known_school(tx, actor.at_school)
            linked = store.linked_of(tx, **here)
            pupils, closed = [each.pupil_id for each in linked], all(each.status == "closed" for each in linked)
            kept_from = untellable(tx, school=school, **here, pupil_ids=pupils, entry_id=request.incident_id)
            member = school.staff.get(request.person_id) if request.person_id else None
            class_ = permissions.Class(row._mapping["class"])
            kept = any(held.entry_id == request.incident_id for held in store.restrictions_of(tx, **here))
            left_to = recording.left_to(school=school, concerned=store.concerned_staff(tx, school_id=actor.at_school, pupil_ids=pupils))
        if request.person_id is None:
            return NumberAnswer(number=row.number, may_be_told=not kept, opens=False, closed=closed)
        may = member is not None and request.person_id not in kept_from and permissions.may_record(member.roles)
        opens = may and member is not None and ((permissions.highest_class_read(member.roles) or 0) >= class_ or request.person_id in left_to)
        return NumberAnswer(number=row.number, may_be_told=may, opens=opens, closed=closed)


def able_to_lead(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, pupil_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return the DSLs and deputies who may be told of the incident: not whom it concerns, nor whom a restriction keeps it from."""
    school = known_school(tx, school_id)
    kept_from = untellable(tx, school=school, school_id=school_id, incident_id=incident_id, pupil_ids=pupil_ids, entry_id=incident_id)
    return frozenset(m.person_id for m in school.staff.values() if permissions.is_lead(m.roles)) - kept_from


def lead_item(tx: sa.Connection, *, able: frozenset[UUID], school_id: UUID, incident_id: UUID) -> LeadItem:
    """Return who leads, if they still can, and who is asked to take it over."""
    row = store.lead_of(tx, school_id=school_id, incident_id=incident_id)
    led: Any = row if row is not None and row.person_id in able else None
    asked = row.offered_to if row is not None and row.offered_to in able else None
    return LeadItem(person_id=led.person_id if led else None, since=led.since if led else None, asked=asked, able=sorted(able))
