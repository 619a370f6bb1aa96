"""Files sent with a form: carried in pieces to `files`, which signs for each that arrived whole."""

import hashlib
from collections.abc import Callable
from uuid import UUID, uuid5

from werkzeug.datastructures import FileStorage

from gateway import rpc
from gateway.forms import Form
from safekeep.contracts.files import CHUNK, MAX_UPLOAD, Append, BeginUpload, FileReceipt, FinishUpload, Receipts
from safekeep.errors import Invalid

MOST = 20
"""Files with one entry."""


def keep(sent: FileStorage, *, token: str, thing_id: UUID, once: Callable[[str], dict[str, str] | None] = lambda _: None) -> FileReceipt:
    """Carry one file over. Its id follows from what it belongs to and its content, so that sending it twice keeps it once.

    `once` says, for the content, under which Idempotency-Key it was sent.

    Raises Invalid({"file": …}), Unavailable.
    """
    digest, size = hashlib.sha256(), 0
    while piece := sent.stream.read(CHUNK):
        digest.update(piece)
        size += len(piece)
        if size > MAX_UPLOAD:
            raise Invalid({"file": "too_large"})
    if size == 0:
        raise Invalid({"file": "not_whole"})
    sent.stream.seek(0)
    name = (sent.filename or "").replace("\\", "/").rsplit("/", 1)[-1][:200] or "file"
    file_id = uuid5(thing_id, f"{digest.hexdigest()} {name}")
    key = once(f"{digest.hexdigest()} {name}")
    known = rpc.ask(rpc.build(Receipts, file_ids=[file_id]), token=token).items
    if known and key is None:
        return known[0]
    file_id = rpc.ask(rpc.build(BeginUpload, file_id=file_id, name=name, size=size), token=token, once=key).file_id
    if known:
        return known[0]
    offset = 0
    while piece := sent.stream.read(CHUNK):
        # model_construct: the piece is ours, made to the contract's size; validating bytes costs a copy
        rpc.ask(Append.model_construct(file_id=file_id, offset=offset, data=piece), token=token, seconds=15.0)
        offset += len(piece)
    return rpc.ask(rpc.build(FinishUpload, file_id=file_id), token=token, seconds=30.0)


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


def receipts(form: Form, *, token: str) -> list[str]:
    """Return the signed receipts of the form's files, in its order; a file that has gone is noted as a problem."""
    wanted = form.as_ids("file_ids")[:MOST]
    if not wanted:
        return []
    found = {r.file_id: r.receipt for r in rpc.ask(rpc.build(Receipts, file_ids=wanted), token=token).items}
    if any(file_id not in found for file_id in wanted):
        form.refuse("files", "not_whole")
    return [found[file_id] for file_id in wanted if file_id in found]
