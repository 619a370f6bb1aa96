"""The key ring, outside the databases: a master key, and under it a key for each purpose.

Losing the ring is losing the data. A process is given a file with only the purposes it needs, and every public key: the
key set that a token's `kid` is looked up in. Keys are exchanged while everything runs (`rotate`): each process looks
once a second whether its file has changed.
"""

import base64
import json
import os
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from safekeep import clock

DOORS: Final = ("door-identity", "door-incidents", "door-alerts", "door-files", "door-reports")
"""What seals calls at a service's side door: known to it and to the gateway."""
SYMMETRIC: Final = ("bus", *DOORS, "sessions", "factors", "sso", "files", "push", "documents")
SIGNING: Final = (
    "actors",
    "receipts",
    "passes",
    "ledger",
    "service-incidents",
    "service-alerts",
    "service-files",
    "service-reports",
    "service-demo",
    "service-operator",
)

GIVEN_TO: Final[dict[str, tuple[str, ...]]] = {
    "gateway": ("bus", *DOORS),
    "relay": ("bus",),
    "identity": ("bus", "door-identity", "sessions", "factors", "sso", "actors"),
    "incidents": ("bus", "door-incidents", "passes", "service-incidents"),
    "ledger": ("ledger",),
    "alerts": ("bus", "door-alerts", "push", "service-alerts"),
    "files": ("bus", "door-files", "receipts", "service-files", "files"),
    "reports": ("bus", "door-reports", "service-reports", "documents"),
    "demo": ("bus", "service-demo"),
    "operator": ("bus", "service-operator"),
}
"""Which purposes' secret keys each process gets. The gateway gets no key that signs; the ledger's key is its process's alone."""

ROTATED: Final[dict[str, timedelta | None]] = {
    "bus": None,
    **dict.fromkeys(DOORS),
    "sso": None,
    "files": None,
    "documents": None,
    "ledger": None,
    "actors": timedelta(minutes=10),
    "passes": timedelta(minutes=10),
    **{purpose: timedelta(minutes=10) for purpose in SIGNING if purpose.startswith("service-")},
}
"""Which purposes are rotated, and for how long what a retired key signed is still accepted: twice a token's life. None: its
messages and sealed secrets stay readable, as each names its key. The others are not exchanged by themselves: with
`sessions` every session, link and recovery code is hashed, `factors` seals without naming its key, a receipt does
not expire, and browsers take notifications only from who holds the key (`push`) they were asked with."""

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at whether the file has changed."""


class Keys:
    """The keys one process was given. Shows nothing of them in its repr."""

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        self._path = path
        self._content = content
        self._looked_at = time.monotonic()
        self._written = _mark(path)

    @classmethod
    def load(cls, path: str | Path) -> "Keys":
        """Read a process's key file. Raises FileNotFoundError, ValueError."""
        return cls(Path(path), json.loads(Path(path).read_text()))

    def __repr__(self) -> str:
        return f"Keys({self._path.name})"

    def symmetric(self, purpose: str) -> tuple[str, bytes]:
        """Return (key id, 32 bytes) of the purpose's current key. Raises KeyError when this process was not given it."""
        kid = self._current(purpose)
        return kid, self.symmetric_by_kid(kid)

    def symmetric_by_kid(self, kid: str) -> bytes:
        """Return a symmetric key by its id, also one no longer current. Raises KeyError."""
        return base64.b64decode(self._found("secret", kid)["key"])

    def signing(self, purpose: str) -> tuple[str, Ed25519PrivateKey]:
        """Return (key id, private key) of the purpose's current signing key. Raises KeyError."""
        kid = self._current(purpose)
        return kid, Ed25519PrivateKey.from_private_bytes(base64.b64decode(self._found("secret", kid)["key"]))

    def public(self, kid: str) -> tuple[str, Ed25519PublicKey]:
        """Return (purpose, public key) of a signing key by its id. Raises KeyError: unknown, or retired and its time over."""
        purpose = self.accepted(kid)
        return purpose, Ed25519PublicKey.from_public_bytes(base64.b64decode(self._content["public"][kid]["key"]))

    def accepted(self, kid: str) -> str:
        """Return the purpose of a signing key whose signatures still count. Raises KeyError."""
        self._look()
        found = self._found("public", kid)
        if "ends_at" in found and clock.now() >= datetime.fromisoformat(found["ends_at"]):
            raise KeyError(kid)
        return found["purpose"]

    def public_keys(self, purpose: str) -> dict[str, str]:
        """Return {key id: public key in base64} of all signing keys a purpose has had: what they signed is to be read for ever."""
        self._look()
        return {kid: key["key"] for kid, key in self._content["public"].items() if key["purpose"] == purpose}

    def _current(self, purpose: str) -> str:
        self._look()
        kid: str = self._content["current"][purpose]
        return kid

    def _found(self, part: str, kid: str) -> dict[str, str]:
        """Look a key up, reading the file once more when it is unknown: it may have been rotated in meanwhile."""
        for _ in range(5):
            if kid in self._content[part] or self._read():
                break
            time.sleep(0.01)
        found: dict[str, str] = self._content[part][kid]
        return found

    def _look(self) -> None:
        """Read the file again when it has changed."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_EVERY:
            self._looked_at = now
            if (written := _mark(self._path)) != self._written and self._read():
                self._written = written

    def _read(self) -> bool:
        """Read the file; False, and what was read before stays, while it is being written."""
        try:
            self._content = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return False
        return True


def wrap(*, keys: Keys, purpose: str, secret: bytes, about: str) -> str:
    """Return a secret sealed under the purpose's current key, which it names; `about` says what it is for and is bound in.

    This and `unwrap` are all that is asked of a ring, as of a key management service (encrypt and decrypt with a context): one can stand
    in its place.
    """
    kid, key = keys.symmetric(purpose)
    nonce = os.urandom(12)
    return f"{kid}:{_b64(nonce + AESGCM(key).encrypt(nonce, secret, f'{kid}|{about}'.encode()))}"


def unwrap(*, keys: Keys, wrapped: str, about: str) -> bytes:
    """Return what was wrapped. Raises KeyError for a key this process has not, InvalidTag for what was not wrapped so."""
    kid, _, data = wrapped.partition(":")
    sealed = base64.b64decode(data)
    return AESGCM(keys.symmetric_by_kid(kid)).decrypt(sealed[:12], sealed[12:], f"{kid}|{about}".encode())


def _mark(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return found.st_mtime_ns, found.st_ino, found.st_size


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
    _hand_out(folder, master, ring)


def rotate(folder: Path, *, purposes: Iterable[str] = tuple(ROTATED), now: datetime, at_once: bool = False) -> dict[str, tuple[str, str]]:
    """Make a new current key for each purpose while everything runs. Returns purpose → (retired key, new key).

    What the retired key signed counts for as long as `ROTATED` says, or (`at_once`: it has leaked) no longer than now.
    Raises ValueError for a purpose that is not rotated, FileNotFoundError where there is no ring.
    """
    chosen = list(dict.fromkeys(purposes))
    if wrong := [purpose for purpose in chosen if purpose not in ROTATED]:
        raise ValueError(f"not a purpose that is rotated: {', '.join(wrong)}")
    ring_path, master = folder / "ring.json", _master(folder)
    ring = json.loads(ring_path.read_text())
    before = {purpose: ring["current"][purpose] for purpose in chosen}
    ring, current = _with_new(master, ring, chosen), ring["current"]
    _hand_out(folder, master, ring | {"current": current})  # the new keys are known everywhere before anybody uses them
    for purpose, kid in before.items():
        lasts = ROTATED[purpose]
        ring["keys"][kid]["retired_at"] = now.isoformat()
        if lasts is not None:
            ring["keys"][kid]["ends_at"] = (now if at_once else now + lasts).isoformat()
    _write(ring_path, json.dumps(ring, indent=1))
    _hand_out(folder, master, ring)
    return {purpose: (before[purpose], ring["current"][purpose]) for purpose in chosen}


def _hand_out(folder: Path, master: bytes, ring: dict[str, Any]) -> None:
    """Write each process's file: its current keys, what it still has to unseal with, and every public key."""
    secrets = {kid: _unwrap(master, kid, key["wrapped"]) for kid, key in ring["keys"].items()}
    public = {
        kid: {
            "purpose": key["purpose"],
            "key": _b64(_private(secrets[kid]).public_key().public_bytes_raw()),
            **({"ends_at": key["ends_at"]} if "ends_at" in key else {}),
        }
        for kid, key in ring["keys"].items()
        if key["purpose"] in SIGNING
    }
    (folder / "process").mkdir(exist_ok=True, mode=0o700)
    for process, purposes in GIVEN_TO.items():
        content = {
            "current": {purpose: ring["current"][purpose] for purpose in purposes},
            # a retired signing key signs no more; a retired symmetric one still opens what it has sealed
            "secret": {
                kid: {"key": _b64(secrets[kid])}
                for kid, key in ring["keys"].items()
                if key["purpose"] in purposes and (key["purpose"] in SYMMETRIC or kid == ring["current"][key["purpose"]])
            },
            "public": public,
        }
        _write_in_place(folder / "process" / f"{process}.json", json.dumps(content))


def _with_new(master: bytes, ring: dict[str, Any], purposes: list[str]) -> dict[str, Any]:
    keys, current = dict(ring["keys"]), dict(ring["current"])
    for purpose in purposes:
        kid = f"{purpose}-{1 + sum(key['purpose'] == purpose for key in keys.values())}"
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


def _write_in_place(path: Path, content: str) -> None:
    """Write a process's file without making it anew: a container sees the very file that was mounted.

    Whoever reads it half written reads it again; after a crash the next start writes it from the ring.
    """
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(content)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
