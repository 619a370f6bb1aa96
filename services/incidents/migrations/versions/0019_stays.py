"""From when to when a pupil was on a school's list, so that the number on roll on a past day can be said.

Who is listed already came when they were first listed: their id says when (RFC 9562, version 7). An id of another kind is a demonstration's.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0019"
down_revision = "0018"

_SINCE = "to_timestamp(('x' || lpad(substr(replace(id::text, '-', ''), 1, 12), 16, '0'))::bit(64)::bigint / 1000.0)::date"


def upgrade() -> None:
    op.add_column("pupils", sa.Column("stays", pg.JSONB(), server_default="[]", nullable=False))
    stay = f"jsonb_build_array({_SINCE}, case when left_on is not null then greatest(left_on, {_SINCE}) end)"
    op.execute(f"update pupils set stays = jsonb_build_array({stay}) where substr(id::text, 15, 1) = '7' and not holding")


def downgrade() -> None:
    op.drop_column("pupils", "stays")
