"""The school as recording knows it, fed by identity's events."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from safekeep.permissions import Category, Class
from services.incidents.recording import Absence, Member, School
from services.incidents.store.tables import absences, categories, groups, pupils, schools, staff

_SCHOOL_STATE = sa.text(
    "select s.zone, s.version, "
    "(select json_agg(json_build_array(code, class, groups, leads_only)) from categories where school_id = :school), "
    "(select json_agg(json_build_array(code, members, called_by)) from groups where school_id = :school), "
    "(select json_agg(json_build_array(person_id, roles)) from staff where school_id = :school and active), "
    "(select json_agg(person_id) from stand_ins where school_id = :school and ended_at is null), "
    "(select json_agg(json_build_array(person_id, since, until, cover_id)) from absences where school_id = :school) "
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
    zone, found, category_rows, group_rows, staff_rows, stand_in_rows, away_rows = row
    members = [Member(UUID(person), frozenset(roles)) for person, roles in staff_rows or []]
    school = School(
        zone=zone,
        categories={c: Category(c, Class(class_), tuple(g), leads_only) for c, class_, g, leads_only in category_rows or []},
        groups={code: frozenset(UUID(m) for m in ids) for code, ids, _ in group_rows or []},
        called_by={code: frozenset(called_by) for code, _, called_by in group_rows or []},
        staff={member.person_id: member for member in members},
        stand_ins=frozenset(UUID(person) for person in stand_in_rows or []),
        absences=tuple(
            Absence(UUID(person), date.fromisoformat(since), date.fromisoformat(until), UUID(cover) if cover else None)
            for person, since, until, cover in away_rows or []
        ),
    )
    _known[school_id] = (found, school)
    return school


_CHANGED = sa.text("update schools set version = version + 1 where school_id = :school")


def changed(tx: sa.Connection, *, school_id: UUID) -> None:
    """Let every process read the school anew."""
    tx.execute(_CHANGED, {"school": school_id})


def keep_staff(tx: sa.Connection, *, school_id: UUID, person_id: UUID, roles: Sequence[str], active: bool) -> None:
    """Keep identity's latest word on a person at a school."""
    values = {"roles": list(roles), "active": active}
    insert = pg.insert(staff).values(school_id=school_id, person_id=person_id, **values)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id", "person_id"], set_=values))
    changed(tx, school_id=school_id)


def keep_absence(tx: sa.Connection, *, school_id: UUID, id: UUID, ended: bool, **values: Any) -> None:
    """Keep that somebody is away; or (`ended`) that they are not after all."""
    if ended:
        tx.execute(absences.delete().where(absences.c.school_id == school_id, absences.c.id == id))
    else:
        tx.execute(pg.insert(absences).values(school_id=school_id, id=id, **values).on_conflict_do_nothing())
    changed(tx, school_id=school_id)


def years_and_forms(tx: sa.Connection, *, school_id: UUID) -> tuple[list[str], list[str]]:
    """Return the years and the forms that pupils are in, in order."""
    found = [
        tx.execute(sa.select(column).distinct().where(pupils.c.school_id == school_id, column != "").order_by(column)).scalars()
        for column in (pupils.c.year, pupils.c.form)
    ]
    return list(found[0]), list(found[1])


def keep_school(
    tx: sa.Connection,
    *,
    school_id: UUID,
    zone: str,
    category_rows: Iterable[Category],
    group_rows: Iterable[tuple[str, Sequence[UUID], Sequence[str]]],
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
    members = [{"school_id": school_id, "code": code, "members": list(ids), "called_by": list(calls)} for code, ids, calls in group_rows]
    if members:
        tx.execute(groups.insert(), members)
