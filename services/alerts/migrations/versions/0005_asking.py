"""Who leads an incident, when somebody is asked next, the schools' policies, and who was asked."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from safekeep.database import Roles, protect

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "concerns",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("incident_id", sa.UUID(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("class_code", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.UUID(), nullable=False),
        sa.Column("at_risk_now", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lead_id", sa.UUID(), nullable=True),
        sa.Column("led_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kept", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "incident_id"),
    )
    op.create_index("concerns_due", "concerns", ["next_at"], postgresql_where=sa.text("next_at is not null"))
    op.create_index("concerns_led", "concerns", ["school_id", "lead_id"])
    op.create_table(
        "askings",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("incident_id", sa.UUID(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("unread", sa.Boolean(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["school_id", "incident_id"], ["concerns.school_id", "concerns.incident_id"]),
        sa.PrimaryKeyConstraint("school_id", "id"),
        sa.UniqueConstraint("school_id", "incident_id", "due_at"),
    )
    op.create_table(
        "policies",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("steps", postgresql.JSONB(), nullable=False),
        sa.Column("again", sa.Integer(), nullable=False),
        sa.Column("outside", postgresql.JSONB(), nullable=False),
        sa.Column("outside_again", sa.Integer(), nullable=False),
        sa.Column("before_end", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "code"),
    )
    op.create_table(
        "asking_settings",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("head_ids", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("meanwhile", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("school_id"),
    )
    keep = "select, insert, update"
    rights = {"concerns": keep, "askings": "select, insert", "policies": keep, "asking_settings": keep}
    roles = Roles(context.config)
    protect(op, tables=rights, roles=roles)
    op.execute(f"create policy all_schools on concerns to {roles.worker} using (true) with check (true)")
    op.execute(f"grant select (school_id, next_at) on concerns to {roles.worker}")  # which schools have something due: no more


def downgrade() -> None:
    for table in ("askings", "concerns", "policies", "asking_settings"):
        op.execute(f"drop table {table}")
