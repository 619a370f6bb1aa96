"""Documents that were given to somebody, and where each stands in the ledger."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.incidents.store.tables import documents


def document_with(tx: sa.Connection, *, school_id: UUID, id: UUID) -> sa.Row[Any] | None:
    """Return the document with this id."""
    return tx.execute(sa.select(documents).where(documents.c.school_id == school_id, documents.c.id == id)).first()


def add_document(tx: sa.Connection, *, school_id: UUID, **values: Any) -> None:
    """Keep a document that has its place."""
    tx.execute(documents.insert().values(school_id=school_id, **values))
