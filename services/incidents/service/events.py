"""The events incidents hears."""

from datetime import date
from typing import Any

import sqlalchemy as sa

from safekeep import clock, inbox, outbox, permissions
from safekeep.contracts import alerts, identity
from safekeep.contracts.incidents import RecipientMissed
from safekeep.permissions import SAFEGUARDING_TEAM, Category, Class
from services.incidents import recording, sight, store
from services.incidents.service.access import classes_recorded, kept_to, untellable
from services.incidents.service.following import leave_to_nobody
from services.incidents.service.writing import pass_on


def _on_staff(tx: sa.Connection, event: identity.StaffChanged) -> None:
    store.keep_staff(tx, school_id=event.school_id, person_id=event.person_id, roles=event.roles, active=event.active)
    if not event.active or not permissions.is_lead(event.roles):  # alerts asks for another from now on, also when their role comes back
        store.end_leads(tx, school_id=event.school_id, people=[event.person_id])
    if not event.active or not permissions.may_record(event.roles):
        leave_to_nobody(tx, school_id=event.school_id, people=[event.person_id], now=clock.now())


def _on_school(tx: sa.Connection, event: identity.SchoolChanged) -> None:
    store.keep_school(
        tx,
        school_id=event.school_id,
        zone=event.zone,
        category_rows=[Category(c.code, Class.of(c.class_code), tuple(c.groups), c.leads_only) for c in event.categories],
        group_rows=[(g.code, g.members, g.called_by) for g in event.groups],
    )
    holding = recording.holding_pupil(event.school_id)
    if holding not in store.pupils_with(tx, school_id=event.school_id, ids=[holding]):
        nobody = {"name": recording.NOT_LISTED, "known_as": "", "year": "", "form": "", "born": date(2000, 1, 1), "family": holding}
        store.keep_pupil(tx, school_id=event.school_id, id=holding, holding=True, **nobody)


def _on_absence(tx: sa.Connection, event: identity.AbsenceChanged) -> None:
    values = {"person_id": event.person_id, "since": event.since, "until": event.until, "cover_id": event.cover_id}
    store.keep_absence(tx, school_id=event.school_id, id=event.subject, ended=event.ended, **values)


def _on_dropped(tx: sa.Connection, event: alerts.RecipientDropped) -> None:
    """Take back what the alert let them read, and have the Safeguarding team told who was not sent it."""
    here: dict[str, Any] = {"school_id": event.school_id, "incident_id": event.incident_id, "entry_id": event.entry_id, "person_id": event.person_id}
    store.lock_head(tx, school_id=event.school_id)  # nobody is given a right meanwhile
    held = store.held_by(tx, school_id=event.school_id, incident_id=event.incident_id, person_id=event.person_id)
    if event.entry_id in {entry.id for entry in held}:  # else the record was restored as it was before there was any
        recorded = classes_recorded(tx, school_id=event.school_id, entry_ids=[event.incident_id])[event.incident_id]
        left = sight.not_told(held, event.entry_id, recorded=recorded)
        store.take_right(tx, school_id=event.school_id, entry_id=event.entry_id, person_id=event.person_id, left=left)
    leave_to_nobody(tx, school_id=event.school_id, incident_id=event.incident_id, people=[event.person_id], now=clock.now())
    school = store.school_state(tx, school_id=event.school_id)
    assert school is not None, "who was to be alerted was so at a school"
    pupils = [row.pupil_id for row in store.linked_of(tx, school_id=event.school_id, incident_id=event.incident_id)]
    concerned = untellable(tx, school=school, school_id=event.school_id, incident_id=event.incident_id, pupil_ids=pupils, entry_id=event.entry_id)
    people = school.members(SAFEGUARDING_TEAM) - concerned or recording.left_to(school=school, concerned=concerned)
    outbox.add(tx, RecipientMissed, subject=event.incident_id, people=sorted(people - {event.person_id}), **here)


def _on_orphaned(tx: sa.Connection, event: alerts.AlertOrphaned) -> None:
    school = store.school_state(tx, school_id=event.school_id)
    assert school is not None, "who was alerted was alerted at a school"
    pupils = [row.pupil_id for row in store.linked_of(tx, school_id=event.school_id, incident_id=event.incident_id)]
    concerned = store.concerned_staff(tx, school_id=event.school_id, pupil_ids=pupils)
    which: dict[str, Any] = {"incident_id": event.incident_id, "entry_id": event.entry_id}
    kept = kept_to(tx, school_id=event.school_id, **which)
    if kept is None:
        people = recording.told_instead(school=school, concerned=concerned)
        stand_in = bool(recording.left_to(school=school, concerned=concerned))
    else:  # the other of the two, whatever their role opens: nobody else may learn that there is something
        others = kept - concerned - {event.person_id}
        people = sorted(person for person in others if person in school.staff and permissions.may_record(school.staff[person].roles))
        stand_in = True
    pass_on(tx, school_id=event.school_id, school=school, **which, people=people, stand_in=stand_in)


HANDLERS: inbox.Handlers = {
    identity.StaffChanged: _on_staff,
    identity.SchoolChanged: _on_school,
    identity.AbsenceChanged: _on_absence,
    alerts.RecipientDropped: _on_dropped,
    alerts.AlertOrphaned: _on_orphaned,
}
