"""What files does by itself: scanning, previews, holding what is sealed, and sweeping what nothing refers to."""

import os
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import eventlet
import sqlalchemy as sa

from safekeep import clock, telemetry
from safekeep.contracts.files import PIECE
from safekeep.errors import Conflict, StorageError, Unavailable
from safekeep.rpc import Resources
from services.files import accepting, drafts, looking, scanning, store
from services.files.service import keeping
from services.files.service.base import store_of

UNUSED_KEPT: Final = timedelta(days=8)
TRIED_FOR: Final = timedelta(hours=24)
"""A scanner that is away is waited for so long; then the file is given out as not scanned."""


def look(host: Resources, *, limit: int = 10) -> int:
    """Scan finished files and make their previews, oldest first. Returns how many were done."""
    with host.transaction(host.worker_engine) as tx:
        due = store.files_to_look_at(tx, limit=limit)
    done = 0
    for school_id, file_id in due:
        try:
            done += _look_at(host, school_id=school_id, file_id=file_id)
        except (StorageError, Unavailable):
            raise
        except Exception as error:  # one that fails goes behind all others
            telemetry.log().error("look.failed", file=str(file_id), error=type(error).__name__)
            _note(host, school_id=school_id, file_id=file_id, looked_at=clock.now())
    return done


def _look_at(host: Resources, *, school_id: UUID, file_id: UUID) -> int:
    with host.transaction(host.engine, school_id=school_id) as tx:
        row = store.file_with(tx, school_id=school_id, file_id=file_id)
        if row is None or row.destroyed_at is not None:
            return 0
        was_clear = row.format == 0
        if was_clear:
            row = keeping.convert(host, tx, row)
        try:
            key = keeping.key_of(host, tx, row)
        except Conflict:
            return 0
    if was_clear:
        keeping.drop_clear(host, row)
    scan = row.scan
    if scan == "waiting":
        scan = _scanned(host, row, keeping.pieces(host, row, key=key))
        if scan == "waiting":
            return 0
        if scan == "infected":
            telemetry.log().warning("file.infected", file=str(file_id), school=str(school_id))
            _note(host, school_id=school_id, file_id=file_id, scan=scan, looked_at=clock.now(), previews=0)
            return 1
    seen = _seen(host, row, key=key)
    if row.scan == "waiting":
        for attached in seen.attachments:  # what a compressed PDF holds is hidden from the scanner
            found = _scanned(host, row, iter((attached,)))
            if found == "waiting":
                return 0
            if found != "clean":
                scan = found
            if found == "infected":
                break
        if scan == "clean" and row.media_type == "application/pdf" and not seen.has_all_attached:
            scan = "not_scanned"  # nobody has seen all that is in it
    pages = [] if scan == "infected" else seen.pages
    for number, page in enumerate(pages, 1):
        keeping.put(host, row, key=key, part=keeping.preview(number), data=page)
    _note(host, school_id=school_id, file_id=file_id, scan=scan, looked_at=clock.now(), previews=len(pages), facts=seen.facts)
    return 1


def _scanned(host: Resources, row: Any, content: Any) -> str:
    """Return what the scanner says of a file: clean, infected, waiting (it is away), or not_scanned."""
    try:
        return "infected" if scanning.is_infected(host.settings.clamd_url, content) else "clean"
    except scanning.CannotScan:
        return "not_scanned"
    except OSError:
        telemetry.log().warning("scanner.away")
        return "waiting" if host.settings.clamd_url and clock.now() - row.finished_at < TRIED_FOR else "not_scanned"


def _seen(host: Resources, row: Any, *, key: bytes) -> looking.Seen:
    """Look at a file in a process of its own that can reach nothing. The content goes there by memory, never by disk."""
    if row.size > accepting.SEARCHED or not looking.can_show(row.media_type):
        return looking.NOTHING
    memory = os.memfd_create("file", os.MFD_CLOEXEC)
    try:
        for piece in keeping.pieces(host, row, key=key):
            os.write(memory, piece)
            eventlet.sleep(0)
        return looking.look(memory, media_type=row.media_type)
    finally:
        os.close(memory)


def _note(host: Resources, *, school_id: UUID, file_id: UUID, **values: Any) -> None:
    with host.transaction(host.engine, school_id=school_id) as tx:
        row = store.file_with(tx, school_id=school_id, file_id=file_id, lock=True)
        if row is not None and row.destroyed_at is None:
            store.note_file(tx, school_id=school_id, file_id=file_id, **values)


def hold(host: Resources, *, limit: int = 100) -> int:
    """Hold the pieces of sealed files against deletion, where the store offers that. Returns how many files."""
    kept = store_of(host)
    if not kept.holds:
        return 0
    with host.transaction(host.worker_engine) as tx:
        due = store.files_to_lock(tx, limit=limit)
    for school_id, file_id in due:
        with host.transaction(host.engine, school_id=school_id) as tx:
            row = store.file_with(tx, school_id=school_id, file_id=file_id)
            if row is None:
                continue
            try:
                for number in range(-(-row.size // PIECE)):
                    kept.hold(f"{keeping.folder(row)}{keeping.content(number)}")
            except KeyError:
                telemetry.log().error("hold.failed", file=str(file_id))
                continue
            store.note_file(tx, school_id=school_id, file_id=file_id, locked_at=clock.now())
    return len(due)


def sweep(host: Resources, *, referred: Callable[[UUID, list[UUID]], Collection[UUID]]) -> None:
    """Delete what has outlived its time, and of files only what `referred` (incidents, asked of a school's files) does not name.

    An entry's event seals its files; one that has not arrived yet must not cost a file. Raises Unavailable when that cannot be asked.
    """
    now, kept = clock.now(), store_of(host)
    with host.transaction(host.worker_engine) as tx:
        store.sweep_drafts(tx, before=now - drafts.KEPT)
        store.sweep_body_maps(tx, before=now - drafts.KEPT)
        unused = store.unused_files(tx, before=now - UNUSED_KEPT, limit=500)
        destroyed = store.destroyed_files(tx, since=now - timedelta(days=1))
    by_school: dict[UUID, list[UUID]] = {}
    for school_id, file_id in unused:
        by_school.setdefault(school_id, []).append(file_id)
    needed = {file_id for school_id, ids in by_school.items() for file_id in referred(school_id, ids)}
    for school_id, file_id in ((school_id, file_id) for school_id, file_id in unused if file_id not in needed):
        with host.transaction(host.worker_engine) as tx:
            if store.delete_file(tx, school_id=school_id, file_id=file_id):
                kept.drop(f"{school_id}/{file_id}/")  # before the commit: what is cut short here is found and swept again
    for school_id, file_id in destroyed:  # noise by now; one held by the store's lock stays there as noise
        kept.drop(f"{school_id}/{file_id}/")


def destroy_again(host: Resources, *, of: Callable[[UUID, list[UUID]], Collection[UUID]], at_once: int = 500) -> tuple[int, int]:
    """Destroy the keys of those recorded files that `of` (incidents, asked of a school's files) says were destroyed.

    A restored backup of the database brings their wrapped keys back. Returns how many were compared, and how many destroyed.
    """
    compared, destroyed, after = 0, 0, (UUID(int=0), UUID(int=0))
    while True:
        with host.transaction(host.worker_engine) as tx:
            batch = store.files_with_keys(tx, after=after, limit=at_once)
        if not batch:
            return compared, destroyed
        after, by_school = (batch[-1].school_id, batch[-1].id), dict[UUID, list[UUID]]()
        for row in batch:
            by_school.setdefault(row.school_id, []).append(row.id)
        for school_id, ids in by_school.items():
            for file_id in of(school_id, ids):
                with host.transaction(host.engine, school_id=school_id) as tx:
                    destroy(tx, school_id=school_id, file_id=file_id, at=clock.now())
                telemetry.log().warning("file.destroyed_again", file=str(file_id), school=str(school_id))
                destroyed += 1
        compared += len(batch)


def destroy(tx: sa.Connection, *, school_id: UUID, file_id: UUID, at: datetime) -> None:
    """Destroy a file's key, and what was known of it: from then on it is noise wherever it lies. Its pieces are swept afterwards."""
    here = {"school_id": school_id, "file_id": file_id}
    store.note_file(tx, **here, destroyed_at=at, wrapped_key=None, school_key_id=None, facts={}, previews=0)
    store.forget_name(tx, **here)
