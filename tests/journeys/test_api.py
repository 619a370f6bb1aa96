"""The JSON API as the design fixes it, used by a program; and by one that sends anything at all."""

import contextlib
import http.client
import urllib.parse
from typing import Any

import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from deploy.demo.people import id_of
from safekeep.ids import new_id
from services.incidents.recording import holding_pupil
from tests.journeys.api import Api
from tests.make import ODD_CURSORS


@pytest.fixture(scope="module")
def teacher(system: dict[str, Any]) -> Api:
    return Api(system, "teacher")


@pytest.fixture(scope="module")
def dsl(system: dict[str, Any]) -> Api:
    return Api(system, "dsl")


def test_a_concern_by_program_from_recording_to_chronology(teacher: Api, dsl: Api) -> None:
    kept = teacher.upload("note.txt", b"a note")
    assert set(kept) == {"id", "name", "size", "sha256", "receipt"}
    pupil = teacher.get("/pupils?q=ol")["items"][-1]["id"]  # whose chronology no other journey opens meanwhile: what it shows is opened
    sent = teacher.incident(file_ids=[kept["id"]], pupil_id=pupil)
    status, recorded = teacher.call("POST", "/incidents", sent)
    assert (status, set(recorded)) == (201, {"id", "number", "recorded_at", "entry_hash"})
    assert recorded["recorded_at"].endswith("Z")

    alert = None
    while alert is None:  # the alert comes within a second of the answer
        alert = next((a for a in dsl.get("/alerts?state=unread")["items"] if a["incident_id"] == sent["id"]), None)
    assert set(alert) == {"id", "incident_id", "entry_id", "category", "class", "recorded_by", "raised_at", "read_at"}
    assert (alert["category"], alert["class"], alert["read_at"]) == ("safeguarding_concern", "safeguarding", None)
    status, problem = dsl.call("POST", f"/alerts/{alert['id']}/read")
    assert (status, problem["type"].rpartition("/")[2]) == (409, "not-opened")
    assert dsl.get(f"/incidents/{sent['id']}")["number"] == recorded["number"]
    assert dsl.call("POST", f"/alerts/{alert['id']}/read") == (204, None)
    assert all(a["id"] != alert["id"] for a in dsl.get("/alerts?state=unread")["items"])

    status, added = dsl.call("POST", f"/incidents/{sent['id']}/actions", {"text": "Spoke to her.", "alert": {"groups": []}, "file_ids": []})
    assert status == 201
    incident = dsl.get(f"/incidents/{sent['id']}")
    assert incident["number"] == recorded["number"]
    assert [e["entry_hash"] for e in incident["entries"]] == [recorded["entry_hash"], added["entry_hash"]]
    correction = {"entry_id": sent["id"], "reason": "A name was spelt out.", "should_say": "…"}
    assert dsl.call("POST", f"/incidents/{sent['id']}/corrections", correction)[0] == 201
    assert teacher.call("POST", f"/incidents/{sent['id']}/corrections", correction)[0] == 403
    chronology = dsl.get(f"/pupils/{sent['pupil_id']}/chronology")
    assert {e["incident_id"] for e in chronology["items"]} >= {sent["id"]}


def test_an_entry_about_an_adult_is_kept_to_the_chair_by_program_with_its_file(teacher: Api, dsl: Api, system: dict[str, Any]) -> None:
    """Restricted, read by the chair with what is attached, hidden from the deputy; and given back."""
    kept = teacher.upload("statement.txt", b"what was seen")
    sent = teacher.incident(file_ids=[kept["id"]])
    assert teacher.call("POST", "/incidents", sent)[0] == 201
    ids = {s["roles"][0]: s["id"] for s in dsl.get("/staff")["items"]}
    chair, deputy = Api(system, "governor"), Api(system, "deputy_dsl")
    with psycopg.connect(system["admin_urls"]["identity"]) as database:
        found = database.execute("select id, email from people where email = any(%s)", ([x.login["username"] for x in (chair, dsl)],)).fetchall()
    of = {email: str(id_) for id_, email in found}
    wanted = {"entry_id": sent["id"], "about_id": ids["slt"], "dsl_id": of[dsl.login["username"]], "reason": "It belongs with the chair."}
    status, problem = dsl.call("POST", "/restrictions", wanted | {"keeper_id": ids["slt"]})
    assert (status, problem["errors"][0]["field"]) == (422, "keeper_id")
    status, restriction = dsl.call("POST", "/restrictions", wanted | {"id": str(new_id()), "keeper_id": of[chair.login["username"]]})
    assert (status, restriction["entry_id"]) == (201, sent["id"])
    assert deputy.call("GET", f"/incidents/{sent['id']}")[0] == 404
    assert deputy.call("GET", f"/files/{kept['id']}")[0] == 404
    assert chair.get(f"/incidents/{sent['id']}")["entries"][0]["files"][0]["id"] == kept["id"]
    with contextlib.closing(http.client.HTTPConnection(chair.url.hostname or "", chair.url.port, timeout=30)) as connection:
        connection.request("GET", f"/api/v1/files/{kept['id']}", headers={"Authorization": f"Bearer {chair.token}"})
        assert connection.getresponse().read() == b"what was seen"
    assert deputy.call("POST", f"/restrictions/{restriction['id']}/lift", {"reason": "No."})[0] == 404
    assert chair.call("POST", f"/restrictions/{restriction['id']}/lift", {"reason": "It was about a parent."})[0] == 204
    assert deputy.call("GET", f"/incidents/{sent['id']}")[0] == 200


def test_the_same_id_again_answers_the_same_and_with_other_content_409(teacher: Api) -> None:
    sent = teacher.incident()
    first = teacher.call("POST", "/incidents", sent)
    assert first[0] == 201
    assert teacher.call("POST", "/incidents", sent) == first
    status, problem = teacher.call("POST", "/incidents", sent | {"narrative": "Something else."})
    assert (status, problem["type"].rpartition("/")[2]) == (409, "other-content")


def test_an_idempotency_key_makes_one_of_two(teacher: Api) -> None:
    sent = teacher.incident()
    del sent["id"]
    key = str(new_id())
    first = teacher.call("POST", "/incidents", sent, Idempotency_Key=key)
    assert first[0] == 201
    assert teacher.call("POST", "/incidents", sent, Idempotency_Key=key) == first
    assert teacher.call("POST", "/incidents", sent | {"narrative": "Else."}, Idempotency_Key=key)[0] == 409
    assert teacher.call("POST", "/incidents", sent | {"id": None})[0] == 201, "null is as if it were left out"
    assert teacher.call("POST", "/incidents", sent, Idempotency_Key=str(new_id()))[1]["id"] != first[1]["id"]


def test_a_list_of_pupils_under_a_key_is_one_list(dsl: Api) -> None:
    sent = {"pupils": [{"name": "Ada Keyed", "year": "Year 5", "form": "5A", "born": "2016-02-29"}], "dry_run": True}
    key = str(new_id())
    first = dsl.call("POST", "/pupils", sent, Idempotency_Key=key)
    assert (first[0], first[1]["items"][0]["outcome"]) == (200, "made")
    assert dsl.call("POST", "/pupils", sent, Idempotency_Key=key) == first
    status, problem = dsl.call("POST", "/pupils", sent | {"dry_run": False}, Idempotency_Key=key)
    assert (status, problem["type"].rpartition("/")[2]) == (409, "idempotency-key-reused")
    assert dsl.call("POST", "/pupils", sent)[1] == first[1], "without one it is as ever"


def test_signing_in_is_exempt_from_idempotency_keys(teacher: Api) -> None:
    """A token is not given out twice: the same key, the same words, another sign-in each time; and the document offers no such header there."""
    sent = {"username": teacher.login["username"], "password": teacher.login["password"]}
    answers = [teacher.call("POST", "/sign-in", sent, Idempotency_Key="one") for _ in range(2)]
    assert [status for status, _ in answers] == [200, 200]
    assert answers[0][1]["token"] != answers[1][1]["token"]
    described = teacher.get("/openapi.json")["paths"]
    offered = {path: "Idempotency-Key" in str(of["post"].get("parameters", [])) for path, of in described.items() if "post" in of}
    assert [offered[path] for path in offered if path.endswith("/sign-in")] == [False]
    assert [offered[path] for path in offered if path.endswith("/incidents")] == [True]


def test_a_dsl_says_whom_an_incident_is_about_by_program_once(teacher: Api, dsl: Api) -> None:
    """Recorded of a pupil not listed, then put to one: the same key again answers the same, another pupil 409, a teacher 403."""
    pupil, other = dsl.get("/pupils?q=sarah")["items"][:2]
    sent = teacher.incident(pupil_id=str(holding_pupil(id_of("school", "hillside"))), described_pupil="A tall boy")
    assert teacher.call("POST", "/incidents", sent)[0] == 201
    path, key = f"/incidents/{sent['id']}/pupil", str(new_id())
    assert teacher.call("POST", path, {"pupil_id": pupil["id"]})[0] == 403
    status, problem = dsl.call("POST", path, {"pupil_id": str(new_id())})
    assert (status, problem["errors"][0]["field"]) == (422, "pupil_id")
    first = dsl.call("POST", path, {"pupil_id": pupil["id"]}, Idempotency_Key=key)
    assert (first[0], set(first[1])) == (201, {"id", "number", "recorded_at", "entry_hash"})
    assert dsl.call("POST", path, {"pupil_id": pupil["id"]}, Idempotency_Key=key) == first
    status, problem = dsl.call("POST", path, {"pupil_id": other["id"]})
    assert (status, problem["type"].rpartition("/")[2]) == (409, "assigned")
    assert dsl.get(f"/incidents/{sent['id']}")["pupil"]["id"] == pupil["id"]
    assert sent["id"] in {line["incident_id"] for line in dsl.get(f"/pupils/{pupil['id']}/chronology?order=recorded&limit=20")["items"]}
    assert dsl.call("POST", f"/incidents/{new_id()}/pupil", {"pupil_id": pupil["id"]})[0] == 404


def test_lists_are_pages_that_follow_on_and_end(dsl: Api) -> None:
    pupil = dsl.get("/pupils?q=sarah")["items"][0]
    for path in (
        "/alerts?limit=7",
        "/pupils?q=a&limit=9",
        f"/pupils/{pupil['id']}/chronology?limit=2",
        "/categories",
        "/groups",
        "/staff?q=a&limit=3",
    ):
        seen, cursor, pages = [], "", 0
        while True:
            page = dsl.get(path + (f"{'&' if '?' in path else '?'}cursor={cursor}" if cursor else ""))
            assert set(page) == {"items", "next"}
            seen += [str(item.get("id") or item.get("code")) for item in page["items"]]
            cursor, pages = page["next"], pages + 1
            if not cursor or pages == 5:
                break
        assert len(seen) == len(set(seen)), path


def test_every_refusal_is_a_problem_with_a_sentence(teacher: Api, system: dict[str, Any]) -> None:
    nobody = str(new_id())
    refusals = [
        ("GET", f"/incidents/{nobody}", None, 404),
        ("GET", "/incidents/not-an-id", None, 404),
        ("GET", f"/pupils/{nobody}/chronology", None, 404),
        ("GET", f"/files/{nobody}", None, 404),
        ("POST", f"/alerts/{nobody}/read", None, 404),
        ("POST", "/incidents", {}, 422),
        ("POST", "/incidents", [1], 422),
        ("GET", "/alerts?state=other", None, 422),
        *(("GET", f"/alerts?cursor={urllib.parse.quote(cursor)}", None, 422) for cursor in ODD_CURSORS),
        ("DELETE", "/incidents", None, 405),
        ("GET", "/nothing", None, 404),
        ("POST", "/sign-in", {"username": "x@y.example", "password": "wrong"}, 401),
    ]
    for method, path, body, expected in refusals:
        status, problem = teacher.call(method, path, body)
        assert status == expected, (method, path, status, problem)
        assert teacher.answered.headers["Content-Type"] == "application/problem+json", path
        assert set(problem) >= {"type", "title", "status", "detail"}
        assert problem["status"] == status
    status, problem = teacher.call("POST", "/incidents", teacher.incident(), Content_Type="text/plain")
    assert (status, problem["type"].rpartition("/")[2]) == (415, "unsupported-media-type")
    assert teacher.answered.headers["Content-Type"] == "application/problem+json"
    kept = teacher.upload("note.txt", b"a note")
    status, problem = teacher.call("GET", f"/files/{kept['id']}", Range="bytes=6-")
    assert (status, problem["type"].rpartition("/")[2]) == (416, "range-not-satisfiable")
    assert (teacher.answered.headers["Content-Type"], teacher.answered.headers["Content-Range"]) == ("application/problem+json", "bytes */6")
    signed_out = Api.__new__(Api)
    signed_out.url, signed_out.token = teacher.url, ""
    assert signed_out.call("GET", "/alerts")[0] == 401


def test_a_teacher_of_the_other_school_finds_nothing_of_this_one(teacher: Api, system: dict[str, Any]) -> None:
    sent = teacher.incident()
    assert teacher.call("POST", "/incidents", sent)[0] == 201
    other = Api(system, "dsl", "Kingsmead Academy")
    hidden = [
        other.call("GET", f"/incidents/{sent['id']}"),
        other.call("GET", f"/pupils/{sent['pupil_id']}/chronology"),
        other.call("POST", f"/incidents/{sent['id']}/actions", {"text": "x", "alert": {"groups": []}}),
    ]
    missing = [
        other.call("GET", f"/incidents/{new_id()}"),
        other.call("GET", f"/pupils/{new_id()}/chronology"),
        other.call("POST", f"/incidents/{new_id()}/actions", {"text": "x", "alert": {"groups": []}}),
    ]
    assert hidden == missing
    assert other.call("POST", "/incidents", sent | {"id": str(new_id())})[1]["errors"][0]["field"] == "pupil_id"


# --- anything at all -------------------------------------------------------------------------------------------------


CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_whatever_is_sent_the_answer_is_one_that_is_described_and_never_500(system: dict[str, Any], teacher: Api, mode: GenerationMode) -> None:
    """Shapes, right ones and wrong ones, made from the published document; sign-in aside, whose attempts are counted."""
    described = schemathesis.openapi.from_url(system["url"] + "api/v1/openapi.json").exclude(path="/api/v1/sign-in")
    sent = 0
    for found in described.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        def send(case: schemathesis.Case) -> None:
            nonlocal sent
            sent += 1
            case.call_and_validate(headers={"Authorization": f"Bearer {teacher.token}"}, checks=CHECKS)

        with contextlib.suppress(Unsatisfiable):  # a call with nothing in it that could be wrong
            send()
    assert sent > 80
