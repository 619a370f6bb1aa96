"""Two trusts, three schools, five services over real databases, and entries of every class: what the matrix is tried in.

The services are the real ones, asked in this process with signed tokens; events go from each outbox to the services that
hear them. After building, everything a cell does is rolled back, so that all cells begin in the same world.
"""

import datetime as dt
import importlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pypdf
import sqlalchemy as sa
from nameko.rpc import RpcProxy
from sqlalchemy.exc import DBAPIError

from safekeep import actor as actors
from safekeep import bus, clock, keys, permissions
from safekeep.body.marks import BodyMap, Mark
from safekeep.contracts import Event, Request
from safekeep.contracts.alerts import Inbox
from safekeep.contracts.files import BeginUpload, FinishUpload, SaveBodyMap, SaveDraft
from safekeep.contracts.identity import (
    AddMachine,
    AddTrustMachine,
    ChangeAddress,
    ChangeMember,
    ContactItem,
    KeepTrustPerson,
    Members,
    Seed,
    SeedPerson,
    SeedSchool,
)
from safekeep.contracts.incidents import (
    AddAction,
    Alert,
    AskCorrection,
    BeginExport,
    EndStandIn,
    ImportPupils,
    Incident,
    KeepStandIn,
    KeepWitness,
    LinkedPupil,
    OpenAsks,
    ProposeDestruction,
    Record,
    SeedPupil,
    SetFlag,
)
from safekeep.contracts.reports import ApproveReport, EnterRequest, KeepMeeting, MakeDraft, Meetings, ReportDraft
from safekeep.database import SERVICES, storage_error, transaction
from safekeep.ids import new_id
from safekeep.inbox import Together
from safekeep.permissions import RECORDERS, SAFEGUARDING_LEADS, Class, Role
from safekeep.rpc import Resources, envelope
from safekeep.settings import ServiceSettings
from services.identity.store import doors
from services.incidents import store as incidents_store
from services.incidents.recording import holding_pupil
from services.reports import store as reports_store
from tests import streaming
from tests.servers import Postgres

CATEGORY = {
    Class.GENERAL: "behaviour",
    Class.WELFARE: "welfare",
    Class.SAFEGUARDING: "safeguarding_concern",
    Class.PROTECTION: "child_protection",
}
ABOUT = ("pupil", "child", "linked", "left", "holding")
"""Whom incidents are about: a pupil no reader is related to, a child of staff, that pupil again with the child linked, a child of every DSL
and deputy, and one not listed."""
OF_CHILD = ("child", "linked")
"""Those in which the child of staff is: as the pupil, or linked."""
SCHOOL_ROLES = [role for role in Role if role in RECORDERS or role == Role.GOVERNOR]
TRUST_ROLES = [role for role in Role if role not in SCHOOL_ROLES]
SUBJECT = "sports_coach"
"""Whom the console's methods are tried on: with a second factor, a role and a new address that wait for a DSL."""
_SETTINGS = ("school_id", "person_id", "trust_id", "scope")
PASSWORD, SECRET = "Plum teal harbour 1", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def _blank_pdf() -> bytes:
    written = io.BytesIO()
    writer = pypdf.PdfWriter()
    writer.add_blank_page(width=200, height=200)
    writer.write(written)
    return written.getvalue()


PDF = _blank_pdf()


def marker(place: "Place", about: str, class_: Class, what: str = "account") -> str:
    """Return the one word that stands in an entry of that class about that pupil, and nowhere else."""
    return f"zq{place.slug}{about}{class_.code}{what}"


@dataclass
class Made:
    """What there is of one class about one pupil: ids by the names that requests and addresses give them."""

    class_: Class
    about: str
    ids: dict[str, Any] = field(default_factory=dict)


@dataclass
class Place:
    """A school: who works there, one person a role, and what is recorded."""

    id: UUID
    slug: str
    people: dict[str, UUID]
    pupils: dict[str, UUID] = field(default_factory=dict)
    made: dict[tuple[str, Class], Made] = field(default_factory=dict)
    subject: dict[str, Any] = field(default_factory=dict)
    of_trust: dict[str, Any] = field(default_factory=dict)  # what its trust has of its own under the same names


class World:
    """Everything, running in this process. `suffix` tells worlds apart that are made in the same installation."""

    suffix = ""
    with_app: frozenset[str] = frozenset()  # roles whose people have an app from the start; the subject has one in any case

    def __init__(self, *, postgres: Postgres, keys_folder: Path, folder: Path) -> None:
        self.keys = {p.stem: keys.Keys.load(p) for p in (keys_folder / "process").glob("*.json")}
        bus.use_keys(self.keys["identity"])
        self.resources = {service: self._resources(service, postgres=postgres, keys_folder=keys_folder, folder=folder) for service in SERVICES}
        self.modules = {service: importlib.import_module(f"services.{service}.service") for service in SERVICES}
        self.services: dict[str, Any] = {service: module.Service() for service, module in self.modules.items()}
        for name, service in self.services.items():
            service.host = self.resources[name]
            for attribute, proxy in vars_of(type(service)):
                if isinstance(proxy, RpcProxy):
                    setattr(service, attribute, self.services[proxy.target_service])
        self._taken: set[UUID] = set()
        self.build()

    def build(self) -> None:
        """Make the people of each school, and what is recorded at the first: the others are there to look at it from."""
        self._people()
        self._records(self.own)
        self.deliver()
        self._trust_meetings(self.own)
        self.deliver()

    def tick(self) -> None:
        """Let the timer of meetings do what is due."""
        self.services["reports"].look_at_meetings()

    def _resources(self, service: str, *, postgres: Postgres, keys_folder: Path, folder: Path) -> Resources:
        urls, prefix = postgres.clone(service, f"m_{new_id().hex[-16:]}"), service.upper()
        settings = ServiceSettings(
            database_url=urls[f"{prefix}_DATABASE_URL"],
            worker_database_url=urls[f"{prefix}_WORKER_DATABASE_URL"],
            broker_url="amqp://unused",
            keys_file=str(keys_folder / "process" / f"{service}.json"),
            inner_port=0,
            object_store_url=f"file://{folder}/objects",
            public_url="http://localhost:8000",
        )
        return Resources(settings, service)

    def close(self) -> None:
        """Let the databases go."""
        for each in self.resources.values():
            each.engine.dispose()
            each.worker_engine.dispose()

    # --- asking

    def token(self, person_id: UUID, *roles: str, school: Place | None = None, trust_id: UUID | None = None, stale: bool = False) -> str:
        """Sign a person's token; their second factor was used just now, or (`stale`) too long ago to step up."""
        return actors.person_token(
            keys=self.keys["identity"],
            person_id=person_id,
            name="Test Person",
            roles=frozenset(roles),
            school_id=school.id if school else None,
            trust_id=trust_id,
            session_id=new_id(),
            second_factor_at=clock.now() - (permissions.FRESH * 2 if stale else dt.timedelta()),
        )

    def service_token(self, service: str, school_id: UUID | None = None, *, methods: Sequence[str] = tuple(permissions.METHODS)) -> str:
        """Sign a service's own token, for any method or for those named."""
        return actors.service_token(keys=self.keys[service], service=service, school_id=school_id, methods=methods)

    def ask(self, request: Request[Any], *, token: str, seconds: float = 5.0) -> Any:
        """Ask a service as the bus does: token, deadline, contract and JSON both ways. Raises what it raises."""
        service, _, method = request.method.partition(".")
        sent = json.loads(json.dumps(envelope(request, token=token, seconds=max(seconds, 60.0))))
        return request.answer.receive(json.loads(json.dumps(getattr(self.services[service], method)(sent))))

    def deliver(self) -> None:
        """Carry every event that waits in an outbox to the services that hear it, until none waits."""
        waiting = True
        while waiting:
            waiting = False
            for owner in SERVICES:
                for event in self._published(owner):
                    waiting = True
                    for service, heard in bus.CONSUMES.items():
                        handler = self.modules[service].HANDLERS.get(type(event))
                        if handler and any(event.name.startswith(key.removesuffix("#")) for key in heard):
                            host = self.resources[service]
                            with host.transaction(host.engine, school_id=event.school_id) as tx:
                                handler.handler(tx, [event]) if isinstance(handler, Together) else handler(tx, event)

    def until(self, look: Callable[[], Any]) -> Any:
        """Return what is there once every event was delivered: here at once."""
        return look()

    def _published(self, owner: str) -> list[Event]:
        host = self.resources[owner]
        with host.transaction(host.worker_engine) as tx:
            rows = tx.execute(sa.text("select id, name, body from outbox order by id")).all()
        found = [event_of(row.name, row.body) for row in rows if row.id not in self._taken]
        self._taken |= {row.id for row in rows}
        return found

    # --- building

    def _people(self) -> None:
        self.schools = [Place(new_id(), slug + self.suffix, {}) for slug in ("one", "two", "three")]
        self.own, self.sibling, self.foreign = self.schools
        self.trusts = {"near": new_id(), "far": new_id()}
        self.trust_of = {self.own.slug: "near", self.sibling.slug: "near", self.foreign.slug: "far"}
        self.trust_people: dict[tuple[str, str], UUID] = {}
        head = ContactItem(kind="head", name="Head Teacher", telephone="01632 960002")
        for trust, trust_id in self.trusts.items():
            schools = []
            for place in (p for p in self.schools if self.trust_of[p.slug] == trust):
                for role in SCHOOL_ROLES:
                    place.people[role] = new_id()
                    if role in RECORDERS:
                        place.people[f"{role} whose child it is"] = new_id()
                for extra in ("author", "told", "author whose child it is", "head"):
                    place.people[extra] = new_id()
                people = [
                    SeedPerson(
                        id=id_,
                        name=f"Staff {name.title()}",
                        email=f"{name.replace(' ', '.')}@{place.slug}.example",
                        password=PASSWORD,
                        roles=[self.role_of(name)],
                        totp_secret=SECRET if name == SUBJECT or self.role_of(name) in self.with_app else "",
                    )
                    for name, id_ in place.people.items()
                ]
                schools.append(
                    SeedSchool(id=place.id, slug=place.slug, name=f"School {place.slug.title()}", phase="primary", people=people, contacts=[head])
                )
            for role in TRUST_ROLES:
                self.trust_people[trust, role] = new_id()
            people = [
                SeedPerson(
                    id=self.trust_people[trust, role],
                    name="Trust Person",
                    email=f"{role}@{trust}{self.suffix}.example",
                    password=PASSWORD,
                    roles=[role],
                    totp_secret=SECRET if role in self.with_app else "",
                )
                for role in TRUST_ROLES
            ]
            seed = Seed(trust_id=trust_id, trust_name=f"Trust {trust}", trust_slug=trust + self.suffix, trust_people=people, schools=schools)
            self.ask(seed, token=self.service_token("demo"))
        for place in self.schools:
            trust = self.trust_of[place.slug]
            it = self.token(self.trust_people[trust, Role.TRUST_IT], Role.TRUST_IT, trust_id=self.trusts[trust])
            self.ask(ChangeMember(school_id=place.id, person_id=place.people[SUBJECT], roles=[SUBJECT, "slt"]), token=it)
            self.ask(ChangeAddress(school_id=place.id, person_id=place.people[SUBJECT], email=f"waits@{place.slug}.example"), token=it)
            found = self.ask(Members(school_id=place.id, person_id=place.people[SUBJECT]), token=it).items[0]
            dsl = self.as_(place, "dsl")
            machine = self.ask(AddMachine(name="Machine", scopes=["counts.read"], days=30), token=dsl).client_id
            of_trust = AddTrustMachine(name=f"Machine beside {place.slug}", scopes=["trust.counts.read"], days=30)
            place.of_trust["machine_id"] = self.ask(of_trust, token=it).client_id
            provider = self._provider(place)
            leads = KeepTrustPerson(name="Waits There", email=f"lead@{trust}{self.suffix}.example", roles=["trust_safeguarding_lead"])
            place.subject["trust_person_id"] = self.ask(leads, token=it).person_id
            place.subject |= {"person_id": found.person_id, "factor_id": found.factors[0].id, "machine_id": machine, "provider_id": provider}
        self.deliver()

    def _provider(self, place: Place) -> UUID:
        """Keep a provider of single sign-on of the school, with the subject linked to it. Making one asks the provider itself: not here."""
        values: dict[str, Any] = {"name": "Sign on", "kind": "other", "issuer": "https://issuer.example", "client_id": "c", "secret": b""}
        more: dict[str, Any] = {"accepts_factor": False, "factor_levels": [], "role_claim": "", "roles": {}, "mapped_by": None, "active": True}
        provider = new_id()
        whose = {"school_id": place.id, "trust_id": self.trusts[self.trust_of[place.slug]]}
        with self.inside("identity", scope="sign_in") as tx:
            doors.keep_provider(tx, id=provider, made_at=clock.now(), **values, **more, **whose)
            doors.link(tx, provider_id=provider, person_id=place.people[SUBJECT], subject=place.slug, now=clock.now())
        return provider

    def inside(self, service: str, **settings: Any) -> Any:
        """Open a transaction in a service's database, for what only happens in roundabout ways."""
        host = self.resources[service]
        return host.transaction(host.engine, **settings)

    @staticmethod
    def role_of(name: str) -> str:
        """Return the role somebody in `Place.people` has: authors and those told are teachers, the head is SLT."""
        first = "slt" if name == "head" else name.removesuffix(" whose child it is")
        return first if first in list(Role) else "teacher"

    def as_(self, place: Place, name: str) -> str:
        """Return a token of somebody in `place.people`."""
        return self.token(place.people[name], self.role_of(name), school=place)

    def _records(self, place: Place) -> None:
        place.pupils = {"pupil": new_id(), "child": new_id(), "left": new_id(), "spare": new_id(), "holding": holding_pupil(place.id)}
        self._import(place)
        self.ask(KeepStandIn(id=new_id(), person_id=place.people["head"], reason="The head"), token=self.as_(place, "dsl"))
        parents = [name for name in place.people if name.endswith("whose child it is")]
        for about in ABOUT:
            for class_ in Class:
                self._one(place, Made(class_, about), parents=parents if about in OF_CHILD else [])
            if about not in place.pupils or about == "holding":
                continue
            flag = SetFlag(
                id=new_id(), pupil_id=place.pupils[about], kind="early_help", started=dt.date(2026, 1, 1), note=f"zq{place.slug}{about}flag"
            )
            self.ask(flag, token=self.as_(place, "dsl"))
            for class_ in Class:
                place.made[about, class_].ids["flag_id"] = flag.id
        for class_ in Class:
            place.made["linked", class_].ids["flag_id"] = place.made["pupil", class_].ids["flag_id"]
        dsl = self.as_(place, "dsl")
        export = BeginExport(id=new_id(), scope="pupil", scope_id=place.pupils["pupil"], reason="A conference", school_name="School")
        witness = KeepWitness(id=new_id(), kind="email", name="A Solicitor", address="witness@solicitor.example")
        place.subject |= {"spare_id": place.pupils["spare"], "export_id": self.ask(export, token=dsl).id, "witness_id": witness.id}
        self.ask(witness, token=dsl)
        stand_in = KeepStandIn(id=new_id(), person_id=place.people["author"], reason="A second one")
        self.ask(stand_in, token=dsl)
        self.ask(EndStandIn(stand_in_id=stand_in.id), token=dsl)
        place.subject |= {"stand_in_id": stand_in.id}
        self._meetings(place)
        self._request_for_information(place)
        self._document(place)
        leads = [id_ for name, id_ in place.people.items() if self.role_of(name) in SAFEGUARDING_LEADS]
        self._import(place, child=[place.people[name] for name in parents], left=leads)  # entered after they had been told

    def _meetings(self, place: Place) -> None:
        """Have two meetings of governors: one with a draft, one whose report was published."""
        dsl = self.as_(place, "dsl")
        for known_as in ("published_id", "report_id"):
            meeting = KeepMeeting(id=new_id(), on_day=dt.date(2199, 1, 1), minute=1080, name=known_as)
            self.ask(meeting, token=dsl)
            self.ask(MakeDraft(meeting_id=meeting.id), token=dsl)
            report = next(item.report_id for item in self.ask(Meetings(), token=dsl).items if item.id == meeting.id)
            place.subject |= {"meeting_id": meeting.id, known_as: report}
            if known_as == "published_id":
                sha256 = self.ask(ReportDraft(report_id=report), token=dsl).sha256
                self.ask(ApproveReport(report_id=report, sha256=sha256, school_name="School One"), token=dsl)

    def _trust_meetings(self, place: Place) -> None:
        """Have two meetings of the trust's own: one with a draft, one whose report was published."""
        trust = self.trust_of[place.slug]
        lead = self.token(self.trust_people[trust, Role.TRUST_SAFEGUARDING_LEAD], Role.TRUST_SAFEGUARDING_LEAD, trust_id=self.trusts[trust])

        def draft(meeting_id: UUID) -> Any:
            self.tick()
            found = next(item.report_id for item in self.ask(Meetings(), token=lead).items if item.id == meeting_id)
            said = self.ask(ReportDraft(report_id=found), token=lead)
            return said if said.told["sections"] else None

        for known_as in ("published_id", "report_id"):
            meeting = KeepMeeting(id=new_id(), on_day=dt.date(2199, 1, 1), minute=1080, name=known_as)
            self.ask(meeting, token=lead)
            self.ask(MakeDraft(meeting_id=meeting.id), token=lead)
            made = self.until(lambda meeting_id=meeting.id: draft(meeting_id))
            place.of_trust |= {"meeting_id": meeting.id, known_as: made.report_id}
            if known_as == "published_id":
                self.ask(ApproveReport(report_id=made.report_id, sha256=made.sha256, school_name="Trust Near"), token=lead, seconds=60.0)

    def _request_for_information(self, place: Place) -> None:
        """Have parents ask for the record of each pupil."""
        for about in ("pupil", "child", "left"):
            values: dict[str, Any] = {"asker": "A Parent", "received_on": clock.now().date(), "pupil_id": place.pupils[about]}
            asked = EnterRequest(id=new_id(), kind="subject_access_parent", **values)
            self.ask(asked, token=self.as_(place, "dsl"))
            for (of, _), made in place.made.items():
                if of == about or (of, about) == ("linked", "pupil"):
                    made.ids["information_request_id"] = asked.id

    def _document(self, place: Place) -> None:
        """Keep a long document of the DSL's that is ready, and a pack for the next school."""
        here: dict[str, Any] = {"school_id": place.id, "id": new_id()}
        now, whose = clock.now(), {"asked_by": place.people["dsl"], "asked_name": "Test Person", "roles": ["dsl"], "pupil_id": place.pupils["pupil"]}
        rest: dict[str, Any] = {"form": "pdf", "request": "", "state": "ready", "why": "", "steps": 1, "cursor": None}
        counts = {"entries": 1, "entries_read": 1, "size": len(PDF), "pieces": 1}
        about = f"document|{place.id}|{here['id']}|made|0"
        with self.inside("reports", school_id=place.id) as tx:
            until = now + dt.timedelta(days=1)
            reports_store.add_document(tx, **here, turn_at=until, asked_at=now, expires_at=until, **whose, **rest, **counts)
            sealed = keys.wrap(keys=self.keys["reports"], purpose="documents", secret=PDF, about=about)
            reports_store.keep_piece(tx, **here, part="made", number=0, sealed=sealed)
            part: dict[str, Any] = {"earliest": now.date(), "latest": now.date(), "size": len(PDF), "sha256": "ab" * 32}
            reports_store.add_part(tx, **here, number=1, entries=1, first_piece=0, pieces=1, **part)
        pack = here | {"id": new_id()}
        whose = {"asked_by": place.people["dsl"], "asked_name": "Test Person", "asked_at": now, "pupil_id": place.pupils["pupil"]}
        said = json.dumps({"reason": "A new school", "readers": "", "to_school": "Oak School"}).encode()
        sealed = keys.wrap(keys=self.keys["reports"], purpose="documents", secret=said, about=f"pack|{place.id}|{pack['id']}")
        with self.inside("reports", school_id=place.id) as tx:
            reports_store.begin_pack(tx, **pack, **whose, kind="transfer", form="pdf", said=sealed)
            reports_store.change_pack(tx, **pack, entries=1, sha256="ab" * 32, sequence=1, entry_hash="cd" * 32)
        place.subject |= {"document_id": here["id"], "pack_id": pack["id"]}

    def _import(self, place: Place, *, child: Sequence[UUID] = (), left: Sequence[UUID] = ()) -> None:
        def pupil(about: str, relatives: Sequence[UUID] = ()) -> SeedPupil:
            name = "Somebody not listed" if about == "holding" else f"{about.title()} Zqname"
            return SeedPupil(
                id=place.pupils[about], name=name, year="Year 5", form="5A", born=dt.date(2016, 2, 29), family=new_id(), relatives=list(relatives)
            )

        wanted = [pupil("holding"), pupil("pupil"), pupil("spare"), pupil("child", child), pupil("left", left)]
        self.ask(ImportPupils(pupils=wanted), token=self.service_token("demo", place.id))

    def _one(self, place: Place, made: Made, *, parents: list[str]) -> None:
        """Record one incident of a class with a file, an action, alerts, a request to a DSL, and a grant where the class needs one."""
        class_, about = made.class_, made.about
        author = f"author{' whose child it is' if parents else ''}"
        writer, dsl = self.as_(place, author), self.as_(place, "dsl")
        file_id, receipt = self._file(place, author, name=f"{marker(place, about, class_, 'file')}.pdf")
        first = Class.SAFEGUARDING if class_ == Class.PROTECTION else class_
        known = [place.people[name] for name in ("told", *parents) if self.role_of(name) not in {"dsl", "deputy_dsl"} and name != author]
        may_be_told = class_ <= Class.WELFARE
        incident = Record(
            id=new_id(),
            pupil_id=place.pupils["pupil" if about == "linked" else about],
            linked_pupils=[LinkedPupil(pupil_id=place.pupils["child"], part="witness")] if about == "linked" else [],
            described_pupil="Small, with a blue coat" if about == "holding" else "",
            occurred_at=clock.now(),
            kind="conversation",
            narrative=f"An account: {marker(place, about, class_)}.",
            category_codes=[CATEGORY[first]],
            alert=Alert(
                groups=["safeguarding_team"], staff_ids=known if may_be_told else [], ask_dsl=[] if may_be_told else [place.people["pastoral"]]
            ),
            receipts=[receipt],
        )
        self.ask(incident, token=writer)
        raising = [CATEGORY[class_]] if class_ != first else []
        action = AddAction(
            id=new_id(),
            incident_id=incident.id,
            text=f"An action: {marker(place, about, class_, 'action')}.",
            category_codes=raising,
            alert=Alert(staff_ids=[] if may_be_told else known, reasons={} if may_be_told else {str(p): "They teach the pupil" for p in known}),
            **({"keep_reason": "They teach the pupil"} if raising else {}),
        )
        self.ask(action, token=dsl)
        self.deliver()
        draft = SaveDraft(draft_id=new_id(), kind="action", incident_id=incident.id, fields={"text": [marker(place, about, class_, "draft")]})
        self.ask(draft, token=writer)
        said = marker(place, about, class_, "drawn")
        mark = Mark(drawing="front", region="left_forearm_inner", points=[(395, 420)], kind="bruise", said=said)
        drawn = SaveBodyMap(body_map_id=new_id(), body_map=BodyMap(marks=[mark]))
        self.ask(drawn, token=writer)
        alert = self.until(lambda: self.ask(Inbox(incident_id=incident.id), token=dsl).items)
        self.ask(Incident(incident_id=incident.id), token=dsl)  # only what was opened can be marked as read
        wrong = AskCorrection(id=new_id(), entry_id=incident.id, text="It was Tuesday.")
        self.ask(wrong, token=writer)
        proposed = {"incident_id": incident.id, "entry_id": action.id, "basis": "retention", "law": "A policy", "reason": "R"}
        gone = self.ask(ProposeDestruction(id=new_id(), **proposed), token=dsl)
        asks = [a for a in self.ask(OpenAsks(), token=dsl).items if a.incident_id == incident.id]
        made.ids |= {
            "incident_id": incident.id,
            "entry_id": incident.id,
            "action_id": action.id,
            "file_id": file_id,
            "draft_id": draft.draft_id,
            "body_map_id": drawn.body_map_id,
            "upload_id": self._upload(place, author),
            "pupil_id": place.pupils["pupil" if about in ("linked", "holding") else about],
            "alert_id": alert[0].id,
            "request_id": wrong.id,
            "destruction_id": gone.id,
            "account": incident.narrative,
            "about_id": place.people[SUBJECT],
            "keeper_id": place.people["slt"],
            "dsl_id": place.people["deputy_dsl"],
            "ask_id": asks[0].id if asks else new_id(),
        }
        if about != "holding":
            made.ids["release_id"] = self._release(place, incident.id)
        place.made[about, class_] = made

    def _release(self, place: Place, incident_id: UUID) -> UUID:
        """Keep a line to the DSL that another DSL has taken something over."""
        here: dict[str, Any] = {"school_id": place.id, "incident_id": incident_id, "people": [place.people["dsl"]]}
        with self.inside("incidents", school_id=place.id) as tx:
            incidents_store.release(tx, **here, line="A line", by=place.people["deputy_dsl"], now=clock.now())
            rows = incidents_store.releases_to(tx, school_id=place.id, person_id=place.people["dsl"])
        found: UUID = next(row.id for row in rows if row.incident_id == incident_id)
        return found

    def _file(self, place: Place, author: str, *, name: str) -> tuple[UUID, str]:
        id_ = self._upload(place, author, name=name)
        return id_, self.ask(FinishUpload(file_id=id_), token=self.as_(place, author)).receipt

    def _upload(self, place: Place, author: str, *, name: str = "Not sealed yet.pdf") -> UUID:
        token, id_ = self.as_(place, author), new_id()
        begun = self.ask(BeginUpload(file_id=id_, name=name, size=len(PDF)), token=token)
        self.carry(PDF, ticket=begun.ticket)
        return id_

    def carry(self, data: bytes, *, ticket: str) -> None:
        """Send a file's bytes by the door, as the gateway does."""
        streaming.send(self.resources["files"], ticket=ticket, data=data)

    # --- undoing

    @contextmanager
    def undoing(self) -> Iterator["Undo"]:
        """Hold every database in one transaction: `Undo.cell()` rolls back what was done inside it."""
        with ExitStack() as stack:
            undo = Undo(stack)
            for resources in self.resources.values():
                resources.transaction = undo.transaction  # type: ignore[method-assign,assignment]
            try:
                yield undo
            finally:
                for resources in self.resources.values():
                    resources.transaction = transaction  # type: ignore[method-assign,assignment]

    def fingerprint(self, place: Place) -> dict[str, str]:
        """Return a hash a table of all that is kept of a school, read as the databases' owners would."""
        found = {}
        for service, resources in self.resources.items():
            with resources.transaction(resources.engine, school_id=place.id) as tx:
                for table in tables_of(service):
                    rows = tx.execute(sa.text(f"select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {table} t")).scalar_one()
                    found[f"{service}.{table}"] = rows
        return found


class Undo:
    """Transactions that are savepoints of one that is rolled back. One connection an engine, so one caller at a time."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._open: dict[int, sa.Connection] = {}
        self._values: list[dict[str, str]] = []
        self.statements: list[str] = []

    @contextmanager
    def cell(self) -> Iterator[None]:
        """Undo, at the end, all that is done inside."""
        held = [(connection, connection.begin_nested()) for connection in self._open.values()]
        before = set(self._open)
        try:
            yield
        finally:
            for _, savepoint in held:
                savepoint.rollback()
            for key in set(self._open) - before:  # first used inside: begin it anew
                self._open.pop(key).close()

    @contextmanager
    def transaction(self, engine: sa.Engine, *, school_id: UUID | None = None, **settings: str) -> Iterator[sa.Connection]:
        """Like safekeep.database.transaction, inside the one that will be rolled back."""
        connection = self._connection(engine)
        values = dict.fromkeys(_SETTINGS, "") | settings | ({"school_id": str(school_id)} if school_id else {})
        self._values.append(values)
        try:
            with connection.begin_nested():
                _set(connection, values)
                yield connection
        except (DBAPIError, psycopg.Error) as error:
            raise storage_error(error) from None
        finally:
            self._values.pop()
            if self._values:
                _set(connection, self._values[-1])

    def _connection(self, engine: sa.Engine) -> sa.Connection:
        if id(engine) not in self._open:
            connection = engine.execution_options(isolation_level="READ COMMITTED").connect()
            self._stack.callback(connection.close)
            sa.event.listen(connection, "before_cursor_execute", self._noted)
            connection.begin()
            self._open[id(engine)] = connection
        return self._open[id(engine)]

    def _noted(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        self.statements.append(statement)


def _set(connection: sa.Connection, values: dict[str, str]) -> None:
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    driver.execute("select " + ", ".join(f"set_config('safekeep.{name}', %s, true)" for name in values), list(values.values()))


def vars_of(kind: type) -> list[tuple[str, Any]]:
    """Return the attributes of a class and its bases."""
    return [(name, value) for base in kind.__mro__ for name, value in vars(base).items()]


def tables_of(service: str) -> list[str]:
    """Return a service's tables."""
    return sorted(importlib.import_module(f"services.{service}.store").metadata.tables)


def event_of(name: str, body: dict[str, Any]) -> Event:
    """Return the event that an outbox row holds."""
    contract = importlib.import_module(f"safekeep.contracts.{name.partition('.')[0]}")
    found = next(c for c in vars(contract).values() if isinstance(c, type) and issubclass(c, Event) and vars(c).get("name") == name)
    return found.receive(body)
