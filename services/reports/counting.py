"""What an incident counts as: its month, class and categories, as the events about it have said so far."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from safekeep.permissions import Class

FIRST_ZONE = "Europe/London"
"""The zone of a school of which nothing was heard yet; its months are set right when identity's word comes."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One incident as it is counted: once, in the month it was recorded, under what it is now; answered by the first action below it."""

    recorded_at: datetime
    month: str
    class_: Class
    categories: tuple[str, ...]
    main: str
    actions: int = 0
    answered_at: datetime | None = None


def month_of(moment: datetime, *, zone: str) -> str:
    """Return the month ("2026-03") of a moment where the school is."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m")


def months_between(*, since: date, until: date) -> tuple[str, str]:
    """Return the first and the last month of a period, both included."""
    return since.strftime("%Y-%m"), until.strftime("%Y-%m")


def recorded(*, at: datetime, zone: str, class_: Class, categories: Sequence[str], main: str) -> Counted:
    """Return how a newly recorded incident counts."""
    return Counted(recorded_at=at, month=month_of(at, zone=zone), class_=class_, categories=tuple(dict.fromkeys(categories)), main=main)


def with_action(before: Counted, *, at: datetime, raised_to: Class | None, categories: Sequence[str], main: str) -> Counted:
    """Return how it counts after an action: categories are added, the class and with it the main category may rise, never fall."""
    raised = raised_to is not None and raised_to > before.class_
    return replace(
        before,
        class_=raised_to if raised and raised_to is not None else before.class_,
        categories=tuple(dict.fromkeys([*before.categories, *categories])),
        main=main if raised else before.main,
        actions=before.actions + 1,
        answered_at=min(before.answered_at or at, at),
    )
