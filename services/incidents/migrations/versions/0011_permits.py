"""Each step of an export has identity's word that who asked may still have it."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("exports", sa.Column("permit", sa.Text(), nullable=False, server_default=""))
    op.add_column("exports", sa.Column("made_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("exports", "made_at")
    op.drop_column("exports", "permit")
