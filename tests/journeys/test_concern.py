"""A concern travels end to end in a real browser: recorded, mailed, read, answered, and read back as a chronology."""

import json
import re
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import DESKTOP, PHONE
from tests.make import GOOD_EXAMPLE


def mails(system: dict[str, Any]) -> list[dict[str, Any]]:
    with urllib.request.urlopen(system["mail_url"] + "/messages.json") as answer:
        found: list[dict[str, Any]] = json.load(answer)
        return found


def fill_in(page: Page) -> None:
    """Type the good example in the order of the page, as without JavaScript."""
    page.fill("[name=pupil_q]", "sarah")
    page.get_by_role("button", name="Find").first.click()
    page.locator("[name=pupil_id]").first.check(force=True)
    page.locator("[name=kind][value=conversation]").check(force=True)
    page.locator("[name=when]").first.check(force=True)
    page.fill("[name=narrative]", GOOD_EXAMPLE)
    page.fill("[name=action_taken]", "Told the DSL in person.")
    page.locator("[name=category_codes][value=safeguarding_concern]").check(force=True)


def submit(page: Page) -> None:
    """Look at who will be sent it, then press the button that submits."""
    page.get_by_role("main").get_by_role("button", name="Show who will be sent it").click()
    page.get_by_role("main").get_by_role("button", name=re.compile("^Add incident and alert 3 people")).last.click()


@pytest.mark.parametrize(
    ("viewport", "javascript"), [(PHONE, True), (DESKTOP, True), (PHONE, False)], ids=["phone", "desktop", "phone without JavaScript"]
)
def test_a_concern_is_recorded_mailed_read_answered_and_found_in_the_chronology(
    system: dict[str, Any], sign_in: Callable[..., Any], viewport: Any, javascript: bool
) -> None:
    before = len(mails(system))
    teacher = sign_in("teacher", viewport=viewport, javascript=javascript)
    page = teacher.go("incidents/new")
    expect(page.get_by_role("heading", name=re.compile("child at risk now"))).to_be_visible()
    fill_in(page)
    submit(page)
    expect(page.get_by_role("main")).to_contain_text("Nobody has read it yet")
    number = re.search(r"\d{4}-\d{4}", page.get_by_role("main").inner_text())
    assert number
    told = wait_for_mail(system, since=before, count=3)
    for mail in told:
        assert "crying" not in mail["text"] + mail["subject"]
        assert "Sarah" not in mail["text"] + mail["subject"]
        assert "Category: Safeguarding concern" in mail["text"]

    dsl = sign_in("dsl", viewport=viewport, javascript=javascript)
    inbox = dsl.go("inbox")
    row = inbox.get_by_role("main").get_by_role("listitem").filter(has_text=number.group())
    expect(row).to_contain_text("unread")
    row.get_by_role("link", name=re.compile("Safeguarding concern")).click()
    expect(inbox.get_by_role("main")).to_contain_text("I don't like my life anymore")
    expect(inbox.get_by_role("main")).to_contain_text(number.group())
    assert "AlertItem" not in inbox.content()
    inbox.get_by_role("button", name="Mark as read", exact=True).click()
    inbox.get_by_role("link", name="Add action").first.click()
    inbox.fill("[name=text]", "Spoke to Sarah with her teacher and rang children's services.")
    inbox.get_by_role("main").get_by_role("button", name=re.compile("^Add action")).last.click()
    expect(inbox.get_by_role("main")).to_contain_text("rang children's services")
    inbox.get_by_role("link", name="Chronology").first.click()
    expect(inbox.get_by_role("main")).to_contain_text("I don't like my life anymore")
    expect(inbox.get_by_role("main")).to_contain_text("rang children's services")

    page.reload()
    expect(page.get_by_role("main")).not_to_contain_text("Nobody has read it yet")


def wait_for_mail(system: dict[str, Any], *, since: int, count: int) -> list[dict[str, Any]]:
    """Return the mails that came, at least `count` of them within some seconds."""
    import time

    ends = time.monotonic() + 15
    while time.monotonic() < ends and len(mails(system)) < since + count:
        time.sleep(0.1)
    found = mails(system)[since:]
    assert len(found) >= count
    return found


TWICE = """async () => {
  const form = document.querySelector("[data-record]").form;
  const send = () => fetch(form.action, {method: "POST", body: new URLSearchParams([...new FormData(form), ["do", "record"]].filter(([, v]) => typeof v === "string"))});
  const answers = await Promise.all([send(), send()]);
  return answers.map((answer) => answer.url);
}"""


def test_sending_the_same_form_twice_at_once_makes_one_incident(sign_in: Callable[..., Any]) -> None:
    teacher = sign_in("teacher", viewport=PHONE)
    page = teacher.go("incidents/new")
    fill_in(page)
    page.get_by_role("main").get_by_role("button", name=re.compile("^Show who will be sent it")).last.click()
    expect(page.get_by_role("button", name="Add incident and alert 3 people")).to_be_visible()
    first, second = page.evaluate(TWICE)
    assert first == second
    assert first.endswith("/recorded")


def test_a_refused_form_says_why_beside_the_field_and_keeps_every_word(sign_in: Callable[..., Any]) -> None:
    teacher = sign_in("teacher", viewport=PHONE, javascript=False)
    page = teacher.go("incidents/new")
    page.fill("[name=narrative]", GOOD_EXAMPLE)
    page.get_by_role("main").get_by_role("button", name=re.compile("^Add incident")).last.click()
    expect(page.get_by_role("alert").first).to_be_visible()
    expect(page.locator("[name=narrative]")).to_have_value(GOOD_EXAMPLE)
    assert page.title().startswith("Error:") or page.locator(".govuk-error-summary").count() == 1


PAGES = ("", "inbox", "incidents/new", "pupils", "drafts", "reports")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_axe_finds_nothing_on_any_page(sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, dark: bool) -> None:
    dsl = sign_in("dsl", viewport=viewport, dark=dark)
    for path in PAGES:
        finds_nothing_wrong(dsl.go(path))
    page = dsl.go("inbox?state=all")
    with page.expect_navigation():
        page.get_by_role("main").locator(".sk-row__link").first.click()
    finds_nothing_wrong(page)
    with page.expect_navigation():
        page.get_by_role("link", name="Add action").or_(page.get_by_role("button", name="Mark as read and add action")).first.click()
    finds_nothing_wrong(page)
    dsl.go("pupils").fill("[name=q]", "sarah")
    page.get_by_role("main").get_by_role("button", name="Find").click()
    finds_nothing_wrong(page)
    page.get_by_role("main").locator("a[href*='/pupils/']").first.click()
    finds_nothing_wrong(page)
    page.get_by_role("link", name="Chronology").first.click()
    finds_nothing_wrong(page)


def test_no_page_scrolls_sideways_at_320_pixels(sign_in: Callable[..., Any]) -> None:
    dsl = sign_in("dsl", viewport={"width": 320, "height": 640})
    for path in PAGES:
        page = dsl.go(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
