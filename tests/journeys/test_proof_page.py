"""A DSL exports a pupil's record and gives it to somebody who trusts nobody; witnesses are chosen, mailed, and compare."""

import json
import time
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from playwright.sync_api import Page, expect

from deploy.cli.__main__ import main
from safekeep.proof import heads
from safekeep.proof.verify import sentences, verify
from tests.journeys.conftest import PHONE
from tests.unit.safekeep import second_verifier


def a_pupil(system: dict[str, Any], slug: str = "hillside") -> str:
    """A pupil of Hillside Primary about whom there is an attached file or at least two incidents."""
    with psycopg.connect(system["admin_urls"]["identity"]) as database:
        school = database.execute("select school_id from schools where slug = %s", (slug,)).fetchone()
    with psycopg.connect(system["admin_urls"]["incidents"]) as database:
        query = "select pupil_id from incidents where school_id = %s group by pupil_id order by count(*) desc, pupil_id limit 1"
        found = database.execute(query, school).fetchone()
    assert found is not None
    return str(found[0])


def download(page: Page, folder: Path) -> Path:
    deadline = time.monotonic() + 90
    while page.get_by_role("heading", name="The export is being made").count():
        assert time.monotonic() < deadline
        page.get_by_role("link", name="Look again").click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download").click()
    path = folder / "export.zip"
    waiting.value.save_as(path)
    return path


def mails_to(system: dict[str, Any], address: str) -> list[str]:
    with urllib.request.urlopen(system["mail_url"].rstrip("/") + "/messages.json", timeout=30) as answer:
        return [mail["text"] for mail in json.load(answer) if address in " ".join(mail["to"])]


def test_an_export_is_made_downloaded_and_checked_by_anybody(
    sign_in: Callable[..., Any], system: dict[str, Any], tmp_path: Path, finds_nothing_wrong: Callable[[Page], None], capsys: Any
) -> None:
    dsl = sign_in("dsl", javascript=True, fresh=True)
    page = dsl.go("proof")
    finds_nothing_wrong(page)
    address = f"chair-{time.time_ns()}@governors.example"
    page.get_by_label("Who is it?").fill("Chair of governors")
    page.get_by_label("By e-mail").check()
    page.get_by_label("E-mail address").fill(address)
    page.get_by_role("button", name="Add witness").click()
    expect(page.get_by_text(address)).to_be_visible()
    dsl.go(f"pupils/{a_pupil(system)}")
    page.get_by_role("link", name="Export this record").click()
    page.get_by_role("button", name="Make the export").click()
    expect(page.get_by_role("alert")).to_be_visible()
    finds_nothing_wrong(page)
    page.get_by_label("Who is it for, and why?").fill("The family court")
    page.get_by_role("button", name="Make the export").click()
    page.wait_for_url("**/exports/*")
    path = download(page, tmp_path)
    finds_nothing_wrong(page)
    report = verify(path)
    assert report.ok, sentences(report)
    assert second_verifier.check(path) == set()
    deadline = time.monotonic() + 60
    while not (mails := mails_to(system, address)) and time.monotonic() < deadline:
        time.sleep(0.3)
    (tmp_path / "mail.txt").write_text(mails[0])
    assert heads.read_text(mails[0]).head.root == report.facts["root"]
    assert main(["verify", str(path), "--head", str(tmp_path / "mail.txt")]) == 0
    assert "It agrees with the 1 heads that you hold." in capsys.readouterr().out
    with zipfile.ZipFile(path) as archive:
        assert archive.read("summary.pdf").startswith(b"%PDF")


def test_a_phone_without_javascript_exports_an_incident_too(sign_in: Callable[..., Any], system: dict[str, Any], tmp_path: Path) -> None:
    dsl = sign_in("dsl", viewport=PHONE, javascript=False, fresh=True)
    dsl.go(f"pupils/{a_pupil(system)}/chronology")
    page = dsl.page
    page.get_by_role("main").locator("a[href*='/incidents/']").first.click()
    page.get_by_role("link", name="Export this incident").click()
    page.get_by_label("Who is it for, and why?").fill("The receiving school")
    page.get_by_role("button", name="Make the export").click()
    page.wait_for_url("**/exports/*")
    report = verify(download(page, tmp_path))
    assert report.ok, sentences(report)
    assert report.facts["scope"] == "incident"


def test_the_proof_is_for_dsls(sign_in: Callable[..., Any]) -> None:
    for role in ("teacher", "slt"):
        person = sign_in(role, javascript=False)
        answer = person.page.goto(f"{person.base}s/hillside/proof")
        assert answer.status in (403, 404)
