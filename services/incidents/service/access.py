"""The one way to each resource, and what a reader may not know of it."""

import json
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import permissions
from safekeep.actor import Actor
from safekeep.contracts.incidents import Recipient
from safekeep.errors import Conflict, NotFound
from safekeep.permissions import Class
from services.incidents import exporting, recording, sight, store
from services.incidents.recording import AlertPlan, School


def access_incident(tx: sa.Connection, *, actor: Actor, incident_id: UUID) -> sa.Row[Any]:
    """Return an incident of which the actor may read at least one entry. Raises NotFound after the same queries either way."""
    row = store.incident_with(tx, school_id=actor.at_school, incident_id=incident_id)
    entries = store.entries_of(tx, school_id=actor.at_school, incident_id=incident_id, reading=permissions.reading(actor))
    if row is None or not entries:
        raise NotFound("incident")
    return row


def access_pupil(tx: sa.Connection, *, actor: Actor, pupil_id: UUID) -> sa.Row[Any]:
    """Return a pupil of the actor's school. Raises NotFound."""
    row = store.pupils_with(tx, school_id=actor.at_school, ids=[pupil_id]).get(pupil_id)
    if row is None:
        raise NotFound("pupil")
    return row


def may_read_entry(tx: sa.Connection, actor: Actor, entry_id: UUID) -> bool:
    return bool(store.lines_with(tx, school_id=actor.at_school, ids=[entry_id], reading=permissions.reading(actor)))


def unread(tx: sa.Connection, *, actor: Actor, ids: set[UUID]) -> set[UUID]:
    """Return those of these entries that the actor may not read. Mostly there are none to ask about."""
    read = store.lines_with(tx, school_id=actor.at_school, ids=ids, reading=permissions.reading(actor)) if ids else ()
    return ids - {row.id for row in read}


def classes_seen(tx: sa.Connection, *, rows: Sequence[Any]) -> dict[UUID, Class]:
    """Return the class of each entry as its reader sees it: who reads it only as its author sees none that came to it, or its incident, later."""
    alone = classes_recorded(tx, school_id=rows[0].school_id, entry_ids=[row.id for row in rows if row.sees == "words"]) if rows else {}
    return {row.id: alone.get(row.id, Class(row._mapping["class"])) for row in rows}


def classes_recorded(tx: sa.Connection, *, school_id: UUID, entry_ids: Collection[UUID]) -> dict[UUID, Class]:
    """Return the class with which each of these entries was recorded, as the ledger commits to it: the table has what it was raised to.

    Of one that was given no categories it is its incident's, as that was recorded: with what it had become, its author would know of a raise.
    """
    found = {}
    for row in store.recorded_with(tx, school_id=school_id, entry_ids=entry_ids) if entry_ids else ():
        least = {"class": Class.GENERAL.code}  # where nothing opens the commitment: not more than it can have been
        said = exporting.recorded(least, committed=json.loads(row.canonical)["fields"], salts={"class": row.salt} if row.salt else {})
        found[row.id] = Class.of(said["class"])
    return found


def without(tx: sa.Connection, *, actor: Actor, pupil_id: UUID) -> list[UUID]:
    """Return the incidents about this pupil of which the actor may not know it: a recorder whose own child it turned out to be."""
    assigned = store.assignments_to(tx, school_id=actor.at_school, pupil_id=pupil_id)
    hidden = unread(tx, actor=actor, ids=set(assigned.values()))
    return [incident for incident, entry in assigned.items() if entry in hidden]


def untellable(
    tx: sa.Connection, *, school: School, school_id: UUID, incident_id: UUID, pupil_ids: Collection[UUID], entry_id: UUID | None = None
) -> frozenset[UUID]:
    """Return who must not be told of an incident (or of one entry of it): whom it concerns, and all but the two it is kept to."""
    concerned = store.concerned_staff(tx, school_id=school_id, pupil_ids=pupil_ids)
    return concerned | kept_from(tx, school=school, school_id=school_id, incident_id=incident_id, entry_id=entry_id)


def kept_from(tx: sa.Connection, *, school: School, school_id: UUID, incident_id: UUID, entry_id: UUID | None = None) -> frozenset[UUID]:
    """Return from whom an incident (or one entry of it) is kept: all but the two it is kept to, and nobody where it is kept to nobody."""
    kept = kept_to(tx, school_id=school_id, incident_id=incident_id, entry_id=entry_id)
    return frozenset() if kept is None else frozenset(school.staff) - kept


def kept_to(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, entry_id: UUID | None = None) -> frozenset[UUID] | None:
    """Return the two to whom an incident (or one entry of it, with what corrects that) is kept, or None where it is kept to nobody."""
    here: dict[str, Any] = {"school_id": school_id, "incident_id": incident_id}
    two = [
        frozenset((kept.keeper_id, kept.dsl_id))
        for kept in store.restrictions_of(tx, **here)
        if kept.entry_id == incident_id or entry_id in store.entries_under(tx, **here, entry_id=kept.entry_id)
    ]
    return frozenset.intersection(*two) if two else None


def tell_keepers(tx: sa.Connection, plan: AlertPlan, *, school: School, actor: Actor, incident_id: UUID) -> None:
    """Add the two to whom an incident is kept: their role need not open its class. A chair, who gets no alerts of entries, is left out."""
    told = {actor.person, *(recipient.person_id for recipient in plan.recipients)}
    for kept in store.restrictions_of(tx, school_id=actor.at_school, incident_id=incident_id):
        for person in (kept.keeper_id, kept.dsl_id) if kept.entry_id == incident_id else ():
            if person not in told and person in school.staff and permissions.may_record(school.staff[person].roles):
                plan.recipients.append(Recipient(person_id=person, because=["named"], granted=True))
    plan.reaches_nobody = plan.reaches_nobody and not plan.recipients


def seen(tx: sa.Connection, *, school: School, school_id: UUID, incident_id: UUID, pupil_ids: Collection[UUID]) -> list[sight.Seen]:
    """Return all of an incident with who may read it: for a DSL about to change that."""
    here = {"school_id": school_id, "incident_id": incident_id}
    entries = [(row.id, row.author_id, Class(row._mapping["class"]), row.rises) for row in store.seen_in(tx, **here)]
    rights = [(row.entry_id, row.person_id, Class(row._mapping["class"])) for row in store.rights_in(tx, **here)]
    concerned = store.concerned_staff(tx, school_id=school_id, pupil_ids=pupil_ids)
    kept_to: dict[UUID, frozenset[UUID]] = {}
    for kept in store.restrictions_of(tx, **here):
        for entry_id in store.entries_under(tx, **here, entry_id=kept.entry_id):
            kept_to[entry_id] = kept_to.get(entry_id, frozenset()) | {kept.keeper_id, kept.dsl_id}
    left_to = recording.left_to(school=school, concerned=concerned)
    return sight.of_incident(entries, rights=rights, concerned=concerned, left_to=left_to, kept_to=kept_to)


def known_school(tx: sa.Connection, school_id: UUID) -> School:
    school = store.school_state(tx, school_id=school_id)
    if school is None:
        raise Conflict("not_ready")
    return school
