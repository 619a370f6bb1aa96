"""What happened to each incident, so that counts can be said as at any day, made anew and compared; flags, numbers on roll, comparisons.

What was counted before has no happenings yet: each school is compared with the record at once after this release starts, and made anew.
"""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from safekeep.database import ALL_RIGHTS, Roles, protect

revision = "0009"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "happenings",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("incident_id", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("pupil_ids", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("year_group", sa.Text(), nullable=True),
        sa.Column("class", sa.SmallInteger(), nullable=True),
        sa.Column("categories", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("main", sa.Text(), nullable=True),
        sa.Column("what", sa.Text(), nullable=True),
        sa.Column("of_id", sa.UUID(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "incident_id", "id"),
    )
    op.create_table(
        "flags",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("pupil_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("started", sa.Date(), nullable=False),
        sa.Column("ended", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_table(
        "comparisons",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("compared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("incidents", sa.Integer(), nullable=False),
        sa.Column("differences", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("school_id"),
    )
    op.create_index("comparisons_due", "comparisons", ["next_at"])
    op.add_column("schools", sa.Column("on_roll", sa.Integer(), nullable=True))
    op.add_column("counted", sa.Column("year_group", sa.Text(), server_default="not_known", nullable=False))
    op.add_column("counted", sa.Column("standing", sa.Text(), server_default="open", nullable=False))
    op.add_column("counted", sa.Column("referrals", postgresql.ARRAY(sa.Boolean()), server_default="{}", nullable=False))
    op.add_column("counted", sa.Column("due", postgresql.ARRAY(sa.Date()), server_default="{}", nullable=False))
    op.execute("insert into comparisons (school_id, next_at, incidents, differences) select school_id, now(), 0, 0 from schools")
    op.drop_table("asked")
    kept = dict.fromkeys(("happenings", "flags", "comparisons"), ALL_RIGHTS)
    roles = Roles(context.config)
    protect(op, tables=kept, roles=roles, worker_tables=("comparisons",))
    op.execute(f"grant delete on counted to {roles.service}")  # of what the record does not know


def downgrade() -> None:
    for table in ("comparisons", "flags", "happenings"):
        op.drop_table(table)
    op.execute(f"revoke delete on counted from {Roles(context.config).service}")
    op.drop_column("schools", "on_roll")
    for column in ("year_group", "standing", "referrals", "due"):
        op.drop_column("counted", column)
    op.create_table(
        "asked",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("entry_id", sa.UUID(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "entry_id"),
    )
    protect(op, tables={"asked": ALL_RIGHTS}, roles=Roles(context.config))
