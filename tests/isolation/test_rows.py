"""Row-level security, on the real schemas with a row in every table: no school set, no rows; another school, no rows."""

import datetime as dt
import importlib
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.dialects import postgresql as pg

from deploy.local import servers
from safekeep.database import SERVICES, alembic_config
from safekeep.ids import new_id
from tests.servers import Postgres

OPEN = {("identity", "trusts")}
"""Seen without a school: the names of trusts are no secret, and every school's page names its own."""

_UNPROTECTED = sa.text(
    "select relname from pg_class c join pg_namespace n on n.oid = relnamespace "
    "where nspname = 'public' and relkind in ('r', 'p') and relname <> 'alembic_version' "
    "and not (relrowsecurity and relforcerowsecurity and (select count(*) from pg_policy where polrelid = c.oid) >= 2)"
)


def unprotected(connection: sa.Connection) -> list[str]:
    """Return the tables that are not under forced row-level security with a policy for the owner and one for the service."""
    return list(connection.execute(_UNPROTECTED).scalars())


def connect(url: str) -> sa.Engine:
    return sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"), poolclass=sa.NullPool)


class Database:
    """A service's database with one row in every table, all of one school."""

    def __init__(self, postgres: Postgres, service: str) -> None:
        name = f"t_{uuid.uuid4().hex[:16]}"
        urls, prefix = postgres.clone(service, name), service.upper()
        self.service, self.school = service, new_id()
        self.tables: list[sa.Table] = importlib.import_module(f"services.{service}.store").metadata.sorted_tables
        self.admin = connect(str(sa.make_url(postgres.admin).set(database=name).render_as_string(hide_password=False)))
        self.as_service, self.as_worker = connect(urls[f"{prefix}_DATABASE_URL"]), connect(urls[f"{prefix}_WORKER_DATABASE_URL"])
        with self.admin.begin() as tx:
            tx.execute(sa.text("set local session_replication_role = replica"))  # a row in every table, without its relations
            for table in self.tables:
                tx.execute(table.insert().values(**{column.name: self.value(column) for column in table.columns}))

    def value(self, column: sa.Column[Any]) -> Any:
        """Return something for a column; the school is always the same."""
        if column.name == "school_id":
            return self.school
        if (column.table.name, column.name) == ("machines", "trust_id"):  # a program is a school's or a trust's: this one is the school's
            return None
        kinds: list[tuple[Any, Any]] = [
            (sa.ARRAY, []),
            (pg.JSONB, {}),
            (sa.LargeBinary, b"x"),
            (sa.Boolean, False),
            (sa.Integer, 1),
            (sa.DateTime, dt.datetime.now(dt.UTC)),
            (sa.Date, dt.date(2026, 1, 1)),
            (sa.Uuid, new_id()),
            (sa.Text, "x"),
        ]
        return next(value for kind, value in kinds if isinstance(column.type, kind))

    def seen(self, engine: sa.Engine, table: sa.Table, **settings: str) -> int | None:
        """Return how many rows of a table are seen; None where even asking is refused."""
        with engine.begin() as tx:
            for name, value in settings.items():
                tx.execute(sa.text("select set_config(:name, :value, true)"), {"name": f"safekeep.{name}", "value": value})
            try:
                return int(tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
            except sa.exc.ProgrammingError as refused:
                if "permission denied" in str(refused):
                    return None
                raise


@pytest.fixture(params=SERVICES)
def database(request: pytest.FixtureRequest, postgres: Postgres) -> Iterator[Database]:
    made = Database(postgres, request.param)
    yield made
    for engine in (made.admin, made.as_service, made.as_worker):
        engine.dispose()


def test_with_no_school_set_the_service_sees_no_row_of_any_table(database: Database) -> None:
    assert all(database.seen(database.admin, table) == 1 for table in database.tables), "there is a row to be seen"
    open_to_all = {(database.service, table.name) for table in database.tables if database.seen(database.as_service, table)}
    assert open_to_all == {place for place in OPEN if place[0] == database.service}


@pytest.mark.parametrize("settings", [{"school_id": str(new_id())}, {"school_id": ""}, {"school_id": str(new_id()), "person_id": str(new_id())}])
def test_with_another_school_set_the_service_sees_no_row_of_this_one(database: Database, settings: dict[str, str]) -> None:
    for table in database.tables:
        if (database.service, table.name) not in OPEN:
            assert not database.seen(database.as_service, table, **settings), table.name


def test_with_its_school_set_the_service_sees_the_rows_of_every_table_that_has_one(database: Database) -> None:
    """So the tests above are not true of a service that sees nothing at all."""
    found = {table.name for table in database.tables if database.seen(database.as_service, table, school_id=str(database.school)) == 1}
    of_a_school = {table.name for table in database.tables if "school_id" in table.columns and table.columns["school_id"].primary_key}
    assert of_a_school
    assert of_a_school - found == set()


def test_the_worker_sees_deliveries_and_timers_of_all_schools_and_cannot_ask_about_anything_else(database: Database) -> None:
    seen = {table.name for table in database.tables if database.seen(database.as_worker, table) is not None}
    assert {"outbox", "inbox", "retries"} <= seen
    records = {"incidents", "entries", "people", "sessions", "alerts", "pupils", "audit", "memberships", "rights", "ledger"}
    assert seen & records == set()


def test_a_new_table_without_a_policy_is_found(postgres: Postgres) -> None:
    made = Database(postgres, "files")
    with made.admin.begin() as tx:
        assert unprotected(tx) == []
        tx.execute(sa.text("create table new_thing (school_id uuid primary key)"))
        assert unprotected(tx) == ["new_thing"]
        tx.execute(sa.text("alter table new_thing enable row level security"))
        assert unprotected(tx) == ["new_thing"], "enabled is not forced, and there is no policy"
    made.admin.dispose()


def test_a_migrations_backfill_really_changes_rows(postgres: Postgres) -> None:
    """The owner has a policy of its own: under forced row-level security an update without one succeeds and touches nothing."""
    name = f"t_{uuid.uuid4().hex[:16]}"
    servers.make_database(postgres.admin, service="identity", name=name)
    urls = postgres.urls("identity", name)
    config = alembic_config(
        owner_url=urls["IDENTITY_OWNER_DATABASE_URL"], service="identity", service_role="identity_service", worker_role="identity_worker"
    )
    command.upgrade(config, "0001")
    admin = connect(str(sa.make_url(postgres.admin).set(database=name).render_as_string(hide_password=False)))
    person, school, trust = new_id(), new_id(), new_id()
    with admin.begin() as tx:
        tx.execute(sa.text("insert into people (id, name, email, password_hash, demo) values (:id, 'A', 'a@x.example', 'x', false)"), {"id": person})
        tx.execute(sa.text("insert into trusts values (:id, 'trust', 'Trust')"), {"id": trust})
        tx.execute(
            sa.text("insert into schools values (:id, :trust, 'one', 'One', 'primary', 'Europe/London', 930, false, false)"),
            {"id": school, "trust": trust},
        )
    command.upgrade(config, "head")
    with admin.begin() as tx:
        assert tx.execute(sa.text("select password_set_at is not null from people")).scalar_one()
        assert tx.execute(sa.text("select school_id, min_length, change_days from policies")).all() == [(school, 8, 60)]
        tx.execute(sa.text("drop policy owner_all on people"))
    owner = connect(urls["IDENTITY_OWNER_DATABASE_URL"])
    with owner.begin() as tx:
        assert tx.execute(sa.text("update people set name = 'B'")).rowcount == 0
    for engine in (admin, owner):
        engine.dispose()
