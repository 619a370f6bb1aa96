"""Changing an account's e-mail address. It is where links to set a password go, so for who opens records it takes a DSL."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock, permissions
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.identity import AddressChanged, AddressState, AddressStateAnswer, ChangeAddress, ConfirmAddress
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound
from safekeep.ids import new_id
from safekeep.rpc import answers
from services.identity import store
from services.identity.service.staff import StaffConsole
from services.identity.service.trusts import address_of
from services.identity.store import accounts, doors


class EmailAddresses(StaffConsole):
    """E-mail addresses of accounts."""

    @answers(AddressState)
    def address_state(self, actor: Actor, request: AddressState) -> AddressStateAnswer:
        school_id = self._console(actor, request.school_id)
        with self._admin(school_id) as tx:
            place = self._active(tx, school_id=school_id, person_id=request.person_id)
            waiting = doors.address_waiting(tx, school_id=school_id, person_id=request.person_id)
        may = waiting is not None and permissions.is_lead(actor.roles) and waiting.asked_by != actor.person_id
        return AddressStateAnswer(email=place.email, waiting=waiting.new_email if waiting else "", may_confirm=may)

    @answers(ChangeAddress)
    def change_address(self, actor: Actor, request: ChangeAddress) -> AddressChanged:
        school_id, person_id, email = self._console(actor, request.school_id), request.person_id, address_of(request.email)
        with self._admin(school_id) as tx:
            place = self._active(tx, school_id=school_id, person_id=person_id)
            self._help_is_ours(tx, school_id=school_id, person_id=person_id)
            if place.email == email:
                raise Invalid({"email": "used_before"})
            if accounts.account(tx, email=email) is not None:
                raise Invalid({"email": "taken"})
            guarded = not permissions.FACTOR_ROLES.isdisjoint(self._standing_in(tx, person_id).roles)
            waits = guarded and not (permissions.is_lead(actor.roles) and actor.person != person_id)
            doors.drop_address_changes(tx, school_id=school_id, person_id=person_id, now=clock.now())
            asked: dict[str, Any] = {
                "id": new_id(),
                "school_id": school_id,
                "person_id": person_id,
                "asked_by": actor.person,
                "asked_at": clock.now(),
            }
            doors.add_address_change(tx, **asked, old_email=place.email, new_email=email)
            if not waits:
                self._put_address(tx, school_id=school_id, person_id=person_id, by_id=actor.person)
                return AddressChanged(waiting=False)
            self._audit(tx, "address_asked", person_id=person_id, by_id=actor.person, schools=[school_id])
            leads = {p.person_id for p in store.staff_of(tx, school_id=school_id) if p.active and permissions.is_lead(p.roles)}
            for told in sorted(leads | {person_id}):
                self._letter(tx, "address_asked", person_id=told, tenant=school_id, about=person_id)
        return AddressChanged(waiting=True)

    @answers(ConfirmAddress)
    def confirm_address(self, actor: Actor, request: ConfirmAddress) -> Nothing:
        school_id, person_id = actor.at_school, request.person_id
        with self._admin(school_id) as tx:
            waiting = doors.address_waiting(tx, school_id=school_id, person_id=person_id)
            if waiting is None:
                raise NotFound("address")
            if waiting.asked_by == actor.person:
                raise NotAllowed("own_role")
            if not request.accept:
                doors.drop_address_changes(tx, school_id=school_id, person_id=person_id, now=clock.now())
                self._audit(tx, "address_declined", person_id=person_id, by_id=actor.person, schools=[school_id])
                return Nothing()
            if accounts.account(tx, email=waiting.new_email) is not None:
                raise Conflict("address_taken")
            self._put_address(tx, school_id=school_id, person_id=person_id, by_id=actor.person)
        return Nothing()

    def _active(self, tx: sa.Connection, *, school_id: UUID, person_id: UUID) -> sa.Row[Any]:
        place = store.member(tx, school_id=school_id, person_id=person_id, lock=True)
        if place is None or not place.active:
            raise NotFound("person")
        return place

    def _put_address(self, tx: sa.Connection, *, school_id: UUID, person_id: UUID, by_id: UUID) -> None:
        """Change it, void links that were sent to the old one, and tell the old address and the new one."""
        change = doors.confirm_address_change(tx, school_id=school_id, person_id=person_id, by_id=by_id, now=clock.now())
        accounts.change_email(tx, person_id=person_id, email=change.new_email)
        self._audit(tx, "address_changed", person_id=person_id, by_id=by_id, schools=[school_id])
        self._letter(tx, "address_gone", person_id=person_id, tenant=school_id, about=change.id)
        self._letter(tx, "address_changed", person_id=person_id, tenant=school_id)
        self._revoke(tx, sessions_=[], person_id=person_id)
