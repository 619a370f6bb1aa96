"""Letters about accounts: a mail may be about a session, a key or a person."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("mails", sa.Column("about", sa.UUID(), nullable=True))


def downgrade() -> None:
    op.drop_column("mails", "about")
