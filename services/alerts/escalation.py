"""Asking again: whom, and when, while nobody leads an incident. Pure: a policy, a calendar and a few moments give the next time.

What is asked and when follows from the moment an incident began to wait and from nothing else, so a service that was away
finds what it missed, and two that look at once find the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from safekeep import calendar as calendars
from safekeep.calendar import Calendar

Who = Literal["leads", "head", "trust_lead"]
WHO: Final[tuple[Who, ...]] = ("leads", "head", "trust_lead")

AT_RISK: Final = "at_risk_now"
CODES: Final = (AT_RISK, "protection", "safeguarding", "welfare")
"""Which policies a school has: one for "a child may be at risk now", at any hour, and one for each class that has a lead."""
CATCH_UP: Final = 100
"""What was missed of one incident is looked through this far; what lies behind it would only ask the same people again."""


@dataclass(frozen=True, slots=True)
class Step:
    """After so many minutes these are asked."""

    minutes: int
    who: Who


@dataclass(frozen=True, slots=True)
class Policy:
    """How often and whom. `steps` count minutes of school hours (at risk now: of the clock), from when it began to wait.

    `outside` counts minutes of the clock from the end of the school hours, or from when it began to wait if that was later; when school
    begins it starts anew. After the last step all who were asked are asked again every `again` minutes; 0 is never. What nobody has read
    is asked about `before_end` minutes before school hours end.
    """

    steps: tuple[Step, ...]
    again: int = 0
    outside: tuple[Step, ...] = ()
    outside_again: int = 0
    before_end: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """At this moment these are asked. `if_unread`: only where nobody of the Safeguarding team has read it."""

    at: datetime
    who: frozenset[Who]
    if_unread: bool = False


_SCHOOL: Final = (Step(60, "leads"), Step(120, "head"), Step(180, "trust_lead"))
_EVENING: Final = (Step(60, "leads"),)
FIRST: Final[Mapping[str, Policy]] = {
    AT_RISK: Policy(steps=(Step(0, "leads"), Step(5, "head")), again=15),
    "protection": Policy(steps=_SCHOOL, again=240, outside=_EVENING, outside_again=24 * 60, before_end=45),
    "safeguarding": Policy(steps=_SCHOOL, again=240, outside=_EVENING, outside_again=24 * 60, before_end=45),
    "welfare": Policy(steps=_SCHOOL, again=240, before_end=45),
}
"""The first setting of a school."""


def policy_for(policies: Mapping[str, Policy], *, class_code: str, at_risk_now: bool) -> Policy | None:
    """Return the policy an incident goes by; None for a class that has no lead."""
    return policies.get(AT_RISK if at_risk_now else class_code)


def next_asks(policy: Policy, calendar: Calendar, *, begun: datetime, after: datetime, always: bool) -> list[Ask]:
    """Return what is asked at the first moment after `after` at which there is something to ask; [] where there is none.

    `always`: the steps go by the clock, at any hour.
    """
    if always:
        found = [_after(_clock(policy.steps, policy.again, begun=begun, after=after), after)]
    else:
        streams = (_school(policy, calendar, begun=begun, after=after), _outside(policy, calendar, begun=begun, after=after))
        found = [*(_after(stream, after) for stream in streams), before_end(policy, calendar, begun=begun, after=after)]
    asks = [ask for ask in found if ask is not None]
    first = min((ask.at for ask in asks), default=None)
    return [ask for ask in asks if ask.at == first]


def first_asks(policy: Policy, calendar: Calendar, *, begun: datetime, always: bool) -> list[Ask]:
    """Return when each is asked for the first time while nobody leads it, earliest first; not what only the unread is asked about."""
    if always:
        streams = [_clock(policy.steps, 0, begun=begun, after=begun)]
    else:
        streams = [_school(policy, calendar, begun=begun, after=begun), _outside(policy, calendar, begun=begun, after=begun)]
    first: dict[Who, datetime] = {}
    for ask in (ask for stream in streams for ask in stream):
        first |= {who: min(first.get(who, ask.at), ask.at) for who in ask.who}
    return [Ask(at, frozenset(who for who in first if first[who] == at)) for at in sorted(set(first.values()))]


def before_end(policy: Policy, calendar: Calendar, *, begun: datetime, after: datetime) -> Ask | None:
    """Return when next what nobody has read is asked about; on the day it began too, if that was before."""
    if policy.before_end:
        for day in calendars.school_days_from(calendar, calendars.local_day(calendar, max(begun, after))):
            hours = calendars.hours_of(calendar, day)
            assert hours is not None, "a school day has hours"
            at = hours[1] - timedelta(minutes=policy.before_end)
            if at > after and at > begun:
                return Ask(at, frozenset({"leads"}), if_unread=True)
    return None


def missed(policy: Policy, calendar: Calendar, *, begun: datetime, after: datetime, now: datetime, always: bool) -> list[Ask]:
    """Return what there was to ask after a moment up to now, in order."""
    found: list[Ask] = []
    while len(found) < CATCH_UP:
        asks = next_asks(policy, calendar, begun=begun, after=after, always=always)
        if not asks or asks[0].at > now:
            break
        found += asks
        after = asks[0].at
    return found


def _after(stream: Iterator[Ask], moment: datetime) -> Ask | None:
    return next((ask for ask in stream if ask.at > moment), None)


def _clock(steps: tuple[Step, ...], again: int, *, begun: datetime, after: datetime) -> Iterator[Ask]:
    """Yield the steps by the clock, then all of them again and again; what lies before `after` is passed over."""
    for minutes, who in _grouped(steps):
        yield Ask(begun + timedelta(minutes=minutes), who)
    if steps and again:
        last, every = max(step.minutes for step in steps), timedelta(minutes=again)
        number = max((after - begun - timedelta(minutes=last)) // every, 0)
        for n in (number, number + 1, number + 2):
            if n > 0:
                yield Ask(begun + timedelta(minutes=last) + n * every, _everybody(steps))


def _school(policy: Policy, calendar: Calendar, *, begun: datetime, after: datetime) -> Iterator[Ask]:
    """Yield the steps by the time of school hours."""
    for minutes, who in _grouped(policy.steps):
        at = calendars.after_school_minutes(calendar, begun, minutes)
        if at is not None:
            yield Ask(at, who)
    if policy.steps and policy.again:
        last = max(step.minutes for step in policy.steps)
        passed = calendars.school_time_between(calendar, begun, after) if after > begun else timedelta()
        number = max((passed - timedelta(minutes=last)) // timedelta(minutes=policy.again), 0)
        for n in (number, number + 1, number + 2):
            at = calendars.after_school_minutes(calendar, begun, last + n * policy.again) if n > 0 else None
            if at is not None:
                yield Ask(at, _everybody(policy.steps))


def _outside(policy: Policy, calendar: Calendar, *, begun: datetime, after: datetime) -> Iterator[Ask]:
    """Yield the outside steps of the stretch around a moment, then of the next: each begins when school hours end."""
    if not policy.outside:
        return
    moment = max(begun, after)
    for _ in range(3):
        if calendars.in_school_hours(calendar, moment):
            hours = calendars.hours_of(calendar, calendars.local_day(calendar, moment))
            assert hours is not None, "in school hours"
            moment = hours[1]
        since = max(calendars.outside_since(calendar, moment), begun)
        until = calendars.next_opening(calendar, moment)
        asks = _clock(policy.outside, policy.outside_again, begun=since, after=after)
        yield from (ask for ask in asks if until is None or ask.at < until)
        if until is None:
            return
        moment = until


def _grouped(steps: tuple[Step, ...]) -> Iterator[tuple[int, frozenset[Who]]]:
    for minutes in sorted({step.minutes for step in steps}):
        yield minutes, frozenset(step.who for step in steps if step.minutes == minutes)


def _everybody(steps: tuple[Step, ...]) -> frozenset[Who]:
    return frozenset(step.who for step in steps)
