"""Alembic's entry: see safekeep.database.run_migrations."""

from alembic import context

from safekeep.database import run_migrations
from services.reports.store import metadata

run_migrations(context, metadata)
