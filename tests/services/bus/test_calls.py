"""Calls to a real service over a real broker: whatever a call says of itself, the service answers the next one."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pika
import pytest
from nameko.exceptions import UnknownService
from nameko.standalone.rpc import ClusterRpcProxy

from safekeep import bus, keys
from safekeep.contracts.reports import Counts
from safekeep.errors import NotSignedIn
from safekeep.rpc import Resources, envelope
from tests.servers import Broker
from tests.services.bus.test_relay_for_real import until

ROOT = Path(__file__).parents[3]
SEALED = {"content_type": bus.CONTENT_TYPE, "content_encoding": "binary"}
ASKED = Counts(since=date(2026, 1, 1), until=date(2026, 12, 31))


class Stage:
    """The reports service as a program, and somebody with the gateway's password."""

    def __init__(self, resources: Resources, broker: Broker, folder: Path) -> None:
        self.resources, self.broker, self.folder = resources, broker, folder
        self.keys = keys.Keys.load(folder / "process" / "gateway.json")
        bus.use_keys(self.keys)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "REPORTS_DATABASE_URL": self.resources.settings.database_url,
            "REPORTS_WORKER_DATABASE_URL": self.resources.settings.worker_database_url,
            "BROKER_URL": self.broker.url("reports"),
            "KEYS_FILE": str(self.folder / "process" / "reports.json"),
        }
        self.process = subprocess.Popen([sys.executable, "-W", "ignore", "-m", "services", "reports"], env=environment, cwd=ROOT)

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
        with pika.BlockingConnection(pika.URLParameters(self.broker.url())) as connection:
            connection.channel().queue_delete("rpc-reports")

    def send(self, body: bytes, method: str = "counts", **properties: Any) -> None:
        with pika.BlockingConnection(pika.URLParameters(self.broker.url("gateway"))) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            wanted = pika.BasicProperties(**properties)
            channel.basic_publish(bus.RPC_EXCHANGE, f"reports.{method}", body, wanted, mandatory=True)

    def call(self) -> bytes:
        """Return a call as it travels."""
        return bus.encode({"args": [envelope(ASKED, token="", seconds=60)], "kwargs": {}})

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
    yield made
    made.end()


def test_a_call_whose_answer_cannot_be_sent_is_answered_by_nobody_and_ends_nothing(stage: Stage) -> None:
    """Each of these ended the service, and, redelivered from its durable queue, every one started after it."""
    until(stage.answers)
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


def waiting(stage: Stage) -> int:
    with pika.BlockingConnection(pika.URLParameters(stage.broker.url())) as connection:
        return int(connection.channel().queue_declare("rpc-reports", passive=True).method.message_count)
