"""A record before it is given: shown with what is proposed, decided by one person, confirmed by another, made, and entered in the ledger."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eventlet import tpool
from eventlet.semaphore import Semaphore

from safekeep import clock, spelling
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.identity import ActFor, BeginJob
from safekeep.contracts.incidents import Chronology, ChronologyAnswer, EntryLine, PupilItem, Register, RegisterAnswer
from safekeep.contracts.reports import (
    Addition,
    ConfirmRedactions,
    Document,
    FileDecision,
    KeepRedactions,
    ProposalAnswer,
    ProposeRedactions,
    RecordFile,
    RecordFound,
    RecordList,
    RecordListAnswer,
    RecordMark,
    RecordPage,
    RecordPageAnswer,
    RecordPlace,
    RecordText,
    RedactedRecord,
    TakeBackRedactions,
    Undecided,
)
from safekeep.errors import Conflict, Invalid, NotAllowed, Unavailable
from safekeep.ids import new_id
from safekeep.rpc import answers, ask
from services.reports import listing, reviewing, store
from services.reports.listing import Found
from services.reports.redaction import Names, Person
from services.reports.reviewing import Decided, FileShown, Mark, Text
from services.reports.service import long_documents, printing_apart, records
from services.reports.service.long_documents import MEDIA_TYPES, Confirmed, LongDocuments, is_long
from services.reports.service.printing_apart import PressEnded
from services.reports.service.records import Decisions
from services.reports.service.requests import reference_of, request_found

SHOWN = 50
"""Entries on a page of the workbench, and read at a time: so a page of one is a page of the other."""
LISTED = 1_000
"""Entries that one list is made of: reading more at once is neither quick, nor far from what one person may read in an hour."""
_TURN = Semaphore()
"""The dictionary is asked by one thread at a time."""
SAID = 20
"""Entries named of those that are not decided."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A text with its digest and its marks."""

    text: Text
    digest: str
    marks: list[Mark]


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole record as somebody could read it at one moment: the cursor of the page each text stands on, and each file that is attached."""

    texts: list[tuple[str | None, Marked]]
    files: list[tuple[str | None, FileShown]]
    digests: dict[str, str]


class Disclosures(LongDocuments):
    """Mixed into the service."""

    @answers(RecordPage)
    def record_page(self, actor: Actor, request: RecordPage) -> RecordPageAnswer:
        row, decided, zone = self._asked_for(actor, request.information_request_id)
        page = self._record_page(row, actor=actor, cursor=request.cursor)
        names = self._names_of(page.pupil, actor=actor, staff=_staff(page.items, request.staff_names))
        marked = _in_turn(page.items, row=row, decided=decided.places, names=names, staff=request.staff_names, zone=zone)
        called = self._names(page.passes, token=lambda: actor.token)
        return RecordPageAnswer(
            pupil_name=page.pupil.name,
            texts=[_record_text(each) for each in marked],
            files=[_record_file(each, called) for each in reviewing.files_of(page.items, decided=decided.files, zone=zone)],
            entries=page.total,
            next=page.next,
            stage=row.stage,
            proposed_by=row.proposed_by,
            proposed_at=row.proposed_at,
            confirmed_by=row.confirmed_by,
            may_confirm=row.stage == "proposed" and row.proposed_by != actor.person_id,
        )

    @answers(RecordList)
    def record_list(self, actor: Actor, request: RecordList) -> RecordListAnswer:
        """Read on page by page, keeping of each only what was found in it."""
        row, decided, zone = self._asked_for(actor, request.information_request_id)
        found, read, last, register = Found(), 0, None, None
        cursor = request.cursor
        while read < LISTED and (last is None or cursor is not None):
            page = self._record_page(row, actor=actor, cursor=cursor)
            register = register or self._register(page.pupil, actor=actor)
            names = _names(page.pupil, register, staff=_staff(page.items, request.staff_names))
            for each in _in_turn(page.items, row=row, decided=decided.places, names=names, staff=request.staff_names, zone=zone):
                found.add(each.text, each.marks, cursor=cursor)
            read, last, cursor = read + len(page.items), page, page.next
        assert last is not None  # the first page is always read
        return RecordListAnswer(
            pupil_name=last.pupil.name,
            found=[_record_found(each) for each in found.in_order()],
            read=read,
            entries=last.total,
            next=last.next,
            stage=row.stage,
        )

    @answers(KeepRedactions)
    def keep_redactions(self, actor: Actor, request: KeepRedactions) -> Nothing:
        row, decided, zone = self._asked_for(actor, request.information_request_id)
        _may_decide(row)
        by_hand = {(d.entry_id, d.part, d.start, d.stop) for d in decided.places if d.by_hand}
        rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        for number, wanted in enumerate(request.decisions):
            if wanted.accepted and wanted.reason is None:
                raise Invalid({f"decisions.{number}.reason": "missing"})
            if wanted.stop <= wanted.start:
                raise Invalid({f"decisions.{number}.stop": "before_start"})
            key = (wanted.entry_id, wanted.part, wanted.start, wanted.stop)
            rows[key] = wanted.model_dump() | {"by_hand": key in by_hand, "reason": wanted.reason if wanted.accepted else None}
        if request.additions:
            page = self._record_page(row, actor=actor, cursor=request.cursor)
            texts = [text for entry in page.items for text in reviewing.texts_of(entry, names=request.staff_names, zone=zone)]
            for made in _added(request.additions, texts={(text.entry_id, text.part): text for text in texts}, salt=row.salt):
                rows[made["entry_id"], made["part"], made["start"], made["stop"]] = made
        here: dict[str, Any] = {"school_id": actor.at_school}
        said = {"by_id": actor.person_id, "at": clock.now()}
        files = _of_files(request.files)
        with self._school(actor) as tx:
            _may_decide(request_found(tx, **here, id=row.id))
            store.keep_redactions(tx, **here, request_id=row.id, rows=[each | said for each in rows.values()])
            store.keep_file_decisions(tx, **here, request_id=row.id, rows=[each | said for each in files])
        return Nothing()

    @answers(ProposeRedactions)
    def propose_redactions(self, actor: Actor, request: ProposeRedactions) -> ProposalAnswer:
        row, decided, zone = self._asked_for(actor, request.information_request_id)
        if row.stage == "proposed" and row.proposed_by == actor.person_id and row.state == "open":
            return ProposalAnswer(undecided=[])
        _may_decide(row)
        whole = self._whole(row, actor=actor, decided=decided, staff=request.staff_names, zone=zone)
        if not whole.texts:
            raise Conflict("nothing_to_give")
        if waiting := _undecided(whole):
            return ProposalAnswer(undecided=waiting)
        now = clock.now()
        now = now.replace(microsecond=now.microsecond // 1_000 * 1_000)  # as it travels
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
            _may_decide(request_found(tx, **here, id=row.id))
            if Decisions.of(tx, **here, id=row.id) != decided:
                raise Conflict("record_changed")  # somebody has decided something else meanwhile
            proposed: dict[str, Any] = {"proposed_by": actor.person_id, "proposed_at": now, "proposed_texts": whole.digests}
            store.change_request(tx, **here, id=row.id, stage="proposed", confirmed_by=None, confirmed_at=None, **proposed)
            store.add_step(tx, **here, request_id=row.id, at=now, by_id=actor.person_id, kind="proposed")
        return ProposalAnswer(undecided=[])

    @answers(ConfirmRedactions)
    def confirm_redactions(self, actor: Actor, request: ConfirmRedactions) -> Nothing:
        row, decided, zone = self._asked_for(actor, request.information_request_id)
        if row.stage == "confirmed" and row.confirmed_by == actor.person_id:
            return Nothing()
        _may_confirm(row, actor=actor, request=request)
        whole = self._whole(row, actor=actor, decided=decided, staff=request.staff_names, zone=zone)
        if whole.digests != row.proposed_texts or _undecided(whole):
            raise Conflict("record_changed")
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
            _may_confirm(request_found(tx, **here, id=row.id), actor=actor, request=request)
            now = clock.now()
            store.change_request(tx, **here, id=row.id, stage="confirmed", confirmed_by=actor.person_id, confirmed_at=now)
            store.add_step(tx, **here, request_id=row.id, at=now, by_id=actor.person_id, kind="confirmed")
        return Nothing()

    @answers(TakeBackRedactions)
    def take_back_redactions(self, actor: Actor, request: TakeBackRedactions) -> Nothing:
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
            row = request_found(tx, **here, id=request.information_request_id)
            if row.state != "open":
                raise Conflict("request_closed")
            if row.stage != "deciding":
                nobody: dict[str, Any] = dict.fromkeys(("proposed_by", "proposed_at", "proposed_texts", "confirmed_by", "confirmed_at"))
                store.change_request(tx, **here, id=row.id, stage="deciding", **nobody)
                said: dict[str, Any] = {"by_id": actor.person_id, "note": request.note}
                store.add_step(tx, **here, request_id=row.id, at=clock.now(), kind="taken_back", **said)
        return Nothing()

    @answers(RedactedRecord)
    def redacted_record(self, actor: Actor, request: RedactedRecord) -> Document:
        """Read the record once more; where it is what two people saw, make the file of what stays, and enter it before it is handed out."""
        about = self._confirmed(actor.at_school, request)
        id_ = request.id or new_id()
        ask(self.identity, BeginJob(id=id_, kind="record"), token=actor.token)
        wanted = Chronology(pupil_id=about.row.pupil_id, reason=_reason(about.row), with_files=True)
        of: dict[str, Any] = {"job_id": id_, "school_id": actor.at_school}
        pages = [self._page(wanted, cursor=None, **of)]
        while pages[0].total <= long_documents.AT_ONCE and pages[-1].next is not None:
            pages.append(self._page(wanted, cursor=pages[-1].next, **of))
        if is_long(pages):
            kept = {"record": request.wire(), "chronology": wanted.wire()}
            what: dict[str, Any] = {"kind": "record", "information_request_id": about.row.id}
            self._keep_for_later(actor, id=id_, form=request.form, kept=kept, pages=pages, **what)
            return Document(media_type=MEDIA_TYPES[request.form], data=b"", later=True)
        return self._given_now(actor, request, about, pages=pages)

    def _given_now(self, actor: Actor, request: RedactedRecord, about: Confirmed, *, pages: Sequence[ChronologyAnswer]) -> Document:
        here: dict[str, Any] = {"school_id": actor.at_school}
        row, entries = about.row, [entry for page in pages for entry in page.items]
        with self._school(actor) as tx:
            zone = store.zone_of(tx, **here)
        digests = tpool.execute(records.digests_of, entries, salt=row.salt, staff=request.staff_names, zone=zone)
        if digests != row.proposed_texts:
            raise Conflict("record_changed")
        said = tpool.execute(
            records.said_of,
            entries,
            pupil=pages[0].pupil,
            row=row,
            reference=reference_of(row),
            decisions=about.decisions,
            request=request,
            zone=zone,
        )
        try:
            file = printing_apart.printed(said, form=request.form, at=row.confirmed_at)
        except PressEnded:
            raise Unavailable("reports", "not_done") from None
        files = records.given_files(reviewing.files_of(entries, decided=about.decisions.files, zone=zone))
        sha256 = hashlib.sha256(file).hexdigest()
        given = self._enter_given(row, form=request.form, sha256=sha256, files=files, by=actor.person, token=lambda: actor.token)
        with self._school(actor) as tx:
            if request_found(tx, **here, id=row.id).stage != "confirmed":
                raise Conflict("not_confirmed")
            self._keep_given(tx, row, form=request.form, given=given, by=actor.person)
        return Document(media_type=MEDIA_TYPES[request.form], data=file, files=files)

    # --- reading the record

    def _asked_for(self, actor: Actor, id: UUID) -> tuple[Any, Decisions, str]:
        """Return a request for a pupil's record, what is decided of it, and the school's zone."""
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
            row = request_found(tx, **here, id=id)
            if row.pupil_id is None:
                raise Conflict("no_pupil")
            return row, Decisions.of(tx, **here, id=id), store.zone_of(tx, **here)

    def _record_page(self, row: Any, *, actor: Actor, cursor: str | None) -> ChronologyAnswer:
        """Read one page with the person's own token."""
        wanted = Chronology(pupil_id=row.pupil_id, reason=_reason(row), limit=SHOWN, cursor=cursor, with_files=True)
        return ask(self.incidents, wanted, token=actor.token, seconds=15.0)

    def _record_pages(self, row: Any, *, actor: Actor) -> Iterator[tuple[str | None, ChronologyAnswer]]:
        """Read every page, each with a token of its own after the person's roles are checked again."""
        job_id, cursor = new_id(), None
        ask(self.identity, BeginJob(id=job_id, kind="chronology"), token=actor.token)
        own = self._token(actor.at_school, ActFor.method)
        wanted = Chronology(pupil_id=row.pupil_id, reason=_reason(row), limit=SHOWN, with_files=True)
        while True:
            token = ask(self.identity, ActFor(job_id=job_id), token=own).token
            page = ask(self.incidents, wanted.model_copy(update={"cursor": cursor}), token=token, seconds=15.0)
            yield cursor, page
            cursor = page.next
            if cursor is None:
                return

    def _whole(self, row: Any, *, actor: Actor, decided: Decisions, staff: Mapping[UUID, str], zone: str) -> Whole:
        pages = list(self._record_pages(row, actor=actor))
        pupil = pages[0][1].pupil
        entries = [entry for _, page in pages for entry in page.items]
        names = self._names_of(pupil, actor=actor, staff=_staff(entries, staff))
        texts = [
            (cursor, marked)
            for cursor, page in pages
            for marked in _in_turn(page.items, row=row, decided=decided.places, names=names, staff=staff, zone=zone)
        ]
        files = [(cursor, each) for cursor, page in pages for each in reviewing.files_of(page.items, decided=decided.files, zone=zone)]
        return Whole(texts, files, records.digests_of(entries, salt=row.salt, staff=staff, zone=zone))

    def _names_of(self, pupil: PupilItem, *, actor: Actor, staff: Iterable[str]) -> Names:
        """Return the names of the school's other pupils, with the person's own token, and those of staff, which stay as they are."""
        return _names(pupil, self._register(pupil, actor=actor), staff=staff)

    def _register(self, pupil: PupilItem, *, actor: Actor) -> RegisterAnswer:
        return ask(self.incidents, Register(pupil_id=pupil.id), token=actor.token, seconds=10.0)


def _names(pupil: PupilItem, register: RegisterAnswer, *, staff: Iterable[str]) -> Names:
    others = [Person(name=each.name, kind="pupil", known_as=each.known_as, linked=each.linked) for each in register.items]
    others += [Person(name=name, kind="staff") for name in staff]
    return Names(others, about=Person(name=pupil.name, kind="pupil", known_as=register.known_as), is_word=spelling.is_spelt)


def _reason(row: Any) -> str:
    return f"Request for information {reference_of(row)}"


def _staff(entries: Iterable[EntryLine], known: Mapping[UUID, str]) -> set[str]:
    """Return what staff are called: those the page knows, and who wrote these entries."""
    return {*known.values(), *(entry.author_name for entry in entries)}


def _in_turn(entries: Sequence[EntryLine], **about: Any) -> list[Marked]:
    with _TURN:
        found: list[Marked] = tpool.execute(_marked, entries, **about)
    return found


def _marked(
    entries: Sequence[EntryLine], *, row: Any, decided: Sequence[Decided], names: Names, staff: Mapping[UUID, str], zone: str
) -> list[Marked]:
    by_entry: dict[UUID, list[Decided]] = {}
    for each in decided:
        by_entry.setdefault(each.entry_id, []).append(each)
    found = []
    for text in (text for entry in entries for text in reviewing.texts_of(entry, names=staff, zone=zone)):
        digest = reviewing.digest_of(text.written, salt=row.salt)
        found.append(Marked(text, digest, reviewing.marks(text, names=names, decided=by_entry.get(text.entry_id, ()), digest=digest)))
    return found


def _record_text(each: Marked) -> RecordText:
    marks = [RecordMark(start=m.start, stop=m.stop, found_by=m.why, accepted=m.accepted, reason=m.reason) for m in each.marks]
    text = each.text
    return RecordText(entry_id=text.entry_id, part=text.part, heading=text.heading, written=text.written, digest=each.digest, marks=marks)


def _record_found(each: listing.Words) -> RecordFound:
    places = [
        RecordPlace(
            entry_id=place.text.entry_id,
            part=place.text.part,
            heading=place.text.heading,
            start=place.start,
            stop=place.stop,
            cursor=place.cursor,
            accepted=place.accepted,
        )
        for place in each.places
    ]
    return RecordFound(words=each.words, found_by=each.why, places=places)


def _record_file(each: FileShown, called: Mapping[UUID, str]) -> RecordFile:
    file, decided = each.file, each.decided
    return RecordFile(
        entry_id=each.entry_id,
        file_id=file.id,
        name=called.get(file.id, "-"),
        size=file.size,
        media_type=file.media_type,
        sha256=file.sha256,
        state=file.state,
        given=decided.given if decided else None,
        reason=decided.reason if decided else None,
    )


def _of_files(decisions: Sequence[FileDecision]) -> list[dict[str, Any]]:
    """Return what is decided of files, one row a file. Raises Invalid for one that is withheld for no reason."""
    found: dict[UUID, dict[str, Any]] = {}
    for number, wanted in enumerate(decisions):
        if not wanted.given and wanted.reason is None:
            raise Invalid({f"files.{number}.reason": "missing"})
        found[wanted.file_id] = wanted.model_dump() | {"reason": None if wanted.given else wanted.reason}
    return list(found.values())


def _added(additions: Sequence[Addition], *, texts: Mapping[tuple[UUID, str], Text], salt: str) -> Iterator[dict[str, Any]]:
    """Yield what is left out by hand, place by place. Raises Invalid for words that do not stand in the text."""
    for number, wanted in enumerate(additions):
        text = texts.get((wanted.entry_id, wanted.part))
        written = text.written if text else ""
        if not wanted.whole and not wanted.words.strip():
            raise Invalid({f"additions.{number}.words": "missing"})
        places = [(0, len(written))] if wanted.whole and written else reviewing.places_of(wanted.words, written=written)
        if not places:
            raise Invalid({f"additions.{number}.words": "not_in_text"})
        of = {"entry_id": wanted.entry_id, "part": wanted.part, "digest": reviewing.digest_of(written, salt=salt)}
        yield from (of | {"start": a, "stop": b, "accepted": True, "by_hand": True, "reason": wanted.reason} for a, b in places)


def _undecided(whole: Whole) -> list[Undecided]:
    waiting: dict[str, str | None] = {}
    for cursor, marked in whole.texts:
        if not reviewing.is_decided(marked.marks):
            waiting.setdefault(marked.text.heading, cursor)
    for cursor, shown in whole.files:
        if not shown.is_decided:
            waiting.setdefault(shown.heading, cursor)
    return [Undecided(heading=heading, cursor=cursor) for heading, cursor in list(waiting.items())[:SAID]]


def _may_decide(row: Any) -> None:
    if row.state != "open":
        raise Conflict("request_closed")
    if row.stage != "deciding":
        raise Conflict("already_proposed")


def _may_confirm(row: Any, *, actor: Actor, request: ConfirmRedactions) -> None:
    if row.state != "open":
        raise Conflict("request_closed")
    if row.stage != "proposed":
        raise Conflict("not_proposed")
    if row.proposed_by == actor.person_id:
        raise NotAllowed("own_proposal")
    if row.proposed_at != request.proposed_at:
        raise Conflict("record_changed")
