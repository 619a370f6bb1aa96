"""`./bench files`: bytes through gateway, encryption and store, beside the bare store in the same run; memory; previews a second.

A clean system; one teacher sends files as the page does, in parts, and as a program does, in one form, and gets them back. Bare is the store's own driver
with pieces of the same size and nothing around it: a directory (synced to disk), and SeaweedFS over S3. Through S3 the same system is started on that store.
One round does each of them once, one after the other, while the system runs: a disk is now fast and now slow, and it is the rounds' ratios that are told.
Beside both stands what the issue asks of whoever keeps a file, done in one process by nothing but the libraries: each piece hashed, sealed and kept by
the same driver, and read and opened. Out of a directory is read twice: as the kernel still holds it, and, as a file of years ago is read, from the disk.
"""

import argparse
import hashlib
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deploy.local.servers import free_port
from safekeep.contracts.files import PIECE
from safekeep.errors import Unavailable
from safekeep.ids import new_id
from services.files import looking, objects
from tests.journeys import signing_in
from tests.journeys.api import Api
from tests.servers import running_system
from tests.services.files import samples

SOON, LONGEST = 2.0, 64 * 2**20
"""As in gateway/static/upload.js: a part that is there so soon is followed by one twice as long, up to so long."""
FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"


def main() -> None:
    parser = argparse.ArgumentParser(prog="./bench files")
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="safekeep-bench-") as folder:
        film = Path(folder) / "film.mp4"
        with film.open("wb") as out:
            out.write(FILM)
            for _ in range(chosen.megabytes):
                out.write(os.urandom(PIECE))
        _store("a directory", f"file://{folder}/bare", None, film, rounds=chosen.rounds)
        with seaweed(Path(folder) / "weed") as url:
            _store("SeaweedFS (S3)", url.replace("/evidence?", "/bare?"), url, film, rounds=chosen.rounds)
    _previews()


def _store(name: str, bare_url: str, through: str | None, film: Path, *, rounds: int) -> None:
    here = Path(urllib.parse.urlsplit(bare_url).path) if through is None else None
    if through:
        os.environ["OBJECT_STORE_URL"] = through
    with running_system() as system:
        token, page = Api(system, "teacher").token, Page(system, "teacher")
        service = next(p for p in psutil.process_iter(["cmdline"]) if (p.info["cmdline"] or [])[-2:] == ["services", "files"] and _below(p, system))
        before, gateways = service.memory_info().rss, at_rest(system)
        forget = None if through else Path(system["data"]) / "objects"
        took: dict[str, list[tuple[float, ...]]] = {"ours": [], "bare": [], "sealed": []}
        for number in range(rounds):
            bare = objects.opened(bare_url)
            took["bare"].append(_bare(bare, film, forget=here, sealed=False))
            took["ours"].append(_ours(page, token, film, number, forget=forget))
            took["sealed"].append(_bare(bare, film, forget=here, sealed=True))
        peak, gateways_peak = most(service.pid), {pid: most(pid) for pid in gateways}
    os.environ.pop("OBJECT_STORE_URL", None)
    size = film.stat().st_size / 2**20
    print(f"{name}, {size:.0f} MiB, {rounds} rounds, medians, in MiB/s:")
    for word, mine, theirs in (("in, as the page sends it", 0, 0), ("in, as a program sends it", 1, 0), ("out", 2, 1), ("out, from the disk", 3, 2)):
        if not through or mine < 3:
            one, two, three = ([times[at] for times in took[which]] for which, at in (("ours", mine), ("bare", theirs), ("sealed", theirs)))
            print(
                f"   {word}: {_rate(size, one)} through everything; {_rate(size, two)} bare: {_ratio(two, one):.2f} of it;"
                f" {_rate(size, three)} hashed and sealed in one process: {_ratio(three, one):.2f}"
            )
    print(f"   files service: {before / 2**20:.0f} MiB at rest, {(peak - before) / 2**20:.0f} MiB more at most", flush=True)
    for number, (pid, resting) in enumerate(gateways.items(), 1):
        more = gateways_peak[pid] - resting
        print(f"   gateway, worker {number}: {resting / 2**20:.0f} MiB at rest, {more / 2**20:.0f} MiB more at most", flush=True)


def at_rest(system: dict[str, Any]) -> dict[int, int]:
    """Bytes that each of the gateway's workers has now, by process; the most it has is counted anew from here (proc(5), clear_refs)."""
    resting = {}
    for worker in psutil.Process(system["pids"]["gateway"]).children():
        Path(f"/proc/{worker.pid}/clear_refs").write_text("5")
        resting[worker.pid] = worker.memory_info().rss
    assert resting
    return resting


def most(pid: int) -> int:
    """The most bytes a process had, resident."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _rate(size: float, took: list[float]) -> str:
    return f"{size / statistics.median(took):.0f}"


def _ratio(theirs: list[float], ours: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(theirs, ours, strict=True))


def _below(process: psutil.Process, system: dict[str, Any]) -> bool:
    return str(system["data"]) in process.environ().get("KEYS_FILE", "")


def _bare(store: objects.Objects, film: Path, *, forget: Path | None, sealed: bool) -> tuple[float, ...]:
    """Seconds for a file in, out, and out after the kernel has forgotten it (`forget`: the folder it lies in)."""
    key, nonce, digest = AESGCM(os.urandom(32)), os.urandom(12), hashlib.sha256()
    begun, count = time.monotonic(), 0
    with film.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece if sealed else b"")
            store.put(f"bare/{count:06d}", key.encrypt(nonce, piece, None) if sealed else piece)
            count += 1
    put = time.monotonic() - begun

    def out() -> float:
        begun = time.monotonic()
        for number in range(count):
            piece = store.get(f"bare/{number:06d}", offset=0, length=PIECE + 16)
            if sealed:
                key.decrypt(nonce, piece, None)
        return time.monotonic() - begun

    return (put, out(), *((_forget(forget), out())[1:] if forget else ()))


def _forget(folder: Path) -> None:
    """Have the kernel forget what it holds of a folder's files: what is read next comes from the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            opened = os.open(path, os.O_RDONLY)
            os.fsync(opened)
            os.posix_fadvise(opened, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(opened)


def _ours(page: "Page", token: str, film: Path, number: int, *, forget: Path | None) -> tuple[float, ...]:
    """The same through everything, in twice: by the page and by a program."""
    begun = time.monotonic()
    page.send(film, name=f"film{number}.mp4")
    return (time.monotonic() - begun, *ours(page.url, token, film, number, forget=forget))


def ours(url: str, token: str, film: Path, number: int, *, forget: Path | None) -> tuple[float, ...]:
    """In and out by a program, through everything."""
    begun = time.monotonic()
    file_id = _send(url, token, film, name=f"film{number}.mp4")
    put = time.monotonic() - begun

    def out() -> float:
        begun, got, into = time.monotonic(), 0, memoryview(bytearray(PIECE))
        connection = _connected(url)
        connection.request("GET", f"/api/v1/files/{file_id}", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        assert answer.status == 200
        while size := answer.readinto(into):
            got += size
        assert got == film.stat().st_size
        connection.close()
        return time.monotonic() - begun

    return (put, out(), *((_forget(forget), out())[1:] if forget else ()))


def _connected(url: str) -> http.client.HTTPConnection:
    parts = urllib.parse.urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=300)


class Page:
    """The recording page, as somebody has it open: it sends a file in parts (gateway/static/upload.js), each from the disk to the socket."""

    def __init__(self, system: dict[str, Any], role: str) -> None:
        self.url = system["url"]
        login = next(each for each in system["logins"] if each["role"] == role)
        self._session = {"Cookie": "=".join(signing_in.cookie(system, login))}
        self._address = "/s/hillside/uploads"
        _, html = self._asked("GET", f"/s/hillside/incidents/new/{new_id()}")
        self._session["X-CSRF-Token"] = re.findall('name="csrf_token" value="([0-9a-f]+)"', html.decode())[0]

    def send(self, film: Path, *, name: str) -> None:
        """Send a file whole and have it kept."""
        size = film.stat().st_size
        about = {"thing_id": str(new_id()), "name": name, "size": str(size), "mark": "1", "csrf_token": self._session["X-CSRF-Token"]}
        _, answer = self._asked("POST", self._address, urllib.parse.urlencode(about).encode(), {"Content-Type": "application/x-www-form-urlencoded"})
        begun = json.loads(answer)
        at, length = 0, begun["part"]
        with film.open("rb") as file:
            while at < size:
                count = min(length, size - at)
                started = time.monotonic()
                connection = _connected(self.url)
                connection.putrequest("POST", f"{self._address}/{begun['id']}/part?at={at}")
                headers = {"Content-Type": "application/offset+octet-stream", "Upload-Ticket": begun["ticket"], "Content-Length": str(count)}
                for header, value in (self._session | headers).items():
                    connection.putheader(header, value)
                connection.endheaders()
                connection.sock.sendfile(file, offset=at, count=count)
                at = json.loads(connection.getresponse().read())["arrived"]
                connection.close()
                if time.monotonic() - started < SOON:
                    length = min(2 * length, LONGEST)
        status, answer = self._asked("POST", f"{self._address}/{begun['id']}/finish")
        assert status == 200, answer

    def _asked(self, verb: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = MappingProxyType({})) -> tuple[int, bytes]:
        connection = _connected(self.url)
        connection.request(verb, path, body, {"Accept": "text/html, application/json", **self._session, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()


def _send(url: str, token: str, film: Path, *, name: str) -> str:
    """Send a file as a form does, from the disk to the socket: the one who sends must not be what is measured. Returns its id."""
    head = f'--cut\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: video/mp4\r\n\r\n'.encode()
    tail = b"\r\n--cut--\r\n"
    connection = _connected(url)
    connection.putrequest("POST", "/api/v1/files")
    length = len(head) + film.stat().st_size + len(tail)
    for header, value in {
        "Content-Type": "multipart/form-data; boundary=cut",
        "Content-Length": str(length),
        "Authorization": f"Bearer {token}",
        "Idempotency-Key": f"bench-{name}-{time.time()}",
    }.items():
        connection.putheader(header, value)
    connection.endheaders(head)
    with film.open("rb") as file:
        connection.sock.sendfile(file)
    connection.send(tail)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    assert answer.status == 201, said
    return str(json.loads(said)["id"])


def _previews() -> None:
    for name, type_, data in (
        ("photograph of 12 megapixels", "image/jpeg", samples.picture(size=(4000, 3000))),
        ("the same as HEIC", "image/heic", samples.picture("HEIC", size=(4000, 3000))),
        ("PDF of one page", "application/pdf", samples.pdf(1)),
        ("Word document", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", samples.document("Word " * 400)),
    ):
        begun, count = time.monotonic(), 12
        for _ in range(count):
            _look(data, type_)
        print(f"previews, {name}: {count / (time.monotonic() - begun):.1f} a second, one at a time", flush=True)


def _look(data: bytes, type_: str) -> None:
    memory = os.memfd_create("bench")
    os.write(memory, data)
    assert looking.look(memory, media_type=type_).pages
    os.close(memory)


@contextmanager
def seaweed(folder: Path) -> Iterator[str]:
    """SeaweedFS on loopback."""
    folder.mkdir()
    who = {"name": "b", "credentials": [{"accessKey": "user", "secretKey": "secret"}], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [who]}))
    port = free_port()
    options = [f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={folder / 's3.json'}", f"-s3.port={port}"]
    options += [f"-{part}.port={free_port()}" for part in ("master", "volume", "filer")]
    options += ["-master.telemetry=false", "-disableHttp", "-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("weed")), "mini", *options, "-s3.autoCreateBucket=false"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    url, ends = f"s3://user:secret@127.0.0.1:{port}/evidence?secure=0", time.monotonic() + 60
    while True:
        try:
            objects.opened(url)
            break
        except Unavailable:
            assert time.monotonic() < ends
            time.sleep(0.2)
    yield url
    process.terminate()
    process.wait(30)


if __name__ == "__main__":
    main()
