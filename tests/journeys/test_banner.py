"""The banner of somebody with everything in it, at two schools and with long names: one row at a desk, no page wider than its window anywhere."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import DESKTOP

LONG_SCHOOL = "St Mary Magdalene and St Stephen Church of England Voluntary Aided Primary School"
LONG_NAME = "Dr Rhiannon Llewellyn-Jones-Fitzpatrick"
WIDTHS = {1920: 1, 1280: 1, 1200: 1, 1024: 2, 768: 2, 390: 1, 320: 1}
"""Of windows in pixels: in how many rows the banner stands."""


def rows(page: Page) -> int:
    """Return in how many rows what is seen in the banner stands: how often something begins below all that stood before it."""
    return int(
        page.evaluate("""() => {
            const boxes = [...document.querySelectorAll('.sk-banner a, .sk-banner button')].map(e => e.getBoundingClientRect());
            let count = 0, bottom = -1;
            for (const box of boxes.filter(b => b.width && b.height).sort((a, b) => a.top - b.top))
                if (box.top >= bottom) { count += 1; bottom = box.bottom - 1; }
            return count;
        }""")
    )


@pytest.mark.parametrize("welsh", [False, True], ids=["English", "Welsh"])
def test_at_a_desk_it_is_one_row_and_nothing_is_wider_than_the_window(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], welsh: bool
) -> None:
    dsl = sign_in("dsl", viewport=DESKTOP)
    page = dsl.go("pupils")
    if welsh:
        page.locator("[name=language]").click()
        expect(page.locator("html")).to_have_attribute("lang", "cy")
    finds_nothing_wrong(page)
    for long in (False, True):
        if long:
            page.evaluate(
                """([school, name]) => {
                    document.querySelector('.sk-banner__cut').textContent = school;
                    document.querySelector('.sk-banner__person').textContent = name;
                    document.querySelectorAll('.sk-banner .sk-count').forEach(count => count.remove());
                    document.querySelector('.sk-banner__nav a').insertAdjacentHTML('beforeend', '<span class="sk-count">123</span>');
                }""",
                [LONG_SCHOOL, LONG_NAME],
            )
        for width, expected in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (width, long)
            assert rows(page) == expected, (width, long)
            heights = page.evaluate("[...document.querySelectorAll('.sk-banner__button')].map(button => button.getBoundingClientRect().height)")
            assert heights == [44, 44], (width, long, "what a button says stands in one line")
