"""The staff of a school: adding, changing, closing; roles that wait; lost keys."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock, outbox, permissions
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.identity import (
    AddStaff,
    AddStaffAnswer,
    ChangeMember,
    CloseMember,
    ConfirmRole,
    DisableFactors,
    GivePass,
    LineFate,
    MemberItem,
    Members,
    MembersAnswer,
    NewStaff,
    Pass,
    SendLink,
    StaffChanged,
)
from safekeep.errors import Invalid, NotAllowed, NotFound
from safekeep.ids import new_id
from safekeep.permissions import Role
from safekeep.rpc import answers
from services.identity import roles, second_factors, store
from services.identity.service.keys import Keys, factor_item
from services.identity.service.new_school import tell_school
from services.identity.store import accounts


class StaffConsole(Keys):
    """Accounts at a school."""

    @answers(AddStaff)
    def add_staff(self, actor: Actor, request: AddStaff) -> AddStaffAnswer:
        school_id, seen = self._console(actor, request.school_id), set[str]()
        fates, head_code, head_code_for = [], "", None
        for number, person in enumerate(request.people, start=1):
            fate, code = self._line(actor, school_id=school_id, number=number, person=person, seen=seen, dry_run=request.dry_run)
            fates.append(fate)
            if code and not head_code:
                head_code, head_code_for = code, fate.person_id
        return AddStaffAnswer(items=fates, head_code=head_code, head_code_for=head_code_for)

    def _line(self, actor: Actor, *, school_id: UUID, number: int, person: NewStaff, seen: set[str], dry_run: bool) -> tuple[LineFate, str]:
        """Carry out one line. Each is its own transaction: a wrong line stops no other."""
        email = person.email.strip().casefold()
        problems = roles.problems_of(asked=person.roles)
        if not roles.is_address(email):
            problems["email"] = "not_an_address"
        elif email in seen:
            problems["email"] = "line_twice"
        seen.add(email)
        if problems:
            return LineFate(line=number, outcome="refused", problems=problems), ""
        details = {name: value for name in ("job", "room", "telephone") if (value := getattr(person, name))}  # an empty column changes nothing
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
            outcome = "changed" if place and place.active else "joined" if found else "made"
            fate = LineFate(line=number, outcome=outcome, waiting=sorted(result.waiting), person_id=found.id if found else None)  # type: ignore[arg-type]
            if dry_run:
                return fate, ""
            if not found:
                accounts.add_person(tx, id=person_id, name=person.name, email=email, demo=accounts.is_demo(tx, person_id=actor.person_id))
            elif found.closed_at is not None:
                accounts.reopen_person(tx, person_id=person_id)
            if not place:
                new: dict[str, Any] = {"id": new_id(), "person_id": person_id, "roles": [], "waiting_roles": [], "on_duty": False, "active": True}
                store.add_member(tx, school_id=school_id, **new | {"job": "", "room": "", "telephone": ""} | details)
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
            code = self._put_roles(tx, actor, school_id=school_id, person_id=request.person_id, result=result, kept=request.factor_ids, **details)
        fate = LineFate(line=1, outcome="changed", waiting=sorted(result.waiting), person_id=request.person_id)
        return AddStaffAnswer(items=[fate], head_code=code, head_code_for=request.person_id if code else None)

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
            store.change_member(tx, school_id=school_id, person_id=person_id, active=False, on_duty=False, waiting_roles=[], waiting_by=None)
            outbox.add(tx, StaffChanged, school_id=school_id, subject=place.id, person_id=person_id, roles=place.roles, active=False)
            if store.leave_groups(tx, school_id=school_id, person_id=person_id):
                tell_school(tx, school_id=school_id)
            self._audit(tx, "account_closed", person_id=person_id, by_id=actor.person, schools=[school_id])
            self._revoke(tx, sessions_=accounts.end_sessions(tx, person_id=person_id, now=now), person_id=person_id)
            if not self._standing_in(tx, person_id).places:
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
                self._grant_roles(tx, **here, by_id=actor.person, kind="role_confirmed", kept=request.factor_ids)
            else:
                store.change_member(tx, **here, waiting_roles=[], waiting_by=None)
                self._audit(tx, "role_declined", person_id=request.person_id, by_id=actor.person, schools=[actor.at_school])
        return Nothing()

    @answers(SendLink)
    def send_link(self, actor: Actor, request: SendLink) -> Nothing:
        tenant = self._tenant(actor, request.school_id)
        schools = self._schools_in(tenant) if tenant == actor.trust_id else [tenant]
        with self._admin(tenant) as tx:
            self._must_be_helped(tx, tenant=tenant, trust_id=actor.trust_id, person_id=request.person_id)
            self._letter(tx, "password_link", person_id=request.person_id, tenant=tenant)
            self._audit(tx, "link_sent", person_id=request.person_id, by_id=actor.person, schools=schools)
        return Nothing()

    @answers(DisableFactors)
    def disable_factors(self, actor: Actor, request: DisableFactors) -> Nothing:
        tenant = self._tenant(actor, request.school_id)
        with self._admin(tenant) as tx:
            self._must_be_helped(tx, tenant=tenant, trust_id=actor.trust_id, person_id=request.person_id)
        standing = self._standing(request.person_id)
        done = self._disable(person_id=request.person_id, factor_id=request.factor_id, by_id=actor.person, standing=standing)
        if not done:
            raise NotFound("factor")
        return Nothing()

    @answers(GivePass)
    def give_pass(self, actor: Actor, request: GivePass) -> Pass:
        if request.person_id == actor.person:
            raise NotAllowed("own_role")
        with self._admin(actor.at_school) as tx:
            school = store.school_with(tx, school_id=actor.at_school)
            at_trust = school is not None and accounts.trust_people(tx, trust_id=school.trust_id, only=request.person_id)
            if not at_trust:  # a DSL helps the trust's people too: nobody at the trust could, and a mail alone never does
                self._must_be_helped(tx, tenant=actor.at_school, trust_id=None, person_id=request.person_id)
            code, row = self._one_time(person_id=request.person_id, purpose="pass", school_id=actor.at_school, lasts=second_factors.PASS_LASTS)
            accounts.add_codes(tx, [row], replace=True)
            self._audit(tx, "pass_given", person_id=request.person_id, by_id=actor.person, schools=[actor.at_school], how=request.how)
            self._letter(tx, "pass_given", person_id=request.person_id, tenant=actor.at_school)
        return Pass(code=code)

    # --- what these share

    def _would_leave_none(self, tx: sa.Connection, *, school_id: UUID, person_id: UUID, keeps: Collection[str]) -> bool:
        dsls = {p.person_id for p in store.staff_of(tx, school_id=school_id) if p.active and Role.DSL in p.roles}
        return roles.leaves_no_dsl(dsls=dsls, person=person_id, keeps=keeps)

    def _put_roles(
        self,
        tx: sa.Connection,
        actor: Actor,
        *,
        school_id: UUID,
        person_id: UUID,
        result: roles.Given,
        kept: Collection[UUID] = (),
        **details: Any,
    ) -> str:
        """Write a person's roles and tell. Returns the head's code when the school's first DSL waits for it."""
        here: dict[str, Any] = {"school_id": school_id, "person_id": person_id}
        before = store.member(tx, **here)
        had = set(before.roles) if before and before.active else set[str]()
        self._keys_shown(tx, person_id=person_id, gained=result.now, kept=kept, by_id=actor.person_id)
        waiting: dict[str, Any] = {"waiting_roles": sorted(result.waiting), "waiting_by": actor.person_id if result.waiting else None}
        store.change_member(tx, **here, roles=sorted(result.now), active=True, **waiting, **details)
        self._say_roles(tx, **here)
        facts = {"roles": " ".join(sorted(result.now)), "waiting": " ".join(sorted(result.waiting))}
        self._audit(tx, "roles_given", person_id=person_id, by_id=actor.person_id, schools=[school_id], **facts)
        if (result.now & permissions.CONFIRMED_ROLES) - had:
            self._tell_leads(tx, **here)
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

    def _grant_roles(
        self,
        tx: sa.Connection,
        *,
        school_id: UUID,
        person_id: UUID,
        by_id: UUID,
        kind: str,
        kept: Collection[UUID] = (),
        typed_in: UUID | None = None,
    ) -> None:
        """Let the roles that waited count, and tell every DSL and the person.

        `kept`: the keys they have shown to be theirs. `typed_in`: their session where the head's code was typed.
        """
        place = store.member(tx, school_id=school_id, person_id=person_id, lock=True)
        assert place is not None
        now = sorted({*place.roles, *place.waiting_roles})
        self._keys_shown(tx, person_id=person_id, gained=now, kept=kept, by_id=by_id, typed_in=typed_in)
        store.change_member(tx, school_id=school_id, person_id=person_id, roles=now, waiting_roles=[], waiting_by=None)
        self._say_roles(tx, school_id=school_id, person_id=person_id)
        self._audit(tx, kind, person_id=person_id, by_id=by_id, schools=[school_id], roles=" ".join(now))
        self._tell_leads(tx, school_id=school_id, person_id=person_id)

    def _tell_leads(self, tx: sa.Connection, *, school_id: UUID, person_id: UUID) -> None:
        """Tell every DSL, and the person, that they now have a role that reads records."""
        leads = {p.person_id for p in store.staff_of(tx, school_id=school_id) if p.active and permissions.is_lead(p.roles)}
        for told in sorted(leads | {person_id}):
            self._letter(tx, "role_confirmed", person_id=told, tenant=school_id, about=person_id)

    def _tenant(self, actor: Actor, school_id: UUID | None) -> UUID:
        """Whose accounts are looked after: a school's, or (trust IT, naming no school) the trust's own."""
        return actor.trust_id if actor.trust_id is not None and school_id is None else self._console(actor, school_id)

    def _must_be_helped(self, tx: sa.Connection, *, tenant: UUID, trust_id: UUID | None, person_id: UUID) -> None:
        """Raise NotFound("person") unless they have a place there, and NotAllowed("elsewhere") when another trust looks after them too."""
        if tenant == trust_id:
            if not accounts.trust_people(tx, trust_id=trust_id, only=person_id):
                raise NotFound("person")
            if accounts.trusts_of(tx, person_id=person_id) - {trust_id}:
                raise NotAllowed("elsewhere")
            return
        place = store.member(tx, school_id=tenant, person_id=person_id)
        if place is None or not place.active:
            raise NotFound("person")
        self._help_is_ours(tx, school_id=tenant, person_id=person_id)

    def _help_is_ours(self, tx: sa.Connection, *, school_id: UUID, person_id: UUID) -> None:
        """Raise NotAllowed("elsewhere") when the account also belongs to another trust.

        Otherwise whoever adds somebody's address to their own school could disable the keys of another trust's DSL.
        """
        school = store.school_with(tx, school_id=school_id)
        if school is None or accounts.trusts_of(tx, person_id=person_id) - {school.trust_id}:
            raise NotAllowed("elsewhere")

    def _say_roles(self, tx: sa.Connection, *, school_id: UUID, person_id: UUID) -> None:
        place = store.member(tx, school_id=school_id, person_id=person_id)
        assert place is not None
        outbox.add(tx, StaffChanged, school_id=school_id, subject=place.id, person_id=person_id, roles=place.roles, active=place.active)
        self._revoke(tx, sessions_=[], person_id=person_id)


def _is_same(place: Any, result: roles.Given, details: dict[str, str]) -> bool:
    same_roles = set(place.roles) == result.now and set(place.waiting_roles) == result.waiting
    return same_roles and all(getattr(place, name) == value for name, value in details.items())
