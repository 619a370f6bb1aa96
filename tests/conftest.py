"""Fixtures: real servers, fresh databases made by the real migrations, signed tokens, a whole running Safekeep."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest

from safekeep import actor, clock, keys, permissions
from safekeep.contracts import Contract, Request
from safekeep.ids import new_id
from safekeep.rpc import Resources, envelope
from safekeep.settings import ServiceSettings
from tests import order, parts, servers
from tests.openid import OpenIdProvider
from tests.openid import running as running_provider
from tests.servers import Broker, Postgres


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--part`."""
    parser.addoption("--part", choices=list(parts.PARTS), help="only the tests of one part of the product: tests/parts.toml")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what belongs to other parts, where one was named."""
    wanted, path = config.getoption("--part"), collection_path.relative_to(parts.HERE.parent).as_posix()
    return True if wanted and parts.PART_OF.get(path, wanted) != wanted else None


_took: Counter[str] = Counter()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember how long each file took."""
    _took[report.nodeid.partition("::")[0]] += report.duration  # type: ignore[assignment]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what each part took."""
    if len(_took) > 1:
        terminalreporter.write_line(parts.share(_took))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a worker, collect what takes longest first: that is the order in which the workers are given it."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: order.place(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep to that order."""
    return order.LongestFirst(config, log) if config.option.dist == "loadfile" else None


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


_to_end: list[Callable[[], None]] = []


def pytest_sessionfinish() -> None:
    """End what this worker started for all: here and not in its last test's teardown, since the others may need longer than a test may take."""
    for end in reversed(_to_end):
        end()


@contextmanager
def _shared(folder: Path, name: str, start: Callable[[], tuple[dict[str, Any], Any]], stop: Callable[[Any], None]) -> Iterator[dict[str, Any]]:
    """Start something in the first worker that needs it, share its description, and end it with its last user."""
    path, lock = folder / f"{name}.json", folder / f"{name}.lock"
    with _of_no_test(), _held(lock):
        if path.exists():
            described = json.loads(path.read_text())
        else:
            description, mine = start()
            described = {"users": [], "description": description}
            _to_end.append(lambda: _end_with_the_last(path, lock, lambda: stop(mine)))
        described["users"].append(os.getpid())
        path.write_text(json.dumps(described))
    try:
        yield described["description"]
    finally:
        with _held(lock):
            described = json.loads(path.read_text())
            described["users"].remove(os.getpid())
            path.write_text(json.dumps(described))


@contextmanager
def _of_no_test() -> Iterator[None]:
    """What takes its time here has a limit of its own, or waits for another worker that has: it is not of the test that happens to need it first."""
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)  # pytest-timeout's
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)


@contextmanager
def _held(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _end_with_the_last(path: Path, lock: Path, end: Callable[[], None]) -> None:
    """Wait until nobody who lives uses it, then end it: done by the worker that started it."""
    while True:
        with _held(lock):
            if not any(map(psutil.pid_exists, json.loads(path.read_text())["users"])):
                path.unlink()
                end()
                return
        time.sleep(0.2)


@pytest.fixture(scope="session")
def postgres(shared_folder: Path) -> Iterator[Postgres]:
    """A real PostgreSQL, shared by the workers of this run."""

    def start() -> tuple[dict[str, Any], Any]:
        folder = Path(tempfile.mkdtemp(prefix="safekeep-pg-"))
        folder.chmod(0o711)
        described, end = servers.start_postgres(folder / "pg")
        return described, (end, folder)

    def stop(kept: Any) -> None:
        end, folder = kept
        end()
        shutil.rmtree(folder, ignore_errors=True)

    with _shared(shared_folder, "postgres", start, stop) as described:
        yield Postgres(described)


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A real, private RabbitMQ with every user and queue, of this worker alone: its tests empty queues, set alarms and restart it."""
    folder = Path(tempfile.mkdtemp(prefix="safekeep-mq-"))
    described, end = servers.start_broker(folder / "mq")
    yield Broker(described)
    end()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Callable[[str], dict[str, str]]]:
    """Make a fresh database of a service: database("incidents") → its addresses by environment name. It goes with the test."""
    made: list[str] = []

    def make(service: str) -> dict[str, str]:
        made.append(f"t_{uuid.uuid4().hex[:16]}")
        return postgres.clone(service, made[-1])

    yield make
    postgres.drop(made)


@pytest.fixture(scope="session")
def keys_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key ring of this worker's own."""
    folder = tmp_path_factory.mktemp("keys")
    keys.ensure_ring(folder)
    return folder


@pytest.fixture
def resources(database: Callable[[str], dict[str, str]], keys_folder: Path) -> Iterator[Callable[..., Resources]]:
    """Make what a service has from its process, over a fresh database: resources("incidents")."""
    made: list[Resources] = []

    def make(service: str, **more: str) -> Resources:
        urls, prefix = database(service), service.upper()
        settings = ServiceSettings(
            database_url=urls[f"{prefix}_DATABASE_URL"],
            worker_database_url=urls[f"{prefix}_WORKER_DATABASE_URL"],
            keys_file=str(keys_folder / "process" / f"{service}.json"),
            inner_port=0,
            **({"broker_url": "amqp://unused"} | more),  # type: ignore[arg-type]
        )
        made.append(Resources(settings, service))
        return made[-1]

    yield make
    for each in made:
        each.engine.dispose()
        each.worker_engine.dispose()


@pytest.fixture
def token_for(keys_folder: Path) -> Callable[..., str]:
    """Sign a person's token: token_for(roles=["dsl"], school_id=…, person_id=…)."""
    signing = keys.Keys.load(keys_folder / "process" / "identity.json")

    def sign(
        *, roles: list[str], school_id: UUID | None, person_id: UUID, trust_id: UUID | None = None, drafts_only: bool = False, **more: Any
    ) -> str:
        return actor.person_token(
            keys=signing,
            person_id=person_id,
            name="Test Person",
            roles=frozenset(roles),
            school_id=school_id,
            trust_id=trust_id,
            session_id=new_id(),
            drafts_only=drafts_only,
            **({"second_factor_at": clock.now()} | more),
        )

    return sign


@pytest.fixture
def service_token_for(keys_folder: Path) -> Callable[..., str]:
    """Sign a service's own token, for all that it may call or for the methods named: service_token_for("alerts", school_id)."""

    def sign(service: str, school_id: UUID | None = None, *, methods: Collection[str] = tuple(permissions.METHODS)) -> str:
        signing = keys.Keys.load(keys_folder / "process" / f"{service}.json")
        return actor.service_token(keys=signing, service=service, school_id=school_id, methods=methods)

    return sign


@pytest.fixture
def ask_service() -> Callable[..., Contract]:
    """Call a service's method as the bus would: with token, deadline and contract both ways."""

    def ask(service: Any, request: Request[Any], *, token: str, **more: Any) -> Contract:
        answer = getattr(service, request.method.partition(".")[2])(envelope(request, token=token, seconds=5) | more)
        return request.answer.receive(answer)

    return ask


@pytest.fixture(scope="session")
def system(shared_folder: Path) -> Iterator[dict[str, Any]]:
    """A whole Safekeep with its demonstration, started as `./run` does, shared by the workers of this run.

    Its first start is cut short and the second finishes it: what comes of that is told in test_demonstration.py, and everything else stands on it.

    SAFEKEEP_READY names the ready file of one that runs already, while a journey is being written.
    """
    if "SAFEKEEP_READY" in os.environ:
        yield json.loads(Path(os.environ["SAFEKEEP_READY"]).read_text())
        return

    def start() -> tuple[dict[str, Any], Any]:
        manager = servers.running_system(cut_short=True)
        return manager.__enter__(), manager

    with _shared(shared_folder, "system", start, lambda manager: manager.__exit__(None, None, None)) as described:
        yield described


@pytest.fixture(scope="session")
def openid() -> Iterator[OpenIdProvider]:
    """A real OpenID provider on loopback that sends people back to http://localhost:8000."""
    with running_provider(redirects="http://localhost:8000/sso/back") as provider:
        yield provider


@pytest.fixture(scope="module")
def folders() -> Iterator[Any]:
    """Makes folders that every user may pass through; they are removed at the end."""
    made: list[Path] = []

    def make() -> Path:
        made.append(Path(tempfile.mkdtemp(prefix="safekeep-run-")))
        made[-1].chmod(0o711)
        return made[-1]

    yield make
    subprocess.run(["rm", "-rf", *made], check=False)
