"""What was answered to a list of pupils."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.incidents.store.tables import imports


def import_with(tx: sa.Connection, *, school_id: UUID, id: UUID) -> sa.Row[Any] | None:
    """Return what was answered to a list with this id, and to whom."""
    return tx.execute(sa.select(imports).where(imports.c.school_id == school_id, imports.c.id == id)).first()


def keep_import(
    tx: sa.Connection, *, school_id: UUID, id: UUID, sent_by: UUID, fingerprint: str, fates: list[Any], gone: Collection[UUID], now: datetime
) -> None:
    """Keep what is answered: of each line its fate, and who left."""
    kept = {"sent_by": sent_by, "fingerprint": fingerprint, "fates": fates, "gone": list(gone), "kept_at": now}
    tx.execute(imports.insert().values(school_id=school_id, id=id, **kept))


def forget_imports(tx: sa.Connection, *, school_id: UUID, before: datetime) -> None:
    """Forget what was answered before."""
    tx.execute(imports.delete().where(imports.c.school_id == school_id, imports.c.kept_at < before))
