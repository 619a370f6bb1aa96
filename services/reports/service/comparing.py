"""Comparing what is counted with the record, every night, and making it anew where the two differ."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from nameko.timer import timer

from safekeep import clock, telemetry
from safekeep.actor import Actor
from safekeep.contracts.alerts import FirstReadings
from safekeep.contracts.incidents import Happening, History, HistoryAnswer
from safekeep.contracts.reports import Rebuild, RebuildAnswer
from safekeep.errors import SafekeepError, StorageError
from safekeep.permissions import Class
from safekeep.rpc import answers, ask
from services.reports import counting, store
from services.reports.counting import Happened
from services.reports.service.base import Base, today_at

NIGHT: Final = time(2, 30)
UNDER_WAY: Final = timedelta(minutes=10)
"""What is younger is not compared at night: its events may still be on their way."""
BEING_WRITTEN: Final = timedelta(minutes=1)
"""What is younger may have been written while the record was read: it is never forgotten, only added to."""
CLAIMED_FOR: Final = timedelta(minutes=30)
READ_WITHIN: Final = 30.0


class Comparing(Base):
    """Mixed into the service."""

    @answers(Rebuild)
    def rebuild(self, actor: Actor, request: Rebuild) -> RebuildAnswer:
        incidents, differences = self.compare(actor.at_school, before=clock.now())
        return RebuildAnswer(incidents=incidents, differences=differences)

    @timer(interval=20)
    def compare_at_night(self) -> None:
        """Compare the schools whose time has come; what cannot be asked now is compared half an hour later."""
        now = clock.now()
        try:
            with self.host.transaction(self.host.worker_engine) as tx:
                due = store.claim_comparisons(tx, now=now, again=now + CLAIMED_FOR, limit=3)
        except StorageError as error:
            telemetry.log().warning("counts.comparison_waiting", sqlstate=error.sqlstate)
            return
        for school_id in due:
            try:
                self.compare(school_id, before=now - UNDER_WAY)
            except SafekeepError as error:  # one school's trouble is not another's
                telemetry.log().warning("counts.comparison_waiting", error=type(error).__name__, school=str(school_id))

    def compare(self, school_id: UUID, *, before: datetime) -> tuple[int, int]:
        """Count anew what differs from the record, of what happened before a moment. Returns how many incidents there are, and how many differed.

        Raises Unavailable when incidents or alerts do not answer.
        """
        incidents, differences, begun = set[UUID](), 0, clock.now()
        read = dict(self._first_readings(school_id))
        for answer in self._history(school_id):
            page: dict[UUID, list[Happened]] = {}
            for item in answer.items:
                page.setdefault(item.incident_id, []).append(_happened(item))
            for incident_id in page.keys() & read.keys():
                page[incident_id].append(store.reading(incident_id=incident_id, at=read[incident_id]))
            with self.host.transaction(self.host.engine, school_id=school_id) as tx:
                differences += _put_right(tx, school_id=school_id, page=page, before=before, forget_until=min(before, answer.as_of - BEING_WRITTEN))
                if not incidents:  # the first page
                    differences += _put_flags_right(tx, school_id=school_id, answer=answer)
                    differences += _put_roll_right(tx, school_id=school_id, answer=answer)
            incidents |= page.keys()
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            unknown = store.incidents_recorded_until(tx, school_id=school_id, moment=min(before, begun - BEING_WRITTEN)) - incidents
            store.drop(tx, school_id=school_id, incident_ids=unknown)
            found = {"incidents": len(incidents), "differences": differences + len(unknown)}
            now, zone = clock.now(), store.zone_of(tx, school_id=school_id)
            store.keep_comparison(tx, school_id=school_id, compared_at=now, next_at=_next_night(now, zone=zone), **found)
        say = telemetry.log().error if found["differences"] else telemetry.log().info
        say("counts.compared", school=str(school_id), **found)
        return found["incidents"], found["differences"]

    def _history(self, school_id: UUID) -> Iterator[HistoryAnswer]:
        request: History | None = History()
        while request is not None:
            answer = ask(self.incidents, request, token=self._token(school_id, History.method), seconds=READ_WITHIN)
            yield answer
            request = History(after=answer.next) if answer.next else None

    def _first_readings(self, school_id: UUID) -> Iterator[tuple[UUID, datetime]]:
        request: FirstReadings | None = FirstReadings()
        while request is not None:
            answer = ask(self.alerts, request, token=self._token(school_id, FirstReadings.method), seconds=READ_WITHIN)
            yield from ((each.incident_id, each.at) for each in answer.items)
            request = FirstReadings(after=answer.next) if answer.next else None


def _put_right(tx: sa.Connection, *, school_id: UUID, page: Mapping[UUID, list[Happened]], before: datetime, forget_until: datetime) -> int:
    """Replace what is said to have happened to incidents that do not count as the record says. Returns how many they were."""
    here: dict[str, Any] = {"school_id": school_id}
    zone = store.zone_of(tx, **here)
    for incident_id in sorted(page):
        store.lock_incidents(tx, **here, incident_ids=[incident_id])
    ours = counting.fold_all(store.happened_to(tx, **here, incident_ids=page.keys()), zone=zone, as_at=before)
    source = counting.fold_all([h for happened in page.values() for h in happened], zone=zone, as_at=before)
    wrong = sorted(id_ for id_ in page if not counting.agree(ours.get(id_), source.get(id_)))
    store.drop_happened(tx, **here, incident_ids=wrong, until=forget_until)
    for incident_id in wrong:
        store.add_happened(tx, **here, happened=page[incident_id])
    store.keep(tx, **here, counts=counting.fold_all(store.happened_to(tx, **here, incident_ids=wrong), zone=zone))
    return len(wrong)


def _put_flags_right(tx: sa.Connection, *, school_id: UUID, answer: HistoryAnswer) -> int:
    here: dict[str, Any] = {"school_id": school_id}
    known = set(store.flags_of(tx, **here))
    for flag in answer.flags:
        said: dict[str, Any] = {"pupil_id": flag.pupil_id, "kind": flag.kind, "started": flag.started, "ended": flag.ended}
        store.keep_flag(tx, **here, id=flag.id, **said)
    gone = store.drop_flags_but(tx, **here, ids=[flag.id for flag in answer.flags])
    return gone + len(set(store.flags_of(tx, **here)) - known)


def _put_roll_right(tx: sa.Connection, *, school_id: UUID, answer: HistoryAnswer) -> int:
    """Take over numbers on roll as the record says them. Returns 1 where those of days that have come were others; 0 where none were known."""
    here: dict[str, Any] = {"school_id": school_id}
    today = today_at(store.zone_of(tx, **here))
    ours, source = store.roll_of(tx, **here), [(each.on, each.on_roll) for each in answer.roll]
    if source and ours != source:
        store.keep_roll(tx, **here, on_roll=answer.on_roll, rolls=source)
    come = [[each for each in rolls if each[0] <= today] for rolls in (ours, source)]
    return 1 if source and ours and come[0] != come[1] else 0


def _happened(item: Happening) -> Happened:
    return Happened(
        id=item.id,
        incident_id=item.incident_id,
        at=item.at,
        kind=item.kind,
        pupil_ids=tuple(item.pupil_ids),
        year_group=item.year_group,
        class_=Class.of(item.class_code) if item.class_code else None,
        categories=tuple(item.categories),
        main=item.category,
        what=item.what,
        of_id=item.of_id,
        due_on=item.due_on,
        settled=item.settled,
    )


def _next_night(now: datetime, *, zone: str) -> datetime:
    """Return the next time it is half past two at night where the school is."""
    local = now.astimezone(ZoneInfo(zone))
    tonight = datetime.combine(local.date(), NIGHT, ZoneInfo(zone))
    return (tonight if tonight > local else datetime.combine(local.date() + timedelta(days=1), NIGHT, ZoneInfo(zone))).astimezone(UTC)
