"""The tables of incidents, and every query. Each function takes the transaction first; the school is in every query."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from safekeep.database import delivery_tables
from safekeep.permissions import Category, Class, Reading
from safekeep.text import fold, search_tokens
from services.incidents.ledger import BEGINNING, LedgerEntry, PupilThread
from services.incidents.recording import Member, School, holding_pupil

metadata = sa.MetaData()
delivery_tables(metadata)


def _school() -> sa.Column[UUID]:
    return sa.Column("school_id", pg.UUID, primary_key=True)


def _time(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


schools = sa.Table(
    "schools",
    metadata,
    _school(),
    sa.Column("zone", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="1"),  # grows with every word of identity's about the school or its staff
)
staff = sa.Table(
    "staff",
    metadata,
    _school(),
    sa.Column("person_id", pg.UUID, primary_key=True),
    sa.Column("roles", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
)
categories = sa.Table(
    "categories",
    metadata,
    _school(),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("class", sa.SmallInteger, nullable=False),
    sa.Column("groups", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("leads_only", sa.Boolean, nullable=False),
)
groups = sa.Table(
    "groups", metadata, _school(), sa.Column("code", sa.Text, primary_key=True), sa.Column("members", pg.ARRAY(pg.UUID), nullable=False)
)
pupils = sa.Table(
    "pupils",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("known_as", sa.Text, nullable=False),
    sa.Column("year", sa.Text, nullable=False),
    sa.Column("form", sa.Text, nullable=False),
    sa.Column("born", sa.Date, nullable=False),
    sa.Column("family", pg.UUID, nullable=False),
    sa.Column("holding", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("pupils_family", "school_id", "family"),
)
pupil_words = sa.Table(
    "pupil_words",
    metadata,
    _school(),
    sa.Column("word", sa.Text(collation="C"), primary_key=True),
    sa.Column("pupil_id", pg.UUID, primary_key=True),
    sa.ForeignKeyConstraint(["school_id", "pupil_id"], ["pupils.school_id", "pupils.id"]),
)
relations = sa.Table(
    "relations",
    metadata,
    _school(),
    sa.Column("pupil_id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, primary_key=True),
    sa.ForeignKeyConstraint(["school_id", "pupil_id"], ["pupils.school_id", "pupils.id"]),
    sa.Index("relations_person", "school_id", "person_id"),
)
flags = sa.Table(
    "flags",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("pupil_id", pg.UUID, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("class", sa.SmallInteger, nullable=False),
    sa.Column("started", sa.Date, nullable=False),
    sa.Column("ended", sa.Date),
    sa.Column("review", sa.Date),
    sa.Column("social_worker", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("set_by", pg.UUID),
    _time("set_at"),
    sa.ForeignKeyConstraint(["school_id", "pupil_id"], ["pupils.school_id", "pupils.id"]),
    sa.Index("flags_pupil", "school_id", "pupil_id"),
)
numbers = sa.Table("numbers", metadata, _school(), sa.Column("year", sa.Integer, primary_key=True), sa.Column("last", sa.Integer, nullable=False))
incidents = sa.Table(
    "incidents",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("pupil_id", pg.UUID, nullable=False),
    sa.Column("class", sa.SmallInteger, nullable=False),
    sa.Column("categories", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("assignment_id", pg.UUID),  # the entry that says whom it is about, where it was recorded of a pupil not listed
    sa.ForeignKeyConstraint(["school_id", "pupil_id"], ["pupils.school_id", "pupils.id"]),
    sa.UniqueConstraint("school_id", "number"),
)
incident_pupils = sa.Table(
    "incident_pupils",
    metadata,
    _school(),
    sa.Column("pupil_id", pg.UUID, primary_key=True),
    sa.Column("incident_id", pg.UUID, primary_key=True),
    sa.Column("part", sa.Text),
    sa.Column("initials", sa.Text, nullable=False),  # part is null for the pupil it is about
    sa.ForeignKeyConstraint(["school_id", "pupil_id"], ["pupils.school_id", "pupils.id"]),
    sa.ForeignKeyConstraint(["school_id", "incident_id"], ["incidents.school_id", "incidents.id"]),
    sa.Index("incident_pupils_incident", "school_id", "incident_id"),
)
entries = sa.Table(
    "entries",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("incident_id", pg.UUID, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("class", sa.SmallInteger, nullable=False),
    sa.Column("author_id", pg.UUID, nullable=False),
    sa.Column("author_name", sa.Text, nullable=False),
    sa.Column("author_role", sa.Text, nullable=False),
    _time("recorded_at"),
    _time("occurred_at", nullable=True),
    sa.Column("occurred_precision", sa.Text, nullable=False),
    _time("placed_at"),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("facts", pg.JSONB, nullable=False),
    sa.Column("categories", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("recipients", pg.JSONB, nullable=False),
    sa.Column("files", pg.JSONB, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("ledger_sequence", sa.BigInteger, nullable=False),
    sa.Column("entry_hash", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(["school_id", "incident_id"], ["incidents.school_id", "incidents.id"]),
    sa.Index("entries_incident", "school_id", "incident_id", "ledger_sequence"),
    sa.Index("entries_author", "school_id", "author_id", "recorded_at"),
)
rights = sa.Table(
    "rights",
    metadata,
    _school(),
    sa.Column("entry_id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, primary_key=True),
    sa.Column("class", sa.SmallInteger, nullable=False),
    sa.Column("granted_by", pg.UUID),
    sa.Column("reason", sa.Text, nullable=False),
    _time("given_at"),
    sa.ForeignKeyConstraint(["school_id", "entry_id"], ["entries.school_id", "entries.id"]),
    sa.Index("rights_person", "school_id", "person_id"),
)
asks = sa.Table(
    "asks",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("incident_id", pg.UUID, nullable=False),
    sa.Column("entry_id", pg.UUID, nullable=False),
    sa.Column("person_id", pg.UUID, nullable=False),
    sa.Column("asked_by", pg.UUID, nullable=False),
    _time("asked_at"),
    sa.Column("accepted", sa.Boolean),
    sa.Column("answered_by", pg.UUID),
    _time("answered_at", nullable=True),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.ForeignKeyConstraint(["school_id", "entry_id"], ["entries.school_id", "entries.id"]),
    sa.Index("asks_incident", "school_id", "incident_id"),
)
entry_files = sa.Table(
    "entry_files",
    metadata,
    _school(),
    sa.Column("file_id", pg.UUID, primary_key=True),
    sa.Column("entry_id", pg.UUID, primary_key=True),  # one file may be evidence of two entries
    sa.ForeignKeyConstraint(["school_id", "entry_id"], ["entries.school_id", "entries.id"]),
)
ledger = sa.Table(
    "ledger",
    metadata,
    _school(),
    sa.Column("sequence", sa.BigInteger, primary_key=True),
    sa.Column("canonical", pg.BYTEA, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)
ledger_heads = sa.Table(
    "ledger_heads", metadata, _school(), sa.Column("sequence", sa.BigInteger, nullable=False), sa.Column("hash", sa.Text, nullable=False)
)
ledger_threads = sa.Table(
    "ledger_threads",
    metadata,
    _school(),
    sa.Column("pupil_id", pg.UUID, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)
ledger_openings = sa.Table(
    "ledger_openings", metadata, _school(), sa.Column("sequence", sa.BigInteger, primary_key=True), sa.Column("openings", pg.JSONB, nullable=False)
)

# --- the school, fed by identity's events ---------------------------------------------------------------------------

_SCHOOL_STATE = sa.text(
    "select s.zone, s.version, "
    "(select json_agg(json_build_array(code, class, groups, leads_only)) from categories where school_id = :school), "
    "(select json_agg(json_build_array(code, members)) from groups where school_id = :school), "
    "(select json_agg(json_build_array(person_id, roles)) from staff where school_id = :school and active) "
    "from schools s where s.school_id = :school"
)
_known: dict[UUID, tuple[int, School]] = {}  # the newest version of each school that this process has read


def school_state(tx: sa.Connection, *, school_id: UUID, version: int | None = None) -> School | None:
    """Return what recording needs to know of the school, or None before identity's first event about it.

    With the `version` the caller has just read, what this process knows already is not read again.
    """
    known = _known.get(school_id)
    if known is not None and known[0] == version:
        return known[1]
    row = tx.execute(_SCHOOL_STATE, {"school": school_id}).first()
    if row is None:
        return None
    zone, found, category_rows, group_rows, staff_rows = row
    members = [Member(UUID(person), frozenset(roles)) for person, roles in staff_rows or []]
    school = School(
        zone=zone,
        categories={c: Category(c, Class(class_), tuple(g), leads_only) for c, class_, g, leads_only in category_rows or []},
        groups={code: frozenset(UUID(m) for m in ids) for code, ids in group_rows or []},
        staff={member.person_id: member for member in members},
    )
    _known[school_id] = (found, school)
    return school


_CHANGED = sa.text("update schools set version = version + 1 where school_id = :school")


def keep_staff(tx: sa.Connection, *, school_id: UUID, person_id: UUID, roles: Sequence[str], active: bool) -> None:
    """Keep identity's latest word on a person at a school."""
    values = {"roles": list(roles), "active": active}
    insert = pg.insert(staff).values(school_id=school_id, person_id=person_id, **values)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id", "person_id"], set_=values))
    tx.execute(_CHANGED, {"school": school_id})


def keep_school(
    tx: sa.Connection, *, school_id: UUID, zone: str, category_rows: Iterable[Category], group_rows: Iterable[tuple[str, Sequence[UUID]]]
) -> None:
    """Keep identity's latest word on a school's categories and groups."""
    insert = pg.insert(schools).values(school_id=school_id, zone=zone)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id"], set_={"zone": zone, "version": schools.c.version + 1}))
    tx.execute(categories.delete().where(categories.c.school_id == school_id))
    tx.execute(groups.delete().where(groups.c.school_id == school_id))
    rows = [
        {"school_id": school_id, "code": c.code, "class": int(c.class_), "groups": list(c.groups), "leads_only": c.leads_only} for c in category_rows
    ]
    if rows:
        tx.execute(categories.insert(), rows)
    members = [{"school_id": school_id, "code": code, "members": list(ids)} for code, ids in group_rows]
    if members:
        tx.execute(groups.insert(), members)


# --- pupils ----------------------------------------------------------------------------------------------------------


def keep_pupil(tx: sa.Connection, *, school_id: UUID, relatives: Collection[UUID], **values: Any) -> None:
    """Add or change a pupil, the words they are found by, and which staff are their parents."""
    insert = pg.insert(pupils).values(school_id=school_id, **values)
    changed = {name: value for name, value in values.items() if name != "id"}
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id", "id"], set_=changed))
    key = {"school_id": school_id, "pupil_id": values["id"]}
    tx.execute(pupil_words.delete().where(pupil_words.c.school_id == school_id, pupil_words.c.pupil_id == values["id"]))
    words = search_tokens(f"{values['name']} {values['known_as']}")
    tx.execute(pupil_words.insert(), [{**key, "word": word} for word in words])
    tx.execute(relations.delete().where(relations.c.school_id == school_id, relations.c.pupil_id == values["id"]))
    if relatives:
        tx.execute(relations.insert(), [{**key, "person_id": person} for person in relatives])


def find_pupils(tx: sa.Connection, *, school_id: UUID, query: str, offset: int, limit: int) -> Sequence[sa.Row[Any]]:
    """Return pupils any part of whose name starts with each word of the query, in order of name.

    Comparisons rather than LIKE: under row-level security only leakproof operators may use the index (measured).
    """
    found = sa.select(pupils).where(pupils.c.school_id == school_id, sa.not_(pupils.c.holding))
    for word in query.split()[:4]:
        plain = fold(word)
        matching = pupil_words.alias()
        ids = sa.select(matching.c.pupil_id).where(
            matching.c.school_id == school_id, matching.c.word >= plain, matching.c.word < plain + "\U0010ffff"
        )
        found = found.where(pupils.c.id.in_(ids))
    return tx.execute(found.order_by(pupils.c.name, pupils.c.id).offset(offset).limit(limit)).all()


def pupils_with(tx: sa.Connection, *, school_id: UUID, ids: Collection[UUID]) -> dict[UUID, sa.Row[Any]]:
    """Return the pupils with these ids that are of the school."""
    rows = tx.execute(sa.select(pupils).where(pupils.c.school_id == school_id, pupils.c.id.in_(ids)))
    return {row.id: row for row in rows}


def siblings_of(tx: sa.Connection, *, school_id: UUID, pupil_id: UUID, family: UUID) -> Sequence[sa.Row[Any]]:
    """Return the other pupils of the family."""
    query = sa.select(pupils).where(pupils.c.school_id == school_id, pupils.c.family == family, pupils.c.id != pupil_id)
    return tx.execute(query.order_by(pupils.c.born)).all()


def flags_of(tx: sa.Connection, *, school_id: UUID, pupil_id: UUID, highest: Class | None) -> Sequence[sa.Row[Any]]:
    """Return the pupil's flags up to a class, those that hold first."""
    query = sa.select(flags).where(flags.c.school_id == school_id, flags.c.pupil_id == pupil_id, flags.c["class"] <= int(highest or 0))
    return tx.execute(query.order_by(flags.c.ended.is_not(None), flags.c["class"].desc(), flags.c.started.desc())).all()


def keep_flag(tx: sa.Connection, *, school_id: UUID, **values: Any) -> None:
    """Add a flag, or change one's dates, worker and note."""
    changed = {name: values[name] for name in ("started", "ended", "review", "social_worker", "note", "set_by", "set_at")}
    insert = pg.insert(flags).values(school_id=school_id, **values)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id", "id"], set_=changed))


def concerned_staff(tx: sa.Connection, *, school_id: UUID, pupil_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return the staff who are, or are parents of, one of these pupils."""
    query = sa.select(relations.c.person_id).where(relations.c.school_id == school_id, relations.c.pupil_id.in_(pupil_ids))
    return frozenset(tx.execute(query).scalars())


# --- the ledger ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Head:
    """Where the school's chain stands, with its row locked until the transaction ends."""

    sequence: int
    hash: str


_LOCK_HEAD = sa.text("select sequence, hash from ledger_heads where school_id = :school for update")


def lock_head(tx: sa.Connection, *, school_id: UUID) -> Head:
    """Lock the school's chain: entries of one school are written one after the other."""
    row = tx.execute(_LOCK_HEAD, {"school": school_id}).first()
    if row is None:
        insert = pg.insert(ledger_heads).values(school_id=school_id, sequence=0, hash=BEGINNING)
        tx.execute(insert.on_conflict_do_nothing())
        row = tx.execute(_LOCK_HEAD, {"school": school_id}).one()
    return Head(row.sequence, row.hash)


def threads_of(tx: sa.Connection, *, school_id: UUID, parts: dict[UUID, str]) -> list[PupilThread]:
    """Return where each pupil's thread stands; `parts` says the part each has in the entry to come."""
    query = sa.select(ledger_threads).where(ledger_threads.c.school_id == school_id, ledger_threads.c.pupil_id.in_(parts))
    known = {row.pupil_id: (row._mapping["count"], row.hash) for row in tx.execute(query)}
    return [PupilThread(pupil, part, *known.get(pupil, (0, BEGINNING))) for pupil, part in parts.items()]


_IN_THE_LEDGER = (
    "with written as (insert into ledger (school_id, sequence, canonical, hash) values (:school, :sequence, :canonical, :hash)), "
    "opened as (insert into ledger_openings (school_id, sequence, openings) values (:school, :sequence, cast(:openings as jsonb))), "
    "threads as (insert into ledger_threads (school_id, pupil_id, count, hash) "
    "select :school, pupil, 1, :hash from unnest(cast(:pupils as uuid[])) pupil "
    "on conflict (school_id, pupil_id) do update set count = ledger_threads.count + 1, hash = excluded.hash), "
    "headed as (update ledger_heads set sequence = :sequence, hash = :hash where school_id = :school)"
)
_APPEND = sa.text(_IN_THE_LEDGER + " select 1")


def append_to_ledger(tx: sa.Connection, *, school_id: UUID, entry: LedgerEntry, pupil_ids: Collection[UUID]) -> None:
    """Write the entry, what opens it, and the new head and threads."""
    tx.execute(_APPEND, _place(entry, school_id=school_id, pupil_ids=pupil_ids))


def _place(entry: LedgerEntry, *, school_id: UUID, pupil_ids: Collection[UUID]) -> dict[str, Any]:
    return {
        "school": school_id,
        "sequence": entry.sequence,
        "canonical": entry.canonical,
        "hash": entry.hash,
        "openings": json.dumps(entry.openings),
        "pupils": list(pupil_ids),
    }


@dataclass(frozen=True, slots=True)
class Situation:
    """What recording an incident must know, read at one moment under the lock of the school's chain."""

    school: School
    repeated: bool  # an entry with this id is there already
    year: int  # of today, in the school's zone
    last_number: int
    pupils: dict[UUID, bool]  # those of the school → whether one is the holding pupil
    concerned: frozenset[UUID]
    threads: list[PupilThread]


_SITUATION = sa.text(
    "select s.version, y.year, coalesce((select last from numbers n where n.school_id = :school and n.year = y.year), 0) as last_number, "
    "exists (select from entries where school_id = :school and id = :entry) as repeated, "
    "(select json_object_agg(id, holding) from pupils where school_id = :school and id = any(cast(:pupils as uuid[]))) as pupils, "
    "(select json_agg(person_id) from relations where school_id = :school and pupil_id = any(cast(:pupils as uuid[]))) as concerned, "
    "(select json_object_agg(pupil_id, json_build_array(count, hash)) from ledger_threads "
    "where school_id = :school and pupil_id = any(cast(:pupils as uuid[]))) as threads "
    "from schools s cross join lateral (select cast(extract(year from timezone(s.zone, cast(:now as timestamptz))) as integer) as year) y "
    "where s.school_id = :school"
)


def situation(tx: sa.Connection, *, school_id: UUID, entry_id: UUID, parts: dict[UUID, str], now: datetime) -> Situation | None:
    """Return what recording needs, or None before identity's first event about the school. One statement: this is the hot path."""
    row = tx.execute(_SITUATION, {"school": school_id, "entry": entry_id, "pupils": list(parts), "now": now}).first()
    school = school_state(tx, school_id=school_id, version=row.version) if row else None
    if row is None or school is None:
        return None
    threads = {UUID(pupil): place for pupil, place in (row.threads or {}).items()}
    return Situation(
        school=school,
        repeated=row.repeated,
        year=row.year,
        last_number=row.last_number,
        pupils={UUID(pupil): holding for pupil, holding in (row.pupils or {}).items()},
        concerned=frozenset(UUID(person) for person in row.concerned or []),
        threads=[PupilThread(pupil, part, *threads.get(pupil, (0, BEGINNING))) for pupil, part in parts.items()],
    )


# --- incidents and entries --------------------------------------------------------------------------------------------


def entry_with(tx: sa.Connection, *, school_id: UUID, entry_id: UUID) -> sa.Row[Any] | None:
    """Return an entry, whoever may read it: for repeating an answer to its author."""
    query = sa.select(entries, incidents.c.number).join(incidents, _same(entries, incidents, "incident_id"))
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


_RIGHTS = (
    "insert into rights (school_id, entry_id, person_id, class, granted_by, reason, given_at) "
    "select :school, e.id, p.person_id, :class, p.granted_by, p.reason, :now "
    "from (select cast(:entry as uuid) as id "
    "union select id from entries where school_id = :school and incident_id = :incident and class <= :class) e "
    "cross join jsonb_to_recordset(cast(:told as jsonb)) as p(person_id uuid, granted_by uuid, reason text) "
    "on conflict (school_id, entry_id, person_id) do update set class = excluded.class, granted_by = excluded.granted_by, reason = excluded.reason "
    "where rights.class < excluded.class"
)
_GIVE_RIGHTS = sa.text(_RIGHTS)
_ADD_ENTRY = sa.text(
    _IN_THE_LEDGER  # noqa: S608 - made of constants of this module; every value is bound
    + ", entry as (insert into entries (school_id, id, incident_id, kind, class, author_id, author_name, author_role, recorded_at, "
    "occurred_at, occurred_precision, placed_at, text, facts, categories, recipients, files, fingerprint, ledger_sequence, entry_hash) "
    "values (:school, :entry, :incident, :kind, :class, :author, :author_name, :author_role, :now, "
    "cast(:occurred_at as timestamptz), :occurred_precision, coalesce(cast(:occurred_at as timestamptz), :now), :text, cast(:facts as jsonb), "
    "cast(:categories as text[]), cast(:recipients as jsonb), cast(:files as jsonb), :fingerprint, :sequence, :hash)), "
    "kept as (insert into entry_files (school_id, file_id, entry_id) "
    "select :school, cast(f ->> 'id' as uuid), :entry from jsonb_array_elements(cast(:files as jsonb)) f) " + _RIGHTS
)


@dataclass(frozen=True, slots=True)
class Right:
    """Somebody who may read an entry: told in an alert, or by a DSL's grant with its reason."""

    person_id: UUID
    granted_by: UUID | None = None
    reason: str = ""

    def wire(self) -> dict[str, Any]:
        return {"person_id": str(self.person_id), "granted_by": str(self.granted_by) if self.granted_by else None, "reason": self.reason}


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
            **_place(place, school_id=school_id, pupil_ids=pupil_ids),
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


def give_rights(
    tx: sa.Connection, *, school_id: UUID, incident_id: UUID, entry_id: UUID, class_: Class, told: Sequence[Right], now: datetime
) -> None:
    """Let people read the entry and the incident's earlier entries of no higher class."""
    if told:
        values = {"school": school_id, "incident": incident_id, "entry": entry_id, "class": int(class_), "now": now}
        tx.execute(_GIVE_RIGHTS, {**values, "told": json.dumps([right.wire() for right in told])})


def take_right(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, entry_id: UUID, person_id: UUID) -> None:
    """Take back the right to one entry: the person was not told after all."""
    tx.execute(rights.delete().where(rights.c.school_id == school_id, rights.c.entry_id == entry_id, rights.c.person_id == person_id))


def raise_class(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, class_: Class, codes: Sequence[str]) -> None:
    """Raise the class of an incident and of its first entry, and set its categories."""
    here = incidents.c.school_id == school_id, incidents.c.id == incident_id
    tx.execute(incidents.update().where(*here).values({"class": int(class_), "categories": list(codes)}))
    first = entries.c.school_id == school_id, entries.c.incident_id == incident_id, entries.c.kind == "incident"
    tx.execute(entries.update().where(*first, entries.c["class"] < int(class_)).values({"class": int(class_)}))


def give_right_to_one(tx: sa.Connection, *, school_id: UUID, entry_id: UUID, class_: Class, people: Collection[UUID], now: datetime) -> None:
    """Let people read one new entry, and nothing before it that they could not read already."""
    rows = [{"school_id": school_id, "entry_id": entry_id, "person_id": p, "class": int(class_), "reason": "", "given_at": now} for p in people]
    if rows:
        tx.execute(rights.insert(), rows)


def rights_in(tx: sa.Connection, *, school_id: UUID, incident_id: UUID) -> Sequence[Any]:
    """Return who holds a right to which entry of an incident, and up to which class."""
    joined = rights.join(entries, _same(rights, entries, "entry_id"))
    query = sa.select(rights.c.entry_id, rights.c.person_id, rights.c["class"]).select_from(joined)
    return tx.execute(query.where(rights.c.school_id == school_id, entries.c.incident_id == incident_id)).all()


def assign_pupil(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, pupil_id: UUID, entry_id: UUID) -> None:
    """Put a pupil in the place of the holding pupil, by the entry that says so. The database refuses it for any other pupil's incident."""
    main = incident_pupils.c.school_id == school_id, incident_pupils.c.incident_id == incident_id, incident_pupils.c.part.is_(None)
    tx.execute(incident_pupils.update().where(*main).values(pupil_id=pupil_id))
    here = incidents.c.school_id == school_id, incidents.c.id == incident_id
    tx.execute(incidents.update().where(*here).values(pupil_id=pupil_id, assignment_id=entry_id))


def assignments_to(tx: sa.Connection, *, school_id: UUID, pupil_id: UUID) -> dict[UUID, UUID]:
    """Return the incidents that a DSL said are about this pupil → the entry that says so."""
    query = sa.select(incidents.c.id, incidents.c.assignment_id).join(incident_pupils, _same(incident_pupils, incidents, "incident_id"))
    here = incident_pupils.c.school_id == school_id, incident_pupils.c.pupil_id == pupil_id, incident_pupils.c.part.is_(None)
    return {row.id: row.assignment_id for row in tx.execute(query.where(*here, incidents.c.assignment_id.is_not(None)))}


def waiting(tx: sa.Connection, *, school_id: UUID, reading: Reading) -> int:
    """Return how many incidents this reader reads something of wait for a DSL to say who they are about."""
    held = incident_pupils.c.school_id == school_id, incident_pupils.c.pupil_id == holding_pupil(school_id), incident_pupils.c.part.is_(None)
    of_it = sa.and_(entries.c.school_id == incident_pupils.c.school_id, entries.c.incident_id == incident_pupils.c.incident_id)
    query = sa.select(sa.func.count(sa.distinct(incident_pupils.c.incident_id))).select_from(incident_pupils.join(entries, of_it))
    return tx.execute(query.where(*held, readable(reading))).scalar_one()


def losing_sight(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, class_: Class) -> frozenset[UUID]:
    """Return who holds a right to the incident's first entry that a raise to `class_` would end, its author aside."""
    query = (
        sa.select(rights.c.person_id)
        .join(entries, sa.and_(entries.c.school_id == rights.c.school_id, entries.c.id == rights.c.entry_id))
        .where(
            rights.c.school_id == school_id,
            entries.c.incident_id == incident_id,
            entries.c.kind == "incident",
            rights.c["class"] < int(class_),
            rights.c.person_id != entries.c.author_id,
        )
    )
    return frozenset(tx.execute(query).scalars())


# --- reading ---------------------------------------------------------------------------------------------------------


def readable(reading: Reading) -> sa.ColumnElement[bool]:
    """Compile the reading rule to SQL over `entries`: the same rule as `Reading.covers`, held together by a property test."""
    me = reading.person_id
    concerned = (
        sa.select(sa.literal(1))
        .select_from(incident_pupils.join(relations, _same_pupil(incident_pupils, relations)))
        .where(
            incident_pupils.c.school_id == entries.c.school_id, incident_pupils.c.incident_id == entries.c.incident_id, relations.c.person_id == me
        )
        .correlate(entries)
        .exists()
    )
    right = (
        sa.select(sa.literal(1))
        .where(
            rights.c.school_id == entries.c.school_id,
            rights.c.entry_id == entries.c.id,
            rights.c.person_id == me,
            rights.c["class"] >= entries.c["class"],
        )
        .correlate(entries)
        .exists()
    )
    by_role = entries.c["class"] <= int(reading.role_class) if reading.role_class is not None else sa.false()
    return sa.or_(entries.c.author_id == me, sa.and_(sa.not_(concerned), sa.or_(by_role, right)))


def _same(left: sa.Table, right: sa.Table, column: str) -> sa.ColumnElement[bool]:
    return sa.and_(left.c.school_id == right.c.school_id, left.c[column] == right.c.id)


def _same_pupil(left: sa.Table, right: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(left.c.school_id == right.c.school_id, left.c.pupil_id == right.c.pupil_id)


def incident_with(tx: sa.Connection, *, school_id: UUID, incident_id: UUID) -> sa.Row[Any] | None:
    """Return an incident's own row."""
    return tx.execute(sa.select(incidents).where(incidents.c.school_id == school_id, incidents.c.id == incident_id)).first()


def entries_of(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, reading: Reading) -> Sequence[sa.Row[Any]]:
    """Return the entries of an incident this reader may read, oldest first."""
    query = sa.select(entries).where(entries.c.school_id == school_id, entries.c.incident_id == incident_id, readable(reading))
    return tx.execute(query.order_by(entries.c.ledger_sequence)).all()


def linked_of(tx: sa.Connection, *, school_id: UUID, incident_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return the pupils in an incident: the one it is about has no part."""
    query = sa.select(incident_pupils, pupils.c.name).join(pupils, _same(incident_pupils, pupils, "pupil_id"))
    return tx.execute(query.where(incident_pupils.c.school_id == school_id, incident_pupils.c.incident_id == incident_id)).all()


def entry_of_file(tx: sa.Connection, *, school_id: UUID, file_id: UUID, reading: Reading) -> UUID | None:
    """Return the entry a file belongs to when this reader may read it."""
    query = sa.select(entries.c.id).join(entry_files, sa.and_(entry_files.c.school_id == entries.c.school_id, entry_files.c.entry_id == entries.c.id))
    return tx.execute(query.where(entries.c.school_id == school_id, entry_files.c.file_id == file_id, readable(reading))).scalar()


_LINE = (
    entries,
    incidents.c.number,
    incidents.c.pupil_id,
    incidents.c.assignment_id,
    incidents.c.categories.label("incident_categories"),
    pupils.c.name.label("pupil_name"),
)


def _lines(*columns: Any) -> sa.Select[Any]:
    joined = entries.join(incidents, _same(entries, incidents, "incident_id")).join(pupils, _same(incidents, pupils, "pupil_id"))
    return sa.select(*_LINE, *columns).select_from(joined)


def lines_with(tx: sa.Connection, *, school_id: UUID, ids: Collection[UUID], reading: Reading) -> Sequence[sa.Row[Any]]:
    """Return these entries as list lines, as far as this reader may read them."""
    query = _lines(sa.null().label("part")).where(entries.c.school_id == school_id, entries.c.id.in_(ids), readable(reading))
    return tx.execute(query).all()


def lines_by(tx: sa.Connection, *, school_id: UUID, author_id: UUID, before: tuple[datetime, UUID] | None, limit: int) -> Sequence[sa.Row[Any]]:
    """Return what a person wrote, newest first."""
    query = _lines(sa.null().label("part")).where(entries.c.school_id == school_id, entries.c.author_id == author_id)
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


def chronology(
    tx: sa.Connection, *, school_id: UUID, pupil_id: UUID, reading: Reading, filters: Filters, before: tuple[datetime, UUID] | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Return a page of a pupil's entries, newest first."""
    when = _when(filters)
    query = _narrowed(_lines(incident_pupils.c.part, when.label("placed")), school_id, pupil_id, reading, filters, dates=True)
    if before:
        query = query.where(sa.tuple_(when, entries.c.id) < before)
    return tx.execute(query.order_by(when.desc(), entries.c.id.desc()).limit(limit)).all()


def months_of(tx: sa.Connection, *, school_id: UUID, pupil_id: UUID, reading: Reading, filters: Filters, zone: str) -> Sequence[sa.Row[Any]]:
    """Return how many entries fall in each month, under the same filters but the dates; and how many within the dates."""
    when = _when(filters)
    month = sa.func.to_char(sa.func.timezone(zone, when), sa.literal("YYYY-MM"))
    within = sa.and_(when >= filters.since if filters.since else sa.true(), when < filters.until if filters.until else sa.true())
    lines = _lines(incident_pupils.c.part).with_only_columns(
        month.label("month"), sa.func.count().label("count"), sa.func.count().filter(within).label("within")
    )
    query = _narrowed(lines, school_id, pupil_id, reading, filters, dates=False)
    return tx.execute(query.group_by(sa.literal_column("1")).order_by(sa.literal_column("1"))).all()


def _when(filters: Filters) -> sa.ColumnElement[datetime]:
    return entries.c.recorded_at if filters.by_recorded else entries.c.placed_at


def _narrowed(query: sa.Select[Any], school_id: UUID, pupil_id: UUID, reading: Reading, filters: Filters, *, dates: bool) -> sa.Select[Any]:
    same = sa.and_(incident_pupils.c.school_id == entries.c.school_id, incident_pupils.c.incident_id == entries.c.incident_id)
    query = query.join(incident_pupils, same).where(entries.c.school_id == school_id, incident_pupils.c.pupil_id == pupil_id, readable(reading))
    if filters.without:
        query = query.where(sa.or_(incident_pupils.c.part.is_not(None), incidents.c.id.not_in(filters.without)))
    when = _when(filters)
    if filters.codes:
        query = query.where(
            sa.or_(entries.c.categories.overlap(list(filters.codes)), incidents.c.categories.overlap(list(filters.codes))),
            incident_pupils.c.part.is_(None),
        )
    if filters.author_id:
        query = query.where(entries.c.author_id == filters.author_id)
    if filters.words:
        query = query.where(entries.c.text.icontains(filters.words, autoescape=True))
    if dates and filters.since:
        query = query.where(when >= filters.since)
    if dates and filters.until:
        query = query.where(when < filters.until)
    return query


# --- asks ------------------------------------------------------------------------------------------------------------


def add_asks(tx: sa.Connection, *, rows: Sequence[dict[str, Any]]) -> None:
    """Keep requests to a DSL to tell somebody."""
    if rows:
        tx.execute(asks.insert(), list(rows))


def open_asks(tx: sa.Connection, *, school_id: UUID, incident_id: UUID | None = None) -> Sequence[sa.Row[Any]]:
    """Return requests nobody has answered, oldest first."""
    query = sa.select(asks).where(asks.c.school_id == school_id, asks.c.answered_at.is_(None))
    if incident_id:
        query = query.where(asks.c.incident_id == incident_id)
    return tx.execute(query.order_by(asks.c.asked_at)).all()


def answer_ask(tx: sa.Connection, *, school_id: UUID, ask_id: UUID, accept: bool, by: UUID, reason: str, now: datetime) -> sa.Row[Any] | None:
    """Answer a request once. Returns it, or None when it is not there or has been answered."""
    here = asks.c.school_id == school_id, asks.c.id == ask_id, asks.c.answered_at.is_(None)
    update = asks.update().where(*here).values(accepted=accept, answered_by=by, answered_at=now, reason=reason)
    return tx.execute(update.returning(asks)).first()
