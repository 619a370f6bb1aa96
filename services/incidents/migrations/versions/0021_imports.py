"""What was answered to a list of pupils, for whoever sends it again."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql as pg

from safekeep.database import Roles, protect

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("sent_by", sa.UUID(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("fates", pg.JSONB(), nullable=False),
        sa.Column("gone", pg.ARRAY(sa.UUID()), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    protect(op, tables={"imports": "select, insert, delete"}, roles=Roles(context.config))


def downgrade() -> None:
    op.drop_table("imports")
