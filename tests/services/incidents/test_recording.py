"""Recording: what is accepted, kept, told and readable, against a real database."""

import datetime as dt
from typing import Any, get_args
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep import clock, permissions
from safekeep.contracts.identity import SchoolChanged
from safekeep.contracts.incidents import (
    AddAction,
    AddCorrection,
    Alert,
    AnswerAsk,
    AssignPupil,
    Chronology,
    FlagKind,
    Incident,
    LinkedPupil,
    LosingItem,
    MarkReleaseRead,
    MyEntries,
    OpenAsks,
    PreviewAlert,
    Pupil,
    Record,
    Recorded,
    Releases,
    SearchPupils,
    SetFlag,
    Summaries,
    Waiting,
)
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound, NotSignedIn, TooLate
from safekeep.ids import new_id
from safekeep.permissions import Class, Role
from tests.make import GOOD_EXAMPLE, ODD_CURSORS, a_record, create_person, create_pupil, create_school
from tests.services.incidents.desk import Desk


def test_recorded_answers_with_number_hash_and_those_who_are_sent_it(desk: Desk) -> None:
    answer = desk.record()
    assert answer.number.endswith("-0001")
    assert len(answer.entry_hash) == 64
    told = {r.person_id: r.because for r in answer.recipients}
    assert told == {desk.school.people["dsl"]: ["safeguarding_team"], desk.school.people["deputy_dsl"]: ["safeguarding_team"]}


def test_the_safeguarding_team_can_be_added_to_anything(desk: Desk) -> None:
    """To a category that does not call for it: asked for, its DSLs are told; not asked for, they are not."""
    assert "safeguarding_team" not in permissions.groups_called_for([c for c in permissions.FIRST_CATEGORIES if c.code == "behaviour"])
    told = {
        bool(groups): {r.person_id for r in desk.record(category_codes=["behaviour"], alert=Alert(groups=groups)).recipients}
        for groups in ([], ["safeguarding_team"])
    }
    assert desk.school.people["dsl"] in told[True]
    assert desk.school.people["dsl"] not in told[False]


def test_incident_rights_ledger_and_event_are_one_commit(desk: Desk) -> None:
    answer = desk.record()
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        count = lambda table: tx.execute(sa.text(f"select count(*) from {table}")).scalar()  # noqa: E731 - table names of ours
        assert [count(t) for t in ("incidents", "entries", "rights", "ledger", "ledger_openings", "outbox")] == [1, 1, 2, 1, 1, 1]
        assert tx.execute(sa.text("select hash from ledger")).scalar() == answer.entry_hash
        body = tx.execute(sa.text("select body::text from outbox")).scalar()
    assert "crying" not in body
    assert "Sarah" not in body


def test_a_refused_recording_leaves_nothing_and_skips_no_number(desk: Desk) -> None:
    with pytest.raises(Invalid):
        desk.record(category_codes=["unheard_of"])
    assert desk.record().number.endswith("-0001")


def test_the_same_id_with_the_same_content_answers_the_same_and_is_one_incident(desk: Desk) -> None:
    request = a_record(pupil_id=desk.pupil)
    first = desk.ask(request, role="teacher")
    assert desk.ask(request, role="teacher") == first
    assert len(desk.ask(MyEntries(), role="teacher").items) == 1


def test_the_same_id_with_other_content_conflicts(desk: Desk) -> None:
    request = a_record(pupil_id=desk.pupil)
    desk.ask(request, role="teacher")
    with pytest.raises(Conflict, match="other_content"):
        desk.ask(request.model_copy(update={"narrative": "Something else"}), role="teacher")


def test_another_authors_id_says_nothing_of_what_holds_it(desk: Desk) -> None:
    request = a_record(pupil_id=desk.pupil)
    desk.ask(request, role="teacher")
    with pytest.raises(Conflict, match="id_taken"):
        desk.ask(request, role="admin")


BAD = [
    ({"narrative": "x" * 20_001}, {"narrative": "too_long"}),
    ({"narrative": "  \n "}, {"narrative": "missing"}),
    ({"narrative": "a\x00b"}, {"narrative": "control_characters"}),
    ({"narrative": "a\u202eb"}, {"narrative": "direction_override"}),
    ({"narrative": "a\ud800b"}, {"narrative": "surrogate"}),
    ({"place": "x" * 201}, {"place": "too_long"}),
    ({"kind": "gossip"}, {"kind": "unknown_choice"}),
    ({"pupil_id": "not-an-id"}, {"pupil_id": "not_an_id"}),
    ({"pupil_id": str(new_id())}, {"pupil_id": "unknown_choice"}),
    ({"category_codes": []}, {"category_codes": "missing"}),
    ({"category_codes": ["nonsense"]}, {"category_codes": "unknown_choice"}),
    ({"category_codes": ["child_protection"]}, {"category_codes": "leads_only"}),
    ({"occurred_at": "2999-01-01T00:00:00Z"}, {"occurred_at": "in_future"}),
    ({"occurred_at": "1900-01-01T00:00:00Z"}, {"occurred_at": "too_long_ago"}),
    ({"occurred_at": None}, {"occurred_at": "missing"}),
    ({"occurred_at": "yesterday"}, {"occurred_at": "not_a_time"}),
    ({"linked_pupils": [{"pupil_id": str(new_id()), "part": "witness"}]}, {"linked_pupils.0.pupil_id": "unknown_choice"}),
    ({"alert": {"groups": ["nobody"]}}, {"alert.groups": "unknown_choice"}),
    ({"alert": {"staff_ids": [str(new_id())]}}, {"alert.staff_ids": "unknown_choice"}),
    ({"receipts": ["forged"]}, {"receipts": "invalid"}),
]


@pytest.mark.parametrize(("fields", "problems"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_bad_input_is_named_by_field_and_code_and_nothing_is_kept(desk: Desk, fields: dict[str, Any], problems: dict[str, str]) -> None:
    from safekeep.rpc import envelope

    call = envelope(
        a_record(pupil_id=desk.pupil),
        token=desk._token(roles=["teacher"], school_id=desk.school.id, person_id=desk.school.people["teacher"]),
        seconds=5,
    )
    call["body"] |= fields
    with pytest.raises(Invalid) as caught:
        desk.service.record(call)
    assert caught.value.problems == problems
    assert desk.ask(MyEntries(), role="teacher").items == []


def test_twenty_thousand_characters_html_and_every_script_are_kept_as_written(desk: Desk) -> None:
    text = ('<script>alert(1)</script> "quoted" & أحمد 小明 ਗੁਰਪ੍ਰੀਤ 😀\n' * 1000)[:20_000]
    answer = desk.record(narrative=text)
    assert desk.ask(Incident(incident_id=answer.id), role="dsl").entries[0].text == text


def test_a_pupil_of_another_school_is_unknown(desk: Desk) -> None:
    other = create_school(resources=desk.resources)
    stranger = create_pupil(resources=desk.resources, school=other)
    with pytest.raises(Invalid) as caught:
        desk.record(pupil_id=stranger)
    assert caught.value.problems == {"pupil_id": "unknown_choice"}
    assert desk.ask(SearchPupils(q="sarah"), role="teacher").items[0].id == desk.pupil


def test_a_late_call_is_refused_and_certainly_not_carried_out(desk: Desk) -> None:
    from safekeep.rpc import envelope

    call = envelope(a_record(pupil_id=desk.pupil), token="", seconds=-1)
    with pytest.raises(TooLate):
        desk.service.record(call)


def test_no_token_and_a_forged_token_are_refused(desk: Desk) -> None:
    from safekeep.rpc import envelope

    for token in ("", "a.b.c"):
        with pytest.raises(NotSignedIn):
            desk.service.record(envelope(a_record(pupil_id=desk.pupil), token=token, seconds=5))


@pytest.mark.parametrize("role", ["governor", "trust_safeguarding_lead", "trust_it"])
def test_governors_and_the_trusts_people_neither_record_nor_read(desk: Desk, role: str) -> None:
    answer = desk.record()
    for request in (a_record(pupil_id=desk.pupil), Chronology(pupil_id=desk.pupil), SearchPupils(q="sa")):
        with pytest.raises(NotAllowed):
            desk.ask(request, role=role)
    with pytest.raises(NotFound if role == "governor" else NotAllowed):  # a chair may be kept an entry about an adult
        desk.ask(Incident(incident_id=answer.id), role=role)


READS = {
    "behaviour": {"dsl", "deputy_dsl", "slt", "teacher"},
    "welfare": {"dsl", "deputy_dsl", "slt", "teacher"},
    "safeguarding_concern": {"dsl", "deputy_dsl", "teacher"},
}


@pytest.mark.parametrize("category", READS)
def test_who_reads_follows_the_permission_table(desk: Desk, category: str) -> None:
    answer = desk.record(category_codes=[category])
    readers = {role for role in ("dsl", "deputy_dsl", "slt", "teacher", "admin", "pastoral", "sports_coach") if desk.reads(answer.id, role=role)}
    assert readers == READS[category]


def test_protection_is_read_by_dsls_and_its_author_alone(desk: Desk) -> None:
    answer = desk.record(role="deputy_dsl", category_codes=["child_protection"])
    assert {role for role in ("dsl", "deputy_dsl", "slt", "teacher") if desk.reads(answer.id, role=role)} == {"dsl", "deputy_dsl"}


def test_an_alert_lets_its_receiver_read_the_entry_and_earlier_ones_of_no_higher_class(desk: Desk) -> None:
    answer = desk.record(category_codes=["behaviour"])
    assert desk.reads(answer.id, role="admin") == 0
    desk.ask(AddAction(id=new_id(), incident_id=answer.id, text="Rang home.", alert=Alert(staff_ids=[desk.school.people["admin"]])), role="teacher")
    assert desk.reads(answer.id, role="admin") == 2
    desk.ask(AddAction(id=new_id(), incident_id=answer.id, text="Later and not for admin."), role="teacher")
    assert desk.reads(answer.id, role="admin") == 2


def raised(desk: Desk, incident: UUID, **more: Any) -> Recorded:
    """Raise an incident to child protection, as the DSL."""
    action = AddAction(id=new_id(), incident_id=incident, text="Referred.", category_codes=["child_protection"], **more)
    answer: Recorded = desk.ask(action, role="dsl")
    return answer


def losing(desk: Desk, incident: UUID, **more: Any) -> dict[UUID, LosingItem]:
    """What the DSL is shown before raising it."""
    preview = desk.ask(PreviewAlert(incident_id=incident, category_codes=["child_protection"], alert=Alert(**more)), role="dsl")
    assert preview.loses_sight == [item.person_id for item in preview.losing]
    return {item.person_id: item for item in preview.losing}


def test_raising_the_class_ends_sight_for_all_but_its_author_and_those_kept(desk: Desk) -> None:
    """Before it, the DSL is shown who loses what: those alerted, and SLT, whose role alone opens it; never its author or a DSL."""
    admin, coach, slt = (desk.school.people[role] for role in ("admin", "sports_coach", "slt"))
    answer = desk.record(category_codes=["behaviour"], alert=Alert(staff_ids=[admin, coach]))
    shown = losing(desk, answer.id)
    assert {p: (item.entry_ids, item.was_sent, item.wrote) for p, item in shown.items()} == {
        admin: ([answer.id], True, 0),
        coach: ([answer.id], True, 0),
        slt: ([answer.id], False, 0),
    }
    with pytest.raises(Invalid) as caught:
        raised(desk, answer.id, keep=[coach], keep_reason=" ")
    assert caught.value.problems == {"keep_reason": "reason_needed"}
    raised(desk, answer.id, keep=[coach], keep_reason="Sees him daily")
    assert [desk.reads(answer.id, role=r) for r in ("teacher", "admin", "sports_coach", "slt", "dsl")] == [1, 0, 1, 0, 2]


@pytest.mark.parametrize(("before", "after", "readers"), [("general", "safeguarding", [1, 0]), ("safeguarding", "general", [0, 1])])
def test_a_category_that_changes_class_counts_for_what_is_recorded_from_then_on(desk: Desk, before: str, after: str, readers: list[int]) -> None:
    """By identity's event: nobody loses sight of what is recorded already by it, and nobody gains any."""
    from services.incidents.service import HANDLERS

    def becomes(class_code: str, sequence: int) -> None:
        known = {c.code: Class.of(class_code) if c.code == "behaviour" else c.class_ for c in permissions.FIRST_CATEGORIES}
        state = [SchoolChanged.CategoryState(code=code, class_code=class_.code, groups=["slt"], leads_only=False) for code, class_ in known.items()]
        said = {"zone": "Europe/London", "categories": state, "groups": [], "day_ends_minute": 930, "trust_id": new_id()}
        event = SchoolChanged(id=new_id(), at=clock.now(), school_id=desk.school.id, subject=desk.school.id, sequence=sequence, **said)
        with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
            HANDLERS[SchoolChanged](tx, event)

    becomes(before, 1)
    first = desk.record(category_codes=["behaviour"], alert=Alert())
    becomes(after, 2)
    second = desk.record(category_codes=["behaviour"], alert=Alert())
    assert [desk.reads(answer.id, role="slt") for answer in (first, second)] == readers
    assert [desk.reads(answer.id, role="teacher") for answer in (first, second)] == [1, 1]
    assert [line.class_code for line in desk.ask(Chronology(pupil_id=desk.pupil), role="dsl").items] == [after, before]


def test_a_grant_that_keeps_sight_keeps_what_was_read_and_opens_nothing_else(desk: Desk) -> None:
    coach = desk.school.people["sports_coach"]
    answer = desk.record(category_codes=["behaviour"], alert=Alert(groups=[], staff_ids=[coach]))
    desk.ask(AddAction(id=new_id(), incident_id=answer.id, text="Between us.", alert=Alert()), role="dsl")
    assert desk.reads(answer.id, role="sports_coach") == 1
    raised(desk, answer.id, keep=[coach], keep_reason="Sees him daily")
    assert [e.id for e in desk.ask(Incident(incident_id=answer.id), role="sports_coach").entries] == [answer.id]


def test_a_correction_of_the_account_rises_with_it(desk: Desk) -> None:
    """It says what the account should say: who loses the one loses the other; the author of the account keeps their own words alone."""
    coach = desk.school.people["sports_coach"]
    answer = desk.record(category_codes=["behaviour"], alert=Alert(groups=[], staff_ids=[coach]))
    fix = AddCorrection(id=new_id(), incident_id=answer.id, entry_id=answer.entry_id, reason="Wrong day", should_say="It was Tuesday.")
    desk.ask(fix, role="dsl")
    assert [desk.reads(answer.id, role=r) for r in ("teacher", "sports_coach", "slt")] == [2, 2, 2]
    shown = losing(desk, answer.id)
    assert shown[coach].entry_ids == [answer.id, fix.id]
    assert shown[desk.school.people["teacher"]].entry_ids == [fix.id]
    raised(desk, answer.id)
    assert [desk.reads(answer.id, role=r) for r in ("teacher", "sports_coach", "slt", "deputy_dsl")] == [1, 0, 0, 3]


def test_whoever_is_let_go_is_left_a_line_and_nothing_asked_of_them_stays_open(desk: Desk) -> None:
    """To those it was sent to or who wrote in it, and to nobody else; to be read once; and kept in the entry that raised it."""
    admin, coach, slt = (desk.school.people[role] for role in ("admin", "sports_coach", "slt"))
    answer = desk.record(category_codes=["behaviour"], alert=Alert(staff_ids=[admin, coach]))
    desk.ask(AddAction(id=new_id(), incident_id=answer.id, text="Rang home.", alert=Alert()), role="sports_coach")
    shown = losing(desk, answer.id)
    assert (shown[coach].wrote, shown[admin].wrote, shown[slt].was_sent) == (1, 0, False)
    raised(desk, answer.id, keep=[admin], keep_reason="Takes the register", release_line="I look after it now. Thank you.")
    (line,) = desk.ask(Releases(), role="sports_coach").items
    assert (line.line, line.by) == ("I look after it now. Thank you.", desk.school.people["dsl"])
    assert [desk.ask(Releases(), role=role).items for role in ("admin", "slt", "teacher", "dsl")] == [[], [], [], []]
    with pytest.raises(NotFound):
        desk.ask(MarkReleaseRead(release_id=line.id), role="admin")
    desk.ask(MarkReleaseRead(release_id=line.id), role="sports_coach")
    desk.ask(MarkReleaseRead(release_id=line.id), role="sports_coach")
    assert desk.ask(Releases(), role="sports_coach").items == []
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        facts = tx.execute(sa.text("select facts from entries where text = 'Referred.'")).scalar_one()
        event = tx.execute(sa.text("select body from outbox where name = 'incidents.action.added' order by id desc limit 1")).scalar_one()
    assert (facts["kept"], facts["keep_reason"], facts["released"]) == ([str(admin)], "Takes the register", [str(coach)])
    assert (event["released"], set(event["lost_sight"]), event["raised"]) == ([str(coach)], {str(coach), str(slt)}, [str(answer.id)])


def test_whoever_is_alerted_to_the_raise_loses_nothing(desk: Desk) -> None:
    coach = desk.school.people["sports_coach"]
    answer = desk.record(category_codes=["behaviour"], alert=Alert(groups=[], staff_ids=[coach]))
    assert coach not in losing(desk, answer.id, staff_ids=[coach])
    raised(desk, answer.id, alert=Alert(staff_ids=[coach], reasons={coach: "Sees him daily"}))
    assert desk.reads(answer.id, role="sports_coach") == 2
    assert desk.ask(Releases(), role="sports_coach").items == []


def test_a_teacher_cannot_alert_someone_whose_role_does_not_open_it_but_can_ask_a_dsl(desk: Desk) -> None:
    admin = desk.school.people["admin"]
    with pytest.raises(Invalid) as caught:
        desk.record(alert=Alert(staff_ids=[admin]))
    assert caught.value.problems == {"alert.staff_ids": "ask_a_dsl"}
    answer = desk.record(alert=Alert(ask_dsl=[admin]))
    assert (answer.asked_dsl, desk.reads(answer.id, role="admin")) == (1, 0)
    (ask,) = desk.ask(OpenAsks(), role="dsl").items
    with pytest.raises(Invalid) as caught:
        desk.ask(AnswerAsk(ask_id=ask.id, accept=True, reason=" "), role="dsl")
    assert (caught.value.problems, desk.reads(answer.id, role="admin")) == ({"reason": "reason_needed"}, 0)
    desk.ask(AnswerAsk(ask_id=ask.id, accept=True, reason="Runs breakfast club"), role="dsl")
    assert desk.reads(answer.id, role="admin") == 1
    with pytest.raises(NotFound):
        desk.ask(AnswerAsk(ask_id=ask.id, accept=False), role="deputy_dsl")


def test_a_dsls_alert_is_the_grant_so_a_dsl_can_always_answer_the_teacher(desk: Desk) -> None:
    """That they recorded it is reason enough; the answer lets them read on."""
    answer, teacher = desk.record(), desk.school.people["teacher"]
    reply = AddAction(id=new_id(), incident_id=answer.id, text="Thank you. Please watch at home time.", alert=Alert(staff_ids=[teacher]))
    desk.ask(reply, role="dsl")
    assert desk.reads(answer.id, role="teacher") == 2


def test_a_dsls_grant_to_anybody_else_takes_a_reason_and_is_shown_with_what_it_opens(desk: Desk) -> None:
    answer, admin, slt = desk.record(), desk.school.people["admin"], desk.school.people["slt"]
    note = AddAction(id=new_id(), incident_id=answer.id, text="Rang home.", alert=Alert())
    desk.ask(note, role="dsl")
    preview = desk.ask(PreviewAlert(incident_id=answer.id, alert=Alert(staff_ids=[admin, slt])), role="dsl")
    assert {item.person_id: item.entry_ids for item in preview.opens} == {p: [answer.id, note.id] for p in (admin, slt)}
    assert set(preview.need_reason) == {admin, slt}
    why = {admin: "Takes the register"}
    with pytest.raises(Invalid) as caught:
        desk.ask(AddAction(id=new_id(), incident_id=answer.id, text="To both.", alert=Alert(staff_ids=[admin, slt], reasons=why)), role="dsl")
    assert caught.value.problems == {f"alert.reasons.{slt}": "reason_needed"}
    desk.ask(AddAction(id=new_id(), incident_id=answer.id, text="To one.", alert=Alert(staff_ids=[admin], reasons=why)), role="dsl")
    assert (desk.reads(answer.id, role="admin"), desk.reads(answer.id, role="slt")) == (3, 0)
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        given = tx.execute(sa.text("select distinct granted_by, reason from rights where person_id = :p"), {"p": admin}).all()
        facts, kept = tx.execute(sa.text("select facts, recipients from entries where text = 'To one.'")).one()
        said = tx.execute(
            sa.text("select body->'recipients' from outbox where name = 'incidents.action.added' order by id desc limit 1")
        ).scalar_one()
    assert given == [(desk.school.people["dsl"], "Takes the register")]
    assert facts["granted"] == {str(admin): "Takes the register"}
    assert {one["person_id"]: one["granted"] for one in said}[str(admin)] is True, "whatever their role opens when it is told"
    assert not any(one["granted"] for one in said if one["person_id"] != str(admin))
    assert all("granted" not in one for one in kept), "the ledger's format is final"


def test_nobody_reads_or_is_sent_an_entry_on_their_own_child_their_own_words_excepted(desk: Desk) -> None:
    parent = create_person(resources=desk.resources, school=desk.school, role=Role.DSL)
    child = create_pupil(resources=desk.resources, school=desk.school, name="Parent's Child", relatives=(parent,))
    about = desk.record(pupil_id=child)
    linked = desk.record(linked_pupils=[LinkedPupil(pupil_id=child, part="witness")])
    for answer in (about, linked):
        assert parent not in {r.person_id for r in answer.recipients}
        assert desk.reads(answer.id, role="dsl", person=parent) == 0
        assert desk.reads(answer.id, role="dsl") == 1
    assert desk.ask(Chronology(pupil_id=child), role="dsl", person=parent).items == []
    assert desk.ask(Pupil(pupil_id=child), role="dsl", person=parent).flags == []
    own = desk.record(pupil_id=child, role="dsl", person=parent)
    assert desk.reads(own.id, role="dsl", person=parent) == 1


def test_a_request_about_the_dsls_own_child_is_answered_by_another_dsl(desk: Desk) -> None:
    """To the parent it is like one that is not there, and their try answers nothing: it waits for the others as before."""
    parent = create_person(resources=desk.resources, school=desk.school, role=Role.DSL)
    child = create_pupil(resources=desk.resources, school=desk.school, name="Parent's Child", relatives=(parent,))
    answer = desk.record(pupil_id=child, alert=Alert(ask_dsl=[desk.school.people["admin"]]))
    assert desk.ask(OpenAsks(), role="dsl", person=parent).items == []
    (ask,) = desk.ask(OpenAsks(), role="dsl").items
    said = []
    for id_ in (ask.id, new_id()):
        with pytest.raises(NotFound) as caught:
            desk.ask(AnswerAsk(ask_id=id_, accept=True, reason="They know me"), role="dsl", person=parent)
        said.append(caught.value.args)
    assert said[0] == said[1]
    assert [a.id for a in desk.ask(OpenAsks(), role="dsl").items] == [ask.id]
    desk.ask(AnswerAsk(ask_id=ask.id, accept=True, reason="Runs breakfast club"), role="dsl")
    assert desk.reads(answer.id, role="admin") == 1


def test_hidden_and_missing_answer_alike(desk: Desk) -> None:
    answer = desk.record()
    errors = []
    for incident in (answer.id, new_id()):
        with pytest.raises(NotFound) as caught:
            desk.ask(Incident(incident_id=incident), role="slt")
        errors.append(caught.value.args)
    assert errors[0] == errors[1]


def test_a_write_only_role_sees_its_own_entries_in_a_chronology_and_no_others(desk: Desk) -> None:
    mine, _ = desk.record(category_codes=["behaviour"]), desk.record(role="admin", category_codes=["behaviour"])
    assert [e.incident_id for e in desk.ask(Chronology(pupil_id=desk.pupil), role="teacher").items] == [mine.id]
    assert desk.ask(Chronology(pupil_id=desk.pupil), role="dsl").total == 2


def test_the_holding_pupil_needs_a_description_and_always_tells_the_safeguarding_team(desk: Desk) -> None:
    from services.incidents.recording import holding_pupil

    holding = create_pupil(
        resources=desk.resources, school=desk.school, name="Not listed, or not sure who", id=holding_pupil(desk.school.id), holding=True
    )
    with pytest.raises(Invalid) as caught:
        desk.record(pupil_id=holding, category_codes=["behaviour"])
    assert caught.value.problems == {"described_pupil": "missing"}
    answer = desk.record(pupil_id=holding, category_codes=["behaviour"], described_pupil="Year 3 boy, red coat")
    assert desk.school.people["dsl"] in {r.person_id for r in answer.recipients}


def test_a_linked_pupils_chronology_shows_the_part_and_not_the_first_pupils_categories(desk: Desk) -> None:
    other = create_pupil(resources=desk.resources, school=desk.school, name="Tom Example")
    desk.record(category_codes=["bullying"], linked_pupils=[LinkedPupil(pupil_id=other, part="may_have_caused_harm", initials="TE")])
    (line,) = desk.ask(Chronology(pupil_id=other), role="dsl").items
    assert (line.part, line.categories) == ("may_have_caused_harm", [])
    assert desk.ask(Chronology(pupil_id=other, category_codes=["bullying"]), role="dsl").items == []


def test_the_chronology_filters_pages_and_counts(desk: Desk) -> None:
    for day in range(1, 8):
        with clock.set_to(dt.datetime(2026, 3, day, 12, tzinfo=dt.UTC)):
            desk.record(category_codes=["welfare" if day % 2 else "behaviour"], narrative=f"Day {day} 100% wet", occurred_at=clock.now())
    page = desk.ask(Chronology(pupil_id=desk.pupil, limit=3), role="dsl")
    rest = desk.ask(Chronology(pupil_id=desk.pupil, limit=9, cursor=page.next), role="dsl")
    assert [e.text.split()[1] for e in [*page.items, *rest.items]] == ["7", "6", "5", "4", "3", "2", "1"]
    assert (page.total, page.months[0].month, page.months[0].count, rest.next) == (7, "2026-03", 7, None)
    narrowed = Chronology(pupil_id=desk.pupil, category_codes=["welfare"], since=dt.date(2026, 3, 2), until=dt.date(2026, 3, 5), words="100%")
    assert [e.text.split()[1] for e in desk.ask(narrowed, role="dsl").items] == ["5", "3"]
    for cursor in ODD_CURSORS:
        with pytest.raises(Invalid):
            desk.ask(Chronology(pupil_id=desk.pupil, cursor=cursor), role="dsl")


def test_when_it_happened_and_when_it_was_recorded_are_kept_apart_and_a_chronology_goes_by_either(desk: Desk) -> None:
    """Three recorded in April, each a day after the other, of which the later ones happened earlier: January, February, March."""
    happened = {}
    for day, month in ((10, 3), (11, 2), (12, 1)):
        with clock.set_to(dt.datetime(2026, 4, day, 12, tzinfo=dt.UTC)):
            happened[desk.record(narrative=f"Of month {month}", occurred_at=dt.datetime(2026, month, 5, 9, tzinfo=dt.UTC)).id] = (month, day)

    def pages(order: str) -> list[Any]:
        first = desk.ask(Chronology(pupil_id=desk.pupil, order=order, limit=2), role="dsl")
        rest = desk.ask(Chronology(pupil_id=desk.pupil, order=order, limit=2, cursor=first.next), role="dsl")
        assert [x.month for x in first.months] == (["2026-01", "2026-02", "2026-03"] if order == "occurred" else ["2026-04"])
        return [*first.items, *rest.items]

    assert [line.text for line in pages("occurred")] == ["Of month 3", "Of month 2", "Of month 1"]
    assert [line.text for line in pages("recorded")] == ["Of month 1", "Of month 2", "Of month 3"]
    for line in pages("recorded"):
        assert (line.occurred_at.month, line.recorded_at.day) == happened[line.incident_id], "both times stand on every line"
        assert line.recorded_at.month == 4


def test_the_last_five_entries_of_a_pupil_are_the_newest_that_the_reader_may_see(desk: Desk) -> None:
    """Seven, of which the fifth is no business of the SLT's."""
    numbers = []
    for day in range(1, 8):
        with clock.set_to(dt.datetime(2026, 3, day, 12, tzinfo=dt.UTC)):
            numbers.append(desk.record(category_codes=["safeguarding_concern" if day == 5 else "behaviour"], occurred_at=clock.now()).number)
    seen = {role: [x.number for x in desk.ask(Pupil(pupil_id=desk.pupil), role=role).last_entries] for role in ("dsl", "slt")}
    assert seen == {"dsl": [numbers[i] for i in (6, 5, 4, 3, 2)], "slt": [numbers[i] for i in (6, 5, 3, 2, 1)]}


def test_a_correction_is_appended_and_the_entry_stays(desk: Desk) -> None:
    answer = desk.record()
    fix = AddCorrection(id=new_id(), incident_id=answer.id, entry_id=answer.entry_id, reason="Wrong day", should_say="It was Tuesday.")
    with pytest.raises(NotAllowed):
        desk.ask(fix, role="teacher")
    desk.ask(fix, role="dsl")
    first, correction = desk.ask(Incident(incident_id=answer.id), role="teacher").entries
    assert (first.text, first.earlier[0].text) == ("It was Tuesday.", GOOD_EXAMPLE)
    assert (correction.kind, correction.corrects) == ("correction", first.id)


def test_a_correction_gives_nobody_back_what_a_raise_took_from_them(desk: Desk) -> None:
    """Alerted as to behaviour, raised to child protection, then corrected: who was alerted reads no more than before the correction."""
    coach = desk.school.people["sports_coach"]
    answer = desk.record(category_codes=["behaviour"], alert=Alert(groups=[], staff_ids=[coach]))
    assert desk.reads(answer.id, role="sports_coach") == 1
    raised = AddAction(id=new_id(), incident_id=answer.id, text="Referred.", category_codes=["child_protection"], alert=Alert())
    desk.ask(raised, role="dsl")
    before = {role: desk.reads(answer.id, role=role) for role in ("teacher", "sports_coach", "slt", "deputy_dsl")}
    assert before == {"teacher": 1, "sports_coach": 0, "slt": 0, "deputy_dsl": 2}
    fix = AddCorrection(id=new_id(), incident_id=answer.id, entry_id=answer.entry_id, reason="Wrong day", should_say="It was Tuesday.")
    told = {r.person_id for r in desk.ask(fix, role="dsl").recipients}
    assert told == {desk.school.people["deputy_dsl"]}, "who was alerted to the raise; not its author, nor the coach"
    after = {role: desk.reads(answer.id, role=role) for role in before}
    assert after == before | {"deputy_dsl": 3}


def test_a_correction_is_told_to_the_author_and_to_those_alerted_and_opens_nothing_else(desk: Desk) -> None:
    pastoral = desk.school.people["pastoral"]
    answer = desk.record(category_codes=["behaviour"], alert=Alert(groups=[], staff_ids=[pastoral]))
    desk.ask(AddAction(id=new_id(), incident_id=answer.id, text="Between us.", alert=Alert()), role="dsl")
    assert desk.reads(answer.id, role="pastoral") == 1
    fix = AddCorrection(id=new_id(), incident_id=answer.id, entry_id=answer.entry_id, reason="Wrong day", should_say="It was Tuesday.")
    told = {r.person_id for r in desk.ask(fix, role="dsl").recipients}
    assert told == {pastoral, desk.school.people["teacher"]}
    assert desk.reads(answer.id, role="pastoral") == 2, "what they were alerted to and its correction; not the action between"


def test_one_file_can_be_evidence_of_two_incidents(desk: Desk, keys_folder: Any) -> None:
    from safekeep import receipts
    from safekeep.keys import Keys

    signing = Keys.load(keys_folder / "process" / "files.json")
    author = desk.school.people["teacher"]
    same = receipts.Receipt(new_id(), "0" * 64, 10, "text/plain", author, desk.school.id)
    for _ in range(2):
        answer = desk.record(receipts=[receipts.sign_receipt(keys=signing, receipt=same)])
        (entry,) = desk.ask(Incident(incident_id=answer.id), role="dsl").entries
        assert [file.id for file in entry.files] == [same.file_id]


@pytest.mark.parametrize("whose", ["another author", "another school"])
def test_a_receipt_that_files_signed_for_somebody_else_records_nothing(desk: Desk, keys_folder: Any, whose: str) -> None:
    from safekeep import receipts
    from safekeep.keys import Keys

    signing = Keys.load(keys_folder / "process" / "files.json")
    author, school = desk.school.people["teacher"], desk.school.id
    of = (desk.school.people["pastoral"], school) if whose == "another author" else (author, create_school(resources=desk.resources).id)
    tokens = [
        receipts.sign_receipt(keys=signing, receipt=receipts.Receipt(new_id(), "0" * 64, 10, "text/plain", *about))
        for about in ((author, school), of)
    ]
    first = desk.record()
    for add in (lambda: desk.record(receipts=tokens), lambda: desk.ask(_action(first.id, receipts=tokens), role="teacher")):
        with pytest.raises(Invalid) as caught:
            add()
        assert caught.value.problems == {"receipts": "invalid"}
    assert [item.incident_id for item in desk.ask(MyEntries(), role="teacher").items] == [first.id]


def _action(incident: UUID, **fields: Any) -> AddAction:
    return AddAction(id=new_id(), incident_id=incident, text="Spoke to her form tutor.", alert=Alert(), **fields)


def test_pupils_are_found_by_any_part_of_a_name_from_the_second_letter(desk: Desk) -> None:
    made = {
        name: create_pupil(resources=desk.resources, school=desk.school, name=name)
        for name in ("Zoë O'Brien-Łuć", "محمد الأمين", "李小明", "Sarah Okafor")
    }
    for query, name in {
        "lu": "Zoë O'Brien-Łuć",
        "zoe ob": "Zoë O'Brien-Łuć",
        "o’br": "Zoë O'Brien-Łuć",
        "محمد": "محمد الأمين",
        "李": "李小明",
    }.items():
        assert [p.id for p in desk.ask(SearchPupils(q=query), role="teacher").items] == [made[name]], query
    assert len(desk.ask(SearchPupils(q="sar"), role="teacher").items) == 2
    assert desk.ask(SearchPupils(q="s"), role="teacher").items == []


FLAGS: dict[str, tuple[Class, set[str]]] = {  # each kind with its class, and who of a DSL, the SLT and a teacher sees it
    "child_protection_plan": (Class.PROTECTION, {"dsl"}),
    "child_in_need": (Class.PROTECTION, {"dsl"}),
    "looked_after": (Class.WELFARE, {"dsl", "slt"}),
    "early_help": (Class.WELFARE, {"dsl", "slt"}),
    "young_carer": (Class.WELFARE, {"dsl", "slt"}),
    "send": (Class.GENERAL, {"dsl", "slt"}),
    "medical": (Class.GENERAL, {"dsl", "slt"}),
}


def test_flags_are_shown_to_those_whose_role_opens_their_class(desk: Desk) -> None:
    """With their class, their dates and the social worker; every kind there is."""
    assert set(FLAGS) == set(get_args(FlagKind))
    dates = {"started": dt.date(2026, 1, 5), "ended": dt.date(2999, 1, 1), "review": dt.date(2026, 6, 9)}
    for kind in FLAGS:
        desk.ask(SetFlag(id=new_id(), pupil_id=desk.pupil, kind=kind, social_worker="Ines Falk", **dates), role="dsl")
    flags = {role: desk.ask(Pupil(pupil_id=desk.pupil), role=role).flags for role in ("dsl", "slt", "teacher")}
    for kind, (class_, readers) in FLAGS.items():
        assert {role for role, found in flags.items() if kind in {flag.kind for flag in found}} == readers, kind
        (flag,) = (flag for flag in flags["dsl"] if flag.kind == kind)
        assert flag.class_code == class_.name.lower()
        assert (flag.started, flag.ended, flag.review, flag.social_worker) == (*dates.values(), "Ines Falk")
    seen = {role: len(found) for role, found in flags.items()}

    def exported(role: str, **more: Any) -> int:
        return len(desk.ask(Chronology(pupil_id=desk.pupil, **{"use": "export"} | more), role=role).flags)

    assert {role: exported(role) for role in seen} == seen, "and in the chronology that they print"
    assert {role: exported(role, use="read") for role in seen} == seen, "and on the page of it"
    assert exported("dsl", use="print") == 0


def test_the_inbox_gets_lines_only_of_what_may_be_read(desk: Desk) -> None:
    general, concern = desk.record(category_codes=["behaviour"]), desk.record()
    lines = desk.ask(Summaries(entry_ids=[general.id, concern.id, new_id()]), role="slt").items
    assert [line.incident_id for line in lines] == [general.id]


def test_the_chain_verifies_and_every_pupils_thread_counts_on(desk: Desk) -> None:
    import hashlib
    import json

    from services.incidents.ledger import BEGINNING, commitment

    answer = desk.record()
    desk.ask(AddAction(id=new_id(), incident_id=answer.id, text="Spoke to mum."), role="dsl")
    desk.record()
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        rows = tx.execute(
            sa.text("select sequence, canonical, hash, openings from ledger join ledger_openings using (school_id, sequence) order by 1")
        ).all()
    previous, thread = BEGINNING, BEGINNING
    for number, row in enumerate(rows, start=1):
        entry = json.loads(row.canonical)
        assert (entry["seq"], entry["previous"], hashlib.sha256(row.canonical).hexdigest()) == (number, previous, row.hash)
        (opening,) = row.openings["pupils"]
        assert (opening["count"], opening["previous"], [commitment(opening)]) == (number, thread, entry["pupils"])
        previous = thread = row.hash
    salt = rows[0].openings["fields"]["text"]
    assert json.loads(rows[0].canonical)["fields"]["text"] == commitment({"field": "text", "salt": salt, "value": GOOD_EXAMPLE})


@pytest.mark.parametrize(
    "statement", ["update ledger set hash = ''", "delete from ledger", "truncate ledger", "update entries set text = ''", "delete from entries"]
)
def test_the_services_role_cannot_alter_the_record(desk: Desk, statement: str) -> None:
    desk.record()
    from safekeep.errors import StorageError

    with pytest.raises(StorageError, match="42501"), desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        tx.execute(sa.text(statement))


def test_no_school_set_no_rows_and_another_schools_rows_never(desk: Desk) -> None:
    desk.record()
    other = create_school(resources=desk.resources)
    for school_id, expected in ((None, 0), (other.id, 0), (desk.school.id, 1)):
        with desk.resources.transaction(desk.resources.engine, school_id=school_id) as tx:
            assert tx.execute(sa.text("select count(*) from entries")).scalar() == expected


def test_a_database_error_carries_no_row_out(desk: Desk) -> None:
    from safekeep.errors import StorageError

    with pytest.raises(StorageError) as caught, desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        tx.execute(
            sa.text("insert into rights (school_id, entry_id, person_id, class, reason, given_at) values (:s, :s, :s, 1, 'a secret', now())"),
            {"s": desk.school.id},
        )
    assert "secret" not in repr(caught.value) + str(caught.value.__cause__) + str(
        caught.value.__context__ if not caught.value.__suppress_context__ else ""
    )
    assert caught.value.sqlstate == "23503"


def test_a_request_is_frozen(desk: Desk) -> None:
    with pytest.raises(ValueError, match="frozen"):
        a_record(pupil_id=desk.pupil).narrative = "changed"  # type: ignore[misc]
    assert Record.method == "incidents.record"


# --- whom it is about, said later -------------------------------------------------------------------------------------


class Unlisted:
    """An incident that a teacher recorded of a pupil not listed."""

    def __init__(self, desk: Desk) -> None:
        from services.incidents import recording

        self.desk = desk
        self.holding = create_pupil(
            resources=desk.resources, school=desk.school, id=recording.holding_pupil(desk.school.id), holding=True, name="Not listed"
        )
        self.incident = desk.record(pupil_id=self.holding, described_pupil="A tall boy with a red bag").id

    def assign(self, pupil: UUID, *, role: str = "dsl", **more: Any) -> Recorded:
        given = AssignPupil(**{"id": new_id(), "incident_id": self.incident, "pupil_id": pupil} | more)
        answer: Recorded = self.desk.ask(given, role=role)
        return answer

    def entries(self, pupil: UUID) -> int:
        return int(self.desk.ask(Chronology(pupil_id=pupil), role="dsl").total)


@pytest.fixture
def unlisted(desk: Desk) -> Unlisted:
    return Unlisted(desk)


def test_a_dsl_says_later_whom_it_is_about_and_it_moves_to_that_chronology(unlisted: Unlisted) -> None:
    desk = unlisted.desk
    assert (unlisted.entries(unlisted.holding), unlisted.entries(desk.pupil)) == (1, 0)
    answer = unlisted.assign(desk.pupil)
    assert (unlisted.entries(unlisted.holding), unlisted.entries(desk.pupil)) == (0, 2)
    incident = desk.ask(Incident(incident_id=unlisted.incident), role="dsl")
    assert incident.pupil.id == desk.pupil
    assert [(e.kind, e.moved_from, e.text) for e in incident.entries][1] == ("correction", "not_listed", "")
    told = {r.person_id for r in answer.recipients}
    assert told == {desk.school.people["teacher"], desk.school.people["deputy_dsl"]}, "who recorded it and who was sent it, the DSL aside"
    assert desk.reads(unlisted.incident, role="teacher") == 2


def test_the_same_assignment_again_answers_the_same_and_another_is_refused(unlisted: Unlisted) -> None:
    desk, entry = unlisted.desk, new_id()
    first = unlisted.assign(desk.pupil, id=entry)
    assert unlisted.assign(desk.pupil, id=entry) == first
    other = create_pupil(resources=desk.resources, school=desk.school, name="Ben Example")
    with pytest.raises(Conflict, match="other_content"):
        unlisted.assign(other, id=entry)
    with pytest.raises(Conflict, match="assigned"):
        unlisted.assign(other)


def test_whom_it_cannot_be_about(unlisted: Unlisted) -> None:
    desk = unlisted.desk
    elsewhere = create_school(resources=desk.resources)
    own = create_pupil(resources=desk.resources, school=desk.school, name="Own Child", relatives=(desk.school.people["dsl"],))
    foreign = create_pupil(resources=desk.resources, school=elsewhere)
    for pupil, code in ((unlisted.holding, "unknown_choice"), (foreign, "unknown_choice"), (new_id(), "unknown_choice"), (own, "another_dsl")):
        with pytest.raises(Invalid) as refused:
            unlisted.assign(pupil)
        assert refused.value.problems == {"pupil_id": code}
    with pytest.raises(NotAllowed):
        unlisted.assign(desk.pupil, role="teacher")
    assert unlisted.entries(unlisted.holding) == 1, "nothing was done"


def test_a_parent_of_the_pupil_no_longer_reads_it_nor_is_told(unlisted: Unlisted) -> None:
    desk = unlisted.desk
    parent = desk.school.people["deputy_dsl"]
    assert desk.reads(unlisted.incident, role="deputy_dsl") == 1
    child = create_pupil(resources=desk.resources, school=desk.school, name="Child Example", relatives=(parent,))
    answer = unlisted.assign(child)
    assert parent not in {r.person_id for r in answer.recipients}
    assert desk.reads(unlisted.incident, role="deputy_dsl") == 0


def test_an_assignment_has_its_place_in_the_chain_and_in_the_pupils_thread(unlisted: Unlisted) -> None:
    desk = unlisted.desk
    unlisted.assign(desk.pupil)
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        threads = {row.pupil_id: row._mapping["count"] for row in tx.execute(sa.text("select pupil_id, count from ledger_threads"))}
        assert threads == {unlisted.holding: 2, desk.pupil: 1}, "the holding pupil's thread says where it left"
        said = tx.execute(sa.text("select body from outbox order by id desc limit 1")).scalar_one()
    assert (said["kind"], said["pupil_ids"]) == ("correction", [str(desk.pupil)])


def test_incidents_that_wait_for_their_pupil_are_counted_once_each_for_dsls(unlisted: Unlisted) -> None:
    desk = unlisted.desk
    desk.ask(AddAction(id=new_id(), incident_id=unlisted.incident, text="Asked at the gate."), role="dsl")
    assert desk.ask(Waiting(), role="deputy_dsl").count == 1
    assert desk.ask(Incident(incident_id=unlisted.incident), role="dsl").may_assign
    assert not desk.ask(Incident(incident_id=unlisted.incident), role="teacher").may_assign
    unlisted.assign(desk.pupil)
    assert desk.ask(Waiting(), role="deputy_dsl").count == 0
    assert not desk.ask(Incident(incident_id=unlisted.incident), role="dsl").may_assign
    with pytest.raises(NotAllowed):
        desk.ask(Waiting(), role="slt")


def test_who_is_told_whom_it_is_about_reads_nothing_more_by_it(unlisted: Unlisted) -> None:
    """An action of the DSL's that the teacher was not told of stays unread; an alert written by a person would have opened it."""
    desk = unlisted.desk
    desk.ask(AddAction(id=new_id(), incident_id=unlisted.incident, text="Not for the teacher."), role="dsl")
    unlisted.assign(desk.pupil)
    entries = desk.ask(Incident(incident_id=unlisted.incident), role="teacher").entries
    assert [e.kind for e in entries] == ["incident", "correction"]


def test_who_lost_sight_of_it_is_not_told_and_learns_no_name(unlisted: Unlisted) -> None:
    """After a raise to child protection its author still reads the words, under the pupil not listed as they were written."""
    desk = unlisted.desk
    raised = AddAction(id=new_id(), incident_id=unlisted.incident, text="Referred.", category_codes=["child_protection"])
    desk.ask(raised, role="dsl")
    answer = unlisted.assign(desk.pupil)
    assert {r.person_id for r in answer.recipients} == {desk.school.people["deputy_dsl"]}
    seen = desk.ask(Incident(incident_id=unlisted.incident), role="teacher")
    assert (seen.pupil.id, [e.kind for e in seen.entries]) == (unlisted.holding, ["incident"])


@pytest.mark.parametrize("role", ["teacher", "deputy_dsl"])
def test_a_recorder_whose_own_child_it_turns_out_to_be_keeps_their_words_and_learns_no_name(unlisted: Unlisted, role: str) -> None:
    """On the incident, in what they wrote, in lines of the inbox and in both chronologies; and a DSL like that cannot ask it out of the page."""
    desk = unlisted.desk
    parent = desk.school.people[role]
    child = create_pupil(resources=desk.resources, school=desk.school, name="Child Example", relatives=(parent,))
    unlisted.incident = desk.record(role=role, pupil_id=unlisted.holding, described_pupil="A tall boy").id
    answer = unlisted.assign(child)
    assert parent not in {r.person_id for r in answer.recipients}
    seen = desk.ask(Incident(incident_id=unlisted.incident), role=role)
    assert (seen.pupil.id, len(seen.entries), seen.may_assign) == (unlisted.holding, 1, False)
    lines = [*desk.ask(MyEntries(), role=role).items, *desk.ask(Summaries(entry_ids=[unlisted.incident]), role=role).items]
    assert {(line.pupil_id, line.pupil_name) for line in lines if line.incident_id == unlisted.incident} == {(unlisted.holding, "Not listed")}
    for pupil in (child, unlisted.holding):
        found = desk.ask(Chronology(pupil_id=pupil), role=role)
        assert unlisted.incident not in {line.incident_id for line in found.items}
    assert desk.ask(Chronology(pupil_id=child), role=role).total == 0
    assert desk.ask(Chronology(pupil_id=child), role="dsl").total == 2


def test_what_parents_were_alerted_to_is_withdrawn_by_the_event_and_their_sight_is_said(unlisted: Unlisted) -> None:
    desk = unlisted.desk
    parent = desk.school.people["deputy_dsl"]
    child = create_pupil(resources=desk.resources, school=desk.school, name="Child Example", relatives=(parent, desk.school.people["admin"]))
    unlisted.assign(child)
    with desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        said = tx.execute(sa.text("select body from outbox order by id desc limit 1")).scalar_one()
    assert (said["kind"], said["lost_sight"], said["raised_to"]) == ("correction", [str(parent)], None), "of those alerted, the parents alone"


def test_one_whose_own_child_is_linked_cannot_say_whom_it_is_about(unlisted: Unlisted) -> None:
    desk = unlisted.desk
    parent = create_person(resources=desk.resources, school=desk.school, role=Role.DSL)
    child = create_pupil(resources=desk.resources, school=desk.school, name="Child Example", relatives=(parent,))
    linked = LinkedPupil(pupil_id=child, part="witness")
    own = desk.record(role="dsl", person=parent, pupil_id=unlisted.holding, described_pupil="A tall boy", linked_pupils=[linked])
    with pytest.raises(Invalid, match="another_dsl"):
        desk.ask(AssignPupil(id=new_id(), incident_id=own.id, pupil_id=desk.pupil), role="dsl", person=parent)
    with pytest.raises(Invalid, match="twice"):
        desk.ask(AssignPupil(id=new_id(), incident_id=own.id, pupil_id=child), role="dsl")
    others = desk.record(pupil_id=unlisted.holding, described_pupil="A tall boy", linked_pupils=[linked])
    with pytest.raises(NotFound):
        desk.ask(AssignPupil(id=new_id(), incident_id=others.id, pupil_id=desk.pupil), role="dsl", person=parent)


@pytest.mark.parametrize("table", ["incidents", "incident_pupils"])
def test_the_database_moves_nothing_from_a_pupil_who_is_known(unlisted: Unlisted, table: str) -> None:
    """Not even the service's own role can give a recorded incident to another pupil."""
    from safekeep.errors import StorageError

    desk = unlisted.desk
    unlisted.assign(desk.pupil)
    other = create_pupil(resources=desk.resources, school=desk.school, name="Ben Example")
    with pytest.raises(StorageError, match="42501"), desk.resources.transaction(desk.resources.engine, school_id=desk.school.id) as tx:
        tx.execute(sa.text(f"update {table} set pupil_id = :other"), {"other": other})
