"""Documents printed apart: a large one in a child process that ends, so that its memory goes back; one at a time in each process of ours."""

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import eventlet
from eventlet import tpool
from eventlet.green import subprocess
from eventlet.semaphore import Semaphore

from safekeep import printing
from services.reports import press

SMALL: Final = 150_000
"""Letters of a document that is printed in our own process: some 100 entries, 30 MiB; a child begins in half a second."""
SECONDS: Final = 100.0
"""What a child may take: a part takes two to five. Less than a worker may be silent for (`documents.CLAIMED_FOR`)."""
_AHEAD: Final = 256 * 1024
_ONE_AT_A_TIME: Final = Semaphore()
_ROOT: Final = Path(press.__file__).parents[2]


class PressEnded(Exception):
    """The child was ended from outside (memory was short, or everything is being stopped) or took too long: it may go better again."""


def printed(said: Mapping[str, Any], *, form: str, at: datetime | None = None) -> bytes:
    """Return a document as PDF or for Word; other calls go on meanwhile. Raises printing.NotPrinted, PressEnded."""
    order: bytes = tpool.execute(_order, said, form=form, at=at)
    if len(order) <= SMALL:
        data: bytes = tpool.execute(press.printed, said, form=form, at=at)
        return data
    with _ONE_AT_A_TIME:
        return _by_child(order)


def _order(said: Mapping[str, Any], *, form: str, at: datetime | None) -> bytes:
    return json.dumps({"said": said, "form": form, "at": at.isoformat() if at else None}).encode()


def _by_child(order: bytes) -> bytes:
    """Nothing that is printed is written to a disk, and the child is given no setting of ours: no key, no address of a database."""
    command = [sys.executable, "-W", "ignore", "-m", "services.reports.press"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    child = subprocess.Popen(command, env={"LANG": "C.UTF-8"}, cwd=_ROOT, close_fds=True, **pipes)
    pieces: list[bytes] = []
    try:
        with eventlet.Timeout(SECONDS):
            child.stdin.write(order)
            child.stdin.close()
            while data := child.stdout.read(_AHEAD):
                pieces.append(data)
            code = child.wait()
    except (eventlet.Timeout, BrokenPipeError):
        raise PressEnded from None
    finally:
        if child.poll() is None:
            child.kill()
        child.stdout.close()
        child.wait()
    if code == press.NOT_PRINTED:
        raise printing.NotPrinted
    if code != 0:
        raise PressEnded
    return b"".join(pieces)
