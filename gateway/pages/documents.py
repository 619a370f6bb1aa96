"""Long documents that are made in the background: how far one is, and the files when it is ready, for who asked for it."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, render_template

from gateway import rpc, session, streams, zipping
from safekeep.contracts.reports import DocumentItem, DocumentPiece, GivenFile, MyDocuments, part_name, stem_of, sums
from safekeep.errors import Conflict, NotFound

pages = Blueprint("documents", __name__)


@pages.get("/s/<slug>/documents/<uuid:document_id>")
def document(slug: str, document_id: UUID) -> Any:
    """Show how far a document is, and where to fetch it."""
    return render_template("documents/document.html", found=_document(document_id))


@pages.get("/s/<slug>/documents/<uuid:document_id>/progress")
def progress(slug: str, document_id: UUID) -> Any:
    """The part of the page that changes, for the page to fetch again."""
    return render_template("documents/_progress.html", found=_document(document_id))


@pages.get("/s/<slug>/documents/<uuid:document_id>/file")
def file(slug: str, document_id: UUID) -> Any:
    """Hand out the document; of several parts a zip of them with the list of their hashes, put together while it is sent."""
    found, token = _ready(document_id), session.here().token
    if len(found.parts) < 2 and not found.files:
        return _sent(found, 0, found.pieces, size=found.size, name=_name(found, 1), token=token)
    _piece(found, 0, token=token)  # refused before anything is sent
    members = [(_name(found, part.number), part.sha256, _pieces(found, part.first_piece, part.pieces, token=token)) for part in found.parts]
    return zipped(members, files=found.files, stem=_stem(found), token=token)


def zipped(members: Sequence[tuple[str, str, Iterable[bytes]]], *, files: Sequence[GivenFile], stem: str, token: str) -> Response:
    """Return a zip of documents (name, SHA-256, bytes), of the files that are given with them, and of the lists of their hashes.

    The files are fetched with the rights of who asks, now: refused before anything is sent. Raises NotFound("file"), Conflict.
    """
    for file in files:
        streams.open_file(file.file_id, token=token)
    fetched = ((file.name, _as_listed(file, token=token)) for file in files)
    lists = [("SHA256SUMS.txt", sums((name, sha256) for name, sha256, _ in members))]
    if files:
        lists.append(("SHA256SUMS-files.txt", sums((file.name, file.sha256) for file in files)))
    documents = ((name, pieces) for name, _, pieces in members)
    response = Response(zipping.stream(chain(documents, fetched, ((name, [text.encode()]) for name, text in lists))), mimetype="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{stem}.zip"'
    return response


def _as_listed(file: GivenFile, *, token: str) -> Iterator[bytes]:
    """Yield a file's bytes; what is not the file that was decided on is never handed over whole."""
    seen = hashlib.sha256()
    for piece in streams.receive(streams.open_file(file.file_id, token=token)):
        seen.update(piece)
        yield piece
    if seen.hexdigest() != file.sha256:
        raise Conflict("record_changed")


@pages.get("/s/<slug>/documents/<uuid:document_id>/parts/<int:number>")
def part(slug: str, document_id: UUID, number: int) -> Any:
    """Hand out one part of the document."""
    found, token = _ready(document_id), session.here().token
    wanted = next((part for part in found.parts if part.number == number), None)
    if wanted is None:
        raise NotFound("document")
    return _sent(found, wanted.first_piece, wanted.pieces, size=wanted.size, name=_name(found, number), token=token)


def _ready(document_id: UUID) -> DocumentItem:
    found = _document(document_id)
    if found.state != "ready":
        raise Conflict("not_ready")
    return found


def _stem(found: DocumentItem) -> str:
    return stem_of(kind=found.kind, pack=found.pack)


def _name(found: DocumentItem, number: int) -> str:
    return part_name(stem=_stem(found), number=number, of=len(found.parts), form=found.form)


def _sent(found: DocumentItem, start: int, count: int, *, size: int, name: str, token: str) -> Response:
    first = _piece(found, start, token=token)  # refused before anything is sent
    response = Response(chain([first], _pieces(found, start + 1, count - 1, token=token)), mimetype=found.media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Content-Length"] = str(size)
    return response


def _pieces(found: DocumentItem, start: int, count: int, *, token: str) -> Iterator[bytes]:
    return (_piece(found, number, token=token) for number in range(start, start + count))


def _piece(found: DocumentItem, number: int, *, token: str) -> bytes:
    return rpc.ask(rpc.build(DocumentPiece, document_id=found.id, number=number), token=token, seconds=15.0).data


def _document(document_id: UUID) -> DocumentItem:
    items = rpc.ask(MyDocuments(), token=session.here().token).items
    found = next((item for item in items if item.id == document_id), None)
    if found is None:
        raise NotFound("document")
    return found
