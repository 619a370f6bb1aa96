"""One transaction: entry, rights, ledger."""

import base64
import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from safekeep import outbox, permissions, telemetry
from safekeep.actor import Actor
from safekeep.contracts.incidents import (
    AlertPassedOn,
    AuditKind,
    AuditNoted,
    Recipient,
    Recorded,
)
from safekeep.errors import Conflict
from safekeep.ids import new_id
from safekeep.permissions import Category, Class
from safekeep.receipts import Receipt
from services.incidents import ledger, recording, store


def write_entry(
    tx: sa.Connection,
    *,
    actor: Actor,
    head: store.Head,
    kind: str,
    incident_id: UUID,
    entry_id: UUID,
    class_: Class,
    text: str,
    facts: dict[str, Any],
    codes: list[str],
    plan: recording.AlertPlan,
    alert: Any,
    files: Sequence[Receipt],
    fingerprint: str,
    threads: list[ledger.PupilThread],
    now: datetime,
    occurred: tuple[datetime | None, str],
    number: str,
    opens_earlier: bool = True,
) -> str:
    """Write an entry with its place in the ledger, the reading rights of those told, and the requests to a DSL.

    Who is told of it may read earlier entries of no higher class too, unless `opens_earlier` says that they are told of this one alone.
    """
    school_id = actor.at_school
    role = main_role(actor.roles)
    kept_files = [{"id": str(f.file_id), "sha256": f.sha256, "size": f.size, "media_type": f.media_type} for f in files]
    recipients = [{name: value for name, value in r.wire().items() if name != "granted"} for r in plan.recipients]  # the ledger's format is final
    fields = ledger.entry_fields(
        author_name=actor.name,
        author_role=role,
        number=number,
        class_code=class_.code,
        categories=codes,
        text=text,
        occurred_at=occurred[0],
        occurred_precision=occurred[1],
        recipients=recipients,
        files=kept_files,
        facts=facts,
    )
    place = ledger.append(
        school_id=school_id,
        sequence=head.sequence + 1,
        at=now,
        author_id=actor.person,
        kind=kind,
        incident_id=incident_id,
        entry_id=entry_id,
        fields=fields,
        pupils=threads,
        previous=head.hash,
        salts=_salts(len(fields) + len(threads)),
    )
    reasons = {str(p): reason for p, reason in alert.reasons.items()} | recording.reasons_of(plan, alert) if alert else {}
    told = [
        store.Right(p, granted_by=actor.person if p in plan.granted else None, reason=reasons.get(str(p), ""))
        for p in (recipient.person_id for recipient in plan.recipients)
    ]
    store.add_entry(
        tx,
        school_id=school_id,
        incident_id=incident_id,
        entry_id=entry_id,
        place=place,
        pupil_ids=[thread.pupil_id for thread in threads],
        kind=kind,
        class_=class_,
        author=(actor.person, actor.name, role),
        now=now,
        occurred=occurred,
        text=text,
        facts=facts,
        categories=codes,
        recipients=recipients,
        files=kept_files,
        fingerprint=fingerprint,
        told=told if opens_earlier else [],
    )
    if not opens_earlier:
        store.give_right_to_one(tx, school_id=school_id, entry_id=entry_id, class_=class_, people=[right.person_id for right in told], now=now)
    asks = [
        {
            "school_id": school_id,
            "id": new_id(),
            "incident_id": incident_id,
            "entry_id": entry_id,
            "person_id": p,
            "asked_by": actor.person,
            "asked_at": now,
            "for_group": plan.group_asks.get(p, ""),
        }
        for p in (*plan.asks, *plan.group_asks)
    ]
    store.add_asks(tx, rows=asks)
    return place.hash


def write_place(
    tx: sa.Connection,
    *,
    actor: Actor,
    kind: str,
    incident_id: UUID,
    entry_id: UUID,
    fields: dict[str, Any],
    parts: dict[UUID, str],
    now: datetime,
) -> str:
    """Give what is no entry of its own (a grant, a flag, a disclosure) its place in the school's ledger; return its hash.

    `parts` are the pupils in whose threads it stands, with their part. What belongs to no incident has its own id as `incident_id` too.
    Takes the lock of the chain, so what the caller reads before may have changed: lock first (`store.lock_head`) where that matters.
    """
    head = store.lock_head(tx, school_id=actor.at_school)
    threads = store.threads_of(tx, school_id=actor.at_school, parts=parts)
    place = ledger.append(
        school_id=actor.at_school,
        sequence=head.sequence + 1,
        at=now,
        author_id=actor.person,
        kind=kind,
        incident_id=incident_id,
        entry_id=entry_id,
        fields=fields,
        pupils=threads,
        previous=head.hash,
        salts=_salts(len(fields) + len(threads)),
        keep_values=True,
    )
    store.append_to_ledger(tx, school_id=actor.at_school, entry=place, pupil_ids=list(parts))
    return place.hash


def _salts(count: int) -> list[str]:
    return [base64.b64encode(os.urandom(16)).decode() for _ in range(count)]


def said_of(
    *,
    actor: Actor,
    incident_id: UUID,
    entry_id: UUID,
    categories: Sequence[Category],
    class_: Class,
    parts: dict[UUID, str],
    plan: recording.AlertPlan,
    files: Sequence[Receipt],
    past: bool,
) -> dict[str, Any]:
    """What both kinds of entry say in their event."""
    return {
        "incident_id": incident_id,
        "entry_id": entry_id,
        "author_id": actor.person,
        "category": recording.main_category(categories),
        "categories": [c.code for c in categories],
        "class_code": class_.code,
        "pupil_ids": list(parts),
        "recipients": plan.recipients,
        "reached_nobody": plan.reaches_nobody,
        "file_ids": [f.file_id for f in files],
        "past": past,
        "trace": telemetry.trace.get(),
    }


def category_of(tx: sa.Connection, *, school: recording.School, incident: Any, entry: Any) -> str:
    """Return the category that is named to whoever is told of an entry: of one that keeps a lower class than its incident has, none given later."""
    codes = incident.categories
    if entry._mapping["class"] < incident._mapping["class"]:
        account = store.entry_with(tx, school_id=incident.school_id, entry_id=incident.id)
        assert account is not None, "an incident's first entry has its id"
        codes = entry.categories or account.categories
    return recording.main_category([school.categories[code] for code in codes if code in school.categories])


def pass_on(
    tx: sa.Connection, *, school_id: UUID, school: recording.School, incident_id: UUID, entry_id: UUID, people: Sequence[UUID], stand_in: bool
) -> None:
    """Have these people alerted to an entry in place of others. They read it by their role; or (`stand_in`) stand in for those, or keep it."""
    entry = store.entry_with(tx, school_id=school_id, entry_id=entry_id)
    incident = store.incident_with(tx, school_id=school_id, incident_id=incident_id)
    assert entry is not None, "passed on is what was recorded"
    assert incident is not None, "passed on is what was recorded"
    categories = [school.categories[code] for code in entry.categories or incident.categories if code in school.categories]
    if people and categories:
        outbox.add(
            tx,
            AlertPassedOn,
            school_id=school_id,
            subject=incident_id,
            incident_id=incident_id,
            entry_id=entry_id,
            author_id=entry.author_id,
            kind=entry.kind,
            category=recording.main_category(categories),
            class_code=Class(entry._mapping["class"]).code,
            people=people,
            granted=stand_in,
        )


def note(
    tx: sa.Connection, *, school_id: UUID, kind: AuditKind, person_id: UUID | None = None, by: UUID | None = None, what: str | None = None
) -> None:
    """Have a line written in the school's audit log."""
    outbox.add(tx, AuditNoted, school_id=school_id, subject=new_id(), kind=kind, person_id=person_id, by=by, what=what)


def answer_again(tx: sa.Connection, *, actor: Actor, entry_id: UUID, fingerprint: str) -> Recorded:
    """Return what the first run answered, for an id that was recorded before. Raises Conflict for anything else under it."""
    row = store.entry_with(tx, school_id=actor.at_school, entry_id=entry_id)
    assert row is not None
    if row.author_id != actor.person:
        raise Conflict("id_taken")
    if row.fingerprint != fingerprint:
        raise Conflict("other_content")
    asks = store.open_asks(tx, school_id=actor.at_school, incident_id=row.incident_id)
    asked = sum(1 for ask in asks if ask.entry_id == entry_id and not ask.for_group)
    opens = permissions.highest_class_read(actor.roles)
    return Recorded(
        id=row.id,
        entry_id=row.id,
        number=row.number,
        recorded_at=row.recorded_at,
        entry_hash=row.entry_hash,
        recipients=recording.seen_by([Recipient.receive(r) for r in row.recipients], me=actor.person, opens=opens),
        asked_dsl=asked,
    )


_ROLE_ORDER = list(permissions.Role)


def main_role(roles: frozenset[str]) -> str:
    """The role shown beside what a person wrote: their first in the order of the permission table."""
    return next((role.value for role in _ROLE_ORDER if role in roles), "")
