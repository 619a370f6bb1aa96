"""What makes a plain method answer on the bus: the token, the deadline, the contract, the errors.

A service method takes the verified actor and the request, and returns the answer the contract names:

    @answers(Record)
    def record(self, actor: Actor, request: Record) -> Recorded: ...
"""

import functools
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

import eventlet
import nameko.rpc
import sqlalchemy as sa
from amqp.exceptions import AMQPError
from kombu.exceptions import KombuError
from nameko.amqp.publish import UndeliverableMessage
from nameko.constants import PERSISTENT
from nameko.extensions import DependencyProvider
from nameko.messaging import Consumer, QueueConsumer
from nameko.rpc import Responder, rpc

from safekeep import actor as actors
from safekeep import bus, clock, database, idempotency, inbox, permissions, settings, telemetry
from safekeep.actor import Actor
from safekeep.calls import InTime
from safekeep.contracts import Contract, Request
from safekeep.errors import Invalid, NotAllowed, NotFound, SafekeepError, StorageError, TooLate, Unavailable
from safekeep.keys import Keys
from safekeep.porter import Porter

Answered = TypeVar("Answered", bound=Contract)

_deadline: ContextVar[float] = ContextVar("deadline", default=float("inf"))


class Answering(Responder):
    """Answers calls. What cannot be sent is given up: nameko would end the process, and with the call, redelivered, the next one too.

    Whoever asks and does not say where the answer goes, or has gone, waits for none; the work itself is done and committed.
    """

    def send_response(self, result: Any, exc_info: Any) -> tuple[Any, Any]:
        try:
            answer: tuple[Any, Any] = super().send_response(result, exc_info)
            return answer
        except Exception as error:  # whatever a stranger's call says of itself, it must not end the service
            telemetry.log().warning("answer.not_sent", error=type(error).__name__)
            return result, exc_info


nameko.rpc.Responder = Answering


class Host(DependencyProvider):
    """What a service has from its process: its settings, keys and database. It keeps the side door as well."""

    def setup(self) -> None:
        self.resources = Resources(settings.service_settings(self.container.service_name), self.container.service_name)
        self.porter = Porter(container=self.container, keys=self.resources.keys)

    def start(self) -> None:
        if self.resources.settings.door is not None:
            streams = getattr(self.container.service_cls, "streams", None)
            self.porter.open(self.resources.settings.door, streams=functools.partial(streams, self.resources) if streams else None)

    def stop(self) -> None:
        self.porter.close()

    def kill(self) -> None:
        self.porter.close()

    def get_dependency(self, worker_ctx: Any) -> "Resources":
        return self.resources


class Resources:
    """Settings, keys and the two database engines of one service (tests build it themselves)."""

    def __init__(self, service_settings: settings.ServiceSettings, service: str) -> None:
        self.service = service
        self.settings = service_settings
        self.keys = Keys.load(service_settings.keys_file)
        self.engine: sa.Engine = database.engine(service_settings.database_url)
        self.worker_engine: sa.Engine = database.engine(service_settings.worker_database_url, size=3)
        self.inbox: inbox.Inbox | None = None  # made for the first event
        self.prune_at = time.monotonic()

    transaction = staticmethod(database.transaction)


def answers(request_class: type[Request[Any]]) -> Callable[[Callable[..., Answered]], Callable[..., Any]]:
    """Make a method answer `request_class` on the bus; it is called with the verified actor (None where anyone may call)."""

    def wrap(method: Callable[..., Answered]) -> Callable[..., Any]:
        name = request_class.method

        @functools.wraps(method)
        def answer(self: Any, call: dict[str, Any]) -> dict[str, Any]:
            started, outcome = time.perf_counter(), "done"
            telemetry.trace.set(str(call.get("trace", ""))[:32])
            try:
                _deadline.set(call["deadline"])
                in_time()
                actor = _caller(keys=self.host.keys, token=call.get("token", ""), method=name)
                request = request_class.receive(call["body"])
                if (once := call.get("once")) and actor is not None:
                    return _once(self.host, method=functools.partial(method, self), actor=actor, request=request, once=once).wire()
                return method(self, actor, request).wire()
            except SafekeepError as error:
                outcome = type(error).__name__
                raise
            except Exception as error:  # nothing of an unforeseen error's text leaves the service
                outcome = "Failure"
                telemetry.log().error("call.failed", method=name, error=type(error).__name__, where=_where(error))
                raise StorageError("XX000", type(error).__name__) from None
            finally:
                telemetry.CALLS.labels(method=name, outcome=outcome).observe(time.perf_counter() - started)

        answer.request = request_class  # type: ignore[attr-defined]
        exposed: Callable[..., Any] = rpc(expected_exceptions=SafekeepError)(answer)
        return exposed

    return wrap


def in_time() -> None:
    """Raise TooLate when the deadline of the call under way has passed: whoever asked has been told, or will be, that it was not done.

    What writes asks again, under the lock under which a later question about the outcome is answered: so that answer is certain.
    """
    if _deadline.get() < clock.now().timestamp():
        raise TooLate


def _once(resources: Resources, *, method: Callable[..., Answered], actor: Actor, request: Request[Any], once: dict[str, str]) -> Answered:
    """Carry out a call that came with an Idempotency-Key: under the id that is kept for the key."""
    result_id = getattr(request, request.makes)
    kept = idempotency.settle(resources, actor=actor, key=once["key"], content=once["content"], result_id=result_id)
    try:
        return method(actor, request.model_copy(update={request.makes: kept}))
    except (Invalid, NotAllowed, NotFound):
        if kept == result_id:  # this call's own: an earlier one may have made it
            idempotency.forget(resources, actor=actor, key=once["key"])
        raise


def _caller(*, keys: Keys, token: str, method: str) -> Actor | None:
    if permissions.METHODS.get(method) == permissions.ANYONE:
        return None
    actor = actors.verify(keys=keys, token=token, at=method.partition(".")[0])
    if not permissions.may_call(actor, method):
        raise NotAllowed("scope" if actor.machine_id else "role")
    if permissions.must_step_up(actor, method, now=clock.now()):
        raise NotAllowed("step_up")
    return actor


def _where(error: Exception) -> str:
    """Return file:line of the innermost frame of ours: enough to find it, nothing of what was sent."""
    place, frame = "", error.__traceback__
    while frame is not None:
        file = frame.tb_frame.f_code.co_filename
        if "site-packages" not in file:
            place = f"{'/'.join(file.rsplit('/', 2)[-2:])}:{frame.tb_lineno}"  # "<string>" has no folder
        frame = frame.tb_next
    return place


def is_reached(container: Any) -> bool:
    """Whether the connection over which calls and events come to a hosted service is up now: as its own end knows it, the broker is not asked.

    That a broker is gone without a word is known when its heartbeats stay out.
    """
    heard = [each for shared in container.shared_extensions.values() if isinstance(shared, QueueConsumer) for each in shared._consumers.values()]
    connections = [consumer.channel.connection if consumer.channel is not None else None for consumer in heard]
    return bool(connections) and all(connection is not None and connection.connected for connection in connections)


class events(Consumer):  # noqa: N801 - used as a decorator, like nameko's own
    """Entrypoint: the service's events queue, declared with its dead-letter queue. The method gets the decoded message."""

    def __init__(self, service: str) -> None:
        self.service = service
        super().__init__(bus.events_queue(service), requeue_on_error=True)


take_events = events.decorator


def take(resources: Resources, handlers: inbox.Handlers, message: Any) -> None:
    """Carry out one event of the queue: see safekeep.inbox."""
    if resources.inbox is None:
        resources.inbox = inbox.Inbox(engine=resources.engine, handlers=handlers)
    resources.inbox.take(message)


def retry(resources: Resources, handlers: inbox.Handlers) -> None:
    """Carry out what is due in `retries`, and tidy; an outage of the database or the broker is left for the next tick."""
    try:
        bury = functools.partial(_bury, resources)
        inbox.retry_due(worker_engine=resources.worker_engine, engine=resources.engine, handlers=handlers, bury=bury)
        telemetry.RETRIES_WAITING.labels(service=resources.service).set(inbox.kept(resources.worker_engine))
        if time.monotonic() >= resources.prune_at:
            inbox.prune(resources.worker_engine)
            idempotency.prune(resources.worker_engine)
            resources.prune_at = time.monotonic() + 3600.0
    except StorageError as error:
        telemetry.log().warning("retries.waiting", sqlstate=error.sqlstate)
    except (OSError, AMQPError, KombuError, UndeliverableMessage) as error:
        telemetry.log().warning("retries.not_buried", error=type(error).__name__)


def _bury(resources: Resources, body: dict[str, Any], cause: str, attempts: int) -> None:
    """Publish an event into the service's dead letters, sealed as it came; how often it failed and why stand in the headers."""
    event = {k: v for k, v in body.items() if k not in {"name", "version", "dropped"}}
    message = {"name": body["name"], "version": body["version"], "event": event}
    sealed = bus.seal(keys=resources.keys, body=message, owner=resources.service, type_=body["name"], message_id=body["id"])
    publisher = InTime(resources.settings.broker_url, mandatory=True, delivery_mode=PERSISTENT)
    publisher.publish(
        sealed,
        exchange=bus.EXHAUSTED.name,
        routing_key=bus.dead_queue(resources.service).routing_key,
        serializer=None,
        content_type=bus.CONTENT_TYPE,
        content_encoding="binary",
        message_id=body["id"],
        type=body["name"],
        headers={"cause": cause, "attempts": attempts},
    )


def ask(proxy: Any, request: Request[Answered], *, token: str, seconds: float = 5.0) -> Answered:
    """Ask another service, with a token of our own or on behalf of the person whose token it is. `proxy`: its RpcProxy.

    Raises Unavailable(service, "unknown") when no answer came within `seconds`: a broker that was killed has lost it, and nameko would
    wait for ever.
    """
    service, _, method = request.method.partition(".")
    try:
        with eventlet.Timeout(seconds):
            answer = getattr(proxy, method)(envelope(request, token=token, seconds=seconds))
    except eventlet.Timeout:
        telemetry.log().warning("call.unanswered", method=request.method)
        raise Unavailable(service, "unknown") from None
    received: Answered = request.answer.receive(answer)  # type: ignore[assignment]
    return received


def envelope(request: Request[Any], *, token: str, seconds: float) -> dict[str, Any]:
    """Return what travels inside the sealed body of a call: the token, the deadline, the trace and the request."""
    deadline = clock.now().timestamp() + seconds
    return {"token": token, "deadline": deadline, "trace": telemetry.trace.get(), "body": request.wire()}
