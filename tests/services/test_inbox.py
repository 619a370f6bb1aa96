"""Events are taken once, in order per subject; what fails waits in `retries`, and nothing else waits for it."""

import datetime as dt
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep import clock, inbox
from safekeep.bus import Sealed, Unreadable
from safekeep.contracts.identity import StaffChanged
from safekeep.errors import StorageError
from safekeep.ids import new_id
from safekeep.rpc import Resources
from services.alerts import store

SCHOOL = new_id()
NOON = dt.datetime(2026, 3, 10, 12, 0, tzinfo=dt.UTC)


def event(subject: UUID, sequence: int, *, role: str = "teacher", person: UUID | None = None) -> StaffChanged:
    """An event about one subject."""
    return StaffChanged(
        id=new_id(), at=NOON, school_id=SCHOOL, subject=subject, sequence=sequence, person_id=person or subject, roles=[role], active=True
    )


def message(about: StaffChanged) -> Sealed:
    """The message as it is unsealed from the queue."""
    sealed = Sealed({"name": about.name, "version": about.version, "event": about.wire()})
    sealed.header = {"id": str(about.id), "type": about.name, "owner": "identity"}
    return sealed


class Service:
    """The door of a service over a fresh database; `fails` are roles the handler cannot take."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self.fails: set[str] = set()
        self.transactions: list[int] = []  # how many events were applied, by the transaction's backend-local id
        self.waited: list[float] = []
        self.buried: list[Any] = []  # (body, cause, attempts)
        self.gathers = False  # whether its handler is one of several events
        self.rounds: list[list[UUID]] = []  # whose events such a handler was given at once
        self.inbox = inbox.Inbox(engine=resources.engine, handlers={StaffChanged: self.handle}, wait=self.waited.append)

    def handle(self, tx: sa.Connection, heard: StaffChanged) -> None:
        self.transactions.append(tx.execute(sa.text("select txid_current()")).scalar_one())
        if heard.roles[0] in self.fails:
            raise RuntimeError("nothing of this text is kept")
        store.keep_staff(tx, school_id=heard.school_id, person_id=heard.person_id, roles=heard.roles, active=heard.active)

    def take(self, *events: StaffChanged) -> None:
        for each in events:
            self.inbox.take(message(each))

    def retry(self, at: dt.datetime) -> int:
        engines = {"worker_engine": self.resources.worker_engine, "engine": self.resources.engine}
        with clock.set_to(at):
            return inbox.retry_due(**engines, handlers={StaffChanged: self.handle}, bury=lambda *dead: self.buried.append(dead))

    def roles(self) -> dict[UUID, str]:
        with self.resources.transaction(self.resources.engine, school_id=SCHOOL) as tx:
            return {row.person_id: row.roles[0] for row in tx.execute(sa.select(store.tables.staff))}

    def kept(self) -> list[tuple[UUID, int, str, int]]:
        with self.resources.transaction(self.resources.worker_engine) as tx:
            rows = tx.execute(sa.text("select subject, sequence, cause, attempts from retries order by subject, sequence"))
            return [tuple(row) for row in rows]  # type: ignore[misc]


@pytest.fixture
def service(resources: Callable[..., Resources]) -> Service:
    return Service(resources("alerts"))


def test_an_event_that_comes_twice_has_one_effect(service: Service) -> None:
    first, person = event(new_id(), 1), new_id()
    second = event(first.subject, 2, role="slt")
    service.take(first, second, first, second, first)
    assert service.roles() == {first.subject: "slt"}
    assert len(service.transactions) == 2
    assert service.kept() == []
    assert person not in service.roles()


def test_an_event_that_comes_too_early_waits_for_the_one_before_and_no_other_subject_waits_with_it(service: Service) -> None:
    subject, other = new_id(), event(new_id(), 1)
    with clock.set_to(NOON):
        service.take(event(subject, 2, role="dsl"), other)
    assert service.roles() == {other.subject: "teacher"}
    assert service.kept() == [(subject, 2, "waits_for_earlier", 1)]
    with clock.set_to(NOON):
        service.take(event(subject, 1))
    assert service.retry(NOON + dt.timedelta(seconds=5)) == 1
    assert service.roles()[subject] == "dsl"
    assert service.kept() == []


def test_what_fails_is_kept_with_its_kind_of_failure_and_nothing_of_its_text(service: Service) -> None:
    service.fails = {"dsl"}
    failing = event(new_id(), 1, role="dsl")
    with clock.set_to(NOON):
        service.take(failing)
        service.take(event(failing.subject, 2, role="slt"))
    assert service.kept() == [(failing.subject, 1, "RuntimeError", 1), (failing.subject, 2, "waits_for_earlier", 1)]
    service.retry(NOON + dt.timedelta(seconds=5))
    assert [(sequence, cause, attempts) for _, sequence, cause, attempts in service.kept()] == [(1, "RuntimeError", 2), (2, "waits_for_earlier", 1)]
    service.fails = set()
    for minutes in range(1, 4):
        service.retry(NOON + dt.timedelta(minutes=minutes))
    assert service.kept() == []
    assert service.roles() == {failing.subject: "slt"}


def test_attempts_come_to_an_end_and_leave_the_event_for_an_operator(service: Service) -> None:
    """It goes to the dead letters with its cause and count; what comes after it still waits for it, and others pass."""
    service.fails = {"dsl"}
    failing = event(new_id(), 1, role="dsl")
    with clock.set_to(NOON):
        service.take(failing, event(failing.subject, 2))
    hours = 0
    while not service.buried:
        hours += 1
        service.retry(NOON + dt.timedelta(hours=2 * hours))
    ((body, cause, attempts),) = service.buried
    assert (body["id"], cause, attempts) == (str(failing.id), "RuntimeError", inbox.MAX_ATTEMPTS)
    assert service.kept() == [(failing.subject, 2, "waits_for_earlier", 1)]
    assert len(service.transactions) == inbox.MAX_ATTEMPTS
    other, later = event(new_id(), 1), NOON + dt.timedelta(hours=2 * hours)
    with clock.set_to(later):
        service.take(other)
        assert other.subject in service.roles()
        service.fails = set()
        service.take(failing)  # replayed after the fix
    service.retry(later + dt.timedelta(seconds=5))
    assert service.roles()[failing.subject] == "teacher"
    assert service.kept() == []


def test_what_cannot_be_buried_now_is_buried_later(service: Service) -> None:
    service.fails = {"dsl"}
    with clock.set_to(NOON):
        service.take(event(new_id(), 1, role="dsl"))
    for hours in range(1, inbox.MAX_ATTEMPTS - 1):
        service.retry(NOON + dt.timedelta(hours=2 * hours))

    def away(*_: Any) -> None:
        raise ConnectionError

    engines = {"worker_engine": service.resources.worker_engine, "engine": service.resources.engine}
    with clock.set_to(NOON + dt.timedelta(days=9)), pytest.raises(ConnectionError):
        inbox.retry_due(**engines, handlers={StaffChanged: service.handle}, bury=away)
    assert len(service.kept()) == 1
    service.retry(NOON + dt.timedelta(days=10))
    assert len(service.buried) == 1
    assert service.kept() == []


def test_a_dropped_event_has_no_effect_its_reason_is_kept_and_what_waited_behind_it_goes_on(service: Service) -> None:
    subject = new_id()
    first, second = event(subject, 1, role="dsl"), event(subject, 2, role="slt")
    with clock.set_to(NOON):
        service.take(second)
    dropped = message(first)
    dropped["dropped"] = {"reason": "sent by a test", "cause": "RuntimeError"}
    dropped.header["owner"] = "operator"
    for _ in range(2):
        service.inbox.take(dropped)
    service.retry(clock.now())
    assert service.roles() == {subject: "slt"}
    assert len(service.transactions) == 1
    with service.resources.transaction(service.resources.worker_engine) as tx:
        rows = tx.execute(sa.text("select event_id, name, cause, reason from dropped_events")).all()
    assert [tuple(row) for row in rows] == [(first.id, "identity.staff.changed", "RuntimeError", "sent by a test")]
    service.take(first)
    assert service.roles() == {subject: "slt"}, "nor when it comes again"


def test_only_an_operator_drops(service: Service) -> None:
    forged = message(event(new_id(), 1))
    forged["dropped"] = {"reason": "x", "cause": "y"}
    with pytest.raises(inbox.Parked):
        service.inbox.take(forged)


def test_many_that_wait_for_something_earlier_do_not_hold_up_what_is_due(service: Service) -> None:
    """Each is looked at once a minute, not each second, and the one it waits for wakes it."""
    service.fails = {"dsl"}
    failing = event(new_id(), 1, role="dsl")
    with clock.set_to(NOON):
        service.take(*(event(new_id(), 2) for _ in range(150)))
        service.take(failing)
    service.fails = set()
    assert sum(service.retry(NOON + dt.timedelta(seconds=seconds)) for seconds in (4, 6)) == 1
    assert service.retry(NOON + dt.timedelta(seconds=8)) == 0
    assert service.roles() == {failing.subject: "dsl"}


def test_ids_of_events_are_forgotten_after_a_month_and_a_repeated_one_still_has_no_effect(service: Service) -> None:
    subject = new_id()
    old, newer = event(subject, 1), event(subject, 2, role="slt")
    service.take(old, newer)
    engine = service.resources.worker_engine
    with clock.set_to(clock.now() + dt.timedelta(days=29)):
        assert inbox.prune(engine) == 0
    with clock.set_to(clock.now() + dt.timedelta(days=31)):
        assert inbox.prune(engine) == 2
    service.take(old)
    assert service.roles() == {subject: "slt"}


def test_delays_grow_from_seconds_to_an_hour_and_are_not_all_the_same() -> None:
    for attempts in range(1, 20):
        delays = {inbox.delay_after(attempts).total_seconds() for _ in range(50)}
        middle = min(2.0**attempts, 3600.0)
        assert middle * 0.8 <= min(delays) < max(delays) <= middle * 1.2
        assert len(delays) > 40


def _at_once(service: Service, events: list[StaffChanged]) -> None:
    """Deliver the first event and hold its handler until all others have arrived: they are then taken together."""
    inside, arrived = threading.Event(), threading.Event()
    plain = service.handle

    def handle(tx: sa.Connection, heard: StaffChanged) -> None:
        if heard.id == events[0].id:
            inside.set()
            assert arrived.wait(30)
        plain(tx, heard)

    def handle_all(tx: sa.Connection, several: Sequence[StaffChanged]) -> None:
        service.rounds.append([heard.subject for heard in several])
        for heard in several:
            handle(tx, heard)

    service.inbox._handlers = {StaffChanged: inbox.Together(handle_all) if service.gathers else handle}
    with ThreadPoolExecutor(len(events)) as pool:
        running = [pool.submit(service.inbox.take, message(events[0]))]
        assert inside.wait(30)
        running += [pool.submit(service.inbox.take, message(each)) for each in events[1:]]
        while len(service.inbox._arrived[SCHOOL]) < len(events) - 1:
            pass
        arrived.set()
        for each in running:
            each.result(30)


@pytest.fixture(params=[False, True], ids=["a handler of one", "a handler of several"])
def either(service: Service, request: pytest.FixtureRequest) -> Service:
    service.gathers = request.param
    return service


def test_a_handler_of_several_is_given_what_came_together_and_never_two_of_one_subject(service: Service) -> None:
    service.gathers = True
    one, two, three = (new_id() for _ in range(3))
    _at_once(service, [event(one, 1), event(two, 1), event(three, 1), event(three, 2, role="dsl"), event(two, 1)])
    assert [sorted(round) for round in service.rounds] == [[one], sorted([two, three]), [three]]
    assert service.roles() == {one: "teacher", two: "teacher", three: "dsl"}


def test_events_that_arrive_meanwhile_are_taken_together_in_one_transaction(either: Service) -> None:
    service = either
    events = [event(new_id(), 1) for _ in range(8)]
    _at_once(service, events)
    assert service.roles() == {e.subject: "teacher" for e in events}
    assert len(set(service.transactions)) == 2, "the first alone, the other seven with one commit"
    assert service.inbox._arrived == {}, "and nobody works for the school any more"


def test_one_that_fails_among_several_taken_together_is_kept_and_the_others_have_their_effect(either: Service) -> None:
    service = either
    service.fails = {"dsl"}
    events = [event(new_id(), 1) for _ in range(3)] + [event(new_id(), 1, role="dsl")] + [event(new_id(), 1) for _ in range(3)]
    _at_once(service, events)
    assert service.roles() == {e.subject: "teacher" for e in events if e.roles == ["teacher"]}
    assert service.kept() == [(events[3].subject, 1, "RuntimeError", 1)]


def test_repeats_gaps_and_several_of_one_subject_taken_together_have_the_effects_they_have_one_by_one(either: Service) -> None:
    service = either
    gap, twice, three = new_id(), event(new_id(), 1), new_id()
    in_turn = [event(three, number, role=role) for number, role in enumerate(("teacher", "slt", "dsl"), 1)]
    waits = event(gap, 2, role="slt")
    with clock.set_to(NOON):
        _at_once(service, [event(new_id(), 1), in_turn[2], twice, waits, in_turn[0], twice, in_turn[1], in_turn[0]])
    assert service.kept() == [(gap, 2, "waits_for_earlier", 1)]
    assert (service.roles()[three], service.roles()[twice.subject]) == ("dsl", "teacher")
    assert len(service.transactions) == 5, "one effect each"
    with clock.set_to(NOON):
        service.take(event(gap, 1))
    assert service.retry(NOON + dt.timedelta(seconds=5)) == 1
    assert service.roles()[gap] == "slt"


def test_while_the_database_is_away_the_message_stays_in_hand(service: Service) -> None:
    plain, failures = service.handle, [StorageError("57P01", ""), StorageError("08006", ""), StorageError("40001", "")]

    def handle(tx: sa.Connection, heard: StaffChanged) -> None:
        if failures:
            raise failures.pop()
        plain(tx, heard)

    service.inbox._handlers = {StaffChanged: handle}
    first = event(new_id(), 1)
    service.take(first)
    assert service.waited == [0.1, 0.2, 0.4], "it waits longer each time, and requeues nothing"
    assert service.roles() == {first.subject: "teacher"}
    assert service.kept() == []


@pytest.mark.parametrize("wrong", [Unreadable(reason="unknown_key"), {"name": "identity.staff.changed"}])
def test_what_cannot_be_read_is_parked_not_guessed_at(service: Service, wrong: Any) -> None:
    with pytest.raises(inbox.Parked):
        service.inbox.take(wrong)


def test_a_message_whose_seal_names_another_event_is_parked(service: Service) -> None:
    forged = message(event(new_id(), 1))
    forged.header = {"id": str(new_id()), "type": forged["name"], "owner": "identity"}
    with pytest.raises(inbox.Parked):
        service.inbox.take(forged)
    assert service.roles() == {}


def test_a_newer_version_than_ours_is_kept_not_guessed_at(service: Service) -> None:
    newer = message(event(new_id(), 1))
    newer["version"] = 99
    service.inbox.take(newer)
    assert [cause for _, _, cause, _ in service.kept()] == ["Parked:newer_version"]
    assert service.roles() == {}
