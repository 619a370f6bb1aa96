"""Browsers to be notified."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from services.alerts.store.tables import subscriptions


def keep_subscription(tx: sa.Connection, *, school_id: UUID, **values: Any) -> UUID:
    """Keep a browser. One that is known already is whoever's allowed it last: people share computers. Returns its id."""
    insert = pg.insert(subscriptions).values(school_id=school_id, attempts=0, **values)
    changed = {name: values[name] for name in ("person_id", "public_key", "secret", "device", "made_at")} | {"attempts": 0, "due_at": None}
    kept = insert.on_conflict_do_update(index_elements=["school_id", "endpoint"], set_=changed)
    return UUID(str(tx.execute(kept.returning(subscriptions.c.id)).scalar_one()))


def subscriptions_of(tx: sa.Connection, *, school_id: UUID, person_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return a person's browsers, the newest first."""
    theirs = subscriptions.c.school_id == school_id, subscriptions.c.person_id == person_id
    return tx.execute(sa.select(subscriptions).where(*theirs).order_by(subscriptions.c.made_at.desc(), subscriptions.c.id)).all()


def drop_subscriptions(tx: sa.Connection, *, school_id: UUID, person_id: UUID, id: UUID | None = None) -> None:
    """Notify a person's browser (None: all of theirs) no more."""
    theirs = [subscriptions.c.school_id == school_id, subscriptions.c.person_id == person_id]
    tx.execute(subscriptions.delete().where(*theirs, *([subscriptions.c.id == id] if id else [])))


def try_subscription(tx: sa.Connection, *, school_id: UUID, person_id: UUID, id: UUID, now: datetime) -> bool:
    """Have a person's browser notified now. Returns whether it is there."""
    theirs = subscriptions.c.school_id == school_id, subscriptions.c.person_id == person_id, subscriptions.c.id == id
    return bool(tx.execute(subscriptions.update().where(*theirs).values(due_at=now, attempts=0)).rowcount)


# --- notifying (worker role, all schools) ------------------------------------------------------------------------------

_CLAIM = sa.text(
    "update subscriptions s set due_at = :again from (select school_id, id from subscriptions where due_at <= :now "
    "order by due_at limit :limit for update skip locked) due where s.school_id = due.school_id and s.id = due.id "
    "returning s.school_id, s.id, s.person_id, s.endpoint, s.public_key, s.secret, s.attempts"
)


def claim_notifications(tx: sa.Connection, *, now: datetime, again: datetime, limit: int) -> Sequence[sa.Row[Any]]:
    """Take browsers that are due; until `again` nobody else takes them."""
    return tx.execute(_CLAIM, {"now": now, "again": again, "limit": limit}).all()


def mark_notified(tx: sa.Connection, *, row: Any, again: datetime, sent_at: datetime | None, next_at: datetime | None) -> None:
    """Keep what became of it; an alert that came meanwhile keeps its browser due."""
    this = subscriptions.c.school_id == row.school_id, subscriptions.c.id == row.id
    is_ours = subscriptions.c.due_at == again
    if sent_at is None:
        due = sa.case((is_ours, sa.literal(next_at, subscriptions.c.due_at.type)), else_=subscriptions.c.due_at)
        attempts = sa.case((is_ours, subscriptions.c.attempts + 1), else_=subscriptions.c.attempts)
        tx.execute(subscriptions.update().where(*this).values(due_at=due, attempts=attempts))
    else:
        due = sa.case((is_ours, None), else_=subscriptions.c.due_at)
        tx.execute(subscriptions.update().where(*this).values(sent_at=sent_at, due_at=due))


def forget_subscription(tx: sa.Connection, *, row: Any) -> None:
    """Drop a browser whose push service says that it is gone."""
    tx.execute(subscriptions.delete().where(subscriptions.c.school_id == row.school_id, subscriptions.c.id == row.id))
