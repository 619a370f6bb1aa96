"""The key ring: keys exchanged while everything runs, what the retired ones are still good for, and who is given what."""

import base64
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from safekeep import actor, bus, clock, keys
from safekeep.errors import NotSignedIn
from safekeep.ids import new_id
from safekeep.keys import Keys


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Path]:
    """A ring of its own; its processes look at their files at every use."""
    keys.ensure_ring(tmp_path)
    before, keys.LOOK_EVERY = keys.LOOK_EVERY, 0.0  # type: ignore[misc]
    yield tmp_path
    keys.LOOK_EVERY = before  # type: ignore[misc]


def process(ring: Path, name: str) -> Keys:
    return Keys.load(ring / "process" / f"{name}.json")


def token(signing: Keys) -> str:
    roles = frozenset({"dsl"})
    return actor.person_token(keys=signing, person_id=new_id(), name="Dee Lead", roles=roles, school_id=new_id(), trust_id=None, session_id=new_id())


def test_a_running_process_signs_with_the_new_key_and_others_know_it(ring: Path) -> None:
    identity, incidents = process(ring, "identity"), process(ring, "incidents")
    before = identity.signing("actors")[0]
    assert keys.rotate(ring, purposes=["actors"], now=clock.now()) == {"actors": (before, "actors-2")}
    assert identity.signing("actors")[0] == "actors-2"
    assert actor.verify(keys=incidents, token=token(identity)).roles == {"dsl"}


def test_what_the_retired_key_signed_counts_for_ten_minutes_and_then_no_more(ring: Path) -> None:
    old, incidents = process(ring, "identity"), process(ring, "incidents")
    with clock.set_to(clock.now()):
        now, signed = clock.now(), token(old)
        keys.rotate(ring, now=now)
        assert actor.verify(keys=incidents, token=signed)
        with clock.set_to(now + dt.timedelta(minutes=9)):
            assert incidents.public("actors-1")[0] == "actors"
        with clock.set_to(now + dt.timedelta(minutes=10)), pytest.raises(KeyError):
            incidents.public("actors-1")


def test_a_leaked_key_is_retired_at_once_even_for_tokens_that_were_checked_before(ring: Path) -> None:
    identity, incidents = process(ring, "identity"), process(ring, "incidents")
    signed = token(identity)
    assert actor.verify(keys=incidents, token=signed)
    keys.rotate(ring, purposes=["actors"], now=clock.now(), at_once=True)
    with pytest.raises(NotSignedIn, match="invalid"):
        actor.verify(keys=incidents, token=signed)


def test_messages_sealed_before_are_read_after_and_new_ones_by_whoever_has_not_looked_yet(ring: Path) -> None:
    sender, reader = process(ring, "gateway"), process(ring, "alerts")
    old = bus.seal(keys=sender, body={"n": 1}, owner="rpc", type_="rpc", message_id="")
    keys.rotate(ring, purposes=["bus"], now=clock.now())
    new = bus.seal(keys=sender, body={"n": 2}, owner="rpc", type_="rpc", message_id="")
    assert b"bus-1" in old
    assert b"bus-2" in new
    keys.LOOK_EVERY = 3600.0  # type: ignore[misc]
    assert [bus.unseal(keys=reader, data=data) for data in (old, new)] == [{"n": 1}, {"n": 2}]


def test_a_retired_signing_key_is_given_to_nobody_and_every_process_keeps_its_purposes(ring: Path) -> None:
    keys.rotate(ring, now=clock.now())
    keys.rotate(ring, now=clock.now())
    for name, purposes in keys.GIVEN_TO.items():
        content = json.loads((ring / "process" / f"{name}.json").read_text())
        assert set(content["current"]) == set(purposes)
        held = {kid.rpartition("-")[0] for kid in content["secret"]}
        assert held == set(purposes), name
        signing = [kid for kid in content["secret"] if kid.rpartition("-")[0] in keys.SIGNING]
        assert sorted(signing) == sorted(content["current"][p] for p in purposes if p in keys.SIGNING), name


def test_a_file_that_is_being_written_leaves_the_keys_as_they_were(ring: Path) -> None:
    identity = process(ring, "identity")
    path = ring / "process" / "identity.json"
    whole = path.read_text()
    path.write_text(whole[:100])
    assert identity.signing("actors")[0] == "actors-1"
    keys.rotate(ring, purposes=["actors"], now=clock.now())
    assert identity.signing("actors")[0] == "actors-2"


def test_the_file_stays_the_very_same_so_that_a_container_sees_it_change(ring: Path) -> None:
    path = ring / "process" / "incidents.json"
    before = path.stat()
    keys.rotate(ring, now=clock.now())
    assert (path.stat().st_ino, path.stat().st_mode & 0o777) == (before.st_ino, 0o600)


@pytest.mark.parametrize("purpose", ["sessions", "factors", "receipts", "nothing"])
def test_a_purpose_that_is_not_rotated_is_refused_and_nothing_changes(ring: Path, purpose: str) -> None:
    before = (ring / "ring.json").read_text()
    with pytest.raises(ValueError, match=purpose):
        keys.rotate(ring, purposes=["actors", purpose], now=clock.now())
    assert (ring / "ring.json").read_text() == before


def test_the_next_start_hands_out_the_rotated_keys_again(ring: Path) -> None:
    keys.rotate(ring, now=clock.now())
    before = {path.name: path.read_text() for path in (ring / "process").iterdir()}
    keys.ensure_ring(ring)
    assert {path.name: path.read_text() for path in (ring / "process").iterdir()} == before


@pytest.mark.parametrize("name", ["gateway", "relay"])
def test_who_faces_the_network_or_only_carries_can_sign_nothing(ring: Path, name: str) -> None:
    """A gateway that has been taken over makes no token of anybody's, whatever `keys.GIVEN_TO` may one day say."""
    held = json.loads((ring / "process" / f"{name}.json").read_text())
    assert held["current"], "it does hold keys"
    assert set(held["current"]).isdisjoint(keys.SIGNING)
    assert {kid.rpartition("-")[0] for kid in held["secret"]}.isdisjoint(keys.SIGNING)


def test_the_master_key_may_come_from_the_environment_and_then_lies_in_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, another = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
    monkeypatch.setenv("SAFEKEEP_MASTER_KEY", ours)
    keys.ensure_ring(tmp_path)
    assert not (tmp_path / "master.key").exists()
    assert not any(ours in path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    wrapped = keys.wrap(keys=process(tmp_path, "files"), purpose="files", secret=b"s" * 32, about="a")
    keys.ensure_ring(tmp_path)
    keys.rotate(tmp_path, purposes=["bus"], now=clock.now())
    assert keys.unwrap(keys=process(tmp_path, "files"), wrapped=wrapped, about="a") == b"s" * 32
    monkeypatch.setenv("SAFEKEEP_MASTER_KEY", another)
    with pytest.raises(InvalidTag):
        keys.ensure_ring(tmp_path)
    monkeypatch.delenv("SAFEKEEP_MASTER_KEY")
    with pytest.raises(InvalidTag):  # a master key made anew is not this ring's either
        keys.ensure_ring(tmp_path)
