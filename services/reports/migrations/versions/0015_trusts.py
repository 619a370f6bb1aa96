"""A trust's own meetings and reports, kept under the trust's id as a school's are under its own; and what each school gives to a report."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from safekeep.database import ALL_RIGHTS, Roles, protect

revision = "0015"
down_revision = "0014"

_TRUST = "trust_id = nullif(current_setting('safekeep.trust_id', true), '')::uuid"
_STAYS = """
create function trust_part_stays() returns trigger language plpgsql as $$
begin
    if old.sequence is not null and (tg_op = 'DELETE' or new.tables is distinct from old.tables or new.known is distinct from old.known
            or new.sequence is distinct from old.sequence or new.entry_hash is distinct from old.entry_hash) then
        raise exception 'what a published report is made of never changes' using errcode = 'check_violation';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end $$
"""
_PUBLISHED = "governor_reports_published"


def upgrade() -> None:
    for table in ("cycles", "governor_reports"):
        op.add_column(table, sa.Column("of_trust", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.drop_constraint(_PUBLISHED, "governor_reports")
    op.create_check_constraint(_PUBLISHED, "governor_reports", "state <> 'published' or (content is not null and (of_trust or sequence is not null))")
    op.create_table(
        "trust_parts",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("report_id", sa.UUID(), nullable=False),
        sa.Column("trust_id", sa.UUID(), nullable=False),
        sa.Column("draft_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("on_roll", sa.Integer(), nullable=True),
        sa.Column("tables", postgresql.JSONB(), nullable=False),
        sa.Column("known", postgresql.JSONB(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("entry_hash", sa.Text(), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "report_id"),
    )
    op.create_index("trust_parts_report", "trust_parts", ["trust_id", "report_id"])
    op.execute(_STAYS)
    op.execute("create trigger trust_part_stays before update or delete on trust_parts for each row execute function trust_part_stays()")
    roles = Roles(context.config)
    protect(op, tables={"trust_parts": ALL_RIGHTS}, roles=roles, worker_tables=())
    op.execute(f"create policy one_trust on trust_parts for select to {roles.service} using ({_TRUST})")


def downgrade() -> None:
    op.drop_table("trust_parts")
    op.execute("drop function trust_part_stays()")
    op.execute("delete from governor_reports where of_trust and state <> 'published'")
    op.drop_constraint(_PUBLISHED, "governor_reports")
    op.create_check_constraint(_PUBLISHED, "governor_reports", "state <> 'published' or (content is not null and sequence is not null)")
    for table in ("governor_reports", "cycles"):
        op.drop_column(table, "of_trust")
