"""Whether an incident is closed for every pupil in it: then it waits for nobody.

Of what was closed before this is kept here, incidents says it when somebody would be written to.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("concerns", sa.Column("closed", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("concerns", "closed")
