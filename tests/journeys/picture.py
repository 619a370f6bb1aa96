"""The picture of the README, from a running demonstration: `SAFEKEEP_READY=ready.json python -m tests.journeys.picture`.

The recording page on a telephone beside the inbox of a DSL. Everybody in it is made up. Writes docs/safekeep.png.
"""

import io
import json
import os
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.journeys.conftest import CHROMIUM, ROOT, Person
from tests.journeys.test_afterwards import pupils, record

TO = ROOT / "docs" / "safekeep.png"
MOST_BYTES = 200_000


def page_of(browser: Browser, system: dict[str, object], role: str, *, width: int, height: int) -> Person:
    context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB", timezone_id="Europe/London", reduced_motion="reduce")
    return Person(context.new_page(), system, role, "Hillside Primary")


def on_a_phone(page: Page) -> bytes:
    page.locator("#pupil_q").press_sequentially("sarah")
    page.locator("#pupil_q-list [role=option]").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.locator("#pupil_q").evaluate("(e) => window.scrollTo(0, e.getBoundingClientRect().top + scrollY - 420)")
    return page.screenshot()


def main() -> None:
    """Take both pictures and lay them side by side."""
    system = json.loads(Path(os.environ["SAFEKEEP_READY"]).read_text())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        teacher = page_of(browser, system, "teacher", width=390, height=844)
        start = teacher.go("pupils")
        for category, q in (("safeguarding_concern", "sarah"), ("welfare", "am"), ("bullying", "ma")):
            record(start, pupil_id=pupils(start, q)[0]["id"], category_codes=category)
        phone = on_a_phone(teacher.go("incidents/new"))
        desk = page_of(browser, system, "dsl", width=1120, height=844).go("inbox").screenshot()
        browser.close()
    left, right = (Image.open(io.BytesIO(data)).convert("RGB") for data in (phone, desk))
    sheet = Image.new("RGB", (left.width + right.width + 72, left.height + 48), "#d9d4df")
    sheet.paste(left, (24, 24))
    sheet.paste(right, (left.width + 48, 24))
    sheet.quantize(64).save(TO, optimize=True)
    print(f"{TO.relative_to(ROOT)}: {TO.stat().st_size} bytes")
    if TO.stat().st_size > MOST_BYTES:
        raise SystemExit("larger than 200 kB: take fewer colours")


if __name__ == "__main__":
    main()
