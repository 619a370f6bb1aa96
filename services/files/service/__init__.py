"""What the bus and the door can ask of files, and the events it hears."""

import functools
from typing import Any

from nameko.timer import timer

from safekeep import door, telemetry
from safekeep.errors import StorageError, Unavailable
from safekeep.rpc import Resources, retry, take, take_events
from services.files.service import background, streaming
from services.files.service.drafts import Drafting, remind_due
from services.files.service.events import HANDLERS
from services.files.service.filing import Filing, remind_of_papers
from services.files.service.keeping import turn_keys
from services.files.service.mapping import Mapping
from services.files.service.restoring import Restoring
from services.files.service.uploads import Uploading

__all__ = ["HANDLERS", "Service"]


class Service(Drafting, Mapping, Filing, Uploading, Restoring):
    """Drafts, body maps, paper forms and attachments."""

    name = "files"

    @staticmethod
    def streams(host: Resources, question: dict[str, Any], stream: door.Stream) -> None:
        """Answer a question for a stream at the door."""
        try:
            streaming.serve(host, question, stream)
        except StorageError as error:
            telemetry.log().warning("stream.broken", sqlstate=error.sqlstate)

    @take_events("files")
    def events(self, message: Any) -> None:
        take(self.host, HANDLERS, message)

    @timer(interval=1)
    def retries(self) -> None:
        retry(self.host, HANDLERS)

    @timer(interval=5)
    def remind(self) -> None:
        """Say of each draft that was left that it was, once a reminder."""
        try:
            remind_due(self.host)
            remind_of_papers(self.host)
        except StorageError as error:
            telemetry.log().warning("reminders.waiting", sqlstate=error.sqlstate)

    @timer(interval=1)
    def look(self) -> None:
        """Scan what waits for it, and make previews."""
        self._tend("look", background.look)

    @timer(interval=60)
    def tend(self) -> None:
        """Wrap keys again where that is due, and hold sealed blobs in a store that can."""
        self._tend("keys", turn_keys)
        self._tend("locks", background.hold)

    @timer(interval=600)
    def sweep(self) -> None:
        """Delete drafts after seven days, and uploads that nothing refers to after eight, once their author has no draft left."""
        self._tend("sweep", functools.partial(background.sweep, referred=self._referred))

    def _tend(self, what: str, do: Any) -> None:
        try:
            do(self.host)
        except (StorageError, Unavailable) as error:
            telemetry.log().warning("tending.waits", what=what, error=type(error).__name__)
