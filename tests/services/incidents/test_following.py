"""What is asked of somebody until it is done, kinds of action with fields of their own, and how an incident stands for each pupil in it."""

import datetime as dt
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep import clock
from safekeep.contracts.alerts import RecipientDropped
from safekeep.contracts.identity import StaffChanged
from safekeep.contracts.incidents import (
    AddAction,
    AddCorrection,
    Alert,
    AssignPupil,
    Chronology,
    Details,
    FollowUpItem,
    FollowUps,
    HandLead,
    ImportPupils,
    Incident,
    Led,
    LinkedPupil,
    PreviewAlert,
    Quiet,
    Recorded,
    Restrict,
    SeedPupil,
    SetStatus,
    Summaries,
    TakeLead,
)
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound, StorageError
from safekeep.ids import new_id
from safekeep.permissions import Role
from services.incidents.service.events import HANDLERS
from services.incidents.service.pupils import tell_relatives
from tests.make import ODD_CURSORS, create_person, create_pupil
from tests.services.incidents.desk import Desk

MONDAY = dt.datetime(2026, 3, 9, 10, 0, tzinfo=dt.UTC)
TUESDAY, FRIDAY = dt.date(2026, 3, 10), dt.date(2026, 3, 13)


class Case:
    """An incident, what is asked below it, and what comes of that."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.people = desk, desk.school.people
        self.incident = desk.record(category_codes=["welfare"], alert=Alert(groups=["slt"])).id

    def add(self, kind: str, *, by: str = "dsl", person: UUID | None = None, text: str = "Done.", **fields: Any) -> Recorded:
        more = {name: fields.pop(name) for name in ("id", "incident_id", "alert", "category_codes", "release_line") if name in fields}
        action = AddAction(**{"id": new_id(), "incident_id": self.incident, "text": text, "details": Details(kind=kind, **fields)} | more)  # type: ignore[arg-type]
        answer: Recorded = self.desk.ask(action, role=by, person=person)
        return answer

    def asked(self, of: str = "teacher", *, by: str = "dsl", due: dt.date = TUESDAY, **fields: Any) -> UUID:
        given = {"owner_id": self.people[of], "due_on": due, "spoken": "yes", "spoken_when": "at break", "text": "Ring the mother."}
        return self.add("asked", by=by, **given | fields).id

    def listed(self, view: str = "mine", *, by: str = "teacher", person: UUID | None = None) -> list[FollowUpItem]:
        items: list[FollowUpItem] = self.desk.ask(FollowUps(view=view), role=by, person=person).items  # type: ignore[arg-type]
        return items

    def said(self) -> list[dict[str, Any]]:
        with self.desk.resources.transaction(self.desk.resources.engine, school_id=self.desk.school.id) as tx:
            query = "select body from outbox where name = 'incidents.follow_up.changed' order by id"
            return list(tx.execute(sa.text(query)).scalars())

    def hear(self, event: type[Any], /, **fields: Any) -> None:
        said = event(id=new_id(), at=clock.now(), school_id=self.desk.school.id, subject=new_id(), sequence=1, **fields)
        with self.desk.resources.transaction(self.desk.resources.engine, school_id=self.desk.school.id) as tx:
            HANDLERS[event](tx, said)

    def entry(self, id: UUID, *, by: str = "dsl") -> Any:
        return next(e for e in self.desk.ask(Incident(incident_id=self.incident), role=by).entries if e.id == id)

    def status(self, status: str, *, by: str = "dsl", pupil: UUID | None = None, person: UUID | None = None, **fields: Any) -> Recorded:
        given = {"id": new_id(), "incident_id": self.incident, "pupil_id": pupil or self.desk.pupil, "status": status, "reason": "She is well."}
        answer: Recorded = self.desk.ask(SetStatus(**given | fields), role=by, person=person)
        return answer


@pytest.fixture
def case(desk: Desk) -> Any:
    with clock.set_to(MONDAY):
        yield Case(desk)


def test_what_is_asked_is_its_owners_until_an_outcome_closes_it_and_stays_as_it_was(case: Case) -> None:
    asked = case.asked()
    mine = case.listed()[0]
    assert (mine.id, mine.asked_by, mine.owner_id, mine.due_on, mine.spoken, mine.state, mine.may_change) == (
        asked,
        case.people["dsl"],
        case.people["teacher"],
        TUESDAY,
        True,
        "open",
        True,
    )
    assert [item.id for item in case.listed("asked", by="dsl")] == [asked]
    done = case.add("outcome", by="teacher", of_id=asked, text="She will come in on Friday.")
    assert (case.listed(), case.listed("asked", by="dsl"), case.listed("all", by="dsl")) == ([], [], [])
    closed = case.listed("done")[0]
    assert (closed.id, closed.state, closed.closed_id, closed.closed_by, closed.may_change) == (asked, "done", done.id, case.people["teacher"], False)
    details = case.entry(asked).details
    assert (details.kind, details.owner_id, details.due_on, details.spoken_when) == ("asked", case.people["teacher"], TUESDAY, "at break")
    assert (case.entry(done.id).text, case.entry(done.id).details.of_id) == ("She will come in on Friday.", asked)


def test_only_an_outcome_closes_it_and_only_once(case: Case) -> None:
    asked = case.asked()
    with pytest.raises(ValueError, match="nothing in it"):
        case.add("outcome", of_id=asked, text=" ")
    first, again = new_id(), {"of_id": asked, "text": "Rung."}
    assert case.add("outcome", by="teacher", id=first, **again).id == case.add("outcome", by="teacher", id=first, **again).id
    with pytest.raises(Conflict) as closed:
        case.add("outcome", of_id=asked, text="Rung again.")
    assert closed.value.args == ("follow_up_done",)


def test_who_asked_who_is_asked_and_dsls_change_it_and_nobody_else(case: Case) -> None:
    asked = case.asked()
    case.desk.ask(AddAction(id=new_id(), incident_id=case.incident, text="For her too.", alert=_to(case.people["pastoral"])), role="dsl")
    with pytest.raises(NotFound):
        case.add("outcome", by="pastoral", of_id=asked)
    with pytest.raises(NotFound):
        case.add("outcome", by="teacher", of_id=new_id())
    elsewhere = case.desk.record(category_codes=["welfare"]).id
    with pytest.raises(NotFound):
        case.add("outcome", by="teacher", of_id=asked, incident_id=elsewhere)
    assert [item.may_change for item in case.desk.ask(Incident(incident_id=case.incident), role="pastoral").follow_ups] == [False]
    case.add("outcome", by="deputy_dsl", of_id=asked)


def _to(person: UUID) -> Alert:
    return Alert(staff_ids=[person], reasons={person: "They run the club"})


def test_it_is_given_to_another_with_a_reason_and_the_day_stays_unless_it_is_moved(case: Case) -> None:
    asked = case.asked()
    with pytest.raises(ValueError, match="nothing in it"):
        case.add("reassigned", of_id=asked, owner_id=case.people["pastoral"], spoken="yes", text=" ")
    given = case.add("reassigned", of_id=asked, owner_id=case.people["pastoral"], spoken="not_yet", text="She is away.")
    assert case.listed() == []
    theirs = case.listed(by="pastoral")[0]
    assert (theirs.owner_id, theirs.due_on, theirs.spoken) == (case.people["pastoral"], TUESDAY, False)
    assert [r.person_id for r in case.entry(given.id).recipients] == [case.people["pastoral"]], "who is asked is sent it"
    case.add("reassigned", by="pastoral", of_id=asked, owner_id=case.people["dsl"], due_on=FRIDAY, spoken="yes", text="Yours.")
    assert case.listed(by="dsl")[0].due_on == FRIDAY


def test_who_may_be_asked_follows_who_may_be_alerted(case: Case) -> None:
    """A teacher asks a colleague about welfare, and of safeguarding only who opens it; a DSL's asking is a grant, with its reason."""
    closed = case.desk.record(category_codes=["safeguarding_concern"]).id
    with pytest.raises(Invalid) as refused:
        case.asked("pastoral", by="teacher", incident_id=closed)
    assert refused.value.problems == {"details.owner_id": "ask_a_dsl"}
    assert case.asked("dsl", by="teacher", incident_id=closed)
    assert case.asked("pastoral", by="teacher")
    assert case.desk.reads(closed, role="sports_coach") == 0
    case.asked("sports_coach", incident_id=closed)
    assert case.desk.reads(closed, role="sports_coach") == 3
    assert case.listed(by="sports_coach")[0].class_code == "safeguarding"
    with case.desk.resources.transaction(case.desk.resources.engine, school_id=case.desk.school.id) as tx:
        reasons = tx.execute(sa.text("select distinct reason from rights where person_id = :p"), {"p": case.people["sports_coach"]}).scalars().all()
    assert reasons == ["They are asked to do something about it"]


def test_a_parent_and_who_does_not_record_are_not_asked(case: Case) -> None:
    pupil = create_pupil(resources=case.desk.resources, school=case.desk.school, relatives=(case.people["slt"],))
    own = case.desk.record(pupil_id=pupil, category_codes=["behaviour"]).id
    with pytest.raises(Invalid) as parent:
        case.asked("slt", incident_id=own)
    assert parent.value.problems == {"details.owner_id": "cannot_be_told"}
    with pytest.raises(Invalid) as governor:
        case.asked("governor")
    assert governor.value.problems == {"details.owner_id": "unknown_choice"}


BAD: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "nobody is asked": ("asked", {"owner_id": None}, {"details.owner_id": "missing"}),
    "no day": ("asked", {"due_on": None}, {"details.due_on": "missing"}),
    "a day that is over": ("asked", {"due_on": dt.date(2026, 3, 8)}, {"details.due_on": "day_over"}),
    "a year typed wrong": ("asked", {"due_on": dt.date(2062, 3, 10)}, {"details.due_on": "too_far_ahead"}),
    "not said if spoken to": ("asked", {"spoken": None}, {"details.spoken": "missing"}),
    "somebody unknown": ("asked", {"owner_id": new_id()}, {"details.owner_id": "unknown_choice"}),
    "an outcome of nothing": ("outcome", {}, {"details.of_id": "missing"}),
    "given of nothing": ("reassigned", {}, {"details.of_id": "missing"}),
    "a referral to nobody": ("referral", {"at": MONDAY}, {"details.to": "missing"}),
    "a referral at no time": ("referral", {"to": "Children’s services"}, {"details.at": "missing"}),
    "a referral tomorrow": ("referral", {"to": "MASH", "at": MONDAY + dt.timedelta(days=1)}, {"details.at": "in_future"}),
    "a decision about nobody": ("not_referred", {}, {"details.to": "missing"}),
    "told or not": ("parent_contact", {}, {"details.parent_told": "missing"}),
    "told whom and when": ("parent_contact", {"parent_told": True}, {"details.to": "missing", "details.at": "missing"}),
}


@pytest.mark.parametrize("case_name", BAD)
def test_an_action_of_a_kind_has_what_that_kind_needs(case: Case, case_name: str) -> None:
    kind, fields, problems = BAD[case_name]
    given = {"owner_id": case.people["teacher"], "due_on": TUESDAY, "spoken": "yes"} if kind in ("asked", "reassigned") else {}
    with pytest.raises(Invalid) as refused:
        case.add(kind, **given | fields)
    assert refused.value.problems == problems
    assert len(case.desk.ask(Incident(incident_id=case.incident), role="dsl").entries) == 1, "nothing was written"


def test_today_is_the_schools_day_and_the_day_after_it_is_overdue(case: Case) -> None:
    """Late in the evening in summer it is already tomorrow in London."""
    with clock.set_to(dt.datetime(2026, 6, 9, 23, 30, tzinfo=dt.UTC)):
        with pytest.raises(Invalid):
            case.asked(due=dt.date(2026, 6, 9))
        asked = case.asked(due=dt.date(2026, 6, 10))
        assert case.listed()[0].state == "due"
        assert (case.said()[-1]["due_on"], case.said()[-1]["zone"]) == ("2026-06-10", "Europe/London")
    with clock.set_to(dt.datetime(2026, 6, 10, 22, 59, tzinfo=dt.UTC)):
        assert (case.listed()[0].state, case.listed("late", by="deputy_dsl")) == ("due", [])
    with clock.set_to(dt.datetime(2026, 6, 10, 23, 1, tzinfo=dt.UTC)):
        assert [(i.id, i.state) for i in case.listed("late", by="deputy_dsl")] == [(asked, "overdue")]
        assert [(i.id, i.state) for i in case.listed()] == [(asked, "overdue")], "and in its owner's own list"


def test_a_summary_says_the_earliest_day_of_what_is_asked_and_not_done_of_what_its_reader_may_read(case: Case) -> None:
    """The row of an inbox. The teacher who recorded it reads no action that was not sent to them, and learns of none."""

    def due() -> list[dt.date | None]:
        asked = Summaries(entry_ids=[case.incident])
        return [line.due_on for role in ("dsl", "slt", "teacher") for line in case.desk.ask(asked, role=role).items]

    assert due() == [None, None, None]
    case.asked("slt", due=FRIDAY)
    first = case.asked("slt", due=TUESDAY)
    assert due() == [TUESDAY, TUESDAY, None]
    case.add("outcome", by="slt", of_id=first, text="Rung.")
    assert due() == [FRIDAY, FRIDAY, None]


def test_what_everybody_is_asked_is_for_dsls(case: Case) -> None:
    case.asked()
    assert len(case.listed("all", by="deputy_dsl")) == 1
    for view in ("late", "all"):
        with pytest.raises(NotAllowed):
            case.listed(view, by="slt")


def test_a_page_of_what_is_asked_goes_on_where_the_last_one_ended(case: Case) -> None:
    asked = [case.asked(due=TUESDAY + dt.timedelta(days=n // 2)) for n in range(5)]
    got, cursor = list[UUID](), None
    while True:
        page = case.desk.ask(FollowUps(view="mine", limit=2, cursor=cursor), role="teacher")
        got += [item.id for item in page.items]
        if (cursor := page.next) is None:
            break
    assert got == sorted(asked, key=lambda id_: (asked.index(id_) // 2, id_))
    for cursor in ODD_CURSORS:
        with pytest.raises(Invalid):
            case.desk.ask(FollowUps(view="mine", cursor=cursor), role="teacher")


def test_a_referral_gets_its_outcome_later_and_a_decision_not_to_refer_is_a_dsls(case: Case) -> None:
    referral = case.add("referral", to="Children’s services", at=MONDAY, precision="about", text="By telephone.").id
    details = case.entry(referral).details
    assert (details.to, details.at, details.precision, details.outcome) == ("Children’s services", MONDAY, "about", "")
    outcome = case.add("referral_outcome", of_id=referral, text="No further action.")
    assert case.entry(outcome.id).details.of_id == referral
    for not_a_referral in (case.incident, new_id()):
        with pytest.raises(NotFound):
            case.add("referral_outcome", of_id=not_a_referral)
    decided = case.add("not_referred", to="Children’s services", text="Early help is in place.").id
    assert (case.entry(decided).details.kind, case.entry(decided).text) == ("not_referred", "Early help is in place.")
    with pytest.raises(Invalid) as refused:
        case.add("not_referred", by="slt", to="Children’s services")
    assert refused.value.problems == {"details.kind": "leads_only"}
    assert case.add("referral", by="teacher", to="Police", at=MONDAY), "anybody can refer"


def test_parents_were_told_or_not_and_the_chronology_says_so_by_when_it_was(case: Case) -> None:
    told = case.add(
        "parent_contact", parent_told=True, to="Mother", at=MONDAY - dt.timedelta(days=3), answer="She was glad.", text="To plan together."
    )
    case.add("parent_contact", parent_told=False, text="It would put her at risk.")
    lines = case.desk.ask(Chronology(pupil_id=case.desk.pupil), role="dsl").items
    assert [line.text for line in lines][-1] == "To plan together.", "it stands where it took place"
    assert [(x.details.parent_told, x.details.to, x.details.answer) for x in lines if x.details] == [
        (False, "", ""),
        (True, "Mother", "She was glad."),
    ]
    hide = {"entry_id": told.id, "reason": "It named another child", "should_say": "To plan.", "hide_earlier": True}
    case.desk.ask(AddCorrection(id=new_id(), incident_id=case.incident, **hide), role="dsl")
    assert case.entry(told.id, by="slt").details.answer == "", "words taken out of sight are so in every field"
    assert case.entry(told.id).details.answer == "She was glad."
    again = case.desk.ask(Chronology(pupil_id=case.desk.pupil), role="dsl").items
    assert [x.details.answer for x in again if x.id == told.id] == [""]


# --- nothing asked of anybody is orphaned ------------------------------------------------------------------------------


def test_what_was_asked_of_a_leaver_waits_for_a_dsl_to_give_it_to_another(case: Case) -> None:
    asked = case.asked()
    case.hear(StaffChanged, person_id=case.people["teacher"], roles=["teacher"], active=False)
    late = case.listed("late", by="deputy_dsl")
    assert [(item.id, item.owner_id, item.state) for item in late] == [(asked, None, "open")]
    told = case.said()[-1]
    assert (told["state"], told["owner_id"], told["asked_by"]) == ("nobodys", None, str(case.people["dsl"]))
    case.hear(StaffChanged, person_id=case.people["teacher"], roles=["teacher"], active=False)
    assert len(case.said()) == 2, "said once"
    case.add("reassigned", of_id=asked, owner_id=case.people["pastoral"], spoken="yes", text="He has left.")
    assert (case.listed("late", by="deputy_dsl"), [i.id for i in case.listed(by="pastoral")]) == ([], [asked])


def test_who_becomes_a_governor_or_was_dropped_before_they_were_told_is_asked_nothing(case: Case) -> None:
    first = case.asked("teacher")
    case.hear(StaffChanged, person_id=case.people["teacher"], roles=["governor"], active=True)
    second = case.asked("pastoral")
    case.hear(RecipientDropped, incident_id=case.incident, entry_id=second, person_id=case.people["pastoral"])
    assert {item.id for item in case.listed("late", by="dsl")} == {first, second}


def test_raising_the_class_says_what_is_asked_of_whom_and_leaves_it_to_the_dsls(case: Case) -> None:
    asked = case.asked("slt")
    shown = PreviewAlert(incident_id=case.incident, category_codes=["child_protection"], alert=Alert())
    losing = {item.person_id: item for item in case.desk.ask(shown, role="dsl").losing}
    assert losing[case.people["slt"]].to_do == 1
    case.desk.ask(
        AddAction(id=new_id(), incident_id=case.incident, text="Raised.", category_codes=["child_protection"], release_line="Mine now."), role="dsl"
    )
    assert [(i.id, i.owner_id) for i in case.listed("late", by="deputy_dsl")] == [(asked, None)]
    assert case.listed(by="slt") == []


def test_who_keeps_sight_when_the_class_is_raised_keeps_what_they_are_asked(case: Case) -> None:
    asked = case.asked("slt")
    kept = {"keep": [case.people["slt"]], "keep_reason": "She leads the meeting"}
    case.desk.ask(AddAction(id=new_id(), incident_id=case.incident, text="Raised.", category_codes=["child_protection"], **kept), role="dsl")
    assert [i.id for i in case.listed(by="slt")] == [asked]


def test_restricting_moving_and_a_child_of_ones_own_leave_nothing_behind(case: Case, service_token_for: Any) -> None:
    asked = case.asked("teacher")
    right = create_pupil(resources=case.desk.resources, school=case.desk.school, name="Ada Right", relatives=(case.people["teacher"],))
    moved = {"pupil_id": right, "from_id": case.desk.pupil, "reason": "Two of one name"}
    case.desk.ask(AssignPupil(id=new_id(), incident_id=case.incident, **moved), role="dsl")
    assert [(i.id, i.owner_id, i.pupil_id) for i in case.listed("late", by="dsl")] == [(asked, None, right)]
    second = case.asked("pastoral")
    seed = SeedPupil(id=right, name="Ada Right", year="5", form="5A", born=dt.date(2016, 1, 1), family=new_id(), relatives=[case.people["pastoral"]])
    case.desk._ask(case.desk.service, ImportPupils(pupils=[seed]), token=service_token_for("demo", case.desk.school.id))
    assert second in {i.id for i in case.listed("late", by="dsl")}
    third = case.asked("slt")
    keep = {"about_id": case.people["sports_coach"], "keeper_id": case.people["slt"], "dsl_id": case.people["dsl"], "reason": "About a coach"}
    deputy = case.asked("deputy_dsl")
    case.desk.ask(Restrict(id=new_id(), entry_id=case.incident, **keep), role="dsl")
    assert [i.id for i in case.listed(by="slt")] == [third], "whom it is kept to goes on"
    assert deputy in {i.id for i in case.listed("late", by="dsl")}
    assert case.listed("late", by="deputy_dsl") == []
    assert case.said()[-1]["leads"] == [str(case.people["dsl"])], "no other DSL is told of it"


# --- how an incident stands -------------------------------------------------------------------------------------------------


def test_an_incident_stands_for_each_pupil_as_a_dsl_said_and_why(desk: Desk) -> None:
    other = create_pupil(resources=desk.resources, school=desk.school, name="Jonah Made-Up")
    case = Case(desk)
    case.incident = desk.record(
        category_codes=["welfare"], linked_pupils=[LinkedPupil(pupil_id=other, part="witness")], alert=Alert(groups=["slt"])
    ).id
    case.status("monitoring")
    said = case.status("closed", pupil=other)
    seen = desk.ask(Incident(incident_id=case.incident), role="slt")
    assert {(s.pupil_id, s.status) for s in seen.statuses} == {(desk.pupil, "monitoring"), (other, "closed")}
    assert seen.may_set_status is False
    entry = next(e for e in seen.entries if e.id == said.id)
    assert (entry.kind, entry.status.pupil_id, entry.status.status, entry.text) == ("status", other, "closed", "She is well.")
    mine = [line.status for line in desk.ask(Chronology(pupil_id=desk.pupil), role="dsl").items if line.kind == "status"]
    theirs = [line.status for line in desk.ask(Chronology(pupil_id=other), role="dsl").items if line.kind == "status"]
    assert (mine, theirs) == (["monitoring"], ["closed"]), "one child's record does not tell of another's"


def test_a_status_is_a_dsls_of_a_pupil_in_it_with_a_reason_and_repeatable(case: Case) -> None:
    for role in ("slt", "teacher", "governor"):
        with pytest.raises(NotAllowed):
            case.status("closed", by=role)
    with pytest.raises(NotFound):
        case.status("closed", pupil=create_pupil(resources=case.desk.resources, school=case.desk.school))
    with pytest.raises(NotFound):
        case.status("closed", incident_id=new_id())
    for wrong in ({"reason": " "}, {"status": "over"}):
        with pytest.raises((Invalid, ValueError)):
            case.status(**{"status": "closed"} | wrong)
    again = {"id": new_id()}
    assert case.status("closed", **again).entry_hash == case.status("closed", **again).entry_hash
    with pytest.raises(Conflict):
        case.status("open", **again)


def test_no_dsl_closes_an_incident_of_their_own_child(desk: Desk) -> None:
    parent = create_person(resources=desk.resources, school=desk.school, role=Role.DSL)
    child = create_pupil(resources=desk.resources, school=desk.school, relatives=(parent,))
    case = Case(desk)
    case.incident = desk.record(role="dsl", person=parent, pupil_id=child, category_codes=["welfare"]).id
    with pytest.raises(Invalid) as refused:
        case.status("closed", person=parent, pupil=child)
    assert refused.value.problems == {"status": "another_dsl"}
    case.status("closed", pupil=child)


def test_a_move_opens_it_anew_for_the_right_pupil(case: Case) -> None:
    case.status("closed")
    right = create_pupil(resources=case.desk.resources, school=case.desk.school, name="Ada Right")
    case.desk.ask(AssignPupil(id=new_id(), incident_id=case.incident, pupil_id=right, from_id=case.desk.pupil, reason="Two of one name"), role="dsl")
    assert [(s.pupil_id, s.status) for s in case.desk.ask(Incident(incident_id=case.incident), role="dsl").statuses] == [(right, "open")]
    lines = case.desk.ask(Chronology(pupil_id=right), role="dsl").items
    assert [line.kind for line in lines if line.kind == "status"] == [], "what was said of the other pupil"


def test_quiet_is_what_is_open_of_welfare_and_above_and_nobody_added_to(case: Case) -> None:
    def quiet(before: dt.datetime = MONDAY + dt.timedelta(minutes=1), by: str = "dsl") -> list[UUID]:
        return [item.incident_id for item in case.desk.ask(Quiet(before=before), role=by).items]

    case.desk.record(category_codes=["behaviour"])
    assert quiet() == [case.incident]
    assert quiet(before=MONDAY) == []
    with clock.set_to(MONDAY + dt.timedelta(hours=2)):
        case.add("done", text="Spoke to her.")
    assert quiet() == []
    later = MONDAY + dt.timedelta(days=5)
    assert quiet(before=later) == [case.incident]
    case.status("monitoring")
    assert quiet(before=later) == []
    with pytest.raises(NotAllowed):
        quiet(by="slt")


@pytest.mark.parametrize(("looked", "seen"), [(12, False), (13, True), (15, True)], ids=["Thursday", "Friday", "Sunday"])
def test_three_days_without_a_word_are_whole_days_and_leave_out_the_weekend(case: Case, looked: int, seen: bool) -> None:
    """One was added to on Friday, one on Monday at ten; the first is quiet from Thursday on."""
    with clock.set_to(MONDAY - dt.timedelta(days=3)):
        friday = case.desk.record(category_codes=["welfare"]).id
    with clock.set_to(MONDAY.replace(day=looked)):
        items = [item.incident_id for item in case.desk.ask(Quiet(), role="dsl").items]
    assert friday in items
    assert (case.incident in items) is seen


def test_what_a_dsl_leads_is_theirs_until_it_is_closed(case: Case) -> None:
    def mine(by: str = "dsl") -> list[UUID]:
        return [item.incident_id for item in case.desk.ask(Led(), role=by).items]

    case.desk.ask(TakeLead(incident_id=case.incident), role="dsl")
    assert (mine(), mine("deputy_dsl")) == ([case.incident], [])
    case.status("monitoring")
    assert mine() == [case.incident]
    case.status("closed")
    assert mine() == []
    with pytest.raises(NotAllowed):
        mine("slt")


def test_of_two_who_press_at_once_one_leads_and_the_other_is_told_before_they_take_it_over(case: Case) -> None:
    """Nobody goes away believing that they lead what somebody else does; who has left, or may not be told of it any more, is in nobody's way."""

    def leads() -> UUID | None:
        found: UUID | None = case.desk.ask(Incident(incident_id=case.incident), role="dsl").lead.person_id
        return found

    dsl, deputy = case.people["dsl"], case.people["deputy_dsl"]
    case.desk.ask(TakeLead(incident_id=case.incident), role="dsl")
    case.desk.ask(TakeLead(incident_id=case.incident), role="dsl")
    for seen in (None, new_id(), deputy):
        with pytest.raises(Conflict, match="led"):
            case.desk.ask(TakeLead(incident_id=case.incident, instead_of=seen), role="deputy_dsl")
    assert leads() == dsl
    case.desk.ask(TakeLead(incident_id=case.incident, instead_of=dsl), role="deputy_dsl")
    assert leads() == deputy
    case.hear(StaffChanged, person_id=deputy, roles=["deputy_dsl"], active=False)
    case.desk.ask(TakeLead(incident_id=case.incident), role="dsl")
    assert leads() == dsl


@pytest.mark.parametrize("lost", ["their role", "sight of it"])
def test_whoever_could_not_lead_for_a_while_leads_again_only_when_they_say_so(case: Case, lost: str) -> None:
    """Alerts asks for another from the day they could not: what the page says and what is asked are one thing."""
    dsl, teacher = case.people["dsl"], case.people["teacher"]
    case.desk.ask(TakeLead(incident_id=case.incident), role="dsl")
    if lost == "their role":
        for role in ("teacher", "dsl"):
            case.hear(StaffChanged, person_id=dsl, roles=[role], active=True)
    else:
        for relatives in ([dsl, teacher], [teacher]):
            with case.desk.resources.transaction(case.desk.resources.engine, school_id=case.desk.school.id) as tx:
                tell_relatives(tx, school_id=case.desk.school.id, pupil_id=case.desk.pupil, relatives=relatives, by=None)
    assert case.desk.ask(Incident(incident_id=case.incident), role="dsl").lead.person_id is None
    assert case.desk.ask(Led(), role="dsl").items == []
    case.desk.ask(TakeLead(incident_id=case.incident), role="dsl")
    with case.desk.resources.transaction(case.desk.resources.engine, school_id=case.desk.school.id) as tx:
        taken = list(tx.execute(sa.text("select body from outbox where name = 'incidents.lead.taken'")).scalars())
        said = "select openings -> 'values' from ledger join ledger_openings using (school_id, sequence) where convert_from(canonical, 'UTF8') like '%\"kind\":\"lead\"%'"
        kept = list(tx.execute(sa.text(said)).scalars())
    assert [UUID(body["person_id"]) for body in taken] == [dsl, dsl]
    assert kept == [{"person": str(dsl), "before": ""}] * 2


def test_whom_a_dsl_asks_to_lead_is_told_once(case: Case) -> None:
    dsl, deputy = case.people["dsl"], case.people["deputy_dsl"]
    for _ in range(2):
        case.desk.ask(HandLead(incident_id=case.incident, person_id=deputy), role="dsl")
    case.desk.ask(HandLead(incident_id=case.incident, person_id=dsl), role="deputy_dsl")
    with case.desk.resources.transaction(case.desk.resources.engine, school_id=case.desk.school.id) as tx:
        said = list(tx.execute(sa.text("select body from outbox where name = 'incidents.lead.offered' order by id")).scalars())
    assert [(UUID(body["person_id"]), UUID(body["by"])) for body in said] == [(deputy, dsl), (dsl, deputy)]


def test_who_was_only_asked_to_lead_did_not_lead_before(case: Case) -> None:
    case.desk.ask(HandLead(incident_id=case.incident, person_id=case.people["deputy_dsl"]), role="dsl")
    case.desk.ask(TakeLead(incident_id=case.incident), role="deputy_dsl")
    with case.desk.resources.transaction(case.desk.resources.engine, school_id=case.desk.school.id) as tx:
        said = tx.execute(sa.text("select openings -> 'values' from ledger_openings order by sequence desc limit 1")).scalar_one()
    assert said == {"person": str(case.people["deputy_dsl"]), "before": ""}


def test_quiet_holds_nothing_of_a_dsls_own_child(desk: Desk) -> None:
    child = create_pupil(resources=desk.resources, school=desk.school, relatives=(desk.school.people["dsl"],))
    incident = desk.record(pupil_id=child, category_codes=["welfare"]).id
    later = clock.now() + dt.timedelta(minutes=1)
    assert desk.ask(Quiet(before=later), role="dsl").items == []
    assert [i.incident_id for i in desk.ask(Quiet(before=later), role="deputy_dsl").items] == [incident]


def test_no_service_changes_who_asked_or_when(case: Case) -> None:
    asked = case.asked()
    for change in ("asked_by = owner_id", "asked_at = now()", "incident_id = id"):
        with (
            pytest.raises(StorageError),
            case.desk.resources.transaction(case.desk.resources.engine, school_id=case.desk.school.id) as tx,
        ):
            tx.execute(sa.text(f"update follow_ups set {change} where id = :id"), {"id": asked})
