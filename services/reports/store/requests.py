"""Requests for information: the log, each one's history, what was given, and when it is looked at next."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from safekeep.ids import new_id
from services.reports.store.tables import file_decisions, given_documents, information_requests, redactions, request_looks, request_steps

_ONE_AT_A_TIME = sa.text("select pg_advisory_xact_lock(hashtextextended('information_requests ' || :school, 0))")


def add_request(tx: sa.Connection, *, school_id: UUID, year: int, **values: Any) -> None:
    """Enter a request under the next number of the school year, whoever else is entering one."""
    tx.execute(_ONE_AT_A_TIME, {"school": str(school_id)})
    number = sa.select(sa.func.coalesce(sa.func.max(information_requests.c.number), 0) + 1)
    number = number.where(information_requests.c.school_id == school_id, information_requests.c.year == year)
    tx.execute(information_requests.insert().values(school_id=school_id, year=year, number=number.scalar_subquery(), **values))


def requests_of(tx: sa.Connection, *, school_id: UUID, limit: int) -> Sequence[sa.Row[Any]]:
    """Return the open ones, the one due soonest first, then the others, the newest first."""
    table = information_requests
    is_open = table.c.state == "open"
    soonest = sa.case((is_open, table.c.due_on)).asc().nulls_last()
    query = sa.select(table).where(table.c.school_id == school_id)
    return tx.execute(query.order_by(is_open.desc(), soonest, table.c.year.desc(), table.c.number.desc()).limit(limit)).all()


def request_with(tx: sa.Connection, *, school_id: UUID, id: UUID) -> sa.Row[Any] | None:
    """Return a request, locked."""
    table = information_requests
    return tx.execute(sa.select(table).where(table.c.school_id == school_id, table.c.id == id).with_for_update()).first()


def change_request(tx: sa.Connection, *, school_id: UUID, id: UUID, **values: Any) -> None:
    """Set some of a request."""
    tx.execute(information_requests.update().where(information_requests.c.school_id == school_id, information_requests.c.id == id).values(values))


def add_step(tx: sa.Connection, *, school_id: UUID, request_id: UUID, at: datetime, kind: str, by_id: UUID | None = None, note: str = "") -> None:
    """Add a line to a request's history."""
    tx.execute(request_steps.insert().values(school_id=school_id, id=new_id(), request_id=request_id, at=at, by_id=by_id, kind=kind, note=note))


def steps_of(tx: sa.Connection, *, school_id: UUID, request_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return a request's history, the first line first."""
    query = sa.select(request_steps).where(request_steps.c.school_id == school_id, request_steps.c.request_id == request_id)
    return tx.execute(query.order_by(request_steps.c.at, request_steps.c.id)).all()


def add_given(tx: sa.Connection, *, school_id: UUID, id: UUID, **values: Any) -> bool:
    """Keep what was given and where it stands in the ledger. Returns False where it is kept already."""
    insert = pg.insert(given_documents).values(school_id=school_id, id=id, **values).on_conflict_do_nothing().returning(given_documents.c.id)
    return tx.execute(insert).first() is not None


def given_of(tx: sa.Connection, *, school_id: UUID, request_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return what was given to who asked, the first first."""
    query = sa.select(given_documents).where(given_documents.c.school_id == school_id, given_documents.c.request_id == request_id)
    return tx.execute(query.order_by(given_documents.c.at, given_documents.c.id)).all()


def keep_redactions(tx: sa.Connection, *, school_id: UUID, request_id: UUID, rows: Sequence[dict[str, Any]]) -> None:
    """Set what is decided of places; what was decided of one before is no longer."""
    if not rows:
        return
    insert = pg.insert(redactions).values([{"school_id": school_id, "request_id": request_id, **row} for row in rows])
    changed = {name: insert.excluded[name] for name in ("digest", "accepted", "by_hand", "reason", "by_id", "at")}
    tx.execute(insert.on_conflict_do_update(index_elements=list(redactions.primary_key.columns), set_=changed))


def redactions_of(tx: sa.Connection, *, school_id: UUID, request_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return what is decided of places in a record."""
    return tx.execute(sa.select(redactions).where(redactions.c.school_id == school_id, redactions.c.request_id == request_id)).all()


def keep_file_decisions(tx: sa.Connection, *, school_id: UUID, request_id: UUID, rows: Sequence[dict[str, Any]]) -> None:
    """Set what is decided of attached files."""
    if not rows:
        return
    insert = pg.insert(file_decisions).values([{"school_id": school_id, "request_id": request_id, **row} for row in rows])
    changed = {name: insert.excluded[name] for name in ("given", "reason", "by_id", "at")}
    tx.execute(insert.on_conflict_do_update(index_elements=list(file_decisions.primary_key.columns), set_=changed))


def file_decisions_of(tx: sa.Connection, *, school_id: UUID, request_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return what is decided of files that are attached to a record."""
    query = sa.select(file_decisions).where(file_decisions.c.school_id == school_id, file_decisions.c.request_id == request_id)
    return tx.execute(query.order_by(file_decisions.c.file_id)).all()


_CLAIM = sa.text(
    "update request_looks set next_at = :again from (select school_id, request_id from request_looks where next_at <= :now order by next_at "
    "limit :limit for update skip locked) due where request_looks.school_id = due.school_id and request_looks.request_id = due.request_id "
    "returning request_looks.school_id, request_looks.request_id"
)


def claim_requests(tx: sa.Connection, *, now: datetime, again: datetime, limit: int) -> Sequence[sa.Row[Any]]:
    """Take the requests that are to be looked at now (worker role); who dies over it leaves them due `again`."""
    return tx.execute(_CLAIM, {"now": now, "again": again, "limit": limit}).all()


def look_at_request(tx: sa.Connection, *, school_id: UUID, request_id: UUID, at: datetime | None) -> None:
    """Have a request looked at then, or never again (None)."""
    if at is None:
        here = request_looks.c.school_id == school_id, request_looks.c.request_id == request_id
        tx.execute(request_looks.delete().where(*here))
        return
    insert = pg.insert(request_looks).values(school_id=school_id, request_id=request_id, next_at=at)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id", "request_id"], set_={"next_at": at}))
