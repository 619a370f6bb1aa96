"""Programs with credentials of their own: what they are given, what their tokens open, and how soon that ends."""

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep import actor, clock, permissions
from safekeep.contracts.identity import (
    AddMachine,
    AddTrustMachine,
    GiveAccessToken,
    Machines,
    MachineSession,
    RevokeMachine,
    RevokeTrustMachine,
    Staff,
    TrustMachines,
    TrustPeople,
    TrustSchools,
)
from safekeep.errors import Invalid, NotAllowed, NotFound, NotSignedIn, SignInFailed, StorageError, TooManyAttempts
from safekeep.ids import new_id
from tests.services.identity.office import Office, later

BOTH = sorted(permissions.SCOPES)


def make(office: Office, *, scopes: list[str] = BOTH, days: int = 90, name: str = "") -> Any:
    return office.ask(AddMachine(name=name or f"The office system {new_id()}", scopes=scopes, days=days), token=office.member("dsl"))


def token_of(office: Office, made: Any, *scopes: str, secret: str = "") -> Any:
    return office.ask(GiveAccessToken(client_id=str(made.client_id), client_secret=secret or made.client_secret, scopes=list(scopes)))


def item(office: Office) -> Any:
    (only,) = office.ask(Machines(), token=office.member("dsl")).items
    return only


def test_a_machine_becomes_an_actor_of_its_own_kind_at_its_school_with_its_scopes(office: Office) -> None:
    given = token_of(office, made := make(office))
    assert (given.expires_in, given.scopes) == (3600, BOTH)
    session = office.ask(MachineSession(access_token=given.access_token))
    found = actor.verify(keys=office.resources.keys, token=session.actor_token)
    assert (found.machine_id, found.school_id, found.scopes) == (made.client_id, office.one.id, set(BOTH))
    assert (found.person_id, found.service, found.roles) == (None, None, frozenset())
    with pytest.raises(NotAllowed, match="scope"):
        office.ask(Staff(), token=session.actor_token)


def test_a_token_can_be_asked_for_with_fewer_scopes_and_never_with_more(office: Office) -> None:
    made = make(office, scopes=["counts.read"])
    assert token_of(office, make(office), "counts.read").scopes == ["counts.read"]
    for scope in ("pupils.import", "everything"):
        with pytest.raises(Invalid) as caught:
            token_of(office, made, "counts.read", scope)
        assert caught.value.problems == {"scope": "not_offered"}


def test_unknown_wrong_revoked_and_run_out_credentials_answer_alike(office: Office) -> None:
    made, revoked = make(office), make(office)
    office.ask(RevokeMachine(machine_id=revoked.client_id), token=office.member("dsl"))
    wrong = [
        (str(made.client_id), "wrong"),
        (str(new_id()), made.client_secret),
        ("", ""),
        ("no id", "x"),
        ("no text: \0", "\0"),
        (str(revoked.client_id), revoked.client_secret),
    ]
    for client_id, secret in wrong:
        with pytest.raises(SignInFailed) as caught:
            office.ask(GiveAccessToken(client_id=client_id, client_secret=secret))
        assert caught.value.args == ()
    with later(days=90), pytest.raises(SignInFailed):
        token_of(office, made)


def test_guessing_a_secret_is_slowed_down(office: Office) -> None:
    """However its id is spelled."""
    made = make(office)
    spelled = [str(made.client_id), str(made.client_id).upper(), made.client_id.hex, f"{{{made.client_id}}}", made.client_id.urn]
    for client_id in spelled * 2:
        with pytest.raises(SignInFailed):
            office.ask(GiveAccessToken(client_id=client_id, client_secret="a guess"))
    with pytest.raises(TooManyAttempts):
        token_of(office, made)


def test_revoking_ends_every_token_at_the_next_call(office: Office) -> None:
    made = make(office)
    given = token_of(office, made)
    assert office.ask(MachineSession(access_token=given.access_token))
    office.ask(RevokeMachine(machine_id=made.client_id), token=office.member("dsl"))
    with pytest.raises(NotSignedIn):
        office.ask(MachineSession(access_token=given.access_token))
    with pytest.raises(NotFound):
        office.ask(RevokeMachine(machine_id=made.client_id), token=office.member("dsl"))
    assert item(office).revoked_at is not None


def test_a_token_ends_after_an_hour_and_never_outlives_its_credentials(office: Office) -> None:
    made = make(office, days=1)
    given = token_of(office, made)
    with later(minutes=59):
        assert office.ask(MachineSession(access_token=given.access_token))
    with later(minutes=60), pytest.raises(NotSignedIn):
        office.ask(MachineSession(access_token=given.access_token))
    with later(hours=23, minutes=30):
        last = token_of(office, made)
        assert last.expires_in <= 1800
    with later(days=1), pytest.raises(NotSignedIn):
        office.ask(MachineSession(access_token=last.access_token))


def test_the_secret_is_shown_once_and_only_hashes_are_kept(office: Office) -> None:
    made = make(office)
    given = token_of(office, made)
    with office.resources.transaction(office.resources.engine, scope="sign_in") as tx:
        kept = [
            bytes(row) for row in tx.execute(sa.text("select secret_hash from machines union all select token_hash from machine_tokens")).scalars()
        ]
    assert all(len(each) == 32 for each in kept)
    assert made.client_secret.encode() not in b" ".join(kept)
    assert given.access_token.encode() not in b" ".join(kept)
    assert "secret" not in office.ask(Machines(), token=office.member("dsl")).model_dump_json()


def test_when_it_was_last_used_is_kept(office: Office) -> None:
    made = make(office)
    assert item(office).last_used_at is None
    given = token_of(office, made)
    first = item(office).last_used_at
    with later(minutes=5):
        office.ask(MachineSession(access_token=given.access_token))
        assert item(office).last_used_at > first


@pytest.mark.parametrize(
    ("changed", "problems"),
    [
        ({"scopes": []}, {"scopes": "choose_one"}),
        ({"scopes": ["records.read"]}, {"scopes": "unknown_choice"}),
        ({"days": 0}, {"days": "too_small"}),
        ({"days": 367}, {"days": "too_large"}),
    ],
)
def test_what_cannot_be_given_is_refused(office: Office, changed: dict[str, Any], problems: dict[str, str]) -> None:
    with pytest.raises(Invalid) as caught:
        make(office, **changed)
    assert caught.value.problems == problems


def test_trust_it_makes_them_for_a_school_of_the_trust_and_nobody_for_another(office: Office) -> None:
    wanted: dict[str, Any] = {"name": "Counts", "scopes": ["counts.read"], "days": 30}
    made = office.ask(AddMachine(school_id=office.two.id, **wanted), token=office.help_desk())
    session = office.ask(MachineSession(access_token=token_of(office, made).access_token))
    assert session.school_id == office.two.id
    with pytest.raises(NotFound):
        office.ask(RevokeMachine(machine_id=made.client_id), token=office.member("dsl", office.one))
    stranger: str = office._token(roles=["trust_it"], school_id=None, trust_id=new_id(), person_id=new_id())
    for token, school_id in ((office.help_desk(), new_id()), (stranger, office.two.id), (office.member("dsl"), office.two.id)):
        with pytest.raises(NotFound):
            office.ask(AddMachine(school_id=school_id, **wanted), token=token)
    for role in ("teacher", "slt", "governor"):
        with pytest.raises(NotAllowed):
            office.ask(AddMachine(**wanted), token=office.member(role))


def test_a_form_sent_twice_makes_one_and_a_revoked_ones_name_is_free_again(office: Office) -> None:
    made = make(office, name="Counts")
    with pytest.raises(Invalid) as caught:
        make(office, name="Counts")
    assert caught.value.problems == {"name": "taken"}
    office.ask(RevokeMachine(machine_id=made.client_id), token=office.member("dsl"))
    assert make(office, name="Counts").client_id != made.client_id


def test_making_signing_in_and_revoking_stand_in_the_audit_log(office: Office) -> None:
    made = make(office)
    token_of(office, made)
    office.ask(RevokeMachine(machine_id=made.client_id), token=office.member("dsl"))
    assert [kind for kind in office.audited() if kind.startswith("machine")] == ["machine_added", "machine_signed_in", "machine_revoked"]
    assert isinstance(made.client_id, UUID)


# --- of a trust


def make_of_trust(office: Office, *, scopes: list[str] | None = None, days: int = 90, name: str = "") -> Any:
    given = list(permissions.TRUST_SCOPES) if scopes is None else scopes
    return office.ask(AddTrustMachine(name=name or f"Reporting {new_id()}", scopes=given, days=days), token=office.help_desk())


def item_of_trust(office: Office) -> Any:
    (only,) = office.ask(TrustMachines(), token=office.help_desk()).items
    return only


def stranger(office: Office) -> str:
    """Trust IT of another trust."""
    token: str = office._token(roles=["trust_it"], school_id=None, trust_id=new_id(), person_id=new_id())
    return token


def lines(office: Office, school_id: UUID) -> list[tuple[str, UUID | None]]:
    """Return (kind, by whom) of the lines about programs in a school's audit log, oldest first."""
    with office.resources.transaction(office.resources.engine, school_id=school_id) as tx:
        return [(row.kind, row.by_id) for row in tx.execute(sa.text("select kind, by_id from audit where kind like '%machine%' order by at, id"))]


def test_a_machine_of_a_trust_acts_at_the_trust_and_at_no_school(office: Office) -> None:
    given = token_of(office, made := make_of_trust(office))
    assert (given.expires_in, given.scopes) == (3600, ["trust.counts.read"])
    session = office.ask(MachineSession(access_token=given.access_token))
    assert (session.school_id, session.trust_id) == (None, office.seed.trust_id)
    found = actor.verify(keys=office.resources.keys, token=session.actor_token)
    assert (found.machine_id, found.school_id, found.trust_id, found.scopes) == (made.client_id, None, office.seed.trust_id, {"trust.counts.read"})
    assert (found.person_id, found.service, found.roles) == (None, None, frozenset())
    for request in (TrustMachines(), TrustSchools(), TrustPeople(), Staff(), Machines(school_id=office.one.id)):
        with pytest.raises(NotAllowed, match="scope"):
            office.ask(request, token=session.actor_token)


def test_a_scope_of_a_trust_is_given_at_no_school_and_a_schools_at_no_trust(office: Office) -> None:
    for scopes in (["counts.read"], ["trust.counts.read", "pupils.import"], ["records.read"]):
        with pytest.raises(Invalid) as caught:
            make_of_trust(office, scopes=scopes)
        assert caught.value.problems == {"scopes": "unknown_choice"}
    with pytest.raises(Invalid) as caught:
        make(office, scopes=["trust.counts.read"])
    assert caught.value.problems == {"scopes": "unknown_choice"}
    for made, scope in ((make_of_trust(office), "counts.read"), (make(office), "trust.counts.read")):
        with pytest.raises(Invalid) as caught:
            token_of(office, made, scope)
        assert caught.value.problems == {"scope": "not_offered"}


@pytest.mark.parametrize(
    ("changed", "problems"),
    [({"scopes": []}, {"scopes": "choose_one"}), ({"days": 0}, {"days": "too_small"}), ({"days": 367}, {"days": "too_large"})],
)
def test_what_cannot_be_given_to_a_trusts_machine_is_refused(office: Office, changed: dict[str, Any], problems: dict[str, str]) -> None:
    with pytest.raises(Invalid) as caught:
        make_of_trust(office, **changed)
    assert caught.value.problems == problems


def test_only_the_trusts_own_it_makes_sees_and_revokes_them(office: Office) -> None:
    of_trust, of_school = make_of_trust(office), make(office)
    for role in ("dsl", "deputy_dsl", "slt", "teacher", "governor"):
        for request in (TrustMachines(), AddTrustMachine(name="X", scopes=["trust.counts.read"], days=1), RevokeTrustMachine(machine_id=new_id())):
            with pytest.raises(NotAllowed, match="role"):
                office.ask(request, token=office.member(role))
    lead: str = office._token(roles=["trust_safeguarding_lead"], school_id=None, trust_id=office.seed.trust_id, person_id=new_id())
    with pytest.raises(NotAllowed, match="role"):
        office.ask(AddTrustMachine(name="X", scopes=["trust.counts.read"], days=1), token=lead)
    assert office.ask(TrustMachines(), token=stranger(office)).items == []
    for request, token in (
        (RevokeTrustMachine(machine_id=of_trust.client_id), stranger(office)),
        (RevokeMachine(machine_id=of_trust.client_id), office.member("dsl")),
        (RevokeMachine(school_id=office.one.id, machine_id=of_trust.client_id), office.help_desk()),
        (RevokeTrustMachine(machine_id=of_school.client_id), office.help_desk()),
    ):
        with pytest.raises(NotFound, match="machine"):
            office.ask(request, token=token)
    assert [each.id for each in office.ask(Machines(), token=office.member("dsl")).items] == [of_school.client_id]
    assert item_of_trust(office).id == of_trust.client_id
    assert token_of(office, of_trust)
    assert token_of(office, of_school)


def test_the_database_itself_shows_a_trusts_machine_to_its_trust_alone(office: Office) -> None:
    make_of_trust(office)
    for settings, seen in (
        ({"trust_id": str(office.seed.trust_id)}, 1),
        ({"trust_id": str(new_id())}, 0),
        ({"school_id": office.one.id}, 0),
        ({"school_id": office.seed.trust_id}, 0),
        ({}, 0),
    ):
        with office.resources.transaction(office.resources.engine, **settings) as tx:
            assert tx.execute(sa.text("select count(*) from machines")).scalar_one() == seen, settings


def test_a_machine_is_of_a_school_or_of_a_trust_and_never_of_both_or_neither(office: Office) -> None:
    make_of_trust(office)
    for change in ("school_id = :school", "trust_id = null"):
        with pytest.raises(StorageError, match="machines_one_place"):
            with office.resources.transaction(office.resources.engine, scope="sign_in") as tx:
                tx.execute(sa.text(f"update machines set {change}").bindparams(**({"school": office.one.id} if ":school" in change else {})))


def test_a_trusts_machine_ends_as_a_schools_does(office: Office) -> None:
    """Revoked: at the next call. A token after an hour; the credentials on their day; guessing is slowed down."""
    made = make_of_trust(office, days=1)
    given = token_of(office, made)
    assert item_of_trust(office).last_used_at is not None
    with later(minutes=60), pytest.raises(NotSignedIn):
        office.ask(MachineSession(access_token=given.access_token))
    with later(hours=23, minutes=30):
        assert token_of(office, made).expires_in <= 1800
    with later(days=1), pytest.raises(SignInFailed):
        token_of(office, made)
    assert office.ask(MachineSession(access_token=given.access_token))
    office.ask(RevokeTrustMachine(machine_id=made.client_id), token=office.help_desk())
    with pytest.raises(NotSignedIn):
        office.ask(MachineSession(access_token=given.access_token))
    with pytest.raises(SignInFailed):
        token_of(office, made)
    with pytest.raises(NotFound):
        office.ask(RevokeTrustMachine(machine_id=made.client_id), token=office.help_desk())
    other = make_of_trust(office)
    for _ in range(10):
        with pytest.raises(SignInFailed):
            token_of(office, other, secret="a guess")
    with pytest.raises(TooManyAttempts):
        token_of(office, other)


def test_a_trusts_form_sent_twice_makes_one_and_a_revoked_ones_name_is_free_again(office: Office) -> None:
    made = make_of_trust(office, name="Counts")
    with pytest.raises(Invalid) as caught:
        make_of_trust(office, name="Counts")
    assert caught.value.problems == {"name": "taken"}
    assert make(office, name="Counts"), "a school's may be called so all the same"
    office.ask(RevokeTrustMachine(machine_id=made.client_id), token=office.help_desk())
    assert make_of_trust(office, name="Counts").client_id != made.client_id


def test_every_school_of_the_trust_has_a_trusts_machine_in_its_audit_log(office: Office) -> None:
    made = make_of_trust(office)
    token_of(office, made)
    office.ask(RevokeTrustMachine(machine_id=made.client_id), token=office.help_desk())
    it = office.it.id
    for school in (office.one, office.two):
        assert lines(office, school.id) == [("trust_machine_added", it), ("trust_machine_signed_in", None), ("trust_machine_revoked", it)]


def test_a_trusts_machine_is_made_and_revoked_with_a_second_factor_used_of_late(office: Office) -> None:
    for method in ("identity.add_trust_machine", "identity.revoke_trust_machine"):
        assert method in permissions.STEP_UP
    old: str = office._token(
        roles=["trust_it"],
        school_id=None,
        trust_id=office.seed.trust_id,
        person_id=office.it.id,
        second_factor_at=clock.now() - permissions.FRESH * 2,
    )
    with pytest.raises(NotAllowed, match="step_up"):
        office.ask(AddTrustMachine(name="X", scopes=["trust.counts.read"], days=1), token=old)
