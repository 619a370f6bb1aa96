"""A fortnight of a school of 1,100 pupils, by a clock that is set: every alert, reminder and escalation is one that a few lines count too.

Wednesday 14 to Wednesday 28 October 2026: an INSET day, half term, the night on which the clocks go back; DSLs who are away, who leave, and
who lead too late or never; a broker that is out for hours, so that all the service hears comes late; and a service that is down for hours.
"""

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from safekeep import clock, inbox
from safekeep.bus import Sealed
from safekeep.contracts import Event
from safekeep.contracts.alerts import KeepCalendar, MarkRead, SpanItem
from safekeep.contracts.identity import SchoolChanged, StaffChanged
from safekeep.contracts.incidents import IncidentRecorded, LeadTaken, Recipient
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
    recipients: frozenset[UUID]
    read: list[tuple[dt.datetime, UUID]] = field(default_factory=list)
    led: list[tuple[dt.datetime, UUID]] = field(default_factory=list)


class Plan:
    """What happens in the fortnight, drawn once."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)  # noqa: S311 - a plan that is the same each time
        self.leads, self.heads = [new_id() for _ in range(5)], [new_id() for _ in range(4)]
        self.teachers = [new_id() for _ in range(STAFF - 9)]
        self.leaves = {self.leads[0]: at(20, 16, 7), self.leads[1]: at(21, 11, 13)}  # the second while the broker is out
        self.away = {self.leads[2]: (at(16, 0), at(22, 0))}
        self.incidents = [self._incident(draw) for _ in range(INCIDENTS)]

    def here(self, people: list[UUID], moment: dt.datetime) -> list[UUID]:
        return [p for p in people if moment < self.leaves.get(p, END)]

    def _incident(self, draw: random.Random) -> Told:
        day = START + dt.timedelta(days=draw.randrange(14))
        hour = draw.choices([draw.randrange(24), draw.randrange(8, 16)], [1, 9])[0]
        moment = (day + dt.timedelta(hours=hour, minutes=draw.randrange(60))).replace(second=0)
        risk = draw.random() < 0.06
        class_code = draw.choices(["general", "welfare", "safeguarding", "protection"], [5, 3, 3, 1])[0]
        told = self.here(self.leads, moment) if class_code != "general" or risk else [draw.choice(self.heads)]
        found = Told(new_id(), moment, class_code, risk, frozenset(told))
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
        first, last = self.away.get(person, (END, END))
        if moment < self.leaves.get(person, END) and not first <= moment < last and delivered(moment) == moment and moment < END:
            done.append((moment, person))


# --- the model ------------------------------------------------------------------------------------------------------------

SCHOOL = {60: "leads", 120: "head", 180: "trust_lead"}


def in_school(moment: dt.datetime) -> bool:
    local = moment.astimezone(LONDON)
    return local.weekday() < 5 and local.date() not in CLOSED and dt.time(8, 30) <= local.time() < dt.time(15, 30)


def expected(plan: Plan) -> Counter[tuple[UUID, dt.datetime, UUID | None]]:
    """Count (incident, when, whom; None: the trust) by going through every minute of each incident."""
    school = {START + n * MINUTE: in_school(START + n * MINUTE) for n in range((END - START) // MINUTE)}
    found: Counter[tuple[UUID, dt.datetime, UUID | None]] = Counter()
    for told in plan.incidents:
        if told.class_code == "general" and not told.at_risk_now:
            continue
        begun, lead, waiting, heard = told.at, None, {}, delivered(told.at)
        leading, leaving = list(told.led), {delivered(when): (when, who) for who, when in plan.leaves.items()}
        minute = passed = out = 0
        moment = told.at
        while moment < END:
            if moment in leaving and leaving[moment][1] == lead:  # heard now, and counted from when they left
                begun, lead, waiting, passed, out, moment = leaving[moment][0], None, {}, 0, 0, leaving.pop(moment)[0]
                heard = delivered(begun)
            while leading and leading[0][0] <= moment and moment >= heard:
                lead, waiting = leading.pop(0)[1], {}
            if lead is None:
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
                    if inside and minute > 0 and moment.astimezone(LONDON).time() == dt.time(14, 45):
                        waiting["unread"] = {"leads"}
                waiting["now"] = waiting.get("now", set()) | who
                if (moment >= heard and delivered(moment) != SERVICE_DOWN[1]) or moment == SERVICE_DOWN[1]:
                    asked = waiting.pop("now") | (waiting.pop("unread", set()) if is_unread(plan, told, moment) else set())
                    waiting.clear()
                    people = plan_people(plan, asked, moment)
                    if told.at_risk_now and moment - begun <= MINUTE:
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
        self._ask, self._token = ask, token
        zone = {"zone": "Europe/London", "day_ends_minute": 930, "trust_id": new_id(), "categories": [], "groups": []}
        self.hear(SchoolChanged, self.id, START, **zone)
        for people, role in ((plan.leads, "dsl"), (plan.heads, "slt"), (plan.teachers, "teacher")):
            for person in people:
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
                    happenings.pop(0)[2]()
            if not SERVICE_DOWN[0] <= moment < SERVICE_DOWN[1]:
                with clock.set_to(moment):
                    self.service.ask_again()
            due = self.one("select min(next_at) from concerns")
            following = [each for each in (happenings[0][0] if happenings else END, due or END) if each > moment]
            moment = min(following, default=END)
            if SERVICE_DOWN[0] <= moment < SERVICE_DOWN[1]:
                moment = SERVICE_DOWN[1]

    def _happenings(self) -> Iterator[tuple[dt.datetime, int, Callable[[], None]]]:
        for told in self.plan.incidents:
            yield delivered(told.at), 0, lambda told=told: self._record(told)  # type: ignore[misc]
            for moment, person in told.read:
                yield moment, 2, lambda told=told, person=person: self._read(told, person)  # type: ignore[misc]
            for moment, person in told.led:
                taken = {"incident_id": told.id, "person_id": person}
                yield moment, 3, lambda told=told, moment=moment, taken=taken: self.hear(LeadTaken, told.id, moment, **taken)  # type: ignore[misc]
        for person, when in self.plan.leaves.items():
            gone = {"person_id": person, "roles": ["dsl"], "active": False}
            yield delivered(when), 1, lambda person=person, when=when, gone=gone: self.hear(StaffChanged, person, when, **gone)  # type: ignore[misc]

    def _record(self, told: Told) -> None:
        said = {"incident_id": told.id, "entry_id": told.id, "author_id": self.plan.teachers[0], "category": "not_sure", "categories": ["not_sure"]}
        said |= {"class_code": told.class_code, "pupil_ids": [new_id()], "file_ids": [], "occurred_at": None, "at_risk_now": told.at_risk_now}
        recipients = [Recipient(person_id=person, because=["safeguarding_team"]) for person in told.recipients]
        self.hear(IncidentRecorded, told.id, told.at, recipients=recipients, **said)

    def _read(self, told: Told, person: UUID) -> None:
        alert = self.one("select id from alerts where incident_id = :incident and person_id = :person", incident=told.id, person=person)
        self.ask(person, MarkRead(alert_id=alert))

    def one(self, query: str, **values: Any) -> Any:
        with self.resources.transaction(self.resources.engine, school_id=self.id) as tx:
            return tx.execute(sa.text(query), values).scalar()

    def rows(self, query: str) -> list[Any]:
        with self.resources.transaction(self.resources.engine, school_id=self.id) as tx:
            return list(tx.execute(sa.text(query)))


@pytest.mark.parametrize("seed", [7])
def test_every_alert_reminder_and_escalation_of_a_fortnight_is_accounted_for(resources: Any, ask_service: Any, token_for: Any, seed: int) -> None:
    assert {name: policy for name, policy in FIRST.items() if policy.before_end != 45} == {"at_risk_now": FIRST["at_risk_now"]}
    plan = Plan(seed)
    school = School(plan, resources, ask_service, token_for)
    school.live()

    raised = Counter((row.incident_id, row.person_id) for row in school.rows("select incident_id, person_id from alerts"))
    dropped = {
        (told.id, p) for told in plan.incidents for p in told.recipients if p in plan.leaves and delivered(plan.leaves[p]) < delivered(told.at)
    }
    assert raised == Counter((told.id, person) for told in plan.incidents for person in told.recipients) - Counter(dropped)

    mails = school.rows("select about, person_id, next_at, kind from mails where kind like 'asked%'")
    asked = Counter((row.about, row.next_at, None if row.kind.endswith("_trust") else row.person_id) for row in mails)
    counted = expected(plan)
    assert len(counted) > 500, "the fortnight is one in which people had to be asked"
    assert None in {person for _, _, person in counted}
    missing, more = counted - asked, asked - counted
    assert not missing, f"{len(missing)} of {len(counted)} were not asked: {sorted(missing, key=str)[:3]}"
    assert not more, f"{len(more)} were asked whom nothing says to ask: {sorted(more, key=str)[:3]}"
