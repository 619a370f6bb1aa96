"""Content that is lawfully destroyed: who proposed it, who decided, and of which entries. Nothing else lets a word or a salt go."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from safekeep.database import Roles, protect

revision = "0020"
down_revision = "0019"

RIGHTS = {"destructions": "select, insert, update (decided_by, decided_at, decision, decided_why, sequence)", "destroyed": "select, insert"}

_IS_DESTROYED = """
create function is_destroyed(of_school uuid, of_sequence bigint) returns boolean language sql stable as $$
  select exists (select from destroyed d join destructions t on t.school_id = d.school_id and t.id = d.destruction_id
    join entries e on e.school_id = d.school_id and e.id = d.entry_id and e.ledger_sequence = d.sequence
    where d.school_id = of_school and d.sequence = of_sequence and e.id = any(t.entry_ids)
      and t.decision = 'destroy' and t.decided_by <> t.proposed_by)
$$
"""
_PROPOSED_FIRST = """
create function refuse_decided_destruction() returns trigger language plpgsql as $$
begin
  if new.decided_by is not null or new.decided_at is not null or new.decision is not null or new.decided_why <> '' or new.sequence is not null then
    raise exception 'what is destroyed is proposed first' using errcode = '42501';
  end if;
  return new;
end $$
"""
_DECIDED_ONCE = """
create function refuse_change_of_destruction() returns trigger language plpgsql as $$
begin
  if old.decision is not null or new.decision is null or new.decided_by is null or new.decided_at is null
    or to_jsonb(new) - '{decided_by,decided_at,decision,decided_why,sequence}'::text[]
      is distinct from to_jsonb(old) - '{decided_by,decided_at,decision,decided_why,sequence}'::text[] then
    raise exception 'what was proposed is not changed, and decided about once' using errcode = '42501';
  end if;
  return new;
end $$
"""
_DECIDED_FIRST = """
create function refuse_undecided_destroyed() returns trigger language plpgsql as $$
begin
  if not exists (select from destructions t join entries e on e.school_id = t.school_id and e.id = any(t.entry_ids)
      where t.school_id = new.school_id and t.id = new.destruction_id and e.id = new.entry_id and e.ledger_sequence = new.sequence
        and t.decision = 'destroy' and t.decided_by <> t.proposed_by) then
    raise exception 'nobody decided to destroy it' using errcode = '42501';
  end if;
  return new;
end $$
"""
"""A row that is decided already is not put in; a decision is of exactly what was proposed, and stands."""

_ENTRY_DESTROYED = """
create or replace function refuse_change_of_entry() returns trigger language plpgsql as $$
begin
  if to_jsonb(new) - '{class,correction_id}'::text[] is distinct from to_jsonb(old) - '{class,correction_id}'::text[]
    and not (new.text = '' and new.fingerprint = '' and new.files = '[]'::jsonb and old.facts @> new.facts
      and to_jsonb(new) - '{class,correction_id,text,facts,files,fingerprint}'::text[]
        is not distinct from to_jsonb(old) - '{class,correction_id,text,facts,files,fingerprint}'::text[]
      and is_destroyed(old.school_id, old.ledger_sequence)) then
    raise exception 'an entry is not changed' using errcode = '42501';
  end if;
  return new;
end $$
"""
_ENTRY_UNCHANGED = """
create or replace function refuse_change_of_entry() returns trigger language plpgsql as $$
begin
  if to_jsonb(new) - '{class,correction_id}'::text[] is distinct from to_jsonb(old) - '{class,correction_id}'::text[] then
    raise exception 'an entry is not changed' using errcode = '42501';
  end if;
  return new;
end $$
"""
_SALTS_DESTROYED = """
create function refuse_change_of_openings() returns trigger language plpgsql as $$
begin
  if not (old.openings @> new.openings and new.openings -> 'pupils' is not distinct from old.openings -> 'pupils'
      and (new.school_id, new.sequence) = (old.school_id, old.sequence) and is_destroyed(old.school_id, old.sequence)) then
    raise exception 'what opens the ledger is not changed' using errcode = '42501';
  end if;
  return new;
end $$
"""
"""Only what two people are said to have decided about takes words and salts away, whoever asks: the owner of the tables too. Pupils' places stay."""


def upgrade() -> None:
    roles = Roles(context.config)
    op.create_table(
        "destructions",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("incident_id", sa.UUID(), nullable=False),
        sa.Column("entry_id", sa.UUID(), nullable=False),
        sa.Column("entry_ids", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("law", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.UUID(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.UUID(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("decided_why", sa.Text(), server_default="", nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["school_id", "entry_id"], ["entries.school_id", "entries.id"]),
        sa.PrimaryKeyConstraint("school_id", "id"),
        sa.CheckConstraint("decision is distinct from 'destroy' or decided_by <> proposed_by", name="destructions_two_people"),
    )
    op.create_index("destructions_incident", "destructions", ["school_id", "incident_id"])
    op.create_table(
        "destroyed",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", sa.UUID(), nullable=False),
        sa.Column("destruction_id", sa.UUID(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["school_id", "destruction_id"], ["destructions.school_id", "destructions.id"]),
        sa.PrimaryKeyConstraint("school_id", "sequence"),
    )
    op.create_index("destroyed_entry", "destroyed", ["school_id", "entry_id"])
    protect(op, tables=RIGHTS, roles=roles)
    for function in (_PROPOSED_FIRST, _DECIDED_ONCE, _DECIDED_FIRST):
        op.execute(function)
    op.execute("create trigger proposed_first before insert on destructions for each row execute function refuse_decided_destruction()")
    op.execute("create trigger decided_once before update on destructions for each row execute function refuse_change_of_destruction()")
    op.execute("create trigger decided_first before insert on destroyed for each row execute function refuse_undecided_destroyed()")
    op.execute("create trigger append_only before update or delete on destroyed for each row execute function refuse_change()")
    op.execute("create trigger append_only_whole before truncate on destroyed for each statement execute function refuse_change()")
    op.execute("create trigger never_gone before delete on destructions for each row execute function refuse_change()")
    op.execute("create trigger never_gone_whole before truncate on destructions for each statement execute function refuse_change()")
    op.add_column("exports", sa.Column("size", sa.BigInteger(), server_default="0", nullable=False))
    op.execute(_IS_DESTROYED)
    op.execute(_ENTRY_DESTROYED)
    op.execute(_SALTS_DESTROYED)
    op.execute("create trigger salts_stay before update on ledger_openings for each row execute function refuse_change_of_openings()")
    op.execute(f"grant update (text, facts, files, fingerprint) on entries to {roles.service}")
    op.execute(f"grant update (openings) on ledger_openings to {roles.service}")


def downgrade() -> None:
    roles = Roles(context.config)
    op.execute(f"revoke update (openings) on ledger_openings from {roles.service}")
    op.execute(f"revoke update (text, facts, files, fingerprint) on entries from {roles.service}")
    op.execute("drop trigger salts_stay on ledger_openings")
    op.execute("drop function refuse_change_of_openings")
    op.execute(_ENTRY_UNCHANGED)
    op.execute("drop function is_destroyed")
    op.drop_column("exports", "size")
    op.drop_table("destroyed")
    op.drop_table("destructions")
    for name in ("refuse_undecided_destroyed", "refuse_change_of_destruction", "refuse_decided_destruction"):
        op.execute(f"drop function {name}")
