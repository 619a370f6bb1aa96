"""Who loses sight of what when the class of an incident is raised, and what a DSL's alert opens to somebody. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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


def _class_then(entry: Seen, class_: Class) -> Class:
    return max(entry.facts.class_, class_) if entry.rises else entry.facts.class_


def _reading(person_id: UUID, roles: Collection[str]) -> Reading:
    """Return the reading rule of a member of staff."""
    return Reading(person_id=person_id, role_class=permissions.highest_class_read(roles), records=permissions.may_record(roles))
