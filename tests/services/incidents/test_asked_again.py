"""What alerts may say of an incident that waits, by whom it would be said to: all that asking again tells anybody rests on this answer."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep import clock
from safekeep.contracts.identity import StaffChanged
from safekeep.contracts.incidents import Alert, KeepStandIn, LinkedPupil, NumberAnswer, NumberOf, Restrict, SetStatus
from safekeep.errors import NotFound
from safekeep.ids import new_id
from tests.make import create_pupil
from tests.services.incidents.test_who_is_told import Office


class Waiting(Office):
    """An office whose incidents alerts asks about, with its own token."""

    alerts_token: Callable[[UUID], str]

    def answer(self, incident: UUID, role: str | None) -> NumberAnswer:
        token = self.alerts_token(self.school.id)
        person = self.school.people[role] if role else None
        said: NumberAnswer = self._ask(self.service, NumberOf(incident_id=incident, person_id=person), token=token)
        return said

    def may(self, incident: UUID, *roles: str) -> dict[str, tuple[bool, bool]]:
        """Return (whether they may be told, whether it opens for them) by role."""
        answers = {role: self.answer(incident, role) for role in roles}
        return {role: (said.may_be_told, said.opens) for role, said in answers.items()}

    def parent_of_one(self, *roles: str) -> UUID:
        return create_pupil(resources=self.resources, school=self.school, relatives=tuple(self.school.people[role] for role in roles))

    def leaves(self, role: str) -> None:
        said: dict[str, Any] = {"person_id": self.school.people[role], "roles": [role], "active": False}
        self.hear(StaffChanged(id=new_id(), at=clock.now(), school_id=self.school.id, subject=new_id(), sequence=1, **said))


@pytest.fixture
def waiting(resources: Any, ask_service: Any, token_for: Any, service_token_for: Any) -> Waiting:
    found = Waiting(resources("incidents"), ask_service, token_for)
    found.alerts_token = lambda school_id: service_token_for("alerts", school_id)
    return found


TOLD, OPENS, NOTHING = (True, False), (True, True), (False, False)


def test_a_role_that_opens_it_is_led_to_it_and_another_hears_the_number(waiting: Waiting) -> None:
    safeguarding = waiting.record(category_codes=["safeguarding_concern"])
    welfare = waiting.record(category_codes=["welfare"])
    assert waiting.answer(safeguarding.id, "dsl").number == safeguarding.number
    assert waiting.may(safeguarding.id, "dsl", "deputy_dsl", "slt") == {"dsl": OPENS, "deputy_dsl": OPENS, "slt": TOLD}
    assert waiting.may(welfare.id, "dsl", "slt") == {"dsl": OPENS, "slt": OPENS}
    assert waiting.answer(safeguarding.id, None) == NumberAnswer(number=safeguarding.number, may_be_told=True, opens=False), "the trust's lead"


def test_what_is_closed_for_every_pupil_in_it_is_said_to_be_until_it_is_opened_again_for_one(waiting: Waiting) -> None:
    """To whoever is asked about, also where they may be told nothing: alerts then asks nobody."""
    other = create_pupil(resources=waiting.resources, school=waiting.school)
    pupil = create_pupil(resources=waiting.resources, school=waiting.school)
    incident = waiting.record(pupil_id=pupil, linked_pupils=[LinkedPupil(pupil_id=other, part="witness")], category_codes=["welfare"]).id
    steps = ((pupil, "closed", False), (other, "monitoring", False), (other, "closed", True), (pupil, "closed", True), (pupil, "open", False))
    for whom, status, closed in steps:
        waiting.ask(SetStatus(id=new_id(), incident_id=incident, pupil_id=whom, status=status, reason="She is well."), role="dsl")  # type: ignore[arg-type]
        assert {waiting.answer(incident, role).closed for role in ("dsl", "teacher", None)} == {closed}
    with waiting.resources.transaction(waiting.resources.engine, school_id=waiting.school.id) as tx:
        said = tx.execute(sa.text("select body from outbox where name = 'incidents.status.changed' order by id")).scalars().all()
    assert [body["closed"] for body in said] == [closed for _, _, closed in steps]


def test_whose_own_child_it_is_hears_nothing(waiting: Waiting) -> None:
    own = waiting.record(pupil_id=waiting.parent_of_one("dsl", "slt"), category_codes=["welfare"]).id
    assert waiting.may(own, "dsl", "slt", "deputy_dsl") == {"dsl": NOTHING, "slt": NOTHING, "deputy_dsl": OPENS}


def test_who_has_left_and_who_records_nothing_hear_nothing(waiting: Waiting) -> None:
    incident = waiting.record(category_codes=["welfare"]).id
    waiting.leaves("deputy_dsl")
    assert waiting.may(incident, "deputy_dsl", "governor", "dsl") == {"deputy_dsl": NOTHING, "governor": NOTHING, "dsl": OPENS}


def test_of_what_is_kept_to_two_people_nobody_else_hears_and_the_trust_does_not(waiting: Waiting) -> None:
    people = waiting.school.people
    incident = waiting.record(category_codes=["safeguarding_concern"], alert=Alert(groups=["slt"])).id
    about: dict[str, Any] = {"about_id": people["sports_coach"], "keeper_id": people["slt"], "dsl_id": people["dsl"], "reason": "About a coach"}
    waiting.ask(Restrict(id=new_id(), entry_id=incident, **about), role="dsl")
    said = waiting.may(incident, "dsl", "slt", "deputy_dsl", "sports_coach")
    assert {role: told for role, (told, _) in said.items()} == {"dsl": True, "slt": True, "deputy_dsl": False, "sports_coach": False}
    assert waiting.answer(incident, None).may_be_told is False


def test_where_every_dsl_is_family_it_opens_for_who_stands_in_and_for_nobody_else(waiting: Waiting) -> None:
    waiting.ask(KeepStandIn(id=new_id(), person_id=waiting.school.people["pastoral"], reason="Agreed with the head"), role="dsl")
    every = waiting.record(pupil_id=waiting.parent_of_one("dsl", "deputy_dsl"), category_codes=["safeguarding_concern"]).id
    roles = ("dsl", "deputy_dsl", "pastoral", "slt")
    assert waiting.may(every, *roles) == {"dsl": NOTHING, "deputy_dsl": NOTHING, "pastoral": OPENS, "slt": TOLD}
    one = waiting.record(pupil_id=waiting.parent_of_one("dsl"), category_codes=["safeguarding_concern"]).id
    assert waiting.may(one, *roles) == {"dsl": NOTHING, "deputy_dsl": OPENS, "pastoral": TOLD, "slt": TOLD}


def test_of_no_incident_of_the_school_there_is_nothing_to_say(waiting: Waiting) -> None:
    with pytest.raises(NotFound):
        waiting.answer(new_id(), "dsl")
