"""What a process tells its operator: structured log lines with ids, and an inner port with health and metrics.

A log line never holds a name, a narrative or a file name: only event words, ids, codes, counts and durations.
"""

import contextlib
import logging
import os
import secrets
import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

trace: ContextVar[str] = ContextVar("trace", default="")
"""The id that follows one request from page to mail: 32 hex digits, or empty outside of any."""

REQUESTS = Histogram("safekeep_requests_seconds", "Requests answered by the gateway", ["route", "status"])
CALLS = Histogram("safekeep_calls_seconds", "RPC calls answered", ["method", "outcome"])
EVENTS_TAKEN = Counter("safekeep_events_total", "Events consumed", ["type", "outcome"])
OUTBOX_LAG = Histogram("safekeep_outbox_lag_seconds", "From commit to confirmed publication", ["service"])
OUTBOX_WAITING = Gauge("safekeep_outbox_waiting", "Events that wait to be published", ["service"])
OUTBOX_OLDEST = Gauge("safekeep_outbox_oldest_seconds", "Since when the oldest of them waits", ["service"])
RELAY_WORKS = Gauge("safekeep_relay_works", "Whether this relay is the one that works (of two, one does)", ["service"])
RETRIES_WAITING = Gauge("safekeep_retries_waiting", "Events that failed, or wait behind one that did", ["service"])
MAILS = Counter("safekeep_mails_total", "Mails handed over", ["outcome"])
NOTIFICATIONS = Counter("safekeep_notifications_total", "Browsers notified", ["outcome"])
REACHED_NOBODY = Counter("safekeep_alerts_reached_nobody_total", "Entries that somebody had to be alerted to, and nobody was")


def new_trace() -> str:
    """Return a new trace id."""
    return secrets.token_hex(16)


def start_logging(process: str) -> None:
    """Write JSON lines to standard output, ours and other libraries' alike (theirs from warning up, without arguments' text).

    Where `LOG_FILE` names a file, standard output is that file from now on: a process manager that copies each line there from a pipe takes
    longer over it than we do (docs/performance.md).
    """
    if file := os.environ.get("LOG_FILE"):
        _say_into(file)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_trace(process),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=_Out,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Lines()]
    root.setLevel(logging.WARNING)


def _say_into(file: str) -> None:
    """Append standard output and error to a file. Two processes may share it: what is appended in one write stays together."""
    try:
        opened = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError:
        return  # no room for it: the pipe is as good
    os.dup2(opened, 1)
    os.dup2(opened, 2)
    os.close(opened)


class _Out:
    """Writes lines: each with its end in one write, since two processes share the output. On a full disk work goes on without its lines."""

    def __init__(self, *_: object) -> None:
        pass

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    debug = info = warn = warning = error = critical = fatal = log = exception = msg


def log() -> structlog.typing.FilteringBoundLogger:
    """Return the logger. Call as log().info("incident.recorded", incident=…)."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger


def _add_trace(process: str) -> structlog.typing.Processor:
    def add(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        line["process"] = process
        if trace.get():
            line["trace"] = trace.get()
        return line

    return add


class _Lines(logging.Handler):
    """Other libraries' records: where and what kind, never their message, which may quote what was sent."""

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        log().warning("library", logger=record.name, level_name=record.levelname, line=record.lineno, error=kind)


class PlainServer(ThreadingHTTPServer):
    """The library's server. Of what broke off (whoever asked has gone, as a rule) it says a line like all others, and not what the library prints."""

    def handle_error(self, request: object, client_address: object) -> None:
        log().warning("answer.broken_off", error=type(sys.exception()).__name__)


def serve_inner(*, host: str, port: int, ready: Callable[[], dict[str, bool]]) -> None:
    """Answer /healthz (alive), /readyz (its database answers, its connection to the broker is up) and /metrics, in a thread.

    `host` is loopback, but in a container, where the one who collects the figures is another. `ready` returns {part: whether it
    answers}; all must. Raises OSError when the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/healthz":
                self._answer(200, "text/plain", b"alive\n")
            elif self.path == "/readyz":
                parts = _checked(ready)
                lines = "".join(f"{part}: {'ready' if is_ready else 'not ready'}\n" for part, is_ready in parts.items())
                self._answer(200 if all(parts.values()) else 503, "text/plain", lines.encode())
            elif self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(_figures()))
            else:
                self._answer(404, "text/plain", b"not here\n")

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: probes come every second."""

    server = PlainServer((host, port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True, name="inner-port").start()


def _figures() -> CollectorRegistry:
    """The figures of this process, or of all the gateway's workers (deploy/gunicorn.conf.py names their folder)."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    figures = CollectorRegistry()
    MultiProcessCollector(figures)  # type: ignore[no-untyped-call]
    return figures


def _checked(ready: Callable[[], dict[str, bool]]) -> dict[str, bool]:
    try:
        return ready()
    except Exception:  # a probe that fails is an answer: not ready
        return {"process": False}
