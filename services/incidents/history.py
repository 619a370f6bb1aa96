"""What an incident's entries mean to counting: codes and times, no name and no word of it.

Events say it as it happens; `History` says it again, for counts that are made anew or compared. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from safekeep.contracts.incidents import Happening
from safekeep.permissions import Category, Class
from services.incidents import following

_FIRST_YEAR = 5
"""Year 1 begins in the September after a child's fifth birthday (compulsory school age in England and Wales, Education Act 1996, s 8)."""


def year_group(born: date, *, on: date) -> str:
    """Return the year group of a child's age on a day: "year_7", "reception", "nursery".

    By age, so that an entry of years ago has the year group of its time, whatever the pupil is in today. A pupil taught out of their year
    counts with those of their age.
    """
    number = _school_year(on) - _school_year(born) - _FIRST_YEAR
    return "nursery" if number < 0 else "reception" if number == 0 else f"year_{number}"


LAST_YEAR = 13
"""The last year of school."""


@dataclass(frozen=True, slots=True)
class Stay:
    """Days on a school's list, from `since` up to the day before `until` (None: they are there). A list says both, or that they are in it."""

    since: date
    until: date | None = None


ALWAYS = date.min
"""Since when a pupil is listed of whom that is not known: a demonstration's, who were there all along."""


def stays_after(before: Sequence[Stay], *, left_on: date | None, today: date) -> list[Stay]:
    """Return a pupil's stays after a list of today has them, with a day of leaving or without.

    Who is listed without one is there: from today on, where they were not or had left. A day of leaving that is over sets right when they
    left, and brings nobody back; one to come of somebody who had left does.
    """
    if not before:
        return [Stay(today, left_on if left_on is None else max(left_on, today))]
    last = before[-1]
    is_gone = last.until is not None and last.until <= today
    if is_gone and (left_on is None or left_on > today):
        others = before if last.since < today else before[:-1]  # who left and came on one day was there all along that day
        return [*others, Stay(today, left_on)]
    return [*before[:-1], Stay(last.since, left_on if left_on is None else max(left_on, last.since))]


def roll(listed: Iterable[tuple[date, Sequence[Stay]]]) -> list[tuple[date, int]]:
    """Return how many are on roll, from each day on which that changes: of school age, and there. `listed`: when born, and their stays, in order.

    Nobody is taken off the list, since a record may be about them. Of whom nobody has said that they left (after Year 6, say), they count
    until they are past school age. Days to come are there as far as they are known.
    """
    changes: dict[date, int] = {}
    for born, stays in listed:
        past_school = date(_school_year(born) + _FIRST_YEAR + LAST_YEAR + 1, 9, 1)
        for stay in stays:
            until = past_school if stay.until is None else min(stay.until, past_school)
            if stay.since < until:
                changes[stay.since] = changes.get(stay.since, 0) + 1
                changes[until] = changes.get(until, 0) - 1
    on_roll, days = 0, []
    for day in sorted(changes):
        if changes[day]:
            on_roll += changes[day]
            days.append((day, on_roll))
    return days


def on_roll(days: Sequence[tuple[date, int]], *, on: date) -> int:
    """Return how many were on roll on a day. `days`: as `roll` says them."""
    return next((number for day, number in reversed(days) if day <= on), 0)


def stays_of(kept: Sequence[Sequence[str | None]], *, left_on: date | None) -> list[Stay]:
    """Return stays as they are kept with a pupil; of whom none are kept they were there all along, until they left."""
    if not kept:
        return [Stay(ALWAYS, left_on)]
    return [Stay(date.fromisoformat(since or ""), date.fromisoformat(until) if until else None) for since, until in kept]


def kept(stays: Sequence[Stay]) -> list[list[str | None]]:
    """Return stays as they are kept, in plain JSON."""
    return [[stay.since.isoformat(), stay.until.isoformat() if stay.until else None] for stay in stays]


def _school_year(day: date) -> int:
    return day.year if day.month >= 9 else day.year - 1


def said_of_action(facts: Mapping[str, Any], *, settled: bool = False) -> dict[str, Any]:
    """Return what an action's own fields mean to counting, as its event says them too.

    `facts`: as they are kept; `settled`: it was a referral with its outcome, whose words were destroyed since.
    """
    details = following.details_of(facts, at=None, precision="exact")
    if details is None:
        return {"what": "done"}
    return {
        "what": details.kind,
        "of_id": details.of_id,
        "due_on": details.due_on,
        "settled": settled or (details.kind == "referral" and bool(details.outcome)),
    }


def happenings(
    entries: Sequence[Any],
    *,
    pupil_ids: Sequence[UUID],
    moves: Mapping[UUID, tuple[UUID, UUID]],
    class_: Class,
    categories: Mapping[str, Category],
    born: Mapping[UUID, date],
    zone: str,
) -> list[Happening]:
    """Return what one incident's entries mean, in their order.

    `pupil_ids`: who is in it now, whom it is about first; `moves`: from whom to whom, by the correction that says so; `class_`: the incident's
    now; `born`: of listed pupils alone; `zone`: the school's. What its class was before it was raised, and which of its categories was the
    main one, follows from what the school's categories are today: only the events said what they were then.
    """
    pupils = list(pupil_ids)
    for from_id, to_id in reversed([moves[entry.id] for entry in entries if entry.id in moves]):
        pupils = [from_id if pupil == to_id else pupil for pupil in pupils]
    codes: list[str] = []
    highest: Class | None = None
    said = []
    rising = [entry.id for entry in entries if entry.kind in {"incident", "action"} and entry.categories]
    for entry in entries:
        day = following.today(entry.recorded_at, zone=zone)
        happening: dict[str, Any] = {"id": entry.id, "incident_id": entry.incident_id, "at": entry.recorded_at}
        if entry.kind == "status":
            said.append(Happening(**happening, kind="status", what=entry.facts["status"], of_id=UUID(entry.facts["pupil"])))
        elif entry.id in moves:
            from_id, to_id = moves[entry.id]
            pupils = [to_id if pupil == from_id else pupil for pupil in pupils]
            said.append(Happening(**happening, kind="moved", pupil_ids=pupils, year_group=_group(pupils, born, on=day)))
        elif entry.kind in {"incident", "action"}:
            codes += [code for code in entry.categories if code not in codes]
            was = class_ if entry.id == rising[-1] else min(class_, max((categories[c].class_ for c in codes if c in categories), default=class_))
            raised, highest = highest is None or was > highest, max(highest or was, was)
            main = max(codes, key=lambda code: categories[code].class_ if code in categories else Class.GENERAL)
            happening |= {"class_code": highest.code if raised else None, "categories": list(codes), "category": main}
            if entry.kind == "incident":
                year = _group(pupils, born, on=day)
                said.append(Happening(**happening, kind="recorded", pupil_ids=pupils, year_group=year))
            else:
                said.append(Happening(**happening, kind="action", **said_of_action(entry.facts, settled=bool(entry.settled))))
    return said


def _group(pupils: Sequence[UUID], born: Mapping[UUID, date], *, on: date) -> str | None:
    return year_group(born[pupils[0]], on=on) if pupils[0] in born else None
