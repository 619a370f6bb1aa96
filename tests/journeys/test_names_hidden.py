"""Where a school chooses so, no pupil's name is on a screen before something is opened: on none of the pages that somebody lands on."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.journeys.api import Api
from tests.journeys.conftest import PHONE
from tests.journeys.test_every_page import endpoints

SCHOOL = "Kingsmead Academy"
"""Whose settings no other journey changes."""
VIEWS = ("follow-ups?view=all", "follow-ups?view=done", "follow-ups?view=late", "follow-ups?view=asked", "inbox?state=all", "inbox?state=read")
LISTS = sorted(
    rule.rule.removeprefix("/s/<slug>/")
    for rule in endpoints().map.iter_rules()
    if rule.rule.startswith("/s/<slug>/") and rule.arguments == {"slug"} and "GET" in (rule.methods or ()) and not re.search(r"\.[a-z]+$", rule.rule)
)
"""By the table of addresses, so that a page that comes is not forgotten here: every page that is opened for no one thing."""


@pytest.fixture
def dsl(sign_in: Callable[..., Any]) -> Iterator[Any]:
    """A DSL, who chooses it; and takes it back."""
    person = sign_in("dsl", school=SCHOOL, fresh=True)
    choose(person, hides=True)
    yield person
    choose(person, hides=False)


def choose(person: Any, *, hides: bool) -> None:
    person.page.goto(f"{person.base}s/kingsmead/settings/school")
    person.page.get_by_label("Show no pupil’s name before something is opened").set_checked(hides, force=True)
    person.page.get_by_role("button", name="Save").last.click()
    expect(person.page.get_by_role("heading", level=1)).to_be_visible()


def named_on(page: Page, address: str, names: set[str]) -> set[str]:
    """Return whose names can be read on a page as it opens: not what is folded away."""
    answer = page.request.get(address)
    if "text/html" not in answer.headers["content-type"]:
        return set()
    page.set_content(answer.text())
    said = " ".join(page.locator("body").inner_text().split())
    return {name for name in names if name in said}


def test_no_pupils_name_is_on_any_list_before_something_is_opened(
    sign_in: Callable[..., Any], dsl: Any, system: dict[str, Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    """What somebody has read too: neither whose record it was, nor what they searched for. It is one press away."""
    with psycopg.connect(system["admin_urls"]["incidents"]) as database:
        rows = database.execute("select name from pupils p join schools s using (school_id) where not p.holding").fetchall()
    with psycopg.connect(system["admin_urls"]["identity"]) as database:
        staff = {name for (name,) in database.execute("select name from people").fetchall()}
    names = {name for (name,) in rows} - staff  # made-up people share some
    reader = Api(system, "teacher", SCHOOL)
    pupil = next(item for item in reader.get("/pupils?q=sa&limit=50")["items"] if item["name"] in names)
    searched = pupil["name"].lower()
    reader.get(f"/pupils?q={searched.replace(' ', '%20')}")
    reader.get(f"/pupils/{pupil['id']}/chronology")
    at = f"{dsl.base}s/kingsmead/"
    with psycopg.connect(system["admin_urls"]["identity"]) as database:
        (reader_id,) = database.execute("select id from people where email = %s", (reader.login["username"],)).fetchone() or (None,)
    theirs = f"{at}readers/{reader_id}"

    page = dsl.page
    hidden, ends = False, time.monotonic() + 20
    while not hidden and time.monotonic() < ends:  # each process of the gateway hears of it within a second
        page.goto(theirs)
        hidden = pupil["name"] not in page.get_by_role("main").inner_text()
    assert hidden
    main = page.get_by_role("main")
    expect(main.get_by_role("link", name="whose record").first).to_have_attribute("href", re.compile(f"/pupils/{pupil['id']}/readers$"))
    expect(main).not_to_contain_text(searched, use_inner_text=True)
    finds_nothing_wrong(page)
    main.locator("details", has_text=searched).first.locator("summary").click()
    expect(main).to_contain_text(searched, use_inner_text=True)

    assert {"inbox", "readers", "follow-ups", "drafts", "corrections", "pupils", "reports/packs", "reports/requests", "proof"} <= set(LISTS)
    for role in ("dsl", "slt", "teacher"):
        person = dsl if role == "dsl" else sign_in(role, school=SCHOOL, viewport=PHONE)
        sought = names | {searched}
        ends = time.monotonic() + 45  # for half a minute a process of the gateway may go by what it knew
        while found := {path: on for path in (*LISTS, *VIEWS) if (on := named_on(person.page, at + path, sought))}:
            assert time.monotonic() < ends, (role, found)
    assert named_on(dsl.page, theirs, names | {searched}) == set()
    assert named_on(dsl.page, f"{at}pupils/{pupil['id']}/readers", names) == {pupil["name"]}, "a page opened for one pupil names that pupil"


def test_without_the_choice_the_same_pages_name_them(sign_in: Callable[..., Any]) -> None:
    """The search of the other test would find a name."""
    lead = sign_in("dsl", viewport=PHONE)
    page = lead.go("inbox?state=all")
    expect(page.get_by_role("main").locator(".sk-row__link", has_text="–").first).to_be_visible()
