"""Jobs for a person: tokens in their name, one a step, issued after their roles are checked again."""

import datetime as dt
from typing import Any
from uuid import UUID

import pytest

from safekeep import actor, clock, permissions
from safekeep.contracts.identity import ActFor, BeginJob, ChangeMember, CloseMember
from safekeep.errors import NotAllowed, NotFound, NotSignedIn
from safekeep.ids import new_id
from tests.services.identity.office import Office


class Desk:
    """The office, with a second DSL who changes the first one's roles, and the two services that do jobs."""

    def __init__(self, office: Office, service_token_for: Any, token_for: Any) -> None:
        self.office, self._service_token, self._token = office, service_token_for, token_for
        self.keys = office.resources.keys

    def begin(self, *, kind: str = "export", role: str = "dsl", **more: Any) -> UUID:
        job_id: UUID = more.pop("id", new_id())
        person = more.pop("person", self.office.dsl.id)
        token = self._token(roles=[role], school_id=self.office.one.id, person_id=person, **more)
        self.office.ask(BeginJob(id=job_id, kind=kind), token=token)
        return job_id

    def step(self, job_id: UUID, *, service: str = "incidents", school: UUID | None = None) -> str:
        token: str = self.office.ask(ActFor(job_id=job_id), token=self._service_token(service, school or self.office.one.id)).token
        return token


@pytest.fixture
def desk(office: Office, service_token_for: Any, token_for: Any) -> Desk:
    return Desk(office, service_token_for, token_for)


def test_a_step_is_taken_with_a_token_that_names_who_asked_the_job_and_the_service(desk: Desk) -> None:
    """A minute long, for one process alone; and each step has another."""
    job_id = desk.begin()
    token = desk.step(job_id)
    shown = actor.verify(keys=desk.keys, token=token, at="ledger")
    assert (shown.person_id, shown.name, shown.roles, shown.school_id) == (desk.office.dsl.id, "Dee Lead", {"dsl"}, desk.office.one.id)
    assert (shown.job_id, shown.acts, shown.methods) == (job_id, "incidents", frozenset())
    for elsewhere in ("", "incidents", "identity", "reports"):
        with pytest.raises(NotSignedIn):
            actor.verify(keys=desk.keys, token=token, at=elsewhere)
    with clock.set_to(clock.now() + dt.timedelta(minutes=1, seconds=1)):
        with pytest.raises(NotSignedIn):
            actor.verify(keys=desk.keys, token=token, at="ledger")
        assert desk.step(job_id) != token


def test_roles_are_looked_up_anew_at_each_step(desk: Desk) -> None:
    """Of the asker as they are now, whatever the token they asked with said; who has left gets none, and a role that opens it no more is refused."""
    office = desk.office
    job_id = desk.begin(kind="chronology", role="teacher", person=office.teacher.id)
    assert actor.verify(keys=desk.keys, token=desk.step(job_id, service="reports"), at="incidents").roles == {"teacher"}
    change = {"job": "", "room": "", "telephone": "", "on_duty": False, "school_id": None}
    office.ask(ChangeMember(person_id=office.teacher.id, roles=["slt"], **change), token=office.member("dsl"))
    assert actor.verify(keys=desk.keys, token=desk.step(job_id, service="reports"), at="incidents").roles == {"slt"}
    office.ask(ChangeMember(person_id=office.teacher.id, roles=["governor"], **change), token=office.member("dsl"))
    with pytest.raises(NotAllowed):
        desk.step(job_id, service="reports")
    office.ask(ChangeMember(person_id=office.teacher.id, roles=["slt"], **change), token=office.member("dsl"))
    office.ask(CloseMember(person_id=office.teacher.id, school_id=None), token=office.member("dsl"))
    with pytest.raises(NotAllowed):
        desk.step(job_id, service="reports")


def test_only_the_service_that_does_the_job_gets_a_token_at_its_school_within_a_day(desk: Desk) -> None:
    job_id = desk.begin()
    for service, school in (("reports", desk.office.one.id), ("incidents", desk.office.two.id)):
        with pytest.raises(NotFound):
            desk.step(job_id, service=service, school=school)
    with pytest.raises(NotFound):
        desk.step(new_id())
    with pytest.raises(NotAllowed):
        desk.step(job_id, service="alerts")
    with clock.set_to(clock.now() + dt.timedelta(hours=25)):
        with pytest.raises(NotFound):
            desk.step(job_id)


def test_a_job_is_begun_by_who_may_have_it_done_and_is_theirs(desk: Desk) -> None:
    """Not by a role that may not, not with a second factor of an hour ago; an id that is somebody else's answers like none."""
    with pytest.raises(NotAllowed):
        desk.begin(role="teacher", person=desk.office.teacher.id)
    with pytest.raises(NotAllowed):
        desk.begin(second_factor_at=clock.now() - dt.timedelta(hours=1))
    job_id = desk.begin()
    assert desk.begin(id=job_id) == job_id, "the same again is one job"
    with pytest.raises(NotFound):
        desk.begin(id=job_id, kind="chronology")
    with pytest.raises(NotFound):
        desk.begin(id=job_id, kind="export", person=new_id())


def test_a_jobs_token_calls_what_its_job_lists_and_nothing_else() -> None:
    """Whatever the roles of who asked: every method of every service, against what each job is for."""
    everything = frozenset(permissions.Role)
    for kind, job in permissions.JOBS.items():
        acting = actor.Actor(new_id(), None, new_id(), None, everything, "", new_id(), clock.now(), False, methods=job.methods, job_id=new_id())
        assert {m for m in permissions.METHODS if permissions.may_call(acting, m)} == set(job.methods), kind
