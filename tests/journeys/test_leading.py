"""Read is not taken: two DSLs at two browsers, of whom one leads; and an incident's way through the inbox, from unread to theirs."""

import base64
import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import DESKTOP, PHONE
from tests.journeys.test_afterwards import pupils, record, word
from tests.journeys.test_following import BOTH, add, press
from tests.journeys.test_keyboard import Keys

TABS = ["Alerts", "Unread", "Read, nobody leading", "Mine", "Nothing added for three school days", "Due"]


def main(page: Page) -> Locator:
    return page.get_by_role("main")


def name_of(person: Any) -> str:
    return (person.page.locator(".sk-banner__person").text_content() or "").strip()


def a_concern(sign_in: Callable[..., Any], **form: str) -> str:
    teacher = sign_in("teacher", viewport=PHONE)
    teacher.go("pupils")
    return record(teacher.page, **({"pupil_id": pupils(teacher.page, "sarah")[0]["id"], "category_codes": "welfare"} | form))


@BOTH
def test_of_two_dsls_who_press_at_once_one_leads_and_the_other_sees_who(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, javascript: bool
) -> None:
    """Both have the page open on which nobody leads. Neither goes home believing that they lead what the other does."""
    address = a_concern(sign_in)
    dsl, deputy = (sign_in(role, viewport=viewport, javascript=javascript) for role in ("dsl", "deputy_dsl"))
    for person in (dsl, deputy):
        person.page.goto(address)
        expect(person.page.locator("#lead")).to_contain_text("Nobody is leading this.")
        expect(person.page.locator("#lead")).to_contain_text("Next:")
    press(dsl.page, "I am leading this")
    expect(dsl.page.locator("#lead")).to_contain_text("You are leading this.")
    press(deputy.page, "I am leading this")
    theirs = deputy.page.locator("#lead")
    expect(theirs).to_contain_text(f"{name_of(dsl)} pressed it before you did, so you are not leading this.")
    expect(theirs).to_contain_text(f"{name_of(dsl)} is leading this.")
    if javascript:
        finds_nothing_wrong(deputy.page)
    dsl.page.reload()
    expect(dsl.page.locator("#lead")).to_contain_text("You are leading this.")

    press(deputy.page, f"I am leading this now, instead of {name_of(dsl)}")
    expect(theirs).to_contain_text("You are leading this.")
    dsl.page.reload()
    expect(dsl.page.locator("#lead")).to_contain_text(f"{name_of(deputy)} is leading this.")
    dsl.page.locator("#lead summary", has_text="Ask another DSL").click()
    press(dsl.page, "Ask them")
    expect(dsl.page.locator("#lead")).to_contain_text("is asked to take it over")
    if javascript:
        finds_nothing_wrong(dsl.page)


@pytest.mark.parametrize(("viewport", "dark"), [(PHONE, True), (DESKTOP, False)], ids=["phone and dark", "desk and light"])
def test_an_incident_goes_through_the_sections_of_the_inbox_from_unread_to_led(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, dark: bool
) -> None:
    """Unread until it is opened and marked, then read and led by nobody, then mine; what is asked for today is due."""
    incident = a_concern(sign_in).rpartition("/")[2]
    dsl = sign_in("dsl", viewport=viewport, dark=dark)
    page = dsl.go("inbox")
    tabs = page.get_by_role("navigation", name="Inbox").get_by_role("link")
    expect(tabs).to_have_text(TABS)

    def section(name: str) -> Locator:
        """Open a section and return the incident's row in it."""
        if "/inbox" not in page.url:
            dsl.go("inbox")
        page.get_by_role("navigation", name="Inbox").get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("navigation", name="Inbox").locator("[aria-current=page]")).to_have_text(name)
        finds_nothing_wrong(page)
        return main(page).locator(f".sk-row a[href*='{incident}']")

    row = section("Unread")
    expect(row).to_be_visible(timeout=10_000)
    expect(row).to_contain_text("unread:")
    expect(section("Read, nobody leading")).to_have_count(0)
    section("Unread").click()
    main(page).get_by_role("button", name="Mark as read", exact=True).click()
    expect(main(page).get_by_role("button", name="Mark as read", exact=True)).to_have_count(0)
    expect(section("Unread")).to_have_count(0)
    waiting = section("Read, nobody leading")
    expect(waiting).to_be_visible()
    expect(main(page).locator(".sk-row", has=page.locator(f"a[href*='{incident}']"))).to_contain_text("waits since today at")
    waiting.click()
    press(page, "I am leading this")
    expect(section("Read, nobody leading")).to_have_count(0)
    expect(section("Mine")).to_be_visible()

    page.goto(f"{dsl.base}s/hillside/incidents/{incident}/actions/new?kind=asked")
    page.get_by_label("What do you ask?").fill("Ring her mother.")
    page.locator("[name=owner_id]").select_option(label=page.locator("[name=owner_id] option", has_text=name_of(dsl)).first.inner_text())
    page.get_by_label("By which day?").fill(dt.datetime.now(dt.UTC).date().isoformat())
    page.get_by_label("Not yet").check(force=True)
    add(page)
    due = section("Due")
    expect(due.first).to_be_visible()
    expect(main(page).locator(".sk-row").filter(has_text="Overdue since").first).to_be_visible()  # what others at the school have left undone
    expect(section("Nothing added for three school days")).to_have_count(0)
    expect(main(page).locator(".sk-row").first).to_be_visible()  # of the demonstration's, as old as it is


def test_what_was_added_while_somebody_read_is_shown_before_it_counts_as_read(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    """The page marks what it showed. What came since is not said to be read; it is led to."""
    address = a_concern(sign_in)
    dsl, deputy = sign_in("dsl", viewport=PHONE), sign_in("deputy_dsl", viewport=DESKTOP)
    page = dsl.page
    page.goto(address)
    button = main(page).get_by_role("button", name="Mark as read", exact=True)
    expect(button).to_be_visible()
    deputy.page.goto(f"{address}/actions/new")
    deputy.page.get_by_label("What was done?").fill("Spoke to her at the gate.")
    team = deputy.page.locator("[type=checkbox][name=groups][value=safeguarding_team]")
    if team.count():  # else it is always alerted, for this category
        team.check(force=True)
    add(deputy.page)
    entry = deputy.page.url.rpartition("#")[2]
    ends = dt.datetime.now() + dt.timedelta(seconds=15)
    while not dsl_was_sent(dsl, entry.removeprefix("entry-")):
        assert dt.datetime.now() < ends, "the alert came"
        deputy.page.wait_for_timeout(200)
    button.click()
    expect(page).to_have_url(re.compile(f"#{entry}$"))
    expect(page.locator(".sk-foot")).to_contain_text("Something was added while you were reading.")
    expect(page.locator(f"#{entry}")).to_be_in_viewport()
    finds_nothing_wrong(page)
    deputy.page.goto(f"{address}/who-read")
    cells = deputy.page.get_by_role("row").filter(has_text=name_of(dsl)).get_by_role("cell")
    expect(cells.first).to_contain_text("Read today at")
    expect(cells.last).to_contain_text("Not read yet")
    button.click()
    expect(button).to_have_count(0)
    deputy.page.reload()
    expect(cells.last).to_contain_text("Read today at")
    finds_nothing_wrong(deputy.page)


def dsl_was_sent(dsl: Any, entry: str) -> bool:
    """Whether the alert has reached the inbox, without opening anything."""
    return entry in dsl.page.request.get(f"{dsl.base}s/hillside/inbox?state=unread").text()


def test_following_the_link_of_the_mail_marks_nothing_as_read(system: dict[str, Any], sign_in: Callable[..., Any]) -> None:
    """Nor does the mail hold a link that would: the one there is leads to the page, on which the button is."""
    incident = a_concern(sign_in).rpartition("/")[2]
    dsl = sign_in("dsl", viewport=PHONE)
    page = dsl.page

    def came() -> list[str]:
        mails = page.request.get(system["mail_url"] + "/messages.json").json()
        mine = [mail for mail in mails if mail["to"] == [dsl.login["username"]] and "/alerts/" in mail["text"]]
        newest = sorted(mine, key=lambda mail: mail["at"])[-5:]
        return [link for mail in newest for link in re.findall(r"https?://\S+", mail["text"])]

    ends = dt.datetime.now() + dt.timedelta(seconds=20)
    found = ""
    while not found:
        assert dt.datetime.now() < ends, "the mail came"
        for link in came():
            assert re.search(r"/s/hillside/alerts/[0-9a-f-]{36}$", link), "it is the only kind of link there is"
            page.goto(link)
            if incident in page.url:
                found = link
                break
    for _ in range(2):
        page.goto(found)
        expect(main(page).get_by_role("button", name="Mark as read", exact=True)).to_be_visible()
    dsl.go("inbox?state=unread")
    expect(main(page).locator(f".sk-row--unread a[href*='{incident}']")).to_be_visible()


def test_who_leads_and_who_has_read_is_worked_by_keyboard_alone(sign_in: Callable[..., Any]) -> None:
    address = a_concern(sign_in)
    dsl = sign_in("dsl", viewport=DESKTOP)
    page, keys = dsl.page, Keys(dsl.page)
    page.goto(address)
    keys.to_text("^I am leading this$")
    page.keyboard.press("Enter")
    expect(page.locator("#lead")).to_contain_text("You are leading this.")
    keys.to_text("^Everybody, entry by entry$")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Who was sent it, and who has read it")
    table = page.get_by_role("region", name="People down, entries across")
    keys.to(lambda at: "sk-scroll" in (page.evaluate("document.activeElement.className") or ""))
    expect(table).to_be_focused()
    page.goto(address)
    keys.to_text("^Mark as read$")
    page.keyboard.press("Enter")
    expect(main(page).get_by_role("button", name="Mark as read", exact=True)).to_have_count(0)


def test_reply_ask_hand_on_outcome_status_away_and_notifications_are_worked_by_keyboard_alone(sign_in: Callable[..., Any]) -> None:
    """No mouse: every field is reached by Tab, and what is chosen is chosen with the arrows."""
    address = a_concern(sign_in)
    dsl, deputy = sign_in("dsl", viewport=DESKTOP), sign_in("deputy_dsl", viewport=PHONE)
    page, keys = dsl.page, Keys(dsl.page)
    me, other, said = name_of(dsl), name_of(deputy), word()
    new_years_day = f"0101{dt.datetime.now(dt.UTC).year + 1}"  # whichever of day and month the browser asks for first

    def to(text: str) -> None:
        """Go to a link or a button, and press Enter."""
        keys.to_text(text)
        with page.expect_navigation():
            page.keyboard.press("Enter")

    def field(name: str, typed: str) -> None:
        keys.to_field(name)
        page.keyboard.type(typed)

    def choose(name: str, person: str) -> None:
        keys.to_field(name)
        for _ in range(100):
            if person in page.evaluate("document.activeElement.selectedOptions[0].text"):
                return
            page.keyboard.press("ArrowDown")
        raise AssertionError(f"{person} cannot be chosen")

    def send() -> None:
        keys.to(lambda at: at["tag"] == "BUTTON" and at["value"] == "record")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("#entry-"))

    def ask(person: str, words: str) -> None:
        field("text", words)
        choose("owner_id", person)
        field("due_on", new_years_day)
        keys.to_field("spoken")
        page.keyboard.press("Space")
        send()

    page.goto(address)
    to("^Mark as read$")
    to("^Reply to ")
    field("text", f"Thank you. Please watch whether she eats {said}.")
    send()
    expect(main(page)).to_contain_text(f"whether she eats {said}.")

    page.goto(address)
    to("^Add action$")
    to("^Ask somebody")
    ask(me, f"Ring her mother about {said}.")
    expect(page.locator(".sk-asked")).to_contain_text("You are asked")
    page.goto(address)
    to("^Give it to somebody else$")
    ask(other, "He knows her.")
    expect(page.locator(".sk-asked")).to_contain_text(f"{other} is asked")
    page.goto(address)
    to("^It is done")
    field("text", "She was glad.")
    send()
    expect(page.locator(".sk-asked")).to_contain_text("Done")
    page.goto(address)
    to(r"^Change\s+how it stands")
    keys.to_field("status")
    page.keyboard.press("ArrowDown")
    field("reason", f"We watch {said}.")
    to("^Keep it$")
    expect(page.locator("#standing")).to_contain_text("Monitoring")

    dsl.go("away")
    choose("who_id", me)
    field("since", new_years_day)
    field("until", new_years_day)
    to("^Save$")
    expect(main(page)).to_contain_text("Saved.")
    to(rf"^Take it back\s+{me}")
    expect(main(page)).to_contain_text("Taken back.")

    dsl.go("notifications")
    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    made = {"endpoint": f"https://push.invalid/{said}", "p256dh": as_text(point), "auth": as_text(bytes(16))}
    made["csrf_token"] = page.locator("[name=csrf_token]").first.input_value()
    kept = page.request.post(f"{dsl.base}s/hillside/notifications", form=made, headers={"Accept": "application/json"})
    assert kept.ok, kept.text()  # as the browser's own script says it, once its maker's service has answered
    dsl.go("notifications")
    to("^Try it$")
    expect(main(page).get_by_role("status").first).to_contain_text("We are notifying that browser now.")
    to("^Stop")
    expect(main(page).get_by_role("status").first).to_contain_text("not notified any more")


def as_text(value: bytes) -> str:
    """Return it in base64url, as a browser gives it."""
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
