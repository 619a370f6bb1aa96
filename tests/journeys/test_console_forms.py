"""Every form of the console is sent, with JavaScript and without: by the table of addresses, so that a form that comes is not forgotten."""

import re
import urllib.parse
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import Page, expect
from werkzeug.exceptions import HTTPException

from tests.journeys.conftest import DESKTOP, PHONE, paste
from tests.journeys.test_every_page import endpoints

NOUNS = {"staff", "addresses", "enrolment", "settings", "audit", "trust", "trust_people", "machines", "providers", "proof"}
ELSEWHERE = dict.fromkeys(
    ("providers.add", "providers.change", "providers.remove", "providers.unlink"), "test_single_sign_on.py, where there is a provider"
)
TABLE = endpoints()
ALL = {r.endpoint for r in TABLE.map.iter_rules() if r.endpoint.partition(".")[0] in NOUNS and "POST" in (r.methods or ())} - set(ELSEWHERE)


class Desk:
    """Somebody at the console. Remembers which forms were sent and taken."""

    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base = page, base
        self.sent: set[str] = set()

    def at(self, path: str) -> "Desk":
        if path:
            self.page.goto(path if path.startswith("http") else self.base + path)
        return self

    def fill(self, **fields: Any) -> "Desk":
        main = self.page.get_by_role("main")
        for name, value in fields.items():
            found = main.locator(f"[name={name}]")
            kind = found.first.evaluate("field => field.tagName + ' ' + field.type")
            if kind == "SELECT select-one":
                found.select_option(index=1)
            elif kind.endswith((" radio", " checkbox")):
                main.locator(f"[name={name}][value='{value}']").check(force=True)
            else:
                found.fill(value)
        return self

    def press(self, name: str) -> "Desk":
        """Press a button that sends a form; what it leads to is no refusal."""
        button = self.page.get_by_role("main").get_by_role("button", name=re.compile(f"^{re.escape(name)}")).last
        with (
            self.page.expect_response(lambda answer: answer.request.method == "POST" and answer.request.is_navigation_request()) as waiting,
            self.page.expect_navigation(),
        ):
            button.click(no_wait_after=True)  # a page that looks again by itself is never done
        answer = waiting.value
        assert answer.status in (200, 303), (name, answer.status, self.page.locator(".govuk-error-summary").all_inner_texts())
        try:
            self.sent.add(TABLE.match(urllib.parse.urlsplit(answer.url).path, method="POST")[0])
        except HTTPException as error:
            raise AssertionError(answer.url) from error
        expect(self.page.get_by_role("heading", level=1)).not_to_have_text(re.compile("Page not found|Something went wrong"))
        return self

    def take(self, name: str) -> "Desk":
        """Press a button that sends a form and gets a file."""
        with self.page.expect_download() as waiting:
            self.page.get_by_role("main").get_by_role("button", name=re.compile(f"^{re.escape(name)}")).last.click()
        self.sent.add(TABLE.match(urllib.parse.urlsplit(waiting.value.url).path, method="POST")[0])
        return self

    def here(self) -> str:
        return self.page.url.partition("?")[0]


def give_key(system: dict[str, Any], email: str) -> None:
    """Let somebody have an app, as they set it up: for who helps with a lost one."""
    with psycopg.connect(system["admin_urls"]["identity"], autocommit=True) as database:
        made = "insert into factors (id, person_id, kind, name, counter, created_at, confirmed_at) select gen_random_uuid(), id, 'totp', 'App', 0, now(), now()"
        assert database.execute(f"{made} from people where email = %s", (email,)).rowcount == 1


@pytest.mark.parametrize(("viewport", "javascript"), [(DESKTOP, True), (PHONE, False)], ids=["desk", "phone without JavaScript"])
def test_every_form_of_the_console_is_sent(sign_in: Callable[..., Any], system: dict[str, Any], viewport: Any, javascript: bool) -> None:
    """By a DSL and by trust IT; each is taken, and what is made is taken away again where a form does that."""
    mark = uuid4().hex[:8]
    person = sign_in("dsl", viewport=viewport, javascript=javascript, fresh=True)
    dsl = Desk(person.page, f"{person.base}s/hillside/")
    other = sign_in("trust_it", school=None, viewport=viewport, javascript=javascript, fresh=True)
    it = Desk(other.page, f"{other.base}t/heathland/")

    for path in ("settings/school", "settings/files", "settings/categories/welfare"):
        dsl.at(path).press("Save")
    dsl.at("settings/groups/new").fill(name=f"Group {mark}").press("Save")
    dsl.at("settings/categories/new").fill(name=f"Category {mark}", class_code="general", groups="slt").press("Save")
    dsl.at("settings/templates/new").fill(name=f"Template {mark}", text="What was agreed:").press("Save")
    dsl.page.get_by_role("link", name=f"Template {mark}").click()
    dsl.fill(ended="yes").press("Save")
    dsl.at("settings/sign-in").press("Save")
    dsl.at("settings/own-child").fill(person_id="", reason="The head").press("Let them stand in").press("End it")
    dsl.at("programs").fill(name=f"Program {mark}", scopes="counts.read", days="30").press("Make its credentials")
    dsl.at("programs").press(f"Revoke Program {mark}")
    dsl.at("pupils/add").fill(name=f"Pupil {mark}", year="Year 5", born="2016-02-29").press("Add this pupil")
    dsl.at("pupils/add").fill(list=f"Pupil Two {mark},Year 5,5A,2016-02-28").press("Check the list")
    dsl.at("proof").fill(name=f"Witness {mark}", kind="email", address=f"{mark}@solicitor.example").press("Add witness").press(
        f"Take off Witness {mark}"
    )
    dsl.at("proof").page.get_by_role("link", name="Export the whole record").click()
    dsl.fill(reason="A review").press("Make the export")
    dsl.at("audit").take("Export these lines")

    email = f"staff-{mark}@hillside.example"
    dsl.at("staff/import").fill(list=f"Name,E-mail,Role\nOne {mark},one-{mark}@hillside.example,teacher\n").press("Check the list")
    dsl.at("staff/new").fill(name=f"Two {mark}", email=email, roles="teacher").press("Add this person")
    theirs = dsl.here()
    give_key(system, email)
    dsl.at(theirs).press("Save")
    dsl.at(theirs).press("Send a link")
    dsl.at(theirs).fill(how="in_person").press("Make a pass")
    it.at(f"schools/hillside/staff/{theirs.rpartition('/')[2]}").fill(roles="slt").press("Save")
    dsl.at(theirs).fill(keys=dsl.page.locator("[name=keys]").first.get_attribute("value")).press("Confirm it")
    it.at(f"schools/hillside/staff/{theirs.rpartition('/')[2]}/address").fill(email=f"moved-{mark}@hillside.example").press("Change it")
    dsl.at(f"{theirs}/address").press("Confirm it")
    dsl.at(theirs).press("They lost it: disable")
    dsl.at(f"{theirs}/close").press("Close the account")

    email = f"lead-{mark}@heathland.example"
    it.at("people/new").fill(name=f"Lead {mark}", email=email, roles="trust_safeguarding_lead").press("Add this person")
    theirs = it.here()
    give_key(system, email)
    for button in ("Save", "Send a link", "They lost it: disable"):
        it.at(theirs).press(button)
    seen = f"{dsl.base}trust-people/{theirs.rpartition('/')[2]}"
    dsl.at(seen).fill(how="in_person").press("Make a pass")
    dsl.at(seen).press("Confirm it")
    it.at(f"{theirs}/close").press("Close the account")
    it.at("programs").fill(name=f"Tool {mark}", scopes="trust.counts.read", days="30").press("Make its credentials")
    it.at("programs").press(f"Revoke Tool {mark}")
    it.at("schools/new").fill(name=f"School {mark}", slug=f"school_{mark}", phase="primary").press("Add the school")
    assert ALL - dsl.sent - it.sent == set()


def test_one_press_sets_the_national_guidance_and_a_password_can_be_pasted(
    sign_in: Callable[..., Any], system: dict[str, Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    """12 characters, no kinds, no change every so often, three random words encouraged; the first setting is put back. At Kingsmead: nobody's journey chooses a password there."""
    dsl = sign_in("dsl", school="Kingsmead Academy", viewport=DESKTOP, fresh=True)
    desk, page = Desk(dsl.page, f"{dsl.base}s/kingsmead/"), dsl.page

    def policy() -> dict[str, Any]:
        desk.at("settings/sign-in")
        said: dict[str, Any] = {name: page.locator(f"[name={name}]").input_value() for name in ("min_length", "change_days", "remembered")}
        return said | {name: page.locator(f"[name={name}]").is_checked() for name in ("all_kinds", "deny_common")}

    first = policy()
    assert first == {"min_length": "8", "change_days": "60", "remembered": "5", "all_kinds": True, "deny_common": False}
    page.goto(f"{dsl.base}password")
    expect(page.locator("#password-hint")).to_have_text("At least 8 characters, with a small letter, a capital, a digit and one other character.")
    desk.at("settings/sign-in").press("Use the national guidance")
    try:
        assert policy() == {"min_length": "12", "change_days": "0", "remembered": "5", "all_kinds": False, "deny_common": True}
        expect(page.get_by_role("main")).to_contain_text("Your school follows it.")
        expect(page.get_by_role("button", name="Use the national guidance")).to_have_count(0)
        page.goto(f"{dsl.base}password")
        expect(page.locator("#password-hint")).to_have_text("At least 12 characters. Three random words are easy to remember and hard to guess.")
        expect(page.get_by_role("main")).not_to_contain_text("asks for a new one")
        finds_nothing_wrong(page)
        for pasted, said in (("Plum-teal-1", "Too short"), ("plum teal harbour kettle", "Strong")):
            paste(page, page.locator("#password"), pasted)
            expect(page.locator("[data-strength]")).to_have_text(said)
    finally:
        desk.at("settings/sign-in").fill(min_length=first["min_length"], change_days=first["change_days"], all_kinds="yes")
        page.locator("[name=deny_common]").uncheck(force=True)
        desk.press("Save")
    assert policy() == first
