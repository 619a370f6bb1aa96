"""Every page of the record, on a telephone and at a desk, light and dark: axe finds nothing wrong with it, it never scrolls sideways, and
where it says to tell a DSL it says who is on duty, in which room, and at which number."""

import contextlib
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from werkzeug.exceptions import HTTPException

from gateway import pages
from safekeep.ids import new_id
from tests.journeys import conftest
from tests.journeys.conftest import DESKTOP, OF_COLOURS, PHONE
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


SAYS = re.compile(r"\b(tell|find|reach|ask|see) a DSL|DSL in person", re.IGNORECASE)
PRIMARY = ".govuk-button:not(.govuk-button--secondary, .govuk-button--warning):visible"
NO_SCHOOL = {"sign-in", "nothing/here"}
"""Where nobody is signed in, or which lie below no school's address: whose DSLs they would be is not known."""

NOBODY_YET = {"session.unlock", "session.sign_in", "session.forgot"}
"""Before which somebody has to show who they are."""


class Looker:
    """Holds the page in the browser against axe, its colours in the other theme too where one is named, then at 320 pixels; remembers which it saw."""

    def __init__(
        self, page: Page, axe: Callable[..., None], *, on_duty: list[list[str]] | None = None, other_theme: str = "", records: bool = True
    ) -> None:
        self.page, self.axe, self.on_duty, self.other_theme, self.records, self.table = page, axe, on_duty, other_theme, records, endpoints()
        self.seen: set[str] = set()
        self.named: set[str] = set()

    def look(self, path: str = "") -> None:
        if path:
            self.page.goto(path)
        expect(self.page.get_by_role("heading", level=1)).to_have_count(1)
        self.axe(self.page)
        primary = self.page.locator(PRIMARY).all_inner_texts()
        assert len(primary) <= 1, f"one primary action a page: {self.page.url.partition('/s/')[2]} has {primary}"
        if self.other_theme:
            own = "light" if self.other_theme == "dark" else "dark"
            self.page.emulate_media(color_scheme=self.other_theme)  # type: ignore[arg-type]
            self.axe(self.page, OF_COLOURS)
            self.page.emulate_media(color_scheme=own)  # type: ignore[arg-type]
        size = self.page.viewport_size
        assert size
        self.page.set_viewport_size({"width": 320, "height": 640})
        assert self.page.evaluate("document.documentElement.scrollWidth") <= 320, self.page.url
        self.page.set_viewport_size(size)
        place = self.page.url.split("/", 3)[3].split("?")[0].split("#")[0]
        try:
            endpoint = self.table.match("/" + place, method="GET")[0]
        except HTTPException:
            endpoint = "an address that leads nowhere"
        self.seen.add(endpoint)
        if self.on_duty is not None and place not in NO_SCHOOL and endpoint not in NOBODY_YET:
            offered = self.page.get_by_role("link", name="Add incident", exact=True).locator("visible=true")
            if self.records:
                expect(offered.first).to_be_visible()
            else:
                expect(offered).to_have_count(0)
        if self.on_duty is not None and SAYS.search(self.page.get_by_role("main").inner_text()) and place not in NO_SCHOOL:
            self.finds_a_dsl(place)
            self.named |= {endpoint, place}

    def finds_a_dsl(self, place: str) -> None:
        """Find everybody on duty on the page: name, room, and a number to press."""
        said = self.page.locator("body").inner_text()
        assert self.on_duty, place  # none given: not looked at
        for name, room, number in self.on_duty:
            assert name in said, (place, name)
            assert room in said, (place, room)
            expect(self.page.locator(f"a[href='tel:{number}']").locator("visible=true").first).to_be_visible()

    def press(self, name: str) -> None:
        """Press a button of the page that leads to another, and look at what comes."""
        with self.page.expect_navigation():
            self.page.get_by_role("main").get_by_role("button", name=re.compile(f"^{name}")).first.click()
        self.look()


def on_duty(person: Any) -> list[list[str]]:
    """Return [name, room, number] of everybody on duty at Hillside now."""
    cards = person.go("duty").locator(".sk-duty > li")
    found = []
    for card in cards.all():
        first, second = card.inner_text().split("\n")
        link = card.locator("a").get_attribute("href") or ""
        found.append([first.partition(",")[0], second.partition(" · ")[0], link.removeprefix("tel:")])
    assert found
    assert all(all(each) for each in found)
    return found


@pytest.mark.parametrize(("viewport", "dark"), [(PHONE, True), (DESKTOP, False)], ids=["phone and dark", "desk and light"])
def test_axe_finds_nothing_on_any_page_of_the_record(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, dark: bool
) -> None:
    """As a DSL, who sees most: also with what is wrong in it, with what was found, and with what waits for an answer."""
    dsl = sign_in("dsl", viewport=viewport, dark=dark)
    at = Looker(dsl.page, finds_nothing_wrong, on_duty=on_duty(dsl))
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
    for path in ("files", "body-maps", "family", "family/change"):
        at.look(f"{here}pupils/{pupil}/{path}")
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
    missing = f"{here}incidents/{new_id()}"
    at.look(missing)
    at.look(f"{here}nothing")
    at.look(f"{dsl.base}nothing/here")
    assert {missing.removeprefix(dsl.base), "s/hillside/nothing", "away.duty", "recording.form", "incidents.recorded"} <= at.named
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
    person = sign_in(role, viewport=PHONE, school=school)
    first = person.page.url
    at = Looker(person.page, finds_nothing_wrong, on_duty=on_duty(person) if school else [], records=role in {"teacher", "slt"})
    at.look(first)
    if role == "governor":
        assert first.removeprefix(person.base) in at.named
    if role == "trust_safeguarding_lead":
        at.look(first + "?since=2020-01-01&class_code=welfare")
        at.look(first + "reports")


def test_axe_finds_nothing_where_people_sign_in(sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]) -> None:
    person = sign_in("teacher", viewport=PHONE)
    at = Looker(person.page, finds_nothing_wrong, on_duty=on_duty(person))
    with person.page.expect_response(lambda answer: answer.request.method == "POST"):  # else the next page is there before it is locked
        person.page.get_by_role("button", name="Lock").first.click()
    at.page.goto(f"{person.base}s/hillside/drafts")
    expect(at.page).to_have_url(re.compile("/unlock"))
    at.look()
    at.finds_a_dsl("unlock")
    at.page.get_by_role("button", name="sign out").first.click()
    at.look()
    at.press("Sign in")
    at.look(f"{person.base}forgot")
    finds_nothing_wrong(person.page)


def test_a_picture_of_each_page_is_kept_when_a_journey_fails(browser: Browser) -> None:
    """Of every page that is open, whoever opened it: the hook of conftest.py at work on a test that fails, on one that does not, and on an end."""
    name = f"a_journey_{new_id()}[it's \u00e9/a]"
    context = browser.new_context(viewport=PHONE)
    for words in ("one", "two"):
        context.new_page().set_content(f"<h1>{words}</h1>")
    for failed, when in ((False, "call"), (True, "teardown"), (True, "call")):
        told = conftest.pytest_runtest_makereport(SimpleNamespace(name=name), SimpleNamespace(when=when))  # type: ignore[arg-type]
        next(told)
        with contextlib.suppress(StopIteration):
            told.send(SimpleNamespace(get_result=lambda now=failed: SimpleNamespace(failed=now)))  # type: ignore[attr-defined]
        kept = sorted(conftest.PICTURES.glob(f"{name.partition('[')[0]}*"))
        assert len(kept) == (len([page for each in browser.contexts for page in each.pages]) if failed and when == "call" else 0)
    context.close()
    assert len(kept) >= 2
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in kept)
