"""Finding pupils, what is known of one, their flags."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock, outbox, permissions
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.incidents import (
    AddPupils,
    AddPupilsAnswer,
    FlagChanged,
    FlagSet,
    NewPupil,
    Pupil,
    PupilAnswer,
    PupilFate,
    PupilsAnswer,
    Register,
    RegisterAnswer,
    RegisterName,
    RelativeChanged,
    RollChanged,
    RollDay,
    SearchPupils,
    SetFlag,
    SetRelatives,
    SiblingItem,
    SightLost,
    YearsAndForms,
    YearsAndFormsAnswer,
)
from safekeep.errors import Conflict, Invalid, NotFound
from safekeep.idempotency import KEPT_FOR
from safekeep.ids import new_id
from safekeep.rpc import answers
from safekeep.text import fold
from services.incidents import following, history, recording, store
from services.incidents.service.access import access_pupil, kept_to, known_school, without
from services.incidents.service.base import Base
from services.incidents.service.following import leave_to_nobody
from services.incidents.service.openings import hold_back, keep_opening
from services.incidents.service.rows import altered_items, flag_item, head_item, headings, lines, pupil_item, read_offset
from services.incidents.service.writing import pass_on, write_place


class Pupils(Base):
    """Pupils."""

    @answers(SearchPupils)
    def search_pupils(self, actor: Actor, request: SearchPupils) -> PupilsAnswer:
        if len(request.q.replace(" ", "")) < 2 and request.q.isascii():
            return PupilsAnswer(items=[])
        offset = read_offset(request.cursor)
        with self._school(actor) as tx:
            rows = store.find_pupils(tx, school_id=actor.at_school, query=request.q, offset=offset, limit=request.limit + 1)
            keep_opening(tx, actor=actor, kind="search", words=request.q)
        more = str(offset + request.limit) if len(rows) > request.limit else None
        return PupilsAnswer(items=[pupil_item(row) for row in rows[: request.limit]], next=more)

    @answers(Pupil)
    def pupil(self, actor: Actor, request: Pupil) -> PupilAnswer:
        reading = permissions.reading(actor)
        if request.opened:
            hold_back(self.host, actor=actor)
        with self._school(actor) as tx:
            row = access_pupil(tx, actor=actor, pupil_id=request.pupil_id)
            here = {"school_id": actor.at_school, "pupil_id": row.id}
            relatives = store.concerned_staff(tx, school_id=actor.at_school, pupil_ids=[row.id])
            concerned = actor.person in relatives
            flags = [] if concerned else store.flags_of(tx, **here, highest=reading.role_class)
            known: dict[str, Any] = {"highest": reading.role_class, "is_lead": permissions.is_lead(actor.roles)}
            flag_altered = not concerned and store.is_flag_altered(tx, **here, **known)
            siblings = [] if row.holding else store.siblings_of(tx, **here, family=row.family)
            filters = store.Filters(without=without(tx, actor=actor, pupil_id=row.id))
            last = lines(tx, actor=actor, rows=store.chronology(tx, **here, reading=reading, filters=filters, before=None, limit=5))
            altered = altered_items(store.altered_of(tx, **here, reading=reading, filters=filters))
            if request.opened:
                keep_opening(tx, actor=actor, kind="pupil", pupil_id=row.id, entries=last)
        return PupilAnswer(
            pupil=pupil_item(row),
            flags=[flag_item(flag) for flag in flags],
            siblings=[SiblingItem(id=s.id, name=s.name, year=s.year, form=s.form) for s in siblings],
            last_entries=last if request.opened else headings(last),
            relatives=sorted(relatives) if permissions.is_lead(actor.roles) and not concerned else None,
            altered=altered,
            flag_altered=flag_altered,
        )

    @answers(Register)
    def register(self, actor: Actor, request: Register) -> RegisterAnswer:
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
            head = store.head_of(tx, **here)
            pupil = access_pupil(tx, actor=actor, pupil_id=request.pupil_id) if request.pupil_id else None
            linked = store.beside(tx, **here, pupil_id=pupil.id, reading=permissions.reading(actor)) if pupil else ()
            rows = store.all_pupils(tx, **here)
        others = [row for row in rows if pupil is None or row.id != pupil.id]
        items = [RegisterName(name=row.name, known_as=row.known_as, linked=row.id in linked) for row in others]
        return RegisterAnswer(known_as=pupil.known_as if pupil else "", items=items, head=head_item(head))

    @answers(YearsAndForms)
    def years_and_forms(self, actor: Actor, request: YearsAndForms) -> YearsAndFormsAnswer:
        with self._school(actor) as tx:
            years, forms = store.years_and_forms(tx, school_id=actor.at_school)
        return YearsAndFormsAnswer(years=years, forms=forms)

    @answers(AddPupils)
    def add_pupils(self, actor: Actor, request: AddPupils) -> AddPupilsAnswer:
        with self._school(actor) as tx:
            if request.id is None:
                return _answer(tx, actor, *_add_pupils(tx, actor=actor, request=request))
            store.lock_head(tx, school_id=actor.at_school)  # the same list twice at once is one
            fingerprint = recording.fingerprint(request, file_ids=[])
            store.forget_imports(tx, school_id=actor.at_school, before=clock.now() - KEPT_FOR)
            before = store.import_with(tx, school_id=actor.at_school, id=request.id)
            if before is None:
                fates, gone = _add_pupils(tx, actor=actor, request=request)
                kept: dict[str, Any] = {"fingerprint": fingerprint, "fates": [fate.wire() for fate in fates], "gone": gone, "now": clock.now()}
                store.keep_import(tx, school_id=actor.at_school, id=request.id, sent_by=actor.account, **kept)
                return _answer(tx, actor, fates, gone)
            if before.sent_by != actor.account:
                raise Conflict("id_taken")
            if before.fingerprint != fingerprint:
                raise Conflict("other_content")
            return _answer(tx, actor, [PupilFate.receive(fate) for fate in before.fates], before.gone)

    @answers(SetFlag)
    def set_flag(self, actor: Actor, request: SetFlag) -> FlagSet:
        if request.ended and request.ended < request.started:
            raise Invalid({"ended": "before_start"})
        with self._school(actor) as tx:
            store.lock_head(tx, school_id=actor.at_school)  # the same twice at once is one
            access_pupil(tx, actor=actor, pupil_id=request.pupil_id)
            if actor.person in store.concerned_staff(tx, school_id=actor.at_school, pupil_ids=[request.pupil_id]):
                raise NotFound("pupil")
            held = store.flag_with(tx, school_id=actor.at_school, id=request.id)
            if held is not None and (held.pupil_id, held.kind) != (request.pupil_id, request.kind):
                raise Conflict("id_taken")  # what it says may change, not whose it is or of what kind
            if held is not None and all(held._mapping[name] == said for name, said in request):
                return FlagSet(id=request.id)
            now = clock.now()
            keep_flag(tx, school_id=actor.at_school, request=request, by=actor.person)
            fields = request.model_dump(mode="json", exclude={"id", "pupil_id"})
            parts = {request.pupil_id: "pupil"}
            write_place(tx, actor=actor, kind="flag", incident_id=request.id, entry_id=request.id, fields=fields, parts=parts, now=now)
        return FlagSet(id=request.id)

    @answers(SetRelatives)
    def set_relatives(self, actor: Actor, request: SetRelatives) -> Nothing:
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
            store.lock_head(tx, **here)
            row = access_pupil(tx, actor=actor, pupil_id=request.pupil_id)
            before = store.concerned_staff(tx, **here, pupil_ids=[row.id])
            if actor.person in before or row.holding:
                raise NotFound("pupil")
            wanted = (before - frozenset(request.ended)) | frozenset(request.entered)
            if refused := _may_not_be_entered(wanted - before, staff=known_school(tx, actor.at_school).staff, by=actor.person):
                raise Invalid({"entered": refused})
            if wanted != before:
                _set_relatives(tx, actor=actor, pupil_id=row.id, wanted=wanted)
        return Nothing()


def _answer(tx: sa.Connection, actor: Actor, fates: list[PupilFate], gone: Collection[UUID]) -> AddPupilsAnswer:
    """Return what became of a list. What is kept of it holds no name: those who left are named as they are called now."""
    left = store.pupils_with(tx, school_id=actor.at_school, ids=gone)
    return AddPupilsAnswer(items=fates, leaving=sorted(row.name for row in left.values()))


def _add_pupils(tx: sa.Connection, *, actor: Actor, request: AddPupils) -> tuple[list[PupilFate], list[UUID]]:
    """Add those of the list that can be added. Returns what becomes of each line, and who leaves."""
    here: dict[str, Any] = {"school_id": actor.at_school}
    today = following.today(clock.now(), zone=store.zone_of(tx, **here))
    seen, fates = set[tuple[str, date]](), []
    entering = dict[UUID, frozenset[UUID]]()
    known = {(fold(row.name), row.born): row for row in store.all_pupils(tx, **here)}
    family = _Families(tx, actor=actor) if any(pupil.relatives for pupil in request.pupils) else None
    for number, pupil in enumerate(request.pupils, start=1):
        key = (fold(pupil.name), pupil.born)
        problems = recording.problems_of_birth(pupil.born, today=today) or ({"name": "line_twice"} if key in seen else {})
        if pupil.left_on is not None and pupil.left_on <= pupil.born:
            problems = problems | {"left_on": "before_born"}
        seen.add(key)
        row = known.get(key)
        said = family.said(row, pupil.relatives) if family else _Said()
        problems = problems | ({"relatives": said.refused} if said.refused else {})
        told = {"entered": sorted(said.entered), "left_alone": said.left_alone} if not problems else {}
        same = row is not None and not said.entered and all(getattr(row, name) == value for name, value in _columns(pupil).items())
        outcome = "refused" if problems else "unchanged" if same else "changed" if row else "made"
        fates.append(PupilFate(line=number, outcome=outcome, problems=problems, **told))  # type: ignore[arg-type]
        if outcome in ("made", "changed") and not request.dry_run:
            entering[_keep_pupil(tx, pupil=pupil, row=row, today=today, **here)] = said.entered
    # A list with a line that was refused is not whole: who is on that line would be taken for gone.
    whole = request.whole and not any(fate.outcome == "refused" for fate in fates)
    gone = [row for key, row in known.items() if whole and key not in seen and (row.left_on is None or row.left_on > today)]
    if not request.dry_run:
        _enter(tx, actor=actor, entering={pupil_id: people for pupil_id, people in entering.items() if people})
        for row in gone:
            store.leave(tx, **here, pupil_id=row.id, on=today, stays=_stays(row, left_on=today, today=today))
        if gone or any(fate.outcome in ("made", "changed") for fate in fates):
            say_roll(tx, **here, today=today)
    return fates, [row.id for row in gone]


def _may_not_be_entered(people: Collection[UUID], *, staff: Mapping[UUID, recording.Member], by: UUID) -> str:
    """Return why these cannot be entered as somebody's relatives, or "". No DSL is by another: that would hide the record from them."""
    if not set(people) <= set(staff):
        return "unknown_choice"
    return "own_only" if any(permissions.is_lead(staff[person].roles) for person in people if person != by) else ""


def _set_relatives(tx: sa.Connection, *, actor: Actor, pupil_id: UUID, wanted: Collection[UUID]) -> None:
    """Keep who a pupil's relatives are from now on, with its place in the ledger. The chain is locked already."""
    place, fields = new_id(), {"people": sorted(str(person) for person in wanted)}
    about: dict[str, Any] = {"incident_id": place, "entry_id": place, "parts": {pupil_id: "pupil"}, "now": clock.now()}
    write_place(tx, actor=actor, kind="relatives", fields=fields, **about)
    tell_relatives(tx, school_id=actor.at_school, pupil_id=pupil_id, relatives=wanted, by=actor.person)


@dataclass(frozen=True, slots=True)
class _Said:
    """What becomes of the relatives that a line of a list names."""

    refused: str = ""
    entered: frozenset[UUID] = frozenset()
    left_alone: bool = False


class _Families:
    """The rule of `set_relatives` for the lines of a list, which enters and never ends."""

    def __init__(self, tx: sa.Connection, *, actor: Actor) -> None:
        self.by = actor.person_id
        self.staff = known_school(tx, actor.at_school).staff
        self.entered = store.all_relatives(tx, school_id=actor.at_school)

    def said(self, row: sa.Row[Any] | None, named: Collection[UUID]) -> _Said:
        before = self.entered.get(row.id, frozenset()) if row else frozenset[UUID]()
        newly = frozenset(named) - before
        if self.by is None:
            return _Said(refused="people_only" if named else "")
        if self.by in before:
            return _Said(left_alone=bool(frozenset(named) - {self.by}))
        refused = _may_not_be_entered(newly, staff=self.staff, by=self.by)
        return _Said(refused={"unknown_choice": "unknown_address"}.get(refused, refused), entered=frozenset() if refused else newly)


def _enter(tx: sa.Connection, *, actor: Actor, entering: Mapping[UUID, frozenset[UUID]]) -> None:
    """Enter whom a list names, last of all: the chain is locked for no longer than that takes."""
    if entering:
        store.lock_head(tx, school_id=actor.at_school)
        before = store.all_relatives(tx, school_id=actor.at_school)
    for pupil_id, people in entering.items():
        if not people <= (there := before.get(pupil_id, frozenset())):
            _set_relatives(tx, actor=actor, pupil_id=pupil_id, wanted=there | people)


def _columns(pupil: NewPupil) -> dict[str, Any]:
    """Return what of a line stands in the pupil's own row."""
    return {name: value for name, value in pupil if name != "relatives"}


def tell_relatives(tx: sa.Connection, *, school_id: UUID, pupil_id: UUID, relatives: Collection[UUID], by: UUID | None) -> None:
    """Keep who a pupil's relatives are. Who is newly one loses sight of what is recorded already: alerts takes it out of their inboxes.

    Each who is new, or no longer one, is a line of the audit log; `by` is who said so, None: the demonstration. Where it leaves no DSL for what
    is recorded, whoever stands in for them is alerted.
    """
    before = store.concerned_staff(tx, school_id=school_id, pupil_ids=[pupil_id])
    newly = set(relatives) - before
    store.keep_relatives(tx, school_id=school_id, pupil_id=pupil_id, people=relatives)
    for person in sorted(before ^ set(relatives)):
        outbox.add(tx, RelativeChanged, school_id=school_id, subject=new_id(), pupil_id=pupil_id, person_id=person, by=by, entered=person in newly)
    school = store.school_state(tx, school_id=school_id) if newly else None
    for incident_id in store.incidents_with(tx, school_id=school_id, pupil_id=pupil_id) if newly else ():
        outbox.add(tx, SightLost, school_id=school_id, subject=incident_id, incident_id=incident_id, people=sorted(newly))
        store.end_leads(tx, school_id=school_id, people=newly, incident_id=incident_id)
        leave_to_nobody(tx, school_id=school_id, people=newly, incident_id=incident_id, now=clock.now())
        concerned = _concerned(tx, school_id=school_id, incident_id=incident_id)
        if school is not None and not recording.left_to(school=school, concerned=concerned - newly):
            kept = kept_to(tx, school_id=school_id, incident_id=incident_id)  # nobody else may learn that there is something
            people = sorted(person for person in recording.left_to(school=school, concerned=concerned) if kept is None or person in kept)
            pass_on(tx, school_id=school_id, school=school, incident_id=incident_id, entry_id=incident_id, people=people, stand_in=True)


def _concerned(tx: sa.Connection, *, school_id: UUID, incident_id: UUID) -> frozenset[UUID]:
    pupils = [row.pupil_id for row in store.linked_of(tx, school_id=school_id, incident_id=incident_id)]
    return store.concerned_staff(tx, school_id=school_id, pupil_ids=pupils)


def keep_flag(tx: sa.Connection, *, school_id: UUID, request: SetFlag, by: UUID | None) -> None:
    class_ = recording.FLAG_CLASSES[request.kind]
    store.keep_flag(tx, school_id=school_id, **request.model_dump(), **{"class": int(class_)}, set_by=by, set_at=clock.now())
    said = request.model_dump(include={"pupil_id", "kind", "started", "ended"})
    outbox.add(tx, FlagChanged, school_id=school_id, subject=request.id, **said)


def say_roll(tx: sa.Connection, *, school_id: UUID, today: date) -> None:
    """Say how many pupils of school age are listed at the school, and were."""
    days = history.roll(store.enrolled(tx, school_id=school_id))
    said: dict[str, Any] = {"on_roll": history.on_roll(days, on=today), "days": [RollDay(on=on, on_roll=number) for on, number in days]}
    outbox.add(tx, RollChanged, school_id=school_id, subject=school_id, **said)


def _keep_pupil(tx: sa.Connection, *, school_id: UUID, pupil: NewPupil, row: sa.Row[Any] | None, today: date) -> UUID:
    """Add a pupil, in a family of their own, or change one and leave their family and whose child they are. Returns their id."""
    id, family = (row.id, row.family) if row else (new_id(), new_id())
    values = _columns(pupil) | {"holding": False, "stays": _stays(row, left_on=pupil.left_on, today=today)}
    store.keep_pupil(tx, school_id=school_id, id=id, family=family, **values)
    return id


def _stays(row: sa.Row[Any] | None, *, left_on: date | None, today: date) -> list[list[str | None]]:
    before = history.stays_of(row.stays, left_on=row.left_on) if row else []
    return history.kept(history.stays_after(before, left_on=left_on, today=today))
