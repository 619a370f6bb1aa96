"""What the bus can ask of files, and the events it hears."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from nameko.timer import timer

from safekeep import clock, inbox, outbox, receipts, telemetry
from safekeep.actor import Actor
from safekeep.body import marks
from safekeep.body.marks import BodyMap
from safekeep.contracts import Nothing, identity, incidents
from safekeep.contracts.files import (
    CHUNK,
    Append,
    BeginUpload,
    BodyMapAnswer,
    DiscardDraft,
    Draft,
    DraftAnswer,
    DraftItem,
    DraftLeft,
    Drafts,
    DraftsAnswer,
    DraftSaved,
    FileName,
    FileReceipt,
    FinishUpload,
    LeftDraft,
    LeftDrafts,
    LeftDraftsAnswer,
    Names,
    NamesAnswer,
    Piece,
    Read,
    ReadBodyMap,
    Receipts,
    ReceiptsAnswer,
    SaveBodyMap,
    SaveDraft,
    UndoBodyMap,
    UploadBegun,
)
from safekeep.errors import Conflict, Invalid, NotFound, StorageError
from safekeep.receipts import Receipt
from safekeep.rpc import Host, Resources, answers, retry, take, take_events
from services.files import accepting, body_maps, drafts, objects, store

UNUSED_KEPT = timedelta(days=8)


class Service:
    """Drafts, body maps and attachments."""

    name = "files"
    host: Resources = Host()

    # --- drafts

    @answers(SaveDraft)
    def save_draft(self, actor: Actor, request: SaveDraft) -> DraftSaved:
        if drafts.bytes_in(request.fields) > drafts.MOST_BYTES:
            raise Invalid({"form": "too_long"})
        now = clock.now()
        with self._school(actor.at_school) as tx:
            due = _next_reminder(tx, school_id=actor.at_school, saved_at=now, told=None)
            kept = store.keep_draft(
                tx,
                school_id=actor.at_school,
                id=request.draft_id,
                fields=request.fields,
                author_id=actor.person,
                kind=request.kind,
                incident_id=request.incident_id,
                saved_at=now,
                remind_at=due[0] if due else None,
                reminded=None,
            )
            if not kept:
                row = store.draft_with(tx, school_id=actor.at_school, draft_id=request.draft_id)
                raise Conflict("draft_ended") if row and row.author_id == actor.person else NotFound("draft")
        return DraftSaved(saved_at=now)

    @answers(Draft)
    def draft(self, actor: Actor, request: Draft) -> DraftAnswer:
        with self._school(actor.at_school) as tx:
            row = store.draft_with(tx, school_id=actor.at_school, draft_id=request.draft_id)
        if row is None or row.author_id != actor.person or row.ended_at is not None:
            raise NotFound("draft")
        return DraftAnswer(item=_draft(row), fields=row.fields)

    @answers(Drafts)
    def drafts(self, actor: Actor, request: Drafts) -> DraftsAnswer:
        with self._school(actor.at_school) as tx:
            rows = store.drafts_of(tx, school_id=actor.at_school, author_id=actor.person)
        return DraftsAnswer(items=[_draft(row) for row in rows])

    @answers(DiscardDraft)
    def discard_draft(self, actor: Actor, request: DiscardDraft) -> Nothing:
        with self._school(actor.at_school) as tx:
            mine: dict[str, Any] = {"school_id": actor.at_school, "draft_id": request.draft_id, "author_id": actor.person, "now": clock.now()}
            store.end_draft(tx, **mine)
            store.end_body_map(tx, **mine)
        return Nothing()

    @answers(LeftDrafts)
    def left_drafts(self, actor: Actor, request: LeftDrafts) -> LeftDraftsAnswer:
        with self._school(actor.at_school) as tx:
            rows = store.left_drafts(tx, school_id=actor.at_school, before=clock.now() - timedelta(hours=24))
        return LeftDraftsAnswer(items=[LeftDraft(author_id=row.author_id, saved_at=row.saved_at) for row in rows])

    # --- body maps

    @answers(SaveBodyMap)
    def save_body_map(self, actor: Actor, request: SaveBodyMap) -> BodyMapAnswer:
        problems = marks.problems_of(request.body_map)
        if problems:
            raise Invalid(problems)
        here = {"school_id": actor.at_school, "body_map_id": request.body_map_id}
        with self._school(actor.at_school) as tx:
            row = store.body_map_with(tx, **here, lock=True)
            if row is not None and row.author_id != actor.person:
                raise NotFound("body_map")
            if row is not None and row.ended_at is not None:
                raise Conflict("draft_ended")
            data = request.body_map.wire()
            earlier = body_maps.changed(now=data, before=row.data, earlier=row.earlier) if row else []
            draft_id = request.draft_id or (row.draft_id if row else None)
            now = clock.now()
            store.keep_body_map(tx, **here, author_id=actor.person, draft_id=draft_id, data=data, earlier=earlier, saved_at=now)
        return BodyMapAnswer(body_map_id=request.body_map_id, body_map=request.body_map, saved_at=now, steps=len(earlier))

    @answers(UndoBodyMap)
    def undo_body_map(self, actor: Actor, request: UndoBodyMap) -> BodyMapAnswer:
        with self._school(actor.at_school) as tx:
            row = _access_body_map(tx, actor=actor, body_map_id=request.body_map_id)
            data, earlier = (row.earlier[-1], row.earlier[:-1]) if row.earlier and len(row.earlier) == request.steps else (row.data, row.earlier)
            kept = {"author_id": row.author_id, "draft_id": row.draft_id, "data": data, "earlier": earlier, "saved_at": clock.now()}
            store.keep_body_map(tx, school_id=actor.at_school, body_map_id=row.id, **kept)
        return BodyMapAnswer(body_map_id=row.id, body_map=BodyMap.receive(data), saved_at=kept["saved_at"], steps=len(earlier))

    @answers(ReadBodyMap)
    def body_map(self, actor: Actor, request: ReadBodyMap) -> BodyMapAnswer:
        with self._school(actor.at_school) as tx:
            row = _access_body_map(tx, actor=actor, body_map_id=request.body_map_id)
        return BodyMapAnswer(body_map_id=row.id, body_map=BodyMap.receive(row.data), saved_at=row.saved_at, steps=len(row.earlier))

    # --- uploads and downloads

    @answers(BeginUpload)
    def begin_upload(self, actor: Actor, request: BeginUpload) -> UploadBegun:
        with self._school(actor.at_school) as tx:
            store.begin(
                tx, school_id=actor.at_school, id=request.file_id, author_id=actor.person, name=request.name, size=request.size, begun_at=clock.now()
            )
            _access_upload(tx, actor=actor, file_id=request.file_id)
        return UploadBegun(file_id=request.file_id)

    @answers(Append)
    def append(self, actor: Actor, request: Append) -> Nothing:
        with self._school(actor.at_school) as tx:
            row = _access_upload(tx, actor=actor, file_id=request.file_id)
            if row.finished_at is not None or request.offset + len(request.data) <= row.arrived:
                return Nothing()  # a piece sent again
            ends = request.offset + len(request.data)
            whole_piece = len(request.data) == CHUNK or ends == row.size
            if request.offset != row.arrived or not whole_piece or ends > row.size:
                raise Invalid({"file": "not_whole"})
            self._objects.put(_key(actor.at_school, request.file_id, request.offset), request.data)
            store.change_file(tx, school_id=actor.at_school, file_id=row.id, arrived=ends)
        return Nothing()

    @answers(FinishUpload)
    def finish_upload(self, actor: Actor, request: FinishUpload) -> FileReceipt:
        with self._school(actor.at_school) as tx:
            row = _access_upload(tx, actor=actor, file_id=request.file_id)
            if row.finished_at is None:
                if row.arrived != row.size:
                    raise Invalid({"file": "not_whole"})
                digest, media_type = hashlib.sha256(), ""
                for piece in self._pieces(row):
                    media_type = media_type or accepting.media_type(piece)
                    digest.update(piece)
                if not accepting.is_taken(media_type, name=row.name):
                    raise Invalid({"file": "type_refused"})
                store.change_file(
                    tx, school_id=actor.at_school, file_id=row.id, sha256=digest.hexdigest(), media_type=media_type, finished_at=clock.now()
                )
                row = _access_upload(tx, actor=actor, file_id=request.file_id)
        return self._receipt(row)

    @answers(Receipts)
    def receipts(self, actor: Actor, request: Receipts) -> ReceiptsAnswer:
        with self._school(actor.at_school) as tx:
            rows = store.files_with(tx, school_id=actor.at_school, ids=request.file_ids)
        return ReceiptsAnswer(items=[self._receipt(row) for row in rows if row.author_id == actor.person])

    @answers(Names)
    def names(self, actor: Actor, request: Names) -> NamesAnswer:
        permitted = [file_id for file_id, token in request.passes.items() if self._holds(actor, file_id=file_id, token=token)]
        with self._school(actor.at_school) as tx:
            rows = store.files_with(tx, school_id=actor.at_school, ids=permitted)
        return NamesAnswer(items=[FileName(file_id=row.id, name=row.name) for row in rows])

    @answers(Read)
    def read(self, actor: Actor, request: Read) -> Piece:
        with self._school(actor.at_school) as tx:
            row = store.file_with(tx, school_id=actor.at_school, file_id=request.file_id)
        if row is None or row.finished_at is None:
            raise NotFound("file")
        own_unsealed = row.sealed_at is None and row.author_id == actor.person
        if not own_unsealed:
            receipts.verify_pass(keys=self.host.keys, token=request.pass_token, file_id=row.id, person_id=actor.person, school_id=actor.at_school)
        start = request.offset - request.offset % CHUNK
        data = b""
        if request.offset < row.size:
            data = self._objects.get(_key(row.school_id, row.id, start), offset=request.offset - start, length=CHUNK)
        return Piece(name=row.name, media_type=row.media_type, size=row.size, data=data)

    # --- events and timers

    @take_events("files")
    def events(self, message: Any) -> None:
        take(self.host, HANDLERS, message)

    @timer(interval=1)
    def retries(self) -> None:
        retry(self.host, HANDLERS)

    @timer(interval=5)
    def remind(self) -> None:
        """Say of each draft that was left that it was, once a reminder."""
        try:
            remind_due(self.host)
        except StorageError as error:
            telemetry.log().warning("reminders.waiting", sqlstate=error.sqlstate)

    @timer(interval=600)
    def sweep(self) -> None:
        """Delete drafts after seven days, and uploads that nothing refers to after eight, once their author has no draft left."""
        sweep(self.host, self._objects)

    @property
    def _objects(self) -> objects.Objects:
        url = self.host.settings.object_store_url
        if url not in _opened:
            _opened[url] = objects.opened(url)
        return _opened[url]

    def _pieces(self, row: Any) -> Iterator[bytes]:
        for offset in range(0, row.size, CHUNK):
            yield self._objects.get(_key(row.school_id, row.id, offset), offset=0, length=CHUNK)

    def _receipt(self, row: Any) -> FileReceipt:
        receipt = Receipt(row.id, row.sha256, row.size, row.media_type, row.author_id, row.school_id)
        return FileReceipt(
            file_id=row.id,
            name=row.name,
            size=row.size,
            sha256=row.sha256,
            media_type=row.media_type,
            receipt=receipts.sign_receipt(keys=self.host.keys, receipt=receipt),
        )

    def _holds(self, actor: Actor, *, file_id: UUID, token: str) -> bool:
        try:
            receipts.verify_pass(keys=self.host.keys, token=token, file_id=file_id, person_id=actor.person, school_id=actor.at_school, name_only=True)
        except NotFound:
            return False
        return True

    def _school(self, school_id: UUID) -> Any:
        return self.host.transaction(self.host.engine, school_id=school_id)


_opened: dict[str, objects.Objects] = {}


def remind_due(host: Resources, *, limit: int = 200) -> int:
    """Put an event in the outbox for each reminder that is due. Returns how many."""
    with host.transaction(host.worker_engine) as tx:
        due = store.drafts_due(tx, now=clock.now(), limit=limit)
    said = 0
    for school_id, draft_id in due:
        try:
            said += _remind(host, school_id=school_id, draft_id=draft_id)
        except Exception as error:  # one that fails must not keep those behind it from being reminded
            if isinstance(error, StorageError) and error.is_outage:
                raise
            telemetry.log().error("reminder.failed", draft=str(draft_id), error=type(error).__name__)
    return said


def _remind(host: Resources, *, school_id: UUID, draft_id: UUID) -> int:
    with host.transaction(host.engine, school_id=school_id) as tx:
        row = store.draft_with(tx, school_id=school_id, draft_id=draft_id, lock=True)
        if row is None or row.ended_at is not None or row.remind_at is None or row.remind_at > clock.now():
            return 0
        now_due = _next_reminder(tx, school_id=school_id, saved_at=row.saved_at, told=row.reminded)
        if now_due is None or now_due[0] > clock.now():  # the school's day has changed since
            store.set_reminder(tx, school_id=school_id, draft_id=draft_id, reminded=row.reminded, remind_at=now_due[0] if now_due else None)
            return 0
        following = _next_reminder(tx, school_id=school_id, saved_at=row.saved_at, told=now_due[1])
        store.set_reminder(tx, school_id=school_id, draft_id=draft_id, reminded=now_due[1], remind_at=following[0] if following else None)
        outbox.add(tx, DraftLeft, school_id=school_id, subject=draft_id, author_id=row.author_id, draft_id=draft_id, left_for=now_due[1])
        return 1


def sweep(host: Resources, kept: objects.Objects) -> None:
    """Delete what has outlived its time."""
    now = clock.now()
    with host.transaction(host.worker_engine) as tx:
        store.sweep_drafts(tx, before=now - drafts.KEPT)
        store.sweep_body_maps(tx, before=now - drafts.KEPT)
        unused = store.unused_files(tx, before=now - UNUSED_KEPT, limit=500)
    for school_id, file_id in unused:
        with host.transaction(host.worker_engine) as tx:
            size = store.delete_file(tx, school_id=school_id, file_id=file_id)
            for offset in range(0, size or 0, CHUNK):  # before the commit: what is cut short here is found and swept again
                kept.delete(_key(school_id, file_id, offset))


def _on_school(tx: sa.Connection, event: identity.SchoolChanged) -> None:
    store.keep_school(tx, school_id=event.school_id, zone=event.zone, day_ends_minute=event.day_ends_minute)


def _on_entry(tx: sa.Connection, event: incidents.EntryRecorded) -> None:
    """Seal the entry's files, and end the draft it came from with its body map, which the entry holds now."""
    if event.past:
        return
    now = clock.now()
    for file_id in event.file_ids:
        store.change_file(tx, school_id=event.school_id, file_id=file_id, entry_id=event.entry_id, sealed_at=now)
    theirs: dict[str, Any] = {"school_id": event.school_id, "author_id": event.author_id, "now": now}
    store.end_draft(tx, **theirs, draft_id=event.entry_id)
    store.end_body_map(tx, **theirs, draft_id=event.entry_id)
    if isinstance(event, incidents.IncidentRecorded) and event.body_map_id:
        store.end_body_map(tx, **theirs, body_map_id=event.body_map_id)


HANDLERS: inbox.Handlers = {identity.SchoolChanged: _on_school, incidents.IncidentRecorded: _on_entry, incidents.ActionAdded: _on_entry}


def _access_upload(tx: sa.Connection, *, actor: Actor, file_id: UUID) -> sa.Row[Any]:
    """Return the actor's own file that is not sealed, locked. Raises NotFound."""
    row = store.file_with(tx, school_id=actor.at_school, file_id=file_id, lock=True)
    if row is None or row.author_id != actor.person or row.sealed_at is not None:
        raise NotFound("file")
    return row


def _access_body_map(tx: sa.Connection, *, actor: Actor, body_map_id: UUID) -> sa.Row[Any]:
    """Return the actor's own body map that is not recorded, locked. Raises NotFound."""
    row = store.body_map_with(tx, school_id=actor.at_school, body_map_id=body_map_id, lock=True)
    if row is None or row.author_id != actor.person or row.data is None:
        raise NotFound("body_map")
    return row


def _next_reminder(tx: sa.Connection, *, school_id: UUID, saved_at: Any, told: Any) -> Any:
    school = store.school_with(tx, school_id=school_id)
    zone, ends = (school.zone, school.day_ends_minute) if school else ("Europe/London", 15 * 60 + 30)
    return drafts.next_reminder(saved_at=saved_at, told=told, zone=zone, day_ends_minute=ends)


def _draft(row: Any) -> DraftItem:
    return DraftItem(id=row.id, kind=row.kind, incident_id=row.incident_id, saved_at=row.saved_at, ends_at=row.saved_at + drafts.KEPT)


def _key(school_id: UUID, file_id: UUID, offset: int) -> str:
    return f"{school_id}/{file_id}/{offset // CHUNK:06d}"
