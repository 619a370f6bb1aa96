"""The first tables: trusts, schools, people, memberships, sessions, categories, groups, contacts."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from safekeep.database import DELIVERY_RIGHTS, Roles, protect

revision = "0001"
down_revision = None

BY_SCHOOL = dict.fromkeys(("memberships", "categories", "groups", "contacts"), "select, insert, update")

_SCOPE = "current_setting('safekeep.scope', true)"
_PERSON = "nullif(current_setting('safekeep.person_id', true), '')::uuid"
_SCHOOL = "nullif(current_setting('safekeep.school_id', true), '')::uuid"
_COLLEAGUES = f"id in (select person_id from memberships where school_id = {_SCHOOL})"

OWN_POLICIES = {
    # table: (rights, who sees which rows)
    "trusts": ("select, insert", "true"),  # the names of trusts are no secret, and every school's page names its own
    "people": ("select, insert, update", f"{_SCOPE} = 'sign_in' or id = {_PERSON} or {_COLLEAGUES}"),
    "sessions": ("select, insert, update", f"{_SCOPE} = 'sign_in' or person_id = {_PERSON}"),
    "attempts": ("select, insert, delete", f"{_SCOPE} = 'sign_in'"),
    "trust_memberships": ("select, insert", f"{_SCOPE} = 'sign_in' or person_id = {_PERSON}"),
    "schools": (
        "select, insert, update",
        f"school_id = {_SCHOOL} or school_id in (select m.school_id from memberships m where m.person_id = {_PERSON})",
    ),
}

_REAL = """
create function real_school_exists() returns boolean language sql stable security definer set search_path = public as
'select exists (select from schools where not demo)'
"""


def upgrade() -> None:
    _tables()
    roles = Roles(context.config)
    protect(op, tables=BY_SCHOOL | DELIVERY_RIGHTS, roles=roles)
    op.execute(f"create policy own_places on memberships for select to {roles.service} using (person_id = {_PERSON})")
    for table, (rights, seen) in OWN_POLICIES.items():
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(f"create policy owner_all on {table} to {roles.owner} using (true) with check (true)")
        op.execute(f"create policy own on {table} to {roles.service} using ({seen}) with check (true)")
        op.execute(f"grant {rights} on {table} to {roles.service}")
    op.execute(_REAL)


def downgrade() -> None:
    op.execute("drop function real_school_exists")
    for table in reversed(TABLES):
        op.execute(f"drop table {table}")


TABLES = (
    "attempts",
    "inbox",
    "inbox_positions",
    "outbox",
    "outbox_sequences",
    "people",
    "retries",
    "trusts",
    "schools",
    "sessions",
    "trust_memberships",
    "categories",
    "contacts",
    "groups",
    "memberships",
)


def _tables() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("attempts_email", "attempts", ["email", "failed_at"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_table(
        "inbox_positions",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("subject", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "owner", "subject"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("outbox_waiting", "outbox", ["id"], unique=False, postgresql_where=sa.text("published_at is null"))
    op.create_table(
        "outbox_sequences",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("subject", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "subject"),
    )
    op.create_table(
        "people",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("email"),
    )
    op.create_table(
        "retries",
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("subject", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("retries_due", "retries", ["next_at"], unique=False)
    op.create_index("retries_subject", "retries", ["school_id", "owner", "subject"], unique=False)
    op.create_table(
        "trusts",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("slug"),
    )
    op.create_table(
        "schools",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("trust_id", sa.UUID(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("day_ends_minute", sa.Integer(), nullable=False),
        sa.Column("hide_names", sa.Boolean(), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["trust_id"],
            ["trusts.id"],
        ),
        sa.PrimaryKeyConstraint("school_id"),
        sa.UniqueConstraint("slug"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False),
        sa.Column("token_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("device", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index("sessions_person", "sessions", ["person_id"], unique=False)
    op.create_table(
        "trust_memberships",
        sa.Column("trust_id", sa.UUID(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.id"],
        ),
        sa.ForeignKeyConstraint(
            ["trust_id"],
            ["trusts.id"],
        ),
        sa.PrimaryKeyConstraint("trust_id", "person_id"),
    )
    op.create_table(
        "categories",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("class_code", sa.Text(), nullable=False),
        sa.Column("groups", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("leads_only", sa.Boolean(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id"],
            ["schools.school_id"],
        ),
        sa.PrimaryKeyConstraint("school_id", "code"),
    )
    op.create_table(
        "contacts",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("telephone", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id"],
            ["schools.school_id"],
        ),
        sa.PrimaryKeyConstraint("school_id", "kind"),
    )
    op.create_table(
        "groups",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("members", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["school_id"],
            ["schools.school_id"],
        ),
        sa.PrimaryKeyConstraint("school_id", "code"),
    )
    op.create_table(
        "memberships",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("room", sa.Text(), nullable=False),
        sa.Column("telephone", sa.Text(), nullable=False),
        sa.Column("on_duty", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.id"],
        ),
        sa.ForeignKeyConstraint(
            ["school_id"],
            ["schools.school_id"],
        ),
        sa.PrimaryKeyConstraint("school_id", "id"),
        sa.UniqueConstraint("school_id", "person_id"),
    )
    op.create_index("memberships_person", "memberships", ["person_id"], unique=False)
