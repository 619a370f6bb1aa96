"""What an operator sees: every process says that it is alive and ready and how much it does; one trace from page to mail."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from safekeep.database import SERVICES
from tests.journeys.api import Api
from tests.journeys.test_afterwards import record


def test_every_process_of_ours_answers_health_readiness_and_metrics_on_an_inner_port(system: dict[str, Any]) -> None:
    assert set(system["inner"]) == {*SERVICES, *(f"relay-{service}" for service in SERVICES), "ledger", "gateway", "mailbox"}
    for name, port in system["inner"].items():
        for path, expected in (("healthz", b"alive"), ("readyz", b": ready"), ("metrics", b"# HELP")):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as answer:
                assert answer.status == 200, (name, path)
                assert expected in answer.read(), (name, path)


def test_the_gateways_figures_count_every_worker(system: dict[str, Any]) -> None:
    """Each request on a connection of its own, so that more than one of the workers answers; the inner port belongs to one."""

    def counted() -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{system['inner']['gateway']}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        wanted = 'safekeep_requests_seconds_count{route="/api/v1/oauth/token",status="400"}'
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(wanted))

    before = counted()
    with ThreadPoolExecutor(8) as pool:
        answered = list(pool.map(lambda _: _posted(f"{system['url']}api/v1/oauth/token"), range(60)))
    assert answered == [400] * 60
    assert counted() >= before + 60, "others may ask too; half of the workers would be half of it"


def _posted(url: str) -> int:
    request = urllib.request.Request(url, b"?", {"Content-Type": "text/plain", "Connection": "close"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_one_trace_leads_from_the_page_and_from_the_api_to_the_mail(system: dict[str, Any], sign_in: Callable[..., Any]) -> None:
    teacher = Api(system, "teacher")
    sent = teacher.incident()
    assert teacher.call("POST", "/incidents", sent)[0] == 201
    by_form = record(sign_in("teacher", javascript=False).go("pupils")).rpartition("/")[2]

    def lines(process: str) -> list[dict[str, Any]]:
        text = (Path(system["data"]) / "logs" / f"{process}.log").read_text()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def wait_for(process: str, **wanted: str) -> list[dict[str, Any]]:
        """A line is on its way to the file for a moment after its answer has been sent."""
        ends = time.monotonic() + 30
        while not (found := [line for line in lines(process) if wanted.items() <= line.items()]):
            assert time.monotonic() < ends, process
            time.sleep(0.05)
        return found

    form = "/s/<slug>/incidents/new/<uuid:incident_id>"
    for incident, route, status in ((sent["id"], "/api/v1/incidents", 201), (by_form, form, 303)):
        (recorded,) = wait_for("incidents", incident=incident)
        trace = recorded["trace"]
        assert len(trace) == 32
        (request,) = wait_for("gateway", trace=trace)
        assert (request["event"], request["route"], request["status"]) == ("request.done", route, status)
        assert {line["event"] for line in wait_for("alerts", trace=trace)} == {"mail.sent"}


def test_every_line_of_our_processes_is_structured(system: dict[str, Any]) -> None:
    for process in system["inner"]:
        for line in (Path(system["data"]) / "logs" / f"{process}.log").read_text().splitlines():
            if line.startswith("{"):
                assert {"event", "level", "timestamp", "process"} <= set(json.loads(line)), process
            else:
                assert process == "gateway", f"{process}: a line that is not JSON"
                assert line.startswith("["), "gunicorn's own lines about starting and ending"
