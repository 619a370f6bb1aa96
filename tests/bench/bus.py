"""`./bench bus`: what it costs that an event is never lost and has its effect once, beside a bare confirmed publish and consume of the same bytes.

A clean system with one school; events of recorded incidents are added to the outbox, one a transaction, and go the real way: relay, broker,
and the inboxes of alerts (two alerts each, no mail), files and reports. Both ends are times of the same PostgreSQL: when the row was added,
and when its id was taken in the transaction of its effect.
"""

import argparse
import json
import multiprocessing
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pika
import psycopg

from safekeep import bus, clock, database, outbox
from safekeep.contracts.incidents import IncidentRecorded, Recipient
from safekeep.ids import new_id
from safekeep.keys import Keys
from safekeep.publishing import Message, Publisher
from safekeep.relay import BATCH
from tests.servers import ROOT, running_system

HEAR = ("alerts", "files", "reports")
WRITERS = 4
HELD = 10
"""Messages a consumer holds at a time, as our services do."""
BARE = "bench.bare"


def main() -> None:
    parser = argparse.ArgumentParser(prog="./bench bus")
    parser.add_argument("--events", type=int, default=3000, help="as fast as they can be added")
    parser.add_argument("--rate", type=float, default=50.0, help="events a second in the second part, in which nothing queues")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the second part lasts")
    chosen = parser.parse_args()
    with running_system("--no-demo") as system:
        school, people = _school(system)
        stage = Stage(system, school=school, people=people)
        stage.add(200)  # caches and connections
        rush = stage.add(chosen.events)
        calm = stage.add(int(chosen.rate * chosen.seconds), rate=chosen.rate)
        bare = _bare(system, body=stage.sealed(), count=max(chosen.events, 5000))
    rate = _print_rush(rush)
    print(f"\nat {chosen.rate:.0f} a second, from added to effect:")
    for service in HEAR:
        q = statistics.quantiles(calm[service], n=100)
        print(f"   {service:8} p50 {q[49] * 1000:.0f} ms, p99 {q[98] * 1000:.0f} ms")
    print(
        f"\nbare: the same {len(stage.sealed()):,} bytes, published with confirms in batches of {BATCH} to a quorum queue and consumed: {bare:,.0f}/s"
    )
    print(f"   {bare / rate:.1f} times as many as by outbox, broker and three inboxes to their effects")


class Lags(dict[str, list[float]]):
    """By service, the seconds from added to effect of each event; and from the first added to the last effect of all."""

    seconds: float


class Stage:
    """A school's outbox in incidents, and the inboxes that hear of it."""

    def __init__(self, system: dict[str, Any], *, school: UUID, people: list[UUID]) -> None:
        self._system, self._school, self._people = system, school, people
        self._engine = database.engine(system["admin_urls"]["incidents"])
        self._keys = Keys.load(Path(system["data"]) / "keys" / "process" / "relay.json")

    def add(self, count: int, *, rate: float | None = None) -> Lags:
        """Add so many events, each in a transaction, and wait until every service has carried out all."""
        begun = time.monotonic()

        def one(number: int) -> str:
            if rate is not None:
                time.sleep(max(0.0, begun + number / rate - time.monotonic()))
            event = self._event()
            with database.transaction(self._engine, school_id=self._school) as tx:
                outbox.add(tx, IncidentRecorded, school_id=self._school, **event)
            return str(event["subject"])

        with ThreadPoolExecutor(WRITERS) as pool:
            subjects = list(pool.map(one, range(count)))
        added = _times(self._system, "incidents", "select id::text, added_at from outbox where body->>'subject' = any(%s)", subjects)
        ids, lags, last = list(added), Lags(), min(added.values())
        for service in HEAR:
            taken = self._wait(service, ids)
            lags[service] = [(taken[id] - added[id]).total_seconds() for id in ids]
            last = max(last, *taken.values())
        lags.seconds = (last - min(added.values())).total_seconds()
        return lags

    def _wait(self, service: str, ids: list[str]) -> dict[str, datetime]:
        ends = time.monotonic() + 300
        while True:
            taken = _times(self._system, service, "select event_id::text, taken_at from inbox where event_id = any(%s::uuid[])", ids)
            if len(taken) == len(ids):
                return taken
            if time.monotonic() > ends:
                sys.exit(f"{service} took {len(taken)} of {len(ids)}")
            time.sleep(0.5)

    def _event(self) -> dict[str, Any]:
        incident, now = new_id(), clock.now()
        told = [Recipient(person_id=person, because=["safeguarding_team"]) for person in self._people]
        codes = {"category": "safeguarding_concern", "categories": ["safeguarding_concern"], "class_code": "safeguarding"}
        ids = {"subject": incident, "incident_id": incident, "entry_id": incident, "author_id": self._people[0], "pupil_ids": [new_id()]}
        return {**ids, **codes, "occurred_at": now, "recipients": told, "file_ids": [], "past": True}

    def sealed(self) -> bytes:
        """Return such an event as the relay sends it."""
        event = IncidentRecorded(id=new_id(), at=clock.now(), school_id=self._school, sequence=1, **self._event())
        body = {"name": event.name, "version": event.version, "event": event.wire()}
        return bus.seal(keys=self._keys, body=body, owner="incidents", type_=event.name, message_id=str(event.id))


def _school(system: dict[str, Any]) -> tuple[UUID, list[UUID]]:
    """Make a school with its staff. Returns it and two of its leads."""
    ready, out = Path(system["log"]).with_name("ready.json"), Path(system["log"]).with_name("school.json")
    subprocess.run([sys.executable, "-W", "ignore", "-m", "tests.faults.seed", str(ready), str(out)], cwd=ROOT, check=True)
    made = json.loads(out.read_text())
    leads = [login for login in made["logins"] if login["role"] in ("dsl", "deputy_dsl")]
    with psycopg.connect(system["admin_urls"]["alerts"], autocommit=True) as alerts:
        while (alerts.execute("select count(*) from staff where active").fetchone() or (0,))[0] < len(made["logins"]):
            time.sleep(0.2)
    return UUID(made["school_id"]), [UUID(lead["id"]) for lead in leads[:2]]


def _times(system: dict[str, Any], service: str, query: str, ids: list[str]) -> dict[str, datetime]:
    with psycopg.connect(system["admin_urls"][service], autocommit=True) as connection:
        return dict(connection.execute(query, (ids,)).fetchall())  # type: ignore[arg-type]


def _print_rush(rush: Lags) -> float:
    count = len(rush["alerts"])
    rate = count / rush.seconds
    print(f"{count:,} events added as fast as {WRITERS} connections do, until all three services had carried out all: {rate:,.0f}/s")
    for service in HEAR:
        q = statistics.quantiles(rush[service], n=100)
        print(f"   {service:8} from added to effect: p50 {q[49]:.2f} s, p99 {q[98]:.2f} s (they queue)")
    return rate


# --- bare ------------------------------------------------------------------------------------------------------------


def _bare(system: dict[str, Any], *, body: bytes, count: int) -> float:
    """Publish with confirms and consume, and nothing else. Returns messages a second."""
    url = system["admin_urls"]["broker"]
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        connection.channel().queue_declare(BARE, durable=True, arguments={"x-queue-type": "quorum"})
    there = multiprocessing.get_context("spawn")
    ready, done = there.Event(), there.Event()
    consumer = there.Process(target=_consume, args=(url, count, ready, done), daemon=True)
    consumer.start()
    ready.wait(60)
    publisher = Publisher(url)
    properties = pika.BasicProperties(content_type=bus.CONTENT_TYPE, delivery_mode=2)
    started = time.monotonic()
    for first in range(0, count, BATCH):
        publisher.publish([Message("", BARE, body, properties)] * min(BATCH, count - first))
    done.wait(300)
    rate = count / (time.monotonic() - started)
    publisher.close()
    consumer.join()
    return rate


def _consume(url: str, count: int, ready: Any, done: Any) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=HELD)
        ready.set()
        for number, (method, _, _) in enumerate(channel.consume(BARE), 1):
            channel.basic_ack(method.delivery_tag)
            if number == count:
                break
        channel.cancel()
    done.set()


if __name__ == "__main__":
    main()
