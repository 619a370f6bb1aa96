"""Who is told: a school's own groups, from making one to whoever was in it reading why; and the browsers that tell somebody."""

import base64
import os
import re
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Locator, Page, expect

from safekeep.ids import new_id
from tests.journeys.conftest import DESKTOP, PHONE
from tests.journeys.test_afterwards import pupils, word
from tests.journeys.test_following import BOTH, press
from tests.journeys.test_keyboard import Keys
from tests.journeys.test_recording_page import GOOD, send

SCHOOL = "Kingsmead Academy"


def go(person: Any, path: str) -> Page:
    page: Page = person.page
    page.goto(f"{person.base}s/kingsmead/{path}")
    return page


def main(page: Page) -> Locator:
    return page.get_by_role("main")


def name_of(person: Any) -> str:
    return (person.page.locator(".sk-banner__person").text_content() or "").strip()


@BOTH
def test_a_group_of_the_schools_own_is_made_alerted_and_changed_and_who_was_in_it_sees_why(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, javascript: bool
) -> None:
    """Two browsers: a DSL puts the pastoral lead into a group; a teacher sees by name whom it tells, and sends; the pastoral lead reads why."""
    dsl = sign_in("dsl", viewport=viewport, javascript=javascript, school=SCHOOL)
    pastoral = sign_in("pastoral", viewport=viewport, javascript=javascript, school=SCHOOL)
    go(pastoral, "inbox")
    name, group = name_of(pastoral), f"Group {word()}"
    page = go(dsl, "settings/groups/new")
    if javascript:
        finds_nothing_wrong(page)
    press(page, "Save")
    expect(page.locator("#name-error")).to_contain_text("Write the name")
    page.get_by_label("Name", exact=True).fill(group)
    member = page.get_by_role("checkbox", name=re.compile(f"^{re.escape(name)}, "))
    member.check(force=True)
    press(page, "Save")
    card = main(page).get_by_role("listitem").filter(has_text=group)
    expect(card).to_contain_text(name)
    if javascript:
        finds_nothing_wrong(page)
    try:
        teacher = sign_in("teacher", viewport=viewport, javascript=javascript, school=SCHOOL)
        offered = teacher.page.get_by_role("checkbox", name=group)
        for _ in range(80):  # a gateway remembers a school's groups for half a minute
            theirs = go(teacher, "incidents/new")
            if offered.count():
                break
            theirs.wait_for_timeout(500)
        theirs.locator("[name=pupil_id][value=holding]").check(force=True)
        theirs.fill("[name=described_pupil]", "A tall boy")
        theirs.locator("[name=kind][value=observation]").check(force=True)
        theirs.locator("[name=when][value=not_known]").check(force=True)
        theirs.fill("[name=narrative]", "He pushed another boy twice.")
        theirs.locator("[name=category_codes][value=behaviour]").check(force=True)
        offered.check(force=True)
        for _ in range(20 if javascript else 0):  # the group comes to incidents by an event, and the page asks when something is chosen
            theirs.wait_for_timeout(500)
            if name in theirs.locator("#recipients").inner_text():
                break
            offered.uncheck(force=True)
            offered.check(force=True)
        for _ in range(2):
            if javascript:
                expect(theirs.locator("#recipients")).to_contain_text(name)
            with theirs.expect_navigation():
                theirs.locator("[data-record]").click()
            if theirs.url.endswith("/recorded"):
                break
            expect(theirs.locator("#recipients")).to_contain_text(name)
            expect(theirs.locator("#recipients")).to_contain_text(group)
        expect(theirs.get_by_role("heading", level=1)).to_contain_text("Recorded")
        expect(main(theirs).get_by_role("listitem").filter(has_text=name)).to_contain_text(re.compile(f"{group}|a group of the school"))
        incident = theirs.url.removesuffix("/recorded").rpartition("/")[2]

        row = main(pastoral.page).locator(f".sk-row a[href*='{incident}']")
        for _ in range(40):  # the alert comes within a second; without JavaScript the page is asked for again
            go(pastoral, "inbox")
            if row.count():
                break
            pastoral.page.wait_for_timeout(250)
        row.click()
        expect(main(pastoral.page)).to_contain_text("He pushed another boy twice.")
        for _ in range(80):
            if group in pastoral.page.locator("#told").inner_text():
                break
            pastoral.page.wait_for_timeout(500)
            pastoral.page.reload()
        expect(pastoral.page.locator("#told")).to_contain_text(group)
        if javascript:
            finds_nothing_wrong(pastoral.page)
    finally:
        page = go(dsl, "settings/groups")
        card.get_by_role("link", name=group).click()
        member.uncheck(force=True)
        press(page, "Save")
    expect(card).to_contain_text("nobody is in it, so it tells nobody")


def test_a_group_is_made_by_keyboard_alone(sign_in: Callable[..., Any]) -> None:
    dsl = sign_in("dsl", viewport=DESKTOP, school=SCHOOL)
    page, keys, group = go(dsl, "settings/groups"), Keys(dsl.page), f"Group {word()}"
    keys.to_text("^Add a group$")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Add a group")
    keys.to_field("name")
    page.keyboard.type(group)
    keys.to_field("members")
    page.keyboard.press("Space")
    keys.to(lambda at: at["text"] == "Save", most=400)
    page.keyboard.press("Enter")
    card = main(page).get_by_role("listitem").filter(has_text=group)
    expect(card).to_be_visible()
    card.get_by_role("link").click()
    page.locator("[name=members]:checked").uncheck(force=True)
    press(page, "Save")


# --- family on the staff ------------------------------------------------------------------------------------------------


@BOTH
def test_a_dsl_enters_who_on_the_staff_is_a_pupils_family_and_they_find_nothing_of_it_any_more(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, javascript: bool
) -> None:
    """Two browsers: SLT opens the incident by their role until the DSL has entered them, and again when they are taken off."""
    dsl = sign_in("dsl", viewport=viewport, javascript=javascript, school=SCHOOL)
    slt = sign_in("slt", viewport=viewport, javascript=javascript, school=SCHOOL)
    page = go(dsl, "pupils")
    pupil = next(p["id"] for p in pupils(page, "am", slug="kingsmead") if "Nobody is entered." in go(dsl, f"pupils/{p['id']}/family").content())
    go(dsl, "pupils")
    form = GOOD | {
        "csrf_token": page.locator("[name=csrf_token]").first.input_value(),
        "do": "record",
        "pupil_id": pupil,
        "category_codes": "welfare",
    }
    done = send(page, f"{dsl.base}s/kingsmead/incidents/new/{new_id()}", form)
    assert done.url.endswith("/recorded")
    incident = done.url.removesuffix("/recorded")
    assert slt.page.request.get(incident).status == 200
    go(slt, "inbox")
    name = name_of(slt)

    go(dsl, f"pupils/{pupil}/family/change")
    assert len(page.locator("#entered option").all_inner_texts()) > 20
    assert not [said for said in page.locator("#entered option").all_inner_texts() if "Deputy DSL" in said], "they enter themselves"
    choice = page.locator("#entered option", has_text=name).first.get_attribute("value")
    page.locator("#entered").select_option(choice)
    press(page, "Save")
    family = page.locator("#family")
    expect(family).to_contain_text(name)
    if javascript:
        finds_nothing_wrong(page)
    try:
        assert slt.page.request.get(incident).status == 404
        again = send(page, f"{dsl.base}s/kingsmead/incidents/new/{new_id()}", form | {"groups": "slt"})
        left_out = f"{name} was not sent it: it is about them, or their own child is in it."
        page.goto(again.url.removesuffix("/recorded"))
        expect(main(page)).to_contain_text(left_out)
        teacher = sign_in("teacher", viewport=viewport, javascript=javascript, school=SCHOOL)
        theirs = go(teacher, "pupils")
        token = theirs.locator("[name=csrf_token]").first.input_value()
        told = send(theirs, f"{dsl.base}s/kingsmead/incidents/new/{new_id()}", form | {"groups": "slt", "csrf_token": token})
        own = told.url.removesuffix("/recorded")
        theirs.goto(own)
        expect(main(theirs)).not_to_contain_text("was not sent it")
        page.goto(own)
        expect(main(page)).to_contain_text(left_out)
    finally:
        go(dsl, f"pupils/{pupil}")
        family.get_by_role("link", name="Change who is entered").click()
        page.get_by_role("checkbox", name=name).check(force=True)
        if javascript:
            finds_nothing_wrong(page)
        press(page, "Save")
    expect(family).to_contain_text("Nobody is entered.")
    assert slt.page.request.get(incident).status == 200
    for kind, said in (("relative_entered", "Entered as a pupil’s parent"), ("relative_ended", "No longer counts as a pupil’s parent")):
        line = main(page).get_by_role("listitem").filter(has=page.locator(f"a[href$='/pupils/{pupil}']"))
        for _ in range(80):
            go(dsl, f"audit?kind={kind}")
            if line.count():
                break
            page.wait_for_timeout(250)
        expect(line.first).to_contain_text(f"{said} or carer, or as the pupil for {name}, by {name_of(dsl)}")
        if javascript:
            finds_nothing_wrong(page)


# --- my notifications ---------------------------------------------------------------------------------------------------


def a_browser() -> dict[str, str]:
    """What a browser's PushSubscription says: an address at its maker's push service, and its keys."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    plain = {"p256dh": key, "auth": os.urandom(16)}
    said = {name: base64.urlsafe_b64encode(value).rstrip(b"=").decode() for name, value in plain.items()}
    return said | {"endpoint": f"https://push.invalid/{word()}"}


@pytest.mark.parametrize(
    ("viewport", "javascript", "dark"),
    [(PHONE, False, False), (PHONE, True, True), (DESKTOP, True, False)],
    ids=["phone without", "phone, dark", "desk"],
)
def test_somebody_sees_on_which_browsers_they_are_notified_tries_one_and_stops_it(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, javascript: bool, dark: bool
) -> None:
    """The list and its buttons work without JavaScript; allowing a browser is its own script's to do, and the page says so."""
    person = sign_in("admin", viewport=viewport, javascript=javascript, dark=dark, school=SCHOOL)
    page = go(person, "notifications")
    expect(main(page)).to_contain_text("Every alert to you is in your inbox, and sent by e-mail to")
    if not javascript:
        expect(main(page).get_by_role("button", name="Notify me on this device")).to_be_hidden()
        expect(main(page)).to_contain_text("This browser cannot show notifications of this site.")
    before = main(page).locator("li.sk-card").count()
    token = page.locator("[name=csrf_token]").first.input_value()
    kept = page.request.post(page.url, form=a_browser() | {"csrf_token": token}, headers={"Accept": "application/json", "User-Agent": AGENT})
    assert kept.ok
    go(person, "notifications")
    cards = main(page).locator("li.sk-card")
    expect(cards).to_have_count(before + 1)
    mine = cards.filter(has=page.locator(f"form[action$='{kept.json()['id']}']"))
    expect(mine).to_contain_text("Firefox")
    expect(mine).to_contain_text("not notified yet")
    if javascript:
        finds_nothing_wrong(page)
    mine.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("status").first).to_contain_text("We are notifying that browser now.")
    mine.get_by_role("button", name=re.compile("^Stop")).click()
    expect(page.get_by_role("status").first).to_contain_text("That browser is not notified any more.")
    expect(main(page).locator("li.sk-card")).to_have_count(before)
    if javascript:
        finds_nothing_wrong(page)


AGENT = "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"


def test_nobody_stops_or_tries_the_browser_of_somebody_else(sign_in: Callable[..., Any]) -> None:
    admin, coach = sign_in("admin", viewport=PHONE, school=SCHOOL), sign_in("sports_coach", viewport=PHONE, school=SCHOOL)
    page = go(admin, "notifications")
    token = page.locator("[name=csrf_token]").first.input_value()
    kept = page.request.post(page.url, form=a_browser() | {"csrf_token": token}, headers={"Accept": "application/json"}).json()["id"]
    theirs = go(coach, "notifications")
    other = theirs.locator("[name=csrf_token]").first.input_value()
    for do in ("drop", "try"):
        theirs.request.post(f"{theirs.url}/{kept}", form={"csrf_token": other, "do": do})
    card = main(go(admin, "notifications")).locator("li.sk-card").filter(has=page.locator(f"form[action$='{kept}']"))
    expect(card).to_have_count(1)
    expect(card).to_contain_text("not notified yet")
    card.get_by_role("button", name=re.compile("^Stop")).click()
    expect(card).to_have_count(0)
