"""Body maps while they are drawn."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from safekeep.database import Roles, protect

revision = "0004"
down_revision = "0003"

SWEPT = "school_id, id, saved_at, ended_at"


def upgrade() -> None:
    op.create_table(
        "body_maps",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("author_id", sa.UUID(), nullable=False),
        sa.Column("draft_id", sa.UUID(), nullable=True),
        sa.Column("data", postgresql.JSONB(), nullable=True),
        sa.Column("earlier", postgresql.JSONB(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_index("body_maps_draft", "body_maps", ["school_id", "draft_id"], unique=False)
    op.create_index("body_maps_saved", "body_maps", ["saved_at"], unique=False)
    roles = Roles(context.config)
    protect(op, tables={"body_maps": "select, insert, update"}, roles=roles, worker_tables=("body_maps",))
    op.execute(f"revoke all on body_maps from {roles.worker}")
    op.execute(f"grant select ({SWEPT}), delete on body_maps to {roles.worker}")  # when it ends, and nothing of what it shows


def downgrade() -> None:
    op.execute("drop table body_maps")
