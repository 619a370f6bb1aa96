"""Promise three, outside the databases: the broker's messages and disk, and every log, hold no word and no name."""

import re
import time
from pathlib import Path
from typing import Any

import pika
import psycopg
import pytest

from safekeep import bus
from safekeep.ids import new_id
from tests.journeys.api import Api

WORD = "quaggamire"  # in no dictionary, no name, no code
FILE_NAME = "quaggamire-photo.txt"


@pytest.fixture
def broker(system: dict[str, Any]) -> Any:
    connection = pika.BlockingConnection(pika.URLParameters(system["admin_urls"]["broker"]))  # no process may hear all that passes
    yield connection.channel()
    connection.close()


def _drained(channel: Any, queue: str) -> list[bytes]:
    found = []
    while True:
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        if method is None:
            return found
        found.append(repr((method.routing_key, properties)).encode() + body)


def _in_files(folders: list[Path], words: list[bytes]) -> list[str]:
    """Return which files hold which of the words, in any case."""
    found = []
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                text = path.read_bytes().lower()
                found += [f"{path.name}: {word.decode()}" for word in words if word in text]
    return found


def test_the_brokers_messages_its_disk_and_every_log_hold_no_word_and_no_name(system: dict[str, Any], broker: Any) -> None:
    tap = broker.queue_declare("", exclusive=True).method.queue
    broker.queue_bind(tap, "safekeep.events", "#")
    broker.queue_bind(tap, bus.RPC_EXCHANGE, "#")

    teacher, dsl = Api(system, "teacher"), Api(system, "dsl")
    pupil = teacher.call("GET", "/pupils?q=sarah")[1]["items"][0]
    kept = teacher.upload(FILE_NAME, f"{WORD} in a file".encode())
    body = {
        "id": str(new_id()),
        "pupil_id": pupil["id"],
        "occurred_at": "2026-03-10T12:47:00Z",
        "kind": "conversation",
        "place": f"{WORD} corridor",
        "narrative": f"She said “{WORD}” to {pupil['name']}.",
        "action_taken": f"Told about {WORD}.",
        "category_codes": ["safeguarding_concern"],
        "alert": {"groups": ["safeguarding_team"], "staff_ids": []},
        "file_ids": [kept["id"]],
    }
    assert teacher.call("POST", "/incidents", body)[0] == 201
    # whatever can go wrong with such words in hand
    assert teacher.call("POST", "/incidents", {**body, "narrative": f"other {WORD}"})[0] == 409
    assert teacher.call("POST", "/incidents", {**body, "id": str(new_id()), "narrative": f"{WORD}\x00"})[0] == 422
    assert teacher.call("POST", "/incidents", {**body, "id": str(new_id()), "pupil_id": WORD})[0] == 422
    assert teacher.call("GET", f"/incidents/{WORD}")[0] == 404
    assert teacher.call("GET", f"/pupils?q={WORD}")[0] == 200
    assert dsl.call("GET", f"/pupils/{pupil['id']}/chronology?words={WORD}")[1]["items"][0]["text"].count(WORD) == 1
    assert dsl.call("POST", f"/incidents/{body['id']}/actions", {"text": f"Asked {WORD}.", "alert": {"groups": []}})[0] == 201
    assert dsl.call("GET", f"/incidents/{body['id']}")[0] == 200

    staff = {login["username"].encode().lower() for login in system["logins"]}
    with psycopg.connect(system["admin_urls"]["identity"]) as database:
        of_staff = database.execute("select name from people where email = any(%s)", ([login["username"] for login in system["logins"]],)).fetchall()
    assert len(of_staff) > 10, "those of the demonstration: whom other tests made may be called by a word of the code"
    written = {pupil["name"], *(name for (name,) in of_staff)}
    parts = {part for name in written for part in re.findall(r"\w{6,}", name)}  # shorter ones are parts of the words of the code too
    names = [name.lower().encode() for name in {*written, *parts, pupil["name"].split()[0]}]
    assert b"sarah" in names, "of the pupil by the first name alone as well: no method, event or module is called so"
    words = [WORD.encode(), *names, *staff]

    messages = _drained(broker, tap)
    assert len(messages) > 8, "calls and events were seen"
    assert any(b"incidents.incident.recorded" in message for message in messages)
    assert [word for word in words for message in messages if word in message.lower()] == []

    data = Path(system["data"])
    folders = [data / "rabbitmq", data / "logs"]
    assert _in_files(folders, words) == []

    # and the search would find them
    broker.confirm_delivery()
    broker.queue_declare("test.clear", durable=True, arguments={"x-queue-type": "quorum"})
    broker.basic_publish("", "test.clear", WORD.encode(), pika.BasicProperties(delivery_mode=2))
    ends = time.monotonic() + 20
    while not _in_files(folders, [WORD.encode()]) and time.monotonic() < ends:
        pass
    assert _in_files(folders, [WORD.encode()]) != []
    broker.queue_delete("test.clear")
