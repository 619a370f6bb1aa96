"""Whether an alert is theirs whatever their role opens: a role heard of late takes back what is not. Null: raised before this was kept."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("alerts", sa.Column("granted", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("alerts", "granted")
