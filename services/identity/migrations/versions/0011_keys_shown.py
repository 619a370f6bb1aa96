"""Which keys somebody who knows their holder vouched for."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    for table in ("factors", "sessions"):
        op.add_column(table, sa.Column("met", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    for table in ("sessions", "factors"):
        op.drop_column(table, "met")
