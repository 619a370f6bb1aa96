"""Making alerts and the mails that go with them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa

from safekeep import clock, outbox, telemetry
from safekeep.contracts.alerts import RecipientDropped
from safekeep.contracts.incidents import Recipient
from safekeep.ids import new_id
from safekeep.permissions import Class
from services.alerts import store, telling


class StaffNotKnownYet(Exception):
    """An alert is for somebody identity has not told us of: the event is tried again."""


def new_alert(
    event: Any,
    person: UUID,
    *,
    kind: str,
    because: Sequence[str],
    at_risk_now: bool = False,
    read_at: datetime | None = None,
    flagged: Mapping[str, str] | None = None,
    granted: bool | None = None,
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "person_id": person,
        "incident_id": event.incident_id,
        "entry_id": event.entry_id,
        "kind": kind,
        "category": event.category,
        "class_code": event.class_code,
        "recorded_by": event.author_id,
        "because": list(because),
        "flagged": dict(flagged or {}),
        "at_risk_now": at_risk_now,
        "raised_at": event.at,
        "read_at": read_at,
        "granted": granted,
    }


def raise_alerts(tx: sa.Connection, *, event: Any, recipients: Sequence[Recipient], kind: str, at_risk_now: bool, past: bool) -> None:
    """Make one alert a person, and a mail, as `alerts_of` says, and write them."""
    known = store.staff_with(tx, school_id=event.school_id, ids=[r.person_id for r in recipients])
    alerts, mails = alerts_of(tx, event=event, recipients=recipients, known=known, kind=kind, at_risk_now=at_risk_now, past=past)
    store.add(tx, school_id=event.school_id, alerts=alerts, mails=mails)


def alerts_of(
    tx: sa.Connection,
    *,
    event: Any,
    recipients: Sequence[Recipient],
    known: Mapping[UUID, sa.Row[Any]],
    kind: str,
    at_risk_now: bool,
    past: bool,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the alerts to be written, one a person, and their mails. Who may no longer be told is dropped, and their reading right goes back.

    Where that leaves nobody, the trust's safeguarding lead is told. `known`: what is known of the recipients. Raises StaffNotKnownYet.
    """
    school_id, now = event.school_id, clock.now()
    alerts, mails = [], []
    for recipient in recipients:
        person = known.get(recipient.person_id)
        if person is None:
            raise StaffNotKnownYet
        why: dict[str, Any] = {"because": recipient.because, "flagged": recipient.flagged, "granted": recipient.granted}
        if not telling.is_still_told(recipient, roles=person.roles, active=person.active, class_=Class.of(event.class_code)):
            outbox.add(
                tx,
                RecipientDropped,
                school_id=school_id,
                subject=new_id(),
                incident_id=event.incident_id,
                entry_id=event.entry_id,
                person_id=recipient.person_id,
            )
            alerts.append(new_alert(event, recipient.person_id, kind=kind, **why) | {"dropped": True, "withdrawn_at": now})
            continue
        alert = new_alert(event, recipient.person_id, kind=kind, **why, at_risk_now=at_risk_now, read_at=event.at if past else None)
        alerts.append(alert)
        if not past:
            mails.append(
                new_mail(
                    recipient.person_id,
                    kind="alert",
                    now=now,
                    alert_id=alert["id"],
                    category=event.category,
                    by=event.author_id,
                    trace=event.trace,
                )
            )
    if recipients and all(alert.get("dropped") for alert in alerts) and not past:
        mails.append(reached_nobody(event))
    return alerts, mails


def reached_nobody(event: Any) -> dict[str, Any]:
    """Raise the operator's alarm that an entry reached nobody; return the mail to the trust's safeguarding lead. Twice is one mail."""
    telemetry.REACHED_NOBODY.inc()
    telemetry.log().error("alert.reached_nobody", entry=str(event.entry_id), school=str(event.school_id))
    return new_mail(event.school_id, kind=NOBODY, now=clock.now(), trace=event.trace) | {"id": uuid5(event.entry_id, NOBODY)}


NOBODY = "nobody"
"""The kind of mail that says an entry reached nobody. Who is written to, identity says when it is sent."""


def new_mail(
    person_id: UUID,
    *,
    kind: str,
    now: datetime,
    alert_id: UUID | None = None,
    category: str = "",
    by: UUID | None = None,
    trace: str = "",
    about: UUID | None = None,
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "person_id": person_id,
        "kind": kind,
        "alert_id": alert_id,
        "category": category,
        "recorded_by": by,
        "next_at": now,
        "trace": trace,
        "about": about,
    }
