"""Requests to addresses that people typed, or a browser gave: only to public ones over https, or what the operator has named; no redirects,
little time, small answers.
"""

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter


class Closed(Exception):
    """The address may not be reached, cannot be, does not answer in time, or answers with what nobody can use."""


class Door(HTTPAdapter):
    """Lets a request out only where it may go, and takes in only so much of an answer."""

    def __init__(self, inner: tuple[str, ...], *, seconds: float, largest: int) -> None:
        self._inner, self._seconds, self._largest = inner, seconds, largest
        super().__init__()

    def send(self, request: Any, *arguments: Any, **more: Any) -> requests.Response:
        must_be_reachable(str(request.url), self._inner)
        more["timeout"] = self._seconds
        answer = super().send(request, *arguments, **more)
        content = answer.raw.read(self._largest + 1, decode_content=True)
        if len(content) > self._largest or answer.is_redirect:
            raise requests.ConnectionError
        answer._content, answer._content_consumed = content, True
        return answer


def must_be_reachable(address: str, inner: tuple[str, ...]) -> None:
    """Raise Closed unless the address is https at a public address, or one that the operator has named; http only on loopback."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    is_named = f"{parts.scheme}://{host}" in inner
    if parts.scheme == "http" and not (is_named and host in {"localhost", "127.0.0.1", "::1"}):
        raise Closed
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        raise Closed
    if is_named:
        return
    public_addresses(host, parts.port or 443)


def public_addresses(host: str, port: int) -> list[str]:
    """Return where a name leads, all of it public. Raises Closed("not_reached" | "not_public")."""
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, ValueError, UnicodeError):
        raise Closed("not_reached") from None
    if not found or not all(ipaddress.ip_address(one.partition("%")[0]).is_global for one in found):
        raise Closed("not_public")
    return sorted(found)
