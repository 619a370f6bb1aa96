"""An incident, lists of entries, the chronology, a pass to a file."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock, permissions, receipts
from safekeep.actor import Actor
from safekeep.contracts.incidents import (
    Chronology,
    ChronologyAnswer,
    Concerning,
    ConcerningAnswer,
    EntriesAnswer,
    EntryLine,
    FilePass,
    Incident,
    IncidentAnswer,
    IncidentFacts,
    LinkedItem,
    MonthCount,
    MyEntries,
    PermitFile,
    PupilStatus,
    Readable,
    ReadableAnswer,
    SelfCheck,
    Summaries,
)
from safekeep.errors import Conflict, NotFound
from safekeep.permissions import Class
from safekeep.rpc import answers
from services.incidents import following, recording, store
from services.incidents.service.access import access_pupil, classes_seen, known_school, without
from services.incidents.service.base import Base
from services.incidents.service.following import follow_up_items
from services.incidents.service.leading import able_to_lead, lead_item
from services.incidents.service.openings import hold_back, keep_opening
from services.incidents.service.rows import (
    altered_items,
    ask_item,
    destruction_item,
    entry_items,
    flag_item,
    head_item,
    headings,
    lines,
    next_cursor,
    pupil_item,
    read_cursor,
    read_filters,
    request_item,
    restriction_item,
    what_it_says,
    with_files,
)
from services.incidents.service.writing import note


class Reading(Base):
    """Reading."""

    @answers(Incident)
    def incident(self, actor: Actor, request: Incident) -> IncidentAnswer:
        hold_back(self.host, actor=actor)
        with self._school(actor) as tx:
            here = {"school_id": actor.at_school, "incident_id": request.incident_id}
            row = store.incident_with(tx, **here)
            entries = store.entries_of(tx, **here, reading=permissions.reading(actor))
            keep_opening(tx, actor=actor, kind="incident", incident_id=request.incident_id, entries=entries, refused=not entries)
            answer = incident_answer(tx, actor=actor, row=row, entries=entries) if row and entries else None
        if answer is None:  # after the commit: that it was tried is kept
            raise NotFound("incident")
        return answer

    @answers(Summaries)
    def summaries(self, actor: Actor, request: Summaries) -> EntriesAnswer:
        with self._school(actor) as tx:
            here: dict[str, Any] = {"school_id": actor.at_school, "reading": permissions.reading(actor)}
            items = headings(lines(tx, actor=actor, rows=store.lines_with(tx, **here, ids=request.entry_ids)))
            due = store.first_due(tx, **here, incident_ids={item.incident_id for item in items})
        return EntriesAnswer(items=[item.model_copy(update={"due_on": due.get(item.incident_id)}) for item in items])

    @answers(Readable)
    def readable(self, actor: Actor, request: Readable) -> ReadableAnswer:
        with self._school(actor) as tx:
            which: dict[str, Any] = {"ids": request.entry_ids, "reading": permissions.reading(actor), "opened": request.opened}
            found = store.readable_of(tx, school_id=actor.at_school, **which)
        return ReadableAnswer(entry_ids=sorted(found))

    @answers(Concerning)
    def concerning(self, actor: Actor, request: Concerning) -> ConcerningAnswer:
        with self._school(actor) as tx:
            whose: dict[str, Any] = {"school_id": actor.at_school, "person_id": request.person_id}
            return ConcerningAnswer(incident_ids=store.incidents_concerning(tx, **whose), pupil_ids=store.children_at_school(tx, **whose))

    @answers(MyEntries)
    def my_entries(self, actor: Actor, request: MyEntries) -> EntriesAnswer:
        with self._school(actor) as tx:
            before = read_cursor(request.cursor)
            rows = store.lines_by(tx, school_id=actor.at_school, reading=permissions.reading(actor), before=before, limit=request.limit + 1)
            items = headings(lines(tx, actor=actor, rows=rows[: request.limit]))
        return EntriesAnswer(items=items, next=next_cursor(rows, request.limit, "recorded_at"))

    @answers(Chronology)
    def chronology(self, actor: Actor, request: Chronology) -> ChronologyAnswer:
        reading = permissions.reading(actor)
        hold_back(self.host, actor=actor)
        with self._school(actor) as tx:
            pupil = access_pupil(tx, actor=actor, pupil_id=request.pupil_id)
            school = known_school(tx, actor.at_school)
            filters = read_filters(request, zone=school.zone, without=without(tx, actor=actor, pupil_id=pupil.id))
            exported = request.use == "export"
            for_paper = exported or request.with_files
            head = store.head_of(tx, school_id=actor.at_school) if for_paper else None  # first: what comes meanwhile is not promised
            here = {"school_id": actor.at_school, "pupil_id": pupil.id, "reading": reading, "filters": filters}
            rows = store.chronology(tx, **here, before=read_cursor(request.cursor), limit=request.limit + 1)
            items = lines(tx, actor=actor, rows=rows[: request.limit])
            if for_paper:
                blocks = _blocks(tx, school_id=actor.at_school, entries=rows[: request.limit])
                items = with_files(items, rows=rows[: request.limit], blocks=blocks)
            if request.only:
                items = _without_words(items, only=request.only)
            kind = request.use if request.use != "read" else "pupil" if request.only else "chronology"  # only the last is the account
            keep_opening(tx, actor=actor, kind=kind, pupil_id=pupil.id, entries=items, words=request.words, reason=request.reason)
            if exported and request.cursor is None:
                note(tx, school_id=actor.at_school, kind="exported", by=actor.person, what="chronology_pdf")
            months = store.months_of(tx, **here, zone=school.zone) if request.only is None else ()
            altered = altered_items(store.altered_of(tx, **here))
            of_pupil: dict[str, Any] = {"school_id": actor.at_school, "pupil_id": pupil.id}
            concerned = actor.person in store.concerned_staff(tx, school_id=actor.at_school, pupil_ids=[pupil.id])
            has_flags = (request.use == "read" or (exported and request.cursor is None)) and not concerned
            flags = store.flags_of(tx, **of_pupil, highest=reading.role_class) if has_flags else []
            known: dict[str, Any] = {"highest": reading.role_class, "is_lead": permissions.is_lead(actor.roles)}
            flag_altered = has_flags and store.is_flag_altered(tx, **of_pupil, **known)
            is_known = bool(altered) or flag_altered
            check = _self_check(tx, actor=actor, rows=rows[: request.limit], items=items, altered=is_known) if request.use != "read" else None
        return ChronologyAnswer(
            pupil=pupil_item(pupil),
            items=items,
            next=next_cursor(rows, request.limit, "placed"),
            total=sum(m.within for m in months),
            months=[MonthCount(month=m.month, count=m._mapping["count"]) for m in months],
            head=head_item(head),
            passes=self._name_passes(actor, items),
            altered=altered,
            flags=[flag_item(flag) for flag in flags],
            flag_altered=flag_altered,
            check=check,
        )

    def _name_passes(self, actor: Actor, items: Sequence[EntryLine]) -> dict[UUID, str]:
        """Return a pass to the name of each file that may be opened. (Of one that is blocked or destroyed the name is not shown either.)"""
        whose = {"person_id": actor.person, "school_id": actor.at_school}
        kept = [file.id for item in items for file in item.files if file.state == "kept"]
        return {id_: receipts.sign_pass(keys=self.host.keys, file_id=id_, **whose, name_only=True) for id_ in kept}

    @answers(PermitFile)
    def permit_file(self, actor: Actor, request: PermitFile) -> FilePass:
        if not request.name_only:
            hold_back(self.host, actor=actor)
        with self._school(actor) as tx:
            found = store.entry_of_file(tx, school_id=actor.at_school, file_id=request.file_id, reading=permissions.reading(actor))
            block = store.blocks_of(tx, school_id=actor.at_school, file_ids=[request.file_id]).get(request.file_id) if found else None
            if block is not None:
                raise Conflict("file_destroyed" if block.decision == "destroy" else "file_blocked")
            if found is not None and not request.name_only:
                keep_opening(tx, actor=actor, kind="file", incident_id=found.incident_id, entries=[found])
        if found is None:
            raise NotFound("file")
        whose = {"file_id": request.file_id, "person_id": actor.person, "school_id": actor.at_school}
        return FilePass(token=receipts.sign_pass(keys=self.host.keys, **whose, name_only=request.name_only))


def _without_words(items: Sequence[EntryLine], *, only: str) -> list[EntryLine]:
    """Return lines without what was written, with the body map where those are asked for. Of one that is not for this reader nothing is left."""
    if only == "files":
        return headings(items)
    shown = [item for item in items if item.body_map]
    return [heading.model_copy(update={"body_map": item.body_map}) for heading, item in zip(headings(shown), shown, strict=True)]


def _self_check(tx: sa.Connection, *, actor: Actor, rows: Sequence[Any], items: Sequence[EntryLine], altered: bool) -> SelfCheck:
    """Return what the self-check says of these entries, of nothing the actor may not read. `altered`: something was found of this pupil."""
    check = store.check_of(tx, school_id=actor.at_school)
    of_all = any(found.incident_id is None for found in store.alterations_of(tx, school_id=actor.at_school))  # of the chain, not of an incident
    said_by = [row.ledger_sequence for row in rows]
    said_by += [row.fix_sequence for row, item in zip(rows, items, strict=True) if item.corrected]
    said_by += [item.destroyed.ledger_sequence for item in items if item.destroyed]
    is_checked = check is not None and max(said_by, default=0) <= check.sequence
    return SelfCheck(
        state="altered" if altered or of_all else "unaltered" if is_checked else "checking",
        checked_at=check.checked_at if check else None,
        whole_at=check.whole_at if check else None,
    )


def _shown(facts: dict[str, Any]) -> dict[str, Any]:
    """Return what stands beside the account: not to whom a DSL granted it, and why."""
    return {name: value for name, value in facts.items() if name in IncidentFacts.model_fields}


def incident_answer(tx: sa.Connection, *, actor: Actor, row: Any, entries: Sequence[Any]) -> IncidentAnswer:
    """Return an incident as the actor reads it: these entries of it."""
    here = {"school_id": actor.at_school, "incident_id": row.id}
    linked = store.linked_of(tx, **here)
    knows = row.assignment_id is None or row.assignment_id in {e.id for e in entries}  # else: as before it was assigned
    main_id = row.pupil_id if knows else recording.holding_pupil(actor.at_school)
    main = store.pupils_with(tx, school_id=actor.at_school, ids=[main_id])[main_id]
    lead = permissions.is_lead(actor.roles)
    asks = store.open_asks(tx, **here) if lead else []
    kept = [r for r in store.restrictions_of(tx, **here) if actor.person in (r.keeper_id, r.dsl_id)]
    requests = store.requests_of(tx, **here, asked_by=None if lead else actor.person)
    seen = {e.id for e in entries}
    first = next((e for e in entries if e.kind == "incident"), None)
    concerned = lead and actor.person in store.concerned_staff(tx, school_id=actor.at_school, pupil_ids=[x.pupil_id for x in linked])
    day = following.today(clock.now(), zone=store.zone_of(tx, school_id=actor.at_school))
    able = able_to_lead(tx, **here, pupil_ids=[x.pupil_id for x in linked]) if lead else frozenset[UUID]()
    asked = store.follow_ups_in(tx, **here, reading=permissions.reading(actor))
    gone = store.destroyed_among(tx, school_id=actor.at_school, entry_ids=seen)
    classes = classes_seen(tx, rows=entries)
    since = {e.facts["pupil"]: e.recorded_at for e in entries if e.kind == "status"}
    return IncidentAnswer(
        id=row.id,
        number=row.number,
        pupil=pupil_item(main),
        facts=_facts(first, entries=entries, reading=permissions.reading(actor)) if first and first.id not in gone else None,
        entries=entry_items(
            entries,
            reading=permissions.reading(actor),
            classes=classes,
            blocks=_blocks(tx, school_id=actor.at_school, entries=entries),
            shows_untold=lead and not concerned,
            gone=gone,
        ),
        linked_pupils=[LinkedItem(pupil_id=x.pupil_id, name=x.name, part=x.part, initials=x.initials) for x in linked if x.part] if first else [],
        categories=sorted({code for e in entries for code in e.categories}),
        class_code=max(classes.values()).code,
        may_add_action=permissions.may_record(actor.roles),
        may_correct=lead,
        may_assign=lead and main.holding and row.assignment_id is None,
        may_move=lead and knows and first is not None and not main.holding,
        may_restrict=lead and not kept,
        may_set_status=lead and first is not None and not concerned,
        may_decide=lead,
        statuses=[
            PupilStatus(pupil_id=x.pupil_id, status=x.status, since=since.get(str(x.pupil_id)))
            for x in linked
            if knows and (first is not None or not x.part)
        ],
        follow_ups=follow_up_items(tx, actor=actor, rows=asked, day=day),
        restrictions=[restriction_item(r) for r in kept],
        requests=[request_item(r) for r in requests if r.entry_id in seen],
        asks=[ask_item(ask) for ask in asks if ask.entry_id in seen],
        lead=lead_item(tx, able=able, **here) if actor.person in able else None,
        altered=bool(store.alterations_of(tx, **here)),
        may_destroy=lead and not seen <= gone.keys(),
        destructions=[destruction_item(r) for r in store.destructions_of(tx, **here) if {*r.entry_ids} <= seen] if lead else [],
    )


def _blocks(tx: sa.Connection, *, school_id: UUID, entries: Sequence[Any]) -> dict[UUID, Any]:
    return store.blocks_of(tx, school_id=school_id, file_ids=[UUID(file["id"]) for entry in entries for file in entry.files])


def _facts(first: Any, *, entries: Sequence[Any], reading: permissions.Reading) -> IncidentFacts:
    """Return the facts beside the account, the action taken as it was corrected, and no body map where a correction took the account out of sight."""
    fixes = [e for e in entries if e.facts.get("corrects") == str(first.id)]
    facts = _shown(first.facts) | {"action_taken": what_it_says(first, fixes=fixes).action_taken}
    sees_all = reading.role_class == Class.PROTECTION or first.author_id == reading.person_id
    if any(fix.facts.get("hides_earlier") for fix in fixes) and not sees_all:
        facts["body_map"] = None
    return IncidentFacts(**facts, occurred_at=first.occurred_at, occurred_precision=first.occurred_precision)
