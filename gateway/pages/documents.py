"""Long documents that are made in the background: how far one is, and the file when it is ready, for who asked for it."""

from collections.abc import Iterator
from itertools import chain
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, render_template

from gateway import rpc, session
from safekeep.contracts.reports import DocumentItem, DocumentPiece, MyDocuments
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
    """Hand out the document, put together from its pieces while it is sent."""
    found, token = _document(document_id), session.here().token
    if found.state != "ready":
        raise Conflict("not_ready")
    first = rpc.ask(rpc.build(DocumentPiece, document_id=document_id, number=0), token=token, seconds=15.0)  # refused before anything is sent
    response = Response(chain([first.data], _rest(found, token=token)), mimetype=found.media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="chronology.{found.form}"'
    response.headers["Content-Length"] = str(found.size)
    return response


def _rest(found: DocumentItem, *, token: str) -> Iterator[bytes]:
    for number in range(1, found.pieces):
        yield rpc.ask(rpc.build(DocumentPiece, document_id=found.id, number=number), token=token, seconds=15.0).data


def _document(document_id: UUID) -> DocumentItem:
    items = rpc.ask(MyDocuments(), token=session.here().token).items
    found = next((item for item in items if item.id == document_id), None)
    if found is None:
        raise NotFound("document")
    return found
