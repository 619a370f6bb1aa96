"""A parent asks for their child's record: two people work on it in two browsers, and what they leave out is gone from what is given."""

import datetime as dt
import hashlib
import io
import re
import zipfile
from collections.abc import Callable
from typing import Any

import docx
import pypdf
import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import DESKTOP, PHONE
from tests.journeys.test_afterwards import pupils, record, word
from tests.journeys.test_files import PHOTO, choose
from tests.journeys.test_governors import assert_fits

TODAY = dt.datetime.now(dt.UTC).date()


def enter(page: Page, *, asker: str, kind: str = "A parent asks for their child’s record", pupil: str = "sarah") -> None:
    """Enter a request, finding the pupil without JavaScript."""
    page.get_by_role("button", name="Enter a request").click()
    page.get_by_label(kind).check(force=True)
    page.get_by_label("Who asks?").fill(asker)
    if pupil:
        page.locator("#pupil_q").fill(pupil)
        page.get_by_role("button", name="Find").press("Enter")  # a list that opened meanwhile would be before it
        page.locator("#pupil_choices input").first.check(force=True)
    page.get_by_role("button", name="Enter it in the log").click()
    expect(page.get_by_role("status")).to_contain_text("It is in the log")


def decide_all(page: Page) -> None:
    """Leave out what is proposed on each page, and propose the whole."""
    while True:
        rest = page.get_by_role("button", name="Leave out what is not decided")
        if rest.count():
            rest.click()
            expect(page.get_by_role("status")).to_have_text("Saved.")
        onwards = page.get_by_role("button", name="Save and go on")
        if not onwards.count():
            break
        onwards.click()
    page.get_by_role("button", name="Save and propose").click()


def read_all(page: Page) -> None:
    while (onwards := page.get_by_role("button", name="Go on reading")).count():
        onwards.click()


def download(page: Page, name: str) -> bytes:
    with page.expect_download() as got:
        page.get_by_role("button", name=name).click()
    return got.value.path().read_bytes()


def with_its_file(data: bytes) -> bytes:
    """Return the document of a zip, which has the photograph beside it under a number, as it was uploaded, and the list of its hash."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        record_, photograph, listed, files = archive.namelist()
        assert (photograph.startswith("file-"), archive.read(photograph), listed) == (True, PHOTO, "SHA256SUMS.txt")
        assert archive.read(files).decode() == f"{hashlib.sha256(PHOTO).hexdigest()}  {photograph}\n"
        return archive.read(record_)


def test_two_people_give_a_record_without_what_they_left_out(sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]) -> None:
    other, secret, asked_of = word().title(), word(), word().title()
    dsl = sign_in("dsl", viewport=DESKTOP, javascript=False, fresh=True)
    page = dsl.go("pupils/add")
    for name, value in {"name": f"Robin {asked_of}", "year": "Year 5", "born": "2016-02-29"}.items():
        page.get_by_role("main").locator(f"[name={name}]").fill(value)
    page.get_by_role("button", name="Add this pupil").click()
    teacher = sign_in("teacher")
    teacher.go("pupils")
    (robin,) = (item["id"] for item in pupils(teacher.page, asked_of))  # of their own: what others record meanwhile would hold the record back
    written = teacher.go("incidents/new")
    choose(written, f"{other}.jpg", PHOTO)
    expect(written.locator("[data-kept-files]")).to_contain_text(f"{other}.jpg", timeout=30_000)
    account = f"She said that her friend {other} had seen it. {secret} was written on it."
    file_id = written.locator("[name=file_ids]").input_value()
    record(written, pupil_id=robin, category_codes="welfare", narrative=account, file_ids=file_id)

    dsl.go(f"pupils/{robin}").get_by_role("link", name="Somebody asks for this record").click()
    expect(dsl.page.locator("#pupil_choices input")).to_be_checked()
    page = dsl.go("reports/requests")
    enter(page, asker=f"Jo {word()}, mother", pupil=asked_of)
    address = page.url.partition("?")[0]
    expect(page.get_by_role("main")).to_contain_text("one month")
    expect(page.get_by_role("main")).to_contain_text("Child abuse data")
    page.get_by_label("We know them in person").check(force=True)
    page.get_by_role("button", name="I am sure who asks").click()
    page.get_by_role("button", name="Prepare the record").click()
    expect(page.locator("mark", has_text=other)).to_have_count(1)

    entry = page.locator("section.sk-card", has_text=secret).first
    entry.locator("summary", has_text="Leave out other words").nth(1).click()
    entry.get_by_label("Words, as they stand in this text").nth(1).fill("no such words here")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("These words do not stand in this text")
    entry = page.locator("section.sk-card", has_text=secret).first
    expect(entry.get_by_label("Words, as they stand in this text").nth(1)).to_have_value("no such words here")
    entry.get_by_label("Words, as they stand in this text").nth(1).fill(secret)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("mark.sk-left--out", has_text=secret)).to_have_count(1)
    attached = page.locator(f"#file-{file_id}")
    expect(attached.get_by_role("link", name=f"{other}.jpg")).to_be_visible()
    attached.get_by_label("Give it whole").check(force=True)
    decide_all(page)
    expect(page.get_by_role("status")).to_contain_text("Proposed")

    page.get_by_role("button", name="See what is left out").click()
    read_all(page)
    expect(page.get_by_role("main")).to_contain_text("Another DSL or deputy has to read it and confirm")
    expect(page.get_by_role("button", name="confirm")).to_have_count(0)

    deputy = sign_in("deputy_dsl", viewport=PHONE, fresh=True)
    read = deputy.page
    read.goto(address)
    finds_nothing_wrong(read)
    read.get_by_role("button", name="Read it and confirm").click()
    expect(read.locator("mark.sk-left--out", has_text=other)).to_have_count(1)
    expect(read.locator(f"#file-{file_id}")).to_contain_text("given whole")
    finds_nothing_wrong(read)
    read_all(read)
    read.get_by_role("button", name="I have read all of it and confirm").click()
    expect(read.get_by_role("status")).to_contain_text("Confirmed")
    finds_nothing_wrong(read)

    page.goto(address)
    pdf, written_again = with_its_file(download(page, "Record as PDF")), with_its_file(download(page, "Record as Word"))
    text = " ".join("".join(each.extract_text() for each in pypdf.PdfReader(io.BytesIO(pdf)).pages).split())
    said = "\n".join(paragraph.text for paragraph in docx.Document(io.BytesIO(written_again)).paragraphs)
    for given in (text, said):
        assert "She said that her friend" in given
        assert "Schedule of what was left out" in given
        assert other not in given
        assert secret not in given
    page.goto(address)
    expect(page.get_by_role("main")).to_contain_text("Record made as Word")
    expect(page.get_by_role("main")).to_contain_text("Attached files, by the list of their hashes")
    page.get_by_role("button", name="It was answered").click()
    expect(page.get_by_role("heading", name="Answered", exact=True)).to_be_visible()


def test_all_that_was_found_in_a_record_of_two_pages_is_one_list_that_leads_to_each_place(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    other, doctor, asked_of = word().title(), word().title(), word().title()
    dsl = sign_in("dsl", viewport=PHONE, javascript=False, fresh=True)
    page = dsl.go("pupils/add")
    for name, value in {"name": f"Robin {asked_of}", "year": "Year 5", "born": "2016-02-29"}.items():
        page.get_by_role("main").locator(f"[name={name}]").fill(value)
    page.get_by_role("button", name="Add this pupil").click()
    teacher = sign_in("teacher")
    written = teacher.go("incidents/new")
    (robin,) = (item["id"] for item in pupils(written, asked_of))
    record(written, pupil_id=robin, category_codes="welfare", narrative=f"Her friend {other} was there. Dr {doctor} saw it.")
    for day in range(50):
        record(written, pupil_id=robin, category_codes="welfare", narrative=f"Day {day}: her friend {other} was there.")

    page = dsl.go("reports/requests")
    enter(page, asker=f"Jo {word()}, mother", pupil=asked_of)
    page.get_by_role("button", name="Prepare the record").click()
    expect(page.get_by_role("button", name="Save and go on")).to_be_visible()
    page.get_by_role("link", name="All that was found in the whole record").click()
    deputy = sign_in("deputy_dsl", viewport=PHONE, fresh=True).page
    deputy.goto(page.url)
    for summary in deputy.locator("li.sk-place summary").all():
        summary.click()
    finds_nothing_wrong(deputy)
    assert_fits(deputy)
    main = page.get_by_role("main")
    expect(main).to_contain_text("52 places are not decided.")
    expect(main.get_by_role("heading", level=2)).to_have_text(["Named as family, friend or carer", "Named with a title"])
    friend = main.locator("li.sk-place").filter(has=page.locator("strong", has_text=re.compile(rf"^{other}$")))
    expect(friend.locator("summary")).to_have_text(f"{other}: 51 places, 51 not decided")
    friend.locator("summary").click()
    expect(friend.get_by_role("link")).to_have_count(51)

    friend.get_by_role("link").last.click()
    expect(page.get_by_role("heading", level=2)).to_have_count(1)  # the second page has the one that was recorded first
    place = page.locator(":target")
    expect(place).to_contain_text(other)
    expect(place).to_be_in_viewport()
    place.get_by_label("Leave out").check(force=True)
    page.get_by_role("button", name="Save and see all that was found").click()
    expect(main).to_contain_text("51 places are not decided.")
    expect(friend.locator("summary")).to_have_text(f"{other}: 51 places, 50 not decided")
    friend.locator("summary").click()
    expect(friend.get_by_role("listitem").last).to_contain_text("left out")


def test_nothing_held_is_one_button_and_a_confirm_and_a_letter(sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]) -> None:
    dsl = sign_in("dsl", viewport=PHONE, fresh=True)
    page = dsl.go("reports/requests")
    asker = f"Newspaper {word()}"
    enter(page, asker=asker, kind="Freedom of information", pupil="")
    finds_nothing_wrong(page)
    page.get_by_role("button", name="Nothing is held").click()
    finds_nothing_wrong(page)
    page.get_by_role("button", name="Nothing is held: make the letter").click()
    expect(page.get_by_role("status")).to_contain_text("The letter is made")
    with page.expect_download() as got:
        page.get_by_role("link", name="The letter (PDF)").click()
    text = " ".join("".join(each.extract_text() for each in pypdf.PdfReader(got.value.path()).pages).split())
    assert asker in text
    assert "Nothing is held." in text
    finds_nothing_wrong(page)
    dsl.go("reports/requests")
    expect(page.get_by_role("heading", name="Closed")).to_be_visible()
    assert asker not in page.get_by_role("main").inner_text(), "no name stands in the list"


GOOD = {"request_kind": "court", "asker": "Kept words", "received_on": TODAY.isoformat(), "given_on": (TODAY + dt.timedelta(days=20)).isoformat()}
WRONG = [
    ({"request_kind": ""}, "request_kind", "Choose what it is"),
    ({"request_kind": "nonsense"}, "request_kind", "Choose one of those offered"),
    ({"request_kind": "subject_access_parent"}, "whose_id", "Find the pupil"),
    ({"whose_id": "x"}, "whose_id", ""),
    ({"whose_id": "00000000-0000-0000-0000-000000000000"}, "whose_id", "Choose a pupil of your school"),
    ({"asker": "  "}, "asker", "Write who asks"),
    ({"asker": "x" * 201}, "asker", ""),
    ({"asker": "a\x00b"}, "asker", ""),
    ({"received_on": ""}, "received_on", "Say on which day it came"),
    ({"received_on": "2026-02-30"}, "received_on", "This is not a date"),
    ({"received_on": "2199-01-01"}, "received_on", "This day has not come yet"),
    ({"received_on": "1999-01-01"}, "received_on", "This is too long ago"),
    ({"given_on": ""}, "given_on", "Write the day the court has set"),
    ({"given_on": "2020-01-01"}, "given_on", "This is before the day the request came"),
    ({"scope": "x" * 1001}, "scope", ""),
]


def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(sign_in: Callable[..., Any]) -> None:
    page = sign_in("dsl", fresh=True).go("reports/requests/new")
    token = page.locator("input[name=csrf_token]").first.input_value()
    for wrong, field, said in WRONG:
        answer = page.request.post(page.url, form=GOOD | wrong | {"csrf_token": token, "do": "enter"})
        text = answer.text()
        assert answer.status == 422, (wrong, answer.status)
        assert f'id="{field}-error"' in text, wrong
        assert said in text, wrong
        assert 'value="Kept words"' in text or "asker" in wrong
    answer = page.request.post(page.url, form=GOOD | {"csrf_token": token, "do": "enter"})
    address = answer.url.partition("?")[0]
    for path, sent, field in (
        ("identity", {"identity_how": "", "identity_on": TODAY.isoformat()}, "identity_how"),
        ("identity", {"identity_how": "known", "identity_on": ""}, "identity_on"),
        ("identity", {"identity_how": "known", "identity_on": "2199-01-01"}, "identity_on"),
        ("time", {"more_reason": " "}, "more_reason"),
        ("close", {"state": "refused", "close_reason": ""}, "close_reason"),
        ("close", {"state": "nonsense"}, ""),
    ):
        answer = page.request.post(f"{address}/{path}", form=sent | {"csrf_token": token})
        assert answer.status == 422, (path, sent, answer.status)
        assert not field or f'id="{field}-error"' in answer.text() or field == "more_reason", (path, sent)
    for path in ("record", "record/confirm", "record/back", "document"):
        for sent in ({"d.x": "out", "r.x": "nonsense"}, {"w.x.y": "words"}, {"form": "exe"}, {"proposed_at": "never"}, {"note": ""}):
            answer = page.request.post(f"{address}/{path}", form=sent | {"csrf_token": token})
            assert answer.status in (409, 422), (path, sent, answer.status)


@pytest.mark.parametrize(("viewport", "dark"), [(PHONE, True), (DESKTOP, False)], ids=["phone and dark", "desk and light"])
def test_axe_finds_nothing_on_the_pages_of_requests(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, dark: bool
) -> None:
    page = sign_in("dsl", viewport=viewport, dark=dark, fresh=True).go("reports/requests")
    enter(page, asker="A father")
    finds_nothing_wrong(page)
    assert_fits(page)
    page.get_by_role("button", name="Prepare the record").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile("before it is given"))
    finds_nothing_wrong(page)
    assert_fits(page)
    base = page.url.partition("/s/")[0]
    for path in ("reports/requests", "reports/requests/new"):
        page.goto(f"{base}/s/hillside/{path}")
        finds_nothing_wrong(page)
        assert_fits(page)
