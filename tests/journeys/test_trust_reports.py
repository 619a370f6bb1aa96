"""A trust's report in three browsers: its safeguarding lead plans, reads, adds words and approves; a governor and a DSL of a school read it."""

import datetime as dt
import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import DESKTOP, PHONE
from tests.journeys.test_governors import GOOD, WRONG, add_meeting, assert_fits

SOON = (dt.datetime.now(dt.UTC) + dt.timedelta(days=40)).date()


def counted(page: Page) -> None:
    """Wait, as the page says, until every school is counted."""
    for _ in range(30):
        again = page.get_by_role("button", name="Load this page again")
        if again.count() == 0:
            return
        page.wait_for_timeout(1000)
        with page.expect_navigation():  # while it loads there is no button either
            again.click()
    raise AssertionError("the schools were not counted")


def drafted(page: Page, name: str) -> None:
    page.get_by_role("link", name=re.compile(name)).first.click()
    page.get_by_role("button", name="Make the draft now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Draft of a report of the trust")
    counted(page)


def test_the_trusts_lead_approves_and_the_schools_read_what_was_approved_and_can_check_it(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    lead = sign_in("trust_safeguarding_lead", school=None, viewport=DESKTOP, javascript=False)
    page = lead.page
    page.goto(f"{lead.base}t/heathland/")
    page.get_by_role("link", name="Meetings", exact=True).click()
    name = f"Board {dt.datetime.now(dt.UTC):%H%M%S}"
    add_meeting(page, name)
    expect(page.get_by_role("status")).to_have_text("Saved.")
    drafted(page, name)
    side = page.get_by_role("region", name="Table: The schools side by side")
    expect(side).to_contain_text("Hillside Primary")
    expect(side).to_contain_text("For each 100 pupils")
    page.get_by_label("Your words at the beginning").fill("At Hillside Primary things went well, as Amelia said.")
    page.get_by_role("button", name=re.compile("Approve and publish to the governors of")).click()
    expect(page.get_by_role("status")).to_contain_text("read it once more")
    expect(page.locator("#may-name")).to_contain_text("Amelia")
    page.get_by_role("button", name=re.compile("Approve and publish")).click()
    expect(page.get_by_role("alert")).to_contain_text("Your words may name a child")
    page.get_by_label("Your words at the beginning").fill("At Hillside Primary things went well.")
    page.get_by_role("button", name="Save words").click()
    expect(page.locator("#may-name")).to_have_count(0)
    table = side.inner_text()
    page.get_by_role("button", name=re.compile("Approve and publish")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Safeguarding report of the trust 20")
    expect(page.get_by_role("region", name="Entries of the ledgers")).to_contain_text("Hillside Primary")
    numbered = f"Report of the trust {page.get_by_role('heading', level=1).inner_text().rpartition(' ')[2]}"
    with page.expect_download() as printed:
        page.get_by_role("link", name="Download as a PDF").click()
    assert printed.value.path().read_bytes().startswith(b"%PDF")

    for role, viewport in (("governor", PHONE), ("dsl", DESKTOP)):
        reader = sign_in(role, viewport=viewport)
        read = reader.go("" if role == "governor" else "governors")
        expect(read.get_by_role("heading", name="Of the trust: all its schools side by side")).to_be_visible()
        finds_nothing_wrong(read)
        read.locator("h2:has-text('Of the trust') + ul").get_by_role("link", name=numbered, exact=True).click()
        finds_nothing_wrong(read)
        assert read.get_by_role("region", name="Table: The schools side by side").inner_text() == table
        with read.expect_download() as got:
            read.get_by_role("link", name="Download what was approved").click()
        expect(read.get_by_text(hashlib.sha256(got.value.path().read_bytes()).hexdigest())).to_be_visible()
        with read.expect_download() as paper:
            read.get_by_role("link", name="Download as a PDF").click()
        assert paper.value.path().read_bytes().startswith(b"%PDF")


def test_what_is_wrong_is_said_beside_its_field_at_a_trust_too(sign_in: Callable[..., Any]) -> None:
    lead = sign_in("trust_safeguarding_lead", school=None)
    lead.page.goto(f"{lead.base}t/heathland/meetings/cycle")
    token = lead.page.locator("input[name=csrf_token]").first.input_value()
    for wrong, field, said in WRONG:
        answer = lead.page.request.post(lead.page.url, form=GOOD | wrong | {"csrf_token": token})
        assert answer.status == 422, (wrong, answer.status)
        text = answer.text()
        assert said.replace("’", "&#39;") in text or said in text, wrong
        assert f'id="{field}-error"' in text or field == "chair_id", wrong


@pytest.mark.parametrize("role", ["dsl", "governor", "trust_it"])
def test_nobody_else_finds_the_trusts_meetings(sign_in: Callable[..., Any], role: str) -> None:
    person = sign_in(role, **({"school": None} if role == "trust_it" else {}))
    for path in ("meetings", "meetings/cycle", "governors"):
        answer = person.page.goto(f"{person.base}t/heathland/{path}")
        assert answer is not None
        assert answer.status in (403, 404), path


@pytest.mark.parametrize(("viewport", "dark"), [(PHONE, True), (DESKTOP, False)], ids=["phone and dark", "desk and light"])
def test_axe_finds_nothing_on_the_pages_of_a_trusts_meetings(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, dark: bool
) -> None:
    lead = sign_in("trust_safeguarding_lead", school=None, viewport=viewport, dark=dark)
    page = lead.page
    page.goto(f"{lead.base}t/heathland/meetings")
    name = f"Looked at {dt.datetime.now(dt.UTC):%H%M%S}"
    add_meeting(page, name)
    finds_nothing_wrong(page)
    assert_fits(page)
    page.get_by_role("link", name=re.compile(name)).first.click()
    finds_nothing_wrong(page)
    page.get_by_role("button", name="Make the draft now").click()
    finds_nothing_wrong(page)
    assert_fits(page)
    counted(page)
    finds_nothing_wrong(page)
    assert_fits(page)
    for path in ("meetings/cycle", "governors", "reports", ""):
        page.goto(f"{lead.base}t/heathland/{path}")
        finds_nothing_wrong(page)
        assert_fits(page)
