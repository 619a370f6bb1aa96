"""Content that is lawfully destroyed: one DSL proposes it, a second decides. The ledger keeps that it happened, why, and of which entries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from safekeep import clock, outbox, permissions, telemetry
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.incidents import ContentDestroyed, DecideDestruction, DestructionItem, DestructionNoted, FileDecided, ProposeDestruction
from safekeep.errors import Conflict, NotAllowed, NotFound
from safekeep.ids import new_id
from safekeep.rpc import answers
from services.incidents import store
from services.incidents.service.base import Base
from services.incidents.service.rows import destruction_item
from services.incidents.service.writing import write_place


class Destroying(Base):
    """Content nobody has any more."""

    @answers(ProposeDestruction)
    def propose_destruction(self, actor: Actor, request: ProposeDestruction) -> DestructionItem:
        school_id = actor.at_school
        here: dict[str, Any] = {"school_id": school_id, "incident_id": request.incident_id}
        with self._school(actor) as tx:
            head = store.lock_head(tx, school_id=school_id)
            before = store.destruction_with(tx, school_id=school_id, destruction_id=request.id)
            if before is not None:
                return _same(before, actor=actor, request=request)
            entry = store.entry_with(tx, school_id=school_id, entry_id=request.entry_id, reading=permissions.reading(actor))
            if entry is None or entry.incident_id != request.incident_id or entry.facts.get("corrects"):
                raise NotFound("entry")
            rows = _under(tx, actor=actor, incident_id=entry.incident_id, entry_id=entry.id)
            gone = store.destroyed_among(tx, school_id=school_id, entry_ids=[row.id for row in rows])
            left = [row.id for row in rows if row.id not in gone]
            if not left:
                raise Conflict("destroyed")
            if any({*left} <= {*each.entry_ids} for each in store.destructions_of(tx, **here)):
                raise Conflict("destruction_proposed")
            said = {"basis": request.basis, "law": request.law, "reason": request.reason}
            place = {"incident_id": entry.incident_id, "entry_id": entry.id, "entry_ids": left, "as_of": head.sequence}
            proposed = {"proposed_by": actor.person, "proposed_at": clock.now()}
            store.add_destruction(tx, school_id=school_id, id=request.id, **said, **place, **proposed)
            _note(tx, actor=actor, incident_id=entry.incident_id, outcome="proposed", proposed_by=actor.person)
            row = store.destruction_with(tx, school_id=school_id, destruction_id=request.id)
        return destruction_item(row)

    @answers(DecideDestruction)
    def decide_destruction(self, actor: Actor, request: DecideDestruction) -> Nothing:
        now, here = clock.now(), {"school_id": actor.at_school}
        with self._school(actor) as tx:
            store.wait_for_exports(tx, **here)
            head = store.lock_head(tx, **here)
            proposed = store.destruction_with(tx, **here, destruction_id=request.destruction_id)
            incident_id, entry_id = (proposed.incident_id, proposed.entry_id) if proposed else (request.destruction_id,) * 2
            rows = _under(tx, actor=actor, incident_id=incident_id, entry_id=entry_id)  # also of none: what is hidden takes as long as nothing
            if proposed is None or not {*proposed.entry_ids} <= {row.id for row in rows}:
                raise NotFound("destruction")
            if proposed.decision is not None:
                if proposed.decision == request.decision:
                    return Nothing()
                raise Conflict("destruction_decided")
            decided: dict[str, Any] = {"decided_by": actor.person, "decided_at": now, "decision": request.decision, "decided_why": request.reason}
            if request.decision == "keep":
                store.decide_destruction(tx, **here, destruction_id=proposed.id, **decided)
                _note(tx, actor=actor, incident_id=proposed.incident_id, outcome="kept", proposed_by=proposed.proposed_by)
                return Nothing()
            if proposed.proposed_by == actor.person:
                raise NotAllowed("own_proposal")
            if any(row.ledger_sequence > proposed.as_of for row in rows):
                raise Conflict("changed_since")
            gone = store.destroyed_among(tx, **here, entry_ids=proposed.entry_ids)
            which = [row for row in rows if row.id in proposed.entry_ids and row.id not in gone]
            if not which:
                raise Conflict("destroyed")
            store.decide_destruction(tx, **here, destruction_id=proposed.id, **decided, sequence=head.sequence + 1)
            _destroy(tx, actor=actor, proposed=proposed, rows=which, why=request.reason, now=now)
        telemetry.log().info("content.destroyed", destruction=str(proposed.id), school=str(actor.at_school), entries=len(which))
        return Nothing()


def _under(tx: sa.Connection, *, actor: Actor, incident_id: Any, entry_id: Any) -> list[Any]:
    """Return what a proposal covers of what this person reads: the whole incident by its first entry, else the entry with its corrections."""
    here: dict[str, Any] = {"school_id": actor.at_school, "incident_id": incident_id}
    covered = {*store.entries_under(tx, **here, entry_id=entry_id)}
    return [row for row in store.entries_of(tx, **here, reading=permissions.reading(actor)) if row.id in covered]


def _note(tx: sa.Connection, *, actor: Actor, **said: Any) -> None:
    """Have a line written in the school's audit log."""
    outbox.add(tx, DestructionNoted, school_id=actor.at_school, subject=new_id(), by=actor.person, **said)


def _same(before: Any, *, actor: Actor, request: ProposeDestruction) -> DestructionItem:
    if before.proposed_by != actor.person:
        raise Conflict("id_taken")
    if any(getattr(before, name) != getattr(request, name) for name in ("incident_id", "entry_id", "basis", "law", "reason")):
        raise Conflict("other_content")
    return destruction_item(before)


def _destroy(tx: sa.Connection, *, actor: Actor, proposed: Any, rows: Sequence[Any], why: str, now: datetime) -> None:
    """Take words and salts away, say so in the ledger and in the audit log, and have the attachments' keys destroyed."""
    here: dict[str, Any] = {"school_id": actor.at_school}
    place = {"incident_id": proposed.incident_id, "entry_id": proposed.entry_id}
    files = store.exclusive_files(tx, **here, entry_ids=[row.id for row in rows])
    blocks = store.blocks_of(tx, **here, file_ids=[file_id for file_id, _ in files])
    files = [each for each in files if each[0] not in blocks or blocks[each[0]].decision is None]  # the key of others is destroyed already
    store.destroy_content(tx, **here, destruction_id=proposed.id, rows=rows)
    fields = {
        "destruction": str(proposed.id),
        "sequences": sorted(row.ledger_sequence for row in rows),
        "files": [str(file_id) for file_id, _ in files],
        "basis": proposed.basis,
        "law": proposed.law,
        "reason": proposed.reason,
        "proposed_by": str(proposed.proposed_by),
        "decided": why,
    }
    parts = {row.pupil_id: row.part or "pupil" for row in store.linked_of(tx, **here, incident_id=proposed.incident_id)}
    write_place(tx, actor=actor, kind="destroyed", fields=fields, parts=parts, now=now, **place)
    for file_id, entry_id in files:
        of_it: dict[str, Any] = {"incident_id": proposed.incident_id, "entry_id": entry_id}
        if file_id not in blocks:
            store.keep_block(tx, **here, file_id=file_id, blocked_by=proposed.proposed_by, blocked_at=now, **of_it)
        second = proposed.proposed_by if file_id in blocks and blocks[file_id].blocked_by == actor.person else actor.person
        store.decide_block(tx, **here, file_id=file_id, decided_by=second, decided_at=now, decision="destroy")
        outbox.add(tx, FileDecided, **here, subject=proposed.incident_id, at=now, file_id=file_id, decision="destroy", **of_it)
    said: dict[str, Any] = {"incident_id": proposed.incident_id, "entries": len(rows), "proposed_by": proposed.proposed_by, "by": actor.person}
    outbox.add(tx, ContentDestroyed, **here, subject=proposed.id, at=now, **said)
