"""Files sent with a form, whole or in parts: carried to `files`, which signs for each that arrived whole."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import IO
from uuid import UUID, uuid5

from werkzeug.datastructures import FileStorage

from gateway import rpc, streams
from gateway.forms import Form
from safekeep.contracts.files import MAX_UPLOAD, PIECE, BeginUpload, FileReceipt, FinishUpload, Receipts, UploadBegun
from safekeep.errors import Invalid, StorageError, Unavailable

MOST = 20
"""Files with one entry."""


def keep(sent: FileStorage, *, token: str, thing_id: UUID, once: Callable[[str], dict[str, str] | None] = lambda _: None) -> FileReceipt:
    """Carry one file over. Its id follows from what it belongs to and its content, so that sending it twice keeps it once.

    `once` says, for the content, under which Idempotency-Key it was sent.

    Raises Invalid({"file": …}), Unavailable.
    """
    digest, size = hashlib.sha256(), 0
    for piece in _pieces(sent.stream):
        digest.update(piece)
        size += len(piece)
        if size > MAX_UPLOAD:
            raise Invalid({"file": "too_large"})
    if size == 0:
        raise Invalid({"file": "empty"})
    name = name_of(sent.filename)
    file_id = uuid5(thing_id, f"{digest.hexdigest()} {name}")
    key = once(f"{digest.hexdigest()} {name}")
    known = rpc.ask(rpc.build(Receipts, file_ids=[file_id]), token=token).items
    if known and key is None:
        return known[0]
    begun = rpc.ask(rpc.build(BeginUpload, file_id=file_id, name=name, size=size), token=token, once=key)
    if known:
        return known[0]
    if not begun.finished and begun.arrived < size:
        sent.stream.seek(begun.arrived)
        streams.send(_pieces(sent.stream), ticket=begun.ticket, at=begun.arrived)
    return finish(begun.file_id, token=token)


def begin(*, thing_id: UUID, name: str, size: int, mark: str, token: str) -> UploadBegun:
    """Begin a file that comes in parts, or go on with it. `mark`: what tells it from others of this name and size (when it was changed).

    Raises Invalid({"file": …}) for one that is empty or too long.
    """
    if size > MAX_UPLOAD:
        raise Invalid({"file": "too_large"})
    if size < 1:
        raise Invalid({"file": "empty"})
    name = name_of(name)
    return rpc.ask(rpc.build(BeginUpload, file_id=uuid5(thing_id, f"{size} {mark[:40]} {name}"), name=name, size=size), token=token)


def finish(file_id: UUID, *, token: str) -> FileReceipt:
    """Have files look at a file that arrived whole, and sign for it. Raises Invalid({"file": …}) when it is not kept."""
    return rpc.ask(rpc.build(FinishUpload, file_id=file_id), token=token, seconds=60.0)


def name_of(name: str | None) -> str:
    """Return what a file is called, without the folders some browsers send."""
    plain = "".join(c if c.isprintable() else " " for c in name or "").replace("\\", "/").rsplit("/", 1)[-1].strip()
    return plain[:200].strip() or "file"


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(PIECE):
        yield piece


def keep_all(form: Form, sent: list[FileStorage], *, token: str, thing_id: UUID) -> None:
    """Carry over what a form sent, noting each kept file in it and each problem beside the field."""
    for file in sent:
        if not file.filename:
            continue
        if len(form.many("file_ids")) >= MOST:
            form.refuse("files", "too_many")
            return
        try:
            receipt = keep(file, token=token, thing_id=thing_id)
        except Invalid as error:
            form.refuse("files", next(iter(error.problems.values())))
            continue
        form.add("file_ids", str(receipt.file_id))
        form.put(f"filename_{receipt.file_id}", receipt.name)
        form.put(f"receipt_{receipt.file_id}", receipt.receipt)


def receipts(form: Form, *, token: str) -> list[str]:
    """Return the signed receipts of the form's files, in its order; a file that has gone is noted as a problem."""
    wanted = form.as_ids("file_ids")
    if len(wanted) > MOST:
        form.refuse("files", "too_many")
        return []
    if not wanted:
        return []
    found = signed_for(wanted, carried={id_: form.one(f"receipt_{id_}") for id_ in wanted}, token=token)
    if any(file_id not in found for file_id in wanted):
        form.refuse("files", "not_whole")
    return [found[file_id] for file_id in wanted if file_id in found]


def signed_for(wanted: list[UUID], *, carried: Mapping[UUID, str], token: str) -> dict[UUID, str]:
    """Return the signed receipts of files by their ids, without one that has gone.

    `carried`: the receipts that the form or program was given with the uploads. While `files` does not answer they are enough:
    incidents verifies them, so that evidence is recorded also then. Raises Unavailable where one is not there ("").
    """
    has_all = all(carried.get(file_id) for file_id in wanted)
    try:
        answer = rpc.ask(rpc.build(Receipts, file_ids=wanted), token=token, seconds=2.0 if has_all else 5.0)
    except (Unavailable, StorageError):
        if not has_all:
            raise
        return {file_id: carried[file_id] for file_id in wanted}
    return {item.file_id: item.receipt for item in answer.items}
