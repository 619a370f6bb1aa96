"""The proof: signed heads, witnesses, exports, what the self-check found; and entries that refuse change to everybody."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from safekeep.database import DELIVERY_TABLES, Roles, protect

revision = "0006"
down_revision = "0005"

SERVICE_RIGHTS = {
    "signed_heads": "select, insert",
    "witnesses": "select, insert, update",
    "exports": "select, insert, update",
    "export_pieces": "select, insert, delete",
    "ledger_checks": "select, insert, update",
    "alterations": "select, insert, update",
    "ledger_work": "select, insert, update, delete",
}

_CLASS_ALONE = """
create function refuse_change_of_entry() returns trigger language plpgsql as $$
begin
  if to_jsonb(new) - 'class' is distinct from to_jsonb(old) - 'class' then
    raise exception 'an entry is not changed' using errcode = '42501';
  end if;
  return new;
end $$
"""
"""Of an entry nothing changes but its class, whoever asks: the owner of the table too."""

NEVER_GONE = ("entries", "incidents", "ledger_openings")
"""Rows of these are neither deleted nor truncated by a service, a worker or the owner."""


def upgrade() -> None:
    _tables()
    protect(op, tables=SERVICE_RIGHTS, roles=Roles(context.config), worker_tables=(*DELIVERY_TABLES, "ledger_work"))
    op.execute("create trigger append_only before update or delete on signed_heads for each row execute function refuse_change()")
    op.execute("create trigger append_only_whole before truncate on signed_heads for each statement execute function refuse_change()")
    op.execute(_CLASS_ALONE)
    op.execute("create trigger class_alone before update on entries for each row execute function refuse_change_of_entry()")
    for table in NEVER_GONE:
        op.execute(f"create trigger never_gone before delete on {table} for each row execute function refuse_change()")
        op.execute(f"create trigger never_gone_whole before truncate on {table} for each statement execute function refuse_change()")
    op.execute("insert into ledger_work (school_id, kind, subject, due_at) select school_id, 'check', school_id, now() from ledger_heads")


def downgrade() -> None:
    for table in NEVER_GONE:
        op.execute(f"drop trigger never_gone on {table}")
        op.execute(f"drop trigger never_gone_whole on {table}")
    op.execute("drop trigger class_alone on entries")
    op.execute("drop function refuse_change_of_entry")
    for table in ("export_pieces", "exports", "signed_heads", "witnesses", "ledger_checks", "alterations", "ledger_work"):
        op.drop_table(table)


def _tables() -> None:
    op.create_table(
        "signed_heads",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("last", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("public", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_index("signed_heads_at", "signed_heads", ["school_id", "at"])
    op.create_table(
        "witnesses",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("added_by", sa.UUID(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.UUID(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_table(
        "exports",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("scope_id", sa.UUID(), nullable=False),
        sa.Column("with_linked", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("school_name", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.UUID(), nullable=False),
        sa.Column("asked_name", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("files", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_index("exports_asked", "exports", ["school_id", "asked_at"])
    op.create_table(
        "export_pieces",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("export_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("data", postgresql.BYTEA(), nullable=False),
        sa.ForeignKeyConstraint(["school_id", "export_id"], ["exports.school_id", "exports.id"]),
        sa.PrimaryKeyConstraint("school_id", "export_id", "number"),
    )
    op.create_table(
        "ledger_checks",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("at_latest", sa.Text(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("whole_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("school_id"),
    )
    op.create_table(
        "alterations",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.UUID(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_index("alterations_incident", "alterations", ["school_id", "incident_id"])
    op.create_table(
        "ledger_work",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.UUID(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "kind", "subject"),
    )
    op.create_index("ledger_work_due", "ledger_work", ["due_at"])
