"""Counts, of a school and of a trust's schools."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep.actor import Actor
from safekeep.contracts.incidents import Concerning
from safekeep.contracts.reports import CountRow, Counts, CountsAnswer, SchoolCounts, TrustCounts, TrustCountsAnswer
from safekeep.errors import Invalid, NotFound
from safekeep.permissions import Class
from safekeep.rpc import answers, ask
from services.reports import counting, store
from services.reports.service.base import Base


class Counting(Base):
    """Mixed into the service."""

    @answers(Counts)
    def counts(self, actor: Actor, request: Counts) -> CountsAnswer:
        first, last = _months(request)
        theirs = self._concerning(actor)
        here: dict[str, Any] = {"school_ids": [actor.at_school], "first": first, "last": last, "without": theirs}
        with self._school(actor) as tx:
            rows = store.rows_of(tx, **here)
            incidents, actions = store.totals_of(tx, **here).get(actor.at_school, (0, 0))
        return CountsAnswer(rows=[_row(row) for row in rows], incidents=incidents, actions=actions)

    @answers(TrustCounts)
    def trust_counts(self, actor: Actor, request: TrustCounts) -> TrustCountsAnswer:
        first, last = _months(request)
        if actor.trust_id is None:
            raise NotFound("trust")
        with self.host.transaction(self.host.engine, trust_id=str(actor.trust_id)) as tx:
            schools = store.schools_of(tx, trust_id=actor.trust_id)
            rows = store.rows_of(tx, school_ids=schools, first=first, last=last)
            totals = store.totals_of(tx, school_ids=schools, first=first, last=last)
        return TrustCountsAnswer(
            schools=[
                SchoolCounts(school_id=school, rows=[_row(r) for r in rows if r.school_id == school], incidents=totals.get(school, (0, 0))[0])
                for school in schools
            ]
        )

    def _concerning(self, actor: Actor) -> Sequence[UUID]:
        """Return the incidents about the person's own child: they are not told of them even in a count of one."""
        if actor.person_id is None:  # a machine has no child
            return []
        own = self._token(actor.at_school, Concerning.method)
        return ask(self.incidents, Concerning(person_id=actor.person_id), token=own).incident_ids


def _months(request: Counts | TrustCounts) -> tuple[str, str]:
    if request.until < request.since:
        raise Invalid({"until": "before_start"})
    return counting.months_between(since=request.since, until=request.until)


def _row(row: sa.Row[Any]) -> CountRow:
    values = row._mapping
    return CountRow(
        month=values["month"], class_code=Class(values["class"]).code, category=values["category"], main=values["main"], count=values["count"]
    )
