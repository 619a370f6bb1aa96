"""Single sign-on and machines: providers, who is linked, sign-ins under way, client credentials and their tokens."""

from typing import Any

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql as pg

from safekeep.database import Roles

revision = "0005"
down_revision = "0004"

_SCOPE = "current_setting('safekeep.scope', true) = 'sign_in'"
_SCHOOL = "nullif(current_setting('safekeep.school_id', true), '')::uuid"
_TRUST = "nullif(current_setting('safekeep.trust_id', true), '')::uuid"

NEW = {
    # table: (rights, who sees which rows)
    "providers": ("select, insert, update", f"{_SCOPE} or school_id = {_SCHOOL} or trust_id = {_TRUST}"),
    "provider_links": ("select, insert, update, delete", _SCOPE),
    "sign_ons": ("select, insert, delete", _SCOPE),
    "machines": ("select, insert, update", f"{_SCOPE} or school_id = {_SCHOOL}"),
    "machine_tokens": ("select, insert, update, delete", _SCOPE),
}


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "providers",
        sa.Column("id", sa.UUID(), primary_key=True),
        sa.Column("trust_id", sa.UUID(), sa.ForeignKey("trusts.id"), nullable=False),
        sa.Column("school_id", sa.UUID(), sa.ForeignKey("schools.school_id"), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("secret", pg.BYTEA(), nullable=False),
        sa.Column("accepts_factor", sa.Boolean(), nullable=False),
        sa.Column("factor_levels", pg.ARRAY(sa.Text()), nullable=False),
        sa.Column("role_claim", sa.Text(), nullable=False),
        sa.Column("roles", pg.JSONB(), nullable=False),
        sa.Column("mapped_by", sa.UUID(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        _time("made_at"),
    )
    op.create_index("providers_trust", "providers", ["trust_id"])
    op.create_table(
        "provider_links",
        sa.Column("provider_id", sa.UUID(), sa.ForeignKey("providers.id"), primary_key=True),
        sa.Column("subject", sa.Text(), primary_key=True),
        sa.Column("person_id", sa.UUID(), sa.ForeignKey("people.id"), nullable=False),
        _time("linked_at"),
        _time("last_used_at"),
        sa.UniqueConstraint("provider_id", "person_id"),
    )
    op.create_table(
        "sign_ons",
        sa.Column("state_hash", pg.BYTEA(), primary_key=True),
        sa.Column("browser_hash", pg.BYTEA(), nullable=False),
        sa.Column("provider_id", sa.UUID(), sa.ForeignKey("providers.id"), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("verifier", sa.Text(), nullable=False),
        _time("ends_at"),
    )
    op.create_table(
        "machines",
        sa.Column("school_id", sa.UUID(), sa.ForeignKey("schools.school_id"), nullable=False),
        sa.Column("id", sa.UUID(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", pg.ARRAY(sa.Text()), nullable=False),
        sa.Column("secret_hash", pg.BYTEA(), nullable=False),
        sa.Column("made_by", sa.UUID(), nullable=True),
        _time("made_at"),
        _time("ends_at"),
        _time("revoked_at", nullable=True),
        _time("last_used_at", nullable=True),
    )
    op.create_index("machines_school", "machines", ["school_id"])
    op.create_table(
        "machine_tokens",
        sa.Column("id", sa.UUID(), primary_key=True),
        sa.Column("machine_id", sa.UUID(), sa.ForeignKey("machines.id"), nullable=False),
        sa.Column("token_hash", pg.BYTEA(), nullable=False, unique=True),
        sa.Column("scopes", pg.ARRAY(sa.Text()), nullable=False),
        _time("ends_at"),
    )
    op.create_index("machine_tokens_machine", "machine_tokens", ["machine_id"])
    op.add_column("sessions", sa.Column("provider_id", sa.UUID(), sa.ForeignKey("providers.id", name="sessions_provider_id_fkey"), nullable=True))
    roles = Roles(context.config)
    for table, (rights, seen) in NEW.items():
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy owner_all on {table} to {roles.owner} using (true) with check (true)")
        op.execute(f"create policy own on {table} to {roles.service} using ({seen}) with check ({seen})")
        op.execute(f"grant {rights} on {table} to {roles.service}")


def downgrade() -> None:
    op.drop_column("sessions", "provider_id")
    for table in reversed(NEW):
        op.execute(f"drop table {table}")
