"""Who answers at a service's side door (safekeep.door): each question is carried out as nameko carries out a call of the broker's.

The same method in one of the service's workers, with the same token, deadline and contract: the door decides nothing. A question for a
stream is the service's own to answer (`Service.streams`), with a ticket that one of its methods gave out.
"""

import contextlib
import socket
from collections.abc import Callable
from typing import Any, Final

import eventlet
from eventlet.event import Event
from nameko.exceptions import ContainerBeingKilled, MethodNotFound, serialize
from nameko.rpc import Rpc

from safekeep import bus, door, telemetry
from safekeep.keys import Keys

CALLERS: Final = 32
"""At a time: as many as one gateway has threads. Others wait to be let in."""
STREAMS: Final = 16
"""Of them: so that long files leave room for calls."""
PATIENCE: Final = 5.0
"""Seconds for a question to arrive, and for its answer to be taken."""


class Porter:
    """Listens at one service's door. `container` is nameko's."""

    def __init__(self, *, container: Any, keys: Keys) -> None:
        self._container, self._keys, self._service = container, keys, container.service_name
        self._callers, self._streaming = eventlet.GreenPool(CALLERS), 0
        self._streams: Callable[[dict[str, Any], door.Stream], None] | None = None
        self._listening: Any = None

    def open(self, place: tuple[str, int], *, streams: Callable[[dict[str, Any], door.Stream], None] | None = None) -> None:
        """Begin to listen. `streams` answers a question for a stream, where the service has any. Raises OSError."""
        self._streams = streams
        self._methods = {each.method_name: each for each in self._container.entrypoints if isinstance(each, Rpc)}
        self._listening = eventlet.listen(place, backlog=128)
        self._container.spawn_managed_thread(self._receive)

    def close(self) -> None:
        """Let nobody in any more; answers under way are still given."""
        listening, self._listening = self._listening, None
        if listening is not None:
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)  # wakes who waits for callers
            listening.close()

    def _receive(self) -> None:
        while (listening := self._listening) is not None:
            try:
                sock, _ = listening.accept()
            except OSError:
                eventlet.sleep(0.05)  # closed; or there is no room for another just now
                continue
            self._callers.spawn_n(self._serve, sock)

    def _serve(self, sock: Any) -> None:
        with contextlib.closing(sock), contextlib.suppress(OSError, eventlet.Timeout, ContainerBeingKilled):
            with eventlet.Timeout(PATIENCE):
                data = door.read(sock)
            question = door.unseal(data, keys=self._keys, service=self._service, type_=door.QUESTION)
            if question is None:
                self._stream(sock, door.unseal(data, keys=self._keys, service=self._service, type_=door.STREAM))
                return
            body, number = self._carry_out(question), question.header["id"]
            answer = door.seal(body, keys=self._keys, service=self._service, owner=self._service, type_=door.ANSWER, number=number)
            with eventlet.Timeout(PATIENCE):
                door.write(sock, answer)

    def _stream(self, sock: Any, question: bus.Sealed | None) -> None:
        if question is None or self._streams is None or self._streaming >= STREAMS:
            telemetry.log().warning("door.refused")
            return
        self._streaming += 1
        try:
            self._streams(question, door.Stream(sock, keys=self._keys, question=question, side="service"))
        finally:
            self._streaming -= 1

    def _carry_out(self, question: dict[str, Any]) -> dict[str, Any]:
        entrypoint = self._methods.get(question.get("method"))
        if entrypoint is None:
            return {"result": None, "error": serialize(MethodNotFound("unknown"))}
        done = Event()

        def handle_result(_worker: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
            done.send({"result": result, "error": serialize(exc_info[1]) if exc_info else None})
            return result, exc_info

        self._container.spawn_worker(entrypoint, (question.get("call"),), {}, handle_result=handle_result)
        answer: dict[str, Any] = done.wait()
        return answer
