"""When a pupil has left: they stay in the list, since a record may be about them, and are on its roll no more."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("pupils", sa.Column("left_on", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("pupils", "left_on")
