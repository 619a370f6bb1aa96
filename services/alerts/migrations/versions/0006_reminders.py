"""Reminders of what somebody was asked: mails that wait for their day, found again by what they are about."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_index("mails_about", "mails", ["school_id", "about"], postgresql_where=sa.text("state = 'waiting' and about is not null"))


def downgrade() -> None:
    op.drop_index("mails_about", "mails")
