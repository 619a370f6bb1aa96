"""The pages of evidence and of recording well, at both sizes, light and dark: nothing wrong with them, and pictures to be looked at by a person."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from safekeep.body.regions import middle_of
from tests.journeys.conftest import DESKTOP, PHONE, pictured
from tests.journeys.test_paper_forms import a_photo
from tests.journeys.test_recording_page import fill_without_pupil
from tests.services.files.samples import picture


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["390", "1280"])
def test_nothing_is_wrong_with_the_body_map_the_scan_the_coach_a_file_and_the_short_form(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: dict[str, int], dark: bool, tmp_path: Path
) -> None:
    dsl = sign_in("dsl", viewport=viewport, dark=dark)
    look = f"{viewport['width']}-{'dark' if dark else 'light'}"

    def looked_at(page: Page, name: str) -> None:
        finds_nothing_wrong(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than the screen"
        pictured(page, f"{name}-{look}")

    page = dsl.go("incidents/new")
    page.fill("[name=narrative]", "Sarah seemed upset and was obviously tired. She has had a few bruises. It was realy bad.")
    page.fill("[name=action_taken]", "Will ring mum tomorrow.")
    expect(page.locator("#coach-text .sk-coach__said")).to_contain_text("What did you see or hear", timeout=30_000)
    expect(page.locator("#coach-action_taken")).to_contain_text("This sounds planned.")
    looked_at(page, "coach")
    page = dsl.go("incidents/several")
    page.get_by_role("main").get_by_role("button", name="Record and go to the next").last.click()
    expect(page.locator("#problems")).to_be_visible()
    looked_at(page, "several")
    page = dsl.go("paper/scan")
    page.locator("#files").set_input_files([a_photo(tmp_path / "one.png", wide=900, high=1200)])
    expect(page.locator("canvas")).to_have_count(1)
    looked_at(page, "scan-turning")
    page.get_by_role("button", name="Keep these pages").click()
    expect(page.locator(".sk-scan img")).to_have_count(1, timeout=120_000)
    looked_at(page, "scan-kept")
    page = dsl.go("incidents/new")
    fill_without_pupil(page)
    page.locator("[name=pupil_id][value=holding]").check(force=True)
    page.fill("[name=described_pupil]", "A tall boy in Year 6")
    page.locator("[name=category_codes][value=medical]").check(force=True)
    page.set_input_files("#files", [{"name": "coat.jpg", "mimeType": "image/jpeg", "buffer": picture(size=(1600, 1200), placed=True)}])
    expect(page.locator("[data-kept-files]")).to_contain_text("coat.jpg")
    page.get_by_role("button", name="Show it on a body map").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Body map")
    point = middle_of("left_forearm_inner", drawing="front", age="middle")
    page.locator("#map").evaluate("element => element.scrollIntoView()")
    x, y = page.evaluate(
        "([x, y]) => { const p = new DOMPoint(x, y).matrixTransform(document.querySelector('.bm-canvas svg').getScreenCTM()); return [p.x, p.y]; }",
        list(point),
    )
    page.mouse.click(x, y)
    expect(page.locator("#place")).to_have_value("front.left_forearm_inner")
    page.locator("label[for=kind]").click()
    page.fill("[name=colour]", "yellow")
    page.fill("[name=length_mm]", "20 mm")
    page.get_by_role("button", name="Add this mark").click()
    expect(page.locator(".bm-item")).to_contain_text("yellow")
    looked_at(page, "body-map")
    page.get_by_role("button", name="Back to the incident").or_(page.get_by_role("link", name="Back to the incident")).first.click()
    expect(page.locator("#recipients")).to_contain_text("SLT", timeout=30_000)
    page.locator("[data-record]").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Recorded")
    page.goto(page.url.replace("/recorded", ""))
    looked_at(page, "incident-with-evidence")
    page.locator(".sk-account a[href*='/files/']").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("coat.jpg")
    expect(page.get_by_role("main")).to_contain_text("10 March 2026 at 12:47")  # as people say it, not as the device writes it
    shown, facts = page.locator(".sk-page").bounding_box(), page.locator(".govuk-summary-list").bounding_box()
    assert shown
    assert facts
    assert shown["y"] < facts["y"], "what it shows comes before what is known of it"
    page.get_by_text("If it must not be seen").click()  # what to do opens above the picture: one that comes late moves nothing
    expect(page.get_by_role("button", name="Block this file")).to_be_in_viewport()
    looked_at(page, "file")
