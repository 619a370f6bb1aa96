"""An entry about an adult of the school, recorded here by mistake, is kept to the head (or the chair) and one DSL."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep import receipts
from safekeep.contracts.incidents import (
    AddAction,
    AddCorrection,
    Alert,
    AnswerAsk,
    Chronology,
    Incident,
    LiftRestriction,
    OpenAsks,
    PermitFile,
    PersonOpenings,
    PreviewAlert,
    Pupil,
    PupilOpenings,
    Restrict,
    RestrictionItem,
    Summaries,
)
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound, StorageError
from safekeep.ids import new_id
from safekeep.keys import Keys
from safekeep.permissions import Role
from safekeep.receipts import Receipt
from tests.make import create_person, create_pupil
from tests.services.incidents.desk import Desk


class Kept:
    """An incident about an adult, two DSLs besides the deputy, a head, a chair, and the coach whom it names."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.people = desk, desk.school.people
        self.other = create_person(resources=desk.resources, school=desk.school, role=Role.DSL)
        self.head, self.chair, self.about = self.people["slt"], self.people["governor"], self.people["sports_coach"]
        self.answer = desk.record(narrative="The coach shouted.", alert=Alert(ask_dsl=[self.about]))

    def restrict(self, *, role: str = "dsl", person: UUID | None = None, **fields: Any) -> RestrictionItem:
        given = {
            "id": new_id(),
            "entry_id": self.answer.id,
            "about_id": self.about,
            "keeper_id": self.head,
            "dsl_id": self.people["dsl"],
            "reason": "About a member of staff",
        }
        answer: RestrictionItem = self.desk.ask(Restrict(**given | fields), role=role, person=person)
        return answer

    def readers(self) -> set[str]:
        who = {"other": ("dsl", self.other)} | {role: (role, self.people[role]) for role in Role if not role.startswith("trust")}
        return {name for name, (role, person) in who.items() if self.desk.reads(self.answer.id, role=role, person=person)}


@pytest.fixture
def kept(desk: Desk) -> Kept:
    return Kept(desk)


def test_the_head_and_one_dsl_read_it_and_of_everybody_else_only_who_wrote_it(kept: Kept) -> None:
    assert kept.readers() == {"dsl", "deputy_dsl", "other", "teacher"}
    kept.restrict()
    assert kept.readers() == {"dsl", "slt", "teacher"}
    assert len(kept.desk.ask(Incident(incident_id=kept.answer.id), role="teacher").entries) == 1, "the author's own words alone"


def test_the_chair_keeps_it_when_the_head_is_named(kept: Kept) -> None:
    kept.restrict(about_id=kept.head, keeper_id=kept.chair)
    assert kept.readers() == {"dsl", "governor", "teacher"}
    seen = kept.desk.ask(Incident(incident_id=kept.answer.id), role="governor")
    assert (seen.entries[0].text, seen.may_add_action, seen.may_correct, seen.restrictions[0].keeper_id) == (
        "The coach shouted.",
        False,
        False,
        kept.chair,
    )
    other = kept.desk.record()
    with pytest.raises(NotFound):
        kept.desk.ask(Incident(incident_id=other.id), role="governor")


def test_who_keeps_it_opens_its_attachments_and_nobody_elses(desk: Desk, keys_folder: Path) -> None:
    """The chair, who reads nothing else of the school, and whom no role opens the file of another entry."""
    signing = Keys.load(keys_folder / "process" / "files.json")
    whose = {"author_id": desk.school.people["teacher"], "school_id": desk.school.id}

    def a_file() -> tuple[UUID, str]:
        file_id = new_id()
        receipt = Receipt(file_id=file_id, sha256="0" * 64, size=3, media_type="text/plain", **whose)
        return file_id, receipts.sign_receipt(keys=signing, receipt=receipt)

    (restricted, theirs), (other, others) = a_file(), a_file()
    entry = desk.record(receipts=[theirs])
    desk.record(receipts=[others])
    people = desk.school.people
    about = {"about_id": people["slt"], "keeper_id": people["governor"], "dsl_id": people["dsl"], "reason": "About the head"}
    desk.ask(Restrict(id=new_id(), entry_id=entry.id, **about), role="dsl")
    for role, file_id, opens in (
        ("governor", restricted, True),
        ("governor", other, False),
        ("dsl", restricted, True),
        ("deputy_dsl", restricted, False),
    ):
        if opens:
            assert desk.ask(PermitFile(file_id=file_id), role=role).token
        else:
            with pytest.raises(NotFound):
                desk.ask(PermitFile(file_id=file_id), role=role)


def test_to_everybody_else_it_is_as_if_it_were_not_there(kept: Kept) -> None:
    """In the chronology with its counts and search, the pupil's page, the inbox's lines, requests to a DSL, and who has read."""
    desk = kept.desk
    desk.ask(Incident(incident_id=kept.answer.id), role="dsl")
    kept.restrict()
    desk.ask(Incident(incident_id=kept.answer.id), role="slt")
    deputy: dict[str, Any] = {"role": "deputy_dsl"}
    page = desk.ask(Chronology(pupil_id=desk.pupil), **deputy)
    assert (page.items, page.total, page.months) == ([], 0, [])
    assert desk.ask(Chronology(pupil_id=desk.pupil, words="coach"), **deputy).total == 0
    assert desk.ask(Pupil(pupil_id=desk.pupil, opened=True), **deputy).last_entries == []
    assert desk.ask(Summaries(entry_ids=[kept.answer.id]), **deputy).items == []
    assert desk.ask(OpenAsks(), **deputy).items == []
    for request in (PupilOpenings(pupil_id=desk.pupil), PersonOpenings(person_id=kept.head), PersonOpenings(person_id=kept.people["dsl"])):
        assert not [o for o in desk.ask(request, **deputy).items if o.incident_id or o.kind == "incident"]
    assert [o.number for o in desk.ask(PupilOpenings(pupil_id=desk.pupil), role="dsl").items if o.kind == "incident"] == [kept.answer.number] * 2


def test_nothing_written_below_it_tells_anybody_else(kept: Kept) -> None:
    """Not by group, by name, by a DSL's grant, nor as the author of what is corrected by right of an alert."""
    desk = kept.desk
    kept.restrict()
    preview = desk.ask(PreviewAlert(incident_id=kept.answer.id, alert=Alert(groups=["safeguarding_team"])), role="dsl")
    assert [r.person_id for r in preview.recipients] == [kept.head]
    assert preview.untold == [], "it is about none of those who are not told"
    done = desk.ask(
        AddAction(id=new_id(), incident_id=kept.answer.id, text="Rang the LADO.", alert=Alert(groups=["safeguarding_team", "slt"])), role="dsl"
    )
    assert [r.person_id for r in done.recipients] == [kept.head]
    with pytest.raises(Invalid):
        desk.ask(AddAction(id=new_id(), incident_id=kept.answer.id, text="Psst.", alert=Alert(staff_ids=[kept.people["deputy_dsl"]])), role="dsl")
    fix = AddCorrection(id=new_id(), incident_id=kept.answer.id, entry_id=kept.answer.id, reason="Wrong day", should_say="On Tuesday.")
    assert [r.person_id for r in desk.ask(fix, role="dsl").recipients] == [kept.head]
    (ask,) = desk.ask(OpenAsks(), role="dsl").items
    with pytest.raises(NotAllowed, match="cannot_be_told"):
        desk.ask(AnswerAsk(ask_id=ask.id, accept=True, reason="Asked to"), role="dsl")
    assert kept.readers() == {"dsl", "slt", "teacher"}
    assert len(desk.ask(Incident(incident_id=kept.answer.id), role="slt").entries) == 3
    assert [entry.untold for entry in desk.ask(Incident(incident_id=kept.answer.id), role="dsl").entries] == [[], [], []]


def test_whose_child_is_in_it_is_said_to_be_left_out_and_of_those_it_is_kept_from_nobody(kept: Kept) -> None:
    child = create_pupil(resources=kept.desk.resources, school=kept.desk.school, relatives=(kept.other,))
    incident = kept.desk.record(pupil_id=child).id
    kept.restrict(entry_id=incident)
    added = AddAction(id=new_id(), incident_id=incident, text="Rang the LADO.", alert=Alert(groups=["safeguarding_team"]))
    kept.desk.ask(added, role="dsl")
    untold = kept.desk.ask(Incident(incident_id=incident), role="dsl").entries[-1].untold
    assert [(left.person_id, left.why) for left in untold] == [(kept.other, "concerned")]


def test_what_its_author_adds_reaches_the_two_and_the_trust_is_not_told_otherwise(kept: Kept) -> None:
    kept.restrict()
    kept.desk.ask(AddAction(id=new_id(), incident_id=kept.answer.id, text="And today.", alert=Alert(groups=["slt"])), role="teacher")
    with kept.desk.resources.transaction(kept.desk.resources.engine, school_id=kept.desk.school.id) as tx:
        body = tx.execute(sa.text("select body from outbox where name = 'incidents.action.added' order by id desc limit 1")).scalar_one()
    assert {r["person_id"] for r in body["recipients"]} == {str(kept.head), str(kept.people["dsl"])}
    assert body["reached_nobody"] is False


def test_an_action_alone_can_be_kept_with_its_corrections_and_the_childs_record_stays(kept: Kept) -> None:
    desk = kept.desk
    action = desk.ask(AddAction(id=new_id(), incident_id=kept.answer.id, text="The coach did it."), role="dsl")
    kept.restrict(entry_id=action.entry_id)
    fix = AddCorrection(id=new_id(), incident_id=kept.answer.id, entry_id=action.entry_id, reason="Name", should_say="An adult did it.")
    told = {r.person_id for r in desk.ask(fix, role="dsl").recipients}
    assert kept.people["deputy_dsl"] not in told
    assert [desk.reads(kept.answer.id, role=role) for role in ("dsl", "deputy_dsl", "slt")] == [3, 1, 2]


def test_it_is_in_the_ledger_and_the_two_are_told_and_others_inboxes_forget_it(kept: Kept) -> None:
    kept.restrict()
    with kept.desk.resources.transaction(kept.desk.resources.engine, school_id=kept.desk.school.id) as tx:
        canonical = bytes(tx.execute(sa.text("select canonical from ledger order by sequence desc limit 1")).scalar_one()).decode()
        event = tx.execute(sa.text("select body from outbox order by id desc limit 1")).scalar_one()
    assert '"kind":"restriction"' in canonical
    assert f'"author":"{kept.people["dsl"]}"' in canonical
    for field in ("about", "dsl", "keeper", "reason"):
        assert f'"{field}"' in canonical
    assert (event["told"], event["kept_to"]) == ([str(kept.head)], [str(kept.head), str(kept.people["dsl"])])
    assert event["entry_ids"] == [str(kept.answer.id)]


def test_one_of_the_two_gives_it_back_and_nobody_else(kept: Kept) -> None:
    item = kept.restrict()
    lift = LiftRestriction(restriction_id=item.id, reason="It was about a parent")
    for role in ("deputy_dsl", "governor"):
        with pytest.raises(NotFound):
            kept.desk.ask(lift, role=role)
    with pytest.raises(NotAllowed):
        kept.desk.ask(lift, role="teacher")
    kept.desk.ask(lift, role="slt")
    assert kept.readers() == {"dsl", "deputy_dsl", "other", "teacher"}
    with pytest.raises(NotFound):
        kept.desk.ask(lift, role="dsl")
    with kept.desk.resources.transaction(kept.desk.resources.engine, school_id=kept.desk.school.id) as tx:
        canonical = bytes(tx.execute(sa.text("select canonical from ledger order by sequence desc limit 1")).scalar_one()).decode()
    assert '"kind":"restriction_lifted"' in canonical


def test_who_can_keep_it_and_who_can_restrict_it(kept: Kept) -> None:
    child = create_pupil(resources=kept.desk.resources, school=kept.desk.school, name="Head's Child", relatives=(kept.head,))
    about_child = kept.desk.record(pupil_id=child)
    people = kept.people
    for fields, problems in (
        ({"about_id": new_id()}, {"about_id": "unknown_choice"}),
        ({"about_id": people["dsl"], "dsl_id": people["deputy_dsl"]}, {"about_id": "another_dsl"}),
        ({"keeper_id": people["teacher"]}, {"keeper_id": "unknown_choice"}),
        ({"keeper_id": new_id()}, {"keeper_id": "unknown_choice"}),
        ({"about_id": kept.head}, {"keeper_id": "cannot_keep_it"}),
        ({"entry_id": about_child.id}, {"keeper_id": "cannot_keep_it"}),
        ({"dsl_id": people["slt"]}, {"dsl_id": "unknown_choice"}),
        ({"dsl_id": kept.other, "about_id": kept.other}, {"dsl_id": "cannot_keep_it"}),
    ):
        with pytest.raises(Invalid) as refused:
            kept.restrict(**fields)  # type: ignore[arg-type]
        assert refused.value.problems == problems
    for role in ("teacher", "slt", "governor", "trust_it"):
        with pytest.raises(NotAllowed):
            kept.restrict(role=role)
    with pytest.raises(NotFound):
        kept.restrict(entry_id=new_id())
    assert kept.readers() == {"dsl", "deputy_dsl", "other", "teacher"}


def test_the_same_again_is_one_restriction_and_another_is_refused(kept: Kept) -> None:
    id_ = new_id()
    assert kept.restrict(id=id_) == kept.restrict(id=id_)
    with pytest.raises(Conflict, match="other_content"):
        kept.restrict(id=id_, reason="Another")
    with pytest.raises(Conflict, match="restricted"):
        kept.restrict()
    with pytest.raises(NotFound):
        kept.restrict(role="dsl", person=kept.other)


def test_in_no_other_way_can_a_dsl_hide_an_entry_from_the_other_dsls(kept: Kept) -> None:
    """Raising the class, keeping people, correcting with the earlier text hidden: every DSL reads on; and the database takes no restriction to nobody."""
    desk = kept.desk
    desk.ask(AddAction(id=new_id(), incident_id=kept.answer.id, text="Raised.", category_codes=["child_protection"]), role="dsl")
    fix = AddCorrection(id=new_id(), incident_id=kept.answer.id, entry_id=kept.answer.id, reason="Names", should_say="An adult.", hide_earlier=True)
    desk.ask(fix, role="dsl")
    for person in (kept.other, kept.people["dsl"]):
        entries = desk.ask(Incident(incident_id=kept.answer.id), role="dsl", person=person).entries
        assert (len(entries), entries[0].earlier[0].text) == (3, "The coach shouted.")
    insert = "insert into restrictions (school_id, id, incident_id, entry_id, about_id, keeper_id, dsl_id, by_id, at, reason, fingerprint) select school_id, :id, incident_id, id, :about, :keeper, :dsl, :dsl, now(), '', '' from entries limit 1"
    dsl = kept.people["dsl"]
    for about, keeper in ((dsl, kept.head), (kept.about, dsl), (kept.head, kept.head)):
        with pytest.raises(StorageError, match="23514"), desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
            tx.execute(sa.text(insert), {"id": new_id(), "about": about, "keeper": keeper, "dsl": dsl})
