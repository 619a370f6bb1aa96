"""The rules of counting."""

import datetime as dt
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safekeep.ids import new_id
from safekeep.permissions import Class
from services.reports import counting
from services.reports.counting import Counted, Happened

INCIDENT, CHILD, OTHER = (UUID(int=n) for n in (1, 2, 3))
MARCH = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


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


def recorded(**more: Any) -> Happened:
    said: dict[str, Any] = {
        "class_": Class.WELFARE,
        "categories": ("welfare", "send"),
        "main": "welfare",
        "pupil_ids": (CHILD,),
        "year_group": "year_7",
    }
    return Happened(**{"id": INCIDENT, "incident_id": INCIDENT, "at": MARCH, "kind": "recorded"} | said | more)


def after(days: float, kind: str = "action", **more: Any) -> Happened:
    return Happened(**{"id": new_id(), "incident_id": INCIDENT, "at": MARCH + dt.timedelta(days=days), "kind": kind} | more)


def folded(*happened: Happened) -> Counted:
    counted = counting.fold(happened, zone="Europe/London")
    assert counted is not None
    return counted


@pytest.mark.parametrize(
    ("raised_to", "class_", "main"),
    [(None, Class.WELFARE, "welfare"), (Class.GENERAL, Class.WELFARE, "welfare"), (Class.PROTECTION, Class.PROTECTION, "child_protection")],
)
def test_an_action_raises_the_class_and_its_main_category_and_never_lowers_it(raised_to: Class | None, class_: Class, main: str) -> None:
    later = after(1, class_=raised_to, categories=("welfare", "child_protection"), main="child_protection")
    found = folded(later, recorded())
    assert (found.class_, found.main, found.actions, found.answered_at) == (class_, main, 1, later.at)
    assert found.categories == ("welfare", "send", "child_protection"), "a category named twice counts once"


def test_what_is_not_recorded_does_not_count() -> None:
    assert counting.fold([after(1)], zone="Europe/London") is None
    assert counting.fold_all([recorded(), after(1)], zone="Europe/London", as_at=MARCH - dt.timedelta(seconds=1)) == {}


def test_an_incident_stands_as_for_the_pupil_for_whom_least_is_done() -> None:
    two = recorded(pupil_ids=(CHILD, OTHER))
    closed = [after(n, "status", what="closed", of_id=pupil) for n, pupil in enumerate((CHILD, OTHER))]
    assert [folded(two, *closed[:n]).standing for n in (0, 1, 2)] == ["open", "open", "closed"]
    assert folded(two, *closed, after(5, "status", what="monitoring", of_id=OTHER)).standing == "monitoring"


def test_a_move_takes_its_year_group_along_and_opens_it_for_whom_it_is_about() -> None:
    closed, moved = after(1, "status", what="closed", of_id=CHILD), after(2, "moved", pupil_ids=(OTHER,), year_group="reception")
    back = after(3, "moved", pupil_ids=(CHILD,), year_group=None)
    assert (folded(recorded(), closed, moved).year_group, folded(recorded(), closed, moved).standing) == ("reception", "open")
    assert (folded(recorded(), closed, moved, back).year_group, folded(recorded(), closed, moved, back).standing) == ("not_known", "open")


def test_what_is_asked_is_due_until_it_is_done_and_a_referral_waits_until_its_outcome_is_known() -> None:
    day = dt.date(2026, 3, 9)
    asked, other = after(1, what="asked", due_on=day), after(1, what="asked", due_on=day)
    given_on = after(2, what="reassigned", of_id=asked.id, due_on=None)
    later = after(3, what="reassigned", of_id=asked.id, due_on=day + dt.timedelta(days=3))
    done = after(4, what="outcome", of_id=other.id)
    assert folded(recorded(), asked, other, given_on).due == (day, day), "given to another by the same day"
    assert folded(recorded(), asked, other, given_on, later, done).due == (dt.date(2026, 3, 12),)
    known, waits = after(1, what="referral", settled=True), after(1, what="referral")
    assert sorted(folded(recorded(), known, waits).referrals) == [False, True]
    assert folded(recorded(), waits, after(2, what="referral_outcome", of_id=waits.id)).referrals == (True,)


def happenings() -> st.SearchStrategy[list[Happened]]:
    kinds: st.SearchStrategy[dict[str, Any]] = st.one_of(
        st.fixed_dictionaries({"kind": st.just("status"), "what": st.sampled_from(["open", "closed"]), "of_id": st.sampled_from([CHILD, OTHER])}),
        st.fixed_dictionaries({"kind": st.just("moved"), "pupil_ids": st.sampled_from([(CHILD,), (OTHER,)])}),
        st.fixed_dictionaries({"kind": st.just("read")}),
        st.fixed_dictionaries({"class_": st.sampled_from([None, *Class]), "categories": st.just(("drugs",)), "main": st.just("drugs")}),
        st.fixed_dictionaries({"what": st.just("asked"), "due_on": st.just(dt.date(2026, 3, 9))}),
    )
    return st.lists(st.tuples(st.floats(0, 30), kinds).map(lambda said: after(said[0], **said[1])), max_size=8)


@given(happened=happenings(), order=st.randoms(use_true_random=False), days=st.floats(0, 31))
def test_the_order_in_which_it_is_heard_and_hearing_it_twice_change_nothing_and_a_past_day_knows_nothing_of_later_ones(
    happened: list[Happened], order: Any, days: float
) -> None:
    """What counts is when it happened."""
    heard = [recorded(), *happened]
    order.shuffle(heard)
    once_each = list({h.id: h for h in heard + heard}.values())
    assert folded(*heard) == folded(recorded(), *happened) == folded(*once_each)
    then = MARCH + dt.timedelta(days=days)
    assert counting.fold_all(heard, zone="Europe/London", as_at=then)[INCIDENT] == folded(*(h for h in heard if h.at <= then))


def test_counts_agree_with_the_record_in_all_but_a_main_category_that_only_an_event_could_say() -> None:
    ours = folded(recorded())
    assert counting.agree(ours, ours)
    assert counting.agree(None, None)
    assert counting.agree(ours, folded(recorded(main="send", categories=("send", "welfare"))))
    wrong: list[Any] = [
        {"class_": Class.GENERAL},
        {"year_group": "year_8"},
        {"categories": ("send",), "main": "send"},
        {"at": MARCH + dt.timedelta(1)},
    ]
    for change in wrong:
        assert not counting.agree(ours, folded(recorded(**change)))
    for happened in (after(1), after(1, "read"), after(1, "status", what="closed", of_id=CHILD)):
        assert not counting.agree(ours, folded(recorded(), happened))
    assert not counting.agree(ours, None)
    assert not counting.agree(None, ours)


@pytest.mark.parametrize(
    ("recorded_", "on_roll", "quiet"),
    [
        ((30, 24, 3), (300, 300, 300), {2}),
        ((30, 24, 13), (300, 300, 300), set()),  # fewer, and more than half as many
        ((3, 3, 0), (300, 300, 300), set()),  # half of next to nothing says nothing
        ((90, 8, 8), (900, 80, 240), {2}),  # a small school with few is no quieter than a large one with many
        ((30, 3), (300, 300), set()),  # of two there is no middle
        ((0, 24, 30, 30), (0, 240, 300, 300), set()),  # nobody is listed there
    ],
)
def test_a_quiet_school_records_fewer_than_half_as_many_a_pupil_as_the_middle_one(recorded_: Any, on_roll: Any, quiet: set[int]) -> None:
    schools = [UUID(int=n) for n in range(len(recorded_))]
    found = counting.quiet(dict(zip(schools, recorded_, strict=True)), on_roll=dict(zip(schools, on_roll, strict=True)))
    assert {school.int for school in found} == quiet
