"""Single sign-on against a real OpenID provider: who gets in, who does not, and what a provider cannot do whoever runs it."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep.contracts.identity import (
    AddStaff,
    BeginSignOn,
    BeginTotp,
    ConfirmRole,
    FinishSignOn,
    KeepProvider,
    MappedRole,
    Members,
    NewRecoveryCodes,
    NewStaff,
    Prove,
    ProviderOffers,
    Providers,
    RemoveProvider,
    SeedPerson,
    Session,
    SetPassword,
    UnlinkPerson,
)
from safekeep.errors import Invalid, NotAllowed, NotFound, NotSignedIn, SignInFailed, SignOnFailed
from safekeep.ids import new_id
from services.identity import issuers, single_sign_on
from services.identity.issuers import Client
from tests.openid import OpenIdProvider, running
from tests.services.identity.office import PASSWORD, Office, later

BACK = "http://localhost:8000/sso/back"


class Door:
    """The office with a provider of its trust, and people who go through it."""

    def __init__(self, office: Office, provider: OpenIdProvider) -> None:
        self.office, self.provider = office, provider
        self.token = office.help_desk()

    def keep(self, *, token: str = "", **changed: Any) -> UUID:
        given = {
            "name": "Trust sign-in",
            "kind": "other",
            "issuer": self.provider.issuer,
            "client_id": self.provider.client_id,
            "secret": self.provider.client_secret,
        }
        made: UUID = self.office.ask(KeepProvider(**(given | changed)), token=token or self.token).id
        return made

    def begin(self, provider_id: UUID) -> Any:
        return self.office.ask(BeginSignOn(provider_id=provider_id))

    def finish(self, begun: Any, back: dict[str, str], **changed: Any) -> Any:
        sent = {"state": back.get("state", ""), "code": back.get("code", ""), "error": back.get("error", ""), "issuer": back.get("iss", "")}
        return self.office.ask(FinishSignOn(**(sent | {"browser_token": begun.browser_token} | changed)))

    def enter(self, provider_id: UUID, sub: str) -> Any:
        begun = self.begin(provider_id)
        return self.finish(begun, self.provider.sign_in(begun.address, sub))

    def refused(self, provider_id: UUID, sub: str) -> str:
        with pytest.raises(SignOnFailed) as caught:
            self.enter(provider_id, sub)
        return caught.value.reason


@pytest.fixture
def door(office: Office, openid: OpenIdProvider) -> Iterator[Door]:
    issuers.forget()
    office.resources.settings = office.resources.settings.model_copy(update={"inner_issuers": ("http://localhost",)})
    yield Door(office, openid)
    openid.misbehave()


def teacher(door: Door, **claims: Any) -> str:
    """The teacher as the provider knows her."""
    more = {name: claims.pop(name) for name in ("amr", "acr") if name in claims}
    return door.provider.person(f"tea-{new_id()}", **({"email": "Tea@One.example", "email_verified": True} | claims), **more)


def dsl(door: Door, **more: Any) -> str:
    return door.provider.person(f"dee-{new_id()}", email="dee@one.example", email_verified=True, **more)


# --- who gets in -------------------------------------------------------------------------------------------------------------


def test_a_teacher_signs_in_and_is_linked_once_by_the_verified_address(door: Door) -> None:
    provider_id, sub = door.keep(), teacher(door)
    signed = door.enter(provider_id, sub)
    assert (signed.person_id, signed.stage, [p.slug for p in signed.places]) == (door.office.teacher.id, "full", ["one"])
    assert door.office.ask(Session(session_token=signed.session_token, slug="one")).place.roles == ["teacher"]
    assert door.enter(provider_id, sub).person_id == door.office.teacher.id
    assert door.office.letters("provider_linked") == [("provider_linked", door.office.teacher.id)]
    audited = door.office.audited(person=door.office.teacher.id)
    assert (audited.count("provider_linked"), audited.count("signed_in")) == (1, 2)


def test_once_linked_the_subject_counts_and_not_the_address(door: Door) -> None:
    provider_id, sub = door.keep(), teacher(door)
    door.enter(provider_id, sub)
    door.provider.person(sub, email="tea.married@one.example", email_verified=False)
    assert door.enter(provider_id, sub).person_id == door.office.teacher.id


def test_an_address_that_went_to_somebody_else_does_not_bring_them_the_account(door: Door) -> None:
    """A leaver's address is given to a new colleague: another subject; trust IT unlinks once it is sure."""
    provider_id = door.keep()
    door.enter(provider_id, teacher(door))
    another = teacher(door)
    assert door.refused(provider_id, another) == "linked_otherwise"
    door.office.ask(UnlinkPerson(provider_id=provider_id, person_id=door.office.teacher.id), token=door.token)
    assert door.enter(provider_id, another).person_id == door.office.teacher.id


@pytest.mark.parametrize(
    "claims", [{"email_verified": False}, {"email_verified": None}, {"email_verified": "no"}, {"email": "", "email_verified": True}]
)
def test_an_address_that_the_issuer_does_not_vouch_for_links_nothing(door: Door, claims: dict[str, Any]) -> None:
    assert door.refused(door.keep(), teacher(door, **claims)) == "unverified"


def test_an_unknown_address_gets_no_account(door: Door) -> None:
    sub = door.provider.person("stranger", email="stranger@one.example", email_verified=True)
    assert door.refused(door.keep(), sub) == "unknown_account"
    assert "sign_on_failed" in door.office.audited()


def test_claims_that_only_the_userinfo_endpoint_tells_are_asked_for_there(office: Office) -> None:
    with running(redirects=BACK, CLAIMS_IN_USERINFO="1") as provider:
        office.resources.settings = office.resources.settings.model_copy(update={"inner_issuers": ("http://localhost",)})
        door = Door(office, provider)
        assert door.enter(door.keep(), teacher(door)).person_id == office.teacher.id


def test_a_leaver_and_a_demonstration_beside_a_real_school_do_not_get_in(door: Door) -> None:
    provider_id, sub = door.keep(), teacher(door)
    with door.office.resources.transaction(door.office.resources.engine, scope="sign_in") as tx:
        tx.execute(sa.text("update people set closed_at = now() where id = :id"), {"id": door.office.teacher.id})
    assert door.refused(provider_id, sub) == "unknown_account"


def test_whoever_changes_their_mind_at_the_provider_is_told_so(door: Door) -> None:
    assert door.refused(door.keep(), "nobody") == "refused"


# --- what a provider cannot do, whoever runs it -------------------------------------------------------------------------------


def test_a_provider_of_one_school_opens_that_school_and_no_other(door: Door) -> None:
    """The DSL works at both schools of the trust: by way of School Two's provider she is at School Two only."""
    _, secret = door.office.with_app("dee@one.example")
    signed = door.enter(door.keep(school_id=door.office.two.id), dsl(door))
    assert [p.slug for p in signed.places] == ["two"]
    whole = door.office.ask(Prove(session_token=signed.session_token, code=door.office.code(secret, later=1)))
    assert [p.slug for p in whole.places] == ["two"]
    with pytest.raises(NotFound):
        door.office.ask(Session(session_token=whole.session_token, slug="one"))


def test_a_provider_speaks_for_nobody_of_another_school_or_trust(door: Door) -> None:
    assert door.refused(door.keep(school_id=door.office.two.id), teacher(door)) == "unknown_account"


@pytest.mark.parametrize("proof", [{}, {"amr": ["mfa"]}, {"acr": "two-factors"}])
def test_a_dsl_shows_safekeeps_own_second_factor_whatever_the_issuer_proves(door: Door, proof: dict[str, Any]) -> None:
    _, secret = door.office.with_app("dee@one.example")
    signed = door.enter(door.keep(accepts_factor=True, factor_levels=["two-factors"]), dsl(door, **proof))
    assert signed.stage == "second_factor"
    assert door.office.ask(Session(session_token=signed.session_token, slug="one")).stage == "second_factor"
    assert door.office.ask(Prove(session_token=signed.session_token, code=door.office.code(secret, later=1))).stage == "full"


def test_a_dsl_without_a_second_factor_sets_none_up_by_way_of_the_provider(door: Door) -> None:
    """Whoever runs the issuer would otherwise sign in as them first, and enrol a key of their own."""
    provider_id = door.keep(accepts_factor=True)
    assert door.refused(provider_id, dsl(door, amr=["mfa"])) == "needs_factor"
    it = door.provider.person("ida", email="it@trust.example", email_verified=True, amr=["mfa"])
    assert door.refused(provider_id, it) == "needs_factor"


def test_the_issuers_second_factor_no_longer_counts_once_the_person_becomes_a_dsl(door: Door) -> None:
    signed = door.enter(door.keep(accepts_factor=True), teacher(door, amr=["mfa"]))
    assert door.office.stage(signed.session_token) == "full"
    promoted = AddStaff(people=[NewStaff(name="Tea Cher", email="tea@one.example", roles=["teacher", "deputy_dsl"])])
    door.office.ask(promoted, token=door.office.member("dsl"))
    answer = door.office.ask(Session(session_token=signed.session_token, slug="one"))
    assert answer.stage == "second_factor"
    with pytest.raises(NotSignedIn):
        door.office.ask(BeginTotp(session_token=signed.session_token))


def test_a_session_by_the_provider_in_which_an_old_recovery_code_was_used_ends_with_the_role(door: Door) -> None:
    """The provider's word alone brings nobody in as a DSL, and a code of unknown hands neither."""
    with_app, _ = door.office.with_app("tea@one.example")
    codes = door.office.ask(NewRecoveryCodes(session_token=with_app)).codes
    signed = door.enter(door.keep(accepts_factor=True), teacher(door, amr=["mfa"]))
    proved = door.office.ask(Prove(session_token=signed.session_token, code=codes[0])).session_token
    assert door.office.stage(proved) == "full"
    promoted = AddStaff(people=[NewStaff(name="Tea Cher", email="tea@one.example", roles=["teacher", "deputy_dsl"])])
    door.office.ask(promoted, token=door.office.member("dsl"))
    with pytest.raises(NotSignedIn, match="ended"):
        door.office.ask(Session(session_token=proved))


@pytest.mark.parametrize(
    ("proof", "trusted", "stage"),
    [
        ({"amr": ["pwd", "mfa"]}, {"accepts_factor": True}, "full"),
        ({"acr": "two-factors"}, {"accepts_factor": True, "factor_levels": ["two-factors"]}, "full"),
        ({"amr": ["mfa"], "acr": "two-factors"}, {"accepts_factor": False, "factor_levels": ["two-factors"]}, "enrol"),
        ({"amr": ["pwd"]}, {"accepts_factor": True}, "enrol"),
        ({"acr": "one-factor"}, {"accepts_factor": True, "factor_levels": ["two-factors"]}, "enrol"),
        ({}, {"accepts_factor": True}, "enrol"),
    ],
)
def test_a_second_factor_is_asked_for_unless_the_issuer_proves_one_and_the_trust_has_said_so(
    door: Door, proof: dict[str, Any], trusted: dict[str, Any], stage: str
) -> None:
    door.office.set_policy(factor_roles=["teacher"])
    assert door.enter(door.keep(**trusted), teacher(door, **proof)).stage == stage


def test_who_signs_in_with_a_provider_is_not_asked_for_a_password_that_is_due(door: Door) -> None:
    provider_id, sub = door.keep(), teacher(door)
    with later(days=100):
        assert door.enter(provider_id, sub).stage == "full"


# --- tokens that are not genuine ----------------------------------------------------------------------------------------------


def test_a_token_that_is_not_genuine_opens_nothing(door: Door) -> None:
    """Each is as the provider's own but for the one thing wrong with it (see provider.mjs); after each, the same person gets in."""
    provider_id, sub = door.keep(), teacher(door)
    assert door.enter(provider_id, sub)
    wrong = "tampered audience audiences issuer expired nonce no_nonce replayed none secret stranger unknown_key no_subject garbage"
    for how in wrong.split():
        door.provider.misbehave(how)
        assert door.refused(provider_id, sub) == "not_genuine", how
        door.provider.misbehave()
        assert door.enter(provider_id, sub), how


def test_keys_that_the_provider_has_exchanged_are_read_again(door: Door) -> None:
    provider_id, sub = door.keep(), teacher(door)
    assert door.enter(provider_id, sub)
    door.provider.rotate()
    assert door.enter(provider_id, sub)
    door.provider.misbehave("rotates")  # between the sign-in and its token
    assert door.enter(provider_id, sub)


def test_each_state_works_once_in_the_browser_that_began_and_for_ten_minutes(door: Door) -> None:
    provider_id, sub = door.keep(), teacher(door)
    begun = door.begin(provider_id)
    back = door.provider.sign_in(begun.address, sub)
    for changed in ({"state": "made up"}, {"state": ""}):
        with pytest.raises(SignOnFailed, match="not_genuine"):
            door.finish(begun, back, **changed)
    assert door.finish(begun, back).person_id == door.office.teacher.id
    with pytest.raises(SignOnFailed, match="not_genuine"):
        door.finish(begun, back)
    begun = door.begin(provider_id)
    with pytest.raises(SignOnFailed, match="not_genuine"):
        door.finish(begun, door.provider.sign_in(begun.address, sub), browser_token="another browser's")
    begun = door.begin(provider_id)
    back = door.provider.sign_in(begun.address, sub)
    with later(minutes=10), pytest.raises(SignOnFailed, match="not_genuine"):
        door.finish(begun, back)


def test_a_code_of_another_sign_in_is_worth_nothing(door: Door) -> None:
    """PKCE: the code belongs to the verifier of the sign-in that asked for it."""
    provider_id = door.keep()
    mine, theirs = door.begin(provider_id), door.begin(provider_id)
    code = door.provider.sign_in(theirs.address, teacher(door))["code"]
    back = door.provider.sign_in(mine.address, teacher(door))
    with pytest.raises(SignOnFailed, match="not_genuine"):
        door.finish(mine, back | {"code": code})


def test_the_answer_of_another_issuer_is_refused(door: Door) -> None:
    begun = door.begin(door.keep())
    back = door.provider.sign_in(begun.address, teacher(door))
    with pytest.raises(SignOnFailed, match="not_genuine"):
        door.finish(begun, back | {"iss": "https://elsewhere.example"})


def test_state_nonce_and_a_hashed_verifier_go_with_the_browser_and_the_secret_does_not(door: Door) -> None:
    begun, other = door.begin(provider_id := door.keep()), None
    other = door.begin(provider_id)
    asked, again = (parse_qs(urlsplit(b.address).query) for b in (begun, other))
    assert {"state", "nonce", "code_challenge", "redirect_uri", "scope"} <= asked.keys()
    assert (asked["code_challenge_method"], asked["response_type"]) == (["S256"], ["code"])
    assert all(asked[name] != again[name] for name in ("state", "nonce", "code_challenge"))
    assert door.provider.client_secret not in begun.address
    with door.office.resources.transaction(door.office.resources.engine, scope="sign_in") as tx:
        kept = tx.execute(sa.text("select * from sign_ons")).all()
    assert asked["state"][0].encode() not in [bytes(row.state_hash) for row in kept]


# --- a provider that is down ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["down", "hangs", "redirects"])
def test_a_provider_that_is_down_or_hangs_is_said_so_and_the_password_still_works(door: Door, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuers, "SECONDS", 0.3)
    provider_id, sub = door.keep(), teacher(door)
    begun = door.begin(provider_id)
    back = door.provider.sign_in(begun.address, sub)
    issuers.forget()
    door.provider.misbehave(how)
    if how != "redirects":
        with pytest.raises(SignOnFailed, match="provider_down"):
            door.begin(provider_id)
    with pytest.raises(SignOnFailed, match="provider_down"):
        door.finish(begun, back)
    assert door.office.sign_in("tea@one.example").stage == "full"


def test_a_provider_that_has_gone_is_said_so(door: Door) -> None:
    provider_id = door.keep()
    with door.office.resources.transaction(door.office.resources.engine, scope="sign_in") as tx:
        tx.execute(sa.text("update providers set issuer = 'http://localhost:9'"))
    with pytest.raises(SignOnFailed, match="provider_down"):
        door.begin(provider_id)


# --- where a provider may be ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("issuer", "inner"),
    [
        ("http://localhost:{port}", ()),  # loopback is for tests, and has to be named
        ("http://127.0.0.1:{port}", ("http://localhost",)),
        ("https://localhost:{port}", ()),
        ("https://10.0.0.1", ()),
        ("https://169.254.169.254", ()),
        ("https://[::1]:{port}", ()),
        ("http://10.0.0.1", ("http://10.0.0.1",)),  # http stays on loopback, whoever names it
        ("https://user@localhost:{port}", ("https://localhost",)),
        ("ftp://localhost", ("ftp://localhost",)),
    ],
)
def test_an_issuer_inside_the_network_is_not_even_asked(openid: OpenIdProvider, issuer: str, inner: tuple[str, ...]) -> None:
    port = urlsplit(openid.issuer).port
    client = Client(issuer.format(port=port), "id", "secret", "http://localhost:8000/sso/back", inner)
    issuers.forget()
    with pytest.raises(issuers.Down):
        issuers.check(client)


def test_an_issuer_that_says_it_is_another_is_refused(door: Door) -> None:
    with pytest.raises(Invalid) as caught:
        door.keep(issuer=door.provider.issuer + "/elsewhere")
    assert caught.value.problems == {"issuer": "no_provider_there"}


@pytest.mark.parametrize(
    ("kind", "typed", "issuer"),
    [
        ("google", "", "https://accounts.google.com"),
        ("google", "https://evil.example", "https://accounts.google.com"),
        ("microsoft", "72F988bf-86f1-41af-91ab-2d7cd011db47", "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0"),
        ("microsoft", "https://login.microsoftonline.com/common/v2.0", None),
        ("microsoft", "organizations", None),
        ("other", "https://id.example/realms/school/", "https://id.example/realms/school"),
        ("other", "id.example", None),
        ("other", "https://id.example/?x=1", None),
        ("other", "https://someone@id.example", None),
    ],
)
def test_which_issuer_the_form_means(kind: str, typed: str, issuer: str | None) -> None:
    """Microsoft's shared issuers would let any directory of the world say who somebody is."""
    assert single_sign_on.issuer_of(kind=kind, typed=typed) == issuer


@pytest.mark.parametrize(
    ("kind", "claims", "vouched"),
    [
        ("microsoft", {"email": "a@one.example", "xms_edov": True}, True),
        ("microsoft", {"email": "a@one.example", "xms_edov": "1"}, True),
        ("microsoft", {"email": "a@one.example", "email_verified": True}, False),  # anybody may write any address into a directory
        ("microsoft", {"preferred_username": "a@one.example", "xms_edov": True}, False),
        ("google", {"email": "a@one.example", "email_verified": True, "hd": "one.example"}, True),
        ("google", {"email": "a@one.example", "email_verified": True}, False),  # a private account that was made with the school's address
        ("google", {"email": "a@one.example", "email_verified": True, "hd": "two.example"}, False),
        ("other", {"email": "a@one.example", "email_verified": "true"}, True),
        ("other", {"email": "a@one.example"}, False),
        ("other", {"email": "a@one.example@two.example", "email_verified": True}, False),
    ],
)
def test_whose_word_about_an_address_counts(kind: str, claims: dict[str, Any], vouched: bool) -> None:
    assert (single_sign_on.verified_email(kind=kind, claims=claims) == "a@one.example") is vouched


# --- roles ----------------------------------------------------------------------------------------------------------------------


def roles_of(door: Door) -> tuple[list[str], list[str]]:
    place = next(p for p in door.office.sign_in("tea@one.example").places if p.slug == "one")
    return sorted(place.roles), sorted(place.waiting)


def test_a_claim_gives_no_role_unless_trust_it_has_mapped_it(door: Door) -> None:
    sub = teacher(door, groups=["pastoral", "dsl", "Staff - pastoral"], roles=["dsl"])
    door.enter(door.keep(), sub)
    door.enter(door.keep(role_claim="groups"), sub)
    assert roles_of(door) == (["teacher"], [])


def test_a_mapped_value_gives_its_role_and_a_dsls_waits_for_a_dsl(door: Door) -> None:
    mapping = [
        MappedRole(value="Staff - pastoral", role="pastoral"),
        MappedRole(value="Staff - DSL", role="dsl"),
        MappedRole(value="Other", role="slt"),
    ]
    provider_id = door.keep(role_claim="groups", roles=mapping)
    signed = door.enter(provider_id, teacher(door, groups=["Staff - pastoral", "Staff - DSL"]))
    assert roles_of(door) == (["pastoral", "teacher"], ["dsl"])
    assert [p.roles for p in signed.places] == [["pastoral", "teacher"]]
    assert ("role_asked", door.office.dsl.id) in door.office.letters()


def test_a_role_that_a_claim_gave_goes_with_the_claim_and_what_people_gave_stays(door: Door) -> None:
    """At the next sign-in: by a claim that is gone, a mapping that is gone; a DSL's that still waits is withdrawn, a confirmed one is the DSL's word."""
    mapping = [MappedRole(value="P", role="pastoral"), MappedRole(value="A", role="admin"), MappedRole(value="S", role="slt")]
    provider_id = door.keep(role_claim="groups", roles=mapping)
    sub = teacher(door, groups=["P", "A", "S"])

    def enter(*groups: str) -> tuple[list[str], list[str]]:
        door.provider.person(sub, email="Tea@One.example", email_verified=True, groups=list(groups))
        door.enter(provider_id, sub)
        return roles_of(door)

    assert enter("P", "A", "S") == (["admin", "pastoral", "teacher"], ["slt"])
    assert enter("P") == (["pastoral", "teacher"], [])
    door.office.with_app("tea@one.example")  # where a role that opens records waits, the provider alone lets nobody in
    assert enter("P", "S") == (["pastoral", "teacher"], ["slt"])
    apps = [f.id for f in door.office.ask(Members(person_id=door.office.teacher.id), token=door.office.member("dsl")).items[0].factors]
    door.office.ask(ConfirmRole(person_id=door.office.teacher.id, accept=True, factor_ids=apps), token=door.office.member("dsl"))
    assert enter("P") == (["pastoral", "slt", "teacher"], [])
    door.keep(id=provider_id, secret="", role_claim="groups", roles=mapping[1:])
    assert enter("P") == (["slt", "teacher"], [])
    assert enter() == (["slt", "teacher"], [])  # their own role was never a claim's


@pytest.mark.parametrize("how", ["the provider is removed", "the person is unlinked"])
def test_roles_that_claims_gave_go_with_the_provider_or_the_link(how: str, door: Door) -> None:
    """No sign-in could take them back any more. What people gave stays, a role a DSL confirmed too; one that waits is withdrawn."""
    mapping = [MappedRole(value="P", role="pastoral"), MappedRole(value="S", role="slt"), MappedRole(value="D", role="deputy_dsl")]
    provider_id = door.keep(role_claim="groups", roles=mapping)
    sub, lead = teacher(door, groups=["P"]), door.office.member("dsl")
    door.enter(provider_id, sub)
    door.office.with_app("tea@one.example")  # where a role that opens records waits, the provider alone lets nobody in
    door.provider.person(sub, email="Tea@One.example", email_verified=True, groups=["P", "S"])
    door.enter(provider_id, sub)
    apps = [f.id for f in door.office.ask(Members(person_id=door.office.teacher.id), token=lead).items[0].factors]
    door.office.ask(ConfirmRole(person_id=door.office.teacher.id, accept=True, factor_ids=apps), token=lead)
    door.provider.person(sub, email="Tea@One.example", email_verified=True, groups=["P", "S", "D"])
    door.enter(provider_id, sub)
    assert roles_of(door) == (["pastoral", "slt", "teacher"], ["deputy_dsl"])
    if how == "the provider is removed":
        door.office.ask(RemoveProvider(id=provider_id), token=door.token)
    else:
        door.office.ask(UnlinkPerson(provider_id=provider_id, person_id=door.office.teacher.id), token=door.token)
    assert roles_of(door) == (["slt", "teacher"], [])
    with door.office.resources.transaction(door.office.resources.engine, school_id=door.office.one.id) as tx:
        told = tx.execute(sa.text("select body->'roles' from outbox where name = 'identity.staff.changed' order by id desc limit 1")).scalar_one()
    assert told == ["slt", "teacher"], "and the other services hear it"


def test_a_role_somebody_had_before_any_claim_named_it_stays_theirs(door: Door) -> None:
    provider_id = door.keep(role_claim="groups", roles=[MappedRole(value="T", role="teacher")])
    sub = teacher(door, groups=["T"])
    door.enter(provider_id, sub)
    door.provider.person(sub, email="Tea@One.example", email_verified=True, groups=[])
    door.enter(provider_id, sub)
    assert roles_of(door) == (["teacher"], [])


def test_a_mapping_to_a_trusts_role_or_to_none_is_refused(door: Door) -> None:
    for role in ("trust_it", "trust_safeguarding_lead", "headteacher"):
        with pytest.raises(Invalid) as caught:
            door.keep(role_claim="groups", roles=[MappedRole(value="x", role=role)])
        assert caught.value.problems == {"roles": "unknown_choice"}


# --- the console ------------------------------------------------------------------------------------------------------------------


def test_the_secret_is_sealed_naming_its_key_and_is_never_shown_again(door: Door) -> None:
    provider_id = door.keep()
    answer = door.office.ask(Providers(), token=door.token)
    assert door.provider.client_secret not in json.dumps(answer.wire())
    with door.office.resources.transaction(door.office.resources.engine, scope="sign_in") as tx:
        sealed = bytes(tx.execute(sa.text("select secret from providers")).scalar_one())
    assert sealed.startswith(b"sso-1\0")
    assert door.provider.client_secret.encode() not in sealed
    door.keep(id=provider_id, secret="", name="Another name")
    assert door.enter(provider_id, teacher(door))
    assert [item.name for item in door.office.ask(ProviderOffers()).items] == ["Another name"]


def test_a_dsl_looks_after_their_schools_and_cannot_say_what_is_trust_its_to_say(door: Door) -> None:
    lead = door.office.member("dsl", door.office.one)
    door.keep()
    own = door.keep(
        token=lead,
        name="Of School One",
        accepts_factor=True,
        factor_levels=["x"],
        role_claim="groups",
        roles=[MappedRole(value="x", role="pastoral")],
    )
    items = {item.name: item for item in door.office.ask(Providers(), token=lead).items}
    assert {name: item.own for name, item in items.items()} == {"Trust sign-in": False, "Of School One": True}
    mine = items["Of School One"]
    assert (mine.school_id, mine.accepts_factor, mine.factor_levels, mine.role_claim, mine.roles) == (door.office.one.id, False, [], "", [])
    door.keep(id=own, accepts_factor=True)
    door.keep(id=own, token=lead, accepts_factor=False)
    assert next(i for i in door.office.ask(Providers(), token=door.token).items if i.id == own).accepts_factor


def test_another_schools_or_trusts_provider_answers_like_one_that_does_not_exist(door: Door) -> None:
    of_two, of_trust = door.keep(school_id=door.office.two.id), door.keep()
    lead = door.office.member("dsl", door.office.one)
    stranger = door.office._token(roles=["trust_it"], school_id=None, trust_id=new_id(), person_id=new_id())
    for token, provider_id in ((lead, of_two), (stranger, of_two), (stranger, of_trust), (lead, new_id())):
        with pytest.raises(NotFound, match="provider"):
            door.office.ask(RemoveProvider(id=provider_id), token=token)
    with pytest.raises(NotAllowed, match="role"):
        door.office.ask(RemoveProvider(id=of_trust), token=lead)


def test_removing_a_provider_ends_what_was_signed_in_with_it_and_nothing_else(door: Door) -> None:
    provider_id = door.keep()
    by_provider = door.enter(provider_id, teacher(door)).session_token
    by_password = door.office.sign_in("tea@one.example").session_token
    door.office.ask(RemoveProvider(id=provider_id), token=door.token)
    with pytest.raises(NotSignedIn):
        door.office.ask(Session(session_token=by_provider))
    assert door.office.ask(Session(session_token=by_password)).stage == "full"
    assert door.office.ask(ProviderOffers()).items == []
    with pytest.raises(NotFound):
        door.begin(provider_id)


def test_a_subject_of_another_issuer_gets_nothing_of_whom_the_one_before_called_by_it(door: Door) -> None:
    """A subject says who somebody is at its own issuer: at another "12" is somebody else, and the old "12" has another name there."""
    lead = door.office.member("dsl")
    mapping = [MappedRole(value="P", role="pastoral"), MappedRole(value="S", role="slt")]
    provider_id = door.keep(role_claim="groups", roles=mapping)
    door.provider.person("12", email="Tea@One.example", email_verified=True, groups=["P"])
    by_the_old_one = door.enter(provider_id, "12").session_token
    by_password = door.office.sign_in("tea@one.example").session_token
    assert roles_of(door) == (["pastoral", "teacher"], [])
    with running(redirects=BACK) as another:
        another.person("12", email="stranger@one.example", email_verified=True)
        another.person("34", email="tea@one.example", email_verified=True)
        old, door.provider = door.provider, another
        begun = door.begin(provider_id)
        door.keep(id=provider_id, role_claim="groups", roles=mapping)
        assert roles_of(door) == (["teacher"], []), "no sign-in could take back what the old issuer's claims gave"
        with pytest.raises(NotSignedIn, match="ended"):
            door.office.ask(Session(session_token=by_the_old_one))
        assert door.office.ask(Session(session_token=by_password)).stage == "full"
        assert [item.people for item in door.office.ask(Providers(), token=lead).items] == [[]]
        with pytest.raises(SignOnFailed, match="not_genuine"):  # it was begun with the old one
            door.finish(begun, old.sign_in(begun.address, "12"))
        assert door.refused(provider_id, "12") == "unknown_account"
        assert door.enter(provider_id, "34").person_id == door.office.teacher.id
    assert door.office.audited(person=door.office.teacher.id).count("provider_linked") == 2


def test_another_registration_links_again_and_another_name_or_secret_does_not(door: Door) -> None:
    """Microsoft calls the same person by another subject for each application: without this nobody of the school got in any more."""
    provider_id, sub = door.keep(), teacher(door)
    signed = door.enter(provider_id, sub).session_token
    door.keep(id=provider_id, secret="", name="Another name")
    door.keep(id=provider_id, issuer=f"{door.provider.issuer}/", accepts_factor=True)
    assert door.office.ask(Session(session_token=signed)).stage == "full"
    door.keep(id=provider_id, client_id="another-registration")
    with pytest.raises(NotSignedIn, match="ended"):
        door.office.ask(Session(session_token=signed))
    door.keep(id=provider_id)
    assert door.enter(provider_id, teacher(door)).person_id == door.office.teacher.id


@pytest.mark.parametrize("other", ["issuer", "client_id"])
def test_the_secret_there_is_goes_to_no_other_issuer_and_for_no_other_client(door: Door, other: str) -> None:
    """It is never shown again, also not to an issuer of one's own that is put in the place of the one it is for."""
    provider_id = door.keep()
    with running(redirects=BACK) as another:
        changed = another.issuer if other == "issuer" else "another-registration"
        with pytest.raises(Invalid) as refused:
            door.keep(id=provider_id, secret="", **{other: changed})
    assert refused.value.problems == {"secret": "client_secret_needed"}
    assert door.enter(provider_id, teacher(door)).person_id == door.office.teacher.id


def test_a_sign_in_that_was_under_way_when_the_issuer_changed_links_nothing(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """It asked the old issuer; what that said would stand as a subject of the new one."""
    provider_id, sub = door.keep(), teacher(door)
    claims_of = issuers.claims_of

    def slowly(*args: Any, **more: Any) -> Any:
        said = claims_of(*args, **more)
        door.keep(id=provider_id, client_id="another-registration")
        return said

    monkeypatch.setattr(issuers, "claims_of", slowly)
    assert door.refused(provider_id, sub) == "not_genuine"
    assert [item.people for item in door.office.ask(Providers(), token=door.token).items] == [[]]


def test_a_session_made_with_a_provider_cannot_set_a_password(door: Door) -> None:
    """Whoever runs the provider would otherwise leave it with a password that works without it."""
    signed = door.enter(door.keep(), teacher(door))
    with pytest.raises(SignInFailed):
        door.office.ask(SetPassword(session_token=signed.session_token, old="", password="Another teal harbour 2"))
    assert door.office.sign_in("tea@one.example", PASSWORD).stage == "full"


def test_what_happens_with_a_trusts_provider_stands_in_every_schools_audit_log(door: Door) -> None:
    provider_id = door.keep()
    door.office.ask(RemoveProvider(id=provider_id), token=door.token)
    assert [kind for kind in door.office.audited() if kind.startswith("provider")] == ["provider_kept", "provider_removed"]


def test_seeing_somebody_elses_provider_needs_the_console(door: Door) -> None:
    for role in ("teacher", "slt", "governor"):
        with pytest.raises(NotAllowed):
            door.office.ask(Providers(), token=door.office.member(role))
    assert isinstance(door.office.teacher, SeedPerson)
