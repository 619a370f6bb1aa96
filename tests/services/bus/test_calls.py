"""Calls to a real service, over a real broker and by its side door: whatever a call says of itself, the next one is answered."""

import functools
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import eventlet
import eventlet.event
import pika
import pytest
import sqlalchemy as sa
from nameko.amqp.publish import UndeliverableMessage
from nameko.exceptions import MethodNotFound, RemoteError, UnknownService, deserialize
from nameko.standalone.rpc import ClusterRpcProxy

from deploy.local import servers
from gateway import revocations
from gateway import rpc as gateway
from safekeep import bus, dead_letters, door, keys, porter, telemetry, topology
from safekeep import rpc as service_rpc
from safekeep.calls import InTime
from safekeep.contracts.reports import Counts
from safekeep.errors import NotSignedIn, TooLate, Unavailable
from safekeep.ids import new_id
from safekeep.rpc import Resources, envelope
from tests.faults.proxy import Doors
from tests.make import a_record
from tests.servers import Broker
from tests.services.bus.test_relay_for_real import until
from tests.services.incidents.desk import Desk
from tests.services.reports.test_counts import recorded

ROOT = Path(__file__).parents[3]
SEALED = {"content_type": bus.CONTENT_TYPE, "content_encoding": "binary"}
ASKED = Counts(since=date(2026, 1, 1), until=date(2026, 12, 31))


class Stage:
    """A service as a program (reports, unless said), and somebody with the gateway's password."""

    def __init__(self, resources: Resources, broker: Broker, folder: Path) -> None:
        self.resources, self.broker, self.folder, self.service = resources, broker, folder, resources.service
        self.rpc_queue = f"rpc-{self.service}"
        self.keys = keys.Keys.load(folder / "process" / "gateway.json")
        bus.use_keys(self.keys)
        self.process: subprocess.Popen[bytes] | None = None
        self.place, self.inner = ("127.0.0.1", servers.free_port()), servers.free_port()

    def start(self, *, broker_url: str = "") -> None:
        environment = {
            "PATH": os.environ["PATH"],
            f"{self.service.upper()}_DATABASE_URL": self.resources.settings.database_url,
            f"{self.service.upper()}_WORKER_DATABASE_URL": self.resources.settings.worker_database_url,
            "BROKER_URL": broker_url or self.broker.url(self.service),
            "KEYS_FILE": str(self.folder / "process" / f"{self.service}.json"),
            "DOOR": "{}:{}".format(*self.place),
            "INNER_PORT": str(self.inner),
        }
        self.process = subprocess.Popen([sys.executable, "-W", "ignore", "-m", "services", self.service], env=environment, cwd=ROOT)

    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.process = None

    def end(self) -> None:
        self.kill()
        with pika.BlockingConnection(pika.URLParameters(self.broker.url())) as connection:
            connection.channel().queue_delete(self.rpc_queue)

    def queue(self, name: str) -> list[str]:
        """Return what the broker says of a queue: whether it is durable, who takes from it, what waits and what is in hand."""
        asked = ("name", "durable", "consumers", "messages_ready", "messages_unacknowledged")
        rows = self.broker.ctl("list_queues", "-p", topology.VHOST, *asked, "--no-table-headers").splitlines()
        return next((row.split("\t")[1:] for row in rows if row.split("\t")[0] == name), [])

    def send(self, body: bytes, method: str = "counts", **properties: Any) -> None:
        with pika.BlockingConnection(pika.URLParameters(self.broker.url("gateway"))) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            wanted = pika.BasicProperties(**properties)
            channel.basic_publish(bus.RPC_EXCHANGE, f"{self.service}.{method}", body, wanted, mandatory=True)

    def call(self) -> bytes:
        """Return a call as it travels."""
        return bus.encode({"args": [envelope(ASKED, token="", seconds=60)], "kwargs": {}})

    def by_door(self, method: str = "counts", *, seconds: float = 60, **more: Any) -> Any:
        """Return what the door says to a call of nobody's."""
        asked: dict[str, Any] = {"call": envelope(ASKED, token="", seconds=seconds), "keys": self.keys, "service": "reports"} | more
        answer = door.ask(self.place, method=method, seconds=60, **asked)
        assert answer["result"] is None
        return deserialize(answer["error"])

    def say(self, data: bytes) -> bytes:
        """Return what the door says to some bytes: nothing where it hangs up."""
        with socket.create_connection(self.place, timeout=30) as sock:
            sock.sendall(data)
            try:
                return sock.recv(100)
            except ConnectionError:
                return b""

    def readyz(self) -> tuple[int, str]:
        """Return what its inner port says of whether it is ready."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.inner}/readyz", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def answers(self) -> bool:
        """Whether it answers a call, by refusing it: nobody is signed in. False while it does not listen yet."""
        config = bus.nameko_config(broker_url=self.broker.url("gateway"))
        with ClusterRpcProxy(config, timeout=60) as services:
            try:
                services.reports.counts(envelope(ASKED, token="", seconds=60))
            except NotSignedIn:
                return True
            except UnknownService:
                return False
        raise AssertionError("it told something to nobody")


@pytest.fixture
def stage(resources: Callable[..., Resources], broker: Broker, keys_folder: Path) -> Iterator[Stage]:
    made = Stage(resources("reports"), broker, keys_folder)
    made.start()
    until(made.answers)
    yield made
    made.end()


def test_what_reaches_nobody_is_said_of_that_call_alone_and_not_of_one_after_it(broker: Broker) -> None:
    """The broker's word on a message comes in two: that it is returned, and that it is taken. Whoever heard only the first left the second to the next."""
    publisher = InTime(broker.url(), mandatory=True, serializer=None, **SEALED)
    with pika.BlockingConnection(pika.URLParameters(broker.url())) as connection:
        channel, somebody = connection.channel(), f"somebody.{new_id()}"
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, bus.RPC_EXCHANGE, somebody)
        for number in range(4):
            with pytest.raises(UndeliverableMessage):
                publisher.publish(b"lost", exchange=bus.RPC_EXCHANGE, routing_key=f"nobody.{new_id()}")
            publisher.publish(b"%d" % number, exchange=bus.RPC_EXCHANGE, routing_key=somebody)
        with pytest.raises(UndeliverableMessage):
            publisher.publish(b"lost", exchange=bus.RPC_EXCHANGE, routing_key=f"nobody.{new_id()}")
        with pytest.raises(UndeliverableMessage):
            publisher.publish(b"lost", exchange=bus.RPC_EXCHANGE, routing_key=f"nobody.{new_id()}")
        publisher.publish(b"4", exchange=bus.RPC_EXCHANGE, routing_key=somebody)
        assert [channel.basic_get(queue, auto_ack=True)[2] for _ in range(6)] == [b"0", b"1", b"2", b"3", b"4", None]


def test_a_call_whose_answer_cannot_be_sent_is_answered_by_nobody_and_ends_nothing(stage: Stage) -> None:
    """Each of these ended the service, and, redelivered from its durable queue, every one started after it."""
    stage.send(stage.call(), **SEALED)
    stage.send(stage.call(), **SEALED, reply_to="alerts.counts")  # the broker refuses: that is no place for answers
    stage.send(stage.call(), **SEALED, reply_to="")
    stage.send(stage.call(), reply_to="nobody")  # not said to be sealed, so not read
    stage.send(b"{}", content_type="application/json", reply_to="nobody")
    stage.send(b"SK1\x00\x02{}", **SEALED)
    stage.send(bus.encode(["no", "call"]), **SEALED)
    stage.send(bus.encode({"args": 7, "kwargs": {}}), **SEALED)
    stage.send(bus.encode({"args": [7], "kwargs": {}}), **SEALED)
    stage.send(stage.call(), "nothing", **SEALED)
    assert stage.answers()
    assert stage.process is not None
    assert stage.process.poll() is None
    assert waiting(stage) == 0


def test_what_cannot_be_read_is_put_aside_within_seconds_and_what_comes_behind_it_has_its_effect(stage: Stage) -> None:
    """A real consumer hands it back a few times and no more, while it goes on with others'."""
    stage.broker.empty()
    good = recorded(school_id=new_id(), categories=["behaviour"])
    sealed = bus.seal(
        keys=stage.keys,
        body={"name": good.name, "version": good.version, "event": good.wire()},
        owner="incidents",
        type_=good.name,
        message_id=str(good.id),
    )
    with pika.BlockingConnection(pika.URLParameters(stage.broker.url())) as connection:
        channel = connection.channel()
        for body in (b"no event", b"SK1\x00\x02{}", sealed):
            channel.basic_publish("", "reports.events", body, pika.BasicProperties(**SEALED))
    operator = keys.Keys.load(stage.folder / "process" / "operator.json")

    def put_aside() -> list[dead_letters.Letter]:
        return dead_letters.letters(url=stage.broker.url("operator"), keys=operator, service="reports")

    try:
        until(lambda: len(put_aside()) == 2, seconds=20)
        until(lambda: stage.queue("reports.events")[1:] == ["1", "0", "0"], seconds=20)
        assert {(letter.name, letter.is_readable) for letter in put_aside()} == {("unreadable", False)}
        with stage.resources.transaction(stage.resources.worker_engine) as tx:
            assert tx.execute(sa.text("select event_id from inbox")).scalars().all() == [good.id]
            assert tx.execute(sa.text("select count(*) from retries")).scalar_one() == 0
        assert len(put_aside()) == 2, "once each"
        assert stage.answers()
    finally:
        stage.broker.empty()


def test_calls_that_lie_in_the_queue_of_a_stopped_service_are_carried_out_in_time_or_refused(
    resources: Callable[..., Resources], broker: Broker, keys_folder: Path, ask_service: Any, token_for: Any
) -> None:
    """Their caller has left, and the program died: one is still in time, the other's deadline has passed."""
    desk = Desk(resources("incidents"), ask_service, token_for)
    stage = Stage(desk.resources, broker, keys_folder)
    token = token_for(roles=["teacher"], school_id=desk.school.id, person_id=desk.school.people["teacher"])
    late, good = a_record(pupil_id=desk.pupil), a_record(pupil_id=desk.pupil)

    def there() -> list[Any]:
        with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
            return list(tx.execute(sa.text("select id from incidents")).scalars())

    stage.start()
    try:
        until(lambda: stage.queue(stage.rpc_queue) == ["true", "1", "0", "0"])
        stage.kill()
        until(lambda: stage.queue(stage.rpc_queue) == ["true", "0", "0", "0"])
        for request, seconds in ((late, -1), (good, 300)):
            stage.send(bus.encode({"args": [envelope(request, token=token, seconds=seconds)], "kwargs": {}}), "record", **SEALED)
        until(lambda: stage.queue(stage.rpc_queue) == ["true", "0", "2", "0"])
        assert there() == []
        stage.start()
        until(lambda: stage.queue(stage.rpc_queue) == ["true", "1", "0", "0"])
        assert there() == [good.id]
    finally:
        stage.end()


def waiting(stage: Stage) -> int:
    with pika.BlockingConnection(pika.URLParameters(stage.broker.url())) as connection:
        return int(connection.channel().queue_declare(stage.rpc_queue, passive=True).method.message_count)


def test_a_call_by_the_door_is_answered_as_one_over_the_broker(stage: Stage) -> None:
    assert isinstance(stage.by_door(), NotSignedIn), "no more is allowed there: the token is asked for"
    assert isinstance(stage.by_door(seconds=-1), TooLate)
    assert isinstance(stage.by_door("nothing"), MethodNotFound)
    assert isinstance(stage.by_door("_school"), MethodNotFound)
    assert isinstance(stage.by_door(call="no call"), RemoteError)
    assert stage.answers()


def test_the_door_answers_nobody_but_the_gateway(stage: Stage) -> None:
    def sealed(by: str, purpose: str, type_: str = door.QUESTION) -> bytes:
        ring = keys.Keys.load(stage.folder / "process" / f"{by}.json")
        body = {"method": "counts", "call": envelope(ASKED, token="", seconds=60)}
        data = bus.seal(keys=ring, body=body, owner="gateway", type_=type_, message_id="1", purpose=purpose)
        return len(data).to_bytes(4, "big") + data

    with socket.create_connection(stage.place, timeout=30) as silent:
        silent.sendall(b"\0\0")
        began = time.monotonic()
        good = sealed("gateway", "door-reports")
        assert stage.say(good)
        assert not stage.say(sealed("gateway", "bus")), "every process holds that key"
        assert not stage.say(sealed("gateway", "door-incidents")), "another service's door"
        assert not stage.say(sealed("alerts", "bus")), "another service"
        assert not stage.say(sealed("gateway", "door-reports", door.ANSWER))
        assert not stage.say(good[:-1] + bytes([good[-1] ^ 1])), "damaged"
        assert not stage.say((door.MOST + 1).to_bytes(4, "big")), "more than a message may be: hung up before it comes"
        assert not stage.say(b"GET / HTTP/1.1\r\n\r\n")
        assert not stage.say(b"\0\0\0\4abcd")
        assert not silent.recv(1)
        assert time.monotonic() - began < porter.PATIENCE + 20
    for other in ("alerts", "relay", "operator", "demo", "ledger"):
        with pytest.raises(KeyError):
            sealed(other, "door-reports")
    assert isinstance(stage.by_door(), NotSignedIn)


def test_an_answer_is_taken_only_for_its_own_question(stage: Stage) -> None:
    """Somebody between the two who keeps an answer and gives it to a later question."""
    kept = door.seal({"result": 1, "error": None}, keys=stage.keys, service="reports", owner="reports", type_=door.ANSWER, number="other")

    def answer_with_it() -> None:
        sock, _ = listening.accept()
        with sock:
            door.read(sock)
            door.write(sock, kept)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        between = threading.Thread(target=answer_with_it)
        between.start()
        with pytest.raises(ConnectionError, match="not the answer"):
            door.ask(listening.getsockname(), keys=stage.keys, service="reports", method="counts", call={}, seconds=30)
        between.join(30)


def test_while_the_broker_is_blocked_calls_go_by_the_door(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def seconds() -> float:
        began = time.monotonic()
        with pytest.raises(NotSignedIn):
            gateway.ask(ASKED, token="", seconds=20)
        return time.monotonic() - began

    gateway.start(broker_url=stage.broker.url("gateway"), keys=stage.keys, doors={"reports": stage.place})
    monkeypatch.setattr(revocations, "are_heard", lambda: True)
    seconds()
    stage.broker.ctl("set_vm_memory_high_watermark", "absolute", "1MB")
    try:
        assert 1.0 < seconds() < 15.0, "whoever does not know yet tries the broker first, for seconds"
        monkeypatch.setattr(revocations, "are_heard", lambda: False)
        assert seconds() < 1.0
    finally:
        stage.broker.ctl("set_vm_memory_high_watermark", "absolute", "1GB")
    monkeypatch.setattr(revocations, "are_heard", lambda: True)
    assert seconds() < 15.0
    assert stage.answers()


def test_with_both_ways_closed_it_is_certainly_not_done(stage: Stage) -> None:
    nowhere = ("127.0.0.1", servers.free_port())
    gateway.start(broker_url=f"amqp://guest:guest@127.0.0.1:{nowhere[1]}/", keys=stage.keys, doors={"reports": stage.place})
    with pytest.raises(NotSignedIn):
        gateway.ask(ASKED, token="")
    gateway.start(broker_url=f"amqp://guest:guest@127.0.0.1:{nowhere[1]}/", keys=stage.keys, doors={"reports": nowhere})
    with pytest.raises(Unavailable, match="not_done"):
        gateway.ask(ASKED, token="")


def test_a_service_that_lost_its_broker_for_a_while_answers_the_first_call_after_it(stage: Stage) -> None:
    """Its connections are of before: it must notice by itself, not with somebody's call."""
    stage.broker.ctl("close_all_user_connections", "reports", "a test")
    assert stage.answers()


def test_a_service_is_ready_only_while_its_connection_to_the_broker_is_up(stage: Stage) -> None:
    """What an operator is told at two in the morning: not what was so when it started."""
    assert stage.readyz() == (200, "database: ready\nbroker: ready\n")
    stage.broker.ctl("stop_app")
    try:
        until(lambda: stage.readyz() == (503, "database: ready\nbroker: not ready\n"))
    finally:
        stage.broker.ctl("start_app")
        servers.wait_for_broker(stage.broker.url())
    until(lambda: stage.readyz() == (200, "database: ready\nbroker: ready\n"))
    assert stage.answers(), "and what it says is so"


def test_asking_a_gateway_whether_it_is_ready_leaves_no_connection_behind(stage: Stage) -> None:
    """It is asked every few seconds for as long as it runs, each time by a thread of its own."""

    def connections() -> int:
        return stage.broker.ctl("list_connections", "-q", "--no-table-headers", "user").split().count("gateway")

    def ask() -> tuple[int, str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            return answer.status, answer.read().decode()

    port = servers.free_port()
    gateway.start(broker_url=stage.broker.url("gateway"), keys=stage.keys)
    telemetry.serve_inner(host="127.0.0.1", port=port, ready=lambda: {"broker": gateway.is_reachable()})
    before = connections()
    assert [ask() for _ in range(20)] == [(200, "broker: ready\n")] * 20
    until(lambda: connections() <= before)


def test_services_that_start_while_their_broker_is_away_stay_and_are_there_when_it_comes(
    resources: Callable[..., Resources], broker: Broker, keys_folder: Path
) -> None:
    """Identity ended: started beside a broker just killed it died again and again, and all of `./run` was stopped."""
    made = [Stage(resources(service), broker, keys_folder) for service in bus.CONSUMES]
    nowhere, tries = servers.free_port(), Counter[str]()
    doors = Doors()

    def leads_to(service: str) -> int:
        tries[service] += 1
        return nowhere if tries[service] < 5 else broker.port

    try:
        for stage in made:
            port = servers.free_port()
            doors.open((stage.service, "broker"), listen=port, leads_to=functools.partial(leads_to, stage.service))
            stage.start(broker_url=servers.broker_url(port=port, passwords=broker.passwords, user=stage.service))
        for stage in made:
            until(lambda stage=stage: stage.has_ended() or stage.queue(stage.rpc_queue)[:2] == ["true", "1"])
            assert not stage.has_ended(), stage.service
            assert tries[stage.service] >= 5
    finally:
        for stage in made:
            stage.end()
        doors.close()


def test_a_service_that_asks_another_and_hears_nothing_gives_up() -> None:
    """A broker that is killed loses answers: whoever waited for one waited for ever, and every mail behind them."""

    class Lost:
        def counts(self, call: dict[str, Any]) -> Any:
            eventlet.event.Event().wait()

    started = time.monotonic()
    with pytest.raises(Unavailable) as said:
        service_rpc.ask(Lost(), ASKED, token="", seconds=0.2)
    assert said.value.args == ("reports", "unknown")
    assert 0.1 < time.monotonic() - started < 5
