"""Keys are exchanged under people who are recording: nobody notices, nothing is lost, no process starts again."""

import base64
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy.cli import Place
from safekeep import actor
from safekeep.contracts.identity import Session, Staff
from safekeep.errors import NotSignedIn
from safekeep.keys import Keys
from tests.journeys.api import Api

ROOT = Path(__file__).resolve().parent.parent.parent


def rotate(system: dict[str, Any], *arguments: str) -> dict[str, Any]:
    command = [str(ROOT / ".venv" / "bin" / "safekeep"), "keys", "rotate", *arguments, "--json", "--data", system["data"]]
    said: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return said


def kid_of(token: str) -> str:
    head = token.partition(".")[0]
    return str(json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"])


def processes(system: dict[str, Any]) -> dict[str, float]:
    """Each inner port's process and when it was started: the same before and after."""
    import psutil

    return {name: psutil.Process(pid).create_time() for name, pid in system["pids"].items() if psutil.pid_exists(pid)}


@contextmanager
def recording(teacher: Api) -> Iterator[None]:
    """Somebody records, again and again and at least ten times, and is never answered anything but that it is recorded."""
    answers: list[int] = []
    done = threading.Event()

    def record() -> None:
        while not done.is_set() or len(answers) < 10:
            answers.append(teacher.call("POST", "/incidents", teacher.incident(narrative="Seen while keys were exchanged."))[0])

    recorder = threading.Thread(target=record)
    recorder.start()
    try:
        while not answers:
            time.sleep(0.01)
        yield
    finally:
        done.set()
        recorder.join(60)
    assert set(answers) == {201}


def test_keys_are_exchanged_while_incidents_are_recorded_and_no_process_starts_again(system: dict[str, Any]) -> None:
    teacher, place = Api(system, "teacher"), Place(Path(system["data"]))
    session = teacher.token.partition(".")[0]
    before, old = processes(system), place.ask(Session(session_token=session, slug="hillside")).actor_token
    with recording(teacher):
        rotated = rotate(system)["rotated"]
        ends = time.monotonic() + 30
        while kid_of(new := place.ask(Session(session_token=session, slug="hillside")).actor_token) != rotated["actors"]["current"]:
            assert time.monotonic() < ends, "identity signs with the old key"
            time.sleep(0.1)
    assert kid_of(old) == rotated["actors"]["retired"]
    assert processes(system) == before
    keys = Keys.load(place.setting("KEYS_FILE"))
    assert actor.verify(keys=keys, token=old), "what was signed before counts until it ends"
    assert actor.verify(keys=keys, token=new)


def test_a_key_that_leaked_is_worth_nothing_at_once_and_who_is_recording_does_not_notice(system: dict[str, Any]) -> None:
    """The gateway holds tokens of that key too, and exchanges them by itself: nobody is sent to sign in with a form half filled in."""
    teacher, place = Api(system, "teacher"), Place(Path(system["data"]))
    session = teacher.token.partition(".")[0]
    stolen = place.ask(Session(session_token=session, slug="hillside")).actor_token
    with recording(teacher):
        rotate(system, "actors", "--at-once")
        _is_refused(place, stolen)


def _is_refused(place: Place, stolen: str) -> None:
    ends, refused = time.monotonic() + 30, False
    while not refused:
        try:
            _ask_as(place, stolen)
        except NotSignedIn:
            refused = True
        assert time.monotonic() < ends, "identity still takes the leaked key's token"


def _ask_as(place: Place, token: str) -> None:
    from nameko.standalone.rpc import ClusterRpcProxy

    from safekeep import bus
    from safekeep.rpc import envelope

    bus.use_keys(Keys.load(place.setting("KEYS_FILE")))
    with ClusterRpcProxy(bus.nameko_config(broker_url=place.setting("BROKER_URL")), timeout=10) as services:
        services.identity.staff(envelope(Staff(), token=token, seconds=10))


def test_a_purpose_that_is_not_exchanged_is_said_so(system: dict[str, Any]) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        rotate(system, "sessions")
    assert "sessions" in json.loads(caught.value.stdout)["error"]
