"""Identity over a fresh database, with one made-up trust of two schools: whoever works there signs in, adds keys, gets letters."""

import datetime as dt
from functools import cache
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pyotp
import sqlalchemy as sa

from safekeep import clock
from safekeep.contracts.identity import (
    Account,
    AddTotp,
    BeginTotp,
    ContactItem,
    GivePass,
    Letter,
    Prove,
    Seed,
    SeedPerson,
    SeedSchool,
    Session,
    SignIn,
    UseLink,
    UsePass,
)
from safekeep.ids import new_id
from services.identity import passwords
from services.identity.service import Service

PASSWORD = "Plum teal harbour 1"
_hash_of = cache(passwords.hash_password)
"""Theirs is hashed once a process: hashing takes long on purpose, and each office has three people with it."""


class Office:
    """Identity with one made-up trust of two schools."""

    def __init__(self, resources: Any, ask_service: Any, token_for: Any, service_token_for: Any) -> None:
        self.service, self._ask, self._token, self._service_token = Service(), ask_service, token_for, service_token_for
        self.service.host = self.resources = resources
        self.dsl = SeedPerson(
            id=new_id(), name="Dee Lead", email="dee@one.example", password=PASSWORD, roles=["dsl"], room="4", telephone="01632 960001", on_duty=True
        )
        self.teacher = SeedPerson(id=new_id(), name="Tea Cher", email="Tea@one.example", password=PASSWORD, roles=["teacher"])
        self.it = SeedPerson(id=new_id(), name="Ida Tee", email="it@trust.example", password=PASSWORD, roles=["trust_it"])
        head = ContactItem(kind="head", name="Head Teacher", telephone="01632 960002")
        self.one = SeedSchool(id=new_id(), slug="one", name="School One", phase="primary", people=[self.dsl, self.teacher], contacts=[head])
        self.two = SeedSchool(id=new_id(), slug="two", name="School Two", phase="secondary", people=[self.dsl], contacts=[head])
        self.seed = Seed(trust_id=new_id(), trust_name="Trust", trust_slug="trust", trust_people=[self.it], schools=[self.one, self.two])
        with patch.object(passwords, "hash_password", _hash_of):
            self.ask(self.seed, token=self._service_token("demo"))

    def ask(self, request: Any, *, token: str = "") -> Any:
        return self._ask(self.service, request, token=token)

    def sign_in(self, email: str, password: str = PASSWORD, **more: Any) -> Any:
        return self.ask(SignIn(username=email, password=password, in_steps=True, **more))

    def member(self, role: str, school: SeedSchool | None = None, person: UUID | None = None) -> str:
        token: str = self._token(roles=[role], school_id=(school or self.one).id, person_id=person or self.dsl.id)
        return token

    def help_desk(self) -> str:
        """Trust IT's token at the trust."""
        token: str = self._token(roles=["trust_it"], school_id=None, trust_id=self.seed.trust_id, person_id=self.it.id)
        return token

    # --- steps that many tests begin with

    def with_app(self, email: str) -> tuple[str, str]:
        """Sign in and set up an authenticator app; return (session token, secret)."""
        begun = self.known_in_person(self.sign_in(email).session_token)
        made = self.ask(BeginTotp(session_token=begun))
        added = self.ask(AddTotp(session_token=begun, factor_id=made.factor_id, code=self.code(made.secret), name="Phone"))
        return added.session_token, made.secret

    def known_in_person(self, session_token: str) -> str:
        """Type a pass where one is needed before a first key; return the session's token, new if so."""
        account = self.ask(Account(session_token=session_token))
        if not account.pass_needed:
            return session_token
        by = self.member("deputy_dsl", person=self.teacher.id)
        code = self.ask(GivePass(person_id=account.person_id, how="in_person"), token=by).code
        token: str = self.ask(UsePass(session_token=session_token, code=code)).session_token
        return token

    def code(self, secret: str, *, later: int = 0) -> str:
        """Return the code an app shows now, or some steps later."""
        return pyotp.TOTP(secret).generate_otp(int(clock.now().timestamp()) // 30 + later)

    def whole(self, email: str, secret: str, *, later: int = 1) -> str:
        """Sign in with password and app; return the session's token."""
        token: str = self.ask(Prove(session_token=self.sign_in(email).session_token, code=self.code(secret, later=later))).session_token
        return token

    def link(self, person: UUID) -> str:
        """Return the token of a link as alerts gets it to write a letter."""
        token: str = self.ask(Letter(person_id=person, kind="password_link"), token=self._service_token("alerts", self.one.id)).link_token
        return token

    def by_link(self, person: UUID) -> Any:
        """Use a fresh link."""
        return self.ask(UseLink(token=self.link(person)))

    def stage(self, session_token: str) -> str:
        """How far a session has come."""
        stage: str = self.ask(Session(session_token=session_token)).stage
        return stage

    def told(self) -> None:
        """Let the timers look at failed sign-ins."""
        self.service.tell_sign_in_failures()

    # --- what is kept

    def letters(self, kind: str = "") -> list[tuple[str, UUID]]:
        """Return (kind, to whom) of every letter that was asked for."""
        with self.resources.worker_engine.connect() as connection:
            rows = connection.execute(sa.text("select body from outbox where name = 'identity.letter.wanted' order by id")).scalars()
            found = [(row["kind"], UUID(row["person_id"])) for row in rows]
        return [item for item in found if kind in ("", item[0])]

    def audited(self, *, person: UUID | None = None) -> list[str]:
        """Return the kinds of lines in School One's audit log, oldest first."""
        with self.resources.transaction(self.resources.engine, school_id=self.one.id) as tx:
            query = "select kind from audit where cast(:person as uuid) is null or person_id = :person order by at, id"
            return list(tx.execute(sa.text(query), {"person": person}).scalars())

    def dsl_at_one_school(self) -> None:
        """Take the DSL off School Two, so that School One's policy alone counts."""
        with self.resources.transaction(self.resources.engine, school_id=self.two.id) as tx:
            tx.execute(sa.text("update memberships set active = false"))

    def set_policy(self, **changes: Any) -> None:
        """Change School One's sign-in policy in its table."""
        with self.resources.transaction(self.resources.engine, school_id=self.one.id) as tx:
            for name, value in changes.items():
                tx.execute(sa.text(f"update policies set {name} = :value where school_id = :school"), {"value": value, "school": self.one.id})


def later(**gone: float) -> Any:
    """Set the clock on, inside the block."""
    return clock.set_to(clock.now() + dt.timedelta(**gone))
