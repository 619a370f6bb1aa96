"""What was not finished: a session that ran out, a page that is closed, a request that is declined."""

import re
import urllib.parse
from collections.abc import Callable
from typing import Any

import psutil
import psycopg
from playwright.sync_api import expect

from tests.journeys.api import Api
from tests.journeys.conftest import leads_to
from tests.journeys.test_afterwards import word


def test_a_session_that_ran_out_keeps_what_was_written_for_its_author_and_does_nothing_else(
    sign_in: Callable[..., Any], system: dict[str, Any]
) -> None:
    person = sign_in("sports_coach", javascript=False)
    page = person.go("incidents/new")
    secret = word()
    page.fill("[name=narrative]", f"She said {secret}.")
    writing = sign_in("sports_coach").go("incidents/new")  # and a page on which somebody goes on writing
    with psycopg.connect(system["admin_urls"]["identity"], autocommit=True) as database:
        query = "update sessions set created_at = created_at - interval '13 hours' where person_id = (select id from people where email = %s)"
        assert database.execute(query, (person.login["username"],)).rowcount >= 1
        told = "insert into revocations (id, at, person_id) select gen_random_uuid(), now(), id from people where email = %s"
        database.execute(told, (person.login["username"],))  # a gateway remembers a session for a minute
    leads_to(page.context.new_page(), f"{person.base}s/hillside/drafts", "/sign-in")
    writing.fill("[name=narrative]", f"He said {secret} too.")
    expect(writing.locator("[data-saved]")).to_contain_text("Your session has ended. What you write is still saved as your draft")
    page.locator("[data-record]").click()
    expect(page).to_have_url(re.compile("/sign-in"))
    page.fill("[name=username]", person.login["username"])
    page.fill("[name=password]", person.login["password"])
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.locator("[name=narrative]")).to_have_value(f"She said {secret}.")
    page.goto(writing.url)
    expect(page.locator("[name=narrative]")).to_have_value(f"He said {secret} too.")
    with psycopg.connect(system["admin_urls"]["incidents"]) as database:
        assert database.execute("select count(*) from entries where text like %s", (f"%{secret}%",)).fetchone() == (0,)


def test_a_locked_session_keeps_what_was_written_and_records_nothing(sign_in: Callable[..., Any], system: dict[str, Any]) -> None:
    """Locked in another tab while the form was open: what is sent then is kept for its author, who goes on with it once unlocked."""
    person = sign_in("pastoral", javascript=False)
    page = person.go("incidents/new")
    secret = word()
    page.fill("[name=narrative]", f"She said {secret}.")
    other = page.context.new_page()
    other.goto(f"{person.base}s/hillside/drafts")
    other.get_by_role("button", name="Lock").click()
    expect(other).to_have_url(re.compile("/unlock"))
    leads_to(other, f"{person.base}s/hillside/drafts", "/unlock")
    page.locator("[data-record]").click()
    expect(page).to_have_url(re.compile("/unlock"))
    assert secret not in page.content(), "a lock screen shows nothing of it"
    page.get_by_role("main").locator("[name=secret]").fill(person.login["password"])
    page.get_by_role("main").get_by_role("button", name="Unlock").click()
    expect(page.locator("[name=narrative]")).to_have_value(f"She said {secret}.")
    with psycopg.connect(system["admin_urls"]["incidents"]) as database:
        assert database.execute("select count(*) from entries where text like %s", (f"%{secret}%",)).fetchone() == (0,)


def test_a_form_is_saved_for_later_by_a_button_though_incidents_is_away(sign_in: Callable[..., Any], system: dict[str, Any]) -> None:
    """Drafts are kept by files: the page says so, and the words are there when incidents is back."""
    page = sign_in("teacher", javascript=False).go("incidents/new")
    said = word()
    page.fill("[name=narrative]", f"Half a sentence {said}")
    address = page.url
    incidents = psutil.Process(system["pids"]["incidents"])
    incidents.suspend()
    try:
        page.get_by_role("button", name="Save for later").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Your drafts")
        expect(page.get_by_role("main").locator(f"a[href*='{address.rpartition('/')[2]}']")).to_have_count(1)
    finally:
        incidents.resume()
    page.goto(address)
    expect(page.locator("[name=narrative]")).to_have_value(f"Half a sentence {said}")
    page.goto(address.partition("/incidents/")[0] + "/drafts")
    draft = page.get_by_role("listitem").filter(has=page.locator(f"a[href*='{address.rpartition('/')[2]}']"))
    draft.get_by_role("button").click()
    expect(page.get_by_role("main").locator(f"a[href*='{address.rpartition('/')[2]}']")).to_have_count(0)


def test_the_page_warns_before_it_is_closed_with_words_that_are_not_saved(sign_in: Callable[..., Any]) -> None:
    page = sign_in("teacher").go("incidents/new")
    page.context.set_offline(True)
    page.locator("[name=narrative]").press_sequentially("Not saved anywhere")
    saved = page.locator("[data-saved]")
    expect(saved).to_have_text(page.locator("form[data-draft]").get_attribute("data-say-unsaved") or "")
    with page.expect_event("dialog") as asked:
        page.close(run_before_unload=True)
    assert asked.value.type == "beforeunload"
    with page.expect_event("close"):
        asked.value.accept()


def test_a_dsl_who_declines_to_tell_somebody_leaves_them_with_nothing(sign_in: Callable[..., Any], system: dict[str, Any]) -> None:
    colleague = sign_in("pastoral", javascript=False)
    name = colleague.page.locator(".sk-banner__person").inner_text()
    teacher, dsl = Api(system, "teacher"), sign_in("dsl", javascript=False)
    person = next(p for p in teacher.get("/staff?q=" + urllib.parse.quote(name.split()[-1]))["items"] if p["name"] == name)
    sent = teacher.incident(alert={"groups": ["safeguarding_team"], "staff_ids": [], "ask_dsl": [person["id"]]})
    assert teacher.call("POST", "/incidents", sent)[0] == 201
    page = dsl.go(f"incidents/{sent['id']}")
    page.get_by_role("button", name="Do not").click()
    expect(page.get_by_text("You are asked to tell")).to_have_count(0)
    colleague.go(f"incidents/{sent['id']}")
    expect(colleague.page.get_by_role("heading", level=1)).to_have_text("Page not found")
