"""The counts a DSL is shown: the record's own numbers, as a table, as a chart that says where its numbers stand, and for nobody else."""

import csv
import io
import json
import re
import subprocess
import sys
import urllib.parse
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
from playwright.sync_api import Page, expect

from deploy.cli import ROOT
from tests.journeys.api import Api
from tests.journeys.conftest import PHONE


def test_a_dsl_sees_the_records_numbers_in_the_table_and_in_the_chart(sign_in: Callable[..., Any], system: dict[str, Any]) -> None:
    page = sign_in("dsl", javascript=False, school="Kingsmead Academy").page
    expect(page.get_by_text("Demonstration. The people here are made up. Do not write about a real child.")).to_be_visible()
    page.goto(f"{system['url']}s/kingsmead/reports?since=2020-01-01&until=2030-12-31")
    shown = int(re.sub(r"\D", "", page.locator("main strong").first.inner_text()))
    with psycopg.connect(system["admin_urls"]["incidents"]) as database:
        query = "select count(*) from incidents where school_id = (select school_id from incidents group by school_id order by count(*) desc limit 1)"
        kept = database.execute(query).fetchone()
    assert kept is not None
    assert shown == kept[0], "counted from events, the same as the record"
    rows = page.locator("table").first.locator("tbody tr")
    totals = [[int(cell) for cell in row.locator("td").all_inner_texts()] for row in rows.all()]
    assert sum(row[-1] for row in totals) == shown
    assert all(sum(row[:-1]) == row[-1] for row in totals), "the classes of each month add up to it"
    chart = page.get_by_role("img", name="Incidents by month and class")
    expect(chart).to_be_visible()
    assert [int(text) for text in chart.locator("text").all_text_contents() if text.isdigit()] == [row[-1] for row in totals]


def test_counts_are_not_for_a_teacher_and_not_of_another_school(sign_in: Callable[..., Any]) -> None:
    for role in ("teacher", "slt"):
        page = sign_in(role, javascript=False).go("reports")
        assert page.locator("table").count() == 0
    page = sign_in("dsl", javascript=False).page
    answer = page.goto(page.url.split("/s/")[0] + "/s/kingsmead/reports")
    assert answer is not None
    assert answer.status == 404


def test_a_dsl_narrows_counts_down_sees_a_past_day_and_takes_a_table_home(sign_in: Callable[..., Any], system: dict[str, Any]) -> None:
    """By class, category and year group; as it stood; each table as a list with the same numbers."""
    visit = sign_in("dsl", javascript=False, school="Kingsmead Academy")
    page, here = visit.page, f"{system['url']}s/kingsmead/reports"
    page.goto(f"{here}?since=2020-01-01&until=2030-12-31")
    whole = shown_incidents(page)
    asked = page.get_by_role("region", name="What is asked of somebody and not done")
    assert set(asked.locator("tbody th").all_inner_texts()) <= {"Overdue", "Not due yet"}
    for heading in ("How they stand", "Incidents by year group", "Pupils in these circumstances"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    page.get_by_text("Narrow down, or see a past day").click()
    page.get_by_label("Class", exact=True).select_option("protection")
    page.get_by_role("button", name="Show").click()
    protection = shown_incidents(page)
    assert 0 < protection < whole
    assert {row.locator("td").first.inner_text() for row in page.locator("table").nth(1).locator("tbody tr").all()} == {"Protection"}
    standing = page.get_by_role("region", name="How they stand")
    assert sum(int(cell) for cell in standing.locator("tbody td").all_inner_texts()) == protection
    with page.expect_download() as told:
        standing.get_by_role("link", name="As a list for a spreadsheet").click()
    lines = told.value.path().read_text("utf-8-sig").splitlines()
    assert lines[0] == "Standing,How many"
    assert sum(int(line.split(",")[1]) for line in lines[1:]) == protection
    links = page.get_by_role("link", name=re.compile("^As a list for a spreadsheet"))
    tables = page.locator("table")
    assert links.count() == tables.count() >= 4, "every table that is shown"
    for number in range(links.count()):
        with page.expect_download() as told:
            links.nth(number).click()
        listed = list(csv.reader(io.StringIO(told.value.path().read_text("utf-8-sig"))))
        shown = [[cell.strip() for cell in row.locator("th, td").all_inner_texts()] for row in tables.nth(number).locator("tr").all()]
        assert [row[1:] for row in listed] == [row[1:] for row in shown], listed[0]
    answer = Api(system, "dsl", "Kingsmead Academy").get("/counts?since=2020-01-01&until=2030-12-31&class_code=protection")
    assert answer["incidents"] == protection, "a program gets the numbers that the page shows"
    assert sum(row["count"] for row in answer["rows"] if row["main"]) == protection
    said = {(row["table"], row["code"]): row["count"] for row in answer["tables"]}
    names = {"Open": "open", "Monitoring": "monitoring", "Closed": "closed"}
    on_page = zip(standing.locator("tbody th").all_inner_texts(), standing.locator("tbody td").all_inner_texts(), strict=True)
    assert {names[name]: int(count) for name, count in on_page} == {code: n for (table, code), n in said.items() if table == "standing"}
    page.goto(f"{here}?since=2020-01-01&until=2030-12-31&as_at=2020-02-01")
    assert shown_incidents(page) == 0, "nothing was recorded by then"
    page.goto(f"{here}?as_at=2199-01-01")
    expect(page.get_by_role("alert")).to_contain_text("later than now")
    answer = page.request.get(f"{here}/nothing.csv")
    assert answer.status == 404


def shown_incidents(page: Any) -> int:
    return int(re.sub(r"\D", "", page.locator("main strong").first.inner_text()))


def test_counting_anew_finds_that_the_demonstrations_counts_are_what_its_record_says_and_the_page_tells_of_a_difference(
    sign_in: Callable[..., Any], system: dict[str, Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    """Thousands of entries of three years, made by events; the operator's command reads the record again, finds what was lost, and the page says so."""
    with psycopg.connect(system["admin_urls"]["incidents"]) as database:
        found = database.execute("select school_id, count(*) from incidents group by school_id order by count(*) desc limit 1").fetchone()
    assert found is not None
    with psycopg.connect(system["admin_urls"]["identity"]) as database:
        (name, slug) = database.execute("select name, slug from schools where school_id = %s", [found[0]]).fetchone() or ("", "")

    def compare() -> int:
        command = [sys.executable, "-m", "deploy.cli", "reports", "rebuild", "--school", str(found[0]), "--data", system["data"], "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=ROOT)
        said = json.loads(done.stdout)
        assert (done.returncode, said["ok"]) == (0, True), done.stdout + done.stderr
        assert said["incidents"] >= found[1]
        return int(said["differences"])

    assert compare() <= 3, "others record while this runs"
    with psycopg.connect(system["admin_urls"]["reports"]) as database:
        first = "select incident_id from happenings where school_id = %s and kind = 'recorded' order by at limit 1"
        lost = database.execute(f"delete from happenings where school_id = %s and incident_id = ({first})", [found[0], found[0]]).rowcount
    assert lost >= 1
    assert 1 <= compare() <= 4
    dsl = sign_in("dsl", school=name, viewport=PHONE)
    page = dsl.page
    page.goto(f"{dsl.base}s/{slug}/reports")
    told = page.get_by_text("Compared with the record itself")
    expect(told).to_contain_text("not every incident counted as it stood there; now each does")
    expect(told).to_contain_text("Tell whoever runs Safekeep for you.")
    finds_nothing_wrong(page)
    assert 0 in (compare() for _ in range(5)), "once while nobody records"
    page.reload()
    expect(told).to_contain_text("every incident counts as it stands there")


def test_the_trusts_lead_sees_its_schools_side_by_side_with_rates(
    sign_in: Callable[..., Any], system: dict[str, Any], finds_nothing_wrong: Any
) -> None:
    page = sign_in("trust_safeguarding_lead", school=None).page
    expect(page.get_by_role("heading", name="Incidents by school")).to_be_visible()
    finds_nothing_wrong(page)
    table = page.get_by_role("table")
    expect(table.get_by_role("columnheader", name="For each 100 pupils")).to_be_visible()

    def column(number: int) -> dict[str, str]:
        """By school: others come while this runs."""
        return {
            re.split(r"\n| Quiet", row.locator("th").inner_text())[0]: row.locator("td").nth(number).inner_text()
            for row in table.locator("tbody tr").all()
        }

    rates, before = column(1), column(0)
    assert {"Hillside Primary", "Kingsmead Academy"} <= rates.keys()
    assert all(re.fullmatch(r"\d+\.\d", rates[school]) for school in ("Hillside Primary", "Kingsmead Academy")), rates
    page.get_by_label("Class", exact=True).select_option("general")
    page.get_by_role("button", name="Show").click()
    after = column(0)
    assert all(int(after[school]) < int(before[school]) for school in ("Hillside Primary", "Kingsmead Academy"))
    with page.expect_download() as told:
        page.get_by_role("link", name="As a list for a spreadsheet").click()
    lines = told.value.path().read_text("utf-8-sig").splitlines()
    assert len(lines) >= 1 + len(after)
    assert lines[0].startswith("School,Pupils,On roll on,General")
    listed = {line[0]: line[3] for line in csv.reader(lines[1:])}
    assert not Counter(after.values()) - Counter(listed[school] for school in after), "the numbers of the page"
    expect(page.get_by_text(re.compile("those on roll on .*, the middle of these days"))).to_be_visible()
    lead = Api(system, "trust_safeguarding_lead")
    found = lead.get("/trust/counts?" + urllib.parse.urlencode(dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(page.url).query))))
    told_of = [str(school["incidents"]) for school in found["schools"]]
    assert not Counter(after.values()) - Counter(told_of), "a program gets the numbers that the page shows"
