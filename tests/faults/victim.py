"""A whole Safekeep with a school that has no past, to be hurt: its processes by name, and a door between each and every server it uses."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xmlrpc.client import ServerProxy

import pika
import psutil
import psycopg
from supervisor.xmlrpc import SupervisorTransport

from deploy.local import servers
from safekeep import bus
from safekeep.database import SERVICES
from tests.faults.proxy import Doors
from tests.servers import ROOT

OURS = (*SERVICES, *(f"relay-{s}" for s in SERVICES), "ledger", "gateway")
RELAYS = tuple(f"relay-{s}" for s in SERVICES)
DISK = 1600
"""MB of a disk that can be filled: PostgreSQL keeps up to 1 GB of its log before it writes less often."""


def wait_until(condition: Callable[[], Any], *, seconds: float, what: str) -> float:
    """Wait for a condition; return how long it took. Raises TimeoutError, saying what did not come."""
    started = time.monotonic()
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException, psycopg.Error):
            if condition():
                return time.monotonic() - started
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.1)


class Ended(Exception):
    """`./run` has ended by itself. args: its last lines."""


class Victim:
    """What a fault can be done to. Made by `running`."""

    def __init__(self, folder: Path, *, broken: Mapping[str, str]) -> None:
        self.folder, self.doors = folder, Doors()
        self.clock = folder / "clock"
        self.clock.write_text("0")
        self._plan = self._planned(broken)

    def _planned(self, broken: Mapping[str, str]) -> dict[str, Any]:
        doors: dict[str, dict[str, Any]] = {}
        for name in OURS:
            doors[name] = {} if name == "ledger" else {"broker": servers.free_port()}
            if name != "gateway":
                folder = self.folder / "doors" / name
                folder.mkdir(parents=True)
                doors[name]["database"] = str(folder)
        doors["alerts"]["smtp"] = servers.free_port()
        told = {name: {"PYTHONPATH": str(ROOT / "tests" / "builds"), "FAULTS_CLOCK": str(self.clock)} for name in OURS}
        for name, how in broken.items():
            told[name]["TEST_BUILD"] = how
        return {"doors": doors, "environment": told}

    def start(self) -> None:
        """Start everything, as `./run` does, and make a school of 120 pupils."""
        plan, ready, self.log = self.folder / "plan.json", self.folder / "ready.json", self.folder / "run.log"
        plan.write_text(json.dumps(self._plan))
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "tests.faults.launch",
            "--no-demo",
            "--data",
            str(self.folder / "data"),
            "--ready",
            str(ready),
        ]
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, env=os.environ | {"FAULTS_PLAN": str(plan)})
        wait_until(lambda: (self.folder / "targets.json").exists() or self.check(), seconds=60, what="no configuration")
        self._open_doors(json.loads((self.folder / "targets.json").read_text()))
        wait_until(lambda: ready.exists() or self.check(), seconds=180, what="it does not start")
        self.system = json.loads(ready.read_text())
        self.data = Path(self.system["data"])
        self.system |= make_school(ready)

    def _open_doors(self, targets: dict[str, Any]) -> None:
        for name, doors in self._plan["doors"].items():
            for server, listen in doors.items():
                target: int | Path = Path(targets["database"]) if server == "database" else targets[server]
                where: int | Path = Path(listen) / targets["socket"] if server == "database" else listen
                self.doors.open((name, server), listen=where, leads_to=lambda target=target: target)  # type: ignore[misc]

    def check(self) -> None:
        """Raise Ended when `./run` has given up."""
        if self.process.poll() is not None:
            raise Ended(self.log.read_text()[-3000:])

    def end(self) -> None:
        """End everything."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(90)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.doors.close()

    # --- processes

    @contextlib.contextmanager
    def supervisor(self) -> Iterator[Any]:
        """The process manager's interface."""
        config = (self.data / "run" / "supervisord.conf").read_text()
        place = config.partition("[unix_http_server]\nfile=")[2].partition("\n")[0]
        with ServerProxy("http://127.0.0.1", transport=SupervisorTransport(None, None, f"unix://{place}")) as proxy:
            yield proxy.supervisor

    def pids(self) -> dict[str, int]:
        """Return name → process id of what runs now."""
        with self.supervisor() as supervisor:
            return {p["name"]: p["pid"] for p in supervisor.getAllProcessInfo() if p["pid"]}

    def family(self, name: str) -> list[psutil.Process]:
        """Return a process and those under it."""
        process = psutil.Process(self.pids()[name])
        return [process, *process.children(recursive=True)]

    # --- what waits

    def left(self) -> dict[str, int]:
        """Return what waits in each queue, outbox and table of things to do."""
        return left(self.system)

    def answers(self) -> bool:
        """Whether the page and every process's inner port answer."""
        self.check()
        return not self.silent()

    def silent(self) -> dict[str, str]:
        """Return which processes are not ready, and what they say."""
        pages = {"page": self.system["url"] + "sign-in"} | {name: f"http://127.0.0.1:{port}/readyz" for name, port in self.system["inner"].items()}
        return {name: said for name, url in pages.items() if (said := _said(url))}

    def mails(self) -> list[dict[str, Any]]:
        """Return every mail that the mailbox took."""
        return [json.loads(line) for line in (self.data / "mailbox" / "messages.jsonl").read_text().splitlines()]


def left(system: dict[str, Any]) -> dict[str, int]:
    """Return what waits in each queue, outbox and table of things to do."""
    found: dict[str, int] = {}
    for service in SERVICES:
        with psycopg.connect(system["admin_urls"][service], autocommit=True, connect_timeout=5) as database:
            found[f"{service}: outbox"] = _count(database, "outbox where published_at is null")
            found[f"{service}: retries"] = _count(database, "retries")
            if service == "alerts":
                found["alerts: mails"] = _count(database, "mails where state = 'waiting'")
                found["alerts: mails given up"] = _count(database, "mails where state = 'failed'")
    parameters = pika.URLParameters(system["admin_urls"]["broker"])
    parameters.socket_timeout = parameters.stack_timeout = 5
    try:
        with pika.BlockingConnection(parameters) as connection:
            for service in bus.CONSUMES:
                for queue in (bus.events_queue(service).name, bus.dead_queue(service).name):
                    found[queue] = connection.channel().queue_declare(queue, passive=True).method.message_count
    except pika.exceptions.AMQPError as error:
        raise ConnectionError(type(error).__name__) from None
    return found


def _count(database: psycopg.Connection[Any], what: str) -> int:
    row = database.execute(f"select count(*) from {what}").fetchone()  # type: ignore[arg-type]
    return int(row[0]) if row else 0


def _said(url: str) -> str:
    """Return nothing when it answers well, and else what it says."""
    try:
        with urllib.request.urlopen(url, timeout=3):
            return ""
    except urllib.error.HTTPError as answer:
        return answer.read().decode(errors="replace")[:200]
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__


def make_school(ready: Path) -> dict[str, Any]:
    """Make a school of 120 pupils in the system of this ready file, and wait until every service knows it. Returns its id and its sign-ins."""
    school = ready.with_name("school.json")
    subprocess.run([sys.executable, "-W", "ignore", "-m", "tests.faults.seed", str(ready), str(school)], cwd=ROOT, check=True)
    system = json.loads(ready.read_text())
    wait_until(lambda: not any(left(system).values()), seconds=90, what="the school does not reach every service")
    made: dict[str, Any] = json.loads(school.read_text())
    return made


@contextlib.contextmanager
def running(*, broken: Mapping[str, str] = {}, small_disk: bool = False) -> Iterator[Victim]:
    """Start a whole Safekeep in a folder of its own, on a small disk of its own where wanted; end it. `broken`: process → how."""
    folder = Path(tempfile.mkdtemp(prefix="sk-faults-"))
    folder.chmod(0o711)
    data = folder / "data"
    data.mkdir(mode=0o711)
    if small_disk:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}m,mode=0711", "tmpfs", str(data)], check=True)
    victim = Victim(folder, broken=broken)
    try:
        victim.start()
        yield victim
    finally:
        if hasattr(victim, "process"):
            victim.end()
        if small_disk:
            subprocess.run(["umount", "-l", str(data)], check=False)
        if not os.environ.get("KEEP_DATA"):
            subprocess.run(["rm", "-rf", str(folder)], check=False)


def may_mount() -> bool:
    """Whether a small disk can be had here."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as place:
        tried = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, check=False)
        if tried.returncode == 0:
            subprocess.run(["umount", place], check=False)
        return tried.returncode == 0
