"""The events reports hears, and what each changes of what is counted."""

import sqlalchemy as sa

from safekeep import inbox
from safekeep.contracts import identity
from safekeep.contracts.incidents import ActionAdded, IncidentRecorded
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


def _on_action(tx: sa.Connection, event: ActionAdded) -> None:
    if event.kind != "action":
        return  # a correction changes what an entry should say, not what is counted
    before = store.incident(tx, school_id=event.school_id, incident_id=event.incident_id)
    if before is None:
        raise Conflict("incident_not_counted")
    raised_to = Class.of(event.raised_to) if event.raised_to else None
    counts_as = counting.with_action(before, raised_to=raised_to, categories=event.categories, main=event.category)
    store.keep(tx, school_id=event.school_id, incident_id=event.incident_id, counts_as=counts_as)


HANDLERS: inbox.Handlers = {identity.SchoolChanged: _on_school, IncidentRecorded: _on_recorded, ActionAdded: _on_action}
