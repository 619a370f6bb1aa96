"""The tables of reports. No pupil's name, no narrative."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from safekeep.database import delivery_tables

metadata = sa.MetaData()
delivery_tables(metadata)

schools = sa.Table(
    "schools",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("trust_id", pg.UUID, nullable=False),
    sa.Column("zone", sa.Text, nullable=False),
    sa.Index("schools_trust", "trust_id"),
)
counted = sa.Table(
    "counted",
    metadata,
    sa.Column("school_id", pg.UUID, primary_key=True),
    sa.Column("incident_id", pg.UUID, primary_key=True),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("class", sa.SmallInteger, nullable=False),
    sa.Column("categories", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("main", sa.Text, nullable=False),
    sa.Column("actions", sa.Integer, nullable=False),
    sa.Index("counted_month", "school_id", "month"),
)
