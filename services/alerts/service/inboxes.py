"""Inboxes, acknowledgement, and who has read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from safekeep import actor as actors
from safekeep import clock, cursors, outbox, permissions
from safekeep.actor import Actor
from safekeep.contracts import Nothing, incidents
from safekeep.contracts.alerts import (
    AlertItem,
    AlertRead,
    FirstReading,
    FirstReadings,
    FirstReadingsAnswer,
    Inbox,
    InboxAnswer,
    MarkRead,
    ReaderItem,
    Readers,
    ReadersAnswer,
    Unread,
    UnreadAnswer,
    Watch,
    WatchAnswer,
    WatchedInbox,
)
from safekeep.errors import Conflict, NotFound, NotSignedIn
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
                after=cursors.read(request.cursor, bool, datetime.fromisoformat, UUID),
                limit=request.limit + 1,
            )
            unread = store.unread_count(tx, **me)
        return InboxAnswer(items=[_alert(row) for row in rows[: request.limit]], next=_next(rows, request.limit), unread=unread)

    @answers(Unread)
    def unread(self, actor: Actor, request: Unread) -> UnreadAnswer:
        with self._school(actor) as tx:
            return UnreadAnswer(unread=store.unread_count(tx, school_id=actor.at_school, person_id=actor.person))

    @answers(FirstReadings)
    def first_readings(self, actor: Actor, request: FirstReadings) -> FirstReadingsAnswer:
        with self._school(actor) as tx:
            rows = store.first_readings(tx, school_id=actor.at_school, after=request.after, limit=request.limit)
        items = [FirstReading(incident_id=row.incident_id, at=row.at) for row in rows]
        return FirstReadingsAnswer(items=items, next=items[-1].incident_id if len(items) == request.limit else None)

    @answers(Watch)
    def watch(self, _: None, request: Watch) -> WatchAnswer:
        if not request.actor_tokens:
            raise NotSignedIn("missing")
        watching: dict[UUID, set[UUID]] = {}
        actors = [_reader_of(self.host, token) for token in request.actor_tokens]
        for reader in actors:
            if reader is not None:
                watching.setdefault(reader.at_school, set()).add(reader.person)
        found: dict[tuple[UUID, UUID], WatchedInbox] = {}
        for school_id, people in watching.items():
            with self.host.transaction(self.host.engine, school_id=school_id) as tx:
                rows = store.unread_of(tx, school_id=school_id, people=people)
            for person in people:
                row = rows.get(person)
                mark = f"{row.unread}-{row.newest.timestamp():.6f}" if row else "0"
                found[school_id, person] = WatchedInbox(unread=row.unread if row else 0, mark=mark)
        nothing = WatchedInbox(unread=0, mark="")
        return WatchAnswer(items=[found[each.at_school, each.person] if each else nothing for each in actors])

    @answers(MarkRead)
    def mark_read(self, actor: Actor, request: MarkRead) -> Nothing:
        mine = {"school_id": actor.at_school, "alert_id": request.alert_id, "person_id": actor.person}
        with self._school(actor) as tx:
            alert = _found(store.alert_of(tx, **mine))
        if alert.read_at is not None:
            return Nothing()
        opened = ask(self.incidents, incidents.Readable(entry_ids=[alert.entry_id], opened=True), token=actor.token).entry_ids
        if not opened:  # "read" is what a recorder goes home on: it is never said of what nobody has looked at
            raise Conflict("not_opened")
        with self._school(actor) as tx:
            alert = _found(store.alert_of(tx, **mine))
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
        found = [(row, _reader(row, actor)) for row in rows if row.entry_id in theirs]
        return ReadersAnswer(items=[item for row, item in found if item.because or not row.because])


def _reader_of(host: Any, token: str) -> Actor | None:
    """Return whose token it is, if they may have an inbox at a school at all."""
    try:
        found = actors.verify(keys=host.keys, token=token)
    except NotSignedIn:
        return None
    may = found.school_id is not None and found.person_id is not None and permissions.may_call(found, Unread.method)
    return found if may else None


def _found(alert: Any) -> Any:
    """Return a person's own alert. Raises NotFound("alert") when there is none."""
    if alert is None:
        raise NotFound("alert")
    return alert


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


def _reader(row: Any, actor: Actor) -> ReaderItem:
    """Return a reader as the actor may know of them: without reasons where even that they were told would give away a pupil's flag."""
    opens = permissions.highest_class_read(actor.roles)
    is_me = row.person_id == actor.person
    return ReaderItem(
        person_id=row.person_id,
        entry_id=row.entry_id,
        because=row.because if is_me else permissions.reasons_seen(row.because, flagged=row.flagged, opens=opens),
        dropped=row.dropped,
        withdrawn=row.withdrawn_at is not None and not row.dropped and permissions.is_lead(actor.roles),
        raised_at=row.raised_at,
        mail="none" if row.mail in (None, "stopped") else row.mail,  # it waited, and is not sent any more
        mailed_at=row.sent_at,
        read_at=row.read_at,
    )


def _next(rows: Sequence[Any], limit: int) -> str | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return cursors.write(last.read_at is None, last.raised_at.isoformat(), str(last.id))
