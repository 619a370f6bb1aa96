"""Incidents that have a lead or wait for one: the timers of asking again, the policies, and who was asked."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from safekeep.permissions import Class
from services.alerts.escalation import FIRST, Policy, Step
from services.alerts.store.tables import alerts, asking_settings, askings, concerns, policies

# --- policies -----------------------------------------------------------------------------------------------------------


def policies_of(tx: sa.Connection, *, school_id: UUID) -> dict[str, Policy]:
    """Return the school's policies by code; what it has not set is the first setting."""
    rows = tx.execute(sa.select(policies).where(policies.c.school_id == school_id)).all()
    return dict(FIRST) | {
        row.code: Policy(
            steps=_steps(row.steps), again=row.again, outside=_steps(row.outside), outside_again=row.outside_again, before_end=row.before_end
        )
        for row in rows
        if row.code in FIRST
    }


def keep_policy(tx: sa.Connection, *, school_id: UUID, code: str, policy: Policy) -> None:
    """Set one policy."""
    values = {
        "steps": [[step.minutes, step.who] for step in policy.steps],
        "again": policy.again,
        "outside": [[step.minutes, step.who] for step in policy.outside],
        "outside_again": policy.outside_again,
        "before_end": policy.before_end,
    }
    insert = pg.insert(policies).values(school_id=school_id, code=code, **values)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id", "code"], set_=values))


def asking_settings_of(tx: sa.Connection, *, school_id: UUID) -> tuple[list[UUID], str]:
    """Return who is asked as the head (none: all of SLT), and the school's text for the time outside school hours."""
    row = tx.execute(sa.select(asking_settings).where(asking_settings.c.school_id == school_id)).first()
    return (list(row.head_ids), row.meanwhile) if row else ([], "")


def keep_asking_settings(tx: sa.Connection, *, school_id: UUID, head_ids: Sequence[UUID], meanwhile: str) -> None:
    """Set them."""
    values = {"head_ids": list(head_ids), "meanwhile": meanwhile}
    tx.execute(pg.insert(asking_settings).values(school_id=school_id, **values).on_conflict_do_update(index_elements=["school_id"], set_=values))


def _steps(rows: Sequence[Sequence[Any]]) -> tuple[Step, ...]:
    return tuple(Step(minutes, who) for minutes, who in rows)


# --- concerns -----------------------------------------------------------------------------------------------------------


_ADD = sa.text(
    "insert into concerns (school_id, incident_id, category, class_code, at_risk_now, begun_at, asked_at, next_at) "
    "values (:school, :incident_id, :category, :class_code, :at_risk_now, :begun_at, :asked_at, :next_at) on conflict do nothing"
)


def add_concerns(tx: sa.Connection, *, school_id: UUID, concerns: Sequence[dict[str, Any]]) -> None:
    """Keep incidents that wait for a lead; one that is there stays as it is."""
    for concern in concerns:
        tx.execute(_ADD, {"school": school_id, **concern})


def concern_of(tx: sa.Connection, *, school_id: UUID, incident_id: UUID) -> sa.Row[Any] | None:
    """Return an incident's, locked."""
    here = concerns.c.school_id == school_id, concerns.c.incident_id == incident_id
    return tx.execute(sa.select(concerns).where(*here).with_for_update()).first()


def concerns_led_by(tx: sa.Connection, *, school_id: UUID, person_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return the incidents a person leads, locked."""
    return tx.execute(sa.select(concerns).where(concerns.c.school_id == school_id, concerns.c.lead_id == person_id).with_for_update()).all()


_UNLED = concerns.c.lead_id.is_(None), concerns.c.kept.is_(False), concerns.c.closed.is_(False)


def wake_concerns(tx: sa.Connection, *, school_id: UUID, now: datetime) -> None:
    """Have what waits looked at now: those that nobody leads, and others whose timer runs."""
    waits = sa.or_(concerns.c.next_at.is_not(None), sa.and_(*_UNLED))
    tx.execute(concerns.update().where(concerns.c.school_id == school_id, waits).values(next_at=now))


def close_concern(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, asked: datetime) -> None:
    """Keep that an incident was closed when incidents was `asked`, unless that is known, or it was opened again since."""
    here = concerns.c.school_id == school_id, concerns.c.incident_id == incident_id, concerns.c.closed.is_(False), concerns.c.begun_at <= asked
    tx.execute(concerns.update().where(*here).values(closed=True, next_at=None))


def change_concern(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, **values: Any) -> None:
    """Change one."""
    tx.execute(concerns.update().where(concerns.c.school_id == school_id, concerns.c.incident_id == incident_id).values(values))


def unled(tx: sa.Connection, *, school_id: UUID, leads: Collection[UUID], limit: int) -> Sequence[sa.Row[Any]]:
    """Return what somebody of the Safeguarding team has read and nobody leads, what waits longest first."""
    read = sa.exists().where(
        alerts.c.school_id == concerns.c.school_id,
        alerts.c.incident_id == concerns.c.incident_id,
        alerts.c.read_at.is_not(None),
        alerts.c.person_id.in_(leads),
    )
    asked = sa.select(sa.func.max(askings.c.at)).where(
        askings.c.school_id == concerns.c.school_id,
        askings.c.incident_id == concerns.c.incident_id,
        askings.c.at >= concerns.c.begun_at,
        askings.c.asked > 0,
    )
    waits = *_UNLED, sa.or_(concerns.c.at_risk_now, concerns.c.class_code != Class.GENERAL.code)
    query = sa.select(concerns, asked.scalar_subquery().label("last_asked_at")).where(concerns.c.school_id == school_id, *waits, read)
    return tx.execute(query.order_by(concerns.c.at_risk_now.desc(), concerns.c.begun_at, concerns.c.incident_id).limit(limit)).all()


# --- the timers -----------------------------------------------------------------------------------------------------------

_DUE_SCHOOLS = sa.text("select distinct school_id from (select school_id from concerns where next_at <= :now order by next_at limit :limit) due")
_CLAIM = sa.text("select * from concerns where school_id = :school and next_at <= :now order by next_at limit :limit for update skip locked")
_MOVE = sa.text(
    "update concerns set next_at = moved.next_at, asked_at = :now from jsonb_populate_recordset(null::concerns, cast(:rows as jsonb)) moved "
    "where concerns.school_id = :school and concerns.incident_id = moved.incident_id"
)


def schools_due(tx: sa.Connection, *, now: datetime, limit: int) -> list[UUID]:
    """Return the schools with something due (worker role)."""
    return list(tx.execute(_DUE_SCHOOLS, {"now": now, "limit": limit}).scalars())


def claim_concerns(tx: sa.Connection, *, school_id: UUID, now: datetime, limit: int) -> Sequence[sa.Row[Any]]:
    """Take what is due and nobody else has taken, until the transaction ends: whoever dies leaves it due."""
    return tx.execute(_CLAIM, {"school": school_id, "now": now, "limit": limit}).all()


def move_concerns(tx: sa.Connection, *, school_id: UUID, now: datetime, next_at: Mapping[UUID, datetime | None]) -> None:
    """Set when these are due next: all there was to ask up to now has been asked."""
    rows = [{"incident_id": incident, "next_at": at} for incident, at in next_at.items()]
    if rows:
        tx.execute(_MOVE, {"school": school_id, "now": now, "rows": json.dumps(rows, default=str)})


def add_askings(tx: sa.Connection, *, school_id: UUID, rows: Sequence[dict[str, Any]]) -> None:
    """Keep who was asked; of one incident and moment a second time is an error of the database's."""
    if rows:
        tx.execute(askings.insert(), [{"school_id": school_id, **row} for row in rows])


def askings_of(tx: sa.Connection, *, school_id: UUID, incident_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return who was asked about an incident, oldest first."""
    here = askings.c.school_id == school_id, askings.c.incident_id == incident_id
    return tx.execute(sa.select(askings).where(*here).order_by(askings.c.at)).all()


_READ = sa.text(
    "select incident_id, entry_id, bool_or(read_at is not null) as was_read, "
    "bool_or(recorded_by = any(cast(:leads as uuid[]))) as by_lead from alerts "
    "where school_id = :school and incident_id = any(cast(:incidents as uuid[])) and person_id = any(cast(:leads as uuid[])) "
    "and withdrawn_at is null group by incident_id, entry_id"
)


def unread_by_team(tx: sa.Connection, *, school_id: UUID, incident_ids: Collection[UUID], leads: Collection[UUID]) -> set[UUID]:
    """Return those with an entry, not by one of the team, that was sent to it and that none of it has read."""
    rows = tx.execute(_READ, {"school": school_id, "incidents": list(incident_ids), "leads": list(leads)})
    return {row.incident_id for row in rows if not row.was_read and not row.by_lead}


_SENT = sa.text(
    "select incident_id, person_id from alerts where school_id = :school and incident_id = any(cast(:incidents as uuid[])) and raised_at >= :since"
)


def sent_since(tx: sa.Connection, *, school_id: UUID, incident_ids: Collection[UUID], since: datetime) -> set[tuple[UUID, UUID]]:
    """Return (incident, person) of the alerts raised since then."""
    rows = tx.execute(_SENT, {"school": school_id, "incidents": list(incident_ids), "since": since})
    return {(row.incident_id, row.person_id) for row in rows}
