"""Queries about accounts: people, sign-in, sessions, second factors, codes, links. In scope sign_in, or as one person."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from services.identity.store import (
    attempts,
    audit,
    challenges,
    codes,
    factors,
    links,
    memberships,
    old_passwords,
    password_asks,
    people,
    policies,
    providers,
    revocations,
    schools,
    sessions,
    sign_in_failures,
    trust_memberships,
    trusts,
)

_AT_SCHOOL = sa.text("select set_config('safekeep.school_id', :id, true)")
_AS_PERSON = sa.text("select set_config('safekeep.person_id', :id, true)")
_THERE = sa.func.cardinality(trust_memberships.c.roles) + sa.func.cardinality(trust_memberships.c.waiting_roles) > 0
"""Whether somebody's place at a trust is one: who has left keeps a row without a role."""


def account(tx: sa.Connection, *, email: str) -> sa.Row[Any] | None:
    """Return the account with this address."""
    return tx.execute(sa.select(people).where(people.c.email == email)).first()


def person(tx: sa.Connection, *, person_id: UUID, lock: bool = False) -> sa.Row[Any] | None:
    """Return an account by its id."""
    query = sa.select(people).where(people.c.id == person_id)
    return tx.execute(query.with_for_update() if lock else query).first()


def add_person(tx: sa.Connection, **values: Any) -> None:
    """Keep a new account."""
    tx.execute(people.insert().values(**values))


def is_demo(tx: sa.Connection, *, person_id: UUID | None) -> bool:
    """Whether it is somebody of the demonstration: what they make is part of it, and ends with it."""
    return bool(tx.execute(sa.select(people.c.demo).where(people.c.id == person_id)).scalar()) if person_id else False


def close_person(tx: sa.Connection, *, person_id: UUID, now: datetime) -> None:
    """Close the account: nobody signs in with it."""
    tx.execute(people.update().where(people.c.id == person_id).values(closed_at=now))


def reopen_person(tx: sa.Connection, *, person_id: UUID) -> None:
    """Open a closed account again; its old password is void."""
    tx.execute(people.update().where(people.c.id == person_id, people.c.closed_at.is_not(None)).values(closed_at=None, password_hash=None))


def about(tx: sa.Connection, *, person_ids: Collection[UUID]) -> dict[UUID, sa.Row[Any]]:
    """Return, by person, whether they have a password and when they were last seen."""
    seen = sa.select(sa.func.max(sessions.c.last_seen_at)).where(sessions.c.person_id == people.c.id).scalar_subquery()
    query = sa.select(people.c.id, people.c.password_hash.is_not(None).label("has_password"), seen.label("last_seen_at"))
    return {row.id: row for row in tx.execute(query.where(people.c.id.in_(person_ids)))}


# --- passwords and guessing ---------------------------------------------------------------------------------------------


def set_password(tx: sa.Connection, *, person_id: UUID, password_hash: str, now: datetime, history_id: UUID, keep: int) -> None:
    """Set the password and keep the one before among the last `keep`."""
    before = sa.select(sa.literal(history_id, pg.UUID), people.c.id, people.c.password_hash, sa.literal(now))
    before = before.where(people.c.id == person_id, people.c.password_hash.is_not(None))
    tx.execute(old_passwords.insert().from_select(["id", "person_id", "password_hash", "replaced_at"], before))
    tx.execute(people.update().where(people.c.id == person_id).values(password_hash=password_hash, password_set_at=now))
    latest = sa.select(old_passwords.c.id).where(old_passwords.c.person_id == person_id).order_by(old_passwords.c.replaced_at.desc()).limit(keep)
    tx.execute(old_passwords.delete().where(old_passwords.c.person_id == person_id, old_passwords.c.id.not_in(latest)))


def rehash(tx: sa.Connection, *, person_id: UUID, password_hash: str) -> None:
    """Keep the same password under newer parameters."""
    tx.execute(people.update().where(people.c.id == person_id).values(password_hash=password_hash))


def password_hashes(tx: sa.Connection, *, person_id: UUID, last: int) -> list[str]:
    """Return the hashes of the password now and of those before it, `last` at most."""
    now = tx.execute(sa.select(people.c.password_hash).where(people.c.id == person_id)).scalar()
    old = sa.select(old_passwords.c.password_hash).where(old_passwords.c.person_id == person_id).order_by(old_passwords.c.replaced_at.desc())
    return [found for found in [now, *tx.execute(old.limit(last)).scalars()] if found][:last]


def hold_attempts(tx: sa.Connection, *, email: str) -> None:
    """Until the transaction ends nobody else counts this account's attempts: those that come together see each other."""
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"attempts {email}", 0))))


def failures(
    tx: sa.Connection, *, since: datetime, email: str | None = None, address: str | None = None, under_way: bool = False
) -> tuple[int, datetime | None]:
    """Return how often sign-in failed since for this account, or from this address, or (both) for it from there; and when last.

    `under_way`: what is being tried counts as well.
    """
    which = [attempts.c.email == email] * (email is not None) + [attempts.c.address == address] * (address is not None)
    which += [attempts.c.failed] * (not under_way)
    query = sa.select(sa.func.count(), sa.func.max(attempts.c.failed_at)).where(*which, attempts.c.failed_at > since)
    count, latest = tx.execute(query).one()
    return count, latest


def add_failure(tx: sa.Connection, *, id: UUID, email: str, address: str, now: datetime) -> None:
    """Keep that a sign-in failed."""
    tx.execute(attempts.insert().values(id=id, email=email, address=address, failed_at=now))


def begin_attempt(tx: sa.Connection, *, id: UUID, email: str, address: str, now: datetime) -> None:
    """Count for the account, from now on, what is only going to be tried: it takes a while, and no lock is held meanwhile."""
    tx.execute(attempts.insert().values(id=id, email=email, address=address, failed_at=now, failed=False))


def attempt_failed(tx: sa.Connection, *, id: UUID) -> None:
    """What was tried was wrong."""
    tx.execute(attempts.update().where(attempts.c.id == id).values(failed=True))


def forget_attempt(tx: sa.Connection, *, id: UUID) -> None:
    """What was tried was right."""
    tx.execute(attempts.delete().where(attempts.c.id == id))


def add_sign_in_failure(tx: sa.Connection, *, attempt_id: UUID, id: UUID, who: str, now: datetime) -> None:
    """Keep that a sign-in failed, for counting and for telling: the same for an address that nobody has."""
    attempt_failed(tx, id=attempt_id)
    tx.execute(sign_in_failures.insert().values(id=id, who=who, failed_at=now))


def take_sign_in_failures(tx: sa.Connection, *, limit: int) -> Sequence[sa.Row[Any]]:
    """Take the failed sign-ins that nobody was told of, oldest first."""
    due = sa.select(sign_in_failures.c.id).order_by(sign_in_failures.c.failed_at, sign_in_failures.c.id).limit(limit)
    taken = sign_in_failures.delete().where(sign_in_failures.c.id.in_(due.with_for_update(skip_locked=True)))
    return sorted(tx.execute(taken.returning(sign_in_failures)).all(), key=lambda row: (row.failed_at, row.id))


def forget_failures(tx: sa.Connection, *, email: str) -> None:
    """A sign-in succeeded: the failures before it no longer count. What is still being tried does, if it is wrong."""
    tx.execute(attempts.delete().where(attempts.c.email == email, attempts.c.failed))


def ask_password(tx: sa.Connection, *, id: UUID, email: str, now: datetime) -> None:
    """Keep that somebody asked for a link, whether or not the address is known."""
    tx.execute(password_asks.insert().values(id=id, email=email, asked_at=now))


def take_password_asks(tx: sa.Connection, *, limit: int) -> list[str]:
    """Take the addresses that wait for a link."""
    due = sa.select(password_asks.c.id).order_by(password_asks.c.asked_at).limit(limit).with_for_update(skip_locked=True)
    return list(tx.execute(password_asks.delete().where(password_asks.c.id.in_(due)).returning(password_asks.c.email)).scalars())


def told_of_attack(tx: sa.Connection, *, person_id: UUID, since: datetime) -> bool:
    """Whether the attack on this account was told already."""
    told = audit.c.person_id == person_id, audit.c.kind == "attacked", audit.c.at > since
    return tx.execute(sa.select(audit.c.id).where(*told).limit(1)).first() is not None


def links_sent(tx: sa.Connection, *, person_id: UUID, since: datetime) -> int:
    """Return how many links this person was sent because somebody asked."""
    sent = audit.c.person_id == person_id, audit.c.kind == "link_asked", audit.c.at > since
    return tx.execute(sa.select(sa.func.count(sa.distinct(audit.c.at))).where(*sent)).scalar_one()


def tidy_attempts(tx: sa.Connection, *, before: datetime) -> None:
    """Remove failures that no longer count."""
    tx.execute(attempts.delete().where(attempts.c.failed_at < before))


_DUE = sa.text(
    "select p.id from people p left join change_days_by_person() d on d.person_id = p.id "
    "where p.closed_at is null and p.password_hash is not null and (p.reminded_at is null or p.reminded_at < p.password_set_at) "
    "and case when d.person_id is null then :otherwise else d.days end is not null "
    "and p.password_set_at + make_interval(days => case when d.person_id is null then :otherwise else d.days end) between :now and :until "
    "order by p.id limit :limit for update of p skip locked"
)


def passwords_due(tx: sa.Connection, *, now: datetime, until: datetime, otherwise: int, limit: int) -> list[UUID]:
    """Return whose password has to be changed by then and who was not told; `otherwise`: the days for somebody at no school."""
    return list(tx.execute(_DUE, {"now": now, "until": until, "otherwise": otherwise, "limit": limit}).scalars())


def reminded(tx: sa.Connection, *, person_id: UUID, now: datetime) -> None:
    """Keep that the person was told."""
    tx.execute(people.update().where(people.c.id == person_id).values(reminded_at=now))


# --- sessions --------------------------------------------------------------------------------------------------------------


def add_session(tx: sa.Connection, **values: Any) -> None:
    """Keep a new session."""
    tx.execute(sessions.insert().values(**values))


def session_with(tx: sa.Connection, *, token_hash: bytes, lock: bool = False) -> sa.Row[Any] | None:
    """Return the session and its person."""
    columns = people.c.name, people.c.email, people.c.demo, people.c.password_hash, people.c.password_set_at, people.c.closed_at
    via = providers.c.school_id.label("via_school"), providers.c.trust_id.label("via_trust")
    query = sa.select(sessions, *columns, *via).join(people, people.c.id == sessions.c.person_id)
    query = query.outerjoin(providers, providers.c.id == sessions.c.provider_id).where(sessions.c.token_hash == token_hash)
    return tx.execute(query.with_for_update(of=sessions) if lock else query).first()


def change_session(tx: sa.Connection, *, id: UUID, **values: Any) -> None:
    """Change a session: seen, locked, proved, ended, a new token."""
    tx.execute(sessions.update().where(sessions.c.id == id).values(**values))


def seen(tx: sa.Connection, when: dict[UUID, datetime], *, ahead: timedelta) -> None:
    """Keep when people were at their sessions: of live ones, and not so much later than was known that the session had locked meanwhile."""
    columns = sa.column("id", pg.UUID), sa.column("at", sa.DateTime(timezone=True))
    news = sa.values(*columns, name="news").data([(id_, at) for id_, at in sorted(when.items())])
    live = sessions.c.id == news.c.id, sessions.c.ended_at.is_(None), sessions.c.locked_at.is_(None)
    later = news.c.at > sessions.c.last_seen_at, news.c.at <= sessions.c.last_seen_at + ahead
    tx.execute(sessions.update().where(*live, *later).values(last_seen_at=news.c.at))


def session_of(tx: sa.Connection, *, person_id: UUID, id: UUID) -> sa.Row[Any] | None:
    """Return one of a person's sessions, whatever its state."""
    return tx.execute(sa.select(sessions).where(sessions.c.person_id == person_id, sessions.c.id == id)).first()


def live_sessions(tx: sa.Connection, *, person_id: UUID, since: datetime) -> Sequence[sa.Row[Any]]:
    """Return the person's sessions that have not ended, newest first."""
    theirs = sessions.c.person_id == person_id, sessions.c.ended_at.is_(None), sessions.c.created_at > since
    return tx.execute(sa.select(sessions).where(*theirs).order_by(sessions.c.last_seen_at.desc())).all()


def end_sessions(
    tx: sa.Connection, *, person_id: UUID, now: datetime, only: UUID | None = None, but: UUID | None = None, factor_id: UUID | None = None
) -> list[UUID]:
    """End a person's sessions: all, or one, or all but one, or those made with a key. Returns their ids."""
    change = sessions.update().where(sessions.c.person_id == person_id, sessions.c.ended_at.is_(None))
    if only:
        change = change.where(sessions.c.id == only)
    if but:
        change = change.where(sessions.c.id != but)
    if factor_id:
        change = change.where(sa.or_(sessions.c.factor_id == factor_id, sessions.c.stepped_with == factor_id))
    return list(tx.execute(change.values(ended_at=now).returning(sessions.c.id)).scalars())


def end_unvouched_sessions(tx: sa.Connection, *, person_id: UUID, now: datetime, vouched: Collection[UUID], but: UUID | None = None) -> list[UUID]:
    """End a person's sessions that got past the second factor with none of the `vouched` keys, nor with a pass given in person. Returns their ids.

    What a provider's word alone brought past it stays: that word counts no longer, and they are asked for a key of ours.
    """
    theirs = sessions.c.person_id == person_id, sessions.c.ended_at.is_(None), sessions.c.met.is_(False), sessions.c.id.is_distinct_from(but)
    past = sa.or_(sessions.c.second_factor_at.is_not(None), sessions.c.recovering)
    used = sessions.c.factor_id, sessions.c.stepped_with
    with_one = [sa.func.coalesce(column.in_(vouched), sa.false()) for column in used]
    by_word = sa.and_(sessions.c.provider_id.is_not(None), sessions.c.recovering.is_(False), *(column.is_(None) for column in used))
    change = sessions.update().where(*theirs, past, sa.not_(sa.or_(*with_one, by_word)))
    return list(tx.execute(change.values(ended_at=now).returning(sessions.c.id)).scalars())


def revoke(tx: sa.Connection, *, now: datetime, rows: Sequence[tuple[UUID, UUID | None, UUID | None]]) -> None:
    """Keep what every gateway must forget: rows of (id, session, person)."""
    if rows:
        tx.execute(revocations.insert(), [{"id": i, "at": now, "session_id": s, "person_id": p} for i, s, p in rows])


def revoked_since(tx: sa.Connection, *, since: datetime) -> Sequence[Any]:
    """Return what was revoked since."""
    return tx.execute(sa.select(revocations.c.id, revocations.c.session_id, revocations.c.person_id).where(revocations.c.at > since)).all()


def forget_revocations(tx: sa.Connection, *, before: datetime) -> None:
    """Remove what every gateway has long heard."""
    tx.execute(revocations.delete().where(revocations.c.at < before))


def has_signed_in(tx: sa.Connection, *, person_id: UUID, device: str | None = None) -> bool:
    """Whether the person has signed in before at all, or (`device`) as a program that said it was this."""
    before = [sessions.c.person_id == person_id]
    if device is not None:
        before += [sessions.c.is_program, sessions.c.device == device]
    return tx.execute(sa.select(sessions.c.id).where(*before).limit(1)).first() is not None


def places_of(tx: sa.Connection, *, person_id: UUID) -> Sequence[sa.Row[Any]]:
    """Return the schools (with their policy) and trusts where a person has roles, in order of name; the transaction looks as that person."""
    tx.execute(_AS_PERSON, {"id": str(person_id)})
    at_school = (
        sa.select(
            schools.c.school_id.label("id"),
            schools.c.slug,
            schools.c.name,
            memberships.c.roles,
            memberships.c.waiting_roles,
            sa.false().label("is_trust"),
            schools.c.trust_id,
            policies,
        )
        .join(schools, schools.c.school_id == memberships.c.school_id)
        .outerjoin(policies, policies.c.school_id == schools.c.school_id)
        .where(memberships.c.person_id == person_id, memberships.c.active)
    )
    at_trust = (
        sa.select(
            trusts.c.id,
            trusts.c.slug,
            trusts.c.name,
            trust_memberships.c.roles,
            trust_memberships.c.waiting_roles,
            sa.true().label("is_trust"),
            trusts.c.id.label("trust_id"),
        )
        .join(trusts, trusts.c.id == trust_memberships.c.trust_id)
        .where(trust_memberships.c.person_id == person_id, _THERE)
    )
    rows: list[sa.Row[Any]] = [*tx.execute(at_school), *tx.execute(at_trust)]
    return sorted(rows, key=lambda row: row.name)


def trust_people_with(tx: sa.Connection, *, trust_id: UUID, role: str) -> Sequence[sa.Row[Any]]:
    """Return the people of a trust who have this role there. In scope sign_in."""
    query: sa.Select[Any] = sa.select(people).join(trust_memberships, trust_memberships.c.person_id == people.c.id)
    here = trust_memberships.c.trust_id == trust_id, trust_memberships.c.roles.contains([role]), people.c.closed_at.is_(None)
    return tx.execute(query.where(*here).order_by(people.c.id)).all()


def trust_people(tx: sa.Connection, *, trust_id: UUID, only: UUID | None = None, lock: bool = False) -> Sequence[sa.Row[Any]]:
    """Return the people of a trust, in order of name; `lock`: nobody else changes them meanwhile. In scope sign_in."""
    query = sa.select(trust_memberships, people.c.name, people.c.email).join(people, people.c.id == trust_memberships.c.person_id)
    query = query.where(trust_memberships.c.trust_id == trust_id, _THERE).order_by(people.c.name, people.c.id)
    query = query.with_for_update(of=trust_memberships) if lock else query
    return [row for row in tx.execute(query) if only in (None, row.person_id)]


def put_trust_roles(tx: sa.Connection, *, trust_id: UUID, person_id: UUID, roles: Sequence[str], waiting: Sequence[str], by_id: UUID | None) -> None:
    """Keep a person's roles at a trust; with none at all they have left it."""
    values = {"roles": list(roles), "waiting_roles": list(waiting), "waiting_by": by_id}
    insert = pg.insert(trust_memberships).values(trust_id=trust_id, person_id=person_id, **values)
    tx.execute(insert.on_conflict_do_update(index_elements=["trust_id", "person_id"], set_=values))


@contextmanager
def at_school(tx: sa.Connection, *, school_id: UUID) -> Iterator[None]:
    """Look at (and write) this school's rows inside the block."""
    before = tx.execute(sa.text("select coalesce(current_setting('safekeep.school_id', true), '')")).scalar_one()
    tx.execute(_AT_SCHOOL, {"id": str(school_id)})
    yield
    tx.execute(_AT_SCHOOL, {"id": before})


def trusts_of(tx: sa.Connection, *, person_id: UUID) -> set[UUID]:
    """Return the trusts whose schools, or which themselves, the person has a place at."""
    tx.execute(_AS_PERSON, {"id": str(person_id)})
    at_school = sa.select(schools.c.trust_id).join(memberships, memberships.c.school_id == schools.c.school_id)
    at_school = at_school.where(memberships.c.person_id == person_id, memberships.c.active)
    at_trust = sa.select(trust_memberships.c.trust_id).where(trust_memberships.c.person_id == person_id, _THERE)
    return {*tx.execute(at_school).scalars(), *tx.execute(at_trust).scalars()}


def change_email(tx: sa.Connection, *, person_id: UUID, email: str) -> None:
    """Change an account's address; links that were sent to the old one are void."""
    tx.execute(people.update().where(people.c.id == person_id).values(email=email))
    tx.execute(links.delete().where(links.c.person_id == person_id, links.c.used_at.is_(None)))


# --- second factors, codes, links ---------------------------------------------------------------------------------------------


def factors_of(tx: sa.Connection, *, person_ids: Collection[UUID]) -> Sequence[sa.Row[Any]]:
    """Return the second factors that count, in order of their making."""
    counting = factors.c.confirmed_at.is_not(None), factors.c.disabled_at.is_(None)
    return tx.execute(sa.select(factors).where(factors.c.person_id.in_(person_ids), *counting).order_by(factors.c.created_at)).all()


def has_had_factor(tx: sa.Connection, *, person_id: UUID) -> bool:
    """Whether the person ever had a second factor that counted."""
    theirs = factors.c.person_id == person_id, factors.c.confirmed_at.is_not(None)
    return tx.execute(sa.select(factors.c.id).where(*theirs).limit(1)).first() is not None


def factor(tx: sa.Connection, *, person_id: UUID, factor_id: UUID) -> sa.Row[Any] | None:
    """Return a person's factor that was not disabled, locked."""
    theirs = factors.c.person_id == person_id, factors.c.id == factor_id, factors.c.disabled_at.is_(None)
    return tx.execute(sa.select(factors).where(*theirs).with_for_update()).first()


def add_factor(tx: sa.Connection, **values: Any) -> None:
    """Keep a factor."""
    tx.execute(factors.insert().values(**values))


def change_factor(tx: sa.Connection, *, id: UUID, **values: Any) -> None:
    """Change a factor: confirmed, used, disabled."""
    tx.execute(factors.update().where(factors.c.id == id).values(**values))


def use_step(tx: sa.Connection, *, id: UUID, counter: int, now: datetime) -> bool:
    """Use up a time step of an app, or a key's count: False when it, or a later one, was used already. Two at once: one wins."""
    change = factors.update().where(factors.c.id == id, factors.c.counter < counter, factors.c.disabled_at.is_(None))
    return bool(tx.execute(change.values(counter=counter, last_used_at=now)).rowcount)


def disable_factors(tx: sa.Connection, *, person_id: UUID, now: datetime, only: UUID | None = None) -> list[UUID]:
    """Disable a person's factors, or one. Returns those that counted until now."""
    change = factors.update().where(factors.c.person_id == person_id, factors.c.disabled_at.is_(None))
    if only:
        change = change.where(factors.c.id == only)
    return list(tx.execute(change.values(disabled_at=now).returning(factors.c.id)).scalars())


def add_codes(tx: sa.Connection, rows: Sequence[dict[str, Any]], *, replace: bool) -> None:
    """Keep codes of one person and purpose; `replace` voids the ones before."""
    if replace and rows:
        old = (
            codes.c.person_id == rows[0]["person_id"],
            codes.c.purpose == rows[0]["purpose"],
            codes.c.school_id.is_not_distinct_from(rows[0].get("school_id")),
        )
        tx.execute(codes.delete().where(*old))
    tx.execute(codes.insert(), list(rows))


def use_code(tx: sa.Connection, *, person_id: UUID, purpose: str, code_hash: bytes, now: datetime, school_id: UUID | None = None) -> bool:
    """Use a code up: False when there is none like it that is unused and in time."""
    good = codes.c.person_id == person_id, codes.c.purpose == purpose, codes.c.code_hash == code_hash, codes.c.used_at.is_(None)
    place = codes.c.school_id.is_not_distinct_from(school_id) if purpose != "pass" else sa.true()
    change = codes.update().where(*good, place, sa.or_(codes.c.ends_at.is_(None), codes.c.ends_at > now))
    return bool(tx.execute(change.values(used_at=now)).rowcount)


def void_codes(tx: sa.Connection, *, person_id: UUID, purpose: str) -> int:
    """Void a person's codes of a purpose, and forget those that were used. Returns how many were unused."""
    mine = codes.c.person_id == person_id, codes.c.purpose == purpose
    return sum(used_at is None for used_at in tx.execute(codes.delete().where(*mine).returning(codes.c.used_at)).scalars())


def proof_stands(tx: sa.Connection, *, person_id: UUID, factor_id: UUID | None, code_hash: bytes) -> bool:
    """Whether what somebody has just proved themselves with, a factor or a recovery code, has not been disabled or voided since.

    The person's row is locked until the transaction ends, as it is by who disables: what is kept of the proof is either seen by them, or refused.
    """
    person(tx, person_id=person_id, lock=True)
    if factor_id:
        mine = factors.c.id == factor_id, factors.c.person_id == person_id, factors.c.disabled_at.is_(None)
        return tx.execute(sa.select(factors.c.id).where(*mine)).first() is not None
    used = codes.c.person_id == person_id, codes.c.purpose == "recovery", codes.c.code_hash == code_hash, codes.c.used_at.is_not(None)
    return tx.execute(sa.select(codes.c.id).where(*used)).first() is not None


def codes_left(tx: sa.Connection, *, person_id: UUID, purpose: str) -> int:
    """Return how many codes are unused."""
    mine = codes.c.person_id == person_id, codes.c.purpose == purpose, codes.c.used_at.is_(None)
    return tx.execute(sa.select(sa.func.count()).where(*mine)).scalar_one()


def put_challenge(tx: sa.Connection, *, session_id: UUID, purpose: str, challenge: bytes, ends_at: datetime) -> None:
    """Keep a WebAuthn challenge; the one before is void."""
    values = {"challenge": challenge, "ends_at": ends_at}
    insert = pg.insert(challenges).values(session_id=session_id, purpose=purpose, **values)
    tx.execute(insert.on_conflict_do_update(index_elements=["session_id", "purpose"], set_=values))


def take_challenge(tx: sa.Connection, *, session_id: UUID, purpose: str, now: datetime) -> bytes | None:
    """Return the challenge and forget it: each is used once."""
    mine = challenges.c.session_id == session_id, challenges.c.purpose == purpose
    row = tx.execute(challenges.delete().where(*mine).returning(challenges.c.challenge, challenges.c.ends_at)).first()
    return bytes(row.challenge) if row and row.ends_at > now else None


def add_link(tx: sa.Connection, *, id: UUID, person_id: UUID | None, token_hash: bytes, now: datetime, ends_at: datetime) -> None:
    """Keep a one-time link; an unused one of the same person is void."""
    tx.execute(links.delete().where(links.c.person_id.is_not_distinct_from(person_id), links.c.used_at.is_(None)))
    tx.execute(links.insert().values(id=id, person_id=person_id, token_hash=token_hash, made_at=now, ends_at=ends_at))


def use_link(tx: sa.Connection, *, token_hash: bytes, now: datetime, for_person: bool) -> sa.Row[Any] | None:
    """Use a link up and return it; None when it was used, replaced, is too old, or is of the other sort."""
    good = links.c.token_hash == token_hash, links.c.used_at.is_(None), links.c.ends_at > now
    sort = links.c.person_id.is_not(None) if for_person else links.c.person_id.is_(None)
    return tx.execute(links.update().where(*good, sort).values(used_at=now).returning(links)).first()


def anybody_exists(tx: sa.Connection) -> bool:
    """Whether any account that is not a demonstration's exists."""
    return tx.execute(sa.select(people.c.id).where(sa.not_(people.c.demo)).limit(1)).first() is not None
