"""Taking events: exactly one effect each, in order per subject, and nothing lost when the effect fails.

The event's id and its effect are one transaction. What fails is committed to `retries` with its cause and next attempt,
and acknowledged; later events of the same subject wait behind it, others pass. Order is by sequence number, not by
arrival. While the database is away the consumer keeps its message and waits; it never requeues in a loop.
"""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock, telemetry
from safekeep.bus import Unreadable
from safekeep.contracts import Event
from safekeep.database import transaction
from safekeep.errors import StorageError

Handler = Callable[[sa.Connection, Any], None]


@dataclass(frozen=True)
class Together:
    """A handler of several events at once, all of one school and each of another subject: what a rush consists of, in as few statements as one.

    Should one of them fail, each comes by itself.
    """

    handler: Callable[[sa.Connection, Sequence[Any]], None]


Handlers = Mapping[type[Event], Handler | Together]

MAX_ATTEMPTS = 14
"""Attempts before an event is left for an operator (about two hours with the delays below)."""
WAITS_SECONDS = 60.0
"""How long what waits for an earlier event sleeps, when nothing wakes it: the earlier one does."""
KEPT_FOR = timedelta(days=30)
"""How long an event's id is remembered. Its subject's position, which is kept for good, tells a repeated one as well."""

Bury = Callable[[dict[str, Any], str, int], None]
"""Puts an event that was tried often enough into the service's dead letters, with cause and count; returns when it is there."""


class Parked(Exception):
    """The message cannot be understood: the broker dead-letters it after its delivery limit."""


class Inbox:
    """One service's door for events.

    Events of a school that arrive while a transaction is under way are taken together in the next: one commit for many
    when it is busy, and no waiting when it is not. Should one of them fail, each is taken on its own.
    """

    def __init__(self, *, engine: sa.Engine, handlers: Handlers, wait: Callable[[float], None] = time.sleep) -> None:
        self._engine, self._handlers, self._wait = engine, handlers, wait
        self._lock = threading.Lock()
        self._arrived: dict[UUID, list[tuple[dict[str, Any], Future[None]]]] = {}  # a school is in here while somebody works for it

    def take(self, message: Any) -> None:
        """Carry out one message, or leave it in `retries`. Returns when it may be acknowledged; raises Parked when it cannot be read."""
        body = _checked(message)
        school_id, done = UUID(body["school_id"]), Future[None]()
        with self._lock:
            someone_works = school_id in self._arrived
            self._arrived.setdefault(school_id, []).append((body, done))
        if not someone_works:
            self._work(school_id)
        done.result()

    def _work(self, school_id: UUID) -> None:
        while True:
            with self._lock:
                batch = self._arrived[school_id]
                if not batch:
                    del self._arrived[school_id]
                    return
                self._arrived[school_id] = []
            try:
                self._take_all(school_id, [body for body, _ in batch])
            except BaseException as error:  # whoever waits must hear of it; the broker delivers the messages again
                for _, done in batch:
                    done.set_exception(error)
            else:
                for _, done in batch:
                    done.set_result(None)

    def _take_all(self, school_id: UUID, bodies: list[dict[str, Any]]) -> None:
        """Take the events, waiting as long as the database is away."""
        groups, delay = [bodies], 0.1
        while groups:
            try:
                _take_or_keep(engine=self._engine, handlers=self._handlers, school_id=school_id, bodies=groups[0])
                groups.pop(0)
            except _OneFailed:
                groups = [[body] for body in groups[0]]
            except StorageError as error:
                if not (error.is_outage or error.is_repeatable):
                    raise
                telemetry.log().warning("inbox.waiting", sqlstate=error.sqlstate)
                self._wait(delay)
                delay = min(delay * 2, 5.0)


def retry_due(*, worker_engine: sa.Engine, engine: sa.Engine, handlers: Handlers, bury: Bury, limit: int = 100) -> int:
    """Try again what is due and first of its subject; bury what is exhausted. Returns how many were carried out."""
    with transaction(worker_engine) as tx:
        rows = tx.execute(_DUE, {"now": clock.now(), "limit": limit, "most": MAX_ATTEMPTS}).all()
        tx.execute(_SLEEP, {"now": clock.now(), "later": clock.now() + timedelta(seconds=WAITS_SECONDS)})
    done = sum(_try_again(engine=engine, handlers=handlers, row=row) for row in rows)
    with transaction(worker_engine) as tx:
        for row in tx.execute(_EXHAUSTED, {"most": MAX_ATTEMPTS, "limit": limit}).all():
            bury(row.body, row.cause, row.attempts)
            tx.execute(_UNKEEP, {"event_id": row.event_id})
            telemetry.log().error("event.dead", event_id=str(row.event_id), cause=row.cause, attempts=row.attempts)
    return done


def _try_again(*, engine: sa.Engine, handlers: Handlers, row: sa.Row[Any]) -> bool:
    try:
        with transaction(engine, school_id=row.school_id) as tx:
            kept = tx.execute(_LOCK, {"event_id": row.event_id}).first()
            if kept is None:
                return False
            if _apply(tx, handlers=handlers, school_id=row.school_id, bodies=[kept.body]):
                return False
            tx.execute(_UNKEEP, {"event_id": row.event_id})
            return True
    except Exception as error:  # whatever fails is tried later, bounded by MAX_ATTEMPTS
        if isinstance(error, StorageError) and error.is_outage:
            raise
        with transaction(engine, school_id=row.school_id) as tx:
            next_at = clock.now() + delay_after(row.attempts)
            tx.execute(_POSTPONE, {"event_id": row.event_id, "cause": _cause(error), "next_at": next_at})
        telemetry.log().error("event.failed_again", event_id=str(row.event_id), cause=_cause(error), attempts=row.attempts + 1)
        return False


def prune(worker_engine: sa.Engine) -> int:
    """Forget the ids of events taken long ago. Returns how many."""
    with transaction(worker_engine) as tx:
        return tx.execute(sa.text("delete from inbox where taken_at < :before"), {"before": clock.now() - KEPT_FOR}).rowcount


def kept(worker_engine: sa.Engine) -> int:
    """Return how many events wait in `retries`."""
    with transaction(worker_engine) as tx:
        return int(tx.execute(sa.text("select count(*) from retries")).scalar_one())


def delay_after(attempts: int) -> timedelta:
    """Return how long to wait after that many attempts: seconds, doubling to an hour, with jitter."""
    return timedelta(seconds=min(2.0 ** min(attempts, 12), 3600.0) * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret


def _checked(message: Any) -> dict[str, Any]:
    """Return the event's body. Raises Parked when it was not sealed by us, or says another id or type than its seal."""
    header = getattr(message, "header", None)
    if isinstance(message, Unreadable) or header is None:
        reason = message.get("reason", "malformed") if isinstance(message, dict) else "malformed"
        telemetry.EVENTS_TAKEN.labels(type="unreadable", outcome="parked").inc()
        telemetry.log().error("event.parked", reason=reason)
        raise Parked(reason)
    body = message["event"]
    if header["id"] != body["id"] or header["type"] != message["name"] or ("dropped" in message and header["owner"] != "operator"):
        telemetry.log().error("event.parked", reason="seal_mismatch")
        raise Parked("seal_mismatch")
    dropped = {"dropped": message["dropped"]} if "dropped" in message else {}
    return {"name": message["name"], "version": message["version"], **dropped, **body}


class _OneFailed(Exception):
    """One of several events taken together failed, and with it the transaction of all."""


def _take_or_keep(*, engine: sa.Engine, handlers: Handlers, school_id: UUID, bodies: list[dict[str, Any]]) -> None:
    """Carry out events of one school in one transaction; one on its own that fails is kept in `retries`."""
    try:
        with transaction(engine, school_id=school_id, plan_once=True) as tx:
            for body in _apply(tx, handlers=handlers, school_id=school_id, bodies=bodies):
                _keep(tx, body=body, cause="waits_for_earlier")
    except Exception as error:  # a handler may fail in any way: the event is kept, with the kind of failure
        if isinstance(error, StorageError) and (error.is_outage or error.is_repeatable):
            raise
        if len(bodies) > 1:
            raise _OneFailed from None
        with transaction(engine, school_id=school_id) as tx:
            _keep(tx, body=bodies[0], cause=_cause(error))
        telemetry.EVENTS_TAKEN.labels(type=bodies[0]["name"], outcome="kept").inc()
        telemetry.log().error("event.failed", event_id=bodies[0]["id"], type=bodies[0]["name"], cause=_cause(error))
    else:
        for body in bodies:
            telemetry.EVENTS_TAKEN.labels(type=body["name"], outcome="done").inc()


def _apply(tx: sa.Connection, *, handlers: Handlers, school_id: UUID, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Carry out the events that are the next of their subjects. Returns those that must wait behind an earlier one."""
    waiting = []
    for together in _rounds(bodies):
        places = _places(tx, school_id=school_id, bodies=together)
        waiting += [body for body in together if body["sequence"] > places[body["id"]][0] + 1]
        next_ones = [body for body in together if body not in waiting and places[body["id"]][1]]  # the others were done already
        _carry_out(tx, handlers=handlers, bodies=next_ones)
    return waiting


def _rounds(bodies: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Divide events so that each round has at most one of a subject, the earlier ones in the earlier rounds."""
    rounds: list[list[dict[str, Any]]] = []
    before: Counter[tuple[str, str]] = Counter()
    for body in sorted(bodies, key=lambda body: (body["subject"], body["sequence"])):  # who takes the same subjects locks them in the same order
        subject = (_owner(body), body["subject"])
        if before[subject] == len(rounds):
            rounds.append([])
        rounds[before[subject]].append(body)
        before[subject] += 1
    return rounds


def _places(tx: sa.Connection, *, school_id: UUID, bodies: list[dict[str, Any]]) -> dict[str, tuple[int, bool]]:
    """Keep the ids and the places of the events that are next; return each one's subject's position before it, and whether it was next.

    One statement for all: through the green driver a statement costs as much as what it does.
    """
    asked = {
        "ids": [body["id"] for body in bodies],
        "owners": [_owner(body) for body in bodies],
        "subjects": [body["subject"] for body in bodies],
        "sequences": [body["sequence"] for body in bodies],
    }
    rows = tx.execute(_TAKE, {**asked, "school_id": school_id, "now": clock.now()})
    return {str(row.event_id): (row.position, row.taken) for row in rows}


def _owner(body: dict[str, Any]) -> str:
    return str(body["name"].partition(".")[0])


def _carry_out(tx: sa.Connection, *, handlers: Handlers, bodies: list[dict[str, Any]]) -> None:
    """Carry out events of different subjects."""
    gathered: dict[type[Event], list[Event]] = {}
    for body in bodies:
        if "dropped" in body:  # an operator's decision: it has no effect here, and what waits behind it goes on
            tx.execute(_DROP, {"event_id": body["id"], "school_id": body["school_id"], "name": body["name"], **body["dropped"]})
            continue
        for event_class, handler in handlers.items():
            if event_class.name == body["name"]:
                if body["version"] > event_class.version:
                    raise Parked("newer_version")
                event = event_class.receive({k: v for k, v in body.items() if k not in {"name", "version"}})
                if isinstance(handler, Together):
                    gathered.setdefault(event_class, []).append(event)
                else:
                    telemetry.trace.set(getattr(event, "trace", ""))
                    handler(tx, event)
    for event_class, events in gathered.items():
        telemetry.trace.set(getattr(events[0], "trace", "") if len(events) == 1 else "")
        handlers[event_class].handler(tx, events)  # type: ignore[union-attr]


def _keep(tx: sa.Connection, *, body: dict[str, Any], cause: str) -> None:
    tx.execute(
        _KEEP,
        {
            "event_id": body["id"],
            "school_id": body["school_id"],
            "owner": body["name"].partition(".")[0],
            "subject": body["subject"],
            "sequence": body["sequence"],
            "body": json.dumps(body),
            "cause": cause,
            "next_at": clock.now() + timedelta(seconds=1),
        },
    )


def _cause(error: Exception) -> str:
    """Return the kind of failure, without its text."""
    detail = f":{error.sqlstate}" if isinstance(error, StorageError) else f":{error}" if isinstance(error, Parked) else ""
    return f"{type(error).__name__}{detail}"


_TAKE = sa.text(
    "with asked as (select * from unnest(cast(:ids as uuid[]), cast(:owners as text[]), cast(:subjects as uuid[]), cast(:sequences as int[])) "
    "as a(event_id, owner, subject, sequence)), "
    "place as materialized (select a.*, coalesce((select p.sequence from inbox_positions p where p.school_id = :school_id and p.owner = a.owner "
    "and p.subject = a.subject for update), 0) as position from asked a), "
    "taken as (insert into inbox (event_id, school_id) select event_id, :school_id from place where position = sequence - 1 "
    "on conflict do nothing returning event_id), "
    "next as (select * from place where event_id in (select event_id from taken)), "
    "advanced as (insert into inbox_positions (school_id, owner, subject, sequence) select :school_id, owner, subject, sequence from next "
    "on conflict (school_id, owner, subject) do update set sequence = excluded.sequence), "
    "woken as (update retries r set next_at = :now from next where r.school_id = :school_id and r.owner = next.owner "
    "and r.subject = next.subject and r.sequence = next.sequence + 1 and r.cause = 'waits_for_earlier') "
    "select event_id, position, event_id in (select event_id from taken) as taken from place"
)
_KEEP = sa.text(
    "insert into retries (event_id, school_id, owner, subject, sequence, body, cause, attempts, next_at) "
    "values (:event_id, :school_id, :owner, :subject, :sequence, cast(:body as jsonb), :cause, 1, :next_at) on conflict do nothing"
)
_DUE = sa.text(
    "select event_id, school_id, attempts from retries r where next_at <= :now and attempts < :most and not exists "
    "(select from retries e where e.school_id = r.school_id and e.owner = r.owner and e.subject = r.subject and e.sequence < r.sequence) "
    "order by next_at limit :limit"
)
_SLEEP = sa.text("update retries set next_at = :later where next_at <= :now and cause = 'waits_for_earlier'")
_EXHAUSTED = sa.text(
    "select event_id, school_id, body, cause, attempts from retries where attempts >= :most order by next_at limit :limit for update skip locked"
)
_DROP = sa.text(
    "insert into dropped_events (event_id, school_id, name, cause, reason) "
    "values (:event_id, :school_id, :name, :cause, :reason) on conflict do nothing"
)
_LOCK = sa.text("select body from retries where event_id = :event_id for update skip locked")
_UNKEEP = sa.text("delete from retries where event_id = :event_id")
_POSTPONE = sa.text("update retries set attempts = attempts + 1, cause = :cause, next_at = :next_at where event_id = :event_id")
