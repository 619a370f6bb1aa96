"""The rules of following up: which kinds of action there are and what each takes, and when what is asked is late. Pure."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from safekeep import permissions
from safekeep.actor import Actor
from safekeep.contracts.incidents import Alert, Details
from services.incidents import recording

AHEAD = timedelta(days=366)
"""How far off something may be due: a year typed wrong would never be reminded of."""

QUIET_DAYS = 3
"""School days without a word after which a DSL is shown an incident again."""

OWN_WORDS = frozenset({"fact:to", "fact:spoken_when", "fact:outcome", "fact:answer"})
"""The fields of an action in which somebody wrote words, beside its text: a correction that takes those out of sight takes these too."""

OF_A_FOLLOW_UP = frozenset({"outcome", "reassigned"})
GIVES = frozenset({"asked", "reassigned"})
"""Kinds after which somebody is asked."""

ASKED_TO_ACT = "They are asked to do something about it"
"""The reason of the grant to somebody who is asked, where the writer gives no other."""


def today(now: datetime, *, zone: str) -> date:
    """Return the day it is where the school is."""
    return now.astimezone(ZoneInfo(zone)).date()


def days_before(now: datetime, *, zone: str, count: int = QUIET_DAYS) -> datetime:
    """Return the moment before which `count` whole days have passed, Saturdays and Sundays not counted: midnight at the school."""
    day = today(now, zone=zone)
    while count:
        day -= timedelta(days=1)
        count -= day.weekday() < 5
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def problems_of(details: Details, *, writer: Actor, school: recording.School, now: datetime) -> dict[str, str]:
    """Return what is wrong with an action's own fields: missing ones, days that are over, people of another school."""
    wrong: dict[str, str] = {}
    kind = details.kind
    if kind in GIVES:
        wrong |= _problems_of_asking(details, writer=writer, school=school, now=now)
    if kind in OF_A_FOLLOW_UP | {"referral_outcome"} and details.of_id is None:
        wrong["of_id"] = "missing"
    if kind in ("referral", "not_referred") and not details.to:
        wrong["to"] = "missing"
    if kind in ("referral", "parent_contact"):
        wrong |= recording.problems_of_time(occurred_at=details.at, precision=details.precision, now=now) if _took_place(details) else {}
    if kind == "parent_contact" and details.parent_told is None:
        wrong["parent_told"] = "missing"
    if kind == "parent_contact" and details.parent_told and not details.to:
        wrong["to"] = "missing"
    if kind == "not_referred" and not permissions.is_lead(writer.roles):
        wrong["kind"] = "leads_only"
    return {f"details.{name}".replace("details.occurred_at", "details.at"): code for name, code in wrong.items()}


def _took_place(details: Details) -> bool:
    return details.kind == "referral" or bool(details.parent_told)


def _problems_of_asking(details: Details, *, writer: Actor, school: recording.School, now: datetime) -> dict[str, str]:
    wrong: dict[str, str] = {}
    day = today(now, zone=school.zone)
    if details.owner_id is None:
        wrong["owner_id"] = "missing"
    elif details.owner_id not in school.staff or not permissions.may_record(school.staff[details.owner_id].roles):
        wrong["owner_id"] = "unknown_choice"
    if details.due_on is None:
        if details.kind == "asked":
            wrong["due_on"] = "missing"
    elif details.due_on < day:
        wrong["due_on"] = "day_over"
    elif details.due_on > day + AHEAD:
        wrong["due_on"] = "too_far_ahead"
    if details.spoken is None and details.owner_id != writer.person:
        wrong["spoken"] = "missing"
    return wrong


def facts_of(details: Details | None) -> dict[str, Any]:
    """Return what an action's own fields are kept as, beside its text: only those of its kind."""
    if details is None or details.kind == "done":
        return {}
    said: dict[str, Any] = {"action": details.kind}
    if details.kind in OF_A_FOLLOW_UP | {"referral_outcome"}:
        said["of"] = str(details.of_id)
    if details.kind in GIVES:
        said |= {"owner": str(details.owner_id), "due": details.due_on.isoformat() if details.due_on else None}
        said |= {"spoken": details.spoken, "spoken_when": details.spoken_when}
    if details.kind in ("referral", "not_referred", "parent_contact"):
        said["to"] = details.to
    if details.kind == "referral":
        said["outcome"] = details.outcome
    if details.kind == "parent_contact":
        said |= {"parent_told": details.parent_told, "answer": details.answer if details.parent_told else ""}
    return said


def occurred(details: Details | None) -> tuple[datetime | None, str]:
    """Return when what an action tells of took place, where its kind says so, and how exactly that is known."""
    if details is not None and details.kind in ("referral", "parent_contact") and _took_place(details):
        return details.at, details.precision
    return None, "exact"


def details_of(facts: Mapping[str, Any], *, at: datetime | None, precision: str, shown: bool = True) -> Details | None:
    """Return an action's own fields as they were kept; without the words in them where those were taken out of sight (`shown` False)."""
    if "action" not in facts:
        return None

    def words(name: str) -> str:
        return str(facts.get(name) or "") if shown else ""

    return Details(
        kind=facts["action"],
        of_id=UUID(facts["of"]) if facts.get("of") else None,
        owner_id=UUID(facts["owner"]) if facts.get("owner") else None,
        due_on=date.fromisoformat(facts["due"]) if facts.get("due") else None,
        spoken=facts.get("spoken"),
        spoken_when=words("spoken_when"),
        to=words("to"),
        at=at,
        precision=precision,  # type: ignore[arg-type]
        outcome=words("outcome"),
        parent_told=facts.get("parent_told"),
        answer=words("answer"),
    )


def with_owner(alert: Alert, details: Details | None, *, writer: UUID) -> Alert:
    """Return the alert with who is asked in it: they are told like anybody, and that they are asked is why they need to know."""
    owner = details.owner_id if details is not None and details.kind in GIVES else None
    if owner is None or owner == writer:
        return alert
    reasons = {owner: ASKED_TO_ACT} | {person: why for person, why in alert.reasons.items() if why.strip()}
    people = alert.staff_ids if owner in alert.staff_ids else [*alert.staff_ids, owner]
    return alert.model_copy(update={"staff_ids": people, "reasons": reasons, "ask_dsl": [p for p in alert.ask_dsl if p != owner]})


def blame_owner(plan: recording.AlertPlan, details: Details | None) -> None:
    """Say beside who is asked that they cannot be sent it, where it is them: that they are told follows from asking them."""
    owner = details.owner_id if details is not None and details.kind in GIVES else None
    others = {untold.person_id for untold in plan.untold} - {owner}
    if owner is not None and any(untold.person_id == owner for untold in plan.untold) and not others:
        code = plan.problems.pop("alert.staff_ids", None)
        if code:
            plan.problems["details.owner_id"] = code


def state_of(*, due_on: date, closed: bool, day: date) -> Literal["open", "due", "overdue", "done"]:
    """Return how what is asked stands on a day."""
    if closed:
        return "done"
    return "overdue" if due_on < day else "due" if due_on == day else "open"
