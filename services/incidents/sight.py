"""Who loses sight of what when the class of an incident is raised, what a DSL's alert opens to somebody, and what is taken back with one. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from safekeep import permissions
from safekeep.permissions import Class, EntryFacts, Reading
from services.incidents.recording import School


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry of an incident as reading it depends on. `rises`: its class follows the incident's, as its account's and of what corrects that."""

    id: UUID
    facts: EntryFacts
    rises: bool


def of_incident(
    entries: Iterable[tuple[UUID, UUID, Class, bool]],
    *,
    rights: Iterable[tuple[UUID, UUID, Class]],
    concerned: frozenset[UUID],
    left_to: frozenset[UUID],
    kept_to: Mapping[UUID, frozenset[UUID]],
) -> list[Seen]:
    """Put together what the store knows: entries as (id, author, class, rises), rights as (entry, person, class)."""
    held: dict[UUID, dict[UUID, Class]] = {}
    for entry_id, person_id, class_ in rights:
        held.setdefault(entry_id, {})[person_id] = class_
    return [
        Seen(id_, EntryFacts(author, class_, concerned, held.get(id_, {}), kept_to.get(id_), left_to), rises)
        for id_, author, class_, rises in entries
    ]


def losing(entries: Sequence[Seen], *, school: School, class_: Class) -> dict[UUID, list[UUID]]:
    """Return who reads entries now that they will not when the incident is raised to `class_`, and which, in their order."""
    rising = [(entry, replace(entry.facts, class_=class_)) for entry in entries if entry.rises and entry.facts.class_ < class_]
    lost = {}
    for person_id, member in school.staff.items():
        theirs = _reading(person_id, member.roles)
        gone = [entry.id for entry, raised in rising if theirs.covers(entry.facts) and not theirs.covers(raised)]
        if gone:
            lost[person_id] = gone
    return lost


def opened(entries: Sequence[Seen], *, school: School, people: Collection[UUID], class_: Class) -> dict[UUID, list[UUID]]:
    """Return which entries an alert of this class lets each of these people read that they do not read yet."""
    found = {}
    for person_id in people:
        theirs = _reading(person_id, school.staff[person_id].roles)
        found[person_id] = [entry.id for entry in entries if _class_then(entry, class_) <= class_ and not theirs.covers(entry.facts)]
    return found


def was_sent(entries: Sequence[Seen], person_id: UUID) -> bool:
    """Whether somebody holds a right to one of the entries: an alert, or a grant."""
    return any(person_id in entry.facts.rights for entry in entries)


def written_by(entries: Sequence[Seen]) -> Mapping[UUID, int]:
    """Return how many of the entries each author wrote."""
    counts: dict[UUID, int] = {}
    for entry in entries:
        counts[entry.facts.author_id] = counts.get(entry.facts.author_id, 0) + 1
    return counts


@dataclass(frozen=True, slots=True)
class Held:
    """An entry of an incident as one person may hold a right to it: the class of that, if any, and what of the entry gave them rights.

    `told`: they were sent it, `alone` and nothing before it; `keeps`: it raised the class, and they kept sight; `granted_at`: a DSL granted it.
    What was taken back again gave nothing.
    """

    id: UUID
    class_: Class
    rises: bool
    recorded_at: datetime
    right: Class | None
    told: bool
    alone: bool
    keeps: bool
    granted_at: datetime | None


def not_told(entries: Sequence[Held], entry_id: UUID, *, recorded: Class) -> dict[UUID, Class | None]:
    """Return what becomes of somebody's rights to an incident when they were not told of one entry after all: entry → class, None where it is gone.

    That entry's alert gave a right to it and to the earlier ones of no higher class, or raised one that was there. What else gave it stays.
    `entries`: all of them, in their order; `recorded`: the class the first was recorded with.
    """
    place = next(place for place, entry in enumerate(entries) if entry.id == entry_id)
    came_to = [recorded]  # the incident's class, as it stood after each entry
    for entry in entries[1:]:
        came_to.append(came_to[-1] if entry.rises else max(came_to[-1], entry.class_))
    given: list[tuple[int, Class, bool]] = []  # by which entry, up to which class, alone
    for at, entry in enumerate(entries):
        class_ = came_to[at] if entry.rises else entry.class_
        if entry.told and at != place:
            given.append((at, class_, entry.alone))
        if entry.keeps:
            given.append((at, class_, False))
        if entry.granted_at is not None and at != place:
            until = max([at, *(there for there, other in enumerate(entries) if other.recorded_at <= entry.granted_at)])
            given.append((until, came_to[until] if entry.rises else entry.class_, False))
    taken = came_to[place] if entries[place].rises else entries[place].class_
    left: dict[UUID, Class | None] = {}
    for at, entry in enumerate(entries[: place + 1]):
        if entry.right == taken and (at == place or not entries[place].alone):
            most = max((class_ for by, class_, alone in given if by == at or (by > at and not alone)), default=None)
            if most is None or most < taken:
                left[entry.id] = most
    return left


def _class_then(entry: Seen, class_: Class) -> Class:
    return max(entry.facts.class_, class_) if entry.rises else entry.facts.class_


def _reading(person_id: UUID, roles: Collection[str]) -> Reading:
    """Return the reading rule of a member of staff."""
    return Reading(person_id=person_id, role_class=permissions.highest_class_read(roles), records=permissions.may_record(roles))
