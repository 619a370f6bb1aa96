"""Long documents made in the background and kept for a day, sealed; and the list of packs that were made, of which nothing is kept."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import ALL_RIGHTS, Roles, protect

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "documents",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("asked_by", sa.UUID(), nullable=False),
        sa.Column("asked_name", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("roles", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("pupil_id", sa.UUID(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("entries_read", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_index("documents_asked", "documents", ["school_id", "asked_by"])
    op.create_table(
        "document_pieces",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("document_id", sa.UUID(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "document_id", "part", "number"),
        sa.ForeignKeyConstraint(["school_id", "document_id"], ["documents.school_id", "documents.id"], ondelete="CASCADE"),
    )
    op.create_table(
        "document_turns",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("document_id", sa.UUID(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "document_id"),
    )
    op.create_index("document_turns_due", "document_turns", ["next_at"])
    op.create_table(
        "packs",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("pupil_id", sa.UUID(), nullable=True),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.UUID(), nullable=False),
        sa.Column("asked_name", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("entry_hash", sa.Text(), nullable=True),
        sa.Column("received_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_index("packs_asked", "packs", ["school_id", "asked_at"])
    tables = dict.fromkeys(("documents", "document_pieces", "document_turns"), ALL_RIGHTS) | {"packs": "select, insert, update"}
    protect(op, tables=tables, roles=Roles(context.config), worker_tables=("document_turns",))


def downgrade() -> None:
    for table in ("packs", "document_turns", "document_pieces", "documents"):
        op.execute(f"drop table {table}")
