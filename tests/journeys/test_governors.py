"""The governors' cycle in two browsers: a DSL plans, reads, adds words and approves; a governor reads what was published, and nothing else."""

import csv
import datetime as dt
import hashlib
import io
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import DESKTOP, PHONE
from tests.services.reports.test_governors import a_calendar

SOON = (dt.datetime.now(dt.UTC) + dt.timedelta(days=40)).date()


def add_meeting(page: Page, name: str) -> None:
    page.get_by_label("What it is called").fill(name)
    page.get_by_label("Day", exact=True).fill(SOON.isoformat())
    page.get_by_label("Time", exact=True).fill("18.30")
    page.get_by_role("button", name="Add meeting").click()


def make_draft(page: Page, name: str) -> None:
    page.get_by_role("link", name=re.compile(name)).first.click()
    page.get_by_role("button", name="Make the draft now").click()


def test_a_dsl_approves_and_a_governor_reads_what_was_approved_and_can_check_it(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    dsl = sign_in("dsl", viewport=DESKTOP, javascript=False)
    page = dsl.go("meetings")
    name = f"Committee {dt.datetime.now(dt.UTC):%H%M%S}"
    add_meeting(page, name)
    expect(page.get_by_role("status")).to_have_text("Saved.")
    make_draft(page, name)
    expect(page.get_by_role("heading", level=1)).to_have_text("Draft of a report to governors")
    page.get_by_label("Your words at the beginning").fill("A calm term.\n\nMore staff were trained.")
    page.get_by_role("button", name="Approve and publish").click()
    expect(page.get_by_role("status")).to_contain_text("read it once more")
    drafted = page.get_by_role("region", name="Table: Concerns by category").inner_text()
    governor = sign_in("governor", viewport=PHONE)
    seen = governor.go("").get_by_role("link", name=re.compile("Report 20"))
    before = seen.count()
    page.get_by_role("button", name="Approve and publish").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Safeguarding report to governors 20")
    numbered = f"Report {page.get_by_role('heading', level=1).inner_text().rpartition(' ')[2]}"

    governor.go("")
    expect(governor.page.get_by_role("link", name=numbered, exact=True)).to_be_visible()
    assert seen.count() > before
    listed = governor.page.get_by_role("listitem").filter(has=governor.page.get_by_role("link", name=numbered, exact=True))
    expect(listed).to_contain_text(re.compile(r"published .*\d"))
    governor.page.get_by_role("link", name=numbered, exact=True).click()
    finds_nothing_wrong(governor.page)
    read = governor.page
    expect(read.get_by_text("More staff were trained.")).to_be_visible()
    assert read.get_by_role("region", name="Table: Concerns by category").inner_text() == drafted
    charts = read.locator("article").get_by_role("img")
    assert charts.count() > 3, "drawn beside the tables"
    expect(charts.and_(read.get_by_role("img", name=re.compile("Concerns by category")))).to_have_count(1)
    numbers = re.findall(r"\d+", " ".join(read.locator("td").all_inner_texts()))
    assert all(int(n) % 5 == 0 for n in numbers), "no count is said that is not rounded or below the threshold"
    with read.expect_download() as got:
        read.get_by_role("link", name="Download what was approved").click()
    sha256 = hashlib.sha256(got.value.path().read_bytes()).hexdigest()
    expect(read.get_by_text(sha256)).to_be_visible()
    with read.expect_download() as printed:
        read.get_by_role("link", name="Download as a PDF").click()
    assert printed.value.path().read_bytes().startswith(b"%PDF")
    with read.expect_download() as listed:
        read.get_by_role("link", name="Its tables as a list for a spreadsheet").click()
    cells = [line[3] for line in csv.reader(io.StringIO(listed.value.path().read_text("utf-8-sig"))) if line[0] != "Table"]
    assert cells == [cell.strip() for cell in read.locator("article td.govuk-table__cell").all_inner_texts()], "every cell of every table"

    lead = sign_in("trust_safeguarding_lead", school=None, viewport=PHONE)
    lead.page.goto(f"{lead.base}t/heathland/")
    lead.page.get_by_role("link", name="Reports of the schools").click()
    finds_nothing_wrong(lead.page)
    lead.page.get_by_role("link", name=numbered, exact=True).first.click()  # Hillside stands before Kingsmead
    finds_nothing_wrong(lead.page)
    expect(lead.page.get_by_text(sha256)).to_be_visible()
    with lead.page.expect_download() as given:
        lead.page.get_by_role("link", name="Download as a PDF").click()
    assert given.value.path().read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("javascript", [True, False])
def test_words_that_may_name_a_child_are_asked_about_before_they_are_published(
    sign_in: Callable[..., Any], system: dict[str, Any], finds_nothing_wrong: Callable[[Page], None], javascript: bool
) -> None:
    with psycopg.connect(system["admin_urls"]["incidents"]) as database:
        smaller = "select school_id from pupils group by school_id having count(*) > 300 order by count(*) limit 1"  # Hillside
        query = f"select name from pupils where not holding and school_id = ({smaller}) order by id limit 1"
        (pupil,) = database.execute(query).fetchone() or ("",)
    page = sign_in("dsl", viewport=PHONE, javascript=javascript).go("meetings")
    name = f"Names {dt.datetime.now(dt.UTC):%H%M%S%f}"
    add_meeting(page, name)
    make_draft(page, name)
    page.get_by_label("Your words at the beginning").fill(f"We are glad that {pupil} is well.")
    page.get_by_role("button", name="Approve and publish").click()
    asked = page.locator("#may-name")
    expect(asked).to_contain_text(pupil)
    if javascript:
        finds_nothing_wrong(page)
    page.get_by_role("button", name="Approve and publish").click()
    expect(page.get_by_role("alert")).to_contain_text("Your words may name a child")
    page.get_by_label("Your words at the beginning").fill("We are glad that everybody is well.")
    page.get_by_role("button", name="Save words").click()
    expect(asked).to_have_count(0)
    page.get_by_label("Your words at the beginning").fill(f"{pupil.split()[0]} is a rose too.")
    page.get_by_role("button", name="Save words").click()
    page.get_by_label("none of them means a child").check(force=True)
    page.get_by_role("button", name="Approve and publish").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Safeguarding report to governors 20")


def test_a_governor_finds_no_draft_no_meeting_and_no_count(sign_in: Callable[..., Any]) -> None:
    governor = sign_in("governor")
    for path in ("meetings", "meetings/cycle", "reports"):
        answer = governor.page.goto(f"{governor.base}s/hillside/{path}")
        assert answer is not None
        assert answer.status in (403, 404), path


GOOD = {"name": "Full governing body", "every": "2", "week": "2", "weekday": "2", "starts_on": "2026-09-01", "minute": "18:00", "draft_days": "14"}
GOOD |= {"remind_days": "7", "chair_days": "3", "threshold": "5", "chair_id": ""}
WRONG = [
    ({"name": "  "}, "name", "Write the name"),
    ({"starts_on": ""}, "starts_on", "Say from which day"),
    ({"starts_on": "2026-02-30"}, "starts_on", "This is not a date"),
    ({"minute": "six"}, "minute", "This is not a time"),
    ({"minute": "25:00"}, "minute", "This is not a time"),
    ({"draft_days": "many"}, "draft_days", "This is not a whole number"),
    ({"draft_days": "61"}, "draft_days", "This number or file is too large"),
    ({"draft_days": "0"}, "draft_days", "This number is too small"),
    ({"remind_days": "14"}, "remind_days", "This must be nearer to the meeting than the day on which the draft is made"),
    ({"chair_days": "7"}, "chair_days", "This must be nearer to the meeting than the reminder"),
    ({"threshold": "2"}, "threshold", "This number is too small"),
    ({"threshold": "11"}, "threshold", "This number or file is too large"),
    ({"threshold": "-99999"}, "threshold", "This is not a whole number"),
    ({"every": "5"}, "every", "Choose one of those offered"),
    ({"every": ""}, "every", ""),
    ({"week": "0"}, "week", "Choose one of those offered"),
    ({"chair_id": "x"}, "chair_id", ""),
    ({"name": "x" * 201}, "name", ""),
    ({"name": "a\x00b"}, "name", ""),
]


def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(sign_in: Callable[..., Any]) -> None:
    page = sign_in("dsl").go("meetings/cycle")
    token = page.locator("input[name=csrf_token]").first.input_value()
    for wrong, field, said in WRONG:
        answer = page.request.post(page.url, form=GOOD | wrong | {"csrf_token": token})
        text = answer.text()
        assert answer.status == 422, (wrong, answer.status)
        assert f'id="{field}-error"' in text, wrong
        assert said.replace("’", "&#39;") in text or said in text, wrong
        assert 'value="Full governing body"' in text or "name" in wrong
    for wrong, field in (
        ({"on_day": ""}, "on_day"),
        ({"on_day": "2020-01-01"}, "on_day"),
        ({"minute": ""}, "minute"),
        ({"name": ""}, "name"),
        ({"on_day": "x"}, "on_day"),
    ):
        sent = {"on_day": SOON.isoformat(), "minute": "18:00", "name": "Kept words"} | wrong | {"csrf_token": token}
        answer = page.request.post(page.url.replace("/cycle", "/add"), form=sent)
        assert (answer.status, f'id="{field}-error"' in answer.text()) == (422, True), wrong
        assert "Kept words" in answer.text() or "name" in wrong
    for sent, field in (({"address": "ftp://x"}, "address"), ({"address": "not one"}, "address")):
        answer = page.request.post(page.url.replace("/cycle", "/calendar"), form=sent | {"csrf_token": token})
        assert (answer.status, f'id="{field}-error"' in answer.text()) == (422, True), sent
    files: list[tuple[bytes, int]] = [(b"", 422), (b"no calendar", 422), (b"BEGIN:VCALENDAR\r\n" + b"x" * 600_000, 422)]
    for content, status in files:
        sent_file = {"name": "c.ics", "mimeType": "text/calendar", "buffer": content}
        answer = page.request.post(page.url.replace("/cycle", "/file"), multipart={"csrf_token": token, "file": sent_file})
        assert (answer.status, 'id="file-error"' in answer.text()) == (status, True), content[:20]


def rows(page: Page, name: str) -> list[tuple[dt.date, str]]:
    """Return the listed meetings of a name: the day of each, and what is said beside it."""
    listed = page.locator("li.sk-row", has_text=name)
    names = listed.locator(".sk-row__link").all_inner_texts()
    said = listed.locator(".sk-row__facts").all_inner_texts()
    return [(day_in(each), facts) for each, facts in zip(names, said, strict=True)]


def day_in(words: str) -> dt.date:
    found = re.search(r"\d+ \w+ \d{4}", words)
    assert found, words
    return dt.datetime.strptime(found[0], "%d %B %Y").replace(tzinfo=dt.UTC).date()


def drafted_on(facts: str) -> dt.date:
    return day_in(facts.partition("Draft of the report:")[2])


def test_a_rule_set_in_a_browser_lists_the_meetings_to_come_and_one_that_is_moved_moves_its_draft(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    dsl = sign_in("dsl", school="Kingsmead Academy", viewport=PHONE, fresh=True)
    page, name, today = dsl.page, f"Board {dt.datetime.now(dt.UTC):%H%M%S%f}", dt.datetime.now(dt.UTC).date()

    def keep(**chosen: str) -> None:
        page.goto(f"{dsl.base}s/kingsmead/meetings/cycle")
        for field, value in {"name": name, "starts_on": today.isoformat(), "minute": "17:30", "draft_days": "10", "remind_days": "6"}.items():
            page.locator(f"#{field}").fill(value)
        for field, value in chosen.items():
            page.get_by_label(field).select_option(label=value)
        page.get_by_role("main").get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_have_text("Saved.")

    keep(**{"How often": "Every month", "Which one in the month": "The second", "Day of the week": "Wednesday"})
    finds_nothing_wrong(page)
    assert_fits(page)
    waiting = [(day, facts) for day, facts in rows(page, name) if "Draft of the report:" in facts]
    assert len(waiting) >= 3
    assert {day.weekday() for day, _ in waiting} == {2}
    assert all(day > today and "17:30" in facts for day, facts in waiting)
    assert len({(day.year, day.month) for day, _ in waiting}) >= len(waiting) - 1, "one a month; one without school may move into the next"
    assert all(drafted_on(facts) == day - dt.timedelta(days=10) for day, facts in waiting)

    was, _ = waiting[-1]
    page.locator("li.sk-row", has_text=name).last.locator(".sk-row__link").click()
    page.get_by_label("Day", exact=True).fill((was + dt.timedelta(days=1)).isoformat())
    page.get_by_role("main").get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    moved, facts = rows(page, name)[-1]
    assert (moved, drafted_on(facts)) == (was + dt.timedelta(days=1), was - dt.timedelta(days=9))
    assert day_in(facts.partition("moved from")[2]) == was
    keep(**{"How often": "By no rule: I enter each meeting"})
    assert [day for day, facts in rows(page, name) if "Draft of the report:" in facts] == [moved], (
        "without the rule its meetings go; who moved one keeps it"
    )


def test_a_calendar_file_given_in_a_browser_plans_the_governors_meetings_in_it_and_an_address_is_followed_until_it_is_taken_out(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    dsl = sign_in("dsl", school="Kingsmead Academy", viewport=DESKTOP, fresh=True)
    page, name = dsl.page, f"{dt.datetime.now(dt.UTC):%H%M%S%f}"
    page.goto(f"{dsl.base}s/kingsmead/meetings")
    first, second = SOON + dt.timedelta(days=150), SOON + dt.timedelta(days=190)
    given = a_calendar((f"{first:%Y%m%d}", f"Governors {name}"), (f"{second:%Y%m%d}", f"FGB {name}"), (f"{first:%Y%m%d}", f"Sports day {name}"))
    page.get_by_label("An iCalendar file").set_input_files({"name": "meetings.ics", "mimeType": "text/calendar", "buffer": given})
    page.get_by_role("button", name="Read the file").click()
    expect(page.get_by_role("status")).to_have_text("The meetings of the file are planned.")
    assert [day for day, _ in rows(page, name)] == [first, second], "and not the sports day"
    assert all(drafted_on(facts) < day for day, facts in rows(page, name))
    finds_nothing_wrong(page)

    address = page.get_by_label("Address of a calendar to follow")
    address.fill("https://calendar.example/meetings.ics")
    page.get_by_role("button", name="Follow this calendar").click()
    expect(page.get_by_role("status")).to_contain_text("The calendar is read within a minute")
    expect(address).to_have_value("https://calendar.example/meetings.ics")
    finds_nothing_wrong(page)
    address.fill("")
    page.get_by_role("button", name="Follow this calendar").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    expect(address).to_have_value("")
    assert [day for day, _ in rows(page, name)] == [first, second], "what was planned stays"


@pytest.mark.parametrize(("viewport", "dark"), [(PHONE, True), (DESKTOP, False)], ids=["phone and dark", "desk and light"])
def test_axe_finds_nothing_on_the_pages_of_meetings(
    sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, dark: bool
) -> None:
    page = sign_in("dsl", viewport=viewport, dark=dark).go("meetings")
    name = f"Looked at {dt.datetime.now(dt.UTC):%H%M%S}"
    add_meeting(page, name)
    finds_nothing_wrong(page)
    assert_fits(page)
    page.get_by_role("link", name=re.compile(name)).first.click()
    finds_nothing_wrong(page)
    assert_fits(page)
    page.get_by_role("button", name="Make the draft now").click()
    finds_nothing_wrong(page)
    assert_fits(page)
    for path in ("meetings/cycle", "governors"):
        page.goto(page.url.partition("/s/")[0] + f"/s/hillside/{path}")
        finds_nothing_wrong(page)
        assert_fits(page)


def assert_fits(page: Page) -> None:
    size = page.viewport_size
    assert size
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320, page.url
    page.set_viewport_size(size)
