"""The coach on the bus: what the school knows, and that nothing of what was written stays."""

import logging
from typing import Any

import pytest
import sqlalchemy as sa

from safekeep.contracts.incidents import AdviceItem, Coach
from tests.coach.judging import ADULTS, PUPILS, SARAH, entries, found
from tests.make import GOOD_EXAMPLE, create_pupil
from tests.services.incidents.desk import Desk


@pytest.fixture
def school(desk: Desk) -> Desk:
    for name, id_ in PUPILS.items():
        create_pupil(resources=desk.resources, school=desk.school, name=name, id=id_)
    create_pupil(resources=desk.resources, school=desk.school, name="李明")
    return desk


def ask(desk: Desk, text: str, *, role: str = "teacher", **fields: Any) -> list[AdviceItem]:
    given = {"text": text, "time_given": True, "place_given": True, "pupil_id": SARAH, "adults": list(ADULTS)} | fields
    advice: list[AdviceItem] = desk.ask(Coach(**given), role=role).advice
    return advice


def test_the_service_finds_in_every_entry_what_the_rules_find(school: Desk) -> None:
    for entry in entries():
        written = entry.written
        fields = {
            "of": written.of,
            "action_taken": written.action_taken,
            "kind": written.kind,
            "time_given": written.time_given,
            "place_given": written.place_given,
        }
        assert {item.rule for item in ask(school, written.text, **fields)} == found(entry), entry.number


def test_another_pupils_full_name_is_offered_as_initials(school: Desk) -> None:
    (item,) = ask(school, "Sarah sat with Aisha Khan and 李明 until 12:30.")
    assert (item.rule, item.words, item.offered) == ("full_name", ["Aisha Khan", "李明"], ["AK", "李"])


def test_a_name_of_another_school_is_no_name_of_this_one(desk: Desk) -> None:
    assert ask(desk, "Sarah sat with Aisha Khan until 12:30.") == []


def test_at_risk_now_is_silent_and_still_offers_the_childs_words(school: Desk) -> None:
    answer = school.ask(Coach(text='I think he is bad. She said, "Help."', at_risk_now=True), role="teacher")
    assert (answer.advice, answer.passages) == ([], ["Help."])


def test_nothing_of_what_was_written_is_kept_or_logged(school: Desk, caplog: pytest.LogCaptureFixture) -> None:
    tables = "select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'"

    def everything() -> dict[str, str]:
        with school.resources.transaction(school.resources.engine, school_id=school.school.id) as tx:
            names = [name for name in tx.execute(sa.text(tables)).scalars() if name != "alembic_version"]
            return {name: str(sorted(map(str, tx.execute(sa.text(f"select * from {name}")).all()))) for name in names}

    before = everything()
    with caplog.at_level(logging.DEBUG):
        assert ask(school, GOOD_EXAMPLE.replace("Sarah", "Zqxwv") + " She is obviously lazy.")
    assert everything() == before
    assert "Zqxwv" not in caplog.text
