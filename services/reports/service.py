"""What the bus can ask of reports, and the events it counts."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from eventlet import tpool
from nameko.rpc import RpcProxy
from nameko.timer import timer

from safekeep import actor as actors
from safekeep import clock, inbox
from safekeep.actor import Actor
from safekeep.contracts import identity
from safekeep.contracts.identity import ActFor, BeginJob
from safekeep.contracts.incidents import ActionAdded, Chronology, Concerning, EntryLine, IncidentRecorded, PupilItem
from safekeep.contracts.reports import ChronologyPdf, CountRow, Counts, CountsAnswer, Document, SchoolCounts, TrustCounts, TrustCountsAnswer
from safekeep.errors import Conflict, Invalid, NotFound
from safekeep.ids import new_id
from safekeep.permissions import Class
from safekeep.rpc import Host, Resources, answers, ask, retry, take, take_events
from services.reports import chronology, counting, store

PAGE = 200
"""Entries asked for at a time: of the longest narratives, these stay under what a broker takes in one message (16 MiB)."""


class Service:
    """Counts built from events, and the chronology as a document."""

    name = "reports"
    host: Resources = Host()
    incidents = RpcProxy("incidents")
    identity = RpcProxy("identity")

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

    @answers(ChronologyPdf)
    def chronology_pdf(self, actor: Actor, request: ChronologyPdf) -> Document:
        pupil, entries = self._all_of(request.chronology, actor=actor)
        with self._school(actor) as tx:
            zone = store.zone_of(tx, school_id=actor.at_school)
        named = {"category_names": request.category_names, "staff_names": request.staff_names}
        asked = chronology.Asked(by=actor.name, at=clock.now(), school_name=request.school_name, zone=zone, **named)  # type: ignore[arg-type]
        said = chronology.content(pupil=pupil, entries=entries, request=request.chronology, asked=asked)
        return Document(media_type="application/pdf", data=tpool.execute(chronology.pdf, said))  # in a thread: other calls go on

    # --- events

    @take_events("reports")
    def events(self, message: Any) -> None:
        take(self.host, HANDLERS, message)

    @timer(interval=1)
    def retries(self) -> None:
        retry(self.host, HANDLERS)

    def _school(self, actor: Actor) -> Any:
        return self.host.transaction(self.host.engine, school_id=actor.at_school)

    def _concerning(self, actor: Actor) -> Sequence[UUID]:
        """Return the incidents about the person's own child: they are not told of them even in a count of one."""
        if actor.person_id is None:  # a machine has no child
            return []
        own = actors.service_token(keys=self.host.keys, service=self.name, school_id=actor.at_school, methods=[Concerning.method])
        return ask(self.incidents, Concerning(person_id=actor.person_id), token=own).incident_ids

    def _all_of(self, asked: Chronology, *, actor: Actor) -> tuple[PupilItem, Sequence[EntryLine]]:
        """Read the whole chronology with the asker's own rights, page by page: each with a token of its own, after their roles are checked again."""
        entries: list[EntryLine] = []
        cursor: str | None = None
        job_id = new_id()
        ask(self.identity, BeginJob(id=job_id, kind="chronology"), token=actor.token)
        own = actors.service_token(keys=self.host.keys, service=self.name, school_id=actor.at_school, methods=[ActFor.method])
        while True:
            token = ask(self.identity, ActFor(job_id=job_id), token=own).token
            page = ask(self.incidents, asked.model_copy(update={"limit": PAGE, "cursor": cursor, "use": "export"}), token=token, seconds=15.0)
            entries += page.items
            cursor = page.next
            if cursor is None:
                return page.pupil, entries


# --- events heard ----------------------------------------------------------------------------------------------------


def _on_school(tx: sa.Connection, event: identity.SchoolChanged) -> None:
    store.keep_school(tx, school_id=event.school_id, trust_id=event.trust_id, zone=event.zone)


def _on_recorded(tx: sa.Connection, event: IncidentRecorded) -> None:
    at = (event.occurred_at if event.past else None) or event.at  # a demonstration's past is written today
    counts_as = counting.recorded(
        at=at, zone=store.zone_of(tx, school_id=event.school_id), class_=Class.of(event.class_code), categories=event.categories, main=event.category
    )
    store.keep(tx, school_id=event.school_id, incident_id=event.incident_id, counts_as=counts_as)


def _on_action(tx: sa.Connection, event: ActionAdded) -> None:
    if event.kind != "action":
        return  # a correction changes what an entry should say, not what is counted
    before = store.incident(tx, school_id=event.school_id, incident_id=event.incident_id)
    if before is None:
        raise Conflict("incident_not_counted")
    raised_to = Class.of(event.raised_to) if event.raised_to else None
    counts_as = counting.with_action(before, raised_to=raised_to, categories=event.categories, main=event.category)
    store.keep(tx, school_id=event.school_id, incident_id=event.incident_id, counts_as=counts_as)


HANDLERS: inbox.Handlers = {identity.SchoolChanged: _on_school, IncidentRecorded: _on_recorded, ActionAdded: _on_action}


# --- words on the wire -------------------------------------------------------------------------------------------------


def _months(request: Counts | TrustCounts) -> tuple[str, str]:
    if request.until < request.since:
        raise Invalid({"until": "before_start"})
    return counting.months_between(since=request.since, until=request.until)


def _row(row: sa.Row[Any]) -> CountRow:
    values = row._mapping
    return CountRow(
        month=values["month"], class_code=Class(values["class"]).code, category=values["category"], main=values["main"], count=values["count"]
    )
