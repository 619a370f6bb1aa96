"""Packs: previewed, made as they were previewed, entered in the ledger, listed. Nothing of what stands in one is kept."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from safekeep import clock, keys
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.identity import BeginJob
from safekeep.contracts.incidents import (
    Chronology,
    ChronologyAnswer,
    EnterDocument,
    EntrySealed,
    FollowUpItem,
    FollowUps,
    Incident,
    IncidentAnswer,
    Pupil,
    Register,
)
from safekeep.contracts.reports import (
    ConfirmReceipt,
    FoundWords,
    MakePack,
    PackCount,
    PackItem,
    PackMade,
    PackPreview,
    Packs,
    PacksAnswer,
    PackWanted,
    PreviewPack,
)
from safekeep.errors import Conflict, Invalid, NotFound, Unavailable
from safekeep.rpc import answers, ask
from services.reports import chronology, counting, inspecting, packs, store
from services.reports.chronology import Asked
from services.reports.inspecting import Candidate, Nameless
from services.reports.packs import Choice, Gathered
from services.reports.redaction import Person
from services.reports.service import long_documents, printing_apart
from services.reports.service.base import today_at
from services.reports.service.counted import counted_for
from services.reports.service.documents import Documents, whole_of
from services.reports.service.long_documents import MEDIA_TYPES, chronology_of, is_long
from services.reports.service.printing_apart import PressEnded

LISTED: Final = 200


@dataclass(frozen=True, slots=True)
class Ready:
    """A pack put together: what it says, with what is known of the moment or without (`asked`)."""

    said: dict[str, Any]
    sha256: str
    entries: int
    head: EntrySealed | None
    asked: Asked
    gathered: Gathered | None = None
    pages: Sequence[ChronologyAnswer] = ()
    counts: Sequence[tuple[str, int, int]] = ()
    found: Sequence[inspecting.Replaced] = ()


class Packing(Documents):
    """Mixed into the service."""

    @answers(PreviewPack)
    def preview_pack(self, actor: Actor, request: PreviewPack) -> PackPreview:
        ready = self._put_together(actor, request, use="read", kept=None)
        told = {name: value for name, value in ready.said.items() if name not in {"fonts", "made"}}
        if request.kind != "ofsted":  # of a pupil's pack the entries are listed: they can be read on the pupil's own page
            told["months"] = [month | {"entries": [_heading(entry) for entry in month["entries"]]} for month in told["months"]]
        total = ready.pages[0].total if ready.pages else 0
        if looked_at := _looked_at(ready.pages):
            told["facts"] = [fact for fact in told["facts"] if fact["name"] != "Entries"]  # they are counted beside it: not all were looked at
            told["summary"] = []
        return PackPreview(
            told=told,
            sha256=ready.sha256,
            entries=ready.entries,
            counts=[PackCount(class_code=code, inside=inside, left_out=left) for code, inside, left in ready.counts],
            found=[FoundWords(words=each.words[:200], mark=each.mark, why=each.why, kept=each.kept) for each in ready.found],
            long=looked_at > 0,
            looked_at=looked_at,
            total=total,
        )

    @answers(MakePack)
    def make_pack(self, actor: Actor, request: MakePack) -> PackMade:
        """Fix who, when and where the ledger stood; print; enter its hash in the ledger. Who dies in between is asked again, and prints the same."""
        here: dict[str, Any] = {"school_id": actor.at_school, "id": request.id}
        with self._school(actor) as tx:
            row = store.pack_with(tx, **here)
        if row is not None and row.asked_by != actor.person:
            raise NotFound("pack")
        if row is not None and (row.kind, row.pupil_id, row.form) != (request.kind, request.pupil_id, request.form):
            raise Conflict("other_content")
        wanted: PackWanted = request
        ready = self._put_together(actor, wanted, use="export", kept=row)
        if ready.sha256 != request.sha256:
            raise Conflict("pack_changed")
        if row is None:
            said = {
                "reason": wanted.reason,
                "readers": wanted.readers,
                "to_school": wanted.to_school,
                "head": ready.head.wire() if ready.head else None,
            }
            whose: dict[str, Any] = {"asked_by": actor.person, "asked_name": actor.name, "asked_at": ready.asked.at}
            kept: dict[str, Any] = {"kind": wanted.kind, "pupil_id": wanted.pupil_id, "form": request.form, "said": self._seal_said(said, **here)}
            with self._school(actor) as tx:
                store.begin_pack(tx, **here, **whose, **kept)
        if ready.pages and is_long(ready.pages):
            return self._make_later(actor, request, ready)
        try:
            data = printing_apart.printed(ready.said, form=request.form, at=ready.asked.at)
        except PressEnded:
            raise Unavailable("reports", "not_done") from None
        about = {"kind": wanted.kind, "form": request.form, "entries": str(ready.entries)}
        pupils = [wanted.pupil_id] if wanted.pupil_id else []
        document = EnterDocument(id=request.id, kind="pack", sha256=hashlib.sha256(data).hexdigest(), pupil_ids=pupils, about=about)
        place = ask(self.incidents, document, token=actor.token)
        with self._school(actor) as tx:
            sealed: dict[str, Any] = {"sequence": place.sequence, "entry_hash": place.entry_hash}
            store.change_pack(tx, **here, entries=ready.entries, sha256=document.sha256, **sealed)
            row = store.pack_with(tx, **here)
        return PackMade(media_type=MEDIA_TYPES[request.form], data=data, item=self._pack_item(row))

    def _make_later(self, actor: Actor, request: MakePack, ready: Ready) -> PackMade:
        """Keep what was gathered and read by now, and go on in the background: what is printed first is what was previewed."""
        assert ready.gathered is not None
        ask(self.identity, BeginJob(id=request.id, kind="pack"), token=actor.token)
        kept = {
            "pack": request.wire(),
            "flags": [flag.wire() for flag in ready.gathered.flags],
            "follow_ups": [item.wire() for item in ready.gathered.follow_ups],
        }
        self._keep_for_later(actor, id=request.id, form=request.form, kept=kept, pages=ready.pages, kind="pack", pack=request.kind)
        return PackMade(media_type=MEDIA_TYPES[request.form], data=b"", later=True)

    @answers(Packs)
    def packs(self, actor: Actor, request: Packs) -> PacksAnswer:
        with self._school(actor) as tx:
            rows = store.packs_of(tx, school_id=actor.at_school, limit=LISTED)
        return PacksAnswer(items=[self._pack_item(row) for row in rows])

    @answers(ConfirmReceipt)
    def confirm_receipt(self, actor: Actor, request: ConfirmReceipt) -> Nothing:
        here: dict[str, Any] = {"school_id": actor.at_school, "id": request.pack_id}
        with self._school(actor) as tx:
            row, zone = store.pack_with(tx, **here), ZoneInfo(store.zone_of(tx, school_id=actor.at_school))
            if row is None or row.kind != "transfer" or row.sha256 is None:
                raise NotFound("pack")
            if request.on_day > clock.now().astimezone(zone).date():
                raise Invalid({"on_day": "in_future"})
            if request.on_day < row.asked_at.astimezone(zone).date():
                raise Invalid({"on_day": "before_start"})
            said = self._said_of(row) | {"received_by": request.by}
            store.change_pack(tx, **here, received_on=request.on_day, said=self._seal_said(said, **here))
        return Nothing()

    # --- what stands in one

    def _put_together(self, actor: Actor, wanted: PackWanted, *, use: str, kept: Any) -> Ready:
        """Read what a pack is made of. `kept`: it was begun before; then it says when, and where the ledger stood then."""
        with self._school(actor) as tx:
            zone = store.zone_of(tx, school_id=actor.at_school)
        asked = Asked(
            by=actor.name,
            at=kept.asked_at if kept else clock.now(),
            school_name=wanted.school_name,
            zone=zone,
            category_names=wanted.category_names,
            staff_names=wanted.staff_names,
            leave_out=wanted.leave_out,
            class_codes=wanted.class_codes,
        )
        head = EntrySealed.receive(found) if kept and (found := self._said_of(kept)["head"]) else None
        if wanted.kind == "ofsted":
            return self._for_inspection(actor, wanted, asked=replace(asked, head=head))
        return self._about_pupil(actor, wanted, asked=asked, head=head, use=use)

    def _about_pupil(self, actor: Actor, wanted: PackWanted, *, asked: Asked, head: EntrySealed | None, use: str) -> Ready:
        if problems := _problems(wanted):
            raise Invalid(problems)
        assert wanted.pupil_id is not None
        request = chronology_of(wanted)
        pages = self._newest(actor, request, use=use)
        whole = whole_of(pages, names=[self._names(page.passes, token=lambda: actor.token) for page in pages])
        about = ask(self.incidents, Pupil(pupil_id=wanted.pupil_id), token=actor.token)
        gathered = Gathered(pupil=whole.pupil, flags=about.flags, entries=whole.entries, follow_ups=self._open_of(actor, wanted.pupil_id))
        choice = Choice(kind=wanted.kind, request=request, readers=wanted.readers, to_school=wanted.to_school)
        asked = replace(asked, file_names=whole.file_names, head=head or whole.head)
        previewed = packs.content(gathered, choice=choice, asked=packs.as_previewed(asked))
        if _looked_at(pages):
            previewed |= {"total": pages[0].total}
        return Ready(
            said=packs.content(gathered, choice=choice, asked=asked),
            sha256=packs.state_of(previewed),
            gathered=gathered,
            pages=pages,
            entries=len(chronology.wanted(whole.entries, asked=asked)),
            head=asked.head,
            asked=asked,
            counts=packs.counts(whole.entries, asked=asked),
        )

    def _newest(self, actor: Actor, request: Chronology, *, use: str) -> list[ChronologyAnswer]:
        """Read what a pack is chosen from with the person's own token: all of it, or of a long record the newest thousand entries."""
        pages: list[ChronologyAnswer] = []
        while not pages or (pages[-1].next is not None and sum(len(page.items) for page in pages) < long_documents.AT_ONCE):
            page = request.model_copy(update={"limit": long_documents.PAGE, "cursor": pages[-1].next if pages else None, "use": use})
            pages.append(ask(self.incidents, page, token=actor.token, seconds=15.0))
        return pages

    def _open_of(self, actor: Actor, pupil_id: UUID) -> list[FollowUpItem]:
        found: list[FollowUpItem] = []
        cursor: str | None = None
        while True:
            page = ask(self.incidents, FollowUps(view="all", cursor=cursor, limit=100), token=actor.token)
            found += [item for item in page.items if item.pupil_id == pupil_id]
            cursor = page.next
            if cursor is None:
                return found

    def _for_inspection(self, actor: Actor, wanted: PackWanted, *, asked: Asked) -> Ready:
        today = today_at(asked.zone)
        since, until = _days(wanted, today=today)
        register = ask(self.incidents, Register(), token=actor.token, seconds=10.0)
        theirs, children = self._concerning(actor)  # of their own child they are told nothing, not even in a count of one
        asked = replace(asked, head=asked.head or register.head)
        with self._school(actor) as tx:
            of: dict[str, Any] = {"school_id": actor.at_school, "without": theirs}
            counted = counted_for(tx, **of, zone=asked.zone, since=since, today=today, but=children)
            first, last = counting.months_between(since=since, until=until)
            counts = store.counted_between(tx, **of, first=first, last=last)
        here = ZoneInfo(asked.zone)
        inside = {id_: each for id_, each in counts.items() if since <= each.recorded_at.astimezone(here).date() <= until}
        asked_for = inspecting.AskedFor(wanted.of_category, wanted.of_year_group, wanted.with_referral)
        candidates = [Candidate(id_, each.class_.code) for id_, each in inside.items() if asked_for.is_met_by(each)]
        order = inspecting.in_turn(candidates, since=since, until=until)
        pupils = [Person(each.name, "pupil", known_as=each.known_as) for each in register.items]
        groups: list[dict[str, Any]] = []
        found: dict[str, inspecting.Replaced] = {}
        for record in self._records(actor, order, shown=wanted.shown):
            nameless = Nameless(record, register=pupils, staff=wanted.staff_names, keep=wanted.keep, added=wanted.added)
            groups.append(inspecting.record_of(len(groups) + 1, record, nameless=nameless, asked=asked))
            found |= nameless.found
        about: dict[str, Any] = {"since": since, "until": until, "reason": wanted.reason, "own_child": bool(children), "asked_for": asked_for}
        previewed = inspecting.content(counted, groups, **about, asked=packs.as_previewed(asked))
        return Ready(
            said=inspecting.content(counted, groups, **about, asked=asked),
            sha256=packs.state_of(previewed),
            entries=sum(len(group["entries"]) for group in groups),
            head=asked.head,
            asked=asked,
            found=sorted(found.values(), key=lambda each: (each.why == "guess", each.words.casefold())),
        )

    def _records(self, actor: Actor, order: Sequence[UUID], *, shown: int) -> list[IncidentAnswer]:
        """Read the first records of an order; those of which the asker may not read all, the next ones take the place of."""
        records: list[IncidentAnswer] = []
        for incident_id in order:
            if len(records) == shown:
                break
            try:
                record = ask(self.incidents, Incident(incident_id=incident_id), token=actor.token)
            except NotFound:
                continue
            if record.facts is not None:
                records.append(record)
        return records

    # --- what is kept of one

    def _seal_said(self, said: dict[str, Any], *, school_id: UUID, id: UUID) -> str:
        about = f"pack|{school_id}|{id}"
        return keys.wrap(keys=self.host.keys, purpose="documents", secret=json.dumps(said).encode(), about=about)

    def _said_of(self, row: Any) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(keys.unwrap(keys=self.host.keys, wrapped=row.said, about=f"pack|{row.school_id}|{row.id}"))
        return said

    def _pack_item(self, row: Any) -> PackItem:
        names = ("id", "kind", "pupil_id", "form", "asked_by", "asked_name", "asked_at", "entries", "parts", "sha256", "sequence", "entry_hash")
        said = self._said_of(row)
        words = {name: said[name] for name in ("reason", "readers", "to_school")} | {"received_by": said.get("received_by", "")}
        return PackItem(**{name: getattr(row, name) for name in names}, received_on=row.received_on, **words)


def _looked_at(pages: Sequence[ChronologyAnswer]) -> int:
    """Return how many entries were read where that is not all of them; 0 where it is."""
    return sum(len(page.items) for page in pages) if pages and pages[-1].next is not None else 0


def _problems(wanted: PackWanted) -> dict[str, str]:
    found = {}
    if wanted.pupil_id is None:
        found["pupil_id"] = "missing"
    if wanted.since and wanted.until and wanted.until < wanted.since:
        found["until"] = "before_start"
    if wanted.kind == "transfer" and not wanted.to_school:
        found["to_school"] = "missing"
    if not wanted.class_codes:
        found["class_codes"] = "missing"
    return found


def _days(wanted: PackWanted, *, today: date) -> tuple[date, date]:
    """Return the days an inspection's pack is about: those asked for, or a year until today. Raises Invalid."""
    until = wanted.until or today
    since = wanted.since or until.replace(year=until.year - 1, day=min(until.day, 28))
    if until < since:
        raise Invalid({"until": "before_start"})
    if until > today:
        raise Invalid({"until": "in_future"})
    return since, until


def _heading(entry: dict[str, Any]) -> dict[str, Any]:
    return entry | {"text": [], "action_taken": "", "body_map": {}, "files": []}
