"""Being told, in real browsers: an open inbox, a reply one tap away, who has read what, away and on duty, groups, notifications on a device."""

import datetime as dt
import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.journeys.conftest import DESKTOP, PHONE, QUIET
from tests.journeys.test_afterwards import pupils, record
from tests.journeys.test_keyboard import Keys
from tests.open_inboxes import EVERY, OpenPages, alert, make_people


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium with all that is its own: the other shows no notification."""
    chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=QUIET)
    yield chromium
    chromium.close()


def main(page: Page) -> Any:
    return page.get_by_role("main")


def day(days: int) -> str:
    return (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days)).isoformat()


def test_an_open_inbox_shows_what_comes_and_a_reply_is_one_tap_away(sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]) -> None:
    """Two people, two browsers: neither loads a page anew to learn what the other did."""
    dsl, teacher = sign_in("dsl", viewport=DESKTOP), sign_in("teacher", viewport=PHONE)
    inbox = dsl.go("inbox")
    inbox.wait_for_timeout(1500)  # its first answer
    inbox.evaluate("window.isTheSamePage = true")
    teacher.go("pupils")
    address = record(teacher.page, pupil_id=pupils(teacher.page, "sarah")[0]["id"], category_codes="welfare")
    incident = address.rpartition("/")[2]
    row = inbox.locator(f".sk-row--unread a[href*='{incident}']")
    expect(row).to_be_visible(timeout=10_000)
    assert inbox.evaluate("window.isTheSamePage") is True
    expect(inbox.get_by_role("main").get_by_role("status").first).to_contain_text(re.compile(r"\d+ unread alert"))

    row.click()
    expect(main(inbox).get_by_role("button", name="Mark as read", exact=True)).to_be_visible()
    main(inbox).get_by_role("button", name="Mark as read", exact=True).click()
    theirs = teacher.page
    teacher.go(f"incidents/{incident}/recorded")
    expect(main(theirs)).to_contain_text(re.compile(r"DSL\s+Read today at \d{1,2}:\d\d \([^)]+\) · Safeguarding team"))
    theirs = teacher.go("inbox")
    theirs.wait_for_timeout(1500)
    main(inbox).get_by_role("link", name=re.compile("^Reply to ")).click()
    finds_nothing_wrong(inbox)
    expect(main(inbox)).to_contain_text("Your reply")
    inbox.fill("[name=text]", "Thank you. Please watch whether she eats her lunch tomorrow.")
    main(inbox).get_by_role("button", name=re.compile("^Add action and alert")).last.click()
    expect(main(inbox)).to_contain_text("watch whether she eats")
    reply = theirs.locator(f".sk-row--unread a[href*='{incident}']")
    expect(reply).to_be_visible(timeout=10_000)
    reply.click()
    expect(main(theirs)).to_contain_text("watch whether she eats")

    matrix = dsl.go(f"incidents/{incident}/who-read")
    finds_nothing_wrong(matrix)
    expect(matrix.get_by_role("columnheader")).to_have_count(3)
    reader = (matrix.locator(".sk-banner__person").text_content() or "").strip()
    cells = matrix.get_by_role("row").filter(has_text=reader).get_by_role("cell")
    expect(cells.first).to_contain_text(re.compile("Read today at"))
    teacher.page.goto(f"{teacher.base}s/hillside/incidents/{incident}/who-read")
    expect(main(teacher.page)).to_contain_text("not include this")


@pytest.mark.parametrize(("viewport", "dark"), [(PHONE, True), (DESKTOP, False)], ids=["phone and dark", "desk and light"])
def test_away_is_said_by_dates_shown_where_a_dsl_is_to_be_found_and_taken_back(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, dark: bool
) -> None:
    """By keyboard alone, as it is also read: labels, errors beside their field, and what was typed stays."""
    deputy = sign_in("deputy_dsl", viewport=viewport, dark=dark)
    page = deputy.go("away")
    finds_nothing_wrong(page)
    name = deputy.page.locator(".sk-banner__person").text_content() or ""
    page.get_by_label("First day away").fill(day(0))
    page.get_by_label("Last day away").fill(day(-1))
    main(page).get_by_role("button", name="Save").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The end is before the start")
    expect(page.get_by_label("First day away")).to_have_value(day(0))
    finds_nothing_wrong(page)
    page.get_by_label("Last day away").fill(day(3))
    main(page).get_by_role("button", name="Save").focus()
    page.keyboard.press("Enter")
    expect(main(page)).to_contain_text("Saved.")
    finds_nothing_wrong(page)
    try:
        duty = deputy.go("duty")
        finds_nothing_wrong(duty)
        found = duty.locator(".sk-card--risk")
        expect(found.get_by_role("link", name=re.compile(r"\d{4}")).first).to_have_attribute("href", re.compile("^tel:"))
        expect(found).not_to_contain_text(name)
        expect(main(duty)).to_contain_text("away until")
        expect(duty.locator(".sk-duty-now")).not_to_contain_text(name)
    finally:
        page = deputy.go("away")
        main(page).get_by_role("button", name=re.compile(f"^Take it back {re.escape(name)}")).first.click()
    expect(main(page)).to_contain_text("Taken back.")


BAD = [
    ("away", {}, "Say the first day"),
    ("away", {"since": "tomorrow", "until": "2026-13-45"}, "This is not a date"),
    ("away", {"since": "2026-01-01", "until": "2026-01-02"}, "This day is over"),
    ("away", {"since": day(1), "until": day(0)}, "The end is before the start"),
    ("away", {"since": day(0), "until": day(2000)}, "more than a year ahead"),
    ("away", {"since": day(0), "until": day(1), "cover_id": "not an id"}, "This is not an id"),
    ("away", {"since": day(0), "until": day(1), "cover_id": "00000000-0000-0000-0000-000000000000"}, "Choose one of those offered"),
    ("away", {"since": "<script>", "until": "\u202e"}, "This is not a date"),
    ("settings/groups/new", {"name": "Eight", "flags": "no_such_flag"}, "Choose one of those offered"),
    ("settings/groups/new", {"name": "Eight", "flags": "<script>"}, "cannot be accepted"),
    ("settings/groups/new", {"name": "Eight", "years": "x" * 300}, "too long"),
]


def test_bad_input_is_refused_beside_its_field_and_nothing_of_it_is_lost(sign_in: Callable[..., Any]) -> None:
    dsl = sign_in("dsl", fresh=True)
    dsl.go("away")
    token = dsl.page.locator("[name=csrf_token]").first.get_attribute("value")
    for path, form, sentence in BAD:
        answer = dsl.page.request.post(f"{dsl.base}s/hillside/{path}", form={"csrf_token": token, **form})
        assert answer.status == 422, (path, form, answer.status)
        assert sentence in answer.text(), (path, form)
    bad = [{}, {"endpoint": "https://evil.example/x"}, {"endpoint": "http://169.254.169.254/", "p256dh": "x", "auth": "☃"}, {"endpoint": "x" * 5000}]
    for form in bad:
        answer = dsl.page.request.post(
            f"{dsl.base}s/hillside/notifications", form={"csrf_token": token, **form}, headers={"Accept": "application/json"}
        )
        assert answer.status == 422, (form, answer.status)


def test_a_browser_that_allows_it_is_notified_and_the_notification_says_nothing(
    system: dict[str, Any], sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    """Chromium's own service worker shows it. Its maker's push service cannot be had offline: the message reaches the worker as the browser would
    give it (CDP), and what the page is told when the service cannot be reached is looked at too. How a push service is spoken to:
    tests/services/alerts/test_notifying.py.
    """
    slt = sign_in("slt", viewport=PHONE)
    slt.page.context.grant_permissions(["notifications"], origin=slt.base.rstrip("/"))
    page = slt.go("notifications")
    finds_nothing_wrong(page)
    expect(main(page)).to_contain_text("and nothing else")
    registered: list[str] = []
    cdp = page.context.new_cdp_session(page)
    cdp.on("ServiceWorker.workerRegistrationUpdated", lambda said: registered.extend(r["registrationId"] for r in said["registrations"]))
    cdp.send("ServiceWorker.enable")
    Keys(page).to_text("^Notify me on this device$")
    page.keyboard.press("Enter")
    expect(page.locator("[data-notify-said]")).to_contain_text(re.compile("It did not work just now|does not allow it"), timeout=30_000)
    if "does not allow" in (page.locator("[data-notify-said]").text_content() or ""):
        page.evaluate("navigator.serviceWorker.register('/notify-worker.js').then(() => navigator.serviceWorker.ready)")
    ends = time.monotonic() + 15
    while not registered and time.monotonic() < ends:
        page.wait_for_timeout(100)
    assert registered, "the worker is registered under the page's own policy (CSP)"
    page.wait_for_function("() => navigator.serviceWorker.ready.then((r) => r.active.state === 'activated')")
    cdp.send("ServiceWorker.deliverPushMessage", {"origin": slt.base.rstrip("/"), "registrationId": registered[-1], "data": '{"alert":true}'})
    shown = "navigator.serviceWorker.ready.then((r) => r.getNotifications()).then((all) => all.map((n) => [n.title, n.body]))"
    ends, found = time.monotonic() + 30, []
    while not found and time.monotonic() < ends:
        found = page.evaluate(shown)
        page.wait_for_timeout(100)
    assert found == [["Safekeep", "There is something to read."]]
    kept = "Promise.all([caches.keys(), indexedDB.databases()]).then((all) => all.flat().length)"
    assert page.evaluate(kept) == 0, "the worker keeps nothing"
    worker = page.request.get(f"{slt.base}notify-worker.js").text()
    assert "fetch" not in worker


def test_three_hundred_open_inboxes_cost_alerts_what_one_does(system: dict[str, Any]) -> None:
    """Each page asks every 0.6 s; all that alerts is asked is one call a gateway process every 0.2 s, however many pages there are.

    What it costs, and how soon a page knows on a quiet machine: `./bench alerts`, docs/performance.md.
    """
    people = make_people(system, count=300)
    pages = OpenPages(system, people)
    try:
        ends = time.monotonic() + 60
        while not pages.all_know():
            assert time.monotonic() < ends, "a page never got its first answer"
            time.sleep(0.2)
        pages.forget()
        before, started = calls(system), time.monotonic()
        time.sleep(3)
        asked, lasted = calls(system) - before, time.monotonic() - started
        assert pages.seen.asked > 300
        assert pages.seen.failed == 0
        assert asked <= 2 * (lasted / 0.2 + 1), "as many calls as there are looks, not as there are pages"
        _, committed = alert(system, people)
        ends = time.monotonic() + 20
        while len(pages.seen.learned) < 300 and time.monotonic() < ends:
            time.sleep(0.1)
        lags = sorted((at - committed).total_seconds() for at in pages.seen.learned.values())
        assert len(lags) == 300, "every page knows"
        print(json.dumps({"p50": lags[150], "p95": lags[285], "last": lags[-1], "every": EVERY}))
        assert lags[150] < 5, "on a machine that runs other tests beside; the aim is a second: ./bench alerts"
    finally:
        pages.close()


def calls(system: dict[str, Any]) -> int:
    """How often alerts was asked about open inboxes, by its own figures."""
    import urllib.request

    with urllib.request.urlopen(f"http://127.0.0.1:{system['inner']['alerts']}/metrics") as answer:
        said = answer.read().decode()
    found = re.findall(r'safekeep_calls_seconds_count\{[^}]*method="alerts\.watch"[^}]*\} ([\d.e+]+)', said)
    return int(sum(float(each) for each in found))
