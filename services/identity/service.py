"""What the bus can ask of identity."""

import secrets
from typing import Any
from uuid import UUID, uuid5

import eventlet.patcher
import eventlet.tpool
import sqlalchemy as sa

from safekeep import actor as actors
from safekeep import clock, outbox, permissions
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.identity import (
    Address,
    Addresses,
    AddressesAnswer,
    CategoryItem,
    ContactItem,
    DutyItem,
    GroupItem,
    School,
    SchoolAnswer,
    SchoolChanged,
    SchoolPlace,
    Seed,
    SeedPerson,
    SeedSchool,
    Session,
    SessionAnswer,
    SignedIn,
    SignIn,
    SignOut,
    Staff,
    StaffAnswer,
    StaffChanged,
    StaffItem,
)
from safekeep.errors import NotAllowed, NotFound, NotSignedIn, SignInFailed, TooManyAttempts
from safekeep.ids import new_id
from safekeep.rpc import Host, Resources, answers
from services.identity import passwords, sessions, store
from services.identity.sessions import State, Times


class Service:
    """Trusts, schools, staff, sign-in, sessions."""

    name = "identity"
    host: Resources = Host()

    # --- sign-in and sessions

    @answers(SignIn)
    def sign_in(self, _: None, request: SignIn) -> SignedIn:
        now, email = clock.now(), request.username.strip().casefold()
        with self._scope() as tx:
            failures, latest = store.failures(tx, email=email, since=now - passwords.WINDOW)
            found = store.account(tx, email=email)
        wait = passwords.wait_needed(failures=failures, latest=latest, now=now)
        if wait:
            raise TooManyAttempts(wait)
        right = _off_loop(passwords.verify, stored=found.password_hash if found else None, password=request.password)
        if not right or found is None:
            with self._scope() as tx:
                store.add_failure(tx, id=new_id(), email=email, now=now)
            raise SignInFailed
        token = secrets.token_urlsafe(32)
        with self._scope() as tx:
            if found.demo and store.real_school_exists(tx):
                raise SignInFailed
            store.forget_failures(tx, email=email)
            store.add_session(
                tx, id=new_id(), person_id=found.id, token_hash=self._stored(token), created_at=now, last_seen_at=now, device=request.device
            )
        return SignedIn(session_token=token, person_id=found.id, name=found.name, places=self._places(found.id))

    @answers(Session)
    def session(self, _: None, request: Session) -> SessionAnswer:
        now = clock.now()
        with self._scope() as tx:
            row = store.session_with(tx, token_hash=self._stored(request.session_token))
            state = sessions.state(Times(row.created_at, row.last_seen_at, row.ended_at), now=now) if row else State.ENDED
            if row is None or state == State.ENDED:
                raise NotSignedIn("ended")
            if state == State.LIVE and now - row.last_seen_at > sessions.TOUCH_EVERY:
                store.touch_session(tx, id=row.id, now=now)
        places = self._places(row.person_id)
        place = next((p for p in places if p.slug == request.slug), None) if request.slug else None
        if request.slug and place is None:
            raise NotFound("school")
        return SessionAnswer(
            actor_token=actors.person_token(
                keys=self.host.keys,
                person_id=row.person_id,
                name=row.name,
                roles=frozenset(place.roles if place else ()),
                school_id=place.id if place and not place.is_trust else None,
                trust_id=place.id if place and place.is_trust else None,
                session_id=row.id,
                drafts_only=state == State.DRAFTS_ONLY,
            ),
            token_ends=now + actors.LIFETIME,
            person_id=row.person_id,
            name=row.name,
            email=row.email,
            place=place,
            places=places,
            demo=row.demo,
            expired=state == State.DRAFTS_ONLY,
        )

    @answers(SignOut)
    def sign_out(self, _: None, request: SignOut) -> Nothing:
        with self._scope() as tx:
            store.end_session(tx, token_hash=self._stored(request.session_token), now=clock.now())
        return Nothing()

    # --- the school

    @answers(School)
    def school(self, actor: Actor, request: School) -> SchoolAnswer:
        with self._school(actor.at_school) as tx:
            row = _access_school(tx, school_id=actor.at_school)
            category_rows, group_rows, contact_rows = store.settings_of(tx, school_id=actor.at_school)
            staff = store.staff_of(tx, school_id=actor.at_school)
        active = [person for person in staff if person.active]
        duty = [p for p in active if p.on_duty and permissions.is_lead(p.roles)]
        members = {code: sorted(p.person_id for p in active if not roles.isdisjoint(p.roles)) for code, roles in permissions.ROLE_GROUPS.items()}
        return SchoolAnswer(
            id=row.school_id,
            slug=row.slug,
            name=row.name,
            phase=row.phase,
            trust_id=row.trust_id,
            trust_name=row.trust_name,
            zone=row.zone,
            day_ends=f"{row.day_ends_minute // 60:02d}:{row.day_ends_minute % 60:02d}",
            hide_names=row.hide_names,
            categories=[
                CategoryItem(code=c.code, name=c.name, class_code=c.class_code, groups=c.groups, leads_only=c.leads_only) for c in category_rows
            ],
            groups=[GroupItem(code=g.code, name=g.name, members=members.get(g.code, g.members)) for g in group_rows],
            duty=[
                DutyItem(person_id=p.person_id, name=p.name, role=_lead_role(p.roles), room=p.room, telephone=p.telephone)
                for p in sorted(duty, key=lambda p: (_lead_role(p.roles) != "dsl", p.name))
            ],
            contacts=[ContactItem(kind=c.kind, name=c.name, telephone=c.telephone, note=c.note) for c in contact_rows],
        )

    @answers(Staff)
    def staff(self, actor: Actor, request: Staff) -> StaffAnswer:
        with self._school(actor.at_school) as tx:
            rows = store.staff_of(tx, school_id=actor.at_school)
        return StaffAnswer(items=[StaffItem(person_id=r.person_id, name=r.name, job=r.job, roles=r.roles, active=r.active) for r in rows])

    @answers(Addresses)
    def addresses(self, actor: Actor, request: Addresses) -> AddressesAnswer:
        with self._school(actor.at_school) as tx:
            school = _access_school(tx, school_id=actor.at_school)
            category_rows, _, _ = store.settings_of(tx, school_id=actor.at_school)
            rows = store.staff_of(tx, school_id=actor.at_school, only=request.person_ids)
        return AddressesAnswer(
            items=[Address(person_id=r.person_id, name=r.name, email=r.email, active=r.active) for r in rows],
            school_name=school.name,
            school_slug=school.slug,
            categories={c.code: c.name for c in category_rows},
        )

    # --- the demonstration

    @answers(Seed)
    def seed(self, actor: Actor, request: Seed) -> Nothing:
        with self._scope() as tx:
            if store.real_school_exists(tx):
                raise NotAllowed("real_school_exists")
            store.keep(tx, store.trusts, [{"id": request.trust_id, "slug": request.trust_slug, "name": request.trust_name}])
            _keep_people(tx, request.trust_people)
            rows = [{"trust_id": request.trust_id, "person_id": p.id, "roles": p.roles} for p in request.trust_people]
            store.keep(tx, store.trust_memberships, rows)
        for school in request.schools:
            with self.host.transaction(self.host.engine, school_id=school.id, scope="sign_in") as tx:
                _seed_school(tx, trust_id=request.trust_id, school=school)
        return Nothing()

    def _scope(self) -> Any:
        return self.host.transaction(self.host.engine, scope="sign_in")

    def _school(self, school_id: UUID) -> Any:
        return self.host.transaction(self.host.engine, school_id=school_id)

    def _stored(self, token: str) -> bytes:
        return sessions.stored_form(token=token, key=self.host.keys.symmetric("sessions")[1])

    def _places(self, person_id: UUID) -> list[SchoolPlace]:
        with self.host.transaction(self.host.engine, person_id=str(person_id)) as tx:
            rows = store.places_of(tx, person_id=person_id)
        return [SchoolPlace(id=r.id, slug=r.slug, name=r.name, roles=r.roles, is_trust=r.is_trust) for r in rows]


def _off_loop(function: Any, **arguments: Any) -> Any:
    """Run CPU work in a thread when eventlet hosts us, so that one sign-in does not stop the service."""
    if eventlet.patcher.is_monkey_patched("thread"):
        return eventlet.tpool.execute(function, **arguments)
    return function(**arguments)


def _access_school(tx: sa.Connection, *, school_id: UUID) -> sa.Row[Any]:
    row = store.school_with(tx, school_id=school_id)
    if row is None:
        raise NotFound("school")
    return row


def _lead_role(roles: list[str]) -> str:
    return "dsl" if "dsl" in roles else "deputy_dsl"


def _keep_people(tx: sa.Connection, people: list[SeedPerson]) -> None:
    rows = [
        {
            "id": p.id,
            "name": p.name,
            "email": p.email.casefold(),
            "demo": True,
            "password_hash": _off_loop(passwords.hash_password, password=p.password),
        }
        for p in people
    ]
    store.keep(tx, store.people, rows)


FIRST_NAMES = {
    "behaviour": "Behaviour",
    "send": "SEND",
    "attendance": "Attendance",
    "medical": "Medical",
    "parental_contact": "Parental contact",
    "significant_event": "Significant event",
    "bullying": "Bullying",
    "welfare": "Welfare",
    "home_domestic": "Home and domestic",
    "out_of_school": "Out of school",
    "safeguarding_concern": "Safeguarding concern",
    "safeguarding_meeting": "Safeguarding meeting",
    "not_sure": "Not sure",
    "child_protection": "Child protection",
    "child_in_need": "Child in need",
}
"""What the first categories are called."""


def _seed_school(tx: sa.Connection, *, trust_id: UUID, school: SeedSchool) -> None:
    here = {"school_id": school.id}
    is_new = store.keep(
        tx,
        store.schools,
        [
            here
            | {
                "trust_id": trust_id,
                "slug": school.slug,
                "name": school.name,
                "phase": school.phase,
                "zone": "Europe/London",
                "day_ends_minute": 15 * 60 + 30,
                "hide_names": False,
                "demo": True,
            }
        ],
    )
    if not is_new:
        return
    _keep_people(tx, school.people)
    first = permissions.FIRST_CATEGORIES
    store.keep(
        tx,
        store.categories,
        [
            here
            | {
                "code": c.code,
                "name": FIRST_NAMES[c.code],
                "class_code": c.class_.code,
                "groups": list(c.groups),
                "leads_only": c.leads_only,
                "place": i,
            }
            for i, c in enumerate(first)
        ],
    )
    role_groups: list[tuple[str, str, list[UUID]]] = [(permissions.SAFEGUARDING_TEAM, "Safeguarding team", []), (permissions.SLT_GROUP, "SLT", [])]
    all_groups = [*role_groups, *((g.code, g.name, g.members) for g in school.groups)]
    store.keep(tx, store.groups, [here | {"code": c, "name": n, "members": m, "place": i} for i, (c, n, m) in enumerate(all_groups)])
    store.keep(tx, store.contacts, [here | c.model_dump() for c in school.contacts])
    outbox.add(
        tx,
        SchoolChanged,
        school_id=school.id,
        subject=school.id,
        zone="Europe/London",
        day_ends_minute=15 * 60 + 30,
        trust_id=trust_id,
        categories=[
            SchoolChanged.CategoryState(code=c.code, class_code=c.class_.code, groups=list(c.groups), leads_only=c.leads_only) for c in first
        ],
        groups=[SchoolChanged.GroupState(code=g.code, members=g.members) for g in school.groups],
    )
    for person in school.people:
        membership = uuid5(school.id, str(person.id))
        store.keep(
            tx,
            store.memberships,
            [
                here
                | {
                    "id": membership,
                    "person_id": person.id,
                    "roles": person.roles,
                    "job": person.job,
                    "room": person.room,
                    "telephone": person.telephone,
                    "on_duty": person.on_duty,
                    "active": True,
                }
            ],
        )
        outbox.add(tx, StaffChanged, school_id=school.id, subject=membership, person_id=person.id, roles=person.roles, active=True)
