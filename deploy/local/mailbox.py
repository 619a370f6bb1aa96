"""The demonstration's mailbox: a real SMTP server on loopback that delivers nothing on, and a page to read it."""

import html
import json
import os
import signal
import threading
from collections import deque
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

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
        self._file = path.open("a")

    def add(self, message: dict[str, Any]) -> None:
        """Keep a message."""
        with self._lock:
            self.messages.append(message)
            self._file.write(json.dumps(message) + "\n")
            self._file.flush()

    def all(self) -> list[dict[str, Any]]:
        """Return every message kept, oldest first."""
        with self._lock:
            return list(self.messages)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a message: aiosmtpd calls this."""
        parsed = message_from_bytes(envelope.content)  # the old policy parses ten times as fast, and the bench measures Safekeep, not this
        plain = next((part for part in parsed.walk() if part.get_content_type() == "text/plain"), None)
        text = bytes(plain.get_payload(decode=True) or b"").decode(plain.get_content_charset("utf-8"), "replace") if plain else ""
        self.add(
            {
                "to": list(envelope.rcpt_tos),
                "subject": _readable(parsed["subject"]),
                "text": text.replace("\r\n", "\n"),
                "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "from": _readable(parsed["from"]),
                "message_id": str(parsed["message-id"] or ""),
            }
        )
        return "250 kept"


def _readable(header: str | None) -> str:
    """Return a header with its encoded words as they are read."""
    return str(make_header(decode_header(header))) if header else ""


_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mailbox – Safekeep demonstration</title><link rel="stylesheet" href="/style.css"></head><body>
<header>Safekeep demonstration: mailbox</header><main><h1>Mail that would have been sent</h1>
<p>Every e-mail ends here. Nothing is sent on. Newest first.</p>%s</main></body></html>"""
_STYLE = """body{margin:0;font:18px/1.5 "Atkinson Hyperlegible Next",system-ui,sans-serif;background:#fbfafc;color:#1d1823}header{background:#3f2158;color:#fff;
padding:15px 20px;font-weight:700}main{max-width:44rem;margin:0 auto;padding:20px}article{background:#fff;border:1px solid #d9d4df;padding:15px;margin:0 0 15px}
h2{font-size:20px;margin:0 0 5px}pre{white-space:pre-wrap;font:inherit;margin:10px 0 0}p.meta{margin:0;color:#55505c}
@media(prefers-color-scheme:dark){body{background:#17131c;color:#f2eef6}article{background:#211b29;border-color:#4a4255}p.meta{color:#c9c2d2}}"""


def _article(message: dict[str, Any]) -> str:
    to = html.escape(", ".join(message["to"]))
    return (
        f"<article><h2>{html.escape(message['subject'])}</h2><p class='meta'>To {to} · <time datetime='{message['at']}'>{message['at']}</time></p>"
        f"<pre>{html.escape(message['text'])}</pre></article>"
    )


def serve_page(mailbox: Mailbox, *, port: int) -> ThreadingHTTPServer:
    """Serve the page and messages.json on loopback."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/messages.json":
                self._answer("application/json", json.dumps(mailbox.all()))
            elif path == "/style.css":
                self._answer("text/css", _STYLE)
            elif path == "/":
                shown = mailbox.all()[-200:][::-1]
                articles = "".join(map(_article, shown)) or "<p>No mail yet. Add an incident, and the alert will be here within a second.</p>"
                self._answer("text/html; charset=utf-8", _PAGE % articles)
            else:
                self.send_error(404)

        def _answer(self, content_type: str, text: str) -> None:
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'self'")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main() -> None:
    """Run until SIGTERM."""
    mailbox = Mailbox(Path(os.environ["MAILBOX_FILE"]))
    controller = Controller(mailbox, hostname="127.0.0.1", port=int(os.environ["SMTP_PORT"]), data_size_limit=2**20)
    controller.start()
    server = serve_page(mailbox, port=int(os.environ["MAIL_PAGE_PORT"]))
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    done.wait()
    server.shutdown()
    controller.stop()


if __name__ == "__main__":
    main()
