"""The tables of reports, and every query. Each function takes the transaction first; the school is in every query."""

from services.reports.store.counts import (
    drop_asked,
    incident,
    keep,
    keep_asked,
    keep_school,
    overdue,
    read,
    recorded_between,
    rows_of,
    schools_of,
    totals_of,
    zone_of,
)
from services.reports.store.governors import (
    add_report,
    change_report,
    claim_looks,
    cycle_of,
    drop_draft,
    keep_cycle,
    keep_meeting,
    known_since,
    look_at,
    meeting_with,
    meetings_of,
    next_number,
    plan_meetings,
    published,
    published_since,
    report_with,
)
from services.reports.store.tables import metadata
