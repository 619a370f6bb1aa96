"""A DSL takes a chronology out as PDF, Word or CSV: by its page, with why, on a phone and without JavaScript."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from deploy.demo.people import id_of
from services.incidents.recording import NOT_LISTED, holding_pupil
from tests.journeys.conftest import DESKTOP, PHONE
from tests.journeys.test_afterwards import of_many_months, pupils, record, word

BEGINS = {"pdf": b"%PDF-1.7", "docx": b"PK", "csv": '\ufeff"Confidential. Chronology of '.encode()}


@pytest.mark.parametrize(("viewport", "javascript"), [(PHONE, True), (DESKTOP, False)], ids=["phone", "desk without JavaScript"])
def test_a_chronology_is_asked_for_as_a_document_with_why_and_what_is_wrong_is_said_beside_its_field(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, javascript: bool
) -> None:
    person = sign_in("dsl", viewport=viewport, javascript=javascript, fresh=True)
    looks: Callable[[Page], None] = finds_nothing_wrong if javascript else lambda _: None  # axe is a script
    page = person.go("pupils")
    pupil = pupils(page, "sarah")[0]["id"]
    page = person.go(f"pupils/{pupil}/chronology")
    main = page.get_by_role("main")
    main.get_by_text("Make a document").click()
    looks(page)
    main.get_by_label("Body maps").check(force=True)
    main.get_by_label("Actions, and how incidents stand").check(force=True)
    main.get_by_label("Safeguarding", exact=True).check(force=True)
    main.get_by_role("button", name="Make the document").click()
    for said in ("Choose", "Say why"):
        expect(page.get_by_role("alert")).to_contain_text(said)
    expect(main.get_by_label("Body maps")).to_be_checked()
    looks(page)

    reason = "A core group on 12 March"
    for form, label in (("docx", "Word, to work on"), ("csv", "A list for a spreadsheet"), ("pdf", "PDF, to print or send")):
        main.get_by_label(label).check(force=True)
        main.get_by_label("Why do you need it?").fill(reason)
        with page.expect_download() as waiting:
            main.get_by_role("button", name="Make the document").click()
        assert waiting.value.suggested_filename == f"chronology.{form}"
        data = Path(waiting.value.path()).read_bytes()
        assert data.startswith(BEGINS[form])
        if form == "docx":
            said = zipfile.ZipFile(io.BytesIO(data)).read("word/document.xml").decode()
            assert reason in said
            assert "classes safeguarding; without actions and how incidents stand; without body maps" in said, "what was chosen on the page"
    person.go(f"pupils/{pupil}/readers")
    expect(page.get_by_role("main")).to_contain_text(re.compile(f"took out the record.*{reason}", re.DOTALL))


def test_a_months_bar_shows_as_many_entries_as_it_says_under_the_filters_that_stand(sign_in: Callable[..., Any], system: dict[str, Any]) -> None:
    """Category, person and order stay when a bar is pressed, and so do words, which stand in no address; the filters show how many they are."""
    dsl, teacher = sign_in("deputy_dsl"), sign_in("teacher")
    pupil = pupils(dsl.go("pupils"), "sarah")[0]["id"]
    said = word()
    about = {"pupil_id": pupil, "narrative": f"It was said {said}.", "when": "exact", "when_time": "9:05"}
    for code, day in (("behaviour", "2026-03-02"), ("behaviour", "2026-03-03"), ("behaviour", "2026-01-12"), ("medical", "2026-03-04")):
        record(teacher.go("pupils"), **about, category_codes=code, when_date=day)
    record(dsl.page, **about, category_codes="behaviour", when_date="2026-03-05")
    author = dsl.go(f"pupils/{pupil}/chronology").get_by_label("Recorded by").locator("option", has_text=teacher_name(teacher)).get_attribute("value")

    page = dsl.go(f"pupils/{pupil}/chronology?category=behaviour&author={author}")
    expect(page.locator("summary").first).to_have_text("2 filters used")
    for words_too, used in ((False, "4 filters used"), (True, "5 filters used")):
        if words_too:
            page.get_by_label("Words in it").fill(said)
            page.get_by_role("button", name="Filter").click()
        bar = page.locator(".sk-plot__month", has_text="March 2026:")
        (count,) = re.findall(r"2026: (\d+) entr", bar.inner_text())
        assert int(count) == 2 or not words_too
        bar.click()
        expect(page.locator("summary").first).to_have_text(used)
        expect(page.get_by_role("main").locator("strong", has_text=re.compile(r"entr(y|ies)$")).first).to_have_text(f"{count} entries")
        expect(page.get_by_role("article")).to_have_count(int(count))
        assert set(page.locator(".sk-month__name").all_inner_texts()) == {"March 2026"}
        assert set(page.locator(".sk-entry .sk-tag").all_inner_texts()) == {"Behaviour"}
        assert said not in page.url
    expect(page.get_by_label("Words in it")).to_have_value(said)

    page = dsl.go(f"pupils/{of_many_months(system)}/chronology?order=recorded")
    bar = page.locator(".sk-plot__month").nth(2)
    (count,) = re.findall(r": (\d+) entr", bar.inner_text())
    bar.click()
    assert page.get_by_label("In order of").input_value() == "recorded"
    expect(page.get_by_role("main").locator("strong", has_text=re.compile(r"entr(y|ies)$")).first).to_have_text(re.compile(rf"^{count} entr"))


def teacher_name(person: Any) -> str:
    name: str = person.page.locator(".sk-banner__person").inner_text()
    return name


def test_a_printed_entry_stands_below_the_month_of_the_date_it_shows_and_says_the_other_too(sign_in: Callable[..., Any]) -> None:
    """In order of recording the date is that of the recording, on the screen and printed; when it happened is said below."""
    dsl, teacher = sign_in("deputy_dsl"), sign_in("teacher")
    pupil = pupils(dsl.go("pupils"), "sarah")[0]["id"]
    said, unknown = word(), word()
    on = {"when": "exact", "when_date": "2026-01-12", "when_time": "9:05"}
    record(teacher.go("pupils"), pupil_id=pupil, category_codes="behaviour", narrative=f"It was said {said}.", **on)
    record(teacher.go("pupils"), pupil_id=pupil, category_codes="behaviour", narrative=f"It was said {unknown}.")
    for address in ("?order=recorded", "?order=recorded&print=1"):
        page = dsl.go(f"pupils/{pupil}/chronology{address}")
        entry = page.get_by_role("article").filter(has_text=said)
        expect(entry).to_contain_text("happened Monday 12 January at 9:05")
        above = entry.locator("xpath=preceding::*[contains(@class, 'sk-rail__date')][1]")
        expect(above).to_contain_text("today at")
        expect(page.get_by_role("article").filter(has_text=unknown)).to_contain_text("when it happened is not known")
    page = dsl.go(f"pupils/{pupil}/chronology?print=1&since=2026-01-12&until=2026-01-12")
    entry = page.get_by_role("article").filter(has_text=said)
    expect(entry.locator("xpath=preceding::*[contains(@class, 'sk-rail__date')][1]")).to_contain_text("Monday 12 January at 9:05")
    expect(entry).to_contain_text("recorded today at")


def test_of_who_is_not_listed_no_date_of_birth_is_printed(sign_in: Callable[..., Any]) -> None:
    dsl = sign_in("deputy_dsl")
    for address in ("", "?print=1"):
        main = dsl.go(f"pupils/{holding_pupil(id_of('school', 'hillside'))}/chronology{address}").get_by_role("main")
        expect(main).to_contain_text(NOT_LISTED)
        assert "born" not in main.locator("p").first.inner_text()
        assert "January 2000" not in main.inner_text()
