"""What is decided of files that are attached to a record to be given; long records to be given are made in the background."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql as pg

from safekeep.database import Roles, protect

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("documents", sa.Column("information_request_id", sa.UUID(), nullable=True))
    op.add_column("documents", sa.Column("files", pg.JSONB(), server_default="[]", nullable=False))
    op.create_table(
        "file_decisions",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("request_id", sa.UUID(), nullable=False),
        sa.Column("file_id", sa.UUID(), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("by_id", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "request_id", "file_id"),
        sa.ForeignKeyConstraint(["school_id", "request_id"], ["information_requests.school_id", "information_requests.id"]),
        sa.CheckConstraint("given or reason is not null", name="file_decisions_reason"),
    )
    protect(op, tables={"file_decisions": "select, insert, update"}, roles=Roles(context.config), worker_tables=())


def downgrade() -> None:
    op.execute("drop table file_decisions")
    for name in ("information_request_id", "files"):
        op.drop_column("documents", name)
