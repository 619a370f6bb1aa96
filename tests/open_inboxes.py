"""Many open inboxes at once: people with sessions of their own, each page asking as the browser's does; and an alert to all of them.

For `./bench alerts` and for the test that shows what three hundred open pages cost.
"""

import http.client
import json
import secrets
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from safekeep import clock, database, outbox
from safekeep.contracts.incidents import IncidentRecorded, Recipient
from safekeep.ids import new_id
from safekeep.keys import Keys
from services.identity.sessions import stored_form

EVERY = 0.6
"""Seconds from one question of an open page to its next: gateway/static/inbox.js."""
CLIENTS = 12
"""Threads that ask for all the pages, each page at its time."""


@dataclass
class People:
    """People of a school who have nothing but an inbox, and their session cookies."""

    school_id: UUID
    slug: str
    ids: list[UUID]
    cookies: list[str]


def make_people(system: dict[str, Any], *, count: int, slug: str = "hillside") -> People:
    """Add people to a school of the demonstration, as identity, incidents and alerts know them, each signed in."""
    urls, now = system["admin_urls"], datetime.now(UTC)
    ids, tokens = [new_id() for _ in range(count)], [secrets.token_urlsafe(32) for _ in range(count)]
    key = Keys.load(Path(system["data"]) / "keys" / "process" / "identity.json").symmetric("sessions")[1]
    with psycopg.connect(urls["identity"], autocommit=True) as identity:
        row = identity.execute("select school_id from schools where slug = %s", (slug,)).fetchone()
        assert row
        school_id = row[0]
        with identity.cursor() as cursor:
            people = [(i, f"Open Page {n}", f"open{n}-{i.hex[-8:]}@hillside.example") for n, i in enumerate(ids)]
            cursor.executemany("insert into people (id, name, email, demo) values (%s, %s, %s, true)", people)
            cursor.executemany(
                "insert into memberships (school_id, id, person_id, roles, job, room, telephone, on_duty, active, waiting_roles) "
                "values (%s, %s, %s, array['teacher'], '', '', '', false, true, '{}')",
                [(school_id, new_id(), i) for i in ids],
            )
            cursor.executemany(
                "insert into sessions (id, person_id, token_hash, created_at, last_seen_at, device, stage, is_program, recovering, resetting) "
                "values (%s, %s, %s, %s, %s, 'bench', 'full', false, false, false)",
                [(new_id(), i, stored_form(token=t, key=key), now, now) for i, t in zip(ids, tokens, strict=True)],
            )
    for service in ("incidents", "alerts"):
        with psycopg.connect(urls[service], autocommit=True) as other, other.cursor() as cursor:
            rows = [(school_id, i) for i in ids]
            cursor.executemany("insert into staff (school_id, person_id, roles, active) values (%s, %s, array['teacher'], true)", rows)
    with psycopg.connect(urls["incidents"], autocommit=True) as incidents:
        incidents.execute("update schools set version = version + 1 where school_id = %s", (school_id,))
    name = f"safekeep-{urlsplit(system['url']).port}"
    return People(school_id, slug, ids, [f"{name}={token}" for token in tokens])


def alert(system: dict[str, Any], people: People, *, told: Sequence[UUID] | None = None) -> tuple[UUID, datetime]:
    """Commit one incident's event that alerts all of them. Returns the incident's id, and when it was committed."""
    incident, engine = new_id(), database.engine(system["admin_urls"]["incidents"])
    recipients = [Recipient(person_id=i, because=["named"]) for i in told or people.ids]
    codes: dict[str, Any] = {"category": "behaviour", "categories": ["behaviour"], "class_code": "general"}
    ids: dict[str, Any] = {"incident_id": incident, "entry_id": incident, "author_id": people.ids[0], "pupil_ids": [new_id()], "file_ids": []}
    with database.transaction(engine, school_id=people.school_id) as tx:
        outbox.add(tx, IncidentRecorded, school_id=people.school_id, subject=incident, recipients=recipients, occurred_at=clock.now(), **codes, **ids)
    committed = datetime.now(UTC)
    engine.dispose()
    return incident, committed


@dataclass
class Watched:
    """What the open pages saw."""

    asked: int = 0
    failed: int = 0
    took: list[float] = field(default_factory=list)  # seconds of each answer
    learned: dict[int, datetime] = field(default_factory=dict)  # page → when it knew of an alert that it had not known of


class OpenPages:
    """Pages that ask as open inboxes do, until they are closed."""

    def __init__(self, system: dict[str, Any], people: People) -> None:
        self._parts, self._people = urlsplit(system["url"]), people
        self.seen, self._lock, self._over = Watched(), threading.Lock(), threading.Event()
        self._known: dict[int, str] = {}
        self._pool = ThreadPoolExecutor(CLIENTS)
        self._work = [self._pool.submit(self._ask, number) for number in range(CLIENTS)]

    def all_know(self) -> bool:
        """Whether every page has had its first answer from memory."""
        return len(self._known) == len(self._people.ids)

    def forget(self) -> None:
        """Begin to count anew."""
        with self._lock:
            self.seen = Watched()

    def close(self) -> Watched:
        """Close them."""
        self._over.set()
        for each in self._work:
            each.result()
        self._pool.shutdown()
        return self.seen

    def _ask(self, number: int) -> None:
        pages = range(number, len(self._people.ids), CLIENTS)
        due = {page: time.monotonic() + EVERY * page / len(self._people.ids) for page in pages}
        connection = self._connect()
        while not self._over.is_set() and due:
            page = min(due, key=lambda p: due[p])
            wait = due[page] - time.monotonic()
            if wait > 0 and self._over.wait(wait):
                break
            due[page] = max(due[page] + EVERY, time.monotonic())
            started = time.monotonic()
            headers = {"Cookie": self._people.cookies[page], "Accept": "application/json", "X-Safekeep-Background": "1"}
            try:
                connection.request("GET", f"/s/{self._people.slug}/inbox/now", headers=headers)
                answer = connection.getresponse()
                said = json.loads(answer.read()) if answer.status == 200 else None
            except (OSError, http.client.HTTPException, ValueError):
                connection.close()
                said, connection = None, self._connect()
            took = time.monotonic() - started
            with self._lock:
                self.seen.asked += 1
                self.seen.took.append(took)
                if said is None:
                    self.seen.failed += 1
                elif said["mark"] is not None and self._known.setdefault(page, said["mark"]) != said["mark"]:
                    self._known[page] = said["mark"]
                    self.seen.learned.setdefault(page, datetime.now(UTC))
        connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._parts.hostname or "", self._parts.port, timeout=20)


def fill_inbox(system: dict[str, Any], people: People, *, person_id: UUID, alerts: int, unread: int) -> None:
    """Give somebody so many alerts, of incidents that are there already, so many of them unread."""
    with psycopg.connect(system["admin_urls"]["incidents"], autocommit=True) as incidents:
        found = incidents.execute("select id, author_id from entries where school_id = %s and kind = 'incident' limit 2000", (people.school_id,))
        entries = found.fetchall()
    now = datetime.now(UTC)
    rows = []
    for number in range(alerts):
        incident, author = entries[number % len(entries)]
        raised = now - timedelta(minutes=7 * number)
        # one alert a person and entry: the entry's id is its own, the incident's is real
        read = None if number % (alerts // unread) == 0 and number // (alerts // unread) < unread else raised + timedelta(minutes=3)
        entry = incident if number < len(entries) else new_id()
        rows.append((people.school_id, new_id(), person_id, incident, entry, author, raised, read))
    with psycopg.connect(system["admin_urls"]["alerts"], autocommit=True) as database_, database_.cursor() as cursor:
        cursor.executemany(
            "insert into alerts (school_id, id, person_id, incident_id, entry_id, kind, category, class_code, recorded_by, because, at_risk_now, "
            "raised_at, read_at, flagged) values (%s, %s, %s, %s, %s, 'incident', 'behaviour', 'general', %s, array['slt'], false, %s, %s, %s) "
            "on conflict do nothing",
            [(*row, Jsonb({})) for row in rows],
        )
        cursor.execute("analyze alerts")
