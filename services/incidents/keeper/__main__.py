"""Runs the ledger's process: `python -m services.incidents.keeper`. Woken by LISTEN/NOTIFY, a slow poll is the net under it."""

import os
import signal
import time
from datetime import datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from types import FrameType
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from safekeep import clock, database, settings, telemetry
from safekeep.errors import StorageError
from safekeep.keys import Keys
from services.incidents import store
from services.incidents.keeper import Keeper, checking, exporting, heads

POLL_SECONDS = 5.0
CHECK_EVERY = timedelta(minutes=5)
NIGHT = time_of_day(2, 0)
AGAIN = timedelta(minutes=1)

_LOCK = 0x5AFE_0002  # one of these processes at a time works on a database

_stopping = False
_ready = {"database": False}


def main() -> None:
    """Run until SIGTERM; while the database is away, wait for it and go on."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    telemetry.start_logging("ledger")
    chosen = settings.ledger_settings()
    keeper = Keeper(
        keys=Keys.load(chosen.keys_file),
        engine=database.engine(chosen.database_url, size=2, snapshot=True),
        worker_engine=database.engine(chosen.worker_database_url, size=1),
        folder=Path(chosen.folder),
    )
    telemetry.serve_inner(host=chosen.inner_host, port=chosen.inner_port, ready=lambda: dict(_ready))
    os.nice(5)  # people who record go first
    delay = 0.2
    while not _stopping:
        try:
            _run(keeper, url=chosen.worker_database_url)
            delay = 0.2
        except (psycopg.Error, StorageError, OSError) as error:
            _ready["database"] = False
            telemetry.log().warning("ledger.waiting", error=type(error).__name__)
            time.sleep(delay)
            delay = min(delay * 2, 5.0)


def _run(keeper: Keeper, *, url: str) -> None:
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as ears:
        _ready["database"] = True
        while not _stopping and not ears.execute("select pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()[0]:  # type: ignore[index]
            time.sleep(1.0)
        ears.execute("listen ledger")
        while not _stopping:
            if not do_due(keeper, now=clock.now()):
                ends = time.monotonic() + POLL_SECONDS
                while not _stopping and time.monotonic() < ends and not list(ears.notifies(timeout=1.0, stop_after=1)):
                    pass


def do_due(keeper: Keeper, *, now: datetime) -> int:
    """Do what is due, a few at a time. Returns how much was done."""
    with keeper.all_schools() as tx:
        due = store.work_due(tx, now=now, limit=20)
    for row in due:
        key = {"school_id": row.school_id, "kind": row.kind, "subject": row.subject}
        again: datetime | None = now + AGAIN
        try:
            again = do(keeper, **key, now=now)
        except StorageError as error:
            if error.is_outage:
                raise
            if error.is_repeatable:  # what it read was changed meanwhile
                again = now
            else:
                _failed(keeper, **key, error=error)
        except Exception as error:  # whatever it is, the other schools' turn comes
            _failed(keeper, **key, error=error)
        if again is not None:
            with keeper.all_schools() as tx:
                store.put_off(tx, **key, until=again)
    return len(due)


def do(keeper: Keeper, *, school_id: UUID, kind: str, subject: UUID, now: datetime) -> datetime | None:
    """Do one thing. Returns when it is to be done again; None for an export, whose every step says so in its own transaction."""
    if kind == "export":
        exporting.make(keeper, school_id=school_id, export_id=subject, now=now)
        return None
    with keeper.school(school_id) as tx:
        zone = ZoneInfo(store.zone_of(tx, school_id=school_id))
    if kind == "night":
        with keeper.school(school_id) as tx:
            heads.sign(keeper, tx, school_id=school_id, now=now, mails="not mailed", unless_same=True)
        checking.check_whole(keeper, school_id=school_id, now=now)
        return next_night(now, zone=zone)
    if kind == "week":
        with keeper.school(school_id) as tx:
            heads.sign(keeper, tx, school_id=school_id, now=now, mails="mailed")
        return next_night(now, zone=zone) + timedelta(days=6)
    checking.check_new(keeper, school_id=school_id, now=now)
    with keeper.school(school_id) as tx:
        for each in ("night", "week"):
            store.want(tx, school_id=school_id, kind=each, subject=school_id, due_at=next_night(now, zone=zone))
    return now + CHECK_EVERY


def next_night(now: datetime, *, zone: ZoneInfo) -> datetime:
    """Return when it is next two o'clock at night where the school is."""
    local = now.astimezone(zone)
    tonight = datetime.combine(local.date(), NIGHT, zone)
    return tonight if tonight > local else datetime.combine(local.date() + timedelta(days=1), NIGHT, zone)


def _failed(keeper: Keeper, *, school_id: UUID, kind: str, subject: UUID, error: Exception) -> None:
    telemetry.log().error("ledger.failed", school=str(school_id), kind=kind, error=type(error).__name__)
    if kind == "export":
        exporting.failed(keeper, school_id=school_id, export_id=subject)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    global _stopping
    _stopping = True


if __name__ == "__main__":
    main()
