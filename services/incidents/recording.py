"""The rules of recording: what is accepted, what class it has, who is told, and who may therefore read."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import rfc8785

from safekeep import permissions
from safekeep.actor import Actor
from safekeep.contracts.incidents import AddAction, Alert, Paper, Recipient, Record, Restrict, Untold
from safekeep.errors import Invalid
from safekeep.permissions import Category, Class, Role, Telling

CLOCKS_DIFFER = timedelta(minutes=2)
"""How far a phone's clock may be ahead of ours before "later than now" is said."""

EARLIEST = datetime(1950, 1, 1, tzinfo=UTC)

FLAG_CLASSES = {
    "child_protection_plan": Class.PROTECTION,
    "child_in_need": Class.PROTECTION,
    "looked_after": Class.WELFARE,
    "early_help": Class.WELFARE,
    "young_carer": Class.WELFARE,
    "send": Class.GENERAL,
    "medical": Class.GENERAL,
}
"""How closely each flag is kept."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of staff as incidents knows them, fed by identity's events."""

    person_id: UUID
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Absence:
    """Somebody is away from the first to the last day, both included; `cover_id` is told too meanwhile."""

    person_id: UUID
    since: date
    until: date
    cover_id: UUID | None


@dataclass(frozen=True, slots=True)
class School:
    """What recording needs to know of a school."""

    zone: str
    categories: Mapping[str, Category]
    staff: Mapping[UUID, Member]
    groups: Mapping[str, frozenset[UUID]]  # the school's own; role groups follow from the staff's roles
    stand_ins: frozenset[UUID] = frozenset()  # who stands in for the DSLs where it concerns every one of them
    called_by: Mapping[str, frozenset[str]] = field(default_factory=dict)  # group → what of a pupil calls for it: flag_…, year_…, form_…
    absences: tuple[Absence, ...] = ()

    def members(self, group: str) -> frozenset[UUID]:
        """Return who is in a group. Raises KeyError for a group the school does not have."""
        roles = permissions.ROLE_GROUPS.get(group)
        if roles is None:
            return self.groups[group]
        return frozenset(m.person_id for m in self.staff.values() if not roles.isdisjoint(m.roles))


@dataclass(slots=True)
class AlertPlan:
    """What an alert comes to."""

    recipients: list[Recipient] = field(default_factory=list)
    granted: list[UUID] = field(default_factory=list)  # a DSL's alert to somebody whose role does not open it
    asks: list[UUID] = field(default_factory=list)
    untold: list[Untold] = field(default_factory=list)
    need_reason: list[UUID] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    called: frozenset[str] = frozenset()  # the groups preselected, as the writer may know of them
    reaches_nobody: bool = False  # it is for somebody, and there is nobody to be alerted
    group_asks: dict[UUID, str] = field(default_factory=dict)  # a DSL is to tell them: a flag calls for their group, their role does not open it

    def known_to(self, actor: Actor) -> list[Recipient]:
        """Return who is told, and why, as the writer may know it."""
        return seen_by(self.recipients, me=actor.person, opens=permissions.highest_class_read(actor.roles))


def seen_by(recipients: Iterable[Recipient], *, me: UUID, opens: Class | None) -> list[Recipient]:
    """Return recipients as who reads up to a class may know of them: but for why they were told themselves, nothing gives a flag away."""
    seen = []
    for each in recipients:
        reasons = each.because if each.person_id == me else permissions.reasons_seen(each.because, flagged=each.flagged, opens=opens)
        if reasons:
            seen.append(Recipient(person_id=each.person_id, because=reasons))
    return seen


@dataclass(frozen=True, slots=True)
class Calls:
    """What of the pupils in an incident calls for groups: codes of their years and forms, and of flags with each one's class."""

    places: frozenset[str] = frozenset()
    flags: Mapping[str, Class] = field(default_factory=dict)

    def groups(self, school: School) -> frozenset[str]:
        """Return the groups that a year or form calls for."""
        return frozenset(group for group, codes in school.called_by.items() if not codes.isdisjoint(self.places))

    def flagged(self, school: School) -> dict[str, Class]:
        """Return the groups that a flag calls for, each with the class from which its reader may know that: the least close of its flags."""
        found = {}
        for group, codes in school.called_by.items():
            classes = [self.flags[code] for code in codes & self.flags.keys()]
            if classes:
                found[group] = min(classes)
        return found


def plan_alert(
    *,
    school: School,
    writer: Actor,
    class_: Class,
    called_for: frozenset[str],
    alert: Alert,
    concerned: frozenset[UUID],
    today: date,
    wrote: Collection[UUID] = (),
    calls: Calls | None = None,
    kept_from: frozenset[UUID] = frozenset(),
) -> AlertPlan:
    """Resolve who is told: the groups asked for and required, then people by name, then whoever covers for those of them who are away.

    A group that a flag of a pupil calls for (`calls`) is told without being asked for where the writer may not know of the flag; who may, decides.

    A group's members whose role does not open the class, or whom it concerns, are left out and listed in `untold`; a
    named person like that is a problem, unless the writer is a DSL (whose alert grants it) or a DSL is asked to tell them.
    The grant takes a reason; that they wrote in it is one (`wrote`).
    From whom an incident about an adult is kept (`kept_from`) is never told either, and not listed for a group: it is not about them.
    """
    plan = AlertPlan()
    never = concerned | kept_from
    because: dict[UUID, list[str]] = {}
    opens = permissions.highest_class_read(writer.roles) or 0
    known = called_for | (calls.groups(school) if calls else frozenset())
    flagged = {group: least for group, least in (calls.flagged(school) if calls else {}).items() if group not in known}
    secret = {group for group, least in flagged.items() if least > opens}
    plan.called = known | (flagged.keys() - secret)
    chosen = secret & set(alert.groups)  # asked for: no secret
    secret -= chosen
    required = permissions.groups_required(class_) & called_for
    for group in sorted(required | set(alert.groups) | secret):
        try:
            members = school.members(group)
        except KeyError:
            plan.problems["alert.groups"] = "unknown_choice"
            continue
        for person in sorted(members):
            telling = _telling(school=school, person=person, class_=class_, concerned=never)
            if telling in {Telling.ALLOWED, Telling.NEED_TO_KNOW}:
                because.setdefault(person, []).append(group)
                continue
            if group not in secret and (person in concerned or person not in kept_from):
                plan.untold.append(Untold(person_id=person, why="concerned" if person in concerned else telling.value))
            if group in flagged and telling == Telling.ASK_A_DSL and not permissions.is_lead(writer.roles):
                plan.group_asks[person] = group
    standing_in = left_to(school=school, concerned=never) if permissions.SAFEGUARDING_TEAM in required | set(alert.groups) else frozenset()
    for person in standing_in:
        because.setdefault(person, []).append("named")
    for person in dict.fromkeys(alert.staff_ids):
        if person not in school.staff:
            plan.problems["alert.staff_ids"] = "unknown_choice"
            continue
        telling = _telling(school=school, person=person, class_=class_, concerned=never)
        if telling == Telling.NEED_TO_KNOW:
            plan.need_reason.append(person)
        if telling == Telling.ASK_A_DSL and permissions.is_lead(writer.roles):
            plan.granted.append(person)
            plan.need_reason.append(person)
            if person not in wrote and not alert.reasons.get(person, "").strip():
                plan.problems[f"alert.reasons.{person}"] = "reason_needed"
        elif telling not in {Telling.ALLOWED, Telling.NEED_TO_KNOW}:
            plan.untold.append(Untold(person_id=person, why="concerned" if person in concerned else telling.value))
            plan.problems["alert.staff_ids"] = "ask_a_dsl" if telling == Telling.ASK_A_DSL else "cannot_be_told"
            continue
        because.setdefault(person, []).append("named")
    for person in dict.fromkeys(alert.ask_dsl):
        if person not in school.staff:
            plan.problems["alert.ask_dsl"] = "unknown_choice"
        elif person not in because and _telling(school=school, person=person, class_=class_, concerned=never) == Telling.ASK_A_DSL:
            plan.asks.append(person)
    is_for_somebody = bool(because) or bool(required) or bool(alert.groups) or bool(alert.staff_ids)
    knows = because.pop(writer.person, None) is not None or permissions.is_lead(writer.roles)  # the writer knows
    hidden = {
        person: {reason: flagged[reason].code for reason in reasons if reason in flagged and reason not in chosen}
        for person, reasons in because.items()
    }
    _cover(school=school, because=because, hidden=hidden, today=today, class_=class_, concerned=never, writer=writer.person)
    granted = {*plan.granted, *standing_in}
    plan.recipients = [
        Recipient(person_id=p, because=reasons, flagged=hidden.get(p, {}), granted=p in granted) for p, reasons in sorted(because.items())
    ]
    plan.group_asks = {
        person: group for person, group in plan.group_asks.items() if person not in because and person not in plan.asks and person != writer.person
    }
    plan.reaches_nobody = is_for_somebody and not because and not knows
    return plan


def called_by_pupil(*, school: School, calls: Calls, class_: Class, concerned: Collection[UUID]) -> list[Recipient]:
    """Return who is told because of which pupil an incident turned out to be about: members of the groups its year, form and flags call for."""
    flagged, because = calls.flagged(school), dict[UUID, list[str]]()
    for group in sorted(calls.groups(school) | flagged.keys()):
        for person in sorted(school.members(group)):
            if _telling(school=school, person=person, class_=class_, concerned=concerned) in {Telling.ALLOWED, Telling.NEED_TO_KNOW}:
                because.setdefault(person, []).append(group)
    secret = {group: least.code for group, least in flagged.items() if group not in calls.groups(school)}
    return [
        Recipient(person_id=person, because=groups, flagged={group: secret[group] for group in groups if group in secret}, granted=False)
        for person, groups in sorted(because.items())
    ]


COVERS, NOBODY_HERE = "covers", "nobody_here"
"""Why somebody is told whom nobody asked for: they stand in for somebody who is away; or everybody who was asked for is away."""


def _cover(
    *,
    school: School,
    because: dict[UUID, list[str]],
    hidden: dict[UUID, dict[str, str]],
    today: date,
    class_: Class,
    concerned: Collection[UUID],
    writer: UUID,
) -> None:
    """Add who stands in for those who are away; where nobody who is told is here, the Safeguarding team's members who are. Nobody is taken off."""

    def may(person: UUID) -> bool:
        telling = _telling(school=school, person=person, class_=class_, concerned=concerned)
        return person != writer and telling in {Telling.ALLOWED, Telling.NEED_TO_KNOW}

    absent = [a for a in school.absences if a.since <= today <= a.until]
    away = {a.person_id for a in absent}
    for person, cover in [(a.person_id, a.cover_id) for a in absent if a.person_id in because]:
        if cover is None or not may(cover):
            continue
        secret = set(because[person]) <= hidden.get(person, {}).keys()  # why they are told gives a flag away: so would their stand-in
        if cover not in because or not secret:
            reasons = because.setdefault(cover, [])
            if COVERS not in reasons:
                reasons.append(COVERS)
            if secret:
                hidden.setdefault(cover, {})[COVERS] = max(Class.of(code) for code in hidden[person].values()).code
            else:
                hidden.get(cover, {}).pop(COVERS, None)
    if because and because.keys() <= away:
        for person in sorted(school.members(permissions.SAFEGUARDING_TEAM) - away - because.keys()):
            if may(person):
                because[person] = [NOBODY_HERE]


def _telling(*, school: School, person: UUID, class_: Class, concerned: Collection[UUID]) -> Telling:
    member = school.staff.get(person)
    if member is None:
        return Telling.NEVER
    return permissions.may_be_told(roles=member.roles, class_=class_, concerned=person in concerned)


def allocated(*, school: School, writer: Actor, codes: Sequence[str]) -> tuple[list[Category], dict[str, str]]:
    """Return the categories with these codes and the problems: unknown ones, and those only a DSL allocates."""
    found, problems = [], {}
    for code in dict.fromkeys(codes):
        category = school.categories.get(code)
        if category is None:
            problems["category_codes"] = "unknown_choice"
        elif not permissions.may_allocate(writer.roles, category):
            problems["category_codes"] = "leads_only"
        else:
            found.append(category)
    return found, problems


def problems_of_time(*, occurred_at: datetime | None, precision: str, now: datetime) -> dict[str, str]:
    """Return what is wrong with when it happened: never later than now; missing only when it is not known."""
    if occurred_at is None:
        return {} if precision == "not_known" else {"occurred_at": "missing"}
    if occurred_at > now + CLOCKS_DIFFER:
        return {"occurred_at": "in_future"}
    if occurred_at < EARLIEST:
        return {"occurred_at": "too_long_ago"}
    return {}


def main_category(categories: Sequence[Category]) -> str:
    """Return the code of the category of the highest class, the first one given among equals."""
    return max(categories, key=lambda category: category.class_).code


def told_again(
    *, school: School, writer: UUID, author: UUID, recorded: Class, class_: Class, rights: Mapping[UUID, Class], concerned: Collection[UUID]
) -> list[Recipient]:
    """Return who is told of a correction, or that an incident has its pupil: the entry's author, and those alerted to it who may still read it.

    `recorded` is the class it had when it was recorded, or the higher one up to which its author was let read the incident since: they are
    told nothing of a later, higher one. `rights` are those to that entry. Whom the pupil concerns is not told.
    """

    def reads(person: UUID) -> bool:
        member = school.staff.get(person)
        if member is None or not permissions.may_record(member.roles):
            return False
        return (permissions.highest_class_read(member.roles) or 0) >= class_ or has_right(person)

    def has_right(person: UUID) -> bool:
        """Whether they go on reading it whatever becomes of their role."""
        return rights.get(person, 0) >= class_ or (person == author and class_ <= recorded)

    told = {person for person in {author, *rights} if reads(person)} - set(concerned) - {writer}
    return [Recipient(person_id=person, because=["named"], granted=has_right(person)) for person in sorted(told)]


def problems_of_keeping(request: Restrict, *, school: School, concerned: Collection[UUID], by: UUID) -> dict[str, str]:
    """Return what is wrong with whom an entry about an adult is kept to: the head or the chair, and one DSL, neither of them named in it.

    Whom it names does not decide who keeps it; and nobody keeps what is about their own child.
    """
    problems = {}
    if request.about_id not in school.staff:
        problems["about_id"] = "unknown_choice"
    elif request.about_id == by:
        problems["about_id"] = "another_dsl"
    keeper, dsl = school.staff.get(request.keeper_id), school.staff.get(request.dsl_id)
    if keeper is None or permissions.KEEPERS.isdisjoint(keeper.roles):
        problems["keeper_id"] = "unknown_choice"
    elif request.keeper_id == request.about_id or request.keeper_id in concerned:
        problems["keeper_id"] = "cannot_keep_it"
    if dsl is None or not permissions.is_lead(dsl.roles) or request.dsl_id == request.keeper_id:
        problems["dsl_id"] = "unknown_choice"
    elif request.dsl_id == request.about_id or request.dsl_id in concerned:
        problems["dsl_id"] = "cannot_keep_it"
    return problems


def fingerprint(request: Record | AddAction | Any, *, file_ids: Sequence[UUID]) -> str:
    """Return the hash that tells a repeated request from another one under the same id.

    Receipts are left out: a new receipt for the same file is the same request. So is what came with a later release where it says nothing
    (a body map, a child's own words, paper): a request that was sent before an upgrade and again after it is the same.
    """
    newer = {"body_map", "details", "child_words", "paper"}  # as a release wrote it that had none
    left_out = {"receipts"} | {name for name in newer if not getattr(request, name, None)}
    content = request.model_dump(mode="json", exclude=left_out) | {"file_ids": [str(f) for f in file_ids]}
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def told_instead(*, school: School, concerned: Collection[UUID]) -> list[UUID]:
    """Return who is told in place of somebody who has left: the DSLs; where it is a child of each of them the deputies, then who stands in."""
    able = [member for member in school.staff.values() if member.person_id not in concerned]
    for role in (Role.DSL, Role.DEPUTY_DSL):
        found = sorted(member.person_id for member in able if role in member.roles)
        if found:
            return found
    return sorted(left_to(school=school, concerned=concerned))


def left_to(*, school: School, concerned: Collection[UUID]) -> frozenset[UUID]:
    """Return who stands in for the DSLs for something that concerns these people: nobody while one DSL or deputy is not among them."""
    if any(permissions.is_lead(member.roles) and member.person_id not in concerned for member in school.staff.values()):
        return frozenset()
    able = {person for person in school.stand_ins if person in school.staff and permissions.may_record(school.staff[person].roles)}
    return frozenset(able - set(concerned))


def problems_of_paper(paper: Paper, *, school: School, writer: Actor, scans: int, now: datetime) -> dict[str, str]:
    """Return what is wrong with how a paper form came in: only a DSL types one, the scan is the evidence, it was written before it was handed in."""
    problems = {} if permissions.is_lead(writer.roles) else {"paper": "leads_only"}
    if not scans:
        problems["receipts"] = "scan_missing"
    if paper.writer_id is not None and paper.writer_id not in school.staff:
        problems["paper.writer_id"] = "unknown_choice"
    for name, moment in (("written_at", paper.written_at), ("handed_in_at", paper.handed_in_at)):
        problems |= {f"paper.{name}": code for code in problems_of_time(occurred_at=moment, precision="exact", now=now).values()}
    spare = timedelta(days=1) if "day" in (paper.written_precision, paper.handed_in_precision) else timedelta(0)
    if paper.handed_in_at + spare < paper.written_at:
        problems.setdefault("paper.handed_in_at", "handed_in_before")
    return problems


def problems_of_birth(born: date, *, today: date) -> dict[str, str]:
    """Return what is wrong with a pupil's date of birth: a year typed wrong is the usual mistake."""
    if born > today:
        return {"born": "in_future"}
    return {"born": "too_long_ago"} if today.year - born.year > 25 else {}


WROTE_IN_IT = "They wrote in it"
"""The reason of a DSL's grant to somebody who recorded it or added to it, where the DSL gives no other."""

NOT_LISTED = "Not listed, or not sure who"
"""The name of the pupil that incidents are kept under until a DSL says whom they are about."""


def holding_pupil(school_id: UUID) -> UUID:
    """Return the id of the pupil that stands for "not listed, or not sure who" at a school."""
    return uuid5(school_id, "holding")


def reasons_of(plan: AlertPlan, alert: Alert) -> dict[str, str]:
    """Return why each person to whom the alert grants it needs to know, as it is kept in the entry."""
    return {str(person): alert.reasons.get(person, "").strip() or WROTE_IN_IT for person in plan.granted}


def left_out(plan: AlertPlan) -> dict[str, Any]:
    """Return, as it is kept in the entry, who was left out since it is about them or their child: the DSLs it does not concern are told."""
    people = sorted(str(untold.person_id) for untold in plan.untold if untold.why == "concerned")
    return {"left_out": list(dict.fromkeys(people))} if people else {}


def refuse(problems: dict[str, str]) -> None:
    """Raise Invalid when there are problems."""
    if problems:
        raise Invalid(problems)
