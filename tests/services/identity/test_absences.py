"""Who is away, by dates: who may say it of whom, what is told, and whom that leaves to be found in person."""

import datetime as dt
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep import clock
from safekeep.contracts.identity import Absences, DutyPlace, EndAbsence, GroupItem, KeepAbsence, KeepGroup, KeepSchool, School, Staff
from safekeep.errors import Invalid, NotFound
from safekeep.ids import new_id
from tests.services.identity.office import Office


def today(days: int = 0) -> dt.date:
    return clock.now().date() + dt.timedelta(days=days)


def away(office: Office, token: str, *, first: int = 0, last: int = 0, **more: Any) -> UUID:
    id_ = new_id()
    office.ask(KeepAbsence(id=id_, since=today(first), until=today(last), **more), token=token)
    return id_


def as_teacher(office: Office) -> str:
    return office.member("teacher", person=office.teacher.id)


def said(office: Office) -> list[dict[str, Any]]:
    with office.resources.worker_engine.connect() as connection:
        return list(connection.execute(sa.text("select body from outbox where name = 'identity.absence.changed' order by id")).scalars())


def test_staff_say_it_of_themselves_and_a_dsl_of_anybody(office: Office) -> None:
    own = away(office, as_teacher(office), last=2, cover_id=office.dsl.id)
    away(office, office.member("dsl"), who_id=office.teacher.id, first=5, last=6)
    with pytest.raises(NotFound):
        away(office, as_teacher(office), who_id=office.dsl.id)
    assert [item.person_id for item in office.ask(Absences(), token=as_teacher(office)).items] == [office.teacher.id] * 2
    away(office, office.member("dsl"), first=1, last=1)
    assert len(office.ask(Absences(), token=office.member("dsl")).items) == 3
    assert len(office.ask(Absences(), token=as_teacher(office)).items) == 2, "not whoever else is away"
    first = said(office)[0]
    assert (first["subject"], first["person_id"], first["cover_id"]) == (str(own), str(office.teacher.id), str(office.dsl.id))
    assert not first["ended"]


def test_it_is_taken_back_by_who_said_it_or_a_dsl_and_by_nobody_else_twice_is_once(office: Office) -> None:
    dsls = away(office, office.member("dsl"))
    office.ask(EndAbsence(absence=dsls), token=as_teacher(office))
    assert len(office.ask(Absences(), token=office.member("dsl")).items) == 1
    for _ in range(2):
        office.ask(EndAbsence(absence=dsls), token=office.member("dsl"))
    assert office.ask(Absences(), token=office.member("dsl")).items == []
    assert [event["ended"] for event in said(office)] == [False, True]


def test_saying_it_twice_under_one_id_is_once(office: Office) -> None:
    request = KeepAbsence(id=new_id(), since=today(), until=today())
    for _ in range(2):
        office.ask(request, token=as_teacher(office))
    assert len(said(office)) == 1


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"first": 1, "last": 0}, {"until": "before_start"}),
        ({"first": -3, "last": -1}, {"until": "over"}),
        ({"first": 0, "last": 401}, {"until": "too_long"}),
        ({"first": 401, "last": 402}, {"until": "too_long"}),
        ({"cover_id": UUID(int=1)}, {"cover_id": "unknown_choice"}),
        ({"cover_id": "self"}, {"cover_id": "another_person"}),
    ],
)
def test_dates_and_stand_ins_that_cannot_be_are_refused(office: Office, fields: dict[str, Any], problems: dict[str, str]) -> None:
    if fields.get("cover_id") == "self":
        fields = {"cover_id": office.teacher.id}
    with pytest.raises(Invalid) as refused:
        away(office, as_teacher(office), **fields)
    assert refused.value.problems == problems
    assert said(office) == []


def test_a_dsl_who_is_away_is_not_the_one_to_find_unless_nobody_else_is(office: Office) -> None:
    """Who is on duty and here; then every DSL who is here; then, so that somebody is named at all, who is on duty."""
    school = lambda: office.ask(School(), token=office.member("dsl"))  # noqa: E731 - asked anew each time
    assert [p.name for p in school().duty] == ["Dee Lead"]
    with office.resources.transaction(office.resources.engine, school_id=office.one.id) as tx:
        deputy = sa.text("update memberships set roles = '{deputy_dsl}', room = '7' where person_id = :person and school_id = :school")
        tx.execute(deputy, {"person": office.teacher.id, "school": office.one.id})
    away(office, office.member("dsl"), last=1)
    found = school()
    assert [(p.name, p.room) for p in found.duty] == [("Tea Cher", "7")]
    assert {p.name: (p.away_until, p.on_duty) for p in found.leads} == {"Dee Lead": (today(1), True), "Tea Cher": (None, False)}
    away(office, office.member("deputy_dsl", person=office.teacher.id))
    assert [p.name for p in school().duty] == ["Dee Lead"]
    assert {p.name: p.away_until for p in office.ask(Staff(), token=office.member("dsl")).items} == {"Dee Lead": today(1), "Tea Cher": today()}


def test_days_are_days_of_the_school(office: Office) -> None:
    """At half past eleven in the evening, UTC, in British summer it is the next day already."""
    with clock.set_to(dt.datetime(2026, 6, 10, 23, 30, tzinfo=dt.UTC)):
        id_ = new_id()
        office.ask(KeepAbsence(id=id_, since=dt.date(2026, 6, 11), until=dt.date(2026, 6, 11)), token=as_teacher(office))
        staff = office.ask(Staff(), token=office.member("dsl")).items
        assert next(p for p in staff if p.person_id == office.teacher.id).away_until == dt.date(2026, 6, 11)


def test_a_groups_flags_are_known_ones_and_what_calls_for_it_is_told_in_codes(office: Office) -> None:
    token = office.member("dsl")
    with pytest.raises(Invalid, match=r"unknown_choice|Invalid"):
        office.ask(KeepGroup(group=GroupItem(code="eight", name="Eight", members=[], flags=["on_fire"]), is_new=True), token=token)
    group = GroupItem(code="eight", name="Eight", members=[], flags=["looked_after"], years=["Year 8"], forms=["8 B", "8–c"])
    office.ask(KeepGroup(group=group, is_new=True), token=token)
    assert next(g for g in office.ask(School(), token=token).groups if g.code == "eight") == group
    with office.resources.worker_engine.connect() as connection:
        body = connection.execute(sa.text("select body from outbox where name = 'identity.school.changed' order by id desc limit 1")).scalar_one()
    told = next(g for g in body["groups"] if g["code"] == "eight")
    assert told["called_by"] == ["flag_looked_after", "year_8", "form_8b", "form_8c"]


def test_a_new_school_has_a_group_for_the_designated_teacher_and_a_name_for_its_mail_is_kept(office: Office) -> None:
    token = office.member("dsl")
    found = office.ask(School(), token=token)
    assert next(g.flags for g in found.groups if g.code == "designated_teacher") == ["looked_after"]
    duty = [DutyPlace(person_id=office.dsl.id, on_duty=True, room="4", telephone="01632 960001")]
    kept = KeepSchool(duty=duty, contacts=[], day_ends_minute=930, hide_names=False, sender_name="One – safeguarding")
    office.ask(kept, token=token)
    assert office.ask(School(), token=token).sender_name == "One – safeguarding"
