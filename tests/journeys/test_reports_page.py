"""The counts a DSL is shown: the record's own numbers, as a table, as a chart that says where its numbers stand, and for nobody else."""

import re
from collections.abc import Callable
from typing import Any

import psycopg
from playwright.sync_api import expect


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
