"""Groups that a pupil's flag, year or form calls for; who is away; the name that a school's mail is from."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql as pg

from safekeep.database import Roles, protect

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    for name in ("flags", "years", "forms"):
        op.add_column("groups", sa.Column(name, pg.ARRAY(sa.Text()), nullable=False, server_default="{}"))
    op.add_column("schools", sa.Column("sender_name", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "absences",
        sa.Column("school_id", sa.UUID(), sa.ForeignKey("schools.school_id"), primary_key=True),
        sa.Column("id", sa.UUID(), primary_key=True),
        sa.Column("person_id", sa.UUID(), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("cover_id", sa.UUID(), sa.ForeignKey("people.id"), nullable=True),
        sa.Column("kept_by", sa.UUID(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index("absences_person", "absences", ["school_id", "person_id"])
    protect(op, tables={"absences": "select, insert, update"}, roles=Roles(context.config))


def downgrade() -> None:
    op.drop_table("absences")
    op.drop_column("schools", "sender_name")
    for name in ("forms", "years", "flags"):
        op.drop_column("groups", name)
