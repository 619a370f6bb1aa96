"""Requests for information: the log, who asks, by when they are due, what was answered; and telling DSLs in time."""

import hashlib
import json
import secrets
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from eventlet import tpool
from nameko.timer import timer

from safekeep import clock, outbox, telemetry
from safekeep.actor import Actor
from safekeep.calendar import Calendar, year_of
from safekeep.contracts import Nothing
from safekeep.contracts.incidents import EnterDocument, Pupil
from safekeep.contracts.reports import (
    CheckIdentity,
    CloseRequest,
    Document,
    EnterRequest,
    GivenDocument,
    GivenFile,
    InformationRequestAnswer,
    InformationRequestDetail,
    InformationRequestItem,
    InformationRequests,
    InformationRequestsAnswer,
    NothingHeld,
    RequestDue,
    RequestLetter,
    RequestStep,
    TakeMoreTime,
    sums,
)
from safekeep.errors import Conflict, Invalid, NotFound, SafekeepError, StorageError
from safekeep.proof.chain import canonical
from safekeep.rpc import answers, ask
from services.reports import letters, requests, store
from services.reports.requests import Due
from services.reports.service.base import Base, today_at

LISTED = 500
LONGEST_AGO = timedelta(days=3 * 366)
"""An older day is a slip of the hand."""
CLAIMED_FOR = timedelta(minutes=2)
LOOKED_AT = time(7, 0)
"""When on a day DSLs are told, local: before the school day, on holidays too, since the law's time does not stop."""
IN_THE_LOG = ("year", "number", "kind", "state", "asker", "pupil_id", "received_on", "due_on", "rule")


class InformationRequestLog(Base):
    """Mixed into the service."""

    @answers(InformationRequests)
    def information_requests(self, actor: Actor, request: InformationRequests) -> InformationRequestsAnswer:
        with self._school(actor) as tx:
            rows = store.requests_of(tx, school_id=actor.at_school, limit=LISTED)
        return InformationRequestsAnswer(items=[_item(row) for row in rows])

    @answers(InformationRequestDetail)
    def information_request(self, actor: Actor, request: InformationRequestDetail) -> InformationRequestAnswer:
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
            row = request_found(tx, **here, id=request.information_request_id)
            history = store.steps_of(tx, **here, request_id=row.id)
            given = store.given_of(tx, **here, request_id=row.id)
        by = ("identity_asked", "identity_how", "identity_on", "identity_by", "extended", "given_on", "scope")
        return InformationRequestAnswer(
            item=_item(row),
            **{name: getattr(row, name) for name in by},
            tell_of_more_by=self._tell_of_more_by(row) if row.state == "open" and not row.extended else None,
            exemptions=list(requests.exemptions(row.kind)),
            stage=row.stage,
            proposed_by=row.proposed_by,
            history=[RequestStep(at=each.at, by_id=each.by_id, kind=each.kind, note=each.note) for each in history],
            documents=[_given(each) for each in given],
        )

    @answers(EnterRequest)
    def enter_request(self, actor: Actor, request: EnterRequest) -> Nothing:
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
            today = today_at(store.zone_of(tx, **here))
            if store.request_with(tx, **here, id=request.id) is not None:
                return Nothing()
        self._refuse(request, actor=actor, today=today)
        values = request.model_dump(exclude={"id"}) | {"asker": request.asker.strip(), "scope": request.scope.strip()}
        found = self._due(values | {"identity_on": None, "extended": False}, school=self._calendar(actor.at_school))
        with self._school(actor) as tx:
            if store.request_with(tx, **here, id=request.id) is not None:
                return Nothing()
            first: dict[str, Any] = {"state": "open", "extended": False, "due_on": found.on, "rule": found.rule}
            first |= {"salt": secrets.token_hex(32), "stage": "deciding"}
            store.add_request(tx, **here, id=request.id, year=year_of(today), **values, **first)
            store.add_step(tx, **here, request_id=request.id, at=clock.now(), by_id=actor.person_id, kind="entered")
            store.look_at_request(tx, **here, request_id=request.id, at=clock.now())
        return Nothing()

    def _refuse(self, request: EnterRequest, *, actor: Actor, today: date) -> None:
        problems = {}
        if request.received_on > today:
            problems["received_on"] = "in_future"
        elif request.received_on < today - LONGEST_AGO:
            problems["received_on"] = "too_long_ago"
        if request.given_on is None and request.kind == "court":
            problems["given_on"] = "missing"
        elif request.given_on is not None and request.given_on < request.received_on:
            problems["given_on"] = "before_start"
        if request.pupil_id is None and request.kind in requests.SUBJECT_ACCESS:
            problems["pupil_id"] = "missing"
        elif request.pupil_id is not None:
            try:
                ask(self.incidents, Pupil(pupil_id=request.pupil_id), token=actor.token)
            except NotFound:
                problems["pupil_id"] = "unknown_choice"
        if problems:
            raise Invalid(problems)

    @answers(CheckIdentity)
    def check_identity(self, actor: Actor, request: CheckIdentity) -> Nothing:
        calendar = self._calendar(actor.at_school)
        with self._school(actor) as tx:
            row = self._open(tx, actor=actor, id=request.information_request_id)
            if (row.identity_how, row.identity_on) == (request.how, request.on):
                return Nothing()
            if request.on > today_at(store.zone_of(tx, school_id=actor.at_school)):
                raise Invalid({"on": "in_future"})
            if request.on < row.received_on:
                raise Invalid({"on": "before_start"})
            proved: dict[str, Any] = {"identity_how": request.how, "identity_on": request.on, "identity_by": actor.person_id}
            self._change(tx, row, actor=actor, school=calendar, step="identity_checked", **proved)
        return Nothing()

    @answers(TakeMoreTime)
    def take_more_time(self, actor: Actor, request: TakeMoreTime) -> Nothing:
        calendar = self._calendar(actor.at_school)
        with self._school(actor) as tx:
            row = self._open(tx, actor=actor, id=request.information_request_id)
            if row.extended:
                return Nothing()
            latest = _latest(row, school=calendar)
            if latest is None or today_at(store.zone_of(tx, school_id=actor.at_school)) > latest:
                raise Conflict("no_more_time")
            self._change(tx, row, actor=actor, school=calendar, step="more_time", note=request.reason, extended=True)
        return Nothing()

    @answers(NothingHeld)
    def nothing_held(self, actor: Actor, request: NothingHeld) -> Nothing:
        """Fix the letter's words; have its file entered in the ledger; close. Who dies in between is asked again, and goes on there."""
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
            row = request_found(tx, **here, id=request.information_request_id)
            if row.state == "nothing_held":
                return Nothing()
            if row.state != "open":
                raise Conflict("request_closed")
            if row.rule == "identity_first":
                raise Conflict("identity_first")
            letter = row.letter or _letter(row, school=request.school_name, by=actor.name, on=today_at(store.zone_of(tx, **here)))
            store.change_request(tx, **here, id=row.id, letter=letter)
        file = tpool.execute(letters.pdf, json.loads(letter))
        given = self._enter(row, sha256=hashlib.sha256(file).hexdigest(), form="letter", by=actor.person, token=actor.token)
        with self._school(actor) as tx:
            if request_found(tx, **here, id=row.id).state == "open":
                store.add_given(tx, **here, request_id=row.id, **given)
                self._close(tx, row, actor=actor, state="nothing_held")
        return Nothing()

    @answers(RequestLetter)
    def request_letter(self, actor: Actor, request: RequestLetter) -> Document:
        with self._school(actor) as tx:
            row = request_found(tx, school_id=actor.at_school, id=request.information_request_id)
        if row.state != "nothing_held":
            raise Conflict("no_letter")
        return Document(media_type="application/pdf", data=tpool.execute(letters.pdf, json.loads(row.letter)))

    @answers(CloseRequest)
    def close_request(self, actor: Actor, request: CloseRequest) -> Nothing:
        here: dict[str, Any] = {"school_id": actor.at_school}
        reason = request.reason.strip()
        with self._school(actor) as tx:
            row = request_found(tx, **here, id=request.information_request_id)
            if row.state == request.state:
                return Nothing()
            if request.state != "answered" and not reason:
                raise Invalid({"reason": "missing"})
            if request.state == "open":
                store.change_request(tx, **here, id=row.id, state="open", closed_at=None, letter=None)
                store.add_step(tx, **here, request_id=row.id, at=clock.now(), by_id=actor.person_id, kind="reopened", note=reason)
                store.look_at_request(tx, **here, request_id=row.id, at=clock.now())
                return Nothing()
            if row.state != "open":
                raise Conflict("request_closed")
            self._close(tx, row, actor=actor, state=request.state, note=reason)
        return Nothing()

    # --- what they share

    def _open(self, tx: sa.Connection, *, actor: Actor, id: UUID) -> Any:
        row = request_found(tx, school_id=actor.at_school, id=id)
        if row.state != "open":
            raise Conflict("request_closed")
        return row

    def _change(self, tx: sa.Connection, row: Any, *, actor: Actor, school: Calendar, step: str, note: str = "", **values: Any) -> None:
        """Set some of an open request; its day follows, what is told of it begins anew, and the history says who."""
        here: dict[str, Any] = {"school_id": actor.at_school}
        found = self._due(row._asdict() | values, school=school)
        day: dict[str, Any] = {"due_on": found.on, "rule": found.rule, "warned_on": row.warned_on if found.on == row.due_on else None}
        store.change_request(tx, **here, id=row.id, **values, **day)
        store.add_step(tx, **here, request_id=row.id, at=clock.now(), by_id=actor.person_id, kind=step, note=note)
        store.look_at_request(tx, **here, request_id=row.id, at=clock.now())

    def _close(self, tx: sa.Connection, row: Any, *, actor: Actor, state: str, note: str = "") -> None:
        here: dict[str, Any] = {"school_id": actor.at_school}
        store.change_request(tx, **here, id=row.id, state=state, closed_at=clock.now())
        store.add_step(tx, **here, request_id=row.id, at=clock.now(), by_id=actor.person_id, kind=state, note=note)
        store.look_at_request(tx, **here, request_id=row.id, at=None)

    def _enter(self, row: Any, *, sha256: str, form: str, by: UUID, token: str) -> dict[str, Any]:
        """Have a file that is given to who asked entered in the ledger; the same file again has the same place."""
        entry = uuid5(row.id, f"{form}:{sha256}")
        about = {"request": reference_of(row), "kind": row.kind, "form": form}
        pupils = [row.pupil_id] if row.pupil_id else []
        wanted = EnterDocument(id=entry, kind="disclosure_pack", sha256=sha256, pupil_ids=pupils, about=about)
        sealed = ask(self.incidents, wanted, token=token)
        place = {"sequence": sealed.sequence, "entry_hash": sealed.entry_hash}
        return {"id": entry, "form": form, "sha256": sha256, **place, "at": clock.now(), "by_id": by}

    def _enter_given(
        self, row: Any, *, form: str, sha256: str, files: Sequence[GivenFile], by: UUID, token: Callable[[], str]
    ) -> list[dict[str, Any]]:
        """Have a record entered, and the list of the files that are given with it. `token` is asked for one for each."""
        entered = [self._enter(row, sha256=sha256, form=form, by=by, token=token())]
        if files:
            listed = sums((file.name, file.sha256) for file in files)
            entered.append(self._enter(row, sha256=hashlib.sha256(listed.encode()).hexdigest(), form="files", by=by, token=token()))
        return entered

    def _keep_given(self, tx: sa.Connection, row: Any, *, form: str, given: Sequence[dict[str, Any]], by: UUID) -> None:
        """Keep what was given, and by whom; what is given once more is not told again."""
        here: dict[str, Any] = {"school_id": row.school_id, "request_id": row.id}
        new = [store.add_given(tx, **here, **each) for each in given]
        if any(new):
            store.add_step(tx, **here, at=clock.now(), by_id=by, kind=f"given_{form}")

    def _due(self, values: dict[str, Any], *, school: Calendar) -> Due:
        names = {"received": "received_on", "identity_proved": "identity_on", "identity_asked": "identity_asked", "extended": "extended"}
        return requests.due(values["kind"], **{ours: values[theirs] for ours, theirs in names.items()}, given=values["given_on"], school=school)

    def _tell_of_more_by(self, row: Any) -> date | None:
        try:
            return _latest(row, school=self._calendar(row.school_id))
        except SafekeepError:
            return None  # alerts is away: the page offers no more time just now

    # --- the timer

    @timer(interval=30)
    def look_at_requests(self) -> None:
        """Tell DSLs of what is due; an outage of the database is left for the next tick."""
        now = clock.now()
        try:
            with self.host.transaction(self.host.worker_engine) as tx:
                due = store.claim_requests(tx, now=now, again=now + CLAIMED_FOR, limit=50)
        except StorageError as error:
            telemetry.log().warning("requests.waiting", sqlstate=error.sqlstate)
            return
        for each in due:
            try:
                self._look_at(school_id=each.school_id, request_id=each.request_id)
            except SafekeepError as error:  # one request's trouble is not another's; it is looked at again in two minutes
                telemetry.log().warning("requests.waiting", error=type(error).__name__, request_id=str(each.request_id))

    def _look_at(self, *, school_id: UUID, request_id: UUID) -> None:
        """Work out anew by when it is due (holidays may have been entered since), tell what is to be told, and say when to look next."""
        school = self._calendar(school_id)
        here: dict[str, Any] = {"school_id": school_id}
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            row = store.request_with(tx, **here, id=request_id)
            if row is None or row.state != "open":
                store.look_at_request(tx, **here, request_id=request_id, at=None)
                return
            zone = store.zone_of(tx, **here)
            today, found = today_at(zone), self._due(row._asdict(), school=school)
            changed: dict[str, Any] = {"due_on": found.on, "rule": found.rule}
            step = requests.step_of(found, received=row.received_on, warned_on=row.warned_on, today=today)
            if step:
                changed["warned_on"] = today
                outbox.add(tx, RequestDue, **here, subject=request_id, step=step)
                store.add_step(tx, **here, request_id=request_id, at=clock.now(), kind=f"told_{step}")
            store.change_request(tx, **here, id=request_id, **changed)
            store.look_at_request(tx, **here, request_id=request_id, at=_next_look(today, zone=zone))


def request_found(tx: sa.Connection, *, school_id: UUID, id: UUID) -> Any:
    """Return a request, locked. Raises NotFound."""
    row = store.request_with(tx, school_id=school_id, id=id)
    if row is None:
        raise NotFound("information_request")
    return row


def _item(row: Any) -> InformationRequestItem:
    return InformationRequestItem(id=row.id, **{name: getattr(row, name) for name in IN_THE_LOG})


def _given(row: Any) -> GivenDocument:
    return GivenDocument(**{name: getattr(row, name) for name in GivenDocument.model_fields})


def _latest(row: Any, *, school: Calendar) -> date | None:
    """Return until when two further months can be taken; None where the law gives none, or time has not begun."""
    if row.kind not in requests.SUBJECT_ACCESS or row.rule == "identity_first":
        return None
    begins = row.identity_on if row.identity_asked and row.identity_on else row.received_on
    return requests.latest_to_tell_of_more_time(begins=begins, school=school)


def _letter(row: Any, *, school: str, by: str, on: date) -> str:
    said: dict[str, Any] = {"kind": row.kind, "school": school, "asker": row.asker, "reference": reference_of(row), "scope": row.scope}
    return canonical(letters.nothing_held(**said, received=row.received_on, on=on, by=by)).decode()


def reference_of(row: Any) -> str:
    """Return what people call a request: "2026-3"."""
    return f"{row.year}-{row.number}"


def _next_look(today: date, *, zone: str) -> datetime:
    return datetime.combine(today + timedelta(days=1), LOOKED_AT, ZoneInfo(zone))
