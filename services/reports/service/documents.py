"""Documents, made with the asker's own rights and not kept; a long one in the background, and kept for a day, sealed, for who asked."""

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final
from uuid import UUID, uuid5

from eventlet import tpool
from nameko.timer import timer

from safekeep import clock, keys, outbox, printing, telemetry
from safekeep.actor import Actor
from safekeep.contracts.files import Names
from safekeep.contracts.identity import ActFor, BeginJob
from safekeep.contracts.incidents import Chronology, ChronologyAnswer, EntryLine, EntrySealed, PupilItem
from safekeep.contracts.reports import (
    ChronologyPdf,
    Document,
    DocumentDone,
    DocumentItem,
    DocumentPiece,
    DocumentPieceAnswer,
    MyDocuments,
    MyDocumentsAnswer,
)
from safekeep.errors import NotAllowed, NotFound, SafekeepError, StorageError, TooMuchRead
from safekeep.rpc import answers, ask
from services.reports import chronology, store, word
from services.reports.service.base import Base

PAGE: Final = 200
"""Entries asked for at a time: of the longest narratives, these stay under what a broker takes in one message (16 MiB)."""
AT_ONCE: Final = 1_000
"""Entries made while the asker waits; of more a document is made in the background."""
NAMES_AT_ONCE: Final = 100
PIECE: Final = 3 * 1024 * 1024
"""Bytes of a document handed out in one answer."""
KEPT: Final = timedelta(days=1)
CLAIMED_FOR: Final = timedelta(minutes=2)
"""A worker that says nothing for so long has died: another goes on after the last step that was kept."""
LATER: Final = timedelta(seconds=15)

MEDIA_TYPES: Final = {
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
        ask(self.identity, BeginJob(id=request.id, kind="chronology"), token=actor.token)
        first = self._page(request.chronology, cursor=None, job_id=request.id, school_id=actor.at_school)
        if first.total > AT_ONCE:
            self._keep_for_later(actor, request, first)
            return Document(media_type=MEDIA_TYPES[request.form], data=b"", later=True)
        whole = self._rest(request.chronology, first, actor=actor, job_id=request.id)
        with self._school(actor) as tx:
            zone = store.zone_of(tx, school_id=actor.at_school)
        return made(request, whole=whole, asked=asked_by(request, by=actor.name, at=clock.now(), zone=zone))

    def _all_of(self, asked: Chronology, *, actor: Actor, job_id: UUID) -> Whole:
        """Read a whole chronology with the asker's own rights, page by page: each with a token of its own, after their roles are checked again."""
        ask(self.identity, BeginJob(id=job_id, kind="chronology"), token=actor.token)
        return self._rest(asked, self._page(asked, cursor=None, job_id=job_id, school_id=actor.at_school), actor=actor, job_id=job_id)

    def _rest(self, asked: Chronology, first: ChronologyAnswer, *, actor: Actor, job_id: UUID) -> Whole:
        pages = [first]
        while pages[-1].next is not None:
            pages.append(self._page(asked, cursor=pages[-1].next, job_id=job_id, school_id=actor.at_school))
        return whole_of(pages, names=[self._names(page.passes, token=lambda: actor.token) for page in pages])

    def _page(self, asked: Chronology, *, cursor: str | None, job_id: UUID, school_id: UUID) -> ChronologyAnswer:
        """Read one page in the name of who has the job done."""
        page = asked.model_copy(update={"limit": PAGE, "cursor": cursor, "use": "export"})
        return ask(self.incidents, page, token=self._in_their_name(job_id, school_id=school_id), seconds=15.0)

    def _in_their_name(self, job_id: UUID, *, school_id: UUID) -> str:
        """Return a token for one step of a job. Raises NotAllowed where who asked may not have it done any more."""
        return ask(self.identity, ActFor(job_id=job_id), token=self._token(school_id, ActFor.method)).token

    def _names(self, passes: dict[UUID, str], *, token: Callable[[], str]) -> dict[UUID, str]:
        """Return what files are called, of those the asker may know it of. `token` is asked for a token each time one is needed."""
        names: dict[UUID, str] = {}
        left = iter(passes.items())
        while some := dict(islice(left, NAMES_AT_ONCE)):
            names |= {item.file_id: item.name for item in ask(self.files, Names(passes=some), token=token()).items}
        return names

    # --- long ones

    def _keep_for_later(self, actor: Actor, request: ChronologyPdf, first: ChronologyAnswer) -> None:
        """Keep what is asked for and its first page, to be gone on with at once."""
        ask(self.identity, BeginJob(id=_names_job(request.id), kind="file_names"), token=actor.token)
        names = self._names(first.passes, token=lambda: actor.token)
        now = clock.now()
        here: dict[str, Any] = {"school_id": actor.at_school, "id": request.id}
        sealed = keys.wrap(keys=self.host.keys, purpose="documents", secret=json.dumps(request.wire()).encode(), about=_about(**here, part="request"))
        with self._school(actor) as tx:
            new = store.add_document(
                tx,
                **here,
                turn_at=now,
                asked_by=actor.person,
                asked_name=actor.name,
                asked_at=now,
                roles=sorted(actor.roles),
                pupil_id=request.chronology.pupil_id,
                form=request.form,
                request=sealed,
                state="wanted",
                why="",
                steps=1,
                cursor=first.next,
                entries=first.total,
                entries_read=len(first.items),
                size=0,
                pieces=0,
                expires_at=now + KEPT,
            )
            if new:
                store.keep_piece(tx, **here, part="read", number=0, sealed=self._seal_page(first, names, **here, number=0))

    @answers(MyDocuments)
    def my_documents(self, actor: Actor, request: MyDocuments) -> MyDocumentsAnswer:
        with self._school(actor) as tx:
            rows = store.documents_of(tx, school_id=actor.at_school, asked_by=actor.person, now=clock.now())
        return MyDocumentsAnswer(items=[_item(row) for row in rows])

    @answers(DocumentPiece)
    def document_piece(self, actor: Actor, request: DocumentPiece) -> DocumentPieceAnswer:
        here: dict[str, Any] = {"school_id": actor.at_school, "id": request.document_id}
        with self._school(actor) as tx:
            row = store.document_with(tx, **here)
            if row is None or row.asked_by != actor.person or row.state != "ready" or row.expires_at <= clock.now():
                raise NotFound("document")
            if not actor.roles.issuperset(row.roles):  # it holds what they read as what they are no more
                raise NotFound("document")
            found = store.pieces_of(tx, **here, part="made", number=request.number)
        if not found:
            raise NotFound("document")
        return DocumentPieceAnswer(data=self._unseal(found[0], **here, part="made", number=request.number))

    @timer(interval=1)
    def make_documents(self) -> None:
        """Go on with what is due; an outage of the database is left for the next tick."""
        now = clock.now()
        try:
            with self.host.transaction(self.host.worker_engine) as tx:
                due = store.claim_turns(tx, now=now, again=now + CLAIMED_FOR, limit=1)
            for school_id, id_ in due:
                self._go_on(school_id, id_)
        except StorageError as error:
            telemetry.log().warning("documents.waiting", sqlstate=error.sqlstate)

    def _go_on(self, school_id: UUID, id: UUID) -> None:
        """Do step after step until it is ready, fails, or has to wait."""
        here: dict[str, Any] = {"school_id": school_id, "id": id}
        try:
            while self.do_step(**here):
                pass
        except (NotAllowed, NotFound) as refused:
            self._end(**here, state="failed", why="role" if isinstance(refused, NotAllowed) else "gone")
        except TooMuchRead as slow:
            self._wait(**here, until=clock.now() + timedelta(seconds=slow.seconds))
        except SafekeepError as error:  # somebody who is asked is away
            telemetry.log().warning("document.waits", document=str(id), error=type(error).__name__)
            self._wait(**here, until=clock.now() + LATER)
        except (printing.NotPrinted, MemoryError):
            self._end(**here, state="failed", why="not_printed")

    def do_step(self, *, school_id: UUID, id: UUID) -> bool:
        """Read the next page, or make the document of what was read; return whether there is more to do."""
        now = clock.now()
        here: dict[str, Any] = {"school_id": school_id, "id": id}
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            row = store.document_with(tx, **here)
            if row is None or (row.expires_at <= now and row.state != "wanted"):
                store.drop_document(tx, **here)
                return False
            if row.state != "wanted":
                store.set_turn(tx, **here, at=row.expires_at)
                return False
            store.set_turn(tx, **here, at=now + CLAIMED_FOR)
        if row.expires_at <= now:
            self._end(**here, state="failed", why="too_late")
            return False
        request = ChronologyPdf.receive(json.loads(keys.unwrap(keys=self.host.keys, wrapped=row.request, about=_about(**here, part="request"))))
        if row.cursor is None:
            self._make(row, request)
            return False
        self._read_on(row, request)
        return True

    def _read_on(self, row: Any, request: ChronologyPdf) -> None:
        here: dict[str, Any] = {"school_id": row.school_id, "id": row.id}
        page = self._page(request.chronology, cursor=row.cursor, job_id=row.id, school_id=row.school_id)
        names = self._names(page.passes, token=lambda: self._in_their_name(_names_job(row.id), school_id=row.school_id))
        sealed = self._seal_page(page, names, **here, number=row.steps)
        with self.host.transaction(self.host.engine, school_id=row.school_id) as tx:
            now_is = store.document_with(tx, **here, lock=True)
            if now_is is None or now_is.state != "wanted" or now_is.steps != row.steps:
                return  # another worker has read it meanwhile
            store.keep_piece(tx, **here, part="read", number=row.steps, sealed=sealed)
            read: dict[str, Any] = {"steps": row.steps + 1, "cursor": page.next, "entries_read": row.entries_read + len(page.items)}
            store.change_document(tx, **here, **read, entries=page.total)

    def _make(self, row: Any, request: ChronologyPdf) -> None:
        here: dict[str, Any] = {"school_id": row.school_id, "id": row.id}
        self._in_their_name(row.id, school_id=row.school_id)
        with self.host.transaction(self.host.engine, school_id=row.school_id) as tx:
            sealed, zone = store.pieces_of(tx, **here, part="read"), store.zone_of(tx, school_id=row.school_id)
        read = [json.loads(zlib.decompress(self._unseal(piece, **here, part="read", number=n))) for n, piece in enumerate(sealed)]
        names = [{UUID(id_): name for id_, name in each["names"].items()} for each in read]
        whole = whole_of([ChronologyAnswer.receive(each["page"]) for each in read], names=names)
        document = made(request, whole=whole, asked=asked_by(request, by=row.asked_name, at=row.asked_at, zone=zone))
        self._end(**here, state="ready", data=document.data)

    def _end(self, *, school_id: UUID, id: UUID, state: str, why: str = "", data: bytes = b"") -> None:
        """Keep the document, or that there is none, and have who asked told: once, whoever else has made it meanwhile."""
        here: dict[str, Any] = {"school_id": school_id, "id": id}
        pieces = [data[start : start + PIECE] for start in range(0, len(data), PIECE)]
        sealed = [self._seal(piece, **here, part="made", number=number) for number, piece in enumerate(pieces)]
        expires_at = clock.now() + KEPT
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            row = store.document_with(tx, **here, lock=True)
            if row is None or row.state != "wanted":
                return
            for number, piece in enumerate(sealed):
                store.keep_piece(tx, **here, part="made", number=number, sealed=piece)
            store.drop_pieces(tx, **here, part="read")
            store.change_document(tx, **here, state=state, why=why, size=len(data), pieces=len(pieces), expires_at=expires_at)
            store.set_turn(tx, **here, at=expires_at)
            outbox.add(tx, DocumentDone, school_id=school_id, subject=id, person_id=row.asked_by, outcome=state)
        telemetry.log().info("document.done", document=str(id), outcome=state, why=why)

    def _wait(self, *, school_id: UUID, id: UUID, until: datetime) -> None:
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            store.set_turn(tx, school_id=school_id, id=id, at=until)

    def _seal_page(self, page: ChronologyAnswer, names: dict[UUID, str], *, school_id: UUID, id: UUID, number: int) -> str:
        kept = {"page": page.model_copy(update={"passes": {}}).wire(), "names": {str(id_): name for id_, name in names.items()}}
        return self._seal(zlib.compress(json.dumps(kept).encode()), school_id=school_id, id=id, part="read", number=number)

    def _seal(self, data: bytes, *, school_id: UUID, id: UUID, part: str, number: int) -> str:
        return keys.wrap(keys=self.host.keys, purpose="documents", secret=data, about=_about(school_id=school_id, id=id, part=part, number=number))

    def _unseal(self, sealed: str, *, school_id: UUID, id: UUID, part: str, number: int) -> bytes:
        return keys.unwrap(keys=self.host.keys, wrapped=sealed, about=_about(school_id=school_id, id=id, part=part, number=number))


def whole_of(pages: Sequence[ChronologyAnswer], *, names: Sequence[dict[UUID, str]]) -> Whole:
    """Put what was read page by page together."""
    entries = [entry for page in pages for entry in page.items]
    return Whole(pages[0].pupil, entries, pages[0].head, {id_: name for some in names for id_, name in some.items()})


def asked_by(request: ChronologyPdf, *, by: str, at: datetime, zone: str) -> chronology.Asked:
    """Return who asked, when, and for what of it."""
    return chronology.Asked(
        by=by,
        at=at,
        school_name=request.school_name,
        zone=zone,
        category_names=request.category_names,
        staff_names=request.staff_names,
        leave_out=request.leave_out,
        class_codes=request.class_codes,
    )


def made(request: ChronologyPdf, *, whole: Whole, asked: chronology.Asked) -> Document:
    """Make the document, as it was asked for, in a thread: other calls go on. Raises printing.NotPrinted."""
    asked = replace(asked, head=whole.head, file_names=whole.file_names)
    document: Document = tpool.execute(document_of, request, whole=whole, asked=asked)
    return document


def document_of(request: ChronologyPdf, *, whole: Whole, asked: chronology.Asked) -> Document:
    """Make the document here and now. Raises printing.NotPrinted."""
    entries = chronology.wanted(whole.entries, asked=asked)
    about: dict[str, Any] = {"pupil": whole.pupil, "entries": entries, "request": request.chronology, "asked": asked}
    if request.form == "csv":
        data = chronology.csv(**about)
    elif request.form == "docx":
        data = word.docx(chronology.content(**about), at=asked.at)
    else:
        data = chronology.pdf(chronology.content(**about))
    return Document(media_type=MEDIA_TYPES[request.form], data=data)


def _names_job(id: UUID) -> UUID:
    """Return the id of the job in which a document's files are asked for by name: its tokens are for the files service alone."""
    return uuid5(id, "file_names")


def _about(*, school_id: UUID, id: UUID, part: str, number: int = 0) -> str:
    """Return what a sealed piece is bound to: it opens nowhere else."""
    return f"document|{school_id}|{id}|{part}|{number}"


def _item(row: Any) -> DocumentItem:
    names = ("id", "pupil_id", "form", "asked_at", "state", "why", "entries", "entries_read", "size", "pieces", "expires_at")
    return DocumentItem(**{name: getattr(row, name) for name in names}, media_type=MEDIA_TYPES[row.form])
