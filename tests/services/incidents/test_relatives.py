"""Which staff are a pupil's family: entered by a DSL, by hand or with a list, for a DSL by nobody but themselves; what is recorded is not theirs then."""

import datetime as dt
import json
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep import actor as actors
from safekeep import clock
from safekeep.contracts.identity import StaffChanged
from safekeep.contracts.incidents import AddPupils, ImportPupils, Incident, KeepStandIn, NewPupil, Pupil, PupilFate, Restrict, SeedPupil, SetRelatives
from safekeep.errors import Invalid, NotAllowed, NotFound
from safekeep.ids import new_id
from safekeep.keys import Keys
from safekeep.permissions import Role
from services.incidents import store
from services.incidents.service.events import HANDLERS
from tests.make import create_person
from tests.services.incidents.desk import Desk


def change(desk: Desk, *, by: str = "dsl", pupil: UUID | None = None, person: UUID | None = None, **fields: Any) -> None:
    desk.ask(SetRelatives(pupil_id=pupil or desk.pupil, **fields), role=by, person=person)


def known(desk: Desk, *, role: str = "dsl", person: UUID | None = None) -> list[UUID] | None:
    found: list[UUID] | None = desk.ask(Pupil(pupil_id=desk.pupil), role=role, person=person).relatives
    return found


def rows(desk: Desk, query: str) -> list[Any]:
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        return list(tx.execute(sa.text(query)))


def places(desk: Desk) -> list[tuple[UUID, list[str]]]:
    """Return who entered what: of the ledger."""
    query = "select canonical, openings from ledger join ledger_openings using (school_id, sequence) order by sequence"
    found = [(json.loads(bytes(row.canonical)), row.openings) for row in rows(desk, query)]
    return [(UUID(entry["author"]), openings["values"]["people"]) for entry, openings in found if entry["kind"] == "relatives"]


def audited(desk: Desk) -> list[tuple[UUID, UUID, UUID | None, bool]]:
    """Return what goes to the audit log: of which pupil, whom, who said so, entered or ended. In order of the changes, then of people."""
    bodies = [row.body for row in rows(desk, "select body from outbox where name = 'incidents.audit.relative_changed' order by id")]
    return [(UUID(b["pupil_id"]), UUID(b["person_id"]), UUID(b["by"]) if b["by"] else None, b["entered"]) for b in bodies]


def test_who_is_entered_reads_nothing_of_the_pupil_any_more_and_is_told_of_nothing(desk: Desk) -> None:
    """SLT read it by their role until then; what they wrote themselves stays theirs. Taken off, their role opens it again."""
    incident = desk.record(category_codes=["welfare"]).id
    own = desk.record(role="slt", category_codes=["welfare"]).id
    slt = desk.school.people["slt"]
    assert desk.reads(incident, role="slt") == 1
    for _ in range(2):
        change(desk, entered=[slt])
    assert known(desk) == [slt]
    assert desk.reads(incident, role="slt") == 0
    assert desk.reads(own, role="slt") == 1
    lost = rows(desk, "select body from outbox where name = 'incidents.sight.lost' order by id")
    assert {(row.body["incident_id"], *row.body["people"]) for row in lost} == {(str(incident), str(slt)), (str(own), str(slt))}
    later = desk.record(category_codes=["behaviour"])
    told = [person for row in rows(desk, "select body from outbox where name = 'incidents.incident.recorded'") for person in row.body["recipients"]]
    mine = [
        row.body
        for row in rows(desk, "select body from outbox where name = 'incidents.incident.recorded'")
        if row.body["incident_id"] == str(later.id)
    ]
    assert told
    assert str(slt) not in [recipient["person_id"] for recipient in mine[0]["recipients"]]
    for _ in range(2):
        change(desk, by="deputy_dsl", ended=[slt])
    assert known(desk) == []
    assert desk.reads(incident, role="slt") == 1
    dsl, deputy = desk.school.people["dsl"], desk.school.people["deputy_dsl"]
    assert places(desk) == [(dsl, [str(slt)]), (deputy, [])], "each change once, with who made it"


def test_each_change_is_a_line_for_the_audit_log_with_who_whom_and_of_which_pupil(desk: Desk, service_token_for: Any) -> None:
    """Of each person one, and none of what changes nothing or is refused. An import's has nobody who said so; read twice it is one line."""
    dsl, deputy, slt, teacher = (desk.school.people[role] for role in ("dsl", "deputy_dsl", "slt", "teacher"))
    change(desk, entered=[slt, teacher])
    change(desk, entered=[slt])
    change(desk, by="deputy_dsl", ended=[slt, new_id()])
    with pytest.raises(Invalid):
        change(desk, entered=[deputy, desk.school.people["admin"]])
    assert audited(desk) == [(desk.pupil, *said) for said in sorted([(slt, dsl, True), (teacher, dsl, True)])] + [(desk.pupil, slt, deputy, False)]
    imported = new_id()
    for relatives in ([slt], [slt], []):
        seed = SeedPupil(id=imported, name="Ada Right", year="5", form="5A", born=dt.date(2016, 1, 1), family=imported, relatives=relatives)
        desk._ask(desk.service, ImportPupils(pupils=[seed]), token=service_token_for("demo", desk.school.id))
    assert audited(desk)[3:] == [(imported, slt, None, True), (imported, slt, None, False)]


def test_no_dsl_is_entered_by_another_and_so_none_can_hide_a_record_from_another(desk: Desk) -> None:
    incident, deputy = desk.record().id, desk.school.people["deputy_dsl"]
    with pytest.raises(Invalid) as refused:
        change(desk, entered=[deputy])
    assert refused.value.problems == {"entered": "own_only"}
    assert desk.reads(incident, role="deputy_dsl") == 1
    change(desk, by="deputy_dsl", entered=[deputy])
    assert desk.reads(incident, role="deputy_dsl") == 0
    assert known(desk) == [deputy]


def test_whom_it_concerns_neither_sees_who_is_entered_nor_changes_it(desk: Desk) -> None:
    deputy = desk.school.people["deputy_dsl"]
    change(desk, by="deputy_dsl", entered=[deputy])
    assert known(desk, role="deputy_dsl") is None
    for wanted in ({"ended": [deputy]}, {"entered": [desk.school.people["teacher"]]}, {}):
        with pytest.raises(NotFound, match="pupil"):
            change(desk, by="deputy_dsl", **wanted)
    assert known(desk) == [deputy]
    assert known(desk, role="slt") is None
    assert known(desk, role="teacher") is None


def test_a_leaver_can_be_taken_off_and_nobody_who_does_not_work_here_is_entered(desk: Desk) -> None:
    leaver = create_person(resources=desk.resources, school=desk.school, role=Role.TEACHER)
    change(desk, entered=[leaver])
    gone = StaffChanged(
        id=new_id(), at=clock.now(), school_id=desk.school.id, subject=leaver, sequence=1, person_id=leaver, roles=["teacher"], active=False
    )
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        HANDLERS[StaffChanged](tx, gone)
    change(desk, entered=[leaver])  # they are entered: nothing happens
    change(desk, ended=[leaver])
    for stranger in (leaver, new_id()):
        with pytest.raises(Invalid) as refused:
            change(desk, entered=[stranger])
        assert refused.value.problems == {"entered": "unknown_choice"}
    with pytest.raises(NotFound, match="pupil"):
        change(desk, pupil=new_id())
    for role in ("teacher", "slt", "admin"):
        with pytest.raises(NotAllowed, match="role"):
            change(desk, by=role, entered=[desk.school.people["admin"]])


def test_where_every_dsl_has_entered_themselves_whoever_stands_in_reads_it_and_nobody_else(desk: Desk) -> None:
    """Each DSL has entered themselves: what is recorded is for its author alone, until a DSL chose beforehand who stands in."""
    incident = desk.record().id
    for role in ("dsl", "deputy_dsl"):
        change(desk, by=role, entered=[desk.school.people[role]])
    with pytest.raises(NotFound):
        desk.ask(Incident(incident_id=incident), role="dsl")
    assert desk.reads(incident, role="teacher") == 1
    head = desk.school.people["slt"]
    assert desk.reads(incident, role="slt") == 0
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        store.add_stand_in(
            tx, school_id=desk.school.id, id=new_id(), person_id=head, reason="The head", by=desk.school.people["dsl"], now=clock.now()
        )
    assert desk.reads(incident, role="slt") == 1


def test_who_stands_in_hears_nothing_of_what_is_kept_to_two_people(desk: Desk) -> None:
    """Its keeper turns out to be family too: then one is left, who was told when it was kept to them. What is kept to nobody goes to who stands in."""
    people, kept, other = desk.school.people, desk.record().id, desk.record().id
    about: dict[str, Any] = {"about_id": people["pastoral"], "keeper_id": people["slt"], "dsl_id": people["dsl"], "reason": "About staff"}
    desk.ask(Restrict(id=new_id(), entry_id=kept, **about), role="dsl")
    desk.ask(KeepStandIn(id=new_id(), person_id=people["pastoral"], reason="Agreed with the head"), role="dsl")
    for role in ("dsl", "deputy_dsl"):
        change(desk, by=role, entered=[people[role]])
    bodies = [row.body for row in rows(desk, "select body from outbox where name = 'incidents.alert.passed_on'")]
    assert [(body["incident_id"], body["people"]) for body in bodies] == [(str(other), [str(people["pastoral"])])]


# --- with a list of pupils ------------------------------------------------------------------------------------------------


def line(*relatives: UUID, name: str = "Sarah Example", **more: Any) -> NewPupil:
    """Return a line of a list: of the desk's pupil, as they stand there already, unless `more` says otherwise."""
    return NewPupil(**{"name": name, "year": "Year 5", "form": "5A", "born": dt.date(2016, 2, 29), "relatives": list(relatives)} | more)


def fates(desk: Desk, *lines: NewPupil, by: str = "dsl", **more: Any) -> list[PupilFate]:
    found: list[PupilFate] = desk.ask(AddPupils(pupils=list(lines), **more), role=by).items
    return found


def test_a_list_enters_family_as_a_dsl_does_by_hand_and_says_first_whom(desk: Desk) -> None:
    """Dry: nothing. Then once: out of sight at once, in the ledger, a line of the audit log with who imported; a second time nothing more."""
    incident = desk.record(category_codes=["welfare"]).id
    dsl, slt, teacher = (desk.school.people[role] for role in ("dsl", "slt", "teacher"))
    wanted = (line(slt), line(teacher, dsl, name="Ada Right"))
    for dry_run in (True, False):
        assert [(f.outcome, f.entered, f.problems) for f in fates(desk, *wanted, dry_run=dry_run)] == [
            ("changed", [slt], {}),
            ("made", sorted([teacher, dsl]), {}),
        ]
        assert (known(desk) or []) == ([] if dry_run else [slt])
        assert desk.reads(incident, role="slt") == int(dry_run)
        assert bool(audited(desk)) != dry_run
    assert [(person, by, entered) for _, person, by, entered in audited(desk)] == [
        (slt, dsl, True),
        *((p, dsl, True) for p in sorted([teacher, dsl])),
    ]
    assert places(desk) == [(dsl, [str(slt)]), (dsl, sorted(str(p) for p in (teacher, dsl)))]
    lost = rows(desk, "select body from outbox where name = 'incidents.sight.lost'")
    assert [(row.body["incident_id"], *row.body["people"]) for row in lost] == [(str(incident), str(slt))]
    again = fates(desk, *wanted)
    assert [(f.outcome, f.entered) for f in again] == [("unchanged", []), ("unchanged", [])]
    assert len(audited(desk)) == 3
    assert len(places(desk)) == 2


def test_a_list_ends_nothing_whatever_its_cell_holds(desk: Desk) -> None:
    """What was entered by hand stays under an empty cell, beside other names, and where the year changes; only the new are new."""
    slt, teacher = desk.school.people["slt"], desk.school.people["teacher"]
    change(desk, entered=[slt])
    for relatives, year, outcome in (((), "Year 5", "unchanged"), ((), "Year 6", "changed"), ((teacher,), "Year 6", "changed")):
        assert [f.outcome for f in fates(desk, line(*relatives, year=year))] == [outcome]
        assert known(desk) == sorted([slt, *relatives])
    assert [entered for *_, entered in audited(desk)] == [True, True]


def test_a_line_that_may_not_enter_somebody_changes_nothing_and_holds_up_no_other(desk: Desk) -> None:
    """A DSL other than the importer; somebody who does not work here. Nobody is taken for gone by a list with such a line."""
    deputy, teacher = desk.school.people["deputy_dsl"], desk.school.people["teacher"]
    incident = desk.record().id
    found = desk.ask(
        AddPupils(
            pupils=[
                line(deputy, teacher, year="Year 6"),
                line(new_id(), name="Ada Right"),
                line(teacher, name="Cai Left"),
            ],
            whole=True,
        ),
        role="dsl",
    )
    assert [(f.outcome, f.entered, f.problems) for f in found.items] == [
        ("refused", [], {"relatives": "own_only"}),
        ("refused", [], {"relatives": "unknown_address"}),
        ("made", [teacher], {}),
    ]
    assert found.leaving == []
    assert known(desk) == []
    assert desk.ask(Pupil(pupil_id=desk.pupil), role="dsl").pupil.year == "Year 5"
    assert desk.reads(incident, role="deputy_dsl") == 1
    assert [person for _, person, _, _ in audited(desk)] == [teacher]
    change(desk, by="deputy_dsl", entered=[deputy])
    assert [(f.outcome, f.entered) for f in fates(desk, line(deputy, teacher))] == [("changed", [teacher])], "who entered themselves may stand in it"


def test_of_their_own_child_a_list_tells_a_dsl_nothing_and_changes_nothing(desk: Desk) -> None:
    """Whoever else is entered, and whoever their list names: the answer is the same. The year is changed as for any pupil."""
    deputy, teacher, slt = (desk.school.people[role] for role in ("deputy_dsl", "teacher", "slt"))
    change(desk, by="deputy_dsl", entered=[deputy])
    change(desk, entered=[slt])
    before = audited(desk)
    for year, people in (("Year 6", (deputy, teacher)), ("Year 7", (slt,)), ("Year 8", (desk.school.people["dsl"],)), ("Year 9", (new_id(),))):
        for dry_run in (True, False):
            found = fates(desk, line(*people, year=year), by="deputy_dsl", dry_run=dry_run)
            assert [(f.outcome, f.entered, f.problems, f.left_alone) for f in found] == [("changed", [], {}, True)]
    assert [(f.outcome, f.left_alone) for f in fates(desk, line(deputy, year="Year 9"), by="deputy_dsl")] == [("unchanged", False)]
    assert audited(desk) == before
    assert known(desk) == sorted([deputy, slt])


def test_a_program_enters_nobodys_family(desk: Desk, keys_folder: Any) -> None:
    """Its lines without are as ever; one with is refused whole: whoever takes a record from somebody has a name."""
    signing = Keys.load(keys_folder / "process" / "identity.json")
    token = actors.machine_token(keys=signing, machine_id=new_id(), scopes=frozenset({"pupils.import"}), school_id=desk.school.id)
    lines = [line(desk.school.people["slt"], year="Year 6"), line(name="Ada Right")]
    answer = desk._ask(desk.service, AddPupils(pupils=lines), token=token)
    assert [(f.outcome, f.problems) for f in answer.items] == [("refused", {"relatives": "people_only"}), ("made", {})]
    assert known(desk) == []
    assert audited(desk) == []
