"""Corrections: what an entry says now, what it said, who still sees that; and asking for one."""

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep.contracts.incidents import (
    AddAction,
    AddCorrection,
    Alert,
    AskCorrection,
    Chronology,
    DeclineCorrection,
    Incident,
    MyCorrectionRequests,
    OpenCorrectionRequests,
    Pupil,
    Recorded,
)
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound
from safekeep.ids import new_id
from safekeep.permissions import Role
from tests.make import GOOD_EXAMPLE, create_person, create_pupil
from tests.services.incidents.desk import Desk

BAD_NAME = "Quentin"


def fix(answer: Recorded, **fields: Any) -> AddCorrection:
    return AddCorrection(
        **{"id": new_id(), "incident_id": answer.id, "entry_id": answer.id, "reason": "Wrong day", "should_say": "It was Tuesday."} | fields
    )


def events(desk: Desk, name: str) -> list[dict[str, Any]]:
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        return list(tx.execute(sa.text("select body from outbox where name = :name order by id"), {"name": name}).scalars())


def test_everybody_who_reads_an_entry_reads_what_it_says_now_and_can_open_what_it_said(desk: Desk) -> None:
    answer = desk.record(category_codes=["behaviour"], action_taken="Told nobody.", narrative="It was Monday.")
    desk.ask(fix(answer, action_taken="Told the DSL."), role="dsl")
    desk.ask(fix(answer, reason="And again", should_say="It was Wednesday."), role="deputy_dsl")
    for role in ("teacher", "slt", "dsl"):
        seen = desk.ask(Incident(incident_id=answer.id), role=role)
        first, older, newer = seen.entries
        assert (first.text, seen.facts.action_taken) == ("It was Wednesday.", "Told the DSL.")
        assert [(e.text, e.action_taken, e.hidden) for e in first.earlier] == [
            ("It was Monday.", "Told nobody.", False),
            ("It was Tuesday.", "Told the DSL.", False),
        ]
        assert [(e.reason, e.replaced, e.text) for e in (older, newer)] == [("Wrong day", True, ""), ("And again", False, "It was Wednesday.")]
    lines = {line.kind: line for line in desk.ask(Chronology(pupil_id=desk.pupil), role="slt").items if line.id == answer.id}
    assert (lines["incident"].text, lines["incident"].action_taken, lines["incident"].corrected) == ("It was Wednesday.", "Told the DSL.", True)


def test_a_correction_that_hides_the_earlier_text_leaves_it_to_dsls_and_its_author(desk: Desk) -> None:
    """In the incident, chronology, search, pupil's page; a later correction that hides nothing does not bring it back."""
    deputy, told = desk.school.people["deputy_dsl"], desk.school.people["admin"]
    answer = desk.record(
        category_codes=["behaviour"], narrative=f"{BAD_NAME} did it.", action_taken=f"Rang {BAD_NAME}'s mother.", alert=Alert(staff_ids=[told])
    )
    desk.ask(fix(answer, should_say=f"{BAD_NAME[0]}. did it, says {BAD_NAME}.", action_taken=""), role="dsl")
    desk.ask(fix(answer, should_say="A pupil did it.", action_taken="Rang a mother.", hide_earlier=True), role="dsl")
    desk.ask(fix(answer, should_say="Another pupil did it."), role="dsl")

    def all_of(role: str, person: UUID | None = None) -> str:
        found = [
            desk.ask(r, role=role, person=person)
            for r in (Incident(incident_id=answer.id), Chronology(pupil_id=desk.pupil), Pupil(pupil_id=desk.pupil, opened=True))
        ]
        return "".join(item.model_dump_json() for item in found)

    for role in ("slt", "admin"):
        assert BAD_NAME not in all_of(role), role
        assert desk.ask(Chronology(pupil_id=desk.pupil, words=BAD_NAME), role=role).total == 0
        assert desk.ask(Chronology(pupil_id=desk.pupil, words="Another pupil"), role=role).total >= 1
        earlier = desk.ask(Incident(incident_id=answer.id), role=role).entries[0].earlier
        assert [(e.text, e.hidden) for e in earlier] == [("", True), ("", True), ("A pupil did it.", False)]
    assert desk.ask(Chronology(pupil_id=desk.pupil, words=BAD_NAME), role="teacher").total == 0, "its author finds what it says now, as it is shown"
    assert desk.ask(Chronology(pupil_id=desk.pupil, words="Another pupil"), role="teacher").total >= 1
    for role in ("dsl", "deputy_dsl"):
        earlier = desk.ask(Incident(incident_id=answer.id), role=role).entries[0].earlier
        assert [BAD_NAME in e.text for e in earlier] == [True, True, False], "no DSL can hide it from the other DSLs"
    mine = desk.ask(Incident(incident_id=answer.id), role="teacher").entries[0].earlier
    assert [BAD_NAME in e.text for e in mine] == [True, False, False], "an author's own words stay theirs; not what a DSL wrote"
    assert desk.reads(answer.id, role="deputy_dsl", person=deputy) == 4


def test_an_author_who_lost_sight_still_reads_their_own_words_and_nothing_of_the_correction(desk: Desk) -> None:
    answer = desk.record(category_codes=["behaviour"])
    desk.ask(AddAction(id=new_id(), incident_id=answer.id, text="Referred.", category_codes=["child_protection"]), role="dsl")
    desk.ask(fix(answer, should_say="Only for DSLs."), role="dsl")
    seen = desk.ask(Incident(incident_id=answer.id), role="teacher")
    assert [(e.text, e.earlier) for e in seen.entries] == [(GOOD_EXAMPLE, [])]
    (line,) = desk.ask(Chronology(pupil_id=desk.pupil), role="teacher").items
    assert (line.text, line.corrected) == (GOOD_EXAMPLE, False)
    assert desk.ask(Chronology(pupil_id=desk.pupil, words="Only for DSLs"), role="teacher").total == 0
    assert desk.ask(Chronology(pupil_id=desk.pupil, words="crying"), role="teacher").total == 1


def test_what_a_dsl_does_stands_in_the_ledger_with_the_dsl_as_its_author(desk: Desk) -> None:
    """Reclassifying, granting, correcting; restricting and moving have tests of their own."""
    answer = desk.record(category_codes=["behaviour"], alert=Alert(staff_ids=[desk.school.people["sports_coach"]]))
    keep = {"keep": [desk.school.people["sports_coach"]], "keep_reason": "Sees him daily"}
    desk.ask(AddAction(id=new_id(), incident_id=answer.id, text="Referred.", category_codes=["welfare"], **keep), role="dsl")
    desk.ask(fix(answer, hide_earlier=True), role="dsl")
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        rows = [bytes(row).decode() for row in tx.execute(sa.text("select canonical from ledger order by sequence")).scalars()]
    assert len(rows) == 3
    assert all(str(desk.school.people["dsl"]) in row for row in rows[1:])
    assert ['"categories"' in row for row in rows] == [True, True, True]
    assert "fact:kept" in rows[1]
    assert "fact:hides_earlier" in rows[2]


def test_a_correction_cannot_be_corrected_nor_an_entry_that_is_not_there(desk: Desk) -> None:
    answer = desk.record()
    done = desk.ask(fix(answer), role="dsl")
    for entry in (done.entry_id, new_id()):
        with pytest.raises(NotFound, match="entry"):
            desk.ask(fix(answer, entry_id=entry), role="dsl")


BAD = [
    ({"reason": " "}, {"reason": "missing"}),
    ({"should_say": ""}, {"should_say": "missing"}),
    ({"should_say": "x" * 20_001}, {"should_say": "too_long"}),
    ({"reason": "a\u202eb"}, {"reason": "direction_override"}),
    ({"action_taken": "a\x00b"}, {"action_taken": "control_characters"}),
    ({"request_id": "x"}, {"request_id": "not_an_id"}),
]


@pytest.mark.parametrize(("fields", "problems"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_a_bad_correction_is_named_by_field_and_code_and_nothing_is_kept(desk: Desk, fields: dict[str, Any], problems: dict[str, str]) -> None:
    from safekeep.rpc import envelope

    answer = desk.record()
    call = envelope(fix(answer), token=desk._token(roles=["dsl"], school_id=desk.school.id, person_id=desk.school.people["dsl"]), seconds=5)
    call["body"] |= fields
    with pytest.raises(Invalid) as caught:
        desk.service.add_correction(call)
    assert caught.value.problems == problems
    assert desk.reads(answer.id, role="dsl") == 1


# --- asking for one ---------------------------------------------------------------------------------------------------


def test_an_author_asks_a_dsl_and_sees_what_became_of_it(desk: Desk) -> None:
    first, second = desk.record(), desk.record()
    asks = [AskCorrection(id=new_id(), entry_id=answer.id, text="I wrote Monday. It was Tuesday.") for answer in (first, second)]
    for ask in (*asks, asks[0]):
        desk.ask(ask, role="teacher")
    items = desk.ask(OpenCorrectionRequests(), role="dsl").items
    assert [(item.id, item.number, item.text) for item in items] == [
        (asks[0].id, first.number, asks[0].text),
        (asks[1].id, second.number, asks[1].text),
    ]
    leads = sorted([desk.school.people["dsl"], desk.school.people["deputy_dsl"]])
    assert [event["person_ids"] for event in events(desk, "incidents.correction.asked")] == [[str(p) for p in leads]] * 2, "once each"
    done = desk.ask(fix(first, request_id=asks[0].id), role="dsl")
    desk.ask(DeclineCorrection(request_id=asks[1].id, reason="The register says Monday."), role="deputy_dsl")
    assert desk.ask(OpenCorrectionRequests(), role="dsl").items == []
    mine = desk.ask(MyCorrectionRequests(), role="teacher").items
    assert [(item.correction_id, item.reason) for item in mine] == [(done.entry_id, ""), (None, "The register says Monday.")]
    assert [event["asked_by"] for event in events(desk, "incidents.correction.declined")] == [str(desk.school.people["teacher"])]
    assert desk.ask(Incident(incident_id=second.id), role="teacher").requests[0].reason == "The register says Monday."
    for again in (DeclineCorrection(request_id=asks[0].id, reason="No"), fix(second, request_id=asks[1].id)):
        with pytest.raises(NotFound, match="request"):
            desk.ask(again, role="dsl")


def test_only_ones_own_words_and_only_dsls_answer(desk: Desk) -> None:
    answer = desk.record(category_codes=["behaviour"])
    for entry in (answer.id, new_id()):
        with pytest.raises(NotFound, match="entry"):
            desk.ask(AskCorrection(id=new_id(), entry_id=entry, text="Not mine"), role="slt")
    ask = AskCorrection(id=new_id(), entry_id=answer.id, text="Mine")
    desk.ask(ask, role="teacher")
    with pytest.raises(Conflict, match="other_content"):
        desk.ask(ask.model_copy(update={"text": "Another"}), role="teacher")
    for request in (OpenCorrectionRequests(), DeclineCorrection(request_id=ask.id, reason="No")):
        with pytest.raises(NotAllowed):
            desk.ask(request, role="slt")
    assert desk.ask(Incident(incident_id=answer.id), role="slt").requests == []


def test_a_dsl_is_not_asked_about_their_own_child(desk: Desk) -> None:
    parent = create_person(resources=desk.resources, school=desk.school, role=Role.DSL)
    child = create_pupil(resources=desk.resources, school=desk.school, name="Parent's Child", relatives=(parent,))
    answer = desk.record(pupil_id=child)
    ask = AskCorrection(id=new_id(), entry_id=answer.id, text="Wrong day")
    desk.ask(ask, role="teacher")
    assert str(parent) not in events(desk, "incidents.correction.asked")[0]["person_ids"]
    assert desk.ask(OpenCorrectionRequests(), role="dsl", person=parent).items == []
    with pytest.raises(NotFound):
        desk.ask(DeclineCorrection(request_id=ask.id, reason="No"), role="dsl", person=parent)
