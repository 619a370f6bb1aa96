"""Who may read an entry beyond what their role opens."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from safekeep.permissions import Class
from services.incidents.store.tables import (
    entries,
    rights,
    rights_taken,
    same,
)


@dataclass(frozen=True, slots=True)
class Right:
    """Somebody who may read an entry: told in an alert, or by a DSL's grant with its reason."""

    person_id: UUID
    granted_by: UUID | None = None
    reason: str = ""

    def wire(self) -> dict[str, Any]:
        return {"person_id": str(self.person_id), "granted_by": str(self.granted_by) if self.granted_by else None, "reason": self.reason}


RIGHTS = (
    "insert into rights (school_id, entry_id, person_id, class, granted_by, reason, given_at) "
    "select :school, e.id, p.person_id, :class, p.granted_by, p.reason, :now "
    "from (select cast(:entry as uuid) as id "
    "union select id from entries where school_id = :school and incident_id = :incident and class <= :class) e "
    "cross join jsonb_to_recordset(cast(:told as jsonb)) as p(person_id uuid, granted_by uuid, reason text) "
    "on conflict (school_id, entry_id, person_id) do update set class = excluded.class, granted_by = excluded.granted_by, reason = excluded.reason "
    "where rights.class < excluded.class"
)


_GIVE_RIGHTS = sa.text(RIGHTS)


def give_rights(
    tx: sa.Connection, *, school_id: UUID, incident_id: UUID, entry_id: UUID, class_: Class, told: Sequence[Right], now: datetime
) -> None:
    """Let people read the entry and the incident's earlier entries of no higher class."""
    if told:
        values = {"school": school_id, "incident": incident_id, "entry": entry_id, "class": int(class_), "now": now}
        tx.execute(_GIVE_RIGHTS, {**values, "told": json.dumps([right.wire() for right in told])})


def give_right_to_one(tx: sa.Connection, *, school_id: UUID, entry_id: UUID, class_: Class, people: Collection[UUID], now: datetime) -> None:
    """Let people read one new entry, and nothing before it that they could not read already."""
    rows = [{"school_id": school_id, "entry_id": entry_id, "person_id": p, "class": int(class_), "reason": "", "given_at": now} for p in people]
    if rows:
        tx.execute(rights.insert(), rows)


def take_right(tx: sa.Connection, *, school_id: UUID, entry_id: UUID, person_id: UUID, left: Mapping[UUID, Class | None]) -> None:
    """Take back what an alert to an entry gave somebody: they were not told after all. `left`: entry → what their right to it is now, None: gone."""
    mine = rights.c.school_id == school_id, rights.c.person_id == person_id
    _take(tx, *mine, rights.c.entry_id.in_([id_ for id_, class_ in left.items() if class_ is None]))
    for id_, class_ in left.items():
        if class_ is not None:
            tx.execute(rights.update().where(*mine, rights.c.entry_id == id_).values({"class": int(class_)}))
    taken = {"school_id": school_id, "entry_id": entry_id, "person_id": person_id, "taken_at": sa.func.now()}  # also where another alert gave it too
    tx.execute(pg.insert(rights_taken).values(taken).on_conflict_do_nothing())


def rights_in(tx: sa.Connection, *, school_id: UUID, incident_id: UUID) -> Sequence[Any]:
    """Return who holds a right to which entry of an incident, and up to which class."""
    joined = rights.join(entries, same(rights, entries, "entry_id"))
    query = sa.select(rights.c.entry_id, rights.c.person_id, rights.c["class"]).select_from(joined)
    return tx.execute(query.where(rights.c.school_id == school_id, entries.c.incident_id == incident_id)).all()


def take_rights(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, people: Collection[UUID]) -> None:
    """Take back every right of these people to an incident: it turned out to be about their own child."""
    of_it = sa.select(entries.c.id).where(entries.c.school_id == school_id, entries.c.incident_id == incident_id)
    _take(tx, rights.c.school_id == school_id, rights.c.entry_id.in_(of_it), rights.c.person_id.in_(people))


def _take(tx: sa.Connection, *which: sa.ColumnElement[bool]) -> None:
    """Take rights away, and keep that they were taken: the self-check asks where they are."""
    gone = rights.delete().where(*which).returning(rights.c.school_id, rights.c.entry_id, rights.c.person_id, sa.func.now()).cte("gone")
    names = ["school_id", "entry_id", "person_id", "taken_at"]
    tx.execute(pg.insert(rights_taken).from_select(names, sa.select(*gone.c)).on_conflict_do_nothing())


_KEEP = sa.text(
    "insert into rights (school_id, entry_id, person_id, class, granted_by, reason, given_at) "
    "select :school, k.entry_id, k.person_id, :class, :by, :reason, :now "
    "from jsonb_to_recordset(cast(:kept as jsonb)) as k(entry_id uuid, person_id uuid) "
    "on conflict (school_id, entry_id, person_id) do update set class = excluded.class, granted_by = excluded.granted_by, reason = excluded.reason "
    "where rights.class < excluded.class"
)


def keep_sight(
    tx: sa.Connection, *, school_id: UUID, kept: Mapping[UUID, Collection[UUID]], class_: Class, by: UUID, reason: str, now: datetime
) -> None:
    """Grant people the entries that a raise to `class_` would have taken from them, and no others. `kept`: person → entries."""
    rows = [{"person_id": str(person), "entry_id": str(entry)} for person, ids in kept.items() for entry in ids]
    if rows:
        values = {"school": school_id, "class": int(class_), "by": by, "reason": reason, "now": now}
        tx.execute(_KEEP, {**values, "kept": json.dumps(rows)})
