"""The events alerts hears."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa

from safekeep import calendar, clock, database, inbox, outbox, permissions
from safekeep.contracts import files, identity, incidents, reports
from safekeep.contracts.alerts import AlertOrphaned, RecipientDropped
from safekeep.contracts.incidents import Recipient
from safekeep.ids import new_id
from safekeep.permissions import Class
from services.alerts import ledger_letters, letters, reminding, store, telling
from services.alerts.service import asking
from services.alerts.service.raising import StaffNotKnownYet, alerts_of, new_alert, new_mail, raise_alerts, reached_nobody

READING = ("reading_unusual", "reading_stopped")  # kinds of lines of the audit log that DSLs are mailed of


def _on_staff(tx: sa.Connection, event: identity.StaffChanged) -> None:
    here: dict[str, Any] = {"school_id": event.school_id, "person_id": event.person_id}
    store.keep_staff(tx, **here, roles=event.roles, active=event.active)
    asking.left(tx, event)
    if not event.active or not permissions.may_record(event.roles):
        if not event.active:
            store.drop_subscriptions(tx, **here)
        take = store.empty_inbox if event.active else store.orphan  # a governor still opens what is kept to them
        for alert in take(tx, **here, now=clock.now()):  # incidents says who is told instead: a DSL may be a parent of the child it is about
            outbox.add(tx, AlertOrphaned, **here, subject=alert.id, incident_id=alert.incident_id, entry_id=alert.entry_id)
        return
    for alert in store.unread_since(tx, **here, since=event.at):  # recorded after the change, and heard of before it
        told = Recipient(person_id=event.person_id, because=alert.because, granted=alert.granted)
        if not telling.is_still_told(told, roles=event.roles, active=True, class_=Class.of(alert.class_code)):
            store.drop(tx, school_id=event.school_id, alert_id=alert.id, now=clock.now())
            outbox.add(tx, RecipientDropped, **here, subject=new_id(), incident_id=alert.incident_id, entry_id=alert.entry_id)


def _on_school(tx: sa.Connection, event: identity.SchoolChanged) -> None:
    store.keep_school(tx, school_id=event.school_id, zone=event.zone, day_ends_minute=event.day_ends_minute)
    asking.set_anew(tx, school_id=event.school_id)


def _on_recorded(tx: sa.Connection, events: Sequence[incidents.IncidentRecorded]) -> None:
    """Incidents were recorded: tell whom they are for, and begin to wait for somebody to lead each."""
    known = store.staff_with(tx, school_id=events[0].school_id, ids={to.person_id for event in events for to in event.recipients})
    alerts, mails = [], []
    for event in events:
        same: dict[str, Any] = {"kind": "incident", "at_risk_now": event.at_risk_now, "past": event.past}
        theirs = alerts_of(tx, event=event, recipients=event.recipients, known=known, **same)
        alerts += theirs[0]
        mails += theirs[1]
        if event.reached_nobody and not event.past:
            mails.append(reached_nobody(event))
    with database.together(tx):
        store.add(tx, school_id=events[0].school_id, alerts=alerts, mails=mails)
        asking.begin(tx, events)


def _on_added(tx: sa.Connection, event: incidents.ActionAdded) -> None:
    """Something was added: it may open the incident to others, or close it to some; tell whom it is for."""
    if event.raised_to:
        here: dict[str, Any] = {"school_id": event.school_id, "lost": event.lost_sight, "now": clock.now()}
        store.raise_class(tx, **here, entry_ids=event.raised or [event.incident_id], class_code=event.raised_to)
        store.add(tx, school_id=event.school_id, alerts=[], mails=[new_mail(person, kind="released", now=clock.now()) for person in event.released])
    elif event.lost_sight:  # it turned out to be about their own child
        store.withdraw(tx, school_id=event.school_id, incident_id=event.incident_id, people=event.lost_sight, now=clock.now())
    if event.lost_sight:
        asking.lost(tx, school_id=event.school_id, incident_id=event.incident_id, people=event.lost_sight, at=event.at)
    raise_alerts(tx, event=event, recipients=event.recipients, kind=event.kind, at_risk_now=event.at_risk_now, past=event.past)
    asking.go_on(tx, event)
    if event.reached_nobody and not event.past:
        store.add(tx, school_id=event.school_id, alerts=[], mails=[reached_nobody(event)])


def _on_missed(tx: sa.Connection, event: incidents.RecipientMissed) -> None:
    """Tell the Safeguarding team that somebody was not alerted, since their role had changed."""
    said: dict[str, Any] = {"by": event.person_id, "about": event.incident_id}
    mails = [new_mail(person, kind="missed", now=clock.now(), **said) for person in event.people]
    store.add(tx, school_id=event.school_id, alerts=[], mails=mails)


def _on_sight_lost(tx: sa.Connection, event: incidents.SightLost) -> None:
    store.withdraw(tx, school_id=event.school_id, incident_id=event.incident_id, people=event.people, now=clock.now())
    asking.lost(tx, school_id=event.school_id, incident_id=event.incident_id, people=event.people, at=event.at)


def _on_granted(tx: sa.Connection, event: incidents.RightGranted) -> None:
    """Alert them; who was alerted before and has lost sight since is alerted anew."""
    mail = new_mail(event.person_id, kind="alert", now=clock.now(), category=event.category, by=event.author_id, trace=event.trace)
    which: dict[str, Any] = {"school_id": event.school_id, "entry_id": event.entry_id, "person_id": event.person_id}
    if store.bring_back(tx, **which, class_code=event.class_code, mail=mail, again=False, now=clock.now()):
        return
    granted = Recipient(person_id=event.person_id, because=["named"], granted=True)
    raise_alerts(
        tx, event=event, recipients=[granted], kind="incident" if event.entry_id == event.incident_id else "action", at_risk_now=False, past=False
    )


def _on_passed_on(tx: sa.Connection, event: incidents.AlertPassedOn) -> None:
    because = ["named"] if event.granted is not False else [permissions.SAFEGUARDING_TEAM]
    instead = [Recipient(person_id=person, because=because, granted=event.granted) for person in event.people]
    raise_alerts(tx, event=event, recipients=instead, kind=event.kind, at_risk_now=False, past=False)


def _on_restricted(tx: sa.Connection, event: incidents.EntryRestricted) -> None:
    """Take the entries from everybody's inbox but that of the two they are kept to, and tell those, whatever their role opens.

    Also who was alerted before, whether they had read it or lost sight of it: that it is theirs to deal with now is news.
    """
    now = clock.now()
    store.withdraw_but(tx, school_id=event.school_id, entry_ids=event.entry_ids, people=event.kept_to, now=now)
    asking.keep(tx, event)
    known = store.staff_with(tx, school_id=event.school_id, ids=event.told)
    if len(known) < len(event.told):
        raise StaffNotKnownYet
    alerts, mails = [], []
    which: dict[str, Any] = {"school_id": event.school_id, "entry_id": event.entry_id, "class_code": event.class_code}
    kind = "incident" if event.entry_id == event.incident_id else "action"
    for person in event.told:
        mail = new_mail(person, kind="alert", now=now, category=event.category, by=event.author_id, trace=event.trace)
        if store.bring_back(tx, **which, person_id=person, mail=mail, again=True, now=now):
            continue
        alert = new_alert(event, person, kind=kind, because=["named"], granted=True)
        alerts.append(alert)
        mails.append(mail | {"alert_id": alert["id"]})
    store.add(tx, school_id=event.school_id, alerts=alerts, mails=mails)
    store.keep_to(tx, school_id=event.school_id, entry_id=event.entry_id, entry_ids=event.entry_ids, people=event.kept_to)


def _on_lifted(tx: sa.Connection, event: incidents.RestrictionLifted) -> None:
    store.keep_no_more(tx, school_id=event.school_id, entry_id=event.entry_id)
    asking.give_back(tx, event)


def _on_lead_taken(tx: sa.Connection, event: incidents.LeadTaken) -> None:
    asking.lead(tx, event)


def _on_status(tx: sa.Connection, event: incidents.StatusChanged) -> None:
    asking.stands(tx, event)


def _on_lead_offered(tx: sa.Connection, event: incidents.LeadOffered) -> None:
    """Tell whom a DSL asks to take over an incident."""
    mail = new_mail(event.person_id, kind="asked_lead", now=clock.now(), about=event.incident_id)
    store.add(tx, school_id=event.school_id, alerts=[], mails=[mail])


def _on_correction_asked(tx: sa.Connection, event: incidents.CorrectionAsked) -> None:
    mails = [new_mail(person, kind="correction_asked", now=clock.now()) for person in event.person_ids]
    store.add(tx, school_id=event.school_id, alerts=[], mails=mails)


def _on_correction_declined(tx: sa.Connection, event: incidents.CorrectionDeclined) -> None:
    store.add(tx, school_id=event.school_id, alerts=[], mails=[new_mail(event.asked_by, kind="correction_declined", now=clock.now())])


def _on_follow_up(tx: sa.Connection, event: incidents.FollowUpChanged) -> None:
    """Remind who is asked, as it stands now: what was to be sent before is not. Of what is nobody's, tell the DSLs and who asked."""
    here: dict[str, Any] = {"school_id": event.school_id}
    now = clock.now()
    said: dict[str, Any] = {"about": event.entry_id, "by": event.asked_by}
    store.stop_mails(tx, **here, kinds=reminding.KINDS, about=event.entry_id)
    mails = []
    if event.state == "open" and event.owner_id is not None:
        others = [person for person in event.leads if person != event.owner_id]
        is_school_day = partial(calendar.is_school_day, store.calendar_of(tx, **here))
        for kind, at in reminding.reminders(due_on=event.due_on, zone=event.zone, now=now, is_school_day=is_school_day):
            people = others if kind == "follow_up_late" else [event.owner_id]
            mails += [new_mail(person, kind=kind, now=at, **said) for person in people]
    elif event.state == "nobodys":
        known = store.staff_with(tx, **here, ids=[event.asked_by])
        asker = [event.asked_by] if event.asked_by in known and known[event.asked_by].active else []
        mails = [new_mail(person, kind="follow_up_nobodys", now=now, **said) for person in dict.fromkeys([*event.leads, *asker])]
    store.add(tx, **here, alerts=[], mails=mails)


def _on_draft_left(tx: sa.Connection, event: files.DraftLeft) -> None:
    """Remind the author; after a day tell the school's DSLs that a draft exists, not its words."""
    people = [event.author_id]
    if event.left_for == "a_day":
        people = store.staff_in_roles(tx, school_id=event.school_id, roles=permissions.SAFEGUARDING_LEADS)
    now = clock.now()
    mails = [new_mail(person, kind=f"draft_{event.left_for}", now=now) for person in people]
    store.add(tx, school_id=event.school_id, alerts=[], mails=mails)


def _on_paper(tx: sa.Connection, event: files.PaperWaiting) -> None:
    """Remind the school's DSLs that a paper form waits to be scanned; not of whom it is, nor what it says."""
    people = store.staff_in_roles(tx, school_id=event.school_id, roles=permissions.SAFEGUARDING_LEADS)
    store.add(tx, school_id=event.school_id, alerts=[], mails=[new_mail(person, kind="paper", now=clock.now()) for person in people])


def _on_report_waiting(tx: sa.Connection, event: reports.ReportWaiting) -> None:
    """Tell the DSLs that a report to governors waits for them; the chair of governors, or all of them, that it is late."""
    roles = {permissions.Role.GOVERNOR} if event.step == "chair" else permissions.SAFEGUARDING_LEADS
    people = store.staff_in_roles(tx, school_id=event.school_id, roles=roles)
    if event.step == "chair" and event.chair_id in people:
        people = [event.chair_id]
    mails = [new_mail(person, kind=f"report_{event.step}", now=clock.now(), about=event.report_id) for person in people]
    store.add(tx, school_id=event.school_id, alerts=[], mails=mails)


def _on_report_published(tx: sa.Connection, event: reports.ReportPublished) -> None:
    """Mail governors a link to what was published to them."""
    people = store.staff_in_roles(tx, school_id=event.school_id, roles={permissions.Role.GOVERNOR})
    mails = [new_mail(person, kind="report_published", now=clock.now(), about=event.report_id) for person in people]
    store.add(tx, school_id=event.school_id, alerts=[], mails=mails)


def _on_trust_report_waiting(tx: sa.Connection, event: reports.TrustReportWaiting) -> None:
    """Tell a trust's safeguarding lead that its report waits for them; who that is, identity says when it is sent."""
    wanted = new_mail(event.school_id, kind=f"trust_report_{event.step}", now=clock.now(), about=event.report_id)
    store.add(tx, school_id=event.school_id, alerts=[], mails=[wanted])


def _on_request_due(tx: sa.Connection, event: reports.RequestDue) -> None:
    """Tell the DSLs that a request for information is due; not who asks, nor for whom."""
    people = store.staff_in_roles(tx, school_id=event.school_id, roles=permissions.SAFEGUARDING_LEADS)
    mails = [new_mail(person, kind=f"request_{event.step}", now=clock.now(), about=event.subject) for person in people]
    store.add(tx, school_id=event.school_id, alerts=[], mails=mails)


def _on_document(tx: sa.Connection, event: reports.DocumentDone) -> None:
    """Mail who asked for a long document a link to it, or to why there is none."""
    mails = [new_mail(event.person_id, kind=f"document_{event.outcome}", now=clock.now(), about=event.subject)]
    store.add(tx, school_id=event.school_id, alerts=[], mails=mails)


def _on_letter(tx: sa.Connection, event: identity.LetterWanted) -> None:
    """Write about an account. A kind that only a newer release knows is left to it."""
    if event.kind in letters.KINDS:
        wanted = new_mail(event.person_id, kind=event.kind, now=clock.now(), about=event.about)
        store.add(tx, school_id=event.school_id, alerts=[], mails=[wanted])


def _on_head(tx: sa.Connection, event: incidents.HeadSigned) -> None:
    """Mail a signed head to the school's witnesses."""
    now = clock.now()
    mails = [new_mail(witness, kind=ledger_letters.WITNESS, now=now, about=event.head_id) for witness in event.witness_ids]
    store.add(tx, school_id=event.school_id, alerts=[], mails=mails)


def _on_altered(tx: sa.Connection, event: incidents.RecordAltered) -> None:
    """Tell the school's DSLs and the trust's IT that something is not as it was recorded."""
    now = clock.now()
    leads = store.staff_in_roles(tx, school_id=event.school_id, roles=permissions.SAFEGUARDING_LEADS)
    mails = [new_mail(person, kind=ledger_letters.ALTERED, now=now) for person in leads]
    mails.append(new_mail(event.school_id, kind=ledger_letters.ALTERED_IT, now=now))  # who they are, identity says when it is sent
    store.add(tx, school_id=event.school_id, alerts=[], mails=mails)


def _on_noted(tx: sa.Connection, event: incidents.AuditNoted) -> None:
    """Tell the DSLs of unusual reading; other than the reader, where there is another."""
    if event.kind in READING:
        leads = store.staff_in_roles(tx, school_id=event.school_id, roles=permissions.SAFEGUARDING_LEADS)
        now = clock.now()
        people = [person for person in leads if person != event.person_id] or leads
        store.add(tx, school_id=event.school_id, alerts=[], mails=[new_mail(person, kind=event.kind, now=now) for person in people])


def _on_glass_broken(tx: sa.Connection, event: incidents.GlassBroken) -> None:
    """Tell every DSL at once that the trust has opened a record. Which, they see where who read what is listed."""
    leads = store.staff_in_roles(tx, school_id=event.school_id, roles=permissions.SAFEGUARDING_LEADS)
    mails = [new_mail(person, kind="glass_broken", now=clock.now()) for person in leads]
    store.add(tx, school_id=event.school_id, alerts=[], mails=mails)


def _on_destroyed(tx: sa.Connection, event: incidents.ContentDestroyed) -> None:
    """Tell every DSL but the two who did it that content was destroyed: without a word of it, nor which."""
    leads = store.staff_in_roles(tx, school_id=event.school_id, roles=permissions.SAFEGUARDING_LEADS)
    now = clock.now()
    mails = [new_mail(person, kind="content_destroyed", now=now) for person in leads if person not in (event.by, event.proposed_by)]
    store.add(tx, school_id=event.school_id, alerts=[], mails=mails)


HANDLERS: inbox.Handlers = {
    identity.StaffChanged: _on_staff,
    identity.SchoolChanged: _on_school,
    incidents.IncidentRecorded: inbox.Together(_on_recorded),
    incidents.ActionAdded: _on_added,
    incidents.RightGranted: _on_granted,
    incidents.AlertPassedOn: _on_passed_on,
    incidents.SightLost: _on_sight_lost,
    incidents.RecipientMissed: _on_missed,
    incidents.EntryRestricted: _on_restricted,
    incidents.RestrictionLifted: _on_lifted,
    incidents.LeadTaken: _on_lead_taken,
    incidents.StatusChanged: _on_status,
    incidents.LeadOffered: _on_lead_offered,
    incidents.CorrectionAsked: _on_correction_asked,
    incidents.CorrectionDeclined: _on_correction_declined,
    incidents.FollowUpChanged: _on_follow_up,
    files.DraftLeft: _on_draft_left,
    files.PaperWaiting: _on_paper,
    identity.LetterWanted: _on_letter,
    incidents.HeadSigned: _on_head,
    incidents.RecordAltered: _on_altered,
    incidents.AuditNoted: _on_noted,
    incidents.GlassBroken: _on_glass_broken,
    incidents.ContentDestroyed: _on_destroyed,
    reports.ReportWaiting: _on_report_waiting,
    reports.ReportPublished: _on_report_published,
    reports.TrustReportWaiting: _on_trust_report_waiting,
    reports.RequestDue: _on_request_due,
    reports.DocumentDone: _on_document,
}
