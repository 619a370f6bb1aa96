"""`./bench sign-in`: signing in with password and app while incidents are recorded, and what a page costs identity.

Starts a clean system and gives it accounts with an authenticator app. Records through the HTTP API at a steady rate, first alone, then
while eight browsers sign in as fast as they can; then opens pages as people who are signed in, and counts what identity was asked.
"""

import argparse
import contextlib
import http.client
import re
import statistics
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import psycopg
import pyotp

from safekeep import keys
from safekeep.ids import new_id
from services.identity import passwords, second_factors
from tests.bench.record import Client
from tests.journeys import signing_in
from tests.make import GOOD_EXAMPLE
from tests.servers import running_system

PASSWORD = "Plum teal harbour 1"
GATEWAYS = 2
"""Processes of the gateway on one machine: each remembers sessions by itself."""


@dataclass
class Measured:
    """How long each of something took, in seconds, and how many failed."""

    seconds: float = 0.0
    took: list[float] = field(default_factory=list)
    failed: int = 0

    def __str__(self) -> str:
        q = statistics.quantiles(self.took, n=100) if len(self.took) > 1 else [0.0] * 99
        rate = len(self.took) / self.seconds
        return f"{rate:6.1f}/s, p50 {q[49] * 1000:4.0f} ms, p95 {q[94] * 1000:4.0f} ms ({len(self.took)}, {self.failed} failed)"

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.took, n=100)[94]


def main() -> None:
    parser = argparse.ArgumentParser(prog="./bench sign-in")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each stretch lasts")
    parser.add_argument("--pages-seconds", type=float, default=70.0, help="how long pages are opened: more than a minute")
    parser.add_argument("--at-once", type=int, default=8, help="how many sign in at once")
    parser.add_argument("--rate", type=float, default=20.0, help="incidents recorded a second meanwhile")
    chosen = parser.parse_args()
    with running_system() as system:
        people = _people(system, count=800)
        recorder = _recorder(system)
        for _ in range(20):
            recorder()  # caches and connections as after the first minutes
        alone = Measured()
        with _recording(recorder, rate=chosen.rate, into=alone):
            time.sleep(chosen.seconds)
        print(f"recording alone at {chosen.rate:.0f}/s:             {alone}")
        both, signed, everyone = Measured(), Measured(), count()

        def sign_in() -> str:
            return _sign_in(system, people[next(everyone) % len(people)])

        _each(sign_in, clients=chosen.at_once, seconds=3.0)
        with _recording(recorder, rate=chosen.rate, into=both):
            signed = _each(sign_in, clients=chosen.at_once, seconds=chosen.seconds)
        print(f"sign-ins (password, app), {chosen.at_once} at once:     {signed}")
        print(f"recording meanwhile:                  {both}")
        print(f"recording's p95 is {both.p95 / alone.p95:.1f} times that of recording alone (aim: at most 2)")
        sign_ins = _each(sign_in, clients=chosen.at_once, seconds=chosen.seconds)
        print(f"sign-ins with nothing beside them:    {sign_ins}")
        _pages(system, [sign_in() for _ in range(chosen.at_once)], seconds=chosen.pages_seconds)


def _pages(system: dict[str, Any], cookies: list[str], *, seconds: float) -> None:
    """Open ordinary pages of a school for a minute and more, and count what identity was asked meanwhile."""
    turn = count()
    paths = ("/s/hillside/drafts", "/s/hillside/inbox")

    def open_page() -> None:
        number = next(turn)
        cookie = cookies[number % len(cookies)]
        status, _, _ = signing_in._request(system, "GET", paths[number // len(cookies) % len(paths)], {"Cookie": cookie})
        if status != 200:
            raise RuntimeError(str(status))

    for _ in cookies * 8:
        open_page()
    before = _asked(system)
    opened = _each(open_page, clients=len(cookies), seconds=seconds)
    after = _asked(system)
    asked = {method: after[method] - before.get(method, 0.0) for method in after if after[method] > before.get(method, 0.0)}
    minutes = opened.seconds / 60 * len(cookies)
    session, seen = asked.pop("identity.session", 0.0), asked.pop("identity.seen", 0.0)
    print(f"pages (drafts, inbox), {len(cookies)} people:       {opened}")
    print(f"   of {len(opened.took)} pages {session:.0f} asked identity for the session: {session / len(opened.took):.3f} a page,")
    print(f"   {session / minutes / GATEWAYS:.2f} a person and minute in each of {GATEWAYS} gateway processes (aim: one)")
    print(f"   who was there: {seen / opened.seconds * 60:.0f} calls a minute for all of them; else: {asked}")


def _asked(system: dict[str, Any]) -> dict[str, float]:
    """How often each of identity's methods was called so far, from its own metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{system['inner']['identity']}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found: dict[str, float] = {}
    for method, value in re.findall(r'safekeep_calls_seconds_count\{method="([^"]+)",outcome="[^"]+"\} ([0-9.e+]+)', text):
        found[method] = found.get(method, 0.0) + float(value)
    return found


def _each(work: Callable[[], Any], *, clients: int, seconds: float) -> Measured:
    """Do something again and again, by several at once."""
    measured, lock, ends = Measured(), threading.Lock(), time.monotonic() + seconds

    def go(_: int) -> None:
        while time.monotonic() < ends:
            started = time.perf_counter()
            try:
                work()
            except (RuntimeError, AssertionError, OSError, http.client.HTTPException):
                with lock:
                    measured.failed += 1
                continue
            with lock:
                measured.took.append(time.perf_counter() - started)

    started = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(go, range(clients)))
    measured.seconds = time.monotonic() - started
    return measured


# --- recording at a steady rate ----------------------------------------------------------------------------------------------


def _recorder(system: dict[str, Any]) -> Callable[[], None]:
    """Return what records one incident, as a teacher."""
    login = next(x for x in system["logins"] if (x["role"], x["school"]) == ("teacher", "Hillside Primary"))
    first = Client(system["url"])
    token = first.call("POST", "/sign-in", {"username": login["username"], "password": login["password"]})["token"]
    pupils = [p["id"] for p in first.call("GET", "/pupils?q=sa", token=token)["items"]]
    mine, turn = threading.local(), count()

    def record() -> None:
        if not hasattr(mine, "client"):
            mine.client = Client(system["url"])
        body = {
            "id": str(new_id()),
            "pupil_id": pupils[next(turn) % len(pupils)],
            "occurred_at": datetime.now(UTC).isoformat(),
            "kind": "conversation",
            "narrative": GOOD_EXAMPLE,
            "action_taken": "Told the DSL in person.",
            "category_codes": ["safeguarding_concern"],
            "alert": {"groups": ["safeguarding_team"], "staff_ids": []},
        }
        mine.client.call("POST", "/incidents", body, token=token)

    return record


@contextlib.contextmanager
def _recording(record: Callable[[], None], *, rate: float, into: Measured) -> Iterator[None]:
    """Record at a steady rate beside the block, each when it is due whether or not the ones before have been answered."""
    stop, lock = threading.Event(), threading.Lock()

    def one(due: float) -> None:
        try:
            record()
        except (RuntimeError, OSError, http.client.HTTPException):
            with lock:
                into.failed += 1
            return
        with lock:
            into.took.append(time.monotonic() - due)  # from when it was due: waiting for a free hand counts

    def go() -> None:
        started = time.monotonic()
        with ThreadPoolExecutor(32) as pool:
            for number in count():
                due = started + number / rate
                if stop.wait(max(0.0, due - time.monotonic())):
                    break
                pool.submit(one, due)
        into.seconds = time.monotonic() - started

    thread = threading.Thread(target=go)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


# --- people who sign in --------------------------------------------------------------------------------------------------------


@dataclass
class Somebody:
    """An account with an app, and the last time step that was used."""

    email: str
    secret: str
    step: int = 0

    def code(self) -> str:
        """Return a code that was not used; each works once."""
        now = int(time.time()) // 30
        self.step = max(self.step + 1, now)
        return pyotp.TOTP(self.secret).generate_otp(self.step)


def _sign_in(system: dict[str, Any], somebody: Somebody) -> str:
    """Sign in as a browser does: the page, the password, the page, the code. Returns the session's cookie."""
    _, headers, page = signing_in._request(system, "GET", "/sign-in", {})
    visit = (headers.get("Set-Cookie") or "").partition(";")[0]
    form = {"username": somebody.email, "password": PASSWORD, "csrf_token": signing_in._token(page)}
    cookie = "=".join(signing_in._cookie_of(signing_in._request(system, "POST", "/sign-in", {"Cookie": visit}, form)[1]))
    _, _, page = signing_in._request(system, "GET", "/prove", {"Cookie": cookie})
    form = {"code": somebody.code(), "csrf_token": signing_in._token(page)}
    return "=".join(signing_in._cookie_of(signing_in._request(system, "POST", "/prove", {"Cookie": cookie}, form)[1]))


def _people(system: dict[str, Any], *, count: int) -> list[Somebody]:
    """Put accounts with an app into the first school: SLT, so that a second factor is asked for."""
    url = urllib.parse.urlsplit(system["url"])
    key = keys.Keys.load(f"{system['data']}/keys/process/identity.json").symmetric("factors")[1]
    hashed, found = passwords.hash_password(PASSWORD), []
    with psycopg.connect(system["admin_urls"]["identity"]) as database:
        school = database.execute("select school_id from schools where slug = 'hillside'").fetchone()
        assert school
        for number in range(count):
            person, factor, secret = new_id(), new_id(), second_factors.new_secret()
            somebody = Somebody(f"bench-{number}@{url.hostname}.example", secret)
            sealed = second_factors.seal(secret=secret, key=key, factor_id=factor)
            database.execute(
                "insert into people (id, name, email, password_hash, demo, password_set_at) values (%s, %s, %s, %s, true, now())",
                (person, f"Bench {number}", somebody.email, hashed),
            )
            database.execute(
                "insert into factors (id, person_id, kind, name, secret, counter, created_at, confirmed_at) "
                "values (%s, %s, 'totp', 'Bench', %s, 0, now(), now())",
                (factor, person, sealed),
            )
            database.execute(
                "insert into memberships (school_id, id, person_id, roles, job, room, telephone, on_duty, active, waiting_roles) "
                "values (%s, %s, %s, '{slt}', '', '', '', false, true, '{}')",
                (school[0], new_id(), person),
            )
            found.append(somebody)
    return found


if __name__ == "__main__":
    main()
