"""Files encrypted with a key each, wrapped by a key of their school; what is known of each; scanning; which sorts a school takes."""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from safekeep.database import Roles, protect

revision = "0005"
down_revision = "0004"

WORKER = "format, finished_at, scan, looked_at, locked_at, destroyed_at"


def upgrade() -> None:
    op.create_table(
        "school_keys",
        sa.Column("school_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("wrapped", sa.Text(), nullable=False),
        sa.Column("wrapped_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("school_id", "id"),
    )
    op.create_index("school_keys_made", "school_keys", ["school_id", "made_at"])
    roles = Roles(context.config)
    protect(op, tables={"school_keys": "select, insert, update, delete"}, roles=roles, worker_tables=("school_keys",))
    op.execute(f"revoke all on school_keys from {roles.worker}")
    op.execute(f"grant select (school_id, id, wrapped_by, made_at) on school_keys to {roles.worker}")
    op.add_column("schools", sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=True))
    for column in (
        sa.Column("format", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("school_key_id", sa.UUID(), nullable=True),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("scan", sa.Text(), nullable=False, server_default="not_scanned"),
        sa.Column("facts", postgresql.JSONB(), nullable=False, server_default="{}"),
        sa.Column("previews", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("locked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
    ):
        op.add_column("files", column)
    op.create_index("files_scan", "files", ["finished_at"], unique=False, postgresql_where=sa.text("scan = 'waiting'"))
    op.create_index("files_look", "files", ["finished_at"], unique=False, postgresql_where=sa.text("looked_at is null and finished_at is not null"))
    op.create_index("files_lock", "files", ["sealed_at"], unique=False, postgresql_where=sa.text("locked_at is null and sealed_at is not null"))
    op.create_index("files_key", "files", ["school_id", "school_key_id"], unique=False)
    op.execute(f"grant select ({WORKER}) on files to {roles.worker}")


def downgrade() -> None:
    worker = Roles(context.config).worker
    op.execute(f"revoke select ({WORKER}) on files from {worker}")
    for index in ("files_scan", "files_look", "files_lock", "files_key"):
        op.drop_index(index, "files")
    for name in "format school_key_id wrapped_key kind scan facts previews looked_at locked_at blocked_at destroyed_at".split():
        op.drop_column("files", name)
    op.drop_column("schools", "kinds")
    op.execute("drop table school_keys")
