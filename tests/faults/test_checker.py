"""The checker finds each kind of broken promise in a made-up history, and nothing in a good one. A seed repeats a schedule."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.history import Asked, Found, Verdict, judge
from tests.faults.nemesis import TARGETS, WEIGHTS, schedule

PEOPLE = ("a", "b")


def history() -> tuple[list[Asked], Found]:
    """Two incidents, one with an action; a third that was answered with a failure and is absent."""
    asked = [
        Asked("i1", "i1", asked_at=0.5, hashes={"h1"}, answered_at=1.0),
        Asked("i2", "i2", asked_at=1.5, hashes={"h2"}, answered_at=2.0),
        Asked("x1", "i1", asked_at=2.5, hashes={"h3"}, answered_at=3.0),
        Asked("i3", "i3", asked_at=3.5, statuses=[503]),
    ]
    told = [(person, entry, f"alert-{person}-{entry}") for entry in ("i1", "i2", "x1") for person in PEOPLE]
    mails = [(person, alert, 100.0) for person, _, alert in told]
    return asked, Found({"i1": ["i1", "x1"], "i2": ["i2"]}, told, mails, ["h1", "h2", "h3"], (2, 1), {"outbox": 0})


def verdict(change: Callable[[Found], Found] = lambda found: found, *, broken_at: tuple[float, ...] = ()) -> Verdict:
    asked, found = history()
    return judge(asked, change(found), people=PEOPLE, broken_at=broken_at)


def test_a_good_history_is_clean() -> None:
    assert verdict().wrong() == {}


def test_answered_with_a_failure_and_wholly_there_is_as_good() -> None:
    asked, found = history()
    told = [(person, "i3", f"alert-{person}-i3") for person in PEOPLE]
    whole = replace(
        found,
        entries={**found.entries, "i3": ["i3"]},
        alerts=[*found.alerts, *told],
        mails=[*found.mails, *((person, alert, 100.0) for person, _, alert in told)],
        chain=[*found.chain, "h4"],
        counted=(3, 1),
    )
    assert judge(asked, whole, people=PEOPLE, broken_at=()).wrong() == {}


BROKEN: list[tuple[str, Callable[[Found], Found], str]] = [
    ("answered and not there", lambda f: replace(f, entries={"i2": ["i2"]}), "lost"),
    ("there twice", lambda f: replace(f, entries={"i1": ["i1", "x1", "x1"], "i2": ["i2"]}), "doubled"),
    ("alerted twice", lambda f: replace(f, alerts=[*f.alerts, ("a", "i1", "another")]), "doubled"),
    ("counted twice", lambda f: replace(f, counted=(3, 1)), "torn"),
    ("not counted", lambda f: replace(f, counted=(2, 0)), "torn"),
    ("an alert is missing", lambda f: replace(f, alerts=f.alerts[1:]), "torn"),
    ("a mail is missing", lambda f: replace(f, mails=f.mails[1:]), "torn"),
    ("not in the chain", lambda f: replace(f, chain=["h1", "h2"]), "torn"),
    ("twice in the chain", lambda f: replace(f, chain=[*f.chain, "h3"]), "torn"),
    ("in the chain and nowhere else", lambda f: replace(f, chain=[*f.chain, "h9"]), "torn"),
    ("the proof does not hold", lambda f: replace(f, proof=["entry 3 was altered"]), "torn"),
    ("there, and nobody is told", lambda f: replace(f, entries={**f.entries, "i3": ["i3"]}), "torn"),
    ("alerted of what is not there", lambda f: replace(f, alerts=[*f.alerts, ("a", "i3", "n")]), "told_of_nothing"),
    ("alerted somebody it was not for", lambda f: replace(f, alerts=[*f.alerts, ("c", "i1", "n")]), "told_of_nothing"),
    ("mailed somebody it was not for", lambda f: replace(f, mails=[*f.mails, ("c", "alert-a-i1", 100.0)]), "told_of_nothing"),
    ("mailed of what nobody asked", lambda f: replace(f, mails=[*f.mails, ("a", "unheard of", 1.0)]), "told_of_nothing"),
    ("the action before its incident", lambda f: replace(f, entries={"i1": ["x1", "i1"], "i2": ["i2"]}), "out_of_order"),
    ("left in an outbox", lambda f: replace(f, left={"outbox": 3}), "stuck"),
    ("mailed twice without a reason", lambda f: replace(f, mails=[*f.mails, ("a", "alert-a-i1", 101.0)]), "doubled"),
]


@pytest.mark.parametrize(("what", "change", "kind"), BROKEN, ids=[what for what, _, _ in BROKEN])
def test_a_broken_promise_is_found(what: str, change: Any, kind: str) -> None:
    assert kind in verdict(change).wrong(), what


def test_what_was_asked_at_the_same_time_may_stand_in_either_order() -> None:
    asked = [Asked("i", "i", asked_at=0, answered_at=1), Asked("x", "i", asked_at=2, answered_at=4), Asked("y", "i", asked_at=3, answered_at=5)]
    for entries, wrong in ((["i", "x", "y"], False), (["i", "y", "x"], False), (["x", "i", "y"], True)):
        found = Found({"i": entries}, [], [], [], (1, 2))
        assert bool(judge(asked, found, people=(), broken_at=()).out_of_order) == wrong


def test_a_mail_is_repeated_at_most_once_for_each_thing_that_broke_while_it_was_handed_over() -> None:
    once: Callable[[Found], Found] = lambda f: replace(f, mails=[*f.mails, ("a", "alert-a-i1", 110.0)])  # noqa: E731
    found = verdict(once, broken_at=(105.0,))
    assert found.wrong() == {}
    assert found.repeated == 1
    assert "doubled" in verdict(once, broken_at=(10.0, 111.0)).wrong(), "broken before and after, not meanwhile"
    twice: Callable[[Found], Found] = lambda f: replace(once(f), mails=[*once(f).mails, ("a", "alert-a-i1", 111.0)])  # noqa: E731
    assert "doubled" in verdict(twice, broken_at=(105.0,)).wrong()


def test_a_seed_repeats_a_schedule_and_another_gives_another() -> None:
    first, again, other = (schedule(seed, 300, kinds=list(WEIGHTS)) for seed in (7, 7, 8))
    assert first == again != other
    assert {fault.kind for fault in first} == set(WEIGHTS), "every kind is there"
    assert {fault.target for fault in schedule(7, 3000, kinds=["kill"])} == set(TARGETS["kill"])
    assert any(fault.together for fault in first)
