"""Two real gateway processes beside the running system: what identity revokes stops on both at once, and a deaf one trusts nothing."""

import contextlib
import http.client
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pyotp
import pytest

from deploy.local.servers import free_port
from tests.journeys import signing_in

ROOT = Path(__file__).resolve().parent.parent.parent


class Line:
    """The way from one gateway to the broker, which can be held up: nothing passes, and nothing is closed."""

    def __init__(self, host: str, port: int) -> None:
        self._to, self.open, self._ends = (host, port), threading.Event(), list[socket.socket]()
        self.open.set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            far = socket.create_connection(self._to)
            self._ends += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self.open.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            target.close()

    def close(self) -> None:
        self.open.set()
        for each in (self._listening, *self._ends):
            each.close()


class Gateway:
    """One gateway process with one worker, started as the running system's is, over a line of its own.

    Without `doors` it knows no other way to the services: then what opens while nothing passes was remembered.
    """

    def __init__(self, system: dict[str, Any], *, doors: bool = False) -> None:
        environment = psutil.Process(system["pids"]["gateway"]).environ()
        broker = urllib.parse.urlsplit(environment["BROKER_URL"])
        self.line = Line(broker.hostname or "", broker.port or 5672)
        over = broker._replace(netloc=f"{broker.username}:{broker.password}@127.0.0.1:{self.line.port}").geturl()
        self.port = free_port()
        command = [sys.executable, "-W", "ignore", "-m", "gunicorn", "--config", str(ROOT / "deploy" / "gunicorn.conf.py"), "--workers", "1"]
        command += ["--bind", f"127.0.0.1:{self.port}", "gateway:create_app()"]
        told = {"BROKER_URL": over, "INNER_PORT": "0"} | ({} if doors else {"DOORS": ""})
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment | told, stdout=subprocess.DEVNULL)

    def call(self, method: str, path: str, cookie: str, form: dict[str, str] | None = None) -> tuple[int, Any, str]:
        """Return (status, headers, the page)."""
        headers = {"Cookie": cookie} | ({"Content-Type": "application/x-www-form-urlencoded"} if form else {})
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request(method, path, urllib.parse.urlencode(form) if form else None, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()

    def is_open(self, cookie: str) -> bool:
        """Whether the session opens a page here; one that does not answer opens nothing."""
        try:
            return self.call("GET", "/places", cookie)[0] == 200
        except TimeoutError:
            return False

    def wait(self) -> None:
        """Wait until it answers and hears identity."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if self.call("GET", "/sign-in", "")[0] == 200:
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the gateway does not answer")

    def stop(self) -> None:
        """End it."""
        self.line.close()
        self._process.terminate()
        self._process.wait(30)


@pytest.fixture(scope="module")
def gateways(system: dict[str, Any]) -> Iterator[list[Gateway]]:
    """Two of them."""
    made = [Gateway(system), Gateway(system)]
    for each in made:
        each.wait()
    yield made
    for each in made:
        each.stop()


@pytest.fixture
def somebody(system: dict[str, Any]) -> Callable[[], str]:
    """Sign in as somebody who needs no second factor; return the session's cookie."""
    login = next(x for x in system["logins"] if (x["role"], x["school"]) == ("sports_coach", "Kingsmead Academy"))
    return lambda: "=".join(signing_in.cookie(system, login, fresh=True))


def token(page: str) -> str:
    found = re.search('name="csrf_token" value="([0-9a-f]+)"', page)
    assert found
    return found.group(1)


def remembered_by(gateways: list[Gateway], cookie: str) -> None:
    """Use the session at every gateway until each has remembered it: shown by a page that opens while nothing passes to the bus."""
    for each in gateways:
        for _ in range(20):
            assert each.is_open(cookie)
            each.line.open.clear()
            started = time.monotonic()
            opened = each.is_open(cookie)
            each.line.open.set()
            if opened and time.monotonic() - started < 1.0:
                break
            time.sleep(0.3)
        else:
            raise AssertionError("nothing is remembered")


def seconds_until_closed(gateways: list[Gateway], cookie: str) -> list[float]:
    """Return how long after now each gateway still opened a page for this session."""
    started, closed = time.monotonic(), dict[int, float]()
    while len(closed) < len(gateways) and time.monotonic() - started < 20:
        for index, each in enumerate(gateways):
            asked = time.monotonic()
            if index not in closed and not each.is_open(cookie):
                closed[index] = asked - started
        time.sleep(0.02)
    return [closed.get(index, 99.0) for index in range(len(gateways))]


def test_a_disabled_key_ends_every_session_made_with_it_on_both_within_a_second(gateways: list[Gateway], somebody: Callable[[], str]) -> None:
    first, second = gateways
    own = somebody()
    page = first.call("GET", "/account/keys/app", own)[2]
    shown = first.call("POST", "/account/keys/app/begin", own, {"csrf_token": token(page)})[2]
    values = dict(re.findall(r'name="(factor_id|secret|address|csrf_token)" value="([^"]*)"', shown))
    _, headers, _ = first.call("POST", "/account/keys/app", own, values | {"code": pyotp.TOTP(values["secret"]).now()})
    made_with_it = next(line.partition(";")[0] for line in headers.get_all("Set-Cookie") if line.startswith(own.partition("=")[0] + "="))
    remembered_by(gateways, made_with_it)
    page = second.call("GET", "/account", made_with_it)[2]
    address = re.search(r'action="(/account/keys/[0-9a-f-]+/disable)"', page)
    assert address
    status, _, _ = second.call("POST", address.group(1), made_with_it, {"csrf_token": token(page)})
    assert status == 303
    took = seconds_until_closed(gateways, made_with_it)
    print(f"closed after {', '.join(f'{t:.2f} s' for t in took)}")
    assert max(took) < 1.0


def test_lock_and_sign_out_count_as_revocation_on_both(gateways: list[Gateway], somebody: Callable[[], str]) -> None:
    for path in ("/lock", "/sign-out"):
        cookie = somebody()
        remembered_by(gateways, cookie)
        page = gateways[0].call("GET", "/places", cookie)[2]
        assert gateways[0].call("POST", path, cookie, {"csrf_token": token(page)})[0] == 303
        took = seconds_until_closed(gateways, cookie)
        assert max(took) < 1.0
        for each in gateways:
            assert ("/unlock" if path == "/lock" else "/sign-in") in each.call("GET", "/places", cookie)[1]["Location"]


def test_a_gateway_that_hears_nothing_for_a_second_trusts_no_session_it_remembers(gateways: list[Gateway], somebody: Callable[[], str]) -> None:
    """Cut off from the bus it opens nothing, however fresh its memory; what was revoked meanwhile is closed when it hears again."""
    hearing, deaf = gateways
    kept, ended = somebody(), somebody()
    for cookie in (kept, ended):
        remembered_by(gateways, cookie)
    deaf.line.open.clear()
    try:
        page = hearing.call("GET", "/places", ended)[2]
        hearing.call("POST", "/sign-out", ended, {"csrf_token": token(page)})
        time.sleep(1.3)  # the second that a memory may be trusted for, and a heartbeat that was on its way
        for cookie in (kept, ended):
            assert not deaf.is_open(cookie)
        assert hearing.is_open(kept)
    finally:
        deaf.line.open.set()
    deadline = time.monotonic() + 40
    while not deaf.is_open(kept) and time.monotonic() < deadline:
        time.sleep(0.3)
    assert deaf.is_open(kept)
    assert not deaf.is_open(ended)


def test_a_gateway_that_hears_nothing_asks_identity_by_its_side_door(system: dict[str, Any], somebody: Callable[[], str]) -> None:
    """It still trusts nothing it remembers: what was revoked meanwhile is closed at once, and the others go on working."""
    deaf = Gateway(system, doors=True)
    try:
        deaf.wait()
        kept, ended = somebody(), somebody()
        remembered_by([deaf], kept)
        remembered_by([deaf], ended)
        page = deaf.call("GET", "/places", ended)[2]
        deaf.line.open.clear()
        time.sleep(1.3)
        assert deaf.call("POST", "/sign-out", ended, {"csrf_token": token(page)})[0] == 303, "which is itself a call that goes by the door"
        assert not deaf.is_open(ended)
        assert deaf.is_open(kept)
    finally:
        deaf.stop()
