"""Who read what: kept before the content leaves, shown to DSLs, and never changed."""

import datetime as dt
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from safekeep import clock
from safekeep.contracts.incidents import (
    AddAction,
    Alert,
    Chronology,
    Incident,
    LinkedPupil,
    MyEntries,
    PermitFile,
    PersonOpenings,
    Pupil,
    PupilOpenings,
    Readable,
    ReadersOfRecords,
    SearchPupils,
    Summaries,
)
from safekeep.errors import NotAllowed, NotFound
from safekeep.ids import new_id
from safekeep.keys import Keys
from safekeep.permissions import Role
from safekeep.receipts import Receipt, sign_receipt
from tests.make import create_person, create_pupil
from tests.services.incidents.desk import Desk

A_TUESDAY = dt.datetime(2026, 3, 3, 10, 0, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def a_school_day() -> Any:
    with clock.set_to(A_TUESDAY):
        yield


def kept(desk: Desk) -> list[Any]:
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        return list(
            tx.execute(
                sa.text("select kind, person_id, incident_id, pupil_id, entry_ids, words, reason, refused, own_child from openings order by id")
            )
        )


def test_opening_an_incident_a_pupil_and_a_chronology_and_searching_is_kept_with_what_was_handed_out(desk: Desk) -> None:
    answer = desk.record()
    desk.ask(SearchPupils(q="sar"), role="dsl")
    desk.ask(Pupil(pupil_id=desk.pupil, opened=True), role="dsl")
    desk.ask(Chronology(pupil_id=desk.pupil, words="crying", reason="Case conference"), role="dsl")
    desk.ask(Chronology(pupil_id=desk.pupil, use="export"), role="dsl")
    desk.ask(Incident(incident_id=answer.id), role="dsl")
    rows = kept(desk)
    assert [row.kind for row in rows] == ["search", "pupil", "chronology", "export", "incident"]
    assert [len(row.entry_ids) for row in rows] == [0, 1, 1, 1, 1]
    assert (rows[0].words, rows[2].words, rows[2].reason) == ("sar", "crying", "Case conference")
    assert {row.person_id for row in rows} == {desk.school.people["dsl"]}


def test_only_what_was_handed_out_whole_counts_as_opened_and_only_by_whom_it_was(desk: Desk) -> None:
    """By which alerts tells whether somebody can have read what they say they have: not its heading in a list, not its first words on a pupil's page."""
    first = desk.record()

    def opened(role: str, *entries: Any) -> set[Any]:
        return set(desk.ask(Readable(entry_ids=list(entries), opened=True), role=role).entry_ids)

    desk.ask(Pupil(pupil_id=desk.pupil, opened=True), role="dsl")
    desk.ask(Summaries(entry_ids=[first.id]), role="dsl")
    desk.ask(SearchPupils(q="sar"), role="dsl")
    assert opened("dsl", first.id) == set()
    assert set(desk.ask(Readable(entry_ids=[first.id]), role="dsl").entry_ids) == {first.id}
    desk.ask(Incident(incident_id=first.id), role="dsl")
    assert opened("dsl", first.id) == {first.id}
    assert opened("deputy_dsl", first.id) == set()
    with clock.set_to(A_TUESDAY + dt.timedelta(seconds=30)):
        added = desk.ask(AddAction(id=new_id(), incident_id=first.id, text="Rang her mother.", alert=Alert()), role="deputy_dsl")
        assert opened("dsl", first.id, added.id) == {first.id}, "what was added since has not been opened"
        desk.ask(Incident(incident_id=first.id), role="dsl")
        assert opened("dsl", first.id, added.id) == {first.id, added.id}
    desk.ask(Chronology(pupil_id=desk.pupil), role="slt")
    assert opened("slt", first.id) == set(), "it holds nothing that they may read"
    with clock.set_to(A_TUESDAY + dt.timedelta(seconds=40)):
        desk.ask(Chronology(pupil_id=desk.pupil, use="print"), role="deputy_dsl")
    assert opened("deputy_dsl", first.id, added.id) == {first.id, added.id}


def test_a_list_that_opens_nothing_hands_out_no_words(desk: Desk) -> None:
    answer = desk.record()
    lines = desk.ask(MyEntries(), role="teacher").items + desk.ask(Summaries(entry_ids=[answer.id]), role="dsl").items
    lines += desk.ask(Pupil(pupil_id=desk.pupil), role="dsl").last_entries
    assert [(line.text, line.action_taken) for line in lines] == [("", "")] * 3
    assert kept(desk) == []


def test_what_is_read_has_been_kept_before_it_is_answered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """When keeping fails, nothing is answered: the row is of the same transaction, which commits first."""
    from services.incidents.store import openings

    answer = desk.record()
    monkeypatch.setattr(openings, "_ADD", sa.text("select cast('x' as integer)"))
    for request in (Incident(incident_id=answer.id), Chronology(pupil_id=desk.pupil), Pupil(pupil_id=desk.pupil, opened=True), SearchPupils(q="sar")):
        with pytest.raises(Exception, match="22P02"):
            desk.ask(request, role="dsl")
    assert kept(desk) == []


@pytest.fixture
def attached(desk: Desk, keys_folder: Path) -> tuple[UUID, UUID]:
    """An incident with a file: the ids of both."""
    file = Receipt(new_id(), "ab" * 32, 12, "image/jpeg", desk.school.people["teacher"], desk.school.id)
    incident = desk.record(receipts=[sign_receipt(keys=Keys.load(keys_folder / "process" / "files.json"), receipt=file)])
    return incident.id, file.file_id


def test_opening_an_attached_file_is_kept_and_showing_its_name_is_not(desk: Desk, attached: tuple[UUID, UUID]) -> None:
    incident, file = attached
    assert desk.ask(PermitFile(file_id=file, name_only=True), role="dsl").token
    assert kept(desk) == [], "its name stands beside the words it was sent with"
    assert desk.ask(PermitFile(file_id=file), role="dsl").token
    (row,) = kept(desk)
    assert (row.kind, row.person_id, row.incident_id, row.entry_ids, row.refused) == ("file", desk.school.people["dsl"], incident, [incident], False)
    for role in ("admin", "governor"):
        with pytest.raises((NotFound, NotAllowed)):
            desk.ask(PermitFile(file_id=file), role=role)
    assert len(kept(desk)) == 1


def test_no_pass_to_a_file_is_given_before_that_is_kept(desk: Desk, attached: tuple[UUID, UUID], monkeypatch: pytest.MonkeyPatch) -> None:
    from services.incidents.store import openings

    monkeypatch.setattr(openings, "_ADD", sa.text("select cast('x' as integer)"))
    with pytest.raises(Exception, match="22P02"):
        desk.ask(PermitFile(file_id=attached[1]), role="dsl")
    assert kept(desk) == []


def test_the_same_page_again_within_a_minute_is_one_opening_and_later_another(desk: Desk) -> None:
    answer = desk.record()
    for seconds in (0, 3, 50, 61):
        with clock.set_to(A_TUESDAY + dt.timedelta(seconds=seconds)):
            desk.ask(Incident(incident_id=answer.id), role="dsl")
    assert len(kept(desk)) == 2
    desk.ask(Incident(incident_id=answer.id), role="deputy_dsl")
    assert len(kept(desk)) == 3


def test_what_was_tried_and_refused_is_kept_alike_whether_it_exists_or_not(desk: Desk) -> None:
    answer = desk.record()
    for incident in (answer.id, new_id()):
        with pytest.raises(NotFound):
            desk.ask(Incident(incident_id=incident), role="admin")
    assert [(row.refused, row.entry_ids) for row in kept(desk)] == [(True, []), (True, [])]


def test_nobody_changes_or_removes_what_was_kept(desk: Desk, postgres: Any) -> None:
    desk.ask(SearchPupils(q="sar"), role="dsl")
    for statement in ("update openings set words = ''", "delete from openings", "truncate openings"):
        with pytest.raises(Exception, match="42501"):
            with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
                tx.execute(sa.text(statement))
    made = sa.create_engine(sa.make_url(postgres.admin).set(drivername="postgresql+psycopg", database=desk.resources.engine.url.database))
    for statement in ("update openings set words = ''", "delete from openings", "truncate openings"):
        with pytest.raises(DBAPIError, match="what was read stays kept"), made.begin() as connection:
            connection.execute(sa.text(statement))
    made.dispose()
    assert len(kept(desk)) == 1


def test_a_dsl_sees_who_has_read_of_a_pupil_wherever_it_stood(desk: Desk) -> None:
    linked = create_pupil(resources=desk.resources, school=desk.school, name="Tom Example")
    stranger = create_pupil(resources=desk.resources, school=desk.school, name="Una Example")
    answer = desk.record(linked_pupils=[LinkedPupil(pupil_id=linked, part="witness")])
    desk.ask(Incident(incident_id=answer.id), role="teacher")
    desk.ask(Chronology(pupil_id=desk.pupil), role="deputy_dsl")
    desk.ask(Chronology(pupil_id=stranger), role="slt")
    about = {pupil: desk.ask(PupilOpenings(pupil_id=pupil), role="dsl").items for pupil in (desk.pupil, linked, stranger)}
    assert [(o.kind, o.entries) for o in about[desk.pupil]] == [("chronology", 1), ("incident", 1)]
    assert [(o.kind, o.pupil_id, o.pupil_name) for o in about[linked]] == [("chronology", None, ""), ("incident", None, "")]
    assert [o.person_id for o in about[stranger]] == [desk.school.people["slt"]]
    assert [o.number for o in about[linked]] == ["", answer.number]


def test_only_dsls_see_who_read_and_never_of_their_own_child(desk: Desk) -> None:
    parent = create_person(resources=desk.resources, school=desk.school, role=Role.DSL)
    child = create_pupil(resources=desk.resources, school=desk.school, name="Parent's Child", relatives=(parent,))
    answer = desk.record(pupil_id=child)
    desk.ask(Incident(incident_id=answer.id), role="deputy_dsl")
    desk.ask(Chronology(pupil_id=child), role="deputy_dsl")
    reader = desk.school.people["deputy_dsl"]
    for request in (PupilOpenings(pupil_id=child), PersonOpenings(person_id=reader), ReadersOfRecords()):
        assert desk.ask(request, role="dsl").items != []
        assert desk.ask(request, role="dsl", person=parent).items == []
        for role in ("slt", "teacher", "governor", "trust_it"):
            with pytest.raises(NotAllowed):
                desk.ask(request, role=role)


def test_a_parent_who_looks_at_their_own_childs_record_finds_nothing_and_is_seen(desk: Desk) -> None:
    parent = create_person(resources=desk.resources, school=desk.school, role=Role.TEACHER)
    child = create_pupil(resources=desk.resources, school=desk.school, name="Parent's Child", relatives=(parent,))
    answer = desk.record(pupil_id=child)
    assert desk.ask(Chronology(pupil_id=child), role="teacher", person=parent).items == []
    with pytest.raises(NotFound):
        desk.ask(Incident(incident_id=answer.id), role="teacher", person=parent)
    items = desk.ask(PersonOpenings(person_id=parent), role="dsl").items
    assert [(o.kind, o.unusual) for o in items] == [("incident", ["own_child", "refused"]), ("chronology", ["own_child"])]
    (line,) = desk.ask(ReadersOfRecords(), role="dsl").items
    assert (line.person_id, line.openings, line.own_child, line.refused) == (parent, 2, 2, 1)


@pytest.mark.parametrize(
    ("at", "stands_out"),
    [
        (dt.datetime(2026, 3, 3, 6, 59, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 3, 3, 7, 0, tzinfo=dt.UTC), False),
        (dt.datetime(2026, 3, 3, 19, 0, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 3, 7, 12, 0, tzinfo=dt.UTC), True),  # a Saturday
        (dt.datetime(2026, 7, 1, 6, 30, tzinfo=dt.UTC), False),  # half past seven, summer time
        (dt.datetime(2026, 7, 1, 18, 30, tzinfo=dt.UTC), True),
    ],
)
def test_reading_out_of_the_schools_own_hours_stands_out(desk: Desk, at: dt.datetime, stands_out: bool) -> None:
    with clock.set_to(at):
        desk.ask(Chronology(pupil_id=desk.pupil), role="deputy_dsl")
        (opening,) = desk.ask(PersonOpenings(person_id=desk.school.people["deputy_dsl"]), role="dsl").items
        (line,) = desk.ask(ReadersOfRecords(), role="dsl").items
    assert ("out_of_hours" in opening.unusual, line.out_of_hours) == (stands_out, int(stands_out))


def test_very_much_reading_in_an_hour_stands_out(desk: Desk) -> None:
    from services.incidents.openings import MANY

    for number in range(MANY):
        with clock.set_to(A_TUESDAY + dt.timedelta(seconds=number)):
            desk.ask(SearchPupils(q=f"name{number}"), role="teacher")
    page = desk.ask(PersonOpenings(person_id=desk.school.people["teacher"], limit=2), role="dsl")
    assert [o.unusual for o in page.items] == [["many"], []]
    with clock.set_to(A_TUESDAY + dt.timedelta(minutes=2)):
        (line,) = desk.ask(ReadersOfRecords(), role="dsl").items
    assert (line.openings, line.busy_hours) == (MANY, 1)
    rest = desk.ask(PersonOpenings(person_id=desk.school.people["teacher"], limit=100, cursor=page.next), role="dsl")
    assert (len(rest.items), rest.next) == (MANY - 2, None)


def test_another_schools_reading_is_nobodys_business_here(desk: Desk) -> None:
    from tests.make import create_school

    desk.ask(Chronology(pupil_id=desk.pupil), role="deputy_dsl")
    other = create_school(resources=desk.resources)
    assert desk.ask(PersonOpenings(person_id=desk.school.people["deputy_dsl"]), role="dsl", school=other).items == []
    assert desk.ask(ReadersOfRecords(), role="dsl", school=other).items == []
    with pytest.raises(NotFound):
        desk.ask(PupilOpenings(pupil_id=desk.pupil), role="dsl", school=other)
