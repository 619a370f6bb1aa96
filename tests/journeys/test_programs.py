"""A program with credentials of its own: made in the console by a DSL, used over HTTP, revoked, and worth nothing from then on."""

import base64
import http.client
import json
import re
import urllib.parse
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from safekeep.ids import new_id
from tests.journeys.api import Api


class Program:
    """A program at the public address."""

    def __init__(self, system: dict[str, Any], client_id: str, secret: str) -> None:
        self.url, self.client_id, self.secret, self.token = urllib.parse.urlsplit(system["url"]), client_id, secret, ""

    def ask_token(self, *, secret: str = "", **form: str) -> tuple[int, Any, Any]:
        basic = base64.b64encode(f"{self.client_id}:{secret or self.secret}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", "/oauth/token", urllib.parse.urlencode(form), headers)

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        status, answer, _ = self._send(method, path, json.dumps(body) if body is not None else None, headers)
        return status, answer

    def _send(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[int, Any, Any]:
        connection = http.client.HTTPConnection(self.url.hostname or "", self.url.port, timeout=60)
        connection.request(method, f"/api/v1{path}", body, headers)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, json.loads(data) if data else None, response.headers


def test_a_program_made_in_the_console_imports_pupils_reads_counts_and_nothing_else(
    system: dict[str, Any], sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    page: Page = sign_in("dsl", fresh=True).go("programs")
    page.get_by_role("button", name="Make its credentials").click()
    expect(page.get_by_role("alert")).to_be_visible()
    finds_nothing_wrong(page)
    name = f"Office system {str(new_id())[-6:]}"
    page.get_by_label("What is it?").fill(name)
    page.get_by_label("Import pupils").check()
    page.get_by_label("Read counts").check()
    page.get_by_label("30 days").check()
    page.get_by_role("button", name="Make its credentials").click()
    expect(page.get_by_role("heading", name="Copy both now")).to_be_visible()
    finds_nothing_wrong(page)
    expect(page.get_by_role("region", name=name)).to_contain_text(re.compile(r"Good until .* at \d+:\d\d"))
    client_id, secret = page.locator(".sk-panel code").all_inner_texts()
    page.reload()  # sends the form again
    expect(page.get_by_role("alert")).to_contain_text("Another has this name already")
    assert secret not in page.content()
    program = Program(system, client_id, secret)

    for wanted, status, error in (
        ({"grant_type": "client_credentials", "scope": "records.read"}, 400, "invalid_scope"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({}, 400, "invalid_request"),
    ):
        assert (program.ask_token(**wanted)[0], program.ask_token(**wanted)[1]["error"]) == (status, error)
    status, answer, headers = program.ask_token(grant_type="client_credentials", secret="wrong")
    assert (status, answer["error"]) == (401, "invalid_client")
    assert headers["WWW-Authenticate"].startswith("Basic")
    status, given, headers = program.ask_token(grant_type="client_credentials")
    assert (status, given["token_type"], given["expires_in"], given["scope"]) == (200, "Bearer", 3600, "counts.read pupils.import")
    assert headers["Cache-Control"] == "no-store"

    program.token = given["access_token"]
    pupil = {"name": f"Import Example {str(new_id())[-6:]}", "year": "Year 4", "form": "4B", "born": "2017-05-04"}
    assert program.call("POST", "/pupils", {"pupils": [pupil], "dry_run": True})[1]["items"][0]["outcome"] == "made"
    assert program.call("POST", "/pupils", {"pupils": [pupil]})[1]["items"][0]["outcome"] == "made"
    assert program.call("POST", "/pupils", {"pupils": [pupil]})[1]["items"][0]["outcome"] == "unchanged"
    status, counts = program.call("GET", "/counts?since=2026-01-01&until=2026-12-31")
    assert (status, set(counts)) == (200, {"rows", "incidents", "actions", "tables", "compared"})
    past = "/counts?since=2024-09-01&until=2026-06-30&as_at=2026-06-30"  # nobody who records now changes how it stood then
    theirs, ours = program.call("GET", past)[1], Api(system, "dsl").get(past)
    assert theirs["incidents"] > 100
    assert {name: said for name, said in theirs.items() if name != "compared"} == {name: said for name, said in ours.items() if name != "compared"}
    for method, path in (
        ("GET", "/pupils?q=import"),
        ("GET", "/alerts"),
        ("GET", "/staff"),
        ("GET", f"/incidents/{new_id()}"),
        ("POST", "/incidents"),
    ):
        status, answer = program.call(method, path, {} if method == "POST" else None)
        assert (status, answer["type"].rpartition("/")[2]) == (403, "not-allowed"), path

    narrower = program.ask_token(grant_type="client_credentials", scope="counts.read")[1]["access_token"]
    whole, program.token = program.token, narrower
    assert program.call("POST", "/pupils", {"pupils": [pupil]})[0] == 403
    assert program.call("GET", "/counts?since=2026-01-01&until=2026-12-31")[0] == 200

    page.goto(f"{system['url']}s/hillside/programs")
    page.get_by_role("region", name=name).get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("status").filter(has_text="Revoked")).to_be_visible()
    for program.token in (whole, narrower):
        assert program.call("GET", "/counts?since=2026-01-01&until=2026-12-31")[0] == 401
    assert program.ask_token(grant_type="client_credentials")[0] == 401


PAST = "since=2023-09-01&until=2025-12-31"
"""Others record while this runs, but not in a month that is over."""
COUNTS = f"/trust/counts?{PAST}"


def made_in_console(page: Page, name: str, *scopes: str) -> tuple[str, str]:
    """Make a program on the page that is shown; return its client id and its secret."""
    page.get_by_label("What is it?").fill(name)
    for scope in scopes:
        page.get_by_label(scope).check()
    page.get_by_label("30 days").check()
    page.get_by_role("button", name="Make its credentials").click()
    expect(page.get_by_role("heading", name="Copy both now")).to_be_visible()
    client_id, secret = page.locator(".sk-panel code").all_inner_texts()
    return client_id, secret


def test_a_program_of_the_trust_gets_the_numbers_of_the_leads_page_and_nothing_else(
    system: dict[str, Any], sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    it = sign_in("trust_it", school=None, fresh=True)
    page: Page = it.page
    page.goto(f"{it.base}t/heathland/schools")
    page.get_by_role("main").get_by_role("link", name="Programs of the trust").click()
    finds_nothing_wrong(page)
    page.get_by_role("button", name="Make its credentials").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose")
    finds_nothing_wrong(page)
    name = f"Reporting tool {str(new_id())[-6:]}"
    program = Program(system, *made_in_console(page, name, "Read the counts of all schools"))
    finds_nothing_wrong(page)
    ids = {row.locator("td").inner_text(): row.locator("th").inner_text() for row in page.get_by_role("table").locator("tbody tr").all()}

    status, given, _ = program.ask_token(grant_type="client_credentials")
    assert (status, given["scope"], given["expires_in"]) == (200, "trust.counts.read", 3600)
    program.token = given["access_token"]
    status, told = program.call("GET", COUNTS)
    assert status == 200
    numbers = {ids[school["school_id"]]: school for school in told["schools"] if school["school_id"] in ids}
    assert sum(school["incidents"] for school in numbers.values()) > 100, "there is something to be compared"

    lead = sign_in("trust_safeguarding_lead", school=None)
    lead.page.goto(f"{lead.base}t/heathland/?{PAST}")
    codes = ("general", "welfare", "safeguarding", "protection")
    compared = 0
    for row in lead.page.get_by_role("table").locator("tbody tr").all():
        school = re.split(r"\n| Quiet", row.locator("th").inner_text())[0]
        if school not in numbers:
            continue  # made by another test, since trust IT's page was shown
        cells, of = row.locator("td").all_inner_texts(), numbers[school]
        in_class = {code: sum(each["count"] for each in of["rows"] if each["main"] and each["class_code"] == code) for code in codes}
        headings = lead.page.get_by_role("table").locator("thead th").all_inner_texts()[1:]
        shown = dict(zip(headings, cells, strict=True))
        assert int(shown["All"]) == of["incidents"]
        assert {code: int(shown[code.capitalize()]) for code in codes} == in_class
        rate = f"{100 * of['incidents'] / of['on_roll']:.1f}" if of["on_roll"] else "not known"
        assert shown["For each 100 pupils"] == rate
        assert shown["Pupils"].split("\n")[0] == ("not known" if of["on_roll"] is None else str(of["on_roll"]))
        assert ("Quiet" in row.locator("th").inner_text()) == of["quiet"]
        compared += 1
    assert compared >= 2
    theirs = {school["school_id"]: school for school in Api(system, "trust_safeguarding_lead").get(COUNTS)["schools"]}
    assert all(theirs[school["school_id"]] == school for school in told["schools"]), "the same answer, word by word"
    one = program.call("GET", f"{COUNTS}&class_code=protection")[1]
    assert sum(s["incidents"] for s in one["schools"]) < sum(s["incidents"] for s in told["schools"])

    for scope in ("counts.read", "pupils.import", "records.read", "trust.counts.read counts.read"):
        status, answer, _ = program.ask_token(grant_type="client_credentials", scope=scope)
        assert (status, answer["error"]) == (400, "invalid_scope"), scope
    for method, path in (
        ("GET", f"/counts?{PAST}"),
        ("GET", "/pupils?q=sarah"),
        ("POST", "/pupils"),
        ("GET", "/alerts"),
        ("GET", "/staff"),
        ("GET", "/categories"),
        ("GET", f"/incidents/{new_id()}"),
        ("POST", "/incidents"),
    ):
        status, answer = program.call(method, path, {"pupils": []} if method == "POST" else None)
        assert (status, answer["type"].rpartition("/")[2]) == (403, "not-allowed"), path
    assert program.call("GET", "/trust/counts?since=never&until=2025-12-31")[0] == 422
    assert program.call("GET", "/trust/counts?since=2025-12-31&until=2025-01-01")[0] == 422

    dsl = sign_in("dsl", fresh=True)
    of_school = Program(system, *made_in_console(dsl.go("programs"), f"Of a school {str(new_id())[-6:]}", "Read counts", "Import pupils"))
    of_school.token = of_school.ask_token(grant_type="client_credentials")[1]["access_token"]
    assert of_school.call("GET", f"/counts?{PAST}")[0] == 200
    status, answer = of_school.call("GET", COUNTS)
    assert (status, answer["type"].rpartition("/")[2]) == (403, "not-allowed")
    assert of_school.ask_token(grant_type="client_credentials", scope="trust.counts.read")[1]["error"] == "invalid_scope"

    page.goto(f"{it.base}t/heathland/programs")
    page.get_by_role("region", name=name).get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("status").filter(has_text="Revoked")).to_be_visible()
    finds_nothing_wrong(page)
    assert program.call("GET", COUNTS)[0] == 401
    assert program.ask_token(grant_type="client_credentials")[0] == 401

    for kind in ("trust_machine_added", "trust_machine_signed_in", "trust_machine_revoked"):
        log = dsl.go(f"audit?kind={kind}")
        expect(log.get_by_role("main").locator(".sk-rows li").first).to_contain_text("of the trust")
