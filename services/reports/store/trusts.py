"""What each school gives to a report of its trust: kept in the school, read across the schools of one trust."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from services.reports.store.tables import governor_reports, meetings, trust_parts


def keep_part(tx: sa.Connection, *, school_id: UUID, report_id: UUID, **values: Any) -> None:
    """Keep what may be shown of a school in a report, in place of that of an earlier counting; of one counting the first stays.

    So what a report was put together from does not change beneath it, also where two count at once.
    """
    insert = pg.insert(trust_parts).values(school_id=school_id, report_id=report_id, **values)
    older = trust_parts.c.draft_at < insert.excluded.draft_at
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id", "report_id"], set_=values, where=older))


def change_part(tx: sa.Connection, *, school_id: UUID, report_id: UUID, **values: Any) -> None:
    """Say where the report stands in the school's ledger."""
    tx.execute(trust_parts.update().where(trust_parts.c.school_id == school_id, trust_parts.c.report_id == report_id).values(values))


def tell_part(tx: sa.Connection, *, school_id: UUID, report_id: UUID, at: datetime) -> bool:
    """Note that the school's governors are told. Returns False where they were before."""
    here = trust_parts.c.school_id == school_id, trust_parts.c.report_id == report_id, trust_parts.c.told_at.is_(None)
    return tx.execute(trust_parts.update().where(*here).values(told_at=at)).rowcount == 1


def drop_part(tx: sa.Connection, *, school_id: UUID, report_id: UUID) -> None:
    """Forget a school's part of a draft that is no more."""
    here = trust_parts.c.school_id == school_id, trust_parts.c.report_id == report_id, trust_parts.c.sequence.is_(None)
    tx.execute(trust_parts.delete().where(*here))


def trust_parts_of(tx: sa.Connection, *, trust_id: UUID, report_id: UUID | None = None, untold: bool = False) -> Sequence[sa.Row[Any]]:
    """Return the parts of a trust's report (None: of all), in order of school; `untold`: whose governors are to be mailed yet.

    The transaction must have `trust_id` set.
    """
    query = sa.select(trust_parts).where(trust_parts.c.trust_id == trust_id)
    if report_id is not None:
        query = query.where(trust_parts.c.report_id == report_id)
    if untold:
        query = query.where(trust_parts.c.sequence.is_not(None), trust_parts.c.told_at.is_(None))
    return tx.execute(query.order_by(trust_parts.c.school_id, trust_parts.c.report_id)).all()


def part_with(tx: sa.Connection, *, school_id: UUID, report_id: UUID) -> sa.Row[Any] | None:
    """Return a school's part of a report."""
    return tx.execute(sa.select(trust_parts).where(trust_parts.c.school_id == school_id, trust_parts.c.report_id == report_id)).first()


def placed_parts(tx: sa.Connection, *, school_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return a school's parts of reports that stand in its ledger."""
    return tx.execute(sa.select(trust_parts).where(trust_parts.c.school_id == school_id, trust_parts.c.sequence.is_not(None))).all()


def published_with(tx: sa.Connection, *, trust_id: UUID, ids: Sequence[UUID]) -> Sequence[sa.Row[Any]]:
    """Return those of a trust's reports that are published, the newest first."""
    of_meeting = sa.and_(meetings.c.school_id == governor_reports.c.school_id, meetings.c.id == governor_reports.c.meeting_id)
    here = governor_reports.c.school_id == trust_id, governor_reports.c.state == "published", governor_reports.c.id.in_(ids)
    query = sa.select(governor_reports, meetings.c.on_day, meetings.c.name).join(meetings, of_meeting).where(*here)
    return tx.execute(query.order_by(governor_reports.c.year.desc(), governor_reports.c.number.desc())).all()
