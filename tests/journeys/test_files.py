"""A file from a telephone to the DSL: sent in parts with a bar, refused in a sentence, shown as pictures, blocked, and destroyed by a second person."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.journeys.conftest import DESKTOP, PHONE, pictured
from tests.journeys.test_afterwards import pupils, record
from tests.services.files.samples import REFUSED, picture

NEVER = "Never attach, copy or open an image of a naked or partly naked child. Leave the device as it is and tell a DSL."
PHOTO = picture(size=(1600, 1200), placed=True)


def choose(page: Page, name: str, data: bytes) -> None:
    page.set_input_files("#files", [{"name": name, "mimeType": "application/octet-stream", "buffer": data}])


def test_a_long_file_goes_in_parts_and_goes_on_after_the_connection_dropped(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    """Nine megabytes in two parts, of which the second is cut off once; nothing is pressed for it to go on. A bar says how far it is."""
    page = sign_in("teacher", viewport=PHONE).go("incidents/new")
    cut: list[Route] = []

    def drop(route: Route) -> None:
        if "at=8388608" in route.request.url and not cut:
            cut.append(route)
        else:
            route.continue_()

    page.route("**/uploads/*/part?*", drop)
    choose(page, "film.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(9_000_000))
    bar = page.get_by_role("progressbar", name=re.compile(r"^Sending film\.mp4: 9\d %$"))
    expect(bar).to_be_visible(timeout=60_000)
    assert 90 <= float(bar.evaluate("bar => bar.value")) < 100
    finds_nothing_wrong(page)
    pictured(page, "upload-390")
    cut[0].abort()
    expect(page.locator("[data-upload-said]")).to_contain_text("The connection dropped. film.mp4 goes on by itself")
    expect(page.locator("[data-kept-files]")).to_contain_text("film.mp4", timeout=60_000)
    assert len(cut) == 1
    expect(page.locator("[data-upload-said]")).to_have_text("film.mp4 is kept")
    expect(page.locator("progress")).to_have_count(0)
    finds_nothing_wrong(page)
    page.get_by_role("button", name="Take off film.mp4").click()
    expect(page.locator("[name=file_ids]")).to_have_count(0)


def test_parts_grow_where_the_line_is_fast_and_no_more_once_something_went_wrong(sign_in: Callable[..., Any], tmp_path: Path) -> None:
    """What stands between may let no long part pass: after the first that failed each is as long as the first."""
    page, part = sign_in("teacher").go("incidents/new"), 8 * 2**20
    page.evaluate("() => { performance.now = () => 0; }")  # every part is there at once
    asked: list[int] = []
    page.on("request", lambda request: asked.append(int(request.url.partition("/part?at=")[2])) if "/part?at=" in request.url else None)
    for name in ("one.mp4", "two.mp4"):
        (tmp_path / name).write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(4 * part))
    page.locator("#files").set_input_files(tmp_path / "one.mp4")
    expect(page.locator("[data-kept-files]")).to_contain_text("one.mp4", timeout=30_000)
    assert asked == [0, part, 3 * part]
    asked.clear()
    page.route(f"**/part?at={part}", lambda route: route.abort(), times=1)
    page.locator("#files").set_input_files(tmp_path / "two.mp4")
    expect(page.locator("[data-kept-files]")).to_contain_text("two.mp4", timeout=30_000)
    assert asked == [0, part, part, 2 * part, 3 * part, 4 * part]


@pytest.mark.parametrize("javascript", [True, False], ids=["sent in parts", "sent with the form"])
def test_a_refused_file_is_said_why_and_nothing_typed_is_lost(sign_in: Callable[..., Any], javascript: bool) -> None:
    page = sign_in("teacher", viewport=PHONE, javascript=javascript).go("incidents/new")
    page.fill("[name=narrative]", "He said he was fine.")
    for case, sentence in (
        ("macros by their part", "holds macros"),
        ("a locked document", "locked with a password"),
        ("an archive", "is an archive"),
    ):
        name, data, _ = REFUSED[case]
        choose(page, name, data)
        if not javascript:
            page.get_by_role("button", name="Add these files").click()
        expect(page.get_by_role("main").locator(".govuk-error-message").filter(has_text=sentence)).to_be_visible()
        expect(page.locator("[name=narrative]")).to_have_value("He said he was fine.")
    expect(page.locator("[name=file_ids]")).to_have_count(0)


def test_a_photograph_is_seen_as_a_picture_made_anew_blocked_by_one_dsl_and_destroyed_by_another_as_the_whole_incident_can_be(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    page = sign_in("teacher", viewport=PHONE).go("incidents/new")
    expect(page.get_by_role("main")).to_contain_text(NEVER)
    choose(page, "the drawing.jpg", PHOTO)
    expect(page.locator("[data-kept-files]")).to_contain_text("the drawing.jpg", timeout=30_000)
    pupil = pupils(page, "am")[0]["id"]
    address = record(page, pupil_id=pupil, file_ids=page.locator("[name=file_ids]").input_value())

    dsl = sign_in("dsl", viewport=PHONE).page
    for elsewhere in (f"{address}/actions/new", address.partition("/incidents/")[0] + "/paper/scan"):
        dsl.goto(elsewhere)
        expect(dsl.get_by_role("main")).to_contain_text(NEVER)
        expect(dsl.locator("#files")).to_be_attached()
    dsl.goto(address)
    dsl.get_by_role("link", name="the drawing.jpg").click()
    shown = dsl.locator("img.sk-page")
    for _ in range(40):  # made within seconds
        if shown.count():
            break
        dsl.wait_for_timeout(500)
        dsl.reload()
    expect(shown).to_have_count(1)
    shown.scroll_into_view_if_needed()
    dsl.wait_for_function("() => document.querySelector('img.sk-page').naturalWidth > 0")
    expect(dsl.get_by_role("main")).to_contain_text("51.50722, -0.12750")
    expect(dsl.get_by_role("main")).to_contain_text("Not scanned for viruses")
    finds_nothing_wrong(dsl)
    pictured(dsl, "file-390")
    file, preview = dsl.url, str(shown.get_attribute("src"))
    base = dsl.url.split("/s/")[0]
    original = f"{base}/s/hillside/files/{file.rsplit('/', 1)[1]}"
    part = dsl.request.get(original, headers={"Range": "bytes=10-19"})
    assert (part.status, part.body(), part.headers["content-range"]) == (206, PHOTO[10:20], f"bytes 10-19/{len(PHOTO)}")
    assert part.headers["content-security-policy"].startswith("sandbox")
    assert part.headers["content-disposition"].startswith("attachment")
    assert part.headers["x-content-type-options"] == "nosniff"
    assert dsl.request.get(original, headers={"Range": "bytes=999999999-"}).status == 416

    author = sign_in("teacher", viewport=PHONE).page
    author.goto(file)
    expect(author.get_by_role("main")).not_to_contain_text("51.50722")
    assert author.request.get(base + preview).status == 200, "they may read it: incidents says so anew"
    stranger = sign_in("sports_coach", viewport=PHONE).page
    assert stranger.request.get(base + preview).status == 404, "a link is one person's"

    dsl.get_by_text("If it must not be seen").click()
    dsl.get_by_role("button", name="Block this file").click()
    finds_nothing_wrong(dsl)
    dsl.get_by_role("button", name="Block it now").click()
    expect(dsl.locator(".govuk-error-summary")).to_be_visible()
    dsl.fill("[name=reason]", "It should not have been taken")
    dsl.get_by_role("button", name="Block it now").click()
    expect(dsl.get_by_role("main")).to_contain_text("This file was blocked on")
    for who in (dsl, author):
        assert who.request.get(original).status == 409
        assert who.request.get(base + preview).status in (404, 409)
    dsl.goto(f"{file}/decide")
    expect(dsl.get_by_role("main")).to_contain_text("You blocked this file. Another DSL or deputy has to decide about it.")

    deputy = sign_in("deputy_dsl", viewport=DESKTOP, fresh=True).page  # both decisions take a second factor shown just now
    deputy.goto(f"{file}/decide")
    finds_nothing_wrong(deputy)
    deputy.get_by_label(re.compile("^Destroy it for good")).check(force=True)
    deputy.fill("[name=reason]", "DC Jones advised it, 12 March, ref 123")
    deputy.get_by_role("button", name="Do this").click()
    expect(deputy.get_by_role("main")).to_contain_text("This file was destroyed for good on")
    assert deputy.request.get(original).status == 409

    dsl.goto(address)  # and what the whole incident says, by a court's order
    said = dsl.locator(".sk-account .sk-reading").first.inner_text()
    dsl.get_by_role("link", name="It must not be kept any longer: propose to destroy what it says").click()
    finds_nothing_wrong(dsl)
    dsl.get_by_role("button", name="Propose it").click()
    expect(dsl.locator(".govuk-error-summary")).to_contain_text("Say by whose order, or under which policy or law")
    dsl.get_by_label("By order").check(force=True)
    dsl.fill("[name=law]", "the county court, claim 7")
    dsl.fill("[name=reason]", "The judge's letter is in the office")
    dsl.get_by_role("button", name="Propose it").click()
    expect(dsl.get_by_role("main")).to_contain_text("You proposed this. Another DSL or deputy has to decide about it. You can take it back.")
    expect(dsl.get_by_role("button", name="Take it back")).to_be_visible()
    expect(dsl.get_by_label(re.compile("^Destroy it for good"))).to_have_count(0)
    expect(dsl.locator("main form button")).to_have_count(1)
    finds_nothing_wrong(dsl)
    deputy.goto(address)
    expect(deputy.get_by_role("main")).to_contain_text(said)
    deputy.get_by_role("link", name="Read why, and decide").click()
    expect(deputy.get_by_role("main")).to_contain_text("By order: the county court, claim 7")
    for scheme, warning in (("light", "rgb(168, 20, 30)"), ("dark", "rgb(255, 157, 150)")):
        deputy.emulate_media(color_scheme=scheme)
        expect(deputy.get_by_role("button", name="Do this")).to_have_css("background-color", warning)
        finds_nothing_wrong(deputy)
        pictured(deputy, f"destroying-1280-{scheme}")
        with_phone = deputy.viewport_size
        deputy.set_viewport_size(PHONE)
        pictured(deputy, f"destroying-390-{scheme}")
        deputy.set_viewport_size(with_phone)
    deputy.emulate_media(color_scheme="light")
    deputy.get_by_label(re.compile("^Destroy it for good")).check(force=True)
    deputy.fill("[name=reason]", "Read against the order")
    deputy.get_by_role("button", name="Do this").click()
    for who in (deputy, author):
        who.goto(address)
        expect(who.get_by_role("main")).to_contain_text(re.compile(r"Destroyed on .* by order of the county court, claim 7\."))
        expect(who.get_by_role("main")).not_to_contain_text(said)
    expect(deputy.get_by_role("link", name="propose to destroy what it says")).to_have_count(0)
    finds_nothing_wrong(deputy)
    deputy.goto(f"{base}/s/hillside/pupils/{pupil}/chronology")
    expect(deputy.get_by_role("main")).to_contain_text("by order of the county court, claim 7.")


def test_which_kinds_are_kept_is_a_setting(sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]) -> None:
    dsl = sign_in("dsl", viewport=PHONE, javascript=False)
    page = dsl.go("settings/files")
    page.locator("[name=kinds][value=archives]").check(force=True)
    page.get_by_role("button", name="Save").click()
    page = dsl.go("settings/files")
    expect(page.locator("[name=kinds][value=archives]")).to_be_checked()
    page.locator("[name=kinds][value=archives]").uncheck(force=True)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("main")).to_contain_text("Saved.")
