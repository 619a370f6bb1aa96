"""A private ClamAV with a database of one signature: the test virus of the antivirus makers, which is harmless."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.files import scanning
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
