"""Requests for information: the log, when each is due, who asks, the answer that nothing is held, and telling DSLs in time."""

import datetime as dt
import hashlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from safekeep import clock
from safekeep.contracts.alerts import KeepCalendar, SpanItem
from safekeep.contracts.reports import (
    CheckIdentity,
    CloseRequest,
    EnterRequest,
    InformationRequestAnswer,
    InformationRequestDetail,
    InformationRequests,
    NothingHeld,
    RequestLetter,
    TakeMoreTime,
)
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound
from safekeep.ids import new_id
from safekeep.rpc import Resources
from tests.make import create_pupil
from tests.services.reports.test_governors import Office

NOW = dt.datetime(2026, 9, 8, 9, 0, tzinfo=dt.UTC)
CAME = dt.date(2026, 9, 8)


class Log:
    """A school's office with a pupil, at a morning in September."""

    def __init__(self, office: Office) -> None:
        self.office, self.ask = office, office.ask
        self.pupil = create_pupil(resources=office.reports.incidents.host, school=office.school)

    def enter(self, kind: str = "subject_access_parent", **fields: Any) -> UUID:
        given: dict[str, Any] = {"asker": "Jo Quixworth", "received_on": CAME, "pupil_id": self.pupil}
        if kind == "freedom_of_information":
            given["pupil_id"] = None
        request = EnterRequest(id=new_id(), kind=kind, **given | fields)  # type: ignore[arg-type]
        self.ask(request)
        return request.id

    def found(self, id: UUID) -> InformationRequestAnswer:
        answer = self.ask(InformationRequestDetail(information_request_id=id))
        assert isinstance(answer, InformationRequestAnswer)
        return answer

    def steps(self, id: UUID) -> list[str]:
        return [step.kind for step in self.found(id).history]

    def look(self) -> list[tuple[str, str]]:
        before = self.office.said()
        self.office.reports.service.look_at_requests()
        return self.office.said()[len(before) :]


@pytest.fixture
def log(resources: Callable[..., Resources], token_for: Callable[..., str], ask_service: Callable[..., Any]) -> Any:
    with clock.set_to(NOW):
        yield Log(Office(resources, token_for, ask_service))


def at(day: dt.date, hour: int = 9) -> Any:
    return clock.set_to(dt.datetime.combine(day, dt.time(hour), dt.UTC))


def test_a_request_is_in_the_log_with_the_day_it_is_due_and_the_one_due_soonest_is_first(log: Log) -> None:
    parent = log.enter()
    court = log.enter("court", given_on=dt.date(2026, 9, 15))
    police = log.enter("police")
    foi = log.enter("freedom_of_information")
    closed = log.enter()
    log.ask(CloseRequest(information_request_id=closed, state="answered"))
    items = log.ask(InformationRequests()).items
    assert [item.id for item in items][:3] == [court, foi, parent]
    assert [item.id for item in items][-2:] == [police, closed], "what has no day is the last of those that are open"
    assert (items[1].due_on, items[1].rule) == (dt.date(2026, 10, 6), "twenty_school_days")
    assert (items[2].due_on, items[2].rule, items[2].year, items[2].number) == (dt.date(2026, 10, 8), "one_month", 2026, 1)
    assert log.found(parent).exemptions[0] == "child_abuse_data"


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"pupil_id": None}, {"pupil_id": "missing"}),
        ({"pupil_id": new_id()}, {"pupil_id": "unknown_choice"}),
        ({"received_on": dt.date(2026, 9, 9)}, {"received_on": "in_future"}),
        ({"received_on": dt.date(2020, 9, 9)}, {"received_on": "too_long_ago"}),
        ({"kind": "court"}, {"given_on": "missing"}),
        ({"kind": "court", "given_on": dt.date(2026, 9, 7)}, {"given_on": "before_start"}),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(log: Log, fields: dict[str, Any], problems: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        log.enter(**fields)
    assert refused.value.problems == problems
    assert log.ask(InformationRequests()).items == []


def test_the_same_request_entered_twice_is_one(log: Log) -> None:
    request = EnterRequest(id=new_id(), kind="police", asker="The police", received_on=CAME)
    log.ask(request)
    log.ask(request)
    assert len(log.ask(InformationRequests()).items) == 1
    assert log.steps(request.id) == ["entered"]


def test_where_it_is_not_known_who_asks_time_begins_when_it_is(log: Log) -> None:
    asked = log.enter(identity_asked=True)
    assert (log.found(asked).item.due_on, log.found(asked).item.rule) == (None, "identity_first")
    with pytest.raises(Conflict, match="identity_first"):
        log.ask(NothingHeld(information_request_id=asked, school_name="Hillside"))
    for on, code in ((dt.date(2026, 9, 7), "before_start"), (dt.date(2026, 9, 9), "in_future")):
        with pytest.raises(Invalid, match=code):
            log.ask(CheckIdentity(information_request_id=asked, how="known", on=on))
    with at(dt.date(2026, 9, 15)):
        for _ in range(2):
            log.ask(CheckIdentity(information_request_id=asked, how="photo_document", on=dt.date(2026, 9, 15)))
    found = log.found(asked)
    assert (found.item.due_on, found.identity_how, found.identity_by) == (dt.date(2026, 10, 15), "photo_document", log.office.school.people["dsl"])
    assert log.steps(asked) == ["entered", "identity_checked"]


def test_more_time_is_taken_within_the_first_month_with_why_and_only_where_the_law_gives_it(log: Log) -> None:
    asked, court = log.enter(), log.enter("court", given_on=dt.date(2026, 12, 1))
    assert log.found(asked).tell_of_more_by == dt.date(2026, 10, 8)
    with pytest.raises(Conflict, match="no_more_time"):
        log.ask(TakeMoreTime(information_request_id=court, reason="Long"))
    late = log.enter()
    with at(dt.date(2026, 10, 9)), pytest.raises(Conflict, match="no_more_time"):
        log.ask(TakeMoreTime(information_request_id=late, reason="Long"))
    log.ask(TakeMoreTime(information_request_id=asked, reason="Nine years of record"))
    found = log.found(asked)
    assert (found.item.due_on, found.item.rule, found.extended) == (dt.date(2026, 12, 8), "three_months", True)
    assert found.history[-1].note == "Nine years of record"


def test_nothing_held_is_a_letter_in_the_log_and_in_the_ledger_once(log: Log) -> None:
    asked = log.enter(scope="everything since May")
    with pytest.raises(Conflict, match="no_letter"):
        log.ask(RequestLetter(information_request_id=asked))
    for _ in range(2):
        log.ask(NothingHeld(information_request_id=asked, school_name="Hillside"))
    found = log.found(asked)
    (given,) = found.documents
    letter = log.ask(RequestLetter(information_request_id=asked))
    assert hashlib.sha256(letter.data).hexdigest() == given.sha256
    assert (found.item.state, log.steps(asked)) == ("nothing_held", ["entered", "nothing_held"])
    incidents = log.office.reports.incidents.host
    with incidents.transaction(incidents.engine, school_id=log.office.school.id) as tx:
        kept = tx.execute(sa.text("select kind, sha256, sequence, entry_hash from documents")).one()
    assert tuple(kept) == ("disclosure_pack", given.sha256, given.sequence, given.entry_hash)


def test_a_closed_request_is_changed_only_after_it_was_opened_again_with_why(log: Log) -> None:
    asked = log.enter()
    with pytest.raises(Invalid, match="missing"):
        log.ask(CloseRequest(information_request_id=asked, state="refused"))
    log.ask(CloseRequest(information_request_id=asked, state="refused", reason="Asked for again and again"))
    for request in (
        CloseRequest(information_request_id=asked, state="answered"),
        NothingHeld(information_request_id=asked, school_name="Hillside"),
        CheckIdentity(information_request_id=asked, how="known", on=CAME),
        TakeMoreTime(information_request_id=asked, reason="Long"),
    ):
        with pytest.raises(Conflict, match="request_closed"):
            log.ask(request)
    with pytest.raises(Invalid, match="missing"):
        log.ask(CloseRequest(information_request_id=asked, state="open"))
    log.ask(CloseRequest(information_request_id=asked, state="open", reason="The ICO asked us"))
    assert (log.found(asked).item.state, log.steps(asked)) == ("open", ["entered", "refused", "reopened"])


def test_dsls_are_told_before_on_and_after_the_day_each_once_and_no_more_when_it_is_answered(log: Log) -> None:
    asked = log.enter()
    told = []
    for day in (dt.date(2026, 9, 8), dt.date(2026, 9, 24), dt.date(2026, 9, 25), dt.date(2026, 10, 6), dt.date(2026, 10, 8), dt.date(2026, 10, 9)):
        with at(day):
            told.append([step for name, step in log.look() if name == "reports.request.due"])
            assert log.look() == []
    assert told == [[], ["soon"], [], ["soon"], ["today"], ["late"]]
    assert log.steps(asked)[1:] == ["told_soon", "told_soon", "told_today", "told_late"]
    answered = log.enter()
    log.ask(CloseRequest(information_request_id=answered, state="answered"))
    with at(dt.date(2026, 10, 8)):
        assert log.look() == []


def test_a_bank_holiday_entered_later_moves_the_day(log: Log) -> None:
    asked = log.enter()
    holiday = SpanItem(kind="bank_holiday", first=dt.date(2026, 10, 8), last=dt.date(2026, 10, 8))
    log.office.ask(KeepCalendar(opens_minute=510, weekdays=[0, 1, 2, 3, 4], spans=[holiday]), of="alerts")
    with at(dt.date(2026, 9, 9)):
        log.look()
    assert log.found(asked).item.due_on == dt.date(2026, 10, 9)


def test_requests_are_of_dsls_and_deputies_of_the_school_alone(log: Log) -> None:
    asked = log.enter()
    detail = InformationRequestDetail(information_request_id=asked)
    assert log.ask(detail, role="deputy_dsl") == log.found(asked)
    for role in ("slt", "teacher", "admin", "governor"):
        for request in (InformationRequests(), detail, NothingHeld(information_request_id=asked, school_name="Hillside")):
            with pytest.raises(NotAllowed):
                log.ask(request, role=role)
    assert log.ask(InformationRequests(), school_id=new_id()).items == []
    with pytest.raises(NotFound):
        log.ask(detail, school_id=new_id())


def test_who_asks_stands_in_no_event(log: Log) -> None:
    log.enter()
    with at(dt.date(2026, 10, 8)):
        log.look()
    with log.office.reports.resources.transaction(log.office.reports.resources.worker_engine) as tx:
        bodies = tx.execute(sa.text("select body::text from outbox")).scalars().all()
    assert bodies
    assert not any("Quixworth" in body for body in bodies)
