"""The key ring, outside the databases: a master key, and under it a key for each purpose.

Losing the ring is losing the data. A process is given a file with only the purposes it needs, and every public key.
"""

import base64
import json
import os
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SYMMETRIC: Final = ("bus", "sessions", "factors")
SIGNING: Final = (
    "actors",
    "receipts",
    "passes",
    "service-incidents",
    "service-alerts",
    "service-files",
    "service-reports",
    "service-demo",
    "service-operator",
)

GIVEN_TO: Final[dict[str, tuple[str, ...]]] = {
    "gateway": ("bus",),
    "relay": ("bus",),
    "identity": ("bus", "sessions", "factors", "actors"),
    "incidents": ("bus", "passes", "service-incidents"),
    "alerts": ("bus", "service-alerts"),
    "files": ("bus", "receipts", "service-files"),
    "reports": ("bus", "service-reports"),
    "demo": ("bus", "service-demo"),
    "operator": ("bus", "service-operator"),
}
"""Which purposes' secret keys each process gets. The gateway gets no key that signs."""


class Keys:
    """The keys one process was given. Shows nothing of them in its repr."""

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        self._path = path
        self._content = content

    @classmethod
    def load(cls, path: str | Path) -> "Keys":
        """Read a process's key file. Raises FileNotFoundError, ValueError."""
        return cls(Path(path), json.loads(Path(path).read_text()))

    def __repr__(self) -> str:
        return f"Keys({self._path.name})"

    def symmetric(self, purpose: str) -> tuple[str, bytes]:
        """Return (key id, 32 bytes) of the purpose's current key. Raises KeyError when this process was not given it."""
        kid = self._content["current"][purpose]
        return kid, self.symmetric_by_kid(kid)

    def symmetric_by_kid(self, kid: str) -> bytes:
        """Return a symmetric key by its id, also one no longer current. Raises KeyError."""
        return base64.b64decode(self._found("secret", kid)["key"])

    def signing(self, purpose: str) -> tuple[str, Ed25519PrivateKey]:
        """Return (key id, private key) of the purpose's current signing key. Raises KeyError."""
        kid = self._content["current"][purpose]
        return kid, Ed25519PrivateKey.from_private_bytes(base64.b64decode(self._found("secret", kid)["key"]))

    def public(self, kid: str) -> tuple[str, Ed25519PublicKey]:
        """Return (purpose, public key) of a signing key by its id. Raises KeyError."""
        found = self._found("public", kid)
        return found["purpose"], Ed25519PublicKey.from_public_bytes(base64.b64decode(found["key"]))

    def _found(self, part: str, kid: str) -> dict[str, str]:
        """Look a key up, reading the file once more when it is unknown: it may have been rotated in meanwhile."""
        if kid not in self._content[part]:
            self._content = json.loads(self._path.read_text())
        found: dict[str, str] = self._content[part][kid]
        return found


def ensure_ring(folder: Path) -> None:
    """Make the ring at first start and write each process's key file: master.key, ring.json, process/<name>.json.

    The master key comes from SAFEKEEP_MASTER_KEY (base64, 32 bytes) when set, else from `folder`/master.key.
    Raises InvalidTag when the master key is not the ring's.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    master = _master(folder)
    ring_path = folder / "ring.json"
    if not ring_path.exists():
        _write(ring_path, json.dumps({"version": 1, "current": {}, "keys": {}}))
    ring = json.loads(ring_path.read_text())
    if missing := [purpose for purpose in (*SYMMETRIC, *SIGNING) if purpose not in ring["current"]]:  # all at first; later, a release's new ones
        ring = _with_new(master, ring, missing)
        _write(ring_path, json.dumps(ring, indent=1))
    secrets = {kid: _unwrap(master, kid, key["wrapped"]) for kid, key in ring["keys"].items()}
    public = {
        kid: {"purpose": key["purpose"], "key": _b64(_private(secrets[kid]).public_key().public_bytes_raw())}
        for kid, key in ring["keys"].items()
        if key["purpose"] in SIGNING
    }
    for process, purposes in GIVEN_TO.items():
        content = {
            "current": {purpose: ring["current"][purpose] for purpose in purposes},
            "secret": {kid: {"key": _b64(secrets[kid])} for kid, key in ring["keys"].items() if key["purpose"] in purposes},
            "public": public,
        }
        (folder / "process").mkdir(exist_ok=True, mode=0o700)
        _write(folder / "process" / f"{process}.json", json.dumps(content))


def _with_new(master: bytes, ring: dict[str, Any], purposes: list[str]) -> dict[str, Any]:
    keys, current = dict(ring["keys"]), dict(ring["current"])
    for purpose in purposes:
        kid = f"{purpose}-1"
        if purpose in SYMMETRIC:
            secret = AESGCM.generate_key(256)
        else:
            raw = serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
            secret = Ed25519PrivateKey.generate().private_bytes(*raw)
        nonce = os.urandom(12)
        keys[kid] = {"purpose": purpose, "wrapped": _b64(nonce + AESGCM(master).encrypt(nonce, secret, kid.encode()))}
        current[purpose] = kid
    return {"version": 1, "current": current, "keys": keys}


def _master(folder: Path) -> bytes:
    given = os.environ.get("SAFEKEEP_MASTER_KEY")
    path = folder / "master.key"
    if not given and not path.exists():
        _write(path, _b64(AESGCM.generate_key(256)) + "\n")
    return base64.b64decode(given or path.read_text())


def _unwrap(master: bytes, kid: str, wrapped: str) -> bytes:
    data = base64.b64decode(wrapped)
    return AESGCM(master).decrypt(data[:12], data[12:], kid.encode())


def _private(secret: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(secret)


def _write(path: Path, content: str) -> None:
    """Write a private file whole or not at all."""
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
