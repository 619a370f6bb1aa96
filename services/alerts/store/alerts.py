"""Alerts: raising them, inboxes, and what takes one away again."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock
from services.alerts.store.tables import alerts, mails, subscriptions

_ADD = sa.text(
    "with raised as (insert into alerts (school_id, id, person_id, incident_id, entry_id, kind, category, class_code, recorded_by, because, "
    "at_risk_now, raised_at, read_at, flagged, dropped, withdrawn_at, granted) select :school, a.id, a.person_id, a.incident_id, a.entry_id, a.kind, "
    "a.category, a.class_code, a.recorded_by, a.because, a.at_risk_now, a.raised_at, a.read_at, coalesce(a.flagged, '{}'), "
    "coalesce(a.dropped, false), a.withdrawn_at, a.granted from jsonb_populate_recordset(null::alerts, cast(:alerts as jsonb)) a "
    "on conflict do nothing returning id), "
    "notified as (update subscriptions s set due_at = cast(:now as timestamptz), attempts = 0 "
    "where s.school_id = :school and s.person_id in (select person_id from jsonb_populate_recordset(null::mails, cast(:mails as jsonb)) "
    "where kind = 'alert')) "
    "insert into mails (school_id, id, person_id, kind, alert_id, category, recorded_by, state, attempts, next_at, trace, about) "
    "select :school, m.id, m.person_id, m.kind, m.alert_id, m.category, m.recorded_by, 'waiting', 0, m.next_at, m.trace, m.about "
    "from jsonb_populate_recordset(null::mails, cast(:mails as jsonb)) m where m.alert_id is null or m.alert_id in (select id from raised) "
    "on conflict do nothing"
)


def add(tx: sa.Connection, *, school_id: UUID, alerts: Sequence[dict[str, Any]], mails: Sequence[dict[str, Any]]) -> None:
    """Write alerts (one a person and entry) and mails to be sent, in one statement: this is the hot path.

    Whoever was alerted to the entry before is neither alerted nor mailed again; a mail whose id is there already is that mail.
    """
    if alerts or mails:
        rows = {"alerts": json.dumps(alerts, default=str), "mails": json.dumps(mails, default=str)}
        tx.execute(_ADD, {"school": school_id, "now": clock.now(), **rows})


def inbox(
    tx: sa.Connection,
    *,
    school_id: UUID,
    person_id: UUID,
    state: str,
    class_code: str | None,
    incident_id: UUID | None,
    after: tuple[bool, datetime, UUID] | None,
    limit: int,
) -> Sequence[sa.Row[Any]]:
    """Return a person's alerts: unread first, then newest first."""
    unread = alerts.c.read_at.is_(None)
    query = sa.select(alerts).where(alerts.c.school_id == school_id, alerts.c.person_id == person_id, alerts.c.withdrawn_at.is_(None))
    if state != "all":
        query = query.where(unread if state == "unread" else sa.not_(unread))
    if class_code:
        query = query.where(alerts.c.class_code == class_code)
    if incident_id:
        query = query.where(alerts.c.incident_id == incident_id)
    if after:
        query = query.where(sa.tuple_(unread, alerts.c.raised_at, alerts.c.id) < after)
    return tx.execute(query.order_by(unread.desc(), alerts.c.raised_at.desc(), alerts.c.id.desc()).limit(limit)).all()


def unread_count(tx: sa.Connection, *, school_id: UUID, person_id: UUID) -> int:
    """Return how many alerts a person has not read."""
    mine = alerts.c.school_id == school_id, alerts.c.person_id == person_id, alerts.c.read_at.is_(None), alerts.c.withdrawn_at.is_(None)
    return tx.execute(sa.select(sa.func.count()).where(*mine)).scalar_one()


_UNREAD_OF = sa.text(
    "select person_id, count(*) as unread, max(raised_at) as newest from alerts where school_id = :school "
    "and person_id = any(cast(:people as uuid[])) and read_at is null and withdrawn_at is null group by person_id"
)


def unread_of(tx: sa.Connection, *, school_id: UUID, people: Collection[UUID]) -> dict[UUID, sa.Row[Any]]:
    """Return how many alerts each of these people has not read, and when the newest of them was raised; who has none is not there."""
    return {row.person_id: row for row in tx.execute(_UNREAD_OF, {"school": school_id, "people": list(people)})}


def first_readings(tx: sa.Connection, *, school_id: UUID, after: UUID | None, limit: int) -> Sequence[Any]:
    """Return when each of the next incidents, in order of their ids, was first read by somebody alerted to it."""
    query = sa.select(alerts.c.incident_id, sa.func.min(alerts.c.read_at).label("at"))
    query = query.where(alerts.c.school_id == school_id, alerts.c.read_at.is_not(None), *([alerts.c.incident_id > after] if after else []))
    return tx.execute(query.group_by(alerts.c.incident_id).order_by(alerts.c.incident_id).limit(limit)).all()


def alert_of(tx: sa.Connection, *, school_id: UUID, alert_id: UUID, person_id: UUID) -> sa.Row[Any] | None:
    """Return a person's own alert, locked."""
    mine = alerts.c.school_id == school_id, alerts.c.id == alert_id, alerts.c.person_id == person_id, alerts.c.withdrawn_at.is_(None)
    return tx.execute(sa.select(alerts).where(*mine).with_for_update()).first()


def mark_read(tx: sa.Connection, *, school_id: UUID, alert_id: UUID, now: datetime) -> None:
    """Set when it was read."""
    tx.execute(alerts.update().where(alerts.c.school_id == school_id, alerts.c.id == alert_id).values(read_at=now))


_RAISE_CLASS = sa.text(
    "update alerts set class_code = case when person_id = any(cast(:lost as uuid[])) then class_code else :class end, "
    "withdrawn_at = case when person_id = any(cast(:lost as uuid[])) then coalesce(withdrawn_at, cast(:now as timestamptz)) else withdrawn_at end "
    "where school_id = :school and entry_id = any(cast(:entries as uuid[])) returning id, person_id"
)


def raise_class(tx: sa.Connection, *, school_id: UUID, entry_ids: Collection[UUID], class_code: str, lost: Collection[UUID], now: datetime) -> None:
    """Show entries under their new class to those who still read them; who lost sight of them is shown nothing, nor sent what waits."""
    rows = tx.execute(_RAISE_CLASS, {"school": school_id, "entries": list(entry_ids), "class": class_code, "lost": list(lost), "now": now})
    _stop_mails_of(tx, school_id=school_id, alert_ids=[row.id for row in rows if row.person_id in lost])


def withdraw(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, people: Collection[UUID], now: datetime) -> None:
    """Take an incident's alerts out of the inboxes of people who may no longer know of it."""
    _withdraw(tx, alerts.c.incident_id == incident_id, alerts.c.person_id.in_(people), school_id=school_id, now=now)


def _withdraw(tx: sa.Connection, *which: sa.ColumnElement[bool], school_id: UUID, now: datetime) -> Sequence[sa.Row[Any]]:
    """Take a school's alerts out of inboxes, with the mails that still wait; return them. What was sent cannot be taken back."""
    there = alerts.c.school_id == school_id, alerts.c.withdrawn_at.is_(None)
    taken = tx.execute(alerts.update().where(*there, *which).values(withdrawn_at=now).returning(alerts)).all()
    _stop_mails_of(tx, school_id=school_id, alert_ids=[row.id for row in taken])
    return taken


def _stop_mails_of(tx: sa.Connection, *, school_id: UUID, alert_ids: Collection[UUID]) -> None:
    """Do not send what waits to be sent of these alerts."""
    if alert_ids:
        waiting = mails.c.school_id == school_id, mails.c.alert_id.in_(alert_ids), mails.c.state == "waiting"
        tx.execute(mails.update().where(*waiting).values(state="stopped"))


def orphan(tx: sa.Connection, *, school_id: UUID, person_id: UUID, now: datetime) -> Sequence[sa.Row[Any]]:
    """Take what a leaver has not read out of their inbox, and return it."""
    return _withdraw(tx, alerts.c.person_id == person_id, alerts.c.read_at.is_(None), school_id=school_id, now=now)


def empty_inbox(tx: sa.Connection, *, school_id: UUID, person_id: UUID, now: datetime) -> Sequence[sa.Row[Any]]:
    """Leave in somebody's inbox only what is kept to them; return what they had not read of the rest."""
    taken = _withdraw(tx, alerts.c.person_id == person_id, alerts.c.kept_entry_id.is_(None), school_id=school_id, now=now)
    return [row for row in taken if row.read_at is None]


def unread_since(tx: sa.Connection, *, school_id: UUID, person_id: UUID, since: datetime) -> Sequence[sa.Row[Any]]:
    """Return what somebody has not read of what was recorded since then."""
    theirs = alerts.c.school_id == school_id, alerts.c.person_id == person_id, alerts.c.read_at.is_(None), alerts.c.withdrawn_at.is_(None)
    return tx.execute(sa.select(alerts).where(*theirs, alerts.c.raised_at > since)).all()


def drop(tx: sa.Connection, *, school_id: UUID, alert_id: UUID, now: datetime) -> None:
    """Take an alert from whom it should not have been raised for, with its mail if that still waits."""
    tx.execute(alerts.update().where(alerts.c.school_id == school_id, alerts.c.id == alert_id).values(dropped=True, withdrawn_at=now))
    _stop_mails_of(tx, school_id=school_id, alert_ids=[alert_id])


def bring_back(
    tx: sa.Connection, *, school_id: UUID, entry_id: UUID, person_id: UUID, class_code: str, mail: dict[str, Any], again: bool, now: datetime
) -> bool:
    """Keep that a person's alert is granted; one that was withdrawn, or (`again`) whichever it is, is to be read again, with one more mail.

    Returns False where there is none.
    """
    theirs = alerts.c.school_id == school_id, alerts.c.entry_id == entry_id, alerts.c.person_id == person_id
    alert = tx.execute(alerts.update().where(*theirs).values(granted=True).returning(alerts.c.id, alerts.c.withdrawn_at)).first()
    if alert is None:
        return False
    if again or alert.withdrawn_at is not None:
        values = {"withdrawn_at": None, "dropped": False, "read_at": None, "raised_at": now, "class_code": class_code}
        tx.execute(alerts.update().where(*theirs).values(values))
        _stop_mails_of(tx, school_id=school_id, alert_ids=[alert.id])
        tx.execute(mails.insert().values(school_id=school_id, state="waiting", attempts=0, **mail | {"alert_id": alert.id}))
        browsers = subscriptions.c.school_id == school_id, subscriptions.c.person_id == person_id
        tx.execute(subscriptions.update().where(*browsers).values(due_at=now, attempts=0))
    return True


def withdraw_but(tx: sa.Connection, *, school_id: UUID, entry_ids: Collection[UUID], people: Collection[UUID], now: datetime) -> None:
    """Take entries' alerts out of everybody's inbox but these people's."""
    _withdraw(tx, alerts.c.entry_id.in_(entry_ids), alerts.c.person_id.not_in(people), school_id=school_id, now=now)


def keep_to(tx: sa.Connection, *, school_id: UUID, entry_id: UUID, entry_ids: Collection[UUID], people: Collection[UUID]) -> None:
    """Say of alerts to a restricted entry, and to what stands below it, that they are kept to these people whatever their roles become."""
    theirs = alerts.c.school_id == school_id, alerts.c.entry_id.in_(entry_ids), alerts.c.person_id.in_(people), alerts.c.withdrawn_at.is_(None)
    tx.execute(alerts.update().where(*theirs).values(granted=True, kept_entry_id=entry_id))


def keep_no_more(tx: sa.Connection, *, school_id: UUID, entry_id: UUID) -> None:
    """Say that alerts to an entry, and to what stands below it, follow from their people's roles again."""
    tx.execute(alerts.update().where(alerts.c.school_id == school_id, alerts.c.kept_entry_id == entry_id).values(kept_entry_id=None))


def readers(tx: sa.Connection, *, school_id: UUID, incident_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return the alerts of an incident with what became of their latest mail."""
    joined = alerts.outerjoin(mails, sa.and_(mails.c.school_id == alerts.c.school_id, mails.c.alert_id == alerts.c.id))
    query = sa.select(alerts, mails.c.state.label("mail"), mails.c.sent_at).select_from(joined)
    query = query.where(alerts.c.school_id == school_id, alerts.c.incident_id == incident_id)
    found = tx.execute(query.order_by(alerts.c.raised_at, mails.c.id)).all()  # the later of two mails has the greater id
    return list({row.id: row for row in found}.values())
