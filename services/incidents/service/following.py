"""What is asked of somebody until it is done, and how an incident stands for each pupil in it."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock, cursors, outbox, permissions, telemetry
from safekeep.actor import Actor
from safekeep.contracts.incidents import (
    Details,
    FollowUpChanged,
    FollowUpItem,
    FollowUps,
    FollowUpsAnswer,
    Led,
    Quiet,
    QuietAnswer,
    QuietItem,
    Recorded,
    SetStatus,
    StatusChanged,
)
from safekeep.errors import Conflict, Invalid, NotAllowed, NotFound
from safekeep.permissions import Class
from safekeep.rpc import answers
from services.incidents import following, recording, store
from services.incidents.recording import School
from services.incidents.service.access import access_incident, classes_seen, known_school, unread, untellable
from services.incidents.service.base import Base
from services.incidents.service.rows import next_cursor, read_cursor
from services.incidents.service.writing import answer_again, write_entry


class Following(Base):
    """Following up."""

    @answers(FollowUps)
    def follow_ups(self, actor: Actor, request: FollowUps) -> FollowUpsAnswer:
        lead = permissions.is_lead(actor.roles)
        if request.view in ("late", "all") and not lead:
            raise NotAllowed("role")
        with self._school(actor) as tx:
            day = following.today(clock.now(), zone=known_school(tx, actor.at_school).zone)
            here: dict[str, Any] = {"school_id": actor.at_school, "reading": permissions.reading(actor), "limit": request.limit + 1}
            if request.view == "done":
                rows = store.done_follow_ups(tx, **here, whose=None if lead else actor.person, before=read_cursor(request.cursor))
                following_page = next_cursor(rows, request.limit, "closed_at")
            else:
                of_whom: dict[str, Any] = {"mine": {"owner_id": actor.person}, "asked": {"asked_by": actor.person}, "late": {"late_on": day}}
                rows = store.open_follow_ups(tx, **here, **of_whom.get(request.view, {}), after=_read_day(request.cursor))
                following_page = _next_day(rows, request.limit)
            items = follow_up_items(tx, actor=actor, rows=rows[: request.limit], day=day)
        return FollowUpsAnswer(items=items, next=following_page)

    @answers(Quiet)
    def quiet(self, actor: Actor, request: Quiet) -> QuietAnswer:
        with self._school(actor) as tx:
            school = known_school(tx, actor.at_school)
            before = request.before or following.days_before(clock.now(), zone=school.zone)
            asked = {"before": before, "after": read_cursor(request.cursor), "limit": request.limit + 1}
            rows = store.quiet(tx, school_id=actor.at_school, reading=permissions.reading(actor), **asked)  # type: ignore[arg-type]
        return _waiting(rows, school=school, limit=request.limit)

    @answers(Led)
    def led(self, actor: Actor, request: Led) -> QuietAnswer:
        with self._school(actor) as tx:
            here: dict[str, Any] = {"school_id": actor.at_school, "reading": permissions.reading(actor)}
            rows = store.led(tx, **here, after=read_cursor(request.cursor), limit=request.limit + 1)
            return _waiting(rows, school=known_school(tx, actor.at_school), limit=request.limit)

    @answers(SetStatus)
    def set_status(self, actor: Actor, request: SetStatus) -> Recorded:
        with self._school(actor) as tx:
            return write_status(tx, actor=actor, request=request, now=clock.now())


def write_status(tx: sa.Connection, *, actor: Actor, request: SetStatus, now: datetime) -> Recorded:
    """Write how the incident stands for a pupil, in that pupil's thread alone: no other child's record tells of it."""
    school_id = actor.at_school
    fingerprint = recording.fingerprint(request, file_ids=[])
    head = store.lock_head(tx, school_id=school_id)
    if store.entry_with(tx, school_id=school_id, entry_id=request.id):
        return answer_again(tx, actor=actor, entry_id=request.id, fingerprint=fingerprint)
    incident = access_incident(tx, actor=actor, incident_id=request.incident_id)
    linked = store.linked_of(tx, school_id=school_id, incident_id=incident.id)
    parts = {row.pupil_id: row.part or "pupil" for row in linked}
    if request.pupil_id not in parts:
        raise NotFound("pupil")
    if actor.person in store.concerned_staff(tx, school_id=school_id, pupil_ids=parts):
        raise Invalid({"status": "another_dsl"})
    if actor.person in untellable(tx, school=known_school(tx, school_id), school_id=school_id, incident_id=incident.id, pupil_ids=parts):
        raise NotFound("incident")  # it is kept to two others: they read their own words of it
    entry_hash = write_entry(
        tx,
        actor=actor,
        head=head,
        kind="status",
        incident_id=incident.id,
        entry_id=request.id,
        class_=Class(incident._mapping["class"]),
        text=request.reason,
        facts={"pupil": str(request.pupil_id), "status": request.status},
        codes=[],
        plan=recording.AlertPlan(),
        alert=None,
        files=[],
        fingerprint=fingerprint,
        threads=store.threads_of(tx, school_id=school_id, parts={request.pupil_id: parts[request.pupil_id]}),
        now=now,
        occurred=(None, "exact"),
        number=incident.number,
    )
    store.set_status(tx, school_id=school_id, incident_id=incident.id, pupil_id=request.pupil_id, status=request.status)
    stands: dict[str, Any] = {"entry_id": request.id, "pupil_id": request.pupil_id, "status": request.status}
    stands["closed"] = {request.status, *(row.status for row in linked if row.pupil_id != request.pupil_id)} == {"closed"}
    outbox.add(tx, StatusChanged, school_id=school_id, subject=incident.id, at=now, incident_id=incident.id, **stands)
    telemetry.log().info("incident.status", incident=str(incident.id), school=str(school_id), status=request.status)
    return Recorded(id=request.id, entry_id=request.id, number=incident.number, recorded_at=now, entry_hash=entry_hash, recipients=[], asked_dsl=0)


def access_what_it_is_of(tx: sa.Connection, *, actor: Actor, incident_id: UUID, details: Details | None) -> sa.Row[Any] | None:
    """Return what an action closes or gives to another, locked. Raises NotFound for what the actor may not read, or not change."""
    if details is None or details.of_id is None:
        return None
    reading = permissions.reading(actor)
    if details.kind == "referral_outcome":
        referral = store.entry_with(tx, school_id=actor.at_school, entry_id=details.of_id, reading=reading)
        if referral is None or referral.incident_id != incident_id or referral.facts.get("action") != "referral":
            raise NotFound("referral")
    if details.kind not in following.OF_A_FOLLOW_UP:
        return None
    row = store.follow_up_with(tx, school_id=actor.at_school, id=details.of_id, reading=reading)
    if row is None or row.incident_id != incident_id or not may_change(row, actor=actor):
        raise NotFound("follow_up")
    if row.closed_id is not None:
        raise Conflict("follow_up_done")
    return row


def may_change(row: Any, *, actor: Actor) -> bool:
    """Whether the actor closes it or gives it to another: who asked, who is asked, and DSLs."""
    return permissions.is_lead(actor.roles) or row.asked_by == actor.person or (row.owner_id == actor.person and row.nobodys_at is None)


def keep_what_it_asks(
    tx: sa.Connection, *, actor: Actor, school: School, incident_id: UUID, entry_id: UUID, details: Details | None, of: Any, now: datetime, past: bool
) -> None:
    """After an action was written: keep what it asks, whose it is now, or that it is done, and have alerts remind accordingly."""
    if details is None or details.kind not in following.OF_A_FOLLOW_UP | {"asked"}:
        return
    here: dict[str, Any] = {"school_id": actor.at_school, "id": of.id if of is not None else entry_id}
    spoken = details.spoken == "yes" or details.owner_id == actor.person
    if details.kind == "asked":
        asked: dict[str, Any] = {"incident_id": incident_id, "asked_by": actor.person, "asked_at": now}
        store.add_follow_up(tx, **here, **asked, owner_id=details.owner_id, due_on=details.due_on, spoken=spoken)
    elif details.kind == "reassigned":
        due_on = details.due_on or of.due_on
        store.change_follow_up(tx, **here, owner_id=details.owner_id, due_on=due_on, spoken=spoken, nobodys_at=None)
    else:
        store.change_follow_up(tx, **here, closed_id=entry_id, closed_by=actor.person, closed_at=now)
    row = store.follow_up_with(tx, **here)
    if not past:
        say_changed(tx, school=school, row=row)


def say_changed(tx: sa.Connection, *, school: School, row: Any) -> None:
    """Have alerts remind who is asked, stop reminding, or tell the DSLs that it is nobody's."""
    pupils = [x.pupil_id for x in store.linked_of(tx, school_id=row.school_id, incident_id=row.incident_id)]
    kept_from = untellable(tx, school=school, school_id=row.school_id, incident_id=row.incident_id, pupil_ids=pupils, entry_id=row.id)
    leads = {m.person_id for m in school.staff.values() if permissions.is_lead(m.roles)} - kept_from
    outbox.add(
        tx,
        FollowUpChanged,
        school_id=row.school_id,
        subject=row.incident_id,
        incident_id=row.incident_id,
        entry_id=row.id,
        asked_by=row.asked_by,
        owner_id=row.owner_id if row.nobodys_at is None else None,
        due_on=row.due_on,
        zone=school.zone,
        state="closed" if row.closed_id else "open" if row.nobodys_at is None else "nobodys",
        leads=sorted(leads),
    )


def leave_to_nobody(tx: sa.Connection, *, school_id: UUID, now: datetime, **whose: Any) -> None:
    """What is asked of people who have left, or may not read it any more, waits for a DSL to give it to another; nothing is lost with them."""
    rows = store.leave_to_nobody(tx, school_id=school_id, now=now, **whose)
    if rows:
        school = known_school(tx, school_id)
        for row in rows:
            say_changed(tx, school=school, row=row)


def follow_up_items(tx: sa.Connection, *, actor: Actor, rows: Sequence[Any], day: date) -> list[FollowUpItem]:
    """Return what is asked as it is listed. Where the actor may not read that an incident was assigned, it is still of the pupil not listed."""
    hidden = unread(tx, actor=actor, ids={row.assignment_id for row in rows if row.assignment_id})
    holding = recording.holding_pupil(actor.at_school)
    names = {holding: recording.NOT_LISTED}
    classes = classes_seen(tx, rows=rows)
    return [
        FollowUpItem(
            id=row.id,
            incident_id=row.incident_id,
            number=row.number,
            pupil_id=holding if row.assignment_id in hidden else row.pupil_id,
            pupil_name=names[holding] if row.assignment_id in hidden else row.pupil_name,
            class_code=classes[row.id].code,
            asked_by=row.asked_by,
            asked_at=row.asked_at,
            owner_id=row.owner_id if row.nobodys_at is None else None,
            due_on=row.due_on,
            spoken=row.spoken,
            state=following.state_of(due_on=row.due_on, closed=row.closed_id is not None, day=day),
            closed_id=row.closed_id,
            closed_by=row.closed_by,
            closed_at=row.closed_at,
            may_change=row.closed_id is None and may_change(row, actor=actor),
        )
        for row in rows
    ]


def _read_day(cursor: str | None) -> tuple[date, UUID] | None:
    place: tuple[date, UUID] | None = cursors.read(cursor, date.fromisoformat, UUID)
    return place


def _next_day(rows: Sequence[Any], limit: int) -> str | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return cursors.write(last.due_on.isoformat(), str(last.id))


def _waiting(rows: Sequence[Any], *, school: School, limit: int) -> QuietAnswer:
    items = [
        QuietItem(
            incident_id=row.id,
            number=row.number,
            pupil_id=row.pupil_id,
            pupil_name=row.pupil_name,
            class_code=Class(row._mapping["class"]).code,
            category=recording.main_category([school.categories[c] for c in row.categories if c in school.categories]),
            last_at=row.last_at,
            last_by=row.last_by,
        )
        for row in rows[:limit]
    ]
    return QuietAnswer(items=items, next=next_cursor(rows, limit, "last_at"))
