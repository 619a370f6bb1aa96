"""Long documents, made in the background step by step, each with the asker's own rights; kept for a day, sealed, for who asked.

A step reads a page, plans the parts, or prints one of them. What each step came to is kept with it, so that who dies over one leaves the next to
another; and nobody holds more than a page and a part at a time.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, Final
from uuid import UUID, uuid5

from eventlet import tpool
from nameko.timer import timer

from safekeep import clock, keys, outbox, printing, telemetry
from safekeep.actor import Actor
from safekeep.contracts.files import Names
from safekeep.contracts.identity import ActFor, BeginJob
from safekeep.contracts.incidents import Chronology, ChronologyAnswer, EnterDocument, EntryLine, EntrySealed, Flag, FollowUpItem, PupilItem, SelfCheck
from safekeep.contracts.reports import (
    ChronologyPdf,
    DocumentDone,
    DocumentItem,
    DocumentPart,
    DocumentPiece,
    DocumentPieceAnswer,
    GivenFile,
    MakePack,
    MyDocuments,
    MyDocumentsAnswer,
    RedactedRecord,
    part_name,
    stem_of,
    sums,
)
from safekeep.errors import Conflict, NotAllowed, NotFound, SafekeepError, StorageError, TooMuchRead
from safekeep.rpc import answers, ask
from services.reports import chronology, packs, reviewing, store
from services.reports.chronology import Asked
from services.reports.service import printing_apart, records
from services.reports.service.printing_apart import PressEnded
from services.reports.service.records import Decisions
from services.reports.service.requests import InformationRequestLog, reference_of
from services.reports.volumes import MOST_WEIGHT, Part, Plan, weight_of

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
NOT_GIVEN: Final = frozenset({"record_changed", "not_confirmed", "request_closed", "identity_first"})
"""Why a record is not given that was to be."""
TRIES: Final = 3
"""How often one part is begun: whose printing is ended from outside each time is not printed at all."""

MEDIA_TYPES: Final = {
    "pdf": "application/pdf",
    "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
_SHOWN: Final = ("school_name", "category_names", "staff_names", "leave_out", "class_codes")
_NO_NAMES: Final[Mapping[UUID, str]] = {}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a long document is made of, as it is kept: what is asked of incidents, how it is shown; of a pack also what was gathered."""

    chronology: Chronology
    school_name: str
    category_names: dict[str, str]
    staff_names: dict[UUID, str]
    leave_out: Sequence[str]
    class_codes: Sequence[str]
    pack: MakePack | None = None
    record: RedactedRecord | None = None
    flags: Sequence[Flag] = ()
    follow_ups: Sequence[FollowUpItem] = ()
    proof_address: str = ""

    @classmethod
    def receive(cls, kept: dict[str, Any]) -> "Wanted":
        """Return what was kept: a chronology's request, or a pack's or a record's with what goes with it."""
        if "record" in kept:
            record = RedactedRecord.receive(kept["record"])
            chosen = Chronology.receive(kept["chronology"])
            return cls(chosen, record.school_name, {}, record.staff_names, (), (), record=record)
        if "pack" not in kept:
            request = ChronologyPdf.receive(kept)
            return cls(request.chronology, **{name: getattr(request, name) for name in _SHOWN}, proof_address=request.proof_address)
        pack = MakePack.receive(kept["pack"])
        flags, follow_ups = [Flag.receive(each) for each in kept["flags"]], [FollowUpItem.receive(each) for each in kept["follow_ups"]]
        return cls(chronology_of(pack), **{name: getattr(pack, name) for name in _SHOWN}, pack=pack, flags=flags, follow_ups=follow_ups)

    def asked(
        self,
        *,
        by: str,
        at: datetime,
        zone: str,
        head: EntrySealed | None = None,
        file_names: Mapping[UUID, str] = _NO_NAMES,
        flags: Sequence[Flag] = (),
        check: SelfCheck | None = None,
    ) -> Asked:
        """Return who asked, when, and for what of it. `flags` and `check`: as read with a chronology; a pack has flags of its own, a record none."""
        shown: dict[str, Any] = {name: getattr(self, name) for name in _SHOWN}
        if self.pack is None and self.record is None:
            shown |= {"flags": flags, "check": check, "proof_address": self.proof_address}
        return Asked(by=by, at=at, zone=zone, head=head, file_names=file_names, **shown)


def chronology_of(pack: Any) -> Chronology:
    """Return what a pack about a pupil is chosen from."""
    return Chronology(pupil_id=pack.pupil_id, since=pack.since, until=pack.until, reason=pack.reason, with_files=True)


class LongDocuments(InformationRequestLog):
    """Mixed into the service."""

    # --- what is read

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

    # --- asking for one, and fetching it

    def _keep_for_later(self, actor: Actor, *, id: UUID, form: str, kept: dict[str, Any], pages: Sequence[ChronologyAnswer], **what: Any) -> None:
        """Keep what is asked for (its job is begun already) and the pages that are read, to be gone on with at once. `what`: its kind."""
        ask(self.identity, BeginJob(id=_names_job(id), kind="file_names"), token=actor.token)
        names = [self._names(page.passes, token=lambda: actor.token) for page in pages]
        now = clock.now()
        here: dict[str, Any] = {"school_id": actor.at_school, "id": id}
        sealed = keys.wrap(keys=self.host.keys, purpose="documents", secret=json.dumps(kept).encode(), about=_about(**here, part="request"))
        with self._school(actor) as tx:
            new = store.add_document(
                tx,
                **here,
                turn_at=now,
                **({"kind": "chronology"} | what),
                asked_by=actor.person,
                asked_name=actor.name,
                asked_at=now,
                roles=sorted(actor.roles),
                pupil_id=pages[0].pupil.id,
                form=form,
                request=sealed,
                state="wanted",
                why="",
                steps=len(pages),
                cursor=pages[-1].next,
                entries=pages[0].total,
                entries_read=sum(len(page.items) for page in pages),
                size=0,
                pieces=0,
                expires_at=now + KEPT,
            )
            if new:
                for number, (page, named) in enumerate(zip(pages, names, strict=True)):
                    store.keep_piece(tx, **here, part="read", number=number, sealed=self._seal_page(page, named, **here, number=number))

    @answers(MyDocuments)
    def my_documents(self, actor: Actor, request: MyDocuments) -> MyDocumentsAnswer:
        with self._school(actor) as tx:
            rows = store.documents_of(tx, school_id=actor.at_school, asked_by=actor.person, now=clock.now())
            parts = store.parts_of(tx, school_id=actor.at_school, ids=[row.id for row in rows])
        return MyDocumentsAnswer(items=[_item(row, [part for part in parts if part.document_id == row.id]) for row in rows])

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

    # --- making it

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
        except Conflict as changed:
            if changed.reason not in NOT_GIVEN:
                raise
            self._end(**here, state="failed", why="changed")
        except TooMuchRead as slow:
            self._wait(**here, until=clock.now() + timedelta(seconds=slow.seconds))
        except SafekeepError as error:  # somebody who is asked is away
            telemetry.log().warning("document.waits", document=str(id), error=type(error).__name__)
            self._wait(**here, until=clock.now() + LATER)
        except PressEnded:
            self._try_again(**here)
        except (printing.NotPrinted, MemoryError):
            self._end(**here, state="failed", why="not_printed")

    def do_step(self, *, school_id: UUID, id: UUID) -> bool:
        """Read the next page, plan the parts, print the next one, or end it; return whether there is more to do."""
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
            zone = store.zone_of(tx, school_id=school_id)
        if row.expires_at <= now:
            self._end(**here, state="failed", why="too_late")
            return False
        wanted = Wanted.receive(json.loads(keys.unwrap(keys=self.host.keys, wrapped=row.request, about=_about(**here, part="request"))))
        if row.cursor is not None:
            self._read_on(row, wanted)
        elif row.parts == 0:
            self._plan(row, wanted, zone=zone)
        elif row.printed < row.parts:
            self._print_next(row, wanted, zone=zone)
        else:
            self._finish(row, wanted)
            return False
        return True

    def _read_on(self, row: Any, wanted: Wanted) -> None:
        here: dict[str, Any] = {"school_id": row.school_id, "id": row.id}
        page = self._page(wanted.chronology, cursor=row.cursor, job_id=row.id, school_id=row.school_id)
        names = self._names(page.passes, token=lambda: self._in_their_name(_names_job(row.id), school_id=row.school_id))
        sealed = self._seal_page(page, names, **here, number=row.steps)
        with self.host.transaction(self.host.engine, school_id=row.school_id) as tx:
            now_is = store.document_with(tx, **here, lock=True)
            if now_is is None or now_is.state != "wanted" or now_is.steps != row.steps:
                return  # another worker has read it meanwhile
            store.keep_piece(tx, **here, part="read", number=row.steps, sealed=sealed)
            read: dict[str, Any] = {"steps": row.steps + 1, "cursor": page.next, "entries_read": row.entries_read + len(page.items)}
            store.change_document(tx, **here, **read, entries=page.total)

    def _plan(self, row: Any, wanted: Wanted, *, zone: str) -> None:
        """Look through what was read, a page at a time, and keep where each part begins."""
        here: dict[str, Any] = {"school_id": row.school_id, "id": row.id}
        self._in_their_name(row.id, school_id=row.school_id)
        plan, asked = Plan(), wanted.asked(by=row.asked_name, at=row.asked_at, zone=zone)
        waiting = {item.id for item in wanted.follow_ups}
        first: dict[str, Any] = {}
        about = self._confirmed(row.school_id, wanted.record) if wanted.record else None
        digests: dict[str, str] = {}
        files: list[GivenFile] = []
        checks: list[SelfCheck | None] = []
        for number in range(row.steps):
            page, _ = self._read_page(row, number)
            checks.append(page.check)
            if number == 0:
                first = {"pupil": page.pupil.wire(), "head": page.head.wire() if page.head else None, "flags": [f.wire() for f in page.flags]}
            kept = chronology.wanted(page.items, asked=asked)
            if about and wanted.record:
                digests |= tpool.execute(records.digests_of, kept, salt=about.row.salt, staff=wanted.staff_names, zone=zone)
                shown = reviewing.files_of(kept, decided=about.decisions.files, zone=zone)
                files += records.given_files(shown, first=plan.files + 1)
            plan.add(kept, page=number, zone=zone, by_occurred=wanted.chronology.order == "occurred", asked_for=waiting)
        plan.end()
        if about and digests != about.row.proposed_texts:
            raise Conflict("record_changed")
        check = chronology.worst(checks)
        known = first | {"plan": plan.wire(), "check": check.wire() if check else None}
        sealed = self._seal(json.dumps(known).encode(), **here, part="plan", number=0)
        with self.host.transaction(self.host.engine, school_id=row.school_id) as tx:
            now_is = store.document_with(tx, **here, lock=True)
            if now_is is None or now_is.state != "wanted" or now_is.parts:
                return
            store.keep_piece(tx, **here, part="plan", number=0, sealed=sealed)
            store.change_document(tx, **here, parts=len(plan.volumes), files=[file.wire() for file in files])

    def _print_next(self, row: Any, wanted: Wanted, *, zone: str) -> None:
        """Print the next part, of the pages it stands on alone, and keep it."""
        here: dict[str, Any] = {"school_id": row.school_id, "id": row.id}
        self._in_their_name(row.id, school_id=row.school_id)
        number = row.printed + 1
        with self.host.transaction(self.host.engine, school_id=row.school_id) as tx:
            (sealed,) = store.pieces_of(tx, **here, part="plan")
        known = json.loads(self._unseal(sealed, **here, part="plan", number=0))
        plan, head = Plan.receive(known["plan"]), EntrySealed.receive(known["head"]) if known["head"] else None
        volume, names = plan.volumes[number - 1], dict[UUID, str]()
        flags = [Flag.receive(each) for each in known.get("flags", [])]
        check = SelfCheck.receive(said) if (said := known.get("check")) else None
        asked = wanted.asked(by=row.asked_name, at=row.asked_at, zone=zone, head=head, file_names=names, flags=flags, check=check)
        entries: list[EntryLine] = []
        for page_number in range(volume.first_page, volume.last_page + 1):
            page, named = self._read_page(row, page_number)
            names |= named
            entries += chronology.wanted(page.items, asked=asked)
        entries = entries[volume.skip : volume.skip + volume.entries]
        part = Part(number, row.parts, plan) if row.parts > 1 else None
        pupil = PupilItem.receive(known["pupil"])
        if wanted.record:
            data = self._printed_record(row, wanted.record, pupil=pupil, entries=entries, zone=zone, part=part)
        else:
            data = self._printed(wanted, pupil=pupil, entries=entries, asked=asked, form=row.form, part=part)
        pieces = [data[start : start + PIECE] for start in range(0, len(data), PIECE)]
        sealed_pieces = [self._seal(piece, **here, part="made", number=row.pieces + n) for n, piece in enumerate(pieces)]
        with self.host.transaction(self.host.engine, school_id=row.school_id) as tx:
            now_is = store.document_with(tx, **here, lock=True)
            if now_is is None or now_is.state != "wanted" or now_is.printed != row.printed:
                return  # another worker has printed it meanwhile
            for n, piece in enumerate(sealed_pieces):
                store.keep_piece(tx, **here, part="made", number=row.pieces + n, sealed=piece)
            more: dict[str, Any] = {"entries": volume.entries, "earliest": _day(volume.earliest), "size": len(data), "pieces": len(pieces)}
            if row.form == "csv" and number > 1:
                store.grow_part(tx, **here, number=1, **more)
            else:
                sha256 = "" if row.form == "csv" else hashlib.sha256(data).hexdigest()
                store.add_part(tx, **here, number=number, **more, latest=_day(volume.latest), first_piece=row.pieces, sha256=sha256)
            whole: dict[str, Any] = {"size": row.size + len(data), "pieces": row.pieces + len(pieces)}
            store.change_document(tx, **here, printed=number, tries=0, **whole)

    def _printed(self, wanted: Wanted, *, pupil: PupilItem, entries: list[EntryLine], asked: Asked, form: str, part: Part | None) -> bytes:
        if wanted.pack:
            gathered = packs.Gathered(pupil=pupil, flags=wanted.flags, entries=entries, follow_ups=wanted.follow_ups)
            pack = wanted.pack
            choice = packs.Choice(kind=pack.kind, request=wanted.chronology, readers=pack.readers, to_school=pack.to_school)
            said = tpool.execute(packs.content, gathered, choice=choice, asked=asked, part=part)
            return printing_apart.printed(said, form=form, at=asked.at)
        return printed_chronology(pupil=pupil, entries=entries, request=wanted.chronology, asked=asked, form=form, part=part)

    def _confirmed(self, school_id: UUID, record: RedactedRecord) -> "Confirmed":
        """Return the request a record is given for, and what was decided. Raises Conflict where it is not confirmed any more."""
        here: dict[str, Any] = {"school_id": school_id, "id": record.information_request_id}
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            row = store.request_with(tx, **here)
            if row is None:
                raise NotFound("information_request")
            may_be_given(row)
            return Confirmed(row, Decisions.of(tx, **here))

    def _printed_record(self, row: Any, record: RedactedRecord, *, pupil: PupilItem, entries: list[EntryLine], zone: str, part: Part | None) -> bytes:
        about = self._confirmed(row.school_id, record)
        of: dict[str, Any] = {"row": about.row, "reference": reference_of(about.row), "decisions": about.decisions, "request": record}
        said = tpool.execute(records.said_of, entries, pupil=pupil, **of, zone=zone, share=part)
        return printing_apart.printed(said, form=row.form, at=about.row.confirmed_at)

    def _finish_record(self, row: Any, record: RedactedRecord, *, sha256: str) -> None:
        """Enter what is given in the ledger, and keep that it was made, by whom."""
        about = self._confirmed(row.school_id, record)
        files = [GivenFile.receive(file) for file in row.files]
        given = self._enter_given(about.row, form=row.form, sha256=sha256, files=files, by=row.asked_by, token=lambda: self._in_their_name_of(row))
        with self.host.transaction(self.host.engine, school_id=row.school_id) as tx:
            self._keep_given(tx, about.row, form=row.form, given=given, by=row.asked_by)
        self._end(school_id=row.school_id, id=row.id, state="ready")

    def _in_their_name_of(self, row: Any) -> str:
        return self._in_their_name(row.id, school_id=row.school_id)

    def _finish(self, row: Any, wanted: Wanted) -> None:
        """Say that it is ready; of a pack and a record enter it in the ledger first: its file, or the list of its files."""
        here: dict[str, Any] = {"school_id": row.school_id, "id": row.id}
        if wanted.pack is None and wanted.record is None:
            self._end(**here, state="ready")
            return
        with self.host.transaction(self.host.engine, school_id=row.school_id) as tx:
            parts = store.parts_of(tx, school_id=row.school_id, ids=[row.id])
        entries, several = sum(part.entries for part in parts), len(parts) > 1
        sha256 = hashlib.sha256(_sums(row, parts).encode()).hexdigest() if several else parts[0].sha256
        if wanted.pack is None:
            assert wanted.record is not None
            self._finish_record(row, wanted.record, sha256=sha256)
            return
        about = {"kind": wanted.pack.kind, "form": row.form, "entries": str(entries)} | ({"parts": str(len(parts))} if several else {})
        document = EnterDocument(id=row.id, kind="pack", sha256=sha256, pupil_ids=[row.pupil_id], about=about)
        place = ask(self.incidents, document, token=self._in_their_name(row.id, school_id=row.school_id))
        made = {"entries": entries, "sha256": sha256, "sequence": place.sequence, "entry_hash": place.entry_hash, "parts": len(parts)}
        self._end(**here, state="ready", pack=made)

    def _end(self, *, school_id: UUID, id: UUID, state: str, why: str = "", pack: dict[str, Any] | None = None) -> None:
        """Keep the document, or that there is none, and have who asked told: once, whoever else has made it meanwhile."""
        here: dict[str, Any] = {"school_id": school_id, "id": id}
        expires_at = clock.now() + KEPT
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            row = store.document_with(tx, **here, lock=True)
            if row is None or row.state != "wanted":
                return
            for part in ("read", "plan", *(["made"] if state == "failed" else [])):
                store.drop_pieces(tx, **here, part=part)
            gone: dict[str, Any] = {}
            if state == "failed":
                store.drop_parts(tx, **here)
                gone = {"size": 0, "pieces": 0, "printed": 0}
            store.change_document(tx, **here, state=state, why=why, expires_at=expires_at, **gone)
            store.set_turn(tx, **here, at=expires_at)
            if pack:
                store.change_pack(tx, **here, **pack)
            outbox.add(tx, DocumentDone, school_id=school_id, subject=id, person_id=row.asked_by, outcome=state)
        telemetry.log().info("document.done", document=str(id), outcome=state, why=why)

    def _try_again(self, *, school_id: UUID, id: UUID) -> None:
        """Print a part again later: whatever ended its printing may be over. What is ended again and again is not printed."""
        here: dict[str, Any] = {"school_id": school_id, "id": id}
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            row = store.document_with(tx, **here, lock=True)
            if row is None:
                return
            store.change_document(tx, **here, tries=row.tries + 1)
        telemetry.log().warning("document.press_ended", document=str(id), tries=row.tries + 1)
        if row.tries + 1 >= TRIES:
            self._end(**here, state="failed", why="not_printed")
        else:
            self._wait(**here, until=clock.now() + LATER)

    def _wait(self, *, school_id: UUID, id: UUID, until: datetime) -> None:
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            store.set_turn(tx, school_id=school_id, id=id, at=until)

    # --- what is kept

    def _seal_page(self, page: ChronologyAnswer, names: dict[UUID, str], *, school_id: UUID, id: UUID, number: int) -> str:
        kept = {"page": page.model_copy(update={"passes": {}}).wire(), "names": {str(id_): name for id_, name in names.items()}}
        return self._seal(zlib.compress(json.dumps(kept).encode()), school_id=school_id, id=id, part="read", number=number)

    def _read_page(self, row: Any, number: int) -> tuple[ChronologyAnswer, dict[UUID, str]]:
        """Return one page of what was read, and what its files are called."""
        here: dict[str, Any] = {"school_id": row.school_id, "id": row.id}
        with self.host.transaction(self.host.engine, school_id=row.school_id) as tx:
            (sealed,) = store.pieces_of(tx, **here, part="read", number=number)
        found: tuple[ChronologyAnswer, dict[UUID, str]] = tpool.execute(_opened, self._unseal(sealed, **here, part="read", number=number))
        return found

    def _seal(self, data: bytes, *, school_id: UUID, id: UUID, part: str, number: int) -> str:
        return keys.wrap(keys=self.host.keys, purpose="documents", secret=data, about=_about(school_id=school_id, id=id, part=part, number=number))

    def _unseal(self, sealed: str, *, school_id: UUID, id: UUID, part: str, number: int) -> bytes:
        return keys.unwrap(keys=self.host.keys, wrapped=sealed, about=_about(school_id=school_id, id=id, part=part, number=number))


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A request of which another person has confirmed what is left out, and what that is."""

    row: Any
    decisions: Decisions


def may_be_given(row: Any) -> None:
    """Raise Conflict where a record is not to be given: none is asked for, it is closed, nobody is sure who asks, or nobody has confirmed."""
    if row.pupil_id is None:
        raise Conflict("no_pupil")
    if row.state not in ("open", "answered"):
        raise Conflict("request_closed")
    if row.rule == "identity_first":
        raise Conflict("identity_first")
    if row.stage != "confirmed":
        raise Conflict("not_confirmed")


def is_long(pages: Sequence[ChronologyAnswer]) -> bool:
    """Whether a document of these is made in the background: there are many entries, or they are long."""
    return pages[0].total > AT_ONCE or sum(weight_of(entry) for page in pages for entry in page.items) > MOST_WEIGHT


def printed_chronology(
    *, pupil: PupilItem, entries: Sequence[EntryLine], request: Chronology, asked: Asked, form: str, part: Part | None = None
) -> bytes:
    """Make a chronology, or one part of it, of entries that are wanted. Raises printing.NotPrinted, PressEnded."""
    about: dict[str, Any] = {"pupil": pupil, "entries": entries, "request": request, "asked": asked, "part": part}
    if form == "csv":
        data: bytes = tpool.execute(chronology.csv, **about)
        return data
    return printing_apart.printed(tpool.execute(chronology.content, **about), form=form, at=asked.at)


def _opened(packed: bytes) -> tuple[ChronologyAnswer, dict[UUID, str]]:
    kept = json.loads(zlib.decompress(packed))
    return ChronologyAnswer.receive(kept["page"]), {UUID(id_): name for id_, name in kept["names"].items()}


def _sums(row: Any, parts: Sequence[Any]) -> str:
    stem = stem_of(kind=row.kind, pack=row.pack)
    return sums((part_name(stem=stem, number=part.number, of=len(parts), form=row.form), part.sha256) for part in parts)


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _names_job(id: UUID) -> UUID:
    """Return the id of the job in which a document's files are asked for by name: its tokens are for the files service alone."""
    return uuid5(id, "file_names")


def _about(*, school_id: UUID, id: UUID, part: str, number: int = 0) -> str:
    """Return what a sealed piece is bound to: it opens nowhere else."""
    return f"document|{school_id}|{id}|{part}|{number}"


def _item(row: Any, parts: Sequence[Any]) -> DocumentItem:
    made = {name: getattr(row, name) for name in DocumentItem.model_fields if name in row._fields and name not in {"parts", "files"}}
    files = [DocumentPart(**{name: getattr(part, name) for name in DocumentPart.model_fields}) for part in parts]
    given = [GivenFile.receive(file) for file in row.files] if row.state == "ready" else []
    return DocumentItem(**made, files=given, media_type=MEDIA_TYPES[row.form], parts_wanted=row.parts, parts_printed=row.printed, parts=files)
