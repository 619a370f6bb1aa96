"""Notifying a browser (Web Push): the message sealed for it (RFC 8291), who it is from (RFC 8292), and where it may go."""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from urllib.parse import urlsplit

import http_ece
import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from safekeep.outward import Closed, Door

MESSAGE: Final = b'{"alert":true}'
"""All that is ever said: neither who, nor what, nor about whom. It is sealed all the same."""
SECONDS: Final = 5.0
LASTS: Final = timedelta(hours=4)
"""For how long a push service keeps it for a browser that is off; longer, and the inbox and the mail have said it."""
MAX_ATTEMPTS: Final = 6
_LARGEST: Final = 8 * 1024
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

Outcome = Literal["sent", "later", "gone"]


@dataclass(frozen=True, slots=True)
class Browser:
    """What a browser's PushSubscription says: where to send, its public key (65 bytes), its secret (16 bytes)."""

    endpoint: str
    public_key: bytes
    secret: bytes


def our_key(seed: bytes) -> ec.EllipticCurvePrivateKey:
    """Return the key that says a message is ours, of the 32 bytes in the key ring."""
    return ec.derive_private_key(int.from_bytes(seed, "big") % (_ORDER - 1) + 1, ec.SECP256R1())


def public_part(key: ec.EllipticCurvePrivateKey) -> str:
    """Return what a page asks a browser with: the uncompressed point in base64url."""
    return _b64(key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint))


def read(*, endpoint: str, p256dh: str, auth: str) -> tuple[Browser | None, dict[str, str]]:
    """Return the browser, or what is wrong with what was sent."""
    problems = {}
    point, secret = _unb64(p256dh), _unb64(auth)
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        problems["p256dh"] = "invalid"
    if len(point) != 65:
        problems["p256dh"] = "invalid"
    if len(secret) != 16:
        problems["auth"] = "invalid"
    return (None if problems else Browser(endpoint, point, secret)), problems


def is_let(endpoint: str, hosts: Sequence[str]) -> bool:
    """Whether an address is one of the push services that the operator lets us reach: https on its usual port, or one named with its scheme."""
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint or parts.username is not None or not host:
        return False
    if f"{parts.scheme}://{host}" in hosts:
        return True
    if parts.scheme != "https" or port not in (None, 443):
        return False
    return any(host == each or (each.startswith("*.") and host.endswith(each[1:])) for each in hosts)


def notify(browser: Browser, *, key: ec.EllipticCurvePrivateKey, contact: str, hosts: Sequence[str], now: datetime) -> Outcome:
    """Hand the message to the browser's push service. "gone": it wants to hear no more of us, or may not."""
    if not is_let(browser.endpoint, hosts):
        return "gone"  # the operator lets us reach it no more
    parts = urlsplit(browser.endpoint)
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "sub": contact, "exp": int((now + timedelta(hours=12)).timestamp())}
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    headers = {
        **Vapid02.from_pem(pem).sign(claims),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(int(LASTS.total_seconds())),
        "Urgency": "high",
        "Topic": "alert",  # a browser that was off hears it once
    }
    with requests.Session() as session:
        session.trust_env, session.max_redirects = False, 0
        for scheme in ("http://", "https://"):
            session.mount(scheme, Door(tuple(each for each in hosts if "://" in each), seconds=SECONDS, largest=_LARGEST))
        try:
            answer = session.post(browser.endpoint, data=seal(MESSAGE, browser), headers=headers, allow_redirects=False)
        except (requests.RequestException, Closed):
            return "later"
    if answer.status_code in (404, 410):
        return "gone"
    return "sent" if 200 <= answer.status_code < 300 else "later"


def seal(message: bytes, browser: Browser) -> bytes:
    """Return the message as only that browser can read it (RFC 8291, with a key used once)."""
    once = ec.generate_private_key(ec.SECP256R1())
    return bytes(
        http_ece.encrypt(message, salt=os.urandom(16), private_key=once, dh=browser.public_key, auth_secret=browser.secret, version="aes128gcm")
    )


def delay_after(attempts: int) -> timedelta:
    """Return how long to wait before the next try."""
    return timedelta(seconds=min(5.0 * 4**attempts, 3600.0))


def name_of(endpoint: str) -> str:
    """Return a short name for logs that gives nobody's address away: the push service's host, and a hash of the rest."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(endpoint.encode("utf-8", "replace"))
    return f"{urlsplit(endpoint).hostname}/{digest.finalize().hex()[:8]}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return b""
