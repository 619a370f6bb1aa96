"""The worker role reads which drafts and files are due, and neither a draft's words nor a file's name."""

from alembic import context, op

from safekeep.database import Roles

revision = "0003"
down_revision = "0002"

COLUMNS = {
    "drafts": "school_id, id, author_id, saved_at, ended_at, remind_at",
    "files": "school_id, id, author_id, size, begun_at, sealed_at",
}


def upgrade() -> None:
    worker = Roles(context.config).worker
    for table, columns in COLUMNS.items():
        op.execute(f"revoke all on {table} from {worker}")
        op.execute(f"grant select ({columns}), delete on {table} to {worker}")


def downgrade() -> None:
    worker = Roles(context.config).worker
    for table, columns in COLUMNS.items():
        op.execute(f"revoke select ({columns}), delete on {table} from {worker}")
        op.execute(f"grant select, insert, update, delete on {table} to {worker}")
