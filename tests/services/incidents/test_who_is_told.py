"""Who is told beyond whom the writer chose: groups that a pupil calls for, stand-ins of those who are away; who is left out, and who hears of that."""

import datetime as dt
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep import clock, permissions
from safekeep.contracts.alerts import RecipientDropped
from safekeep.contracts.identity import AbsenceChanged, SchoolChanged
from safekeep.contracts.incidents import AddAction, AddCorrection, Alert, AssignPupil, Incident, OpenAsks, PreviewAlert, SetFlag
from safekeep.ids import new_id
from safekeep.permissions import Role
from services.incidents import recording, store
from services.incidents.service.events import HANDLERS
from tests.make import create_person, create_pupil
from tests.services.incidents.desk import Desk

TEAM, SLT = permissions.SAFEGUARDING_TEAM, permissions.SLT_GROUP


class Office(Desk):
    """A desk at a school with a designated teacher, a year group and a form group."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.designated = create_person(resources=self.resources, school=self.school, role=Role.TEACHER)
        self.year_head = create_person(resources=self.resources, school=self.school, role=Role.PASTORAL)
        groups = [
            ("designated_teacher", [self.designated], ["flag_looked_after"]),
            ("year_five", [self.year_head], ["year_5"]),
            ("attendance", [self.year_head], []),
        ]
        with self.tx() as tx:
            store.keep_school(tx, school_id=self.school.id, zone="Europe/London", category_rows=permissions.FIRST_CATEGORIES, group_rows=groups)

    def tx(self) -> Any:
        return self.resources.transaction(self.resources.engine, school_id=self.school.id)

    def flag(self, kind: str = "looked_after", pupil: UUID | None = None, **fields: Any) -> None:
        about = {"id": new_id(), "pupil_id": pupil or self.pupil, "kind": kind, "started": dt.date(2026, 1, 1)}
        self.ask(SetFlag(**(about | fields)), role="dsl")

    def hear(self, event: Any) -> None:
        with self.tx() as tx:
            HANDLERS[type(event)](tx, event)

    def drop(self, incident: UUID, entry: UUID, person: UUID) -> None:
        said = {"incident_id": incident, "entry_id": entry, "person_id": person}
        self.hear(RecipientDropped(id=new_id(), at=clock.now(), school_id=self.school.id, subject=new_id(), sequence=1, **said))

    def away(self, person: UUID, *, days: int = 0, cover: UUID | None = None, **fields: Any) -> AbsenceChanged:
        today = clock.now().date() + dt.timedelta(days=days)
        said: dict[str, Any] = {"person_id": person, "since": today, "until": today, "cover_id": cover}
        subject = fields.pop("subject", new_id())
        event = AbsenceChanged(id=new_id(), at=clock.now(), school_id=self.school.id, subject=subject, sequence=1, **(said | fields))
        self.hear(event)
        return event

    def told(self, answer: Any) -> dict[UUID, list[str]]:
        return {r.person_id: r.because for r in answer.recipients}

    def event(self, incident: UUID) -> dict[str, Any]:
        with self.tx() as tx:
            found = tx.execute(sa.text("select body from outbox where body ->> 'subject' = :id order by id desc limit 1"), {"id": str(incident)})
            body: dict[str, Any] = found.scalar_one()
        return body.get("event", body)

    def sent_to(self, incident: UUID) -> dict[str, list[str]]:
        """Everybody the event names, with why, whatever anybody may see."""
        return {r["person_id"]: r["because"] for r in self.event(incident)["recipients"]}


@pytest.fixture
def office(resources: Any, ask_service: Any, token_for: Any) -> Office:
    return Office(resources("incidents"), ask_service, token_for)


def test_a_group_that_a_flag_calls_for_is_told_and_a_recorder_who_may_not_see_the_flag_learns_nothing_of_it(office: Office) -> None:
    """Neither who, nor how many, nor that anybody: before sending, after it, in the entry, when the request is repeated, and in a correction's."""
    preview = PreviewAlert(pupil_ids=[office.pupil], category_codes=["welfare"], alert=Alert())
    plain = office.ask(preview, role="teacher")
    office.flag()
    assert office.ask(preview, role="teacher") == plain
    for_dsl = office.ask(preview, role="deputy_dsl")
    assert "designated_teacher" in for_dsl.groups_called_for

    answer = office.record(category_codes=["welfare"])
    assert str(office.designated) in office.sent_to(answer.id)
    assert office.designated not in office.told(answer)
    seen_by_author = office.ask(Incident(incident_id=answer.id), role="teacher").entries[0]
    assert office.designated not in office.told(seen_by_author)
    seen_by_dsl = office.ask(Incident(incident_id=answer.id), role="dsl").entries[0]
    assert office.told(seen_by_dsl)[office.designated] == ["designated_teacher"]
    theirs = office.ask(Incident(incident_id=answer.id), role="teacher", person=office.designated).entries[0]
    assert office.told(theirs)[office.designated] == ["designated_teacher"], "why they were told themselves, they may know"

    corrected = AddCorrection(id=new_id(), incident_id=answer.id, entry_id=answer.id, reason="A slip", should_say="It was Tuesday.")
    office.ask(corrected, role="dsl")
    entries = office.ask(Incident(incident_id=answer.id), role="teacher").entries
    assert all(office.designated not in office.told(entry) for entry in entries)


def test_a_group_that_the_recorder_chose_is_no_secret_of_theirs(office: Office) -> None:
    office.flag()
    answer = office.record(category_codes=["welfare"], alert=Alert(groups=["designated_teacher"]))
    assert office.told(answer)[office.designated] == ["designated_teacher"]


def test_a_reader_of_the_flag_decides_whether_its_group_is_told(office: Office) -> None:
    office.flag()
    assert office.designated not in office.told(office.record(role="dsl", category_codes=["welfare"]))
    assert office.designated in office.told(office.record(role="dsl", category_codes=["welfare"], alert=Alert(groups=["designated_teacher"])))


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ({"ended": dt.date(2026, 1, 2)}, False),
        ({"started": dt.date(2100, 1, 1)}, False),
        ({"kind": "send"}, False),
        ({"ended": dt.date(2100, 1, 1)}, True),
    ],
    ids=["over", "not yet", "another flag", "until later"],
)
def test_only_a_flag_that_holds_calls_for_its_group(office: Office, when: dict[str, Any], holds: bool) -> None:
    office.flag(**when)
    assert (str(office.designated) in office.sent_to(office.record(category_codes=["welfare"]).id)) is holds


def test_where_the_designated_teachers_role_does_not_open_it_a_dsl_is_asked_and_the_recorder_sees_nothing_of_that(office: Office) -> None:
    office.flag()
    answer = office.record(category_codes=["safeguarding_concern"])
    assert answer.asked_dsl == 0
    assert str(office.designated) not in office.sent_to(answer.id)
    asks = office.ask(OpenAsks(), role="dsl").items
    assert [(a.person_id, a.for_group) for a in asks] == [(office.designated, "designated_teacher")]


def test_a_year_and_a_form_preselect_their_group_however_they_are_written(office: Office) -> None:
    """ "Year 5" calls for the group of year 5; it is preselected, for the recorder to keep or take off."""
    preview = office.ask(PreviewAlert(pupil_ids=[office.pupil], category_codes=["welfare"], alert=Alert()), role="teacher")
    assert "year_five" in preview.groups_called_for
    assert office.year_head not in office.told(office.record(category_codes=["welfare"]))


def test_when_it_turns_out_whom_it_is_about_the_groups_of_that_pupil_are_told_and_read_it(office: Office) -> None:
    other = create_pupil(resources=office.resources, school=office.school, name="Looked After")
    office.flag(pupil=other)
    holding = recording.holding_pupil(office.school.id)
    create_pupil(resources=office.resources, school=office.school, id=holding, holding=True)
    answer = office.record(pupil_id=holding, described_pupil="A tall boy", category_codes=["welfare"])
    assert str(office.designated) not in office.sent_to(answer.id)
    office.ask(AssignPupil(id=new_id(), incident_id=answer.id, pupil_id=other), role="dsl")
    assert str(office.designated) in office.sent_to(answer.id)
    assert office.reads(answer.id, role="teacher", person=office.designated) == 2


def test_somebody_away_is_told_all_the_same_and_who_covers_for_them_too(office: Office) -> None:
    dsl, deputy = office.school.people["dsl"], office.school.people["deputy_dsl"]
    slt = office.school.people["slt"]
    office.away(dsl, cover=slt)
    told = office.told(office.record(category_codes=["welfare"]))
    assert told == {dsl: [TEAM], deputy: [TEAM], slt: ["covers"]}


@pytest.mark.parametrize("days", [-1, 1])
def test_an_absence_counts_on_its_days_alone(office: Office, days: int) -> None:
    office.away(office.school.people["dsl"], days=days, cover=office.school.people["slt"])
    assert office.school.people["slt"] not in office.told(office.record(category_codes=["welfare"]))


def test_an_absence_taken_back_adds_nobody(office: Office) -> None:
    event = office.away(office.school.people["dsl"], cover=office.school.people["slt"])
    office.hear(event.model_copy(update={"ended": True, "id": new_id(), "sequence": 2}))
    assert office.school.people["slt"] not in office.told(office.record(category_codes=["welfare"]))


def test_nobody_covers_for_what_their_role_does_not_open_nor_for_their_own_child(office: Office) -> None:
    office.away(office.school.people["dsl"], cover=office.school.people["slt"])
    assert office.school.people["slt"] not in office.told(office.record(category_codes=["safeguarding_concern"]))
    child = create_pupil(resources=office.resources, school=office.school, relatives=(office.school.people["slt"],))
    assert office.school.people["slt"] not in office.told(office.record(pupil_id=child, category_codes=["welfare"]))


def test_where_everybody_who_is_told_is_away_the_safeguarding_team_is_told_too(office: Office) -> None:
    slt, dsl = office.school.people["slt"], office.school.people["dsl"]
    office.away(slt)
    told = office.told(office.record(category_codes=["behaviour"], alert=Alert(groups=[SLT])))
    assert told[slt] == [SLT]
    assert told[dsl] == ["nobody_here"]


def test_who_covers_for_a_group_that_a_flag_calls_for_gives_the_flag_away_no_more_than_it_does(office: Office) -> None:
    office.flag()
    cover = office.school.people["admin"]
    office.away(office.designated, cover=cover)
    answer = office.record(category_codes=["welfare"])
    assert office.sent_to(answer.id)[str(cover)] == ["covers"]
    assert cover not in office.told(answer)
    assert office.told(office.ask(Incident(incident_id=answer.id), role="dsl").entries[0])[cover] == ["covers"]


def test_the_other_dsls_are_told_who_was_left_out_and_why_and_nobody_else_is(office: Office) -> None:
    dsl = office.school.people["dsl"]
    child = create_pupil(resources=office.resources, school=office.school, relatives=(dsl,))
    answer = office.record(pupil_id=child, category_codes=["welfare"])
    assert set(office.told(answer)) == {office.school.people["deputy_dsl"]}
    seen = {role: office.ask(Incident(incident_id=answer.id), role=role).entries[0].untold for role in ("deputy_dsl", "slt", "teacher")}
    assert [(u.person_id, u.why) for u in seen.pop("deputy_dsl")] == [(dsl, "concerned")]
    assert seen == {"slt": [], "teacher": []}


@pytest.mark.parametrize("category", ["welfare", "safeguarding_concern"])
def test_what_would_reach_nobody_is_recorded_and_says_so(office: Office, category: str) -> None:
    leads = tuple(office.school.people[role] for role in ("dsl", "deputy_dsl"))
    child = create_pupil(resources=office.resources, school=office.school, relatives=leads)
    answer = office.record(pupil_id=child, category_codes=[category])
    assert office.event(answer.id)["reached_nobody"] is True
    assert office.event(office.record(category_codes=[category]).id)["reached_nobody"] is False


def test_what_an_only_dsl_records_has_reached_a_dsl(office: Office) -> None:
    with office.tx() as tx:
        store.keep_staff(tx, school_id=office.school.id, person_id=office.school.people["deputy_dsl"], roles=["deputy_dsl"], active=False)
    assert office.event(office.record(role="dsl").id)["reached_nobody"] is False


def test_the_safeguarding_team_hears_who_was_dropped_but_not_a_dsl_whose_child_it_is(office: Office) -> None:
    dsl, deputy, slt = (office.school.people[role] for role in ("dsl", "deputy_dsl", "slt"))
    child = create_pupil(resources=office.resources, school=office.school, relatives=(dsl,))
    answer = office.record(pupil_id=child, category_codes=["welfare"], alert=Alert(staff_ids=[slt]))
    office.drop(answer.id, answer.id, slt)
    event = office.event(answer.id)
    assert event["person_id"] == str(slt)
    assert event["people"] == [str(deputy)]


@pytest.mark.parametrize("category", ["welfare", "safeguarding_concern"])
def test_who_was_dropped_reads_it_no_more_and_who_was_not_goes_on(office: Office, category: str) -> None:
    """Their right came with the entry, and with nothing else: it goes when the alert does."""
    pastoral = office.school.people["pastoral"]
    alert = Alert(staff_ids=[pastoral], reasons={pastoral: "She sees him daily"})
    answer = office.record(role="dsl", category_codes=[category], alert=alert)
    others = {role: office.reads(answer.id, role=role) for role in ("dsl", "deputy_dsl", "slt")}
    assert office.reads(answer.id, role="pastoral") == 1
    office.drop(answer.id, answer.id, pastoral)
    assert office.reads(answer.id, role="pastoral") == 0
    assert {role: office.reads(answer.id, role=role) for role in others} == others
    assert others["deputy_dsl"] == 1


@pytest.mark.parametrize("told_before", [False, True])
def test_who_was_dropped_from_an_action_reads_what_they_read_before_and_no_more(office: Office, told_before: bool) -> None:
    """The action's alert opened the account too: that goes with it, unless they had been sent the account."""
    pastoral = office.school.people["pastoral"]
    alert = Alert(staff_ids=[pastoral], reasons={pastoral: "She sees him daily"})
    incident = office.record(category_codes=["behaviour"], alert=alert if told_before else Alert()).id
    action = office.ask(AddAction(id=new_id(), incident_id=incident, text="Rang home.", alert=alert), role="dsl")
    assert office.reads(incident, role="pastoral") == 2
    office.drop(incident, action.entry_id, pastoral)
    assert office.reads(incident, role="pastoral") == (1 if told_before else 0)
    office.drop(incident, action.entry_id, pastoral)
    assert office.reads(incident, role="pastoral") == (1 if told_before else 0), "heard of twice"


def test_a_right_that_a_dropped_alert_only_raised_is_what_it_was_before(office: Office) -> None:
    """A DSL was sent it by their role, and it was raised. Of the action after that they were not told: they were a teacher by then."""
    deputy, alert = office.school.people["deputy_dsl"], Alert(groups=[TEAM])
    incident = office.record(category_codes=["behaviour"], alert=alert).id
    raising = AddAction(id=new_id(), incident_id=incident, text="Referred.", category_codes=["safeguarding_concern"], alert=alert)
    for request in (raising, AddAction(id=new_id(), incident_id=incident, text="Rang home.", alert=alert)):
        office.ask(request, role="dsl")
        office.drop(incident, request.id, deputy)
    assert office.reads(incident, role="teacher", person=deputy) == 0
    office.ask(AddAction(id=new_id(), incident_id=incident, text="And again.", alert=alert), role="dsl")
    assert office.reads(incident, role="teacher", person=deputy) == 4, "whoever is told later reads what stands before"


def test_what_one_of_two_alerts_opened_stays_with_the_other(office: Office) -> None:
    pastoral = office.school.people["pastoral"]
    alert = Alert(staff_ids=[pastoral], reasons={pastoral: "She sees him daily"})
    incident = office.record(category_codes=["behaviour"]).id
    first, second = (office.ask(AddAction(id=new_id(), incident_id=incident, text="Rang home.", alert=alert), role="dsl") for _ in range(2))
    office.drop(incident, first.entry_id, pastoral)
    assert office.reads(incident, role="pastoral") == 3
    office.drop(incident, second.entry_id, pastoral)
    assert office.reads(incident, role="pastoral") == 0


def test_identitys_word_on_groups_says_what_of_a_pupil_calls_for_them(office: Office) -> None:
    state = SchoolChanged.GroupState(code="form_group", members=[office.year_head], called_by=["form_5a"])
    categories = [
        SchoolChanged.CategoryState(code=c.code, class_code=c.class_.code, groups=list(c.groups), leads_only=c.leads_only)
        for c in permissions.FIRST_CATEGORIES
    ]
    here = {"school_id": office.school.id, "subject": office.school.id, "sequence": 1, "zone": "Europe/London", "day_ends_minute": 930}
    office.hear(SchoolChanged(id=new_id(), at=clock.now(), trust_id=new_id(), categories=categories, groups=[state], **here))
    preview = office.ask(PreviewAlert(pupil_ids=[office.pupil], category_codes=["behaviour"], alert=Alert()), role="teacher")
    assert "form_group" in preview.groups_called_for
