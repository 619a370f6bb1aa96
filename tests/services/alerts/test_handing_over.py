"""Handing mail to a server that asks for TLS and a password, over real sockets."""

import datetime as dt
import socket
import ssl
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.local.servers import free_port
from services.alerts.mail import Post

NAME = "mail-user"


class Knocked(Controller):
    """Tries whether it listens without a word: the library's own way would show the server's certificate as a client's."""

    def _trigger_server(self) -> None:
        socket.create_connection((self.hostname, self.port)).close()


class Guarded:
    """A mail server that wants TLS and a password, and remembers who showed it one and what it took."""

    def __init__(self, certificate: Path, *, scheme: str) -> None:
        self.shown: list[str] = []
        self.taken: list[str] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        asks: dict[str, Any] = {"authenticator": self._authenticate}
        if scheme == "smtps":
            asks |= {"ssl_context": context, "auth_require_tls": False}  # it is within TLS from the first byte
        else:
            asks |= {"tls_context": context, "require_starttls": True, "auth_required": True}
        self._controller = Knocked(self, hostname="127.0.0.1", port=free_port(), **asks)
        self._controller.start()
        self.url = f"{scheme}://{NAME}:pass%40word@localhost:{self._controller.port}"

    def close(self) -> None:
        self._controller.stop()

    def _authenticate(self, _server: Any, _session: Any, _envelope: Any, _way: str, shown: Any) -> AuthResult:
        self.shown.append(shown.login.decode())
        return AuthResult(success=shown.password == b"pass@word")

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.taken.append(envelope.mail_from)
        return "250 taken"


def certificate(folder: Path, host: str) -> Path:
    """Write a key and its certificate for a host, signed by itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key(), serial_number=x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{host}.pem"
    sealed = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(sealed + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def guarded() -> Iterator[Callable[..., Guarded]]:
    servers: list[Guarded] = []

    def start(path: Path, *, scheme: str) -> Guarded:
        servers.append(Guarded(path, scheme=scheme))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def handed_over(server: Guarded) -> str:
    mail = EmailMessage()
    mail.set_content("A line.")
    post = Post(server.url)
    try:
        return post.hand_over(mail, sender="safekeep@one.example", to="dsl@one.example")
    finally:
        post.close()


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
@pytest.mark.parametrize("whose", ["its own, of an authority that is known", "of an authority nobody knows", "another's"])
def test_a_mail_server_is_told_the_password_only_where_its_certificate_is_its_own(
    guarded: Callable[..., Guarded], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, whose: str
) -> None:
    """Whoever stands between can show a certificate too; smtplib by itself would take any."""
    path = certificate(tmp_path, "elsewhere.example" if whose == "another's" else "localhost")
    server = guarded(path, scheme=scheme)
    if whose != "of an authority nobody knows":
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    outcome = handed_over(server)
    if whose.startswith("its own"):
        assert (outcome, server.shown, server.taken) == ("sent", [NAME], ["safekeep@one.example"])
    else:
        assert (outcome, server.shown, server.taken) == ("later", [], [])
