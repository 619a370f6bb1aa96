"""Who keeps sight of an incident whose class a DSL raises, and who is let go of it; what an alert to somebody opens to them."""

import html
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from safekeep.ids import new_id
from tests.journeys.api import Api
from tests.journeys.conftest import DESKTOP, PHONE
from tests.journeys.test_afterwards import record, word


def tell_typing(page: Page, name: str) -> None:
    """Add somebody by name as the page suggests them."""
    page.locator("#staff_q").press_sequentially(name.split()[-1])
    page.locator("#staff_q-list [role=option]", has_text=name).click()
    expect(page.locator("#who")).to_contain_text(name)


def tell(page: Page, name: str, *, why: str = "") -> None:
    """Add somebody by name to who will be sent it, in a browser without JavaScript."""
    page.fill("[name=staff_q]", name.split()[-1])
    page.get_by_role("button", name="Find people").click()
    page.get_by_label(re.compile(name)).first.check(force=True)
    page.fill("[name=staff_q]", "")
    page.get_by_role("button", name="Show who will be sent it").click()
    if why:
        page.locator(".sk-person").filter(has_text=name).get_by_label("Why do they need to know?").fill(why)


def name_of(person: Any) -> str:
    return str(person.page.locator(".sk-banner__person").inner_text())


def until_shown(page: Page, address: str, text: str) -> None:
    """Load a page until it shows something that an event brings."""
    for _ in range(100):
        page.goto(address)
        if page.get_by_text(text).count():
            return
    raise AssertionError(f"never shown: {text}")


def test_before_a_class_is_raised_the_dsl_says_of_each_who_keeps_it_and_who_lets_go(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    """Whose alert is unread is said; the coach keeps it by a grant; the office lets go, is left a line, and reads no more of it."""
    coach, office = sign_in("sports_coach", viewport=PHONE), sign_in("admin", viewport=PHONE)
    teacher = sign_in("teacher", viewport=PHONE, javascript=False)
    said, page = word(), teacher.go("incidents/new")
    page.locator("[name=pupil_id][value=holding]").check(force=True)
    page.fill("[name=described_pupil]", "A tall boy")
    page.locator("[name=kind][value=observation]").check(force=True)
    page.locator("[name=when][value=not_known]").check(force=True)
    page.fill("[name=narrative]", f"Pushed in the queue {said}.")
    page.locator("[name=category_codes][value=behaviour]").check(force=True)
    for person in (coach, office):
        tell(page, name_of(person), why="Sees him daily")
    page.locator("[data-record]").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Recorded")
    address = page.url.partition("/recorded")[0]
    until_shown(coach.page, address, said)
    until_shown(office.page, address, said)
    coach.page.get_by_role("button", name="Mark as read", exact=True).click()

    office.page.goto(f"{address}/actions/new")
    office.page.fill("[name=text]", "His bag was torn too.")
    begun = office.page.url
    expect(office.page.locator("[data-saved]")).to_contain_text("Saved as your draft")

    dsl = sign_in("dsl", viewport=DESKTOP).page
    dsl.goto(f"{address}/actions/new")
    dsl.fill("[name=text]", "Referred to children's social care.")
    dsl.locator("summary", has_text="Add a category").click()
    dsl.get_by_label("Child protection", exact=True).check(force=True)
    losing = dsl.get_by_role("region", name="These people will lose sight of it")
    expect(losing.get_by_role("group", name=f"Does {name_of(coach)} keep it?")).to_be_visible()
    cards = {person: losing.locator(".sk-card").filter(has_text=name_of(person)) for person in (coach, office)}
    expect(cards[coach]).to_contain_text("Was sent it, and has read it.")
    expect(cards[office]).to_contain_text("Was sent it, and has not read it yet.")
    expect(cards[office]).to_contain_text("the account of today at")
    expect(losing).not_to_contain_text(name_of(teacher))
    finds_nothing_wrong(dsl)

    dsl.locator("[data-record]").click()
    expect(dsl.locator(".govuk-error-summary")).to_contain_text("Say whether this person keeps it")
    cards[coach].get_by_label("Keeps it").check(force=True)
    for card in losing.locator(".sk-card").all():
        if not card.get_by_label("Keeps it").is_checked():
            card.get_by_label("Lets go of it").check(force=True)
    dsl.locator("[data-record]").click()
    expect(dsl.locator(".govuk-error-summary")).to_contain_text("Say why they need to know")
    dsl.get_by_label("Why do those who keep it need it?").fill("Coaches him on Tuesdays")
    dsl.get_by_label("Your line to those who let go of it").fill("I look after this now. Please tell me of anything new.")
    dsl.locator("[data-record]").click()
    dsl.wait_for_url(re.compile("#entry-"))

    coach.page.goto(address)
    expect(coach.page.get_by_role("main")).to_contain_text(said)
    office.page.goto(address)
    expect(office.page.get_by_role("heading", level=1)).to_have_text("Page not found")
    office.page.goto(begun)
    expect(office.page.get_by_role("heading", level=1)).to_have_text("You can no longer open this")
    expect(office.page.get_by_role("main")).to_contain_text("His bag was torn too.")
    finds_nothing_wrong(office.page)
    token = office.page.locator("[name=csrf_token]").first.input_value()
    contact = {"kind": "parent_contact", "text": "", "to": "Mother, by telephone", "answer": "She said <that> was right."}
    referral = {"kind": "referral", "text": "Rang them.", "to": "Children's services", "outcome": "They will ring back."}
    asked = {"kind": "asked", "text": "", "spoken_when": "today at break"}
    for form in (contact, referral, asked):  # written before, and sent now; then opened again as its draft
        at = f"{address}/actions/new/{new_id()}"
        sent = office.page.request.post(at, form=form | {"csrf_token": token, "do": "record"})
        for shown in (sent.text(), office.page.request.get(at).text()):
            assert "You can no longer open this" in shown, form
            for name, value in form.items():
                assert name == "kind" or html.escape(value).replace("&#x27;", "&#39;") in shown, (form, name)
    assert office.page.request.post(f"{address}/actions/new/{new_id()}", form={"csrf_token": token, "kind": "asked", "to": " "}).status == 404
    office.go("")
    lines = office.page.get_by_role("region", name="A DSL looks after it now").locator(".sk-card")
    line = lines.filter(has_text="Please tell me of anything new.").first
    expect(line).to_be_visible()
    finds_nothing_wrong(office.page)
    before = office.page.get_by_text("Please tell me of anything new.").count()
    line.get_by_role("button", name="I have read this").click()
    expect(office.page.get_by_text("Please tell me of anything new.")).to_have_count(before - 1)
    teacher.page.goto(address)
    expect(teacher.page.get_by_role("main")).to_contain_text(said)


def test_a_dsl_who_alerts_somebody_sees_what_that_opens_and_says_why(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    """To the teacher who recorded it the reason is there already; to anybody else the DSL has to give one, and sees which entries open."""
    teacher, pastoral = sign_in("teacher", viewport=PHONE, javascript=False), sign_in("pastoral", viewport=PHONE)
    said = word()
    address = record(teacher.go("pupils"), category_codes="safeguarding_concern", narrative=f"Said at lunch {said}.")
    dsl = sign_in("dsl", viewport=PHONE).page
    dsl.goto(f"{address}/actions/new")
    dsl.fill("[name=text]", "Thank you. Please watch at home time.")
    for person in (teacher, pastoral):
        tell_typing(dsl, name_of(person))
    cards = {person: dsl.locator(".sk-person").filter(has_text=name_of(person)) for person in (teacher, pastoral)}
    expect(cards[pastoral]).to_contain_text("Sending it lets them read what you write now, and:")
    expect(cards[pastoral]).to_contain_text("the account of today at")
    expect(cards[teacher]).to_contain_text("Sending it lets them read what you write now.")
    expect(cards[teacher].get_by_label("Why do they need to know?")).to_have_value("They wrote in it")
    finds_nothing_wrong(dsl)
    dsl.locator("[data-record]").click()
    expect(dsl.locator(".govuk-error-summary")).to_contain_text("Say why they need to know")
    cards[pastoral].get_by_label("Why do they need to know?").fill("Runs his mentoring group")
    dsl.locator("[data-record]").click()
    dsl.wait_for_url(re.compile("#entry-"))
    for person in (teacher, pastoral):
        person.page.goto(address)
        expect(person.page.get_by_role("main")).to_contain_text("Please watch at home time.")
        expect(person.page.get_by_role("main")).to_contain_text(said)


def test_a_dsl_chooses_beforehand_who_stands_in_where_it_is_the_child_of_every_dsl(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    """From settings: chosen with a reason, shown with by whom and when, ended; a leaver's and a DSL's name is not offered."""
    dsl = sign_in("dsl", viewport=PHONE, fresh=True)
    page = dsl.go("settings")
    page.get_by_role("link", name="When a pupil is the child of every DSL").click()
    name = name_of(sign_in("slt", viewport=PHONE))
    offered = page.get_by_label("Person", exact=True).locator("option").all_inner_texts()
    assert any(name in option for option in offered)
    assert not any(name_of(dsl) in option for option in offered)
    page.get_by_role("button", name="Let them stand in").click()
    expect(page.locator(".govuk-error-summary")).to_contain_text("Choose one")
    expect(page.locator(".govuk-error-summary")).to_contain_text("Say why")
    finds_nothing_wrong(page)
    page.get_by_label("Person", exact=True).select_option(label=next(option for option in offered if name in option))
    page.get_by_label("Why this person?").fill("The head")
    page.get_by_role("button", name="Let them stand in").click()
    card = page.get_by_role("region", name=name)
    expect(card).to_contain_text("The head")
    expect(card).to_contain_text(f"Chosen by {name_of(dsl)}, today at")
    finds_nothing_wrong(page)
    dsl.go("audit?kind=stand_in_given")
    card_in_log = page.get_by_role("main").filter(has_text=name)
    for _ in range(100):  # identity hears of it a moment later
        if card_in_log.count():
            break
        page.reload()
    expect(page.get_by_role("main")).to_contain_text(name)
    dsl.go("settings/own-child")
    card.get_by_role("button", name="End it").click()
    expect(page.get_by_role("status")).to_contain_text("Ended. It opens nothing to them any more.")
    expect(card).to_have_count(0)


def test_its_author_is_shown_no_later_class_nor_category_on_any_page_nor_by_the_program(sign_in: Callable[..., Any], system: dict[str, Any]) -> None:
    """The incident, the chronology and its filter, the pupil, home; the API's chronology. Whose role opens it sees what it became."""
    teacher, dsl = Api(system, "teacher"), Api(system, "dsl")
    pupil = teacher.get("/pupils?q=ol")["items"][0]["id"]
    sent = teacher.incident(pupil_id=pupil, category_codes=["behaviour"], alert={"groups": ["slt"], "staff_ids": []})
    assert teacher.call("POST", "/incidents", sent)[0] == 201
    raised = {"text": "Referred.", "category_codes": ["child_protection"], "alert": {"groups": ["safeguarding_team"]}}
    assert dsl.call("POST", f"/incidents/{sent['id']}/actions", raised)[0] == 201

    def by_program(who: Api, what: str = "") -> list[tuple[str, list[str]]]:
        items = who.get(f"/pupils/{pupil}/chronology{what}")["items"]
        return [(item["class_code"], item["categories"]) for item in items if item["id"] == sent["id"]]

    assert by_program(teacher) == by_program(teacher, "?category=behaviour") == [("general", ["behaviour"])]
    assert by_program(teacher, "?category=child_protection") == []
    assert by_program(dsl, "?category=child_protection") == [("protection", ["behaviour", "child_protection"])]
    assert teacher.get(f"/incidents/{sent['id']}")["class_code"] == "general"

    author, lead = sign_in("teacher", viewport=PHONE), sign_in("dsl")
    later = re.compile("Child protection|Protection")
    page = author.go(f"pupils/{pupil}/chronology")
    entry = page.locator(f".sk-entry:has(a[href*='{sent['id']}'])")
    expect(entry).to_contain_text("General")
    expect(entry).to_contain_text("Behaviour")
    expect(entry).not_to_contain_text(later)
    expect(lead.go(f"pupils/{pupil}/chronology").locator(f".sk-entry:has(a[href*='{sent['id']}'])").first).to_contain_text("Child protection")
    page = author.go(f"pupils/{pupil}/chronology?category=child_protection")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator(f".sk-entry:has(a[href*='{sent['id']}'])")).to_have_count(0)
    for path in (f"incidents/{sent['id']}", f"pupils/{pupil}", ""):
        page = author.go(path)
        expect(page.locator(f"a[href*='{sent['id']}']").first).to_be_visible()
        expect(page.get_by_role("main")).not_to_contain_text(later)
