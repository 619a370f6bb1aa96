"""Sign-in, sessions and the school's settings, against a real database."""

import datetime as dt

import pytest
import sqlalchemy as sa

from safekeep import actor, clock
from safekeep.contracts.identity import (
    Addresses,
    School,
    Session,
    SignIn,
    SignOut,
    Staff,
)
from safekeep.errors import Invalid, NotAllowed, NotFound, NotSignedIn, SignInFailed, TooManyAttempts
from safekeep.ids import new_id
from safekeep.rpc import envelope
from tests.services.identity.office import PASSWORD, Office


def test_a_person_signs_in_with_their_address_in_any_case_and_gets_their_places(office: Office) -> None:
    signed = office.sign_in("TEA@ONE.example")
    assert [p.slug for p in signed.places] == ["one"]
    assert sorted(p.slug for p in office.sign_in("dee@one.example").places) == ["one", "two"]
    assert [(p.slug, p.is_trust) for p in office.sign_in("it@trust.example").places] == [("trust", True)]


def test_a_wrong_password_and_an_unknown_address_answer_alike(office: Office) -> None:
    for email, password in (("tea@one.example", "wrong"), ("nobody@one.example", PASSWORD), ("tea@one.example", "")):
        with pytest.raises(SignInFailed) as caught:
            office.sign_in(email, password)
        assert caught.value.args == ()


@pytest.mark.parametrize("username", ["tea\x00@one.example", "tea\u202e@one.example", "t" * 201], ids=["NUL", "direction", "long"])
def test_an_address_that_no_database_keeps_is_refused_before_it_is_asked(office: Office, username: str) -> None:
    with pytest.raises(Invalid):
        office.ask(SignIn.model_construct(username=username, password=PASSWORD))


def test_guessing_is_slowed_down_and_the_pause_passes(office: Office) -> None:
    for _ in range(10):
        with pytest.raises(SignInFailed):
            office.sign_in("tea@one.example", "wrong")
    with pytest.raises(TooManyAttempts):
        office.sign_in("tea@one.example")
    with clock.set_to(clock.now() + dt.timedelta(seconds=5)):
        assert office.sign_in("tea@one.example").person_id == office.teacher.id


def test_a_session_becomes_an_actor_token_with_the_roles_of_the_school_asked_for(office: Office) -> None:
    token = office.sign_in("tea@one.example").session_token
    answer = office.ask(Session(session_token=token, slug="one"))
    found = actor.verify(keys=office.resources.keys, token=answer.actor_token)
    assert (found.person_id, found.school_id, found.roles, found.name) == (office.teacher.id, office.one.id, {"teacher"}, "Tea Cher")


def test_a_school_where_the_person_has_no_role_answers_like_one_that_does_not_exist(office: Office) -> None:
    token = office.sign_in("tea@one.example").session_token
    for slug in ("two", "nowhere"):
        with pytest.raises(NotFound) as caught:
            office.ask(Session(session_token=token, slug=slug))
        assert caught.value.args == ("school",)


def test_only_a_hash_of_the_session_token_is_stored(office: Office) -> None:
    token = office.sign_in("tea@one.example").session_token
    with office.resources.transaction(office.resources.engine, scope="sign_in") as tx:
        assert token.encode() not in tx.execute(sa.text("select token_hash from sessions")).scalar()


def test_a_session_that_ran_out_may_only_save_drafts_and_a_signed_out_one_nothing(office: Office) -> None:
    token = office.sign_in("tea@one.example").session_token
    with clock.set_to(clock.now() + dt.timedelta(hours=12)):
        answer = office.ask(Session(session_token=token, slug="one"))
        assert answer.expired
        assert actor.verify(keys=office.resources.keys, token=answer.actor_token).drafts_only
        with pytest.raises(NotAllowed):
            office.ask(Staff(), token=answer.actor_token)
    office.ask(SignOut(session_token=token))
    office.ask(SignOut(session_token=token))
    with pytest.raises(NotSignedIn):
        office.ask(Session(session_token=token, slug="one"))


def test_the_school_shows_its_settings_duty_and_role_groups(office: Office) -> None:
    school = office.ask(School(), token=office.member("teacher"))
    assert (school.name, school.day_ends, len(school.categories)) == ("School One", "15:30", 15)
    assert [(d.name, d.telephone) for d in school.duty] == [("Dee Lead", "01632 960001")]
    assert {g.code: g.members for g in school.groups} == {"safeguarding_team": [office.dsl.id], "slt": [], "designated_teacher": []}


def test_staff_and_addresses_are_of_the_tokens_school_alone(office: Office) -> None:
    assert [s.name for s in office.ask(Staff(), token=office.member("teacher", office.two)).items] == ["Dee Lead"]
    everyone = Addresses(person_ids=[office.dsl.id, office.teacher.id])
    answer = office.ask(everyone, token=office._service_token("alerts", office.two.id))
    assert [a.email for a in answer.items] == ["dee@one.example"]
    with pytest.raises(NotAllowed):
        office.ask(everyone, token=office.member("dsl"))


def test_seeding_twice_changes_nothing_and_says_events_once(office: Office) -> None:
    def count() -> int:
        with office.resources.worker_engine.connect() as connection:
            found: int = connection.execute(sa.text("select count(*) from outbox")).scalar_one()
            return found

    before = count()
    office.ask(office.seed, token=office._service_token("demo"))
    assert count() == before == 5


def test_demo_accounts_are_switched_off_once_a_real_school_exists(office: Office) -> None:
    real = new_id()
    with office.resources.transaction(office.resources.engine, school_id=real) as tx:
        tx.execute(
            sa.text("insert into schools values (:id, :trust, 'real', 'Real', 'primary', 'Europe/London', 930, false, false)"),
            {"id": real, "trust": office.seed.trust_id},
        )
    with pytest.raises(SignInFailed):
        office.sign_in("tea@one.example")
    with pytest.raises(NotAllowed, match="real_school_exists"):
        office.ask(office.seed, token=office._service_token("demo"))


def test_without_a_scope_no_account_session_or_school_is_seen(office: Office) -> None:
    office.sign_in("tea@one.example")
    with office.resources.transaction(office.resources.engine) as tx:
        for table in ("people", "sessions", "attempts", "schools", "memberships", "trust_memberships"):
            assert tx.execute(sa.text(f"select count(*) from {table}")).scalar() == 0, table


def test_a_call_of_anyone_needs_no_token_and_others_do(office: Office) -> None:
    with pytest.raises(NotSignedIn):
        office.service.staff(envelope(Staff(), token="", seconds=5))
