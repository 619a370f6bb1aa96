"""Asking again: who is asked, what stops it, that it never fires twice and loses nothing over a restart, and what each may be told."""

import datetime as dt
import threading
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from safekeep import clock
from safekeep.contracts.alerts import Askings, Escalation, KeepCalendar, KeepEscalation, MarkRead, Meanwhile, SpanItem, Unled
from safekeep.contracts.identity import SchoolChanged
from safekeep.contracts.incidents import (
    EntryRestricted,
    LeadOffered,
    LeadTaken,
    NumberAnswer,
    ReadableAnswer,
    RestrictionLifted,
    SightLost,
    StatusChanged,
)
from safekeep.errors import Invalid
from safekeep.ids import new_id
from services.alerts.service import Service, asking, sending
from tests.services.alerts.smtp import Server, text_of
from tests.services.alerts.test_alerts import NOON, Alerts, alerts, smtp  # noqa: F401 - fixtures
from tests.services.alerts.test_telling import trust_lead

LONDON = ZoneInfo("Europe/London")
MINUTE = dt.timedelta(minutes=1)


class Numbers:
    """Incidents, as far as alerts asks it: the number, and what a person may be told. Everything may be read but what is in `hidden`."""

    def __init__(self) -> None:
        self.opens: set[UUID] = set()
        self.untold: set[UUID] = set()
        self.closed: set[UUID] = set()
        self.hidden: set[UUID] = set()

    def number_of(self, call: dict[str, Any]) -> dict[str, Any]:
        person = UUID(call["body"]["person_id"]) if call["body"]["person_id"] else None
        said = {"may_be_told": person not in self.untold, "opens": person in self.opens, "closed": UUID(call["body"]["incident_id"]) in self.closed}
        return NumberAnswer(number="2026-0147", **said).wire()

    def readable(self, call: dict[str, Any]) -> dict[str, Any]:
        return ReadableAnswer(entry_ids=[UUID(e) for e in call["body"]["entry_ids"] if UUID(e) not in self.hidden]).wire()


class Clocked:
    """Alerts with a clock that a test moves: `at` a minute it hears, ticks and reads."""

    def __init__(self, alerts: Alerts) -> None:  # noqa: F811
        self.alerts, self.numbers, self.people = alerts, Numbers(), alerts.people
        alerts.service.incidents = self.numbers  # type: ignore[assignment] - asked as over the bus
        settings = {"zone": "Europe/London", "day_ends_minute": 930, "trust_id": new_id(), "categories": [], "groups": []}
        alerts.hear(alerts.event(SchoolChanged, subject=alerts.school, **settings))

    def tick(self, minutes: float) -> None:
        with clock.set_to(NOON + dt.timedelta(minutes=minutes)):
            self.alerts.service.ask_again()

    def asked(self, incident: UUID | None = None) -> list[tuple[int, list[str], bool]]:
        """Return (minutes after noon, whom, whether unread) of what was asked."""
        where = "" if incident is None else f" where incident_id = '{incident}'"
        rows = self.rows(f"select at, who, unread from askings{where} order by at")
        return [(round((row.at - NOON) / MINUTE), row.who, row.unread) for row in rows]

    def mails(self) -> list[tuple[UUID, str]]:
        return [(row.person_id, row.kind) for row in self.rows("select person_id, kind from mails where kind like 'asked%' order by kind, person_id")]

    def rows(self, query: str) -> list[Any]:
        with self.alerts.resources.transaction(self.alerts.resources.engine, school_id=self.alerts.school) as tx:
            return list(tx.execute(sa.text(query)))

    def led(self, incident: UUID, role: str) -> None:
        self.alerts.hear(self.alerts.event(LeadTaken, subject=incident, incident_id=incident, person_id=self.people[role]))

    def stands(self, incident: UUID, status: str, *, closed: bool = False, minute: float = 0) -> None:
        """Hear how it stands for a pupil in it. `closed`: for every pupil in it."""
        at = NOON + dt.timedelta(minutes=minute)
        said: dict[str, Any] = {"incident_id": incident, "entry_id": new_id(), "pupil_id": new_id(), "status": status, "closed": closed}
        self.alerts.hear(self.alerts.event(StatusChanged, subject=incident, at=at, **said))

    def kept(self, incident: UUID, class_code: str) -> None:
        """Keep it to the head and a DSL."""
        two = [self.people["slt"], self.people["dsl"]]
        said = {
            "incident_id": incident,
            "entry_id": incident,
            "entry_ids": [incident],
            "author_id": self.people["teacher"],
            "kept_to": two,
            "told": two,
        }
        self.alerts.hear(self.alerts.event(EntryRestricted, subject=incident, category="not_sure", class_code=class_code, **said))

    def lifted(self, incident: UUID) -> None:
        self.alerts.hear(self.alerts.event(RestrictionLifted, subject=incident, incident_id=incident, entry_id=incident))


@pytest.fixture
def clocked(alerts: Alerts) -> Clocked:  # noqa: F811
    return Clocked(alerts)


def test_unread_for_an_hour_every_dsl_is_asked_then_the_head_then_the_trust_and_again_until_somebody_leads(clocked: Clocked) -> None:
    """A Tuesday at 12:47: the day ends at 15:30, and at 14:45 what is unread is asked about."""
    incident = clocked.alerts.recorded("dsl", "deputy_dsl")
    for minute in (59, 60, 60.5, 118, 120, 163, 164):
        clocked.tick(minute)
    assert clocked.asked(incident) == [(60, ["leads"], True), (118, ["leads"], True), (120, ["head"], True)]
    team, head = {clocked.people["dsl"], clocked.people["deputy_dsl"]}, clocked.people["slt"]
    assert {person for person, _ in clocked.mails()} == team | {head}
    assert len(clocked.mails()) == 2 + 2 + 1
    clocked.led(incident, "deputy_dsl")
    clocked.tick(60 * 24 * 30)
    assert len(clocked.asked(incident)) == 3


def test_the_trusts_lead_is_asked_by_school_and_number_alone_and_the_mail_waits_until_there_is_one(clocked: Clocked, smtp: Server) -> None:  # noqa: F811
    settings = {"zone": "Europe/London", "day_ends_minute": 1400, "trust_id": new_id(), "categories": [], "groups": []}
    clocked.alerts.hear(clocked.alerts.event(SchoolChanged, subject=clocked.alerts.school, **settings))
    clocked.alerts.recorded("dsl", "deputy_dsl")
    for minute in (60, 120, 180):
        clocked.tick(minute)
    assert clocked.asked()[-1] == (180, ["trust_lead"], True)
    clocked.alerts.send()
    state = "select state from mails where kind like 'asked%trust'"
    for days in range(1, 31):
        clocked.alerts.send(minutes=60 * 24 * days)
    assert [row.state for row in clocked.rows(state)] == ["waiting"], "the trust has no lead yet: it is not given up, however long that lasts"
    trust_lead(clocked.alerts)
    sending._addresses.clear()
    smtp.taken.clear()
    clocked.alerts.send(minutes=60 * 24 * 31)
    assert [row.state for row in clocked.rows(state)] == ["sent"]
    (message,) = smtp.taken
    assert message["To"] == "Tess Lead <lead@trust.example>"
    said = f"{message['Subject']} {text_of(message)}"
    assert all(word in said for word in ("2026-0147", "School One", "Reach a DSL now"))
    assert not any(word in said for word in ("http", "Zoë", "afeguarding_concern", "Safeguarding concern"))


def test_when_somebody_is_asked_next_is_said_once_it_is_known(clocked: Clocked) -> None:
    """Recorded, its timer is due at once, only so that it is looked at: that is no time at which anybody is asked."""
    incident = clocked.alerts.recorded("dsl", "deputy_dsl")
    with clock.set_to(NOON):
        assert clocked.alerts.ask("dsl", Askings(incident_id=incident)).next_at is None
    clocked.tick(0)
    with clock.set_to(NOON):
        assert clocked.alerts.ask("dsl", Askings(incident_id=incident)).next_at == NOON + 60 * MINUTE


def test_read_is_not_taken(clocked: Clocked) -> None:
    incident = clocked.alerts.recorded("dsl", "deputy_dsl")
    clocked.alerts.ask("dsl", MarkRead(alert_id=clocked.alerts.inbox("dsl")[0].id))
    clocked.tick(60)
    clocked.tick(118)
    assert clocked.asked(incident) == [(60, ["leads"], False)], "asked although it was read, and not asked as unread"
    assert {kind for _, kind in clocked.mails()} == {"asked_unled"}
    assert [item.incident_id for item in clocked.alerts.ask("dsl", Unled()).items] == [incident]
    clocked.numbers.hidden.add(incident)
    assert clocked.alerts.ask("dsl", Unled()).items == [], "of what the actor does not read, nothing"
    assert clocked.alerts.ask("dsl", Askings(incident_id=incident)).items == []
    clocked.numbers.hidden.clear()
    assert len(clocked.alerts.ask("dsl", Askings(incident_id=incident)).items) == 1
    clocked.led(incident, "dsl")
    assert clocked.alerts.ask("dsl", Unled()).items == []


@pytest.mark.parametrize("how", ["left", "another role", "sight lost"])
def test_asking_begins_again_when_whoever_leads_can_no_longer(clocked: Clocked, how: str) -> None:
    incident = clocked.alerts.recorded("dsl", "deputy_dsl")
    clocked.led(incident, "dsl")
    clocked.tick(60)
    assert clocked.asked() == []
    if how == "sight lost":
        clocked.alerts.hear(clocked.alerts.event(SightLost, subject=incident, incident_id=incident, people=[clocked.people["dsl"]]))
    else:
        clocked.alerts.staff("dsl", active=how != "left", roles=["teacher"])
    clocked.tick(60)
    assert [who for _, who, _ in clocked.asked(incident)] == [["leads"]]


@pytest.mark.parametrize("led", [True, False])
def test_what_is_closed_for_every_pupil_is_asked_about_no_more_and_what_is_opened_again_is_from_then_on(clocked: Clocked, led: bool) -> None:
    """Closing is an answer. Its lead leaving years later asks nobody of it, nor does another calendar; opened again, it waits for somebody."""
    incident = clocked.alerts.recorded("dsl", "deputy_dsl")
    if led:
        clocked.led(incident, "dsl")
    clocked.stands(incident, "closed")  # for one of two
    clocked.stands(incident, "closed", closed=True, minute=1)
    clocked.alerts.staff("dsl", active=False)
    clocked.alerts.ask("deputy_dsl", MarkRead(alert_id=clocked.alerts.inbox("deputy_dsl")[0].id))
    with clock.set_to(NOON + MINUTE):
        clocked.alerts.ask("deputy_dsl", KeepEscalation(policies=clocked.alerts.ask("deputy_dsl", Escalation()).policies))
    for minute in (60, 118, 24 * 60, 30 * 24 * 60):
        clocked.tick(minute)
    assert clocked.asked() == []
    assert clocked.alerts.ask("deputy_dsl", Unled()).items == []
    opened = 7 * 24 * 60
    clocked.stands(incident, "monitoring", minute=opened)
    for minute in (opened, opened + 59, opened + 60):
        clocked.tick(minute)
    assert clocked.asked(incident) == [(opened + 60, ["leads"], False)]
    assert [item.incident_id for item in clocked.alerts.ask("deputy_dsl", Unled()).items] == [incident]
    clocked.led(incident, "deputy_dsl")
    clocked.stands(incident, "closed", closed=True, minute=opened + 61)
    clocked.stands(incident, "open", minute=opened + 62)
    clocked.tick(opened + 24 * 60)
    assert len(clocked.asked()) == 1, "opened again, it is led as before"


def test_what_is_closed_for_one_pupil_and_not_for_another_is_asked_about_all_the_same(clocked: Clocked) -> None:
    incident = clocked.alerts.recorded("dsl", "deputy_dsl")
    clocked.stands(incident, "closed")
    clocked.tick(60)
    assert clocked.asked(incident) == [(60, ["leads"], True)]


def test_what_is_moved_to_another_pupil_after_it_was_closed_is_open_for_them_and_waits_again(clocked: Clocked) -> None:
    incident = clocked.alerts.recorded("dsl", "deputy_dsl")
    clocked.stands(incident, "closed", closed=True)
    clocked.tick(60)
    clocked.alerts.action(incident, "dsl", "deputy_dsl", kind="correction", what="moved", at=NOON + 61 * MINUTE)
    for minute in (61, 118, 121):
        clocked.tick(minute)
    assert clocked.asked(incident) == [(118, ["leads"], True), (121, ["leads"], True)]


def test_what_is_added_unread_below_what_is_closed_is_asked_about_before_the_end_of_the_day(clocked: Clocked) -> None:
    """As below what somebody leads: a teacher's new words wait for a reader, however old the incident is."""
    incident = clocked.alerts.recorded("dsl", "deputy_dsl")
    clocked.stands(incident, "closed", closed=True)
    clocked.alerts.action(incident, "dsl", "deputy_dsl")
    for minute in (60, 117, 118):
        clocked.tick(minute)
    assert clocked.asked(incident) == [(118, ["leads"], True)]
    clocked.alerts.ask("dsl", MarkRead(alert_id=clocked.alerts.inbox("dsl")[0].id))
    clocked.alerts.ask("dsl", MarkRead(alert_id=clocked.alerts.inbox("dsl")[0].id))
    clocked.tick(118 + 24 * 60)
    assert len(clocked.asked(incident)) == 1


def test_a_general_entry_that_was_closed_is_closed_when_it_is_raised_too(clocked: Clocked) -> None:
    incident = clocked.alerts.recorded("slt", class_code="general")
    clocked.stands(incident, "closed", closed=True)
    clocked.alerts.action(incident, "slt", class_code="safeguarding", raised_to="safeguarding")
    clocked.tick(24 * 60)
    assert clocked.asked() == []
    clocked.stands(incident, "open", minute=24 * 60)
    clocked.tick(24 * 60 + 60)
    assert clocked.asked(incident) == [(24 * 60 + 60, ["leads"], False)]


def test_of_what_was_closed_before_alerts_heard_of_closing_no_mail_is_sent_and_then_nobody_is_asked(clocked: Clocked, smtp: Server) -> None:  # noqa: F811
    """Incidents is asked when a mail is sent; what it says is kept, until it is opened again."""
    incident, other = clocked.alerts.recorded("dsl", "deputy_dsl"), clocked.alerts.recorded("dsl", "deputy_dsl")
    clocked.alerts.send()
    smtp.taken.clear()
    clocked.numbers.closed = {incident}
    clocked.tick(60)
    clocked.alerts.send(minutes=1)
    assert len(clocked.asked(incident)) == len(clocked.asked(other)) == 1
    assert len(smtp.taken) == 2, "of the other one, to two DSLs"
    for minute in (118, 120, 24 * 60):
        clocked.tick(minute)
    assert (len(clocked.asked(incident)), len(clocked.asked(other))) == (1, 4)
    clocked.alerts.action(incident, "dsl", "deputy_dsl", at=NOON + 24 * 60 * MINUTE)
    clocked.tick(24 * 60 + 118)
    clocked.alerts.send(minutes=2)
    sent = clocked.rows(f"select kind, state from mails where about = '{incident}' and kind like 'asked%' order by id")
    assert sorted((row.kind, row.state) for row in sent) == [("asked_unread", "failed")] * 2 + [("asked_unread", "sent")] * 2, (
        "what is unread below it is"
    )


def test_what_is_opened_again_while_incidents_was_asked_about_it_is_not_taken_for_closed(clocked: Clocked) -> None:
    clocked.alerts.staff("deputy_dsl", roles=["teacher"])
    incident = clocked.alerts.recorded("dsl")
    clocked.tick(60)
    clocked.stands(incident, "closed", closed=True, minute=61)
    said = clocked.numbers.number_of

    def meanwhile(call: dict[str, Any]) -> dict[str, Any]:
        clocked.numbers.closed = {incident}
        answer = said(call)
        if not clocked.rows("select 1 from concerns where not closed"):
            clocked.alerts.hear(clocked.alerts.event(StatusChanged, subject=incident, at=dt.datetime.now(dt.UTC) + MINUTE, **opened))
        return answer

    opened: dict[str, Any] = {"incident_id": incident, "entry_id": new_id(), "pupil_id": new_id(), "status": "open"}
    clocked.numbers.number_of = meanwhile  # type: ignore[method-assign]
    clocked.alerts.send()
    assert [row.closed for row in clocked.rows("select closed from concerns")] == [False]


@pytest.mark.parametrize(("lifted", "led", "asked"), [(False, False, False), (True, False, True), (True, True, False)], ids=["kept", "lifted", "led"])
def test_what_is_kept_to_two_people_is_asked_about_no_more_until_it_is_everybodys_again(
    clocked: Clocked, lifted: bool, led: bool, asked: bool
) -> None:
    incident = clocked.alerts.recorded("dsl", "deputy_dsl")
    clocked.kept(incident, "safeguarding")
    clocked.tick(30)
    if led:
        clocked.led(incident, "dsl")
    if lifted:
        clocked.lifted(incident)
    for minute in (31, 89, 90, 91):
        clocked.tick(minute)
    assert bool(clocked.asked(incident)) is asked


@pytest.mark.parametrize("before", ["general", "welfare"])
def test_what_is_raised_while_it_is_kept_is_asked_about_by_its_new_class_once_it_is_everybodys(clocked: Clocked, before: str) -> None:
    """Of child protection DSLs are asked in the evening too; of welfare nobody is before the next school day."""
    incident = clocked.alerts.recorded("dsl", "deputy_dsl", class_code=before)
    clocked.kept(incident, before)
    clocked.alerts.action(incident, "dsl", class_code="protection", raised_to="protection")
    evening = 163 + 60
    for minute in (59, 60, 120):
        clocked.tick(minute)
    assert clocked.asked() == []
    clocked.lifted(incident)
    for minute in (121, 200, evening):
        clocked.tick(minute)
    assert clocked.asked(incident) == [(121, ["head", "leads"], True), (evening, ["leads"], True)]
    assert clocked.alerts.ask("dsl", Unled()).items == [], "nobody has read it"
    clocked.alerts.ask("dsl", MarkRead(alert_id=clocked.alerts.inbox("dsl")[0].id))
    assert [(item.incident_id, item.class_code, item.category) for item in clocked.alerts.ask("dsl", Unled()).items] == [
        (incident, "protection", "safeguarding_concern")
    ]


def test_a_general_entry_that_was_kept_to_two_people_waits_for_nobody_afterwards_either(clocked: Clocked) -> None:
    incident = clocked.alerts.recorded("dsl", class_code="general")
    clocked.kept(incident, "general")
    clocked.alerts.ask("dsl", MarkRead(alert_id=clocked.alerts.inbox("dsl")[0].id))
    clocked.lifted(incident)
    for minute in (0, 60, 24 * 60):
        clocked.tick(minute)
    assert clocked.asked() == []
    assert clocked.alerts.ask("dsl", Unled()).items == []


def test_general_entries_wait_for_nobody_and_one_that_is_raised_does(clocked: Clocked) -> None:
    incident = clocked.alerts.recorded("slt", class_code="general")
    clocked.tick(600)
    assert clocked.asked() == []
    clocked.alerts.action(incident, "dsl", class_code="safeguarding", raised_to="safeguarding")
    clocked.tick(60)
    assert clocked.asked(incident) == [(60, ["leads"], True)]


def test_a_general_entry_that_somebody_leads_is_led_when_it_is_raised_and_waits_when_they_leave(clocked: Clocked) -> None:
    incident = clocked.alerts.recorded("slt", class_code="general")
    clocked.led(incident, "dsl")
    clocked.alerts.action(incident, "slt", class_code="safeguarding", raised_to="safeguarding")
    clocked.tick(60)
    assert clocked.asked() == []
    clocked.alerts.staff("dsl", active=False)
    clocked.tick(60)
    assert [who for _, who, _ in clocked.asked(incident)] == [["leads"]]


def test_a_raised_class_that_is_heard_late_asks_no_second_time_and_holds_up_no_other(clocked: Clocked) -> None:
    late, other = clocked.alerts.recorded("dsl", "deputy_dsl"), clocked.alerts.recorded("dsl", "deputy_dsl")
    for minute in (59, 60):
        clocked.tick(minute)
    clocked.alerts.action(late, "dsl", class_code="protection", raised_to="protection")  # of an hour ago
    for minute in (61, 118):
        clocked.tick(minute)
    for incident in (late, other):
        assert [minute for minute, _, _ in clocked.asked(incident)] == [60, 118]


def test_who_had_left_when_their_leading_was_heard_leads_nothing(clocked: Clocked) -> None:
    incident = clocked.alerts.recorded("dsl", "deputy_dsl")
    clocked.alerts.staff("dsl", active=False)
    clocked.led(incident, "dsl")
    clocked.tick(60)
    assert [who for _, who, _ in clocked.asked(incident)] == [["leads"]]


def test_a_school_whose_day_was_set_to_end_before_it_begins_is_asked_by_the_first_setting(clocked: Clocked) -> None:
    incident = clocked.alerts.recorded("dsl", "deputy_dsl")
    settings = {"zone": "Europe/London", "day_ends_minute": 210, "trust_id": new_id(), "categories": [], "groups": []}
    with clock.set_to(NOON):
        clocked.alerts.hear(clocked.alerts.event(SchoolChanged, subject=clocked.alerts.school, **settings))
    clocked.tick(59)
    clocked.tick(60)
    assert clocked.asked(incident) == [(60, ["leads"], True)]


def test_what_is_added_unread_below_what_somebody_leads_is_asked_about_before_the_end_of_the_day(clocked: Clocked) -> None:
    incident = clocked.alerts.recorded("dsl", "deputy_dsl")
    clocked.alerts.ask("dsl", MarkRead(alert_id=clocked.alerts.inbox("dsl")[0].id))
    clocked.led(incident, "dsl")
    clocked.alerts.action(incident, "dsl", "deputy_dsl")
    clocked.tick(117)
    assert clocked.asked() == []
    clocked.tick(118)
    assert clocked.asked(incident) == [(118, ["leads"], True)]
    for alert in clocked.alerts.inbox("dsl"):
        clocked.alerts.ask("dsl", MarkRead(alert_id=alert.id))
    clocked.tick(118 + 24 * 60)
    assert len(clocked.asked(incident)) == 1


def test_many_workers_at_once_and_a_restart_between_ask_each_once(clocked: Clocked) -> None:
    incidents = [clocked.alerts.recorded("dsl", "deputy_dsl") for _ in range(40)]
    start = threading.Barrier(4)

    def work() -> None:
        other = Service()
        other.host = clocked.alerts.resources  # type: ignore[assignment]
        start.wait()
        for _ in range(3):
            other.ask_again()

    with clock.set_to(NOON + 60 * MINUTE):
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(clocked.asked()) == len(incidents)
    assert len(clocked.mails()) == 2 * len(incidents)


def test_a_worker_that_dies_while_it_asks_leaves_all_of_it_due(clocked: Clocked, monkeypatch: pytest.MonkeyPatch) -> None:
    clocked.alerts.recorded("dsl", "deputy_dsl")
    with monkeypatch.context() as dying:
        dying.setattr(asking.store, "move_concerns", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            clocked.tick(60)
    assert clocked.asked() == []
    assert clocked.mails() == []
    clocked.tick(61)
    assert [at for at, _, _ in clocked.asked()] == [61]


def test_whose_role_does_not_open_it_learns_school_and_number_and_whom_it_concerns_learns_nothing(clocked: Clocked, smtp: Server) -> None:  # noqa: F811
    clocked.numbers.opens = {clocked.people["dsl"]}
    clocked.numbers.untold = {clocked.people["deputy_dsl"]}
    incident = clocked.alerts.recorded("dsl", "deputy_dsl")
    clocked.alerts.send()
    before = len(smtp.taken)
    for minute in (60, 120):
        clocked.tick(minute)
    clocked.alerts.send(minutes=60 * 24 * 365)
    letters = {message["to"]: message for message in smtp.taken[before:]}
    said = {to.partition("@")[0].rpartition("<")[2]: text_of(message) for to, message in letters.items()}
    assert set(said) == {"dsl", "slt"}
    assert f"/s/one/incidents/{incident}" in said["dsl"]
    assert "Reach a DSL now" in said["slt"]
    assert "2026-0147" in said["slt"]
    assert "School One" in said["slt"]
    assert "http" not in said["slt"]
    assert "Zoë" not in said["slt"]
    assert "safeguarding" not in said["slt"].casefold().replace("safeguarding lead", "")


def test_whoever_is_asked_to_take_it_over_is_mailed(clocked: Clocked) -> None:
    incident = clocked.alerts.recorded("dsl")
    said = {"incident_id": incident, "person_id": clocked.people["deputy_dsl"], "by": clocked.people["dsl"]}
    clocked.alerts.hear(clocked.alerts.event(LeadOffered, subject=incident, **said))
    assert clocked.mails() == [(clocked.people["deputy_dsl"], "asked_lead")]


def test_another_calendar_and_another_policy_set_the_timers_anew(clocked: Clocked) -> None:
    incident = clocked.alerts.recorded("dsl", "deputy_dsl")
    concern = Meanwhile(class_code="safeguarding", begun=NOON)
    with clock.set_to(NOON):
        closed = SpanItem(kind="closed", first=NOON.date(), last=NOON.date())
        clocked.alerts.ask("dsl", KeepCalendar(opens_minute=510, weekdays=[0, 1, 2, 3, 4], spans=[closed]))
        meanwhile = clocked.alerts.ask("teacher", concern)
        assert clocked.alerts.ask("teacher", concern.model_copy(update={"class_code": "general"})).asks == []
    opens = dt.datetime(2026, 3, 11, 8, 30, tzinfo=dt.UTC)
    assert (meanwhile.in_hours, meanwhile.opens_at) == (False, opens)
    told = [((ask.at - NOON) / MINUTE, ask.who) for ask in meanwhile.asks]
    school = (opens - NOON) / MINUTE
    assert told == [(60, ["leads"]), (school + 120, ["head"]), (school + 180, ["trust_lead"])], "the recorder is told whom, and when"
    with clock.set_to(NOON + 61 * MINUTE):
        assert clocked.alerts.ask("teacher", concern).asks == meanwhile.asks[1:]
    clocked.tick(59)
    clocked.tick(60)
    assert clocked.asked(incident) == [(60, ["leads"], True)], "a day without school has the evening's policy"
    found = clocked.alerts.ask("dsl", Escalation())
    sooner = [p.model_copy(update={"outside": [], "steps": [p.steps[0].model_copy(update={"minutes": 30})]}) for p in found.policies]
    with clock.set_to(NOON):
        clocked.alerts.ask("dsl", KeepEscalation(policies=sooner, meanwhile="Call the emergency duty team: 01632 960999"))
        meanwhile = clocked.alerts.ask("teacher", concern)
    morning = (dt.datetime(2026, 3, 11, 9, 0, tzinfo=dt.UTC) - NOON) / MINUTE
    assert meanwhile.text == "Call the emergency duty team: 01632 960999"
    assert [((ask.at - NOON) / MINUTE, ask.who) for ask in meanwhile.asks] == [(morning, ["leads"])]
    clocked.tick(morning - 1)
    clocked.tick(morning)
    assert clocked.asked(incident)[1:] == [(morning, ["leads"], True)]


def test_a_policy_that_would_leave_dsls_unasked_is_refused(clocked: Clocked) -> None:
    refusals: list[tuple[dict[str, Any], dict[str, str]]] = [
        ({"steps": []}, {"welfare.steps": "at_least_once"}),
        ({"steps": [{"minutes": 5, "who": "head"}]}, {"welfare.steps": "leads_first"}),
        ({"again": 1}, {"welfare.again": "too_often"}),
    ]
    found = clocked.alerts.ask("dsl", Escalation())
    for change, problem in refusals:
        policies = [p.wire() | (change if p.code == "welfare" else {}) for p in found.policies]
        with pytest.raises(Invalid) as refused:
            clocked.alerts.ask("dsl", KeepEscalation(policies=policies))
        assert refused.value.problems == problem
    with pytest.raises(Invalid):
        clocked.alerts.ask("dsl", KeepEscalation(policies=[p.wire() for p in found.policies], head_ids=[clocked.people["teacher"]]))


def test_a_calendar_that_cannot_be_is_refused(clocked: Clocked) -> None:
    good: dict[str, Any] = {"opens_minute": 510, "weekdays": [0, 1, 2, 3, 4], "spans": []}
    refusals: list[tuple[dict[str, Any], dict[str, str]]] = [
        ({"opens_minute": 930}, {"opens": "after_the_end"}),
        ({"weekdays": []}, {"weekdays": "missing"}),
        ({"weekdays": [7]}, {"weekdays": "missing"}),
        ({"spans": [{"kind": "term", "first": "2026-09-02", "last": "2026-09-01"}]}, {"spans.0.last": "before_the_first"}),
        ({"spans": [{"kind": "term", "first": "2026-01-01", "last": "2026-12-31"}]}, {"spans.0.last": "too_long_a_time"}),
    ]
    for fields, problem in refusals:
        with pytest.raises(Invalid) as refused:
            clocked.alerts.ask("dsl", KeepCalendar(**good | fields))
        assert refused.value.problems == problem
