"""What the broker holds is declared in one place and checked; each user may do what its process does, and is refused elsewhere."""

import importlib
import inspect
import uuid
from collections.abc import Callable
from typing import Any

import pika
import pika.exceptions
import pytest
from nameko.rpc import RpcProxy

from deploy import migrate
from deploy.local import __main__ as local
from deploy.local import servers
from deploy.local.servers import CannotStart
from safekeep import bus, topology
from safekeep.database import SERVICES
from tests import containers
from tests.servers import Broker

USERS = topology.users()
QUEUES = [queue.name for service in bus.CONSUMES for queue in (bus.events_queue(service), bus.dead_queue(service))]
EXCHANGES = [bus.EVENTS.name, bus.DEAD.name, bus.EXHAUSTED.name, bus.REPLAYS.name, bus.REVOCATIONS.name]


def allowed(broker: Broker, user: str, does: Callable[[Any], Any]) -> bool:
    """Whether the broker lets a user do something; any other refusal is a mistake of the test."""
    with pika.BlockingConnection(pika.URLParameters(broker.url(user))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        try:
            does(channel)
        except pika.exceptions.ChannelClosedByBroker as closed:
            if closed.reply_code != 403:
                raise
            return False
        except pika.exceptions.UnroutableError:
            return True
    return True


def may_publish(broker: Broker, user: str, exchange: str, key: str) -> bool:
    return allowed(broker, user, lambda channel: channel.basic_publish(exchange, key, b"x", mandatory=True))


def may_read(broker: Broker, user: str, queue: str) -> bool:
    return allowed(broker, user, lambda channel: channel.basic_get(queue))


def owner(user: str) -> str:
    return user.removeprefix("relay-")


def test_declaring_again_changes_nothing_and_a_difference_is_one_sentence(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    topology.declare(broker.url())
    other = bus.events_queue("alerts")
    other.queue_arguments["x-delivery-limit"] = 99
    monkeypatch.setattr(bus, "events_queue", lambda service: other)
    with pytest.raises(topology.Differs) as differs:
        topology.declare(broker.url())
    (sentence,) = differs.value.args
    assert sentence.startswith("The broker's queue 'alerts.events' has x-delivery-limit '5' where this release needs '99': nothing was changed.")


@pytest.mark.parametrize("user", ["gateway", "relay-alerts"])
def test_a_broker_that_was_given_with_a_user_who_may_declare_nothing_is_said_in_a_sentence(broker: Broker, user: str) -> None:
    with pytest.raises(CannotStart, match=r"^The broker given in BROKER_URL could not be reached or prepared \(ChannelClosedByBroker\): check the"):
        local._declare_topology(broker.url(user), given=True)


@pytest.mark.skipif(not containers.engine_answers(), reason="no container engine answers here")
def test_the_broker_that_compose_names_takes_the_topology_and_takes_it_again() -> None:
    container, url = containers.start_broker(password="test-broker")
    try:
        servers.wait_for_broker(url)
        for _ in range(2):
            topology.declare(url)
    finally:
        container.stop()


def test_neither_an_upgrade_nor_a_start_goes_on_over_a_queue_that_differs(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both look before any service starts, and say the one sentence; of a broker as declared, that it is."""
    monkeypatch.setattr(migrate, "SERVICES", ())
    monkeypatch.setenv("BROKER_ADMIN_URL", broker.url())
    assert migrate.main() == 0
    assert capsys.readouterr().out == "broker: queues as declared\n"
    local._declare_topology(broker.url(), given=False)
    other = bus.events_queue("alerts")
    other.queue_arguments["x-delivery-limit"] = 99
    monkeypatch.setattr(bus, "events_queue", lambda service: other)
    assert migrate.main() == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.startswith("Not declared: The broker's queue 'alerts.events' has x-delivery-limit '5'") for line in said] == [True]
    with pytest.raises(CannotStart, match=r"^The broker's queue 'alerts.events' has x-delivery-limit '5'"):
        local._declare_topology(broker.url(), given=False)


def test_queues_are_quorum_durable_and_dead_lettered_at_least_once(broker: Broker) -> None:
    rows = broker.ctl("list_queues", "-p", topology.VHOST, "name", "type", "durable", "arguments", "--no-table-headers").splitlines()
    found = {row.split("\t")[0]: row for row in rows}
    for name in QUEUES:
        assert "quorum\ttrue" in found[name], found[name]
        assert name.endswith(".dead-letters") or "at-least-once" in found[name]


@pytest.mark.parametrize("user", USERS)
def test_a_user_publishes_what_its_process_publishes_and_is_refused_elsewhere(broker: Broker, user: str) -> None:
    broker.empty()
    reply = str(uuid.uuid4())
    for service in SERVICES:
        is_own_relay = user == f"relay-{service}"
        assert may_publish(broker, user, bus.EVENTS.name, f"{service}.thing.happened") == is_own_relay
        calls = user in {"gateway", "operator"} or service in topology.CALLS.get(user, ())
        assert may_publish(broker, user, bus.RPC_EXCHANGE, f"{service}.nothing") == calls
        assert may_publish(broker, user, bus.EXHAUSTED.name, f"{service}.dead") == (user == service and service in bus.CONSUMES)
        assert may_publish(broker, user, bus.REPLAYS.name, "nowhere") == (user == "operator")
        assert not may_publish(broker, user, "", f"{service}.events"), "nobody past the exchanges into a queue"
    assert may_publish(broker, user, bus.RPC_EXCHANGE, reply) == (user in SERVICES), "who answers"
    assert not may_publish(broker, user, bus.DEAD.name, "alerts.dead"), "only the broker itself"
    assert may_publish(broker, user, bus.REVOCATIONS.name, "") == (user == "identity")
    broker.empty()


@pytest.mark.parametrize("user", USERS)
def test_a_user_reads_its_own_queues_and_is_refused_at_others(broker: Broker, user: str) -> None:
    for service in bus.CONSUMES:
        assert may_read(broker, user, bus.events_queue(service).name) == (user == service)
        assert may_read(broker, user, bus.dead_queue(service).name) == (user == "operator")


@pytest.mark.parametrize("user", USERS)
def test_a_user_can_neither_change_nor_take_away_what_is_declared_nor_make_more(broker: Broker, user: str) -> None:
    for queue in QUEUES:
        assert not allowed(broker, user, lambda channel, queue=queue: channel.queue_delete(queue))
        assert not allowed(broker, user, lambda channel, queue=queue: channel.queue_unbind(queue, bus.EVENTS.name, "incidents.#"))
    for exchange in EXCHANGES:
        assert not allowed(broker, user, lambda channel, exchange=exchange: channel.exchange_delete(exchange))
    assert not allowed(broker, user, lambda channel: channel.queue_declare("new"))
    assert not allowed(broker, user, lambda channel: channel.exchange_declare("new"))


@pytest.mark.parametrize("user", SERVICES)
def test_a_service_makes_its_own_call_and_answer_queues_and_listens_to_no_other_services_calls(broker: Broker, user: str) -> None:
    def listen(name: str, key: str) -> Callable[[Any], Any]:
        def do(channel: Any) -> None:
            channel.queue_declare(name, durable=name.startswith("rpc-"))
            channel.queue_bind(name, bus.RPC_EXCHANGE, key)

        return do

    reply = str(uuid.uuid4())
    assert allowed(broker, user, listen(f"rpc-{user}", f"{user}.*"))
    assert allowed(broker, user, listen(f"rpc.reply-{user}-{reply}", reply))
    other = next(s for s in SERVICES if s != user)
    assert not allowed(broker, user, listen(f"rpc-{other}", f"{other}.*"))
    assert not allowed(broker, user, listen(f"rpc-{user}", f"{other}.*"))
    assert not allowed(broker, user, listen(f"rpc-{user}", "#"))
    assert not allowed(broker, user, listen(f"rpc.reply-{other}-{reply}", reply))
    with pika.BlockingConnection(pika.URLParameters(broker.url())) as connection:
        connection.channel().queue_delete(f"rpc-{user}")
        connection.channel().queue_delete(f"rpc.reply-{user}-{reply}")


def test_the_gateway_hears_answers_and_revocations_and_neither_calls_nor_events(broker: Broker) -> None:
    def hear(exchange: str, key: str, name: str = "gateway.1") -> bool:
        def do(channel: Any) -> None:
            channel.queue_declare(name, exclusive=True)
            channel.queue_bind(name, exchange, key)

        return allowed(broker, "gateway", do)

    assert hear(bus.REVOCATIONS.name, "")
    assert hear(bus.RPC_EXCHANGE, str(uuid.uuid4()), "rpc.reply-standalone_rpc_proxy-1")
    assert not hear(bus.RPC_EXCHANGE, "incidents.record")
    assert not hear(bus.RPC_EXCHANGE, "#")
    assert not hear(bus.EVENTS.name, "#")


def test_the_calls_between_services_are_those_their_classes_say() -> None:
    found = {}
    for service in SERVICES:
        members = inspect.getmembers(importlib.import_module(f"services.{service}.service").Service)
        if asked := tuple(sorted(each.target_service for _, each in members if isinstance(each, RpcProxy))):
            found[service] = asked
    assert found == topology.CALLS


def test_a_wrong_password_and_the_brokers_own_guest_are_refused(broker: Broker) -> None:
    for url in (broker.url("alerts").replace("test-alerts", "other"), broker.url("alerts").replace("alerts:test-alerts", "guest:guest")):
        with pytest.raises(pika.exceptions.ProbableAuthenticationError):
            pika.BlockingConnection(pika.URLParameters(url))
