"""What ledger and inbox cost: the same recordings with them and without, side by side in one run (the end of `./bench record`).

One client, the services' own functions, a real PostgreSQL: an incident is recorded (its transaction in incidents) and its event taken
(its transaction in alerts, two alerts and mails). Blocks of each alternate, so that a busy machine is busy for both. The switches are here alone.
"""

import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import uuid4

import sqlalchemy as sa

from safekeep import clock, inbox, keys, telemetry
from safekeep.actor import Actor
from safekeep.bus import Sealed
from safekeep.contracts.incidents import Alert, IncidentRecorded
from safekeep.permissions import Role
from safekeep.rpc import Resources
from safekeep.settings import ServiceSettings
from services.alerts import service as alerts
from services.alerts import store as alerts_store
from services.incidents import ledger
from services.incidents.service import entries
from services.incidents.store import chain
from services.incidents.store import entries as entries_store
from tests import servers
from tests.make import a_record, create_pupil, create_school

BLOCKS, EACH = 20, 25


def main() -> None:
    telemetry.start_logging("bench")
    folder = Path(tempfile.mkdtemp(prefix="safekeep-bench-"))
    folder.chmod(0o711)
    described, end = servers.start_postgres(folder / "pg")
    try:
        compare(servers.Postgres(described), folder)
    finally:
        end()
        shutil.rmtree(folder, ignore_errors=True)


def compare(postgres: servers.Postgres, folder: Path) -> None:
    """Measure both and print the ratio."""
    keys.ensure_ring(folder / "keys")
    incidents, told = (_resources(postgres, folder, name) for name in ("incidents", "alerts"))
    school = create_school(resources=incidents, roles=(Role.TEACHER, Role.DSL, Role.DEPUTY_DSL))
    pupil = create_pupil(resources=incidents, school=school)
    with told.transaction(told.engine, school_id=school.id) as tx:
        for role, person in school.people.items():
            alerts_store.keep_staff(tx, school_id=school.id, person_id=person, roles=[role], active=True)
    teacher = Actor(school.people["teacher"], None, school.id, None, frozenset({"teacher"}), "Test Person", None, None, False)
    box = inbox.Inbox(engine=told.engine, handlers=alerts.HANDLERS)

    def once(*, with_both: bool) -> None:
        request = a_record(pupil_id=pupil, alert=Alert(groups=["safeguarding_team"]))
        with incidents.transaction(incidents.engine, school_id=school.id) as tx:
            entries.write_incident(tx, actor=teacher, request=request, files=[], now=clock.now(), past=False)
            name, version, body = tx.execute(_EVENT, {"subject": str(request.id)}).one()
        if with_both:
            message = Sealed({"name": name, "version": version, "event": body})
            message.header = {"id": body["id"], "type": name}
            box.take(message)
        else:
            with told.transaction(told.engine, school_id=school.id) as tx:
                alerts.HANDLERS[IncidentRecorded](tx, IncidentRecorded.receive(body))

    def block(*, with_both: bool) -> float:
        with ExitStack() as switches:
            if not with_both:
                switches.enter_context(_without_ledger(incidents, school.id))
            started = time.perf_counter()
            for _ in range(EACH):
                once(with_both=with_both)
            return (time.perf_counter() - started) / EACH

    for with_both in (True, False):  # caches and connections
        block(with_both=with_both)
    taken: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(BLOCKS):
        for with_both in (True, False):
            taken[with_both].append(block(with_both=with_both))
    for each in (incidents, told):
        each.engine.dispose()
        each.worker_engine.dispose()
    yes, no = (statistics.median(taken[each]) * 1000 for each in (True, False))
    ratios = sorted(a / b for a, b in zip(taken[True], taken[False], strict=True))
    low, high = ratios[len(ratios) // 4], ratios[-len(ratios) // 4]
    print(f"\nan incident and its alert with ledger and inbox: {yes:.2f} ms, without: {no:.2f} ms ({BLOCKS} blocks of {EACH}, median)")
    print(
        f"   with them it takes {statistics.median(ratios):.2f} times as long (middle half of the pairs: {low:.2f} to {high:.2f}); the aim is at most 1.15"
    )


_EVENT = sa.text("select name, version, body from outbox where body->>'subject' = :subject order by id desc limit 1")


@contextmanager
def _without_ledger(incidents: Resources, school_id: Any) -> Iterator[None]:
    """Record without chain, threads, openings, salts and hashes. The school's lock stays: numbers need it."""
    bare = str(entries_store._ADD_ENTRY.text).removeprefix(chain.IN_THE_LEDGER).removeprefix(", ")
    nothing = ledger.LedgerEntry(sequence=0, canonical=b"", hash="", openings={})

    def no_place(**_: Any) -> ledger.LedgerEntry:
        return nothing

    with ExitStack() as switches:
        switches.enter_context(mock.patch.object(entries_store, "_ADD_ENTRY", sa.text("with " + bare)))
        switches.enter_context(mock.patch.object(ledger, "append", no_place))
        yield


def _resources(postgres: servers.Postgres, folder: Path, service: str) -> Resources:
    urls, prefix = postgres.clone(service, f"b_{uuid4().hex[:12]}"), service.upper()
    settings = ServiceSettings(
        database_url=urls[f"{prefix}_DATABASE_URL"],
        worker_database_url=urls[f"{prefix}_WORKER_DATABASE_URL"],
        broker_url="amqp://unused",
        keys_file=str(folder / "keys" / "process" / f"{service}.json"),
        inner_port=0,
    )
    return Resources(settings, service)


if __name__ == "__main__":
    main()
