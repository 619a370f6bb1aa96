"""Identity itself, beside a service under test: over a fresh database, with the school and the people a test has made."""

from typing import Any
from uuid import UUID

from safekeep.rpc import Resources
from services.identity import store
from services.identity.service import Service
from services.identity.service.new_school import make_school
from tests.make import MadeSchool


def identity_beside(*, resources: Resources, school: MadeSchool) -> Service:
    """Return identity, which knows each of the school's people in the role a test made them in. Nobody has a password."""
    made = Service()
    made.host = resources
    with resources.transaction(resources.engine, scope="sign_in") as tx:
        store.keep(tx, store.trusts, [{"id": school.id, "slug": "trust", "name": "Trust"}])
    with resources.transaction(resources.engine, school_id=school.id, scope="sign_in") as tx:
        make_school(tx, school_id=school.id, trust_id=school.id, slug="one", name="School One", phase="primary", zone="Europe/London", demo=True)
    for role, person in school.people.items():
        join(made, school=school, person=person, role=role)
    return made


def join(identity: Service, *, school: MadeSchool, person: UUID, role: str) -> None:
    """Have identity know somebody at the school; whoever it knows stays as they are."""
    with identity.host.transaction(identity.host.engine, school_id=school.id, scope="sign_in") as tx:
        store.keep(tx, store.people, [{"id": person, "name": "Test Person", "email": f"{person}@one.example", "demo": True}])
        place: dict[str, Any] = {"school_id": school.id, "id": person, "person_id": person, "roles": [role], "active": True}
        rest = {"job": "", "room": "", "telephone": "", "on_duty": False, "waiting_roles": []}
        store.keep(tx, store.memberships, [place | rest])


def change_roles(identity: Service, *, school: MadeSchool, person: UUID, roles: list[str], active: bool = True) -> None:
    """Have somebody's roles be these."""
    with identity.host.transaction(identity.host.engine, school_id=school.id, scope="sign_in") as tx:
        store.change_member(tx, school_id=school.id, person_id=person, roles=roles, active=active)
