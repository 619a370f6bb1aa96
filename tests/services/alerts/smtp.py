"""A real SMTP server that can be told to misbehave."""

from collections import deque
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.controller import Controller

from deploy.local.servers import free_port


class Server:
    """Takes mail on loopback. `answers` are given, one a mail, before mail is taken again: a refusal, or "hang up"."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.envelopes: list[Any] = []
        self.at_rcpt: dict[str, str] = {}  # an address → what is answered when it is named
        self.answers: deque[str] = deque()
        self.tried = 0
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())
        self._controller.start()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self._controller.port}"

    def close(self) -> None:
        self._controller.stop()

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if address in self.at_rcpt:
            self.tried += 1
            return self.at_rcpt[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.tried += 1
        answer = self.answers.popleft() if self.answers else "250 taken"
        if answer == "hang up":
            server.transport.abort()
            return "250 never heard"
        if answer.startswith("250"):
            self.envelopes.append(envelope)
            self.taken.append(cast(EmailMessage, message_from_bytes(envelope.content, policy=policy.default)))
        return answer


def text_of(message: EmailMessage) -> str:
    """Return what a message says as text; the same words stand in it as HTML."""
    part = message.get_body(preferencelist=("plain",))
    assert part is not None
    return str(part.get_content())
