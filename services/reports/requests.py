"""Requests for information: of what kind they are, by when each must be answered and why, and when to warn before. Pure.

A day on which nobody could have answered is never taken from whoever must answer, and none is given that the law does not give: where a school
has entered no terms or bank holidays, the day found is the earlier one.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from safekeep.calendar import Calendar, is_school_day

Kind = Literal["subject_access_parent", "subject_access_pupil", "freedom_of_information", "court", "police"]
KINDS: Final[tuple[Kind, ...]] = ("subject_access_parent", "subject_access_pupil", "freedom_of_information", "court", "police")
SUBJECT_ACCESS: Final[frozenset[Kind]] = frozenset({"subject_access_parent", "subject_access_pupil"})

Rule = Literal["one_month", "three_months", "twenty_school_days", "sixty_working_days", "as_given", "identity_first"]
"""Why a request is due when it is: the page has a sentence for each."""

Exemption = Literal["child_abuse_data", "serious_harm", "other_people", "court_papers", "legal_privilege", "foi_personal", "foi_others"]

Step = Literal["soon", "today", "late"]

SCHOOL_DAYS: Final = 20
WORKING_DAYS: Final = 60
"""Freedom of Information Act 2000 s. 10 with its Time for Compliance with Request Regulations: 2004 (SI 2004/3364, reg. 3, maintained schools),
2009 (SI 2009/1369, Northern Ireland) and 2010 (SI 2010/2768, academies): twenty days of school, and never over sixty working days.
"""
MONTHS: Final = 1
MONTHS_WHEN_COMPLEX: Final = 3
"""UK GDPR art. 12A (since 5 February 2026; art. 12(3) before): one month, and two further ones where requests are complex or many; the asker is
told within the first. Days spent asking what somebody means do not count by art. 12A either; here they do, so that nobody answers late by it.
"""
WARN_BEFORE: Final = (14, 7, 2, 0)
"""Days before the day due on which the DSLs are asked, until a school says otherwise."""


@dataclass(frozen=True, slots=True)
class Due:
    """By when a request is to be answered (that day counts), by which rule; None until what starts the time is there."""

    on: date | None
    rule: Rule


def due(
    kind: Kind,
    *,
    received: date,
    identity_proved: date | None = None,
    identity_asked: bool = False,
    extended: bool = False,
    given: date | None = None,
    school: Calendar,
) -> Due:
    """Return by when, and why.

    A subject access request runs from the day it came, or, where the school had reason to ask who the asker is, from the day that was proved
    (UK GDPR art. 12A and 12(6)); to the corresponding day of the month it ends in, or that month's last, and on
    to the next working day where that is a weekend or a bank holiday (the ICO's guide on the right of access). Holidays of the school change
    nothing. Raises ValueError for what cannot be: proof before the request, more time for what is no subject access request, a court without a day.
    """
    if identity_proved is not None and identity_proved < received:
        raise ValueError("proved_before_received")
    if extended and kind not in SUBJECT_ACCESS:
        raise ValueError("not_extendable")
    if kind in SUBJECT_ACCESS:
        if identity_asked and identity_proved is None:
            return Due(None, "identity_first")
        begins = identity_proved if identity_asked and identity_proved is not None else received
        months = MONTHS_WHEN_COMPLEX if extended else MONTHS
        return Due(_working_day_from(school, _months_after(begins, months)), "three_months" if extended else "one_month")
    if kind == "freedom_of_information":
        by_school = _nth(_school_days_after(school, received), SCHOOL_DAYS)
        by_working = _nth(_working_days_after(school, received), WORKING_DAYS)
        assert by_working is not None
        if by_school is not None and by_school <= by_working:
            return Due(by_school, "twenty_school_days")
        return Due(by_working, "sixty_working_days")
    if given is None and kind == "court":
        raise ValueError("court_without_day")
    if given is not None and given < received:
        raise ValueError("due_before_received")
    return Due(given, "as_given")


def latest_to_tell_of_more_time(*, begins: date, school: Calendar) -> date:
    """Return the day by which the asker must have been told that two further months are needed: within the first (UK GDPR art. 12A)."""
    return _working_day_from(school, _months_after(begins, MONTHS))


def warnings(found: Due, *, received: date, before: tuple[int, ...] = WARN_BEFORE) -> tuple[date, ...]:
    """Return the days on which to warn, each once, in order, none before the request came."""
    if found.on is None:
        return ()
    return tuple(sorted({day for day in (found.on - timedelta(days=n) for n in before) if day >= received}))


def step_of(found: Due, *, received: date, warned_on: date | None, today: date) -> Step | None:
    """Return what DSLs are told of an open request today, or None: nothing is due, or it was told. Of what was missed only the last is told."""
    if found.on is None:
        return None
    days = [*warnings(found, received=received), found.on + timedelta(days=1)]
    come = [day for day in days if day <= today]
    if not come or (warned_on is not None and warned_on >= come[-1]):
        return None
    return "late" if today > found.on else "today" if today == found.on else "soon"


def exemptions(kind: Kind) -> tuple[Exemption, ...]:
    """Return what a DSL must think of before they answer, in that order.

    A parent who asks for a child has no right to child abuse data where giving it would not be in the child's best interests (Data Protection
    Act 2018 Sch. 3 para. 21), which is no exemption from what the child asks; nobody has one to what would be likely to cause serious harm to
    anybody's health (Sch. 3 para. 19 of education data, para. 5 of health data), to what is another person's (Sch. 2 para. 16) or to what a
    lawyer advised (Sch. 2 para. 19). Papers of family proceedings are under the court's rules (Family Procedure Rules 2010 r. 12.73); the exemption
    of Sch. 3 para. 18 is for what a court itself processes, and no school's. Freedom of information has exemptions of its own. Courts and
    police are answered by what they have a power to ask for.
    """
    if kind == "subject_access_parent":
        return ("child_abuse_data", "serious_harm", "other_people", "court_papers", "legal_privilege")
    if kind == "subject_access_pupil":
        return ("serious_harm", "other_people", "court_papers", "legal_privilege")
    if kind == "freedom_of_information":
        return ("foi_personal", "foi_others")
    return ("other_people", "court_papers", "legal_privilege")


def is_working_day(school: Calendar, day: date) -> bool:
    """Whether it is a weekday and no bank holiday (Freedom of Information Act 2000 s. 10(6); Christmas and Good Friday are entered as such).

    The Act leaves out what is a bank holiday in any part of the United Kingdom: one that is not entered is counted, and makes the day an earlier one.
    """
    return day.weekday() < 5 and not any(span.kind == "bank_holiday" and span.holds(day) for span in school.spans)


def _months_after(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _working_day_from(school: Calendar, day: date) -> date:
    while not is_working_day(school, day):
        day += timedelta(days=1)
    return day


_AHEAD: Final = 200
"""Days looked ahead: sixty working days are 84 days and the bank holidays among them."""


def _days_after(day: date) -> Iterator[date]:
    return (day + timedelta(days=n) for n in range(1, _AHEAD))


def _school_days_after(school: Calendar, day: date) -> Iterator[date]:
    return (each for each in _days_after(day) if is_school_day(school, each))


def _working_days_after(school: Calendar, day: date) -> Iterator[date]:
    return (each for each in _days_after(day) if is_working_day(school, each))


def _nth(days: Iterator[date], number: int) -> date | None:
    return next((day for n, day in enumerate(days, 1) if n == number), None)
