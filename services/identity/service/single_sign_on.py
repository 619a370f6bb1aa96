"""Single sign-on (OpenID Connect): beginning and finishing it, linking by verified address, and providers in the console."""

import hmac
import os
import secrets
from collections.abc import Collection
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from safekeep import clock
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.identity import (
    BeginSignOn,
    FinishSignOn,
    KeepProvider,
    LinkedPerson,
    Made,
    MappedRole,
    ProviderItem,
    ProviderOffer,
    ProviderOffers,
    ProviderOffersAnswer,
    Providers,
    ProvidersAnswer,
    RemoveProvider,
    SignedIn,
    SignOnBegun,
    Stage,
    UnlinkPerson,
)
from safekeep.errors import Invalid, NotAllowed, NotFound, SignOnFailed
from safekeep.ids import new_id
from safekeep.permissions import Role
from safekeep.rpc import answers
from services.identity import issuers, roles, sessions, single_sign_on, store
from services.identity.issuers import Client
from services.identity.service.base import Standing
from services.identity.service.console import Console
from services.identity.store import accounts, doors

BACK = "/sso/back"
"""Where a provider sends the browser back to, at our public address."""


class SingleSignOn(Console):
    """Signing in with the school's or the trust's own provider."""

    @answers(ProviderOffers)
    def provider_offers(self, _: None, request: ProviderOffers) -> ProviderOffersAnswer:
        with self._scope() as tx:
            rows = doors.active_providers(tx)
        return ProviderOffersAnswer(items=[ProviderOffer(id=row.id, name=row.name) for row in rows])

    @answers(BeginSignOn)
    def begin_sign_on(self, _: None, request: BeginSignOn) -> SignOnBegun:
        with self._scope() as tx:
            row = doors.provider(tx, id=request.provider_id)
        if row is None:
            raise NotFound("provider")
        state, nonce, browser, verifier = (*(secrets.token_urlsafe(32) for _ in range(3)), issuers.new_verifier())
        try:
            address = issuers.authorization_address(self._client(row), state=state, nonce=nonce, verifier=verifier)
        except issuers.Down:
            raise SignOnFailed("provider_down") from None
        kept = {"state_hash": self._stored(state), "browser_hash": self._stored(browser), "nonce": nonce, "verifier": verifier}
        with self._scope() as tx:
            doors.begin_sign_on(tx, provider_id=row.id, ends_at=clock.now() + single_sign_on.BEGUN_LASTS, **kept)
        return SignOnBegun(address=address, browser_token=browser)

    @answers(FinishSignOn)
    def finish_sign_on(self, _: None, request: FinishSignOn) -> SignedIn:
        with self._scope() as tx:
            begun = doors.take_sign_on(tx, state_hash=self._stored(request.state), now=clock.now())
            provider = doors.provider(tx, id=begun.provider_id) if begun else None
        if begun is None or provider is None or not hmac.compare_digest(bytes(begun.browser_hash), self._stored(request.browser_token)):
            raise SignOnFailed("not_genuine")
        try:
            claims = self._claims(provider, begun, request)
            return self._sign_on(provider, claims=claims, request=request)
        except SignOnFailed as failed:
            schools = self._schools_of(provider)
            with self._scope() as tx:
                self._audit(tx, "sign_on_failed", person_id=None, schools=schools, reason=failed.reason, provider=str(provider.id))
            raise

    # --- the console

    @answers(Providers)
    def providers(self, actor: Actor, request: Providers) -> ProvidersAnswer:
        trust_id = self._trust_of(actor)
        with self._scope() as tx:
            rows = doors.providers_of(tx, trust_id=trust_id, school_id=actor.school_id)
            linked = doors.links_of(tx, provider_ids=[row.id for row in rows])
        items = [
            ProviderItem(
                id=row.id,
                school_id=row.school_id,
                name=row.name,
                kind=row.kind,
                issuer=row.issuer,
                client_id=row.client_id,
                accepts_factor=row.accepts_factor,
                factor_levels=row.factor_levels,
                role_claim=row.role_claim,
                roles=[MappedRole(value=value, role=role) for value, role in row.roles.items()],
                active=row.active,
                own=_may_change(actor, row),
                people=[
                    LinkedPerson(person_id=p.person_id, name=p.name, email=p.email, linked_at=p.linked_at, last_used_at=p.last_used_at)
                    for p in linked
                    if p.provider_id == row.id and _may_change(actor, row)
                ],
            )
            for row in rows
        ]
        return ProvidersAnswer(items=items, redirect_address=self._redirect_address)

    @answers(KeepProvider)
    def keep_provider(self, actor: Actor, request: KeepProvider) -> Made:
        trust_id = self._trust_of(actor)
        before = self._own_provider(actor, request.id) if request.id else None
        school_id = before.school_id if before else self._console(actor, request.school_id) if actor.school_id or request.school_id else None
        issuer = single_sign_on.issuer_of(kind=request.kind, typed=request.issuer)
        # a subject is somebody's at one issuer, and may be so for one client: at another it is anybody's
        is_other = before is not None and _who_says(before) != (issuer, request.client_id)
        problems = _problems_of(request, issuer=issuer, needs_secret=before is None or is_other)  # the old one's is not shown to another issuer
        if problems or issuer is None:
            raise Invalid(problems)
        provider_id, name = request.id or new_id(), {"name": request.name, "kind": request.kind, "client_id": request.client_id}
        try:
            issuers.forget()
            issuers.check(self._client_of(issuer=issuer, client_id=request.client_id, secret=request.secret))
        except issuers.Down:
            raise Invalid({"issuer": "no_provider_there"}) from None
        values = self._it_alone(actor, request, before) | name | {"issuer": issuer, "trust_id": trust_id, "school_id": school_id, "active": True}
        values["secret"] = self._seal(request.secret, provider_id) if request.secret else before.secret if before else b""
        schools = [school_id] if school_id else self._schools_in(trust_id)
        if is_other:
            self._take_back_all(actor, provider_id)
        with self._scope() as tx:
            doors.keep_provider(tx, id=provider_id, made_at=clock.now(), **values)
            if is_other:
                self._revoke(tx, sessions_=doors.drop_links(tx, provider_id=provider_id, now=clock.now()))
            facts = {
                "provider": str(provider_id),
                "accepts_factor": str(values["accepts_factor"]).lower(),
                "roles": " ".join(sorted(set(values["roles"].values()))),
            }
            self._audit(tx, "provider_kept", person_id=None, by_id=actor.person, schools=schools, **facts)
        return Made(id=provider_id)

    @answers(RemoveProvider)
    def remove_provider(self, actor: Actor, request: RemoveProvider) -> Nothing:
        row = self._own_provider(actor, request.id)
        schools = self._schools_of(row)
        self._take_back_all(actor, row.id)
        with self._scope() as tx:
            self._revoke(tx, sessions_=doors.remove_provider(tx, id=row.id, now=clock.now()))
            self._audit(tx, "provider_removed", person_id=None, by_id=actor.person, schools=schools, provider=str(row.id))
        return Nothing()

    @answers(UnlinkPerson)
    def unlink_person(self, actor: Actor, request: UnlinkPerson) -> Nothing:
        row = self._own_provider(actor, request.provider_id)
        schools = self._schools_of(row)
        with self._scope() as tx:
            link = next((each for each in doors.links_of(tx, provider_ids=[row.id]) if each.person_id == request.person_id), None)
        if link is None:
            raise NotFound("person")
        self._take_back(actor, link)
        with self._scope() as tx:
            if not doors.unlink(tx, provider_id=row.id, person_id=request.person_id):
                raise NotFound("person")
            self._audit(tx, "provider_unlinked", person_id=request.person_id, by_id=actor.person, schools=schools, provider=str(row.id))
        return Nothing()

    # --- what these share

    @property
    def _redirect_address(self) -> str:
        return self.host.settings.public_url.rstrip("/") + BACK

    def _client(self, row: Any) -> Client:
        return self._client_of(issuer=row.issuer, client_id=row.client_id, secret=self._unseal(bytes(row.secret), row.id))

    def _client_of(self, *, issuer: str, client_id: str, secret: str) -> Client:
        return Client(issuer, client_id, secret, self._redirect_address, self.host.settings.inner_issuers)

    def _claims(self, provider: Any, begun: Any, request: FinishSignOn) -> dict[str, Any]:
        if request.error or not request.code:
            raise SignOnFailed("refused")
        if request.issuer and request.issuer.rstrip("/") != provider.issuer:  # RFC 9207: another issuer's answer
            raise SignOnFailed("not_genuine")
        try:
            return issuers.claims_of(self._client(provider), code=request.code, nonce=begun.nonce, verifier=begun.verifier)
        except issuers.Down:
            raise SignOnFailed("provider_down") from None
        except issuers.Refused:
            raise SignOnFailed("not_genuine") from None

    def _sign_on(self, provider: Any, *, claims: dict[str, Any], request: FinishSignOn) -> SignedIn:
        now, session_id, token, subject = clock.now(), new_id(), secrets.token_urlsafe(32), str(claims["sub"])
        person, is_first = self._person_of(provider, claims=claims, subject=subject)
        if not is_first:  # before it is decided what they need: a role that goes asks for nothing any more
            self._map_roles(provider, claims=claims, person_id=person.id, subject=subject)
        with self._scope() as tx:
            standing = self._standing_in(tx, person.id)
            has_factor = bool(accounts.factors_of(tx, person_ids=[person.id]))
        if not standing.places_of(_Made(provider)):
            raise SignOnFailed("unknown_account")
        proved = single_sign_on.proves_factor(claims=claims, accepts=provider.accepts_factor, levels=provider.factor_levels)
        stage = _stage(standing, has_factor=has_factor, proved=proved)
        known = sessions.number_of_device(tokens=request.device_tokens, person_id=str(person.id), key=self._key)
        with self._scope() as tx:
            stands = doors.provider(tx, id=provider.id, hold=True)
            if stands is None or _who_says(stands) != _who_says(provider):  # changed while the issuer was asked: it spoke of subjects of its own
                raise SignOnFailed("not_genuine")
            if is_first and not doors.link(tx, provider_id=provider.id, subject=subject, person_id=person.id, now=now):
                raise SignOnFailed("linked_otherwise")
            doors.link_used(tx, provider_id=provider.id, subject=subject, now=now)
            is_new_device = not known and accounts.has_signed_in(tx, person_id=person.id)
            accounts.add_session(
                tx,
                id=session_id,
                person_id=person.id,
                token_hash=self._stored(token),
                created_at=now,
                last_seen_at=now,
                device=request.device,
                stage=stage,
                is_program=False,
                provider_id=provider.id,
                second_factor_at=now if stage == "full" and proved else None,
                recovering=False,
                resetting=False,
            )
            schools = [p.id for p in standing.places_of(_Made(provider)) if not p.is_trust]
            self._audit(tx, "signed_in", person_id=person.id, schools=schools, stage=stage, provider=str(provider.id))
            if is_first:
                self._audit(tx, "provider_linked", person_id=person.id, schools=schools, provider=str(provider.id))
                self._letter(tx, "provider_linked", person_id=person.id, tenant=standing.tenant, about=provider.id)
            if is_new_device:
                self._letter(tx, "new_device", person_id=person.id, tenant=standing.tenant, about=session_id)
        if is_first:
            self._map_roles(provider, claims=claims, person_id=person.id, subject=subject)
        with self._scope() as tx:
            standing = self._standing_in(tx, person.id)
        device = sessions.device_token(person_id=str(person.id), number=known or secrets.token_urlsafe(9), key=self._key)
        places = standing.places_of(_Made(provider))
        return SignedIn(session_token=token, person_id=person.id, name=person.name, places=places, stage=stage, device_token=device)

    def _person_of(self, provider: Any, *, claims: dict[str, Any], subject: str) -> tuple[Any, bool]:
        """Return (the account, whether it is linked only now): by the subject, or the first time by the verified address."""
        with self._scope() as tx:
            link = doors.link_of(tx, provider_id=provider.id, subject=subject)
            if link is not None:
                person = accounts.person(tx, person_id=link.person_id)
            else:
                email = single_sign_on.verified_email(kind=provider.kind, claims=claims)
                if email is None:
                    raise SignOnFailed("unverified")
                person = accounts.account(tx, email=email)
            if person is None or person.closed_at is not None or (person.demo and store.real_school_exists(tx)):
                raise SignOnFailed("unknown_account")
        return person, link is None

    def _map_roles(self, provider: Any, *, claims: dict[str, Any], person_id: UUID, subject: str) -> None:
        """Give the roles that trust IT has mapped, at the person's schools there, and take back what earlier claims gave and these do not.

        DSL, deputy and SLT wait as trust IT's word always does; once a DSL has confirmed one it is theirs to take away, not a claim's.
        """
        wanted = single_sign_on.roles_given(claims=claims, claim=provider.role_claim, mapping=provider.roles)
        with self._scope() as tx:
            link = doors.link_of(tx, provider_id=provider.id, subject=subject)
            standing = self._standing_in(tx, person_id)
        given: dict[str, list[str]] = dict(link.given) if link else {}
        if not wanted and not given:
            return
        by = self._as_it(provider.mapped_by, provider.trust_id)
        for school_id in [p.id for p in standing.places_of(_Made(provider)) if not p.is_trust]:
            before = given.get(str(school_id), [])
            given[str(school_id)] = self._claimed(by, school_id=school_id, person_id=person_id, before=before, wanted=wanted)
        with self._scope() as tx:
            doors.keep_given(tx, provider_id=provider.id, subject=subject, given={school: kept for school, kept in given.items() if kept})

    def _take_back_all(self, actor: Actor, provider_id: UUID) -> None:
        """Take back what the claims of all its links gave, before the links go."""
        with self._scope() as tx:
            links = doors.links_of(tx, provider_ids=[provider_id])
        for link in links:
            self._take_back(actor, link)

    def _take_back(self, actor: Actor, link: Any) -> None:
        """Take back what a link's claims gave, as at a sign-in that says nothing any more: once it is gone no sign-in could."""
        by = self._as_it(actor.person, actor.trust_id)
        for school_id, before in link.given.items():
            self._claimed(by, school_id=UUID(school_id), person_id=link.person_id, before=before, wanted=frozenset())

    def _claimed(self, by: Actor, *, school_id: UUID, person_id: UUID, before: Collection[str], wanted: frozenset[str]) -> list[str]:
        """Give somebody at a school the roles that claims give now, take back those they gave `before`. Returns which of theirs are a claim's."""
        with self._admin(school_id) as tx:
            store.lock_staff(tx, school_id=school_id)
            place = store.member(tx, school_id=school_id, person_id=person_id, lock=True)
            if place is None or not place.active:
                return sorted(before)
            held = {*place.roles, *place.waiting_roles}
            asked = single_sign_on.roles_after(wanted=wanted, given=before, held=place.roles, waiting=place.waiting_roles)
            if asked != held and not (asked and roles.problems_of(asked=asked)):
                result = roles.given(asked=asked, held=place.roles, by=by.roles)
                self._put_roles(tx, by, school_id=school_id, person_id=person_id, result=result)
        return sorted(wanted & {*before, *(wanted - held)})

    @staticmethod
    def _as_it(person_id: UUID | None, trust_id: UUID | None) -> Actor:
        """Whose word a claim's is: that of trust IT, who mapped it, so DSL, deputy and SLT wait."""
        return Actor(person_id, None, None, trust_id, frozenset({Role.TRUST_IT}), "", None, None, False)

    def _trust_of(self, actor: Actor) -> UUID:
        if actor.school_id is None:
            if actor.trust_id is None:
                raise NotFound("trust")
            return actor.trust_id
        with self._school(actor.school_id) as tx:
            row = store.school_with(tx, school_id=actor.school_id)
        if row is None:
            raise NotFound("school")
        trust_id: UUID = row.trust_id
        return trust_id

    def _schools_of(self, provider: Any) -> list[UUID]:
        """The schools whose DSLs read in their audit log what happens with a provider."""
        return [provider.school_id] if provider.school_id else self._schools_in(provider.trust_id)

    def _own_provider(self, actor: Actor, provider_id: UUID) -> sa.Row[Any]:
        """The access function: a provider of the caller's own. Another trust's or school's answers like none."""
        with self._scope() as tx:
            row = doors.provider(tx, id=provider_id)
        if row is None or row.trust_id != self._trust_of(actor) or (actor.school_id and row.school_id not in (None, actor.school_id)):
            raise NotFound("provider")
        if not _may_change(actor, row):
            raise NotAllowed("role")
        return row

    def _it_alone(self, actor: Actor, request: KeepProvider, before: Any) -> dict[str, Any]:
        """What only trust IT may set: whose second factor counts, and roles from claims. A DSL leaves them as they were."""
        if actor.school_id is None:
            mapping = {each.value: each.role for each in request.roles}
            levels = sorted({level for level in request.factor_levels if level})
            by = {"role_claim": request.role_claim, "roles": mapping, "mapped_by": actor.person if mapping else None}
            return {"accepts_factor": request.accepts_factor, "factor_levels": levels, **by}
        names = ("accepts_factor", "factor_levels", "role_claim", "roles", "mapped_by")
        if before is not None:
            return {name: before._mapping[name] for name in names}
        return dict(zip(names, (False, [], "", {}, None), strict=True))

    def _seal(self, secret: str, provider_id: UUID) -> bytes:
        """Return a client secret as it is stored: under the key it names, bound to its provider."""
        kid, key = self.host.keys.symmetric("sso")
        nonce = os.urandom(12)
        return kid.encode() + b"\0" + nonce + AESGCM(key).encrypt(nonce, secret.encode(), provider_id.bytes)

    def _unseal(self, sealed: bytes, provider_id: UUID) -> str:
        kid, _, rest = sealed.partition(b"\0")
        return AESGCM(self.host.keys.symmetric_by_kid(kid.decode())).decrypt(rest[:12], rest[12:], provider_id.bytes).decode()


class _Made:
    """A session made with a provider, as `Standing.places_of` sees it."""

    def __init__(self, provider: Any) -> None:
        self.provider_id, self.via_school, self.via_trust = provider.id, provider.school_id, provider.trust_id


def _stage(standing: Standing, *, has_factor: bool, proved: bool) -> Stage:
    """Return what the sign-in still needs. Whoever is guarded shows Safekeep's own factor, and sets none up by way of the provider."""
    if single_sign_on.is_guarded(standing.roles):
        if not has_factor:
            raise SignOnFailed("needs_factor")
        return "second_factor"
    if proved:
        return "full"
    if has_factor:
        return "second_factor"
    return "enrol" if standing.needs_factor else "full"


def _who_says(provider: Any) -> tuple[str, str]:
    """Within what a subject is one person: its issuer and, where it calls somebody otherwise for each application, our client there."""
    return provider.issuer, provider.client_id


def _may_change(actor: Actor, row: Any) -> bool:
    return bool(actor.school_id is None or row.school_id == actor.school_id)


def _problems_of(request: KeepProvider, *, issuer: str | None, needs_secret: bool) -> dict[str, str]:
    problems = {}
    if issuer is None:
        is_directory = request.kind == "microsoft"
        problems["issuer"] = "not_a_directory" if is_directory else "not_an_issuer"
    if needs_secret and not request.secret:
        problems["secret"] = "client_secret_needed"  # noqa: S105 - a code of ours
    if not {each.role for each in request.roles} <= {role.value for role in roles.SCHOOL_ROLES}:
        problems["roles"] = "unknown_choice"
    if request.roles and not request.role_claim:
        problems["role_claim"] = "missing"
    return problems
