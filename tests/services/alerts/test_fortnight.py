"""A fortnight of a school of 1,100 pupils, by a clock that is set: every alert, reminder and escalation is one that a few lines count too.

Wednesday 14 to Wednesday 28 October 2026: an INSET day, half term, the night on which the clocks go back; people who are away, and others
told for them; DSLs who leave, and who lead too late or never; incidents that are closed, and opened again; things asked of people, done, handed on, and left behind by one who leaves; a
broker that is out for hours, so that all the service hears comes late; and a service that is down for hours.
"""

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from safekeep import clock, inbox
from safekeep.bus import Sealed
from safekeep.contracts import Event
from safekeep.contracts.alerts import KeepCalendar, MarkRead, SpanItem
from safekeep.contracts.identity import SchoolChanged, StaffChanged
from safekeep.contracts.incidents import FollowUpChanged, IncidentRecorded, LeadTaken, Recipient, StatusChanged
from safekeep.ids import new_id
from services.alerts import service
from services.alerts.escalation import FIRST
from tests.services.alerts.test_alerts import Opened

LONDON = ZoneInfo("Europe/London")
MINUTE = dt.timedelta(minutes=1)
START = dt.datetime(2026, 10, 14, 0, 0, tzinfo=LONDON).astimezone(dt.UTC)
END = dt.datetime(2026, 10, 28, 0, 0, tzinfo=LONDON).astimezone(dt.UTC)
CLOSED = {dt.date(2026, 10, 19)} | {dt.date(2026, 10, day) for day in range(26, 31)}
PUPILS, STAFF = 1_100, 130
INCIDENTS = PUPILS // 9  # a fortnight's, where a pupil in nine has one
ASKED = 40


def at(day: int, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, 10, day, hour, minute, tzinfo=LONDON).astimezone(dt.UTC)


BROKER_OUT = at(21, 9, 50), at(21, 13, 10)
SERVICE_DOWN = at(15, 10, 20), at(15, 12, 5)


def delivered(moment: dt.datetime) -> dt.datetime:
    """When an event of a moment reaches the service."""
    late = BROKER_OUT[1] if BROKER_OUT[0] <= moment < BROKER_OUT[1] else moment
    return SERVICE_DOWN[1] if SERVICE_DOWN[0] <= late < SERVICE_DOWN[1] else late


@dataclass
class Told:
    """One incident, and what becomes of it."""

    id: UUID
    at: dt.datetime
    class_code: str
    at_risk_now: bool
    asked_for: frozenset[UUID]
    covers: frozenset[UUID]
    read: list[tuple[dt.datetime, UUID]] = field(default_factory=list)
    led: list[tuple[dt.datetime, UUID]] = field(default_factory=list)
    stands: list[tuple[dt.datetime, bool]] = field(default_factory=list)  # from when on it is closed for every pupil, or is not

    @property
    def recipients(self) -> frozenset[UUID]:
        return self.asked_for | self.covers


@dataclass
class Asked:
    """Something asked of somebody, and what becomes of it: from when on it is whose, or (None) done, or ("") nobody's."""

    id: UUID
    asker: UUID
    due: dt.date
    turns: list[tuple[dt.datetime, UUID | Literal[""] | None]]


class Plan:
    """What happens in the fortnight, drawn once."""

    def __init__(self, seed: int, incidents: int) -> None:
        draw = random.Random(seed)  # noqa: S311 - a plan that is the same each time
        self.leads, self.heads = [new_id() for _ in range(5)], [new_id() for _ in range(4)]
        self.teachers = [new_id() for _ in range(STAFF - 9)]
        self.leaves = {self.leads[0]: at(20, 16, 7), self.leads[1]: at(21, 11, 13)}  # the second while the broker is out
        self.leaves[self.teachers[1]] = at(22, 12, 31)
        self.away = {self.leads[2]: (at(16, 0), at(22, 0)), self.heads[0]: (at(20, 0), at(24, 0))}
        self.covers = {self.leads[2]: self.teachers[2], self.heads[0]: self.heads[1]}
        moments = [at(21, 10, 30), *(self._moment(draw) for _ in range(incidents - 1))]  # the first is heard of when one it is for has left
        self.incidents = [self._incident(draw, moment, dropping=not n) for n, moment in enumerate(moments)]
        self.asked = [self._asked(draw) for _ in range(ASKED)]
        for told in self.incidents:
            self._close(draw, told)

    def here(self, people: list[UUID], moment: dt.datetime) -> list[UUID]:
        return [p for p in people if p not in self.leaves or moment < self.leaves[p]]

    def is_away(self, person: UUID, moment: dt.datetime) -> bool:
        first, last = self.away.get(person, (END, END))
        return first <= moment < last

    def _moment(self, draw: random.Random) -> dt.datetime:
        day = START + dt.timedelta(days=draw.randrange(14))
        hour = draw.choices([draw.randrange(24), draw.randrange(8, 16)], [1, 9])[0]
        return (day + dt.timedelta(hours=hour, minutes=draw.randrange(60))).replace(second=0)

    def _incident(self, draw: random.Random, moment: dt.datetime, *, dropping: bool) -> Told:
        risk = draw.random() < 0.06
        class_code = draw.choices(["general", "welfare", "safeguarding", "protection"], [5, 3, 3, 1])[0] if not dropping else "safeguarding"
        told = self.here(self.leads, moment) if class_code != "general" or risk else [draw.choice(self.heads)]
        covered = {self.covers[person] for person in told if self.is_away(person, moment)}
        covers = frozenset(covered - set(told)) if class_code in ("general", "welfare") else frozenset[UUID]()  # no teacher hears of the others
        found = Told(new_id(), moment, class_code, risk, frozenset(told), covers)
        slow = draw.choices([10, 60] if risk else [10, 60, 300, 3000], [5, 4] if risk else [5, 4, 3, 2])[0]
        for person in draw.sample(told, min(len(told), draw.randrange(3))):
            self._act(found.read, moment + dt.timedelta(minutes=draw.randrange(1, slow + 1)), person)
        for _ in range(draw.choices([0, 1, 2], [1, 9, 2])[0] if set(told) <= set(self.leads) else 0):
            self._act(found.led, moment + dt.timedelta(minutes=draw.randrange(1, slow * 2)), draw.choice(self.leads))
        if risk:  # somebody always takes these, some only after hours
            self._act(found.led, delivered(moment + dt.timedelta(minutes=draw.randrange(1, 400))) + MINUTE, self.leads[3])
        found.led.sort()
        return found

    def _act(self, done: list[tuple[dt.datetime, UUID]], moment: dt.datetime, person: UUID) -> None:
        """Somebody does something, if they are there: not away, not gone, and while the services can be reached."""
        if moment < self.leaves.get(person, END) and not self.is_away(person, moment) and delivered(moment) == moment and moment < END:
            done.append((moment, person))

    def _close(self, draw: random.Random, told: Told) -> None:
        """A DSL closes two in five of them, of which some are opened again, and some of these closed for good."""
        moment = told.at
        for closed in (True, False, True)[: draw.randrange(1, 4)] if draw.random() < 0.4 else ():
            moment += dt.timedelta(minutes=draw.randrange(1, 2000))
            if delivered(moment) == moment and moment < END:
                told.stands.append((moment, closed))

    def _asked(self, draw: random.Random) -> Asked:
        """A DSL asks somebody, for a day that may be over before it is heard of. A third is done, some are given to another, once or after all."""
        moment = min(self._moment(draw), END - dt.timedelta(days=2)) + 17 * dt.timedelta(seconds=1)  # never on the second of a reminder
        due = moment.astimezone(LONDON).date() + dt.timedelta(days=draw.randrange(9))
        asker, owner = draw.choice(self.here(self.leads, moment)), draw.choice(self.here([*self.teachers[1:8], *self.leads], moment))
        turns: list[tuple[dt.datetime, UUID | Literal[""] | None]] = [(moment, owner)]

        def later(hours: int) -> dt.datetime:
            return turns[-1][0] + dt.timedelta(hours=draw.randrange(1, hours), minutes=draw.randrange(60))

        if draw.random() < 0.25 and self.here([owner], then := later(100)):
            turns.append((then, draw.choice(self.here([*self.teachers[1:8], *self.leads], then))))
        left = {who: when for who, when in self.leaves.items() if who == turns[-1][1] and when > turns[-1][0]}
        if draw.random() < 0.4 and not left:
            turns.append((later(150), None))
        for when in left.values():
            turns.append((when, ""))
            if draw.random() < 0.5:
                turns.append((later(60), self.leads[3]))
        return Asked(new_id(), asker, due, turns)


# --- the model ------------------------------------------------------------------------------------------------------------

SCHOOL = {60: "leads", 120: "head", 180: "trust_lead"}


def in_school(moment: dt.datetime) -> bool:
    local = moment.astimezone(LONDON)
    return local.weekday() < 5 and local.date() not in CLOSED and dt.time(8, 30) <= local.time() < dt.time(15, 30)


def expected(plan: Plan) -> Counter[tuple[UUID, dt.datetime, UUID | None]]:
    """Count (incident, when, whom; None: the trust) by going through every minute of each incident."""
    school = {START + n * MINUTE: in_school(START + n * MINUTE) for n in range((END - START) // MINUTE)}
    before_end = {moment for moment in school if moment.astimezone(LONDON).time() == dt.time(14, 45)}
    found: Counter[tuple[UUID, dt.datetime, UUID | None]] = Counter()
    for told in plan.incidents:
        if told.class_code == "general" and not told.at_risk_now:
            continue
        begun, lead, waiting, heard, closed = told.at, None, {}, delivered(told.at), False
        leading, standing, leaving = list(told.led), list(told.stands), {delivered(when): (when, who) for who, when in plan.leaves.items()}
        minute = passed = out = 0
        moment = told.at
        while moment < END:
            if moment in leaving and leaving[moment][1] == lead and closed:
                del leaving[moment]
                lead = None
            if moment in leaving and leaving[moment][1] == lead:  # heard now, and counted from when they left
                begun, lead, waiting, passed, out, moment = leaving[moment][0], None, {}, 0, 0, leaving.pop(moment)[0]
                heard = delivered(begun)
            while leading and leading[0][0] <= moment and moment >= heard:
                lead, waiting = leading.pop(0)[1], {}
            while standing and standing[0][0] <= moment and moment >= heard:
                was, (_, closed) = closed, standing.pop(0)
                waiting = {} if closed else waiting
                if was and not closed and lead is None:
                    begun, waiting, passed, out, heard = moment, {}, 0, 0, moment
            if lead is None and not closed:
                minute = (moment - begun) // MINUTE
                inside = school[moment]
                before = minute > 0 and school[moment - MINUTE]
                passed += before
                out = 0 if inside or before else out + (minute > 0)
                who: set[str] = set()
                if told.at_risk_now:
                    who |= {0: {"leads"}, 5: {"head"}}.get(minute, set())
                    who |= {"leads", "head"} if minute > 5 and (minute - 5) % 15 == 0 else set()
                else:
                    if before:
                        who |= {SCHOOL[passed]} if passed in SCHOOL else set()
                        who |= set(SCHOOL.values()) if passed > 180 and (passed - 180) % 240 == 0 else set()
                    if not inside and told.class_code != "welfare":
                        who |= {"leads"} if out >= 60 and (out - 60) % 1440 == 0 else set()
                    if inside and minute > 0 and moment in before_end:
                        waiting["unread"] = {"leads"}
                if who or waiting:
                    waiting["now"] = waiting.get("now", set()) | who
                if waiting and ((moment >= heard and delivered(moment) != SERVICE_DOWN[1]) or moment == SERVICE_DOWN[1]):
                    asked = waiting.pop("now") | (waiting.pop("unread", set()) if is_unread(plan, told, moment) else set())
                    waiting.clear()
                    people = plan_people(plan, asked, moment)
                    if told.at_risk_now and moment - told.at <= MINUTE:
                        people -= told.recipients  # they were sent the alert itself a moment ago
                    found.update((told.id, moment, person) for person in people)
            moment += MINUTE
    return found


def is_unread(plan: Plan, told: Told, moment: dt.datetime) -> bool:
    team = known(plan, plan.leads, moment)
    return bool(told.recipients & team) and not any(when <= moment and who in team for when, who in told.read)


def known(plan: Plan, people: list[UUID], moment: dt.datetime) -> set[UUID]:
    """Who is there, as far as the service has heard."""
    return {p for p in people if p not in plan.leaves or moment < delivered(plan.leaves[p])}


def plan_people(plan: Plan, who: set[str], moment: dt.datetime) -> set[UUID | None]:
    found: set[UUID | None] = set()
    if "leads" in who:
        found |= known(plan, plan.leads, moment)
    if "head" in who:
        found |= set(plan.heads)
    return found | ({None} if "trust_lead" in who else set())


def reminded(plan: Plan) -> Counter[tuple[UUID, str, dt.datetime, UUID]]:
    """Count (what was asked, which reminder, when, whom) by going through every day of it."""
    found: Counter[tuple[UUID, str, dt.datetime, UUID]] = Counter()
    days = [START.astimezone(LONDON).date() + dt.timedelta(days=n - 14) for n in range(42)]
    of_school = [day for day in days if day.weekday() < 5 and day not in CLOSED]
    for asked in plan.asked:
        for (when, whose), (until, _) in pairwise([*asked.turns, (END, None)]):
            heard, leads = delivered(when), set(plan.here(plan.leads, when))
            if whose == "":
                asker = {asked.asker} & known(plan, [*plan.leads], heard)
                found.update((asked.id, "nobodys", heard, person) for person in leads | asker if heard < END)
            for day in days if whose else []:
                morning = dt.datetime.combine(day, dt.time(8), LONDON).astimezone(dt.UTC)
                if not (heard < morning < delivered(until) and morning < END):
                    continue
                late = len([d for d in of_school if asked.due < d <= day]) if day in of_school else 0
                soon = day in of_school and day < asked.due and not [d for d in of_school if day < d < asked.due]
                who = [("due", whose)] if day == asked.due else [("soon", whose)] if soon else []
                who += [("overdue", whose)] if late in (1, 3, 5, 10, 15, 20) else []
                who += [("late", lead) for lead in leads - {whose}] if late == 1 else []
                found.update((asked.id, kind, morning, person) for kind, person in who)  # type: ignore[misc]
    return found


# --- the service ----------------------------------------------------------------------------------------------------------


class School:
    """The service over a fresh database, to which a plan happens."""

    def __init__(self, plan: Plan, resources: Any, ask: Any, token: Any) -> None:
        self.plan, self.resources, self.id = plan, resources("alerts"), new_id()
        self.service = service.Service()
        self.service.host = self.resources
        self.service.incidents = Opened()  # type: ignore[assignment] - whoever reads has opened it
        self.box = inbox.Inbox(engine=self.resources.engine, handlers=service.HANDLERS)
        self.sequences: Counter[UUID] = Counter()
        self.roles: dict[UUID, str] = {}
        self._ask, self._token = ask, token
        zone = {"zone": "Europe/London", "day_ends_minute": 930, "trust_id": new_id(), "categories": [], "groups": []}
        self.hear(SchoolChanged, self.id, START, **zone)
        for people, role in ((plan.leads, "dsl"), (plan.heads, "slt"), (plan.teachers, "teacher")):
            for person in people:
                self.roles[person] = role
                self.hear(StaffChanged, person, START, person_id=person, roles=[role], active=True)
        term = SpanItem(kind="term", first=dt.date(2026, 9, 2), last=dt.date(2026, 12, 18))
        closed = [SpanItem(kind="inset", first=day, last=day) for day in CLOSED]
        with clock.set_to(START):
            self.ask(plan.leads[0], KeepCalendar(opens_minute=510, weekdays=[0, 1, 2, 3, 4], spans=[term, *closed]))

    def ask(self, person: UUID, request: Any) -> Any:
        proved = {"second_factor_at": clock.now()}
        return self._ask(self.service, request, token=self._token(roles=["dsl"], school_id=self.id, person_id=person, **proved))

    def hear(self, kind: type[Event], subject: UUID, moment: dt.datetime, **fields: Any) -> None:
        self.sequences[subject] += 1
        event = kind(id=new_id(), at=moment, school_id=self.id, subject=subject, sequence=self.sequences[subject], **fields)  # type: ignore[call-arg]
        message = Sealed({"name": event.name, "version": event.version, "event": event.wire()})
        message.header = {"id": str(event.id), "type": event.name}
        self.box.take(message)

    def live(self) -> None:
        """Let the fortnight happen: what is due at each moment first is heard, then done, then asked."""
        happenings = sorted(self._happenings(), key=lambda each: each[:2])
        moment = START
        while moment < END:
            while happenings and happenings[0][0] <= moment:
                with clock.set_to(moment):
                    self.send()
                    happenings.pop(0)[2]()
            if not SERVICE_DOWN[0] <= moment < SERVICE_DOWN[1]:
                with clock.set_to(moment):
                    self.service.ask_again()
            due = self.one("select min(next_at) from concerns")
            following = [each for each in (happenings[0][0] if happenings else END, due or END) if each > moment]
            moment = min(following, default=END)
            if SERVICE_DOWN[0] <= moment < SERVICE_DOWN[1]:
                moment = SERVICE_DOWN[1]
        with clock.set_to(END):
            self.send()

    def send(self) -> None:
        """What is due before now has been sent: no more is done for it here, it is what stops a mail that counts."""
        with self.resources.transaction(self.resources.engine, school_id=self.id) as tx:
            tx.execute(sa.text("update mails set state = 'sent' where state = 'waiting' and next_at < :now"), {"now": clock.now()})

    def _happenings(self) -> Iterator[tuple[dt.datetime, int, Callable[[], None]]]:
        for told in self.plan.incidents:
            yield delivered(told.at), 0, lambda told=told: self._record(told)  # type: ignore[misc]
            for moment, person in told.read:
                yield moment, 2, lambda told=told, person=person: self._read(told, person)  # type: ignore[misc]
            for moment, closed in told.stands:
                stands = {
                    "incident_id": told.id,
                    "entry_id": new_id(),
                    "pupil_id": new_id(),
                    "status": "closed" if closed else "open",
                    "closed": closed,
                }
                yield moment, 3, lambda told=told, moment=moment, stands=stands: self.hear(StatusChanged, told.id, moment, **stands)  # type: ignore[misc]
            for moment, person in told.led:
                taken = {"incident_id": told.id, "person_id": person}
                yield moment, 3, lambda told=told, moment=moment, taken=taken: self.hear(LeadTaken, told.id, moment, **taken)  # type: ignore[misc]
        for asked in self.plan.asked:
            for when, whose in asked.turns:
                yield delivered(when), 4, lambda asked=asked, when=when, whose=whose: self._ask_of(asked, when, whose)  # type: ignore[misc]
        for person, when in self.plan.leaves.items():
            gone = {"person_id": person, "roles": [self.roles[person]], "active": False}
            yield delivered(when), -1, lambda person=person, when=when, gone=gone: self.hear(StaffChanged, person, when, **gone)  # type: ignore[misc]

    def _record(self, told: Told) -> None:
        said = {"incident_id": told.id, "entry_id": told.id, "author_id": self.plan.teachers[0], "category": "not_sure", "categories": ["not_sure"]}
        said |= {"class_code": told.class_code, "pupil_ids": [new_id()], "file_ids": [], "occurred_at": None, "at_risk_now": told.at_risk_now}
        recipients = [Recipient(person_id=person, because=["safeguarding_team" if person in self.plan.leads else "slt"]) for person in told.asked_for]
        recipients += [Recipient(person_id=person, because=["covers"]) for person in told.covers]
        self.hear(IncidentRecorded, told.id, told.at, recipients=recipients, **said)

    def _ask_of(self, asked: Asked, moment: dt.datetime, whose: UUID | Literal[""] | None) -> None:
        said: dict[str, Any] = {"incident_id": asked.id, "entry_id": asked.id, "asked_by": asked.asker, "owner_id": whose or None}
        said |= {"due_on": asked.due, "zone": "Europe/London", "state": {None: "closed", "": "nobodys"}.get(whose, "open")}  # type: ignore[arg-type]
        self.hear(FollowUpChanged, asked.id, moment, leads=self.plan.here(self.plan.leads, moment), **said)

    def _read(self, told: Told, person: UUID) -> None:
        alert = self.one("select id from alerts where incident_id = :incident and person_id = :person", incident=told.id, person=person)
        self.ask(person, MarkRead(alert_id=alert))

    def one(self, query: str, **values: Any) -> Any:
        with self.resources.transaction(self.resources.engine, school_id=self.id) as tx:
            return tx.execute(sa.text(query), values).scalar()

    def rows(self, query: str) -> list[Any]:
        with self.resources.transaction(self.resources.engine, school_id=self.id) as tx:
            return list(tx.execute(sa.text(query)))


@pytest.mark.parametrize(("seed", "incidents"), [(7, INCIDENTS), (11, 30), (23, 30)])
def test_every_alert_reminder_and_escalation_of_a_fortnight_is_accounted_for(
    resources: Any, ask_service: Any, token_for: Any, seed: int, incidents: int
) -> None:
    assert {name: policy for name, policy in FIRST.items() if policy.before_end != 45} == {"at_risk_now": FIRST["at_risk_now"]}
    plan = Plan(seed, incidents)
    school = School(plan, resources, ask_service, token_for)
    school.live()

    rows = school.rows("select incident_id, person_id, dropped, because from alerts")
    raised, dropped = (Counter((row.incident_id, row.person_id) for row in rows if row.dropped == gone) for gone in (False, True))
    left = Counter(
        (told.id, p) for told in plan.incidents for p in told.recipients if p in plan.leaves and delivered(plan.leaves[p]) <= delivered(told.at)
    )
    assert dropped == left
    assert dropped, "the fortnight is one in which somebody was dropped"
    assert raised == Counter((told.id, person) for told in plan.incidents for person in told.recipients) - left
    assert [row for row in rows if row.because == ["covers"]], "and somebody told for another who is away"
    said = school.rows(
        "select incident_id, a.person_id, next_at, m.person_id as whom from mails m join alerts a on a.id = alert_id where m.kind = 'alert'"
    )
    heard = {told.id: delivered(told.at) for told in plan.incidents}
    assert Counter((row.incident_id, row.person_id, row.next_at, row.whom) for row in said) == Counter(
        {(incident, person, heard[incident], person): n for (incident, person), n in raised.items()}
    )
    assert len(said) == len(school.rows("select id from mails where kind = 'alert'")), "and each is of an alert"

    kept = school.rows("select about, person_id, next_at, kind from mails where kind like 'follow_up_%' and state = 'sent'")
    sent = Counter((row.about, row.kind.removeprefix("follow_up_"), row.next_at, row.person_id) for row in kept)
    reminders = reminded(plan)
    assert {kind for _, kind, _, _ in reminders} == {"soon", "due", "overdue", "late", "nobodys"}
    assert not reminders - sent, f"not reminded: {sorted(reminders - sent, key=str)[:3]}"
    assert not sent - reminders, f"reminded when nothing says so: {sorted(sent - reminders, key=str)[:3]}"

    mails = school.rows("select about, person_id, next_at, kind from mails where kind like 'asked%'")
    asked = Counter((row.about, row.next_at, None if row.kind.endswith("_trust") else row.person_id) for row in mails)
    counted = expected(plan)
    assert len(counted) > 4 * incidents, "the fortnight is one in which people had to be asked"
    assert None in {person for _, _, person in counted}
    missing, more = counted - asked, asked - counted
    assert not missing, f"{len(missing)} of {len(counted)} were not asked: {sorted(missing, key=str)[:3]}"
    assert not more, f"{len(more)} were asked whom nothing says to ask: {sorted(more, key=str)[:3]}"
