"""Machines (OAuth 2 client credentials, RFC 6749): credentials of a school or a trust, tokens of an hour, and what they may do."""

import hmac
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from safekeep import actor as actors
from safekeep import clock
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.identity import (
    AccessToken,
    AddMachine,
    AddTrustMachine,
    GiveAccessToken,
    MachineItem,
    Machines,
    MachinesAnswer,
    MachineSession,
    MachineSessionAnswer,
    NewMachine,
    RevokeMachine,
    RevokeTrustMachine,
    TrustMachines,
)
from safekeep.errors import Invalid, NotFound, NotSignedIn, SignInFailed
from safekeep.ids import new_id
from safekeep.permissions import SCOPES, TRUST_SCOPES
from safekeep.rpc import answers
from services.identity import store
from services.identity.service.console import Console
from services.identity.store import accounts, doors

TOKEN_LASTS: Final = timedelta(hours=1)
LONGEST_DAYS: Final = 366
SEEN_EVERY: Final = timedelta(minutes=1)
"""When a machine was last used is written at most this often."""


class Machinery(Console):
    """Programs with credentials of their own, each at one school, or at a trust for what is of all its schools."""

    # --- of a school

    @answers(Machines)
    def machines(self, actor: Actor, request: Machines) -> MachinesAnswer:
        school_id = self._console(actor, request.school_id)
        with self._school(school_id) as tx:
            return _listed(doors.machines_of(tx, school_id=school_id))

    @answers(AddMachine)
    def add_machine(self, actor: Actor, request: AddMachine) -> NewMachine:
        school_id = self._console(actor, request.school_id)
        _refuse(request, offered=SCOPES)
        with self._admin(school_id) as tx:
            store.lock_staff(tx, school_id=school_id)  # a form sent twice at once makes one
            return self._make(tx, actor, request, kind="machine_added", told=[school_id], school_id=school_id)

    @answers(RevokeMachine)
    def revoke_machine(self, actor: Actor, request: RevokeMachine) -> Nothing:
        school_id = self._console(actor, request.school_id)
        with self._admin(school_id) as tx:
            if not doors.revoke_machine(tx, school_id=school_id, id=request.machine_id, now=clock.now()):
                raise NotFound("machine")
            self._audit(tx, "machine_revoked", person_id=None, by_id=actor.person, schools=[school_id], machine=str(request.machine_id))
        return Nothing()

    # --- of a trust

    @answers(TrustMachines)
    def trust_machines(self, actor: Actor, request: TrustMachines) -> MachinesAnswer:
        trust_id = _trust_of(actor)
        with self.host.transaction(self.host.engine, trust_id=str(trust_id)) as tx:
            return _listed(doors.machines_of(tx, trust_id=trust_id))

    @answers(AddTrustMachine)
    def add_trust_machine(self, actor: Actor, request: AddTrustMachine) -> NewMachine:
        trust_id = _trust_of(actor)
        _refuse(request, offered=TRUST_SCOPES)
        schools = self._schools_in(trust_id)
        with self._admin(trust_id) as tx:
            accounts.trust_people(tx, trust_id=trust_id, lock=True)  # a form sent twice at once makes one
            return self._make(tx, actor, request, kind="trust_machine_added", told=schools, trust_id=trust_id)

    @answers(RevokeTrustMachine)
    def revoke_trust_machine(self, actor: Actor, request: RevokeTrustMachine) -> Nothing:
        trust_id = _trust_of(actor)
        schools = self._schools_in(trust_id)
        with self._admin(trust_id) as tx:
            if not doors.revoke_machine(tx, trust_id=trust_id, id=request.machine_id, now=clock.now()):
                raise NotFound("machine")
            self._audit(tx, "trust_machine_revoked", person_id=None, by_id=actor.person, schools=schools, machine=str(request.machine_id))
        return Nothing()

    # --- of both

    def _make(
        self, tx: sa.Connection, actor: Actor, request: AddMachine | AddTrustMachine, *, kind: str, told: list[UUID], **where: UUID
    ) -> NewMachine:
        """Make credentials at a school or a trust (`where`), and write a line in the audit log of each school that is told."""
        now, machine_id, secret, scopes = clock.now(), new_id(), secrets.token_urlsafe(32), sorted(set(request.scopes))
        if any(m.name == request.name and m.revoked_at is None and m.ends_at > now for m in doors.machines_of(tx, **where)):
            raise Invalid({"name": "taken"})
        made = {"name": request.name, "scopes": scopes, "secret_hash": self._stored(secret), "made_by": actor.person}
        doors.add_machine(tx, **where, id=machine_id, made_at=now, ends_at=now + timedelta(days=request.days), **made)
        facts = {"machine": str(machine_id), "scopes": " ".join(scopes)}
        self._audit(tx, kind, person_id=None, by_id=actor.person, schools=told, **facts)
        return NewMachine(client_id=machine_id, client_secret=secret)

    @answers(GiveAccessToken)
    def give_access_token(self, _: None, request: GiveAccessToken) -> AccessToken:
        now, token, machine_id = clock.now(), secrets.token_urlsafe(32), _id(request.client_id)
        which = f"machine/{machine_id}"  # one however its id is spelled, and nothing of what was sent is kept
        with self._scope() as tx:
            self._slow_down(tx, email=which, address=request.address)
            row = doors.machine(tx, id=machine_id)
            stored, hashed = bytes(row.secret_hash) if row else b"", self._stored(request.client_secret)
            good = hmac.compare_digest(stored, hashed) and row is not None and row.revoked_at is None and row.ends_at > now
            if not good:
                accounts.add_failure(tx, id=new_id(), email=which, address=request.address, now=now)
        if not good or row is None:
            raise SignInFailed
        scopes = sorted(set(request.scopes)) or row.scopes
        if not set(scopes) <= set(row.scopes):
            raise Invalid({"scope": "not_offered"})
        ends_at = min(now + TOKEN_LASTS, row.ends_at)
        kind, told = ("machine_signed_in", [row.school_id]) if row.trust_id is None else ("trust_machine_signed_in", self._schools_in(row.trust_id))
        with self._scope() as tx:
            doors.add_token(tx, id=new_id(), machine_id=row.id, token_hash=self._stored(token), scopes=scopes, ends_at=ends_at)
            doors.machine_used(tx, id=row.id, now=now)
            self._audit(tx, kind, person_id=None, schools=told, machine=str(row.id), scopes=" ".join(scopes))
        return AccessToken(access_token=token, expires_in=int((ends_at - now).total_seconds()), scopes=scopes)

    @answers(MachineSession)
    def machine_session(self, _: None, request: MachineSession) -> MachineSessionAnswer:
        now = clock.now()
        with self._scope() as tx:
            row = doors.token_with(tx, token_hash=self._stored(request.access_token))
            if row is None or row.revoked_at is not None or min(row.ends_at, row.machine_ends_at) <= now:
                raise NotSignedIn("expired")
            if row.last_used_at is None or now - row.last_used_at > SEEN_EVERY:
                doors.machine_used(tx, id=row.machine_id, now=now)
        where = {"school_id": row.school_id, "trust_id": row.trust_id}
        token = actors.machine_token(keys=self.host.keys, machine_id=row.machine_id, scopes=frozenset(row.scopes), **where)
        return MachineSessionAnswer(actor_token=token, machine_id=row.machine_id, **where)


def _listed(rows: Sequence[sa.Row[Any]]) -> MachinesAnswer:
    return MachinesAnswer(items=[MachineItem(**{name: row._mapping[name] for name in MachineItem.model_fields}) for row in rows])


def _refuse(request: AddMachine | AddTrustMachine, *, offered: tuple[str, ...]) -> None:
    """Raise Invalid where it asks for no scope, for one that is not offered there, or for longer than there is."""
    problems = {}
    if not request.scopes or not set(request.scopes) <= set(offered):
        problems["scopes"] = "choose_one" if not request.scopes else "unknown_choice"
    if not 1 <= request.days <= LONGEST_DAYS:
        problems["days"] = "too_small" if request.days < 1 else "too_large"
    if problems:
        raise Invalid(problems)


def _trust_of(actor: Actor) -> UUID:
    if actor.trust_id is None:
        raise NotFound("trust")
    return actor.trust_id


def _id(client_id: str) -> UUID:
    """The id it says, or one that is nobody's: what is no id is as wrong as an unknown one."""
    try:
        return UUID(client_id)
    except ValueError:
        return UUID(int=0)
