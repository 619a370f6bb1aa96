"""Something is wrong in what was recorded: it is corrected, moved, restricted; its author asks; everybody reads what it says now."""

import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect

from safekeep.ids import new_id
from tests.journeys.api import Api
from tests.journeys.conftest import DESKTOP, PHONE
from tests.journeys.test_afterwards import pupils, record, word
from tests.journeys.test_proof_page import mails_to
from tests.journeys.test_recording_page import send

BOTH = pytest.mark.parametrize(("viewport", "javascript"), [(PHONE, False), (DESKTOP, True)], ids=["phone without JavaScript", "desk"])


def press(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.get_by_role("main").get_by_role("button", name=name, exact=True).click()


def email_of(system: dict[str, Any], role: str) -> str:
    return str(next(x["username"] for x in system["logins"] if (x["role"], x["school"]) == (role, "Hillside Primary")))


def mailed(page: Page, system: dict[str, Any], role: str, words: str) -> str:
    """Wait for a mail with these words and return its link."""
    for _ in range(100):
        found = [text for text in mails_to(system, email_of(system, role)) if words in text]
        if found:
            return str(re.search(r"http\S+", found[-1]).group())  # type: ignore[union-attr]
        page.wait_for_timeout(200)
    raise AssertionError("no such mail came")


@BOTH
def test_a_teacher_asks_and_a_dsl_corrects_and_everybody_reads_what_it_says_now(
    sign_in: Callable[..., Any], system: dict[str, Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, javascript: bool
) -> None:
    """From the recorded page to the DSL's inbox, and back to the teacher; the earlier text is a click away, in the chronology too."""
    teacher = sign_in("teacher", viewport=viewport, javascript=javascript)
    wrong, right = word(), word()
    pupil = pupils(teacher.go("pupils"), "sarah")[0]["id"]
    address = record(teacher.page, pupil_id=pupil, category_codes="behaviour", narrative=f"It was {wrong}.", action_taken="Told nobody.")
    page = teacher.page
    page.goto(address + "/recorded")
    page.get_by_role("link", name="Ask for a correction").click()
    press(page, "Ask the DSLs")
    expect(page.get_by_role("alert")).to_contain_text("Write what is wrong")
    page.get_by_label("What is wrong, and what should it say?").fill(f"I wrote {wrong}. It was {right}.")
    press(page, "Ask the DSLs")
    expect(page.get_by_role("main")).to_contain_text("No DSL has answered yet.")

    dsl = sign_in("deputy_dsl", viewport=viewport, javascript=javascript)
    assert mailed(page, system, "dsl", "asks a DSL to correct it").endswith("/s/hillside/corrections")
    desk = dsl.go("inbox")
    desk.get_by_role("link", name="Show what is asked").click()
    row = address.rpartition("/")[2]
    desk.locator(f"a[href*='{row}']").click()
    expect(desk.get_by_role("main")).to_contain_text(f"I wrote {wrong}. It was {right}.")
    desk.get_by_role("link", name="Correct it").click()
    expect(desk.get_by_label("What should it say?", exact=True)).to_have_value(f"It was {wrong}.")
    desk.get_by_label("What should it say?", exact=True).fill(f"It was {right}.")
    press(desk, "Add correction")
    expect(desk.get_by_role("alert")).to_contain_text("Say why")
    expect(desk.get_by_label("What should it say?", exact=True)).to_have_value(f"It was {right}.")
    desk.get_by_label("Why is it wrong?").fill("The day")
    desk.get_by_label("Action taken at the time: what should it say?").fill("Told the DSL.")
    press(desk, "Add correction")

    for reader in (desk, page):
        reader.goto(address)
        account = reader.locator(".sk-account")
        expect(account).to_contain_text(f"It was {right}.")
        expect(account).to_contain_text("Told the DSL.")
        expect(account.get_by_text(f"It was {wrong}.")).to_be_hidden()
        account.locator("summary", has_text="What it said before").click()
        expect(account.get_by_text(f"It was {wrong}.")).to_be_visible()
        expect(reader.locator(".sk-line")).to_contain_text("Why: The day")
        if javascript:
            finds_nothing_wrong(reader)
    expect(page.get_by_role("complementary").get_by_text("Corrected today")).to_be_visible()
    desk.goto(f"{dsl.base}s/hillside/pupils/{pupil}/chronology?order=recorded")
    entry = desk.get_by_role("article").filter(has_text=right)
    expect(entry.get_by_role("link", name="Corrected: see what it said")).to_be_visible()
    assert wrong not in desk.content()
    desk.goto(f"{dsl.base}s/hillside/pupils/{pupil}/chronology?order=recorded&print=1")
    expect(desk.get_by_role("main")).to_contain_text(right)
    assert wrong not in desk.content()


@BOTH
def test_what_is_typed_into_a_correction_is_kept_until_it_is_sent(sign_in: Callable[..., Any], viewport: Any, javascript: bool) -> None:
    """While it is typed, or because its author says so; it is found among the drafts, opens where it was written, and goes when it was sent."""
    dsl = sign_in("deputy_dsl", viewport=viewport, javascript=javascript)
    address, why = record(dsl.go("pupils"), category_codes="behaviour"), word()
    page = dsl.page
    page.goto(f"{address}/entries/{address.rpartition('/')[2]}/correction")
    page.get_by_label("Why is it wrong?").fill(why)
    if javascript:
        expect(page.locator("[data-saved]")).to_contain_text("Saved as your draft")
    else:
        press(page, "Save for later")
    kept = dsl.go("drafts").get_by_role("link", name="A form, not sent yet").first
    draft = str(kept.get_attribute("href"))
    kept.click()
    expect(page).to_have_url(re.compile(f"{re.escape(address)}/entries/.*/correction/"))
    expect(page.get_by_label("Why is it wrong?")).to_have_value(why)
    page.get_by_label("What should it say?", exact=True).fill("It was Tuesday.")
    press(page, "Add correction")
    expect(page.locator(".sk-line")).to_contain_text(f"Why: {why}")
    assert dsl.go("drafts").locator(f"a[href='{draft}']").count() == 0


def test_what_a_dsl_does_not_correct_is_answered_and_said_to_who_asked(
    sign_in: Callable[..., Any], system: dict[str, Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    """A second DSL, quicker, has answered: what the first wrote is still on the page."""
    teacher = sign_in("teacher", viewport=PHONE)
    address = record(teacher.go("pupils"), category_codes="behaviour")
    Api(system, "teacher").call("POST", "/correction-requests", {"entry_id": address.rpartition("/")[2], "text": "It was later."})
    dsl = sign_in("dsl", viewport=PHONE)
    page = dsl.go("corrections")
    finds_nothing_wrong(page)
    page.locator(f"a[href*='{address.rpartition('/')[2]}']").click()
    press(page, "Do not correct it")
    expect(page.get_by_role("alert")).to_contain_text("Say why")
    finds_nothing_wrong(page)
    request_id = page.url.rpartition("/")[2]
    quicker = Api(system, "deputy_dsl").call("POST", f"/correction-requests/{request_id}/decline", {"reason": "The register says so."})
    assert quicker == (204, None)
    page.get_by_label("Why is it not corrected?").fill("I looked at the camera.")
    press(page, "Do not correct it")
    expect(page.get_by_role("alert")).to_contain_text("Somebody has answered this request meanwhile")
    expect(page.get_by_role("main")).to_contain_text("I looked at the camera.")
    finds_nothing_wrong(page)
    assert mailed(page, system, "teacher", "The answer is here").endswith("/s/hillside/corrections")
    mine = teacher.go("corrections")
    expect(mine.get_by_role("main")).to_contain_text("The register says so.")
    finds_nothing_wrong(mine)


@BOTH
def test_a_mistake_that_tells_too_much_is_taken_out_of_sight(
    sign_in: Callable[..., Any], system: dict[str, Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, javascript: bool
) -> None:
    """The other child's name: SLT reads what it should say and that something was taken out; DSLs and the author can open it."""
    teacher = sign_in("teacher", viewport=viewport, javascript=javascript)
    name = word()
    pupil = pupils(teacher.go("pupils"), "sarah")[0]["id"]
    address = record(teacher.page, pupil_id=pupil, category_codes="behaviour", narrative=f"{name} pushed her.")
    dsl = sign_in("deputy_dsl", viewport=viewport, javascript=javascript)
    page = dsl.page
    page.goto(address)
    page.get_by_role("link", name="Correct the account").click()
    page.get_by_label("Why is it wrong?").fill("Another child's name")
    page.get_by_label("What should it say?", exact=True).fill("Another pupil pushed her.")
    page.get_by_label("Yes: leave what it said to DSLs and to its author alone").check(force=True)
    press(page, "Add correction")
    slt = sign_in("slt", viewport=viewport, javascript=javascript)
    for path in (address, f"{slt.base}s/hillside/pupils/{pupil}", f"{slt.base}s/hillside/pupils/{pupil}/chronology?order=recorded"):
        slt.page.goto(path)
        expect(slt.page.get_by_role("main")).to_contain_text("Another pupil pushed her.")
        assert name not in slt.page.content(), path
    slt.page.goto(address)
    slt.page.locator("summary", has_text="What it said before").click()
    expect(slt.page.get_by_text("A DSL has taken this out of sight: it told too much")).to_be_visible()
    for reader in (page, teacher.page):
        reader.goto(address)
        reader.locator("summary", has_text="What it said before").click()
        expect(reader.get_by_text(f"{name} pushed her.")).to_be_visible()
        expect(reader.get_by_text("Left to DSLs and to who wrote it")).to_be_visible()
        if javascript:
            finds_nothing_wrong(reader)


@BOTH
def test_an_incident_of_the_wrong_pupil_goes_to_the_right_one(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, javascript: bool
) -> None:
    """Neither chronology names the other child; what was typed as the reason survives a change of mind; a second move of the same page is refused."""
    teacher = sign_in("teacher", viewport=viewport, javascript=javascript)
    wrong, right = pupils(teacher.go("pupils"), "sarah")[:2]
    said = word()
    address = record(teacher.page, pupil_id=wrong["id"], category_codes="behaviour", narrative=f"Seen {said}.")
    dsl = sign_in("deputy_dsl", viewport=viewport, javascript=javascript)
    page = dsl.page
    page.goto(address)
    page.get_by_role("link", name="Move it to another pupil").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Move to the right pupil")
    page.fill("[name=pupil_q]", "sarah")
    if javascript:
        page.locator("#pupil_q-list [role=option]", has_text=right["about"].split(" · ")[-1]).click()
    else:
        press(page, "Find")
        page.locator(f"[name=pupil_id][value='{right['id']}']").check(force=True)
    press(page, "Continue")
    press(page, "Move it to this pupil")
    expect(page.get_by_role("alert")).to_contain_text("Say why")
    if javascript:
        finds_nothing_wrong(page)
    page.get_by_label("Why was it recorded of the wrong pupil?").fill("Two pupils of one name")
    press(page, "Choose another pupil")
    page.fill("[name=pupil_q]", "sarah")
    press(page, "Find")
    page.locator(f"[name=pupil_id][value='{right['id']}']").check(force=True)
    press(page, "Continue")
    expect(page.get_by_label("Why was it recorded of the wrong pupil?")).to_have_value("Two pupils of one name")
    press(page, "Move it to this pupil")
    expect(page.get_by_role("main")).to_contain_text("It was recorded of another pupil by mistake, and moved here.")
    if javascript:
        finds_nothing_wrong(page)
    assert wrong["id"] not in page.content()
    page.goto(f"{dsl.base}s/hillside/pupils/{right['id']}/chronology?order=recorded")
    expect(page.get_by_role("main")).to_contain_text(said)
    assert wrong["id"] not in page.content()
    page.goto(f"{dsl.base}s/hillside/pupils/{wrong['id']}/chronology?order=recorded")
    assert said not in page.content()
    assert address.rpartition("/")[2] not in page.content()
    late = send(
        page,
        f"{address}/pupil/{new_id()}",
        {
            "csrf_token": page.locator("[name=csrf_token]").first.input_value(),
            "do": "assign",
            "from_id": wrong["id"],
            "pupil_id": pupils(page, "am")[0]["id"],
            "reason": "Mine was later",
        },
    )
    assert (late.status, "Mine was later" in late.text()) == (409, True)


def test_an_entry_about_an_adult_is_kept_to_the_chair_and_one_dsl_who_may_give_it_back(
    sign_in: Callable[..., Any], system: dict[str, Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    """The deputy and the head find nothing any more; the chair opens it from the mail; the DSL gives it back."""
    teacher = sign_in("teacher", viewport=PHONE)
    said = word()
    address = record(teacher.go("pupils"), category_codes="behaviour", narrative=f"The head shouted {said}.")
    dsl = sign_in("dsl", viewport=PHONE, fresh=True)
    page = dsl.page
    page.goto(address)
    page.get_by_role("link", name="It is about an adult of the school: restrict it").click()
    finds_nothing_wrong(page)
    press(page, "Restrict it")
    expect(page.get_by_role("alert")).to_contain_text("Choose whom it is about")
    finds_nothing_wrong(page)

    def of(role: str) -> str:
        login = next(x for x in system["logins"] if (x["role"], x["school"]) == (role, "Hillside Primary"))
        with psycopg.connect(system["admin_urls"]["identity"]) as database:
            found = database.execute("select id from people where email = %s", (login["username"],)).fetchone()
        assert found
        return str(found[0])

    page.get_by_label("Why is it restricted?").fill("It belongs with the chair.")
    page.locator("[name=about_id]").select_option(of("slt"))
    page.locator("[name=keeper_id]").select_option(of("slt"))
    page.locator("[name=dsl_id]").select_option(of("dsl"))
    press(page, "Restrict it")
    expect(page.get_by_role("alert")).to_contain_text("It is about them")
    expect(page.get_by_label("Why is it restricted?")).to_have_value("It belongs with the chair.")
    page.locator("[name=keeper_id]").select_option(of("governor"))
    press(page, "Restrict it")
    expect(page.get_by_role("heading", level=1)).to_have_text("It is restricted")
    finds_nothing_wrong(page)

    for role in ("deputy_dsl", "slt"):
        other = sign_in(role, viewport=PHONE)
        other.page.goto(address)
        expect(other.page.get_by_role("heading", level=1)).to_have_text("Page not found")
        assert address.rpartition("/")[2] not in other.go("inbox").content()
    chair = sign_in("governor", viewport=PHONE)
    incident = address.rpartition("/")[2]
    for _ in range(100):
        link = chair.go("").locator(f"a[href*='{incident}']")
        if link.count():
            break
    finds_nothing_wrong(chair.page)
    link.click()
    expect(chair.page.get_by_role("main")).to_contain_text(said)
    expect(chair.page.get_by_role("main")).to_contain_text("Restricted to two people.")
    finds_nothing_wrong(chair.page)
    chair.page.get_by_role("button", name="Mark as read").click()
    expect(chair.page.get_by_role("button", name="Mark as read")).to_have_count(0)

    page.goto(address)
    expect(page.get_by_role("region", name="Restricted")).to_contain_text("It belongs with the chair.")
    finds_nothing_wrong(page)
    page.get_by_role("link", name="Let everybody read it again").click()
    finds_nothing_wrong(page)
    press(page, "End the restriction")
    expect(page.get_by_role("alert")).to_contain_text("Say why")
    page.get_by_label("Why?").fill("It was about a parent.")
    press(page, "End the restriction")
    expect(page.get_by_role("region", name="Restricted")).to_have_count(0)
    other.page.goto(address)
    expect(other.page.get_by_role("main")).to_contain_text(said)


def test_a_dsl_sees_who_has_read_of_a_pupil_and_what_stands_out(sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]) -> None:
    """The head's opening of an incident, on the pupil's page and on the head's; a teacher's try at what is not theirs is marked."""
    teacher, slt, dsl = (sign_in(role, viewport=PHONE) for role in ("teacher", "slt", "dsl"))
    pupil = pupils(teacher.go("pupils"), "sarah")[0]["id"]
    address = record(teacher.page, pupil_id=pupil, category_codes="behaviour")
    slt.page.goto(address)
    number = re.search(r"\d{4}-\d{4}", slt.page.get_by_role("main").inner_text()).group()  # type: ignore[union-attr]
    names = [person.page.locator(".sk-banner__person").inner_text() for person in (teacher, slt)]
    other = sign_in("admin", viewport=PHONE)
    other.page.goto(address)
    names.append(other.page.locator(".sk-banner__person").inner_text())
    page = dsl.go(f"pupils/{pupil}")
    page.get_by_role("link", name="Who has read").click()
    read = page.get_by_role("listitem").filter(has_text=number)
    expect(read.filter(has_text=names[1]).first).to_contain_text("opened an incident")
    expect(read.filter(has_text=names[2]).first).to_contain_text("Tried and was not let")
    finds_nothing_wrong(page)
    page.get_by_role("link", name="Who reads how much").click()
    finds_nothing_wrong(page)
    page.get_by_role("link", name=names[1], exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(names[1])
    expect(page.get_by_role("listitem").filter(has_text=number).first).to_be_visible()
    finds_nothing_wrong(page)
    for path in ("readers", f"pupils/{pupil}/readers"):
        assert slt.page.goto(f"{slt.base}s/hillside/{path}").status == 403


def test_no_page_of_these_opens_to_whom_it_is_not_for(sign_in: Callable[..., Any]) -> None:
    teacher = sign_in("teacher", viewport=PHONE)
    address = record(teacher.go("pupils"), category_codes="behaviour")
    first, slt = address.rpartition("/")[2], sign_in("slt", viewport=PHONE)
    for person, paths in (
        (teacher, {f"{address}/entries/{first}/correction/{new_id()}": 403, f"{address}/pupil": 403, f"{address}/restriction/{new_id()}": 403}),
        (slt, {f"{address}/entries/{first}/request/{new_id()}": 404, f"{address}/requests/{new_id()}": 403}),
        (sign_in("governor"), {f"{teacher.base}s/hillside/corrections": 403, f"{address}/restriction/{new_id()}/lift": 404}),
    ):
        for path, status in paths.items():
            answer = person.page.goto(path)
            assert answer.status == status, (path, answer.status)
