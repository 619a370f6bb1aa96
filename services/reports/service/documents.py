"""Chronologies as documents, made with the asker's own rights and not kept; a long one in the background (long_documents)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from safekeep import clock
from safekeep.actor import Actor
from safekeep.contracts.identity import BeginJob
from safekeep.contracts.incidents import ChronologyAnswer, EntryLine, EntrySealed, Flag, PupilItem, SelfCheck
from safekeep.contracts.reports import ChronologyPdf, Document
from safekeep.errors import Unavailable
from safekeep.rpc import answers, ask
from services.reports import chronology, store
from services.reports.service import long_documents
from services.reports.service.long_documents import MEDIA_TYPES, LongDocuments, Wanted, is_long, printed_chronology
from services.reports.service.printing_apart import PressEnded


@dataclass(frozen=True, slots=True)
class Whole:
    """A chronology read to its end: where the ledger stood before its first page was read, and what its files are called."""

    pupil: PupilItem
    entries: Sequence[EntryLine]
    head: EntrySealed | None
    file_names: dict[UUID, str]
    flags: Sequence[Flag] = ()
    check: SelfCheck | None = None


class Documents(LongDocuments):
    """Mixed into the service."""

    @answers(ChronologyPdf)
    def chronology_pdf(self, actor: Actor, request: ChronologyPdf) -> Document:
        ask(self.identity, BeginJob(id=request.id, kind="chronology"), token=actor.token)
        about: dict[str, Any] = {"job_id": request.id, "school_id": actor.at_school}
        pages = [self._page(request.chronology, cursor=None, **about)]
        while pages[0].total <= long_documents.AT_ONCE and pages[-1].next is not None:
            pages.append(self._page(request.chronology, cursor=pages[-1].next, **about))
        if is_long(pages):
            self._keep_for_later(actor, id=request.id, form=request.form, kept=request.wire(), pages=pages)
            return Document(media_type=MEDIA_TYPES[request.form], data=b"", later=True)
        whole = whole_of(pages, names=[self._names(page.passes, token=lambda: actor.token) for page in pages])
        with self._school(actor) as tx:
            zone = store.zone_of(tx, school_id=actor.at_school)
        return document_of(request, whole=whole, by=actor.name, zone=zone)


def whole_of(pages: Sequence[ChronologyAnswer], *, names: Sequence[dict[UUID, str]]) -> Whole:
    """Put what was read page by page together."""
    entries = [entry for page in pages for entry in page.items]
    check = chronology.worst(page.check for page in pages)
    return Whole(pages[0].pupil, entries, pages[0].head, {id_: name for some in names for id_, name in some.items()}, pages[0].flags, check)


def document_of(request: ChronologyPdf, *, whole: Whole, by: str, zone: str) -> Document:
    """Make the document as it was asked for. Raises printing.NotPrinted, Unavailable."""
    wanted = Wanted.receive(request.wire())
    read: dict[str, Any] = {"head": whole.head, "file_names": whole.file_names, "flags": whole.flags, "check": whole.check}
    asked = wanted.asked(by=by, at=clock.now(), zone=zone, **read)
    entries = chronology.wanted(whole.entries, asked=asked)
    try:
        data = printed_chronology(pupil=whole.pupil, entries=entries, request=request.chronology, asked=asked, form=request.form)
    except PressEnded:
        raise Unavailable("reports", "not_done") from None
    return Document(media_type=MEDIA_TYPES[request.form], data=data)
