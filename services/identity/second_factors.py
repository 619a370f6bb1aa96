"""Second factors: an authenticator app (TOTP, RFC 6238), hard keys and passkeys (WebAuthn), recovery codes, passes."""

import json
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import pyotp
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

STEP: Final = 30
DRIFT: Final = (0, -1, 1)
"""One step of clock drift either way."""
CHALLENGE_LASTS: Final = timedelta(minutes=5)
PASS_LASTS: Final = timedelta(minutes=10)
HEAD_CODE_LASTS: Final = timedelta(days=14)
LINK_LASTS: Final = timedelta(hours=24)
FIRST_LINK_LASTS: Final = timedelta(hours=24)
RECOVERY_CODES: Final = 10
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # none that are mistaken for another when read out


class Refused(Exception):
    """What the browser sent does not prove the key."""


# --- an app ---------------------------------------------------------------------------------------------------------------


def new_secret() -> str:
    """Return a new secret for an authenticator app, in base 32."""
    return pyotp.random_base32()


def app_address(*, secret: str, email: str) -> str:
    """Return the otpauth address that a QR code shows."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name="Safekeep")


def step_of(*, secret: str, code: str, last_step: int, now: datetime) -> int | None:
    """Return the time step a code belongs to; None when it is wrong, too old, or was used (steps up to `last_step` are)."""
    app = pyotp.TOTP(secret)
    current = int(now.timestamp()) // STEP
    for step in (current + drift for drift in DRIFT):
        if secrets.compare_digest(app.generate_otp(step).encode(), code.encode("utf-8", "replace")):
            return step if step > last_step else None
    return None


def seal(*, secret: str, key: bytes, factor_id: UUID) -> bytes:
    """Return the secret as it is stored: AES-GCM, bound to the factor."""
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, secret.encode(), factor_id.bytes)


def unseal(*, sealed: bytes, key: bytes, factor_id: UUID) -> str:
    """Return the secret of a stored factor."""
    return AESGCM(key).decrypt(sealed[:12], sealed[12:], factor_id.bytes).decode()


# --- codes that people are given ---------------------------------------------------------------------------------------------


def new_code() -> str:
    """Return a code of twelve letters and digits in three groups: 59 bits, easy to read out."""
    letters = [secrets.choice(_LETTERS) for _ in range(12)]
    return "-".join("".join(letters[i : i + 4]) for i in (0, 4, 8))


def plain_code(typed: str) -> str:
    """Return a code as it is compared: without spaces and dashes, small letters."""
    return "".join(c for c in typed.casefold() if c.isalnum())


# --- hard keys and passkeys -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewKey:
    """What is kept of a registered key."""

    credential_id: bytes
    public_key: bytes
    counter: int


def registration_options(*, public_url: str, person_id: UUID, email: str, name: str, known: list[bytes]) -> tuple[str, bytes]:
    """Return (options for the browser as JSON, the challenge to keep). User verification is required."""
    options = generate_registration_options(
        rp_id=_host(public_url),
        rp_name="Safekeep",
        user_id=person_id.bytes,
        user_name=email,
        user_display_name=name,
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    return options_to_json(options), options.challenge


def registered(*, public_url: str, sent: str, challenge: bytes) -> NewKey:
    """Return the key a browser has registered. Raises Refused."""
    try:
        found = verify_registration_response(
            credential=_parsed(sent),
            expected_challenge=challenge,
            expected_rp_id=_host(public_url),
            expected_origin=_origin(public_url),
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise Refused from None
    return NewKey(found.credential_id, found.credential_public_key, found.sign_count)


def proof_options(*, public_url: str, known: list[bytes]) -> tuple[str, bytes]:
    """Return (options for the browser as JSON, the challenge to keep)."""
    options = generate_authentication_options(
        rp_id=_host(public_url),
        allow_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options), options.challenge


def credential_of(sent: str) -> bytes:
    """Return which key a browser's answer is of. Raises Refused."""
    try:
        return base64url_to_bytes(str(_parsed(sent)["rawId"]))
    except (ValueError, KeyError, TypeError):
        raise Refused from None


def proved(*, public_url: str, sent: str, challenge: bytes, public_key: bytes, counter: int) -> int:
    """Return the key's new signature count. Zero stays zero: passkeys that sync do not count. Raises Refused."""
    try:
        found = verify_authentication_response(
            credential=_parsed(sent),
            expected_challenge=challenge,
            expected_rp_id=_host(public_url),
            expected_origin=_origin(public_url),
            credential_public_key=public_key,
            credential_current_sign_count=counter,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise Refused from None
    return found.new_sign_count


def _parsed(sent: str) -> dict[str, Any]:
    parsed = json.loads(sent)
    if not isinstance(parsed, dict):
        raise ValueError("not an object")
    return parsed


def _host(public_url: str) -> str:
    return urlsplit(public_url).hostname or "localhost"


def _origin(public_url: str) -> str:
    parts = urlsplit(public_url)
    return f"{parts.scheme}://{parts.netloc}"
