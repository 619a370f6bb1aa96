"""A little web server on this machine, for what is read from an address."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Site(ThreadingHTTPServer):
    """It answers as `pages` has it by path (a status, a body, where it leads on to), anything else with 404, and keeps what it was `asked`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.pages: dict[str, tuple[int, bytes, str]] = {}
        self.asked: list[str] = []

    @property
    def place(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        site: Any = self.server
        site.asked.append(self.path)
        status, body, leads_to = site.pages.get(self.path, (404, b"", ""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if leads_to:
            self.send_header("Location", leads_to)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def served() -> Iterator[Site]:
    """Serve a site until the block ends."""
    site = Site()
    threading.Thread(target=site.serve_forever, daemon=True).start()
    try:
        yield site
    finally:
        site.shutdown()
        site.server_close()
