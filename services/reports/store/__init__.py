"""The tables of reports, and every query. Each function takes the transaction first; the school is in every query."""

from services.reports.store.counts import incident, keep, keep_school, rows_of, schools_of, totals_of, zone_of
from services.reports.store.tables import metadata
