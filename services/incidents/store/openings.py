"""Who read what. Rows are added in the transaction that reads, so that they are kept before anything leaves the service."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep.ids import new_id
from safekeep.permissions import Reading
from services.incidents.openings import AGAIN, DAY_BEGINS, DAY_ENDS, MANY, TOLD_AGAIN, WINDOW
from services.incidents.store.reading import readable
from services.incidents.store.tables import entries, incident_pupils, incidents, moves, openings, pupils, relations, same, schools

_ADD = sa.text(
    "insert into openings (school_id, id, person_id, at, kind, pupil_id, incident_id, entry_ids, words, reason, refused, own_child) "
    "select :school, :id, :person, :now, :kind, cast(:pupil as uuid), cast(:incident as uuid), cast(:entries as uuid[]), :words, :reason, :refused, "
    "exists (select from relations r where r.school_id = :school and r.person_id = :person and (r.pupil_id = cast(:pupil as uuid) or r.pupil_id in "
    "(select p.pupil_id from incident_pupils p where p.school_id = :school and p.incident_id = cast(:incident as uuid)))) "
    "where not exists (select from openings o where o.school_id = :school and o.person_id = :person and o.at > :since and o.kind = :kind "
    "and o.pupil_id is not distinct from cast(:pupil as uuid) and o.incident_id is not distinct from cast(:incident as uuid) "
    "and o.entry_ids = cast(:entries as uuid[]) and o.words = :words and o.reason = :reason and o.refused = :refused)"
)


def add_opening(
    tx: sa.Connection,
    *,
    school_id: UUID,
    person_id: UUID,
    now: datetime,
    kind: str,
    pupil_id: UUID | None = None,
    incident_id: UUID | None = None,
    entry_ids: Collection[UUID] = (),
    words: str = "",
    reason: str = "",
    refused: bool = False,
) -> None:
    """Keep that a person opened, searched or took out something, or tried to; the same again within a minute is one opening."""
    tx.execute(
        _ADD,
        {
            "school": school_id,
            "id": new_id(),
            "person": person_id,
            "now": now,
            "since": now - AGAIN,
            "kind": kind,
            "pupil": pupil_id,
            "incident": incident_id,
            "entries": list(entry_ids),
            "words": words,
            "reason": reason,
            "refused": refused,
        },
    )


_VOLUME = sa.text(
    "select count(*) as openings, coalesce(sum(cardinality(entry_ids)), 0) as entries, min(at) as first_at "
    "from openings where school_id = :school and person_id = :person and at > :since"
)
_TELL = sa.text(
    "insert into readings_told (school_id, person_id, kind, told_at) values (:school, :person, :kind, :now) "
    "on conflict (school_id, person_id, kind) do update set told_at = excluded.told_at where readings_told.told_at <= :before returning 1"
)


def volume_of(tx: sa.Connection, *, school_id: UUID, person_id: UUID, since: datetime) -> Any:
    """Return how many openings of a person are kept since then, of how many entries, and when the first was."""
    return tx.execute(_VOLUME, {"school": school_id, "person": person_id, "since": since}).one()


def tell_of_reading(tx: sa.Connection, *, school_id: UUID, person_id: UUID, kind: str, now: datetime) -> bool:
    """Keep that a person's reading is told of. Returns False when it was a short while ago."""
    values = {"school": school_id, "person": person_id, "kind": kind, "now": now, "before": now - TOLD_AGAIN}
    return tx.execute(_TELL, values).first() is not None


def openings_about(
    tx: sa.Connection, *, school_id: UUID, pupil_id: UUID, reading: Reading, before: tuple[datetime, UUID] | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Return who opened what is about this pupil, newest first: their page, incidents they are in, and other chronologies that held those.

    What was read on another pupil's page before it was moved here counts; what was moved away does not.
    """
    of_theirs = incident_pupils.c.school_id == school_id, incident_pupils.c.pupil_id == pupil_id
    theirs = sa.select(incident_pupils.c.incident_id).where(*of_theirs)
    words_of_theirs = sa.select(sa.func.array_agg(entries.c.id)).where(entries.c.school_id == school_id, entries.c.incident_id.in_(theirs))
    others = incident_pupils.alias("others")
    beside = sa.union_all(
        sa.select(others.c.pupil_id).where(others.c.school_id == school_id, others.c.incident_id.in_(theirs)),
        sa.select(moves.c.from_id).where(moves.c.school_id == school_id, moves.c.incident_id.in_(theirs)),
    )
    elsewhere = sa.and_(openings.c.pupil_id.in_(beside), openings.c.entry_ids.overlap(words_of_theirs.scalar_subquery()))
    of_everybody = sa.and_(openings.c.kind == "export", openings.c.pupil_id.is_(None), openings.c.incident_id.is_(None))  # the whole school's record
    about = sa.or_(openings.c.pupil_id == pupil_id, openings.c.incident_id.in_(theirs), elsewhere, of_everybody)
    return _page(tx, school_id=school_id, reading=reading, where=about, before=before, limit=limit)


def openings_by(
    tx: sa.Connection, *, school_id: UUID, person_id: UUID, reading: Reading, before: tuple[datetime, UUID] | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Return what a person opened, newest first."""
    return _page(tx, school_id=school_id, reading=reading, where=openings.c.person_id == person_id, before=before, limit=limit)


def _page(
    tx: sa.Connection,
    *,
    school_id: UUID,
    reading: Reading,
    where: sa.ColumnElement[bool],
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[sa.Row[Any]]:
    earlier = openings.alias("earlier")
    within = (
        sa.select(sa.func.count())
        .where(
            earlier.c.school_id == school_id,
            earlier.c.person_id == openings.c.person_id,
            earlier.c.at <= openings.c.at,
            earlier.c.at > openings.c.at - WINDOW,
        )
        .scalar_subquery()
    )
    query = (
        sa.select(
            openings,
            incidents.c.number,
            pupils.c.name.label("pupil_name"),
            _out_of_hours(schools.c.zone).label("out_of_hours"),
            (within >= MANY).label("many"),
        )
        .select_from(
            openings.join(schools, schools.c.school_id == openings.c.school_id)
            .outerjoin(incidents, same(openings, incidents, "incident_id"))
            .outerjoin(pupils, same(openings, pupils, "pupil_id"))
        )
        .where(openings.c.school_id == school_id, where, _may_know(reading))
    )
    if before:
        query = query.where(sa.tuple_(openings.c.at, openings.c.id) < before)
    return tx.execute(query.order_by(openings.c.at.desc(), openings.c.id.desc()).limit(limit)).all()


def _out_of_hours(zone: Any) -> sa.ColumnElement[bool]:
    local = sa.func.timezone(zone, openings.c.at)
    hour, day = sa.extract("hour", local), sa.extract("isodow", local)
    return sa.or_(hour < DAY_BEGINS, hour >= DAY_ENDS, day >= 6)


def _may_know(reading: Reading) -> sa.ColumnElement[bool]:
    """Leave out openings of what this reader may not know of: their own child's, and incidents of which they read nothing."""
    own = sa.select(relations.c.pupil_id).where(relations.c.school_id == openings.c.school_id, relations.c.person_id == reading.person_id)
    read = (
        sa.select(sa.literal(1))
        .where(entries.c.school_id == openings.c.school_id, entries.c.incident_id == openings.c.incident_id, readable(reading))
        .correlate(openings)
        .exists()
    )
    unknown = incidents.c.id.is_(None)
    return sa.and_(sa.or_(openings.c.pupil_id.is_(None), openings.c.pupil_id.not_in(own)), sa.or_(unknown, read))


def readers_since(tx: sa.Connection, *, school_id: UUID, reading: Reading, since: datetime) -> Sequence[sa.Row[Any]]:
    """Return each person who opened anything since then: how many openings, of how many pupils, and how many of them stand out."""
    hour = sa.func.date_trunc("hour", openings.c.at)
    out = _out_of_hours(schools.c.zone)
    hourly = (
        sa.select(
            openings.c.person_id,
            hour.label("hour"),
            sa.func.count().label("count"),
            sa.func.count().filter(openings.c.own_child).label("own_child"),
            sa.func.count().filter(openings.c.refused).label("refused"),
            sa.func.count().filter(out).label("out_of_hours"),
            sa.func.max(openings.c.at).label("last_at"),
        )
        .select_from(
            openings.join(schools, schools.c.school_id == openings.c.school_id).outerjoin(incidents, same(openings, incidents, "incident_id"))
        )
        .where(openings.c.school_id == school_id, openings.c.at >= since, _may_know(reading))
        .group_by(openings.c.person_id, hour)
        .subquery()
    )
    total = sa.func.sum(hourly.c.count)
    query = sa.select(
        hourly.c.person_id,
        total.label("count"),
        sa.func.sum(hourly.c.own_child).label("own_child"),
        sa.func.sum(hourly.c.refused).label("refused"),
        sa.func.sum(hourly.c.out_of_hours).label("out_of_hours"),
        sa.func.count().filter(hourly.c.count >= MANY).label("many"),
        sa.func.max(hourly.c.last_at).label("last_at"),
    ).group_by(hourly.c.person_id)
    return tx.execute(query.order_by(sa.desc("own_child"), sa.desc("many"), sa.desc("count"))).all()
