"""The tables of alerts. No e-mail address and no name is kept here."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from safekeep.database import delivery_tables

metadata = sa.MetaData()
delivery_tables(metadata)


def _school() -> sa.Column[UUID]:
    return sa.Column("school_id", pg.UUID, primary_key=True)


def _time(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


staff = sa.Table(
    "staff",
    metadata,
    _school(),
    sa.Column("person_id", pg.UUID, primary_key=True),
    sa.Column("roles", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
)
alerts = sa.Table(
    "alerts",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, nullable=False),
    sa.Column("incident_id", pg.UUID, nullable=False),
    sa.Column("entry_id", pg.UUID, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("class_code", sa.Text, nullable=False),
    sa.Column("recorded_by", pg.UUID, nullable=False),
    sa.Column("because", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("at_risk_now", sa.Boolean, nullable=False),
    _time("raised_at"),
    _time("read_at", nullable=True),
    sa.Column("flagged", pg.JSONB, nullable=False, server_default="{}"),  # of `because`: a flag's groups → the class its reader must read
    sa.Column("dropped", sa.Boolean, nullable=False, server_default=sa.false()),  # never told: their role had changed meanwhile
    _time("withdrawn_at", nullable=True),  # the incident's class was raised above what this person reads
    sa.Column("granted", sa.Boolean),  # theirs whatever their role opens; null: raised by a release that did not keep it
    sa.Column("kept_entry_id", pg.UUID),  # the restricted entry that it is of, or stands below: this person is one of the two it is kept to
    sa.UniqueConstraint("school_id", "entry_id", "person_id"),
    sa.Index("alerts_inbox", "school_id", "person_id", sa.text("(read_at is null) desc"), sa.text("raised_at desc"), sa.text("id desc")),
    sa.Index("alerts_incident", "school_id", "incident_id"),
    sa.Index("alerts_unread", "school_id", "person_id", "raised_at", postgresql_where=sa.text("read_at is null and withdrawn_at is null")),
)
mails = sa.Table(
    "mails",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("alert_id", pg.UUID),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("recorded_by", pg.UUID),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    _time("next_at"),
    _time("sent_at", nullable=True),
    sa.Column("trace", sa.Text, nullable=False),
    sa.Column("about", pg.UUID),  # a letter's: the session, key or person it concerns
    sa.ForeignKeyConstraint(["school_id", "alert_id"], ["alerts.school_id", "alerts.id"]),
    sa.Index("mails_waiting", "next_at", postgresql_where=sa.text("state = 'waiting'")),
    sa.Index("mails_alert", "school_id", "alert_id"),
    sa.Index("mails_about", "school_id", "about", postgresql_where=sa.text("state = 'waiting' and about is not null")),
)

schools = sa.Table(
    "schools", metadata, _school(), sa.Column("zone", sa.Text, nullable=False), sa.Column("day_ends_minute", sa.Integer, nullable=False)
)
calendars = sa.Table(
    "calendars",
    metadata,
    _school(),
    sa.Column("opens_minute", sa.Integer, nullable=False),
    sa.Column("weekdays", pg.ARRAY(sa.Integer), nullable=False),  # Monday is 0
    sa.Column("address", sa.Text, nullable=False),  # of the calendar that is subscribed to, or ""
    _time("fetched_at", nullable=True),  # when it was last read well
    sa.Column("outcome", sa.Text, nullable=False),  # of the last reading: a code, or "" before the first
)
calendar_spans = sa.Table(
    "calendar_spans",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("first", sa.Date, nullable=False),
    sa.Column("last", sa.Date, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),  # entered here, or subscription
    sa.Index("calendar_spans_days", "school_id", "first"),
)
feeds = sa.Table(
    "feeds",
    metadata,
    _school(),
    _time("next_at"),
    sa.Index("feeds_due", "next_at"),
)
"""When a subscribed calendar is read next: all that a worker, who sees every school, needs."""
concerns = sa.Table(
    "concerns",
    metadata,
    _school(),
    sa.Column("incident_id", pg.UUID, primary_key=True),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("class_code", sa.Text, nullable=False),
    sa.Column("at_risk_now", sa.Boolean, nullable=False),
    _time("begun_at"),  # when it began to wait for somebody to lead it: recorded, raised, or left by its lead
    sa.Column("lead_id", pg.UUID),
    sa.Column("kept", sa.Boolean, nullable=False, server_default=sa.false()),  # restricted to two people: nobody else is asked
    sa.Column("closed", sa.Boolean, nullable=False, server_default=sa.false()),  # for every pupil in it: it waits for nobody
    _time("asked_at"),  # up to when all that there was to ask has been asked
    _time("next_at", nullable=True),
    sa.Index("concerns_due", "next_at", postgresql_where=sa.text("next_at is not null")),
    sa.Index("concerns_led", "school_id", "lead_id"),
)
"""Incidents that have a lead, or wait for one. `next_at` is the timer: when somebody is asked next."""
askings = sa.Table(
    "askings",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("incident_id", pg.UUID, nullable=False),
    _time("due_at"),
    _time("at"),
    sa.Column("who", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("unread", sa.Boolean, nullable=False),
    sa.Column("asked", sa.Integer, nullable=False),  # how many people were written to
    sa.ForeignKeyConstraint(["school_id", "incident_id"], ["concerns.school_id", "concerns.incident_id"]),
    sa.UniqueConstraint("school_id", "incident_id", "due_at"),
)
policies = sa.Table(
    "policies",
    metadata,
    _school(),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("steps", pg.JSONB, nullable=False),  # [[minutes, who], …]
    sa.Column("again", sa.Integer, nullable=False),
    sa.Column("outside", pg.JSONB, nullable=False),
    sa.Column("outside_again", sa.Integer, nullable=False),
    sa.Column("before_end", sa.Integer, nullable=False),
)
asking_settings = sa.Table(
    "asking_settings",
    metadata,
    _school(),
    sa.Column("head_ids", pg.ARRAY(pg.UUID), nullable=False),
    sa.Column("meanwhile", sa.Text, nullable=False),
)
subscriptions = sa.Table(
    "subscriptions",  # browsers that let us notify them (RFC 8030): an address at their maker's push service, and what to seal for them with
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, nullable=False),
    sa.Column("endpoint", sa.Text, nullable=False),
    sa.Column("public_key", pg.BYTEA, nullable=False),
    sa.Column("secret", pg.BYTEA, nullable=False),
    sa.Column("device", sa.Text, nullable=False),
    _time("made_at"),
    _time("due_at", nullable=True),  # to be notified then
    sa.Column("attempts", sa.Integer, nullable=False),
    _time("sent_at", nullable=True),
    sa.UniqueConstraint("school_id", "endpoint"),
    sa.Index("subscriptions_person", "school_id", "person_id"),
    sa.Index("subscriptions_due", "due_at", postgresql_where=sa.text("due_at is not null")),
)
