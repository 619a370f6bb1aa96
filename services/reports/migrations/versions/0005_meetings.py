"""Meetings of governors: the cycle, the meetings, and when a school's are looked at next."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import ALL_RIGHTS, Roles, protect

revision = "0005"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "cycles",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("minute", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("draft_days", sa.Integer(), nullable=False),
        sa.Column("remind_days", sa.Integer(), nullable=False),
        sa.Column("chair_days", sa.Integer(), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("chair_id", sa.UUID(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("school_id"),
    )
    op.create_table(
        "meetings",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("minute", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("moved_from", sa.Date(), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "id"),
        sa.UniqueConstraint("school_id", "key"),
    )
    op.create_index("meetings_days", "meetings", ["school_id", "on_day"])
    op.create_table(
        "looks",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("school_id"),
    )
    op.create_index("looks_due", "looks", ["next_at"])
    keep = "select, insert, update"
    protect(op, tables={"cycles": keep, "meetings": ALL_RIGHTS, "looks": ALL_RIGHTS}, roles=Roles(context.config), worker_tables=("looks",))


def downgrade() -> None:
    for table in ("looks", "meetings", "cycles"):
        op.execute(f"drop table {table}")
