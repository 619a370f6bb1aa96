"""The demonstration is what a school looks like: its size, its spread, its names; made the same every time, and nobody real."""

import re
import unicodedata
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from deploy.demo import people, stories
from safekeep.permissions import Role
from tests.journeys import signing_in
from tests.journeys.api import Api
from tests.journeys.conftest import PHONE
from tests.journeys.test_concern import ids_of_alerts, wait_for_mail


def _rows(system: dict[str, Any], service: str, query: str) -> list[Any]:
    with psycopg.connect(system["admin_urls"][service]) as database:
        return database.execute(query).fetchall()


def test_a_demonstration_that_was_cut_short_among_its_entries_is_finished_by_the_next_start(system: dict[str, Any]) -> None:
    """Everything was ended while entries were being made; the next start made the rest, and none twice. What it said of it is looked at too."""
    if "entries_made" not in system:
        pytest.skip("this system was started by hand, and not cut short")
    schools = [
        people.make_school(slug="hillside", name="Hillside Primary", phase="primary", pupils=420, teachers=24),
        people.make_school(slug="kingsmead", name="Kingsmead Academy", phase="secondary", pupils=1100, teachers=62),
    ]
    entries = [len(stories.entries_of(school, incidents=340 if school.phase == "primary" else 660)) for school in schools]
    assert system["entries_made"] == sum(entries)
    assert len(system["logins"]) > 10
    said = Path(system["log"]).read_text()
    for part in ("settings", "database server", "schemas", "message broker", "services", "demonstration data (once)"):
        assert f"  {part} …\n" in said, "said when it begins"
        assert re.search(rf"^  {re.escape(part)}: \d+\.\d s$", said, re.MULTILINE), "and when it is done, with how long it took"
    assert f"Safekeep answers at {system['url']} " in said
    for login in system["logins"]:
        assert re.search(rf"^  {login['role']} .*{re.escape(login['username'])} +{re.escape(login['password'])}", said, re.MULTILINE), login["role"]


def test_there_is_a_sign_in_of_every_role_in_every_school_of_the_trust(system: dict[str, Any]) -> None:
    at_trust = {Role.TRUST_SAFEGUARDING_LEAD.value, Role.TRUST_IT.value}
    at_school = {role.value for role in Role} - at_trust
    found = {(login["role"], login["school"]) for login in system["logins"]}
    schools = {"Hillside Primary", "Kingsmead Academy"}
    assert found == {(role, school) for role in at_school for school in schools} | {(role, None) for role in at_trust}
    assert {frozenset(login) for login in system["logins"]} == {frozenset({"role", "school", "username", "password", "totp_secret"})}
    assert all(login["username"].endswith(".example") for login in system["logins"]), "addresses nobody can own"


def test_whoever_is_asked_for_a_code_finds_it_on_the_mailboxs_page(system: dict[str, Any]) -> None:
    """Its code is the one their app shows, and nobody's secret is on it."""
    with urllib.request.urlopen(system["mail_url"] + "/codes") as answer:
        page = answer.read().decode()
    for login in system["logins"]:
        row = next(row for row in page.split("<tr>") if login["username"] in row)
        found = re.search(r"'code'>(\d{3}) (\d{3})<", row)
        assert (found is not None) == (login["totp_secret"] is not None), login["role"]
        if found:
            assert pyotp.TOTP(login["totp_secret"]).verify("".join(found.groups()), valid_window=1)
            assert login["totp_secret"] not in page


def test_the_mailboxs_page_shows_the_alert_of_a_concern_with_who_recorded_it_its_category_and_its_link(
    system: dict[str, Any], browser: Browser, finds_nothing_wrong: Callable[[Page], None]
) -> None:
    """As whoever tries it out reads it: the newest first, and both pages held against axe, light and dark."""
    teacher = Api(system, "teacher")
    concern = teacher.incident()
    assert teacher.call("POST", "/incidents", concern)[0] == 201
    (mail, *_) = wait_for_mail(system, ids_of_alerts(system, concern["id"]))
    by, category, *_, link = mail["text"].strip().splitlines()
    for scheme in ("light", "dark"):
        with closing(browser.new_context(viewport=PHONE, color_scheme=scheme)) as context:
            page = context.new_page()
            page.goto(system["mail_url"])
            article = page.get_by_role("article").filter(has=page.get_by_role("link", name=link, exact=True))
            expect(article.get_by_role("heading")).to_have_text("Something to read in Safekeep")
            for said in (f"To {mail['to'][0]}", by, category):
                expect(article).to_contain_text(said)
            assert by.startswith("Recorded by: ")
            finds_nothing_wrong(page)
            page.get_by_role("link", name="Sign-ins and codes").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("Sign-ins and codes")
            finds_nothing_wrong(page)


def test_the_next_codes_come_by_themselves_and_by_a_link(system: dict[str, Any], browser: Browser) -> None:
    with closing(browser.new_context()) as context:
        page = context.new_page()
        page.clock.install()
        page.goto(system["mail_url"] + "/codes")
        page.locator("tbody").evaluate("element => { element.dataset.old = 'yes' }")
        page.clock.fast_forward(31_000)
        expect(page.locator("tbody:not([data-old])")).to_have_count(1)
        expect(page.locator(".code").first).to_have_text(re.compile(r"^\d{3} \d{3}$"))
        page.locator("tbody").evaluate("element => { element.dataset.old = 'yes' }")
        page.get_by_role("link", name="Show new codes").click()
        expect(page.locator("tbody:not([data-old])")).to_have_count(1)


def test_the_second_step_says_where_the_code_is(system: dict[str, Any]) -> None:
    """To people of the demonstration alone: `test_first_start.py` looks at it as somebody real."""
    login = next(x for x in system["logins"] if (x["role"], x["school"]) == ("slt", "Kingsmead Academy"))
    page = signing_in.second_step(system, login["username"], login["password"])
    assert f'href="{system["mail_url"]}/codes"' in page


def test_a_primary_of_420_and_a_secondary_of_1100(system: dict[str, Any]) -> None:
    counts = [count for (count,) in _rows(system, "incidents", "select count(*) from pupils where not holding group by school_id")]
    for size in (420, 1100):
        assert any(size <= count < size + 40 for count in counts), f"{counts}: other tests make schools of their own, and add a few pupils"


def test_three_years_of_about_2500_entries_of_a_realistic_spread(system: dict[str, Any]) -> None:
    seeded = "select e.recorded_at, e.kind, e.class from entries e where e.recorded_at < now() - interval '12 hours'"
    entries = _rows(system, "incidents", seeded)
    assert 2_200 < len(entries) < 2_800
    times = [at for at, _, _ in entries]
    assert 1_000 < (max(times) - min(times)).days < 1_100
    kinds, classes = Counter(kind for _, kind, _ in entries), Counter(class_ for _, kind, class_ in entries if kind == "incident")
    assert kinds["action"] > kinds["incident"] * 0.3
    general, welfare, safeguarding, protection = (classes[n] / sum(classes.values()) for n in sorted(classes))
    assert general > safeguarding > protection > 0.005
    assert general > 0.4
    assert welfare > 0.05
    assert {at.isoweekday() for at in times} <= {1, 2, 3, 4, 5}, "schools are open on weekdays"


def test_names_as_they_are_in_schools(system: dict[str, Any]) -> None:
    names = [name for (name,) in _rows(system, "incidents", "select name from pupils where not holding")]
    assert any("’" in name or "'" in name for name in names)
    assert any("-" in name for name in names)
    assert any(unicodedata.combining(letter) for name in names for letter in unicodedata.normalize("NFD", name))
    scripts = {unicodedata.name(letter).split()[0] for name in names for letter in name if letter.isalpha()}
    assert len(scripts) >= 4, scripts
    assert max(Counter(names).values()) >= 2, "two pupils of the same name"
    assert _rows(system, "incidents", "select family from pupils group by school_id, family having count(*) >= 2"), "siblings"
