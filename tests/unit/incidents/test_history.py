"""What entries mean to counting."""

import datetime as dt
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from safekeep.permissions import Category, Class
from services.incidents import history

CHILD, OTHER, THIRD = (UUID(int=n) for n in (1, 2, 3))
CATEGORIES = {
    "behaviour": Category("behaviour", Class.GENERAL, (), False),
    "welfare": Category("welfare", Class.WELFARE, (), False),
    "abuse": Category("abuse", Class.PROTECTION, (), False),
}


@pytest.mark.parametrize(
    ("born", "on", "year"),
    [
        (dt.date(2014, 9, 1), dt.date(2026, 9, 1), "year_7"),
        (dt.date(2015, 8, 31), dt.date(2026, 9, 1), "year_7"),  # the youngest of the year
        (dt.date(2014, 8, 31), dt.date(2026, 9, 1), "year_8"),
        (dt.date(2014, 9, 1), dt.date(2026, 8, 31), "year_6"),
        (dt.date(2021, 9, 1), dt.date(2026, 9, 1), "reception"),
        (dt.date(2022, 9, 1), dt.date(2026, 9, 1), "nursery"),
        (dt.date(2008, 9, 1), dt.date(2026, 9, 1), "year_13"),
    ],
)
def test_a_year_group_is_that_of_the_age_on_the_day(born: dt.date, on: dt.date, year: str) -> None:
    assert history.year_group(born, on=on) == year


@pytest.mark.parametrize(
    ("born", "left_on", "counts"),
    [
        (dt.date(2008, 9, 1), None, True),
        (dt.date(2008, 8, 31), None, False),  # past school age, though nobody has said that they left
        (dt.date(2022, 9, 1), None, True),
        (dt.date(2015, 5, 1), dt.date(2026, 9, 1), False),
        (dt.date(2015, 5, 1), dt.date(2026, 9, 2), True),
        (dt.date(2015, 5, 1), dt.date(2020, 7, 20), False),
    ],
)
def test_on_roll_is_who_is_of_school_age_and_not_gone(born: dt.date, left_on: dt.date | None, counts: bool) -> None:
    assert history.on_roll([(born, left_on)], today=dt.date(2026, 9, 1)) == counts


def an_entry(number: int, kind: str, *, categories: list[str] | None = None, facts: dict[str, Any] | None = None) -> Any:
    at = dt.datetime(2026, 3, number, 12, tzinfo=dt.UTC)
    return SimpleNamespace(
        id=UUID(int=100 + number), incident_id=UUID(int=50), kind=kind, recorded_at=at, categories=categories or [], facts=facts or {}
    )


def said(*entries: Any, pupils: list[UUID], class_: Class, moves: dict[UUID, tuple[UUID, UUID]] | None = None) -> list[Any]:
    born = {CHILD: dt.date(2014, 9, 1), OTHER: dt.date(2016, 9, 1)}
    return history.happenings(entries, pupil_ids=pupils, moves=moves or {}, class_=class_, categories=CATEGORIES, born=born, zone="Europe/London")


def test_the_class_is_said_where_it_was_given_and_where_it_rose_and_its_main_category_with_it() -> None:
    told = said(
        an_entry(1, "incident", categories=["behaviour"]),
        an_entry(2, "action"),
        an_entry(3, "action", categories=["welfare"]),
        an_entry(4, "correction", facts={"corrects": "x"}),
        an_entry(5, "action", categories=["abuse"]),
        pupils=[CHILD],
        class_=Class.PROTECTION,
    )
    assert [h.class_code for h in told] == ["general", None, "welfare", "protection"], "a correction is no happening"
    assert [h.category for h in told] == ["behaviour", "behaviour", "welfare", "abuse"]
    assert told[-1].categories == ["behaviour", "welfare", "abuse"]


def test_a_category_whose_class_was_changed_since_never_says_more_than_the_incident_has() -> None:
    """The school has raised what "abuse" is kept as; the incident was recorded before that and is welfare."""
    assert [h.class_code for h in said(an_entry(1, "incident", categories=["abuse"]), pupils=[CHILD], class_=Class.WELFARE)] == ["welfare"]


def test_before_a_move_it_was_about_another() -> None:
    moved, again = an_entry(2, "correction"), an_entry(3, "correction")
    moves = {moved.id: (THIRD, CHILD), again.id: (CHILD, OTHER)}
    told = said(an_entry(1, "incident", categories=["welfare"]), moved, again, pupils=[OTHER, UUID(int=9)], class_=Class.WELFARE, moves=moves)
    assert [(h.kind, h.pupil_ids[0], h.year_group) for h in told] == [
        ("recorded", THIRD, None),  # a pupil not listed
        ("moved", CHILD, "year_6"),
        ("moved", OTHER, "year_4"),
    ]
    assert all(h.pupil_ids[1] == UUID(int=9) for h in told)


def test_an_action_says_its_kind_what_it_is_of_and_by_when() -> None:
    of = UUID(int=7)
    kinds = [
        {},
        {"action": "asked", "owner": str(CHILD), "due": "2026-03-09"},
        {"action": "outcome", "of": str(of)},
        {"action": "referral", "to": "MASH", "outcome": "Accepted"},
        {"action": "referral", "to": "MASH", "outcome": ""},
    ]
    first = an_entry(1, "incident", categories=["welfare"])
    told = said(first, *(an_entry(n, "action", facts=facts) for n, facts in enumerate(kinds, start=2)), pupils=[CHILD], class_=Class.WELFARE)[1:]
    assert [(h.what, h.of_id, h.due_on, h.settled) for h in told] == [
        ("done", None, None, False),
        ("asked", None, dt.date(2026, 3, 9), False),
        ("outcome", of, None, False),
        ("referral", None, None, True),
        ("referral", None, None, False),
    ]
