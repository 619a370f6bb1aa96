"""Documents, made at this moment with the asker's own rights and not kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from uuid import UUID

from eventlet import tpool

from safekeep import clock
from safekeep.actor import Actor
from safekeep.contracts.files import Names
from safekeep.contracts.identity import ActFor, BeginJob
from safekeep.contracts.incidents import Chronology, ChronologyAnswer, EntryLine, EntrySealed, PupilItem
from safekeep.contracts.reports import ChronologyPdf, Document
from safekeep.ids import new_id
from safekeep.rpc import answers, ask
from services.reports import chronology, store, word
from services.reports.service.base import Base

PAGE = 200
"""Entries asked for at a time: of the longest narratives, these stay under what a broker takes in one message (16 MiB)."""
NAMES_AT_ONCE = 100

MEDIA_TYPES = {
    "pdf": "application/pdf",
    "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


@dataclass(frozen=True, slots=True)
class Whole:
    """A chronology read to its end: where the ledger stood before its first page was read, and what its files are called."""

    pupil: PupilItem
    entries: Sequence[EntryLine]
    head: EntrySealed | None
    file_names: dict[UUID, str]


class Documents(Base):
    """Mixed into the service."""

    @answers(ChronologyPdf)
    def chronology_pdf(self, actor: Actor, request: ChronologyPdf) -> Document:
        whole = self._all_of(request.chronology, actor=actor)
        with self._school(actor) as tx:
            zone = store.zone_of(tx, school_id=actor.at_school)
        asked = chronology.Asked(
            by=actor.name,
            at=clock.now(),
            school_name=request.school_name,
            zone=zone,
            category_names=request.category_names,
            staff_names=request.staff_names,
            leave_out=request.leave_out,
            class_codes=request.class_codes,
        )
        return made(request, whole=whole, asked=asked)

    def _all_of(self, asked: Chronology, *, actor: Actor) -> Whole:
        """Read the whole chronology with the asker's own rights, page by page: each with a token of its own, after their roles are checked again."""
        job_id = new_id()
        ask(self.identity, BeginJob(id=job_id, kind="chronology"), token=actor.token)
        pages = [self._page(asked, cursor=None, job_id=job_id, school_id=actor.at_school)]
        while pages[-1].next is not None:
            pages.append(self._page(asked, cursor=pages[-1].next, job_id=job_id, school_id=actor.at_school))
        names = [self._names(page.passes, token=lambda: actor.token) for page in pages]
        return whole_of(pages, names=names)

    def _page(self, asked: Chronology, *, cursor: str | None, job_id: UUID, school_id: UUID) -> ChronologyAnswer:
        """Read one page in the name of who has the job done."""
        token = ask(self.identity, ActFor(job_id=job_id), token=self._token(school_id, ActFor.method)).token
        page = asked.model_copy(update={"limit": PAGE, "cursor": cursor, "use": "export"})
        return ask(self.incidents, page, token=token, seconds=15.0)

    def _names(self, passes: dict[UUID, str], *, token: Callable[[], str]) -> dict[UUID, str]:
        """Return what files are called, of those the asker may know it of. `token` is asked for a token each time one is needed."""
        names: dict[UUID, str] = {}
        left = iter(passes.items())
        while some := dict(islice(left, NAMES_AT_ONCE)):
            names |= {item.file_id: item.name for item in ask(self.files, Names(passes=some), token=token()).items}
        return names


def whole_of(pages: Sequence[ChronologyAnswer], *, names: Sequence[dict[UUID, str]]) -> Whole:
    """Put what was read page by page together."""
    entries = [entry for page in pages for entry in page.items]
    return Whole(pages[0].pupil, entries, pages[0].head, {id_: name for some in names for id_, name in some.items()})


def made(request: ChronologyPdf, *, whole: Whole, asked: chronology.Asked) -> Document:
    """Make the document, as it was asked for, in a thread: other calls go on."""
    asked = replace(asked, head=whole.head, file_names=whole.file_names)
    document: Document = tpool.execute(_made, request, whole=whole, asked=asked)
    return document


def _made(request: ChronologyPdf, *, whole: Whole, asked: chronology.Asked) -> Document:
    entries = chronology.wanted(whole.entries, asked=asked)
    about: dict[str, Any] = {"pupil": whole.pupil, "entries": entries, "request": request.chronology, "asked": asked}
    if request.form == "csv":
        data = chronology.csv(**about)
    elif request.form == "docx":
        data = word.docx(chronology.content(**about), at=asked.at)
    else:
        data = chronology.pdf(chronology.content(**about))
    return Document(media_type=MEDIA_TYPES[request.form], data=data)
