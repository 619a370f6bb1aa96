"""A transaction: everything or nothing, one school, and errors that carry no row."""

import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from safekeep.database import read_together, together
from safekeep.errors import StorageError
from safekeep.ids import new_id
from safekeep.rpc import Resources
from services.alerts import store


@pytest.fixture
def alerts(resources: Callable[..., Resources]) -> Resources:
    return resources("alerts")


def _people(alerts: Resources, school: Any) -> int:
    with alerts.transaction(alerts.engine, school_id=school) as tx:
        return tx.execute(sa.select(sa.func.count()).select_from(store.tables.staff)).scalar_one()


def _add(tx: sa.Connection, school: Any) -> None:
    store.keep_staff(tx, school_id=school, person_id=new_id(), roles=["teacher"], active=True)


def test_what_was_written_before_an_error_is_not_there(alerts: Resources) -> None:
    school = new_id()

    def fail() -> None:
        with alerts.transaction(alerts.engine, school_id=school) as tx:
            _add(tx, school)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert _people(alerts, school) == 0
    with alerts.transaction(alerts.engine, school_id=school) as tx:
        _add(tx, school)
    assert _people(alerts, school) == 1


def test_the_school_of_one_transaction_is_forgotten_by_the_next_on_the_same_connection(alerts: Resources) -> None:
    school = new_id()
    with alerts.transaction(alerts.engine, school_id=school) as tx:
        _add(tx, school)
    assert _people(alerts, new_id()) == 0
    with alerts.transaction(alerts.engine) as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(store.tables.staff)).scalar_one() == 0


def test_statements_that_are_sent_together_are_all_there_or_none(alerts: Resources) -> None:
    school, person = new_id(), new_id()
    with alerts.transaction(alerts.engine, school_id=school) as tx, together(tx):
        _add(tx, school)
        _add(tx, school)
    assert _people(alerts, school) == 2

    def fail() -> None:
        with alerts.transaction(alerts.engine, school_id=school) as tx:
            with together(tx):
                _add(tx, school)
                tx.execute(
                    sa.text("insert into staff (school_id, person_id, roles, active) values (:s, null, '{a secret word}', true)"), {"s": school}
                )
                _add(tx, school)

    with pytest.raises(StorageError) as refused:
        fail()
    assert refused.value.sqlstate == "23502"
    assert "secret" not in "".join(traceback.format_exception(refused.value))
    assert _people(alerts, school) == 2
    with alerts.transaction(alerts.engine, school_id=school) as tx:  # the connection is as good as before
        store.keep_staff(tx, school_id=school, person_id=person, roles=["teacher"], active=True)
    assert _people(alerts, school) == 3


def test_what_is_read_together_sees_what_was_written_before_it(alerts: Resources) -> None:
    school = new_id()
    added = (
        sa.text("insert into staff (school_id, person_id, roles, active) values (:s, :p, '{}', true) returning person_id"),
        {"s": school, "p": new_id()},
    )
    with alerts.transaction(alerts.engine, school_id=school) as tx:
        ((row,), (count,)) = read_together(tx, added, (sa.text("select count(*) as people from staff"), {}))
    assert (row.person_id, count.people) == (added[1]["p"], 1)


def test_more_than_the_connection_holds_at_once_is_sent_together_and_answered(alerts: Resources) -> None:
    """Neither side may wait for the other for ever: what is sent and what is answered are both larger than a socket takes."""
    school, large = new_id(), "x" * 400_000
    echo = sa.text("select cast(:said as text) as said"), {"said": large}
    with alerts.transaction(alerts.engine, school_id=school) as tx:
        found = read_together(tx, *[echo] * 20)
    assert [rows[0].said == large for rows in found] == [True] * 20
    with alerts.transaction(alerts.engine, school_id=school) as tx, together(tx):
        for _ in range(300):
            _add(tx, school)
    assert _people(alerts, school) == 300


def test_what_breaks_off_before_statements_are_sent_together_leaves_a_connection_as_good_as_before(alerts: Resources) -> None:
    school = new_id()

    def fail() -> None:
        with alerts.transaction(alerts.engine, school_id=school) as tx, together(tx):
            _add(tx, school)
            raise RuntimeError

    for _ in range(3):
        with pytest.raises(RuntimeError):
            fail()
    with alerts.transaction(alerts.engine, school_id=school) as tx:
        _add(tx, school)
    assert _people(alerts, school) == 1


def test_a_row_of_another_school_cannot_be_written(alerts: Resources) -> None:
    with pytest.raises(StorageError) as refused, alerts.transaction(alerts.engine, school_id=new_id()) as tx:
        _add(tx, new_id())
    assert refused.value.sqlstate == "42501"


def test_a_value_with_a_quote_is_a_value(alerts: Resources) -> None:
    odd = "o'clock'); drop table staff; --"
    with alerts.transaction(alerts.engine, school_id=new_id(), note=odd) as tx:
        assert tx.execute(sa.text("select current_setting('safekeep.note')")).scalar_one() == odd


def test_an_error_says_its_kind_and_nothing_of_the_row(alerts: Resources) -> None:
    school = new_id()
    with pytest.raises(StorageError) as refused, alerts.transaction(alerts.engine, school_id=school) as tx:
        tx.execute(sa.text("insert into staff (school_id, person_id, roles, active) values (:s, null, '{a secret word}', true)"), {"s": school})
    assert refused.value.sqlstate == "23502"
    assert "secret" not in "".join(traceback.format_exception(refused.value))


def test_after_the_server_ended_every_connection_one_call_hears_of_it_and_the_next_ones_work(alerts: Resources, postgres: Any) -> None:
    """A restart of PostgreSQL leaves a pool of dead connections: they must not fail one call each."""
    school = new_id()

    def hold(_: int) -> None:
        with alerts.transaction(alerts.engine, school_id=school) as tx:
            tx.execute(sa.text("select pg_sleep(0.2)"))

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(hold, range(5)))
    import psycopg

    with psycopg.connect(postgres.admin, autocommit=True) as admin:
        database = alerts.engine.url.database
        ended = admin.execute("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = %s", (database,)).fetchall()
    assert len(ended) >= 5
    with pytest.raises(StorageError) as lost:
        _people(alerts, school)
    assert lost.value.is_outage
    assert [_people(alerts, school) for _ in range(6)] == [0] * 6
