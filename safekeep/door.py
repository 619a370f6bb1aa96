"""The side door: a call straight to a service, for when the broker takes none (docs/decisions/0009-side-door.md).

One question and its answer on a plain socket, each behind its length and sealed as messages on the bus are, under a key
that only the gateway and this one service hold. An answer is bound to its question. After a question that asks for a
stream the connection carries bytes in pieces instead (docs/decisions/0013-files-by-the-door.md).
"""

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from safekeep import bus
from safekeep.keys import Keys

MOST: Final = 16 * 2**20
"""Bytes of one message, as the broker's own limit is: more is nobody of ours."""
CONNECT_SECONDS: Final = 2.0

QUESTION, ANSWER, STREAM = "door.question", "door.answer", "door.stream"
IDLE_SECONDS: Final = 60.0
"""How long a stream stands still before it is broken off: what arrived is kept, and it is gone on with later."""


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


class Stream:
    """Bytes in pieces, either way, after one question: each sealed, with its number and which side said it bound in, so that none
    can be left out, repeated, moved or taken from another stream; and the last one says that it is the last."""

    def __init__(self, sock: Any, *, keys: Keys, question: bus.Sealed, side: str) -> None:
        self._sock, self._side, self._number = sock, side, question.header["id"]
        self._cipher = AESGCM(keys.symmetric_by_kid(question.header["kid"]))
        self._sent = self._received = 0
        sock.settimeout(IDLE_SECONDS)

    @property
    def has_spoken(self) -> bool:
        """Whether this side has sent anything yet."""
        return self._sent > 0

    def send(self, data: bytes, *, last: bool = False) -> None:
        """Send a piece of at most MOST bytes. Raises OSError."""
        nonce = os.urandom(12)
        sealed = self._cipher.encrypt(nonce, data, self._bound(self._side, self._sent, last=last))
        self._sent += 1
        self._sock.sendall((13 + len(sealed)).to_bytes(4, "big") + (b"L" if last else b"P") + nonce)
        self._sock.sendall(sealed)

    def receive(self) -> tuple[bytes, bool]:
        """Return the next piece and whether it is the last. Raises OSError when the other side has gone, or said what is not its next piece."""
        message = memoryview(read(self._sock))
        last = bytes(message[:1]) == b"L"
        other = "service" if self._side == "gateway" else "gateway"
        try:
            data = self._cipher.decrypt(message[1:13], message[13:], self._bound(other, self._received, last=last))
        except (InvalidTag, ValueError):
            raise ConnectionError("not the next piece") from None
        self._received += 1
        return data, last

    def _bound(self, side: str, count: int, *, last: bool) -> bytes:
        return f"{self._number}|{side}|{count}|{last}".encode()


@contextmanager
def stream(place: tuple[str, int], *, keys: Keys, service: str, asked: dict[str, Any]) -> Iterator[Stream]:
    """Open a stream at a service's door. Raises Shut."""
    number = secrets.token_hex(8)
    question = seal(asked, keys=keys, service=service, owner="gateway", type_=STREAM, number=number)
    try:
        sock = socket.create_connection(place, timeout=CONNECT_SECONDS)
    except OSError:
        raise Shut from None
    with sock:
        write(sock, question)
        said = bus.Sealed()
        said.header = bus.header_of(question)
        yield Stream(sock, keys=keys, question=said, side="gateway")


def seal(body: dict[str, Any], *, keys: Keys, service: str, owner: str, type_: str, number: str) -> bytes:
    """Return a question or an answer as it travels."""
    return bus.seal(keys=keys, body=body, owner=owner, type_=type_, message_id=number, purpose=purpose(service))


def unseal(data: bytes | bytearray, *, keys: Keys, service: str, type_: str) -> bus.Sealed | None:
    """Return a question or an answer, or None when it is none, or was not sealed with a key of this door."""
    message = bus.unseal(keys=keys, data=bytes(data))
    if not isinstance(message, bus.Sealed) or message.header["type"] != type_:
        return None
    return message if message.header["kid"].rpartition("-")[0] == purpose(service) else None


def write(sock: socket.socket, data: bytes) -> None:
    """Send one message."""
    sock.sendall(len(data).to_bytes(4, "big") + data)


def read(sock: socket.socket) -> bytearray:
    """Receive one message. Raises ConnectionError when the other side has gone, or would send more than is allowed."""
    size = int.from_bytes(_exactly(sock, 4), "big")
    if size > MOST:
        raise ConnectionError("too much")
    return _exactly(sock, size)


def _exactly(sock: socket.socket, size: int) -> bytearray:
    data = bytearray(size)
    rest = memoryview(data)
    while rest:
        arrived = sock.recv_into(rest)
        if not arrived:
            raise ConnectionError("closed")
        rest = rest[arrived:]
    return data
