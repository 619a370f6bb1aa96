"""Inboxes, acknowledgement, and who has read."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from safekeep import clock, outbox
from safekeep.actor import Actor
from safekeep.contracts import Nothing, incidents
from safekeep.contracts.alerts import (
    AlertItem,
    AlertRead,
    Inbox,
    InboxAnswer,
    MarkRead,
    ReaderItem,
    Readers,
    ReadersAnswer,
    Unread,
    UnreadAnswer,
)
from safekeep.errors import Invalid, NotFound
from safekeep.rpc import answers, ask
from services.alerts import store
from services.alerts.service.base import Base


class Inboxes(Base):
    """A person's own alerts, and an incident's readers."""

    @answers(Inbox)
    def inbox(self, actor: Actor, request: Inbox) -> InboxAnswer:
        me = {"school_id": actor.at_school, "person_id": actor.person}
        with self._school(actor) as tx:
            rows = store.inbox(
                tx,
                **me,
                state=request.state,
                class_code=request.class_code,
                incident_id=request.incident_id,
                after=_cursor(request.cursor),
                limit=request.limit + 1,
            )
            unread = store.unread_count(tx, **me)
        return InboxAnswer(items=[_alert(row) for row in rows[: request.limit]], next=_next(rows, request.limit), unread=unread)

    @answers(Unread)
    def unread(self, actor: Actor, request: Unread) -> UnreadAnswer:
        with self._school(actor) as tx:
            return UnreadAnswer(unread=store.unread_count(tx, school_id=actor.at_school, person_id=actor.person))

    @answers(MarkRead)
    def mark_read(self, actor: Actor, request: MarkRead) -> Nothing:
        with self._school(actor) as tx:
            alert = store.alert_of(tx, school_id=actor.at_school, alert_id=request.alert_id, person_id=actor.person)
            if alert is None:
                raise NotFound("alert")
            if alert.read_at is None:
                store.mark_read(tx, school_id=actor.at_school, alert_id=alert.id, now=clock.now())
                outbox.add(
                    tx,
                    AlertRead,
                    school_id=actor.at_school,
                    subject=alert.id,
                    alert_id=alert.id,
                    incident_id=alert.incident_id,
                    entry_id=alert.entry_id,
                    person_id=actor.person,
                )
        return Nothing()

    @answers(Readers)
    def readers(self, actor: Actor, request: Readers) -> ReadersAnswer:
        with self._school(actor) as tx:
            rows = store.readers(tx, school_id=actor.at_school, incident_id=request.incident_id)
        theirs = ask(self.incidents, incidents.Readable(entry_ids=sorted({row.entry_id for row in rows})), token=actor.token).entry_ids
        return ReadersAnswer(items=[_reader(row) for row in rows if row.entry_id in theirs])


def _alert(row: Any) -> AlertItem:
    return AlertItem(
        id=row.id,
        incident_id=row.incident_id,
        entry_id=row.entry_id,
        kind=row.kind,
        category=row.category,
        class_code=row.class_code,
        recorded_by=row.recorded_by,
        because=row.because,
        at_risk_now=row.at_risk_now,
        raised_at=row.raised_at,
        read_at=row.read_at,
    )


def _reader(row: Any) -> ReaderItem:
    return ReaderItem(
        person_id=row.person_id,
        entry_id=row.entry_id,
        because=row.because,
        raised_at=row.raised_at,
        mail=row.mail or "none",
        mailed_at=row.sent_at,
        read_at=row.read_at,
    )


def _cursor(cursor: str | None) -> tuple[bool, datetime, UUID] | None:
    if cursor is None:
        return None
    try:
        unread, moment, id_ = json.loads(base64.urlsafe_b64decode(cursor))
        return bool(unread), datetime.fromisoformat(moment), UUID(id_)
    except (ValueError, TypeError):
        raise Invalid({"cursor": "invalid"}) from None


def _next(rows: Sequence[Any], limit: int) -> str | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return base64.urlsafe_b64encode(json.dumps([last.read_at is None, last.raised_at.isoformat(), str(last.id)]).encode()).decode()
