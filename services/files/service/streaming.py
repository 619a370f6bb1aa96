"""Files by the door: bytes in and out, with a ticket that a method of the service gave out (docs/decisions/0013-files-by-the-door.md)."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import eventlet
from nameko.exceptions import serialize

from safekeep import bus, clock, green, telemetry
from safekeep.contracts.files import PIECE
from safekeep.door import Stream
from safekeep.errors import Conflict, Invalid, NotFound, SafekeepError
from safekeep.keys import Keys
from safekeep.rpc import Resources
from services.files import store
from services.files.sealing import Damaged
from services.files.service import keeping

TICKET_LIFETIME: Final = timedelta(minutes=5)
TOGETHER: Final = 8
"""Pieces that are kept in one transaction, while as many come in: twice so many are what an upload holds in memory."""
LOOK_AGAIN: Final = 8
"""After so many pieces a download asks again whether the file may still be read."""

_digests: dict[UUID, tuple[int, Any]] = {}
"""Of uploads under way in this process: how far each was hashed as it came in."""
_MOST_DIGESTS: Final = 200


def ticket(keys: Keys, *, way: str, school_id: UUID, file_id: UUID, page: int = 0) -> str:
    """Return a permission for one stream, for minutes. Only files makes and reads it."""
    body = {"way": way, "school": str(school_id), "page": page, "ends": (clock.now() + TICKET_LIFETIME).timestamp()}
    sealed = bus.seal(keys=keys, body=body, owner="files", type_="files.ticket", message_id=str(file_id), purpose="files")
    return base64.urlsafe_b64encode(sealed).decode()


def serve(host: Resources, question: dict[str, Any], stream: Stream) -> None:
    """Answer a question for a stream: first whether it is had, then the bytes. Raises OSError when the other side goes."""
    try:
        way, school_id, file_id, page = _permitted(host.keys, str(question.get("ticket", "")))
        if way == "write":
            _write(host, stream, school_id=school_id, file_id=file_id)
        else:
            offset, size = int(question.get("offset", 0)), question.get("size")
            _read(host, stream, school_id=school_id, file_id=file_id, page=page, offset=offset, size=size)
    except SafekeepError as error:
        _refuse(stream, error)
    except (Damaged, KeyError):
        telemetry.log().error("file.damaged")
        _refuse(stream, Conflict("file_damaged"))


def _refuse(stream: Stream, error: SafekeepError) -> None:
    """Say why not; in the midst of bytes by breaking off, since what is said there would be taken for bytes."""
    if not stream.has_spoken:
        stream.send(_said(error=serialize(error)), last=True)


def _write(host: Resources, stream: Stream, *, school_id: UUID, file_id: UUID) -> None:
    """Take pieces from where the file ends. What has arrived whole when the connection drops is kept."""
    with host.transaction(host.engine, school_id=school_id) as tx:
        row = store.file_with(tx, school_id=school_id, file_id=file_id)
        if row is None or row.finished_at is not None or row.sealed_at is not None:
            raise NotFound("file")
        key = keeping.key_of(host, tx, row)
    arrived, rest, last = row.arrived, b"", False
    whole: list[bytes] = []
    end: Callable[[], None] | None = None
    stream.send(_said(arrived=arrived))

    def keep() -> None:
        """Keep the whole pieces while the next ones come in; but first wait for the end of those before."""
        nonlocal arrived, whole, end
        if end:
            end()
        end = green.beside(_keep, host, row, key=key, arrived=arrived, pieces=whole) if whole else None
        arrived, whole = arrived + sum(len(piece) for piece in whole), []

    try:
        while not last:
            data, last = stream.receive()
            rest = rest + data if rest else data
            while len(rest) >= PIECE:
                whole.append(rest[:PIECE])
                rest = rest[PIECE:]
            left = row.size - arrived - sum(len(piece) for piece in whole)
            if len(rest) > left:
                raise Invalid({"file": "not_whole"})
            if rest and len(rest) == left:
                whole.append(rest)
                rest = b""
            if len(whole) >= TOGETHER or last:
                keep()
    except OSError:  # it dropped: the pieces that are whole stay, and the sender goes on from there
        keep()
        raise
    finally:
        if end:
            end()
    stream.send(_said(arrived=arrived), last=True)


def _keep(host: Resources, row: Any, *, key: bytes, arrived: int, pieces: list[bytes]) -> None:
    """Keep whole pieces that follow on what has arrived, and note that. Raises Conflict("uploading"), Unavailable."""
    with host.transaction(host.engine, school_id=row.school_id) as tx:
        now = store.file_with(tx, school_id=row.school_id, file_id=row.id, lock=True)
        if now is None or now.arrived != arrived or now.finished_at is not None:
            raise Conflict("uploading")  # another connection went on with it meanwhile
        begun, digest = _digests.pop(row.id, (-1, None))
        digest = hashlib.sha256() if arrived == 0 else digest if begun == arrived else None
        hashed = green.beside(green.off_loop, _hash, digest, pieces) if digest is not None else None
        keeping.put_all(host, row, key=key, first=arrived // PIECE, pieces=pieces)
        if hashed:
            hashed()
        arrived += sum(len(piece) for piece in pieces)
        store.change_file(tx, school_id=row.school_id, file_id=row.id, arrived=arrived)
    if digest is not None:
        while len(_digests) >= _MOST_DIGESTS:
            _digests.pop(next(iter(_digests)))
        _digests[row.id] = arrived, digest


def _hash(digest: Any, pieces: list[bytes]) -> None:
    for piece in pieces:
        digest.update(piece)


def digest_of(host: Resources, row: Any, *, key: bytes) -> str:
    """Return the SHA-256 of a whole file: as it was hashed when it came in, else read again."""
    hashed, digest = _digests.pop(row.id, (0, None))
    if digest is None or hashed != row.size:
        digest = hashlib.sha256()
        for piece in keeping.pieces(host, row, key=key):
            digest.update(piece)
            eventlet.sleep(0)
    return str(digest.hexdigest())


def _read(host: Resources, stream: Stream, *, school_id: UUID, file_id: UUID, page: int, offset: int, size: Any) -> None:
    row, key = _readable(host, school_id=school_id, file_id=file_id)
    if page:
        data = keeping.get(host, row, key=key, part=keeping.preview(page))
        stream.send(_said(size=len(data)))
        stream.send(data, last=True)
        return
    found = keeping.pieces(host, row, key=key, offset=offset, size=None if size is None else int(size))
    piece = next(found, b"")  # before anything is said: a store that is away is an error, not a short file
    stream.send(_said(size=row.size))
    for number, following in enumerate(found, 1):
        stream.send(piece)
        piece = following
        if number % LOOK_AGAIN == 0:
            _readable(host, school_id=school_id, file_id=file_id)
    stream.send(piece, last=True)


def _readable(host: Resources, *, school_id: UUID, file_id: UUID) -> tuple[Any, bytes]:
    with host.transaction(host.engine, school_id=school_id) as tx:
        row = store.file_with(tx, school_id=school_id, file_id=file_id)
        if row is None:
            raise NotFound("file")
        if problem := kept_from(row):
            raise Conflict(problem)
        return row, keeping.key_of(host, tx, row)


def kept_from(row: Any) -> str:
    """Return why nobody may have a file just now, or "". What is blocked or destroyed is so for everybody."""
    if row.destroyed_at is not None:
        return "file_destroyed"
    if row.blocked_at is not None:
        return "file_blocked"
    return {"waiting": "file_held", "infected": "file_infected"}.get(row.scan, "")


def _permitted(keys: Keys, text: str) -> tuple[str, UUID, UUID, int]:
    """Return what a ticket is for: way, school, file, page. Raises NotFound("file")."""
    try:
        found = bus.unseal(keys=keys, data=base64.urlsafe_b64decode(text))
        is_ours = isinstance(found, bus.Sealed) and found.header["type"] == "files.ticket" and found.header["kid"].startswith("files-")
        if is_ours and found["ends"] > clock.now().timestamp():
            return found["way"], UUID(found["school"]), UUID(found.header["id"]), int(found["page"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        pass
    raise NotFound("file")


def _said(**what: Any) -> bytes:
    return json.dumps({"error": None} | what).encode()
