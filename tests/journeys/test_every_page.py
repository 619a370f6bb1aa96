"""Every page of the record, on a telephone and at a desk, light and dark: axe finds nothing wrong with it, and it never scrolls sideways."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from werkzeug.exceptions import HTTPException

from gateway import pages
from safekeep.ids import new_id
from tests.journeys.conftest import DESKTOP, PHONE
from tests.journeys.test_afterwards import pupils, record
from tests.journeys.test_recording_page import ACCOUNT

NOUNS = {
    "home",
    "inbox",
    "recording",
    "body_maps",
    "papers",
    "incidents",
    "actions",
    "asking",
    "assigning",
    "corrections",
    "following",
    "standing",
    "restricting",
    "readers",
    "pupils",
    "drafts",
    "reports",
    "saving",
    "away",
    "notifications",
}
NO_PAGES = {
    *{"recording.begin", "actions.begin", "corrections.begin", "pupils.begin_flag", "assigning.begin", "incidents.alert"},  # lead on at once
    *{"corrections.begin_request", "restricting.begin", "standing.begin"},
    "corrections.answer",  # needs a request; with restricting.lift, which needs a restriction: test_corrections.py
    "restricting.lift",
    *{"recording.suggest_pupils", "recording.suggest_staff"},  # JSON
    "inbox.now",  # JSON
    "notifications.worker",  # no page
    "incidents.readers",  # a part of the page "recorded"
    "papers.scan",  # leads on at once
    "papers.blank",  # a PDF: test_paper_forms.py
    "home.home",  # of a DSL it is the inbox; of the others see below
    "reports.as_list",  # CSV: test_reports_page.py
    "pupils.pdf",  # tests/services/reports/test_chronology_pdf.py
}


def endpoints() -> Any:
    """The gateway's own table of addresses."""
    app = Flask("gateway", static_folder=None)
    pages.install(app)
    return app.url_map.bind("localhost")


class Looker:
    """Holds the page in the browser against axe, then at 320 pixels; remembers which it saw."""

    def __init__(self, page: Page, axe: Callable[[Page], None]) -> None:
        self.page, self.axe, self.table = page, axe, endpoints()
        self.seen: set[str] = set()

    def look(self, path: str = "") -> None:
        if path:
            self.page.goto(path)
        expect(self.page.get_by_role("heading", level=1)).to_have_count(1)
        self.axe(self.page)
        size = self.page.viewport_size
        assert size
        self.page.set_viewport_size({"width": 320, "height": 640})
        assert self.page.evaluate("document.documentElement.scrollWidth") <= 320, self.page.url
        self.page.set_viewport_size(size)
        try:
            self.seen.add(self.table.match("/" + self.page.url.split("/", 3)[3].split("?")[0].split("#")[0], method="GET")[0])
        except HTTPException:
            self.seen.add("an address that leads nowhere")

    def press(self, name: str) -> None:
        """Press a button of the page that leads to another, and look at what comes."""
        with self.page.expect_navigation():
            self.page.get_by_role("main").get_by_role("button", name=re.compile(f"^{name}")).first.click()
        self.look()


@pytest.mark.parametrize(("viewport", "dark"), [(PHONE, True), (DESKTOP, False)], ids=["phone and dark", "desk and light"])
def test_axe_finds_nothing_on_any_page_of_the_record(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, dark: bool
) -> None:
    """As a DSL, who sees most: also with what is wrong in it, with what was found, and with what waits for an answer."""
    dsl = sign_in("dsl", viewport=viewport, dark=dark)
    at = Looker(dsl.page, finds_nothing_wrong)
    here = f"{dsl.base}s/hillside/"
    dsl.go("pupils")
    pupil, other = pupils(dsl.page, "sarah")[0]["id"], pupils(dsl.page, "am")[0]["id"]
    linked = {"linked_ids": other, f"linked_part_{other}": "witness", f"linked_initials_{other}": "A"}
    about = record(dsl.page, pupil_id=pupil, category_codes="safeguarding_concern", told="told", told_whom="The head", told_when="12:50", **linked)
    unlisted = record(dsl.page)

    for path in (
        "",
        "inbox",
        "inbox?view=due",
        "inbox?view=quiet",
        "follow-ups",
        "follow-ups?view=all",
        "inbox?state=unread&class=protection",
        "inbox/unled",
        "settings/calendar",
        "settings/asking",
        "pupils",
        "reports",
        "reports?since=2020-01-01",
    ):
        at.look(here + path)
    at.look(f"{here}pupils?q=sarah")
    for path in ("", "/chronology", "/chronology?category=behaviour", "/chronology?print=1", "/flags/new"):
        at.look(f"{here}pupils/{pupil}{path}")
    at.press("Save flag")
    at.look(f"{here}pupils/{pupil}/readers")
    at.look(f"{here}pupils/{pupil}/family")
    at.look(f"{here}readers")
    at.look(f"{here}readers/{dsl.page.locator('.sk-rows a').first.get_attribute('href').rpartition('/')[2]}")
    at.look(about)
    at.look(f"{about}/recorded")
    at.look(about + "/status/" + pupil)
    at.press("Keep it")
    for kind in ("asked", "parent_contact", "referral", "not_referred"):
        at.look(f"{about}/actions/new?kind={kind}")
    at.look(f"{about}/who-read")
    at.look(f"{about}/actions/new?reply=yes")
    for path in ("duty", "away", "notifications"):
        at.look(here + path)
    at.look(f"{about}/actions/new")
    at.page.locator("summary", has_text="Add a category").click()
    at.press("Add action")
    at.look(f"{about}/entries/{about.rpartition('/')[2]}/correction")
    at.press("Add correction")
    at.look(f"{about}/entries/{about.rpartition('/')[2]}/request")
    at.press("Ask the DSLs")
    at.look(f"{here}corrections")
    at.look(f"{about}/restricted")
    at.look(f"{about}/restriction")
    at.press("Restrict it")
    at.look(f"{unlisted}/pupil")
    at.page.fill("[name=pupil_q]", "sarah")
    at.page.get_by_role("option").first.wait_for()
    at.page.press("[name=pupil_q]", "Escape")  # else the list is before the button
    at.press("Find")

    at.look(f"{here}incidents/several")
    at.press("Record and go")
    at.look(f"{here}paper")
    at.press("Add to the list")
    at.look(f"{here}paper/scan")
    at.press("Add incident")

    at.look(f"{here}incidents/new")
    at.page.locator("summary", has_text="adult who works or volunteers").click()
    finds_nothing_wrong(at.page)
    at.press("Add incident")
    at.page.locator("[name=pupil_id][value=holding]").check(force=True)
    at.page.locator("[name=when][value=exact]").check(force=True)
    at.page.locator("[name=told][value=told]").check(force=True)
    at.page.fill("[name=narrative]", ACCOUNT)
    finds_nothing_wrong(at.page)
    at.press("Show it on a body map")
    at.press("Add this mark")
    at.page.select_option("[name=place]", "hands.left_palm")
    at.page.locator("[name=kind][value=scald]").check(force=True)
    at.press("Add this mark")
    at.press("Feet")
    at.press("Back to the incident")
    at.press("Not you")
    at.look(f"{here}drafts")
    at.look(f"{here}saving/{new_id()}")
    at.look(f"{here}saving/{new_id()}?until=0")
    at.look(f"{here}incidents/{new_id()}")
    at.look(f"{dsl.base}nothing/here")
    assert {name for name in at.seen if name.partition(".")[0] in NOUNS} == EVERY


EVERY = {
    rule.endpoint
    for rule in endpoints().map.iter_rules()
    if rule.endpoint.partition(".")[0] in NOUNS and "GET" in (rule.methods or ()) and rule.endpoint not in NO_PAGES
}
"""By the table of addresses, so that a page that comes is not forgotten here."""


@pytest.mark.parametrize("role", ["teacher", "slt", "governor", "trust_safeguarding_lead", "trust_it"])
def test_axe_finds_nothing_on_the_first_page_of_the_others(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], role: str
) -> None:
    school = None if role.startswith("trust") else "Hillside Primary"
    at = Looker(sign_in(role, viewport=PHONE, school=school).page, finds_nothing_wrong)
    at.look()
    if role == "trust_safeguarding_lead":
        first = at.page.url
        at.look(first + "?since=2020-01-01&class_code=welfare")
        at.look(first + "reports")


def test_axe_finds_nothing_where_people_sign_in(sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]) -> None:
    person = sign_in("teacher", viewport=PHONE)
    at = Looker(person.page, finds_nothing_wrong)
    person.page.get_by_role("button", name="Sign out").first.click()
    at.look()
    at.press("Sign in")
    at.look(f"{person.base}forgot")
    finds_nothing_wrong(person.page)
