"""A whole Safekeep, started as `./run` starts it once everything is installed."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.servers import processes_of

ROOT = Path(__file__).resolve().parent.parent


class Copy:
    """One Safekeep, started as `./run` starts it once everything is installed."""

    def __init__(self, folder: Path, *arguments: str, user: str | None = None, **environment: str) -> None:
        self.data, self.ready_file, self.log = folder / "data", folder / "ready.json", folder / "run.log"
        self.ready_file.unlink(missing_ok=True)
        command = [sys.executable, "-W", "ignore", "-m", "deploy.local", "--data", str(self.data), "--ready", str(self.ready_file), *arguments]
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, env=os.environ | environment, user=user)

    def wait(self, seconds: float = 120) -> "Copy":
        ends = time.monotonic() + seconds
        while not self.ready_file.exists():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < ends, self.said()
            time.sleep(0.1)
        return self

    def said(self) -> str:
        return self.log.read_text()

    @property
    def ready(self) -> dict[str, Any]:
        described: dict[str, Any] = json.loads(self.ready_file.read_text())
        return described

    def answers(self) -> bool:
        """Whether the page and every process's inner port answer."""
        urls = [self.ready["url"] + "sign-in", *(f"http://127.0.0.1:{port}/readyz" for port in self.ready["inner"].values())]
        try:
            return all(urllib.request.urlopen(url, timeout=2).status == 200 for url in urls)
        except (OSError, http.client.HTTPException):
            return False

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(60)

    def processes(self) -> dict[int, str]:
        """Return every living process of the copy."""
        return processes_of(self.data)

    def told(self) -> dict[int, str]:
        """Return the environment of every living process of the copy, but that of the launcher, which is whoever's who started it."""
        found = {}
        for pid in self.processes().keys() - {self.process.pid}:
            with contextlib.suppress(OSError):
                found[pid] = Path(f"/proc/{pid}/environ").read_bytes().decode()
        return found
