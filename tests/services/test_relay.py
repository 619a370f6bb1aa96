"""The relay publishes what waits, in order, once it is committed, and hears of what came while it published."""

import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from safekeep import bus, keys, outbox, relay
from safekeep.contracts.identity import StaffChanged
from safekeep.ids import new_id
from safekeep.rpc import Resources


class Channel:
    """Takes what is published; `meanwhile` happens during each publication."""

    def __init__(self) -> None:
        self.published: list[tuple[str, bytes]] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def basic_publish(self, *, exchange: str, routing_key: str, body: bytes, properties: Any) -> None:
        self.published.append((routing_key, body))
        self.meanwhile()


class Broker:
    """Counts how often its heartbeat was looked after."""

    beats = 0

    def process_data_events(self, *, time_limit: float) -> None:
        self.beats += 1


class Outbox:
    """An outbox over a fresh database, and a relay's connection to it."""

    def __init__(self, resources: Resources, ring: keys.Keys) -> None:
        self.resources, self.ring, self.school = resources, ring, new_id()
        self.channel, self.broker = Channel(), Broker()
        self.database = psycopg.connect(resources.settings.worker_database_url, autocommit=True)
        self.database.execute("listen outbox")

    def add(self, *, fail: bool = False) -> Any:
        subject = new_id()
        with self.resources.transaction(self.resources.engine, school_id=self.school) as tx:
            outbox.add(tx, StaffChanged, school_id=self.school, subject=subject, person_id=subject, roles=[], active=True)
            if fail:
                raise RuntimeError
        return subject

    def publish(self) -> list[Any]:
        self.channel.published.clear()
        relay.publish_waiting(database=self.database, channel=self.channel, keys=self.ring, service="identity")
        return [bus.unseal(keys=self.ring, data=body)["event"]["subject"] for _, body in self.channel.published]

    def wait(self) -> float:
        started = time.monotonic()
        relay.wait(database=self.database, broker=self.broker)
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
        if len(box.channel.published) == 2:
            raise ConnectionError

    box.channel.meanwhile = break_off
    with pytest.raises(ConnectionError):
        box.publish()
    box.channel.meanwhile = lambda: None
    assert box.publish() == added, "all of them again: the inboxes do not mind"


def test_what_is_added_wakes_it_at_once_and_nothing_lets_it_sleep_until_the_poll(box: Outbox) -> None:
    box.add()
    assert box.wait() < 0.5
    assert relay.POLL_SECONDS - 0.1 < box.wait() < relay.POLL_SECONDS + 1
    assert box.broker.beats >= relay.POLL_SECONDS, "the heartbeat is looked after while it sleeps"


def test_what_is_added_while_it_publishes_is_heard_at_once(box: Outbox) -> None:
    """The notification then comes with the answer to another statement, and the socket stays silent (it waited for the poll)."""
    box.add()
    late: list[Any] = []

    def add_meanwhile() -> None:
        if not late:
            late.append(str(box.add()))

    box.channel.meanwhile = add_meanwhile
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
