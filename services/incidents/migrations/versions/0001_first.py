"""The first tables: pupils, incidents, entries, rights and the ledger."""

from alembic import context, op

from safekeep.database import DELIVERY_RIGHTS, Roles, protect
from services.incidents.store import CLASS_ONLY, SERVICE_RIGHTS, metadata

revision = "0001"
down_revision = None

_REFUSE = """
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the ledger is append-only' using errcode = '42501';
end $$
"""


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    roles = Roles(context.config)
    protect(op, tables=SERVICE_RIGHTS | DELIVERY_RIGHTS, roles=roles)
    for table in CLASS_ONLY:
        columns = "class, categories" if table == "incidents" else "class"
        op.execute(f"grant update ({columns}) on {table} to {roles.service}")
    op.execute(_REFUSE)
    op.execute("create trigger append_only before update or delete on ledger for each row execute function refuse_change()")
    op.execute("create trigger append_only_whole before truncate on ledger for each statement execute function refuse_change()")


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
    op.execute("drop function refuse_change")
