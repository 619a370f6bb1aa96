"""Who read what: every opening of an entry, search and export, append-only."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from safekeep.database import Roles, protect

revision = "0004"
down_revision = "0003"

INDEXES = {
    "openings_at": ["school_id", "at"],
    "openings_person": ["school_id", "person_id", "at"],
    "openings_pupil": ["school_id", "pupil_id", "at"],
    "openings_incident": ["school_id", "incident_id", "at"],
}

_REFUSE = """
create function refuse_unread() returns trigger language plpgsql as $$
begin
  raise exception 'what was read stays kept' using errcode = '42501';
end $$
"""


def upgrade() -> None:
    op.create_table(
        "openings",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("pupil_id", sa.UUID(), nullable=True),
        sa.Column("incident_id", sa.UUID(), nullable=True),
        sa.Column("entry_ids", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("refused", sa.Boolean(), nullable=False),
        sa.Column("own_child", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    for name, columns in INDEXES.items():
        op.create_index(name, "openings", columns)
    protect(op, tables={"openings": "select, insert"}, roles=Roles(context.config))
    op.execute(_REFUSE)
    op.execute("create trigger append_only before update or delete on openings for each row execute function refuse_unread()")
    op.execute("create trigger append_only_whole before truncate on openings for each statement execute function refuse_unread()")


def downgrade() -> None:
    op.drop_table("openings")
    op.execute("drop function refuse_unread")
