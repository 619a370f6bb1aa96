"""The pack for an inspection: records chosen by nobody, with nobody's name in them, and numbers that say what is not counted."""

import datetime as dt
import io
import random
from dataclasses import replace
from typing import Any
from uuid import UUID

import pypdf
import pytest

from safekeep.contracts.incidents import Details, EntryItem, IncidentAnswer, IncidentFacts, LinkedItem, PupilItem, Told
from safekeep.ids import new_id
from safekeep.permissions import Class
from services.reports import chronology, counting, inspecting
from services.reports.governing import Concern, Counted
from services.reports.inspecting import Candidate, Nameless
from services.reports.redaction import Person
from tests.services.reports.test_chronology_pdf import is_tagged_archive
from tests.unit.reports.test_packs import an_asked

SINCE, UNTIL = dt.date(2026, 1, 1), dt.date(2026, 12, 31)
TEACHER, DSL, OTHER = new_id(), new_id(), new_id()
STAFF = {TEACHER: "Ann Writer", DSL: "Dee Lead", OTHER: "Zoltan Kowalczyk"}
ACCOUNT = (
    "Amelia Okafor told me that Ruby hit her. R.T. was there too. Her uncle Tony had seen it. I rang Mrs Bellweather on 01632 960170. "
    "Mr Kowalczyk sat with Amelia. Yesterday Quillon said the same."
)
AT = dt.datetime(2026, 3, 3, 12, 47, tzinfo=dt.UTC)


def an_entry(**fields: Any) -> EntryItem:
    given: dict[str, Any] = {
        "id": new_id(),
        "kind": "incident",
        "class_code": "safeguarding",
        "author_id": TEACHER,
        "author_name": "Ann Writer",
        "author_role": "teacher",
        "recorded_at": AT,
        "text": ACCOUNT,
        "recipients": [],
        "files": [],
        "ledger_sequence": 1,
        "entry_hash": "0" * 64,
    }
    return EntryItem(**(given | fields))


def a_record(**fields: Any) -> IncidentAnswer:
    details = Details(kind="referral", to="Mrs Bellweather, children’s services", at=AT, outcome="Strategy meeting with Amelia's mother")
    action = an_entry(kind="action", author_id=DSL, author_name="Dee Lead", author_role="dsl", text="Spoke to Ruby.", details=details)
    facts = IncidentFacts(
        kind="conversation",
        occurred_at=AT,
        occurred_precision="exact",
        place="",
        told=Told(),
        action_taken="Ann Writer told Dee Lead.",
        described_pupil="",
        at_risk_now=False,
        body_map_id=None,
    )
    may = dict.fromkeys(("may_add_action", "may_correct", "may_assign", "may_move", "may_restrict", "may_set_status", "may_decide"), False)
    given: dict[str, Any] = {
        "id": new_id(),
        "number": "2026-0147",
        "pupil": PupilItem(id=new_id(), name="Amelia Okafor", year="Year 5", form="5A", born=dt.date(2016, 2, 29)),
        "facts": facts,
        "entries": [an_entry(), action.model_copy(update={"recorded_at": AT + dt.timedelta(days=2)})],
        "linked_pupils": [LinkedItem(pupil_id=new_id(), name="Ruby Thorne", part="may_have_caused_harm", initials="RT")],
        "categories": ["safeguarding_concern"],
        "class_code": "safeguarding",
        "statuses": [],
        "follow_ups": [],
        "asks": [],
    }
    fields_ = IncidentAnswer.model_fields
    return IncidentAnswer(**{k: v for k, v in (given | may | fields).items() if k in fields_})


def shown(record: IncidentAnswer | None = None, **given: Any) -> tuple[str, Nameless]:
    """What is printed of a record, as one text."""
    record = record or a_record()
    nameless = Nameless(record, staff=STAFF, **given)
    group = inspecting.record_of(1, record, nameless=nameless, asked=an_asked(head=None))
    said = inspecting.content(Counted([], {}, 0), [group], since=SINCE, until=UNTIL, reason="An inspection", asked=an_asked(head=None))
    data = chronology.pdf(said)
    assert is_tagged_archive(data)
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages).split()), nameless


def test_no_name_number_or_date_of_a_record_is_printed() -> None:
    """Of pupils, of staff, of relatives and professionals; of actions and their own fields too. A control: they stood there."""
    said, _ = shown()
    for gone in (
        "Amelia",
        "Okafor",
        "Ruby",
        "Thorne",
        "R.T.",
        "Tony",
        "Bellweather",
        "960170",
        "Kowalczyk",
        "Ann Writer",
        "Quillon",
        "2026-0147",
        "March",
    ):
        assert gone not in said.replace("Dee Lead, Tuesday 24 November", ""), gone
        assert gone in ACCOUNT or gone in {"Thorne", "Okafor", "Ann Writer", "2026-0147", "March"}
    for stands in (
        "[Pupil A] told me that [Pupil B] hit her",
        "[Pupil B] was there too",
        "Spoke to [Pupil B].",
        "[a member of staff] sat with [Pupil A]",
    ):
        assert stands in said, stands
    assert "[a teacher] told [a DSL]" in said
    assert "The first day at 12:47, by a teacher" in said
    assert "2 days later at 12:47, by a DSL" in said


def test_a_pupils_letter_is_the_same_throughout_whatever_they_are_called() -> None:
    said, _ = shown(a_record(entries=[an_entry(text="Amelia cried. Then AMELIA OKAFOR slept. Ruby's bag. A.O. woke.")]))
    assert "[Pupil A] cried. Then [Pupil A] slept. [Pupil B]’s bag. [Pupil A] woke." in said


def test_other_pupils_of_the_school_are_found_by_the_register_and_what_a_pupil_is_called_has_their_letter() -> None:
    register = [Person("Amelia Okafor", "pupil", known_as="Milly"), Person("Ruby Thorne", "pupil"), Person("Owen Prys", "pupil", known_as="Wills")]
    said, _ = shown(a_record(entries=[an_entry(text="Milly sat with Owen. wills cried. Milly's coat.")]), register=register)
    assert "[Pupil A] sat with [another pupil]. [another pupil] cried. [Pupil A]’s coat." in said


def test_a_dsl_lets_stand_what_names_nobody_and_adds_what_was_not_found() -> None:
    said, nameless = shown(keep=["Quillon"], added=["sat with", "there"])
    assert "Yesterday Quillon said" in said
    assert "[a member of staff] [left out] [Pupil A]" in said
    assert "[Pupil B] was [left out] too" in said
    found = {each.words: each for each in nameless.found.values()}
    assert (found["Quillon"].kept, found["Ruby"].kept, found["Ruby"].mark) == (True, False, "[Pupil B]")


def test_what_is_added_is_a_word_and_never_a_pattern_nor_a_part_of_another_word() -> None:
    said, _ = shown(a_record(entries=[an_entry(text="the there .* there")]), added=[".*", "the", " "])
    assert "[left out] there [left out] there" in said


@pytest.mark.parametrize("seed", range(3))
def test_which_records_are_shown_follows_from_the_days_alone(seed: int) -> None:
    """In whatever order they come, each class in turn, protection first, each record once; other days, another order."""
    some = [Candidate(UUID(int=n), code) for n, code in enumerate(["general"] * 9 + ["protection"] * 3 + ["welfare"] * 4)]
    mixed = random.Random(seed).sample(some, len(some))  # noqa: S311 - no secret
    order = inspecting.in_turn(mixed, since=SINCE, until=UNTIL)
    assert order == inspecting.in_turn(some, since=SINCE, until=UNTIL)
    assert sorted(order) == sorted(c.id for c in some)
    of = {c.id: c.class_code for c in some}
    assert [of[id_] for id_ in order][:6] == ["protection", "welfare", "general"] * 2
    assert order != inspecting.in_turn(some, since=SINCE, until=UNTIL - dt.timedelta(days=1))
    assert inspecting.in_turn([], since=SINCE, until=UNTIL) == []


def a_concern(on: dt.date, **more: Any) -> Concern:
    return Concern(**({"on": on, "category": "welfare", "class_code": "welfare", "year_group": ""} | more))


def words_of(counted: Counted, **more: Any) -> dict[str, Any]:
    parts = inspecting.numbers(counted, since=SINCE, until=UNTIL, category_names={"welfare": "Welfare"})
    return {part["heading"]: part for part in parts}


def test_numbers_are_of_these_days_and_say_how_soon_half_was_answered() -> None:
    concerns = [
        a_concern(dt.date(2026, 1, 1), acknowledged=10, answered=60),
        a_concern(dt.date(2026, 12, 31), acknowledged=70, answered=2 * 1440, class_code="protection", category="not_known_here"),
        a_concern(dt.date(2026, 5, 5), acknowledged=200),
        a_concern(dt.date(2027, 1, 1)),
        a_concern(dt.date(2025, 12, 31)),
    ]
    said = words_of(Counted(concerns, {}, overdue=1, known=frozenset()))
    assert said["What was recorded"]["words"][0].startswith("3 incidents were recorded from 1 January 2026 to 31 December 2026")
    assert said["What was recorded"]["rows"] == [["Protection", "1"], ["Safeguarding", "0"], ["Welfare", "2"], ["General", "0"]]
    assert said["By category"]["rows"] == [["not known here", "protection", "1"], ["Welfare", "welfare", "2"]]
    assert said["By month"]["rows"] == [["January 2026", "1"], ["May 2026", "1"], ["December 2026", "1"]]
    assert said["How soon it was answered"]["rows"] == [
        ["Read by somebody who was alerted", "3 of 3", "1 hour 10 minutes", "3"],
        ["First action below it", "2 of 3", "1 day", "1"],
    ]
    assert said["How soon it was answered"]["words"] == ["1 of what was asked of somebody is overdue today."]
    assert "not counted here" in said["Referrals"]["words"][0]
    assert "not entered in Safekeep" in said["Training"]["words"][0]


def test_referrals_are_told_where_they_are_counted_and_nothing_recorded_is_said() -> None:
    said = words_of(Counted([a_concern(dt.date(2026, 5, 5), referrals=(True, False))], {}, overdue=0))
    assert said["Referrals"]["words"] == ["2 referrals were made; of 1 the outcome is known."]
    empty = words_of(Counted([], {}, overdue=0))
    assert empty["By month"]["words"] == ["Nothing was recorded in these days."]
    assert empty["How soon it was answered"]["rows"][0] == ["Read by somebody who was alerted", "0 of 0", "", ""]


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (0, "under a minute"),
        (1, "1 minute"),
        (59, "59 minutes"),
        (60, "1 hour"),
        (190, "3 hours 10 minutes"),
        (1440, "1 day"),
        (3 * 1440 + 125, "3 days 2 hours"),
    ],
)
def test_how_long_something_took_is_said_as_people_say_it(minutes: int, said: str) -> None:
    assert inspecting.duration(minutes) == said


@pytest.mark.parametrize(
    ("asked_for", "met", "said"),
    [
        (inspecting.AskedFor(), True, ""),
        (inspecting.AskedFor(category="bullying"), True, "of the category Bullying"),
        (inspecting.AskedFor(category="welfare"), False, "of the category welfare"),
        (inspecting.AskedFor(year_group="year_7", with_referral=True), True, "of Year 7, with a referral"),
        (inspecting.AskedFor(category="bullying", year_group="year_8"), False, "of the category Bullying, of Year 8"),
    ],
)
def test_an_inspector_names_what_they_want_to_be_shown(asked_for: inspecting.AskedFor, met: bool, said: str) -> None:
    about: dict[str, Any] = {"recorded_at": AT, "month": "2026-03", "class_": Class.GENERAL, "categories": ("bullying",), "main": "bullying"}
    counted = counting.Counted(**about, year_group="year_7", referrals=(False,))
    assert asked_for.is_met_by(counted) == met
    assert not inspecting.AskedFor(with_referral=True).is_met_by(replace(counted, referrals=()))
    assert asked_for.in_words(category_names={"bullying": "Bullying"}) == said
