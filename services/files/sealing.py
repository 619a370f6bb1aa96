"""How a file is encrypted: each piece by AES-256-GCM under a key of the file's own. Pure: keys and randomness come from the caller.

The file's key is wrapped by its school's key, and that by the ring's (safekeep.keys, purpose `files`). Without its own key a file
is noise, wherever copies of it lie: so destroying 60 bytes destroys the file.
"""

from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE: Final = 12
OVERHEAD: Final = NONCE + 16
"""Bytes by which a sealed piece is longer."""


class Damaged(Exception):
    """A piece is not what was sealed: changed, moved, or of another file."""


def seal(data: bytes | bytearray | memoryview, *, key: bytes, nonce: bytes, school_id: UUID, file_id: UUID, part: str) -> bytes:
    """Return a piece as it is stored. `part` names its place in the file; place, file and school are bound in."""
    return nonce + AESGCM(key).encrypt(nonce, data, _bound(school_id, file_id, part))


def unseal(data: bytes, *, key: bytes, school_id: UUID, file_id: UUID, part: str) -> bytes:
    """Return a piece as it was. Raises Damaged."""
    stored = memoryview(data)
    try:
        return AESGCM(key).decrypt(stored[:NONCE], stored[NONCE:], _bound(school_id, file_id, part))
    except (InvalidTag, ValueError):
        raise Damaged from None


def wrap(key: bytes, *, under: bytes, nonce: bytes, file_id: UUID) -> bytes:
    """Return a file's key as it is stored, sealed under its school's."""
    return nonce + AESGCM(under).encrypt(nonce, key, file_id.bytes)


def unwrap(wrapped: bytes, *, under: bytes, file_id: UUID) -> bytes:
    """Return a file's key. Raises Damaged."""
    try:
        return AESGCM(under).decrypt(wrapped[:NONCE], wrapped[NONCE:], file_id.bytes)
    except (InvalidTag, ValueError):
        raise Damaged from None


def _bound(school_id: UUID, file_id: UUID, part: str) -> bytes:
    return f"{school_id}/{file_id}/{part}".encode()
