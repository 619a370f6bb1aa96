"""The gateway's own server: threads, since a request mostly waits for a service."""

import gc
import os
import select
import shutil
import tempfile
import warnings
from typing import Any

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

warnings.filterwarnings("ignore", message="\\s*Eventlet is deprecated")  # known: docs/decisions/0001-nameko.md

LINGER_MS = 10


class Staying(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threads, but one that has answered stays with its connection for a moment, since what a page is made of is asked for next.

    Handing a connection back to the loop for each request costs more than waiting for the next one (docs/performance.md). Nobody waits
    for a thread that stays: where others wait, it goes.
    """

    def handle(self, conn: Any) -> Any:
        again = super().handle(conn)
        while again is True and self.tpool._work_queue.empty() and _more(conn.sock):
            again = super().handle(conn)
        return again


def _more(sock: Any) -> bool:
    ready = select.poll()
    ready.register(sock, select.POLLIN)
    return bool(ready.poll(LINGER_MS))


worker_class = Staying
workers = 2
threads = 16
timeout = 60
graceful_timeout = 10
keepalive = 30
_memory = "/dev/shm"  # noqa: S108 - for gunicorn's heartbeat file, kept off the disk where that can be
worker_tmp_dir = _memory if os.access(_memory, os.W_OK) else None

# Each worker counts in files of its own, and whichever is asked adds them up. Named before our code, and with it the library, is loaded.
figures = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="safekeep-figures-")


def post_fork(_server: object, _worker: object) -> None:
    """Load the gateway without looking for garbage meanwhile."""
    gc.disable()


def post_worker_init(_worker: object) -> None:
    """Look from now on."""
    from safekeep import memory

    memory.started()


def on_exit(_server: object) -> None:
    """Take the figures' folder away."""
    shutil.rmtree(figures, ignore_errors=True)
