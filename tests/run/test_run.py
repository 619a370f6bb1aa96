"""`./run`, held to seconds: free ports, two side by side, what dies comes back, a second start, a clean end."""

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xmlrpc.client import ServerProxy

import psycopg
import pytest
from supervisor.xmlrpc import SupervisorTransport

from deploy.local import servers
from safekeep.database import SERVICES
from tests.copies import Copy

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = {*SERVICES, *(f"relay-{service}" for service in SERVICES), "gateway"}


SAID = {"SAFEKEEP_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(), "SAID_TO_NOBODY": "not-for-you"}
"""What the one who starts the first copy has in their environment."""


@pytest.fixture(scope="module")
def first(folders: Any) -> Iterator[Copy]:
    """A copy that runs through these tests, started while the usual ports were taken, in a folder with a blank in its name."""
    with socket.create_server(("127.0.0.1", 8080)) if servers.is_free(8080) else contextlib.nullcontext():
        folder = folders() / "my safekeep"
        folder.mkdir(mode=0o711)
        copy = Copy(folder, "--no-demo", **SAID, ARGON2_TIME_COST="3").wait()
    yield copy
    copy.end()


@pytest.fixture(scope="module")
def second(folders: Any) -> Iterator[Copy]:
    """Another beside it, which keeps something and is ended and started again."""
    copy = Copy(folders(), "--no-demo").wait()
    with psycopg.connect(copy.ready["admin_urls"]["identity"], autocommit=True) as database:
        database.execute("create table kept (word text)")
        database.execute("insert into kept values ('still here')")
    yield copy
    copy.end()


def _epmd_port(copy: Copy) -> str:
    return (copy.data / "run" / "supervisord.conf").read_text().partition("epmd -port ")[2].split()[0]


def _until(condition: Any, *, seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "not within the time"
        time.sleep(0.2)


# --- running ---------------------------------------------------------------------------------------------------------


def test_when_the_usual_ports_are_taken_others_are_chosen(first: Copy) -> None:
    assert first.answers()
    assert not first.ready["url"].endswith(":8080/")
    assert first.ready["logins"] == [], "no demonstration was asked for"
    urllib.request.urlopen(first.ready["mail_url"] + "/messages.json", timeout=5).close()


def test_where_nobody_has_an_account_the_link_for_the_first_administrator_is_printed(first: Copy) -> None:
    assert first.ready["first_link"].startswith(first.ready["url"])
    assert first.ready["first_link"] in first.said()


def test_no_process_has_the_master_key_or_anything_else_that_it_is_not_told(first: Copy) -> None:
    """By what the kernel says of every process of the copy: PostgreSQL's, the broker's and epmd's too."""
    told, started = first.told(), _pids(first)
    assert set(started.values()) <= set(told)
    assert not [pid for pid, text in told.items() if any(value in text for value in SAID.values())]
    heard = {name for name, pid in started.items() if "ARGON2_TIME_COST=3" in told[pid]}
    assert heard == {"identity"}, "what hashing a password costs"
    assert "DATABASE_URL" not in told[started["gateway"]]


def test_everything_listens_on_loopback_only(first: Copy) -> None:
    """By what the kernel says: the sockets in state LISTEN of every process of the copy."""
    inodes = set()
    for pid in first.processes():
        for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
            with contextlib.suppress(OSError):
                inodes |= set(re.findall(r"socket:\[(\d+)\]", str(descriptor.readlink())))
    listening = []
    for table, loopback in (("tcp", "0100007F"), ("tcp6", "0" * 24 + "01000000")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            part = line.split()
            if part[3] == "0A" and part[9] in inodes:
                listening.append(part[1].partition(":")[0])
                assert part[1].startswith(loopback), f"listens beyond loopback: {part[1]}"
    assert len(listening) > 10


@pytest.mark.parametrize("name", ["incidents", "relay-incidents", "gateway", "rabbitmq", "postgres"])
def test_what_is_killed_comes_back_and_everything_answers_again(first: Copy, name: str) -> None:
    """The gateway's worker is killed rather than its master, which gunicorn itself replaces."""
    _until(first.answers)
    status = _pids(first)
    victim = status[name]
    if name == "gateway":
        victim = int(Path(f"/proc/{victim}/task/{victim}/children").read_text().split()[0])
    os.kill(victim, signal.SIGKILL)
    _until(lambda: name == "gateway" or _pids(first).get(name) not in (None, 0, victim))
    _until(first.answers)
    assert first.process.poll() is None


def _pids(copy: Copy) -> dict[str, int]:
    """What supervisor says runs now."""
    config = (copy.data / "run" / "supervisord.conf").read_text()
    socket_file = config.partition("[unix_http_server]\nfile=")[2].partition("\n")[0]
    with ServerProxy("http://127.0.0.1", transport=SupervisorTransport(None, None, f"unix://{socket_file}")) as proxy:
        found: Any = proxy.supervisor.getAllProcessInfo()
    return {process["name"]: process["pid"] for process in found}


def test_a_second_one_on_the_same_folder_is_refused_and_the_first_goes_on(first: Copy, folders: Any) -> None:
    folder = folders()
    (folder / "data").symlink_to(first.data)
    second = Copy(folder, "--no-demo")
    assert second.process.wait(60) == 1
    assert "already runs on" in second.said()
    assert "--data" in second.said()
    assert first.answers()


def test_two_run_side_by_side(first: Copy, second: Copy) -> None:
    assert second.answers()
    assert first.answers()
    assert len(second.processes()) > 14
    assert not set(second.processes()) & set(first.processes())


def test_an_epmd_that_the_broker_starts_itself_stops_nothing(second: Copy) -> None:
    """RabbitMQ looks every minute and starts one when it finds none: between the death of ours and its new start ours would not find its port free."""
    ours, port = _pids(second)["epmd"], _epmd_port(second)
    supervisor = int((second.data / "run" / "supervisord.pid").read_text())
    os.kill(supervisor, signal.SIGSTOP)
    os.kill(ours, signal.SIGKILL)
    subprocess.run(["epmd", "-port", port, "-address", "127.0.0.1", "-daemon"], check=True)
    os.kill(supervisor, signal.SIGCONT)
    _until(lambda: _pids(second).get("epmd") not in (None, 0, ours))
    for _ in range(20):
        assert second.process.poll() is None, "everything was stopped"
        time.sleep(0.5)
    assert second.answers()


def test_ctrl_c_leaves_nothing_of_the_one_and_all_of_the_other(first: Copy, second: Copy) -> None:
    """Nor the epmd that is nobody's child."""
    assert second.end(signal.SIGINT) == 0
    assert second.processes() == {}
    names = subprocess.run(["epmd", "-port", _epmd_port(second), "-names"], capture_output=True, check=False)
    assert names.returncode != 0, "one stayed"
    assert first.answers()


def test_a_second_start_without_network_finds_the_data_put_back_from_a_copy_and_sigterm_ends_every_process(second: Copy) -> None:
    """The copy is made as the chapter "Backup" of docs/operators.md says."""
    second.end()
    kept = second.data.with_name("kept")
    subprocess.run(["cp", "-a", second.data, kept], check=True)
    shutil.rmtree(second.data)
    kept.rename(second.data)
    nowhere = "http://127.0.0.1:9"
    cut_off = {"http_proxy": nowhere, "https_proxy": nowhere, "PIP_INDEX_URL": nowhere, "npm_config_registry": nowhere, "CI": "true"}
    folder = second.data.parent
    ready = folder / "ready.json"
    ready.unlink()
    started = time.monotonic()
    command = ["bash", str(ROOT / "run"), "--no-demo", "--data", str(second.data), "--ready", str(ready)]
    is_quiet = os.getloadavg()[0] < (os.cpu_count() or 1)
    log = (folder / "second.log").open("wb")
    again = subprocess.Popen(command, env=os.environ | cut_off, stdout=log, stderr=log)
    try:
        while not ready.exists():
            assert again.poll() is None, (folder / "second.log").read_text()
            assert time.monotonic() - started < 45, (folder / "second.log").read_text()
            time.sleep(0.1)
        took = time.monotonic() - started
        print(f"second start: {took:.1f} s, on a machine with {'nothing' if is_quiet else 'much'} else to do")
        assert took < (15 if is_quiet else 45)
        with psycopg.connect(json.loads(ready.read_text())["admin_urls"]["identity"]) as database:
            assert database.execute("select word from kept").fetchone() == ("still here",)
        assert len(second.processes()) > 14
    finally:
        again.terminate()
        assert again.wait(60) == 0
        log.close()
    assert second.processes() == {}
