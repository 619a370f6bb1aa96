"""What of a pupil calls for a group, and who is away."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql as pg

from safekeep.database import ALL_RIGHTS, Roles, protect

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("groups", sa.Column("called_by", pg.ARRAY(sa.Text()), nullable=False, server_default="{}"))
    op.create_table(
        "absences",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("cover_id", sa.UUID(), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.add_column("asks", sa.Column("for_group", sa.Text(), nullable=False, server_default=""))
    protect(op, tables={"absences": ALL_RIGHTS}, roles=Roles(context.config))


def downgrade() -> None:
    op.drop_column("asks", "for_group")
    op.drop_table("absences")
    op.drop_column("groups", "called_by")
