"""Second factors: apps, hard keys and passkeys, recovery codes, passes; who needs one, and what a lost one takes."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep import actor, clock
from safekeep.contracts.identity import (
    Account,
    AddKey,
    AddTotp,
    BeginKey,
    BeginProof,
    BeginTotp,
    DisableFactor,
    DisableFactors,
    GivePass,
    NewRecoveryCodes,
    Prove,
    Session,
    SetPassword,
    SignIn,
    UsePass,
)
from safekeep.errors import Invalid, NotAllowed, NotFound, NotSignedIn, SecondFactorNeeded, SignInFailed, TooManyAttempts
from safekeep.ids import new_id
from services.identity import passwords
from tests.services.identity.authenticator import SoftKey
from tests.services.identity.office import PASSWORD, Office, later

DEE = "dee@one.example"


def with_key(office: Office, email: str = DEE, key: SoftKey | None = None) -> tuple[str, SoftKey]:
    """Sign in and register a hard key; return (session token, key)."""
    begun, key = office.sign_in(email).session_token, key or SoftKey()
    return register(office, begun, key), key


def register(office: Office, token: str, key: SoftKey, name: str = "Blue key") -> str:
    token = office.known_in_person(token)
    options = office.ask(BeginKey(session_token=token)).options
    session_token: str = office.ask(AddKey(session_token=token, key=key.create(options), name=name)).session_token
    return session_token


def prove(office: Office, token: str, key: SoftKey, **how: Any) -> Any:
    return office.ask(Prove(session_token=token, key=key.get(office.ask(BeginProof(session_token=token)).options, **how)))


def factor_of(office: Office, token: str) -> UUID:
    factor: UUID = office.ask(Account(session_token=token)).factors[0].id
    return factor


# --- an app ----------------------------------------------------------------------------------------------------------------


def test_an_app_counts_only_after_the_code_it_shows_was_typed(office: Office) -> None:
    begun = office.sign_in("tea@one.example").session_token
    made = office.ask(BeginTotp(session_token=begun))
    assert made.address.startswith("otpauth://totp/Safekeep:tea%40one.example?secret=" + made.secret)
    assert office.ask(Account(session_token=begun)).factors == []
    wrong = office.code(made.secret, later=9)
    with pytest.raises(Invalid) as caught:
        office.ask(AddTotp(session_token=begun, factor_id=made.factor_id, code=wrong, name="Phone"))
    assert caught.value.problems == {"code": "wrong_code"}
    assert office.sign_in("tea@one.example").stage == "full"  # it is asked of nobody yet
    added = office.ask(AddTotp(session_token=begun, factor_id=made.factor_id, code=office.code(made.secret), name="Phone"))
    assert [f.name for f in office.ask(Account(session_token=added.session_token)).factors] == ["Phone"]
    assert office.sign_in("tea@one.example").stage == "second_factor"
    assert office.letters("factor_added") == [("factor_added", office.teacher.id)]
    with pytest.raises(NotFound):  # confirmed once and for all
        office.ask(AddTotp(session_token=added.session_token, factor_id=made.factor_id, code=office.code(made.secret, later=1), name="Phone"))


def test_an_apps_secret_is_stored_sealed(office: Office) -> None:
    _, secret = office.with_app("tea@one.example")
    with office.resources.transaction(office.resources.engine, scope="sign_in") as tx:
        stored = bytes(tx.execute(sa.text("select secret from factors")).scalar_one())
    assert secret.encode() not in stored


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_may_be_one_step_early_or_late_and_no_more(office: Office, steps: int, taken: bool) -> None:
    with later(minutes=-10):
        _, secret = office.with_app("tea@one.example")
    begun = office.sign_in("tea@one.example").session_token
    with clock.set_to(clock.now()):
        request = Prove(session_token=begun, code=office.code(secret, later=steps))
        if taken:
            assert office.ask(request).stage == "full"
        else:
            with pytest.raises(SignInFailed):
                office.ask(request)


def test_each_code_works_once_and_an_older_one_not_after_it(office: Office) -> None:
    with later(minutes=-10):
        _, secret = office.with_app("tea@one.example")
    with clock.set_to(clock.now()):
        now, before = office.code(secret), office.code(secret, later=-1)
        first, second = (office.sign_in("tea@one.example").session_token for _ in range(2))
        office.ask(Prove(session_token=first, code=f"{now[:3]} {now[3:]}"))
        for code in (now, before):
            with pytest.raises(SignInFailed):
                office.ask(Prove(session_token=second, code=code))


def test_guessing_codes_is_slowed_down_and_told_since_the_password_is_known(office: Office) -> None:
    with later(minutes=-10):
        _, secret = office.with_app("tea@one.example")
    begun = office.sign_in("tea@one.example").session_token
    wrong = office.code(secret, later=99)
    for _ in range(10):
        with pytest.raises(SignInFailed):
            office.ask(Prove(session_token=begun, code=wrong))
    with pytest.raises(TooManyAttempts):
        office.ask(Prove(session_token=begun, code=office.code(secret)))
    assert ("attack", office.teacher.id) in office.letters()
    assert ("attack", office.dsl.id) in office.letters()


# --- hard keys and passkeys --------------------------------------------------------------------------------------------------


def test_a_person_has_several_keys_each_named_and_signs_in_with_any(office: Office) -> None:
    token, blue = with_key(office)
    red = SoftKey()
    token = register(office, token, red, name="Red key")
    assert [(f.kind, f.name) for f in office.ask(Account(session_token=token)).factors] == [("key", "Blue key"), ("key", "Red key")]
    for key in (blue, red):
        assert prove(office, office.sign_in(DEE).session_token, key).stage == "full"


def test_a_key_is_registered_once(office: Office) -> None:
    token, key = with_key(office)
    options = office.ask(BeginKey(session_token=token)).options
    assert key.id.hex() in "".join(c.hex() for c in _excluded(options))


def _excluded(options: str) -> list[bytes]:
    import json

    from webauthn.helpers import base64url_to_bytes

    return [base64url_to_bytes(each["id"]) for each in json.loads(options)["excludeCredentials"]]


@pytest.mark.parametrize("which", ["create", "get"])
def test_a_key_without_its_fingerprint_or_pin_proves_nothing(office: Office, which: str) -> None:
    if which == "create":
        begun, key = office.known_in_person(office.sign_in(DEE).session_token), SoftKey()
        options = office.ask(BeginKey(session_token=begun)).options
        assert '"userVerification": "required"' in options
        with pytest.raises(Invalid):
            office.ask(AddKey(session_token=begun, key=key.create(options, verified=False), name="Key"))
        return
    _, key = with_key(office)
    begun = office.sign_in(DEE).session_token
    with pytest.raises(SignInFailed):
        prove(office, begun, key, verified=False)


def test_a_key_whose_count_goes_back_was_copied(office: Office) -> None:
    _, key = with_key(office)
    prove(office, office.sign_in(DEE).session_token, key)
    key.counter = 0
    with pytest.raises(SignInFailed):
        prove(office, office.sign_in(DEE).session_token, key)
    assert prove(office, office.sign_in(DEE).session_token, key).stage == "full"


def test_a_passkey_that_syncs_does_not_count_and_works_again_and_again(office: Office) -> None:
    _, key = with_key(office, key=SoftKey(counts=0))
    for _ in range(3):
        assert prove(office, office.sign_in(DEE).session_token, key).stage == "full"


def test_a_challenge_is_good_for_its_session_five_minutes_and_one_use(office: Office) -> None:
    _, key = with_key(office)
    one, other = office.sign_in(DEE).session_token, office.sign_in(DEE).session_token
    answer = key.get(office.ask(BeginProof(session_token=one)).options)
    with pytest.raises(SignInFailed):
        office.ask(Prove(session_token=other, key=answer))
    with later(minutes=5, seconds=1), pytest.raises(SignInFailed):
        office.ask(Prove(session_token=one, key=answer))
    fresh = key.get(office.ask(BeginProof(session_token=one)).options)
    turned = office.ask(Prove(session_token=one, key=fresh)).session_token
    with pytest.raises(SignInFailed):
        office.ask(Prove(session_token=turned, key=fresh))


def test_a_key_of_another_site_another_person_or_no_key_at_all_proves_nothing(office: Office) -> None:
    _, key = with_key(office)
    begun = office.sign_in(DEE).session_token
    stolen, stranger = SoftKey(origin="http://localhost:9"), SoftKey()
    stolen.id, stolen._private = key.id, key._private
    for each in (stolen, stranger):
        with pytest.raises(SignInFailed):
            prove(office, begun, each)
    for nonsense in ("{}", "[]", "not json", '{"rawId": 7}', '{"rawId": "AAAA", "response": {}}'):
        with pytest.raises(SignInFailed):
            office.ask(Prove(session_token=begun, key=nonsense))
        with pytest.raises(Invalid):
            office.ask(AddKey(session_token=office.sign_in("tea@one.example").session_token, key=nonsense, name="Key"))


def test_who_has_no_key_is_asked_for_none(office: Office) -> None:
    assert office.ask(BeginProof(session_token=office.sign_in("tea@one.example").session_token)).options == ""


# --- recovery codes ------------------------------------------------------------------------------------------------------------


def test_ten_recovery_codes_come_with_the_first_key_each_works_once_and_only_their_hashes_are_kept(office: Office) -> None:
    begun = office.known_in_person(office.sign_in(DEE).session_token)
    made = office.ask(BeginTotp(session_token=begun))
    added = office.ask(AddTotp(session_token=begun, factor_id=made.factor_id, code=office.code(made.secret), name="Phone"))
    codes = added.recovery_codes
    assert len(set(codes)) == 10
    used = office.ask(Prove(session_token=office.sign_in(DEE).session_token, code=codes[0].upper().replace("-", " ")))
    assert used.stage == "full"
    assert office.ask(Account(session_token=used.session_token)).recovery_left == 9
    with pytest.raises(SignInFailed):
        office.ask(Prove(session_token=office.sign_in(DEE).session_token, code=codes[0]))
    assert office.letters("recovery_used") == [("recovery_used", office.dsl.id)]
    assert "recovery_code_used" in office.audited()
    with office.resources.transaction(office.resources.engine, scope="sign_in") as tx:
        kept = b"".join(bytes(h) for h in tx.execute(sa.text("select code_hash from codes")).scalars())
    assert not any(code.replace("-", "").encode() in kept for code in codes)
    second = register(office, used.session_token, SoftKey())  # the second key brings no new ones
    assert office.ask(Account(session_token=second)).recovery_left == 9


def test_new_recovery_codes_void_the_old_ones(office: Office) -> None:
    token, _ = with_key(office)
    first = office.ask(NewRecoveryCodes(session_token=token)).codes
    second = office.ask(NewRecoveryCodes(session_token=token)).codes
    with pytest.raises(SignInFailed):
        office.ask(Prove(session_token=office.sign_in(DEE).session_token, code=first[0]))
    assert office.ask(Prove(session_token=office.sign_in(DEE).session_token, code=second[9])).stage == "full"


# --- who needs one -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "stage"),
    [("dsl", "enrol"), ("deputy_dsl", "enrol"), ("slt", "enrol"), ("teacher", "full"), ("pastoral", "full"), ("governor", "full")],
)
def test_dsl_deputy_and_slt_need_a_second_factor(office: Office, role: str, stage: str) -> None:
    with office.resources.transaction(office.resources.engine, school_id=office.one.id) as tx:
        tx.execute(sa.text("update memberships set roles = :roles where person_id = :id"), {"roles": [role], "id": office.teacher.id})
    assert office.sign_in("tea@one.example").stage == stage


def test_trust_roles_need_one_and_so_does_a_role_that_still_waits_for_a_dsl(office: Office) -> None:
    lead = office.it.model_copy(update={"id": new_id(), "email": "lead@trust.example", "roles": ["trust_safeguarding_lead"]})
    office.ask(office.seed.model_copy(update={"trust_people": [lead], "schools": []}), token=office._service_token("demo"))
    with office.resources.transaction(office.resources.engine, school_id=office.one.id) as tx:
        tx.execute(sa.text("update memberships set waiting_roles = '{dsl}' where person_id = :id"), {"id": office.teacher.id})
    for email in ("it@trust.example", "lead@trust.example", "tea@one.example"):
        assert office.sign_in(email).stage == "enrol"


def test_a_school_may_require_it_of_more(office: Office) -> None:
    begun = office.sign_in("tea@one.example").session_token
    office.set_policy(factor_roles=["teacher"])
    assert office.sign_in("tea@one.example").stage == "enrol"
    assert office.stage(begun) == "enrol"  # and those who are signed in are asked at once


def test_who_needs_one_and_has_none_sees_only_its_enrolment(office: Office) -> None:
    signed = office.sign_in(DEE)
    assert signed.stage == "enrol"
    answer = office.ask(Session(session_token=signed.session_token, slug="one"))
    assert actor.verify(keys=office.resources.keys, token=answer.actor_token).roles == frozenset()
    office.ask(Account(session_token=signed.session_token))
    for request in (
        NewRecoveryCodes(session_token=signed.session_token),
        SetPassword(session_token=signed.session_token, old=PASSWORD, password="Other teal harbour 1"),
        Prove(session_token=signed.session_token, password=PASSWORD),
    ):
        with pytest.raises(NotSignedIn, match="unfinished"):
            office.ask(request)
    assert office.stage(register(office, signed.session_token, SoftKey())) == "full"


def test_a_session_before_its_second_factor_opens_nothing(office: Office) -> None:
    with_key(office)
    token = office.sign_in(DEE).session_token
    answer = office.ask(Session(session_token=token, slug="one"))
    assert (answer.stage, actor.verify(keys=office.resources.keys, token=answer.actor_token).roles) == ("second_factor", frozenset())
    with pytest.raises(SignInFailed):  # the password again is no second factor
        office.ask(Prove(session_token=token, password=PASSWORD))
    for request in (BeginTotp(session_token=token), BeginKey(session_token=token), NewRecoveryCodes(session_token=token)):
        with pytest.raises(NotSignedIn):
            office.ask(request)


def test_a_program_is_asked_for_the_code_and_told_to_enrol_in_a_browser(office: Office) -> None:
    with pytest.raises(NotAllowed, match="enrol_first"):
        office.ask(SignIn(username=DEE, password=PASSWORD))
    _, secret = office.with_app(DEE)
    with pytest.raises(SecondFactorNeeded):
        office.ask(SignIn(username=DEE, password=PASSWORD))
    assert office.ask(SignIn(username=DEE, password=PASSWORD, code=office.code(secret, later=1))).stage == "full"


# --- a lost key ----------------------------------------------------------------------------------------------------------------


def by_holder(office: Office, factor: UUID, token: str) -> None:
    office.ask(DisableFactor(session_token=token, factor_id=factor))


def by_help_desk(office: Office, factor: UUID, _: str) -> None:
    office.ask(DisableFactors(school_id=office.one.id, person_id=office.dsl.id, factor_id=factor), token=office.help_desk())


def by_a_dsl(office: Office, factor: UUID, _: str) -> None:
    office.ask(DisableFactors(person_id=office.dsl.id, factor_id=factor), token=office.member("deputy_dsl", person=office.teacher.id))


@pytest.mark.parametrize("disable", [by_holder, by_help_desk, by_a_dsl])
def test_a_lost_key_is_disabled_with_every_session_made_with_it_told_and_kept(office: Office, disable: Callable[..., None]) -> None:
    token, key = with_key(office)
    token = register(office, token, SoftKey(), name="Red key")
    made_with_it = prove(office, office.sign_in(DEE).session_token, key).session_token
    disable(office, factor_of(office, token), token)
    for ended in (made_with_it, token):
        with pytest.raises(NotSignedIn):
            office.ask(Session(session_token=ended))
    with pytest.raises(SignInFailed):
        prove(office, office.sign_in(DEE).session_token, key)
    assert office.letters("factor_disabled") == [("factor_disabled", office.dsl.id)]
    assert office.audited().count("factor_disabled") == 1
    with office.resources.transaction(office.resources.engine, scope="sign_in") as tx:
        assert tx.execute(sa.text("select count(*) from revocations where session_id is not null")).scalar_one() >= 2


def test_a_key_that_is_disabled_between_its_use_and_the_session_lets_nobody_in(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The help desk is as quick as whoever found it: what was taken as proof is looked at again where it is kept."""
    token, key = with_key(office)
    factor, begun, turn = factor_of(office, token), office.sign_in(DEE).session_token, office.service._turn

    def late(*row: Any, **changes: Any) -> Any:
        by_help_desk(office, factor, "")
        return turn(*row, **changes)

    monkeypatch.setattr(office.service, "_turn", late)
    with pytest.raises(SignInFailed):
        prove(office, begun, key)
    assert office.stage(begun) != "full"


def test_an_app_that_is_disabled_while_a_program_signs_in_with_it_lets_nobody_in(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    token, secret = office.with_app(DEE)
    factor = factor_of(office, token)

    def late(_hashed: str) -> bool:
        by_help_desk(office, factor, "")
        return False

    monkeypatch.setattr(passwords, "needs_rehash", late)
    with pytest.raises(SignInFailed):
        office.ask(SignIn(username=DEE, password=PASSWORD, code=office.code(secret, later=1)))
    monkeypatch.undo()
    with pytest.raises(NotAllowed, match="enrol_first"):
        office.ask(SignIn(username=DEE, password=PASSWORD, code=office.code(secret, later=1)))


def test_sessions_made_with_another_key_go_on_and_one_that_stepped_up_with_the_lost_key_ends(office: Office) -> None:
    token, blue = with_key(office)
    red = SoftKey()
    token = register(office, token, red, name="Red key")
    with_red = prove(office, office.sign_in(DEE).session_token, red).session_token
    stepped = prove(office, prove(office, office.sign_in(DEE).session_token, red).session_token, blue).session_token
    by_help_desk(office, factor_of(office, with_red), "")
    assert office.stage(with_red) == "full"
    with pytest.raises(NotSignedIn):
        office.ask(Session(session_token=stepped))


def test_neither_the_help_desk_of_another_trust_nor_a_dsl_of_another_school_disables_a_key(office: Office) -> None:
    token, _ = with_key(office, "tea@one.example")
    factor = factor_of(office, token)
    strange = office._token(roles=["trust_it"], school_id=None, trust_id=office.two.id, person_id=office.it.id)
    for asked_by in (strange, office.member("dsl", office.two)):
        with pytest.raises(NotFound):
            office.ask(DisableFactors(school_id=office.one.id, person_id=office.teacher.id, factor_id=factor), token=asked_by)
    with pytest.raises(NotAllowed):
        office.ask(DisableFactors(person_id=office.teacher.id, factor_id=factor), token=office.member("teacher"))


def test_a_lost_key_is_not_replaced_by_password_and_mailbox_but_by_a_dsls_pass(office: Office) -> None:
    """Trust IT owns the mailboxes and can disable keys: the two together open nothing."""
    token, _ = with_key(office)
    by_help_desk(office, factor_of(office, token), token)
    for begun in (office.sign_in(DEE), office.by_link(office.dsl.id)):
        assert begun.stage == "enrol"
        assert office.ask(Account(session_token=begun.session_token)).pass_needed
        for request in (BeginTotp(session_token=begun.session_token), BeginKey(session_token=begun.session_token)):
            with pytest.raises(NotAllowed, match="pass_needed"):
                office.ask(request)
        with pytest.raises(NotSignedIn):
            office.ask(SetPassword(session_token=begun.session_token, password="Other teal harbour 1"))
    given = office.ask(GivePass(person_id=office.dsl.id, how="in_person"), token=office.member("deputy_dsl", person=office.teacher.id))
    used = office.ask(UsePass(session_token=begun.session_token, code=given.code.upper()))
    assert not office.ask(Account(session_token=used.session_token)).pass_needed
    after = register(office, used.session_token, SoftKey())
    assert office.stage(after) == "password"  # it had come by a link
    assert office.ask(SetPassword(session_token=after, password="Other teal harbour 1")).stage == "full"
    kinds = office.audited(person=office.dsl.id)
    assert [k for k in kinds if k in {"factor_disabled", "pass_given", "pass_used", "password_set"}] == [
        *("pass_given", "pass_used"),  # for the first
        "factor_disabled",
        "pass_given",
        "pass_used",
        "password_set",
    ]
    assert ("pass_given", office.dsl.id) in office.letters()


def test_a_pass_works_once_for_ten_minutes_for_its_person_and_nobody_gives_one_to_themselves(office: Office) -> None:
    with_key(office)
    by_deputy = office.member("deputy_dsl", person=office.teacher.id)
    first = office.ask(GivePass(person_id=office.dsl.id, how="known_number"), token=by_deputy).code
    begun = office.sign_in(DEE).session_token
    with later(minutes=10, seconds=1), pytest.raises(SignInFailed):
        office.ask(UsePass(session_token=begun, code=first))
    second = office.ask(GivePass(person_id=office.dsl.id, how="known_number"), token=by_deputy).code
    with pytest.raises(SignInFailed):  # replaced
        office.ask(UsePass(session_token=begun, code=first))
    office.ask(UsePass(session_token=begun, code=second))
    with pytest.raises(SignInFailed):
        office.ask(UsePass(session_token=office.sign_in(DEE).session_token, code=second))
    for asked_by in (office.member("dsl"), office.help_desk(), office.member("teacher")):
        with pytest.raises(NotAllowed):
            office.ask(GivePass(person_id=office.dsl.id, how="in_person"), token=asked_by)
    with office.resources.transaction(office.resources.engine, school_id=office.one.id) as tx:
        facts = tx.execute(sa.text("select by_id, facts from audit where kind = 'pass_given' order by at desc, id desc")).first()
    assert facts is not None
    assert (facts.by_id, facts.facts) == (office.teacher.id, {"how": "known_number"})


def test_a_recovery_code_replaces_a_lost_key_too(office: Office) -> None:
    token, _ = with_key(office)
    codes = office.ask(NewRecoveryCodes(session_token=token)).codes
    by_help_desk(office, factor_of(office, token), token)
    used = office.ask(UsePass(session_token=office.sign_in(DEE).session_token, code=codes[3]))
    assert office.stage(register(office, used.session_token, SoftKey())) == "full"


@pytest.mark.parametrize("waiting", [False, True], ids=["counts", "waits"])
@pytest.mark.parametrize(("role", "needs"), [("dsl", True), ("deputy_dsl", True), ("slt", True), ("teacher", False)])
def test_a_first_link_by_mail_sets_up_no_key_of_a_role_that_opens_records(office: Office, role: str, needs: bool, waiting: bool) -> None:
    """Trust IT owns the mailboxes: whoever used a new account's link before its person did comes no further than the password."""
    column = "waiting_roles" if waiting else "roles"
    with office.resources.transaction(office.resources.engine, school_id=office.one.id, scope="sign_in") as tx:
        tx.execute(sa.text("update memberships set roles = '{}' where person_id = :id"), {"id": office.teacher.id})
        tx.execute(sa.text(f"update memberships set {column} = :roles where person_id = :id"), {"roles": [role], "id": office.teacher.id})
        tx.execute(sa.text("update people set password_hash = null where id = :id"), {"id": office.teacher.id})
    begun = office.by_link(office.teacher.id).session_token
    token = office.ask(SetPassword(session_token=begun, password="Other teal harbour 1")).session_token
    again = office.sign_in("tea@one.example", "Other teal harbour 1").session_token  # nor by signing in with it
    for each in (token, again):
        assert office.ask(Account(session_token=each)).pass_needed is needs
        if needs:
            assert office.stage(each) == "enrol"
            for request in (BeginTotp(session_token=each), BeginKey(session_token=each)):
                with pytest.raises(NotAllowed, match="pass_needed"):
                    office.ask(request)
    if needs:
        by_dsl = office.ask(GivePass(person_id=office.teacher.id, how="in_person"), token=office.member("dsl")).code
        token = office.ask(UsePass(session_token=token, code=by_dsl)).session_token
        assert office.audited(person=office.teacher.id)[-2:] == ["pass_given", "pass_used"]
    assert office.ask(BeginTotp(session_token=token)).secret


def test_a_reset_by_mail_also_needs_the_second_factor(office: Office) -> None:
    _, secret = office.with_app(DEE)
    begun = office.by_link(office.dsl.id)
    assert begun.stage == "second_factor"
    with pytest.raises(NotSignedIn):
        office.ask(SetPassword(session_token=begun.session_token, password="Other teal harbour 1"))
    proved = office.ask(Prove(session_token=begun.session_token, code=office.code(secret, later=1)))
    assert proved.stage == "password"  # and nothing opens before a password is set
    assert (
        actor.verify(keys=office.resources.keys, token=office.ask(Session(session_token=proved.session_token, slug="one")).actor_token).roles == set()
    )
    assert office.ask(SetPassword(session_token=proved.session_token, password="Other teal harbour 1")).stage == "full"


# --- step-up -------------------------------------------------------------------------------------------------------------------


def test_keys_codes_and_the_console_ask_again_after_fifteen_minutes(office: Office) -> None:
    office.set_policy(lock_minutes=30)
    office.dsl_at_one_school()
    token, key = with_key(office)
    factor = factor_of(office, token)
    with later(minutes=14):
        office.ask(NewRecoveryCodes(session_token=token))
    with later(minutes=9):  # somebody is there
        token = office.ask(Prove(session_token=token, password=PASSWORD)).session_token
    with later(minutes=16):
        for request in (
            NewRecoveryCodes(session_token=token),
            BeginTotp(session_token=token),
            BeginKey(session_token=token),
            DisableFactor(session_token=token, factor_id=factor),
        ):
            with pytest.raises(NotAllowed, match="step_up"):
                office.ask(request)
        answer = office.ask(Session(session_token=token, slug="one"))
        with pytest.raises(NotAllowed, match="step_up"):
            office.ask(GivePass(person_id=office.teacher.id, how="in_person"), token=answer.actor_token)
        turned = prove(office, token, key)
        assert turned.session_token != token
        with pytest.raises(NotSignedIn):
            office.ask(Session(session_token=token))
        answer = office.ask(Session(session_token=turned.session_token, slug="one"))
        office.ask(GivePass(person_id=office.teacher.id, how="in_person"), token=answer.actor_token)
