"""The demonstration's mailbox: a real SMTP server on loopback that delivers nothing on, a page to read it, and one with the codes of this moment."""

import errno
import html
import json
import os
import re
import signal
import threading
import time
from collections import deque
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pyotp
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from safekeep import telemetry

KEPT = 20_000
"""Messages kept; older ones are dropped."""


class Mailbox:
    """What arrived, newest last, also in a file so that it survives a restart."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self.messages: deque[dict[str, Any]] = deque(maxlen=KEPT)
        if path.exists():
            for line in path.read_text().splitlines():
                self.messages.append(json.loads(line))
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)

    def add(self, message: dict[str, Any]) -> None:
        """Keep a message, whole or not at all. Raises OSError when there is no room for it."""
        line = json.dumps(message).encode() + b"\n"
        with self._lock:
            before = os.fstat(self._file.fileno()).st_size  # it has been cut shorter than where it was written last, when the disk was full
            if self._file.write(line) != len(line):
                self._file.truncate(before)
                raise OSError(errno.ENOSPC, "no room")
            self.messages.append(message)

    def all(self) -> list[dict[str, Any]]:
        """Return every message kept, oldest first."""
        with self._lock:
            return list(self.messages)

    async def handle_EHLO(self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]) -> list[str]:  # noqa: N802
        """Offer what every mail server that is met does: commands that come together. It reads them one by one anyway."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a message: aiosmtpd calls this."""
        headers, text = read(envelope.content)
        message = {
            "to": list(envelope.rcpt_tos),
            "subject": _readable(headers["subject"]),
            "text": text,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "from": _readable(headers["from"]),
            "message_id": str(headers["message-id"] or ""),
        }
        try:
            self.add(message)
        except OSError:
            return "452 4.3.1 there is no room"  # it may pass: whoever sent it tries again
        return "250 kept"


class Taking(SMTP):  # type: ignore[misc]
    """aiosmtpd's server, which reads a plain address plainly: the library's grammar for all of them took a fifth of what taking a mail costs."""

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        if plain := _PLAIN_ADDRESS.match(arg):
            return plain[1], plain[2]
        found: tuple[str | None, str | None] = super()._getaddr(arg)
        return found


class Listener(Controller):  # type: ignore[misc]
    """Where mail comes in."""

    def factory(self) -> SMTP:
        return Taking(self.handler, **self.SMTP_kwargs)


_PLAIN_ADDRESS = re.compile(r"<([A-Za-z0-9_+-][A-Za-z0-9._+-]{0,62}@[A-Za-z0-9.-]+)>\s*(.*)", re.DOTALL)


def read(content: bytes) -> tuple[Message, str]:
    """Return a mail's headers and its text.

    Parts are found by hand, and each is read by the library: for a mail of parts that compiles patterns with each mail's own boundary, which took
    longer than everything else about it, and a bench of Safekeep is not to measure this.
    """
    headers = BytesHeaderParser().parsebytes(content)
    boundary = headers.get_boundary()
    pieces = [content] if boundary is None else content.split(b"--" + boundary.encode("utf-8", "replace"))[1:]
    for piece in pieces:
        part = message_from_bytes(piece.removeprefix(b"\r\n").removesuffix(b"\r\n") if boundary is not None else piece)
        if part.get_content_type() == "text/plain":
            said = bytes(part.get_payload(decode=True) or b"").decode(part.get_content_charset("utf-8"), "replace")
            return headers, said.replace("\r\n", "\n")
    return headers, ""


def _readable(header: str | None) -> str:
    """Return a header with its encoded words as they are read."""
    return str(make_header(decode_header(header))) if header else ""


_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">%(more)s
<title>%(title)s – Safekeep demonstration</title><link rel="stylesheet" href="/style.css"></head><body>
<header><span>Safekeep demonstration</span> <nav aria-label="Pages"><a href="/">Mail</a> <a href="/codes">Sign-ins and codes</a></nav></header>
<main><h1>%(title)s</h1>%(body)s</main></body></html>"""
_STYLE = """body{margin:0;font:18px/1.5 "Atkinson Hyperlegible Next",system-ui,sans-serif;background:#fbfafc;color:#1d1823}
header{background:#3f2158;color:#fff;padding:10px 20px;font-weight:700;display:flex;flex-wrap:wrap;gap:0 25px;align-items:center}
nav a{display:inline-block;padding:8px 0;margin-right:20px;color:#fff;font-weight:400}main{max-width:60rem;margin:0 auto;padding:20px}a{color:#0b5e63}
article{background:#fff;border:1px solid #d9d4df;padding:15px;margin:0 0 15px;max-width:44rem}h2{font-size:20px;margin:0 0 5px}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font:inherit;margin:10px 0 0}p{max-width:44rem}p.meta{margin:0;color:#55505c}
.wide{overflow-x:auto}table{border-collapse:collapse}th,td{text-align:left;padding:8px 20px 8px 0;border-bottom:1px solid #d9d4df;vertical-align:top}
td,.code{white-space:nowrap}.code{font-size:22px;font-weight:700}
@media(max-width:900px){thead{display:none}tr{display:block;padding:10px 0;border-bottom:1px solid #d9d4df}td{display:block;padding:0;border:0}}
@media(prefers-color-scheme:dark){body{background:#17131c;color:#f2eef6}article{background:#211b29;border-color:#4a4255}p.meta{color:#c9c2d2}a{color:#7fd1cf}
th,td{border-color:#4a4255}header a{color:#fff}}"""


_SCRIPT = """let shown = Math.floor(Date.now() / 30000);
setInterval(async () => {
  const now = Math.floor(Date.now() / 30000);
  if (now === shown) return;
  shown = now;
  const page = new DOMParser().parseFromString(await (await fetch("/codes")).text(), "text/html");
  document.querySelector("tbody").replaceWith(page.querySelector("tbody"));
}, 500);"""
"""The codes of the next half minute come by themselves, and whoever is reading, or is at a field elsewhere, stays where they are."""


def _page(title: str, body: str, *, more: str = "") -> str:
    return _PAGE % {"title": title, "body": body, "more": more}


def _mail(messages: list[dict[str, Any]]) -> str:
    articles = "".join(map(_article, messages)) or "<p>No mail yet. Add an incident, and the alert will be here within a second.</p>"
    return _page("Mail that would have been sent", f"<p>Every e-mail ends here. Nothing is sent on. Newest first.</p>{articles}")


def _article(message: dict[str, Any]) -> str:
    to = html.escape(", ".join(message["to"]))
    text = re.sub(r"https?://\S+", lambda found: f'<a href="{found.group()}">{found.group()}</a>', html.escape(message["text"]))
    said = datetime.fromisoformat(message["at"]).strftime("%-d %B %Y, %H:%M:%S UTC")
    return (
        f"<article><h2>{html.escape(message['subject'])}</h2><p class='meta'>To {to} · <time datetime='{message['at']}'>{said}</time></p>"
        f"<pre>{text}</pre></article>"
    )


def codes_page(logins: list[dict[str, Any]], *, now: float) -> str:
    """Return the page that stands for the authenticator apps of made-up people: every sign-in, with the code of this moment where one is asked for."""
    if not logins:
        return _page("Sign-ins and codes", "<p>There is no demonstration here, so there are no sign-ins.</p>")
    rows = ""
    for login in logins:
        code = pyotp.TOTP(login["totp_secret"]).at(int(now)) if login["totp_secret"] else ""
        shown = f"<span class='code'>{code[:3]} {code[3:]}</span>" if code else "no code asked"
        cells = (
            html.escape(str(value))
            for value in (
                login["role"].replace("_", " "),
                login["school"] or "trust",
                login["username"],
                login["password"],
            )
        )
        rows += "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + f"<td>{shown}</td></tr>"
    head = "".join(f"<th scope='col'>{name}</th>" for name in ("Role", "School", "E-mail address", "Password", "Code now"))
    body = (
        f"<p>These people are made up. Real staff have the codes in an app on their telephone. A code works once: if it is refused, wait half a "
        f"minute for the next one. It appears here by itself, or with <a href='/codes'>Show new codes</a>.</p><div class='wide' tabindex='0' role='region' aria-label='Sign-ins'>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    return _page("Sign-ins and codes", body, more='<script src="/codes.js" defer></script>')


def _logins() -> list[dict[str, Any]]:
    path = Path(os.environ.get("DEMO_LOGINS", ""))
    found: list[dict[str, Any]] = json.loads(path.read_text()) if path.is_file() else []
    return found


def serve_page(mailbox: Mailbox, *, port: int) -> telemetry.PlainServer:
    """Serve the pages and messages.json on loopback."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/messages.json":
                self._answer("application/json", json.dumps(mailbox.all()))
            elif path == "/style.css":
                self._answer("text/css", _STYLE)
            elif path == "/codes.js":
                self._answer("text/javascript", _SCRIPT)
            elif path == "/":
                self._answer("text/html; charset=utf-8", _mail(mailbox.all()[-200:][::-1]))
            elif path == "/codes":
                self._answer("text/html; charset=utf-8", codes_page(_logins(), now=time.time()))
            else:
                self.send_error(404)

        def _answer(self, content_type: str, text: str) -> None:
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = telemetry.PlainServer(("127.0.0.1", port), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main() -> None:
    """Run until SIGTERM."""
    telemetry.start_logging("mailbox")
    mailbox = Mailbox(Path(os.environ["MAILBOX_FILE"]))
    controller = Listener(mailbox, hostname="127.0.0.1", port=int(os.environ["SMTP_PORT"]), data_size_limit=2**20)
    controller.start()
    server = serve_page(mailbox, port=int(os.environ["MAIL_PAGE_PORT"]))
    telemetry.serve_inner(host="127.0.0.1", port=int(os.environ["INNER_PORT"]), ready=lambda: {"mail": controller.server.is_serving()})
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    done.wait()
    server.shutdown()
    controller.stop()


if __name__ == "__main__":
    main()
