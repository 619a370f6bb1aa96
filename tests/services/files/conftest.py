"""A private ClamAV with a database of one signature (the test virus of the antivirus makers, which is harmless), and a private S3 store."""

import contextlib
import http.client
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy.local.servers import free_port
from safekeep.errors import Unavailable
from services.files import objects, scanning
from tests.services.files.samples import EICAR


@pytest.fixture(scope="session")
def clamd() -> Iterator[str]:
    """clamd on a socket of its own, ended afterwards; nothing of the system's ClamAV is used but its program."""
    folder = Path(tempfile.mkdtemp(prefix="safekeep-clam-"))
    (folder / "db").mkdir()
    (folder / "db" / "local.ndb").write_text(f"Local.Test.EICAR:0:*:{EICAR.hex()}\n")
    lines = [f"LocalSocket {folder}/socket", f"DatabaseDirectory {folder}/db", f"TemporaryDirectory {folder}", "Foreground yes", "StreamMaxLength 4M"]
    if os.geteuid() == 0:
        user = "clamav" if "clamav" in {entry.pw_name for entry in pwd.getpwall()} else "nobody"
        lines.append(f"User {user}")
        shutil.chown(folder, user)
        for path in folder.rglob("*"):
            shutil.chown(path, user)
    (folder / "clamd.conf").write_text("\n".join(lines) + "\n")
    process = subprocess.Popen(["/usr/sbin/clamd", "-c", str(folder / "clamd.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url, ends = f"unix://{folder}/socket", time.monotonic() + 60
    while True:
        try:
            scanning.is_infected(url, [b"clean"])
            break
        except OSError:
            assert process.poll() is None, "clamd ended"
            assert time.monotonic() < ends, "clamd did not start"
            time.sleep(0.1)
    yield url
    process.terminate()
    process.wait(30)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """SeaweedFS on loopback; its open ports closed, its telemetry off."""
    folder = tmp_path_factory.mktemp("seaweed")
    who = {
        "name": "test",
        "credentials": [{"accessKey": "user", "secretKey": "pass/word+"}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (folder / "s3.json").write_text(json.dumps({"identities": [who]}))
    port = free_port()
    options = [f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={folder / 's3.json'}", f"-s3.port={port}"]
    options += [f"-{part}.port={free_port()}" for part in ("master", "volume", "filer")]
    options += [
        "-master.telemetry=false",
        "-disableHttp",
        "-webdav=false",
        "-admin.ui=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.autoCreateBucket=false",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([str(Path(sys.executable).with_name("weed")), "mini", *options], stdout=log, stderr=log, cwd=folder)
    url = f"s3://user:pass%2Fword%2B@127.0.0.1:{port}/evidence?secure=0"
    ends = time.monotonic() + 60
    while True:
        try:
            objects.opened(url)
            break
        except Unavailable:
            assert time.monotonic() < ends, (folder / "log").read_text()[-2000:]
            time.sleep(0.2)
    yield url
    process.terminate()
    process.wait(30)


LOCK_ASKED = "x-amz-bucket-object-lock-enabled"
NO_LOCKS = {"NotImplemented", "MethodNotAllowed"}
REFUSED = """<?xml version="1.0" encoding="UTF-8"?><Error><Code>{}</Code><Message>A header you provided implies functionality that is not here</Message></Error>"""


class WithoutLock(ThreadingHTTPServer):
    """In front of SeaweedFS, which always offers object lock: answers what asks for one as S3 stores without it do, and hands on all else.

    The rest is the real server's own: that a store answers so is the one thing here that is played.
    """

    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Refusing)
        parts = urllib.parse.urlsplit(behind)
        self.behind = (parts.hostname or "", parts.port or 0)
        self.url = behind.replace(f"{parts.hostname}:{parts.port}", "{}:{}".format(*self.server_address))
        self.code = "NotImplemented"
        self.asked: list[tuple[str, str]] = []
        """Each call: its verb, and its address behind the store's name."""


class _Refusing(BaseHTTPRequestHandler):
    server: WithoutLock
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().handle_one_request()

    def _hand_on(self) -> None:
        self.server.asked.append((self.command, self.path))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        of_locks = {"object-lock", "legal-hold", "retention"} & {
            *urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query, keep_blank_values=True)
        }
        of_locks &= {"object-lock", "legal-hold"} if self.server.code in NO_LOCKS else set()  # who only refuses the header answers that there is none
        if of_locks or self.headers.get(LOCK_ASKED):
            self._answer(501, [("Content-Type", "application/xml")], REFUSED.format(self.server.code).encode())
            return
        onward = http.client.HTTPConnection(*self.server.behind, timeout=30)
        onward.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)  # as it was signed, with the name it was sent to
        for name, value in self.headers.items():
            onward.putheader(name, value)
        onward.endheaders(body)
        answer = onward.getresponse()
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in {"transfer-encoding", "connection", "content-length"}]
        size = answer.headers.get("Content-Length") if self.command == "HEAD" else None
        self._answer(answer.status, kept, answer.read(), size=size)
        onward.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes, *, size: str | None = None) -> None:
        self.send_response_only(status)
        for name, value in [*headers, ("Content-Length", size or str(len(data)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _hand_on  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        """Nothing is written."""


@pytest.fixture
def s3_without_lock(s3: str) -> Iterator[WithoutLock]:
    """The private S3 store, as one that knows no object lock."""
    server = WithoutLock(s3)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join(30)
    server.server_close()
