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
    days = history.roll([(born, history.stays_of([], left_on=left_on))])
    assert history.on_roll(days, on=dt.date(2026, 9, 1)) == counts


def day(month: int, number: int = 1) -> dt.date:
    return dt.date(2026, month, number)


@pytest.mark.parametrize(
    ("lists", "stays"),
    [
        ([(day(1), None)], [(day(1), None)]),
        ([(day(1), None), (day(2), None)], [(day(1), None)]),
        ([(day(1), None), (day(2), day(3))], [(day(1), day(3))]),
        ([(day(1), None), (day(4), day(3))], [(day(1), day(3))]),  # told late
        ([(day(1), None), (day(4), day(3)), (day(5), day(3, 20))], [(day(1), day(3, 20))]),  # told late, and set right
        ([(day(1), None), (day(3), day(3)), (day(5), None)], [(day(1), day(3)), (day(5), None)]),  # gone, and back
        ([(day(1), None), (day(3), day(3)), (day(5), day(6))], [(day(1), day(3)), (day(5), day(6))]),  # back for a month
        ([(day(1), None), (day(3), day(3)), (day(3), None), (day(4), None)], [(day(1), day(3)), (day(3), None)]),  # a slip of one day
        ([(day(1), None), (day(2), day(3)), (day(2), None)], [(day(1), None)]),  # stays after all
        ([(day(4), day(2))], [(day(4), day(4))]),  # listed when they had left: since when they were there is not known
        ([(day(4), day(2)), (day(4), None)], [(day(4), None)]),
        ([(day(4), None), (day(5), day(2))], [(day(4), day(4))]),  # left before they were first listed
    ],
)
def test_lists_one_after_the_other_say_when_a_pupil_was_there(
    lists: list[tuple[dt.date, dt.date | None]], stays: list[tuple[dt.date, dt.date | None]]
) -> None:
    found: list[history.Stay] = []
    for today, left_on in lists:
        found = history.stays_after(found, left_on=left_on, today=today)
    assert [(stay.since, stay.until) for stay in found] == stays
    assert history.stays_of(history.kept(found), left_on=None) == found


def test_the_roll_says_each_day_on_which_it_changed_and_of_any_day_how_many_there_were() -> None:
    """Checked against counting heads each day; whoever is past school age is on no roll from the September on."""
    born = dt.date(2015, 5, 1)
    listed = [
        (born, [history.Stay(day(1), day(3)), history.Stay(day(5))]),
        (born, [history.Stay(day(3))]),
        (born, [history.Stay(day(2), day(2))]),
        (dt.date(2007, 9, 1), [history.Stay(day(2), day(12))]),
    ]
    days = history.roll(listed)
    assert days == [(day(1), 1), (day(2), 2), (day(5), 3), (day(9), 2), (dt.date(2033, 9, 1), 0)]
    for n in range(400):
        on = dt.date(2025, 12, 1) + dt.timedelta(days=n)
        heads = sum(any(s.since <= on and (s.until is None or on < s.until) for s in stays) for b, stays in listed if b == born or on < day(9))
        assert history.on_roll(days, on=on) == heads, on


def an_entry(number: int, kind: str, *, categories: list[str] | None = None, facts: dict[str, Any] | None = None, settled: bool | None = None) -> Any:
    at = dt.datetime(2026, 3, number, 12, tzinfo=dt.UTC)
    said = {"categories": categories or [], "facts": facts or {}, "settled": settled}
    return SimpleNamespace(id=UUID(int=100 + number), incident_id=UUID(int=50), kind=kind, recorded_at=at, **said)


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
    gone = an_entry(2, "action", facts={"action": "referral"}, settled=True)  # its words were destroyed
    assert [h.settled for h in said(first, gone, pupils=[CHILD], class_=Class.WELFARE)[1:]] == [True]
