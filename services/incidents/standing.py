"""What the ledger's entries come to, against the rows that may lawfully change: a class that was raised, whom an incident is about, which
correction says what an entry says now, to whom an entry is kept, who was given a right to read it. Pure: rows come from the caller.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from safekeep.permissions import Class
from services.incidents.recording import FLAG_CLASSES

GONE = frozenset({"assigned", "moved"})
"""Parts of a pupil who is in an incident no more, after the entry that says so."""
FLAG_SAYS = ("kind", "started", "ended", "review", "social_worker", "note")


@dataclass(slots=True)
class Standing:
    """What one incident's entries come to, so far."""

    class_: int = 0
    categories: list[str] = field(default_factory=list)
    pupils: dict[str, str | None] = field(default_factory=dict)  # → their part, None for the one it is about
    assignment: str | None = None
    classes: dict[str, int] = field(default_factory=dict)  # of its entries, as they were recorded
    fixed_by: dict[str, str] = field(default_factory=dict)  # an entry struck → its latest correction
    struck: dict[str, str] = field(default_factory=dict)  # a correction → the entry it strikes
    given: dict[str, list["Given"]] = field(default_factory=dict)  # person → what gave them a right to read
    statuses: dict[str, str] = field(default_factory=dict)  # pupil → how it stands for them


@dataclass(frozen=True, slots=True)
class Given:
    """Somebody was told of an entry, granted it, or keeps it: up to a class, and what stands before it too unless `alone`.

    `owed`: it wrote a right to that very entry, which is there unless it was taken back.
    """

    sequence: int
    entry: str
    class_: int
    alone: bool = False
    owed: bool = True


@dataclass(slots=True)
class Standings:
    """What a school's ledger comes to, so far."""

    incidents: dict[str, Standing] = field(default_factory=dict)
    restrictions: dict[str, tuple[Any, ...]] = field(default_factory=dict)  # → all that a row of it says, and whether it was lifted
    follow_ups: dict[str, tuple[Any, ...]] = field(
        default_factory=dict
    )  # what an entry asks → of which incident, of whom, by when, and what closed it
    flags: dict[str, tuple[Any, ...]] = field(default_factory=dict)  # → of which pupil, and all that was said of it last

    destructions: dict[str, tuple[Any, ...]] = field(default_factory=dict)  # → all that a row of it says, and of which entries

    def add(self, entry: Mapping[str, Any], *, values: Mapping[str, Any], pupils: Sequence[Mapping[str, Any]]) -> None:
        """Take in the ledger's next entry, as it was recorded."""
        kind = entry["kind"]
        if kind == "restriction":
            told = (entry["incident"], entry["entry"], entry["author"], values.get("about"), values.get("keeper"), values.get("dsl"))
            self.restrictions[str(values.get("restriction"))] = (*told, values.get("reason"), False)
        elif kind == "restriction_lifted":
            held = self.restrictions.get(str(values.get("restriction")))
            if held:
                self.restrictions[str(values.get("restriction"))] = (*held[:-1], True)
        elif kind == "destroyed":
            said = (str(values.get(name)) for name in ("proposed_by", "basis", "law", "reason", "decided"))
            numbers = tuple(values.get("sequences") or ())
            self.destructions[str(values.get("destruction"))] = (entry["incident"], entry["entry"], entry["author"], *said, entry["seq"], numbers)
        elif kind == "grant":
            of_it = self.incidents.setdefault(entry["incident"], Standing())
            given = Given(entry["seq"], entry["entry"], _class(values.get("class")))
            of_it.given.setdefault(str(values.get("person")), []).append(given)
        elif kind == "status":
            of_it = self.incidents.setdefault(entry["incident"], Standing())
            of_it.classes[entry["entry"]] = _class(values.get("class"))
            of_it.statuses[str(values.get("fact:pupil"))] = str(values.get("fact:status"))
        elif kind == "flag":
            pupil = next((str(p.get("pupil")) for p in pupils), None)
            self.flags[entry["entry"]] = (pupil, *(values.get(name) for name in FLAG_SAYS))
        elif kind in ("incident", "action", "correction"):
            self._add_words(entry, values=values, pupils=pupils)
            self._add_asking(entry, values=values)

    def _add_words(self, entry: Mapping[str, Any], *, values: Mapping[str, Any], pupils: Sequence[Mapping[str, Any]]) -> None:
        of_it, id_ = self.incidents.setdefault(entry["incident"], Standing()), entry["entry"]
        of_it.classes[id_] = _class(values.get("class"))
        of_it.class_ = max(of_it.class_, of_it.classes[id_])
        of_it.categories += [code for code in values.get("categories") or () if code not in of_it.categories]
        of_it.pupils = {str(p.get("pupil")): None if p.get("part") == "pupil" else p.get("part") for p in pupils if p.get("part") not in GONE}
        given = Given(entry["seq"], id_, of_it.classes[id_], alone=entry["kind"] == "correction")
        called = values.get("fact:called") or ()  # whom a move called in reads what stands before it too
        for told in values.get("recipients") or ():
            person = str(told.get("person_id"))
            of_it.given.setdefault(person, []).append(replace(given, alone=given.alone and person not in called))
        for person in values.get("fact:kept") or ():
            of_it.given.setdefault(str(person), []).append(replace(given, owed=False))
        if values.get("fact:assigned_to"):
            of_it.assignment = id_
            of_it.statuses = {p: status for p, status in of_it.statuses.items() if of_it.pupils.get(p) is not None}  # all but the one it is about
        if values.get("fact:corrects"):
            struck = str(values["fact:corrects"])
            of_it.struck[id_], of_it.fixed_by[struck] = struck, id_

    def _add_asking(self, entry: Mapping[str, Any], *, values: Mapping[str, Any]) -> None:
        kind, of = values.get("fact:action"), str(values.get("fact:of"))
        if kind == "asked":
            self.follow_ups[entry["entry"]] = (entry["incident"], values.get("fact:owner"), values.get("fact:due"), None)
        elif kind == "reassigned" and of in self.follow_ups:
            incident, _, due, closed = self.follow_ups[of]
            self.follow_ups[of] = (incident, values.get("fact:owner"), values.get("fact:due") or due, closed)
        elif kind == "outcome" and of in self.follow_ups:
            self.follow_ups[of] = (*self.follow_ups[of][:-1], entry["entry"])

    def wrong(
        self,
        *,
        entries: Iterable[Any],
        incidents: Iterable[Any],
        pupils: Iterable[Any],
        restrictions: Iterable[Any],
        rights: Iterable[Any],
        taken: Iterable[Any],
        follow_ups: Iterable[Any],
        destructions: Iterable[Any],
    ) -> Iterator[tuple[str, str | None, str]]:
        """Yield (incident, entry, sentence) for each row that says otherwise. What has no place in the ledger is found elsewhere."""
        for row in entries:
            of_it, id_ = self.incidents.get(str(row.incident_id)), str(row.id)
            if of_it is None or id_ not in of_it.classes:
                continue
            rises = str(row.incident_id) in (id_, of_it.struck.get(id_))  # the account, and what corrects it
            if row._mapping["class"] != (of_it.class_ if rises else of_it.classes[id_]):
                yield str(row.incident_id), id_, "Its class is not what it came to."
            latest = of_it.fixed_by.get(of_it.struck.get(id_, id_))
            if _text(row.correction_id) != (None if latest == id_ else latest):
                yield str(row.incident_id), id_, "It is not shown as its latest correction says it."
        seen: dict[str, dict[str, str | None]] = {}
        for row in pupils:
            seen.setdefault(str(row.incident_id), {})[str(row.pupil_id)] = row.part
            of_it = self.incidents.get(str(row.incident_id))
            if of_it is not None and row.status != of_it.statuses.get(str(row.pupil_id), "open"):
                yield str(row.incident_id), None, "How it stands for a pupil is not what was recorded."
        for row in incidents:
            yield from ((str(row.id), None, said) for said in self._of_incident(row, pupils=seen.get(str(row.id), {})))
        yield from self._of_rights(rights, taken=taken)
        yield from self._of_restrictions(restrictions)
        yield from self._of_follow_ups(follow_ups)
        yield from self._of_destructions(destructions)

    def _of_incident(self, row: Any, *, pupils: Mapping[str, str | None]) -> Iterator[str]:
        of_it = self.incidents.get(str(row.id))
        if of_it is None:
            yield "It was put into the record without a place in the ledger."
            return
        if row._mapping["class"] != of_it.class_:
            yield "The incident's class is not what it came to."
        if list(row.categories) != of_it.categories:
            yield "The incident's categories are not those it was given."
        if dict(pupils) != of_it.pupils:
            yield "The pupils in it are not those it was recorded with."
        elif of_it.pupils.get(str(row.pupil_id), "") is not None:
            yield "It is shown as being about another pupil."
        if _text(row.assignment_id) != of_it.assignment:
            yield "Which entry says whom it is about is not what was recorded."

    def _of_rights(self, rows: Iterable[Any], *, taken: Iterable[Any]) -> Iterator[tuple[str, str | None, str]]:
        held = {(str(row.entry_id), str(row.person_id)) for row in taken}
        for row in rows:
            held.add((str(row.entry_id), str(row.person_id)))
            of_it = self.incidents.get(str(row.incident_id), Standing())
            if not any(
                row._mapping["class"] <= each.class_
                and (each.entry == str(row.entry_id) or (not each.alone and each.sequence >= row.ledger_sequence))
                for each in of_it.given.get(str(row.person_id), ())
            ):
                yield str(row.incident_id), str(row.entry_id), "Somebody has a right to read it that nothing gave them."
        for incident, of_it in self.incidents.items():
            for person, given in of_it.given.items():
                if any(each.owed and (each.entry, person) not in held for each in given):
                    yield incident, None, "Somebody who was alerted to it, or granted it, has no right to read it any more, and nothing took it."

    def _of_follow_ups(self, rows: Iterable[Any]) -> Iterator[tuple[str, str | None, str]]:
        known = dict(self.follow_ups)
        for row in rows:
            said = (str(row.incident_id), str(row.owner_id), row.due_on.isoformat(), _text(row.closed_id))
            if known.pop(str(row.id), None) != said:
                yield str(row.incident_id), str(row.id), "What is asked, of whom and by when, is not what was recorded."
        for id_, (incident, *_) in known.items():
            yield incident, id_, "What is asked, of whom and by when, is not what was recorded."

    def _of_destructions(self, rows: Iterable[Any]) -> Iterator[tuple[str, str | None, str]]:
        known, wrong = dict(self.destructions), "What was destroyed, by whom and why, is not what was recorded."
        for row in rows:
            people = (row.incident_id, row.entry_id, row.decided_by, row.proposed_by)
            said = (row.basis, row.law, row.reason, row.decided_why, row.sequence, tuple(n for n in row.sequences if n is not None))
            if known.pop(str(row.id), None) != (*map(str, people), *said):
                yield str(row.incident_id), None, wrong
        for incident, *_ in known.values():
            yield incident, None, wrong

    def wrong_flags(self, rows: Iterable[Any]) -> Iterator[tuple[str, str]]:
        """Yield (flag, sentence) for each that says otherwise than what was said of it last. Those of an import have no place in the ledger."""
        known = dict(self.flags)
        for row in rows:
            said = (str(row.pupil_id), row.kind, *(_day(getattr(row, name)) for name in ("started", "ended", "review")), row.social_worker, row.note)
            kept = known.pop(str(row.id), None)
            if kept is None and row.set_by is not None:
                yield str(row.id), "It was put into the record without a place in the ledger."
            elif kept is not None and (kept != said or row._mapping["class"] != FLAG_CLASSES.get(row.kind)):
                yield str(row.id), "A flag of a pupil is not as it was recorded."
        for id_ in known:
            yield id_, "A flag of a pupil is gone."

    def _of_restrictions(self, rows: Iterable[Any]) -> Iterator[tuple[str, str | None, str]]:
        known = dict(self.restrictions)
        for row in rows:
            people = (row.incident_id, row.entry_id, row.by_id, row.about_id, row.keeper_id, row.dsl_id)
            if known.pop(str(row.id), None) != (*map(str, people), row.reason, row.lifted_at is not None):
                yield str(row.incident_id), None, "Whom it is kept to is not what was recorded."
        for incident, *_ in known.values():
            yield incident, None, "Whom it is kept to is not what was recorded."


def _class(code: Any) -> int:
    try:
        return int(Class.of(str(code)))
    except (KeyError, ValueError):
        return 0


def _day(day: Any) -> str | None:
    return None if day is None else str(day.isoformat())


def _text(id_: Any) -> str | None:
    return None if id_ is None else str(id_)
