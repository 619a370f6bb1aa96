"""How late people are asked with 100,000 timers pending: ./bench timers [--pending N] [--due N] [--workers N].

In a database of its own, from the real migrations: concerns of 100 schools, most of them due tomorrow, and some that come due over twenty
seconds, spread and in one moment. Workers tick as the service does. What is told is how long after its moment each was asked about.
"""

import argparse
import datetime as dt
import logging
import random
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog

from safekeep import clock, keys
from safekeep.ids import new_id
from safekeep.rpc import Resources
from safekeep.settings import ServiceSettings
from services.alerts import store
from services.alerts.service import Service
from tests import servers
from tests.servers import Postgres

SCHOOLS = 100
TICK = 0.5


def main() -> None:
    told = argparse.ArgumentParser()
    told.add_argument("--pending", type=int, default=100_000)
    told.add_argument("--due", type=int, default=2_000)
    told.add_argument("--at-once", type=int, default=200)
    told.add_argument("--workers", type=int, default=2)
    chosen = told.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))  # a line an asking would be all there is to read
    folder = Path(tempfile.mkdtemp(prefix="safekeep-bench-"))
    folder.chmod(0o711)
    described, end = servers.start_postgres(folder / "pg")
    try:
        _measure(Postgres(described), folder, chosen)
    finally:
        end()
        shutil.rmtree(folder, ignore_errors=True)


def _measure(postgres: Postgres, folder: Path, chosen: argparse.Namespace) -> None:
    keys.ensure_ring(folder / "keys")
    urls = postgres.clone("alerts", "bench")
    settings = ServiceSettings(
        database_url=urls["ALERTS_DATABASE_URL"],
        worker_database_url=urls["ALERTS_WORKER_DATABASE_URL"],
        keys_file=str(folder / "keys" / "process" / "alerts.json"),
        inner_port=0,
        broker_url="amqp://unused",
    )
    resources, schools = Resources(settings, "alerts"), [new_id() for _ in range(SCHOOLS)]
    begins = clock.now() + dt.timedelta(seconds=20 + chosen.pending / 4_000)
    for number, school in enumerate(schools):
        _fill(resources, school, chosen, begins=begins, number=number)
    late: list[float] = []
    stop = threading.Event()
    workers = [threading.Thread(target=_work, args=(resources, stop)) for _ in range(chosen.workers)]
    print(f"filled; the first is due in {(begins - clock.now()).total_seconds():.0f} s")
    for worker in workers:
        worker.start()
    time.sleep(max((begins - clock.now()).total_seconds(), 0) + 20 + 5)
    stop.set()
    for worker in workers:
        worker.join()
    for school in schools:
        with resources.transaction(resources.engine, school_id=school) as tx:
            late += [row.late for row in tx.execute(sa.text("select extract(epoch from at - due_at)::float8 as late from askings"))]
    late.sort()
    print(f"{chosen.pending} pending, {len(late)} of {chosen.due + chosen.at_once} came due, {chosen.workers} workers")
    print(f"late by: p50 {statistics.median(late):.2f} s, p99 {late[int(len(late) * 0.99)]:.2f} s, most {late[-1]:.2f} s; the limit is 2 s")


def _fill(resources: Resources, school: Any, chosen: argparse.Namespace, *, begins: dt.datetime, number: int) -> None:
    draw = random.Random(number)  # noqa: S311 - the same each time
    due, once, many = chosen.due // SCHOOLS, chosen.at_once // SCHOOLS, chosen.pending // SCHOOLS
    moments = [begins + dt.timedelta(seconds=draw.uniform(0, 20)) for _ in range(due)]
    moments += [begins + dt.timedelta(seconds=10)] * once
    rows = []
    for n in range(many):
        at = moments[n] if n < len(moments) else begins + dt.timedelta(days=1, seconds=draw.uniform(0, 80_000))
        begun = at - dt.timedelta(minutes=5)  # at risk now: the head is asked after five minutes
        about = {"category": "not_sure", "class_code": "protection", "at_risk_now": True}
        rows.append({"school_id": school, "incident_id": new_id(), **about, "begun_at": begun, "asked_at": begun, "next_at": at, "kept": False})
    with resources.transaction(resources.engine, school_id=school) as tx:
        for role in ("dsl", "deputy_dsl", "slt", "slt"):
            store.keep_staff(tx, school_id=school, person_id=new_id(), roles=[role], active=True)
        from services.alerts.store.tables import concerns

        tx.execute(concerns.insert(), rows)


def _work(resources: Resources, stop: threading.Event) -> None:
    service = Service()
    service.host = resources  # type: ignore[assignment]
    while not stop.is_set():
        began = time.monotonic()
        service.ask_again()
        time.sleep(max(TICK - (time.monotonic() - began), 0))


if __name__ == "__main__":
    main()
