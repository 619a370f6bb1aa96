"""The gateway's server: it starts where memory cannot be written to as files, leaves no folder behind, and serves whoever waits."""

import http.client
import os
import runpy
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from deploy.local.servers import free_port

CONF = Path(__file__).resolve().parents[3] / "deploy" / "gunicorn.conf.py"
ROOT = CONF.parent.parent


def says_who_answers(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """What the server is given to serve: each thread by its number."""
    start("200 OK", [("Content-Length", "20")])
    return [f"{threading.get_ident():020}".encode()]


@pytest.mark.parametrize("may_write", [True, False])
def test_the_heartbeat_is_in_memory_where_that_can_be_written_and_on_the_disk_elsewhere(monkeypatch: pytest.MonkeyPatch, may_write: bool) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.setattr(os, "access", lambda *_: may_write)
    made = runpy.run_path(str(CONF))
    assert made["worker_tmp_dir"] == ("/dev/shm" if may_write else None)  # noqa: S108
    assert Path(made["figures"]).is_dir()
    made["on_exit"](None)
    assert not Path(made["figures"]).exists()


@pytest.fixture
def one_thread() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The server as it is configured, but for one worker of one thread. Yields its port and process."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "gunicorn", "--config", str(CONF), "--workers", "1", "--threads", "1", "--bind"]
    app = "tests.unit.deploy.test_gunicorn:says_who_answers"
    with subprocess.Popen([*command, f"127.0.0.1:{port}", app], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            ends = time.monotonic() + 60
            while time.monotonic() < ends:
                try:
                    _ask_once(port)
                    break
                except OSError:
                    time.sleep(0.1)
            yield port, server
        finally:
            server.kill()


def _ask(line: http.client.HTTPConnection) -> bytes:
    line.request("GET", "/")
    answer = line.getresponse()
    assert answer.status == 200
    return answer.read()


def _ask_once(port: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as line:
        _ask(line)


def test_a_thread_stays_with_who_goes_on_asking_but_not_while_another_waits_and_not_when_it_is_to_end(
    one_thread: tuple[int, subprocess.Popen[bytes]],
) -> None:
    port, server = one_thread
    asked, stop = [0], threading.Event()

    def never_pause() -> None:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as line:
                while not stop.is_set():
                    _ask(line)
                    asked[0] += 1
        except (OSError, http.client.HTTPException):
            pass  # the server has ended

    busy = threading.Thread(target=never_pause)
    busy.start()
    try:
        for _ in range(20):
            before, started = asked[0], time.monotonic()
            _ask_once(port)
            assert time.monotonic() - started < 10
        while asked[0] < before + 50:
            assert busy.is_alive(), "who goes on asking was dropped"
        server.terminate()
        server.wait(30)
    finally:
        stop.set()
        busy.join(30)
