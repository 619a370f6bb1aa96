"""The rules of counting."""

import datetime as dt
from typing import Any

import pytest

from safekeep.permissions import Class
from services.reports import counting
from services.reports.counting import Counted


@pytest.mark.parametrize(
    ("moment", "zone", "month"),
    [
        (dt.datetime(2026, 6, 30, 23, 30, tzinfo=dt.UTC), "Europe/London", "2026-07"),
        (dt.datetime(2026, 1, 31, 23, 30, tzinfo=dt.UTC), "Europe/London", "2026-01"),
        (dt.datetime(2026, 6, 30, 23, 30, tzinfo=dt.UTC), "Atlantic/Azores", "2026-06"),
    ],
)
def test_a_month_is_the_one_on_the_schools_wall(moment: dt.datetime, zone: str, month: str) -> None:
    assert counting.month_of(moment, zone=zone) == month


def an_incident() -> Counted:
    at = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    return counting.recorded(at=at, zone="Europe/London", class_=Class.WELFARE, categories=["welfare", "welfare", "send"], main="welfare")


def test_a_category_named_twice_counts_once() -> None:
    assert an_incident().categories == ("welfare", "send")


@pytest.mark.parametrize(
    ("raised_to", "class_", "main"),
    [(None, Class.WELFARE, "welfare"), (Class.GENERAL, Class.WELFARE, "welfare"), (Class.PROTECTION, Class.PROTECTION, "child_protection")],
)
def test_an_action_raises_the_class_and_its_main_category_and_never_lowers_it(raised_to: Class | None, class_: Class, main: str) -> None:
    first, later = (dt.datetime(2026, 3, day, tzinfo=dt.UTC) for day in (2, 3))
    said: dict[str, Any] = {"raised_to": raised_to, "categories": ["welfare", "child_protection"], "main": "child_protection"}
    after = counting.with_action(an_incident(), at=later, **said)
    assert (after.class_, after.main, after.actions, after.answered_at) == (class_, main, 1, later)
    assert after.categories == ("welfare", "send", "child_protection")
    assert counting.with_action(after, at=first, **said).answered_at == first, "heard later, and done first"
