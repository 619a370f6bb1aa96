"""Every read of the record, through the one rule of who may read."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from safekeep.permissions import SAFEGUARDING_LEADS, Reading
from services.incidents.openings import WHOLE
from services.incidents.store.tables import (
    alterations,
    entries,
    entry_files,
    incident_pupils,
    incidents,
    openings,
    pupils,
    relations,
    restrictions,
    rights,
    same,
    same_pupil,
    staff,
    stand_ins,
)


def beside(tx: sa.Connection, *, school_id: UUID, pupil_id: UUID, reading: Reading) -> frozenset[UUID]:
    """Return the pupils who stand beside this one in incidents of which an entry may be read."""
    theirs = sa.select(incident_pupils.c.incident_id).where(incident_pupils.c.school_id == school_id, incident_pupils.c.pupil_id == pupil_id)
    read = sa.select(entries.c.incident_id).where(entries.c.school_id == school_id, entries.c.incident_id.in_(theirs), readable(reading))
    others = incident_pupils.c.school_id == school_id, incident_pupils.c.incident_id.in_(read), incident_pupils.c.pupil_id != pupil_id
    return frozenset(tx.execute(sa.select(incident_pupils.c.pupil_id).distinct().where(*others)).scalars())


@lru_cache(256)
def readable(reading: Reading) -> sa.ColumnElement[bool]:
    """Compile the reading rule to SQL over `entries`: the same rule as `Reading.covers`, held together by a property test.

    It is put together once for each reader, whose every page of the record asks by it several times.
    """
    return sa.or_(entries.c.author_id == reading.person_id, opens(reading)) if reading.records else opens(reading)


@lru_cache(256)
def opens(reading: Reading) -> sa.ColumnElement[bool]:
    """Whether a reader may read an entry whoever wrote it: the same rule as `Reading.opens`."""
    return _opens(reading, class_=entries.c["class"], by_right_to=(entries.c.id,), kept=_of_it)


def _opens(
    reading: Reading, *, class_: sa.ColumnElement[int], by_right_to: Collection[sa.ColumnElement[UUID]], kept: sa.ColumnElement[bool]
) -> sa.ColumnElement[bool]:
    """The rule but for authorship, asked of a class: a right counts to any of these entries, that it is kept to somebody where `kept` says."""
    me = reading.person_id
    concerned = _concerns(me)
    right = (
        sa.select(sa.literal(1))
        .where(
            rights.c.school_id == entries.c.school_id,
            rights.c.entry_id.in_(by_right_to),
            rights.c.person_id == me,
            rights.c["class"] >= class_,
        )
        .correlate(entries, incidents)
        .exists()
    )
    by_role = class_ <= int(reading.role_class) if reading.role_class is not None else sa.false()
    theirs = sa.and_(_restricting(kept, restrictions.c.keeper_id == me, restrictions.c.dsl_id == me), sa.not_(concerned))
    if not reading.records:
        return theirs
    barred = _restricting(_of_it, sa.and_(restrictions.c.keeper_id != me, restrictions.c.dsl_id != me))
    return sa.or_(theirs, sa.and_(sa.not_(concerned), sa.not_(barred), sa.or_(by_role, right, _left_to(me))))


@lru_cache(256)
def _knows(reading: Reading) -> sa.ColumnElement[bool]:
    """Whether a reader of an entry may know the class and the categories that its incident has now: the rule asked of the incident's class.

    Who reads only what they wrote, or only an entry that keeps the lower class it had, may not. A right to the account will do.
    """
    return _opens(reading, class_=incidents.c["class"], by_right_to=(entries.c.id, entries.c.incident_id), kept=_of_all)


@lru_cache(256)
def sees(reading: Reading) -> sa.ColumnElement[str]:
    """Say what a reader of an entry sees of class and categories: "incident", the incident's as they are now; "entry", those of this entry;
    "words", as its author alone: the categories it was given, and the class it was recorded with. (`access.classes_seen` goes by it.)
    """
    other = sa.or_(entries.c.author_id != reading.person_id, opens(reading))
    return sa.case((_knows(reading), "incident"), (other, "entry"), else_="words")


_of_all = restrictions.c.entry_id == restrictions.c.incident_id
_of_it = sa.or_(
    _of_all,
    restrictions.c.entry_id == entries.c.id,
    sa.cast(restrictions.c.entry_id, sa.Text) == entries.c.facts["corrects"].astext,
)
"""Whether a restriction is of the entry, of what it corrects, or of the whole incident."""


def _restricting(of_it: sa.ColumnElement[bool], *whom: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether a restriction that holds, of it, is one of these."""
    return (
        sa.select(sa.literal(1))
        .where(
            restrictions.c.school_id == entries.c.school_id,
            restrictions.c.incident_id == entries.c.incident_id,
            restrictions.c.lifted_at.is_(None),
            of_it,
            sa.or_(*whom),
        )
        .correlate(entries)
        .exists()
    )


def _concerns(person: Any) -> sa.ColumnElement[bool]:
    """Whether somebody, or a child of theirs, is the pupil of the entry's incident, or linked in it."""
    joined = incident_pupils.join(relations, same_pupil(incident_pupils, relations))
    of_it = incident_pupils.c.school_id == entries.c.school_id, incident_pupils.c.incident_id == entries.c.incident_id
    return sa.select(sa.literal(1)).select_from(joined).where(*of_it, relations.c.person_id == person).correlate(entries, staff).exists()


def _left_to(person: UUID) -> sa.ColumnElement[bool]:
    """Whether somebody stands in for the DSLs and it concerns every one of them. Whether they stand in at all is looked up once a query."""
    theirs = stand_ins.c.person_id == person, stand_ins.c.ended_at.is_(None)
    stands_in = sa.select(sa.literal(1)).where(*theirs).exists()  # row-level security: at the school of the transaction
    leads = sorted(role.value for role in SAFEGUARDING_LEADS)
    able = sa.and_(staff.c.school_id == entries.c.school_id, staff.c.active, staff.c.roles.overlap(leads), sa.not_(_concerns(staff.c.person_id)))
    return sa.and_(stands_in, sa.not_(sa.select(sa.literal(1)).where(able).correlate(entries).exists()))


def incident_with(tx: sa.Connection, *, school_id: UUID, incident_id: UUID) -> sa.Row[Any] | None:
    """Return an incident's own row."""
    return tx.execute(sa.select(incidents).where(incidents.c.school_id == school_id, incidents.c.id == incident_id)).first()


def incident_numbered(tx: sa.Connection, *, school_id: UUID, number: str) -> sa.Row[Any] | None:
    """Return the incident's own row that has this number."""
    return tx.execute(sa.select(incidents).where(incidents.c.school_id == school_id, incidents.c.number == number)).first()


def entries_of(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, reading: Reading) -> Sequence[sa.Row[Any]]:
    """Return the entries of an incident this reader may read, oldest first."""
    query = sa.select(entries, sees(reading).label("sees")).join(incidents, same(entries, incidents, "incident_id"))
    query = query.where(entries.c.school_id == school_id, entries.c.incident_id == incident_id, readable(reading))
    return tx.execute(query.order_by(entries.c.ledger_sequence)).all()


def readable_of(tx: sa.Connection, *, school_id: UUID, ids: Collection[UUID], reading: Reading, opened: bool = False) -> set[UUID]:
    """Return those of these entries that this reader may read; `opened`: and has."""
    asked = entries.c.id == sa.any_(sa.cast(list(ids), pg.ARRAY(pg.UUID)))  # one statement, however many are asked about
    which = (asked, readable(reading), *((_was_opened(reading.person_id),) if opened else ()))
    return set(tx.execute(sa.select(entries.c.id).where(entries.c.school_id == school_id, *which)).scalars())


def _was_opened(person_id: UUID) -> sa.ColumnElement[bool]:
    """Whether the whole words of an entry were handed to somebody. Openings are looked through from when it was recorded on, not all of theirs."""
    theirs = openings.c.school_id == entries.c.school_id, openings.c.person_id == person_id, openings.c.at >= entries.c.recorded_at
    whole = openings.c.kind.in_(WHOLE), entries.c.id == sa.any_(openings.c.entry_ids)
    return sa.select(sa.literal(1)).where(*theirs, *whole).correlate(entries).exists()


def linked_of(tx: sa.Connection, *, school_id: UUID, incident_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return the pupils in an incident: the one it is about has no part."""
    query = sa.select(incident_pupils, pupils.c.name).join(pupils, same(incident_pupils, pupils, "pupil_id"))
    return tx.execute(query.where(incident_pupils.c.school_id == school_id, incident_pupils.c.incident_id == incident_id)).all()


def entry_of_file(tx: sa.Connection, *, school_id: UUID, file_id: UUID, reading: Reading) -> Any:
    """Return the entry a file belongs to, and its incident, when this reader may read it."""
    joined = entries.join(entry_files, sa.and_(entry_files.c.school_id == entries.c.school_id, entry_files.c.entry_id == entries.c.id))
    query = sa.select(entries.c.id, entries.c.incident_id).select_from(joined)
    return tx.execute(query.where(entries.c.school_id == school_id, entry_files.c.file_id == file_id, readable(reading))).first()


fix = entries.alias("fix")
"""An entry's latest correction: what it says now."""

_struck = entries.alias("struck")
_took_away = sa.select(sa.literal(1)).where(
    _struck.c.school_id == entries.c.school_id,
    _struck.c.incident_id == entries.c.incident_id,
    _struck.c.facts["corrects"].astext == sa.cast(entries.c.id, sa.Text),
    _struck.c.facts["hides_earlier"].astext == "true",
)
hidden = sa.and_(entries.c.correction_id.is_not(None), _took_away.correlate(entries).exists())
"""Whether a correction took what an entry said at first out of sight, its body map with it."""

_LINE = (
    entries,
    incidents.c.number,
    incidents.c.pupil_id,
    incidents.c.assignment_id,
    incidents.c.categories.label("incident_categories"),
    pupils.c.name.label("pupil_name"),
    fix.c.text.label("fix_text"),
    fix.c.facts.label("fix_facts"),
    fix.c.ledger_sequence.label("fix_sequence"),
    hidden.label("hidden"),
)


def _lines(reading: Reading, *columns: Any) -> sa.Select[Any]:
    joined = entries.join(incidents, same(entries, incidents, "incident_id")).join(pupils, same(incidents, pupils, "pupil_id"))
    joined = joined.outerjoin(fix, sa.and_(fix.c.school_id == entries.c.school_id, fix.c.id == entries.c.correction_id))
    return sa.select(*_LINE, sees(reading).label("sees"), *columns).select_from(joined)


def lines_with(tx: sa.Connection, *, school_id: UUID, ids: Collection[UUID], reading: Reading) -> Sequence[sa.Row[Any]]:
    """Return these entries as list lines, as far as this reader may read them."""
    query = _lines(reading, sa.null().label("part")).where(entries.c.school_id == school_id, entries.c.id.in_(ids), readable(reading))
    return tx.execute(query).all()


def lines_by(tx: sa.Connection, *, school_id: UUID, reading: Reading, before: tuple[datetime, UUID] | None, limit: int) -> Sequence[sa.Row[Any]]:
    """Return what the reader wrote, newest first."""
    query = _lines(reading, sa.null().label("part")).where(entries.c.school_id == school_id, entries.c.author_id == reading.person_id)
    if before:
        query = query.where(sa.tuple_(entries.c.recorded_at, entries.c.id) < before)
    return tx.execute(query.order_by(entries.c.recorded_at.desc(), entries.c.id.desc()).limit(limit)).all()


@dataclass(frozen=True, slots=True)
class Filters:
    """How a chronology is narrowed. `by_recorded` orders by when it was recorded instead of when it happened."""

    by_recorded: bool = False
    codes: Sequence[str] = ()
    author_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None  # not included
    words: str = ""
    without: Collection[UUID] = ()  # incidents of which the reader may not know that they are about this pupil
    only: str | None = None  # what has "files" or "body_maps" of the pupil's own


def chronology(
    tx: sa.Connection, *, school_id: UUID, pupil_id: UUID, reading: Reading, filters: Filters, before: tuple[datetime, UUID] | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Return a page of a pupil's entries, newest first."""
    when = _when(filters)
    query = _narrowed(_lines(reading, incident_pupils.c.part, when.label("placed")), school_id, pupil_id, reading, filters, dates=True)
    if before:
        query = query.where(sa.tuple_(when, entries.c.id) < before)
    return tx.execute(query.order_by(when.desc(), entries.c.id.desc()).limit(limit)).all()


def altered_of(tx: sa.Connection, *, school_id: UUID, pupil_id: UUID, reading: Reading, filters: Filters) -> Sequence[sa.Row[Any]]:
    """Return the pupil's incidents, by number, of which something is found altered and the reader reads an entry; whatever was filtered."""
    apart = Filters(without=filters.without)
    lines = _lines(reading, incident_pupils.c.part).with_only_columns(incidents.c.id, incidents.c.number)
    found = sa.exists().where(
        alterations.c.school_id == incidents.c.school_id, alterations.c.incident_id == incidents.c.id, alterations.c.gone_at.is_(None)
    )
    query = _narrowed(lines, school_id, pupil_id, reading, apart, dates=False).where(found)
    return tx.execute(query.distinct().order_by(incidents.c.number)).all()


def months_of(tx: sa.Connection, *, school_id: UUID, pupil_id: UUID, reading: Reading, filters: Filters, zone: str) -> Sequence[sa.Row[Any]]:
    """Return how many entries fall in each month, under the same filters but the dates; and how many within the dates."""
    when = _when(filters)
    month = sa.func.to_char(sa.func.timezone(zone, when), sa.literal("YYYY-MM"))
    within = sa.and_(when >= filters.since if filters.since else sa.true(), when < filters.until if filters.until else sa.true())
    lines = _lines(reading, incident_pupils.c.part).with_only_columns(
        month.label("month"), sa.func.count().label("count"), sa.func.count().filter(within).label("within")
    )
    query = _narrowed(lines, school_id, pupil_id, reading, filters, dates=False)
    return tx.execute(query.group_by(sa.literal_column("1")).order_by(sa.literal_column("1"))).all()


def _when(filters: Filters) -> sa.ColumnElement[datetime]:
    return entries.c.recorded_at if filters.by_recorded else entries.c.placed_at


def _narrowed(query: sa.Select[Any], school_id: UUID, pupil_id: UUID, reading: Reading, filters: Filters, *, dates: bool) -> sa.Select[Any]:
    same = sa.and_(incident_pupils.c.school_id == entries.c.school_id, incident_pupils.c.incident_id == entries.c.incident_id)
    query = query.join(incident_pupils, same).where(entries.c.school_id == school_id, incident_pupils.c.pupil_id == pupil_id, readable(reading))
    own = entries.c.facts["pupil"].astext == str(pupil_id)  # how it stands for another child stands in that child's chronology
    query = query.where(sa.or_(entries.c.kind != "status", own))
    if filters.without:
        query = query.where(sa.or_(incident_pupils.c.part.is_not(None), incidents.c.id.not_in(filters.without)))
    when = _when(filters)
    if filters.codes:
        query = query.where(_is_of(filters.codes, reading), incident_pupils.c.part.is_(None))
    if filters.author_id:
        query = query.where(entries.c.author_id == filters.author_id)
    if filters.only == "files":
        query = query.where(sa.func.jsonb_array_length(entries.c.files) > 0, incident_pupils.c.part.is_(None))
    if filters.only == "body_maps":
        query = query.where(entries.c.facts["body_map"].astext.is_not(None), incident_pupils.c.part.is_(None), sa.not_(hidden))
    if filters.words:
        own = entries.c.author_id == reading.person_id  # who may not read a correction still finds their own words, and nobody what was struck
        says = sa.case((fix.c.id.is_(None), entries.c.text), (_reads_fix(reading), fix.c.text), (own, entries.c.text), else_=sa.null())
        drawn = entries.c.facts["body_map"]["words"].astext.icontains(filters.words, autoescape=True)
        query = query.where(sa.or_(says.icontains(filters.words, autoescape=True), sa.and_(incident_pupils.c.part.is_(None), sa.not_(hidden), drawn)))
    if dates and filters.since:
        query = query.where(when >= filters.since)
    if dates and filters.until:
        query = query.where(when < filters.until)
    return query


def _reads_fix(reading: Reading) -> sa.ColumnElement[bool]:
    """Whether a reader may read an entry's latest correction."""
    it = sa.select(sa.literal(1)).where(entries.c.school_id == fix.c.school_id, entries.c.id == fix.c.id, readable(reading))
    return it.correlate(fix).exists()


_account = entries.alias("account")


def _is_of(codes: Sequence[str], reading: Reading) -> sa.ColumnElement[bool]:
    """Whether an entry, or its incident, is of one of these categories as far as the reader sees them: those given later only where they know."""
    wanted = list(codes)
    at_first = sa.select(sa.literal(1)).where(
        _account.c.school_id == entries.c.school_id, _account.c.id == entries.c.incident_id, _account.c.categories.overlap(wanted)
    )
    known = sa.or_(at_first.correlate(entries).exists(), _knows(reading))
    return sa.or_(entries.c.categories.overlap(wanted), sa.and_(incidents.c.categories.overlap(wanted), known))
