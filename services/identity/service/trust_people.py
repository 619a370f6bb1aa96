"""The trust's people: its IT and its safeguarding lead, added, changed, closed; a role that can open a record waits for a DSL."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock, permissions
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.identity import (
    CloseTrustPerson,
    ConfirmTrustRole,
    HelpLostKeys,
    KeepTrustPerson,
    OperatorPass,
    TrustPeople,
    TrustPeopleAnswer,
    TrustPerson,
    TrustPersonKept,
)
from safekeep.errors import Invalid, NotAllowed, NotFound
from safekeep.ids import new_id
from safekeep.permissions import Role
from safekeep.rpc import answers
from services.identity import roles, second_factors, store
from services.identity.service.keys import Keys, factor_item
from services.identity.store import accounts


class TrustConsole(Keys):
    """Accounts at a trust."""

    @answers(TrustPeople)
    def trust_people(self, actor: Actor, request: TrustPeople) -> TrustPeopleAnswer:
        trust_id = self._trust_looked_after(actor)
        with self._admin(trust_id) as tx:
            rows = accounts.trust_people(tx, trust_id=trust_id)
            ids = [r.person_id for r in rows]
            factors = accounts.factors_of(tx, person_ids=ids)
            more = accounts.about(tx, person_ids=ids)
        items = [
            TrustPerson(
                person_id=r.person_id,
                name=r.name,
                email=r.email,
                roles=r.roles,
                waiting=r.waiting_roles,
                factors=[factor_item(f) for f in factors if f.person_id == r.person_id],
                has_password=more[r.person_id].has_password,
                last_seen_at=more[r.person_id].last_seen_at,
            )
            for r in rows
        ]
        return TrustPeopleAnswer(items=items)

    @answers(KeepTrustPerson)
    def keep_trust_person(self, actor: Actor, request: KeepTrustPerson) -> TrustPersonKept:
        trust_id, email = self._trust_looked_after(actor), request.email.strip().casefold()
        problems = roles.problems_at_trust(asked=request.roles)
        if not roles.is_address(email):
            problems["email"] = "not_an_address"
        if problems:
            raise Invalid(problems)
        schools, leads = self._schools_in(trust_id), self._leads_of(trust_id)
        with self._admin(trust_id) as tx:
            people = accounts.trust_people(tx, trust_id=trust_id, lock=True)
            found = accounts.account(tx, email=email)
            place = next((p for p in people if found and p.person_id == found.id), None)
            if found and found.id == actor.person_id:
                raise NotAllowed("own_role")
            self._needs_it(people, person_id=found.id if found else None, keeps=request.roles)
            person_id = found.id if found else new_id()
            result = roles.given_at_trust(asked=request.roles, held=place.roles if place else [])
            if not found:
                accounts.add_person(tx, id=person_id, name=request.name, email=email, demo=accounts.is_demo(tx, person_id=actor.person_id))
            elif found.closed_at is not None:
                accounts.reopen_person(tx, person_id=person_id)
            self._put_trust_roles(tx, trust_id=trust_id, person_id=person_id, now=result.now, waiting=result.waiting, by_id=actor.person)
            self._audit(tx, "roles_given", person_id=person_id, by_id=actor.person, schools=schools, **_facts(result))
            for school_id, lead in leads if result.waiting else []:
                self._letter(tx, "role_asked", person_id=lead, tenant=school_id, about=person_id)
            if not found or found.password_hash is None or found.closed_at is not None:
                self._letter(tx, "welcome", person_id=person_id, tenant=trust_id)
        outcome: Any = "changed" if place else "joined" if found else "made"
        return TrustPersonKept(person_id=person_id, outcome=outcome, waiting=sorted(result.waiting))

    @answers(CloseTrustPerson)
    def close_trust_person(self, actor: Actor, request: CloseTrustPerson) -> Nothing:
        trust_id, now, person_id = self._trust_looked_after(actor), clock.now(), request.person_id
        if person_id == actor.person_id:
            raise NotAllowed("own_role")
        schools = self._schools_in(trust_id)
        with self._admin(trust_id) as tx:
            people = accounts.trust_people(tx, trust_id=trust_id, lock=True)
            if person_id not in {p.person_id for p in people}:
                raise NotFound("person")
            self._needs_it(people, person_id=person_id, keeps=[])
            self._put_trust_roles(tx, trust_id=trust_id, person_id=person_id, now=(), waiting=(), by_id=None)
            self._audit(tx, "account_closed", person_id=person_id, by_id=actor.person, schools=schools)
            self._revoke(tx, sessions_=accounts.end_sessions(tx, person_id=person_id, now=now), person_id=person_id)
            if not self._standing_in(tx, person_id).places:
                accounts.disable_factors(tx, person_id=person_id, now=now)
                accounts.close_person(tx, person_id=person_id, now=now)
        return Nothing()

    @answers(ConfirmTrustRole)
    def confirm_trust_role(self, actor: Actor, request: ConfirmTrustRole) -> Nothing:
        trust_id, person_id = self._trust_looked_after(actor), request.person_id
        schools, leads = self._schools_in(trust_id), self._leads_of(trust_id)
        with self._admin(trust_id) as tx:
            place = next(iter(accounts.trust_people(tx, trust_id=trust_id, only=person_id, lock=True)), None)
            if place is None or not place.waiting_roles:
                raise NotFound("role")
            if actor.person in (person_id, place.waiting_by):
                raise NotAllowed("own_role")
            now = {*place.roles, *place.waiting_roles} if request.accept else {*place.roles}
            self._keys_shown(tx, person_id=person_id, gained=now, kept=request.factor_ids, by_id=actor.person)
            self._put_trust_roles(tx, trust_id=trust_id, person_id=person_id, now=now, waiting=(), by_id=None)
            kind = "role_confirmed" if request.accept else "role_declined"
            self._audit(tx, kind, person_id=person_id, by_id=actor.person, schools=schools, **_facts(roles.Given(frozenset(now), frozenset())))
            if request.accept:
                for school_id, lead in leads:
                    self._letter(tx, "role_confirmed", person_id=lead, tenant=school_id, about=person_id)
                self._letter(tx, "role_confirmed", person_id=person_id, tenant=trust_id, about=person_id)
        return Nothing()

    @answers(HelpLostKeys)
    def help_lost_keys(self, actor: Actor, request: HelpLostKeys) -> OperatorPass:
        with self._scope() as tx:
            found = accounts.account(tx, email=request.email.strip().casefold())
        if found is None or found.closed_at is not None:
            raise NotFound("person")
        standing = self._standing(found.id)
        trusts = {standing.trusts[p.id] for p in standing.places}
        leads = {(school, lead) for trust_id in trusts for school, lead in self._leads_of(trust_id) if lead != found.id}
        disabled = self._disable(person_id=found.id, factor_id=None, by_id=None, standing=standing)
        with self._scope() as tx:
            code, row = self._one_time(person_id=found.id, purpose="pass", school_id=None, lasts=second_factors.PASS_LASTS)
            accounts.add_codes(tx, [row], replace=True)
            schools = [p.id for p in standing.places if not p.is_trust]
            self._audit(tx, "operator_helped", person_id=found.id, schools=schools, how=request.how)
            for told in [(standing.tenant, found.id), *sorted(leads)]:
                self._letter(tx, "operator_helped", person_id=told[1], tenant=told[0], about=found.id)
        return OperatorPass(code=code, disabled=disabled)

    # --- what these share

    def _trust_looked_after(self, actor: Actor) -> UUID:
        """The caller's trust, or the trust of the school whose DSL they are."""
        if actor.trust_id is not None:
            return actor.trust_id
        with self._school(actor.at_school) as tx:
            row = store.school_with(tx, school_id=actor.at_school)
        if row is None:
            raise NotFound("school")
        trust_id: UUID = row.trust_id
        return trust_id

    def _needs_it(self, people: Collection[Any], *, person_id: UUID | None, keeps: Collection[str]) -> None:
        """Raise NotAllowed("last_it") when nobody would be left to look after the trust's accounts."""
        if Role.TRUST_IT not in keeps and {p.person_id for p in people if Role.TRUST_IT in p.roles} == {person_id}:
            raise NotAllowed("last_it")

    def _put_trust_roles(
        self, tx: sa.Connection, *, trust_id: UUID, person_id: UUID, now: Collection[str], waiting: Collection[str], by_id: UUID | None
    ) -> None:
        by = by_id if waiting else None
        accounts.put_trust_roles(tx, trust_id=trust_id, person_id=person_id, roles=sorted(now), waiting=sorted(waiting), by_id=by)
        self._revoke(tx, sessions_=[], person_id=person_id)

    def _leads_of(self, trust_id: UUID) -> list[tuple[UUID, UUID]]:
        """Return (school, DSL or deputy) of every school of the trust. Who looks after accounts, and who may break the glass, is theirs to know."""
        found = []
        for school_id in self._schools_in(trust_id):
            with self._school(school_id) as tx:
                staff = store.staff_of(tx, school_id=school_id)
            found += [(school_id, p.person_id) for p in staff if p.active and permissions.is_lead(p.roles)]
        return found


def _facts(result: roles.Given) -> dict[str, str]:
    return {"roles": " ".join(sorted(result.now)), "waiting": " ".join(sorted(result.waiting))}
