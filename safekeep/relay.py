"""The outbox relay: one small program a database. Publishes what waits, with confirms, and marks it.

`python -m safekeep.relay incidents`. LISTEN/NOTIFY wakes it and a slow poll is the net under it. Two may run: an
advisory lock lets one work. A crash between publishing and marking publishes twice; the inboxes do not mind.
"""

import signal
import sys
import time
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import pika
import pika.exceptions
import psycopg

from safekeep import bus, settings, telemetry
from safekeep.keys import Keys

POLL_SECONDS = 2
BATCH = 200
GATHER_SECONDS = 0.1
"""At least this long between two batches: a lone event goes at once, and when many come they are published, taken and
committed together, which costs every consumer a fraction (measured: docs/performance.md)."""
_LOCK = 0x5AFE_0001  # one relay at a time works on a database

_stopping = False
_ready = {"database": False, "broker": False}


def main(service: str) -> None:
    """Run until SIGTERM; when the broker or the database goes away, wait for it and go on."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    telemetry.start_logging(f"relay-{service}")
    chosen = settings.service_settings(service)
    keys = Keys.load(chosen.keys_file)
    telemetry.serve_inner(port=chosen.inner_port, ready=lambda: dict(_ready))
    delay = 0.2
    while not _stopping:
        try:
            _run(service=service, chosen=chosen, keys=keys)
            delay = 0.2
        except (psycopg.Error, pika.exceptions.AMQPError, OSError) as error:
            _ready.update(database=False, broker=False)
            telemetry.log().warning("relay.waiting", error=type(error).__name__)
            time.sleep(delay)
            delay = min(delay * 2, 5.0)


def _run(*, service: str, chosen: settings.ServiceSettings, keys: Keys) -> None:
    with psycopg.connect(chosen.worker_database_url, autocommit=True, connect_timeout=5) as database:
        _ready["database"] = True
        parameters = pika.URLParameters(chosen.broker_url)
        parameters.heartbeat, parameters.blocked_connection_timeout = 20, 300
        broker = pika.BlockingConnection(parameters)
        try:
            channel = broker.channel()
            channel.confirm_delivery()
            declare(channel)
            _ready["broker"] = True
            while not _stopping and not database.execute("select pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()[0]:  # type: ignore[index]
                broker.sleep(1.0)
            database.execute("listen outbox")
            while not _stopping:
                published = publish_waiting(database=database, channel=channel, keys=keys, service=service)
                if published < BATCH:
                    broker.sleep(GATHER_SECONDS if published else 0)
                    wait(database=database, broker=broker)
        finally:
            if broker.is_open:
                broker.close()


def publish_waiting(*, database: psycopg.Connection[Any], channel: Any, keys: Keys, service: str) -> int:
    """Publish up to BATCH events in order and mark them. Returns how many."""
    with database.transaction():
        rows = database.execute(
            "select id, name, version, body, added_at from outbox where published_at is null order by id limit %s", (BATCH,)
        ).fetchall()
        for id_, name, version, body, added_at in rows:
            message = {"name": name, "version": version, "event": body}
            channel.basic_publish(
                exchange=bus.EVENTS.name,
                routing_key=name,
                body=bus.seal(keys=keys, body=message, owner=service, type_=name, message_id=str(id_)),
                properties=pika.BasicProperties(
                    content_type=bus.CONTENT_TYPE, content_encoding="binary", delivery_mode=2, message_id=str(id_), type=name, app_id=service
                ),
            )
            telemetry.OUTBOX_LAG.labels(service=service).observe((datetime.now(UTC) - added_at).total_seconds())
        if rows:
            database.execute("update outbox set published_at = now() where id = any(%s)", ([row[0] for row in rows],))
    return len(rows)


def declare(channel: Any) -> None:
    """Declare exchanges and every service's queues, so that no event is published before its consumers' queues exist."""
    for exchange in (bus.EVENTS, bus.DEAD):
        channel.exchange_declare(exchange.name, exchange_type=exchange.type, durable=True)
    for service in bus.CONSUMES:
        dead, events = bus.dead_queue(service), bus.events_queue(service)
        channel.queue_declare(dead.name, durable=True, arguments=dead.queue_arguments)
        channel.queue_bind(dead.name, bus.DEAD.name, routing_key=dead.routing_key)
        channel.queue_declare(events.name, durable=True, arguments=events.queue_arguments)
        for key in bus.CONSUMES[service]:
            channel.queue_bind(events.name, bus.EVENTS.name, routing_key=key)


def wait(*, database: psycopg.Connection[Any], broker: Any) -> None:
    """Sleep until something was added or the poll is due, keeping the broker's heartbeat alive.

    What was told while we published is heard first: it may be about a row that came too late for that batch.
    """
    for _ in range(POLL_SECONDS):
        heard = list(database.notifies(timeout=0)) or list(database.notifies(timeout=1.0, stop_after=1))
        broker.process_data_events(time_limit=0)
        if heard or _stopping:
            return


def _stop(_signal: int, _frame: FrameType | None) -> None:
    global _stopping
    _stopping = True


if __name__ == "__main__":
    main(sys.argv[1])
