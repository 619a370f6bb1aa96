"""What the bus can ask of alerts, and the events it hears."""

from typing import Any

from nameko.timer import timer

from safekeep.rpc import retry, take, take_events
from services.alerts.service.asking import Asking
from services.alerts.service.calendars import Calendars
from services.alerts.service.escalations import Escalations
from services.alerts.service.events import HANDLERS
from services.alerts.service.inboxes import Inboxes
from services.alerts.service.notifying import Notifying
from services.alerts.service.sending import Sending


class Service(Asking, Escalations, Inboxes, Sending, Calendars, Notifying):
    """Inbox, acknowledgement, outgoing mail, the school's calendar, asking again, notifications."""

    name = "alerts"

    @take_events("alerts")
    def events(self, message: Any) -> None:
        take(self.host, HANDLERS, message)

    @timer(interval=1)
    def retries(self) -> None:
        retry(self.host, HANDLERS)
