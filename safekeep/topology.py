"""What the broker holds and who may touch it: exchanges, queues, bindings, users. Declared here and nowhere else.

An administrator of the virtual host declares it before any of our processes starts (`./run`, `python -m deploy.migrate`);
the broker refuses what differs from what it has, and that becomes one sentence. Our processes may not change any of it.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pika
import pika.exceptions

from safekeep import bus
from safekeep.database import SERVICES

ADMIN: Final = "safekeep"
VHOST: Final = "safekeep"

CALLS: Final[dict[str, tuple[str, ...]]] = {
    "incidents": ("identity",),
    "files": ("incidents",),
    "alerts": ("identity", "incidents"),
    "reports": ("alerts", "files", "identity", "incidents"),
}
"""Which services a service asks over RPC; a test compares it with what their classes say."""

_REPLY = "[0-9a-f-]{36}"
_NOTHING = "^$"


class Differs(Exception):
    """The broker has something of ours otherwise than this release declares it. args: the sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Rights:
    """One user's rights: RabbitMQ's three patterns over names, and patterns over routing keys of topic exchanges."""

    configure: str
    write: str
    read: str
    topics: Mapping[str, tuple[str, str]]  # exchange → what may be published, what may be bound


def users() -> dict[str, Rights]:
    """Return every user but the administrator, named as the process is. No pattern covers more than the process does."""
    found = {"gateway": _caller(own=("rpc.reply-standalone_rpc_proxy-.*", "gateway..*"), reads=(bus.REVOCATIONS.name,))}
    for service in SERVICES:
        found[service] = _service(service)
        found[f"relay-{service}"] = Rights(_NOTHING, _any(bus.EVENTS.name), _NOTHING, {bus.EVENTS.name: (f"^{service}[.].*$", _NOTHING)})
    found["operator"] = _caller(
        own=("rpc.reply-standalone_rpc_proxy-.*",), reads=[bus.dead_queue(s).name for s in bus.CONSUMES], writes=(bus.REPLAYS.name,)
    )
    return found


def _service(name: str) -> Rights:
    own = (f"rpc-{name}", f"rpc.reply-{name}-.*")
    hears = [bus.events_queue(name).name] if name in bus.CONSUMES else []
    tells = [bus.REVOCATIONS.name] if name == "identity" else []
    asked = "".join(f"|{other}[.].*" for other in CALLS.get(name, ()))
    return Rights(
        configure=_any(*own),
        write=_any(*own, bus.RPC_EXCHANGE, bus.EXHAUSTED.name, *tells),
        read=_any(*own, bus.RPC_EXCHANGE, *hears),
        topics={
            bus.RPC_EXCHANGE: (f"^({_REPLY}{asked})$", f"^({name}[.][*]|{_REPLY})$"),
            bus.EXHAUSTED.name: (f"^{name}[.]dead$" if hears else _NOTHING, _NOTHING),
        },
    )


def _caller(*, own: Iterable[str], reads: Iterable[str] = (), writes: Iterable[str] = ()) -> Rights:
    services = "|".join(SERVICES)
    return Rights(
        configure=_any(*own),
        write=_any(*own, bus.RPC_EXCHANGE, *writes),
        read=_any(*own, bus.RPC_EXCHANGE, *reads),
        topics={bus.RPC_EXCHANGE: (f"^({services})[.][a-z0-9_]+$", f"^{_REPLY}$")},
    )


def _any(*names: str) -> str:
    """Return a pattern of whole names; `.*` at a name's end stands for anything."""
    escaped = (re.escape(n.removesuffix(".*")).replace("\\-", "-") + (".*" if n.endswith(".*") else "") for n in names)
    return f"^({'|'.join(escaped)})$"


# --- for the broker ----------------------------------------------------------------------------------------------------


def definitions(passwords: Mapping[str, str]) -> dict[str, Any]:
    """Return what RabbitMQ loads when it starts: virtual host, users, rights. `passwords`: by user, the administrator's too."""
    accounts = [
        {"name": name, "password_hash": _hash(passwords[name]), "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""}
        for name in (ADMIN, *users())
    ]
    permissions = [{"user": ADMIN, "vhost": VHOST, "configure": ".*", "write": ".*", "read": ".*"}]
    topics = []
    for name, rights in users().items():
        permissions.append({"user": name, "vhost": VHOST, "configure": rights.configure, "write": rights.write, "read": rights.read})
        topics += [{"user": name, "vhost": VHOST, "exchange": e, "write": write, "read": read} for e, (write, read) in rights.topics.items()]
    return {"users": accounts, "vhosts": [{"name": VHOST}], "permissions": permissions, "topic_permissions": topics}


def _hash(password: str) -> str:
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def declare(url: str) -> None:
    """Declare everything, as the administrator. Raises Differs when the broker has one of them otherwise, AMQPError."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        try:
            for exchange in (bus.EVENTS, bus.DEAD, bus.EXHAUSTED, bus.REPLAYS, bus.REVOCATIONS):
                channel.exchange_declare(exchange.name, exchange_type=exchange.type, durable=True)
            for service, keys in bus.CONSUMES.items():
                dead, events = bus.dead_queue(service), bus.events_queue(service)
                channel.queue_declare(dead.name, durable=True, arguments=dead.queue_arguments)
                for exchange in (bus.DEAD, bus.EXHAUSTED):
                    channel.queue_bind(dead.name, exchange.name, routing_key=dead.routing_key)
                channel.queue_declare(events.name, durable=True, arguments=events.queue_arguments)
                channel.queue_bind(events.name, bus.REPLAYS.name, routing_key=service)
                for key in keys:
                    channel.queue_bind(events.name, bus.EVENTS.name, routing_key=key)
            _retire(connection)
        except pika.exceptions.ChannelClosedByBroker as refused:
            if refused.reply_code != 406:
                raise
            raise Differs(_sentence(refused.reply_text)) from None


def _retire(connection: Any) -> None:
    """Take away the dead-letter queues of the first installations, once they are empty (they threw away what was looked at often)."""
    for service in bus.CONSUMES:
        channel = connection.channel()
        try:
            if channel.queue_declare(f"{service}.dead", passive=True).method.message_count == 0:
                channel.queue_delete(f"{service}.dead")
        except pika.exceptions.ChannelClosedByBroker:
            continue  # there is none


_INEQUIVALENT = re.compile(
    r"inequivalent arg '(?P<arg>[^']+)' for (?P<kind>\w+) '(?P<name>[^']+)'.*?: received (?P<wanted>.+?) but current is (?P<has>.+)"
)


def _sentence(reply: str) -> str:
    found = _INEQUIVALENT.search(reply)
    if found is None:
        return f"The broker does not take our queues as this release declares them: {reply}"
    has, wanted = (re.sub(r"^the value '(.*)' of type .*$", r"'\1'", found[part]) for part in ("has", "wanted"))
    return (
        f"The broker's {found['kind']} '{found['name']}' has {found['arg']} {has} where this release needs {wanted}: "
        f"nothing was changed. Let it run empty, delete it and start again (docs/operators.md, Queues)."
    )
