"""Talking to an OpenID provider, through Authlib: discovery, the code's exchange, the ID token held against the keys.

Only identity does it: the gateway holds no secret. An issuer is reached over https at a public address, without following
redirects, for a few seconds and a few hundred kilobytes; what is inside is reached only where the operator has named it.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.base_client.sync_openid import OpenIDMixin
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import BadSignatureError, JoseError

from safekeep.outward import Closed, Door, must_be_reachable

SECONDS: Final = 4.0
"""For each answer of the issuer, of which a sign-in needs at most four."""
LARGEST: Final = 512 * 1024
REMEMBERED_SECONDS: Final = 3600.0
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""What an ID token may be signed with: never `none`, never a secret that both sides hold."""
SCOPE: Final = "openid email profile"
_AT_ONCE: Final = threading.BoundedSemaphore(4)
"""A slow issuer must not keep everybody else's sign-in waiting: beyond this many it counts as down."""


Down = Closed
"""The issuer cannot be reached, does not answer in time, or answers with what is no OpenID provider's."""


class Refused(Exception):
    """The issuer refuses the code, or what it says does not hold: a signature, the audience, the nonce, the time."""


@dataclass(frozen=True, slots=True)
class Client:
    """We, as the issuer knows us."""

    issuer: str
    client_id: str
    secret: str
    redirect_address: str
    inner: tuple[str, ...] = ()  # issuers inside the operator's own network, as scheme://host


def new_verifier() -> str:
    """Return a new PKCE verifier (RFC 7636), as long as allowed."""
    return str(generate_token(96))


def authorization_address(client: Client, *, state: str, nonce: str, verifier: str) -> str:
    """Return where to send the browser. Raises Down."""
    with _Issuer(client) as issuer:
        endpoint = issuer.load_server_metadata()["authorization_endpoint"]
        address: str = issuer.session.create_authorization_url(endpoint, state=state, nonce=nonce, code_verifier=verifier)[0]
    return address


def claims_of(client: Client, *, code: str, nonce: str, verifier: str) -> dict[str, Any]:
    """Exchange the code and return what the issuer says of the person. Raises Down, Refused.

    Claims that are not in the ID token are asked of the userinfo endpoint, whose subject has to be the same.
    """
    with _Issuer(client) as issuer:
        return issuer.claims(code=code, nonce=nonce, verifier=verifier)


def check(client: Client) -> None:
    """Read the issuer's discovery and keys, as the console does before it keeps a provider. Raises Down."""
    with _Issuer(client) as issuer:
        issuer.load_server_metadata()
        issuer.fetch_jwk_set(force=True)


class _Issuer(OpenIDMixin):  # type: ignore[misc]
    """Authlib's OpenID client over a session that goes only where it may."""

    def __init__(self, client: Client) -> None:
        self.client, self.client_id = client, client.client_id
        self.session = _session(client)
        self.server_metadata: dict[str, Any] = {}

    def __enter__(self) -> "_Issuer":
        if not _AT_ONCE.acquire(blocking=False):
            raise Down
        return self

    def __exit__(self, *_: Any) -> None:
        _AT_ONCE.release()
        self.session.close()

    def load_server_metadata(self) -> dict[str, Any]:
        """Return the discovery document, remembered an hour. Raises Down."""
        key = (self.client.issuer, self.client.inner)
        known = _remembered.get(key)
        if known is None or known[1] < time.monotonic():
            known = (self._discover(), time.monotonic() + REMEMBERED_SECONDS)
            if len(_remembered) >= 1_000:
                _remembered.clear()
            _remembered[key] = known
        self.server_metadata = known[0]  # Authlib keeps the keys in it
        return self.server_metadata

    def _discover(self) -> dict[str, Any]:
        found = self._json(f"{self.client.issuer}/.well-known/openid-configuration")
        needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if str(found.get("issuer", "")).rstrip("/") != self.client.issuer or not all(isinstance(found.get(name), str) for name in needed):
            raise Down
        must_be_reachable(found["authorization_endpoint"], self.client.inner)
        said = found.get("id_token_signing_alg_values_supported") or ["RS256"]
        return found | {"id_token_signing_alg_values_supported": [alg for alg in said if alg in ALGORITHMS]}

    def fetch_jwk_set(self, force: bool = False) -> Any:
        """Return the issuer's keys, read again when a token names one that is not known: they were exchanged. Raises Down."""
        metadata = self.load_server_metadata()
        if force or "jwks" not in metadata:
            metadata["jwks"] = self._json(metadata["jwks_uri"])
        return metadata["jwks"]

    def claims(self, *, code: str, nonce: str, verifier: str) -> dict[str, Any]:
        """See claims_of."""
        metadata = self.load_server_metadata()
        try:
            methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
            self.session.token_endpoint_auth_method = "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
            token = self.session.fetch_token(metadata["token_endpoint"], code=code, code_verifier=verifier, grant_type="authorization_code")
            claims = self._id_token(token, nonce=nonce)
        except requests.RequestException:
            raise Down from None
        except (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError):
            raise Refused from None
        if "email" not in claims and isinstance(metadata.get("userinfo_endpoint"), str):
            claims = self._userinfo(metadata["userinfo_endpoint"], token["access_token"], claims) | claims
        return claims

    def _id_token(self, token: dict[str, Any], *, nonce: str) -> dict[str, Any]:
        must = {name: {"essential": True, "value": value} for name, value in (("iss", self._issuer_named()), ("aud", self.client_id))}
        try:
            claims = self.parse_id_token(token, nonce, claims_options=must, leeway=60)
        except BadSignatureError:  # exchanged under the same name
            self.fetch_jwk_set(force=True)
            claims = self.parse_id_token(token, nonce, claims_options=must, leeway=60)
        if claims is None:
            raise Refused
        return dict(claims)

    def _issuer_named(self) -> str:
        return str(self.load_server_metadata()["issuer"])

    def _userinfo(self, endpoint: str, access_token: str, claims: Mapping[str, Any]) -> dict[str, Any]:
        found = self._json(endpoint, Authorization=f"Bearer {access_token}")
        if found.get("sub") != claims["sub"]:
            raise Refused
        return found

    def _json(self, address: str, **headers: str) -> dict[str, Any]:
        try:
            answer = self.session.request("GET", address, withhold_token=True, headers=headers)
            if answer.status_code != 200:
                raise Down
            found = answer.json()
        except (requests.RequestException, ValueError):
            raise Down from None
        if not isinstance(found, dict):
            raise Down
        return found


_remembered: dict[tuple[str, tuple[str, ...]], tuple[dict[str, Any], float]] = {}


def forget() -> None:
    """Forget every discovery document and its keys (a provider was changed; tests)."""
    _remembered.clear()


def _session(client: Client) -> OAuth2Session:
    session = OAuth2Session(
        client_id=client.client_id,
        client_secret=client.secret,
        redirect_uri=client.redirect_address,
        scope=SCOPE,
        code_challenge_method="S256",
        default_timeout=SECONDS,
    )
    session.trust_env = False
    session.max_redirects = 0
    for scheme in ("http://", "https://"):
        session.mount(scheme, Door(client.inner, seconds=SECONDS, largest=LARGEST))
    return session
