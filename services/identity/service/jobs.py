"""Jobs for a person: who asked is kept, and each step gets a fresh token in their name after their roles are checked again."""

from datetime import timedelta
from typing import Final

from safekeep import actor as actors
from safekeep import clock, permissions
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.identity import ActFor, ActForAnswer, BeginJob
from safekeep.errors import NotAllowed, NotFound, NotSignedIn
from safekeep.rpc import answers
from services.identity import store
from services.identity.service.base import Base
from services.identity.store import accounts, doors

LASTS: Final = timedelta(days=1)
"""As long as an export can be fetched."""


class Jobs(Base):
    """On-behalf-of tokens."""

    @answers(BeginJob)
    def begin_job(self, actor: Actor, request: BeginJob) -> Nothing:
        if not permissions.may_have_done(actor.roles, permissions.JOBS[request.kind]):
            raise NotAllowed("role")
        if actor.session_id is None:
            raise NotSignedIn("not_a_person")
        now = clock.now()
        theirs = {"kind": request.kind, "person_id": actor.person, "school_id": actor.at_school}
        with self._scope() as tx:
            doors.begin_job(
                tx, id=request.id, **theirs, session_id=actor.session_id, second_factor_at=actor.second_factor_at, begun_at=now, ends_at=now + LASTS
            )
            row = doors.job(tx, id=request.id)
        if row is None or any(row._mapping[name] != value for name, value in theirs.items()):
            raise NotFound("job")
        return Nothing()

    @answers(ActFor)
    def act_for(self, actor: Actor, request: ActFor) -> ActForAnswer:
        with self._scope() as tx:
            row = doors.job(tx, id=request.job_id)
            person = accounts.person(tx, person_id=row.person_id) if row else None
        job = permissions.JOBS.get(row.kind) if row else None
        if row is None or job is None or job.by != actor.service or row.school_id != actor.at_school or row.ends_at <= clock.now():
            raise NotFound("job")
        with self._school(row.school_id) as tx:
            place = store.member(tx, school_id=row.school_id, person_id=row.person_id)
        roles = frozenset(place.roles) if place is not None and place.active else frozenset[str]()
        if person is None or person.closed_at is not None or not permissions.may_have_done(roles, job):
            raise NotAllowed("role")
        token = actors.on_behalf_token(
            keys=self.host.keys,
            person_id=person.id,
            name=person.name,
            roles=roles,
            school_id=row.school_id,
            session_id=row.session_id,
            second_factor_at=row.second_factor_at,
            job_id=row.id,
            service=job.by,
            audience=job.audience,
            methods=job.methods,
        )
        return ActForAnswer(token=token)
