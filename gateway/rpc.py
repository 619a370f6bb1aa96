"""The one door from the gateway to the services: `ask` a contract's request, get its answer or one of safekeep.errors.

Calls go over the broker, and by the services' side doors while it is blocked or away (docs/decisions/0009-side-door.md).
A standalone nameko proxy serves one thread, so each thread has its own, thrown away after any error of the connection.
"""

import select
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import nameko.exceptions
from amqp.exceptions import AMQPError
from kombu.exceptions import KombuError
from nameko.standalone.rpc import ClusterRpcProxy
from pydantic import ValidationError

import safekeep.calls  # noqa: F401 - errors are rebuilt as what they were, and no call waits for ever to be sent
from gateway import revocations
from safekeep import bus, clock, door, telemetry
from safekeep.contracts import Contract, Request, problems_of
from safekeep.errors import Invalid, NotSignedIn, TooLate, Unavailable
from safekeep.keys import Keys

Answered = TypeVar("Answered", bound=Contract)
Built = TypeVar("Built", bound=Contract)
Way = Callable[[str, str, dict[str, Any], float], Any]
"""How a service is reached: (service, method, call, seconds) → what nameko says the method returned."""

_BROKEN = (OSError, AMQPError, KombuError, RuntimeError)
"""What a lost or refused connection raises: sockets, py-amqp, kombu, and nameko's own "can no longer be used"."""

_NO_LONGER_TAKEN = frozenset({"invalid", "expired"})
"""Why a service does not take a token of a session that lives on."""
_RENEWED_TIMES, _RENEWED_EVERY = 4, 0.5
"""Identity signs with a new key within a second of the old one's end (safekeep.keys.LOOK_EVERY)."""

_config: dict[str, Any] = {}
_keys: Keys
_another_token: Callable[[str], str]
_doors: Mapping[str, tuple[str, int]] = {}
_mine = threading.local()


def start(
    *, broker_url: str, keys: Keys, doors: Mapping[str, tuple[str, int]] | None = None, another_token: Callable[[str], str] = lambda _: ""
) -> None:
    """Say where the broker and the services' side doors are, and which keys seal what is said. Once, when the process starts.

    `another_token` gives an actor token in place of one that is no longer taken, or "".
    """
    global _keys, _doors, _another_token
    _keys, _doors, _another_token = keys, dict(doors or {}), another_token
    bus.use_keys(keys)
    _forget()
    _config.clear()
    _config.update(bus.nameko_config(broker_url=broker_url))


def build(contract: type[Built], **fields: Any) -> Built:
    """Return `contract(**fields)`. Raises Invalid, with a code beside each field, where pydantic would raise its own error."""
    try:
        return contract.model_validate(fields)
    except ValidationError as error:
        raise Invalid(problems_of(error)) from None


def ask(request: Request[Answered], *, token: str, seconds: float = 5.0, once: dict[str, str] | None = None) -> Answered:
    """Return the answer to `request`, asked on behalf of the actor `token` speaks for; `once`: its Idempotency-Key, if it came with one.

    What was tried one way may be tried the other: every method stands being run twice (tests/covered/test_commands.py).
    A token whose key was retired at once, since it leaked, is exchanged for another of the same session: a service looks
    at it before anything else, and who is in the middle of a form has not signed out.
    Raises what the service raises (safekeep.errors), or Unavailable(service, outcome) when it did not answer within
    `seconds`: `not_done` where it certainly was not carried out, `unknown` where it may have been.
    """
    ends = time.monotonic() + seconds
    for attempt in range(_RENEWED_TIMES):
        try:
            return _ask(request, token=token, seconds=ends - time.monotonic(), once=once)
        except NotSignedIn as error:
            if not token or error.reason not in _NO_LONGER_TAKEN or not (another := _another_token(token)):
                raise
            token = another
            if attempt:
                time.sleep(_RENEWED_EVERY)
    return _ask(request, token=token, seconds=ends - time.monotonic(), once=once)


def _ask(request: Request[Answered], *, token: str, seconds: float, once: dict[str, str] | None) -> Answered:
    service, _, method = request.method.partition(".")
    call = _envelope(request, token=token, seconds=seconds, once=once)
    ends, outcome = time.monotonic() + seconds, "not_done"
    for way in _ways(service):
        if (left := ends - time.monotonic()) <= 0:
            break
        try:
            return request.answer.receive(way(service, method, call, left))  # type: ignore[return-value]
        except _NotThisWay as failed:
            outcome = "unknown" if failed.may_be_done else outcome
        except (nameko.exceptions.RpcTimeout, TimeoutError):
            raise Unavailable(service, "unknown") from None
        except (nameko.exceptions.UnknownService, nameko.exceptions.MethodNotFound, TooLate) as error:
            telemetry.log().warning("call.not_taken", method=request.method, way=way.__name__, error=type(error).__name__)
            raise Unavailable(service, outcome) from None
        except nameko.exceptions.RemoteError as error:
            telemetry.log().error("call.failed", method=request.method, error=str(error.exc_type))
            raise Unavailable(service, "unknown") from None
    raise Unavailable(service, outcome)


@contextmanager
def stream(service: str, asked: dict[str, Any]) -> Iterator[door.Stream]:
    """Open a stream of bytes at a service's door. Raises Unavailable, and OSError when it breaks."""
    try:
        with door.stream(_doors[service], keys=_keys, service=service, asked=asked) as opened:
            yield opened
    except (door.Shut, KeyError):
        raise Unavailable(service, "not_done") from None


def error_of(said: dict[str, Any]) -> Exception:
    """Return the error a service said over a stream, as it was raised there."""
    error: Exception = nameko.exceptions.deserialize(said)
    return error


def is_reachable() -> bool:
    """Whether the broker answers just now. Whoever asks has a thread of their own each time: no connection is kept for it."""
    try:
        _proxy()
    except _NotThisWay:
        return False
    finally:
        _forget()
    return True


class _NotThisWay(Exception):
    """A way is closed, or broke."""

    def __init__(self, *, may_be_done: bool) -> None:
        self.may_be_done = may_be_done


def _ways(service: str) -> tuple[Way, ...]:
    """Return how to reach a service, the better way first. Identity's heartbeat tells whether the broker carries anything."""
    if service not in _doors:
        return (_by_broker,)
    return (_by_broker, _by_door) if revocations.are_heard() else (_by_door, _by_broker)


def _by_broker(service: str, method: str, call: dict[str, Any], seconds: float) -> Any:
    proxy = _proxy()
    proxy._reply_listener.queue_consumer.timeout = seconds
    try:
        return getattr(getattr(proxy._proxy, service), method)(call)
    except nameko.exceptions.RpcTimeout:
        _forget()
        raise
    except _BROKEN as error:
        telemetry.log().warning("call.broken_off", method=f"{service}.{method}", error=type(error).__name__)
        _forget()
        raise _NotThisWay(may_be_done=True) from None
    except (AttributeError, KeyError):  # an Unreadable reply: sealed with a key we do not have
        _forget()
        raise _NotThisWay(may_be_done=True) from None


def _by_door(service: str, method: str, call: dict[str, Any], seconds: float) -> Any:
    try:
        answer = door.ask(_doors[service], keys=_keys, service=service, method=method, call=call, seconds=seconds)
    except door.Shut:
        raise _NotThisWay(may_be_done=False) from None
    except ConnectionError:
        raise _NotThisWay(may_be_done=True) from None
    if answer["error"]:
        raise nameko.exceptions.deserialize(answer["error"])
    return answer["result"]


def _envelope(request: Request[Any], *, token: str, seconds: float, once: dict[str, str] | None) -> dict[str, Any]:
    """Return what travels inside the sealed body: the token, the deadline, the trace, the idempotency key and the request."""
    deadline = clock.now().timestamp() + seconds
    return {"token": token, "deadline": deadline, "trace": telemetry.trace.get(), "once": once, "body": request.wire()}


def _proxy() -> ClusterRpcProxy:
    """Return this thread's proxy, made anew when its connection has gone. Raises _NotThisWay."""
    proxy: ClusterRpcProxy | None = getattr(_mine, "proxy", None)
    if proxy is not None and _is_broken(proxy):
        _forget()
        proxy = None
    if proxy is None:
        proxy = ClusterRpcProxy(_config, timeout=5.0)
        try:
            proxy.start()
        except _BROKEN as error:
            telemetry.log().warning("broker.not_reached", error=type(error).__name__)
            raise _NotThisWay(may_be_done=False) from None
        _mine.proxy = proxy
    return proxy


def _is_broken(proxy: ClusterRpcProxy) -> bool:
    """Whether the broker has hung up. A reply connection at rest has nothing to read; one that has, is asked."""
    connection = proxy._reply_listener.queue_consumer.connection
    try:
        if not connection.connected:
            return True
        if not select.select([connection.connection.sock], [], [], 0)[0]:
            return False
        connection.drain_events(timeout=0.01)
    except TimeoutError:
        return False
    except (*_BROKEN, AttributeError, ValueError):
        return True
    return False


def _forget() -> None:
    proxy: ClusterRpcProxy | None = getattr(_mine, "proxy", None)
    _mine.proxy = None
    if proxy is not None:
        try:
            proxy.stop()
        except Exception:  # it is broken: closing it may fail in any way
            telemetry.log().info("broker.closed_badly")
