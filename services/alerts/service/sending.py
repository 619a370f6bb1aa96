"""Sending mail: taking what is due, handing it over, keeping what became of it."""

import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from email.message import Message
from queue import Empty, SimpleQueue
from typing import Any
from uuid import UUID, uuid5

from nameko.timer import timer

from safekeep import clock, permissions, telemetry
from safekeep.contracts.identity import Addresses, AddressesAnswer, Letter
from safekeep.contracts.incidents import NumberOf, WitnessedHead
from safekeep.errors import NotFound, SafekeepError, StorageError
from safekeep.rpc import ask
from services.alerts import asking_letters, ledger_letters, letters, mail, store, telling
from services.alerts.service.base import Base
from services.alerts.service.raising import NOBODY, new_mail

CLAIMED_FOR = timedelta(seconds=8)  # from one renewal to the next: what a sender held that died is sent by another then
RENEW_SECONDS = 2.0
BATCH = 40  # mails claimed, handed over and marked together: a crash in between repeats at most these
CONNECTIONS = 4  # to the SMTP server: one mail is four round trips, and an alert may have 300 recipients
ADDRESSES_KEPT = 30.0  # seconds for which a school's names and addresses are remembered


class Sending(Base):
    """Outgoing mail."""

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
                new_mail(lead, kind="unreached", now=clock.now(), by=row.person_id, trace=row.trace) | {"id": uuid5(row.id, str(lead))}
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
        if row.kind in asking_letters.KINDS:
            return self._hand_over_asking(row)
        if row.kind in {ledger_letters.WITNESS, ledger_letters.ALTERED_IT, NOBODY, *mail.TRUST_REPORTS}:
            return self._hand_over_elsewhere(row)
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
            return self._post_to(row.id, subject=subject, text=text, to=(to.name, to.email), from_name=_from(known))
        letter = mail.Letter(
            id=row.id,
            kind=row.kind,
            to_name=to.name,
            to_address=to.email,
            from_name=_from(known),
            recorded_by=writer.name if writer else "",
            category=known.categories.get(row.category, ""),
            link=f"{place}/{_page(row)}",
        )
        return self._post(mail.write(letter, sender=self.host.settings.mail_from, now=clock.now()), to=letter.to_address)

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
        about = {"subject": subject, "text": text, "to": (known.to_name, known.to_email), "from_name": f"Safekeep, {known.sender_name}"}
        return self._post(mail.envelop(row.id, **about, sender=self.host.settings.mail_from, now=clock.now()), to=known.to_email)  # type: ignore[arg-type]

    def _hand_over_elsewhere(self, row: Any) -> mail.Outcome:
        """Write to who is not of the school: a witness (a head), the trust's IT (what was altered).

        Or to the trust's safeguarding lead: what reached nobody at a school; a report of the trust's own that waits (then the row is the trust's).
        """
        token = self._token(row.school_id, Addresses.method, WitnessedHead.method)
        whose = {"trust_it": row.kind == ledger_letters.ALTERED_IT, "trust_leads": row.kind in {NOBODY, *mail.TRUST_REPORTS}}
        try:
            known = ask(self.identity, Addresses(person_ids=[], **whose), token=token)
            if row.kind == ledger_letters.WITNESS:
                seal = ask(self.incidents, WitnessedHead(witness_id=row.person_id, head_id=row.about), token=token)
        except NotFound:
            return "failed"  # the witness was taken off meanwhile
        except (SafekeepError, OSError) as error:
            telemetry.log().warning("mail.addresses_unknown", error=type(error).__name__)
            return "later"
        if row.kind == ledger_letters.WITNESS:
            subject, text = ledger_letters.for_witness(seal, school_name=known.school_name)
            return self._post_to(row.id, subject=subject, text=text, to=(seal.name, seal.address), from_name=_from(known), plain=True)
        subject, text = ledger_letters.altered(link="")
        if row.kind == NOBODY:
            subject, text = mail.nobody(school_name=known.school_name, telephone=known.telephone)
        if row.kind in mail.TRUST_REPORTS:
            link = f"{self.host.settings.public_url}/t/{known.school_slug}/meetings/reports/{row.about}"
            subject, text = mail.trust_report(row.kind, link=link)
        if not known.items:
            return "nobody"  # the trust has nobody for it yet: it waits for as long as that is so, and the operator's alarm says it too
        same: dict[str, Any] = {"subject": subject, "text": text, "from_name": _from(known)}
        said = {self._post_to(uuid5(row.id, str(to.person_id)), to=(to.name, to.email), **same) for to in known.items}
        return "later" if "later" in said else "failed" if said == {"failed"} else "sent"

    def _hand_over_asking(self, row: Any) -> mail.Outcome:
        """Ask somebody again. What they may be told is asked at this moment: whom it concerns by now is told nothing."""
        is_trust, asked = row.kind.endswith("_trust"), clock.now()
        token = self._token(row.school_id, Addresses.method, NumberOf.method)
        try:
            if is_trust:
                known = ask(self.identity, Addresses(person_ids=[], trust_leads=True), token=token)
            else:
                known = self._addresses(row.school_id, {row.person_id})
            said = ask(self.incidents, NumberOf(incident_id=row.about, person_id=None if is_trust else row.person_id), token=token)
        except NotFound:
            return "failed"
        except (SafekeepError, OSError) as error:
            telemetry.log().warning("mail.addresses_unknown", error=type(error).__name__)
            return "later"
        if not said.may_be_told:
            return "failed"  # they, or a child of theirs, are in it; or it is kept to others
        if said.closed and self._waits_for_nobody(row, asked=asked):
            return "failed"
        if said.opens:
            link = f"{self.host.settings.public_url}/s/{known.school_slug}/incidents/{row.about}"
            subject, text = asking_letters.for_reader(row.kind, school_name=known.school_name, number=said.number, link=link)
        else:
            subject, text = asking_letters.for_other(row.kind, school_name=known.school_name, number=said.number)
        same: dict[str, Any] = {"subject": subject, "text": text, "from_name": _from(known)}
        whom = [to for to in known.items if to.active and (is_trust or to.person_id == row.person_id)]
        if is_trust and not whom:
            return "nobody"  # the trust has nobody for it yet: it waits for as long as that is so, and the log says so
        done = {self._post_to(uuid5(row.id, str(to.person_id)), to=(to.name, to.email), **same) for to in whom}
        return "later" if "later" in done else "failed" if done <= {"failed"} else "sent"

    def _waits_for_nobody(self, row: Any, *, asked: datetime) -> bool:
        """Whether nobody is to be written to of an incident that is closed: they are only of what was added to it since and is unread.

        Whatever was closed in a release that did not tell alerts of it is kept as closed now.
        """
        if row.kind == "asked_lead":  # a DSL asks for it all the same
            return False
        with self.host.transaction(self.host.engine, school_id=row.school_id) as tx:
            store.close_concern(tx, school_id=row.school_id, incident_id=row.about, asked=asked)
            concern = store.concern_of(tx, school_id=row.school_id, incident_id=row.about)
        return not row.kind.startswith("asked_unread") or concern is None or concern.next_at is None

    def _post_to(self, id: UUID, *, subject: str, text: str, to: tuple[str, str], from_name: str, plain: bool = False) -> mail.Outcome:
        said: dict[str, Any] = {"subject": subject, "text": text, "to": to, "from_name": from_name, "plain": plain}
        return self._post(mail.envelop(id, **said, sender=self.host.settings.mail_from, now=clock.now()), to=to[1])

    def _post(self, message: Message, *, to: str) -> mail.Outcome:
        settings = self.host.settings
        where = settings.smtp_url, settings.mail_domain_key
        try:
            post = _free[where].get_nowait()
        except Empty:
            key = mail.DomainKey.load(*settings.mail_domain_key) if settings.mail_domain_key else None
            post = mail.Post(settings.smtp_url, key=key)
        try:
            return post.hand_over(message, sender=settings.mail_from, to=to)
        finally:
            _free[where].put(post)

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


def _from(known: AddressesAnswer) -> str:
    """Return who mail is from: the name that the school gave, or its own with ours."""
    return known.sender_name or f"Safekeep, {known.school_name}"


def _page(row: Any) -> str:
    """Return which page below the school's address a mail leads to."""
    if row.kind == "alert":
        return f"alerts/{row.alert_id}"
    if row.kind == "missed":
        return f"incidents/{row.about}"
    if row.kind in {"report_made", "report_late"}:
        return f"meetings/reports/{row.about}"
    if row.kind in {"request_soon", "request_today", "request_late"}:
        return f"reports/requests/{row.about}"
    if row.kind in {"document_ready", "document_failed"}:
        return f"documents/{row.about}"
    return _PAGES[row.kind.partition("_")[0]]


_PAGES = {
    "draft": "drafts",
    "correction": "corrections",
    "unreached": "inbox",
    "released": "",
    "reading": "readers",
    "glass": "readers",
    "content": "audit",
    "follow": "follow-ups",
    "paper": "paper",
    "report": "governors",
}
_addresses: dict[UUID, tuple[float, AddressesAnswer]] = {}
_hands = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="mail")
_free: defaultdict[tuple[str, Any], SimpleQueue[mail.Post]] = defaultdict(SimpleQueue)  # connections nobody uses now, by address
