"""Colleagues are listed by the API page after page, like all else: nobody is left out."""

from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from gateway.api import calls
from gateway.schools import Known
from safekeep.contracts.identity import StaffItem
from safekeep.errors import Invalid
from safekeep.ids import new_id

HERE: Any = SimpleNamespace(may_call=lambda _: True)


@pytest.fixture
def staff(monkeypatch: pytest.MonkeyPatch) -> dict[Any, StaffItem]:
    """Of 130 at a school 120 record and are called alike."""
    people = {
        (id_ := new_id()): StaffItem(person_id=id_, name=f"Sam {number}", job="Cover", roles=["teacher" if number % 13 else "governor"], active=True)
        for number in range(130)
    }
    known: Any = Known.__new__(Known)
    object.__setattr__(known, "staff", people)
    monkeypatch.setattr(calls, "known", lambda _: known)
    return people


def pages(query: str, *, between: Any = lambda: None) -> list[list[Any]]:
    found, cursor = [], ""
    with Flask("gateway").app_context():
        while cursor is not None:
            with Flask("gateway").test_request_context(f"/api/v1/staff?{query}{'&cursor=' + cursor if cursor else ''}"):
                items, cursor = calls.find_staff(HERE)
            found.append([item.id for item in items])
            between()
    return found


@pytest.mark.parametrize(("query", "sizes"), [("q=sam", [50, 50, 20]), ("q=sam&limit=100", [100, 20]), ("", [120]), ("limit=60", [60, 60])])
def test_every_colleague_found_is_on_one_page_and_the_last_says_that_it_is(staff: dict[Any, StaffItem], query: str, sizes: list[int]) -> None:
    found = pages(query)
    assert [len(page) for page in found] == sizes
    assert sorted(id_ for page in found for id_ in page) == sorted(p.person_id for p in staff.values() if p.roles == ["teacher"])


def test_who_leaves_between_two_pages_makes_nobody_else_be_left_out(staff: dict[Any, StaffItem]) -> None:
    """Not even where the last of a page is among them."""
    leaving = sorted(staff)[30:60]
    stay = {p.person_id for p in staff.values() if p.roles == ["teacher"]} - set(leaving)

    def leave() -> None:
        for person in leaving:
            staff.pop(person, None)

    assert stay <= {id_ for page in pages("q=sam", between=leave) for id_ in page}


@pytest.mark.parametrize("query", ["cursor=x", "limit=0", "limit=101", "limit=x"])
def test_a_page_that_is_none_is_refused(staff: dict[Any, StaffItem], query: str) -> None:
    with Flask("gateway").test_request_context(f"/api/v1/staff?{query}"), pytest.raises(Invalid):
        calls.find_staff(HERE)
