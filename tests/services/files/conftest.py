"""A private ClamAV with a database of one signature (the test virus of the antivirus makers, which is harmless), and a private S3 store."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

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
