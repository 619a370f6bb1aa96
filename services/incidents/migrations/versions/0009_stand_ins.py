"""Who stands in for the DSLs where a child is the child of every one of them."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import Roles, protect

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "stand_ins",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("given_by", sa.UUID(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.UUID(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_index("stand_ins_person", "stand_ins", ["school_id", "person_id"])
    protect(op, tables={"stand_ins": "select, insert, update"}, roles=Roles(context.config))


def downgrade() -> None:
    op.drop_table("stand_ins")
