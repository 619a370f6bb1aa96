"""Who read what: kept before the content leaves the service, and shown to DSLs."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock, permissions
from safekeep.actor import Actor
from safekeep.contracts.incidents import (
    OpeningItem,
    OpeningsAnswer,
    PersonOpenings,
    PupilOpenings,
    ReaderLine,
    ReadersOfRecords,
    ReadersOfRecordsAnswer,
)
from safekeep.errors import TooMuchRead
from safekeep.rpc import Resources, answers
from services.incidents import store
from services.incidents.openings import SHOWN, WINDOW, is_unusual, must_wait
from services.incidents.service.access import access_pupil
from services.incidents.service.base import Base
from services.incidents.service.rows import next_cursor, read_cursor
from services.incidents.service.writing import note


class Openings(Base):
    """Who read what."""

    @answers(PupilOpenings)
    def pupil_openings(self, actor: Actor, request: PupilOpenings) -> OpeningsAnswer:
        with self._school(actor) as tx:
            pupil = access_pupil(tx, actor=actor, pupil_id=request.pupil_id)
            here = {"school_id": actor.at_school, "pupil_id": pupil.id, "reading": permissions.reading(actor)}
            rows = store.openings_about(tx, **here, before=read_cursor(request.cursor), limit=request.limit + 1)
            if actor.person in store.concerned_staff(tx, school_id=actor.at_school, pupil_ids=[pupil.id]):
                rows = []
        return _answer(rows, limit=request.limit, about=request.pupil_id)

    @answers(PersonOpenings)
    def person_openings(self, actor: Actor, request: PersonOpenings) -> OpeningsAnswer:
        with self._school(actor) as tx:
            rows = store.openings_by(
                tx,
                school_id=actor.at_school,
                person_id=request.person_id,
                reading=permissions.reading(actor),
                before=read_cursor(request.cursor),
                limit=request.limit + 1,
            )
        return _answer(rows, limit=request.limit, about=None)

    @answers(ReadersOfRecords)
    def readers_of_records(self, actor: Actor, request: ReadersOfRecords) -> ReadersOfRecordsAnswer:
        with self._school(actor) as tx:
            rows = store.readers_since(tx, school_id=actor.at_school, reading=permissions.reading(actor), since=clock.now() - SHOWN)
        items = [
            ReaderLine(
                person_id=row.person_id,
                openings=row._mapping["count"],
                own_child=row.own_child,
                refused=row.refused,
                out_of_hours=row.out_of_hours,
                busy_hours=row.many,
                last_at=row.last_at,
            )
            for row in rows
        ]
        return ReadersOfRecordsAnswer(items=items, days=SHOWN.days)


def keep_opening(tx: sa.Connection, *, actor: Actor, kind: str, entries: Iterable[Any] = (), **what: Any) -> None:
    """Keep that the actor opens this, in the transaction that reads it. `entries` are the rows that will be handed out."""
    now = clock.now()
    whose: dict[str, Any] = {"school_id": actor.at_school, "person_id": actor.person}
    store.add_opening(tx, **whose, now=now, kind=kind, entry_ids=[entry.id for entry in entries], **what)
    volume = store.volume_of(tx, **whose, since=now - WINDOW)
    if is_unusual(volume.openings, is_lead=permissions.is_lead(actor.roles)) and store.tell_of_reading(tx, **whose, kind="unusual", now=now):
        note(tx, **whose, kind="reading_unusual")


def hold_back(resources: Resources, *, actor: Actor) -> None:
    """Raise TooMuchRead when the actor has opened more than anybody needs to; that it was stopped is told, and kept though nothing is read."""
    now = clock.now()
    whose: dict[str, Any] = {"school_id": actor.at_school, "person_id": actor.person}
    with resources.transaction(resources.engine, school_id=actor.at_school) as tx:
        volume = store.volume_of(tx, **whose, since=now - WINDOW)
        seconds = must_wait(openings=volume.openings, entries=volume.entries, first_at=volume.first_at, now=now)
        if seconds and store.tell_of_reading(tx, **whose, kind="stopped", now=now):
            note(tx, **whose, kind="reading_stopped")
    if seconds:
        raise TooMuchRead(seconds)


def _answer(rows: Sequence[Any], *, limit: int, about: UUID | None) -> OpeningsAnswer:
    return OpeningsAnswer(items=[_item(row, about=about) for row in rows[:limit]], next=next_cursor(rows, limit, "at"))


def _item(row: Any, *, about: UUID | None) -> OpeningItem:
    """An opening. On a pupil's own list, what was opened on another pupil's page does not say whose."""
    shown = about is None or row.pupil_id == about
    unusual = {"own_child": row.own_child, "refused": row.refused, "out_of_hours": row.out_of_hours, "many": row.many}
    return OpeningItem(
        id=row.id,
        person_id=row.person_id,
        at=row.at,
        kind=row.kind,
        pupil_id=row.pupil_id if shown else None,
        pupil_name=(row.pupil_name or "") if shown else "",
        incident_id=row.incident_id if row.number else None,
        number=row.number or "",
        entries=len(row.entry_ids),
        words=row.words,
        reason=row.reason,
        unusual=[code for code, is_so in unusual.items() if is_so],
    )
