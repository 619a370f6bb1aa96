"""When a concern was first read, when something was first done about it, and what is asked of somebody."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import ALL_RIGHTS, Roles, protect

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("counted", sa.Column("read_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("counted", sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "asked",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("entry_id", sa.UUID(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "entry_id"),
    )
    protect(op, tables={"asked": ALL_RIGHTS}, roles=Roles(context.config))


def downgrade() -> None:
    op.drop_table("asked")
    op.drop_column("counted", "answered_at")
    op.drop_column("counted", "read_at")
