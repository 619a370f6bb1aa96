"""Writing incidents and the entries below them."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from safekeep.database import read_together
from safekeep.permissions import Class, Reading
from services.incidents.ledger import BEGINNING, LedgerEntry, PupilThread
from services.incidents.recording import Calls, School, holding_pupil
from services.incidents.sight import Held
from services.incidents.store.chain import IN_THE_LEDGER, LOCK_HEAD, Head, begin_chain, place_of
from services.incidents.store.pupils import CALLS, calls_in
from services.incidents.store.reading import readable
from services.incidents.store.rights import RIGHTS, Right
from services.incidents.store.school import school_state
from services.incidents.store.tables import (
    asks,
    entries,
    incident_pupils,
    incidents,
    ledger,
    ledger_openings,
    rights,
    rights_taken,
    same,
)


@dataclass(frozen=True, slots=True)
class Situation:
    """What recording an incident must know, read at one moment under the lock of the school's chain."""

    head: Head
    school: School
    repeated: bool  # an entry with this id is there already
    year: int  # of today, in the school's zone
    last_number: int
    pupils: dict[UUID, bool]  # those of the school → whether one is the holding pupil
    born: dict[UUID, date]
    concerned: frozenset[UUID]
    threads: list[PupilThread]
    today: date  # in the school's zone
    calls: Calls


_SITUATION = sa.text(
    "select s.version, y.year, t.today, "  # noqa: S608 - made of constants; every value is bound
    "coalesce((select last from numbers n where n.school_id = :school and n.year = y.year), 0) as last_number, "
    "exists (select from entries where school_id = :school and id = :entry) as repeated, "
    "(select json_object_agg(id, json_build_array(holding, born)) from pupils "
    "where school_id = :school and id = any(cast(:pupils as uuid[]))) as pupils, "
    "(select json_agg(person_id) from relations where school_id = :school and pupil_id = any(cast(:pupils as uuid[]))) as concerned, "
    + CALLS.format(today="t.today")
    + ", (select json_object_agg(pupil_id, json_build_array(count, hash)) from ledger_threads "
    "where school_id = :school and pupil_id = any(cast(:pupils as uuid[]))) as threads "
    "from schools s cross join lateral (select cast(timezone(s.zone, cast(:now as timestamptz)) as date) as today) t "
    "cross join lateral (select cast(extract(year from t.today) as integer) as year) y "
    "where s.school_id = :school"
)


def situation(tx: sa.Connection, *, school_id: UUID, entry_id: UUID, parts: dict[UUID, str], now: datetime) -> Situation | None:
    """Lock the school's chain and return what recording needs, or None before identity's first event about the school.

    One round trip: this is the hot path, and others of the school wait for the lock.
    """
    asked = (LOCK_HEAD, {"school": school_id}), (_SITUATION, {"school": school_id, "entry": entry_id, "pupils": list(parts), "now": now})
    heads, found = read_together(tx, *asked)
    if not heads:
        begin_chain(tx, school_id=school_id)
        heads, found = read_together(tx, *asked)
    row = found[0] if found else None
    school = school_state(tx, school_id=school_id, version=row.version) if row else None
    if row is None or school is None:
        return None
    threads = {UUID(pupil): place for pupil, place in (row.threads or {}).items()}
    return Situation(
        head=Head(*heads[0]),
        school=school,
        repeated=row.repeated,
        year=row.year,
        last_number=row.last_number,
        pupils={UUID(pupil): holding for pupil, (holding, _) in (row.pupils or {}).items()},
        born={UUID(pupil): date.fromisoformat(born) for pupil, (_, born) in (row.pupils or {}).items()},
        concerned=frozenset(UUID(person) for person in row.concerned or []),
        threads=[PupilThread(pupil, part, *threads.get(pupil, (0, BEGINNING))) for pupil, part in parts.items()],
        today=row.today,
        calls=calls_in(row),
    )


def entry_with(tx: sa.Connection, *, school_id: UUID, entry_id: UUID, reading: Reading | None = None) -> sa.Row[Any] | None:
    """Return an entry, whoever may read it (for repeating an answer to its author); with `reading` only where this reader may."""
    query = sa.select(entries, incidents.c.number).join(incidents, same(entries, incidents, "incident_id"))
    if reading:
        query = query.where(readable(reading))
    return tx.execute(query.where(entries.c.school_id == school_id, entries.c.id == entry_id)).first()


_ADD_INCIDENT = sa.text(
    "with numbered as (insert into numbers (school_id, year, last) values (:school, :year, :last) "
    "on conflict (school_id, year) do update set last = excluded.last), "
    "added as (insert into incidents (school_id, id, number, pupil_id, class, categories) "
    "values (:school, :id, :number, :pupil, :class, cast(:categories as text[]))) "
    "insert into incident_pupils (school_id, incident_id, pupil_id, part, initials) "
    "select :school, :id, p.pupil_id, p.part, p.initials "
    "from jsonb_to_recordset(cast(:linked as jsonb)) as p(pupil_id uuid, part text, initials text)"
)


def add_incident(
    tx: sa.Connection,
    *,
    school_id: UUID,
    id: UUID,
    year: int,
    last: int,
    pupil_id: UUID,
    class_: Class,
    categories: Sequence[str],
    linked: Sequence[dict[str, Any]],
) -> str:
    """Write an incident, which pupils are in it, and its number. Returns the number people say, such as "2026-0147".

    `last` is the school's last number of the year, read under the lock of its chain: no two are alike and none is skipped.
    """
    number = f"{year}-{last + 1:04d}"
    values = {"school": school_id, "id": id, "year": year, "last": last + 1, "number": number, "pupil": pupil_id}
    everyone = [{"pupil_id": str(pupil_id), "part": None, "initials": ""}, *({**row, "pupil_id": str(row["pupil_id"])} for row in linked)]
    tx.execute(_ADD_INCIDENT, {**values, "class": int(class_), "categories": list(categories), "linked": json.dumps(everyone)})
    return number


_ADD_ENTRY = sa.text(
    IN_THE_LEDGER  # noqa: S608 - made of constants of this module; every value is bound
    + ", entry as (insert into entries (school_id, id, incident_id, kind, class, author_id, author_name, author_role, recorded_at, "
    "occurred_at, occurred_precision, placed_at, text, facts, categories, recipients, files, fingerprint, ledger_sequence, entry_hash) "
    "values (:school, :entry, :incident, :kind, :class, :author, :author_name, :author_role, :now, "
    "cast(:occurred_at as timestamptz), :occurred_precision, coalesce(cast(:occurred_at as timestamptz), :now), :text, cast(:facts as jsonb), "
    "cast(:categories as text[]), cast(:recipients as jsonb), cast(:files as jsonb), :fingerprint, :sequence, :hash)), "
    "kept as (insert into entry_files (school_id, file_id, entry_id) "
    "select :school, cast(f ->> 'id' as uuid), :entry from jsonb_array_elements(cast(:files as jsonb)) f) " + RIGHTS
)


def add_entry(
    tx: sa.Connection,
    *,
    school_id: UUID,
    incident_id: UUID,
    entry_id: UUID,
    place: LedgerEntry,
    pupil_ids: Collection[UUID],
    kind: str,
    class_: Class,
    author: tuple[UUID, str, str],
    now: datetime,
    occurred: tuple[datetime | None, str],
    text: str,
    facts: dict[str, Any],
    categories: Sequence[str],
    recipients: Sequence[dict[str, Any]],
    files: Sequence[dict[str, Any]],
    fingerprint: str,
    told: Sequence[Right],
) -> None:
    """Write an entry, its place in the ledger, which files belong to it, and who may read it and the earlier ones of no higher class.

    `author` is id, name and role; `occurred` when it happened and how exactly that is known. One statement: this is the hot path.
    """
    author_id, author_name, author_role = author
    tx.execute(
        _ADD_ENTRY,
        {
            **place_of(place, school_id=school_id, pupil_ids=pupil_ids),
            "incident": incident_id,
            "entry": entry_id,
            "kind": kind,
            "class": int(class_),
            "author": author_id,
            "author_name": author_name,
            "author_role": author_role,
            "now": now,
            "occurred_at": occurred[0],
            "occurred_precision": occurred[1],
            "text": text,
            "facts": json.dumps(facts),
            "categories": list(categories),
            "recipients": json.dumps(recipients),
            "files": json.dumps(files),
            "fingerprint": fingerprint,
            "told": json.dumps([right.wire() for right in told]),
        },
    )


def rises(incident_id: UUID) -> sa.ColumnElement[bool]:
    """Whether an entry's class follows its incident's: the account, and what corrects it."""
    corrects = entries.c.facts["corrects"].astext == str(incident_id)
    return sa.or_(entries.c.kind == "incident", sa.and_(entries.c.kind == "correction", corrects))


def raise_class(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, class_: Class, codes: Sequence[str]) -> list[UUID]:
    """Raise the class of an incident and of the entries that follow it, and set its categories. Returns the entries that were raised."""
    here = incidents.c.school_id == school_id, incidents.c.id == incident_id
    tx.execute(incidents.update().where(*here).values({"class": int(class_), "categories": list(codes)}))
    lower = entries.c.school_id == school_id, entries.c.incident_id == incident_id, rises(incident_id), entries.c["class"] < int(class_)
    return sorted(tx.execute(entries.update().where(*lower).values({"class": int(class_)}).returning(entries.c.id)).scalars())


def recorded_with(tx: sa.Connection, *, school_id: UUID, entry_ids: Collection[UUID]) -> Sequence[sa.Row[Any]]:
    """Return, for each of these entries, the ledger's entry that says with which class it was recorded, and the salt of that.

    It is its own where it was given categories; what was given none has its incident's, as that was recorded.
    """
    first = entries.alias("first")
    own = sa.case((sa.func.cardinality(entries.c.categories) > 0, entries.c.id), else_=entries.c.incident_id)
    in_chain = sa.and_(ledger.c.school_id == first.c.school_id, ledger.c.sequence == first.c.ledger_sequence)
    opened = sa.and_(ledger_openings.c.school_id == ledger.c.school_id, ledger_openings.c.sequence == ledger.c.sequence)
    joined = entries.join(first, sa.and_(first.c.school_id == entries.c.school_id, first.c.id == own)).join(ledger, in_chain)
    query = sa.select(entries.c.id, ledger.c.canonical, ledger_openings.c.openings["fields"]["class"].astext.label("salt"))
    query = query.select_from(joined.outerjoin(ledger_openings, opened))
    return tx.execute(query.where(entries.c.school_id == school_id, entries.c.id == sa.any_(sa.cast(list(entry_ids), pg.ARRAY(pg.UUID))))).all()


def seen_in(tx: sa.Connection, *, school_id: UUID, incident_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return every entry of an incident, whoever may read it, with what that depends on, oldest first."""
    columns = entries.c.id, entries.c.author_id, entries.c["class"], rises(incident_id).label("rises")
    query = sa.select(*columns).where(entries.c.school_id == school_id, entries.c.incident_id == incident_id)
    return tx.execute(query.order_by(entries.c.ledger_sequence)).all()


def held_by(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, person_id: UUID) -> list[Held]:
    """Return every entry of an incident, oldest first, with the right somebody holds to it and what of it gave them rights, and still does."""
    person = str(person_id)
    theirs, back = (
        sa.and_(table.c.school_id == entries.c.school_id, table.c.entry_id == entries.c.id, table.c.person_id == person_id)
        for table in (rights, rights_taken)
    )
    granted = sa.select(sa.func.max(asks.c.answered_at)).where(
        asks.c.school_id == entries.c.school_id,
        asks.c.entry_id == entries.c.id,
        asks.c.person_id == person_id,
        asks.c.accepted,
        sa.or_(rights_taken.c.taken_at.is_(None), asks.c.answered_at > rights_taken.c.taken_at),
    )
    query = sa.select(
        entries.c.id,
        entries.c["class"],
        rises(incident_id).label("rises"),
        entries.c.recorded_at,
        rights.c["class"].label("right"),
        sa.and_(entries.c.recipients.contains([{"person_id": person}]), rights_taken.c.taken_at.is_(None)).label("told"),
        sa.and_(entries.c.kind == "correction", sa.not_(_names(entries.c.facts["called"], person))).label("alone"),
        _names(entries.c.facts["kept"], person).label("keeps"),
        granted.correlate(entries, rights_taken).scalar_subquery().label("granted_at"),
    ).select_from(entries.outerjoin(rights, theirs).outerjoin(rights_taken, back))
    rows = tx.execute(query.where(entries.c.school_id == school_id, entries.c.incident_id == incident_id).order_by(entries.c.ledger_sequence))
    return [Held(row.id, Class(row._mapping["class"]), row.rises, row.recorded_at, Class(row.right) if row.right else None, *row[5:]) for row in rows]


def _names(people: sa.ColumnElement[Any], person: str) -> sa.ColumnElement[bool]:
    """Whether a list of an entry's facts, which may not be there, names somebody."""
    return sa.func.coalesce(people.has_key(person), sa.false())


def waiting(tx: sa.Connection, *, school_id: UUID, reading: Reading) -> int:
    """Return how many incidents this reader reads something of wait for a DSL to say who they are about."""
    held = incident_pupils.c.school_id == school_id, incident_pupils.c.pupil_id == holding_pupil(school_id), incident_pupils.c.part.is_(None)
    of_it = sa.and_(entries.c.school_id == incident_pupils.c.school_id, entries.c.incident_id == incident_pupils.c.incident_id)
    query = sa.select(sa.func.count(sa.distinct(incident_pupils.c.incident_id))).select_from(incident_pupils.join(entries, of_it))
    return tx.execute(query.where(*held, readable(reading))).scalar_one()
