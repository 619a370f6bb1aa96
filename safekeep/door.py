"""The side door: a call straight to a service, for when the broker takes none (docs/decisions/0009-side-door.md).

One question and its answer on a plain socket, each behind its length and sealed as messages on the bus are, under a key
that only the gateway and this one service hold. An answer is bound to its question.
"""

import secrets
import socket
from typing import Any, Final

from safekeep import bus
from safekeep.keys import Keys

MOST: Final = 16 * 2**20
"""Bytes of one message, as the broker's own limit is: more is nobody of ours."""
CONNECT_SECONDS: Final = 2.0

QUESTION, ANSWER = "door.question", "door.answer"


class Shut(Exception):
    """Nobody answers at this door: the call was certainly not carried out."""


def purpose(service: str) -> str:
    """Return which key a service's door is spoken at with."""
    return f"door-{service}"


def ask(place: tuple[str, int], *, keys: Keys, service: str, method: str, call: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return the answer {"result", "error"} of a service's method.

    Raises Shut, TimeoutError, or ConnectionError when the other side broke off or its answer is not the answer to this.
    """
    number = secrets.token_hex(8)
    question = seal({"method": method, "call": call}, keys=keys, service=service, owner="gateway", type_=QUESTION, number=number)
    try:
        sock = socket.create_connection(place, timeout=min(seconds, CONNECT_SECONDS))
    except OSError:
        raise Shut from None
    with sock:
        sock.settimeout(seconds)
        write(sock, question)
        found = unseal(read(sock), keys=keys, service=service, type_=ANSWER)
    if found is None or found.header["id"] != number:
        raise ConnectionError("not the answer")
    return found


def seal(body: dict[str, Any], *, keys: Keys, service: str, owner: str, type_: str, number: str) -> bytes:
    """Return a question or an answer as it travels."""
    return bus.seal(keys=keys, body=body, owner=owner, type_=type_, message_id=number, purpose=purpose(service))


def unseal(data: bytes, *, keys: Keys, service: str, type_: str) -> bus.Sealed | None:
    """Return a question or an answer, or None when it is none, or was not sealed with a key of this door."""
    message = bus.unseal(keys=keys, data=data)
    if not isinstance(message, bus.Sealed) or message.header["type"] != type_:
        return None
    return message if message.header["kid"].rpartition("-")[0] == purpose(service) else None


def write(sock: socket.socket, data: bytes) -> None:
    """Send one message."""
    sock.sendall(len(data).to_bytes(4, "big") + data)


def read(sock: socket.socket) -> bytes:
    """Receive one message. Raises ConnectionError when the other side has gone, or would send more than is allowed."""
    size = int.from_bytes(_exactly(sock, 4), "big")
    if size > MOST:
        raise ConnectionError("too much")
    return _exactly(sock, size)


def _exactly(sock: socket.socket, size: int) -> bytes:
    pieces, missing = [], size
    while missing:
        piece = sock.recv(min(missing, 2**16))
        if not piece:
            raise ConnectionError("closed")
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)
