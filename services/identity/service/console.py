"""The console: trusts, schools, staff, roles, policy, categories, groups, the audit log; and what alerts asks to write letters."""

import base64
import json
import re
import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock, outbox, permissions
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.identity import (
    AddSchool,
    AddStaff,
    AddStaffAnswer,
    AddTrust,
    Audit,
    AuditAnswer,
    AuditItem,
    Begin,
    ChangeMember,
    CloseMember,
    ConfirmRole,
    DisableFactors,
    FirstAdministrator,
    FirstLink,
    GivePass,
    KeepCategory,
    KeepGroup,
    Letter,
    LetterAnswer,
    LineFate,
    Made,
    MemberItem,
    Members,
    MembersAnswer,
    NewStaff,
    Pass,
    Policy,
    SendLink,
    SetPolicy,
    SignedIn,
    SignInPolicy,
    StaffChanged,
    TrustSchool,
    TrustSchools,
    TrustSchoolsAnswer,
)
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound, SignInFailed
from safekeep.ids import new_id
from safekeep.permissions import Class, Role
from safekeep.rpc import answers
from services.identity import passwords, roles, second_factors, store
from services.identity.service.keys import Keys, factor_item
from services.identity.service.new_school import make_school, tell_school
from services.identity.store import accounts

_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]{2,}")
LINK_LETTERS = frozenset({"welcome", "password_link"})
"""Letters that carry a one-time link."""


class Console(Keys):
    """Administration."""

    # --- an empty installation, trusts and schools

    @answers(FirstAdministrator)
    def first_administrator(self, actor: Actor, request: FirstAdministrator) -> FirstLink:
        with self._scope() as tx:
            if accounts.anybody_exists(tx):
                raise Conflict("not_empty")
            return FirstLink(token=self._link(tx, person_id=None))

    @answers(Begin)
    def begin(self, _: None, request: Begin) -> SignedIn:
        person_id, trust_id, session_id, token = new_id(), new_id(), new_id(), secrets.token_urlsafe(32)
        email = _address(request.email)
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
        trust_id, email = new_id(), _address(request.admin_email)
        with self._scope() as tx:
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
            about: dict[str, Any] = {"slug": request.slug, "name": request.name, "phase": request.phase, "zone": request.zone}
            if not make_school(tx, school_id=school_id, trust_id=trust_id, demo=False, **about):
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

    # --- staff

    @answers(AddStaff)
    def add_staff(self, actor: Actor, request: AddStaff) -> AddStaffAnswer:
        school_id, seen = self._console(actor, request.school_id), set[str]()
        fates, head_code = [], ""
        for number, person in enumerate(request.people, start=1):
            fate, code = self._line(actor, school_id=school_id, number=number, person=person, seen=seen, dry_run=request.dry_run)
            fates.append(fate)
            head_code = head_code or code
        return AddStaffAnswer(items=fates, head_code=head_code)

    def _line(self, actor: Actor, *, school_id: UUID, number: int, person: NewStaff, seen: set[str], dry_run: bool) -> tuple[LineFate, str]:
        """Carry out one line. Each is its own transaction: a wrong line stops no other."""
        email = person.email.strip().casefold()
        problems = roles.problems_of(asked=person.roles)
        if not _ADDRESS.fullmatch(email):
            problems["email"] = "not_an_address"
        elif email in seen:
            problems["email"] = "line_twice"
        seen.add(email)
        if problems:
            return LineFate(line=number, outcome="refused", problems=problems), ""
        details = {"job": person.job, "room": person.room, "telephone": person.telephone}
        with self._admin(school_id) as tx:
            store.lock_staff(tx, school_id=school_id)
            found = accounts.account(tx, email=email)
            place = store.member(tx, school_id=school_id, person_id=found.id) if found else None
            if found and found.id == actor.person_id:
                return LineFate(line=number, outcome="refused", problems={"email": "own_role"}), ""
            result = roles.given(asked=person.roles, held=place.roles if place and place.active else [], by=actor.roles)
            if place and place.active and _is_same(place, result, details):
                return LineFate(line=number, outcome="unchanged", person_id=place.person_id), ""
            if place and self._would_leave_none(tx, school_id=school_id, person_id=place.person_id, keeps=person.roles):
                return LineFate(line=number, outcome="refused", problems={"roles": "last_dsl"}), ""
            person_id = found.id if found else new_id()
            outcome = "changed" if place else "joined" if found else "made"
            fate = LineFate(line=number, outcome=outcome, waiting=sorted(result.waiting), person_id=found.id if found else None)  # type: ignore[arg-type]
            if dry_run:
                return fate, ""
            if not found:
                accounts.add_person(tx, id=person_id, name=person.name, email=email, demo=False)
            elif found.closed_at is not None:
                accounts.reopen_person(tx, person_id=person_id)
            if not place:
                new: dict[str, Any] = {"id": new_id(), "person_id": person_id, "roles": [], "waiting_roles": [], "on_duty": False, "active": True}
                store.add_member(tx, school_id=school_id, **new, **details)
            code = self._put_roles(tx, actor, school_id=school_id, person_id=person_id, result=result, **details)
            if not found or found.password_hash is None or found.closed_at is not None:
                self._letter(tx, "welcome", person_id=person_id, tenant=school_id)
        return fate.model_copy(update={"person_id": person_id}), code

    @answers(Members)
    def members(self, actor: Actor, request: Members) -> MembersAnswer:
        school_id = self._console(actor, request.school_id)
        with self._admin(school_id) as tx:
            school = store.school_with(tx, school_id=school_id)
            rows = store.staff_of(tx, school_id=school_id, only=[request.person_id] if request.person_id else None)
            ids = [r.person_id for r in rows]
            factors = accounts.factors_of(tx, person_ids=ids)
            more = accounts.about(tx, person_ids=ids)
        if school is None:
            raise NotFound("school")
        if request.person_id and not rows:
            raise NotFound("person")
        items = [
            MemberItem(
                person_id=r.person_id,
                name=r.name,
                email=r.email,
                job=r.job,
                roles=r.roles,
                waiting=r.waiting_roles,
                room=r.room,
                telephone=r.telephone,
                on_duty=r.on_duty,
                active=r.active,
                factors=[factor_item(f) for f in factors if f.person_id == r.person_id],
                has_password=more[r.person_id].has_password,
                last_seen_at=more[r.person_id].last_seen_at,
            )
            for r in sorted(rows, key=lambda r: not r.active)
        ]
        return MembersAnswer(school_id=school_id, school_name=school.name, school_slug=school.slug, items=items)

    @answers(ChangeMember)
    def change_member(self, actor: Actor, request: ChangeMember) -> AddStaffAnswer:
        school_id = self._console(actor, request.school_id)
        problems = roles.problems_of(asked=request.roles)
        if problems:
            raise Invalid(problems)
        details = {"job": request.job, "room": request.room, "telephone": request.telephone, "on_duty": request.on_duty}
        with self._admin(school_id) as tx:
            store.lock_staff(tx, school_id=school_id)
            place = store.member(tx, school_id=school_id, person_id=request.person_id)
            if place is None or not place.active:
                raise NotFound("person")
            if request.person_id == actor.person_id and set(request.roles) != set(place.roles):
                raise NotAllowed("own_role")
            if self._would_leave_none(tx, school_id=school_id, person_id=request.person_id, keeps=request.roles):
                raise NotAllowed("last_dsl")
            result = roles.given(asked=request.roles, held=place.roles, by=actor.roles)
            code = self._put_roles(tx, actor, school_id=school_id, person_id=request.person_id, result=result, **details)
        fate = LineFate(line=1, outcome="changed", waiting=sorted(result.waiting), person_id=request.person_id)
        return AddStaffAnswer(items=[fate], head_code=code)

    @answers(CloseMember)
    def close_member(self, actor: Actor, request: CloseMember) -> Nothing:
        school_id, now, person_id = self._console(actor, request.school_id), clock.now(), request.person_id
        with self._admin(school_id) as tx:
            store.lock_staff(tx, school_id=school_id)
            place = store.member(tx, school_id=school_id, person_id=person_id)
            if place is None or not place.active:
                raise NotFound("person")
            if person_id == actor.person_id:
                raise NotAllowed("own_role")
            if self._would_leave_none(tx, school_id=school_id, person_id=person_id, keeps=[]):
                raise NotAllowed("last_dsl")
            store.change_member(tx, school_id=school_id, person_id=person_id, active=False, on_duty=False, waiting_roles=[])
            outbox.add(tx, StaffChanged, school_id=school_id, subject=place.id, person_id=person_id, roles=place.roles, active=False)
            if store.leave_groups(tx, school_id=school_id, person_id=person_id):
                tell_school(tx, school_id=school_id)
            self._audit(tx, "account_closed", person_id=person_id, by_id=actor.person, schools=[school_id])
            self._revoke(tx, sessions_=accounts.end_sessions(tx, person_id=person_id, now=now), person_id=person_id)
        if not self._standing(person_id).places:
            with self._scope() as tx:
                accounts.disable_factors(tx, person_id=person_id, now=now)
                accounts.close_person(tx, person_id=person_id, now=now)
        return Nothing()

    @answers(ConfirmRole)
    def confirm_role(self, actor: Actor, request: ConfirmRole) -> Nothing:
        here: dict[str, Any] = {"school_id": actor.at_school, "person_id": request.person_id}
        if request.person_id == actor.person:
            raise NotAllowed("own_role")
        with self._admin(actor.at_school) as tx:
            place = store.member(tx, **here)
            if place is None or not place.active or not place.waiting_roles:
                raise NotFound("role")
            if request.accept:
                self._grant_roles(tx, **here, by_id=actor.person, kind="role_confirmed")
            else:
                store.change_member(tx, **here, waiting_roles=[], waiting_by=None)
                self._audit(tx, "role_declined", person_id=request.person_id, by_id=actor.person, schools=[actor.at_school])
        return Nothing()

    @answers(SendLink)
    def send_link(self, actor: Actor, request: SendLink) -> Nothing:
        school_id = self._console(actor, request.school_id)
        with self._admin(school_id) as tx:
            place = store.member(tx, school_id=school_id, person_id=request.person_id)
            if place is None or not place.active:
                raise NotFound("person")
            self._letter(tx, "password_link", person_id=request.person_id, tenant=school_id)
            self._audit(tx, "link_sent", person_id=request.person_id, by_id=actor.person, schools=[school_id])
        return Nothing()

    @answers(DisableFactors)
    def disable_factors(self, actor: Actor, request: DisableFactors) -> Nothing:
        school_id = self._console(actor, request.school_id)
        with self._admin(school_id) as tx:
            place = store.member(tx, school_id=school_id, person_id=request.person_id)
        standing = self._standing(request.person_id)
        done = place is not None and self._disable(person_id=request.person_id, factor_id=request.factor_id, by_id=actor.person, standing=standing)
        if not done:
            raise NotFound("factor")
        return Nothing()

    @answers(GivePass)
    def give_pass(self, actor: Actor, request: GivePass) -> Pass:
        if request.person_id == actor.person:
            raise NotAllowed("own_role")
        with self._admin(actor.at_school) as tx:
            place = store.member(tx, school_id=actor.at_school, person_id=request.person_id)
            if place is None or not place.active:
                raise NotFound("person")
            code, row = self._one_time(person_id=request.person_id, purpose="pass", school_id=actor.at_school, lasts=second_factors.PASS_LASTS)
            accounts.add_codes(tx, [row], replace=True)
            self._audit(tx, "pass_given", person_id=request.person_id, by_id=actor.person, schools=[actor.at_school], how=request.how)
            self._letter(tx, "pass_given", person_id=request.person_id, tenant=actor.at_school)
        return Pass(code=code)

    # --- what a school sets

    @answers(SignInPolicy)
    def sign_in_policy(self, actor: Actor, request: SignInPolicy) -> Policy:
        with self._school(actor.at_school) as tx:
            row = store.policy_of(tx, school_id=actor.at_school)
        if row is None:
            raise NotFound("school")
        return Policy(**{name: row._mapping[name] for name in Policy.model_fields})

    @answers(SetPolicy)
    def set_policy(self, actor: Actor, request: SetPolicy) -> Policy:
        policy, problems = request.policy, {}
        for field, low, high in (("min_length", 8, 64), ("change_days", 0, 365), ("remembered", 0, 24), ("lock_minutes", 2, 30)):
            value = getattr(policy, field)
            if not low <= value <= high:
                problems[field] = "too_small" if value < low else "too_large"
        if not set(policy.factor_roles) <= {role.value for role in roles.SCHOOL_ROLES}:
            problems["factor_roles"] = "unknown_choice"
        if problems:
            raise Invalid(problems)
        with self._admin(actor.at_school) as tx:
            store.put(tx, store.policies, school_id=actor.at_school, **policy.model_dump())
            self._audit(tx, "policy_changed", person_id=None, by_id=actor.person, schools=[actor.at_school])
        return policy

    @answers(KeepCategory)
    def keep_category(self, actor: Actor, request: KeepCategory) -> Nothing:
        category = request.category
        if category.class_code not in {c.code for c in Class}:
            raise Invalid({"class_code": "unknown_choice"})
        class_ = Class.of(category.class_code)
        with self._admin(actor.at_school) as tx:
            categories, groups, _ = store.settings_of(tx, school_id=actor.at_school)
            if not set(category.groups) <= {g.code for g in groups}:
                raise Invalid({"groups": "unknown_choice"})
            if class_ >= Class.WELFARE and permissions.SAFEGUARDING_TEAM not in category.groups:
                raise Invalid({"groups": "safeguarding_team_needed"})
            place = next((c.place for c in categories if c.code == category.code), len(categories))
            values = category.model_dump() | {"leads_only": category.leads_only or class_ == Class.PROTECTION}
            store.put(tx, store.categories, school_id=actor.at_school, place=place, **values)
            tell_school(tx, school_id=actor.at_school)
            facts = {"category": category.code, "class": category.class_code}
            self._audit(tx, "category_changed", person_id=None, by_id=actor.person, schools=[actor.at_school], **facts)
        return Nothing()

    @answers(KeepGroup)
    def keep_group(self, actor: Actor, request: KeepGroup) -> Nothing:
        group = request.group
        if group.code in permissions.ROLE_GROUPS:
            raise Invalid({"code": "role_group"})
        with self._admin(actor.at_school) as tx:
            staff = {r.person_id for r in store.staff_of(tx, school_id=actor.at_school) if r.active and permissions.may_record(r.roles)}
            if not set(group.members) <= staff:
                raise Invalid({"members": "unknown_choice"})
            _, groups, _ = store.settings_of(tx, school_id=actor.at_school)
            place = next((g.place for g in groups if g.code == group.code), len(groups))
            store.put(tx, store.groups, school_id=actor.at_school, place=place, **group.model_dump())
            tell_school(tx, school_id=actor.at_school)
            self._audit(tx, "group_changed", person_id=None, by_id=actor.person, schools=[actor.at_school], group=group.code)
        return Nothing()

    @answers(Audit)
    def audit(self, actor: Actor, request: Audit) -> AuditAnswer:
        limit, before = max(1, min(request.limit, 500)), _cursor(request.cursor)
        with self._school(actor.at_school) as tx:
            which: dict[str, Any] = {"kind": request.kind, "person_id": request.person_id, "before": before}
            rows = store.audit_of(tx, school_id=actor.at_school, limit=limit + 1, **which)
        items = [AuditItem(id=r.id, at=r.at, kind=r.kind, person_id=r.person_id, by=r.by_id, facts=r.facts) for r in rows[:limit]]
        place = json.dumps([rows[limit - 1].at.isoformat(), str(rows[limit - 1].id)]) if len(rows) > limit else ""
        return AuditAnswer(items=items, next=base64.urlsafe_b64encode(place.encode()).decode() or None)

    # --- letters, which alerts writes

    @answers(Letter)
    def letter(self, actor: Actor, request: Letter) -> LetterAnswer:
        with self._scope() as tx:
            person = accounts.person(tx, person_id=request.person_id)
            standing = self._standing_in(tx, request.person_id)
            if person is None or person.closed_at is not None or not standing.places:
                raise NotFound("person")
            token = self._link(tx, person_id=person.id) if request.kind in LINK_LETTERS else ""
            about = accounts.person(tx, person_id=request.about) if request.about else None
            device = accounts.session_of(tx, person_id=person.id, id=request.about) if request.kind == "new_device" and request.about else None
        at = {"new_device": device and device.created_at, "password_due": passwords.due_at(set_at=person.password_set_at, rules=standing.rules)}
        sender = next((p for p in standing.places if p.id == actor.school_id), standing.places[0])
        with self._school(sender.id) as tx:
            school = store.school_with(tx, school_id=sender.id)
        return LetterAnswer(
            to_name=person.name,
            to_email=person.email,
            sender_name=sender.name,
            link_token=token,
            device=device.device if device else "",
            at=at.get(request.kind) or clock.now(),
            zone=school.zone if school else "Europe/London",
            slug=sender.slug if school else "",
            about_name=(about or person).name,
        )

    # --- what these share

    def _would_leave_none(self, tx: sa.Connection, *, school_id: UUID, person_id: UUID, keeps: Collection[str]) -> bool:
        dsls = {p.person_id for p in store.staff_of(tx, school_id=school_id) if p.active and Role.DSL in p.roles}
        return roles.leaves_no_dsl(dsls=dsls, person=person_id, keeps=keeps)

    def _put_roles(self, tx: sa.Connection, actor: Actor, *, school_id: UUID, person_id: UUID, result: roles.Given, **details: Any) -> str:
        """Write a person's roles and tell. Returns the head's code when the school's first DSL waits for it."""
        here = {"school_id": school_id, "person_id": person_id}
        waiting: dict[str, Any] = {"waiting_roles": sorted(result.waiting), "waiting_by": actor.person_id if result.waiting else None}
        store.change_member(tx, **here, roles=sorted(result.now), active=True, **waiting, **details)
        self._say_roles(tx, **here)
        facts = {"roles": " ".join(sorted(result.now)), "waiting": " ".join(sorted(result.waiting))}
        self._audit(tx, "roles_given", person_id=person_id, by_id=actor.person_id, schools=[school_id], **facts)
        if not result.waiting:
            return ""
        dsls = [p.person_id for p in store.staff_of(tx, school_id=school_id) if p.active and Role.DSL in p.roles]
        for dsl in dsls:
            self._letter(tx, "role_asked", person_id=dsl, tenant=school_id, about=person_id)
        if dsls or Role.DSL not in result.waiting:
            return ""
        code, row = self._one_time(**here, purpose="head", lasts=second_factors.HEAD_CODE_LASTS)
        accounts.add_codes(tx, [row], replace=True)
        return code

    def _grant_roles(self, tx: sa.Connection, *, school_id: UUID, person_id: UUID, by_id: UUID, kind: str) -> None:
        """Let the roles that waited count, and tell every DSL and the person."""
        place = store.member(tx, school_id=school_id, person_id=person_id, lock=True)
        assert place is not None
        now = sorted({*place.roles, *place.waiting_roles})
        store.change_member(tx, school_id=school_id, person_id=person_id, roles=now, waiting_roles=[], waiting_by=None)
        self._say_roles(tx, school_id=school_id, person_id=person_id)
        self._audit(tx, kind, person_id=person_id, by_id=by_id, schools=[school_id], roles=" ".join(now))
        leads = {p.person_id for p in store.staff_of(tx, school_id=school_id) if p.active and permissions.is_lead(p.roles)}
        for told in sorted(leads | {person_id}):
            self._letter(tx, "role_confirmed", person_id=told, tenant=school_id, about=person_id)

    def _say_roles(self, tx: sa.Connection, *, school_id: UUID, person_id: UUID) -> None:
        place = store.member(tx, school_id=school_id, person_id=person_id)
        assert place is not None
        outbox.add(tx, StaffChanged, school_id=school_id, subject=place.id, person_id=person_id, roles=place.roles, active=place.active)
        self._revoke(tx, sessions_=[], person_id=person_id)


def _is_same(place: Any, result: roles.Given, details: dict[str, str]) -> bool:
    same_roles = set(place.roles) == result.now and set(place.waiting_roles) == result.waiting
    return same_roles and all(getattr(place, name) == value for name, value in details.items())


def _make_trust(tx: sa.Connection, *, trust_id: UUID, name: str, slug: str) -> None:
    if not store.keep(tx, store.trusts, [{"id": trust_id, "slug": slug, "name": name}]):
        raise Conflict("slug_taken")


def _address(typed: str) -> str:
    email = typed.strip().casefold()
    if not _ADDRESS.fullmatch(email):
        raise Invalid({"email": "not_an_address"})
    return email


def _slug(name: str) -> str:
    """Return a part of page addresses made of a name."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")
    return (plain if plain[:1].isalpha() else f"t_{plain}")[:50].rstrip("_") or "trust"


def _cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    try:
        moment, id_ = json.loads(base64.urlsafe_b64decode(cursor))
        return datetime.fromisoformat(moment), UUID(id_)
    except (ValueError, TypeError):
        raise Invalid({"cursor": "invalid"}) from None
