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
from safekeep.rpc import Host, Resources, ask


def today_at(zone: str) -> date:
    """Return which day it is where the school is."""
    return clock.now().astimezone(ZoneInfo(zone)).date()


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

    def _calendar(self, school_id: UUID) -> Calendar:
        """Ask alerts, which keeps it, for the school's calendar."""
        known = ask(self.alerts, AskCalendar(), token=self._token(school_id, AskCalendar.method))
        spans = merged(Span(span.kind, span.first, span.last) for span in known.spans)
        return Calendar(opens=known.opens_minute, closes=known.closes_minute, weekdays=frozenset(known.weekdays), spans=spans)
