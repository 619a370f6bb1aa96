"""The events reports hears, and what each changes of what is counted."""

from typing import Any

import sqlalchemy as sa

from safekeep import inbox
from safekeep.contracts import identity
from safekeep.contracts.alerts import AlertRead
from safekeep.contracts.incidents import ActionAdded, FollowUpChanged, IncidentRecorded
from safekeep.errors import Conflict
from safekeep.permissions import Class
from services.reports import counting, store


def _on_school(tx: sa.Connection, event: identity.SchoolChanged) -> None:
    store.keep_school(tx, school_id=event.school_id, trust_id=event.trust_id, zone=event.zone)


def _on_recorded(tx: sa.Connection, event: IncidentRecorded) -> None:
    at = (event.occurred_at if event.past else None) or event.at  # a demonstration's past is written today
    counts_as = counting.recorded(
        at=at, zone=store.zone_of(tx, school_id=event.school_id), class_=Class.of(event.class_code), categories=event.categories, main=event.category
    )
    store.keep(tx, school_id=event.school_id, incident_id=event.incident_id, counts_as=counts_as)
    if event.past:  # a demonstration's: its alerts were never waiting
        store.read(tx, school_id=event.school_id, incident_id=event.incident_id, at=at)


def _on_action(tx: sa.Connection, event: ActionAdded) -> None:
    if event.kind != "action":
        return  # a correction changes what an entry should say, not what is counted
    before = store.incident(tx, school_id=event.school_id, incident_id=event.incident_id)
    if before is None:
        raise Conflict("incident_not_counted")
    raised_to = Class.of(event.raised_to) if event.raised_to else None
    counts_as = counting.with_action(before, at=event.at, raised_to=raised_to, categories=event.categories, main=event.category)
    store.keep(tx, school_id=event.school_id, incident_id=event.incident_id, counts_as=counts_as)


def _on_read(tx: sa.Connection, event: AlertRead) -> None:
    if not store.read(tx, school_id=event.school_id, incident_id=event.incident_id, at=event.at):
        raise Conflict("incident_not_counted")


def _on_follow_up(tx: sa.Connection, event: FollowUpChanged) -> None:
    here: dict[str, Any] = {"school_id": event.school_id, "entry_id": event.entry_id}
    if event.state == "closed":
        store.drop_asked(tx, **here)
    else:
        store.keep_asked(tx, **here, due_on=event.due_on)


HANDLERS: inbox.Handlers = {
    identity.SchoolChanged: _on_school,
    IncidentRecorded: _on_recorded,
    ActionAdded: _on_action,
    FollowUpChanged: _on_follow_up,
    AlertRead: _on_read,
}
