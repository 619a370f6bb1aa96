"""What became of a recording whose answer was lost: recorded, or, once its deadline has passed, certainly not."""

import contextlib
import datetime as dt
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from safekeep import clock
from safekeep.contracts.incidents import Outcome
from safekeep.errors import TooLate
from safekeep.ids import new_id
from safekeep.permissions import Role
from safekeep.rpc import envelope
from services.incidents import store
from tests.make import a_record, create_person
from tests.services.incidents.desk import Desk


def outcome(desk: Desk, entry_id: Any, *, person: Any = None, **more: Any) -> Any:
    return desk.ask(Outcome(entry_id=entry_id, **more), role="teacher", person=person)


@pytest.fixture
def clocks() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


def await_a_lock(desk: Desk) -> None:
    """Return once somebody waits for a lock in this database."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        with desk.resources.engine.connect() as connection:
            if connection.execute(sa.text("select count(*) from pg_locks where not granted")).scalar_one():
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


def test_the_author_learns_that_it_is_recorded_and_nobody_else_does(desk: Desk) -> None:
    done = desk.record()
    assert outcome(desk, done.id).incident_id == done.id
    colleague = create_person(resources=desk.resources, school=desk.school, role=Role.TEACHER)
    assert outcome(desk, done.id, person=colleague) == outcome(desk, new_id()), "as if unknown"


def test_what_is_not_recorded_when_the_deadline_has_passed_never_is(desk: Desk, clocks: contextlib.ExitStack) -> None:
    """The call is inside the service, before the lock, when its deadline passes: it is refused then, not later."""
    request = a_record(pupil_id=desk.pupil)
    token = desk._token(roles=["teacher"], school_id=desk.school.id, person_id=desk.school.people["teacher"])
    call, found = envelope(request, token=token, seconds=60), list[Any]()

    def record() -> None:
        try:
            found.append(desk.service.record(call))
        except Exception as error:
            found.append(error)

    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        store.lock_head(tx, school_id=desk.school.id)
        thread = threading.Thread(target=record)
        thread.start()
        await_a_lock(desk)
        clocks.enter_context(clock.set_to(clock.now() + dt.timedelta(seconds=61)))
        assert found == [], "it waits for the lock"
    thread.join(30)
    assert isinstance(found[0], TooLate)
    assert outcome(desk, request.id).incident_id is None
    assert desk.reads(request.id, role="teacher") == 0


def test_a_call_that_comes_after_its_deadline_is_refused(desk: Desk) -> None:
    token = desk._token(roles=["teacher"], school_id=desk.school.id, person_id=desk.school.people["teacher"])
    with pytest.raises(TooLate):
        desk.service.record(envelope(a_record(pupil_id=desk.pupil), token=token, seconds=-1))


@pytest.mark.parametrize("behind", [-5, 0, 5])
def test_only_the_clock_that_refuses_late_calls_says_that_a_deadline_has_passed(desk: Desk, behind: int) -> None:
    """The gateway's clock is ahead of the service's or behind it by seconds: what was called certain does not come true afterwards."""
    request = a_record(pupil_id=desk.pupil)
    sent = clock.now()
    token = desk._token(roles=["teacher"], school_id=desk.school.id, person_id=desk.school.people["teacher"])
    call, deadline = envelope(request, token=token, seconds=10), sent + dt.timedelta(seconds=12)

    def at_the_service(seconds: float) -> Any:
        return clock.set_to(sent + dt.timedelta(seconds=seconds - behind))

    with at_the_service(13):
        certain = outcome(desk, request.id, deadline=deadline).passed
        assert certain is (behind <= 0), "thirteen seconds later by the gateway's clock"
        assert outcome(desk, request.id).passed is False, "of no known deadline"
        if certain:
            with pytest.raises(TooLate):
                desk.service.record(call)
            assert outcome(desk, request.id, deadline=deadline).incident_id is None
            return
        desk.service.record(call)  # by its own clock it is in time
        assert outcome(desk, request.id, deadline=deadline).incident_id == request.id
