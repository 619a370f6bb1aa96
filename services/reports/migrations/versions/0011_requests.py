"""Requests for information: the log, each one's history, what is left out and what was given, and when it is looked at next."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from safekeep.database import ALL_RIGHTS, Roles, protect

revision = "0011"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "information_requests",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asker", sa.Text(), nullable=False),
        sa.Column("pupil_id", sa.UUID(), nullable=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("identity_asked", sa.Boolean(), nullable=False),
        sa.Column("identity_how", sa.Text(), nullable=True),
        sa.Column("identity_on", sa.Date(), nullable=True),
        sa.Column("identity_by", sa.UUID(), nullable=True),
        sa.Column("extended", sa.Boolean(), nullable=False),
        sa.Column("given_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("warned_on", sa.Date(), nullable=True),
        sa.Column("letter", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.UUID(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proposed_texts", postgresql.JSONB(), nullable=True),
        sa.Column("confirmed_by", sa.UUID(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("school_id", "id"),
        sa.UniqueConstraint("school_id", "year", "number"),
        sa.CheckConstraint("proposed_by <> confirmed_by", name="information_requests_two_people"),
        sa.CheckConstraint("stage <> 'confirmed' or (confirmed_by is not null and proposed_by is not null)", name="information_requests_confirmed"),
        sa.CheckConstraint("state <> 'nothing_held' or letter is not null", name="information_requests_letter"),
    )
    op.create_table(
        "request_steps",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("request_id", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.UUID(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "id"),
        sa.ForeignKeyConstraint(["school_id", "request_id"], ["information_requests.school_id", "information_requests.id"]),
    )
    op.create_index("request_steps_request", "request_steps", ["school_id", "request_id", "at"])
    op.create_table(
        "given_documents",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("request_id", sa.UUID(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("entry_hash", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.UUID(), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "id"),
        sa.ForeignKeyConstraint(["school_id", "request_id"], ["information_requests.school_id", "information_requests.id"]),
    )
    op.create_index("given_documents_request", "given_documents", ["school_id", "request_id"])
    op.create_table(
        "redactions",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("request_id", sa.UUID(), nullable=False),
        sa.Column("entry_id", sa.UUID(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("stop", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("by_id", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "request_id", "entry_id", "part", "start", "stop"),
        sa.ForeignKeyConstraint(["school_id", "request_id"], ["information_requests.school_id", "information_requests.id"]),
        sa.CheckConstraint("not accepted or reason is not null", name="redactions_reason"),
    )
    op.create_table(
        "request_looks",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("request_id", sa.UUID(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "request_id"),
    )
    op.create_index("request_looks_due", "request_looks", ["next_at"])
    added = "select, insert"
    changed = "select, insert, update"
    tables = {"information_requests": changed, "redactions": changed, "request_steps": added, "given_documents": added, "request_looks": ALL_RIGHTS}
    protect(op, tables=tables, roles=Roles(context.config), worker_tables=("request_looks",))


def downgrade() -> None:
    for table in ("request_looks", "redactions", "given_documents", "request_steps", "information_requests"):
        op.drop_table(table)
