"""Saying again what was counted, for reports: counts made anew, or compared."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from safekeep import clock
from safekeep.actor import Actor
from safekeep.contracts.incidents import FlagState, History, HistoryAnswer, RollDay
from safekeep.permissions import Class
from safekeep.rpc import answers
from services.incidents import following, history, store
from services.incidents.service.access import known_school
from services.incidents.service.base import Base


class Histories(Base):
    """Mixed into the service."""

    @answers(History)
    def history(self, actor: Actor, request: History) -> HistoryAnswer:
        here: dict[str, Any] = {"school_id": actor.at_school}
        now = clock.now()
        with self._school(actor) as tx:
            school, born = known_school(tx, actor.at_school), store.born(tx, **here)
            found = store.incidents_after(tx, **here, after=request.after, limit=request.limit)
            these: dict[str, Any] = {"incident_ids": [row.id for row in found]}
            entries, pupils = defaultdict[UUID, list[Any]](list), defaultdict[UUID, list[UUID]](list)
            for row in store.entries_in(tx, **here, **these):
                entries[row.incident_id].append(row)
            for row in store.pupils_in(tx, **here, **these):
                pupils[row.incident_id].append(row.pupil_id)
            moves = store.moves_in(tx, **here, **these)
            listed = store.enrolled(tx, **here)
            flags = [] if request.after else store.all_flags(tx, **here)
        items = []
        for row in found:
            about: dict[str, Any] = {"pupil_ids": pupils[row.id], "class_": Class(row._mapping["class"])}
            items += history.happenings(entries[row.id], moves=moves, categories=school.categories, born=born, zone=school.zone, **about)
        days = history.roll(listed)
        return HistoryAnswer(
            items=items,
            flags=[FlagState(id=f.id, pupil_id=f.pupil_id, kind=f.kind, started=f.started, ended=f.ended) for f in flags],
            on_roll=history.on_roll(days, on=following.today(now, zone=school.zone)),
            roll=[] if request.after else [RollDay(on=on, on_roll=number) for on, number in days],
            as_of=now,
            next=found[-1].id if len(found) == request.limit else None,
        )
