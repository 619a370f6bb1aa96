"""Numbers on roll of days that are past, so that a rate is of the pupils of its own time.

They are not known yet: each school is compared with the record at once after this release starts, which says them.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("schools", sa.Column("rolls", pg.JSONB(), server_default="[]", nullable=False))
    op.add_column("trust_parts", sa.Column("roll_on", sa.Date(), nullable=True))
    op.execute("update comparisons set next_at = now()")


def downgrade() -> None:
    op.drop_column("trust_parts", "roll_on")
    op.drop_column("schools", "rolls")
