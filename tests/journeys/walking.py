"""Somebody new at a browser: links from the mailbox, a password, an authenticator app; and how long a person would take."""

import json
import re
import time
import urllib.request
from typing import Any

import pyotp
from playwright.sync_api import Browser, BrowserContext, Page

PASSWORD = "Plum teal harbour 1"
SECONDS_A_PAGE, SECONDS_A_LETTER, SECONDS_A_PRESS = 6.0, 0.3, 1.5
"""A person who has never seen the pages: reads each, types slowly, looks before pressing."""


class Newcomer:
    """One person, with a browser and an app of their own, from the link they are sent to working."""

    def __init__(self, browser: Browser, system: dict[str, Any], *, viewport: Any, dark: bool = False) -> None:
        scheme = {"color_scheme": "dark" if dark else "light", "reduced_motion": "reduce"}
        self.context: BrowserContext = browser.new_context(viewport=viewport, locale="en-GB", timezone_id="Europe/London", **scheme)
        self.context.set_default_timeout(30_000)
        self.page: Page = self.context.new_page()
        self.system, self.seconds, self.secret = system, 0.0, ""

    def fill(self, name: str, text: str) -> None:
        """Type into a field."""
        self.page.fill(f"[name={name}]", text)
        self.seconds += len(text) * SECONDS_A_LETTER

    def paste(self, name: str, text: str) -> None:
        """Paste into a field."""
        self.page.fill(f"[name={name}]", text)
        self.seconds += 10

    def choose(self, name: str, value: str) -> None:
        """Tick a box."""
        self.page.locator(f"[name={name}][value={value}]").check(force=True)
        self.seconds += SECONDS_A_PRESS

    def press(self, button: str) -> None:
        """Press a button, or follow a link, and read the page it leads to."""
        main = self.page.get_by_role("main")
        main.get_by_role("button", name=re.compile(f"^{re.escape(button)}")).or_(main.get_by_role("link", name=button)).last.click()
        self.page.wait_for_load_state()
        self.seconds += SECONDS_A_PRESS + SECONDS_A_PAGE

    def go(self, path: str) -> None:
        """Open a page."""
        self.page.goto(self.system["url"] + path)
        self.seconds += SECONDS_A_PRESS + SECONDS_A_PAGE

    def begin(self, link: str) -> None:
        """Use the link from the mail and set a password."""
        self.page.goto(link)
        self.press("Go on")
        self.fill("password", PASSWORD)
        self.press("Save password")

    def enrol(self, *, code: str = "") -> None:
        """Set up an authenticator app, and keep the recovery codes; `code`: who opens records types a pass, or the head's code, first."""
        if code:
            self.fill("code", code)
            self.press("Go on")
        self.press("Use an app on my phone")
        self.press("I have an app")
        self.secret = self.page.locator("[name=secret]").get_attribute("value") or ""
        self.seconds += 30  # the camera
        self.fill("code", pyotp.TOTP(self.secret).now())
        self.press("Add the app")
        self.press("I have kept them")


def mail(system: dict[str, Any], to: str, *, subject: str) -> dict[str, Any]:
    """Return the newest mail to an address whose subject holds these words; waits for one."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        with urllib.request.urlopen(system["mail_url"] + "/messages.json") as answer:
            mails = [m for m in json.load(answer) if m["to"] == [to] and subject in m["subject"]]
        if mails:
            newest: dict[str, Any] = max(mails, key=lambda m: m["at"])
            return newest
        time.sleep(0.3)
    raise AssertionError(f"no mail about {subject} came")


def letter(system: dict[str, Any], to: str, *, subject: str = "account", of: int = 1) -> str:
    """Return the link of the newest of so many letters to an address whose subject holds a word; waits for them. A later link voids an earlier."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        with urllib.request.urlopen(system["mail_url"] + "/messages.json") as answer:
            mails = [m for m in json.load(answer) if m["to"] == [to] and subject in m["subject"]]
        newest_first = sorted(mails, key=lambda m: m["at"], reverse=True)
        links = [found.group() for mail in newest_first if (found := re.search(r"http://\S+/link/\S+", mail["text"]))]
        if len(links) >= of:
            return links[0]
        time.sleep(0.3)
    raise AssertionError(f"no letter about {subject} came")
