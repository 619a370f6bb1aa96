"""What files hears: a school's day, and entries that were recorded with files."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from safekeep import clock, database, inbox
from safekeep.contracts import identity, incidents
from services.files import store
from services.files.service import background


def _on_school(tx: sa.Connection, event: identity.SchoolChanged) -> None:
    store.keep_school(tx, school_id=event.school_id, zone=event.zone, day_ends_minute=event.day_ends_minute)


def _on_entries(tx: sa.Connection, events: Sequence[incidents.EntryRecorded]) -> None:
    """Seal the entries' files, and end the drafts they came from with what was drawn, which they hold now; a paper form of such an id is scanned."""
    now = clock.now()
    with database.together(tx):
        for event in events:
            if event.past:
                continue
            for file_id in event.file_ids:
                store.change_file(tx, school_id=event.school_id, file_id=file_id, entry_id=event.entry_id, sealed_at=now)
            drawn = event.body_map_id if isinstance(event, incidents.IncidentRecorded) else None
            here: dict[str, Any] = {"school_id": event.school_id, "entry_id": event.entry_id, "author_id": event.author_id}
            store.end_what_became(tx, **here, body_map_id=drawn, now=now)


def _on_blocked(tx: sa.Connection, event: incidents.FileBlocked) -> None:
    """From now on nobody has the file, its pictures or anything of it."""
    store.note_file(tx, school_id=event.school_id, file_id=event.file_id, blocked_at=event.at)


def _on_decided(tx: sa.Connection, event: incidents.FileDecided) -> None:
    """Give a blocked file back, or destroy its key."""
    here: dict[str, Any] = {"school_id": event.school_id, "file_id": event.file_id}
    if event.decision == "give_back":
        store.note_file(tx, **here, blocked_at=None)
    else:
        background.destroy(tx, **here, at=event.at)


HANDLERS: inbox.Handlers = {
    identity.SchoolChanged: _on_school,
    incidents.IncidentRecorded: inbox.Together(_on_entries),
    incidents.ActionAdded: inbox.Together(_on_entries),
    incidents.FileBlocked: _on_blocked,
    incidents.FileDecided: _on_decided,
}
