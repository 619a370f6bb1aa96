"""The console: staff and their roles, lost keys, leavers, what a school sets, trusts and schools; against a real database."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pyotp
import pytest
import sqlalchemy as sa

from safekeep import actor as actors
from safekeep import clock
from safekeep.contracts.identity import (
    Account,
    AddSchool,
    AddStaff,
    AddTotp,
    AddTrust,
    Audit,
    Begin,
    BeginTotp,
    CategoryItem,
    ChangeMember,
    CloseMember,
    ConfirmOwnRole,
    ConfirmRole,
    ContactItem,
    DisableFactors,
    DutyPlace,
    ExportAudit,
    FirstAdministrator,
    GivePass,
    GroupItem,
    KeepCategory,
    KeepGroup,
    KeepSchool,
    Members,
    NewRecoveryCodes,
    NewStaff,
    Policy,
    Prove,
    School,
    Seed,
    SeedPerson,
    SeedSchool,
    SendLink,
    Session,
    SetPassword,
    SetPolicy,
    SignIn,
    SignInPolicy,
    Staff,
    TrustSchools,
    UsePass,
)
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound, NotSignedIn, SignInFailed, StorageError
from safekeep.ids import new_id
from safekeep.permissions import STEP_UP
from services.identity.store import accounts
from tests.make import ODD_CURSORS

PASSWORD = "Plum teal harbour 1"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class Trust:
    """Identity with a trust of two schools, another trust, and somebody of each role that the console knows."""

    def __init__(self, resources: Any, ask_service: Any, token_for: Any, service_token_for: Any) -> None:
        from services.identity.service import Service

        self.service, self._ask, self._token, self._service_token = Service(), ask_service, token_for, service_token_for
        self.service.host = self.resources = resources
        self.people = {
            role: SeedPerson(
                id=new_id(), name=f"{role.title()} Person", email=f"{role}@one.example", password=PASSWORD, roles=[role], totp_secret=SECRET
            )
            for role in ("dsl", "deputy_dsl", "slt", "teacher", "governor")
        }
        self.it = SeedPerson(id=new_id(), name="Ida Tee", email="it@trust.example", password=PASSWORD, roles=["trust_it"])
        contacts = [ContactItem(kind="head", name="Head Teacher", telephone="01632 960002")]
        other = SeedPerson(id=new_id(), name="Otto Lead", email="otto@two.example", password=PASSWORD, roles=["dsl"])
        self.other = other
        self.one = SeedSchool(id=new_id(), slug="one", name="School One", phase="primary", people=list(self.people.values()), contacts=contacts)
        self.two = SeedSchool(id=new_id(), slug="two", name="School Two", phase="primary", people=[other], contacts=contacts)
        self.trust_id, self.elsewhere = new_id(), new_id()
        self.ask(self._seed("trust", self.trust_id, [self.it], [self.one, self.two]), token=self._service_token("demo"))
        self.far = SeedSchool(id=new_id(), slug="far", name="School Far", phase="primary", people=[self._far()], contacts=contacts)
        self.ask(self._seed("elsewhere", self.elsewhere, [], [self.far]), token=self._service_token("demo"))

    def _far(self) -> SeedPerson:
        return SeedPerson(id=new_id(), name="Fay Lead", email="fay@far.example", password=PASSWORD, roles=["dsl"], totp_secret=SECRET)

    @staticmethod
    def _seed(slug: str, trust_id: UUID, people: list[SeedPerson], schools: list[SeedSchool]) -> Seed:
        return Seed(trust_id=trust_id, trust_name=slug.title(), trust_slug=slug, trust_people=people, schools=schools)

    def ask(self, request: Any, *, token: str = "") -> Any:
        return self._ask(self.service, request, token=token)

    def by(self, role: str, request: Any, **more: Any) -> Any:
        """Ask as the school's own person of that role, or as trust IT."""
        return self.ask(request, token=self.token(role, **more))

    def token(self, role: str, **more: Any) -> str:
        if role == "trust_it":
            token: str = self._token(roles=[role], school_id=None, trust_id=self.trust_id, person_id=self.it.id, **more)
            return token
        who: dict[str, Any] = {"roles": [role], "school_id": self.one.id, "person_id": self.people[role].id}
        return str(self._token(**who | more))

    def member(self, email: str, school: SeedSchool | None = None) -> Any:
        wanted = Members(school_id=(school or self.one).id)
        return next((m for m in self.by("trust_it", wanted).items if m.email == email), None)

    def session_of(self, person_id: UUID, **more: Any) -> str:
        """Return the token of a session of theirs, whole."""
        token, session_id = f"session-{new_id()}", new_id()
        with self.resources.transaction(self.resources.engine, scope="sign_in") as tx:
            self.service._new_session(tx, id=session_id, person_id=person_id, token=token, device="", stage="full")
            accounts.change_session(tx, id=session_id, **{"second_factor_at": clock.now()} | more)
        return token

    def id(self, role: str) -> UUID:
        return self.people[role].id

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.resources.transaction(self.resources.engine, school_id=self.one.id, scope="sign_in") as tx:
            return list(tx.execute(sa.text(query), values).all())

    def letters(self, kind: str) -> set[UUID]:
        """Who was to be written to, and what about."""
        found = self.rows("select body->>'person_id' from outbox where name = 'identity.letter.wanted' and body->>'kind' = :kind", kind=kind)
        return {UUID(row[0]) for row in found}

    def kinds(self, **which: Any) -> list[str]:
        return [item.kind for item in self.by("dsl", Audit(**which)).items]


@pytest.fixture
def trust(resources: Any, ask_service: Any, token_for: Any, service_token_for: Any) -> Trust:
    return Trust(resources("identity"), ask_service, token_for, service_token_for)


def new(email: str, *roles: str, **more: Any) -> NewStaff:
    return NewStaff(**{"name": "New Person", "email": email, "roles": list(roles)} | more)


def fates(answer: Any) -> list[tuple[str, dict[str, str], list[str]]]:
    return [(f.outcome, f.problems, f.waiting) for f in answer.items]


# --- adding and importing


def test_an_import_tells_every_lines_fate_and_a_dry_run_does_nothing_of_it(trust: Trust) -> None:
    people = [
        new("ann@one.example", "teacher"),
        new("ANN@one.example", "teacher"),
        new("not an address", "teacher"),
        new("bob@one.example"),
        new("bob@one.example", "teacher"),
        new("cat@one.example", "trust_it"),
        new("dan@one.example", "governor", "teacher"),
        new("otto@two.example", "teacher"),
        new("teacher@one.example", "teacher"),
        new("teacher@one.example", "teacher", room="12"),
        new("slt@one.example", "slt", room="12"),
        new("dsl@one.example", "teacher"),
    ]
    expected = [
        ("made", {}, []),
        ("refused", {"email": "line_twice"}, []),
        ("refused", {"email": "not_an_address"}, []),
        ("refused", {"roles": "choose_one"}, []),
        ("refused", {"email": "line_twice"}, []),
        ("refused", {"roles": "unknown_choice"}, []),
        ("refused", {"roles": "governor_alone"}, []),
        ("joined", {}, []),
        ("unchanged", {}, []),
        ("refused", {"email": "line_twice"}, []),
        ("changed", {}, []),
        ("refused", {"email": "own_role"}, []),
    ]
    before = trust.rows("select count(*) from people")
    tried = trust.by("dsl", AddStaff(people=people, dry_run=True))
    assert fates(tried) == expected
    assert [f.line for f in tried.items] == list(range(1, 13))
    assert trust.rows("select count(*) from people") == before
    assert trust.member("ann@one.example") is None
    assert fates(trust.by("dsl", AddStaff(people=people))) == expected
    made = trust.member("ann@one.example")
    assert (made.roles, made.has_password, made.active) == (["teacher"], False, True)
    assert trust.letters("welcome") == {made.person_id}
    assert trust.member("slt@one.example").room == "12"
    again = trust.by("dsl", AddStaff(people=people))
    assert [f.outcome for f in again.items if f.outcome not in ("refused", "unchanged")] == []


def test_an_import_leaves_what_its_columns_do_not_say(trust: Trust) -> None:
    trust.by("dsl", AddStaff(people=[new("teacher@one.example", "teacher", room="12", telephone="01632 960003", job="Art")]))
    trust.by("dsl", AddStaff(people=[new("teacher@one.example", "teacher", "pastoral")]))
    kept = trust.member("teacher@one.example")
    assert (kept.roles, kept.room, kept.telephone, kept.job) == (["pastoral", "teacher"], "12", "01632 960003", "Art")


def test_the_existing_name_of_an_account_is_its_own(trust: Trust) -> None:
    trust.by("dsl", AddStaff(people=[new("otto@two.example", "teacher", name="Another Name")]))
    assert trust.member("otto@two.example").name == "Otto Lead"


def test_only_those_of_the_school_or_its_trusts_it_reach_its_staff(trust: Trust) -> None:
    for request in (
        Members(school_id=trust.far.id),
        AddStaff(school_id=trust.far.id, people=[]),
        CloseMember(school_id=trust.far.id, person_id=new_id()),
    ):
        for role in ("trust_it", "dsl"):
            with pytest.raises(NotFound) as refused:
                trust.by(role, request)
            assert refused.value.args == ("school",)
    with pytest.raises(NotFound):
        trust.by("dsl", Members(school_id=trust.two.id))
    with pytest.raises(NotFound):
        trust.by("trust_it", Members())
    for role in ("teacher", "slt", "governor"):
        with pytest.raises(NotAllowed):
            trust.by(role, Members())
    assert [m.email for m in trust.by("trust_it", Members(school_id=trust.two.id)).items] == ["otto@two.example"]


def test_one_person_is_shown_alone_and_one_of_another_school_not_at_all(trust: Trust) -> None:
    assert [m.person_id for m in trust.by("dsl", Members(person_id=trust.id("slt"))).items] == [trust.id("slt")]
    for stranger in (trust.other.id, new_id()):
        with pytest.raises(NotFound) as refused:
            trust.by("dsl", Members(person_id=stranger))
        assert refused.value.args == ("person",)


@pytest.mark.parametrize("role", ["dsl", "trust_it"])
def test_administration_asks_for_the_second_factor_again_when_it_was_long_ago(trust: Trust, role: str) -> None:
    long_ago = clock.now() - dt.timedelta(minutes=16)
    with pytest.raises(NotAllowed, match="step_up"):
        trust.by(role, AddStaff(school_id=trust.one.id, people=[], dry_run=True), second_factor_at=long_ago)


# --- separation of powers


@pytest.mark.parametrize("role", ["dsl", "deputy_dsl", "slt"])
def test_a_role_that_reads_records_given_by_trust_it_does_nothing_until_a_dsl_confirms_it(trust: Trust, role: str) -> None:
    added = trust.by("trust_it", AddStaff(school_id=trust.one.id, people=[new("new@one.example", role, "teacher")]))
    person = added.items[0].person_id
    assert (added.items[0].waiting, added.head_code) == ([role], "")  # there is a DSL: no code
    waiting = trust.member("new@one.example")
    assert (waiting.roles, waiting.waiting) == (["teacher"], [role])
    assert next(s for s in trust.by("teacher", Staff()).items if s.person_id == person).roles == ["teacher"]
    assert trust.letters("role_asked") == {trust.id("dsl")}  # every DSL is told; here is one
    with pytest.raises(NotAllowed):
        trust.by("trust_it", ConfirmRole(person_id=person, accept=True))
    with pytest.raises(NotAllowed):
        trust.by("slt", ConfirmRole(person_id=person, accept=True))
    trust.by("deputy_dsl", ConfirmRole(person_id=person, accept=True))
    confirmed = trust.member("new@one.example")
    assert (set(confirmed.roles), confirmed.waiting) == ({role, "teacher"}, [])
    assert {trust.id("dsl"), trust.id("deputy_dsl"), person} <= trust.letters("role_confirmed")
    with pytest.raises(NotFound):
        trust.by("dsl", ConfirmRole(person_id=person, accept=True))


@pytest.mark.parametrize("by", ["the role waited", "a DSL gives it"])
@pytest.mark.parametrize("shown", [True, False], ids=["shown", "not shown"])
def test_a_key_set_up_before_a_role_that_opens_records_stays_only_if_it_was_shown(trust: Trust, by: str, shown: bool) -> None:
    """Trust IT owns the mailboxes, and may have set one up in a teacher's name: it opens what the teacher may, and nothing of the new role."""
    teacher = trust.id("teacher")
    app = trust.member("teacher@one.example").factors[0]
    assert not app.met
    session = trust.session_of(teacher, factor_id=app.id)
    here: dict[str, Any] = {"person_id": teacher, "factor_ids": [app.id] if shown else []}
    if by == "the role waited":
        trust.by("trust_it", ChangeMember(school_id=trust.one.id, person_id=teacher, roles=["slt"], factor_ids=[app.id]))
        assert trust.member("teacher@one.example").factors == [app], "trust IT's word vouches for nothing"
        trust.by("dsl", ConfirmRole(accept=True, **here))
    else:
        trust.by("dsl", ChangeMember(roles=["slt"], **here))
    assert [(f.id, f.met) for f in trust.member("teacher@one.example").factors] == ([(app.id, True)] if shown else [])
    if shown:
        assert trust.ask(Account(session_token=session)).factors
        return
    with pytest.raises(NotSignedIn):
        trust.ask(Account(session_token=session))
    assert teacher in trust.letters("factor_disabled")
    with pytest.raises(NotAllowed, match="pass_needed"):
        trust.ask(BeginTotp(session_token=trust.session_of(teacher, stage="enrol", second_factor_at=None)))


@pytest.mark.parametrize("shown", [True, False], ids=["shown", "not shown"])
def test_recovery_codes_from_before_a_role_that_opens_records_open_nothing_of_it(trust: Trust, shown: bool) -> None:
    """Whoever set up a teacher's app in their name has its recovery codes, too, and may have a session begun with one, whole or half way."""
    teacher = trust.id("teacher")
    app = trust.member("teacher@one.example").factors[0]
    codes = trust.ask(NewRecoveryCodes(session_token=trust.session_of(teacher, factor_id=app.id))).codes
    half = trust.session_of(teacher, stage="second_factor", second_factor_at=None)
    whole = trust.ask(Prove(session_token=half, code=codes[0])).session_token
    assert trust.ask(Session(session_token=whole)).stage == "full"
    waiting = trust.session_of(teacher, stage="second_factor", second_factor_at=None)
    recovering = trust.ask(UsePass(session_token=waiting, code=codes[1])).session_token
    theirs = trust.session_of(teacher, factor_id=app.id)
    trust.by("dsl", ChangeMember(person_id=teacher, roles=["slt"], factor_ids=[app.id] if shown else []))
    for token in (whole, recovering):
        with pytest.raises(NotSignedIn, match="ended"):
            trust.ask(Session(session_token=token))
    with pytest.raises(NotSignedIn):
        trust.ask(BeginTotp(session_token=recovering))
    begun = trust.session_of(teacher, stage="second_factor" if shown else "enrol", second_factor_at=None)
    with pytest.raises(SignInFailed):
        trust.ask(UsePass(session_token=begun, code=codes[2]))
    assert teacher in trust.letters("recovery_voided")
    assert "recovery_codes_voided" in trust.kinds()
    if shown:
        assert len(trust.ask(NewRecoveryCodes(session_token=theirs)).codes) == 10, "the session of the key that was shown goes on"


@pytest.mark.parametrize("used", ["to get in", "for a new key"])
def test_a_recovery_code_used_at_the_moment_the_role_comes_opens_nothing_of_it(trust: Trust, monkeypatch: pytest.MonkeyPatch, used: str) -> None:
    teacher, turn = trust.id("teacher"), trust.service._turn
    app = trust.member("teacher@one.example").factors[0]
    codes = trust.ask(NewRecoveryCodes(session_token=trust.session_of(teacher, factor_id=app.id))).codes
    half = trust.session_of(teacher, stage="second_factor", second_factor_at=None)

    def late(*row: Any, **changes: Any) -> Any:
        monkeypatch.undo()
        trust.by("dsl", ChangeMember(person_id=teacher, roles=["slt"], factor_ids=[]))
        return turn(*row, **changes)

    monkeypatch.setattr(trust.service, "_turn", late)
    with pytest.raises(SignInFailed):
        trust.ask(Prove(session_token=half, code=codes[0]) if used == "to get in" else UsePass(session_token=half, code=codes[0]))
    assert trust.ask(Session(session_token=half)).stage != "full"


def test_the_heads_code_typed_where_a_recovery_code_was_used_ends_every_other_session_and_lets_a_key_be_set_up(trust: Trust) -> None:
    """A teacher who has lost their phone becomes a school's first DSL: the head's code says who they are, and nobody else could give them a pass."""
    made = trust.by("trust_it", AddSchool(name="School Three", slug="three", phase="primary"))
    teacher = trust.id("teacher")
    added = trust.by("trust_it", AddStaff(school_id=made.id, people=[new("teacher@one.example", "dsl")]))
    here, other = (trust.session_of(teacher, recovering=True) for _ in range(2))
    trust.ask(ConfirmOwnRole(session_token=here, slug="three", code=added.head_code))
    with pytest.raises(NotSignedIn, match="ended"):
        trust.ask(Session(session_token=other))
    begun = trust.ask(BeginTotp(session_token=here))
    trust.ask(AddTotp(session_token=here, factor_id=begun.factor_id, code=pyotp.TOTP(begun.secret).now(), name="App"))
    assert [(f.id, f.met) for f in trust.member("teacher@one.example").factors] == [(begun.factor_id, True)]


def test_a_key_set_up_with_a_pass_given_in_person_needs_no_showing(trust: Trust) -> None:
    """Somebody new sets up their first app with a DSL's pass while the role waits; when it is confirmed, the app stays. So does one added with it."""
    person = trust.by("trust_it", AddStaff(school_id=trust.one.id, people=[new("new@one.example", "slt")])).items[0].person_id
    code = trust.by("dsl", GivePass(person_id=person, how="in_person")).code
    session = trust.ask(UsePass(session_token=trust.session_of(person, stage="enrol", second_factor_at=None), code=code)).session_token
    for _ in range(2):
        begun = trust.ask(BeginTotp(session_token=session))
        trust.ask(AddTotp(session_token=session, factor_id=begun.factor_id, code=pyotp.TOTP(begun.secret).now(), name="App"))
        session = trust.session_of(person, factor_id=begun.factor_id)
    trust.by("dsl", ConfirmRole(person_id=person, accept=True))
    assert [f.met for f in trust.member("new@one.example").factors] == [True, True]


def test_the_heads_code_vouches_for_the_key_it_was_typed_with_and_no_other(trust: Trust) -> None:
    """A teacher with two apps becomes the first DSL of a school: whoever was given the code in person holds the one they are signed in with."""
    made = trust.by("trust_it", AddSchool(name="School Three", slug="three", phase="primary"))
    teacher = trust.id("teacher")
    session = trust.session_of(teacher, factor_id=trust.member("teacher@one.example").factors[0].id)
    begun = trust.ask(BeginTotp(session_token=session))
    trust.ask(AddTotp(session_token=session, factor_id=begun.factor_id, code=pyotp.TOTP(begun.secret).now(), name="Another"))
    first, second = trust.member("teacher@one.example").factors
    added = trust.by("trust_it", AddStaff(school_id=made.id, people=[new("teacher@one.example", "dsl")]))
    trust.ask(ConfirmOwnRole(session_token=trust.session_of(teacher, factor_id=first.id), slug="three", code=added.head_code))
    assert [(f.id, f.met) for f in trust.member("teacher@one.example").factors] == [(first.id, True)]
    assert second.id != first.id


def test_a_declined_role_is_gone_and_nobody_confirms_their_own(trust: Trust) -> None:
    trust.by("trust_it", ChangeMember(school_id=trust.one.id, person_id=trust.id("deputy_dsl"), roles=["deputy_dsl", "dsl"]))
    with pytest.raises(NotAllowed, match="own_role"):
        trust.by("deputy_dsl", ConfirmRole(person_id=trust.id("deputy_dsl"), accept=True))
    trust.by("dsl", ConfirmRole(person_id=trust.id("deputy_dsl"), accept=False))
    kept = trust.member("deputy_dsl@one.example")
    assert (kept.roles, kept.waiting) == (["deputy_dsl"], [])
    assert "role_declined" in trust.kinds()


def test_what_a_dsl_gives_counts_at_once_and_every_dsl_is_told(trust: Trust) -> None:
    person = trust.by("deputy_dsl", AddStaff(people=[new("new@one.example", "slt")])).items[0].person_id
    assert trust.member("new@one.example").roles == ["slt"]
    assert trust.letters("role_confirmed") == {trust.id("dsl"), trust.id("deputy_dsl"), person}


def test_the_first_dsl_of_a_school_needs_the_code_that_was_printed_for_the_head(trust: Trust) -> None:
    made = trust.by("trust_it", AddSchool(name="School Three", slug="three", phase="primary"))
    people = [new("dee@three.example", "dsl"), new("dot@three.example", "dsl"), new("sid@three.example", "slt")]
    added = trust.by("trust_it", AddStaff(school_id=made.id, people=people))
    dee, dot, sid = (f.person_id for f in added.items)
    assert added.head_code
    assert added.head_code_for == dee
    asked = Members(school_id=made.id)
    assert all(m.roles == [] for m in trust.by("trust_it", asked).items)
    session = trust.session_of(dee)
    for wrong in ("", "AAAA-AAAA-AAAA-AAAA", added.head_code[:-1]):
        with pytest.raises(SignInFailed):
            trust.ask(ConfirmOwnRole(session_token=session, slug="three", code=wrong))
    with pytest.raises(SignInFailed):  # it is hers alone
        trust.ask(ConfirmOwnRole(session_token=trust.session_of(dot), slug="three", code=added.head_code))
    trust.ask(ConfirmOwnRole(session_token=session, slug="three", code=added.head_code.lower().replace("-", " ")))
    found = {m.person_id: m for m in trust.by("trust_it", asked).items}
    assert (found[dee].roles, found[dot].waiting, found[sid].waiting) == (["dsl"], ["dsl"], ["slt"])
    with pytest.raises(NotFound):  # used, and nothing waits
        trust.ask(ConfirmOwnRole(session_token=session, slug="three", code=added.head_code))
    token = trust._token(roles=["dsl"], school_id=made.id, person_id=dee)
    trust.ask(ConfirmRole(person_id=sid, accept=True), token=token)
    with pytest.raises(SignInFailed):  # from now on a DSL confirms, no code
        trust.ask(ConfirmOwnRole(session_token=trust.session_of(dot), slug="three", code=added.head_code))


def test_the_heads_code_also_lets_the_first_dsl_set_up_their_first_key_and_nobody_else(trust: Trust) -> None:
    """A new DSL of a new school has nobody to give them a pass; the link by mail alone sets up nothing."""
    made = trust.by("trust_it", AddSchool(name="School Three", slug="three", phase="primary"))
    added = trust.by("trust_it", AddStaff(school_id=made.id, people=[new("dee@three.example", "dsl"), new("sid@three.example", "slt")]))
    dee, sid = (f.person_id for f in added.items)
    for person, right in ((sid, False), (dee, True)):
        session = trust.session_of(person, stage="enrol", second_factor_at=None)
        with pytest.raises(NotAllowed, match="pass_needed"):
            trust.ask(BeginTotp(session_token=session))
        if not right:
            with pytest.raises(SignInFailed):
                trust.ask(UsePass(session_token=session, code=added.head_code))
            continue
        used = trust.ask(UsePass(session_token=session, code=added.head_code))
        assert trust.ask(BeginTotp(session_token=used.session_token)).secret
        with pytest.raises(SignInFailed):  # once
            trust.ask(UsePass(session_token=used.session_token, code=added.head_code))
    found = {m.person_id: m for m in trust.by("trust_it", Members(school_id=made.id)).items}
    assert (found[dee].roles, found[sid].waiting) == (["dsl"], ["slt"])


def test_a_lost_head_code_is_replaced_by_asking_for_the_role_again(trust: Trust) -> None:
    made = trust.by("trust_it", AddSchool(name="School Three", slug="three", phase="primary"))
    first = trust.by("trust_it", AddStaff(school_id=made.id, people=[new("dee@three.example", "dsl")]))
    person = first.items[0].person_id
    second = trust.by("trust_it", ChangeMember(school_id=made.id, person_id=person, roles=["dsl"]))
    assert second.head_code not in ("", first.head_code)
    session = trust.session_of(person)
    with pytest.raises(SignInFailed):
        trust.ask(ConfirmOwnRole(session_token=session, slug="three", code=first.head_code))
    trust.ask(ConfirmOwnRole(session_token=session, slug="three", code=second.head_code))


@pytest.mark.parametrize("by", ["dsl", "trust_it"])
def test_no_change_leaves_a_school_without_a_dsl(trust: Trust, by: str) -> None:
    person = trust.id("dsl")
    actor = trust.token(by) if by == "trust_it" else trust.token("deputy_dsl")
    here = {"school_id": trust.one.id, "person_id": person}
    for request in (ChangeMember(**here, roles=["teacher"]), ChangeMember(**here, roles=["deputy_dsl"]), CloseMember(**here)):
        with pytest.raises(NotAllowed, match="last_dsl"):
            trust.ask(request, token=actor)
    added = trust.ask(AddStaff(school_id=trust.one.id, people=[new("dsl@one.example", "teacher")]), token=actor)
    assert fates(added) == [("refused", {"roles": "last_dsl"}, [])]
    trust.by("deputy_dsl", AddStaff(people=[new("second@one.example", "dsl")]))
    trust.ask(ChangeMember(**here, roles=["teacher"]), token=actor)
    assert trust.member("dsl@one.example").roles == ["teacher"]


def test_two_dsls_who_take_each_others_role_away_at_once_leave_one(trust: Trust) -> None:
    """Each sees the other still there: without waiting for each other both would go."""
    trust.by("deputy_dsl", AddStaff(people=[new("second@one.example", "dsl")]))
    pair = [trust.id("dsl"), trust.member("second@one.example").person_id]

    def taken(mine: UUID, other: UUID, together: threading.Barrier) -> str:
        together.wait()
        try:
            trust.by("dsl", ChangeMember(person_id=other, roles=["teacher"]), person_id=mine)
        except NotAllowed as refused:
            return str(refused.args[0])
        return "done"

    with ThreadPoolExecutor(2) as threads:
        for _ in range(20):
            together = threading.Barrier(2)
            said = list(threads.map(taken, pair, reversed(pair), [together, together]))
            assert sorted(said) == ["done", "last_dsl"]
            gone = pair[1 - said.index("done")]
            trust.by("deputy_dsl", ChangeMember(person_id=gone, roles=["dsl"]))


def test_a_dsl_whose_role_only_waits_does_not_count_as_a_dsl(trust: Trust) -> None:
    trust.by("trust_it", AddStaff(school_id=trust.one.id, people=[new("new@one.example", "dsl")]))
    with pytest.raises(NotAllowed, match="last_dsl"):
        trust.by("trust_it", CloseMember(school_id=trust.one.id, person_id=trust.id("dsl")))


@pytest.mark.parametrize("roles", [["deputy_dsl", "dsl"], ["teacher"], ["dsl", "slt"]])
def test_nobody_changes_their_own_roles(trust: Trust, roles: list[str]) -> None:
    with pytest.raises(NotAllowed, match="own_role"):
        trust.by("deputy_dsl", ChangeMember(person_id=trust.id("deputy_dsl"), roles=roles))
    trust.by("deputy_dsl", ChangeMember(person_id=trust.id("deputy_dsl"), roles=["deputy_dsl"], room="7"))  # but their room
    assert trust.member("deputy_dsl@one.example").room == "7"


def test_a_governor_is_nothing_else_and_the_trusts_roles_are_not_given_at_a_school(trust: Trust) -> None:
    for roles, code in ((["governor", "dsl"], "governor_alone"), (["trust_it"], "unknown_choice"), (["head"], "unknown_choice"), ([], "choose_one")):
        with pytest.raises(Invalid) as refused:
            trust.by("dsl", ChangeMember(person_id=trust.id("teacher"), roles=roles))
        assert refused.value.problems == {"roles": code}


def test_groups_hold_only_people_who_record_so_governors_and_trust_it_are_told_nothing(trust: Trust) -> None:
    for person in (trust.id("governor"), trust.it.id, trust.other.id, new_id()):
        with pytest.raises(Invalid) as refused:
            trust.by("dsl", KeepGroup(group=GroupItem(code="nurture", name="Nurture", members=[person]), is_new=True))
        assert refused.value.problems == {"members": "unknown_choice"}
    for code in ("safeguarding_team", "slt"):
        with pytest.raises(Invalid):
            trust.by("dsl", KeepGroup(group=GroupItem(code=code, name="Mine", members=[trust.id("teacher")])))


# --- lost keys


def test_the_help_desk_disables_a_lost_key_and_its_sessions_and_a_pass_is_given_by_a_dsl_in_person(trust: Trust) -> None:
    person = trust.member("slt@one.example")
    session = trust.session_of(person.person_id, factor_id=person.factors[0].id)
    trust.by("trust_it", DisableFactors(school_id=trust.one.id, person_id=person.person_id, factor_id=person.factors[0].id))
    assert trust.member("slt@one.example").factors == []
    with pytest.raises(NotSignedIn):
        trust.ask(Session(session_token=session))
    with pytest.raises(NotFound):
        trust.by("dsl", DisableFactors(person_id=person.person_id, factor_id=person.factors[0].id))
    with pytest.raises(NotAllowed):
        trust.by("trust_it", GivePass(person_id=person.person_id, how="in_person"))
    with pytest.raises(NotAllowed, match="own_role"):
        trust.by("dsl", GivePass(person_id=trust.id("dsl"), how="in_person"))
    code = trust.by("dsl", GivePass(person_id=person.person_id, how="known_number")).code
    assert {"factor_disabled", "pass_given"} <= set(trust.kinds(person_id=person.person_id))
    assert trust.letters("pass_given") == trust.letters("factor_disabled") == {person.person_id}
    signed = trust.ask(SignIn(username="slt@one.example", password=PASSWORD, in_steps=True))
    assert signed.stage == "enrol"
    with clock.set_to(clock.now() + dt.timedelta(minutes=10, seconds=2)), pytest.raises(SignInFailed):
        trust.ask(UsePass(session_token=signed.session_token, code=code))
    turned = trust.ask(UsePass(session_token=signed.session_token, code=code))
    assert turned.stage == "enrol"
    with pytest.raises(SignInFailed):
        trust.ask(UsePass(session_token=turned.session_token, code=code))


def test_a_link_is_sent_to_staff_of_the_school_only(trust: Trust) -> None:
    trust.by("dsl", SendLink(person_id=trust.id("teacher")))
    assert trust.letters("password_link") == {trust.id("teacher")}
    for stranger in (trust.other.id, new_id()):
        with pytest.raises(NotFound):
            trust.by("dsl", SendLink(person_id=stranger))


def test_whoever_adds_somebodys_address_to_their_school_cannot_touch_the_keys_another_trust_looks_after(trust: Trust) -> None:
    fay = trust.far.people[0]
    assert trust.by("dsl", AddStaff(people=[new(fay.email, "teacher")])).items[0].outcome == "joined"
    factor = trust.member(fay.email).factors[0].id
    asked: list[tuple[str, Any]] = [
        (by, request)
        for by in ("dsl", "trust_it")
        for request in (
            DisableFactors(school_id=trust.one.id, person_id=fay.id, factor_id=factor),
            SendLink(school_id=trust.one.id, person_id=fay.id),
        )
    ]
    for by, request in [*asked, ("dsl", GivePass(person_id=fay.id, how="in_person"))]:
        with pytest.raises(NotAllowed, match="elsewhere"):
            trust.by(by, request)
    assert [f.id for f in trust.member(fay.email).factors] == [factor]
    trust.by("dsl", CloseMember(person_id=fay.id))  # their place here ends, their account goes on
    assert trust.ask(SignIn(username=fay.email, password=PASSWORD, in_steps=True)).stage == "second_factor"


# --- leavers


def test_a_leaver_loses_sessions_keys_and_groups_in_one_action_and_the_others_are_told(trust: Trust) -> None:
    person = trust.id("slt")
    trust.by("dsl", KeepGroup(group=GroupItem(code="nurture", name="Nurture", members=[person, trust.id("teacher")]), is_new=True))
    session = trust.session_of(person)
    trust.by("dsl", CloseMember(person_id=person))
    with pytest.raises(NotSignedIn):
        trust.ask(Session(session_token=session))
    gone = trust.member("slt@one.example")
    assert (gone.active, gone.on_duty, gone.factors) == (False, False, [])
    nurture = next(g for g in trust.by("dsl", School()).groups if g.code == "nurture")
    assert nurture.members == [trust.id("teacher")]
    with pytest.raises(SignInFailed):
        trust.ask(SignIn(username="slt@one.example", password=PASSWORD, in_steps=True))
    told = trust.rows("select body from outbox where name = 'identity.staff.changed' order by id desc limit 1")[0][0]
    assert (told["person_id"], told["active"]) == (str(person), False)
    assert trust.rows("select count(*) from revocations where person_id = :person", person=person)[0][0] >= 1
    assert "account_closed" in trust.kinds(person_id=person)
    assert next(s for s in trust.by("teacher", Staff()).items if s.person_id == person).name  # what they wrote keeps their name
    with pytest.raises(NotFound):
        trust.by("dsl", CloseMember(person_id=person))
    with pytest.raises(NotAllowed, match="own_role"):
        trust.by("dsl", CloseMember(person_id=trust.id("dsl")))


def test_somebody_who_works_at_another_school_too_keeps_account_and_keys(trust: Trust) -> None:
    trust.by("dsl", AddStaff(people=[new("otto@two.example", "teacher")]))
    trust.by("dsl", CloseMember(person_id=trust.other.id))
    assert [p.slug for p in trust.ask(SignIn(username="otto@two.example", password=PASSWORD, in_steps=True)).places] == ["two"]


def test_a_leaver_who_comes_back_sets_a_new_password(trust: Trust) -> None:
    trust.by("dsl", CloseMember(person_id=trust.id("teacher")))
    assert trust.by("dsl", AddStaff(people=[new("teacher@one.example", "teacher")])).items[0].outcome == "joined"
    back = trust.member("teacher@one.example")
    assert (back.person_id, back.active, back.has_password, back.factors) == (trust.id("teacher"), True, False, [])
    assert trust.letters("welcome") == {trust.id("teacher")}


# --- what a school sets


def test_the_sign_in_policy_is_the_schools_within_bounds(trust: Trust) -> None:
    policy = trust.by("dsl", SignInPolicy())
    assert (policy.min_length, policy.all_kinds, policy.change_days, policy.remembered, policy.lock_minutes) == (8, True, 60, 5, 10)
    changed = policy.model_copy(update={"min_length": 12, "factor_roles": ["teacher"]})
    assert trust.by("deputy_dsl", SetPolicy(policy=changed)) == changed == trust.by("dsl", SignInPolicy())
    wrong: list[tuple[str, Any, str]] = [
        ("min_length", 7, "too_small"),
        ("change_days", 366, "too_large"),
        ("remembered", 25, "too_large"),
        ("lock_minutes", 1, "too_small"),
        ("lock_minutes", 31, "too_large"),
        ("factor_roles", ["trust_it"], "unknown_choice"),
    ]
    for field, value, code in wrong:
        with pytest.raises(Invalid) as refused:
            trust.by("dsl", SetPolicy(policy=policy.model_copy(update={field: value})))
        assert refused.value.problems == {field: code}
    for role in ("teacher", "slt", "trust_it"):
        with pytest.raises(NotAllowed):
            trust.by(role, SetPolicy(policy=policy))


def test_the_national_guidance_asks_for_length_and_not_for_changes(trust: Trust) -> None:
    guidance = Policy(min_length=12, all_kinds=False, change_days=0, remembered=5, deny_common=True, lock_minutes=10, factor_roles=[])
    trust.by("dsl", SetPolicy(policy=guidance))
    session = trust.ask(SignIn(username="teacher@one.example", password=PASSWORD, in_steps=True)).session_token
    with pytest.raises(Invalid) as refused:
        trust.ask(SetPassword(session_token=trust.session_of(trust.id("teacher")), old=PASSWORD, password="password1234"))
    assert refused.value.problems == {"password": "too_common"}
    assert session


CATEGORY = CategoryItem(code="online", name="Online safety", class_code="welfare", groups=["safeguarding_team"], leads_only=False)


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ({"class_code": "secret"}, {"class_code": "unknown_choice"}),
        ({"groups": ["nobody"]}, {"groups": "unknown_choice"}),
        ({"groups": ["slt"]}, {"groups": "safeguarding_team_needed"}),
        ({"groups": []}, {"groups": "safeguarding_team_needed"}),
        ({"name": "bullying"}, {"name": "taken"}),
        ({"code": "bullying"}, {"name": "taken"}),
    ],
)
def test_a_category_that_would_tell_too_few_is_refused(trust: Trust, change: dict[str, Any], problems: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        trust.by("dsl", KeepCategory(category=CATEGORY.model_copy(update=change), is_new=True))
    assert refused.value.problems == problems


def test_a_category_is_added_and_changed_and_protection_stays_with_dsls(trust: Trust) -> None:
    trust.by("dsl", KeepCategory(category=CATEGORY, is_new=True))
    trust.by("dsl", KeepCategory(category=CATEGORY.model_copy(update={"name": "Online", "class_code": "protection"})))
    kept = next(c for c in trust.by("teacher", School()).categories if c.code == "online")
    assert (kept.name, kept.class_code, kept.leads_only) == ("Online", "protection", True)
    told = trust.rows("select body from outbox where name = 'identity.school.changed' order by id desc limit 1")[0][0]
    assert {"code": "online", "class_code": "protection", "groups": ["safeguarding_team"], "leads_only": True} in told["categories"]
    assert trust.kinds(kind="category_changed") == ["category_changed"] * 2


def a_school(trust: Trust, **change: Any) -> KeepSchool:
    given: dict[str, Any] = {
        "duty": [
            DutyPlace(person_id=trust.id("dsl"), on_duty=True, room="4", telephone="01632 960004"),
            DutyPlace(person_id=trust.id("deputy_dsl"), on_duty=False, room="5", telephone=""),
        ],
        "contacts": [ContactItem(kind="out_of_hours", name="Children's services", telephone="01632 960005")],
        "day_ends_minute": 930,
        "hide_names": True,
    }
    return KeepSchool(**given | change)


def test_a_dsl_sets_whom_the_recording_page_says_to_find(trust: Trust) -> None:
    trust.by("dsl", a_school(trust))
    school = trust.by("teacher", School())
    assert [(d.name, d.room, d.telephone) for d in school.duty] == [("Dsl Person", "4", "01632 960004")]
    assert [(c.kind, c.name) for c in school.contacts] == [("out_of_hours", "Children's services")]  # the head was taken out
    assert (school.day_ends, school.hide_names) == ("15:30", True)
    for role in ("teacher", "slt", "trust_it"):
        with pytest.raises(NotAllowed):
            trust.by(role, a_school(trust))


@pytest.mark.parametrize("case", ["nobody", "a teacher", "two of a kind"])
def test_there_is_always_somebody_to_find(trust: Trust, case: str) -> None:
    place = DutyPlace(person_id=trust.id("teacher"), on_duty=True, room="", telephone="")
    contact = ContactItem(kind="head", name="A", telephone="1")
    changes: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
        "nobody": ({"duty": []}, {"duty": "choose_one"}),
        "a teacher": ({"duty": [place]}, {"duty": "unknown_choice"}),
        "two of a kind": ({"contacts": [contact, contact]}, {"contacts": "twice"}),
    }
    change, problems = changes[case]
    with pytest.raises(Invalid) as refused:
        trust.by("dsl", a_school(trust, **change))
    assert refused.value.problems == problems


# --- the audit log


def test_a_dsl_reads_and_filters_the_schools_own_audit_log(trust: Trust) -> None:
    trust.by("dsl", SendLink(person_id=trust.id("teacher")))
    trust.by("trust_it", SendLink(school_id=trust.one.id, person_id=trust.id("slt")))
    trust.by("trust_it", SendLink(school_id=trust.two.id, person_id=trust.other.id))
    lines = trust.by("dsl", Audit()).items
    assert [(line.kind, line.person_id, line.by) for line in lines] == [
        ("link_sent", trust.id("slt"), trust.it.id),
        ("link_sent", trust.id("teacher"), trust.id("dsl")),
    ]
    assert [line.by for line in trust.by("dsl", Audit(person_id=trust.it.id)).items] == [trust.it.id]
    assert trust.by("dsl", Audit(kind="roles_given")).items == []
    tomorrow = clock.now() + dt.timedelta(days=1)
    assert trust.by("dsl", Audit(since=tomorrow)).items == []
    assert len(trust.by("dsl", Audit(until=tomorrow)).items) == 2
    with pytest.raises(Invalid):
        trust.by("dsl", Audit(since=tomorrow, until=clock.now()))
    first = trust.by("dsl", Audit(limit=1))
    second = trust.by("dsl", Audit(limit=1, cursor=first.next))
    assert [line.id for line in first.items + second.items] == [line.id for line in lines]
    assert second.next is None
    for role in ("teacher", "slt", "governor", "trust_it"):
        with pytest.raises(NotAllowed):
            trust.by(role, Audit())
    for cursor in ("", *ODD_CURSORS):
        with pytest.raises(Invalid):
            trust.by("dsl", Audit(cursor=cursor))


def test_an_export_of_the_audit_log_asks_again_for_the_second_factor_and_is_in_it(trust: Trust) -> None:
    long_ago = clock.now() - dt.timedelta(minutes=16)
    with pytest.raises(NotAllowed, match="step_up"):
        trust.by("dsl", ExportAudit(), second_factor_at=long_ago)
    assert [line.kind for line in trust.by("dsl", ExportAudit()).items] == ["exported"]
    assert trust.by("dsl", Audit()).items[0].facts == {"what": "audit_log"}


@pytest.mark.parametrize("change", ["update audit set kind = 'nothing'", "delete from audit", "truncate audit"])
def test_the_audit_log_is_append_only_for_the_service(trust: Trust, change: str) -> None:
    trust.by("dsl", SendLink(person_id=trust.id("teacher")))
    with pytest.raises(StorageError) as refused:
        trust.rows(change)
    assert refused.value.sqlstate == "42501"
    with trust.resources.worker_engine.connect() as worker, pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
        worker.execute(sa.text(change))


# --- an empty installation, trusts and schools


def test_an_empty_installation_is_begun_once_by_its_one_time_link(resources: Any, ask_service: Any, service_token_for: Any) -> None:
    from services.identity.service import Service

    service = Service()
    service.host = resources("identity")
    operator = service_token_for("operator")

    def begin(token: str, **change: Any) -> Any:
        given = {"token": token, "trust_name": "Hillside Primary", "name": "Ida Tee", "email": "ida@hillside.example"}
        return ask_service(service, Begin(**given | change), token="")

    first = ask_service(service, FirstAdministrator(), token=operator).token
    second = ask_service(service, FirstAdministrator(), token=operator).token
    for over in (first, "nothing"):
        with pytest.raises(SignInFailed):
            begin(over)
    with pytest.raises(Invalid) as refused:
        begin(second, email="no address")
    assert refused.value.problems == {"email": "not_an_address"}
    signed = begin(second)
    assert (signed.stage, [(p.slug, p.roles) for p in signed.places]) == ("password", [("hillside_primary_trust", ["trust_it"])])
    with pytest.raises(SignInFailed):
        begin(second)
    with pytest.raises(Conflict, match="not_empty"):
        ask_service(service, FirstAdministrator(), token=operator)
    enrolling = ask_service(service, SetPassword(session_token=signed.session_token, password=PASSWORD), token="")
    assert enrolling.stage == "enrol"  # trust IT always needs a second factor


def test_the_operator_adds_a_trust_and_its_administrator_is_written_to(trust: Trust) -> None:
    operator = trust._service_token("operator")
    wanted = AddTrust(name="New Trust", slug="new", admin_name="Nia IT", admin_email="nia@new.example")
    made = trust.ask(wanted, token=operator)
    with trust.resources.transaction(trust.resources.engine, school_id=made.id) as tx:
        assert tx.execute(sa.text("select body->>'kind' from outbox")).scalars().all() == ["welcome"]
    for slug in ("new", "trust", "one"):  # a trust has it, or a school
        with pytest.raises(Conflict, match="slug_taken"):
            trust.ask(wanted.model_copy(update={"slug": slug}), token=operator)
    with pytest.raises(NotAllowed):
        trust.by("trust_it", wanted)
    school = AddSchool(name="New School", slug="new_school", phase="other", trust_slug="new")
    assert trust.ask(school, token=operator).slug == "new_school"
    with pytest.raises(NotFound):
        trust.ask(school.model_copy(update={"slug": "x", "trust_slug": "nowhere"}), token=operator)


def test_trust_it_adds_a_school_to_its_own_trust_whatever_it_says(trust: Trust) -> None:
    made = trust.by("trust_it", AddSchool(name="School Three", slug="three", phase="primary", trust_slug="elsewhere"))
    listed = trust.by("trust_it", TrustSchools()).items
    assert [(s.slug, s.has_dsl, s.staff) for s in listed] == [("one", True, 5), ("three", False, 0), ("two", True, 1)]
    for slug in ("three", "trust", "far"):
        with pytest.raises(Conflict, match="slug_taken"):
            trust.by("trust_it", AddSchool(name="Again", slug=slug, phase="primary"))
    about = trust.rows("select body from outbox where name = 'identity.school.changed' and body->>'subject' = :id", id=str(made.id))
    assert about == []  # another school's outbox rows are not seen from this one
    with pytest.raises(NotAllowed):
        trust.by("dsl", AddSchool(name="Mine", slug="mine", phase="primary"))


def test_what_people_of_the_demonstration_make_is_part_of_it_and_ends_with_it(trust: Trust) -> None:
    """Trying out Add a school does not end the demonstration; a real school does, and takes the accounts made in it along."""
    made = trust.by("trust_it", AddSchool(name="School Three", slug="three", phase="primary"))
    trust.by("trust_it", AddStaff(school_id=made.id, people=[new("dee@three.example", "teacher")]))
    assert trust.rows("select demo from people where email = 'dee@three.example'") == [(True,)]
    assert trust.ask(SignIn(username="teacher@one.example", password=PASSWORD, in_steps=True))
    operator = trust._service_token("operator")
    trust.ask(AddTrust(name="Real", slug="real", admin_name="Rae", admin_email="rae@real.example"), token=operator)
    trust.ask(AddSchool(name="Real", slug="real_school", phase="primary", trust_slug="real"), token=operator)
    with pytest.raises(SignInFailed):
        trust.ask(SignIn(username="teacher@one.example", password=PASSWORD, in_steps=True))


def test_every_method_of_administration_is_one_that_asks_for_a_fresh_second_factor() -> None:
    changing = {AddSchool, AddStaff, ChangeMember, CloseMember, ConfirmRole, SendLink, DisableFactors, GivePass, SetPolicy, KeepCategory, KeepGroup}
    assert {c.method for c in changing | {KeepSchool, ExportAudit}} <= STEP_UP


def test_a_role_given_later_opens_nothing_before_its_second_factor(trust: Trust) -> None:
    session = trust.ask(SignIn(username="otto@two.example", password=PASSWORD, in_steps=True)).session_token
    answer = trust.ask(Session(session_token=session, slug="two"))
    assert actors.verify(keys=trust.resources.keys, token=answer.actor_token).roles == frozenset()
