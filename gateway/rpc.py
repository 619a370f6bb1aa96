"""The one door from the gateway to the services: `ask` a contract's request, get its answer or one of safekeep.errors.

A standalone nameko proxy serves one thread, so each thread has its own, thrown away after any error of the connection.
"""

import select
import threading
from datetime import UTC, datetime
from typing import Any, TypeVar

import nameko.exceptions
from amqp.exceptions import AMQPError
from kombu.exceptions import KombuError
from nameko.amqp.publish import Publisher
from nameko.constants import NON_PERSISTENT
from nameko.standalone.rpc import ClusterRpcProxy
from pydantic import ValidationError

from safekeep import bus, errors, telemetry
from safekeep.contracts import Contract, Request, problems_of
from safekeep.errors import Invalid, SafekeepError, TooLate, Unavailable
from safekeep.keys import Keys

Answered = TypeVar("Answered", bound=Contract)
Built = TypeVar("Built", bound=Contract)

Publisher.delivery_mode = NON_PERSISTENT  # a call lives for seconds: a broker that restarts need not have written it to its disk

# nameko rebuilds an error in the caller only when its class is registered here.
for _error in vars(errors).values():
    if isinstance(_error, type) and issubclass(_error, SafekeepError):
        nameko.exceptions.deserialize_to_instance(_error)

_BROKEN = (OSError, AMQPError, KombuError, RuntimeError)
"""What a lost or refused connection raises: sockets, py-amqp, kombu, and nameko's own "can no longer be used"."""

_config: dict[str, Any] = {}
_mine = threading.local()


def start(*, broker_url: str, keys: Keys) -> None:
    """Say where the broker is and which key seals bodies. Once, when the process starts."""
    bus.use_keys(keys)
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

    Raises what the service raises (safekeep.errors), or Unavailable(service, outcome) when it did not answer within
    `seconds`: `not_done` where it certainly was not carried out, `unknown` where it may have been.
    """
    service, _, method = request.method.partition(".")
    proxy = _proxy(service)
    proxy._reply_listener.queue_consumer.timeout = seconds
    try:
        reply = getattr(getattr(proxy._proxy, service), method)(_envelope(request, token=token, seconds=seconds, once=once))
        return request.answer.receive(reply)  # type: ignore[return-value]
    except nameko.exceptions.RpcTimeout:
        _forget()
        raise Unavailable(service, "unknown") from None
    except (nameko.exceptions.UnknownService, nameko.exceptions.MethodNotFound, TooLate):
        raise Unavailable(service, "not_done") from None
    except nameko.exceptions.RemoteError as error:
        telemetry.log().error("call.failed", method=request.method, error=str(error.exc_type))
        raise Unavailable(service, "unknown") from None
    except _BROKEN:
        _forget()
        raise Unavailable(service, "unknown") from None
    except (AttributeError, KeyError):  # an Unreadable reply: sealed with a key we do not have
        _forget()
        raise Unavailable(service, "unknown") from None


def is_reachable() -> bool:
    """Whether the broker answers this thread."""
    try:
        _proxy("broker")
    except Unavailable:
        return False
    return True


def _envelope(request: Request[Any], *, token: str, seconds: float, once: dict[str, str] | None) -> dict[str, Any]:
    """Return what travels inside the sealed body: the token, the deadline, the trace, the idempotency key and the request."""
    deadline = datetime.now(UTC).timestamp() + seconds
    return {"token": token, "deadline": deadline, "trace": telemetry.trace.get(), "once": once, "body": request.wire()}


def _proxy(service: str) -> ClusterRpcProxy:
    """Return this thread's proxy, made anew when its connection has gone. Raises Unavailable(service, "not_done")."""
    proxy: ClusterRpcProxy | None = getattr(_mine, "proxy", None)
    if proxy is not None and _is_broken(proxy):
        _forget()
        proxy = None
    if proxy is None:
        proxy = ClusterRpcProxy(_config, timeout=5.0)
        try:
            proxy.start()
        except _BROKEN:
            raise Unavailable(service, "not_done") from None
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
