"""What the parts of the service share: transactions, tokens of its own, and the services it asks."""

from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from nameko.rpc import RpcProxy

from safekeep import actor as actors
from safekeep import clock
from safekeep.actor import Actor
from safekeep.calendar import Calendar, Span, merged
from safekeep.contracts.alerts import Calendar as AskCalendar
from safekeep.contracts.incidents import Concerning
from safekeep.rpc import Host, Resources, ask
from services.reports import store


def today_at(zone: str) -> date:
    """Return which day it is where the school is."""
    return clock.now().astimezone(ZoneInfo(zone)).date()


def place_of(actor: Actor) -> UUID:
    """Return where somebody keeps meetings: their school, or at a trust the trust. Raises NotSignedIn when the token names neither."""
    return actor.trust_id if actor.school_id is None and actor.trust_id is not None else actor.at_school


class Base:
    """Transactions, tokens, and identity, incidents, alerts and files to ask. Mixed into the service."""

    host: Resources = Host()
    identity = RpcProxy("identity")
    incidents = RpcProxy("incidents")
    alerts = RpcProxy("alerts")
    files = RpcProxy("files")

    def _token(self, school_id: UUID, *methods: str) -> str:
        """Sign a token of our own that is good for these methods at one school."""
        return actors.service_token(keys=self.host.keys, service="reports", school_id=school_id, methods=methods)

    def _school(self, actor: Actor) -> Any:
        return self.host.transaction(self.host.engine, school_id=actor.at_school)

    def _place(self, actor: Actor) -> Any:
        """Open a transaction where somebody keeps meetings: what is a trust's own is kept under its id as a school's under the school's."""
        return self.host.transaction(self.host.engine, school_id=place_of(actor))

    def _trust(self, trust_id: UUID) -> Any:
        """Open a transaction that reads across the schools of a trust what policies let a trust read."""
        return self.host.transaction(self.host.engine, trust_id=str(trust_id))

    def _schools_of(self, trust_id: UUID) -> list[UUID]:
        with self._trust(trust_id) as tx:
            return list(store.rolls_of(tx, trust_id=trust_id))

    def _concerning(self, actor: Actor) -> tuple[frozenset[UUID], frozenset[UUID]]:
        """Return the incidents about the person's own child, and the child: they are not told of them even in a count of one."""
        if actor.person_id is None:  # a machine has no child
            return frozenset(), frozenset()
        own = self._token(actor.at_school, Concerning.method)
        found = ask(self.incidents, Concerning(person_id=actor.person_id), token=own)
        return frozenset(found.incident_ids), frozenset(found.pupil_ids)

    def _calendars(self, place_id: UUID, *, of_trust: bool) -> list[Calendar]:
        """Return the calendar of a school, or those of a trust's schools."""
        return [self._calendar(school_id) for school_id in (self._schools_of(place_id) if of_trust else [place_id])]

    def _calendar(self, school_id: UUID) -> Calendar:
        """Ask alerts, which keeps it, for the school's calendar."""
        known = ask(self.alerts, AskCalendar(), token=self._token(school_id, AskCalendar.method))
        spans = merged(Span(span.kind, span.first, span.last) for span in known.spans)
        return Calendar(opens=known.opens_minute, closes=known.closes_minute, weekdays=frozenset(known.weekdays), spans=spans)
