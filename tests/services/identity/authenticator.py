"""A security key made of software: answers as a browser's `navigator.credentials` would, with real signatures."""

import json
import secrets
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

PRESENT, VERIFIED, ATTESTED = 1, 4, 64


class SoftKey:
    """One credential. `counts` is added to the signature count at each use: 0 is what a passkey that syncs does."""

    def __init__(self, *, origin: str = "http://localhost:8000", counts: int = 1) -> None:
        self.id, self.origin, self.counts, self.counter = secrets.token_bytes(32), origin, counts, 0
        self._private = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: str, *, verified: bool = True) -> str:
        """Answer `navigator.credentials.create`."""
        asked = json.loads(options)
        numbers = self._private.public_key().public_numbers()
        public = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + public
        data = self._data(asked["rp"]["id"], flags=ATTESTED | PRESENT | (VERIFIED if verified else 0)) + attested
        client = self._client("webauthn.create", asked["challenge"])
        made = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer({"clientDataJSON": bytes_to_base64url(client), "attestationObject": bytes_to_base64url(made)})

    def get(self, options: str, *, verified: bool = True) -> str:
        """Answer `navigator.credentials.get`."""
        asked = json.loads(options)
        self.counter += self.counts
        data = self._data(asked["rpId"], flags=PRESENT | (VERIFIED if verified else 0))
        client = self._client("webauthn.get", asked["challenge"])
        digest = hashes.Hash(hashes.SHA256())
        digest.update(client)
        signature = self._private.sign(data + digest.finalize(), ec.ECDSA(hashes.SHA256()))
        sent = {"clientDataJSON": client, "authenticatorData": data, "signature": signature}
        return self._answer({name: bytes_to_base64url(value) for name, value in sent.items()})

    def _data(self, site: str, *, flags: int) -> bytes:
        digest = hashes.Hash(hashes.SHA256())
        digest.update(site.encode())
        return digest.finalize() + bytes([flags]) + self.counter.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str) -> bytes:
        assert base64url_to_bytes(challenge)
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _answer(self, response: dict[str, Any]) -> str:
        name = bytes_to_base64url(self.id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}})
