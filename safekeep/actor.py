"""Who is calling: the actor token, signed by identity for people and by each service for itself (EdDSA, RFC 8037).

A token is a JWT of minutes. Verifying one costs a signature check, so a verified token is remembered until it ends.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.jwt import JWTClaimsRegistry

from safekeep import clock
from safekeep.errors import NotSignedIn
from safekeep.keys import Keys

AUDIENCE: Final = "safekeep-services"
LIFETIME: Final = timedelta(minutes=5)
ON_BEHALF_LIFETIME: Final = timedelta(minutes=1)
"""Of a token for one step of a job: the next step gets another, after roles are checked again."""
_ALGORITHMS: Final = ["Ed25519", "EdDSA"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A verified caller: a person or a machine at one school (or at a trust), or one of our own services.

    With `job_id` a service (`acts`) works for the person, at one step of a job they asked for.
    """

    person_id: UUID | None
    service: str | None
    school_id: UUID | None
    trust_id: UUID | None
    roles: frozenset[str]
    name: str
    session_id: UUID | None
    second_factor_at: datetime | None
    drafts_only: bool
    machine_id: UUID | None = None
    scopes: frozenset[str] = frozenset()  # what a machine may do
    methods: frozenset[str] = frozenset()  # what a service's own token, or one for a job, is for: the methods it lists
    job_id: UUID | None = None
    acts: str | None = None
    token: str = field(default="", repr=False, compare=False)  # to ask another service on the actor's behalf

    @property
    def at_school(self) -> UUID:
        """The school the actor acts at. Raises NotSignedIn when the token names none."""
        if self.school_id is None:
            raise NotSignedIn("no_school")
        return self.school_id

    @property
    def person(self) -> UUID:
        """The person. Raises NotSignedIn for a service or a machine."""
        if self.person_id is None:
            raise NotSignedIn("not_a_person")
        return self.person_id

    @property
    def account(self) -> UUID:
        """Whose account it is: a person's, or a machine's with credentials of its own. Raises NotSignedIn for a service."""
        return self.machine_id or self.person


def person_token(
    *,
    keys: Keys,
    person_id: UUID,
    name: str,
    roles: frozenset[str],
    school_id: UUID | None,
    trust_id: UUID | None,
    session_id: UUID,
    second_factor_at: datetime | None = None,
    drafts_only: bool = False,
) -> str:
    """Sign a token for a person. Only identity holds the key (`actors`) that may."""
    claims: dict[str, Any] = {
        "sub": str(person_id),
        "name": name,
        "roles": sorted(roles),
        "school": str(school_id) if school_id else None,
        "trust": str(trust_id) if trust_id else None,
        "sid": str(session_id),
        "mfa": int(second_factor_at.timestamp()) if second_factor_at else None,
        "drafts_only": drafts_only,
    }
    return _sign(keys=keys, purpose="actors", claims=claims)


def machine_token(*, keys: Keys, machine_id: UUID, scopes: frozenset[str], school_id: UUID | None = None, trust_id: UUID | None = None) -> str:
    """Sign a token for a machine: one school, or one trust, and what its scopes open there."""
    claims = {
        "sub": f"machine:{machine_id}",
        "scope": " ".join(sorted(scopes)),
        "school": str(school_id) if school_id else None,
        "trust": str(trust_id) if trust_id else None,
    }
    return _sign(keys=keys, purpose="actors", claims=claims)


def service_token(*, keys: Keys, service: str, school_id: UUID | None, methods: Collection[str]) -> str:
    """Sign a service's own token, for background work at one school (or none). It lists the methods it may call, and is good for no other."""
    claims = {"sub": f"service:{service}", "school": str(school_id) if school_id else None, "methods": sorted(methods)}
    return _sign(keys=keys, purpose=f"service-{service}", claims=claims)


def on_behalf_token(
    *,
    keys: Keys,
    person_id: UUID,
    name: str,
    roles: frozenset[str],
    school_id: UUID,
    session_id: UUID,
    second_factor_at: datetime | None,
    job_id: UUID,
    service: str,
    audience: str,
    methods: Collection[str],
) -> str:
    """Sign a token for one step of a job: it names who asked, the job, and the service that acts for them (RFC 8693's `act`).

    It is good for that one audience and the methods it lists.
    """
    claims: dict[str, Any] = {
        "sub": str(person_id),
        "name": name,
        "roles": sorted(roles),
        "school": str(school_id),
        "sid": str(session_id),
        "mfa": int(second_factor_at.timestamp()) if second_factor_at else None,
        "drafts_only": False,
        "act": {"sub": f"service:{service}"},
        "job": str(job_id),
        "methods": sorted(methods),
    }
    return _sign(keys=keys, purpose="actors", claims=claims, audience=audience_of(audience), lifetime=ON_BEHALF_LIFETIME)


def audience_of(process: str) -> str:
    """Return the audience of a token that only this one process may take."""
    return f"safekeep-{process}"


def verify(*, keys: Keys, token: str, at: str = "") -> Actor:
    """Return the actor a token speaks for. `at`: the process that was given it, which also takes those for it alone.

    Raises NotSignedIn("missing" | "invalid" | "expired"). A service's key speaks for that service only.
    """
    if not token:
        raise NotSignedIn("missing")
    now = clock.now()
    remembered = _verified.get((token, at))
    if remembered is not None:
        actor, kid, ends = remembered
        if now >= ends or not _counts(keys, kid):
            _verified.pop((token, at), None)
            raise NotSignedIn("expired" if now >= ends else "invalid")
        return actor
    actor, kid, ends = _verify(keys=keys, token=token, at=at, now=now)
    if len(_verified) >= 10_000:
        _verified.clear()
    actor = replace(actor, token=token)
    _verified[token, at] = (actor, kid, ends)
    return actor


_verified: dict[tuple[str, str], tuple[Actor, str, datetime]] = {}
_CLAIMS = {"essential": True}


def _sign(*, keys: Keys, purpose: str, claims: dict[str, Any], audience: str = AUDIENCE, lifetime: timedelta = LIFETIME) -> str:
    kid, private = keys.signing(purpose)
    now = clock.now()
    full = {**claims, "aud": audience, "iat": int(now.timestamp()), "exp": int((now + lifetime).timestamp())}
    return jwt.encode({"alg": "Ed25519", "kid": kid}, full, OKPKey.import_key(private), algorithms=_ALGORITHMS)


def _counts(keys: Keys, kid: str) -> bool:
    """Whether what the key has signed still counts: one that leaked is retired at once."""
    try:
        return bool(keys.accepted(kid))
    except KeyError:
        return False


def _verify(*, keys: Keys, token: str, at: str, now: datetime) -> tuple[Actor, str, datetime]:
    found: list[str] = []

    def key_for(guest: Any) -> OKPKey:
        kid = str(guest.headers().get("kid", ""))
        purpose, public = keys.public(kid)
        found.extend((purpose, kid))
        return OKPKey.import_key(public)

    try:
        decoded = jwt.decode(token, key_for, algorithms=_ALGORITHMS)
        audience = audience_of(at) if "job" in decoded.claims else AUDIENCE
        registry = JWTClaimsRegistry(now=lambda: int(now.timestamp()), aud={"essential": True, "value": audience}, exp=_CLAIMS, sub=_CLAIMS)  # type: ignore[arg-type]
        registry.validate(decoded.claims)
        return _actor(claims=decoded.claims, purpose=found[0]), found[1], datetime.fromtimestamp(decoded.claims["exp"], UTC)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        reason = "expired" if getattr(error, "error", "") == "expired_token" else "invalid"
        raise NotSignedIn(reason) from None


def _actor(*, claims: dict[str, Any], purpose: str) -> Actor:
    school, trust = (UUID(claims[place]) if claims.get(place) else None for place in ("school", "trust"))
    subject = str(claims["sub"])
    if purpose.startswith("service-"):
        service = purpose.removeprefix("service-")
        if subject != f"service:{service}":
            raise ValueError("a service's key speaks for that service only")
        return Actor(None, service, school, None, frozenset(), "", None, None, False, methods=frozenset(map(str, claims["methods"])))
    if purpose != "actors":
        raise ValueError("not a key that signs tokens")
    if subject.startswith("machine:"):
        machine, scopes = UUID(subject.removeprefix("machine:")), frozenset(str(claims["scope"]).split())
        return Actor(None, None, school, trust, frozenset(), "", None, None, False, machine_id=machine, scopes=scopes)
    return Actor(
        person_id=UUID(subject),
        service=None,
        school_id=school,
        trust_id=trust,
        roles=frozenset(claims["roles"]),
        name=str(claims["name"]),
        session_id=UUID(claims["sid"]),
        second_factor_at=datetime.fromtimestamp(claims["mfa"], UTC) if claims.get("mfa") else None,
        drafts_only=bool(claims["drafts_only"]),
        methods=frozenset(map(str, claims.get("methods", ()))),
        job_id=UUID(claims["job"]) if "job" in claims else None,
        acts=str(claims["act"]["sub"]).removeprefix("service:") if "job" in claims else None,
    )
