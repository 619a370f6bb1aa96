"""What a DSL adds below and beside an incident: no input answers with a failure, each problem stands beside its field, no word is lost."""

import datetime as dt
import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from safekeep.ids import new_id
from tests.journeys.test_afterwards import pupils, record
from tests.journeys.test_recording_page import NOBODY, beside, send

TEXT = "Rang home & spoke to the first contact."
Case = tuple[dict[str, str], str, str]
ACTION: list[Case] = [
    ({"text": ""}, "text", "Write what was done"),
    ({"text": " \n"}, "text", "Write what was done"),
    ({"text": "x" * 20_001}, "text", "20,000 characters"),
    ({"text": "a\x00b"}, "text", "hidden character"),
    ({"text": "a\u202eb"}, "text", "changes the direction"),
    ({"text": "a\ufffdb"}, "text", "broken character"),
    ({"category_codes": "nonsense"}, "category_codes", "Choose one of those offered"),
    ({"category_codes": "DROP TABLE"}, "category_codes", "cannot be accepted"),
    ({"groups": "no_such_group"}, "groups", "Choose one of those offered"),
    ({"groups": "<script>"}, "groups", "cannot be accepted"),
    ({"staff_ids": "forged"}, "staff_q", "not an id"),
    ({"ask_dsl": "forged"}, "staff_q", "not an id"),
    ({"file_ids": "forged"}, "files", "not an id"),
    ({"file_ids": NOBODY}, "files", "did not arrive whole"),
]
ASKED: list[Case] = [
    ({"owner_id": ""}, "owner_id", "Choose whom you ask"),
    ({"owner_id": "forged"}, "owner_id", "not an id"),
    ({"owner_id": NOBODY}, "owner_id", "Choose somebody who works at your school"),
    ({"due_on": ""}, "due_on", "Say by which day"),
    ({"due_on": "soon"}, "due_on", "This is not a date"),
    ({"due_on": "2026-02-30"}, "due_on", "This is not a date"),
    ({"due_on": "2020-02-03"}, "due_on", "This day is over"),
    ({"due_on": "2199-02-03"}, "due_on", "more than a year ahead"),
    ({"spoken": ""}, "spoken", "Say whether you have spoken to them"),
    ({"spoken": "perhaps"}, "spoken", "Say whether you have spoken to them"),
    ({"spoken": "not_yet"}, "spoken_when", "Change that answer, or empty this"),
    ({"spoken_when": "x" * 201}, "spoken_when", "too long"),
    ({"spoken_when": "a\u202eb"}, "spoken_when", "changes the direction"),
    ({"text": ""}, "text", "Write what was done"),
]
REFERRAL: list[Case] = [
    ({"to": ""}, "to", "Say who it was"),
    ({"to": "x" * 201}, "to", "too long"),
    ({"when_date": ""}, "when_date", "Say which day it was"),
    ({"when_date": "2026-13-01"}, "when_date", "This is not a date"),
    ({"when_date": "2199-01-01"}, "when_date", "later than now"),
    ({"when_time": "25:99"}, "when_time", "This is not a time"),
    ({"when_time": "99999999999:00"}, "when_time", "This is not a time"),
    ({"outcome": "a\x00b"}, "outcome", "hidden character"),
]
PARENTS: list[Case] = [
    ({"parent_told": ""}, "parent_told", "Say whether they were told"),
    ({"parent_told": "no"}, "to", "Change that answer, or empty this"),
    ({"parent_told": "no", "to": ""}, "answer", "Change that answer, or empty this"),
    ({"parent_told": "no", "to": ""}, "when_date", "Change that answer, or empty this"),
    ({"parent_told": "maybe"}, "parent_told", "Say whether they were told"),
    ({"to": ""}, "to", "Say who it was"),
    ({"when_date": ""}, "when_date", "Say which day it was"),
    ({"when_time": "99999999999:00"}, "when_time", "This is not a time"),
    ({"answer": "x" * 20_001}, "answer", "too long"),
]
STATUS: list[Case] = [
    ({"status": ""}, "status", "Choose how it stands"),
    ({"status": "over"}, "status", "Choose one of those offered"),
    ({"reason": ""}, "reason", "Say why"),
    ({"reason": "a\x07b"}, "reason", "hidden character"),
]
CORRECTION: list[Case] = [
    ({"reason": ""}, "reason", "Say why"),
    ({"reason": "x" * 20_001}, "reason", "too long"),
    ({"reason": "a\x07b"}, "reason", "hidden character"),
    ({"should_say": ""}, "should_say", "Write what it should say"),
    ({"should_say": "x" * 20_001}, "should_say", "too long"),
    ({"should_say": "a\u202eb"}, "should_say", "changes the direction"),
]
FLAG: list[Case] = [
    ({"kind": ""}, "kind", "Choose one"),
    ({"kind": "gossip"}, "kind", "Choose one of those offered"),
    ({"started": ""}, "started", "Say when it started"),
    ({"started": "2026-02-30"}, "started", "This is not a date"),
    ({"started": "0001-01-01"}, "started", "This is not a date"),
    ({"review": "soon"}, "review", "This is not a date"),
    ({"ended": "<b>"}, "ended", "This is not a date"),
    ({"ended": "2026-01-01"}, "ended", "The end is before the start"),
    ({"social_worker": "x" * 201}, "social_worker", "too long"),
    ({"social_worker": "a\x07b"}, "social_worker", "hidden character"),
    ({"note": "x" * 201}, "note", "too long"),
    ({"note": "a\u202eb"}, "note", "changes the direction"),
]
ASK: list[Case] = [
    ({"reason": ""}, "reason", "Say why they need to know"),
    ({"reason": "   "}, "reason", "Say why they need to know"),
    ({"reason": "x" * 201}, "reason", "too long"),
    ({"reason": "a\x07b"}, "reason", "hidden character"),
    ({"reason": "a\u202eb & c"}, "reason", "changes the direction"),
    ({"reason": "a\ufffdb"}, "reason", "broken character"),
    ({"answer": "decline", "reason": "y" * 201}, "reason", "too long"),
]


def refused(page: Page, address: str, good: dict[str, str], cases: list[Case]) -> None:
    """Send each case, and hold what comes back: the sentence beside its field, a list that leads there, and every word of the rest."""
    token = page.locator("[name=csrf_token]").first.input_value()
    for changed, field, sentence in cases:
        sent = good | changed
        answer = send(page, address, sent | {"csrf_token": token, "do": "record"})
        case = f"{field}: { {name: value[:20] for name, value in changed.items()} }"
        assert answer.status == 422, f"{case}: {answer.status}"
        shown = answer.text()
        assert sentence in beside(shown, field), f"{case}: {beside(shown, field)!r}"
        assert f'<a href="#{field}">' in shown, case
        assert f'id="{field}"' in shown, case
        for name in good.keys() - changed.keys():
            assert html.escape(good[name]).replace("&#x27;", "&#39;") in shown, f"{case}: {name} was lost"


@pytest.fixture
def dsl(sign_in: Callable[..., Any]) -> Any:
    return sign_in("dsl", javascript=False)


def test_what_is_wrong_with_an_action_stands_beside_its_field(dsl: Any) -> None:
    incident = record(dsl.go("pupils"), category_codes="behaviour")
    refused(dsl.page, f"{incident}/actions/new/{new_id()}", {"text": TEXT}, ACTION)


def test_what_is_wrong_with_what_is_asked_referred_or_told_to_parents_stands_beside_its_field(dsl: Any) -> None:
    """And what an action is of may not be made up: there is no such page."""
    incident = record(dsl.go("pupils"), category_codes="welfare")
    teacher = dsl.page.request.get(f"{dsl.base}s/hillside/staff/suggest?q=a").json()["items"][0]["id"]
    due = (dt.date.today() + dt.timedelta(days=7)).isoformat()
    asked = {"kind": "asked", "text": TEXT, "owner_id": teacher, "due_on": due, "spoken": "yes", "spoken_when": "at break"}
    when = {"when_date": "2026-02-03", "when_time": "12:47"}
    referral = {"kind": "referral", "text": TEXT, "to": "Children's services", "outcome": "They will ring.", **when}
    parents = {"kind": "parent_contact", "text": TEXT, "parent_told": "yes", "to": "Mother", "answer": "She was glad.", **when}
    for good, cases in ((asked, ASKED), (referral, REFERRAL), (parents, PARENTS)):
        refused(dsl.page, f"{incident}/actions/new/{new_id()}", good, cases)
    for kind in ("outcome", "reassigned"):
        for of in ("", NOBODY, "forged", "%00"):
            assert dsl.page.request.get(f"{incident}/actions/new?kind={kind}&of={of}").status == 404, (kind, of)
    for kind in ("", "gossip", "%ED%A0%80"):
        assert dsl.page.request.get(f"{incident}/actions/new?kind={kind}").status == 200, kind


def test_what_is_wrong_with_how_it_stands_is_beside_its_field(dsl: Any) -> None:
    pupil = pupils(dsl.go("pupils"), "sarah")[0]["id"]
    incident = record(dsl.page, pupil_id=pupil)
    refused(dsl.page, f"{incident}/status/{pupil}/{new_id()}", {"status": "closed", "reason": TEXT}, STATUS)
    assert dsl.page.request.get(f"{incident}/status/{new_id()}/{new_id()}").status == 404


def test_what_is_wrong_with_a_correction_stands_beside_its_field(dsl: Any) -> None:
    incident = record(dsl.go("pupils"))
    address = f"{incident}/entries/{incident.rpartition('/')[2]}/correction/{new_id()}"
    refused(dsl.page, address, {"reason": TEXT, "should_say": "It was Tuesday."}, CORRECTION)


def test_what_is_wrong_with_a_flag_stands_beside_its_field(dsl: Any) -> None:
    pupil = pupils(dsl.go("pupils"), "sarah")[0]["id"]
    good = {"kind": "send", "started": "2026-02-03", "review": "2026-12-03", "social_worker": "Ines Falk", "note": "Since the autumn"}
    refused(dsl.page, f"{dsl.base}s/hillside/pupils/{pupil}/flags/{new_id()}", good, FLAG)


def test_what_is_wrong_with_why_somebody_is_let_read_it_stands_beside_its_field_and_stays_there(dsl: Any, sign_in: Callable[..., Any]) -> None:
    """A DSL lets somebody read it whom a colleague asked them to tell. 200 characters are not too many."""
    name = sign_in("pastoral", javascript=False).page.locator(".sk-banner__person").inner_text()
    found = dsl.page.request.get(f"{dsl.base}s/hillside/staff/suggest?q={name.split()[-1]}").json()["items"]
    colleague = next(person["id"] for person in found if person["name"] == name)
    incident = record(
        sign_in("teacher", javascript=False).go("pupils"), category_codes="safeguarding_concern", ask_dsl=colleague, staff_ids=colleague
    )
    dsl.page.goto(incident)
    address = dsl.page.locator("form[action*='/asks/']").get_attribute("action")
    field = f"reason-{address.rpartition('/')[2]}"
    good = {"incident": incident.rpartition("/")[2], "answer": "accept", "reason": TEXT}
    refused(dsl.page, dsl.page.url.partition("/s/")[0] + address, good, [(changed, field, sentence) for changed, _, sentence in ASK])
    for changed, _, _ in ASK:
        token = dsl.page.locator("[name=csrf_token]").first.input_value()
        shown = dsl.page.request.post(dsl.page.url.partition("/s/")[0] + address, form=good | changed | {"csrf_token": token}).text()
        assert f'id="{field}" name="reason" value="{html.escape(changed["reason"])}"' in shown, changed
    dsl.page.goto(incident)
    dsl.page.fill(f"[id='{field}']", "x" * 200)
    dsl.page.get_by_role("button", name="Let them read it").click()
    expect(dsl.page.locator("#asks")).to_have_count(0)


def test_a_pupil_of_another_school_or_of_none_cannot_be_whom_an_incident_is_about(dsl: Any, sign_in: Callable[..., Any]) -> None:
    """Neither looked at nor assigned: the page comes back, with the account's description on it, and it is still about nobody known."""
    there = sign_in("teacher", school="Kingsmead Academy", javascript=False)
    theirs = there.page.request.get(f"{there.base}s/kingsmead/pupils/suggest?q=am").json()["items"][0]
    incident = record(dsl.go("pupils"), described_pupil="A tall boy with a red bag")
    address = f"{incident}/pupil/{new_id()}"
    token = dsl.page.locator("[name=csrf_token]").first.input_value()
    for pupil_id in (theirs["id"], NOBODY, "forged", "a\x00b\u202e"):
        for pressed in ("look", "assign"):
            answer = dsl.page.request.post(address, form={"pupil_id": pupil_id, "csrf_token": token, "do": pressed})
            shown = answer.text()
            assert (answer.status, beside(shown, "pupil_id")) == (422, "Choose a pupil of your school"), (pupil_id, pressed)
            assert 'href="#pupil_id"' in shown
            assert 'id="pupil_id"' in shown
            assert "A tall boy with a red bag" in shown
            assert theirs["name"] not in shown
    dsl.page.goto(incident)
    expect(dsl.page.get_by_role("link", name="Say who this is about")).to_be_visible()


def test_filters_that_make_no_sense_are_said_and_left_out(dsl: Any) -> None:
    """Of a chronology, of the counts, of the inbox and of the search: the page comes back, whatever stands in its address."""
    pupil = pupils(dsl.go("pupils"), "sarah")[0]["id"]
    odd: tuple[str, ...] = ("x", "2026-02-30", "9999-99-99", "a%00b", "%ED%A0%80", "%E2%80%AE", "'--", "1" * 3_000, NOBODY)
    fields = {
        f"pupils/{pupil}/chronology": ("since", "until", "category", "author", "order", "cursor", "words", "print"),
        f"pupils/{pupil}/chronology.pdf": ("since", "category", "author"),
        "reports": ("since", "until", "class_code", "category", "year_group", "as_at"),
        "inbox": ("state", "class", "cursor", "view"),
        "follow-ups": ("view", "cursor"),
        "pupils": ("q",),
        "pupils/suggest": ("q",),
        "staff/suggest": ("q",),
    }
    for path, names in fields.items():
        for name in names:
            for value in odd:
                answer = dsl.page.request.get(f"{dsl.base}s/hillside/{path}?{name}={value}")
                assert answer.status in {200, 422}, (path, name, value[:20], answer.status)
                beside(answer.text() if "html" in answer.headers["content-type"] else "", name)  # what is said there is tied to its field


def test_names_in_an_address_that_are_no_filters_are_left_out(dsl: Any, sign_in: Callable[..., Any]) -> None:
    """Also those that something of ours is called by, where the page leads on with its filters."""
    ours = ("slug", "table", "endpoint", "values", "_method", "_external", "_scheme", "_anchor", "pupil_id", "cursor", "print", "self", "no_such")
    pupil = pupils(dsl.go("pupils"), "sarah")[0]["id"]
    lead = sign_in("trust_safeguarding_lead", school=None, javascript=False)
    places = [(dsl, f"s/hillside/{path}") for path in ("reports", "reports/months.csv", f"pupils/{pupil}/chronology", "audit", "inbox", "follow-ups")]
    for person, path in (*places, (lead, "t/heathland/"), (lead, "t/heathland/counts.csv")):
        for name in ours:
            for value in ("x", "DELETE"):
                answer = person.page.request.get(f"{person.base}{path}?{name}={value}")
                assert answer.status in {200, 422}, (path, name, value, answer.status)
        kept = person.page.request.get(f"{person.base}{path}?class_code=welfare&since=2026-01-01&slug=x")
        assert kept.status == 200, path
        if path in ("s/hillside/reports", "t/heathland/"):
            assert re.search(r"\.csv\?[^\"]*class_code=welfare", kept.text()), path
