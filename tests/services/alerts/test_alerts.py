"""Who is alerted, by what mail, what happens when the mail server misbehaves, and whose inbox shows what."""

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
import sqlalchemy as sa
from alembic import command
from kombu.exceptions import OperationalError

from deploy.local import servers
from deploy.local.servers import free_port
from safekeep import clock, inbox
from safekeep.bus import Sealed
from safekeep.contracts import Event
from safekeep.contracts.alerts import AlertOrphaned, FirstReadings, Inbox, MarkRead, Readers, RecipientDropped, Unread
from safekeep.contracts.files import DraftLeft, PaperWaiting
from safekeep.contracts.identity import ContactItem, Seed, SeedPerson, SeedSchool, StaffChanged
from safekeep.contracts.incidents import (
    ActionAdded,
    AlertPassedOn,
    AuditNoted,
    ContentDestroyed,
    CorrectionAsked,
    CorrectionDeclined,
    EntryRestricted,
    GlassBroken,
    IncidentRecorded,
    ReadableAnswer,
    Recipient,
    RestrictionLifted,
    RightGranted,
    SightLost,
)
from safekeep.database import alembic_config
from safekeep.errors import Conflict, Invalid, NotFound, StorageError, Unavailable
from safekeep.ids import new_id
from safekeep.rpc import Resources
from services.alerts import service, store, telling
from services.alerts.service import sending
from tests.make import ODD_CURSORS
from tests.servers import Postgres
from tests.services.alerts.smtp import Server, text_of

NOON = dt.datetime(2026, 3, 10, 12, 47, tzinfo=dt.UTC)
STAFF = {"dsl": "Dee Lead", "deputy_dsl": "Dan Deputy", "slt": "Sal Tee", "teacher": "Zoë O’Cher", "pastoral": "Pat Oral"}


class Opened:
    """Incidents, as far as it is asked what somebody has opened: everything, but what is in `closed`."""

    def __init__(self) -> None:
        self.closed: set[UUID] = set()
        self.asked: list[tuple[UUID, bool]] = []

    def readable(self, call: dict[str, Any]) -> dict[str, Any]:
        entries = [UUID(each) for each in call["body"]["entry_ids"]]
        self.asked += [(each, call["body"]["opened"]) for each in entries]
        return ReadableAnswer(entry_ids=[each for each in entries if each not in self.closed]).wire()


class Alerts:
    """Alerts over a fresh database, with the real identity service beside it and a real mail server."""

    def __init__(self, resources: Callable[..., Resources], ask: Any, token: Any, service_token: Any, smtp: str) -> None:
        from services.identity.service import Service as Identity

        self._ask, self._token = ask, token
        self.people = {role: new_id() for role in STAFF}
        self.school = new_id()
        self.identity = Identity()
        self.identity.host = resources("identity")
        people = [
            SeedPerson(id=self.people[role], name=name, email=f"{role}@one.example", password="Plum teal harbour 1", roles=[role])
            for role, name in STAFF.items()
        ]
        head = ContactItem(kind="head", name="Head Teacher", telephone="01632 960002")
        it = SeedPerson(id=new_id(), name="Ines Tee", email="it@trust.example", password="Plum teal harbour 1", roles=["trust_it"])
        one = SeedSchool(id=self.school, slug="one", name="School One", phase="primary", people=people, contacts=[head])
        seed = Seed(trust_id=new_id(), trust_name="Trust", trust_slug="trust", trust_people=[it], schools=[one])
        ask(self.identity, seed, token=service_token("demo"))
        self.resources = resources("alerts", smtp_url=smtp, public_url="https://safekeep.example")
        self.service = service.Service()
        self.service.host, self.service.identity = self.resources, self.identity  # type: ignore[assignment] - asked as over the bus
        self.opened = Opened()
        self.service.incidents = self.opened  # type: ignore[assignment]
        self.box = inbox.Inbox(engine=self.resources.engine, handlers=service.HANDLERS)
        self.sequences: dict[UUID, int] = {}
        for role in STAFF:
            self.staff(role)

    def hear(self, event: Event) -> None:
        message = Sealed({"name": event.name, "version": event.version, "event": event.wire()})
        message.header = {"id": str(event.id), "type": event.name}
        self.box.take(message)

    def event(self, kind: type[Event], /, *, subject: UUID, **fields: Any) -> Event:
        self.sequences[subject] = self.sequences.get(subject, 0) + 1
        said = {"at": NOON, "school_id": self.school, "subject": subject, "sequence": self.sequences[subject]} | fields
        return kind(id=new_id(), **said)

    def staff(self, role: str, *, roles: list[str] | None = None, active: bool = True) -> None:
        person = self.people[role]
        self.hear(self.event(StaffChanged, subject=person, person_id=person, roles=[role] if roles is None else roles, active=active))

    def recorded(self, *told: str, past: bool = False, class_code: str = "safeguarding") -> UUID:
        """Hear of an incident recorded by the teacher; return its id."""
        incident = new_id()
        self.hear(self.recording(incident, *told, past=past, class_code=class_code))
        return incident

    def recording(self, incident: UUID, *told: str, past: bool = False, class_code: str = "safeguarding") -> Event:
        return self.event(IncidentRecorded, subject=incident, occurred_at=NOON, **self._said(incident, incident, told, class_code), past=past)

    def action(self, incident: UUID, *told: str, class_code: str = "safeguarding", **more: Any) -> UUID:
        entry = new_id()
        self.hear(self.event(ActionAdded, subject=incident, **self._said(incident, entry, told, class_code), **more))
        return entry

    def passed_on(self, incident: UUID, *people: str) -> Event:
        said = self._said(incident, incident, (), "safeguarding")
        fields = {name: said[name] for name in ("incident_id", "entry_id", "author_id", "category", "class_code")}
        return self.event(AlertPassedOn, subject=incident, kind="incident", people=[self.people[role] for role in people], **fields)

    def _said(self, incident: UUID, entry: UUID, told: tuple[str, ...], class_code: str) -> dict[str, Any]:
        return {
            "incident_id": incident,
            "entry_id": entry,
            "author_id": self.people["teacher"],
            "category": "safeguarding_concern",
            "categories": ["safeguarding_concern"],
            "class_code": class_code,
            "pupil_ids": [new_id()],
            "recipients": [Recipient(person_id=self.people[role], because=["safeguarding_team"]) for role in told],
            "file_ids": [],
        }

    def send(self, *, minutes: float = 0) -> None:
        with clock.set_to(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes)):
            self.service.send_mail()

    def ask(self, role: str, request: Any) -> Any:
        return self._ask(self.service, request, token=self._token(roles=[role], school_id=self.school, person_id=self.people[role]))

    def readers(self, incident: UUID) -> list[Any]:
        with self.resources.transaction(self.resources.engine, school_id=self.school) as tx:
            return list(store.readers(tx, school_id=self.school, incident_id=incident))

    def inbox(self, role: str, **wanted: Any) -> list[Any]:
        return list(self.ask(role, Inbox(**wanted)).items)

    def mails(self) -> list[tuple[str, int]]:
        with self.resources.transaction(self.resources.worker_engine) as tx:
            return [tuple(row) for row in tx.execute(sa.text("select state, attempts from mails order by id"))]  # type: ignore[misc]

    def said(self) -> list[dict[str, Any]]:
        with self.resources.transaction(self.resources.worker_engine) as tx:
            return [{"name": row.name, **row.body} for row in tx.execute(sa.text("select name, body from outbox order by id"))]


@pytest.fixture
def smtp() -> Iterator[Server]:
    server = Server()
    yield server
    for free in sending._free.values():
        while not free.empty():
            free.get().close()
    server.close()


@pytest.fixture
def alerts(resources: Callable[..., Resources], ask_service: Any, token_for: Any, service_token_for: Any, smtp: Server) -> Alerts:
    return Alerts(resources, ask_service, token_for, service_token_for, smtp.url)


# --- who is alerted --------------------------------------------------------------------------------------------------


def test_each_person_told_has_one_alert_and_one_mail_however_often_the_event_comes(alerts: Alerts, smtp: Server) -> None:
    incident = new_id()
    event = alerts.recording(incident, "dsl", "deputy_dsl")
    for _ in range(3):
        alerts.hear(event)
    alerts.send()
    alerts.send()
    assert sorted(str(mail["To"].addresses[0].addr_spec) for mail in smtp.taken) == ["deputy_dsl@one.example", "dsl@one.example"]
    assert [item.entry_id for item in alerts.inbox("dsl")] == [incident]
    assert alerts.inbox("dsl")[0].because == ["safeguarding_team"]
    assert alerts.inbox("slt") == alerts.inbox("teacher") == []


def test_what_a_leaver_has_not_read_leaves_their_inbox_and_is_handed_on(alerts: Alerts) -> None:
    """Only what is unread, once; incidents is asked who is told instead, and their alerts come by its event."""
    read, unread = alerts.recorded("slt", "dsl", class_code="welfare"), alerts.recorded("slt", class_code="welfare")
    alert = next(item for item in alerts.inbox("slt") if item.incident_id == read)
    alerts.ask("slt", MarkRead(alert_id=alert.id))
    for _ in range(2):
        alerts.staff("slt", active=False)
    with alerts.resources.transaction(alerts.resources.engine, school_id=alerts.school) as tx:
        bodies = tx.execute(sa.text("select body from outbox where name = 'alerts.alert.orphaned'")).scalars().all()
    assert [(body["incident_id"], body["entry_id"], body["person_id"]) for body in bodies] == [(str(unread), str(unread), str(alerts.people["slt"]))]
    assert [item.incident_id for item in alerts.inbox("slt")] == [read]
    assert [item.incident_id for item in alerts.inbox("dsl")] == [read]
    alerts.hear(alerts.passed_on(unread, "dsl"))
    assert [(item.incident_id, item.read_at) for item in alerts.inbox("dsl", state="unread")] == [(unread, None), (read, None)]
    mails = len(alerts.mails())
    alerts.hear(alerts.passed_on(unread, "dsl"))  # whoever was alerted is not alerted again
    assert len(alerts.mails()) == mails


def orphaned(alerts: Alerts) -> list[tuple[str, str]]:
    return [(event["entry_id"], event["person_id"]) for event in alerts.said() if event["name"] == AlertOrphaned.name]


@pytest.mark.parametrize("roles", [["governor"], []], ids=["a governor now", "without a role"])
def test_who_has_no_role_left_that_is_told_of_anything_keeps_no_inbox_and_what_they_had_not_read_is_handed_on(
    alerts: Alerts, smtp: Server, roles: list[str]
) -> None:
    read, unread = alerts.recorded("slt", "dsl", class_code="welfare"), alerts.recorded("slt", class_code="welfare")
    alert = next(item for item in alerts.inbox("slt") if item.incident_id == read)
    alerts.ask("slt", MarkRead(alert_id=alert.id))
    for _ in range(2):
        alerts.staff("slt", roles=roles)
    assert orphaned(alerts) == [(str(unread), str(alerts.people["slt"]))], "the unread, and once"
    assert alerts.inbox("slt") == []
    alerts.hear(alerts.passed_on(unread, "dsl"))
    assert {item.incident_id for item in alerts.inbox("dsl")} == {read, unread}
    alerts.send()
    assert {mail["To"].addresses[0].addr_spec for mail in smtp.taken} == {"dsl@one.example"}, "a mail that still waited is not sent either"


@pytest.mark.parametrize("was", ["slt", "governor"])
def test_what_is_kept_to_somebody_stays_with_them_as_a_governor_and_nobody_else_hears_of_it_until_it_is_everybodys_again(
    alerts: Alerts, was: str
) -> None:
    """The head who becomes a governor still opens it, and the chair always was one: their roles change nothing of what is kept to them."""
    alerts.staff("slt", roles=[was])
    told: tuple[str, ...] = ("slt",) if was == "slt" else ()
    kept, other = alerts.recorded("dsl", class_code="general"), alerts.recorded("dsl", *told, class_code="general")
    said = {"author_id": alerts.people["teacher"], "category": "safeguarding_concern", "class_code": "general"}
    said |= {"entry_ids": [kept], "kept_to": [alerts.people["slt"], alerts.people["dsl"]], "told": [alerts.people["slt"]]}
    alerts.hear(alerts.event(EntryRestricted, subject=kept, incident_id=kept, entry_id=kept, **said))
    alerts.staff("slt", roles=["governor"])
    assert [item.entry_id for item in alerts.inbox("slt")] == [kept]
    theirs = [(str(other), str(alerts.people["slt"]))] if told else []
    assert orphaned(alerts) == theirs
    alerts.hear(alerts.event(RestrictionLifted, subject=kept, incident_id=kept, entry_id=kept))
    alerts.staff("slt", roles=["governor"])
    assert alerts.inbox("slt") == []
    assert orphaned(alerts) == [*theirs, (str(kept), str(alerts.people["slt"]))]


def test_an_alert_that_comes_after_its_person_left_is_dropped(alerts: Alerts) -> None:
    alerts.staff("slt", active=False)
    incident = alerts.recorded("slt")
    assert alerts.inbox("slt") == []
    with alerts.resources.transaction(alerts.resources.engine, school_id=alerts.school) as tx:
        assert tx.execute(sa.text("select body->>'incident_id' from outbox where name = 'alerts.recipient.dropped'")).scalars().all() == [
            str(incident)
        ]


def test_who_has_no_role_left_when_the_event_arrives_is_dropped_and_the_others_are_told(alerts: Alerts, smtp: Server) -> None:
    alerts.staff("deputy_dsl", roles=[], active=False)
    incident = alerts.recorded("dsl", "deputy_dsl")
    alerts.send()
    assert [str(mail["To"].addresses[0].addr_spec) for mail in smtp.taken] == ["dsl@one.example"]
    (dropped,) = (event for event in alerts.said() if event["name"] == RecipientDropped.name)
    assert (dropped["person_id"], dropped["entry_id"]) == (str(alerts.people["deputy_dsl"]), str(incident))


TEAM, SLT, NAMED = "safeguarding_team", "slt", "named"


@pytest.mark.parametrize(
    ("role", "now", "because", "granted", "class_code", "told"),
    [
        ("deputy_dsl", "teacher", TEAM, False, "safeguarding", False),
        ("deputy_dsl", "dsl", TEAM, False, "safeguarding", True),
        ("deputy_dsl", "teacher", NAMED, False, "safeguarding", False),
        ("slt", "admin", SLT, False, "welfare", False),
        ("pastoral", "teacher", NAMED, False, "welfare", True),
        ("pastoral", "teacher", "year_6", False, "welfare", True),
        ("teacher", "teacher", NAMED, True, "safeguarding", True),
        ("teacher", "governor", NAMED, True, "safeguarding", False),
        ("teacher", "teacher", NAMED, None, "safeguarding", True),
        ("deputy_dsl", "teacher", TEAM, None, "safeguarding", False),
        ("deputy_dsl", "teacher", "nobody_here", False, "general", False),
    ],
    ids=[
        "a deputy DSL who is a teacher now",
        "a deputy DSL who is a DSL now",
        "named as a deputy DSL, a teacher now",
        "of the leadership, of the office now",
        "named, and may be told what they need to know",
        "in a group of the school's own",
        "granted by a DSL",
        "granted by a DSL, a governor now",
        "granted, by the release before, which did not say so",
        "of the team, by the release before",
        "as nobody who was asked for was there, as one of the team",
    ],
)
def test_a_change_of_role_between_recording_and_telling_leaks_nothing(
    alerts: Alerts, smtp: Server, role: str, now: str, because: str, granted: bool | None, class_code: str, told: bool
) -> None:
    alerts.staff(role, roles=[now])
    incident = new_id()
    to = [Recipient(person_id=alerts.people["dsl"], because=[TEAM]), Recipient(person_id=alerts.people[role], because=[because], granted=granted)]
    said = alerts._said(incident, incident, (), class_code) | {"recipients": to}
    alerts.hear(alerts.event(IncidentRecorded, subject=incident, occurred_at=NOON, past=False, **said))
    alerts.send()
    assert len(smtp.taken) == 1 + told
    assert len([event for event in alerts.said() if event["name"] == RecipientDropped.name]) == (not told)
    assert {r.person_id: r.dropped for r in alerts.readers(incident)} == {alerts.people["dsl"]: False, alerts.people[role]: not told}


@pytest.mark.parametrize("granted", [True, False], ids=["stands in for the DSLs", "by role"])
def test_what_a_leaver_leaves_goes_to_nobody_whose_role_has_changed_meanwhile(alerts: Alerts, smtp: Server, granted: bool) -> None:
    alerts.staff("deputy_dsl", roles=["teacher"])
    incident = new_id()
    passed: dict[str, Any] = {"incident_id": incident, "entry_id": incident, "author_id": alerts.people["teacher"], "kind": "incident"}
    passed |= {"category": "safeguarding_concern", "class_code": "safeguarding", "people": [alerts.people["dsl"], alerts.people["deputy_dsl"]]}
    alerts.hear(alerts.event(AlertPassedOn, subject=incident, **passed, granted=granted))
    alerts.send()
    assert len(smtp.taken) == 1 + granted
    assert len([event for event in alerts.said() if event["name"] == RecipientDropped.name]) == (not granted)


def test_a_role_that_ended_before_it_was_recorded_and_is_heard_of_after_it_leaks_nothing(alerts: Alerts, smtp: Server) -> None:
    """Two services' events: identity's relay was behind when the concern was recorded."""
    before = NOON - dt.timedelta(minutes=1)
    incidents, to = [new_id() for _ in range(5)], [Recipient(person_id=alerts.people[role], because=[TEAM]) for role in ("dsl", "deputy_dsl")]
    granted, named = ([Recipient(person_id=alerts.people["deputy_dsl"], because=[NAMED], granted=by_a_dsl)] for by_a_dsl in (True, False))
    moments = (NOON, before - dt.timedelta(days=1), NOON, NOON, NOON)
    for incident, at, told in zip(incidents, moments, (to, to, granted, named, named), strict=True):
        said = alerts._said(incident, incident, (), "safeguarding") | {"recipients": told}
        alerts.hear(alerts.event(IncidentRecorded, subject=incident, occurred_at=at, at=at, past=False, **said))
    given: dict[str, Any] = {"incident_id": incidents[4], "entry_id": incidents[4], "author_id": alerts.people["teacher"]}
    given |= {"person_id": alerts.people["deputy_dsl"], "category": "safeguarding_concern", "class_code": "safeguarding"}
    alerts.hear(alerts.event(RightGranted, subject=incidents[4], **given))
    changed: dict[str, Any] = {"person_id": alerts.people["deputy_dsl"], "roles": ["teacher"], "active": True}
    alerts.hear(alerts.event(StaffChanged, subject=alerts.people["deputy_dsl"], at=before, **changed))
    theirs = {incidents[1], incidents[2], incidents[4]}
    assert {item.entry_id for item in alerts.inbox("deputy_dsl")} == theirs, "what was theirs before, and what was granted to them, then or since"
    alerts.send()
    assert sum("deputy" in message["To"] for message in smtp.taken) == len(theirs)
    dropped = [event for event in alerts.said() if event["name"] == RecipientDropped.name]
    gone = {(str(incident), str(alerts.people["deputy_dsl"])) for incident in (incidents[0], incidents[3])}
    assert {(event["entry_id"], event["person_id"]) for event in dropped} == gone, "also what named them for a role that they had no more"


def test_an_alert_for_somebody_nobody_has_told_us_of_waits_for_the_news(alerts: Alerts) -> None:
    alerts.people["new"] = new_id()
    incident = alerts.recorded("dsl", "new")
    assert alerts.inbox("dsl") == [], "all or nothing: the event waits"
    alerts.staff("new", roles=["deputy_dsl"])
    with clock.set_to(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)):
        inbox.retry_due(
            worker_engine=alerts.resources.worker_engine,
            engine=alerts.resources.engine,
            handlers=service.HANDLERS,
            bury=lambda *dead: pytest.fail("buried"),
        )
    assert [item.entry_id for item in alerts.inbox("dsl")] == [incident]


def test_the_demonstrations_past_is_in_the_inbox_as_read_and_mails_nobody(alerts: Alerts, smtp: Server) -> None:
    alerts.recorded("dsl", past=True)
    alerts.send()
    assert smtp.tried == 0
    assert [item.read_at is not None for item in alerts.inbox("dsl")] == [True]


def test_a_grant_alerts_its_person_and_one_who_was_alerted_before_not_again(alerts: Alerts, smtp: Server) -> None:
    incident = alerts.recorded("dsl")
    for role in ("pastoral", "dsl"):
        fields = {"incident_id": incident, "entry_id": incident, "author_id": alerts.people["teacher"], "person_id": alerts.people[role]}
        alerts.hear(alerts.event(RightGranted, subject=incident, **fields, category="safeguarding_concern", class_code="safeguarding"))
    alerts.send()
    assert sorted(str(mail["To"].addresses[0].addr_spec) for mail in smtp.taken) == ["dsl@one.example", "pastoral@one.example"]
    assert [item.kind for item in alerts.inbox("pastoral")] == ["incident"]


# --- the mail --------------------------------------------------------------------------------------------------------


def test_the_mail_says_who_recorded_it_the_category_and_a_link_and_nothing_else(alerts: Alerts, smtp: Server) -> None:
    alerts.recorded("dsl")
    alerts.send()
    (mail,) = smtp.taken
    (alert,) = alerts.inbox("dsl")
    assert (
        text_of(mail).replace("\r\n", "\n")
        == f"Recorded by: Zoë O’Cher\nCategory: Safeguarding concern\n\nhttps://safekeep.example/s/one/alerts/{alert.id}\n"
    )
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"], (
        "of which the second says the same: test_telling.py"
    )
    said = {name: str(value) for name, value in mail.items() if name not in {"Date", "Message-ID", "From", "Content-Type"}}
    assert said == {
        "To": "Dee Lead <dsl@one.example>",
        "Subject": "Something to read in Safekeep",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "MIME-Version": "1.0",
    }
    assert mail["From"].addresses[0].display_name == "Safekeep, School One"
    assert all(byte < 128 for byte in smtp.envelopes[0].content)


def test_a_reminder_of_a_draft_says_nothing_of_it_and_a_day_later_only_the_dsls_hear_of_it(alerts: Alerts, smtp: Server) -> None:
    draft = new_id()
    for left_for in ("hour", "a_day"):
        alerts.hear(alerts.event(DraftLeft, subject=draft, author_id=alerts.people["teacher"], draft_id=draft, left_for=left_for))
        alerts.send()
    assert sorted(str(mail["To"].addresses[0].addr_spec) for mail in smtp.taken) == [
        "deputy_dsl@one.example",
        "dsl@one.example",
        "teacher@one.example",
    ]
    assert {str(mail["Subject"]) for mail in smtp.taken} == {"A form that was not sent"}
    assert all(str(draft) not in text_of(mail) for mail in smtp.taken)


def test_the_dsls_hear_that_a_paper_form_waits_and_where_the_list_is(alerts: Alerts, smtp: Server) -> None:
    paper = new_id()
    alerts.hear(alerts.event(PaperWaiting, subject=paper, paper_id=paper))
    alerts.send()
    assert sorted(str(mail["To"].addresses[0].addr_spec) for mail in smtp.taken) == ["deputy_dsl@one.example", "dsl@one.example"]
    assert {str(mail["Subject"]) for mail in smtp.taken} == {"A paper form that is not scanned"}
    assert all("/paper" in text_of(mail) and str(paper) not in text_of(mail) for mail in smtp.taken)


ALERT = "Something to read in Safekeep"

# --- a mail server that misbehaves -----------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["451 later", "421 going away", "hang up"])
def test_what_may_pass_is_tried_again_with_the_same_message_id_and_growing_delays(alerts: Alerts, smtp: Server, trouble: str) -> None:
    smtp.answers.extend([trouble, trouble])
    alerts.recorded("dsl")
    alerts.send()
    assert (alerts.mails(), smtp.taken) == ([("waiting", 1)], [])
    alerts.send()
    assert smtp.tried == 1, "not before its time"
    alerts.send(minutes=0.1)
    assert alerts.mails() == [("waiting", 2)]
    alerts.send(minutes=0.1)
    assert smtp.tried == 2, "the second wait is longer"
    alerts.send(minutes=1)
    assert alerts.mails() == [("sent", 3)]
    (mail,) = smtp.taken
    with alerts.resources.transaction(alerts.resources.worker_engine) as tx:
        (id_,) = tx.execute(sa.text("select id from mails")).scalars()
    assert mail["Message-ID"].startswith(f"<{id_}@"), "it follows from the mail's own id, whichever attempt it is"


def test_a_refusal_is_final_and_the_readers_page_says_so(alerts: Alerts, smtp: Server) -> None:
    smtp.at_rcpt["dsl@one.example"] = "550 no such person"
    incident = alerts.recorded("dsl", "deputy_dsl")
    alerts.send()
    tried = smtp.tried
    alerts.send(minutes=60 * 24)
    assert subjects(smtp) == [ALERT, "An e-mail of Safekeep did not arrive"], "one refused, one taken, and none tried again"
    assert smtp.tried == tried + 1, "besides them the mail about it"
    found = {row.person_id: row.mail for row in alerts.readers(incident)}
    assert found == {alerts.people["dsl"]: "failed", alerts.people["deputy_dsl"]: "sent"}


@pytest.mark.parametrize("answer", ["554 we do not take that", "552 too much"])
def test_a_refusal_after_the_words_were_sent_is_final_too(alerts: Alerts, smtp: Server, answer: str) -> None:
    smtp.answers.append(answer)
    incident = alerts.recorded("dsl", "deputy_dsl")
    alerts.send()
    tried = smtp.tried
    alerts.send(minutes=60 * 24)
    assert subjects(smtp) == [ALERT, "An e-mail of Safekeep did not arrive"], "one refused, one taken, and none tried again"
    assert smtp.tried == tried + 1, "besides them the mail about it"
    assert sorted(row.mail for row in alerts.readers(incident)) == ["failed", "sent"]


def test_a_crash_between_the_servers_word_and_ours_repeats_a_mail_with_the_same_message_id(alerts: Alerts, smtp: Server) -> None:
    alerts.recorded("dsl")
    with mock.patch.object(store, "mark_mails", side_effect=RuntimeError), pytest.raises(RuntimeError):
        alerts.send()
    alerts.send(minutes=1)
    alerts.send(minutes=60)
    assert alerts.mails() == [("sent", 1)], "and is not repeated again"
    assert len(smtp.taken) == 2
    assert len({mail["Message-ID"] for mail in smtp.taken}) == 1


@pytest.mark.parametrize("answer", ["550 no such person", "553 not allowed"])
def test_who_was_not_reached_the_other_dsls_are_told_once_by_mail_that_says_nothing_of_what_it_was(alerts: Alerts, smtp: Server, answer: str) -> None:
    smtp.at_rcpt["slt@one.example"] = answer
    incident = alerts.recorded("slt", class_code="welfare")
    for minutes in (0, 1, 60, 60 * 24):
        alerts.send(minutes=minutes)
    told = {str(mail["To"].addresses[0].addr_spec): mail for mail in smtp.taken}
    assert sorted(told) == ["deputy_dsl@one.example", "dsl@one.example"]
    assert len(smtp.taken) == 2
    mail = told["dsl@one.example"]
    assert str(mail["Subject"]) == "An e-mail of Safekeep did not arrive"
    text = text_of(mail).replace("\r\n", "\n")
    assert text.startswith(f"An e-mail to {STAFF['slt']} could not be delivered.")
    assert text.endswith("\n\nhttps://safekeep.example/s/one/inbox\n")
    assert str(incident) not in mail.as_string()


def test_a_dsl_who_is_not_reached_is_not_written_to_about_it_and_that_mail_itself_is_told_of_to_nobody(alerts: Alerts, smtp: Server) -> None:
    smtp.at_rcpt |= {"dsl@one.example": "550 no such person", "deputy_dsl@one.example": "550 no such person"}
    alerts.recorded("dsl")
    for minutes in (0, 1, 60, 60 * 24):
        alerts.send(minutes=minutes)
    assert smtp.taken == []
    assert sorted(alerts.mails()) == [("failed", 1), ("failed", 1)], "the alert's, and the deputy's about it"


def test_when_it_dies_between_telling_and_giving_up_the_dsls_are_told_once(alerts: Alerts, smtp: Server) -> None:
    smtp.at_rcpt["slt@one.example"] = "550 no such person"
    alerts.recorded("slt", class_code="welfare")
    with mock.patch.object(store, "mark_mails", side_effect=RuntimeError), pytest.raises(RuntimeError):
        alerts.send()
    for minutes in (1, 60):
        alerts.send(minutes=minutes)
    assert len(smtp.taken) == 2


def test_whose_account_was_closed_nobody_is_told_of(alerts: Alerts, smtp: Server) -> None:
    smtp.at_rcpt["slt@one.example"] = "550 no such person"
    alerts.recorded("slt", class_code="welfare")
    alerts.staff("slt", roles=["slt"], active=False)
    for minutes in (0, 1):
        alerts.send(minutes=minutes)
    assert smtp.taken == []


def subjects(smtp: Server) -> list[str]:
    return [str(mail["Subject"]) for mail in smtp.taken]


def test_one_bad_mail_does_not_hold_up_those_behind_it(alerts: Alerts, smtp: Server) -> None:
    smtp.at_rcpt["dsl@one.example"] = "451 not now"
    for _ in range(3):
        alerts.recorded("dsl", "deputy_dsl", "slt", class_code="welfare")
    alerts.send()
    assert sorted(str(mail["To"].addresses[0].addr_spec) for mail in smtp.taken) == ["deputy_dsl@one.example"] * 3 + ["slt@one.example"] * 3


def test_with_no_mail_server_alerts_are_in_the_inbox_and_the_mail_waits(alerts: Alerts) -> None:
    alerts.resources.settings = alerts.resources.settings.model_copy(update={"smtp_url": f"smtp://127.0.0.1:{free_port()}"})
    alerts.recorded("dsl")
    alerts.send()
    assert alerts.mails() == [("waiting", 1)]
    assert len(alerts.inbox("dsl")) == 1


def test_attempts_come_to_an_end(alerts: Alerts, smtp: Server) -> None:
    smtp.at_rcpt["dsl@one.example"] = "451 not now"
    alerts.recorded("dsl")
    for hours in range(telling.MAX_ATTEMPTS + 5):
        alerts.send(minutes=120 * hours)
    assert sorted(alerts.mails()) == [("failed", telling.MAX_ATTEMPTS), ("sent", 1)], "the other DSL is told who was not reached"


def test_while_identity_is_away_the_mail_waits(alerts: Alerts, smtp: Server) -> None:
    class Away:
        def addresses(self, _call: Any) -> Any:
            raise ConnectionError

    alerts.service.identity = Away()  # type: ignore[assignment]
    alerts.recorded("dsl")
    alerts.send()
    assert (alerts.mails(), smtp.tried) == ([("waiting", 1)], 0)
    alerts.service.identity = alerts.identity  # type: ignore[assignment]
    alerts.send(minutes=1)
    assert alerts.mails() == [("sent", 2)]


def claimed(alerts: Alerts, *, at: dt.datetime) -> int:
    """Take what is due, as another sender would at that time. Returns how many mails."""
    with alerts.resources.transaction(alerts.resources.worker_engine) as tx:
        return len(store.claim_mails(tx, now=at, again=at + sending.CLAIMED_FOR, limit=10))


def test_a_sender_that_died_with_mail_in_hand_leaves_it_to_be_sent_seconds_later(alerts: Alerts, smtp: Server) -> None:
    alerts.recorded("dsl")
    assert claimed(alerts, at=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)) == 1
    alerts.send(minutes=5 / 60)
    assert smtp.tried == 0
    alerts.send(minutes=10 / 60)
    assert alerts.mails() == [("sent", 1)]


def test_a_mail_that_a_slow_server_has_not_taken_yet_stays_with_its_sender(alerts: Alerts, smtp: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    alerts.recorded("dsl")
    monkeypatch.setattr(sending, "RENEW_SECONDS", 0.05)
    held, hold, hand_over, others = threading.Event(), service.Service._hold, service.Service._hand_over, []

    def slowly(self: service.Service, row: Any) -> Any:
        assert held.wait(30)
        others.append(claimed(alerts, at=dt.datetime.now(dt.UTC) + sending.CLAIMED_FOR / 2))
        return hand_over(self, row)

    def seen(self: service.Service, rows: Any) -> None:
        with clock.set_to(dt.datetime.now(dt.UTC) + sending.CLAIMED_FOR):  # as long after it was taken
            hold(self, rows)
        held.set()

    monkeypatch.setattr(service.Service, "_hand_over", slowly)
    monkeypatch.setattr(service.Service, "_hold", seen)
    alerts.send()
    assert others == [0]
    assert (alerts.mails(), smtp.tried) == ([("sent", 1)], 1)


def test_when_the_database_goes_away_after_the_server_took_a_mail_it_is_not_sent_twice(
    alerts: Alerts, smtp: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts.recorded("dsl")
    mark, away = store.mark_mails, iter(["57P01", ""])

    def mark_when_back(tx: sa.Connection, rows: Any) -> None:
        for sqlstate in away:
            raise StorageError(sqlstate, "")
        mark(tx, rows)

    monkeypatch.setattr(store, "mark_mails", mark_when_back)
    alerts.send()
    alerts.send(minutes=10)
    assert (alerts.mails(), smtp.tried) == ([("sent", 1)], 1)


def test_one_mail_that_fails_in_an_unforeseen_way_does_not_repeat_those_beside_it(
    alerts: Alerts, smtp: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a call to identity does when the broker goes away under it."""
    alerts.recorded("dsl", "slt", class_code="welfare")
    hand_over, fails = service.Service._hand_over, {alerts.people["dsl"]}

    def unless_it_fails(self: service.Service, row: Any) -> Any:
        if row.person_id in fails:
            raise OperationalError
        return hand_over(self, row)

    monkeypatch.setattr(service.Service, "_hand_over", unless_it_fails)
    alerts.send()
    assert sorted(alerts.mails()) == [("sent", 1), ("waiting", 1)]
    fails.clear()
    alerts.send(minutes=10)
    assert sorted(alerts.mails()) == [("sent", 1), ("sent", 2)]
    assert smtp.tried == 2


def test_what_another_has_sent_meanwhile_is_not_said_to_wait_again(alerts: Alerts, smtp: Server) -> None:
    alerts.recorded("dsl")
    smtp.at_rcpt["dsl@one.example"] = "451 not now"
    mine = service.Service._deliver

    def meanwhile(self: service.Service, row: Any) -> Any:
        done = mine(self, row)
        with alerts.resources.transaction(alerts.resources.worker_engine) as tx:
            store.mark_mails(tx, [done | {"state": "sent", "sent_at": done["next_at"]}])
        return done

    with mock.patch.object(service.Service, "_deliver", meanwhile):
        alerts.send()
    assert alerts.mails() == [("sent", 1)]


# --- the inbox -------------------------------------------------------------------------------------------------------


def test_the_inbox_is_unread_first_then_newest_and_pages_through_all_of_it_once(alerts: Alerts) -> None:
    incidents = [alerts.recorded("dsl") for _ in range(7)]
    first = alerts.inbox("dsl")
    alerts.ask("dsl", MarkRead(alert_id=next(i.id for i in first if i.entry_id == incidents[6])))
    seen, cursor = [], None
    while True:
        page = alerts.ask("dsl", Inbox(limit=3, cursor=cursor))
        seen += [item.entry_id for item in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert sorted(seen) == sorted(incidents)
    assert seen[-1] == incidents[6]
    assert page.unread == alerts.ask("dsl", Unread()).unread == 6
    assert [i.entry_id for i in alerts.inbox("dsl", state="read")] == [incidents[6]]
    assert len(alerts.inbox("dsl", state="unread")) == 6
    for cursor in ODD_CURSORS:
        with pytest.raises(Invalid):
            alerts.ask("dsl", Inbox(cursor=cursor))
    assert alerts.inbox("dsl", class_code="general") == []


def test_reading_is_said_once_and_only_by_the_person_it_is_for(alerts: Alerts) -> None:
    alerts.recorded("dsl", "deputy_dsl")
    (mine,) = alerts.inbox("dsl")
    with pytest.raises(NotFound):
        alerts.ask("deputy_dsl", MarkRead(alert_id=mine.id))
    alerts.ask("dsl", MarkRead(alert_id=mine.id))
    alerts.ask("dsl", MarkRead(alert_id=mine.id))
    assert [event["person_id"] for event in alerts.said() if event["name"] == "alerts.alert.read"] == [str(alerts.people["dsl"])]
    assert alerts.inbox("deputy_dsl")[0].read_at is None


def test_what_was_not_opened_is_not_marked_as_read_whoever_asks_and_nothing_is_said_of_it(alerts: Alerts) -> None:
    """A recorder goes home on "read". Once read it is not asked about again; while incidents cannot be asked, nothing is said either."""
    incident = alerts.recorded("dsl", "deputy_dsl")
    (mine,) = alerts.inbox("dsl")
    alerts.opened.closed.add(incident)
    with pytest.raises(Conflict, match="not_opened"):
        alerts.ask("dsl", MarkRead(alert_id=mine.id))
    alerts.opened.readable = mock.Mock(side_effect=Unavailable("incidents", "unknown"))  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        alerts.ask("dsl", MarkRead(alert_id=mine.id))
    del alerts.opened.readable
    assert alerts.ask("dsl", Unread()).unread == 1
    assert not [event for event in alerts.said() if event["name"] == "alerts.alert.read"]
    alerts.opened.closed.clear()
    alerts.ask("dsl", MarkRead(alert_id=mine.id))
    assert alerts.opened.asked == [(incident, True)] * 2
    alerts.ask("dsl", MarkRead(alert_id=mine.id))
    assert len(alerts.opened.asked) == 2
    assert alerts.inbox("dsl")[0].read_at is not None


def test_raising_the_class_changes_the_label_for_who_still_reads_and_takes_the_line_from_who_does_not(alerts: Alerts) -> None:
    incident = alerts.recorded("dsl", "slt", class_code="welfare")
    alerts.action(incident, class_code="protection", raised_to="protection", lost_sight=[alerts.people["slt"]])
    assert [item.class_code for item in alerts.inbox("dsl")] == ["protection"]
    assert alerts.inbox("slt") == []
    assert alerts.ask("slt", Unread()).unread == 0
    told = {row.person_id for row in alerts.readers(incident)}
    assert alerts.people["slt"] in told, "that they were told stays known"


def test_whoever_is_let_go_is_mailed_that_there_is_a_line_and_nothing_of_what_it_was(alerts: Alerts, smtp: Server) -> None:
    """One mail each, to those named and nobody else, whether it had been read or not; corrections that rose leave the inbox too."""
    incident = alerts.recorded("slt", "pastoral", "dsl", class_code="welfare")
    fix = alerts.action(incident, "slt", class_code="welfare", kind="correction")
    alerts.send()
    before = len(smtp.taken)
    people = [alerts.people["slt"], alerts.people["pastoral"]]
    alerts.action(incident, class_code="protection", raised_to="protection", raised=[incident, fix], lost_sight=people, released=people[:1])
    alerts.send()
    (mail,) = smtp.taken[before:]
    assert mail["To"] == "Sal Tee <slt@one.example>"
    assert mail["Subject"] == "A DSL looks after something you were sent"
    text = text_of(mail)
    assert "https://safekeep.example/s/one/" in text
    assert str(incident) not in text
    assert "Zoë" not in text
    assert alerts.inbox("slt") == alerts.inbox("pastoral") == []


@pytest.mark.parametrize(("reader", "told"), [("pastoral", {"Dee Lead", "Dan Deputy"}), ("dsl", {"Dan Deputy"})])
def test_dsls_are_mailed_that_much_was_read_and_not_of_whom(alerts: Alerts, smtp: Server, reader: str, told: set[str]) -> None:
    """The other DSLs where it is one of them; the mail names nobody, the page it leads to does."""
    line = new_id()
    alerts.hear(alerts.event(AuditNoted, subject=line, kind="reading_unusual", person_id=alerts.people[reader]))
    alerts.hear(alerts.event(AuditNoted, subject=new_id(), kind="right_granted", person_id=alerts.people[reader]))
    alerts.send()
    assert {str(mail["To"]).partition(" <")[0] for mail in smtp.taken} == told
    for mail in smtp.taken:
        assert "https://safekeep.example/s/one/readers" in text_of(mail)
        assert not any(name in text_of(mail) for name in STAFF.values())


def test_dsls_are_mailed_that_the_trust_has_opened_a_record_and_not_which(alerts: Alerts, smtp: Server) -> None:
    alerts.hear(alerts.event(GlassBroken, subject=new_id(), incident_id=new_id(), by=new_id()))
    alerts.send()
    assert {str(mail["To"]).partition(" <")[0] for mail in smtp.taken} == {"Dee Lead", "Dan Deputy"}
    for mail in smtp.taken:
        assert mail["Subject"] == "The trust has opened a record in Safekeep"
        assert "https://safekeep.example/s/one/readers" in text_of(mail)


def test_the_other_dsls_are_mailed_that_content_was_destroyed_and_not_which(alerts: Alerts, smtp: Server) -> None:
    said = {"incident_id": new_id(), "entries": 3, "proposed_by": alerts.people["dsl"], "by": new_id()}
    alerts.hear(alerts.event(ContentDestroyed, subject=new_id(), **said))
    alerts.send()
    (mail,) = smtp.taken
    assert mail["To"] == "Dan Deputy <deputy_dsl@one.example>"
    assert mail["Subject"] == "What a record said was destroyed in Safekeep"
    assert "https://safekeep.example/s/one/audit" in text_of(mail)
    assert str(said["incident_id"]) not in text_of(mail)
    assert not any(name in text_of(mail) for name in STAFF.values())


def test_when_it_turns_out_to_be_about_somebodys_own_child_every_alert_of_it_leaves_their_inbox(alerts: Alerts, smtp: Server) -> None:
    """Read or not, of the incident or of an action below it; the others keep theirs and hear of the correction."""
    incident, other = alerts.recorded("dsl", "deputy_dsl"), alerts.recorded("deputy_dsl")
    alerts.action(incident, "deputy_dsl")
    alerts.ask("deputy_dsl", MarkRead(alert_id=alerts.inbox("deputy_dsl", incident_id=incident)[0].id))
    told = alerts.action(incident, "dsl", lost_sight=[alerts.people["deputy_dsl"]])
    assert [item.incident_id for item in alerts.inbox("deputy_dsl")] == [other]
    assert alerts.ask("deputy_dsl", Unread()).unread == 1
    assert {item.entry_id for item in alerts.inbox("dsl")} == {incident, told}


def test_what_is_restricted_leaves_every_inbox_but_that_of_the_two_it_is_kept_to_and_they_are_told(alerts: Alerts, smtp: Server) -> None:
    """The head, whose role does not open it, and the chair, who otherwise is told of nothing; other incidents stay."""
    incident, other = alerts.recorded("dsl", "deputy_dsl"), alerts.recorded("deputy_dsl")
    alerts.send()
    smtp.taken.clear()
    kept = [alerts.people["slt"], alerts.people["dsl"]]
    fields = {"incident_id": incident, "entry_id": incident, "entry_ids": [incident], "kept_to": kept, "told": kept[:1]}
    said = {"author_id": alerts.people["teacher"], "category": "safeguarding_concern", "class_code": "safeguarding"}
    alerts.hear(alerts.event(EntryRestricted, subject=incident, **fields, **said))
    alerts.send()
    assert [item.incident_id for item in alerts.inbox("deputy_dsl")] == [other]
    assert [[item.incident_id for item in alerts.inbox(role)] for role in ("dsl", "slt")] == [[incident], [incident]]
    assert [str(mail["To"].addresses[0].addr_spec) for mail in smtp.taken] == ["slt@one.example"]
    for role, seen in (("dsl", {alerts.people["deputy_dsl"]}), ("teacher", set())):  # a DSL waits for nobody who cannot open it
        assert {item.person_id for item in alerts.ask(role, Readers(incident_id=incident)).items if item.withdrawn} == seen


@pytest.mark.parametrize("how", ["sight lost", "kept to two", "raised", "their own child's"])
def test_a_mail_that_still_waits_is_not_sent_to_whom_the_alert_was_taken_from(alerts: Alerts, smtp: Server, how: str) -> None:
    """The mail server was away; who goes on reading it has their mail when it is back."""
    incident, gone = alerts.recorded("dsl", "slt", class_code="welfare"), alerts.people["slt"]
    if how == "sight lost":
        alerts.hear(alerts.event(SightLost, subject=incident, incident_id=incident, people=[gone]))
    elif how == "kept to two":
        kept = {"entry_ids": [incident], "kept_to": [alerts.people["dsl"], alerts.people["deputy_dsl"]], "told": []}
        said = {"author_id": alerts.people["teacher"], "category": "safeguarding_concern", "class_code": "welfare"}
        alerts.hear(alerts.event(EntryRestricted, subject=incident, incident_id=incident, entry_id=incident, **kept, **said))
    else:
        alerts.action(incident, class_code="protection", raised_to="protection" if how == "raised" else None, lost_sight=[gone])
    alerts.send()
    alerts.send(minutes=60)
    assert [str(mail["To"].addresses[0].addr_spec) for mail in smtp.taken] == ["dsl@one.example"]
    sent = {item.person_id: item.mail for item in alerts.ask("dsl", Readers(incident_id=incident)).items}
    assert sent == {alerts.people["dsl"]: "sent", gone: "none"}, "and the readers' page says so"


@pytest.mark.parametrize("before", ["taken from them when it was raised", "read", "not read yet", "not even mailed yet"])
def test_whom_an_entry_is_kept_to_is_told_of_it_also_where_they_were_told_of_it_before(alerts: Alerts, smtp: Server, before: str) -> None:
    """A behaviour entry went to the head; it turns out to be about an adult of the school, and the head is to deal with it: that is news."""
    incident = alerts.recorded("slt", "dsl", class_code="general")
    if before != "not even mailed yet":
        alerts.send()
    smtp.taken.clear()
    if before == "taken from them when it was raised":
        alerts.action(incident, raised_to="safeguarding", lost_sight=[alerts.people["slt"]])
        assert alerts.inbox("slt") == []
    if before == "read":
        alerts.ask("slt", MarkRead(alert_id=alerts.inbox("slt")[0].id))
    kept = {"entry_ids": [incident], "kept_to": [alerts.people["slt"], alerts.people["dsl"]], "told": [alerts.people["slt"]]}
    said = {"author_id": alerts.people["teacher"], "category": "safeguarding_concern", "class_code": "safeguarding"}
    alerts.hear(alerts.event(EntryRestricted, subject=incident, incident_id=incident, entry_id=incident, **kept, **said))
    assert [(item.entry_id, item.class_code, item.read_at) for item in alerts.inbox("slt")] == [(incident, "safeguarding", None)]
    alerts.send()
    alerts.send(minutes=60)
    assert [mail["To"].addresses[0].addr_spec for mail in smtp.taken].count("slt@one.example") == 1
    (theirs,) = [item for item in alerts.ask("dsl", Readers(incident_id=incident)).items if item.person_id == alerts.people["slt"]]
    assert (theirs.mail, theirs.read_at, theirs.withdrawn) == ("sent", None, False), "as one reader, of the latest mail"


def test_a_request_for_a_correction_is_mailed_to_dsls_and_its_refusal_to_who_asked_and_neither_says_what_it_is_about(
    alerts: Alerts, smtp: Server
) -> None:
    incident = new_id()
    about = {"incident_id": incident, "entry_id": incident, "asked_by": alerts.people["teacher"]}
    leads = [alerts.people["dsl"], alerts.people["deputy_dsl"]]
    alerts.hear(alerts.event(CorrectionAsked, subject=incident, person_ids=leads, **about))
    alerts.send()
    assert sorted(str(mail["To"].addresses[0].addr_spec) for mail in smtp.taken) == ["deputy_dsl@one.example", "dsl@one.example"]
    alerts.hear(alerts.event(CorrectionDeclined, subject=incident, **about))
    alerts.send()
    assert str(smtp.taken[-1]["To"].addresses[0].addr_spec) == "teacher@one.example"
    for mail in smtp.taken:
        assert text_of(mail).replace("\r\n", "\n").endswith("\n\nhttps://safekeep.example/s/one/corrections\n")
        assert str(incident) not in mail.as_string()
        assert "Zoë" not in text_of(mail)


def test_the_service_that_counts_is_told_when_each_incident_was_first_read_page_by_page(
    alerts: Alerts, ask_service: Any, service_token_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whoever was first; what nobody has read is not there."""
    incidents = sorted(alerts.recorded("dsl", "deputy_dsl") for _ in range(3))
    times = {}
    for minutes, role in enumerate(("deputy_dsl", "dsl"), start=1):
        moment = clock.now() + dt.timedelta(minutes=minutes)
        with monkeypatch.context() as later:
            later.setattr(clock, "now", lambda moment=moment: moment)
            for item in alerts.inbox(role):
                if item.incident_id != incidents[1]:
                    alerts.ask(role, MarkRead(alert_id=item.id))
                    times.setdefault(item.incident_id, moment)
    token = service_token_for("reports", alerts.school)
    first = ask_service(alerts.service, FirstReadings(limit=1), token=token)
    rest = ask_service(alerts.service, FirstReadings(limit=5, after=first.next), token=token)
    assert [item.incident_id for item in [*first.items, *rest.items]] == [incidents[0], incidents[2]]
    assert rest.next is None
    assert all(abs(item.at - times[item.incident_id]) < dt.timedelta(seconds=1) for item in [*first.items, *rest.items])


def test_what_was_kept_to_two_before_that_was_said_of_alerts_is_known_to_be_after_the_migration(postgres: Postgres) -> None:
    """The alerts of an incident that is kept whole, and those of a chair, who is told of nothing else; not what was taken from others."""
    name = f"t_{new_id().hex[:16]}"
    servers.make_database(postgres.admin, service="alerts", name=name)
    url = postgres.urls("alerts", name)["ALERTS_OWNER_DATABASE_URL"]
    config = alembic_config(owner_url=url, service="alerts", service_role="alerts_service", worker_role="alerts_worker")
    command.upgrade(config, "0009")
    school, head, chair, deputy, whole, action = (new_id() for _ in range(6))
    owner = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
    with owner.begin() as tx:
        for person, roles in ((head, ["slt"]), (chair, ["governor"]), (deputy, ["deputy_dsl"])):
            tx.execute(sa.text("insert into staff values (:school, :person, :roles, true)"), {"school": school, "person": person, "roles": roles})
        row = "insert into concerns (school_id, incident_id, category, class_code, at_risk_now, begun_at, asked_at, kept) values "
        tx.execute(sa.text(f"{row} (:school, :id, 'not_sure', 'safeguarding', false, now(), now(), true)"), {"school": school, "id": whole})
        row = "insert into alerts (school_id, id, person_id, incident_id, entry_id, kind, category, class_code, recorded_by, because, at_risk_now, "
        row += "raised_at, withdrawn_at) values (:school, :id, :person, :incident, :entry, 'incident', 'not_sure', 'general', :school, "
        row += "array['named'], false, now(), :withdrawn)"
        for person, incident, entry in ((head, whole, whole), (deputy, whole, whole), (chair, new_id(), action), (head, new_id(), new_id())):
            said = {"person": person, "incident": incident, "entry": entry, "withdrawn": NOON if person == deputy else None}
            tx.execute(sa.text(row), {"school": school, "id": new_id(), **said})
    command.upgrade(config, "head")
    with owner.begin() as tx:
        kept = tx.execute(sa.text("select person_id, kept_entry_id from alerts where kept_entry_id is not null")).all()
    owner.dispose()
    assert {tuple(row) for row in kept} == {(head, whole), (chair, action)}
