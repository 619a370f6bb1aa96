"""A real browser, and people of the demonstration signed in to it."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Locator, Page, Playwright, expect, sync_playwright

from tests.journeys import signing_in

ROOT = Path(__file__).resolve().parent.parent.parent
PICTURES = ROOT / "screenshots"
"""Where pictures of pages are kept, to be looked at by a person; git does not keep them."""
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


CHROMIUM = "/usr/bin/chromium-headless-shell"
"""Debian's Chromium without windows and menus of its own, which are pages too: beside a test's page they took more work than the page itself."""
QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
"""It talks to loopback only."""


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """What drives the browsers: one a process."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """The browser of the journeys."""
    chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
    _browsers.append(chromium)
    yield chromium
    _browsers.remove(chromium)
    chromium.close()


_browsers: list[Browser] = []


def keep_pictures(name: str) -> None:
    """Keep a picture of every page that is open in a browser of ours, whoever opened it."""
    open_pages = [page for each in _browsers for context in each.contexts for page in context.pages]
    for number, page in enumerate(open_pages):
        with suppress(Error):  # it was just being closed
            pictured(page, f"{re.sub(r'[^0-9A-Za-z_.-]', '-', name)}-{number}")


class Person:
    """Somebody at a browser, signed in."""

    def __init__(self, page: Page, system: dict[str, Any], role: str, school: str | None, *, fresh: bool) -> None:
        self.page, self.base, self.system = page, system["url"], system
        self.login = next(x for x in system["logins"] if (x["role"], x["school"]) == (role, school))
        if self.login["totp_secret"]:
            name, value = signing_in.cookie(system, self.login, fresh=fresh)
            page.context.add_cookies([{"name": name, "value": value, "url": self.base}])
            page.goto(self.base)
            return
        page.goto(self.base + "sign-in")
        page.fill("[name=username]", self.login["username"])
        page.fill("[name=password]", self.login["password"])
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "sign-in" not in url)  # else the next page asked for overtakes the cookie

    def go(self, path: str) -> Page:
        """Open a page of Hillside Primary."""
        self.page.goto(f"{self.base}s/hillside/{path}")
        return self.page


def paste(page: Page, field: Locator, words: str) -> None:
    """Paste into a field from the clipboard, with the keyboard, over what stands there."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("words => navigator.clipboard.writeText(words)", words)
    field.focus()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.press("ControlOrMeta+V")
    expect(field).to_have_value(words)


def pictured(page: Page, name: str) -> None:
    """Keep a picture of a page."""
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def leads_to(page: Page, address: str, where: str) -> None:
    """Open an address until every process of the gateway sends on to `where`: each hears within a second what became of a session."""
    reached, ends = 0, time.monotonic() + 20
    while reached < 8:
        assert time.monotonic() < ends, f"never led to {where}"
        page.goto(address)
        reached = reached + 1 if where in page.url else 0


@pytest.fixture
def sign_in(browser: Browser, system: dict[str, Any]) -> Iterator[Callable[..., Person]]:
    """sign_in("teacher", viewport=PHONE, javascript=False)."""
    contexts = []

    def enter(
        role: str,
        *,
        viewport: Any = None,
        javascript: bool = True,
        dark: bool = False,
        school: str | None = "Hillside Primary",
        fresh: bool = False,
        touch: bool = False,
    ) -> Person:
        context = browser.new_context(
            viewport=viewport or DESKTOP,
            java_script_enabled=javascript,
            locale="en-GB",
            timezone_id="Europe/London",
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            has_touch=touch,
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        return Person(context.new_page(), system, role, school, fresh=fresh)

    yield enter
    for context in contexts:
        context.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[None]:
    """Keep a picture of every page that is open when a test fails."""
    outcome: Any = yield
    if outcome.get_result().failed and call.when == "call":
        keep_pictures(item.name)


RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""Those of axe's rules that look at colours: of a page that was held against all of them, the other theme changes nothing else (theme.css)."""
FINDS = """([only, whole]) => axe.run(document, {runOnly: only, resultTypes: ["violations"], selectors: whole}).then(
  ({violations}) => violations.map((v) => [v.id, v.help, whole ? v.nodes.map((n) => n.target).slice(0, 3) : []]))"""
"""What passed is not described, and where what did not pass lies is only looked for once there is some: of a long page both are much work."""

FOOT = "(position) => { for (const foot of document.querySelectorAll('.sk-foot')) foot.style.position = position; }"
"""What is always in view lies over whatever is below it just then, and axe takes what is left of a link for all of it. It is looked at where it has
its own place; that what has the focus is never below it is looked at by keyboard (test_keyboard.py)."""


@pytest.fixture
def finds_nothing_wrong() -> Callable[..., None]:
    """Hold the page in the browser against WCAG 2.2 AA with axe; against some of its rules alone where they are named."""
    axe = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text()
    have_it: set[Page] = set()

    def check(page: Page, rules: list[str] | None = None) -> None:
        page.wait_for_load_state()
        if page not in have_it:
            page.add_init_script(axe)  # from the next page on the browser has it there itself: sending half a megabyte each time costs more
            have_it.add(page)
        if not page.evaluate("'axe' in window"):
            page.evaluate(axe)
        only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": RULES}
        page.evaluate("Promise.all(document.getAnimations().map((a) => a.finished))")  # half faded in, no colour is what it will be
        page.evaluate(FOOT, "static")
        found = page.evaluate(FINDS, [only, False])
        where = page.evaluate(FINDS, [only, True]) if found else []
        page.evaluate(FOOT, "")
        if found:
            raise AssertionError(f"{page.url.partition('/s/')[2]}: {where or found}")

    return check
