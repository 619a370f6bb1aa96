"""Servers from containers, of the versions deploy/compose.yml names, where a Docker engine answers; private local ones everywhere else.

PostgreSQL is the one all services' tests share. RabbitMQ is for the topology alone: tests that kill a broker, set its alarms or search
its disk need one on this machine, as `./run` has it.
"""

import functools
import re
import subprocess
from pathlib import Path

from testcontainers.core.container import DockerContainer

COMPOSE = Path(__file__).resolve().parent.parent / "deploy" / "compose.yml"


@functools.cache
def engine_answers() -> bool:
    """Whether a Docker engine answers here: a client alone is not one."""
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def image(name: str) -> str:
    """Return the image of that name with the tag of compose.yml. Raises LookupError when it names none."""
    found = re.search(rf"image: ({name}:\S+)", COMPOSE.read_text())
    if found is None:
        raise LookupError(name)
    return found[1]


def start_postgres(*, password: str) -> tuple[DockerContainer, int]:
    """Start PostgreSQL; return the container and its port on loopback."""
    container = DockerContainer(image("postgres")).with_exposed_ports(5432)
    container = container.with_env("POSTGRES_USER", "safekeep_admin").with_env("POSTGRES_PASSWORD", password).with_env("POSTGRES_DB", "postgres")
    container.with_command("postgres -c fsync=off -c autovacuum=off -c max_connections=300 -c log_error_verbosity=terse").start()
    return container, container.get_exposed_port(5432)


def start_broker(*, password: str) -> tuple[DockerContainer, str]:
    """Start RabbitMQ with a virtual host of its own; return the container and its address."""
    container = DockerContainer(image("rabbitmq")).with_exposed_ports(5672)
    container = container.with_env("RABBITMQ_DEFAULT_USER", "safekeep").with_env("RABBITMQ_DEFAULT_PASS", password)
    container.with_env("RABBITMQ_DEFAULT_VHOST", "safekeep").start()
    return container, f"amqp://safekeep:{password}@127.0.0.1:{container.get_exposed_port(5672)}/safekeep"
