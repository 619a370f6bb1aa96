"""Recording an incident, adding an action, who would be told of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from safekeep import clock, outbox, permissions, telemetry
from safekeep.actor import Actor
from safekeep.body import marks
from safekeep.contracts.incidents import (
    ActionAdded,
    AddAction,
    AlertPreview,
    IncidentRecorded,
    LosingItem,
    OpensItem,
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
from services.incidents import child_words, following, recording, sight, store
from services.incidents.history import said_of_action, year_group
from services.incidents.service.access import access_incident, classes_seen, kept_from, known_school, seen, tell_keepers
from services.incidents.service.base import Base
from services.incidents.service.following import access_what_it_is_of, keep_what_it_asks, leave_to_nobody
from services.incidents.service.writing import answer_again, note, said_of, write_entry


class Entries(Base):
    """Incidents and actions."""

    @answers(PreviewAlert)
    def preview_alert(self, actor: Actor, request: PreviewAlert) -> AlertPreview:
        with self._school(actor) as tx:
            school = known_school(tx, actor.at_school)
            codes, pupils, class_, entries = list(request.category_codes), list(request.pupil_ids), Class.GENERAL, list[sight.Seen]()
            shown = class_  # what the writer may know of it
            if request.incident_id:
                incident = access_incident(tx, actor=actor, incident_id=request.incident_id)
                mine = store.entries_of(tx, school_id=actor.at_school, incident_id=incident.id, reading=permissions.reading(actor))
                shown = max(classes_seen(tx, rows=mine).values())
                codes = [*incident.categories, *codes]
                pupils += [row.pupil_id for row in store.linked_of(tx, school_id=actor.at_school, incident_id=incident.id)]
                class_ = Class(incident._mapping["class"])
            categories = [school.categories[code] for code in dict.fromkeys(codes) if code in school.categories]
            class_ = max([class_, *(c.class_ for c in categories)])
            concerned, others = store.concerned_staff(tx, school_id=actor.at_school, pupil_ids=pupils), frozenset[UUID]()
            if request.incident_id:
                below: dict[str, Any] = {"school": school, "incident_id": request.incident_id}
                others = kept_from(tx, school_id=actor.at_school, **below)
                if permissions.is_lead(actor.roles):
                    entries = seen(tx, school_id=actor.at_school, pupil_ids=pupils, **below)
                    asks = store.open_asks(tx, school_id=actor.at_school, incident_id=request.incident_id)
                    to_do = store.to_do(tx, school_id=actor.at_school, incident_id=request.incident_id)
            called = permissions.groups_called_for(categories) if categories else frozenset[str]()
            wrote, today = sight.written_by(entries), clock.now().astimezone(ZoneInfo(school.zone)).date()
            calls = None if request.incident_id else store.calls_of(tx, school_id=actor.at_school, pupil_ids=pupils, today=today)
            plan = recording.plan_alert(
                school=school,
                writer=actor,
                class_=class_,
                called_for=called,
                alert=request.alert,
                concerned=concerned,
                today=today,
                wrote=wrote,
                calls=calls,
                kept_from=others,
            )
            if request.incident_id:
                tell_keepers(tx, plan, actor=actor, **below)
        told = {recipient.person_id for recipient in plan.recipients}
        lost = {person: gone for person, gone in sight.losing(entries, school=school, class_=class_).items() if person not in told}
        opens = sight.opened(entries, school=school, people=plan.granted, class_=class_)
        return AlertPreview(
            class_code=max([shown, *(c.class_ for c in categories if c.code in request.category_codes)]).code,
            groups_called_for=sorted(plan.called),
            groups_required=sorted(permissions.groups_required(class_) & called),
            recipients=plan.known_to(actor),
            need_reason=plan.need_reason,
            untold=plan.untold,
            loses_sight=sorted(lost),
            losing=[
                LosingItem(
                    person_id=person,
                    entry_ids=lost[person],
                    was_sent=sight.was_sent(entries, person),
                    wrote=wrote.get(person, 0),
                    asked=sum(1 for ask in asks if ask.asked_by == person and not ask.for_group),
                    to_do=to_do.get(person, 0),
                )
                for person in sorted(lost)
            ],
            opens=[OpensItem(person_id=person, entry_ids=opens[person]) for person in plan.granted],
        )

    @answers(Record)
    def record(self, actor: Actor, request: Record) -> Recorded:
        files = self._receipts(actor=actor, tokens=request.receipts)
        with self.host.transaction(self.host.engine, school_id=actor.at_school, plan_once=True) as tx:
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
            passed = request.deadline is not None and request.deadline < clock.now()
            row = store.entry_with(tx, school_id=actor.at_school, entry_id=request.entry_id)
        return OutcomeAnswer(incident_id=row.incident_id if row is not None and row.author_id == actor.person else None, passed=passed)


def _with_sealed_map(tx: sa.Connection, *, school_id: UUID, request: Record, files: Sequence[Receipt]) -> str:
    """Return the fingerprint of what is sent again, with the body map of that id as it was recorded."""
    row = store.entry_with(tx, school_id=school_id, entry_id=request.id)
    drawn = row.facts.get("body_map") if row is not None and row.facts.get("body_map_id") == str(request.body_map_id) else None
    if drawn:
        kept = marks.BodyMap.receive({name: value for name, value in drawn.items() if name != "words"})
        request = request.model_copy(update={"body_map": kept})
    return recording.fingerprint(request, file_ids=[f.file_id for f in files])


def write_incident(tx: sa.Connection, *, actor: Actor, request: Record, files: Sequence[Receipt], now: datetime, past: bool) -> Recorded:
    school_id = actor.at_school
    fingerprint = recording.fingerprint(request, file_ids=[f.file_id for f in files])
    parts = {request.pupil_id: "pupil", **{x.pupil_id: x.part for x in request.linked_pupils}}
    found = store.situation(tx, school_id=school_id, entry_id=request.id, parts=parts, now=now)
    in_time()
    if found is None:
        raise Conflict("not_ready")
    if found.repeated:
        if request.body_map is None and request.body_map_id is not None:  # files forgot it when it was recorded
            fingerprint = _with_sealed_map(tx, school_id=school_id, request=request, files=files)
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
    if request.paper:
        problems |= recording.problems_of_paper(request.paper, school=school, writer=actor, scans=len(files), now=now)
    if (request.body_map is None) != (request.body_map_id is None):
        problems["body_map_id"] = "no_body_map"
    if request.body_map and marks.problems_of(request.body_map):
        problems["body_map_id"] = "invalid"
    recording.refuse(problems)
    class_ = permissions.class_of(categories)
    called = permissions.groups_called_for(categories)
    alert = request.alert
    if known[request.pupil_id]:  # the holding pupil: whoever it is, the Safeguarding team finds out
        called |= {permissions.SAFEGUARDING_TEAM}
        if permissions.SAFEGUARDING_TEAM not in alert.groups:
            alert = alert.model_copy(update={"groups": [*alert.groups, permissions.SAFEGUARDING_TEAM]})
    plan = recording.plan_alert(
        school=school,
        writer=actor,
        class_=class_,
        called_for=called,
        alert=alert,
        concerned=found.concerned,
        today=found.today,
        calls=found.calls,
    )
    recording.refuse(plan.problems if not past else {name: code for name, code in plan.problems.items() if code != "reason_needed"})
    codes = [c.code for c in categories]
    facts: dict[str, Any] = {
        "kind": request.kind,
        "place": request.place,
        "told": request.told.wire(),
        "action_taken": request.action_taken,
        "described_pupil": request.described_pupil,
        "at_risk_now": request.at_risk_now,
        "body_map_id": str(request.body_map_id) if request.body_map_id else None,
    }
    if request.body_map:
        facts["body_map"] = marks.sealed(request.body_map)
    if spoken := child_words.spans_of(request.narrative, request.child_words):
        facts["child_words"] = spoken
    if request.paper:
        facts["paper"] = request.paper.wire()
    if plan.granted:
        facts["granted"] = recording.reasons_of(plan, alert)
    facts |= recording.left_out(plan)
    with together(tx, and_commit=not past):  # a demonstration's are many in one transaction
        for person in plan.granted:
            note(tx, school_id=school_id, kind="right_granted", person_id=person, by=actor.person, what=class_.code)
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
            year_group=None if known[request.pupil_id] else year_group(found.born[request.pupil_id], on=found.today),
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
        recipients=plan.known_to(actor),
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
    if request.details is not None:
        problems |= following.problems_of(request.details, writer=actor, school=school, now=now)
    recording.refuse(problems if not past else {name: code for name, code in problems.items() if code != "day_over"})
    of = access_what_it_is_of(tx, actor=actor, incident_id=incident.id, details=request.details)
    alert = following.with_owner(request.alert, request.details, writer=actor.person)
    before = Class(incident._mapping["class"])
    class_ = max([before, *(c.class_ for c in added)])
    codes = [*incident.categories, *(c.code for c in added if c.code not in incident.categories)]
    categories = [school.categories[code] for code in codes if code in school.categories] or list(added)
    linked = store.linked_of(tx, school_id=school_id, incident_id=incident.id)
    parts = {row.pupil_id: row.part or "pupil" for row in linked}
    called = permissions.groups_called_for(categories) if added else frozenset[str]()
    entries = seen(tx, school=school, school_id=school_id, incident_id=incident.id, pupil_ids=parts) if permissions.is_lead(actor.roles) else []
    plan = recording.plan_alert(
        school=school,
        writer=actor,
        class_=class_,
        called_for=called,
        alert=alert,
        concerned=store.concerned_staff(tx, school_id=school_id, pupil_ids=parts),
        today=now.astimezone(ZoneInfo(school.zone)).date(),
        wrote=sight.written_by(entries),
        kept_from=kept_from(tx, school=school, school_id=school_id, incident_id=incident.id),
    )
    following.blame_owner(plan, request.details)
    if request.keep and not request.keep_reason.strip():
        plan.problems["keep_reason"] = "reason_needed"
    recording.refuse(plan.problems if not past else {name: code for name, code in plan.problems.items() if code != "reason_needed"})
    tell_keepers(tx, plan, school=school, actor=actor, incident_id=incident.id)
    raised, lost, raise_ids = class_ > before, Lost(), list[UUID]()
    if raised:
        lost = _let_go(tx, actor=actor, incident_id=incident.id, entries=entries, school=school, class_=class_, request=request, plan=plan, now=now)
    for person in plan.granted:
        note(tx, school_id=school_id, kind="right_granted", person_id=person, by=actor.person, what=class_.code)
    if raised:
        note(tx, school_id=school_id, kind="class_raised", by=actor.person, what=class_.code)
    if added:
        raise_ids = store.raise_class(tx, school_id=school_id, incident_id=incident.id, class_=class_, codes=codes)
    spoken = child_words.spans_of(request.text, request.child_words)
    entry_hash = write_entry(
        tx,
        actor=actor,
        head=head,
        kind="action",
        incident_id=incident.id,
        entry_id=request.id,
        class_=class_,
        text=request.text,
        facts=following.facts_of(request.details)
        | lost.facts
        | ({"granted": recording.reasons_of(plan, alert)} if plan.granted else {})
        | ({"child_words": spoken} if spoken else {})
        | recording.left_out(plan),
        codes=[c.code for c in added],
        plan=plan,
        alert=alert,
        files=files,
        fingerprint=fingerprint,
        threads=store.threads_of(tx, school_id=school_id, parts=parts),
        now=now,
        occurred=following.occurred(request.details),
        number=incident.number,
    )
    outbox.add(
        tx,
        ActionAdded,
        school_id=school_id,
        subject=incident.id,
        at=now,
        raised_to=class_.code if raised else None,
        raised=raise_ids,
        lost_sight=sorted(lost.people),
        released=lost.released,
        **said_of_action(following.facts_of(request.details)),
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
    place: dict[str, Any] = {"incident_id": incident.id, "entry_id": request.id}
    keep_what_it_asks(tx, actor=actor, school=school, **place, details=request.details, of=of, now=now, past=past)
    if lost.people:
        leave_to_nobody(tx, school_id=school_id, people=lost.people, incident_id=incident.id, now=now)
    return Recorded(
        id=request.id,
        entry_id=request.id,
        number=incident.number,
        recorded_at=now,
        entry_hash=entry_hash,
        recipients=plan.known_to(actor),
        asked_dsl=len(plan.asks),
    )


@dataclass(slots=True)
class Lost:
    """Who lost sight of an incident by a raise, whom a line says so, and what the entry that raised it keeps of that."""

    people: frozenset[UUID] = frozenset()
    released: list[UUID] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


def _let_go(
    tx: sa.Connection,
    *,
    actor: Actor,
    incident_id: UUID,
    entries: Sequence[sight.Seen],
    school: recording.School,
    class_: Class,
    request: AddAction,
    plan: recording.AlertPlan,
    now: datetime,
) -> Lost:
    """Before a class is raised: grant it to those who keep it, and leave a line to those of the others of whom something was asked."""
    told = {recipient.person_id for recipient in plan.recipients}
    losing = {person: gone for person, gone in sight.losing(entries, school=school, class_=class_).items() if person not in told}
    kept = {person: losing[person] for person in request.keep if person in losing}
    here: dict[str, Any] = {"school_id": actor.at_school, "by": actor.person, "now": now}
    store.keep_sight(tx, **here, kept=kept, class_=class_, reason=request.keep_reason)
    for person in sorted(kept):
        note(tx, school_id=actor.at_school, kind="sight_kept", person_id=person, by=actor.person, what=class_.code)
    gone = frozenset(losing) - set(kept)
    asked = {ask.asked_by for ask in store.open_asks(tx, school_id=actor.at_school, incident_id=incident_id) if not ask.for_group}
    wrote, to_do = sight.written_by(entries), store.to_do(tx, school_id=actor.at_school, incident_id=incident_id)
    released = sorted(p for p in gone if p in wrote or p in asked or p in to_do or sight.was_sent(entries, p))
    store.release(tx, **here, incident_id=incident_id, people=released, line=request.release_line)
    facts: dict[str, Any] = {"kept": [str(p) for p in sorted(kept)], "keep_reason": request.keep_reason} if kept else {}
    facts |= {"released": [str(p) for p in released], "release_line": request.release_line} if released else {}
    return Lost(gone, released, facts)
