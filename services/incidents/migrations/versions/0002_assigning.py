"""An incident recorded of a pupil not listed can be assigned, once, to the pupil it is about."""

import sqlalchemy as sa
from alembic import context, op

from safekeep.database import Roles

revision = "0002"
down_revision = "0001"

_ONCE = """
create function refuse_other_pupil() returns trigger language plpgsql as $$
begin
  if new.pupil_id is distinct from old.pupil_id
    and not exists (select from pupils p where p.school_id = old.school_id and p.id = old.pupil_id and p.holding) then
    raise exception 'only the holding pupil gives its place to another' using errcode = '42501';
  end if;
  return new;
end $$
"""
"""Whom an incident is about stays so, whatever a service asks for; only "not listed, or not sure who" becomes somebody."""

TABLES = ("incidents", "incident_pupils")


def upgrade() -> None:
    service = Roles(context.config).service
    op.add_column("incidents", sa.Column("assignment_id", sa.UUID(), nullable=True))
    op.execute(_ONCE)
    for table in TABLES:
        op.execute(f"create trigger one_pupil before update of pupil_id on {table} for each row execute function refuse_other_pupil()")
    op.execute(f"grant update (pupil_id, assignment_id) on incidents to {service}")
    op.execute(f"grant update (pupil_id) on incident_pupils to {service}")


def downgrade() -> None:
    service = Roles(context.config).service
    op.execute(f"revoke update (pupil_id) on incident_pupils from {service}")
    op.execute(f"revoke update (pupil_id) on incidents from {service}")
    for table in TABLES:
        op.execute(f"drop trigger one_pupil on {table}")
    op.execute("drop function refuse_other_pupil")
    op.drop_column("incidents", "assignment_id")
