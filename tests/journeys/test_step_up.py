"""A form sent when the second factor was used too long ago: nothing is done, nothing is lost, and it is sent after the code."""

import re
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect

from safekeep.ids import new_id
from tests.journeys import signing_in
from tests.journeys.api import Api
from tests.journeys.test_afterwards import word


def long_ago(person: Any) -> None:
    """Let the second factor of the person's newest session be used twenty minutes ago, and every gateway hear of it."""
    with psycopg.connect(person.system["admin_urls"]["identity"]) as database:
        which = "select s.id from sessions s join people p on p.id = s.person_id where p.email = %s order by s.created_at desc limit 1"
        row = database.execute(which, (person.login["username"],)).fetchone()
        assert row
        database.execute("update sessions set second_factor_at = second_factor_at - interval '20 minutes' where id = %s", row)
        database.execute("insert into revocations (id, at, session_id) values (%s, now(), %s)", (new_id(), row[0]))
    time.sleep(1.0)  # every process hears within a second: what it means is tests/journeys/test_two_gateways.py's


def show_again(page: Page, person: Any) -> None:
    """Type the code that the page asks for."""
    expect(page.get_by_role("heading", level=1)).to_have_text("Is it still you?")
    with signing_in.code(person.system, person.login) as code:
        page.fill("[name=code]", code)
        page.get_by_role("main").get_by_role("button", name="Go on").click()
        expect(page.get_by_role("heading", name="Is it still you?")).to_have_count(0)


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_a_form_posted_where_the_second_factor_is_asked_for_again_comes_back_whole_and_is_sent(
    sign_in: Callable[..., Any], system: dict[str, Any], javascript: bool
) -> None:
    """A DSL is asked to tell a colleague, and writes why: the grant asks for the second factor again."""
    person, teacher, secret = sign_in("deputy_dsl", fresh=True, javascript=javascript), Api(system, "teacher"), word()
    colleague = next(x for x in teacher.get("/staff?q=coach")["items"] if x["roles"] == ["sports_coach"])
    sent = teacher.incident(alert={"groups": ["safeguarding_team"], "staff_ids": [], "ask_dsl": [colleague["id"]]})
    assert teacher.call("POST", "/incidents", sent)[0] == 201
    page = person.go(f"incidents/{sent['id']}")
    page.locator("#asks [name=reason]").fill(f"They take {secret} swimming, and see the marks")
    long_ago(person)
    page.locator("#asks").get_by_role("button", name="Let them read it").click()
    show_again(page, person)
    expect(page.get_by_role("heading", level=1)).to_have_text("Not sent yet")
    expect(page.get_by_role("main")).to_contain_text(f"They take {secret} swimming, and see the marks")
    assert page.locator("[name=reason]").input_value() == f"They take {secret} swimming, and see the marks"
    page.get_by_role("button", name="Send it now").click()
    expect(page).to_have_url(re.compile(f"/incidents/{sent['id']}$"))
    expect(page.get_by_role("main").locator("#asks")).to_have_count(0)
    expect(page.get_by_role("main")).to_contain_text(colleague["name"])
    person.go("drafts")
    expect(page.get_by_text("A form, not sent yet")).to_have_count(0)


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_a_form_of_the_console_stays_as_it_was_typed_while_the_code_is_given_in_another_tab(sign_in: Callable[..., Any], javascript: bool) -> None:
    person = sign_in("deputy_dsl", fresh=True, javascript=javascript)
    page, name = person.go("settings/groups/new"), f"Group {word()}"
    page.fill("[name=name]", name)
    page.locator("[name=members]").first.check(force=True)
    long_ago(person)
    page.get_by_role("main").get_by_role("button", name="Save").click()
    expect(page.get_by_role("main")).to_contain_text("Nothing was done yet, and what you typed is still here.")
    expect(page.locator("[name=name]")).to_have_value(name)
    expect(page.locator("[name=members]").first).to_be_checked()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Use it in a new tab").click()
    show_again(opened.value, person)
    page.get_by_role("main").get_by_role("button", name="Save").click()
    expect(page.get_by_role("main").get_by_role("link", name=name)).to_be_visible()
