"""The recording page: what JavaScript adds, what is kept, and that no input whatever answers with a failure or loses a word."""

import html
import json
import re
from collections.abc import Callable
from typing import Any, get_args
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import APIResponse, Page, expect

from safekeep.contracts.incidents import Kind, Part, Precision
from safekeep.ids import new_id
from tests.journeys.conftest import PHONE

ACCOUNT = "Sarah said she was fine. I was not sure."


def fill_without_pupil(page: Page) -> None:
    page.locator("[name=kind][value=conversation]").check(force=True)
    page.locator("[name=when][value=now]").check(force=True)
    page.fill("[name=narrative]", ACCOUNT)


def test_a_pupil_is_found_by_keyboard_and_recipients_follow_the_categories(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    page = sign_in("teacher", viewport=PHONE).go("incidents/new")
    page.locator("#pupil_q").press_sequentially("sarah")
    expect(page.get_by_role("option").first).to_be_visible()
    finds_nothing_wrong(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("[name=pupil_id]:checked")).to_have_count(1)
    expect(page.get_by_role("option")).to_have_count(0)
    fill_without_pupil(page)
    page.locator("[name=category_codes][value=behaviour]").check(force=True)
    expect(page.locator("#recipients")).to_contain_text("SLT")
    page.locator("[name=category_codes][value=safeguarding_concern]").check(force=True)
    expect(page.locator("#recipients")).to_contain_text("DSL")
    page.locator("[name=category_codes][value=behaviour]").uncheck(force=True)
    expect(page.locator("#who")).to_contain_text("always, for this category")
    expect(page.locator("[data-record]")).to_have_text("Add incident and alert 3 people")
    page.locator("#linked_q").press_sequentially("am")
    page.locator("#linked_q-list [role=option]").first.click()
    expect(page.locator("#linked_rows fieldset")).to_have_count(1)
    page.locator("[data-record]").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose what part this pupil had")
    offered = {
        "linked_part": [part.get_attribute("value") for part in page.locator("select[name^=linked_part] option").all()][1:],
        "kind": [kind.get_attribute("value") for kind in page.locator("[name=kind]").all()],
        "when": [when.get_attribute("value") for when in page.locator("[name=when]").all()],
    }
    assert offered == {"linked_part": [*get_args(Part)], "kind": [*get_args(Kind)], "when": ["now", *get_args(Precision)]}, "what can be recorded"
    page.locator("select[name^=linked_part]").select_option("witness")
    page.locator("[data-record]").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Recorded")


def test_what_is_typed_is_kept_while_typing_and_comes_back_on_another_machine(sign_in: Callable[..., Any]) -> None:
    page = sign_in("teacher", viewport=PHONE).go("incidents/new")
    fill_without_pupil(page)
    expect(page.locator("[data-saved]")).to_contain_text("Saved as your draft")
    address = page.url
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    other = sign_in("teacher", viewport=PHONE, javascript=False)
    other.page.goto(address)
    expect(other.page.locator("[name=narrative]")).to_have_value(ACCOUNT)
    stranger = sign_in("admin", viewport=PHONE, javascript=False)
    stranger.page.goto(address)
    expect(stranger.page.locator("[name=narrative]")).to_have_value("")


def test_leaving_the_page_at_once_keeps_the_last_words(sign_in: Callable[..., Any]) -> None:
    person = sign_in("teacher", viewport=PHONE)
    page = person.go("incidents/new")
    page.fill("[name=narrative]", ACCOUNT)
    address = page.url
    person.go("pupils")
    page.wait_for_timeout(1000)
    page.goto(address)
    expect(page.locator("[name=narrative]")).to_have_value(ACCOUNT)


def test_a_form_sent_without_a_connection_stays_on_the_page_and_is_recorded_once_when_it_is_back(sign_in: Callable[..., Any]) -> None:
    """The button is pressed where there is no signal: no word is lost, the page says so and warns, and the next press records."""
    page = sign_in("teacher", viewport=PHONE).go("incidents/new")
    fill_without_pupil(page)
    page.locator("[name=pupil_id][value=holding]").check(force=True)
    page.fill("[name=described_pupil]", "A tall boy")
    page.locator("[name=category_codes][value=behaviour]").check(force=True)
    expect(page.locator("[data-record]")).to_have_text(re.compile("Add incident and alert"))
    expect(page.locator("[data-saved]")).to_contain_text("Saved as your draft")
    address, said = page.url, page.locator("[data-saved]")
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.is_navigation_request() else None)
    page.context.set_offline(True)
    page.fill("[name=narrative]", f"{ACCOUNT} She ran off.")
    page.locator("[data-record]").click()
    expect(said).to_have_text(page.locator("form[data-draft]").get_attribute("data-say-held") or "")
    expect(said).to_be_in_viewport()
    assert said.get_attribute("role") == "status", "it is read out"
    assert page.url == address
    expect(page.locator("[name=narrative]")).to_have_value(f"{ACCOUNT} She ran off.")
    assert page.evaluate("dispatchEvent(new Event('beforeunload', {cancelable: true}))") is False, "closing it is warned of"
    assert sent == []
    page.context.set_offline(False)
    page.locator("[data-record]").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Recorded")
    assert sent.count(address) == 1
    page.get_by_role("link", name="See what you recorded").click()
    expect(page.get_by_role("main")).to_contain_text("She ran off.")


HELD = "addEventListener('submit', (event) => event.preventDefault()); addEventListener('click', (event) => event.target.matches('a') && event.preventDefault())"
"""After all the page's own: what is sent from here on gets no answer."""


def test_what_waits_longer_than_half_a_second_says_what_for_beside_what_was_pressed(sign_in: Callable[..., Any]) -> None:
    """Nothing before, nothing that moves, and nothing any more where the page comes back from the browser's memory or the browser is stopped."""
    person = sign_in("teacher", viewport=PHONE)
    page = person.page
    page.clock.install()
    person.go("incidents/new")
    page.clock.pause_at(page.evaluate("Date.now() / 1000 + 1"))
    page.evaluate(HELD)
    said, later = page.locator("[data-waiting]"), page.get_by_role("button", name="Save for later")
    assert said.get_attribute("aria-live") == "polite"  # read out by screen readers when it appears
    back = "dispatchEvent(new PageTransitionEvent('pageshow'))"
    stopped = "navigation.dispatchEvent(new Event('navigateerror'))"  # as Chromium does where somebody stops it
    for button, words, end in (
        (later, said.get_attribute("data-waiting") or "", back),
        (page.locator("[data-record]"), "Recording it. It is not recorded until", stopped),
    ):
        before = button.bounding_box()
        button.click()
        before = button.bounding_box()  # where the click brought it
        page.clock.run_for(499)
        expect(said).to_be_empty()
        page.clock.run_for(2)
        expect(said).to_contain_text(words)
        expect(said).to_be_in_viewport(ratio=1)
        assert button.bounding_box() == before, "it stays where the finger is"
        beside = said.bounding_box()
        assert min(abs(beside["y"] + beside["height"] - before["y"]), abs(before["y"] + before["height"] - beside["y"])) <= 6  # type: ignore[index]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.evaluate(end)
        expect(said).to_be_empty()


def test_who_asks_for_a_document_reads_that_it_is_made_and_the_words_are_true_when_it_has_come(sign_in: Callable[..., Any]) -> None:
    dsl = sign_in("dsl", viewport=PHONE)
    page = dsl.page
    page.clock.install()
    dsl.go("paper")
    page.clock.pause_at(page.evaluate("Date.now() / 1000 + 1"))
    said, link = page.locator("[data-waiting]"), page.get_by_role("link", name="Print blank forms")
    before = link.bounding_box()
    with page.expect_download():
        link.click()
    expect(said).to_be_empty()
    page.clock.run_for(501)
    expect(said).to_have_text("You asked for a document. Making it can take a minute. Your browser keeps it when it is there.")
    assert link.bounding_box() == before
    page.clock.run_for(10_000)
    expect(said).to_be_empty()


def test_a_file_and_a_colleague_survive_every_step_without_javascript(sign_in: Callable[..., Any]) -> None:
    page = sign_in("teacher", viewport=PHONE, javascript=False).go("incidents/new")
    fill_without_pupil(page)
    page.set_input_files("#files", [{"name": "note.txt", "mimeType": "text/plain", "buffer": b"seen at 12:47"}])
    page.get_by_role("button", name="Add these files").click()
    expect(page.get_by_role("main")).to_contain_text("note.txt")
    page.locator("[name=pupil_id][value=holding]").check(force=True)
    page.fill("[name=described_pupil]", "A tall boy in Year 6")
    page.locator("[name=category_codes][value=medical]").check(force=True)
    page.get_by_role("button", name="Show who will be sent it").click()
    expect(page.locator("[name=narrative]")).to_have_value(ACCOUNT)
    expect(page.get_by_role("main")).to_contain_text("note.txt")
    page.get_by_role("main").get_by_role("button", name=re.compile("^Add incident and alert")).last.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Recorded")
    page.get_by_role("link", name="See what you recorded").click()
    page.locator("a[href*='/files/']").first.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the original").click()
    assert download.value.suggested_filename == "note.txt"


GOOD: dict[str, str] = {
    "pupil_id": "holding",
    "described_pupil": "A tall boy",
    "kind": "conversation",
    "when": "not_known",
    "narrative": ACCOUNT,
    "category_codes": "not_sure",
    "told": "not_yet",
    "shown": "none",
}
NOBODY = "00000000-0000-4000-8000-000000000000"
LINKED = {"linked_ids": NOBODY, f"linked_part_{NOBODY}": "witness"}
ON = {"when": "exact", "when_date": "2026-03-02", "when_time": "9:05"}
TOLD = {"told": "told"}
MARK = {"drawing": "front", "region": "left_chest", "form": "point", "points": [[290, 230]], "kind": "bruise", "seen": "in_plain_sight"}
NO_BODY_MAPS = (
    "{",
    "[]",
    '{"marks": 7}',
    "[" * 100_000,
    json.dumps({"marks": [MARK | {"points": [[521, 230]]}]}),  # beside the drawing
    json.dumps({"marks": [MARK | {"region": "no_such_place"}]}),
    json.dumps({"marks": [MARK | {"points": []}]}),
    json.dumps({"marks": [MARK] * 41}),
)
"""What comes in place of a drawn body map and is none."""
Case = tuple[dict[str, str], str, str]
TEXTS: list[Case] = [
    ({"place": "x" * 201}, "place", "too long"),
    ({"place": "a\x07b"}, "place", "hidden character"),
    ({"place": "a\u2067b"}, "place", "changes the direction"),
    ({"place": "a\ufffdb"}, "place", "broken character"),
    ({"narrative": ""}, "narrative", "Write what happened"),
    ({"narrative": " \n "}, "narrative", "Write what happened"),
    ({"narrative": "x" * 20_001}, "narrative", "20,000 characters"),
    ({"narrative": "a\x00b"}, "narrative", "hidden character"),
    ({"narrative": "a\u202eb"}, "narrative", "changes the direction"),
    ({"narrative": "a\ufffdb"}, "narrative", "broken character"),
    ({"action_taken": "x" * 20_001}, "action_taken", "20,000 characters"),
    ({"action_taken": "a\x1bb"}, "action_taken", "hidden character"),
    ({"action_taken": "a\u202eb"}, "action_taken", "changes the direction"),
    ({"action_taken": "a\ufffdb"}, "action_taken", "broken character"),
]
"""What is wrong with the words of an account, on every page that asks for them."""

CASES: list[Case] = [  # what is sent otherwise, beside which field, which sentence
    ({"pupil_id": ""}, "pupil_id", "Choose the pupil"),
    ({"pupil_id": "forged"}, "pupil_id", "Choose a pupil of your school"),
    ({"pupil_id": NOBODY}, "pupil_id", "Choose a pupil of your school"),
    ({"pupil_id": "other school"}, "pupil_id", "Choose a pupil of your school"),
    ({"described_pupil": ""}, "described_pupil", "Describe the pupil"),
    ({"described_pupil": "\u202etall"}, "described_pupil", "changes the direction"),
    ({"described_pupil": "a \ufffd boy"}, "described_pupil", "broken character"),
    ({"described_pupil": "a\x07b"}, "described_pupil", "hidden character"),
    ({"described_pupil": "x" * 20_001}, "described_pupil", "too long"),
    ({"kind": ""}, "kind", "Choose what kind"),
    ({"kind": "gossip"}, "kind", "Choose one of those offered"),
    ({"when": ""}, "when", "Say when it happened"),
    ({"when": "some day"}, "when", "Choose one of those offered"),
    ({"when": "exact"}, "when_date", "Say which day it was"),
    (ON | {"when_date": "2026-02-30"}, "when_date", "This is not a date"),
    (ON | {"when_date": "0001-01-01"}, "when_date", "This is not a date"),
    (ON | {"when_date": "2100-01-01"}, "when_date", "later than now"),
    (ON | {"when": "day", "when_date": "2100-01-01"}, "when_date", "later than now"),
    (ON | {"when": "about", "when_date": "1901-01-01"}, "when", "too long ago"),
    (ON | {"when_time": ""}, "when_time", "Fill this in"),
    (ON | {"when_time": "25:61"}, "when_time", "This is not a time"),
    (ON | {"when_time": "<b>"}, "when_time", "This is not a time"),
    (ON | {"when_time": "99999999999:00"}, "when_time", "This is not a time"),
    (ON | {"when_time": f"{'9' * 5_000}:00"}, "when_time", "This is not a time"),
    *TEXTS,
    ({"told": "perhaps"}, "told", "Choose one of those offered"),
    (TOLD, "told_whom", "Say whom you told, or choose “Not yet”"),
    (TOLD | {"told_whom": "  ", "told_when": "12:50"}, "told_whom", "Say whom you told, or choose “Not yet”"),
    ({"told": "", "told_when": "12:50"}, "told_whom", "Say whom you told, or choose “Not yet”"),
    ({"told": "not_yet", "told_whom": "The head", "told_when": "12:50"}, "told_whom", "Choose “Yes”, or empty this"),
    ({"told": "not_yet", "told_when": "12:50"}, "told_when", "Choose “Yes”, or empty this"),
    (TOLD | {"told_whom": "x" * 201}, "told_whom", "too long"),
    (TOLD | {"told_whom": "a\x07b"}, "told_whom", "hidden character"),
    (TOLD | {"told_whom": "\u202eThe head"}, "told_whom", "changes the direction"),
    (TOLD | {"told_whom": "The head", "told_when": "12\x0750"}, "told_when", "hidden character"),
    (TOLD | {"told_whom": "The head", "told_when": "x" * 201}, "told_when", "too long"),
    (TOLD | {"told_whom": "The head", "told_when": "\u202e12:50"}, "told_when", "changes the direction"),
    (TOLD | {"told_whom": "a\ufffdb", "told_when": "12:50"}, "told_whom", "broken character"),
    (TOLD | {"told_whom": "The head", "told_when": "\ufffd"}, "told_when", "broken character"),
    ({"category_codes": ""}, "category_codes", "Choose at least one category"),
    ({"category_codes": "nonsense"}, "category_codes", "Choose one of those offered"),
    ({"category_codes": "child_protection"}, "category_codes", "Only a DSL can choose this"),
    ({"category_codes": "DROP TABLE"}, "category_codes", "cannot be accepted"),
    ({"groups": "no_such_group"}, "groups", "Choose one of those offered"),
    ({"groups": "<script>"}, "groups", "cannot be accepted"),
    ({"staff_ids": "forged"}, "staff_q", "not an id"),
    ({"ask_dsl": "forged"}, "staff_q", "not an id"),
    ({"category_codes": "behaviour", "staff_ids": "colleague"}, "reason_colleague", "Say why they need to know"),
    ({"category_codes": "behaviour", "staff_ids": "colleague", "reason_colleague": "x" * 20_001}, "reason_colleague", "too long"),
    ({"category_codes": "behaviour", "staff_ids": "colleague", "reason_colleague": "a\x07b"}, "reason_colleague", "hidden character"),
    ({"category_codes": "behaviour", "staff_ids": "colleague", "reason_colleague": "a\u202eb"}, "reason_colleague", "changes the direction"),
    ({"category_codes": "behaviour", "staff_ids": "colleague", "reason_colleague": "a\ufffdb"}, "reason_colleague", "broken character"),
    ({"linked_ids": "forged"}, "linked_q", "not an id"),
    ({"linked_ids": NOBODY}, f"linked_part_{NOBODY}", "Choose what part"),
    (LINKED, "linked_q", "Choose one of those offered"),
    (LINKED | {f"linked_part_{NOBODY}": "culprit"}, f"linked_part_{NOBODY}", "Choose one of those offered"),
    (LINKED | {f"linked_initials_{NOBODY}": "x" * 201}, f"linked_initials_{NOBODY}", "too long"),
    (LINKED | {f"linked_initials_{NOBODY}": "a\x07b"}, f"linked_initials_{NOBODY}", "hidden character"),
    (LINKED | {f"linked_initials_{NOBODY}": "a\u202eb"}, f"linked_initials_{NOBODY}", "changes the direction"),
    (LINKED | {f"linked_initials_{NOBODY}": "\ufffd"}, f"linked_initials_{NOBODY}", "broken character"),
    ({"linked_ids": "other school", "linked_part_other school": "witness"}, "linked_q", "Choose one of those offered"),
    ({"body_map_id": "forged"}, "body_map_id", "not an id"),
    *(({"body_map_id": NOBODY, "body_map": forged}, "body_map_id", "is not there any more") for forged in NO_BODY_MAPS),
    ({"child_words": "x" * 20_001}, "narrative", "20,000 characters"),
    ({"child_words": "a\x07b"}, "narrative", "hidden character"),
    ({"child_words": "a\u202eb"}, "narrative", "changes the direction"),
    ({"file_ids": NOBODY}, "files", "did not arrive whole"),
    ({"file_ids": "forged"}, "files", "not an id"),
]


def send(page: Page, address: str, form: dict[str, str]) -> APIResponse:
    """Send the form; where it first shows who will be sent it, send it again having seen that."""
    answer = page.request.post(address, form=form)
    shown = re.search(r'name="shown" value="([^"]*)"', answer.text())
    if answer.status == 200 and shown and "/recorded" not in answer.url:
        answer = page.request.post(address, form=form | {"shown": shown.group(1)})
    return answer


@pytest.fixture
def named(sign_in: Callable[..., Any]) -> Callable[[str], str]:
    """Put ids in the place of the words of the table that stand for somebody."""
    there = sign_in("teacher", school="Kingsmead Academy", javascript=False).page
    found = there.request.get(there.url.split("/s/")[0] + "/s/kingsmead/pupils/suggest?q=am").json()["items"][0]["id"]
    here = sign_in("teacher", javascript=False)
    name = sign_in("pastoral", javascript=False).page.locator(".sk-banner__person").inner_text()
    staff = here.page.request.get(f"{here.base}s/hillside/staff/suggest?q={quote(name)}").json()["items"]
    return lambda text: text.replace("other school", found).replace("colleague", staff[0]["id"])


def beside(page_text: str, field: str) -> str:
    """The sentence beside a field, or "". Whatever is said on the page is said with its field to a screen reader, and the list leads to what takes focus."""
    for error in re.findall(r'<p id="([^"]+-error)"', page_text):
        named = rf'<(?:input|select|textarea|button|fieldset)\b[^>]*\baria-describedby="(?:[^"]* )?{re.escape(error)}(?: [^"]*)?"'
        assert re.search(named, page_text), f"no control is described by {error}"
    listed = re.search(r'govuk-error-summary__list">(.*?)</ul>', page_text, re.DOTALL)
    for target in re.findall(r'href="#([^"]+)"', listed.group(1) if listed else ""):
        tag = re.search(rf'<(\w+)\b[^>]*\bid="{re.escape(target)}"[^>]*>', page_text)
        assert tag, f"the list leads to {target}, which is not there"
        assert tag[1] in {"input", "select", "textarea", "button", "a"} or 'tabindex="-1"' in tag[0], f"{target} takes no focus"
    found = re.search(rf'<p id="{re.escape(field)}-error".*?</span>(.*?)</p>', page_text, re.DOTALL)
    return html.unescape(found.group(1)).strip() if found else ""


def test_every_bad_input_gets_its_sentence_beside_its_field_and_loses_no_word(sign_in: Callable[..., Any], named: Callable[[str], str]) -> None:
    page = sign_in("teacher", viewport=PHONE, javascript=False).go("incidents/new")
    token = page.locator("#record [name=csrf_token]").input_value()
    base = page.url.rpartition("/")[0]
    for changed, field, sentence in CASES:
        sent = {named(name): named(value) for name, value in (GOOD | changed).items()}
        answer = send(page, f"{base}/{new_id()}", sent | {"csrf_token": token, "do": "record"})
        case = f"{field}: { {name: value[:20] for name, value in changed.items()} }"
        assert answer.status == 422, f"{case}: {answer.status}"
        text = answer.text()
        assert sentence in beside(text, named(field)), f"{case}: {re.findall(r'govuk-error-summary__list.*?</ul>', text, re.S)}"
        assert f'<a href="#{named(field)}">' in text, f"{case}: not in the list above"
        assert f'id="{named(field)}"' in text, f"{case}: the list above leads nowhere"
        if "narrative" not in changed:
            assert ACCOUNT in text, case
        for name, value in sent.items():
            if (
                name.partition("_")[0] in {"place", "narrative", "action", "described", "told", "reason"}
                and name != "told"  # a choice, no words
                and "\0" not in value
                and "\x07" not in value
            ):
                assert html.escape(value.strip(), quote=False) in html.unescape(text).replace("&", "&amp;") or "<" in value, (
                    f"{case}: {name} was lost"
                )


def test_the_table_of_bad_input_has_every_field_of_the_page(sign_in: Callable[..., Any], named: Callable[[str], str]) -> None:
    page = sign_in("teacher", viewport=PHONE, javascript=False).go("incidents/new")
    token = page.locator("#record [name=csrf_token]").input_value()
    more = {"category_codes": "behaviour", "staff_ids": named("colleague"), "linked_ids": NOBODY, "body_map_id": NOBODY}
    quoted = {"narrative": 'Sarah said "I do not want to go home".', "csrf_token": token, "do": "coach"}
    shown = page.request.post(page.url, form=GOOD | more | quoted).text()
    shown = shown[shown.index('id="record"') :].partition("</form>")[0]
    fields = {re.sub("_[0-9a-f-]{36}$", "", name) for name in re.findall(r'<(?:input|textarea|select)[^>]* name="([^"]+)"', shown)}
    tried = {re.sub("_([0-9a-f-]{36}|colleague|other school)$", "", name) for changed, _, _ in CASES for name in changed}
    searches, ours = {"pupil_q", "linked_q", "staff_q"}, {"csrf_token", "groups_seen", "shown", "now_at", "label", "template"}
    yes_or_nothing = {"at_risk_now"}
    assert fields - tried - searches - ours - yes_or_nothing == {"files"}, "and of files, the next test"


def test_a_program_sent_as_a_file_is_said_beside_the_files_and_no_word_is_lost(sign_in: Callable[..., Any]) -> None:
    page = sign_in("teacher", viewport=PHONE, javascript=False).go("incidents/new")
    fill_without_pupil(page)
    page.set_input_files(
        "#files", [{"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": b"MZ" + b"\0" * 58 + b"\x80\0\0\0" + b"\0" * 64 + b"PE\0\0L\1"}]
    )
    page.get_by_role("button", name="Add these files").click()
    expect(page.locator(".govuk-error-summary")).to_be_visible()  # the page that answers, and not the moment before it
    assert "This is a program, or holds one" in beside(page.content(), "files")
    expect(page.locator("[name=narrative]")).to_have_value(ACCOUNT)


def test_searches_and_choices_that_are_forged_are_answered_with_the_page(sign_in: Callable[..., Any]) -> None:
    """Whatever is pressed or looked for, with bytes that are no text in it: a page comes back, and the account on it."""
    page = sign_in("teacher", viewport=PHONE, javascript=False).go("incidents/new")
    token = page.locator("#record [name=csrf_token]").input_value()
    base = page.url.rpartition("/")[0]
    odd = ("x" * 5_000, "a\0b", "\u202e", "%", "_", "'", "<script>", "\\", "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"))
    for name, pressed in (("pupil_q", "find_pupil"), ("linked_q", "find_linked"), ("staff_q", "find_staff"), ("linked_add", "add_linked")):
        for value in odd:
            answer = page.request.post(f"{base}/{new_id()}", form=GOOD | {name: value, "csrf_token": token, "do": pressed})
            assert answer.status in {200, 422}, (name, value, answer.status)
            assert ACCOUNT in answer.text(), (name, value)
    for pressed in ("", "nothing", "remove_linked:x", "remove_staff:", "remove_file:\0", "record:record"):
        answer = page.request.post(
            f"{base}/{new_id()}", form=GOOD | {"csrf_token": token, "do": pressed, "now_at": "never", "groups_seen": "\0", "label_x": "\0"}
        )
        assert answer.status in {200, 422}, (pressed, answer.status)
        assert ACCOUNT in answer.text(), pressed
    for now_at in ("never", "", "9" * 5_000, "9999-12-31T23:59:59-23:59", "2026-06-10T11:40:00"):
        address, form = f"{base}/{new_id()}", GOOD | {"csrf_token": token, "when": "now", "now_at": now_at}
        shown = page.request.post(address, form=form | {"do": "nothing"})
        assert (shown.status, ACCOUNT in shown.text()) == (200, True), now_at
        assert re.search(r'name="now_at" value="20\d\d-[0-9T:.-]+Z"', shown.text()), now_at
        assert page.request.post(address, form=form | {"do": "save"}).status == 200, now_at
        opened = page.request.get(address)  # its draft
        assert (opened.status, ACCOUNT in opened.text()) == (200, True), now_at
    odd_bytes = b"a\xed\xa0\x80b\xff"  # a lone surrogate, and a byte of no character
    for field in ("narrative", "place", "described_pupil", "pupil_id", "category_codes", "when_date", "staff_ids", "kind"):
        fields = GOOD | {
            "when": "exact",
            "when_time": "9:05",
            "when_date": "2026-03-02",
            "action_taken": ACCOUNT,
            "csrf_token": token,
            "do": "record",
        }
        parts = {name: value.encode() for name, value in fields.items()} | {field: odd_bytes}
        body = b"".join(b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (n.encode(), v) for n, v in parts.items()) + b"--x--\r\n"
        answer = page.request.post(f"{base}/{new_id()}", data=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
        assert answer.status == 422, field
        assert beside(answer.text(), {"staff_ids": "staff_q"}.get(field, field)), field
        assert ACCOUNT in answer.text(), field
        written = "a\ufffd\ufffd\ufffdb\ufffd"  # every other word of it is there still
        assert field not in {"narrative", "place", "described_pupil"} or written in html.unescape(answer.text()), field
    for field in GOOD.keys() | {"csrf_token_"}:  # as no browser sends it, who sends the page's form in parts
        body = urlencode({n: v for n, v in GOOD.items() if n != field} | {"action_taken": ACCOUNT, "csrf_token": token, "do": "record"})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = page.request.post(f"{base}/{new_id()}", data=f"{body}&{field}=a%ED%A0%80b%FF".encode(), headers=headers)
        assert answer.status in {200, 422}, (field, answer.status)
        assert ACCOUNT in answer.text(), field


def test_twenty_thousand_characters_and_html_are_just_text_in_every_field_of_words(sign_in: Callable[..., Any], named: Callable[[str], str]) -> None:
    """What was typed comes back to a DSL character by character, and none of it is run."""
    page = sign_in("teacher", viewport=PHONE, javascript=False).go("incidents/new")
    token = page.locator("#record [name=csrf_token]").input_value()
    base = page.url.rpartition("/")[0]
    place = page.url.partition("/incidents/")[0]
    linked = page.request.get(f"{place}/pupils/suggest?q=am").json()["items"][0]["id"]
    code = "<script>alert('x')</script> & "
    long = {name: f"{code}{name} {'ö' * (20_000 - len(code) - len(name) - 1)}" for name in ("narrative", "action_taken", "described_pupil")}
    short = {name: f"{code}{name} {'ö' * (200 - len(code) - len(name) - 1)}" for name in ("place", "told_whom", "told_when")}
    others = {
        "told": "told",
        "linked_ids": linked,
        f"linked_part_{linked}": "witness",
        f"linked_initials_{linked}": f"{code}initials",
        "category_codes": "behaviour",
        "staff_ids": named("colleague"),
        named("reason_colleague"): f"{code}reason",
    }
    assert {len(words) for words in long.values()} == {20_000}
    assert {len(words) for words in short.values()} == {200}
    recorded = send(page, f"{base}/{new_id()}", GOOD | {"csrf_token": token, "do": "record"} | long | short | others)
    assert recorded.url.endswith("/recorded")
    read = sign_in("deputy_dsl").page.request.get(recorded.url.removesuffix("/recorded")).text()
    assert "<script>alert" not in read
    for name, words in (long | short | {"initials": f"({code}initials)"}).items():
        assert html.escape(words, quote=False) in read.replace("&#39;", "'"), name


def test_initials_place_and_kind_come_back_to_whoever_reads_it(sign_in: Callable[..., Any]) -> None:
    page = sign_in("teacher", javascript=False).go("incidents/new")
    place = page.url.partition("/incidents/")[0]
    linked = page.request.get(f"{place}/pupils/suggest?q=am").json()["items"][0]
    said = {
        "kind": "phone_call",
        "place": "By the bicycle shed",
        "linked_ids": linked["id"],
        f"linked_part_{linked['id']}": "may_have_caused_harm",
        f"linked_initials_{linked['id']}": "Q.Z.",
    }
    token = page.locator("#record [name=csrf_token]").input_value()
    recorded = send(page, page.url, GOOD | {"csrf_token": token, "do": "record"} | said)
    assert recorded.url.endswith("/recorded")
    read = sign_in("deputy_dsl", viewport=PHONE).page
    read.goto(recorded.url.removesuffix("/recorded"))
    facts = {row.locator("dt").inner_text(): row.locator("dd").inner_text() for row in read.locator("main dl.govuk-summary-list > div").all()}
    assert (facts["What kind"], facts["Where"]) == ("A phone call", "By the bicycle shed")
    assert facts["Linked pupils"] == f"{linked['name']} (Q.Z.): May have caused harm"


PEOPLE = re.compile(r"<li><strong>([^<]+)</strong>, ([^<]+?) <span")
"""Who will be sent it, on the page: the name, and the role."""


def shown_people(text: str) -> list[tuple[str, str]]:
    """Return by name and role whom the page says it will be sent to; as many as its button says."""
    section = text[text.index('<div id="recipients"') :].partition("</section>")[0]
    found = PEOPLE.findall(section.partition("</ul>")[0])
    button = re.search(r"data-record[^>]*>[^<]* alert (\d+) (?:person|people)<", section)
    assert button
    just_come = section.count("<strong>A member of staff</strong>")  # whom another journey made: for half a minute not every process knows them
    assert int(button[1]) == len(found) + just_come
    return [(html.unescape(name), html.unescape(role)) for name, role in found]


@pytest.mark.parametrize("below", [False, True], ids=["an incident", "an action"])
def test_nothing_is_recorded_before_it_was_shown_by_name_and_role_who_will_be_sent_it(sign_in: Callable[..., Any], below: bool) -> None:
    """Not where the list was never shown, and not where it was another one; then the same press records, and it goes to those people."""
    page = sign_in("deputy_dsl", javascript=False).go("incidents/new")
    token = page.locator("#record [name=csrf_token]").input_value()
    pupil = page.request.get(f"{page.url.partition('/incidents/')[0]}/pupils/suggest?q=sarah").json()["items"][0]["id"]
    about = GOOD | {"csrf_token": token, "do": "record", "category_codes": "behaviour", "pupil_id": pupil}
    address = page.url
    if below:
        incident = send(page, address, about).url.removesuffix("/recorded")
        address = f"{incident}/actions/new/{new_id()}"
        about = {"csrf_token": token, "do": "record", "text": f"Rang home {new_id().hex}", "groups": "slt"}

    def is_recorded() -> bool:
        found = page.request.get(incident if below else address.replace("/new", ""))
        return about["text"] in found.text() if below else found.status == 200

    people: list[tuple[str, str]] = []
    for shown in ("none", "", NOBODY):
        answer = page.request.post(address, form=about | {"shown": shown})
        text = answer.text()
        assert (answer.status, "Not recorded yet" in text) == (200, True), shown
        assert not is_recorded(), shown
        people = shown_people(text)
        assert people
        assert all("SLT" in role for _, role in people), people
    seen = re.search(r'name="shown" value="([^"]+)"', text)
    assert seen
    more = {"groups_seen": "slt", "groups": "safeguarding_team", "shown": seen[1]}  # since then another group was chosen
    changed = page.request.post(address, form=about | more)
    assert "Not recorded yet" in changed.text()
    assert not is_recorded()
    assert not set(shown_people(changed.text())) & set(people)
    done = page.request.post(address, form=about | {"shown": seen[1]})
    assert is_recorded()
    if not below:
        below_heading = re.split("The alert (?:is being|was) sent to", done.text())[1].partition("</ul>")[0]
        assert all(html.escape(name) in below_heading for name, _ in people)
