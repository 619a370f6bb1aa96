"""What a pupil's pages have in common: flags at the head, the tabs, and behind them their files, body maps and family, each for whoever may read it."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from safekeep.permissions import Class
from tests.journeys.conftest import PHONE, pictured
from tests.journeys.test_body_map import keep, kind, opened
from tests.journeys.test_demonstration import _rows
from tests.journeys.test_files import PHOTO, choose

NARROW = {"width": 320, "height": 640}
TABS = ["Chronology", "Summary", "Files", "Body maps", "Family"]


def flagged(system: dict[str, Any]) -> tuple[str, str]:
    """Return a pupil of Hillside Primary with a flag that only DSLs may know of: id and name."""
    (school_id,) = _rows(system, "identity", "select school_id from schools where slug = 'hillside'")[0]
    query = "select p.id, p.name from pupils p join flags f on (f.school_id, f.pupil_id) = (p.school_id, p.id) "
    query += f"where f.class = {int(Class.PROTECTION)} and f.ended is null and p.school_id = '{school_id}' order by p.name limit 1"
    id_, name = _rows(system, "incidents", query)[0]
    return str(id_), name


def with_a_picture_and_a_body_map(page: Page, *, pupil: str, name: str) -> str:
    """Record a concern about a pupil from its form; return the incident's address."""
    page.select_option("#place", "front.left_shin")
    kind(page, "bruise")
    keep(page)
    page.get_by_role("button", name="Back to the incident").click()
    choose(page, "what she drew.jpg", PHOTO)
    expect(page.locator("[data-kept-files]")).to_contain_text("what she drew.jpg", timeout=30_000)
    page.locator("#pupil_q").press_sequentially(name)
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("[name=pupil_id]:checked")).to_have_value(pupil)
    page.locator("[name=category_codes][value=safeguarding_concern]").check(force=True)
    expect(page.locator("[data-record]")).to_contain_text("alert")
    page.locator("[data-record]").click()
    expect(page.get_by_role("heading", level=1).first).to_contain_text("Recorded")
    return page.url.removesuffix("/recorded")


def test_a_dsl_finds_a_pupils_files_and_body_maps_under_their_tabs_and_who_may_not_read_the_incident_finds_neither(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], system: dict[str, Any]
) -> None:
    """With the flags on every page, to whom may know of them; nothing is wider than a small telephone."""
    pupil, name = flagged(system)
    teacher = sign_in("teacher", viewport=PHONE)
    incident = with_a_picture_and_a_body_map(opened(teacher), pupil=pupil, name=name)
    number = incident.rpartition("/")[2]

    dsl = sign_in("deputy_dsl", viewport=NARROW)
    page = dsl.go(f"pupils/{pupil}")
    main, tabs = page.get_by_role("main"), page.get_by_role("navigation", name="About this pupil")
    assert [link.inner_text() for link in tabs.get_by_role("link").all()] == [*TABS, "Who has read", "Make a pack"]
    for tab in [*TABS, "Who has read"]:
        tabs.get_by_role("link", name=tab).click()
        expect(tabs.locator("[aria-current=page]")).to_have_text(tab)
        expect(main.get_by_role("list", name="Flags", exact=True)).to_contain_text("Protection")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, tab
        finds_nothing_wrong(page)
        pictured(page, f"pupil-{tab.lower().replace(' ', '-')}-320")

    main.locator(".sk-row__link a").first.click(trial=True)  # what was read is led to from who has read it
    tabs.get_by_role("link", name="Files").click()
    row = main.locator(f".sk-row:has(a[href*='{number}'])")
    expect(row).to_contain_text(re.compile(r"Safeguarding\s+what she drew\.jpg\s+Picture · \d+ KB · .+, today at .+ · Incident 20\d\d-\d+"))
    row.get_by_role("link", name=re.compile("^Incident")).click()
    expect(page).to_have_url(re.compile(f"{number}#entry-"))
    page.go_back()
    row.get_by_role("link", name="what she drew.jpg").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("what she drew.jpg")

    dsl.go(f"pupils/{pupil}/body-maps")
    drawn = main.get_by_role("listitem").filter(has=page.locator(f"a[href*='{number}']"))
    expect(drawn.get_by_role("img", name="Body map, Front, with numbered marks")).to_be_visible()
    expect(drawn).to_contain_text("Bruise, left shin")

    for role in ("slt", "sports_coach"):
        other = sign_in(role)
        for path, nothing in (("files", "There are none."), ("body-maps", "There are none."), ("family", "Family")):
            theirs = other.go(f"pupils/{pupil}/{path}").get_by_role("main")
            expect(theirs).to_contain_text(nothing)
            expect(theirs).not_to_contain_text("what she drew")
            expect(theirs).not_to_contain_text("Protection")
            assert theirs.locator(f"[href*='{number}'], img, svg").count() == 0
            assert [link.inner_text() for link in other.page.get_by_role("navigation", name="About this pupil").get_by_role("link").all()] == TABS
        assert other.page.request.get(f"{other.base}s/hillside/pupils/{pupil}/family/change").status in (403, 404)
