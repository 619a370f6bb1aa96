"""The first tables: schools' days, drafts, files."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from safekeep.database import DELIVERY_RIGHTS, DELIVERY_TABLES, Roles, protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    _tables()
    rights = dict.fromkeys(("schools", "drafts", "files"), "select, insert, update")
    protect(op, tables=rights | DELIVERY_RIGHTS, roles=Roles(context.config), worker_tables=(*DELIVERY_TABLES, "drafts", "files"))


def downgrade() -> None:
    for table in reversed(TABLES):
        op.execute(f"drop table {table}")


TABLES = (
    "drafts",
    "files",
    "inbox",
    "inbox_positions",
    "outbox",
    "outbox_sequences",
    "retries",
    "schools",
)


def _tables() -> None:
    op.create_table(
        "drafts",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("author_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.UUID(), nullable=True),
        sa.Column("fields", postgresql.JSONB(), nullable=True),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded", sa.Text(), nullable=True),
        sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_index("drafts_author", "drafts", ["school_id", "author_id", "saved_at"], unique=False)
    op.create_index("drafts_remind", "drafts", ["remind_at"], unique=False, postgresql_where=sa.text("ended_at is null"))
    op.create_index("drafts_saved", "drafts", ["saved_at"], unique=False)
    op.create_table(
        "files",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("author_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("arrived", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entry_id", sa.UUID(), nullable=True),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_index("files_begun", "files", ["begun_at"], unique=False)
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
        sa.Column("day_ends_minute", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("school_id"),
    )
