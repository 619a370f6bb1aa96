"""Recording an incident, adding an action, who would be told of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock, outbox, permissions, telemetry
from safekeep.actor import Actor
from safekeep.contracts.incidents import (
    ActionAdded,
    AddAction,
    AlertPreview,
    IncidentRecorded,
    Outcome,
    OutcomeAnswer,
    PreviewAlert,
    Record,
    Recorded,
)
from safekeep.database import together
from safekeep.errors import Conflict, Invalid
from safekeep.permissions import Class
from safekeep.receipts import Receipt
from safekeep.rpc import answers, in_time
from services.incidents import recording, store
from services.incidents.service.access import access_incident, known_school, tell_keepers, untellable
from services.incidents.service.base import Base
from services.incidents.service.writing import answer_again, role_class, said_of, write_entry


class Entries(Base):
    """Incidents and actions."""

    @answers(PreviewAlert)
    def preview_alert(self, actor: Actor, request: PreviewAlert) -> AlertPreview:
        with self._school(actor) as tx:
            school = known_school(tx, actor.at_school)
            codes, pupils, class_, loses = list(request.category_codes), list(request.pupil_ids), Class.GENERAL, frozenset[UUID]()
            if request.incident_id:
                incident = access_incident(tx, actor=actor, incident_id=request.incident_id)
                codes = [*incident.categories, *codes]
                pupils += [row.pupil_id for row in store.linked_of(tx, school_id=actor.at_school, incident_id=incident.id)]
                class_ = Class(incident._mapping["class"])
            categories = [school.categories[code] for code in dict.fromkeys(codes) if code in school.categories]
            class_ = max([class_, *(c.class_ for c in categories)])
            if request.incident_id:
                losing = store.losing_sight(tx, school_id=actor.at_school, incident_id=request.incident_id, class_=class_)
                loses = frozenset(p for p in losing if role_class(school, p) < class_)
            concerned = store.concerned_staff(tx, school_id=actor.at_school, pupil_ids=pupils)
            if request.incident_id:
                below: dict[str, Any] = {"school": school, "incident_id": request.incident_id}
                concerned = untellable(tx, school_id=actor.at_school, pupil_ids=pupils, **below)
            called = permissions.groups_called_for(categories) if categories else frozenset[str]()
            plan = recording.plan_alert(school=school, writer=actor, class_=class_, called_for=called, alert=request.alert, concerned=concerned)
            if request.incident_id:
                tell_keepers(tx, plan, actor=actor, **below)
        return AlertPreview(
            class_code=class_.code,
            groups_called_for=sorted(called),
            groups_required=sorted(permissions.groups_required(class_) & called),
            recipients=plan.recipients,
            need_reason=plan.need_reason,
            untold=plan.untold,
            loses_sight=sorted(loses) if permissions.is_lead(actor.roles) else [],
        )

    @answers(Record)
    def record(self, actor: Actor, request: Record) -> Recorded:
        files = self._receipts(actor=actor, tokens=request.receipts)
        with self._school(actor) as tx:
            return write_incident(tx, actor=actor, request=request, files=files, now=clock.now(), past=False)

    @answers(AddAction)
    def add_action(self, actor: Actor, request: AddAction) -> Recorded:
        files = self._receipts(actor=actor, tokens=request.receipts)
        with self._school(actor) as tx:
            return write_action(tx, actor=actor, request=request, files=files, now=clock.now(), past=False)

    @answers(Outcome)
    def outcome(self, actor: Actor, request: Outcome) -> OutcomeAnswer:
        with self._school(actor) as tx:
            store.lock_head(tx, school_id=actor.at_school)  # whoever was recording has committed; who comes later finds the deadline passed
            row = store.entry_with(tx, school_id=actor.at_school, entry_id=request.entry_id)
        return OutcomeAnswer(incident_id=row.incident_id if row is not None and row.author_id == actor.person else None)


def write_incident(tx: sa.Connection, *, actor: Actor, request: Record, files: Sequence[Receipt], now: datetime, past: bool) -> Recorded:
    school_id = actor.at_school
    fingerprint = recording.fingerprint(request, file_ids=[f.file_id for f in files])
    parts = {request.pupil_id: "pupil", **{x.pupil_id: x.part for x in request.linked_pupils}}
    found = store.situation(tx, school_id=school_id, entry_id=request.id, parts=parts, now=now)
    in_time()
    if found is None:
        raise Conflict("not_ready")
    if found.repeated:
        return answer_again(tx, actor=actor, entry_id=request.id, fingerprint=fingerprint)
    school, known = found.school, found.pupils
    categories, problems = recording.allocated(school=school, writer=actor, codes=request.category_codes)
    problems |= recording.problems_of_time(occurred_at=request.occurred_at, precision=request.occurred_precision, now=now)
    if request.pupil_id not in known:
        problems["pupil_id"] = "unknown_choice"
    elif known[request.pupil_id] and not request.described_pupil.strip():
        problems["described_pupil"] = "missing"
    for index, link in enumerate(request.linked_pupils):
        if link.pupil_id not in known or known[link.pupil_id]:
            problems[f"linked_pupils.{index}.pupil_id"] = "unknown_choice"
        elif link.pupil_id == request.pupil_id or link.pupil_id in [x.pupil_id for x in request.linked_pupils[:index]]:
            problems[f"linked_pupils.{index}.pupil_id"] = "twice"
    recording.refuse(problems)
    class_ = permissions.class_of(categories)
    called = permissions.groups_called_for(categories)
    alert = request.alert
    if known[request.pupil_id]:  # the holding pupil: whoever it is, the Safeguarding team finds out
        called |= {permissions.SAFEGUARDING_TEAM}
        if permissions.SAFEGUARDING_TEAM not in alert.groups:
            alert = alert.model_copy(update={"groups": [*alert.groups, permissions.SAFEGUARDING_TEAM]})
    plan = recording.plan_alert(school=school, writer=actor, class_=class_, called_for=called, alert=alert, concerned=found.concerned)
    recording.refuse(plan.problems)
    codes = [c.code for c in categories]
    facts = {
        "kind": request.kind,
        "place": request.place,
        "told": request.told.wire(),
        "action_taken": request.action_taken,
        "described_pupil": request.described_pupil,
        "at_risk_now": request.at_risk_now,
        "body_map_id": str(request.body_map_id) if request.body_map_id else None,
    }
    with together(tx):
        number = store.add_incident(
            tx,
            school_id=school_id,
            id=request.id,
            year=found.year,
            last=found.last_number,
            pupil_id=request.pupil_id,
            class_=class_,
            categories=codes,
            linked=[{"pupil_id": x.pupil_id, "part": x.part, "initials": x.initials} for x in request.linked_pupils],
        )
        entry_hash = write_entry(
            tx,
            actor=actor,
            head=found.head,
            kind="incident",
            incident_id=request.id,
            entry_id=request.id,
            class_=class_,
            text=request.narrative,
            facts=facts,
            codes=codes,
            plan=plan,
            alert=alert,
            files=files,
            fingerprint=fingerprint,
            threads=found.threads,
            now=now,
            occurred=(request.occurred_at, request.occurred_precision),
            number=number,
        )
        outbox.add(
            tx,
            IncidentRecorded,
            school_id=school_id,
            subject=request.id,
            at=now,
            occurred_at=request.occurred_at,
            body_map_id=request.body_map_id,
            **said_of(
                actor=actor,
                incident_id=request.id,
                entry_id=request.id,
                categories=categories,
                class_=class_,
                parts=parts,
                plan=plan,
                files=files,
                past=past,
            ),
            at_risk_now=request.at_risk_now,
        )
    if not past:
        telemetry.log().info("incident.recorded", incident=str(request.id), school=str(school_id), recipients=len(plan.recipients))
    return Recorded(
        id=request.id,
        entry_id=request.id,
        number=number,
        recorded_at=now,
        entry_hash=entry_hash,
        recipients=plan.recipients,
        asked_dsl=len(plan.asks),
    )


def write_action(tx: sa.Connection, *, actor: Actor, request: AddAction, files: Sequence[Receipt], now: datetime, past: bool) -> Recorded:
    school_id = actor.at_school
    fingerprint = recording.fingerprint(request, file_ids=[f.file_id for f in files])
    head = store.lock_head(tx, school_id=school_id)
    in_time()
    if store.entry_with(tx, school_id=school_id, entry_id=request.id):
        return answer_again(tx, actor=actor, entry_id=request.id, fingerprint=fingerprint)
    incident = access_incident(tx, actor=actor, incident_id=request.incident_id)
    if request.category_codes and not permissions.is_lead(actor.roles):
        raise Invalid({"category_codes": "leads_only"})
    school = known_school(tx, school_id)
    added, problems = recording.allocated(school=school, writer=actor, codes=request.category_codes)
    recording.refuse(problems)
    before = Class(incident._mapping["class"])
    class_ = max([before, *(c.class_ for c in added)])
    codes = [*incident.categories, *(c.code for c in added if c.code not in incident.categories)]
    categories = [school.categories[code] for code in codes if code in school.categories] or list(added)
    linked = store.linked_of(tx, school_id=school_id, incident_id=incident.id)
    parts = {row.pupil_id: row.part or "pupil" for row in linked}
    concerned = untellable(tx, school=school, school_id=school_id, incident_id=incident.id, pupil_ids=parts)
    called = permissions.groups_called_for(categories) if added else frozenset[str]()
    plan = recording.plan_alert(school=school, writer=actor, class_=class_, called_for=called, alert=request.alert, concerned=concerned)
    recording.refuse(plan.problems)
    tell_keepers(tx, plan, school=school, actor=actor, incident_id=incident.id)
    raised, lost = class_ > before, frozenset[UUID]()
    if raised:
        losing = store.losing_sight(tx, school_id=school_id, incident_id=incident.id, class_=class_)
        keep = losing & set(request.keep)
        told = [store.Right(p, granted_by=actor.person, reason=request.keep_reason) for p in sorted(keep)]
        store.give_rights(tx, school_id=school_id, incident_id=incident.id, entry_id=incident.id, class_=class_, told=told, now=now)
        lost = frozenset(p for p in losing - keep - {r.person_id for r in plan.recipients} if role_class(school, p) < class_)
    if added:
        store.raise_class(tx, school_id=school_id, incident_id=incident.id, class_=class_, codes=codes)
    entry_hash = write_entry(
        tx,
        actor=actor,
        head=head,
        kind="action",
        incident_id=incident.id,
        entry_id=request.id,
        class_=class_,
        text=request.text,
        facts={"kept": [str(p) for p in request.keep], "keep_reason": request.keep_reason} if request.keep else {},
        codes=[c.code for c in added],
        plan=plan,
        alert=request.alert,
        files=files,
        fingerprint=fingerprint,
        threads=store.threads_of(tx, school_id=school_id, parts=parts),
        now=now,
        occurred=(None, "exact"),
        number=incident.number,
    )
    outbox.add(
        tx,
        ActionAdded,
        school_id=school_id,
        subject=incident.id,
        at=now,
        raised_to=class_.code if raised else None,
        lost_sight=sorted(lost),
        **said_of(
            actor=actor,
            incident_id=incident.id,
            entry_id=request.id,
            categories=categories,
            class_=class_,
            parts=parts,
            plan=plan,
            files=files,
            past=past,
        ),
    )
    return Recorded(
        id=request.id,
        entry_id=request.id,
        number=incident.number,
        recorded_at=now,
        entry_hash=entry_hash,
        recipients=plan.recipients,
        asked_dsl=len(plan.asks),
    )
