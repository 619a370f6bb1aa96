"""The demonstration: made-up trust, schools and accounts."""

from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa

from safekeep import clock, outbox
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.identity import Seed, SeedPerson, SeedSchool, StaffChanged
from safekeep.errors import NotAllowed
from safekeep.rpc import answers
from services.identity import passwords, second_factors, store
from services.identity.service.base import Base, off_loop
from services.identity.service.new_school import make_school


class Demonstration(Base):
    """Seeding. Only the demonstration's own program may call it."""

    @answers(Seed)
    def seed(self, actor: Actor, request: Seed) -> Nothing:
        with self._scope() as tx:
            if store.real_school_exists(tx):
                raise NotAllowed("real_school_exists")
            store.keep(tx, store.trusts, [{"id": request.trust_id, "slug": request.trust_slug, "name": request.trust_name}])
            self._keep_people(tx, request.trust_people)
            rows = [{"trust_id": request.trust_id, "person_id": p.id, "roles": p.roles} for p in request.trust_people]
            store.keep(tx, store.trust_memberships, rows)
        for school in request.schools:
            with self.host.transaction(self.host.engine, school_id=school.id, scope="sign_in") as tx:
                self._seed_school(tx, trust_id=request.trust_id, school=school)
        return Nothing()

    def _seed_school(self, tx: sa.Connection, *, trust_id: UUID, school: SeedSchool) -> None:
        here = {"school_id": school.id}
        if not make_school(
            tx,
            school_id=school.id,
            trust_id=trust_id,
            slug=school.slug,
            name=school.name,
            phase=school.phase,
            zone="Europe/London",
            demo=True,
            groups=school.groups,
        ):
            return
        self._keep_people(tx, school.people)
        store.keep(tx, store.contacts, [here | c.model_dump() for c in school.contacts])
        for person in school.people:
            membership = uuid5(school.id, str(person.id))
            values = person.model_dump(include={"roles", "job", "room", "telephone", "on_duty"})
            store.keep(tx, store.memberships, [here | values | {"id": membership, "person_id": person.id, "active": True, "waiting_roles": []}])
            outbox.add(tx, StaffChanged, school_id=school.id, subject=membership, person_id=person.id, roles=person.roles, active=True)

    def _keep_people(self, tx: sa.Connection, people: list[SeedPerson]) -> None:
        now, key = clock.now(), self.host.keys.symmetric("factors")[1]
        rows: list[dict[str, Any]] = []
        factors: list[dict[str, Any]] = []
        for p in people:
            hashed = off_loop(passwords.hash_password, password=p.password)
            rows.append({"id": p.id, "name": p.name, "email": p.email.casefold(), "demo": True, "password_hash": hashed, "password_set_at": now})
            if p.totp_secret:
                factor_id = uuid5(p.id, "app")
                sealed = second_factors.seal(secret=p.totp_secret, key=key, factor_id=factor_id)
                made = {"id": factor_id, "person_id": p.id, "kind": "totp", "name": "Demonstration app", "secret": sealed, "counter": 0}
                factors.append(made | {"created_at": now, "confirmed_at": now})
        store.keep(tx, store.people, rows)
        store.keep(tx, store.factors, factors)
