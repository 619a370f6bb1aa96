"""Two small signed papers: the receipt `files` gives for an upload, and the pass `incidents` gives for a download.

Both are JWTs (EdDSA). A receipt lets `incidents` commit a file's hash while `files` is down; a pass lets `files` hand a
file to one person without asking who may read the entry.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from safekeep import clock
from safekeep.errors import Invalid, NotFound
from safekeep.keys import Keys

PASS_LIFETIME: Final = timedelta(minutes=5)
_ALGORITHMS: Final = ["Ed25519", "EdDSA"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What `files` signed for: a file of `size` bytes that arrived whole."""

    file_id: UUID
    sha256: str
    size: int
    media_type: str
    author_id: UUID
    school_id: UUID


def sign_receipt(*, keys: Keys, receipt: Receipt) -> str:
    """Sign for an upload. Only files holds the key (`receipts`). A receipt does not expire: its draft does."""
    claims = {
        "file": str(receipt.file_id),
        "sha256": receipt.sha256,
        "size": receipt.size,
        "type": receipt.media_type,
        "author": str(receipt.author_id),
        "school": str(receipt.school_id),
        "iat": int(clock.now().timestamp()),
    }
    return _sign(keys=keys, purpose="receipts", claims=claims)


def verify_receipt(*, keys: Keys, token: str) -> Receipt:
    """Return what was signed for. Raises Invalid({"receipts": "invalid"}) for anything files did not sign."""
    try:
        claims = _claims(keys=keys, purpose="receipts", token=token)
        return Receipt(
            file_id=UUID(claims["file"]),
            sha256=str(claims["sha256"]),
            size=int(claims["size"]),
            media_type=str(claims["type"]),
            author_id=UUID(claims["author"]),
            school_id=UUID(claims["school"]),
        )
    except (JoseError, ValueError, KeyError, TypeError):
        raise Invalid({"receipts": "invalid"}) from None


def sign_pass(*, keys: Keys, file_id: UUID, person_id: UUID, school_id: UUID, name_only: bool = False) -> str:
    """Sign that a person may read a file, or its name only, for the next minutes. Only incidents holds the key (`passes`)."""
    ends = int((clock.now() + PASS_LIFETIME).timestamp())
    claims = {"file": str(file_id), "person": str(person_id), "school": str(school_id), "exp": ends, "name_only": name_only}
    return _sign(keys=keys, purpose="passes", claims=claims)


def verify_pass(*, keys: Keys, token: str, file_id: UUID, person_id: UUID, school_id: UUID, name_only: bool = False) -> None:
    """Check that a pass is for this file, person and school, for more than its name unless that is all, and has not run out.

    Raises NotFound("file").
    """
    try:
        claims = _claims(keys=keys, purpose="passes", token=token)
        matches = claims["file"] == str(file_id) and claims["person"] == str(person_id) and claims["school"] == str(school_id)
        matches = matches and (name_only or not claims["name_only"])
        if matches and int(claims["exp"]) > clock.now().timestamp():
            return
    except (JoseError, ValueError, KeyError, TypeError):
        pass
    raise NotFound("file")


def _sign(*, keys: Keys, purpose: str, claims: dict[str, Any]) -> str:
    kid, private = keys.signing(purpose)
    return jwt.encode({"alg": "Ed25519", "kid": kid}, claims, OKPKey.import_key(private), algorithms=_ALGORITHMS)


def _claims(*, keys: Keys, purpose: str, token: str) -> dict[str, Any]:
    def key_for(guest: Any) -> OKPKey:
        found, public = keys.public(str(guest.headers().get("kid", "")))
        if found != purpose:
            raise ValueError("signed with a key of another purpose")
        return OKPKey.import_key(public)

    return jwt.decode(token, key_for, algorithms=_ALGORITHMS).claims
