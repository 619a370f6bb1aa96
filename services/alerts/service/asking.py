"""Asking again while nobody leads an incident: the timers, and what starts and stops them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
from nameko.timer import timer

from safekeep import clock, permissions, telemetry
from safekeep.calendar import Calendar
from safekeep.contracts import identity, incidents
from safekeep.errors import StorageError
from safekeep.ids import new_id
from safekeep.permissions import Class
from services.alerts import escalation, store
from services.alerts.escalation import Ask, Policy
from services.alerts.service.base import Base
from services.alerts.service.raising import new_mail

BATCH = 200  # of one school, claimed and asked about in one transaction
SCHOOLS = 1_000  # rows looked at for whose time has come
JUST = timedelta(microseconds=1)
AT_ONCE = timedelta(minutes=1)
"""Who was sent the alert itself is not asked again within this of it."""


@dataclass(frozen=True, slots=True)
class World:
    """What asking goes by at one school: its calendar, its policies, and who is there."""

    calendar: Calendar
    policies: Mapping[str, Policy]
    leads: frozenset[UUID]
    heads: frozenset[UUID]

    def next_at(self, *, class_code: str, at_risk_now: bool, begun: datetime, after: datetime, answered: bool) -> datetime | None:
        """Return when somebody is asked next. Of one that somebody leads, or that is closed, only what nobody has read is asked about."""
        if answered:
            policy = self.policies.get(class_code)
            ask = escalation.before_end(policy, self.calendar, begun=after, after=after) if policy else None
            return ask.at if ask else None
        policy = escalation.policy_for(self.policies, class_code=class_code, at_risk_now=at_risk_now)
        asks = escalation.next_asks(policy, self.calendar, begun=begun, after=after, always=at_risk_now) if policy else []
        return asks[0].at if asks else None

    def missed(self, row: Any, *, now: datetime) -> list[Ask]:
        """Return what there was to ask of an incident since it was last asked about."""
        if _is_answered(row):
            policy = self.policies.get(row.class_code)
            ask = escalation.before_end(policy, self.calendar, begun=row.asked_at, after=row.asked_at) if policy else None
            return [ask] if ask and ask.at <= now else []
        policy = escalation.policy_for(self.policies, class_code=row.class_code, at_risk_now=row.at_risk_now)
        if policy is None:
            return []
        return escalation.missed(policy, self.calendar, begun=row.begun_at, after=row.asked_at, now=now, always=row.at_risk_now)


def world_of(tx: sa.Connection, *, school_id: UUID) -> World:
    """Return what asking goes by at a school, as it is now."""
    heads, _ = store.asking_settings_of(tx, school_id=school_id)
    slt = store.staff_in_roles(tx, school_id=school_id, roles={permissions.Role.SLT})
    return World(
        calendar=store.calendar_of(tx, school_id=school_id),
        policies=store.policies_of(tx, school_id=school_id),
        leads=frozenset(store.staff_in_roles(tx, school_id=school_id, roles=permissions.SAFEGUARDING_LEADS)),
        heads=frozenset(slt) & frozenset(heads) or frozenset(slt),
    )


class Asking(Base):
    """The timers."""

    @timer(interval=0.5)
    def ask_again(self) -> None:
        """Ask whom it is time to ask. What was missed is asked now; an outage of the database is left for the next tick."""
        now = clock.now()
        try:
            with self.host.transaction(self.host.worker_engine) as tx:
                schools = store.schools_due(tx, now=now, limit=SCHOOLS)
        except StorageError as error:
            telemetry.log().warning("asking.waiting", sqlstate=error.sqlstate)
            return
        for school_id in schools:
            try:
                while self.ask_school(school_id, now=now) == BATCH:
                    pass
            except StorageError as error:  # one school's trouble is not another's
                telemetry.log().warning("asking.waiting", sqlstate=error.sqlstate, school_id=str(school_id))
                if error.is_outage:
                    return

    def ask_school(self, school_id: UUID, *, now: datetime) -> int:
        """Ask about what is due at a school and nobody else is asking about; return of how many. All of it is one transaction."""
        with self.host.transaction(self.host.engine, school_id=school_id) as tx:
            rows = store.claim_concerns(tx, school_id=school_id, now=now, limit=BATCH)
            if rows:
                _ask(tx, school_id=school_id, rows=rows, world=world_of(tx, school_id=school_id), now=now)
        return len(rows)


def set_anew(tx: sa.Connection, *, school_id: UUID) -> None:
    """Set the timers anew: by another calendar, or another policy, they end at another time. They are looked at now, which sets them."""
    store.wake_concerns(tx, school_id=school_id, now=clock.now())


def _ask(tx: sa.Connection, *, school_id: UUID, rows: Sequence[Any], world: World, now: datetime) -> None:
    ids = [row.incident_id for row in rows]
    unread = store.unread_by_team(tx, school_id=school_id, incident_ids=ids, leads=world.leads)
    fresh = [row.incident_id for row in rows if now - row.begun_at <= AT_ONCE]
    sent = store.sent_since(tx, school_id=school_id, incident_ids=fresh, since=now - AT_ONCE) if fresh else set()
    askings: list[dict[str, Any]] = []
    mails: list[dict[str, Any]] = []
    next_at: dict[UUID, datetime | None] = {}
    for row in rows:
        is_unread = row.incident_id in unread
        asks = [ask for ask in world.missed(row, now=now) if is_unread or not ask.if_unread]
        if asks:
            who = frozenset(each for ask in asks for each in ask.who)
            asking = {"id": new_id(), "incident_id": row.incident_id, "due_at": asks[0].at, "at": now, "who": sorted(who), "unread": is_unread}
            people = {p for p in _people(who, world=world) if (row.incident_id, p) not in sent}
            written = _mails(asking, people=people, trust="trust_lead" in who, school_id=school_id, now=now)
            mails += written
            askings.append(asking | {"asked": len(written)})
        answered = _is_answered(row)
        still = not answered or is_unread
        about = {"class_code": row.class_code, "at_risk_now": row.at_risk_now, "begun": row.begun_at}
        next_at[row.incident_id] = world.next_at(**about, after=now, answered=answered) if still else None
    store.add_askings(tx, school_id=school_id, rows=askings)
    store.add(tx, school_id=school_id, alerts=[], mails=mails)
    store.move_concerns(tx, school_id=school_id, now=now, next_at=next_at)
    telemetry.log().info("asking.done", incidents=len(rows), askings=len(askings), mails=len(mails))


def _is_answered(row: Any) -> bool:
    """Whether somebody leads an incident, or it is closed for every pupil in it: nobody need say that they take it on."""
    return row.lead_id is not None or bool(row.closed)


def _people(who: frozenset[str], *, world: World) -> frozenset[UUID]:
    return (world.leads if "leads" in who else frozenset()) | (world.heads if "head" in who else frozenset())


def _mails(asking: Mapping[str, Any], *, people: set[UUID], trust: bool, school_id: UUID, now: datetime) -> list[dict[str, Any]]:
    """Return a mail a person, and one to the trust's leads, whom identity names when it is sent. What each may be told is asked then too."""
    kind = "asked_unread" if asking["unread"] else "asked_unled"
    to = [(person, kind) for person in sorted(people)] + ([(school_id, f"{kind}_trust")] if trust else [])
    return [new_mail(p, kind=k, now=now, about=asking["incident_id"]) | {"id": uuid5(asking["id"], str(p))} for p, k in to]


# --- what starts and stops them: called by the events' handlers ------------------------------------------------------------


def begin(tx: sa.Connection, events: Sequence[incidents.EntryRecorded]) -> None:
    """Incidents were recorded: each waits for somebody to lead it, from welfare up or where a child may be at risk now.

    The timer looks at it at once, and sets when it is due: the school's hours and policies are read once for all that came meanwhile.
    """
    waiting = [
        {"incident_id": event.incident_id, "class_code": event.class_code, "at_risk_now": event.at_risk_now, "category": event.category}
        | {"begun_at": event.at, "asked_at": event.at - JUST, "next_at": event.at}
        for event in events
        if not event.past and (event.at_risk_now or Class.of(event.class_code) >= Class.WELFARE)
    ]
    store.add_concerns(tx, school_id=events[0].school_id, concerns=waiting)


def remember(tx: sa.Connection, event: incidents.EntryRestricted | incidents.LeadTaken | incidents.StatusChanged) -> None:
    """Make a place to keep something of an incident of which nothing was asked: nothing is, until its class is raised."""
    nothing = {"incident_id": event.incident_id, "class_code": Class.GENERAL.code, "at_risk_now": False, "category": ""}
    nothing |= {"begun_at": event.at, "asked_at": event.at - JUST, "next_at": None}
    store.add_concerns(tx, school_id=event.school_id, concerns=[nothing])


def go_on(tx: sa.Connection, event: incidents.ActionAdded) -> None:
    """Something was added: it may raise the class, open what was closed, or stand unread below what somebody leads or has closed."""
    here: dict[str, Any] = {"school_id": event.school_id, "incident_id": event.incident_id}
    row = store.concern_of(tx, **here)
    if row is None:
        if event.raised_to:
            begin(tx, [event.model_copy(update={"class_code": event.raised_to})])
        return
    if event.past:
        return
    if event.raised_to:
        store.change_concern(tx, **here, class_code=event.raised_to, category=event.category)
    if event.what == "moved" and row.closed:  # how it stood was said of another pupil
        change(tx, row=row, at=event.at, closed=False)
        if row.lead_id is None:
            return
    if row.kept:
        return
    begun = max(event.at, row.asked_at)  # heard late: what was asked by now is not asked again
    if not _is_answered(row):
        if event.raised_to:
            store.change_concern(tx, **here, begun_at=begun, asked_at=begun - JUST, next_at=begun)
        return
    leads = set(store.staff_in_roles(tx, school_id=event.school_id, roles=permissions.SAFEGUARDING_LEADS))
    is_for_team = not leads.isdisjoint(recipient.person_id for recipient in event.recipients) and event.author_id not in leads
    if is_for_team and row.next_at is None:
        store.change_concern(tx, **here, asked_at=begun, next_at=begun)


def lead(tx: sa.Connection, event: incidents.LeadTaken) -> None:
    """Somebody leads it: nobody is asked any more."""
    here: dict[str, Any] = {"school_id": event.school_id, "incident_id": event.incident_id}
    person = store.staff_with(tx, school_id=event.school_id, ids=[event.person_id]).get(event.person_id)
    if person is not None and not (person.active and permissions.is_lead(person.roles)):
        return  # they had left by the time this came
    remember(tx, event)
    store.change_concern(tx, **here, lead_id=event.person_id, next_at=None)


def left(tx: sa.Connection, event: identity.StaffChanged) -> None:
    """Whoever leads and has left, or is no DSL any more, leads no longer: asking begins again."""
    if event.active and permissions.is_lead(event.roles):
        return
    for row in store.concerns_led_by(tx, school_id=event.school_id, person_id=event.person_id):
        change(tx, row=row, at=event.at, lead_id=None)


def lost(tx: sa.Connection, *, school_id: UUID, incident_id: UUID, people: Sequence[UUID], at: datetime) -> None:
    """These may know nothing of it any more; if one of them leads it, it waits for another."""
    row = store.concern_of(tx, school_id=school_id, incident_id=incident_id)
    if row is not None and row.lead_id in people:
        change(tx, row=row, at=at, lead_id=None)


def change(tx: sa.Connection, *, row: Any, at: datetime, **to: Any) -> None:
    """Take away what kept an incident from being asked about: its lead, that it is closed, or kept to two. With none of them it waits from then."""
    holds = {"lead_id": row.lead_id, "closed": row.closed, "kept": row.kept} | to
    begun = max(at, row.asked_at)  # heard late: what was asked by now is not asked again
    waits = {} if any(holds.values()) else {"asked_at": begun - JUST, "next_at": begun}
    store.change_concern(tx, school_id=row.school_id, incident_id=row.incident_id, **to, begun_at=begun, **waits)


def stands(tx: sa.Connection, event: incidents.StatusChanged) -> None:
    """A DSL said how it stands for a pupil in it: closed for every one, it has been answered; open or monitored for one again, it has not."""
    here: dict[str, Any] = {"school_id": event.school_id, "incident_id": event.incident_id}
    if event.closed:
        remember(tx, event)
        store.change_concern(tx, **here, closed=True, next_at=None)
    elif event.status != "closed":
        row = store.concern_of(tx, **here)
        if row is not None and row.closed:
            change(tx, row=row, at=event.at, closed=False)


def keep(tx: sa.Connection, event: incidents.EntryRestricted) -> None:
    """All of it is kept to two people, who are told: nobody else is asked about it, not even that it waits."""
    if event.entry_id == event.incident_id:
        remember(tx, event)
        store.change_concern(tx, school_id=event.school_id, incident_id=event.incident_id, kept=True, next_at=None)


def give_back(tx: sa.Connection, event: incidents.RestrictionLifted) -> None:
    """It is everybody's again whose role opens it: if nobody leads it, it waits for somebody, from now."""
    here: dict[str, Any] = {"school_id": event.school_id, "incident_id": event.incident_id}
    row = store.concern_of(tx, **here)
    if row is not None and row.kept and event.entry_id == event.incident_id:
        change(tx, row=row, at=event.at, kept=False)
