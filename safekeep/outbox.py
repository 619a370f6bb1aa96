"""What has happened, kept in the same transaction as the happening; the relay publishes it afterwards.

`add` takes the transaction, so that publishing outside one cannot be written.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import clock
from safekeep.contracts import Event
from safekeep.ids import new_id

_ADD = sa.text(
    "with numbered as (insert into outbox_sequences (school_id, subject, sequence) values (:school_id, :subject, 1) "
    "on conflict (school_id, subject) do update set sequence = outbox_sequences.sequence + 1 returning sequence), "
    "added as (insert into outbox (id, school_id, name, version, body) "
    "select :id, :school_id, :name, :version, jsonb_set(cast(:body as jsonb), '{sequence}', to_jsonb(sequence)) from numbered) "
    "select pg_notify('outbox', '')"
)


def add(tx: sa.Connection, event_class: type[Event], *, school_id: UUID, subject: UUID, at: datetime | None = None, **fields: Any) -> None:
    """Put an event in the outbox with the next sequence number of its subject; `at` when it happened, now if not said."""
    event = event_class(id=new_id(), at=at or clock.now(), school_id=school_id, subject=subject, sequence=1, **fields)
    row = {"id": event.id, "school_id": school_id, "subject": subject, "name": event.name, "version": event.version}
    tx.execute(_ADD, {**row, "body": event.model_dump_json()})
