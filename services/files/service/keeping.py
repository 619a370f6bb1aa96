"""A file's pieces in the object store, and the keys under which they are sealed."""

import io
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import eventlet
import sqlalchemy as sa

from safekeep import clock, green, telemetry
from safekeep.contracts.files import PIECE
from safekeep.errors import Conflict
from safekeep.ids import new_id
from safekeep.keys import unwrap, wrap
from safekeep.rpc import Resources
from services.files import sealing, store
from services.files.service.base import store_of

OLD_PIECE: Final = 512 * 1024
"""Of files that were kept before there were keys (format 0)."""
KEY_LIVES: Final = timedelta(days=365)
"""After that a school gets a new key, under which its files' keys are wrapped again."""


def new_key(host: Resources, tx: sa.Connection, *, school_id: UUID, file_id: UUID) -> dict[str, Any]:
    """Make a key for a file; return the columns that keep it."""
    school_key_id, under = _current(host, tx, school_id=school_id)
    wrapped = sealing.wrap(os.urandom(32), under=under, nonce=os.urandom(sealing.NONCE), file_id=file_id)
    return {"school_key_id": school_key_id, "wrapped_key": wrapped}


def key_of(host: Resources, tx: sa.Connection, row: Any) -> bytes:
    """Return a file's key. Raises Conflict("file_destroyed") when there is none any more."""
    if row.wrapped_key is None:
        raise Conflict("file_destroyed")
    kept = store.key_with(tx, school_id=row.school_id, key_id=row.school_key_id)
    assert kept is not None, "a school's key outlives what it wraps"
    return sealing.unwrap(row.wrapped_key, under=_opened(host, kept), file_id=row.id)


def put(host: Resources, row: Any, *, key: bytes, part: str, data: bytes | bytearray | memoryview) -> None:
    """Seal and keep a piece. Raises Unavailable."""
    store_of(host).put(f"{folder(row)}{part}", _sealed(row, key=key, part=part, data=data))


def put_all(host: Resources, row: Any, *, key: bytes, first: int, pieces: list[bytes]) -> None:
    """Seal and keep pieces of the file itself that follow on one another, from the piece `first` on. Calls are answered meanwhile.

    Raises Unavailable.
    """
    kept = store_of(host)

    def carry() -> None:
        kept.put_all((f"{folder(row)}{content(n)}", _sealed(row, key=key, part=content(n), data=piece)) for n, piece in enumerate(pieces, first))

    if kept.blocks:
        green.off_loop(carry)
    else:
        carry()


def _sealed(row: Any, *, key: bytes, part: str, data: bytes | bytearray | memoryview) -> bytes:
    nonce = os.urandom(sealing.NONCE)
    return sealing.seal(data, key=key, nonce=nonce, school_id=row.school_id, file_id=row.id, part=part)


def get(host: Resources, row: Any, *, key: bytes, part: str) -> bytes:
    """Return a piece as it was. Raises Damaged, KeyError, Unavailable."""
    sealed = store_of(host).get(f"{folder(row)}{part}", offset=0, length=PIECE + sealing.OVERHEAD)
    return sealing.unseal(sealed, key=key, school_id=row.school_id, file_id=row.id, part=part)


def pieces(host: Resources, row: Any, *, key: bytes, offset: int = 0, size: int | None = None) -> Iterator[bytes]:
    """Yield `size` bytes of a file from `offset` on (all of the rest), piece by piece."""
    ends = row.size if size is None else min(row.size, offset + size)
    while offset < ends:
        number = offset // PIECE
        if (number + 1) * PIECE < ends:
            store_of(host).expect(f"{folder(row)}{content(number + 1)}")
        data = get(host, row, key=key, part=content(number))
        start = offset - number * PIECE
        yield data if start == 0 and len(data) <= ends - offset else data[start : start + ends - offset]
        offset = (number + 1) * PIECE


def folder(row: Any) -> str:
    """Return where a file's pieces lie: ids of ours, never a name from outside."""
    return f"{row.school_id}/{row.id}/"


def content(number: int) -> str:
    """Return what a piece of the file itself is called."""
    return f"s{number:06d}"


def preview(page: int) -> str:
    """Return what a preview is called, from 1."""
    return f"p{page:03d}"


class Seekable(io.RawIOBase):
    """A file as something that is read here and there, with one piece in memory."""

    def __init__(self, host: Resources, row: Any, *, key: bytes) -> None:
        self._host, self._row, self._key = host, row, key
        self._at, self._number, self._piece = 0, -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + (0, self._at, self._row.size)[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        number, start = divmod(self._at, PIECE)
        if self._at >= self._row.size:
            return 0
        if number != self._number:
            self._piece, self._number = get(self._host, self._row, key=self._key, part=content(number)), number
            eventlet.sleep(0)  # calls are answered meanwhile
        data = self._piece[start : start + len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def convert(host: Resources, tx: sa.Connection, row: Any) -> Any:
    """Seal a file that was kept in clear, before there were keys; return its row as it is then. Once that is committed: `drop_clear`."""
    row = store.file_with(tx, school_id=row.school_id, file_id=row.id, lock=True)
    assert row is not None
    if row.format != 0:
        return row
    kept, made = store_of(host), new_key(host, tx, school_id=row.school_id, file_id=row.id)
    store.note_file(tx, school_id=row.school_id, file_id=row.id, format=1, **made)
    fresh = store.file_with(tx, school_id=row.school_id, file_id=row.id, lock=True)
    assert fresh is not None
    key, old = key_of(host, tx, fresh), _in_clear(row)
    for number in range(-(-row.size // PIECE)):
        halves = [kept.get(name, offset=0, length=OLD_PIECE) for name in old[2 * number : 2 * number + 2]]
        put(host, fresh, key=key, part=content(number), data=b"".join(halves))
    return fresh


def drop_clear(host: Resources, row: Any) -> None:
    """Delete what a file was in clear before it was sealed. Only after the commit: before it, this is the file."""
    for name in _in_clear(row):
        store_of(host).delete(name)


def _in_clear(row: Any) -> list[str]:
    return [f"{folder(row)}{number:06d}" for number in range(-(-row.size // OLD_PIECE))]


def turn_keys(host: Resources, *, limit: int = 500) -> int:
    """Wrap again what an older key wraps: schools' keys after the ring's was exchanged, files' keys after a year. Returns how many.

    Content is not touched. Each turn does one school's part, so that it can be cut short anywhere.
    """
    kid, _ = host.keys.symmetric("files")
    oldest = clock.now() - KEY_LIVES
    with host.transaction(host.worker_engine) as tx:
        due = store.keys_to_turn(tx, wrapped_by=kid, before=oldest)
    turned = 0
    for school_id, key_id, wrapped_by, made_at in due:
        with host.transaction(host.engine, school_id=school_id) as tx:
            if wrapped_by != kid:
                turned += _wrap_again(host, tx, school_id=school_id, key_id=key_id)
            if made_at < oldest:
                turned += _empty(host, tx, school_id=school_id, key_id=key_id, limit=limit)
    if turned:
        telemetry.log().info("keys.turned", count=turned)
    return turned


def _wrap_again(host: Resources, tx: sa.Connection, *, school_id: UUID, key_id: UUID) -> int:
    kept = store.key_with(tx, school_id=school_id, key_id=key_id, lock=True)
    if kept is None:
        return 0
    wrapped = wrap(keys=host.keys, purpose="files", secret=_opened(host, kept), about=_about(school_id, key_id))
    store.wrap_key_again(tx, school_id=school_id, key_id=key_id, wrapped=wrapped, wrapped_by=wrapped.partition(":")[0])
    return 1


def _empty(host: Resources, tx: sa.Connection, *, school_id: UUID, key_id: UUID, limit: int) -> int:
    """Wrap files' keys under their school's newest key, and forget the old one when nothing is left under it."""
    newest_id, newest = _current(host, tx, school_id=school_id)
    kept = store.key_with(tx, school_id=school_id, key_id=key_id, lock=True)
    if kept is None or newest_id == key_id:
        return 0
    under, rows = _opened(host, kept), store.files_under(tx, school_id=school_id, key_id=key_id, limit=limit)
    for row in rows:
        key = sealing.unwrap(row.wrapped_key, under=under, file_id=row.id)
        wrapped = sealing.wrap(key, under=newest, nonce=os.urandom(sealing.NONCE), file_id=row.id)
        store.keep_wrapped(tx, school_id=school_id, file_id=row.id, key_id=newest_id, wrapped=wrapped)
    if len(rows) < limit:
        store.delete_key(tx, school_id=school_id, key_id=key_id)
    return len(rows)


def _current(host: Resources, tx: sa.Connection, *, school_id: UUID) -> tuple[UUID, bytes]:
    """Return the key under which a school's files are sealed now, made when there is none or it is a year old."""
    kept = store.newest_key(tx, school_id=school_id)
    if kept is not None and kept.made_at >= clock.now() - KEY_LIVES:
        return kept.id, _opened(host, kept)
    id_, secret = new_id(), os.urandom(32)
    wrapped = wrap(keys=host.keys, purpose="files", secret=secret, about=_about(school_id, id_))
    store.add_key(tx, school_id=school_id, id=id_, wrapped=wrapped, wrapped_by=wrapped.partition(":")[0], made_at=clock.now())
    return id_, secret


def _opened(host: Resources, kept: Any) -> bytes:
    return unwrap(keys=host.keys, wrapped=kept.wrapped, about=_about(kept.school_id, kept.id))


def _about(school_id: UUID, key_id: UUID) -> str:
    return f"school-key:{school_id}:{key_id}"
