"""The proof as DSLs see it: what the self-check found, who holds heads, and exports. The ledger's own process does the work."""

import json
import re
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import actor as actors
from safekeep import clock, permissions, telemetry
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.identity import ActFor, BeginJob
from safekeep.contracts.incidents import (
    AlterationItem,
    BeginExport,
    EndWitness,
    Export,
    ExportAnswer,
    ExportItem,
    ExportPart,
    ExportPiece,
    ExportPieceAnswer,
    HeadItem,
    KeepWitness,
    Proof,
    ProofAnswer,
    WitnessedHead,
    WitnessedHeadAnswer,
    WitnessItem,
)
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound, SafekeepError
from safekeep.proof.heads import Signed, fingerprint
from safekeep.rpc import answers, ask
from services.incidents import store
from services.incidents.service.access import access_pupil, unread
from services.incidents.service.base import Base
from services.incidents.service.openings import keep_opening
from services.incidents.service.writing import note, write_place

SHOWN = 10
PERMIT = store.PERMIT
MOST_WITNESSES = 20
_ADDRESS = re.compile(r"[^\s@<>,;\"]+@[^\s@<>,;\"]+\.[^\s@<>,;\"]+")


class Proofs(Base):
    """Heads, witnesses, exports."""

    @answers(Proof)
    def proof(self, actor: Actor, request: Proof) -> ProofAnswer:
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
            check = store.check_of(tx, **here)
            found = store.alterations_of(tx, **here)
            heads = store.latest_heads(tx, **here, limit=SHOWN)
            witnesses = store.witnesses_of(tx, **here)
            exports = store.exports_of(tx, **here, reading=permissions.reading(actor), limit=SHOWN)
            entries, _, _ = store.ends(tx, **here)
            hidden = unread(tx, actor=actor, ids={row.incident_id for row in found if row.incident_id})
        if request.incident_id:
            found = [row for row in found if row.incident_id in (request.incident_id, None)]
        return ProofAnswer(
            entries=entries,
            checked_at=check.checked_at if check else None,
            checked_to=check.sequence if check else 0,
            whole_at=check.whole_at if check else None,
            fingerprint=fingerprint(heads[0][1].public) if heads else "",
            alterations=[_alteration(row, known=row.incident_id not in hidden) for row in found[:200]],
            heads=[_head(id_, each) for id_, each in heads],
            witnesses=[WitnessItem(id=row.id, kind=row.kind, name=row.name, address=row.address, added_at=row.added_at) for row in witnesses],
            exports=[export_item(row) for row in exports],
        )

    @answers(KeepWitness)
    def keep_witness(self, actor: Actor, request: KeepWitness) -> Nothing:
        if request.kind == "email" and not _ADDRESS.fullmatch(request.address):
            raise Invalid({"address": "not_an_address" if request.address else "missing"})
        with self._school(actor) as tx:
            here: dict[str, Any] = {"school_id": actor.at_school}
            if len(store.witnesses_of(tx, **here)) >= MOST_WITNESSES and store.witness_with(tx, **here, id=request.id) is None:
                raise Conflict("too_many")
            address = request.address if request.kind == "email" else ""
            kept = {"id": request.id, "kind": request.kind, "name": request.name, "address": address}
            store.add_witness(tx, school_id=actor.at_school, **kept, added_by=actor.person, added_at=clock.now())
        return Nothing()

    @answers(EndWitness)
    def end_witness(self, actor: Actor, request: EndWitness) -> Nothing:
        with self._school(actor) as tx:
            if not store.end_witness(tx, school_id=actor.at_school, id=request.id, by=actor.person, now=clock.now()):
                witness = store.witness_with(tx, school_id=actor.at_school, id=request.id)
                if witness is None or witness.ended_by != actor.person:  # else it is sent again: its answer was lost
                    raise NotFound("witness")
        return Nothing()

    @answers(BeginExport)
    def begin_export(self, actor: Actor, request: BeginExport) -> ExportItem:
        now = clock.now()
        ask(self.identity, BeginJob(id=request.id, kind="export"), token=actor.token)
        with self._school(actor) as tx:
            parts = _access_scope(tx, actor=actor, request=request)
            asked = {"asked_by": actor.person, "asked_name": actor.name, "asked_at": now}
            if store.add_export(tx, school_id=actor.at_school, **request.model_dump(), **asked):
                of_incident = request.scope_id if request.scope == "incident" else request.id
                fields = {"scope": request.scope, "id": str(request.scope_id), "with_linked": request.with_linked, "reason": request.reason}
                write_place(tx, actor=actor, kind="disclosure", incident_id=of_incident, entry_id=request.id, fields=fields, parts=parts, now=now)
                note(tx, school_id=actor.at_school, kind="exported", by=actor.person, what=f"export_{request.scope}")
                about: dict[str, Any] = {f"{request.scope}_id": request.scope_id} if request.scope != "school" else {}
                keep_opening(tx, actor=actor, kind="export", reason=request.reason, **about)
                store.want(tx, school_id=actor.at_school, kind=PERMIT, subject=request.id, due_at=now)
            row = _access_export(tx, actor=actor, export_id=request.id)
        telemetry.log().info("export.asked", export=str(request.id), scope=request.scope)
        return export_item(row)

    def get_permits(self) -> None:
        """Fetch, for each step of an export that waits for one, identity's word that who asked may still have it; the ledger's process acts by it."""
        with self.host.transaction(self.host.worker_engine) as tx:
            due = store.permits_due(tx, now=clock.now(), limit=20)
        for row in due:
            here: dict[str, Any] = {"school_id": row.school_id}
            own = actors.service_token(keys=self.host.keys, service="incidents", **here, methods=[ActFor.method])
            try:
                permit = ask(self.identity, ActFor(job_id=row.subject), token=own).token
            except (NotAllowed, NotFound):
                permit = ""
            except SafekeepError as error:  # identity is away: at the next tick
                telemetry.log().warning("export.waits", error=type(error).__name__)
                return
            with self.host.transaction(self.host.engine, **here) as tx:
                if permit:
                    store.change_export(tx, **here, id=row.subject, permit=permit)
                    store.want(tx, **here, kind="export", subject=row.subject, due_at=clock.now())
                else:
                    store.change_export(tx, **here, id=row.subject, state="failed", permit="")
                    store.drop_pieces(tx, **here, export_id=row.subject)
                    telemetry.log().warning("export.not_made", export=str(row.subject), why="role")
                store.done(tx, **here, kind=PERMIT, subject=row.subject)

    @answers(Export)
    def export(self, actor: Actor, request: Export) -> ExportAnswer:
        with self._school(actor) as tx:
            row = _access_export(tx, actor=actor, export_id=request.id)
            again = _is_overtaken(tx, school_id=actor.at_school, row=row)
            pieces = store.pieces_of(tx, school_id=actor.at_school, export_id=row.id) if row.state == "ready" and not again else []
        parts = [ExportPart(name=name, pieces=[number for number, _ in group]) for name, group in groupby(pieces, key=lambda piece: piece[1])]
        item = export_item(row)
        if again:
            item = item.model_copy(update={"state": "over", "again": True})
        return ExportAnswer(item=item, parts=parts, files=[] if again else [UUID(file_id) for file_id in row.files])

    @answers(ExportPiece)
    def export_piece(self, actor: Actor, request: ExportPiece) -> ExportPieceAnswer:
        with self._school(actor) as tx:
            row = _access_export(tx, actor=actor, export_id=request.id)
            overtaken = store.destroyed_after(tx, school_id=actor.at_school, sequence=row.size)  # a file blocked meanwhile breaks no download off
            data = None if overtaken else store.piece_of(tx, school_id=actor.at_school, export_id=row.id, number=request.number)
        if data is None:
            raise NotFound("export")
        return ExportPieceAnswer(data=data)

    @answers(WitnessedHead)
    def witnessed_head(self, actor: Actor, request: WitnessedHead) -> WitnessedHeadAnswer:
        with self._school(actor) as tx:
            witness = store.witness_with(tx, school_id=actor.at_school, id=request.witness_id)
            signed = store.signed_head(tx, school_id=actor.at_school, id=request.head_id)
        if witness is None or witness.ended_at is not None or signed is None:
            raise NotFound("witness")
        head = signed.head
        return WitnessedHeadAnswer(
            name=witness.name, address=witness.address, size=head.size, at=head.at, fingerprint=fingerprint(signed.public), text=head_text(signed)
        )


def _access_scope(tx: sa.Connection, *, actor: Actor, request: BeginExport) -> dict[UUID, str]:
    """Return the pupils in whose threads the disclosure stands.

    Raises NotFound for what is not there or not theirs to know of. Where something in it is not theirs to read the answer is the same as
    where nothing is: the words of that are withheld, as those of other children's incidents are.
    """
    here: dict[str, Any] = {"school_id": actor.at_school}
    if request.scope == "school":
        if request.scope_id != actor.at_school:
            raise NotFound("school")
        return {}
    if request.scope == "pupil":
        pupil = access_pupil(tx, actor=actor, pupil_id=request.scope_id)
        if actor.person in store.concerned_staff(tx, **here, pupil_ids=[pupil.id]):
            raise NotFound("pupil")
        return {pupil.id: "pupil"}
    if not store.entries_of(tx, **here, incident_id=request.scope_id, reading=permissions.reading(actor)):
        raise NotFound("incident")
    return {row.pupil_id: row.part or "pupil" for row in store.linked_of(tx, **here, incident_id=request.scope_id)}


def _access_export(tx: sa.Connection, *, actor: Actor, export_id: UUID) -> sa.Row[Any]:
    """Return an export that this person asked for. Raises NotFound."""
    row = store.export_with(tx, school_id=actor.at_school, id=export_id)
    if row is None or row.asked_by != actor.person:
        raise NotFound("export")
    return row


def _is_overtaken(tx: sa.Connection, *, school_id: UUID, row: Any) -> bool:
    """Whether something in an export was blocked, or content destroyed, since it was made: it is handed out no more."""
    if row.made_at is None or row.state not in ("ready", "over"):
        return False
    blocked = store.blocks_of(tx, school_id=school_id, file_ids=[UUID(file_id) for file_id in row.files])
    return bool(blocked) or store.destroyed_after(tx, school_id=school_id, sequence=row.size)


def head_text(signed: Signed) -> str:
    """Return what a witness keeps."""
    return json.dumps(signed.wire(), indent=1)


def _head(id_: UUID, signed: Signed) -> HeadItem:
    return HeadItem(id=id_, size=signed.head.size, at=datetime.fromisoformat(signed.head.at), text=head_text(signed))


def export_item(row: Any) -> ExportItem:
    return ExportItem(
        id=row.id,
        scope=row.scope,
        scope_id=row.scope_id,
        reason=row.reason,
        asked_by=row.asked_by,
        asked_name=row.asked_name,
        asked_at=row.asked_at,
        state=row.state,
        entries=row.entries,
    )


def _alteration(row: Any, *, known: bool) -> AlterationItem:
    """What was found. Of which incident, is said to those who read of it."""
    incident_id = row.incident_id if known else None
    return AlterationItem(number=row.sequence, kind=row.kind, incident_id=incident_id, code=row.code, said=row.said, found_at=row.found_at)
