"""The events incidents hears."""

from datetime import date

import sqlalchemy as sa

from safekeep import clock, inbox, permissions
from safekeep.contracts import alerts, identity
from safekeep.permissions import Category, Class
from services.incidents import recording, store
from services.incidents.service.following import leave_to_nobody
from services.incidents.service.writing import pass_on


def _on_staff(tx: sa.Connection, event: identity.StaffChanged) -> None:
    store.keep_staff(tx, school_id=event.school_id, person_id=event.person_id, roles=event.roles, active=event.active)
    if not event.active or not permissions.may_record(event.roles):
        leave_to_nobody(tx, school_id=event.school_id, people=[event.person_id], now=clock.now())


def _on_school(tx: sa.Connection, event: identity.SchoolChanged) -> None:
    store.keep_school(
        tx,
        school_id=event.school_id,
        zone=event.zone,
        category_rows=[Category(c.code, Class.of(c.class_code), tuple(c.groups), c.leads_only) for c in event.categories],
        group_rows=[(g.code, g.members) for g in event.groups],
    )
    holding = recording.holding_pupil(event.school_id)
    if holding not in store.pupils_with(tx, school_id=event.school_id, ids=[holding]):
        nobody = {"name": recording.NOT_LISTED, "known_as": "", "year": "", "form": "", "born": date(2000, 1, 1), "family": holding}
        store.keep_pupil(tx, school_id=event.school_id, relatives=(), id=holding, holding=True, **nobody)


def _on_dropped(tx: sa.Connection, event: alerts.RecipientDropped) -> None:
    here = {"school_id": event.school_id, "incident_id": event.incident_id}
    store.take_right(tx, **here, entry_id=event.entry_id, person_id=event.person_id)
    leave_to_nobody(tx, **here, people=[event.person_id], now=clock.now())


def _on_orphaned(tx: sa.Connection, event: alerts.AlertOrphaned) -> None:
    school = store.school_state(tx, school_id=event.school_id)
    assert school is not None, "who was alerted was alerted at a school"
    pupils = [row.pupil_id for row in store.linked_of(tx, school_id=event.school_id, incident_id=event.incident_id)]
    people = recording.told_instead(school=school, concerned=store.concerned_staff(tx, school_id=event.school_id, pupil_ids=pupils))
    pass_on(tx, school_id=event.school_id, school=school, incident_id=event.incident_id, entry_id=event.entry_id, people=people)


HANDLERS: inbox.Handlers = {
    identity.StaffChanged: _on_staff,
    identity.SchoolChanged: _on_school,
    alerts.RecipientDropped: _on_dropped,
    alerts.AlertOrphaned: _on_orphaned,
}
