"""The lock: what a screen that nobody watches shows, in every tab, and that nothing half written is lost by it."""

import re
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.journeys.conftest import PHONE, leads_to
from tests.journeys.test_afterwards import word

IDLE = 10 * 60 * 1000  # what the demonstration's schools have set


def is_hidden(page: Page, secret: str) -> None:
    """Hold a locked page against what it may show: the lock screen, and nothing of what is behind it."""
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_role("dialog")).to_contain_text("If a child is at risk now")
    assert secret not in page.locator("body").inner_text()
    assert page.title() == "Locked – Safekeep"
    assert page.locator("body > :visible").count() == 1
    page.emulate_media(media="print")
    assert page.locator("body > :visible").count() == 1
    page.emulate_media(media="screen")


def unlock(page: Page, secret: str) -> None:
    page.get_by_role("dialog").get_by_label(re.compile("Your password")).fill(secret)
    page.get_by_role("dialog").get_by_role("button", name="Unlock").click()


def open_two(person: Any) -> tuple[Page, Page, str]:
    """Open a form with words in it, and a second tab."""
    page, secret = person.go("incidents/new"), word()
    page.locator("[name=narrative]").fill(f"She said {secret}.")
    other = page.context.new_page()
    other.goto(f"{person.base}s/hillside/drafts")
    return page, other, secret


def until_locked(page: Page) -> None:
    """Load the page again until it is locked: another process of the gateway may take a second to hear of it."""
    ends = time.monotonic() + 10
    while "/unlock" not in page.url and time.monotonic() < ends:
        page.reload()
    expect(page).to_have_url(re.compile("/unlock"))


def test_lock_hides_every_tab_and_unlocking_one_brings_both_back_as_they_were(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    person = sign_in("pastoral", viewport=PHONE)
    page, other, secret = open_two(person)
    other.get_by_role("button", name="Lock", exact=True).click()
    for each in (other, page):
        is_hidden(each, secret)
    page.bring_to_front()
    finds_nothing_wrong(page)
    expect(page.get_by_role("dialog")).to_contain_text("Thistlewood")  # the DSL on duty, with room and telephone
    assert page.get_by_role("dialog").locator("a[href^='tel:']").count() >= 1
    other.goto(f"{person.base}s/hillside/drafts")  # the server refuses, whatever a page does
    expect(other).to_have_url(re.compile("/unlock"))
    finds_nothing_wrong(other)
    unlock(page, "not the password")
    expect(page.get_by_role("dialog")).to_contain_text("That is not your password")
    unlock(page, person.login["password"])
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("[name=narrative]")).to_have_value(f"She said {secret}.")
    other.goto(f"{person.base}s/hillside/drafts")
    expect(other.get_by_role("heading", level=1)).to_have_text("Your drafts")


def test_esc_twice_locks_and_in_a_typeahead_it_never_does(sign_in: Callable[..., Any]) -> None:
    page = sign_in("pastoral").go("incidents/new")
    page.locator("#pupil_q").press_sequentially("sarah")
    expect(page.get_by_role("option").first).to_be_visible()
    for _ in range(4):
        page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.locator("[name=narrative]").click()
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_nobody_there_is_warned_of_a_minute_before_and_typing_is_being_there(sign_in: Callable[..., Any]) -> None:
    person = sign_in("pastoral")
    page = person.page
    page.clock.install()
    person.go("incidents/new")
    warning = page.locator("[data-lock-warning]")
    assert warning.get_attribute("role") == "status"  # read out by screen readers when it appears
    page.clock.fast_forward(IDLE - 180_000)
    expect(warning).to_be_empty()
    page.locator("[name=narrative]").press_sequentially("Still here")
    page.clock.fast_forward(IDLE - 180_000)
    expect(warning).to_be_empty()
    page.clock.fast_forward(145_000)
    expect(warning).to_contain_text("This will be locked in a minute")
    page.keyboard.press("Shift")
    expect(warning).to_be_empty()
    with page.expect_response("**/lock"):
        page.clock.fast_forward(IDLE + 2_000)
    expect(page.get_by_role("dialog")).to_be_visible()
    until_locked(page)


def test_a_tab_of_somebody_else_is_not_opened_by_unlocking(sign_in: Callable[..., Any], system: dict[str, Any]) -> None:
    """Two people at one computer: the first one's page stays shut when the second unlocks theirs."""
    first = sign_in("pastoral")
    page, other, secret = open_two(first)
    with page.expect_response("**/lock"):  # the other tab would else be sent on from a session that is not locked yet
        page.get_by_role("button", name="Lock", exact=True).click()
    other.goto(f"{first.base}unlock")
    other.get_by_role("button", name="This is not me: sign out").click()
    second = next(x for x in system["logins"] if x["role"] == "admin" and x["school"] == "Hillside Primary")
    other.get_by_label("E-mail address").fill(second["username"])
    other.get_by_label("Password").fill(second["password"])
    other.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(other.locator(".sk-banner__person")).to_be_visible()
    other.get_by_role("button", name="Lock", exact=True).click()
    unlock(other, second["password"])
    expect(other.get_by_role("dialog")).to_have_count(0)
    if "/sign-in" not in page.url:  # signing out sends the first one's tabs away, where their page heard of it
        is_hidden(page, secret)


def test_after_signing_out_the_back_button_shows_nothing_and_other_tabs_close(sign_in: Callable[..., Any]) -> None:
    person = sign_in("pastoral")
    page, other, secret = open_two(person)
    other.get_by_role("button", name="Sign out").click()
    expect(other).to_have_url(re.compile("/sign-in"))
    expect(page).to_have_url(re.compile("/sign-in"))
    other.go_back()
    expect(other).to_have_url(re.compile("/sign-in"))
    page.go_back()
    page.wait_for_load_state()
    assert secret not in page.content()


def test_a_concern_sent_locked_is_kept_for_its_author_and_waits_behind_the_lock(sign_in: Callable[..., Any]) -> None:
    person = sign_in("pastoral", javascript=False)
    page, other, secret = open_two(person)
    other.get_by_role("button", name="Lock", exact=True).click()
    expect(other).to_have_url(re.compile("/unlock"))
    leads_to(other, f"{person.base}s/hillside/drafts", "/unlock")
    page.locator("[data-record]").click()
    expect(page).to_have_url(re.compile("/unlock"))
    expect(page.get_by_role("main")).to_contain_text("What you wrote is saved as your draft")
    assert secret not in page.content()
    page.get_by_label(re.compile("Your password")).fill(person.login["password"])
    page.get_by_role("main").get_by_role("button", name="Unlock").click()
    expect(page.locator("[name=narrative]")).to_have_value(f"She said {secret}.")


def test_any_other_form_sent_locked_is_kept_too_shown_to_its_author_and_sent_after_all(sign_in: Callable[..., Any]) -> None:
    person = sign_in("dsl", javascript=False, fresh=True)
    page, secret = person.go(f"pupils/{a_pupil(person)}/flags/new"), word()
    page.locator("[name=kind]").first.check(force=True)
    page.locator("[name=started]").fill("2026-03-10")
    page.locator("[name=note]").fill(f"A note of {secret} and more")
    other = page.context.new_page()
    other.goto(f"{person.base}s/hillside/drafts")
    other.get_by_role("button", name="Lock", exact=True).click()
    page.get_by_role("main").locator("form button").last.click()
    expect(page).to_have_url(re.compile("/unlock"))
    page.wait_for_load_state()
    assert secret not in page.content()
    page.get_by_label(re.compile("Your password")).fill(person.login["password"])
    page.get_by_role("main").get_by_role("button", name="Unlock").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Not sent yet")
    expect(page.get_by_role("main")).to_contain_text(f"A note of {secret} and more")
    expect(page).to_have_url(re.compile("/kept/[0-9a-f-]{36}"))
    kept = page.url.partition("?")[0].rpartition("/")[2]
    sending = page.locator("form", has=page.locator("[name=kept_id]"))
    sent = {field.get_attribute("name"): field.input_value() for field in sending.locator("[name]").all()}
    address = person.base.rstrip("/") + sending.get_attribute("action")
    for changed, status in (({"csrf_token": "0" * 64}, 400), ({"kind": "gossip"}, 422), ({"started": "never"}, 422)):
        assert page.request.post(address, form=sent | changed).status == status, changed
        drafts = page.request.get(f"{person.base}s/hillside/drafts").text()
        assert kept in drafts, f"{changed}: it was refused, and its words were thrown away"
    page.get_by_role("button", name="Send it now").click()
    expect(page.get_by_role("main")).to_contain_text(f"A note of {secret} and more")
    expect(page).to_have_url(re.compile("/pupils/[0-9a-f-]+$"))
    person.go("drafts")
    expect(page.locator(f"a[href*='{kept}']")).to_have_count(0)  # another of this DSL's may be there, from a test beside this one


def a_pupil(person: Any) -> str:
    found = person.page.context.request.get(f"{person.base}s/hillside/pupils/suggest?q=sarah").json()["items"]
    pupil: str = found[0]["id"]
    return pupil
