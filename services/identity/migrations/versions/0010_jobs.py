"""Jobs that go on for a person after they asked: who asked, so that each step gets a token in their name."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import Roles

revision = "0010"
down_revision = "0009"

_SCOPE = "current_setting('safekeep.scope', true) = 'sign_in'"


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.UUID(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("school_id", sa.UUID(), sa.ForeignKey("schools.school_id"), nullable=False),
        sa.Column("person_id", sa.UUID(), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("session_id", sa.UUID(), nullable=False),
        sa.Column("second_factor_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("jobs_ends", "jobs", ["ends_at"])
    roles = Roles(context.config)
    op.execute("alter table jobs enable row level security")
    op.execute("alter table jobs force row level security")
    op.execute(f"create policy owner_all on jobs to {roles.owner} using (true) with check (true)")
    op.execute(f"create policy own on jobs to {roles.service} using ({_SCOPE}) with check ({_SCOPE})")
    op.execute(f"grant select, insert, delete on jobs to {roles.service}")


def downgrade() -> None:
    op.drop_table("jobs")
