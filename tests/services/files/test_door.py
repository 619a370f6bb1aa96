"""A long film through the gateway's own code and the door, to and from a real files service: its bytes, parts of it, and what memory it takes."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest

from deploy.local import servers
from gateway import rpc as gateway
from gateway import streams
from safekeep import bus, keys
from safekeep.contracts.files import PIECE, BeginUpload, FinishUpload, Opened, Read
from safekeep.errors import Conflict, NotFound, Unavailable
from safekeep.ids import new_id
from safekeep.rpc import Resources
from tests.servers import Broker
from tests.services.bus.test_relay_for_real import until

ROOT = Path(__file__).parents[3]
LONG = 200 * PIECE
MOST = 64 * 1024 * 1024
START = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"


class Stage:
    """The files service as a program, and the gateway's code, signed in as one teacher."""

    def __init__(self, resources: Resources, broker: Broker, folder: Path, store: Path, token: str) -> None:
        self.token, self.place = token, ("127.0.0.1", servers.free_port())
        environment = {
            "PATH": os.environ["PATH"],
            "FILES_DATABASE_URL": resources.settings.database_url,
            "FILES_WORKER_DATABASE_URL": resources.settings.worker_database_url,
            "BROKER_URL": broker.url("files"),
            "KEYS_FILE": str(folder / "process" / "files.json"),
            "DOOR": "{}:{}".format(*self.place),
            "OBJECT_STORE_URL": f"file://{store}",
        }
        self.process = subprocess.Popen([sys.executable, "-W", "ignore", "-m", "services", "files"], env=environment, cwd=ROOT)
        gateway.start(broker_url=broker.url("gateway"), keys=keys.Keys.load(folder / "process" / "gateway.json"), doors={"files": self.place})
        bus.use_keys(keys.Keys.load(folder / "process" / "gateway.json"))

    def end(self) -> None:
        self.process.kill()
        self.process.wait(30)
        gateway._forget()

    def begin(self, size: int, file: UUID | None = None) -> Any:
        return gateway.ask(BeginUpload(file_id=file or new_id(), name="film.mp4", size=size), token=self.token, seconds=20)

    def open(self, file: UUID) -> Opened:
        return gateway.ask(Read(file_id=file), token=self.token, seconds=20)

    def answers(self) -> bool:
        try:
            self.open(new_id())
        except NotFound:
            return True
        except Unavailable:
            return False
        raise AssertionError("it opened nothing of ours")

    def memory(self) -> int:
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def peak(self) -> int:
        """The most memory it ever had, resident."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@pytest.fixture
def stage(resources: Callable[..., Resources], broker: Broker, keys_folder: Path, tmp_path: Path, token_for: Any) -> Iterator[Stage]:
    token = token_for(roles=["teacher"], school_id=new_id(), person_id=new_id())
    made = Stage(resources("files"), broker, keys_folder, tmp_path / "objects", token)
    until(made.answers)
    yield made
    made.end()


def film() -> Iterator[bytes]:
    yield START + bytes(PIECE - len(START))
    for number in range(1, LONG // PIECE):
        yield number.to_bytes(4, "big") * (PIECE // 4)


def test_a_film_of_two_hundred_megabytes_goes_in_and_out_in_little_memory(stage: Stage) -> None:
    """The service holds less than 64 MB for it; and what comes out is what went in, whole and in parts."""
    whole, before = hashlib.sha256(), stage.memory()
    for piece in film():
        whole.update(piece)
    begun = stage.begin(LONG)
    assert streams.send(film(), ticket=begun.ticket) == LONG
    kept = gateway.ask(FinishUpload(file_id=begun.file_id), token=stage.token, seconds=60)
    assert (kept.sha256, kept.media_type) == (whole.hexdigest(), "video/mp4")
    back, size = hashlib.sha256(), 0
    for piece in streams.receive(stage.open(begun.file_id)):
        back.update(piece)
        size += len(piece)
    assert (back.hexdigest(), size) == (whole.hexdigest(), LONG)
    held = stage.peak() - before
    print(f"files service: {before / 2**20:.0f} MiB at rest, {held / 2**20:.0f} MiB more at most for 200 MiB in and out")
    assert held < MOST
    part = b"".join(streams.receive(stage.open(begun.file_id), offset=5 * PIECE - 2, size=6))
    assert part == (4).to_bytes(4, "big")[2:] + (5).to_bytes(4, "big")


def test_what_was_sent_before_the_connection_dropped_is_gone_on_with(stage: Stage) -> None:
    def breaks() -> Iterator[bytes]:
        yield START + bytes(3 * PIECE - len(START))
        raise ConnectionResetError

    begun = stage.begin(5 * PIECE)
    with pytest.raises(Unavailable):
        streams.send(breaks(), ticket=begun.ticket)
    until(lambda: stage.begin(5 * PIECE, begun.file_id).arrived > 0)
    again = stage.begin(5 * PIECE, begun.file_id)
    assert again.arrived == 3 * PIECE
    with pytest.raises(Conflict, match="uploading"):
        streams.send([b"x"], ticket=again.ticket, at=0)
    assert streams.send([bytes(2 * PIECE)], ticket=again.ticket, at=3 * PIECE) == 5 * PIECE
    assert gateway.ask(FinishUpload(file_id=begun.file_id), token=stage.token, seconds=20).size == 5 * PIECE


def test_of_two_that_go_on_with_a_file_at_once_one_is_refused_and_the_file_is_as_the_other_sent_it(stage: Stage) -> None:
    """While pieces are kept the next ones come in: that another connection kept some meanwhile is said all the same."""
    size = 20 * PIECE
    begun = stage.begin(size)

    def meets() -> Iterator[bytes]:
        yield START + bytes(8 * PIECE - len(START))
        assert streams.send([START + bytes(8 * PIECE - len(START))], ticket=begun.ticket, at=0) == 8 * PIECE
        yield bytes(12 * PIECE)

    with pytest.raises((Conflict, Unavailable)):
        streams.send(meets(), ticket=begun.ticket)
    again = stage.begin(size, begun.file_id)
    assert again.arrived == 8 * PIECE
    assert streams.send([bytes(size - 8 * PIECE)], ticket=again.ticket, at=8 * PIECE) == size
    kept = gateway.ask(FinishUpload(file_id=begun.file_id), token=stage.token, seconds=20)
    assert kept.sha256 == hashlib.sha256(START + bytes(size - len(START))).hexdigest()


def test_a_stream_with_no_ticket_or_by_who_has_no_key_is_refused(stage: Stage, keys_folder: Path) -> None:
    with pytest.raises(NotFound):
        streams.send([b"x"], ticket="forged")
    gateway._keys = keys.Keys.load(keys_folder / "process" / "reports.json")
    try:
        with pytest.raises((Unavailable, KeyError)):
            streams.send([b"x"], ticket="forged")
    finally:
        gateway._keys = keys.Keys.load(keys_folder / "process" / "gateway.json")
