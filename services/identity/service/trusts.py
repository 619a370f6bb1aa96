"""An empty installation, trusts and schools."""

import re
import secrets
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock
from safekeep.actor import Actor
from safekeep.contracts.identity import (
    AddSchool,
    AddTrust,
    Begin,
    FirstAdministrator,
    FirstLink,
    Made,
    SignedIn,
    TrustSchool,
    TrustSchools,
    TrustSchoolsAnswer,
)
from safekeep.errors import Conflict, Invalid, NotFound, SignInFailed
from safekeep.ids import new_id
from safekeep.permissions import Role
from safekeep.rpc import answers
from services.identity import roles, store
from services.identity.service.keys import Keys
from services.identity.service.new_school import make_school
from services.identity.store import accounts


class Trusts(Keys):
    """Trusts, their schools, and the first person of an installation."""

    @answers(FirstAdministrator)
    def first_administrator(self, actor: Actor, request: FirstAdministrator) -> FirstLink:
        with self._scope() as tx:
            if accounts.anybody_exists(tx):
                raise Conflict("not_empty")
            return FirstLink(token=self._link(tx, person_id=None))

    @answers(Begin)
    def begin(self, _: None, request: Begin) -> SignedIn:
        person_id, trust_id, session_id, token = new_id(), new_id(), new_id(), secrets.token_urlsafe(32)
        email = address_of(request.email)
        with self._scope() as tx:
            if accounts.use_link(tx, token_hash=self._stored(request.token), now=clock.now(), for_person=False) is None:
                raise SignInFailed
            if accounts.anybody_exists(tx):
                raise Conflict("not_empty")
            if accounts.account(tx, email=email) is not None:
                raise Invalid({"email": "taken"})
            _make_trust(tx, trust_id=trust_id, name=request.trust_name, slug=_slug(request.trust_name))
            accounts.add_person(tx, id=person_id, name=request.name, email=email, demo=False)
            store.keep(tx, store.trust_memberships, [{"trust_id": trust_id, "person_id": person_id, "roles": [Role.TRUST_IT.value]}])
            self._new_session(tx, id=session_id, person_id=person_id, token=token, device=request.device, stage="password")
            self._audit(tx, "first_administrator", person_id=person_id)
        standing = self._standing(person_id)
        return SignedIn(session_token=token, person_id=person_id, name=request.name, places=standing.places, stage="password")

    @answers(AddTrust)
    def add_trust(self, actor: Actor, request: AddTrust) -> Made:
        trust_id, email = new_id(), address_of(request.admin_email)
        with self._admin(trust_id) as tx:
            found = accounts.account(tx, email=email)
            person_id = found.id if found else new_id()
            _make_trust(tx, trust_id=trust_id, name=request.name, slug=request.slug)
            if not found:
                accounts.add_person(tx, id=person_id, name=request.admin_name, email=email, demo=False)
            store.keep(tx, store.trust_memberships, [{"trust_id": trust_id, "person_id": person_id, "roles": [Role.TRUST_IT.value]}])
            self._audit(tx, "trust_added", person_id=person_id)
            self._letter(tx, "welcome", person_id=person_id, tenant=trust_id)
        return Made(id=trust_id, slug=request.slug)

    @answers(AddSchool)
    def add_school(self, actor: Actor, request: AddSchool) -> Made:
        trust_id, school_id = actor.trust_id, new_id()
        if trust_id is None:
            with self._scope() as tx:
                row = store.trust_of_slug(tx, slug=request.trust_slug)
            if row is None:
                raise NotFound("trust")
            trust_id = row.id
        with self._admin(school_id) as tx:
            if store.slug_is_used(tx, slug=request.slug):
                raise Conflict("slug_taken")
            about: dict[str, Any] = {"slug": request.slug, "name": request.name, "phase": request.phase, "zone": request.zone}
            demo = accounts.is_demo(tx, person_id=actor.person_id)  # trying it out makes no real school: that would end the demonstration
            if not make_school(tx, school_id=school_id, trust_id=trust_id, demo=demo, **about):
                raise Conflict("slug_taken")
            self._audit(tx, "school_added", person_id=None, by_id=actor.person_id, schools=[school_id])
        return Made(id=school_id, slug=request.slug)

    @answers(TrustSchools)
    def trust_schools(self, actor: Actor, request: TrustSchools) -> TrustSchoolsAnswer:
        if actor.trust_id is None:
            raise NotFound("trust")
        with self.host.transaction(self.host.engine, trust_id=str(actor.trust_id)) as tx:
            rows = store.schools_of_trust(tx, trust_id=actor.trust_id)
        return TrustSchoolsAnswer(
            items=[TrustSchool(id=r.school_id, slug=r.slug, name=r.name, phase=r.phase, has_dsl=r.dsls > 0, staff=r.staff) for r in rows]
        )


def address_of(typed: str) -> str:
    """Return an e-mail address as it is kept. Raises Invalid({"email": "not_an_address"})."""
    email = typed.strip().casefold()
    if not roles.is_address(email):
        raise Invalid({"email": "not_an_address"})
    return email


def _make_trust(tx: sa.Connection, *, trust_id: UUID, name: str, slug: str) -> None:
    if store.slug_is_used(tx, slug=slug) or not store.keep(tx, store.trusts, [{"id": trust_id, "slug": slug, "name": name}]):
        raise Conflict("slug_taken")


def _slug(name: str) -> str:
    """Return the trust's part of page addresses, made of its name; a school that stands alone keeps its own name for itself."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")
    plain = (plain if plain[:1].isalpha() else f"t_{plain}")[:44].rstrip("_")
    return plain if plain.endswith("trust") else f"{plain}_trust"
