"""How much of the record one person may open in an hour, and who is told when it is much."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from safekeep import clock
from safekeep.contracts.incidents import Chronology, Incident, PermitFile, Pupil, Summaries
from safekeep.errors import NotFound, TooMuchRead
from safekeep.ids import new_id
from services.incidents import openings
from tests.services.incidents.desk import Desk

NOON = dt.datetime(2026, 3, 10, 12, 0, tzinfo=dt.UTC)


def opened(desk: Desk, count: int, *, role: str, at: dt.datetime, entries: int = 1) -> None:
    """Keep that somebody opened so much within the minute before."""
    person = desk.school.people[role]
    rows = [
        {"school": desk.school.id, "id": new_id(), "person": person, "at": at - dt.timedelta(seconds=n % 60), "entries": [new_id()] * entries}
        for n in range(count)
    ]
    statement = sa.text(
        "insert into openings (school_id, id, person_id, at, kind, entry_ids, words, reason, refused, own_child) "
        "values (:school, :id, :person, :at, 'incident', cast(:entries as uuid[]), '', '', false, false)"
    )
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        tx.execute(statement, rows)


def said(desk: Desk) -> list[tuple[str, Any]]:
    """Which lines were asked for in the audit log about reading, and whose."""
    with desk.resources.transaction(desk.resources.worker_engine) as tx:
        rows = tx.execute(sa.text("select body from outbox where name = 'incidents.audit.noted' order by id")).scalars()
        return [(body["kind"], body["person_id"]) for body in rows if body["kind"].startswith("reading")]


def test_whoever_opens_more_than_anybody_needs_is_stopped_for_every_way_of_opening_and_only_for_those(desk: Desk) -> None:
    """With the words of the record, whatever the way: incident, chronology, pupil, file. Recording and lists go on."""
    answer, slt = desk.record(category_codes=["behaviour"]), str(desk.school.people["slt"])
    with clock.set_to(NOON):
        opened(desk, openings.MOST, role="slt", at=NOON)
        for request in (
            Incident(incident_id=answer.id),
            Chronology(pupil_id=desk.pupil),
            Pupil(pupil_id=desk.pupil, opened=True),
            PermitFile(file_id=new_id()),
        ):
            with pytest.raises(TooMuchRead) as caught:
                desk.ask(request, role="slt")
            assert 3_500 <= caught.value.seconds <= 3_600
        assert said(desk) == [("reading_stopped", slt)], "told once, not for each try"
        desk.ask(Summaries(entry_ids=[answer.id]), role="slt")
        desk.record(role="slt", category_codes=["behaviour"])
        desk.ask(Incident(incident_id=answer.id), role="dsl")
    with clock.set_to(NOON + openings.WINDOW):
        desk.ask(Incident(incident_id=answer.id), role="slt")


def test_what_is_tried_and_refused_counts_too(desk: Desk) -> None:
    with clock.set_to(NOON):
        opened(desk, openings.MOST - 1, role="teacher", at=NOON)
        with pytest.raises(NotFound):
            desk.ask(Incident(incident_id=new_id()), role="teacher")
        with pytest.raises(TooMuchRead):
            desk.ask(Incident(incident_id=new_id()), role="teacher")


def test_many_entries_in_few_openings_are_much_too(desk: Desk) -> None:
    with clock.set_to(NOON):
        opened(desk, 20, role="dsl", at=NOON, entries=openings.MOST_ENTRIES // 20)
        with pytest.raises(TooMuchRead):
            desk.ask(Chronology(pupil_id=desk.pupil), role="dsl")


@pytest.mark.parametrize(("role", "many"), [("slt", openings.MANY), ("dsl", openings.UNUSUAL_FOR_LEADS)])
def test_unusual_volume_is_told_once_a_day_and_stops_nobody(desk: Desk, role: str, many: int) -> None:
    """DSLs open records all day: of them it is told later."""
    answer, person = desk.record(category_codes=["behaviour"]), str(desk.school.people[role])
    with clock.set_to(NOON):
        opened(desk, many - 2, role=role, at=NOON)
        desk.ask(Incident(incident_id=answer.id), role=role)
        assert said(desk) == []
        desk.ask(Chronology(pupil_id=desk.pupil), role=role)
        assert said(desk) == [("reading_unusual", person)]
        desk.ask(Pupil(pupil_id=desk.pupil, opened=True), role=role)
        assert said(desk) == [("reading_unusual", person)]
    tomorrow = NOON + openings.TOLD_AGAIN
    with clock.set_to(tomorrow):
        opened(desk, many, role=role, at=tomorrow)
        desk.ask(Incident(incident_id=answer.id), role=role)
        assert said(desk) == [("reading_unusual", person)] * 2


def test_another_persons_reading_and_another_schools_count_for_nobody_else(desk: Desk) -> None:
    answer = desk.record(category_codes=["behaviour"])
    with clock.set_to(NOON):
        opened(desk, openings.MOST, role="deputy_dsl", at=NOON)
        desk.ask(Incident(incident_id=answer.id), role="dsl")
    assert said(desk) == []
