"""What the console needs: addresses of pages are one a place, and a school's contacts can be taken out."""

from alembic import context, op

from safekeep.database import Roles

revision = "0004"
down_revision = "0003"

_USED = """
create function slug_is_used(wanted text) returns boolean language sql stable security definer set search_path = public as
$$select exists (select from schools where slug = wanted) or exists (select from trusts where slug = wanted)$$
"""


def upgrade() -> None:
    op.execute(_USED)
    op.execute(f"grant delete on contacts to {Roles(context.config).service}")


def downgrade() -> None:
    op.execute(f"revoke delete on contacts from {Roles(context.config).service}")
    op.execute("drop function slug_is_used")
