"""The gateway's own server: threads, since a request mostly waits for a service."""

import os
import select
import shutil
import tempfile
import threading
import warnings
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

warnings.filterwarnings("ignore", message="\\s*Eventlet is deprecated")  # known: docs/decisions/0001-nameko.md

workers = 2
threads = 16
LINGER_SECONDS = 0.1


class Lingering(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threads, which wait a moment for what comes next on the same connection before it goes back to the one that looks after all.

    There and back took as long as all the rest of a short request (docs/performance.md). Half of the threads at most wait so.
    """

    def __init__(self, *told: Any, **by_name: Any) -> None:
        super().__init__(*told, **by_name)
        self._may_linger = threading.BoundedSemaphore(threads // 2)

    def handle(self, conn: TConn) -> Any:
        kept = super().handle(conn)
        while kept is True and self.alive and not conn.parser.unreader.buf.getvalue() and self._comes(conn):
            kept = super().handle(conn)
        return kept

    def _comes(self, conn: TConn) -> bool:
        """Whether something more arrives within a moment, the end of the connection included."""
        if not self._may_linger.acquire(blocking=False):
            return False
        try:
            coming = select.poll()
            coming.register(conn.sock, select.POLLIN)
            return bool(coming.poll(LINGER_SECONDS * 1000))
        finally:
            self._may_linger.release()


worker_class = Lingering
timeout = 60
graceful_timeout = 10
keepalive = 30
_memory = "/dev/shm"  # noqa: S108 - for gunicorn's heartbeat file, kept off the disk where that can be
worker_tmp_dir = _memory if os.access(_memory, os.W_OK) else None

# Each worker counts in files of its own, and whichever is asked adds them up. Named before our code, and with it the library, is loaded.
figures = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="safekeep-figures-")


def on_exit(_server: object) -> None:
    """Take the figures' folder away."""
    shutil.rmtree(figures, ignore_errors=True)
