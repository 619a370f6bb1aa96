"""A school is remembered half a minute, and asked anew where a form names a group that is not remembered yet."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from gateway import rpc, schools
from safekeep.contracts.identity import School
from safekeep.ids import new_id


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The groups of the school as identity knows them; how often it was asked is `asked`."""
    codes = ["safeguarding_team"]

    def ask(wanted: Any, token: str) -> Any:
        if isinstance(wanted, School):
            asked.append(wanted)
            return SimpleNamespace(groups=[SimpleNamespace(code=code) for code in codes], categories=[])
        return SimpleNamespace(items=[SimpleNamespace(person_id=new_id())])

    monkeypatch.setattr(rpc, "ask", ask)
    asked.clear()
    yield codes
    schools._remembered.clear()


asked: list[Any] = []
HERE: Any = SimpleNamespace(token="t", place=SimpleNamespace(id=new_id()), may_call=lambda _: True)


def offered(*chosen: str) -> set[str]:
    return {group.code for group in schools.known(HERE, groups=chosen).school.groups}


def test_a_group_that_was_made_a_moment_ago_stays_chosen_where_another_process_has_shown_it(groups: list[str]) -> None:
    assert offered() == {"safeguarding_team"}
    groups.append("first_aiders")
    assert offered("safeguarding_team") == {"safeguarding_team"}, "remembered: nobody is asked"
    assert len(asked) == 1
    assert offered("safeguarding_team", "first_aiders") == {"safeguarding_team", "first_aiders"}
    assert len(asked) == 2
    assert offered("first_aiders") == {"safeguarding_team", "first_aiders"}
    assert len(asked) == 2, "and remembered from then on"
