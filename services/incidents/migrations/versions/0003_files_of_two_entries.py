"""One file may be attached to several entries."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.drop_constraint("entry_files_pkey", "entry_files", type_="primary")
    op.create_primary_key("entry_files_pkey", "entry_files", ["school_id", "file_id", "entry_id"])


def downgrade() -> None:
    op.drop_constraint("entry_files_pkey", "entry_files", type_="primary")
    op.create_primary_key("entry_files_pkey", "entry_files", ["school_id", "file_id"])
