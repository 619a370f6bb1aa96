"""A trust's own report: counted school by school, put together, entered in the ledger of each school it speaks of, told to their governors."""

import time
from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from eventlet import tpool

from safekeep import clock, outbox, telemetry
from safekeep.actor import Actor
from safekeep.contracts.incidents import EnterTrustReport
from safekeep.contracts.reports import ReportPublished
from safekeep.rpc import ask
from services.reports import counting, governing, store, together
from services.reports.service.base import Base
from services.reports.service.counted import counted_for
from services.reports.small_numbers import FIRST_THRESHOLD
from services.reports.together import School

AT_ONCE: Final = 60.0
"""Seconds for which schools are counted before the trust is left to be looked at again: less than it is claimed for."""


class TrustReporting(Base):
    """Mixed into the service."""

    def _count_schools(self, trust_id: UUID) -> bool:
        """Go on with a trust's drafts that are not counted to their end. Returns whether there is more to do; another goes on where one died."""
        ends = time.monotonic() + AT_ONCE
        with self.host.transaction(self.host.engine, school_id=trust_id) as tx:
            waiting = [row for row in store.drafts_of(tx, school_id=trust_id) if not row.tables]
            cycle = store.cycle_of(tx, school_id=trust_id)
            zone = store.zone_of(tx, school_id=trust_id)
        threshold = cycle.threshold if cycle else FIRST_THRESHOLD
        for draft in waiting:
            day = draft.made_at.astimezone(ZoneInfo(zone)).date()
            made = {part.school_id for part in self._trust_parts(trust_id, draft.id) if part.draft_at == draft.made_at}
            for school_id in self._schools_of(trust_id):
                if school_id in made:
                    continue
                if time.monotonic() > ends or not self._is_wanted(trust_id, draft):
                    return True
                self._count_school(school_id, draft=draft, day=day, threshold=threshold)
            self._join(trust_id, draft, day=day, threshold=threshold)
        return False

    def _is_wanted(self, trust_id: UUID, draft: Any) -> bool:
        """Whether a draft is there still, and not counted anew from a later moment."""
        with self.host.transaction(self.host.engine, school_id=trust_id) as tx:
            row = store.report_with(tx, school_id=trust_id, id=draft.id)
        return row is not None and (row.state, row.made_at) == ("draft", draft.made_at)

    def _count_school(self, school_id: UUID, *, draft: Any, day: date, threshold: int) -> None:
        """Keep what may be shown of a school, protected against all that was published of it or may be: of its own drafts too."""
        here: dict[str, Any] = {"school_id": school_id}
        period = governing.period_of(day)
        with self.host.transaction(self.host.engine, **here) as tx:
            store.keep_cycle(tx, **here, today=day)
            own = store.cycle_of(tx, **here, lock=True)  # a report of the school's own is not counted beside it
            counted = counted_for(tx, **here, zone=store.zone_of(tx, **here), since=governing.first_day(period), today=day)
            since = period.back(governing.KEPT_YEARS).since
            earlier = [governing.kept(each) for each in store.known_since(tx, **here, since=since, but=draft.id, drafts=True)]
            limit = max(threshold, own.threshold if own else threshold)
            said, published = tpool.execute(governing.made, counted, period=period, today=day, earlier=earlier, threshold=limit)
            kept: dict[str, Any] = {"trust_id": draft.school_id, "draft_at": draft.made_at, "made_at": clock.now(), "until": period.until}
            middle = counting.middle(since=period.since, until=period.until, today=period.until)
            roll_on, on_roll = counting.on_roll(store.roll_of(tx, **here), on=middle) or (None, None)
            of_roll: dict[str, Any] = {"roll_on": roll_on, "on_roll": on_roll}
            store.keep_part(tx, **here, report_id=draft.id, **kept, tables=said, known=governing.keep(published), **of_roll)

    def _join(self, trust_id: UUID, draft: Any, *, day: date, threshold: int) -> None:
        found = self._trust_parts(trust_id, draft.id)
        parts = [part for part in found if part.draft_at == draft.made_at]
        self._drop_parts([part for part in found if part.draft_at < draft.made_at])  # of a school that left the trust since
        schools = [School(part.school_id, part.tables, part.on_roll, part.roll_on) for part in parts]
        tables = together.made(schools, period=governing.period_of(day), threshold=threshold)
        with self.host.transaction(self.host.engine, school_id=trust_id) as tx:
            row = store.report_with(tx, school_id=trust_id, id=draft.id)
            if row is not None and row.state == "draft" and row.made_at == draft.made_at:
                store.change_report(tx, school_id=trust_id, id=draft.id, tables=tables)
        telemetry.log().info("trust_report.counted", trust=str(trust_id), schools=len(schools))

    def _trust_parts(self, trust_id: UUID, report_id: UUID) -> Sequence[Any]:
        with self._trust(trust_id) as tx:
            return store.trust_parts_of(tx, trust_id=trust_id, report_id=report_id)

    def _drop_parts(self, parts: Sequence[Any]) -> None:
        for part in parts:
            with self.host.transaction(self.host.engine, school_id=part.school_id) as tx:
                store.drop_part(tx, school_id=part.school_id, report_id=part.report_id)

    def _enter_in_ledgers(self, actor: Actor, row: Any) -> None:
        """Enter a report in the ledger of each school it speaks of. Who dies in between is asked again, and goes on there."""
        about = {"year": str(row.year), "number": str(row.number), "template": row.tables["template"]}
        for part in self._trust_parts(row.school_id, row.id):
            if part.sequence is not None:
                continue
            wanted = EnterTrustReport(id=row.id, school_id=part.school_id, sha256=row.sha256, about=about)
            sealed = ask(self.incidents, wanted, token=actor.token)
            with self.host.transaction(self.host.engine, school_id=part.school_id) as tx:
                place: dict[str, Any] = {"sequence": sealed.sequence, "entry_hash": sealed.entry_hash}
                store.change_part(tx, school_id=part.school_id, report_id=row.id, **place)

    def _tell_schools(self, trust_id: UUID) -> None:
        """Have the governors of each school mailed a link to what was published."""
        with self._trust(trust_id) as tx:
            parts = store.trust_parts_of(tx, trust_id=trust_id, untold=True)
        with self.host.transaction(self.host.engine, school_id=trust_id) as tx:
            published = {row.id: row for row in store.published_with(tx, trust_id=trust_id, ids=[part.report_id for part in parts])}
        for part in parts:
            if part.report_id not in published:
                continue  # it is being entered in the other schools' ledgers
            here: dict[str, Any] = {"school_id": part.school_id}
            with self.host.transaction(self.host.engine, **here) as tx:
                if store.tell_part(tx, **here, report_id=part.report_id, at=clock.now()):
                    outbox.add(tx, ReportPublished, **here, subject=published[part.report_id].meeting_id, report_id=part.report_id)
