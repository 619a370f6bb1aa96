"""Programs of a trust: credentials are a school's or a trust's."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import Roles

revision = "0014"
down_revision = "0013"

_SCOPE = "current_setting('safekeep.scope', true) = 'sign_in'"
_SCHOOL = "school_id = nullif(current_setting('safekeep.school_id', true), '')::uuid"
_TRUST = "trust_id = nullif(current_setting('safekeep.trust_id', true), '')::uuid"


def _policy(seen: str) -> None:
    op.execute("drop policy own on machines")
    op.execute(f"create policy own on machines to {Roles(context.config).service} using ({seen}) with check ({seen})")


def upgrade() -> None:
    op.add_column("machines", sa.Column("trust_id", sa.UUID(), sa.ForeignKey("trusts.id", name="machines_trust_id_fkey"), nullable=True))
    op.alter_column("machines", "school_id", nullable=True)
    op.create_check_constraint("machines_one_place", "machines", "(school_id is null) <> (trust_id is null)")
    op.create_index("machines_trust", "machines", ["trust_id"])
    _policy(f"{_SCOPE} or {_SCHOOL} or {_TRUST}")


def downgrade() -> None:
    _policy(f"{_SCOPE} or {_SCHOOL}")
    op.execute("delete from machine_tokens where machine_id in (select id from machines where school_id is null)")
    op.execute("delete from machines where school_id is null")
    op.drop_index("machines_trust", "machines")
    op.drop_constraint("machines_one_place", "machines")
    op.alter_column("machines", "school_id", nullable=False)
    op.drop_column("machines", "trust_id")
