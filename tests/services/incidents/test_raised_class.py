"""A class raised later is raised for everyone but its author: what they see of class and categories is what they recorded."""

import datetime as dt
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep.contracts import identity
from safekeep.contracts.incidents import (
    AddAction,
    AddCorrection,
    Alert,
    AnswerAsk,
    Chronology,
    Details,
    FollowUps,
    Incident,
    MyEntries,
    PreviewAlert,
    Pupil,
    Quiet,
    Restrict,
    Summaries,
)
from safekeep.ids import new_id
from safekeep.permissions import FIRST_CATEGORIES, Class
from tests.services.incidents.desk import Desk

READERS = ["dsl", "deputy_dsl", "slt", "teacher", "pastoral", "sports_coach"]


def raise_to(desk: Desk, incident: UUID, code: str = "child_protection", **fields: Any) -> UUID:
    added: UUID = desk.ask(AddAction(id=new_id(), incident_id=incident, text="Referred.", category_codes=[code], **fields), role="dsl").entry_id
    return added


def add(desk: Desk, incident: UUID, *, role: str, **fields: Any) -> UUID:
    added: UUID = desk.ask(AddAction(id=new_id(), incident_id=incident, text="Rang home.", **fields), role=role).entry_id
    return added


def fix(incident: UUID, entry: UUID) -> AddCorrection:
    return AddCorrection(id=new_id(), incident_id=incident, entry_id=entry, reason="Spelling", should_say="Rang her home.")


def lines(desk: Desk, *, role: str, **filters: Any) -> dict[UUID, tuple[str, list[str]]]:
    page = desk.ask(Chronology(pupil_id=desk.pupil, **filters), role=role)
    assert page.total == sum(month.count for month in page.months) == len(page.items)
    return {line.id: (line.class_code, line.categories) for line in page.items}


def events(desk: Desk, name: str) -> list[dict[str, Any]]:
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        return list(tx.execute(sa.text("select body from outbox where name = :name order by id"), {"name": name}).scalars())


def test_its_author_sees_the_class_and_the_categories_it_was_recorded_with_wherever_it_is_shown(desk: Desk) -> None:
    answer = desk.record(category_codes=["behaviour"])
    raise_to(desk, answer.id)
    incident = desk.ask(Incident(incident_id=answer.id), role="teacher")
    assert (incident.class_code, incident.categories, [e.class_code for e in incident.entries]) == ("general", ["behaviour"], ["general"])
    asked = [
        *desk.ask(Chronology(pupil_id=desk.pupil), role="teacher").items,
        *desk.ask(MyEntries(), role="teacher").items,
        *desk.ask(Summaries(entry_ids=[answer.entry_id]), role="teacher").items,
        *desk.ask(Pupil(pupil_id=desk.pupil, opened=True), role="teacher").last_entries,
        *desk.ask(Pupil(pupil_id=desk.pupil, opened=False), role="teacher").last_entries,
        *desk.ask(Chronology(pupil_id=desk.pupil, use="export", reason="For the file"), role="teacher").items,
    ]
    assert [(line.class_code, line.categories) for line in asked] == [("general", ["behaviour"])] * 6
    preview = desk.ask(PreviewAlert(incident_id=answer.id, category_codes=[], alert=Alert()), role="teacher")
    assert preview.class_code == "general"


@pytest.mark.parametrize("role", ["dsl", "deputy_dsl"])
def test_whose_role_opens_the_class_it_was_raised_to_sees_it_as_it_is(desk: Desk, role: str) -> None:
    answer = desk.record(category_codes=["behaviour"])
    raised = raise_to(desk, answer.id)
    assert lines(desk, role=role) == {
        answer.entry_id: ("protection", ["behaviour", "child_protection"]),
        raised: ("protection", ["child_protection"]),
    }
    incident = desk.ask(Incident(incident_id=answer.id), role=role)
    assert (incident.class_code, incident.categories) == ("protection", ["behaviour", "child_protection"])
    assert desk.ask(PreviewAlert(incident_id=answer.id, category_codes=[], alert=Alert()), role=role).class_code == "protection"


def test_a_filter_by_a_category_given_later_finds_nothing_for_whom_it_was_not_raised(desk: Desk) -> None:
    """The author, the author of an action below it, and SLT, to whom an earlier action of a lower class is left."""
    coach = desk.school.people["sports_coach"]
    answer = desk.record(category_codes=["behaviour"], alert=Alert(groups=["slt"], staff_ids=[coach], reasons={coach: "Sees him daily"}))
    theirs = add(desk, answer.id, role="sports_coach")
    raised = raise_to(desk, answer.id)
    found = {role: set(lines(desk, role=role, category_codes=["child_protection"])) for role in READERS}
    everything = {answer.entry_id, theirs, raised}
    assert found == {role: everything if role in ("dsl", "deputy_dsl") else set() for role in READERS}
    first = {role: set(lines(desk, role=role, category_codes=["behaviour"])) for role in READERS}
    assert first == {
        "dsl": everything,
        "deputy_dsl": everything,
        "slt": {theirs},
        "teacher": {answer.entry_id},
        "pastoral": set(),
        "sports_coach": {theirs},
    }, "by what it was recorded under all still find what they read"


def test_what_its_author_adds_to_it_later_does_not_tell_them_what_it_became(desk: Desk) -> None:
    answer = desk.record(category_codes=["behaviour"])
    raise_to(desk, answer.id)
    later = add(desk, answer.id, role="teacher")
    assert lines(desk, role="teacher") == {answer.entry_id: ("general", ["behaviour"]), later: ("general", [])}
    assert set(lines(desk, role="teacher", category_codes=["child_protection"])) == set()
    assert desk.ask(Incident(incident_id=answer.id), role="teacher").class_code == "general"
    assert lines(desk, role="dsl")[later] == ("protection", [])


def test_a_follow_up_that_its_author_asks_for_later_does_not_say_what_it_became(desk: Desk) -> None:
    answer = desk.record(category_codes=["behaviour"])
    raise_to(desk, answer.id)
    due = dt.date.today() + dt.timedelta(days=3)
    asked = Details(kind="asked", owner_id=desk.school.people["dsl"], due_on=due, spoken="not_yet")
    add(desk, answer.id, role="teacher", details=asked)
    (mine,) = desk.ask(FollowUps(view="asked"), role="teacher").items
    assert mine.class_code == "general"
    assert [item.class_code for item in desk.ask(Incident(incident_id=answer.id), role="teacher").follow_ups] == ["general"]
    (theirs,) = desk.ask(FollowUps(view="mine"), role="dsl").items
    assert theirs.class_code == "protection"


def test_an_author_who_was_granted_sight_of_the_raised_incident_sees_what_it_is_now(desk: Desk) -> None:
    answer = desk.record(category_codes=["behaviour"])
    raise_to(desk, answer.id, alert=Alert(staff_ids=[desk.school.people["teacher"]], reasons={desk.school.people["teacher"]: "Goes on with it"}))
    later = add(desk, answer.id, role="teacher")
    seen = lines(desk, role="teacher")
    assert seen[answer.entry_id] == ("protection", ["behaviour", "child_protection"])
    assert seen[later] == ("protection", [])
    assert set(lines(desk, role="teacher", category_codes=["child_protection"])) == set(seen)


def test_the_class_it_was_recorded_with_stays_whatever_becomes_of_its_category(desk: Desk) -> None:
    """The ledger says it: a category that the school keeps more closely since says nothing of what was recorded before."""
    from services.incidents.service import HANDLERS

    answer = desk.record(category_codes=["behaviour"])
    state = identity.SchoolChanged.CategoryState
    closer = [
        state(code=c.code, class_code="protection" if c.code == "behaviour" else c.class_.code, groups=list(c.groups), leads_only=c.leads_only)
        for c in FIRST_CATEGORIES
    ]
    said = {"zone": "Europe/London", "categories": closer, "groups": [], "day_ends_minute": 930, "trust_id": desk.school.id}
    now = dt.datetime.now(dt.UTC)
    event = identity.SchoolChanged(id=new_id(), at=now, school_id=desk.school.id, subject=desk.school.id, sequence=1, **said)
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        HANDLERS[identity.SchoolChanged](tx, event)
    raise_to(desk, answer.id, "behaviour")
    assert lines(desk, role="teacher") == {answer.entry_id: ("general", ["behaviour"])}
    assert lines(desk, role="dsl")[answer.entry_id] == ("protection", ["behaviour"])
    desk.ask(fix(answer.id, answer.entry_id), role="dsl")
    assert events(desk, "incidents.action.added")[-1]["recipients"] == [], "nor is an alert of that class sent to them"


def test_an_alert_about_an_entry_of_a_lower_class_names_no_category_given_later(desk: Desk) -> None:
    """That it was corrected, or is kept to two people: in the alert, in the inbox and in the mail stands what it was under."""
    coach, pastoral = desk.school.people["sports_coach"], desk.school.people["pastoral"]
    answer = desk.record(category_codes=["behaviour"], alert=Alert(staff_ids=[coach], reasons={coach: "Sees him daily"}))
    theirs = add(desk, answer.id, role="sports_coach")
    raise_to(desk, answer.id)
    desk.ask(fix(answer.id, theirs), role="dsl")
    corrected = events(desk, "incidents.action.added")[-1]
    assert str(coach) in [r["person_id"] for r in corrected["recipients"]]
    assert (corrected["category"], corrected["class_code"]) == ("behaviour", "general")
    people = {"about_id": pastoral, "keeper_id": desk.school.people["slt"], "dsl_id": desk.school.people["deputy_dsl"]}
    desk.ask(Restrict(id=new_id(), entry_id=theirs, reason="About a colleague", **people), role="dsl")
    kept = events(desk, "incidents.entry.restricted")[-1]
    assert (kept["category"], kept["class_code"]) == ("behaviour", "general")


def test_a_grant_of_an_entry_of_a_lower_class_names_no_category_given_later(desk: Desk) -> None:
    from services.incidents import store

    pastoral = desk.school.people["pastoral"]
    answer = desk.record(category_codes=["not_sure"])
    below = add(desk, answer.id, role="teacher", alert=Alert(ask_dsl=[pastoral]))
    raise_to(desk, answer.id)
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        (ask,) = store.open_asks(tx, school_id=desk.school.id)
    desk.ask(AnswerAsk(ask_id=ask.id, accept=True, reason="Sees her daily"), role="dsl")
    (granted,) = events(desk, "incidents.right.granted")
    assert (granted["entry_id"], granted["category"], granted["class_code"]) == (str(below), "not_sure", "safeguarding")
    assert desk.ask(Incident(incident_id=answer.id), role="pastoral").class_code == "safeguarding"


def test_an_author_is_not_alerted_that_what_they_added_without_knowing_was_corrected(desk: Desk) -> None:
    """The alert would name the class; of their own account it was so already. Before a raise they are."""
    answer = desk.record(category_codes=["behaviour"])
    before = add(desk, answer.id, role="teacher")
    raise_to(desk, answer.id)
    later = add(desk, answer.id, role="teacher")
    told = {}
    for entry in (before, later, answer.entry_id):
        desk.ask(fix(answer.id, entry), role="dsl")
        told[entry] = [r["person_id"] for r in events(desk, "incidents.action.added")[-1]["recipients"]]
    teacher = str(desk.school.people["teacher"])
    assert (teacher in told[before], teacher in told[later], teacher in told[answer.entry_id]) == (True, False, False)


def test_a_dsl_is_not_asked_to_follow_up_what_they_only_wrote_about_their_own_child(desk: Desk) -> None:
    """The line would say its class, its category, and who added to it last."""
    from services.incidents import store

    answer = desk.record(role="deputy_dsl", category_codes=["welfare"])
    late = {"before": dt.datetime.now(dt.UTC) + dt.timedelta(days=1)}
    assert [item.incident_id for item in desk.ask(Quiet(**late), role="deputy_dsl").items] == [answer.id]
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        store.keep_relatives(tx, school_id=desk.school.id, pupil_id=desk.pupil, people={desk.school.people["deputy_dsl"]})
    raise_to(desk, answer.id)
    assert desk.ask(Quiet(**late), role="deputy_dsl").items == []
    assert lines(desk, role="deputy_dsl") == {answer.entry_id: ("welfare", ["welfare"])}
    assert [item.class_code for item in desk.ask(Quiet(**late), role="dsl").items] == [Class.PROTECTION.code]
