"""What is asked of somebody, and how an incident stands for each pupil in it."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import Roles, protect

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    roles = Roles(context.config)
    op.create_table(
        "follow_ups",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("incident_id", sa.UUID(), nullable=False),
        sa.Column("asked_by", sa.UUID(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.UUID(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("spoken", sa.Boolean(), nullable=False),
        sa.Column("nobodys_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_id", sa.UUID(), nullable=True),
        sa.Column("closed_by", sa.UUID(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "id"),
        sa.ForeignKeyConstraint(["school_id", "id"], ["entries.school_id", "entries.id"]),
    )
    op.create_index("follow_ups_due", "follow_ups", ["school_id", "due_on", "id"], postgresql_where=sa.text("closed_id is null"))
    op.create_index("follow_ups_owner", "follow_ups", ["school_id", "owner_id"], postgresql_where=sa.text("closed_id is null"))
    op.create_index("follow_ups_incident", "follow_ups", ["school_id", "incident_id"])
    protect(op, tables={"follow_ups": "select, insert, update (owner_id, due_on, spoken, nobodys_at, closed_id, closed_by, closed_at)"}, roles=roles)
    op.add_column("incident_pupils", sa.Column("status", sa.Text(), server_default="open", nullable=False))
    op.create_index("incident_pupils_open", "incident_pupils", ["school_id", "incident_id"], postgresql_where=sa.text("status = 'open'"))
    op.execute(f"grant update (status) on incident_pupils to {roles.service}")


def downgrade() -> None:
    op.execute(f"revoke update (status) on incident_pupils from {Roles(context.config).service}")
    op.drop_index("incident_pupils_open", "incident_pupils")
    op.drop_column("incident_pupils", "status")
    op.drop_table("follow_ups")
