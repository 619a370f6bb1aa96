"""A body map is sealed with its incident: in the ledger, searched by its words, and out of sight when the account is taken out of it."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from safekeep.body.marks import BodyMap, Mark
from safekeep.contracts.incidents import AddCorrection, Alert, Chronology, Incident, LinkedPupil
from safekeep.errors import Conflict, Invalid
from safekeep.ids import new_id
from safekeep.proof.chain import field_commitment
from tests.make import a_record, create_pupil
from tests.services.incidents.desk import Desk

DRAWN = BodyMap(age="younger", marks=[Mark(drawing="front", region="left_forearm_inner", points=[(400, 470)], kind="bruise", said="It was the door")])

OPENED = (
    "select canonical, openings from entries join ledger on (ledger.school_id, ledger.sequence) = (entries.school_id, ledger_sequence) "
    "join ledger_openings on (ledger_openings.school_id, ledger_openings.sequence) = (entries.school_id, ledger_sequence) where id = :id"
)


def with_map(desk: Desk, body_map: BodyMap = DRAWN, **fields: Any) -> Any:
    return a_record(pupil_id=desk.pupil, body_map_id=new_id(), body_map=body_map, **fields)


def found(desk: Desk, words: str, *, pupil: Any = None, role: str = "dsl") -> list[Any]:
    return list(desk.ask(Chronology(pupil_id=pupil or desk.pupil, words=words), role=role).items)


def test_it_comes_back_with_the_words_it_was_sealed_in_and_its_commitment_opens(desk: Desk) -> None:
    done = desk.ask(with_map(desk), role="teacher")
    facts = desk.ask(Incident(incident_id=done.id), role="dsl").facts
    assert facts.body_map.marks == DRAWN.marks
    assert facts.body_map.words == ["1. Bruise, left forearm, inner. The child said: “It was the door”"]
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        row = tx.execute(sa.text(OPENED), {"id": done.id}).one()
    committed = json.loads(bytes(row.canonical))["fields"]["fact:body_map"]
    salt = row.openings["fields"]["fact:body_map"]
    assert field_commitment(name="fact:body_map", salt=salt, value=facts.body_map.wire()) == committed
    changed = facts.body_map.wire() | {"age": "older"}
    assert field_commitment(name="fact:body_map", salt=salt, value=changed) != committed


def test_the_same_one_again_answers_the_same_and_another_is_refused(desk: Desk) -> None:
    request = with_map(desk)
    first = desk.ask(request, role="teacher")
    assert desk.ask(request, role="teacher") == first
    forgotten = request.model_copy(update={"body_map": None})  # as it comes once files has heard that it was recorded
    assert desk.ask(forgotten, role="teacher") == first
    with pytest.raises(Conflict, match="other_content"):
        desk.ask(forgotten.model_copy(update={"body_map_id": new_id()}), role="teacher")
    with pytest.raises(Conflict, match="other_content"):
        desk.ask(request.model_copy(update={"body_map": BodyMap(age="older", marks=DRAWN.marks)}), role="teacher")


@pytest.mark.parametrize(
    "changed",
    [
        {"body_map": None},
        {"body_map_id": None},
        {"body_map": BodyMap(marks=[DRAWN.marks[0].model_copy(update={"region": "left_thumb_back"})])},
    ],
    ids=["an id and nothing drawn", "drawn and no id", "beside the drawing"],
)
def test_half_a_body_map_records_nothing(desk: Desk, changed: dict[str, Any]) -> None:
    request = with_map(desk).model_copy(update=changed)
    with pytest.raises(Invalid) as caught:
        desk.ask(request, role="teacher")
    assert list(caught.value.problems) == ["body_map_id"]
    assert desk.reads(request.id, role="dsl") == 0


def test_it_is_found_by_its_region_and_what_the_child_said_but_not_under_a_linked_pupil(desk: Desk) -> None:
    """Another child's body is no part of a linked pupil's chronology."""
    other = create_pupil(resources=desk.resources, school=desk.school, name="Amy Other")
    desk.ask(with_map(desk, linked_pupils=[LinkedPupil(pupil_id=other, part="witness")]), role="teacher")
    for words in ("Left forearm", "the door"):
        assert [line.body_map.marks for line in found(desk, words)] == [DRAWN.marks], words
        assert found(desk, words, pupil=other) == []
    assert found(desk, "right forearm") == []
    assert [line.body_map for line in found(desk, "", pupil=other)] == [None]


def test_who_may_not_read_the_account_finds_nothing_by_its_body_map(desk: Desk) -> None:
    desk.ask(with_map(desk), role="teacher")
    assert found(desk, "left forearm", role="slt") == []


def test_it_goes_out_of_sight_with_the_account(desk: Desk) -> None:
    """Once a correction takes the first words away, also when a later one does not: of the school's DSLs and its author only."""
    done = desk.ask(with_map(desk, category_codes=["welfare"], alert=Alert(groups=["slt"])), role="teacher")
    assert [line.body_map.marks for line in found(desk, "left forearm", role="slt")] == [DRAWN.marks]
    for hide in (True, False):
        fix = AddCorrection(id=new_id(), incident_id=done.id, entry_id=done.id, reason="Wrong child", should_say="She was well.", hide_earlier=hide)
        desk.ask(fix, role="dsl")
        assert found(desk, "left forearm", role="slt") == []
        assert all(line.body_map is None for line in found(desk, "", role="slt"))
        assert desk.ask(Incident(incident_id=done.id), role="slt").facts.body_map is None
        assert desk.ask(Incident(incident_id=done.id), role="dsl").facts.body_map is not None
