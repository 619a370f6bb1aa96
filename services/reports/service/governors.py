"""Meetings of governors: planning them, making drafts when it is time, approving and publishing, and what governors read.

A trust's own are planned the same way, by its safeguarding lead; how its report is counted and published stands in trusts.py.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
from eventlet import tpool
from nameko.timer import timer

from safekeep import clock, ical, outbox, subscribing, telemetry
from safekeep.actor import Actor
from safekeep.calendar import Calendar, year_of
from safekeep.contracts import Nothing
from safekeep.contracts.incidents import EnterDocument, Register
from safekeep.contracts.reports import (
    ApproveReport,
    CancelMeeting,
    CycleItem,
    Document,
    DraftAnswer,
    DraftMade,
    FollowCalendar,
    KeepCycle,
    KeepMeeting,
    KeepWords,
    LedgerPlace,
    MakeDraft,
    MayName,
    MeetingItem,
    Meetings,
    MeetingsAnswer,
    MeetingsRead,
    PublishedAnswer,
    PublishedReport,
    PublishedReportAnswer,
    PublishedReportPdf,
    PublishedReports,
    ReadMeetings,
    ReportDraft,
    ReportPlace,
    ReportPublished,
    ReportWaiting,
    TrustReport,
    TrustReportItem,
    TrustReportPdf,
    TrustReports,
    TrustReportsAnswer,
    TrustReportWaiting,
)
from safekeep.errors import Conflict, Invalid, NotFound, SafekeepError, StorageError
from safekeep.ids import new_id
from safekeep.proof.chain import canonical
from safekeep.rpc import answers, ask
from services.reports import governing, meetings, papers, store
from services.reports.meetings import Cycle
from services.reports.redaction import Names, Person
from services.reports.service.base import place_of, today_at
from services.reports.service.counted import counted_for
from services.reports.service.trusts import TrustReporting
from services.reports.small_numbers import FIRST_THRESHOLD

SHOWN_BACK = timedelta(days=100)
AGAIN = timedelta(hours=12)
"""A school's meetings are looked at this often at least: the rule is carried on, the subscribed calendar is read."""
CLAIMED_FOR = timedelta(minutes=2)
LISTED = 200
NOTHING_YET: dict[str, Any] = {"title": "", "period": "", "rule": "", "words": "", "sections": []}
"""What a trust's draft says while its schools are counted."""
LISTED_OF_A_TRUST = 6
"""So many of each school: two years of a report a term."""


class Governors(TrustReporting):
    """Mixed into the service."""

    @answers(Meetings)
    def meetings(self, actor: Actor, request: Meetings) -> MeetingsAnswer:
        here: dict[str, Any] = {"school_id": place_of(actor)}
        with self._place(actor) as tx:
            zone, row = store.zone_of(tx, **here), store.cycle_of(tx, **here)
            rows = store.meetings_of(tx, **here, since=today_at(zone) - SHOWN_BACK)
        cycle = _cycle(row, today=today_at(zone))
        return MeetingsAnswer(
            cycle=_cycle_item(row) if row is not None and row.name else None,
            address=row.address if row else "",
            outcome=row.outcome if row else "",
            fetched_at=row.fetched_at if row else None,
            items=[_meeting_item(each, cycle=cycle, zone=zone) for each in rows],
        )

    @answers(KeepCycle)
    def keep_cycle(self, actor: Actor, request: KeepCycle) -> Nothing:
        wanted = request.cycle
        problems = {}
        if wanted.remind_days >= wanted.draft_days:
            problems["remind_days"] = "not_before"
        if wanted.chair_days >= wanted.remind_days:
            problems["chair_days"] = "not_before"
        if problems:
            raise Invalid(problems)
        rule = meetings.rule_of(every=wanted.every, week=wanted.week, weekday=wanted.weekday) if wanted.every else ""
        calendars = self._calendars(place_of(actor), of_trust=_at_trust(actor))
        values = wanted.model_dump(exclude={"every", "week", "weekday"}) | {"rule": rule}
        with self._place(actor) as tx:
            today = today_at(store.zone_of(tx, school_id=place_of(actor)))
            store.keep_cycle(tx, school_id=place_of(actor), today=today, of_trust=_at_trust(actor), **values)
            _plan(tx, school_id=place_of(actor), calendars=calendars, today=today)
            store.look_at(tx, school_id=place_of(actor), at=clock.now())
        return Nothing()

    @answers(KeepMeeting)
    def keep_meeting(self, actor: Actor, request: KeepMeeting) -> Nothing:
        here: dict[str, Any] = {"school_id": place_of(actor)}
        with self._place(actor) as tx:
            today = today_at(store.zone_of(tx, **here))
            before = store.meeting_with(tx, **here, id=request.id)
            same = before is not None and (before.on_day, before.minute, before.name) == (request.on_day, request.minute, request.name)
            if same:
                return Nothing()
            if request.on_day < today:
                raise Invalid({"on_day": "in_past"})
            if before is None:
                new: dict[str, Any] = {"key": f"entered:{request.id}", "source": "entered"}
                store.keep_meeting(tx, **here, id=request.id, **new, on_day=request.on_day, minute=request.minute, name=request.name)
            else:
                was = before.moved_from or (before.on_day if before.on_day != request.on_day else None)
                values: dict[str, Any] = {
                    "on_day": request.on_day,
                    "minute": request.minute,
                    "name": request.name,
                    "moved_from": was,
                    "cancelled_at": None,
                }
                store.keep_meeting(tx, **here, id=request.id, key=before.key, source=before.source, **values)
                self._move_report(tx, school_id=place_of(actor), meeting_id=request.id)
            store.keep_cycle(tx, **here, today=today, of_trust=_at_trust(actor))
            store.look_at(tx, **here, at=clock.now())
        return Nothing()

    def _move_report(self, tx: sa.Connection, *, school_id: UUID, meeting_id: UUID) -> None:
        """Have the reminders of a meeting's draft sent again when their new days come."""
        for meeting in store.meetings_of(tx, school_id=school_id, id=meeting_id):
            if meeting.state == "draft":
                store.change_report(tx, school_id=school_id, id=meeting.report_id, reminded_at=None, chair_told_at=None)

    @answers(CancelMeeting)
    def cancel_meeting(self, actor: Actor, request: CancelMeeting) -> Nothing:
        here: dict[str, Any] = {"school_id": place_of(actor)}
        with self._place(actor) as tx:
            kept = self._meeting(tx, school_id=place_of(actor), id=request.meeting_id)
            if kept.report_id is not None and kept.state != "draft":
                raise Conflict("report_published")
            if kept.report_id is not None:
                store.drop_draft(tx, **here, id=kept.report_id)
            said = {name: getattr(kept, name) for name in ("key", "source", "on_day", "minute", "name")}
            store.keep_meeting(tx, **here, id=kept.id, **said, cancelled_at=kept.cancelled_at or clock.now())
        if kept.report_id is not None and _at_trust(actor):
            self._drop_parts(self._trust_parts(place_of(actor), kept.report_id))
        return Nothing()

    @answers(ReadMeetings)
    def read_meetings(self, actor: Actor, request: ReadMeetings) -> MeetingsRead:
        here: dict[str, Any] = {"school_id": place_of(actor)}
        with self._place(actor) as tx:
            zone, row = store.zone_of(tx, **here), store.cycle_of(tx, **here)
        try:
            found = tpool.execute(ical.read, request.content, zone=zone, today=today_at(zone))
        except ical.NoCalendar as refused:
            raise Invalid({"file": refused.args[0]}) from None
        rows = _from_calendar(found, cycle=_cycle(row, today=today_at(zone)), today=today_at(zone), school_id=place_of(actor))
        with self._place(actor) as tx:
            store.keep_cycle(tx, **here, today=today_at(zone), of_trust=_at_trust(actor))
            for each in rows:
                store.plan_meetings(tx, **here, source="entered", from_day=date.max, rows=[each])
            store.look_at(tx, **here, at=clock.now())
        return MeetingsRead(found=len(rows))

    @answers(FollowCalendar)
    def follow_calendar(self, actor: Actor, request: FollowCalendar) -> Nothing:
        address = subscribing.address_of(request.address)
        if address is None:
            raise Invalid({"address": "not_an_address"})
        here: dict[str, Any] = {"school_id": place_of(actor)}
        with self._place(actor) as tx:
            today = today_at(store.zone_of(tx, **here))
            store.keep_cycle(tx, **here, today=today, of_trust=_at_trust(actor), address=address, outcome="", fetched_at=None)
            if not address:
                store.plan_meetings(tx, **here, source="calendar", from_day=today, rows=[])
            store.look_at(tx, **here, at=clock.now())
        return Nothing()

    # --- drafts

    @answers(MakeDraft)
    def make_draft(self, actor: Actor, request: MakeDraft) -> DraftMade:
        with self._place(actor) as tx:
            kept = self._meeting(tx, school_id=place_of(actor), id=request.meeting_id)
            if kept.report_id is not None and kept.state != "draft":
                raise Conflict("report_published")
            if kept.cancelled_at is not None:
                raise Conflict("meeting_cancelled")
            if _at_trust(actor):
                report_id = _begin(tx, school_id=place_of(actor), meeting=kept)
                store.keep_cycle(tx, school_id=place_of(actor), today=today_at(store.zone_of(tx, school_id=place_of(actor))), of_trust=True)
                store.look_at(tx, school_id=place_of(actor), at=clock.now())
            else:
                report_id = _make(tx, school_id=place_of(actor), meeting=kept)
        return DraftMade(report_id=report_id)

    @answers(ReportDraft)
    def report_draft(self, actor: Actor, request: ReportDraft) -> DraftAnswer:
        with self._place(actor) as tx:
            row = self._report(tx, school_id=place_of(actor), id=request.report_id)
        schools = self._schools_of(row.school_id) if row.of_trust else []
        counted = [part for part in self._trust_parts(row.school_id, row.id) if part.draft_at == row.made_at] if row.of_trust else []
        return DraftAnswer(
            report_id=row.id,
            meeting_id=row.meeting_id,
            state=row.state,
            on_day=row.on_day,
            name=row.name,
            made_at=row.made_at,
            told=governing.told(row.tables, names=_names(request), words=row.words) if row.tables else NOTHING_YET,
            words=row.words,
            sha256=_state(row),
            may_name=self._may_name(actor, row.words, known=request.school_names.values()) if row.state == "draft" else [],
            schools=len(counted) if row.tables else len(schools),
            counted=len(counted),
        )

    def _may_name(self, actor: Actor, words: Mapping[str, str], *, known: Collection[str]) -> list[MayName]:
        """Look for names of the school's register in a DSL's words: nothing that is published may name a child.

        A trust has no register, and may not ask for its schools': there all that looks like a name is asked about, but the schools' own.
        """
        if not words:
            return []
        if _at_trust(actor):
            looks_like, plain = Names([], about=None), {code: _without(said, known) for code, said in words.items()}
            guessed = [(code, said[p.first : p.end]) for code, said in plain.items() for p in looks_like.proposals(said)]
            return [MayName(section=code, words=said) for code, said in dict.fromkeys(guessed)]
        register = ask(self.incidents, Register(), token=actor.token, seconds=10.0)
        names = Names([Person(name=each.name, kind="pupil", known_as=each.known_as) for each in register.items], about=None)
        found = [(code, said[p.first : p.end]) for code, said in words.items() for p in names.proposals(said) if p.why == "name"]
        return [MayName(section=code, words=said) for code, said in dict.fromkeys(found)]

    @answers(KeepWords)
    def keep_words(self, actor: Actor, request: KeepWords) -> Nothing:
        with self._place(actor) as tx:
            row = self._report(tx, school_id=place_of(actor), id=request.report_id)
            if row.state != "draft":
                raise Conflict("report_published")
            words = {code: said.strip() for code, said in request.words.items() if said.strip()}
            store.change_report(tx, school_id=place_of(actor), id=row.id, words=words)
        return Nothing()

    @answers(ApproveReport)
    def approve_report(self, actor: Actor, request: ApproveReport) -> ReportPlace:
        """Number it and fix its bytes; have them entered in the ledger; publish. Who dies in between is asked again, and goes on there."""
        here: dict[str, Any] = {"school_id": place_of(actor)}
        with self._place(actor) as tx:
            words = self._report(tx, **here, id=request.report_id).words
        named = not request.names_read and self._may_name(actor, words, known=request.school_names.values())
        with self._place(actor) as tx:
            store.keep_cycle(tx, **here, today=today_at(store.zone_of(tx, **here)), of_trust=_at_trust(actor))
            cycle = store.cycle_of(tx, **here, lock=True)
            row = self._report(tx, **here, id=request.report_id)
            if row.state == "published":
                return self._placed(row)
            if row.state == "draft":
                if not row.tables:
                    raise Conflict("still_counting")
                if _state(row) != request.sha256:
                    raise Conflict("draft_changed")
                if named:
                    raise Conflict("may_name_a_child")
                if row.of_trust and {part.school_id for part in self._trust_parts(row.school_id, row.id)} != set(self._schools_of(row.school_id)):
                    raise Conflict("schools_changed")
                if not row.of_trust and store.published_since(tx, **here, moment=row.made_at):
                    raise Conflict("draft_outdated")  # it was held against what was published before it was made
                row = self._fix(tx, row, actor=actor, request=request)
        assert cycle is not None
        if row.of_trust:
            self._enter_in_ledgers(actor, row)
            place: dict[str, Any] = {}
        else:
            about = {"year": str(row.year), "number": str(row.number), "template": row.tables["template"]}
            document = EnterDocument(id=row.id, kind="report_published", sha256=row.sha256, about=about)
            sealed = ask(self.incidents, document, token=actor.token)
            place = {"sequence": sealed.sequence, "entry_hash": sealed.entry_hash}
        with self._place(actor) as tx:
            row = self._report(tx, **here, id=request.report_id)
            if row.state != "published":
                store.change_report(tx, **here, id=row.id, state="published", published_at=clock.now(), **place)
                if row.of_trust:
                    store.look_at(tx, **here, at=clock.now())  # then each school's governors are told
                else:
                    outbox.add(tx, ReportPublished, **here, subject=row.meeting_id, report_id=row.id)
                row = self._report(tx, **here, id=request.report_id)
        return self._placed(row)

    def _fix(self, tx: sa.Connection, row: Any, *, actor: Actor, request: ApproveReport) -> Any:
        zone = store.zone_of(tx, school_id=place_of(actor))
        year = year_of(today_at(zone))
        number = store.next_number(tx, school_id=place_of(actor), year=year)
        content = governing.told(row.tables, names=_names(request), words=row.words) | {
            "format": 1,
            "school": request.school_name,
            "year": year,
            "number": number,
            "meeting": f"{row.name}, {row.on_day.day} {row.on_day:%B %Y}",
            "approved_by": actor.name,
            "approved_at": clock.stamp(clock.now()),
        }
        if row.of_trust:
            content["schools"] = {str(id_): name for id_, name in request.school_names.items()}
        text = canonical(content).decode()
        fixed = {"state": "approving", "content": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
        store.change_report(tx, school_id=place_of(actor), id=row.id, year=year, number=number, approved_by=actor.person_id, **fixed)
        return self._report(tx, school_id=place_of(actor), id=row.id)

    # --- what was published

    @answers(PublishedReports)
    def published_reports(self, actor: Actor, request: PublishedReports) -> PublishedAnswer:
        with self._place(actor) as tx:
            rows = store.published(tx, school_id=place_of(actor), limit=LISTED)
            parts = [] if _at_trust(actor) else store.placed_parts(tx, school_id=place_of(actor))
        theirs = {part.report_id: part for part in parts}
        of_trust = []
        for trust_id in sorted({part.trust_id for part in parts}):
            with self.host.transaction(self.host.engine, school_id=trust_id) as tx:
                found = store.published_with(tx, trust_id=trust_id, ids=[part.report_id for part in parts if part.trust_id == trust_id])
            of_trust += [_place(row, places=[theirs[row.id]]) for row in found]
        return PublishedAnswer(items=[self._placed(row) for row in rows], of_trust=of_trust)

    @answers(PublishedReport)
    def published_report(self, actor: Actor, request: PublishedReport) -> PublishedReportAnswer:
        row, places = self._readable(actor, request.report_id)
        return PublishedReportAnswer(place=_place(row, places=places), content=row.content)

    @answers(PublishedReportPdf)
    def published_report_pdf(self, actor: Actor, request: PublishedReportPdf) -> Document:
        return _on_paper(*self._readable(actor, request.report_id))

    def _readable(self, actor: Actor, id: UUID) -> tuple[Any, Sequence[Any]]:
        """Return a published report that may be read where the actor is, and where it stands in ledgers: a trust's at each school it speaks of."""
        if _at_trust(actor):
            row = self._published(place_of(actor), id)
            return row, self._trust_parts(row.school_id, row.id)
        with self._place(actor) as tx:
            part = store.part_with(tx, school_id=place_of(actor), report_id=id)
        if part is not None and part.sequence is not None:
            return self._published(part.trust_id, id), [part]
        row = self._published(place_of(actor), id)
        return row, [row]

    def _placed(self, row: Any) -> ReportPlace:
        return _place(row, places=self._trust_parts(row.school_id, row.id) if row.of_trust else [row])

    @answers(TrustReports)
    def trust_reports(self, actor: Actor, request: TrustReports) -> TrustReportsAnswer:
        items = []
        for school_id in self._schools(actor):
            with self.host.transaction(self.host.engine, school_id=school_id) as tx:
                rows = store.published(tx, school_id=school_id, limit=LISTED_OF_A_TRUST)
            items += [TrustReportItem(school_id=school_id, place=_place(row, places=[row])) for row in rows]
        return TrustReportsAnswer(items=items)

    @answers(TrustReport)
    def trust_report(self, actor: Actor, request: TrustReport) -> PublishedReportAnswer:
        row = self._published(self._school_of_trust(actor, request.school_id), request.report_id)
        return PublishedReportAnswer(place=_place(row, places=[row]), content=row.content)

    @answers(TrustReportPdf)
    def trust_report_pdf(self, actor: Actor, request: TrustReportPdf) -> Document:
        row = self._published(self._school_of_trust(actor, request.school_id), request.report_id)
        return _on_paper(row, [row])

    def _schools(self, actor: Actor) -> list[UUID]:
        if actor.trust_id is None:
            raise NotFound("trust")
        return self._schools_of(actor.trust_id)

    def _school_of_trust(self, actor: Actor, school_id: UUID) -> UUID:
        if school_id not in self._schools(actor):
            raise NotFound("school")
        return school_id

    def _published(self, school_id: UUID, id: UUID) -> Any:
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            row = store.report_with(tx, school_id=school_id, id=id)
        if row is None or row.state != "published":
            raise NotFound("report")
        return row

    # --- the timers

    @timer(interval=5)
    def look_at_meetings(self) -> None:
        """Do what is due for meetings; an outage of the database is left for the next tick."""
        now = clock.now()
        try:
            with self.host.transaction(self.host.worker_engine) as tx:
                due = store.claim_looks(tx, now=now, again=now + CLAIMED_FOR, limit=20)
        except StorageError as error:
            telemetry.log().warning("meetings.waiting", sqlstate=error.sqlstate)
            return
        for school_id in due:
            try:
                self.look_at_school(school_id)
            except StorageError as error:  # one school's trouble is not another's; it is looked at again in two minutes
                telemetry.log().warning("meetings.waiting", sqlstate=error.sqlstate, school_id=str(school_id))

    def look_at_school(self, school_id: UUID) -> None:
        """Carry the rule on, read the calendar that is subscribed to, make drafts, remind; and say when to look next."""
        now = clock.now()
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            found = store.cycle_of(tx, school_id=school_id)
        if found is None:
            return
        calendars: list[Calendar] = []
        with contextlib.suppress(SafekeepError):  # while alerts is away the rule is not carried on: at the next look
            calendars = self._calendars(school_id, of_trust=found.of_trust)
        self._read_subscription(school_id)
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            cycle_row = store.cycle_of(tx, school_id=school_id, lock=True)
            assert cycle_row is not None
            zone = store.zone_of(tx, school_id=school_id)
            cycle = _cycle(cycle_row, today=today_at(zone))
            if calendars:
                _plan(tx, school_id=school_id, calendars=calendars, today=today_at(zone))
            next_at = now + AGAIN
            for meeting in store.meetings_of(tx, school_id=school_id, since=today_at(zone)):
                if meeting.cancelled_at is None and meeting.state in {None, "draft"}:
                    later = _step(tx, school_id=school_id, meeting=meeting, cycle=cycle, cycle_row=cycle_row, zone=zone, now=now)
                    next_at = min([next_at, *later])
            store.look_at(tx, school_id=school_id, at=next_at)
        if cycle_row.of_trust:
            self._tell_schools(school_id)
            if self._count_schools(school_id):
                with self.host.transaction(self.host.engine, school_id=school_id) as tx:
                    store.look_at(tx, school_id=school_id, at=clock.now())

    def _read_subscription(self, school_id: UUID) -> None:
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            row, zone = store.cycle_of(tx, school_id=school_id), store.zone_of(tx, school_id=school_id)
        if row is None or not row.address or (row.fetched_at and clock.now() - row.fetched_at < AGAIN / 2):
            return
        try:
            content = subscribing.fetch(row.address, inner=self.host.settings.inner_calendars)
            found = tpool.execute(ical.read, content, zone=zone, today=today_at(zone))
            rows = _from_calendar(found, cycle=_cycle(row, today=today_at(zone)), today=today_at(zone), school_id=school_id)
            outcome = "read" if rows else "nothing_in_it"
        except (subscribing.Down, ical.NoCalendar) as refused:
            rows, outcome = [], refused.args[0]
        telemetry.log().info("meetings.calendar_read", school_id=str(school_id), outcome=outcome)
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            store.keep_cycle(tx, school_id=school_id, today=today_at(zone), outcome=outcome, fetched_at=clock.now() if rows else row.fetched_at)
            if rows:
                store.plan_meetings(tx, school_id=school_id, source="calendar", from_day=today_at(zone), rows=rows)

    def _meeting(self, tx: sa.Connection, *, school_id: UUID, id: UUID) -> Any:
        store.meeting_with(tx, school_id=school_id, id=id)  # locked
        found = store.meetings_of(tx, school_id=school_id, id=id)
        if not found:
            raise NotFound("meeting")
        return found[0]

    def _report(self, tx: sa.Connection, *, school_id: UUID, id: UUID) -> Any:
        row = store.report_with(tx, school_id=school_id, id=id)
        if row is None:
            raise NotFound("report")
        return row


def _step(tx: sa.Connection, *, school_id: UUID, meeting: Any, cycle: Cycle, cycle_row: Any, zone: str, now: datetime) -> list[datetime]:
    """Do what is due for one meeting, and return what is to come. Each is done once; of what was missed only the last is sent."""
    steps = meetings.steps(cycle, on_day=meeting.on_day, zone=zone)
    if meeting.report_id is None:
        if now < steps.draft:
            return [steps.draft]
        report_id = (_begin if cycle_row.of_trust else _make)(tx, school_id=school_id, meeting=meeting)
        _say(tx, "made", school_id=school_id, meeting_id=meeting.id, report_id=report_id, cycle_row=cycle_row)
        late = {"reminded_at": now} if now >= steps.remind else {}
        if late:
            store.change_report(tx, school_id=school_id, id=report_id, **late)
        return [at for at in (steps.remind, steps.chair) if at > now]
    told: dict[str, Any] = {"school_id": school_id, "meeting_id": meeting.id, "report_id": meeting.report_id, "cycle_row": cycle_row}
    if now >= steps.chair and meeting.chair_told_at is None:
        store.change_report(tx, school_id=school_id, id=meeting.report_id, chair_told_at=now, reminded_at=meeting.reminded_at or now)
        _say(tx, "chair", **told)
        _say(tx, "late", **told)
    elif now >= steps.remind and meeting.reminded_at is None:
        store.change_report(tx, school_id=school_id, id=meeting.report_id, reminded_at=now)
        _say(tx, "late", **told)
    return [at for at in (steps.remind, steps.chair) if at > now]


def _say(tx: sa.Connection, step: Any, *, school_id: UUID, meeting_id: UUID, report_id: UUID, cycle_row: Any) -> None:
    """Say that a report waits. A trust's waits for its safeguarding lead, who is reminded twice: of a board nobody is known as its chair."""
    said: dict[str, Any] = {"school_id": school_id, "subject": meeting_id, "report_id": report_id, "step": step}
    if not cycle_row.of_trust:
        outbox.add(tx, ReportWaiting, **said, **({"chair_id": cycle_row.chair_id} if step == "chair" else {}))
    elif step != "chair":
        outbox.add(tx, TrustReportWaiting, **said)


def _begin(tx: sa.Connection, *, school_id: UUID, meeting: Any) -> UUID:
    """Begin a trust's draft, or begin it anew with the words it has: its schools are counted one after the other, at the next look."""
    now, zone = clock.now(), store.zone_of(tx, school_id=school_id)
    values: dict[str, Any] = {"made_at": now, "tables": {}, "known": {}, "until": governing.period_of(today_at(zone)).until}
    if meeting.report_id is not None:
        store.change_report(tx, school_id=school_id, id=meeting.report_id, **values)
        return UUID(str(meeting.report_id))
    report_id = new_id()
    store.add_report(tx, school_id=school_id, id=report_id, meeting_id=meeting.id, words={}, of_trust=True, **values)
    return report_id


def _make(tx: sa.Connection, *, school_id: UUID, meeting: Any) -> UUID:
    """Make a meeting's draft, or make it anew with the words it has."""
    zone = store.zone_of(tx, school_id=school_id)
    today = today_at(zone)
    period = governing.period_of(today)
    row = store.cycle_of(tx, school_id=school_id, lock=True)  # its trust's report is not counted beside it
    threshold = row.threshold if row else FIRST_THRESHOLD
    report_id = meeting.report_id or new_id()
    counted = counted_for(tx, school_id=school_id, zone=zone, since=governing.first_day(period), today=today)
    since = period.back(governing.KEPT_YEARS).since
    earlier = [governing.kept(each) for each in store.known_since(tx, school_id=school_id, since=since, but=report_id)]
    made, published = tpool.execute(governing.made, counted, period=period, today=today, earlier=earlier, threshold=threshold)
    values = {"made_at": clock.now(), "tables": made, "known": governing.keep(published), "until": period.until}
    if meeting.report_id is not None:
        store.change_report(tx, school_id=school_id, id=meeting.report_id, **values)
    else:
        store.add_report(tx, school_id=school_id, id=report_id, meeting_id=meeting.id, words={}, **values)
    return UUID(str(report_id))


def _plan(tx: sa.Connection, *, school_id: UUID, calendars: Sequence[Calendar], today: date) -> None:
    cycle = _cycle(store.cycle_of(tx, school_id=school_id), today=today)
    days = meetings.dates(cycle, calendars, first=today, last=today + meetings.AHEAD)
    rows = [
        {"id": new_id(), "key": f"rule:{by_rule.isoformat()}", "on_day": day, "minute": cycle.minute, "name": cycle.name} for by_rule, day in days
    ]
    store.plan_meetings(tx, school_id=school_id, source="rule", from_day=today, rows=rows)


def _from_calendar(found: Sequence[ical.Found], *, cycle: Cycle, today: date, school_id: UUID) -> list[dict[str, Any]]:
    """Return the meetings of governors to come that a calendar names; its hours are not read, so they have the cycle's."""
    events = {event.first: event for event in found if event.first >= today and meetings.meeting_names(event.name)}
    return [
        {"id": uuid5(school_id, f"calendar:{day}"), "key": f"calendar:{day.isoformat()}", "on_day": day, "minute": cycle.minute, "name": event.name}
        for day, event in sorted(events.items())
    ]


def _state(row: Any) -> str:
    """Return the name of a draft's state: of other tables or other words it is another."""
    return hashlib.sha256(canonical({"tables": row.tables, "words": row.words})).hexdigest()


def _cycle(row: Any, *, today: date) -> Cycle:
    if row is None:
        return Cycle(rule="", starts_on=today, minute=18 * 60, name="Governors")
    return Cycle(
        rule=row.rule,
        starts_on=row.starts_on,
        minute=row.minute,
        name=row.name or "Governors",
        draft_days=row.draft_days,
        remind_days=row.remind_days,
        chair_days=row.chair_days,
    )


def _cycle_item(row: Any) -> CycleItem:
    parts = meetings.parts_of(row.rule)
    rule: dict[str, Any] = dict(zip(("every", "week", "weekday"), parts, strict=True)) if parts else {"every": 0}
    names = ("starts_on", "minute", "name", "draft_days", "remind_days", "chair_days", "threshold", "chair_id")
    return CycleItem(**rule, **{name: getattr(row, name) for name in names})


def _meeting_item(row: Any, *, cycle: Cycle, zone: str) -> MeetingItem:
    names = ("id", "on_day", "minute", "name", "source", "moved_from", "report_id")
    draft_at = meetings.steps(cycle, on_day=row.on_day, zone=zone).draft
    said: dict[str, Any] = {name: getattr(row, name) for name in names}
    return MeetingItem(**said, cancelled=row.cancelled_at is not None, draft_at=draft_at, state=row.state or "none")


def _on_paper(row: Any, places: Sequence[Any]) -> Document:
    content = json.loads(row.content)
    names = content.get("schools", {})
    stands = [(names.get(str(place.school_id), ""), place.sequence, place.entry_hash) for place in places]
    said = papers.governors(content, sha256=row.sha256, places=stands)
    return Document(media_type="application/pdf", data=tpool.execute(papers.pdf, said))


def _place(row: Any, *, places: Sequence[Any]) -> ReportPlace:
    """Return a published report's place. `places`: rows that say where it stands in ledgers, of one school or of each of a trust's."""
    content = json.loads(row.content)
    names = ("year", "number", "on_day", "published_at", "sha256")
    first = {"sequence": places[0].sequence, "entry_hash": places[0].entry_hash} if places else {"sequence": 0, "entry_hash": ""}
    of_trust = [LedgerPlace(school_id=each.school_id, sequence=each.sequence, entry_hash=each.entry_hash) for each in places] if row.of_trust else []
    about: dict[str, Any] = {name: getattr(row, name) for name in names} | first
    return ReportPlace(report_id=row.id, title=content["title"], period=content["period"], of_trust=row.of_trust, places=of_trust, **about)


def _without(words: str, names: Collection[str]) -> str:
    """Return words without these names, where they stand whole."""
    for name in sorted(names, key=len, reverse=True):
        words = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "the school", words)
    return words


def _at_trust(actor: Actor) -> bool:
    return actor.school_id is None and actor.trust_id is not None


def _names(request: ReportDraft | ApproveReport) -> dict[str, str]:
    """Return what rows are called: categories by their codes, a trust's schools by their ids."""
    return request.category_names | {str(id_): name for id_, name in request.school_names.items()}
