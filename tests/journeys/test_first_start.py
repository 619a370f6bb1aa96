"""From an empty system to a first recorded concern, as docs/operators.md says it, in a real browser."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from deploy.demo import REAL_SCHOOL
from tests import servers
from tests.journeys import signing_in
from tests.journeys.conftest import DESKTOP, PHONE, ROOT
from tests.journeys.walking import PASSWORD, Newcomer, letter
from tests.make import GOOD_EXAMPLE

PUPILS = "Name,Year,Form,Date of birth\nSarah Example,Year 5,5A,29/02/2016\nNoah Example,Year 3,3B,1/9/2017\nIvy Nobody,Year 4,4A,31/02/2016\n"


@pytest.fixture(scope="module")
def empty() -> Iterator[dict[str, Any]]:
    """A Safekeep that nobody has used yet. SAFEKEEP_EMPTY names the ready file of one, while this journey is being written."""
    if "SAFEKEEP_EMPTY" in os.environ:
        yield json.loads(Path(os.environ["SAFEKEEP_EMPTY"]).read_text())
        return
    with servers.running_system("--no-demo") as described:
        yield described


def test_an_empty_system_reaches_a_first_recorded_concern_in_under_ten_minutes(
    empty: dict[str, Any], browser: Browser, finds_nothing_wrong: Callable[[Page], None]
) -> None:
    """Link, trust, school, DSL, the head's code, whom to find, a teacher, pupils, a concern: each page looked at by axe."""
    began = time.monotonic()
    it = Newcomer(browser, empty, viewport=DESKTOP)

    # the first administrator
    it.page.goto(empty["first_link"])
    finds_nothing_wrong(it.page)
    it.fill("trust_name", "Bramble Hill Primary")
    it.fill("name", "Ida Tee")
    it.fill("email", "ida@bramble.example")
    it.press("Go on")
    it.fill("password", "Plum teal harbour 1")
    it.press("Save password")
    it.enrol()
    expect(it.page.get_by_role("heading", name="Schools of Bramble Hill Primary")).to_be_visible()
    finds_nothing_wrong(it.page)
    asked = signing_in.second_step(empty, "ida@bramble.example", "Plum teal harbour 1")
    assert 'name="code"' in asked
    assert "/codes" not in asked, "their codes are in their app alone"

    # the school, and its first DSL
    it.press("Add a school")
    it.fill("name", "Bramble Hill Primary")
    it.fill("slug", "bramble_hill")
    it.choose("phase", "primary")
    it.press("Add the school")
    it.fill("name", "Dee Lead")
    it.fill("email", "dee@bramble.example")
    it.choose("roles", "dsl")
    finds_nothing_wrong(it.page)
    it.press("Add this person")
    expect(it.page.get_by_role("heading", name="For the head")).to_be_visible()
    finds_nothing_wrong(it.page)
    code = it.page.locator(".sk-code").inner_text()

    # the DSL, on a telephone, with the head beside them
    dee = Newcomer(browser, empty, viewport=PHONE, dark=True)
    dee.begin(letter(empty, "dee@bramble.example"))
    expect(dee.page.get_by_role("heading", name="Somebody who knows you")).to_be_visible()
    finds_nothing_wrong(dee.page)
    dee.fill("code", "wrong")
    dee.press("Go on")
    expect(dee.page.get_by_role("main")).to_contain_text("That is not right")
    dee.enrol(code=code)
    expect(dee.page.get_by_role("heading", name="Inbox")).to_be_visible()

    # whom to find
    dee.go("s/bramble_hill/settings/school")
    finds_nothing_wrong(dee.page)
    dee.page.locator("[name=duty]").first.check(force=True)
    dee.page.locator("[name^=room-]").first.fill("Room 4")
    dee.page.locator("[name^=telephone-]").first.fill("01632 960001")
    dee.seconds += 12
    dee.fill("out_of_hours-name", "Children's services")
    dee.press("Save")
    expect(dee.page.get_by_role("main")).to_contain_text("Write the telephone number")
    expect(dee.page.locator("[name=out_of_hours-name]")).to_have_value("Children's services")
    dee.fill("out_of_hours-telephone", "01632 960002")
    dee.press("Save")
    expect(dee.page.get_by_role("status").filter(has_text="Saved")).to_be_visible()

    # a teacher
    dee.go("s/bramble_hill/staff/new")
    dee.fill("name", "Tea Cher")
    dee.fill("email", "tea@bramble.example")
    dee.choose("roles", "teacher")
    dee.press("Add this person")
    expect(dee.page.get_by_role("status").filter(has_text="on its way")).to_be_visible()

    # pupils: one line is wrong, and does not hold up the others
    dee.go("s/bramble_hill/pupils/add")
    finds_nothing_wrong(dee.page)
    dee.paste("list", PUPILS)
    dee.press("Check the list")
    expect(dee.page.get_by_role("main")).to_contain_text("2 pupils would be added or changed")
    expect(dee.page.get_by_role("main")).to_contain_text("This is not a date. Write the day, month and year: 31/02/2016")
    finds_nothing_wrong(dee.page)
    dee.press("Add or change 2 pupils")
    expect(dee.page.get_by_role("main")).to_contain_text("2 pupils were added or changed")
    expect(dee.page.locator("[name=list]")).to_have_value(PUPILS)

    # the teacher records
    tea = Newcomer(browser, empty, viewport=PHONE)
    tea.begin(letter(empty, "tea@bramble.example"))
    tea.press("Add incident")
    page = tea.page
    expect(page.get_by_role("main")).to_contain_text("Dee Lead")
    ends = time.monotonic() + 45  # for half a minute a process of the gateway may show what it knew
    while "01632 960001" not in page.get_by_role("main").inner_text():
        assert time.monotonic() < ends, "whom to find is not shown as it was entered"
        page.reload()
    tea.fill("pupil_q", "sarah")
    page.get_by_role("option", name=re.compile("Sarah Example")).click()
    tea.choose("kind", "conversation")
    page.locator("[name=when]").first.check(force=True)
    tea.fill("narrative", GOOD_EXAMPLE)
    tea.fill("action_taken", "Told the DSL in person.")
    tea.choose("category_codes", "safeguarding_concern")
    tea.press("Add incident and alert 1 person")
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"Recorded today at \d{1,2}:\d\d"))
    machine = time.monotonic() - began

    # and it arrives
    dee.go("s/bramble_hill/inbox")
    row = dee.page.get_by_role("main").get_by_role("listitem").filter(has_text="Safeguarding concern")
    ends = time.monotonic() + 30
    while not row.count() and time.monotonic() < ends:
        dee.page.reload()
    expect(row).to_contain_text("Tea Cher")
    for someone in (it, dee, tea):
        assert someone.page.locator(".sk-demo").count() == 0, "nobody real is told that they are made up"

    person = it.seconds + dee.seconds + tea.seconds
    print(f"\nfirst recorded concern: {machine:.0f} s of pages here; a person would take about {person / 60:.1f} minutes")
    assert person < 600


def test_the_link_of_the_first_administrator_is_over_once_it_was_used(empty: dict[str, Any], browser: Browser) -> None:
    page = browser.new_page()
    page.goto(empty["first_link"])
    for name, text in (("trust_name", "Another"), ("name", "An Other"), ("email", "another@bramble.example")):
        page.fill(f"[name={name}]", text)
    page.get_by_role("main").get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="This link is over")).to_be_visible()
    page.close()


def safekeep(system: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    command = [str(ROOT / ".venv" / "bin" / "safekeep"), *arguments, "--data", system["data"]]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/", check=False)


def test_the_command_line_adds_a_trust_and_a_school_and_says_what_it_cannot_do(empty: dict[str, Any]) -> None:
    over = safekeep(empty, "first-administrator")
    assert (over.returncode, over.stdout) == (1, "")
    assert over.stderr == "This installation has an administrator already: nothing was made.\n"
    trust = ("trust", "add", "meadow", "--name", "Meadow Trust", "--admin-name", "Mo Trust", "--admin-email", "mo@meadow.example")
    added = safekeep(empty, *trust)
    assert added.returncode == 0, added.stderr
    assert "Trust added: Meadow Trust" in added.stdout
    assert letter(empty, "mo@meadow.example").startswith(empty["url"])
    again = safekeep(empty, *trust, "--json")
    assert (again.returncode, json.loads(again.stdout)["ok"]) == (1, False)
    school = safekeep(empty, "school", "add", "meadow_first", "--name", "Meadow First", "--trust", "meadow", "--phase", "primary", "--json")
    assert json.loads(school.stdout) == {
        "ok": True,
        "name": "Meadow First",
        "slug": "meadow_first",
        "trust": "meadow",
        "id": json.loads(school.stdout)["id"],
    }
    for arguments, sentence in (
        (
            ("school", "add", "meadow_first", "--name", "X", "--trust", "meadow", "--phase", "primary"),
            "There is a school at the address meadow_first already",
        ),
        (
            ("school", "add", "bramble_hill", "--name", "X", "--trust", "meadow", "--phase", "primary"),
            "There is a school at the address bramble_hill already",
        ),
        (("school", "add", "x", "--name", "X", "--trust", "nowhere", "--phase", "primary"), "There is no trust at the address nowhere"),
        (("school", "add", "x", "--name", "X", "--trust", "meadow", "--phase", "castle"), "This was not accepted: phase (unknown choice)"),
        (("school", "add", "Not A Slug", "--name", "X", "--trust", "meadow", "--phase", "primary"), "This was not accepted: slug"),
    ):
        refused = safekeep(empty, *arguments)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.startswith(sentence), refused.stderr
        assert refused.stderr.count("\n") == 1


def test_the_command_line_helps_a_lone_dsl_who_lost_every_key(empty: dict[str, Any], browser: Browser) -> None:
    """The school of the first journey has one DSL. The pass is printed, works after the password, and the old app does not any more."""
    said = safekeep(empty, "person", "lost-keys", "nobody@bramble.example", "--how", "in-person")
    assert (said.returncode, said.stderr) == (1, "Nobody signs in as nobody@bramble.example: nothing was done.\n")
    helped = json.loads(safekeep(empty, "person", "lost-keys", "dee@bramble.example", "--how", "in-person", "--json").stdout)
    assert (helped["ok"], helped["disabled"]) == (True, 1)
    dee = Newcomer(browser, empty, viewport=PHONE)
    dee.go("sign-in")
    dee.fill("username", "dee@bramble.example")
    dee.fill("password", PASSWORD)
    dee.press("Sign in")
    expect(dee.page.get_by_role("heading", name="Lost phone or key")).to_be_visible()
    dee.enrol(code=helped["code"])
    expect(dee.page.get_by_role("heading", name="Inbox")).to_be_visible()
    dee.go("s/bramble_hill/audit")
    expect(dee.page.get_by_role("main")).to_contain_text("Keys disabled and a pass given by those who run Safekeep")
    dee.context.close()


def test_demo_sign_ins_cannot_be_switched_on_once_a_real_school_exists(empty: dict[str, Any]) -> None:
    """The demonstration's own program is refused: it makes nothing, and `./run` without --no-demo starts without it."""
    urls = json.loads((Path(empty["data"]) / "run" / "operator.json").read_text())
    environment = os.environ | {
        "BROKER_URL": urls["BROKER_URL"],
        "KEYS_FILE": str(Path(empty["data"]) / "keys" / "process" / "demo.json"),
        "DEMO_LOGINS": str(Path(empty["data"]) / "run" / "demo-logins.json"),
    }
    made = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "deploy.demo"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert made.returncode == REAL_SCHOOL, made.stderr
    assert "real school" in made.stdout
    assert not (Path(empty["data"]) / "run" / "demo-logins.json").exists()
