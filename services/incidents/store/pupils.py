"""Pupils, the words they are found by, their flags, and which staff are their parents."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from safekeep.permissions import Class
from safekeep.text import fold, place_code, search_tokens
from services.incidents.recording import Calls
from services.incidents.store.tables import flags, incident_pupils, pupil_words, pupils, relations, same_pupil


def keep_pupil(tx: sa.Connection, *, school_id: UUID, **values: Any) -> None:
    """Add or change a pupil, and the words they are found by."""
    insert = pg.insert(pupils).values(school_id=school_id, **values)
    changed = {name: value for name, value in values.items() if name != "id"}
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id", "id"], set_=changed))
    key = {"school_id": school_id, "pupil_id": values["id"]}
    tx.execute(pupil_words.delete().where(pupil_words.c.school_id == school_id, pupil_words.c.pupil_id == values["id"]))
    words = search_tokens(f"{values['name']} {values['known_as']}")
    tx.execute(pupil_words.insert(), [{**key, "word": word} for word in words])


def keep_relatives(tx: sa.Connection, *, school_id: UUID, pupil_id: UUID, people: Collection[UUID]) -> None:
    """Keep which staff are a pupil's parents or carers, or the pupil: these and nobody else."""
    tx.execute(relations.delete().where(relations.c.school_id == school_id, relations.c.pupil_id == pupil_id))
    if people:
        tx.execute(relations.insert(), [{"school_id": school_id, "pupil_id": pupil_id, "person_id": person} for person in people])


def leave(tx: sa.Connection, *, school_id: UUID, pupil_id: UUID, on: date, stays: Sequence[Sequence[str | None]]) -> None:
    """Note that a pupil is on roll no more from that day on. They stay in the list, and what is recorded of them stays as it is."""
    tx.execute(pupils.update().where(pupils.c.school_id == school_id, pupils.c.id == pupil_id).values(left_on=on, stays=stays))


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


def named_in(tx: sa.Connection, *, school_id: UUID, words: Collection[str]) -> tuple[frozenset[str], list[Any]]:
    """Return which of these words (folded) are of names of pupils, and the pupils of whose name two of them are, or all of it."""
    here = sa.and_(pupil_words.c.school_id == school_id, pupil_words.c.word.in_(words))
    known: frozenset[str] = frozenset(tx.execute(sa.select(pupil_words.c.word).distinct().where(here)).scalars())
    of_name = sa.func.count(sa.distinct(pupil_words.c.word))
    two = sa.select(pupil_words.c.pupil_id).where(here).group_by(pupil_words.c.pupil_id).having(of_name >= 2)
    one = sa.select(pupil_words.c.pupil_id).where(here)
    chosen = sa.or_(pupils.c.id.in_(two), sa.and_(sa.not_(pupils.c.name.contains(" ")), pupils.c.id.in_(one)))
    rows = tx.execute(sa.select(pupils.c.id, pupils.c.name).where(pupils.c.school_id == school_id, sa.not_(pupils.c.holding), chosen).limit(200))
    return known, list(rows)


def pupils_with(tx: sa.Connection, *, school_id: UUID, ids: Collection[UUID]) -> dict[UUID, sa.Row[Any]]:
    """Return the pupils with these ids that are of the school."""
    rows = tx.execute(sa.select(pupils).where(pupils.c.school_id == school_id, pupils.c.id.in_(ids)))
    return {row.id: row for row in rows}


def all_pupils(tx: sa.Connection, *, school_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return every pupil of the school but the one for "not listed"."""
    return tx.execute(sa.select(pupils).where(pupils.c.school_id == school_id, sa.not_(pupils.c.holding))).all()


def siblings_of(tx: sa.Connection, *, school_id: UUID, pupil_id: UUID, family: UUID) -> Sequence[sa.Row[Any]]:
    """Return the other pupils of the family."""
    query = sa.select(pupils).where(pupils.c.school_id == school_id, pupils.c.family == family, pupils.c.id != pupil_id)
    return tx.execute(query.order_by(pupils.c.born)).all()


def flags_of(tx: sa.Connection, *, school_id: UUID, pupil_id: UUID, highest: Class | None) -> Sequence[sa.Row[Any]]:
    """Return the pupil's flags up to a class, those that hold first."""
    query = sa.select(flags).where(flags.c.school_id == school_id, flags.c.pupil_id == pupil_id, flags.c["class"] <= int(highest or 0))
    return tx.execute(query.order_by(flags.c.ended.is_not(None), flags.c["class"].desc(), flags.c.started.desc())).all()


def flag_with(tx: sa.Connection, *, school_id: UUID, id: UUID) -> sa.Row[Any] | None:
    """Return the flag with this id."""
    return tx.execute(sa.select(flags).where(flags.c.school_id == school_id, flags.c.id == id)).first()


def keep_flag(tx: sa.Connection, *, school_id: UUID, **values: Any) -> None:
    """Add a flag, or change one's dates, worker and note."""
    changed = {name: values[name] for name in ("started", "ended", "review", "social_worker", "note", "set_by", "set_at")}
    insert = pg.insert(flags).values(school_id=school_id, **values)
    tx.execute(insert.on_conflict_do_update(index_elements=["school_id", "id"], set_=changed))


def incidents_with(tx: sa.Connection, *, school_id: UUID, pupil_id: UUID) -> list[UUID]:
    """Return the incidents a pupil is in, as the one it is about or linked."""
    query = sa.select(incident_pupils.c.incident_id).where(incident_pupils.c.school_id == school_id, incident_pupils.c.pupil_id == pupil_id)
    return list(tx.execute(query.order_by(incident_pupils.c.incident_id)).scalars())


def incidents_concerning(tx: sa.Connection, *, school_id: UUID, person_id: UUID) -> list[UUID]:
    """Return the incidents in which a person, or their child, is the pupil or linked."""
    joined = incident_pupils.join(relations, same_pupil(incident_pupils, relations))
    query = sa.select(incident_pupils.c.incident_id).distinct().select_from(joined)
    return list(tx.execute(query.where(incident_pupils.c.school_id == school_id, relations.c.person_id == person_id)).scalars())


def children_at_school(tx: sa.Connection, *, school_id: UUID, person_id: UUID) -> list[UUID]:
    """Return the pupils who are a person themselves, or their children."""
    return list(tx.execute(sa.select(relations.c.pupil_id).where(relations.c.school_id == school_id, relations.c.person_id == person_id)).scalars())


def concerned_staff(tx: sa.Connection, *, school_id: UUID, pupil_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return the staff who are, or are parents of, one of these pupils."""
    query = sa.select(relations.c.person_id).where(relations.c.school_id == school_id, relations.c.pupil_id.in_(pupil_ids))
    return frozenset(tx.execute(query).scalars())


def all_relatives(tx: sa.Connection, *, school_id: UUID) -> dict[UUID, frozenset[UUID]]:
    """Return of every pupil who has any the staff who are their parents or carers, or the pupil."""
    found: dict[UUID, set[UUID]] = {}
    for row in tx.execute(sa.select(relations.c.pupil_id, relations.c.person_id).where(relations.c.school_id == school_id)):
        found.setdefault(row.pupil_id, set()).add(row.person_id)
    return {pupil_id: frozenset(people) for pupil_id, people in found.items()}


CALLS = (
    "(select json_agg(json_build_array(year, form)) from pupils where school_id = :school and id = any(cast(:pupils as uuid[])) and not holding) "
    "as places, (select json_agg(json_build_array(kind, class)) from flags where school_id = :school "
    "and pupil_id = any(cast(:pupils as uuid[])) and started <= {today} and (ended is null or ended > {today})) as flags"
)
_CALLS = sa.text("select " + CALLS.format(today="cast(:today as date)"))


def calls_in(row: Any) -> Calls:
    """Return what of pupils calls for groups, of a row with `places` and `flags`."""
    places = {place_code(kind, name) for place in row.places or [] for kind, name in zip(("year", "form"), place, strict=True) if name}
    return Calls(places=frozenset(places), flags={f"flag_{kind}": Class(class_) for kind, class_ in row.flags or []})


def calls_of(tx: sa.Connection, *, school_id: UUID, pupil_ids: Collection[UUID], today: date) -> Calls:
    """Return what of these pupils calls for groups."""
    return calls_in(tx.execute(_CALLS, {"school": school_id, "pupils": list(pupil_ids), "today": today}).one())
