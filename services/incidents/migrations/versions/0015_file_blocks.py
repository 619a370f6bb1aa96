"""Attachments that a DSL blocked, and what a second one decided."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import Roles, protect

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "file_blocks",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("file_id", sa.UUID(), nullable=False),
        sa.Column("incident_id", sa.UUID(), nullable=False),
        sa.Column("entry_id", sa.UUID(), nullable=False),
        sa.Column("blocked_by", sa.UUID(), nullable=False),
        sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.UUID(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "file_id"),
        sa.CheckConstraint("decided_by <> blocked_by", name="file_blocks_two_people"),
    )
    protect(op, tables={"file_blocks": "select, insert, update"}, roles=Roles(context.config))


def downgrade() -> None:
    op.drop_table("file_blocks")
