"""A program with credentials of its own: made in the console by a DSL, used over HTTP, revoked, and worth nothing from then on."""

import base64
import http.client
import json
import urllib.parse
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from safekeep.ids import new_id


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
