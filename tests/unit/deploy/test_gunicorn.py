"""The gateway's server starts where memory cannot be written to as files, and leaves no folder behind."""

import os
import runpy
from pathlib import Path

import pytest

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
