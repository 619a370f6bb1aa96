"""Dead letters: what a service could not read, or tried often enough. An operator looks, and sends it again or drops it.

A message leaves the queue only after what was done with it is confirmed; doing it twice has the effect of once.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID, uuid5

import pika
import pika.exceptions

from safekeep import bus, publishing
from safekeep.keys import Keys


class NoSuchLetter(Exception):
    """No dead letter has this id. args: (id,)."""


class ReasonNeeded(Exception):
    """A letter is dropped with a reason, which is kept. args: ()."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter. `event` holds ids, codes and times, as every event does; it is empty when it cannot be read."""

    service: str
    id: str
    name: str
    version: int
    cause: str
    count: int
    event: dict[str, Any]

    @property
    def is_readable(self) -> bool:
        """Whether it was sealed by us."""
        return bool(self.event)


def letters(*, url: str, keys: Keys, service: str | None = None) -> list[Letter]:
    """Return the dead letters of one service, or of all. They stay where they are. Raises AMQPError."""
    found = []
    for name in _services(service):
        with _taken(url, name) as taken:
            found += [_letter(name, properties, body, keys=keys) for _, properties, body in taken]
    return found


def show(*, url: str, keys: Keys, letter_id: str) -> Letter:
    """Return one letter. Raises NoSuchLetter, AMQPError."""
    for letter in letters(url=url, keys=keys):
        if letter.id == letter_id:
            return letter
    raise NoSuchLetter(letter_id)


def replay(*, url: str, keys: Keys, service: str | None = None, letter_id: str | None = None) -> list[Letter]:
    """Send letters to their service again: one, or all of a service, or all. Returns them. Raises NoSuchLetter, AMQPError, NotConfirmed."""
    return _settle(url=url, keys=keys, service=service, letter_id=letter_id, dropped=None)


def drop(*, url: str, keys: Keys, letter_id: str, reason: str) -> Letter:
    """Give a letter up: it will have no effect, and what waits behind it goes on. The service keeps the reason.

    Raises ReasonNeeded, NoSuchLetter, AMQPError, NotConfirmed.
    """
    if not reason.strip():
        raise ReasonNeeded
    return _settle(url=url, keys=keys, service=None, letter_id=letter_id, dropped=reason.strip()[:500])[0]  # buried twice, it is there twice


def _settle(*, url: str, keys: Keys, service: str | None, letter_id: str | None, dropped: str | None) -> list[Letter]:
    done = []
    publisher = publishing.Publisher(url)
    try:
        for name in _services(service):
            with _taken(url, name) as taken:
                for leave, properties, body in taken:
                    letter = _letter(name, properties, body, keys=keys)
                    if letter_id in (None, letter.id):
                        publisher.publish([_again(letter, properties, body, keys=keys, dropped=dropped)])
                        leave()
                        done.append(letter)
    finally:
        publisher.close()
    if letter_id is not None and not done:
        raise NoSuchLetter(letter_id)
    return done


def _again(letter: Letter, properties: Any, body: bytes, *, keys: Keys, dropped: str | None) -> publishing.Message:
    """Return what goes back to the service: the message as it was, or the note that it was dropped."""
    if dropped is not None:
        note = {"name": letter.name, "version": letter.version, "event": letter.event, "dropped": {"reason": dropped, "cause": letter.cause}}
        if not letter.is_readable:
            note["event"] = {"id": letter.id, "school_id": str(UUID(int=0)), "subject": letter.id, "sequence": 1}
        body = bus.seal(keys=keys, body=note, owner="operator", type_=letter.name, message_id=letter.id)
    plain = pika.BasicProperties(
        content_type=bus.CONTENT_TYPE, content_encoding="binary", delivery_mode=2, message_id=letter.id, type=properties.type, app_id="operator"
    )
    return publishing.Message(bus.REPLAYS.name, letter.service, body, plain)


@contextmanager
def _taken(url: str, service: str) -> Iterator[Iterator[tuple[Callable[[], None], Any, bytes]]]:
    """Hold the dead letters a service has now, each with what takes it off the queue; the others are back in it at the end.

    What dies again meanwhile is not looked at: sending all again comes to an end.
    """
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel, queue = connection.channel(), bus.dead_queue(service).name
        count = channel.queue_declare(queue, passive=True).method.message_count
        held: set[int] = set()

        def each() -> Iterator[tuple[Callable[[], None], Any, bytes]]:
            for _ in range(count):
                method, properties, body = channel.basic_get(queue)
                if method is None:
                    return
                held.add(method.delivery_tag)
                yield partial(leave, method.delivery_tag), properties, body

        def leave(tag: int) -> None:
            channel.basic_ack(tag)
            held.discard(tag)

        yield each()
    if held:
        _wait_until_back(url, queue=queue, count=len(held))


def _wait_until_back(url: str, *, queue: str, count: int) -> None:
    """Wait, a second at most, until the broker has put back what a closed connection held: whoever looks next would find nothing.

    Handing them back one by one would count as deliveries, of which the broker allows only so many.
    """
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        for _ in range(50):
            if channel.queue_declare(queue, passive=True).method.message_count >= count:
                return
            connection.sleep(0.02)


def _letter(service: str, properties: Any, body: bytes, *, keys: Keys) -> Letter:
    headers = properties.headers or {}
    deaths = headers.get("x-death") or [{}]
    cause = str(headers.get("cause") or deaths[0].get("reason") or "unknown")
    count = int(headers.get("attempts") or headers.get("x-delivery-count") or deaths[0].get("count") or 1)
    message = bus.unseal(keys=keys, data=body)
    if isinstance(message, bus.Sealed) and isinstance(message.get("event"), dict):
        return Letter(service, str(message["event"].get("id")), str(message["name"]), int(message["version"]), cause, count, message["event"])
    reason = message.get("reason", "malformed") if isinstance(message, dict) else "malformed"
    return Letter(service, str(uuid5(UUID(int=0), body.hex())), "unreadable", 0, f"{cause}:{reason}", count, {})


def _services(service: str | None) -> tuple[str, ...]:
    return (service,) if service else tuple(bus.CONSUMES)
