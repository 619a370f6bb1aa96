"""Changes of an account's e-mail address: who asked, what it was, and which DSL confirmed it."""

from typing import Any

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import Roles, protect

revision = "0007"
down_revision = "0006"


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "address_changes",
        sa.Column("school_id", sa.UUID(), sa.ForeignKey("schools.school_id"), primary_key=True),
        sa.Column("id", sa.UUID(), primary_key=True),
        sa.Column("person_id", sa.UUID(), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("old_email", sa.Text(), nullable=False),
        sa.Column("new_email", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.UUID(), nullable=False),
        _time("asked_at"),
        _time("ended_at", nullable=True),
        sa.Column("confirmed_by", sa.UUID(), nullable=True),
    )
    op.create_index("address_changes_person", "address_changes", ["person_id", "ended_at"])
    protect(op, tables={"address_changes": "select, insert, update"}, roles=Roles(context.config))


def downgrade() -> None:
    op.drop_table("address_changes")
