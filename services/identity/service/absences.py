"""Who is away, by dates: it adds whom to tell and whom to find, and takes nobody off."""

from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from safekeep import clock, outbox, permissions
from safekeep.actor import Actor
from safekeep.contracts import Nothing
from safekeep.contracts.identity import AbsenceChanged, AbsenceItem, Absences, AbsencesAnswer, EndAbsence, KeepAbsence
from safekeep.errors import Invalid, NotFound
from safekeep.rpc import answers
from services.identity import store
from services.identity.service.base import Base

LONGEST: Final = timedelta(days=400)
"""Longer than a year of parental leave; beyond that a date was typed wrong."""


class Away(Base):
    """Staff mark themselves away; a DSL marks whoever is ill."""

    @answers(Absences)
    def absences(self, actor: Actor, request: Absences) -> AbsencesAnswer:
        only = None if permissions.is_lead(actor.roles) else actor.person
        with self._school(actor.at_school) as tx:
            rows = store.absences_of(tx, school_id=actor.at_school, today=_today(tx, actor.at_school), person_id=only)
        return AbsencesAnswer(items=[AbsenceItem(**{name: row._mapping[name] for name in AbsenceItem.model_fields}) for row in rows])

    @answers(KeepAbsence)
    def keep_absence(self, actor: Actor, request: KeepAbsence) -> Nothing:
        person_id = request.who_id or actor.person
        values: dict[str, Any] = {"person_id": person_id, "since": request.since, "until": request.until, "cover_id": request.cover_id}
        with self._school(actor.at_school) as tx:
            staff = {row.person_id: row for row in store.staff_of(tx, school_id=actor.at_school) if row.active}
            if person_id not in staff or not (person_id == actor.person or permissions.is_lead(actor.roles)):
                raise NotFound("person")
            problems = _problems_of(request, today=_today(tx, actor.at_school))
            if request.cover_id == person_id:
                problems["cover_id"] = "another_person"
            elif request.cover_id is not None and not (request.cover_id in staff and permissions.may_record(staff[request.cover_id].roles)):
                problems["cover_id"] = "unknown_choice"
            if problems:
                raise Invalid(problems)
            kept = {"school_id": actor.at_school, "id": request.id, "kept_by": actor.person, "kept_at": clock.now()}
            if store.keep(tx, store.absences, [kept | values]):
                outbox.add(tx, AbsenceChanged, school_id=actor.at_school, subject=request.id, **values)
        return Nothing()

    @answers(EndAbsence)
    def end_absence(self, actor: Actor, request: EndAbsence) -> Nothing:
        with self._school(actor.at_school) as tx:
            row = store.absence_with(tx, school_id=actor.at_school, absence_id=request.absence)
            if row is None or not (row.person_id == actor.person or permissions.is_lead(actor.roles)):
                return Nothing()
            store.end_absence(tx, school_id=actor.at_school, absence_id=row.id, now=clock.now())
            said: dict[str, Any] = {"person_id": row.person_id, "since": row.since, "until": row.until, "cover_id": row.cover_id, "ended": True}
            outbox.add(tx, AbsenceChanged, school_id=actor.at_school, subject=row.id, **said)
        return Nothing()


def away_now(tx: sa.Connection, *, school_id: UUID, zone: str) -> dict[UUID, date]:
    """Return who is away today, and until when."""
    today = clock.now().astimezone(ZoneInfo(zone)).date()
    away: dict[UUID, date] = {}
    for row in store.absences_of(tx, school_id=school_id, today=today):
        if row.since <= today:
            away[row.person_id] = max(row.until, away.get(row.person_id, row.until))
    return away


def _today(tx: sa.Connection, school_id: UUID) -> date:
    school = store.school_with(tx, school_id=school_id)
    if school is None:
        raise NotFound("school")
    return clock.now().astimezone(ZoneInfo(school.zone)).date()


def _problems_of(request: KeepAbsence, *, today: date) -> dict[str, str]:
    if request.until < request.since:
        return {"until": "before_start"}
    if request.until < today:
        return {"until": "over"}
    if request.until - request.since > LONGEST or request.since - today > LONGEST:
        return {"until": "too_long"}
    return {}
