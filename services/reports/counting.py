"""What an incident counts as, at any moment: what has happened to it until then, folded in the order of time. Pure.

An incident counts once, in the month it was recorded, under what it is now. What happened is kept (a happening each, by its entry's id), so
that what it counted as on a past day can be said too, and so that an event heard twice, or late, changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from safekeep.permissions import Class

FIRST_ZONE: Final = "Europe/London"
"""The zone of a school of which nothing was heard yet; its months are set right when identity's word comes."""

UNKNOWN_YEAR: Final = "not_known"
"""The year group of an incident about a pupil not listed."""

_RANK: Final = {"recorded": 0, "action": 1, "moved": 1, "status": 1, "read": 2}
"""What comes first of what has the same time: nothing happens to an incident before it is recorded."""


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened to an incident, as an event or the record's history says it; `read`: by the first of those alerted."""

    id: UUID
    incident_id: UUID
    at: datetime
    kind: str
    pupil_ids: tuple[UUID, ...] = ()
    year_group: str | None = None
    class_: Class | None = None
    categories: tuple[str, ...] = ()
    main: str | None = None
    what: str | None = None
    of_id: UUID | None = None
    due_on: date | None = None
    settled: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """One incident as it counts. `referrals`: a referral each, whether its outcome is known; `due`: by when what is asked and not done is due."""

    recorded_at: datetime
    month: str
    class_: Class
    categories: tuple[str, ...]
    main: str
    actions: int = 0
    read_at: datetime | None = None
    answered_at: datetime | None = None
    year_group: str = UNKNOWN_YEAR
    standing: str = "open"
    referrals: tuple[bool, ...] = ()
    due: tuple[date, ...] = ()


def month_of(moment: datetime, *, zone: str) -> str:
    """Return the month ("2026-03") of a moment where the school is."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m")


def months_between(*, since: date, until: date) -> tuple[str, str]:
    """Return the first and the last month of a period, both included."""
    return since.strftime("%Y-%m"), until.strftime("%Y-%m")


def days_of(*, since: date, until: date) -> tuple[date, date]:
    """Return the first and the last day of the months of a period, which are counted whole."""
    return since.replace(day=1), (until.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def fold(happened: Iterable[Happened], *, zone: str) -> Counted | None:
    """Return what one incident counts as after these; None when it is not recorded among them."""
    told = sorted(happened, key=lambda h: (h.at, _RANK[h.kind], h.id))
    first = next((h for h in told if h.kind == "recorded"), None)
    if first is None:
        return None
    class_, main, categories = first.class_ or Class.GENERAL, first.main or "", list(first.categories)
    pupils, year_group = first.pupil_ids, first.year_group
    standings: dict[UUID, str] = {}
    referrals: dict[UUID, bool] = {}
    due: dict[UUID, date] = {}
    actions, read_at, answered_at = 0, None, None
    for h in told:
        if h.kind == "read":
            read_at = read_at or h.at
        elif h.kind == "status" and h.of_id is not None:
            standings[h.of_id] = h.what or "open"
        elif h.kind == "moved":
            pupils, year_group = h.pupil_ids, h.year_group
            standings = {pupil: said for pupil, said in standings.items() if pupil in pupils}  # how it stood was said of another child
        elif h.kind == "action":
            actions, answered_at = actions + 1, answered_at or h.at
            if h.class_ is not None and h.class_ > class_:
                class_, main = h.class_, h.main or main
            categories += h.categories
            _follow(h, referrals=referrals, due=due)
    return Counted(
        recorded_at=first.at,
        month=month_of(first.at, zone=zone),
        class_=class_,
        categories=tuple(dict.fromkeys(categories)),
        main=main,
        actions=actions,
        read_at=read_at,
        answered_at=answered_at,
        year_group=year_group or UNKNOWN_YEAR,
        standing=_least_done(standings.get(pupil, "open") for pupil in pupils),
        referrals=tuple(referrals.values()),
        due=tuple(sorted(due.values())),
    )


def _follow(h: Happened, *, referrals: dict[UUID, bool], due: dict[UUID, date]) -> None:
    if h.what == "referral":
        referrals[h.id] = h.settled
    elif h.what == "referral_outcome" and h.of_id in referrals:
        referrals[h.of_id] = True
    elif h.what == "asked" and h.due_on is not None:
        due[h.id] = h.due_on
    elif h.what == "reassigned" and h.of_id in due and h.due_on is not None:
        due[h.of_id] = h.due_on
    elif h.what == "outcome" and h.of_id is not None:
        due.pop(h.of_id, None)


_LEAST_DONE: Final = ("open", "monitoring", "closed")


def _least_done(standings: Iterable[str]) -> str:
    """Return how an incident stands that stands so for the pupils in it: it is closed when it is closed for all of them."""
    return min(standings, key=_LEAST_DONE.index, default="open")


def fold_all(happened: Iterable[Happened], *, zone: str, as_at: datetime | None = None) -> dict[UUID, Counted]:
    """Return what each incident counts as, now or as at a past moment; one that was not recorded by then is left out."""
    by_incident: dict[UUID, list[Happened]] = {}
    for h in happened:
        if as_at is None or h.at <= as_at:
            by_incident.setdefault(h.incident_id, []).append(h)
    folded = {incident: fold(told, zone=zone) for incident, told in by_incident.items()}
    return {incident: counted for incident, counted in folded.items() if counted is not None}


def agree(ours: Counted | None, source: Counted | None) -> bool:
    """Whether an incident counts as the record says. Its main category is believed where it is one of its categories: events said it at the time."""
    if ours is None or source is None:
        return ours is source
    return _comparable(ours) == _comparable(source) and ours.main in source.categories


def _comparable(counted: Counted) -> tuple[object, ...]:
    return (
        counted.recorded_at,
        counted.class_,
        frozenset(counted.categories),
        counted.actions,
        counted.read_at,
        counted.answered_at,
        counted.year_group,
        counted.standing,
        sorted(counted.referrals),
        counted.due,
    )


# --- tables -------------------------------------------------------------------------------------------------------------------

DAY: Final = 24 * 60
READ_WITHIN: Final = (("hour", 60), ("day", DAY))
ANSWERED_WITHIN: Final = (("day", DAY), ("week", 7 * DAY))


def minutes_after(recorded_at: datetime, later: datetime | None) -> int | None:
    """Return after how many whole minutes something was done; None: not yet."""
    return None if later is None else int((later - recorded_at).total_seconds() // 60)


def within(minutes: int | None, bands: Sequence[tuple[str, int]]) -> str:
    """Return within what time something was done, of `bands` of minutes: the first that reaches, "later", or "not_yet"."""
    if minutes is None:
        return "not_yet"
    return next((name for name, most in bands if minutes <= most), "later")


def tables(counted: Sequence[Counted], *, today: date) -> dict[str, dict[str, int]]:
    """Return the counts of these incidents by what a page shows beside months and categories: table → row → count."""
    return {
        "year_group": _tally(c.year_group for c in counted),
        "standing": _tally(c.standing for c in counted),
        "read": _tally(within(minutes_after(c.recorded_at, c.read_at), READ_WITHIN) for c in counted),
        "answered": _tally(within(minutes_after(c.recorded_at, c.answered_at), ANSWERED_WITHIN) for c in counted),
        "referrals": _tally("settled" if settled else "waiting" for c in counted for settled in c.referrals),
        "follow_ups": _tally("overdue" if due < today else "due" for c in counted for due in c.due),
    }


def _tally(codes: Iterable[str]) -> dict[str, int]:
    tallied: dict[str, int] = {}
    for code in codes:
        tallied[code] = tallied.get(code, 0) + 1
    return tallied


def with_flags(flags: Iterable[tuple[UUID, str, date, date | None]], *, on: date) -> dict[str, int]:
    """Return how many pupils have a flag of each kind on a day. `flags`: (pupil, kind, since, until)."""
    held = {(pupil, kind) for pupil, kind, since, until in flags if since <= on and (until is None or on <= until)}
    return _tally(kind for _, kind in held)


# --- numbers on roll -----------------------------------------------------------------------------------------------------------

Rolls = Sequence[tuple[date, int]]
"""How many were on roll, from each day on which that changed, in order."""


def middle(*, since: date, until: date, today: date) -> date:
    """Return the day whose roll a rate of these days is of: the one in their middle, of those that have come.

    Not the last: leavers are often taken off before a school year ends. Not the first: those who are new are often not listed yet.
    """
    last = min(until, today)
    return last if last <= since else since + (last - since) // 2


def on_roll(rolls: Rolls, *, on: date) -> tuple[date, int] | None:
    """Return how many were on roll on a day, and on which day that was: that day, or where the school's list begins later, its first.

    None where no list is known.
    """
    known = [number for day, number in rolls if day <= on]
    return (on, known[-1]) if known else rolls[0] if rolls else None


# --- a trust's schools side by side --------------------------------------------------------------------------------------------

QUIET_SHARE: Final = 0.5
QUIET_FEWER: Final = 5


def quiet(recorded: Mapping[UUID, int], *, on_roll: Mapping[UUID, int]) -> frozenset[UUID]:
    """Return the schools that record far less than their like: fewer than half as many a pupil as the middle school of the trust records,
    and at least five fewer than that rate would come to. Of fewer than three schools whose numbers on roll are known nothing follows.

    A school that hardly records is as much a risk as one that records much: concerns that are not noticed, or not written down.
    """
    rates = sorted(recorded.get(school, 0) / pupils for school, pupils in on_roll.items() if pupils)
    if len(rates) < 3:
        return frozenset()
    middle = (rates[(len(rates) - 1) // 2] + rates[len(rates) // 2]) / 2
    return frozenset(
        school
        for school, pupils in on_roll.items()
        if pupils and recorded.get(school, 0) < QUIET_SHARE * middle * pupils and middle * pupils - recorded.get(school, 0) >= QUIET_FEWER
    )
