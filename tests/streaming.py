"""Both ends of a stream at the door of files, over a pair of sockets: what the gateway and the porter do around it."""

import contextlib
import json
import secrets
import socket
import threading
from typing import Any

import nameko.exceptions

import safekeep.calls  # noqa: F401 - errors come back as what they were
from safekeep import bus, door
from safekeep.contracts.files import PIECE
from safekeep.rpc import Resources
from services.files import service


class Wire:
    """A stream that is open: `stream` is the gateway's end, `sock` its socket."""

    def __init__(self, resources: Resources, asked: dict[str, Any]) -> None:
        self.sock, other = socket.socketpair()
        question = bus.Sealed(asked)
        question.header = {"id": secrets.token_hex(8), "kid": resources.keys.symmetric("door-files")[0]}
        self.stream = door.Stream(self.sock, keys=resources.keys, question=question, side="gateway")
        theirs = door.Stream(other, keys=resources.keys, question=question, side="service")

        def serve() -> None:
            with other:
                with contextlib.suppress(OSError):  # the other side went
                    service.Service.streams(resources, question, theirs)

        self.thread = threading.Thread(target=serve)
        self.thread.start()

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()
        self.thread.join(30)

    def said(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.stream.receive()[0])
        if found["error"]:
            raise nameko.exceptions.deserialize(found["error"])
        return found


def send(resources: Resources, *, ticket: str, data: bytes, pieces: int = PIECE) -> int:
    """Send bytes as the gateway does; return how much of the file there is then."""
    with Wire(resources, {"ticket": ticket}) as wire:
        wire.said()
        for start in range(0, len(data), pieces):
            wire.stream.send(data[start : start + pieces])
        wire.stream.send(b"", last=True)
        return int(wire.said()["arrived"])


def receive(resources: Resources, *, ticket: str, offset: int = 0, size: int | None = None) -> bytes:
    """Receive bytes as the gateway does."""
    with Wire(resources, {"ticket": ticket, "offset": offset, "size": size}) as wire:
        wire.said()
        found, last = b"", False
        while not last:
            data, last = wire.stream.receive()
            found += data
        return found
