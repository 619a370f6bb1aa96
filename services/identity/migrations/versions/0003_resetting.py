"""Sessions that came by a link, the key of a step-up; when a password's end was announced, and whose is near."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import Roles

revision = "0003"
down_revision = "0002"

_DAYS = """
create function change_days_by_person() returns table (person_id uuid, days integer) language sql stable security definer set search_path = public as
$$select m.person_id, min(p.change_days) filter (where p.change_days > 0) from memberships m join policies p on p.school_id = m.school_id
where m.active group by m.person_id$$
"""
"""A function, since the service sees one school at a time: the strictest of a person's schools counts. Days and ids, nothing else."""


def upgrade() -> None:
    op.add_column("sessions", sa.Column("resetting", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("sessions", "resetting", server_default=None)
    op.add_column("sessions", sa.Column("stepped_with", sa.UUID(), sa.ForeignKey("factors.id", name="sessions_stepped_with_fkey"), nullable=True))
    op.add_column("people", sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(_DAYS)
    op.execute("revoke execute on function change_days_by_person() from public")
    op.execute(f"grant execute on function change_days_by_person() to {Roles(context.config).service}")


def downgrade() -> None:
    op.execute("drop function change_days_by_person")
    op.drop_column("people", "reminded_at")
    for column in ("stepped_with", "resetting"):
        op.drop_column("sessions", column)
