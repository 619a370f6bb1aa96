"""The matrix's world inside a whole running Safekeep: made over its own bus, and used over HTTP by everybody in it."""

import http.client
import importlib
import json
import re
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import pyotp
import pypdfium2
import sqlalchemy as sa
from nameko.standalone.rpc import ClusterRpcProxy

from safekeep import bus, door, keys, permissions
from safekeep.contracts import Request
from safekeep.contracts.identity import AddMachine, AddTrustMachine
from safekeep.contracts.incidents import Alert, PreviewAlert
from safekeep.database import SERVICES
from safekeep.errors import Conflict
from safekeep.ids import new_id
from safekeep.permissions import FACTOR_ROLES, RECORDERS, Role
from safekeep.rpc import envelope
from tests.matrix.world import PASSWORD, SECRET, SUBJECT, Place, World

WAIT = 60.0


class RunningWorld(World):
    """Two trusts and three schools beside the demonstration, each time new ones; entries at the first of them."""

    with_app = FACTOR_ROLES

    def __init__(self, system: dict[str, Any]) -> None:
        self.suffix = f"_{new_id().hex[-8:]}"
        self.system = system
        self.keys = {p.stem: keys.Keys.load(p) for p in (Path(system["data"]) / "keys" / "process").glob("*.json")}
        bus.use_keys(self.keys["demo"])
        self._engines = {
            s: sa.create_engine(sa.make_url(u).set(drivername="postgresql+psycopg"), poolclass=sa.NullPool)
            for s, u in system["admin_urls"].items()
            if s in SERVICES
        }
        with ClusterRpcProxy(bus.nameko_config(broker_url=system["admin_urls"]["broker"]), timeout=60) as self._cluster:
            self._people()
            for place in self.schools:
                self._wait_for_people(place)
            self._records(self.own)
            self._trust_meetings(self.own)
            dsl = self.as_(self.own, "dsl")
            it = self.token(self.trust_people["near", Role.TRUST_IT], Role.TRUST_IT, trust_id=self.trusts["near"])
            self.machines = {scope: self.ask(AddMachine(name=f"For {scope}", scopes=[scope], days=30), token=dsl) for scope in permissions.SCOPES}
            self.machines |= {
                scope: self.ask(AddTrustMachine(name=f"For {scope}", scopes=[scope], days=30), token=it) for scope in permissions.TRUST_SCOPES
            }
        for engine in self._engines.values():
            engine.dispose()

    def ask(self, request: Request[Any], *, token: str, seconds: float = 30.0) -> Any:
        """Ask over the bus."""
        service, _, method = request.method.partition(".")
        return request.answer.receive(getattr(self._cluster[service], method)(envelope(request, token=token, seconds=seconds)))

    def deliver(self) -> None:
        """The running relays do."""

    def tick(self) -> None:
        """The running timers do."""

    def carry(self, data: bytes, *, ticket: str) -> None:
        """Send a file's bytes by the running door."""
        config = (Path(self.system["data"]) / "run" / "supervisord.conf").read_text()
        port = int(re.search(r"files=127\.0\.0\.1:(\d+)", config)[1])  # type: ignore[index]
        with door.stream(("127.0.0.1", port), keys=self.keys["gateway"], service="files", asked={"ticket": ticket}) as stream:
            stream.receive()
            stream.send(data, last=True)
            assert json.loads(stream.receive()[0])["arrived"] == len(data)

    def until(self, look: Callable[[], Any]) -> Any:
        """Return what is there, once it is."""
        ends = time.monotonic() + WAIT
        while not (found := look()):
            assert time.monotonic() < ends, "an event did not come"
            time.sleep(0.05)
        return found

    @contextmanager
    def inside(self, service: str, **settings: Any) -> Iterator[sa.Connection]:
        """Open a transaction in a service's database, as its administrator."""
        with self._engines[service].begin() as tx:
            yield tx

    def rows(self, place: Place) -> dict[str, Counter[str]]:
        """Return a hash of every row that is kept of a school, of its trust and of the people of both, by table; in all five databases."""
        trust = self.trust_of[place.slug]
        people = [*place.people.values(), *(id_ for (at, _), id_ in self.trust_people.items() if at == trust)]
        emails = [f"{name.replace(' ', '.')}@{place.slug}.example" for name in place.people]
        known = {"school": place.id, "trust": self.trusts[trust], "people": people, "emails": emails}
        found = {}
        for service, engine in self._engines.items():
            each = [
                f"select '{service}.{name}' as kept_in, md5(t::text) as hash from {name} t where {whose}"
                for name, whose in whose_rows(service).items()
            ]
            with engine.connect() as connection:
                rows = connection.execute(sa.text(" union all ".join(each)), known).all()
            found |= {f"{service}.{name}": Counter(row.hash for row in rows if row.kept_in == f"{service}.{name}") for name in whose_rows(service)}
        return found

    def _wait_for_people(self, place: Place) -> None:
        """Wait until incidents knows everybody who can be sent an alert."""
        able = [id_ for name, id_ in place.people.items() if self.role_of(name) in RECORDERS]
        preview = PreviewAlert(alert=Alert(staff_ids=able), category_codes=["behaviour"], pupil_ids=[])
        self.until(lambda: len(self._recipients(place, preview)) == len(able) - 1)

    def _recipients(self, place: Place, preview: PreviewAlert) -> list[Any]:
        try:
            return list(self.ask(preview, token=self.as_(place, "dsl")).recipients)
        except Conflict:  # the school itself has not come yet
            return []


_OF = {
    "school_id": "t.school_id = :school",
    "person_id": "t.person_id = any(:people)",
    "trust_id": "t.trust_id = :trust",
    "email": "t.email = any(:emails)",
    "machine_id": "t.machine_id in (select id from machines where school_id = :school or trust_id = :trust)",
    "session_id": "t.session_id in (select id from sessions where person_id = any(:people))",
    "provider_id": "t.provider_id in (select id from providers where school_id = :school)",
}
"""By the columns that say whose a row is: which rows are of a school, its trust or its people."""
_OF_TABLE = {("identity", "people"): "t.id = any(:people)", ("identity", "trusts"): "t.id = :trust", ("identity", "sign_in_failures"): "true"}


def whose_rows(service: str) -> dict[str, str]:
    """Return, for each table of a service, which rows of it are of a school, its trust or its people. Every table has to say how that is known."""
    tables = importlib.import_module(f"services.{service}.store").metadata.tables
    found = {n: _OF_TABLE.get((service, n)) or " or ".join(said for column, said in _OF.items() if column in t.c) for n, t in tables.items()}
    assert all(found.values()), [n for n, said in found.items() if not said]
    return found


_printing = threading.Lock()  # pdfium is of one thread


@lru_cache(maxsize=64)
def printed(data: bytes) -> str:
    """Return the words of a PDF. Readers of one class are given the same bytes, and pdfium reads them twenty times as fast as pypdf."""
    with _printing, pypdfium2.PdfDocument(data) as document:
        return "".join(page.get_textpage().get_text_bounded() for page in document)


@dataclass(frozen=True)
class Answer:
    """What the gateway said."""

    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def text(self) -> str:
        """The words of it, those inside a document too."""
        if self.data.startswith(b"%PDF") and "chronology.pdf" in self.headers.get("content-disposition", ""):
            return printed(self.data)
        return self.data.decode("utf-8", "replace")

    @property
    def error(self) -> int | None:
        """The status of a refusal; None of an answer."""
        return self.status if self.status >= 400 else None

    @property
    def leads_to(self) -> str:
        """The path a redirect leads to, or ""."""
        return urllib.parse.urlsplit(self.headers.get("location", "")).path

    @property
    def plain(self) -> tuple[int, str, str]:
        """Status, where to, and the page, without what differs each time: ids, and the token of forms."""
        return self.status, _plain(self.leads_to), _plain(self.text)


def _plain(text: str) -> str:
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>", text)
    text = re.sub(r'name="next" value="[^"]*"', 'name="next"', text)  # where the choice of language leads back to
    return re.sub(r"[0-9a-f]{64}", "<token>", text)


class Visitor:
    """Somebody with a session: a browser by its cookie, or a program by its bearer token; signed out with none."""

    _local = threading.local()
    _open: ClassVar[list[http.client.HTTPConnection]] = []

    def __init__(self, system: dict[str, Any], *, token: str = "", slug: str = "", machine: bool = False) -> None:
        self.url, self.token, self.slug, self.form_key = urllib.parse.urlsplit(system["url"]), token, slug, ""
        self._nowhere: dict[tuple[str, str], Answer] = {}
        if token and not machine:
            page = self.ask("GET", "/account").text
            found = re.search('name="csrf_token" value="([0-9a-f]+)"', page)
            assert found, "not signed in"
            self.form_key = found.group(1)

    def nowhere(self, method: str, kind: str) -> Answer:
        """Return what this person is answered at a school's ("s") or a trust's ("t") address that does not exist."""
        if (method, kind) not in self._nowhere:
            self._nowhere[method, kind] = self.ask(method, "/s/nowhere/pupils" if kind == "s" else "/t/nowhere/schools/new")
        return self._nowhere[method, kind]

    def ask(self, method: str, path: str, *, form: dict[str, Any] | None = None, body: Any = None, file: bytes | None = None) -> Answer:
        """Send one request; forms carry their token."""
        headers, data = {"Accept-Encoding": "identity"}, b""
        if path.startswith("/api/"):
            headers |= {"Authorization": f"Bearer {self.token}.{self.slug}" if self.slug else f"Bearer {self.token}"} if self.token else {}
            if file is not None:
                data, headers["Content-Type"] = _multipart(file)
            elif path.endswith("/oauth/token"):
                data, headers["Content-Type"] = urllib.parse.urlencode(form or {}).encode(), "application/x-www-form-urlencoded"
            elif method == "POST":
                data, headers["Content-Type"] = json.dumps(body if body is not None else {}).encode(), "application/json"
        else:
            headers |= {"Cookie": f"safekeep-{self.url.port}={self.token}"} if self.token else {}
            if method == "POST":
                sent = {"csrf_token": self.form_key, **(form or {})}
                data, headers["Content-Type"] = urllib.parse.urlencode(sent, doseq=True).encode(), "application/x-www-form-urlencoded"
        return self._send(method, path, data, headers)

    @classmethod
    def hang_up(cls) -> None:
        """Close every connection that was kept open."""
        while cls._open:
            cls._open.pop().close()

    def _send(self, method: str, path: str, data: bytes, headers: dict[str, str]) -> Answer:
        for again in (True, False):  # a connection that was kept open may have been closed meanwhile
            kept = getattr(self._local, "connection", None)
            connection = kept or http.client.HTTPConnection(self.url.hostname or "", self.url.port, timeout=60)
            if kept is None:
                self._open.append(connection)
            self._local.connection = connection
            try:
                connection.request(method, path, data or None, headers)
                response = connection.getresponse()
                found = response.read()
                return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, found)
            except (http.client.HTTPException, OSError):
                connection.close()
                self._local.connection = None
                if not again or kept is None:
                    raise
        raise AssertionError("unreachable")


def _multipart(file: bytes) -> tuple[bytes, str]:
    head = b'--x1\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n'
    return head + file + b"\r\n--x1--\r\n", "multipart/form-data; boundary=x1"


class People:
    """Everybody of a running world, signed in by password and code when first asked for, and again before their second factor is too old."""

    def __init__(self, world: RunningWorld) -> None:
        self._world, self._held, self._lock = world, dict[str, tuple[Visitor, float]](), threading.Lock()
        self.nobody = Visitor(world.system)

    def at_school(self, place: Place, name: str) -> Visitor:
        """Return somebody of a school, by their name in it."""
        return self._visitor(f"{name.replace(' ', '.')}@{place.slug}.example", place.slug, has_app=self._has_app(name))

    def of_trust(self, trust: str, role: str) -> Visitor:
        """Return somebody of a trust ("near" or "far")."""
        return self._visitor(f"{role}@{trust}{self._world.suffix}.example", "", has_app=True)

    def machine(self, scope: str) -> Visitor:
        """Return a program of the first school's, or of its trust, with credentials that hold one scope."""
        made = self._world.machines[scope]
        secret = {"grant_type": "client_credentials", "client_id": str(made.client_id), "client_secret": made.client_secret}
        said = self.nobody.ask("POST", "/api/v1/oauth/token", form=secret)
        assert said.status == 200, (said.status, said.text)
        return Visitor(self._world.system, token=json.loads(said.text)["access_token"], machine=True)

    def _has_app(self, name: str) -> bool:
        role = self._world.role_of(name)
        return role in FACTOR_ROLES or name == SUBJECT

    def _visitor(self, email: str, slug: str, *, has_app: bool) -> Visitor:
        with self._lock:
            visitor, since = self._held.get(email, (self.nobody, 0.0))
            if email not in self._held or time.monotonic() - since > permissions.FRESH.total_seconds() / 2:
                visitor = Visitor(self._world.system, token=self._sign_in(email, has_app=has_app), slug=slug)
                self._held[email] = visitor, time.monotonic()
            return visitor

    def _sign_in(self, email: str, *, has_app: bool) -> str:
        sent = {"username": email, "password": PASSWORD} | ({"code": pyotp.TOTP(SECRET).now()} if has_app else {})
        said = self.nobody.ask("POST", "/api/v1/sign-in", body=sent)
        assert said.status == 200, (email, said.status, said.text)
        return str(json.loads(said.text)["token"])
