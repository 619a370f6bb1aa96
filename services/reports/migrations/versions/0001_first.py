"""The first tables: schools, and a row for each incident that counts."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql as pg

from safekeep.database import DELIVERY_RIGHTS, Roles, protect

revision = "0001"
down_revision = None

SERVICE_RIGHTS = {"schools": "select, insert, update", "counted": "select, insert, update"}

_TRUST = "trust_id = nullif(current_setting('safekeep.trust_id', true), '')::uuid"


def upgrade() -> None:
    _delivery_tables()
    op.create_table(
        "schools",
        sa.Column("school_id", sa.UUID(), primary_key=True),
        sa.Column("trust_id", sa.UUID(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
    )
    op.create_index("schools_trust", "schools", ["trust_id"])
    op.create_table(
        "counted",
        sa.Column("school_id", sa.UUID(), primary_key=True),
        sa.Column("incident_id", sa.UUID(), primary_key=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("class", sa.SmallInteger(), nullable=False),
        sa.Column("categories", pg.ARRAY(sa.Text()), nullable=False),
        sa.Column("main", sa.Text(), nullable=False),
        sa.Column("actions", sa.Integer(), nullable=False),
    )
    op.create_index("counted_month", "counted", ["school_id", "month"])
    roles = Roles(context.config)
    protect(op, tables=SERVICE_RIGHTS | DELIVERY_RIGHTS, roles=roles)
    # The trust's safeguarding lead counts across its schools: a policy of its own, for reading only. With no trust set, no rows.
    op.execute(f"create policy one_trust on schools for select to {roles.service} using ({_TRUST})")
    op.execute(
        f"create policy one_trust on counted for select to {roles.service} using (school_id in (select school_id from schools where {_TRUST}))"
    )


def downgrade() -> None:
    for table in ("counted", "schools", "retries", "inbox_positions", "inbox", "outbox_sequences", "outbox"):
        op.drop_table(table)


def _delivery_tables() -> None:
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
        sa.Column("body", pg.JSONB(), nullable=False),
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
        sa.Column("body", pg.JSONB(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("retries_due", "retries", ["next_at"], unique=False)
    op.create_index("retries_subject", "retries", ["school_id", "owner", "subject"], unique=False)
