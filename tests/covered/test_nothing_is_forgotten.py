"""Tests about the whole, by introspection: what is new cannot be forgotten."""

import importlib
import inspect
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from safekeep import bus, contracts, permissions
from safekeep.contracts import Event, Request
from safekeep.database import DELIVERY_TABLES, SERVICES
from tests import order, parts
from tests.isolation.test_rows import unprotected
from tests.servers import ROOT, Postgres

OWNERS = ("identity", "incidents", "alerts", "files", "reports")


def requests() -> list[type[Request[Any]]]:
    modules = [importlib.import_module(f"safekeep.contracts.{owner}") for owner in OWNERS]
    found = {c for m in modules for c in vars(m).values() if inspect.isclass(c) and issubclass(c, Request) and "method" in vars(c)}
    return sorted(found, key=lambda c: c.method)


def events() -> list[type[Event]]:
    modules = [importlib.import_module(f"safekeep.contracts.{owner}") for owner in OWNERS]
    found = {c for m in modules for c in vars(m).values() if inspect.isclass(c) and issubclass(c, Event) and "name" in vars(c)}
    return sorted(found, key=lambda c: c.name)


def test_every_request_has_a_row_in_the_permission_table_and_every_row_a_request() -> None:
    assert {c.method for c in requests()} == set(permissions.METHODS)


def test_every_request_is_answered_by_the_service_it_names() -> None:
    for service in SERVICES:
        module = importlib.import_module(f"services.{service}.service")
        answered = {m.request.method for _, m in inspect.getmembers(module.Service) if hasattr(m, "request")}
        assert answered == {c.method for c in requests() if c.method.startswith(f"{service}.")}


def test_every_event_is_heard_by_somebody() -> None:
    def heard(key: str, name: str) -> bool:
        return name.startswith(key.removesuffix("#"))

    for event in events():
        assert any(heard(key, event.name) for keys in bus.CONSUMES.values() for key in keys), event.name


def test_every_event_has_an_effect_in_some_service() -> None:
    acted_on = {event.name for service in bus.CONSUMES for event in importlib.import_module(f"services.{service}.service").HANDLERS}
    assert {event.name for event in events()} - acted_on == set()


def test_every_queue_has_a_consumer() -> None:
    for service in bus.CONSUMES:
        module = importlib.import_module(f"services.{service}.service")
        assert hasattr(module.Service, "events"), service
        assert module.HANDLERS, service


@pytest.mark.parametrize("event", events(), ids=lambda e: e.name)
def test_no_event_can_hold_free_text(event: type[Event]) -> None:
    """Every string in an event has a pattern or is one of a closed list: no name and no narrative fits."""
    schema = event.model_json_schema()

    def check(node: Any, path: str) -> None:
        if isinstance(node, dict):
            if node.get("type") == "string":
                assert {"pattern", "enum", "const", "format"} & node.keys(), f"{event.name}: {path} could hold free text"
            for key, value in node.items():
                check(value, f"{path}.{key}")
        elif isinstance(node, list):
            for item in node:
                check(item, path)

    check(schema, "")


def test_every_table_is_under_forced_row_level_security_with_a_policy(postgres: Postgres) -> None:
    for service in SERVICES:
        engine = sa.create_engine(sa.make_url(postgres.admin).set(drivername="postgresql+psycopg", database=f"template_{service}"))
        with engine.connect() as connection:
            assert unprotected(connection) == [], service
        engine.dispose()


WORKERS_READ = {  # beside the outbox, the inbox and the retries: what timers need, in columns
    "alerts": {"concerns", "feeds", "mails", "subscriptions"},
    "files": {"body_maps", "drafts", "files", "papers", "school_keys"},
    "incidents": {"ledger_work"},
    "reports": {"comparisons", "document_turns", "looks", "request_looks"},
}
DELIVERY = {*DELIVERY_TABLES, "dropped_events", "idempotency_keys"}
HOLD_WORDS = {"fields", "data", "earlier", "line", "name", "text", "note", "reason", "email", "narrative"}


def test_a_worker_role_reads_outbox_inbox_and_timers_and_no_words(postgres: Postgres) -> None:
    """By what the database itself says it may: tables, and of those that hold words only the other columns."""
    for service in SERVICES:
        with psycopg.connect(postgres.admin, dbname=f"template_{service}") as database:
            query = "select table_name, column_name from information_schema.column_privileges where grantee = %s and privilege_type = 'SELECT'"
            granted = database.execute(query, (f"{service}_worker",)).fetchall()
            roles = "select rolname from pg_roles where rolname like %s and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb)"
            assert database.execute(roles, (f"{service}_%",)).fetchall() == []
        assert {table for table, _ in granted} - DELIVERY == WORKERS_READ.get(service, set()), service
        assert [(table, column) for table, column in granted if column in HOLD_WORDS and table not in DELIVERY] == [], service


LEAVING = {
    "alerts": {("concerns", "recorded_by"), ("concerns", "recorded_at"), ("concerns", "led_at")},
    "files": {("files", "kind")},
}
"""Columns that this release neither reads nor writes, and the one before still names: the next release's migrations drop them (decision 27)."""


def test_every_migration_ends_at_the_models(postgres: Postgres) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    for service in SERVICES:
        metadata = importlib.import_module(f"services.{service}.store").metadata
        engine = sa.create_engine(sa.make_url(postgres.admin).set(drivername="postgresql+psycopg", database=f"template_{service}"))
        with engine.connect() as connection:
            differences = compare_metadata(MigrationContext.configure(connection), metadata)
        engine.dispose()
        leaving = {(each[2], each[3].name) for each in differences if each[0] == "remove_column"}
        assert leaving == LEAVING.get(service, set()), service
        assert [each for each in differences if each[0] != "remove_column"] == [], service


def test_what_leaves_a_table_is_there_for_the_release_before_and_asked_for_by_none(postgres: Postgres) -> None:
    """A row without it can be written, so that this release need not name it."""
    query = "select is_nullable = 'YES' or column_default is not null from information_schema.columns where table_name = %s and column_name = %s"
    for service, columns in LEAVING.items():
        with psycopg.connect(postgres.admin, dbname=f"template_{service}") as database:
            assert [database.execute(query, column).fetchall() for column in columns] == [[(True,)]] * len(columns), service


def test_contracts_refuse_what_is_unknown_and_receivers_ignore_it() -> None:
    known = contracts.Nothing()
    assert contracts.Nothing.receive({"new": 1}) == known
    with pytest.raises(ValueError, match="extra"):
        contracts.Nothing(new=1)  # type: ignore[call-arg]


@pytest.mark.parametrize("service", sorted(bus.CONSUMES))
def test_what_a_service_acts_on_comes_to_its_queue(service: str) -> None:
    """A handler of an event that no binding of its queue lets through would wait for ever, and its own test would not know."""
    handlers = importlib.import_module(f"services.{service}.service").HANDLERS
    keys = tuple(key.removesuffix("#") for key in bus.CONSUMES[service])
    assert [event.name for event in handlers if not event.name.startswith(keys)] == []


def test_each_file_of_tests_that_is_begun_first_is_there() -> None:
    """One that was renamed would be begun last, and run alone at the end."""
    assert [path for path in order.FIRST if not (ROOT / path).is_file()] == []


def test_every_file_of_tests_stands_once_among_the_parts_and_none_that_is_not_there() -> None:
    there = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py"))
    assert sorted(f"tests/{path}" for paths in parts.PARTS.values() for path in paths) == there
