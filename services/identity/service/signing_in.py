"""Signing in, proving again, locking, sessions, passwords."""

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import actor as actors
from safekeep import clock, permissions
from safekeep.contracts import Nothing
from safekeep.contracts.identity import (
    AskPassword,
    BeginProof,
    EndSession,
    KeyOptions,
    Lock,
    Prove,
    Seen,
    Session,
    SessionAnswer,
    SetPassword,
    SignedIn,
    SignIn,
    SignOut,
    Stage,
    UseLink,
)
from safekeep.errors import Invalid, NotAllowed, NotFound, NotSignedIn, SecondFactorNeeded, SignInFailed, TooManyAttempts
from safekeep.ids import new_id
from safekeep.rpc import answers
from services.identity import passwords, second_factors, sessions, store
from services.identity.service.base import Base, Standing, off_loop, times_of
from services.identity.sessions import State
from services.identity.store import accounts

TELL_AGAIN = timedelta(days=1)
ANY_STAGE: tuple[Stage, ...] = ("full", "second_factor", "enrol", "password")


class SigningIn(Base):
    """Sign-in and sessions."""

    @answers(SignIn)
    def sign_in(self, _: None, request: SignIn) -> SignedIn:
        now, attempt_id, email = clock.now(), new_id(), request.username.strip().casefold()
        with self._scope() as tx:
            found = accounts.account(tx, email=email)
            known = sessions.number_of_device(tokens=request.device_tokens, person_id=str(found.id), key=self._key) if found else ""
            # a browser that this person has used before counts for itself: guessing elsewhere must not keep a DSL out
            who = f"{found.id}/{known}" if found and known else email
            if known:
                self._slow_down(tx, email=who)
            else:
                self._slow_down(tx, email=email, address=request.address)
            accounts.begin_attempt(tx, id=attempt_id, email=who, address=request.address, now=now)
        right = off_loop(passwords.verify, stored=found.password_hash if found else None, password=request.password)
        if not right or found is None or found.closed_at is not None:
            with self._scope() as tx:  # the same statements for every address; a timer looks whether it is known, and tells
                accounts.add_sign_in_failure(tx, attempt_id=attempt_id, id=new_id(), who=who, now=now)
            raise SignInFailed
        with self._scope() as tx:
            accounts.forget_attempt(tx, id=attempt_id)
            standing = self._standing_in(tx, found.id)
            is_over = found.demo and store.real_school_exists(tx)
            has_factor = bool(accounts.factors_of(tx, person_ids=[found.id]))
        if is_over:
            raise SignInFailed
        stage = self._stage_after_password(found, standing=standing, has_factor=has_factor)
        if not request.in_steps:
            if stage == "second_factor" and not request.code:
                raise SecondFactorNeeded
            if stage in ("enrol", "password"):
                raise NotAllowed("enrol_first" if stage == "enrol" else "password_expired")
        session_id, token = new_id(), secrets.token_urlsafe(32)
        factor_id, is_recovery = None, False
        if request.code and has_factor:
            factor_id, is_recovery = self._code_used(person_id=found.id, email=email, address=request.address, code=request.code, standing=standing)
            stage = self._stage_after_factor(found, standing=standing)
            if not request.in_steps and stage != "full":
                raise NotAllowed("password_expired")
        number = known or secrets.token_urlsafe(9)
        rehashed = off_loop(passwords.hash_password, password=request.password) if passwords.needs_rehash(found.password_hash) else None
        with self._scope(found.id) as tx:
            if factor_id or is_recovery:
                self._check_proof(tx, person_id=found.id, factor_id=factor_id, code=request.code or "")
            accounts.forget_failures(tx, email=who)
            if rehashed:
                accounts.rehash(tx, person_id=found.id, password_hash=rehashed)
            is_new_device = self._is_new_device(tx, request, person_id=found.id, known=known)
            accounts.add_session(
                tx,
                id=session_id,
                person_id=found.id,
                token_hash=self._stored(token),
                created_at=now,
                last_seen_at=now,
                device=request.device,
                stage=stage,
                is_program=not request.in_steps,
                factor_id=factor_id,
                second_factor_at=now if factor_id or is_recovery else None,
                recovering=is_recovery,
                resetting=False,
            )
            self._audit(tx, "signed_in", person_id=found.id, schools=_schools(standing), stage=stage)
            if is_new_device:
                self._letter(tx, "new_device", person_id=found.id, tenant=standing.tenant, about=session_id)
        device = sessions.device_token(person_id=str(found.id), number=number, key=self._key)
        return SignedIn(session_token=token, person_id=found.id, name=found.name, places=standing.places, stage=stage, device_token=device)

    @answers(BeginProof)
    def begin_proof(self, _: None, request: BeginProof) -> KeyOptions:
        now = clock.now()
        with self._scope() as tx:
            row = self._session(tx, request.session_token, stages=ANY_STAGE, even_locked=True)
            known = [bytes(f.credential_id) for f in accounts.factors_of(tx, person_ids=[row.person_id]) if f.kind == "key"]
            if not known:
                return KeyOptions(options="")
            options, challenge = second_factors.proof_options(public_url=self.host.settings.public_url, known=known)
            accounts.put_challenge(tx, session_id=row.id, purpose="prove", challenge=challenge, ends_at=now + second_factors.CHALLENGE_LASTS)
        return KeyOptions(options=options)

    @answers(Prove)
    def prove(self, _: None, request: Prove) -> SignedIn:
        now = clock.now()
        with self._scope() as tx:
            row = self._session(tx, request.session_token, stages=("full", "second_factor"), even_locked=True)
            standing = self._standing_in(tx, row.person_id)
        factor_id, recovering = None, False
        if request.key:
            factor_id = self._key_used(row, sent=request.key, standing=standing)
        elif request.code:
            factor_id, recovering = self._code_used(person_id=row.person_id, email=row.email, address="", code=request.code, standing=standing)
        else:
            self._password_again(row, password=request.password, standing=standing)
        proved_now = factor_id is not None or recovering
        stage: str = row.stage
        if row.stage == "second_factor" and proved_now:
            stage = self._stage_after_factor(row, standing=standing)
        changes: dict[str, Any] = {"locked_at": None, "last_seen_at": now, "stage": stage}
        if proved_now:
            changes["proof"] = factor_id, request.code
            made_with = {"factor_id": factor_id} if row.second_factor_at is None else {"stepped_with": factor_id or row.stepped_with}
            changes |= {"second_factor_at": now, "recovering": recovering or row.recovering} | made_with
        return self._turn(row, standing=standing, kind="proved" if proved_now else "unlocked", **changes)

    @answers(Session)
    def session(self, _: None, request: Session) -> SessionAnswer:
        now = clock.now()
        with self._scope() as tx:
            row = accounts.session_with(tx, token_hash=self._stored(request.session_token))
            if row is None or row.closed_at is not None:
                raise NotSignedIn("ended")
            standing = self._standing_in(tx, row.person_id)
            stage = self._stage_now(tx, row, standing=standing)
        state = sessions.state(times_of(row), now=now, lock_after=standing.lock_after)
        if state == State.ENDED:
            raise NotSignedIn("ended")
        if state == State.LIVE and request.active and now - row.last_seen_at > sessions.TOUCH_EVERY:
            with self._scope() as tx:
                accounts.change_session(tx, id=row.id, last_seen_at=now)
        places = standing.places_of(row)
        place = next((p for p in places if p.slug == request.slug), None) if request.slug else None
        if request.slug and place is None:
            raise NotFound("school")
        held = state in (State.DRAFTS_ONLY, State.LOCKED)
        return SessionAnswer(
            actor_token=actors.person_token(
                keys=self.host.keys,
                person_id=row.person_id,
                name=row.name,
                roles=frozenset(place.roles if place and stage == "full" else ()),
                school_id=place.id if place and not place.is_trust else None,
                trust_id=place.id if place and place.is_trust else None,
                session_id=row.id,
                second_factor_at=row.second_factor_at,
                drafts_only=held,
            ),
            token_ends=now + actors.LIFETIME,
            person_id=row.person_id,
            name=row.name,
            email=row.email,
            place=place,
            places=places,
            demo=row.demo,
            expired=state == State.DRAFTS_ONLY,
            locked=state == State.LOCKED,
            stage=stage,
            session_id=row.id,
            form_key=sessions.form_key(session_id=str(row.id), key=self._key),
            lock_minutes=int(standing.lock_after.total_seconds() // 60),
            second_factor_at=row.second_factor_at,
        )

    @answers(Seen)
    def seen(self, _: None, request: Seen) -> Nothing:
        now, found = clock.now(), dict[UUID, Any]()
        for item in request.items:
            try:
                actor = actors.verify(keys=self.host.keys, token=item.actor_token)
            except NotSignedIn:
                continue  # of a session that we were not asked about for minutes
            if actor.session_id is not None and not actor.drafts_only:
                found[actor.session_id] = now - timedelta(milliseconds=item.milliseconds_ago)
        if found:
            with self._scope() as tx:
                accounts.seen(tx, found, ahead=sessions.SEEN_AHEAD)
        return Nothing()

    @answers(Lock)
    def lock(self, _: None, request: Lock) -> Nothing:
        with self._scope() as tx:
            row = accounts.session_with(tx, token_hash=self._stored(request.session_token), lock=True)
            if row is not None and row.ended_at is None and row.locked_at is None:
                accounts.change_session(tx, id=row.id, locked_at=clock.now())
                self._revoke(tx, sessions_=[row.id])
        return Nothing()

    @answers(SignOut)
    def sign_out(self, _: None, request: SignOut) -> Nothing:
        with self._scope() as tx:
            row = accounts.session_with(tx, token_hash=self._stored(request.session_token), lock=True)
            if row is not None and row.ended_at is None:
                accounts.change_session(tx, id=row.id, ended_at=clock.now())
                self._revoke(tx, sessions_=[row.id])
        return Nothing()

    @answers(EndSession)
    def end_session(self, _: None, request: EndSession) -> Nothing:
        with self._scope() as tx:
            row = self._session(tx, request.session_token, stages=ANY_STAGE)
            which = {"only": request.session_id} if request.session_id else {"but": row.id}
            ended = accounts.end_sessions(tx, person_id=row.person_id, now=clock.now(), **which)
            self._revoke(tx, sessions_=ended)
        return Nothing()

    # --- passwords

    @answers(AskPassword)
    def ask_password(self, _: None, request: AskPassword) -> Nothing:
        with self._scope() as tx:  # the same statements for every address; a timer looks whether it is known
            asker = f"ask/{request.address}"
            failures, latest = accounts.failures(tx, email="", address=asker, since=clock.now() - passwords.WINDOW)
            wait = passwords.wait_needed(failures=failures, latest=latest, now=clock.now(), allowed=passwords.LINKS_ALLOWED * 4)
            if wait:
                raise TooManyAttempts(wait)
            if request.address:
                accounts.add_failure(tx, id=new_id(), email="", address=asker, now=clock.now())
            accounts.ask_password(tx, id=new_id(), email=request.email.strip().casefold(), now=clock.now())
        return Nothing()

    @answers(UseLink)
    def use_link(self, _: None, request: UseLink) -> SignedIn:
        now, token, session_id = clock.now(), secrets.token_urlsafe(32), new_id()
        with self._scope() as tx:
            link = accounts.use_link(tx, token_hash=self._stored(request.token), now=now, for_person=True)
            person = accounts.person(tx, person_id=link.person_id) if link else None
            if person is None or person.closed_at is not None:
                raise SignInFailed
            has_factor = bool(accounts.factors_of(tx, person_ids=[person.id]))
            standing = self._standing_in(tx, person.id)
            has_lost = not has_factor and standing.needs_factor and accounts.has_had_factor(tx, person_id=person.id)
        # trust IT owns the mailboxes: whoever has a second factor shows it before a link by mail sets a password, and who
        # lost theirs sets up another first, which takes a DSL's pass
        stage: Stage = "second_factor" if has_factor else "enrol" if has_lost else "password"
        with self._scope() as tx:
            self._new_session(tx, id=session_id, person_id=person.id, token=token, device=request.device, stage=stage, resetting=True)
            self._audit(tx, "link_used", person_id=person.id, schools=_schools(standing))
        return SignedIn(session_token=token, person_id=person.id, name=person.name, places=standing.places, stage=stage)

    @answers(SetPassword)
    def set_password(self, _: None, request: SetPassword) -> SignedIn:
        now = clock.now()
        with self._scope() as tx:
            row = self._session(tx, request.session_token, stages=("full", "password"))
            standing = self._standing_in(tx, row.person_id)
        if row.stage == "full":
            self._password_again(row, password=request.old, standing=standing)
        problem = passwords.problem_with(request.password, rules=standing.rules, local_words=[row.name, row.email, *standing.school_names])
        with self._scope() as tx:
            before = accounts.password_hashes(tx, person_id=row.person_id, last=max(standing.rules.remembered, 1))
        if not problem and off_loop(passwords.is_any_of, stored=before, password=request.password):
            problem = "used_before"
        if problem:
            raise Invalid({"password": problem})
        hashed = off_loop(passwords.hash_password, password=request.password)
        with self._scope() as tx:
            accounts.set_password(
                tx, person_id=row.person_id, password_hash=hashed, now=now, history_id=new_id(), keep=max(standing.rules.remembered - 1, 0)
            )
            has_factor = bool(accounts.factors_of(tx, person_ids=[row.person_id]))
            ended = accounts.end_sessions(tx, person_id=row.person_id, now=now, but=row.id)
            self._revoke(tx, sessions_=ended)
            if row.password_hash is not None:
                self._letter(tx, "password_changed", person_id=row.person_id, tenant=standing.tenant)
        stage = "enrol" if standing.needs_factor and not has_factor else "full"
        turned = self._turn(row, standing=standing, kind="password_set", stage=stage, last_seen_at=now, locked_at=None, resetting=False)
        if row.stage == "full":
            return turned
        number = secrets.token_urlsafe(9)  # whoever came by their mailbox is not slowed down by guessing elsewhere
        return turned.model_copy(update={"device_token": sessions.device_token(person_id=str(row.person_id), number=number, key=self._key)})

    # --- what these share

    def _new_session(self, tx: sa.Connection, *, id: UUID, person_id: UUID, token: str, device: str, stage: Stage, resetting: bool = False) -> None:
        now = clock.now()
        accounts.add_session(
            tx,
            id=id,
            person_id=person_id,
            token_hash=self._stored(token),
            created_at=now,
            last_seen_at=now,
            device=device,
            stage=stage,
            is_program=False,
            recovering=False,
            resetting=resetting,
        )

    def _turn(self, row: Any, *, standing: Standing, kind: str, proof: tuple[UUID | None, str] | None = None, **changes: Any) -> SignedIn:
        """Give the session a new token, so that one seen before is worth nothing, and change it.

        `proof`: the factor, or the recovery code, that was just used. Raises SignInFailed when it counts no longer.
        """
        token = secrets.token_urlsafe(32)
        with self._scope() as tx:
            if proof is not None:
                self._check_proof(tx, person_id=row.person_id, factor_id=proof[0], code=proof[1])
            accounts.change_session(tx, id=row.id, token_hash=self._stored(token), **changes)
            self._revoke(tx, sessions_=[row.id])
            self._audit(tx, kind, person_id=row.person_id, schools=_schools(standing))
        return self._signed_in(token=token, row=row, standing=standing, stage=changes.get("stage", row.stage))

    def _check_proof(self, tx: sa.Connection, *, person_id: UUID, factor_id: UUID | None, code: str) -> None:
        """Raise SignInFailed where the factor or recovery code was disabled or voided after it was taken and before the session says so."""
        stored = self._stored(second_factors.plain_code(code)) if not factor_id else b""
        if not accounts.proof_stands(tx, person_id=person_id, factor_id=factor_id, code_hash=stored):
            raise SignInFailed

    def _stage_after_password(self, person: Any, *, standing: Standing, has_factor: bool) -> Stage:
        if has_factor:
            return "second_factor"
        return "enrol" if standing.needs_factor else self._stage_after_factor(person, standing=standing)

    def _stage_after_factor(self, person: Any, *, standing: Standing) -> Stage:
        if getattr(person, "provider_id", None) is not None:  # who signs in with a provider may have no password here
            return "full"
        is_due = passwords.is_due(set_at=person.password_set_at, rules=standing.rules, now=clock.now())
        return "password" if is_due or getattr(person, "resetting", False) else "full"

    def _is_new_device(self, tx: sa.Connection, request: SignIn, *, person_id: UUID, known: str) -> bool:
        """Whether this is worth a letter. A program is known by what it calls itself: it keeps no cookie."""
        if not request.in_steps:
            return not accounts.has_signed_in(tx, person_id=person_id, device=request.device)
        return not known and accounts.has_signed_in(tx, person_id=person_id)

    def _slow_down(self, tx: sa.Connection, *, email: str, address: str | None = None) -> None:
        """Raise TooManyAttempts while the account has to wait: for itself, or (`address`) from there, from everywhere, or all from there.

        Until the transaction ends no other attempt at the account is let through: it keeps a failure in it, or that something is being tried.
        Of an address only failures count, since colleagues who sign in from it at one moment must not slow each other down.
        """
        accounts.hold_attempts(tx, email=email)
        now = clock.now()
        counted: list[tuple[dict[str, Any], int]] = [({"email": email, "under_way": True}, passwords.FAILURES_ALLOWED)]
        if address is not None:
            anywhere = {"email": email, "under_way": True}
            counted = [(anywhere | {"address": address}, passwords.FAILURES_ALLOWED), (anywhere, passwords.FROM_ANYWHERE_ALLOWED)]
            counted += [({"address": address}, passwords.FROM_ADDRESS_ALLOWED)] * bool(address)
        wait = 0
        for which, allowed in counted:
            failures, latest = accounts.failures(tx, since=now - passwords.WINDOW, **which)
            wait = max(wait, passwords.wait_needed(failures=failures, latest=latest, now=now, allowed=allowed))
        if wait:
            raise TooManyAttempts(wait)

    def _note_failure(
        self, tx: sa.Connection, *, which: str, kind: str, person_id: UUID, standing: Standing, address: str = "", attempt_id: UUID | None = None
    ) -> None:
        """Keep a failure (`attempt_id`: of what was counted already); at the tenth in a row tell the account's owner and the DSLs of their
        schools, once a day.
        """
        if attempt_id:
            accounts.attempt_failed(tx, id=attempt_id)
        else:
            accounts.add_failure(tx, id=new_id(), email=which, address=address, now=clock.now())
        self._tell_failure(tx, which=which, kind=kind, person_id=person_id, standing=standing)

    def _tell_failure(self, tx: sa.Connection, *, which: str, kind: str, person_id: UUID, standing: Standing) -> None:
        now = clock.now()
        failures, _ = accounts.failures(tx, email=which, since=now - passwords.WINDOW)
        self._audit(tx, kind, person_id=person_id, schools=_schools(standing))
        if failures < passwords.FAILURES_ALLOWED or accounts.told_of_attack(tx, person_id=person_id, since=now - TELL_AGAIN):
            return
        self._audit(tx, "attacked", person_id=person_id, schools=_schools(standing))
        self._letter(tx, "attack", person_id=person_id, tenant=standing.tenant, about=person_id)
        for school_id in _schools(standing):
            with accounts.at_school(tx, school_id=school_id):
                staff = store.staff_of(tx, school_id=school_id)
            for place in staff:
                if place.active and permissions.is_lead(place.roles) and place.person_id != person_id:
                    self._letter(tx, "attack", person_id=place.person_id, tenant=school_id, about=person_id)

    def _password_again(self, row: Any, *, password: str, standing: Standing) -> None:
        which, attempt_id = f"again/{row.person_id}", new_id()
        with self._scope() as tx:
            self._slow_down(tx, email=which)
            accounts.begin_attempt(tx, id=attempt_id, email=which, address="", now=clock.now())
        if row.stage == "second_factor" or not off_loop(passwords.verify, stored=row.password_hash, password=password):
            with self._scope() as tx:
                said: dict[str, Any] = {"person_id": row.person_id, "standing": standing, "attempt_id": attempt_id}
                self._note_failure(tx, which=which, kind="password_failed", **said)
            raise SignInFailed
        with self._scope() as tx:
            accounts.forget_attempt(tx, id=attempt_id)
            accounts.forget_failures(tx, email=which)

    def _code_used(self, *, person_id: UUID, email: str, address: str, code: str, standing: Standing) -> tuple[UUID | None, bool]:
        """Return (the app's factor, False), or (None, True) for a recovery code. Raises SignInFailed, TooManyAttempts."""
        now, which = clock.now(), f"code/{person_id}"
        typed = code.replace(" ", "")
        with self._scope() as tx:
            self._slow_down(tx, email=which)
            for factor in accounts.factors_of(tx, person_ids=[person_id]):
                if factor.kind != "totp":
                    continue
                key = self.host.keys.symmetric("factors")[1]
                secret = second_factors.unseal(sealed=bytes(factor.secret), key=key, factor_id=factor.id)
                step = second_factors.step_of(secret=secret, code=typed, last_step=factor.counter, now=now)
                if step is not None and accounts.use_step(tx, id=factor.id, counter=step, now=now):
                    accounts.forget_failures(tx, email=which)
                    return factor.id, False
            stored = self._stored(second_factors.plain_code(code))
            if accounts.use_code(tx, person_id=person_id, purpose="recovery", code_hash=stored, now=now):
                accounts.forget_failures(tx, email=which)
                self._audit(tx, "recovery_code_used", person_id=person_id, schools=_schools(standing))
                self._letter(tx, "recovery_used", person_id=person_id, tenant=standing.tenant)
                return None, True
            self._note_failure(tx, which=which, address=address, kind="second_factor_failed", person_id=person_id, standing=standing)
        raise SignInFailed

    def _key_used(self, row: Any, *, sent: str, standing: Standing) -> UUID:
        """Return the hard key that was proved. Raises SignInFailed, TooManyAttempts."""
        now, which = clock.now(), f"code/{row.person_id}"
        with self._scope() as tx:
            self._slow_down(tx, email=which)
            challenge = accounts.take_challenge(tx, session_id=row.id, purpose="prove", now=now)
            try:
                credential = second_factors.credential_of(sent)
                found = next(
                    (f for f in accounts.factors_of(tx, person_ids=[row.person_id]) if f.kind == "key" and bytes(f.credential_id) == credential), None
                )
                if found is None or challenge is None:
                    raise second_factors.Refused
                counter = second_factors.proved(
                    public_url=self.host.settings.public_url,
                    sent=sent,
                    challenge=challenge,
                    public_key=bytes(found.public_key),
                    counter=found.counter,
                )
                accounts.change_factor(tx, id=found.id, counter=counter, last_used_at=now)
                accounts.forget_failures(tx, email=which)
                factor_id: UUID = found.id
                return factor_id
            except second_factors.Refused:
                self._note_failure(tx, which=which, kind="second_factor_failed", person_id=row.person_id, standing=standing)
        raise SignInFailed


def _schools(standing: Standing) -> list[UUID]:
    """The schools whose audit log a line belongs to."""
    return [p.id for p in standing.places if not p.is_trust]
