"""Attachments that must not be seen: one DSL blocks at once, a second decides. The ledger keeps that it happened and why."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock, outbox, permissions
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.incidents import Attached, AttachedAnswer, BlockFile, DecideFile, FileBlocked, FileDecided
from safekeep.errors import Conflict, NotAllowed, NotFound
from safekeep.rpc import answers
from services.incidents import store
from services.incidents.service.base import Base
from services.incidents.service.writing import write_place


class Blocking(Base):
    """Attachments nobody opens any more."""

    @answers(BlockFile)
    def block_file(self, actor: Actor, request: BlockFile) -> Nothing:
        now = clock.now()
        with self._school(actor) as tx:
            place, parts = _found(tx, actor=actor, file_id=request.file_id)
            if request.file_id in store.blocks_of(tx, school_id=actor.at_school, file_ids=[request.file_id]):
                return Nothing()
            store.keep_block(tx, school_id=actor.at_school, file_id=request.file_id, blocked_by=actor.person, blocked_at=now, **place)
            fields = {"file": str(request.file_id), "reason": request.reason}
            write_place(tx, actor=actor, kind="file_blocked", fields=fields, parts=parts, now=now, **place)
            about: dict[str, Any] = {"school_id": actor.at_school, "subject": place["incident_id"], "at": now, "file_id": request.file_id}
            outbox.add(tx, FileBlocked, **(about | place))
        return Nothing()

    @answers(DecideFile)
    def decide_file(self, actor: Actor, request: DecideFile) -> Nothing:
        now = clock.now()
        with self._school(actor) as tx:
            place, parts = _found(tx, actor=actor, file_id=request.file_id)
            block = store.blocks_of(tx, school_id=actor.at_school, file_ids=[request.file_id]).get(request.file_id)
            if block is None:
                if request.decision == "give_back":
                    return Nothing()
                raise Conflict("not_blocked")
            if block.decision == "destroy":
                if request.decision == "destroy":
                    return Nothing()
                raise Conflict("file_destroyed")
            if block.blocked_by == actor.person:
                raise NotAllowed("second_person")
            decided = {"decided_by": actor.person, "decided_at": now, "decision": request.decision}
            store.decide_block(tx, school_id=actor.at_school, file_id=request.file_id, **decided)
            kind = "file_destroyed" if request.decision == "destroy" else "file_given_back"
            fields = {"file": str(request.file_id), "reason": request.reason}
            write_place(tx, actor=actor, kind=kind, fields=fields, parts=parts, now=now, **place)
            about: dict[str, Any] = {"school_id": actor.at_school, "subject": place["incident_id"], "at": now, "file_id": request.file_id}
            outbox.add(tx, FileDecided, **(about | place), decision=request.decision)
        return Nothing()

    @answers(Attached)
    def attached(self, actor: Actor, request: Attached) -> AttachedAnswer:
        with self._school(actor) as tx:
            blocks = store.blocks_of(tx, school_id=actor.at_school, file_ids=request.file_ids)
            return AttachedAnswer(
                file_ids=list(store.attached(tx, school_id=actor.at_school, file_ids=request.file_ids)),
                destroyed=[file_id for file_id, block in blocks.items() if block.decision == "destroy"],
            )


def _found(tx: sa.Connection, *, actor: Actor, file_id: UUID) -> tuple[dict[str, UUID], dict[UUID, str]]:
    """Return where an attachment belongs, and its pupils with their part; the chain is locked. Raises NotFound("file")."""
    store.lock_head(tx, school_id=actor.at_school)
    entry = store.entry_of_file(tx, school_id=actor.at_school, file_id=file_id, reading=permissions.reading(actor))
    if entry is None:
        raise NotFound("file")
    linked = store.linked_of(tx, school_id=actor.at_school, incident_id=entry.incident_id)
    return {"incident_id": entry.incident_id, "entry_id": entry.id}, {row.pupil_id: row.part or "pupil" for row in linked}
