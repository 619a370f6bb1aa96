"""Why somebody was told that not everybody may know, who was dropped, and the browsers that let us notify them."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql as pg

from safekeep.database import ALL_RIGHTS, Roles, protect

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("alerts", sa.Column("flagged", pg.JSONB(), nullable=False, server_default="{}"))
    op.add_column("alerts", sa.Column("dropped", sa.Boolean(), nullable=False, server_default=sa.false()))
    unread = sa.text("read_at is null and withdrawn_at is null")
    op.create_index("alerts_unread", "alerts", ["school_id", "person_id", "raised_at"], postgresql_where=unread)
    op.create_table(
        "subscriptions",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("public_key", pg.BYTEA(), nullable=False),
        sa.Column("secret", pg.BYTEA(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "id"),
        sa.UniqueConstraint("school_id", "endpoint"),
    )
    op.create_index("subscriptions_person", "subscriptions", ["school_id", "person_id"])
    op.create_index("subscriptions_due", "subscriptions", ["due_at"], postgresql_where=sa.text("due_at is not null"))
    protect(op, tables={"subscriptions": ALL_RIGHTS}, roles=Roles(context.config), worker_tables=("subscriptions",))


def downgrade() -> None:
    op.drop_table("subscriptions")
    op.drop_index("alerts_unread", "alerts")
    op.drop_column("alerts", "dropped")
    op.drop_column("alerts", "flagged")
