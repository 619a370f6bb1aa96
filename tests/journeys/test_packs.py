"""A DSL makes a pack for a meeting, for the next school and for an inspection: questions, a preview, the document, and the list of what was made."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdf
import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import DESKTOP, PHONE
from tests.journeys.test_afterwards import pupils, record, word


def words_of(data: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages).split())


def fetched(page: Page, name: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        page.get_by_role("main").get_by_role("button", name=name).click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def left_alone(page: Page) -> list[str]:
    """Pupils about whom no other journey records: while one does, a pack that was looked at is not made."""
    return [item["id"] for item in reversed(pupils(page, "el"))]


@pytest.mark.parametrize(("viewport", "javascript", "dark"), [(PHONE, True, True), (DESKTOP, False, False)], ids=["phone", "desk without JavaScript"])
def test_a_pack_for_a_core_group_is_chosen_looked_at_made_and_listed(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, javascript: bool, dark: bool
) -> None:
    """A protection entry is suggested and a general one is not; what is wrong is said beside its field and nothing typed is lost."""
    person = sign_in("dsl", viewport=viewport, javascript=javascript, dark=dark, fresh=True)
    looks: Callable[[Page], None] = finds_nothing_wrong if javascript else lambda _: None  # axe is a script
    page = person.go("pupils")
    pupil, said, general = left_alone(page)[0], word(), word()
    record(page, pupil_id=pupil, narrative=f"The account {said}.", category_codes="welfare")
    record(page, pupil_id=pupil, narrative=f"The account {general}.", category_codes="behaviour")
    main = page.get_by_role("main")
    person.go(f"pupils/{pupil}")
    page.get_by_role("link", name="Make a pack").click()
    looks(page)
    main.get_by_role("link", name="For a core group meeting").click()
    expect(main.get_by_label("Protection")).to_be_checked()
    expect(main.get_by_label("General")).not_to_be_checked()
    looks(page)
    main.get_by_label("Who will read it?").fill("The social worker")
    main.get_by_label("From", exact=True).fill("2030-01-02")
    main.get_by_label("To", exact=True).fill("2030-01-01")
    main.get_by_role("button", name="Look at the pack").click()
    expect(page.get_by_role("alert")).to_contain_text("Say why")
    expect(main.get_by_label("Who will read it?")).to_have_value("The social worker")
    looks(page)
    reason = f"Core group {word()}"
    main.get_by_label("Why do you need it?").fill(reason)
    main.get_by_role("button", name="Look at the pack").click()
    expect(page.get_by_role("alert")).to_contain_text("before the start")
    for label in ("From", "To"):
        main.get_by_label(label, exact=True).fill("")
    main.get_by_role("button", name="Look at the pack").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The pack, before it is made")
    expect(main.get_by_role("row", name=re.compile("General"))).to_contain_text(re.compile(r"General\s*0"))
    looks(page)

    name, data = fetched(page, "Make the PDF")
    assert name == "pack-core-group.pdf"
    text = words_of(data)
    for words in (said, reason, "The social worker", "What is still to do", "Ledger at entry"):
        assert words in text, words
    assert general not in text
    name, data = fetched(page, "Make it for Word")
    assert name == "pack-core-group.docx"
    assert said in zipfile.ZipFile(io.BytesIO(data)).read("word/document.xml").decode()
    person.go("reports/packs")
    expect(main.get_by_text(f"Why: {reason}")).to_have_count(2)
    looks(page)


def test_what_is_recorded_meanwhile_is_shown_again_before_the_pack_is_made(sign_in: Callable[..., Any]) -> None:
    person = sign_in("dsl", javascript=False, fresh=True)
    page = person.go("pupils")
    pupil, said = left_alone(page)[1], word()
    other = sign_in("teacher").go("")
    main = page.get_by_role("main")
    person.go(f"pupils/{pupil}/pack?kind=conference")
    main.get_by_label("Why do you need it?").fill("A conference")
    main.get_by_role("button", name="Look at the pack").click()
    record(other, pupil_id=pupil, narrative=f"The account {said}.")
    main.get_by_role("button", name="Make the PDF").click()
    expect(page.get_by_role("alert")).to_contain_text("The record has changed")
    assert said in words_of(fetched(page, "Make the PDF")[1])


def test_a_child_protection_file_goes_to_the_next_school_which_confirms_it(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    person = sign_in("dsl", viewport=PHONE, fresh=True)
    page = person.go("pupils")
    pupil, school = left_alone(page)[2], f"Oak School {word()}"
    main = page.get_by_role("main")
    person.go(f"pupils/{pupil}/pack?kind=transfer")
    main.get_by_label("Why do you need it?").fill("They move house")
    main.get_by_role("button", name="Look at the pack").click()
    expect(page.get_by_role("alert")).to_contain_text("Write the name of the next school")
    main.get_by_label("Which school is it for?").fill(school)
    main.get_by_role("button", name="Look at the pack").click()
    finds_nothing_wrong(page)
    text = words_of(fetched(page, "Make the PDF")[1])
    assert f"To: {school}" in text
    assert "Signature" in text
    person.go("reports/packs")
    card = main.locator(".sk-card").filter(has_text=school)
    expect(card).to_contain_text("has not confirmed yet")
    card.get_by_role("link", name="Enter the confirmation").click()
    for day, sentence in (("", "Say on which day"), ("2199-01-01", "This day has not come yet"), ("2020-01-01", "The pack was made later than that")):
        main.get_by_label("On which day").fill(day)
        main.get_by_label("Who confirmed it?").fill("Nadia Next, DSL")
        main.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_contain_text(sentence)
        expect(main.get_by_label("Who confirmed it?")).to_have_value("Nadia Next, DSL")
    finds_nothing_wrong(page)
    today = page.evaluate("new Date().toLocaleDateString('sv', {timeZone: 'Europe/London'})")
    main.get_by_label("On which day").fill(today)
    main.get_by_role("button", name="Save").click()
    expect(main.get_by_role("status")).to_contain_text("The next school has the file")
    expect(main.locator(".sk-card").filter(has_text=school)).to_contain_text("Confirmed by Nadia Next, DSL")


def test_an_inspection_is_shown_records_without_names_that_a_dsl_has_read_through(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    person = sign_in("dsl", viewport=DESKTOP, fresh=True)
    page = person.go("reports/packs")
    main = page.get_by_role("main")
    main.get_by_role("link", name="For an inspection").click()
    finds_nothing_wrong(page)
    main.get_by_label("How many records").fill("11")
    main.get_by_label("Why do you need it?").fill("The inspection of 12 March")
    main.get_by_role("button", name="Look at the pack").click()
    expect(page.get_by_role("alert")).to_be_visible()
    main.get_by_label("How many records").fill("2")
    main.get_by_role("button", name="Look at the pack").click()
    expect(main.get_by_role("heading", name=re.compile("^Record [12]:"))).to_have_count(2)
    finds_nothing_wrong(page)
    names = [label.removeprefix("“").partition("”")[0] for label in main.locator(".govuk-checkboxes__label").all_inner_texts() if "shown as" in label]
    assert names
    accounts = " ".join(main.locator(".sk-report h4 ~ p.govuk-body").all_inner_texts())
    accounts = re.sub(r"\[[^\]]*\]|Action taken:", " ", accounts)  # what stands for a name, and the page's own words, are in no record
    known = {word.casefold() for name in names for word in name.split()}  # others' pupils may be called anything
    common = next(word for word in reversed(re.findall(r"\b[a-z]{5,}\b", accounts)) if word not in known)
    main.get_by_label("What else is left out?").fill(common)
    main.get_by_role("button", name="Look at it again").click()
    expect(main.locator(".sk-report")).to_contain_text("[left out]")
    main.get_by_role("button", name="Make the PDF").click()
    expect(page.get_by_role("alert")).to_contain_text("Read it through")
    expect(main.get_by_label("What else is left out?")).to_have_value(common)
    main.get_by_label("I have read the records through").check(force=True)
    text = words_of(fetched(page, "Make the PDF")[1])
    assert "Record 2:" in text
    assert "[Pupil A]" in text or "Pupil A" in text
    shown = text.partition("Record 1:")[2]
    assert not [name for name in names if " " in name and re.search(rf"\b{re.escape(name)}\b", shown)]


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("pupils/{pupil}/pack", {"kind": "no_such_kind", "do": "preview"}),
        ("pupils/{pupil}/pack", {"kind": "pep", "do": "preview", "reason": "R", "since": "31.02.2026", "class_codes": "welfare"}),
        ("pupils/{pupil}/pack", {"kind": "pep", "do": "preview", "reason": "R" * 300, "class_codes": "welfare"}),
        ("pupils/{pupil}/pack", {"kind": "pep", "do": "preview", "reason": "R\u202e", "class_codes": "no such class"}),
        ("pupils/{pupil}/pack", {"kind": "pep", "do": "pdf", "reason": "R", "class_codes": "welfare", "sha256": "x"}),
        ("pupils/{pupil}/pack", {"kind": "pep", "do": "pdf", "reason": "R", "class_codes": "welfare", "sha256": "0" * 64, "pdf_id": "x"}),
        ("pupils/{pupil}/pack", {"kind": "ofsted", "do": "preview", "reason": "R", "class_codes": "welfare"}),
        ("reports/packs/inspection", {"do": "preview", "reason": "R", "shown": "-1"}),
        ("reports/packs/inspection", {"do": "preview", "reason": "R", "shown": "1e9"}),
        ("reports/packs/inspection", {"do": "preview", "reason": "R", "shown": "9" * 5_000}),
        ("reports/packs/inspection", {"do": "docx", "reason": "R", "shown": "9" * 5_000}),
        ("reports/packs/inspection", {"do": "preview", "reason": "R", "shown": "1", "added": "x" * 5_000}),
        ("reports/packs/inspection", {"do": "preview", "reason": "R", "shown": "1", "until": "2199-01-01"}),
        ("reports/packs/inspection", {"do": "preview", "reason": "R", "shown": "1", "of_category": "no_such_category"}),
        ("reports/packs/inspection", {"do": "preview", "reason": "R", "shown": "1", "of_year_group": "year_99"}),
        ("reports/packs/inspection", {"do": "docx", "reason": "", "shown": "0"}),
    ],
)
def test_bad_input_is_refused_with_a_page_that_keeps_it(path: str, form: dict[str, str], sign_in: Callable[..., Any]) -> None:
    """Never a 500, and never a document. A kind that is none of a pupil's packs leads to the choice of kinds."""
    person = sign_in("dsl")
    page = person.go("pupils")
    pupil = pupils(page, "sarah")[0]["id"]
    token = page.locator("[name=csrf_token]").first.input_value()
    done = page.request.post(f"{person.base}s/hillside/{path.format(pupil=pupil)}", form=form | {"csrf_token": token})
    assert done.status == (200 if form.get("kind") in {"no_such_kind", "ofsted"} else 422)
    assert "text/html" in done.headers["content-type"]
