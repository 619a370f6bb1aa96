"""The trust's people are looked after by pages: roles of theirs that wait; and what a provider's claims gave somebody, to be taken back."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql as pg

from safekeep.database import Roles

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("trust_memberships", sa.Column("waiting_roles", pg.ARRAY(sa.Text()), nullable=False, server_default="{}"))
    op.add_column("trust_memberships", sa.Column("waiting_by", sa.UUID(), nullable=True))
    op.execute(f"grant update on trust_memberships to {Roles(context.config).service}")
    op.add_column("provider_links", sa.Column("given", pg.JSONB(), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("provider_links", "given")
    op.execute(f"revoke update on trust_memberships from {Roles(context.config).service}")
    op.drop_column("trust_memberships", "waiting_by")
    op.drop_column("trust_memberships", "waiting_roles")
