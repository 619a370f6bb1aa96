"""Of whose unusual reading the DSLs were told, and when."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import Roles, protect

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "readings_told",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "person_id", "kind"),
    )
    protect(op, tables={"readings_told": "select, insert, update"}, roles=Roles(context.config))


def downgrade() -> None:
    op.drop_table("readings_told")
