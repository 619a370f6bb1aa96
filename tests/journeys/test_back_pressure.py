"""Parts away or blocked, on a whole system: what is recorded stays recorded, what is not is said, and no word is lost.

The tests are of one system, in this order; each puts right what it did.
"""

import contextlib
import hashlib
import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from playwright.sync_api import Page, expect

from deploy.local import servers
from safekeep.contracts.files import PIECE
from services.incidents import ledger
from tests.bench.files import FILM, at_rest, most, ours
from tests.faults.victim import Victim, running, wait_until
from tests.journeys.api import Api
from tests.journeys.conftest import DESKTOP, PHONE
from tests.journeys.test_concern import fill_in, see_who
from tests.servers import rabbitmqctl

pytestmark = pytest.mark.timeout(600)

MIB = 1024 * 1024
TOLD = 3
"""The school's Safeguarding team: each is mailed of each incident here."""
AWAY = "Seen at the gate. Kept although nobody could take it."


@pytest.fixture(scope="module")
def victim() -> Iterator[Victim]:
    with running() as on:
        yield on


@pytest.fixture(scope="module")
def system(victim: Victim) -> dict[str, Any]:
    """For the fixtures of the journeys: this system, not the one that others use."""
    return victim.system


@pytest.fixture
def teacher(victim: Victim) -> Api:
    wait_until(victim.answers, seconds=90, what="it does not answer")
    return Api(victim.system, "teacher")


def mails(victim: Victim, since: int = 0) -> int:
    return sum("/alerts/" in mail["text"] for mail in victim.mails()) - since


def metric(victim: Victim, process: str, name: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{victim.system['inner'][process]}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((name + " ", name + "{")))


@contextlib.contextmanager
def blocked(victim: Victim, kind: str = "memory") -> Iterator[None]:
    """The broker short of memory, or of disk: it reads nothing from whoever publishes."""
    environment = {k: v for k, v in psutil.Process(victim.pids()["rabbitmq"]).environ().items() if k.startswith(("RABBITMQ_", "ERL_", "HOME"))}
    if kind == "memory":
        rabbitmqctl(environment, "set_vm_memory_high_watermark", "absolute", "1MB")
    else:
        rabbitmqctl(environment, "set_disk_free_limit", "mem_relative", "1000.0")
    try:
        yield
    finally:
        rabbitmqctl(environment, "set_vm_memory_high_watermark", "absolute", "1GB")
        rabbitmqctl(environment, "set_disk_free_limit", servers.DISK_LEFT)


@contextlib.contextmanager
def away(victim: Victim, *names: str) -> Iterator[None]:
    with victim.supervisor() as supervisor:
        for name in names:
            supervisor.stopProcess(name, True)
    try:
        yield
    finally:
        with victim.supervisor() as supervisor:
            for name in names:
                supervisor.startProcess(name, False)


SLOW = {  # for longer than the ten seconds that recording may take
    "recorded": (  # in the middle of writing
        "create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(18); return new; end'",
        "create trigger slow before insert on outbox for each row execute function slow()",
    ),
    "not recorded": ("create policy slow on ledger_heads as restrictive using (pg_sleep(12) is not null)",),  # before its turn comes
}
QUICK = ("drop trigger if exists slow on outbox", "drop function if exists slow", "drop policy if exists slow on ledger_heads")


@contextlib.contextmanager
def slow(victim: Victim, becomes: str) -> Iterator[None]:
    """Whoever records is held up."""
    with psycopg.connect(victim.system["admin_urls"]["incidents"], autocommit=True) as database:
        for statement in SLOW[becomes]:
            database.execute(statement)
        try:
            yield
        finally:
            for statement in QUICK:
                database.execute(statement)


def test_a_film_of_two_hundred_megabytes_goes_in_and_out_through_every_part_in_little_memory(victim: Victim, teacher: Api, tmp_path: Path) -> None:
    """By the JSON API: each of the gateway's workers and the files service hold less than 64 MB for it. (The service alone: test_door.py.)"""
    film = tmp_path / "film.mp4"
    with film.open("wb") as out:
        out.write(FILM)
        out.truncate(200 * PIECE)
    of_files = psutil.Process(victim.system["pids"]["files"])
    before = at_rest(victim.system) | {of_files.pid: of_files.memory_info().rss}
    Path(f"/proc/{of_files.pid}/clear_refs").write_text("5")
    ours(victim.system["url"], teacher.token, film, 0, forget=None)
    more = {pid: most(pid) - resting for pid, resting in before.items()}
    print(
        {
            f"{'files' if pid == of_files.pid else 'gateway'} {pid}": f"{before[pid] / MIB:.0f} MiB at rest, {more[pid] / MIB:.0f} MiB more"
            for pid in before
        }
    )
    assert all(held < 64 * MIB for held in more.values()), more


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_with_the_broker_blocked_recording_succeeds_and_the_alerts_come_afterwards(victim: Victim, teacher: Api, kind: str) -> None:
    before = mails(victim)
    wanted = [teacher.incident() for _ in range(5)]
    with blocked(victim, kind):
        took = []
        for incident in wanted:
            started = time.monotonic()
            status, answer = teacher.call("POST", "/incidents", incident)
            took.append(time.monotonic() - started)
            assert status == 201, answer
        assert teacher.call("POST", "/incidents", wanted[0])[0] == 201, "and again is the same"
        wait_until(lambda: metric(victim, "relay-incidents", "safekeep_outbox_waiting") >= 5, seconds=30, what="the outbox does not grow")
        assert mails(victim, before) == 0
    print(f"{kind}: recorded in {', '.join(f'{t:.2f}' for t in took)} s with the broker blocked")
    after = wait_until(lambda: mails(victim, before) >= 5 * TOLD, seconds=120, what="the alerts do not go out")
    print(f"{kind}: every mail {after:.1f} s after it was freed")
    wait_until(lambda: not any(victim.left().values()), seconds=60, what="something is left")
    assert mails(victim, before) == 5 * TOLD


@pytest.mark.parametrize("javascript", [True, False])
def test_the_page_says_that_alerts_are_delayed_as_long_as_they_are(
    victim: Victim, teacher: Api, sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], javascript: bool
) -> None:
    page = sign_in("teacher", viewport=PHONE, javascript=javascript).go("incidents/new")
    before = mails(victim)
    with blocked(victim):
        fill_in(page)
        press(page)
        expect(page.get_by_role("heading", name=re.compile("Recorded"))).to_be_visible(timeout=60_000)
        expect(page.get_by_text("alerts are delayed just now")).to_be_visible()
        expect(page.get_by_role("heading", name="The alert will be sent to")).to_be_visible()
        expect(page.get_by_role("heading", name="The alert was sent to")).to_have_count(0)
        if javascript:
            finds_nothing_wrong(page)
    if javascript:  # by itself, and read out
        expect(page.get_by_text("alerts are delayed just now")).to_have_count(0, timeout=60_000)
    else:
        wait_until(lambda: "alerts are delayed" not in (page.reload() and page.inner_text("main")), seconds=60, what="it is still said")
        wait_until(lambda: "is being sent to" not in (page.reload() and page.inner_text("main")), seconds=60, what="it is still being sent")
    expect(page.get_by_role("heading", name="The alert was sent to")).to_be_visible(timeout=60_000)
    wait_until(lambda: mails(victim, before) == TOLD, seconds=60, what="the alerts do not go out")


@pytest.mark.parametrize("name", ["alerts", "reports", "files", "rabbitmq"])
def test_with_this_away_recording_is_untouched(victim: Victim, teacher: Api, sign_in: Callable[..., Any], name: str) -> None:
    incident, before = teacher.incident(), mails(victim)
    with away(victim, name):
        status, answer = teacher.call("POST", "/incidents", incident)
        assert status == 201, answer
        page = sign_in("teacher").go(f"incidents/{incident['id']}/recorded")
        expect(page.get_by_role("heading", name=re.compile("Recorded"))).to_be_visible()
        if name == "alerts":
            expect(page.get_by_text("alerts are delayed just now")).to_be_visible()
    wait_until(lambda: mails(victim, before) == TOLD, seconds=120, what="the alerts do not go out")


def in_the_ledger(victim: Victim, incident: str) -> list[str]:
    """Return the hash of each file of an incident, held against what the ledger's entry commits to."""
    query = (
        "select e.files, l.canonical, o.openings->'fields' from entries e join ledger l on l.school_id = e.school_id and l.sequence = e.ledger_sequence"
        " join ledger_openings o on o.school_id = l.school_id and o.sequence = l.sequence where e.incident_id = %s"
    )
    with psycopg.connect(victim.system["admin_urls"]["incidents"]) as database:
        ((files, canonical, salts),) = database.execute(query, [incident]).fetchall()
    committed = json.loads(bytes(canonical))["fields"]
    for file in files:
        name = f"file:{file['id']}"
        assert committed[name] == ledger.field_commitment(name=name, salt=salts[name], value=file)
    return [file["sha256"] for file in files]


@pytest.mark.parametrize("javascript", [True, False], ids=["phone", "without JavaScript"])
def test_with_files_away_evidence_that_was_uploaded_before_is_recorded_and_in_the_ledger_from_the_first_moment(
    victim: Victim, teacher: Api, sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], javascript: bool
) -> None:
    """The form carries the receipt that files signed at the upload, and so may a program; without one it is said that nothing was recorded."""
    words = f"What she drew at {time.time()}".encode()
    page = sign_in("teacher", viewport=PHONE, javascript=javascript).go("incidents/new")
    fill_in(page)
    page.set_input_files("#files", {"name": "drawing.txt", "mimeType": "text/plain", "buffer": words})
    if not javascript:
        page.get_by_role("button", name="Add these files").click()
    expect(page.get_by_role("button", name="Take off drawing.txt")).to_be_visible()
    incident_id = page.url.partition("#")[0].rpartition("/")[2]
    kept = teacher.upload("note.txt", words)
    mine, bare = (teacher.incident(file_ids=[kept["id"]], **more) for more in ({"receipts": {kept["id"]: kept["receipt"]}}, {}))
    forged = teacher.incident(file_ids=[kept["id"]], receipts={kept["id"]: kept["receipt"][:-8] + "AAAAAAAA"})
    with away(victim, "files"):
        press(page)
        expect(page.get_by_role("heading", name=re.compile("Recorded"))).to_be_visible(timeout=60_000)
        status, answer = teacher.call("POST", "/incidents", mine)
        assert status == 201, answer
        assert teacher.call("POST", "/incidents", mine)[0] == 201, "and again is the same"
        assert teacher.call("POST", "/incidents", bare)[0] == 503
        assert teacher.call("POST", "/incidents", forged)[0] == 422
        for id_ in (incident_id, mine["id"]):
            assert in_the_ledger(victim, id_) == [hashlib.sha256(words).hexdigest()]
        if javascript:
            finds_nothing_wrong(page)
    wait_until(victim.answers, seconds=90, what="it does not answer")
    for id_ in (bare["id"], forged["id"]):
        assert teacher.call("GET", f"/incidents/{id_}")[0] == 404
    page.goto(f"{victim.system['url']}s/hillside/incidents/{incident_id}")
    expect(page.get_by_role("link", name=re.compile("drawing.txt"))).to_be_visible(timeout=60_000)


@pytest.mark.parametrize(("viewport", "javascript"), [(PHONE, True), (DESKTOP, False)], ids=["phone", "without JavaScript"])
def test_with_incidents_away_the_words_are_kept_as_a_draft_and_the_page_says_so_also_on_add_incident(
    victim: Victim, teacher: Api, sign_in: Callable[..., Any], finds_nothing_wrong: Callable[[Page], None], viewport: Any, javascript: bool
) -> None:
    person = sign_in("teacher", viewport=viewport, javascript=javascript)
    page = person.go("incidents/new")
    fill_in(page)
    page.fill("[name=narrative]", AWAY)
    with away(victim, "incidents"):
        look = [] if javascript else [re.compile("^Show who will be sent it")]  # with it the page shows it by itself
        for button in (*look, re.compile("^Add incident")):
            with page.expect_response(
                lambda response: response.request.is_navigation_request(), timeout=60_000
            ) as answer:  # scripts ask on meanwhile
                page.get_by_role("main").get_by_role("button", name=button).last.click()
            if button.pattern == "^Add incident":
                assert answer.value.status == 503
        said = page.get_by_role("main").inner_text()
        assert "Your text is kept as a draft" in said
        assert "was not done" in said
        assert "Recorded" not in page.title()
        assert page.input_value("[name=narrative]") == AWAY
        if javascript:
            finds_nothing_wrong(page)
    wait_until(victim.answers, seconds=90, what="it does not answer")
    page.goto(page.url)
    assert page.input_value("[name=narrative]") == AWAY, "the draft"
    press(page)
    expect(page.get_by_role("heading", name=re.compile("Recorded"))).to_be_visible(timeout=60_000)


def test_with_incidents_away_the_words_of_an_action_are_kept_too(victim: Victim, teacher: Api, sign_in: Callable[..., Any]) -> None:
    incident = teacher.incident()
    assert teacher.call("POST", "/incidents", incident)[0] == 201
    page = sign_in("teacher", javascript=False).go(f"incidents/{incident['id']}/actions/new")
    page.fill("[name=text]", AWAY)
    with away(victim, "incidents"):
        page.get_by_role("main").get_by_role("button", name=re.compile("^(Add action|Show who)")).last.click(timeout=60_000)
        assert page.get_by_label("What you typed. It is kept as a draft").input_value() == AWAY
    wait_until(victim.answers, seconds=90, what="it does not answer")
    page.goto(page.url)
    assert page.input_value("[name=text]") == AWAY


def test_with_postgresql_away_nothing_claims_to_be_saved(victim: Victim, teacher: Api) -> None:
    incident = teacher.incident()
    with away(victim, "postgres"):
        status, answer = teacher.call("POST", "/incidents", incident)
        assert status == 503, answer
    wait_until(victim.answers, seconds=90, what="it does not answer")
    wait_until(lambda: teacher.call("GET", f"/incidents/{incident['id']}")[0] == 404, seconds=60, what="what was refused is there")
    assert teacher.call("POST", "/incidents", incident)[0] == 201, "the same page again is safe"


@pytest.mark.parametrize("javascript", [True, False], ids=["phone", "without JavaScript"])
def test_with_postgresql_away_the_page_does_not_claim_it_either_and_the_words_stay(
    victim: Victim, teacher: Api, sign_in: Callable[..., Any], javascript: bool
) -> None:
    """No draft can be kept then: the words stay in the form, and sending them once it is back is enough."""
    page = sign_in("teacher", viewport=PHONE, javascript=javascript).go("incidents/new")
    fill_in(page)
    page.fill("[name=narrative]", AWAY)
    see_who(page)
    incident_id = page.url.rstrip("/").rpartition("/")[2]
    with away(victim, "postgres"):
        with page.expect_response(lambda response: response.request.is_navigation_request(), timeout=60_000) as answer:  # scripts ask on meanwhile
            page.get_by_role("main").get_by_role("button", name=re.compile("^Add incident")).last.click(no_wait_after=True)
        assert answer.value.status == 503
        page.wait_for_load_state()
        assert "Recorded" not in page.title()
        assert "kept as a draft" not in page.get_by_role("main").inner_text()
        assert page.input_value("[name=narrative]") == AWAY
    wait_until(victim.answers, seconds=90, what="it does not answer")
    wait_until(lambda: teacher.call("GET", f"/incidents/{incident_id}")[0] == 404, seconds=60, what="what was refused is there")
    again = page.get_by_role("main").get_by_role("button", name="Try again")  # where not even the session could be looked up
    if again.count():
        again.click(no_wait_after=True)
    else:
        press(page)
    expect(page.get_by_role("heading", name=re.compile("Recorded"))).to_be_visible(timeout=60_000)
    assert teacher.call("GET", f"/incidents/{incident_id}")[0] == 200


# --- an answer that does not come in time ------------------------------------------------------------------------------


def press(page: Page) -> None:
    """See who will be sent it, and add the incident."""
    see_who(page)
    page.get_by_role("main").get_by_role("button", name=re.compile("^Add incident")).last.click(no_wait_after=True)


@pytest.mark.parametrize(("viewport", "javascript", "dark"), [(PHONE, True, True), (DESKTOP, False, False)], ids=["phone", "without JavaScript"])
@pytest.mark.parametrize("becomes", ["recorded", "not recorded"])
def test_a_time_out_is_answered_honestly_and_resolves_itself_on_the_page(
    victim: Victim,
    teacher: Api,
    sign_in: Callable[..., Any],
    finds_nothing_wrong: Callable[[Page], None],
    becomes: str,
    viewport: Any,
    javascript: bool,
    dark: bool,
    tmp_path: Any,
) -> None:
    """Held up in the middle of writing it is recorded all the same; held up before, its deadline passes, and it never is."""
    page = sign_in("teacher", viewport=viewport, javascript=javascript, dark=dark).go("incidents/new")
    fill_in(page)
    page.fill("[name=narrative]", AWAY)
    see_who(page)
    incident_id = page.url.rstrip("/").rpartition("/")[2]
    with slow(victim, becomes):
        page.get_by_role("main").get_by_role("button", name=re.compile("^Add incident")).last.click(no_wait_after=True)
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text(re.compile("We are still saving it|We do not know yet if it was recorded"), timeout=60_000)
        assert "What you wrote is kept as a draft" in page.get_by_role("status").first.inner_text()
        page.screenshot(path=tmp_path / "saving.png", full_page=True)
    if becomes == "recorded":
        expect(heading).to_have_text(re.compile("^Recorded"), timeout=60_000)
        assert teacher.call("GET", f"/incidents/{incident_id}")[0] == 200
        return
    expect(heading).to_have_text("It was not recorded", timeout=60_000)
    assert teacher.call("GET", f"/incidents/{incident_id}")[0] == 404
    if javascript:
        finds_nothing_wrong(page)
    page.screenshot(path=tmp_path / "not-recorded.png", full_page=True)
    page.get_by_role("link", name="Open the draft").click()
    assert page.input_value("[name=narrative]") == AWAY
    press(page)
    expect(heading).to_have_text(re.compile("^Recorded"), timeout=60_000)
    assert teacher.call("GET", f"/incidents/{incident_id}")[0] == 200
