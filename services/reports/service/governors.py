"""Meetings of governors: planning them, making drafts when it is time, approving and publishing, and what governors read."""

import hashlib
import json
from collections.abc import Mapping, Sequence
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
)
from safekeep.errors import Conflict, Invalid, NotFound, SafekeepError, StorageError
from safekeep.ids import new_id
from safekeep.proof.chain import canonical
from safekeep.rpc import answers, ask
from services.reports import governing, meetings, papers, store
from services.reports.meetings import Cycle
from services.reports.redaction import Names, Person
from services.reports.service.base import Base, today_at
from services.reports.service.counted import counted_for
from services.reports.small_numbers import FIRST_THRESHOLD

SHOWN_BACK = timedelta(days=100)
AGAIN = timedelta(hours=12)
"""A school's meetings are looked at this often at least: the rule is carried on, the subscribed calendar is read."""
CLAIMED_FOR = timedelta(minutes=2)
LISTED = 200
LISTED_OF_A_TRUST = 6
"""So many of each school: two years of a report a term."""


class Governors(Base):
    """Mixed into the service."""

    @answers(Meetings)
    def meetings(self, actor: Actor, request: Meetings) -> MeetingsAnswer:
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
            zone, row = store.zone_of(tx, **here), store.cycle_of(tx, **here)
            rows = store.meetings_of(tx, **here, since=today_at(zone) - SHOWN_BACK)
        cycle = _cycle(row)
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
        calendar = self._calendar(actor.at_school)
        values = wanted.model_dump(exclude={"every", "week", "weekday"}) | {"rule": rule}
        with self._school(actor) as tx:
            today = today_at(store.zone_of(tx, school_id=actor.at_school))
            store.keep_cycle(tx, school_id=actor.at_school, today=today, **values)
            _plan(tx, school_id=actor.at_school, calendar=calendar, today=today)
            store.look_at(tx, school_id=actor.at_school, at=clock.now())
        return Nothing()

    @answers(KeepMeeting)
    def keep_meeting(self, actor: Actor, request: KeepMeeting) -> Nothing:
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
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
                self._move_report(tx, school_id=actor.at_school, meeting_id=request.id)
            store.keep_cycle(tx, **here, today=today)
            store.look_at(tx, **here, at=clock.now())
        return Nothing()

    def _move_report(self, tx: sa.Connection, *, school_id: UUID, meeting_id: UUID) -> None:
        """Have the reminders of a meeting's draft sent again when their new days come."""
        for meeting in store.meetings_of(tx, school_id=school_id, id=meeting_id):
            if meeting.state == "draft":
                store.change_report(tx, school_id=school_id, id=meeting.report_id, reminded_at=None, chair_told_at=None)

    @answers(CancelMeeting)
    def cancel_meeting(self, actor: Actor, request: CancelMeeting) -> Nothing:
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
            kept = self._meeting(tx, school_id=actor.at_school, id=request.meeting_id)
            if kept.report_id is not None and kept.state != "draft":
                raise Conflict("report_published")
            if kept.report_id is not None:
                store.drop_draft(tx, **here, id=kept.report_id)
            said = {name: getattr(kept, name) for name in ("key", "source", "on_day", "minute", "name")}
            store.keep_meeting(tx, **here, id=kept.id, **said, cancelled_at=kept.cancelled_at or clock.now())
        return Nothing()

    @answers(ReadMeetings)
    def read_meetings(self, actor: Actor, request: ReadMeetings) -> MeetingsRead:
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
            zone, row = store.zone_of(tx, **here), store.cycle_of(tx, **here)
        try:
            found = tpool.execute(ical.read, request.content, zone=zone, today=today_at(zone))
        except ical.NoCalendar as refused:
            raise Invalid({"file": refused.args[0]}) from None
        rows = _from_calendar(found, cycle=_cycle(row), today=today_at(zone), school_id=actor.at_school)
        with self._school(actor) as tx:
            store.keep_cycle(tx, **here, today=today_at(zone))
            for each in rows:
                store.plan_meetings(tx, **here, source="entered", from_day=date.max, rows=[each])
            store.look_at(tx, **here, at=clock.now())
        return MeetingsRead(found=len(rows))

    @answers(FollowCalendar)
    def follow_calendar(self, actor: Actor, request: FollowCalendar) -> Nothing:
        address = subscribing.address_of(request.address)
        if address is None:
            raise Invalid({"address": "not_an_address"})
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
            today = today_at(store.zone_of(tx, **here))
            store.keep_cycle(tx, **here, today=today, address=address, outcome="", fetched_at=None)
            if not address:
                store.plan_meetings(tx, **here, source="calendar", from_day=today, rows=[])
            store.look_at(tx, **here, at=clock.now())
        return Nothing()

    # --- drafts

    @answers(MakeDraft)
    def make_draft(self, actor: Actor, request: MakeDraft) -> DraftMade:
        with self._school(actor) as tx:
            kept = self._meeting(tx, school_id=actor.at_school, id=request.meeting_id)
            if kept.report_id is not None and kept.state != "draft":
                raise Conflict("report_published")
            if kept.cancelled_at is not None:
                raise Conflict("meeting_cancelled")
            report_id = _make(tx, school_id=actor.at_school, meeting=kept)
        return DraftMade(report_id=report_id)

    @answers(ReportDraft)
    def report_draft(self, actor: Actor, request: ReportDraft) -> DraftAnswer:
        with self._school(actor) as tx:
            row = self._report(tx, school_id=actor.at_school, id=request.report_id)
        return DraftAnswer(
            report_id=row.id,
            meeting_id=row.meeting_id,
            state=row.state,
            on_day=row.on_day,
            name=row.name,
            made_at=row.made_at,
            told=governing.told(row.tables, names=request.category_names, words=row.words),
            words=row.words,
            sha256=_state(row),
            may_name=self._may_name(actor, row.words) if row.state == "draft" else [],
        )

    def _may_name(self, actor: Actor, words: Mapping[str, str]) -> list[MayName]:
        """Look for names of the school's register in a DSL's words: nothing that is published may name a child."""
        if not words:
            return []
        register = ask(self.incidents, Register(), token=actor.token, seconds=10.0)
        names = Names([Person(name=each.name, kind="pupil", known_as=each.known_as) for each in register.items], about=None)
        found = [(code, said[p.first : p.end]) for code, said in words.items() for p in names.proposals(said) if p.why == "name"]
        return [MayName(section=code, words=said) for code, said in dict.fromkeys(found)]

    @answers(KeepWords)
    def keep_words(self, actor: Actor, request: KeepWords) -> Nothing:
        with self._school(actor) as tx:
            row = self._report(tx, school_id=actor.at_school, id=request.report_id)
            if row.state != "draft":
                raise Conflict("report_published")
            words = {code: said.strip() for code, said in request.words.items() if said.strip()}
            store.change_report(tx, school_id=actor.at_school, id=row.id, words=words)
        return Nothing()

    @answers(ApproveReport)
    def approve_report(self, actor: Actor, request: ApproveReport) -> ReportPlace:
        """Number it and fix its bytes; have them entered in the ledger; publish. Who dies in between is asked again, and goes on there."""
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
            words = self._report(tx, **here, id=request.report_id).words
        named = not request.names_read and self._may_name(actor, words)
        with self._school(actor) as tx:
            store.keep_cycle(tx, **here, today=clock.now().date())
            cycle = store.cycle_of(tx, **here, lock=True)
            row = self._report(tx, **here, id=request.report_id)
            if row.state == "published":
                return _place(row)
            if row.state == "draft":
                if _state(row) != request.sha256:
                    raise Conflict("draft_changed")
                if named:
                    raise Conflict("may_name_a_child")
                if store.published_since(tx, **here, moment=row.made_at):
                    raise Conflict("draft_outdated")  # it was held against what was published before it was made
                row = self._fix(tx, row, actor=actor, request=request)
        assert cycle is not None
        about = {"year": str(row.year), "number": str(row.number), "template": row.tables["template"]}
        document = EnterDocument(id=row.id, kind="report_published", sha256=row.sha256, about=about)
        sealed = ask(self.incidents, document, token=actor.token)
        with self._school(actor) as tx:
            row = self._report(tx, **here, id=request.report_id)
            if row.state != "published":
                place: dict[str, Any] = {"sequence": sealed.sequence, "entry_hash": sealed.entry_hash}
                store.change_report(tx, **here, id=row.id, state="published", published_at=clock.now(), **place)
                outbox.add(tx, ReportPublished, **here, subject=row.meeting_id, report_id=row.id)
                row = self._report(tx, **here, id=request.report_id)
        return _place(row)

    def _fix(self, tx: sa.Connection, row: Any, *, actor: Actor, request: ApproveReport) -> Any:
        zone = store.zone_of(tx, school_id=actor.at_school)
        year = year_of(today_at(zone))
        number = store.next_number(tx, school_id=actor.at_school, year=year)
        content = governing.told(row.tables, names=request.category_names, words=row.words) | {
            "format": 1,
            "school": request.school_name,
            "year": year,
            "number": number,
            "meeting": f"{row.name}, {row.on_day.day} {row.on_day:%B %Y}",
            "approved_by": actor.name,
            "approved_at": clock.stamp(clock.now()),
        }
        text = canonical(content).decode()
        fixed = {"state": "approving", "content": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
        store.change_report(tx, school_id=actor.at_school, id=row.id, year=year, number=number, approved_by=actor.person_id, **fixed)
        return self._report(tx, school_id=actor.at_school, id=row.id)

    # --- what was published

    @answers(PublishedReports)
    def published_reports(self, actor: Actor, request: PublishedReports) -> PublishedAnswer:
        with self._school(actor) as tx:
            rows = store.published(tx, school_id=actor.at_school, limit=LISTED)
        return PublishedAnswer(items=[_place(row) for row in rows])

    @answers(PublishedReport)
    def published_report(self, actor: Actor, request: PublishedReport) -> PublishedReportAnswer:
        row = self._published(actor.at_school, request.report_id)
        return PublishedReportAnswer(place=_place(row), content=row.content)

    @answers(PublishedReportPdf)
    def published_report_pdf(self, actor: Actor, request: PublishedReportPdf) -> Document:
        return _on_paper(self._published(actor.at_school, request.report_id))

    @answers(TrustReports)
    def trust_reports(self, actor: Actor, request: TrustReports) -> TrustReportsAnswer:
        items = []
        for school_id in self._schools(actor):
            with self.host.transaction(self.host.engine, school_id=school_id) as tx:
                rows = store.published(tx, school_id=school_id, limit=LISTED_OF_A_TRUST)
            items += [TrustReportItem(school_id=school_id, place=_place(row)) for row in rows]
        return TrustReportsAnswer(items=items)

    @answers(TrustReport)
    def trust_report(self, actor: Actor, request: TrustReport) -> PublishedReportAnswer:
        row = self._published(self._school_of_trust(actor, request.school_id), request.report_id)
        return PublishedReportAnswer(place=_place(row), content=row.content)

    @answers(TrustReportPdf)
    def trust_report_pdf(self, actor: Actor, request: TrustReportPdf) -> Document:
        return _on_paper(self._published(self._school_of_trust(actor, request.school_id), request.report_id))

    def _schools(self, actor: Actor) -> list[UUID]:
        if actor.trust_id is None:
            raise NotFound("trust")
        with self.host.transaction(self.host.engine, trust_id=str(actor.trust_id)) as tx:
            return list(store.rolls_of(tx, trust_id=actor.trust_id))

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
        try:
            calendar: Calendar | None = self._calendar(school_id)
        except SafekeepError:
            calendar = None  # alerts is away: the rule is carried on at the next look
        self._read_subscription(school_id)
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            cycle_row = store.cycle_of(tx, school_id=school_id, lock=True)
            if cycle_row is None:
                return
            cycle, zone = _cycle(cycle_row), store.zone_of(tx, school_id=school_id)
            if calendar is not None:
                _plan(tx, school_id=school_id, calendar=calendar, today=today_at(zone))
            next_at = now + AGAIN
            for meeting in store.meetings_of(tx, school_id=school_id, since=today_at(zone)):
                if meeting.cancelled_at is None and meeting.state in {None, "draft"}:
                    later = _step(tx, school_id=school_id, meeting=meeting, cycle=cycle, chair_id=cycle_row.chair_id, zone=zone, now=now)
                    next_at = min([next_at, *later])
            store.look_at(tx, school_id=school_id, at=next_at)

    def _read_subscription(self, school_id: UUID) -> None:
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            row, zone = store.cycle_of(tx, school_id=school_id), store.zone_of(tx, school_id=school_id)
        if row is None or not row.address or (row.fetched_at and clock.now() - row.fetched_at < AGAIN / 2):
            return
        try:
            content = subscribing.fetch(row.address, inner=self.host.settings.inner_calendars)
            found = tpool.execute(ical.read, content, zone=zone, today=today_at(zone))
            rows = _from_calendar(found, cycle=_cycle(row), today=today_at(zone), school_id=school_id)
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


def _step(tx: sa.Connection, *, school_id: UUID, meeting: Any, cycle: Cycle, chair_id: UUID | None, zone: str, now: datetime) -> list[datetime]:
    """Do what is due for one meeting, and return what is to come. Each is done once; of what was missed only the last is sent."""
    steps = meetings.steps(cycle, on_day=meeting.on_day, zone=zone)
    if meeting.report_id is None:
        if now < steps.draft:
            return [steps.draft]
        report_id = _make(tx, school_id=school_id, meeting=meeting)
        outbox.add(tx, ReportWaiting, school_id=school_id, subject=meeting.id, report_id=report_id, step="made")
        late = {"reminded_at": now} if now >= steps.remind else {}
        if late:
            store.change_report(tx, school_id=school_id, id=report_id, **late)
        return [at for at in (steps.remind, steps.chair) if at > now]
    told: dict[str, Any] = {"school_id": school_id, "subject": meeting.id, "report_id": meeting.report_id}
    if now >= steps.chair and meeting.chair_told_at is None:
        store.change_report(tx, school_id=school_id, id=meeting.report_id, chair_told_at=now, reminded_at=meeting.reminded_at or now)
        outbox.add(tx, ReportWaiting, **told, step="chair", chair_id=chair_id)
        outbox.add(tx, ReportWaiting, **told, step="late")
    elif now >= steps.remind and meeting.reminded_at is None:
        store.change_report(tx, school_id=school_id, id=meeting.report_id, reminded_at=now)
        outbox.add(tx, ReportWaiting, **told, step="late")
    return [at for at in (steps.remind, steps.chair) if at > now]


def _make(tx: sa.Connection, *, school_id: UUID, meeting: Any) -> UUID:
    """Make a meeting's draft, or make it anew with the words it has."""
    zone = store.zone_of(tx, school_id=school_id)
    today = today_at(zone)
    period = governing.period_of(today)
    row = store.cycle_of(tx, school_id=school_id)
    threshold = row.threshold if row else FIRST_THRESHOLD
    counted = counted_for(tx, school_id=school_id, zone=zone, since=governing.first_day(period), today=today)
    since = period.back(governing.KEPT_YEARS).since
    earlier = [governing.kept(each) for each in store.known_since(tx, school_id=school_id, since=since)]
    made, published = tpool.execute(governing.made, counted, period=period, today=today, earlier=earlier, threshold=threshold)
    values = {"made_at": clock.now(), "tables": made, "known": governing.keep(published), "until": period.until}
    if meeting.report_id is not None:
        store.change_report(tx, school_id=school_id, id=meeting.report_id, **values)
        return UUID(str(meeting.report_id))
    report_id = new_id()
    store.add_report(tx, school_id=school_id, id=report_id, meeting_id=meeting.id, words={}, **values)
    return report_id


def _plan(tx: sa.Connection, *, school_id: UUID, calendar: Calendar, today: date) -> None:
    cycle = _cycle(store.cycle_of(tx, school_id=school_id))
    days = meetings.dates(cycle, calendar, first=today, last=today + meetings.AHEAD)
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


def _cycle(row: Any) -> Cycle:
    if row is None:
        return Cycle(rule="", starts_on=clock.now().date(), minute=18 * 60, name="Governors")
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


def _on_paper(row: Any) -> Document:
    said = papers.governors(json.loads(row.content), sha256=row.sha256, sequence=row.sequence, entry_hash=row.entry_hash)
    return Document(media_type="application/pdf", data=tpool.execute(papers.pdf, said))


def _place(row: Any) -> ReportPlace:
    content = json.loads(row.content)
    names = ("year", "number", "on_day", "published_at", "sha256", "sequence", "entry_hash")
    return ReportPlace(report_id=row.id, title=content["title"], period=content["period"], **{name: getattr(row, name) for name in names})
