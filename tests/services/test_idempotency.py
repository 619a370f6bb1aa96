"""Idempotency keys, kept by the service that owns what is made: per school and account, for seven days."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from safekeep import actor, clock, idempotency, rpc
from safekeep.errors import Conflict, Invalid
from safekeep.ids import new_id
from safekeep.permissions import Role
from services.incidents import store
from tests.make import a_record, create_person, create_school
from tests.services.incidents.desk import Desk

WHEN = dt.datetime(2026, 11, 24, 12, 47, tzinfo=dt.UTC)


def record(desk: Desk, *, key: str = "k", content: str = "c", role: str = "teacher", person: Any = None, **fields: Any) -> Any:
    """Record as a program does that leaves the id to us: a new one in each call."""
    token = desk._token(roles=[role], school_id=desk.school.id, person_id=person or desk.school.people[role])
    sent = a_record(pupil_id=desk.pupil, **fields).model_copy(update={"id": new_id(), "occurred_at": WHEN})
    return desk._ask(desk.service, sent, token=token, once={"key": key, "content": content})


@pytest.fixture
def desk(resources: Any, ask_service: Any, token_for: Any) -> Desk:
    return Desk(resources("incidents"), ask_service, token_for)


def rows(desk: Desk, table: str) -> list[Any]:
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        return list(tx.execute(sa.text(f"select * from {table}")).mappings())


def test_the_same_key_answers_the_same_and_another_makes_another(desk: Desk) -> None:
    first = record(desk)
    assert record(desk) == first
    assert record(desk, key="other").id != first.id
    assert len(rows(desk, "incidents")) == 2


def test_the_same_key_with_other_content_is_refused(desk: Desk) -> None:
    record(desk)
    with pytest.raises(Conflict, match="other_key_content"):
        record(desk, content="changed")


def test_another_accounts_key_is_unknown(desk: Desk) -> None:
    first = record(desk)
    colleague = create_person(resources=desk.resources, school=desk.school, role=Role.TEACHER)
    second = record(desk, person=colleague, content="changed")
    assert second.id != first.id


def test_a_call_that_was_refused_gives_its_key_back(desk: Desk) -> None:
    with pytest.raises(Invalid):
        record(desk, content="bad", category_codes=["unheard_of"])
    assert record(desk, content="mended").number.endswith("-0001")


def test_many_at_once_under_one_key_make_one(desk: Desk) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: record(desk), range(8)))
    assert len({answer.id for answer in answers}) == 1
    assert len(rows(desk, "incidents")) == 1


def test_a_call_that_died_after_keeping_its_key_is_carried_out_by_the_next_under_the_same_id(desk: Desk) -> None:
    token = desk._token(roles=["teacher"], school_id=desk.school.id, person_id=desk.school.people["teacher"])
    who = actor.verify(keys=desk.resources.keys, token=token)
    died = new_id()
    assert idempotency.settle(desk.resources, actor=who, key="k", content="c", result_id=died) == died
    assert record(desk).id == died


def test_neither_the_key_nor_the_content_stands_in_the_database_and_both_go_after_seven_days(desk: Desk) -> None:
    first = record(desk, key="a-key-one-could-guess", content="words")
    (row,) = rows(desk, "idempotency_keys")
    assert {len(bytes(row["key"])), len(bytes(row["fingerprint"]))} == {32}
    assert "guess" not in repr(row)
    assert row["result_id"] == first.id
    engine = desk.resources.worker_engine
    with clock.set_to(clock.now() + dt.timedelta(days=6, hours=23)):
        assert idempotency.prune(engine) == 0
    with clock.set_to(clock.now() + dt.timedelta(days=7, hours=1)):
        assert idempotency.prune(engine) == 1
    assert rows(desk, "idempotency_keys") == []
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        assert store.entry_with(tx, school_id=desk.school.id, entry_id=first.id) is not None, "the incident's own id stays for good"


def test_a_key_kept_before_the_bus_key_was_turned_is_still_known(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    first = record(desk)
    keys, plain = desk.resources.keys, desk.resources.keys.symmetric_by_kid
    monkeypatch.setattr(keys, "symmetric_by_kid", lambda kid: b"n" * 32 if kid == "bus-2" else plain(kid))
    monkeypatch.setattr(keys, "symmetric", lambda purpose: ("bus-2", b"n" * 32))
    assert record(desk) == first


def test_one_accounts_key_at_another_school_is_unknown(desk: Desk) -> None:
    """Somebody who works at two schools, and a program that counts its keys from one at each."""
    person, other = desk.school.people["teacher"], create_school(resources=desk.resources)
    kept = []
    for school in (desk.school.id, other.id):
        who = actor.verify(keys=desk.resources.keys, token=desk._token(roles=["teacher"], school_id=school, person_id=person))
        kept.append([idempotency.settle(desk.resources, actor=who, key="1", content=str(school), result_id=new_id()) for _ in range(2)])
    (here, again), (there, there_again) = kept
    assert here == again
    assert there == there_again
    assert here != there


def test_a_running_service_forgets_old_keys_and_ids_of_events_once_an_hour(desk: Desk) -> None:
    """What the timer of every service calls."""
    record(desk)
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        columns = {"school": desk.school.id, "id": new_id(), "at": clock.now()}
        tx.execute(sa.text("insert into inbox (school_id, event_id, taken_at) values (:school, :id, :at)"), columns)

    def left(days: int) -> tuple[int, int]:
        with clock.set_to(clock.now() + dt.timedelta(days=days)):
            rpc.retry(desk.resources, {})
        return len(rows(desk, "idempotency_keys")), len(rows(desk, "inbox"))

    assert left(1) == (1, 1)
    assert left(40) == (1, 1), "it was done a moment ago"
    desk.resources.prune_at -= 3601
    assert left(8) == (0, 1), "of a key after seven days"
    desk.resources.prune_at -= 3601
    assert left(40) == (0, 0), "of an event after a month"
