"""What somebody is asked, until it is done; contact with parents, referrals and decisions; how an incident stands."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import DESKTOP, PHONE, pictured
from tests.journeys.test_afterwards import pupils, record, word

BOTH = pytest.mark.parametrize(("viewport", "javascript"), [(PHONE, False), (DESKTOP, True)], ids=["phone without JavaScript", "desk"])
NEXT_YEAR = (dt.date.today() + dt.timedelta(days=300)).isoformat()


def press(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.get_by_role("main").get_by_role("button", name=re.compile(f"^{re.escape(name)}")).first.click()


def add(page: Page) -> None:
    """Press the button that records; without JavaScript, who will be sent it is shown first."""
    for _ in range(2):
        button = page.locator("[data-record]")
        if not button.count():
            return
        with page.expect_navigation():
            button.click()
        if page.get_by_role("heading", name="There is a problem").count():
            return


def choose(page: Page, name: str, label: str) -> None:
    """Choose whom to ask: and see them among those who will be sent it."""
    value = page.locator(f"[name={name}] option", has_text=label).first.get_attribute("value")
    page.locator(f"[name={name}]").select_option(value)


@BOTH
def test_a_dsl_asks_a_teacher_who_does_it_and_says_what_came_of_it(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, javascript: bool
) -> None:
    """Two browsers. What is missing is said beside its field and nothing typed is lost; it is given to another with a reason, and back."""
    teacher = sign_in("teacher", viewport=viewport, javascript=javascript)
    name = teacher.page.locator(".sk-banner__person").inner_text()
    asks, outcome = word(), word()
    address = record(teacher.go("pupils"), category_codes="welfare")
    dsl = sign_in("dsl", viewport=viewport, javascript=javascript)
    desk = dsl.page
    desk.goto(f"{address}/actions/new")
    desk.get_by_label("What was done?").fill(f"Please ring {asks}.")
    press(desk, "Ask somebody")
    expect(desk.get_by_role("heading", level=1)).to_have_text("Ask somebody to do something")
    expect(desk.get_by_label("What do you ask?")).to_have_value(f"Please ring {asks}.")
    choose(desk, "owner_id", name)
    desk.get_by_label("By which day?").fill(NEXT_YEAR)
    add(desk)
    expect(desk.get_by_role("alert")).to_contain_text("Say whether you have spoken to them")
    expect(desk.get_by_label("By which day?")).to_have_value(NEXT_YEAR)
    expect(desk.locator("#recipients")).to_contain_text(name)
    if javascript:
        finds_nothing_wrong(desk)
    desk.get_by_label("Not yet").check(force=True)
    add(desk)
    entry = desk.url.rpartition("#")[2]
    asked = desk.locator(f"#{entry}")
    for words in ("Asked of somebody", f"Please ring {asks}.", f"{name} is asked", "Safekeep is no substitute for it"):
        expect(asked).to_contain_text(words)

    page = teacher.go("")
    row = page.get_by_role("listitem").filter(has=page.locator(f"a[href$='{entry}']")).first
    expect(row).to_contain_text("not spoken to yet")
    if javascript:
        finds_nothing_wrong(page)
    row.get_by_role("link").click()
    page.locator(f"#{entry}").get_by_role("link", name="It is done: what came of it").click()
    expect(page.get_by_role("main")).to_contain_text(f"Please ring {asks}.")
    expect(page.locator("#recipients")).to_contain_text(desk.locator(".sk-banner__person").inner_text())
    add(page)
    expect(page.get_by_role("alert")).to_contain_text("Write what was done")
    page.get_by_label("What was done, and what came of it?").fill(f"She said {outcome}.")
    if javascript:
        finds_nothing_wrong(page)
    add(page)
    expect(page.locator(f"#{entry}")).to_contain_text("Done")

    desk.reload()
    expect(desk.locator(f"#{entry}")).to_contain_text("Done")
    desk.locator(f"#{entry}").get_by_role("link", name="The outcome").click()
    expect(desk.get_by_text(f"She said {outcome}.")).to_be_visible()
    desk.goto(f"{dsl.base}s/hillside/follow-ups?view=done")
    expect(desk.locator(f"a[href$='{entry}']")).to_be_visible()
    if javascript:
        finds_nothing_wrong(desk)


def test_it_is_given_to_another_with_a_reason_and_whoever_was_quicker_is_said(
    sign_in: Callable[..., Any], system: dict[str, Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    """Three browsers; the alert's row says by when; and once it is overdue it stands in what is due of whoever does it, and of the DSL."""
    teacher, dsl = sign_in("teacher", viewport=PHONE), sign_in("dsl", viewport=PHONE)
    pastoral = sign_in("pastoral", viewport=PHONE)
    name, other = (person.page.locator(".sk-banner__person").inner_text() for person in (teacher, pastoral))
    address = record(teacher.go("pupils"), category_codes="welfare")
    desk = dsl.page
    desk.goto(f"{address}/actions/new?kind=asked")
    desk.get_by_label("What do you ask?").fill("Watch how she arrives.")
    choose(desk, "owner_id", name)
    desk.get_by_label("By which day?").fill(NEXT_YEAR)
    desk.get_by_label("Yes", exact=True).check(force=True)
    add(desk)
    entry = desk.url.rpartition("#")[2]
    page = teacher.page
    page.goto(address)
    page.locator(f"#{entry}").get_by_role("link", name="It is done").click()
    page.get_by_label("What was done, and what came of it?").fill("Half a thought")

    desk.locator(f"#{entry}").get_by_role("link", name="Give it to somebody else").click()
    choose(desk, "owner_id", other)
    expect(desk.locator("#recipients")).to_contain_text(other)
    desk.get_by_label("Yes", exact=True).check(force=True)
    desk.get_by_label("Why does somebody else do it?").fill("She knows her better.")
    finds_nothing_wrong(desk)
    add(desk)
    expect(desk).to_have_url(re.compile(r"#entry-"))
    expect(desk.get_by_text("She knows her better.")).to_be_visible()
    page.get_by_role("main").locator("[data-record]").click()
    expect(page.get_by_role("alert")).to_contain_text("It was given to somebody else meanwhile")
    expect(page.get_by_label("What was done?")).to_have_value("Half a thought")
    theirs = pastoral.go("follow-ups")
    expect(theirs.locator(f"a[href$='{entry}']")).to_be_visible()
    finds_nothing_wrong(theirs)
    theirs = pastoral.go("inbox?view=mine")
    expect(theirs.locator(f"a[href$='{entry}']")).to_be_visible()
    finds_nothing_wrong(theirs)
    expect(pastoral.go("inbox?view=due").locator(f"a[href$='{entry}']")).to_have_count(0)
    alert = pastoral.go("inbox").locator(f".sk-row:has(a[href*='{address.rpartition('/')[2]}'])").first
    expect(alert.locator(".sk-row__facts")).to_contain_text(re.compile(r"(ago|now) \([^)]+\) · Follow-up due \d+ \w+ 20\d\d$"))
    expect(alert.locator(".sk-risk")).to_have_count(0)
    with psycopg.connect(system["admin_urls"]["incidents"]) as database:  # its day passes
        passed = "update follow_ups set due_on = current_date - 2 where id = %s"
        assert database.execute(passed, (entry.removeprefix("entry-"),)).rowcount == 1
    for person in (pastoral, dsl):
        row = person.go("inbox?view=due").locator(".sk-row").filter(has=person.page.locator(f"a[href$='{entry}']"))
        expect(row).to_contain_text("Overdue since")
        finds_nothing_wrong(person.page)
    pastoral.go("inbox")
    expect(alert.locator(".sk-risk")).to_have_text(re.compile("^Follow-up overdue since"))
    finds_nothing_wrong(pastoral.page)
    pictured(pastoral.page, "inbox-overdue-390")
    expect(teacher.go("inbox?view=due").locator(f"a[href$='{entry}']")).to_have_count(0)


@BOTH
def test_parents_a_referral_and_a_decision_are_kept_with_their_own_fields(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, javascript: bool
) -> None:
    """On the incident, in the chronology and on paper; the outcome of the referral comes later."""
    dsl = sign_in("deputy_dsl", viewport=viewport, javascript=javascript)
    pupil = pupils(dsl.go("pupils"), "sarah")[0]["id"]
    answer, reason, outcome = word(), word(), word()
    page = dsl.page
    address = record(page, pupil_id=pupil, category_codes="safeguarding_concern")
    page.goto(f"{address}/actions/new?kind=parent_contact")
    add(page)
    expect(page.get_by_role("alert")).to_contain_text("Write what was done")
    page.get_by_label("Why, or why not?").fill("To plan together.")
    page.get_by_label("Yes", exact=True).check(force=True)
    page.get_by_label("If they were told: who was?").fill("Mother, by telephone")
    page.get_by_label("Day", exact=True).fill("2026-03-02")
    page.get_by_label("Time, if you know it").fill("15:40")
    page.get_by_label("What did they answer?").fill(f"She said {answer}.")
    add(page)
    contact = page.locator(f"#{page.url.rpartition('#')[2]}")
    for words in ("Contact with parents", "To plan together.", "Mother, by telephone", "2 March", "15:40", answer):
        expect(contact).to_contain_text(words)

    page.goto(f"{address}/actions/new?kind=referral")
    page.get_by_label("To whom was it referred?").fill("Children’s services")
    page.get_by_label("How was it made, and what was said?").fill("By telephone.")
    add(page)
    expect(page.get_by_role("alert")).to_contain_text("Say which day it was")
    page.get_by_label("Day", exact=True).fill("2026-03-03")
    add(page)
    referral = page.locator(f"#{page.url.rpartition('#')[2]}")
    expect(referral).to_contain_text("Not known when it was recorded")
    referral.get_by_role("link", name="Add the outcome").click()
    page.get_by_label("What was the outcome?").fill(f"They said {outcome}.")
    add(page)
    expect(page.get_by_text(f"They said {outcome}.")).to_be_visible()

    page.goto(f"{address}/actions/new?kind=not_referred")
    page.get_by_label("To whom is it not referred?").fill("The police")
    page.get_by_label("Why is it not referred?").fill(f"Because {reason}.")
    if javascript:
        finds_nothing_wrong(page)
    add(page)
    expect(page.get_by_text(f"Because {reason}.")).to_be_visible()
    if javascript:
        finds_nothing_wrong(page)
    for path in ("?order=recorded", "?order=recorded&print=1"):
        page.goto(f"{dsl.base}s/hillside/pupils/{pupil}/chronology{path}")
        for words in ("Contact with parents", answer, "Decision not to refer", reason, "Outcome of a referral", outcome):
            expect(page.get_by_role("main")).to_contain_text(words)
        if javascript:
            finds_nothing_wrong(page)


@BOTH
def test_a_dsl_says_how_it_stands_and_why_and_it_is_quiet_no_longer(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, javascript: bool
) -> None:
    dsl = sign_in("dsl", viewport=viewport, javascript=javascript)
    reason = word()
    page = dsl.go("inbox?view=quiet")
    expect(page.get_by_role("heading", level=2, name="Nothing added for three school days")).to_be_visible()
    if javascript:
        finds_nothing_wrong(page)
    quiet = page.locator(".sk-row__link").first.get_attribute("href")
    with page.expect_navigation():
        page.locator(".sk-row__link").first.click()
    for n in range(page.locator("#standing").get_by_role("link", name="Change").count()):
        with page.expect_navigation():
            page.locator("#standing").get_by_role("link", name="Change").nth(n).click()
        page.locator("[name=status][value=monitoring]").check(force=True)
        page.get_by_label("Why?").fill("Her form tutor watches how she arrives.")
        press(page, "Keep it")
    expect(page.locator("#standing")).to_contain_text("Monitoring")
    dsl.go("inbox?view=quiet")
    expect(page.get_by_role("navigation", name="Inbox").locator("[aria-current=page]")).to_have_text("Nothing added for three school days")
    expect(page.locator(f".sk-row a[href='{quiet}']")).to_have_count(0)
    address = record(dsl.go("pupils"), category_codes="welfare")
    page.goto(address)
    standing = page.locator("#standing")
    expect(standing).to_contain_text("Open")
    standing.get_by_role("link", name="Change").click()
    press(page, "Keep it")
    expect(page.get_by_role("alert")).to_contain_text("Choose how it stands")
    expect(page.get_by_role("alert")).to_contain_text("Say why")
    if javascript:
        finds_nothing_wrong(page)
    page.locator("[name=status][value=closed]").check(force=True)
    page.get_by_label("Why?").fill(f"Because {reason}.")
    press(page, "Keep it")
    expect(page.locator("#standing")).to_contain_text("Closed")
    expect(page.locator(".sk-line")).to_contain_text(f"Because {reason}.")
    for view in ("due", "mine", ""):
        page.goto(f"{dsl.base}s/hillside/inbox?view={view}")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Inbox")
        if javascript:
            finds_nothing_wrong(page)
    teacher = sign_in("teacher", viewport=viewport, javascript=javascript).go("inbox")
    expect(teacher.get_by_role("navigation", name="Inbox").get_by_role("link")).to_have_count(4)
