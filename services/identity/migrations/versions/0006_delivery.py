"""Events an operator dropped, with the reason; and the keys under which a program repeats a call."""

from alembic import context, op

from safekeep.database import Roles, second_delivery_tables

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    second_delivery_tables(op, Roles(context.config))


def downgrade() -> None:
    for table in ("idempotency_keys", "dropped_events"):
        op.execute(f"drop table {table}")
