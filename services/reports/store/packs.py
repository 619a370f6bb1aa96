"""Packs that were made: who, when, for what, and where each stands in the ledger. Nothing of what stands in one."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from services.reports.store.tables import packs


def begin_pack(tx: sa.Connection, *, school_id: UUID, id: UUID, **values: Any) -> None:
    """Keep that a pack is asked for; one with this id that is there stays."""
    tx.execute(pg.insert(packs).values(school_id=school_id, id=id, **values).on_conflict_do_nothing())


def pack_with(tx: sa.Connection, *, school_id: UUID, id: UUID) -> sa.Row[Any] | None:
    """Return a pack, locked."""
    return tx.execute(sa.select(packs).where(packs.c.school_id == school_id, packs.c.id == id).with_for_update()).first()


def change_pack(tx: sa.Connection, *, school_id: UUID, id: UUID, **values: Any) -> None:
    """Add what is known of it now."""
    tx.execute(packs.update().where(packs.c.school_id == school_id, packs.c.id == id).values(values))


def packs_of(tx: sa.Connection, *, school_id: UUID, limit: int) -> Sequence[sa.Row[Any]]:
    """Return the packs that were made, the newest first."""
    made = packs.c.school_id == school_id, packs.c.sha256.is_not(None)
    return tx.execute(sa.select(packs).where(*made).order_by(packs.c.asked_at.desc(), packs.c.id.desc()).limit(limit)).all()
