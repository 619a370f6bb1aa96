"""What is kept of a concern and read by nobody need not be written: who recorded it and when, which incidents knows.

The columns stay for one release, so that the code of the release before, which still names them, runs beside this one. The next drops them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    for column in ("recorded_by", "recorded_at"):
        op.alter_column("concerns", column, nullable=True)


def downgrade() -> None:
    op.execute(sa.text("update concerns set recorded_at = coalesce(recorded_at, begun_at), recorded_by = coalesce(recorded_by, incident_id)"))
    for column in ("recorded_by", "recorded_at"):
        op.alter_column("concerns", column, nullable=False)
