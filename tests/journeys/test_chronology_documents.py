"""A DSL takes a chronology out as PDF, Word or CSV: by its page, with why, on a phone and without JavaScript."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import DESKTOP, PHONE
from tests.journeys.test_afterwards import pupils

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
