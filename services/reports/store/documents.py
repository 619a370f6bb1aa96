"""Long documents: what was asked for, what was read and made of it (sealed), and when it is gone on with."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from services.reports.store.tables import document_parts, document_pieces, document_turns, documents


def add_document(tx: sa.Connection, *, school_id: UUID, id: UUID, turn_at: datetime, **values: Any) -> bool:
    """Keep what is asked for, to be gone on with from then on. False: it is there already."""
    insert = pg.insert(documents).values(school_id=school_id, id=id, **values)
    if tx.execute(insert.on_conflict_do_nothing().returning(documents.c.id)).first() is None:
        return False
    set_turn(tx, school_id=school_id, id=id, at=turn_at)
    return True


def document_with(tx: sa.Connection, *, school_id: UUID, id: UUID, lock: bool = False) -> sa.Row[Any] | None:
    """Return a document; locked, so that two workers who made it at the same time hand it over once."""
    query = sa.select(documents).where(documents.c.school_id == school_id, documents.c.id == id)
    return tx.execute(query.with_for_update() if lock else query).first()


def documents_of(tx: sa.Connection, *, school_id: UUID, asked_by: UUID, now: datetime) -> Sequence[sa.Row[Any]]:
    """Return what one person has asked for and is not over, the newest first."""
    theirs = documents.c.school_id == school_id, documents.c.asked_by == asked_by, documents.c.expires_at > now
    return tx.execute(sa.select(documents).where(*theirs).order_by(documents.c.asked_at.desc(), documents.c.id)).all()


def change_document(tx: sa.Connection, *, school_id: UUID, id: UUID, **values: Any) -> None:
    """Change it."""
    tx.execute(documents.update().where(documents.c.school_id == school_id, documents.c.id == id).values(values))


def drop_document(tx: sa.Connection, *, school_id: UUID, id: UUID) -> None:
    """Take it away, with all that was kept of it."""
    tx.execute(documents.delete().where(documents.c.school_id == school_id, documents.c.id == id))
    tx.execute(document_turns.delete().where(document_turns.c.school_id == school_id, document_turns.c.document_id == id))


def keep_piece(tx: sa.Connection, *, school_id: UUID, id: UUID, part: str, number: int, sealed: str) -> None:
    """Keep a piece; one that is there stays."""
    insert = pg.insert(document_pieces).values(school_id=school_id, document_id=id, part=part, number=number, sealed=sealed)
    tx.execute(insert.on_conflict_do_nothing())


def pieces_of(tx: sa.Connection, *, school_id: UUID, id: UUID, part: str, number: int | None = None) -> Sequence[str]:
    """Return a part's pieces in order, or the one with a number."""
    kept = document_pieces
    here = kept.c.school_id == school_id, kept.c.document_id == id, kept.c.part == part, *([kept.c.number == number] if number is not None else [])
    return list(tx.execute(sa.select(kept.c.sealed).where(*here).order_by(kept.c.number)).scalars())


def drop_pieces(tx: sa.Connection, *, school_id: UUID, id: UUID, part: str) -> None:
    """Forget a part."""
    here = document_pieces.c.school_id == school_id, document_pieces.c.document_id == id, document_pieces.c.part == part
    tx.execute(document_pieces.delete().where(*here))


def add_part(tx: sa.Connection, *, school_id: UUID, id: UUID, number: int, **values: Any) -> None:
    """Keep that a file of it is printed."""
    tx.execute(document_parts.insert().values(school_id=school_id, document_id=id, number=number, **values))


def grow_part(tx: sa.Connection, *, school_id: UUID, id: UUID, number: int, entries: int, size: int, pieces: int, earliest: date | None) -> None:
    """Keep that more was written to a file."""
    kept = document_parts.c
    more = {"entries": kept.entries + entries, "size": kept.size + size, "pieces": kept.pieces + pieces, "earliest": earliest}
    here = kept.school_id == school_id, kept.document_id == id, kept.number == number
    tx.execute(document_parts.update().where(*here).values(more))


def parts_of(tx: sa.Connection, *, school_id: UUID, ids: Iterable[UUID]) -> Sequence[sa.Row[Any]]:
    """Return the files of documents that are printed, in order."""
    kept = document_parts.c
    theirs = kept.school_id == school_id, kept.document_id.in_(list(ids))
    return tx.execute(sa.select(document_parts).where(*theirs).order_by(kept.document_id, kept.number)).all()


def drop_parts(tx: sa.Connection, *, school_id: UUID, id: UUID) -> None:
    """Forget the files that are printed."""
    tx.execute(document_parts.delete().where(document_parts.c.school_id == school_id, document_parts.c.document_id == id))


_CLAIM = sa.text(
    "update document_turns set next_at = :again from (select school_id, document_id from document_turns where next_at <= :now "
    "order by next_at limit :limit for update skip locked) due "
    "where document_turns.school_id = due.school_id and document_turns.document_id = due.document_id "
    "returning document_turns.school_id, document_turns.document_id"
)


def claim_turns(tx: sa.Connection, *, now: datetime, again: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """Take documents to be gone on with now (worker role); who dies over one leaves it due `again`."""
    return [(row.school_id, row.document_id) for row in tx.execute(_CLAIM, {"now": now, "again": again, "limit": limit})]


def set_turn(tx: sa.Connection, *, school_id: UUID, id: UUID, at: datetime) -> None:
    """Have a document gone on with then."""
    insert = pg.insert(document_turns).values(school_id=school_id, document_id=id, next_at=at)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id", "document_id"], set_={"next_at": at}))
