"""The recording page: what JavaScript adds, what is kept, and that no input whatever answers with a failure or loses a word."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import APIResponse, Page, expect

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
    with page.expect_download() as download:
        page.locator("a[href*='/files/']").first.click()
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
CASES: list[tuple[str, str, str]] = [
    ("pupil_id", "", "Choose the pupil"),
    ("pupil_id", "forged", "Choose a pupil of your school"),
    ("pupil_id", "00000000-0000-4000-8000-000000000000", "Choose a pupil of your school"),
    ("described_pupil", "", "Describe the pupil"),
    ("described_pupil", "\u202etall", "changes the direction"),
    ("kind", "", "Choose what kind"),
    ("kind", "gossip", "Choose one of those offered"),
    ("when", "", "Say when it happened"),
    ("when", "exact", "Fill this in"),
    ("place", "x" * 201, "too long"),
    ("place", "a\x07b", "hidden character"),
    ("narrative", "", "Write what happened"),
    ("narrative", " \n ", "Write what happened"),
    ("narrative", "x" * 20_001, "20,000 characters"),
    ("narrative", "a\x00b", "hidden character"),
    ("narrative", "a\u202eb", "changes the direction"),
    ("action_taken", "x" * 20_001, "20,000 characters"),
    ("action_taken", "a\x1bb", "hidden character"),
    ("told_whom", "x" * 201, "too long"),
    ("category_codes", "", "Choose at least one category"),
    ("category_codes", "nonsense", "Choose one of those offered"),
    ("category_codes", "child_protection", "Only a DSL can choose this"),
    ("category_codes", "DROP TABLE", "cannot be accepted"),
    ("groups", "no_such_group", "Choose one of those offered"),
    ("staff_ids", "forged", "not an id"),
    ("linked_ids", "00000000-0000-4000-8000-000000000000", "Choose what part"),
    ("file_ids", "00000000-0000-4000-8000-000000000000", "did not arrive whole"),
    ("ask_dsl", "forged", "not an id"),
]


def send(page: Page, address: str, form: dict[str, str]) -> APIResponse:
    """Send the form; where it first shows who will be sent it, send it again having seen that."""
    answer = page.request.post(address, form=form)
    shown = re.search(r'name="shown" value="([^"]*)"', answer.text())
    if answer.status == 200 and shown and "/recorded" not in answer.url:
        answer = page.request.post(address, form=form | {"shown": shown.group(1)})
    return answer


def test_every_bad_input_gets_its_sentence_and_loses_no_word(sign_in: Callable[..., Any]) -> None:
    page = sign_in("teacher", viewport=PHONE, javascript=False).go("incidents/new")
    token = page.locator("#record [name=csrf_token]").input_value()
    base = page.url.rpartition("/")[0]
    for field, value, sentence in CASES:
        form = GOOD | {"csrf_token": token, "do": "record"} | ({"told": "told"} if field == "told_whom" else {}) | {field: value}
        answer = send(page, f"{base}/{new_id()}", form)
        case = f"{field}={value[:20]!r}"
        assert answer.status == 422, f"{case}: {answer.status}"
        text = answer.text()
        assert sentence in text, f"{case}: {re.findall(r'govuk-error-summary__list.*?</ul>', text, re.S)}"
        if field != "narrative":
            assert ACCOUNT in text, case


def test_twenty_thousand_characters_and_html_are_just_text(sign_in: Callable[..., Any]) -> None:
    page = sign_in("teacher", viewport=PHONE, javascript=False).go("incidents/new")
    token = page.locator("#record [name=csrf_token]").input_value()
    base = page.url.rpartition("/")[0]
    account = "<script>alert('x')</script> & " + "ö" * (20_000 - 30)
    form = GOOD | {"csrf_token": token, "do": "record", "narrative": account}
    recorded = send(page, f"{base}/{new_id()}", form)
    assert recorded.url.endswith("/recorded")
    read = page.request.get(recorded.url.removesuffix("/recorded")).text()
    assert "<script>alert" not in read
    assert "&lt;script&gt;alert" in read
