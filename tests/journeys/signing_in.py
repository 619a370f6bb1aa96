"""Signing in as people of the demonstration who need a second factor. Workers share the sessions they have."""

import fcntl
import http.client
import json
import re
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pyotp

SHARED_SECONDS = 300
"""A session is shared for less than the time after which the console asks for the second factor again."""


@contextmanager
def _shared(system: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What the workers of this run share about sign-ins, locked while it is used."""
    path = Path(system["data"]) / "test-sign-ins.json"
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        shared = json.loads(file.read() or "{}")
        try:
            yield shared
        finally:
            file.seek(0)
            file.truncate()
            file.write(json.dumps(shared))


@contextmanager
def code(system: dict[str, Any], login: dict[str, Any]) -> Iterator[str]:
    """Give this person's code of now, which counts once more: waiting for the app's next one would be most of a run's time.

    It is to be used before the block ends: nobody else uses it meanwhile. (That a code counts once is test_second_factors.py's.)
    """
    with (Path(system["data"]) / f"test-app-{login['username']}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with psycopg.connect(system["admin_urls"]["identity"], autocommit=True) as database:
            theirs = "person_id = (select id from people where email = %s)"
            database.execute(f"update factors set counter = 0 where kind = 'totp' and {theirs}", (login["username"],))
        yield pyotp.TOTP(login["totp_secret"]).now()


def bearer(system: dict[str, Any], login: dict[str, Any], *, sign_in: Any) -> str:
    """Return a program's token that works: for people with an app one of the last minutes, as of `cookie`, else a new one."""
    if not login["totp_secret"]:
        return str(sign_in(None))
    key = f"bearer {login['username']} {login['school']}"
    with _shared(system) as shared:
        token, made = shared.get(key, ("", 0.0))
    if (
        token
        and time.time() - made < SHARED_SECONDS
        and _request(system, "GET", "/api/v1/categories", {"Authorization": f"Bearer {token}"})[0] != 401
    ):
        return str(token)
    with code(system, login) as typed:
        token = sign_in(typed)
    with _shared(system) as shared:
        shared[key] = token, time.time()
    return str(token)


def cookie(system: dict[str, Any], login: dict[str, Any], *, fresh: bool = False) -> tuple[str, str]:
    """Return (name, value) of a browser's session, whole: for people with an app the one of this run unless `fresh`."""
    key = f"cookie {login['username']}"
    with _shared(system) as shared:
        held = shared.get(key)
    if held and not fresh and login["totp_secret"] and time.time() - held[2] < SHARED_SECONDS:
        _, headers, _ = _request(system, "GET", "/go-on", {"Cookie": f"{held[0]}={held[1]}"})
        if not re.search("/(sign-in|unlock|prove)", headers.get("Location", "")):
            return held[0], held[1]
    _, headers, page = _request(system, "GET", "/sign-in", {})
    visit = (headers.get("Set-Cookie") or "").partition(";")[0]
    form = {"username": login["username"], "password": login["password"], "csrf_token": _token(page)}
    name, value = _cookie_of(_request(system, "POST", "/sign-in", {"Cookie": visit}, form)[1])
    if login["totp_secret"]:
        _, _, page = _request(system, "GET", "/prove", {"Cookie": f"{name}={value}"})
        with code(system, login) as typed:
            form = {"code": typed, "csrf_token": _token(page)}
            name, value = _cookie_of(_request(system, "POST", "/prove", {"Cookie": f"{name}={value}"}, form)[1])
        if not fresh:
            with _shared(system) as shared:
                shared[key] = [name, value, time.time()]
    return name, value


def second_step(system: dict[str, Any], username: str, password: str) -> str:
    """Return the page that asks for the code, as somebody sees it who has typed their password."""
    _, headers, page = _request(system, "GET", "/sign-in", {})
    visit = (headers.get("Set-Cookie") or "").partition(";")[0]
    form = {"username": username, "password": password, "csrf_token": _token(page)}
    cookie = "=".join(_cookie_of(_request(system, "POST", "/sign-in", {"Cookie": visit}, form)[1]))
    return _request(system, "GET", "/prove", {"Cookie": cookie})[2]


def _token(page: str) -> str:
    found = re.search('name="csrf_token" value="([0-9a-f]+)"', page)
    assert found, "no form"
    return found.group(1)


def _cookie_of(headers: Any) -> tuple[str, str]:
    found = [line for line in headers.get_all("Set-Cookie") or [] if not re.match(r"[^=]+-(device|visit)=", line)]
    assert found, "not signed in"
    name, _, value = found[0].partition(";")[0].partition("=")
    return name, value


def _request(system: dict[str, Any], method: str, path: str, headers: dict[str, str], form: dict[str, str] | None = None) -> tuple[int, Any, str]:
    url = urllib.parse.urlsplit(system["url"])
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=30)
    body = urllib.parse.urlencode(form) if form is not None else None
    connection.request(method, path, body, headers | ({"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}))
    response = connection.getresponse()
    text = response.read().decode("utf-8", "replace")
    connection.close()
    return response.status, response.headers, text
