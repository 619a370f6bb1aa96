"""What files hears: a school's day, and entries that were recorded with files."""

from typing import Any

import sqlalchemy as sa

from safekeep import clock, inbox
from safekeep.contracts import identity, incidents
from services.files import store
from services.files.service import background


def _on_school(tx: sa.Connection, event: identity.SchoolChanged) -> None:
    store.keep_school(tx, school_id=event.school_id, zone=event.zone, day_ends_minute=event.day_ends_minute)


def _on_entry(tx: sa.Connection, event: incidents.EntryRecorded) -> None:
    """Seal the entry's files, and end the draft it came from with its body map, which the entry holds now; a paper form of that id is scanned."""
    if event.past:
        return
    now = clock.now()
    for file_id in event.file_ids:
        store.change_file(tx, school_id=event.school_id, file_id=file_id, entry_id=event.entry_id, sealed_at=now)
    theirs: dict[str, Any] = {"school_id": event.school_id, "author_id": event.author_id, "now": now}
    store.end_draft(tx, **theirs, draft_id=event.entry_id)
    store.end_body_map(tx, **theirs, draft_id=event.entry_id)
    store.remind_of_paper(tx, school_id=event.school_id, paper_id=event.entry_id, at=None)
    if isinstance(event, incidents.IncidentRecorded) and event.body_map_id:
        store.end_body_map(tx, **theirs, body_map_id=event.body_map_id)


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
    incidents.IncidentRecorded: _on_entry,
    incidents.ActionAdded: _on_entry,
    incidents.FileBlocked: _on_blocked,
    incidents.FileDecided: _on_decided,
}
