"""The pack for an inspection: how much was recorded and how soon it was answered, and whole records with nobody's name in them. Pure.

An inspector asks to be shown how a concern was dealt with. Which records are shown is chosen by a rule that is printed, and by nobody. Every name is
replaced by a letter or a role; what was found, and what only looks like a name, is shown to a DSL, who keeps, adds and checks it before it is made.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from safekeep import printing, spelling
from safekeep import text as texts
from safekeep.contracts.incidents import EntryItem, IncidentAnswer
from services.reports import chronology, counting, redaction
from services.reports.chronology import KINDS, ROLES, Asked
from services.reports.governing import Concern, Counted
from services.reports.packs import TITLES, part

CLASSES: Final = ("protection", "safeguarding", "welfare", "general")
MOST_SHOWN: Final = 10
RULE: Final = (
    "These records were chosen by a rule and by nobody: of each class in turn, protection first, the next in an order that follows from the "
    "records’ own identifiers and the days of this pack. Whoever makes the pack cannot choose them, and the same days choose the same ones."
)
NAMELESS: Final = (
    "Each pupil is a letter, the same throughout a record, and each member of staff their role. Days are counted from the first. "
    "The designated safeguarding lead has read each record through before it was printed."
)
OWN_CHILD: Final = (
    "Whoever made this pack is, or is a parent of, a pupil of the school. What is recorded about that pupil, if anything, is not in its numbers "
    "and not among its records. A pack made by another designated safeguarding lead has everything."
)
"""Printed whether there is anything or not: what their own child's record holds, or that there is one, nobody learns from it."""
_MARKS: Final = {
    "name": "[another person]",
    "initials": "[initials]",
    "relation": "[a relative]",
    "title": "[a professional]",
    "contact": "[a number or address]",
    "address": "[an address]",
    "birth": "[a date of birth]",
    "number": "[a number]",
    "guess": "[a name]",
}
BY_HAND: Final = "[left out]"
_TITLES: Final = frozenset({"mr", "mrs", "miss", "ms", "mx", "dr", "sir"})
_NOBODY: Final = redaction.Person("—", "pupil")
"""Whose own words are never proposed: here nobody's, since the pupil's name is to go too."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An incident that may be shown."""

    id: UUID
    class_code: str


@dataclass(frozen=True, slots=True)
class AskedFor:
    """What an inspector asked to be shown, by name; all where nothing is said."""

    category: str | None = None
    year_group: str | None = None
    with_referral: bool = False

    def is_met_by(self, counted: counting.Counted) -> bool:
        """Whether an incident, as it counts now, is what was asked for."""
        return (
            (self.category is None or self.category in counted.categories)
            and self.year_group in {None, counted.year_group}
            and (bool(counted.referrals) or not self.with_referral)
        )

    def in_words(self, *, category_names: Mapping[str, str]) -> str:
        """Return "of the category Bullying, of Year 7, with a referral", or nothing."""
        said = [
            f"of the category {category_names.get(self.category, self.category.replace('_', ' '))}" if self.category else "",
            f"of {self.year_group.replace('_', ' ').capitalize()}" if self.year_group else "",
            "with a referral" if self.with_referral else "",
        ]
        return ", ".join(filter(None, said))


EVERYTHING: Final = AskedFor()


def in_turn(candidates: Iterable[Candidate], *, since: date, until: date) -> list[UUID]:
    """Return the incidents in the order in which they are shown: a class in turn, within it by a hash that nobody chooses."""

    def place(candidate: Candidate) -> str:
        return hashlib.sha256(f"{since}|{until}|{candidate.id}".encode()).hexdigest()

    waiting = {code: sorted((c for c in candidates if c.class_code == code), key=place, reverse=True) for code in CLASSES} if candidates else {}
    order: list[UUID] = []
    while any(waiting.values()):
        order += [waiting[code].pop().id for code in CLASSES if waiting[code]]
    return order


# --- numbers -----------------------------------------------------------------------------------------------------------------


def numbers(counted: Counted, *, since: date, until: date, category_names: Mapping[str, str]) -> list[Any]:
    """Return the parts with what was counted between two days, both included; what is not counted says so instead of showing none."""
    concerns = [concern for concern in counted.concerns if since <= concern.on <= until]
    by_category = sorted(
        {(c.class_code, c.category) for c in concerns}, key=lambda pair: (CLASSES.index(pair[0]), category_names.get(pair[1], pair[1]))
    )
    of_class = [(code, sum(c.class_code == code for c in concerns)) for code in CLASSES]
    months = sorted({(c.on.year, c.on.month) for c in concerns})
    referrals = [known for concern in concerns for known in concern.referrals]
    counts_referrals = counted.known is None or "referrals" in counted.known
    plural = "incident was" if len(concerns) == 1 else "incidents were"
    return [
        part(
            "What was recorded",
            words=[
                f"{len(concerns)} {plural} recorded from {chronology.day(since)} to {chronology.day(until)}. Each counts once, by its highest class."
            ],
            columns=("Class", "Incidents"),
            rows=[(code.capitalize(), str(number)) for code, number in of_class],
        ),
        part(
            "By category",
            columns=("Category", "Class", "Incidents"),
            rows=[
                (
                    category_names.get(category, category.replace("_", " ")),
                    code,
                    str(sum((c.class_code, c.category) == (code, category) for c in concerns)),
                )
                for code, category in by_category
            ],
            words=() if by_category else ("Nothing was recorded in these days.",),
        ),
        part(
            "By month",
            columns=("Month", "Incidents"),
            rows=[(f"{date(year, month, 1):%B %Y}", str(sum((c.on.year, c.on.month) == (year, month) for c in concerns))) for year, month in months],
            words=() if months else ("Nothing was recorded in these days.",),
        ),
        part(
            "How soon it was answered",
            columns=("", "Incidents", "Half of them within", "Within a day"),
            rows=[
                _soon("Read by somebody who was alerted", concerns, [c.acknowledged for c in concerns]),
                _soon("First action below it", concerns, [c.answered for c in concerns]),
            ],
            words=[f"{counted.overdue} of what was asked of somebody {'is' if counted.overdue == 1 else 'are'} overdue today."],
        ),
        part(
            "Referrals",
            words=[
                f"{len(referrals)} {'referral was' if len(referrals) == 1 else 'referrals were'} made; of {sum(referrals)} the outcome is known."
                if counts_referrals
                else "Referrals and their outcomes are not counted here: they stand in each record."
            ],
        ),
        part("Training", words=["Training is not entered in Safekeep. Show the school’s own record of it."]),
    ]


def _soon(name: str, concerns: Sequence[Concern], minutes: Sequence[int | None]) -> tuple[str, str, str, str]:
    known = [value for value in minutes if value is not None]
    within = sum(value <= 24 * 60 for value in known)
    return name, f"{len(known)} of {len(concerns)}", duration(int(median(known))) if known else "", f"{within}" if known else ""


def duration(minutes: int) -> str:
    """Return "12 minutes", "3 hours 10 minutes", "2 days 4 hours"."""

    def some(number: int, noun: str) -> str:
        return f"{number} {noun}{'' if number == 1 else 's'}" if number else ""

    days, hours, left = minutes // 1440, minutes % 1440 // 60, minutes % 60
    parts = (some(days, "day"), some(hours, "hour")) if days else (some(hours, "hour"), some(left, "minute"))
    return " ".join(filter(None, parts)) or "under a minute"


# --- records without names ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Replaced:
    """Words that were found, what stands in their place, and by what they were found. `kept`: a DSL lets them stand."""

    words: str
    mark: str
    why: str
    kept: bool


class Nameless:
    """Takes the names out of one record: of its pupils, of the school's staff, of whoever else is written about."""

    def __init__(
        self,
        record: IncidentAnswer,
        *,
        staff: Mapping[UUID, str],
        register: Sequence[redaction.Person] = (),
        keep: Collection[str] = (),
        added: Collection[str] = (),
    ) -> None:
        """`register`: the school's pupils, of whom any may be named in it, by their names and what they are called."""
        pupils = [record.pupil.name, *(linked.name for linked in record.linked_pupils)]
        called = {each.name: each.known_as for each in register if each.name in pupils}
        roles = {entry.author_id: ROLES.get(entry.author_role, "member of staff") for entry in record.entries}
        self.roles = {person: f"a {roles[person]}" if person in roles else "a member of staff" for person in staff} | {
            person: f"a {role}" for person, role in roles.items()
        }
        names = {name for name in staff.values() if name} | {entry.author_name for entry in record.entries}
        by_name = {entry.author_name: f"[a {roles[entry.author_id]}]" for entry in record.entries}
        self._marks = [(_words(f"{name} {called.get(name, '')}"), f"[Pupil {chr(ord('A') + number)}]") for number, name in enumerate(pupils[:26])]
        self._marks += [(_words(name), by_name.get(name, "[a member of staff]")) for name in sorted(names)]
        self._initials = [sorted(part[0] for part in _words(name)) for name in (*pupils[:26], *sorted(names))]
        others = [each for each in register if each.name not in pupils]
        self._others = [_words(f"{each.name} {each.known_as}") for each in others]
        known = [redaction.Person(name, "pupil", known_as=called.get(name, ""), linked=True) for name in pupils] + others
        known += [redaction.Person(name, "staff") for name in sorted(names)]
        self._names = redaction.Names(known, about=_NOBODY, staff_too=True, is_word=spelling.is_spelt)
        self._keep = {_plain(words) for words in keep}
        self._added = [words for words in added if words.strip()]
        self.found: dict[str, Replaced] = {}

    def __call__(self, said: str) -> str:
        """Return a text with what was found replaced, but for what a DSL lets stand; remember what was found."""
        places: list[tuple[int, int, str]] = [(first, end, BY_HAND) for first, end in self._by_hand(said)]
        for proposal in self._names.proposals(said):
            words = said[proposal.first : proposal.end]
            mark = self._mark(words, proposal.why)
            kept = _plain(words) in self._keep
            self.found.setdefault(_plain(words), Replaced(" ".join(words.split()), mark, proposal.why, kept))
            if not kept:
                places.append((proposal.first, proposal.end, mark + _owning(words)))
        runs = redaction.joined((first, end) for first, end, _ in places)
        marks = (next(mark for first, end, mark in places if start <= first and end <= stop) for start, stop in runs)
        return redaction.redacted(said, runs, marks=marks)

    def _by_hand(self, said: str) -> Iterator[tuple[int, int]]:
        for words in self._added:
            for match in re.finditer(rf"(?<!\w){re.escape(words.strip())}(?!\w)", said, re.IGNORECASE):
                yield match.span()

    def _mark(self, words: str, why: str) -> str:
        folded = _words(words) - _TITLES
        whose = [mark for name, mark in self._marks if folded and folded <= name]
        if whose:
            return whose[0]
        if why == "initials":
            letters = sorted(c for c in texts.fold(words) if c.isalpha())
            return next((mark for of, (_, mark) in zip(self._initials, self._marks, strict=True) if of == letters), _MARKS[why])
        if why == "name" and any(folded <= name for name in self._others):
            return "[another pupil]"
        return _MARKS[why]


def record_of(number: int, record: IncidentAnswer, *, nameless: Nameless, asked: Asked) -> dict[str, Any]:
    """Return a whole record as a group of entries, as documents take them, without a name, a number or a date."""
    first = min(entry.recorded_at for entry in record.entries)
    letters = len(record.linked_pupils)
    others = f", about Pupil A; {letters} other pupil{'s are' if letters != 1 else ' is'} linked" if letters else ", about Pupil A"
    entries = [_entry(entry, record=record, nameless=nameless, asked=asked, first=first) for entry in record.entries]
    return {"name": f"Record {number}: {record.class_code}{others}", "entries": entries}


def _entry(entry: EntryItem, *, record: IncidentAnswer, nameless: Nameless, asked: Asked, first: datetime) -> dict[str, Any]:
    own, words = printing.said_of_action(entry.details, names=nameless.roles, zone=asked.zone) if entry.details and not entry.destroyed else ([], "")
    own = [line for line in own if not line.startswith(("By ", "When: "))]  # a date says which record it is
    categories = ", ".join(asked.category_names.get(code, code.replace("_", " ")) for code in record.categories)
    about = [
        f"{_days(first, entry.recorded_at, zone=asked.zone)}, by {nameless.roles[entry.author_id]}",
        f"Class: {entry.class_code}{f'; categories: {categories}' if entry.kind == 'incident' and categories else ''}",
        *(nameless(line) for line in own),
        f"From now on: {entry.status.status}" if entry.status else "",
        f"Alerted: {len(entry.recipients)} {'person' if len(entry.recipients) == 1 else 'people'}" if entry.recipients else "",
        f"Attached: {len(entry.files)} {'file' if len(entry.files) == 1 else 'files'}, not shown" if entry.files else "",
        "A body map was drawn; it is not shown" if entry.kind == "incident" and record.facts and record.facts.body_map else "",
    ]
    said = "\n\n".join(filter(None, (entry.text, words, f"Why: {entry.reason}" if entry.reason else "")))
    if entry.destroyed:
        said = "What it said was destroyed."
    taken = record.facts.action_taken if record.facts and entry.kind == "incident" else ""
    return {
        "heading": KINDS[entry.kind],
        "about": [line for line in about if line],
        "text": printing.marked(nameless(said)),
        "child": False,
        "action_taken": nameless(taken) if taken else "",
        "body_map": {},
        "files": [],
    }


def _days(first: datetime, at: datetime, *, zone: str) -> str:
    """Return when something was recorded, counted from the first day: the date itself could say which record it is."""
    local, begun = at.astimezone(ZoneInfo(zone)), first.astimezone(ZoneInfo(zone))
    days = (local.date() - begun.date()).days
    return f"{'The first day' if days == 0 else 'The next day' if days == 1 else f'{days} days later'} at {local:%H:%M}"


def _owning(words: str) -> str:
    """Return "’s" where words end so: whose something is is to be read still."""
    return "’s" if re.search(r"['’]s$", words) else ""


def _plain(words: str) -> str:
    """Return words as they are compared: on one line, whatever their case and accents."""
    return texts.fold(" ".join(words.split()))


def _words(name: str) -> frozenset[str]:
    return frozenset(part for part in re.split(r"[^\w]+", texts.fold(re.sub(r"['’]s\b", "", name))) if part)


# --- the whole pack ----------------------------------------------------------------------------------------------------------


def content(
    counted: Counted,
    records: Sequence[dict[str, Any]],
    *,
    since: date,
    until: date,
    reason: str,
    asked: Asked,
    own_child: bool = False,
    asked_for: AskedFor = EVERYTHING,
) -> dict[str, Any]:
    """Return all that the document says, in strings. `own_child`: who makes it has a child at the school, of whom nothing is counted or shown."""
    days = f"{chronology.day(since)} to {chronology.day(until)}"
    title = f"{asked.school_name}: {TITLES['ofsted'][0].lower()}{TITLES['ofsted'][1:]}"
    printed = chronology.moment(asked.at, zone=asked.zone)
    head, named = chronology.ledger(asked), asked_for.in_words(category_names=asked.category_names)
    return {
        "title": title,
        "description": f"{TITLES['ofsted']}, {asked.school_name}",
        "footer": chronology.footer(title, reason=reason, asked=asked),
        "facts": [
            {"name": "School", "value": asked.school_name},
            {"name": "Days", "value": days},
            {"name": "Asked for by", "value": f"{asked.by}, {printed}"},
            {"name": "Why", "value": reason},
            *([{"name": "Ledger", "value": head}] if head else []),
        ],
        "notes": [
            "These are whole numbers, small ones too: they are for the inspector, and are not to be published.",
            *([OWN_CHILD] if own_child else []),
            *([f"The inspector asked for records {named}: they are chosen among those."] if named else []),
            *([RULE, NAMELESS] if records else ["No record is shown."]),
        ],
        "summary": [],
        "opening": numbers(counted, since=since, until=until, category_names=asked.category_names),
        "months": list(records),
        "closing": [],
        "empty": "",
        "made": chronology.parts(asked.at),
        "fonts": list(printing.FONTS),
    }
