"""Queries about single sign-on, machines and jobs for people. In scope sign_in, or at one school."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from services.identity.store import address_changes, jobs, machine_tokens, machines, people, provider_links, providers, sessions, sign_ons

# --- providers -------------------------------------------------------------------------------------------------------------


def active_providers(tx: sa.Connection) -> Sequence[sa.Row[Any]]:
    """Return every provider somebody can sign in with, in order of name."""
    return tx.execute(sa.select(providers).where(providers.c.active).order_by(providers.c.name, providers.c.id)).all()


def provider(tx: sa.Connection, *, id: UUID, hold: bool = False) -> sa.Row[Any] | None:
    """Return a provider that was not removed; `hold`: it stays as it is until the transaction ends."""
    query = sa.select(providers).where(providers.c.id == id, providers.c.active)
    return tx.execute(query.with_for_update(read=True) if hold else query).first()


def providers_of(tx: sa.Connection, *, trust_id: UUID, school_id: UUID | None) -> Sequence[sa.Row[Any]]:
    """Return a trust's providers; with `school_id` those that its people may use."""
    query = sa.select(providers).where(providers.c.trust_id == trust_id, providers.c.active)
    if school_id is not None:
        query = query.where(sa.or_(providers.c.school_id.is_(None), providers.c.school_id == school_id))
    return tx.execute(query.order_by(providers.c.name, providers.c.id)).all()


def keep_provider(tx: sa.Connection, *, id: UUID, **values: Any) -> None:
    """Add a provider, or change it."""
    insert = pg.insert(providers).values(id=id, **values)
    tx.execute(insert.on_conflict_do_update(index_elements=["id"], set_={k: v for k, v in values.items() if k != "made_at"}))


def remove_provider(tx: sa.Connection, *, id: UUID, now: datetime) -> list[UUID]:
    """Remove a provider with its links, and end the sessions made with it. Returns their ids."""
    tx.execute(providers.update().where(providers.c.id == id).values(active=False))
    return drop_links(tx, provider_id=id, now=now)


def drop_links(tx: sa.Connection, *, provider_id: UUID, now: datetime) -> list[UUID]:
    """Forget whom a provider knows, and whoever is on the way to it, and end the sessions made with it. Returns their ids."""
    tx.execute(sign_ons.delete().where(sign_ons.c.provider_id == provider_id))
    tx.execute(provider_links.delete().where(provider_links.c.provider_id == provider_id))
    change = sessions.update().where(sessions.c.provider_id == provider_id, sessions.c.ended_at.is_(None))
    return list(tx.execute(change.values(ended_at=now).returning(sessions.c.id)).scalars())


# --- who is linked -----------------------------------------------------------------------------------------------------------


def link_of(tx: sa.Connection, *, provider_id: UUID, subject: str) -> sa.Row[Any] | None:
    """Return whose account the provider's subject is."""
    mine = provider_links.c.provider_id == provider_id, provider_links.c.subject == subject
    return tx.execute(sa.select(provider_links).where(*mine)).first()


def links_of(tx: sa.Connection, *, provider_ids: Sequence[UUID]) -> Sequence[sa.Row[Any]]:
    """Return who is linked, with names, in order of name."""
    query = sa.select(provider_links, people.c.name, people.c.email).join(people, people.c.id == provider_links.c.person_id)
    return tx.execute(query.where(provider_links.c.provider_id.in_(provider_ids)).order_by(people.c.name)).all()


def link(tx: sa.Connection, *, provider_id: UUID, subject: str, person_id: UUID, now: datetime) -> bool:
    """Link a subject to a person; False when the provider knows the person by another subject already."""
    values = {"provider_id": provider_id, "subject": subject, "person_id": person_id, "linked_at": now, "last_used_at": now}
    insert = pg.insert(provider_links).values(**values).on_conflict_do_nothing().returning(provider_links.c.person_id)
    return tx.execute(insert).first() is not None


def link_used(tx: sa.Connection, *, provider_id: UUID, subject: str, now: datetime) -> None:
    """Keep when a link was last used."""
    mine = provider_links.c.provider_id == provider_id, provider_links.c.subject == subject
    tx.execute(provider_links.update().where(*mine).values(last_used_at=now))


def keep_given(tx: sa.Connection, *, provider_id: UUID, subject: str, given: dict[str, list[str]]) -> None:
    """Keep which roles the provider's claims gave a person, by school."""
    mine = provider_links.c.provider_id == provider_id, provider_links.c.subject == subject
    tx.execute(provider_links.update().where(*mine).values(given=given))


def unlink(tx: sa.Connection, *, provider_id: UUID, person_id: UUID) -> bool:
    """Forget a person's link; False when there was none."""
    theirs = provider_links.c.provider_id == provider_id, provider_links.c.person_id == person_id
    return bool(tx.execute(provider_links.delete().where(*theirs)).rowcount)


# --- sign-ins under way --------------------------------------------------------------------------------------------------------


def begin_sign_on(tx: sa.Connection, **values: Any) -> None:
    """Keep what a sign-in that was begun will be held against."""
    tx.execute(sign_ons.insert().values(**values))


def take_sign_on(tx: sa.Connection, *, state_hash: bytes, now: datetime) -> sa.Row[Any] | None:
    """Return a sign-in that was begun and forget it: each is finished once. None when it is unknown, used, or too old."""
    row = tx.execute(sign_ons.delete().where(sign_ons.c.state_hash == state_hash).returning(sign_ons)).first()
    return row if row and row.ends_at > now else None


def tidy(tx: sa.Connection, *, now: datetime) -> None:
    """Remove sign-ins that nobody finished, tokens that have run out, and jobs that are over."""
    tx.execute(jobs.delete().where(jobs.c.ends_at < now))
    tx.execute(sign_ons.delete().where(sign_ons.c.ends_at < now))
    tx.execute(machine_tokens.delete().where(machine_tokens.c.ends_at < now))


# --- changes of an address -------------------------------------------------------------------------------------------------------


def address_waiting(tx: sa.Connection, *, school_id: UUID, person_id: UUID) -> sa.Row[Any] | None:
    """Return the change of a person's address that waits for a DSL, locked."""
    return tx.execute(sa.select(address_changes).where(*_waiting(school_id, person_id)).with_for_update()).first()


def add_address_change(tx: sa.Connection, **values: Any) -> None:
    """Keep that a change was asked for."""
    tx.execute(address_changes.insert().values(**values))


def drop_address_changes(tx: sa.Connection, *, school_id: UUID, person_id: UUID, now: datetime) -> None:
    """What waited is no longer wanted: declined, or asked for anew."""
    tx.execute(address_changes.update().where(*_waiting(school_id, person_id)).values(ended_at=now))


def confirm_address_change(tx: sa.Connection, *, school_id: UUID, person_id: UUID, by_id: UUID, now: datetime) -> sa.Row[Any]:
    """Confirm what waits, and return it."""
    change = address_changes.update().where(*_waiting(school_id, person_id)).values(ended_at=now, confirmed_by=by_id)
    return tx.execute(change.returning(address_changes)).one()


def address_change(tx: sa.Connection, *, person_id: UUID, id: UUID) -> sa.Row[Any] | None:
    """Return a change of a person's address."""
    return tx.execute(sa.select(address_changes).where(address_changes.c.person_id == person_id, address_changes.c.id == id)).first()


def _waiting(school_id: UUID, person_id: UUID) -> tuple[sa.ColumnElement[bool], ...]:
    return address_changes.c.school_id == school_id, address_changes.c.person_id == person_id, address_changes.c.ended_at.is_(None)


# --- machines ------------------------------------------------------------------------------------------------------------------


def machines_of(tx: sa.Connection, *, school_id: UUID | None = None, trust_id: UUID | None = None) -> Sequence[sa.Row[Any]]:
    """Return the machines of a school, or of a trust itself, newest first."""
    here = _at(school_id=school_id, trust_id=trust_id)
    return tx.execute(sa.select(machines).where(here).order_by(machines.c.made_at.desc(), machines.c.id)).all()


def _at(*, school_id: UUID | None, trust_id: UUID | None) -> sa.ColumnElement[bool]:
    return machines.c.trust_id == trust_id if school_id is None else machines.c.school_id == school_id


def machine(tx: sa.Connection, *, id: UUID) -> sa.Row[Any] | None:
    """Return a machine."""
    return tx.execute(sa.select(machines).where(machines.c.id == id)).first()


def add_machine(tx: sa.Connection, **values: Any) -> None:
    """Keep a new machine."""
    tx.execute(machines.insert().values(**values))


def revoke_machine(tx: sa.Connection, *, id: UUID, now: datetime, school_id: UUID | None = None, trust_id: UUID | None = None) -> bool:
    """Revoke a machine's credentials and tokens; False when there is none that was not revoked."""
    theirs = _at(school_id=school_id, trust_id=trust_id), machines.c.id == id, machines.c.revoked_at.is_(None)
    done = bool(tx.execute(machines.update().where(*theirs).values(revoked_at=now)).rowcount)
    if done:
        tx.execute(machine_tokens.delete().where(machine_tokens.c.machine_id == id))
    return done


def machine_used(tx: sa.Connection, *, id: UUID, now: datetime) -> None:
    """Keep when a machine was last used."""
    tx.execute(machines.update().where(machines.c.id == id).values(last_used_at=now))


def add_token(tx: sa.Connection, **values: Any) -> None:
    """Keep a machine's token, as a hash."""
    tx.execute(machine_tokens.insert().values(**values))


def token_with(tx: sa.Connection, *, token_hash: bytes) -> sa.Row[Any] | None:
    """Return a token with its machine's school or trust, and times."""
    columns = machines.c.school_id, machines.c.trust_id, machines.c.revoked_at, machines.c.last_used_at, machines.c.ends_at.label("machine_ends_at")
    query = sa.select(machine_tokens, *columns).join(machines, machines.c.id == machine_tokens.c.machine_id)
    return tx.execute(query.where(machine_tokens.c.token_hash == token_hash)).first()


# --- jobs for a person -----------------------------------------------------------------------------------------------------------


def begin_job(tx: sa.Connection, **values: Any) -> None:
    """Keep who asked for a job; one with this id stays as it was."""
    tx.execute(pg.insert(jobs).values(**values).on_conflict_do_nothing())


def job(tx: sa.Connection, *, id: UUID) -> sa.Row[Any] | None:
    """Return a job."""
    return tx.execute(sa.select(jobs).where(jobs.c.id == id)).first()
