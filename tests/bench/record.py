"""`./bench record`: how fast the main path is, beside what the same database does with the same bytes and nothing else.

Starts a clean system, records through the HTTP API from 1, 8 and 32 clients for a bounded time, two recipients each, waits until
every mail has been accepted, and prints rates, latencies, CPU and memory by process, and the ratio to the bare insert-and-commit rate.
Clients that never pause show how much is recorded at most. What the aim says (100 a second, and how long each then waits) is shown by 8
clients to whom an incident comes every 80 ms, each counted from when it was due.
Then the same beside a second system that has no ledger and no inbox (the build `bare` of tests/builds), in turns, so that a busy machine is busy for both.
"""

import argparse
import http.client
import json
import os
import secrets
import socket
import statistics
import threading
import time
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psutil
import psycopg

from safekeep.ids import new_id
from tests.faults.victim import OURS
from tests.journeys import signing_in
from tests.make import AN_INCIDENT, GOOD_EXAMPLE
from tests.servers import ROOT, running_system


@dataclass
class Run:
    """What one stretch of recording measured."""

    clients: int
    generator: float = 0.0  # CPU seconds of this process
    rate: float = 0.0  # at which incidents came, or 0 when each client went on at once
    seconds: float = 0.0
    answered: dict[str, float] = field(default_factory=dict)  # incident → when its answer came (epoch seconds)
    latencies: list[float] = field(default_factory=list)
    failures: int = 0

    @property
    def recorded(self) -> float:
        """Incidents a second."""
        return len(self.latencies) / self.seconds


RECIPIENTS = 2


def main() -> None:
    parser = argparse.ArgumentParser(prog="./bench record")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long each number of clients records")
    parser.add_argument("--clients", type=int, nargs="*", default=[1, 8, 32])
    parser.add_argument("--rate", type=float, default=100.0, help="incidents a second that come to 8 clients, for the aim; 0: not at all")
    parser.add_argument(
        "--turns", type=int, default=5, help="how often each of the two, with ledger and inbox and without, has its turn; 0: not at all"
    )
    chosen = parser.parse_args()
    with running_system() as system:
        token, pupils = _enter(system)
        bare = _bare_rate(system)
        print(f"the limit: insert and commit of the same bytes in the same PostgreSQL, one client: {bare:,.0f}/s")
        for clients in chosen.clients:
            before = _usage(system)
            run = _record(system["url"], token=token, pupils=pupils, clients=clients, seconds=chosen.seconds)
            lags = _wait_for_mail(system, run)
            _print_run(run, lags=lags, before=before, after=_usage(system), bare=bare)
        if chosen.rate:
            before = _usage(system)
            run = _record(system["url"], token=token, pupils=pupils, clients=8, seconds=2 * chosen.seconds, rate=chosen.rate)
            lags = _wait_for_mail(system, run)
            _print_run(run, lags=lags, before=before, after=_usage(system), bare=bare)
            _print_aim(run, lags=lags, rate=chosen.rate)
        _print_memory(_usage(system))
        if chosen.turns:
            told = {"PYTHONPATH": str(ROOT / "tests" / "builds"), "TEST_BUILD": "bare"}
            with running_system(told=dict.fromkeys(OURS, told)) as bare_system:
                _compare(system, bare_system, turns=chosen.turns)


def _enter(system: dict[str, Any]) -> tuple[str, list[str]]:
    """Sign somebody in and warm everything up; return their token and the pupils to write about."""
    client = Client(system["url"])
    login = next(x for x in system["logins"] if x["role"] == "deputy_dsl")  # one of a Safeguarding team of three: alerts the other two
    with signing_in.code(system, login) as code:
        sent = {"username": login["username"], "password": login["password"], "code": code}
        token = client.call("POST", "/sign-in", sent)["token"]
    pupils = [p["id"] for p in client.call("GET", "/pupils?q=sa", token=token)["items"]]
    _record(system["url"], token=token, pupils=pupils, clients=4, seconds=3)  # caches and connections as after the first minutes
    return token, pupils


def _compare(system: dict[str, Any], bare: dict[str, Any], *, turns: int, clients: int = 8, seconds: float = 5.0) -> None:
    """Record with ledger and inbox and without, in turns; print how much longer an incident takes with them.

    A turn lasts from its first request until its last mail is accepted: everything an incident costs is in it.
    """
    both = {"with": (system, *_enter(system)), "without": (bare, *_enter(bare))}
    taken: dict[str, list[float]] = {"with": [], "without": []}
    cpu: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(turns):
        for name, (here, token, pupils) in both.items():
            started, before = time.monotonic(), _usage(here)
            run = _record(here["url"], token=token, pupils=pupils, clients=clients, seconds=seconds)
            _wait_for_mail(here, run)
            taken[name].append((time.monotonic() - started) / len(run.latencies))
            cpu[name].append(sum(used - before[process][0] for process, (used, _) in _usage(here).items() if process in before) / len(run.latencies))
    with psycopg.connect(bare["admin_urls"]["incidents"]) as database:
        written = database.execute("select (select count(*) from ledger), (select count(*) from entries)").fetchone()
    assert written == (0, written and written[1]), "the other system has a ledger after all"
    print(f"\nwith ledger and inbox, and without ({clients} clients, {turns} turns of {seconds:.0f} s each, medians):")
    for what, found in (("an incident, its alerts and mails", taken), ("CPU", cpu)):
        ratios = sorted(a / b for a, b in zip(found["with"], found["without"], strict=True))
        yes, no = (statistics.median(found[name]) * 1000 for name in ("with", "without"))
        print(
            f"   {what}: {yes:.2f} ms and {no:.2f} ms, {statistics.median(ratios):.2f} times as much (pairs: {ratios[0]:.2f} to {ratios[-1]:.2f}); the limit is 1.15"
        )


class Line:
    """One keep-alive connection that posts incidents and reads little: what a client costs is taken from the same two processors."""

    def __init__(self, url: str, *, token: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        said = f"Host: {parts.netloc}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json"
        self._head = f"POST /api/v1/incidents HTTP/1.1\r\n{said}\r\nContent-Length: "

    def post(self, body: bytes) -> None:
        """Send an incident and wait for all of its answer. Raises RuntimeError when it was not recorded."""
        self._socket.sendall(f"{self._head}{len(body)}\r\n\r\n".encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._more()
        head, _, rest = answer.partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        while len(rest) < size:
            rest += self._more()
        if not head.startswith(b"HTTP/1.1 201 "):
            raise RuntimeError(f"not recorded: {head[:40]!r} {rest[:300]!r}")

    def _more(self) -> bytes:
        data = self._socket.recv(65_536)
        if not data:
            raise ConnectionError("the gateway hung up")
        return data


class Client:
    """One keep-alive connection to the API."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)

    def call(self, method: str, path: str, body: Any = None, *, token: str = "") -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._connection.request(method, f"/api/v1{path}", json.dumps(body) if body is not None else None, headers)
        response = self._connection.getresponse()
        data = response.read()
        if response.status >= 400:
            raise RuntimeError(f"{method} {path.partition('?')[0]}: {response.status} {data[:300]!r}")
        return json.loads(data) if data else None


_INCIDENT = json.dumps({"id": "%s", "pupil_id": "%s", **AN_INCIDENT, "occurred_at": "%s"}).encode()


def _record(url: str, *, token: str, pupils: list[str], clients: int, seconds: float, rate: float = 0) -> Run:
    """Record for so long. Without a rate each client goes on at once; with one, an answer is counted from when its incident was due."""
    run, lock, begins = Run(clients, rate=rate), threading.Lock(), time.monotonic()
    ends = begins + seconds

    def work(number: int) -> None:
        line = Line(url, token=token)
        due = begins + number / rate if rate else 0.0
        while max(due, time.monotonic()) < ends:
            if rate:
                time.sleep(max(0.0, due - time.monotonic()))
            incident = str(new_id())
            body = _INCIDENT % (incident.encode(), pupils[number % len(pupils)].encode(), datetime.now(UTC).isoformat().encode())
            started = due or time.monotonic()
            due += clients / rate if rate else 0.0
            try:
                line.post(body)
                took = time.monotonic() - started
                with lock:
                    run.latencies.append(took)
                    run.answered[incident] = time.time()
            except (RuntimeError, OSError):
                with lock:
                    run.failures += 1
                line = Line(url, token=token)

    started, used = time.monotonic(), sum(os.times()[:2])
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(work, range(clients)))
    run.seconds, run.generator = time.monotonic() - started, sum(os.times()[:2]) - used
    return run


def _mails(system: dict[str, Any]) -> list[dict[str, Any]]:
    with urllib.request.urlopen(system["mail_url"].rstrip("/") + "/messages.json", timeout=30) as answer:
        mails: list[dict[str, Any]] = json.load(answer)
    return mails


def _wait_for_mail(system: dict[str, Any], run: Run) -> list[float]:
    """Wait until the mail server has accepted every mail of this run. Returns the seconds from each answer to each acceptance.

    Negative when the mail was there before the answer was read.
    """
    lags: dict[str, float] = {}
    deadline = time.monotonic() + 120
    with psycopg.connect(system["admin_urls"]["alerts"], autocommit=True) as database:
        while len(lags) < RECIPIENTS * len(run.answered) and time.monotonic() < deadline:
            time.sleep(0.5)
            rows = database.execute("select id::text, entry_id::text from alerts where entry_id = any(%s::uuid[])", (list(run.answered),)).fetchall()
            answered = {alert: run.answered[entry] for alert, entry in rows}
            for mail in _mails(system):
                alert = mail["text"].strip().rpartition("/")[2]
                if alert in answered:
                    lags[alert] = datetime.fromisoformat(mail["at"]).timestamp() - answered[alert]
    return list(lags.values())


def _usage(system: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """CPU seconds and resident MB by process name, the process manager's and the launcher's own included."""
    found: dict[str, tuple[float, float]] = {}
    manager = psutil.Process(system["pids"]["postgres"]).ppid()
    above = {"process manager": manager, "launcher": psutil.Process(manager).ppid()}
    for name, pid in (above | system["pids"]).items():
        try:
            root = psutil.Process(pid)
            family = [root] if name in above else [root, *root.children(recursive=True)]
            cpu = sum(sum(p.cpu_times()[:2]) for p in family)
            memory = sum(p.memory_info().rss for p in family) / 2**20
        except psutil.NoSuchProcess:
            continue
        found[name] = (cpu, memory)
    return found


def _print_run(run: Run, *, lags: list[float], before: dict[str, tuple[float, float]], after: dict[str, tuple[float, float]], bare: float) -> None:
    count = len(run.latencies)
    came = f", to whom {run.rate:g} came a second" if run.rate else ""
    print(
        f"\n{run.clients} clients{came}: {run.recorded:,.1f} incidents/s ({count} in {run.seconds:.1f} s, {run.failures} failed); the limit is {bare / run.recorded:,.0f} times that"
    )
    q = statistics.quantiles(run.latencies, n=100)
    print(f"   answer: p50 {q[49] * 1000:.1f} ms, p95 {q[94] * 1000:.1f} ms, p99 {q[98] * 1000:.1f} ms")
    print(f"   mails accepted: {len(lags)} of {RECIPIENTS * count}")
    q = statistics.quantiles(lags, n=100)
    print(f"   from answer to mail accepted: p50 {q[49] * 1000:.0f} ms, p99 {q[98] * 1000:.0f} ms")
    spent = {name: after[name][0] - before[name][0] for name in after if name in before}
    print(f"   CPU an incident: {sum(spent.values()) / count * 1000:.1f} ms, and {run.generator / count * 1000:.2f} ms of the load generator")
    for name, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        if seconds >= 0.05:
            print(f"   {name:24} {seconds / count * 1000:6.2f} ms")


def _print_aim(run: Run, *, lags: list[float], rate: float) -> None:
    answer, mail = statistics.quantiles(run.latencies, n=100)[94] * 1000, statistics.quantiles(lags, n=100)[98] * 1000
    everything = run.failures == 0 and len(lags) == RECIPIENTS * len(run.latencies)
    reached = everything and run.recorded >= 0.98 * rate and answer < 120 and mail < 1000
    print(
        f"   the aim (all recorded and mailed, p95 of the answer under 120 ms, p99 of mail under 1,000 ms): {'reached' if reached else 'NOT reached'}"
    )


def _print_memory(usage: dict[str, tuple[float, float]]) -> None:
    print("\nmemory:")
    for name, (_, megabytes) in sorted(usage.items(), key=lambda item: -item[1][1]):
        print(f"   {name:24} {megabytes:7.0f} MB")


def _bare_rate(system: dict[str, Any]) -> float:
    """Insert rows of the same size into a plain table of the same server, a commit each. Nothing of them can be compressed or is kept elsewhere."""
    with psycopg.connect(system["admin_urls"]["incidents"], autocommit=True) as database:
        database.execute("create table bare (id uuid primary key, body text)")
        database.execute("alter table bare alter body set storage plain")
        body, count, started = GOOD_EXAMPLE + secrets.token_hex(1000), 0, time.monotonic()
        while time.monotonic() - started < 5:
            database.execute("insert into bare values (%s, %s)", (new_id(), body))
            count += 1
        rate = count / (time.monotonic() - started)
        database.execute("drop table bare")
    return rate


if __name__ == "__main__":
    main()
