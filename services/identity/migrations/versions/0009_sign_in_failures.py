"""Failed sign-ins, written the same for every address; a timer looks whether it is known, and tells."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import Roles

revision = "0009"
down_revision = "0008"

_SCOPE = "current_setting('safekeep.scope', true) = 'sign_in'"


def upgrade() -> None:
    op.create_table(
        "sign_in_failures",
        sa.Column("id", sa.UUID(), primary_key=True),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
    )
    roles = Roles(context.config)
    op.execute("alter table sign_in_failures enable row level security")
    op.execute("alter table sign_in_failures force row level security")
    op.execute(f"create policy owner_all on sign_in_failures to {roles.owner} using (true) with check (true)")
    op.execute(f"create policy own on sign_in_failures to {roles.service} using ({_SCOPE}) with check ({_SCOPE})")
    op.execute(f"grant select, insert, update, delete on sign_in_failures to {roles.service}")


def downgrade() -> None:
    op.drop_table("sign_in_failures")
