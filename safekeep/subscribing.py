"""Reading a calendar from the address a school gave: over https at a public address, a few seconds, half a megabyte, no redirect inside.

A DSL types the address, and what answers could be anything. So names are looked up once and the connection goes to the address that
was found to be public (a name that is asked twice could lead inside the second time), the certificate is checked against the name.
"""

import contextlib
import http.client
import re
import socket
import ssl
import time
from collections.abc import Collection
from typing import Final
from urllib.parse import urljoin, urlsplit

from safekeep.contracts.alerts import LARGEST_CALENDAR
from safekeep.outward import Closed, public_addresses

SECONDS: Final = 10.0
"""For all of it."""
REDIRECTS: Final = 3


class Down(Exception):
    """The calendar cannot be had. args: a code (not_reached, not_public, refused, too_large)."""


def address_of(typed: str) -> str | None:
    """Return the address to read, "" for none, or None where what was typed is no address. `webcal:` is how calendars are given out."""
    typed = re.sub(r"^webcals?:", "https:", typed.strip(), flags=re.I)
    if not typed:
        return ""
    try:
        parts = urlsplit(typed)
        is_plain = parts.scheme in {"https", "http"} and bool(parts.hostname) and parts.username is None and (parts.port or 443) > 0
    except ValueError:
        return None
    return typed if is_plain and typed.isascii() and typed.isprintable() and " " not in typed else None


def fetch(address: str, *, inner: Collection[str] = ()) -> bytes:
    """Return what stands at the address. `inner`: scheme://host:port of the operator's own network that may be asked. Raises Down."""
    ends = time.monotonic() + SECONDS
    for _ in range(REDIRECTS + 1):
        status, location, content = _ask(address, inner=inner, ends=ends)
        if status == 200:
            return content
        if status not in {301, 302, 303, 307, 308} or not location:
            raise Down("refused")
        address = urljoin(address, location)
    raise Down("refused")


def _ask(address: str, *, inner: Collection[str], ends: float) -> tuple[int, str, bytes]:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise Down("refused") from None
    is_named = f"{parts.scheme}://{host}:{port}" in inner
    if parts.scheme != "https" and not is_named:
        raise Down("not_public")
    try:
        to = host if is_named else public_addresses(host, port)[0]
    except Closed as closed:
        raise Down(*closed.args) from None
    try:
        with contextlib.ExitStack() as opened:
            sock = opened.enter_context(socket.create_connection((to, port), timeout=_left(ends)))
            if parts.scheme == "https":
                sock = opened.enter_context(ssl.create_default_context().wrap_socket(sock, server_hostname=host))
            connection = http.client.HTTPConnection(host, port, timeout=_left(ends))
            connection.sock = sock
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", path, headers={"Accept": "text/calendar", "User-Agent": "Safekeep", "Connection": "close"})
            with contextlib.closing(connection.getresponse()) as answer:
                content = _content(answer, sock, ends)
                return answer.status, answer.headers.get("Location", ""), content
    except (OSError, http.client.HTTPException, ValueError):
        raise Down("not_reached") from None


def _content(answer: http.client.HTTPResponse, sock: socket.socket, ends: float) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        sock.settimeout(_left(ends))
        piece = answer.read1(2**16)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST_CALENDAR:
            raise Down("too_large")


def _left(ends: float) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise Down("not_reached")
    return left
