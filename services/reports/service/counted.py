"""What a report to governors is made of, from what reports has counted of the events."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa

from safekeep.permissions import Class
from services.reports import store
from services.reports.governing import Concern, Counted

KNOWN = frozenset({"month", "category", "class", "acknowledged", "answered", "overdue"})
"""What is counted until now; the template's other tables are left out until they can be told."""


def counted_for(tx: sa.Connection, *, school_id: UUID, zone: str, since: date, today: date) -> Counted:
    """Return what was recorded at a school since then, and how things stand today."""
    rows = store.recorded_between(tx, school_id=school_id, zone=zone, since=since, until=today)
    concerns = [
        Concern(
            on=row.on_day,
            category=row.main,
            class_code=Class(row.class_number).code,
            year_group="",
            acknowledged=row.read_after,
            answered=row.answered_after,
        )
        for row in rows
    ]
    return Counted(concerns=concerns, children={}, overdue=store.overdue(tx, school_id=school_id, today=today), known=KNOWN)
