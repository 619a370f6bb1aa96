"""Paper forms that were handed in and are not scanned yet."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import Roles, protect

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "papers",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("added_by", sa.UUID(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_index("papers_remind", "papers", ["remind_at"], unique=False, postgresql_where=sa.text("remind_at is not null"))
    roles = Roles(context.config)
    protect(op, tables={"papers": "select, insert, update"}, roles=roles, worker_tables=("papers",))
    op.execute(f"revoke all on papers from {roles.worker}")
    op.execute(f"grant select (school_id, id, remind_at) on papers to {roles.worker}")  # that one is due, and not what it says


def downgrade() -> None:
    op.execute("drop table papers")
