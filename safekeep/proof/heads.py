"""Tree heads: what a school's ledger was at a moment, signed, so that somebody else can hold it against the school.

Signed is the canonical JSON of the head's members (Ed25519). Whoever holds one (a witness) and is later shown an export can
tell whether the history in it is the one that the head was made of.
"""

import base64
import email
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from safekeep.proof.chain import canonical

TYPE: Final = "safekeep-head"
VERSION: Final = 1
MEMBERS: Final = frozenset({"type", "v", "school", "size", "root", "last", "at"})


@dataclass(frozen=True, slots=True)
class Head:
    """The ledger of one school at one moment: how many entries, the Merkle root over them, and the last one's hash."""

    school: str
    size: int
    root: str
    last: str
    at: str  # RFC 3339, UTC, milliseconds: the signer's word for "nothing came after, so far"

    def members(self) -> dict[str, Any]:
        return {"type": TYPE, "v": VERSION, "school": self.school, "size": self.size, "root": self.root, "last": self.last, "at": self.at}


@dataclass(frozen=True, slots=True)
class Signed:
    """A head with its signature, and the public key that it names (base64, 32 bytes)."""

    head: Head
    key: str
    public: str
    signature: str

    def wire(self) -> dict[str, Any]:
        return {"head": self.head.members(), "key": self.key, "public": self.public, "signature": self.signature}

    def is_signed(self) -> bool:
        """Whether the signature is right for the key that stands beside it. Whose key that is, is another question."""
        return verifies(public=self.public, signature=self.signature, data=canonical(self.head.members()))


def sign(*, head: Head, key: str, private: Ed25519PrivateKey) -> Signed:
    """Sign a head with the key named `key`."""
    signature = base64.b64encode(private.sign(canonical(head.members()))).decode()
    return Signed(head=head, key=key, public=public_of(private), signature=signature)


def read(data: Any) -> Signed:
    """Return a signed head from its JSON. Raises ValueError for anything else."""
    try:
        members = data["head"]
        if members.keys() != MEMBERS or members["type"] != TYPE or members["v"] != VERSION or type(members["size"]) is not int:
            raise ValueError("not a head")
        texts = [members[name] for name in ("school", "root", "last", "at")] + [data[name] for name in ("key", "public", "signature")]
        if any(type(text) is not str for text in texts):
            raise ValueError("not a head")
        school, root, last, at, key, public, signature = texts
    except (KeyError, TypeError, AttributeError):
        raise ValueError("not a head") from None
    return Signed(head=Head(school, members["size"], root, last, at), key=key, public=public, signature=signature)


def read_text(text: str) -> Signed:
    """Return the signed head in a text, such as a witness's e-mail saved as it came: the first JSON object in it. Raises ValueError."""
    try:
        return _first(text)
    except ValueError:
        payload = email.message_from_string(text).get_payload(decode=True)  # as it travelled, its long lines broken
        if not isinstance(payload, bytes):
            raise
        return _first(payload.decode())


def _first(text: str) -> Signed:
    start = text.find("{")
    if start < 0:
        raise ValueError("no head in it")
    return read(json.JSONDecoder().raw_decode(text[start:])[0])


def public_of(private: Ed25519PrivateKey) -> str:
    """Return the public key in base64."""
    return base64.b64encode(private.public_key().public_bytes_raw()).decode()


def verifies(*, public: str, signature: str, data: bytes) -> bool:
    """Whether the signature is that key's over the data. Never raises."""
    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True)).verify(base64.b64decode(signature, validate=True), data)
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(public: str) -> str:
    """Return what people compare: the first 32 hexadecimal digits of the public key's SHA-256, in fours."""
    try:
        digest = hashlib.sha256(base64.b64decode(public, validate=True)).hexdigest()[:32]
    except ValueError:
        return "no key"
    return " ".join(digest[i : i + 4] for i in range(0, 32, 4))


def keys_of(data: Any) -> Mapping[str, str]:
    """Return {key id: public key} of an export's keys. Raises ValueError."""
    if type(data) is not dict or any(type(value) is not str for value in data.values()):
        raise ValueError("not keys")
    return data
