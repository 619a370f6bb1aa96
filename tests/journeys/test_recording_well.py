"""Help to record well, in a real browser: the coach, a child's own words, templates, several at once, dictation, nine taps."""

import html
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from gateway.coaching import SENTENCES
from safekeep.ids import new_id
from tests.coach.judging import entries, found
from tests.journeys.api import Api
from tests.journeys.conftest import DESKTOP, PHONE, pictured
from tests.journeys.test_afterwards import record
from tests.journeys.test_every_page import endpoints
from tests.journeys.walking import SECONDS_A_LETTER, SECONDS_A_PAGE, SECONDS_A_PRESS
from tests.make import GOOD_EXAMPLE

HER_WORDS = "I don't like my life anymore"
CHOIR = "This may be a question for a colleague. If you are worried about the child, send it as it is."


def test_the_coach_speaks_after_a_pause_and_is_silent_where_a_child_may_be_at_risk(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    page = sign_in("teacher", viewport=PHONE).go("incidents/new")
    expect(page.get_by_role("button", name="Check my words")).to_be_hidden()
    page.fill("[name=narrative]", "Sarah seemed upset and was obviously tired. She has had a few bruises. It was realy bad.")
    page.fill("[name=action_taken]", "Will ring mum tomorrow.")
    said = page.locator("#coach-text .sk-coach__said")
    expect(said).to_contain_text("What did you see or hear that makes you think so?", timeout=15_000)
    expect(said).to_contain_text("seemed · obviously")
    expect(page.locator("#coach-action_taken")).to_contain_text("This sounds planned.")
    expect(page.locator("[data-coach-count]")).to_contain_text("things you could look at again")
    finds_nothing_wrong(page)
    pictured(page, "coach-390")
    page.locator("[name=at_risk_now]").check(force=True)
    expect(said).to_have_count(0, timeout=15_000)
    expect(page.locator("#coach-action_taken .sk-coach__said")).to_have_count(0)
    page.locator("[name=at_risk_now]").uncheck(force=True)
    page.fill("[name=action_taken]", "Rang mum at 14:05.")
    page.fill("[name=narrative]", entries()[1].written.text)
    expect(page.locator("#coach-text li")).to_have_text([re.compile(re.escape(CHOIR))], timeout=15_000)
    assert page.locator("[name=narrative]").input_value() == entries()[1].written.text


def test_an_adult_of_the_school_named_as_who_did_it_shows_the_way_for_that(sign_in: Callable[..., Any]) -> None:
    page = sign_in("teacher", viewport=PHONE).go("incidents/new")
    with page.expect_response(re.compile("staff/suggest")) as found:
        page.locator("#staff_q").press_sequentially("te")
    colleague = found.value.json()["items"][0]["name"]
    page.fill("[name=narrative]", f'Sarah said, "{colleague} pushed me."')
    way = page.locator(".sk-coach__adult")
    expect(way).to_contain_text("Is this about an adult who works or volunteers here? Do not write it here", timeout=15_000)
    expect(way).to_contain_text("Local authority designated officer")
    expect(way.locator("q")).to_have_text(colleague)


def test_page_button_and_rules_agree_on_every_entry(sign_in: Callable[..., Any]) -> None:
    """What the page asks for as one types, what the button gives without JavaScript, and what the rules find.

    The adults of these entries are of no school here, and no pupil is chosen: what hangs on names is compared in tests/services/incidents/test_coach.py.
    """
    page = sign_in("teacher", viewport=PHONE, javascript=False).go("incidents/new")
    csrf = page.locator("[name=csrf_token]").first.get_attribute("value") or ""
    on_names = {"adult_of_school", "full_name"}

    def said(address: str, typed: dict[str, str]) -> list[str]:
        answer = page.request.post(address, form=typed, headers={"Origin": page.url.split("/s/")[0]})
        assert answer.status == 200, answer.status
        return [
            html.unescape(line)
            for line in re.findall(r"<li>(?:<span class=\"sk-coach__words\">.*?</span> )?(.*?)</li>", answer.text())
            if line in sentences
        ]

    sentences = {html.escape(str(sentence), quote=True).replace("&#x27;", "&#39;") for sentence in SENTENCES.values()}
    for entry in entries():
        written = entry.written
        typed = {"csrf_token": csrf, "kind": written.kind or "", "place": "The hall" if written.place_given else ""}
        typed |= {"when": "day", "when_date": "2026-03-03"} if written.time_given else {}
        typed |= {"text": written.text} if written.of == "action" else {"narrative": written.text, "action_taken": written.action_taken}
        by_page = said(page.url.rpartition("/new/")[0] + "/coach", typed)
        if written.of == "incident":
            assert by_page == said(page.url, typed | {"do": "coach"}), entry.number
        assert set(by_page) == {str(SENTENCES[rule]) for rule in found(entry) - on_names}, entry.number


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_her_own_words_are_marked_wherever_they_are_read(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], javascript: bool
) -> None:
    teacher = sign_in("teacher", viewport=PHONE, javascript=javascript)
    page = teacher.go("incidents/new")
    page.fill("[name=pupil_q]", "sarah")
    if javascript:
        page.get_by_role("option").first.wait_for()
        page.press("[name=pupil_q]", "Escape")  # else the list is before the button
    page.get_by_role("button", name="Find").first.click()
    page.locator("[name=pupil_id]").first.check(force=True)
    page.locator("[name=kind][value=conversation]").check(force=True)
    page.locator("[name=when]").first.check(force=True)
    page.fill("[name=narrative]", GOOD_EXAMPLE)
    page.locator("[name=category_codes][value=safeguarding_concern]").check(force=True)
    if not javascript:
        page.get_by_role("button", name="Check my words").click()
        expect(page.locator("#coach-text")).to_contain_text("Where did it happen?")
    page.get_by_role("checkbox", name=re.compile("I don't like my life")).check(force=True)
    page.get_by_role("main").get_by_role("button", name=re.compile("^Add incident")).last.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Recorded")
    dsl = sign_in("dsl", viewport=DESKTOP)
    seen = dsl.page
    seen.goto(page.url.removesuffix("/recorded"))
    expect(seen.locator(".sk-account .sk-child")).to_contain_text(HER_WORDS)
    expect(seen.locator(".sk-account")).to_contain_text("the child’s own words")
    if javascript:
        finds_nothing_wrong(seen)
    seen.get_by_role("link", name="Chronology").first.click()
    expect(seen.locator(".sk-entry .sk-child").first).to_contain_text(HER_WORDS)
    seen.get_by_role("link", name="Print").first.click()
    expect(seen.locator(".sk-entry .sk-child").first).to_contain_text(HER_WORDS)


def test_a_template_of_the_schools_starts_an_account(sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]) -> None:
    name = f"Parental contact {new_id().hex[-6:]}"
    page = sign_in("dsl", viewport=PHONE).go("settings/templates/new")
    page.get_by_role("main").get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_be_visible()
    finds_nothing_wrong(page)
    page.fill("[name=name]", name)
    page.fill("[name=text]", "Who rang, and when:\nWhat they said:\nWhat was agreed:")
    page.select_option("[name=category_code]", "parental_contact")
    page.get_by_role("main").get_by_role("button", name="Save").click()
    expect(page.get_by_role("main")).to_contain_text(name)
    finds_nothing_wrong(page)
    ends = time.monotonic() + 60
    page = sign_in("teacher", viewport=PHONE, javascript=False).go("incidents/new")
    while page.locator("#template-part label", has_text=name).count() == 0:  # each process of the gateway remembers a school for 30 seconds
        assert time.monotonic() < ends
        page.reload()
    page.fill("[name=narrative]", "Begun already.")
    page.locator("#template-part summary").click()
    page.get_by_label(name).check(force=True)
    page.get_by_role("button", name="Put it into the account").click()
    assert page.locator("[name=narrative]").input_value() == "Begun already.\n\nWho rang, and when:\nWhat they said:\nWhat was agreed:"
    expect(page.locator("[name=category_codes][value=parental_contact]")).to_be_checked()
    page.locator("#template-part summary").click()
    page.get_by_role("button", name="Put it into the account").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose one")


def test_a_dsl_records_one_after_the_other(sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]) -> None:
    """From the second on: a pupil, what happened, and the button."""
    page = sign_in("dsl", viewport=PHONE).go("incidents/several")
    page.get_by_role("main").get_by_role("button", name="Record and go to the next").last.click()
    expect(page.get_by_role("alert")).to_contain_text("Choose the pupil")
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"Recording as .+\. Not you\?"))
    finds_nothing_wrong(page)
    page.fill("[name=when_date]", "2026-03-03")
    page.select_option("[name=kind]", "observation")
    page.select_option("[name=category_codes]", "behaviour")
    for words in ("From paper: he left the room at 10:05.", "From paper: he came back at 10:20."):
        page.locator("#pupil_q").press_sequentially("sarah")
        page.locator("#pupil_q-list [role=option]").first.click()
        page.fill("[name=narrative]", words)
        expect(page.locator("#recipients li").first).to_be_visible()
        page.get_by_role("main").get_by_role("button", name="Record and go to the next").last.click()
        expect(page.locator("#done")).to_contain_text("is recorded")
        expect(page.locator("[name=when_date]")).to_have_value("2026-03-03")
        expect(page.locator("[name=category_codes]")).to_have_value("behaviour")
        expect(page.locator("[name=narrative]")).to_have_value("")
    finds_nothing_wrong(page)


FORMS = {  # where, and how many fields at least
    "incident": ("incidents/new", 8),
    "action": ("{incident}/actions/new", 1),
    "several": ("incidents/several", 3),
    "paper": ("paper/scan", 9),
    "body map": ("incidents/new", 4),
}


@pytest.mark.parametrize("form", FORMS)
def test_dictation_by_the_device_works_in_every_field(sign_in: Callable[..., Any], form: str) -> None:
    """A keyboard that puts words together (dictation, a language's own letters) sends composition events: nothing of ours gets in between."""
    person = sign_in("dsl" if form in ("several", "paper") else "teacher", viewport=PHONE)
    path, fewest = FORMS[form]
    page = person.go(path.replace("{incident}", record(person.go("incidents/new")).partition("/s/hillside/")[2]) if form == "action" else path)
    if form in ("incident", "paper"):
        page.locator("[name=pupil_id][value=holding]").check(force=True)
        page.locator("[name=told][value=told]").check(force=True)
    if form == "paper":
        page.locator("label[for=paper_who-other]").click()
    if form == "body map":
        page.get_by_role("button", name="Show it on a body map").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Body map")
    if form == "action":
        page.locator("[name=kind][value=phone_call]").check(force=True) if page.locator("[name=kind][value=phone_call]").count() else None
    session = page.context.new_cdp_session(page)
    main = "main form"
    fields = page.locator(f"{main} input[type=text]:visible, {main} input:not([type]):visible, {main} textarea:visible")
    names = [str(field.get_attribute("name")) for field in fields.all()]
    assert len(names) >= fewest, names
    for name in names:
        field = page.locator(f"{main} [name={name}]:visible").first
        field.focus()
        for so_far in ("Sarah", "Sarah was", "Sarah was crying"):
            session.send("Input.imeSetComposition", {"text": so_far, "selectionStart": len(so_far), "selectionEnd": len(so_far)})
        session.send("Input.insertText", {"text": "Sarah was crying"})
        expect(field).to_have_value("Sarah was crying")
    if form == "incident":
        expect(page.locator("[data-saved]")).to_contain_text("Saved as your draft")
        assert page.locator("[name=narrative]").input_value() == "Sarah was crying"


FREE_TEXT = """() => {
  for (const part of document.querySelectorAll("main details")) part.open = true;
  const sheet = new CSSStyleSheet();  // reveal.js hides them again as soon as anything on the page changes
  sheet.replaceSync("main [data-shown-if][data-shown-if][hidden] { display: block !important; }");
  document.adoptedStyleSheets = [sheet];
  const fields = [...document.querySelectorAll("main form input, main form textarea")].filter((field) =>
    ["text", "search", "textarea"].includes(field.type) && !field.disabled && !field.readOnly && field.checkVisibility());
  window.dictated = fields;
  return fields.map((field) => field.name || field.id);
}"""
"""Every field of a page's forms that takes free text, also those that another answer brings out."""


def dictate(page: Page) -> int:
    """Dictate into every field of a page that takes free text, and hold that each has what was said, then and at the end. Returns how many there are."""
    words = "Sarah was crying"
    session = page.context.new_cdp_session(page)
    names = page.evaluate(FREE_TEXT)
    for number, name in enumerate(names):
        page.evaluate("number => { window.dictated[number].focus(); window.dictated[number].select(); }", number)
        for so_far in ("Sarah", words):
            session.send("Input.imeSetComposition", {"text": so_far, "selectionStart": len(so_far), "selectionEnd": len(so_far)})
        session.send("Input.insertText", {"text": words})
        assert page.evaluate("number => window.dictated[number].value", number) == words, (page.url, name)
    page.wait_for_timeout(100)
    assert page.evaluate("() => window.dictated.map((field) => field.value)") == [words] * len(names), (page.url, names)
    session.detach()
    return len(names)


def forms() -> set[str]:
    """Return the addresses below a school's at which a page is shown and a form is sent, by the table of addresses: a form that comes is not forgotten."""
    got: dict[str, set[str]] = {}
    for rule in endpoints().map.iter_rules():
        got.setdefault(rule.rule, set()).update(rule.methods or ())
    return {path.removeprefix("/s/<slug>/") for path, methods in got.items() if path.startswith("/s/<slug>/") and {"GET", "POST"} <= methods}


OTHERS = {
    "incidents/<uuid:incident_id>/restriction/<uuid:restriction_id>/lift",  # one field, form.html's: its page is in test_corrections.py
    "notifications",  # buttons only
    "confirm-role",  # who waits for a role: test_signing_in.py
    "export/<scope>/<uuid:scope_id>/<uuid:export_id>",  # a password only
    *{"meetings/<uuid:meeting_id>", "meetings/reports/<uuid:report_id>"},  # the same fields as meetings/cycle has, and form.html's
    *{"reports/packs/<uuid:pack_id>/receipt", "reports/requests/<uuid:information_request_id>/nothing"},  # one field each, form.html's
    "reports/requests/<uuid:information_request_id>/record",
    *{
        "settings/categories/<code>",
        "settings/groups/<code>",
        "settings/templates/<code>",
        "sign-in-providers/<uuid:provider_id>",
    },  # as those of new ones
    *{"staff/<uuid:person_id>", "staff/<uuid:person_id>/address", "staff/<uuid:person_id>/close"},  # of names and addresses
}
"""Where nobody dictates what happened."""


def test_dictation_works_in_every_form_there_is(system: dict[str, Any], sign_in: Callable[..., Any]) -> None:
    """Also in reasons: why a file is blocked or destroyed, what a record says is, an incident restricted, a correction refused."""
    teacher, author = Api(system, "teacher"), sign_in("teacher", viewport=PHONE)
    file = teacher.upload(f"{new_id()}.txt", b"He said he was fine.")["id"]
    status, recorded = teacher.call("POST", "/incidents", teacher.incident(file_ids=[file]))
    assert status == 201
    about, pupil = f"incidents/{recorded['id']}", teacher.get("/pupils?q=sarah")["items"][0]["id"]
    asking = author.go(f"{about}/entries/{recorded['id']}/request")
    asked = asking.url.rpartition("/")[2]
    done = {"incidents/<uuid:incident_id>/entries/<uuid:entry_id>/request/<uuid:request_id>": dictate(asking)}
    asking.get_by_role("button", name="Ask the DSLs").click()
    expect(asking).to_have_url(re.compile("corrections#mine$"))
    unlisted = record(author.go("incidents/new")).rpartition("/")[2]

    dsl = sign_in("dsl", viewport=PHONE, fresh=True)
    places = {
        "incidents/<uuid:incident_id>/requests/<uuid:request_id>": f"{about}/requests/{asked}",
        "incidents/<uuid:incident_id>/entries/<uuid:entry_id>/correction/<uuid:correction_id>": f"{about}/entries/{recorded['id']}/correction",
        "incidents/<uuid:incident_id>/actions/new/<uuid:action_id>": f"{about}/actions/new",
        "incidents/<uuid:incident_id>/pupil/<uuid:entry_id>": f"incidents/{unlisted}/pupil",
        "incidents/<uuid:incident_id>/status/<uuid:pupil_id>/<uuid:entry_id>": f"{about}/status/{pupil}",
        "incidents/<uuid:incident_id>/files/<uuid:file_id>/block": f"{about}/files/{file}/block",
        "incidents/<uuid:incident_id>/destruction/<uuid:destruction_id>": f"{about}/destruction",
        "incidents/<uuid:incident_id>/restriction/<uuid:restriction_id>": f"incidents/{unlisted}/restriction",
        "incidents/new/<uuid:incident_id>": "incidents/new",
        "incidents/new/<uuid:incident_id>/body-map": "",  # above, where a mark needs a press first
        "pupils/<uuid:pupil_id>/chronology": f"pupils/{pupil}/chronology",
        "pupils/<uuid:pupil_id>/family/change": f"pupils/{pupil}/family/change",
        "pupils/<uuid:pupil_id>/flags/<uuid:flag_id>": f"pupils/{pupil}/flags/new",
        "pupils/<uuid:pupil_id>/pack": f"pupils/{pupil}/pack?kind=transfer",
    }
    for form in forms() - OTHERS:
        place = places.get(form, form)
        if "<" not in place and place:
            done[form] = dictate(dsl.go(place))
            assert dsl.page.locator("main form").count(), (place, dsl.page.get_by_role("main").inner_text()[:200])
    for kind in ("asked", "parent_contact", "referral", "not_referred"):
        assert dictate(dsl.go(f"{about}/actions/new?kind={kind}")), kind
    assert dictate(dsl.go(f"{about}/actions/new?reply=yes"))
    assert dictate(dsl.go("paper/scan")) >= 4

    page = dsl.go(f"{about}/files/{file}/block")
    dictate(page)
    page.get_by_role("button", name="Block it now").click()
    expect(page.get_by_role("main")).to_contain_text("This file was blocked on")
    page = dsl.go(f"{about}/destruction")
    dictate(page)
    page.get_by_label("By order").check(force=True)
    page.get_by_role("button", name="Propose it").click()
    expect(page).to_have_url(re.compile("/decide$"))
    done["incidents/<uuid:incident_id>/destruction/<uuid:destruction_id>/decide"] = dictate(page)
    page.get_by_role("button", name="Take it back").click()
    expect(page).to_have_url(re.compile(f"{about}$"))
    done["incidents/<uuid:incident_id>/files/<uuid:file_id>/decide"] = dictate(
        sign_in("deputy_dsl", viewport=PHONE).go(f"{about}/files/{file}/decide")
    )
    print(sorted((many, form) for form, many in done.items()))
    assert sum(many > 0 for many in done.values()) > 25
    assert {*done} | OTHERS | {"incidents/new/<uuid:incident_id>/body-map"} == forms()


def test_from_add_incident_to_recorded_are_nine_taps_at_most(sign_in: Callable[..., Any]) -> None:
    """Typing aside: a tap into each field that is typed in, one on each thing chosen. Within a minute, by how fast people type on telephones."""
    page = sign_in("teacher", viewport=PHONE).go("")
    taps, began, account = 0, time.monotonic(), "In the hall at 12:40 Sarah put her head on the table and cried. She did not want to talk."

    def tap(where: Any) -> None:
        nonlocal taps
        where.click(force=True)
        taps += 1

    tap(page.locator(".sk-bar__add"))
    tap(page.locator("#pupil_q"))
    page.keyboard.type("sarah")
    tap(page.locator("#pupil_q-list [role=option]").first)
    tap(page.locator("[name=kind][value=observation]"))
    tap(page.locator("[name=when][value=now]"))
    tap(page.locator("[name=narrative]"))
    page.keyboard.type(account)
    tap(page.locator("[name=category_codes][value=welfare]"))
    expect(page.locator("[data-record]")).to_have_text(re.compile("and alert"))
    tap(page.locator("[data-record]"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Recorded")
    assert taps <= 9
    machine = time.monotonic() - began
    person = taps * SECONDS_A_PRESS + (len("sarah") + len(account)) * SECONDS_A_LETTER + 2 * SECONDS_A_PAGE
    print(f"\na concern in {taps} taps: {machine:.1f} s of pages here; a person would take about {person:.0f} s")
    assert person < 60


BAD: dict[str, tuple[dict[str, str], str]] = {
    "a control character": ({"narrative": "a\x07b"}, ""),
    "a direction override": ({"narrative": "a\u202eb"}, ""),
    "more than 20,000": ({"narrative": "a " * 10_001}, ""),
    "a passage that is too long": ({"narrative": "Said.", "child_words": "b" * 20_001}, ""),
    "a pupil that is none": ({"narrative": "Said.", "pupil_id": "x"}, ""),
    "a kind that is none": ({"narrative": "Said.", "kind": "rumour"}, ""),
    "a time that is none": ({"narrative": "Said.", "when": "exact", "when_date": "no", "when_time": "25:00"}, ""),
    "a template that is none": ({"narrative": "Said.", "do": "template", "template": "nothing"}, "Choose one"),
    "HTML in a passage": ({"narrative": 'She said, "<b>no</b>".', "child_words": "<b>no</b>"}, ""),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_gets_no_failure_and_loses_no_word(sign_in: Callable[..., Any], what: str) -> None:
    typed, sentence = BAD[what]
    page = sign_in("teacher", viewport=PHONE, javascript=False).go("incidents/new")
    csrf = page.locator("[name=csrf_token]").first.get_attribute("value") or ""
    sent = {"csrf_token": csrf, "do": "coach", **typed}
    headers = {"Origin": page.url.split("/s/")[0]}
    answer = page.request.post(page.url, form=sent, headers=headers)
    assert answer.status in {200, 422}
    assert sentence in answer.text()
    shown = page.request.post(page.url.rpartition("/new/")[0] + "/coach", form={n: v for n, v in sent.items() if n != "do"}, headers=headers)
    assert shown.status == 200
    page.set_content(answer.text())
    assert page.locator("[name=narrative]").input_value() == typed["narrative"]
    assert page.locator("#coach-text b").count() == 0
