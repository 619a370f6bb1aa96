"""The tables of identity, and every query. School rows by school, accounts and sessions by person: see the migration."""

from collections.abc import Collection, Sequence
from datetime import datetime
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
)
people = sa.Table(
    "people",
    metadata,
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=False, unique=True),
    sa.Column("password_hash", sa.Text),
    sa.Column("demo", sa.Boolean, nullable=False),
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
    sa.Index("sessions_person", "person_id"),
)
attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("email", sa.Text, nullable=False),
    _time("failed_at"),
    sa.Index("attempts_email", "email", "failed_at"),
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
    sa.UniqueConstraint("school_id", "person_id"),
    sa.Index("memberships_person", "person_id"),
)
trust_memberships = sa.Table(
    "trust_memberships",
    metadata,
    sa.Column("trust_id", pg.UUID, sa.ForeignKey("trusts.id"), primary_key=True),
    sa.Column("person_id", pg.UUID, sa.ForeignKey("people.id"), primary_key=True),
    sa.Column("roles", pg.ARRAY(sa.Text), nullable=False),
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

# --- sign-in and sessions (scope sign_in, or one person) ----------------------------------------------------------------


def account(tx: sa.Connection, *, email: str) -> sa.Row[Any] | None:
    """Return the account with this address."""
    return tx.execute(sa.select(people).where(people.c.email == email)).first()


def failures(tx: sa.Connection, *, email: str, since: datetime) -> tuple[int, datetime | None]:
    """Return how often sign-in with this address failed since, and when last."""
    query = sa.select(sa.func.count(), sa.func.max(attempts.c.failed_at)).where(attempts.c.email == email, attempts.c.failed_at > since)
    count, latest = tx.execute(query).one()
    return count, latest


def add_failure(tx: sa.Connection, *, id: UUID, email: str, now: datetime) -> None:
    """Keep that a sign-in failed."""
    tx.execute(attempts.insert().values(id=id, email=email, failed_at=now))


def forget_failures(tx: sa.Connection, *, email: str) -> None:
    """A sign-in succeeded: the failures before it no longer count."""
    tx.execute(attempts.delete().where(attempts.c.email == email))


def add_session(tx: sa.Connection, **values: Any) -> None:
    """Keep a new session."""
    tx.execute(sessions.insert().values(**values))


def session_with(tx: sa.Connection, *, token_hash: bytes) -> sa.Row[Any] | None:
    """Return the session and its person."""
    query = sa.select(sessions, people.c.name, people.c.email, people.c.demo).join(people, people.c.id == sessions.c.person_id)
    return tx.execute(query.where(sessions.c.token_hash == token_hash)).first()


def touch_session(tx: sa.Connection, *, id: UUID, now: datetime) -> None:
    """The session was seen."""
    tx.execute(sessions.update().where(sessions.c.id == id).values(last_seen_at=now))


def end_session(tx: sa.Connection, *, token_hash: bytes, now: datetime) -> None:
    """End the session."""
    tx.execute(sessions.update().where(sessions.c.token_hash == token_hash, sessions.c.ended_at.is_(None)).values(ended_at=now))


def places_of(tx: sa.Connection, *, person_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return the schools and trusts where a person has roles, in order of name."""
    at_school = (
        sa.select(
            schools.c.school_id.label("id"), schools.c.slug, schools.c.name, memberships.c.roles, sa.false().label("is_trust"), schools.c.trust_id
        )
        .join(schools, schools.c.school_id == memberships.c.school_id)
        .where(memberships.c.person_id == person_id, memberships.c.active)
    )
    at_trust = (
        sa.select(trusts.c.id, trusts.c.slug, trusts.c.name, trust_memberships.c.roles, sa.true().label("is_trust"), trusts.c.id.label("trust_id"))
        .join(trusts, trusts.c.id == trust_memberships.c.trust_id)
        .where(trust_memberships.c.person_id == person_id)
    )
    return sorted([*tx.execute(at_school), *tx.execute(at_trust)], key=lambda row: row.name)


def real_school_exists(tx: sa.Connection) -> bool:
    """Whether any school is not a demonstration."""
    return bool(tx.execute(sa.text("select real_school_exists()")).scalar())


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


def staff_of(tx: sa.Connection, *, school_id: UUID, only: Collection[UUID] | None = None) -> Sequence[sa.Row[Any]]:
    """Return the school's staff with names, in order of name."""
    query = sa.select(memberships, people.c.name, people.c.email).join(people, people.c.id == memberships.c.person_id)
    query = query.where(memberships.c.school_id == school_id)
    if only is not None:
        query = query.where(memberships.c.person_id.in_(only))
    return tx.execute(query.order_by(people.c.name)).all()


# --- the demonstration ---------------------------------------------------------------------------------------------------


def keep(tx: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> int:
    """Insert rows that are not there yet. Returns how many were new."""
    added = 0
    for row in rows:
        insert = pg.insert(table).values(**row).on_conflict_do_nothing().returning(sa.literal(1))
        added += len(tx.execute(insert).all())
    return added
