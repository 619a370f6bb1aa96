"""Under eventlet: who waits for the database, a disk or a long piece of work lets the other greenlets of the process work.

psycopg's own waits that give way to greenlets build a selector for each wait, and eventlet's selector is three listeners and a timer: two thirds
of what a short statement costs. The hub is asked directly instead (docs/performance.md).
"""

import select
import time
from collections.abc import Callable, Generator
from typing import Any, Final, TypeVar

import eventlet.event
import eventlet.green.select
import eventlet.hubs
import eventlet.tpool
from eventlet import patcher
from psycopg import errors, waiting
from psycopg.waiting import Ready, Wait

Result = TypeVar("Result")

_poll: Final[Any] = patcher.original("select").poll  # eventlet's select has none, since it would not give way; with no time to wait it need not


def use() -> None:
    """Wait for the database so, in this process. Called once, after eventlet has patched it."""
    waiting.wait = _wait


def off_loop(function: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
    """Return what a function comes to that gives way to nobody: by a thread when eventlet hosts us, so that the service goes on meanwhile."""
    if patcher.is_monkey_patched("thread"):
        result: Result = eventlet.tpool.execute(function, *arguments, **named)
        return result
    return function(*arguments, **named)


def beside(function: Callable[..., Result], *arguments: Any, **named: Any) -> Callable[[], Result]:
    """Begin a piece of work that goes on while the caller does; return what waits for its end, and returns or raises what it came to."""
    ended = eventlet.event.Event()

    def work() -> None:
        try:
            ended.send(function(*arguments, **named))
        except BaseException as error:  # also what ends a greenlet: whoever waits is not to wait for ever
            ended.send_exception(error)

    eventlet.spawn_n(work)
    wait: Callable[[], Result] = ended.wait
    return wait


def _wait(gen: Generator[int, int, Result], fileno: int, interval: float = 0.0, timeout: float | None = None) -> Result:
    """Return what a generator of psycopg comes to, which says when it must wait, and for what.

    `interval` is how often psycopg's own would look whether the file was closed behind its back, which nobody here does.
    """
    ends = None if timeout is None else time.monotonic() + timeout
    try:
        wanted = next(gen)
        while True:
            wanted = gen.send(_ready(fileno, wanted, seconds=None if ends is None else max(0.0, ends - time.monotonic())))
            if ends is not None and time.monotonic() >= ends:
                raise errors._WaitTimeout("wait timeout expired")
    except StopIteration as done:
        result: Result = done.value
        return result


def _ready(fileno: int, wanted: int, *, seconds: float | None) -> int:
    """Wait until a socket is ready for what is wanted; return for what. 0 when the seconds are over."""
    if not wanted & Wait.W:
        try:
            eventlet.hubs.trampoline(fileno, read=True, timeout=seconds, timeout_exc=TimeoutError)
        except TimeoutError:
            return 0
        return Ready.R
    now = _poll()
    now.register(fileno, select.POLLOUT | (select.POLLIN if wanted & Wait.R else 0))
    found = dict(now.poll(0)).get(fileno, 0)  # there is nearly always room to write
    if not found:
        can_read, can_write, _ = eventlet.green.select.select([fileno] if wanted & Wait.R else [], [fileno], [], seconds)
        return (Ready.R if can_read else 0) | (Ready.W if can_write else 0)
    bad = found & (select.POLLERR | select.POLLHUP | select.POLLNVAL)
    return (Ready.R if found & select.POLLIN or (bad and wanted & Wait.R) else 0) | (Ready.W if found & select.POLLOUT or bad else 0)
