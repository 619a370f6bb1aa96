"""The events reports hears, and what each changes of what is counted."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from safekeep import clock, database, inbox
from safekeep.contracts import identity
from safekeep.contracts.alerts import AlertRead
from safekeep.contracts.incidents import ActionAdded, FlagChanged, IncidentRecorded, RollChanged, StatusChanged
from safekeep.errors import Conflict
from safekeep.permissions import Class
from services.reports import counting, store
from services.reports.counting import Happened


def count(tx: sa.Connection, *, school_id: Any, happened: Happened) -> None:
    """Keep what happened to an incident, and count it as it is after that. Raises Conflict for one that is not recorded here yet."""
    here: dict[str, Any] = {"school_id": school_id}
    zone, known = store.lock_incidents(tx, **here, incident_ids=[happened.incident_id])
    if not known:
        raise Conflict("incident_not_counted")
    store.add_happened(tx, **here, happened=[happened])
    told = store.happened_to(tx, **here, incident_ids=[happened.incident_id])
    store.keep(tx, **here, counts={happened.incident_id: _folded(told, zone=zone)})


def _folded(told: Sequence[Happened], *, zone: str) -> counting.Counted:
    counts_as = counting.fold(told, zone=zone)
    if counts_as is None:
        raise Conflict("incident_not_counted")  # counted by an earlier release: the first comparison makes it anew
    return counts_as


def _on_school(tx: sa.Connection, event: identity.SchoolChanged) -> None:
    store.keep_school(tx, school_id=event.school_id, trust_id=event.trust_id, zone=event.zone)
    store.compare_at(tx, school_id=event.school_id, at=clock.now() + timedelta(days=1), only_first=True)


def _on_recorded(tx: sa.Connection, events: Sequence[IncidentRecorded]) -> None:
    """Count incidents that were recorded; one that is counted already, since it was counted anew meanwhile, as it is after that."""
    here: dict[str, Any] = {"school_id": events[0].school_id}
    zone, known = store.lock_incidents(tx, **here, incident_ids=[event.incident_id for event in events])
    new: dict[Any, list[Happened]] = {}
    for event in events:
        told = [_recorded(event)]
        if event.past and event.recipients:  # a demonstration's: its alerts were never waiting
            told.append(store.reading(incident_id=event.incident_id, at=event.at))
        if event.incident_id not in known:
            new[event.incident_id] = told
            continue
        for happened in told:
            count(tx, **here, happened=happened)
    with database.together(tx):
        store.add_happened(tx, **here, happened=[happened for told in new.values() for happened in told])
        store.keep(tx, **here, counts={incident_id: _folded(told, zone=zone) for incident_id, told in new.items()})


def _recorded(event: IncidentRecorded) -> Happened:
    return Happened(
        id=event.incident_id,
        incident_id=event.incident_id,
        at=event.at,
        kind="recorded",
        pupil_ids=tuple(event.pupil_ids),
        year_group=event.year_group,
        class_=Class.of(event.class_code),
        categories=tuple(dict.fromkeys(event.categories)),
        main=event.category,
    )


def _on_action(tx: sa.Connection, event: ActionAdded) -> None:
    happened: dict[str, Any] = {"id": event.entry_id, "incident_id": event.incident_id, "at": event.at}
    if event.kind == "action":
        raised_to = Class.of(event.raised_to) if event.raised_to else None
        happened |= {"kind": "action", "class_": raised_to, "categories": tuple(event.categories), "main": event.category}
        happened |= {"what": event.what, "of_id": event.of_id, "due_on": event.due_on, "settled": event.settled}
    elif event.what == "moved":
        happened |= {"kind": "moved", "pupil_ids": tuple(event.pupil_ids), "year_group": event.year_group}
    else:
        return  # a correction changes what an entry should say, not what is counted
    count(tx, school_id=event.school_id, happened=Happened(**happened))


def _on_status(tx: sa.Connection, event: StatusChanged) -> None:
    said: dict[str, Any] = {"kind": "status", "what": event.status, "of_id": event.pupil_id}
    count(tx, school_id=event.school_id, happened=Happened(id=event.entry_id, incident_id=event.incident_id, at=event.at, **said))


def _on_read(tx: sa.Connection, event: AlertRead) -> None:
    count(tx, school_id=event.school_id, happened=store.reading(incident_id=event.incident_id, at=event.at))


def _on_flag(tx: sa.Connection, event: FlagChanged) -> None:
    said: dict[str, Any] = {"pupil_id": event.pupil_id, "kind": event.kind, "started": event.started, "ended": event.ended}
    store.keep_flag(tx, school_id=event.school_id, id=event.subject, **said)


def _on_roll(tx: sa.Connection, event: RollChanged) -> None:
    rolls = [(each.on, each.on_roll) for each in event.days]
    if not rolls:  # of a release that said no days
        day = event.at.astimezone(ZoneInfo(store.zone_of(tx, school_id=event.school_id))).date()
        rolls = [*(each for each in store.roll_of(tx, school_id=event.school_id) if each[0] < day), (day, event.on_roll)]
    if not store.keep_roll(tx, school_id=event.school_id, on_roll=event.on_roll, rolls=rolls):
        raise Conflict("school_not_known")


HANDLERS: inbox.Handlers = {
    identity.SchoolChanged: _on_school,
    IncidentRecorded: inbox.Together(_on_recorded),
    ActionAdded: _on_action,
    StatusChanged: _on_status,
    AlertRead: _on_read,
    FlagChanged: _on_flag,
    RollChanged: _on_roll,
}
