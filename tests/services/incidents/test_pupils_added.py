"""Adding pupils and changing their year and form: every line's fate, and nothing done on a dry run."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from safekeep.contracts.identity import SchoolChanged
from safekeep.contracts.incidents import AddPupils, NewPupil, PupilFate, Record, SearchPupils
from safekeep.errors import NotAllowed
from safekeep.ids import new_id
from safekeep.rpc import Resources
from services.incidents import recording, store
from tests import make

BORN = dt.date(2016, 2, 29)


@pytest.fixture
def incidents(resources: Callable[..., Resources]) -> Any:
    from services.incidents.service import Service

    service = Service()
    service.host = resources("incidents")
    return service


def pupil(name: str, **more: Any) -> NewPupil:
    return NewPupil(**{"name": name, "year": "Year 5", "form": "5A", "born": BORN} | more)


def test_every_line_has_its_fate_and_a_dry_run_does_nothing(incidents: Any, token_for: Any, ask_service: Any) -> None:
    school = make.create_school(resources=incidents.host)
    parent = school.people["teacher"]
    make.create_pupil(resources=incidents.host, school=school, name="Sarah Example", relatives=(parent,))
    token = token_for(roles=["dsl"], school_id=school.id, person_id=school.people["dsl"])
    tomorrow = dt.date.today() + dt.timedelta(days=1)
    lines = [
        pupil("New Child"),
        pupil("new child"),
        pupil("Zoë O'Dorrell", known_as="Zo", form=""),
        pupil("sarah example", year="Year 6"),
        pupil("Sarah Example", born=dt.date(2015, 1, 1)),
        pupil("Too Young", born=tomorrow),
        pupil("Too Old", born=dt.date(1916, 2, 1)),
    ]
    expected = [
        ("made", {}),
        ("refused", {"name": "line_twice"}),
        ("made", {}),
        ("changed", {}),
        ("made", {}),
        ("refused", {"born": "in_future"}),
        ("refused", {"born": "too_long_ago"}),
    ]

    def fates(answer: Any) -> list[tuple[str, dict[str, str]]]:
        items: list[PupilFate] = answer.items
        return [(f.outcome, f.problems) for f in items]

    def found(q: str) -> list[tuple[str, str]]:
        return [(p.name, p.year) for p in ask_service(incidents, SearchPupils(q=q, limit=25), token=token).items]

    assert fates(ask_service(incidents, AddPupils(pupils=lines, dry_run=True), token=token)) == expected
    assert found("child") == []
    assert fates(ask_service(incidents, AddPupils(pupils=lines), token=token)) == expected
    assert found("zo") == [("Zoë O'Dorrell", "Year 5")]
    assert found("child") == [("New Child", "Year 5")]
    assert found("sarah") == [("Sarah Example", "Year 5"), ("sarah example", "Year 6")]
    with incidents.host.transaction(incidents.host.engine, school_id=school.id) as tx:
        changed = next(row for row in store.all_pupils(tx, school_id=school.id) if row.name == "sarah example")
        assert store.concerned_staff(tx, school_id=school.id, pupil_ids=[changed.id]) == {parent}  # whose child it is was not lost
    assert fates(ask_service(incidents, AddPupils(pupils=[lines[0]]), token=token)) == [("unchanged", {})]


@pytest.mark.parametrize("role", ["slt", "teacher", "governor", "trust_it"])
def test_only_dsls_add_pupils(incidents: Any, token_for: Any, ask_service: Any, role: str) -> None:
    school = make.create_school(resources=incidents.host)
    with pytest.raises(NotAllowed):
        ask_service(incidents, AddPupils(pupils=[]), token=token_for(roles=[role], school_id=school.id, person_id=new_id()))


def test_a_new_school_can_record_about_a_pupil_who_is_not_listed(incidents: Any, token_for: Any, ask_service: Any) -> None:
    """Identity's word about a new school makes the pupil that stands for nobody listed; hearing it again changes nothing."""
    from services.incidents.service.events import HANDLERS

    school = make.create_school(resources=incidents.host)
    told = SchoolChanged(
        id=new_id(),
        at=dt.datetime.now(dt.UTC),
        school_id=school.id,
        subject=school.id,
        sequence=1,
        zone="Europe/London",
        day_ends_minute=930,
        trust_id=new_id(),
        categories=[SchoolChanged.CategoryState(code="not_sure", class_code="safeguarding", groups=["safeguarding_team"], leads_only=False)],
        groups=[],
    )
    for _ in range(2):
        with incidents.host.transaction(incidents.host.engine, school_id=school.id) as tx:
            HANDLERS[SchoolChanged](tx, told)
    token = token_for(roles=["teacher"], school_id=school.id, person_id=school.people["teacher"])
    wanted: Record = make.a_record(pupil_id=recording.holding_pupil(school.id), category_codes=["not_sure"], described_pupil="A girl in a red coat")
    assert ask_service(incidents, wanted, token=token).number
    assert ask_service(incidents, SearchPupils(q="listed", limit=25), token=token).items == []
