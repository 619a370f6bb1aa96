"""A DSL exports a pupil's record and gives it to somebody who trusts nobody; witnesses are chosen, mailed, and compare."""

import json
import re
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
from tests.journeys.api import Api
from tests.journeys.conftest import PHONE, pictured
from tests.journeys.test_afterwards import word
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


def test_an_export_holds_attached_files_as_they_were_uploaded_and_a_blocked_one_is_left_out(
    sign_in: Callable[..., Any], system: dict[str, Any], tmp_path: Path
) -> None:
    teacher, words = (
        Api(system, "teacher"),
        [b"A note of what she drew: " + word().encode(), b"Another, with ends of lines of its own.\r\n\xc3\xa9\r\n"],
    )
    kept = [teacher.upload(f"note-{number}.txt", data)["id"] for number, data in enumerate(words)]
    sent = teacher.incident(file_ids=kept)
    assert teacher.call("POST", "/incidents", sent)[0] == 201
    dsl = sign_in("dsl", javascript=False, fresh=True)

    def exported() -> dict[str, bytes]:
        page = dsl.go(f"incidents/{sent['id']}")
        page.get_by_role("link", name="Export this incident").click()
        page.get_by_label("Who is it for, and why?").fill("The receiving school")
        page.get_by_role("button", name="Make the export").click()
        page.wait_for_url("**/exports/*")
        path = download(page, tmp_path)
        report = verify(path)
        assert report.ok, sentences(report)
        assert second_verifier.check(path) == set()
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    first = exported()
    made_before = dsl.page.url
    assert [first[f"files/{id_}"] for id_ in kept] == words
    described = first["README.txt"].decode()
    for name in {name.partition("/")[0] for name in first} - {"README.txt"}:
        assert name in described, f"{name} is not described"

    page = dsl.go(f"incidents/{sent['id']}/files/{kept[0]}/block")
    page.fill("[name=reason]", "It should not have been taken")
    page.get_by_role("button", name="Block it now").click()
    expect(page.get_by_role("main")).to_contain_text("This file was blocked on")
    second = exported()
    assert f"files/{kept[0]}" not in second
    assert second[f"files/{kept[1]}"] == words[1]

    dsl.page.goto(made_before)  # it promised the file that nobody is given now: it has to be made again
    expect(dsl.page.get_by_role("heading", name="This export must be made again")).to_be_visible()
    assert dsl.page.request.get(f"{made_before}/export.zip").status == 409
    dsl.page.get_by_role("button", name="Make it again").click()
    expect(dsl.page.get_by_label("Who is it for, and why?")).to_be_visible()


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


def test_a_changed_record_is_marked_wherever_it_is_read_until_it_is_put_right(
    sign_in: Callable[..., Any], system: dict[str, Any], finds_nothing_wrong: Callable[[Page], None]
) -> None:
    """The superuser changes an account; the night's check comes, by itself: whoever reads it is warned on every page of it."""
    dsl, pupil, printed = sign_in("dsl", fresh=True), a_pupil(system), "/chronology?print=1"

    def as_superuser(statement: str, *values: Any) -> Any:
        with psycopg.connect(system["admin_urls"]["incidents"]) as database:
            database.execute("set session_replication_role = replica")
            done = database.execute(statement, values)
            return done.fetchone() if done.description else None

    query = (
        "select i.id::text, e.text, i.number, i.school_id from incidents i join entries e on e.id = i.id where i.pupil_id = %s order by i.id limit 1"
    )
    incident, text, number, school = as_superuser(query, pupil)

    def checked(says: str, *, marks: bool) -> None:
        as_superuser("update entries set text = %s where id = %s", says, incident)
        as_superuser("update ledger_work set due_at = now() where school_id = %s and kind = 'night'", school)
        ends = time.monotonic() + 60
        while dsl.go(f"incidents/{incident}").locator(".sk-altered").count() != int(marks):
            assert time.monotonic() < ends, f"marked: {not marks}"
            time.sleep(0.5)

    try:
        checked("Nothing happened.", marks=True)
        for path in (f"incidents/{incident}", *(f"pupils/{pupil}{tab}" for tab in ("", "/files", "/body-maps", "/family", "/chronology", printed))):
            page = dsl.go(path)
            if printed in path:
                expect(page.get_by_role("main")).to_contain_text("Not everything in the record is as it was recorded")
            card = page.locator(".sk-altered")
            expect(card).to_contain_text("Something here is not as it was recorded.")
            expect(card.get_by_role("link", name="What was found")).to_be_visible()
            if "pupils" in path:
                expect(card.get_by_role("link", name=f"Incident {number}", exact=True)).to_have_attribute("href", f"/s/hillside/incidents/{incident}")
            finds_nothing_wrong(page)
    finally:
        checked(text, marks=False)
    expect(dsl.go(f"pupils/{pupil}").locator(".sk-altered")).to_have_count(0)
    how = dsl.go(f"incidents/{incident}").get_by_role("link", name="Verified unaltered")
    expect(how).to_have_attribute("href", re.compile("/s/hillside/proof"))
    paper = dsl.go(f"pupils/{pupil}{printed}").get_by_role("main")
    expect(paper).to_contain_text(
        re.compile(r"Verified unaltered\. Everything was checked from the first entry on: \w+ \d+ \w+ 20\d\d, \d\d:\d\d:\d\d\. New entries")
    )
    expect(paper.get_by_role("link", name=f"{dsl.base}s/hillside/proof")).to_be_visible()
    pictured(dsl.page, "chronology-print")
