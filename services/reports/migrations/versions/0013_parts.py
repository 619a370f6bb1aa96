"""Long documents are printed in parts, one after another; packs are made so too."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import ALL_RIGHTS, Roles, protect

revision = "0013"
down_revision = "0012"

_NEW = ("kind", "pack", "parts", "printed", "tries")


def upgrade() -> None:
    op.add_column("documents", sa.Column("kind", sa.Text(), server_default="chronology", nullable=False))
    op.add_column("documents", sa.Column("pack", sa.Text(), server_default="", nullable=False))
    for name in ("parts", "printed", "tries"):
        op.add_column("documents", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    op.add_column("packs", sa.Column("parts", sa.Integer(), server_default="1", nullable=False))
    op.create_table(
        "document_parts",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("document_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("earliest", sa.Date(), nullable=True),
        sa.Column("latest", sa.Date(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("first_piece", sa.Integer(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "document_id", "number"),
        sa.ForeignKeyConstraint(["school_id", "document_id"], ["documents.school_id", "documents.id"], ondelete="CASCADE"),
    )
    protect(op, tables={"document_parts": ALL_RIGHTS}, roles=Roles(context.config), worker_tables=())


def downgrade() -> None:
    op.execute("drop table document_parts")
    op.drop_column("packs", "parts")
    for name in _NEW:
        op.drop_column("documents", name)
