"""Attachments: begun, finished with a receipt, named, and opened with a pass."""

import io
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock, permissions, receipts
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.files import (
    FIRST_KINDS,
    BeginUpload,
    FileName,
    FileReceipt,
    FinishUpload,
    KeepKinds,
    Kinds,
    KindsAnswer,
    Names,
    NamesAnswer,
    Opened,
    Read,
    Receipts,
    ReceiptsAnswer,
    UploadBegun,
)
from safekeep.errors import Conflict, Invalid, NotFound
from safekeep.receipts import Receipt
from safekeep.rpc import answers
from services.files import accepting, store
from services.files.service import keeping, streaming
from services.files.service.base import Base


class Uploading(Base):
    """Files of an entry, before and after it is recorded."""

    @answers(BeginUpload)
    def begin_upload(self, actor: Actor, request: BeginUpload) -> UploadBegun:
        with self._school(actor.at_school) as tx:
            values = {"author_id": actor.person, "name": request.name, "size": request.size, "begun_at": clock.now()}
            store.begin(tx, school_id=actor.at_school, id=request.file_id, **values)
            row = _access_upload(tx, actor=actor, file_id=request.file_id)
            if row.finished_at is not None:
                return UploadBegun(file_id=row.id, arrived=row.size, finished=True)
            if row.size != request.size:
                raise Invalid({"file": "not_whole"})
            if row.wrapped_key is None:
                made = keeping.new_key(self.host, tx, school_id=actor.at_school, file_id=row.id)
                store.change_file(tx, school_id=actor.at_school, file_id=row.id, format=1, arrived=0, **made)
            arrived = row.arrived if row.format == 1 else 0
        ticket = streaming.ticket(self.host.keys, way="write", school_id=actor.at_school, file_id=row.id)
        return UploadBegun(file_id=row.id, arrived=arrived, ticket=ticket)

    @answers(FinishUpload)
    def finish_upload(self, actor: Actor, request: FinishUpload) -> FileReceipt:
        with self._school(actor.at_school) as tx:
            row = _access_upload(tx, actor=actor, file_id=request.file_id)
            if row.finished_at is not None:
                return self._receipt(row)
            if row.arrived != row.size or row.wrapped_key is None:
                raise Invalid({"file": "not_whole"})
            key, school = keeping.key_of(self.host, tx, row), store.school_with(tx, school_id=actor.at_school)
        taken = school.kinds if school is not None and school.kinds else FIRST_KINDS
        whole = io.BufferedReader(keeping.Seekable(self.host, row, key=key))  # a raw read ends where a piece does: zipfile takes that for the end
        found = accepting.examine(whole, name=row.name, size=row.size, taken=taken)
        digest = streaming.digest_of(self.host, row, key=key)
        values = {"sha256": digest, "media_type": found.media_type, "finished_at": clock.now()}
        with self._school(actor.at_school) as tx:
            row = _access_upload(tx, actor=actor, file_id=request.file_id)
            if row.finished_at is None:
                scan = "waiting" if self.host.settings.clamd_url else "not_scanned"
                store.change_file(tx, school_id=actor.at_school, file_id=row.id, scan=scan, **values)
                row = _access_upload(tx, actor=actor, file_id=request.file_id)
        return self._receipt(row)

    @answers(Receipts)
    def receipts(self, actor: Actor, request: Receipts) -> ReceiptsAnswer:
        with self._school(actor.at_school) as tx:
            rows = store.files_with(tx, school_id=actor.at_school, ids=request.file_ids)
        return ReceiptsAnswer(items=[self._receipt(row) for row in rows if row.author_id == actor.person])

    @answers(Names)
    def names(self, actor: Actor, request: Names) -> NamesAnswer:
        held = [id_ for id_, token in request.passes.items() if self._holds(actor, file_id=id_, token=token)]
        with self._school(actor.at_school) as tx:
            rows = store.files_with(tx, school_id=actor.at_school, ids=held)
        return NamesAnswer(items=[_name(row, lead=permissions.is_lead(actor.roles)) for row in rows if row.destroyed_at is None])

    @answers(Read)
    def read(self, actor: Actor, request: Read) -> Opened:
        with self._school(actor.at_school) as tx:
            row = store.file_with(tx, school_id=actor.at_school, file_id=request.file_id)
            if row is None or row.finished_at is None:
                raise NotFound("file")
            own_unsealed = row.sealed_at is None and row.author_id == actor.person
            if not own_unsealed:
                receipts.verify_pass(keys=self.host.keys, token=request.pass_token, file_id=row.id, person_id=actor.person, school_id=actor.at_school)
            if problem := streaming.kept_from(row):
                raise Conflict(problem)
            if request.page > row.previews:
                raise Conflict("no_preview")
            was_clear = row.format == 0
            if was_clear:
                row = keeping.convert(self.host, tx, row)
        if was_clear:
            keeping.drop_clear(self.host, row)
        ticket = streaming.ticket(self.host.keys, way="read", school_id=actor.at_school, file_id=row.id, page=request.page)
        return Opened(name=row.name, media_type=row.media_type, size=row.size, scan=row.scan, ticket=ticket)

    @answers(Kinds)
    def kinds(self, actor: Actor, request: Kinds) -> KindsAnswer:
        with self._school(actor.at_school) as tx:
            school = store.school_with(tx, school_id=actor.at_school)
        return KindsAnswer(kinds=list(school.kinds if school is not None and school.kinds else FIRST_KINDS))

    @answers(KeepKinds)
    def keep_kinds(self, actor: Actor, request: KeepKinds) -> Nothing:
        with self._school(actor.at_school) as tx:
            store.keep_kinds(tx, school_id=actor.at_school, kinds=list(dict.fromkeys(request.kinds)))
        return Nothing()

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


def _name(row: Any, *, lead: bool) -> FileName:
    facts = row.facts if lead else {}
    shown = 0 if streaming.kept_from(row) else row.previews
    said = {name: str(facts.get(name, ""))[:200] for name in ("taken_at", "taken_where", "taken_with")}
    return FileName(file_id=row.id, name=row.name, scan=row.scan, previews=shown, of_words=bool(row.facts.get("of_words")), **said)


def _access_upload(tx: sa.Connection, *, actor: Actor, file_id: UUID) -> sa.Row[Any]:
    """Return the actor's own file that is not sealed, locked. Raises NotFound."""
    row = store.file_with(tx, school_id=actor.at_school, file_id=file_id, lock=True)
    if row is None or row.author_id != actor.person or row.sealed_at is not None:
        raise NotFound("file")
    return row
