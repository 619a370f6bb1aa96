"""What the bus can ask of incidents, and the events it hears."""

import base64
import json
import os
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from nameko.timer import timer

from safekeep import clock, inbox, outbox, permissions, receipts, telemetry
from safekeep.actor import Actor
from safekeep.contracts import Nothing, alerts, identity
from safekeep.contracts.incidents import (
    ActionAdded,
    AddAction,
    AddCorrection,
    AlertPreview,
    AnswerAsk,
    AskItem,
    AsksAnswer,
    AssignPupil,
    Chronology,
    ChronologyAnswer,
    EntriesAnswer,
    EntryItem,
    EntryLine,
    FileItem,
    FilePass,
    Flag,
    FlagSet,
    ImportPupils,
    Incident,
    IncidentAnswer,
    IncidentFacts,
    IncidentRecorded,
    LinkedItem,
    MonthCount,
    MyEntries,
    OpenAsks,
    PermitFile,
    PreviewAlert,
    Pupil,
    PupilAnswer,
    PupilItem,
    PupilsAnswer,
    Recipient,
    Record,
    Recorded,
    RightGranted,
    SearchPupils,
    SeedEntries,
    SeedEntry,
    SetFlag,
    SiblingItem,
    Summaries,
    Waiting,
    WaitingAnswer,
)
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound
from safekeep.ids import new_id
from safekeep.permissions import Category, Class
from safekeep.receipts import Receipt
from safekeep.rpc import Host, Resources, answers, retry, take, take_events
from services.incidents import ledger, recording, store
from services.incidents.recording import School


class Service:
    """Pupils, incidents, actions, corrections, chronology, the ledger."""

    name = "incidents"
    host: Resources = Host()

    # --- pupils

    @answers(SearchPupils)
    def search_pupils(self, actor: Actor, request: SearchPupils) -> PupilsAnswer:
        if len(request.q.replace(" ", "")) < 2 and request.q.isascii():
            return PupilsAnswer(items=[])
        offset = _offset(request.cursor)
        with self._school(actor) as tx:
            rows = store.find_pupils(tx, school_id=actor.at_school, query=request.q, offset=offset, limit=request.limit + 1)
        more = str(offset + request.limit) if len(rows) > request.limit else None
        return PupilsAnswer(items=[_pupil(row) for row in rows[: request.limit]], next=more)

    @answers(Pupil)
    def pupil(self, actor: Actor, request: Pupil) -> PupilAnswer:
        reading = permissions.reading(actor)
        with self._school(actor) as tx:
            row = _access_pupil(tx, actor=actor, pupil_id=request.pupil_id)
            here = {"school_id": actor.at_school, "pupil_id": row.id}
            concerned = actor.person in store.concerned_staff(tx, school_id=actor.at_school, pupil_ids=[row.id])
            flags = [] if concerned else store.flags_of(tx, **here, highest=reading.role_class)
            siblings = [] if row.holding else store.siblings_of(tx, **here, family=row.family)
            filters = store.Filters(without=_without(tx, actor=actor, pupil_id=row.id))
            last = _lines(tx, actor=actor, rows=store.chronology(tx, **here, reading=reading, filters=filters, before=None, limit=5))
        return PupilAnswer(
            pupil=_pupil(row),
            flags=[_flag(flag) for flag in flags],
            siblings=[SiblingItem(id=s.id, name=s.name, year=s.year, form=s.form) for s in siblings],
            last_entries=last,
        )

    @answers(SetFlag)
    def set_flag(self, actor: Actor, request: SetFlag) -> FlagSet:
        if request.ended and request.ended < request.started:
            raise Invalid({"ended": "before_start"})
        with self._school(actor) as tx:
            _access_pupil(tx, actor=actor, pupil_id=request.pupil_id)
            if actor.person in store.concerned_staff(tx, school_id=actor.at_school, pupil_ids=[request.pupil_id]):
                raise NotFound("pupil")
            _keep_flag(tx, school_id=actor.at_school, request=request, by=actor.person)
        return FlagSet(id=request.id)

    # --- recording

    @answers(PreviewAlert)
    def preview_alert(self, actor: Actor, request: PreviewAlert) -> AlertPreview:
        with self._school(actor) as tx:
            school = _known_school(tx, actor.at_school)
            codes, pupils, class_, loses = list(request.category_codes), list(request.pupil_ids), Class.GENERAL, frozenset[UUID]()
            if request.incident_id:
                incident = _access_incident(tx, actor=actor, incident_id=request.incident_id)
                codes = [*incident.categories, *codes]
                pupils += [row.pupil_id for row in store.linked_of(tx, school_id=actor.at_school, incident_id=incident.id)]
                class_ = Class(incident._mapping["class"])
            categories = [school.categories[code] for code in dict.fromkeys(codes) if code in school.categories]
            class_ = max([class_, *(c.class_ for c in categories)])
            if request.incident_id:
                losing = store.losing_sight(tx, school_id=actor.at_school, incident_id=request.incident_id, class_=class_)
                loses = frozenset(p for p in losing if _role_class(school, p) < class_)
            concerned = store.concerned_staff(tx, school_id=actor.at_school, pupil_ids=pupils)
        called = permissions.groups_called_for(categories) if categories else frozenset[str]()
        plan = recording.plan_alert(school=school, writer=actor, class_=class_, called_for=called, alert=request.alert, concerned=concerned)
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
            return _record(tx, actor=actor, request=request, files=files, now=clock.now(), past=False)

    @answers(AddAction)
    def add_action(self, actor: Actor, request: AddAction) -> Recorded:
        files = self._receipts(actor=actor, tokens=request.receipts)
        with self._school(actor) as tx:
            return _add_action(tx, actor=actor, request=request, files=files, now=clock.now(), past=False)

    @answers(AddCorrection)
    def add_correction(self, actor: Actor, request: AddCorrection) -> Recorded:
        with self._school(actor) as tx:
            return _add_correction(tx, actor=actor, request=request, now=clock.now())

    @answers(AssignPupil)
    def assign_pupil(self, actor: Actor, request: AssignPupil) -> Recorded:
        with self._school(actor) as tx:
            return _assign_pupil(tx, actor=actor, request=request, now=clock.now())

    @answers(Waiting)
    def waiting(self, actor: Actor, request: Waiting) -> WaitingAnswer:
        with self._school(actor) as tx:
            count = store.waiting(tx, school_id=actor.at_school, reading=permissions.reading(actor))
        return WaitingAnswer(count=count, holding_id=recording.holding_pupil(actor.at_school))

    # --- reading

    @answers(Incident)
    def incident(self, actor: Actor, request: Incident) -> IncidentAnswer:
        with self._school(actor) as tx:
            row = _access_incident(tx, actor=actor, incident_id=request.incident_id)
            here = {"school_id": actor.at_school, "incident_id": row.id}
            entries = store.entries_of(tx, **here, reading=permissions.reading(actor))
            linked = store.linked_of(tx, **here)
            knows = row.assignment_id is None or row.assignment_id in {e.id for e in entries}  # else: as before it was assigned
            main_id = row.pupil_id if knows else recording.holding_pupil(actor.at_school)
            main = store.pupils_with(tx, school_id=actor.at_school, ids=[main_id])[main_id]
            asks = store.open_asks(tx, **here) if permissions.is_lead(actor.roles) else []
        first = next((e for e in entries if e.kind == "incident"), None)
        return IncidentAnswer(
            id=row.id,
            number=row.number,
            pupil=_pupil(main),
            facts=IncidentFacts(**first.facts, occurred_at=first.occurred_at, occurred_precision=first.occurred_precision) if first else None,
            entries=[_entry(e) for e in entries],
            linked_pupils=[LinkedItem(pupil_id=x.pupil_id, name=x.name, part=x.part, initials=x.initials) for x in linked if x.part] if first else [],
            categories=sorted({code for e in entries for code in e.categories}),
            class_code=max(Class(e._mapping["class"]) for e in entries).code,
            may_add_action=permissions.may_record(actor.roles),
            may_correct=permissions.is_lead(actor.roles),
            may_assign=permissions.is_lead(actor.roles) and main.holding and row.assignment_id is None,
            asks=[_ask(ask) for ask in asks],
        )

    @answers(Summaries)
    def summaries(self, actor: Actor, request: Summaries) -> EntriesAnswer:
        with self._school(actor) as tx:
            rows = store.lines_with(tx, school_id=actor.at_school, ids=request.entry_ids, reading=permissions.reading(actor))
            return EntriesAnswer(items=_lines(tx, actor=actor, rows=rows))

    @answers(MyEntries)
    def my_entries(self, actor: Actor, request: MyEntries) -> EntriesAnswer:
        with self._school(actor) as tx:
            before = _cursor(request.cursor)
            rows = store.lines_by(tx, school_id=actor.at_school, author_id=actor.person, before=before, limit=request.limit + 1)
            items = _lines(tx, actor=actor, rows=rows[: request.limit])
        return EntriesAnswer(items=items, next=_next(rows, request.limit, "recorded_at"))

    @answers(Chronology)
    def chronology(self, actor: Actor, request: Chronology) -> ChronologyAnswer:
        reading = permissions.reading(actor)
        with self._school(actor) as tx:
            pupil = _access_pupil(tx, actor=actor, pupil_id=request.pupil_id)
            school = _known_school(tx, actor.at_school)
            filters = _filters(request, zone=school.zone, without=_without(tx, actor=actor, pupil_id=pupil.id))
            here = {"school_id": actor.at_school, "pupil_id": pupil.id, "reading": reading, "filters": filters}
            rows = store.chronology(tx, **here, before=_cursor(request.cursor), limit=request.limit + 1)
            items = _lines(tx, actor=actor, rows=rows[: request.limit])
            months = store.months_of(tx, **here, zone=school.zone)
        return ChronologyAnswer(
            pupil=_pupil(pupil),
            items=items,
            next=_next(rows, request.limit, "placed"),
            total=sum(m.within for m in months),
            months=[MonthCount(month=m.month, count=m._mapping["count"]) for m in months],
        )

    @answers(PermitFile)
    def permit_file(self, actor: Actor, request: PermitFile) -> FilePass:
        with self._school(actor) as tx:
            found = store.entry_of_file(tx, school_id=actor.at_school, file_id=request.file_id, reading=permissions.reading(actor))
        if found is None:
            raise NotFound("file")
        keys = self.host.keys
        return FilePass(token=receipts.sign_pass(keys=keys, file_id=request.file_id, person_id=actor.person, school_id=actor.at_school))

    # --- asking a DSL

    @answers(OpenAsks)
    def open_asks(self, actor: Actor, request: OpenAsks) -> AsksAnswer:
        with self._school(actor) as tx:
            rows = [r for r in store.open_asks(tx, school_id=actor.at_school) if _may_read_entry(tx, actor, r.entry_id)]
        return AsksAnswer(items=[_ask(row) for row in rows])

    @answers(AnswerAsk)
    def answer_ask(self, actor: Actor, request: AnswerAsk) -> Nothing:
        now = clock.now()
        with self._school(actor) as tx:
            ask = store.answer_ask(
                tx, school_id=actor.at_school, ask_id=request.ask_id, accept=request.accept, by=actor.person, reason=request.reason, now=now
            )
            if ask is None or not _may_read_entry(tx, actor, ask.entry_id):
                raise NotFound("ask")
            if request.accept:
                _grant(tx, actor=actor, incident_id=ask.incident_id, entry_id=ask.entry_id, person_id=ask.person_id, reason=request.reason, now=now)
        return Nothing()

    # --- the demonstration

    @answers(ImportPupils)
    def import_pupils(self, actor: Actor, request: ImportPupils) -> Nothing:
        with self._school(actor) as tx:
            for pupil in request.pupils:
                values = pupil.model_dump(exclude={"relatives"})
                holding = pupil.id == recording.holding_pupil(actor.at_school)
                store.keep_pupil(tx, school_id=actor.at_school, relatives=pupil.relatives, holding=holding, **values)
            for flag in request.flags:
                _keep_flag(tx, school_id=actor.at_school, request=flag, by=None)
        return Nothing()

    @answers(SeedEntries)
    def seed(self, actor: Actor, request: SeedEntries) -> Nothing:
        with self._school(actor) as tx:
            known = store.school_state(tx, school_id=actor.at_school)
            if known is None or any(e.author_id not in known.staff for e in request.entries):
                raise Conflict("not_ready")
            for entry in request.entries:
                writer = _past_writer(entry, school_id=actor.at_school)
                if entry.record:
                    _record(tx, actor=writer, request=entry.record, files=[], now=entry.at, past=True)
                elif entry.action:
                    _add_action(tx, actor=writer, request=entry.action, files=[], now=entry.at, past=True)
        return Nothing()

    # --- events

    @take_events("incidents")
    def events(self, message: Any) -> None:
        take(self.host, HANDLERS, message)

    @timer(interval=1)
    def retries(self) -> None:
        retry(self.host, HANDLERS)

    def _school(self, actor: Actor) -> Any:
        return self.host.transaction(self.host.engine, school_id=actor.at_school)

    def _receipts(self, *, actor: Actor, tokens: Sequence[str]) -> list[Receipt]:
        found = [receipts.verify_receipt(keys=self.host.keys, token=token) for token in tokens]
        if any(r.author_id != actor.person or r.school_id != actor.at_school for r in found):
            raise Invalid({"receipts": "invalid"})
        return found


# --- events heard ----------------------------------------------------------------------------------------------------


def _on_staff(tx: sa.Connection, event: identity.StaffChanged) -> None:
    store.keep_staff(tx, school_id=event.school_id, person_id=event.person_id, roles=event.roles, active=event.active)


def _on_school(tx: sa.Connection, event: identity.SchoolChanged) -> None:
    store.keep_school(
        tx,
        school_id=event.school_id,
        zone=event.zone,
        category_rows=[Category(c.code, Class.of(c.class_code), tuple(c.groups), c.leads_only) for c in event.categories],
        group_rows=[(g.code, g.members) for g in event.groups],
    )


def _on_dropped(tx: sa.Connection, event: alerts.RecipientDropped) -> None:
    store.take_right(tx, school_id=event.school_id, incident_id=event.incident_id, entry_id=event.entry_id, person_id=event.person_id)


HANDLERS: inbox.Handlers = {identity.StaffChanged: _on_staff, identity.SchoolChanged: _on_school, alerts.RecipientDropped: _on_dropped}


# --- one transaction: entry, rights, ledger, outbox --------------------------------------------------------------------


def _record(tx: sa.Connection, *, actor: Actor, request: Record, files: Sequence[Receipt], now: datetime, past: bool) -> Recorded:
    school_id = actor.at_school
    fingerprint = recording.fingerprint(request, file_ids=[f.file_id for f in files])
    parts = {request.pupil_id: "pupil", **{x.pupil_id: x.part for x in request.linked_pupils}}
    head = store.lock_head(tx, school_id=school_id)
    found = store.situation(tx, school_id=school_id, entry_id=request.id, parts=parts, now=now)
    if found is None:
        raise Conflict("not_ready")
    if found.repeated:
        return _repeated(tx, actor=actor, entry_id=request.id, fingerprint=fingerprint)
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
    facts = {
        "kind": request.kind,
        "place": request.place,
        "told": request.told.wire(),
        "action_taken": request.action_taken,
        "described_pupil": request.described_pupil,
        "at_risk_now": request.at_risk_now,
        "body_map_id": str(request.body_map_id) if request.body_map_id else None,
    }
    entry_hash = _write(
        tx,
        actor=actor,
        head=head,
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
        **_said(
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


def _add_action(tx: sa.Connection, *, actor: Actor, request: AddAction, files: Sequence[Receipt], now: datetime, past: bool) -> Recorded:
    school_id = actor.at_school
    fingerprint = recording.fingerprint(request, file_ids=[f.file_id for f in files])
    head = store.lock_head(tx, school_id=school_id)
    if store.entry_with(tx, school_id=school_id, entry_id=request.id):
        return _repeated(tx, actor=actor, entry_id=request.id, fingerprint=fingerprint)
    incident = _access_incident(tx, actor=actor, incident_id=request.incident_id)
    if request.category_codes and not permissions.is_lead(actor.roles):
        raise Invalid({"category_codes": "leads_only"})
    school = _known_school(tx, school_id)
    added, problems = recording.allocated(school=school, writer=actor, codes=request.category_codes)
    recording.refuse(problems)
    before = Class(incident._mapping["class"])
    class_ = max([before, *(c.class_ for c in added)])
    codes = [*incident.categories, *(c.code for c in added if c.code not in incident.categories)]
    categories = [school.categories[code] for code in codes if code in school.categories] or list(added)
    linked = store.linked_of(tx, school_id=school_id, incident_id=incident.id)
    parts = {row.pupil_id: row.part or "pupil" for row in linked}
    concerned = store.concerned_staff(tx, school_id=school_id, pupil_ids=parts)
    called = permissions.groups_called_for(categories) if added else frozenset[str]()
    plan = recording.plan_alert(school=school, writer=actor, class_=class_, called_for=called, alert=request.alert, concerned=concerned)
    recording.refuse(plan.problems)
    raised, lost = class_ > before, frozenset[UUID]()
    if raised:
        losing = store.losing_sight(tx, school_id=school_id, incident_id=incident.id, class_=class_)
        keep = losing & set(request.keep)
        told = [store.Right(p, granted_by=actor.person, reason=request.keep_reason) for p in sorted(keep)]
        store.give_rights(tx, school_id=school_id, incident_id=incident.id, entry_id=incident.id, class_=class_, told=told, now=now)
        lost = frozenset(p for p in losing - keep - {r.person_id for r in plan.recipients} if _role_class(school, p) < class_)
    if added:
        store.raise_class(tx, school_id=school_id, incident_id=incident.id, class_=class_, codes=codes)
    entry_hash = _write(
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
        **_said(
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


def _add_correction(tx: sa.Connection, *, actor: Actor, request: AddCorrection, now: datetime) -> Recorded:
    school_id = actor.at_school
    fingerprint = recording.fingerprint(request, file_ids=[])
    head = store.lock_head(tx, school_id=school_id)
    if store.entry_with(tx, school_id=school_id, entry_id=request.id):
        return _repeated(tx, actor=actor, entry_id=request.id, fingerprint=fingerprint)
    incident = _access_incident(tx, actor=actor, incident_id=request.incident_id)
    reading = permissions.reading(actor)
    mine = {e.id: e for e in store.entries_of(tx, school_id=school_id, incident_id=incident.id, reading=reading)}
    if request.entry_id not in mine:
        raise NotFound("entry")
    struck = mine[request.entry_id]
    school = _known_school(tx, school_id)
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
    entry_hash = _write(
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
    said = _said(
        actor=actor, incident_id=incident.id, entry_id=request.id, categories=categories, class_=class_, parts=parts, plan=plan, files=[], past=False
    )
    outbox.add(tx, ActionAdded, school_id=school_id, subject=incident.id, kind="correction", **said)
    return Recorded(
        id=request.id, entry_id=request.id, number=incident.number, recorded_at=now, entry_hash=entry_hash, recipients=plan.recipients, asked_dsl=0
    )


def _assign_pupil(tx: sa.Connection, *, actor: Actor, request: AssignPupil, now: datetime) -> Recorded:
    """Put the pupil in the holding pupil's place, say so in a correction, tell who was told of the incident, withdraw it from parents."""
    school_id = actor.at_school
    fingerprint = recording.fingerprint(request, file_ids=[])
    head = store.lock_head(tx, school_id=school_id)
    if store.entry_with(tx, school_id=school_id, entry_id=request.id):
        return _repeated(tx, actor=actor, entry_id=request.id, fingerprint=fingerprint)
    incident = _access_incident(tx, actor=actor, incident_id=request.incident_id)
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
    school = _known_school(tx, school_id)
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
    entry_hash = _write(
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
    said = _said(
        actor=actor, incident_id=incident.id, entry_id=request.id, categories=categories, class_=class_, parts=parts, plan=plan, files=[], past=False
    )
    lost = sorted({r.person_id for r in rights} & concerned)
    outbox.add(tx, ActionAdded, school_id=school_id, subject=incident.id, at=now, kind="correction", lost_sight=lost, **said)
    telemetry.log().info("incident.assigned", incident=str(incident.id), school=str(school_id), recipients=len(plan.recipients))
    return Recorded(
        id=request.id, entry_id=request.id, number=incident.number, recorded_at=now, entry_hash=entry_hash, recipients=plan.recipients, asked_dsl=0
    )


def _write(
    tx: sa.Connection,
    *,
    actor: Actor,
    head: store.Head,
    kind: str,
    incident_id: UUID,
    entry_id: UUID,
    class_: Class,
    text: str,
    facts: dict[str, Any],
    codes: list[str],
    plan: recording.AlertPlan,
    alert: Any,
    files: Sequence[Receipt],
    fingerprint: str,
    threads: list[ledger.PupilThread],
    now: datetime,
    occurred: tuple[datetime | None, str],
    number: str,
    opens_earlier: bool = True,
) -> str:
    """Write an entry with its place in the ledger, the reading rights of those told, and the requests to a DSL.

    Who is told of it may read earlier entries of no higher class too, unless `opens_earlier` says that they are told of this one alone.
    """
    school_id = actor.at_school
    role = _main_role(actor.roles)
    kept_files = [{"id": str(f.file_id), "sha256": f.sha256, "size": f.size, "media_type": f.media_type} for f in files]
    recipients = [r.wire() for r in plan.recipients]
    fields = {
        "author_name": actor.name,
        "author_role": role,
        "number": number,
        "class": class_.code,
        "categories": codes,
        "text": text,
        "occurred_at": clock.stamp(occurred[0]) if occurred[0] else None,
        "occurred_precision": occurred[1],
        "recipients": recipients,
        **{f"file:{f['id']}": f for f in kept_files},
        **{f"fact:{name}": value for name, value in facts.items()},
    }
    salts = [base64.b64encode(os.urandom(16)).decode() for _ in range(len(fields) + len(threads))]
    place = ledger.append(
        school_id=school_id,
        sequence=head.sequence + 1,
        at=now,
        author_id=actor.person,
        kind=kind,
        incident_id=incident_id,
        entry_id=entry_id,
        fields=fields,
        pupils=threads,
        previous=head.hash,
        salts=salts,
    )
    reasons = alert.reasons if alert else {}
    told = [
        store.Right(p, granted_by=actor.person if p in plan.granted else None, reason=reasons.get(p, ""))
        for p in (recipient.person_id for recipient in plan.recipients)
    ]
    store.add_entry(
        tx,
        school_id=school_id,
        incident_id=incident_id,
        entry_id=entry_id,
        place=place,
        pupil_ids=[thread.pupil_id for thread in threads],
        kind=kind,
        class_=class_,
        author=(actor.person, actor.name, role),
        now=now,
        occurred=occurred,
        text=text,
        facts=facts,
        categories=codes,
        recipients=recipients,
        files=kept_files,
        fingerprint=fingerprint,
        told=told if opens_earlier else [],
    )
    if not opens_earlier:
        store.give_right_to_one(tx, school_id=school_id, entry_id=entry_id, class_=class_, people=[right.person_id for right in told], now=now)
    asks = [
        {
            "school_id": school_id,
            "id": new_id(),
            "incident_id": incident_id,
            "entry_id": entry_id,
            "person_id": p,
            "asked_by": actor.person,
            "asked_at": now,
        }
        for p in plan.asks
    ]
    store.add_asks(tx, rows=asks)
    return place.hash


def _grant(tx: sa.Connection, *, actor: Actor, incident_id: UUID, entry_id: UUID, person_id: UUID, reason: str, now: datetime) -> None:
    """Let a person read one entry (and earlier ones of no higher class), keep that in the ledger, and have them alerted."""
    school_id = actor.at_school
    head = store.lock_head(tx, school_id=school_id)
    school = _known_school(tx, school_id)
    entry = store.entry_with(tx, school_id=school_id, entry_id=entry_id)
    linked = store.linked_of(tx, school_id=school_id, incident_id=incident_id)
    parts = {row.pupil_id: row.part or "pupil" for row in linked}
    concerned = store.concerned_staff(tx, school_id=school_id, pupil_ids=parts)
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
    threads = store.threads_of(tx, school_id=school_id, parts=parts)
    fields = {"person": str(person_id), "class": class_.code, "reason": reason}
    salts = [base64.b64encode(os.urandom(16)).decode() for _ in range(len(fields) + len(threads))]
    place = ledger.append(
        school_id=school_id,
        sequence=head.sequence + 1,
        at=now,
        author_id=actor.person,
        kind="grant",
        incident_id=incident_id,
        entry_id=entry_id,
        fields=fields,
        pupils=threads,
        previous=head.hash,
        salts=salts,
    )
    store.append_to_ledger(tx, school_id=school_id, entry=place, pupil_ids=list(parts))
    incident = store.incident_with(tx, school_id=school_id, incident_id=incident_id)
    assert incident is not None
    categories = [school.categories[c] for c in incident.categories if c in school.categories]
    outbox.add(
        tx,
        RightGranted,
        school_id=school_id,
        subject=incident_id,
        incident_id=incident_id,
        entry_id=entry_id,
        author_id=entry.author_id,
        person_id=person_id,
        category=recording.main_category(categories),
        class_code=class_.code,
        trace=telemetry.trace.get(),
    )


def _said(
    *,
    actor: Actor,
    incident_id: UUID,
    entry_id: UUID,
    categories: Sequence[Category],
    class_: Class,
    parts: dict[UUID, str],
    plan: recording.AlertPlan,
    files: Sequence[Receipt],
    past: bool,
) -> dict[str, Any]:
    """What both kinds of entry say in their event."""
    return {
        "incident_id": incident_id,
        "entry_id": entry_id,
        "author_id": actor.person,
        "category": recording.main_category(categories),
        "categories": [c.code for c in categories],
        "class_code": class_.code,
        "pupil_ids": list(parts),
        "recipients": plan.recipients,
        "file_ids": [f.file_id for f in files],
        "past": past,
        "trace": telemetry.trace.get(),
    }


def _repeated(tx: sa.Connection, *, actor: Actor, entry_id: UUID, fingerprint: str) -> Recorded:
    """Return what the first run answered, for an id that was recorded before. Raises Conflict for anything else under it."""
    row = store.entry_with(tx, school_id=actor.at_school, entry_id=entry_id)
    assert row is not None
    if row.author_id != actor.person:
        raise Conflict("id_taken")
    if row.fingerprint != fingerprint:
        raise Conflict("other_content")
    asked = sum(1 for ask in store.open_asks(tx, school_id=actor.at_school, incident_id=row.incident_id) if ask.entry_id == entry_id)
    return Recorded(
        id=row.id,
        entry_id=row.id,
        number=row.number,
        recorded_at=row.recorded_at,
        entry_hash=row.entry_hash,
        recipients=[Recipient.receive(r) for r in row.recipients],
        asked_dsl=asked,
    )


# --- access: the one way to each resource -------------------------------------------------------------------------------


def _access_incident(tx: sa.Connection, *, actor: Actor, incident_id: UUID) -> sa.Row[Any]:
    """Return an incident of which the actor may read at least one entry. Raises NotFound after the same queries either way."""
    row = store.incident_with(tx, school_id=actor.at_school, incident_id=incident_id)
    entries = store.entries_of(tx, school_id=actor.at_school, incident_id=incident_id, reading=permissions.reading(actor))
    if row is None or not entries:
        raise NotFound("incident")
    return row


def _access_pupil(tx: sa.Connection, *, actor: Actor, pupil_id: UUID) -> sa.Row[Any]:
    """Return a pupil of the actor's school. Raises NotFound."""
    row = store.pupils_with(tx, school_id=actor.at_school, ids=[pupil_id]).get(pupil_id)
    if row is None:
        raise NotFound("pupil")
    return row


def _may_read_entry(tx: sa.Connection, actor: Actor, entry_id: UUID) -> bool:
    return bool(store.lines_with(tx, school_id=actor.at_school, ids=[entry_id], reading=permissions.reading(actor)))


def _known_school(tx: sa.Connection, school_id: UUID) -> School:
    school = store.school_state(tx, school_id=school_id)
    if school is None:
        raise Conflict("not_ready")
    return school


# --- rows to answers ----------------------------------------------------------------------------------------------------


def _pupil(row: Any) -> PupilItem:
    return PupilItem(id=row.id, name=row.name, year=row.year, form=row.form, born=row.born, holding=row.holding)


def _flag(row: Any) -> Flag:
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


def _keep_flag(tx: sa.Connection, *, school_id: UUID, request: SetFlag, by: UUID | None) -> None:
    class_ = recording.FLAG_CLASSES[request.kind]
    store.keep_flag(tx, school_id=school_id, **request.model_dump(), **{"class": int(class_)}, set_by=by, set_at=clock.now())


def _entry(row: Any) -> EntryItem:
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


def _lines(tx: sa.Connection, *, actor: Actor, rows: Sequence[Any]) -> list[EntryLine]:
    """Return list lines. Where the actor may not read that an incident was assigned, it is still of the pupil not listed."""
    lines = [_line(row) for row in rows]
    hidden = _unread(tx, actor=actor, ids={row.assignment_id for row in rows if row.assignment_id})
    if not hidden:
        return lines
    holding = recording.holding_pupil(actor.at_school)
    about = {"pupil_id": holding, "pupil_name": store.pupils_with(tx, school_id=actor.at_school, ids=[holding])[holding].name}
    return [line.model_copy(update=about) if row.assignment_id in hidden else line for line, row in zip(lines, rows, strict=True)]


def _unread(tx: sa.Connection, *, actor: Actor, ids: set[UUID]) -> set[UUID]:
    """Return those of these entries that the actor may not read. Mostly there are none to ask about."""
    read = store.lines_with(tx, school_id=actor.at_school, ids=ids, reading=permissions.reading(actor)) if ids else ()
    return ids - {row.id for row in read}


def _without(tx: sa.Connection, *, actor: Actor, pupil_id: UUID) -> list[UUID]:
    """Return the incidents about this pupil of which the actor may not know it: a recorder whose own child it turned out to be."""
    assigned = store.assignments_to(tx, school_id=actor.at_school, pupil_id=pupil_id)
    hidden = _unread(tx, actor=actor, ids=set(assigned.values()))
    return [incident for incident, entry in assigned.items() if entry in hidden]


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


def _ask(row: Any) -> AskItem:
    return AskItem(
        id=row.id, incident_id=row.incident_id, entry_id=row.entry_id, person_id=row.person_id, asked_by=row.asked_by, asked_at=row.asked_at
    )


_ROLE_ORDER = list(permissions.Role)


def _main_role(roles: frozenset[str]) -> str:
    """The role shown beside what a person wrote: their first in the order of the permission table."""
    return next((role.value for role in _ROLE_ORDER if role in roles), "")


def _role_class(school: School, person: UUID) -> int:
    member = school.staff.get(person)
    return int(permissions.highest_class_read(member.roles) or 0) if member else 0


def _past_writer(entry: SeedEntry, *, school_id: UUID) -> Actor:
    return Actor(
        person_id=entry.author_id,
        service=None,
        school_id=school_id,
        trust_id=None,
        roles=frozenset(entry.roles),
        name=entry.author_name,
        session_id=None,
        second_factor_at=None,
        drafts_only=False,
    )


def _filters(request: Chronology, *, zone: str, without: Sequence[UUID]) -> store.Filters:
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


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isdecimal() or len(cursor) > 6:
        raise Invalid({"cursor": "invalid"})
    return int(cursor)


def _cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    try:
        moment, id_ = json.loads(base64.urlsafe_b64decode(cursor))
        return datetime.fromisoformat(moment), UUID(id_)
    except (ValueError, TypeError):
        raise Invalid({"cursor": "invalid"}) from None


def _next(rows: Sequence[Any], limit: int, column: str) -> str | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return base64.urlsafe_b64encode(json.dumps([last._mapping[column].isoformat(), str(last.id)]).encode()).decode()
