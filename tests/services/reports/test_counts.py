"""Counts: built from events, once an incident, within a school or across a trust, against a real database."""

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep import clock, inbox
from safekeep.bus import Sealed
from safekeep.contracts import Event
from safekeep.contracts.alerts import AlertRead
from safekeep.contracts.identity import SchoolChanged
from safekeep.contracts.incidents import ActionAdded, FlagChanged, IncidentRecorded, LinkedPupil, Recipient, RollChanged, RollDay, StatusChanged
from safekeep.contracts.reports import ComparisonItem, Counts, TrustCounts
from safekeep.errors import Invalid, NotAllowed, NotFound, StorageError
from safekeep.ids import new_id
from safekeep.rpc import Resources
from services.incidents.service import Service as Incidents
from services.reports import store
from services.reports.service import HANDLERS, Service
from services.reports.service.counted import counted_for
from tests.make import a_record, create_pupil, create_school

NOON = dt.datetime(2026, 3, 10, 12, 0, tzinfo=dt.UTC)
YEAR = {"since": dt.date(2026, 1, 1), "until": dt.date(2026, 12, 31)}


class Reports:
    """The service over a fresh database, fed with events as the queue would bring them."""

    def __init__(self, resources: Callable[..., Resources]) -> None:
        self.resources = resources("reports")
        self.service, self.incidents = Service(), Incidents()
        self.service.host, self.incidents.host = self.resources, resources("incidents")
        self.service.incidents = self.incidents  # type: ignore[assignment] - asked as over the bus

    def hear(self, event: Event) -> None:
        message = Sealed({"name": event.name, "version": event.version, "event": event.wire()})
        message.header = {"id": str(event.id), "type": event.name}
        inbox.Inbox(engine=self.resources.engine, handlers=HANDLERS).take(message)

    def waiting(self) -> list[str]:
        with self.resources.transaction(self.resources.worker_engine) as tx:
            return list(tx.execute(sa.text("select cause from retries")).scalars())


@pytest.fixture
def reports(resources: Callable[..., Resources]) -> Reports:
    return Reports(resources)


def a_school(*, trust_id: UUID | None = None, zone: str = "Europe/London", sequence: int = 1, school_id: UUID | None = None) -> SchoolChanged:
    school = school_id or new_id()
    return SchoolChanged(
        id=new_id(),
        at=NOON,
        school_id=school,
        subject=school,
        sequence=sequence,
        zone=zone,
        day_ends_minute=930,
        trust_id=trust_id or new_id(),
        categories=[],
        groups=[],
    )


def recorded(*, school_id: UUID, categories: list[str], class_code: str = "general", at: dt.datetime = NOON, **more: Any) -> IncidentRecorded:
    incident = new_id()
    return IncidentRecorded(
        id=new_id(),
        at=at,
        school_id=school_id,
        subject=incident,
        sequence=1,
        incident_id=incident,
        entry_id=incident,
        author_id=new_id(),
        category=categories[0],
        categories=categories,
        class_code=class_code,
        pupil_ids=[new_id()],
        file_ids=[],
        occurred_at=at,
        **{"recipients": []} | more,
    )


def below(incident: IncidentRecorded, *, sequence: int = 2, categories: list[str] | None = None, at: dt.datetime = NOON, **more: Any) -> ActionAdded:
    codes = categories or incident.categories
    return ActionAdded(
        id=new_id(),
        at=at,
        school_id=incident.school_id,
        subject=incident.incident_id,
        sequence=sequence,
        incident_id=incident.incident_id,
        entry_id=new_id(),
        author_id=new_id(),
        category=codes[-1],
        categories=codes,
        class_code=more.get("raised_to") or incident.class_code,
        pupil_ids=[],
        recipients=[],
        file_ids=[],
        **more,
    )


@pytest.fixture
def counts(reports: Reports, ask_service: Any, token_for: Any) -> Callable[..., Any]:
    def ask(school_id: UUID, role: str = "dsl", **period: dt.date) -> Any:
        return ask_service(reports.service, Counts(**(YEAR | period)), token=token_for(roles=[role], school_id=school_id, person_id=new_id()))

    return ask


def test_an_incident_of_two_categories_stands_in_both_rows_and_counts_once(reports: Reports, counts: Any) -> None:
    """Rows marked main add up to the number of incidents."""
    school = a_school()
    reports.hear(school)
    reports.hear(recorded(school_id=school.school_id, categories=["bullying", "behaviour"]))
    reports.hear(recorded(school_id=school.school_id, categories=["bullying"]))
    found = counts(school.school_id)
    assert {(r.category, r.main): r.count for r in found.rows} == {("bullying", True): 2, ("behaviour", False): 1}
    assert found.incidents == sum(r.count for r in found.rows if r.main) == 2


def test_recategorising_moves_an_incident_and_never_counts_it_twice(reports: Reports, counts: Any) -> None:
    """An action that raises the class moves the incident to that class, with the categories added."""
    school = a_school()
    first = recorded(school_id=school.school_id, categories=["behaviour"])
    for event in (school, first, below(first, categories=["behaviour", "child_protection"], raised_to="protection")):
        reports.hear(event)
    found = counts(school.school_id)
    assert {(r.class_code, r.category, r.main) for r in found.rows} == {("protection", "behaviour", False), ("protection", "child_protection", True)}
    assert (found.incidents, found.actions) == (1, 1)


def test_a_correction_counts_nothing(reports: Reports, counts: Any) -> None:
    """What an entry should have said does not change what was done."""
    school = a_school()
    first = recorded(school_id=school.school_id, categories=["welfare"], class_code="welfare")
    for event in (school, first, below(first, kind="correction")):
        reports.hear(event)
    assert counts(school.school_id).actions == 0


def test_an_event_delivered_twice_or_early_has_one_effect(reports: Reports, counts: Any) -> None:
    """The action arrives before its incident and everything arrives twice: one incident, one action."""
    school = a_school()
    first = recorded(school_id=school.school_id, categories=["welfare"])
    action = below(first)
    for event in (school, action, action, first, first):
        reports.hear(event)
    assert reports.waiting() == ["waits_for_earlier"]
    with reports.resources.transaction(reports.resources.worker_engine) as tx:
        tx.execute(sa.text("update retries set next_at = now() - interval '1 minute'"))
    engines = {"worker_engine": reports.resources.worker_engine, "engine": reports.resources.engine}
    assert inbox.retry_due(**engines, handlers=HANDLERS, bury=lambda *dead: pytest.fail("buried")) == 1
    assert (counts(school.school_id).incidents, counts(school.school_id).actions) == (1, 1)


def test_the_month_is_the_schools_own_even_when_its_zone_is_learnt_later(reports: Reports, counts: Any) -> None:
    """Half past eleven at night UTC on 30 June is July in London; a school in the Azores moves back to June."""
    school = a_school(zone="Atlantic/Azores")
    reports.hear(recorded(school_id=school.school_id, categories=["welfare"], at=dt.datetime(2026, 6, 30, 23, 30, tzinfo=dt.UTC)))
    assert [r.month for r in counts(school.school_id).rows] == ["2026-07"]
    reports.hear(school)
    assert [r.month for r in counts(school.school_id).rows] == ["2026-06"]


def test_a_period_includes_both_its_months_and_must_not_end_before_it_begins(reports: Reports, counts: Any) -> None:
    school = a_school()
    for month in (2, 3, 4, 5):
        reports.hear(recorded(school_id=school.school_id, categories=["welfare"], at=dt.datetime(2026, month, 15, tzinfo=dt.UTC)))
    found = counts(school.school_id, since=dt.date(2026, 3, 31), until=dt.date(2026, 4, 1))
    assert [r.month for r in found.rows] == ["2026-03", "2026-04"]
    with pytest.raises(Invalid):
        counts(school.school_id, since=dt.date(2026, 3, 2), until=dt.date(2026, 3, 1))


@pytest.mark.parametrize("role", ["slt", "teacher", "governor", "trust_it", "trust_safeguarding_lead"])
def test_only_safeguarding_leads_count_a_school(counts: Any, role: str) -> None:
    with pytest.raises(NotAllowed):
        counts(new_id(), role)


def test_a_school_never_counts_another(reports: Reports, counts: Any) -> None:
    reports.hear(recorded(school_id=new_id(), categories=["welfare"]))
    assert counts(new_id()).incidents == 0


def test_a_trust_counts_its_own_schools_and_no_other(reports: Reports, ask_service: Any, token_for: Any) -> None:
    """Two schools of the trust, one of them without incidents, and a school of another trust that is not there."""
    trust = new_id()
    ours, empty, other = a_school(trust_id=trust), a_school(trust_id=trust), a_school()
    for event in (ours, empty, other):
        reports.hear(event)
        if event is not empty:
            reports.hear(recorded(school_id=event.school_id, categories=["welfare"]))
    token = token_for(roles=["trust_safeguarding_lead"], school_id=None, trust_id=trust, person_id=new_id())
    found = ask_service(reports.service, TrustCounts(**YEAR), token=token)
    assert {s.school_id: s.incidents for s in found.schools} == {ours.school_id: 1, empty.school_id: 0}
    nowhere = token_for(roles=["trust_safeguarding_lead"], school_id=None, person_id=new_id())
    with pytest.raises(NotFound):
        ask_service(reports.service, TrustCounts(**YEAR), token=nowhere)


def test_the_database_itself_shows_nothing_unless_a_school_or_trust_is_set_and_a_trust_only_reads(reports: Reports) -> None:
    """Row-level security is the net under the queries: fail-closed, and the trust's policy is for reading only."""
    school = a_school()
    reports.hear(school)
    reports.hear(recorded(school_id=school.school_id, categories=["welfare"]))
    how_many = sa.text("select (select count(*) from counted) + (select count(*) from schools)")
    engine = reports.resources.engine
    with reports.resources.transaction(engine) as tx:
        assert tx.execute(how_many).scalar() == 0
    with reports.resources.transaction(engine, trust_id=str(new_id())) as tx:
        assert tx.execute(how_many).scalar() == 0
    with reports.resources.transaction(engine, trust_id=str(school.trust_id)) as tx:
        assert tx.execute(how_many).scalar() == 2
        assert tx.execute(sa.text("update counted set main = 'x'")).rowcount == 0
    with pytest.raises(StorageError), reports.resources.transaction(reports.resources.worker_engine) as tx:
        tx.execute(how_many)


@pytest.mark.parametrize("linked", [False, True], ids=["it is about the child", "the child is only linked"])
def test_nobody_counts_what_is_about_their_own_child(reports: Reports, ask_service: Any, token_for: Any, linked: bool) -> None:
    """A count of one would say that it is there, and so would a total of all beside it. Others count it."""
    made = create_school(resources=reports.incidents.host)
    parent = made.people["dsl"]
    child = create_pupil(resources=reports.incidents.host, school=made, relatives=(parent,))
    token = token_for(roles=["teacher"], school_id=made.id, person_id=made.people["teacher"])
    other = create_pupil(resources=reports.incidents.host, school=made, name="Jonah Made-Up")
    who = {"pupil_id": other, "linked_pupils": [LinkedPupil(pupil_id=child, part="witness")]} if linked else {"pupil_id": child}
    done = ask_service(reports.incidents, a_record(**who), token=token)
    reports.hear(a_school(school_id=made.id))
    event = recorded(school_id=made.id, categories=["safeguarding_concern"], class_code="safeguarding")
    reports.hear(event.model_copy(update={"incident_id": done.id, "subject": done.id, "entry_id": done.id}))
    said: dict[str, Any] = {"pupil_id": child, "kind": "looked_after", "started": NOON.date(), "ended": None}
    reports.hear(FlagChanged(id=new_id(), at=NOON, school_id=made.id, subject=new_id(), sequence=1, **said))

    def seen(role: str) -> tuple[Any, ...]:
        found = ask_service(reports.service, Counts(**YEAR), token=token_for(roles=[role], school_id=made.id, person_id=made.people[role]))
        return len(found.rows), found.incidents, tables_of(found).get("flags"), found.compared and numbers_of(found.compared)

    assert [seen("dsl"), seen("deputy_dsl")] == [(0, 0, None, None), (1, 1, {"looked_after": 1}, None)]
    night: dict[str, Any] = {"school_id": made.id, "compared_at": NOON, "next_at": NOON}
    for incidents, wrong, of_the_parent, of_others in ((1, 0, [0], [0]), (4, 3, [1], [3])):
        with reports.resources.transaction(reports.resources.engine, school_id=made.id) as tx:
            store.keep_comparison(tx, **night, incidents=incidents, differences=wrong)
        assert [seen("dsl"), seen("deputy_dsl")] == [(0, 0, None, of_the_parent), (1, 1, {"looked_after": 1}, of_others)]


def numbers_of(item: ComparisonItem) -> list[int]:
    """Every number of what a comparison found."""
    return [value for value in item.model_dump().values() if isinstance(value, int)]


def read_of(incident: IncidentRecorded, *, at: dt.datetime) -> AlertRead:
    ids: dict[str, Any] = {"alert_id": new_id(), "incident_id": incident.incident_id, "entry_id": incident.entry_id, "person_id": new_id()}
    return AlertRead(id=new_id(), at=at, school_id=incident.school_id, subject=ids["alert_id"], sequence=1, **ids)


def asks(incident: IncidentRecorded, *, what: str, sequence: int, due: dt.date | None = None, of: UUID | None = None) -> ActionAdded:
    return below(incident, sequence=sequence, what=what, of_id=of, due_on=due)


def test_the_first_reading_and_the_first_action_count_in_whatever_order_they_are_heard(reports: Reports) -> None:
    """Of a demonstration's past, nothing ever waited to be read."""
    school = a_school()
    reports.hear(school)
    incident = recorded(school_id=school.school_id, categories=["welfare"], class_code="welfare")
    past = recorded(
        school_id=school.school_id, categories=["welfare"], class_code="welfare", past=True, recipients=[Recipient(person_id=new_id(), because=[])]
    )
    late, first = (read_of(incident, at=NOON + dt.timedelta(minutes=m)) for m in (95, 40))
    reports.hear(late)  # before the incident: it waits among the retries
    assert reports.waiting() == ["Conflict"]
    for event in (incident, past, first, first):
        reports.hear(event)
    with reports.resources.transaction(reports.resources.worker_engine) as tx:
        tx.execute(sa.text("update retries set next_at = now() - interval '1 minute'"))
    reports.service.retries()
    assert reports.waiting() == []
    reports.hear(below(incident, at=NOON + dt.timedelta(minutes=30)))
    reports.hear(below(incident, sequence=3, at=NOON + dt.timedelta(minutes=300)))
    with reports.resources.transaction(reports.resources.engine, school_id=school.school_id) as tx:
        made = counted_for(tx, school_id=school.school_id, zone="Europe/London", since=NOON.date(), today=NOON.date())
    assert [(c.acknowledged, c.answered) for c in sorted(made.concerns, key=lambda c: c.answered is None)] == [(40, 30), (0, None)]


def test_what_is_asked_is_overdue_the_day_after_it_was_due_until_it_is_done(reports: Reports) -> None:
    school = a_school()
    reports.hear(school)
    incident, due = recorded(school_id=school.school_id, categories=["welfare"]), NOON.date()
    first, other = (asks(incident, what="asked", sequence=n, due=due) for n in (2, 3))
    for event in (incident, first, other, asks(incident, what="reassigned", sequence=4, of=other.entry_id, due=due + dt.timedelta(days=9))):
        reports.hear(event)

    def overdue(today: dt.date) -> int:
        with reports.resources.transaction(reports.resources.engine, school_id=school.school_id) as tx:
            return counted_for(tx, school_id=school.school_id, zone="Europe/London", since=due, today=today).overdue

    assert [overdue(due + dt.timedelta(days=days)) for days in (0, 1, 9, 10)] == [0, 1, 1, 2]
    reports.hear(asks(incident, what="outcome", sequence=5, of=first.entry_id))
    assert overdue(due + dt.timedelta(days=10)) == 1


def stands(incident: IncidentRecorded, *, status: str, sequence: int, at: dt.datetime = NOON, pupil: UUID | None = None) -> StatusChanged:
    ids: dict[str, Any] = {"incident_id": incident.incident_id, "entry_id": new_id(), "pupil_id": pupil or incident.pupil_ids[0]}
    return StatusChanged(id=new_id(), at=at, school_id=incident.school_id, subject=incident.incident_id, sequence=sequence, status=status, **ids)


def tables_of(answer: Any) -> dict[str, dict[str, int]]:
    said: dict[str, dict[str, int]] = {}
    for row in answer.tables:
        said.setdefault(row.table, {})[row.code] = row.count
    return said


def test_counts_say_how_incidents_stand_and_as_they_stood_at_the_end_of_any_day(reports: Reports, counts: Any) -> None:
    """Recorded on the 10th, closed on the 12th, raised on the 14th: each day tells of what was so then."""
    school = a_school()
    first = recorded(school_id=school.school_id, categories=["welfare"], class_code="welfare", year_group="year_9")
    days = [NOON + dt.timedelta(days=n) for n in (2, 4)]
    raised = below(first, sequence=3, categories=["welfare", "child_protection"], raised_to="protection", at=days[1])
    for event in (school, first, stands(first, status="closed", sequence=2, at=days[0]), raised):
        reports.hear(event)
    told = [counts(school.school_id, as_at=NOON.date() + dt.timedelta(days=n)) for n in (-1, 0, 2, 4)] + [counts(school.school_id)]
    assert [answer.incidents for answer in told] == [0, 1, 1, 1, 1]
    assert [tables_of(answer).get("standing") for answer in told] == [None, {"open": 1}, {"closed": 1}, {"closed": 1}, {"closed": 1}]
    assert [{row.class_code for row in answer.rows} for answer in told[1:]] == [{"welfare"}, {"welfare"}, {"protection"}, {"protection"}]
    assert tables_of(told[-1])["year_group"] == {"year_9": 1}
    assert told[-1].rows == told[-2].rows, "today is the last of the days"


def test_counts_are_of_one_class_category_or_year_group_where_that_is_asked_for(reports: Reports, counts: Any) -> None:
    school = a_school()
    reports.hear(school)
    for year, code, class_code in (("year_7", "welfare", "welfare"), ("year_8", "welfare", "welfare"), (None, "bullying", "general")):
        reports.hear(recorded(school_id=school.school_id, categories=[code], class_code=class_code, year_group=year))
    wanted = [{"year_group": "year_7"}, {"category": "welfare"}, {"class_code": "general"}, {"year_group": "not_known"}, {"category": "drugs"}]
    assert [counts(school.school_id, **each).incidents for each in wanted] == [1, 2, 1, 1, 0]


def test_an_incident_that_is_moved_counts_once_in_the_year_of_whom_it_is_about_and_is_open_again(reports: Reports, counts: Any) -> None:
    """How it stood was said of another child."""
    school, right = a_school(), new_id()
    first = recorded(school_id=school.school_id, categories=["welfare"], year_group="year_9")
    moved = below(first, sequence=3, kind="correction", what="moved", year_group="year_7").model_copy(update={"pupil_ids": [right]})
    for event in (school, first, stands(first, status="closed", sequence=2), moved):
        reports.hear(event)
    found = counts(school.school_id)
    assert (found.incidents, found.actions) == (1, 0)
    assert (tables_of(found)["year_group"], tables_of(found)["standing"]) == ({"year_7": 1}, {"open": 1})


def test_a_pupil_has_a_flag_on_the_days_it_holds(reports: Reports, counts: Any) -> None:
    """Two flags of a kind are one pupil; what is set later takes the place of what was set before."""
    school, pupil = a_school(), new_id()
    reports.hear(school)
    since, until = NOON.date(), NOON.date() + dt.timedelta(days=5)
    for sequence, (flag, ended) in enumerate([(1, None), (1, until), (2, until)]):
        said: dict[str, Any] = {"pupil_id": pupil, "kind": "looked_after", "started": since, "ended": ended}
        subject = UUID(int=flag)
        reports.hear(FlagChanged(id=new_id(), at=NOON, school_id=school.school_id, subject=subject, sequence=1 + sequence % 2, **said))
    days = [since - dt.timedelta(days=1), since, until, until + dt.timedelta(days=1)]
    assert [tables_of(counts(school.school_id, as_at=day)).get("flags") for day in days] == [None, {"looked_after": 1}, {"looked_after": 1}, None]


def test_a_trust_sees_rates_from_numbers_on_roll_and_which_school_records_far_less_than_its_like(
    reports: Reports, ask_service: Any, token_for: Any
) -> None:
    trust = new_id()
    schools = [a_school(trust_id=trust) for _ in range(3)]
    for school, incidents in zip(schools, (30, 24, 3), strict=True):
        reports.hear(school)
        roll = RollChanged(id=new_id(), at=NOON, school_id=school.school_id, subject=school.school_id, sequence=1, on_roll=300)
        reports.hear(roll)
        for _ in range(incidents):
            reports.hear(recorded(school_id=school.school_id, categories=["welfare"]))
    token = token_for(roles=["trust_safeguarding_lead"], school_id=None, trust_id=trust, person_id=new_id())
    answer = ask_service(reports.service, TrustCounts(**YEAR), token=token)
    found = {s.school_id: s for s in answer.schools}
    assert [(found[s.school_id].incidents, found[s.school_id].on_roll, found[s.school_id].quiet) for s in schools] == [
        (30, 300, False),
        (24, 300, False),
        (3, 300, True),
    ]
    assert {s.roll_on for s in found.values()} == {answer.roll_on}, "of a day in their middle, by what was said last before it"
    none = ask_service(reports.service, TrustCounts(**YEAR, category="bullying"), token=token).schools
    assert [(s.incidents, s.quiet) for s in none] == [(0, s.school_id == schools[2].school_id) for s in none], "quiet of all that is recorded"


def test_a_past_terms_rate_is_of_the_pupils_who_were_on_roll_in_its_middle_and_says_which_day_that_is(
    reports: Reports, ask_service: Any, token_for: Any
) -> None:
    """A school that has halved since: autumn's rate is of its 400, spring's of its 200; another's list begins in November only."""
    trust, days = new_id(), [RollDay(on=dt.date(2025, 9, 1), on_roll=400), RollDay(on=dt.date(2026, 1, 1), on_roll=200)]
    schools = [a_school(trust_id=trust) for _ in range(2)]
    for school, known in zip(schools, (days, [RollDay(on=dt.date(2025, 11, 20), on_roll=90)]), strict=True):
        reports.hear(school)
        said: dict[str, Any] = {"subject": school.school_id, "sequence": 1, "on_roll": known[-1].on_roll, "days": known}
        reports.hear(RollChanged(id=new_id(), at=dt.datetime(2026, 2, 1, tzinfo=dt.UTC), school_id=school.school_id, **said))

    def rolls(since: dt.date, until: dt.date) -> list[Any]:
        with clock.set_to(dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)):
            token = token_for(roles=["trust_safeguarding_lead"], school_id=None, trust_id=trust, person_id=new_id())
            answer = ask_service(reports.service, TrustCounts(since=since, until=until), token=token)
        found = {s.school_id: (s.on_roll, s.roll_on) for s in answer.schools}
        return [answer.roll_on, *(found[school.school_id] for school in schools)]

    autumn, spring = dt.date(2025, 10, 31), dt.date(2026, 1, 31)
    assert rolls(dt.date(2025, 9, 1), dt.date(2025, 12, 31)) == [autumn, (400, autumn), (90, dt.date(2025, 11, 20))]
    assert rolls(dt.date(2026, 1, 1), dt.date(2026, 4, 30)) == [spring, (200, spring), (90, spring)], "of the days that have come"
