"""The relay publishes what waits, in order, once it is committed, and hears of what came while it published."""

import select
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from safekeep import bus, clock, keys, outbox, relay
from safekeep.contracts.identity import StaffChanged
from safekeep.ids import new_id
from safekeep.publishing import Message
from safekeep.rpc import Resources


class Publisher:
    """Takes what is published; `meanwhile` happens after each message."""

    def __init__(self) -> None:
        self.published: list[Message] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def publish(self, messages: list[Message], *, meanwhile: Callable[[], object]) -> None:
        for message in messages:
            self.published.append(message)
            self.meanwhile()

    def wait(self, seconds: float, *, fileno: int | None = None) -> None:
        assert fileno is not None
        select.select([fileno], [], [], seconds)


class Outbox:
    """An outbox over a fresh database, and a relay's connection to it."""

    def __init__(self, resources: Resources, ring: keys.Keys) -> None:
        self.resources, self.ring, self.school = resources, ring, new_id()
        self.publisher = Publisher()
        self.database = relay.connect(resources.settings.worker_database_url)
        self.database.execute("listen outbox")

    def add(self, *, fail: bool = False) -> Any:
        subject = new_id()
        with self.resources.transaction(self.resources.engine, school_id=self.school) as tx:
            outbox.add(tx, StaffChanged, school_id=self.school, subject=subject, person_id=subject, roles=[], active=True)
            if fail:
                raise RuntimeError
        return subject

    def publish(self) -> list[Any]:
        self.publisher.published.clear()
        relay.publish_waiting(database=self.database, publisher=self.publisher, keys=self.ring, service="identity")
        return [bus.unseal(keys=self.ring, data=message.body)["event"]["subject"] for message in self.publisher.published]

    def wait(self) -> float:
        started = time.monotonic()
        relay.wait(database=self.database, publisher=self.publisher)
        return time.monotonic() - started


@pytest.fixture
def box(resources: Callable[..., Resources], keys_folder: Any) -> Any:
    made = Outbox(resources("identity"), keys.Keys.load(keys_folder / "process" / "identity.json"))
    yield made
    made.database.close()


def test_what_was_added_is_published_once_and_in_order(box: Outbox) -> None:
    added = [str(box.add()) for _ in range(5)]
    assert box.publish() == added
    assert box.publish() == []


def test_what_was_not_committed_is_not_published(box: Outbox) -> None:
    with pytest.raises(RuntimeError):
        box.add(fail=True)
    assert box.publish() == []


def test_a_publication_that_fails_is_made_again(box: Outbox) -> None:
    added = [str(box.add()) for _ in range(3)]

    def break_off() -> None:
        if len(box.publisher.published) == 2:
            raise ConnectionError

    box.publisher.meanwhile = break_off
    with pytest.raises(ConnectionError):
        box.publish()
    box.publisher.meanwhile = lambda: None
    assert box.publish() == added, "all of them again: the inboxes do not mind"


def test_what_is_added_wakes_it_at_once_and_nothing_lets_it_sleep_until_the_poll(box: Outbox) -> None:
    box.add()
    assert box.wait() < 0.5
    assert relay.POLL_SECONDS - 0.1 < box.wait() < relay.POLL_SECONDS + 1


def test_what_is_added_while_it_publishes_is_heard_at_once(box: Outbox) -> None:
    """The notification then comes with the answer to another statement, and the socket stays silent (it waited for the poll)."""
    box.add()
    late: list[Any] = []

    def add_meanwhile() -> None:
        if not late:
            late.append(str(box.add()))

    box.publisher.meanwhile = add_meanwhile
    box.wait()  # hears of the first
    assert len(box.publish()) == 1
    assert box.wait() < 0.5
    assert box.publish() == late


def test_a_rush_is_not_a_waking_for_each(box: Outbox) -> None:
    for _ in range(50):
        box.add()
    assert box.wait() < 0.5
    assert len(box.publish()) == 50
    wakings = 0
    while box.wait() < 1.0:
        wakings += 1
        assert box.publish() == []
    assert wakings <= 1


def test_what_was_published_is_removed_after_a_week_and_what_waits_never(box: Outbox) -> None:
    box.add()
    box.publish()
    box.add()
    with clock.set_to(clock.now() + timedelta(days=6)):
        assert relay.prune(box.database) == 0
    with clock.set_to(clock.now() + timedelta(days=8)):
        assert relay.prune(box.database) == 1
    assert len(box.publish()) == 1


def test_its_lag_is_shown(box: Outbox) -> None:
    def shown(name: str) -> float:
        return REGISTRY.get_sample_value(name, {"service": "identity"}) or 0.0

    for _ in range(3):
        box.add()
    relay.show_lag(box.database, service="identity")
    assert shown("safekeep_outbox_waiting") == 3
    assert shown("safekeep_outbox_oldest_seconds") > 0
    box.publish()
    relay.show_lag(box.database, service="identity")
    assert (shown("safekeep_outbox_waiting"), shown("safekeep_outbox_oldest_seconds")) == (0, 0)
