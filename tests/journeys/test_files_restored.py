"""What files and incidents know of each other, on a running system: what was destroyed stays so, and what an entry refers to is not swept."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import psycopg

from safekeep.ids import new_id
from tests.journeys.api import Api
from tests.journeys.conftest import ROOT

SWEEP = """
import eventlet
eventlet.monkey_patch()
from nameko.containers import ServiceContainer
from nameko.rpc import RpcConsumer
from nameko.testing.services import entrypoint_hook, restrict_entrypoints
from safekeep import bus, green, settings
from safekeep.keys import Keys
from services.files.service import Service
green.use()
chosen = settings.service_settings("files")
bus.use_keys(Keys.load(chosen.keys_file))
container = ServiceContainer(Service, config=bus.nameko_config(broker_url=chosen.broker_url))
restrict_entrypoints(container, "sweep")
# who takes calls is left by that, without a method to give them to: every second call of the system would be answered that there is none
container.subextensions = type(container.subextensions)(each for each in container.subextensions if not isinstance(each, RpcConsumer))
container.start()
for each in container.subextensions:
    assert not any(isinstance(provider, RpcConsumer) for provider in getattr(each, "_providers", ()))
with entrypoint_hook(container, "sweep") as sweep:
    sweep()
container.stop()
"""
"""The timer of the real service, fired now, which it does by itself every ten minutes: with its settings and keys, asking incidents over the broker."""


def row_of(system: dict[str, Any], file: str, *columns: str) -> Any:
    with psycopg.connect(system["admin_urls"]["files"]) as database:
        return database.execute(f"select {', '.join(columns)} from files where id = %s", (file,)).fetchone()


def until(system: dict[str, Any], file: str, what: str) -> None:
    """Wait for what an event brings."""
    ends = time.monotonic() + 30
    while not row_of(system, file, what)[0]:
        assert time.monotonic() < ends, what
        time.sleep(0.2)


def test_a_file_two_people_destroyed_whose_key_a_restored_backup_brings_back_is_destroyed_again(
    system: dict[str, Any], sign_in: Callable[..., Any]
) -> None:
    """By the operator's command, which asks the schools' records; the other file of the same entry is left as it was."""
    teacher = Api(system, "teacher")
    gone, left = (str(teacher.upload(f"{name} {new_id()}.txt", b"He said he was fine.")["id"]) for name in ("what it shows", "another"))
    status, recorded = teacher.call("POST", "/incidents", teacher.incident(file_ids=[gone, left]))
    assert status == 201
    file = f"incidents/{recorded['id']}/files/{gone}"
    until(system, gone, "sealed_at is not null")
    backup = row_of(system, gone, "wrapped_key", "school_key_id", "name")

    dsl, deputy = sign_in("dsl", fresh=True).go(file), sign_in("deputy_dsl", fresh=True)
    dsl.get_by_text("If it must not be seen").click()
    dsl.get_by_role("button", name="Block this file").click()
    dsl.fill("[name=reason]", "It should not have been taken")
    dsl.get_by_role("button", name="Block it now").click()
    page = deputy.go(f"{file}/decide")
    page.get_by_label(re.compile("^Destroy it for good")).check(force=True)
    page.fill("[name=reason]", "DC Jones advised it, ref 123")
    page.get_by_role("button", name="Do this").click()
    until(system, gone, "destroyed_at is not null")
    assert row_of(system, gone, "wrapped_key", "name") == (None, "-")

    with psycopg.connect(system["admin_urls"]["files"]) as database:  # as a backup of an hour ago has it
        back = "wrapped_key = %s, school_key_id = %s, name = %s, destroyed_at = null, blocked_at = null"
        database.execute(f"update files set {back} where id = %s", (*backup, gone))
    command = [str(ROOT / ".venv" / "bin" / "safekeep"), "files", "destroy-again", "--json", "--data", system["data"]]
    said = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert 1 <= said["destroyed"] < said["compared"]
    assert row_of(system, gone, "wrapped_key", "name", "destroyed_at is not null") == (None, "-", True)
    assert row_of(system, left, "wrapped_key is not null", "destroyed_at") == (True, None)
    assert dsl.request.get(f"{system['url']}s/hillside/files/{left}").body() == b"He said he was fine."


def test_the_sweep_asks_incidents_and_deletes_only_what_no_entry_refers_to(system: dict[str, Any]) -> None:
    """Both were sent nine days ago, and of neither does files itself know that an entry has it."""
    teacher = Api(system, "teacher")
    lost, kept = (str(teacher.upload(f"{new_id()}.txt", json.dumps(words).encode())["id"]) for words in ("lost", "kept"))
    assert teacher.call("POST", "/incidents", teacher.incident(file_ids=[kept]))[0] == 201
    until(system, kept, "sealed_at is not null")
    with psycopg.connect(system["admin_urls"]["files"]) as database:  # by somebody who has no draft, which other journeys' teacher may
        old = "begun_at = now() - interval '9 days', sealed_at = null, author_id = %s"
        database.execute(f"update files set {old} where id in (%s, %s)", (new_id(), lost, kept))
    objects = Path(system["data"]) / "objects" / str(row_of(system, kept, "school_id")[0])
    assert list((objects / lost).iterdir())

    environment = psutil.Process(system["pids"]["files"]).environ()
    environment.pop("DOOR", None)  # which the service that runs has open
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", SWEEP], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert row_of(system, lost, "id") is None
    assert not (objects / lost).exists()
    assert row_of(system, kept, "wrapped_key is not null") == (True,)
    assert teacher.get(f"/files/{kept}") == "kept"
