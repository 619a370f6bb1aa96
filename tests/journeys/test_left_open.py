"""What was not finished: a session that ran out, a page that is closed, a request that is declined."""

import datetime as dt
import re
import urllib.parse
from collections.abc import Callable
from typing import Any

import psutil
import psycopg
from playwright.sync_api import Page, expect

from deploy.demo.people import id_of
from safekeep.ids import new_id
from tests.journeys.api import Api
from tests.journeys.conftest import PHONE, Person, leads_to, pictured
from tests.journeys.test_afterwards import record, word
from tests.journeys.test_recording_page import GOOD, send


def run_out(person: Person) -> None:
    """Have this person's sessions begin longer ago than one may last."""
    with psycopg.connect(person.system["admin_urls"]["identity"], autocommit=True) as database:
        query = "update sessions set created_at = created_at - interval '13 hours' where person_id = (select id from people where email = %s)"
        assert database.execute(query, (person.login["username"],)).rowcount >= 1
        told = "insert into revocations (id, at, person_id) select gen_random_uuid(), now(), id from people where email = %s"
        database.execute(told, (person.login["username"],))  # a gateway remembers a session for a minute
    leads_to(person.page.context.new_page(), f"{person.base}s/hillside/drafts", "/sign-in")


def thrown_away(page: Page, address: str) -> None:
    """Throw away the draft of a form, as from another tab."""
    place, _, draft = address.partition("/incidents/")
    token = page.locator("[name=csrf_token]").first.input_value()
    done = page.request.post(f"{place}/drafts/{draft.rpartition('/')[2]}/discard", form={"csrf_token": token})
    assert done.status == 200


ENDED, TOO_LONG = (
    "It was recorded or thrown away, so it is not kept as a draft. Your text is still on this page",
    "This is too long to be kept as a draft",
)


def test_whatever_button_is_pressed_the_words_of_a_draft_that_ended_or_is_too_long_come_back(sign_in: Callable[..., Any]) -> None:
    """Also of those that only keep it: Save for later, Not you, and going on to the body map; and below an incident."""
    page = sign_in("dsl", javascript=False).go("pupils")
    token = page.locator("[name=csrf_token]").first.input_value()
    incident = record(page, category_codes="behaviour")
    place = incident.partition("/incidents/")[0]
    for address, words, buttons in (
        (f"{place}/incidents/new/{new_id()}", "narrative", ("save", "not_me", "body_map")),
        (f"{incident}/actions/new/{new_id()}", "text", ("save",)),
    ):
        form = {"csrf_token": token, words: f"Half a sentence {word()}", "staff_q": ""}
        assert page.request.post(address, form=form | {"do": "save"}).status == 200
        for button in buttons:
            answer = page.request.post(address, form=form | {"do": button, "staff_q": "x" * 200_000})
            assert (answer.status, TOO_LONG in answer.text(), form[words] in answer.text()) == (422, True, True), (words, button)
        thrown_away(page, address)
        for button in buttons:
            answer = page.request.post(address, form=form | {"do": button})
            assert (answer.status, ENDED in answer.text()) == (409, True), (words, button)
            assert re.search(rf'<textarea [^>]*name="{words}"[^>]*>\s*{form[words]}</textarea>', answer.text()), (words, button)


def test_a_session_that_ran_out_gives_the_words_back_where_they_cannot_be_kept(sign_in: Callable[..., Any]) -> None:
    person = sign_in("sports_coach", javascript=False)
    page = person.go("incidents/new")
    token, incident = page.locator("#record [name=csrf_token]").input_value(), record(page)
    forms = {page.url: "narrative", f"{incident}/actions/new/{new_id()}": "text"}
    for address, words in forms.items():
        assert page.request.post(address, form={"csrf_token": token, words: "Half", "do": "save"}).status == 200
        thrown_away(page, address)
    run_out(person)
    for address, words in forms.items():
        form = {"csrf_token": token, words: f"Half a sentence {word()}", "do": "record"}
        for more, status in (({}, 409), ({"staff_q": "x" * 200_000}, 422)):
            answer = page.request.post(address, form=form | more)
            assert (answer.status, "It is only on this page: do not close it" in answer.text()) == (status, True), words
            assert re.search(rf'<textarea [^>]*name="{words}"[^>]*>\s*{form[words]}</textarea>', answer.text()), (words, status)
            assert "Try again</button>" not in answer.text(), "that would come to the same"


def test_a_session_that_ran_out_keeps_what_was_written_for_its_author_and_does_nothing_else(
    sign_in: Callable[..., Any], system: dict[str, Any]
) -> None:
    person = sign_in("sports_coach", javascript=False)
    page = person.go("incidents/new")
    secret = word()
    page.fill("[name=narrative]", f"She said {secret}.")
    writing = sign_in("sports_coach").go("incidents/new")  # and a page on which somebody goes on writing
    run_out(person)
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


def signed_in_again(page: Page, login: dict[str, Any], base: str) -> None:
    """Sign in by password at this page."""
    page.goto(f"{base}sign-in")
    page.fill("[name=username]", login["username"])
    page.fill("[name=password]", login["password"])
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "sign-in" not in url)


def test_a_form_of_an_earlier_session_comes_back_with_its_words_and_records_nothing_before_it_was_seen(
    sign_in: Callable[..., Any], system: dict[str, Any]
) -> None:
    """Open overnight, while its author signed in anew in another tab; and where somebody else did, it says who would send it."""
    person = sign_in("sports_coach", javascript=False)
    other_login = next(x for x in system["logins"] if (x["role"], x["school"]) == ("pastoral", "Hillside Primary"))
    for login in (person.login, other_login):
        page, secret = person.go("incidents/new"), word()
        page.fill("[name=narrative]", f"She said {secret}.")
        page.locator("[name=place]").fill(f"By the {secret} gate")
        signed_in_again(page.context.new_page(), login, person.base)
        name = page.context.pages[-1].locator(".sk-banner__person").inner_text()
        page.locator("[data-record]").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("This page was open too long")
        expect(page.get_by_role("main")).to_contain_text(f"You are signed in as {name}.")
        expect(page.locator("[name=narrative]")).to_have_value(f"She said {secret}.")
        expect(page.locator("[name=place]")).to_have_value(f"By the {secret} gate")
        page.get_by_role("main").get_by_role("button", name="Go on").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Add incident")
        expect(page.get_by_role("main")).to_contain_text(f"Recording as {name}.")
        expect(page.locator("[name=narrative]")).to_have_value(f"She said {secret}.")
        expect(page.locator("[name=place]")).to_have_value(f"By the {secret} gate")
        with psycopg.connect(system["admin_urls"]["incidents"]) as database:
            assert database.execute("select count(*) from entries where text like %s", (f"%{secret}%",)).fetchone() == (0,)
        signed_in_again(page.context.new_page(), person.login, person.base)


def test_a_page_of_an_earlier_session_says_that_it_is_not_saved_and_its_button_gives_the_words_back(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    person = sign_in("sports_coach")
    page, secret = person.go("incidents/new"), word()
    signed_in_again(page.context.new_page(), person.login, person.base)
    page.fill("[name=narrative]", f"She said {secret}.")
    expect(page.locator("[data-saved]")).to_contain_text("Not saved. You have signed in again since you opened this page")
    page.locator("[data-record]").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This page was open too long")
    finds_nothing_wrong(page)
    page.get_by_role("main").get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Add incident")
    expect(page.locator("[name=narrative]")).to_have_value(f"She said {secret}.")


def test_what_does_not_say_that_it_comes_from_a_page_of_ours_is_given_no_token(sign_in: Callable[..., Any]) -> None:
    page = sign_in("sports_coach", javascript=False).go("incidents/new")
    address, base = page.url, page.url.partition("/s/")[0]
    form = {"csrf_token": "0" * 64, "narrative": "Half a sentence", "do": "record"}
    for headers, comes_back, is_sent_on in (
        ({}, True, False),
        ({"Origin": base}, True, True),
        ({"Sec-Fetch-Site": "same-origin"}, True, True),
        ({"Origin": "null"}, True, False),
        ({"Origin": "https://elsewhere.example"}, False, False),
        ({"Sec-Fetch-Site": "cross-site"}, False, False),
        ({"Sec-Fetch-Site": "same-site", "Origin": base}, False, False),
    ):
        answer = page.request.post(address, form=form, headers=headers)
        found = answer.status, "Half a sentence" in answer.text(), 'name="narrative"' in answer.text() and "Go on</button>" in answer.text()
        assert found == (400, comes_back, is_sent_on), headers


def test_a_form_sent_after_signing_out_elsewhere_comes_back_and_goes_on_once_signed_in(sign_in: Callable[..., Any]) -> None:
    person = sign_in("sports_coach", javascript=False, fresh=True)
    page, secret = person.go("incidents/new"), word()
    page.fill("[name=narrative]", f"She said {secret}.")
    other = page.context.new_page()
    other.goto(f"{person.base}s/hillside/drafts")
    other.get_by_role("button", name="Sign out").click()
    expect(other).to_have_url(re.compile("/sign-in"))
    page.locator("[data-record]").click()
    expect(page.locator("[name=narrative]")).to_have_value(f"She said {secret}.")
    expect(page.get_by_role("main").get_by_role("link", name="Sign in, or unlock, in a new tab")).to_be_visible()
    signed_in_again(other, person.login, person.base)
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("main").get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Add incident")
    expect(page.locator("[name=narrative]")).to_have_value(f"She said {secret}.")


def test_what_was_typed_for_one_kind_of_action_is_there_when_it_is_chosen_again_and_is_recorded_with_no_other(
    sign_in: Callable[..., Any], system: dict[str, Any]
) -> None:
    """Also from the draft that was kept meanwhile."""
    person = sign_in("deputy_dsl", javascript=False)
    page = person.go("pupils")
    incident, said = record(page, category_codes="welfare"), word()
    page.goto(f"{incident}/actions/new?kind=parent_contact")
    choose = {
        label: page.get_by_role("main").get_by_role("button", name=label, exact=True)
        for label in ("Contact with parents", "Referral", "Ask somebody")
    }
    page.locator("[name=parent_told][value=yes]").check(force=True)
    page.fill("[name=answer]", f"She said\n{said}.")
    page.fill("[name=to]", "Mother")
    choose["Referral"].click()
    page.fill("[name=outcome]", f"They will ring about {said}.")
    choose["Ask somebody"].click()
    page.fill("[name=spoken_when]", f"at break, of {said}")
    page.get_by_role("button", name="Save for later").click()
    page.get_by_role("main").locator(f"a[href*='{incident.rpartition('/')[2]}']").first.click()
    expect(page.locator("[name=spoken_when]")).to_have_value(f"at break, of {said}")
    choose["Referral"].click()
    expect(page.locator("[name=outcome]")).to_have_value(f"They will ring about {said}.")
    choose["Contact with parents"].click()
    expect(page.locator("[name=answer]")).to_have_value(f"She said\n{said}.")
    expect(page.locator("[name=parent_told][value=yes]")).to_be_checked()
    expect(page.locator("[name=to]")).to_have_value("Mother")
    choose["Ask somebody"].click()
    page.fill("[name=text]", f"Please watch {said}")
    page.locator("[name=owner_id]").select_option(index=1)
    page.fill("[name=due_on]", (dt.date.today() + dt.timedelta(days=7)).isoformat())
    page.locator("[name=spoken][value=yes]").check(force=True)
    page.locator("[data-record]").click()
    page.locator("[data-record]").click() if "/actions/new/" in page.url else None
    expect(page.get_by_role("main")).to_contain_text(f"Please watch {said}")
    expect(page).to_have_url(re.compile("#entry-"))
    assert f"They will ring about {said}" not in page.content()
    assert f"She said\n{said}" not in page.content()


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
    page.wait_for_load_state()
    assert secret not in page.content(), "a lock screen shows nothing of it"
    page.get_by_role("main").locator("[name=secret]").fill(person.login["password"])
    page.get_by_role("main").get_by_role("button", name="Unlock").click()
    expect(page.locator("[name=narrative]")).to_have_value(f"She said {secret}.")
    with psycopg.connect(system["admin_urls"]["incidents"]) as database:
        assert database.execute("select count(*) from entries where text like %s", (f"%{secret}%",)).fetchone() == (0,)


def stopped_from_reading(person: Person, *, slug: str) -> None:
    """Have this person opened so much, nearly an hour ago, that nothing more of the record opens for a minute and a half."""
    with psycopg.connect(person.system["admin_urls"]["identity"]) as database:
        found = database.execute("select id from people where email = %s", (person.login["username"],)).fetchone()
    assert found
    opened = """insert into openings (school_id, id, person_id, at, kind, entry_ids, words, reason, refused, own_child)
        select %s, gen_random_uuid(), %s, now() - interval '58 minutes 30 seconds', 'incident', '{}', '', '', false, false from generate_series(1, 300)"""
    with psycopg.connect(person.system["admin_urls"]["incidents"], autocommit=True) as database:
        database.execute(opened, (id_of("school", slug), found[0]))


def test_whoever_is_stopped_for_reading_much_records_is_told_that_it_is_recorded_and_loses_no_words(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    """A form opened again shows itself; what is written below an incident is kept and given back; the page says when it opens again."""
    person = sign_in("slt", school="Kingsmead Academy", javascript=False, fresh=True)
    page, there, secret = person.page, f"{person.base}s/kingsmead", word()
    page.goto(f"{there}/pupils")
    token = page.locator("[name=csrf_token]").first.input_value()
    about = GOOD | {"csrf_token": token, "pupil_id": "holding", "described_pupil": "A tall boy", "category_codes": "behaviour", "do": "record"}
    before = send(page, f"{there}/incidents/new/{new_id()}", about).url.partition("/recorded")[0]
    stopped_from_reading(person, slug="kingsmead")
    shut = page.request.get(before)
    assert (shut.status, "You have opened very much" in shut.text(), "The earliest it opens again:" in shut.text()) == (429, True, True)

    page.goto(f"{there}/incidents/new")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Add incident")
    done = send(page, page.url, about | {"narrative": f"She said {secret}."})
    assert (done.status, "/recorded" in done.url) == (200, True)
    page.goto(done.url)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Recorded")
    expect(page.locator(".sk-number")).to_contain_text(re.compile(r"Incident \d{4}-\d{4}"))
    expect(page.get_by_role("main")).to_contain_text("You have opened more of the record than usual")
    for dark in (False, True):
        seen = sign_in("slt", school="Kingsmead Academy", viewport=PHONE, dark=dark).page
        seen.goto(done.url)
        expect(seen.get_by_role("heading", level=1)).to_contain_text("Recorded")
        finds_nothing_wrong(seen)
        pictured(seen, f"recorded-shut-390-{'dark' if dark else 'light'}")
        seen.goto(before)
        finds_nothing_wrong(seen)
        pictured(seen, f"shut-390-{'dark' if dark else 'light'}")
    page.goto(done.url.partition("/recorded")[0].replace("/incidents/", "/incidents/new/"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Recorded")

    action = f"{before}/actions/new/{new_id()}"
    words = {"kind": "parent_contact", "text": f"Rang home about {secret}.", "answer": f"She knew of {secret}.", "to": "Mother"}
    answer = page.request.post(action, form={"csrf_token": token, "do": "record", **words})
    assert answer.status == 429
    for name, value in words.items():
        assert name == "kind" or re.search(rf'<textarea [^>]*name="{name}"[^>]*>\s*{re.escape(value)}</textarea>', answer.text()), name
    assert "It is kept as a draft" in answer.text()
    page.goto(f"{there}/drafts")
    expect(page.get_by_role("main").locator(f"a[href*='{action.rpartition('/')[2]}']")).to_have_count(1)
    asked = page.request.post(
        f"{before}/entries/{before.rpartition('/')[2]}/request/{new_id()}", form={"csrf_token": token, "wrong": f"Not {secret}"}
    )
    assert (asked.status, f"Not {secret}" in asked.text(), "Try again</button>" in asked.text()) == (429, True, True)


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
