"""The first tables: pupils, incidents, entries, rights and the ledger."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from safekeep.database import DELIVERY_RIGHTS, Roles, protect

revision = "0001"
down_revision = None

SERVICE_RIGHTS = {
    "schools": "select, insert, update",
    "staff": "select, insert, update",
    "categories": "select, insert, update, delete",
    "groups": "select, insert, update, delete",
    "pupils": "select, insert, update",
    "pupil_words": "select, insert, delete",
    "relations": "select, insert, delete",
    "flags": "select, insert, update",
    "numbers": "select, insert, update",
    "incidents": "select, insert",
    "incident_pupils": "select, insert",
    "entries": "select, insert",
    "rights": "select, insert, update, delete",
    "asks": "select, insert, update",
    "entry_files": "select, insert",
    "ledger": "select, insert",
    "ledger_heads": "select, insert, update",
    "ledger_threads": "select, insert, update",
    "ledger_openings": "select, insert",
}
"""What the service's database role may do. Entries and the ledger cannot be changed by it; only a class can be raised."""

CLASS_ONLY = ("incidents", "entries")
"""Tables of which the service may change nothing but the class (and an incident's categories)."""

_REFUSE = """
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the ledger is append-only' using errcode = '42501';
end $$
"""


def upgrade() -> None:
    _tables()
    roles = Roles(context.config)
    protect(op, tables=SERVICE_RIGHTS | DELIVERY_RIGHTS, roles=roles)
    for table in CLASS_ONLY:
        columns = "class, categories" if table == "incidents" else "class"
        op.execute(f"grant update ({columns}) on {table} to {roles.service}")
    op.execute(_REFUSE)
    op.execute("create trigger append_only before update or delete on ledger for each row execute function refuse_change()")
    op.execute("create trigger append_only_whole before truncate on ledger for each statement execute function refuse_change()")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.execute(f"drop table {table}")
    op.execute("drop function refuse_change")


TABLES = (
    "categories",
    "groups",
    "inbox",
    "inbox_positions",
    "ledger",
    "ledger_heads",
    "ledger_openings",
    "ledger_threads",
    "numbers",
    "outbox",
    "outbox_sequences",
    "pupils",
    "retries",
    "schools",
    "staff",
    "flags",
    "incidents",
    "pupil_words",
    "relations",
    "entries",
    "incident_pupils",
    "asks",
    "entry_files",
    "rights",
)


def _tables() -> None:
    op.create_table(
        "categories",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("class", sa.SmallInteger(), nullable=False),
        sa.Column("groups", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("leads_only", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "code"),
    )
    op.create_table(
        "groups",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("members", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "code"),
    )
    op.create_table(
        "inbox",
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_table(
        "inbox_positions",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("subject", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "owner", "subject"),
    )
    op.create_table(
        "ledger",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("canonical", postgresql.BYTEA(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "sequence"),
    )
    op.create_table(
        "ledger_heads",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("school_id"),
    )
    op.create_table(
        "ledger_openings",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("openings", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "sequence"),
    )
    op.create_table(
        "ledger_threads",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("pupil_id", sa.UUID(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "pupil_id"),
    )
    op.create_table(
        "numbers",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "year"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("outbox_waiting", "outbox", ["id"], unique=False, postgresql_where=sa.text("published_at is null"))
    op.create_table(
        "outbox_sequences",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("subject", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "subject"),
    )
    op.create_table(
        "pupils",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("known_as", sa.Text(), nullable=False),
        sa.Column("year", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("born", sa.Date(), nullable=False),
        sa.Column("family", sa.UUID(), nullable=False),
        sa.Column("holding", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_index("pupils_family", "pupils", ["school_id", "family"], unique=False)
    op.create_table(
        "retries",
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("subject", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("retries_due", "retries", ["next_at"], unique=False)
    op.create_index("retries_subject", "retries", ["school_id", "owner", "subject"], unique=False)
    op.create_table(
        "schools",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False, server_default="1"),
        sa.PrimaryKeyConstraint("school_id"),
    )
    op.create_table(
        "staff",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "person_id"),
    )
    op.create_table(
        "flags",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("pupil_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("class", sa.SmallInteger(), nullable=False),
        sa.Column("started", sa.Date(), nullable=False),
        sa.Column("ended", sa.Date(), nullable=True),
        sa.Column("review", sa.Date(), nullable=True),
        sa.Column("social_worker", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("set_by", sa.UUID(), nullable=True),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "pupil_id"],
            ["pupils.school_id", "pupils.id"],
        ),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_index("flags_pupil", "flags", ["school_id", "pupil_id"], unique=False)
    op.create_table(
        "incidents",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("pupil_id", sa.UUID(), nullable=False),
        sa.Column("class", sa.SmallInteger(), nullable=False),
        sa.Column("categories", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "pupil_id"],
            ["pupils.school_id", "pupils.id"],
        ),
        sa.PrimaryKeyConstraint("school_id", "id"),
        sa.UniqueConstraint("school_id", "number"),
    )
    op.create_table(
        "pupil_words",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("word", sa.Text(collation="C"), nullable=False),
        sa.Column("pupil_id", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "pupil_id"],
            ["pupils.school_id", "pupils.id"],
        ),
        sa.PrimaryKeyConstraint("school_id", "word", "pupil_id"),
    )
    op.create_table(
        "relations",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("pupil_id", sa.UUID(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "pupil_id"],
            ["pupils.school_id", "pupils.id"],
        ),
        sa.PrimaryKeyConstraint("school_id", "pupil_id", "person_id"),
    )
    op.create_index("relations_person", "relations", ["school_id", "person_id"], unique=False)
    op.create_table(
        "entries",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("incident_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("class", sa.SmallInteger(), nullable=False),
        sa.Column("author_id", sa.UUID(), nullable=False),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("author_role", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("occurred_precision", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("categories", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("recipients", postgresql.JSONB(), nullable=False),
        sa.Column("files", postgresql.JSONB(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("ledger_sequence", sa.BigInteger(), nullable=False),
        sa.Column("entry_hash", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "incident_id"],
            ["incidents.school_id", "incidents.id"],
        ),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_index("entries_author", "entries", ["school_id", "author_id", "recorded_at"], unique=False)
    op.create_index("entries_incident", "entries", ["school_id", "incident_id", "ledger_sequence"], unique=False)
    op.create_table(
        "incident_pupils",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("pupil_id", sa.UUID(), nullable=False),
        sa.Column("incident_id", sa.UUID(), nullable=False),
        sa.Column("part", sa.Text(), nullable=True),
        sa.Column("initials", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "incident_id"],
            ["incidents.school_id", "incidents.id"],
        ),
        sa.ForeignKeyConstraint(
            ["school_id", "pupil_id"],
            ["pupils.school_id", "pupils.id"],
        ),
        sa.PrimaryKeyConstraint("school_id", "pupil_id", "incident_id"),
    )
    op.create_index("incident_pupils_incident", "incident_pupils", ["school_id", "incident_id"], unique=False)
    op.create_table(
        "asks",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("incident_id", sa.UUID(), nullable=False),
        sa.Column("entry_id", sa.UUID(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False),
        sa.Column("asked_by", sa.UUID(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=True),
        sa.Column("answered_by", sa.UUID(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "entry_id"],
            ["entries.school_id", "entries.id"],
        ),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_index("asks_incident", "asks", ["school_id", "incident_id"], unique=False)
    op.create_table(
        "entry_files",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("file_id", sa.UUID(), nullable=False),
        sa.Column("entry_id", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "entry_id"],
            ["entries.school_id", "entries.id"],
        ),
        sa.PrimaryKeyConstraint("school_id", "file_id"),
    )
    op.create_table(
        "rights",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("entry_id", sa.UUID(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False),
        sa.Column("class", sa.SmallInteger(), nullable=False),
        sa.Column("granted_by", sa.UUID(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "entry_id"],
            ["entries.school_id", "entries.id"],
        ),
        sa.PrimaryKeyConstraint("school_id", "entry_id", "person_id"),
    )
    op.create_index("rights_person", "rights", ["school_id", "person_id"], unique=False)
