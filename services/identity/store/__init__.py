"""The tables of identity, and the queries about schools. School rows by school, accounts and sessions by person: see the migrations."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from safekeep.database import delivery_tables

metadata = sa.MetaData()
delivery_tables(metadata)


def _time(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


trusts = sa.Table(
    "trusts",
    metadata,
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("slug", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
)
schools = sa.Table(
    "schools",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("trust_id", pg.UUID, sa.ForeignKey("trusts.id"), nullable=False),
    sa.Column("slug", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("phase", sa.Text, nullable=False),
    sa.Column("zone", sa.Text, nullable=False),
    sa.Column("day_ends_minute", sa.Integer, nullable=False),
    sa.Column("hide_names", sa.Boolean, nullable=False),
    sa.Column("demo", sa.Boolean, nullable=False),
    sa.Column("sender_name", sa.Text, nullable=False, server_default=""),
)
people = sa.Table(
    "people",
    metadata,
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=False, unique=True),
    sa.Column("password_hash", sa.Text),
    sa.Column("demo", sa.Boolean, nullable=False),
    _time("password_set_at", nullable=True),
    _time("closed_at", nullable=True),
    _time("reminded_at", nullable=True),  # that the password is due for a change
)
old_passwords = sa.Table(
    "old_passwords",
    metadata,
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, sa.ForeignKey("people.id"), nullable=False),
    sa.Column("password_hash", sa.Text, nullable=False),
    _time("replaced_at"),
    sa.Index("old_passwords_person", "person_id", "replaced_at"),
)
factors = sa.Table(
    "factors",
    metadata,
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, sa.ForeignKey("people.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("secret", pg.BYTEA),  # an app's, sealed with the purpose key "factors"
    sa.Column("credential_id", pg.BYTEA, unique=True),
    sa.Column("public_key", pg.BYTEA),
    sa.Column("counter", sa.BigInteger, nullable=False),  # a hard key's signature count; an app's last time step
    _time("created_at"),
    _time("confirmed_at", nullable=True),
    _time("last_used_at", nullable=True),
    _time("disabled_at", nullable=True),
    sa.Column("met", sa.Boolean, nullable=False, server_default=sa.false()),  # somebody who knows them vouched for it
    sa.Index("factors_person", "person_id"),
)
codes = sa.Table(
    "codes",  # recovery codes, a DSL's passes, a head's printed codes: kept as keyed hashes
    metadata,
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, sa.ForeignKey("people.id"), nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("code_hash", pg.BYTEA, nullable=False),
    sa.Column("school_id", pg.UUID),
    _time("made_at"),
    _time("ends_at", nullable=True),
    _time("used_at", nullable=True),
    sa.Index("codes_person", "person_id", "purpose"),
)
links = sa.Table(
    "links",
    metadata,
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, sa.ForeignKey("people.id")),  # null: the first administrator's
    sa.Column("token_hash", pg.BYTEA, nullable=False, unique=True),
    _time("made_at"),
    _time("ends_at"),
    _time("used_at", nullable=True),
    sa.Index("links_person", "person_id"),
)
password_asks = sa.Table(
    "password_asks",  # written whether or not the address is known; a timer looks
    metadata,
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("email", sa.Text, nullable=False),
    _time("asked_at"),
)
challenges = sa.Table(
    "challenges",
    metadata,
    sa.Column("session_id", pg.UUID, sa.ForeignKey("sessions.id"), primary_key=True),
    sa.Column("purpose", sa.Text, primary_key=True),
    sa.Column("challenge", pg.BYTEA, nullable=False),
    _time("ends_at"),
)
revocations = sa.Table(
    "revocations",
    metadata,
    sa.Column("id", pg.UUID, primary_key=True),
    _time("at"),
    sa.Column("session_id", pg.UUID),
    sa.Column("person_id", pg.UUID),
    sa.Index("revocations_at", "at"),
)
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", pg.UUID, primary_key=True),
    _time("at"),
    sa.Column("school_id", pg.UUID),
    sa.Column("person_id", pg.UUID),
    sa.Column("by_id", pg.UUID),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("facts", pg.JSONB, nullable=False),
    sa.Index("audit_school", "school_id", "at"),
    sa.Index("audit_person", "person_id", "at"),
)
RELATIVE_ENTERED, RELATIVE_ENDED = "relative_entered", "relative_ended"
"""Kinds of lines of the audit log that name a pupil, by their id."""
policies = sa.Table(
    "policies",
    metadata,
    sa.Column("school_id", pg.UUID, sa.ForeignKey("schools.school_id"), primary_key=True),
    sa.Column("min_length", sa.Integer, nullable=False),
    sa.Column("all_kinds", sa.Boolean, nullable=False),
    sa.Column("change_days", sa.Integer, nullable=False),
    sa.Column("remembered", sa.Integer, nullable=False),
    sa.Column("deny_common", sa.Boolean, nullable=False),
    sa.Column("lock_minutes", sa.Integer, nullable=False),
    sa.Column("factor_roles", pg.ARRAY(sa.Text), nullable=False),
)
providers = sa.Table(
    "providers",  # of single sign-on: of a school, or of a whole trust
    metadata,
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("trust_id", pg.UUID, sa.ForeignKey("trusts.id"), nullable=False),
    sa.Column("school_id", pg.UUID, sa.ForeignKey("schools.school_id")),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("secret", pg.BYTEA, nullable=False),  # sealed with the purpose key "sso", naming the key
    sa.Column("accepts_factor", sa.Boolean, nullable=False),
    sa.Column("factor_levels", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("role_claim", sa.Text, nullable=False),
    sa.Column("roles", pg.JSONB, nullable=False),
    sa.Column("mapped_by", pg.UUID),
    sa.Column("active", sa.Boolean, nullable=False),
    _time("made_at"),
    sa.Index("providers_trust", "trust_id"),
)
provider_links = sa.Table(
    "provider_links",
    metadata,
    sa.Column("provider_id", pg.UUID, sa.ForeignKey("providers.id"), primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("person_id", pg.UUID, sa.ForeignKey("people.id"), nullable=False),
    _time("linked_at"),
    _time("last_used_at"),
    sa.Column("given", pg.JSONB, nullable=False, server_default="{}"),  # by school: the roles that its claims gave, and nobody else
    sa.UniqueConstraint("provider_id", "person_id"),
)
sign_ons = sa.Table(
    "sign_ons",  # begun with a provider and not finished: each state works once
    metadata,
    sa.Column("state_hash", pg.BYTEA, primary_key=True),
    sa.Column("browser_hash", pg.BYTEA, nullable=False),
    sa.Column("provider_id", pg.UUID, sa.ForeignKey("providers.id"), nullable=False),
    sa.Column("nonce", sa.Text, nullable=False),
    sa.Column("verifier", sa.Text, nullable=False),
    _time("ends_at"),
)
address_changes = sa.Table(
    "address_changes",
    metadata,
    sa.Column("school_id", pg.UUID, sa.ForeignKey("schools.school_id"), primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, sa.ForeignKey("people.id"), nullable=False),
    sa.Column("old_email", sa.Text, nullable=False),
    sa.Column("new_email", sa.Text, nullable=False),
    sa.Column("asked_by", pg.UUID, nullable=False),
    _time("asked_at"),
    _time("ended_at", nullable=True),
    sa.Column("confirmed_by", pg.UUID),
    sa.Index("address_changes_person", "person_id", "ended_at"),
)
machines = sa.Table(
    "machines",
    metadata,
    sa.Column("school_id", pg.UUID, sa.ForeignKey("schools.school_id")),  # of a school,
    sa.Column("trust_id", pg.UUID, sa.ForeignKey("trusts.id")),  # or of a trust
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("scopes", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("secret_hash", pg.BYTEA, nullable=False),
    sa.Column("made_by", pg.UUID),
    _time("made_at"),
    _time("ends_at"),
    _time("revoked_at", nullable=True),
    _time("last_used_at", nullable=True),
    sa.CheckConstraint("(school_id is null) <> (trust_id is null)", name="machines_one_place"),
    sa.Index("machines_school", "school_id"),
    sa.Index("machines_trust", "trust_id"),
)
machine_tokens = sa.Table(
    "machine_tokens",
    metadata,
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("machine_id", pg.UUID, sa.ForeignKey("machines.id"), nullable=False),
    sa.Column("token_hash", pg.BYTEA, nullable=False, unique=True),
    sa.Column("scopes", pg.ARRAY(sa.Text), nullable=False),
    _time("ends_at"),
    sa.Index("machine_tokens_machine", "machine_id"),
)
jobs = sa.Table(
    "jobs",  # work that goes on for a person after they asked: each step gets a token in their name
    metadata,
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("school_id", pg.UUID, sa.ForeignKey("schools.school_id"), nullable=False),
    sa.Column("person_id", pg.UUID, sa.ForeignKey("people.id"), nullable=False),
    sa.Column("session_id", pg.UUID, nullable=False),
    _time("second_factor_at", nullable=True),
    _time("begun_at"),
    _time("ends_at"),
    sa.Index("jobs_ends", "ends_at"),
)
sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, sa.ForeignKey("people.id"), nullable=False),
    sa.Column("token_hash", pg.BYTEA, nullable=False, unique=True),
    _time("created_at"),
    _time("last_seen_at"),
    _time("ended_at", nullable=True),
    sa.Column("device", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("is_program", sa.Boolean, nullable=False),
    sa.Column("factor_id", pg.UUID, sa.ForeignKey("factors.id")),
    _time("second_factor_at", nullable=True),
    _time("locked_at", nullable=True),
    sa.Column("provider_id", pg.UUID, sa.ForeignKey("providers.id")),  # it was made with this provider, and opens only what that is of
    sa.Column("recovering", sa.Boolean, nullable=False),  # a pass or recovery code was used: may enrol another key
    sa.Column("met", sa.Boolean, nullable=False, server_default=sa.false()),  # by a pass that was given in person
    sa.Column("resetting", sa.Boolean, nullable=False),  # came by a link: a new password is asked for before anything opens
    sa.Column("stepped_with", pg.UUID, sa.ForeignKey("factors.id")),  # the key used last to step up or unlock
    sa.Index("sessions_person", "person_id"),
)
attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("email", sa.Text, nullable=False),
    _time("failed_at"),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("failed", sa.Boolean, nullable=False, server_default=sa.true()),  # False while it is being tried
    sa.Index("attempts_email", "email", "failed_at"),
    sa.Index("attempts_address", "address", "failed_at"),
)
sign_in_failures = sa.Table(
    "sign_in_failures",  # written whether or not the address is known; a timer looks
    metadata,
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("who", sa.Text, nullable=False),
    _time("failed_at"),
)
memberships = sa.Table(
    "memberships",
    metadata,
    sa.Column("school_id", pg.UUID, sa.ForeignKey("schools.school_id"), primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, sa.ForeignKey("people.id"), nullable=False),
    sa.Column("roles", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("room", sa.Text, nullable=False),
    sa.Column("telephone", sa.Text, nullable=False),
    sa.Column("on_duty", sa.Boolean, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("waiting_roles", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("waiting_by", pg.UUID),
    sa.UniqueConstraint("school_id", "person_id"),
    sa.Index("memberships_person", "person_id"),
)
trust_memberships = sa.Table(
    "trust_memberships",
    metadata,
    sa.Column("trust_id", pg.UUID, sa.ForeignKey("trusts.id"), primary_key=True),
    sa.Column("person_id", pg.UUID, sa.ForeignKey("people.id"), primary_key=True),
    sa.Column("roles", pg.ARRAY(sa.Text), nullable=False),  # none, and none waiting: they have left
    sa.Column("waiting_roles", pg.ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("waiting_by", pg.UUID),
)
categories = sa.Table(
    "categories",
    metadata,
    sa.Column("school_id", pg.UUID, sa.ForeignKey("schools.school_id"), primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("class_code", sa.Text, nullable=False),
    sa.Column("groups", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("leads_only", sa.Boolean, nullable=False),
    sa.Column("place", sa.Integer, nullable=False),
)
groups = sa.Table(
    "groups",
    metadata,
    sa.Column("school_id", pg.UUID, sa.ForeignKey("schools.school_id"), primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("members", pg.ARRAY(pg.UUID), nullable=False),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("flags", pg.ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("years", pg.ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("forms", pg.ARRAY(sa.Text), nullable=False, server_default="{}"),
)
absences = sa.Table(
    "absences",
    metadata,
    sa.Column("school_id", pg.UUID, sa.ForeignKey("schools.school_id"), primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, sa.ForeignKey("people.id"), nullable=False),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("until", sa.Date, nullable=False),
    sa.Column("cover_id", pg.UUID, sa.ForeignKey("people.id")),
    sa.Column("kept_by", pg.UUID, nullable=False),
    _time("kept_at"),
    _time("ended_at", nullable=True),
    sa.Index("absences_person", "school_id", "person_id"),
)
contacts = sa.Table(
    "contacts",
    metadata,
    sa.Column("school_id", pg.UUID, sa.ForeignKey("schools.school_id"), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("telephone", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)
templates = sa.Table(
    "templates",
    metadata,
    sa.Column("school_id", pg.UUID, sa.ForeignKey("schools.school_id"), primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("category_code", sa.Text),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("offered", sa.Boolean, nullable=False),
    sa.Column("place", sa.Integer, nullable=False),
)

# --- the school (one school) --------------------------------------------------------------------------------------------


def school_with(tx: sa.Connection, *, school_id: UUID) -> sa.Row[Any] | None:
    """Return the school and its trust's name."""
    query = sa.select(schools, trusts.c.name.label("trust_name")).join(trusts, trusts.c.id == schools.c.trust_id)
    return tx.execute(query.where(schools.c.school_id == school_id)).first()


def settings_of(tx: sa.Connection, *, school_id: UUID) -> tuple[Sequence[sa.Row[Any]], Sequence[sa.Row[Any]], Sequence[sa.Row[Any]]]:
    """Return the school's categories, groups and contacts."""
    rows = [
        tx.execute(sa.select(table).where(table.c.school_id == school_id).order_by(order)).all()
        for table, order in ((categories, categories.c.place), (groups, groups.c.place), (contacts, contacts.c.kind))
    ]
    return rows[0], rows[1], rows[2]


def templates_of(tx: sa.Connection, *, school_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return what the school's staff may start an account from, in the order they were added."""
    return tx.execute(sa.select(templates).where(templates.c.school_id == school_id).order_by(templates.c.place)).all()


def staff_of(tx: sa.Connection, *, school_id: UUID, only: Collection[UUID] | None = None) -> Sequence[sa.Row[Any]]:
    """Return the school's staff with names, in order of name."""
    query = sa.select(memberships, people.c.name, people.c.email).join(people, people.c.id == memberships.c.person_id)
    query = query.where(memberships.c.school_id == school_id)
    if only is not None:
        query = query.where(memberships.c.person_id.in_(only))
    return tx.execute(query.order_by(people.c.name)).all()


# --- the console ---------------------------------------------------------------------------------------------------------


def real_school_exists(tx: sa.Connection) -> bool:
    """Whether any school is not a demonstration."""
    return bool(tx.execute(sa.text("select real_school_exists()")).scalar())


def trust_of_slug(tx: sa.Connection, *, slug: str) -> sa.Row[Any] | None:
    """Return the trust with this part of page addresses."""
    return tx.execute(sa.select(trusts).where(trusts.c.slug == slug)).first()


def trust_with(tx: sa.Connection, *, id: UUID) -> sa.Row[Any] | None:
    """Return the trust with this id."""
    return tx.execute(sa.select(trusts).where(trusts.c.id == id)).first()


def slug_is_used(tx: sa.Connection, *, slug: str) -> bool:
    """Whether a school or a trust has this part of page addresses: somebody may be at both, and each address means one place."""
    return bool(tx.execute(sa.select(sa.func.slug_is_used(slug))).scalar())


def change_school(tx: sa.Connection, *, school_id: UUID, **values: Any) -> None:
    """Change a school's settings."""
    tx.execute(schools.update().where(schools.c.school_id == school_id).values(**values))


def put_contacts(tx: sa.Connection, *, school_id: UUID, rows: Sequence[dict[str, Any]]) -> None:
    """Keep these contacts of the school, and no others."""
    tx.execute(contacts.delete().where(contacts.c.school_id == school_id))
    if rows:
        tx.execute(contacts.insert(), [{"school_id": school_id, **row} for row in rows])


def schools_of_trust(tx: sa.Connection, *, trust_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return the trust's schools with how many staff and DSLs they have. Needs `trust_id` set in the transaction."""
    counted = (
        sa.select(
            memberships.c.school_id,
            sa.func.count().label("staff"),
            sa.func.count().filter(memberships.c.roles.contains(["dsl"])).label("dsls"),
        )
        .where(memberships.c.active)
        .group_by(memberships.c.school_id)
        .subquery()
    )
    query = sa.select(schools, sa.func.coalesce(counted.c.staff, 0).label("staff"), sa.func.coalesce(counted.c.dsls, 0).label("dsls"))
    query = query.outerjoin(counted, counted.c.school_id == schools.c.school_id).where(schools.c.trust_id == trust_id)
    return tx.execute(query.order_by(schools.c.name)).all()


def member(tx: sa.Connection, *, school_id: UUID, person_id: UUID, lock: bool = False) -> sa.Row[Any] | None:
    """Return a person's place at the school, with name and address."""
    query = sa.select(memberships, people.c.name, people.c.email).join(people, people.c.id == memberships.c.person_id)
    query = query.where(memberships.c.school_id == school_id, memberships.c.person_id == person_id)
    return tx.execute(query.with_for_update(of=memberships) if lock else query).first()


def lock_staff(tx: sa.Connection, *, school_id: UUID) -> None:
    """Let nobody else change this school's roles until the transaction ends: two DSLs leaving at once must not leave none."""
    tx.execute(sa.select(schools.c.school_id).where(schools.c.school_id == school_id).with_for_update())


def add_member(tx: sa.Connection, **values: Any) -> None:
    """Give a person a place at a school."""
    tx.execute(memberships.insert().values(**values))


def change_member(tx: sa.Connection, *, school_id: UUID, person_id: UUID, **values: Any) -> None:
    """Change a person's place at a school."""
    theirs = memberships.c.school_id == school_id, memberships.c.person_id == person_id
    tx.execute(memberships.update().where(*theirs).values(**values))


def leave_groups(tx: sa.Connection, *, school_id: UUID, person_id: UUID) -> bool:
    """Take a leaver out of the school's own groups. Returns whether any had them."""
    change = groups.update().where(groups.c.school_id == school_id, groups.c.members.contains([person_id]))
    return bool(tx.execute(change.values(members=sa.func.array_remove(groups.c.members, person_id))).rowcount)


def absences_of(tx: sa.Connection, *, school_id: UUID, today: date, person_id: UUID | None = None) -> Sequence[sa.Row[Any]]:
    """Return the absences that hold now or later, soonest first; only one person's, if `person_id` is given."""
    query = sa.select(absences).where(absences.c.school_id == school_id, absences.c.until >= today, absences.c.ended_at.is_(None))
    if person_id is not None:
        query = query.where(absences.c.person_id == person_id)
    return tx.execute(query.order_by(absences.c.since, absences.c.id)).all()


def absence_with(tx: sa.Connection, *, school_id: UUID, absence_id: UUID) -> sa.Row[Any] | None:
    """Return an absence of the school that was not taken back, locked."""
    here = absences.c.school_id == school_id, absences.c.id == absence_id, absences.c.ended_at.is_(None)
    return tx.execute(sa.select(absences).where(*here).with_for_update()).first()


def end_absence(tx: sa.Connection, *, school_id: UUID, absence_id: UUID, now: datetime) -> None:
    """Take an absence back."""
    tx.execute(absences.update().where(absences.c.school_id == school_id, absences.c.id == absence_id).values(ended_at=now))


def policy_of(tx: sa.Connection, *, school_id: UUID) -> sa.Row[Any] | None:
    """Return the school's sign-in policy."""
    return tx.execute(sa.select(policies).where(policies.c.school_id == school_id)).first()


def put(tx: sa.Connection, table: sa.Table, **values: Any) -> None:
    """Insert a row, or change the one with the same key."""
    keys = [column.name for column in table.primary_key]
    rest = {name: value for name, value in values.items() if name not in keys}
    tx.execute(pg.insert(table).values(**values).on_conflict_do_update(index_elements=keys, set_=rest))


def add_audit(
    tx: sa.Connection, *, id: UUID, at: datetime, kind: str, person_id: UUID | None, by_id: UUID | None, school_id: UUID | None, facts: dict[str, str]
) -> None:
    """Write a line of the audit log. Nothing changes or removes one: the role has no right to."""
    tx.execute(audit.insert().values(id=id, at=at, kind=kind, person_id=person_id, by_id=by_id, school_id=school_id, facts=facts))


def audit_of(
    tx: sa.Connection,
    *,
    school_id: UUID,
    kind: str,
    person_id: UUID | None,
    since: datetime | None,
    until: datetime | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
    reader_id: UUID,
) -> Sequence[sa.Row[Any]]:
    """Return the school's audit log, newest first. What somebody did in no school, such as signing in, is a line in each of theirs.

    What others did about a pupil whose parent or carer the reader now counts as (or who they are) is not theirs to read.
    """
    theirs = sa.or_(audit.c.person_id == reader_id, audit.c.by_id == reader_id)
    about = audit.c.facts["pupil"].astext
    of_others = sa.or_(about.is_(None), about.not_in(_pupils_of(school_id=school_id, person_id=reader_id)))
    query = sa.select(audit).where(audit.c.school_id == school_id, sa.or_(theirs, of_others))
    if kind:
        query = query.where(audit.c.kind == kind)
    if person_id:
        query = query.where(sa.or_(audit.c.person_id == person_id, audit.c.by_id == person_id))
    if since:
        query = query.where(audit.c.at >= since)
    if until:
        query = query.where(audit.c.at < until)
    if before:
        query = query.where(sa.tuple_(audit.c.at, audit.c.id) < before)
    return tx.execute(query.order_by(audit.c.at.desc(), audit.c.id.desc()).limit(limit)).all()


def _pupils_of(*, school_id: UUID, person_id: UUID) -> sa.Select[Any]:
    """Whose parent or carer somebody counts as, by the latest line of each pupil: identity knows of pupils nothing else."""
    ties = audit.alias("ties")
    about: sa.ColumnElement[str] = sa.literal_column("ties.facts ->> 'pupil'")
    latest = (
        sa.select(about.label("pupil"), ties.c.kind)
        .where(ties.c.school_id == school_id, ties.c.person_id == person_id, ties.c.kind.in_((RELATIVE_ENTERED, RELATIVE_ENDED)))
        .ext(pg.distinct_on(about))
        .order_by(about, ties.c.at.desc(), ties.c.id.desc())
        .subquery()
    )
    return sa.select(latest.c.pupil).where(latest.c.kind == RELATIVE_ENTERED)


# --- the demonstration ---------------------------------------------------------------------------------------------------


def keep(tx: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> int:
    """Insert rows that are not there yet. Returns how many were new."""
    added = 0
    for row in rows:
        insert = pg.insert(table).values(**row).on_conflict_do_nothing().returning(sa.literal(1))
        added += len(tx.execute(insert).all())
    return added
