"""Reports to governors: drafts, and what was approved, byte for byte. A published one never changes."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from safekeep.database import Roles, protect

revision = "0006"
down_revision = "0005"

KEPT = """
create function governor_report_stays() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and old.state = 'draft' then
        return old;
    end if;
    if tg_op = 'DELETE' or old.state = 'published' or (old.content is not null and new.content is distinct from old.content) then
        raise exception 'a published report never changes' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""


def upgrade() -> None:
    op.create_table(
        "governor_reports",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("meeting_id", sa.UUID(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tables", postgresql.JSONB(), nullable=False),
        sa.Column("known", postgresql.JSONB(), nullable=False),
        sa.Column("words", postgresql.JSONB(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("chair_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("approved_by", sa.UUID(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("entry_hash", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "id"),
        sa.ForeignKeyConstraint(["school_id", "meeting_id"], ["meetings.school_id", "meetings.id"]),
        sa.UniqueConstraint("school_id", "meeting_id"),
        sa.UniqueConstraint("school_id", "year", "number"),
        sa.CheckConstraint("state <> 'published' or (content is not null and sequence is not null)", name="governor_reports_published"),
    )
    op.execute(KEPT)
    op.execute(
        "create trigger governor_report_stays before update or delete on governor_reports for each row execute function governor_report_stays()"
    )
    protect(op, tables={"governor_reports": "select, insert, update, delete"}, roles=Roles(context.config), worker_tables=())


def downgrade() -> None:
    op.drop_table("governor_reports")
    op.execute("drop function governor_report_stays()")
