"""Dead letters on a real broker: looked at, sent again, dropped with a reason; done twice is done once."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pika
import pytest
import sqlalchemy as sa

from deploy.cli.__main__ import main
from safekeep import bus, dead_letters, inbox, keys, rpc
from safekeep.bus import Sealed
from safekeep.contracts.identity import StaffChanged
from safekeep.ids import new_id
from safekeep.rpc import Resources
from services.alerts import store
from tests.make import GOOD_EXAMPLE
from tests.servers import Broker
from tests.services.test_inbox import SCHOOL, event


class Stage:
    """The alerts service's inbox over a fresh database, its queues on a real broker, and an operator."""

    def __init__(self, resources: Resources, broker: Broker, operator: keys.Keys) -> None:
        self.resources, self.broker, self.operator = resources, broker, operator
        self.url = broker.url("operator")
        self.inbox = inbox.Inbox(engine=resources.engine, handlers={StaffChanged: self.handle})

    def handle(self, tx: sa.Connection, heard: StaffChanged) -> None:
        store.keep_staff(tx, school_id=heard.school_id, person_id=heard.person_id, roles=heard.roles, active=heard.active)

    def bury(self, about: StaffChanged) -> None:
        rpc._bury(self.resources, {"name": about.name, "version": about.version, **about.wire()}, "RuntimeError", 14)

    def put(self, body: bytes, message_id: str | None = None) -> None:
        """Lay something into the dead letters as the broker itself does."""
        with pika.BlockingConnection(pika.URLParameters(self.broker.url())) as connection:
            channel = connection.channel()
            channel.confirm_delivery()  # it is there before anybody looks
            channel.basic_publish(bus.DEAD.name, "alerts.dead", body, pika.BasicProperties(message_id=message_id))

    def letters(self) -> list[dead_letters.Letter]:
        return dead_letters.letters(url=self.url, keys=self.operator, service="alerts")

    def take(self) -> int:
        """Let the service take what is in its queue. Returns how many messages there were."""
        count = 0
        with pika.BlockingConnection(pika.URLParameters(self.broker.url("alerts"))) as connection:
            channel = connection.channel()
            while (taken := channel.basic_get(bus.events_queue("alerts").name))[0]:
                message = bus.unseal(keys=self.operator, data=taken[2])
                assert isinstance(message, Sealed)
                self.inbox.take(message)
                channel.basic_ack(taken[0].delivery_tag)
                count += 1
        return count

    def rows(self, table: str) -> list[Any]:
        with self.resources.transaction(self.resources.worker_engine) as tx:
            return list(tx.execute(sa.text(f"select * from {table}")).mappings())

    def staff(self) -> set[uuid.UUID]:
        with self.resources.transaction(self.resources.engine, school_id=SCHOOL) as tx:
            return {row.person_id for row in tx.execute(sa.select(store.tables.staff))}


@pytest.fixture
def stage(resources: Callable[..., Resources], broker: Broker, keys_folder: Any) -> Any:
    broker.empty()
    made = Stage(resources("alerts", broker_url=broker.url("alerts")), broker, keys.Keys.load(keys_folder / "process" / "operator.json"))
    yield made
    broker.empty()


def test_an_exhausted_event_is_found_with_its_cause_and_count_however_often_one_looks(stage: Stage) -> None:
    failed = event(new_id(), 1)
    stage.bury(failed)
    for _ in range(25):  # more often than RabbitMQ 4 gives back by itself
        (letter,) = stage.letters()
    assert (letter.service, letter.id, letter.name, letter.version) == ("alerts", str(failed.id), failed.name, 1)
    assert (letter.cause, letter.count) == ("RuntimeError", 14)
    assert letter.event == failed.wire()
    assert dead_letters.show(url=stage.url, keys=stage.operator, letter_id=str(failed.id)) == letter


def test_what_is_replayed_has_its_effect_once_however_often(stage: Stage) -> None:
    failed = event(new_id(), 1)
    stage.bury(failed)
    stage.bury(failed)  # the service died between burying and forgetting
    done = dead_letters.replay(url=stage.url, keys=stage.operator, letter_id=str(failed.id))
    assert [letter.id for letter in done] == [str(failed.id)] * 2
    assert stage.letters() == []
    stage.bury(failed)
    dead_letters.replay(url=stage.url, keys=stage.operator, service="alerts")
    assert stage.take() == 3
    assert stage.staff() == {failed.person_id}
    assert len(stage.rows("inbox")) == 1


def test_a_letter_goes_to_its_own_service_only(stage: Stage) -> None:
    stage.bury(event(new_id(), 1))
    dead_letters.replay(url=stage.url, keys=stage.operator)
    counts = {}
    with pika.BlockingConnection(pika.URLParameters(stage.broker.url())) as connection:
        for service in bus.CONSUMES:
            counts[service] = connection.channel().queue_declare(bus.events_queue(service).name, passive=True).method.message_count
    assert counts == {"identity": 0, "incidents": 0, "alerts": 1, "files": 0, "reports": 0}


def test_what_is_dropped_is_gone_its_reason_is_kept_and_what_waited_goes_on(stage: Stage) -> None:
    failed, kept = event(new_id(), 1), event(new_id(), 1)
    stage.bury(failed)
    stage.bury(kept)
    with pytest.raises(dead_letters.ReasonNeeded):
        dead_letters.drop(url=stage.url, keys=stage.operator, letter_id=str(failed.id), reason="  ")
    dead_letters.drop(url=stage.url, keys=stage.operator, letter_id=str(failed.id), reason="the person was entered twice")
    assert [letter.id for letter in stage.letters()] == [str(kept.id)]
    assert stage.take() == 1
    assert stage.staff() == set()
    (row,) = stage.rows("dropped_events")
    assert (row["event_id"], row["cause"], row["reason"]) == (failed.id, "RuntimeError", "the person was entered twice")
    stage.inbox.take(message_of(event(failed.subject, 2, role="slt")))
    assert stage.staff() == {failed.person_id}


def test_what_cannot_be_read_is_listed_without_its_content_and_can_be_dropped(stage: Stage) -> None:
    stage.put(GOOD_EXAMPLE.encode())
    stage.put(b"SK1\x00\x02{}", message_id="not an id")
    first, second = stage.letters()
    assert {first.cause, second.cause} == {"unknown:not_sealed", "unknown:unknown_key"}
    assert (first.name, first.event, first.is_readable) == ("unreadable", {}, False)
    assert "Sarah" not in repr(stage.letters())
    assert [letter.id for letter in stage.letters()] == [first.id, second.id], "the same id each time"
    dead_letters.drop(url=stage.url, keys=stage.operator, letter_id=first.id, reason="a test")
    assert stage.take() == 1
    assert [row["reason"] for row in stage.rows("dropped_events")] == ["a test"]


def test_a_letter_that_is_not_there_is_said_to_be_so(stage: Stage) -> None:
    for does in (dead_letters.show, dead_letters.replay):
        with pytest.raises(dead_letters.NoSuchLetter):
            does(url=stage.url, keys=stage.operator, letter_id=str(new_id()))


def message_of(about: StaffChanged) -> Sealed:
    sealed = Sealed({"name": about.name, "version": about.version, "event": about.wire()})
    sealed.header = {"id": str(about.id), "type": about.name, "owner": "identity"}
    return sealed


# --- safekeep dead-letters -------------------------------------------------------------------------------------------


@pytest.fixture
def safekeep(stage: Stage, keys_folder: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run the command line as the operator; return the exit code and what it said, as JSON with as_json."""
    monkeypatch.setenv("BROKER_URL", stage.url)
    monkeypatch.setenv("KEYS_FILE", str(keys_folder / "process" / "operator.json"))

    def run(*words: str, as_json: bool = False) -> tuple[int, Any]:
        capsys.readouterr()
        code = main(["dead-letters", *words, *(["--json"] if as_json else [])])
        said = capsys.readouterr()
        return code, json.loads(said.out) if as_json else said.out + said.err

    return run


def test_the_operator_lists_and_shows_letters_and_they_stay_where_they_are(stage: Stage, safekeep: Callable[..., Any]) -> None:
    assert safekeep("list") == (0, "There are no dead letters.\n")
    failed = event(new_id(), 1)
    stage.bury(failed)
    line = f"{failed.id}  alerts  {failed.name}  RuntimeError, tried 14 times\n"
    assert safekeep("list") == safekeep("list", "--service", "alerts") == (0, line)
    assert safekeep("list", "--service", "reports", as_json=True) == (0, {"ok": True, "letters": []})
    code, said = safekeep("show", str(failed.id))
    assert (code, said.splitlines()[0]) == (0, line.strip())
    assert f"  person_id: {failed.person_id}" in said
    assert safekeep("show", str(failed.id), as_json=True)[1]["event"] == failed.wire()


def test_the_operator_sends_letters_again_and_twice_has_the_effect_of_once(stage: Stage, safekeep: Callable[..., Any]) -> None:
    failed, other = event(new_id(), 1), event(new_id(), 1)
    for each in (failed, failed, other):
        stage.bury(each)
    assert safekeep("replay", str(failed.id))[0] == 0
    assert [letter["id"] for letter in safekeep("replay", "--service", "alerts", as_json=True)[1]["replayed"]] == [str(other.id)]
    assert safekeep("replay") == (0, "There are no dead letters: nothing was sent.\n")
    assert stage.take() == 3
    assert stage.staff() == {failed.person_id, other.person_id}
    assert len(stage.rows("inbox")) == 2


def test_the_operator_drops_a_letter_with_a_reason_which_the_service_keeps(stage: Stage, safekeep: Callable[..., Any]) -> None:
    failed = event(new_id(), 1)
    stage.bury(failed)
    stage.bury(failed)  # the service died between burying and forgetting
    with pytest.raises(SystemExit):
        safekeep("drop", str(failed.id))
    assert safekeep("drop", str(failed.id), "--reason", " ") == (1, "Nothing was dropped: say why, with --reason.\n")
    assert len(stage.letters()) == 2
    code, said = safekeep("drop", str(failed.id), "--reason", "entered twice by mistake")
    assert (code, said.splitlines()[-1]) == (0, "The service alerts keeps the reason.")
    assert stage.letters() == []
    assert stage.take() == 2
    assert [row["reason"] for row in stage.rows("dropped_events")] == ["entered twice by mistake"]
    assert stage.staff() == set()


def test_what_the_operator_cannot_have_is_said_in_one_sentence(
    stage: Stage, safekeep: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    missing = str(new_id())
    for words in (("show", missing), ("replay", missing), ("drop", missing, "--reason", "x")):
        assert safekeep(*words) == (1, f"There is no dead letter {missing}: see safekeep dead-letters list.\n")
    monkeypatch.setenv("BROKER_URL", "amqp://a:b@127.0.0.1:1/v")
    assert safekeep("list", as_json=True) == (1, {"ok": False, "error": "The message broker does not answer: see whether Safekeep runs."})
    monkeypatch.setenv("KEYS_FILE", str(tmp_path / "none.json"))
    assert safekeep("list") == (1, f"The key file {tmp_path / 'none.json'} cannot be read.\n")
