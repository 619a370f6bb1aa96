"""Adding pupils and changing their year and form: every line's fate, and nothing done on a dry run."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from safekeep import actor, clock
from safekeep.contracts.identity import SchoolChanged
from safekeep.contracts.incidents import AddPupils, History, ImportPupils, NewPupil, PupilFate, Record, SearchPupils
from safekeep.errors import Conflict, NotAllowed
from safekeep.ids import new_id
from safekeep.keys import Keys
from safekeep.rpc import Resources
from services.incidents import following, recording, store
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


def test_the_same_list_under_the_same_id_answers_the_same_and_is_carried_out_once(incidents: Any, token_for: Any, ask_service: Any) -> None:
    """Whatever has become of it since; other content, and another person's id, are refused; after seven days it is another list."""
    school = make.create_school(resources=incidents.host)
    token = token_for(roles=["dsl"], school_id=school.id, person_id=school.people["dsl"])
    ask_service(incidents, AddPupils(pupils=[pupil("Gone Away")]), token=token)
    sent = AddPupils(id=new_id(), pupils=[pupil("New Child")], whole=True)
    first = ask_service(incidents, sent, token=token)
    assert ([f.outcome for f in first.items], first.leaving) == (["made"], ["Gone Away"])
    ask_service(incidents, AddPupils(pupils=[pupil("New Child", year="Year 6")]), token=token)
    assert ask_service(incidents, sent, token=token) == first
    (now,) = ask_service(incidents, SearchPupils(q="new", limit=25), token=token).items
    assert now.year == "Year 6", "it was not done again"
    with incidents.host.transaction(incidents.host.engine, school_id=school.id) as tx:
        (kept,) = tx.execute(sa.text("select to_jsonb(imports)::text from imports")).scalars()
    assert not any(name in kept for name in ("Child", "Gone", "Away")), "what is kept of a list holds no name"
    with pytest.raises(Conflict, match="other_content"):
        ask_service(incidents, sent.model_copy(update={"whole": False}), token=token)
    deputy = token_for(roles=["deputy_dsl"], school_id=school.id, person_id=school.people["deputy_dsl"])
    with pytest.raises(Conflict, match="id_taken"):
        ask_service(incidents, sent, token=deputy)
    with clock.set_to(clock.now() + dt.timedelta(days=7, hours=1)):
        later = token_for(roles=["dsl"], school_id=school.id, person_id=school.people["dsl"])
        assert [f.outcome for f in ask_service(incidents, sent, token=later).items] == ["changed"]


def test_a_program_with_credentials_of_its_own_has_keys_of_its_own(incidents: Any, ask_service: Any, keys_folder: Any) -> None:
    school, signing = make.create_school(resources=incidents.host), Keys.load(keys_folder / "process" / "identity.json")
    token = actor.machine_token(keys=signing, machine_id=new_id(), scopes=frozenset({"pupils.import"}), school_id=school.id)
    once = {"key": "one", "content": "a list"}
    answers = [ask_service(incidents, AddPupils(id=new_id(), pupils=[pupil("New Child")]), token=token, once=once) for _ in range(2)]
    assert [[f.outcome for f in answer.items] for answer in answers] == [["made"], ["made"]]
    with pytest.raises(Conflict, match="other_key_content"):
        ask_service(incidents, AddPupils(id=new_id(), pupils=[]), token=token, once=once | {"content": "another"})


class Roll:
    """A school whose list is imported; what is said of its roll."""

    def __init__(self, incidents: Any, token_for: Any, ask_service: Any, service_token_for: Any) -> None:
        self.incidents, self._ask, self._service_token_for = incidents, ask_service, service_token_for
        self.school = make.create_school(resources=incidents.host)
        self._token_for = token_for

    @property
    def token(self) -> str:
        token: str = self._token_for(roles=["dsl"], school_id=self.school.id, person_id=self.school.people["dsl"])
        return token

    def add(self, *pupils: NewPupil, **more: Any) -> Any:
        return self._ask(self.incidents, AddPupils(pupils=list(pupils), **more), token=self.token)

    def found(self, q: str) -> list[dt.date | None]:
        return [p.left_on for p in self._ask(self.incidents, SearchPupils(q=q, limit=25), token=self.token).items]

    def said(self) -> list[int]:
        with self.incidents.host.transaction(self.incidents.host.worker_engine) as tx:
            rows = tx.execute(sa.text("select body->>'on_roll' from outbox where name = 'incidents.roll.changed' order by added_at"))
            return [int(n) for n in rows.scalars()]

    def days(self) -> list[tuple[dt.date, int]]:
        """Return what was said last of the numbers on each day."""
        with self.incidents.host.transaction(self.incidents.host.worker_engine) as tx:
            rows = tx.execute(sa.text("select body->'days' from outbox where name = 'incidents.roll.changed' order by added_at")).scalars().all()
        return [(dt.date.fromisoformat(each["on"]), each["on_roll"]) for each in rows[-1]]

    def by_the_record(self) -> tuple[int, list[tuple[dt.date, int]]]:
        token = self._service_token_for("reports", school_id=self.school.id)
        answer = self._ask(self.incidents, History(), token=token)
        return answer.on_roll, [(each.on, each.on_roll) for each in answer.roll]


@pytest.fixture
def roll(incidents: Any, token_for: Any, ask_service: Any, service_token_for: Any) -> Roll:
    return Roll(incidents, token_for, ask_service, service_token_for)


def test_a_pupil_with_a_leaving_date_is_on_roll_no_more_and_is_back_when_listed_without(roll: Roll) -> None:
    today = dt.date.today()
    ann, bob = pupil("Ann Example"), pupil("Bob Example")
    roll.add(ann, bob)
    roll.add(pupil("Ann Example", left_on=today))
    roll.add(pupil("Bob Example", left_on=today + dt.timedelta(days=9)))
    assert roll.found("ann") == [today], "she is found as before"
    roll.add(ann)
    assert roll.said() == [2, 1, 1, 2]
    assert [(f.outcome, f.problems) for f in roll.add(pupil("Ann Example", left_on=dt.date(2000, 1, 1))).items] == [
        ("refused", {"left_on": "before_born"})
    ]


def test_who_is_not_in_a_whole_list_has_left_and_nobody_has_by_a_list_with_a_line_that_was_refused(roll: Roll) -> None:
    ann, bob, cai = (pupil(f"{name} Example") for name in ("Ann", "Bob", "Cai"))
    roll.add(ann, bob, cai)
    assert roll.add(ann, whole=True, dry_run=True).leaving == ["Bob Example", "Cai Example"]
    assert roll.add(ann, pupil("Too Young", born=dt.date.today() + dt.timedelta(days=1)), whole=True).leaving == []
    assert roll.said() == [3]
    assert roll.add(ann, bob).leaving == [], "a list that is not whole takes nobody off"
    assert roll.add(ann, whole=True).leaving == ["Bob Example", "Cai Example"]
    assert roll.add(ann, whole=True).leaving == [], "twice is as once"
    assert roll.found("cai") == [following.today(clock.now(), zone="Europe/London")]
    assert roll.said() == [3, 1]
    assert roll.by_the_record() == (1, roll.days()), "and the record says the same again"


def test_the_roll_of_a_past_day_is_kept_and_set_right_by_a_date_of_leaving_that_is_told_late(roll: Roll) -> None:
    """Three in January, one gone in March and back in May; in June somebody says that another left in April."""
    ann, bob, cai = (pupil(f"{name} Example") for name in ("Ann", "Bob", "Cai"))
    past_school = dt.date(2034, 9, 1)
    for month, lines, whole in ((1, (ann, bob, cai), False), (3, (ann, bob), True), (5, (cai,), False)):
        with clock.set_to(dt.datetime(2026, month, 1, 12, tzinfo=dt.UTC)):
            roll.add(*lines, whole=whole)
    before = [(dt.date(2026, 1, 1), 3), (dt.date(2026, 3, 1), 2), (dt.date(2026, 5, 1), 3), (past_school, 0)]
    assert roll.days() == before
    with clock.set_to(dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)):
        roll.add(pupil("Ann Example", left_on=dt.date(2026, 4, 1)))
        assert roll.days() == [*before[:2], (dt.date(2026, 4, 1), 1), (dt.date(2026, 5, 1), 2), (past_school, 0)]
        assert roll.by_the_record() == (2, roll.days())


def test_the_day_on_which_pupils_come_and_go_is_the_schools_own(roll: Roll, service_token_for: Any, ask_service: Any) -> None:
    """A quarter past eleven at night by UTC is the next day at a school in summer."""
    ann, bob = pupil("Ann Example"), pupil("Bob Example")
    with clock.set_to(dt.datetime(2026, 6, 30, 23, 15, tzinfo=dt.UTC)):
        roll.add(ann, bob)
        assert [f.outcome for f in roll.add(pupil("Born Today", born=dt.date(2026, 7, 1))).items] == ["made"]
        roll.add(ann, pupil("Born Today", born=dt.date(2026, 7, 1)), whole=True)
        assert roll.found("bob") == [dt.date(2026, 7, 1)]
        assert roll.days()[0] == (dt.date(2026, 7, 1), 2)
        assert roll.said()[-1] == 2, "who leaves on a day is not on roll that day"
        ask_service(roll.incidents, ImportPupils(pupils=[]), token=service_token_for("demo", roll.school.id))
        assert roll.said()[-1] == 2


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
