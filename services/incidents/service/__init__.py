"""What the bus can ask of incidents, and the events it hears."""

from typing import Any

from nameko.timer import timer

from safekeep import telemetry
from safekeep.errors import StorageError
from safekeep.rpc import retry, take, take_events
from services.incidents.service.asks import Asks
from services.incidents.service.blocking import Blocking
from services.incidents.service.breaking_glass import BreakingGlass
from services.incidents.service.coaching import Coaching
from services.incidents.service.corrections import Corrections
from services.incidents.service.demonstration import Demonstration
from services.incidents.service.destroying import Destroying
from services.incidents.service.documents import Documents
from services.incidents.service.entries import Entries
from services.incidents.service.events import HANDLERS
from services.incidents.service.following import Following
from services.incidents.service.history import Histories
from services.incidents.service.leading import Leading
from services.incidents.service.moving import Moving
from services.incidents.service.openings import Openings
from services.incidents.service.proof import Proofs
from services.incidents.service.pupils import Pupils
from services.incidents.service.reading import Reading
from services.incidents.service.restricting import Restricting
from services.incidents.service.stand_ins import StandingIn


class Service(
    Pupils,
    Entries,
    Following,
    Corrections,
    Moving,
    Restricting,
    Blocking,
    Destroying,
    Leading,
    Reading,
    BreakingGlass,
    Asks,
    StandingIn,
    Openings,
    Proofs,
    Documents,
    Histories,
    Coaching,
    Demonstration,
):
    """Pupils, incidents, actions, corrections, chronology, the ledger."""

    name = "incidents"

    @take_events("incidents")
    def events(self, message: Any) -> None:
        take(self.host, HANDLERS, message)

    @timer(interval=1)
    def retries(self) -> None:
        retry(self.host, HANDLERS)

    @timer(interval=0.5)
    def permits(self) -> None:
        try:
            self.get_permits()
        except StorageError as error:
            telemetry.log().warning("permits.waiting", sqlstate=error.sqlstate)
