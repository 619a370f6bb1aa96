"""Who is told in place of somebody who left with an alert unread."""

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep import clock
from safekeep.contracts.alerts import AlertOrphaned
from safekeep.contracts.incidents import AddAction, AddCorrection, Alert, Restrict
from safekeep.ids import new_id
from safekeep.permissions import Role
from services.incidents.service.events import HANDLERS
from tests.make import create_person, create_pupil
from tests.services.incidents.desk import Desk


def passed_on(desk: Desk, incident: UUID, entry: UUID, *, leaves: UUID | None = None) -> list[dict[str, Any]]:
    event = AlertOrphaned(
        id=new_id(),
        at=clock.now(),
        school_id=desk.school.id,
        subject=new_id(),
        sequence=1,
        incident_id=incident,
        entry_id=entry,
        person_id=leaves or desk.school.people["teacher"],
    )
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        HANDLERS[AlertOrphaned](tx, event)
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        return list(tx.execute(sa.text("select body from outbox where name = 'incidents.alert.passed_on' order by id")).scalars())


def test_every_dsl_is_told_with_the_entrys_own_class_and_category(desk: Desk) -> None:
    second = create_person(resources=desk.resources, school=desk.school, role=Role.DSL)
    incident = desk.record(category_codes=["bullying"]).id
    body = passed_on(desk, incident, incident)[0]
    assert {UUID(person) for person in body["people"]} == {desk.school.people["dsl"], second}
    assert (body["kind"], body["category"], body["class_code"]) == ("incident", "bullying", "general")
    assert UUID(body["author_id"]) == desk.school.people["teacher"]
    assert body["granted"] is False, "by their role: it goes with it"


def test_an_action_is_passed_on_as_an_action(desk: Desk) -> None:
    incident = desk.record().id
    action = new_id()
    desk.ask(AddAction(id=action, incident_id=incident, text="Rang home.", alert=Alert()), role="dsl")
    body = passed_on(desk, incident, action)[0]
    assert (body["kind"], body["entry_id"], body["category"]) == ("action", str(action), "safeguarding_concern")


@pytest.mark.parametrize("parents", [("dsl",), ("dsl", "deputy_dsl")])
def test_a_dsl_is_not_told_about_their_own_child(desk: Desk, parents: tuple[str, ...]) -> None:
    """Then the deputy is; and where it is the child of each of them, nobody is, rather than a parent."""
    pupil = create_pupil(resources=desk.resources, school=desk.school, relatives=tuple(desk.school.people[role] for role in parents))
    incident = desk.record(pupil_id=pupil).id
    told = passed_on(desk, incident, incident)
    assert [body["people"] for body in told] == ([[str(desk.school.people["deputy_dsl"])]] if len(parents) == 1 else [])


@pytest.mark.parametrize("corrected", [False, True])
@pytest.mark.parametrize("which", ["incident", "action"])
def test_what_is_kept_to_two_people_is_passed_on_to_the_other_of_them_alone(desk: Desk, which: str, corrected: bool) -> None:
    """Not to every DSL, of whom one may be the adult it is about: nobody else may learn that there is something."""
    people = desk.school.people
    create_person(resources=desk.resources, school=desk.school, role=Role.DSL)
    incident, action = desk.record().id, new_id()
    desk.ask(AddAction(id=action, incident_id=incident, text="The coach shouted.", alert=Alert()), role="dsl")
    kept = incident if which == "incident" else action
    about: dict[str, Any] = {"about_id": people["deputy_dsl"], "keeper_id": people["slt"], "dsl_id": people["dsl"], "reason": "About staff"}
    desk.ask(Restrict(id=new_id(), entry_id=kept, **about), role="dsl")
    entry = kept
    if corrected:
        entry = new_id()
        fix = AddCorrection(id=entry, incident_id=incident, entry_id=kept, reason="Day", should_say="On Tuesday.")
        desk.ask(fix, role="dsl")
    for leaves, other in (("slt", "dsl"), ("dsl", "slt")):
        told = passed_on(desk, incident, entry, leaves=people[leaves])[-1]
        assert (told["people"], told["granted"]) == ([str(people[other])], True), "also where their role opens no such entry"


def test_the_chair_who_keeps_it_gets_no_alert_and_neither_does_anybody_else(desk: Desk) -> None:
    people, incident = desk.school.people, desk.record().id
    about: dict[str, Any] = {"about_id": people["slt"], "keeper_id": people["governor"], "dsl_id": people["dsl"], "reason": "About the head"}
    desk.ask(Restrict(id=new_id(), entry_id=incident, **about), role="dsl")
    assert passed_on(desk, incident, incident, leaves=people["dsl"]) == []
