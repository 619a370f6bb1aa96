"""The own account and its second factors: apps, hard keys, recovery codes, passes."""

import secrets
from collections.abc import Collection
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock, permissions
from safekeep.contracts import Nothing
from safekeep.contracts.identity import (
    Account,
    AccountAnswer,
    AddKey,
    AddTotp,
    BeginKey,
    BeginTotp,
    ConfirmOwnRole,
    DeviceItem,
    DisableFactor,
    FactorAdded,
    FactorItem,
    KeyOptions,
    NewRecoveryCodes,
    NewTotp,
    PasswordRules,
    RecoveryCodes,
    Stage,
    UsePass,
)
from safekeep.errors import Invalid, NotAllowed, NotFound, SignInFailed
from safekeep.ids import new_id
from safekeep.rpc import answers
from services.identity import passwords, second_factors, sessions, store
from services.identity.second_factors import Refused
from services.identity.service.base import Standing, needs_fresh
from services.identity.service.signing_in import ANY_STAGE, SigningIn, _schools
from services.identity.store import accounts

ENROLLING: tuple[Stage, ...] = ("full", "enrol")


class Keys(SigningIn):
    """Second factors."""

    @answers(Account)
    def account(self, _: None, request: Account) -> AccountAnswer:
        now = clock.now()
        with self._scope() as tx:
            row = self._session(tx, request.session_token, stages=ANY_STAGE)
            factors = accounts.factors_of(tx, person_ids=[row.person_id])
            devices = accounts.live_sessions(tx, person_id=row.person_id, since=now - sessions.ABSOLUTE)
            left = accounts.codes_left(tx, person_id=row.person_id, purpose="recovery")
            standing = self._standing_in(tx, row.person_id)
            pass_needed = self._needs_pass(tx, row, standing=standing)
            has_had = accounts.has_had_factor(tx, person_id=row.person_id)
        rules = standing.rules
        return AccountAnswer(
            person_id=row.person_id,
            name=row.name,
            email=row.email,
            factors=[factor_item(f) for f in factors],
            recovery_left=left,
            needs_factor=standing.needs_factor,
            pass_needed=pass_needed,
            has_had_factor=has_had,
            devices=[
                DeviceItem(id=d.id, device=d.device, created_at=d.created_at, last_seen_at=d.last_seen_at, here=d.id == row.id) for d in devices
            ],
            rules=PasswordRules(
                min_length=rules.min_length,
                all_kinds=rules.all_kinds,
                deny_common=rules.deny_common,
                change_days=rules.change_days,
                remembered=rules.remembered,
            ),
            password_until=passwords.due_at(set_at=row.password_set_at, rules=rules),
        )

    @answers(BeginTotp)
    def begin_totp(self, _: None, request: BeginTotp) -> NewTotp:
        with self._scope() as tx:
            row = self._enrolling(tx, request.session_token)
            secret, factor_id = second_factors.new_secret(), new_id()
            sealed = second_factors.seal(secret=secret, key=self.host.keys.symmetric("factors")[1], factor_id=factor_id)
            accounts.add_factor(tx, id=factor_id, person_id=row.person_id, kind="totp", name="", secret=sealed, counter=0, created_at=clock.now())
        return NewTotp(factor_id=factor_id, secret=secret, address=second_factors.app_address(secret=secret, email=row.email))

    @answers(AddTotp)
    def add_totp(self, _: None, request: AddTotp) -> FactorAdded:
        now = clock.now()
        with self._scope() as tx:
            row = self._enrolling(tx, request.session_token)
            self._slow_down(tx, email=f"code/{row.person_id}")
            factor = accounts.factor(tx, person_id=row.person_id, factor_id=request.factor_id)
            if factor is None or factor.kind != "totp" or factor.confirmed_at is not None:
                raise NotFound("factor")
            key = self.host.keys.symmetric("factors")[1]
            secret = second_factors.unseal(sealed=bytes(factor.secret), key=key, factor_id=factor.id)
            step = second_factors.step_of(secret=secret, code=request.code.replace(" ", ""), last_step=0, now=now)
            if step is not None:
                accounts.change_factor(tx, id=factor.id, name=request.name, confirmed_at=now, counter=step, last_used_at=now)
            else:
                accounts.add_failure(tx, id=new_id(), email=f"code/{row.person_id}", address="", now=now)
        if step is None:
            raise Invalid({"code": "wrong_code"})
        return self._added(row, factor_id=request.factor_id)

    @answers(BeginKey)
    def begin_key(self, _: None, request: BeginKey) -> KeyOptions:
        with self._scope() as tx:
            row = self._enrolling(tx, request.session_token)
            known = [bytes(f.credential_id) for f in accounts.factors_of(tx, person_ids=[row.person_id]) if f.kind == "key"]
            options, challenge = second_factors.registration_options(
                public_url=self.host.settings.public_url, person_id=row.person_id, email=row.email, name=row.name, known=known
            )
            ends_at = clock.now() + second_factors.CHALLENGE_LASTS
            accounts.put_challenge(tx, session_id=row.id, purpose="register", challenge=challenge, ends_at=ends_at)
        return KeyOptions(options=options)

    @answers(AddKey)
    def add_key(self, _: None, request: AddKey) -> FactorAdded:
        now, factor_id = clock.now(), new_id()
        with self._scope() as tx:
            row = self._enrolling(tx, request.session_token)
            challenge = accounts.take_challenge(tx, session_id=row.id, purpose="register", now=now)
        try:
            if challenge is None:
                raise Refused
            found = second_factors.registered(public_url=self.host.settings.public_url, sent=request.key, challenge=challenge)
        except Refused:
            raise Invalid({"key": "invalid"}) from None
        with self._scope() as tx:
            accounts.add_factor(
                tx,
                id=factor_id,
                person_id=row.person_id,
                kind="key",
                name=request.name,
                credential_id=found.credential_id,
                public_key=found.public_key,
                counter=found.counter,
                created_at=now,
                confirmed_at=now,
                last_used_at=now,
            )
        return self._added(row, factor_id=factor_id)

    @answers(NewRecoveryCodes)
    def new_recovery_codes(self, _: None, request: NewRecoveryCodes) -> RecoveryCodes:
        with self._scope() as tx:
            row = self._session(tx, request.session_token)
            needs_fresh(row, clock.now())
            codes = self._recovery_codes(tx, person_id=row.person_id)
        standing = self._standing(row.person_id)
        with self._scope() as tx:
            self._audit(tx, "recovery_codes_made", person_id=row.person_id, schools=_schools(standing))
        return RecoveryCodes(codes=codes)

    @answers(DisableFactor)
    def disable_factor(self, _: None, request: DisableFactor) -> Nothing:
        with self._scope() as tx:
            row = self._session(tx, request.session_token)
            if not row.recovering:
                needs_fresh(row, clock.now())
        standing = self._standing(row.person_id)
        if not self._disable(person_id=row.person_id, factor_id=request.factor_id, by_id=row.person_id, standing=standing):
            raise NotFound("factor")
        return Nothing()

    @answers(UsePass)
    def use_pass(self, _: None, request: UsePass) -> FactorAdded:
        now, attempt_id = clock.now(), new_id()
        with self._scope() as tx:
            row = self._session(tx, request.session_token, stages=("second_factor", "enrol"))
            which = f"code/{row.person_id}"
            self._slow_down(tx, email=which)
            standing, stored = self._standing_in(tx, row.person_id), self._stored(second_factors.plain_code(request.code))
            mine: dict[str, Any] = {"person_id": row.person_id, "code_hash": stored, "now": now}
            kind = next((f"{purpose}_used" for purpose in ("pass", "recovery") if accounts.use_code(tx, purpose=purpose, **mine)), "")
            if kind == "recovery_used":
                self._letter(tx, "recovery_used", person_id=row.person_id, tenant=standing.tenant)
            if not kind:
                accounts.begin_attempt(tx, id=attempt_id, email=which, address="", now=now)
        if not kind and self._head_knows(row, standing=standing, code_hash=stored):
            kind = "head_code_used"
            with self._scope() as tx:
                accounts.forget_attempt(tx, id=attempt_id)
        if not kind:
            with self._scope() as tx:
                said: dict[str, Any] = {"person_id": row.person_id, "standing": standing, "attempt_id": attempt_id}
                self._note_failure(tx, which=which, kind="second_factor_failed", **said)
            raise SignInFailed
        proof = (None, request.code) if kind == "recovery_used" else None
        turned = self._turn(row, standing=standing, kind=kind, proof=proof, stage="enrol", recovering=True, met=kind != "recovery_used")
        return FactorAdded(session_token=turned.session_token, stage="enrol", recovery_codes=[])

    @answers(ConfirmOwnRole)
    def confirm_own_role(self, _: None, request: ConfirmOwnRole) -> Nothing:
        now = clock.now()
        with self._scope() as tx:
            row = self._session(tx, request.session_token)
        standing = self._standing(row.person_id)
        place = next((p for p in standing.places if p.slug == request.slug and p.waiting), None)
        if place is None:
            raise NotFound("role")
        which = f"head/{row.person_id}"
        with self._admin(place.id) as tx:
            self._slow_down(tx, email=which)
            stored = self._stored(second_factors.plain_code(request.code))
            used = accounts.use_code(tx, person_id=row.person_id, purpose="head", code_hash=stored, now=now, school_id=place.id)
            if used:
                here = {"factor_id": row.factor_id, "stepped_with": row.stepped_with}
                kept = [each for each in here.values() if each]  # the code was typed where this key had been shown
                whose: dict[str, Any] = {"school_id": place.id, "person_id": row.person_id, "by_id": row.person_id}
                self._grant_roles(tx, **whose, kind="role_confirmed_by_head", kept=kept, typed_in=row.id)
                if not kept:  # signed in with a recovery code: it stays, and the key they set up now is vouched for
                    accounts.change_session(tx, id=row.id, met=True)
            else:
                accounts.add_failure(tx, id=new_id(), email=which, address="", now=now)
        if not used:
            raise SignInFailed
        return Nothing()

    # --- what these share

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
        raise NotImplementedError  # the console's

    def _enrolling(self, tx: sa.Connection, token: str) -> sa.Row[Any]:
        """The session, if it may add a key: the first one, or after using one of late, or after a recovery code or a pass."""
        row = self._session(tx, token, stages=ENROLLING)
        if self._needs_pass(tx, row, standing=self._standing_in(tx, row.person_id)):
            raise NotAllowed("pass_needed")
        if not row.recovering and accounts.factors_of(tx, person_ids=[row.person_id]):
            needs_fresh(row, clock.now())
        return row

    def _needs_pass(self, tx: sa.Connection, row: Any, *, standing: Standing) -> bool:
        """Whether a person who knows them is needed to set up a key: in place of one they had, or where their role opens records, the first.

        A password, and a mailbox, are not enough: trust IT owns the mailboxes.
        """
        if row.recovering or not standing.needs_factor or accounts.factors_of(tx, person_ids=[row.person_id]):
            return False
        return not permissions.KNOWN_IN_PERSON.isdisjoint(standing.roles) or accounts.has_had_factor(tx, person_id=row.person_id)

    def _head_knows(self, row: Any, *, standing: Standing, code_hash: bytes) -> bool:
        """Whether it is the head's code for a school's first DSL, who has no key yet: their role counts from now, and they may set one up."""
        for place in standing.places if row.stage == "enrol" else []:
            if not place.waiting or place.is_trust:
                continue
            with self._admin(place.id) as tx:
                mine: dict[str, Any] = {"person_id": row.person_id, "school_id": place.id}
                if accounts.use_code(tx, **mine, purpose="head", code_hash=code_hash, now=clock.now()):
                    self._grant_roles(tx, **mine, by_id=row.person_id, kind="role_confirmed_by_head", typed_in=row.id)
                    return True
        return False

    def _added(self, row: Any, *, factor_id: UUID) -> FactorAdded:
        """Make a new key count: recovery codes with the first, a letter, an audit line, a new token."""
        now, standing = clock.now(), self._standing(row.person_id)
        with self._scope() as tx:
            factors = accounts.factors_of(tx, person_ids=[row.person_id])
            is_first = len(factors) == 1
            if row.met or any(f.met and f.id in (row.factor_id, row.stepped_with) for f in factors):
                accounts.change_factor(tx, id=factor_id, met=True)
            codes = self._recovery_codes(tx, person_id=row.person_id) if is_first else []
            self._letter(tx, "factor_added", person_id=row.person_id, tenant=standing.tenant, about=factor_id)
        stage = self._stage_after_factor(row, standing=standing) if row.stage == "enrol" else row.stage
        key = "factor_id" if row.second_factor_at is None else "stepped_with"
        changes = {"stage": stage, "second_factor_at": now, key: factor_id, "recovering": False, "met": False, "last_seen_at": now}
        turned = self._turn(row, standing=standing, kind="factor_added", proof=(factor_id, ""), **changes)
        return FactorAdded(session_token=turned.session_token, stage=turned.stage, recovery_codes=codes)

    def _recovery_codes(self, tx: sa.Connection, *, person_id: UUID) -> list[str]:
        codes = [second_factors.new_code() for _ in range(second_factors.RECOVERY_CODES)]
        rows = [
            {
                "id": new_id(),
                "person_id": person_id,
                "purpose": "recovery",
                "code_hash": self._stored(second_factors.plain_code(code)),
                "school_id": None,
                "made_at": clock.now(),
                "ends_at": None,
            }
            for code in codes
        ]
        accounts.add_codes(tx, rows, replace=True)
        return codes

    def _disable(self, *, person_id: UUID, factor_id: UUID | None, by_id: UUID | None, standing: Standing) -> int:
        """Disable a key (or all) and end every session made with it. Returns how many there were."""
        with self._scope() as tx:
            return self._disable_in(tx, person_id=person_id, factor_id=factor_id, by_id=by_id, standing=standing)

    def _disable_in(self, tx: sa.Connection, *, person_id: UUID, factor_id: UUID | None, by_id: UUID | None, standing: Standing) -> int:
        now = clock.now()
        accounts.person(tx, person_id=person_id, lock=True)  # who proves themselves with it just now waits, or is seen below (proof_stands)
        counted = {f.id for f in accounts.factors_of(tx, person_ids=[person_id])}
        gone = [f for f in accounts.disable_factors(tx, person_id=person_id, now=now, only=factor_id) if f in counted]
        for each in gone:
            ended = accounts.end_sessions(tx, person_id=person_id, now=now, factor_id=each)
            self._revoke(tx, sessions_=ended)
            self._audit(tx, "factor_disabled", person_id=person_id, by_id=by_id, schools=_schools(standing))
            self._letter(tx, "factor_disabled", person_id=person_id, tenant=standing.tenant, about=each)
        return len(gone)

    def _keys_shown(
        self,
        tx: sa.Connection,
        *,
        person_id: UUID,
        gained: Collection[str],
        kept: Collection[UUID],
        by_id: UUID | None,
        typed_in: UUID | None = None,
    ) -> None:
        """A first role that opens records is come by: of the keys set up before it, those stay which the person has shown to be theirs.

        Whoever owns the mailboxes may have set one up in their name; so nobody knows either who holds the recovery codes: all are void, and
        sessions that none of those keys was used in end, but the one where the head's code was `typed_in`. Call it before the role counts.
        """
        standing = self._standing_in(tx, person_id)
        had = {role for place in standing.places for role in place.roles}
        if permissions.KNOWN_IN_PERSON.isdisjoint(gained) or not permissions.KNOWN_IN_PERSON.isdisjoint(had):
            return
        accounts.person(tx, person_id=person_id, lock=True)  # as in _disable_in
        for factor in accounts.factors_of(tx, person_ids=[person_id]):
            if factor.id in kept:
                accounts.change_factor(tx, id=factor.id, met=True)
            elif not factor.met:
                self._disable_in(tx, person_id=person_id, factor_id=factor.id, by_id=by_id, standing=standing)
        theirs: dict[str, Any] = {"person_id": person_id}
        vouched = [f.id for f in accounts.factors_of(tx, person_ids=[person_id])]
        self._revoke(tx, sessions_=accounts.end_unvouched_sessions(tx, **theirs, now=clock.now(), vouched=vouched, but=typed_in))
        if accounts.void_codes(tx, **theirs, purpose="recovery"):
            self._audit(tx, "recovery_codes_voided", **theirs, by_id=by_id, schools=_schools(standing))
            self._letter(tx, "recovery_voided", **theirs, tenant=standing.tenant)

    def _one_time(self, *, person_id: UUID, purpose: str, school_id: UUID | None, lasts: Any) -> tuple[str, dict[str, Any]]:
        """Return a code to be given by hand, and its row."""
        code, now = second_factors.new_code(), clock.now()
        stored = self._stored(second_factors.plain_code(code))
        row = {"id": new_id(), "person_id": person_id, "purpose": purpose, "code_hash": stored, "school_id": school_id}
        return code, row | {"made_at": now, "ends_at": now + lasts}

    def _link(self, tx: sa.Connection, *, person_id: UUID | None) -> str:
        """Make a one-time link's token; only its hash is kept, and the one before is void."""
        token, now = secrets.token_urlsafe(32), clock.now()
        lasts = second_factors.LINK_LASTS if person_id else second_factors.FIRST_LINK_LASTS
        accounts.add_link(tx, id=new_id(), person_id=person_id, token_hash=self._stored(token), now=now, ends_at=now + lasts)
        return token


def factor_item(row: Any) -> FactorItem:
    """Return a factor as its owner, and the help desk, see it."""
    return FactorItem(id=row.id, kind=row.kind, name=row.name, created_at=row.created_at, last_used_at=row.last_used_at, met=row.met)


def names_of(tx: sa.Connection, school_id: UUID) -> str:
    """Return a school's name."""
    row = store.school_with(tx, school_id=school_id)
    return row.name if row else ""
