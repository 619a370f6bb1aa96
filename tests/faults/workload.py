"""Many writers through the HTTP API, who do what people do when it fails: some try the same again, some give up."""

import http.client
import json
import random
import threading
import time
import urllib.parse
from collections.abc import Iterable
from typing import Any

from safekeep.ids import new_id
from tests.faults.history import Asked
from tests.journeys import signing_in
from tests.make import GOOD_EXAMPLE

TRIES = 8
GIVES_UP = 0.3
"""How often somebody does not try again after a failure."""


class Api:
    """A signed-in program's connection, made anew after every failure."""

    def __init__(self, system: dict[str, Any], login: dict[str, Any]) -> None:
        self._url, self.login, self._connection = urllib.parse.urlsplit(system["url"]), login, None
        self.token = ""
        self.token = signing_in.bearer(system, login, sign_in=self._sign_in)

    def _sign_in(self, code: str | None) -> str:
        sent = {"username": self.login["username"], "password": self.login["password"]} | ({"code": code} if code else {})
        status, answer = self.call("POST", "/sign-in", sent)
        if status != 200:
            raise ConnectionError(f"sign-in answered {status}: {answer}")
        return str(answer["token"])

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return status and answer; status 0 when none came."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(self._url.hostname or "", self._url.port, timeout=30)
            self._connection.request(method, f"/api/v1{path}", json.dumps(body) if body is not None else None, headers)
            response = self._connection.getresponse()
            data = response.read()
            return response.status, json.loads(data) if data else None
        except (OSError, http.client.HTTPException, ValueError):
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            return 0, None

    def get(self, path: str) -> Any:
        """Return what is there, asking again for a while: what is looked at afterwards must not depend on one answer."""
        for _ in range(30):
            status, answer = self.call("GET", path)
            if status in (200, 404):
                return answer if status == 200 else None
            time.sleep(0.5)
        raise ConnectionError(f"GET {path.partition('?')[0]} answers {status}: {answer}")

    def all(self, path: str) -> Iterable[Any]:
        """Return every item of a list, page after page."""
        cursor: str | None = ""
        while cursor is not None:
            page = self.get(f"{path}{'&' if '?' in path else '?'}limit=50{f'&cursor={cursor}' if cursor else ''}")
            yield from page["items"]
            cursor = page["next"]

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()


class Workload:
    """The writers. Each writes incidents of its own, and actions below them."""

    def __init__(self, system: dict[str, Any], *, seed: int, writers: int, pause: float) -> None:
        self.asked: list[Asked] = []
        self._pause, self._over, self._lock = pause, threading.Event(), threading.Lock()
        self._last_success = 0.0  # when the latest request was begun that was answered with "recorded" (monotonic)
        teachers = [login for login in system["logins"] if login["role"] == "teacher"]
        self._apis = [Api(system, teachers[number % len(teachers)]) for number in range(writers)]
        self._pupils = [p["id"] for p in self._apis[0].get("/pupils?q=sa")["items"]]
        self._threads = [
            threading.Thread(target=self._work, args=(api, random.Random(f"{seed}/{number}")), daemon=True)  # noqa: S311 - a workload one can repeat
            for number, api in enumerate(self._apis)
        ]

    def start(self) -> None:
        """Let them begin."""
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Let each finish what it is at."""
        self._over.set()
        for thread in self._threads:
            thread.join(90)
        for api in self._apis:
            api.close()

    def recorded_since(self, moment: float) -> bool:
        """Whether a request that was begun after this moment (monotonic) has been answered with "recorded"."""
        return self._last_success > moment

    def _work(self, api: Api, dice: random.Random) -> None:
        mine: list[str] = []
        while not self._over.wait(dice.expovariate(1 / self._pause)):
            id = str(new_id())
            incident = dice.choice(mine[-5:]) if mine and dice.random() < 0.5 else id
            asked = Asked(id, incident, asked_at=time.time())
            with self._lock:
                self.asked.append(asked)
            self._try(api, asked, body=self._body(id, incident, dice), dice=dice)
            if incident == id and asked.recorded:
                mine.append(id)

    def _try(self, api: Api, asked: Asked, *, body: dict[str, Any], dice: random.Random) -> None:
        path = "/incidents" if asked.id == asked.incident else f"/incidents/{asked.incident}/actions"
        for _ in range(TRIES):
            asked.tries += 1
            begun = time.monotonic()
            status, answer = api.call("POST", path, body)
            asked.statuses.append(status)
            if status == 201:
                asked.hashes.add(answer["entry_hash"])
                asked.answered_at = asked.answered_at or time.time()
                self._last_success = max(self._last_success, begun)
                if dice.random() > 0.05:  # at times a program repeats what was answered: it is answered the same
                    return
            elif 400 <= status < 500 or dice.random() < GIVES_UP or self._over.is_set():
                return
            time.sleep(dice.uniform(0.1, 0.8))

    def _body(self, id: str, incident: str, dice: random.Random) -> dict[str, Any]:
        told = {"id": id, "category_codes": ["safeguarding_concern"], "alert": {"groups": ["safeguarding_team"], "staff_ids": []}, "file_ids": []}
        if incident != id:
            return told | {"text": "Spoke to the child again; nothing new was said.", "category_codes": []}
        return told | {
            "pupil_id": dice.choice(self._pupils),
            "occurred_at": "2026-03-10T12:47:00Z",
            "kind": "conversation",
            "narrative": GOOD_EXAMPLE,
            "action_taken": "Told the DSL in person.",
            "linked_pupils": [],
        }
