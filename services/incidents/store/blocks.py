"""Attachments that nobody may open any more: blocked by one DSL, given back or destroyed by another."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from services.incidents.store.tables import entry_files, file_blocks


def keep_block(tx: sa.Connection, *, school_id: UUID, file_id: UUID, **values: Any) -> None:
    """Block a file, also one that was blocked and given back before."""
    fresh = values | {"decided_by": None, "decided_at": None, "decision": None}
    insert = pg.insert(file_blocks).values(school_id=school_id, file_id=file_id, **fresh)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id", "file_id"], set_=fresh))


def decide_block(tx: sa.Connection, *, school_id: UUID, file_id: UUID, **values: Any) -> None:
    """Keep what the second person decided."""
    tx.execute(file_blocks.update().where(file_blocks.c.school_id == school_id, file_blocks.c.file_id == file_id).values(**values))


def blocks_of(tx: sa.Connection, *, school_id: UUID, file_ids: Collection[UUID]) -> dict[UUID, sa.Row[Any]]:
    """Return of these files those that nobody may open now: by id."""
    holds = sa.or_(file_blocks.c.decision.is_(None), file_blocks.c.decision == "destroy")
    query = sa.select(file_blocks).where(file_blocks.c.school_id == school_id, file_blocks.c.file_id.in_(file_ids), holds)
    return {row.file_id: row for row in tx.execute(query)} if file_ids else {}


def attached(tx: sa.Connection, *, school_id: UUID, file_ids: Collection[UUID]) -> Sequence[UUID]:
    """Return of these files those that an entry refers to."""
    query = sa.select(entry_files.c.file_id).where(entry_files.c.school_id == school_id, entry_files.c.file_id.in_(file_ids))
    return tx.execute(query.distinct()).scalars().all()
