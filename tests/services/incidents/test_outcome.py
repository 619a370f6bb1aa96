"""What became of a recording whose answer was lost: recorded, or, once its deadline has passed, certainly not."""

import threading
import time
from typing import Any

import pytest

from safekeep.contracts.incidents import Outcome
from safekeep.errors import TooLate
from safekeep.ids import new_id
from safekeep.permissions import Role
from safekeep.rpc import envelope
from services.incidents import store
from tests.make import a_record, create_person
from tests.services.incidents.desk import Desk


def outcome(desk: Desk, entry_id: Any, *, person: Any = None) -> Any:
    return desk.ask(Outcome(entry_id=entry_id), role="teacher", person=person)


def test_the_author_learns_that_it_is_recorded_and_nobody_else_does(desk: Desk) -> None:
    done = desk.record()
    assert outcome(desk, done.id).incident_id == done.id
    colleague = create_person(resources=desk.resources, school=desk.school, role=Role.TEACHER)
    assert outcome(desk, done.id, person=colleague) == outcome(desk, new_id()), "as if unknown"


def test_what_is_not_recorded_when_the_deadline_has_passed_never_is(desk: Desk) -> None:
    """The call is inside the service, before the lock, when its deadline passes: it is refused then, not later."""
    request = a_record(pupil_id=desk.pupil)
    token = desk._token(roles=["teacher"], school_id=desk.school.id, person_id=desk.school.people["teacher"])
    found: list[Any] = []

    def record() -> None:
        try:
            found.append(desk.service.record(envelope(request, token=token, seconds=1.0)))
        except Exception as error:
            found.append(error)

    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        store.lock_head(tx, school_id=desk.school.id)
        thread = threading.Thread(target=record)
        thread.start()
        time.sleep(1.5)  # its deadline, which is measured against the real clock
        assert found == [], "it waits for the lock"
    thread.join(30)
    assert isinstance(found[0], TooLate)
    assert outcome(desk, request.id).incident_id is None
    assert desk.reads(request.id, role="teacher") == 0


def test_a_call_that_comes_after_its_deadline_is_refused(desk: Desk) -> None:
    token = desk._token(roles=["teacher"], school_id=desk.school.id, person_id=desk.school.people["teacher"])
    with pytest.raises(TooLate):
        desk.service.record(envelope(a_record(pupil_id=desk.pupil), token=token, seconds=-1))
