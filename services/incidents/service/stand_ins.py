"""Who stands in for the DSLs where a child is the child of every one of them: grants made beforehand."""

from safekeep import clock, permissions
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.incidents import EndStandIn, KeepStandIn, StandInItem, StandIns, StandInsAnswer
from safekeep.errors import Invalid, NotFound
from safekeep.rpc import answers
from services.incidents import store
from services.incidents.service.access import known_school
from services.incidents.service.base import Base
from services.incidents.service.writing import note, write_place


class StandingIn(Base):
    """Grants made beforehand."""

    @answers(StandIns)
    def stand_ins(self, actor: Actor, request: StandIns) -> StandInsAnswer:
        with self._school(actor) as tx:
            rows = store.stand_ins_of(tx, school_id=actor.at_school)
        items = [StandInItem(id=r.id, person_id=r.person_id, reason=r.reason, given_by=r.given_by, given_at=r.given_at) for r in rows]
        return StandInsAnswer(items=items)

    @answers(KeepStandIn)
    def keep_stand_in(self, actor: Actor, request: KeepStandIn) -> Nothing:
        now = clock.now()
        with self._school(actor) as tx:
            store.lock_head(tx, school_id=actor.at_school)
            member = known_school(tx, actor.at_school).staff.get(request.person_id)
            if member is None:
                raise NotFound("person")
            if request.person_id == actor.person:
                raise Invalid({"person_id": "another_dsl"})
            if not permissions.may_record(member.roles):
                raise Invalid({"person_id": "cannot_be_told"})
            if not request.reason.strip():
                raise Invalid({"reason": "missing"})
            here = {"school_id": actor.at_school, "id": request.id, "by": actor.person, "now": now}
            if store.add_stand_in(tx, **here, person_id=request.person_id, reason=request.reason):  # type: ignore[arg-type]
                note(tx, school_id=actor.at_school, kind="stand_in_given", person_id=request.person_id, by=actor.person)
                fields = {"person": str(request.person_id), "reason": request.reason}
                write_place(tx, actor=actor, kind="stand_in", incident_id=request.id, entry_id=request.id, fields=fields, parts={}, now=now)
        return Nothing()

    @answers(EndStandIn)
    def end_stand_in(self, actor: Actor, request: EndStandIn) -> Nothing:
        with self._school(actor) as tx:
            ended = store.end_stand_in(tx, school_id=actor.at_school, id=request.stand_in_id, by=actor.person, now=clock.now())
            if ended is None and store.is_stand_in(tx, school_id=actor.at_school, id=request.stand_in_id):
                return Nothing()  # who ended it is said already
            if ended is None:
                raise NotFound("stand_in")
            note(tx, school_id=actor.at_school, kind="stand_in_ended", person_id=ended.person_id, by=actor.person)
        return Nothing()
