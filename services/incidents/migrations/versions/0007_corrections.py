"""What an entry says now, moves from one pupil to another, restrictions, and requests for a correction."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import Roles, protect

revision = "0007"
down_revision = "0006"

RIGHTS = {"moves": "select, insert", "restrictions": "select, insert, update (lifted_at, lifted_by)", "correction_requests": "select, insert, update"}

_BY_A_MOVE = """
create or replace function refuse_other_pupil() returns trigger language plpgsql as $$
declare
  by_entry uuid;
begin
  if new.pupil_id is distinct from old.pupil_id
    and not exists (select from pupils p where p.school_id = old.school_id and p.id = old.pupil_id and p.holding) then
    if tg_table_name = 'incidents' then
      by_entry := case when new.assignment_id is distinct from old.assignment_id then new.assignment_id end;
    else
      by_entry := (select i.assignment_id from incidents i where i.school_id = old.school_id and i.id = old.incident_id);
    end if;
    if not exists (select from moves m where m.school_id = old.school_id and m.entry_id = by_entry
        and m.from_id = old.pupil_id and m.to_id = new.pupil_id) then
      raise exception 'an incident goes to another pupil by a correction alone' using errcode = '42501';
    end if;
  end if;
  return new;
end $$
"""
_ONCE = """
create or replace function refuse_other_pupil() returns trigger language plpgsql as $$
begin
  if new.pupil_id is distinct from old.pupil_id
    and not exists (select from pupils p where p.school_id = old.school_id and p.id = old.pupil_id and p.holding) then
    raise exception 'only the holding pupil gives its place to another' using errcode = '42501';
  end if;
  return new;
end $$
"""

_CHANGES = """
create or replace function refuse_change_of_entry() returns trigger language plpgsql as $$
begin
  if to_jsonb(new) - '{changing}'::text[] is distinct from to_jsonb(old) - '{changing}'::text[] then
    raise exception 'an entry is not changed' using errcode = '42501';
  end if;
  return new;
end $$
"""
"""Of an entry nothing changes but its class, and by which correction it says what it says now."""

_BACKFILL = """
update entries e set correction_id = c.id from (
  select distinct on (school_id, incident_id, facts ->> 'corrects') school_id, id, facts ->> 'corrects' as corrects from entries
  where kind = 'correction' and facts ->> 'corrects' is not null order by school_id, incident_id, facts ->> 'corrects', ledger_sequence desc
) c where c.school_id = e.school_id and (c.corrects = e.id::text or (c.corrects = e.facts ->> 'corrects' and c.id <> e.id))
"""


def upgrade() -> None:
    roles = Roles(context.config)
    op.add_column("entries", sa.Column("correction_id", sa.UUID(), nullable=True))
    op.execute(_CHANGES.replace("{changing}", "{class,correction_id}"))
    op.execute(_BACKFILL)
    op.execute(f"grant update (correction_id) on entries to {roles.service}")
    op.create_table(
        "moves",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("entry_id", sa.UUID(), nullable=False),
        sa.Column("incident_id", sa.UUID(), nullable=False),
        sa.Column("from_id", sa.UUID(), nullable=False),
        sa.Column("to_id", sa.UUID(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "entry_id"),
        sa.ForeignKeyConstraint(["school_id", "entry_id"], ["entries.school_id", "entries.id"]),
    )
    op.create_index("moves_incident", "moves", ["school_id", "incident_id"])
    op.create_table(
        "restrictions",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("incident_id", sa.UUID(), nullable=False),
        sa.Column("entry_id", sa.UUID(), nullable=False),
        sa.Column("about_id", sa.UUID(), nullable=False),
        sa.Column("keeper_id", sa.UUID(), nullable=False),
        sa.Column("dsl_id", sa.UUID(), nullable=False),
        sa.Column("by_id", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.UUID(), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "id"),
        sa.ForeignKeyConstraint(["school_id", "entry_id"], ["entries.school_id", "entries.id"]),
        sa.CheckConstraint("about_id not in (keeper_id, dsl_id) and keeper_id <> dsl_id", name="restrictions_two_others"),
    )
    op.create_index("restrictions_incident", "restrictions", ["school_id", "incident_id"])
    op.create_table(
        "correction_requests",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("incident_id", sa.UUID(), nullable=False),
        sa.Column("entry_id", sa.UUID(), nullable=False),
        sa.Column("asked_by", sa.UUID(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("answered_by", sa.UUID(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("correction_id", sa.UUID(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("school_id", "id"),
        sa.ForeignKeyConstraint(["school_id", "entry_id"], ["entries.school_id", "entries.id"]),
    )
    op.create_index("correction_requests_incident", "correction_requests", ["school_id", "incident_id"])
    op.create_index("correction_requests_open", "correction_requests", ["school_id", "asked_at"], postgresql_where=sa.text("answered_at is null"))
    protect(op, tables=RIGHTS, roles=roles)
    op.execute(_BY_A_MOVE)


def downgrade() -> None:
    roles = Roles(context.config)
    op.execute(_ONCE)
    for table in RIGHTS:
        op.drop_table(table)
    op.execute(f"revoke update (correction_id) on entries from {roles.service}")
    op.execute(_CHANGES.replace("{changing}", "{class}"))
    op.drop_column("entries", "correction_id")
