"""Bytes of files to and from `files`, by its door (docs/decisions/0013-files-by-the-door.md): never whole in memory, never readable on a disk."""

import io
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any, Final, cast

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from flask import Request
from werkzeug.utils import cached_property

from gateway import rpc
from safekeep import door
from safekeep.contracts.files import PIECE, Opened, Read
from safekeep.contracts.incidents import PermitFile
from safekeep.errors import Conflict, NotFound, Unavailable

TAKES_FILES: Final = frozenset({"recording.submit", "actions.submit", "files.part", "api.keep_file"})
"""Where a body may be as long as the longest file: of somebody whose session was entered before anything of it is read."""
LARGEST_ELSE: Final = 5 * 2**20
"""Of any other: a form, JSON, a list or a calendar. It is read into memory, and some may be sent by anybody."""


class Arriving(Request):
    """A request whose body is taken from the server a piece at a time, however little is asked for: what the server holds beyond that it copies
    whole with every call, which for a long film was more work than all the rest (docs/performance.md)."""

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body, read once."""
        return cast(IO[bytes], io.BufferedReader(cast(io.RawIOBase, super().stream), PIECE))

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        """Where a file of a form is put until all of the form is there: werkzeug asks this."""
        return cast(IO[bytes], Spool())


class Spool(io.RawIOBase):
    """What a form sent, until it is carried over: a file without a name that holds noise. Its key is in this object and nowhere else.

    It is written once from its beginning to its end, so that no two texts are ever sealed with the same part of the key's stream.
    """

    _BLOCK = 16

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with this
        self._key, self._at, self._size = os.urandom(32), 0, 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self._at != self._size:
            raise io.UnsupportedOperation("written at its end only")
        self._file.write(self._crossed(bytes(data)))
        self._size += len(data)
        return len(data)

    def readinto(self, into: Any) -> int:
        self._file.seek(self._at)
        found = self._crossed(self._file.read(len(into)))
        into[: len(found)] = found
        return len(found)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        self._file.close()
        super().close()

    def _crossed(self, data: bytes) -> bytes:
        """Return bytes that stand here, sealed or opened (AES-256 in counter mode, which is the same), and go on behind them."""
        block, over = divmod(self._at, self._BLOCK)
        cipher = Cipher(algorithms.AES(self._key), modes.CTR(block.to_bytes(self._BLOCK, "big"))).encryptor()
        cipher.update(bytes(over))
        self._at += len(data)
        return cipher.update(data)


def send(pieces: Iterable[bytes], *, ticket: str, at: int | None = None) -> int:
    """Carry bytes over, from where the file ends (`at`, if given); return how much of it there is then.

    Raises NotFound, Conflict("uploading") when it ends elsewhere, Unavailable.
    """
    try:
        with rpc.stream("files", {"ticket": ticket}) as stream:
            arrived = _said(stream)["arrived"]
            if at is not None and arrived != at:
                raise Conflict("uploading")
            for piece in pieces:
                for start in range(0, len(piece), PIECE):
                    stream.send(piece[start : start + PIECE])
            stream.send(b"", last=True)
            return int(_said(stream)["arrived"])
    except OSError:
        raise Unavailable("files", "unknown") from None


def open_file(file_id: Any, *, token: str, page: int = 0, passed: str = "") -> Opened:
    """Ask incidents whether the person may have a file, and files for it (or for one of its previews). `passed`: a pass they hold already.

    Raises NotFound("file"), and Conflict saying why nobody has it just now.
    """
    try:
        pass_token = passed or rpc.ask(rpc.build(PermitFile, file_id=file_id), token=token).token
    except NotFound:
        pass_token = ""  # not with an entry yet: its author may still read it
    return rpc.ask(rpc.build(Read, file_id=file_id, pass_token=pass_token, page=page), token=token, seconds=30.0)


def receive(opened: Opened, *, offset: int = 0, size: int | None = None) -> Iterator[bytes]:
    """Return a file's bytes as they come. What is wrong at the start is raised here, not in the midst of an answer."""
    found = _pieces(opened, offset=offset, size=size)
    first = next(found)
    return _with(first, found)


def _pieces(opened: Opened, *, offset: int, size: int | None) -> Iterator[bytes]:
    try:
        with rpc.stream("files", {"ticket": opened.ticket, "offset": offset, "size": size}) as stream:
            _said(stream)
            last = False
            while not last:
                data, last = stream.receive()
                yield data
    except OSError:
        raise Unavailable("files", "unknown") from None


def _with(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _said(stream: door.Stream) -> dict[str, Any]:
    """Return what files says between the bytes. Raises what it refuses with."""
    said: dict[str, Any] = json.loads(stream.receive()[0])
    if said["error"]:
        raise rpc.error_of(said["error"])
    return said
