"""What was given to somebody and when: a report, a pack, a disclosure has its place in the ledger, by its hash."""

from dataclasses import replace
from typing import Any

from safekeep import clock
from safekeep.actor import Actor
from safekeep.contracts.identity import TrustSchools
from safekeep.contracts.incidents import EnterDocument, EnterTrustReport, EntrySealed
from safekeep.errors import Conflict, NotFound
from safekeep.rpc import answers, ask
from services.incidents import store
from services.incidents.service.access import access_pupil
from services.incidents.service.base import Base
from services.incidents.service.writing import write_place


class Documents(Base):
    """Mixed into the service."""

    @answers(EnterDocument)
    def enter_document(self, actor: Actor, request: EnterDocument) -> EntrySealed:
        return self._enter(actor, request)

    @answers(EnterTrustReport)
    def enter_trust_report(self, actor: Actor, request: EnterTrustReport) -> EntrySealed:
        if request.school_id not in {school.id for school in ask(self.identity, TrustSchools(), token=actor.token).items}:
            raise NotFound("school")
        document = EnterDocument(id=request.id, kind="report_published", sha256=request.sha256, about=request.about)
        return self._enter(replace(actor, school_id=request.school_id), document)

    def _enter(self, actor: Actor, request: EnterDocument) -> EntrySealed:
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
            parts = {access_pupil(tx, actor=actor, pupil_id=pupil).id: "pupil" for pupil in request.pupil_ids}
            head = store.lock_head(tx, **here)
            kept = store.document_with(tx, **here, id=request.id)
            if kept is not None:
                if (kept.kind, kept.sha256) != (request.kind, request.sha256):
                    raise Conflict("other_content")
                return EntrySealed(sequence=kept.sequence, entry_hash=kept.entry_hash)
            fields: dict[str, Any] = {"sha256": request.sha256, "about": request.about}
            place: dict[str, Any] = {"kind": request.kind, "incident_id": request.id, "entry_id": request.id, "fields": fields}
            hash_ = write_place(tx, actor=actor, **place, parts=parts, now=clock.now())
            sealed = EntrySealed(sequence=head.sequence + 1, entry_hash=hash_)
            store.add_document(tx, **here, id=request.id, kind=request.kind, sha256=request.sha256, **sealed.model_dump())
        return sealed
