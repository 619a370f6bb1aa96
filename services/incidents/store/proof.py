"""Signed heads, witnesses, exports, and what the self-check reads and finds."""

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from safekeep.ids import new_id
from safekeep.permissions import Class, Reading
from safekeep.proof.heads import Head as TreeHead
from safekeep.proof.heads import Signed
from services.incidents.store.destructions import all_destructions
from services.incidents.store.reading import readable
from services.incidents.store.tables import (
    alterations,
    entries,
    export_pieces,
    exports,
    flags,
    follow_ups,
    incident_pupils,
    incidents,
    ledger,
    ledger_checks,
    ledger_heads,
    ledger_openings,
    ledger_threads,
    ledger_work,
    pupils,
    relations,
    restrictions,
    rights,
    rights_taken,
    same,
    schools,
    signed_heads,
    witnesses,
)

# --- work that is due, for all schools (the worker's role) --------------------------------------------------------------


PERMIT = "permit"
"""Work of the incidents service's own: to ask identity whether who asked for an export may still have it. All other is the ledger's process's."""


def want(tx: sa.Connection, *, school_id: UUID, kind: str, subject: UUID, due_at: datetime) -> None:
    """Have something done by the ledger's process, at the latest then."""
    insert = pg.insert(ledger_work).values(school_id=school_id, kind=kind, subject=subject, due_at=due_at)
    sooner = sa.func.least(ledger_work.c.due_at, insert.excluded.due_at)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id", "kind", "subject"], set_={"due_at": sooner}))
    tx.execute(sa.text("select pg_notify('ledger', '')"))


def work_due(tx: sa.Connection, *, now: datetime, limit: int) -> Sequence[sa.Row[Any]]:
    """Return what is due, what people wait for first."""
    first = ledger_work.c.kind != "export"
    query = sa.select(ledger_work).where(ledger_work.c.due_at <= now, ledger_work.c.kind != PERMIT)
    return tx.execute(query.order_by(first, ledger_work.c.due_at).limit(limit)).all()


def permits_due(tx: sa.Connection, *, now: datetime, limit: int) -> Sequence[sa.Row[Any]]:
    """Return the exports that wait for identity's word, the longest waiting first."""
    query = sa.select(ledger_work).where(ledger_work.c.due_at <= now, ledger_work.c.kind == PERMIT)
    return tx.execute(query.order_by(ledger_work.c.due_at).limit(limit)).all()


def put_off(tx: sa.Connection, *, school_id: UUID, kind: str, subject: UUID, until: datetime) -> None:
    """Have it done again at that time."""
    tx.execute(_this(ledger_work.update(), school_id, kind, subject).values(due_at=until))


def done(tx: sa.Connection, *, school_id: UUID, kind: str, subject: UUID) -> None:
    """It need not be done again."""
    tx.execute(_this(ledger_work.delete(), school_id, kind, subject))


def _this(statement: Any, school_id: UUID, kind: str, subject: UUID) -> Any:
    return statement.where(ledger_work.c.school_id == school_id, ledger_work.c.kind == kind, ledger_work.c.subject == subject)


def zone_of(tx: sa.Connection, *, school_id: UUID) -> str:
    """Return the school's time zone."""
    return tx.execute(sa.select(schools.c.zone).where(schools.c.school_id == school_id)).scalar() or "Europe/London"


# --- heads --------------------------------------------------------------------------------------------------------------


def leaves_of(tx: sa.Connection, *, school_id: UUID) -> tuple[list[bytes], str, int]:
    """Return the hashes of all leaves in order, the last entry's hash, and its number."""
    leaf = sa.text("select sequence, hash, sha256('\\x00'::bytea || canonical) from ledger where school_id = :school order by sequence")
    leaves: list[bytes] = []
    last, number = "", 0
    for row in tx.execute(leaf, {"school": school_id}):
        number, last = row[0], row[1]
        leaves.append(bytes(row[2]))
    return leaves, last, number


def add_signed_head(tx: sa.Connection, *, id: UUID, school_id: UUID, signed: Signed) -> None:
    """Keep a signed head."""
    head = signed.head
    values = {"size": head.size, "root": head.root, "last": head.last, "at": head.at}
    keys = {"key": signed.key, "public": signed.public, "signature": signed.signature}
    tx.execute(signed_heads.insert().values(school_id=school_id, id=id, **values, **keys))


def signed_heads_of(tx: sa.Connection, *, school_id: UUID) -> list[tuple[UUID, Signed]]:
    """Return the signed heads, oldest first."""
    rows = tx.execute(sa.select(signed_heads).where(signed_heads.c.school_id == school_id).order_by(signed_heads.c.at, signed_heads.c.id))
    return [(row.id, _signed(row)) for row in rows]


def latest_heads(tx: sa.Connection, *, school_id: UUID, limit: int) -> list[tuple[UUID, Signed]]:
    """Return the newest signed heads, newest first."""
    query = sa.select(signed_heads).where(signed_heads.c.school_id == school_id)
    rows = tx.execute(query.order_by(signed_heads.c.at.desc(), signed_heads.c.id.desc()).limit(limit))
    return [(row.id, _signed(row)) for row in rows]


def signed_head(tx: sa.Connection, *, school_id: UUID, id: UUID) -> Signed | None:
    """Return one signed head."""
    row = tx.execute(sa.select(signed_heads).where(signed_heads.c.school_id == school_id, signed_heads.c.id == id)).first()
    return _signed(row) if row else None


def _signed(row: Any) -> Signed:
    head = TreeHead(school=str(row.school_id), size=row.size, root=row.root, last=row.last, at=row.at)
    return Signed(head=head, key=row.key, public=row.public, signature=row.signature)


# --- witnesses ------------------------------------------------------------------------------------------------------------


def witnesses_of(tx: sa.Connection, *, school_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return the school's witnesses, first chosen first."""
    query = sa.select(witnesses).where(witnesses.c.school_id == school_id, witnesses.c.ended_at.is_(None))
    return tx.execute(query.order_by(witnesses.c.added_at, witnesses.c.id)).all()


def witness_with(tx: sa.Connection, *, school_id: UUID, id: UUID) -> sa.Row[Any] | None:
    """Return a witness, one that was taken off too."""
    return tx.execute(sa.select(witnesses).where(witnesses.c.school_id == school_id, witnesses.c.id == id)).first()


def add_witness(tx: sa.Connection, *, school_id: UUID, **values: Any) -> None:
    """Add a witness; one with this id stays as it was."""
    tx.execute(pg.insert(witnesses).values(school_id=school_id, **values).on_conflict_do_nothing())


def end_witness(tx: sa.Connection, *, school_id: UUID, id: UUID, by: UUID, now: datetime) -> bool:
    """Take a witness off. False: there is none, or it was done before."""
    here = witnesses.c.school_id == school_id, witnesses.c.id == id, witnesses.c.ended_at.is_(None)
    return bool(tx.execute(witnesses.update().where(*here).values(ended_by=by, ended_at=now)).rowcount)


# --- exports --------------------------------------------------------------------------------------------------------------


def add_export(tx: sa.Connection, *, school_id: UUID, **values: Any) -> bool:
    """Ask for an export. False: it was asked for before."""
    insert = pg.insert(exports).values(school_id=school_id, state="wanted", **values).on_conflict_do_nothing()
    return tx.execute(insert.returning(exports.c.id)).first() is not None


def export_with(tx: sa.Connection, *, school_id: UUID, id: UUID) -> sa.Row[Any] | None:
    """Return an export."""
    return tx.execute(sa.select(exports).where(exports.c.school_id == school_id, exports.c.id == id)).first()


def exports_of(tx: sa.Connection, *, school_id: UUID, reading: Reading, limit: int) -> Sequence[sa.Row[Any]]:
    """Return the newest exports, but for those of what this reader may not know of: of their own child, and of incidents they read nothing of."""
    own = sa.select(relations.c.pupil_id).where(relations.c.school_id == school_id, relations.c.person_id == reading.person_id)
    read = sa.select(entries.c.incident_id).where(entries.c.school_id == school_id, readable(reading))
    about = sa.or_(exports.c.scope != "pupil", exports.c.scope_id.not_in(own)), sa.or_(exports.c.scope != "incident", exports.c.scope_id.in_(read))
    query = sa.select(exports).where(exports.c.school_id == school_id, *about)
    return tx.execute(query.order_by(exports.c.asked_at.desc(), exports.c.id.desc()).limit(limit)).all()


def change_export(tx: sa.Connection, *, school_id: UUID, id: UUID, **values: Any) -> None:
    """Say how far an export is."""
    tx.execute(exports.update().where(exports.c.school_id == school_id, exports.c.id == id).values(**values))


def add_piece(tx: sa.Connection, *, school_id: UUID, export_id: UUID, number: int, part: str, data: bytes) -> None:
    """Keep a piece of a part."""
    tx.execute(export_pieces.insert().values(school_id=school_id, export_id=export_id, number=number, part=part, data=data))


def pieces_of(tx: sa.Connection, *, school_id: UUID, export_id: UUID) -> list[tuple[int, str]]:
    """Return the numbers of an export's pieces and the parts they belong to, part by part in order."""
    query = sa.select(export_pieces.c.number, export_pieces.c.part).where(_of_export(school_id, export_id))
    return [(row.number, row.part) for row in tx.execute(query.order_by(export_pieces.c.part, export_pieces.c.number))]


def piece_of(tx: sa.Connection, *, school_id: UUID, export_id: UUID, number: int) -> bytes | None:
    """Return a piece."""
    query = sa.select(export_pieces.c.data).where(_of_export(school_id, export_id), export_pieces.c.number == number)
    data = tx.execute(query).scalar()
    return bytes(data) if data is not None else None


def drop_pieces(tx: sa.Connection, *, school_id: UUID, export_id: UUID) -> None:
    """Forget what an export was made of."""
    tx.execute(export_pieces.delete().where(_of_export(school_id, export_id)))


def _of_export(school_id: UUID, export_id: UUID) -> sa.ColumnElement[bool]:
    return sa.and_(export_pieces.c.school_id == school_id, export_pieces.c.export_id == export_id)


# --- all of the record, as it is kept ---------------------------------------------------------------------------------------


def kept(
    tx: sa.Connection,
    *,
    school_id: UUID,
    after: int = 0,
    pupil_id: UUID | None = None,
    incident_id: UUID | None = None,
    reading: Reading | None = None,
) -> Iterator[sa.Row[Any]]:
    """Yield each ledger entry in order, with what opens it and the entry it stands for: all, a pupil's thread, or an incident's.

    `readable` says of an entry with words whether the reader may read them; null where it has none of its own.
    """
    joined = (
        ledger.outerjoin(ledger_openings, sa.and_(_both(ledger, ledger_openings), ledger_openings.c.sequence == ledger.c.sequence))
        .outerjoin(entries, sa.and_(_both(ledger, entries), entries.c.ledger_sequence == ledger.c.sequence))
        .outerjoin(incidents, sa.and_(_both(ledger, incidents), incidents.c.id == entries.c.incident_id))
    )
    may = sa.case((entries.c.id.is_(None), sa.null()), else_=readable(reading)) if reading else sa.null()
    query = (
        sa.select(
            ledger.c.sequence, ledger.c.canonical, ledger.c.hash, ledger_openings.c.openings, entries, incidents.c.number, may.label("readable")
        )
        .select_from(joined)
        .where(ledger.c.school_id == school_id, ledger.c.sequence > after)
        .order_by(ledger.c.sequence)
    )
    if pupil_id:
        query = query.where(ledger_openings.c.openings.contains({"pupils": [{"pupil": str(pupil_id)}]}))
    if incident_id:
        of_it = sa.func.convert_from(ledger.c.canonical, sa.literal("UTF8")).contains(f'"incident":"{incident_id}"')
        query = query.where(of_it)
    yield from tx.execute(query.execution_options(stream_results=True, yield_per=500))


def _both(left: sa.Table, right: sa.Table) -> sa.ColumnElement[bool]:
    return left.c.school_id == right.c.school_id


def outside_the_ledger(tx: sa.Connection, *, school_id: UUID, reading: Reading | None = None) -> Sequence[sa.Row[Any]]:
    """Return entries that have no place in the ledger, or another's; with `reading` those that this reader may read."""
    joined = entries.outerjoin(ledger, sa.and_(_both(entries, ledger), ledger.c.sequence == entries.c.ledger_sequence))
    query: sa.Select[Any] = sa.select(*(column for column in entries.c if column.name not in ("text", "facts"))).select_from(joined)
    if reading:
        query = query.where(readable(reading))
    return tx.execute(query.where(entries.c.school_id == school_id, sa.or_(ledger.c.hash.is_(None), ledger.c.hash != entries.c.entry_hash))).all()


def standing_rows(tx: sa.Connection, *, school_id: UUID) -> dict[str, Iterator[sa.Row[Any]]]:
    """Return the rows that may lawfully change, as they are now: of entries and incidents what may, pupils in incidents, restrictions,
    rights to read, and those that were taken back.
    """
    wanted: dict[str, tuple[Any, ...]] = {
        "entries": (entries.c.id, entries.c.incident_id, entries.c.kind, entries.c["class"], entries.c.correction_id),
        "incidents": (incidents.c.id, incidents.c["class"], incidents.c.categories, incidents.c.pupil_id, incidents.c.assignment_id),
        "pupils": (incident_pupils.c.incident_id, incident_pupils.c.pupil_id, incident_pupils.c.part, incident_pupils.c.status),
        "follow_ups": tuple(follow_ups.c),
        "restrictions": tuple(restrictions.c),
        "taken": (rights_taken.c.entry_id, rights_taken.c.person_id),
    }
    given = sa.select(rights.c.entry_id, rights.c.person_id, rights.c["class"], entries.c.incident_id, entries.c.ledger_sequence)
    given = given.select_from(rights.join(entries, same(rights, entries, "entry_id"))).where(rights.c.school_id == school_id)
    found = {name: _all_of(tx, columns, school_id=school_id) for name, columns in wanted.items()}
    found["destructions"] = iter(all_destructions(tx, school_id=school_id))
    return found | {"rights": iter(tx.execute(given.execution_options(stream_results=True, yield_per=1000)))}


def flags_set(tx: sa.Connection, *, school_id: UUID) -> Iterator[sa.Row[Any]]:
    """Return every flag of a pupil, as it is now."""
    return _all_of(tx, tuple(flags.c), school_id=school_id)


def is_flag_altered(tx: sa.Connection, *, school_id: UUID, pupil_id: UUID, highest: Class | None, is_lead: bool) -> bool:
    """Whether a flag of the pupil is found altered: of those up to a class, and to a DSL also one that is gone or was put to another pupil."""
    there = flags.c.school_id == alterations.c.school_id, flags.c.id == alterations.c.incident_id, flags.c.pupil_id == pupil_id
    found: sa.ColumnElement[bool] = sa.exists().where(*there, flags.c["class"] <= int(highest or 0))
    if is_lead:
        of_it = sa.func.convert_from(ledger.c.canonical, sa.literal("UTF8")).contains(sa.func.concat('"incident":"', alterations.c.incident_id, '"'))
        theirs = ledger_openings.c.openings.contains({"pupils": [{"pupil": str(pupil_id)}]})
        joined = ledger_openings.join(ledger, sa.and_(_both(ledger, ledger_openings), ledger.c.sequence == ledger_openings.c.sequence))
        found = sa.or_(found, sa.exists().select_from(joined).where(ledger.c.school_id == alterations.c.school_id, theirs, of_it))
    query = sa.select(alterations.c.id).where(
        alterations.c.school_id == school_id, alterations.c.kind == "flag", alterations.c.gone_at.is_(None), found
    )
    return tx.execute(query.limit(1)).first() is not None


def _all_of(tx: sa.Connection, columns: Sequence[Any], *, school_id: UUID) -> Iterator[sa.Row[Any]]:
    query = sa.select(*columns).where(columns[0].table.c.school_id == school_id)
    yield from tx.execute(query.execution_options(stream_results=True, yield_per=1000))


def ends(tx: sa.Connection, *, school_id: UUID) -> tuple[int, str, dict[str, tuple[int, str]]]:
    """Return where the chain and each pupil's thread are said to stand."""
    head = tx.execute(sa.select(ledger_heads).where(ledger_heads.c.school_id == school_id)).first()
    rows = tx.execute(sa.select(ledger_threads).where(ledger_threads.c.school_id == school_id))
    threads = {str(row.pupil_id): (int(row._mapping["count"]), str(row.hash)) for row in rows}
    return (head.sequence, head.hash, threads) if head else (0, "", threads)


def about_now(tx: sa.Connection, *, school_id: UUID, pupil_id: UUID, with_linked: bool) -> frozenset[UUID]:
    """Return the incidents that are about a pupil now (with those they are linked to, when wanted)."""
    here = incident_pupils.c.school_id == school_id, incident_pupils.c.pupil_id == pupil_id
    query = sa.select(incident_pupils.c.incident_id).where(*here)
    return frozenset(tx.execute(query if with_linked else query.where(incident_pupils.c.part.is_(None))).scalars())


def hidden_from(tx: sa.Connection, *, school_id: UUID, reading: Reading) -> frozenset[UUID]:
    """Return the entries this reader may not read. An incident of which they read nothing is in it by its first entry's id, its own."""
    query = sa.select(entries.c.id).where(entries.c.school_id == school_id, sa.not_(readable(reading)))
    return frozenset(tx.execute(query).scalars())


def children_of(tx: sa.Connection, *, school_id: UUID, person_id: UUID) -> frozenset[str]:
    """Return the pupils that a member of staff is, or is a parent of."""
    query = sa.select(relations.c.pupil_id).where(relations.c.school_id == school_id, relations.c.person_id == person_id)
    return frozenset(str(pupil) for pupil in tx.execute(query).scalars())


def pupils_named(tx: sa.Connection, *, school_id: UUID, ids: Collection[str]) -> Sequence[sa.Row[Any]]:
    """Return pupils' names for an export."""
    query = sa.select(pupils).where(pupils.c.school_id == school_id, pupils.c.id.in_([UUID(i) for i in ids]))
    return tx.execute(query.order_by(pupils.c.id)).all()


# --- what a check found -------------------------------------------------------------------------------------------------------


def check_of(tx: sa.Connection, *, school_id: UUID) -> sa.Row[Any] | None:
    """Return how far the ledger was checked."""
    return tx.execute(sa.select(ledger_checks).where(ledger_checks.c.school_id == school_id)).first()


def keep_check(tx: sa.Connection, *, school_id: UUID, **values: Any) -> None:
    """Keep how far the ledger was checked."""
    insert = pg.insert(ledger_checks).values(school_id=school_id, **values)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id"], set_=values))


def alterations_of(tx: sa.Connection, *, school_id: UUID, incident_id: UUID | None = None) -> Sequence[sa.Row[Any]]:
    """Return what was found and is there still, in order of the ledger. Of one incident: also what concerns the whole ledger."""
    query = sa.select(alterations).where(alterations.c.school_id == school_id, alterations.c.gone_at.is_(None))
    if incident_id:
        query = query.where(alterations.c.incident_id == incident_id)
    return tx.execute(query.order_by(alterations.c.sequence.nulls_first(), alterations.c.found_at)).all()


def add_alterations(tx: sa.Connection, *, school_id: UUID, rows: Sequence[dict[str, Any]], now: datetime) -> None:
    """Keep what was found."""
    if rows:
        tx.execute(alterations.insert(), [{"school_id": school_id, "id": new_id(), "found_at": now, **row} for row in rows])


def end_alterations(tx: sa.Connection, *, school_id: UUID, ids: Collection[UUID], now: datetime) -> None:
    """Say that these are not there any more."""
    if ids:
        tx.execute(alterations.update().where(alterations.c.school_id == school_id, alterations.c.id.in_(ids)).values(gone_at=now))


def opened(row: Any) -> dict[str, Any]:
    """Return a row's openings as they are; none where they are gone."""
    found = row.openings
    return dict(json.loads(found) if isinstance(found, str) else found or {})
