"""The relay as a program, against a real broker and database: nothing lost, in order, one of two works, whatever is stopped."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pika
import psycopg
import pytest
import sqlalchemy as sa

from deploy.local import broker_watch, servers
from safekeep import bus, keys, outbox, relay, topology
from safekeep.contracts.identity import StaffChanged
from safekeep.errors import StorageError
from safekeep.ids import new_id
from safekeep.publishing import Message, NotConfirmed, Publisher
from safekeep.rpc import Resources
from safekeep.settings import ServiceSettings
from tests.servers import Broker, Postgres, start_postgres

HEARD = "reports"  # one of those who hear identity


def until(condition: Callable[[], Any], *, seconds: float = 60.0) -> float:
    """Wait for a condition; return how long it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "not within the time"
        time.sleep(0.05)
    return time.monotonic() - started


class Stage:
    """A database with an outbox, relays on it, and the queue of somebody who hears."""

    def __init__(self, resources: Resources, broker: Broker, ring: keys.Keys, keys_file: Path, folder: Path) -> None:
        self.resources, self.broker, self.ring, self.keys_file, self.folder = resources, broker, ring, keys_file, folder
        self.school = new_id()
        self.subject = new_id()
        self.relays: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        self.inner_port = servers.free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "IDENTITY_WORKER_DATABASE_URL": self.resources.settings.worker_database_url,
            "BROKER_URL": self.broker.url("relay-identity"),
            "KEYS_FILE": str(self.keys_file),
            "INNER_PORT": str(self.inner_port),
        }
        command = [sys.executable, "-W", "ignore", "-m", "safekeep.relay", "identity"]
        with (self.folder / f"{len(self.relays)}.log").open("wb") as log:
            self.relays.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=Path(__file__).parents[3]))
        return self.relays[-1]

    def end(self) -> None:
        for process in self.relays:
            process.kill()
            process.wait(30)

    def add(self, count: int = 1) -> None:
        for _ in range(count):
            with self.resources.transaction(self.resources.engine, school_id=self.school) as tx:
                outbox.add(tx, StaffChanged, school_id=self.school, subject=self.subject, person_id=self.subject, roles=[], active=True)

    def waiting(self) -> int:
        with self.resources.transaction(self.resources.worker_engine) as tx:
            return int(tx.exec_driver_sql("select count(*) from outbox where published_at is null").scalar_one())

    def working(self) -> int | None:
        """Return the backend of the relay that holds the lock."""
        with psycopg.connect(self.resources.settings.worker_database_url) as database:
            row = database.execute(
                "select pid from pg_locks l where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())"
            ).fetchone()
        return row[0] if row else None

    def heard(self) -> list[int]:
        """Take what arrived; return its sequence numbers, in order of arrival."""
        found = []
        with pika.BlockingConnection(pika.URLParameters(self.broker.url())) as connection:
            channel = connection.channel()
            while (taken := channel.basic_get(bus.events_queue(HEARD).name, auto_ack=True))[0]:
                found.append(bus.unseal(keys=self.ring, data=taken[2])["event"]["sequence"])
        return found


@pytest.fixture
def stage(resources: Callable[..., Resources], broker: Broker, keys_folder: Path, tmp_path: Path) -> Iterator[Stage]:
    broker.empty()
    made = Stage(
        resources("identity"), broker, keys.Keys.load(keys_folder / "process" / "identity.json"), keys_folder / "process" / "relay.json", tmp_path
    )
    yield made
    made.end()
    broker.empty()


def test_everything_is_published_in_order_in_batches_with_one_event_at_once(stage: Stage) -> None:
    stage.add(450)  # more than two batches, before it starts
    stage.start()
    until(lambda: stage.waiting() == 0)
    assert stage.heard() == list(range(1, 451))
    stage.add()
    assert until(lambda: stage.waiting() == 0) < 1.5, "woken, not polled"


def test_an_event_that_woke_nobody_is_published_by_the_next_poll(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The net under the waking: a notification that is lost costs seconds, and no event."""
    stage.start()
    stage.add()
    until(lambda: stage.waiting() == 0)
    silent = outbox._ADD.text.replace("pg_notify('outbox', '')", "1")
    assert silent != outbox._ADD.text
    monkeypatch.setattr(outbox, "_ADD", sa.text(silent))
    stage.add(3)
    assert until(lambda: stage.waiting() == 0) < relay.POLL_SECONDS + 3
    assert stage.heard() == [1, 2, 3, 4]


def test_of_two_one_works_and_when_it_is_killed_the_other_takes_over_in_seconds(stage: Stage) -> None:
    first = stage.start()
    until(lambda: stage.working() is not None)
    stage.start()
    stage.add(20)
    until(lambda: stage.waiting() == 0)
    first.kill()
    stage.add(20)
    took = until(lambda: stage.waiting() == 0)
    print(f"taken over in {took:.1f} s")
    assert took < 10
    heard = stage.heard()
    assert sorted(set(heard)) == list(range(1, 41))
    assert heard == sorted(heard)


def test_a_frozen_one_loses_its_lock_and_does_no_harm_when_it_wakes(stage: Stage) -> None:
    """SIGSTOP: its connections stay open, and only the server's patience ends it."""
    first = stage.start()
    until(lambda: stage.working() is not None)
    mine = stage.working()
    stage.start()
    os.kill(first.pid, signal.SIGSTOP)
    stage.add(5)
    took = until(lambda: stage.waiting() == 0, seconds=relay.DEAD_AFTER + 20)
    print(f"taken over in {took:.1f} s")
    assert stage.working() not in (None, mine)
    os.kill(first.pid, signal.SIGCONT)
    stage.add(5)
    until(lambda: stage.waiting() == 0)
    assert sorted(set(stage.heard())) == list(range(1, 11))


def test_its_database_connection_ended_by_the_server_is_made_anew(stage: Stage) -> None:
    stage.start()
    until(lambda: stage.working() is not None)
    before = stage.working()
    with psycopg.connect(stage.resources.settings.worker_database_url, autocommit=True) as database:
        database.execute("select pg_terminate_backend(%s)", (before,))
    stage.add(3)
    until(lambda: stage.waiting() == 0)
    assert stage.heard()[-3:] == [1, 2, 3]
    assert stage.working() not in (None, before)


def test_its_broker_connection_ended_by_the_broker_is_made_anew(stage: Stage) -> None:
    stage.start()
    stage.add(3)
    until(lambda: stage.waiting() == 0)
    stage.broker.ctl("close_all_user_connections", "relay-identity", "a test")
    stage.add(3)
    until(lambda: stage.waiting() == 0)
    assert sorted(set(stage.heard())) == [1, 2, 3, 4, 5, 6]


def test_a_broker_that_restarts_is_waited_for_and_nothing_is_lost_or_out_of_order(stage: Stage) -> None:
    stage.start()
    stage.add(5)
    until(lambda: stage.waiting() == 0)
    stage.broker.ctl("stop_app")
    try:
        stage.add(30)
        assert stage.waiting() == 30
    finally:
        stage.broker.ctl("start_app")
        servers.wait_for_broker(stage.broker.url())
    took = until(lambda: stage.waiting() == 0)
    print(f"goes on {took:.1f} s after the broker is back")
    heard = stage.heard()
    assert list(dict.fromkeys(heard)) == list(range(1, 36)), "in order; what was on its way may come twice"


def test_a_database_that_dies_and_recovers_is_waited_for_and_nothing_is_lost_or_out_of_order(
    broker: Broker, keys_folder: Path, tmp_path: Path
) -> None:
    """One backend killed with -9: the server ends every connection and recovers from its log."""
    folder = Path(tempfile.mkdtemp(prefix="safekeep-pg-"))
    folder.chmod(0o711)
    described, end = start_postgres(folder / "pg", only=("identity",), lasting=True)
    own, ring = Postgres(described), keys_folder / "process"
    urls = own.clone("identity", "restarted")
    settings = ServiceSettings(
        database_url=urls["IDENTITY_DATABASE_URL"],
        worker_database_url=urls["IDENTITY_WORKER_DATABASE_URL"],
        broker_url="amqp://unused",
        keys_file=str(ring / "identity.json"),
        inner_port=0,
    )
    broker.empty()
    stage = Stage(Resources(settings, "identity"), broker, keys.Keys.load(ring / "identity.json"), ring / "relay.json", tmp_path)
    try:
        stage.start()
        stage.add(5)
        until(lambda: stage.waiting() == 0)
        before = stage.working()
        with psycopg.connect(own.admin, autocommit=True) as server, contextlib.suppress(psycopg.Error):
            server.execute(f"copy (select 1) to program 'kill -9 {before}'")
            server.execute("select pg_sleep(30)")
        for _ in range(30):
            until(lambda: is_back(stage.add))
        until(lambda: is_back(stage.waiting))
        until(lambda: stage.waiting() == 0)
        assert stage.working() not in (None, before)
        assert list(dict.fromkeys(stage.heard())) == list(range(1, 36)), "in order; what was on its way may come twice"
    finally:
        stage.end()
        stage.resources.engine.dispose()
        stage.resources.worker_engine.dispose()
        end()
        shutil.rmtree(folder, ignore_errors=True)
        broker.empty()


def is_back(does: Callable[[], Any]) -> bool:
    """Whether something can be done again. (A connection of before the server's death says so once.)"""
    try:
        does()
    except StorageError:
        return False
    return True


def test_while_the_broker_is_blocked_the_outbox_grows_and_is_emptied_in_order_afterwards(stage: Stage) -> None:
    """A memory alarm, longer than the server's patience with a silent session: the lock is kept, nothing is sent again and again."""
    stage.start()
    stage.add()
    until(lambda: stage.waiting() == 0)
    holder = stage.working()
    stage.broker.ctl("set_vm_memory_high_watermark", "absolute", "1MB")
    try:
        stage.add(30)
        time.sleep(relay.DEAD_AFTER + 3)
        assert stage.waiting() == 30
        assert stage.working() == holder
    finally:
        stage.broker.ctl("set_vm_memory_high_watermark", "absolute", "1GB")
    until(lambda: stage.waiting() == 0)
    assert stage.heard() == list(range(1, 32)), "each once"


def test_while_a_queue_takes_nothing_the_relay_says_so_and_goes_on_when_it_does(stage: Stage) -> None:
    """As after a full disk, when the broker answers and its queues are down: a queue that is full refuses in the same way."""
    stage.start()
    port = stage.inner_port
    stage.broker.ctl("set_policy", "-p", topology.VHOST, "full", f"^{HEARD}[.]events$", '{"max-length": 1}', "--apply-to", "queues")
    try:
        stage.add()
        until(lambda: stage.waiting() == 0)
        assert not broker_watch.is_refused(port)
        until(lambda: stage.add() or broker_watch.is_refused(port))  # a quorum queue says a moment late that it is full
        assert stage.waiting() > 0
    finally:
        stage.broker.ctl("clear_policy", "-p", topology.VHOST, "full")
    until(lambda: stage.waiting() == 0)
    until(lambda: not broker_watch.is_refused(port))
    heard = sorted(set(stage.heard()))
    assert heard == list(range(1, len(heard) + 1))


def test_what_nobody_would_hear_is_not_taken_for_published(broker: Broker) -> None:
    publisher = Publisher(broker.url())
    try:
        with pytest.raises(NotConfirmed):
            publisher.publish([Message(bus.EVENTS.name, "nobody.hears.this", b"x", pika.BasicProperties())])
        publisher.publish([Message(bus.REPLAYS.name, HEARD, b"x", pika.BasicProperties())] * 3)
        assert publisher.has_queue(f"{HEARD}.events")
        assert not publisher.has_queue("nowhere")
    finally:
        publisher.close()
        broker.empty()


def test_a_relay_may_ask_whether_a_queue_is_there(broker: Broker) -> None:
    publisher = Publisher(broker.url("relay-incidents"))
    relay.wait_for_queues(publisher, service="incidents")
    publisher.close()
    assert topology.users()["relay-incidents"].configure == "^$"
