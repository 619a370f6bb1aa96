"""What `./run` runs once the virtual environment stands: makes the data folder, starts everything in order, watches, ends it."""

import argparse
import base64
import contextlib
import ctypes
import fcntl
import json
import os
import secrets
import shlex
import shutil
import signal
import string
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from http.client import HTTPException
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO
from xmlrpc.client import Fault, ServerProxy

import psycopg
from alembic.util import CommandError
from cryptography.exceptions import InvalidTag
from pika.exceptions import AMQPError
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError
from supervisor.xmlrpc import SupervisorTransport

from deploy.demo import REAL_SCHOOL
from deploy.local import scanner, servers
from deploy.local.broker_watch import BrokerWatch
from deploy.local.deaths import Deaths
from deploy.local.servers import CannotStart
from safekeep import keys, topology
from safekeep.database import SERVICES, migrate

ROOT = Path(__file__).resolve().parent.parent.parent
DATA_VERSION = 1
"""Raised when a release changes the data folder so that an older one cannot use it."""

CAN_DO_WITHOUT = {"clamd", "freshclam"}
"""What may die again and again without stopping the rest: concerns are recorded and read without a scanner."""
SAID: Mapping[str, Sequence[str]] = {
    "identity": ("SSO_INNER_ISSUERS", "ARGON2_TIME_COST", "ARGON2_MEMORY_KIB"),
    "alerts": ("MAIL_FROM", "DKIM_DOMAIN", "DKIM_SELECTOR", "DKIM_KEY_FILE", "PUSH_HOSTS", "CALENDAR_INNER_ADDRESSES"),
    "reports": ("CALENDAR_INNER_ADDRESSES",),
}
"""What the person who starts it may say in the environment, and which process is told."""
LONGEST_LOG = 20 * 2**20
ROOM = 300 * 2**20
NO_ROOM = 4 * 2**20
"""With less left on the disk, what failed did so for want of it: a server that could not write its files says only that it did not start."""
DISK_FULL = "The disk is full: free some room and start again."


class Stop(BaseException):
    """The person, or the system, asked for the end: no error that anybody handles."""


_asked: list[int] = []
"""Which signals asked for it. One may come while an object is being taken apart, where Python drops what is raised: whoever waits looks here too."""


def main() -> int:
    """Start, serve until asked to stop, end everything. Returns the exit code."""
    chosen = _arguments()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _on_signal)
    launcher = Launcher(chosen)
    try:
        launcher.start()
        launcher.watch()
    except Stop:
        return 0
    except CannotStart as reason:
        print(f"\n{DISK_FULL if launcher.is_full() else reason}", file=sys.stderr)
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        remedy = "See that the folder is there and is yours to write in, or choose another with --data."
        sentence = DISK_FULL if error.errno == 28 else f"Safekeep could not start: {where}{error.strerror}. {remedy}"
        print(f"\n{sentence}", file=sys.stderr)
        return 1
    finally:
        launcher.end()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run", description="Start Safekeep on this machine; Ctrl-C ends it.")
    parser.add_argument("--port", type=_port, help="the port of the web pages (usually 8080, or a free one)")
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="the folder that holds everything (usually ./data)")
    parser.add_argument("--no-demo", action="store_true", help="no demonstration schools")
    parser.add_argument("--clamav", action="store_true", help="have files scanned by ClamAV, in a process of our own")
    parser.add_argument("--ready", type=Path, help="a file to write when everything answers")
    return parser.parse_args()


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:6]) < 2**16):
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return int(text)


class Launcher:
    """One Safekeep: its folder, ports, secrets and supervisor."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        self.chosen, self.data = chosen, chosen.data.resolve()
        self.supervisord: subprocess.Popen[bytes] | None = None
        self.inner: dict[str, int] = {}
        self._deaths = Deaths()
        self._given_up: set[str] = set()
        self._has_room = True
        self._begun = time.monotonic()

    # --- starting

    def start(self) -> None:
        """Start the groups in order, saying what and how long."""
        config = self.prepare()
        self._supervise(config)
        self._start_group([name for name in ("postgres", "epmd", "rabbitmq") if name in self.names])
        with _step("database server"):
            self._databases()
        with _step("schemas"):
            for service in SERVICES:
                self._migrate(service)
        with _step("message broker"):
            _declare_topology(self.urls["BROKER_URL"], given=not self.broker_urls)
        with _step("services"):
            self._start_group([name for name in self.names if name not in {"postgres", "epmd", "rabbitmq"}])
            self._wait_ready()
        servers.write_private(self.data / "run" / "operator.json", json.dumps(self._told_operator()))
        logins = self._demonstration()
        url = f"http://localhost:{self.port}/"
        print(f"\nSafekeep answers at {url}   (ready in {time.monotonic() - self._begun:.1f} s)")
        if self.mail_url:
            print(f"Mail it would send: {self.mail_url}")
        first = self._first_link() if not logins else ""
        if first:
            print(f"\nNobody has an account yet. Open this once, within 24 hours, to name the trust and its first administrator:\n  {first}")
        if logins:
            print(_sign_ins(logins, codes_url=f"{self.mail_url}/codes" if self.mail_url else ""))
        print("\nCtrl-C ends it; the data stays in", self.data, flush=True)
        if self.chosen.ready:
            ready = {
                "url": url,
                "mail_url": self.mail_url,
                "logins": logins,
                "first_link": first,
                "admin_urls": self._admin_urls(),
                "pids": {p["name"]: p["pid"] for p in self._processes()},
                "data": str(self.data),
                "inner": self.inner,
                "smtp_url": f"smtp://127.0.0.1:{self.smtp}",
            }
            part = self.chosen.ready.with_suffix(".part")
            servers.write_private(part, json.dumps(ready))
            part.replace(self.chosen.ready)

    def prepare(self) -> str:
        """Make the folder, its keys and its database files. Returns the configuration of the processes, of which none runs yet."""
        self._open_data()
        self.secrets = self._secrets()
        self.port = self._public_port()
        self.mail_page, self.smtp = self._ports()
        self.external = _given_urls()
        with _step("keys"):
            try:
                keys.ensure_ring(self.data / "keys")
            except (InvalidTag, ValueError):
                raise CannotStart(
                    f"The keys in {self.data / 'keys'} are not opened by this master key: give the SAFEKEEP_MASTER_KEY they were made with."
                ) from None
        with _step("settings"):
            return self._configuration()

    def _open_data(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        self.data.chmod(0o711)  # PostgreSQL's own user passes through; what is inside is private file by file
        for part in ("run", "logs", "mailbox", "objects"):
            (self.data / part).mkdir(exist_ok=True, mode=0o700)
        self._lock = (self.data / "run" / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotStart(f"Safekeep already runs on {self.data}: end that one, or choose another folder with --data.") from None
        version = self.data / "version"
        kept = version.read_text().strip() if version.exists() else ""  # empty: the disk was full when it was written
        if kept and int(kept) > DATA_VERSION:
            raise CannotStart(f"The data in {self.data} is of a newer Safekeep: run that release, or choose another folder with --data.")
        if self._room() < ROOM:
            raise CannotStart(f"There is less than 300 MB of room for {self.data}: free some and start again.")
        if kept != str(DATA_VERSION):
            version.write_text(f"{DATA_VERSION}\n")

    def _secrets(self) -> dict[str, str]:
        path = self.data / "run" / "secrets.json"
        names = ["postgres", "broker", *(f"{s}_{kind}" for s in SERVICES for kind in ("owner", "service", "worker"))]
        names += [f"broker_{user}" for user in topology.users()]
        kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        if any(name not in kept for name in names):  # all at first; later, a release's new ones
            kept = {name: secrets.token_urlsafe(24) for name in names} | kept
            servers.write_private(path, json.dumps(kept))
        return kept

    def _public_port(self) -> int:
        if self.chosen.port:
            if not servers.is_free(self.chosen.port):
                raise CannotStart(f"Port {self.chosen.port} is taken, or not yours to use: choose another with --port, or leave it out.")
            port: int = self.chosen.port
            return port
        return 8080 if servers.claim(8080) else servers.free_port()

    def _ports(self) -> tuple[int, int]:
        return (8025 if servers.claim(8025) else servers.free_port()), servers.free_port()

    def _configuration(self) -> str:
        """Fill in supervisord.conf: each process gets the environment it needs, what every program needs, and nothing else."""
        postgres_port, broker_port, epmd_port = servers.free_port(), servers.free_port(), servers.free_port()
        self.postgres_port, self.epmd_port = postgres_port, epmd_port
        self.admin = servers.admin_url(port=postgres_port, password=self.secrets["postgres"], folder=self.data / "postgres")
        names = [*SERVICES, *(f"relay-{s}" for s in SERVICES), "ledger", "gateway"]
        values: dict[str, str] = {
            "data": str(self.data),
            "root": str(ROOT),
            "gunicorn_conf": shlex.quote(str(ROOT / "deploy" / "gunicorn.conf.py")),
            "python": shlex.quote(sys.executable),
            "port": str(self.port),
            "socket": str(self._socket()),
            "epmd_port": str(epmd_port),
            "postgres_command": "",
            "rabbitmq_command": "",
            "postgres_user_line": "",
            "clamd_command": "",
            "freshclam_command": "",
            "scanner_user_line": f"user={scanner.user()}" if scanner.user() else "",
        }
        left_out: set[str] = set()
        self.clamd_url, commands = self._scanner()
        left_out |= CAN_DO_WITHOUT - commands.keys()
        values |= {f"{name}_command": command for name, command in commands.items()}
        urls = dict(self.external)
        embedded_databases = [s for s in SERVICES if f"{s.upper()}_DATABASE_URL" not in urls]
        for service in embedded_databases:
            urls |= servers.database_urls(port=postgres_port, passwords=self.secrets, service=service, name=service, folder=self.data / "postgres")
        self.embedded_databases = embedded_databases
        if embedded_databases:
            with _step("database files"):
                servers.init_postgres(self.data / "postgres", password=self.secrets["postgres"])
            values["postgres_command"] = servers.postgres_command(self.data / "postgres", port=postgres_port)
            user = servers.postgres_user()
            values["postgres_user_line"] = f"user={user}" if user else ""
        else:
            left_out.add("postgres")
        broker_environment: dict[str, str] = {}
        self.broker_urls: dict[str, str] = {}  # by user; none where one address was given for all
        if "BROKER_URL" in urls:
            left_out |= {"epmd", "rabbitmq"}
        else:
            passwords = servers.broker_passwords(self.secrets)
            broker_environment = servers.prepare_broker(
                self.data / "rabbitmq", port=broker_port, epmd_port=epmd_port, dist_port=servers.free_port(), passwords=passwords
            )
            self.broker_urls = {user: servers.broker_url(port=broker_port, passwords=passwords, user=user) for user in passwords}
            urls["BROKER_URL"] = self.broker_urls[topology.ADMIN]
            values["rabbitmq_command"] = str(servers.BROKER_PROGRAM)
        if "SMTP_URL" in urls:
            left_out.add("mailbox")
        self.mail_url = "" if "SMTP_URL" in urls else f"http://127.0.0.1:{self.mail_page}"
        urls.setdefault("SMTP_URL", f"smtp://127.0.0.1:{self.smtp}")
        urls.setdefault("OBJECT_STORE_URL", f"file://{self.data / 'objects'}")
        self.urls = urls
        common = {
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(self.data),
        }
        self.inner = {name: servers.free_port() for name in [*names, *({"mailbox"} - left_out)]}
        self.doors = {service: f"127.0.0.1:{servers.free_port()}" for service in SERVICES}
        environments = {name: common | {"LOG_FILE": str(self._log(name))} | self._environment(name) for name in names}
        environments |= {"postgres": {}, "epmd": {}, "rabbitmq": common | broker_environment}
        environments |= {"clamd": {}, "freshclam": scanner.environment()}
        environments["mailbox"] = common | {
            "INNER_PORT": str(self.inner.get("mailbox", "")),
            "SMTP_PORT": str(self.smtp),
            "MAIL_PAGE_PORT": str(self.mail_page),
            "MAILBOX_FILE": str(self.data / "mailbox" / "messages.jsonl"),
            "DEMO_LOGINS": str(self._demo_logins),
        }
        for name, environment in environments.items():
            values[f"env_{name.replace('-', '_')}"] = ",".join(f'{k}="{v.replace("%", "%%")}"' for k, v in environment.items() if '"' not in v)
        self.names = [name for name in ("postgres", "epmd", "rabbitmq", *names, "mailbox", "clamd", "freshclam") if name not in left_out]
        text = (ROOT / "deploy" / "local" / "supervisord.conf").read_text()
        return _without(string.Template(text).substitute(values), left_out)

    def _environment(self, name: str) -> dict[str, str]:
        """Return what one of our processes is told: its own database and keys, never another's, never an owner's."""
        relays = name.removeprefix("relay-") if name.startswith("relay-") else ""
        holder = "relay" if relays else name
        told = {"KEYS_FILE": str(self.data / "keys" / "process" / f"{holder}.json"), "INNER_PORT": str(self.inner[name])}
        if name == "ledger":  # signs heads, checks the record and makes exports: it needs no broker
            databases = {key: self.urls[key] for key in ("INCIDENTS_DATABASE_URL", "INCIDENTS_WORKER_DATABASE_URL")}
            return told | databases | {"LEDGER_FOLDER": str(self.data / "ledger")}
        told["BROKER_URL"] = self.broker_urls.get(name, self.urls["BROKER_URL"])
        if relays:
            worker = f"{relays.upper()}_WORKER_DATABASE_URL"
            return told | {worker: self.urls[worker]}
        told["PUBLIC_URL"] = f"http://localhost:{self.port}"
        if name in SERVICES:
            told |= {key: self.urls[key] for key in (f"{name.upper()}_DATABASE_URL", f"{name.upper()}_WORKER_DATABASE_URL")}
        if name in self.doors:
            told["DOOR"] = self.doors[name]
        if name == "gateway":
            told["DOORS"] = ",".join(f"{service}={place}" for service, place in self.doors.items())
        if name == "alerts":
            told |= {"SMTP_URL": self.urls["SMTP_URL"], "MAIL_FROM": "safekeep@safekeep.example"}
        told |= {key: os.environ[key] for key in SAID.get(name, ()) if key in os.environ}
        if name == "gateway" and self.mail_url:  # said to people of the demonstration alone
            told["DEMO_CODES_URL"] = f"{self.mail_url}/codes"
        if name == "files":
            told["OBJECT_STORE_URL"] = self.urls["OBJECT_STORE_URL"]
            told["CLAMD_URL"] = self.clamd_url
        return told

    def _scanner(self) -> tuple[str, dict[str, str]]:
        """Return where files are scanned, and the commands of a scanner of our own: where one is asked for, none is given, and it can be had."""
        given = os.environ.get("CLAMD_URL", "")
        if given or not self.chosen.clamav:
            return given, {}
        folder = self.data / "clamav"
        socket = folder / "clamd.sock"
        if len(str(socket)) > 100:
            socket = Path("/tmp") / f"safekeep-clamd-{secrets.token_hex(6)}.sock"  # noqa: S108 - only the socket
        try:
            with _step("virus scanner"):
                made = scanner.prepare(folder, socket=socket, log=self.data / "logs" / "freshclam.log")
        except scanner.CannotScan as sentence:
            print(f"\n  {sentence}\n  Until then files are kept and shown as not scanned.\n", flush=True)
            return "", {}
        return made.url, {"clamd": made.clamd, "freshclam": made.freshclam}

    def _socket(self) -> Path:
        """Return the control socket's path: short, since socket paths end at 107 characters."""
        path: Path = self.data / "run" / "supervisor.sock"
        if len(str(path)) < 90:
            return path
        runtime = Path(os.environ.get("XDG_RUNTIME_DIR", "/tmp"))  # noqa: S108 - only the socket, mode 0600
        return runtime / f"safekeep-{base64.urlsafe_b64encode(secrets.token_bytes(6)).decode()}.sock"

    def _supervise(self, config: str) -> None:
        path = self.data / "run" / "supervisord.conf"
        servers.write_private(path, config)
        command = [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-c", str(path)]
        log = (self.data / "logs" / "supervisord.out").open("wb", buffering=0)
        both: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        told = servers.bare_environment()  # what it has, each process it starts has too
        self.supervisord = subprocess.Popen(command, **both, env=told, preexec_fn=_die_with_parent, cwd="/")  # noqa: S603 - our own program
        threading.Thread(target=_keep, args=(self.supervisord.stdout, log), daemon=True).start()
        self._control = self._socket_of(config)
        _until(self._supervisor_answers, seconds=15, otherwise="The process manager did not start: see logs/supervisord.out in the data folder.")

    @property
    def supervisor(self) -> Any:
        """The process manager's interface, on a connection of its own: a signal may have cut the one before."""
        transport = SupervisorTransport(None, None, f"unix://{self._control}")
        return ServerProxy("http://127.0.0.1", transport=transport).supervisor

    def _socket_of(self, config: str) -> str:
        return config.partition("[unix_http_server]\nfile=")[2].partition("\n")[0]

    def _supervisor_answers(self) -> bool:
        try:
            self.supervisor.getState()
            return True
        except (OSError, Fault, HTTPException):
            return False

    def _start_group(self, names: list[str]) -> None:
        for name in names:
            self.supervisor.startProcess(name, False)

    def _stop_group(self, names: list[str], *, seconds: float) -> None:
        """End these at the same time. (Supervisor's own shutdown ends one after the other, a second each.)"""
        for name in names:
            _quietly(self.supervisor.stopProcess, name, False)
        _until(lambda: all(p["pid"] == 0 for p in self._processes() if p["name"] in names), seconds=seconds, otherwise="")

    def _databases(self) -> None:
        if not self.embedded_databases:
            return
        servers.wait_for_postgres(self.admin)
        servers.make_roles(self.admin, self.secrets)
        for service in self.embedded_databases:
            servers.make_database(self.admin, service=service, name=service)

    def _migrate(self, service: str) -> None:
        """Bring a database to this release. One that was given may be away, refuse us, or be of a newer release."""
        owner, own, worker = (self.urls[f"{service.upper()}{kind}_DATABASE_URL"] for kind in ("_OWNER", "", "_WORKER"))
        try:
            migrate(owner_url=owner, service=service, service_role=make_url(own).username or "", worker_role=make_url(worker).username or "")
        except (SQLAlchemyError, CommandError) as error:
            if service in self.embedded_databases:
                raise
            why = getattr(getattr(error, "orig", None), "sqlstate", None) or type(error).__name__
            raise CannotStart(
                f"The database of {service}, given in {service.upper()}_OWNER_DATABASE_URL, could not be reached or prepared ({why}): "
                "check the three addresses, that it answers, that its owner may make tables there, and that it is of no newer Safekeep."
            ) from None

    def _wait_ready(self) -> None:
        def all_ready() -> bool:
            self._check()
            return all(_answers(f"http://127.0.0.1:{port}/readyz") for port in self.inner.values()) and _answers(
                f"http://127.0.0.1:{self.port}/sign-in"
            )

        _until(all_ready, seconds=90, otherwise="Not every process answers: see their lines in the data folder's logs.")

    def _demonstration(self) -> list[dict[str, Any]]:
        path = self._demo_logins
        done = self.data / "run" / "demo-done"
        if self.chosen.no_demo and not done.exists():
            return []
        if not done.exists():
            with _step("demonstration data (once)"):
                environment = servers.bare_environment() | {
                    "BROKER_URL": self.broker_urls.get("operator", self.urls["BROKER_URL"]),
                    "KEYS_FILE": str(self.data / "keys" / "process" / "demo.json"),
                    "DEMO_LOGINS": str(path),
                    "DEMO_DAY": kept_day(self.data / "run" / "demo-day"),
                }
                made = subprocess.run([sys.executable, "-W", "ignore", "-m", "deploy.demo"], cwd=ROOT, env=environment, check=False)
            if made.returncode == REAL_SCHOOL:
                return []
            if made.returncode != 0:
                raise CannotStart("The demonstration data could not be made: the lines above say why; --no-demo starts without it.")
            done.write_text("")
        if self._has_a_real_school():  # which ended them
            return []
        logins: list[dict[str, Any]] = json.loads(path.read_text())
        return logins

    def _has_a_real_school(self) -> bool:
        with psycopg.connect(self.urls["IDENTITY_OWNER_DATABASE_URL"]) as database:
            found = database.execute("select real_school_exists()").fetchone()
        return bool(found and found[0])

    def _first_link(self) -> str:
        """Return the link that begins an installation where nobody has an account; "" where somebody has."""
        command = [sys.executable, "-W", "ignore", "-m", "deploy.cli", "first-administrator", "--json", "--data", str(self.data)]
        told = servers.bare_environment()
        asked = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
        return str(json.loads(asked.stdout).get("link", "")) if asked.stdout else ""

    def _told_operator(self) -> dict[str, str]:
        """Return what `safekeep` on the command line needs: every address, and the operator's key file."""
        own = {
            "KEYS_FILE": str(self.data / "keys" / "process" / "operator.json"),
            "KEYS_FOLDER": str(self.data / "keys"),
            "PUBLIC_URL": f"http://localhost:{self.port}",
        }
        return self.urls | {"BROKER_URL": self.broker_urls.get("operator", self.urls["BROKER_URL"])} | own

    @property
    def _demo_logins(self) -> Path:
        path: Path = self.data / "run" / "demo-logins.json"
        return path

    def _admin_urls(self) -> dict[str, str]:
        """Return the administrator's addresses of the embedded databases and broker, for tests and benches (the file is private)."""
        here: dict[str, Any] = {"port": self.postgres_port, "password": self.secrets["postgres"], "folder": self.data / "postgres"}
        broker = {"broker": self.urls["BROKER_URL"]} if self.broker_urls else {}
        return {s: servers.admin_url(**here, database=s) for s in self.embedded_databases} | broker

    # --- watching and ending

    def watch(self) -> None:
        """Stay until asked to stop. Raises CannotStart when a process dies again and again."""
        relays = [self.inner[f"relay-{service}"] for service in SERVICES]
        queues = BrokerWatch(relays, start_again=self._start_broker_again, has_room=lambda: self._has_room)
        while True:
            _heed()
            self._check()
            if "rabbitmq" in self.names:
                queues.look()
            time.sleep(0.5)

    def _start_broker_again(self) -> None:
        print("\nThe message broker answered and took nothing, as after a full disk: it is started again.", flush=True)
        _quietly(self.supervisor.stopProcess, "rabbitmq", True)
        self._deaths.was_meant("rabbitmq")
        _quietly(self.supervisor.startProcess, "rabbitmq", False)

    def _room(self) -> int:
        return shutil.disk_usage(self.data).free

    def is_full(self) -> bool:
        """Whether the disk of the data folder has no room left."""
        return self.data.exists() and self._room() < NO_ROOM

    def _check(self) -> None:
        if self.supervisord is None or self.supervisord.poll() is not None:
            raise CannotStart("The process manager ended: see logs/supervisord.log in the data folder.")
        self._look_at_the_disk()
        self._shorten_logs()
        too_often, to_start = self._deaths.look(self._processes(), has_room=self._has_room, now=time.monotonic())
        for name in to_start:
            _quietly(self.supervisor.startProcess, name, False)
        for name in too_often:
            if name not in CAN_DO_WITHOUT:
                raise CannotStart(f"{self._last_lines(name)}\n\n'{name}' dies again and again, so everything was stopped. Its last lines are above.")
            self._do_without(name)

    def _look_at_the_disk(self) -> None:
        had_room, self._has_room = self._has_room, self._room() > ROOM
        if had_room and not self._has_room:
            print(
                f"\nThe disk of {self.data} is nearly full: make room. Alerts wait, nothing recorded is lost, and what cannot be written says so.",
                flush=True,
            )
        elif self._has_room and not had_room:
            print("\nThere is room on the disk again.", flush=True)

    def _do_without(self, name: str) -> None:
        if name in self._given_up:
            return
        self._given_up.add(name)
        _quietly(self.supervisor.stopProcess, name, False)
        what = "New files are held for a day, then shown as not scanned." if name == "clamd" else "Signatures are not brought up to date."
        print(f"\n'{name}' dies again and again, so it was stopped: see logs/{name}.log in the data folder. {what}", flush=True)

    def _processes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.supervisor.getAllProcessInfo()
        return found

    def _log(self, name: str) -> Path:
        path: Path = self.data / "logs" / f"{name}.log"
        return path

    def _shorten_logs(self) -> None:
        """Begin anew the files that our processes write themselves and that have grown; the last two before are kept.

        Copied and cut, since whoever writes keeps it open. What is written in between is in neither: a few lines in 20 MB. Without
        room it is cut alone: the room is the record's.
        """
        for path in map(self._log, self.inner):
            if path.exists() and path.stat().st_size > LONGEST_LOG:
                older = [path.with_suffix(f".log.{number}") for number in (1, 2)]
                with contextlib.suppress(OSError):
                    if self._has_room:
                        if older[0].exists():
                            older[0].replace(older[1])
                        shutil.copyfile(path, older[0])
                    os.truncate(path, 0)

    def _last_lines(self, name: str) -> str:
        path = self._log(name)
        return "\n".join(path.read_text(errors="replace").splitlines()[-15:]) if path.exists() else ""

    def end(self) -> None:
        """End every process that was started, the servers last."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        _asked.clear()  # it is heeded: what follows waits for what is ending
        if self.supervisord is None or self.supervisord.poll() is not None:
            return
        begun = time.monotonic()
        print("\nending …", end="", flush=True)
        try:
            servers_of = [name for name in self.names if name in {"postgres", "epmd", "rabbitmq"}]
            self._stop_group([name for name in self.names if name not in servers_of], seconds=20)
            self._stop_group(servers_of, seconds=30)
        except (CannotStart, OSError, Fault, HTTPException):
            pass
        if "epmd" in self.names:  # one that RabbitMQ started itself, in a moment without ours, is nobody's child
            ending = ["epmd", "-port", str(self.epmd_port), "-kill"]
            subprocess.run(ending, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)  # noqa: S603 - a fixed command
        self.supervisord.terminate()
        try:
            self.supervisord.wait(60)
        except subprocess.TimeoutExpired:
            self.supervisord.kill()
        print(f" ended in {time.monotonic() - begun:.1f} s", flush=True)


def kept_day(path: Path) -> str:
    """Return the day on which the demonstration was begun: today, unless a start before this one was cut short."""
    if not path.exists():
        path.write_text(date.today().isoformat())
    return path.read_text()


def _sign_ins(logins: list[dict[str, Any]], *, codes_url: str) -> str:
    """Return what is printed of the demonstration's people: who they are, and where those who need a code find the one of this moment."""
    lines = ["\nDemonstration sign-ins (made-up people; anyone who reads this can use them):"]
    for login in logins:
        code = "" if not login["totp_secret"] else "+ code" if codes_url else login["totp_secret"]
        lines.append(f"  {login['role']:23} {login['school'] or 'trust':18} {login['username']:33} {login['password']:28} {code}".rstrip())
    if codes_url:
        lines.append(f"Where it says “+ code”, sign-in asks for the code of this moment: {codes_url}")
    else:
        lines.append("The last column is the secret for an authenticator app: those people are asked for its code.")
    return "\n".join(lines)


def _given_urls() -> dict[str, str]:
    """Return the addresses given in the environment; each replaces an embedded part. A database needs all three."""
    given = {name: os.environ[name] for name in ("BROKER_URL", "OBJECT_STORE_URL", "SMTP_URL") if os.environ.get(name)}
    for service in SERVICES:
        three = [f"{service.upper()}{kind}_DATABASE_URL" for kind in ("", "_WORKER", "_OWNER")]
        found = {name: os.environ[name] for name in three if os.environ.get(name)}
        if found and len(found) < 3:
            missing = ", ".join(name for name in three if name not in found)
            raise CannotStart(f"A database of your own needs three addresses; missing: {missing}.")
        given |= found
    return given


def _declare_topology(url: str, *, given: bool) -> None:
    """Wait for the broker, and declare its queues. One that was given may be away or refuse us. Raises CannotStart."""
    try:
        servers.wait_for_broker(url, seconds=15 if given else 90)
        topology.declare(url)
    except topology.Differs as sentence:
        raise CannotStart(str(sentence)) from None
    except (CannotStart, AMQPError, ValueError) as error:
        if not given:
            raise
        raise CannotStart(
            f"The broker given in BROKER_URL could not be reached or prepared ({type(error).__name__}): "
            "check the address, that it answers, and that its user may make queues and exchanges there."
        ) from None


def _without(config: str, left_out: set[str]) -> str:
    """Drop the sections of processes that the environment replaces."""
    sections = config.split("\n[")
    return "\n[".join(s for s in sections if not any(s.startswith(f"program:{name}]") for name in left_out))


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks without the proxy that the environment may name: it is our own loopback address."""


def _answers(url: str) -> bool:
    try:
        with _DIRECT.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _until(condition: Callable[[], bool], *, seconds: float, otherwise: str) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        _heed()
        if time.monotonic() > ends:
            raise CannotStart(otherwise)
        time.sleep(0.1)


def _quietly(call: Callable[..., Any], *arguments: Any) -> None:
    with contextlib.suppress(Fault):  # it had ended already
        call(*arguments)


class _step:  # noqa: N801 - reads as a word: with _step("keys")
    """Say what is being done and, afterwards, how long it took."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        self.begun = time.monotonic()
        print(f"  {self.what} …", flush=True)

    def __exit__(self, *failure: object) -> None:
        if failure[0] is None:
            print(f"  {self.what}: {time.monotonic() - self.begun:.1f} s", flush=True)


def _on_signal(number: int, _frame: FrameType | None) -> None:
    _asked.append(number)
    raise Stop


def _heed() -> None:
    if _asked:
        raise Stop


def _keep(lines: BinaryIO, log: BinaryIO) -> None:
    """Write down what the process manager says, where there is room: on a full disk it would end, and everything with it, for want of a line."""
    with lines, log:
        for line in lines:
            with contextlib.suppress(OSError):
                log.write(line)


def _die_with_parent() -> None:
    """Ask the kernel to end supervisord when the launcher is gone, and keep Ctrl-C from reaching it twice."""
    ctypes.CDLL("libc.so.6").prctl(1, signal.SIGTERM)
    os.setsid()


if __name__ == "__main__":
    sys.exit(main())
