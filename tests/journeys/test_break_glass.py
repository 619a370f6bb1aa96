"""The trust's safeguarding lead breaks the glass; a DSL of the school is mailed within seconds and finds which record and why. Two browsers."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import DESKTOP, PHONE
from tests.journeys.test_afterwards import pupils, record
from tests.journeys.walking import mail

BAD = [
    ({"number": "", "reason": "Nobody answers"}, "The school has no incident with this number"),
    ({"number": "not a number", "reason": "Nobody answers"}, "The school has no incident with this number"),
    ({"number": "2019-0001", "reason": "Nobody answers"}, "The school has no incident with this number"),
    ({"number": "2026-0001", "reason": "  "}, "Say why"),
    ({"number": "2026-0001", "reason": "x" * 5000}, "too long"),
]


@pytest.mark.parametrize(("viewport", "javascript"), [(PHONE, True), (DESKTOP, False)], ids=["phone", "desk without JavaScript"])
def test_the_trust_opens_one_incident_and_the_dsls_know_at_once(
    system: dict[str, Any], sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, javascript: bool
) -> None:
    teacher, dsl = sign_in("teacher"), sign_in("dsl")
    teacher.go("pupils")
    address = record(teacher.page, pupil_id=pupils(teacher.page, "sarah")[0]["id"], category_codes="welfare")
    dsl.page.goto(address)
    number = re.search(r"\d{4}-\d{4,}", dsl.page.get_by_role("main").inner_text()).group()  # type: ignore[union-attr]

    lead = sign_in("trust_safeguarding_lead", school=None, viewport=viewport, javascript=javascript, fresh=True)
    page = lead.page
    looks: Callable[[Page], None] = finds_nothing_wrong if javascript else lambda _: None  # axe is a script
    page.goto(f"{lead.base}t/heathland/")
    page.get_by_role("link", name=re.compile("Break the glass Hillside")).click()
    looks(page)
    for typed, said in BAD:
        for name, value in typed.items():
            page.locator(f"[name={name}]").fill(value)
        page.get_by_role("button", name="Open it, and have the DSLs sent an e-mail").click()
        expect(page.get_by_role("alert")).to_contain_text(said)
        expect(page.locator("[name=reason]")).to_have_value(typed["reason"])
    looks(page)
    reason = f"No DSL answers, {number}"
    page.get_by_label("Number of the incident").fill(number)
    page.get_by_label("Why do you have to read it now?").fill(reason)
    page.get_by_role("button", name="Open it, and have the DSLs sent an e-mail").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sarah")
    expect(page.get_by_role("status")).to_contain_text("are sent an e-mail that you opened this")
    looks(page)

    told = mail(system, dsl.login["username"], subject="The trust has opened a record")
    assert number not in told["text"]
    assert "Sarah" not in told["text"]
    dsl.go("readers")
    dsl.page.get_by_role("link", name="Somebody who has left, or of the trust").first.click()
    expect(dsl.page.get_by_role("main")).to_contain_text(reason)
    finds_nothing_wrong(dsl.page)
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text("Page not found")
