"""The outbox relay: one small program a database. Publishes what waits, in batches with confirms, and marks it.

`python -m safekeep.relay incidents`. LISTEN/NOTIFY wakes it and a slow poll is the net under it. Two may run: an
advisory lock lets one work, and the other takes over within seconds. A crash between publishing and marking publishes
twice; the inboxes do not mind.
"""

import signal
import sys
import time
from datetime import timedelta
from types import FrameType
from typing import Any

import pika
import pika.exceptions
import psycopg

from safekeep import bus, clock, settings, telemetry
from safekeep.keys import Keys
from safekeep.publishing import Message, NotConfirmed, Publisher

POLL_SECONDS = 2.0
BATCH = 200
GATHER_SECONDS = 0.1
"""At least this long between two batches: a lone event goes at once, and when many come they are published, taken and
committed together, which costs every consumer a fraction (measured: docs/performance.md)."""
STANDBY_SECONDS = 0.5
"""How often a relay that waits tries for the lock."""
KEPT_FOR = timedelta(days=7)
"""How long what was published is kept, for somebody who has to look."""
_PRUNE_EVERY = 3600.0
_LOCK = 0x5AFE_0001  # one relay at a time works on a database

DEAD_AFTER = 10
"""Seconds after which the server gives up on a relay that says nothing (frozen, cut off) and with it frees the lock."""

_stopping = False
_ready = {"database": False, "broker": False, "queues": True}
"""`queues` is not ready when the broker answered and did not take the last batch (deploy/local/broker_watch.py looks at it)."""


def main(service: str) -> None:
    """Run until SIGTERM; when the broker or the database goes away, wait for it and go on."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    telemetry.start_logging(f"relay-{service}")
    chosen = settings.relay_settings(service)
    keys = Keys.load(chosen.keys_file)
    telemetry.serve_inner(host=chosen.inner_host, port=chosen.inner_port, ready=lambda: dict(_ready))
    delay = 0.2
    while not _stopping:
        started = time.monotonic()
        try:
            _run(service=service, chosen=chosen, keys=keys)
        except (psycopg.Error, pika.exceptions.AMQPError, NotConfirmed, OSError) as error:
            _ready.update(database=False, broker=False)
            telemetry.RELAY_WORKS.labels(service=service).set(0)
            reason = str(error) if isinstance(error, NotConfirmed) else ""
            _ready["queues"] = reason not in {"refused", "late"}
            telemetry.log().warning("relay.waiting", error=type(error).__name__, reason=reason)
            delay = 0.2 if time.monotonic() - started > 10.0 else min(delay * 2, 2.0)
            time.sleep(delay)


def _run(*, service: str, chosen: settings.RelaySettings, keys: Keys) -> None:
    with connect(chosen.worker_database_url) as database:
        _ready["database"] = True
        publisher = Publisher(chosen.broker_url)
        try:
            _ready["broker"] = True
            while not (_stopping or take_lock(database)):
                publisher.wait(STANDBY_SECONDS)
            database.execute("listen outbox")
            telemetry.RELAY_WORKS.labels(service=service).set(1)
            _work(service=service, database=database, publisher=publisher, keys=keys)
        finally:
            publisher.close()


def _work(*, service: str, database: psycopg.Connection[Any], publisher: Publisher, keys: Keys) -> None:
    wait_for_queues(publisher, service=service)
    prune_at = time.monotonic()
    while not _stopping:
        published = publish_waiting(database=database, publisher=publisher, keys=keys, service=service)
        _ready["queues"] = True
        if published < BATCH:
            publisher.wait(GATHER_SECONDS if published else 0)
            wait(database=database, publisher=publisher)
            show_lag(database, service=service)
        if time.monotonic() >= prune_at:
            prune(database)
            prune_at = time.monotonic() + _PRUNE_EVERY


def connect(url: str) -> psycopg.Connection[Any]:
    """Connect so that neither side waits for ever for the other: a connection that is dead in silence is given up in seconds.

    The server ends the session of a relay that was frozen or cut off (`DEAD_AFTER`), so that its lock is free for the twin.
    """
    server = f"-c idle_session_timeout={DEAD_AFTER}s -c idle_in_transaction_session_timeout={DEAD_AFTER}s -c tcp_user_timeout={DEAD_AFTER}s"
    alive: dict[str, Any] = {"keepalives_idle": 3, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": DEAD_AFTER * 1000}
    return psycopg.connect(url, autocommit=True, connect_timeout=5, options=f"{server} -c timezone=UTC", **alive)


def take_lock(database: psycopg.Connection[Any]) -> bool:
    """Whether this relay is now the one that works on the database."""
    (mine,) = database.execute("select pg_try_advisory_lock(%s)", (_LOCK,)).fetchone() or (False,)
    return bool(mine)


def wait_for_queues(publisher: Publisher, *, service: str) -> None:
    """Make sure that whoever hears this service has a queue: an event published before would be lost to it. Raises NotConfirmed."""
    for consumer, keys in bus.CONSUMES.items():
        if any(key.startswith(f"{service}.") for key in keys) and not publisher.has_queue(bus.events_queue(consumer).name):
            raise NotConfirmed("no queue")


def publish_waiting(*, database: psycopg.Connection[Any], publisher: Any, keys: Keys, service: str) -> int:
    """Publish up to BATCH events in order, and mark them once the broker has confirmed all. Returns how many.

    No transaction is open meanwhile: a broker that is blocked for hours holds nothing up in the database.
    """
    rows = database.execute(
        "select id, name, version, body, added_at from outbox where published_at is null order by id limit %s", (BATCH,)
    ).fetchall()
    if not rows:
        return 0
    messages = [_message(row, keys=keys, service=service) for row in rows]
    publisher.publish(messages, meanwhile=lambda: _while_blocked(database, publisher, service=service))
    database.execute("update outbox set published_at = now() where id = any(%s)", ([row[0] for row in rows],))
    now = clock.now()
    for row in rows:
        telemetry.OUTBOX_LAG.labels(service=service).observe(max(0.0, (now - row[4]).total_seconds()))
    return len(rows)


def _message(row: Any, *, keys: Keys, service: str) -> Message:
    id_, name, version, body, _ = row
    sealed = bus.seal(keys=keys, body={"name": name, "version": version, "event": body}, owner=service, type_=name, message_id=str(id_))
    properties = pika.BasicProperties(
        content_type=bus.CONTENT_TYPE, content_encoding="binary", delivery_mode=2, message_id=str(id_), type=name, app_id=service
    )
    return Message(bus.EVENTS.name, name, sealed, properties)


def _while_blocked(database: psycopg.Connection[Any], publisher: Publisher, *, service: str) -> None:
    """Show what waits, and stay alive to the database, so that the lock is kept."""
    show_lag(database, service=service)
    if publisher.is_blocked:
        telemetry.log().warning("relay.blocked")
    if _stopping:
        raise NotConfirmed("stopping")


def show_lag(database: psycopg.Connection[Any], *, service: str) -> None:
    """Tell the operator how many events wait, and since when the oldest does."""
    count, seconds = database.execute(
        "select count(*), coalesce(extract(epoch from clock_timestamp() - min(added_at)), 0) from outbox where published_at is null"
    ).fetchone() or (0, 0)
    telemetry.OUTBOX_WAITING.labels(service=service).set(float(count))
    telemetry.OUTBOX_OLDEST.labels(service=service).set(max(0.0, float(seconds)))


def prune(database: psycopg.Connection[Any]) -> int:
    """Remove what was published long ago. Returns how many rows."""
    return database.execute("delete from outbox where published_at < %s", (clock.now() - KEPT_FOR,)).rowcount


def wait(*, database: psycopg.Connection[Any], publisher: Any) -> None:
    """Sleep until something was added or the poll is due, keeping the broker's heartbeat alive.

    What was told while we published is heard first: it may be about a row that came too late for that batch.
    """
    if not list(database.notifies(timeout=0)):
        publisher.wait(POLL_SECONDS, fileno=database.fileno())
        list(database.notifies(timeout=0))


def _stop(_signal: int, _frame: FrameType | None) -> None:
    global _stopping
    _stopping = True


if __name__ == "__main__":
    main(sys.argv[1])
