"""A service's own PostgreSQL database: engines, transactions, and what every migration needs.

Three roles a database: the owner (migrations), the service (one school a transaction) and the worker (all schools'
outbox, inbox, retries and timers). Row-level security is forced and fails closed: no school set, no rows.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import sqlalchemy as sa
from psycopg import sql
from psycopg.abc import PQGen
from psycopg.generators import send
from psycopg.rows import namedtuple_row
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.exc import DBAPIError

from safekeep.errors import StorageError

if TYPE_CHECKING:  # a dozen processes that migrate nothing start without it
    from alembic.config import Config

SERVICES = ("identity", "incidents", "alerts", "files", "reports")


_OPTIONS = "-c timezone=UTC -c lock_timeout=5000"


def engine(url: str, *, size: int = 10, snapshot: bool = False) -> sa.Engine:
    """Return an engine whose errors and logs carry no parameters. `size`: connections kept, and as many again in a rush.

    `snapshot`: a transaction sees what was there when it began, however long it reads.
    """
    full = sa.make_url(url).set(drivername="postgresql+psycopg")
    return sa.create_engine(
        full,
        pool_size=size,
        max_overflow=size,
        pool_timeout=5,
        hide_parameters=True,
        pool_use_lifo=True,
        isolation_level="AUTOCOMMIT",  # `transaction` begins itself
        connect_args={"connect_timeout": 5, "options": _OPTIONS + (r" -c default_transaction_isolation=repeatable\ read" if snapshot else "")},
    )


@contextmanager
def transaction(engine: sa.Engine, *, school_id: UUID | None = None, plan_once: bool = False, **settings: str) -> Iterator[sa.Connection]:
    """Open a transaction in which row-level security shows one school's rows (or none); commit at the end.

    `plan_once`: its statements are short and always find what they want by the same index, so that a plan is made once a connection and
    not for each run (PostgreSQL would go on making it where a value is a list, which takes longer than the statement).
    `settings` are further names policies look at, such as person_id for identity. Raises StorageError, from None:
    a driver's error quotes the failing row, and nameko would serialise and log that.
    """
    values = {f"safekeep.{name}": value for name, value in settings.items()}
    if school_id:
        values["safekeep.school_id"] = str(school_id)
    if plan_once:
        values["plan_cache_mode"] = "force_generic_plan"
    try:
        with engine.begin() as tx:
            _begin(tx, values)
            yield tx
    except (DBAPIError, psycopg.Error) as error:
        raise storage_error(error) from None
    except sa.exc.TimeoutError:
        raise StorageError("53300", "") from None


@contextmanager
def together(tx: sa.Connection, *, and_commit: bool = False) -> Iterator[None]:
    """Send the statements of the block in one go at its end, without waiting for each one's answer: one round trip for all.

    Each sees what those before it did; the first that fails is raised at the end of the block, and ends the transaction. For writing
    only: what a statement would return is not there yet. `and_commit`: they are the last of the transaction, and what it has locked is
    not to wait for us in between.
    """
    driver = _driver(tx)
    driver._pipeline = _InOneGo(driver)
    try:
        with driver._pipeline:
            yield
            if and_commit:
                driver.execute("commit", prepare=False)
    finally:
        driver._pipeline = None


def read_together(tx: sa.Connection, *statements: tuple[sa.TextClause, dict[str, Any]]) -> list[list[Any]]:
    """Run statements in one round trip, each seeing what those before it did; return the rows of each, by name."""
    driver = _driver(tx)
    with together(tx):
        cursors = [driver.cursor(row_factory=namedtuple_row).execute(_in_drivers_words(text, tx.dialect), values) for text, values in statements]
    return [cursor.fetchall() for cursor in cursors]


class _InOneGo(psycopg.Pipeline):
    """psycopg's pipeline, but for when it speaks: it would send each statement by itself, and wake the server, and be woken, for each.

    What is executed is only put into the connection's buffer; it is sent, and the answers read, when the pipeline ends (or somebody wants rows).
    """

    def _communicate_gen(self) -> PQGen[None]:
        while self.command_queue:
            self.command_queue.popleft()()
        yield from ()

    def _fetch_gen(self, *, flush: bool) -> PQGen[None]:
        if flush:
            self.pgconn.send_flush_request()
        yield from send(self.pgconn)
        yield from super()._fetch_gen(flush=False)

    def _exit_gen(self) -> PQGen[None]:
        yield from self._sync_gen()


@functools.cache
def _in_drivers_words(statement: sa.TextClause, dialect: sa.Dialect) -> str:
    return str(statement.compile(dialect=dialect))


def _driver(tx: sa.Connection) -> psycopg.Connection[Any]:
    return tx.connection.driver_connection  # type: ignore[return-value]


def _begin(tx: sa.Connection, values: dict[str, str]) -> None:
    """Begin, and say what policies look at, in one round trip: a third of a short transaction's time was these two."""
    driver = _driver(tx)
    settings = [sql.SQL("set_config({}, {}, true)").format(name, value) for name, value in values.items()]
    try:
        driver.execute(sql.SQL("begin; select {}").format(sql.SQL(", ").join(settings)) if settings else "begin", prepare=False)
    except psycopg.Error:
        if driver.closed:  # the server has gone or come back: every connection kept is as dead
            tx.invalidate()
            tx.engine.dispose()
        raise


def storage_error(error: DBAPIError | psycopg.Error) -> StorageError:
    """Return what may be told of a driver's error: its SQLSTATE and the constraint's name."""
    original: Any = error.orig if isinstance(error, DBAPIError) else error
    diagnostics = getattr(original, "diag", None)
    return StorageError(getattr(original, "sqlstate", None) or "", getattr(diagnostics, "constraint_name", None) or "")


def answers(engine: sa.Engine) -> bool:
    """Whether the database answers now."""
    try:
        with engine.connect() as connection:
            connection.execute(sa.text("select 1"))
        return True
    except (DBAPIError, sa.exc.TimeoutError):
        return False


# --- tables that every service has ---------------------------------------------------------------------------------


def delivery_tables(metadata: sa.MetaData) -> None:
    """Add outbox, inbox, inbox_positions, retries and what operators and repeated calls need to a service's tables."""
    sa.Table(
        "outbox",
        metadata,
        sa.Column("id", pg.UUID, primary_key=True),
        sa.Column("school_id", pg.UUID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("body", pg.JSONB, nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
        sa.Column("published_at", sa.DateTime(timezone=True)),
        sa.Index("outbox_waiting", "id", postgresql_where=sa.text("published_at is null")),
    )
    sa.Table(
        "outbox_sequences",
        metadata,
        sa.Column("school_id", pg.UUID, primary_key=True),
        sa.Column("subject", pg.UUID, primary_key=True),
        sa.Column("sequence", sa.Integer, nullable=False),
    )
    sa.Table(
        "inbox",
        metadata,
        sa.Column("event_id", pg.UUID, primary_key=True),
        sa.Column("school_id", pg.UUID, nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
    )
    sa.Table(
        "inbox_positions",
        metadata,
        sa.Column("school_id", pg.UUID, primary_key=True),
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("subject", pg.UUID, primary_key=True),
        sa.Column("sequence", sa.Integer, nullable=False),
    )
    sa.Table(
        "retries",
        metadata,
        sa.Column("event_id", pg.UUID, primary_key=True),
        sa.Column("school_id", pg.UUID, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("subject", pg.UUID, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("body", pg.JSONB, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Index("retries_due", "next_at"),
        sa.Index("retries_subject", "school_id", "owner", "subject"),
    )

    sa.Table(
        "dropped_events",
        metadata,
        sa.Column("event_id", pg.UUID, primary_key=True),
        sa.Column("school_id", pg.UUID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
    )
    sa.Table(
        "idempotency_keys",
        metadata,
        sa.Column("school_id", pg.UUID, primary_key=True),
        sa.Column("person_id", pg.UUID, primary_key=True),
        sa.Column("key", pg.BYTEA, primary_key=True),  # a keyed hash of what the client sent as key
        sa.Column("fingerprint", pg.BYTEA, nullable=False),  # a keyed hash of the content it was sent with
        sa.Column("kid", sa.Text, nullable=False),
        sa.Column("result_id", pg.UUID, nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.Index("idempotency_keys_age", "kept_at"),
    )


def second_delivery_tables(operations: Any, roles: "Roles") -> None:
    """What the migration of each service makes for events an operator dropped, and for the keys of repeated calls."""
    made = sa.MetaData()
    delivery_tables(made)
    new = ("dropped_events", "idempotency_keys")
    for name in new:
        made.tables[name].create(operations.get_bind())
    rights = {"dropped_events": "select, insert", "idempotency_keys": "select, insert, delete"}
    protect(operations, tables=rights, roles=roles, worker_tables=new)


DELIVERY_TABLES = ("outbox", "outbox_sequences", "inbox", "inbox_positions", "retries")


def protect(operations: Any, *, tables: dict[str, str], roles: "Roles", worker_tables: tuple[str, ...] = DELIVERY_TABLES) -> None:
    """Grant and isolate tables in a migration. `tables`: table → the service's rights, such as "select, insert".

    Every table gets forced row-level security: the service sees the rows of the school that is set, the owner all of
    them (so that a migration's backfill really touches rows), and the worker all rows of `worker_tables` only.
    """
    for table, rights in tables.items():
        operations.execute(f"alter table {table} enable row level security")
        operations.execute(f"alter table {table} force row level security")
        operations.execute(f"create policy owner_all on {table} to {roles.owner} using (true) with check (true)")
        school = "school_id = nullif(current_setting('safekeep.school_id', true), '')::uuid"
        operations.execute(f"create policy one_school on {table} to {roles.service} using ({school}) with check ({school})")
        operations.execute(f"grant {rights} on {table} to {roles.service}")
        if table in worker_tables:
            operations.execute(f"create policy all_schools on {table} to {roles.worker} using (true) with check (true)")
            operations.execute(f"grant select, insert, update, delete on {table} to {roles.worker}")


ALL_RIGHTS = "select, insert, update, delete"
DELIVERY_RIGHTS = dict.fromkeys(DELIVERY_TABLES, ALL_RIGHTS)


class Roles:
    """The three database roles, quoted for SQL, as a migration finds them in Alembic's configuration."""

    def __init__(self, config: "Config") -> None:
        self.owner = _quoted(str(config.get_main_option("owner_role")))
        self.service = _quoted(str(config.get_main_option("service_role")))
        self.worker = _quoted(str(config.get_main_option("worker_role")))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def alembic_config(*, owner_url: str, service: str, service_role: str, worker_role: str) -> "Config":
    """Return Alembic's configuration for a service's database."""
    from alembic.config import Config

    folder = Path(__file__).resolve().parent.parent / "services" / service / "migrations"
    url = sa.make_url(owner_url).set(drivername="postgresql+psycopg")
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    config.set_main_option("owner_role", str(url.username))
    config.set_main_option("service_role", service_role)
    config.set_main_option("worker_role", worker_role)
    config.attributes["url"] = url
    return config


def migrate(*, owner_url: str, service: str, service_role: str, worker_role: str) -> None:
    """Bring a service's database to the newest schema, as its owner."""
    from alembic import command

    config = alembic_config(owner_url=owner_url, service=service, service_role=service_role, worker_role=worker_role)
    command.upgrade(config, "head")


def run_migrations(context: Any, metadata: sa.MetaData) -> None:
    """What each service's migrations/env.py calls."""
    made = sa.create_engine(context.config.attributes["url"], poolclass=sa.NullPool)
    with made.begin() as connection:
        context.configure(connection=connection, target_metadata=metadata)
        context.run_migrations()
