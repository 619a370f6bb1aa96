"""What the bus can ask of alerts, and the events it hears."""

import base64
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from email.mime.text import MIMEText
from queue import Empty, SimpleQueue
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
from nameko.rpc import RpcProxy
from nameko.timer import timer

from safekeep import actor as actors
from safekeep import clock, inbox, outbox, permissions, telemetry
from safekeep.actor import Actor
from safekeep.contracts import Nothing, files, identity, incidents
from safekeep.contracts.alerts import (
    AlertItem,
    AlertOrphaned,
    AlertRead,
    Inbox,
    InboxAnswer,
    MarkRead,
    ReaderItem,
    Readers,
    ReadersAnswer,
    RecipientDropped,
    Unread,
    UnreadAnswer,
)
from safekeep.contracts.identity import Addresses, AddressesAnswer, Letter
from safekeep.contracts.incidents import EntryRecorded, Recipient, WitnessedHead
from safekeep.errors import Invalid, NotFound, SafekeepError, StorageError
from safekeep.ids import new_id
from safekeep.permissions import Class
from safekeep.rpc import Host, Resources, answers, ask, retry, take, take_events
from services.alerts import ledger_letters, letters, mail, store, telling

CLAIMED_FOR = timedelta(seconds=8)  # from one renewal to the next: what a sender held that died is sent by another then
RENEW_SECONDS = 2.0
BATCH = 40  # mails claimed, handed over and marked together: a crash in between repeats at most these
CONNECTIONS = 4  # to the SMTP server: one mail is four round trips, and an alert may have 300 recipients
READING = ("reading_unusual", "reading_stopped")  # kinds of lines of the audit log that DSLs are mailed of
ADDRESSES_KEPT = 30.0  # seconds for which a school's names and addresses are remembered


class Service:
    """Inbox, acknowledgement, outgoing mail."""

    name = "alerts"
    host: Resources = Host()
    identity = RpcProxy("identity")
    incidents = RpcProxy("incidents")

    @answers(Inbox)
    def inbox(self, actor: Actor, request: Inbox) -> InboxAnswer:
        me = {"school_id": actor.at_school, "person_id": actor.person}
        with self._school(actor) as tx:
            rows = store.inbox(
                tx,
                **me,
                state=request.state,
                class_code=request.class_code,
                incident_id=request.incident_id,
                after=_cursor(request.cursor),
                limit=request.limit + 1,
            )
            unread = store.unread_count(tx, **me)
        return InboxAnswer(items=[_alert(row) for row in rows[: request.limit]], next=_next(rows, request.limit), unread=unread)

    @answers(Unread)
    def unread(self, actor: Actor, request: Unread) -> UnreadAnswer:
        with self._school(actor) as tx:
            return UnreadAnswer(unread=store.unread_count(tx, school_id=actor.at_school, person_id=actor.person))

    @answers(MarkRead)
    def mark_read(self, actor: Actor, request: MarkRead) -> Nothing:
        with self._school(actor) as tx:
            alert = store.alert_of(tx, school_id=actor.at_school, alert_id=request.alert_id, person_id=actor.person)
            if alert is None:
                raise NotFound("alert")
            if alert.read_at is None:
                store.mark_read(tx, school_id=actor.at_school, alert_id=alert.id, now=clock.now())
                outbox.add(
                    tx,
                    AlertRead,
                    school_id=actor.at_school,
                    subject=alert.id,
                    alert_id=alert.id,
                    incident_id=alert.incident_id,
                    entry_id=alert.entry_id,
                    person_id=actor.person,
                )
        return Nothing()

    @answers(Readers)
    def readers(self, actor: Actor, request: Readers) -> ReadersAnswer:
        with self._school(actor) as tx:
            rows = store.readers(tx, school_id=actor.at_school, incident_id=request.incident_id)
        theirs = ask(self.incidents, incidents.Readable(entry_ids=sorted({row.entry_id for row in rows})), token=actor.token).entry_ids
        return ReadersAnswer(items=[_reader(row) for row in rows if row.entry_id in theirs])

    # --- events

    @take_events("alerts")
    def events(self, message: Any) -> None:
        take(self.host, HANDLERS, message)

    @timer(interval=1)
    def retries(self) -> None:
        retry(self.host, HANDLERS)

    # --- mail

    @timer(interval=0.2)
    def send_mail(self) -> None:
        """Hand over what is due. A crash between the server's acceptance and our commit repeats a mail; nothing else does."""
        try:
            while self._send_batch() == BATCH:
                pass
        except StorageError as error:
            telemetry.log().warning("mail.waiting", sqlstate=error.sqlstate)

    def _send_batch(self) -> int:
        now = clock.now()
        with self.host.transaction(self.host.worker_engine) as tx:
            due = store.claim_mails(tx, now=now, again=now + CLAIMED_FOR, limit=BATCH)
        under_way = [_hands.submit(self._deliver, row) for row in due]
        while futures.wait(under_way, timeout=RENEW_SECONDS).not_done:
            self._hold(due)
        done = [each.result() for each in under_way]
        self._mark(done, given_up=[row for row, each in zip(due, done, strict=True) if row.kind == "alert" and each["state"] == "failed"])
        return len(due)

    def _hold(self, rows: Sequence[Any]) -> None:
        """Go on holding mails that a slow server has not taken yet, while others might send them."""
        try:
            with self.host.transaction(self.host.worker_engine) as tx:
                store.hold_mails(tx, rows, again=clock.now() + CLAIMED_FOR)
        except StorageError as error:
            telemetry.log().warning("mail.not_held", sqlstate=error.sqlstate)

    def _mark(self, done: list[dict[str, Any]], *, given_up: Sequence[Any]) -> None:
        """Keep what became of mails, waiting as long as the database is away: what was handed over and is not marked is sent again.

        Whom an alert's mail did not reach, the DSLs are told first: should we die in between, giving up comes to the same mails again.
        """
        delay = 0.1
        while done:
            try:
                for row in given_up:
                    self._tell_who_was_not_reached(row)
                with self.host.transaction(self.host.worker_engine) as tx:
                    store.mark_mails(tx, done)
                return
            except StorageError as error:
                if not (error.is_outage or error.is_repeatable):
                    raise
                telemetry.log().warning("mail.not_marked", sqlstate=error.sqlstate)
                time.sleep(delay)
                delay = min(delay * 2, 2.0)

    def _tell_who_was_not_reached(self, row: Any) -> None:
        with self.host.transaction(self.host.engine, school_id=row.school_id) as tx:
            person = store.staff_with(tx, school_id=row.school_id, ids=[row.person_id]).get(row.person_id)
            if person is None or not person.active:
                return  # who has left is not to be reached: their alerts pass on to others
            leads = store.staff_in_roles(tx, school_id=row.school_id, roles=permissions.SAFEGUARDING_LEADS)
            mails = [
                _mail(lead, kind="unreached", now=clock.now(), by=row.person_id, trace=row.trace) | {"id": uuid5(row.id, str(lead))}
                for lead in leads
                if lead != row.person_id
            ]
            store.add(tx, school_id=row.school_id, alerts=[], mails=mails)

    def _deliver(self, row: Any) -> dict[str, Any]:
        """Hand one mail over, whatever happens: an error here would leave those taken beside it unmarked, and they would be sent again."""
        telemetry.trace.set(row.trace)
        try:
            outcome = self._hand_over(row)
        except Exception as error:
            telemetry.log().error("mail.failed", mail=str(row.id), error=type(error).__name__)
            outcome = "later"
        failed = outcome == "failed" or (outcome == "later" and row.attempts + 1 >= telling.MAX_ATTEMPTS)
        now = clock.now()
        telemetry.MAILS.labels(outcome="failed" if failed else outcome).inc()
        if outcome == "sent":
            telemetry.log().info("mail.sent", mail=str(row.id), attempts=row.attempts + 1)
        else:
            telemetry.log().warning("mail.not_sent", mail=str(row.id), outcome="failed" if failed else outcome, attempts=row.attempts + 1)
        return {
            "school_id": row.school_id,
            "id": row.id,
            "state": "sent" if outcome == "sent" else "failed" if failed else "waiting",
            "sent_at": now if outcome == "sent" else None,
            "next_at": now if outcome == "sent" else now + telling.delay_after(row.attempts),
        }

    def _hand_over(self, row: Any) -> mail.Outcome:
        if row.kind in letters.KINDS:
            return self._hand_over_letter(row)
        if row.kind in {ledger_letters.WITNESS, ledger_letters.ALTERED_IT}:
            return self._hand_over_seal(row)
        try:
            known = self._addresses(row.school_id, {row.person_id, *([row.recorded_by] if row.recorded_by else [])})
        except (SafekeepError, OSError) as error:
            telemetry.log().warning("mail.addresses_unknown", error=type(error).__name__)
            return "later"
        people = {item.person_id: item for item in known.items}
        to = people.get(row.person_id)
        if to is None or not to.active:
            return "failed"
        writer = people.get(row.recorded_by)
        place = f"{self.host.settings.public_url}/s/{known.school_slug}"
        if row.kind == ledger_letters.ALTERED:
            subject, text = ledger_letters.altered(link=f"{place}/proof")
            return self._post_to(row.id, subject=subject, text=text, to=(to.name, to.email), school_name=known.school_name)
        letter = mail.Letter(
            id=row.id,
            kind=row.kind,
            to_name=to.name,
            to_address=to.email,
            school_name=known.school_name,
            recorded_by=writer.name if writer else "",
            category=known.categories.get(row.category, ""),
            link=f"{place}/alerts/{row.alert_id}" if row.kind == "alert" else f"{place}/{_PAGES[row.kind.partition('_')[0]]}",
        )
        return self._post(mail.write(letter, sender=self.host.settings.mail_from, now=clock.now()))

    def _hand_over_letter(self, row: Any) -> mail.Outcome:
        """Write about an account. Identity is asked at this moment: a link's token is made now and kept nowhere here."""
        token = self._token(row.school_id, Letter.method)
        try:
            known = ask(self.identity, Letter(person_id=row.person_id, kind=row.kind, about=row.about), token=token)
        except NotFound:
            return "failed"  # the account was closed meanwhile
        except (SafekeepError, OSError) as error:
            telemetry.log().warning("mail.addresses_unknown", error=type(error).__name__)
            return "later"
        subject, text = letters.subject_and_text(row.kind, known, public_url=self.host.settings.public_url)
        about = {"subject": subject, "text": text, "to": (known.to_name, known.to_email), "school_name": known.sender_name}
        return self._post(mail.envelop(row.id, **about, sender=self.host.settings.mail_from, now=clock.now()))  # type: ignore[arg-type]

    def _hand_over_seal(self, row: Any) -> mail.Outcome:
        """Send a head to a witness, or tell the trust's IT what the self-check found: neither is staff of the school."""
        token = self._token(row.school_id, Addresses.method, WitnessedHead.method)
        try:
            known = ask(self.identity, Addresses(person_ids=[], trust_it=row.kind == ledger_letters.ALTERED_IT), token=token)
            if row.kind == ledger_letters.WITNESS:
                seal = ask(self.incidents, WitnessedHead(witness_id=row.person_id, head_id=row.about), token=token)
        except NotFound:
            return "failed"  # the witness was taken off meanwhile
        except (SafekeepError, OSError) as error:
            telemetry.log().warning("mail.addresses_unknown", error=type(error).__name__)
            return "later"
        if row.kind == ledger_letters.WITNESS:
            subject, text = ledger_letters.for_witness(seal, school_name=known.school_name)
            return self._post_to(row.id, subject=subject, text=text, to=(seal.name, seal.address), school_name=known.school_name)
        subject, text = ledger_letters.altered(link="")
        same = {"subject": subject, "text": text, "school_name": known.school_name}
        said = {self._post_to(uuid5(row.id, str(to.person_id)), to=(to.name, to.email), **same) for to in known.items}
        return "later" if "later" in said else "failed" if said == {"failed"} else "sent"

    def _post_to(self, id: UUID, *, subject: str, text: str, to: tuple[str, str], school_name: str) -> mail.Outcome:
        sender = self.host.settings.mail_from
        return self._post(mail.envelop(id, subject=subject, text=text, to=to, school_name=school_name, sender=sender, now=clock.now()))

    def _post(self, message: MIMEText) -> mail.Outcome:
        url = self.host.settings.smtp_url
        try:
            post = _free[url].get_nowait()
        except Empty:
            post = mail.Post(url)
        try:
            return post.hand_over(message, sender=self.host.settings.mail_from)
        finally:
            _free[url].put(post)

    def _addresses(self, school_id: UUID, wanted: set[UUID]) -> AddressesAnswer:
        """Return names and addresses of a school's people, remembered for a few seconds."""
        known = _addresses.get(school_id)
        if known and known[0] > time.monotonic() and wanted <= {item.person_id for item in known[1].items}:
            return known[1]
        ids = wanted | ({item.person_id for item in known[1].items} if known else set())
        token = self._token(school_id, Addresses.method)
        answer = ask(self.identity, Addresses(person_ids=sorted(ids)), token=token)
        _addresses[school_id] = (time.monotonic() + ADDRESSES_KEPT, answer)
        return answer

    def _token(self, school_id: UUID, *methods: str) -> str:
        """Sign a token of our own that is good for these methods at one school."""
        return actors.service_token(keys=self.host.keys, service="alerts", school_id=school_id, methods=methods)

    def _school(self, actor: Actor) -> Any:
        return self.host.transaction(self.host.engine, school_id=actor.at_school)


_PAGES = {"draft": "drafts", "correction": "corrections", "unreached": "inbox", "released": "", "reading": "audit"}
_addresses: dict[UUID, tuple[float, AddressesAnswer]] = {}
_hands = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="mail")
_free: defaultdict[str, SimpleQueue[mail.Post]] = defaultdict(SimpleQueue)  # connections nobody uses now, by address


class StaffNotKnownYet(Exception):
    """An alert is for somebody identity has not told us of: the event is tried again."""


def _on_staff(tx: sa.Connection, event: identity.StaffChanged) -> None:
    here: dict[str, Any] = {"school_id": event.school_id, "person_id": event.person_id}
    store.keep_staff(tx, **here, roles=event.roles, active=event.active)
    if not event.active:  # incidents says who is told instead: a DSL may be a parent of the child it is about
        for alert in store.orphan(tx, **here, now=clock.now()):
            outbox.add(tx, AlertOrphaned, **here, subject=alert.id, incident_id=alert.incident_id, entry_id=alert.entry_id)


def _on_entry(tx: sa.Connection, event: EntryRecorded) -> None:
    kind = getattr(event, "kind", "incident")
    if isinstance(event, incidents.ActionAdded) and event.raised_to:
        here: dict[str, Any] = {"school_id": event.school_id, "lost": event.lost_sight, "now": clock.now()}
        store.raise_class(tx, **here, entry_ids=event.raised or [event.incident_id], class_code=event.raised_to)
        store.add(tx, school_id=event.school_id, alerts=[], mails=[_mail(person, kind="released", now=clock.now()) for person in event.released])
    elif isinstance(event, incidents.ActionAdded) and event.lost_sight:  # it turned out to be about their own child
        store.withdraw(tx, school_id=event.school_id, incident_id=event.incident_id, people=event.lost_sight, now=clock.now())
    _raise(tx, event=event, recipients=event.recipients, kind=kind, at_risk_now=event.at_risk_now, past=event.past)


def _on_sight_lost(tx: sa.Connection, event: incidents.SightLost) -> None:
    store.withdraw(tx, school_id=event.school_id, incident_id=event.incident_id, people=event.people, now=clock.now())


def _on_granted(tx: sa.Connection, event: incidents.RightGranted) -> None:
    """Alert them; who was alerted before and has lost sight since is alerted anew."""
    mail = _mail(event.person_id, kind="alert", now=clock.now(), category=event.category, by=event.author_id, trace=event.trace)
    which: dict[str, Any] = {"school_id": event.school_id, "entry_id": event.entry_id, "person_id": event.person_id}
    if store.bring_back(tx, **which, class_code=event.class_code, mail=mail, now=clock.now()):
        return
    granted = Recipient(person_id=event.person_id, because=["named"])
    _raise(tx, event=event, recipients=[granted], kind="incident" if event.entry_id == event.incident_id else "action", at_risk_now=False, past=False)


def _on_passed_on(tx: sa.Connection, event: incidents.AlertPassedOn) -> None:
    instead = [Recipient(person_id=person, because=["named"]) for person in event.people]
    _raise(tx, event=event, recipients=instead, kind=event.kind, at_risk_now=False, past=False)


def _on_restricted(tx: sa.Connection, event: incidents.EntryRestricted) -> None:
    """Take the entries from everybody's inbox but that of the two they are kept to, and tell those, whatever their role opens."""
    now = clock.now()
    store.withdraw_but(tx, school_id=event.school_id, entry_ids=event.entry_ids, people=event.kept_to, now=now)
    known = store.staff_with(tx, school_id=event.school_id, ids=event.told)
    if len(known) < len(event.told):
        raise StaffNotKnownYet
    alerts, mails = [], []
    for person in event.told:
        alert = _new_alert(event, person, kind="incident" if event.entry_id == event.incident_id else "action", because=["named"])
        alerts.append(alert)
        said = {"alert_id": alert["id"], "category": event.category, "by": event.author_id, "trace": event.trace}
        mails.append(_mail(person, kind="alert", now=now, **said))
    store.add(tx, school_id=event.school_id, alerts=alerts, mails=mails)


def _on_correction_asked(tx: sa.Connection, event: incidents.CorrectionAsked) -> None:
    mails = [_mail(person, kind="correction_asked", now=clock.now()) for person in event.person_ids]
    store.add(tx, school_id=event.school_id, alerts=[], mails=mails)


def _on_correction_declined(tx: sa.Connection, event: incidents.CorrectionDeclined) -> None:
    store.add(tx, school_id=event.school_id, alerts=[], mails=[_mail(event.asked_by, kind="correction_declined", now=clock.now())])


def _new_alert(
    event: Any, person: UUID, *, kind: str, because: Sequence[str], at_risk_now: bool = False, read_at: datetime | None = None
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "person_id": person,
        "incident_id": event.incident_id,
        "entry_id": event.entry_id,
        "kind": kind,
        "category": event.category,
        "class_code": event.class_code,
        "recorded_by": event.author_id,
        "because": list(because),
        "at_risk_now": at_risk_now,
        "raised_at": event.at,
        "read_at": read_at,
    }


def _raise(tx: sa.Connection, *, event: Any, recipients: Sequence[Recipient], kind: str, at_risk_now: bool, past: bool) -> None:
    """Make one alert a person, and a mail; who may no longer be told is dropped, and their reading right goes back."""
    school_id, now = event.school_id, clock.now()
    known = store.staff_with(tx, school_id=school_id, ids=[r.person_id for r in recipients])
    alerts, mails = [], []
    for recipient in recipients:
        person = known.get(recipient.person_id)
        if person is None:
            raise StaffNotKnownYet
        if not telling.is_still_told(roles=person.roles, active=person.active, class_=Class.of(event.class_code)):
            outbox.add(
                tx,
                RecipientDropped,
                school_id=school_id,
                subject=new_id(),
                incident_id=event.incident_id,
                entry_id=event.entry_id,
                person_id=recipient.person_id,
            )
            continue
        alert = _new_alert(
            event, recipient.person_id, kind=kind, because=recipient.because, at_risk_now=at_risk_now, read_at=event.at if past else None
        )
        alerts.append(alert)
        if not past:
            mails.append(
                _mail(
                    recipient.person_id,
                    kind="alert",
                    now=now,
                    alert_id=alert["id"],
                    category=event.category,
                    by=event.author_id,
                    trace=event.trace,
                )
            )
    store.add(tx, school_id=school_id, alerts=alerts, mails=mails)


def _on_draft_left(tx: sa.Connection, event: files.DraftLeft) -> None:
    """Remind the author; after a day tell the school's DSLs that a draft exists, not its words."""
    people = [event.author_id]
    if event.left_for == "a_day":
        people = store.staff_in_roles(tx, school_id=event.school_id, roles=permissions.SAFEGUARDING_LEADS)
    now = clock.now()
    mails = [_mail(person, kind=f"draft_{event.left_for}", now=now) for person in people]
    store.add(tx, school_id=event.school_id, alerts=[], mails=mails)


def _on_letter(tx: sa.Connection, event: identity.LetterWanted) -> None:
    """Write about an account. A kind that only a newer release knows is left to it."""
    if event.kind in letters.KINDS:
        wanted = _mail(event.person_id, kind=event.kind, now=clock.now(), about=event.about)
        store.add(tx, school_id=event.school_id, alerts=[], mails=[wanted])


def _on_head(tx: sa.Connection, event: incidents.HeadSigned) -> None:
    """Mail a signed head to the school's witnesses."""
    now = clock.now()
    mails = [_mail(witness, kind=ledger_letters.WITNESS, now=now, about=event.head_id) for witness in event.witness_ids]
    store.add(tx, school_id=event.school_id, alerts=[], mails=mails)


def _on_altered(tx: sa.Connection, event: incidents.RecordAltered) -> None:
    """Tell the school's DSLs and the trust's IT that something is not as it was recorded."""
    now = clock.now()
    leads = store.staff_in_roles(tx, school_id=event.school_id, roles=permissions.SAFEGUARDING_LEADS)
    mails = [_mail(person, kind=ledger_letters.ALTERED, now=now) for person in leads]
    mails.append(_mail(event.school_id, kind=ledger_letters.ALTERED_IT, now=now))  # who they are, identity says when it is sent
    store.add(tx, school_id=event.school_id, alerts=[], mails=mails)


def _on_noted(tx: sa.Connection, event: incidents.AuditNoted) -> None:
    """Tell the DSLs of unusual reading; other than the reader, where there is another."""
    if event.kind in READING:
        leads = store.staff_in_roles(tx, school_id=event.school_id, roles=permissions.SAFEGUARDING_LEADS)
        now = clock.now()
        people = [person for person in leads if person != event.person_id] or leads
        store.add(tx, school_id=event.school_id, alerts=[], mails=[_mail(person, kind=event.kind, now=now) for person in people])


def _mail(
    person_id: UUID,
    *,
    kind: str,
    now: datetime,
    alert_id: UUID | None = None,
    category: str = "",
    by: UUID | None = None,
    trace: str = "",
    about: UUID | None = None,
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "person_id": person_id,
        "kind": kind,
        "alert_id": alert_id,
        "category": category,
        "recorded_by": by,
        "next_at": now,
        "trace": trace,
        "about": about,
    }


HANDLERS: inbox.Handlers = {
    identity.StaffChanged: _on_staff,
    incidents.IncidentRecorded: _on_entry,
    incidents.ActionAdded: _on_entry,
    incidents.RightGranted: _on_granted,
    incidents.AlertPassedOn: _on_passed_on,
    incidents.SightLost: _on_sight_lost,
    incidents.EntryRestricted: _on_restricted,
    incidents.CorrectionAsked: _on_correction_asked,
    incidents.CorrectionDeclined: _on_correction_declined,
    files.DraftLeft: _on_draft_left,
    identity.LetterWanted: _on_letter,
    incidents.HeadSigned: _on_head,
    incidents.RecordAltered: _on_altered,
    incidents.AuditNoted: _on_noted,
}


def _alert(row: Any) -> AlertItem:
    return AlertItem(
        id=row.id,
        incident_id=row.incident_id,
        entry_id=row.entry_id,
        kind=row.kind,
        category=row.category,
        class_code=row.class_code,
        recorded_by=row.recorded_by,
        because=row.because,
        at_risk_now=row.at_risk_now,
        raised_at=row.raised_at,
        read_at=row.read_at,
    )


def _reader(row: Any) -> ReaderItem:
    return ReaderItem(
        person_id=row.person_id,
        entry_id=row.entry_id,
        because=row.because,
        raised_at=row.raised_at,
        mail=row.mail or "none",
        mailed_at=row.sent_at,
        read_at=row.read_at,
    )


def _cursor(cursor: str | None) -> tuple[bool, datetime, UUID] | None:
    if cursor is None:
        return None
    try:
        unread, moment, id_ = json.loads(base64.urlsafe_b64decode(cursor))
        return bool(unread), datetime.fromisoformat(moment), UUID(id_)
    except (ValueError, TypeError):
        raise Invalid({"cursor": "invalid"}) from None


def _next(rows: Sequence[Any], limit: int) -> str | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return base64.urlsafe_b64encode(json.dumps([last.read_at is None, last.raised_at.isoformat(), str(last.id)]).encode()).decode()
