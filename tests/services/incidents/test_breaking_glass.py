"""The trust's safeguarding lead opens one incident of a school, once, with a reason; everybody there can know of it, and nothing stays open."""

import json
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep.contracts.incidents import BreakGlass, Incident, PupilOpenings, RestrictionItem, Summaries
from safekeep.errors import NotAllowed, NotFound, NotSignedIn
from safekeep.ids import new_id
from safekeep.permissions import Role
from tests.identity_beside import identity_beside
from tests.make import create_pupil
from tests.services.incidents.desk import Desk
from tests.services.incidents.test_restricting import Kept


class Trust:
    """The trust of the desk's school, and its safeguarding lead."""

    def __init__(self, desk: Desk, resources: Any, ask_service: Any, token_for: Any) -> None:
        self.desk, self.lead, self._ask, self._token = desk, new_id(), ask_service, token_for
        desk.service.identity = identity_beside(resources=resources("identity"), school=desk.school)  # type: ignore[assignment] - asked as over the bus

    def ask(self, request: Any, *, trust: UUID | None = None, role: Role = Role.TRUST_SAFEGUARDING_LEAD, **more: Any) -> Any:
        of = trust or self.desk.school.id  # identity_beside gives the trust the school's id
        return self._ask(self.desk.service, request, token=self._token(roles=[role], school_id=None, trust_id=of, person_id=self.lead, **more))

    def opens(self, number: str, *, reason: str = "No DSL answers", school: UUID | None = None, **who: Any) -> Any:
        return self.ask(BreakGlass(school_id=school or self.desk.school.id, number=number, reason=reason), **who)

    def rows(self, statement: str) -> list[Any]:
        host = self.desk.resources
        with host.transaction(host.engine, school_id=self.desk.school.id) as tx:
            return list(tx.execute(sa.text(statement)).all())


@pytest.fixture
def trust(desk: Desk, resources: Any, ask_service: Any, token_for: Any) -> Trust:
    return Trust(desk, resources, ask_service, token_for)


def test_it_opens_one_incident_whatever_its_class_and_the_reason_stands_in_ledger_audit_log_and_who_read_what(trust: Trust) -> None:
    made = trust.desk.record(role="dsl", category_codes=["child_protection"])
    answer = trust.opens(made.number, reason="Rang all three DSLs")
    assert [entry.text for entry in answer.entries] == [trust.desk.ask(Incident(incident_id=made.id), role="dsl").entries[0].text]

    entry = json.loads(trust.rows("select canonical from ledger order by sequence desc limit 1")[0].canonical)
    assert (entry["kind"], entry["author"], entry["incident"]) == ("glass_broken", str(trust.lead), str(made.id))
    with trust.desk.resources.transaction(trust.desk.resources.worker_engine) as tx:
        bodies = tx.execute(sa.text("select body from outbox where name = 'incidents.audit.glass_broken'")).scalars()
        assert [(body["by"], body["incident_id"]) for body in bodies] == [(str(trust.lead), str(made.id))]
    items = trust.desk.ask(PupilOpenings(pupil_id=trust.desk.pupil), role="dsl").items
    assert [(item.kind, item.person_id, item.reason) for item in items if item.kind == "break_glass"] == [
        ("break_glass", trust.lead, "Rang all three DSLs")
    ]


def test_nothing_stays_open_and_each_time_is_told_anew(trust: Trust) -> None:
    made = trust.desk.record()
    for reason in ("Nobody answers", "Nobody answers still"):
        trust.opens(made.number, reason=reason)
    assert len(trust.rows("select 1 from ledger_openings where openings::text like '%Nobody answers%'")) == 2
    assert trust.rows(f"select 1 from rights where person_id = '{trust.lead}'") == []
    for request in (Incident(incident_id=made.id), Summaries(entry_ids=[made.id])):
        with pytest.raises((NotAllowed, NotSignedIn)):
            trust.ask(request)


def test_what_is_their_own_childs_or_kept_to_two_is_not_there_and_that_it_was_tried_is_kept(trust: Trust, desk: Desk) -> None:
    child = create_pupil(resources=desk.resources, school=desk.school, relatives=(trust.lead,))
    own, kept = desk.record(pupil_id=child), Kept(desk)
    assert isinstance(kept.restrict(), RestrictionItem)
    before = trust.rows("select count(*) from ledger")
    for number in (own.number, kept.answer.number, "2020-0001"):
        with pytest.raises(NotFound, match="incident"):
            trust.opens(number)
    assert trust.rows("select count(*) from ledger") == before
    assert trust.rows("select count(*) from openings where kind = 'break_glass' and refused")[0][0] >= 1


def test_no_other_role_no_other_trust_and_nobody_without_a_fresh_second_factor(trust: Trust) -> None:
    made = trust.desk.record()
    with pytest.raises(NotFound, match="incident"):
        trust.opens(made.number, trust=new_id())
    with pytest.raises(NotFound, match="incident"):
        trust.opens(made.number, school=new_id())
    with pytest.raises(NotAllowed):
        trust.opens(made.number, role=Role.TRUST_IT)
    with pytest.raises(NotAllowed, match="step_up"):
        trust.opens(made.number, second_factor_at=None)
    with pytest.raises(NotAllowed):
        trust.desk.ask(BreakGlass(school_id=trust.desk.school.id, number=made.number, reason="I am a DSL"), role="dsl")
