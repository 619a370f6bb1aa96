"""What an entry says now, whom an incident is about, and requests for a correction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep.permissions import Reading
from services.incidents.store.reading import readable
from services.incidents.store.tables import correction_requests, entries, incident_pupils, incidents, moves, same


def set_correction(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, struck_id: UUID, correction_id: UUID) -> None:
    """Say by which correction an entry, and every earlier correction of it, say what they say now: also those its writer may not read."""
    here = entries.c.school_id == school_id, entries.c.incident_id == incident_id, entries.c.id != correction_id
    which = sa.or_(entries.c.id == struck_id, entries.c.facts["corrects"].astext == str(struck_id))
    tx.execute(entries.update().where(*here, which).values(correction_id=correction_id))


def move_incident(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, from_id: UUID, to_id: UUID, entry_id: UUID) -> None:
    """Put a pupil in another's place, by the entry that says so. The database refuses it without one."""
    tx.execute(moves.insert().values(school_id=school_id, incident_id=incident_id, from_id=from_id, to_id=to_id, entry_id=entry_id))
    here = incidents.c.school_id == school_id, incidents.c.id == incident_id
    tx.execute(incidents.update().where(*here).values(pupil_id=to_id, assignment_id=entry_id))
    main = incident_pupils.c.school_id == school_id, incident_pupils.c.incident_id == incident_id, incident_pupils.c.part.is_(None)
    tx.execute(incident_pupils.update().where(*main).values(pupil_id=to_id, status="open"))  # how it stood was said of the other pupil


def assignments_to(tx: sa.Connection, *, school_id: UUID, pupil_id: UUID) -> dict[UUID, UUID]:
    """Return the incidents that a DSL said are about this pupil → the entry that says so."""
    query = sa.select(incidents.c.id, incidents.c.assignment_id).join(incident_pupils, same(incident_pupils, incidents, "incident_id"))
    here = incident_pupils.c.school_id == school_id, incident_pupils.c.pupil_id == pupil_id, incident_pupils.c.part.is_(None)
    return {row.id: row.assignment_id for row in tx.execute(query.where(*here, incidents.c.assignment_id.is_not(None)))}


def add_request(tx: sa.Connection, *, school_id: UUID, **values: Any) -> None:
    """Keep that somebody asks for a correction of what they wrote."""
    tx.execute(correction_requests.insert().values(school_id=school_id, **values))


def request_with(tx: sa.Connection, *, school_id: UUID, request_id: UUID, reading: Reading | None = None) -> sa.Row[Any] | None:
    """Return a request, locked; with `reading` only where this reader may read what it is about."""
    query = sa.select(correction_requests).where(correction_requests.c.school_id == school_id, correction_requests.c.id == request_id)
    if reading:
        query = query.join(entries, same(correction_requests, entries, "entry_id")).where(readable(reading))
    return tx.execute(query.with_for_update(of=correction_requests)).first()


def requests_of(
    tx: sa.Connection, *, school_id: UUID, incident_id: UUID | None = None, asked_by: UUID | None = None, unanswered: bool = False
) -> Sequence[sa.Row[Any]]:
    """Return requests, oldest first: of an incident, by a person, that nobody has answered."""
    query = sa.select(correction_requests, incidents.c.number).join(incidents, same(correction_requests, incidents, "incident_id"))
    query = query.where(correction_requests.c.school_id == school_id)
    if incident_id:
        query = query.where(correction_requests.c.incident_id == incident_id)
    if asked_by:
        query = query.where(correction_requests.c.asked_by == asked_by)
    if unanswered:
        query = query.where(correction_requests.c.answered_at.is_(None))
    return tx.execute(query.order_by(correction_requests.c.asked_at)).all()


def answer_request(
    tx: sa.Connection, *, school_id: UUID, request_id: UUID, by: UUID, now: datetime, correction_id: UUID | None = None, reason: str = ""
) -> None:
    """Keep a request's answer: the correction, or why there is none."""
    here = correction_requests.c.school_id == school_id, correction_requests.c.id == request_id
    tx.execute(correction_requests.update().where(*here).values(answered_by=by, answered_at=now, correction_id=correction_id, reason=reason))


def corrections_of(tx: sa.Connection, *, school_id: UUID) -> list[tuple[str, str, bool]]:
    """Return each correction of a school in order: its id, the entry it strikes, whether it takes what was said before out of sight."""
    struck = entries.c.facts["corrects"].astext
    query = sa.select(entries.c.id, struck.label("struck"), entries.c.facts["hides_earlier"].label("hides"))
    query = query.where(entries.c.school_id == school_id, entries.c.kind == "correction", struck.is_not(None))
    return [(str(row.id), row.struck, bool(row.hides)) for row in tx.execute(query.order_by(entries.c.ledger_sequence))]
