"""Content that is lawfully destroyed: proposed by one person, decided by another, and then gone with its salts."""

import json
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from services.incidents.ledger import STAYS
from services.incidents.store.tables import (
    correction_requests,
    destroyed,
    destructions,
    entries,
    entry_files,
    export_pieces,
    exports,
    ledger,
    ledger_openings,
    releases,
)

_FACTS = frozenset(name.removeprefix("fact:") for name in STAYS if name.startswith("fact:"))


def add_destruction(tx: sa.Connection, *, school_id: UUID, **values: Any) -> None:
    """Keep that somebody proposes to destroy the content of entries."""
    tx.execute(destructions.insert().values(school_id=school_id, **values))


def destruction_with(tx: sa.Connection, *, school_id: UUID, destruction_id: UUID) -> sa.Row[Any] | None:
    """Return a proposal, decided or not."""
    return tx.execute(sa.select(destructions).where(destructions.c.school_id == school_id, destructions.c.id == destruction_id)).first()


def destructions_of(tx: sa.Connection, *, school_id: UUID, incident_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return an incident's proposals that nobody has decided about, oldest first."""
    here = destructions.c.school_id == school_id, destructions.c.incident_id == incident_id, destructions.c.decision.is_(None)
    return tx.execute(sa.select(destructions).where(*here).order_by(destructions.c.proposed_at)).all()


def decide_destruction(tx: sa.Connection, *, school_id: UUID, destruction_id: UUID, **values: Any) -> None:
    """Keep what was decided."""
    tx.execute(destructions.update().where(destructions.c.school_id == school_id, destructions.c.id == destruction_id).values(**values))


def destroyed_among(tx: sa.Connection, *, school_id: UUID, entry_ids: Collection[UUID]) -> dict[UUID, sa.Row[Any]]:
    """Return of these entries those whose content was destroyed, by id: when, by whom, and on what ground."""
    if not entry_ids:
        return {}
    same = sa.and_(destructions.c.school_id == destroyed.c.school_id, destructions.c.id == destroyed.c.destruction_id)
    query = sa.select(destroyed.c.entry_id.label("of_entry"), destructions).select_from(destroyed.join(destructions, same))
    found = tx.execute(query.where(destroyed.c.school_id == school_id, destroyed.c.entry_id.in_(entry_ids)))
    return {row.of_entry: row for row in found}


def destroyed_numbers(tx: sa.Connection, *, school_id: UUID, after: int = 0) -> frozenset[int]:
    """Return the ledger's numbers, after one, of the entries whose content was destroyed."""
    query = sa.select(destroyed.c.sequence).where(destroyed.c.school_id == school_id, destroyed.c.sequence > after)
    return frozenset(tx.execute(query).scalars())


def destructions_in_ledger(tx: sa.Connection, *, school_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return of each decision to destroy the numbers of the entries it is said to cover, and the ledger's entry that it points at, opened."""
    same = sa.and_(destructions.c.school_id == destroyed.c.school_id, destructions.c.id == destroyed.c.destruction_id)
    there = sa.and_(ledger.c.school_id == destructions.c.school_id, ledger.c.sequence == destructions.c.sequence)
    opened = sa.and_(ledger_openings.c.school_id == ledger.c.school_id, ledger_openings.c.sequence == ledger.c.sequence)
    joined = destroyed.join(destructions, same).join(ledger, there).join(ledger_openings, opened)
    columns = (ledger.c.sequence, ledger.c.canonical, ledger_openings.c.openings)
    query = sa.select(*columns, sa.func.array_agg(destroyed.c.sequence).label("numbers")).select_from(joined)
    return tx.execute(query.where(destroyed.c.school_id == school_id).group_by(*columns)).all()


def all_destructions(tx: sa.Connection, *, school_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return every decision to destroy, with the numbers of the entries it destroyed, for the self-check."""
    same = sa.and_(destructions.c.school_id == destroyed.c.school_id, destructions.c.id == destroyed.c.destruction_id)
    numbers = sa.func.array_agg(pg.aggregate_order_by(destroyed.c.sequence, destroyed.c.sequence)).label("sequences")
    query = sa.select(destructions, numbers).select_from(destructions.outerjoin(destroyed, same))
    held = destructions.c.school_id == school_id, sa.or_(destructions.c.decision == "destroy", destroyed.c.sequence.is_not(None))
    return tx.execute(query.where(*held).group_by(destructions.c.school_id, destructions.c.id)).all()


def exclusive_files(tx: sa.Connection, *, school_id: UUID, entry_ids: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """Return the attachments (id, entry) of these entries that are no other entry's evidence."""
    other = entry_files.alias("other")
    elsewhere = sa.exists().where(
        other.c.school_id == entry_files.c.school_id, other.c.file_id == entry_files.c.file_id, other.c.entry_id.not_in(entry_ids)
    )
    query = sa.select(entry_files.c.file_id, sa.func.min(sa.cast(entry_files.c.entry_id, sa.Text)).label("entry_id"))
    query = query.where(entry_files.c.school_id == school_id, entry_files.c.entry_id.in_(entry_ids), sa.not_(elsewhere))
    return [(row.file_id, UUID(row.entry_id)) for row in tx.execute(query.group_by(entry_files.c.file_id).order_by(entry_files.c.file_id))]


def destroy_content(tx: sa.Connection, *, school_id: UUID, destruction_id: UUID, rows: Sequence[Any]) -> None:
    """Take away what these entries say, and the salts of it. The database refuses it without two people's decision.

    What was asked and answered about their words goes too, and every export that was made while they were there.
    """
    kept = [
        {
            "school_id": school_id,
            "sequence": row.ledger_sequence,
            "entry_id": row.id,
            "destruction_id": destruction_id,
            "settled": row.facts.get("action") == "referral" and bool(row.facts.get("outcome")),
        }
        for row in rows
    ]
    tx.execute(destroyed.insert(), kept)
    for row in rows:
        here = entries.c.school_id == school_id, entries.c.id == row.id
        facts = {name: value for name, value in row.facts.items() if name in _FACTS}
        tx.execute(entries.update().where(*here).values(text="", facts=facts, files=[], fingerprint=""))
        of_it = ledger_openings.c.school_id == school_id, ledger_openings.c.sequence == row.ledger_sequence
        held = tx.execute(sa.select(ledger_openings.c.openings).where(*of_it)).scalar_one()
        opened = json.loads(held) if isinstance(held, str) else dict(held)
        opened["fields"] = {name: salt for name, salt in opened["fields"].items() if name in STAYS}
        tx.execute(ledger_openings.update().where(*of_it).values(openings=opened))
        lines = releases.c.school_id == school_id, releases.c.incident_id == row.incident_id, releases.c.line == row.facts.get("release_line", "")
        tx.execute(releases.update().where(*lines).values(line=""))
    asked = correction_requests.c.school_id == school_id, correction_requests.c.entry_id.in_([row.id for row in rows])
    tx.execute(correction_requests.update().where(*asked).values(text="", reason=""))
    ended = sa.case((exports.c.made_at.is_not(None), "over"), else_=exports.c.state)  # each is written, so that one being made of earlier rows fails
    changed = tx.execute(exports.update().where(*_asked_for(school_id)).values(state=ended).returning(exports.c.id, exports.c.state))
    over = [row.id for row in changed if row.state == "over"]
    tx.execute(export_pieces.delete().where(export_pieces.c.school_id == school_id, export_pieces.c.export_id.in_(over)))


def wait_for_exports(tx: sa.Connection, *, school_id: UUID) -> None:
    """Wait until none is being made, and let none begin before this is done. To be called before the chain is locked: recording waits for that."""
    tx.execute(sa.select(exports.c.id).where(*_asked_for(school_id)).order_by(exports.c.id).with_for_update())


def _asked_for(school_id: UUID) -> tuple[sa.ColumnElement[bool], ...]:
    return exports.c.school_id == school_id, exports.c.state.in_(("wanted", "ready"))


def destroyed_after(tx: sa.Connection, *, school_id: UUID, sequence: int) -> bool:
    """Whether the ledger says after this number that content was destroyed."""
    later = sa.exists().where(destructions.c.school_id == school_id, destructions.c.sequence > sequence)
    return bool(tx.execute(sa.select(later)).scalar_one())
