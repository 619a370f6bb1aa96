"""Schools' calendars: hours, terms and closed days, and what a subscription says."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from safekeep.database import ALL_RIGHTS, Roles, protect

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "schools",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("day_ends_minute", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("school_id"),
    )
    op.create_table(
        "calendars",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("opens_minute", sa.Integer(), nullable=False),
        sa.Column("weekdays", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("school_id"),
    )
    op.create_table(
        "calendar_spans",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_index("calendar_spans_days", "calendar_spans", ["school_id", "first"])
    op.create_table(
        "feeds",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("school_id"),
    )
    op.create_index("feeds_due", "feeds", ["next_at"])
    keep = "select, insert, update"
    rights = {"schools": keep, "calendars": keep, "calendar_spans": ALL_RIGHTS, "feeds": ALL_RIGHTS}
    protect(op, tables=rights, roles=Roles(context.config), worker_tables=("feeds",))


def downgrade() -> None:
    for table in ("feeds", "calendar_spans", "calendars", "schools"):
        op.execute(f"drop table {table}")
