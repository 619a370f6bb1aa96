"""What the bus can ask of identity: signing in, keys, the console, the school as its staff see it; and its timers."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from nameko.messaging import Publisher
from nameko.timer import timer

from safekeep import bus, clock, permissions, telemetry
from safekeep.actor import Actor
from safekeep.contracts.identity import (
    Address,
    Addresses,
    AddressesAnswer,
    CategoryItem,
    ContactItem,
    DutyItem,
    GroupItem,
    School,
    SchoolAnswer,
    Staff,
    StaffAnswer,
    StaffItem,
    TemplateItem,
)
from safekeep.errors import NotFound, StorageError
from safekeep.permissions import Role
from safekeep.rpc import answers, retry, take, take_events
from services.identity import passwords, store
from services.identity.service.absences import Away, away_now
from services.identity.service.addresses import EmailAddresses
from services.identity.service.auditing import HANDLERS
from services.identity.service.demonstration import Demonstration
from services.identity.service.jobs import Jobs
from services.identity.service.machines import Machinery
from services.identity.service.single_sign_on import SingleSignOn
from services.identity.store import accounts, doors

TOLD_FOR = timedelta(seconds=10)
"""Each revocation is in every heartbeat of this long: a gateway that misses a few still hears it."""
ASKS_AT_ONCE = 20
REMINDERS_AT_ONCE = 50
FAILURES_AT_ONCE = 50


class Gateways(Publisher):  # type: ignore[misc]  # nameko has no types
    """What tells every gateway. nameko's own connects while it is set up: beside a broker that is away identity would end, again and again."""

    def setup(self) -> None:
        self.publisher = self.publisher_cls(self.amqp_uri, serializer=self.serializer, exchange=self.exchange)


class Service(SingleSignOn, Machinery, EmailAddresses, Jobs, Away, Demonstration):
    """Trusts, schools, staff, roles, sign-in, second factors, sessions, policy, the audit log."""

    name = "identity"

    @take_events("identity")
    def events(self, message: Any) -> None:
        take(self.host, HANDLERS, message)

    @timer(interval=1)
    def retries(self) -> None:
        retry(self.host, HANDLERS)

    tell_gateways = Gateways(exchange=bus.REVOCATIONS)

    # --- the school

    @answers(School)
    def school(self, actor: Actor, request: School) -> SchoolAnswer:
        with self._school(actor.at_school) as tx:
            row = _access_school(tx, school_id=actor.at_school)
            category_rows, group_rows, contact_rows = store.settings_of(tx, school_id=actor.at_school)
            template_rows = store.templates_of(tx, school_id=actor.at_school)
            staff = store.staff_of(tx, school_id=actor.at_school)
            away = away_now(tx, school_id=actor.at_school, zone=row.zone)
        active = [person for person in staff if person.active]
        leads = sorted((p for p in active if permissions.is_lead(p.roles)), key=lambda p: (_lead_role(p.roles) != "dsl", p.name))
        members = {code: sorted(p.person_id for p in active if not roles.isdisjoint(p.roles)) for code, roles in permissions.ROLE_GROUPS.items()}
        return SchoolAnswer(
            id=row.school_id,
            slug=row.slug,
            name=row.name,
            phase=row.phase,
            trust_id=row.trust_id,
            trust_name=row.trust_name,
            zone=row.zone,
            day_ends=f"{row.day_ends_minute // 60:02d}:{row.day_ends_minute % 60:02d}",
            hide_names=row.hide_names,
            categories=[
                CategoryItem(code=c.code, name=c.name, class_code=c.class_code, groups=c.groups, leads_only=c.leads_only) for c in category_rows
            ],
            groups=[
                GroupItem(code=g.code, name=g.name, members=members.get(g.code, g.members), flags=g.flags, years=g.years, forms=g.forms)
                for g in group_rows
            ],
            duty=[_found_at(p, away) for p in _on_duty(leads, away)],
            contacts=[ContactItem(kind=c.kind, name=c.name, telephone=c.telephone, note=c.note) for c in contact_rows],
            leads=[_found_at(p, away) for p in leads],
            sender_name=row.sender_name,
            templates=[TemplateItem(code=t.code, name=t.name, category_code=t.category_code, text=t.text, offered=t.offered) for t in template_rows],
        )

    @answers(Staff)
    def staff(self, actor: Actor, request: Staff) -> StaffAnswer:
        with self._school(actor.at_school) as tx:
            rows = store.staff_of(tx, school_id=actor.at_school)
            away = away_now(tx, school_id=actor.at_school, zone=_access_school(tx, school_id=actor.at_school).zone)
        items = [{name: r._mapping[name] for name in ("person_id", "name", "job", "roles", "active")} for r in rows]
        return StaffAnswer(
            items=[StaffItem(**item, waiting=r.waiting_roles, away_until=away.get(r.person_id)) for item, r in zip(items, rows, strict=True)]
        )

    @answers(Addresses)
    def addresses(self, actor: Actor, request: Addresses) -> AddressesAnswer:
        with self._school(actor.at_school) as tx:
            school = store.school_with(tx, school_id=actor.at_school)
        if school is None:
            return self._addresses_of_trust(actor.at_school, leads=request.trust_leads)
        with self._school(actor.at_school) as tx:
            category_rows, _, contact_rows = store.settings_of(tx, school_id=actor.at_school)
            rows = store.staff_of(tx, school_id=actor.at_school, only=request.person_ids)
            numbers = [c.telephone for c in contact_rows if c.kind == "head"]
            if request.trust_leads:
                leads = [p for p in store.staff_of(tx, school_id=actor.at_school) if p.active and permissions.is_lead(p.roles)]
                numbers = [p.telephone for p in _on_duty(leads, away_now(tx, school_id=actor.at_school, zone=school.zone))] + numbers
        items = [Address(person_id=r.person_id, name=r.name, email=r.email, active=r.active) for r in rows]
        for role in [Role.TRUST_IT] * request.trust_it + [Role.TRUST_SAFEGUARDING_LEAD] * request.trust_leads:
            with self._scope() as tx:
                found = accounts.trust_people_with(tx, trust_id=school.trust_id, role=role)
            items += [Address(person_id=r.id, name=r.name, email=r.email, active=True) for r in found]
        return AddressesAnswer(
            items=items,
            school_name=school.name,
            school_slug=school.slug,
            categories={c.code: c.name for c in category_rows},
            sender_name=school.sender_name,
            telephone=next((number for number in numbers if number), ""),
        )

    def _addresses_of_trust(self, trust_id: UUID, *, leads: bool) -> AddressesAnswer:
        """Return what is needed to write to a trust's own people of what is the trust's own. Raises NotFound("school")."""
        with self._scope() as tx:
            trust = store.trust_with(tx, id=trust_id)
            if trust is None:
                raise NotFound("school")
            found = accounts.trust_people_with(tx, trust_id=trust_id, role=Role.TRUST_SAFEGUARDING_LEAD) if leads else []
        people = [Address(person_id=r.id, name=r.name, email=r.email, active=True) for r in found]
        return AddressesAnswer(items=people, school_name=trust.name, school_slug=trust.slug, categories={})

    # --- timers

    @timer(interval=0.25)
    def heartbeat(self) -> None:
        """Tell every gateway which sessions to forget, read from what is committed; hearing nothing, they trust no memory."""
        try:
            with self._scope() as tx:
                rows = accounts.revoked_since(tx, since=clock.now() - TOLD_FOR)
        except StorageError as error:
            telemetry.log().warning("heartbeat.missed", sqlstate=error.sqlstate)
            return
        self.tell_gateways({"revoked": [[str(r.id), str(r.session_id or r.person_id)] for r in rows]}, expiration=2)

    @timer(interval=0.5)
    def password_links(self) -> None:
        """Send the links that were asked for. Asking wrote the same for every address; here it is looked up."""
        try:
            with self._scope() as tx:
                for email in dict.fromkeys(accounts.take_password_asks(tx, limit=ASKS_AT_ONCE)):
                    found = accounts.account(tx, email=email)
                    if found is None or found.closed_at is not None:
                        continue
                    if accounts.links_sent(tx, person_id=found.id, since=clock.now() - timedelta(hours=1)) >= passwords.LINKS_ALLOWED:
                        continue
                    standing = self._standing_in(tx, found.id)
                    self._letter(tx, "password_link", person_id=found.id, tenant=standing.tenant)
                    self._audit(tx, "link_asked", person_id=found.id, schools=[p.id for p in standing.places if not p.is_trust])
        except StorageError as error:
            telemetry.log().warning("links.waiting", sqlstate=error.sqlstate)

    @timer(interval=0.5)
    def tell_sign_in_failures(self) -> None:
        """Write failed sign-ins into the audit log, and tell of ten in a row. Failing wrote the same for every address; here it is looked up."""
        try:
            with self._scope() as tx:
                for row in accounts.take_sign_in_failures(tx, limit=FAILURES_AT_ONCE):
                    person_id = _person_of(row.who)  # a browser they have used before counts for itself
                    found = accounts.person(tx, person_id=person_id) if person_id else accounts.account(tx, email=row.who)
                    if found is not None:
                        standing = self._standing_in(tx, found.id)
                        self._tell_failure(tx, which=row.who, kind="sign_in_failed", person_id=found.id, standing=standing)
        except StorageError as error:
            telemetry.log().warning("failures.waiting", sqlstate=error.sqlstate)

    @timer(interval=600)
    def password_reminders(self) -> None:
        """Tell whoever has to change their password within a week, once."""
        now, rest = clock.now(), REMINDERS_AT_ONCE
        try:
            while rest == REMINDERS_AT_ONCE:
                with self._scope() as tx:
                    days = passwords.Rules().change_days
                    due = accounts.passwords_due(tx, now=now, until=now + passwords.REMIND, otherwise=days, limit=REMINDERS_AT_ONCE)
                    for person_id in due:
                        self._letter(tx, "password_due", person_id=person_id, tenant=self._standing_in(tx, person_id).tenant)
                        accounts.reminded(tx, person_id=person_id, now=now)
                    rest = len(due)
        except StorageError as error:
            telemetry.log().warning("reminders.waiting", sqlstate=error.sqlstate)

    @timer(interval=3600)
    def tidy(self) -> None:
        """Remove revocations that every gateway has long heard, and failures that no longer count."""
        with self._scope() as tx:
            accounts.forget_revocations(tx, before=clock.now() - timedelta(hours=1))
            doors.tidy(tx, now=clock.now())
            accounts.tidy_attempts(tx, before=clock.now() - timedelta(days=1))


def _person_of(who: str) -> UUID | None:
    """Return the person that failures of one of their own browsers are counted for; None for an address."""
    try:
        return UUID(who.partition("/")[0])
    except ValueError:
        return None


def _access_school(tx: sa.Connection, *, school_id: UUID) -> sa.Row[Any]:
    row = store.school_with(tx, school_id=school_id)
    if row is None:
        raise NotFound("school")
    return row


def _found_at(person: sa.Row[Any], away: Mapping[UUID, date]) -> DutyItem:
    where: dict[str, Any] = {"room": person.room, "telephone": person.telephone, "away_until": away.get(person.person_id), "on_duty": person.on_duty}
    return DutyItem(person_id=person.person_id, name=person.name, role=_lead_role(person.roles), **where)


def _on_duty(leads: Sequence[Any], away: Mapping[UUID, date]) -> list[Any]:
    """Return whom to find now: those on duty who are here; if none of them is, every DSL and deputy who is; if nobody is, those on duty."""
    here = [p for p in leads if p.person_id not in away]
    return [p for p in here if p.on_duty] or here or [p for p in leads if p.on_duty]


def _lead_role(roles: list[str]) -> str:
    return "dsl" if "dsl" in roles else "deputy_dsl"
