"""Keeping an entry about an adult of the school, recorded here by mistake, to the head (or the chair) and one DSL."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock, outbox, permissions, telemetry
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.incidents import EntryRestricted, LiftRestriction, Restrict, RestrictionItem, RestrictionLifted
from safekeep.errors import Conflict, NotFound
from safekeep.permissions import Class
from safekeep.rpc import answers
from services.incidents import recording, store
from services.incidents.service.access import known_school
from services.incidents.service.base import Base
from services.incidents.service.following import leave_to_nobody
from services.incidents.service.rows import restriction_item
from services.incidents.service.writing import category_of, write_place

NO_THREAD: dict[UUID, str] = {}
"""In no pupil's thread: an export of a pupil would tell those from whom an entry is kept that there is a restriction."""


class Restricting(Base):
    """Entries kept to two people."""

    @answers(Restrict)
    def restrict(self, actor: Actor, request: Restrict) -> RestrictionItem:
        with self._school(actor) as tx:
            return restriction_item(_restrict(tx, actor=actor, request=request, now=clock.now()))

    @answers(LiftRestriction)
    def lift_restriction(self, actor: Actor, request: LiftRestriction) -> Nothing:
        now = clock.now()
        with self._school(actor) as tx:
            store.lock_head(tx, school_id=actor.at_school)
            row = store.restriction_with(tx, school_id=actor.at_school, restriction_id=request.restriction_id)
            if row is not None and row.lifted_by == actor.person:
                return Nothing()  # sent again: its answer was lost
            if row is None or row.lifted_at is not None or actor.person not in (row.keeper_id, row.dsl_id):
                raise NotFound("restriction")
            store.lift_restriction(tx, school_id=actor.at_school, restriction_id=row.id, by=actor.person, now=now)
            fields = {"restriction": str(row.id), "reason": request.reason}
            here = {"incident_id": row.incident_id, "entry_id": row.entry_id}
            write_place(tx, actor=actor, kind="restriction_lifted", fields=fields, parts=NO_THREAD, now=now, **here)
            outbox.add(tx, RestrictionLifted, school_id=actor.at_school, subject=row.incident_id, at=now, **here)
        return Nothing()


def _restrict(tx: sa.Connection, *, actor: Actor, request: Restrict, now: datetime) -> sa.Row[Any]:
    """Keep the entry to the two, say so in the ledger, tell them, and take it from everybody else's inbox."""
    school_id = actor.at_school
    store.lock_head(tx, school_id=school_id)
    fingerprint = recording.fingerprint(request, file_ids=[])
    before = store.restriction_with(tx, school_id=school_id, restriction_id=request.id)
    if before is not None:
        if before.by_id != actor.person or before.fingerprint != fingerprint:
            raise Conflict("id_taken" if before.by_id != actor.person else "other_content")
        return before
    entry = store.entry_with(tx, school_id=school_id, entry_id=request.entry_id, reading=permissions.reading(actor))
    if entry is None or entry.kind == "correction":
        raise NotFound("entry")
    here = {"school_id": school_id, "incident_id": entry.incident_id}
    if any(kept.entry_id in (entry.id, entry.incident_id) for kept in store.restrictions_of(tx, **here)):
        raise Conflict("restricted")
    school = known_school(tx, school_id)
    pupils = [row.pupil_id for row in store.linked_of(tx, school_id=school_id, incident_id=entry.incident_id)]
    concerned = store.concerned_staff(tx, school_id=school_id, pupil_ids=pupils)
    recording.refuse(recording.problems_of_keeping(request, school=school, concerned=concerned, by=actor.person))
    kept_to = [request.keeper_id, request.dsl_id]
    about = {"about_id": request.about_id, "keeper_id": request.keeper_id, "dsl_id": request.dsl_id, "reason": request.reason}
    place = {"incident_id": entry.incident_id, "entry_id": entry.id}
    store.add_restriction(tx, school_id=school_id, id=request.id, by_id=actor.person, at=now, fingerprint=fingerprint, **place, **about)
    fields = {
        "restriction": str(request.id),
        "about": str(request.about_id),
        "keeper": str(request.keeper_id),
        "dsl": str(request.dsl_id),
        "reason": request.reason,
    }
    write_place(tx, actor=actor, kind="restriction", fields=fields, parts=NO_THREAD, now=now, **place)
    incident = store.incident_with(tx, **here)
    assert incident is not None
    outbox.add(
        tx,
        EntryRestricted,
        school_id=school_id,
        subject=entry.incident_id,
        at=now,
        entry_ids=store.entries_under(tx, **here, entry_id=entry.id),
        kept_to=kept_to,
        told=[person for person in kept_to if person != actor.person],
        author_id=entry.author_id,
        category=category_of(tx, school=school, incident=incident, entry=entry),
        class_code=Class(entry._mapping["class"]).code,
        trace=telemetry.trace.get(),
        **place,
    )
    telemetry.log().info("entry.restricted", entry=str(entry.id), school=str(school_id))
    under = store.entries_under(tx, **here, entry_id=entry.id)
    leave_to_nobody(tx, **here, but=kept_to, entry_ids=under, now=now)
    row = store.restriction_with(tx, school_id=school_id, restriction_id=request.id)
    assert row is not None
    return row
