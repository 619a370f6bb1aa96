"""A concern by keyboard alone, at twice the size, without motion, and in forced colours."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys import signing_in
from tests.journeys.api import Api
from tests.journeys.conftest import DESKTOP, PHONE

FOCUS = """() => {
  const it = document.activeElement;
  if (!it || it === document.body) return null;
  const style = getComputedStyle(it);
  const label = it.labels?.length ? getComputedStyle(it.labels[0], "::before") : null;
  const box = it.getBoundingClientRect();
  const marks = (s) => s.boxShadow !== "none" || (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2);
  const covered = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height / 2, 10));
  return {
    id: it.id, name: it.name ?? "", value: it.value ?? "", tag: it.tagName, text: (it.innerText ?? "").trim(), bar: it.closest(".sk-bar, .sk-foot") !== null,
    shown: marks(style) || (label !== null && marks(label)),
    seen: box.bottom > 0 && box.top < innerHeight,
    free: !covered || it.contains(covered) || covered.contains(it) || it.closest("label, .govuk-radios__item, .govuk-checkboxes__item")?.contains(covered) === true
      || covered.closest(".sk-bar, .sk-foot") === null,
  };
}"""


class Keys:
    """Somebody who has no mouse: moves with Tab, looks at where the focus is, and never loses it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def focused(self) -> dict[str, Any]:
        found: dict[str, Any] | None = self.page.evaluate(FOCUS)
        assert found is not None, "the focus is nowhere"
        return found

    def to(self, wanted: Callable[[dict[str, Any]], bool], *, most: int = 90, key: str = "Tab") -> dict[str, Any]:
        """Press Tab until there; at each stop the focus can be seen, and nothing lies over it."""
        for _ in range(most):
            self.page.keyboard.press(key)
            if self.page.evaluate("document.activeElement === document.body"):
                continue  # between the page's end and its beginning
            at = self.focused()
            assert at["shown"], f"no sign of the focus: {at}"
            assert at["seen"], f"the focus is out of sight: {at}"
            assert at["free"], f"something lies over the focus: {at}"
            if wanted(at):
                return at
        raise AssertionError("it cannot be reached by keyboard")

    def to_field(self, name: str, *, value: str = "") -> None:
        self.to(lambda at: at["name"] == name and (not value or at["value"] == value))

    def to_text(self, text: str) -> None:
        self.to(lambda at: re.search(text, at["text"]) is not None)


def sign_in_by_keyboard(page: Page, system: dict[str, Any], role: str) -> Keys:
    keys, login = Keys(page), login_of(system, role)
    page.goto(system["url"] + "sign-in")
    keys.to_field("username")
    page.keyboard.type(login["username"])
    keys.to_field("password")
    page.keyboard.type(login["password"])
    page.keyboard.press("Enter")
    if login["totp_secret"]:
        expect(page.get_by_role("heading", name="Second step")).to_be_visible(timeout=15_000)
        keys.to_field("code")
        with signing_in.code(system, login) as code:
            page.keyboard.type(code)
            page.keyboard.press("Enter")
            expect(page.get_by_role("button", name="Sign out")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible(timeout=15_000)
    return keys


def is_unread(page: Page) -> bool:
    """Whether each unread row of an inbox is bold, has a dot that can be seen, and says "unread", and no read one is bold or has one."""
    rows: list[list[bool]] = page.locator(".sk-row").evaluate_all(
        """(rows) => rows.map((row) => {
          const dot = getComputedStyle(row, "::before"), ground = getComputedStyle(row).backgroundColor;
          const isDot = dot.content !== "none" && parseFloat(dot.width) >= 10 && dot.borderRadius === "50%" && ![ground, "rgba(0, 0, 0, 0)"].includes(dot.backgroundColor);
          const isBold = Number(getComputedStyle(row.querySelector(".sk-row__link")).fontWeight) >= 700;
          return [row.classList.contains("sk-row--unread"), isDot, isBold, /unread/.test(row.textContent)];
        })"""
    )
    return any(unread for unread, *_ in rows) and all(len(set(row)) == 1 for row in rows)


def login_of(system: dict[str, Any], role: str) -> dict[str, Any]:
    found: dict[str, Any] = next(x for x in system["logins"] if (x["role"], x["school"]) == (role, "Hillside Primary"))
    return found


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_concern_is_recorded_read_and_answered_by_keyboard_alone(browser: Browser, system: dict[str, Any], viewport: Any) -> None:
    """No mouse: sign in, skip link, typeahead by arrows, a refused form, the right one; then a DSL reads it and adds an action."""
    context = browser.new_context(viewport=viewport, locale="en-GB", timezone_id="Europe/London", reduced_motion="reduce")
    context.set_default_timeout(15_000)
    page = context.new_page()
    keys = sign_in_by_keyboard(page, system, "teacher")

    keys.to_text("Skip to main content")
    page.keyboard.press("Enter")
    assert keys.focused()["id"] == "main"
    keys.to_text("^Add incident$")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Add incident")

    keys.to_field("pupil_q")
    field = page.locator("#pupil_q")
    assert field.get_attribute("role") == "combobox"
    assert field.get_attribute("aria-expanded") == "false"
    page.keyboard.type("sarah")
    expect(page.locator("#pupil_q-list [role=option]").first).to_be_visible()
    assert field.get_attribute("aria-expanded") == "true"
    assert field.get_attribute("aria-controls") == "pupil_q-list"
    expect(page.locator("#pupil_q-list + [role=status]")).to_contain_text(re.compile(r"\d+ found"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    active = field.get_attribute("aria-activedescendant")
    assert active == "pupil_q-list-0"
    assert page.locator(f"#{active}").get_attribute("aria-selected") == "true"
    page.keyboard.press("Escape")
    assert field.get_attribute("aria-expanded") == "false"
    assert field.get_attribute("aria-activedescendant") is None
    page.keyboard.type(" ")
    expect(page.locator("#pupil_q-list [role=option]").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert keys.focused()["name"] == "pupil_id"
    assert field.get_attribute("aria-expanded") == "false"

    keys.to_field("kind")
    page.keyboard.press("Space")
    keys.to_field("when")
    page.keyboard.press("Space")
    keys.to_field("category_codes", value="safeguarding_concern")
    page.keyboard.press("Space")
    expect(page.locator("#recipients")).to_contain_text("DSL")
    keys.to(lambda at: at["text"].startswith("Add incident and alert") and not at["bar"])
    page.keyboard.press("Enter")

    expect(page.locator("#problems")).to_be_focused()
    keys.to_text("Write what happened")
    page.keyboard.press("Enter")
    assert keys.focused()["id"] == "narrative", "the link in the summary leads to the field"
    page.keyboard.type("She said she did not want to go home.")
    keys.to(lambda at: at["text"].startswith("Add incident and alert") and not at["bar"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Recorded")
    found = re.search(r"\d{4}-\d{4}", page.get_by_role("main").inner_text())
    assert found
    context.clear_cookies()

    keys = sign_in_by_keyboard(page, system, "dsl")
    row = page.get_by_role("listitem").filter(has_text=found.group())
    expect(row).to_be_visible()
    address = row.get_by_role("link").get_attribute("href")
    keys.to(lambda at: at["tag"] == "A" and page.evaluate("document.activeElement.getAttribute('href')") == address)
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_contain_text("did not want to go home")
    unread = page.get_by_role("main").get_by_role("button", name="Mark as read", exact=True)
    expect(unread).to_have_count(1)
    keys.to_text("^Mark as read and add action$")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Add action")
    keys.to_field("text")
    page.keyboard.type("Spoke with her and rang home.")
    keys.to(lambda at: at["text"].startswith("Add action") and at["tag"] == "BUTTON")
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_contain_text("Spoke with her and rang home.")
    expect(unread).to_have_count(0)
    context.close()


PATHS = ("", "incidents/new", "inbox?state=all", "pupils", "drafts", "reports")


def test_a_link_that_says_it_is_a_button_is_pressed_with_the_space_bar(sign_in: Callable[..., Any]) -> None:
    page = sign_in("dsl").go("settings/groups")
    page.get_by_role("button", name="Add a group").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("heading", level=1)).to_have_text("Add a group")


def test_at_twice_the_size_nothing_is_cut_off_or_scrolls_sideways(sign_in: Callable[..., Any]) -> None:
    """A window of 1280 at 200 % is 640 wide, whether the browser's zoom says so or the page is drawn twice as large."""
    dsl = sign_in("dsl", viewport={"width": 640, "height": 450})
    for path in PATHS:
        page = dsl.go(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 640, path
    whole = sign_in("dsl", viewport=DESKTOP)
    for path in PATHS:
        page = whole.go(path)
        page.evaluate("document.documentElement.style.zoom = 2")
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280, path


def test_nothing_moves_for_who_asked_for_no_motion_and_little_for_others(browser: Browser, system: dict[str, Any]) -> None:
    for motion, most in (("reduce", 0.0), ("no-preference", 0.12)):
        context = browser.new_context(reduced_motion=motion)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(system["url"] + "sign-in")
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.locator("#problems")).to_be_visible()
        longest = page.evaluate(
            "Math.max(...[...document.querySelectorAll('*')].map((e) => { const s = getComputedStyle(e);"
            " return Math.max(s.animationName === 'none' ? 0 : parseFloat(s.animationDuration), parseFloat(s.transitionDuration)); }))"
        )
        assert longest <= most
        assert page.locator("#problems").evaluate("(e) => getComputedStyle(e).animationName !== 'none'") == (motion == "no-preference")
        context.close()


def test_with_forced_colours_classes_unread_and_the_focus_can_still_be_told(browser: Browser, system: dict[str, Any]) -> None:
    teacher = Api(system, "teacher")
    concern = teacher.incident()
    assert teacher.call("POST", "/incidents", concern)[0] == 201  # so that there is something to read
    context = browser.new_context(viewport=DESKTOP, forced_colors="active", color_scheme="dark", reduced_motion="reduce")
    context.set_default_timeout(15_000)
    page = context.new_page()
    keys = sign_in_by_keyboard(page, system, "dsl")
    ends = time.monotonic() + 30
    page.goto(f"{system['url']}s/hillside/inbox?state=all")
    while not page.locator(f".sk-row--unread a[href*='{concern['id']}']").count():
        assert time.monotonic() < ends, "the alert does not come"
        page.reload()
    shapes = page.evaluate(
        "[...document.querySelectorAll('.sk-class:not(.sk-class--general)')].map((e) => { const s = getComputedStyle(e, '::before'), page = getComputedStyle(document.body).backgroundColor;"
        " return s.backgroundColor !== page && s.backgroundColor !== 'rgba(0, 0, 0, 0)' || s.borderBottomColor !== page && parseFloat(s.borderBottomWidth) > 0; })"
    )
    assert shapes
    assert all(shapes)
    assert is_unread(page)
    keys.to(lambda at: at["tag"] == "A" and "sk-row__link" in page.evaluate("document.activeElement.className"))
    outline = page.evaluate("(() => { const s = getComputedStyle(document.activeElement); return [s.outlineStyle, parseFloat(s.outlineWidth)]; })()")
    assert outline == ["solid", 3], "box shadows are not painted in forced colours: the outline must be"
    page.goto(f"{system['url']}s/hillside/incidents/new")
    button = page.locator("[data-record]")
    assert button.evaluate("(e) => parseFloat(getComputedStyle(e).borderTopWidth)") >= 1, "a button without an edge is not seen as one"
    context.close()
