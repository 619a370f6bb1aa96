"""Which alerts stand in an inbox because their entry is kept to that person and one other: a change of role takes no such alert away.

Of what was restricted before, what is known here is kept: the alerts of incidents that are kept whole, and, of who is told of nothing else (the
chair), those by name.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

WORKS_HERE = "array['dsl', 'deputy_dsl', 'slt', 'teacher', 'admin', 'pastoral', 'sports_coach']"


def upgrade() -> None:
    op.add_column("alerts", sa.Column("kept_entry_id", sa.UUID(), nullable=True))
    op.execute(
        "update alerts a set kept_entry_id = a.incident_id from concerns c where c.school_id = a.school_id and c.incident_id = a.incident_id "
        "and c.kept and a.withdrawn_at is null"
    )
    op.execute(
        "update alerts a set kept_entry_id = a.entry_id from staff s where s.school_id = a.school_id and s.person_id = a.person_id and s.active "
        f"and not s.roles && {WORKS_HERE} and a.because = array['named'] and a.withdrawn_at is null and a.kept_entry_id is null"
    )


def downgrade() -> None:
    op.drop_column("alerts", "kept_entry_id")
