"""Who waits for the database in a service lets the others work: psycopg below eventlet, in a process that eventlet has patched."""

import subprocess
import sys
from collections.abc import Callable

import psycopg
import pytest

from safekeep import green
from safekeep.errors import NotFound
from safekeep.rpc import Resources
from tests.servers import ROOT

PATCHED = """
import sys, time, warnings
warnings.simplefilter("ignore")
import eventlet
eventlet.monkey_patch()
import psycopg
from psycopg import errors
from safekeep import green
green.use()
url = sys.argv[1]
"""


def in_a_service(url: str, code: str) -> str:
    """Run code as a service would run it; return what it printed."""
    done = subprocess.run([sys.executable, "-c", PATCHED + code, url], capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


@pytest.fixture
def url(resources: Callable[..., Resources]) -> str:
    return resources("alerts").settings.database_url


def test_others_go_on_while_one_waits_for_an_answer(url: str) -> None:
    assert (
        in_a_service(
            url,
            """
ticks = []
def tick():
    while True:
        ticks.append(1)
        eventlet.sleep(0.01)
with psycopg.connect(url, autocommit=True) as db:
    beside = eventlet.spawn(tick)
    eventlet.sleep(0)
    before = len(ticks)
    assert db.execute("select pg_sleep(0.5)").fetchall()
    print(len(ticks) - before > 10)
""",
        )
        == "True"
    )


def test_two_at_once_have_their_own_answers(url: str) -> None:
    assert (
        in_a_service(
            url,
            """
def ask(number):
    with psycopg.connect(url, autocommit=True) as db:
        return [db.execute("select pg_sleep(%s), %s::int", (0.01 * (10 - number), number + i)).fetchone()[1] - i for i in range(5)]
print([each.wait() for each in [eventlet.spawn(ask, n) for n in range(10)]] == [[n] * 5 for n in range(10)])
""",
        )
        == "True"
    )


def test_more_than_the_line_holds_goes_both_ways_at_once(url: str) -> None:
    """Neither side reads while it waits to write: each must do both."""
    assert (
        in_a_service(
            url,
            """
much = "x" * 3_000_000
with psycopg.connect(url, autocommit=True) as db:
    with db.pipeline():
        cursors = [db.cursor().execute("select %s::text", (much,)) for _ in range(4)]
    print([cursor.fetchone()[0] == much for cursor in cursors])
""",
        )
        == "[True, True, True, True]"
    )


def test_one_whose_server_process_ends_meanwhile_is_told(url: str) -> None:
    assert (
        in_a_service(
            url,
            """
with psycopg.connect(url, autocommit=True) as db, psycopg.connect(url, autocommit=True) as other:
    eventlet.spawn_after(0.2, other.execute, "select pg_terminate_backend(%s)", (db.info.backend_pid,))
    try:
        db.execute("select pg_sleep(30)")
    except psycopg.OperationalError:
        print("told")
""",
        )
        == "told"
    )


def test_a_wait_ends_when_its_time_is_over(url: str) -> None:
    assert (
        in_a_service(
            url,
            """
from psycopg import generators, waiting
with psycopg.connect(url, autocommit=True) as db:
    db.pgconn.send_query(b"select pg_sleep(30)")
    began = time.monotonic()
    try:
        waiting.wait(generators.fetch(db.pgconn), db.pgconn.socket, timeout=0.3)
    except errors._WaitTimeout:
        print(0.25 < time.monotonic() - began < 5)
    db.pgconn.finish()
""",
        )
        == "True"
    )


def test_the_services_wait_so(url: str) -> None:
    """`python -m services` is what they are started by: it uses what is tried here."""
    assert "green.use()" in (ROOT / "services" / "__main__.py").read_text()
    assert in_a_service(url, "from psycopg import waiting; print(waiting.wait.__module__)") == "safekeep.green"
    assert psycopg.waiting.wait.__module__ != "safekeep.green", "and nobody else does"


def test_what_gives_way_to_nobody_is_done_in_a_thread_while_the_service_goes_on(url: str) -> None:
    """Outside a service, where nobody else is to go on, it is just done."""
    assert (
        in_a_service(
            url,
            """
real = eventlet.patcher.original("time")
ended = green.beside(green.off_loop, real.sleep, 0.5)
ticks = 0
begun = real.monotonic()
while real.monotonic() - begun < 0.4:
    eventlet.sleep(0.01)
    ticks += 1
ended()
print(ticks > 10)
""",
        )
        == "True"
    )
    assert green.off_loop(max, 1, 2) == 2


def test_what_goes_wrong_beside_is_raised_where_it_is_waited_for_each_time_and_said_nowhere_else(capfd: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        raise NotFound("file")

    wait = green.beside(fails)
    for _ in range(2):
        with pytest.raises(NotFound, match="file"):
            wait()
    assert green.beside(max, 1, 2)() == 2
    assert capfd.readouterr() == ("", "")
