"""An incident recorded on the wrong pupil is moved by correction: nothing of it stays that discloses the other child."""

import json
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep.contracts.incidents import (
    AddAction,
    Alert,
    AskCorrection,
    AssignPupil,
    Chronology,
    Incident,
    LinkedPupil,
    MyEntries,
    OpenCorrectionRequests,
    Pupil,
    PupilOpenings,
    Recorded,
    Summaries,
    TakeLead,
)
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound, StorageError
from safekeep.ids import new_id
from safekeep.permissions import Role
from tests.make import create_person, create_pupil
from tests.services.incidents.desk import Desk

NAME = "Wilhelmina Wright"


class Wrong:
    """An incident that was recorded on the desk's pupil and is about another one."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.right = create_pupil(resources=desk.resources, school=desk.school, name=NAME)
        self.incident = desk.record(narrative="She would not eat.").id

    def move(self, to: UUID | None = None, *, role: str = "dsl", person: UUID | None = None, **fields: Any) -> Recorded:
        given = {
            "id": new_id(),
            "incident_id": self.incident,
            "pupil_id": to or self.right,
            "from_id": self.desk.pupil,
            "reason": "Two girls in one form",
        }
        answer: Recorded = self.desk.ask(AssignPupil(**given | fields), role=role, person=person)
        return answer


@pytest.fixture
def wrong(desk: Desk) -> Wrong:
    return Wrong(desk)


def test_it_leaves_the_wrong_pupils_chronology_whole_and_stands_in_the_right_ones(wrong: Wrong) -> None:
    desk = wrong.desk
    desk.ask(AddAction(id=new_id(), incident_id=wrong.incident, text="Rang home."), role="dsl")
    answer = wrong.move()
    assert desk.ask(Chronology(pupil_id=desk.pupil), role="dsl").items == []
    assert desk.ask(Chronology(pupil_id=desk.pupil, words="eat"), role="dsl").months == []
    assert desk.ask(Pupil(pupil_id=desk.pupil, opened=True), role="dsl").last_entries == []
    there = desk.ask(Chronology(pupil_id=wrong.right), role="dsl")
    assert sorted(line.kind for line in there.items) == ["action", "correction", "incident"]
    seen = desk.ask(Incident(incident_id=wrong.incident), role="teacher")
    assert (seen.pupil.id, seen.entries[-1].moved_from, seen.entries[-1].reason) == (wrong.right, "another_pupil", "Two girls in one form")
    assert {r.person_id for r in answer.recipients} == {desk.school.people["teacher"], desk.school.people["deputy_dsl"]}


def test_neither_record_names_the_other_child(wrong: Wrong) -> None:
    """Nor after a second move: what was said to be about one is not named on another's."""
    desk = wrong.desk
    third = create_pupil(resources=desk.resources, school=desk.school, name="Xanthe Third")
    wrong.move()
    wrong.move(third, from_id=wrong.right)
    requests = [Incident(incident_id=wrong.incident), Chronology(pupil_id=third), Summaries(entry_ids=[wrong.incident])]
    for role in ("dsl", "deputy_dsl", "teacher"):
        said = "".join(desk.ask(request, role=role).model_dump_json() for request in requests)
        for name, pupil in ((NAME, wrong.right), ("Sarah Example", desk.pupil)):
            assert name not in said, role
            assert str(pupil) not in said, role
    for pupil in (desk.pupil, wrong.right):
        said = desk.ask(Chronology(pupil_id=pupil), role="dsl").model_dump_json()
        assert "Xanthe" not in said
        assert str(wrong.incident) not in said


def test_who_has_read_it_follows_it_and_stays_with_nobody_else(wrong: Wrong) -> None:
    desk = wrong.desk
    desk.ask(Incident(incident_id=wrong.incident), role="deputy_dsl")
    desk.ask(Chronology(pupil_id=desk.pupil), role="deputy_dsl")
    wrong.move()
    left = desk.ask(PupilOpenings(pupil_id=desk.pupil), role="dsl").items
    assert [(o.kind, o.number, o.incident_id) for o in left] == [("chronology", "", None)]
    moved = desk.ask(PupilOpenings(pupil_id=wrong.right), role="dsl").items
    assert [(o.kind, o.pupil_id, o.pupil_name) for o in moved] == [("chronology", None, ""), ("incident", None, "")]


def test_the_chain_and_every_thread_still_verify_and_say_where_it_left(wrong: Wrong) -> None:
    from services.incidents.ledger import BEGINNING, commitment

    desk = wrong.desk
    other = desk.record()
    wrong.move()
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        rows = tx.execute(sa.text("select canonical, openings from ledger join ledger_openings using (school_id, sequence) order by sequence")).all()
    threads: dict[str, list[tuple[str, int, str]]] = {}
    for canonical, openings in rows:
        entry = json.loads(bytes(canonical))
        assert entry["v"] == 1
        assert sorted(commitment(o) for o in openings["pupils"]) == entry["pupils"]
        for opening in openings["pupils"]:
            threads.setdefault(opening["pupil"], []).append((opening["part"], opening["count"], opening["previous"]))
    assert [(part, count) for part, count, _ in threads[str(desk.pupil)]] == [("pupil", 1), ("pupil", 2), ("moved", 3)]
    assert [(part, count, previous) for part, count, previous in threads[str(wrong.right)]] == [("pupil", 1, BEGINNING)]
    assert other.number


def test_parents_change_with_the_pupil(wrong: Wrong) -> None:
    """Who is a parent of the right pupil loses their right for good; who was left out as a parent of the wrong one is told."""
    desk = wrong.desk
    coach, deputy = desk.school.people["sports_coach"], desk.school.people["deputy_dsl"]
    lead = create_person(resources=desk.resources, school=desk.school, role=Role.DSL)
    mistaken = create_pupil(resources=desk.resources, school=desk.school, name="Lead's Child", relatives=(lead,))
    child = create_pupil(resources=desk.resources, school=desk.school, name="Deputy's Child", relatives=(coach, deputy))
    wrong.incident = desk.record(pupil_id=mistaken, category_codes=["welfare"], alert=Alert(staff_ids=[coach], reasons={coach: "Club"})).id
    assert [desk.reads(wrong.incident, role=r, person=p) for r, p in (("sports_coach", coach), ("dsl", lead))] == [1, 0]
    answer = wrong.move(child, from_id=mistaken)
    told = {r.person_id for r in answer.recipients}
    assert lead in told
    assert not {coach, deputy} & told
    reads = [desk.reads(wrong.incident, role=r, person=p) for r, p in (("sports_coach", coach), ("deputy_dsl", deputy), ("dsl", lead))]
    assert reads == [0, 0, 2]
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        said = tx.execute(sa.text("select body from outbox order by id desc limit 1")).scalar_one()
    assert said["lost_sight"] == sorted([str(coach), str(deputy)])
    wrong.move(from_id=child)
    assert desk.reads(wrong.incident, role="sports_coach", person=coach) == 0, "a right taken back does not come back by itself"
    assert desk.reads(wrong.incident, role="deputy_dsl", person=deputy) == 3


@pytest.mark.parametrize("lead", ["recorded it", "became a DSL later"])
def test_a_lead_whose_own_child_it_is_leads_it_no_longer_and_alerts_hear_of_it(wrong: Wrong, lead: str) -> None:
    """Who recorded it, or became a DSL later, was sent no alert to it: asking for another to lead it begins again all the same."""
    desk, deputy = wrong.desk, wrong.desk.school.people["deputy_dsl"]
    incident = desk.record(role="deputy_dsl").id if lead == "recorded it" else wrong.incident
    person = deputy if lead == "recorded it" else create_person(resources=desk.resources, school=desk.school, role=Role.DEPUTY_DSL)
    child = create_pupil(resources=desk.resources, school=desk.school, name="Lead's Child", relatives=(person,))
    desk.ask(TakeLead(incident_id=incident), role="deputy_dsl", person=person)
    desk.ask(AssignPupil(id=new_id(), incident_id=incident, pupil_id=child, from_id=desk.pupil, reason="The wrong child"), role="dsl")
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        said = tx.execute(sa.text("select body from outbox where name = 'incidents.action.added' order by id desc limit 1")).scalar_one()
    assert said["lost_sight"] == [str(person)]
    assert desk.ask(Incident(incident_id=incident), role="dsl").lead.person_id is None


def test_a_recorder_whose_own_child_it_is_keeps_their_words_and_learns_no_name(wrong: Wrong) -> None:
    desk = wrong.desk
    child = create_pupil(resources=desk.resources, school=desk.school, name="Teacher's Child", relatives=(desk.school.people["teacher"],))
    holding = create_pupil(resources=desk.resources, school=desk.school, name="Not listed", id=_holding(desk), holding=True)
    wrong.move(child)
    seen = desk.ask(Incident(incident_id=wrong.incident), role="teacher")
    assert (seen.pupil.id, [e.text for e in seen.entries]) == (holding, ["She would not eat."])
    assert [line.pupil_id for line in desk.ask(MyEntries(), role="teacher").items] == [holding]
    assert desk.ask(Chronology(pupil_id=child), role="teacher").items == []


def test_whom_it_cannot_be_moved_to_and_by_whom(wrong: Wrong) -> None:
    desk = wrong.desk
    own = create_pupil(resources=desk.resources, school=desk.school, name="Own Child", relatives=(desk.school.people["dsl"],))
    linked = create_pupil(resources=desk.resources, school=desk.school, name="Linked Example")
    wrong.incident = desk.record(linked_pupils=[LinkedPupil(pupil_id=linked, part="witness")]).id
    for fields, problems in (
        ({"to": desk.pupil}, {"pupil_id": "twice"}),
        ({"to": linked}, {"pupil_id": "twice"}),
        ({"to": new_id()}, {"pupil_id": "unknown_choice"}),
        ({"to": own}, {"pupil_id": "another_dsl"}),
        ({"reason": "  "}, {"reason": "missing"}),
        ({"reason": "a\x00"}, {"reason": "control_characters"}),
    ):
        with pytest.raises((Invalid, ValueError)) as refused:
            wrong.move(**fields)  # type: ignore[arg-type]
        if isinstance(refused.value, Invalid):
            assert refused.value.problems == problems
    with pytest.raises(NotAllowed):
        wrong.move(role="slt")
    for stale in (None, new_id(), wrong.right):
        with pytest.raises(Conflict, match="assigned"):
            wrong.move(from_id=stale)
    assert desk.ask(Incident(incident_id=wrong.incident), role="dsl").pupil.id == desk.pupil, "nothing was done"


def test_the_same_move_again_answers_the_same_and_a_second_dsl_is_told_it_was_done(wrong: Wrong) -> None:
    entry = new_id()
    assert wrong.move(id=entry) == wrong.move(id=entry)
    with pytest.raises(Conflict, match="assigned"):
        wrong.move(role="deputy_dsl")


def test_a_request_for_a_correction_is_answered_by_a_move(wrong: Wrong) -> None:
    desk = wrong.desk
    ask = AskCorrection(id=new_id(), entry_id=wrong.incident, text="It was the other girl.")
    desk.ask(ask, role="teacher")
    wrong.move(request_id=ask.id)
    assert desk.ask(OpenCorrectionRequests(), role="dsl").items == []
    with pytest.raises(NotFound, match="request"):
        wrong.move(desk.pupil, from_id=wrong.right, request_id=ask.id)


@pytest.mark.parametrize(
    "statement",
    ["update incidents set pupil_id = :to", "update incident_pupils set pupil_id = :to", "update incidents set pupil_id = :to, assignment_id = :old"],
)
def test_the_database_moves_nothing_without_a_correction_that_says_so(wrong: Wrong, statement: str) -> None:
    """Nor once more by an old one, forth and back."""
    desk = wrong.desk
    first = wrong.move()
    wrong.move(desk.pupil, from_id=wrong.right)
    with pytest.raises(StorageError, match="42501"), desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        tx.execute(
            sa.text(statement),
            {"to": new_id() if "old" not in statement else create_pupil(resources=desk.resources, school=desk.school), "old": first.entry_id},
        )


def _holding(desk: Desk) -> UUID:
    from services.incidents.recording import holding_pupil

    return holding_pupil(desk.school.id)
