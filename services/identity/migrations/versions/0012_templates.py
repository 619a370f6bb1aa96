"""What a school's staff may start an account from: headings and questions, for a kind of entry."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import Roles, protect

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "templates",
        sa.Column("school_id", sa.UUID(), sa.ForeignKey("schools.school_id", name="templates_school_id_fkey"), primary_key=True),
        sa.Column("code", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category_code", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("offered", sa.Boolean(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
    )
    protect(op, tables={"templates": "select, insert, update"}, roles=Roles(context.config))


def downgrade() -> None:
    op.drop_table("templates")
