"""What other pupils are called: for DSLs alone, and linked only by what they may read."""

import pytest

from safekeep.contracts.incidents import LinkedPupil, Register
from safekeep.errors import NotAllowed, NotFound
from safekeep.ids import new_id
from tests.make import create_pupil
from tests.services.incidents.desk import Desk


def test_every_other_pupil_is_named_and_those_in_the_same_incidents_are_marked(desk: Desk) -> None:
    linked, apart = (create_pupil(resources=desk.resources, school=desk.school, name=name) for name in ("Żaklina Quixworth", "Tom Apart"))
    desk.record(linked_pupils=[LinkedPupil(pupil_id=linked, part="witness")])
    desk.record(pupil_id=apart)
    found = desk.ask(Register(pupil_id=desk.pupil), role="dsl")
    assert {item.name: item.linked for item in found.items} == {"Żaklina Quixworth": True, "Tom Apart": False}


def test_who_is_linked_where_a_dsl_may_not_read_is_not_told(desk: Desk) -> None:
    own = create_pupil(resources=desk.resources, school=desk.school, name="Own Child", relatives=(desk.school.people["dsl"],))
    desk.record(linked_pupils=[LinkedPupil(pupil_id=own, part="witness")])
    assert [item.linked for item in desk.ask(Register(pupil_id=desk.pupil), role="dsl").items] == [False]
    assert [item.linked for item in desk.ask(Register(pupil_id=desk.pupil), role="deputy_dsl").items] == [True]


def test_it_is_for_dsls_and_of_a_pupil_that_is_there(desk: Desk) -> None:
    for role in ("teacher", "slt", "governor"):
        with pytest.raises(NotAllowed):
            desk.ask(Register(pupil_id=desk.pupil), role=role)
    with pytest.raises(NotFound):
        desk.ask(Register(pupil_id=new_id()), role="dsl")
