"""Publishing with confirms, many at a time: a batch is sent whole, then every confirm is awaited.

pika's blocking channel waits for each confirm by itself, a round trip a message; this drives pika's own event loop instead.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pika
import pika.exceptions

CONFIRMED_WITHIN: Final = 10.0
"""Seconds for the broker to confirm a batch. While it has told us that it is blocked, we wait for as long as that takes."""


class NotConfirmed(Exception):
    """The broker did not take every message of a batch: it may have taken some. Publish all of it again."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it goes out."""

    exchange: str
    routing_key: str
    body: bytes
    properties: pika.BasicProperties


class Publisher:
    """One connection to the broker. Any failure raises pika's AMQPError or NotConfirmed: make another then."""

    def __init__(self, url: str, *, seconds: float = 10.0) -> None:
        """Connect. Raises AMQPError."""
        parameters = pika.URLParameters(url)
        parameters.heartbeat, parameters.socket_timeout, parameters.stack_timeout = 20, seconds, seconds
        self.is_blocked = False
        self._failure: BaseException | None = None
        self._is_closing = False
        self._channel: Any = None
        self._unconfirmed: set[int] = set()
        self._last = 0
        self._refused = False
        self._connection = pika.SelectConnection(
            parameters, on_open_callback=self._on_open, on_open_error_callback=self._on_failure, on_close_callback=self._on_failure
        )
        self._loop = self._connection.ioloop
        self._loop.activate_poller()
        self._until(lambda: self._channel is not None, seconds=seconds)
        if self._channel is None:
            raise pika.exceptions.AMQPConnectionError("no answer")

    def publish(self, messages: list[Message], *, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Send all and return when the broker has confirmed all. `meanwhile` is called about once a second while waiting.

        Raises NotConfirmed (refused, unroutable, or not within CONFIRMED_WITHIN), AMQPError.
        """
        self._refused = False
        for message in messages:
            self._last += 1
            self._unconfirmed.add(self._last)
            self._channel.basic_publish(message.exchange, message.routing_key, message.body, message.properties, mandatory=True)
        ends = time.monotonic() + CONFIRMED_WITHIN
        while self._unconfirmed:
            self._until(lambda: not self._unconfirmed, seconds=1.0)
            if self._unconfirmed:
                meanwhile()
                if self.is_blocked:
                    ends = time.monotonic() + CONFIRMED_WITHIN
                elif time.monotonic() > ends:
                    raise NotConfirmed("late")
        if self._refused:
            raise NotConfirmed("refused")

    def has_queue(self, name: str) -> bool:
        """Whether the broker has this queue. When it has not, the broker ends the channel with the question: make another publisher."""
        found: list[Any] = []
        self._channel.queue_declare(name, passive=True, callback=found.append)
        try:
            self._until(lambda: bool(found), seconds=CONFIRMED_WITHIN)
        except pika.exceptions.ChannelClosedByBroker:
            return False
        return bool(found)

    def wait(self, seconds: float, *, fileno: int | None = None) -> None:
        """Look after the connection for so long, or until there is something to read from `fileno`."""
        woken: list[int] = []
        if fileno is not None:
            self._loop.add_handler(fileno, lambda _fd, _events: woken.append(1), self._loop.READ)
        try:
            self._until(lambda: bool(woken), seconds=seconds)
        finally:
            if fileno is not None:
                self._loop.remove_handler(fileno)

    def close(self) -> None:
        """Say goodbye, and go after a second when the broker does not listen."""
        self._failure, self._is_closing = None, True
        try:
            if self._connection.is_open:
                self._connection.close()
                self._until(lambda: self._connection.is_closed, seconds=1.0)
            self._until(lambda: False, seconds=0.02)  # the socket itself is closed by the loop's next turn
        except (pika.exceptions.AMQPError, OSError):
            pass  # it is closed
        finally:
            self._loop.deactivate_poller()
            self._loop.close()

    def _until(self, done: Callable[[], bool], *, seconds: float) -> None:
        """Run the loop until `done` or the time is over. Raises what has ended the connection or the channel."""
        ends = time.monotonic() + seconds
        while not done():
            if self._failure is not None:
                raise self._failure
            left = ends - time.monotonic()
            if left <= 0:
                return
            timer = self._loop.call_later(left, lambda: None)  # the poll wakes by then
            self._loop.poll()
            self._loop.process_timeouts()
            self._loop.remove_timeout(timer)

    # --- what pika tells

    def _on_open(self, connection: Any) -> None:
        connection.add_on_connection_blocked_callback(lambda *_: self._blocked(True))
        connection.add_on_connection_unblocked_callback(lambda *_: self._blocked(False))
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Any) -> None:
        channel.add_on_close_callback(self._on_failure)
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(ack_nack_callback=self._on_confirm, callback=lambda _: self._ready(channel))

    def _ready(self, channel: Any) -> None:
        self._channel = channel

    def _blocked(self, is_blocked: bool) -> None:
        self.is_blocked = is_blocked

    def _on_confirm(self, frame: Any) -> None:
        tag = frame.method.delivery_tag
        self._unconfirmed = {t for t in self._unconfirmed if t > tag} if frame.method.multiple else self._unconfirmed - {tag}
        self._refused = self._refused or isinstance(frame.method, pika.spec.Basic.Nack)

    def _on_return(self, *_: Any) -> None:
        self._refused = True  # no queue: its confirm comes after this

    def _on_failure(self, _: Any, reason: Any) -> None:
        if not self._is_closing:
            is_known = isinstance(reason, pika.exceptions.AMQPError)
            self._failure = reason if is_known else pika.exceptions.AMQPConnectionError(type(reason).__name__)
