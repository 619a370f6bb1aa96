"""Seals over who read what and over initials; and which rights to read were taken back, so that one that is gone otherwise is found."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from safekeep.database import Roles, protect

revision = "0012"
down_revision = "0011"

_TAKEN = """
insert into rights_taken (school_id, entry_id, person_id, taken_at)
select school_id, entry_id, person_id, now() from (
  select e.school_id, e.id as entry_id, cast(r.told ->> 'person_id' as uuid) as person_id
  from entries e cross join jsonb_array_elements(e.recipients) as r(told)
  union
  select o.school_id, e.id, cast(o.openings -> 'values' ->> 'person' as uuid)
  from ledger_openings o join ledger l on l.school_id = o.school_id and l.sequence = o.sequence
  join entries e on e.school_id = o.school_id and cast(e.id as text) = convert_from(l.canonical, 'UTF8')::jsonb ->> 'entry'
  where convert_from(l.canonical, 'UTF8')::jsonb ->> 'kind' = 'grant'
) given
where not exists (
  select from rights r where r.school_id = given.school_id and r.entry_id = given.entry_id and r.person_id = given.person_id
)
"""
"""Until now nothing said so: what is not there at this moment counts as taken back."""


def upgrade() -> None:
    op.create_table(
        "rights_taken",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("entry_id", sa.UUID(), nullable=False),
        sa.Column("person_id", sa.UUID(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["school_id", "entry_id"], ["entries.school_id", "entries.id"]),
        sa.PrimaryKeyConstraint("school_id", "entry_id", "person_id"),
    )
    op.create_table(
        "seals",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("signed_with", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "number"),
    )
    op.create_table(
        "sealed",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", postgresql.BYTEA(), nullable=False),
        sa.ForeignKeyConstraint(["school_id", "number"], ["seals.school_id", "seals.number"]),
        sa.PrimaryKeyConstraint("school_id", "kind", "key"),
    )
    tables = ("rights_taken", "seals", "sealed")
    protect(op, tables=dict.fromkeys(tables, "select, insert"), roles=Roles(context.config))
    op.execute(_TAKEN)
    for table in tables:
        op.execute(f"create trigger append_only before update or delete on {table} for each row execute function refuse_unread()")
        op.execute(f"create trigger append_only_whole before truncate on {table} for each statement execute function refuse_unread()")


def downgrade() -> None:
    for table in ("sealed", "seals", "rights_taken"):
        op.drop_table(table)
