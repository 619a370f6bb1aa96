"""What is there in the end, as the school's leads see it: incidents, inboxes, counts, the export, and the mailbox."""

import http.client
import io
import json
import re
import tempfile
import urllib.parse
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from safekeep.proof.verify import sentences, verify
from tests.faults.history import Asked, Found
from tests.faults.victim import Victim, wait_until
from tests.faults.workload import Api
from tests.journeys import signing_in

LEADS = ("dsl", "deputy_dsl")
READ_BY_HAND = 240
"""So many incidents are opened one by one; nobody may open more than 300 an hour. Of the others the school's export says what there is."""


def leads(victim: Victim) -> list[dict[str, Any]]:
    """Return the sign-ins of the Safeguarding team: who is told of everything here."""
    return [login for login in victim.system["logins"] if login["role"] in LEADS]


def look(victim: Victim, asked: Sequence[Asked]) -> Found:
    """Look at everything; first at what waits, since looking makes mail of its own: whoever signs in from elsewhere is told."""
    waiting = victim.left()
    people = {login["id"]: Api(victim.system, login) for login in leads(victim)}
    addresses = {login["username"]: login["id"] for login in victim.system["logins"]}
    alerts = [(person, item["entry_id"], item["id"]) for person, api in people.items() for item in api.all("/alerts?state=all")]
    alerts += _alerts_of_others(victim)
    dsl = next(iter(people.values()))
    eyes = [Api(victim.system, dsl.login) for _ in range(4)]
    everything = sorted({each.incident for each in asked})
    incidents = everything[:: -(-len(everything) // READ_BY_HAND) or 1]

    def read(number: int) -> list[Any]:
        return [eyes[number].get(f"/incidents/{incident}") for incident in incidents[number :: len(eyes)]]

    with ThreadPoolExecutor(len(eyes)) as pool:
        found = [incident for part in pool.map(read, range(len(eyes))) for incident in part]
    opened = {incident["id"]: [entry["id"] for entry in incident["entries"]] for incident in found if incident}
    chain, held, wrong = _proof(victim)  # after the reading: its sign-in needs another code than theirs
    entries = {each: held[each] for each in everything if each in held} | opened
    wrong += [f"incident {each} is another in the export" for each in sorted(opened.keys() & held.keys()) if opened[each] != held[each]]
    wrong += [f"incident {each} is in the export and cannot be opened" for each in incidents if each in held and each not in opened]
    mails = []
    for mail in victim.mails():
        last = mail["text"].strip().rpartition("/")[2]
        if "/alerts/" in mail["text"]:
            mails.append((addresses[mail["to"][0]], last, datetime.fromisoformat(mail["at"]).timestamp()))
    today = datetime.now().date()
    counts = dsl.get(f"/counts?since={today - timedelta(days=400)}&until={today + timedelta(days=2)}")
    for api in (*people.values(), *eyes):
        api.close()
    return Found(entries, alerts, mails, chain, (counts["incidents"], counts["actions"]), waiting, wrong)


def _alerts_of_others(victim: Victim) -> list[tuple[Any, str, str]]:
    """Return what stands in the inboxes of everybody else who has one: nothing here is for them."""
    found = []
    for login in victim.system["logins"]:
        if login["role"] in LEADS:
            continue
        api = Api(victim.system, login)
        status, _ = api.call("GET", "/alerts?state=all")
        if status != 403:
            found += [(login["id"], item["entry_id"], item["id"]) for item in api.all("/alerts?state=all")]
        api.close()
    return found


def _proof(victim: Victim) -> tuple[list[str], dict[str, list[str]], list[str]]:
    """Fetch the school's export as a DSL does, on its pages.

    Returns the hashes of incidents and actions, their ids by incident in the order of the ledger, and what verifying it finds wrong.
    """
    try:
        export = _export(victim)
    except (AssertionError, TimeoutError) as error:
        return [], {}, [f"no export can be had: {error}"[:500]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "school.zip"
        path.write_bytes(export)
        report = verify(path)
        wrong = [] if report.ok else [str(sentences(report))]
    with zipfile.ZipFile(io.BytesIO(export)) as archive:
        rows = [line.split() for line in archive.read("index.txt").decode().splitlines()]
        lines = [json.loads(json.loads(line)["entry"]) for line in archive.read("entries.jsonl").decode().splitlines()]
    held: dict[str, list[str]] = {}
    for line in lines:
        if line["kind"] in {"incident", "action"}:
            held.setdefault(line["incident"], []).append(line["entry"])
    return [hash for _, kind, hash in rows if kind in {"incident", "action"}], held, wrong


def _export(victim: Victim) -> bytes:
    name, value = signing_in.cookie(victim.system, leads(victim)[0], fresh=True)
    cookie, url = f"{name}={value}", urllib.parse.urlsplit(victim.system["url"])

    def ask(method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
        sent = {"Cookie": cookie} | ({"Content-Type": "application/x-www-form-urlencoded"} if form else {})
        connection.request(method, path, urllib.parse.urlencode(form) if form else None, sent)
        response = connection.getresponse()
        answer = response.status, response.headers.get("Location") or "", response.read()
        connection.close()
        return answer

    _, form, _ = ask("GET", f"/s/hillside/export/school/{victim.system['school_id']}")
    _, _, page = ask("GET", form)
    token = re.search(rb'name="csrf_token" value="([0-9a-f]+)"', page)
    assert token, page[-2000:]
    _, place, page = ask("POST", form, {"csrf_token": token[1].decode(), "reason": "The faults' checker"})
    assert place, page[-2000:]
    wait_until(lambda: b"/export.zip" in ask("GET", place)[2], seconds=180, what="the export is not made")
    status, _, data = ask("GET", f"{place}/export.zip")
    assert status == 200
    return data
