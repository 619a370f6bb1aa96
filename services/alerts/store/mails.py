"""Mails to be sent: claimed and marked by the worker role, of all schools."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from services.alerts.store.tables import mails

_CLAIM = sa.text(
    "update mails set next_at = :again from (select school_id, id from mails where state = 'waiting' and next_at <= :now "
    "order by next_at limit :limit for update skip locked) due where mails.school_id = due.school_id and mails.id = due.id "
    "returning mails.school_id, mails.id, mails.person_id, mails.kind, mails.alert_id, mails.category, mails.recorded_by, mails.attempts, "
    "mails.trace, mails.about"
)
_HOLD = sa.text("update mails set next_at = :again where id = any(cast(:ids as uuid[])) and state = 'waiting'")
_MARK = sa.text(
    "update mails set state = done.state, attempts = mails.attempts + 1, sent_at = done.sent_at, next_at = done.next_at "
    "from jsonb_populate_recordset(null::mails, cast(:rows as jsonb)) done where mails.school_id = done.school_id and mails.id = done.id "
    "and mails.state = 'waiting'"
)


def claim_mails(tx: sa.Connection, *, now: datetime, again: datetime, limit: int) -> Sequence[sa.Row[Any]]:
    """Take mails that are due; until `again` nobody else takes them. A sender that dies leaves them to be taken then."""
    return tx.execute(_CLAIM, {"now": now, "again": again, "limit": limit}).all()


def hold_mails(tx: sa.Connection, rows: Sequence[Any], *, again: datetime) -> None:
    """Hold mails that were taken until `again`, instead of what was said when they were taken."""
    tx.execute(_HOLD, {"ids": [row.id for row in rows], "again": again})


def mark_mails(tx: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Keep what became of mails."""
    if rows:
        tx.execute(_MARK, {"rows": json.dumps(rows, default=str)})


def stop_mails(tx: sa.Connection, *, school_id: UUID, kinds: Collection[str], about: UUID) -> None:
    """Do not send what waits of these kinds about something: it stands otherwise by now. (The service's role, one school.)"""
    waiting = mails.c.school_id == school_id, mails.c.about == about, mails.c.kind.in_(kinds), mails.c.state == "waiting"
    tx.execute(mails.update().where(*waiting).values(state="stopped"))
