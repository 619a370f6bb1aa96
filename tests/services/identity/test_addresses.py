"""Changing the e-mail address of an account: links to set a password go there, so for who opens records it takes a DSL."""

from typing import Any
from uuid import UUID

import pytest

from safekeep.contracts.identity import AddressState, AddStaff, ChangeAddress, ConfirmAddress, Letter, NewStaff, SeedPerson, UseLink
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound, SignInFailed
from safekeep.ids import new_id
from tests.services.identity.office import Office

NEW = "new@one.example"


def by_it(office: Office, person: UUID, *, email: str = NEW) -> bool:
    waiting: bool = office.ask(ChangeAddress(school_id=office.one.id, person_id=person, email=email), token=office.help_desk()).waiting
    return waiting


def deputy(office: Office) -> UUID:
    """A deputy DSL at School One."""
    added = office.ask(AddStaff(people=[NewStaff(name="Dep Uty", email="dep@one.example", roles=["deputy_dsl"])]), token=office.member("dsl"))
    made: UUID = added.items[0].person_id
    return made


def state(office: Office, person: UUID, *, token: str = "") -> Any:
    return office.ask(AddressState(person_id=person), token=token or office.member("dsl"))


def test_a_teachers_address_is_changed_at_once_and_both_addresses_are_told(office: Office) -> None:
    link = office.link(office.teacher.id)
    assert by_it(office, office.teacher.id, email=" New@One.example ") is False
    assert office.sign_in(NEW).person_id == office.teacher.id
    with pytest.raises(SignInFailed):
        office.sign_in("tea@one.example")
    with pytest.raises(SignInFailed):
        office.ask(UseLink(token=link))
    assert {kind for kind, _ in office.letters()} >= {"address_gone", "address_changed"}
    assert "address_changed" in office.audited(person=office.teacher.id)


def test_the_letter_about_the_old_address_goes_to_the_old_address(office: Office) -> None:
    import sqlalchemy as sa

    by_it(office, office.teacher.id)
    with office.resources.worker_engine.connect() as connection:
        bodies = connection.execute(sa.text("select body from outbox where name = 'identity.letter.wanted' order by id")).scalars().all()
    asked = {body["kind"]: body for body in bodies}
    alerts = office._service_token("alerts", office.one.id)
    to = {kind: office.ask(Letter(person_id=office.teacher.id, kind=kind, about=asked[kind]["about"]), token=alerts).to_email for kind in asked}
    assert (to["address_gone"], to["address_changed"]) == ("tea@one.example", NEW)


def test_a_dsls_address_changed_by_trust_it_waits_for_a_dsl_and_every_dsl_is_told(office: Office) -> None:
    """Trust IT owns the mailboxes: with the address alone it would have the links that set a DSL's password."""
    other = deputy(office)
    assert by_it(office, office.dsl.id) is True
    assert office.sign_in("dee@one.example").person_id == office.dsl.id
    assert {person for kind, person in office.letters("address_asked")} == {office.dsl.id, other}
    seen = state(office, office.dsl.id, token=office.member("deputy_dsl", person=other))
    assert (seen.email, seen.waiting, seen.may_confirm) == ("dee@one.example", NEW, True)
    office.ask(ConfirmAddress(person_id=office.dsl.id, accept=True), token=office.member("deputy_dsl", person=other))
    assert office.sign_in(NEW).person_id == office.dsl.id


def test_trust_it_cannot_confirm_what_it_asked_for(office: Office) -> None:
    by_it(office, office.dsl.id)
    with pytest.raises(NotAllowed):
        office.ask(ConfirmAddress(person_id=office.dsl.id, accept=True), token=office.help_desk())
    assert office.sign_in("dee@one.example")


def test_a_dsl_changes_a_colleagues_address_but_not_their_own_alone(office: Office) -> None:
    other = deputy(office)
    assert office.ask(ChangeAddress(person_id=other, email=NEW), token=office.member("dsl")).waiting is False
    assert office.ask(ChangeAddress(person_id=office.dsl.id, email="own@one.example"), token=office.member("dsl")).waiting is True
    with pytest.raises(NotAllowed, match="own_role"):
        office.ask(ConfirmAddress(person_id=office.dsl.id, accept=True), token=office.member("dsl"))
    assert state(office, office.dsl.id).may_confirm is False
    office.ask(ConfirmAddress(person_id=office.dsl.id, accept=True), token=office.member("deputy_dsl", person=other))
    assert office.sign_in("own@one.example")


def test_a_declined_change_is_gone_and_one_asked_for_again_replaces_it(office: Office) -> None:
    other = office.member("deputy_dsl", person=deputy(office))
    by_it(office, office.dsl.id)
    office.ask(ConfirmAddress(person_id=office.dsl.id, accept=False), token=other)
    with pytest.raises(NotFound):
        office.ask(ConfirmAddress(person_id=office.dsl.id, accept=True), token=other)
    by_it(office, office.dsl.id)
    by_it(office, office.dsl.id, email="newer@one.example")
    assert state(office, office.dsl.id).waiting == "newer@one.example"


def test_an_address_somebody_has_is_refused_also_when_they_got_it_while_it_waited(office: Office) -> None:
    for email, code in (("dee@one.example", "taken"), ("tea@one.example", "used_before"), ("no address", "not_an_address")):
        with pytest.raises(Invalid) as caught:
            by_it(office, office.teacher.id, email=email)
        assert caught.value.problems == {"email": code}
    other = office.member("deputy_dsl", person=deputy(office))
    by_it(office, office.dsl.id)
    by_it(office, office.teacher.id)
    with pytest.raises(Conflict, match="address_taken"):
        office.ask(ConfirmAddress(person_id=office.dsl.id, accept=True), token=other)


def test_another_schools_people_and_those_another_trust_looks_after_are_left_alone(office: Office) -> None:
    with pytest.raises(NotFound):
        office.ask(ChangeAddress(person_id=office.teacher.id, email=NEW), token=office.member("dsl", office.two))
    with pytest.raises(NotFound):
        office.ask(ConfirmAddress(person_id=new_id(), accept=True), token=office.member("dsl"))
    for role in ("teacher", "slt", "governor"):
        with pytest.raises(NotAllowed):
            office.ask(ChangeAddress(person_id=office.teacher.id, email=NEW), token=office.member(role))
    assert isinstance(office.teacher, SeedPerson)
