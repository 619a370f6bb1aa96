"""Real servers for tests and benches: the very functions `./run` uses, on ports and folders of their own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pika
import psycopg
from psycopg import sql

from deploy.local import servers
from safekeep import bus, topology
from safekeep.database import SERVICES, migrate
from tests import containers

ROOT = Path(__file__).resolve().parent.parent
STARTS_WITHIN = 600
"""Seconds, of a whole Safekeep with its demonstration: it takes one and a half minutes on a slow machine, and other systems may start beside it."""


class Postgres:
    """A private PostgreSQL with a template database a service, made by the real migrations; clones take 50 ms."""

    def __init__(self, described: dict[str, Any]) -> None:
        self.port, self.passwords = described["port"], described["passwords"]
        self.folder = Path(described["folder"]) if described["folder"] else None  # none where it runs in a container
        self.admin = servers.admin_url(port=self.port, password=self.passwords["postgres"], folder=self.folder)

    def make_template(self, service: str) -> None:
        """Make a service's template from its migrations."""
        name = f"template_{service}"
        servers.make_database(self.admin, service=service, name=name)
        urls = self.urls(service, name)
        prefix = service.upper()
        migrate(owner_url=urls[f"{prefix}_OWNER_DATABASE_URL"], service=service, service_role=f"{service}_service", worker_role=f"{service}_worker")

    def clone(self, service: str, name: str) -> dict[str, str]:
        """Return the addresses of a fresh database of a service."""
        with psycopg.connect(self.admin, autocommit=True) as server:
            wanted = sql.SQL("create database {} template {} owner {}")
            server.execute(wanted.format(sql.Identifier(name), sql.Identifier(f"template_{service}"), sql.Identifier(f"{service}_owner")))
        servers.enter(self.admin, service=service, name=name)
        return self.urls(service, name)

    def drop(self, names: Collection[str]) -> None:
        """Remove databases, whoever is still connected."""
        with psycopg.connect(self.admin, autocommit=True) as server:
            for name in names:
                server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    def urls(self, service: str, name: str) -> dict[str, str]:
        """Return the three addresses of a database."""
        return servers.database_urls(port=self.port, passwords=self.passwords, service=service, name=name, folder=self.folder)


def start_postgres(folder: Path, *, only: Collection[str] = SERVICES, lasting: bool = False) -> tuple[dict[str, Any], Callable[[], Any]]:
    """Start a server (durability off, unless it is to outlive a crash) and make the templates. Returns what describes it, and what ends it."""
    names = ["postgres", *(f"{s}_{kind}" for s in SERVICES for kind in ("owner", "service", "worker"))]
    passwords = {name: f"test-{name}" for name in names}
    if containers.engine_answers():
        container, port = containers.start_postgres(password=passwords["postgres"])
        described, end = {"port": port, "passwords": passwords, "folder": None}, container.stop
    else:
        port = servers.free_port()
        servers.init_postgres(folder, password=passwords["postgres"])
        command = servers.postgres_command(folder, port=port, lasting=lasting).split()
        with Path(f"{folder}.log").open("wb") as log:
            process = subprocess.Popen(command, user=servers.postgres_user(), cwd="/", stdout=log, stderr=log)
        described = {"port": port, "passwords": passwords, "folder": str(folder)}

        def end() -> None:
            process.send_signal(signal.SIGINT)  # fast: who is still connected is let go
            process.wait(30)

    postgres = Postgres(described)
    servers.wait_for_postgres(postgres.admin)
    servers.make_roles(postgres.admin, passwords)
    for service in only:
        if (ROOT / "services" / service / "migrations").exists():
            postgres.make_template(service)
    return described, end


class Broker:
    """A private RabbitMQ with the users and the topology of a real one. `described` comes from start_broker."""

    def __init__(self, described: dict[str, Any]) -> None:
        self.port, self.passwords, self.environment, self.pid = (described[x] for x in ("port", "passwords", "environment", "pid"))

    def url(self, user: str = topology.ADMIN) -> str:
        """Return its address for one of its users."""
        return servers.broker_url(port=self.port, passwords=self.passwords, user=user)

    def ctl(self, *arguments: str) -> str:
        """Run rabbitmqctl; return what it prints."""
        return rabbitmqctl(self.environment, *arguments)

    def empty(self) -> None:
        """Take every message out of every queue of ours."""
        with pika.BlockingConnection(pika.URLParameters(self.url())) as connection:
            for service in bus.CONSUMES:
                for queue in (bus.events_queue(service), bus.dead_queue(service)):
                    connection.channel().queue_purge(queue.name)


def rabbitmqctl(environment: dict[str, str], *arguments: str) -> str:
    """Run rabbitmqctl against a private node; return what it prints."""
    command = [str(servers.BROKER_PROGRAM.with_name("rabbitmqctl")), "-q", *arguments]
    told = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"} | environment
    told.pop("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", None)
    return subprocess.run(command, env=told, check=True, capture_output=True, text=True, cwd="/").stdout


def start_broker(folder: Path) -> tuple[dict[str, Any], Callable[[], Any]]:
    """Start a node with every user, and declare the topology. Returns what describes it, and what ends it."""
    passwords = {user: f"test-{user}" for user in (topology.ADMIN, *topology.users())}
    port, epmd, dist = servers.free_port(), servers.free_port(), servers.free_port()
    environment = servers.prepare_broker(folder, port=port, epmd_port=epmd, dist_port=dist, passwords=passwords)
    path = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    log = Path(f"{folder}.log").open("wb")
    epmd_process = subprocess.Popen(["epmd", "-port", str(epmd), "-address", "127.0.0.1"], env=path, stdout=log, stderr=log)
    process = subprocess.Popen([str(servers.BROKER_PROGRAM)], env=path | environment, stdout=log, stderr=log)
    described = {"port": port, "passwords": passwords, "environment": environment, "pid": process.pid}

    def end() -> None:
        for each in (process, epmd_process):
            each.kill()
            each.wait(30)
        log.close()

    broker = Broker(described)
    try:
        servers.wait_for_broker(broker.url())
        topology.declare(broker.url())
    except Exception:
        end()
        raise
    return described, end


def processes_of(data: Path) -> dict[int, str]:
    """Return every living process that has a data folder in its command line, environment or working files."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "stat").read_text().rpartition(") ")[2][0] == "Z":
                continue
            text = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            if str(data).encode() in text and int(folder.name) != os.getpid():
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:80]
    return found


def entries_in(data: Path) -> int:
    """Return how many entries the record in a data folder has, also while it is being started; 0 where there is no record yet."""
    try:
        passwords = json.loads((data / "run" / "secrets.json").read_text())
        port = int((data / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[3])
        url = servers.admin_url(port=port, password=passwords["postgres"], folder=data / "postgres")
        with psycopg.connect(url, dbname="incidents") as database:
            counted = database.execute("select count(*) from entries").fetchone()
    except (OSError, IndexError, ValueError, psycopg.Error):
        return 0
    return int(counted[0]) if counted else 0


def _cut_short(process: subprocess.Popen[bytes], *, data: Path, ready: Path, log: Path) -> None:
    """End everything while entries of the demonstration are being made."""
    ends = time.monotonic() + STARTS_WITHIN
    while entries_in(data) <= 100:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < ends, log.read_text()
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    process.wait(90)
    assert not ready.exists(), "it was ready before it could be cut short"
    assert processes_of(data) == {}


@contextmanager
def running_system(
    *arguments: str, data: Path | None = None, cut_short: bool = False, told: dict[str, dict[str, str]] | None = None, **environment: str
) -> Iterator[dict[str, Any]]:
    """Start a whole Safekeep as `./run` does, in a folder of its own; yield what its ready file says; end it.

    `environment` is what it is started with; `told` is told to its processes besides, by their names. `cut_short`: a first start is ended among the entries of the demonstration, and this
    one finishes it; what is yielded says how many entries there are then.
    """
    folder = Path(tempfile.mkdtemp(prefix="safekeep-")) if data is None else data
    folder.chmod(0o711)
    ready, log = folder / "ready.json", folder / "run.log"
    ready.unlink(missing_ok=True)
    program = "tests.faults.launch" if told else "deploy.local"
    command = [sys.executable, "-W", "ignore", "-m", program, "--data", str(folder / "data"), "--ready", str(ready), *arguments]
    # the OpenID provider of the journeys; and a push service that is nowhere, so that nothing of a test leaves the machine
    environment = os.environ | {"SSO_INNER_ISSUERS": "http://localhost", "PUSH_HOSTS": "push.invalid"} | environment
    if told:
        (folder / "plan.json").write_text(json.dumps({"doors": {}, "environment": told}))
        environment["FAULTS_PLAN"] = str(folder / "plan.json")

    def start() -> subprocess.Popen[bytes]:
        with log.open("wb") as out:
            return subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, env=environment)

    process = start()
    try:
        if cut_short:
            _cut_short(process, data=folder / "data", ready=ready, log=log)
            process = start()
        ends = time.monotonic() + STARTS_WITHIN
        while not ready.exists():
            if process.poll() is not None:
                raise RuntimeError(f"./run ended with {process.returncode}:\n{log.read_text()[-4000:]}")
            if time.monotonic() > ends:
                raise RuntimeError(f"./run was not ready in {STARTS_WITHIN} s:\n{log.read_text()[-4000:]}")
            time.sleep(0.1)
        more = {"entries_made": entries_in(folder / "data")} if cut_short else {}
        yield json.loads(ready.read_text()) | {"launcher_pid": process.pid, "log": str(log)} | more
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(90)
        if data is None and not os.environ.get("KEEP_DATA"):
            shutil.rmtree(folder, ignore_errors=True)
