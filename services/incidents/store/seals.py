"""Seals over who read what and over initials: what is not sealed yet, and what was."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.incidents.store.tables import incident_pupils, openings, sealed, seals

_KEY = sa.cast(sa.func.md5(sa.cast(incident_pupils.c.incident_id, sa.Text) + sa.cast(incident_pupils.c.pupil_id, sa.Text)), sa.UUID).label("key")
_WITH_INITIALS = sa.select(incident_pupils, _KEY).where(incident_pupils.c.initials != "")


def unsealed_openings(tx: sa.Connection, *, school_id: UUID, since: datetime | None, limit: int) -> Sequence[sa.Row[Any]]:
    """Return openings without a seal, of those since a moment."""
    query = sa.select(openings).where(openings.c.school_id == school_id, _not_sealed(openings, openings.c.id, "opening"))
    if since is not None:
        query = query.where(openings.c.at >= since)
    return tx.execute(query.order_by(openings.c.at).limit(limit)).all()


def unsealed_initials(tx: sa.Connection, *, school_id: UUID, limit: int) -> Sequence[sa.Row[Any]]:
    """Return linked pupils with initials that have no seal."""
    query = _WITH_INITIALS.where(incident_pupils.c.school_id == school_id, _not_sealed(incident_pupils, _KEY.element, "initials"))
    return tx.execute(query.limit(limit)).all()


def _not_sealed(table: sa.Table, key: sa.ColumnElement[Any], kind: str) -> sa.ColumnElement[bool]:
    return sa.not_(sa.exists().where(sealed.c.school_id == table.c.school_id, sealed.c.kind == kind, sealed.c.key == key))


def all_openings(tx: sa.Connection, *, school_id: UUID) -> Iterator[sa.Row[Any]]:
    """Yield every opening."""
    yield from tx.execute(sa.select(openings).where(openings.c.school_id == school_id).execution_options(stream_results=True, yield_per=1000))


def all_initials(tx: sa.Connection, *, school_id: UUID) -> Iterator[sa.Row[Any]]:
    """Yield every linked pupil with initials."""
    query = _WITH_INITIALS.where(incident_pupils.c.school_id == school_id)
    yield from tx.execute(query.execution_options(stream_results=True, yield_per=1000))


def last_seal(tx: sa.Connection, *, school_id: UUID) -> sa.Row[Any] | None:
    """Return the latest seal."""
    return tx.execute(sa.select(seals).where(seals.c.school_id == school_id).order_by(seals.c.number.desc()).limit(1)).first()


def add_seal(tx: sa.Connection, *, school_id: UUID, number: int, rows: Sequence[dict[str, Any]], **values: Any) -> None:
    """Keep a seal with the digests of its rows."""
    tx.execute(seals.insert().values(school_id=school_id, number=number, **values))
    tx.execute(sealed.insert(), [{"school_id": school_id, "number": number, **row} for row in rows])


def seals_of(tx: sa.Connection, *, school_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return every seal, oldest first."""
    return tx.execute(sa.select(seals).where(seals.c.school_id == school_id).order_by(seals.c.number)).all()


def sealed_of(tx: sa.Connection, *, school_id: UUID) -> Iterator[sa.Row[Any]]:
    """Yield the digests of all that was sealed."""
    yield from tx.execute(sa.select(sealed).where(sealed.c.school_id == school_id).execution_options(stream_results=True, yield_per=1000))
