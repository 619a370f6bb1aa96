"""Every route, found by introspection: its headers, its token, its methods; and that a broken broker is said honestly."""

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, request
from openapi_spec_validator import validate
from werkzeug.routing import Rule

from gateway import create_app, pages, session
from gateway.api.openapi import document
from gateway.assets import VENDOR
from gateway.forms import WORDS
from safekeep import bus, keys
from safekeep.ids import new_id
from safekeep.settings import GatewaySettings
from tests.matrix.table import ROUTES

TEMPLATES = Path(pages.__file__).parent.parent / "templates"
BOTH = {
    "break_glass.begin",
    "asking.calendar",
    "asking.policies",
    "session.sign_in",  # a GET only shows the form
    "session.prove",
    "session.unlock",
    "session.set_password",
    "session.forgot",
    "session.link",  # opening the address uses nothing up: mail programs open addresses
    "session.begin",
    "session.use_pass",
    "session.confirm_role",
    "account.app",
    "account.key",
    "files.block",
    "files.decide",
    "settings.files",
    "away.away",
    "packs.pupil",
    "packs.inspection",
    "packs.receipt",
    "meetings.meeting",
    "meetings.cycle",
    "meetings.report",
    "trust_meetings.meeting",
    "trust_meetings.cycle",
    "trust_meetings.report",
    "requests.enter",
    "requests.nothing",
    "disclosures.record",
    "pupils.search",  # posted so that no name stands in an address
    "pupils.chronology",  # posted when it is filtered: words are in no address
    "pupils.flag",
    "pupils.change_family",
    "corrections.form",
    "corrections.ask",
    "corrections.answer",
    "destroying.form",
    "destroying.decide",
    "restricting.form",
    "restricting.lift",
    "assigning.form",
    "standing.form",
    "staff.add",
    "staff.import_",
    "staff.person",
    "staff.close",
    "enrolment.add",
    "settings.own_child",
    "settings.school",
    "settings.group",
    "settings.template",
    "settings.category",
    "settings.policy",
    "trust.add_school",
    "trust_people.add",
    "trust_people.person",
    "trust_people.close",
    "providers.add",
    "providers.change",
    "machines.machines",
    "machines.of_trust",
    "addresses.change",
    "proof.proof",
    "proof.form",
}
"""Routes with one view for showing a form and for sending it."""


def address(rule: Rule) -> str:
    values = {
        "slug": "hillside",
        "version": "x",
        "name": "theme.css",
        "token": "x",
        "school": "hillside",
        "code": "welfare",
        "table": "months",
        "scope": "pupil",
        "number": "1",
    } | {a: str(new_id()) for a in rule.arguments if a.endswith("_id")}
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values[found.group(1)], rule.rule)


def rules(app: Flask) -> list[tuple[str, Rule]]:
    return [(method, rule) for rule in app.url_map.iter_rules() for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]


def test_every_address_has_a_row_in_the_written_table_and_every_row_an_address(app: Flask) -> None:
    """docs/permissions.md; what they answer to whom is tried in tests/matrix/test_routes.py."""
    served = {f"{method} {rule.rule}" for method, rule in rules(app)}
    assert not served - set(ROUTES), f"write in docs/permissions.md who may open: {sorted(served - set(ROUTES))}"
    assert not set(ROUTES) - served, f"take out of docs/permissions.md: {sorted(set(ROUTES) - served)}"


def test_every_route_answers_with_the_headers_and_none_fails(app: Flask) -> None:
    """Signed in as nobody, with a broker that is away: a redirect, a refusal or an honest 503, each under the same policy."""
    client = app.test_client()
    for method, rule in rules(app):
        answer = client.open(address(rule), method=method, data=b"{}" if "/api/" in rule.rule else None, buffered=True)
        assert answer.status_code != 500, f"{method} {rule.rule}"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "camera=()" in answer.headers["Permissions-Policy"]
        if not rule.rule.startswith("/assets/"):
            assert answer.headers["Cache-Control"] == "no-store", rule.rule


def test_over_https_every_route_says_so_and_cookies_are_of_this_host_alone(app: Flask, tmp_path: Path) -> None:
    """Behind TLS: strict transport on every answer; `__Host-` and Secure; the browser's address is the one the proxy names."""
    keys.ensure_ring(tmp_path)
    file = str(tmp_path / "process" / "gateway.json")
    settings = GatewaySettings(broker_url="amqp://guest:guest@127.0.0.1:9/", keys_file=file, inner_port=0, public_url="https://safekeep.example")
    secure = create_app(settings)
    client = secure.test_client()
    for method, rule in rules(secure):
        answer = client.open(address(rule), method=method, base_url="https://safekeep.example", buffered=True)
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains", rule.rule
    with secure.test_request_context(headers={"X-Forwarded-For": "192.0.2.7"}):
        response = Response()
        session.set_cookie(response, "a-token")
        session.set_device_cookie(response, "1.a")
        session.csrf_token()
        session.keep_visit(response)
        cookies = response.headers.getlist("Set-Cookie")
    assert [c.partition("=")[0] for c in cookies] == ["__Host-safekeep", "__Host-safekeep-device", "__Host-safekeep-visit"]
    for each in cookies:
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(each.split("; ")), each
        assert "Domain" not in each
    said: list[str] = []
    secure.before_request_funcs.setdefault(None, []).insert(0, lambda: said.append(request.remote_addr or ""))
    client.get("/sign-in", headers={"X-Forwarded-For": "203.0.113.9, 192.0.2.7"})
    assert said == ["192.0.2.7"]
    bus.use_keys(keys.Keys.load(file))


def test_on_loopback_each_instance_has_a_cookie_of_its_own(app: Flask) -> None:
    """Ports share cookies: the name holds the port; and no proxy is believed there."""
    with app.test_request_context():
        response = Response()
        session.set_cookie(response, "a-token")
        assert response.headers["Set-Cookie"] == "safekeep-8000=a-token; HttpOnly; Path=/; SameSite=Lax"
    said: list[str] = []
    app.before_request_funcs.setdefault(None, []).insert(0, lambda: said.append(request.remote_addr or ""))
    app.test_client().get("/sign-in", headers={"X-Forwarded-For": "203.0.113.9"})
    app.before_request_funcs[None].pop(0)
    assert said == ["127.0.0.1"]


def test_a_browser_is_known_as_one_of_each_person_who_used_it(app: Flask) -> None:
    with app.test_request_context(headers={"Cookie": "safekeep-8000-device=1.a~2.b~3.c"}):
        response = Response()
        session.set_device_cookie(response, "2.new")
        assert response.headers["Set-Cookie"].startswith("safekeep-8000-device=2.new~1.a~3.c;")


def test_a_form_before_signing_in_carries_a_token_too(app: Flask) -> None:
    for path in ("/sign-in", "/forgot", "/link/x", "/begin/x"):
        client = app.test_client()
        token = re.findall('name="csrf_token" value="([0-9a-f]{64})"', client.get(path).text)[0]
        form = {"username": "a@b.example", "password": "x"}
        assert client.post(path, data=form).status_code == 400
        assert client.post(path, data=form | {"csrf_token": "0" * 64}).status_code == 400
        assert client.post(path, data=form | {"csrf_token": token}).status_code != 400
        assert app.test_client().post(path, data=form | {"csrf_token": token}).status_code == 400  # another browser's


def test_only_pages_that_need_no_session_answer_without_one(app: Flask) -> None:
    client = app.test_client()
    open_to_all = set()
    for method, rule in rules(app):
        if method == "GET" and not rule.rule.startswith("/assets/"):
            answer = client.get(address(rule))
            if answer.status_code == 200:
                open_to_all.add(rule.rule)
            elif answer.status_code == 303:
                assert "/sign-in" in answer.headers["Location"], rule.rule
            else:
                assert answer.status_code == 401, rule.rule
    assert open_to_all == {"/sign-in", "/forgot", "/link/<token>", "/begin/<token>", "/api/v1/openapi.json", "/notify-worker.js"}


def test_nothing_is_changed_by_a_get(app: Flask) -> None:
    """A route is for showing or for doing; the few that have both show a form on GET."""
    both = {rule.endpoint for rule in app.url_map.iter_rules() if {"GET", "POST"} <= (rule.methods or set())}
    assert both == BOTH


def test_a_form_from_elsewhere_or_without_its_token_does_nothing(app: Flask) -> None:
    """From elsewhere: every route. Without the token: here two, with a broker that is away; journeys/test_signing_in.py has every route."""
    client = app.test_client()
    elsewhere: list[dict[str, str]] = [{"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}]
    for method, rule in rules(app):
        if method == "POST" and "/api/" not in rule.rule:
            for headers in elsewhere:
                assert client.post(address(rule), data={"username": "a", "password": "b"}, headers=headers).status_code == 400, rule.rule
    client.set_cookie("safekeep-8000", "a-session")
    for path, refused in (("/lock", 400), ("/s/hillside/pupils", 503)):
        for form in ({}, {"csrf_token": "0" * 64}):
            assert client.post(path, data=form).status_code == refused, path


def test_a_form_that_holds_secrets_is_given_back_to_nobody_and_no_form_from_elsewhere_is(app: Flask) -> None:
    """Refused for its token, for its session, or for where it comes from: of the first kind no field comes back, of the last none of any form."""
    elsewhere = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    for method, rule in rules(app):
        if method == "POST" and not rule.endpoint.startswith("api."):
            is_secret = rule.endpoint in pages.HOLDS_SECRETS
            for headers in ({}, elsewhere) if is_secret else (elsewhere,):
                form = {"csrf_token": "0" * 64, "reason": "Said at break", "password": "Plum-teal"}
                answer = app.test_client().post(address(rule), data=form, headers=headers)
                assert "Said at break" not in answer.text, rule.rule
                assert "Plum-teal" not in answer.text, rule.rule


def test_every_field_in_which_people_write_much_is_one_that_is_given_back() -> None:
    names = set()
    for path in TEMPLATES.rglob("*.html"):
        names |= set(re.findall(r"f\.textarea\(form, '([a-z_]+)'", path.read_text()))
    assert "narrative" in names
    assert names <= WORDS


def test_what_is_too_large_is_said_to_be_on_every_route_whoever_sends_it(app: Flask) -> None:
    """As nobody on every route; with a session, whose state cannot be asked for here, on two (asking takes seconds)."""
    client = app.test_client()
    too_long: dict[str, Any] = {"environ_overrides": {"CONTENT_LENGTH": "300000000"}, "buffered": True}
    addresses = [address(rule) for method, rule in rules(app) if method == "POST"]
    answers = [(path, client.post(path, **too_long)) for path in addresses]
    client.set_cookie("safekeep-8000", "a-session")
    answers += [(path, client.post(path, **too_long)) for path in ("/lock", f"/s/hillside/incidents/new/{new_id()}")]
    for path, answer in answers:
        assert answer.status_code == 413, f"{path}: {answer.status_code}"
        assert "One file may be 250 MB at most" in answer.text, path


def test_a_form_with_more_text_than_one_may_have_is_refused_and_no_failure(app: Flask) -> None:
    """It is refused as it is read: what looks at the form again afterwards reads it no second time."""
    client = app.test_client()
    body = (b"kept_id=" + b"x" * 5_000_000, b"kept_id=1&" * 3_000)
    for sent in body:
        answer = client.post("/sign-in", data=sent, content_type="application/x-www-form-urlencoded")
        assert answer.status_code in {400, 413}, answer.status_code


def test_every_form_that_is_posted_carries_the_token() -> None:
    for path in TEMPLATES.rglob("*.html"):
        for form in re.findall(r'<form[^>]*method="post".*?</form>', path.read_text(), re.S):
            assert "csrf()" in form or (path.name == "problem.html" and 'name="csrf_token" value="{{ token }}"' in form), path.name


def test_no_template_holds_inline_script_or_style() -> None:
    for path in TEMPLATES.rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"<style|style=\"|\son\w+=\"|javascript:", text), path.name
        assert all("src=" in script for script in re.findall(r"<script[^>]*>", text)), path.name


def test_a_text_in_a_failed_form_is_not_lost_while_the_broker_is_away(app: Flask) -> None:
    """Who cannot even be asked who they are gets their words back on the page that says so."""
    client = app.test_client()
    client.set_cookie("safekeep-8000", "a-session")
    answer = client.post(f"/s/hillside/incidents/new/{new_id()}", data={"csrf_token": "0" * 64, "narrative": "She said <no>.", "do": "record"})
    assert answer.status_code == 503
    assert "She said &lt;no&gt;." in answer.text
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ("/s/hillside/inbox", "/s/hillside/inbox"),
        ("/t/trust/", "/t/trust/"),
        ("//evil.example/s/", ""),
        ("https://evil.example/s/", ""),
        ("/s/\\evil.example", ""),
        ("/s//evil.example", ""),
        ("/s/\nx", ""),
        ("/sign-out", ""),
        ("", ""),
    ],
)
def test_signing_in_leads_only_to_pages_of_ours(wanted: str, kept: str) -> None:
    assert pages.safe_next(wanted) == kept


def test_the_api_says_problems_as_rfc_9457(app: Flask) -> None:
    answer = app.test_client().get("/api/v1/pupils?q=sa")
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    said: dict[str, Any] = answer.get_json()
    assert said["type"].endswith("/not-signed-in")
    assert {"type", "title", "status", "detail"} <= said.keys()


def test_the_apis_description_is_valid_and_names_every_call(app: Flask) -> None:
    described = document()
    validate(described)
    routes = {
        re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule.removeprefix("/api/v1"))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
    }
    assert set(described["paths"]) == routes - {"/openapi.json"}


def test_nothing_is_served_but_the_table_and_our_own_files(app: Flask) -> None:
    client = app.test_client()
    for name in VENDOR:
        assert client.get(f"/assets/vendor/{name}", buffered=True).status_code == 200, name
    for name in ("theme.css", "start.js", "icon.svg"):
        assert client.get(f"/assets/own/x/{name}", buffered=True).status_code == 200
    for name in ("vendor/package.json", "vendor/../govuk-frontend.min.css", "own/x/../__init__.py", "own/x/__init__.py"):
        assert client.get(f"/assets/{name}").status_code == 404, name
