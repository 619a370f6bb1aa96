"""An attempt is counted before it is tried, so that guesses which come together are slowed down like others."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import Roles

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("attempts", sa.Column("failed", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.execute(f"grant update on attempts to {Roles(context.config).service}")


def downgrade() -> None:
    op.execute("delete from attempts where not failed")
    op.execute(f"revoke update on attempts from {Roles(context.config).service}")
    op.drop_column("attempts", "failed")
