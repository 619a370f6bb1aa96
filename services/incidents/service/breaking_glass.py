"""Breaking glass: the trust's safeguarding lead opens one incident, with a reason, and the school's DSLs are told at once."""

from dataclasses import replace
from typing import Any

from safekeep import clock, outbox, permissions, telemetry
from safekeep.actor import Actor
from safekeep.contracts.identity import TrustSchools
from safekeep.contracts.incidents import BreakGlass, GlassBroken, IncidentAnswer
from safekeep.errors import NotFound
from safekeep.ids import new_id
from safekeep.permissions import Role
from safekeep.rpc import answers, ask
from services.incidents import store
from services.incidents.service.base import Base
from services.incidents.service.openings import hold_back, keep_opening
from services.incidents.service.reading import incident_answer
from services.incidents.service.writing import write_place


class BreakingGlass(Base):
    """Mixed into the service."""

    @answers(BreakGlass)
    def break_glass(self, actor: Actor, request: BreakGlass) -> IncidentAnswer:
        theirs = ask(self.identity, TrustSchools(), token=actor.token).items
        if request.school_id not in {school.id for school in theirs}:
            raise NotFound("incident")
        here: dict[str, Any] = {"school_id": request.school_id}
        there = replace(actor, **here)
        hold_back(self.host, actor=there)
        now = clock.now()
        with self.host.transaction(self.host.engine, **here) as tx:
            as_dsl = replace(there, roles=frozenset({Role.DSL}))  # of this one incident they read what its DSLs read; no right stays
            row = store.incident_numbered(tx, **here, number=request.number)
            entries = store.entries_of(tx, **here, incident_id=row.id, reading=permissions.reading(as_dsl)) if row else []
            if row is None or not entries:
                keep_opening(tx, actor=there, kind="break_glass", reason=request.reason, refused=True)
                answer = None
            else:
                keep_opening(tx, actor=there, kind="break_glass", incident_id=row.id, entries=entries, reason=request.reason)
                broken = new_id()
                parts = {linked.pupil_id: linked.part or "pupil" for linked in store.linked_of(tx, **here, incident_id=row.id)}
                fields = {"person": str(actor.person), "name": actor.name, "reason": request.reason}
                write_place(tx, actor=there, kind="glass_broken", incident_id=row.id, entry_id=broken, fields=fields, parts=parts, now=now)
                outbox.add(tx, GlassBroken, **here, subject=broken, incident_id=row.id, by=actor.person)
                answer = incident_answer(tx, actor=as_dsl, row=row, entries=entries)
        if answer is None:  # after the commit: that it was tried is kept
            raise NotFound("incident")
        telemetry.log().warning("glass.broken", incident=str(answer.id), person=str(actor.person))
        return answer
