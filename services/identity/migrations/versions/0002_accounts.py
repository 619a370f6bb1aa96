"""Accounts whole: second factors, codes, links, sign-in policy, roles that wait, revocations, the audit log."""

from typing import Any

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql as pg

from safekeep.database import Roles, protect

revision = "0002"
down_revision = "0001"

_SCOPE = "current_setting('safekeep.scope', true)"
_PERSON = "nullif(current_setting('safekeep.person_id', true), '')::uuid"
_SCHOOL = "nullif(current_setting('safekeep.school_id', true), '')::uuid"
_TRUST = "nullif(current_setting('safekeep.trust_id', true), '')::uuid"
_MINE = f"{_SCOPE} = 'sign_in' or person_id = {_PERSON}"

NEW = {
    # table: (rights, who sees which rows)
    "old_passwords": ("select, insert, delete", _MINE),
    "factors": ("select, insert, update", f"{_MINE} or person_id in (select person_id from memberships where school_id = {_SCHOOL})"),
    "codes": ("select, insert, update, delete", _MINE),
    "links": ("select, insert, update, delete", f"{_SCOPE} = 'sign_in'"),
    "password_asks": ("select, insert, update, delete", f"{_SCOPE} = 'sign_in'"),
    "challenges": ("select, insert, update, delete", f"{_SCOPE} = 'sign_in'"),
    "revocations": ("select, insert, delete", f"{_SCOPE} = 'sign_in'"),
    "audit": ("select, insert", f"{_SCOPE} = 'sign_in' or school_id = {_SCHOOL} or person_id = {_PERSON}"),
}

_OF_TRUST = f"""
create function schools_of_trust() returns setof uuid language sql stable security definer set search_path = public as
$$select school_id from schools where trust_id = {_TRUST}$$
"""
"""A function, since a policy of memberships that looked at schools, whose policy looks at memberships, would not end."""

_POLICY = (
    "insert into policies (school_id, min_length, all_kinds, change_days, remembered, deny_common, lock_minutes, factor_roles) "
    "select school_id, 8, true, 60, 5, false, 10, '{}' from schools"
)


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.add_column("people", _time("password_set_at", nullable=True))
    op.add_column("people", _time("closed_at", nullable=True))
    op.execute("update people set password_set_at = now() where password_hash is not null")
    op.add_column("attempts", sa.Column("address", sa.Text(), nullable=False, server_default=""))
    op.alter_column("attempts", "address", server_default=None)
    op.create_index("attempts_address", "attempts", ["address", "failed_at"])
    op.add_column("memberships", sa.Column("waiting_roles", pg.ARRAY(sa.Text()), nullable=False, server_default="{}"))
    op.alter_column("memberships", "waiting_roles", server_default=None)
    op.add_column("memberships", sa.Column("waiting_by", sa.UUID(), nullable=True))
    _tables()
    op.add_column("sessions", sa.Column("stage", sa.Text(), nullable=False, server_default="full"))
    op.add_column("sessions", sa.Column("is_program", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("sessions", sa.Column("recovering", sa.Boolean(), nullable=False, server_default=sa.false()))
    for column in ("stage", "is_program", "recovering"):
        op.alter_column("sessions", column, server_default=None)
    op.add_column("sessions", sa.Column("factor_id", sa.UUID(), sa.ForeignKey("factors.id", name="sessions_factor_id_fkey"), nullable=True))
    op.add_column("sessions", _time("second_factor_at", nullable=True))
    op.add_column("sessions", _time("locked_at", nullable=True))
    _rights()
    op.execute(_POLICY)


def _rights() -> None:
    roles = Roles(context.config)
    protect(op, tables={"policies": "select, insert, update"}, roles=roles)
    own_policies = f"school_id in (select m.school_id from memberships m where m.person_id = {_PERSON})"
    op.execute(f"create policy own_places on policies for select to {roles.service} using ({own_policies})")
    for table, (rights, seen) in NEW.items():
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy owner_all on {table} to {roles.owner} using (true) with check (true)")
        op.execute(f"create policy own on {table} to {roles.service} using ({seen}) with check (true)")
        op.execute(f"grant {rights} on {table} to {roles.service}")
    # trust IT's console lists the schools of the trust that is set, and counts their staff
    op.execute(f"create policy of_trust on schools for select to {roles.service} using (trust_id = {_TRUST})")
    op.execute(_OF_TRUST)
    op.execute(f"create policy of_trust on memberships for select to {roles.service} using (school_id in (select schools_of_trust()))")


def downgrade() -> None:
    for table in ("memberships", "schools"):
        op.execute(f"drop policy of_trust on {table}")
    op.execute("drop function schools_of_trust")
    for column in ("stage", "is_program", "recovering", "factor_id", "second_factor_at", "locked_at"):
        op.drop_column("sessions", column)
    for table in (*reversed(NEW), "policies"):
        op.execute(f"drop table {table}")
    op.drop_column("memberships", "waiting_roles")
    op.drop_column("memberships", "waiting_by")
    op.drop_index("attempts_address", "attempts")
    op.drop_column("attempts", "address")
    op.drop_column("people", "password_set_at")
    op.drop_column("people", "closed_at")


def _id() -> sa.Column[Any]:
    return sa.Column("id", sa.UUID(), primary_key=True)


def _person(*, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column("person_id", sa.UUID(), sa.ForeignKey("people.id"), nullable=nullable)


def _tables() -> None:
    op.create_table("old_passwords", _id(), _person(), sa.Column("password_hash", sa.Text(), nullable=False), _time("replaced_at"))
    op.create_index("old_passwords_person", "old_passwords", ["person_id", "replaced_at"])
    op.create_table(
        "factors",
        _id(),
        _person(),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret", pg.BYTEA(), nullable=True),
        sa.Column("credential_id", pg.BYTEA(), nullable=True, unique=True),
        sa.Column("public_key", pg.BYTEA(), nullable=True),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        _time("created_at"),
        _time("confirmed_at", nullable=True),
        _time("last_used_at", nullable=True),
        _time("disabled_at", nullable=True),
    )
    op.create_index("factors_person", "factors", ["person_id"])
    op.create_table(
        "codes",
        _id(),
        _person(),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("code_hash", pg.BYTEA(), nullable=False),
        sa.Column("school_id", sa.UUID(), nullable=True),
        _time("made_at"),
        _time("ends_at", nullable=True),
        _time("used_at", nullable=True),
    )
    op.create_index("codes_person", "codes", ["person_id", "purpose"])
    op.create_table(
        "links",
        _id(),
        _person(nullable=True),
        sa.Column("token_hash", pg.BYTEA(), nullable=False, unique=True),
        _time("made_at"),
        _time("ends_at"),
        _time("used_at", nullable=True),
    )
    op.create_index("links_person", "links", ["person_id"])
    op.create_table("password_asks", _id(), sa.Column("email", sa.Text(), nullable=False), _time("asked_at"))
    op.create_table(
        "challenges",
        sa.Column("session_id", sa.UUID(), sa.ForeignKey("sessions.id"), primary_key=True),
        sa.Column("purpose", sa.Text(), primary_key=True),
        sa.Column("challenge", pg.BYTEA(), nullable=False),
        _time("ends_at"),
    )
    op.create_table(
        "revocations", _id(), _time("at"), sa.Column("session_id", sa.UUID(), nullable=True), sa.Column("person_id", sa.UUID(), nullable=True)
    )
    op.create_index("revocations_at", "revocations", ["at"])
    op.create_table(
        "audit",
        _id(),
        _time("at"),
        sa.Column("school_id", sa.UUID(), nullable=True),
        sa.Column("person_id", sa.UUID(), nullable=True),
        sa.Column("by_id", sa.UUID(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("facts", pg.JSONB(), nullable=False),
    )
    op.create_index("audit_school", "audit", ["school_id", "at"])
    op.create_index("audit_person", "audit", ["person_id", "at"])
    op.create_table(
        "policies",
        sa.Column("school_id", sa.UUID(), sa.ForeignKey("schools.school_id"), primary_key=True),
        sa.Column("min_length", sa.Integer(), nullable=False),
        sa.Column("all_kinds", sa.Boolean(), nullable=False),
        sa.Column("change_days", sa.Integer(), nullable=False),
        sa.Column("remembered", sa.Integer(), nullable=False),
        sa.Column("deny_common", sa.Boolean(), nullable=False),
        sa.Column("lock_minutes", sa.Integer(), nullable=False),
        sa.Column("factor_roles", pg.ARRAY(sa.Text()), nullable=False),
    )
