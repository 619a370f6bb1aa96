"""Every address of the gateway as everybody, everywhere, for entries of every class, over HTTP, against docs/permissions.md."""

import re
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import pytest

from safekeep import permissions
from safekeep.database import SERVICES
from safekeep.ids import new_id
from safekeep.permissions import Class, Role
from tests.matrix import table
from tests.matrix.running import Answer, People, RunningWorld, Visitor
from tests.matrix.sent import NOTHING_OF_OURS, SENT
from tests.matrix.table import READS, ROUTES, Row
from tests.matrix.test_methods import incidents_are_theirs, owns, readers, words_are_theirs
from tests.matrix.world import SCHOOL_ROLES, TRUST_ROLES, Made, Place, marker

AT_ONCE = 6
OF_AN_ENTRY = {"incident_id", "entry_id", "file_id", "alert_id", "ask_id", "release_id", "draft_id", "scope_id"}
"""What stands in an address and is of a class."""

OF_READERS = ("reader", "author", "recipient")
Together = Callable[[Callable[..., Any], Iterable[tuple[Any, ...]]], list[Any]]


@pytest.fixture(scope="module")
def running(system: dict[str, Any]) -> RunningWorld:
    return RunningWorld(system)


@pytest.fixture(scope="module")
def people(running: RunningWorld) -> Iterator[People]:
    yield People(running)
    Visitor.hang_up()


@pytest.fixture(scope="module")
def together() -> Iterator[Together]:
    """Ask several at once: together(function, arguments of each) returns what each returned."""
    with ThreadPoolExecutor(AT_ONCE) as pool:

        def run(function: Callable[..., Any], each: Iterable[tuple[Any, ...]]) -> list[Any]:
            return [waiting.result() for waiting in [pool.submit(function, *arguments) for arguments in each]]

        yield run


class Address:
    """One row of the table, to be asked for."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.method, _, self.rule = row.name.partition(" ")
        self.kind = {"s": "school", "t": "trust", "api": "api"}.get(self.rule.split("/")[1], "own")
        self.kind = "trust api" if self.rule.startswith("/api/v1/trust/") else self.kind
        self.names = set(re.findall(r"<(?:\w+:)?(\w+)>", self.rule)) | set(SENT.get(row.name, ()))

    def ask(self, who: Visitor, place: Place, made: Made, *, real: bool = True, at: str = "") -> Answer:
        """Ask, as somebody, for what was made at a place, or (`real` False) for ids of nothing; `at`: another school's or trust's address."""
        ids = {**place.subject, **made.ids, "scope_id": made.ids["incident_id"], "session_id": new_id()}
        if self.kind == "trust" and "<school>" not in self.rule:
            ids |= place.of_trust
        ids |= dict.fromkeys(re.findall(r"/new/<uuid:(\w+)>", self.rule), new_id())  # what a form is to make
        if not real:
            ids = dict.fromkeys(ids, None) | {name: new_id() for name in ids}
        known = ids | {"scope": "incident", "version": "x", "name": "theme.css", "token": "x", "code": "welfare", "table": "months", "number": "1"}
        known |= {"school": place.slug if real else "nowhere", "slug": at or place.slug}
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(known.get(found.group(1)) or new_id()), self.rule)
        sent = {name: str(ids[value]) if isinstance(value, str) and value in ids else value for name, value in SENT.get(self.row.name, {}).items()}
        if self.method == "GET" and sent:
            path, sent = f"{path}?{urllib.parse.urlencode(sent)}", {}
        file = b"a file of mine" if path == "/api/v1/files" else None
        return who.ask(self.method, path, form=sent, body=sent, file=file)


def addresses(*, whose: tuple[str, ...] = (), kinds: tuple[str, ...] = ("school", "trust", "api", "trust api", "own")) -> list[Any]:
    """Return the rows as parameters of a test."""
    found = [Address(row) for row in ROUTES.values() if not whose or row.whose in whose]
    return [pytest.param(address, id=address.row.name) for address in found if address.kind in kinds]


def is_let_in(answer: Answer) -> bool:
    """Whether the role was no reason to refuse: what was sent may be."""
    return answer.status < 500 and answer.status not in (401, 403, 404) and not leads_to_the_door(answer)


def leads_to_the_door(answer: Answer) -> bool:
    return answer.status in (302, 303) and answer.leads_to in ("/sign-in", "/prove", "/unlock", "/go-on")


GROWS = {
    "incidents.openings": "reading an entry, a search or a list is itself kept",
    "identity.audit": "that somebody read unusually much is a line of the log",
    "identity.jobs": "printing is a job on a person's behalf: who asked is kept",
    "incidents.readings_told": "so is that it was told, once a day",
    "alerts.alerts": "a timer asks the next person when nobody has answered",
}
"""Tables in which rows may be new after a GET, and none changed or gone; and why."""
CHANGES_BY_ITSELF = {
    **{
        f"{service}.{table}": "events that others publish go in and out"
        for service in SERVICES
        for table in ("outbox", "outbox_sequences", "inbox", "inbox_positions", "retries")
    },
    **dict.fromkeys(
        ("incidents.ledger_checks", "incidents.seals", "incidents.sealed", "incidents.ledger_work"),
        "the ledger's process checks and seals in its own time",
    ),
    **dict.fromkeys(("alerts.askings", "alerts.mails"), "timers ask again, and write"),
    **dict.fromkeys(("reports.looks", "reports.comparisons"), "when a timer looks next, and what it compared"),
    "identity.sessions": "when it was used last",
    "reports.request_looks": "when the timer of deadlines looks next",
    "identity.sign_in_failures": "of everybody: other tests sign in meanwhile",
}
"""Tables that are not compared, and why."""
MUST_HOLD = (
    "identity.people",
    "identity.memberships",
    "incidents.entries",
    "incidents.rights",
    "alerts.alerts",
    "files.files",
    "files.drafts",
    "reports.counted",
)
"""Some in which the world has rows: else comparing would prove nothing."""


def test_a_get_changes_nothing_of_the_school(running: RunningWorld, people: People) -> None:
    """Every address as the DSL, the trust's as its people: what is kept of school, trust and people in all five databases is as it was, row by row.

    But for what is named above with its reason.
    """
    own, made, answered = running.own, running.own.made["pupil", Class.SAFEGUARDING], 0
    dsl, trust = people.at_school(own, Role.DSL), [people.of_trust("near", role) for role in TRUST_ROLES]
    gets = [
        (address, who)
        for address in map(Address, ROUTES.values())
        if address.method == "GET"
        for who in (trust if address.kind == "trust" else [dsl])
    ]
    before, found = settled(running), list[str]()
    assert all(before[table] for table in MUST_HOLD), "what is looked at is there"
    for at in range(0, len(gets), 16):
        some = gets[at : at + 16]
        answered += sum(address.ask(who, own, made, at=at_home(running, address)).status == 200 for address, who in some)
        after = running.rows(own)
        gone = {table: before[table] - after[table] for table in before if table not in CHANGES_BY_ITSELF}
        new = {table: after[table] - before[table] for table in before if table not in CHANGES_BY_ITSELF | GROWS}
        changed = sorted(table for kept in (gone, new) for table, rows in kept.items() if rows)
        if changed:
            found.append(f"{set(changed)}, by one of {[address.rule for address, _ in some]}")
        before = after
    assert not found, "\n".join(found)
    assert answered > 100


def settled(running: RunningWorld) -> dict[str, Counter[str]]:
    """Return what is kept of the first school once the events of its making have all come where they are heard."""
    seen: list[dict[str, Counter[str]]] = []

    def is_still() -> bool:
        time.sleep(1)
        seen.append({table: rows for table, rows in running.rows(running.own).items() if table not in CHANGES_BY_ITSELF})
        return len(seen) > 2 and seen[-1] == seen[-2] == seen[-3]

    running.until(is_still)
    return running.rows(running.own)


@pytest.mark.parametrize("address", addresses())
def test_signed_out_it_gives_nothing(running: RunningWorld, people: People, address: Address) -> None:
    """Leads to the sign-in page, or 401 to a program, and with their own words back to who sent some; no answer gives a word of any school's."""
    made = running.own.made["pupil", Class.GENERAL]
    answer = address.ask(people.nobody, running.own, made, at=at_home(running, address))
    assert f"zq{running.own.slug}" not in answer.text
    if address.row.is_open:
        assert answer.status < 500
    elif address.kind in ("api", "trust api"):
        assert answer.status == 401, answer.status
    elif address.method == "GET":
        assert (answer.status, answer.leads_to) == (303, "/sign-in")
    else:
        assert answer.status in {400, 401} or leads_to_the_door(answer), answer.status


@pytest.mark.parametrize("address", addresses())
def test_who_may_open_it(running: RunningWorld, people: People, together: Together, address: Address) -> None:
    """Each role at its own school or trust, at another school of the trust and at another trust: let in, refused, or not there."""
    row, own = address.row, running.own
    if row.is_open:
        return
    made = own.made["pupil", Class.SAFEGUARDING]

    def cell(who: Visitor, role: Role, where: str) -> str:
        belongs = where == "own" and (address.kind == "own" or (role in TRUST_ROLES) == (address.kind in ("trust", "trust api")))
        real = not (belongs and row.name in NOTHING_OF_OURS and table.may(row, role))
        answer = address.ask(who, own, made, real=real, at=at_home(running, address))
        if not belongs:
            nowhere = who.nowhere(address.method, "t" if address.kind == "trust" else "s") if address.kind in ("school", "trust") else answer
            return (
                "" if answer.status == 404 and answer.plain == nowhere.plain else f"{role} of {where}: {answer.status}, not like a place that is not"
            )
        if not table.may(row, role):
            hidden = answer.status == 404 and row.whose in OF_READERS
            return "" if answer.status == 403 or hidden else f"{role}: {answer.status} {answer.leads_to}, not refused"
        if address.kind == "own":
            return "" if answer.status not in (401, 403) else f"{role}: {answer.status}"
        if row.whose in OF_READERS or not real:
            return "" if answer.status not in (401, 403) and not leads_to_the_door(answer) else f"{role}: {answer.status} {answer.leads_to}"
        return "" if is_let_in(answer) else f"{role}: {answer.status} {answer.leads_to}, not let in"

    tried = [(people.at_school(own, role), role, "own") for role in SCHOOL_ROLES] + [
        (people.of_trust("near", role), role, "own") for role in TRUST_ROLES
    ]
    if address.kind in ("school", "trust"):
        tried += [(people.at_school(place, role), role, where) for where, place in elsewhere(running) for role in SCHOOL_ROLES]
        tried += [(people.of_trust("far", role), role, "another trust") for role in TRUST_ROLES]
    held(together(cell, tried))


@pytest.mark.parametrize("address", addresses(whose=("here", "trust", "reader", "author", "recipient"), kinds=("school", "trust", "api")))
def test_what_is_of_another_school_is_answered_like_nothing(running: RunningWorld, people: People, together: Together, address: Address) -> None:
    """Each role at another school or trust, at its own address but naming what is of this school: as for ids of nothing, word by word."""
    own, made = running.own, running.own.made["pupil", Class.GENERAL]

    def cell(who: Visitor, role: Role, where: str, at: str) -> str:
        for _ in range(3):  # an alert that arrives between the two is counted at the head of the second page
            found, nothing = (address.ask(who, own, made, real=real, at=at) for real in (True, False))
            assert f"zq{own.slug}" not in found.text, f"{role} of {where} was given words"
            if found.plain == nothing.plain:
                break
        return "" if found.plain == nothing.plain else f"{role} of {where}: {found.status}, of nothing {nothing.status}"

    tried = []
    for role in Role:
        if not table.may(address.row, role):
            continue
        if role in SCHOOL_ROLES and address.kind != "trust":
            others = elsewhere(running)[1:] if address.row.whose == "trust" else elsewhere(running)
            tried += [(people.at_school(place, role), role, where, place.slug) for where, place in others]
        elif role in TRUST_ROLES and address.kind == "trust":
            tried.append((people.of_trust("far", role), role, "another trust", f"far{running.suffix}"))
    assert tried, "nobody elsewhere may"
    held(together(cell, tried))


@pytest.mark.parametrize("address", addresses(kinds=("school", "api")))
def test_who_reads_what_of_which_class(running: RunningWorld, people: People, together: Together, address: Address) -> None:
    """Every reader, the parents of a child among them, for entries of each class: theirs, or the same body as for ids of nothing."""
    row, own = address.row, running.own
    of_readers = row.whose in OF_READERS
    if address.method == "POST" and not of_readers and not row.gives:
        return
    classes = list(Class) if of_readers or address.names & OF_AN_ENTRY else [Class.SAFEGUARDING]

    nothing = cache(lambda reader: address.ask(people.at_school(own, reader), own, own.made["pupil", Class.GENERAL], real=False).plain)

    def cell(reader: str, about: str, class_: Class) -> None:
        made, who = own.made[about, class_], people.at_school(own, reader)
        found = address.ask(who, own, made)
        said = f"{reader}, {class_.code}, about the {about}: {found.status}"
        assert found.status < 500, said
        if not table.may(row, running.role_of(reader)):
            assert found.status == 403 or (found.status == 404 and not READS[reader, class_]), f"{said}, for others"
            assert f"zq{own.slug}" not in found.text, said
            return
        if of_readers and not (row.whose == "reader" and "ask_id" in address.names and not has_ask(made)):
            if owns(row, reader, class_):
                assert is_let_in(found), said
            else:
                assert found.status in (303, 404), said
                assert found.plain == nothing(reader), f"{said}: not like what is not"
        words_are_theirs(row, found, here=own, reader=reader, asked_for=made, cell=said)  # type: ignore[arg-type]
        incidents_are_theirs(found, here=own, reader=reader, asked_for=made, cell=said)  # type: ignore[arg-type]

    tried = [
        (r, about) for about in ("pupil", "child", "linked", "left") for r in readers(own, about) if of_readers or table.may(row, running.role_of(r))
    ]
    together(cell, [(reader, about, class_) for reader, about in tried for class_ in classes])


@pytest.mark.parametrize("scope", permissions.SCOPES + permissions.TRUST_SCOPES)
def test_what_a_program_with_credentials_may_call(running: RunningWorld, people: People, together: Together, scope: str) -> None:
    """A machine's token opens the calls its scope is named for, and no page and no other call."""
    made, machine = running.own.made["pupil", Class.GENERAL], people.machine(scope)

    def cell(address: Address) -> str:
        answer = address.ask(machine, running.own, made)
        if address.row.is_open:
            return ""
        if scope in address.row.scopes:
            return "" if is_let_in(answer) else f"{address.row.name}: {answer.status}"
        refused = answer.status == 403 if address.kind in ("api", "trust api") else answer.status in {400, 401} or leads_to_the_door(answer)
        return "" if refused and f"zq{running.own.slug}" not in answer.text else f"{address.row.name}: {answer.status}"

    held(together(cell, [(Address(row),) for row in ROUTES.values()]))


def held(cells: list[str]) -> None:
    """Fail with every cell that is not as it is written."""
    assert not any(cells), "\n".join(cell for cell in cells if cell)


def elsewhere(running: RunningWorld) -> list[tuple[str, Place]]:
    return [("another school of the trust", running.sibling), ("another trust", running.foreign)]


def at_home(running: RunningWorld, address: Address) -> str:
    """Return the slug of the address where the world's first school, or its trust, is at home."""
    return f"near{running.suffix}" if address.kind == "trust" else running.own.slug


def has_ask(made: Made) -> bool:
    """Whether there is a request to a DSL about it: below safeguarding nobody has to ask."""
    return made.class_ >= Class.SAFEGUARDING


def test_a_word_of_the_world_is_found_where_it_may_be_read(running: RunningWorld, people: People) -> None:
    """What the tests above look for is there: else they would prove nothing."""
    made = running.own.made["pupil", Class.PROTECTION]
    page = people.at_school(running.own, "dsl").ask("GET", f"/s/{running.own.slug}/incidents/{made.ids['incident_id']}")
    assert marker(running.own, "pupil", Class.PROTECTION) in page.text
