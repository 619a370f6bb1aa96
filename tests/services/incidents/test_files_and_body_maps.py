"""The lists of a pupil's files and of their body maps: of the entries a reader may read, and of those alone; and what opening one counts as."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from safekeep import clock
from safekeep.contracts.incidents import (
    AddAction,
    AddCorrection,
    Alert,
    BlockFile,
    Chronology,
    DecideDestruction,
    LinkedPupil,
    ProposeDestruction,
    PupilOpenings,
    Readable,
    SetFlag,
)
from safekeep.errors import TooMuchRead
from safekeep.ids import new_id
from safekeep.permissions import Role
from services.incidents import openings
from tests.make import create_person, create_pupil
from tests.services.incidents.desk import Desk
from tests.services.incidents.test_body_maps import DRAWN, with_map
from tests.services.incidents.test_exported_chronology import Attach
from tests.services.incidents.test_reading_limits import opened

NOON = dt.datetime(2026, 3, 10, 12, 0, tzinfo=dt.UTC)


@pytest.fixture
def attach(desk: Desk, keys_folder: Path) -> Attach:
    return Attach(desk, keys_folder)


def files(desk: Desk, *, role: str = "dsl", **more: Any) -> Any:
    who = {"person": more.pop("person")} if "person" in more else {}
    return desk.ask(Chronology(**{"pupil_id": desk.pupil, "order": "recorded", "with_files": True, "only": "files"} | more), role=role, **who)


def body_maps(desk: Desk, *, role: str = "dsl", **more: Any) -> Any:
    who = {"person": more.pop("person")} if "person" in more else {}
    return desk.ask(Chronology(**{"pupil_id": desk.pupil, "only": "body_maps"} | more), role=role, **who)


def test_files_are_listed_with_the_entry_that_holds_them_newest_first_and_without_its_words(desk: Desk, attach: Attach) -> None:
    (first, one), (second, two), (third, three) = attach(), attach(), attach()
    with clock.set_to(NOON):
        incident = desk.record(receipts=[one, two])
        desk.record()
    with clock.set_to(NOON + dt.timedelta(minutes=1)):
        action = desk.ask(AddAction(id=new_id(), incident_id=incident.id, text="Sent us this.", receipts=[three], alert=Alert()), role="teacher")
    page = files(desk)
    assert [(item.id, [file.id for file in item.files]) for item in page.items] == [(action.entry_id, [third]), (incident.id, [first, second])]
    assert [(item.text, item.action_taken, item.body_map) for item in page.items] == [("", "", None)] * 2
    assert set(page.passes) == {first, second, third}
    one_by_one = files(desk, limit=1)
    rest = files(desk, limit=1, cursor=one_by_one.next)
    assert [item.id for item in one_by_one.items + rest.items] == [item.id for item in page.items]
    assert rest.next is None


def test_body_maps_are_listed_as_drawn_without_the_account(desk: Desk) -> None:
    desk.record()
    with_one = desk.ask(with_map(desk), role="teacher")
    page = body_maps(desk)
    assert [(item.id, item.body_map.marks, item.text, item.action_taken) for item in page.items] == [(with_one.id, DRAWN.marks, "", "")]
    assert page.passes == {}


def test_of_an_entry_a_reader_may_not_read_nothing_is_left(desk: Desk, attach: Attach) -> None:
    """No line, no count, no month, no pass, no page to go on to. Nor of what is another pupil's, or of a DSL's own child."""
    other = create_pupil(resources=desk.resources, school=desk.school, name="Amy Other")
    parent = create_person(resources=desk.resources, school=desk.school, role=Role.DSL)
    child = create_pupil(resources=desk.resources, school=desk.school, name="Parent's Child", relatives=(parent,))
    linked = [LinkedPupil(pupil_id=other, part="witness")]
    for pupil in (desk.pupil, child):
        for _ in range(2):
            of_them = {"id": new_id(), "pupil_id": pupil, "receipts": [attach()[1]], "linked_pupils": linked}
            desk.ask(with_map(desk).model_copy(update=of_them), role="teacher")
    everything = [len(ask(desk, pupil_id=pupil).items) for ask in (files, body_maps) for pupil in (desk.pupil, child)]
    assert everything == [2, 2, 2, 2]
    for ask in (files, body_maps):
        nothing = [ask(desk, role=role, limit=1) for role in ("slt", "admin")]
        nothing += [ask(desk, pupil_id=other, limit=1), ask(desk, pupil_id=child, person=parent, limit=1)]
        assert [(a.items, a.total, a.months, a.passes, a.next) for a in nothing] == [([], 0, [], {}, None)] * 4


def test_a_body_map_goes_with_the_account_that_was_struck_and_stays_its_authors_who_lost_sight(desk: Desk) -> None:
    done = desk.ask(with_map(desk, category_codes=["welfare"], alert=Alert(groups=["slt"])), role="teacher")

    def seen() -> list[int]:
        return [len(body_maps(desk, role=role).items) for role in ("dsl", "slt", "teacher")]

    assert seen() == [1, 1, 1]
    desk.ask(AddAction(id=new_id(), incident_id=done.id, text="Referred.", category_codes=["child_protection"], alert=Alert()), role="dsl")
    fix: dict[str, Any] = {"incident_id": done.id, "entry_id": done.id, "reason": "Wrong arm", "should_say": "It was the right arm."}
    desk.ask(AddCorrection(id=new_id(), **fix), role="dsl")
    assert seen() == [1, 0, 1]
    desk.ask(AddCorrection(id=new_id(), **fix, hide_earlier=True), role="dsl")
    assert seen() == [0, 0, 0]


def test_a_blocked_file_is_listed_as_blocked_without_a_pass_and_of_destroyed_content_nothing_is_left(desk: Desk, attach: Attach) -> None:
    file, receipt = attach()
    done = desk.ask(with_map(desk).model_copy(update={"receipts": [receipt]}), role="teacher")
    desk.ask(BlockFile(file_id=file, reason="Not to be seen"), role="dsl")
    page = files(desk)
    assert [[each.state for each in item.files] for item in page.items] == [["blocked"]]
    assert page.passes == {}
    ground: dict[str, Any] = {"basis": "order", "law": "Order of a court", "reason": "It was false"}
    proposed = desk.ask(ProposeDestruction(id=new_id(), incident_id=done.id, entry_id=done.id, **ground), role="dsl")
    desk.ask(DecideDestruction(destruction_id=proposed.id, decision="destroy", reason="Read it"), role="deputy_dsl")
    assert (files(desk).items, body_maps(desk).items) == ([], [])


def test_opening_either_list_is_kept_with_its_entries_and_is_not_having_read_the_account(desk: Desk, attach: Attach) -> None:
    done = desk.ask(with_map(desk).model_copy(update={"receipts": [attach()[1]]}), role="teacher")
    with clock.set_to(NOON):
        files(desk)
        body_maps(desk, role="deputy_dsl")
        kept = desk.ask(PupilOpenings(pupil_id=desk.pupil), role="dsl").items
    people = desk.school.people
    assert {(o.kind, o.person_id, o.entries) for o in kept} == {("pupil", people["dsl"], 1), ("pupil", people["deputy_dsl"], 1)}
    for role in ("dsl", "deputy_dsl"):
        assert desk.ask(Readable(entry_ids=[done.id], opened=True), role=role).entry_ids == []


def test_who_has_opened_too_much_is_stopped_at_either_list(desk: Desk) -> None:
    with clock.set_to(NOON):
        opened(desk, openings.MOST, role="slt", at=NOON)
        for ask in (files, body_maps):
            with pytest.raises(TooMuchRead):
                ask(desk, role="slt")


def test_each_page_of_a_pupils_entries_says_the_flags_its_reader_may_know_of(desk: Desk) -> None:
    """As the pupil's own page does: by the class of each, and none of a reader's own child."""
    parent = create_person(resources=desk.resources, school=desk.school, role=Role.DSL)
    child = create_pupil(resources=desk.resources, school=desk.school, name="Parent's Child", relatives=(parent,))
    for pupil in (desk.pupil, child):
        for kind in ("send", "child_protection_plan"):
            desk.ask(SetFlag(id=new_id(), pupil_id=pupil, kind=kind, started=dt.date(2026, 1, 5)), role="dsl")
    seen = {"dsl": {"send", "child_protection_plan"}, "slt": {"send"}, "teacher": set()}
    for more in ({}, {"only": "files"}, {"only": "body_maps"}):
        for role, kinds in seen.items():
            assert {flag.kind for flag in desk.ask(Chronology(pupil_id=desk.pupil, **more), role=role).flags} == kinds, (more, role)
        assert desk.ask(Chronology(pupil_id=child, **more), role="dsl", person=parent).flags == []
