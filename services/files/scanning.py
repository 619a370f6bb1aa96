"""Asking ClamAV's clamd whether a file holds malware: INSTREAM over its socket."""

import socket
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

CHUNK: Final = 64 * 1024
SECONDS: Final = 120.0


class CannotScan(Exception):
    """There is no scanner, or it does not scan this: too long, or it said that it failed."""


def is_infected(url: str, content: Iterable[bytes]) -> bool:
    """Return whether clamd at `url` (tcp://host:port or unix:///path) finds something.

    Raises CannotScan, or OSError when it is away. A stream over its limit is answered with a broken connection: CannotScan too, since
    trying again would end the same way.
    """
    if not url:
        raise CannotScan
    with _connected(url) as sock:
        sock.sendall(b"zINSTREAM\0")
        try:
            for piece in content:
                for start in range(0, len(piece), CHUNK):
                    part = piece[start : start + CHUNK]
                    sock.sendall(len(part).to_bytes(4, "big") + part)
            sock.sendall(bytes(4))
            answer = _answer(sock)
        except (BrokenPipeError, ConnectionResetError):
            raise CannotScan from None
    if answer.endswith(b"FOUND"):
        return True
    if answer.endswith(b"OK"):
        return False
    raise CannotScan


def _connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(SECONDS)
        try:
            sock.connect(parts.path)
        except OSError:
            sock.close()
            raise
        return sock
    sock = socket.create_connection((parts.hostname or "", parts.port or 3310), timeout=5)
    sock.settimeout(SECONDS)
    return sock


def _answer(sock: socket.socket) -> bytes:
    said = b""
    while len(said) < 4096 and (more := sock.recv(1024)):
        said += more
    return said.rstrip(b"\0\n ")
