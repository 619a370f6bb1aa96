"""A full disk on one machine: the process manager goes on, and the mailbox of the demonstration takes a mail whole or says that it may pass."""

import asyncio
import contextlib
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.local import __main__ as launcher
from deploy.local.__main__ import _keep
from deploy.local.mailbox import Mailbox


def test_what_cannot_be_written_down_is_let_go_and_reading_goes_on() -> None:
    """A pipe that nobody empties, or an error that is not caught, would hold up or end the process manager."""
    lines = io.BytesIO(b"one\ntwo\n")
    _keep(lines, open("/dev/full", "wb", buffering=0))
    assert lines.closed


class Half:
    """A file on a disk with room for half of what comes."""

    def __init__(self, file: Any) -> None:
        self._file, self.fileno, self.truncate = file, file.fileno, file.truncate

    def write(self, data: bytes) -> int:
        return int(self._file.write(data[: len(data) // 2]))


@pytest.mark.parametrize("full", [Half, lambda _: open("/dev/full", "ab", buffering=0)], ids=["half", "nothing"])
def test_a_mail_without_room_is_refused_for_now_and_leaves_no_half_of_itself(tmp_path: Path, full: Any) -> None:
    path = tmp_path / "messages.jsonl"
    mailbox = Mailbox(path)
    envelope = SimpleNamespace(content=b"Subject: A subject\n\nA text\n", rcpt_tos=["a@one.example"])

    def answer() -> str:
        with ThreadPoolExecutor(1) as apart:  # in this thread a browser's loop may run
            return apart.submit(lambda: asyncio.run(mailbox.handle_DATA(None, None, envelope))).result()

    assert answer() == "250 kept"
    roomy = mailbox._file
    with contextlib.ExitStack() as opened:
        mailbox._file = full(roomy) if full is Half else opened.enter_context(full(roomy))
        assert [answer()[:4] for _ in range(3)] == ["452 "] * 3
    mailbox._file = roomy
    assert answer() == "250 kept"
    again = Mailbox(path)
    assert [message["subject"] for message in again.messages] == ["A subject"] * 2
    assert list(mailbox.messages) == list(again.messages)
    roomy.close()
    again._file.close()


def test_a_log_that_has_grown_begins_anew_and_the_last_two_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who writes it has it open to append, and goes on at the new beginning. Without room it is cut alone."""
    monkeypatch.setattr(launcher, "LONGEST_LOG", 10)
    (tmp_path / "logs").mkdir()
    path = tmp_path / "logs" / "alerts.log"
    one: Any = SimpleNamespace(data=tmp_path, inner={"alerts": 1, "files": 2}, _has_room=True)
    one._log = lambda name: launcher.Launcher._log(one, name)
    with path.open("ab", buffering=0) as writer:
        for line in (b"first line\n", b"second line\n", b"third line\n"):
            writer.write(line)
            launcher.Launcher._shorten_logs(one)
        assert path.read_bytes() == b""
        writer.write(b"short\n")
        launcher.Launcher._shorten_logs(one)
        writer.write(b"and longer\n")
        one._has_room = False
        launcher.Launcher._shorten_logs(one)
        assert path.read_bytes() == b""
        writer.write(b"the end\n")
    assert path.read_bytes() == b"the end\n"
    assert {file.name: file.read_bytes() for file in path.parent.iterdir() if file != path} == {
        "alerts.log.1": b"third line\n",
        "alerts.log.2": b"second line\n",
    }
