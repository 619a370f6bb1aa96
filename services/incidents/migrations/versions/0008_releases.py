"""A DSL's lines to those from whom they have taken an incident over; what corrects an account is of its incident's class."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import Roles, protect

revision = "0008"
down_revision = "0007"


_RAISE = """
update entries e set class = i.class from incidents i
where i.school_id = e.school_id and i.id = e.incident_id and e.kind = 'correction'
and e.facts ->> 'corrects' = cast(e.incident_id as text) and e.class < i.class
"""


def upgrade() -> None:
    op.create_table(
        "releases",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False),
        sa.Column("incident_id", sa.UUID(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("released_by", sa.UUID(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["school_id", "incident_id"], ["incidents.school_id", "incidents.id"]),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_index("releases_person", "releases", ["school_id", "person_id"])
    protect(op, tables={"releases": "select, insert, update"}, roles=Roles(context.config))
    op.execute(_RAISE)


def downgrade() -> None:
    op.drop_table("releases")
