"""The trust's people: added, changed and closed by trust IT; the role that can open a record waits for a DSL; no mail alone replaces a key."""

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep.contracts.identity import (
    Audit,
    BeginTotp,
    CloseTrustPerson,
    ConfirmTrustRole,
    DisableFactors,
    GivePass,
    HelpLostKeys,
    KeepTrustPerson,
    SendLink,
    Session,
    SignIn,
    TrustPeople,
    TrustSchools,
    UsePass,
)
from safekeep.errors import Invalid, NotAllowed, NotFound, NotSignedIn, SignInFailed
from safekeep.ids import new_id
from tests.services.identity.test_console import PASSWORD, Trust, trust  # noqa: F401 - the fixture


def keep(email: str = "new@trust.example", *roles: str) -> KeepTrustPerson:
    return KeepTrustPerson(name="New Person", email=email, roles=list(roles))


def person(trust: Trust, email: str) -> Any:  # noqa: F811
    return next((p for p in trust.by("trust_it", TrustPeople()).items if p.email == email), None)


def letters(trust: Trust, kind: str) -> set[UUID]:  # noqa: F811
    """Who was to be written to, whichever school or trust the letter is sent for."""
    with trust.resources.worker_engine.connect() as connection:
        query = "select body->>'person_id' from outbox where name = 'identity.letter.wanted' and body->>'kind' = :kind"
        return {UUID(found) for found in connection.execute(sa.text(query), {"kind": kind}).scalars()}


def places(trust: Trust, person_id: Any) -> list[tuple[str, list[str], list[str]]]:  # noqa: F811
    answer = trust.ask(Session(session_token=trust.session_of(person_id)))
    return [(p.slug, p.roles, p.waiting) for p in answer.places]


def test_trust_it_adds_a_colleague_whose_role_counts_at_once_and_every_dsl_can_see_it(trust: Trust) -> None:  # noqa: F811
    kept = trust.by("trust_it", keep("New@Trust.example", "trust_it"))
    assert (kept.outcome, kept.waiting) == ("made", [])
    assert places(trust, kept.person_id) == [("trust", ["trust_it"], [])]
    assert letters(trust, "role_asked") == set()
    for role in ("trust_it", "dsl", "deputy_dsl"):
        assert {p.email for p in trust.by(role, TrustPeople()).items} == {"it@trust.example", "new@trust.example"}
    with pytest.raises(NotAllowed, match="role"):
        trust.by("teacher", TrustPeople())
    assert trust.kinds(person_id=kept.person_id) == ["roles_given"]  # the school's own audit log says it
    again = trust.by("trust_it", keep("teacher@one.example", "trust_it"))
    assert (again.outcome, again.person_id) == ("joined", trust.id("teacher"))


def test_the_trusts_safeguarding_lead_can_do_nothing_until_a_dsl_confirms_it(trust: Trust) -> None:  # noqa: F811
    kept = trust.by("trust_it", keep("lead@trust.example", "trust_safeguarding_lead"))
    assert kept.waiting == ["trust_safeguarding_lead"]
    assert places(trust, kept.person_id) == [("trust", [], ["trust_safeguarding_lead"])]
    assert letters(trust, "role_asked") == {trust.id("dsl"), trust.id("deputy_dsl"), trust.other.id}  # the DSLs of every school of the trust
    with pytest.raises(NotAllowed, match="role"):
        trust.by("trust_it", ConfirmTrustRole(person_id=kept.person_id, accept=True))
    trust.by("deputy_dsl", ConfirmTrustRole(person_id=kept.person_id, accept=True))
    assert places(trust, kept.person_id) == [("trust", ["trust_safeguarding_lead"], [])]
    assert {trust.id("dsl"), trust.other.id, kept.person_id} <= letters(trust, "role_confirmed")
    assert trust.kinds(person_id=kept.person_id) == ["role_confirmed", "roles_given"]
    with pytest.raises(NotFound):
        trust.by("dsl", ConfirmTrustRole(person_id=kept.person_id, accept=True))  # nothing waits any more
    trust.by("trust_it", keep("lead@trust.example", "trust_safeguarding_lead", "trust_it"))  # what was confirmed stays so
    assert places(trust, kept.person_id) == [("trust", ["trust_it", "trust_safeguarding_lead"], [])]


@pytest.mark.parametrize("shown", [True, False], ids=["shown", "not shown"])
def test_of_keys_from_before_a_role_at_the_trust_that_opens_records_those_stay_which_were_shown(trust: Trust, shown: bool) -> None:  # noqa: F811
    teacher = trust.id("teacher")
    app = trust.member("teacher@one.example").factors[0]
    session = trust.session_of(teacher, factor_id=app.id)
    trust.by("trust_it", keep("teacher@one.example", "trust_safeguarding_lead"))
    assert trust.member("teacher@one.example").factors == [app], "while the role waits nothing is asked of its keys"
    trust.by("dsl", ConfirmTrustRole(person_id=teacher, accept=True, factor_ids=[app.id] if shown else []))
    assert [(f.id, f.met) for f in trust.member("teacher@one.example").factors] == ([(app.id, True)] if shown else [])
    if shown:
        assert trust.ask(Session(session_token=session)).stage == "full"
        return
    with pytest.raises(NotSignedIn, match="ended"):
        trust.ask(Session(session_token=session))
    assert teacher in letters(trust, "factor_disabled")


def test_a_declined_role_is_gone_and_who_asked_or_has_it_does_not_confirm_it(trust: Trust) -> None:  # noqa: F811
    kept = trust.by("trust_it", keep("dsl@one.example", "trust_safeguarding_lead"))
    assert kept.person_id == trust.id("dsl")
    with pytest.raises(NotAllowed, match="own_role"):
        trust.by("dsl", ConfirmTrustRole(person_id=trust.id("dsl"), accept=True))
    with pytest.raises(NotAllowed, match="own_role"):  # trust IT who is a DSL as well
        trust.ask(ConfirmTrustRole(person_id=trust.id("dsl"), accept=True), token=trust.token("dsl", person_id=trust.it.id))
    trust.by("deputy_dsl", ConfirmTrustRole(person_id=trust.id("dsl"), accept=False))
    assert person(trust, "dsl@one.example") is None
    assert trust.kinds(person_id=trust.id("dsl"))[:2] == ["role_declined", "roles_given"]


def test_a_dsl_of_another_trust_confirms_nothing_and_sees_nobody(trust: Trust) -> None:  # noqa: F811
    kept = trust.by("trust_it", keep("lead@trust.example", "trust_safeguarding_lead"))
    far = trust._token(roles=["dsl"], school_id=trust.far.id, person_id=trust.far.people[0].id)
    assert trust.ask(TrustPeople(), token=far).items == []
    with pytest.raises(NotFound):
        trust.ask(ConfirmTrustRole(person_id=kept.person_id, accept=True), token=far)
    elsewhere = trust._token(roles=["trust_it"], school_id=None, trust_id=trust.elsewhere, person_id=trust.far.people[0].id)
    for wanted in (
        CloseTrustPerson(person_id=trust.it.id),
        SendLink(person_id=trust.it.id),
        DisableFactors(person_id=trust.it.id, factor_id=new_id()),
    ):
        with pytest.raises(NotFound):
            trust.ask(wanted, token=elsewhere)


def test_nobody_changes_their_own_role_and_somebody_is_left_to_look_after_accounts(trust: Trust) -> None:  # noqa: F811
    for wanted in (keep("it@trust.example", "trust_it", "trust_safeguarding_lead"), CloseTrustPerson(person_id=trust.it.id)):
        with pytest.raises(NotAllowed, match="own_role"):
            trust.by("trust_it", wanted)
    colleague = trust.by("trust_it", keep("new@trust.example", "trust_it")).person_id
    by_colleague = trust._token(roles=["trust_it"], school_id=None, trust_id=trust.trust_id, person_id=colleague)
    trust.ask(CloseTrustPerson(person_id=trust.it.id), token=by_colleague)
    other = trust._token(roles=["trust_it"], school_id=None, trust_id=trust.trust_id, person_id=trust.id("teacher"))
    for last in (CloseTrustPerson(person_id=colleague), keep("new@trust.example", "trust_safeguarding_lead")):
        with pytest.raises(NotAllowed, match="last_it"):
            trust.ask(last, token=other)


def test_roles_of_a_school_are_not_given_at_the_trust_and_somebody_without_a_role_is_nobody_there(trust: Trust) -> None:  # noqa: F811
    for roles, code in (([], "choose_one"), (["dsl"], "unknown_choice"), (["trust_it", "teacher"], "unknown_choice")):
        with pytest.raises(Invalid) as refused:
            trust.by("trust_it", keep("new@trust.example", *roles))
        assert refused.value.problems == {"roles": code}
    with pytest.raises(Invalid) as refused:
        trust.by("trust_it", keep("not an address", "trust_it"))
    assert refused.value.problems == {"email": "not_an_address"}


def test_who_leaves_the_trust_is_signed_out_and_without_another_place_their_account_is_closed(trust: Trust) -> None:  # noqa: F811
    gone = trust.by("trust_it", keep("new@trust.example", "trust_it")).person_id
    also_teacher = trust.by("trust_it", keep("teacher@one.example", "trust_it")).person_id
    sessions = [trust.session_of(gone), trust.session_of(also_teacher)]
    for each in (gone, also_teacher):
        trust.by("trust_it", CloseTrustPerson(person_id=each))
        with pytest.raises(NotFound):
            trust.by("trust_it", CloseTrustPerson(person_id=each))
    for session in sessions:
        with pytest.raises(NotSignedIn):
            trust.ask(Session(session_token=session))
    assert trust.kinds(person_id=gone)[0] == "account_closed"
    assert trust.rows("select closed_at is not null from people where id = :id", id=gone) == [(True,)]
    with pytest.raises(SignInFailed):
        trust.ask(SignIn(username="new@trust.example", password=PASSWORD, in_steps=True))
    assert [p.slug for p in trust.ask(SignIn(username="teacher@one.example", password=PASSWORD, in_steps=True)).places] == ["one"]
    assert trust.by("trust_it", keep("new@trust.example", "trust_it")).outcome == "joined"  # comes back
    assert places(trust, gone) == [("trust", ["trust_it"], [])]


def test_a_lost_key_of_the_trusts_people_is_disabled_by_a_colleague_and_replaced_with_a_dsls_pass(trust: Trust) -> None:  # noqa: F811
    kept = trust.by("trust_it", keep("dsl@one.example", "trust_it"))  # has an app
    factor = next(iter(person(trust, "dsl@one.example").factors))
    trust.by("trust_it", DisableFactors(person_id=kept.person_id, factor_id=factor.id))
    assert person(trust, "dsl@one.example").factors == []
    trust.by("trust_it", SendLink(person_id=kept.person_id))
    assert letters(trust, "password_link") == {kept.person_id}
    assert trust.kinds(person_id=kept.person_id)[:2] == ["link_sent", "factor_disabled"]
    with pytest.raises(NotAllowed, match="role"):
        trust.by("trust_it", GivePass(person_id=trust.it.id, how="in_person"))
    assert trust.by("dsl", GivePass(person_id=trust.it.id, how="known_number")).code  # of the trust, of no school
    far = trust._token(roles=["dsl"], school_id=trust.far.id, person_id=trust.far.people[0].id)
    with pytest.raises(NotFound):
        trust.ask(GivePass(person_id=trust.it.id, how="in_person"), token=far)


def test_a_lead_whose_role_waits_sees_no_school(trust: Trust) -> None:  # noqa: F811
    kept = trust.by("trust_it", keep("lead@trust.example", "trust_safeguarding_lead"))
    token = trust.ask(Session(session_token=trust.session_of(kept.person_id), slug="trust")).actor_token
    with pytest.raises(NotAllowed, match="role"):
        trust.ask(TrustSchools(), token=token)


# --- the operator


def test_the_operator_helps_a_lone_dsl_who_lost_every_key_and_every_dsl_and_the_audit_log_know(trust: Trust) -> None:  # noqa: F811
    operator = trust._service_token("operator")
    with pytest.raises(NotFound):
        trust.ask(HelpLostKeys(email="nobody@one.example", how="in_person"), token=operator)
    for role in ("dsl", "trust_it"):
        with pytest.raises(NotAllowed):
            trust.by(role, HelpLostKeys(email="dsl@one.example", how="in_person"))
    helped = trust.ask(HelpLostKeys(email="DSL@one.example", how="in_person"), token=operator)
    assert helped.disabled == 1
    begun = trust.ask(SignIn(username="dsl@one.example", password=PASSWORD, in_steps=True))
    assert begun.stage == "enrol"
    with pytest.raises(NotAllowed, match="pass_needed"):
        trust.ask(BeginTotp(session_token=begun.session_token))
    used = trust.ask(UsePass(session_token=begun.session_token, code=helped.code))
    assert trust.ask(BeginTotp(session_token=used.session_token)).secret
    assert letters(trust, "operator_helped") == {trust.id("dsl"), trust.id("deputy_dsl"), trust.other.id}
    lines = {item.kind: item for item in trust.by("dsl", Audit(person_id=trust.id("dsl"))).items}
    assert (lines["operator_helped"].by, lines["operator_helped"].facts) == (None, {"how": "in_person"})
    assert "factor_disabled" in lines


def test_the_operator_helps_trust_it(trust: Trust) -> None:  # noqa: F811
    helped = trust.ask(HelpLostKeys(email="it@trust.example", how="known_number"), token=trust._service_token("operator"))
    begun = trust.ask(SignIn(username="it@trust.example", password=PASSWORD, in_steps=True)).session_token
    assert trust.ask(UsePass(session_token=begun, code=helped.code)).stage == "enrol"
    assert letters(trust, "operator_helped") == {trust.it.id, trust.id("dsl"), trust.id("deputy_dsl"), trust.other.id}
