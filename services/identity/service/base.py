"""What the parts of identity's service share: transactions, sessions found, audit lines, letters."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import eventlet.patcher
import eventlet.semaphore
import sqlalchemy as sa

from safekeep import clock, green, outbox, permissions
from safekeep.actor import Actor
from safekeep.contracts.identity import LetterWanted, SchoolPlace, SignedIn, Stage
from safekeep.errors import NotAllowed, NotFound, NotSignedIn
from safekeep.ids import new_id
from safekeep.rpc import Host, Resources
from services.identity import passwords, sessions, store
from services.identity.passwords import Rules
from services.identity.sessions import State, Times
from services.identity.single_sign_on import is_guarded
from services.identity.store import accounts

_AT_ONCE: Final = eventlet.semaphore.Semaphore(max(1, (os.cpu_count() or 2) - 1))


@dataclass(frozen=True, slots=True)
class Standing:
    """A person's places, and what their schools' policies ask of them together."""

    places: list[SchoolPlace]
    rules: Rules
    lock_after: timedelta
    needs_factor: bool
    school_names: list[str]
    trusts: dict[UUID, UUID]

    @property
    def tenant(self) -> UUID | None:
        """Where events about the account go: a school of theirs, or their trust."""
        schools = [p.id for p in self.places if not p.is_trust]
        return schools[0] if schools else self.places[0].id if self.places else None

    def places_of(self, session: Any) -> list[SchoolPlace]:
        """The places a session opens: one made with a provider only those the provider is of. Whoever runs it could sign in as anybody there."""
        if session.provider_id is None:
            return self.places
        if session.via_school is not None:
            return [p for p in self.places if p.id == session.via_school]
        return [p for p in self.places if self.trusts[p.id] == session.via_trust]

    @property
    def roles(self) -> set[str]:
        """Every role they have anywhere, waiting ones included: an account is guarded before its role counts."""
        return {role for place in self.places for role in (*place.roles, *place.waiting)}


class Base:
    """Transactions and findings. Mixed into the service."""

    host: Resources = Host()

    def _scope(self, person_id: UUID | None = None) -> Any:
        return self.host.transaction(self.host.engine, scope="sign_in", person_id=str(person_id or ""))

    def _school(self, school_id: UUID) -> Any:
        return self.host.transaction(self.host.engine, school_id=school_id)

    def _stored(self, token: str) -> bytes:
        return sessions.stored_form(token=token, key=self._key)

    @property
    def _key(self) -> bytes:
        return self.host.keys.symmetric("sessions")[1]

    def _standing(self, person_id: UUID) -> Standing:
        with self.host.transaction(self.host.engine) as tx:
            return self._standing_in(tx, person_id)

    def _standing_in(self, tx: sa.Connection, person_id: UUID) -> Standing:
        rows = accounts.places_of(tx, person_id=person_id)
        at_school = [r for r in rows if not r.is_trust]
        with_policy = [r for r in at_school if r.min_length is not None]
        places = [SchoolPlace(id=r.id, slug=r.slug, name=r.name, roles=r.roles, is_trust=r.is_trust, waiting=r.waiting_roles) for r in rows]
        needing = any(
            not (permissions.FACTOR_ROLES | set(([] if r.is_trust else r.factor_roles) or [])).isdisjoint([*r.roles, *r.waiting_roles]) for r in rows
        )
        return Standing(
            places=places,
            rules=passwords.strictest([Rules(r.min_length, r.all_kinds, r.change_days, r.remembered, r.deny_common) for r in with_policy]),
            lock_after=timedelta(minutes=min((r.lock_minutes for r in with_policy), default=10)),
            needs_factor=needing,
            school_names=[r.name for r in rows],
            trusts={r.id: r.trust_id for r in rows},
        )

    def _session(self, tx: sa.Connection, token: str, *, stages: tuple[Stage, ...] = ("full",), even_locked: bool = False) -> sa.Row[Any]:
        """Return the session of a token, held for this transaction.

        Raises NotSignedIn("ended" | "expired" | "locked" | "unfinished") when it may not do this now.
        """
        row = accounts.session_with(tx, token_hash=self._stored(token), lock=True)
        if row is None or row.closed_at is not None:
            raise NotSignedIn("ended")
        standing = self._standing_in(tx, row.person_id)
        found = sessions.state(times_of(row), now=clock.now(), lock_after=standing.lock_after)
        if found in (State.ENDED, State.DRAFTS_ONLY):
            raise NotSignedIn("ended" if found == State.ENDED else "expired")
        if found == State.LOCKED and not even_locked:
            raise NotSignedIn("locked")
        if self._stage_now(tx, row, standing=standing) not in stages:
            raise NotSignedIn("unfinished")
        return row

    def _stage_now(self, tx: sa.Connection, row: Any, *, standing: Standing) -> Stage:
        """Return how far a session has come: a role, or the school's policy, may have come after it."""
        stage: Stage = row.stage
        own_factor = row.factor_id or row.stepped_with or row.recovering
        if stage == "full" and row.provider_id is not None and not own_factor and is_guarded(standing.roles):
            return "second_factor"  # the provider's word was enough for what they were then
        if stage != "full" or not standing.needs_factor or row.second_factor_at is not None:
            return stage
        return "second_factor" if accounts.factors_of(tx, person_ids=[row.person_id]) else "enrol"

    def _signed_in(self, *, token: str, row: Any, standing: Standing, stage: str, device_token: str = "") -> SignedIn:
        return SignedIn(
            session_token=token,
            person_id=row.person_id,
            name=row.name,
            places=standing.places_of(row),
            stage=stage,  # type: ignore[arg-type]
            device_token=device_token,
        )

    def _audit(
        self,
        tx: sa.Connection,
        kind: str,
        *,
        person_id: UUID | None,
        by_id: UUID | None = None,
        schools: list[UUID] | None = None,
        **facts: str,
    ) -> None:
        """Write an audit line, for each school it concerns one."""
        for school_id in schools or [None]:  # type: ignore[list-item]
            store.add_audit(tx, id=new_id(), at=clock.now(), kind=kind, person_id=person_id, by_id=by_id, school_id=school_id, facts=facts)

    def _letter(self, tx: sa.Connection, kind: str, *, person_id: UUID, tenant: UUID | None, about: UUID | None = None) -> None:
        """Have alerts write to the person. With no place at all there is nobody to write for."""
        if tenant is None:
            return
        with accounts.at_school(tx, school_id=tenant):
            outbox.add(tx, LetterWanted, school_id=tenant, subject=new_id(), person_id=person_id, kind=kind, about=about)

    def _revoke(self, tx: sa.Connection, *, sessions_: list[UUID], person_id: UUID | None = None) -> None:
        """Have every gateway forget sessions, or all of a person's."""
        rows = [(new_id(), session_id, None) for session_id in sessions_]
        accounts.revoke(tx, now=clock.now(), rows=[*rows, *([(new_id(), None, person_id)] if person_id else [])])

    # --- the console

    def _console(self, actor: Actor, school_id: UUID | None) -> UUID:
        """Return which school the caller administers. Raises NotFound("school"): of another trust answers like none."""
        if actor.school_id is not None:
            if school_id not in (None, actor.school_id):
                raise NotFound("school")
            return actor.school_id
        if actor.trust_id is None or school_id is None:
            raise NotFound("school")
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            row = store.school_with(tx, school_id=school_id)
        if row is None or row.trust_id != actor.trust_id:
            raise NotFound("school")
        return school_id

    def _schools_in(self, trust_id: UUID) -> list[UUID]:
        """The schools of a trust."""
        with self.host.transaction(self.host.engine, trust_id=str(trust_id)) as tx:
            return [row.school_id for row in store.schools_of_trust(tx, trust_id=trust_id)]

    def _admin(self, school_id: UUID) -> Any:
        """A transaction at a school that may also look at accounts: making and closing them."""
        return self.host.transaction(self.host.engine, school_id=school_id, scope="sign_in")


def times_of(row: Any) -> Times:
    """Return a session row's times."""
    return Times(row.created_at, row.last_seen_at, row.ended_at, row.locked_at, row.is_program)


def needs_fresh(row: Any, now: datetime) -> None:
    """Raise NotAllowed("step_up") unless the session's second factor was used of late."""
    if row.second_factor_at is None or now - row.second_factor_at > permissions.FRESH:
        raise NotAllowed("step_up")


def off_loop(function: Any, **arguments: Any) -> Any:
    """Run CPU work in a thread when eventlet hosts us, so that one sign-in does not stop the service.

    As many at once as there are processors but one: a rush of sign-ins must leave recording a processor. Not by a thread's
    priority: one that gives way still holds the interpreter's lock while it waits for its turn, and stops the service.
    """
    if not eventlet.patcher.is_monkey_patched("thread"):
        return function(**arguments)
    with _AT_ONCE:
        return green.off_loop(function, **arguments)
