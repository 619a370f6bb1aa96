"""Paper forms at a telephone's size: printed, noted, scanned, turned and cut, typed beside the scan, recorded and read."""

import io
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pypdf
import segno
from PIL import Image
from playwright.sync_api import Page, expect

from gateway.pages import papers
from safekeep.ids import new_id
from tests.journeys.conftest import PHONE, pictured
from tests.services.files import samples


def a_photo(path: Path, *, wide: int = 300, high: int = 200) -> Path:
    """A page that lies on its side: its head is on the left."""
    page = Image.new("RGB", (wide, high), "white")
    page.paste("black", (0, 0, 40, high))
    page.save(path)
    return path


def send(page: Page) -> None:
    """Fill in what is asked of every incident, and send it."""
    page.locator("[name=pupil_id][value=holding]").check(force=True)
    page.fill("[name=described_pupil]", "A boy in 4B")
    page.locator("[name=kind][value=observation]").check(force=True)
    page.locator("[name=when][value=not_known]").check(force=True)
    page.locator("[name=category_codes][value=not_sure]").check(force=True)
    expect(page.locator("#who")).to_contain_text("always, for this category", timeout=30_000)  # else it asks to look at who is sent it first
    page.locator("[data-record]").click()


def test_a_form_is_noted_scanned_turned_cut_and_recorded_with_who_wrote_it(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], tmp_path: Path
) -> None:
    dsl = sign_in("dsl", viewport=PHONE)
    page = dsl.go("paper")
    for wrong in ("", "x" * 201):
        page.fill("[name=line]", wrong)
        page.get_by_role("button", name="Add to the list").click()
        expect(page.locator("#problems")).to_be_visible()
        expect(page.locator("[name=line]")).to_have_value(wrong)
    line = f"Mrs Jones, midday, {new_id()}"
    page.fill("[name=line]", line)
    page.get_by_role("button", name="Add to the list").click()
    expect(page.locator(".sk-rows")).to_contain_text(line)
    expect(dsl.go("inbox").get_by_role("main")).to_contain_text("handed in and")
    dsl.go("paper").get_by_role("link", name=f"Scan it: {line}").click()
    page.locator("#files").set_input_files([a_photo(tmp_path / "one.png"), a_photo(tmp_path / "two.png")])
    expect(page.locator("canvas")).to_have_count(2)
    figure = page.locator("figure").first
    figure.get_by_role("button", name="Turn", exact=True).click()
    figure.get_by_role("button", name="Cut off below", exact=True).click()
    expect(figure.locator("canvas")).to_have_js_property("width", 200)
    expect(figure.locator("canvas")).to_have_js_property("height", 288)  # 300, a twenty-fifth less
    dark = page.evaluate("() => { const c = document.querySelector('canvas'); return c.getContext('2d').getImageData(100, 5, 1, 1).data[0]; }")
    assert dark < 60  # its head is on top now
    finds_nothing_wrong(page)
    page.get_by_role("button", name="Keep these pages").click()
    expect(page.locator("input[name=file_ids]")).to_have_count(2)
    expect(page.locator("[data-kept-files]")).to_contain_text("one.jpg")
    expect(page.locator(".sk-scan img")).to_have_count(2, timeout=30_000)  # the server's pictures of them, beside the fields
    page.locator("[data-record]").click()
    expect(page.locator("#problems")).to_contain_text("Say who wrote it")
    expect(page.locator("#problems")).to_contain_text("Say on which day it was handed in")
    expect(page.locator("input[name=file_ids]")).to_have_count(2)  # the pages are kept
    expect(page.locator(".sk-scan img")).to_have_count(2, timeout=30_000)  # and are shown again
    page.locator("label[for=paper_who-other]").click()
    page.fill("[name=paper_writer]", "Joan Jones")
    page.fill("[name=paper_role]", "Midday supervisor")
    page.fill("[name=paper_written_date]", "2026-03-10")
    page.fill("[name=paper_written_time]", "12:10")
    page.fill("[name=paper_handed_date]", "2026-03-09")
    send(page)
    expect(page.locator("#problems")).to_contain_text("handed in before it was written")
    page.fill("[name=paper_handed_date]", "2026-03-10")
    page.locator("[data-record]").click()
    expect(page.get_by_role("heading", level=1).first).to_contain_text("Recorded")
    page.goto(page.url.replace("/recorded", ""))
    facts = page.locator(".govuk-summary-list")
    expect(facts).to_contain_text("Joan Jones, Midday supervisor")
    expect(facts).to_contain_text("They have no account")
    expect(page.locator(".sk-account")).to_contain_text("As on the paper form.")
    expect(page.locator(".sk-account a[href*='/files/']")).to_have_count(2)
    kept = {link.inner_text(): str(link.get_attribute("href")) for link in page.locator(".sk-account a[href*='/files/']").all()}
    turned = Image.open(io.BytesIO(original(dsl, kept["one.jpg"])))
    assert turned.size == (200, 288), "what is kept is the page as it was turned and cut"
    grey = turned.convert("L")
    assert grey.crop((2, 2, 198, 36)).getextrema()[1] < 60, "its dark head is on top"
    assert grey.crop((2, 44, 198, 286)).getextrema()[0] > 200, "and nothing else of it is dark"
    assert original(dsl, kept["two.png"]) == (tmp_path / "two.png").read_bytes(), "what was not turned is kept as it was taken"
    ends = time.monotonic() + 60
    while dsl.go("paper").get_by_text(line).count():  # an event takes it off: files hears that the incident is recorded
        assert time.monotonic() < ends, "it is on the list still"


def original(dsl: Any, file_page: str) -> bytes:
    """Return a kept file as it is downloaded from its page."""
    dsl.page.goto(urljoin(dsl.base, file_page))
    with dsl.page.expect_download() as download:
        dsl.page.get_by_role("button", name="Download the original").click()
    return download.value.path().read_bytes()


def test_a_scanners_pdf_of_two_pages_becomes_evidence_and_its_pages_are_shown_beside_the_fields(sign_in: Callable[..., Any]) -> None:
    dsl = sign_in("dsl")
    page = dsl.go("paper/scan")
    scan = samples.pdf(2)
    page.locator("#files").set_input_files([{"name": "scan 0012.pdf", "mimeType": "application/pdf", "buffer": scan}])
    expect(page.locator("[data-kept-files]")).to_contain_text("scan 0012.pdf")
    expect(page.locator("canvas")).to_have_count(0)  # nothing of it can be turned here
    pictures = page.locator(".sk-scan img")
    expect(pictures).to_have_count(2, timeout=30_000)
    assert [picture.get_attribute("alt") for picture in pictures.all()] == ["Page 1", "Page 2"]
    assert all(picture.evaluate("picture => picture.naturalWidth > 100 && picture.naturalHeight > 100") for picture in pictures.all())
    page.locator("[name=narrative]").evaluate("field => field.scrollIntoView({block: 'center'})")
    first, typed = pictures.first.bounding_box(), page.locator("[name=narrative]").bounding_box()
    assert first
    assert typed
    assert first["x"] >= typed["x"] + typed["width"], "beside what is typed"
    assert -first["height"] < first["y"] < 900, "and still in sight there"
    pictured(page, "paper-scan-pdf")
    page.locator("label[for=paper_who-other]").click()
    page.fill("[name=paper_writer]", "Joan Jones")
    page.fill("[name=paper_written_date]", "2026-03-10")
    page.fill("[name=paper_handed_date]", "2026-03-10")
    send(page)
    expect(page.get_by_role("heading", level=1).first).to_contain_text("Recorded")
    page.goto(page.url.replace("/recorded", ""))
    link = page.locator(".sk-account a[href*='/files/']")
    expect(link).to_have_count(1)
    expect(page.locator(".sk-account")).to_contain_text("As on the paper form.")
    assert original(dsl, str(link.get_attribute("href"))) == scan


def test_there_is_one_field_for_pages_and_those_that_were_not_kept_yet_are_not_left_behind(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], tmp_path: Path
) -> None:
    """Page after page from a telephone's camera, and then the button that records: what is shown is kept first."""
    dsl = sign_in("dsl", viewport=PHONE)
    page = dsl.go("paper/scan")
    expect(page.get_by_role("main").locator("input[type=file]")).to_have_count(1)
    for number, name in enumerate(("one.png", "two.png"), 1):
        page.get_by_label("Take a picture of each page, or choose the scanner’s file").set_input_files(a_photo(tmp_path / name))
        expect(page.locator("figure canvas")).to_have_count(number)
    finds_nothing_wrong(page)
    pictured(page, "paper-pages-390")
    page.locator("[data-record]").click()
    expect(page.locator("input[name=file_ids]")).to_have_count(2)
    expect(page.locator("figure")).to_have_count(0)
    expect(page.locator("#problems")).to_have_count(0)
    bare = sign_in("dsl", viewport=PHONE, javascript=False).go("paper/scan")
    expect(bare.get_by_role("main").locator("input[type=file]")).to_have_count(1)
    bare.get_by_label("Take a picture of each page, or choose the scanner’s file").set_input_files(tmp_path / "one.png")
    bare.get_by_role("button", name="Add these files").click()
    expect(bare.locator("input[name=file_ids]")).to_have_count(1)
    pictured(bare, "paper-pages-390-without")


def test_pages_that_are_still_being_opened_are_kept_before_it_is_recorded_and_a_wrong_one_can_be_taken_off(
    sign_in: Callable[..., Any], tmp_path: Path
) -> None:
    """A large photograph takes a telephone seconds to open, and somebody in a hurry presses meanwhile. What cannot be shown stands there by its name."""
    dsl = sign_in("dsl", viewport=PHONE)
    page = dsl.go("paper/scan")
    page.evaluate("""() => {
        const real = window.createImageBitmap;
        window.createImageBitmap = async (...given) => { await new Promise((go) => (window.opens = go)); return real(...given); };
    }""")
    page.locator("#files").set_input_files(a_photo(tmp_path / "one.png"))
    page.wait_for_function("() => window.opens")
    page.locator("[data-record]").click()
    expect(page.locator(".sk-scan")).to_contain_text("These pages are kept first. Press it again when they are.")
    page.evaluate("() => opens()")
    expect(page.locator("input[name=file_ids]")).to_have_count(1)
    expect(page.locator(".sk-scan")).not_to_contain_text("These pages are kept first")
    expect(page.locator("#problems")).to_have_count(0)

    page = dsl.go("paper/scan")
    page.locator("#files").set_input_files([a_photo(tmp_path / "wrong.png")])
    expect(page.locator("figure canvas")).to_have_count(1)
    page.locator("#files").set_input_files([{"name": "scan.pdf", "mimeType": "application/pdf", "buffer": samples.pdf(1)}])
    second = page.get_by_role("figure", name="Page 2")
    expect(second).to_contain_text("scan.pdf")
    expect(page.locator("input[name=file_ids]")).to_have_count(0)
    pictured(page, "paper-pages-mixed-390")
    page.get_by_role("figure", name="Page 1").get_by_role("button", name="Take off").click()
    expect(page.get_by_role("figure", name="Page 1")).to_contain_text("scan.pdf")
    keep = page.get_by_role("button", name="Keep these pages")
    expect(keep).to_be_focused()
    keep.click()
    expect(page.locator("input[name=file_ids]")).to_have_count(1)
    expect(page.locator("[data-kept-files]")).to_contain_text("scan.pdf")
    expect(keep).to_be_hidden()


def test_a_page_that_is_changed_twice_at_once_is_kept_as_it_was_shown_last(sign_in: Callable[..., Any], tmp_path: Path) -> None:
    """Pictures of a page are made beside the page's program: the one of an earlier state may be done last."""
    dsl = sign_in("dsl", viewport=PHONE)
    page = dsl.go("paper/scan")
    page.evaluate("""() => {
        const real = HTMLCanvasElement.prototype.toBlob;
        const late = [];  // as where the first picture takes longest: all wait for the last one, and come the other way round
        window.madeAll = () => late.reverse().forEach((come) => come());
        HTMLCanvasElement.prototype.toBlob = function (done, ...how) {
            real.call(this, (blob) => { late.push(() => done(blob)); window.made = late.length; }, ...how);
        };
    }""")
    page.locator("#files").set_input_files(a_photo(tmp_path / "page.png"))
    figure = page.locator("figure").first
    figure.get_by_role("button", name="Turn", exact=True).click()
    figure.get_by_role("button", name="Cut off below", exact=True).click()
    keep = page.get_by_role("button", name="Keep these pages")
    page.wait_for_function("() => window.made === 2")
    expect(keep).to_be_disabled()
    page.evaluate("() => madeAll()")
    expect(keep).to_be_enabled()
    keep.click()
    expect(page.locator(".sk-scan img")).to_have_count(1, timeout=30_000)
    size = page.locator(".sk-scan img").evaluate("picture => [picture.naturalWidth, picture.naturalHeight]")
    assert size == [200, 288]


def test_a_blank_form_names_the_school_and_says_never_to_undress_a_child(sign_in: Callable[..., Any]) -> None:
    dsl = sign_in("dsl", viewport=PHONE)
    answer = dsl.page.request.get(f"{dsl.base}s/hillside/paper/blank.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    document = pypdf.PdfReader(io.BytesIO(answer.body()))
    text = " ".join(" ".join(page.extract_text() for page in document.pages).split())
    assert "Hillside Primary" in text
    assert "Never ask a child to undress" in text
    assert str(document.trailer["/Root"]["/MarkInfo"]["/Marked"]) == "True"  # type: ignore[index]
    figures = [str(thing["/Alt"]) for thing in _structure(document.trailer["/Root"]["/StructTreeRoot"]) if "/Alt" in thing]  # type: ignore[index]
    (code,) = (alt for alt in figures if "names Hillside Primary" in alt)
    assert code.endswith("/s/hillside/paper")
    address = code.rpartition(" ")[2]
    assert dsl.page.goto(address).status == 200, "the code leads to this school's list"
    assert _modules(papers._code(address)) == [[bool(module) for module in row] for row in segno.make(address, error="m").matrix]


def _structure(thing: Any) -> Iterator[Any]:
    """Yield a PDF's elements, one within the other."""
    thing = thing.get_object() if hasattr(thing, "get_object") else thing
    if isinstance(thing, list):
        for each in thing:
            yield from _structure(each)
    elif isinstance(thing, dict):
        yield thing
        yield from _structure(thing.get("/K", []))


def _modules(svg: str) -> list[list[bool]]:
    """Return which squares of a drawn code are dark, without its edge of two: as strokes along its rows say."""
    width, path = int(re.findall(r' width="(\d+)"', svg)[0]) // 4 - 4, re.findall(r'class="qrline"[^>]* d="([^"]+)"', svg)[0]
    drawn, x, y = [[False] * width for _ in range(width)], 0.0, 0.0
    for step, numbers in re.findall(r"([Mmh])([-\d. ]+)", path):
        by = [float(n) for n in re.findall(r"-?[\d.]+", numbers)]
        if step == "h":
            for n in range(int(by[0])):
                drawn[int(y) - 2][int(x) + n - 2] = True
            x += by[0]
        else:
            x, y = (by[0], by[1]) if step == "M" else (x + by[0], y + by[1])
    return drawn
