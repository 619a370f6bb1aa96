"""`./bench alerts`: how soon an alert is in the inbox and with the mail server, beside the bare rate of the same mail server in the same run.

A clean system with the demonstration's data. One incident that alerts 300 people, several times; incidents recorded through the HTTP API at a
bounded rate; 300 open inboxes that ask as a browser's do while one incident alerts them all; an inbox of 5,000 alerts of which 200 are unread.
From commit: PostgreSQL's time of the row in the outbox of incidents. In the inbox: its time when alerts took the event in the transaction that
made the alerts. Accepted: the time alerts wrote down once the mail server had said yes. One machine, so one clock.
"""

import argparse
import smtplib
import statistics
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg

from safekeep.ids import new_id
from services.alerts import mail
from services.alerts.service.sending import CONNECTIONS
from tests.bench.record import Client, _enter, _record, _usage
from tests.journeys import signing_in
from tests.open_inboxes import EVERY, OpenPages, People, alert, fill_inbox, make_people
from tests.servers import running_system


def main() -> None:
    parser = argparse.ArgumentParser(prog="./bench alerts")
    parser.add_argument("--people", type=int, default=300, help="whom one incident alerts, and how many inboxes are open")
    parser.add_argument("--times", type=int, default=5, help="how often it does")
    parser.add_argument("--rate", type=float, default=40.0, help="incidents a second that are recorded")
    parser.add_argument("--seconds", type=float, default=20.0, help="for so long")
    parser.add_argument("--mails", type=int, default=2000, help="handed to the mail server with nothing else going on")
    chosen = parser.parse_args()
    with running_system() as system:
        bare = _bare(system, count=chosen.mails)
        print(f"bare: the same mail handed over by {CONNECTIONS} connections and nothing else: {bare.rate:,.0f}/s")
        print(f"   one at a time, each on an open connection: p50 {bare.p50 * 1000:.1f} ms, p99 {bare.p99 * 1000:.1f} ms")
        token, pupils = _enter(system)
        people = make_people(system, count=chosen.people)
        alert(system, people)  # caches and connections
        _all_sent(system)
        found = _Lags()
        for _ in range(chosen.times):
            incident, _committed = alert(system, people)
            _all_sent(system)
            found.add(system, [incident])
        print(f"\none incident that alerts {chosen.people}, {chosen.times} times, from commit:")
        found.say()
        print(
            f"   mails a second: {chosen.people / max(found.last):,.0f}, of which bare {bare.rate / (chosen.people / max(found.last)):.1f} times as many"
        )
        before = _usage(system)
        run = _record(system["url"], token=token, pupils=pupils, clients=8, seconds=chosen.seconds, rate=chosen.rate)
        _all_sent(system)
        after, calm = _usage(system), _Lags()
        calm.add(system, [UUID(i) for i in run.answered])
        print(
            f"\n{chosen.rate:g} incidents a second for {chosen.seconds:g} s, two alerts each ({len(run.latencies)} recorded, {run.failures} failed), from commit:"
        )
        calm.say()
        print(f"   CPU of alerts an incident: {(after['alerts'][0] - before['alerts'][0]) / len(run.latencies) * 1000:.1f} ms")
        _open_pages(system, people)
        _large_inbox(system, people)


class _Lags:
    """Seconds from commit to each alert in its inbox and each mail accepted; `last`: to an incident's last one."""

    def __init__(self) -> None:
        self.inbox: list[float] = []
        self.mail: list[float] = []
        self.last: list[float] = []

    def add(self, system: dict[str, Any], incidents: list[UUID]) -> None:
        ids = [str(i) for i in incidents]
        query = "select body->>'subject', id, added_at from outbox where name = 'incidents.incident.recorded' and body->>'subject' = any(%s)"
        committed = {subject: (id_, at) for subject, id_, at in _rows(system, "incidents", query, ids)}
        taken = dict(_rows(system, "alerts", "select event_id, taken_at from inbox where event_id = any(%s)", [e for e, _ in committed.values()]))
        mails = "select a.incident_id::text, m.sent_at from mails m join alerts a on a.school_id = m.school_id and a.id = m.alert_id "
        by_incident: dict[str, list[float]] = {}
        for incident, sent in _rows(system, "alerts", mails + "where a.incident_id = any(%s::uuid[]) and m.state = 'sent'", ids):
            event, at = committed[incident]
            self.inbox.append((taken[event] - at).total_seconds())
            self.mail.append((sent - at).total_seconds())
            by_incident.setdefault(incident, []).append(self.mail[-1])
        self.last += [max(each) for each in by_incident.values()]

    def say(self) -> None:
        for what, lags in (("in the inbox", self.inbox), ("accepted by the mail server", self.mail)):
            q = statistics.quantiles(lags, n=100)
            print(f"   {what}: p50 {q[49] * 1000:.0f} ms, p99 {q[98] * 1000:.0f} ms, the last {max(lags) * 1000:.0f} ms ({len(lags)})")


def _rows(system: dict[str, Any], service: str, query: str, ids: list[Any]) -> list[Any]:
    with psycopg.connect(system["admin_urls"][service], autocommit=True) as connection:
        return connection.execute(query, (ids,)).fetchall()  # type: ignore[arg-type]


def _all_sent(system: dict[str, Any]) -> None:
    """Wait until nothing waits: no event and no mail."""
    ends = time.monotonic() + 120
    with (
        psycopg.connect(system["admin_urls"]["alerts"], autocommit=True) as alerts,
        psycopg.connect(system["admin_urls"]["incidents"], autocommit=True) as incidents,
    ):
        calm = 0
        while calm < 3:
            assert time.monotonic() < ends, "mail still waits"
            time.sleep(0.2)
            waiting = alerts.execute("select count(*) from mails where state = 'waiting'").fetchone()
            events = incidents.execute("select count(*) from outbox where published_at is null").fetchone()
            calm = calm + 1 if waiting == (0,) and events == (0,) else 0


class _Bare:
    rate: float
    p50: float
    p99: float


def _bare(system: dict[str, Any], *, count: int) -> _Bare:
    """Hand the mail of an alert to the very server, by as many connections as alerts has, and by one."""
    url = urllib.parse.urlsplit(system["smtp_url"])

    def hand_over(number: int, times: int, took: list[float]) -> None:
        post = smtplib.SMTP(url.hostname or "", url.port or 25)
        for _ in range(times):
            letter = mail.Letter(
                id=new_id(),
                kind="alert",
                to_name=f"Bare {number}",
                to_address=f"bare{number}@hillside.example",
                from_name="Safekeep, Hillside Primary",
                recorded_by="Rose Teacher",
                category="Safeguarding concern",
                link=f"{system['url']}s/hillside/alerts/{new_id()}",
            )
            message = mail.write(letter, sender="safekeep@hillside.example", now=datetime.now(UTC))
            started = time.monotonic()
            post.send_message(message)
            took.append(time.monotonic() - started)
        post.quit()

    found = _Bare()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        started = time.monotonic()
        list(pool.map(lambda n: hand_over(n, count // CONNECTIONS, []), range(CONNECTIONS)))
        found.rate = count / (time.monotonic() - started)
    took: list[float] = []
    hand_over(0, 300, took)
    q = statistics.quantiles(took, n=100)
    found.p50, found.p99 = q[49], q[98]
    return found


def _open_pages(system: dict[str, Any], people: People) -> None:
    pages = OpenPages(system, people)
    ends = time.monotonic() + 60
    while not pages.all_know() and time.monotonic() < ends:
        time.sleep(0.2)
    pages.forget()
    before, started = _usage(system), time.monotonic()
    time.sleep(10)
    calm, after, lasted = pages.seen, _usage(system), time.monotonic() - started
    pages.forget()
    learned: list[float] = []
    for _ in range(3):
        _, committed = alert(system, people)
        time.sleep(4)
        learned += [(at - committed).total_seconds() for at in pages.seen.learned.values()]
        pages.forget()
    pages.close()
    q = statistics.quantiles(calm.took, n=100)
    print(
        f"\n{len(people.ids)} open inboxes, each asking every {EVERY * 1000:.0f} ms: {calm.asked / lasted:,.0f} questions a second, {calm.failed} failed"
    )
    print(f"   answer: p50 {q[49] * 1000:.1f} ms, p95 {q[94] * 1000:.1f} ms, p99 {q[98] * 1000:.1f} ms")
    spent = {name: (after[name][0] - before[name][0]) / lasted for name in after if name in before}
    for name, share in sorted(spent.items(), key=lambda item: -item[1])[:6]:
        print(f"   {name:24} {share * 100:5.1f} % of a processor")
    q = statistics.quantiles(learned, n=100)
    print(
        f"   one incident alerts them all; from commit until a page knows: p50 {q[49] * 1000:.0f} ms, p95 {q[94] * 1000:.0f} ms, p99 {q[98] * 1000:.0f} ms"
    )


def _large_inbox(system: dict[str, Any], people: People) -> None:
    login = next(x for x in system["logins"] if (x["role"], x["school"]) == ("dsl", "Hillside Primary"))
    with signing_in.code(system, login) as code:
        sent = {"username": login["username"], "password": login["password"], "code": code}
        token = Client(system["url"]).call("POST", "/sign-in", sent)["token"]
    with psycopg.connect(system["admin_urls"]["identity"], autocommit=True) as identity:
        row = identity.execute("select id from people where email = %s", (login["username"],)).fetchone()
    assert row
    fill_inbox(system, people, person_id=row[0], alerts=5_000, unread=200)
    took, lock = list[float](), threading.Lock()

    def ask(_: int) -> None:
        client = Client(system["url"])
        for _ in range(50):
            started = time.monotonic()
            client.call("GET", "/alerts?limit=25", token=token)
            with lock:
                took.append(time.monotonic() - started)

    ask(0)
    took.clear()
    ask(0)
    one = statistics.quantiles(took, n=100)
    took.clear()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    eight = statistics.quantiles(took, n=100)
    print("\nan inbox of 5,000 alerts of which 200 are unread, its first 25 by the API:")
    for clients, q in ((1, one), (8, eight)):
        print(f"   {clients} at once: p50 {q[49] * 1000:.1f} ms, p95 {q[94] * 1000:.1f} ms, p99 {q[98] * 1000:.1f} ms")


if __name__ == "__main__":
    main()
