"""A concern travels end to end in a real browser: recorded, mailed, read, answered, and read back as a chronology."""

import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import DESKTOP, PHONE
from tests.make import GOOD_EXAMPLE


def alert_mails(system: dict[str, Any]) -> list[dict[str, Any]]:
    with urllib.request.urlopen(system["mail_url"] + "/messages.json") as answer:
        found: list[dict[str, Any]] = json.load(answer)
        return [mail for mail in found if mail["subject"] == "Something to read in Safekeep"]


def fill_in(page: Page) -> None:
    """Type the good example in the order of the page, as without JavaScript."""
    page.fill("[name=pupil_q]", "sarah")
    page.get_by_role("button", name="Find").first.press("Enter")  # a list that opened meanwhile would be before it
    page.locator("[name=pupil_id]").first.check(force=True)
    page.locator("[name=kind][value=conversation]").check(force=True)
    page.locator("[name=when]").first.check(force=True)
    page.fill("[name=narrative]", GOOD_EXAMPLE)
    page.fill("[name=action_taken]", "Told the DSL in person.")
    page.locator("[name=category_codes][value=safeguarding_concern]").check(force=True)


def see_who(page: Page) -> None:
    """See who will be sent it: the page shows it as choices change; without JavaScript by a button."""
    main = page.get_by_role("main")
    button = main.get_by_role("button", name="Show who will be sent it")
    if button.count():
        button.click()
    expect(main.get_by_role("button", name="Add incident and alert 3 people").last).to_be_visible()


def submit(page: Page, look: Callable[[Page], None]) -> None:
    """Look at who will be sent it, then press the button that submits."""
    see_who(page)
    look(page)
    page.get_by_role("main").get_by_role("button", name=re.compile("^Add incident and alert 3 people")).last.click()


@contextmanager
def as_it_is_without_scripts(page: Page) -> Iterator[Page]:
    """The same page in a browser that runs scripts, but none of ours: axe is one. It is shown as it was sent, also in answer to a form."""
    browser = page.context.browser
    assert browser
    context = browser.new_context(viewport=page.viewport_size, reduced_motion="reduce", storage_state=page.context.storage_state())
    context.route("**/*.js", lambda route: route.abort())
    there = context.new_page()
    there.route(page.url, lambda route: route.fulfill(body=page.content(), content_type="text/html; charset=utf-8"))
    there.goto(page.url)
    assert there.evaluate("document.readyState === 'complete' && !document.querySelector('[role=combobox]')"), "nothing of ours ran"
    yield there
    context.close()


@pytest.mark.parametrize(
    ("viewport", "javascript"), [(PHONE, True), (DESKTOP, True), (PHONE, False)], ids=["phone", "desktop", "phone without JavaScript"]
)
def test_a_concern_is_recorded_mailed_read_answered_and_found_in_the_chronology(
    system: dict[str, Any], sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, javascript: bool
) -> None:
    """The good example, typed in full. Axe looks at every page on the way; *told*, *sent* and *read* are never said for one another."""

    def look(page: Page) -> None:
        if javascript:
            finds_nothing_wrong(page)
            return
        with as_it_is_without_scripts(page) as there:
            finds_nothing_wrong(there)

    teacher = sign_in("teacher", viewport=viewport, javascript=javascript)
    expect(teacher.page.get_by_role("link", name="Add incident").first).to_be_visible()
    look(teacher.page)
    page = teacher.go("incidents/new")
    expect(page.get_by_role("heading", name=re.compile("child at risk now"))).to_be_visible()
    recorder = re.search(r"Recording as (.+)\. Not you", page.get_by_role("main").inner_text())
    assert recorder
    fill_in(page)
    look(page)
    assert page.get_by_role("button", name="Show who will be sent it").count() == (0 if javascript else 1), "only where it is not shown by itself"
    submit(page, look)
    main = page.get_by_role("main")
    expect(main).to_contain_text(re.compile(r"Recorded today at \d{1,2}:\d\d"))
    while not javascript and main.get_by_role("heading", name="The alert is being sent to").count():
        main.get_by_role("link", name="Check again who has read it").click()
    expect(main.get_by_role("heading", name="The alert was sent to")).to_be_visible(timeout=15_000)  # by itself: it asks every four seconds
    expect(main).to_contain_text("Nobody has read it yet")
    assert not re.search(r"\btold\b|\bseen\b|\breceived\b", main.inner_text()), "sent is not told"
    look(page)
    number = re.search(r"\d{4}-\d{4}", main.inner_text())
    assert number
    incident = page.url.removesuffix("/recorded").rpartition("/")[2]

    addresses = [login["username"] for login in system["logins"] if login["role"] == "dsl"]
    alert_ids = ids_of_alerts(system, incident)
    assert len(alert_ids) == 3
    told = wait_for_mail(system, alert_ids)
    for mail in told:
        lines = mail["text"].strip().splitlines()
        assert lines[:3] == [f"Recorded by: {recorder.group(1)}", "Category: Safeguarding concern", ""]
        assert len(lines) == 4, "who recorded it, the category, a link, and nothing else"
    (to_dsl,) = [mail for mail in told if mail["to"][0] in addresses]

    dsl = sign_in("dsl", viewport=viewport, javascript=javascript)
    inbox = dsl.go("inbox")
    row = inbox.get_by_role("main").get_by_role("listitem").filter(has_text=number.group())
    expect(row).to_contain_text("unread")
    look(inbox)
    inbox.goto(to_dsl["text"].strip().splitlines()[-1])
    expect(inbox.get_by_role("main")).to_contain_text(number.group())
    expect(inbox.get_by_role("button", name="Mark as read", exact=True)).to_be_visible()
    inbox = dsl.go("inbox")
    expect(row).to_contain_text("unread")  # opening what a mail leads to is not reading it
    row.get_by_role("link", name=re.compile("Safeguarding concern")).click()
    expect(inbox.get_by_role("main")).to_contain_text("I don't like my life anymore")
    expect(inbox.get_by_role("main")).to_contain_text(number.group())
    assert inbox.locator(".sk-account .sk-reading").first.inner_text() == GOOD_EXAMPLE, "the account, as it was written"
    expect(inbox.get_by_text("Told in person", exact=True)).to_be_visible()
    assert "AlertItem" not in inbox.content()
    look(inbox)
    inbox.get_by_role("button", name="Mark as read", exact=True).click()
    inbox.get_by_role("link", name="Add action").first.click()
    expect(inbox.get_by_role("main")).to_contain_text("Only what has been carried out already")
    look(inbox)
    inbox.fill("[name=text]", "Spoke to Sarah with her teacher and rang children's services.")
    inbox.get_by_role("main").get_by_role("button", name=re.compile("^Add action")).last.click()
    expect(inbox.get_by_role("main")).to_contain_text("rang children's services")
    expect(inbox.get_by_role("heading", name="What was done")).to_be_visible()
    look(inbox)
    inbox.get_by_role("link", name="Chronology").first.click()
    expect(inbox.get_by_role("main")).to_contain_text("I don't like my life anymore")
    expect(inbox.get_by_role("main")).to_contain_text("rang children's services")
    look(inbox)

    page.reload()
    expect(page.get_by_role("main")).not_to_contain_text("Nobody has read it yet")
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"Read today at \d{1,2}:\d\d"))
    look(page)


def ids_of_alerts(system: dict[str, Any], incident: str) -> list[str]:
    """Return the alerts to an incident: they are made a moment after the answer."""
    ends = time.monotonic() + 30
    with psycopg.connect(system["admin_urls"]["alerts"], autocommit=True) as database:
        while True:
            found = [str(row[0]) for row in database.execute("select id from alerts where incident_id = %s", (incident,)).fetchall()]
            if found or time.monotonic() > ends:
                return found
            time.sleep(0.1)


def wait_for_mail(system: dict[str, Any], alert_ids: list[str]) -> list[dict[str, Any]]:
    """Return the mails of these alerts, one each."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        found = [mail for mail in alert_mails(system) if mail["text"].strip().rpartition("/")[2] in alert_ids]
        if len(found) >= len(alert_ids):
            break
        time.sleep(0.1)
    assert len(found) == len(alert_ids)
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
    see_who(page)
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
