"""Documents that were given to somebody, and where each stands in the ledger."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import Roles, protect

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "documents",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("entry_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    protect(op, tables={"documents": "select, insert"}, roles=Roles(context.config))


def downgrade() -> None:
    op.drop_table("documents")
