"""What was written on paper: a DSL records it with its scan as the evidence, and who wrote it and when is sealed with it."""

import datetime as dt
from typing import Any

import pytest

from safekeep import clock, receipts
from safekeep.contracts.incidents import Chronology, Incident, Paper
from safekeep.errors import Invalid
from safekeep.ids import new_id
from safekeep.keys import Keys
from safekeep.receipts import Receipt
from services.reports.chronology import on_paper
from tests.make import a_record
from tests.services.incidents.desk import Desk

NOON = dt.datetime(2026, 3, 10, 12, 0, tzinfo=dt.UTC)
PAPER = Paper(writer_id=None, writer="Joan Jones", writer_role="Midday supervisor", written_at=NOON, handed_in_at=NOON + dt.timedelta(minutes=50))


@pytest.fixture
def scan(keys_folder: Any, desk: Desk) -> Any:
    """A receipt as files signs it for a scan that a DSL uploaded."""
    keys = Keys.load(keys_folder / "process" / "files.json")
    return lambda role: receipts.sign_receipt(
        keys=keys, receipt=Receipt(new_id(), "0" * 64, 9, "image/jpeg", desk.school.people[role], desk.school.id)
    )


def on(desk: Desk, scan: Any, *, role: str = "dsl", paper: Paper = PAPER, scanned: bool = True) -> Any:
    with clock.set_to(NOON + dt.timedelta(hours=2)):
        request = a_record(pupil_id=desk.pupil, paper=paper, occurred_at=NOON, receipts=[scan(role)] if scanned else [])
        return desk.ask(request, role=role)


def test_the_scan_is_its_evidence_and_a_writer_without_an_account_is_recorded_as_such(desk: Desk, scan: Any) -> None:
    done = on(desk, scan)
    found = desk.ask(Incident(incident_id=done.id), role="dsl")
    assert found.facts.paper == PAPER
    assert found.facts.paper.writer_id is None
    assert len(found.entries[0].files) == 1
    (line,) = desk.ask(Chronology(pupil_id=desk.pupil), role="dsl").items
    assert on_paper(line.paper, zone="Europe/London") == (
        "Written on paper by Joan Jones (Midday supervisor), who has no account, Tuesday 10 March 2026 at 12:00; "
        "handed in Tuesday 10 March 2026 at 12:50"
    )


def test_a_writer_with_an_account_is_named_by_it(desk: Desk, scan: Any) -> None:
    by = PAPER.model_copy(update={"writer_id": desk.school.people["teacher"]})
    assert desk.ask(Incident(incident_id=on(desk, scan, paper=by).id), role="dsl").facts.paper == by


LATER = dt.timedelta(hours=3)
BAD: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"scanned": False}, {"receipts": "scan_missing"}),
    ({"role": "teacher"}, {"paper": "leads_only"}),
    ({"writer_id": new_id()}, {"paper.writer_id": "unknown_choice"}),
    ({"handed_in_at": NOON - dt.timedelta(minutes=1)}, {"paper.handed_in_at": "handed_in_before"}),
    ({"handed_in_at": NOON - dt.timedelta(days=2), "handed_in_precision": "day"}, {"paper.handed_in_at": "handed_in_before"}),
    ({"handed_in_at": NOON + LATER}, {"paper.handed_in_at": "in_future"}),
    ({"written_at": NOON + LATER, "handed_in_at": NOON + LATER}, {"paper.written_at": "in_future", "paper.handed_in_at": "in_future"}),
    ({"written_at": dt.datetime(1926, 3, 10, tzinfo=dt.UTC)}, {"paper.written_at": "too_long_ago"}),
]


@pytest.mark.parametrize(("changed", "problems"), BAD, ids=[str(list(problems)) + str(i) for i, (_, problems) in enumerate(BAD)])
def test_what_does_not_fit_is_said_and_nothing_is_recorded(desk: Desk, scan: Any, changed: dict[str, Any], problems: dict[str, str]) -> None:
    how = {name: changed[name] for name in ("scanned", "role") if name in changed}
    with pytest.raises(Invalid) as caught:
        on(desk, scan, paper=PAPER.model_copy(update={k: v for k, v in changed.items() if k not in how}), **how)
    assert caught.value.problems == problems
    assert desk.ask(Chronology(pupil_id=desk.pupil), role="dsl").items == []


def test_the_same_day_without_times_is_no_contradiction(desk: Desk, scan: Any) -> None:
    """Handed in "that day" stands at its midnight, before the noon at which it was written."""
    day = PAPER.model_copy(update={"handed_in_at": NOON - dt.timedelta(hours=12), "handed_in_precision": "day"})
    assert desk.ask(Incident(incident_id=on(desk, scan, paper=day).id), role="dsl").facts.paper == day
