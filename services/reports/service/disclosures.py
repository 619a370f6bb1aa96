"""A record before it is given: shown with what is proposed, decided by one person, confirmed by another, made, and entered in the ledger."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from eventlet import tpool
from eventlet.semaphore import Semaphore

from safekeep import clock, spelling
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.identity import ActFor, BeginJob
from safekeep.contracts.incidents import Chronology, ChronologyAnswer, EntryLine, PupilItem, Register
from safekeep.contracts.reports import (
    Addition,
    ConfirmRedactions,
    Document,
    KeepRedactions,
    ProposalAnswer,
    ProposeRedactions,
    RecordMark,
    RecordPage,
    RecordPageAnswer,
    RecordText,
    RedactedRecord,
    TakeBackRedactions,
    Undecided,
)
from safekeep.errors import Conflict, Invalid, NotAllowed
from safekeep.ids import new_id
from safekeep.rpc import answers, ask
from services.reports import disclosing, reviewing, store
from services.reports.redaction import Names, Person
from services.reports.reviewing import Decided, Mark, Text
from services.reports.service.requests import InformationRequestLog, reference_of, request_found

SHOWN = 50
"""Entries on a page of the workbench, and read at a time: so a page of one is a page of the other."""
_TURN = Semaphore()
"""The dictionary is asked by one thread at a time."""
SAID = 20
"""Entries named of those that are not decided."""
MEDIA_TYPES = {"pdf": "application/pdf", "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document"}


@dataclass(frozen=True, slots=True)
class Marked:
    """A text with its digest and its marks."""

    text: Text
    digest: str
    marks: list[Mark]


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole record as somebody could read it at one moment: the cursor of the page each text stands on, and how many files are not in it."""

    pupil: PupilItem
    texts: list[tuple[str | None, Marked]]
    files: int
    drawings: int

    @property
    def digests(self) -> dict[str, str]:
        """The digest of each text, by entry and part."""
        return {f"{marked.text.entry_id}:{marked.text.part}": marked.digest for _, marked in self.texts}


class Disclosures(InformationRequestLog):
    """Mixed into the service."""

    @answers(RecordPage)
    def record_page(self, actor: Actor, request: RecordPage) -> RecordPageAnswer:
        row, decided, zone = self._asked_for(actor, request.information_request_id)
        page = self._record_page(row, actor=actor, cursor=request.cursor)
        names = self._names_of(page.pupil, actor=actor, staff=_staff(page.items, request.staff_names))
        marked = _in_turn(page.items, row=row, decided=decided, names=names, staff=request.staff_names, zone=zone)
        return RecordPageAnswer(
            pupil_name=page.pupil.name,
            texts=[_record_text(each) for each in marked],
            entries=page.total,
            next=page.next,
            stage=row.stage,
            proposed_by=row.proposed_by,
            proposed_at=row.proposed_at,
            confirmed_by=row.confirmed_by,
            may_confirm=row.stage == "proposed" and row.proposed_by != actor.person_id,
        )

    @answers(KeepRedactions)
    def keep_redactions(self, actor: Actor, request: KeepRedactions) -> Nothing:
        row, decided, zone = self._asked_for(actor, request.information_request_id)
        _may_decide(row)
        by_hand = {(d.entry_id, d.part, d.start, d.stop) for d in decided if d.by_hand}
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
        with self._school(actor) as tx:
            _may_decide(request_found(tx, **here, id=row.id))
            store.keep_redactions(tx, **here, request_id=row.id, rows=[each | said for each in rows.values()])
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
            if _decided(tx, **here, id=row.id) != decided:
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
        row, decided, zone = self._asked_for(actor, request.information_request_id)
        if row.state not in ("open", "answered"):
            raise Conflict("request_closed")
        if row.rule == "identity_first":
            raise Conflict("identity_first")
        if row.stage != "confirmed":
            raise Conflict("not_confirmed")
        whole = self._whole(row, actor=actor, decided=decided, staff=request.staff_names, zone=zone, use="export")
        if whole.digests != row.proposed_texts:
            raise Conflict("record_changed")
        file = tpool.execute(_file, whole, row=row, decided=decided, request=request)
        given = self._enter(row, file=file, form=request.form, actor=actor)
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
            if request_found(tx, **here, id=row.id).stage != "confirmed":
                raise Conflict("not_confirmed")
            if store.add_given(tx, **here, request_id=row.id, **given):
                store.add_step(tx, **here, request_id=row.id, at=clock.now(), by_id=actor.person_id, kind=f"given_{request.form}")
        return Document(media_type=MEDIA_TYPES[request.form], data=file)

    # --- reading the record

    def _asked_for(self, actor: Actor, id: UUID) -> tuple[Any, list[Decided], str]:
        """Return a request for a pupil's record, what is decided of it, and the school's zone."""
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
            row = request_found(tx, **here, id=id)
            if row.pupil_id is None:
                raise Conflict("no_pupil")
            return row, _decided(tx, **here, id=id), store.zone_of(tx, **here)

    def _record_page(self, row: Any, *, actor: Actor, cursor: str | None) -> ChronologyAnswer:
        """Read one page with the person's own token."""
        wanted = Chronology(pupil_id=row.pupil_id, reason=_reason(row), limit=SHOWN, cursor=cursor)
        return ask(self.incidents, wanted, token=actor.token, seconds=15.0)

    def _record_pages(self, row: Any, *, actor: Actor, use: str) -> Iterator[tuple[str | None, ChronologyAnswer]]:
        """Read every page, each with a token of its own after the person's roles are checked again."""
        job_id, cursor = new_id(), None
        ask(self.identity, BeginJob(id=job_id, kind="chronology"), token=actor.token)
        own = self._token(actor.at_school, ActFor.method)
        wanted = Chronology(pupil_id=row.pupil_id, reason=_reason(row), limit=SHOWN, use=use)  # type: ignore[arg-type]
        while True:
            token = ask(self.identity, ActFor(job_id=job_id), token=own).token
            page = ask(self.incidents, wanted.model_copy(update={"cursor": cursor}), token=token, seconds=15.0)
            yield cursor, page
            cursor = page.next
            if cursor is None:
                return

    def _whole(self, row: Any, *, actor: Actor, decided: Sequence[Decided], staff: Mapping[UUID, str], zone: str, use: str = "read") -> Whole:
        pages = list(self._record_pages(row, actor=actor, use=use))
        pupil = pages[0][1].pupil
        entries = [entry for _, page in pages for entry in page.items]
        names = self._names_of(pupil, actor=actor, staff=_staff(entries, staff))
        texts = [
            (cursor, marked)
            for cursor, page in pages
            for marked in _in_turn(page.items, row=row, decided=decided, names=names, staff=staff, zone=zone)
        ]
        drawings = sum(entry.body_map is not None for entry in entries)
        return Whole(pupil, texts, files=sum(len(entry.files) for entry in entries), drawings=drawings)

    def _names_of(self, pupil: PupilItem, *, actor: Actor, staff: Iterable[str]) -> Names:
        """Return the names of the school's other pupils, with the person's own token, and those of staff, which stay as they are."""
        register = ask(self.incidents, Register(pupil_id=pupil.id), token=actor.token, seconds=10.0)
        others = [Person(name=each.name, kind="pupil", known_as=each.known_as, linked=each.linked) for each in register.items]
        others += [Person(name=name, kind="staff") for name in staff]
        return Names(others, about=Person(name=pupil.name, kind="pupil", known_as=register.known_as), is_word=spelling.is_spelt)


def _reason(row: Any) -> str:
    return f"Request for information {reference_of(row)}"


def _decided(tx: sa.Connection, *, school_id: UUID, id: UUID) -> list[Decided]:
    names = ("entry_id", "part", "start", "stop", "digest", "accepted", "by_hand", "reason")
    rows = store.redactions_of(tx, school_id=school_id, request_id=id)
    return sorted((Decided(**{name: getattr(row, name) for name in names}) for row in rows), key=lambda d: (d.entry_id, d.part, d.start, d.stop))


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


def _file(whole: Whole, *, row: Any, decided: Sequence[Decided], request: RedactedRecord) -> bytes:
    texts = reviewing.redacted([(marked.text, marked.digest) for _, marked in whole.texts], decided=decided)
    counted = (("attached file", whole.files), ("drawing of a body map", whole.drawings))
    withheld = [f"{number} {name if number == 1 else _PLURALS[name]}" for name, number in counted if number]
    facts = {"School": request.school_name, "Pupil": whole.pupil.name, "Asked for by": row.asker, "Our reference": reference_of(row)}
    title = f"Record of {whole.pupil.name}"
    said = disclosing.document(texts, title=title, school=request.school_name, facts=facts, withheld=withheld, at=row.confirmed_at)
    return disclosing.docx(said, at=row.confirmed_at) if request.form == "docx" else disclosing.pdf(said)


_PLURALS = {"attached file": "attached files", "drawing of a body map": "drawings of body maps"}
