"""What both ends of a call share: nameko rebuilds our errors in the caller, and no publication waits for ever.

A broker short of memory or disk reads from no connection that publishes, and says nothing to it: without a limit a call,
its answer and the polite closing of the connection would all last as long as the alarm (docs/decisions/0009-side-door.md).
"""

from functools import cache
from typing import Any, Final

import nameko.exceptions
import nameko.messaging
from amqp.exceptions import AMQPError, ChannelError, RecoverableConnectionError
from kombu import Connection
from kombu.exceptions import KombuError
from kombu.pools import ProducerPool, producers
from nameko.amqp.publish import Publisher, UndeliverableMessage
from nameko.constants import NON_PERSISTENT
from nameko.rpc import MethodProxy, Responder

from safekeep import errors
from safekeep.errors import SafekeepError

PUBLISH_SECONDS: Final = 4.0
"""For one publication, and again for its confirm: a broker that is well takes milliseconds."""

_TRANSPORT: Final = {"confirm_publish": True, "max_retries": 1, "interval_start": 0.2}

for _error in vars(errors).values():
    if isinstance(_error, type) and issubclass(_error, SafekeepError):
        nameko.exceptions.deserialize_to_instance(_error)


class InTime(Publisher):
    """nameko's publisher, which gives up after PUBLISH_SECONDS. Raises OSError, AMQPError, KombuError, UndeliverableMessage."""

    delivery_mode = NON_PERSISTENT  # calls and answers live for seconds: a broker that restarts need not have written them to its disk

    def publish(self, payload: Any, **said: Any) -> None:
        said = {**self.publish_kwargs, **said}
        headers = {**said.pop("headers", {}), **said.pop("extra_headers", {})}
        said = {
            "serializer": self.serializer,
            "delivery_mode": self.delivery_mode,
            "mandatory": self.mandatory,
            "declare": self.declare,
            "timeout": PUBLISH_SECONDS,
            "confirm_timeout": PUBLISH_SECONDS,
            **said,
        }
        try:
            self._publish(payload, headers=headers, **said)
        except TimeoutError:
            raise
        except (ConnectionError, RecoverableConnectionError):  # one of the pool that the broker has closed since
            self._publish(payload, headers=headers, **said)

    def _publish(self, payload: Any, **said: Any) -> None:
        with _producers(self.amqp_uri).acquire(block=True) as producer:
            try:
                producer.publish(payload, **said)
            except (OSError, AMQPError, KombuError) as error:
                if isinstance(error, ChannelError) and "NO_ROUTE" in str(error):
                    raise UndeliverableMessage from None
                producer.connection.collect()  # what was half said must not be taken for what is said next; no goodbye is waited for
                raise


@cache
def _producers(amqp_uri: str) -> ProducerPool:
    """Return the publishers of a broker: to look the pool up by a new connection each time is work in vain."""
    return producers[Connection(amqp_uri, transport_options=_TRANSPORT)]


MethodProxy.publisher_cls = Responder.publisher_cls = nameko.messaging.Publisher.publisher_cls = InTime
