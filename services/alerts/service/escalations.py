"""The policies of asking again, as the school sets them, and what DSLs and recorders see of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from safekeep import calendar as calendars
from safekeep import clock, permissions
from safekeep.actor import Actor
from safekeep.calendar import Calendar
from safekeep.contracts import Nothing, incidents
from safekeep.contracts.alerts import (
    AskAhead,
    AskingItem,
    Askings,
    AskingsAnswer,
    ConcernItem,
    Escalation,
    EscalationAnswer,
    KeepEscalation,
    Meanwhile,
    MeanwhileAnswer,
    PolicyItem,
    StepItem,
    Unled,
    UnledAnswer,
)
from safekeep.errors import Invalid
from safekeep.rpc import answers, ask
from services.alerts import escalation, store
from services.alerts.escalation import Policy, Step
from services.alerts.service import asking
from services.alerts.service.base import Base

SHOWN = 100
LEAST_AGAIN = 5
"""Minutes: more often nobody could do anything in between."""


class Escalations(Base):
    """Policies, and what waits."""

    @answers(Escalation)
    def escalation(self, actor: Actor, request: Escalation) -> EscalationAnswer:
        with self._school(actor) as tx:
            found = store.policies_of(tx, school_id=actor.at_school)
            heads, meanwhile = store.asking_settings_of(tx, school_id=actor.at_school)
        return EscalationAnswer(policies=[_item(code, found[code]) for code in escalation.CODES], head_ids=heads, meanwhile=meanwhile)

    @answers(KeepEscalation)
    def keep_escalation(self, actor: Actor, request: KeepEscalation) -> Nothing:
        _check(request)
        with self._school(actor) as tx:
            staff = store.staff_with(tx, school_id=actor.at_school, ids=request.head_ids)
            if any(p not in staff or not staff[p].active or permissions.Role.SLT not in staff[p].roles for p in request.head_ids):
                raise Invalid({"head_ids": "unknown_choice"})
            for item in request.policies:
                store.keep_policy(tx, school_id=actor.at_school, code=item.code, policy=_policy(item))
            store.keep_asking_settings(tx, school_id=actor.at_school, head_ids=request.head_ids, meanwhile=request.meanwhile)
            asking.set_anew(tx, school_id=actor.at_school)
        return Nothing()

    @answers(Meanwhile)
    def meanwhile(self, actor: Actor, request: Meanwhile) -> MeanwhileAnswer:
        now = clock.now()
        with self._school(actor) as tx:
            calendar = store.calendar_of(tx, school_id=actor.at_school)
            _, text = store.asking_settings_of(tx, school_id=actor.at_school)
            policies = store.policies_of(tx, school_id=actor.at_school)
        opens = calendars.next_opening(calendar, now)
        asks = _ahead(request, policies=policies, calendar=calendar, now=now)
        return MeanwhileAnswer(in_hours=calendars.in_school_hours(calendar, now), opens_at=opens, text=text, asks=asks)

    @answers(Unled)
    def unled(self, actor: Actor, request: Unled) -> UnledAnswer:
        with self._school(actor) as tx:
            leads = store.staff_in_roles(tx, school_id=actor.at_school, roles=permissions.SAFEGUARDING_LEADS)
            rows = store.unled(tx, school_id=actor.at_school, leads=leads, limit=SHOWN)
        wanted = incidents.Readable(entry_ids=[row.incident_id for row in rows])
        theirs = set(ask(self.incidents, wanted, token=actor.token).entry_ids) if rows else set()
        return UnledAnswer(items=[_concern(row) for row in rows if row.incident_id in theirs])

    @answers(Askings)
    def askings(self, actor: Actor, request: Askings) -> AskingsAnswer:
        if not ask(self.incidents, incidents.Readable(entry_ids=[request.incident_id]), token=actor.token).entry_ids:
            return AskingsAnswer(items=[], next_at=None)
        with self._school(actor) as tx:
            rows = store.askings_of(tx, school_id=actor.at_school, incident_id=request.incident_id)
            row = store.concern_of(tx, school_id=actor.at_school, incident_id=request.incident_id)
        items = [AskingItem(due_at=r.due_at, at=r.at, who=r.who, unread=r.unread, asked=r.asked) for r in rows]
        still = row is not None and row.next_at is not None and row.next_at > clock.now()  # else the timer is about to look at it, and to say when
        return AskingsAnswer(items=items, next_at=row.next_at if row is not None and still else None)


def _ahead(request: Meanwhile, *, policies: Mapping[str, Policy], calendar: Calendar, now: datetime) -> list[AskAhead]:
    if request.class_code is None or request.begun is None:
        return []
    policy = escalation.policy_for(policies, class_code=request.class_code, at_risk_now=request.at_risk_now)
    asks = escalation.first_asks(policy, calendar, begun=request.begun, always=request.at_risk_now) if policy else []
    return [AskAhead(at=ask.at, who=sorted(ask.who, key=escalation.WHO.index)) for ask in asks if ask.at > now]


def _check(request: KeepEscalation) -> None:
    """Refuse what would leave an incident unasked about: no step, or none to the DSLs first."""
    problems: dict[str, str] = {}
    if {item.code for item in request.policies} != set(escalation.CODES):
        problems["policies"] = "missing"
    for item in request.policies:
        if not item.steps:
            problems[f"{item.code}.steps"] = "at_least_once"
        elif min(item.steps, key=lambda step: (step.minutes, escalation.WHO.index(step.who))).who != "leads":
            problems[f"{item.code}.steps"] = "leads_first"
        for name in ("again", "outside_again"):
            if 0 < getattr(item, name) < LEAST_AGAIN:
                problems[f"{item.code}.{name}"] = "too_often"
    if problems:
        raise Invalid(problems)


def _policy(item: PolicyItem) -> Policy:
    steps, outside = (tuple(sorted((Step(s.minutes, s.who) for s in some), key=lambda step: step.minutes)) for some in (item.steps, item.outside))
    return Policy(steps=steps, again=item.again, outside=outside, outside_again=item.outside_again, before_end=item.before_end)


def _item(code: Any, policy: Policy) -> PolicyItem:
    return PolicyItem(
        code=code,
        steps=[StepItem(minutes=step.minutes, who=step.who) for step in policy.steps],
        again=policy.again,
        outside=[StepItem(minutes=step.minutes, who=step.who) for step in policy.outside],
        outside_again=policy.outside_again,
        before_end=policy.before_end,
    )


def _concern(row: Any) -> ConcernItem:
    names = ("incident_id", "category", "class_code", "at_risk_now", "begun_at")
    return ConcernItem(**{name: getattr(row, name) for name in names}, asked_at=row.last_asked_at)
