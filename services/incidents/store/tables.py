"""The tables of incidents."""

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


schools = sa.Table(
    "schools",
    metadata,
    _school(),
    sa.Column("zone", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="1"),  # grows with every word of identity's about the school or its staff
)
staff = sa.Table(
    "staff",
    metadata,
    _school(),
    sa.Column("person_id", pg.UUID, primary_key=True),
    sa.Column("roles", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
)
categories = sa.Table(
    "categories",
    metadata,
    _school(),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("class", sa.SmallInteger, nullable=False),
    sa.Column("groups", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("leads_only", sa.Boolean, nullable=False),
)
groups = sa.Table(
    "groups",
    metadata,
    _school(),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("members", pg.ARRAY(pg.UUID), nullable=False),
    sa.Column("called_by", pg.ARRAY(sa.Text), nullable=False, server_default="{}"),  # what of a pupil calls for it: flag_…, year_…, form_…
)
absences = sa.Table(
    "absences",  # those that were not taken back
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, nullable=False),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("until", sa.Date, nullable=False),
    sa.Column("cover_id", pg.UUID),
)
pupils = sa.Table(
    "pupils",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("known_as", sa.Text, nullable=False),
    sa.Column("year", sa.Text, nullable=False),
    sa.Column("form", sa.Text, nullable=False),
    sa.Column("born", sa.Date, nullable=False),
    sa.Column("family", pg.UUID, nullable=False),
    sa.Column("holding", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("left_on", sa.Date),  # the first day on which they are not on roll any more
    sa.Column("stays", pg.JSONB, nullable=False, server_default="[]"),  # [since, until] each, in order; none: there all along, until they left
    sa.Index("pupils_family", "school_id", "family"),
)
pupil_words = sa.Table(
    "pupil_words",
    metadata,
    _school(),
    sa.Column("word", sa.Text(collation="C"), primary_key=True),
    sa.Column("pupil_id", pg.UUID, primary_key=True),
    sa.ForeignKeyConstraint(["school_id", "pupil_id"], ["pupils.school_id", "pupils.id"]),
)
relations = sa.Table(
    "relations",
    metadata,
    _school(),
    sa.Column("pupil_id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, primary_key=True),
    sa.ForeignKeyConstraint(["school_id", "pupil_id"], ["pupils.school_id", "pupils.id"]),
    sa.Index("relations_person", "school_id", "person_id"),
)
flags = sa.Table(
    "flags",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("pupil_id", pg.UUID, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("class", sa.SmallInteger, nullable=False),
    sa.Column("started", sa.Date, nullable=False),
    sa.Column("ended", sa.Date),
    sa.Column("review", sa.Date),
    sa.Column("social_worker", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("set_by", pg.UUID),
    _time("set_at"),
    sa.ForeignKeyConstraint(["school_id", "pupil_id"], ["pupils.school_id", "pupils.id"]),
    sa.Index("flags_pupil", "school_id", "pupil_id"),
)
numbers = sa.Table("numbers", metadata, _school(), sa.Column("year", sa.Integer, primary_key=True), sa.Column("last", sa.Integer, nullable=False))
incidents = sa.Table(
    "incidents",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("pupil_id", pg.UUID, nullable=False),
    sa.Column("class", sa.SmallInteger, nullable=False),
    sa.Column("categories", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("assignment_id", pg.UUID),  # the entry that says whom it is about, where it was recorded of a pupil not listed
    sa.ForeignKeyConstraint(["school_id", "pupil_id"], ["pupils.school_id", "pupils.id"]),
    sa.UniqueConstraint("school_id", "number"),
)
incident_pupils = sa.Table(
    "incident_pupils",
    metadata,
    _school(),
    sa.Column("pupil_id", pg.UUID, primary_key=True),
    sa.Column("incident_id", pg.UUID, primary_key=True),
    sa.Column("part", sa.Text),
    sa.Column("initials", sa.Text, nullable=False),  # part is null for the pupil it is about
    sa.Column("status", sa.Text, nullable=False, server_default="open"),  # as the latest entry of kind `status` about this pupil says
    sa.ForeignKeyConstraint(["school_id", "pupil_id"], ["pupils.school_id", "pupils.id"]),
    sa.ForeignKeyConstraint(["school_id", "incident_id"], ["incidents.school_id", "incidents.id"]),
    sa.Index("incident_pupils_incident", "school_id", "incident_id"),
    sa.Index("incident_pupils_open", "school_id", "incident_id", postgresql_where=sa.text("status = 'open'")),
)
entries = sa.Table(
    "entries",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("incident_id", pg.UUID, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("class", sa.SmallInteger, nullable=False),
    sa.Column("author_id", pg.UUID, nullable=False),
    sa.Column("author_name", sa.Text, nullable=False),
    sa.Column("author_role", sa.Text, nullable=False),
    _time("recorded_at"),
    _time("occurred_at", nullable=True),
    sa.Column("occurred_precision", sa.Text, nullable=False),
    _time("placed_at"),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("facts", pg.JSONB, nullable=False),
    sa.Column("categories", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("recipients", pg.JSONB, nullable=False),
    sa.Column("files", pg.JSONB, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("ledger_sequence", sa.BigInteger, nullable=False),
    sa.Column("entry_hash", sa.Text, nullable=False),
    sa.Column("correction_id", pg.UUID),  # the latest correction of it, which says what it says now
    sa.ForeignKeyConstraint(["school_id", "incident_id"], ["incidents.school_id", "incidents.id"]),
    sa.Index("entries_incident", "school_id", "incident_id", "ledger_sequence"),
    sa.Index("entries_author", "school_id", "author_id", "recorded_at"),
)
rights = sa.Table(
    "rights",
    metadata,
    _school(),
    sa.Column("entry_id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, primary_key=True),
    sa.Column("class", sa.SmallInteger, nullable=False),
    sa.Column("granted_by", pg.UUID),
    sa.Column("reason", sa.Text, nullable=False),
    _time("given_at"),
    sa.ForeignKeyConstraint(["school_id", "entry_id"], ["entries.school_id", "entries.id"]),
    sa.Index("rights_person", "school_id", "person_id"),
)
rights_taken = sa.Table(
    "rights_taken",
    metadata,
    _school(),
    sa.Column("entry_id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, primary_key=True),
    _time("taken_at"),
    sa.ForeignKeyConstraint(["school_id", "entry_id"], ["entries.school_id", "entries.id"]),
)
asks = sa.Table(
    "asks",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("incident_id", pg.UUID, nullable=False),
    sa.Column("entry_id", pg.UUID, nullable=False),
    sa.Column("person_id", pg.UUID, nullable=False),
    sa.Column("asked_by", pg.UUID, nullable=False),
    _time("asked_at"),
    sa.Column("accepted", sa.Boolean),
    sa.Column("answered_by", pg.UUID),
    _time("answered_at", nullable=True),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("for_group", sa.Text, nullable=False, server_default=""),  # nobody asked: a flag of the pupil calls for their group
    sa.ForeignKeyConstraint(["school_id", "entry_id"], ["entries.school_id", "entries.id"]),
    sa.Index("asks_incident", "school_id", "incident_id"),
)
follow_ups = sa.Table(
    "follow_ups",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),  # the entry that asks it
    sa.Column("incident_id", pg.UUID, nullable=False),
    sa.Column("asked_by", pg.UUID, nullable=False),
    _time("asked_at"),
    sa.Column("owner_id", pg.UUID, nullable=False),
    sa.Column("due_on", sa.Date, nullable=False),
    sa.Column("spoken", sa.Boolean, nullable=False),
    _time("nobodys_at", nullable=True),  # its owner has left, or may not read it any more: a DSL gives it to another
    sa.Column("closed_id", pg.UUID),  # the entry with its outcome
    sa.Column("closed_by", pg.UUID),
    _time("closed_at", nullable=True),
    sa.ForeignKeyConstraint(["school_id", "id"], ["entries.school_id", "entries.id"]),
    sa.Index("follow_ups_due", "school_id", "due_on", "id", postgresql_where=sa.text("closed_id is null")),
    sa.Index("follow_ups_owner", "school_id", "owner_id", postgresql_where=sa.text("closed_id is null")),
    sa.Index("follow_ups_incident", "school_id", "incident_id"),
)
stand_ins = sa.Table(
    "stand_ins",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("given_by", pg.UUID, nullable=False),
    _time("given_at"),
    sa.Column("ended_by", pg.UUID),
    _time("ended_at", nullable=True),
    sa.Index("stand_ins_person", "school_id", "person_id"),
)
releases = sa.Table(
    "releases",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, nullable=False),
    sa.Column("incident_id", pg.UUID, nullable=False),
    sa.Column("line", sa.Text, nullable=False),
    sa.Column("released_by", pg.UUID, nullable=False),
    _time("released_at"),
    _time("read_at", nullable=True),
    sa.ForeignKeyConstraint(["school_id", "incident_id"], ["incidents.school_id", "incidents.id"]),
    sa.Index("releases_person", "school_id", "person_id"),
)
entry_files = sa.Table(
    "entry_files",
    metadata,
    _school(),
    sa.Column("file_id", pg.UUID, primary_key=True),
    sa.Column("entry_id", pg.UUID, primary_key=True),  # one file may be evidence of two entries
    sa.ForeignKeyConstraint(["school_id", "entry_id"], ["entries.school_id", "entries.id"]),
)
moves = sa.Table(
    "moves",
    metadata,
    _school(),
    sa.Column("entry_id", pg.UUID, primary_key=True),  # the correction that says so
    sa.Column("incident_id", pg.UUID, nullable=False),
    sa.Column("from_id", pg.UUID, nullable=False),
    sa.Column("to_id", pg.UUID, nullable=False),
    sa.ForeignKeyConstraint(["school_id", "entry_id"], ["entries.school_id", "entries.id"]),
    sa.Index("moves_incident", "school_id", "incident_id"),
)
restrictions = sa.Table(
    "restrictions",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("incident_id", pg.UUID, nullable=False),
    sa.Column("entry_id", pg.UUID, nullable=False),  # the incident's first entry: all of it
    sa.Column("about_id", pg.UUID, nullable=False),
    sa.Column("keeper_id", pg.UUID, nullable=False),  # the head, or the chair
    sa.Column("dsl_id", pg.UUID, nullable=False),
    sa.Column("by_id", pg.UUID, nullable=False),
    _time("at"),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    _time("lifted_at", nullable=True),
    sa.Column("lifted_by", pg.UUID),
    sa.ForeignKeyConstraint(["school_id", "entry_id"], ["entries.school_id", "entries.id"]),
    sa.CheckConstraint("about_id not in (keeper_id, dsl_id) and keeper_id <> dsl_id", name="restrictions_two_others"),
    sa.Index("restrictions_incident", "school_id", "incident_id"),
)
documents = sa.Table(
    "documents",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("entry_hash", sa.Text, nullable=False),
)
imports = sa.Table(
    "imports",  # what was answered to a list of pupils that came with an id, for seven days
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("sent_by", pg.UUID, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("fates", pg.JSONB, nullable=False),
    sa.Column("gone", pg.ARRAY(pg.UUID), nullable=False),
    _time("kept_at"),
)
leads = sa.Table(
    "leads",
    metadata,
    _school(),
    sa.Column("incident_id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID),  # who said that they lead it; null while somebody is only asked to
    _time("since", nullable=True),
    sa.Column("offered_to", pg.UUID),
    sa.Column("offered_by", pg.UUID),
    _time("offered_at", nullable=True),
    sa.ForeignKeyConstraint(["school_id", "incident_id"], ["incidents.school_id", "incidents.id"]),
)
file_blocks = sa.Table(
    "file_blocks",
    metadata,
    _school(),
    sa.Column("file_id", pg.UUID, primary_key=True),
    sa.Column("incident_id", pg.UUID, nullable=False),
    sa.Column("entry_id", pg.UUID, nullable=False),
    sa.Column("blocked_by", pg.UUID, nullable=False),
    _time("blocked_at"),
    sa.Column("decided_by", pg.UUID),
    _time("decided_at", nullable=True),
    sa.Column("decision", sa.Text),  # destroy or give_back; why stands in the ledger
    sa.CheckConstraint("decided_by <> blocked_by", name="file_blocks_two_people"),
)
destructions = sa.Table(
    "destructions",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("incident_id", pg.UUID, nullable=False),
    sa.Column("entry_id", pg.UUID, nullable=False),  # the incident's first entry: all of it
    sa.Column("entry_ids", pg.ARRAY(pg.UUID), nullable=False),
    sa.Column("basis", sa.Text, nullable=False),  # retention or order
    sa.Column("law", sa.Text, nullable=False),  # by whose order, or under which policy or law
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("proposed_by", pg.UUID, nullable=False),
    _time("proposed_at"),
    sa.Column("as_of", sa.BigInteger, nullable=False),  # where the ledger stood then: what came later was not proposed
    sa.Column("decided_by", pg.UUID),
    _time("decided_at", nullable=True),
    sa.Column("decision", sa.Text),  # destroy or keep
    sa.Column("decided_why", sa.Text, nullable=False, server_default=""),
    sa.Column("sequence", sa.BigInteger),  # where the ledger says that it was destroyed
    sa.ForeignKeyConstraint(["school_id", "entry_id"], ["entries.school_id", "entries.id"]),
    sa.CheckConstraint("decision is distinct from 'destroy' or decided_by <> proposed_by", name="destructions_two_people"),
    sa.Index("destructions_incident", "school_id", "incident_id"),
)
destroyed = sa.Table(
    "destroyed",  # entries whose words and salts are gone
    metadata,
    _school(),
    sa.Column("sequence", sa.BigInteger, primary_key=True),
    sa.Column("entry_id", pg.UUID, nullable=False),
    sa.Column("destruction_id", pg.UUID, nullable=False),
    sa.Column("settled", sa.Boolean, nullable=False),  # a referral whose outcome was recorded with it: counts say so still
    sa.ForeignKeyConstraint(["school_id", "destruction_id"], ["destructions.school_id", "destructions.id"]),
    sa.Index("destroyed_entry", "school_id", "entry_id"),
)
correction_requests = sa.Table(
    "correction_requests",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("incident_id", pg.UUID, nullable=False),
    sa.Column("entry_id", pg.UUID, nullable=False),
    sa.Column("asked_by", pg.UUID, nullable=False),
    _time("asked_at"),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("answered_by", pg.UUID),
    _time("answered_at", nullable=True),
    sa.Column("correction_id", pg.UUID),  # null when it was declined
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.ForeignKeyConstraint(["school_id", "entry_id"], ["entries.school_id", "entries.id"]),
    sa.Index("correction_requests_incident", "school_id", "incident_id"),
    sa.Index("correction_requests_open", "school_id", "asked_at", postgresql_where=sa.text("answered_at is null")),
)
openings = sa.Table(
    "openings",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("person_id", pg.UUID, nullable=False),
    _time("at"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("pupil_id", pg.UUID),  # whose page or chronology it was
    sa.Column("incident_id", pg.UUID),  # as it was asked for, whether there is one or not
    sa.Column("entry_ids", pg.ARRAY(pg.UUID), nullable=False),
    sa.Column("words", sa.Text, nullable=False),  # what was searched for
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("refused", sa.Boolean, nullable=False),
    sa.Column("own_child", sa.Boolean, nullable=False),
    sa.Index("openings_at", "school_id", "at"),
    sa.Index("openings_person", "school_id", "person_id", "at"),
    sa.Index("openings_pupil", "school_id", "pupil_id", "at"),
    sa.Index("openings_incident", "school_id", "incident_id", "at"),
)
readings_told = sa.Table(
    "readings_told",
    metadata,
    _school(),
    sa.Column("person_id", pg.UUID, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),  # unusual, or stopped
    _time("told_at"),
)
ledger = sa.Table(
    "ledger",
    metadata,
    _school(),
    sa.Column("sequence", sa.BigInteger, primary_key=True),
    sa.Column("canonical", pg.BYTEA, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)
ledger_heads = sa.Table(
    "ledger_heads", metadata, _school(), sa.Column("sequence", sa.BigInteger, nullable=False), sa.Column("hash", sa.Text, nullable=False)
)
ledger_threads = sa.Table(
    "ledger_threads",
    metadata,
    _school(),
    sa.Column("pupil_id", pg.UUID, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)
ledger_openings = sa.Table(
    "ledger_openings", metadata, _school(), sa.Column("sequence", sa.BigInteger, primary_key=True), sa.Column("openings", pg.JSONB, nullable=False)
)
signed_heads = sa.Table(
    "signed_heads",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("root", sa.Text, nullable=False),
    sa.Column("last", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),  # as it was signed
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("public", sa.Text, nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
    sa.Index("signed_heads_at", "school_id", "at"),
)
witnesses = sa.Table(
    "witnesses",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),  # email, or file: the folder the operator has named
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("added_by", pg.UUID, nullable=False),
    _time("added_at"),
    sa.Column("ended_by", pg.UUID),
    _time("ended_at", nullable=True),
)
exports = sa.Table(
    "exports",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("scope_id", pg.UUID, nullable=False),
    sa.Column("with_linked", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("school_name", sa.Text, nullable=False),
    sa.Column("asked_by", pg.UUID, nullable=False),
    sa.Column("asked_name", sa.Text, nullable=False),
    _time("asked_at"),
    sa.Column("state", sa.Text, nullable=False),  # wanted, ready, failed, over
    _time("ready_at", nullable=True),
    sa.Column("entries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("files", pg.JSONB, nullable=False, server_default="[]"),  # the attachments that go with it
    sa.Column("permit", sa.Text, nullable=False, server_default=""),  # identity's token for the next step: a minute, for the ledger's process alone
    _time("made_at", nullable=True),  # it is made, and waits for the step that hands it out
    sa.Column("size", sa.BigInteger, nullable=False, server_default="0"),  # how many entries the ledger had when it was made
    sa.Index("exports_asked", "school_id", "asked_at"),
)
export_pieces = sa.Table(
    "export_pieces",
    metadata,
    _school(),
    sa.Column("export_id", pg.UUID, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("part", sa.Text, nullable=False),
    sa.Column("data", pg.BYTEA, nullable=False),
    sa.ForeignKeyConstraint(["school_id", "export_id"], ["exports.school_id", "exports.id"]),
)
ledger_checks = sa.Table(
    "ledger_checks",
    metadata,
    _school(),
    sa.Column("sequence", sa.BigInteger, nullable=False),  # all up to here was checked
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("at_latest", sa.Text, nullable=False),  # the latest time in an entry so far
    _time("checked_at"),
    _time("whole_at", nullable=True),  # when all of it was checked last, from the first entry on
)
alterations = sa.Table(
    "alterations",
    metadata,
    _school(),
    sa.Column("id", pg.UUID, primary_key=True),
    _time("found_at"),
    sa.Column("sequence", sa.BigInteger),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("incident_id", pg.UUID),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("said", sa.Text, nullable=False),
    _time("gone_at", nullable=True),  # a later check of the whole did not find it any more
    sa.Index("alterations_incident", "school_id", "incident_id"),
)
seals = sa.Table(
    "seals",
    metadata,
    _school(),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("said", sa.Text, nullable=False),  # what is signed, as it was signed
    sa.Column("signed_with", sa.Text, nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
    _time("made_at"),
)
sealed = sa.Table(
    "sealed",
    metadata,
    _school(),
    sa.Column("kind", sa.Text, primary_key=True),  # opening, initials
    sa.Column("key", pg.UUID, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("digest", pg.BYTEA, nullable=False),
    sa.ForeignKeyConstraint(["school_id", "number"], ["seals.school_id", "seals.number"]),
)
ledger_work = sa.Table(
    "ledger_work",
    metadata,
    _school(),
    sa.Column("kind", sa.Text, primary_key=True),  # check, night, week, export, permit
    sa.Column("subject", pg.UUID, primary_key=True),  # the export, else the school
    _time("due_at"),
    sa.Index("ledger_work_due", "due_at"),
)


def same(left: sa.Table, right: sa.Table, column: str) -> sa.ColumnElement[bool]:
    return sa.and_(left.c.school_id == right.c.school_id, left.c[column] == right.c.id)


def same_pupil(left: sa.Table, right: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(left.c.school_id == right.c.school_id, left.c.pupil_id == right.c.pupil_id)
