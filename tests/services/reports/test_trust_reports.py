"""A trust's own meetings and report: counted school by school, approved by its safeguarding lead, entered in every ledger, read by governors."""

import datetime as dt
import hashlib
import io
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pypdf
import pytest
import sqlalchemy as sa

from safekeep import clock
from safekeep.contracts.identity import TrustSchool, TrustSchoolsAnswer
from safekeep.contracts.incidents import RollChanged
from safekeep.contracts.reports import (
    ApproveReport,
    CancelMeeting,
    KeepCycle,
    KeepMeeting,
    KeepWords,
    MakeDraft,
    Meetings,
    PublishedReport,
    PublishedReportPdf,
    PublishedReports,
    ReportDraft,
)
from safekeep.errors import Conflict, NotAllowed, NotFound, StorageError, Unavailable
from safekeep.ids import new_id
from safekeep.rpc import Resources
from services.alerts.service import Service as Alerts
from services.reports import governing, store
from services.reports.service import trusts
from tests.make import MadeSchool, create_school
from tests.services.reports.test_chronology_pdf import is_tagged_archive
from tests.services.reports.test_counts import Reports, a_school, recorded
from tests.unit.reports.attack import Attack

NOW = dt.datetime(2026, 11, 2, 9, 0, tzinfo=dt.UTC)
A_CYCLE: dict[str, Any] = {"every": 2, "week": 2, "weekday": 2, "starts_on": dt.date(2026, 9, 1), "minute": 1080, "name": "Board of trustees"}
COUNTS = (40, 23, 2)


class Identity:
    """Says which schools a trust has, as over the bus."""

    def __init__(self, schools: list[UUID]) -> None:
        self.schools = schools

    def trust_schools(self, _: dict[str, Any]) -> dict[str, Any]:
        items = [TrustSchool(id=id_, slug=f"s{n}", name=f"School {n}", phase="primary", has_dsl=True, staff=1) for n, id_ in enumerate(self.schools)]
        return TrustSchoolsAnswer(items=items).wire()


class Trust:
    """Three schools of a trust, of which one records hardly anything, and one of another trust."""

    def __init__(self, resources: Callable[..., Resources], token_for: Callable[..., str], ask: Callable[..., Any]) -> None:
        self.reports, self.id, self.lead = Reports(resources), new_id(), new_id()
        alerts = Alerts()
        alerts.host = resources("alerts")
        self.reports.service.alerts = alerts
        self._ask, self._token_for = ask, token_for
        self.schools = [self._school(count) for count in COUNTS]
        self.reports.incidents.identity = Identity([school.id for school in self.schools])  # type: ignore[assignment]
        self.names = {school.id: f"School {n}" for n, school in enumerate(self.schools)}

    def _school(self, count: int) -> MadeSchool:
        school = create_school(resources=self.reports.incidents.host)
        self.reports.hear(a_school(school_id=school.id, trust_id=self.id))
        self.reports.hear(RollChanged(id=new_id(), at=NOW, school_id=school.id, subject=school.id, sequence=1, on_roll=200))
        for n in range(count):
            when = dt.datetime(2026, 9, 8 + n % 20, 12, 0, tzinfo=dt.UTC)
            self.reports.hear(recorded(school_id=school.id, categories=["bullying" if n < 3 else "behaviour"], at=when))
        return school

    def ask(self, request: Any, *, trust: UUID | None = None, role: str = "trust_safeguarding_lead") -> Any:
        token = self._token_for(roles=[role], school_id=None, trust_id=trust or self.id, person_id=self.lead)
        return self._ask(self.reports.service, request, token=token)

    def at_school(self, request: Any, *, number: int = 0, role: str = "governor", school_id: UUID | None = None) -> Any:
        token = self._token_for(roles=[role], school_id=school_id or self.schools[number].id, person_id=self.schools[number].people[role])
        return self._ask(self.reports.service, request, token=token)

    def look(self) -> list[tuple[str, str, UUID]]:
        """Let the timer do what is due; return (event, step, where) of what was said."""
        before = self.said()
        self.reports.service.look_at_meetings()
        return self.said()[len(before) :]

    def said(self) -> list[tuple[str, str, UUID]]:
        with self.reports.resources.transaction(self.reports.resources.worker_engine) as tx:
            rows = tx.execute(sa.text("select name, body->>'step' as step, school_id from outbox order by added_at, id")).all()
        return [(row.name, row.step or "", row.school_id) for row in rows]

    def draft(self) -> Any:
        meeting = next(item for item in self.ask(Meetings()).items if item.report_id)
        return self.ask(ReportDraft(report_id=meeting.report_id, school_names=self.names))

    def drafted(self) -> Any:
        self.meeting = new_id()
        self.ask(KeepMeeting(id=self.meeting, on_day=dt.date(2026, 11, 11), minute=1080, name="Board"))
        self.look()
        return self.draft()

    def approve(self, draft: Any, **more: Any) -> Any:
        wanted = ApproveReport(report_id=draft.report_id, sha256=draft.sha256, school_name="The Trust", school_names=self.names, **more)
        return self.ask(wanted)

    def inside(self, school_id: UUID) -> Any:
        return self.reports.resources.transaction(self.reports.resources.engine, school_id=school_id)


@pytest.fixture
def trust(resources: Callable[..., Resources], token_for: Callable[..., str], ask_service: Callable[..., Any]) -> Trust:
    return Trust(resources, token_for, ask_service)


def test_a_trusts_meetings_are_planned_and_its_lead_is_told_of_the_draft_and_reminded_twice(trust: Trust) -> None:
    with clock.set_to(dt.datetime(2026, 9, 7, 9, 0, tzinfo=dt.UTC)):
        trust.ask(KeepCycle(cycle=A_CYCLE | {"starts_on": dt.date(2026, 11, 1)}))
        assert [item.on_day for item in trust.ask(Meetings()).items][:2] == [dt.date(2026, 11, 11), dt.date(2027, 1, 13)]
        assert trust.look() == []
    seen = []
    for day in (27, 28, 29):
        with clock.set_to(dt.datetime(2026, 10, day, 9, 0, tzinfo=dt.UTC)):
            seen += [(day, *said) for said in trust.look()]
    for day in (4, 5, 8, 9):
        with clock.set_to(dt.datetime(2026, 11, day, 9, 0, tzinfo=dt.UTC)):
            seen += [(day, *said) for said in trust.look()]
    waiting = "reports.trust_report.waiting"
    assert seen == [(28, waiting, "made", trust.id), (4, waiting, "late", trust.id), (8, waiting, "late", trust.id)]


def test_the_draft_has_the_schools_side_by_side_and_their_small_numbers_hidden(trust: Trust) -> None:
    with clock.set_to(NOW):
        draft = trust.drafted()
    assert (draft.schools, draft.counted) == (3, 3)
    side = draft.told["sections"][0]
    assert sorted((row["name"], row["cells"][0], row["cells"][2]) for row in side["rows"]) == [
        ("All", "about 70", "about 11.7"),
        ("School 0", "about 40", "about 20.0"),
        ("School 1", "about 25", "about 12.5"),
        ("School 2", "fewer than 5", "fewer than 2.5"),
    ]
    assert "Quiet: School 2." in side["note"]
    assert side["note"].endswith("whose list begins later, on its first day (2 November 2026)."), "heard on that day, and nothing of before"
    categories = next(part for part in draft.told["sections"] if part["code"] == "categories")
    assert {row["name"]: row["cells"][0] for row in categories["rows"]} == {"Behaviour": "about 55", "Bullying": "about 5", "All": "about 70"}


def test_it_is_entered_in_the_ledger_of_every_school_and_read_by_the_governors_of_each(trust: Trust) -> None:
    with clock.set_to(NOW):
        draft = trust.drafted()
        trust.ask(KeepWords(report_id=draft.report_id, words={"opening": "School 0 has recorded more than before."}))
        assert trust.at_school(PublishedReports()).of_trust == []
        with pytest.raises(NotFound):
            trust.at_school(PublishedReport(report_id=draft.report_id))
        place = trust.approve(trust.draft())
        assert trust.approve(trust.draft()) == place, "sent again it is what it was"
        assert sorted(trust.look()) == sorted(("reports.report.published", "", school.id) for school in trust.schools)
        trust.reports.service.look_at_school(trust.id)
        assert trust.look() == [], "told once"
    read = trust.ask(PublishedReport(report_id=draft.report_id))
    assert hashlib.sha256(read.content.encode()).hexdigest() == place.sha256
    assert json.loads(read.content)["words"] == "School 0 has recorded more than before."
    assert {each.school_id for each in read.place.places} == {school.id for school in trust.schools}
    for number, school in enumerate(trust.schools):
        there = trust.at_school(PublishedReport(report_id=draft.report_id), number=number)
        assert there.content == read.content
        incidents = trust.reports.incidents.host
        with incidents.transaction(incidents.engine, school_id=school.id) as tx:
            kept = tx.execute(sa.text("select kind, sha256, sequence, entry_hash from documents")).one()
            author = json.loads(tx.execute(sa.text("select canonical from ledger where hash = :h"), {"h": kept.entry_hash}).scalar_one())["author"]
        assert tuple(kept) == ("report_published", place.sha256, there.place.sequence, there.place.entry_hash)
        assert author == str(trust.lead)
        assert [item.report_id for item in trust.at_school(PublishedReports(), number=number).of_trust] == [draft.report_id]
        assert trust.at_school(PublishedReports(), number=number, role="dsl").items == []
    assert [item.report_id for item in trust.ask(PublishedReports()).items] == [draft.report_id]
    data = trust.ask(PublishedReportPdf(report_id=draft.report_id)).data
    assert is_tagged_archive(data), "with its tables and charts"
    printed = pypdf.PdfReader(io.BytesIO(data))
    words = "".join(page.extract_text() for page in printed.pages)
    assert "The schools side by side" in words
    assert "ledger of School 2" in words.replace("\n", " ")
    assert trust.at_school(PublishedReportPdf(report_id=draft.report_id)).data.startswith(b"%PDF")


def test_who_died_between_two_ledgers_goes_on_there(trust: Trust) -> None:
    enter = trust.reports.incidents.enter_trust_report
    seen: list[Any] = []

    def once(call: Any) -> Any:
        seen.append(call)
        if len(seen) == 2:
            raise Unavailable("incidents", "unknown")
        return enter(call)

    with clock.set_to(NOW):
        draft = trust.drafted()
        trust.reports.incidents.enter_trust_report = once  # type: ignore[method-assign]
        with pytest.raises(Unavailable):
            trust.approve(draft)
        assert trust.look() == [], "nobody is told of what is not in every ledger"
        assert trust.at_school(PublishedReports()).of_trust == []
        assert trust.approve(draft).number == 1
    assert len(seen) == 4, "the first school is not asked twice"


def test_nobody_else_plans_or_drafts_it_and_another_trusts_lead_finds_nothing(trust: Trust) -> None:
    with clock.set_to(NOW):
        draft = trust.drafted()
        for request in (MakeDraft(meeting_id=trust.meeting), CancelMeeting(meeting_id=trust.meeting), ReportDraft(report_id=draft.report_id)):
            with pytest.raises(NotFound):
                trust.ask(request, trust=new_id())
            with pytest.raises(NotFound):
                trust.at_school(request, role="dsl")
            with pytest.raises(NotAllowed):
                trust.at_school(request, role="governor")
            with pytest.raises(NotAllowed):
                trust.ask(request, role="trust_it")
        trust.approve(draft)
        with pytest.raises(NotFound):
            trust.ask(PublishedReport(report_id=draft.report_id), trust=new_id())
        with pytest.raises(NotFound):
            trust.at_school(PublishedReport(report_id=draft.report_id), school_id=new_id())


def test_a_long_count_goes_on_where_it_was_and_is_not_approved_before_its_end(trust: Trust, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trusts, "AT_ONCE", -1.0)
    with clock.set_to(NOW):
        draft = trust.drafted()
        assert (draft.schools, draft.counted, draft.told["sections"]) == (3, 0, [])
        with pytest.raises(Conflict, match="still_counting"):
            trust.approve(draft)
        monkeypatch.setattr(trusts, "AT_ONCE", 60.0)
        trust.look()
        assert trust.draft().counted == 3


def test_words_that_look_like_a_name_are_asked_about_but_not_the_schools_own(trust: Trust) -> None:
    with clock.set_to(NOW):
        draft = trust.drafted()
        trust.ask(KeepWords(report_id=draft.report_id, words={"opening": "At School 1 we were glad that Amelia has settled."}))
        seen = trust.draft()
        assert [(each.section, each.words) for each in seen.may_name] == [("opening", "Amelia")]
        with pytest.raises(Conflict, match="may_name_a_child"):
            trust.approve(seen)
        trust.approve(seen, names_read=True)


def test_what_a_school_publishes_after_its_trust_is_held_against_it_and_the_other_way_round(trust: Trust) -> None:
    """Whatever comes first: everything that is known of a school, the trust's drafts and its own included, is attacked together."""
    school = trust.schools[1]
    meeting = new_id()
    with clock.set_to(NOW):
        draft = trust.drafted()
    for day in (3, 6):
        with clock.set_to(NOW + dt.timedelta(days=day)):
            trust.reports.hear(recorded(school_id=school.id, categories=["bullying"], at=clock.now() - dt.timedelta(days=1)))
            trust.at_school(KeepMeeting(id=meeting, on_day=dt.date(2026, 11, 30), minute=1080, name="Full"), number=1, role="dsl")
            trust.at_school(MakeDraft(meeting_id=meeting), number=1, role="dsl")
            trust.ask(MakeDraft(meeting_id=trust.meeting))
            trust.look()
            assert trust.draft().report_id == draft.report_id
            with trust.inside(school.id) as tx:
                everything = store.known_since(tx, school_id=school.id, since=dt.date(2020, 1, 1), but=new_id(), drafts=True)
            assert len(everything) == 2
            known = [governing.kept(each) for each in everything]
            found = list(Attack(known).counts())
            assert found, "something is hidden, and was looked for"
            assert [each for each in found if each.low == each.high and 0 < each.low < 5] == []


def test_a_cancelled_meeting_takes_the_draft_and_its_parts_away_and_a_published_part_never_changes(trust: Trust) -> None:
    with clock.set_to(NOW):
        trust.drafted()
        trust.ask(CancelMeeting(meeting_id=trust.meeting))
        with trust.inside(trust.schools[0].id) as tx:
            assert tx.execute(sa.text("select count(*) from trust_parts")).scalar() == 0
        trust.approve(trust.drafted())
    for statement in ("update trust_parts set known = '{}'", "delete from trust_parts"):
        with pytest.raises(StorageError), trust.inside(trust.schools[0].id) as tx:
            tx.execute(sa.text(statement))
    with trust.inside(trust.id) as tx:
        assert tx.execute(sa.text("select count(*) from trust_parts")).scalar() == 0, "a trust's tenant holds no school's part"
