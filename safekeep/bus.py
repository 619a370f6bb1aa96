"""The bus: its names, its queues, and the seal on every message body.

Every body is sealed (AES-256-GCM over JSON): the broker's disk and memory hold no readable word. In front of the
ciphertext stands a small clear header (key id, owner, type, message id) which is bound in as associated data. Only
bodies are sealed: what nameko puts in AMQP headers travels in clear, so nothing of worth goes there.
"""

import json
import os
from functools import cache
from typing import Any, Final

import kombu.serialization
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from kombu import Exchange, Queue

from safekeep.keys import Keys

CONTENT_TYPE: Final = "application/x-sealed"
SERIALIZER: Final = "sealed"
_MAGIC: Final = b"SK1"

RPC_EXCHANGE: Final = "amq.topic"
"""Calls and answers go over an exchange that every broker has and nobody can delete: none of our users need rights to make one."""

EVENTS: Final = Exchange("safekeep.events", type="topic", durable=True, no_declare=True)
DEAD: Final = Exchange("safekeep.dead", type="direct", durable=True, no_declare=True)
"""Where the broker itself puts what was delivered too often."""
EXHAUSTED: Final = Exchange("safekeep.exhausted", type="topic", durable=True, no_declare=True)
"""Where a service puts what it has tried often enough; of type topic, so that each may write to its own dead letters only."""
REPLAYS: Final = Exchange("safekeep.replays", type="direct", durable=True, no_declare=True)
"""From the operator to one service's events."""

REVOCATIONS: Final = Exchange("safekeep.revoked", type="fanout", durable=True, delivery_mode=1, no_declare=True)
"""Identity's heartbeat, four a second: which sessions every gateway must forget."""

CONSUMES: Final[dict[str, tuple[str, ...]]] = {
    "identity": ("incidents.audit.#",),
    "incidents": ("identity.#", "alerts.#"),
    "alerts": ("identity.#", "incidents.#", "files.draft.#", "files.paper.#", "reports.#"),
    "files": ("identity.#", "incidents.#"),
    "reports": ("identity.#", "incidents.#", "alerts.alert.#"),
}
"""Which events each service hears. All events of a subject's owner, so that their sequence has no gaps."""


def events_queue(service: str) -> Queue:
    """Return the one queue of a service's events: quorum, durable, dead-lettered at least once."""
    return Queue(
        f"{service}.events",
        exchange=EVENTS,
        bindings=[_binding(key) for key in CONSUMES[service]],
        durable=True,
        queue_arguments={
            "x-queue-type": "quorum",
            "x-delivery-limit": 5,
            "x-dead-letter-exchange": DEAD.name,
            "x-dead-letter-routing-key": f"{service}.dead",
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
        no_declare=True,
    )


def dead_queue(service: str) -> Queue:
    """Return where a service's unreadable or exhausted messages wait for an operator, however often they are looked at.

    (From version 4 on RabbitMQ throws away what was given back 20 times, unless a queue says otherwise.)
    """
    looked_at = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}
    return Queue(f"{service}.dead-letters", exchange=DEAD, routing_key=f"{service}.dead", durable=True, queue_arguments=looked_at, no_declare=True)


def _binding(key: str) -> Any:
    from kombu import binding

    return binding(EVENTS, routing_key=key)


class Unreadable(dict[str, Any]):
    """What a decoder yields instead of raising (nameko acknowledges, and so loses, a message whose decoder raises)."""


class Sealed(dict[str, Any]):
    """A decoded body, with the header that was bound into its seal."""

    header: dict[str, str]


def seal(*, keys: Keys, body: Any, owner: str, type_: str, message_id: str, purpose: str = "bus") -> bytes:
    """Return `body` as JSON, encrypted, with a clear header saying which key, owner, type and message id are bound in."""
    kid, _ = keys.symmetric(purpose)
    header = json.dumps({"kid": kid, "owner": owner, "type": type_, "id": message_id}, separators=(",", ":")).encode()
    nonce = os.urandom(12)
    clear = json.dumps(body, separators=(",", ":"), default=str).encode()
    return _MAGIC + len(header).to_bytes(2, "big") + header + nonce + _cipher(keys, kid).encrypt(nonce, clear, header)


def unseal(*, keys: Keys, data: bytes) -> Any:
    """Return the body of a sealed message, or an `Unreadable` saying why not; never raises."""
    try:
        if data[:3] != _MAGIC:
            return Unreadable(reason="not_sealed")
        size = int.from_bytes(data[3:5], "big")
        raw_header, rest = data[5 : 5 + size], data[5 + size :]
        header = json.loads(raw_header)
        clear = _cipher(keys, header["kid"]).decrypt(rest[:12], rest[12:], raw_header)
        body = json.loads(clear)
    except KeyError:
        return Unreadable(reason="unknown_key")
    except InvalidTag:
        return Unreadable(reason="forged_or_damaged")
    except Exception:  # whatever it is, the message must be parked, not lost
        return Unreadable(reason="malformed")
    if isinstance(body, dict):
        sealed = Sealed(body)
        sealed.header = header
        return sealed
    return body


def header_of(data: bytes) -> dict[str, str]:
    """Return the clear header of a message we have sealed ourselves."""
    header: dict[str, str] = json.loads(data[5 : 5 + int.from_bytes(data[3:5], "big")])
    return header


@cache
def _cipher(keys: Keys, kid: str) -> AESGCM:
    return AESGCM(keys.symmetric_by_kid(kid))


_keys: Keys | None = None


def use_keys(keys: Keys) -> None:
    """Register the sealed serializer with kombu for this process. Call once, before any connection."""
    global _keys
    _keys = keys
    kombu.serialization.register(SERIALIZER, encode, decode, content_type=CONTENT_TYPE, content_encoding="binary")


def encode(body: Any) -> bytes:
    """kombu's encoder: RPC calls and replies."""
    assert _keys is not None, "use_keys first"
    return seal(keys=_keys, body=body, owner="rpc", type_="rpc", message_id="")


def decode(data: bytes | str | memoryview) -> Any:
    """kombu's decoder. Never raises."""
    assert _keys is not None, "use_keys first"
    return unseal(keys=_keys, data=data.encode() if isinstance(data, str) else bytes(data))


def nameko_config(*, broker_url: str) -> dict[str, Any]:
    """Return nameko's configuration, the same for a service and for the gateway's callers."""
    return {
        "AMQP_URI": broker_url,
        "rpc_exchange": RPC_EXCHANGE,
        "serializer": SERIALIZER,
        "SERIALIZERS": {
            SERIALIZER: {
                "encoder": "safekeep.bus.encode",
                "decoder": "safekeep.bus.decode",
                "content_type": CONTENT_TYPE,
                "content_encoding": "binary",
            }
        },
        "ACCEPT": [SERIALIZER],
        "max_workers": 10,
        "parent_calls_tracked": 2,
    }
