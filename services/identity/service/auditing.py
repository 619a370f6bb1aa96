"""The audit log: read, filtered and exported by the school's DSLs. Nothing changes or removes a line."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import cursors, inbox
from safekeep.actor import Actor
from safekeep.contracts.identity import Audit, AuditAnswer, AuditItem, ExportAudit
from safekeep.contracts.incidents import AuditNoted, ContentDestroyed, DestructionNoted, GlassBroken, RelativeChanged
from safekeep.errors import Invalid
from safekeep.rpc import answers
from services.identity import store
from services.identity.service.base import Base


class Auditing(Base):
    """The audit log of a school."""

    @answers(Audit)
    def audit(self, actor: Actor, request: Audit) -> AuditAnswer:
        return self._lines_of(actor, request)

    @answers(ExportAudit)
    def export_audit(self, actor: Actor, request: ExportAudit) -> AuditAnswer:
        if request.cursor is None:
            with self._school(actor.at_school) as tx:
                self._audit(tx, "exported", person_id=None, by_id=actor.person, schools=[actor.at_school], what="audit_log")
        return self._lines_of(actor, request)

    def _lines_of(self, actor: Actor, request: Audit | ExportAudit) -> AuditAnswer:
        if request.since and request.until and request.until < request.since:
            raise Invalid({"until": "before_start"})
        limit, before = max(1, min(request.limit, 500)), cursors.read(request.cursor, datetime.fromisoformat, UUID)
        with self._school(actor.at_school) as tx:
            which: dict[str, Any] = {"kind": request.kind, "person_id": request.person_id, "since": request.since, "until": request.until}
            rows = store.audit_of(tx, school_id=actor.at_school, before=before, limit=limit + 1, reader_id=actor.person, **which)
        items = [AuditItem(id=r.id, at=r.at, kind=r.kind, person_id=r.person_id, by=r.by_id, facts=r.facts) for r in rows[:limit]]
        following = cursors.write(rows[limit - 1].at.isoformat(), str(rows[limit - 1].id)) if len(rows) > limit else None
        return AuditAnswer(items=items, next=following)


def _on_noted(tx: sa.Connection, event: AuditNoted) -> None:
    """Write what another service did into the school's log: at the time it was done, under the event's own id."""
    facts = {"what": event.what} if event.what else {}
    store.add_audit(tx, id=event.id, at=event.at, kind=event.kind, person_id=event.person_id, by_id=event.by, school_id=event.school_id, facts=facts)


def _on_glass_broken(tx: sa.Connection, event: GlassBroken) -> None:
    store.add_audit(tx, id=event.id, at=event.at, kind="glass_broken", person_id=None, by_id=event.by, school_id=event.school_id, facts={})


def _on_destroyed(tx: sa.Connection, event: ContentDestroyed) -> None:
    """Write that two people had content destroyed: whose proposal it was, and who decided."""
    said: dict[str, Any] = {"kind": "content_destroyed", "person_id": event.proposed_by, "by_id": event.by, "facts": {}}
    store.add_audit(tx, id=event.id, at=event.at, school_id=event.school_id, **said)


def _on_destruction(tx: sa.Connection, event: DestructionNoted) -> None:
    """Write that somebody proposed to destroy content, or that it was kept: who decided so, and of whose proposal."""
    whose = event.proposed_by if event.outcome == "kept" else None
    said: dict[str, Any] = {"kind": f"destruction_{event.outcome}", "person_id": whose, "by_id": event.by, "facts": {}}
    store.add_audit(tx, id=event.id, at=event.at, school_id=event.school_id, **said)


def _on_relative(tx: sa.Connection, event: RelativeChanged) -> None:
    """Write whose parent or carer somebody now counts as, or no longer: the pupil by their id, since identity knows no pupil's name."""
    kind, facts = store.RELATIVE_ENTERED if event.entered else store.RELATIVE_ENDED, {"pupil": str(event.pupil_id)}
    store.add_audit(tx, id=event.id, at=event.at, kind=kind, person_id=event.person_id, by_id=event.by, school_id=event.school_id, facts=facts)


HANDLERS: inbox.Handlers = {
    AuditNoted: _on_noted,
    GlassBroken: _on_glass_broken,
    ContentDestroyed: _on_destroyed,
    DestructionNoted: _on_destruction,
    RelativeChanged: _on_relative,
}
