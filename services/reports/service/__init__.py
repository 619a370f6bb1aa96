"""What the bus can ask of reports, and the events it counts."""

from typing import Any

from nameko.timer import timer

from safekeep.rpc import retry, take, take_events
from services.reports.service.comparing import Comparing
from services.reports.service.counts import Counting
from services.reports.service.disclosures import Disclosures
from services.reports.service.events import HANDLERS
from services.reports.service.governors import Governors
from services.reports.service.packs import Packing


class Service(Counting, Comparing, Packing, Governors, Disclosures):
    """Counts built from events, and documents made with the asker's own rights."""

    name = "reports"

    @take_events("reports")
    def events(self, message: Any) -> None:
        take(self.host, HANDLERS, message)

    @timer(interval=1)
    def retries(self) -> None:
        retry(self.host, HANDLERS)
