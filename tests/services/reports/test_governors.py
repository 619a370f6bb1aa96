"""Meetings of governors: planned, moved, cancelled; drafts made when it is time; approved, entered in the ledger, published and mailed."""

import datetime as dt
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pikepdf
import pypdf
import pytest
import sqlalchemy as sa

from safekeep import clock
from safekeep.contracts.alerts import KeepCalendar, SpanItem
from safekeep.contracts.reports import (
    ApproveReport,
    CancelMeeting,
    FollowCalendar,
    KeepCycle,
    KeepMeeting,
    KeepWords,
    MakeDraft,
    Meetings,
    MeetingsAnswer,
    PublishedReport,
    PublishedReportPdf,
    PublishedReports,
    ReadMeetings,
    ReportDraft,
    TrustReport,
    TrustReportPdf,
    TrustReports,
)
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound, StorageError
from safekeep.ids import new_id
from safekeep.rpc import Resources
from services.alerts.service import Service as Alerts
from services.reports import governing
from tests.make import create_pupil, create_school
from tests.services.reports.test_chronology_pdf import is_tagged_archive
from tests.services.reports.test_counts import Reports, a_school, recorded
from tests.unit.reports.attack import Attack
from tests.web import Site, served

NOW = dt.datetime(2026, 9, 7, 9, 0, tzinfo=dt.UTC)
A_CYCLE: dict[str, Any] = {"every": 2, "week": 2, "weekday": 2, "starts_on": dt.date(2026, 9, 1), "minute": 1080, "name": "Full governing body"}


class Office:
    """A school with a DSL, a governor, and reports that asks alerts and incidents as over the bus."""

    def __init__(self, resources: Callable[..., Resources], token_for: Callable[..., str], ask: Callable[..., Any]) -> None:
        self.reports = Reports(resources)
        alerts = Alerts()
        alerts.host = resources("alerts")
        self.reports.service.alerts = alerts
        self.school = create_school(resources=self.reports.incidents.host)
        known = a_school(school_id=self.school.id)
        self.trust_id = known.trust_id
        self.reports.hear(known)
        self._ask, self._token_for = ask, token_for

    def ask(self, request: Any, *, role: str = "dsl", school_id: UUID | None = None, of: str = "") -> Any:
        token = self._token_for(
            roles=[role], school_id=school_id or self.school.id, person_id=self.school.people[role] if role in self.school.people else new_id()
        )
        return self._ask(getattr(self.reports.service, of) if of else self.reports.service, request, token=token)

    def ask_for_trust(self, request: Any, *, trust_id: UUID) -> Any:
        token = self._token_for(roles=["trust_safeguarding_lead"], school_id=None, trust_id=trust_id, person_id=new_id())
        return self._ask(self.reports.service, request, token=token)

    def meetings(self) -> MeetingsAnswer:
        found = self.ask(Meetings())
        assert isinstance(found, MeetingsAnswer)
        return found

    def look(self) -> list[tuple[str, str]]:
        """Let the timer do what is due; return (event, step) of what was said."""
        before = self.said()
        self.reports.service.look_at_meetings()
        return self.said()[len(before) :]

    def said(self) -> list[tuple[str, str]]:
        with self.reports.resources.transaction(self.reports.resources.worker_engine) as tx:
            rows = tx.execute(sa.text("select name, body->>'step' as step from outbox order by added_at, id")).all()
        return [(row.name, row.step or "") for row in rows]


@pytest.fixture
def office(resources: Callable[..., Resources], token_for: Callable[..., str], ask_service: Callable[..., Any]) -> Office:
    return Office(resources, token_for, ask_service)


def at(day: dt.date, hour: int = 9) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(hour), dt.UTC)


def days(office: Office) -> list[dt.date]:
    return [item.on_day for item in office.meetings().items if not item.cancelled]


def test_meetings_are_planned_by_the_rule_and_planned_anew_when_it_changes_but_for_what_was_moved(office: Office) -> None:
    with clock.set_to(NOW):
        office.ask(KeepCycle(cycle=A_CYCLE))
        assert days(office)[:3] == [dt.date(2026, 9, 9), dt.date(2026, 11, 11), dt.date(2027, 1, 13)]
        second = office.meetings().items[1]
        office.ask(KeepMeeting(id=second.id, on_day=dt.date(2026, 11, 18), minute=1080, name=second.name))
        office.ask(KeepCycle(cycle=A_CYCLE | {"weekday": 3}))
        found = office.meetings()
        assert [item.on_day for item in found.items][:3] == [dt.date(2026, 9, 10), dt.date(2026, 11, 12), dt.date(2026, 11, 18)]
        moved = found.items[2]
        assert (moved.id, moved.moved_from) == (second.id, dt.date(2026, 11, 11))
        assert moved.draft_at == dt.datetime(2026, 11, 4, 8, 0, tzinfo=dt.UTC), "its draft moved with it"


def test_a_meeting_falls_into_no_holiday_of_the_school(office: Office) -> None:
    holiday = SpanItem(kind="holiday", first=dt.date(2026, 11, 9), last=dt.date(2026, 11, 13))
    with clock.set_to(NOW):
        office.ask(KeepCalendar(opens_minute=510, weekdays=[0, 1, 2, 3, 4], spans=[holiday]), of="alerts")
        office.ask(KeepCycle(cycle=A_CYCLE))
        assert days(office)[:3] == [dt.date(2026, 9, 9), dt.date(2026, 11, 18), dt.date(2027, 1, 13)], "a week later"


def test_a_draft_is_made_when_it_is_time_then_dsls_are_reminded_then_the_chair_is_told_each_once(office: Office) -> None:
    with clock.set_to(NOW):
        office.ask(KeepCycle(cycle=A_CYCLE | {"starts_on": dt.date(2026, 11, 1)}))
        assert office.look() == []
    seen = []
    for day in (
        dt.date(2026, 10, 27),
        dt.date(2026, 10, 28),
        dt.date(2026, 10, 29),
        dt.date(2026, 11, 4),
        dt.date(2026, 11, 5),
        dt.date(2026, 11, 8),
        dt.date(2026, 11, 9),
    ):
        with clock.set_to(at(day)):
            seen.append((day.isoformat()[5:], [step for _, step in office.look()]))
    assert seen == [
        ("10-27", []),
        ("10-28", ["made"]),
        ("10-29", []),
        ("11-04", ["late"]),
        ("11-05", []),
        ("11-08", ["chair", "late"]),
        ("11-09", []),
    ]


def test_moving_a_meeting_moves_its_draft_and_its_reminders(office: Office) -> None:
    with clock.set_to(NOW):
        meeting = new_id()
        office.ask(KeepMeeting(id=meeting, on_day=dt.date(2026, 10, 14), minute=1080, name="Extra"))
        assert office.look() == []
    with clock.set_to(at(dt.date(2026, 9, 29))):
        office.ask(KeepMeeting(id=meeting, on_day=dt.date(2026, 11, 25), minute=1080, name="Extra"))
    with clock.set_to(at(dt.date(2026, 10, 10))):
        assert office.look() == [], "its first day is no longer its day"
    with clock.set_to(at(dt.date(2026, 11, 11))):
        assert [step for _, step in office.look()] == ["made"]
    with clock.set_to(at(dt.date(2026, 11, 18))):
        assert [step for _, step in office.look()] == ["late"]
        office.ask(KeepMeeting(id=meeting, on_day=dt.date(2026, 12, 9), minute=1080, name="Extra"))
        assert office.look() == []
    with clock.set_to(at(dt.date(2026, 12, 2))):
        assert [step for _, step in office.look()] == ["late"], "reminded anew, before its new day"


def test_a_draft_of_a_meeting_long_over_says_whose_it_is_though_the_meeting_is_listed_no_more(office: Office) -> None:
    """Its page looked for the meeting among those that are listed, and failed."""
    with clock.set_to(NOW):
        office.ask(KeepCycle(cycle=A_CYCLE))
        meeting = office.meetings().items[0]
        made = office.ask(MakeDraft(meeting_id=meeting.id))
    with clock.set_to(NOW + dt.timedelta(days=300)):
        assert meeting.id not in [item.id for item in office.meetings().items]
        draft = office.ask(ReportDraft(report_id=made.report_id))
        assert (draft.meeting_id, draft.on_day) == (meeting.id, meeting.on_day)


def test_a_cancelled_meeting_has_no_draft_and_stays_cancelled_when_the_rule_is_carried_on(office: Office) -> None:
    with clock.set_to(NOW):
        office.ask(KeepCycle(cycle=A_CYCLE))
        first = office.meetings().items[0]
        office.ask(CancelMeeting(meeting_id=first.id))
        office.ask(KeepCycle(cycle=A_CYCLE))
        assert office.look() == []
        assert office.meetings().items[0].cancelled


def test_a_calendar_file_gives_the_meetings_of_governors_and_nothing_else(office: Office) -> None:
    event = "BEGIN:VEVENT\r\nUID:{0}\r\nDTSTART:{1}T180000Z\r\nDTEND:{1}T200000Z\r\nSUMMARY:{2}\r\nEND:VEVENT\r\n"
    events = [
        event.format(n, day, name)
        for n, (day, name) in enumerate([("20261007", "Full Governing Body"), ("20261008", "Sports day"), ("20261209", "Governors: standards")])
    ]
    file = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\n" + "".join(events) + "END:VCALENDAR\r\n"
    with clock.set_to(NOW):
        assert office.ask(ReadMeetings(content=file.encode())).found == 2
        assert office.ask(ReadMeetings(content=file.encode())).found == 2
        assert days(office) == [dt.date(2026, 10, 7), dt.date(2026, 12, 9)], "twice read is once planned"


@pytest.mark.parametrize(
    ("wrong", "problems"),
    [({"remind_days": 14}, {"remind_days": "not_before"}), ({"remind_days": 3, "chair_days": 5}, {"chair_days": "not_before"})],
)
def test_reminders_come_after_the_draft_and_the_chair_after_them(office: Office, wrong: dict[str, int], problems: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        office.ask(KeepCycle(cycle=A_CYCLE | wrong))
    assert refused.value.problems == problems


def test_a_meeting_in_the_past_is_refused(office: Office) -> None:
    with clock.set_to(NOW), pytest.raises(Invalid) as refused:
        office.ask(KeepMeeting(id=new_id(), on_day=dt.date(2026, 9, 6), minute=0, name="Past"))
    assert refused.value.problems == {"on_day": "in_past"}


class Drafted:
    """An office with a draft of 23 concerns."""

    def __init__(self, office: Office) -> None:
        self.office, self.meeting = office, new_id()
        for n in range(23):
            when = dt.datetime(2026, 9, 8 + n % 20, 12, 0, tzinfo=dt.UTC)
            office.reports.hear(recorded(school_id=office.school.id, categories=["bullying" if n < 3 else "behaviour"], at=when))
        with clock.set_to(self.now):
            office.ask(KeepMeeting(id=self.meeting, on_day=dt.date(2026, 11, 5), minute=1080, name="Full"))
            office.look()
            found = office.meetings().items[0].report_id
            assert found is not None
            self.report = found

    now = at(dt.date(2026, 10, 26))

    def draft(self) -> Any:
        return self.office.ask(ReportDraft(report_id=self.report, category_names={"bullying": "Bullying"}))

    def approve(self, sha256: str, *, names_read: bool = False) -> Any:
        said: dict[str, Any] = {"school_name": "School One", "category_names": {"bullying": "Bullying"}, "names_read": names_read}
        wanted = ApproveReport(report_id=self.report, sha256=sha256, **said)
        return self.office.ask(wanted)


@pytest.fixture
def drafted(office: Office) -> Drafted:
    return Drafted(office)


def test_a_draft_says_what_was_recorded_and_hides_what_is_small(drafted: Drafted) -> None:
    table = next(s for s in drafted.draft().told["sections"] if s["code"] == "categories")
    assert {row["name"]: row["cells"][0] for row in table["rows"]} == {"Behaviour": "about 20", "Bullying": "fewer than 5", "All": "about 25"}


def test_what_is_small_is_the_schools_own_setting_and_a_report_made_with_another_gives_nothing_of_the_first_away(drafted: Drafted) -> None:
    """Approved at 5, then the school says 10: the next hides what is below ten, and both together tell no small count."""
    office = drafted.office
    with clock.set_to(drafted.now):
        drafted.approve(drafted.draft().sha256)
        office.ask(KeepCycle(cycle=A_CYCLE | {"every": 0, "threshold": 10}))
        next_one = new_id()
        office.ask(KeepMeeting(id=next_one, on_day=dt.date(2026, 11, 12), minute=1080, name="Full, again"))
        made = office.ask(MakeDraft(meeting_id=next_one)).report_id
        draft = office.ask(ReportDraft(report_id=made, category_names={"bullying": "Bullying"}))
    table = next(s for s in draft.told["sections"] if s["code"] == "categories")
    cells = {row["name"]: row["cells"][0] for row in table["rows"]}
    assert cells["Bullying"] in {"fewer than 10", "not shown"}
    assert all(int(cell.removeprefix("about ")) % 10 == 0 for cell in cells.values() if cell.startswith("about "))
    assert "shown as “fewer than 10”" in draft.told["rule"]
    host = office.reports.resources
    with host.transaction(host.engine, school_id=office.school.id) as tx:
        kept = tx.execute(sa.text("select known from governor_reports order by made_at, id")).scalars().all()
    attack = Attack([governing.kept(each) for each in kept])
    found = [*attack.counts(), *attack.differences()]
    assert found
    assert [each for each in found if each.low == each.high and 0 < each.low < 5] == []


@pytest.fixture
def published() -> Iterator[Site]:
    with served() as site:
        yield site


def a_calendar(*events: tuple[str, str]) -> bytes:
    said = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Clerk//EN"]
    for number, (day, name) in enumerate(events):
        said += ["BEGIN:VEVENT", f"UID:{number}@clerk.example", "DTSTAMP:20260101T000000Z", f"SUMMARY:{name}", f"DTSTART;VALUE=DATE:{day}"]
        said += ["END:VEVENT"]
    return "\r\n".join([*said, "END:VCALENDAR", ""]).encode()


def test_a_subscribed_calendar_plans_meetings_moves_and_drops_them_and_what_cannot_be_read_changes_nothing(office: Office, published: Site) -> None:
    place = published.place
    host = office.reports.service.host
    host.settings = host.settings.model_copy(update={"inner_calendars": (place,)})  # type: ignore[misc]
    board, body, sports = ("20261105", "Governors: full board"), ("20261203", "Full governing body"), ("20261110", "Sports day")
    published.pages["/meetings.ics"] = 200, a_calendar(board, body, sports), ""
    with clock.set_to(NOW):
        office.ask(FollowCalendar(address=f"{place}/meetings.ics"))
        office.look()
        assert days(office) == [dt.date(2026, 11, 5), dt.date(2026, 12, 3)], "and not the sports day"
        assert (office.meetings().outcome, office.meetings().address) == ("read", f"{place}/meetings.ics")
    del published.pages["/meetings.ics"]
    with clock.set_to(NOW + dt.timedelta(hours=13)):
        office.look()
        assert days(office) == [dt.date(2026, 11, 5), dt.date(2026, 12, 3)]
        assert office.meetings().outcome not in {"read", ""}, "the page says that it could not be read"
    published.pages["/meetings.ics"] = 200, a_calendar(("20261112", "Governors: full board")), ""
    with clock.set_to(NOW + dt.timedelta(hours=26)):
        office.look()
        assert days(office) == [dt.date(2026, 11, 12)], "one moved, one gone"
    with clock.set_to(at(dt.date(2026, 10, 29))):
        assert "made" in [step for _, step in office.look()], "its draft comes by its new day"
        office.ask(FollowCalendar(address=""))
        assert office.meetings().address == ""


def test_what_is_approved_is_what_was_seen_and_what_is_published_and_what_stands_in_the_ledger(drafted: Drafted) -> None:
    office = drafted.office
    with clock.set_to(drafted.now):
        seen = drafted.draft()
        office.ask(KeepWords(report_id=drafted.report, words={"opening": "A calm start.", "years": "  "}))
        with pytest.raises(Conflict, match="draft_changed"):
            drafted.approve(seen.sha256)
        place = drafted.approve(drafted.draft().sha256)
        assert drafted.approve("0" * 64) == place, "sent again it is what it was"
    read = office.ask(PublishedReport(report_id=drafted.report), role="governor")
    assert hashlib.sha256(read.content.encode()).hexdigest() == place.sha256 == read.place.sha256
    content = json.loads(read.content)
    assert (content["year"], content["number"], content["words"], content["school"]) == (2026, 1, "A calm start.", "School One")
    assert {key: content[key] for key in ("title", "period", "rule", "sections")} == {
        key: drafted.draft().told[key] for key in ("title", "period", "rule", "sections")
    }
    with office.reports.incidents.host.transaction(office.reports.incidents.host.engine, school_id=office.school.id) as tx:
        kept = tx.execute(sa.text("select kind, sha256, sequence, entry_hash from documents")).one()
        entry = tx.execute(sa.text("select hash from ledger where sequence = :n"), {"n": place.sequence}).scalar_one()
    assert tuple(kept) == ("report_published", place.sha256, place.sequence, place.entry_hash)
    assert entry == place.entry_hash
    assert office.said()[-1] == ("reports.report.published", "")


def test_words_with_a_name_of_the_schools_register_are_shown_and_not_published_before_they_were_read(drafted: Drafted) -> None:
    """A garden's rose is not a child; whoever approves says so. A name is found in whatever part it stands."""
    office = drafted.office
    create_pupil(resources=office.reports.incidents.host, school=office.school, name="Rose Okonkwo")
    with clock.set_to(drafted.now):
        office.ask(KeepWords(report_id=drafted.report, words={"opening": "The rose garden is open.", "years": "Okonkwo did well, Rose too."}))
        seen = drafted.draft()
        assert [(each.section, each.words) for each in seen.may_name] == [("years", "Okonkwo"), ("years", "Rose")]
        with pytest.raises(Conflict, match="may_name_a_child"):
            drafted.approve(seen.sha256)
        assert office.ask(PublishedReports(), role="governor").items == []
        office.ask(KeepWords(report_id=drafted.report, words={"opening": "Rose Garden Day was a success."}))
        seen = drafted.draft()
        assert [each.words for each in seen.may_name] == ["Rose"]
        drafted.approve(seen.sha256, names_read=True)
    assert [item.number for item in office.ask(PublishedReports(), role="governor").items] == [1]
    assert drafted.draft().may_name == [], "it is published: nothing is asked any more"


def test_a_trusts_lead_reads_what_its_schools_have_published_and_no_draft_and_nothing_of_another_trust(drafted: Drafted) -> None:
    office, of_it = drafted.office, {"school_id": drafted.office.school.id, "report_id": drafted.report}
    trust, other = office.trust_id, new_id()
    assert office.ask_for_trust(TrustReports(), trust_id=trust).items == []
    with pytest.raises(NotFound, match="report"):
        office.ask_for_trust(TrustReport(**of_it), trust_id=trust)
    with clock.set_to(drafted.now):
        place = drafted.approve(drafted.draft().sha256)
    listed = office.ask_for_trust(TrustReports(), trust_id=trust).items
    assert [(item.school_id, item.place) for item in listed] == [(office.school.id, place)]
    read = office.ask_for_trust(TrustReport(**of_it), trust_id=trust)
    assert read.content == office.ask(PublishedReport(report_id=drafted.report), role="governor").content
    assert office.ask_for_trust(TrustReportPdf(**of_it), trust_id=trust).data.startswith(b"%PDF")
    assert office.ask_for_trust(TrustReports(), trust_id=other).items == []
    for request in (TrustReport(**of_it), TrustReportPdf(**of_it)):
        with pytest.raises(NotFound, match="school"):
            office.ask_for_trust(request, trust_id=other)


def test_governors_see_published_reports_and_no_draft_and_others_nothing(drafted: Drafted) -> None:
    office = drafted.office
    assert office.ask(PublishedReports(), role="governor").items == []
    for request in (PublishedReport(report_id=drafted.report), PublishedReportPdf(report_id=drafted.report)):
        with pytest.raises(NotFound):
            office.ask(request, role="governor")
    with clock.set_to(drafted.now):
        drafted.approve(drafted.draft().sha256)
    assert [item.number for item in office.ask(PublishedReports(), role="governor").items] == [1]
    for request in (Meetings(), ReportDraft(report_id=drafted.report), MakeDraft(meeting_id=drafted.meeting)):
        with pytest.raises(NotAllowed):
            office.ask(request, role="governor")
    for role in ("teacher", "slt", "admin"):
        with pytest.raises(NotAllowed):
            office.ask(PublishedReports(), role=role)
    assert office.ask(PublishedReports(), school_id=new_id()).items == []


def test_a_published_report_never_changes_not_even_by_the_service(drafted: Drafted) -> None:
    office = drafted.office
    with clock.set_to(drafted.now):
        drafted.approve(drafted.draft().sha256)
        for request in (
            KeepWords(report_id=drafted.report, words={"opening": "Other."}),
            MakeDraft(meeting_id=drafted.meeting),
            CancelMeeting(meeting_id=drafted.meeting),
        ):
            with pytest.raises(Conflict, match="report_published"):
                office.ask(request)
    for statement in ("update governor_reports set content = '{}'", "delete from governor_reports"):
        with pytest.raises(StorageError), office.reports.resources.transaction(office.reports.resources.engine, school_id=office.school.id) as tx:
            tx.execute(sa.text(statement))


def test_a_draft_held_against_what_was_published_before_it_is_not_approved_after_something_else_was(drafted: Drafted) -> None:
    office = drafted.office
    with clock.set_to(drafted.now):
        other = new_id()
        office.ask(KeepMeeting(id=other, on_day=dt.date(2026, 11, 6), minute=1080, name="Other"))
        office.ask(MakeDraft(meeting_id=other))
        second = next(m for m in office.meetings().items if m.id == other).report_id
        drafted.approve(drafted.draft().sha256)
        sha256 = office.ask(ReportDraft(report_id=second)).sha256
        with pytest.raises(Conflict, match="draft_outdated"):
            office.ask(ApproveReport(report_id=second, sha256=sha256, school_name="School One"))
        with clock.set_to(drafted.now + dt.timedelta(minutes=1)):
            office.ask(MakeDraft(meeting_id=other))
            sha256 = office.ask(ReportDraft(report_id=second)).sha256
            assert office.ask(ApproveReport(report_id=second, sha256=sha256, school_name="School One")).number == 2


def test_a_published_report_prints_as_an_archive_quality_pdf_with_its_seal(drafted: Drafted) -> None:
    with clock.set_to(drafted.now):
        place = drafted.approve(drafted.draft().sha256)
    printed = drafted.office.ask(PublishedReportPdf(report_id=drafted.report), role="governor").data
    said = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(printed)).pages)
    assert "fewer than 5" in said
    assert place.entry_hash[:20] in said.replace("\n", "")
    assert is_tagged_archive(printed), "with its tables and charts"
    with pikepdf.open(io.BytesIO(printed)) as pdf:
        figures = [str(each.get("/Alt", "")) for each in pdf.objects if isinstance(each, pikepdf.Dictionary) and each.get("/S") == "/Figure"]
    assert len(figures) > 3
    assert all(figures), "each chart has its words"
