"""Counts are right: what events made of a school's incidents is what its record says, and where it is not it is put right, and told."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from safekeep import clock
from safekeep.contracts.alerts import AlertRead, FirstReading, FirstReadingsAnswer
from safekeep.contracts.incidents import AddAction, AddCorrection, AssignPupil, Details, LinkedPupil, SetFlag, SetStatus
from safekeep.contracts.reports import Counts, Rebuild
from safekeep.errors import NotAllowed, Unavailable
from safekeep.ids import new_id
from safekeep.rpc import Resources
from services.incidents.recording import holding_pupil
from services.reports.service.comparing import UNDER_WAY
from tests.make import create_pupil
from tests.matrix.world import event_of
from tests.services.incidents.desk import Desk
from tests.services.reports.test_counts import Reports, a_school, recorded

YEAR = {"since": dt.date(2025, 1, 1), "until": dt.date(2199, 12, 31)}


class Readings:
    """Alerts, as far as it is asked here: when each incident was first read."""

    def __init__(self) -> None:
        self.read: dict[UUID, dt.datetime] = {}
        self.away = False

    def first_readings(self, envelope: dict[str, Any]) -> dict[str, Any]:
        if self.away:
            raise Unavailable("alerts", "unknown")
        items = [FirstReading(incident_id=incident, at=at) for incident, at in sorted(self.read.items())]
        return FirstReadingsAnswer(items=items, next=None).wire()


class Both:
    """A desk that records, and reports that counts it by the events of its outbox."""

    def __init__(self, reports: Reports, ask_service: Any, token_for: Any, service_token_for: Any) -> None:
        self.reports = reports
        self.desk = Desk(self.reports.incidents.host, ask_service, token_for)
        self.readings = Readings()
        self.reports.service.alerts = self.readings  # type: ignore[assignment]
        self.ask, self.token_for, self.service_token_for = ask_service, token_for, service_token_for
        self.school_id = self.desk.school.id
        self.heard: set[UUID] = set()
        self.reports.hear(a_school(school_id=self.school_id))
        here = {"resources": self.desk.resources, "school": self.desk.school}
        self.pupils = [self.desk.pupil, create_pupil(**here, name="Ola Other"), create_pupil(**here, name="Tom Third")]
        create_pupil(**here, id=holding_pupil(self.school_id), holding=True)
        self.recorded: list[UUID] = []
        self.asked: list[tuple[UUID, UUID]] = []
        self.referred: list[tuple[UUID, UUID]] = []

    def record(self, *, pupil: UUID | None = None, **fields: Any) -> UUID:
        self.recorded.append(self.desk.record(pupil_id=pupil or self.pupils[0], **fields).id)
        return self.recorded[-1]

    def add(self, incident: UUID, **fields: Any) -> UUID:
        request = AddAction(**{"id": new_id(), "incident_id": incident, "text": "Done."} | fields)
        done: UUID = self.desk.ask(request, role="dsl").entry_id
        return done

    def deliver(self) -> None:
        host = self.desk.resources
        with host.transaction(host.worker_engine) as tx:
            rows = tx.execute(sa.text("select id, name, body from outbox where school_id = :here order by id"), {"here": self.school_id}).all()
        for row in rows:
            if row.id not in self.heard:
                self.heard.add(row.id)
                self.reports.hear(event_of(row.name, row.body))

    def read(self, incident: UUID, *, at: dt.datetime) -> None:
        self.readings.read[incident] = min(at, self.readings.read.get(incident, at))
        ids: dict[str, Any] = {"alert_id": new_id(), "incident_id": incident, "entry_id": incident, "person_id": new_id()}
        self.reports.hear(AlertRead(id=new_id(), at=at, school_id=self.school_id, subject=ids["alert_id"], sequence=1, **ids))

    def rebuild(self) -> tuple[int, int]:
        found = self.ask(self.reports.service, Rebuild(), token=self.service_token_for("operator", self.school_id))
        return found.incidents, found.differences

    def counts(self) -> Any:
        token = self.token_for(roles=["dsl"], school_id=self.school_id, person_id=new_id())
        return self.ask(self.reports.service, Counts(**YEAR), token=token)

    def numbers(self) -> Any:
        said = self.counts()
        return [row.wire() for row in said.rows], [row.wire() for row in said.tables], said.incidents, said.actions

    def sql(self, text: str) -> Any:
        host = self.reports.resources
        with host.transaction(host.engine, school_id=self.school_id) as tx:
            return tx.execute(sa.text(text))


@pytest.fixture
def both(resources: Callable[..., Resources], ask_service: Any, token_for: Any, service_token_for: Any) -> Both:
    return Both(Reports(resources), ask_service, token_for, service_token_for)


def a_life(both: Both) -> None:
    """Record what changes counts in every way there is."""
    wrong, plain = both.record(), both.record(category_codes=["behaviour"])
    unknown = both.record(pupil=holding_pupil(both.school_id), described_pupil="Tall, Year 9")
    two = both.record(linked_pupils=[LinkedPupil(pupil_id=both.pupils[1], part="witness", initials="OO")])
    ask = both.desk.ask
    for entry in (wrong, two):
        ask(SetStatus(id=new_id(), incident_id=entry, pupil_id=both.pupils[0], status="closed", reason="All is well."), role="dsl")
    ask(AssignPupil(id=new_id(), incident_id=wrong, pupil_id=both.pupils[2], from_id=both.pupils[0], reason="Two girls"), role="dsl")
    ask(AssignPupil(id=new_id(), incident_id=unknown, pupil_id=both.pupils[2]), role="dsl")
    ask(AddCorrection(id=new_id(), incident_id=plain, entry_id=plain, reason="A slip.", should_say="He shouted."), role="dsl")
    both.add(plain, category_codes=["child_protection"])
    due = clock.now().date() + dt.timedelta(days=3)
    asking = {"owner_id": both.desk.school.people["deputy_dsl"], "due_on": due, "spoken": "yes"}
    first, other = (both.add(two, details=Details(kind="asked", **asking)) for _ in range(2))
    both.add(two, details=Details(kind="outcome", of_id=first))
    both.add(two, details=Details(kind="reassigned", of_id=other, **asking | {"due_on": due + dt.timedelta(days=1)}))
    known = both.add(plain, details=Details(kind="referral", to="MASH", at=clock.now()))
    both.add(plain, details=Details(kind="referral", to="MASH", at=clock.now()))
    both.add(plain, details=Details(kind="referral_outcome", of_id=known))
    flag = SetFlag(id=new_id(), pupil_id=both.pupils[0], kind="looked_after", started=dt.date(2026, 1, 1))
    ask(flag, role="dsl")
    ask(flag.model_copy(update={"ended": dt.date(2026, 2, 1)}), role="dsl")
    both.deliver()
    both.read(two, at=clock.now())


def test_what_the_events_made_is_what_the_record_says(both: Both) -> None:
    """Recorded, raised, moved, assigned, corrected, closed, asked, referred and flagged: the comparison finds no difference."""
    a_life(both)
    before = both.numbers()
    assert both.rebuild() == (4, 0)
    assert both.numbers() == before
    tables = {(row["table"], row["code"]): row["count"] for row in before[1]}
    assert tables["referrals", "settled"] == tables["referrals", "waiting"] == 1
    assert (tables["follow_ups", "due"], tables["standing", "open"]) == (1, 4), "closed for one of two; moved: open again for the other child"
    assert ("year_group", "not_known") not in tables


def test_counts_that_were_lost_are_made_anew_while_the_service_runs(both: Both) -> None:
    """All of it is gone, or one happening, or one was put in; what is heard meanwhile, or heard again afterwards, counts once."""
    a_life(both)
    before = both.numbers()
    for loss in (
        "delete from happenings; delete from counted; delete from flags",
        "delete from happenings where kind in ('moved', 'status', 'action')",
        "update counted set class = 4; update happenings set class = 4 where kind = 'recorded'",
        "insert into happenings (school_id, incident_id, id, at, kind, pupil_ids, categories, what, settled) "
        "select school_id, incident_id, gen_random_uuid(), at - interval '2 minutes', 'action', '{}', '{}', 'done', false "
        "from happenings where kind = 'recorded'",
    ):
        both.sql("update happenings set at = at - interval '5 minutes'") if "insert" not in loss else None
        for statement in loss.split("; "):
            both.sql(statement)
        found = both.rebuild()
        assert found[0] == 4
        assert found[1] > 0, loss
        assert both.rebuild()[1] == 0
        assert both.numbers()[:1] == before[:1]
        assert both.numbers() == before, loss
    both.heard.clear()
    both.deliver()
    assert both.numbers() == before


def test_numbers_on_roll_of_every_day_are_taken_from_the_record_anew_and_a_difference_is_told(both: Both) -> None:
    """None were known: no difference. One was lost, or one is of a day to come: told, and not told."""
    a_life(both)
    host = both.desk.resources
    with host.transaction(host.engine, school_id=both.school_id) as tx:
        tx.execute(sa.text("""update pupils set stays = '[["2025-01-01", "2025-06-01"], ["2025-09-01", null]]' where not holding"""))
    assert both.rebuild() == (4, 0)
    right = [["2025-01-01", 3], ["2025-06-01", 0], ["2025-09-01", 3], ["2034-09-01", 0]]
    assert both.sql("select rolls from schools").scalar() == right
    for lost, differences in (("rolls - 1", 1), ("rolls - 3", 0), ("jsonb_set(rolls, '{2,1}', '4')", 1)):
        both.sql(f"update schools set rolls = {lost}")
        assert both.rebuild() == (4, differences)
        assert both.sql("select rolls from schools").scalar() == right


def test_an_incident_the_record_does_not_know_counts_no_more(both: Both) -> None:
    a_life(both)
    before = both.numbers()
    both.reports.hear(recorded(school_id=both.school_id, categories=["welfare"], at=clock.now() - dt.timedelta(hours=1)))
    assert both.numbers()[2] == before[2] + 1
    assert both.rebuild() == (4, 1)
    assert both.numbers() == before


def test_what_is_still_on_its_way_is_no_difference_at_night_and_the_page_and_the_log_are_told_what_the_night_found(
    both: Both, monkeypatch: Any
) -> None:
    a_life(both)
    late = both.record()  # its event is not heard yet
    both.sql("update comparisons set next_at = now() - interval '1 minute'")
    with capture_logs() as calm:
        both.reports.service.compare_at_night()
    found = both.counts().compared
    assert found.differences == 0
    said: dict[str, Any] = {"event": "counts.compared", "school": str(both.school_id), "incidents": 5}
    calm = [line for line in calm if line["event"] != "revocations.not_heard"]  # of a gateway that an earlier test of this process had
    assert calm == [said | {"log_level": "info", "differences": 0}]
    later = clock.now() + UNDER_WAY + dt.timedelta(minutes=5)
    monkeypatch.setattr(clock, "now", lambda: later)
    both.sql("update comparisons set next_at = now() - interval '1 minute'")
    with capture_logs() as told:
        both.reports.service.compare_at_night()
    assert told == [said | {"log_level": "error", "differences": 1}], "an error, by the school's id and two numbers: no name, and not which incident"
    found = both.counts().compared
    assert (found.differences, found.compared_at > clock.now() - UNDER_WAY) == (1, True), "an event that does not come is told of"
    assert both.counts().incidents == 5
    both.deliver()
    assert both.counts().incidents == 5
    assert late in both.recorded


def test_a_night_without_alerts_or_the_record_is_made_up_for(both: Both) -> None:
    a_life(both)
    both.readings.away = True
    both.sql("update comparisons set next_at = now() - interval '1 minute'")
    both.reports.service.compare_at_night()
    assert both.counts().compared is None
    wait = both.sql("select extract(epoch from next_at - now()) / 60 from comparisons").scalar_one()
    assert 25 < wait <= 31
    with pytest.raises(Unavailable):
        both.rebuild()


@pytest.mark.parametrize("role", ["dsl", "trust_it", "teacher"])
def test_nobody_but_the_operator_has_counts_made_anew(both: Both, role: str) -> None:
    with pytest.raises(NotAllowed):
        both.ask(both.reports.service, Rebuild(), token=both.token_for(roles=[role], school_id=both.school_id, person_id=new_id()))


STEPS = st.lists(st.tuples(st.sampled_from(["record", "raise", "close", "move", "ask", "refer", "again", "read"]), st.integers(0, 99)), max_size=14)


@given(steps=STEPS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, phases=[Phase.explicit, Phase.generate])
def test_whatever_is_recorded_the_counts_made_by_events_and_those_made_from_the_record_are_the_same(
    both: Both, ask_service: Any, token_for: Any, service_token_for: Any, steps: list[tuple[str, int]]
) -> None:
    both = Both(both.reports, ask_service, token_for, service_token_for)  # a school of its own
    about: dict[UUID, UUID] = {}
    for what, n in [("record", 0), *steps]:
        incident = both.recorded[n % len(both.recorded)] if both.recorded else UUID(int=0)
        pupil = about.get(incident, both.pupils[0])
        if what == "record":
            pupil = both.pupils[n % 2]
            about[both.record(pupil=pupil, category_codes=[["behaviour"], ["safeguarding_concern"]][n % 2])] = pupil
        elif what == "raise":
            both.add(incident, category_codes=["child_protection"])
        elif what == "close":
            status = ["closed", "monitoring", "open"][n % 3]
            both.desk.ask(SetStatus(id=new_id(), incident_id=incident, pupil_id=pupil, status=status, reason="So it is."), role="dsl")
        elif what == "move":
            to = next(p for p in both.pupils if p != pupil)
            both.desk.ask(AssignPupil(id=new_id(), incident_id=incident, pupil_id=to, from_id=pupil, reason="A slip"), role="dsl")
            about[incident] = to
        elif what == "ask":
            asked = Details(kind="asked", owner_id=both.desk.school.people["dsl"], due_on=clock.now().date(), spoken="yes")
            both.asked.append((incident, both.add(incident, details=asked)))
        elif what == "refer":
            both.referred.append((incident, both.add(incident, details=Details(kind="referral", to="MASH", at=clock.now(), outcome="x" * (n % 2)))))
        elif what == "again" and both.asked:
            of, entry = both.asked.pop()
            both.add(of, details=Details(kind="outcome", of_id=entry))
        elif what == "read":
            both.deliver()
            both.read(incident, at=clock.now())
    both.deliver()
    assert both.reports.waiting() == []
    before = json.dumps(both.numbers())
    assert both.rebuild() == (len(both.recorded), 0)
    both.sql("delete from happenings")
    both.sql("delete from counted")
    assert both.rebuild() == (len(both.recorded), len(both.recorded))
    assert json.dumps(both.numbers()) == before


def test_after_an_update_from_a_release_that_kept_no_happenings_events_wait_for_the_first_comparison(both: Both, monkeypatch: Any) -> None:
    """It was counted, and what happened to it is not known: what comes is neither lost nor counted as all there was."""
    incident = both.record()
    both.deliver()
    both.sql("delete from happenings")
    both.add(incident)
    both.deliver()
    assert both.reports.waiting() == ["Conflict"]
    later = clock.now() + UNDER_WAY + dt.timedelta(minutes=5)
    monkeypatch.setattr(clock, "now", lambda: later)
    both.sql("update comparisons set next_at = now() - interval '1 minute'")  # as the migration does
    both.reports.service.compare_at_night()
    with both.reports.resources.transaction(both.reports.resources.worker_engine) as tx:
        tx.execute(sa.text("update retries set next_at = now() - interval '1 minute'"))
    both.reports.service.retries()
    assert both.reports.waiting() == []
    assert (both.counts().incidents, both.counts().actions) == (1, 1)
    assert both.rebuild() == (1, 0)
