"""The gateway's server starts where memory cannot be written to as files, leaves no folder behind, and waits a moment for what comes next."""

import io
import os
import runpy
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.workers.gthread import ThreadWorker

CONF = Path(__file__).resolve().parents[3] / "deploy" / "gunicorn.conf.py"


@pytest.mark.parametrize("may_write", [True, False])
def test_the_heartbeat_is_in_memory_where_that_can_be_written_and_on_the_disk_elsewhere(monkeypatch: pytest.MonkeyPatch, may_write: bool) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.setattr(os, "access", lambda *_: may_write)
    made = runpy.run_path(str(CONF))
    assert made["worker_tmp_dir"] == ("/dev/shm" if may_write else None)  # noqa: S108
    assert Path(made["figures"]).is_dir()
    made["on_exit"](None)
    assert not Path(made["figures"]).exists()


def test_a_thread_waits_for_the_next_request_of_its_connection_and_half_of_them_at_most_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes within a moment is handled at once; else, or when enough threads wait, the connection goes back as gunicorn has it."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    made = runpy.run_path(str(CONF))
    handled: list[bytes] = []

    def handle(_worker: Any, conn: Any) -> bool:
        handled.append(conn.sock.recv(1))
        return handled[-1] != b"."

    monkeypatch.setattr(ThreadWorker, "__init__", lambda *_: None)
    monkeypatch.setattr(ThreadWorker, "handle", handle)
    worker = made["Lingering"]()
    worker.alive = True
    here, there = socket.socketpair()
    with here, there:
        conn = SimpleNamespace(sock=here, parser=SimpleNamespace(unreader=SimpleNamespace(buf=io.BytesIO())))
        there.sendall(b"ab")
        assert worker.handle(conn) is True, "kept, and nothing came for a moment"
        assert handled == [b"a", b"b"]
        there.sendall(b"c.")
        assert worker.handle(conn) is False, "its end was asked for"
        for _ in range(made["threads"] // 2):
            assert worker._may_linger.acquire(blocking=False)
        there.sendall(b"de")
        assert worker.handle(conn) is True
        assert handled == [b"a", b"b", b"c", b".", b"d"], "enough threads wait already"
        worker._may_linger.release()
        worker.alive = False
        there.sendall(b"f")
        assert worker.handle(conn) is True
        assert handled[-1] == b"e", "a worker that stops waits for nothing"
    made["on_exit"](None)
