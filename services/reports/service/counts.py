"""Counts, of a school and of a trust's schools."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from safekeep.actor import Actor
from safekeep.contracts.reports import ComparisonItem, CountRow, Counts, CountsAnswer, SchoolCounts, TableCount, TrustCounts, TrustCountsAnswer
from safekeep.errors import Invalid, NotFound
from safekeep.permissions import Class
from safekeep.rpc import answers
from services.reports import counting, store
from services.reports.counting import Counted
from services.reports.service.base import Base, today_at


class Counting(Base):
    """Mixed into the service."""

    @answers(Counts)
    def counts(self, actor: Actor, request: Counts) -> CountsAnswer:
        first, last = _months(request)
        theirs, children = self._concerning(actor)
        here: dict[str, Any] = {"school_id": actor.at_school}
        with self._school(actor) as tx:
            zone, compared = store.zone_of(tx, **here), store.comparison_of(tx, **here)
            day = today_at(zone)
            if request.as_at is None or request.as_at >= day:
                counted = store.counted_between(tx, **here, first=first, last=last, without=theirs)
            else:
                day = request.as_at
                folded = counting.fold_all(store.happened_to(tx, **here, until=_end_of(day, zone=zone)), zone=zone)
                counted = {id_: each for id_, each in folded.items() if first <= each.month <= last and id_ not in theirs}
            flags = [flag for flag in store.flags_of(tx, **here) if flag[0] not in children]
        found = [each for each in counted.values() if _wanted(each, request)]
        by = counting.tables(found, today=day) | {"flags": counting.with_flags(flags, on=day)}
        return CountsAnswer(
            rows=_rows(found),
            incidents=len(found),
            actions=sum(each.actions for each in found),
            tables=[TableCount.receive({"table": name, "code": code, "count": n}) for name, table in by.items() for code, n in sorted(table.items())],
            compared=compared and _compared(compared, is_left_out=bool(theirs or children)),
        )

    @answers(TrustCounts)
    def trust_counts(self, actor: Actor, request: TrustCounts) -> TrustCountsAnswer:
        first, last = _months(request)
        if actor.trust_id is None:
            raise NotFound("trust")
        with self.host.transaction(self.host.engine, trust_id=str(actor.trust_id)) as tx:
            rolls = store.rolls_of(tx, trust_id=actor.trust_id)
            rows = store.rows_of_schools(tx, school_ids=list(rolls), first=first, last=last)
            today = today_at(store.zone_of(tx, school_id=actor.trust_id))
        since, until = counting.days_of(since=request.since, until=request.until)
        middle = counting.middle(since=since, until=until, today=today)
        on_roll = {school: counting.on_roll(each, on=middle) or (None, None) for school, each in rolls.items()}
        wanted: dict[UUID, list[CountRow]] = {school: [] for school in rolls}
        recorded = dict.fromkeys(rolls, 0)
        for row in rows:
            item = _row(row)
            recorded[row.school_id] += item.count if item.main else 0
            if request.class_code in {None, item.class_code} and request.category in {None, item.category}:
                wanted[row.school_id].append(item)
        quiet = counting.quiet(recorded, on_roll={school: pupils for school, (_, pupils) in on_roll.items() if pupils})
        return TrustCountsAnswer(
            roll_on=middle,
            schools=[
                SchoolCounts(
                    school_id=school,
                    rows=theirs,
                    incidents=sum(row.count for row in theirs if row.main or request.category),
                    on_roll=on_roll[school][1],
                    roll_on=on_roll[school][0],
                    quiet=school in quiet,
                )
                for school, theirs in wanted.items()
            ],
        )


def _months(request: Counts | TrustCounts) -> tuple[str, str]:
    if request.until < request.since:
        raise Invalid({"until": "before_start"})
    return counting.months_between(since=request.since, until=request.until)


def _compared(found: sa.Row[Any], *, is_left_out: bool) -> ComparisonItem:
    """Return what the night found. A number of all incidents, beside those that are counted for the reader, would say how many are left out."""
    return ComparisonItem(compared_at=found.compared_at, differences=min(found.differences, 1) if is_left_out else found.differences)


def _end_of(day: date, *, zone: str) -> datetime:
    """Return the last moment of a day where the school is."""
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone)) - timedelta(microseconds=1)


def _wanted(counted: Counted, request: Counts) -> bool:
    return (
        request.class_code in {None, counted.class_.code}
        and (request.category is None or request.category in counted.categories)
        and request.year_group in {None, counted.year_group}
    )


def _rows(found: Iterable[Counted]) -> list[CountRow]:
    counts: dict[tuple[str, Class, str, bool], int] = {}
    for each in found:
        for category in each.categories:
            key = (each.month, each.class_, category, category == each.main)
            counts[key] = counts.get(key, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: (item[0][0], -item[0][1], item[0][2]))
    return [CountRow(month=month, class_code=class_.code, category=code, main=main, count=n) for (month, class_, code, main), n in ordered]


def _row(row: sa.Row[Any]) -> CountRow:
    values = row._mapping
    return CountRow(
        month=values["month"], class_code=Class(values["class"]).code, category=values["category"], main=values["main"], count=values["count"]
    )
