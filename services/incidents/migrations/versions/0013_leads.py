"""Who leads an incident."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import Roles, protect

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "leads",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("incident_id", sa.UUID(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offered_to", sa.UUID(), nullable=True),
        sa.Column("offered_by", sa.UUID(), nullable=True),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["school_id", "incident_id"], ["incidents.school_id", "incidents.id"]),
        sa.PrimaryKeyConstraint("school_id", "incident_id"),
    )
    protect(op, tables={"leads": "select, insert, update"}, roles=Roles(context.config))


def downgrade() -> None:
    op.drop_table("leads")
