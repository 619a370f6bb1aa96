"""Sessions: what is stored, how long they last, locking, where a person is signed in, what gateways are told."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from safekeep import actor, clock
from safekeep.contracts.identity import (
    Account,
    BeginKey,
    BeginProof,
    BeginTotp,
    DisableFactor,
    EndSession,
    Lock,
    NewRecoveryCodes,
    Prove,
    Seen,
    SeenItem,
    Session,
    SetPassword,
    SignIn,
    SignOut,
    Staff,
)
from safekeep.errors import NotAllowed, NotSignedIn, SignInFailed
from safekeep.ids import new_id
from services.identity import sessions
from services.identity.sessions import State, Times, state
from tests.services.identity.office import PASSWORD, Office, later

NOON = dt.datetime(2026, 3, 10, 12, 0, tzinfo=dt.UTC)
TEN = dt.timedelta(minutes=10)


def told(office: Office) -> set[str]:
    """Return which sessions and people the next heartbeat tells every gateway to forget."""
    said: list[dict[str, Any]] = []
    office.service.tell_gateways = lambda body, expiration: said.append(body)  # type: ignore[assignment,misc]
    office.service.heartbeat()
    return {who for _, who in said[0]["revoked"]}


def session_id(office: Office, token: str) -> str:
    return str(office.ask(Session(session_token=token)).session_id)


# --- how long --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "seen", "expected"),
    [
        (9, 0, State.LIVE),
        (10, 0, State.LIVE),  # the page locks; the server follows in seconds, also where the page could not say so
        (10.2, 0, State.LOCKED),
        (12 * 60 - 1, 12 * 60 - 2, State.LIVE),
        (12 * 60, 12 * 60 - 1, State.DRAFTS_ONLY),  # however busy
        (12 * 60 + 7 * 24 * 60, 0, State.ENDED),
    ],
)
def test_a_session_locks_when_nobody_is_there_and_runs_out_after_twelve_hours(minutes: float, seen: float, expected: State) -> None:
    times = Times(created_at=NOON, last_seen_at=NOON + dt.timedelta(minutes=seen), ended_at=None)
    assert state(times, now=NOON + dt.timedelta(minutes=minutes), lock_after=TEN) == expected


def test_a_program_does_not_lock_but_runs_out_after_an_hour_of_nothing() -> None:
    times = Times(created_at=NOON, last_seen_at=NOON, ended_at=None, is_program=True)
    assert state(times, now=NOON + dt.timedelta(minutes=59), lock_after=TEN) == State.LIVE
    assert state(times, now=NOON + dt.timedelta(minutes=60), lock_after=TEN) == State.DRAFTS_ONLY


def test_the_schools_own_minutes_count_and_the_shortest_of_several(office: Office) -> None:
    office.set_policy(lock_minutes=2)
    assert office.ask(Session(session_token=office.sign_in("tea@one.example").session_token)).lock_minutes == 2
    assert office.ask(Session(session_token=office.sign_in("dee@one.example").session_token)).lock_minutes == 2
    token = office.sign_in("tea@one.example").session_token
    with later(minutes=3, seconds=30):
        assert office.ask(Session(session_token=token)).locked


def test_being_there_keeps_a_session_open_and_what_a_page_asks_by_itself_does_not(office: Office) -> None:
    token, start = office.sign_in("tea@one.example").session_token, clock.now()
    for minute in range(1, 30):
        with clock.set_to(start + dt.timedelta(minutes=minute)):
            assert not office.ask(Session(session_token=token)).locked
    for minute in range(30, 45):
        with clock.set_to(start + dt.timedelta(minutes=minute)):
            answer = office.ask(Session(session_token=token, active=False))
    assert answer.locked


def test_who_was_there_while_the_gateway_answered_by_itself_is_not_locked_for_it(office: Office) -> None:
    """A gateway remembers a session for a minute and tells who was there; the lock counts from that, to the second."""
    start, token = clock.now(), office.sign_in("tea@one.example").session_token
    actor_token = office.ask(Session(session_token=token)).actor_token
    with clock.set_to(start + dt.timedelta(seconds=58)):
        office.ask(Seen(items=[SeenItem(actor_token=actor_token, milliseconds_ago=3_000)]))  # at 55 s
    with clock.set_to(start + dt.timedelta(minutes=10, seconds=60)):
        assert not office.ask(Session(session_token=token, active=False)).locked
    with clock.set_to(start + dt.timedelta(minutes=10, seconds=66)):
        assert office.ask(Session(session_token=token, active=False)).locked


def test_nobody_keeps_open_what_is_locked_ended_or_not_theirs(office: Office) -> None:
    start = clock.now()
    tokens = [office.sign_in("tea@one.example").session_token for _ in range(3)]
    news = [SeenItem(actor_token=office.ask(Session(session_token=token)).actor_token, milliseconds_ago=0) for token in tokens]
    forged = SeenItem(actor_token=news[0].actor_token[:-4] + "AAAA", milliseconds_ago=0)
    office.ask(Lock(session_token=tokens[0]))
    office.ask(SignOut(session_token=tokens[1]))
    with clock.set_to(start + dt.timedelta(seconds=50)):
        office.ask(Seen(items=[*news[:2], forged, SeenItem(actor_token="", milliseconds_ago=1)]))
    with clock.set_to(start + dt.timedelta(minutes=2)):
        office.ask(Seen(items=[news[2]]))  # more than a minute after anybody asked: the gateway did not remember it that long
    with office.resources.transaction(office.resources.engine, scope="sign_in") as tx:
        seen = list(tx.execute(sa.text("select last_seen_at from sessions where last_seen_at > :at"), {"at": start + dt.timedelta(seconds=10)}))
    assert seen == []
    assert office.ask(Session(session_token=tokens[0])).locked


# --- what is stored ----------------------------------------------------------------------------------------------------------


def test_the_token_is_turned_at_each_proof_and_the_one_before_is_worth_nothing(office: Office) -> None:
    with later(minutes=-10):
        _, secret = office.with_app("tea@one.example")
    first = office.sign_in("tea@one.example").session_token
    before = office.ask(Session(session_token=first))
    second = office.ask(Prove(session_token=first, code=office.code(secret))).session_token
    with later(minutes=2):
        third = office.ask(Prove(session_token=second, code=office.code(secret))).session_token
    assert len({first, second, third}) == 3
    for gone in (first, second):
        with pytest.raises(NotSignedIn):
            office.ask(Session(session_token=gone))
    after = office.ask(Session(session_token=third))
    assert (after.session_id, after.form_key) == (before.session_id, before.form_key)  # forms that are open stay good
    with office.resources.transaction(office.resources.engine, scope="sign_in") as tx:
        stored = b"".join(bytes(h) for h in tx.execute(sa.text("select token_hash from sessions")).scalars())
    assert not any(token.encode() in stored for token in (first, second, third))


# --- the lock ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["pressed", "away"])
def test_a_locked_session_does_nothing_until_the_password_or_the_key_is_given(office: Office, how: str) -> None:
    token = office.sign_in("tea@one.example").session_token
    moment = clock.now()
    if how == "pressed":
        office.ask(Lock(session_token=token))
        office.ask(Lock(session_token=token))
    else:
        moment += dt.timedelta(minutes=12)
    with clock.set_to(moment):
        answer = office.ask(Session(session_token=token, slug="one"))
        assert answer.locked
        assert actor.verify(keys=office.resources.keys, token=answer.actor_token).drafts_only
        with pytest.raises(NotAllowed):
            office.ask(Staff(), token=answer.actor_token)
        for request in (
            Account(session_token=token),
            SetPassword(session_token=token, old=PASSWORD, password="Other teal harbour 1"),
            BeginTotp(session_token=token),
            BeginKey(session_token=token),
            NewRecoveryCodes(session_token=token),
            DisableFactor(session_token=token, factor_id=new_id()),
            EndSession(session_token=token),
        ):
            with pytest.raises(NotSignedIn, match="locked"):
                office.ask(request)
        with pytest.raises(SignInFailed):
            office.ask(Prove(session_token=token, password="wrong"))
        assert office.ask(Session(session_token=token)).locked
        unlocked = office.ask(Prove(session_token=token, password=PASSWORD)).session_token
        assert not office.ask(Session(session_token=unlocked)).locked


def test_a_locked_session_opens_with_a_hard_key(office: Office) -> None:
    from tests.services.identity.test_second_factors import prove, with_key

    token, key = with_key(office, "tea@one.example")
    office.ask(Lock(session_token=token))
    assert office.ask(BeginProof(session_token=token)).options
    assert not office.ask(Session(session_token=prove(office, token, key).session_token)).locked


def test_unlocking_with_the_password_is_no_step_up(office: Office) -> None:
    office.set_policy(lock_minutes=30)
    token, _ = office.with_app("tea@one.example")
    with later(minutes=16):
        office.ask(Lock(session_token=token))
        unlocked = office.ask(Prove(session_token=token, password=PASSWORD)).session_token
        with pytest.raises(NotAllowed, match="step_up"):
            office.ask(NewRecoveryCodes(session_token=unlocked))


# --- where somebody is signed in ---------------------------------------------------------------------------------------------


def test_a_person_sees_where_they_are_signed_in_and_ends_one_or_all_others(office: Office) -> None:
    here, phone, home = (office.sign_in("tea@one.example", device=d).session_token for d in ("Chrome on Windows", "Safari on iPhone", "Firefox"))
    office.sign_in("dee@one.example", device="Somebody else")
    devices = office.ask(Account(session_token=here)).devices
    assert {d.device: d.here for d in devices} == {"Chrome on Windows": True, "Safari on iPhone": False, "Firefox": False}
    phones = next(d for d in devices if d.device == "Safari on iPhone")
    office.ask(EndSession(session_token=here, session_id=phones.id))
    with pytest.raises(NotSignedIn):
        office.ask(Session(session_token=phone))
    office.ask(Session(session_token=home))
    office.ask(EndSession(session_token=here))
    with pytest.raises(NotSignedIn):
        office.ask(Session(session_token=home))
    assert [d.device for d in office.ask(Account(session_token=here)).devices] == ["Chrome on Windows"]


def test_nobody_ends_somebody_elses_session(office: Office) -> None:
    mine, theirs = office.sign_in("tea@one.example").session_token, office.sign_in("dee@one.example").session_token
    office.ask(EndSession(session_token=mine, session_id=office.ask(Session(session_token=theirs)).session_id))
    assert office.ask(Session(session_token=theirs)).person_id == office.dsl.id


def test_a_sign_in_from_a_device_not_seen_before_is_told(office: Office) -> None:
    first = office.sign_in("tea@one.example")
    assert office.letters("new_device") == []  # the first of all is no news
    second = office.sign_in("tea@one.example")
    assert office.letters("new_device") == [("new_device", office.teacher.id)]
    for known in (first, second):
        office.sign_in("tea@one.example", device_tokens=["nonsense", "x.y", office.sign_in("dee@one.example").device_token, known.device_token])
    assert [who for _, who in office.letters("new_device")].count(office.teacher.id) == 1


def test_a_program_not_seen_before_is_told_once(office: Office) -> None:
    for _ in range(2):
        office.ask(SignIn(username="tea@one.example", password=PASSWORD, device="import/1.0"))
    assert office.letters("new_device") == [("new_device", office.teacher.id)]


# --- what gateways are told --------------------------------------------------------------------------------------------------


def test_locking_ending_and_signing_out_are_in_the_next_heartbeats_and_then_no_more(office: Office) -> None:
    ends: list[Any] = [Lock, SignOut, EndSession]
    for end in ends:
        token = office.sign_in("tea@one.example").session_token
        other = office.sign_in("tea@one.example").session_token
        which = session_id(office, other)
        assert which not in told(office)
        office.ask(EndSession(session_token=token, session_id=which) if end is EndSession else end(session_token=other))
        assert which in told(office)
        with later(seconds=9):
            assert which in told(office)
        with later(seconds=11):
            assert which not in told(office)


def test_a_turned_token_and_a_changed_role_are_told_too(office: Office) -> None:
    token = office.sign_in("tea@one.example").session_token
    office.ask(Prove(session_token=token, password=PASSWORD))
    assert len(told(office)) == 1
    from safekeep.contracts.identity import ChangeMember

    office.ask(ChangeMember(person_id=office.teacher.id, roles=["pastoral"]), token=office.member("dsl"))
    assert str(office.teacher.id) in told(office)


def test_old_revocations_and_failures_are_tidied_away(office: Office) -> None:
    office.ask(SignOut(session_token=office.sign_in("tea@one.example").session_token))
    with pytest.raises(SignInFailed):
        office.sign_in("tea@one.example", "wrong")
    with later(days=2):
        office.service.tidy()
    with office.resources.transaction(office.resources.engine, scope="sign_in") as tx:
        assert [tx.execute(sa.text(f"select count(*) from {table}")).scalar() for table in ("revocations", "attempts")] == [0, 0]


def test_a_device_is_known_by_its_persons_token_alone() -> None:
    token = sessions.device_token(person_id="a", number="1", key=b"k")
    assert sessions.number_of_device(tokens=["", "2.x", token], person_id="a", key=b"k") == "1"
    assert sessions.number_of_device(tokens=[token], person_id="b", key=b"k") == ""
    assert sessions.number_of_device(tokens=[token], person_id="a", key=b"other") == ""


# --- the audit log ---------------------------------------------------------------------------------------------------------


def test_a_sign_in_and_an_added_key_are_lines_of_the_audit_log(office: Office) -> None:
    office.sign_in("tea@one.example")
    assert office.audited(person=office.teacher.id) == ["signed_in"]
    office.with_app("tea@one.example")
    assert office.audited(person=office.teacher.id) == ["signed_in", "signed_in", "factor_added"]
    assert office.audited(person=office.dsl.id) == []
