"""The first tables: staff, alerts, mails."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from safekeep.database import ALL_RIGHTS, DELIVERY_RIGHTS, DELIVERY_TABLES, Roles, protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    _tables()
    rights = {"staff": "select, insert, update", "alerts": "select, insert, update", "mails": ALL_RIGHTS}
    protect(op, tables=rights | DELIVERY_RIGHTS, roles=Roles(context.config), worker_tables=(*DELIVERY_TABLES, "mails"))


def downgrade() -> None:
    for table in reversed(TABLES):
        op.execute(f"drop table {table}")


TABLES = (
    "alerts",
    "inbox",
    "inbox_positions",
    "outbox",
    "outbox_sequences",
    "retries",
    "staff",
    "mails",
)


def _tables() -> None:
    op.create_table(
        "alerts",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False),
        sa.Column("incident_id", sa.UUID(), nullable=False),
        sa.Column("entry_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("class_code", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.UUID(), nullable=False),
        sa.Column("because", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("at_risk_now", sa.Boolean(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "id"),
        sa.UniqueConstraint("school_id", "entry_id", "person_id"),
    )
    op.create_index(
        "alerts_inbox",
        "alerts",
        ["school_id", "person_id", sa.literal_column("(read_at is null) desc"), sa.literal_column("raised_at desc"), sa.literal_column("id desc")],
        unique=False,
    )
    op.create_index("alerts_incident", "alerts", ["school_id", "incident_id"], unique=False)
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
        "staff",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "person_id"),
    )
    op.create_table(
        "mails",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("alert_id", sa.UUID(), nullable=True),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.UUID(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trace", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id", "alert_id"],
            ["alerts.school_id", "alerts.id"],
        ),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_index("mails_alert", "mails", ["school_id", "alert_id"], unique=False)
    op.create_index("mails_waiting", "mails", ["next_at"], unique=False, postgresql_where=sa.text("state = 'waiting'"))
